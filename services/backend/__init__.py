"""The backend: conversations, the socket, and what a user has at hand, on one PostgreSQL shared by all replicas."""

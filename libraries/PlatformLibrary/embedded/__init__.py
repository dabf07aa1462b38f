"""The embedded platform: every process of it belongs to one host process, and a connection to the host is a lease."""

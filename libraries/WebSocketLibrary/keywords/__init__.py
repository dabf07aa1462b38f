"""The keywords, one module a concern."""

"""The endpoints of auth, a module a subject."""

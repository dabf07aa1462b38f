"""Generic mutation: small changes that nobody thought of, and whether the suites notice (docs/mutation.md)."""

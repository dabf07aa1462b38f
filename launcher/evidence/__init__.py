"""``./run evidence``: what a platform keeps, erases and records, and which controls the tests of a run speak for."""

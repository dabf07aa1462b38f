"""Seeded defects: small changes that break the reference platform on purpose, to prove that the suites notice."""

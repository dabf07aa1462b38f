"""Benchmarks: each prints its own command and the medians of its figures."""

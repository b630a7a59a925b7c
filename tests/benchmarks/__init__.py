"""Benchmarks: what the server reaches, side by side with the least that could be done instead, in one run."""

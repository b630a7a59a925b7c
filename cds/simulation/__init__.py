"""Invented contests: realistic, deterministic, of any size. They feed the demo, the tests and the benchmarks.

Everything but `package` is pure: the same parameters give the same contest on every machine.
This package must not know who plays or stores a contest.
"""

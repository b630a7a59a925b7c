"""Comparisons of contests for people: where the two sides come from, and how the differences are told.

What differs is found in projections/comparison. Nothing here may decide what counts as a difference.
"""

"""A contest server of any version for tests: it says what was recorded, and fails in every way that servers fail.

This package must not use a line of the product: it is what the product is tried against.
"""

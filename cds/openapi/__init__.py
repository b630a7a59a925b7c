"""The OpenAPI document of the Contest API, read off the tables, and the page to read it.

This package must not know how any answer comes about.
"""

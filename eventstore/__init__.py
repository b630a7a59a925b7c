"""How facts are kept: append-only streams of events, file contents by hash, secrets.

This package knows databases and bytes. It must not know what a contest is.
"""

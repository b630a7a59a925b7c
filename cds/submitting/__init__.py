"""Handing in a solution from the command line, to a contest server of either kind, and looking what becomes of it.

This package is a client: it knows what goes over the wire, and nothing of how a server decides.
"""

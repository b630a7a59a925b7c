"""Several processes that serve on one port: a supervisor and its workers.

The supervisor holds no contest; each worker is a whole server that shares the port and the marks with the others.
"""

"""What somebody who runs the server needs: the log of requests, measurements, readiness, open files.

This room watches; it must not decide anything about contests.
"""

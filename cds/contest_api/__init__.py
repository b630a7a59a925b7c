"""The Contest API on the wire: routes, answers, files, the event feed.

These modules know HTTP and translate between it and views. They must not decide who sees what, nor touch the log.
"""

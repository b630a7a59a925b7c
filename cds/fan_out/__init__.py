"""Delivery of feeds: lines become ready bytes once, and thousands get them, each at its own speed.

`framing`, `gzip_stream` and `blocks` are pure: what the bytes are. `channel` decides without waiting who gets which
when. The others are the shell around them: sockets, threads, tasks and the clock.
"""

"""A simulated contest played over HTTP against a running server, as its administrators, teams and judges would.

`script` and `requests` are pure; `client`, `player` and `play` speak HTTP and know the clock.
"""

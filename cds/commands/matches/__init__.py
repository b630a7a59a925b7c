"""Decisions about matches, parties and projects (requirements-003, 2 and 5).

Each is `(state, who and what, now) -> changes`, or raises `Refused`, whose property and sentence are those of the
contract. Moments are milliseconds since the Unix epoch. These modules must not know names of users, nor any wire.
"""

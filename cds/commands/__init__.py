"""Decisions: a state and a command come to events, or are refused.

These modules are pure. They must not know clocks, stores or wires; ids and times are arguments.
"""

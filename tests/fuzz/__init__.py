"""Fuzzing: every parser of what comes from outside, given anything, refuses it in the way that it says, or takes it."""

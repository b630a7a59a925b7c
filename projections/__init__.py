"""What facts mean: pure folds and views of the log.

This package knows the rules of contests. It must not know databases, wires, clocks or who is connected.
"""

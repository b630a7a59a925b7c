"""The past of contests: what was to be seen at any moment, and what has happened in between.

Every answer is a view of the state that the log came to at a position. Nothing here may decide what anybody sees.
"""

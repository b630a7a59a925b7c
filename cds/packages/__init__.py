"""Contest packages and recorded feeds on disk: reading them, and writing packages.

This package knows files, directories and zip archives. What is in them is translated by the dialects.
"""

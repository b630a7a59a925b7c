"""What things are: the objects of the Contest API as strict structures, and the table of their types.

This package knows the specification's objects. It must not know where they are kept or who asks for them.
"""

"""The sync of platforms on the wire (seed 000): runs asked for, and their history."""

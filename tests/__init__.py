"""The proof that the rooms do what they say; the directories are those of the rooms."""

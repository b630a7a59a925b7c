"""The League of Code API: users, matches, parties and projects, over the same log."""

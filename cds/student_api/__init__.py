"""Students over HTTP, and the sync of a handle (requirements-001)."""

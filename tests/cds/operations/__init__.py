"""How the server is watched and run."""

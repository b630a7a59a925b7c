"""The audit of what this program depends on."""

"""One adapter for each platform: which questions to ask, and what the answers mean. Everything here is pure."""

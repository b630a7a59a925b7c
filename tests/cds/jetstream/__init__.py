"""Publishing to JetStream, against real servers."""

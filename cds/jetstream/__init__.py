"""The feeds of all contests over NATS JetStream: what one process publishes, and how it is spelled there."""

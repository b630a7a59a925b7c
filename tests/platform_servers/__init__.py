"""The platforms of the tests: small servers on loopback that answer as the real ones do, and misbehave on demand."""

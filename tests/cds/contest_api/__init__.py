"""Tests of the Contest API on the wire: real HTTP, real Postgres."""

"""Tests of `cds.relay`."""

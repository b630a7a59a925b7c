"""Tests of cds.verifying."""

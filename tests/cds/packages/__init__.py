"""Tests of reading and writing packages and recorded feeds."""

"""Tests of handing in from the command line."""

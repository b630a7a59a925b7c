"""Tests of cds.commands."""

"""Tests of the player of live contests."""

"""Tests of how comparisons are made and told."""

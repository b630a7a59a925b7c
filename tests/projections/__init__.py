"""Tests of what facts mean."""

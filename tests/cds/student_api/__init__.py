"""Tests of students over HTTP."""

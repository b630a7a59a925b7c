"""Tests of past moments."""

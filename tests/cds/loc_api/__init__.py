"""Tests of the League of Code API."""

"""Tests of the finished product: what the requirements ask for, and what a user does."""

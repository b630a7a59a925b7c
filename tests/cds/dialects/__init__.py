"""Tests of the dialects: what others write, in small fixtures."""

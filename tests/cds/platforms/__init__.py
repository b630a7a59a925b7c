"""Tests of the platforms: what their answers mean, and how we keep level with them."""

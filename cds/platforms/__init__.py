"""Contests and people of other platforms: what they are asked, what answers mean, how we keep level with them."""

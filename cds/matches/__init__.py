"""Matches of the League of Code: kept in a stream of their own, brought level with the clock, shown as contests."""

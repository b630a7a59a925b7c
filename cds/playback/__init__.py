"""Playback: a past contest happens again, live, under another id.

`source_times`, `telling`, `schedule`, `pacing` and `again` are pure; `recording` reads, `player` waits and appends.
"""

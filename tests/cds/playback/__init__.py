"""Tests of cds.playback."""

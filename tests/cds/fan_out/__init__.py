"""Tests of cds.fan_out."""

"""Tests of `cds.edge`."""

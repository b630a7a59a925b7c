"""Tests of the parts of webhooks by themselves."""

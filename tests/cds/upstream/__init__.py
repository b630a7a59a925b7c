"""Tests of following other contest servers."""

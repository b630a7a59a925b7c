"""Tests of the adapters: conversations without a network, golden translations, and whatever else an answer may be."""

"""Webhooks: the register of those who want to be called, and the calls.

`retrying` and `batches` are pure; `register` keeps, `calling` speaks HTTP, `sender` and `delivery` put them together.
"""

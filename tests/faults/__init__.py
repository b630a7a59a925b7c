"""Faults on purpose: everything that can break is broken while many write and read, and an independent record judges.

`make faults` runs many rounds; `docs/faults.md` tells what they came to. Loopback only, bounded in time and number.
"""

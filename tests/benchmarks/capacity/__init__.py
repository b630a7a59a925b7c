"""How much of what a crowd of viewers needs: unit costs that are measured, and a pure model that reckons with them.

`python -m tests.benchmarks.capacity` draws docs/capacity.png and writes the tables of docs/capacity.md from the numbers
in docs/capacity.json; with `--measure` it takes these anew.
"""

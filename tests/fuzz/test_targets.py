"""Every parser, with inputs that hypothesis puts together of its seeds, its words and anything at all."""

import faulthandler
import tracemalloc

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.strategies import DrawFn

from tests.effort import examples
from tests.fuzz.target import Target
from tests.fuzz.targets import TARGETS

EXAMPLES = 20
HANG_S = 60.0
"""An input that takes longer ends the tests, with the place where it hangs."""

PIECES_MAX = 12
REPEATED_MAX = 400


@st.composite
def inputs(draw: DrawFn, target: Target) -> bytes:
    """A seed in which pieces are left out, doubled and put in; or anything."""
    words = st.one_of(st.sampled_from([*target.words, b"\0", b"\xff", b'"', b"\\"]), st.binary(max_size=16))
    if draw(st.integers(0, 9)) == 0:
        return draw(st.binary(max_size=target.bytes_max))
    data = draw(st.sampled_from(list(target.seeds)))
    for _ in range(draw(st.integers(0, PIECES_MAX))):
        begin = draw(st.integers(0, len(data)))
        end = min(len(data), begin + draw(st.sampled_from([0, 0, 0, 1, 2, 8, 64])))
        piece = draw(words) * draw(st.sampled_from([1, 1, 1, 1, 2, REPEATED_MAX]))
        data = data[:begin] + draw(st.sampled_from([piece, piece, data[begin:end] * 2, b""])) + data[end:]
    return data[: target.bytes_max]


@pytest.mark.parametrize("name", TARGETS)
def test_a_parser_takes_its_input_or_refuses_it(name: str) -> None:
    target = TARGETS[name]

    @settings(max_examples=examples(EXAMPLES))
    @given(inputs(target))
    def tried(data: bytes) -> None:
        faulthandler.dump_traceback_later(HANG_S, exit=True)
        try:
            target.run(data)
        finally:
            faulthandler.cancel_dump_traceback_later()

    tried()


DEEP = (
    b"[" * 20_000,
    b'{"a":' * 20_000,
    b'{"unknown":' + b"[" * 20_000 + b"]" * 20_000 + b"}",
    b"a = " + b"[" * 20_000,
    b"- " * 20_000,
    b"{a = " * 20_000,
)
"""Nesting that exhausts the stack of whoever reads it by calls within calls."""


@pytest.mark.parametrize("name", TARGETS)
def test_whatever_is_nested_is_taken_or_refused(name: str) -> None:
    target = TARGETS[name]
    for deep in DEEP:
        for begin in (b"", *target.seeds[:1]):
            target.run(begin + b"\n" + deep)
        target.run(deep)


@pytest.mark.parametrize("name", TARGETS)
def test_a_seed_leads_into_its_parser(name: str) -> None:
    """Some seed is taken, so that what is found behind it is found; no seed takes more memory than it may."""
    target = TARGETS[name]
    for seed in target.seeds:
        target.run(seed)
        tracemalloc.start()
        try:
            target.run(seed)
            assert tracemalloc.get_traced_memory()[1] <= target.memory_bytes_max
        finally:
            tracemalloc.stop()

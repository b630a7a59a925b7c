"""What is kept of blocks is bounded, and the right ones go."""

from cds.fan_out.blocks import Block, Ring
from cds.fan_out.framing import Tally
from cds.fan_out.kept_blocks import KeptBlocks


def block(after: int, size: int = 10) -> Block:
    return Block(after, after + 1, bytes(size), Tally())


def test_a_ring_keeps_the_last_blocks_within_its_bounds() -> None:
    ring = Ring(blocks_max=3, bytes_max=100)
    for after in range(5):
        ring.add(block(after))
    assert [after for after in range(7) if ring.following(after) is not None] == [2, 3, 4]
    ring.add(block(5, 85))
    assert [after for after in range(7) if ring.following(after) is not None] == [4, 5]


def test_a_ring_keeps_the_last_block_whatever_its_size() -> None:
    ring = Ring(blocks_max=3, bytes_max=100)
    ring.add(block(0))
    ring.add(block(1, 5_000))
    assert [after for after in range(3) if ring.following(after) is not None] == [1]


def test_kept_blocks_go_when_nobody_has_asked_for_them_the_longest() -> None:
    kept = KeptBlocks(bytes_max=100)
    for name in ("one", "two"):
        kept.keep(name, block(0, 40))
    assert kept.get("one") is not None
    kept.keep("three", block(0, 40))
    assert [kept.get(name) is not None for name in ("one", "two", "three")] == [True, False, True]
    assert kept.bytes == 80


def test_a_block_that_is_too_large_displaces_nobody() -> None:
    kept = KeptBlocks(bytes_max=100)
    kept.keep("one", block(0, 40))
    kept.keep("huge", block(0, 101))
    kept.keep("one", block(0, 40))
    assert (kept.get("huge"), kept.bytes) == (None, 40)

"""Targets that read what is told over NATS JetStream, and pages of it: whoever may publish there may send anything."""

from collections.abc import Mapping

from projections.told import Page, decode_page, decode_told, encode_page, encode_told
from projections.told_lines import BEGINNING, next_tellings
from tests.builders import Played, small_contest
from tests.fuzz.target import Target

SEEDS_MAX = 3


def told(data: bytes) -> object:
    """A message; it has one meaning, however it was spelled."""
    message = decode_told(data)
    assert decode_told(encode_told(message)) == message
    return message


def page(data: bytes) -> object:
    """A page of messages, as the core answers an edge."""
    found = decode_page(data)
    assert decode_page(encode_page(found)) == found
    return found


def messages() -> list[bytes]:
    """The first messages of a small contest, for the public and for teams."""
    played = Played(small_contest())
    return [
        encode_told(telling.told)
        for role in ("public", "team")
        for telling in list(next_tellings(played.audiences[role].feed_lines, BEGINNING, 1000))[:SEEDS_MAX]
    ]


_MESSAGES = messages()
_PAGE = encode_page(Page(told=tuple(map(decode_told, _MESSAGES)), last={"": "a" * 34, "t1": "b" * 34}, more=True))

TOLD_TARGETS: Mapping[str, Target] = {
    "message of JetStream": Target(
        parse=told,
        refusals=(ValueError,),
        seeds=_MESSAGES,
        words=(b"\x93", b"\xc4\x00", b"\xdd\xff\xff\xff\xff", b"\xdf\x00\x00\x00\x01", b"\xc0"),
        bytes_max=65_536,
    ),
    "page of messages": Target(parse=page, refusals=(ValueError,), seeds=(_PAGE,), bytes_max=65_536),
}

"""What the seed of the League of Code API says of its endpoints: the codes it lists, and its examples of answers.

The seed is prose with JSON in it, not all of which is JSON (requirements-003, 6.19). This module reads; it must not
know what is to be made of it.
"""

import json
import re
from collections.abc import Iterator
from functools import cache
from typing import Any

import msgspec

from tests.cds.contest_api.real_contests import SHARED

SEED = SHARED / "seeds" / "003-league-of-code-api.txt"

_ENDPOINT = re.compile(r"^ *(GET|POST|PUT) (/\S+)$", re.MULTILINE)
_CODE = re.compile(r"^ *(\d{3}) \S", re.MULTILINE)
_EXAMPLE = re.compile(r"^ *Example response[^\n\[]*(?:\[(\d{3})\])?:$", re.MULTILINE)
_TABLE = "HTTP Code Description"


class Example(msgspec.Struct, frozen=True):
    """An answer as the seed shows it."""

    status: int
    body: Any


class Endpoint(msgspec.Struct, frozen=True):
    """An endpoint of the seed: the codes that its table lists, and its examples."""

    method: str
    path: str
    codes: tuple[int, ...]
    examples: tuple[Example, ...]


@cache
def endpoints() -> list[Endpoint]:
    """All endpoints, in their order."""
    text = SEED.read_text(encoding="utf-8")
    found = [*_ENDPOINT.finditer(text)]
    ends = [each.start() for each in found[1:]] + [len(text)]
    return [_endpoint(each[1], each[2], text[each.end() : end]) for each, end in zip(found, ends, strict=True)]


def _endpoint(method: str, path: str, text: str) -> Endpoint:
    _, _, table = text.partition(_TABLE)
    return Endpoint(method, path, tuple(int(code) for code in _CODE.findall(table)), tuple(_examples(text)))


def _examples(text: str) -> Iterator[Example]:
    for found in _EXAMPLE.finditer(text):
        shown = text[found.end() :].lstrip()
        body = _braced(shown) if shown.startswith("{") else _braced("{" + shown[: shown.index("}\n")] + "}\n}")
        yield Example(int(found[1] or 200), json.loads(body))


def _braced(text: str) -> str:
    """The text up to where its first brace closes, with the commas that JSON wants and without those it does not."""
    depth = 0
    for place, character in enumerate(text):
        depth += {"{": 1, "}": -1}.get(character, 0)
        if depth == 0:
            text = text[: place + 1]
            break
    missing = re.sub(r'(")(\s*\n\s*")', r"\1,\2", text)
    return re.sub(r",(\s*[\]}])", r"\1", missing)

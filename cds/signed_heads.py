"""Signed heads: where every stream ends, on paper, signed, so that a later log can be held against it.

A head is text that people can print, publish and type again: breaks, spaces and the case of letters make no difference,
but for the names of streams, which are words without spaces (other characters are written as in addresses, %20). What
is signed is the same text in one fixed form. This module must not know where the log is, nor the key.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from textwrap import wrap
from urllib.parse import quote, unquote

import msgspec
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from eventstore.store import Head

TITLE = "contest data server head 1"
"""The words that a head begins with; the number is that of its form."""

HEAD_CHARACTERS_MAX = 8 * 1024 * 1024
"""The limit for the text of a head: some forty thousand streams."""

CHAIN_BYTES, KEY_BYTES, SIGNATURE_BYTES = 32, 32, 64
POSITION_MAX = 2**63 - 1
DIGITS_MAX = len(str(POSITION_MAX))
"""Positions are no larger."""

DIGITS_PER_GROUP = 8
GROUPS_PER_LINE = 8

READ_AS_DIGITS = str.maketrans("oil", "011")
"""What people type in the place of digits; no hexadecimal number has these letters."""

_HEXADECIMAL = re.compile(r"[0-9a-f]+")
_TIME_FORM = "%Y-%m-%dT%H:%M:%SZ"


class HeadRefused(Exception):
    """A text that is no signed head, or one that is not signed as it should be; the text says why."""


class SignedHead(msgspec.Struct, frozen=True, kw_only=True):
    """Where streams ended at a time (seconds since the epoch), the public key, and the signature under it."""

    time_s: int
    streams: tuple[tuple[str, Head], ...]
    public_key: bytes
    signature: bytes


def signed_head(heads: Iterable[tuple[str, Head]], time_s: int, key: bytes) -> SignedHead:
    """Sign where streams end. `key` is the private key, 32 bytes."""
    private = Ed25519PrivateKey.from_private_bytes(key)
    streams = tuple(heads)
    public_key = public_key_of(key)
    return SignedHead(
        time_s=time_s,
        streams=streams,
        public_key=public_key,
        signature=private.sign(_signed_text(time_s, streams, public_key)),
    )


def public_key_of(key: bytes) -> bytes:
    """The public key that belongs to a private one."""
    private = Ed25519PrivateKey.from_private_bytes(key)
    return private.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)


def printed(head: SignedHead) -> str:
    """The text of a head, for paper."""
    width = max((len(str(end.position)) for _, end in head.streams), default=1)
    lines = [TITLE, f"time {time_text(head.time_s)}"]
    for name, end in head.streams:
        lines.append(f"{end.position:>{width}} {grouped(end.chain)} {_written(name)}")
    lines.append(f"key {grouped(head.public_key)}")
    signature = grouped(head.signature).split()
    lines += [
        ("signature " if begin == 0 else "          ") + " ".join(signature[begin : begin + GROUPS_PER_LINE])
        for begin in range(0, len(signature), GROUPS_PER_LINE)
    ]
    return "\n".join(lines) + "\n"


def grouped(content: bytes) -> str:
    """Bytes in hexadecimal, in groups that people can compare."""
    return " ".join(wrap(content.hex(), DIGITS_PER_GROUP))


def read_head(text: str) -> SignedHead:
    """The head that a text says, signed or not. Raises HeadRefused for a text that is none."""
    if len(text) > HEAD_CHARACTERS_MAX:
        raise HeadRefused(f"the text has {len(text)} characters; the limit is {HEAD_CHARACTERS_MAX}")
    return _Reading(text.split()).head()


def read_key(text: str) -> bytes:
    """A public key as `grouped` writes it, however it was typed. Raises HeadRefused."""
    reading = _Reading(text.split())
    key = reading.hexadecimal(KEY_BYTES, "the key")
    reading.at_end("the key")
    return key


def check_signature(head: SignedHead) -> None:
    """Raise HeadRefused unless the head is signed under its own key."""
    try:
        Ed25519PublicKey.from_public_bytes(head.public_key).verify(
            head.signature, _signed_text(head.time_s, head.streams, head.public_key)
        )
    except (InvalidSignature, ValueError):
        raise HeadRefused("the signature does not match: the text was altered, or typed wrongly") from None


def with_names_of(head: SignedHead, names: Iterable[str]) -> SignedHead:
    """The same with the names of streams in the case that they have among `names`, where only one of them fits."""
    known: dict[str, list[str]] = {}
    for name in names:
        known.setdefault(name.casefold(), []).append(name)

    def own(name: str) -> str:
        fitting = known.get(name.casefold(), [])
        return fitting[0] if len(fitting) == 1 else name

    return msgspec.structs.replace(head, streams=tuple((own(name), end) for name, end in head.streams))


class _Reading:
    """Takes a head apart, word by word."""

    def __init__(self, words: Sequence[str]) -> None:
        self._words: Iterator[str] = iter(words)
        self._next = next(self._words, None)

    def head(self) -> SignedHead:
        for word in TITLE.split():
            self._keyword(word, f"a head begins with the words: {TITLE}")
        self._keyword("time", "after the first line comes the time")
        time_s = _read_time(self._take("the time").upper())
        streams: list[tuple[str, Head]] = []
        while self._next is not None and self._next.casefold() != "key":
            streams.append(self._stream())
        self._keyword("key", "the key is missing")
        public_key = self.hexadecimal(KEY_BYTES, "the key")
        self._keyword("signature", "behind the key comes the signature")
        signature = self.hexadecimal(SIGNATURE_BYTES, "the signature")
        self.at_end("the signature")
        return SignedHead(time_s=time_s, streams=tuple(streams), public_key=public_key, signature=signature)

    def hexadecimal(self, length: int, what: str) -> bytes:
        """So many bytes, in any number of groups."""
        digits = ""
        while len(digits) < 2 * length:
            typed = self._take(what)
            group = typed.casefold().translate(READ_AS_DIGITS)
            if not _HEXADECIMAL.fullmatch(group):
                raise HeadRefused(f"{what}: {typed!r} is no part of a number of {2 * length} hexadecimal digits")
            digits += group
        if len(digits) > 2 * length:
            raise HeadRefused(f"{what} has {len(digits)} hexadecimal digits; there must be {2 * length}")
        return bytes.fromhex(digits)

    def at_end(self, what: str) -> None:
        """Raise HeadRefused where more follows."""
        if self._next is not None:
            raise HeadRefused(f"behind {what} stands {self._next!r}")

    def _stream(self) -> tuple[str, Head]:
        position = self._take("a position").casefold().translate(READ_AS_DIGITS)
        if (
            not (position.isascii() and position.isdecimal())
            or len(position) > DIGITS_MAX
            or int(position) > POSITION_MAX
        ):
            raise HeadRefused(f"{position!r} stands where the position of a stream should")
        chain = self.hexadecimal(CHAIN_BYTES, f"the chain value at {position}")
        name = self._take(f"the name of the stream at {position}")
        try:
            return unquote(name, errors="strict"), Head(position=int(position), chain=chain)
        except UnicodeDecodeError:
            raise HeadRefused(f"{name!r} is no name of a stream") from None

    def _keyword(self, word: str, reason: str) -> None:
        if self._next is None or self._next.casefold() != word.casefold():
            raise HeadRefused(reason)
        self._take(reason)

    def _take(self, what: str) -> str:
        word = self._next
        if word is None:
            raise HeadRefused(f"the text ends where there should be {what}")
        self._next = next(self._words, None)
        return word


def _signed_text(time_s: int, streams: Iterable[tuple[str, Head]], public_key: bytes) -> bytes:
    """What is signed: the words of a head, one line each, in one form."""
    lines = [TITLE, f"time {time_text(time_s)}"]
    lines += [f"{end.position} {end.chain.hex()} {_written(name)}" for name, end in streams]
    return "\n".join([*lines, f"key {public_key.hex()}", ""]).encode()


def _written(name: str) -> str:
    """The name of a stream as one word of ASCII."""
    return quote(name, safe="!$&'()*+,-./:;=?@[]^_{|}~")


def time_text(time_s: int) -> str:
    """A time in seconds since the epoch, as it stands in a head."""
    return datetime.fromtimestamp(time_s, UTC).strftime(_TIME_FORM)


def _read_time(text: str) -> int:
    try:
        return int(datetime.strptime(text, _TIME_FORM).replace(tzinfo=UTC).timestamp())
    except ValueError:
        raise HeadRefused(f"{text!r} is no time like {time_text(0)}") from None

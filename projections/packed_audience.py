"""What an audience is shown, and its feed, as a row of byte strings, and back.

The lines of closed segments are kept as they are, some segments in a part, so that these parts stay the same for good.
What is shown to everybody is not kept again: it is cut out of the line that told of it last, for all objects of a type
when one of them is first asked for. So an audience is unpacked over the state that was packed with it. This module must
not know where the bytes are kept.
"""

from array import array
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from functools import partial

import msgspec

from projections.audience import LINE_BEGINS, Audience
from projections.contest import ContestState
from projections.feed_lines import LINE_END, FeedLines, Segment, TeamLine
from projections.integrity import Key
from projections.later import Later
from projections.packed_state import UnpackedState
from projections.packing import Part, Unpackable, as_unpackable, encode, pieces, unpacked_array
from projections.tokens import PLACE_CHARACTERS, TokenMaker
from schemas.object_types import OBJECT_TYPES
from schemas.viewers import Role

SEGMENTS_PER_PART = 4
SHOWN_PER_PART = 20_000
OWN_PER_PART = 4_000
TEAM_LINES_PER_PART = 4_000
BEHIND_PER_PART = 20_000
"""What goes into one part at most, but for the lines of one team."""

AUDIENCE, LINES, TEAM_LINES, BEHIND, SHOWN, OWN = "audience", "lines", "team lines", "behind", "shown", "own"
"""The kinds of parts of an audience; `of` is the type with those that are SHOWN."""

DATA_BEGIN = b',"data":'
DATA_END = len(b',"token":"') + PLACE_CHARACTERS + len(LINE_END)
"""Where the data of a line begins, and how far from the end of the line it ends."""

NOT_SHOWN = 2**32 - 1
"""Stands for the segment of what is not shown in common."""

Span = tuple[int, int, int]
"""Where data stands: the number of the segment, and from where to where in it."""

_SEQUENCES, _SPANS = "Q", "I"


class _Head(msgspec.Struct, frozen=True, array_like=True):
    """What there is once of an audience. `shown_besides` is of objects that are gone and still shown."""

    role: Role
    changes: dict[str, int]
    shown_besides: list[tuple[str, str, Span]]
    last_sequence: int


class _Segment(msgspec.Struct, frozen=True, array_like=True):
    data: bytearray
    sequences: bytes
    ends: bytes
    type_numbers: bytearray
    replaced_for: dict[str, list[int]]


class _Owned(msgspec.Struct, frozen=True, array_like=True):
    """One object that some teams may see otherwise than all, and what each of them is shown."""

    key: Key
    shown: list[tuple[str, bytes | None]]


class _Spans(msgspec.Struct, frozen=True, array_like=True):
    """Where what is shown stands, of objects of one type in their order: three arrays."""

    segments: bytes
    begins: bytes
    ends: bytes


_head_decoder = msgspec.msgpack.Decoder(_Head)
_segments_decoder = msgspec.msgpack.Decoder(list[_Segment])
_team_lines_decoder = msgspec.msgpack.Decoder(list[tuple[str, list[TeamLine]]])
_behind_decoder = msgspec.msgpack.Decoder(list[tuple[int, str]])
_spans_decoder = msgspec.msgpack.Decoder(_Spans)
_own_decoder = msgspec.msgpack.Decoder(list[_Owned])


def packed_audience(audience: Audience, state: ContestState) -> Iterator[Part]:
    """The parts of an audience that keeps a feed, level with its state.

    What is shown is compared with what the feed says: Unpackable is raised unless it is the same.
    """
    lines = audience.feed_lines
    for piece in pieces(lines.segments, SEGMENTS_PER_PART):
        yield Part(LINES, audience.role, encode([_packed_segment(segment) for segment in piece]))
    yield from _packed_team_lines(lines, audience.role)
    for behind in pieces(list(lines.behind.items()), BEHIND_PER_PART):
        yield Part(BEHIND, audience.role, encode(behind))
    spans = _spans(lines)
    _compare(audience, lines, spans)
    for type_name, members in state.objects.items():
        for identifiers in pieces(list(members), SHOWN_PER_PART):
            yield Part(SHOWN, type_name, _packed_spans([spans.get((type_name, each)) for each in identifiers]))
    for owned in pieces(list(audience.owners.items()), OWN_PER_PART):
        found = [_Owned(key, [(team, audience.shown_to_owner[team][key]) for team in teams]) for key, teams in owned]
        yield Part(OWN, audience.role, encode(found))
    besides = [(*key, span) for key, span in spans.items() if key[1] not in state.objects[key[0]]]
    yield Part(AUDIENCE, audience.role, encode(_Head(audience.role, audience.changes, besides, lines.last_sequence)))


class UnpackedAudience:
    """An audience that is being unpacked: first the parts are taken, in the order in which they were packed."""

    def __init__(self, role: Role, tokens: TokenMaker, state: UnpackedState) -> None:
        """Nothing yet. `state` is the one that was packed with it."""
        self._lines = FeedLines(tokens)
        self._audience = Audience(role, self._lines)
        self._segments: list[Segment] = []
        self._team_lines: dict[str, list[TeamLine]] = {}
        self._shown = {name: _Shown(partial(state.identifiers, name), self._segments) for name in OBJECT_TYPES}
        self._complete = False

    def take(self, part: Part) -> None:
        """Take the next part. Raises Unpackable."""
        with as_unpackable(part):
            if part.kind == LINES:
                self._segments += map(_unpacked_segment, _segments_decoder.decode(part.content))
            elif part.kind == TEAM_LINES:
                self._team_lines.update(_team_lines_decoder.decode(part.content))
            elif part.kind == BEHIND:
                self._lines.behind.update(_behind_decoder.decode(part.content))
            elif part.kind == SHOWN:
                self._shown[part.of].waiting.append(part)
            elif part.kind == OWN:
                self._take_own(_own_decoder.decode(part.content))
            elif part.kind == AUDIENCE:
                self._take_head(_head_decoder.decode(part.content))
            else:
                raise Unpackable(f"there is no part {part.kind!r} in an audience")

    def audience(self) -> Audience:
        """The audience, when all parts have been taken. Raises Unpackable when some are missing."""
        if not self._complete:
            raise Unpackable(f"parts of the audience of {self._audience.role} are missing")
        return self._audience

    def decode_some(self) -> bool:
        """Cut out one part more of what is shown and nobody has asked for; say whether there was one."""
        return any(shown.decode_some() for shown in self._shown.values())

    def _take_own(self, members: list[_Owned]) -> None:
        for owned in members:
            self._audience.owners[owned.key] = tuple(team_id for team_id, _ in owned.shown)
            for team_id, data in owned.shown:
                self._audience.shown_to_owner.setdefault(team_id, {})[owned.key] = data

    def _take_head(self, head: _Head) -> None:
        if head.role != self._audience.role:
            raise Unpackable(f"this is the audience of {head.role}")
        for type_name, identifier, span in head.shown_besides:
            self._shown[type_name].add(identifier, span)
        self._audience.shown = Later({name: shown.finished for name, shown in self._shown.items()})
        self._audience.changes.update(head.changes)
        self._lines.restore(self._segments, self._team_lines, head.last_sequence)
        self._complete = True


class _Shown:
    """What is shown of one type: spans of lines, which are cut out when asked for, or part by part before that."""

    def __init__(self, identifiers: Callable[[], Sequence[str]], segments: Sequence[Segment]) -> None:
        self.waiting: deque[Part] = deque()
        self._identifiers = identifiers
        self._segments = segments
        self._done = 0
        self._shown: dict[str, bytes] = {}

    def add(self, identifier: str, span: Span) -> None:
        segment, begin, end = span
        self._shown[identifier] = bytes(self._segments[segment].data[begin:end])

    def decode_some(self) -> bool:
        if not self.waiting:
            return False
        part = self.waiting.popleft()
        with as_unpackable(part):
            packed = _spans_decoder.decode(part.content)
            numbers, begins, ends = (
                unpacked_array(_SPANS, each) for each in (packed.segments, packed.begins, packed.ends)
            )
        identifiers = self._identifiers()[self._done : self._done + len(numbers)]
        self._done += len(numbers)
        data = [segment.data for segment in self._segments]
        self._shown.update(
            {
                identifier: bytes(data[number][begin:end])
                for identifier, number, begin, end in zip(identifiers, numbers, begins, ends, strict=True)
                if number != NOT_SHOWN
            }
        )
        return True

    def finished(self) -> dict[str, bytes]:
        """What is shown by id, once: it belongs to whoever takes it."""
        while self.decode_some():
            pass
        shown, self._shown = self._shown, {}
        return shown


def _packed_segment(segment: Segment) -> _Segment:
    return _Segment(
        data=segment.data,
        sequences=segment.sequences.tobytes(),
        ends=segment.ends.tobytes(),
        type_numbers=segment.type_numbers,
        replaced_for=segment.replaced_for,
    )


def _unpacked_segment(packed: _Segment) -> Segment:
    segment = Segment()
    segment.data = packed.data
    segment.sequences.frombytes(packed.sequences)
    segment.ends.frombytes(packed.ends)
    segment.type_numbers = packed.type_numbers
    segment.replaced_for = packed.replaced_for
    if not len(segment.sequences) == len(segment.ends) == len(segment.type_numbers):
        raise ValueError("the lines of a segment do not add up")
    return segment


def _packed_team_lines(lines: FeedLines, role: Role) -> Iterator[Part]:
    waiting: list[tuple[str, Sequence[TeamLine]]] = []
    for team_id, own in lines.team_lines.items():
        waiting.append((team_id, own))
        if sum(len(each) for _, each in waiting) >= TEAM_LINES_PER_PART:
            yield Part(TEAM_LINES, role, encode(waiting))
            waiting = []
    if waiting:
        yield Part(TEAM_LINES, role, encode(waiting))


def _spans(lines: FeedLines) -> dict[Key, Span]:
    """Where the data stands that the last line about each object told; objects that are gone have none."""
    begins = {number: (name, len(begin)) for name, (number, begin) in LINE_BEGINS.items()}
    decode = msgspec.json.decode
    spans: dict[Key, Span] = {}
    for number, segment in enumerate(lines.segments):
        data, line_begin = segment.data, 0
        for type_number, line_end in zip(segment.type_numbers, segment.ends, strict=True):
            type_name, id_begin = begins[type_number]
            # No text within a line holds a quotation mark as it stands: the first place is the one.
            id_end = data.index(DATA_BEGIN, line_begin)
            key = (type_name, decode(data[line_begin + id_begin : id_end]) or "")
            span = (number, id_end + len(DATA_BEGIN), line_end - DATA_END)
            if data[span[1] : span[2]] == b"null":
                spans.pop(key, None)
            else:
                spans[key] = span
            line_begin = line_end
    return spans


def _compare(audience: Audience, lines: FeedLines, spans: dict[Key, Span]) -> None:
    """Raise Unpackable unless the feed says of every object what is shown of it, and of no other."""
    if sum(len(members) for members in audience.shown.values()) != len(spans):
        raise Unpackable(f"the feed of {audience.role} does not tell of what is shown")
    for (type_name, identifier), (number, begin, end) in spans.items():
        if bytes(lines.segments[number].data[begin:end]) != audience.shown[type_name].get(identifier):
            raise Unpackable(f"the feed of {audience.role} tells another thing of {type_name} {identifier}")


def _packed_spans(spans: Sequence[Span | None]) -> bytes:
    columns = [
        array(_SPANS, column) for column in zip(*((NOT_SHOWN, 0, 0) if s is None else s for s in spans), strict=True)
    ]
    return encode(_Spans(*(column.tobytes() for column in columns)))

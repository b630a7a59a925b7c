"""A contest state as a row of byte strings, and back: so that nobody has to fold the whole stream again.

Objects stand in pieces of a few thousand, in their order, each piece with the versions of its objects; so most pieces
of a contest that goes on stay the same. A state that was unpacked is whole at once, but the objects of a type, and who
names them, are only decoded when something asks for them. The bytes are for the very program that made them. This
module must not know where they are kept.
"""

from array import array
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from types import GenericAlias

import msgspec

from projections.contest import ContestState
from projections.draft import Layer
from projections.integrity import NO_REFERRERS, Key, ReferrerIndex, Referrers
from projections.later import Later
from projections.packing import Part, Unpackable, as_unpackable, encode, pieces, unpacked_array
from schemas.object_types import OBJECT_TYPES, TYPE_ORDER, object_key
from schemas.objects import Award, ContestObject
from schemas.records import Login, Settings

OBJECTS_PER_PART = 5_000
REFERENCES_PER_PART = 200_000
"""What goes into one part at most, but for one object that more than so many name."""

OBJECTS, REFERRERS, REMAINDER = "objects", "referrers", "remainder"
"""The kinds of parts of a state; `of` is a type, with referrers that of what is named."""

TYPE_NAMES = tuple(OBJECT_TYPES)

_TYPE_SHIFT = 27
_PLACE_MASK = (1 << _TYPE_SHIFT) - 1
"""An object's number: that of its type, then its place in its collection."""

_POSITIONS, _NUMBERS = "Q", "I"
"""The types of arrays: positions of the log; numbers of objects, places and counts."""


class _Remainder(msgspec.Struct, frozen=True, array_like=True):
    """All of a state that is not in its collections. `other_versions` are of what is gone, and of records."""

    position: int
    other_versions: list[tuple[str, str, int]]
    submission_times_ms: dict[str, int]
    highest_submission_number: int
    latest_submission_time_ms: int | None
    extended: dict[str, list[str]]
    settings: Settings
    logins: dict[str, Login]
    awards_at_freeze: list[Award] | None
    released_awards: tuple[str, ...]


class _References(msgspec.Struct, frozen=True, array_like=True):
    """Who names the objects of one type: the ids of these, how many name each, and the numbers of those."""

    targets: list[str]
    counts: bytes
    referrers: bytes


_object_decoders: dict[str, msgspec.msgpack.Decoder[tuple[bytes, list[ContestObject]]]] = {
    name: msgspec.msgpack.Decoder(GenericAlias(tuple, (bytes, GenericAlias(list, (row.structure,)))))
    for name, row in OBJECT_TYPES.items()
}
_remainder_decoder = msgspec.msgpack.Decoder(_Remainder)
_references_decoder = msgspec.msgpack.Decoder(_References)


def packed_state(state: ContestState) -> Iterator[Part]:
    """The parts of a state. Raises Unpackable for objects that would not be the same when they come back."""
    for type_name, members in state.objects.items():
        for piece in pieces(members.items(), OBJECTS_PER_PART):
            yield Part(OBJECTS, type_name, _packed_objects(state, type_name, piece))
    yield from _packed_references(state)
    yield Part(REMAINDER, "", _packed_remainder(state))


class UnpackedState:
    """A state that is being unpacked: first the parts are taken, in the order in which they were packed."""

    def __init__(self) -> None:
        """Nothing yet."""
        self._state = ContestState()
        self._collections = {name: PackedCollection(name) for name in OBJECT_TYPES}
        self._referrers = PackedReferrers(self._collections)

    def take(self, part: Part) -> None:
        """Take the next part. Raises Unpackable."""
        with as_unpackable(part):
            if part.kind == OBJECTS:
                self._collections[part.of].take(part)
            elif part.kind == REFERRERS:
                self._referrers.take(part)
            elif part.kind == REMAINDER:
                self._take_remainder(_remainder_decoder.decode(part.content))
            else:
                raise Unpackable(f"there is no part {part.kind!r} in a state")

    def state(self) -> ContestState:
        """The state, when all parts have been taken. Raises Unpackable when some are missing."""
        if not self._state.position:
            raise Unpackable("parts of the state are missing")
        return self._state

    def identifiers(self, type_name: str) -> Sequence[str]:
        """The ids of a type as they were packed, in order, whatever has happened since."""
        return self._collections[type_name].finished().identifiers

    def decode_some(self) -> bool:
        """Decode one part more of what nobody has asked for yet; say whether there was one. Raises Unpackable."""
        return any(collection.decode_some() for collection in self._collections.values())

    def _take_remainder(self, remainder: _Remainder) -> None:
        state, frozen = self._state, remainder.awards_at_freeze
        others = {(name, identifier): position for name, identifier, position in remainder.other_versions}
        state.position = remainder.position
        state.objects = Later({name: collection.members for name, collection in self._collections.items()})
        state.versions = Layer(PackedVersions(self._collections, others))
        state.referrers = ReferrerIndex(self._referrers)
        state.settings = remainder.settings
        state.note_singletons()
        state.submission_times_ms = remainder.submission_times_ms
        state.highest_submission_number = remainder.highest_submission_number
        state.latest_submission_time_ms = remainder.latest_submission_time_ms
        state.extended = {name: dict.fromkeys(members) for name, members in remainder.extended.items()}
        state.logins = remainder.logins
        state.awards_at_freeze = None if frozen is None else {each.id: each for each in frozen}
        state.released_awards = remainder.released_awards


class PackedCollection:
    """The objects of one type as they were packed; decoded when asked for, or part by part before that."""

    def __init__(self, type_name: str) -> None:
        """No parts yet."""
        self.identifiers: list[str] = []
        self.positions: dict[str, int] = {}
        self._row = OBJECT_TYPES[type_name]
        self._decoder = _object_decoders[type_name]
        self._members: dict[str, ContestObject] = {}
        self._waiting: deque[Part] = deque()

    def take(self, part: Part) -> None:
        """Take the next part."""
        self._waiting.append(part)

    def decode_some(self) -> bool:
        """Decode the next part; say whether there was one. Raises Unpackable."""
        if not self._waiting:
            return False
        part = self._waiting.popleft()
        with as_unpackable(part):
            packed, instances = self._decoder.decode(part.content)
            identifiers = [object_key(self._row, instance) for instance in instances]
            self.positions.update(zip(identifiers, unpacked_array(_POSITIONS, packed), strict=True))
        self.identifiers += identifiers
        self._members.update(zip(identifiers, instances, strict=True))
        return True

    def finished(self) -> "PackedCollection":
        """The same with all its parts decoded. Raises Unpackable."""
        while self.decode_some():
            pass
        return self

    def members(self) -> dict[str, ContestObject]:
        """The objects by id, once: they belong to whoever takes them, and change from then on. Raises Unpackable."""
        self.finished()
        members, self._members = self._members, {}
        return members


class PackedVersions(Mapping[Key, int]):
    """The versions as they were packed: those of objects by type, the others as they are."""

    def __init__(self, collections: Mapping[str, PackedCollection], others: Mapping[Key, int]) -> None:
        """`others` are of records, and of objects that are gone."""
        self._collections = collections
        self._others = others

    def __getitem__(self, key: Key) -> int:
        """The position of the last event of an object or record. Raises KeyError."""
        position = self._others.get(key)
        if position is None:
            position = self._collections[key[0]].finished().positions[key[1]]
        return position

    def __iter__(self) -> Iterator[Key]:
        """All keys, those of objects first."""
        for name, collection in self._collections.items():
            yield from ((name, identifier) for identifier in collection.finished().positions)
        yield from self._others

    def __len__(self) -> int:
        """How many there are."""
        return len(self._others) + sum(len(each.finished().positions) for each in self._collections.values())


class PackedReferrers(Referrers):
    """Who names whom, as numbers: of each object that is named, those that name it stand in a row."""

    def __init__(self, collections: Mapping[str, PackedCollection]) -> None:
        """Nothing yet. `collections` are the objects that exist."""
        self._collections = collections
        self._parts: dict[str, list[Part]] = {name: [] for name in OBJECT_TYPES}
        self._rows: dict[str, _Rows] = Later({name: self._decoder_of(name) for name in OBJECT_TYPES})

    def take(self, part: Part) -> None:
        """Take the next part. Raises KeyError for one of no type."""
        self._parts[part.of].append(part)

    def of(self, key: Key) -> Iterable[Key]:
        """See Referrers.of."""
        rows = self._rows[key[0]]
        row = rows.places.get(key[1])
        if row is None:
            return NO_REFERRERS
        return [self._key(number) for number in rows.numbers[rows.ends[row] : rows.ends[row + 1]]]

    def targets(self) -> Iterable[Key]:
        """See Referrers.targets."""
        return ((name, identifier) for name in OBJECT_TYPES for identifier in self._rows[name].places)

    def _key(self, number: int) -> Key:
        name = TYPE_NAMES[number >> _TYPE_SHIFT]
        return name, self._collections[name].finished().identifiers[number & _PLACE_MASK]

    def _decoder_of(self, name: str) -> "Callable[[], _Rows]":
        return lambda: _Rows(self._parts.pop(name))


class _Rows:
    """The rows of one type of objects that are named. Raises Unpackable."""

    def __init__(self, parts: Iterable[Part]) -> None:
        self.places: dict[str, int] = {}
        self.ends = array(_POSITIONS, [0])
        self.numbers = array(_NUMBERS)
        for part in parts:
            with as_unpackable(part):
                self._take(_references_decoder.decode(part.content))

    def _take(self, references: _References) -> None:
        for target, count in zip(references.targets, unpacked_array(_NUMBERS, references.counts), strict=True):
            self.places[target] = len(self.places)
            self.ends.append(self.ends[-1] + count)
        self.numbers.frombytes(references.referrers)
        if self.ends[-1] != len(self.numbers):
            raise ValueError("the counts of references do not add up")


def _packed_objects(state: ContestState, type_name: str, members: Sequence[tuple[str, ContestObject]]) -> bytes:
    row, versions = OBJECT_TYPES[type_name], state.versions
    instances = [instance for _, instance in members]
    positions = array(_POSITIONS, [versions[type_name, identifier] for identifier, _ in members])
    packed = encode((positions.tobytes(), instances))
    # Nobody looks at the bytes again before they are asked for, so they are looked at here.
    if _object_decoders[type_name].decode(packed)[1] != instances:
        raise Unpackable(f"{type_name} come back otherwise than they were packed")
    for identifier, instance in members:
        if object_key(row, instance) != identifier:
            raise Unpackable(f"{type_name} {identifier}: the object calls itself {object_key(row, instance)}")
    return packed


def _packed_remainder(state: ContestState) -> bytes:
    frozen = state.awards_at_freeze
    others = [
        (name, identifier, position)
        for (name, identifier), position in state.versions.items()
        if name not in state.objects or identifier not in state.objects[name]
    ]
    return encode(
        _Remainder(
            position=state.position,
            other_versions=others,
            submission_times_ms=dict(state.submission_times_ms),
            highest_submission_number=state.highest_submission_number,
            latest_submission_time_ms=state.latest_submission_time_ms,
            # In an order that is the same in every process: whoever verifies compares bytes first.
            extended={name: list(state.extended[name]) for name in sorted(state.extended)},
            settings=state.settings,
            logins=dict(state.logins),
            awards_at_freeze=None if frozen is None else list(frozen.values()),
            released_awards=state.released_awards,
        )
    )


def _packed_references(state: ContestState) -> Iterator[Part]:
    """Type by type of what is named, in parts of about REFERENCES_PER_PART."""
    numbers = {
        (type_name, identifier): TYPE_ORDER[type_name] << _TYPE_SHIFT | place
        for type_name, members in state.objects.items()
        for place, identifier in enumerate(members)
    }
    by_type: dict[str, list[str]] = {name: [] for name in OBJECT_TYPES}
    for name, identifier in state.referrers.targets():
        by_type[name].append(identifier)
    for name, targets in by_type.items():
        counts, referrers, begun = array(_NUMBERS), array(_NUMBERS), 0
        for place, target in enumerate(targets, 1):
            naming = [numbers[referrer] for referrer in state.referrers.of((name, target))]
            counts.append(len(naming))
            referrers.extend(naming)
            if len(referrers) >= REFERENCES_PER_PART or place == len(targets):
                packed = _References(targets[begun:place], counts.tobytes(), referrers.tobytes())
                yield Part(REFERRERS, name, encode(packed))
                counts, referrers, begun = array(_NUMBERS), array(_NUMBERS), place

"""What one role is shown of a contest, folded from the lines that are told of it (see `told`), and those lines.

So a machine without the log has what an audience has: the lines to be streamed with any tag, the objects as this role
and each of its teams sees them, and their order. That what it shows is what its feed tells is no law to be kept here,
it is how it comes about. Places in these lines are numbers of its own, one for each line; a token is found by the part
that says where it stands. This module must not know how lines are brought, nor who is connected.
"""

from collections.abc import Callable, Iterable, Iterator
from collections.abc import Set as AbstractSet

import msgspec

from projections.award_order import listed
from projections.feed_lines import ALL_TYPES_MASK, LINE_END, SEGMENT_LINES_MAX, ReadyLines
from projections.integrity import Key
from projections.line_marks import LineMarks
from projections.tokens import PLACE_CHARACTERS
from projections.told import FIRST, Line, Told
from projections.told_order import ToldOrder
from projections.told_references import ToldReferences
from schemas.object_types import OBJECT_TYPES, SINGLETON_ID
from schemas.records import ORDINARY_PACE_PERMILLE
from schemas.viewers import Role

TYPE_NAMES = tuple(OBJECT_TYPES)
OBJECT_END = b'"}'
COMPARED_MAX = 1_000
"""So many ids are put in order by themselves; of more it is seen which of all in order are among them."""

NO_OWN: dict[str, bytes | None] = {}


class Notification(msgspec.Struct, frozen=True, gc=False):
    """What a line says: of which object, and how it looks from here on; the token ends after its place."""

    id: str | None
    data: msgspec.Raw
    token: str


class Seen(msgspec.Struct, frozen=True, gc=False):
    """A line that was taken in: the object, and how all but its owners are shown it."""

    key: Key
    data: bytes | None


_decoder = msgspec.json.Decoder(Notification)
NULL = b"null"


class ToldView:
    """What the holders of one role are shown, as far as it has been told.

    `shown` are the objects in common by type and id; `changes` counts by type; `touched` holds the place of the last
    line about an object. `on_line` is told of every common line.
    """

    def __init__(self, role: Role, before_first: int = 0) -> None:
        """Nothing has been told yet. The places of the lines begin behind `before_first`."""
        self.role = role
        self.lines = ReadyLines()
        self.lines.last_sequence = before_first
        self.shown: dict[str, dict[str, bytes]] = {name: {} for name in OBJECT_TYPES}
        self.changes = dict.fromkeys(OBJECT_TYPES, 0)
        self.touched: dict[Key, int] = {}
        self.pace_permille = ORDINARY_PACE_PERMILLE
        self.on_line: Callable[[Seen], None] = _nothing
        self._own: dict[Key, dict[str, bytes | None]] = {}
        """What single teams are shown in the place of what all others are."""
        self._references = ToldReferences(role)
        self._order = {name: ToldOrder(numbered=bool(row.filter_properties)) for name, row in OBJECT_TYPES.items()}
        self._marks = [LineMarks()]
        self._before_first = before_first

    @property
    def line_count(self) -> int:
        """How many lines have been told."""
        return self.lines.last_sequence - self._before_first

    def object(self, key: Key, team_id: str | None) -> bytes | None:
        """One object as encoded JSON, None when it is not shown."""
        if team_id is not None and key in self._own:
            own = self._own[key]
            if team_id in own:
                return own[team_id]
        return self.shown[key[0]].get(key[1])

    def order(self, type_name: str) -> ToldOrder:
        """The order of the objects of a type that anybody of this role is shown."""
        return self._order[type_name]

    def identifiers(self, type_name: str) -> Iterable[str]:
        """The ids of all objects of a type that anybody of this role is shown, in the order of their collection."""
        if OBJECT_TYPES[type_name].singleton:
            return self.shown[type_name]
        return listed(type_name, self._order[type_name])

    def collection(self, type_name: str, team_id: str | None) -> Iterator[bytes]:
        """The objects of one type as encoded JSON, in the order of their collection."""
        return self._objects(type_name, self.identifiers(type_name), team_id)

    def naming(self, type_name: str, property: str, value: str | None) -> AbstractSet[str] | None:
        """The ids of the objects that may be shown with a value in a property, None where any may (see `filtering`)."""
        return self._references.naming(type_name, property, value)

    def some(self, type_name: str, identifiers: AbstractSet[str], team_id: str | None) -> Iterator[bytes]:
        """Some of the objects of one type, of those ids that anybody of this role is shown, in their order."""
        return self._objects(type_name, self._in_order(type_name, identifiers), team_id)

    def _objects(self, type_name: str, identifiers: Iterable[str], team_id: str | None) -> Iterator[bytes]:
        if team_id is None:
            return filter(None, map(self.shown[type_name].get, identifiers))
        found = (self.object((type_name, identifier), team_id) for identifier in identifiers)
        return (data for data in found if data is not None)

    def _in_order(self, type_name: str, identifiers: AbstractSet[str]) -> Iterable[str]:
        order = self._order[type_name]
        if len(identifiers) <= COMPARED_MAX:
            return listed(type_name, sorted(identifiers, key=order.number))
        return listed(type_name, [identifier for identifier in order if identifier in identifiers])

    def take(self, told: Told) -> None:
        """Take in lines that come next. Raises ValueError for what cannot be one."""
        self.pace_permille = told.pace_permille
        for line in told.lines:
            self._take(line, told.team_id)

    def known(self, told: Told) -> int:
        """How many of these lines, from the first on, have been taken in already."""
        for number, line in enumerate(told.lines):
            if self._sequence_of(line.body[-PLACE_CHARACTERS:], told.team_id, own=told.team_id is not None) is None:
                return number
        return len(told.lines)

    def sequence_of(self, place: bytes, team_id: str | None, looked_to: int = 0) -> int | None:
        """Where the line with this place stands that a team (None: somebody of no team) was given; None without one.

        `looked_to`: up to there it is known that it is not.
        """
        return self._sequence_of(place, team_id, own=False, looked_to=looked_to)

    def _take(self, line: Line, team_id: str | None) -> None:
        if not 0 <= line.type_number < len(TYPE_NAMES):
            raise ValueError(f"there is no type {line.type_number}")
        try:
            said = _decoder.decode(line.body + OBJECT_END)
        except msgspec.MsgspecError as fault:
            raise ValueError(f"this is no line of a feed: {fault}") from None
        if len(said.token) != PLACE_CHARACTERS:
            raise ValueError(f"a token of {len(said.token)} characters; its place has {PLACE_CHARACTERS}")
        type_name, identifier = TYPE_NAMES[line.type_number], SINGLETON_ID if said.id is None else said.id
        data = bytes(said.data)
        shown = None if data == NULL else data
        sequence = self._keep(line, team_id)
        key = (type_name, identifier)
        before = self._seen(key)
        if team_id is None:
            self._show(key, shown, line.replaced_for)
        else:
            self._show_to_owner(key, shown, team_id)
        self._references.replace(key, before, self._seen(key))
        self.changes[type_name] += 1
        self.touched[key] = sequence
        self._order_anew(key, line.behind)
        if team_id is None:
            self.on_line(Seen(key, shown))

    def _keep(self, line: Line, team_id: str | None) -> int:
        """Keep a line to be streamed; its place in the lines."""
        sequence, ready = self.lines.last_sequence + 1, line.body + LINE_END
        if team_id is None:
            self.lines.add(sequence, line.type_number, ready, line.replaced_for)
        else:
            self.lines.add_for_team(team_id, sequence, line.type_number, ready)
        if self._marks[-1].full:
            self._marks.append(LineMarks())
        self._marks[-1].add(line.body[-PLACE_CHARACTERS:])
        return sequence

    def _seen(self, key: Key) -> tuple[bytes, ...]:
        """What an object is shown as, to all but some teams and to each of these."""
        return tuple(
            data for data in (self.shown[key[0]].get(key[1]), *self._own.get(key, NO_OWN).values()) if data is not None
        )

    def _show(self, key: Key, data: bytes | None, replaced_for: tuple[str, ...]) -> None:
        """Show an object to all but some teams, which are shown what they were."""
        shown, own = self.shown[key[0]], self._own.get(key, NO_OWN)
        if own or replaced_for:
            before = shown.get(key[1])
            kept = {team_id: own.get(team_id, before) for team_id in replaced_for}
            self._keep_own(key, {team_id: seen for team_id, seen in kept.items() if seen != data})
        if data is None:
            shown.pop(key[1], None)
        else:
            shown[key[1]] = data

    def _show_to_owner(self, key: Key, data: bytes | None, team_id: str) -> None:
        own = {**self._own.get(key, NO_OWN), team_id: data}
        if data == self.shown[key[0]].get(key[1]):
            del own[team_id]
        self._keep_own(key, own)

    def _keep_own(self, key: Key, own: dict[str, bytes | None]) -> None:
        if own:
            self._own[key] = own
        else:
            self._own.pop(key, None)

    def _order_anew(self, key: Key, behind: str | None) -> None:
        """Give an object its place, or take it."""
        order, identifier = self._order[key[0]], key[1]
        if identifier == SINGLETON_ID:
            return
        own = self._own.get(key, NO_OWN)
        there = identifier in self.shown[key[0]] or any(data is not None for data in own.values())
        if there == (identifier in order):
            return
        if not there:
            order.remove(identifier)
        elif behind is None:
            order.append(identifier)
        elif behind == FIRST or behind in order:
            order.insert(identifier, behind)
        else:
            raise ValueError(f"{key[0]} {identifier} stands behind {behind}, which is not there")

    def _sequence_of(self, place: bytes, team_id: str | None, *, own: bool, looked_to: int = 0) -> int | None:
        first_marks, first_line = divmod(max(looked_to - self._before_first, 0), SEGMENT_LINES_MAX)
        for number in range(len(self._marks) - 1, first_marks - 1, -1):
            for line in self._marks[number].numbers(place, first_line if number == first_marks else 0):
                sequence = self._before_first + number * SEGMENT_LINES_MAX + line + 1
                if self._given(sequence, place, team_id, own=own):
                    return sequence
        return None

    def _given(self, sequence: int, place: bytes, team_id: str | None, *, own: bool) -> bool:
        """Whether the line that stands there has that place, and a team got it (`own`: that team alone)."""
        if own:
            wanted = (ready for at, _, ready in self.lines.own_lines(team_id or "", sequence - 1, sequence))
            return any(ready.endswith(place + LINE_END) for ready in wanted)
        stretch = self.lines.stretch_after(sequence - 1, sequence)
        if stretch is None:
            return False
        return self.lines.bytes_of(stretch, b"", ALL_TYPES_MASK, team_id).endswith(place + b'"}\n')


def _nothing(_seen: Seen) -> None:
    """Nobody follows the lines."""

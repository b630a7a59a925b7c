"""What is told of a feed to machines without the log is enough for them to answer as the core does, order included."""

from collections import Counter

from hypothesis import event, given, settings
from hypothesis import strategies as st

from projections.award_order import ordered_awards
from projections.feed_lines import ALL_TYPES_MASK, FeedLines
from projections.tokens import ViewTags
from projections.told import FIRST, TOLD_BYTES_MAX, Told, decode_told, encode_told, size_of
from projections.told_lines import BEGINNING, Stand, Telling, next_tellings, stand_of
from schemas.object_types import OBJECT_TYPES
from schemas.viewers import ROLES, Role
from tests.builders import READERS, Played, Reader
from tests.effort import DEAR
from tests.histories import History, histories
from tests.independent_fold import notifications

PACE_PERMILLE = 1_000
TYPE_NAMES = tuple(OBJECT_TYPES)


class Machine:
    """One audience folded from messages alone, as simply as can be: lists of ids, and what each team is shown."""

    def __init__(self) -> None:
        self.common: dict[tuple[str, str], bytes | None] = {}
        self.own: dict[tuple[str, str], dict[str, bytes | None]] = {}
        self.order: dict[str, list[str]] = {name: [] for name in TYPE_NAMES}
        self.reached: Counter[str] = Counter()

    def take(self, told: Told) -> None:
        for line in told.lines:
            (said,) = notifications(line.body + b'"}\n')
            key = said["type"], said["id"] or ""
            data = line.body.partition(b',"data":')[2].rpartition(b',"token":')[0]
            shown = None if data == b"null" else data
            if told.team_id is None:
                before = self.common.get(key)
                own = self.own.setdefault(key, {})
                self.own[key] = {team: own.get(team, before) for team in line.replaced_for}
                self.common[key] = shown
            else:
                self.own.setdefault(key, {})[told.team_id] = shown
            self._place(key, line.behind)

    def _place(self, key: tuple[str, str], behind: str | None) -> None:
        order = self.order[key[0]]
        there = self.common.get(key) is not None or any(each is not None for each in self.own.get(key, {}).values())
        if there and key[1] not in order:
            self.reached["behind nothing" if behind == FIRST else "among others" if behind else "last"] += 1
            order.insert(len(order) if behind is None else 0 if behind == FIRST else order.index(behind) + 1, key[1])
        elif not there and key[1] in order:
            order.remove(key[1])

    def collection(self, type_name: str, team_id: str | None) -> list[bytes]:
        order = self.order[type_name]
        listed = ordered_awards(order) if type_name == "awards" else order
        found = (self._seen((type_name, each), team_id) for each in listed)
        return [each for each in found if each is not None]

    def _seen(self, key: tuple[str, str], team_id: str | None) -> bytes | None:
        own = self.own.get(key, {})
        return own[team_id] if team_id is not None and team_id in own else self.common.get(key)


def told_after(lines: FeedLines, stand: Stand) -> list[Telling]:
    """All messages behind a stand."""
    found: list[Telling] = []
    while following := list(next_tellings(lines, stand, PACE_PERMILLE)):
        found += following
        stand = following[-1].stand
    return found


def listed(played: Played, reader: Reader, type_name: str) -> list[bytes]:
    return list(played.audiences[reader.role].collection(played.state, type_name, reader.team_id))


@DEAR
@given(histories())
def test_collections_folded_from_messages_are_those_of_get_in_their_order(history: History) -> None:
    played = Played()
    machines: dict[Role, Machine] = {role: Machine() for role in ROLES}
    stands = dict.fromkeys(ROLES, BEGINNING)
    for number, change in enumerate(history.changes):
        played.play([change])
        for role in ROLES:
            for telling in told_after(played.audiences[role].feed_lines, stands[role]):
                machines[role].take(decode_told(encode_told(telling.told)))
                stands[role] = telling.stand
        if number < history.base:
            continue
        for reader in READERS:
            for name in TYPE_NAMES:
                expected = listed(played, reader, name)
                assert machines[reader.role].collection(name, reader.team_id) == expected, (reader, name)
    for situation in ("behind nothing", "among others"):
        event(f"{situation}: {any(machine.reached[situation] for machine in machines.values())}")


def test_hidden_objects_come_to_their_places() -> None:
    """The law above is about something: what is revealed stands among what was shown before."""
    from tests.builders import small_contest

    played = Played(small_contest())
    behind = {role: audience.feed_lines.behind for role, audience in played.audiences.items()}
    assert behind["public"], "problems are revealed by the start, each behind the one before it"
    machine = Machine()
    for telling in told_after(played.audiences["public"].feed_lines, BEGINNING):
        machine.take(telling.told)
    assert machine.reached["among others"] or machine.reached["behind nothing"]


@settings(parent=DEAR)
@given(histories(), st.data())
def test_messages_are_the_feed_wherever_telling_is_taken_up(history: History, data: st.DataObject) -> None:
    """With the tag of a view the common lines are the very feed; a stand found in the messages goes on behind them."""
    played = Played(history.changes)
    for role in ROLES:
        lines = played.audiences[role].feed_lines
        tellings = told_after(lines, BEGINNING)
        cut = data.draw(st.integers(0, len(tellings)))
        last: dict[str, int] = {}
        for telling in tellings[:cut]:
            last[telling.told.team_id or ""] = telling.stand.sequence
        assert told_after(lines, stand_of(last)) == tellings[cut:]
        assert all(size_of(each.told.lines) <= TOLD_BYTES_MAX or len(each.told.lines) == 1 for each in tellings)
        reader = next(each for each in READERS if each.role == role)
        if reader.team_id is None:
            tags = ViewTags(played.tokens.view_key(played.view_name(reader)))
            end = tags.tag(ALL_TYPES_MASK) + b'"}\n'
            assert b"".join(line.body + end for each in tellings for line in each.told.lines) == played.feed(reader)

"""The laws of feeds, references and the embargo, for the other versions of the Contest API that are served.

The feed of a version is the change log of that version's view, so it must keep every law that our own feeds keep.
What names what in a version is written down by hand from its text.
"""

import json
from collections.abc import Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cds.commands.decision import ObjectChange
from cds.dialects.contest_api_2023_06 import CONTEST_API_2023_06
from cds.dialects.contest_api_2026_01 import CONTEST_API_2026_01
from cds.served_versions import EARLIER_VERSIONS
from projections.releasing import Release, absent_keys
from projections.served_versions import DRAFT, STRICT, ServedVersion
from projections.tokens import TOKEN_CHARACTERS, TokenRefused
from projections.versioned_audience import audience_of_state
from schemas.viewers import ROLES, Role
from tests.builders import READERS, Played, Reader, shown_by, small_contest
from tests.effort import DEAR
from tests.expected_references import REFERENCES
from tests.histories import History, frozen_contest, histories
from tests.independent_fold import Collections, fold, notifications
from tests.projections.test_law_embargo import OUTSIDERS, TOKEN, Pair, pairs
from tests.projections.test_law_feeds import collections, tokens
from tests.projections.test_law_references import EXTENDING, first_dangling, listed, listed_now, shown_properties

VERSIONS = (*EARLIER_VERSIONS, STRICT)
"""All but our own words; those without extensions are one of them."""

each_version = pytest.mark.parametrize("version", VERSIONS, ids=lambda version: version.name)

REFERENCES_2026_01 = REFERENCES | {"persons": {"team_ids": "teams"}}
REFERENCES_2023_06 = {
    name: paths
    for name, paths in REFERENCES_2026_01.items()
    if name not in ("contest", "judgement-types", "commentary")
} | {
    "submissions": {"language_id": "languages", "problem_id": "problems", "team_id": "teams"},
    "judgements": {"submission_id": "submissions", "judgement_type_id": "judgement-types"},
    "clarifications": {
        "from_team_id": "teams",
        "to_team_id": "teams",
        "reply_to_id": "clarifications",
        "problem_id": "problems",
    },
}
EXPECTED = {STRICT: REFERENCES, CONTEST_API_2026_01: REFERENCES_2026_01, CONTEST_API_2023_06: REFERENCES_2023_06}
PIECE_OBJECTS = 3
STEPS_MAX = 10
MOVES = (
    *("advance_state", "advance_state", "rejudge", "settle", "judge", "run_test", "move_submission", "readdress"),
    *("change_groups", "join", "withdraw", "answer", "speak", "rewrite", "create", "delete", "simplify", "reschedule"),
    "extend",
)
"""Those on which more rests in a version than with us come often."""


def named_in(version: ServedVersion) -> dict[str, dict[str, str]]:
    """What names what in a version."""
    return EXPECTED[version]


@each_version
@DEAR
@given(history=histories(MOVES, STEPS_MAX))
def test_the_fold_of_every_feed_equals_get_after_every_event(version: ServedVersion, history: History) -> None:
    """Law 1: no reader's fold is ever behind, ahead or beside what GET answers in that version."""
    played = Played(version=version)
    folded: dict[Reader, Collections] = {reader: {} for reader in READERS}
    places = dict.fromkeys(READERS, 0)
    for number, change in enumerate(history.changes):
        played.play([change])
        for reader in READERS:
            fold(played.feed(reader, places[reader]), folded[reader])
            places[reader] = played.last_sequence(reader)
            if number >= history.base:
                assert folded[reader] == collections(played.shown(reader)), reader


@each_version
@DEAR
@given(history=histories(MOVES, STEPS_MAX))
def test_an_audience_made_late_equals_one_that_was_there_all_the_time(version: ServedVersion, history: History) -> None:
    """What is translated rests on the state alone, at every event: nothing that it rests on changes unnoticed."""
    played = Played(history.changes[: history.base], version=version)
    for change in history.changes[history.base :]:
        played.play([change])
        late = {role: audience_of_state(role, version, played.state) for role in ROLES}
        for reader in READERS:
            assert shown_by(late[reader.role], played.state, reader) == played.shown(reader), reader


@each_version
@DEAR
@given(history=histories(MOVES, STEPS_MAX))
def test_a_version_shows_no_object_that_we_do_not_show(version: ServedVersion, history: History) -> None:
    """A translation leaves objects out, and never brings one in."""
    ours, theirs = Played(history.changes), Played(history.changes, version=version)
    for reader in READERS:
        shown = ours.shown(reader)
        for name, members in theirs.shown(reader).items():
            assert members.keys() <= shown.get(name, {}).keys(), (reader, name)


@each_version
@DEAR
@given(history=histories(EXTENDING, STEPS_MAX))
def test_no_version_but_ours_speaks_of_extensions(version: ServedVersion, history: History) -> None:
    """Neither in any line, nor in any object, nor in `access`."""
    played = Played(history.changes, version=version)
    for reader in READERS:
        assert not [n for n in notifications(played.feed(reader)) if "ext" in (n["data"] or {})], reader
        assert not [d for of in played.shown(reader).values() for d in of.values() if "ext" in json.loads(d)], reader
        announced = listed_now(played, reader, version)
        assert not [path for paths in announced.values() for path in paths if path.split(".")[0] == "ext"], reader


@DEAR
@given(history=histories(EXTENDING, STEPS_MAX))
def test_a_strict_answer_is_ours_without_extensions_and_nothing_else(history: History) -> None:
    """Byte for byte what there would be if nobody had ever said more than the format has."""
    ours, strict = Played(history.changes), Played(history.changes, version=STRICT)
    for reader in READERS:
        expected = {
            name: {i: without_extension(data) for i, data in members.items()}
            for name, members in ours.shown(reader).items()
        }
        assert strict.shown(reader) == expected, reader


def without_extension(data: bytes) -> bytes:
    """An encoded object without `ext`, which is its last property."""
    before, found, _ = data.partition(b',"ext":{')
    return before + b"}" if found else data


@each_version
@DEAR
@given(history=histories(MOVES, STEPS_MAX))
def test_no_line_of_any_feed_leaves_a_dangling_reference(version: ServedVersion, history: History) -> None:
    """Law 4: behind any line a client holds objects that name only what it holds."""
    played = Played(history.changes, version=version)
    for reader in READERS:
        assert first_dangling(played, reader, named_in(version)) == [], reader


@each_version
@DEAR
@given(history=histories(MOVES, STEPS_MAX))
def test_no_answer_holds_a_property_that_access_does_not_list(version: ServedVersion, history: History) -> None:
    """Law 4: every property of every line is announced in the version's own `access`."""
    played = Played(history.changes, version=version)
    for reader in READERS:
        announced = listed_now(played, reader, version)
        for notification in notifications(played.feed(reader)):
            shown = set(shown_properties(notification["data"] or {}))
            assert shown <= announced.get(notification["type"], set()), (reader, notification)


@each_version
@pytest.mark.parametrize("role", ROLES)
def test_access_is_referentially_closed(version: ServedVersion, role: Role) -> None:
    """A property that names objects is announced only with the endpoint of those objects, and their id."""
    announced = listed(role, version)
    for type_name, properties in announced.items():
        for path, target in named_in(version).get(type_name, {}).items():
            if path in properties:
                assert "id" in announced.get(target, set()), (type_name, path)


@each_version
@DEAR
@given(pair=pairs(same_events=True))
def test_other_contents_of_hidden_events_change_not_one_byte(version: ServedVersion, pair: Pair) -> None:
    """Law 3: the whole feed with its tokens and every object, as if nothing had been different."""
    one = Played(pair[0], version=version)
    other = Played(pair[1], chains=one.chains, version=version)
    for reader in OUTSIDERS:
        assert one.feed(reader) == other.feed(reader), reader
        assert one.shown(reader) == other.shown(reader), reader


@each_version
@DEAR
@given(pair=pairs(same_events=False))
def test_other_numbers_of_hidden_events_change_nothing_but_the_text_of_tokens(
    version: ServedVersion, pair: Pair
) -> None:
    """Law 3: the lines, how many they are and how long each is, and every object: all alike."""
    one, other = Played(pair[0], version=version), Played(pair[1], version=version)
    for reader in OUTSIDERS:
        feeds = one.feed(reader), other.feed(reader)
        assert TOKEN.sub(b"\n", feeds[0]) == TOKEN.sub(b"\n", feeds[1]), reader
        assert {len(token) for feed in feeds for token in TOKEN.findall(feed)} == {TOKEN_CHARACTERS}
        assert one.shown(reader) == other.shown(reader), reader


@each_version
@DEAR
@given(history=histories(MOVES, STEPS_MAX), data=st.data())
def test_every_token_resumes_exactly(version: ServedVersion, history: History, data: st.DataObject) -> None:
    """Behind any token come the bytes that follow its line."""
    played = Played(history.changes, version=version)
    for reader in READERS:
        lines = played.feed(reader).splitlines(keepends=True)
        number = data.draw(st.integers(0, len(lines) - 1))
        token = notifications(lines[number])[0]["token"]
        assert played.feed(reader, played.resume(reader, token)) == b"".join(lines[number + 1 :])


def test_a_token_is_refused_in_every_other_version() -> None:
    """Never misread: not even where the lines would be the same."""
    plays = [Played(frozen_contest(), version=version) for version in (DRAFT, *VERSIONS)]
    for reader in READERS:
        for mine in plays:
            token = tokens(mine.feed(reader))[-1]
            for other in plays:
                if other is mine:
                    assert other.resume(reader, token) == other.last_sequence(reader)
                else:
                    with pytest.raises(TokenRefused):
                        other.resume(reader, token)


@each_version
@DEAR
@given(history=histories(MOVES, STEPS_MAX))
def test_a_release_in_pieces_comes_to_the_same_lines(version: ServedVersion, history: History) -> None:
    """What concerns more objects in a version than in ours is released there as a whole too."""
    at_once, in_pieces = Played(history.changes, version=version), InPieces(version=version)
    in_pieces.play(history.changes)
    for reader in READERS:
        assert in_pieces.feed(reader) == at_once.feed(reader), reader
        assert in_pieces.shown(reader) == at_once.shown(reader), reader


class InPieces(Played):
    """Every event is brought to the audiences as a release, a few objects at a time."""

    def play(self, changes: Iterable[ObjectChange]) -> None:
        """Take in changes one by one."""
        for change in changes:
            position = self.state.position + 1
            applied = self.state.apply(position, change.type, change.id, change.instance)
            chain = self._chain(position, change)
            self.chains.append(chain)
            absent = absent_keys(self.state, applied)
            for audience in self.audiences.values():
                release = Release(audience, self.state, audience.concerned(self.state, applied), chain, absent)
                while release.go_on(PIECE_OBJECTS):
                    self.flush()
            self.flush()


@each_version
def test_the_small_contest_shows_everybody_an_object_of_each_type(version: ServedVersion) -> None:
    """So the laws above speak of something."""
    played = Played(small_contest(), version=version)
    for role in ROLES:
        readers = [reader for reader in READERS if reader.role == role]
        for type_name in listed(role, version):
            assert any(type_name in played.shown(reader) for reader in readers), type_name

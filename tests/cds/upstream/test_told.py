"""What counts as told in order by a contest that passes lines over: hidden is not old, and nothing comes too early.

The law of following rests on it, so what it refuses matters as much as what it lets pass.
"""

import msgspec

from cds.commands.decision import ObjectChange
from projections.visibility_table import TEAM_STREAMS
from schemas.extensions import SyncedTeam, TeamExtension
from schemas.object_types import SINGLETON_ID
from schemas.objects import ContestObject
from tests.builders import CONTEST, START, judgement, moment, put, setup, state, submission, team
from tests.cds.upstream.told import could_be_told


def without(instance: ContestObject, *names: str) -> ContestObject:
    """The object less some properties."""
    return msgspec.structs.replace(instance, **dict.fromkeys(names))


FILES_HERE = ("photo", "backup", "key_log", "tool_data")
FREEZE = put(state(started=START, frozen=moment("0:10:00.000")))
THAW = put(state(started=START, frozen=moment("0:10:00.000"), thawed=moment("5:30:00.000")))
MEMBER, GUEST = (without(team("t9", [group]), *FILES_HERE) for group in ("main", "guests"))
WRONG, RIGHT = (judgement("j9", "s9", verdict, "0:31:00.000") for verdict in ("CE", "AC"))
TRIED = put(state(started=START), submission("s9", "t1", "a", "0:30:00.000"))


def may_see(history: list[ObjectChange], type_name: str, identifier: str, *shown: ContestObject | None) -> bool:
    """Whether the public may be told this of an object, one after the other."""
    told = [msgspec.json.decode(msgspec.json.encode(each)) for each in shown]
    return could_be_told(told, [*setup(), *history], (type_name, identifier), "public")


def test_a_team_may_be_seen_in_a_freeze_that_came_after_its_next_change() -> None:
    """The freeze comes first where both are told at once; nothing that was taken away by it comes back."""
    history = [*put(MEMBER, GUEST), *FREEZE]
    bare_member, bare_guest = without(MEMBER, *TEAM_STREAMS), without(GUEST, *TEAM_STREAMS)
    assert may_see(history, "teams", "t9", MEMBER, bare_member, bare_guest)
    assert may_see(history, "teams", "t9", MEMBER, GUEST, bare_guest)
    assert not may_see(history, "teams", "t9", MEMBER, bare_guest, bare_member)
    assert not may_see(history, "teams", "t9", GUEST, MEMBER)


def test_streams_that_came_in_the_freeze_are_not_seen_before_the_thaw() -> None:
    """Not even for a moment in which the freeze has not come yet, nor those that were replaced before the thaw."""
    bare_guest = without(GUEST, *TEAM_STREAMS)
    frozen = [*put(MEMBER), *FREEZE, *put(GUEST)]
    assert may_see(frozen, "teams", "t9", MEMBER, bare_guest)
    assert not may_see(frozen, "teams", "t9", MEMBER, GUEST)
    thawed = [*FREEZE, *put(MEMBER, GUEST), *THAW]
    assert may_see(thawed, "teams", "t9", bare_guest, GUEST)
    assert not may_see(thawed, "teams", "t9", MEMBER, GUEST)


def test_a_verdict_may_be_hidden_meanwhile_and_is_never_an_older_one() -> None:
    """A verdict that was changed under the freeze is not seen as it was, although a thaw shows verdicts."""
    shown = [*TRIED, *put(WRONG, RIGHT)]
    assert may_see(shown, "judgements", "j9", WRONG, None, RIGHT)
    assert may_see(shown, "judgements", "j9", RIGHT, None, RIGHT)
    assert not may_see(shown, "judgements", "j9", RIGHT, None, WRONG)
    hidden = [*TRIED, *FREEZE, *put(WRONG, RIGHT), *THAW]
    assert may_see(hidden, "judgements", "j9", RIGHT)
    assert not may_see(hidden, "judgements", "j9", WRONG, RIGHT)
    assert not may_see([*TRIED, *FREEZE, *put(WRONG)], "judgements", "j9", WRONG)


def test_streams_that_wait_for_a_freeze_which_no_state_says_are_as_they_were_seen_last() -> None:
    """Only there, and only until the freeze: nothing that was taken away comes back, nothing else stays old."""
    late = put(submission("s9", "t1", "a", "4:30:00.000"))
    moved = without(GUEST, "desktop")
    bare, kept = without(GUEST, *TEAM_STREAMS), GUEST
    unsaid = [*put(MEMBER), *late, *put(moved)]
    assert may_see(unsaid, "teams", "t9", MEMBER, kept, bare)
    assert not may_see(unsaid, "teams", "t9", MEMBER, moved, bare)
    assert not may_see(unsaid, "teams", "t9", MEMBER, kept, MEMBER)
    assert not may_see(unsaid, "teams", "t9", MEMBER, bare, kept)
    assert not may_see([*put(MEMBER, bare, moved), *late], "teams", "t9", MEMBER, bare, kept)
    for no_such_freeze in ([*put(MEMBER, moved)], [*put(MEMBER), *FREEZE, *put(moved)]):
        assert not may_see(no_such_freeze, "teams", "t9", MEMBER, kept)
        assert not may_see(no_such_freeze, "teams", "t9", MEMBER, kept, bare)


def test_what_waits_for_the_end_of_a_freeze_is_as_it_was_seen_last() -> None:
    """A rank comes behind everything; where no freeze ends, it does not stand beside what is newer."""
    first, second = (msgspec.structs.replace(MEMBER, ext=TeamExtension(sync=SyncedTeam(rank=rank))) for rank in (1, 2))
    moved, kept = (msgspec.structs.replace(each, group_ids=["guests"]) for each in (second, first))
    frozen = [*FREEZE, *put(first, second, moved)]
    hidden = [without(each, *TEAM_STREAMS) for each in (first, kept, moved)]
    assert may_see([*frozen, *THAW], "teams", "t9", hidden[0], hidden[1], kept, moved)
    assert not may_see([*frozen, *THAW], "teams", "t9", hidden[0], hidden[2], kept)
    assert not may_see(frozen, "teams", "t9", *hidden)


def test_a_contest_that_becomes_shorter_may_be_so_before_its_freeze_ends() -> None:
    """Never the other way round: what was hidden by the freeze would be seen before all else has come."""
    there = without(CONTEST, "logo")
    shorter = msgspec.structs.replace(there, duration="4:30:00.000")
    thawed, both = (without(each, "scoreboard_freeze_duration") for each in (there, shorter))
    assert may_see(put(there, both), "contest", SINGLETON_ID, there, shorter, both)
    assert not may_see(put(there, both), "contest", SINGLETON_ID, there, thawed, both)
    assert not may_see(put(there, thawed), "contest", SINGLETON_ID, there, shorter, thawed)

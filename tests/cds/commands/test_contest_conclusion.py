"""How a contest is brought to its end: thaw, results that are final, the end of updates."""

from typing import cast

import pytest

from cds.commands.contest_clock import decide_thaw_time
from cds.commands.contest_state import StatePatch, decide_state
from cds.commands.decision import Refused
from projections.award_rules import HONORABLE_MENTION
from projections.awards import computed_awards
from projections.contest import ContestState
from projections.scoreboard import Board
from schemas.objects import Award
from schemas.records import AwardSettings, Settings
from tests.builders import START, judgement, moment, put, state, submission
from tests.cds.commands.playing import (
    at,
    bare,
    contest,
    furnished,
    its_contest,
    patched,
    played_to,
    present,
    refused,
    settings,
    take,
    types,
    wanted,
)

FROZEN = moment("4:00:00.000")
ENDED = moment("5:00:00.000")
AN_HOUR_OUT = {"removed_intervals": [wanted("1:00:00.000", "2:00:00.000")]}


def test_a_contest_is_thawed_once_and_for_all() -> None:
    after = patched(played_to(bare(), "5:00:00.000"), "5:30:00.000", thawed="now")
    thawed = moment("5:30:00.000")
    assert (present(after).thawed, its_contest(after).scoreboard_thaw_time) == (thawed, thawed)
    for value in (None, "now"):
        assert refused(after, "6:00:00.000", thawed=value).ground == "forbidden"
    take(after, put(contest(duration="9:00:00.000")))
    assert "thawed, so its end stays" in refused(after, "6:00:00.000", ended=None).reason


@pytest.mark.parametrize(("freeze", "now"), [("1:00:00.000", "4:30:00.000"), (None, "6:00:00.000")])
def test_a_contest_that_runs_or_was_not_frozen_is_not_thawed(freeze: str | None, now: str) -> None:
    before = played_to(bare(scoreboard_freeze_duration=freeze), now)
    assert refused(before, now, thawed="now").ground == "forbidden"


def test_a_contest_is_made_final_with_its_extra_bronzes_and_reopened() -> None:
    before = played_to(furnished(clock=False), "5:00:00.000")
    take(before, put(state(started=START, frozen=FROZEN, ended=ENDED)))
    changes = decide_state(before, StatePatch(finalized="now", extra_bronzes=2), at("6:00:00.000"))
    assert types(changes) == ["x-settings", "state"]
    take(before, changes)
    assert before.settings.awards.extra_bronzes == 2
    assert not before.settings.clock
    for patch in ({"ended": None}, {"extra_bronzes": 3}, {"removed_intervals": None}, {"frozen": None}):
        assert refused(before, "6:10:00.000", **patch).ground == "forbidden"
    assert present(patched(before, "6:10:00.000", thawed="now")).thawed
    assert present(patched(before, "6:20:00.000", finalized=None)).finalized is None


def test_a_final_contest_is_reopened_before_and_after_the_thaw_and_checked_again() -> None:
    """While it is open something new may come, which stands against making it final once more."""
    before = patched(played_to(furnished(), "5:00:00.000"), "5:10:00.000", finalized="now")
    again = patched(before, "5:20:00.000", finalized=None)
    assert (present(again).finalized, present(again).thawed) == (None, None)
    take(again, put(submission("s1", "t1", "a", "0:05:00.000")))
    assert "s1" in refused(again, "5:30:00.000", finalized="now").reason
    take(again, put(judgement("j1", "s1", "JE", "0:06:00.000")))
    assert "judging error" in refused(again, "5:30:00.000", finalized="now").reason
    take(again, put(judgement("j1", "s1", "AC", "0:06:00.000")))
    thawed = patched(again, "5:40:00.000", finalized="now", thawed="now")
    assert present(patched(thawed, "5:50:00.000", finalized=None)).finalized is None
    over = patched(thawed, "6:00:00.000", finalized="now", end_of_updates="now")
    assert refused(over, "6:10:00.000", finalized=None).ground == "forbidden"


def test_what_a_patch_brings_into_the_contest_must_be_judged_before_it_is_final() -> None:
    """A removed interval moves a submission that came after the end into the contest."""
    before = played_to(furnished(), "7:00:00.000")
    take(before, put(submission("s1", "t1", "a", "5:30:00.000")))
    assert "s1" in refused(before, "7:00:00.000", finalized="now", **AN_HOUR_OUT).reason
    assert present(patched(before, "7:00:00.000", finalized="now")).finalized


def test_a_contest_is_not_final_while_it_runs_or_anything_is_open() -> None:
    before = played_to(furnished(), "4:30:00.000")
    take(before, put(submission("s1", "t1", "a", "0:05:00.000")))
    assert refused(before, "4:30:00.000", finalized="now").ground == "forbidden"
    played_to(before, "5:00:00.000")
    refusal = refused(before, "5:00:00.000", finalized="now")
    assert (refusal.ground, "s1" in refusal.reason) == ("conflict", True)
    take(before, put(judgement("j1", "s1", "AC", "0:06:00.000")))
    assert present(patched(before, "5:00:00.000", finalized="now")).finalized == ENDED


def test_the_end_of_updates_is_the_very_last_event() -> None:
    before = patched(played_to(bare(), "5:00:00.000"), "5:10:00.000", thawed="now")
    patch = StatePatch(finalized="now", extra_bronzes=1, end_of_updates="now")
    changes = decide_state(before, patch, at("5:20:00.000"))
    assert types(changes) == ["x-settings", "state", "state"]
    take(before, changes)
    assert present(before).finalized == present(before).end_of_updates == moment("5:20:00.000")
    for value in (None, "now"):
        assert refused(before, "6:00:00.000", end_of_updates=value).ground == "forbidden"


def with_awards(before: ContestState, contest_time: str) -> ContestState:
    """The contest then, its awards kept here but not brought up to date since teams t1 to t3 solved a problem each."""
    take(before, [settings(Settings(clock=True, awards=AwardSettings(computed=True, rule="world-finals", bronze=0)))])
    for number, team_id in enumerate(("t1", "t2", "t3"), start=1):
        made = f"0:{number}0:00.000"
        take(
            before, put(submission(f"s{number}", team_id, "a", made), judgement(f"j{number}", f"s{number}", "AC", made))
        )
    return played_to(before, contest_time)


def awarded(after: ContestState) -> dict[str, list[str] | None]:
    """Who holds which award."""
    awards = cast("dict[str, Award]", dict(after.objects["awards"]))
    return {award.id: award.team_ids for award in awards.values()}


def test_updates_do_not_end_with_stale_awards() -> None:
    """What the server has not brought up to date stands right before the end, in the same batch."""
    before = with_awards(furnished(scoreboard_freeze_duration=None), "5:00:00.000")
    assert awarded(before).get("winner") is None
    patched(before, "6:00:00.000", finalized="now")
    changes = decide_state(before, StatePatch(end_of_updates="now"), at("6:00:00.000"))
    assert set(types(changes[:-1])) == {"awards"}
    assert changes[-1].type == "state"
    take(before, changes)
    assert before.ended_updates
    assert awarded(before)["winner"] == awarded(before)["first-to-solve-a"] == ["t1"]
    assert computed_awards(before, Board(before, frozen=False)).items() <= before.objects["awards"].items()


def test_updates_end_with_the_awards_of_what_changes_beside_it() -> None:
    """Extra bronzes, and an end that leaves submissions outside, count for the awards of the same patch."""
    before = with_awards(furnished(scoreboard_freeze_duration=None), "1:00:00.000")
    everything = {"ended": moment("0:25:00.000"), "finalized": "now", "end_of_updates": "now", "extra_bronzes": 1}
    after = patched(before, "1:00:00.000", **everything)
    assert computed_awards(after, Board(after, frozen=False)).items() <= after.objects["awards"].items()
    assert "t3" in (awarded(after)[HONORABLE_MENTION] or ())
    assert after.settings.awards.extra_bronzes == 1


def test_updates_end_with_the_awards_of_their_source() -> None:
    before = played_to(furnished(scoreboard_freeze_duration=None), "5:00:00.000")
    changes = decide_state(before, StatePatch(finalized="now", end_of_updates="now"), at("6:00:00.000"))
    assert types(changes) == ["state", "state"]


def test_a_contest_longer_than_the_calendar_can_be_conducted() -> None:
    before = played_to(bare(duration="999999999:00:00.000"), "1:00:00.000")
    assert refused(before, "1:00:00.000", thawed="now").ground == "forbidden"
    with pytest.raises(Refused, match="9999"):
        decide_thaw_time(before, moment("9:00:00.000"), at("1:00:00.000"))
    assert its_contest(patched(before, "1:00:00.000", ended="now")).duration == "1:00:00.000"


def test_updates_do_not_end_before_the_contest_is_final_and_thawed() -> None:
    before = played_to(bare(), "5:00:00.000")
    assert refused(before, "6:00:00.000", end_of_updates="now").property == "end_of_updates"
    assert refused(before, "6:00:00.000", finalized="now", end_of_updates="now").ground == "forbidden"
    never_frozen = played_to(bare(scoreboard_freeze_duration=None), "5:00:00.000")
    assert never_frozen.state
    assert patched(never_frozen, "6:00:00.000", finalized="now", end_of_updates="now").ended_updates

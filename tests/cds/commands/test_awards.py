"""Decisions on awards: they follow every verdict, a client may take some over, and the freeze is kept."""

import re

import msgspec
import pytest
from hypothesis import event, given
from hypothesis import strategies as st

from cds.commands.awards import decide_computed_awards, refuse_exclusive, released_team, taken_over
from cds.commands.decision import ObjectChange, Refused
from projections.awards import computed_awards
from projections.contest import ContestState
from projections.scoreboard import Board
from schemas.object_types import SINGLETON_ID
from schemas.objects import Award, ContestObject
from schemas.records import EXCLUSIVE_KINDS, AwardSettings, Settings
from tests.builders import (
    START,
    Played,
    Reader,
    gone,
    judgement,
    moment,
    problem,
    put,
    small_contest,
    state,
    submission,
    team,
)
from tests.histories import History, histories
from tests.projections.slow_awards import slow_awards
from tests.projections.slow_scoreboard import fold
from tests.projections.test_law_embargo import JURY, OUTSIDERS, Pair, pairs

TOKEN = re.compile(rb'"token":"[^"]*"')


def kept(**changes: object) -> ObjectChange:
    """Settings under which the server keeps the awards."""
    awards = msgspec.structs.replace(AwardSettings(computed=True), **changes)
    return ObjectChange("x-settings", SINGLETON_ID, Settings(awards=awards))


class Kept:
    """A state in which the awards are brought up to date after every change; `changes` is all that happened."""

    def __init__(self, *changes: ObjectChange) -> None:
        self.state = ContestState()
        self.changes: list[ObjectChange] = []
        self._board = Board(self.state, frozen=False)
        self.play(*changes)

    def play(self, *changes: ObjectChange) -> None:
        for change in changes:
            self._apply(change)
            for following in self.missing():
                self._apply(following)

    def missing(self) -> list[ObjectChange]:
        """What the awards lack now."""
        return decide_computed_awards(self.state, computed_awards(self.state, self._board))

    def write(self, award_id: str, award: Award | None) -> None:
        """What a client does to an award, as the generic writers do it."""
        refuse_exclusive(self.state, award_id)
        self.play(*taken_over(self.state, award_id), ObjectChange("awards", award_id, award))

    def teams(self, award_id: str) -> list[str] | None:
        award = self.state.objects["awards"][award_id]
        assert isinstance(award, Award)
        return award.team_ids

    def _apply(self, change: ObjectChange) -> None:
        self.changes.append(change)
        self.state.apply(self.state.position + 1, change.type, change.id, change.instance)
        self._board.note((change.type, change.id))


def verdict(name: str) -> list[ObjectChange]:
    """A verdict on the submission of the second team."""
    return put(judgement("j2", "s2", name, "4:00:10.000"))


def award(award_id: str, *team_ids: str) -> Award:
    return Award(id=award_id, citation="given by a client", team_ids=list(team_ids))


def by_client() -> Kept:
    """A contest that runs, with shared medals."""
    return Kept(kept(), *small_contest())


@given(histories(), st.sampled_from(["places", "world-finals"]))
def test_after_every_change_the_awards_are_the_computed_ones(history: History, rule: str) -> None:
    """Against the slow implementation; deciding a second time adds nothing."""
    contest = Kept(kept(rule=rule))
    for change in history.changes:
        contest.play(change)
        assert contest.missing() == []
    objects = fold((change.type, change.id, change.instance) for change in contest.changes if change.type[:2] != "x-")
    present = {i: (a.citation, a.team_ids) for i, a in objects.get("awards", {}).items() if isinstance(a, Award)}
    expected = slow_awards(objects, contest.state.settings, lambda name: name)
    if contest.state.contest is not None and not contest.state.ended_updates:
        assert {i: present[i] for i in expected} == expected
        assert not [i for i in present if i not in expected and re.match("first-to-|group-w|organization-w|rank-", i)]
    event(f"somebody holds something: {any(teams for _, teams in expected.values())}")


def test_a_verdict_moves_the_awards_and_another_takes_them_back() -> None:
    contest = by_client()
    assert contest.teams("first-to-solve-b") == []
    contest.play(*verdict("AC"))
    assert contest.teams("first-to-solve-b") == ["t2"]
    assert contest.teams("gold-medal") == ["t1", "t2"]
    contest.play(*verdict("WA"))
    assert contest.teams("first-to-solve-b") == []
    assert contest.teams("gold-medal") == ["t1"]


def test_only_differences_are_written() -> None:
    contest = by_client()
    before = len(contest.changes)
    contest.play(*verdict("AC"))
    moved = [change.id for change in contest.changes[before:]]
    assert moved == ["j2", "gold-medal", "first-to-solve-b"]


def test_an_award_that_a_client_took_over_is_left_alone() -> None:
    """Requirement 97: until somebody says otherwise the client is responsible."""
    contest = by_client()
    contest.write("gold-medal", award("gold-medal", "t2"))
    contest.play(*verdict("AC"))
    assert contest.teams("gold-medal") == ["t2"]
    assert contest.teams("winner") == ["t1"]
    assert contest.state.settings.awards.taken_over == ("gold-medal",)
    contest.write("gold-medal", award("gold-medal", "t3"))
    assert contest.state.settings.awards.taken_over == ("gold-medal",)


def test_an_award_that_a_client_deleted_stays_away() -> None:
    contest = by_client()
    contest.write("bronze-medal", None)
    contest.play(*verdict("AC"))
    assert "bronze-medal" not in contest.state.objects["awards"]


@pytest.mark.parametrize("award_id", ["winner", "first-to-solve-a", "group-winner-main", "organization-winner-uni"])
def test_an_award_that_the_server_keeps_alone_is_refused(award_id: str) -> None:
    """Requirement 95."""
    contest = by_client()
    with pytest.raises(Refused, match=f"award {award_id} is kept by this server") as refused:
        contest.write(award_id, award(award_id, "t2"))
    assert (refused.value.ground, refused.value.property) == ("forbidden", "id")


@pytest.mark.parametrize("award_id", ["gold-medal", "best-costume", "honors", "rank-9"])
def test_any_other_award_is_the_clients(award_id: str) -> None:
    """Shared ones, any other name, and kinds that this contest does not have."""
    contest = by_client()
    contest.write(award_id, award(award_id, "t2"))
    contest.play(*verdict("AC"))
    assert contest.state.objects["awards"][award_id] == award(award_id, "t2")


def test_an_exclusive_name_is_the_servers_before_there_is_what_it_names() -> None:
    contest = by_client()
    with pytest.raises(Refused, match="award first-to-solve-z is kept by this server"):
        contest.write("first-to-solve-z", award("first-to-solve-z", "t2"))
    contest.play(*put(problem("z", 2)))
    assert contest.teams("first-to-solve-z") == []


def test_an_award_that_a_client_made_before_the_server_had_it_remains_the_clients() -> None:
    contest = Kept(kept(exclusive=("winner",)), *small_contest())
    contest.write("first-to-solve-z", award("first-to-solve-z", "t2"))
    contest.play(kept(taken_over=contest.state.settings.awards.taken_over), *put(problem("z", 2)))
    assert contest.teams("first-to-solve-z") == ["t2"]
    contest.write("first-to-solve-z", award("first-to-solve-z", "t3"))
    assert contest.teams("first-to-solve-z") == ["t3"]


def test_what_is_exclusive_is_configuration() -> None:
    contest = Kept(kept(exclusive=("medals",)), *small_contest())
    contest.write("winner", award("winner", "t2"))
    assert contest.teams("winner") == ["t2"]
    with pytest.raises(Refused):
        contest.write("silver-medal", None)
    kinds = Kept(kept(kinds=("medals",), exclusive=EXCLUSIVE_KINDS), *small_contest())
    kinds.write("winner", award("winner", "t3"))
    assert kinds.teams("winner") == ["t3"]
    assert kinds.state.settings.awards.taken_over == ()


def test_awards_of_a_source_are_the_sources() -> None:
    contest = Kept(*small_contest())
    assert contest.teams("winner") == ["t1"]
    assert "gold-medal" not in contest.state.objects["awards"]
    assert taken_over(contest.state, "winner") == []
    refuse_exclusive(contest.state, "winner")


def test_an_award_goes_with_what_it_is_named_after() -> None:
    """The problem, the group; an award of a client that is only named so stays."""
    contest = Kept(kept(exclusive=("winner",)), *small_contest())
    contest.write("group-winner-women", award("group-winner-women", "t1"))
    contest.play(*put(problem("c", 2)))
    assert contest.teams("first-to-solve-c") == []
    contest.play(gone("problems", "c"), *put(team("t1", None), team("t2", None)))
    assert "first-to-solve-c" not in contest.state.objects["awards"]
    assert "group-winner-main" not in contest.state.objects["awards"]
    assert contest.teams("group-winner-women") == ["t1"]


def test_nothing_is_decided_after_the_updates_have_ended() -> None:
    contest = by_client()
    over = {"ended": moment("5:00:00.000"), "thawed": moment("6:00:00.000"), "finalized": moment("6:00:00.000")}
    contest.play(*put(state(started=START, **over, end_of_updates=moment("6:00:00.000"))))
    settled = len(contest.changes)
    contest.play(*verdict("AC"))
    assert len(contest.changes) == settled + 1


def test_nothing_is_decided_without_a_contest() -> None:
    contest = by_client()
    contest.play(gone("contest"), gone("awards", "winner"))
    assert contest.missing() == []
    assert "winner" not in contest.state.objects["awards"]


def test_a_team_is_taken_out_of_the_servers_awards_before_it_goes() -> None:
    """An honourable mention is given to teams that never submitted anything."""
    contest = Kept(kept(rule="world-finals", gold=1, silver=0, bronze=0), *small_contest(), *put(team("t9", ["main"])))
    contest.write("best-costume", award("best-costume", "t9"))
    assert contest.teams("honorable-mention") == ["t2", "t9"]
    contest.write("high-honors", award("high-honors", "t9"))
    assert [(change.id, names(change.instance)) for change in released_team(contest.state, "t9")] == [
        ("honorable-mention", ["t2"])
    ]


def names(instance: object) -> list[str] | None:
    assert isinstance(instance, Award)
    return instance.team_ids


@given(pairs(same_events=False))
def test_the_awards_tell_nothing_of_the_freeze(pair: Pair) -> None:
    """Law 3 with awards that follow hidden verdicts: other awards, and nobody behind the freeze can tell."""
    one, other = (Played(Kept(kept(), *changes).changes) for changes in pair)
    event(f"the jury sees other awards: {one.shown(JURY).get('awards') != other.shown(JURY).get('awards')}")
    for reader in OUTSIDERS:
        assert TOKEN.sub(b"", one.feed(reader)) == TOKEN.sub(b"", other.feed(reader)), reader
        assert one.shown(reader) == other.shown(reader), reader


def test_the_awards_of_the_freeze_are_shown_after_thaw() -> None:
    """A verdict of the freeze changes who is first; the public sees it when the contest is thawed."""
    frozen = Kept(kept(), *small_contest(), *put(state(started=START, frozen=moment("4:00:00.000"))))
    late: list[ContestObject] = [submission("s9", "t2", "b", "4:30:00.000"), judgement("j9", "s9", "AC", "4:31:00.000")]
    frozen.play(*put(*late))
    public = Reader("public")
    assert b'"team_ids":[]' in Played(frozen.changes).shown(public)["awards"]["first-to-solve-b"]
    assert b'"team_ids":["t2"]' in Played(frozen.changes).shown(JURY)["awards"]["first-to-solve-b"]
    frozen.play(*put(state(started=START, frozen=moment("4:00:00.000"), thawed=moment("6:00:00.000"))))
    assert b'"team_ids":["t2"]' in Played(frozen.changes).shown(public)["awards"]["first-to-solve-b"]

"""The scoreboard of a contest, live or frozen, kept up to date event by event.

A board follows one ContestState: after every event it marks what may have changed, and when somebody looks it
recomputes those teams alone. What it shows depends on the state alone, not on how the state came about.
How submissions become rows is in `scoring`. This module must not know roles, wires or clocks.
"""

from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from typing import cast

import msgspec

from projections.contest import SETTINGS, ContestState
from projections.integrity import Key
from projections.places import Places
from projections.ranking import Ranking
from projections.scoring.sheet import Computed, Sheet
from projections.scoring.terms import Submitted, Terms
from projections.submission_scores import ScoringBasis, contribution, official_of, run_has_a_say, scoring_basis
from projections.timeline import moment_ms
from schemas.aggregates import Scoreboard
from schemas.objects import Judgement, JudgementType, Problem, Run, State, Submission, Team
from schemas.times import format_relative_time, format_time, parse_relative_time_ms, parse_time_ms, zone_of

TERMS_TYPES = frozenset({"contest", "state", "problems", "judgement-types"})
"""The object types that decide how everything is scored."""

SHAPING_TYPES = TERMS_TYPES | {"submissions", "judgements", "teams", "groups"}
"""The object types on which a board rests at all."""

RANKED_TYPES = TERMS_TYPES | {"teams", "groups"}
"""The object types that decide which teams a board shows, and under which terms."""

CAUGHT_UP_AT_ONCE = 100
"""Submissions, some with all their runs, that are taken in between two turns of whoever makes a board ready before."""

TEAMS_AT_ONCE = 100
"""Teams that are computed between two such turns."""

STATE_MOMENTS = ("started", "frozen", "ended", "thawed", "finalized", "end_of_updates")

_ENCODER = msgspec.json.Encoder()
_END_WITHOUT_ROWS = b"]}"


class UnknownGroup(LookupError):
    """A board was asked for of a group that does not exist."""


class Standing(msgspec.Struct, frozen=True):
    """A team's place on a board: its rank, which equal teams share, and the problems it solved.

    In a score contest `points` is the total score.
    """

    rank: int
    team_id: str
    points: int | float


class Board:
    """One kind of board over one state.

    A frozen board counts every submission from the freeze on as pending, whatever its verdict, until thaw; a
    live one knows no freeze. `recomputed_teams` counts how often a team was computed, for tests and metrics.
    `ranked_position` is the position of the last event that may have changed who stands where, or who was first.
    """

    def __init__(
        self,
        state: ContestState,
        *,
        frozen: bool,
        submission_places: Places | None = None,
        judgement_places: Places | None = None,
    ) -> None:
        """A board that shows what the state says already, and follows it from here on by `note`.

        The places are given where somebody knows them better than the state does.
        """
        self.recomputed_teams = 0
        self.ranked_position = state.position
        self._latest_ms = max(state.submission_times_ms.values(), default=None)
        self._state = state
        self._frozen = frozen
        self._terms: Terms | None = None
        self._terms_noted = True
        self._basis: ScoringBasis | None = None
        self._sheets: dict[str, Sheet] = {}
        self._submitted: dict[str, Submitted] = {}
        self._submission_places = submission_places or Places(state.objects["submissions"])
        self._judgement_places = judgement_places or Places(state.objects["judgements"])
        judgements = cast("Mapping[str, Judgement]", state.objects["judgements"])
        self._judged_submissions = {identifier: each.submission_id for identifier, each in judgements.items()}
        self._submissions_noted = dict.fromkeys((*state.objects["submissions"], *self._judged_submissions.values()))
        self._answers: dict[tuple[str | None, bool], bytes] = {}
        self._rankings: dict[str | None, Ranking] = {}

    def note(self, key: Key) -> None:
        """Take note that the object under `key` was created, changed or deleted.

        To be called after every `ContestState.apply`, before the next one; objects that merely depend on the
        changed one need no note of their own, and do no harm.
        """
        type_name, identifier = key
        if type_name == SETTINGS:
            # The pace may be another one, and with it the contest time at which a freeze by hand began.
            self._terms_noted = True
            self._answers.clear()
        if type_name not in SHAPING_TYPES:
            if type_name == "runs" and self._basis is not None:
                self._note_run(identifier, self._basis)
            return
        if type_name != "submissions" or not self._adds_nothing_yet(identifier):
            self.ranked_position = self._state.position
        self._answers.clear()
        if type_name in RANKED_TYPES:
            self._rankings.clear()
        if type_name in TERMS_TYPES:
            self._terms_noted = True
        elif type_name == "submissions":
            self._submission_places.note(identifier, present=identifier in self._state.objects["submissions"])
            self._submissions_noted[identifier] = None
        elif type_name == "judgements":
            self._note_judgement(identifier)

    def catching_up(self) -> Iterator[None]:
        """Takes in what was noted, some at each step. Nobody has to: whoever looks at the board gets all of it."""
        self._renew_terms()
        while noted := list(islice(self._submissions_noted, CAUGHT_UP_AT_ONCE)):
            for identifier in noted:
                self._replace(identifier, self._read(identifier))
                del self._submissions_noted[identifier]
            yield
        self._catch_up()
        while stale := list(islice((team_id for team_id, sheet in self._sheets.items() if sheet.stale), TEAMS_AT_ONCE)):
            # Between two steps anything may have happened, so the terms are asked for again.
            terms = self._catch_up()
            for team_id in stale:
                self._computed(team_id, terms)
            yield

    @property
    def far_behind(self) -> bool:
        """Whether to look at the board takes so long that it is better made ready by `catching_up`."""
        if len(self._submissions_noted) > CAUGHT_UP_AT_ONCE:
            return True
        return (self._terms is None or self._terms_noted) and len(self._sheets) > TEAMS_AT_ONCE

    def scoreboard(self, group_id: str | None = None, *, problems_visible: bool = True) -> bytes:
        """The board as JSON: of the main group (all teams when there is none), or of one group.

        Either is ranked from 1. `problems_visible` false is for those who do not see the problems yet: nothing
        counts then, and no row has cells. Raises UnknownGroup.
        """
        request = (group_id, problems_visible)
        answer = self._answers.get(request)
        if answer is None:
            answer = self._encoded(self._ranking(group_id) if problems_visible else self._unsolved(group_id))
            self._answers[request] = answer
        return answer

    def standing(self, group_id: str | None = None) -> list[Standing]:
        """The rows of the board, as `scoreboard` has them, without their cells. Raises UnknownGroup."""
        ranked = self._ranking(group_id).ranked()
        # Teams are ordered by what they solved or scored before anything else, the most first.
        return [Standing(rank, computed.team_id, -computed.order[0]) for rank, computed in ranked]

    def first_to_solve(self) -> dict[str, str]:
        """The team of the main board that solved a problem first, by problem, as far as it is decided.

        First is the submission with the earliest contest time, then the earliest in the log. As long as an
        earlier one of these teams on the problem is pending, the problem is left out (JSON Format, "Awards").
        """
        terms = self._catch_up()
        teams = self._ranking(None).computed()
        found = {problem.id: _first_to_solve(problem.id, teams) for problem in terms.problems}
        return {problem_id: team_id for problem_id, team_id in found.items() if team_id is not None}

    @property
    def terms(self) -> Terms:
        """What decides at present how submissions are scored."""
        return self._catch_up()

    def submitted(self) -> Mapping[str, Submitted]:
        """What is known at present of every submission of a team, by id."""
        self._catch_up()
        return self._submitted

    def judgement_that_counts(self, submission_id: str) -> Judgement | None:
        """The completed judgement that counts for a submission, None while there is none."""
        return self._current_judgement(list(self._state.judgements_of(submission_id)))

    def _adds_nothing_yet(self, identifier: str) -> bool:
        """Whether a submission is new, pending and no earlier than any other: no rank or first solve rests on it."""
        time_ms = self._state.submission_times_ms.get(identifier)
        if time_ms is None:
            return False
        is_last = self._latest_ms is None or time_ms >= self._latest_ms
        self._latest_ms = time_ms if is_last else self._latest_ms
        is_new = not self._submission_places.has(identifier)
        return is_last and is_new and next(self._state.judgements_of(identifier), None) is None

    def _note_judgement(self, identifier: str) -> None:
        judgement = cast("Judgement | None", self._state.objects["judgements"].get(identifier))
        self._judgement_places.note(identifier, present=judgement is not None)
        before = self._judged_submissions.pop(identifier, None)
        if before is not None:
            self._submissions_noted[before] = None
        if judgement is not None:
            self._judged_submissions[identifier] = judgement.submission_id
            self._submissions_noted[judgement.submission_id] = None

    def _note_run(self, identifier: str, basis: ScoringBasis) -> None:
        """A run that comes, changes or goes is one of the submission whose score it has a say in."""
        run = cast("Run | None", self._state.objects["runs"].get(identifier))
        for judgement_id in {self._state.left_judgement_id, None if run is None else run.judgement_id} - {None}:
            submission_id = run_has_a_say(self._state, basis, cast("str", judgement_id))
            if submission_id is not None:
                self.ranked_position = self._state.position
                self._answers.clear()
                self._submissions_noted[submission_id] = None

    def _catch_up(self) -> Terms:
        """Bring everything that was noted into the sheets of the teams concerned."""
        terms = self._renew_terms()
        for identifier in self._submissions_noted:
            self._replace(identifier, self._read(identifier))
        self._submissions_noted.clear()
        return terms

    def _renew_terms(self) -> Terms:
        """The terms as they are now; when they have changed, everything that rests on them is forgotten."""
        terms = self._terms
        if terms is None or self._terms_noted:
            terms = _terms_of(self._state, frozen=self._frozen)
            if terms != self._terms:
                self._terms = terms
                self._rankings.clear()
                for sheet in self._sheets.values():
                    sheet.forget_computed()
            basis = scoring_basis(self._state)
            if basis != self._basis:
                self._basis = basis
                self._submissions_noted |= dict.fromkeys(self._state.objects["submissions"])
            self._terms_noted = False
        return terms

    def _replace(self, identifier: str, after: Submitted | None) -> None:
        before = self._submitted.get(identifier)
        if before == after:
            return
        if before is not None:
            del self._submitted[identifier]
            self._put(before, identifier, None)
        if after is not None:
            self._submitted[identifier] = after
            self._put(after, identifier, after)

    def _put(self, where: Submitted, identifier: str, after: Submitted | None) -> None:
        """Put a submission into the sheet where it belongs, or take it out."""
        self._sheet(where.team_id).replace(where.problem_id, identifier, after)
        for ranking in self._rankings.values():
            ranking.note(where.team_id)

    def _sheet(self, team_id: str) -> Sheet:
        sheet = self._sheets.get(team_id)
        if sheet is None:
            sheet = self._sheets[team_id] = Sheet(team_id)
        return sheet

    def _read(self, identifier: str) -> Submitted | None:
        """A submission with its judgements; None when there is none, or none of a team."""
        submission = cast("Submission | None", self._state.objects["submissions"].get(identifier))
        if submission is None or submission.team_id is None:
            return None
        judgements = list(self._state.judgements_of(identifier))
        current = self._current_judgement(judgements)
        scored = contribution(self._state, self._basis, submission.problem_id, current)
        told_ms = [parse_time_ms(each.end_time) for each in judgements if each.end_time is not None]
        if scored.run_ms is not None:
            told_ms.append(scored.run_ms)
        return Submitted(
            team_id=submission.team_id,
            problem_id=submission.problem_id,
            order=(self._state.submission_times_ms[identifier], self._submission_places.of(identifier)),
            time_ms=parse_time_ms(submission.time),
            judged_ms=max(told_ms, default=None),
            judgement_type_id=None if current is None else current.verdict,
            score=scored.score,
            parts=scored.parts,
            official=official_of(submission),
        )

    def _current_judgement(self, judgements: Iterable[Judgement]) -> Judgement | None:
        """The completed judgement that counts; of several the one started last, then the last in the log."""
        completed = [
            judgement for judgement in judgements if judgement.current is not False and judgement.verdict is not None
        ]
        if len(completed) <= 1:
            return completed[0] if completed else None
        places = self._judgement_places
        return max(completed, key=lambda each: (parse_time_ms(each.start_time), places.of(each.id)))

    def _teams(self, group_id: str | None) -> list[Team]:
        """The teams of a group; without one those of the main group, and all when there is no main group."""
        if group_id is not None and group_id not in self._state.objects["groups"]:
            raise UnknownGroup(f"no group {group_id!r}")
        return teams_on_board(self._state, group_id)

    def _ranking(self, group_id: str | None) -> Ranking:
        """The teams of a group, ranked as of now."""
        terms = self._catch_up()
        ranking = self._rankings.get(group_id)
        if ranking is None:
            teams = self._teams(group_id)
            ranking = self._rankings[group_id] = Ranking((self._computed(team.id, terms), team) for team in teams)
        for team_id in ranking.take_noted():
            ranking.replace(self._computed(team_id, terms))
        return ranking

    def _unsolved(self, group_id: str | None) -> Ranking:
        """The teams of a group as they stand before there is any problem."""
        before_problems = msgspec.structs.replace(self._catch_up(), problems=())
        return Ranking((Sheet(team.id).computed(before_problems), team) for team in self._teams(group_id))

    def _encoded(self, ranking: Ranking) -> bytes:
        known_ms = [computed.known_ms for computed in ranking.computed() if computed.known_ms is not None]
        head = _ENCODER.encode(self._head(max(known_ms, default=None)))
        return head.removesuffix(_END_WITHOUT_ROWS) + b",".join(ranking.rows()) + _END_WITHOUT_ROWS

    def _computed(self, team_id: str, terms: Terms) -> Computed:
        sheet = self._sheet(team_id)
        self.recomputed_teams += sheet.stale
        return sheet.computed(terms)

    def _head(self, known_ms: int | None) -> Scoreboard:
        """The board without rows; `known_ms` is the last time that its submissions and judgements tell of."""
        contest, state = self._state.contest, self._state.state or State()
        start = None if contest is None else contest.start_time
        candidates_ms = [*_state_moments_ms(state), *(() if known_ms is None else (known_ms,))]
        time_ms = max(candidates_ms, default=0 if start is None else parse_time_ms(start))
        return Scoreboard(
            time=format_time(time_ms) if start is None else format_time(time_ms, zone_of(start)),
            contest_time=format_relative_time(self._state.timeline.contest_time_ms(time_ms)),
            state=state,
            rows=[],
        )


def teams_on_board(state: ContestState, group_id: str | None = None) -> list[Team]:
    """The teams of a group; without one those of the main group, and all when the contest has no main group."""
    contest = state.contest
    shown_id = group_id if group_id is not None or contest is None else contest.main_scoreboard_group_id
    teams = cast("Iterable[Team]", state.objects["teams"].values())
    return [team for team in teams if shown_id is None or shown_id in (team.group_ids or ())]


def first_to_solve(state: ContestState, *, frozen: bool) -> dict[str, str]:
    """The team that solved a problem first, by problem; see `Board.first_to_solve`."""
    return Board(state, frozen=frozen).first_to_solve()


def _first_to_solve(problem_id: str, teams: Iterable[Computed]) -> str | None:
    cells = [(team.cells[problem_id], team.team_id) for team in teams]
    solves = [(cell.first_solve, team_id) for cell, team_id in cells if cell.first_solve is not None]
    pending = [cell.first_pending for cell, _ in cells if cell.first_pending is not None]
    if not solves:
        return None
    order, team_id = min(solves)
    return None if pending and min(pending) < order else team_id


def _terms_of(state: ContestState, *, frozen: bool) -> Terms:
    contest = state.contest
    penalty = None if contest is None else contest.penalty_time
    problems = cast("Iterable[Problem]", state.objects["problems"].values())
    return Terms(
        scoreboard_type="pass-fail" if contest is None else contest.scoreboard_type,
        penalty_ms=0 if penalty is None else parse_relative_time_ms(penalty),
        duration_ms=state.timeline.duration_ms,
        embargo_ms=state.timeline.embargo_ms if frozen else None,
        problems=tuple(sorted(problems, key=lambda problem: (problem.ordinal, problem.id))),
        judgement_types=dict(cast("dict[str, JudgementType]", state.objects["judgement-types"])),
    )


def _state_moments_ms(state: State) -> Iterator[int]:
    """Every moment that the state object tells of."""
    for name in STATE_MOMENTS:
        time_ms = moment_ms(getattr(state, name))
        if time_ms is not None:
            yield time_ms
    for interval in state.removed_intervals or ():
        yield parse_time_ms(interval.start)
        if interval.end is not None:
            yield parse_time_ms(interval.end)

"""The scoreboard of a contest, live or frozen, kept up to date event by event.

A board follows one ContestState: after every event it marks what may have changed, and when somebody looks it
recomputes those teams alone. What it shows depends on the state alone, not on how the state came about.
How submissions become rows is in `scoring`. This module must not know roles, wires or clocks.
"""

from collections.abc import Iterable, Iterator
from itertools import groupby
from typing import cast

import msgspec

from projections.collation import collation_key
from projections.contest import ContestState
from projections.integrity import Key
from projections.scoring.sheet import Computed, Sheet, Submitted, Terms
from projections.timeline import moment_ms
from schemas.aggregates import Scoreboard
from schemas.objects import Judgement, JudgementType, Problem, State, Submission, Team
from schemas.times import format_relative_time, format_time, parse_relative_time_ms, parse_time_ms, zone_of

TERMS_TYPES = frozenset({"contest", "state", "problems", "judgement-types"})
"""The object types that decide how everything is scored."""

SHAPING_TYPES = TERMS_TYPES | {"submissions", "judgements", "teams", "groups"}
"""The object types on which a board rests at all."""

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
    `shaped_position` is the position of the last event that may have changed what the board shows.
    """

    def __init__(self, state: ContestState, *, frozen: bool) -> None:
        """A board that shows what the state says already, and follows it from here on by `note`."""
        self.recomputed_teams = 0
        self.shaped_position = state.position
        self._state = state
        self._frozen = frozen
        self._terms: Terms | None = None
        self._terms_noted = True
        self._sheets: dict[str, Sheet] = {}
        self._submitted: dict[str, Submitted] = {}
        self._submissions_noted: dict[str, None] = {}
        self._submission_places = _Places()
        self._judgement_places = _Places()
        self._judged_submissions: dict[str, str] = {}
        self._answers: dict[tuple[str | None, bool], bytes] = {}
        for type_name in ("submissions", "judgements"):
            for identifier in state.objects[type_name]:
                self.note((type_name, identifier))

    def note(self, key: Key) -> None:
        """Take note that the object under `key` was created, changed or deleted.

        To be called after every `ContestState.apply`, before the next one; objects that merely depend on the
        changed one need no note of their own, and do no harm.
        """
        type_name, identifier = key
        if type_name not in SHAPING_TYPES:
            return
        self.shaped_position = self._state.position
        self._answers.clear()
        if type_name in TERMS_TYPES:
            self._terms_noted = True
        elif type_name == "submissions":
            self._submission_places.note(identifier, present=identifier in self._state.objects["submissions"])
            self._submissions_noted[identifier] = None
        elif type_name == "judgements":
            self._note_judgement(identifier)

    def scoreboard(self, group_id: str | None = None, *, problems_visible: bool = True) -> bytes:
        """The board as JSON: of the main group (all teams when there is none), or of one group.

        Either is ranked from 1. `problems_visible` false is for those who do not see the problems yet: nothing
        counts then, and no row has cells. Raises UnknownGroup.
        """
        request = (group_id, problems_visible)
        answer = self._answers.get(request)
        if answer is None:
            self._catch_up()
            answer = self._encode(self._teams(group_id), problems_visible=problems_visible)
            self._answers[request] = answer
        return answer

    def standing(self, group_id: str | None = None) -> list[Standing]:
        """The rows of the board, as `scoreboard` has them, without their cells. Raises UnknownGroup."""
        terms = self._catch_up()
        ranked = _ranked((self._computed(team.id, terms), team) for team in self._teams(group_id))
        # Teams are ordered by what they solved or scored before anything else, the most first.
        return [Standing(rank, computed.team_id, -computed.order[0]) for rank, computed in ranked]

    def first_to_solve(self) -> dict[str, str]:
        """The team of the main board that solved a problem first, by problem, as far as it is decided.

        First is the submission with the earliest contest time, then the earliest in the log. As long as an
        earlier one of these teams on the problem is pending, the problem is left out (JSON Format, "Awards").
        """
        terms = self._catch_up()
        sheets = [self._computed(team.id, terms) for team in self._teams(None)]
        found = {problem.id: _first_to_solve(problem.id, sheets) for problem in terms.problems}
        return {problem_id: team_id for problem_id, team_id in found.items() if team_id is not None}

    def _note_judgement(self, identifier: str) -> None:
        judgement = cast("Judgement | None", self._state.objects["judgements"].get(identifier))
        self._judgement_places.note(identifier, present=judgement is not None)
        before = self._judged_submissions.pop(identifier, None)
        if before is not None:
            self._submissions_noted[before] = None
        if judgement is not None:
            self._judged_submissions[identifier] = judgement.submission_id
            self._submissions_noted[judgement.submission_id] = None

    def _catch_up(self) -> Terms:
        """Bring everything that was noted into the sheets of the teams concerned."""
        for identifier in self._submissions_noted:
            self._replace(identifier, self._read(identifier))
        self._submissions_noted.clear()
        terms = self._terms
        if terms is None or self._terms_noted:
            terms = _terms_of(self._state, frozen=self._frozen)
            if terms != self._terms:
                self._terms = terms
                for sheet in self._sheets.values():
                    sheet.forget_computed()
            self._terms_noted = False
        return terms

    def _replace(self, identifier: str, after: Submitted | None) -> None:
        before = self._submitted.get(identifier)
        if before == after:
            return
        if before is not None:
            del self._submitted[identifier]
            self._sheet(before.team_id).replace(before.problem_id, identifier, None)
        if after is not None:
            self._submitted[identifier] = after
            self._sheet(after.team_id).replace(after.problem_id, identifier, after)

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
        ended_ms = [parse_time_ms(each.end_time) for each in judgements if each.end_time is not None]
        return Submitted(
            team_id=submission.team_id,
            problem_id=submission.problem_id,
            order=(self._state.submission_times_ms[identifier], self._submission_places.of(identifier)),
            time_ms=parse_time_ms(submission.time),
            judged_ms=max(ended_ms, default=None),
            judgement_type_id=None if current is None else current.verdict,
            score=None if current is None else current.score,
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

    def _encode(self, teams: Iterable[Team], *, problems_visible: bool) -> bytes:
        terms = self._catch_up()
        if problems_visible:
            sheets = [(self._computed(team.id, terms), team) for team in teams]
        else:
            before_problems = msgspec.structs.replace(terms, problems=())
            sheets = [(Sheet(team.id).computed(before_problems), team) for team in teams]
        known_ms = [computed.known_ms for computed, _ in sheets if computed.known_ms is not None]
        head = _ENCODER.encode(self._head(max(known_ms, default=None)))
        rows = (computed.row(rank) for rank, computed in _ranked(sheets))
        return head.removesuffix(_END_WITHOUT_ROWS) + b",".join(rows) + _END_WITHOUT_ROWS

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


class _Places:
    """The place of every object of a type in the log: where it was created, again after a deletion."""

    def __init__(self) -> None:
        self._places: dict[str, int] = {}
        self._next = 0

    def note(self, identifier: str, *, present: bool) -> None:
        """Give an object that is new its place, and forget one that is gone."""
        if not present:
            self._places.pop(identifier, None)
        elif identifier not in self._places:
            self._places[identifier] = self._next
            self._next += 1

    def of(self, identifier: str) -> int:
        """The place of an object that was noted."""
        return self._places[identifier]


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


def _ranked(teams: Iterable[tuple[Computed, Team]]) -> Iterator[tuple[int, Computed]]:
    """Ranks from 1: equal teams share one, by name among themselves, and the following ranks are skipped."""
    rank = 1
    for _, equals in groupby(sorted(teams, key=lambda each: each[0].order), key=lambda each: each[0].order):
        tied = list(equals)
        if len(tied) > 1:
            tied.sort(key=lambda each: (collation_key(each[1].name), each[1].id))
        for computed, _ in tied:
            yield rank, computed
        rank += len(tied)


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

"""A board over one that stays as it is: what a scoreboard was a little later than another, without making all of it.

The boards of a few moments are kept; that of any other moment stands on the one before it, and only the teams to which
something happened in between are computed anew. This module must not know what a submission is worth.
"""

from collections.abc import Iterator
from typing import cast

from projections.contest import ContestState
from projections.scoreboard import Board
from projections.scoring.sheet import Computed, Sheet
from projections.scoring.terms import Submitted, Terms
from schemas.objects import ContestObject, Judgement, Run


class SheetAbove(Sheet):
    """The sheet of a team that begins as another one is, and leaves it alone."""

    def __init__(self, below: Sheet) -> None:
        """What the other one has computed counts here, until something changes."""
        vars(self).update(vars(below))
        self._attempts = dict(self._attempts)
        self._cells = dict(self._cells)
        self._copied: set[str] = set()

    def replace(self, problem_id: str, submission_id: str, after: Submitted | None) -> None:
        """See Sheet.replace."""
        self._copy(problem_id)
        super().replace(problem_id, submission_id, after)

    def forget_computed(self) -> None:
        """See Sheet.forget_computed."""
        for problem_id in self._attempts:
            self._copy(problem_id)
        super().forget_computed()

    def _copy(self, problem_id: str) -> None:
        """Have attempts of our own to write on."""
        attempts = self._attempts.get(problem_id)
        if attempts is not None and problem_id not in self._copied:
            self._attempts[problem_id] = attempts.copy()
        self._copied.add(problem_id)


class BoardAbove(Board):
    """A board that begins as another one is, over a draft of its state, and leaves it alone."""

    def __init__(self, below: Board, draft: ContestState) -> None:
        """To be told (`note`) whatever happens in the draft from here on. `draft` is one of the state of the other.

        That one has been looked at (`scoreboard`), and nothing may happen to it any more.
        """
        # Everything is as it is there. What would be changed in place is copied, the sheets when they are written on.
        vars(self).update(vars(below))
        self._written: set[str] = set()
        self._state = draft
        self._sheets = dict(self._sheets)
        self._submitted = dict(self._submitted)
        self._submission_places = self._submission_places.copy()
        self._judgement_places = self._judgement_places.copy()
        self._judged_submissions = dict(self._judged_submissions)
        self._submissions_noted = dict(self._submissions_noted)
        self._answers = {}
        self._rankings = {}

    def _sheet(self, team_id: str) -> Sheet:
        """To be written on."""
        if team_id not in self._written:
            self._written.add(team_id)
            if team_id in self._sheets:
                self._sheets[team_id] = SheetAbove(self._sheets[team_id])
        return super()._sheet(team_id)

    def _computed(self, team_id: str, terms: Terms) -> Computed:
        """What the board below has computed counts here, unless something has happened to the team."""
        sheet = self._sheets.get(team_id)
        return super()._computed(team_id, terms) if sheet is None or sheet.stale else sheet.computed(terms)

    def _renew_terms(self) -> Terms:
        """Other terms change every sheet; those of the board below are left as they are."""
        if not self._terms_noted:
            return super()._renew_terms()
        before, sheets = self._terms, self._sheets
        self._sheets = {team_id: sheets[team_id] for team_id in self._written if team_id in sheets}
        terms = super()._renew_terms()
        self._sheets = sheets
        if self._terms is not before:
            for team_id in sheets.keys() - self._written:
                self._sheet(team_id).forget_computed()
        return terms


class BoardBeside(BoardAbove):
    """A board of another moment of the same contest, which may be earlier or later, and shares what did not change."""

    def __init__(self, beside: Board, then: ContestState, state: ContestState) -> None:
        """The board of `state`, given one of `then`. Objects that are the very same in both count as unchanged.

        Raises ValueError where what is unchanged stands in other places: the board has to be made from its beginning.
        """
        super().__init__(beside, state)
        found, places_then = vars(Board(state, frozen=self._frozen)), self._submission_places
        for name in FOUND_IN_STATE:
            setattr(self, name, found[name])
        self._submissions_noted = _submissions_changed(then, state)
        self._terms_noted = True
        for identifier in state.objects["submissions"]:
            place = self._submission_places.of(identifier)
            if identifier not in self._submissions_noted and places_then.of(identifier) != place:
                raise ValueError(f"submission {identifier} stands in another place")


FOUND_IN_STATE = (
    "ranked_position",
    "_latest_ms",
    "_submission_places",
    "_judgement_places",
    "_judged_submissions",
)
"""What a board reads off its state at once."""


def _submissions_changed(then: ContestState, state: ContestState) -> dict[str, None]:
    """The submissions that differ between two states, or of which a judgement does, or a run of one."""
    changed = dict.fromkeys(identifier for identifier, _ in _differing(then, state, "submissions"))
    for _, judgement in _differing(then, state, "judgements"):
        changed[cast("Judgement", judgement).submission_id] = None
    for _, run in _differing(then, state, "runs"):
        judgement_id = cast("Run", run).judgement_id
        for objects in (then.objects["judgements"], state.objects["judgements"]):
            if judgement_id in objects:
                changed[cast("Judgement", objects[judgement_id]).submission_id] = None
    return changed


def _differing(then: ContestState, state: ContestState, type_name: str) -> Iterator[tuple[str, ContestObject]]:
    """The objects of a type that are not the same in both states, from each in which they are."""
    before, after = then.objects[type_name], state.objects[type_name]
    for some, others in ((before, after), (after, before)):
        yield from ((identifier, each) for identifier, each in some.items() if others.get(identifier) is not each)

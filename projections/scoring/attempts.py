"""All submissions of one team to one problem, and what they come to under the terms of the contest.

One that changes costs no more when there are many: what is settled stays folded (folding). This module must not
know other problems or teams, nor how a tally becomes a cell.
"""

from bisect import bisect_left

import msgspec

from projections.scoring import NO_ATTEMPTS, Tally
from projections.scoring.folding import Fold
from projections.scoring.terms import Order, Submitted, Terms


class Outcome(msgspec.Struct, frozen=True, gc=False):
    """What attempts in a row come to: their tally, the first solve, the first that is pending, the last time known of.

    `known_ms` is in milliseconds since the epoch, None where there are no attempts.
    """

    tally: Tally = NO_ATTEMPTS
    first_solve: Order | None = None
    first_pending: Order | None = None
    known_ms: int | None = None

    def followed_by(self, later: "Outcome") -> "Outcome":
        """These attempts, and then others."""
        if self.known_ms is None or later.known_ms is None:
            return later if self.known_ms is None else self
        return Outcome(
            self.tally.followed_by(later.tally),
            self.first_solve or later.first_solve,
            self.first_pending or later.first_pending,
            max(self.known_ms, later.known_ms),
        )


NOTHING = Outcome()
"""What submissions that do not count come to."""


class Attempts:
    """Submissions that come, change and go; what they come to is worked out when asked for."""

    def __init__(self) -> None:
        """No submissions."""
        self._submitted: dict[str, Submitted] = {}
        self._orders: list[Order] = []
        self._fold: Fold[Outcome] | None = None
        self._changed: dict[str, Submitted | None] = {}

    def copy(self) -> "Attempts":
        """The same attempts; what becomes of either leaves the other alone."""
        copied = Attempts()
        copied._submitted = dict(self._submitted)
        copied._changed = dict(self._changed)
        copied._orders = list(self._orders)
        copied._fold = None if self._fold is None else self._fold.copy()
        return copied

    def replace(self, submission_id: str, after: Submitted | None) -> None:
        """Put in a submission, or take it out."""
        if self._fold is not None:
            self._changed.setdefault(submission_id, self._submitted.get(submission_id))
        if after is None:
            self._submitted.pop(submission_id, None)
        else:
            self._submitted[submission_id] = after

    def forget_computed(self) -> None:
        """Forget what was computed under other terms."""
        self._fold = None
        self._changed.clear()

    def outcome(self, terms: Terms) -> Outcome:
        """What all of them come to; under other terms than before, after `forget_computed`."""
        if self._fold is None or len(self._changed) > len(self._orders):
            in_order = sorted(self._submitted.values(), key=lambda each: each.order)
            self._orders = [each.order for each in in_order]
            self._fold = Fold(Outcome.followed_by, [_outcome(each, terms) for each in in_order])
        else:
            for submission_id, before in self._changed.items():
                self._bring_in(self._fold, before, self._submitted.get(submission_id), terms)
        self._changed.clear()
        return self._fold.total or NOTHING

    def _bring_in(self, fold: Fold[Outcome], before: Submitted | None, after: Submitted | None, terms: Terms) -> None:
        if before is not None and after is not None and before.order == after.order:
            fold.replace(bisect_left(self._orders, after.order), _outcome(after, terms))
            return
        if before is not None:
            index = bisect_left(self._orders, before.order)
            del self._orders[index]
            fold.remove(index)
        if after is not None:
            index = bisect_left(self._orders, after.order)
            self._orders.insert(index, after.order)
            fold.insert(index, _outcome(after, terms))


def _outcome(submitted: Submitted, terms: Terms) -> Outcome:
    """What one submission comes to."""
    if not terms.counts(submitted):
        return NOTHING
    attempt = terms.attempt(submitted)
    return Outcome(
        tally=terms.rules.tally(attempt),
        first_solve=submitted.order if attempt.solved else None,
        first_pending=submitted.order if attempt.verdict is None else None,
        known_ms=_known_ms(submitted, terms),
    )


def _known_ms(submitted: Submitted, terms: Terms) -> int:
    """The last thing that those who see the board know of a submission: its judgement, or that it was made."""
    if submitted.judged_ms is None or terms.hides(submitted):
        return submitted.time_ms
    return max(submitted.time_ms, submitted.judged_ms)

"""Which judgement of a submission is the current one when a source leaves several alive.

The format allows one (JSON Format, "Judgements"); in the wild there are two for a while, or for ever. The one that
started last wins, and the others are set to `current: false`. This module knows judgements alone.
"""

from collections.abc import Iterator, Mapping

import msgspec

from schemas.objects import ContestObject, Judgement
from schemas.times import parse_time_ms


class CurrentJudgements:
    """Keeps what the source claims of each submission; the arrangements say what is to be put, in order.

    In that order no two judgements of a submission are current at any moment.
    """

    def __init__(self) -> None:
        self._claims: dict[str, list[str]] = {}
        self._overruled: dict[str, bool | None] = {}
        self._news: list[str] = []

    @property
    def overruled(self) -> tuple[str, ...]:
        """The judgements that the source has as current and we do not."""
        return tuple(self._overruled)

    def newly_overruled(self) -> list[str]:
        """The judgements that came to be overruled since the last call."""
        news, self._news = self._news, []
        return news

    def arrange(self, judgement: Judgement, standing: Mapping[str, ContestObject]) -> Iterator[tuple[str, Judgement]]:
        """The versions to be put when the source says that a judgement is so; `standing` are those put before."""
        before = standing.get(judgement.id)
        if isinstance(before, Judgement) and before.submission_id != judgement.submission_id:
            self._withdraw(before)
            yield judgement.id, msgspec.structs.replace(judgement, current=False)
            yield from self._elected(before.submission_id, standing, {})
        self._overruled.pop(judgement.id, None)
        claims = self._claims.setdefault(judgement.submission_id, [])
        if judgement.current is False:
            if judgement.id in claims:
                claims.remove(judgement.id)
            yield judgement.id, judgement
        elif judgement.id not in claims:
            claims.append(judgement.id)
        if claims == [judgement.id]:
            yield judgement.id, judgement
        else:
            yield from self._elected(judgement.submission_id, standing, {judgement.id: judgement})

    def remove(self, judgement: Judgement, standing: Mapping[str, ContestObject]) -> Iterator[tuple[str, Judgement]]:
        """The versions to be put after a judgement is gone."""
        self._withdraw(judgement)
        return self._elected(judgement.submission_id, standing, {})

    def _withdraw(self, judgement: Judgement) -> None:
        self._overruled.pop(judgement.id, None)
        claims = self._claims.get(judgement.submission_id, [])
        if judgement.id in claims:
            claims.remove(judgement.id)

    def _elected(
        self, submission_id: str, standing: Mapping[str, ContestObject], said: Mapping[str, Judgement]
    ) -> Iterator[tuple[str, Judgement]]:
        """First all that are not current, then the one that is."""
        alive: list[Judgement] = []
        for identifier in self._claims.get(submission_id, []):
            claimant = said.get(identifier) or standing.get(identifier)
            if isinstance(claimant, Judgement):
                alive.append(claimant)
        if not alive:
            return
        places = {claimant.id: place for place, claimant in enumerate(alive)}
        winner = max(alive, key=lambda claimant: (parse_time_ms(claimant.start_time), places[claimant.id]))
        for claimant in alive:
            if claimant is not winner:
                if claimant.current is not False:
                    self._overruled[claimant.id] = claimant.current
                    self._news.append(claimant.id)
                yield claimant.id, msgspec.structs.replace(claimant, current=False)
        if winner.id in self._overruled:
            winner = msgspec.structs.replace(winner, current=self._overruled.pop(winner.id))
        yield winner.id, winner

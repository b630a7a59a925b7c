"""How the judgements of a submission follow what its platform says: a verdict that has changed is another judgement.

At most one judgement of a submission is current. Whatever people here have judged counts until the platform says
something new. This module must not know any platform.
"""

import re
from collections.abc import Collection, Iterator, Mapping
from collections.abc import Set as AbstractSet

import msgspec

from projections.contest import ContestState
from schemas.objects import Judgement
from schemas.times import format_time, parse_time_ms

_NUMBER = re.compile("[1-9][0-9]{0,8}")


class LevelledJudgements:
    """The judgements of the platform's submissions as they will stand.

    `of_platform`: those that it has given, all of them, by id. `retired`: those of people here that are current no
    more.
    """

    def __init__(self, state: ContestState, owned: AbstractSet[str], now_ms: int, scores_kept: Collection[str]) -> None:
        """`owned`: the ids of those that the platform has given up to now.

        `scores_kept`: the submissions of which a score that is not told stays as it was.
        """
        self.of_platform: dict[str, Judgement] = {}
        self.retired: dict[str, Judgement] = {}
        self._state = state
        self._owned = owned
        self._now_ms = now_ms
        self._scores_kept = scores_kept

    def take(self, said: Judgement) -> None:
        """Take in what the platform says of a submission; a judgement has the id of its submission."""
        own = self._own(said.submission_id)
        levelled = [*self._levelled(own, said)]
        last = levelled[-1]
        news = not own or own[-1].id != last.id or own[-1].judgement_type_id != last.judgement_type_id
        if news:
            levelled[-1] = msgspec.structs.replace(last, current=said.current)
            levelled[:-1] = [_retired(each) for each in levelled[:-1]]
            self._retire_others(said.submission_id)
        self.of_platform.update((each.id, each) for each in levelled)

    def _own(self, submission_id: str) -> list[Judgement]:
        """The judgements that the platform has given a submission, in the order in which it did."""
        own = [each for each in self._state.judgements_of(submission_id) if each.id in self._owned]
        return sorted(own, key=lambda each: number_of(each) or 0)

    def _retire_others(self, submission_id: str) -> None:
        for each in self._state.judgements_of(submission_id):
            if each.id not in self._owned and each.current is not False:
                self.retired[each.id] = _retired(each)

    def _levelled(self, own: list[Judgement], said: Judgement) -> Iterator[Judgement]:
        """The judgements of one submission, so that the last of them says what the platform says.

        While it judges again, what it said before stands: that it has changed its mind is known when it says so.
        """
        if not own:
            yield msgspec.structs.replace(said, id=self._new_id(said.submission_id, 1))
            return
        *earlier, last = own
        yield from earlier
        if said.judgement_type_id is None:
            yield last
        elif last.judgement_type_id == said.judgement_type_id:
            score = last.score if said.score is None and said.submission_id in self._scores_kept else said.score
            yield msgspec.structs.replace(last, score=score, max_run_time=said.max_run_time)
        elif last.judgement_type_id is None:
            ended = format_time(max(self._now_ms, parse_time_ms(last.start_time)))
            yield msgspec.structs.replace(
                last,
                judgement_type_id=said.judgement_type_id,
                score=said.score,
                max_run_time=said.max_run_time,
                end_time=ended,
            )
        else:
            now = format_time(max(self._now_ms, parse_time_ms(said.start_time)))
            new_id = self._new_id(said.submission_id, (number_of(last) or 1) + 1)
            yield last
            yield msgspec.structs.replace(said, id=new_id, start_time=now, end_time=now)

    def _new_id(self, submission_id: str, number: int) -> str:
        """The id of the so manieth judgement of a submission, or of a later one where people here have taken that."""
        taken: Mapping[str, object] = self._state.objects["judgements"]
        while (identifier := _identifier(submission_id, number)) in taken:
            number += 1
        return identifier


def number_of(judgement: Judgement) -> int | None:
    """The how manieth of its submission a judgement of the platform is; None for one that cannot be the platform's."""
    if judgement.id == judgement.submission_id:
        return 1
    number = judgement.id.removeprefix(f"{judgement.submission_id}-")
    return int(number) if _NUMBER.fullmatch(number) and number != judgement.id else None


def _identifier(submission_id: str, number: int) -> str:
    return submission_id if number == 1 else f"{submission_id}-{number}"


def _retired(judgement: Judgement) -> Judgement:
    return judgement if judgement.current is False else msgspec.structs.replace(judgement, current=False)

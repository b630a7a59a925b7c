"""A server of matches whose contests are brought level with them: the stage of matches, and the contests of its log.

This module must not know what the contest of a match should be.
"""

from collections.abc import Mapping

import msgspec
import pytest

from cds.live_contest import LiveContest
from cds.matches.contests import MatchContests
from eventstore.store import EventStore
from projections.matches import Matches
from projections.tokens import KEY_BYTES, TokenMaker
from schemas.object_types import SINGLETON_ID
from schemas.objects import Contest, ContestObject, State
from tests.cds.contest_api.live_contest_setup import SetClock
from tests.cds.matches.stage import NAMES, Stage, StandInUsers, stage


class ContestStage:
    """Matches and their contests, as one process has them."""

    def __init__(self, matches: Stage) -> None:
        """A process; its contests are told of every change of a match."""
        self.matches = matches
        self.contests: dict[str, LiveContest] = {}
        self.keeper = MatchContests(matches.register, self.opened, matches.clock)

    async def opened(self, contest_id: str) -> LiveContest:
        """The contest of an id as far as it is known here."""
        if contest_id not in self.contests:
            tokens = TokenMaker(bytes(KEY_BYTES))
            self.contests[contest_id] = LiveContest(contest_id, self.matches.store, tokens, eager_roles=())
        return self.contests[contest_id]

    async def level(self) -> None:
        """Bring all contests level, as whoever holds the duty does."""
        matches = await self.matches.register.settled()
        await self.keeper.bring_level(matches, [match.id for match in matches])

    async def looks(self) -> list[str]:
        """What whoever holds the duty does every second; the matches whose contests it wanted to bring level."""
        tried: list[str] = []
        keeper = self.keeper
        try_one = keeper.bring_one_level

        async def noted(matches: Matches, match_id: str) -> None:
            tried.append(match_id)
            await try_one(matches, match_id)

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(keeper, "bring_one_level", noted)
            await keeper.compare(await self.matches.register.settled())
        return tried

    async def contest(self, contest_id: str = "loc-1") -> LiveContest:
        """The contest of a match, level with the log."""
        contest = await self.opened(contest_id)
        await contest.catch_up()
        return contest

    async def objects(self, type_name: str, contest_id: str = "loc-1") -> Mapping[str, ContestObject]:
        """All objects of a type."""
        return (await self.contest(contest_id)).state.objects[type_name]

    async def ids(self, type_name: str, contest_id: str = "loc-1") -> list[str]:
        """The ids of all objects of a type."""
        return [*await self.objects(type_name, contest_id)]

    async def head(self, contest_id: str = "loc-1") -> Contest:
        """The contest object."""
        contest = (await self.objects("contest", contest_id))[SINGLETON_ID]
        assert isinstance(contest, Contest)
        return contest

    async def moments(self, contest_id: str = "loc-1") -> State:
        """The state object."""
        state = (await self.objects("state", contest_id))[SINGLETON_ID]
        assert isinstance(state, State)
        return state

    async def events(self, contest_id: str = "loc-1") -> int:
        """How many events there are of a contest."""
        return (await self.contest(contest_id)).position

    async def log_bytes(self, contest_id: str = "loc-1") -> bytes:
        """All that the log holds of a contest."""
        read = await self.matches.store.read((await self.contest(contest_id)).stream, 0, 10_000)
        return b"\n".join((event.data or b"") + event.actor.encode() + event.cause.encode() for event in read)


async def contest_stage(
    store: EventStore | None = None,
    users: StandInUsers | None = None,
    clock: SetClock | None = None,
    *,
    watching: bool = True,
) -> ContestStage:
    """A process on a store; without `watching` nobody tells the contests of changes."""
    made = ContestStage(await stage(NAMES, store, users, clock))
    if watching:
        made.matches.register.watch(made.keeper.bring_level)
    return made


def as_json(instance: ContestObject) -> dict[str, object]:
    """An object as JSON has it."""
    decoded: dict[str, object] = msgspec.json.decode(msgspec.json.encode(instance))
    return decoded

"""A whole contest of five hours, played at speed by `cds simulate --live` while everything breaks, and judged.

Whoever plays sends again what was not answered, with the same Idempotency-Key. This module must not know how anything
is broken.
"""

import asyncio
import re
from contextlib import AsyncExitStack
from pathlib import Path

import aiohttp

from cds.simulation.contest import SimulatedContest, simulate
from projections.collation import collation_key
from schemas.records import AwardSettings, Settings
from tests.acceptance.command_line import cds
from tests.acceptance.test_live_contest import (
    PARAMETERS,
    check_board,
    check_end,
    check_story,
    logins,
    objects_of,
    playing,
    started,
)
from tests.cds.contest_api.feeds import everything
from tests.cds.contest_api.serving import LINE_BYTES_MAX, Caller
from tests.faults.breaking import Breaking
from tests.faults.checking import Judge
from tests.faults.insisting import Findings, Insistent
from tests.faults.making import until_state
from tests.faults.outcomes import FINAL, Outcome
from tests.faults.performing import broken, note_faults, performed
from tests.faults.place import PASSWORD, Place, placed
from tests.faults.readers import Reader, follow
from tests.faults.record import Record
from tests.faults.schedule import Kind, plan, possible
from tests.projections.slow_awards import slow_awards

SPEED = 200
"""How much faster than in truth: five hours are a minute and a half."""

FAULTS_S = 110.0
PAUSE_S = (0.5, 3.0)
"""Between two faults: whoever plays is more patient than a person is, and yet gives up after half a minute."""

WHOLE_S_MAX = 600.0
NUMBER = 1_000_000
"""The number of the final act among the rounds of a campaign: there are never so many."""

AWARDED = Settings(awards=AwardSettings(computed=True))
"""How a server runs a contest that is made on it."""

POSTED = ("submissions", "judgements", "runs", "clarifications", "commentary")


class FinalAct:
    """The final act in a directory of its own."""

    def __init__(self, seed: int, directory: Path) -> None:
        self.seed = seed
        self.directory = directory
        self.findings = Findings()
        self.outcome = Outcome(seed=seed, number=NUMBER, deployment=FINAL)

    async def run(self) -> Outcome:
        """Play it; whatever goes wrong stands in the violations of what is returned."""
        return await performed(self._whole(), WHOLE_S_MAX, self.directory, self.findings, self.outcome)

    async def _whole(self) -> None:
        async with AsyncExitStack() as stack:
            place = await stack.enter_async_context(placed("group", self.directory, {}, durable=True))
            session = await stack.enter_async_context(
                aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0), read_bufsize=LINE_BYTES_MAX)
            )
            await self._play(place, session)

    async def _play(self, place: Place, session: aiohttp.ClientSession) -> None:
        contest = simulate(PARAMETERS)
        callers = {name: Caller(session, place.base, login) for name, login in logins(contest).items()}
        administrator = Insistent(session, place.base, self.findings, ("admin", PASSWORD))
        numbers = {"seed": PARAMETERS.seed, "teams": PARAMETERS.teams, "problems": PARAMETERS.problems, "speed": SPEED}
        breaking = Breaking(place)
        async with playing(place.base, self.directory, **numbers) as play:
            await started(Caller(session, place.base, ("admin", PASSWORD)), play)
            readers = [
                Reader(
                    name=f"{role} at the {at}",
                    role=role,
                    url=f"{base}contests/{PARAMETERS.contest_id}/event-feed",
                    login=caller.login,
                )
                for role, caller in callers.items()
                for at, base in (("server", place.base), ("relay", place.relay_base))
            ]
            followers = [
                asyncio.create_task(follow(session, reader, self.findings, f"{self.seed}/{reader.name}"))
                for reader in readers
            ]
            planned = plan(self.seed, NUMBER, FAULTS_S, "group", pause_s=PAUSE_S, each_once=True)
            faults = asyncio.create_task(broken(planned, breaking))
            try:
                out, err = await play.communicate()
                faults.cancel()
                await asyncio.gather(faults, return_exceptions=True)
                await breaking.heal()
                note_faults(breaking, self.outcome)
                missing = sorted(kind for kind in Kind if possible(kind, "group") and not breaking.done[kind])
                if missing:
                    self.findings.found(f"the play was over before this had been broken: {', '.join(missing)}")
                if play.returncode != 0:
                    self.findings.found(f"the play ends with {play.returncode}: {err.decode()[-500:]}")
                    return
                await until_state(administrator, "end_of_updates")
                await place.server.kill()
                await place.server.until_serving()
                await self._judge(place, contest, callers, readers, out.decode())
            finally:
                for task in (faults, *followers):
                    task.cancel()
                await asyncio.gather(faults, *followers, return_exceptions=True)

    async def _judge(
        self, place: Place, contest: SimulatedContest, callers: dict[str, Caller], readers: list[Reader], out: str
    ) -> None:
        """Feeds and answers agree, the story is the one that was played, board and awards are exact."""
        path = f"contests/{PARAMETERS.contest_id}/event-feed"
        feeds = {role: await caller.lines(path) for role, caller in callers.items()}
        with Record(self.directory) as record:
            await Judge(record, self.findings).readers(readers, feeds)
        await check_end(callers)
        await check_board(callers)
        await self._awards(callers)
        await check_story(contest, callers["admin"], out)
        said = await everything(callers["admin"], PARAMETERS.contest_id)
        for name in POSTED:
            if f"{len(said[name]):6} POST {name}\n" not in out:
                self.findings.found(f"{len(said[name])} {name} are there; the play tells of others:\n{out}")
        verified = await asyncio.to_thread(cds, "verify", *place.database_arguments(), cwd=self.directory)
        if verified.code != 0:
            self.findings.found(f"cds verify ends with {verified.code}: {verified.out[-500:]} {verified.err[-500:]}")
        told = re.findall(r"^ *(\d+) ((?:POST|PUT|PATCH) \S+)$", out, re.MULTILINE)
        self.outcome.acknowledged_of = {f"{what} (played contest)": int(count) for count, what in told}
        self.outcome.acknowledged = sum(self.outcome.acknowledged_of.values())
        self.outcome.readers = len(readers)
        self.outcome.resumed = sum(reader.resumed for reader in readers)
        self.outcome.lines = sum(len(reader.lines) for reader in readers)
        self.outcome.events = len(feeds["admin"])

    async def _awards(self, callers: dict[str, Caller]) -> None:
        """Everybody is shown the awards that the slow and obvious implementation gives, and no others."""
        objects = objects_of(await everything(callers["admin"], PARAMETERS.contest_id))
        expected = {
            identifier: {"id": identifier, "citation": citation, "team_ids": team_ids}
            for identifier, (citation, team_ids) in slow_awards(objects, AWARDED, collation_key).items()
        }
        assert expected
        for name, caller in callers.items():
            shown = {each["id"]: each for each in await caller.json(f"contests/{PARAMETERS.contest_id}/awards")}
            if shown != expected:
                wrong = sorted(key for key in {*shown, *expected} if shown.get(key) != expected.get(key))
                self.findings.found(f"{name}: awards are not those of the slow implementation: {wrong}")

"""One round: a small contest under concurrent writers and readers while things break, healed, ended, and judged.

This module puts the parts together; it must not know how anything is broken, written, read or judged.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Coroutine, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import aiohttp

from tests.acceptance.command_line import cds
from tests.cds.contest_api.feeds import token_of
from tests.cds.contest_api.serving import LINE_BYTES_MAX, Caller
from tests.cds.contest_api.webhook_receiver import Behaviour, Receiver, receiving
from tests.faults.breaking import Breaking
from tests.faults.checking import Judge
from tests.faults.contest_writers import BELOW, Writers
from tests.faults.insisting import Findings, GaveUp, Insistent
from tests.faults.making import COUNTERS, ROLES, end_contest, login_of, make_contest, until_state
from tests.faults.other_writers import MATCH, OtherWriters
from tests.faults.outcomes import Outcome
from tests.faults.performing import broken, note_faults, performed
from tests.faults.place import PASSWORD, Place, placed
from tests.faults.readers import Reader, follow
from tests.faults.record import Record
from tests.faults.schedule import Plan
from tests.platform_servers.platforms import PlatformServers, platform_servers

ADMIN = ("admin", PASSWORD)
PLATFORM_CONTESTS = 8
LONGER_S = 9.0
"""How much longer than the faults the contest is: everything is healed, and there is time for what was begun."""

ROUND_S_MAX = 400.0
"""When a round is given up: many times what it takes on a machine that has little else to do."""

UNRULY: Sequence[Behaviour] = (204, 204, 500, 204, "slow", 204, "drop", 204, 204)
RECEIVERS = ("unruly", "steady")


class Round:
    """One round in a directory of its own."""

    def __init__(self, plan: Plan, directory: Path, faults_s: float) -> None:
        self.plan = plan
        self.faults_s = faults_s
        self.directory = directory
        self.findings = Findings()
        self.outcome = Outcome(seed=plan.seed, number=plan.number, deployment=plan.deployment)
        self._begun_s = 0.0

    async def run(self, *, durable: bool = True) -> Outcome:
        """Play it; whatever goes wrong stands in the violations of what is returned."""
        self._begun_s = time.monotonic()
        return await performed(self._whole(durable), ROUND_S_MAX, self.directory, self.findings, self.outcome)

    async def _whole(self, durable: bool) -> None:
        async with AsyncExitStack() as stack:
            platforms = await stack.enter_async_context(platform_servers(PLATFORM_CONTESTS, int(time.time())))
            variables = platforms.environment() | {"CDS_WEBHOOK_TIMEOUT": "2"}
            place = await stack.enter_async_context(
                placed(self.plan.deployment, self.directory, variables, durable=durable)
            )
            session = await stack.enter_async_context(_session())
            record = stack.enter_context(Record(self.directory))
            await self._play(place, session, record, platforms)

    def _over(self, phase: str) -> None:
        self.outcome.phases[phase] = round(time.monotonic() - self._begun_s, 1)

    async def _play(
        self, place: Place, session: aiohttp.ClientSession, record: Record, platforms: PlatformServers
    ) -> None:
        self._over("placing")
        administrator = Insistent(session, place.base, self.findings, ADMIN)
        await make_contest(administrator, self.faults_s + LONGER_S)
        self._over("making")
        chief = Caller(session, place.base, login_of("chief"))
        async with AsyncExitStack() as stack:
            receivers = {name: await stack.enter_async_context(receiving(name)) for name in RECEIVERS}
            receivers["unruly"].plan = list(UNRULY) * 20
            before = len(await Caller(session, place.base, ADMIN).lines(f"{BELOW}/event-feed"))
            for receiver in receivers.values():
                await _registered(administrator, receiver)
            readers = _readers(place)
            followers = [
                asyncio.create_task(follow(session, reader, self.findings, f"{self.plan.seed}/{reader.name}"))
                for reader in readers
            ]
            stack.push_async_callback(_cancelled, followers)
            writers, others = await self._break_and_write(place, administrator, record, platforms)
            await until_state(administrator, "ended")
            self._over("contest")
            await writers.answer_all(administrator.other(login_of("judge")))
            await end_contest(administrator)
            self._over("ending")
            # What is judged is what a server finds that begins anew.
            await place.server.kill()
            await place.server.until_serving()
            self._over("starting again")
            judge = Judge(record, self.findings)
            callers = {role: Caller(session, place.base, login_of(role)) for role in ROLES}
            feeds, views = await judge.views(callers)
            await judge.readers(readers, feeds)
            await judge.board(callers, views["chief"])
            self._over("views")
            judge.writes(views["chief"], feeds["chief"])
            await judge.sources(chief, views["chief"])
            await judge.league(callers["public"], administrator.root, others.players, MATCH)
            await judge.students(Caller(session, place.base, ADMIN))
            expected = {f"codeforces-{each['id']}": str(each["name"]) for each in platforms.codeforces.contests}
            root_caller = Caller(session, place.base, ADMIN)
            await judge.synced(root_caller, administrator.root, expected)
            told = [token_of(line) for line in (await root_caller.lines(f"{BELOW}/event-feed"))[before:]]
            for name, receiver in receivers.items():
                calls = [call for call in receiver.calls if call.contest_id == "live"]
                again = await judge.called(calls, told, name)
                if again > self.outcome.interruptions:
                    self.findings.found(f"{name}: {again} calls came again after {self.outcome.interruptions} faults")
                self.outcome.calls_again += again
                self.outcome.calls += len(calls)
            await self._verify(place)
            self._over("judging")
            self._tell(record, readers, feeds)

    async def _break_and_write(
        self, place: Place, administrator: Insistent, record: Record, platforms: PlatformServers
    ) -> tuple[Writers, OtherWriters]:
        """Everybody writes while things break; comes back when all is healed and what was begun is done."""
        over = asyncio.Event()
        writers, others = Writers(record, over), OtherWriters(record, over, platforms)
        one, two, three, judge = (
            administrator.other(login_of(name)) for name in ("team-one", "team-two", "team-three", "judge")
        )
        anybody = administrator.other(None)
        works: list[Coroutine[object, object, None]] = [
            writers.submit(one),
            writers.submit(two),
            writers.clarify(one),
            writers.clarify(two),
            writers.judge(judge),
            writers.submit_by_cms(three, *(login_of("team-three") or ("", ""))),
            others.play_league(anybody, PASSWORD),
            others.enter_students(administrator),
            others.sync(administrator),
        ]
        for number in range(COUNTERS):
            works += [writers.count_up(administrator, number), writers.look(administrator.other(None), number)]
        tasks = [asyncio.create_task(work) for work in works]
        breaking = Breaking(place)
        try:
            await broken(self.plan, breaking)
            self._over("faults")
            await breaking.heal()
            self._over("healing")
            over.set()
            for failure in await asyncio.gather(*tasks, return_exceptions=True):
                if isinstance(failure, BaseException) and not isinstance(failure, GaveUp):
                    self.findings.found(f"a writer failed: {type(failure).__name__}: {failure}")
        finally:
            over.set()
            self._over("writing")
            await _cancelled(tasks)
            note_faults(breaking, self.outcome, record.moments_s)
        return writers, others

    async def _verify(self, place: Place) -> None:
        """`cds verify`, which knows whether the log is what was written."""
        outcome = await asyncio.to_thread(cds, "verify", *place.database_arguments(), cwd=self.directory)
        if outcome.code != 0:
            self.findings.found(f"cds verify ends with {outcome.code}: {outcome.out[-500:]} {outcome.err[-500:]}")

    def _tell(self, record: Record, readers: Sequence[Reader], feeds: dict[str, list[bytes]]) -> None:
        """Numbers for the summary."""
        outcome = self.outcome
        for each in record.read():
            outcome.acknowledged += 1
            outcome.acknowledged_of[each.kind] = outcome.acknowledged_of.get(each.kind, 0) + 1
        outcome.readers = len(readers)
        outcome.resumed = sum(reader.resumed for reader in readers)
        outcome.lines = sum(len(reader.lines) for reader in readers)
        outcome.events = len(feeds["chief"])


def _readers(place: Place) -> list[Reader]:
    """Who follows: several roles, as lines and as events, at the server and at the relay."""
    readers = []
    for role in ("public", "team-one", "team-two", "judge", "chief"):
        for server_sent in (False, True):
            for at, base in (("server", place.base), ("relay", place.relay_base)):
                name = f"{role} at the {at}{', as events' if server_sent else ''}"
                url = f"{base}{BELOW}/event-feed"
                readers.append(Reader(name=name, role=role, url=url, login=login_of(role), server_sent=server_sent))
    return readers


async def _registered(administrator: Insistent, receiver: Receiver) -> None:
    body = {"url": receiver.url, "token": receiver.secret, "contest_ids": ["live"]}
    answer, _ = await administrator.ask("POST", "webhooks", body)
    assert answer.status == 201, answer.body


@asynccontextmanager
async def _session() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0), read_bufsize=LINE_BYTES_MAX) as session:
        yield session


async def _cancelled(tasks: Sequence["asyncio.Task[None]"]) -> None:
    """End tasks that may have ended."""
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)

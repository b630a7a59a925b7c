"""The judge of a round: holds the record of acknowledgements against what is there in the end, read from its beginning.

It uses nothing of the program but its answers, and what tests have that was made without it: the fold of feeds and the
slow scoreboard. This module must not know what was broken.
"""

import asyncio
import json
from collections import Counter
from collections.abc import Iterable, Sequence
from contextlib import suppress
from io import BytesIO
from zipfile import ZipFile

from projections.collation import collation_key
from tests.acceptance.test_live_contest import QuickerSlowScoreboard, objects_of
from tests.cds.contest_api.feeds import dangling, everything, fold, pointless_deletions, token_of
from tests.cds.contest_api.serving import Caller, Json
from tests.cds.contest_api.webhook_receiver import ReceivedCall
from tests.faults.contest_writers import BELOW, CONTEST_ID
from tests.faults.insisting import Findings
from tests.faults.readers import Reader
from tests.faults.record import Record
from tests.independent_fold import Collections

LEVEL_S_MAX = 60.0
"""How long a reader or a webhook may take to come level when all is healed."""

LOOK_S = 0.05
SHOWN_MAX = 3


class Judge:
    """Looks at one thing after another; what is wrong goes to the findings."""

    def __init__(self, record: Record, findings: Findings) -> None:
        self.record = record
        self.findings = findings

    def differ(self, what: str, wrong: Iterable[object]) -> int:
        """Note what is wrong, if anything; how much."""
        listed = sorted(map(str, wrong))
        if listed:
            self.findings.found(f"{what}: {len(listed)}, such as {', '.join(listed[:SHOWN_MAX])}")
        return len(listed)

    # --- Views

    async def views(self, callers: dict[str, Caller]) -> tuple[dict[str, list[bytes]], dict[str, Collections]]:
        """Feeds and collections of every role, after a look at each: the feed folds to what GET says."""
        feeds: dict[str, list[bytes]] = {}
        views: dict[str, Collections] = {}
        for role, caller in callers.items():
            feeds[role] = await caller.lines(f"{BELOW}/event-feed")
            views[role] = await everything(caller, CONTEST_ID)
            folded = fold(feeds[role])
            self.differ(
                f"{role}: GET is not what the feed folds to",
                (name for name in {*folded, *views[role]} if folded.get(name) != views[role].get(name)),
            )
            self.differ(f"{role}: references lead nowhere", dangling(views[role]))
            self.differ(f"{role}: pointless deletions", pointless_deletions(feeds[role]))
            tokens = Counter(map(token_of, feeds[role]))
            self.differ(f"{role}: tokens twice", (token for token, times in tokens.items() if times > 1))
        return feeds, views

    async def readers(self, readers: Sequence[Reader], feeds: dict[str, list[bytes]]) -> None:
        """Everybody who followed has exactly the feed as it is read from its beginning: no gap, nothing twice."""
        with suppress(TimeoutError):
            async with asyncio.timeout(LEVEL_S_MAX):
                while any(len(reader.lines) < len(feeds[reader.role]) for reader in readers):
                    await asyncio.sleep(LOOK_S)
        for reader in readers:
            feed = feeds[reader.role]
            if reader.lines != feed:
                place = next(
                    (n for n, pair in enumerate(zip(reader.lines, feed, strict=False)) if pair[0] != pair[1]), -1
                )
                self.findings.found(
                    f"{reader.name} has {len(reader.lines)} lines of {len(feed)}; the first difference is at {place}"
                )
                self.findings.counts["gaps"] += 1

    async def board(self, callers: dict[str, Caller], chief: Collections) -> None:
        """Everybody has the board that the slow and obvious implementation computes."""
        slow = QuickerSlowScoreboard(objects_of(chief), frozen=True, name_order=collation_key)
        expected = json.loads(json.dumps(slow.board()))
        for role, caller in callers.items():
            if await caller.json(f"{BELOW}/scoreboard") != expected:
                self.findings.found(f"{role}: the scoreboard is not that of the slow implementation")

    # --- Writes

    def writes(self, chief: Collections, feed: Sequence[bytes]) -> None:
        """What was acknowledged is there as it was answered, in GET and in the feed; nothing is twice or made up."""
        told = {(said["type"], said["id"]) for said in map(json.loads, feed) if said["data"] is not None}
        self._marked("submission", "submissions", chief, told, "entry_point")
        self._marked("clarification", "clarifications", chief, told, "text")
        self._marked("answer", "clarifications", chief, told, "reply_to_id")
        self._marked("judgement", "judgements", chief, told, "submission_id")
        judgements = chief.get("judgements", {})
        self._lost(
            "verdict",
            (
                mark
                for mark, each in self.record.of("verdict").items()
                if judgements.get(mark, {}).get("judgement_type_id") != each.said["judgement_type_id"]
            ),
        )
        for number in (0, 1):
            newest = max(map(int, self.record.of(f"group{number}")), default=0)
            found = int(chief["groups"][f"w{number}"]["name"])
            self._lost(f"group w{number} ({found} after {newest})", [newest] if found < newest else [])

    def _marked(
        self, kind: str, type_name: str, chief: Collections, told: set[tuple[str, str | None]], mark_in: str
    ) -> None:
        members = [each for each in chief.get(type_name, {}).values() if each.get(mark_in) is not None]
        if mark_in == "text":
            members = [each for each in members if each.get("reply_to_id") is None]
        found = {(each[mark_in], each["id"]) for each in members}
        acknowledged = {mark: each.id for mark, each in self.record.of(kind).items()}
        self._lost(kind, (mark for mark, identifier in acknowledged.items() if (mark, identifier) not in found))
        self._lost(f"{kind} in the feed", (i for i in acknowledged.values() if (type_name, i) not in told))
        self.twice(kind, (each[mark_in] for each in members))
        self.differ(f"{kind}: nobody asked for", {mark for mark, _ in found} - self.record.asked(kind))

    def _lost(self, what: str, marks: Iterable[object]) -> None:
        self.findings.counts["lost"] += self.differ(f"acknowledged and lost: {what}", marks)

    def twice(self, what: str, marks: Iterable[str]) -> None:
        """Nothing may be there more than once."""
        times = Counter(marks)
        self.findings.counts["twice"] += self.differ(
            f"{what} twice", (mark for mark, count in times.items() if count > 1)
        )

    async def sources(self, chief: Caller, view: Collections) -> None:
        """Submissions over the API of CMS: what they hold tells them apart."""
        found: dict[str, str] = {}
        without_entry = [each["id"] for each in view.get("submissions", {}).values() if not each.get("entry_point")]
        for identifier in without_entry:
            packed = (await chief.get(f"{BELOW}/submissions/{identifier}/files")).body
            with ZipFile(BytesIO(packed)) as files:
                found[identifier] = files.read("apples.cpp").decode()
        acknowledged = {mark: each.id for mark, each in self.record.of("source").items()}
        self._lost("source", (mark for mark, identifier in acknowledged.items() if found.get(identifier) != mark))
        self.twice("source", found.values())
        self.differ("source: nobody asked for", set(found.values()) - self.record.asked("source"))

    async def league(self, anybody: Caller, root: str, players: dict[str, str], slug: str) -> None:
        """Players have signed up and joined, each once; the description is not older than what was acknowledged."""
        newest = max(map(int, self.record.of("description")), default=0)
        if newest:
            said = (await _asked(anybody, "GET", f"{root}/v1/matches/info", {"match": slug}))["data"]
            if int(said["short-description"]) < newest:
                self._lost("description", [newest])
        joined = self.record.of("joined")
        for name, token in players.items():
            mine = await _asked(anybody, "POST", f"{root}/v1/parties/list", {"token": token})
            listed = [json.dumps(each) for each in mine["data"]["list"]]
            if name in joined and sum(slug in each for each in listed) != 1:
                self._lost("joined", [f"{name}: {len(listed)} parties"])

    async def students(self, administrator: Caller) -> None:
        """Students are there once, under the name that was acknowledged or a later one."""
        everybody = await administrator.json("students")
        self.twice("student", (each["codeforcesHandle"] for each in everybody))
        found = {each["codeforcesHandle"]: each for each in everybody}
        self._lost(
            "student", (h for h, each in self.record.of("student").items() if found.get(h, {}).get("_id") != each.id)
        )
        self._lost(
            "student name",
            (
                handle
                for handle, each in self.record.of("student name").items()
                if found.get(handle, {}).get("name") != each.said["name"]
            ),
        )
        self.differ("student: nobody asked for", found.keys() - self.record.asked("student"))

    async def synced(self, administrator: Caller, root: str, expected: dict[str, str]) -> None:
        """Every contest of the platform is there once under its present name, after one more run."""
        answer = await administrator.ask("POST", f"{root}/contests/sync/codeforces", json={"forceSync": True})
        if answer.status != 200 or answer.json.get("failed"):
            self.findings.found(f"the last sync: {answer.status} {answer.body[:300]!r}")
            return
        listed = [each for each in await administrator.json("contests") if each["id"].startswith("codeforces-")]
        self.twice("synced contest", (each["name"] for each in listed))
        names = {each["id"]: each["name"] for each in listed}
        self.differ("synced contests", names.items() ^ expected.items())
        runs = (await administrator.json(f"{root}/contests/sync/codeforces?limit=200"))["history"]
        if len(runs) <= len(self.record.of("sync")):
            self._lost("sync", [f"{len(runs)} runs in the history"])

    # --- Webhooks

    async def called(self, calls: Sequence[ReceivedCall], expected: Sequence[str], name: str) -> int:
        """Every notification came, in order; how many calls came again that had been taken before."""
        try:
            async with asyncio.timeout(LEVEL_S_MAX):
                while not any(call.taken and _tokens(call)[-1:] == list(expected[-1:]) for call in calls):
                    await asyncio.sleep(LOOK_S)
        except TimeoutError:
            self.findings.found(f"{name}: the last notification never came, after {len(calls)} calls")
            return 0
        next_up = again = 0
        last_begin = 0
        places = {token: place for place, token in enumerate(expected)}
        for call in calls:
            tokens = _tokens(call)
            begin = places.get(tokens[0], -1)
            if tokens != list(expected[begin : begin + len(tokens)]):
                self.findings.found(f"{name}: a call is not a stretch of the feed")
                return again
            if begin < next_up:
                again += 1
                if begin != last_begin:
                    self.findings.found(f"{name}: more than one call came again")
            elif begin > next_up:
                self.findings.found(f"{name}: {begin - next_up} notifications were left out")
                self.findings.counts["lost"] += begin - next_up
            if call.taken:
                last_begin, next_up = begin, begin + len(tokens)
        return again


def _tokens(call: ReceivedCall) -> list[str]:
    return [each["token"] for each in call.notifications]


async def _asked(caller: Caller, method: str, url: str, body: dict[str, object]) -> Json:
    """The JSON of a request of the League of Code API that must succeed."""
    answer = await caller.ask(method, url, json=body)
    assert answer.status in (200, 201), (url, answer.status, answer.body)
    return answer.json

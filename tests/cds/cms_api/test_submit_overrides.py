"""Handing in for a participant: which rules who acts for them may set aside, as a table of cases (3.3).

Each case hands in to a task of its own, at one of four moments.
"""

from collections.abc import AsyncIterator, Mapping
from itertools import count
from typing import Literal, TypedDict

import pytest
import pytest_asyncio

from tests.cds.cms_api.handing_in import File
from tests.cds.cms_api.stage import CmsClient, CmsStage, cms_stage
from tests.cds.contest_api.live_contest_setup import OVER, RUNNING, moment
from tests.cds.contest_api.serving import Answer, cloned_database

pytestmark = pytest.mark.asyncio(loop_scope="session")

When = Literal["before", "running", "analysis", "over"]
Outcome = int | bool | None | str
"""Whether it counts (`ext.cms.official`, None where nothing is said), else the status or the subject of a refusal."""

MINUTES: Mapping[When, float] = {"before": -5, "running": RUNNING, "analysis": OVER + 10, "over": OVER}
ANALYSIS = {"start": moment(OVER + 5), "stop": moment(OVER + 60)}

PHASE, OFFICIAL = "override_phase_check", "override_official"
MAX_NUMBER, MIN_INTERVAL = "override_max_number", "override_min_interval"
ALL = {PHASE: "1", OFFICIAL: "1", MAX_NUMBER: "1", MIN_INTERVAL: "1"}

TOO_MANY = "Too many submissions!"
TOO_FREQUENT = "Submissions too frequent!"
NOT_OPEN = 403


class Limits(TypedDict, total=False):
    """What limits a task, one submission having been handed in to it just now."""

    max_submission_number: int
    min_submission_interval: int


IMPERSONATED: list[tuple[When, Limits, dict[str, str], Outcome]] = [
    ("running", {}, {}, None),
    ("running", {}, {OFFICIAL: "1"}, True),
    ("running", {}, {OFFICIAL: "0"}, False),
    ("running", {}, {PHASE: "1"}, None),
    ("running", {}, {PHASE: "0"}, None),
    ("running", {}, {PHASE: ""}, None),
    ("running", {}, ALL, True),
    ("before", {}, {}, NOT_OPEN),
    ("before", {}, {OFFICIAL: "1", MAX_NUMBER: "1", MIN_INTERVAL: "1"}, NOT_OPEN),
    ("before", {}, {PHASE: "1"}, False),
    ("before", {}, {PHASE: "0"}, NOT_OPEN),
    ("over", {}, {}, NOT_OPEN),
    ("over", {}, {PHASE: ""}, NOT_OPEN),
    ("over", {}, {OFFICIAL: "1"}, NOT_OPEN),
    ("over", {}, {PHASE: "1"}, False),
    ("over", {}, {PHASE: "1", OFFICIAL: "0"}, False),
    ("over", {}, {PHASE: "1", OFFICIAL: "1"}, True),
    ("over", {}, ALL, True),
    ("analysis", {}, {}, False),
    ("analysis", {}, {PHASE: "1"}, False),
    ("analysis", {}, {OFFICIAL: "1"}, True),
    ("running", {"max_submission_number": 1}, {}, TOO_MANY),
    ("running", {"max_submission_number": 1}, {MAX_NUMBER: "1"}, None),
    ("running", {"max_submission_number": 1}, {MAX_NUMBER: "0"}, TOO_MANY),
    ("running", {"max_submission_number": 1}, {MAX_NUMBER: ""}, TOO_MANY),
    ("running", {"max_submission_number": 1}, {MIN_INTERVAL: "1"}, TOO_MANY),
    ("running", {"max_submission_number": 1}, {OFFICIAL: "1", PHASE: "1"}, TOO_MANY),
    ("running", {"max_submission_number": 2}, {}, None),
    ("running", {"min_submission_interval": 60}, {}, TOO_FREQUENT),
    ("running", {"min_submission_interval": 60}, {MIN_INTERVAL: "1"}, None),
    ("running", {"min_submission_interval": 60}, {MIN_INTERVAL: "0"}, TOO_FREQUENT),
    ("running", {"min_submission_interval": 60}, {MIN_INTERVAL: ""}, TOO_FREQUENT),
    ("running", {"min_submission_interval": 60}, {MAX_NUMBER: "1"}, TOO_FREQUENT),
    ("running", {"min_submission_interval": 60, "max_submission_number": 1}, {MAX_NUMBER: "1"}, TOO_FREQUENT),
    ("running", {"min_submission_interval": 60, "max_submission_number": 1}, {MIN_INTERVAL: "1"}, TOO_MANY),
    ("running", {"min_submission_interval": 60, "max_submission_number": 1}, ALL, True),
    ("analysis", {"max_submission_number": 1}, {}, TOO_MANY),
    ("analysis", {"min_submission_interval": 60}, {MIN_INTERVAL: "1"}, False),
]
"""What who acts for a participant gives, and what comes of it."""

NEITHER_YES_NOR_NO = ("2", "true", "yes", " 1", "-1", "01")
IMPERSONATED.extend([("running", {}, {name: value}, 400) for name in ALL for value in NEITHER_YES_NOR_NO])

ORDINARY: list[tuple[When, Limits, dict[str, str], Outcome]] = [
    ("running", {}, ALL, None),
    ("running", {}, {OFFICIAL: "0"}, None),
    ("running", {}, {PHASE: "nonsense", OFFICIAL: "x", MAX_NUMBER: "2", MIN_INTERVAL: "2"}, None),
    ("before", {}, ALL, NOT_OPEN),
    ("over", {}, ALL, NOT_OPEN),
    ("analysis", {}, ALL, False),
    ("running", {"max_submission_number": 1}, ALL, TOO_MANY),
    ("running", {"min_submission_interval": 60}, ALL, TOO_FREQUENT),
]
"""What a participant gives is ignored without a word."""

UNRESTRICTED: list[tuple[When, Limits, dict[str, str], Outcome]] = [
    ("before", {}, {}, False),
    ("over", {}, {}, False),
    ("over", {}, {PHASE: "0"}, NOT_OPEN),
    ("over", {}, {PHASE: ""}, NOT_OPEN),
    ("over", {}, {PHASE: "1", OFFICIAL: "1"}, True),
    ("running", {"min_submission_interval": 60, "max_submission_number": 1}, {}, None),
]
"""Who acts for a participant whom the phases do not bind."""


class Trial:
    """A stage at a moment, with somebody who acts for anna, anna herself, and somebody who acts for bert."""

    def __init__(self, stage: CmsStage, when: When) -> None:
        self.stage = stage
        self.when = when
        self._numbers = count(1)

    async def outcome(
        self, client: CmsClient, limits: Limits, query: Mapping[str, str], form: Mapping[str, str]
    ) -> Outcome:
        """What comes of handing in to a new task, to which everybody has handed in before."""
        task = f"task-{self.when}-{next(self._numbers)}"
        problem = {"id": task, "label": task, "name": task, "ordinal": 9, "test_data_count": 1, "max_score": 1}
        if limits:
            await self.stage.play.put("root", f"problems/{task}", problem, 201)
            for who in ("anna", "bert"):
                before = await hand_in(await self.stage.impersonator(who), task, {PHASE: "1"}, {})
                assert before.status == 200, before.body
            problem["ext"] = {"cms": limits}
        await self.stage.play.put("root", f"problems/{task}", problem, 200 if limits else 201)
        position = await self.stage.play.position()
        answer = await hand_in(client, task, query, form)
        if answer.status == 200:
            made = await self.stage.play.get("root", f"submissions/{answer.json['id']}")
            official: bool | None = made.get("ext", {"cms": {"official": None}})["cms"]["official"]
            return official
        assert await self.stage.play.position() == position, "nothing is noted of what was refused"
        if answer.status == 400:
            name = next(name for name, value in {**query, **form}.items() if value not in ("", "0", "1"))
            assert answer.json == {"error": f"Cannot parse boolean argument {name}"}
        if answer.status == 403:
            assert answer.json == {"error": "The contest is not open"}
        subject: str = answer.json["error"]
        return subject if answer.status == 422 else answer.status


async def hand_in(client: CmsClient, task: str, query: Mapping[str, str], form: Mapping[str, str]) -> Answer:
    """Hand in, with arguments in the URL and in the form."""
    file: File = (f"{task}.%l", "a.cpp", b"x")
    arguments = "&".join(f"{name}={value.replace(' ', '%20')}" for name, value in query.items())
    return await client.send(f"/api/{task}/submit?{arguments}", [file], form)


@pytest_asyncio.fixture(scope="module", loop_scope="session", params=MINUTES)
async def trial(request: pytest.FixtureRequest, cms_template: str) -> AsyncIterator[Trial]:
    """One stage for each moment; bert is bound by no phases."""
    when: When = request.param
    async with cloned_database(cms_template) as dsn, cms_stage(dsn) as stage:
        await stage.say("", analysis=ANALYSIS)
        await stage.say("accounts/account-bert", unrestricted=True)
        await stage.at(MINUTES[when])
        yield Trial(stage, when)


async def test_who_acts_for_a_participant(trial: Trial) -> None:
    """In the URL as in the form, by the table."""
    client = await trial.stage.impersonator("anna")
    for when, limits, arguments, expected in IMPERSONATED:
        if when == trial.when:
            for query, form in ((arguments, {}), ({}, arguments)):
                assert await trial.outcome(client, limits, query, form) == expected, (limits, query, form)


async def test_a_participant(trial: Trial) -> None:
    client = await trial.stage.participant("anna")
    for when, limits, arguments, expected in ORDINARY:
        if when == trial.when:
            for query, form in ((arguments, {}), ({}, arguments)):
                assert await trial.outcome(client, limits, query, form) == expected, (limits, query, form)


async def test_who_acts_for_somebody_whom_no_phase_binds(trial: Trial) -> None:
    client = await trial.stage.impersonator("bert")
    for when, limits, arguments, expected in UNRESTRICTED:
        if when == trial.when:
            assert await trial.outcome(client, limits, arguments, {}) == expected, (limits, arguments)


async def test_each_use_is_recorded_with_the_submission(stage: CmsStage) -> None:
    """One record for a submission with overrides, none for one without or for a refused one, and in no feed."""
    client = await stage.impersonator("anna")
    plain = await hand_in(client, "sum", {}, {})
    overriding = await hand_in(client, "sum", {MAX_NUMBER: "1"}, {OFFICIAL: "1", PHASE: "0"})
    assert (plain.status, overriding.status) == (200, 200)
    assert (await client.send("/api/sum/submit", [("sum.%l", "a.rs", b"x")], ALL)).status == 422
    (record,) = await overrides_noted(stage)
    assert record["submission_id"] == overriding.json["id"]
    assert (record["kind"], record["account_id"], record["address"]) == ("override", "account-anna", "127.0.0.1")
    assert record["what"] == "submit override_phase_check=0 override_official=1 override_max_number=1"
    assert all(line["type"] != "x-audit" for line in await stage.play.feed("root"))


async def overrides_noted(stage: CmsStage) -> list[dict[str, str]]:
    """The records of overrides, in their order."""
    return [record for record in await stage.audits() if record["kind"] == "override"]

"""In which phase what is offered, and how a window of one's own begins (CMS ContestWebServer API, 1.5, 2 and 4.2)."""

import pytest

from cds.cms_api.doorway import BASE
from cds.commands.participation import Phase
from cds.openapi.cms_endpoints import CMS_API
from tests.cds.cms_api.stage import CmsClient, CmsStage, cms_stage
from tests.cds.contest_api.live_contest_setup import OVER, RUNNING, START_MS, moment
from tests.cds.contest_api.serving import cloned_database

pytestmark = pytest.mark.asyncio(loop_scope="session")

NOT_OPEN = {"error": "The contest is not open"}
WRONG_PHASE = {"error": "Wrong contest phase"}

TASK_LIST = "/api/task_list"
STATEMENT = "/tasks/sum/statements/en"


async def check_phase(client: CmsClient, phase: Phase) -> None:
    """What somebody in this phase is shown and what not."""
    tasks, statement = await client.get(TASK_LIST), await client.get(STATEMENT)
    if phase in (Phase.COMPETING, Phase.ANALYSIS):
        assert tasks.status == 200, phase
    else:
        assert (tasks.status, tasks.json) == (403, NOT_OPEN), phase
    if phase >= Phase.COMPETING:
        assert statement.status == 200, phase
    else:
        assert (statement.status, statement.json) == (403, WRONG_PHASE), phase


async def test_the_table_of_routes_has_the_phases_of_the_contract() -> None:
    """CMS ContestWebServer API, 2: tasks are listed and handed in while one can compete; the rest from the start on."""
    phases = {
        (each.verb.upper(), each.path.removeprefix(BASE)): set(each.phases)
        for each in CMS_API.operations
        if each.needs_login is not False
    }
    open_phases, from_start = {Phase.COMPETING, Phase.ANALYSIS}, {phase for phase in Phase if phase >= 0}
    assert phases[("GET", "/api/task_list")] == open_phases
    assert phases[("GET", "/tasks/{task}/statements/{lang}")] == from_start
    for (method, path), of_row in phases.items():
        if path != "/start":
            assert of_row == (open_phases if path.startswith("/api/") else from_start), (method, path)


async def test_what_is_shown_in_each_phase(stage: CmsStage) -> None:
    """Of a contest with windows of half an hour and an analysis mode, seen by who began and who never did."""
    analysis = {"start": moment(OVER + 60), "stop": moment(OVER + 120)}
    await stage.say("", per_user_time=1_800, analysis=analysis)
    for name, minutes in (("anna", RUNNING + 10), ("bert", None)):
        if minutes is not None:
            await stage.say(f"accounts/account-{name}", starting_time=moment(minutes))
    phases = {
        RUNNING: (Phase.BEFORE_WINDOW, Phase.BEFORE_WINDOW),
        RUNNING + 10: (Phase.COMPETING, Phase.BEFORE_WINDOW),
        RUNNING + 40: (Phase.AFTER_WINDOW, Phase.BEFORE_WINDOW),
        OVER + 59: (Phase.AFTER_CONTEST, Phase.AFTER_CONTEST),
        OVER + 60: (Phase.ANALYSIS, Phase.ANALYSIS),
        OVER + 120: (Phase.FINISHED, Phase.FINISHED),
    }
    for minutes, of_each in phases.items():
        await stage.at(minutes)
        for name, phase in zip(("anna", "bert"), of_each, strict=True):
            await check_phase(await stage.participant(name), phase)


async def test_before_the_start_nothing_is_to_be_read_but_one_can_log_in(cms_template: str) -> None:
    async with cloned_database(cms_template) as dsn, cms_stage(dsn, minutes=-0.1) as stage:
        client, impersonator = await stage.participant("anna"), await stage.impersonator("anna")
        await check_phase(client, Phase.BEFORE_CONTEST)
        await check_phase(impersonator, Phase.BEFORE_CONTEST)
        assert (await impersonator.get(f"{TASK_LIST}?override_phase_check=1")).status == 200
        # The very first request is answered as to a contest that has begun, whoever else looks at the clock.
        stage.play.clock.now_ms = START_MS
        await check_phase(client, Phase.COMPETING)


async def test_phases_do_not_bind_unrestricted_participations(stage: CmsStage) -> None:
    await stage.at(OVER)
    await stage.say("accounts/account-anna", unrestricted=True)
    assert (await (await stage.participant("anna")).get(TASK_LIST)).status == 200
    assert (await (await stage.participant("bert")).get(TASK_LIST)).json == NOT_OPEN


async def test_extra_time_and_delay_move_what_is_shown(stage: CmsStage) -> None:
    await stage.say("accounts/account-anna", extra_time=3_600)
    await stage.say("accounts/account-bert", delay_time=7_200)
    await check_phase(await stage.participant("bert"), Phase.BEFORE_WINDOW)
    await stage.at(OVER)
    for name in ("anna", "bert"):
        await check_phase(await stage.participant(name), Phase.COMPETING)
    await stage.at(OVER + 60)
    await check_phase(await stage.participant("anna"), Phase.FINISHED)
    await check_phase(await stage.participant("bert"), Phase.COMPETING)


async def test_a_window_begins_with_the_request_to_start_and_not_with_the_login(stage: CmsStage) -> None:
    await stage.say("", per_user_time=1_800)
    client = await stage.participant("anna")
    assert (await client.get(TASK_LIST)).json == NOT_OPEN
    await stage.at(RUNNING + 1)
    for later in (0, 5):
        await stage.at(RUNNING + 1 + later)
        answer = await client.post("/start")
        assert (answer.status, answer.json) == (200, {"starting_time": moment(RUNNING + 1)})
    assert (await client.get(TASK_LIST)).status == 200
    shown = await stage.play.get("root", "accounts/account-anna")
    assert shown["ext"]["cms"]["starting_time"] == moment(RUNNING + 1)


async def test_there_is_nothing_to_start_outside_the_contest_or_where_all_begin_together(stage: CmsStage) -> None:
    client = await stage.participant("anna")
    assert ((await client.post("/start")).status, (await client.post("/start")).json) == (403, WRONG_PHASE)
    await stage.say("", per_user_time=1_800)
    await stage.at(OVER)
    answer = await (await stage.participant("anna")).post("/start")
    assert (answer.status, answer.json) == (403, WRONG_PHASE)
    answer = await stage.client().post("/start")
    assert (answer.status, answer.json) == (403, {"error": "An authenticated user is required"})

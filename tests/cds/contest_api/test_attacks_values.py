"""Times, numbers, lists and passwords that somebody chooses to hurt: refused in the error form, or harmless."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from tests.cds.contest_api.attacked_contests import CONTEST, Attacked, attacked_contests, done, submission
from tests.cds.contest_api.serving import Json

pytestmark = pytest.mark.asyncio(loop_scope="session")

BASE = f"contests/{CONTEST}"

BAD_TIMES = (
    "",
    "now",
    "yesterday",
    "2026",
    "2026-01-01",
    "2026-01-01T00:00:00",
    "0000-01-01T00:00:00Z",
    "10000-01-01T00:00:00Z",
    "-001-01-01T00:00:00Z",
    "9999-12-31T23:59:59-01:00",
    "0001-01-01T00:00:00+14:00",
    "0001-01-01T00:00:00Z",
    "3000-01-01T00:00:00Z",
    "2026-01-01T00:00:00+23:59",
    "2026-01-01T00:00:00-20:00",
    "2026-02-30T00:00:00Z",
    "2026-13-01T00:00:00Z",
    "2026-01-01T25:00:00Z",
    "2026-01-01T00:00:61Z",
    "2026-01-01T00:00:00+24:00",
    "2026-01-01T00:00:00+99:99",
    "2026-01-01T00:00:00Z\n",
    " 2026-01-01T00:00:00Z",
    "2026-01-01T00:00:00Z; DROP TABLE events",
    "٢٠٢٦-01-01T00:00:00Z",
    "2026-01-01T00:00:00." + "9" * 5000,
    "9" * 5000,
)

BAD_LENGTHS = (
    "",
    "1",
    "1:00",
    "-1:00:00",
    "-0:00:00.001",
    "1:60:00",
    "1:00:60",
    "1:00:00\n",
    "٣:00:00",
    "9999999999:00:00",
    "9" * 5000 + ":00:00",
    "NaN:00:00",
    "1e9:00:00",
)


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def attacked(postgres_dsn_template: str) -> AsyncIterator[Attacked]:
    """Both contests; what the tests here add to them harms no other test."""
    async with attacked_contests(postgres_dsn_template) as contests:
        yield contests


@pytest.mark.parametrize("time", BAD_TIMES)
async def test_what_is_no_time_is_refused(attacked: Attacked, time: str) -> None:
    chief, judge, made = attacked.everybody["chief"], attacked.everybody["judge"], attacked.made
    verdict = {"judgement_id": made.judgement_one, "ordinal": 3, "judgement_type_id": "WA", "time": time}
    await attacked.refused(chief, "POST", f"{BASE}/submissions", 400, json=submission(team_id="t1", time=time))
    await attacked.refused(chief, "POST", f"{BASE}/clarifications", 400, json={"text": "x", "time": time})
    judgement = {"submission_id": made.submission_one, "start_time": time}
    await attacked.refused(judge, "POST", f"{BASE}/judgements", 400, json=judgement)
    await attacked.refused(judge, "POST", f"{BASE}/runs", 400, json=verdict)
    await attacked.refused(chief, "PATCH", BASE, 400, json={"id": CONTEST, "start_time": time})
    await attacked.refused(chief, "PATCH", BASE, 400, json={"id": CONTEST, "scoreboard_thaw_time": time})
    if time != "now":
        for name in ("started", "frozen", "ended", "thawed", "finalized", "end_of_updates"):
            await attacked.refused(chief, "PATCH", f"{BASE}/state", 400, json={name: time})
        for interval in ({"start": time}, {"start": "now", "end": time}):
            await attacked.refused(chief, "PATCH", f"{BASE}/state", 400, json={"removed_intervals": [interval]})


@pytest.mark.parametrize("length", BAD_LENGTHS)
async def test_what_is_no_length_is_refused(attacked: Attacked, length: str) -> None:
    """Neither what cannot be read nor what is negative, for a contest that is there and for a new one."""
    chief, server_admin = attacked.everybody["chief"], attacked.everybody["server-admin"]
    for name in ("duration", "scoreboard_freeze_duration", "penalty_time", "countdown_pause_time"):
        body = {"id": "new", "name": "x", "duration": "1:00:00", "scoreboard_type": "pass-fail", name: length}
        await attacked.refused(server_admin, "PUT", "contests/new", 400, json=body)
        patch = {"id": CONTEST, name: length} | ({"start_time": None} if name.startswith("countdown") else {})
        await attacked.refused(chief, "PATCH", BASE, 400, 403, json=patch)
    given = submission(team_id="t1", time="2026-01-01T00:00:00Z", contest_time=length)
    await attacked.refused(chief, "POST", f"{BASE}/submissions", 400, json=given)


@pytest.mark.parametrize(
    "intervals",
    [
        [{"start": "now"}, {"start": "now"}],
        [{"start": "now", "end": "2026-01-01T00:00:00Z"}],
        [{"start": "2026-01-01T00:00:00Z", "end": "now"}],
        [{"start": "9999-12-31T23:59:59Z"}],
        [{"start": "now", "contest_time": "99:00:00"}],
        [{"start": "now", "contest_time": "x"}],
        [{"start": "now", "surprise": 1}],
        [{"start": None}],
        [{"end": "now"}],
        [{}],
        [None],
        "now",
        {"start": "now"},
        [{"start": "now", "end": "now"}] * 101,
        [{"start": "now", "end": "now"}] * 10_000,
    ],
)
async def test_nonsense_for_removed_intervals_is_refused(attacked: Attacked, intervals: Json) -> None:
    chief = attacked.everybody["chief"]
    await attacked.refused(chief, "PATCH", f"{BASE}/state", 400, 403, json={"removed_intervals": intervals})


@pytest.mark.parametrize(
    "settings",
    [
        {"medals": [-1, 4, 4]},
        {"medals": [4, 4]},
        {"medals": [4, 4, 4, 4]},
        {"medals": [4.5, 4, 4]},
        {"medals": ["4", "4", "4"]},
        {"extra_bronzes": -1},
        {"extra_bronzes": 2**63 - 1, "rule": "nonsense"},
        {"kinds": ["everything"]},
        {"exclusive": "winner"},
        {"taken_over": [1]},
        {"clock": "yes"},
        {"computed": 1},
        {"surprise": True},
    ],
)
async def test_nonsense_for_settings_is_refused(attacked: Attacked, settings: Json) -> None:
    await attacked.refused(attacked.everybody["chief"], "PATCH", f"{BASE}/x-settings", 400, json=settings)


@pytest.mark.parametrize("extra_bronzes", [-1, 10_001, 2**63 - 1, 1.5, "1", [], True])
async def test_nonsense_for_extra_bronzes_is_refused(attacked: Attacked, extra_bronzes: Json) -> None:
    await attacked.refused(
        attacked.everybody["chief"], "PATCH", f"{BASE}/state", 400, json={"extra_bronzes": extra_bronzes}
    )


async def test_numbers_beyond_their_range_are_refused(attacked: Attacked) -> None:
    chief, judge, made = attacked.everybody["chief"], attacked.everybody["judge"], attacked.made
    problem = {"id": "new", "label": "N", "name": "New", "ordinal": 9, "test_data_count": 1}
    for changed in (
        {"ordinal": 2**63},
        {"ordinal": 1.5},
        {"ordinal": "1"},
        {"ordinal": True},
        {"test_data_count": -1},
        {"test_data_count": 2**63},
        {"test_data_count": 10**400},
        {"time_limit": -1},
        {"time_limit": -0.5},
        {"memory_limit": 1.5},
        {"code_limit": -(2**63)},
        {"rgb": "#12345"},
        {"rgb": "red"},
    ):
        await attacked.refused(chief, "PUT", f"{BASE}/problems/new", 400, json=problem | changed)
    run = {"judgement_id": made.judgement_one, "ordinal": 2, "judgement_type_id": "WA", "time": "2026-01-01T00:00:00Z"}
    for changed in ({"ordinal": 0}, {"ordinal": -1}, {"ordinal": 4}, {"ordinal": 2**63 - 1}, {"run_time": -1}):
        await attacked.refused(judge, "POST", f"{BASE}/runs", 400, json=run | changed)
    for body in (b'{"run_time":1e999}', b'{"run_time":NaN}', b'{"run_time":1' + b"0" * 400 + b"}"):
        await attacked.refused(judge, "POST", f"{BASE}/runs", 400, data=body)


async def test_very_long_lists_are_answered(attacked: Attacked) -> None:
    """Ten thousand entries: refused where one of them is wrong."""
    chief, judge, analyst, team = (attacked.everybody[name] for name in ("chief", "judge", "analyst", "team-one"))
    many = [f"t{number}" for number in range(10_000)]
    await attacked.refused(judge, "POST", f"{BASE}/clarifications", 400, json={"text": "x", "to_team_ids": many})
    await attacked.refused(
        team, "POST", f"{BASE}/clarifications", 400, json={"text": "x", "to_team_ids": ["t1"] * 10_000}
    )
    await attacked.refused(analyst, "POST", f"{BASE}/commentary", 400, json={"message": "x", "submission_ids": many})
    await attacked.refused(chief, "PUT", f"{BASE}/awards/a", 400, json={"id": "a", "citation": "x", "team_ids": many})
    team_body = {"id": "t1", "name": "x", "label": "x", "group_ids": many}
    await attacked.refused(chief, "PUT", f"{BASE}/teams/t1", 400, json=team_body)
    roles = [{"type": "contestant", "team_id": "nobody"}] * 10_000
    await attacked.refused(chief, "PUT", f"{BASE}/persons/p", 400, json={"id": "p", "name": "x", "roles": roles})
    files = submission() | {"files": [{"data": "UEsF"}] * 10_000}
    await attacked.refused(team, "POST", f"{BASE}/submissions", 400, json=files)
    account = {"id": "a", "username": "a", "type": "staff", "ip": ",".join(["10.0.0.1"] * 10_000)}
    await attacked.refused(chief, "PUT", f"{BASE}/accounts/a", 400, json=account)


@pytest.mark.parametrize(
    "password",
    [
        "",
        "x" * 1025,
        "ä" * 600,
        "$argon2id$v=19$m=8,t=1,p=1$AAAAAAAAAAA$AAAAAAAAAAA",
        "a\nb",
        "a\x7fb",
        5,
        ["x"],
        {"x": 1},
    ],
)
async def test_what_is_no_password_is_refused(attacked: Attacked, password: Json) -> None:
    """A hash above all: whoever has read one must not make it somebody's password."""
    chief = attacked.everybody["chief"]
    body = {"id": "new", "username": "new", "type": "staff", "password": password}
    await attacked.refused(chief, "PUT", f"{BASE}/accounts/new", 400, json=body)
    await attacked.refused(
        chief, "POST", f"{BASE}/accounts", 400, json={"username": "new", "type": "staff"} | {"password": password}
    )
    await attacked.refused(chief, "PATCH", f"{BASE}/accounts/staff", 400, json={"password": password})
    assert (await attacked.everybody["staff"].get(f"{BASE}/account")).status == 200


async def test_passwords_and_their_hashes_are_in_no_answer(attacked: Attacked) -> None:
    """Nor in a feed, nor in an answer to the very write that sets them, nor in an error."""
    chief = attacked.everybody["chief"]
    secret = "correct horse battery staple"
    body = {"id": "keeper", "username": "keeper", "type": "staff", "password": secret}
    answers = [
        await chief.ask("PUT", f"{BASE}/accounts/keeper", json=body),
        await chief.ask("PATCH", f"{BASE}/accounts/keeper", json={"password": secret}),
        await chief.ask("PATCH", f"{BASE}/accounts/keeper", json={"password": secret, "type": 5}),
        await chief.ask("PUT", f"{BASE}/accounts/other", json=body),
        await chief.get(f"{BASE}/accounts"),
        await chief.get(f"{BASE}/event-feed?stream=false"),
        await chief.ask("DELETE", f"{BASE}/accounts/keeper"),
    ]
    assert [answer.status for answer in answers] == [201, 200, 400, 409, 200, 200, 204]
    for answer in answers:
        assert secret.encode() not in answer.body
        assert b"argon2" not in answer.body


async def test_the_edges_of_time_break_no_board(attacked: Attacked) -> None:
    """Times that are valid and absurd: everything can be read afterwards, also in a zone where they leave the range."""
    admin, base = attacked.everybody["server-admin"], "contests/edges"
    contest = {"id": "edges", "name": "Edges", "duration": "999999999:59:59.999", "scoreboard_type": "pass-fail"}
    start = {"start_time": "2999-12-31T23:00:00.000+00:01", "scoreboard_freeze_duration": "999999999:00:00"}
    await done(admin, "PUT", base, contest | start)
    await done(admin, "PUT", f"{base}/judgement-types/AC", {"id": "AC", "name": "AC", "solved": True})
    await done(
        admin,
        "PUT",
        f"{base}/languages/c",
        {"id": "c", "name": "C", "entry_point_required": False, "extensions": ["c"]},
    )
    problem = {"id": "apples", "label": "A", "name": "x", "ordinal": -(2**63), "test_data_count": 2**63 - 1}
    await done(admin, "PUT", f"{base}/problems/apples", problem | {"time_limit": 1e308, "max_score": 1e308})
    await done(admin, "PUT", f"{base}/teams/t1", {"id": "t1", "name": "x", "label": "x"})
    for time in ("1000-01-01T00:00:00.000Z", "2999-12-31T23:59:59.999Z", "2999-12-31T23:59:59.999+14:00"):
        made = await done(admin, "POST", f"{base}/submissions", submission(team_id="t1", time=time))
        judgement = {"submission_id": made["id"], "start_time": time, "end_time": time, "judgement_type_id": "AC"}
        run = {"ordinal": 2**63 - 1, "judgement_type_id": "AC", "time": time, "run_time": 1e308}
        judged = await done(admin, "POST", f"{base}/judgements", judgement | {"max_run_time": 1e308})
        await done(admin, "POST", f"{base}/runs", run | {"judgement_id": judged["id"]})
        for path in ("scoreboard", "scoreboard?frozen=true", "awards", "submissions", "event-feed?stream=false"):
            assert (await admin.get(f"{base}/{path}")).status == 200, (time, path)
    for patch in ({"scoreboard_thaw_time": "2999-12-31T23:59:59Z"}, {"scoreboard_thaw_time": "1000-01-01T00:00:00Z"}):
        await attacked.refused(admin, "PATCH", base, 403, json={"id": "edges"} | patch)
    for path in ("scoreboard", "state", "", "event-feed?stream=false"):
        assert (await attacked.everybody["public"].get(f"{base}/{path}")).status == 200
    assert (await admin.ask("DELETE", base)).status == 204

"""Acting for participants with the admin token, and what that sets aside (CMS ContestWebServer API, 3 and 4.5)."""

from io import BytesIO

import pytest
from aiohttp import hdrs
from structlog.testing import capture_logs

from cds.cms_api.overrides import NotBoolean, overrides_of
from cds.cms_api.parts import CmsParts, opened_cms
from cds.cms_api.settings import CmsSettings
from cds.cms_api.submitting import SUBMIT_BODY_BYTES_MAX
from cds.cms_api.tokens import cms_tokens
from cds.commands.write import Overrides
from cds.throttling import Throttle
from eventstore.memory import MemoryStore
from tests.cds.cms_api.stage import ADMIN_TOKEN, CmsClient, CmsStage, cms_stage
from tests.cds.contest_api.live_contest_setup import OVER
from tests.cds.contest_api.serving import Answer, cloned_database

pytestmark = pytest.mark.asyncio(loop_scope="session")

LOGIN_FAILED = {"error": "Login failed"}


async def tried(client: CmsClient, admin_token: str, **more: str) -> Answer:
    """The answer to the login of somebody who wants to act for anna."""
    return await client.post("/api/login", {"username": "anna", "admin_token": admin_token, **more})


async def test_the_admin_token_lets_act_for_a_participant_and_is_recorded(stage: CmsStage) -> None:
    client = stage.client()
    for wrong in (ADMIN_TOKEN[:-1], f"{ADMIN_TOKEN}x", ADMIN_TOKEN.upper(), "ä"):
        answer = await tried(client, wrong)
        assert (answer.status, answer.json) == (403, LOGIN_FAILED)
    for username in ("nobody", "judge", "admin", ""):
        answer = await client.post("/api/login", {"username": username, "admin_token": ADMIN_TOKEN})
        assert (answer.status, answer.json) == (403, LOGIN_FAILED), username
    assert await stage.audits() == []
    answer = await tried(client, ADMIN_TOKEN, password="")
    assert answer.status == 200
    client.token = answer.json["login_data"]
    assert (await client.get("/api/task_list")).status == 200
    expected = {
        "kind": "impersonation",
        "account_id": "account-anna",
        "by": "admin token",
        "address": "127.0.0.1",
        "what": "login",
    }
    assert await stage.audits() == [expected]


async def test_with_a_password_beside_it_the_admin_token_is_nothing(stage: CmsStage) -> None:
    answer = await tried(stage.client(), ADMIN_TOKEN, password="wrong")
    assert (answer.status, answer.json) == (403, LOGIN_FAILED)


async def test_audits_are_in_no_feed(stage: CmsStage) -> None:
    await stage.impersonator("anna")
    for query in ("", "?extensions=1"):
        for line in await stage.play.caller("root").lines(f"contests/live/event-feed{query}"):
            assert b"x-audit" not in line


@pytest.mark.parametrize("admin_token", [None, ""])
async def test_without_an_admin_token_nobody_acts_for_anybody(cms_template: str, admin_token: str | None) -> None:
    settings = CmsSettings(admin_token=admin_token)
    async with cloned_database(cms_template) as dsn, cms_stage(dsn, cms=settings) as stage:
        for given in ("", "anything", "None", "null", "0"):
            answer = await tried(stage.client(), given)
            assert (answer.status, answer.json) == (403, LOGIN_FAILED)


async def test_who_guesses_admin_tokens_has_to_wait(stage: CmsStage) -> None:
    statuses = [(await tried(stage.client(), f"guess {number}")).status for number in range(7)]
    assert statuses == [403] * 5 + [429] * 2
    answer = await tried(stage.client(), ADMIN_TOKEN)
    assert answer.status == 429
    assert int(answer.headers[hdrs.RETRY_AFTER]) >= 1


async def test_a_short_admin_token_is_warned_of_at_the_start(memory_store: MemoryStore) -> None:
    for token, warned in ((None, False), ("x" * 31, True), ("x" * 32, False)):
        with capture_logs() as lines:
            parts = await opened_cms(memory_store, CmsSettings(admin_token=token))
        assert ([line["event"] for line in lines] == ["cms_admin_token_short"]) is warned
        assert token is None or token not in str(lines)
        assert parts.is_admin_token("x" * 31) is (token == "x" * 31)


async def test_admin_tokens_are_compared_in_constant_time(
    memory_store: MemoryStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    compared: list[tuple[bytes, bytes]] = []

    def compare(given: bytes, expected: bytes) -> bool:
        compared.append((given, expected))
        return given == expected

    monkeypatch.setattr("hmac.compare_digest", compare)
    parts = CmsParts(
        settings=CmsSettings(admin_token="right"), tokens=await cms_tokens(memory_store), guesses=Throttle()
    )
    assert [parts.is_admin_token(given) for given in ("right", "wrong", "")] == [True, False, False]
    assert compared == [(b"right", b"right"), (b"wrong", b"right"), (b"", b"right")]


async def test_the_phase_is_overridden_in_the_url_and_each_use_recorded(stage: CmsStage) -> None:
    impersonator = await stage.impersonator("anna")
    await stage.at(OVER)
    again = await stage.impersonator("anna")
    assert impersonator.token != again.token
    path = "/api/task_list"
    assert (await again.get(path)).status == 403
    assert (await again.get(f"{path}?override_phase_check=1")).status == 200
    for no in ("0", ""):
        answer = await again.get(f"{path}?override_phase_check={no}")
        assert (answer.status, answer.json) == (403, {"error": "The contest is not open"})
    used = [each["what"] for each in await stage.audits() if each["kind"] == "override"]
    assert used == ["GET /api/task_list override_phase_check=1"]
    wrong = await again.get(f"{path}?override_phase_check=yes")
    assert wrong.status == 400
    assert wrong.json == {"error": "Cannot parse boolean argument override_phase_check"}


async def test_overrides_of_ordinary_tokens_are_ignored(stage: CmsStage) -> None:
    await stage.at(OVER)
    client = await stage.participant("anna")
    for value in ("1", "0", "yes"):
        answer = await client.get(f"/api/task_list?override_phase_check={value}")
        assert (answer.status, answer.json) == (403, {"error": "The contest is not open"})
    await stage.say("accounts/account-anna", unrestricted=True)
    assert (await client.get("/api/task_list?override_phase_check=0")).status == 200
    assert [each for each in await stage.audits() if each["kind"] == "override"] == []


async def test_an_override_binds_an_unrestricted_participation_too(stage: CmsStage) -> None:
    await stage.at(OVER)
    await stage.say("accounts/account-anna", unrestricted=True)
    client = await stage.impersonator("anna")
    assert (await client.get("/api/task_list")).status == 200
    assert (await client.get("/api/task_list?override_phase_check=0")).status == 403


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ({}, Overrides()),
        ({"override_phase_check": "1"}, Overrides(phase=True)),
        ({"override_phase_check": "0"}, Overrides(phase=False)),
        ({"override_phase_check": ""}, Overrides(phase=False)),
        ({"override_official": "1"}, Overrides(official=True)),
        ({"override_official": "0"}, Overrides(official=False)),
        ({"override_max_number": "1", "override_min_interval": "0"}, Overrides(max_number=True)),
        ({"override_min_interval": "1", "override_max_number": ""}, Overrides(min_interval=True)),
        ({"override": "1", "Override_Official": "1", "official": "x"}, Overrides()),
    ],
)
async def test_what_arguments_set_aside(arguments: dict[str, str], expected: Overrides) -> None:
    assert overrides_of(arguments) == expected


@pytest.mark.parametrize(
    "name", ["override_phase_check", "override_official", "override_max_number", "override_min_interval"]
)
@pytest.mark.parametrize("value", ["2", "true", "01", " 1", "-1", "\N{SUPERSCRIPT ONE}"])
async def test_what_is_neither_yes_nor_no_is_refused_by_name(name: str, value: str) -> None:
    with pytest.raises(NotBoolean, match=f"^Cannot parse boolean argument {name}$"):
        overrides_of({name: value})


async def test_who_hands_in_or_begins_for_somebody_is_recorded_also_without_an_override(stage: CmsStage) -> None:
    """Else the log would say of it that the participant did."""
    await stage.say("", per_user_time=1_800)
    impersonator = await stage.impersonator("anna")
    assert (await impersonator.post("/start")).status == 200
    assert (await impersonator.post("/start")).status == 200  # has begun already, so nothing was done
    made = await impersonator.send("/api/sum/submit", [("sum.%l", "sum.cpp", b"int main() {}")])
    assert made.status == 200
    own = await (await stage.participant("anna")).send("/api/sum/submit", [("sum.%l", "sum.cpp", b"int main() {}")])
    assert own.status == 200
    told = [(each["kind"], each["what"], each.get("submission_id")) for each in await stage.audits()]
    assert told == [
        ("impersonation", "login", None),
        ("impersonation", "POST /start", None),
        ("impersonation", "submit", made.json["id"]),
    ]
    assert {each["address"] for each in await stage.audits()} == {"127.0.0.1"}


async def test_a_record_says_what_was_looked_at(stage: CmsStage) -> None:
    await stage.at(-1)
    impersonator = await stage.impersonator("anna")
    for path in ("/tasks/sum/statements/en", "/tasks/maze/statements/a%2Fb", f"/tasks/{'x' * 300}/submissions/1"):
        await impersonator.get(f"{path}?override_phase_check=1")
    told = [each["what"] for each in await stage.audits() if each["kind"] == "override"]
    assert told == [
        "GET /tasks/sum/statements/en override_phase_check=1",
        "GET /tasks/maze/statements/a%2Fb override_phase_check=1",
        f"GET /tasks/{'x' * 100}/submissions/1 override_phase_check=1",
    ]


async def test_what_is_too_big_is_told_alike_whoever_sends_it(stage: CmsStage) -> None:
    """The form is read sooner where it may hold overrides."""
    head = b'--b\r\nContent-Disposition: form-data; name="sum.%l"; filename="sum.cpp"\r\n\r\n'
    form = head + b"x" * SUBMIT_BODY_BYTES_MAX + b"\r\n--b--\r\n"
    kind = {"Content-Type": "multipart/form-data; boundary=b"}
    for client in (await stage.impersonator("anna"), await stage.participant("anna")):
        answer = await client.ask("POST", "/api/sum/submit", data=BytesIO(form), headers=kind)
        assert (answer.status, answer.json["error"]) == (422, "Submission too big!")


async def test_who_acts_for_an_account_is_out_when_it_is_made_again_under_its_id(stage: CmsStage) -> None:
    """Also where the account never had a password, and so no record of its login."""
    account = {"id": "carl", "username": "carl", "type": "team", "team_id": "t1"}
    await stage.play.put("root", "accounts/carl", account, 201)
    impersonator = await stage.impersonator("carl")
    assert (await impersonator.get("/api/task_list")).status == 200
    await stage.play.patch("root", "accounts/carl", {"name": "Carl"})
    assert (await impersonator.get("/api/task_list")).status == 200
    assert (await stage.play.ask("root", "DELETE", "accounts/carl")).status == 204
    await stage.play.put("root", "accounts/carl", account, 201)
    assert (await impersonator.get("/api/task_list")).status == 403

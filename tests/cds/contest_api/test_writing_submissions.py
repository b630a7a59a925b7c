"""Submissions by teams, proxies and administrators (Contest API, "Modifying submissions")."""

import asyncio
import io
import zipfile
from hashlib import sha256
from typing import Any

import aiohttp
import pytest

from tests.cds.contest_api.live_contest_setup import (
    FROZEN,
    OVER,
    RUNNING,
    START,
    Play,
    archive,
    below,
    data_of,
    moment,
    submission,
)

pytestmark = pytest.mark.asyncio(loop_scope="session")

AT_ONCE = 64

OF_CAPABILITY: dict[str, dict[str, Any]] = {
    "team-one": {},
    "proxy": {"team_id": "t2"},
    "chief": {"team_id": "t2", "time": moment(RUNNING)},
}
"""Who may submit, and what their capability asks for besides what is always needed."""

TIMES = {"time": moment(RUNNING), "contest_time": "1:00:00.000"}

who_submits = pytest.mark.parametrize("who", OF_CAPABILITY)


def file(content: bytes | None = None, **more: object) -> list[dict[str, Any]]:
    """`files` with one archive."""
    return [{"data": data_of(archive() if content is None else content), **more}]


def bomb() -> bytes:
    """An archive of a few kilobytes that unpacks to far more than is accepted."""
    return archive({f"{number}.cc": bytes(8 * 1024 * 1024) for number in range(9)})


@who_submits
async def test_a_submission_is_answered_with_its_place_and_its_initial_state(live: Play, who: str) -> None:
    answer = await live.ask(who, "POST", "submissions", submission(**OF_CAPABILITY[who]))
    assert answer.status == 201, answer.body
    identifier = answer.json["id"]
    assert answer.headers["Location"] == f"/api/{below('submissions')}/{identifier}"
    shown = await live.get("chief", f"submissions/{identifier}")
    assert (
        shown.items()
        >= {
            "problem_id": "apples",
            "language_id": "cpp",
            "team_id": "t1" if who == "team-one" else "t2",
            "time": moment(RUNNING),
            "contest_time": "1:00:00.000",
            "account_id": who,
            "entry_point": None,
        }.items()
    )
    assert (
        shown["files"][0].items()
        >= {
            "href": below(f"submissions/{identifier}/files"),
            "mime": "application/zip",
        }.items()
    )
    if who != "proxy":  # A proxy is not shown the sources of others, not even those that it passed on.
        assert answer.json["files"] == shown["files"]
    followed = await live.caller(who).get(live.server.root + answer.headers["Location"])
    assert (followed.status, followed.body) == (200, answer.body)


@pytest.mark.parametrize("who", ["team-one", "chief"])
async def test_the_files_come_back_byte_by_byte(live: Play, who: str) -> None:
    content = archive({"main.cc": "int main() { return 0; }", "deep/er/data.h": bytes(range(256)) * 300})
    made = await live.post(who, "submissions", submission(files=file(content), **OF_CAPABILITY[who]))
    for reader in (who, "judge", "chief"):
        answer = await live.caller(reader).get(made["files"][0]["href"])
        assert (answer.status, answer.body) == (200, content)
        assert answer.headers["Content-Type"] == "application/zip"
    for reader in ("public", "proxy", "team-two" if who == "team-one" else "team-one"):
        assert (await live.caller(reader).get(below(f"submissions/{made['id']}/files"))).status == 404


async def test_a_form_with_plain_sources_is_zipped_by_the_server(live: Play) -> None:
    form = aiohttp.FormData()
    for name, value in (("problem_id", "apples"), ("language_id", "java"), ("entry_point", "Main")):
        form.add_field(name, value)
    sources = {"Main.java": b"class Main {}\n", "Other.java": bytes(range(256))}
    for name, content in sources.items():
        form.add_field("files", content, filename=name, content_type="application/octet-stream")
    answer = await live.caller("team-one").ask("POST", below("submissions"), data=form)
    assert answer.status == 201, answer.body
    assert answer.json.items() >= {"team_id": "t1", "language_id": "java", "entry_point": "Main"}.items()
    packed = await live.caller("team-one").get(answer.json["files"][0]["href"])
    with zipfile.ZipFile(io.BytesIO(packed.body)) as opened:
        assert {name: opened.read(name) for name in opened.namelist()} == sources
    again = await live.caller("team-one").get(live.server.root + answer.headers["Location"])
    assert again.body == answer.body


async def test_a_form_is_held_to_the_same_rules(refusing: Play) -> None:
    before = await refusing.position()
    for fields, status in (
        ({"problem_id": "apples", "language_id": "java"}, 400),
        ({"problem_id": "apples", "language_id": "cpp", "team_id": "t2"}, 403),
        ({"problem_id": "nobody", "language_id": "cpp"}, 400),
        ({"problem_id": "apples", "language_id": "cpp", "time": START}, 400),
    ):
        form = aiohttp.FormData(fields)
        form.add_field("files", b"int main() {}", filename="main.cc")
        answer = await refusing.caller("team-one").ask("POST", below("submissions"), data=form)
        assert (answer.status, answer.json["code"]) == (status, status), fields
    assert await refusing.position() == before


async def test_ids_grow_with_time_however_many_submit_at_once(live: Play) -> None:
    """The earlier of two submissions has the lower id, also where many arrive in one moment."""
    who = ("team-one", "team-two")
    made = await asyncio.gather(*(live.post(who[number % 2], "submissions", submission()) for number in range(AT_ONCE)))
    assert sorted(int(each["id"]) for each in made) == list(range(1, AT_ONCE + 1))
    later = RUNNING
    for number in range(3):
        later += 1
        await live.at(later)
        assert await live.submitted(who[number % 2]) == str(AT_ONCE + 1 + number)
    shown = await live.get("public", "submissions")
    by_id = sorted(shown, key=lambda each: int(each["id"]))
    assert [each["time"] for each in by_id] == sorted(each["time"] for each in shown)
    lines = [int(line["id"]) for line in await live.feed("public") if line["type"] == "submissions"]
    assert lines == sorted(lines)
    await live.put("chief", "submissions/1000", submission(id="1000", team_id="t1", time=moment(RUNNING)), 201)
    assert await live.submitted() == "1001"


async def test_a_clock_that_is_set_back_a_little_makes_nothing_earlier(live: Play) -> None:
    first = await live.post("team-one", "submissions", submission())
    live.clock.now_ms -= 2_000
    second = await live.post("team-two", "submissions", submission())
    assert int(second["id"]) > int(first["id"])
    assert (second["time"], second["contest_time"]) == (first["time"], first["contest_time"])


@pytest.mark.parametrize("who", ["public", "analyst", "judge", "staff"])
async def test_without_a_capability_nobody_submits(refusing: Play, who: str) -> None:
    status = 401 if who == "public" else 403
    await refusing.refused(who, "POST", "submissions", submission(team_id="t1", time=START), status)
    await refusing.refused(who, "PUT", "submissions/x", submission(id="x", team_id="t1", time=START), status)
    for method in ("PATCH", "DELETE"):
        await refusing.refused(who, method, "submissions/1", {}, 405 if method == "PATCH" and status == 403 else status)


@pytest.mark.parametrize("who", ["team-one", "proxy"])
async def test_teams_and_proxies_can_only_post(refusing: Play, who: str) -> None:
    for path in ("submissions/x", "submissions/1"):
        body = submission(id=path.rpartition("/")[2], team_id="t1")
        await refusing.refused(who, "PUT", path, body, 403)
    await refusing.refused(who, "DELETE", "submissions/1", None, 403)


@who_submits
async def test_missing_properties_are_refused(refusing: Play, who: str) -> None:
    for missing in ("problem_id", "language_id", "files", *OF_CAPABILITY[who]):
        body = submission(**{**OF_CAPABILITY[who], missing: None})
        if (who, missing) != ("chief", "team_id"):
            await refusing.refused(who, "POST", "submissions", body, 400, names=missing)
            await refusing.refused(who, "POST", "submissions", {**body, missing: None}, 400, names=missing)


@pytest.mark.parametrize("who", ["team-one", "proxy"])
async def test_the_time_is_the_servers_to_set(refusing: Play, who: str) -> None:
    for name, value in (*TIMES.items(), ("id", "77"), ("account_id", "chief")):
        body = submission(**{**OF_CAPABILITY[who], name: value})
        await refusing.refused(who, "POST", "submissions", body, 400, names=name)


@who_submits
async def test_unheard_of_properties_are_refused(refusing: Play, who: str) -> None:
    for name in ("nonsense", "score", "judgement_type_id"):
        body = submission(**{**OF_CAPABILITY[who], name: 1})
        await refusing.refused(who, "POST", "submissions", body, 400, names=name)


async def test_a_team_may_name_itself_and_nobody_else(live: Play) -> None:
    assert (await live.post("team-one", "submissions", submission(team_id="t1")))["team_id"] == "t1"
    for other in ("t2", "t3", "nobody", ""):
        await live.refused("team-one", "POST", "submissions", submission(team_id=other), 403, names="team_id")


async def test_a_proxy_names_the_team_and_leaves_the_time_to_the_server(live: Play) -> None:
    made = await live.post("proxy", "submissions", submission(team_id="t3"))
    assert (made["team_id"], made["time"]) == ("t3", moment(RUNNING))
    await live.refused("proxy", "POST", "submissions", submission(), 400, names="team_id")
    await live.refused("proxy", "POST", "submissions", submission(team_id="nobody"), 400, names="nobody")


async def test_an_administrator_gives_the_time_and_with_put_the_id(live: Play) -> None:
    early = moment(RUNNING - 30.5)
    posted = await live.post("chief", "submissions", submission(team_id="t1", time=early))
    assert (posted["time"], posted["contest_time"]) == (early, "0:29:30.000")
    answer = await live.ask("chief", "PUT", "submissions/site1-7", submission(id="site1-7", team_id="t1", time=early))
    assert (answer.status, answer.json["id"]) == (201, "site1-7")
    assert answer.headers["Location"] == f"/api/{below('submissions/site1-7')}"
    await live.refused("chief", "POST", "submissions", submission(id="x", team_id="t1", time=early), 400, names="id")
    await live.refused("chief", "PUT", "submissions/x", submission(team_id="t1", time=early), 400, names="id")
    for method, path, more in (("POST", "submissions", {}), ("PUT", "submissions/x", {"id": "x"})):
        await live.refused("chief", method, path, submission(team_id="t1", **more), 400, names="time")


async def test_a_contest_time_must_follow_from_the_time(live: Play) -> None:
    """It may be given, as long as it says the same (requirements A6)."""
    body = submission(team_id="t1", time=moment(30))
    made = await live.post("chief", "submissions", {**body, "contest_time": "0:30:00"})
    assert made["contest_time"] == "0:30:00.000"
    await live.refused("chief", "POST", "submissions", {**body, "contest_time": "0:31:00"}, 400, names="contest_time")


async def test_a_submission_cannot_be_put_over_another(live: Play) -> None:
    """The very same one again is how a client makes sure (requirements A5); anything else is refused."""
    body = submission(id="site1-7", team_id="t1", time=moment(30))
    first = await live.ask("chief", "PUT", "submissions/site1-7", body)
    before = await live.position()
    again = await live.ask("chief", "PUT", "submissions/site1-7", body)
    assert (again.status, again.body) == (200, first.body)
    assert await live.position() == before
    for changed in ({"team_id": "t2"}, {"time": moment(31)}, {"files": file(archive({"other.cc": "x"}))}):
        await live.refused("chief", "PUT", "submissions/site1-7", {**body, **changed}, 409)
    for unacceptable in ("-x", "a" * 37, "x."):
        await live.refused("chief", "PUT", f"submissions/{unacceptable}", {**body, "id": unacceptable}, 400, names="id")


@who_submits
async def test_what_is_not_there_is_refused(refusing: Play, who: str) -> None:
    for name in ("problem_id", "language_id"):
        for value in ("nobody", "APPLES", "CPP", ""):
            body = submission(**{**OF_CAPABILITY[who], name: value})
            await refusing.refused(who, "POST", "submissions", body, 400)
    if who != "team-one":
        body = submission(**{**OF_CAPABILITY[who], "team_id": "nobody"})
        await refusing.refused(who, "POST", "submissions", body, 400, names="nobody")


async def test_before_the_start_a_problem_cannot_be_submitted_to(waiting: Play) -> None:
    """What is hidden and what does not exist are refused alike, whoever asks at that time."""
    for who in ("team-one", "proxy"):
        for problem in ("apples", "nobody"):
            body = submission(**{**OF_CAPABILITY[who], "problem_id": problem})
            await waiting.refused(who, "POST", "submissions", body, 403, names="not started")


async def test_submitting_ends_with_the_contest(live: Play) -> None:
    await live.at(FROZEN)
    await live.submitted()
    await live.at(OVER - 2)
    await live.submitted("proxy", team_id="t1")
    await live.at(OVER)
    for who in ("team-one", "proxy"):
        await live.refused(who, "POST", "submissions", submission(**OF_CAPABILITY[who]), 403, names="over")
    late = await live.post("chief", "submissions", submission(team_id="t1", time=moment(OVER)))
    assert late["contest_time"] == "5:01:00.000"


async def test_a_disabled_account_cannot_submit(live: Play) -> None:
    await live.submitted()
    await live.patch("chief", "accounts/team-one", {"disabled": True})
    await live.refused("team-one", "POST", "submissions", submission(), 401)
    await live.submitted("team-two")
    await live.patch("chief", "accounts/team-one", {"disabled": False})
    await live.submitted()


async def test_an_account_of_type_team_without_a_team_does_not_exist(refusing: Play) -> None:
    body = {"username": "nobodys", "type": "team", "password": "secret words"}
    await refusing.refused("chief", "POST", "accounts", body, 400, names="team")


@who_submits
async def test_a_language_that_needs_an_entry_point_gets_one(live: Play, who: str) -> None:
    java = {"language_id": "java", "files": file(archive({"Main.java": "class Main {}"})), **OF_CAPABILITY[who]}
    for entry_point in (None, ""):
        message = await live.refused(
            who, "POST", "submissions", {**submission(**java), "entry_point": entry_point}, 400, names="entry_point"
        )
        assert "Main class" in message
    message = await live.refused(
        who, "POST", "submissions", submission(**java, entry_point="Elsewhere"), 400, names="entry_point"
    )
    assert "Main.java" in message
    made = await live.post(who, "submissions", submission(**java, entry_point="Main"))
    assert (await live.get("chief", f"submissions/{made['id']}"))["entry_point"] == "Main"


async def test_the_type_of_the_archive_may_be_left_out_and_not_be_another(live: Play) -> None:
    for more in ({}, {"mime": "application/zip"}, {"mime": None}, {"filename": "source.zip"}):
        made = await live.post("team-one", "submissions", submission(files=file(**more)))
        assert made["files"][0]["mime"] == "application/zip"
    for mime in ("application/x-zip", "text/plain", "nonsense", ""):
        await live.refused("team-one", "POST", "submissions", submission(files=file(mime=mime)), 400, names="mime")


@who_submits
@pytest.mark.parametrize(
    "files",
    [
        [],
        file() * 2,
        [{"data": data_of(b"this is no archive")}],
        [{"data": data_of(archive()[:-10])}],
        [{"data": "!!!"}],
        [{"data": ""}],
        [{"data": 7}],
        [{"href": "contests/live/submissions/1/files"}],
        [{"filename": "main.zip"}],
        {"data": data_of(archive())},
        [{"data": data_of(archive({}))}],
        [{"data": data_of(archive({"../main.cc": "x"}))}],
        [{"data": data_of(archive({"/etc/main.cc": "x"}))}],
        [{"data": data_of(archive({f"{number}.cc": "x" for number in range(101)}))}],
        [{"data": data_of(bomb())}],
        [{"data": data_of(bytes(11 * 1024 * 1024))}],
    ],
    ids=[
        "none",
        "two",
        "no archive",
        "cut off",
        "no base64",
        "nothing",
        "a number",
        "that of another",
        "no data",
        "no array",
        "no entries",
        "parent path",
        "absolute path",
        "too many entries",
        "too large unpacked",
        "too large",
    ],
)
async def test_a_bad_archive_is_refused(refusing: Play, who: str, files: object) -> None:
    body = submission(**OF_CAPABILITY[who]) | {"files": files}
    await refusing.refused(who, "POST", "submissions", body, 400, names="files")


async def test_the_code_limit_of_the_problem_counts(live: Play) -> None:
    """`bridges` takes a kibibyte, counted unpacked."""
    just = archive({"a.cc": "x" * 1000, "b.cc": "y" * 24})
    await live.submitted(problem_id="bridges", files=file(just))
    above = archive({"a.cc": "x" * 1000, "b.cc": "y" * 25})
    await live.refused(
        "team-one", "POST", "submissions", submission(problem_id="bridges", files=file(above)), 400, names="1024"
    )
    await live.submitted(files=file(above))


async def test_a_body_that_is_too_large_is_413(refusing: Play) -> None:
    body = submission(files=file(bytes(17 * 1024 * 1024)))
    await refusing.refused("team-one", "POST", "submissions", body, 413)


async def test_a_reaction_may_be_sent(live: Play) -> None:
    """The server does not honour it but for administrators, who say where it is to be seen."""
    reaction = [{"href": "https://streams.example.com/reaction.m3u8", "mime": "application/vnd.apple.mpegurl"}]
    made = await live.post("team-one", "submissions", submission(reaction=reaction))
    assert "reaction" not in await live.get("chief", f"submissions/{made['id']}")
    posted = await live.post("chief", "submissions", submission(team_id="t1", time=START, reaction=reaction))
    assert posted["reaction"][0]["href"] == reaction[0]["href"]


async def test_nothing_of_a_refused_submission_is_kept(live: Play) -> None:
    content = archive({"main.cc": "what nobody else sends"})
    await live.refused("team-one", "POST", "submissions", submission(problem_id="nobody", files=file(content)), 400)
    assert await live.server.store.file(sha256(content).hexdigest()) is None
    await live.submitted(files=file(content))
    assert await live.server.store.file(sha256(content).hexdigest()) == content


async def test_a_submission_is_seen_by_whom_it_concerns_at_once(live: Play) -> None:
    token = {who: await live.token(who) for who in ("public", "team-one", "team-two", "judge")}
    made = await live.post("team-one", "submissions", submission())
    for who, since in token.items():
        (line,) = await live.feed(who, since)
        assert (line["type"], line["id"]) == ("submissions", made["id"])
        assert line["data"] == await live.get(who, f"submissions/{made['id']}")
        assert ("files" in line["data"]) == (who in ("team-one", "judge"))

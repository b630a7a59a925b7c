"""URLs, methods, headers and errors: what holds for every endpoint (Contest API, "General design principles")."""

import asyncio
import gzip
import io
import json
import socket
from collections.abc import AsyncIterator

import pytest
from aiohttp import ClientSession

from cds.application import Server
from cds.configuration import Configuration
from tests.cds.contest_api.serving import DEADLINE_S, SERVER_ADMIN, Caller, Running, running
from tests.cds.contest_api.small_contest import login

pytestmark = pytest.mark.asyncio(loop_scope="session")

SINGLE = ("", "contests/small", *(f"contests/small/{name}" for name in ("access", "state", "scoreboard", "account")))
COLLECTIONS = (
    "judgement-types",
    "languages",
    "problems",
    "groups",
    "organizations",
    "teams",
    "persons",
    "accounts",
    "submissions",
    "judgements",
    "runs",
    "clarifications",
    "awards",
    "commentary",
)
EVERY_PATH = (*SINGLE, "contests", *(f"contests/small/{name}" for name in COLLECTIONS))
WRITING = ("POST", "PUT", "PATCH", "DELETE")
MEBIBYTE = 1024 * 1024
CHIEF = login("small", "chief")


def check_error(answer_status: int, body: bytes, content_type: str, status: int) -> None:
    """An error has the form of the specification."""
    assert answer_status == status, body
    assert content_type == "application/json"
    error = json.loads(body)
    assert error.keys() == {"code", "message"}
    assert error["code"] == status
    assert isinstance(error["message"], str)
    assert error["message"]
    assert "\n" not in error["message"]


async def expect_error(caller: Caller, method: str, path: str, status: int, **more: object) -> None:
    """The request fails so, in the form of the specification, readable from other origins."""
    answer = await caller.ask(method, path, **more)  # type: ignore[arg-type] # whatever aiohttp's request takes
    check_error(answer.status, answer.body, answer.headers["Content-Type"], status)
    assert answer.headers["Access-Control-Allow-Origin"] == "*"


async def test_the_base_url_answers_with_and_without_its_slash(served: Running) -> None:
    for url in (served.base, served.base.rstrip("/")):
        answer = await served.caller().get(url)
        assert answer.status == 200
        assert answer.json["version"] == "draft"
        assert answer.json["version_url"].startswith("https://")
        assert answer.json["provider"]["version"].count(".") == 2


@pytest.mark.parametrize("base_url", ["https://example.com/x/y/api/", "https://example.com/x/y/api"])
async def test_every_path_works_below_a_nested_base_url(small_template_copy: str, base_url: str) -> None:
    async with running(small_template_copy, base_url=base_url) as server:
        plain, nested = server.caller(CHIEF), Caller(server.session, f"{server.root}/x/y/api/", CHIEF)
        for path in EVERY_PATH:
            assert (await nested.get(path)).body == (await plain.get(path)).body, path
        assert await nested.lines("contests/small/event-feed") == await plain.lines("contests/small/event-feed")
        (logo,) = (await nested.json("contests/small"))["logo"]
        assert (await nested.get(logo["href"])).body == (await plain.get(logo["href"])).body
        assert (await nested.get(server.root + "/x/y/api")).status == 200
        await expect_error(nested, "GET", "nonsense", 404)


async def test_a_collection_is_an_array_of_objects_with_an_id(served: Running) -> None:
    for name in COLLECTIONS:
        objects = await served.caller(CHIEF).json(f"contests/small/{name}")
        assert isinstance(objects, list), name
        assert objects, name
        assert all(isinstance(each["id"], str) for each in objects), name
        assert len({each["id"] for each in objects}) == len(objects), name


async def test_an_empty_collection_is_an_empty_array(served: Running) -> None:
    answer = await served.caller().get("contests/early/problems")
    assert (answer.status, answer.body) == (200, b"[]")


async def test_one_object_is_exactly_the_object_of_the_collection(served: Running) -> None:
    for username in ("chief", "team-one", "analyst"):
        caller = served.caller(login("small", username))
        for name in COLLECTIONS:
            answer = await caller.get(f"contests/small/{name}")
            if answer.status == 404:
                continue
            for each in answer.json:
                alone = await caller.get(f"contests/small/{name}/{each['id']}")
                assert alone.json == each
                assert alone.body in answer.body
    contests = await served.caller().json("contests")
    assert [each["id"] for each in contests] == ["small", "other", "early", "late"]
    assert [await served.caller().json(f"contests/{each['id']}") for each in contests] == contests


async def test_everything_is_application_json_but_the_feed(served: Running) -> None:
    for path in EVERY_PATH:
        answer = await served.caller(CHIEF).get(path)
        assert (answer.status, answer.headers["Content-Type"]) == (200, "application/json"), path
        json.loads(answer.body)
    feed = await served.caller().get("contests/small/event-feed?stream=false")
    assert feed.headers["Content-Type"] == "application/x-ndjson"


async def test_what_exists_once_is_an_object_and_no_array(served: Running) -> None:
    for path in SINGLE:
        assert isinstance(await served.caller(CHIEF).json(path), dict), path


async def test_every_answer_may_be_read_from_every_origin(served: Running) -> None:
    origin = {"Origin": "https://overlay.example.com"}
    paths = (*EVERY_PATH, "nonsense", "contests/small/event-feed?stream=false", "contests/small/event-feed?since_id=1")
    for path in (*paths, "contests/small/contest-logo", "contests/small/logo/logo.png"):
        for caller in (served.caller(), served.caller(CHIEF), served.caller(("chief", "wrong"))):
            answer = await caller.get(path, headers=origin)
            assert answer.headers["Access-Control-Allow-Origin"] == "*", (path, answer.status)


@pytest.mark.parametrize("path", ["contests/small/teams", "contests/small/event-feed", "", "nonsense"])
async def test_a_preflight_request_is_answered_without_login(served: Running, path: str) -> None:
    answer = await served.caller().ask(
        "OPTIONS",
        path,
        headers={
            "Origin": "https://overlay.example.com",
            "Access-Control-Request-Method": "PATCH",
            "Access-Control-Request-Headers": "authorization, if-none-match",
        },
    )
    assert (answer.status, answer.body) == (204, b"")
    assert answer.headers["Access-Control-Allow-Origin"] == "*"
    assert "PATCH" in answer.headers["Access-Control-Allow-Methods"]
    allowed = answer.headers["Access-Control-Allow-Headers"].lower()
    assert "authorization" in allowed
    assert "if-none-match" in allowed


async def test_reading_changes_nothing(served: Running) -> None:
    before = await served.store.heads()
    for path in (*EVERY_PATH, "contests/small/event-feed?stream=false"):
        await served.caller(CHIEF).get(path)
        await served.caller().get(path)
    assert await served.store.heads() == before


@pytest.mark.parametrize(
    "path",
    [
        "nonsense",
        "contests/nonsense",
        "contests/nonsense/teams",
        "contests/small/nonsense",
        "contests/small/teams/nonsense",
        "contests/small/teams/t1/nonsense",
        "contests/small/teams/t1/photo/nonsense.png",
        "contests/small/problems/apples/statement/extra/extra",
        "contests/small/state/x",
        "contests/small/contest",
        "contests/SMALL",
        "contests/small/teams/%00",
        "contests/small/teams/..%2Ft1",
        "contests//teams",
        "../etc/passwd",
    ],
)
async def test_what_does_not_exist_is_404_in_the_error_form(served: Running, path: str) -> None:
    await expect_error(served.caller(CHIEF), "GET", path, 404)
    await expect_error(served.caller(), "GET", path, 404)


async def test_outside_the_api_errors_have_the_same_form(served: Running) -> None:
    for path in ("/static/x", "/nonsense", "/apix", "/healthz/x"):
        await expect_error(served.caller(), "GET", served.root + path, 404)
    await expect_error(served.caller(), "POST", served.root + "/healthz", 405)


@pytest.mark.parametrize("method", WRITING)
async def test_writing_without_login_is_refused(served: Running, method: str) -> None:
    """Where the method leads anywhere at all, a login is what is missing."""
    before = await served.store.heads()
    for path in written_paths(method):
        await expect_error(served.caller(), method, path, 401, data=b"{}")
        await expect_error(served.caller(("chief", "wrong")), method, path, 401, data=b"{}")
    assert await served.store.heads() == before


def written_paths(method: str) -> tuple[str, ...]:
    """Some paths at which a method writes: POST at collections, the others at objects."""
    if method == "POST":
        return ("contests", "contests/small/teams", "contests/small/submissions")
    return ("contests/small", "contests/small/state", "contests/small/teams/t1", "contests/small/submissions/s1")


@pytest.mark.parametrize("method", WRITING)
async def test_a_method_that_is_not_offered_is_405_and_says_what_is(served: Running, method: str) -> None:
    never = ("contests/small/scoreboard", "contests/small/event-feed", "", "contests/small/access")
    not_here = ("contests/small/teams/t1", "contests/small") if method == "POST" else ("contests/small/teams",)
    for path in (*never, *not_here):
        answer = await served.caller(CHIEF).ask(method, path, data=b"{}")
        check_error(answer.status, answer.body, answer.headers["Content-Type"], 405)
        assert "GET" in answer.headers["Allow"], path
        assert method not in answer.headers["Allow"], path


async def test_unheard_of_methods_are_refused_in_the_error_form(served: Running) -> None:
    for method in ("TRACE", "PROPFIND", "REPORT"):
        await expect_error(served.caller(), method, "contests/small/teams", 405)


async def test_a_body_that_is_too_large_is_refused_in_the_error_form(served: Running) -> None:
    """What a type without files needs is a mebibyte at most, said beforehand or not."""
    for body in (io.BytesIO(bytes(2 * MEBIBYTE)), _in_pieces(2 * MEBIBYTE)):
        await expect_error(served.caller(CHIEF), "POST", "contests/small/groups", 413, data=body)


async def _in_pieces(size_bytes: int) -> AsyncIterator[bytes]:
    """A body whose length is not known when it begins."""
    for _ in range(0, size_bytes, 65_536):
        yield bytes(65_536)


@pytest.mark.parametrize(
    "request_text",
    [
        b"GET /api/contests HTTP/1.1\r\nHost: x\r\nX-Long: " + b"x" * 20_000 + b"\r\n\r\n",
        b"GET /api/" + b"x" * 20_000 + b" HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET /api/contests HTTP/1.1\r\nHost x\r\n\r\n",
        b"BREW /api/contests HTTP/1.1\r\nHost: x\r\n\r\n",
        b"nonsense\r\n\r\n",
    ],
    ids=["header too large", "address too large", "broken header", "made-up method", "no request at all"],
)
async def test_what_is_no_request_is_refused_in_the_error_form(served: Running, request_text: bytes) -> None:
    status, headers, body = await raw_answer(served, request_text)
    check_error(status, body, headers["content-type"].partition(";")[0], 400)


async def raw_answer(served: Running, request_text: bytes) -> tuple[int, dict[str, str], bytes]:
    """What the server says to bytes that no client library would send."""
    async with asyncio.timeout(DEADLINE_S):
        reader, writer = await asyncio.open_connection("127.0.0.1", served.server.port)
        writer.write(request_text)
        await writer.drain()
        head = await reader.readuntil(b"\r\n\r\n")
        lines = head.decode().split("\r\n")
        headers = {
            name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines[1:] if line)
        }
        body = await reader.readexactly(int(headers["content-length"]))
        writer.close()
        await writer.wait_closed()
    return int(lines[0].split()[1]), headers, body


async def test_a_slash_at_the_end_makes_no_difference(served: Running) -> None:
    for path in EVERY_PATH:
        with_slash = await served.caller(CHIEF).get(path + ("" if path.endswith("/") or not path else "/"))
        assert with_slash.body == (await served.caller(CHIEF).get(path)).body, path
    assert (await served.caller().get("contests/small/teams/t1/")).status == 200
    assert (await served.caller().lines("contests/small/event-feed/"))[0].startswith(b'{"type":"contest"')


async def test_head_says_what_get_would_without_the_body(served: Running) -> None:
    for path in (*EVERY_PATH, "contests/small/teams/t1", "contests/small/logo/logo.png"):
        head = await served.caller(CHIEF).ask("HEAD", path)
        whole = await served.caller(CHIEF).get(path)
        assert (head.status, head.body) == (200, b""), path
        assert head.headers.get("ETag") == whole.headers.get("ETag"), path
        assert head.headers["Content-Type"] == whole.headers["Content-Type"], path


async def test_head_of_a_feed_ends_at_once(served: Running) -> None:
    head = await served.caller().ask("HEAD", "contests/small/event-feed")
    assert (head.status, head.body, head.headers["Content-Type"]) == (200, b"", "application/x-ndjson")


async def test_collections_objects_and_scoreboard_are_compressed_where_that_is_accepted(served: Running) -> None:
    async with ClientSession(auto_decompress=False) as session:
        for path in ("contests/late/judgements", "contests/late/scoreboard", "contests/late/teams/t1"):
            caller = Caller(session, served.base, CHIEF)
            plain = await caller.get(path, headers={"Accept-Encoding": "identity"})
            packed = await caller.get(path, headers={"Accept-Encoding": "gzip"})
            assert "Content-Encoding" not in plain.headers
            if len(plain.body) >= 1024:
                assert packed.headers["Content-Encoding"] == "gzip"
                assert gzip.decompress(packed.body) == plain.body
                assert packed.headers["ETag"] != plain.headers["ETag"]
            assert "Accept-Encoding" in packed.headers["Vary"]
            refused = await caller.get(path, headers={"Accept-Encoding": "gzip;q=0"})
            assert refused.body == plain.body


@pytest.mark.parametrize(
    "path",
    [
        "",
        "contests",
        "contests/late",
        "contests/late/access",
        "contests/late/state",
        "contests/late/teams",
        "contests/late/teams?organization_id=north",
        "contests/late/teams/t1",
        "contests/late/scoreboard",
        "contests/late/logo/logo.png",
    ],
)
async def test_who_has_the_answer_already_gets_304(served: Running, path: str) -> None:
    caller = served.caller(login("late", "chief"))
    first = await caller.get(path)
    tag = first.headers["ETag"]
    for condition in (tag, f'"other", {tag}', f"W/{tag}", "*"):
        again = await caller.get(path, headers={"If-None-Match": condition})
        assert (again.status, again.body) == (304, b""), condition
        assert again.headers["ETag"].replace("-gzip", "") == tag.replace("-gzip", "")
        assert again.headers["Cache-Control"] == first.headers["Cache-Control"]
        assert again.headers["Access-Control-Allow-Origin"] == "*"
    assert (await caller.get(path, headers={"If-None-Match": '"other"'})).status == 200


async def test_an_entity_tag_speaks_of_the_bytes_alone(served: Running) -> None:
    """Viewers who see the same get the same tag, viewers who see something else another one."""
    public, chief, team = served.caller(), served.caller(CHIEF), served.caller(login("small", "team-one"))
    languages = {(await caller.get("contests/small/languages")).headers["ETag"] for caller in (public, chief, team)}
    assert len(languages) == 1
    judgements = {(await caller.get("contests/small/judgements")).headers["ETag"] for caller in (public, chief, team)}
    assert len(judgements) == 3


async def test_answers_to_a_login_are_private(served: Running) -> None:
    for path in ("", "contests", "contests/small/teams", "contests/small/scoreboard", "contests/small/teams/t1"):
        assert (await served.caller().get(path)).headers["Cache-Control"] == "public, no-cache", path
        for who in (CHIEF, SERVER_ADMIN, login("other", "team-one")):
            answer = await served.caller(who).get(path)
            if who == SERVER_ADMIN or (path.startswith("contests/small") and who == CHIEF):
                assert answer.headers["Cache-Control"] == "private, no-cache", (who, path)
            assert "Authorization" in answer.headers["Vary"]


async def test_an_upgrade_to_another_protocol_is_ignored(served: Running) -> None:
    answer = await served.caller().get("contests/small/teams", headers={"Upgrade": "h2c", "Connection": "Upgrade"})
    assert answer.status == 200


async def test_health_and_readiness(served: Running) -> None:
    for path in ("/healthz", "/readyz"):
        assert (await served.caller().get(served.root + path)).status == 200


async def test_before_the_database_is_there_the_server_is_alive_and_not_ready() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # bound and not listening: whoever connects is refused
        nowhere = f"postgresql://nobody@127.0.0.1:{taken.getsockname()[1]}/nothing"
        await asyncio.wait_for(_looks_alive_without_database(nowhere), DEADLINE_S)


async def _looks_alive_without_database(dsn: str) -> None:
    server = Server(Configuration(host="127.0.0.1", port=0, database_url=dsn))
    starting = asyncio.create_task(server.start())
    try:
        while not server.port:
            await asyncio.sleep(0.01)
        async with ClientSession() as session:
            caller = Caller(session, f"http://127.0.0.1:{server.port}/api/", None)
            root = f"http://127.0.0.1:{server.port}"
            assert (await caller.get(root + "/healthz")).status == 200
            assert (await caller.get(root + "/readyz")).status == 503
            for path in ("", "contests", "contests/small/teams", "contests/small/event-feed"):
                await expect_error(caller, "GET", path, 503)
            assert "Retry-After" in (await caller.get("contests")).headers
    finally:
        server.stopping.set()
        await starting
        await server.stop()

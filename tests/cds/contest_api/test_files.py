"""File references and the downloads behind them (Contest API, "File references")."""

import hashlib
from base64 import b64encode
from urllib.parse import urljoin

import pytest

from tests.cds.contest_api.feeds import TYPES, everything, file_references
from tests.cds.contest_api.serving import Caller, Json, Running, running
from tests.cds.contest_api.small_contest import ROLE_OF_ACCOUNT, login
from tests.cds.contest_api.test_http import expect_error

pytestmark = pytest.mark.asyncio(loop_scope="session")

EVERYBODY = ("public", *ROLE_OF_ACCOUNT)
CONTESTS = ("small", "early", "late")
OF_STREAMS = "https://streams.example.com/"


def caller_of(server: Running, who: str, contest_id: str = "small") -> Caller:
    """An account of a small contest, or the public."""
    return server.caller(None if who == "public" else login(contest_id, who))


async def references_of(caller: Caller, contest_id: str) -> list[Json]:
    """Every file reference that somebody is shown anywhere in a contest."""
    return [
        reference
        for members in (await everything(caller, contest_id)).values()
        for reference in file_references(list(members.values()))
    ]


@pytest.mark.parametrize("who", EVERYBODY)
@pytest.mark.parametrize("contest_id", CONTESTS)
async def test_every_reference_has_an_href_that_its_viewer_can_download(
    served: Running, who: str, contest_id: str
) -> None:
    caller = caller_of(served, who, contest_id)
    references = await references_of(caller, contest_id)
    assert references
    for reference in references:
        assert reference["href"], reference
        assert "data" not in reference
        assert "content" not in reference
        if reference["href"].startswith(OF_STREAMS):
            continue
        assert not reference["href"].startswith("/")
        answer = await caller.get(reference["href"])
        assert answer.status == 200, reference
        assert answer.headers["Content-Type"] == reference["mime"]
        assert hashlib.md5(answer.body, usedforsecurity=False).hexdigest() == reference["hash"]


@pytest.mark.parametrize("contest_id", CONTESTS)
async def test_whoever_is_not_shown_a_reference_cannot_download_the_file(served: Running, contest_id: str) -> None:
    shown = {
        who: {each["href"] for each in await references_of(caller_of(served, who, contest_id), contest_id)}
        for who in EVERYBODY
    }
    every_href = {href for href in set().union(*shown.values()) if not href.startswith(OF_STREAMS)}
    refused = 0
    for who in EVERYBODY:
        for href in every_href - shown[who]:
            await expect_error(caller_of(served, who, contest_id), "GET", href, 404)
            refused += 1
    assert refused > 10


async def test_who_may_download_what(served: Running) -> None:
    """Typed from roles.md."""
    allowed = {
        "contests/small/submissions/s1/files": {"team-one", "analyst", "judge", "staff", "chief"},
        "contests/small/submissions/s3/files": {"team-two", "analyst", "judge", "staff", "chief"},
        "contests/small/submissions/s6/files": {"team-one", "judge", "staff", "chief"},
        "contests/small/submissions/s8/files": {"judge", "staff", "chief"},
        "contests/small/problems/apples/package": {"judge", "staff", "chief"},
        "contests/early/problems/apples/package": set(),
        "contests/early/problems/apples/statement/statement.pdf": set(),
        "contests/small/problems/apples/statement/statement.pdf": set(EVERYBODY),
        "contests/small/teams/t1/backup": {"analyst", "chief"},
        "contests/small/teams/t1/photo/photo.png": set(EVERYBODY),
        "contests/small/logo/logo.png": set(EVERYBODY),
    }
    for path, those in allowed.items():
        found = {who for who in EVERYBODY if (await caller_of(served, who).get(path)).status == 200}
        assert found == those, path
    judge = served.caller(login("early", "judge"))
    assert (await judge.get("contests/early/problems/apples/package")).status == 200


async def test_all_spellings_of_an_href_lead_to_the_same_file(served: Running) -> None:
    caller = caller_of(served, "team-one")
    submission = await caller.json("contests/small/submissions/s1")
    (reference,) = submission["files"]
    assert reference["href"] == "contests/small/submissions/s1/files"
    relative = await caller.get(urljoin(served.base, reference["href"]))
    absolute_path = await caller.get(urljoin(served.base, "/api/" + reference["href"]))
    absolute = await caller.get(served.root + "/api/" + reference["href"])
    assert relative.status == absolute_path.status == absolute.status == 200
    assert relative.body == absolute_path.body == absolute.body


async def test_hrefs_count_from_the_base_url_and_not_from_the_request(served: Running) -> None:
    """The same object, asked for with and without a slash, alone and in its collection, has the same hrefs."""
    caller = caller_of(served, "public")
    paths = ("contests/small/teams/t1", "contests/small/teams/t1/")
    hrefs = {
        reference["href"]
        for path in paths
        for reference in file_references(await caller.json(path))
        if "://" not in reference["href"]
    }
    in_collection = {
        each["href"] for each in file_references(await caller.json("contests/small/teams")) if "://" not in each["href"]
    }
    assert hrefs == in_collection
    assert "contests/small/teams/t1/photo/photo.png" in hrefs


async def test_a_filename_of_two_words_is_encoded_in_its_href(served: Running) -> None:
    problem = await served.caller().json("contests/small/problems/apples")
    (spaced,) = [each for each in problem["attachments"] if " " in each["filename"]]
    assert spaced["href"] == "contests/small/problems/apples/attachments/notes%20for%20you.txt"
    answer = await served.caller().get(spaced["href"])
    assert answer.body == b"two words\n"
    assert "notes%20for%20you.txt" in answer.headers["Content-Disposition"]


async def test_the_property_without_a_filename_leads_to_its_first_file(served: Running) -> None:
    first = await served.caller().get("contests/small/organizations/north/logo")
    named = await served.caller().get("contests/small/organizations/north/logo/logo.56.png")
    assert first.body == named.body
    other = await served.caller().get("contests/small/organizations/north/logo/logo.160.png")
    assert other.body != named.body


async def test_files_say_how_long_they_may_be_kept_and_by_whom(served: Running) -> None:
    for who in EVERYBODY:
        caller = caller_of(served, who)
        for reference in await references_of(caller, "small"):
            if reference["href"].startswith(OF_STREAMS):
                continue
            kept = (await caller.get(reference["href"])).headers["Cache-Control"]
            public = (await served.caller().get(reference["href"])).status == 200
            assert "max-age=" in kept
            assert kept.startswith("public" if public else "private"), reference


async def test_a_file_shown_to_all_is_not_yet_public_before_the_start(served: Running) -> None:
    judge = served.caller(login("early", "judge"))
    answer = await judge.get("contests/early/problems/apples/statement/statement.pdf")
    assert answer.status == 200
    assert answer.headers["Cache-Control"].startswith("private")


async def test_a_file_that_is_known_already_is_not_sent_again(served: Running) -> None:
    caller = caller_of(served, "team-one")
    for path in ("contests/small/logo/logo.png", "contests/small/submissions/s1/files"):
        tag = (await caller.get(path)).headers["ETag"]
        again = await caller.get(path, headers={"If-None-Match": tag})
        assert (again.status, again.body) == (304, b"")
        assert "Cache-Control" in again.headers


async def test_browsers_do_not_run_what_is_in_a_file(served: Running) -> None:
    answer = await served.caller().get("contests/small/logo/logo.png")
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert "sandbox" in answer.headers["Content-Security-Policy"]


async def test_files_are_uploaded_as_data_in_place_of_an_href(small_template_copy: str) -> None:
    """No answer ever holds the data; what is not base64, or not what it says it is, is refused as a whole."""
    async with running(small_template_copy) as fresh:
        chief = fresh.caller(login("small", "chief"))
        content = b"another set of samples\n"
        file = {"data": b64encode(content).decode(), "filename": "more.in", "mime": "text/plain"}
        answer = await chief.ask("PATCH", "contests/small/problems/apples", json={"attachments": [file]})
        assert answer.status == 200, answer.body
        (reference,) = answer.json["attachments"]
        assert reference == {
            "href": "contests/small/problems/apples/attachments/more.in",
            "filename": "more.in",
            "hash": hashlib.md5(content, usedforsecurity=False).hexdigest(),
            "mime": "text/plain",
        }
        assert (await chief.get(reference["href"])).body == content
        assert file["data"].encode() not in b"".join(await chief.lines("contests/small/event-feed"))
        before = await fresh.store.heads()
        for wrong in ({"data": "%"}, {"data": file["data"], "hash": "0" * 32}, {"data": file["data"], "href": "x"}):
            body = {"name": "Another", "attachments": [{**file, **wrong}]}
            await expect_error(chief, "PATCH", "contests/small/problems/apples", 400, json=body)
        assert await fresh.store.heads() == before


async def test_references_in_the_feed_are_those_of_get(served: Running) -> None:
    """Folding proves equality; here, that the feed is a place where hrefs stand at all."""
    lines = await caller_of(served, "chief").lines("contests/small/event-feed")
    assert any(b'"href":"contests/small/submissions/s1/files"' in line for line in lines)
    assert not any(b'"content"' in line for line in lines)
    assert {line.split(b'"')[3].decode() for line in lines} == set(TYPES)

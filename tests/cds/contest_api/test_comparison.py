"""x-comparison over HTTP: who gets it, what it says, and that a second system shows nowhere else."""

from collections.abc import AsyncIterator

import msgspec
import pytest
import pytest_asyncio

from cds.circumstances import SYSTEM
from cds.importing import import_contest
from cds.packages.contents import Change, ContestContents
from cds.shadows import shadow_stream
from cds.upstream.options import source_stream
from cds.upstream.status import SourceStatus, keep_status
from eventstore.postgres import PostgresStore
from projections.comparison_properties import FILES
from schemas.objects import Account, Judgement, Team
from tests.cds.comparing.reports import WellFormedPage
from tests.cds.contest_api.serving import Caller, Running, append, cloned_database, opened, running
from tests.cds.contest_api.small_contest import ROLE_OF_ACCOUNT, final_of, login, small_contest

pytestmark = pytest.mark.asyncio(loop_scope="session")

PATH = "contests/small/x-comparison"
SECOND = "judged-elsewhere"
"""The name of the second system; measurements of other tests in this process do not have it."""

SECRET_NAME = "Second <system>'s name of Beta"
SECRET_VERDICT = "SECOND-SYSTEMS-VERDICT"
SEEN_BY = {"staff", "admin"}
BROWSER = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}


def judged_otherwise(contents: ContestContents) -> ContestContents:
    """The same contest with another verdict of s3, and another name of t2."""

    def otherwise(change: Change) -> Change:
        instance = change.instance
        if isinstance(instance, Judgement) and instance.submission_id == "s3" and instance.verdict is not None:
            instance = msgspec.structs.replace(instance, judgement_type_id="WA", end_time=instance.start_time)
        if isinstance(instance, Team) and instance.id == "t2":
            instance = msgspec.structs.replace(instance, name=SECRET_NAME)
        if isinstance(instance, Account) and instance.id == "staff":
            instance = msgspec.structs.replace(instance, name=SECRET_NAME)
        return Change(change.type, change.id, instance)

    changes = [otherwise(change) for change in contents.changes]
    return msgspec.structs.replace(contents, changes=changes, files={}, passwords={})


async def put_shadow(store: PostgresStore, name: str, contents: ContestContents) -> None:
    await import_contest(
        store,
        contents,
        cause="test",
        circumstances=SYSTEM,
        progress=lambda _doing, _done, _total: None,
        stream=shadow_stream(contents.contest_id, name),
    )


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def shadowed(small_template: str) -> AsyncIterator[Running]:
    """A server with the small contests, one of which is judged by a second system too."""
    async with cloned_database(small_template) as dsn:
        async with opened(dsn) as store:
            await put_shadow(store, SECOND, judged_otherwise(small_contest("small", "frozen")))
        async with running(dsn) as server:
            yield server


def of_account(server: Running, username: str) -> Caller:
    return server.caller(login("small", username))


@pytest.mark.parametrize("username", ROLE_OF_ACCOUNT)
async def test_staff_and_administrators_get_it_and_nobody_else(shadowed: Running, username: str) -> None:
    answer = await of_account(shadowed, username).get(PATH)
    assert answer.status == (200 if ROLE_OF_ACCOUNT[username] in SEEN_BY else 404)
    nonsense = await of_account(shadowed, username).get("contests/small/x-nonsense")
    assert nonsense.status == 404


async def test_whoever_has_not_logged_in_is_asked_to(shadowed: Running) -> None:
    answer = await shadowed.caller().get(PATH)
    assert answer.status == 401
    assert "WWW-Authenticate" in answer.headers


async def test_it_says_what_the_second_system_judges_otherwise(shadowed: Running) -> None:
    found = await shadowed.of_role("admin").json(PATH)
    assert (found["a"], found["b"], found["equal"]) == ("small", SECOND, False)
    (submission,) = found["submissions"]["shown"]
    assert (submission["a"]["id"], submission["a"]["verdict"], submission["b"]["verdict"]) == ("s3", "AC", "WA")
    assert submission["matters"] is True
    assert submission["a"]["href"] == "contests/small/submissions/s3"
    assert "href" not in submission["b"]
    assert {row["team_id"] for row in found["scoreboard"]["rows"]["shown"]} >= {"t2"}
    properties = {(each["type"], each["id"], each["property"]) for each in found["properties"]["shown"]}
    assert properties == {("teams", "t2", "name"), ("accounts", "staff", "name")}
    assert {each for each in found["left_out"] if each not in FILES} == {"judgements", "runs"}
    linked = await shadowed.of_role("admin").get(submission["a"]["href"])
    assert linked.json["id"] == "s3"


async def test_a_second_system_that_is_followed_has_addresses_too(small_template_copy: str) -> None:
    url = "https://second.example/api/contests/x"
    async with running(small_template_copy) as server:
        await put_shadow(server.store, "second", judged_otherwise(small_contest("small", "frozen")))
        for name, where in (("second", url), ("other", "https://other.example/api/contests/y")):
            status = SourceStatus(contest_id="small", shadow=name, url=where, state="ended", since_us=0, updated_us=0)
            await keep_status(server.store, source_stream("small", name), status)
        (submission,) = (await server.of_role("admin").json(PATH))["submissions"]["shown"]
        assert submission["b"]["href"] == f"{url}/submissions/s3"
        page = WellFormedPage((await server.of_role("admin").get(PATH, headers=BROWSER)).body.decode())
        assert {f"{url}/submissions/s3", "../../contests/small/submissions/s3"} <= set(page.links)


async def test_types_and_properties_can_be_left_out(shadowed: Running) -> None:
    admin = shadowed.of_role("admin")
    found = await admin.json(f"{PATH}?ignore=teams.name,accounts")
    assert found["properties"]["count"] == 0
    left_out = {each for each in found["left_out"] if each not in FILES}
    assert left_out == {"teams.name", "accounts", "judgements", "runs"}
    assert (await admin.get(f"{PATH}?ignore=nonsense")).status == 400


async def test_a_second_system_is_named_where_there_are_several(small_template_copy: str) -> None:
    async with opened(small_template_copy) as store:
        for name in ("one", "two"):
            await put_shadow(store, name, small_contest("small", "frozen"))
    async with running(small_template_copy) as server:
        admin = server.of_role("admin")
        several = await admin.get(PATH)
        assert several.status == 400
        assert "one, two" in several.json["message"]
        assert (await admin.json(f"{PATH}?with=two"))["equal"] is True
        for missing in (f"{PATH}?with=three", f"{PATH}?with=a%2Fb", "contests/other/x-comparison"):
            assert (await admin.get(missing)).status == 404
        for twice in ("with=one&with-contest=other", "with=one&with=two", "with-contest=late&with-contest=other"):
            assert (await admin.get(f"{PATH}?{twice}")).status == 400


async def test_another_contest_of_the_server_can_be_the_other_side(shadowed: Running) -> None:
    found = await shadowed.of_role("staff").json(f"{PATH}?with-contest=late")
    assert found["b"] == "late"
    assert not {"judgements", "runs"} & set(found["left_out"])
    missing = {each["type"]: each for each in found["missing"]}
    assert missing["submissions"]["unknown"]["shown"] == ["s7"]
    itself = await shadowed.of_role("staff").json(f"{PATH}?with-contest=small")
    assert itself["equal"] is True


async def test_an_account_of_one_contest_is_nobody_in_the_other(shadowed: Running) -> None:
    assert (await of_account(shadowed, "chief").get(f"{PATH}?with-contest=late")).status == 404
    assert (await of_account(shadowed, "chief").get(f"{PATH}?with-contest=nonsense")).status == 404
    assert (await of_account(shadowed, "chief").get("contests/late/x-comparison")).status == 401


async def test_browsers_get_a_page_whose_links_lead_to_submissions(shadowed: Running) -> None:
    admin = shadowed.of_role("admin")
    for path, root in ((PATH, "../../"), (f"{PATH}/", "../../../")):
        answer = await admin.get(path, headers=BROWSER)
        assert answer.headers["Content-Type"] == "text/html; charset=utf-8"
        assert "script-src" not in answer.headers["Content-Security-Policy"]
        page = WellFormedPage(answer.body.decode())
        assert f"{root}contests/small/submissions/s3" in page.links
        assert SECRET_NAME in page.text
        assert (await admin.get(path)).headers["Content-Type"] == "application/json"


@pytest.mark.parametrize("headers", [{}, BROWSER], ids=["json", "page"])
async def test_whoever_has_it_already_is_told_so(shadowed: Running, headers: dict[str, str]) -> None:
    admin = shadowed.of_role("admin")
    first = await admin.get(PATH, headers=headers)
    again = await admin.get(PATH, headers={**headers, "If-None-Match": first.headers["ETag"]})
    assert (again.status, again.body) == (304, b"")
    assert "Accept" in again.headers["Vary"]
    assert "private" in again.headers["Cache-Control"]


async def test_it_follows_both_sides(small_template_copy: str) -> None:
    contents = small_contest("small", "frozen")
    judgement = final_of(contents, "judgements", "j3")
    assert isinstance(judgement, Judgement)
    wrong = msgspec.structs.replace(judgement, judgement_type_id="WA")
    async with running(small_template_copy) as server:
        admin = server.of_role("admin")
        assert (await admin.get(PATH)).status == 404
        await put_shadow(server.store, "second", contents)
        assert (await admin.json(PATH))["equal"] is True
        await append(server.store, "small", wrong)
        (submission,) = (await admin.json(PATH))["submissions"]["shown"]
        assert (submission["a"]["verdict"], submission["b"]["verdict"]) == ("WA", "AC")
        final = {**contents.final, "judgements": {**contents.final["judgements"], wrong.id: wrong}}
        await put_shadow(server.store, "second", msgspec.structs.replace(contents, final=final))
        assert (await admin.json(PATH))["submissions"]["count"] == 0


async def test_second_systems_end_with_their_contest(small_template_copy: str) -> None:
    """A contest that is made anew under the id is not compared with what judged the one before."""
    contents = msgspec.structs.replace(small_contest("small", "frozen"), contest_id="young")
    young = {"id": "young", "name": "Young", "duration": "1:00:00", "scoreboard_type": "score"}
    path = "contests/young/x-comparison"
    async with running(small_template_copy) as server:
        admin = server.of_role("admin")
        assert (await admin.ask("PUT", "contests/young", json=young)).status == 201
        for name in ("one", "two"):
            await put_shadow(server.store, name, contents)
        assert (await admin.get(path)).status == 400
        assert (await of_account(server, "chief").ask("DELETE", "contests/young")).status == 401
        assert (await admin.get(path)).status == 400
        assert (await admin.ask("DELETE", "contests/young")).status == 204
        assert (await admin.ask("PUT", "contests/young", json=young)).status == 201
        assert (await admin.get(path)).status == 404
        await put_shadow(server.store, "one", contents)
        assert (await admin.json(path))["b"] == "one"


EVERYWHERE = (
    "",
    "contests",
    "contests/small",
    "contests/small/teams",
    "contests/small/submissions",
    "contests/small/judgements",
    "contests/small/runs",
    "contests/small/awards",
    "contests/small/scoreboard",
    "contests/small/event-feed?stream=false",
)


@pytest.mark.parametrize("role", ["public", "judge", "admin"])
@pytest.mark.parametrize("path", EVERYWHERE)
async def test_a_second_system_shows_in_no_other_answer(
    shadowed: Running, served: Running, role: str, path: str
) -> None:
    """Every answer is what a server that knows no second system answers."""
    with_shadow = await shadowed.of_role(role).get(path)
    without = await served.of_role(role).get(path)
    assert with_shadow.status == without.status == 200
    assert SECRET_NAME.encode() not in with_shadow.body
    if "event-feed" in path:
        assert with_shadow.body.count(b"\n") == without.body.count(b"\n")
    else:
        assert with_shadow.body == without.body


async def test_a_second_system_is_on_no_page_and_in_no_measurement(shadowed: Running) -> None:
    for path in ("/", "/contests/small", "/metrics"):
        answer = await shadowed.caller().get(f"{shadowed.root}{path}")
        assert answer.status == 200
        assert SECOND.encode() not in answer.body
        assert b"shadow" not in answer.body
    for path in (f"contests/shadow:small%2F{SECOND}", f"contests/{SECOND}"):
        assert (await shadowed.of_role("admin").get(path)).status == 404

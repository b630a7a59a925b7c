"""Students over HTTP: entered, read, changed and removed; who may, what is refused, and what is left of them."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from schemas.students import CONTACTS
from tests.cds.contest_api.bearers import token_of
from tests.cds.contest_api.serving import SERVER_ADMIN, SERVER_ROLES, Login, server_login
from tests.cds.student_api.stage import TOURIST, StudentStage, student_stage

PERSONAL = ("email", "phoneNo")
STALE = {"currRating": 4_000, "rank": "x", "__v": 7, "createdAt": "never", "submissions": [{}], "_id": "mine"}
"""What nobody may set."""


@pytest.fixture
async def stage(database_dsn: str) -> AsyncIterator[StudentStage]:
    """A server without students."""
    async with student_stage(database_dsn) as put_up:
        yield put_up


def other(**changes: object) -> dict[str, object]:
    """A second student."""
    return {
        "name": "Petr",
        "email": "petr@example.org",
        "phoneNo": "555-0199",
        "codeforcesHandle": "Petr",
        **changes,
    }


# --- Entering.


async def test_an_administrator_enters_a_student(stage: StudentStage) -> None:
    answer = await stage.ask("POST", "students", TOURIST, login=SERVER_ADMIN)
    assert answer.status == 201
    document = answer.json
    assert {name: document[name] for name in TOURIST} == TOURIST
    assert document["_id"]
    assert [document[name] for name in ("currRating", "rank", "maxRating", "lastSyncedAt", "lastActiveAt")] == [
        0,
        "Newbie",
        0,
        None,
        None,
    ]
    assert (document["contestData"], document["submissions"], document["__v"]) == ([], [], 0)
    assert answer.headers["Location"] == f"/api/students/{document['_id']}"
    assert await stage.shown(document["_id"]) == document
    assert (await stage.ask("GET", "students", login=SERVER_ADMIN)).json == [document]
    assert stage.asked == []


async def test_with_a_bearer_token_too(stage: StudentStage) -> None:
    token = await token_of(stage.served.store, "admin")
    headers = {"Authorization": f"Bearer {token}"}
    assert (await stage.ask("POST", "students", TOURIST, headers=headers)).status == 201


async def test_what_the_server_sets_itself_is_not_taken_from_a_body(stage: StudentStage) -> None:
    """Who sends back what they were shown is not refused for it."""
    document = await stage.enter(**STALE)
    assert document["_id"] != "mine"
    assert (document["currRating"], document["rank"], document["__v"], document["submissions"]) == (0, "Newbie", 0, [])


@pytest.mark.parametrize("name", list(TOURIST))
@pytest.mark.parametrize("value", ["absent", None, "", "  "])
async def test_a_missing_property_is_400_and_named(stage: StudentStage, name: str, value: str | None) -> None:
    body = {**TOURIST, name: value}
    if value == "absent":
        del body[name]
    answer = await stage.ask("POST", "students", body, login=SERVER_ADMIN)
    assert (answer.status, list(answer.json)) == (400, ["error"])
    assert name in answer.json["error"]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("name", 7),
        ("name", "x" * 201),
        ("name", "two\nlines"),
        ("email", "nobody"),
        ("email", "a b@example.org"),
        ("email", "x" * 250 + "@example.org"),
        ("phoneNo", True),
        ("phoneNo", -5),
        ("phoneNo", "1" * 41),
        ("codeforcesHandle", "ab"),
        ("codeforcesHandle", "x" * 25),
        ("codeforcesHandle", "tou rist"),
        ("codeforcesHandle", "Пётр"),
        ("codeforcesHandle", "a/b"),
        ("codeforcesHandle", ["tourist"]),
        ("emailRemindersDisabled", "yes"),
    ],
)
async def test_what_cannot_be_right_is_400_and_named(stage: StudentStage, name: str, value: object) -> None:
    answer = await stage.ask("POST", "students", {**TOURIST, name: value}, login=SERVER_ADMIN)
    assert (answer.status, list(answer.json)) == (400, ["error"])
    assert name in answer.json["error"]
    assert (await stage.ask("GET", "students")).json == []


async def test_a_telephone_number_may_be_a_number(stage: StudentStage) -> None:
    assert (await stage.enter(phoneNo=5550100))["phoneNo"] == "5550100"


@pytest.mark.parametrize("raw", [b"", b"[]", b"{", b"null", b'{"name":"a","name":"b"}', b"\xff"])
async def test_a_body_that_is_none_is_400(stage: StudentStage, raw: bytes) -> None:
    answer = await stage.ask("POST", "students", login=SERVER_ADMIN, data=raw)
    assert (answer.status, list(answer.json)) == (400, ["error"])


async def test_a_body_that_is_too_large_is_413(stage: StudentStage) -> None:
    answer = await stage.ask("POST", "students", {**TOURIST, "name": "x" * 100_000}, login=SERVER_ADMIN)
    assert (answer.status, list(answer.json)) == (413, ["error"])


@pytest.mark.parametrize("handle", ["tourist", "TOURIST", "ToUrIsT"])
async def test_the_same_handle_in_any_case_is_409(stage: StudentStage, handle: str) -> None:
    await stage.enter()
    answer = await stage.ask("POST", "students", other(codeforcesHandle=handle), login=SERVER_ADMIN)
    assert (answer.status, list(answer.json)) == (409, ["error"])
    assert "codeforcesHandle" in answer.json["error"]


@pytest.mark.parametrize("email", ["tourist@example.org", "Tourist@EXAMPLE.org", " tourist@example.org "])
async def test_the_same_address_in_any_case_is_409_and_not_repeated(stage: StudentStage, email: str) -> None:
    await stage.enter()
    answer = await stage.ask("POST", "students", other(email=email), login=SERVER_ADMIN)
    assert (answer.status, list(answer.json)) == (409, ["error"])
    assert "email" in answer.json["error"]
    assert b"@" not in answer.body
    assert len(await stage.served.store.kept(CONTACTS)) == 1


async def test_of_two_who_enter_the_same_at_once_one_wins(stage: StudentStage) -> None:
    bodies = [
        other(codeforcesHandle=handle, email=f"{number}@example.org") for number, handle in enumerate(["Bob"] * 8)
    ]
    bodies += [other(codeforcesHandle=f"handle{number}", email="same@example.org") for number in range(8)]
    answers = await asyncio.gather(*(stage.ask("POST", "students", body, login=SERVER_ADMIN) for body in bodies))
    assert sorted(answer.status for answer in answers) == [201] * 2 + [409] * 14
    assert len((await stage.ask("GET", "students")).json) == 2
    assert len(await stage.served.store.kept(CONTACTS)) == 2


# --- Who may.


WRITES = (("POST", "students"), ("PUT", "students/x"), ("DELETE", "students/x"))


@pytest.mark.parametrize(("method", "path"), WRITES)
async def test_writing_without_a_login_is_401(stage: StudentStage, method: str, path: str) -> None:
    answer = await stage.ask(method, path, TOURIST)
    assert (answer.status, list(answer.json)) == (401, ["error"])
    assert "WWW-Authenticate" in answer.headers


@pytest.mark.parametrize(("method", "path"), WRITES)
@pytest.mark.parametrize("role", ["team", *SERVER_ROLES])
async def test_writing_is_for_administrators(stage: StudentStage, method: str, path: str, role: str) -> None:
    answer = await stage.ask(method, path, TOURIST, login=server_login(role))
    assert (answer.status, list(answer.json)) == (403, ["error"])


@pytest.mark.parametrize(("method", "path"), [*WRITES, ("GET", "students"), ("GET", "students/x")])
async def test_wrong_credentials_are_401(stage: StudentStage, method: str, path: str) -> None:
    answer = await stage.ask(method, path, login=("admin", "wrong"))
    assert (answer.status, list(answer.json)) == (401, ["error"])


async def test_a_form_of_another_page_may_not_write(stage: StudentStage) -> None:
    """A browser would add the password that it remembers."""
    headers = {"Origin": "https://evil.example", "Content-Type": "text/plain"}
    answer = await stage.ask("POST", "students", login=SERVER_ADMIN, headers=headers, data=b"{}")
    assert (answer.status, list(answer.json)) == (403, ["error"])


# --- Reading.


@pytest.mark.parametrize("login", [None, server_login("judge"), server_login("team")])
async def test_anonymous_readers_are_shown_no_personal_data(stage: StudentStage, login: Login | None) -> None:
    document = await stage.enter()
    for path in ("students", f"students/{document['_id']}", "students?fields=_id,email,phoneNo"):
        answer = await stage.ask("GET", path, login=login)
        assert answer.status == 200
        assert not any(document[name].encode() in answer.body for name in PERSONAL)
        (shown,) = answer.json if isinstance(answer.json, list) else [answer.json]
        assert not set(PERSONAL) & set(shown)
        assert "Authorization" in answer.headers["Vary"]


@pytest.mark.parametrize("role", ["staff", "admin"])
async def test_staff_are_shown_all(stage: StudentStage, role: str) -> None:
    document = await stage.enter()
    answer = await stage.ask("GET", "students", login=server_login(role))
    assert answer.json == [document]
    assert "private" in answer.headers["Cache-Control"]


async def test_the_list_is_a_bare_array_of_whole_documents_in_the_order_of_entry(stage: StudentStage) -> None:
    assert (await stage.ask("GET", "students")).json == []
    first, second = await stage.enter(), await stage.enter(**other())
    assert (await stage.sync()).status == 200
    found = (await stage.ask("GET", "students", login=SERVER_ADMIN)).json
    assert found == [await stage.shown(first["_id"]), await stage.shown(second["_id"])]
    assert len(found[0]["submissions"]) == 40
    plain = await stage.ask("GET", "students/", login=SERVER_ADMIN, headers={"Accept-Encoding": "identity"})
    assert plain.json == found


async def test_fields_choose_what_is_shown(stage: StudentStage) -> None:
    document = await stage.enter()
    await stage.sync()
    wanted = {"_id": document["_id"], "name": document["name"], "currRating": 3_800}
    for path in ("students", f"students/{document['_id']}", "codeforces/sync/tourist"):
        answer = await stage.ask("GET", f"{path}?fields=_id,name,currRating")
        assert answer.json == ([wanted] if path == "students" else wanted)
    answer = await stage.ask("GET", "students?fields=_id,nickname")
    assert (answer.status, list(answer.json)) == (400, ["error"])
    assert "nickname" in answer.json["error"]


async def test_who_has_an_answer_already_is_not_sent_it_again(stage: StudentStage) -> None:
    document = await stage.enter()
    path = f"students/{document['_id']}"
    tag = (await stage.ask("GET", path)).headers["ETag"]
    assert (await stage.ask("GET", path, headers={"If-None-Match": tag})).status == 304
    await stage.sync()
    assert (await stage.ask("GET", path, headers={"If-None-Match": tag})).status == 200


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE"])
async def test_nobody_is_404(stage: StudentStage, method: str) -> None:
    answer = await stage.ask(method, "students/nobody", {} if method == "PUT" else None, login=SERVER_ADMIN)
    assert (answer.status, answer.json) == (404, {"error": "student not found"})


async def test_head_is_get_without_the_body(stage: StudentStage) -> None:
    document = await stage.enter()
    for path in ("students", f"students/{document['_id']}"):
        answer = await stage.ask("HEAD", path)
        assert (answer.status, answer.body) == (200, b"")


# --- Changing.


async def test_a_change_keeps_what_it_does_not_name(stage: StudentStage) -> None:
    document = await stage.enter()
    await stage.sync()
    before = await stage.shown(document["_id"])
    stage.clock.now_ms += 5_000
    answer = await stage.ask("PUT", f"students/{document['_id']}", {"phoneNo": "555-0111"}, login=SERVER_ADMIN)
    assert answer.status == 200
    after = answer.json
    assert {name for name in after if after[name] != before[name]} == {"phoneNo", "updatedAt"}
    assert await stage.shown(document["_id"]) == after


async def test_a_whole_document_may_be_sent_back(stage: StudentStage) -> None:
    document = await stage.enter()
    changed = {**document, "name": "G. Tourist", "emailRemindersDisabled": True, "currRating": 9}
    answer = await stage.ask("PUT", f"students/{document['_id']}", changed, login=SERVER_ADMIN)
    assert (answer.status, answer.json) == (200, {**changed, "currRating": 0})


async def test_what_is_replaced_is_erased(stage: StudentStage) -> None:
    document = await stage.enter()
    answer = await stage.ask("PUT", f"students/{document['_id']}", {"email": "new@example.org"}, login=SERVER_ADMIN)
    assert answer.status == 200
    kept = b"".join((await stage.served.store.kept(CONTACTS)).values())
    assert b"new@example.org" in kept
    assert b"tourist@example.org" not in kept
    assert (await stage.ask("POST", "students", other(email=TOURIST["email"]), login=SERVER_ADMIN)).status == 201


async def test_a_new_handle_begins_anew(stage: StudentStage) -> None:
    """What Codeforces said of the old one is not said of the new one; another case is the same handle."""
    document = await stage.enter()
    path = f"students/{document['_id']}"
    await stage.sync()
    answer = await stage.ask("PUT", path, {"codeforcesHandle": "Tourist"}, login=SERVER_ADMIN)
    assert (answer.json["codeforcesHandle"], answer.json["currRating"]) == ("Tourist", 3_800)
    assert await stage.cached("tourist") == []
    answer = await stage.ask("PUT", path, {"codeforcesHandle": "Petr"}, login=SERVER_ADMIN)
    assert (answer.json["codeforcesHandle"], answer.json["currRating"], answer.json["lastSyncedAt"]) == (
        "Petr",
        0,
        None,
    )
    assert answer.json["submissions"] == []
    assert (await stage.sync("tourist")).status == 404


@pytest.mark.parametrize(
    ("change", "status"),
    [
        ({"codeforcesHandle": "PETR"}, 409),
        ({"email": "Petr@example.org"}, 409),
        ({"email": None}, 400),
        ({"name": ""}, 400),
        ({"codeforcesHandle": "a b"}, 400),
    ],
)
async def test_a_change_that_is_refused_changes_nothing(
    stage: StudentStage, change: dict[str, object], status: int
) -> None:
    document = await stage.enter()
    await stage.enter(**other())
    answer = await stage.ask("PUT", f"students/{document['_id']}", change, login=SERVER_ADMIN)
    assert (answer.status, list(answer.json)) == (status, ["error"])
    assert next(iter(change)) in answer.json["error"]
    assert await stage.shown(document["_id"]) == document
    assert len(await stage.served.store.kept(CONTACTS)) == 2


async def test_changes_at_once_are_all_carried_out(stage: StudentStage) -> None:
    """Each names another property, and none is lost."""
    document = await stage.enter()
    changes: list[dict[str, object]] = [
        {"name": "A"},
        {"email": "a@example.org"},
        {"phoneNo": "1"},
        {"emailRemindersSent": 3},
    ]
    path = f"students/{document['_id']}"
    answers = await asyncio.gather(*(stage.ask("PUT", path, change, login=SERVER_ADMIN) for change in changes))
    assert {answer.status for answer in answers} == {200}
    after = await stage.shown(document["_id"])
    assert [after[name] for name in ("name", "email", "phoneNo", "emailRemindersSent")] == [
        "A",
        "a@example.org",
        "1",
        3,
    ]
    assert len(await stage.served.store.kept(CONTACTS)) == 1


# --- Removing.


async def test_who_is_removed_is_gone_and_the_personal_data_erased(stage: StudentStage) -> None:
    document = await stage.enter()
    await stage.sync()
    assert (await stage.ask("DELETE", f"students/{document['_id']}", login=SERVER_ADMIN)).status == 204
    assert (await stage.ask("GET", "students")).json == []
    assert (await stage.sync()).status == 404
    assert await stage.served.store.kept(CONTACTS) == {}
    assert await stage.cached() == []
    log = await stage.log_text()
    assert not any(TOURIST[name].encode() in log for name in ("name", "email", "phoneNo"))
    assert (await stage.ask("DELETE", f"students/{document['_id']}", login=SERVER_ADMIN)).status == 404
    again = await stage.enter()
    assert again["_id"] != document["_id"]


async def test_who_is_removed_while_being_synced_is_404(stage: StudentStage) -> None:
    document = await stage.enter()
    stage.servers.codeforces.delay_s = 0.3
    syncing = asyncio.create_task(stage.sync())
    async with asyncio.timeout(5):
        while not stage.asked:
            await asyncio.sleep(0.01)
    assert (await stage.ask("DELETE", f"students/{document['_id']}", login=SERVER_ADMIN)).status == 204
    assert (await syncing).status == 404
    assert (await stage.ask("GET", "students")).json == []


async def test_who_gets_another_handle_while_being_synced_is_not_given_the_old_ones_data(stage: StudentStage) -> None:
    document = await stage.enter()
    stage.servers.codeforces.delay_s = 0.3
    syncing = asyncio.create_task(stage.sync())
    async with asyncio.timeout(5):
        while not stage.asked:
            await asyncio.sleep(0.01)
    path = f"students/{document['_id']}"
    assert (await stage.ask("PUT", path, {"codeforcesHandle": "Petr"}, login=SERVER_ADMIN)).status == 200
    assert (await syncing).status == 404
    assert (await stage.shown(document["_id"]))["currRating"] == 0


async def test_other_methods_are_405_in_the_same_form(stage: StudentStage) -> None:
    for method, path in (("PATCH", "students/x"), ("DELETE", "students"), ("PUT", "students")):
        answer = await stage.ask(method, path, login=SERVER_ADMIN)
        assert (answer.status, list(answer.json)) == (405, ["error"])
        assert "GET" in answer.headers["Allow"]

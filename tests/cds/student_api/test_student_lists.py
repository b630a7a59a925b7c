"""Lists of students in CSV: all are entered or none, and every line that is wrong is told."""

from collections.abc import AsyncIterator
from io import BytesIO

import pytest

from schemas.students import CONTACTS
from tests.cds.contest_api.serving import SERVER_ADMIN, Answer, server_login
from tests.cds.student_api.stage import TOURIST, StudentStage, student_stage

HEADER = "name,email,phoneNo,codeforcesHandle\n"


@pytest.fixture
async def stage(database_dsn: str) -> AsyncIterator[StudentStage]:
    """A server without students."""
    async with student_stage(database_dsn) as put_up:
        yield put_up


async def send(stage: StudentStage, content: str | bytes, role: str = "admin") -> Answer:
    """Ask for a list to be entered."""
    data = BytesIO(content.encode() if isinstance(content, str) else content)
    headers = {"Content-Type": "text/csv; charset=utf-8"}
    return await stage.ask("POST", "students", login=server_login(role), headers=headers, data=data)


def rows(count: int) -> str:
    """So many students."""
    return HEADER + "".join(f"Student {n},s{n}@example.org,555-{n:04},handle{n}\n" for n in range(count))


async def test_all_students_of_a_list_are_entered(stage: StudentStage) -> None:
    answer = await send(stage, rows(50))
    assert answer.status == 201
    assert [each["codeforcesHandle"] for each in answer.json] == [f"handle{n}" for n in range(50)]
    assert (await stage.ask("GET", "students", login=SERVER_ADMIN)).json == answer.json


@pytest.mark.parametrize(
    "content",
    [
        "codeforcesHandle,phoneNo,email,name,remark\ntourist,1,t@example.org,Gennady,good\n",
        "\ufeffName,Email,Phone No,Codeforces_Handle\r\nGennady,t@example.org,1,tourist\r\n",
        'name,email,phoneNo,codeforcesHandle\n"Gennady",t@example.org,1,tourist\n\n , ,,\n',
        "name,email,phoneNo,codeforcesHandle\n  Gennady , t@example.org,1 ,tourist",
    ],
)
async def test_lists_as_spreadsheets_write_them(stage: StudentStage, content: str) -> None:
    answer = await send(stage, content)
    assert answer.status == 201
    (student,) = answer.json
    assert [student[name] for name in TOURIST] == ["Gennady", "t@example.org", "1", "tourist"]


async def test_every_line_that_is_wrong_is_told_and_nobody_entered(stage: StudentStage) -> None:
    answer = await send(
        stage,
        HEADER
        + 'Ann,ann@example.org,1,ann_a\nBob,,2,bob_b\n"Two\nlines",x@example.org,3,carl\n'
        + "Dora,dora@example.org,4,d\nEve\n",
    )
    assert answer.status == 400
    assert list(answer.json) == ["error", "lines"]
    assert [line.split(":")[0] for line in answer.json["lines"]] == ["line 3", "line 5", "line 6", "line 7"]
    assert ["email" in line for line in answer.json["lines"]] == [True, False, False, True]
    assert (await stage.ask("GET", "students")).json == []
    assert await stage.served.store.kept(CONTACTS) == {}


async def test_students_who_clash_with_others_or_each_other_are_told_by_their_lines(stage: StudentStage) -> None:
    await stage.enter()
    answer = await send(
        stage,
        HEADER
        + "Ann,ann@example.org,1,ann_a\nBob,TOURIST@example.org,2,bob_b\nCarl,carl@example.org,3,Tourist\n"
        + "Dora,dora@example.org,4,ANN_A\nEve,Ann@Example.org,5,eve_e\n",
    )
    assert answer.status == 409
    assert [line.split(":")[0] for line in answer.json["lines"]] == [f"line {n}" for n in (3, 4, 5, 6)]
    assert len((await stage.ask("GET", "students")).json) == 1
    assert len(await stage.served.store.kept(CONTACTS)) == 1


@pytest.mark.parametrize(
    ("content", "named"),
    [
        (b"", "name"),
        (HEADER.encode(), "no student"),
        (b"name,email,codeforcesHandle\na,b@c.d,tourist\n", "phoneNo"),
        (b"name,email,phoneNo,codeforcesHandle,Name\n", "twice"),
        (HEADER.encode() + b'"open,a@b.c,1,tourist\n', "line"),
        (HEADER.encode() + b"\xff\xfe,a@b.c,1,tourist\n", "UTF-8"),
        (rows(5_001).encode(), "5000"),
    ],
)
async def test_what_is_no_list_is_400(stage: StudentStage, content: bytes, named: str) -> None:
    answer = await send(stage, content)
    assert (answer.status, list(answer.json)) == (400, ["error"])
    assert named in answer.json["error"]


async def test_a_list_that_is_too_large_is_413(stage: StudentStage) -> None:
    assert (await send(stage, b"x" * (4 * 1024 * 1024 + 1))).status == 413


async def test_a_list_of_five_thousand_is_entered_at_once(stage: StudentStage) -> None:
    answer = await send(stage, rows(5_000))
    assert (answer.status, len(answer.json)) == (201, 5_000)
    assert (await stage.served.store.heads())["students"].position == 5_000


@pytest.mark.parametrize(("role", "status"), [("public", 401), ("staff", 403)])
async def test_lists_are_for_administrators(stage: StudentStage, role: str, status: int) -> None:
    assert (await send(stage, rows(1), role)).status == status

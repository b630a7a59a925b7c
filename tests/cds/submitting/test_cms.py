"""Handing in by the API of CMS, against a stand-in of it."""

from collections.abc import Sequence

import pytest

from cds.submitting.doors import Login
from cds.submitting.submitting import Target, submit
from cds.submitting.work import NotSubmitted, SourceFile, work_of
from tests.cds.submitting.cms_stand_in import COMPILING, EVALUATING, FAILED, Answer, CmsStandIn, scored, served

SUM = [SourceFile("sum.cpp", b"int main() {}\n")]
FORMATS = {"sum": ["sum.%l"], "codes": ["encoder.%l", "decoder.%l"], "maps": ["output_000.txt", "output_001.txt"]}
ANNA = ("anna", "secret")
WAIT_S = 30.0


TYPICAL = (COMPILING, EVALUATING, scored(40, 70, partial=True))


def stand_in(
    script: Sequence[Answer] = TYPICAL,
    *,
    refusal: tuple[int, Answer] | None = None,
    logged_out_after: int | None = None,
    prefix: str = "",
) -> CmsStandIn:
    return CmsStandIn(FORMATS, script=list(script), refusal=refusal, logged_out_after=logged_out_after, prefix=prefix)


def target(
    server: CmsStandIn, *, url: str | None = None, contest_id: str | None = None, login: Login | None = ANNA
) -> Target:
    return Target(url=server.url if url is None else url, contest_id=contest_id, login=login)


async def test_state_and_score_are_told_as_they_arrive(capsys: pytest.CaptureFixture[str]) -> None:
    async with served(stand_in()) as server:
        await submit(work_of("sum", SUM, None, None), target(server), WAIT_S)
        assert server.taken == [("sum", {"sum.%l": ("sum.cpp", b"int main() {}\n")})]
        assert capsys.readouterr().out.splitlines() == [
            f"submission 4611686018427387905 of sum: handed in to {server.url} by the API of CMS",
            "Compiling",
            "Evaluating",
            "Evaluated; score 40 of 100; the task 70 so far",
        ]


async def test_what_does_not_compile_is_judged_too(capsys: pytest.CaptureFixture[str]) -> None:
    async with served(stand_in([FAILED])) as server:
        await submit(work_of("sum", SUM, "C++17 / g++", None), target(server), WAIT_S)
        assert server.taken[0][1]["language"] == (None, b"C++17 / g++")
    assert capsys.readouterr().out.splitlines()[-1] == "Compilation failed; the task 0"


@pytest.mark.parametrize(
    ("task", "names"),
    [
        ("codes", {"encoder.%l": "encoder.py", "decoder.%l": "decoder.py"}),
        ("maps", {"output_001.txt": "output_001.txt"}),
    ],
)
async def test_several_files_and_output_files(task: str, names: dict[str, str]) -> None:
    files = [SourceFile(name, b"x") for name in reversed(names.values())]
    async with served(stand_in()) as server:
        await submit(work_of(task, files, None, None), target(server), WAIT_S)
        assert server.taken == [(task, {element: (name, b"x") for element, name in names.items()})]


@pytest.mark.parametrize(
    ("prefix", "path", "contest_id"),
    [("/regional", "/regional", None), ("/regional", "", "regional"), ("/cms/wf14", "/api", "wf14"), ("", "/", None)],
)
async def test_it_is_found_below_the_address(prefix: str, path: str, contest_id: str | None) -> None:
    async with served(stand_in(prefix=prefix)) as server:
        url = f"http://127.0.0.1:{server.port}{path}"
        await submit(work_of("sum", SUM, None, None), target(server, url=url, contest_id=contest_id), WAIT_S)
        assert len(server.taken) == 1


async def test_who_is_logged_out_meanwhile_logs_in_again() -> None:
    async with served(stand_in(logged_out_after=2)) as server:
        await submit(work_of("sum", SUM, None, None), target(server), WAIT_S)
        assert server.tokens == ["token-0", "nobody has this one", "token-2"]


TOO_MANY: Answer = {"error": "Too many submissions!", "details": "At most 2."}
REFUSALS: list[tuple[tuple[int, Answer], str]] = [
    ((403, {"error": "The contest is not open"}), "not handed in: The contest is not open"),
    ((422, TOO_MANY), "not handed in: Too many submissions! At most 2."),
    ((500, {}), "not handed in: 500 Internal Server Error"),
]


@pytest.mark.parametrize(("refusal", "reason"), REFUSALS)
async def test_refusals_are_told_in_the_words_of_the_server(refusal: tuple[int, Answer], reason: str) -> None:
    async with served(stand_in(refusal=refusal)) as server:
        with pytest.raises(NotSubmitted) as refused:
            await submit(work_of("sum", SUM, None, None), target(server), WAIT_S)
    assert (str(refused.value), server.looks) == (reason, 0)


@pytest.mark.parametrize(
    ("login", "reason"),
    [
        (("anna", "wrong"), "not logged in: Login failed"),
        (None, "the tasks cannot be seen: An authenticated user is required"),
    ],
)
async def test_who_is_not_let_in(login: Login | None, reason: str) -> None:
    async with served(stand_in()) as server:
        with pytest.raises(NotSubmitted) as refused:
            await submit(work_of("sum", SUM, None, None), target(server, login=login), WAIT_S)
    assert (str(refused.value), server.taken) == (reason, [])


async def test_an_address_where_neither_api_is() -> None:
    async with served(stand_in()) as server:
        aim = target(server, url=f"{server.url}/elsewhere", contest_id="gone")
        with pytest.raises(NotSubmitted, match="answers like the Contest API or like the API of CMS"):
            await submit(work_of("sum", SUM, None, None), aim, WAIT_S)


@pytest.mark.parametrize(
    ("task", "reason"),
    [("tree", "there is no task tree (there are sum, codes, maps)"), ("codes", "is none of the files")],
)
async def test_what_cannot_be_right_is_not_sent(task: str, reason: str) -> None:
    async with served(stand_in()) as server:
        with pytest.raises(NotSubmitted) as refused:
            await submit(work_of(task, SUM, None, None), target(server), WAIT_S)
        assert server.taken == []
    assert reason in str(refused.value)


async def test_nobody_waits_for_ever() -> None:
    async with served(stand_in([COMPILING])) as server:
        with pytest.raises(NotSubmitted, match=r"was handed in, and not judged within 0\.2 s"):
            await submit(work_of("sum", SUM, None, None), target(server), 0.2)


async def test_a_server_that_is_not_there() -> None:
    async with served(stand_in()) as server:
        aim = target(server)
    with pytest.raises(NotSubmitted, match="cannot be reached"):
        await submit(work_of("sum", SUM, None, None), aim, WAIT_S)


async def test_words_of_a_server_cannot_move_the_cursor(capsys: pytest.CaptureFixture[str]) -> None:
    evil = {**scored(1, 1), "status_text": "\x1b[2J[red]done"}
    async with served(stand_in([evil])) as server:
        await submit(work_of("sum", SUM, None, None), target(server), WAIT_S)
    assert capsys.readouterr().out.splitlines()[-1] == " [2J[red]done; score 1 of 100; the task 1"

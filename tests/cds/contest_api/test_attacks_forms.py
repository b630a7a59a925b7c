"""Forms that somebody sends to hurt: every one is refused in the error form, and nothing is written."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from tests.cds.contest_api.attacked_contests import CONTEST, Attacked, archive, attacked_contests

pytestmark = pytest.mark.asyncio(loop_scope="session")

BASE = f"contests/{CONTEST}"
FORM = {"Content-Type": "multipart/form-data; boundary=x"}

PLACES = (
    ("team-one", "POST", f"{BASE}/clarifications"),
    ("judge", "POST", f"{BASE}/judgements"),
    ("analyst", "POST", f"{BASE}/commentary"),
    ("chief", "PUT", f"{BASE}/teams/t1"),
    ("chief", "PATCH", f"{BASE}/accounts/staff"),
    ("chief", "PATCH", BASE),
    ("chief", "PATCH", f"{BASE}/state"),
    ("server-admin", "POST", "contests"),
)
"""Where a body has to be JSON."""


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def attacked(postgres_dsn_template: str) -> AsyncIterator[Attacked]:
    """Both contests; what the tests here add to them harms no other test."""
    async with attacked_contests(postgres_dsn_template) as contests:
        yield contests


def form(*parts: tuple[str, bytes], boundary: str = "x") -> bytes:
    """A form out of headers and contents."""
    pieces = [b"--%b\r\n%b\r\n\r\n%b\r\n" % (boundary.encode(), head.encode(), content) for head, content in parts]
    return b"".join(pieces) + b"--%b--\r\n" % boundary.encode()


def text_part(name: str, value: bytes) -> tuple[str, bytes]:
    """A text of a form."""
    return f'Content-Disposition: form-data; name="{name}"', value


def file_part(filename: str, content: bytes = b"int main() {}") -> tuple[str, bytes]:
    """A file of a form, its name as it is written there."""
    return f'Content-Disposition: form-data; name="code"; filename="{filename}"', content


GOOD_TEXTS = (text_part("language_id", b"c"), text_part("problem_id", b"apples"))

BAD_FORMS: dict[str, bytes] = {
    "nothing": b"",
    "no boundary": b"abc",
    "only the end": b"--x--\r\n",
    "no end": b'--x\r\nContent-Disposition: form-data; name="a"\r\n\r\nb\r\n',
    "no headers": b"--x\r\n\r\nb\r\n--x--\r\n",
    "no name": form(("Content-Disposition: form-data", b"x")),
    "no file": form(*GOOD_TEXTS),
    "property twice": form(*GOOD_TEXTS, text_part("problem_id", b"bridges"), file_part("a.c")),
    "file twice": form(*GOOD_TEXTS, file_part("a.c"), file_part("a.c")),
    "parent path": form(*GOOD_TEXTS, file_part("../../etc/passwd")),
    "absolute path": form(*GOOD_TEXTS, file_part("/etc/passwd")),
    "drive": form(*GOOD_TEXTS, file_part("C:\\\\x.c")),
    "backslashes": form(*GOOD_TEXTS, file_part("..\\\\..\\\\x.c")),
    "header injection": form(*GOOD_TEXTS, file_part("a.c\r\nX-Injected: yes")),
    "encoded header injection": form(
        *GOOD_TEXTS, ("Content-Disposition: form-data; name=code; filename*=utf-8''a%0d%0aX-Injected:%20yes.c", b"x")
    ),
    "NUL in a name": form(*GOOD_TEXTS, file_part("a\0.c")),
    "encoded NUL": form(*GOOD_TEXTS, ("Content-Disposition: form-data; name=code; filename*=utf-8''a%00.c", b"x")),
    "encoded parent path": form(
        *GOOD_TEXTS, ("Content-Disposition: form-data; name=code; filename*=utf-8''%2e%2e%2fx.c", b"x")
    ),
    "dots alone": form(*GOOD_TEXTS, file_part("..")),
    "very long name": form(*GOOD_TEXTS, file_part("x" * 3000)),
    "invalid UTF-8": form(text_part("language_id", b"c"), text_part("problem_id", b"\xff"), file_part("a.c")),
    "NUL in a text": form(text_part("language_id", b"c"), text_part("problem_id", b"a\0"), file_part("a.c")),
    "very long text": form(text_part("language_id", b"c"), text_part("problem_id", b"x" * 5000), file_part("a.c")),
    "unknown property": form(*GOOD_TEXTS, text_part("surprise", b"x"), file_part("a.c")),
    "team of another": form(*GOOD_TEXTS, text_part("team_id", b"t2"), file_part("a.c")),
    "time": form(*GOOD_TEXTS, text_part("time", b"2026-01-01T00:00:00Z"), file_part("a.c")),
    "id": form(*GOOD_TEXTS, text_part("id", b"1"), file_part("a.c")),
    "files as a text": form(*GOOD_TEXTS, text_part("files", b'[{"data":""}]')),
    "many parts": form(*GOOD_TEXTS, *(file_part(f"{number}.c", b"") for number in range(300))),
    "many files": form(*GOOD_TEXTS, *(file_part(f"{number}.c") for number in range(150))),
    "nested form": form(*GOOD_TEXTS, ("Content-Type: multipart/mixed; boundary=y", b"--y--")),
    "transfer encoding": form(*GOOD_TEXTS, (file_part("a.c")[0] + "\r\nContent-Transfer-Encoding: base64", b"AAAA")),
    "archive with a parent path": form(*GOOD_TEXTS, file_part("a.zip", archive("../x.c"))),
}


@pytest.mark.parametrize("what", BAD_FORMS)
async def test_a_form_with_something_wrong_is_refused(attacked: Attacked, what: str) -> None:
    team = attacked.everybody["team-one"]
    await attacked.refused(team, "POST", f"{BASE}/submissions", 400, 403, data=BAD_FORMS[what], headers=FORM)


async def test_a_form_is_only_for_submissions(attacked: Attacked) -> None:
    for name, method, path in PLACES:
        body = form(text_part("text", b"x"))
        await attacked.refused(attacked.everybody[name], method, path, 400, data=body, headers=FORM)


async def test_a_form_with_nothing_wrong_is_taken(attacked: Attacked) -> None:
    """So what is wrong with the others is what they say; and a name with quotes goes into the archive as it is."""
    body = form(*GOOD_TEXTS, file_part("main.c"), file_part('a \\"b\\".c'))
    answer = await attacked.everybody["team-one"].ask("POST", f"{BASE}/submissions", data=body, headers=FORM)
    assert answer.status == 201, answer.body
    assert (answer.json["team_id"], answer.json["problem_id"]) == ("t1", "apples")

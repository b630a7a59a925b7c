"""Submissions as a form: taken apart as it was meant, or refused with a clear sentence."""

import io
import json
import zipfile
from collections.abc import Mapping
from contextlib import suppress

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from hypothesis import given
from hypothesis import strategies as st

from cds.archives import checked_archive
from cds.contest_api.errors import Failure
from cds.contest_api.held_bodies import HELD_BODIES, HeldBodies
from cds.contest_api.middleware import errors_as_json
from cds.contest_api.multipart import (
    HEADER_BYTES_MAX,
    PARTS_MAX,
    TEXT_BYTES_MAX,
    SourceFile,
    is_form,
    parse_form,
    read_submission_form,
    zipped,
)

BOUNDARY = b"----boundary"
LIMIT_BYTES = 100_000


def form(*parts: tuple[bytes, bytes]) -> bytes:
    """A form of parts, each its headers and its content."""
    sections = [b"--" + BOUNDARY + b"\r\n" + head + b"\r\n\r\n" + content + b"\r\n" for head, content in parts]
    return b"".join([*sections, b"--" + BOUNDARY + b"--\r\n"])


def text(name: bytes, content: bytes) -> tuple[bytes, bytes]:
    """A part that is a text."""
    return b'Content-Disposition: form-data; name="' + name + b'"', content


def file(disposition: bytes, content: bytes = b"source") -> tuple[bytes, bytes]:
    """A part whose disposition ends as given."""
    return b"Content-Disposition: form-data; " + disposition + b"\r\nContent-Type: text/plain", content


def texts(body: bytes) -> Mapping[str, bytes]:
    """The properties of a form as JSON text."""
    return {name: bytes(raw) for name, raw in parse_form(body, BOUNDARY)[0].items()}


def refusal(body: bytes) -> str:
    """The message with which a form is refused."""
    with pytest.raises(Failure) as refused:
        parse_form(body, BOUNDARY)
    assert refused.value.status == 400
    assert refused.value.message.isprintable()
    return refused.value.message


def test_texts_become_properties_and_files_stay_in_their_order() -> None:
    body = form(
        text(b"problem_id", b"asteroids"),
        file(b'name="code[]"; filename="Main.java"', b"class Main {}\r\n--not the boundary\r\n"),
        text(b"entry_point", 'Überraschung "x"\\'.encode()),
        file(b"name=files; filename=util.java", b""),
        text(b"time", b""),
    )
    assert texts(body) == {
        "problem_id": b'"asteroids"',
        "entry_point": '"Überraschung \\"x\\"\\\\"'.encode(),
        "time": b'""',
    }
    assert parse_form(body, BOUNDARY)[1] == [
        SourceFile("Main.java", b"class Main {}\r\n--not the boundary\r\n"),
        SourceFile("util.java", b""),
    ]


def test_a_form_may_be_empty() -> None:
    assert parse_form(b"--" + BOUNDARY + b"--", BOUNDARY) == ({}, [])


@pytest.mark.parametrize(
    ("disposition", "filename"),
    [
        (b'name="f"; filename="a b;c.py"', "a b;c.py"),
        (b'name="f"; filename="say \\"hi\\".py"', 'say "hi".py'),
        (b'NAME="f"; FileName="Main.java";', "Main.java"),
        ('name="f"; filename="größe.py"'.encode(), "größe.py"),
        (b"name=f; filename=x; filename*=utf-8''gr%C3%B6%C3%9Fe.py", "größe.py"),
        (b'name="f"; filename="src/Main.java"', "src/Main.java"),
    ],
)
def test_file_names_are_read_as_clients_write_them(disposition: bytes, filename: str) -> None:
    assert parse_form(form(file(disposition)), BOUNDARY)[1] == [SourceFile(filename, b"source")]


def test_a_file_field_without_a_choice_is_no_file() -> None:
    assert parse_form(form(file(b'name="files"; filename=""', b"")), BOUNDARY) == ({}, [])


@pytest.mark.parametrize(
    "filename",
    [
        b"../Main.java",
        b"a/../../Main.java",
        b"/etc/passwd",
        b"C:\\\\fakepath\\\\Main.java",
        b"..\\\\Main.java",
        b"..",
        b".",
        b"src/",
        b"x" * 300,
        b"Main%00.java\0",
        b"Main.java\x7f",
        b"Main.java\nX-Header: 1",
        b"Main.java\r\nX-Header: 1",
        b"Main.java\r\n\r\nX",
        b"\xff.java",
    ],
)
def test_a_file_name_that_leads_elsewhere_or_into_a_header_is_refused(filename: bytes) -> None:
    assert refusal(form(file(b'name="files"; filename="' + filename + b'"')))


@pytest.mark.parametrize("encoded", [b"..%2FMain.java", b"a%0D%0AX%3A%201", b"%FF", b"%00", b"%2Fetc%2Fpasswd"])
def test_an_encoded_file_name_is_checked_as_what_it_stands_for(encoded: bytes) -> None:
    assert refusal(form(file(b"name=files; filename*=utf-8''" + encoded)))


def test_a_file_name_of_another_encoding_is_refused() -> None:
    assert "is not UTF-8" in refusal(form(file(b"name=files; filename*=iso-8859-1''a")))
    assert "is not UTF-8" in refusal(form(file(b"name=files; filename*=a")))


def test_an_empty_file_name_with_content_is_refused() -> None:
    assert "no path" in refusal(form(file(b'name="files"; filename=""', b"content")))


def test_what_comes_twice_is_refused() -> None:
    assert refusal(form(text(b"team_id", b"1"), text(b"team_id", b"2"))) == "the form has the property team_id twice"
    source = file(b'name="files"; filename="a.py"')
    assert refusal(form(source, source)) == "the form has two files with the name 'a.py'"


@pytest.mark.parametrize(
    ("part", "message"),
    [
        (text(b"team_id", b"\xff"), "the property team_id is not UTF-8"),
        (text(b"team_id", b"a\0b"), "the property team_id holds the character NUL"),
        (text(b"team_id", b"x" * (TEXT_BYTES_MAX + 1)), "the property team_id has more than 4096 bytes"),
        (text(b"code[]", b"x"), "the form has a text under the name 'code[]', which is no property"),
        (text(b"", b"x"), "the form has a text under the name '', which is no property"),
        (file(b"filename=a.py"), "part 1 of the form has no name"),
        ((b"Content-Type: text/plain", b"x"), "the Content-Disposition of part 1 of the form is not form-data"),
        (
            (b"Content-Disposition: attachment; name=a", b"x"),
            "the Content-Disposition of part 1 of the form is not form-data",
        ),
        (file(b'name="a'), "the Content-Disposition of part 1 of the form cannot be read"),
        (file(b"name=a b"), "the Content-Disposition of part 1 of the form cannot be read"),
        (file(b"name=a; name=b"), "the Content-Disposition of part 1 of the form cannot be read"),
        (
            file(b"name=a\r\nContent-Transfer-Encoding: base64"),
            "part 1 of the form has a transfer encoding, which forms do not use any more",
        ),
        (
            (b"Content-Disposition: form-data; name=a\r\nContent-Disposition: form-data; name=b", b"x"),
            "part 1 of the form has a header that cannot be read",
        ),
        ((b"no header", b"x"), "part 1 of the form has a header that cannot be read"),
        ((b" Content-Disposition: form-data; name=a", b"x"), "part 1 of the form has a header that cannot be read"),
        (
            (b"X: " + b"x" * HEADER_BYTES_MAX, b"x"),
            "part 1 of the form has no headers, or more than 4096 bytes of them",
        ),
    ],
)
def test_a_part_that_cannot_be_taken_is_refused(part: tuple[bytes, bytes], message: str) -> None:
    assert refusal(form(part)) == message


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{}",
        b"--" + BOUNDARY,
        form(text(b"a", b"x"))[:-4],
        b"preamble\r\n" + form(text(b"a", b"x")),
        form(text(b"a", b"x")) + b"epilogue",
        form(text(b"a", b"x")).replace(b"\r\n", b"\n"),
        form(text(b"a", b"x")).replace(BOUNDARY + b"\r\n", BOUNDARY + b"x\r\n"),
        form(text(b"a", b"x")) + form(text(b"b", b"x")),
        b"--" + BOUNDARY + b"\r\n\r\n--" + BOUNDARY + b"--\r\n",
    ],
)
def test_what_is_no_form_is_refused(body: bytes) -> None:
    assert "form" in refusal(body)


def test_too_many_parts_are_refused() -> None:
    assert len(texts(form(*(text(f"a{number}".encode(), b"") for number in range(PARTS_MAX))))) == PARTS_MAX
    parts = (text(f"a{number}".encode(), b"") for number in range(PARTS_MAX + 1))
    assert refusal(form(*parts)) == f"the form has more than {PARTS_MAX} parts"


@given(st.binary())
def test_any_bytes_are_a_form_or_refused(body: bytes) -> None:
    with suppress(Failure):
        parse_form(body, BOUNDARY)


_pieces = [
    b"\r\n",
    b"--",
    BOUNDARY,
    b"--" + BOUNDARY,
    b"Content-Disposition: form-data; ",
    b"name=a",
    b'filename="',
    b"\xff",
]


@given(st.lists(st.sampled_from([*_pieces, b"filename*=utf-8''%", b'"', b";", b"=", b" ", b"\\", b":", b"\0", b"x"])))
def test_almost_a_form_is_a_form_or_refused(pieces: list[bytes]) -> None:
    body = b"--" + BOUNDARY + b"\r\n" + b"".join(pieces)
    for ending in (b"", b"\r\n\r\nx\r\n--" + BOUNDARY + b"--"):
        with suppress(Failure):
            parse_form(body + ending, BOUNDARY)


@given(st.binary(), st.text(st.characters(categories=["L", "N"]), min_size=1, max_size=20))
def test_every_file_comes_through_unchanged(content: bytes, name: str) -> None:
    if b"\r\n--" + BOUNDARY in b"\r\n" + content + b"\r\n":
        return
    body = form(file(b'name="files"; filename="' + name.encode() + b'"', content))
    assert parse_form(body, BOUNDARY) == ({}, [SourceFile(name, content)])


def test_files_are_packed_in_their_order_and_always_alike() -> None:
    files = [SourceFile("b.py", b"b"), SourceFile("a/größe.py", b"")]
    content = zipped(files)
    assert content == zipped(files)
    assert [entry.filename for entry in checked_archive(content, code_limit_kib=1)] == ["b.py", "a/größe.py"]
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        assert archive.read("b.py") == b"b"


def test_an_archive_alone_is_itself_and_beside_others_a_file() -> None:
    archive = SourceFile("Code.ZIP", zipped([SourceFile("a.py", b"a")]))
    assert zipped([archive]) == archive.content
    both = zipped([archive, SourceFile("b.py", b"b")])
    assert [entry.filename for entry in checked_archive(both, code_limit_kib=1)] == ["Code.ZIP", "b.py"]
    pretended = zipped([SourceFile("a.zip", b"no archive")])
    assert [entry.filename for entry in checked_archive(pretended, code_limit_kib=1)] == ["a.zip"]


async def posted(data: aiohttp.FormData | bytes, headers: Mapping[str, str] | None = None) -> tuple[int, str]:
    """Status and body of the answer of a server that tells what it read of a form."""

    async def handle(request: web.Request) -> web.Response:
        assert is_form(request)
        properties, files = await read_submission_form(request, LIMIT_BYTES)
        read = [f"{name}={bytes(raw).decode()}" for name, raw in properties.items()]
        return web.Response(text=",".join([*read, *(f"{file.filename}:{len(file.content)}" for file in files)]))

    application = web.Application(middlewares=[errors_as_json], client_max_size=1)
    application[HELD_BODIES] = HeldBodies()
    application.router.add_post("/", handle)
    async with (
        TestServer(application) as server,
        aiohttp.ClientSession() as session,
        session.post(server.make_url("/"), data=data, headers=headers) as answer,
    ):
        return answer.status, await answer.text()


async def test_a_form_as_a_client_sends_it_is_read() -> None:
    data = aiohttp.FormData()
    data.add_field("problem_id", "asteroids")
    data.add_field("code[]", b"x" * 70_000, filename="Main.java", content_type="text/x-java")
    assert await posted(data) == (200, 'problem_id="asteroids",Main.java:70000')


async def test_a_form_over_the_limit_is_refused() -> None:
    data = aiohttp.FormData()
    data.add_field("files", b"x" * LIMIT_BYTES, filename="Main.java")
    status, body = await posted(data)
    assert (status, json.loads(body)["code"]) == (413, 413)


@pytest.mark.parametrize(
    "parameters",
    [
        "",
        "; boundary",
        "; boundary=",
        '; boundary=""',
        "; boundary=" + "x" * 71,
        '; boundary="a\\"b"',
        "; boundary=a b",
        "; charset=utf-8",
    ],
)
async def test_a_form_without_a_usable_boundary_is_refused(parameters: str) -> None:
    status, body = await posted(b"--x--", {"Content-Type": f"multipart/form-data{parameters}"})
    assert status == 400
    assert "boundary" in json.loads(body)["message"]


@pytest.mark.parametrize("parameters", ["; boundary=x", '; charset=utf-8; BOUNDARY="x"; y=1', ";boundary=x ; y"])
async def test_a_boundary_is_found_however_it_is_written(parameters: str) -> None:
    assert await posted(b"--x--", {"Content-Type": f"multipart/form-data{parameters}"}) == (200, "")

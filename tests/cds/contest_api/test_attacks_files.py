"""Files that somebody sends to hurt, or names that are not theirs."""

import asyncio
import io
import struct
import zipfile
import zlib
from collections.abc import AsyncIterator, Callable

import pytest
import pytest_asyncio

from tests.cds.contest_api.attacked_contests import (
    CONTEST,
    OTHER,
    Attacked,
    archive,
    attacked_contests,
    check_error,
    data,
    done,
    submission,
)
from tests.cds.contest_api.serving import Json

pytestmark = pytest.mark.asyncio(loop_scope="session")

BASE = f"contests/{CONTEST}"
MEBIBYTE = 1024 * 1024


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def attacked(postgres_dsn_template: str) -> AsyncIterator[Attacked]:
    """Both contests; what the tests here add to them harms no other test."""
    async with attacked_contests(postgres_dsn_template) as contests:
        yield contests


def zip_of(*entries: tuple[zipfile.ZipInfo | str, bytes], compression: int = zipfile.ZIP_DEFLATED) -> bytes:
    """A zip archive with these entries, whatever their names."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", compression) as entries_of:
        for name, content in entries:
            entries_of.writestr(name, content)
    return packed.getvalue()


def link(name: str, target: str) -> tuple[zipfile.ZipInfo, bytes]:
    """An entry that is a symbolic link."""
    entry = zipfile.ZipInfo(name)
    entry.create_system, entry.external_attr = 3, 0o120777 << 16
    return entry, target.encode()


def bomb(mebibytes: int) -> bytes:
    """An archive of a few kilobytes that is so much larger."""
    return zip_of(("zeros.c", bytes(mebibytes * MEBIBYTE)))


def lying_bomb() -> bytes:
    """An archive whose entry says that it is small, and is not."""
    content = bytearray(bomb(80))
    size = struct.pack("<I", 80 * MEBIBYTE)
    while (place := content.find(size)) >= 0:
        content[place : place + 4] = struct.pack("<I", 10)
    return bytes(content)


def encrypted() -> bytes:
    """An archive whose entry says that it is encrypted."""
    content = bytearray(archive())
    for signature, place in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        content[content.index(signature) + place] |= 1
    return bytes(content)


def broken_checksum() -> bytes:
    """An archive whose content is not what its checksum says."""
    content = zip_of(("main.c", b"int main() { return 0; }"), compression=zipfile.ZIP_STORED)
    return content.replace(b"return 0", b"return 1")


BAD_ARCHIVES: dict[str, Callable[[], bytes]] = {
    "nothing": lambda: b"",
    "text": lambda: b"int main() {}",
    "empty archive": zip_of,
    "directories alone": lambda: zip_of(("src/", b"")),
    "cut off": lambda: archive()[:-10],
    "cut in front": lambda: archive()[20:],
    "gzip": lambda: zlib.compress(b"x"),
    "parent path": lambda: archive("../main.c"),
    "hidden parent path": lambda: archive("src/../../main.c"),
    "absolute path": lambda: archive("/etc/passwd"),
    "backslashes": lambda: archive("..\\..\\main.c"),
    "drive": lambda: archive("C:/main.c"),
    "control characters": lambda: archive("main.c\r\nX-Injected: yes"),
    "dots": lambda: archive(".."),
    "link": lambda: zip_of(link("passwd", "/etc/passwd")),
    "same name twice": lambda: zip_of(("main.c", b"a"), ("./main.c", b"b")),
    "many entries": lambda: zip_of(*((f"{number}.c", b"x") for number in range(101))),
    "bomb": lambda: bomb(80),
    "lying bomb": lying_bomb,
    "encrypted": encrypted,
    "broken checksum": broken_checksum,
    "large": lambda: zip_of(("large.c", bytes(range(256)) * (11 * 4 * 1024)), compression=zipfile.ZIP_STORED),
}


@pytest.mark.filterwarnings("ignore:Duplicate name")
@pytest.mark.filterwarnings("ignore:Sending a large body")
@pytest.mark.parametrize("what", BAD_ARCHIVES)
async def test_an_archive_that_is_not_safe_is_refused(attacked: Attacked, what: str) -> None:
    """From a team and from an administrator, who is no more careful."""
    content = BAD_ARCHIVES[what]()
    team, chief = attacked.everybody["team-one"], attacked.everybody["chief"]
    answer = await attacked.refused(team, "POST", f"{BASE}/submissions", 400, 413, json=submission(content))
    assert "X-Injected" not in answer.headers
    body = submission(content, id="bad", team_id="t1", time="2026-01-01T00:00:00Z")
    await attacked.refused(chief, "PUT", f"{BASE}/submissions/bad", 400, 413, json=body)


@pytest.mark.parametrize(
    "file",
    [
        {},
        {"data": ""},
        {"data": "===="},
        {"data": "UEsFBg AA"},
        {"data": "UEsFBg-_"},
        {"data": "UEsF\n"},
        {"data": None},
        {"data": data(archive()), "mime": "text/html"},
        {"data": data(archive()), "mime": "application/zip\r\nX-Injected: yes"},
        {"data": data(archive()), "hash": "0" * 32},
        {"data": data(archive()), "href": "x"},
        {"data": data(archive()), "content": "0" * 64},
        {"data": data(archive()), "surprise": 1},
        {"data": data(archive()), "tag": ["a\r\nb"]},
        {"data": data(archive()), "tag": ["x"] * 30 + [str(number) for number in range(30)]},
        {"data": data(archive()), "width": -1},
        {"content": "0" * 64, "filename": "files.zip", "mime": "application/zip"},
        {"href": "file:///etc/passwd"},
        {"href": "http://127.0.0.1:1/x.zip"},
        {"href": "/etc/passwd"},
    ],
)
async def test_a_file_that_is_not_what_it_says_is_refused(attacked: Attacked, file: Json) -> None:
    """`content` above all, under which the server keeps the bytes of everybody's files."""
    body = submission() | {"files": [file]}
    answer = await attacked.refused(attacked.everybody["team-one"], "POST", f"{BASE}/submissions", 400, json=body)
    assert "X-Injected" not in answer.headers


@pytest.mark.parametrize(
    "files",
    [[], [{"data": data(archive())}] * 2, [{"data": data(archive()), "filename": "a.zip"}, {"data": data(archive())}]],
)
async def test_a_submission_is_one_archive(attacked: Attacked, files: Json) -> None:
    for name in ("team-one", "proxy", "chief"):
        body = submission() | {"files": files}
        body |= {"team_id": "t1"} if name == "proxy" else {"time": "2026-01-01T00:00:00Z"} if name == "chief" else {}
        await attacked.refused(attacked.everybody[name], "POST", f"{BASE}/submissions", 400, json=body)


async def test_no_file_is_had_by_naming_it(attacked: Attacked) -> None:
    """The `href` of another team's archive, another problem's statement, another contest's file, in every form."""
    team, chief, made = attacked.everybody["team-one"], attacked.everybody["chief"], attacked.made
    theirs = (await chief.json(f"{BASE}/submissions/{made.submission_two}"))["files"][0]
    own = (await team.json(f"{BASE}/submissions/{made.submission_one}"))["files"][0]
    statement = (await chief.json(f"{BASE}/problems/bridges"))["statement"][0]
    for reference in (theirs, own, statement):
        href = reference["href"]
        for named in (reference, {"href": href}, {"href": f"/api/{href}"}, {"href": attacked.server.base + href}):
            body = submission() | {"files": [named]}
            await attacked.refused(team, "POST", f"{BASE}/submissions", 400, json=body)
            await attacked.refused(chief, "PATCH", f"{BASE}/problems/apples", 400, json={"statement": [named]})
            await attacked.refused(chief, "PATCH", f"{BASE}/problems/apples", 400, json={"attachments": [named]})
            await attacked.refused(chief, "PATCH", f"{BASE}/organizations/north", 400, json={"logo": [named]})
    stranger = attacked.strangers["chief"]
    await attacked.refused(stranger, "PATCH", f"contests/{OTHER}/problems/apples", 400, json={"statement": [statement]})


@pytest.mark.parametrize(
    "href",
    [
        "file:///etc/passwd",
        "javascript:alert(1)",
        "//x",
        "http://",
        "http:// x",
        "ftp://x/y",
        "x.m3u8",
        "http://x/\r\nX: y",
        "http://[",
        "data:text/html,x",
        "http://x/" + "y" * 3000,
    ],
)
async def test_a_stream_is_at_a_web_address(attacked: Attacked, href: str) -> None:
    body = {"webcam": [{"href": href, "filename": "x.m3u8", "mime": "application/vnd.apple.mpegurl"}]}
    await attacked.refused(attacked.everybody["chief"], "PATCH", f"{BASE}/teams/t1", 400, json=body)


BAD_FILENAMES = (
    "",
    ".",
    "..",
    "...",
    "a/b",
    "../a",
    "a\\b",
    "a\r\nX-Injected: yes",
    "a\nb",
    "a\tb",
    "a\u0085b",
    "a\u2028b",
    "a\u202eb",
    "a\x7fb",
    "x" * 201,
    "ä" * 101,
)


@pytest.mark.parametrize("filename", BAD_FILENAMES)
async def test_what_is_no_filename_is_refused(attacked: Attacked, filename: str) -> None:
    files = [{"data": data(archive()), "filename": filename}]
    answer = await attacked.refused(
        attacked.everybody["team-one"], "POST", f"{BASE}/submissions", 400, json=submission() | {"files": files}
    )
    assert "X-Injected" not in answer.headers


@pytest.mark.parametrize(
    "filename",
    [
        'a".zip',
        "a;b.zip",
        "a'b.zip",
        "%0d%0aX-Injected: yes",
        "a b.zip",
        "ä€😀.zip",
        "<script>.zip",
        "-",
        ".htaccess",
        "a?b#c",
        "{x}",
        "a+b&c=d",
    ],
)
async def test_a_strange_filename_harms_no_header_and_no_path(attacked: Attacked, filename: str) -> None:
    """It comes back in the object, the file is found under its `href`, and the headers are those of every download."""
    team = attacked.everybody["team-one"]
    content = archive("main.c", filename)
    files = [{"data": data(content), "filename": filename}]
    made = await done(team, "POST", f"{BASE}/submissions", submission() | {"files": files})
    assert made["files"][0]["filename"] == filename
    usual = await team.get(f"{BASE}/submissions/{attacked.made.submission_one}/files")
    answer = await team.get(made["files"][0]["href"])
    assert (answer.status, answer.body) == (200, content)
    assert answer.headers.keys() == usual.headers.keys()
    disposition = answer.headers["Content-Disposition"]
    assert disposition.isascii()
    assert disposition.isprintable()
    assert not set(disposition.removeprefix("inline; filename*=UTF-8''")) & set("\"'; <>")
    for other in ("team-two", "public"):
        check_error(await attacked.everybody[other].get(made["files"][0]["href"]), other)


def png_that_says(width: int, height: int) -> bytes:
    """A PNG of a few bytes that says it is so large."""

    def chunk(name: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(bytes(1000))) + chunk(b"IEND", b"")
    )


LAUGHS = b"""<?xml version="1.0"?><!DOCTYPE svg [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">
<!ENTITY c "&b;&b;&b;&b;&b;&b;&b;&b;"><!ENTITY d "&c;&c;&c;&c;&c;&c;&c;&c;">]>
<svg xmlns="http://www.w3.org/2000/svg" width="10" height="10"><text>&d;</text></svg>"""
OUTSIDE = b"""<?xml version="1.0"?><!DOCTYPE svg [<!ENTITY x SYSTEM "file:///etc/passwd">]>
<svg xmlns="http://www.w3.org/2000/svg" width="10" height="10"><text>&x;</text></svg>"""

BAD_IMAGES: dict[str, bytes] = {
    "nothing": b"",
    "text": b"no image",
    "huge": png_that_says(60_000, 60_000),
    "very huge": png_that_says(2**31 - 1, 2**31 - 1),
    "without area": png_that_says(0, 0),
    "cut off": png_that_says(10, 10)[:40],
    "entities": LAUGHS,
    "entity of a file": OUTSIDE,
    "deep svg": b"<svg xmlns='http://www.w3.org/2000/svg'>" + b"<g>" * 50_000,
    "half a jpeg": b"\xff\xd8\xff\xe0" + bytes(100),
    "pdf": b"%PDF-1.4\n%%EOF\n",
    "archive": archive(),
}


@pytest.mark.filterwarnings("ignore:Sending a large body")
@pytest.mark.parametrize("mime", [None, "image/png", "image/jpeg", "image/svg+xml", "text/html"])
@pytest.mark.parametrize("what", BAD_IMAGES)
async def test_what_is_no_image_is_refused(attacked: Attacked, what: str, mime: str | None) -> None:
    """Bombs among them, which are not unpacked to find out."""
    file = {"data": data(BAD_IMAGES[what])} | ({} if mime is None else {"mime": mime})
    for path, name in ((f"{BASE}/organizations/north", "logo"), (f"{BASE}/teams/t1", "photo"), (BASE, "banner")):
        body = {name: [file]} | ({"id": CONTEST} if path == BASE else {})
        await attacked.refused(attacked.everybody["chief"], "PATCH", path, 400, json=body)


@pytest.mark.filterwarnings("ignore:Sending a large body")
@pytest.mark.parametrize("mebibytes", [2, 20])
async def test_an_object_that_is_too_large_spoils_nobody_elses_write(attacked: Attacked, mebibytes: int) -> None:
    """Only files may be large. Writes that come together are committed together, so one must not take others along."""
    chief, team = attacked.everybody["chief"], attacked.everybody["team-two"]
    text = "x" * (mebibytes * MEBIBYTE)
    before = attacked.position()
    answers = await asyncio.gather(
        chief.ask("PUT", f"{BASE}/teams/t1", json={"id": "t1", "name": text, "label": "x"}),
        chief.ask("PATCH", BASE, json={"id": CONTEST, "formal_name": text}),
        chief.ask("PUT", f"{BASE}/persons/p", json={"id": "p", "name": "x", "roles": [], "email": text}),
    )
    for answer in answers:
        check_error(answer, f"a text of {mebibytes} MiB")
        assert answer.status == 413
    others = [team.ask("POST", f"{BASE}/clarifications", json={"text": "x"}) for _ in range(10)]
    assert {answer.status for answer in await asyncio.gather(*others)} == {201}
    assert attacked.position() == before + len(others)

"""Targets that read what contests, archives and pictures are made of: files of strangers, whole or broken."""

import io
import json
import tarfile
import tempfile
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path

import msgspec

from cds.archives import checked_archive
from cds.cms_api.submitted_archives import unpacked
from cds.cms_api.unacceptable import Unacceptable
from cds.commands.decision import Refused
from cds.commands.student_lists import read_student_list
from cds.commands.students import LinesRefused
from cds.decoding import UnreadableEvent, decoded
from cds.dialects.json_values import Unreadable
from cds.dialects.results import SourceRefused
from cds.dialects.yaml_values import decode_yaml
from cds.logos import with_sizes
from cds.packages.contents import ContestContents
from cds.packages.images import look_at
from cds.packages.reading import read_contest
from cds.plain_archives import plain_entries
from cds.upload_contents import check_content, checked_size, mime_of
from cds.uploads import Upload
from eventstore.store import Event
from projections.audience import Audience
from projections.contest import ContestState
from projections.feed_lines import FeedLines
from projections.scoreboard import Board
from projections.tokens import TokenMaker
from schemas.object_types import OBJECT_TYPES
from schemas.properties import FileReference
from schemas.records import RECORD_TYPES
from tests.builders import KEY
from tests.cds.contest_api.live_contest_setup import picture
from tests.cds.dialects.feeds import ACCEPTED, CONTEST, CPP, JUDGEMENT, PROBLEM, STATE, SUBMISSION, TEAM, WRONG
from tests.fuzz.target import Target

SEPARATOR = b"\x00"
"""Between the names and contents of the files of a package, in one input."""

MIMES = ("image/png", "image/jpeg", "image/svg+xml", "application/pdf", "application/zip", "image/gif")


def _folded(contents: ContestContents) -> ContestState:
    """What was read can be taken by a fresh log, viewed by everybody and ranked."""
    state = ContestState()
    audience = Audience("public", FeedLines(TokenMaker(KEY)))
    for change in contents.changes:
        applied = state.apply(state.position + 1, change.type, change.id, change.instance)
        audience.advance(state, applied, b"\0" * 32)
    Board(state, frozen=True).scoreboard()
    return state


def feed(data: bytes) -> ContestState:
    """An event feed in any dialect."""
    with tempfile.TemporaryDirectory() as room:
        path = Path(room) / "event-feed.ndjson"
        path.write_bytes(data)
        return _folded(read_contest(path))


def package(data: bytes) -> ContestState:
    """A contest package or an Italian contest: names and contents in turn, with zero bytes between them."""
    pieces = data.split(SEPARATOR)
    with tempfile.TemporaryDirectory() as room:
        path = Path(room) / "contest.zip"
        files = {
            name.decode("utf-8", "replace"): content for name, content in zip(pieces[::2], pieces[1::2], strict=False)
        }
        path.write_bytes(zipped(files))
        return _folded(read_contest(path))


def package_archive(data: bytes) -> ContestState:
    """The bytes of an archive that says to be a package."""
    with tempfile.TemporaryDirectory() as room:
        path = Path(room) / "contest.zip"
        path.write_bytes(data)
        return _folded(read_contest(path))


def archive(data: bytes) -> object:
    """The archive of a submission, by the fast reader and by the library, which must agree."""
    found = checked_archive(data, code_limit_kib=64)
    with zipfile.ZipFile(io.BytesIO(data)) as read:
        names = [each.orig_filename for each in read.infolist() if not each.is_dir()]
    assert [each.filename for each in found] == names
    assert sum(each.size_bytes for each in found) <= 64 * 1024
    return found


def picture_bytes(data: bytes) -> object:
    """A file that says to be a picture, a PDF or an archive."""
    look_at(data)
    mime_of(data)
    for mime in MIMES:
        if check_content(mime, data) is None:
            size, wrong = checked_size(mime, data)
            if size is not None and wrong is None:
                reference = FileReference(
                    filename="logo", mime=mime, width=size.width, height=size.height, content="0" * 64
                )
                with_sizes([Upload(reference, data)])
    return None


def logged_event(data: bytes) -> object:
    """A row of the log, as somebody may have put it there: a type, a line break, an object."""
    type_name, _, content = data.partition(b"\n")
    event = Event(
        stream="contest:fuzz",
        position=1,
        type=type_name.decode("utf-8", "replace"),
        id="x",
        data=content,
        recorded_at_us=1,
        actor="a",
        cause="c",
        version=1,
        chain=b"\0" * 32,
    )
    return decoded(event)


def zipped(files: Mapping[str, bytes]) -> bytes:
    """A zip archive."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as made:
        for name, content in files.items():
            made.writestr(zipfile.ZipInfo(name), content, zipfile.ZIP_DEFLATED)
    return stream.getvalue()


def _tarred(files: Mapping[str, bytes]) -> bytes:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w:gz") as made:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            made.addfile(member, io.BytesIO(content))
    return stream.getvalue()


def _lines(*notifications: object) -> bytes:
    return b"\n".join(json.dumps(each).encode() for each in notifications) + b"\n"


_OBJECTS: tuple[tuple[str, dict[str, object]], ...] = (
    ("contest", CONTEST),
    ("judgement-types", ACCEPTED),
    ("judgement-types", WRONG),
    ("languages", CPP),
    ("problems", PROBLEM),
    ("teams", TEAM),
    ("state", STATE),
    ("submissions", SUBMISSION),
    ("judgements", {**JUDGEMENT, "judgement_type_id": "WA", "end_time": "2024-01-01T10:10:09.000+01:00"}),
)
FEEDS = (
    _lines(*({"type": name, "id": each.get("id"), "data": each, "token": "1"} for name, each in _OBJECTS)),
    _lines(*({"type": name, "id": each.get("id"), "op": "create", "data": each} for name, each in _OBJECTS)),
    _lines(*({"event": name, "id": each.get("id"), "data": each} for name, each in _OBJECTS)),
    _lines(
        *({"type": name, "id": None, "data": [each]} for name, each in _OBJECTS if name != "contest"),
        {"type": "contests", "id": "c1", "data": {**CONTEST, "penalty_time": 20}},
        {"type": "teams", "id": "t1", "data": None},
    ),
)
PACKAGES = (
    {
        "api.json": b'{"version": "draft"}',
        "contest.json": json.dumps(CONTEST).encode(),
        "problems.json": json.dumps([PROBLEM]).encode(),
        "teams.json": json.dumps([TEAM]).encode(),
        "languages.json": json.dumps([CPP]).encode(),
        "judgement-types.json": json.dumps([ACCEPTED, WRONG]).encode(),
        "submissions.json": json.dumps([SUBMISSION]).encode(),
        "state.json": json.dumps(STATE).encode(),
        "event-feed.ndjson": FEEDS[0],
    },
    {
        "contest.yaml": b"name: Contest\nduration: 5:00:00\nstart-time: 2024-01-01T10:00:00+01:00\n",
        "teams.tsv": b"1\tx",
    },
    {
        "contest.yaml": b"name: oii\ndescription: Olimpiadi\ntasks: [somma]\nusers:\n- username: anna\n  password: x\n"
        b"token_mode: disabled\nstart: 1700000000\nstop: 1700018000\n",
        "somma/task.yaml": b"name: somma\ntitle: Somma\ntime_limit: 1.0\nscore_precision: 2\n",
        "somma/gen/GEN": b"#ST: 40\n1\n#ST: 60\n2\n3\n",
        "somma/statement/statement.pdf": b"%PDF-1.4",
    },
)
_MINES = ({"main.py": b"print(1)"}, {"a/b.cpp": b"int main(){}", "c.h": b"x" * 99}, {"x/": b""})
_SVG = b'<svg xmlns="http://www.w3.org/2000/svg" width="10" height="20" viewBox="0 0 1 2"><g/></svg>'
WORDS = (
    *(name.encode() for name in OBJECT_TYPES),
    *(b'"%s"' % name.encode() for row in OBJECT_TYPES.values() for name in row.properties),
    b"null", b"true", b"[]", b"{}", b"-1", b"1e999", b"0:00:00.000", b"2024-02-30T25:61:61Z", b'"\\ud800"', b"\n",
)  # fmt: skip


def _students() -> Callable[[bytes], object]:
    return read_student_list


SOURCE_TARGETS: Mapping[str, Target] = {
    "feed": Target(parse=feed, refusals=(SourceRefused,), seeds=FEEDS, words=WORDS),
    "package": Target(
        parse=package,
        refusals=(SourceRefused,),
        seeds=[
            SEPARATOR.join(part for pair in each.items() for part in (pair[0].encode(), pair[1])) for each in PACKAGES
        ],
        words=(*WORDS, *(name.encode() for each in PACKAGES for name in each), SEPARATOR),
        bytes_max=8192,
    ),
    "package archive": Target(
        parse=package_archive, refusals=(SourceRefused,), seeds=[zipped(each) for each in PACKAGES], bytes_max=8192
    ),
    "yaml": Target(
        parse=decode_yaml,
        refusals=(Unreadable,),
        seeds=(b"a: &x [1, 2]\nb: *x\n", b"- ? [1]\n  : |\n    x\n", b"%YAML 1.2\n---\n!!set {a}\n", b"<<: {a: 1}"),
        words=(b"&a ", b"*a", b"!!python/object:os.system ", b"? ", b"<<: ", b"- ", b": ", b"---\n", b"...\n", b"|\n"),
    ),
    "archive": Target(parse=archive, refusals=(Refused, zipfile.BadZipFile), seeds=[zipped(each) for each in _MINES]),
    "plain archive": Target(parse=lambda data: plain_entries(data, 100), seeds=[zipped(each) for each in _MINES]),
    "archive of CMS": Target(
        parse=lambda data: unpacked(data, 3),
        refusals=(Unacceptable,),
        seeds=[*(zipped(each) for each in _MINES), *(_tarred(each) for each in _MINES)],
    ),
    "picture": Target(
        parse=picture_bytes,
        refusals=(Refused,),
        seeds=(picture(4, 4), _SVG, b"%PDF-1.7\n", b"GIF89a\x01\x00\x01\x00", b"\xff\xd8\xff\xe0\x00\x10JFIF"),
        words=(b"<!DOCTYPE x [<!ENTITY a 'b'>]>", b"&a;", b"IHDR", b"IDAT", b"<svg", b"viewBox='0 0 1e9 1e9'"),
        memory_bytes_max=96 * 1024 * 1024,
    ),
    "list of students": Target(
        parse=_students(),
        refusals=(Refused, LinesRefused),
        seeds=(b"name,email,phoneNo,codeforcesHandle\nAda,ada@example.org,1,Petr\n", b'name,"em\nail"\n'),
        words=(b'"', b",", b"\r\n", b"\xef\xbb\xbf", b"codeforcesHandle"),
    ),
    "row of the log": Target(
        parse=logged_event,
        refusals=(UnreadableEvent,),
        seeds=[*(b"%s\n%s" % (name.encode(), json.dumps(each).encode()) for name, each in _OBJECTS), b"x-settings\n{}"],
        words=(*WORDS, *(name.encode() for name in RECORD_TYPES), msgspec.json.encode({"clock": True})),
    ),
}
"""By name."""

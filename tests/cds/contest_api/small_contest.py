"""A small contest with something of everything, written by hand so that every expectation can be read off it.

Teams t1 and t2 are on the main scoreboard, t3 is a guest. The freeze is an hour long: s1 to s3 were submitted before
it, s4 and s5 in it, s6 before the start, s7 after the end, s8 without a team. This module knows the contest alone.
"""

from collections.abc import Iterator
from functools import cache
from hashlib import md5, sha256
from io import BytesIO
from typing import Literal, TypedDict
from zipfile import ZipFile, ZipInfo

import msgspec
from PIL import Image

from cds.packages.contents import Change, ContestContents, PackageFile
from schemas.object_types import OBJECT_TYPES, SINGLETON_ID
from schemas.objects import (
    Account,
    Award,
    Clarification,
    Commentary,
    Contest,
    ContestObject,
    Group,
    Judgement,
    JudgementType,
    Language,
    Organization,
    Person,
    PersonRole,
    Problem,
    Run,
    State,
    Submission,
    Team,
)
from schemas.properties import FileReference, Location, TeamLocation
from schemas.times import format_relative_time, format_time, parse_time_ms
from tests.cds.contest_api.serving import Login, as_change, quick_hash

Phase = Literal["before", "running", "frozen", "over"]

START = "2031-05-17T08:00:00.000Z"
FREEZE_MINUTES = 240
DURATION_MINUTES = 300

ROLE_OF_ACCOUNT = {
    "team-one": "team",
    "team-two": "team",
    "team-three": "team",
    "proxy": "proxy",
    "coach": "public",
    "analyst": "analyst",
    "judge": "judge",
    "staff": "staff",
    "chief": "admin",
}
"""The accounts of the contest, by user name, and the role each has there."""

TEAM_OF_ACCOUNT = {"team-one": "t1", "team-two": "t2", "team-three": "t3"}


def login(contest_id: str, username: str) -> Login:
    """How an account of a small contest logs in."""
    return f"{username}@{contest_id}", f"password of {username} in {contest_id}"


class FilesInMemory:
    """The bytes of files by path."""

    def __init__(self) -> None:
        """No files yet."""
        self.by_path: dict[str, bytes] = {}
        self.by_address: dict[str, PackageFile] = {}

    def read(self, path: str, bytes_max: int) -> bytes:
        """The bytes of a file."""
        return self.by_path[path][:bytes_max]

    def keep(self, filename: str, mime: str, content: bytes, *, side: int | None = None) -> FileReference:
        """Keep a file and make the reference to it."""
        address = sha256(content).hexdigest()
        self.by_path[address] = content
        self.by_address[address] = PackageFile(address=address, size_bytes=len(content), path=address, package=self)
        return FileReference(
            filename=filename,
            hash=md5(content, usedforsecurity=False).hexdigest(),
            mime=mime,
            width=side,
            height=side,
            content=address,
        )

    def picture(self, filename: str, side: int, colour: str) -> FileReference:
        """A square picture."""
        stream = BytesIO()
        Image.new("RGB", (side, side), colour).save(stream, "PNG")
        return self.keep(filename, "image/png", stream.getvalue(), side=side)

    def archive(self, filename: str, member: str, text: str) -> FileReference:
        """A zip archive with one member."""
        stream = BytesIO()
        with ZipFile(stream, "w") as archive:
            archive.writestr(ZipInfo(member, (2031, 5, 17, 0, 0, 0)), text)
        return self.keep(filename, "application/zip", stream.getvalue())


class When(TypedDict):
    """The two properties that say when something happened."""

    time: str
    contest_time: str


def at(minutes: float) -> When:
    """`time` and `contest_time` of something that happened so many minutes after the start."""
    return When(time=moment(minutes), contest_time=format_relative_time(round(minutes * 60_000)))


def moment(minutes: float) -> str:
    """The wall-clock time so many minutes after the start."""
    return format_time(parse_time_ms(START) + round(minutes * 60_000))


def state(**reached_after_minutes: float) -> State:
    """The state in which these moments have been reached, all others not."""
    return msgspec.convert(
        {
            name: moment(reached_after_minutes[name]) if name in reached_after_minutes else None
            for name in OBJECT_TYPES["state"].time_properties
        },
        State,
    )


STATES: dict[Phase, dict[str, float]] = {
    "before": {},
    "running": {"started": 0},
    "frozen": {"started": 0, "frozen": FREEZE_MINUTES},
    "over": {
        "started": 0,
        "frozen": FREEZE_MINUTES,
        "ended": DURATION_MINUTES,
        "finalized": DURATION_MINUTES + 10,
        "thawed": DURATION_MINUTES + 20,
    },
}


@cache
def small_contest(contest_id: str = "small", phase: Phase = "frozen", *, closed: bool = False) -> ContestContents:
    """The contest as it stands in a phase; `closed` sets the end of updates after `over`."""
    files = FilesInMemory()
    changes = [as_change(instance) for instance in _history(contest_id, phase, files)]
    if closed:
        changes.append(as_change(state(**STATES["over"], end_of_updates=DURATION_MINUTES + 30)))
    final: dict[str, dict[str, ContestObject]] = {name: {} for name in OBJECT_TYPES}
    for change in changes:
        assert change.instance is not None
        final[change.type][change.id] = change.instance
    return ContestContents(
        contest_id=contest_id,
        changes=changes,
        final=final,
        spoken_of=frozenset(OBJECT_TYPES),
        files=files.by_address,
        passwords={username: quick_hash(login(contest_id, username)[1]) for username in ROLE_OF_ACCOUNT},
        warnings=[],
    )


def final_of(contents: ContestContents, type_name: str, identifier: str = SINGLETON_ID) -> ContestObject:
    """One object as it stands at the end."""
    return contents.final[type_name][identifier]


def altered(contents: ContestContents, type_name: str, identifier: str, **changed: object) -> Change:
    """The change of some properties of an object as it stands at the end."""
    instance = msgspec.structs.replace(final_of(contents, type_name, identifier), **changed)
    return Change(type_name, identifier, instance)


def _history(contest_id: str, phase: Phase, files: FilesInMemory) -> Iterator[ContestObject]:
    yield from _configuration(contest_id, files)
    yield state()
    yield from _accounts(contest_id)
    yield from _before_start(files)
    if phase == "before":
        return
    yield state(**STATES["running"])
    yield from _until_freeze(files)
    if phase == "running":
        return
    yield state(**STATES["frozen"])
    yield from _in_freeze(files)
    if phase == "frozen":
        return
    yield state(**STATES["frozen"], ended=DURATION_MINUTES)
    yield from _after_end(files)
    yield state(**STATES["over"])


def _configuration(contest_id: str, files: FilesInMemory) -> Iterator[ContestObject]:
    contest = Contest(
        id=contest_id,
        name=f"Small Contest {contest_id}",
        start_time=START,
        duration="5:00:00.000",
        scoreboard_freeze_duration="1:00:00.000",
        scoreboard_type="pass-fail",
        penalty_time="0:20:00.000",
        banner=[files.picture("banner.png", 64, "navy")],
        logo=[files.picture("logo.png", 16, "gold")],
    )
    yield contest
    yield Group(id="main", name="Main Site", type="site", location=Location(latitude=48.5, longitude=9))
    yield Group(id="guests", name="Guests")
    yield msgspec.structs.replace(contest, main_scoreboard_group_id="main")
    for identifier, name, solved, penalty, outside in (
        ("AC", "Accepted", True, False, "AC"),
        ("RE", "Rejected", False, True, "RE"),
        ("WA", "Wrong Answer", False, True, "RE"),
        ("TLE", "Time Limit Exceeded", False, True, "RE"),
        ("CE", "Compile Error", False, False, "CE"),
    ):
        yield JudgementType(
            id=identifier, name=name, solved=solved, penalty=penalty, simplified_judgement_type_id=outside
        )
    yield Language(id="cpp", name="C++", entry_point_required=False, extensions=["cc", "cpp"])
    yield Language(
        id="java", name="Java", entry_point_required=True, entry_point_name="Main class", extensions=["java"]
    )
    for ordinal, (identifier, name) in enumerate((("apples", "Apples"), ("bridges", "Bridges"))):
        yield Problem(
            id=identifier,
            uuid=f"0b9d4a5e-3c2f-4f0a-9d3e-00000000000{ordinal}",
            label="AB"[ordinal],
            name=name,
            ordinal=ordinal,
            rgb="#ff0000",
            color="red",
            time_limit=2.5,
            test_data_count=2,
            package=[files.archive("package.zip", "problem.yaml", identifier)],
            statement=[files.keep("statement.pdf", "application/pdf", b"%PDF-1.4 " + name.encode())],
            attachments=[
                files.keep("sample.in", "text/plain", b"1\n"),
                files.keep("notes for you.txt", "text/plain", b"two words\n"),
            ],
        )
    for identifier in ("north", "south"):
        yield Organization(
            id=identifier,
            name=f"University of the {identifier.title()}",
            country="DEU",
            logo=[files.picture("logo.56.png", 56, "green"), files.picture("logo.160.png", 160, "green")],
        )
    yield Team(
        id="t1",
        name="Älpha",
        label="1",
        organization_id="north",
        group_ids=["main"],
        location=TeamLocation(x=1, y=2.5, rotation=90),
        photo=[files.picture("photo.png", 32, "white")],
        backup=[files.archive("backup.zip", "home.txt", "home")],
        key_log=[files.keep("keys.txt", "text/plain", b"keys")],
        tool_data=[files.keep("tools.txt", "text/plain", b"tools")],
        desktop=[_stream("desktop")],
        webcam=[_stream("webcam")],
        audio=[FileReference(filename="audio.m3u8", mime="application/vnd.apple.mpegurl", href=_stream_url("audio"))],
    )
    yield Team(id="t2", name="Beta", label="2", organization_id="south", group_ids=["main"], desktop=[_stream("two")])
    yield Team(id="t3", name="Gamma", label="3", group_ids=["guests"])
    yield Person(
        id="ada",
        name="Ada",
        email="ada@example.com",
        sex="female",
        icpc_id="9001",
        roles=[PersonRole(type="contestant", team_id="t1")],
        photo=[files.picture("ada.png", 8, "pink")],
    )
    yield Person(id="bob", name="Bob", email="bob@example.com", roles=[PersonRole(type="contestant", team_id="t2")])
    yield Person(id="cleo", name="Cleo", roles=[PersonRole(type="staff", title="Commentator")])


def _accounts(contest_id: str) -> Iterator[ContestObject]:
    for username, role in ROLE_OF_ACCOUNT.items():
        yield Account(
            id=username,
            username=login(contest_id, username)[0],
            type="coach" if username == "coach" else role,
            team_id=TEAM_OF_ACCOUNT.get(username),
            person_id="cleo" if username == "analyst" else None,
        )


def _before_start(files: FilesInMemory) -> Iterator[ContestObject]:
    yield Award(id="winner", citation="Winner", team_ids=[])
    for problem in ("apples", "bridges"):
        yield Award(id=f"first-to-solve-{problem}", citation=f"First to solve {problem}", team_ids=[])
    yield _submission("s6", "t1", "apples", -10, files)
    yield Clarification(id="c0", text="The doors open at nine.", **at(-60))


def _until_freeze(files: FilesInMemory) -> Iterator[ContestObject]:
    yield _submission("s1", "t1", "apples", 30, files)
    yield from _judged("j1", "s1", "WA", 30, runs=("AC", "WA"))
    yield _submission("s2", "t1", "apples", 60, files)
    yield from _judged("j2", "s2", "AC", 60, runs=("AC", "AC"))
    yield Award(id="first-to-solve-apples", citation="First to solve apples", team_ids=["t1"])
    yield Award(id="winner", citation="Winner", team_ids=["t1"])
    yield _submission("s3", "t2", "apples", 120, files, language_id="java", entry_point="Main")
    yield from _judged("j3", "s3", "AC", 120, runs=("AC", "AC"))
    yield _submission("s8", None, "apples", 125, files)
    yield from _judged("j8", "s8", "AC", 125, runs=())
    yield Clarification(id="c1", from_team_id="t1", problem_id="apples", text="Are apples round?", **at(20))
    yield Clarification(id="c2", to_team_ids=["t1"], reply_to_id="c1", problem_id="apples", text="Yes.", **at(25))
    yield Clarification(id="c3", reply_to_id="c1", problem_id="apples", text="Apples are round.", **at(28))
    yield Clarification(id="c4", to_group_ids=["guests"], text="Guests, welcome.", **at(40))
    yield Clarification(id="c5", from_team_id="t2", text="May we eat?", **at(50))
    yield Commentary(
        id="m1",
        message="{t:t1} solves {p:apples}",
        tags=["submission"],
        source_id="cleo",
        team_ids=["t1"],
        problem_ids=["apples"],
        submission_ids=["s2"],
        **at(61),
    )


def _in_freeze(files: FilesInMemory) -> Iterator[ContestObject]:
    yield _submission("s4", "t2", "bridges", 250, files)
    yield from _judged("j4", "s4", "AC", 250, runs=("AC", "AC"))
    yield Award(id="first-to-solve-bridges", citation="First to solve bridges", team_ids=["t2"])
    yield Award(id="winner", citation="Winner", team_ids=["t2"])
    yield _submission("s5", "t1", "bridges", 260, files)
    yield from _judged("j5", "s5", "TLE", 260, runs=("AC", "TLE"))
    yield Commentary(id="m2", message="A surprise", tags=[], team_ids=["t2"], submission_ids=["s4"], **at(251))


def _after_end(files: FilesInMemory) -> Iterator[ContestObject]:
    yield _submission("s7", "t1", "bridges", DURATION_MINUTES + 1, files)


def _submission(
    identifier: str,
    team_id: str | None,
    problem_id: str,
    minutes: float,
    files: FilesInMemory,
    *,
    language_id: str = "cpp",
    entry_point: str | None = None,
) -> Submission:
    return Submission(
        id=identifier,
        language_id=language_id,
        problem_id=problem_id,
        team_id=team_id,
        entry_point=entry_point,
        files=[files.archive(f"{identifier}.zip", "source.txt", f"source of {identifier}")],
        reaction=[_stream(f"reaction-{identifier}")],
        **at(minutes),
    )


def _judged(
    identifier: str, submission_id: str, type_id: str, minutes: float, runs: tuple[str, ...]
) -> Iterator[ContestObject]:
    """A judgement as it begins, its runs, and its verdict."""
    pending = Judgement(id=identifier, submission_id=submission_id, start_time=moment(minutes + 0.1))
    yield pending
    for ordinal, run_type_id in enumerate(runs, start=1):
        yield Run(
            id=f"{identifier}r{ordinal}",
            judgement_id=identifier,
            ordinal=ordinal,
            judgement_type_id=run_type_id,
            time=moment(minutes + 0.2),
            run_time=0.125,
        )
    yield msgspec.structs.replace(
        pending, judgement_type_id=type_id, end_time=moment(minutes + 0.5), max_run_time=0.125
    )


def _stream(name: str) -> FileReference:
    """A stream that is offered by another server."""
    return FileReference(filename=f"{name}.m3u8", mime="application/vnd.apple.mpegurl", href=_stream_url(name))


def _stream_url(name: str) -> str:
    return f"https://streams.example.com/{name}.m3u8"

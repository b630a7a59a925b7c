"""A small intact contest with objects of every type, and a driver that plays changes to every audience at once.

The driver does what a live contest does (apply, tell the audiences, flush) without a store or a loop, so that
properties can be checked after every single event.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import Literal

import msgspec

from cds.commands.decision import ObjectChange
from eventstore.chain import GENESIS, Origin, next_chain
from eventstore.store import EVENT_VERSION
from projections.audience import Audience
from projections.contest import Change, ContestState
from projections.feed_lines import ALL_TYPES_MASK, FeedLines
from projections.served_versions import DRAFT, ServedVersion
from projections.tokens import CHAIN_BYTES, Place, TokenMaker, TokenRefused
from projections.versioned_audience import audience_of
from projections.visibility import VIEW_VERSION
from schemas.object_types import OBJECT_TYPES, SINGLETON_ID, TYPE_OF_STRUCTURE, TYPE_ORDER, object_key
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
from schemas.properties import FileReference
from schemas.times import format_relative_time, format_time, parse_relative_time_ms, parse_time_ms, zone_of
from schemas.viewers import ROLES, Role

START = "2026-03-01T10:00:00.000+01:00"
KEY = bytes(range(32))
STREAM = "contest:finals"
PACKAGE = "c" * 64

NOTHING_HAPPENED = State(started=None, frozen=None, ended=None, thawed=None, finalized=None, end_of_updates=None)


class Reader(msgspec.Struct, frozen=True):
    """Somebody who reads: a role, and the team where the role is team."""

    role: Role
    team_id: str | None = None


TEAM_READERS = tuple(Reader("team", team_id) for team_id in ("t1", "t2", "t3", "t4", None))
"""t4 does not exist at first, and an account of a team may name none."""

READERS = (*(Reader(role) for role in ROLES if role != "team"), *TEAM_READERS)


def moment(contest_time: str) -> str:
    """The wall-clock time of a contest time, without removed intervals."""
    return format_time(parse_time_ms(START) + parse_relative_time_ms(contest_time), zone_of(START))


def put(*instances: ContestObject) -> list[ObjectChange]:
    """The changes that create or replace objects."""
    rows = ((TYPE_OF_STRUCTURE[type(instance)], instance) for instance in instances)
    return [ObjectChange(row.name, object_key(row, instance), instance) for row, instance in rows]


def gone(type_name: str, identifier: str = SINGLETON_ID) -> ObjectChange:
    """The change that deletes an object."""
    return ObjectChange(type_name, identifier, None)


def file(filename: str, mime: str, *, href: str | None = None) -> list[FileReference]:
    """One file that is kept here, or (with `href`) a stream that stays where it is."""
    return [FileReference(filename=filename, mime=mime, href=href, content=None if href else PACKAGE)]


def image(filename: str) -> list[FileReference]:
    """One picture."""
    return [FileReference(filename=filename, mime="image/png", width=64, height=64, content="a" * 64)]


def state(**moments: str | None) -> State:
    """The state of a contest in which nothing has happened but what is named."""
    return msgspec.structs.replace(NOTHING_HAPPENED, **moments)


CONTEST = Contest(
    id="finals",
    name="Finals",
    start_time=START,
    duration="5:00:00.000",
    scoreboard_freeze_duration="1:00:00.000",
    scoreboard_type="pass-fail",
    penalty_time="0:20:00.000",
    logo=image("logo.png"),
)


def team(identifier: str, groups: list[str] | None) -> Team:
    """A team with every file there is."""
    streams = {name: file(name, "video/m2ts", href=f"https://cam/{identifier}") for name in ("desktop", "webcam")}
    return Team(
        id=identifier,
        name=f"Team {identifier}",
        label=identifier,
        organization_id="uni",
        group_ids=groups,
        photo=image("photo.png"),
        desktop=streams["desktop"],
        webcam=streams["webcam"],
        audio=file("audio", "audio/mp4", href=f"https://mic/{identifier}"),
        backup=file("backup.zip", "application/zip"),
        key_log=file("key_log.txt", "text/plain"),
        tool_data=file("tool_data.txt", "text/plain"),
    )


def problem(identifier: str, ordinal: int) -> Problem:
    """A problem with its package and its statement."""
    return Problem(
        id=identifier,
        label=identifier.upper(),
        name=f"Problem {identifier}",
        ordinal=ordinal,
        time_limit=2,
        test_data_count=3,
        package=file("package.zip", "application/zip"),
        statement=file("statement.pdf", "application/pdf"),
    )


def person(identifier: str, role: Literal["contestant", "coach", "staff"], team_id: str | None) -> Person:
    """A person with everything that is private."""
    return Person(
        id=identifier,
        icpc_id=f"9{identifier}",
        name=f"Person {identifier}",
        email=f"{identifier}@example.org",
        sex="female",
        roles=[PersonRole(type=role, team_id=team_id)],
        photo=image("photo.png"),
    )


def submission(identifier: str, team_id: str | None, problem_id: str, contest_time: str) -> Submission:
    """A submission with its archive and a film of the team's reaction."""
    return Submission(
        id=identifier,
        language_id="cpp",
        problem_id=problem_id,
        team_id=team_id,
        account_id=None if team_id is None else "account-t1",
        time=moment(contest_time),
        contest_time=contest_time,
        entry_point=None,
        files=file("files.zip", "application/zip"),
        reaction=file("reaction", "video/m2ts", href=f"https://reactions/{identifier}"),
    )


def judgement(identifier: str, submission_id: str, verdict: str | None, at: str) -> Judgement:
    """A judgement that begins at a contest time; with a verdict it ends ten seconds later."""
    ended = format_relative_time(parse_relative_time_ms(at) + 10_000)
    return Judgement(
        id=identifier,
        submission_id=submission_id,
        judgement_type_id=verdict,
        current=True,
        start_time=moment(at),
        end_time=None if verdict is None else moment(ended),
        max_run_time=None if verdict is None else 0.25,
    )


def run(identifier: str, judgement_id: str, ordinal: int, verdict: str, at: str) -> Run:
    """The outcome of one test case."""
    return Run(
        id=identifier,
        judgement_id=judgement_id,
        ordinal=ordinal,
        judgement_type_id=verdict,
        time=moment(at),
        run_time=0.125,
    )


def clarification(
    identifier: str,
    *,
    from_team: str | None = None,
    to_teams: list[str] | None = None,
    to_groups: list[str] | None = None,
    reply_to: str | None = None,
    problem_id: str | None = None,
) -> Clarification:
    """A clarification at two hours; from nobody to nobody it is for all."""
    return Clarification(
        id=identifier,
        from_team_id=from_team,
        to_team_ids=to_teams,
        to_group_ids=to_groups,
        reply_to_id=reply_to,
        problem_id=problem_id,
        text=f"Text of {identifier}",
        time=moment("2:00:00.000"),
        contest_time="2:00:00.000",
    )


def setup() -> list[ObjectChange]:
    """Everything that stands before a contest starts, what is named before what names it."""
    return put(
        CONTEST,
        NOTHING_HAPPENED,
        JudgementType(id="NO", name="no", penalty=True, solved=False),
        JudgementType(id="AC", name="correct", penalty=False, solved=True),
        JudgementType(id="WA", name="wrong", penalty=True, solved=False, simplified_judgement_type_id="NO"),
        JudgementType(id="CE", name="compiler error", penalty=False, solved=False),
        Language(id="cpp", name="C++", entry_point_required=False, extensions=["cpp"]),
        Language(id="python", name="Python", entry_point_required=True, entry_point_name="Main", extensions=["py"]),
        problem("a", 0),
        problem("b", 1),
        Group(id="main", name="Main"),
        Group(id="guests", name="Guests"),
        Organization(id="uni", name="University", country="NLD", logo=image("logo.png")),
        team("t1", ["main"]),
        team("t2", ["main"]),
        team("t3", ["guests"]),
        person("p1", "contestant", "t1"),
        person("p2", "coach", "t2"),
        person("p3", "staff", None),
        Account(id="account-t1", username="team1", type="team", team_id="t1", ip="10.0.0.1"),
        Account(id="account-admin", username="root", type="admin", person_id="p3"),
        msgspec.structs.replace(CONTEST, main_scoreboard_group_id="main"),
        Award(id="first-to-solve-a", citation="First to solve A", team_ids=[]),
    )


def running() -> list[ObjectChange]:
    """What has happened by the fourth hour of the contest, the first submission of the freeze among it."""
    return put(
        state(started=START),
        submission("s1", "t1", "a", "0:30:00.000"),
        judgement("j1", "s1", None, "0:30:01.000"),
        run("r1", "j1", 1, "AC", "0:30:02.000"),
        judgement("j1", "s1", "AC", "0:30:01.000"),
        submission("s2", "t2", "b", "3:59:59.999"),
        judgement("j2", "s2", "WA", "4:00:10.000"),
        run("r2", "j2", 1, "WA", "4:00:11.000"),
        Award(id="winner", citation="Winner", team_ids=["t1"]),
        submission("s3", "t3", "b", "4:00:00.000"),
        judgement("j3", "s3", "WA", "4:00:20.000"),
        run("r3", "j3", 1, "WA", "4:00:21.000"),
        submission("s4", None, "a", "1:00:00.000"),
        clarification("question", from_team="t1", problem_id="a"),
        clarification("reply", reply_to="question", to_teams=["t1"], problem_id="a"),
        clarification("announcement"),
        clarification("to-t2", to_teams=["t2"]),
        clarification("to-guests", to_groups=["guests"]),
        Commentary(
            id="k1",
            time=moment("2:00:00.000"),
            contest_time="2:00:00.000",
            message="{t:t1} solved {p:a}",
            tags=["submission"],
            source_id="p3",
            team_ids=["t1"],
            problem_ids=["a"],
            submission_ids=["s1"],
        ),
    )


def small_contest() -> list[ObjectChange]:
    """A contest with objects of every type, up to its freeze."""
    return [*setup(), *running()]


def encoded(instance: ContestObject | None) -> bytes | None:
    """An object as it stands in the log."""
    return None if instance is None else msgspec.json.encode(instance)


def types_mask(*type_names: str) -> int:
    """The mask of a feed limited to some types, of an unlimited one without any."""
    return sum(1 << TYPE_ORDER[name] for name in type_names) if type_names else ALL_TYPES_MASK


class Played:
    """A contest that every audience watches. `chains` holds the chain value at every position, as a store makes it.

    With `chains` given beforehand those are used: two histories that differ in what is hidden can then be
    compared token by token.
    """

    def __init__(
        self,
        changes: Iterable[ObjectChange] = (),
        *,
        roles: Sequence[Role] = ROLES,
        chains: Sequence[bytes] = (),
        stream: str = STREAM,
        key: bytes = KEY,
        version: ServedVersion = DRAFT,
    ) -> None:
        self.state = ContestState()
        self.tokens = TokenMaker(key)
        self.stream = stream if version is DRAFT else f"{stream}@{version.name}"
        self.chains: list[bytes] = []
        self._given_chains = chains
        self._feeds = {role: FeedLines(self.tokens) for role in roles}
        self.audiences = {role: audience_of(role, version, lines) for role, lines in self._feeds.items()}
        self.play(changes)

    def apply(self, change: ObjectChange) -> Change:
        """Take in one change without flushing."""
        position = self.state.position + 1
        applied = self.state.apply(position, change.type, change.id, change.instance)
        chain = self._chain(position, change)
        self.chains.append(chain)
        for audience in self.audiences.values():
            audience.advance(self.state, applied, chain)
        return applied

    def flush(self) -> None:
        """Publish the lines drafted so far."""
        for lines in self._feeds.values():
            lines.flush()

    def play(self, changes: Iterable[ObjectChange]) -> None:
        """Take in changes and publish them together."""
        for change in changes:
            self.apply(change)
        self.flush()

    def chunks(self, reader: Reader, after: int = 0, mask: int = ALL_TYPES_MASK) -> Iterator[bytes]:
        """The feed of a reader behind a place, in the pieces in which it is sent."""
        lines, tag = self._feeds[reader.role], self.tokens.tag(self.view_name(reader), mask)
        while (chunk := lines.after(after, tag, mask, reader.team_id)) is not None:
            assert chunk.sequence > after
            after = chunk.sequence
            yield chunk.data

    def feed(self, reader: Reader, after: int = 0, mask: int = ALL_TYPES_MASK) -> bytes:
        """The feed of a reader behind a place."""
        return b"".join(self.chunks(reader, after, mask))

    def last_sequence(self, reader: Reader) -> int:
        """The place up to which the reader's audience has been told everything."""
        return self._feeds[reader.role].last_sequence

    def resume(self, reader: Reader, token: str, mask: int = ALL_TYPES_MASK) -> int:
        """The place behind which a reader goes on. Raises TokenRefused, as a live contest does."""
        place = self.tokens.read(token, self.view_name(reader), mask)
        if not 1 <= place.position <= self.state.position or place.chain_bits != self._chain_bits_at(place):
            raise TokenRefused("not of this log")
        return place.sequence

    def shown(self, reader: Reader) -> dict[str, dict[str, bytes]]:
        """What GET gives a reader: type → id → bytes, types without objects left out."""
        return shown_by(self.audiences[reader.role], self.state, reader)

    def view_name(self, reader: Reader) -> str:
        """What tokens are bound to."""
        return f"{VIEW_VERSION}/{self.stream}/{reader.role}/{reader.team_id or ''}"

    def _chain_bits_at(self, place: Place) -> bytes:
        return self.chains[place.position - 1][:CHAIN_BYTES]

    def _chain(self, position: int, change: ObjectChange) -> bytes:
        if self._given_chains:
            return self._given_chains[position - 1]
        origin = Origin(stream=self.stream, recorded_at_us=position, actor="test", cause="test", version=EVENT_VERSION)
        previous = self.chains[-1] if self.chains else GENESIS.chain
        return next_chain(previous, origin, position, change.type, change.id, encoded(change.instance))


def shown_by(audience: Audience, state: ContestState, reader: Reader) -> dict[str, dict[str, bytes]]:
    """What an audience shows a reader, asked object by object; types without objects are left out."""
    found = {
        name: {
            identifier: data
            for identifier in dict.fromkeys((*state.objects[name], *audience.shown[name]))
            if (data := audience.object((name, identifier), reader.team_id)) is not None
        }
        for name in OBJECT_TYPES
    }
    return {name: members for name, members in found.items() if members}

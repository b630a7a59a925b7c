"""Whatever roles.md hides from somebody may be different, or not be there: nobody of them can tell, in any history.

The law of the embargo (tests/projections/test_law_embargo) for everything else that is hidden: two random histories
differ in one kind of secret, and whoever must not see it gets the same feed but for the text of its tokens, the same
objects, boards and `access`. Which kinds there are, and from whom each is hidden, stands in SECRETS.
"""

import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import cast

import hypothesis
import msgspec
import pytest
from hypothesis import event, given
from hypothesis import strategies as st
from hypothesis.strategies import DrawFn

from cds.commands.decision import ObjectChange
from projections.access import access_of, extensions_shown
from projections.scoreboard import Board
from projections.tokens import TOKEN_CHARACTERS
from projections.visibility_table import SEES_LIVE_SCOREBOARD
from schemas.object_types import SINGLETON_ID
from schemas.objects import Account, Clarification, Commentary, Judgement, Person, Submission, Team
from schemas.records import AwardSettings, Login, Request, Settings
from tests.builders import Played, Reader, file, gone, judgement, moment, problem, put, run, submission
from tests.effort import examples
from tests.histories import MOVES, frozen_contest
from tests.strategies import World

TOKEN = re.compile(rb'"token":"([^"]*)"}\n')
PUBLIC_MOVES = ("submit", "judge", "settle", "rejudge", "run_test", "speak", "answer", "simplify", "change_groups")
STEPS_MAX = 8
EXAMPLES = 12
TEXTS = st.sampled_from(["a", "another text", "日本", None])
FILES = st.sampled_from(["a" * 64, "b" * 64, None])

Happening = Callable[[DrawFn, Sequence[ObjectChange]], list[ObjectChange]]


class Secret(msgspec.Struct, frozen=True):
    """What may happen without these readers being able to tell."""

    happening: Happening
    outsiders: tuple[Reader, ...]


def readers(*names: str) -> tuple[Reader, ...]:
    """Roles, and teams as `team t2`."""
    pairs = (name.partition(" ") for name in names)
    return tuple(Reader("team", team_id) if team_id else Reader(role) for role, _, team_id in pairs)  # type: ignore[arg-type]  # roles


OTHER_TEAMS = ("team t2", "team t3", "team t4")
ALL_TEAMS = ("team t1", *OTHER_TEAMS)


def _file(draw: DrawFn, name: str, mime: str) -> object:
    address = draw(FILES)
    return None if address is None else [msgspec.structs.replace(file(name, mime)[0], content=address)]


def the_team(told: Sequence[ObjectChange]) -> Team:
    """The team t1 as it is now: in which groups it is everybody sees."""
    return cast(
        "Team", next(change.instance for change in reversed(told) if change.id == "t1" and change.type == "teams")
    )


def private_data(draw: DrawFn, _told: Sequence[ObjectChange]) -> list[ObjectChange]:
    """Of the contestant of t1."""
    person = next(change.instance for change in frozen_contest() if change.id == "p1")
    sex = draw(st.sampled_from(["male", None]))
    return put(msgspec.structs.replace(cast("Person", person), email=draw(TEXTS), sex=sex, icpc_id=draw(TEXTS)))


def records(draw: DrawFn, told: Sequence[ObjectChange]) -> list[ObjectChange]:
    """What was recorded of a team's machine."""
    made = the_team(told)
    names = {"backup": "application/zip", "key_log": "text/plain", "tool_data": "text/plain"}
    return put(msgspec.structs.replace(made, **{name: _file(draw, name, mime) for name, mime in names.items()}))


def streams(draw: DrawFn, told: Sequence[ObjectChange]) -> list[ObjectChange]:
    """Where t1 can be watched in the freeze."""
    href = draw(TEXTS)
    film = None if href is None else file("film", "video/m2ts", href=f"https://cam/{len(href)}")
    return put(msgspec.structs.replace(the_team(told), desktop=film, webcam=film, audio=None))


def accounts(draw: DrawFn, _told: Sequence[ObjectChange]) -> list[ObjectChange]:
    """Another one, one that is gone, one that may not log in."""
    changed = Account(id="account-admin", username="root", type="admin", name=draw(TEXTS), ip=draw(TEXTS))
    hidden = Account(id="hidden", username="hidden", type="judge")
    record = Login(disabled=draw(st.booleans()), generation=draw(st.integers(0, 3)))
    return draw(st.sampled_from([put(changed), put(hidden), [*put(hidden), gone("accounts", "hidden")]])) + draw(
        st.sampled_from([[], [ObjectChange("x-logins", "account-admin", record)]])
    )


def questions(draw: DrawFn, _told: Sequence[ObjectChange]) -> list[ObjectChange]:
    """What t1 asks, and is answered."""
    asked = Clarification(
        id="hidden-question",
        from_team_id="t1",
        text=draw(TEXTS) or "",
        time=moment("2:10:00.000"),
        contest_time="2:10:00.000",
        problem_id=draw(st.sampled_from(["a", None])),
    )
    answer = msgspec.structs.replace(
        asked, id="hidden-answer", from_team_id=None, to_team_ids=["t1"], reply_to_id="hidden-question"
    )
    answered = put(asked, answer)
    return draw(st.sampled_from([put(asked), answered, [*answered, gone("clarifications", answer.id)]]))


def comments(draw: DrawFn, _told: Sequence[ObjectChange]) -> list[ObjectChange]:
    """What is said to those who comment, of a frozen submission too."""
    said = Commentary(
        id=draw(st.sampled_from(["hidden", "k1"])),
        time=moment("4:10:00.000"),
        contest_time="4:10:00.000",
        message=draw(TEXTS) or "",
        tags=[],
        submission_ids=draw(st.sampled_from([["s3"], None])),
    )
    return put(said)


def _submitted(identifier: str) -> Submission:
    return cast("Submission", next(each.instance for each in frozen_contest() if each.id == identifier))


def sources(draw: DrawFn, _told: Sequence[ObjectChange]) -> list[ObjectChange]:
    """What t1 handed in before the freeze."""
    files = _file(draw, "files.zip", "application/zip") or []
    return put(msgspec.structs.replace(_submitted("s1"), files=files, entry_point=draw(TEXTS)))


def reactions(draw: DrawFn, _told: Sequence[ObjectChange]) -> list[ObjectChange]:
    """How t3 took a verdict of the freeze."""
    href = draw(TEXTS)
    film = None if href is None else file("film", "video/m2ts", href=f"https://cam/{len(href)}")
    return put(msgspec.structs.replace(_submitted("s3"), reaction=film))


def packages(draw: DrawFn, _told: Sequence[ObjectChange]) -> list[ObjectChange]:
    """The package of a problem."""
    return put(msgspec.structs.replace(problem("a", 0), package=_file(draw, "package.zip", "application/zip")))


def nobodys(draw: DrawFn, _told: Sequence[ObjectChange]) -> list[ObjectChange]:
    """A submission of nobody, or outside the contest, and how it was judged."""
    owner, contest_time = draw(st.sampled_from([(None, "1:00:00.000"), ("t1", "-0:01:00.000"), ("t1", "5:00:01.000")]))
    made = submission("hidden", owner, "a", contest_time)
    judged: Judgement = judgement("j-hidden", "hidden", draw(st.sampled_from(["AC", "WA", None])), "4:10:00.000")
    tested = run("r-hidden", "j-hidden", 1, draw(st.sampled_from(["AC", "WA"])), "4:10:01.000")
    return put(made, *draw(st.sampled_from([(), (judged,), (judged, tested)])))


def settings(draw: DrawFn, _told: Sequence[ObjectChange]) -> list[ObjectChange]:
    """How the contest is run, and which requests were answered."""
    chosen = Settings(clock=draw(st.booleans()), awards=AwardSettings(computed=False, gold=draw(st.integers(0, 9))))
    answered = Request(fingerprint="f" * 32, type="clarifications", id="question")
    return [
        ObjectChange("x-settings", SINGLETON_ID, chosen),
        *draw(st.sampled_from([[], [ObjectChange("x-requests", "k" * 32, answered)]])),
    ]


SECRETS: Mapping[str, Secret] = {
    "private data": Secret(private_data, readers("public", "proxy", "analyst", *OTHER_TEAMS)),
    "records": Secret(records, readers("public", "proxy", "judge", "staff", *ALL_TEAMS)),
    "streams": Secret(streams, readers("public", "proxy", "analyst", *OTHER_TEAMS)),
    "accounts": Secret(accounts, readers("public", "proxy", "analyst", "judge", *ALL_TEAMS)),
    "questions": Secret(questions, readers("public", "proxy", *OTHER_TEAMS)),
    "comments": Secret(comments, readers("public", "proxy", *ALL_TEAMS)),
    "sources": Secret(sources, readers("public", "proxy", *OTHER_TEAMS)),
    "reactions": Secret(reactions, readers("public", "proxy", "analyst", "team t1", "team t2", "team t4")),
    "packages": Secret(packages, readers("public", "proxy", "analyst", *ALL_TEAMS)),
    "submissions of nobody": Secret(nobodys, readers("public", "proxy", "analyst", *OTHER_TEAMS)),
    "settings": Secret(settings, readers("public", "proxy", "analyst", "judge", *ALL_TEAMS)),
}


class Pair(msgspec.Struct, frozen=True):
    """Two histories, of which a failing test prints what follows their common beginning."""

    one: list[ObjectChange]
    other: list[ObjectChange]

    def __repr__(self) -> str:
        """As briefly as possible."""
        begun = len(frozen_contest())
        return "\n".join(msgspec.json.encode(side[begun:]).decode() for side in (self.one, self.other))


@st.composite
def pairs(draw: DrawFn, secret: Secret) -> Pair:
    """Two histories that are alike in all but the secret, which may happen several times, on either side or both."""
    world = World(frozen_contest())
    one, other = list(world.changes), list(world.changes)
    for kind in draw(st.lists(st.sampled_from([*PUBLIC_MOVES, *["secret"] * 6]), min_size=1, max_size=STEPS_MAX)):
        if kind == "secret":
            one += draw(st.booleans()) * secret.happening(draw, one)
            other += draw(st.booleans()) * secret.happening(draw, other)
            continue
        known = len(world.changes)
        MOVES[kind](draw, world)
        one += world.changes[known:]
        other += world.changes[known:]
    return Pair(one, other)


def without_tokens(feed: bytes) -> bytes:
    """A feed without the text of its tokens, all of which are of one length."""
    assert {len(token) for token in TOKEN.findall(feed)} <= {TOKEN_CHARACTERS}
    return TOKEN.sub(b"", feed)


def boards(played: Played, reader: Reader) -> Iterator[bytes]:
    """The boards that a reader may look at."""
    for frozen in {True, not SEES_LIVE_SCOREBOARD[reader.role]}:
        board = Board(played.state, frozen=frozen)
        yield from (board.scoreboard(group_id) for group_id in (None, *played.state.objects["groups"]))


@pytest.mark.parametrize("name", SECRETS)
def test_a_secret_may_be_another_one_and_nobody_can_tell(name: str) -> None:
    secret = SECRETS[name]
    reached: Counter[str] = Counter()

    @hypothesis.settings(max_examples=examples(EXAMPLES))
    @given(pairs(secret))
    def alike(pair: Pair) -> None:
        one, other = Played(pair.one), Played(pair.other)
        admin = Reader("admin")
        differs = one.shown(admin) != other.shown(admin) or one.state.position != other.state.position
        event(f"there is a difference: {differs}")
        reached["differs"] += differs
        for reader in secret.outsiders:
            assert without_tokens(one.feed(reader)) == without_tokens(other.feed(reader)), reader
            assert one.shown(reader) == other.shown(reader), reader
            assert list(boards(one, reader)) == list(boards(other, reader)), reader
            extended = [extensions_shown(reader.role, each.state, reader.team_id) for each in (one, other)]
            assert access_of(reader.role, extended=extended[0]) == access_of(reader.role, extended=extended[1]), reader

    alike()
    assert reached["differs"] > 0

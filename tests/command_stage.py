"""A contest on which commands are carried out by the pure decisions, as a server does it, without a store or a wire.

Before every command what the clock says is due happens, and after it the awards that the server keeps follow; each is
a batch of its own, which is applied and published whole. This module must not know which commands there are to draw.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import cast

import msgspec

from cds.commands.awards import decide_computed_awards
from cds.commands.configuring import RUN_HERE
from cds.commands.contest_clock import decide_start_time, decide_thaw_time, due_changes
from cds.commands.contest_settings import SettingsPatch, decide_settings
from cds.commands.contest_state import StatePatch, decide_pause, decide_resume, decide_state
from cds.commands.decision import UPDATES_ENDED, ObjectChange, Refused
from cds.commands.permissions import PERMISSIONS, Method
from cds.commands.properties import raw
from cds.commands.write import Write
from cds.commands.writing import decide_write
from projections.awards import computed_awards
from projections.contest import ContestState
from projections.integrity import Key
from projections.scoreboard import Board
from schemas.object_types import OBJECT_TYPES, SINGLETON_ID
from schemas.objects import Account, Submission
from schemas.times import parse_relative_time_ms, parse_time_ms
from schemas.viewers import ROLES, Role, Viewer
from tests.builders import START, Played, put

START_MS = parse_time_ms(START)

JsonObject = dict[str, object]

ACCOUNTS = put(
    Account(id="account-t2", username="team2", type="team", team_id="t2"),
    Account(id="account-t3", username="team3", type="team", team_id="t3"),
    Account(id="account-judge", username="judge", type="judge"),
    Account(id="account-proxy", username="proxy", type="proxy"),
    Account(id="account-analyst", username="analyst", type="analyst", person_id="p3"),
    Account(id="account-staff", username="staff", type="staff"),
)
"""Accounts of every role; those of team t1 and of the administrator are in the small contest."""

RUN_BY_THE_SERVER = ObjectChange("x-settings", SINGLETON_ID, RUN_HERE)

TEAMS = tuple(Viewer(role="team", team_id=f"t{number}", account_id=f"account-t{number}") for number in (1, 2, 3))
JUDGE = Viewer(role="judge", account_id="account-judge")
PROXY = Viewer(role="proxy", account_id="account-proxy")
ANALYST = Viewer(role="analyst", account_id="account-analyst")
STAFF = Viewer(role="staff", account_id="account-staff")
ADMIN = Viewer(role="admin", account_id="account-admin")


class Command(msgspec.Struct, frozen=True, kw_only=True):
    """Something that somebody asks for at a moment, in the words of the wire.

    `path` is a type of table one, or `settings`, `pause` and `resume`; an empty one only waits. `other_body` is what
    is asked for in its place in another history, which differs in nothing but verdicts that are hidden; `here_only`
    is asked for in one of the two alone.
    """

    kind: str
    now_ms: int
    viewer: Viewer = ADMIN
    method: Method = "POST"
    path: str = ""
    id: str = ""
    body: JsonObject = {}
    fresh_id: str = ""
    other_body: JsonObject | None = None
    here_only: bool = False

    @property
    def other(self) -> "Command":
        """The command of the other history."""
        return self if self.other_body is None else msgspec.structs.replace(self, body=self.other_body)


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """What became of a command: its changes and the object that it was about, or why it was refused."""

    changes: list[ObjectChange]
    key: Key | None = None
    refused: tuple[str, str, str | None] | None = None


def decided_changes(state: ContestState, command: Command) -> tuple[list[ObjectChange], Key | None]:
    """The changes that a command comes to, and the object that it is about. Raises Refused."""
    changes = _of_the_contest(state, command)
    if changes is not None:
        return changes, None
    row = OBJECT_TYPES[command.path]
    if command.method not in PERMISSIONS[command.viewer.role][row.name]:
        raise Refused("not allowed", ground="forbidden")
    write = Write(
        row=row,
        method=command.method,
        identifier="finals" if row.singleton else command.id,
        properties={name: raw(value) for name, value in command.body.items()},
        viewer=command.viewer,
        now_ms=command.now_ms,
        fresh_id=command.fresh_id,
    )
    written = decide_write(state, write)
    return written.changes, written.key


def _of_the_contest(state: ContestState, command: Command) -> list[ObjectChange] | None:
    """The changes of a command about the contest as a whole; None for any other command."""
    body, now_ms = command.body, command.now_ms
    whole: dict[str, Callable[[], list[ObjectChange]]] = {
        "": list,
        "state": lambda: decide_state(state, msgspec.convert(body, StatePatch), now_ms),
        "settings": lambda: decide_settings(state, msgspec.convert(body, SettingsPatch)),
        "pause": lambda: decide_pause(state, now_ms),
        "resume": lambda: decide_resume(state, now_ms),
    }
    if command.path in whole:
        return whole[command.path]()
    if command.path == "contest" and "start_time" in body:
        start = cast("str | None", body["start_time"])
        return decide_start_time(state, start, cast("str | None", body.get("countdown_pause_time")), now_ms)
    if command.path == "contest" and "scoreboard_thaw_time" in body:
        return decide_thaw_time(state, cast("str", body["scoreboard_thaw_time"]), now_ms).changes
    return None


class Stage:
    """A contest, all who watch it, and every batch of changes so far. `now_ms` is the moment of the last command."""

    def __init__(self, base: Iterable[ObjectChange], now_ms: int, *, roles: Sequence[Role] = ROLES) -> None:
        self.played = Played(roles=roles)
        self.now_ms = now_ms
        self.batches: list[list[ObjectChange]] = []
        self.after_batch: Callable[[], None] = lambda: None
        self._board = Board(self.played.state, frozen=False)
        self.take(list(base))
        self.settle_clock(now_ms)
        self.settle_awards()

    @property
    def state(self) -> ContestState:
        return self.played.state

    @property
    def changes(self) -> list[ObjectChange]:
        """All changes, from the empty log on."""
        return [change for batch in self.batches for change in batch]

    def take(self, changes: list[ObjectChange]) -> None:
        """Let a batch happen."""
        if not changes:
            return
        for change in changes:
            self.played.apply(change)
            self._board.note((change.type, change.id))
        self.played.flush()
        self.batches.append(changes)
        self.after_batch()

    def perform(self, command: Command) -> Outcome:
        """Carry out a command, or refuse it, with all that goes around it on a server."""
        self.now_ms = command.now_ms
        self.settle_clock(command.now_ms)
        try:
            changes, key = decided_changes(self.state, command)
        except Refused as refused:
            return Outcome(changes=[], refused=(refused.reason, refused.ground, refused.property))
        if self.state.ended_updates and any(change.type in OBJECT_TYPES for change in changes):
            return Outcome(changes=[], refused=(UPDATES_ENDED, "forbidden", None))
        self.take(changes)
        self.settle_awards()
        return Outcome(changes=changes, key=key)

    def settle_clock(self, now_ms: int) -> None:
        """What is due happens."""
        self.take(due_changes(self.state, now_ms))

    def settle_awards(self) -> None:
        """The awards that the server keeps follow."""
        self.take(self.missing_awards())

    def missing_awards(self) -> list[ObjectChange]:
        """What the awards lack."""
        return decide_computed_awards(self.state, computed_awards(self.state, self._board))

    def embargoed(self, submission_id: str) -> bool:
        """Whether the verdict on a submission is hidden from those behind the freeze."""
        return embargoed(self.state, submission_id)


def embargoed(state: ContestState, submission_id: str) -> bool:
    """Whether a submission was made in the freeze, and that is not over; told from the objects alone (roles.md, "pf").

    Written once more, so that the projections are not their own judge.
    """
    contest, happened = state.contest, state.state
    made = cast("Submission | None", state.objects["submissions"].get(submission_id))
    if contest is None or happened is None or made is None or happened.thawed:
        return False
    if happened.end_of_updates and not happened.frozen:
        return False
    begins_ms = []
    freeze_ms = parse_relative_time_ms(contest.scoreboard_freeze_duration or "0:00:00")
    if freeze_ms > 0:
        begins_ms.append(parse_relative_time_ms(contest.duration) - freeze_ms)
    if happened.frozen:
        begins_ms.append(state.timeline.contest_time_ms(parse_time_ms(happened.frozen)))
    return bool(begins_ms) and parse_relative_time_ms(made.contest_time) >= min(begins_ms)


def at(contest_time: str) -> int:
    """The moment of a contest time, without removed intervals, in milliseconds since the epoch."""
    return START_MS + parse_relative_time_ms(contest_time)

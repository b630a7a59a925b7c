"""Random histories of commands: what teams, judges, analysts, administrators and the clock do to a contest.

Every command is drawn against the contest as it stands, so most are carried out and some are refused. The kinds are
in MOVES. A move takes a function that chooses: hypothesis in property tests, seeded dice where a server is asked.
This module must not know who may see what.
"""

from collections.abc import Callable, Sequence
from typing import Any, TypeVar, cast

import msgspec
from hypothesis import strategies as st
from hypothesis.strategies import DrawFn

from schemas.objects import ContestObject, Judgement, Submission
from schemas.viewers import ROLES, Role
from tests.builders import START, moment, setup, small_contest
from tests.command_stage import (
    ACCOUNTS,
    ADMIN,
    ANALYST,
    JUDGE,
    PROXY,
    RUN_BY_THE_SERVER,
    STAFF,
    TEAMS,
    Command,
    JsonObject,
    Stage,
    at,
)

C = TypeVar("C")
Choose = Callable[[Sequence[Any]], Any]
Move = Callable[[Choose, Stage], Command | None]

STEPS_MAX = 14
STEPS_MS = (0, 0, 1, 40, 1_000, 20_000, 60_000, 300_000)
"""How much later the next command may come."""

VERDICTS = ("AC", "AC", "WA", "CE")
TEXTS = ("Why?", "Because.", "日本")
ARCHIVE = [{"filename": "files.zip", "mime": "application/zip", "content": "e" * 64}]
AWARD_IDS = ("winner", "gold-medal", "first-to-solve-a", "best-costume", "late")
STARTS = ("-1:00:00.000", "3:59:00.000", "4:01:00.000")
STATE_PATCHES: tuple[JsonObject, ...] = (
    {"started": "now"},
    {"frozen": "now"},
    {"frozen": None},
    {"frozen": moment("2:00:00.000")},
    {"frozen": moment("3:45:00.000")},
    {"ended": "now"},
    {"ended": None},
    {"removed_intervals": None},
    {"removed_intervals": [{"start": moment("1:00:00.000"), "end": moment("1:10:00.000")}]},
    {"removed_intervals": [{"start": moment("1:00:00.000"), "end": moment("1:05:00.000")}]},
    {"removed_intervals": [{"start": moment("1:00:00.000"), "end": moment("1:40:00.000")}]},
)
LAST_PATCHES: tuple[JsonObject, ...] = (
    {"thawed": "now"},
    {"finalized": "now"},
    {"finalized": "now", "extra_bronzes": 1},
    {"finalized": None},
    {"end_of_updates": "now"},
)
SETTINGS: tuple[JsonObject, ...] = (
    {"computed": False},
    {"computed": True},
    {"computed": True},
    {"medals": [0, 1, 1]},
    {"rule": "world-finals"},
    {"medals": [1, 1, 0]},
    {"kinds": ["winner", "first-to-solve"]},
    {"taken_over": []},
    {"clock": True},
)


def begun(start: str, *, roles: Sequence[Role] = ROLES) -> Stage:
    """A contest run by the server, long before its start, just before its freeze or in it."""
    base = [*(setup() if start.startswith("-") else small_contest()), *ACCOUNTS, RUN_BY_THE_SERVER]
    return Stage(base, at(start), roles=roles)


def body_of(instance: ContestObject) -> JsonObject:
    """An object as a client writes it."""
    return msgspec.json.decode(msgspec.json.encode(instance), type=dict[str, object])


def ids(stage: Stage, type_name: str) -> list[str]:
    """The ids of all objects of a type."""
    return list(stage.state.objects[type_name])


def submit(choose: Choose, stage: Stage) -> Command | None:
    """A submission of a team, of a proxy for one, or of an administrator at a time of their choice."""
    if not ids(stage, "problems"):
        return None
    language = choose(("cpp", "cpp", "python"))
    body: JsonObject = {"language_id": language, "problem_id": choose(ids(stage, "problems")), "files": ARCHIVE}
    if language == "python":
        body["entry_point"] = "main.py"
    viewer = choose((*TEAMS, *TEAMS, PROXY, ADMIN))
    if viewer.role != "team":
        body["team_id"] = choose(ids(stage, "teams"))
    if viewer is ADMIN:
        body["time"] = moment(choose(("1:30:00.000", "3:59:59.999", "4:00:00.000", "4:10:00.000", "6:00:00.000")))
        identifier = choose(("", "given-1", "given-2"))
        if identifier:
            put = {**body, "id": identifier}
            return command(submit, stage, viewer=ADMIN, method="PUT", path="submissions", id=identifier, body=put)
    return command(submit, stage, viewer=viewer, path="submissions", body=body)


def ask(choose: Choose, stage: Stage) -> Command | None:
    """A question of a team, by itself or through a proxy."""
    viewer = choose((*TEAMS, PROXY))
    body: JsonObject = {"text": choose(TEXTS), "problem_id": choose((None, *ids(stage, "problems")))}
    body["reply_to_id"] = choose((None, None, *ids(stage, "clarifications")))
    if viewer is PROXY:
        body["from_team_id"] = choose(ids(stage, "teams"))
    return command(ask, stage, viewer=viewer, path="clarifications", body=body)


def answer(choose: Choose, stage: Stage) -> Command | None:
    """An answer or an announcement of the judges, to all or to some; or one that an administrator records."""
    viewer = choose((JUDGE, JUDGE, ADMIN))
    body: JsonObject = {
        "text": choose(TEXTS),
        "reply_to_id": choose((None, *ids(stage, "clarifications"))),
        "to_team_ids": choose((None, None, *([team_id] for team_id in ids(stage, "teams")))),
        "to_group_ids": choose((None, None, *([group_id] for group_id in ids(stage, "groups")))),
    }
    if viewer is ADMIN:
        body["time"] = moment(choose(("1:30:00.000", "4:10:00.000")))
    return command(answer, stage, viewer=viewer, path="clarifications", body=body)


def comment(choose: Choose, stage: Stage) -> Command | None:
    """A comment on teams, problems and submissions."""
    about = {name: choose((None, *([each] for each in ids(stage, name)))) for name in ("teams", "submissions")}
    body: JsonObject = {
        "message": choose(TEXTS),
        "team_ids": about["teams"],
        "submission_ids": about["submissions"],
    }
    return command(comment, stage, viewer=choose((ANALYST, STAFF, ADMIN)), path="commentary", body=body)


def judge(choose: Choose, stage: Stage) -> Command | None:
    """A judgement that begins or is there at once; of a submission that has one already it is a rejudgement."""
    if not ids(stage, "submissions"):
        return None
    embargoed = [each for each in ids(stage, "submissions") if stage.embargoed(each)]
    submission_id = choose((*ids(stage, "submissions"), *embargoed * 3))
    made = cast("Submission", stage.state.objects["submissions"][submission_id])
    body: JsonObject = {"submission_id": submission_id, "start_time": made.time}
    body |= choose(({}, {"current": False}, {"current": None}, {}))
    if choose((True, True, False)):
        return with_verdict(choose, stage, submission_id, command(judge, stage, path="judgements", body=body))
    return command(judge, stage, viewer=JUDGE, path="judgements", body=body)


def settle(choose: Choose, stage: Stage) -> Command | None:
    """The verdict of a judgement that was pending; one that has its own refuses another."""
    if not ids(stage, "judgements"):
        return None
    made = cast("Judgement", stage.state.objects["judgements"][choose(ids(stage, "judgements"))])
    asked = command(settle, stage, method="PATCH", path="judgements", id=made.id, body={"id": made.id})
    return with_verdict(choose, stage, made.submission_id, asked)


def choose_current(choose: Choose, stage: Stage) -> Command | None:
    """Another judgement of a submission becomes the current one, or none is."""
    if not ids(stage, "judgements"):
        return None
    identifier = choose(ids(stage, "judgements"))
    body: JsonObject = {"current": choose((True, False))}
    return command(choose_current, stage, method="PATCH", path="judgements", id=identifier, body=body)


def run_test(choose: Choose, stage: Stage) -> Command | None:
    """The outcome of a test case, or another outcome of one."""
    if not ids(stage, "judgements"):
        return None
    made = cast("Judgement", stage.state.objects["judgements"][choose(ids(stage, "judgements"))])
    body: JsonObject = {
        "judgement_id": made.id,
        "ordinal": choose((1, 2, 3)),
        "time": made.start_time,
        "run_time": 0.5,
    }
    asked = command(run_test, stage, path="runs", body=body)
    if ids(stage, "runs") and choose((True, False, False)):
        identifier = choose(ids(stage, "runs"))
        asked = command(run_test, stage, method="PATCH", path="runs", id=identifier, body={})
    return with_verdict(choose, stage, made.submission_id, asked)


def honour(choose: Choose, stage: Stage) -> Command | None:
    """An award that an administrator gives, changes or takes away, be it the server's or not."""
    identifier = choose(AWARD_IDS)
    method = choose(("POST", "PUT", "PUT", "PATCH", "DELETE"))
    body: JsonObject = {"citation": choose(("Best", "Second best")), "team_ids": choose(([], ["t1"], ["t2"]))}
    if method == "PUT":
        body["id"] = identifier
    return command(honour, stage, method=method, path="awards", id="" if method == "POST" else identifier, body=body)


def configure(choose: Choose, stage: Stage) -> Command | None:
    """A team, a group or anything else that is configured, new, changed or once more as it is."""
    name = choose(("teams", "teams", "groups", "organizations", "problems", "persons", "accounts", "judgement-types"))
    identifier = choose((*ids(stage, name), "new"))
    present = stage.state.objects[name].get(identifier)
    if present is None:
        members = list(stage.state.objects[name].values())
        if not members:
            return None
        fresh = {"username": "new"} if name == "accounts" else {}
        body = {**body_of(members[0]), **fresh, "id": "new"}
    else:
        body = {**body_of(present), **choose(CHANGED_PROPERTIES.get(name, ({},)))}
    return command(configure, stage, method="PUT", path=name, id=identifier, body=body)


CHANGED_PROPERTIES: dict[str, tuple[JsonObject, ...]] = {
    "teams": ({}, {"group_ids": ["guests"]}, {"group_ids": ["main", "guests"]}, {"name": "Renamed"}),
    "groups": ({}, {"name": "Other"}),
    "problems": ({}, {"name": "Renamed"}),
    "persons": ({"roles": [{"type": "contestant", "team_id": "t2"}]}, {"roles": [{"type": "coach"}]}),
    "accounts": ({}, {"ip": "10.0.0.7"}),
}
"""Properties that `configure` changes, by type."""


def simplify(choose: Choose, stage: Stage) -> Command | None:
    """A judgement type that outsiders see under another name from now on, or no longer."""
    identifier = choose(("WA", "CE"))
    body: JsonObject = {"simplified_judgement_type_id": choose((None, "NO"))}
    return command(simplify, stage, method="PATCH", path="judgement-types", id=identifier, body=body)


def remove(choose: Choose, stage: Stage) -> Command | None:
    """The end of anything that is configured, or of what happened; what something refers to stays."""
    name = choose(("teams", "groups", "problems", "accounts", "submissions", "judgements", "runs", "judgement-types"))
    if not ids(stage, name):
        return None
    return command(remove, stage, method="DELETE", path=name, id=choose(ids(stage, name)))


def take_back(choose: Choose, stage: Stage) -> Command | None:
    """The end of something that was said."""
    name = choose(("clarifications", "commentary"))
    if not ids(stage, name):
        return None
    return command(take_back, stage, method="DELETE", path=name, id=choose(ids(stage, name)))


def reschedule(choose: Choose, stage: Stage) -> Command | None:
    """Another length of the contest or of its freeze."""
    length: JsonObject = {"duration": choose(("4:10:00.000", "4:30:00.000", "5:00:00.000", "6:00:00.000"))}
    freeze: JsonObject = {"scoreboard_freeze_duration": choose((None, "1:00:00.000", "2:00:00.000", "4:00:00.000"))}
    return command(reschedule, stage, method="PATCH", path="contest", body=choose((length, freeze)))


def move_start(choose: Choose, stage: Stage) -> Command | None:
    """Another start, an open one, or a countdown that is paused."""
    starts = (moment("0:30:00.000"), START, None)
    body: JsonObject = {"id": "finals", "start_time": choose(starts)}
    if body["start_time"] is None:
        body |= choose(({}, {"countdown_pause_time": "0:20:00.000"}))
    return command(move_start, stage, method="PATCH", path="contest", body=body)


def plan_thaw(choose: Choose, stage: Stage) -> Command | None:
    """When the freeze is to be over."""
    body: JsonObject = {"id": "finals", "scoreboard_thaw_time": moment(choose(("5:30:00.000", "8:00:00.000")))}
    return command(plan_thaw, stage, method="PATCH", path="contest", body=body)


def advance_state(choose: Choose, stage: Stage) -> Command | None:
    """Start, freeze or end by hand, stretches of time that do not count; or one of them taken back."""
    return command(advance_state, stage, method="PATCH", path="state", body=choose(STATE_PATCHES))


def conclude(choose: Choose, stage: Stage) -> Command | None:
    """Thaw, results that are final, the end of updates."""
    return command(conclude, stage, method="PATCH", path="state", body=choose(LAST_PATCHES))


def pause(choose: Choose, stage: Stage) -> Command | None:
    """The clock is stopped, or goes on."""
    return command(pause, stage, path=choose(("pause", "pause", "resume")))


def change_settings(choose: Choose, stage: Stage) -> Command | None:
    """How the server keeps the awards, and whether it does."""
    return command(change_settings, stage, method="PATCH", path="settings", body=choose(SETTINGS))


def wait(choose: Choose, stage: Stage) -> Command | None:
    """Nothing but time that passes."""
    return msgspec.structs.replace(command(wait, stage), now_ms=stage.now_ms + choose((60_000, 3_600_000, 7_200_000)))


def command(kind: Move, stage: Stage, **asked: Any) -> Command:
    """A command at the present moment; ids of new objects come from the number of batches so far."""
    name = kind.__name__
    viewer = JUDGE if name in JUDGING else ADMIN
    return Command(**{"kind": name, "now_ms": stage.now_ms, "viewer": viewer, **asked})


def with_verdict(choose: Choose, stage: Stage, submission_id: str, asked: Command) -> Command:
    """The command with a verdict; where that is hidden, the other history may come to another one."""
    verdict = choose(VERDICTS)
    other = choose(VERDICTS) if stage.embargoed(submission_id) else verdict
    return msgspec.structs.replace(
        asked,
        body={**asked.body, "judgement_type_id": verdict},
        other_body={**asked.body, "judgement_type_id": other},
    )


JUDGING = ("judge", "settle", "choose_current", "run_test")

MOVES: dict[str, Move] = {
    move.__name__: move
    for move in (
        *(submit, ask, answer, comment, judge, settle, choose_current, run_test, honour, configure, simplify, remove),
        *(take_back, reschedule, move_start, plan_thaw, advance_state, conclude, pause, change_settings, wait),
    )
}
OFTEN = ("submit", "judge", "judge", "settle", "run_test", "advance_state", "wait", "conclude")


def next_command(choose: Choose, stage: Stage, kinds: Sequence[str], number: int) -> Command | None:
    """A command of any of these kinds, a little later than the last one."""
    drawn = MOVES[choose(kinds)](choose, stage)
    if drawn is None:
        return None
    later_ms = drawn.now_ms + choose(STEPS_MS)
    return msgspec.structs.replace(drawn, now_ms=later_ms, fresh_id=f"fresh-{number}")


def chooser(draw: DrawFn) -> Choose:
    """Hypothesis chooses."""
    return lambda choices: draw(st.sampled_from(choices))


class CommandHistory(msgspec.Struct, frozen=True):
    """Commands that were drawn one against the outcome of those before it, from a certain moment on."""

    start: str
    commands: list[Command]

    def __repr__(self) -> str:
        """The commands in few words: it is what a failing test prints."""
        lines = (msgspec.json.encode(each).decode() for each in self.commands)
        return "\n".join((f"From {self.start} on:", *lines))


@st.composite
def command_histories(
    draw: DrawFn, kinds: Sequence[str] = (*MOVES, *OFTEN), starts: Sequence[str] = STARTS, steps_max: int = STEPS_MAX
) -> CommandHistory:
    """A random history of commands."""
    choose = chooser(draw)
    start = choose(starts)
    stage = begun(start, roles=())
    commands = []
    for number in range(draw(st.integers(0, steps_max))):
        drawn = next_command(choose, stage, kinds, number)
        if drawn is not None:
            stage.perform(drawn)
            commands.append(drawn)
    return CommandHistory(start, commands)

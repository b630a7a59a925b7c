"""Law 7, the part about objects: after thaw the public holds what the jury holds, up to what is always hidden.

What is always hidden is written down here by hand from roles.md, on plain JSON. The scoreboard's part of the law is
tested with the scoreboard.
"""

import json
import re
from typing import Any

import msgspec
from hypothesis import given

from schemas.objects import State
from tests.builders import START, Played, Reader, moment, put
from tests.effort import DEAR
from tests.histories import History, histories

PUBLIC, JURY = Reader("public"), Reader("admin")

ALWAYS_HIDDEN: dict[str, tuple[str, ...]] = {
    "problems": ("package",),
    "teams": ("backup", "key_log", "tool_data"),
    "persons": ("email", "sex", "icpc_id"),
    "submissions": ("entry_point", "files", "account_id"),
}
ALWAYS_HIDDEN_TYPES = ("accounts", "commentary")

Objects = dict[str, dict[str, dict[str, Any]]]


def thawed(history: History) -> Played:
    """The contest after whatever happened in it, started, frozen and thawed."""
    played = Played(history.changes, roles=("public", "admin"))
    now = played.state.state or State()
    frozen = msgspec.structs.replace(now, started=now.started or START, frozen=moment("4:00:00.000"), thawed=None)
    played.play(put(frozen))
    played.play(put(msgspec.structs.replace(frozen, thawed=moment("6:00:00.000"))))
    return played


def plain(played: Played, reader: Reader) -> Objects:
    """What a reader gets, as JSON."""
    return {
        name: {identifier: json.loads(data) for identifier, data in members.items()}
        for name, members in played.shown(reader).items()
    }


def seconds(relative_time: str) -> float:
    """A RELTIME in seconds."""
    match = re.fullmatch(r"(-?)(\d+):(\d\d):(\d\d\.\d{3})", relative_time)
    assert match is not None
    value = int(match[2]) * 3600 + int(match[3]) * 60 + float(match[4])
    return -value if match[1] else value


def in_contest(submission: dict[str, Any], contest: dict[str, Any]) -> bool:
    """A submission of a team within the contest."""
    return "team_id" in submission and 0 <= seconds(submission["contest_time"]) < seconds(contest["duration"])


def broadcast(clarification: dict[str, Any]) -> bool:
    """A clarification from nobody in particular to nobody in particular."""
    return not {"from_team_id", "to_team_ids", "to_group_ids"} & clarification.keys()


def outside_judgement(judgement: dict[str, Any], simplified: dict[str, str | None]) -> dict[str, Any]:
    """A judgement with the simplified type alone, where there is one."""
    given = judgement.get("simplified_judgement_type_id")
    outside = given or simplified.get(judgement.get("judgement_type_id", ""))
    if outside is None:
        return judgement
    kept = {name: value for name, value in judgement.items() if name != "judgement_type_id"}
    return kept | {"simplified_judgement_type_id": outside}


def outside_run(run: dict[str, Any], simplified: dict[str, str | None]) -> dict[str, Any]:
    """A run with the simplified type, where there is one."""
    return run | {"judgement_type_id": simplified.get(run["judgement_type_id"]) or run["judgement_type_id"]}


def outside_clarification(clarification: dict[str, Any], spoken: dict[str, Any]) -> dict[str, Any]:
    """A clarification without the id of a question that is not for everybody."""
    hidden = clarification.get("reply_to_id") not in spoken
    return {name: value for name, value in clarification.items() if not (hidden and name == "reply_to_id")}


def seen_from_outside(jury: Objects) -> Objects:
    """What roles.md leaves of the jury's view for the public after thaw."""
    simplified = {name: t.get("simplified_judgement_type_id") for name, t in jury["judgement-types"].items()}
    seen: Objects = {name: dict(members) for name, members in jury.items() if name not in ALWAYS_HIDDEN_TYPES}
    submissions = {
        identifier: submission
        for identifier, submission in jury.get("submissions", {}).items()
        if in_contest(submission, jury["contest"][""])
    }
    judgements = {
        identifier: outside_judgement(judgement, simplified)
        for identifier, judgement in jury.get("judgements", {}).items()
        if judgement["submission_id"] in submissions
    }
    runs = {
        identifier: outside_run(run, simplified)
        for identifier, run in jury.get("runs", {}).items()
        if run["judgement_id"] in judgements
    }
    spoken = {name: said for name, said in jury.get("clarifications", {}).items() if broadcast(said)}
    clarifications = {name: outside_clarification(said, spoken) for name, said in spoken.items()}
    seen |= {"submissions": submissions, "judgements": judgements, "runs": runs, "clarifications": clarifications}
    return {name: without_hidden(name, members) for name, members in seen.items() if members}


def without_hidden(type_name: str, members: dict[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """The objects without the properties that the public never sees."""
    hidden = ALWAYS_HIDDEN.get(type_name, ())
    return {
        identifier: {name: value for name, value in data.items() if name not in hidden}
        for identifier, data in members.items()
    }


@DEAR
@given(histories())
def test_after_thaw_the_public_holds_what_the_jury_holds(history: History) -> None:
    """Verdicts, runs, awards, reactions and cameras: nothing stays behind the freeze."""
    played = thawed(history)
    assert plain(played, PUBLIC) == seen_from_outside(plain(played, JURY))


@DEAR
@given(histories())
def test_what_thaw_releases_stands_behind_every_token_handed_out_before(history: History) -> None:
    """A client that resumes from the last line before thaw gets all of it."""
    played = thawed(history)
    release = played.state.position
    before = Played(history.changes, roles=("public",))
    place = before.last_sequence(PUBLIC)
    released = played.feed(PUBLIC, place)
    tokens = [json.loads(line)["token"] for line in released.splitlines()]
    assert [token for token in tokens if played.resume(PUBLIC, token) >> 24 == release] != []
    assert before.feed(PUBLIC) + released == played.feed(PUBLIC)

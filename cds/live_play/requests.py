"""What a client sends for each change of a play: a table of functions, one for each type that is written.

Ids are the server's: what the simulation calls submission 17 may be another number there, so `ids` leads from one to
the other. Times of submissions, clarifications and comments are the server's too; judges say when they judged.
This module is pure; it must not know when or how anything is sent.
"""

from base64 import b64encode
from collections.abc import Callable, Mapping
from typing import Literal, cast

import msgspec
from msgspec import UNSET

from cds.live_play.script import Key, PlayedChange, concerned, path_of
from cds.simulation.contest import SimulatedContest
from schemas.object_types import OBJECT_TYPES
from schemas.objects import Account, Clarification, Commentary, ContestObject, Judgement, Run, Submission
from schemas.properties import FileReference

Ids = Mapping[Key, str]
"""From an object of the simulation to its id on the server."""


class PlannedRequest(msgspec.Struct, frozen=True, kw_only=True):
    """A request. `path` is below the address of the contest; `account_id` None is the server's administrator."""

    method: Literal["POST", "PUT", "PATCH"]
    path: str
    account_id: str | None
    body: bytes


class Cast(msgspec.Struct, frozen=True, kw_only=True):
    """Who plays: account ids by part, teams' by team id, passwords by account id; and the bytes of all files."""

    judge: str
    analyst: str
    teams: Mapping[str, str]
    passwords: Mapping[str, str]
    contents: Mapping[str, bytes]


class Body(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A JSON object that is sent; what is null is left out."""


class UploadedFile(Body, frozen=True, kw_only=True, omit_defaults=True):
    """A file reference with its bytes (Contest API, "File references"): base64 in `data`."""

    data: str
    filename: str
    mime: str


class NewSubmission(Body, frozen=True, kw_only=True, omit_defaults=True):
    """What a team sends."""

    language_id: str
    problem_id: str
    entry_point: str | None = None
    files: list[UploadedFile]


class NewJudgement(Body, frozen=True, kw_only=True, omit_defaults=True):
    """A judgement that begins."""

    submission_id: str
    start_time: str


class FinalVerdict(Body, frozen=True, kw_only=True, omit_defaults=True):
    """A judgement that ends."""

    judgement_type_id: str
    end_time: str
    max_run_time: float | None = None
    score: float | None = None


class NewRun(Body, frozen=True, kw_only=True, omit_defaults=True):
    """A test case that was run."""

    judgement_id: str
    ordinal: int
    judgement_type_id: str
    time: str
    run_time: float | None = None
    score: float | None = None


class NewClarification(Body, frozen=True, kw_only=True, omit_defaults=True):
    """A question of a team (which the server knows by its account), or what judges say."""

    text: str
    problem_id: str | None = None
    reply_to_id: str | None = None
    to_team_ids: list[str] | None = None
    to_group_ids: list[str] | None = None


class NewComment(Body, frozen=True, kw_only=True, omit_defaults=True):
    """What an analyst says."""

    message: str
    tags: list[str]
    team_ids: list[str] | None = None
    problem_ids: list[str] | None = None
    submission_ids: list[str] | None = None


def cast_of(simulated: SimulatedContest) -> Cast:
    """The accounts that play. Raises ValueError where nobody could judge, comment or submit."""
    accounts = cast("list[Account]", list(simulated.objects["accounts"]))
    first = {account.type: account.id for account in reversed(accounts)}
    teams = {account.team_id: account.id for account in accounts if account.team_id is not None}
    if not {"judge", "analyst"} <= first.keys() or len(teams) < len(simulated.objects["teams"]):
        raise ValueError("accounts: a play needs a judge, an analyst and an account for every team")
    return Cast(
        judge=first["judge"],
        analyst=first["analyst"],
        teams=teams,
        passwords=simulated.passwords,
        contents=simulated.contents,
    )


def configuration_request(players: Cast, type_name: str, instance: ContestObject) -> PlannedRequest:
    """The administrator's PUT of an object that stands before the start, with its files, and passwords of accounts."""
    plain: dict[str, object] = msgspec.to_builtins(instance)
    for file_property in OBJECT_TYPES[type_name].file_properties:
        references: list[FileReference] | None = getattr(instance, file_property.property)
        if references:
            plain[file_property.property] = [_upload(players, reference) for reference in references]
    if isinstance(instance, Account):
        plain["password"] = players.passwords[instance.id]
    path = path_of(type_name, instance)
    return PlannedRequest(method="PUT", path=path, account_id=None, body=msgspec.json.encode(plain))


def live_request(players: Cast, change: PlayedChange, ids: Ids, now: str) -> PlannedRequest | None:
    """What is sent for a change, `now` being the TIME at which it is; None when what it names never came to be."""
    if any(key not in ids for key in concerned(change) if key != change.key):
        return None
    return LIVE_REQUESTS[change.key[0]](players, change.instance, ids, now)


def _submission(players: Cast, instance: ContestObject, _ids: Ids, _now: str) -> PlannedRequest:
    submission = cast("Submission", instance)
    entry_point = None if submission.entry_point is UNSET else submission.entry_point
    files = [] if submission.files is UNSET else submission.files
    body = NewSubmission(
        language_id=submission.language_id,
        problem_id=submission.problem_id,
        entry_point=entry_point,
        files=[_upload(players, reference) for reference in files],
    )
    return _post("submissions", players.teams[submission.team_id or ""], body)


def _judgement(players: Cast, instance: ContestObject, ids: Ids, now: str) -> PlannedRequest:
    judgement = cast("Judgement", instance)
    if judgement.judgement_type_id is None:
        return _post(
            "judgements",
            players.judge,
            NewJudgement(submission_id=ids["submissions", judgement.submission_id], start_time=now),
        )
    verdict = FinalVerdict(
        judgement_type_id=judgement.judgement_type_id,
        end_time=now,
        max_run_time=judgement.max_run_time,
        score=judgement.score,
    )
    path = f"/judgements/{ids['judgements', judgement.id]}"
    return PlannedRequest(method="PATCH", path=path, account_id=players.judge, body=msgspec.json.encode(verdict))


def _run(players: Cast, instance: ContestObject, ids: Ids, now: str) -> PlannedRequest:
    run = cast("Run", instance)
    body = NewRun(
        judgement_id=ids["judgements", run.judgement_id],
        ordinal=run.ordinal,
        judgement_type_id=run.judgement_type_id,
        time=now,
        run_time=run.run_time,
        score=run.score,
    )
    return _post("runs", players.judge, body)


def _clarification(players: Cast, instance: ContestObject, ids: Ids, _now: str) -> PlannedRequest:
    clarification = cast("Clarification", instance)
    asker = clarification.from_team_id
    question = clarification.reply_to_id
    body = NewClarification(
        text=clarification.text,
        problem_id=clarification.problem_id,
        reply_to_id=None if question is None else ids["clarifications", question],
        to_team_ids=clarification.to_team_ids,
        to_group_ids=clarification.to_group_ids,
    )
    return _post("clarifications", players.judge if asker is None else players.teams[asker], body)


def _comment(players: Cast, instance: ContestObject, ids: Ids, _now: str) -> PlannedRequest:
    comment = cast("Commentary", instance)
    named = comment.submission_ids
    body = NewComment(
        message=comment.message,
        tags=comment.tags,
        team_ids=comment.team_ids,
        problem_ids=comment.problem_ids,
        submission_ids=None if named is None else [ids["submissions", each] for each in named],
    )
    return _post("commentary", players.analyst, body)


LIVE_REQUESTS: dict[str, Callable[[Cast, ContestObject, Ids, str], PlannedRequest]] = {
    "submissions": _submission,
    "judgements": _judgement,
    "runs": _run,
    "clarifications": _clarification,
    "commentary": _comment,
}
"""Type → what is sent for an object of it."""


def _post(endpoint: str, account_id: str, body: Body) -> PlannedRequest:
    return PlannedRequest(method="POST", path=f"/{endpoint}", account_id=account_id, body=msgspec.json.encode(body))


def _upload(players: Cast, reference: FileReference) -> UploadedFile:
    content = players.contents[reference.content or ""]
    return UploadedFile(data=b64encode(content).decode(), filename=reference.filename, mime=reference.mime)

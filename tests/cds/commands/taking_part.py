"""A running contest of which CMS would know more: terms, windows and limits, and a participant who submits in it.

This module must not know what may be submitted when.
"""

from collections.abc import Iterable

import msgspec

from cds.commands.properties import raw
from cds.commands.write import Impersonation, Overrides, Write, Written
from cds.commands.writing import decide_write
from projections.contest import ContestState
from schemas.extensions import (
    AccountExtension,
    AnalysisMode,
    CmsContest,
    CmsParticipation,
    CmsTask,
    ContestExtension,
    ProblemExtension,
)
from schemas.object_types import OBJECT_TYPES
from schemas.objects import Account, Submission
from schemas.viewers import Viewer
from tests.builders import CONTEST, START, moment, problem, put, setup, state
from tests.cds.commands.playing import at, folded, take

ACCOUNT = "account-t1"
TEAM = Viewer(role="team", team_id="t1", account_id=ACCOUNT)

ANALYSIS = AnalysisMode(start=moment("6:00:00.000"), stop=moment("7:00:00.000"))
OPENED = CmsContest(analysis=ANALYSIS)
OWN_WINDOWS = CmsContest(per_user_time=3_600, analysis=ANALYSIS)
"""Everybody has an hour of the five, from their own start on."""

ORDINARY = CmsParticipation()
UNRESTRICTED = CmsParticipation(unrestricted=True)


def contest_with(
    rules: CmsContest | None = None,
    participation: CmsParticipation | None = None,
    task: CmsTask | None = None,
    *,
    started: bool = True,
    ended: str | None = None,
) -> ContestState:
    """The contest of the builders, with what is said of it, of the account of team t1 and of problem a.

    `ended`: the contest time at which it has been ended.
    """
    contest, account, asked = CONTEST, Account(id=ACCOUNT, username="team1", type="team", team_id="t1"), problem("a", 0)
    if rules is not None:
        contest = msgspec.structs.replace(contest, ext=ContestExtension(cms=rules))
    if participation is not None and participation != ORDINARY:
        account = msgspec.structs.replace(account, ext=AccountExtension(cms=participation))
    if task is not None:
        asked = msgspec.structs.replace(asked, ext=ProblemExtension(cms=task))
    happened = state(started=START if started else None, ended=None if ended is None else moment(ended))
    return folded([*setup(), *put(contest, account, asked, happened)])


def submitting(
    now: str,
    overrides: Overrides | None = None,
    *,
    problem_id: str = "a",
    viewer: Viewer = TEAM,
    fresh_id: str = "fresh",
    **more: object,
) -> Write:
    """A submission at a contest time; with overrides it is made by somebody who acts for the team."""
    body = {"problem_id": problem_id, "language_id": "cpp", "files": [{"filename": "a.zip", "mime": "application/zip"}]}
    return Write(
        row=OBJECT_TYPES["submissions"],
        method="POST",
        properties={name: raw(value) for name, value in (body | more).items()},
        viewer=viewer,
        now_ms=at(now),
        fresh_id=fresh_id,
        impersonation=None if overrides is None else Impersonation(by="jury", address="::1", overrides=overrides),
    )


def submission_of(written: Written) -> Submission:
    """What was submitted."""
    (made,) = (change.instance for change in written.changes if isinstance(change.instance, Submission))
    return made


def official(written: Written) -> bool | None:
    """What is said of whether it counts."""
    extension = submission_of(written).ext
    return None if extension is None or extension.cms is None else extension.cms.official


def submitted(before: ContestState, *writes: Write) -> ContestState:
    """The contest after these."""
    for write in writes:
        take(before, decide_write(before, write).changes)
    return before


def earlier(before: ContestState, times: Iterable[tuple[str, str]]) -> ContestState:
    """The contest in which team t1 has submitted, without anybody's asking whether it may: problem and contest time."""
    for number, (problem_id, contest_time) in enumerate(times):
        made = Submission(
            id=f"earlier-{number}",
            language_id="cpp",
            problem_id=problem_id,
            team_id="t1",
            time=moment(contest_time),
            contest_time=contest_time,
            entry_point=None,
        )
        take(before, put(made))
    return before

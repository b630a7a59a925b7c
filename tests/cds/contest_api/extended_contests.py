"""The small contests with something beyond the JSON format in them, and callers who do not want to hear of it.

This module knows what is said beyond the format. It must not know who may see it.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import msgspec
from yarl import URL

from cds.packages.contents import Change, ContestContents
from schemas.extensions import (
    CmsContest,
    CmsSubmission,
    CmsTask,
    ContestExtension,
    LeagueOfCodeMatch,
    LeagueOfCodeProject,
    ProblemExtension,
    SubmissionExtension,
    Subtask,
    SyncedContest,
    SyncedTeam,
    TeamExtension,
)
from tests.cds.contest_api.serving import Caller, Login, Running, append, opened, running
from tests.cds.contest_api.small_contest import Phase, altered, small_contest

SYNCED = SyncedContest(
    platform="codeforces",
    platform_id="1234",
    type="ICPC",
    phase="FINISHED",
    url="https://codeforces.com/contests/1234",
    rated=True,
    participants=4321,
)
TASK = CmsTask(
    submission_format=["apples.%l"],
    score_mode="max_subtask",
    score_precision=2,
    max_submission_number=50,
    min_submission_interval=60,
    subtasks=[
        Subtask(name="Small", max_score=40, ordinals=[1, 2], rule="min", public=True),
        Subtask(name="Large", max_score=60, ordinals=[3], rule="sum", public=False),
    ],
)
MATCH = LeagueOfCodeMatch(slug="super-match", short_description="Short", long_description="At length")
PROJECT = LeagueOfCodeProject(url="https://example.org/project", title="Project", description="Ours")

EXTENSIONS = (
    ("contest", "", ContestExtension(sync=SYNCED, cms=CmsContest(max_submission_number=100), loc=MATCH)),
    ("problems", "apples", ProblemExtension(cms=TASK)),
    ("teams", "t1", TeamExtension(sync=SyncedTeam(rank=1, points=7.5, penalty=120))),
    ("teams", "t3", TeamExtension(sync=SyncedTeam(rank=3))),
    ("submissions", "s1", SubmissionExtension(cms=CmsSubmission(official=True))),
    ("submissions", "s2", SubmissionExtension(cms=CmsSubmission(official=False), loc=PROJECT)),
)
"""Type, id, and what is said beyond the format."""

PHASES: dict[str, Phase] = {"small": "frozen", "early": "before"}


def extensions_of(contents: ContestContents) -> list[Change]:
    """The changes that say more of what a small contest has."""
    there = {(change.type, change.id) for change in contents.changes}
    return [altered(contents, name, i, ext=ext) for name, i, ext in EXTENSIONS if (name, i) in there]


def extended(contents: ContestContents) -> ContestContents:
    """A small contest of which more is said."""
    said = extensions_of(contents)
    final = {name: dict(members) for name, members in contents.final.items()}
    for change in said:
        assert change.instance is not None
        final[change.type][change.id] = change.instance
    return msgspec.structs.replace(contents, changes=[*contents.changes, *said], final=final)


class StrictCaller(Caller):
    """Somebody who adds `strict=1` to everything that they ask for."""

    def url(self, path: str) -> URL:
        """The URL of a path, with the parameter."""
        return super().url(path + ("&" if "?" in path else "?") + "strict=1")


def strict(server: Running, login: Login | None = None) -> Caller:
    """Somebody with this login, in strict mode."""
    return StrictCaller(server.session, server.base, login)


@asynccontextmanager
async def serving_extended(dsn: str) -> AsyncIterator[Running]:
    """A server on a database with the small contests, in two of which more is said than the format has."""
    async with opened(dsn) as store:
        for contest_id, phase in PHASES.items():
            await append(store, contest_id, *extensions_of(small_contest(contest_id, phase)))
    async with running(dsn, keep_alive_s=0.2) as server:
        yield server

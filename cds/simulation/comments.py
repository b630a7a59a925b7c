"""What analysts say about submissions.

About a submission made during the freeze they say only that it came: they do not know more (JSON Format,
"Commentary"; roles of the contest). This module must not know when a comment is told.
"""

from cds.simulation.attempts import Attempt
from cds.simulation.world import World
from schemas.objects import Commentary

_SOURCE_ID = "analyst1"

_WORDS: dict[str, str] = {
    "arrived": "{team} sends a solution for {problem}.",
    "arrived-frozen": "{team} tries {problem}. The scoreboard is frozen, so we shall have to wait.",
    "rejected": "{team} fails on {problem} and has to think again.",
    "accepted": "{team} solves {problem}.",
    "first-to-solve": "{team} is the first to solve {problem}!",
    "gold-medal": "{team} solves {problem} and stands among the gold medals.",
    "silver-medal": "{team} solves {problem} and stands among the silver medals.",
    "bronze-medal": "{team} solves {problem} and stands among the bronze medals.",
    "winner": "{team} solves {problem} and takes the lead!",
}


def comment_on_arrival(world: World, attempt: Attempt, number: int, moment_ms: int) -> Commentary:
    """A comment on a submission whose verdict nobody may know."""
    return _comment(world, attempt, number, moment_ms, "arrived-frozen", ["submission"])


def comment_on_verdict(
    world: World, attempt: Attempt, number: int, moment_ms: int, *, solved: bool, honours: list[str]
) -> Commentary:
    """A comment on a verdict; `honours` are the awards that the team holds by it, the best first."""
    if not solved:
        return _comment(world, attempt, number, moment_ms, "rejected", ["submission", "rejected"])
    best = honours[0] if honours else "accepted"
    words = "first-to-solve" if best.startswith("first-to-solve") else best
    tags = ["submission", "accepted", *(f"accepted-{honour}" for honour in honours)]
    return _comment(world, attempt, number, moment_ms, words, tags)


def _comment(world: World, attempt: Attempt, number: int, moment_ms: int, words: str, tags: list[str]) -> Commentary:
    team_id = world.teams[attempt.team].team.id
    problem_id = world.problems[attempt.problem].problem.id
    return Commentary(
        id=str(number),
        time=world.moments.time(moment_ms),
        contest_time=world.moments.contest_time(moment_ms),
        message=_WORDS[words].format(team=f"{{teams:{team_id}}}", problem=f"{{problems:{problem_id}}}"),
        tags=tags,
        source_id=_SOURCE_ID,
        team_ids=[team_id],
        problem_ids=[problem_id],
        submission_ids=[str(attempt.number)],
    )

"""A match as a contest: the objects that it comes to, and the changes that bring the contest of the log level with it.

Pure. Everybody may read a contest, so it has nothing that not everybody may know: teams are there from the start of the
match, projects from its end, awards from the publication of the leaderboard, and a match that is hidden or deleted is
no contest. Nobody is named but by number (requirements-003, 5; the names of users are kept where they can be erased).
This module must not know who changes a match, nor where either of the two is kept.
"""

from collections.abc import Iterator

import msgspec

from cds.commands.accounts import login_erased
from cds.commands.contest_clock import state_by_now
from cds.commands.contest_moments import settings_change
from cds.commands.decision import ObjectChange, Refused
from cds.commands.matches.belonging import OF_MATCH
from cds.commands.reconcile import Objects, decide_emptying, decide_reconcile
from projections.contest import ContestState
from projections.match_standings import is_open
from projections.matches import Matches
from schemas.extensions import ContestExtension, LeagueOfCodeMatch, LeagueOfCodeProject, SubmissionExtension
from schemas.matches import Match, Party, Project
from schemas.object_types import SINGLETON_ID
from schemas.objects import Award, Contest, ContestObject, Language, Problem, State, Submission, Team
from schemas.times import format_relative_time, format_time

PROJECT = "project"
"""The id of the one problem, and of the one language, for a project may be written in any."""

LAST_MOMENT_MS = 1
"""So long before the end every project is handed in: what is handed in at the end is too late for a contest."""


def decide_level(state: ContestState, matches: Matches, match: Match, now_ms: int) -> list[ObjectChange]:
    """The changes that make the contest what the match is now; none where it is so.

    A match that is not open any more takes its contest away with everything in it, and brings back what is its own.
    That the contest is the match's comes first of all. Raises Refused for a contest of that id that is no match's:
    there may be one that is older than matches are here.
    """
    if not is_open(match):
        return _taken_away(state) if state.settings.match == match.id else []
    if state.contest is not None and state.settings.match != match.id:
        raise Refused(f"there is a contest {match.id} that is no match's", "id", ground="conflict")
    objects = contest_of(matches, match)
    wanted: Objects = {**objects, "state": {SINGLETON_ID: _moments(objects, now_ms)}}
    settings = msgspec.structs.replace(state.settings, match=match.id, clock=False, follows_times=True)
    return [*settings_change(state, settings), *decide_reconcile(state, wanted, wanted)]


def _taken_away(state: ContestState) -> list[ObjectChange]:
    """Everything goes, and with the accounts whether they may log in: who comes back under such an id is another."""
    return [*map(login_erased, state.objects["accounts"]), *decide_emptying(state)]


def contest_of(matches: Matches, match: Match) -> Objects:
    """All objects of the contest of an open match, by type and id."""
    found: dict[str, dict[str, ContestObject]] = {name: {} for name in OF_MATCH}
    found["contest"][SINGLETON_ID] = _contest(match)
    found["languages"][PROJECT] = Language(id=PROJECT, name="Any", entry_point_required=False, extensions=[])
    found["problems"][PROJECT] = Problem(
        id=PROJECT, label="P", name="Project", ordinal=1, test_data_count=0, max_score=100
    )
    if not match.started:
        return found
    parties = matches.participating(match.id)
    found["teams"] = {party.id: _team(party) for party in parties}
    if match.ended:
        handed_in = ((party, matches.project(match.id, party.id)) for party in parties)
        found["submissions"] = {
            party.id: _submission(match, party, project) for party, project in handed_in if project is not None
        }
    if match.ended and match.published:
        found["awards"] = {award.id: award for award in _awards(parties)}
    return found


def _contest(match: Match) -> Contest:
    loc = LeagueOfCodeMatch(
        slug=match.slug,
        short_description=match.short_description,
        long_description=match.long_description if match.started else None,
    )
    return Contest(
        id=match.id,
        name=match.title,
        start_time=format_time(match.start_ms),
        duration=format_relative_time(match.end_ms - match.start_ms),
        scoreboard_type="score",
        ext=ContestExtension(loc=loc),
    )


def _team(party: Party) -> Team:
    return Team(id=party.id, name=f"Party {party.number}", label=str(party.number))


def _submission(match: Match, party: Party, project: Project) -> Submission:
    handed_in_ms = match.end_ms - LAST_MOMENT_MS
    loc = LeagueOfCodeProject(url=project.url, title=project.title, description=project.description)
    return Submission(
        id=party.id,
        language_id=PROJECT,
        problem_id=PROJECT,
        team_id=party.id,
        time=format_time(handed_in_ms),
        contest_time=format_relative_time(handed_in_ms - match.start_ms),
        files=[],
        ext=SubmissionExtension(loc=loc),
    )


def _awards(parties: list[Party]) -> Iterator[Award]:
    """The winner, and an award for every place, of all who have come in there."""
    places: dict[int, list[str]] = {}
    for party in parties:
        if party.position is not None:
            places.setdefault(party.position, []).append(party.id)
    if 1 in places:
        yield Award(id="winner", citation="Winner", team_ids=places[1])
    for position, team_ids in sorted(places.items()):
        yield Award(id=f"rank-{position}", citation=f"Rank {position}", team_ids=team_ids)


def _moments(objects: Objects, now_ms: int) -> State:
    """What has happened by the times of the match. It is never final: its results are the awards, which may change."""
    contest = objects["contest"][SINGLETON_ID]
    if not isinstance(contest, Contest):
        raise TypeError(f"the contest is a {type(contest).__name__}")
    return state_by_now(contest, None, now_ms)

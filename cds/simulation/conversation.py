"""What teams ask and judges answer: clarifications of every direction.

Most answers go to the team that asked, some to everybody, some to a whole site. This module must not know submissions.
"""

from collections.abc import Sequence
from operator import attrgetter

import msgspec

from cds.simulation.chance import Chance
from cds.simulation.contest_setup import SimulatedProblem
from cds.simulation.moments import Moments
from cds.simulation.parameters import SimulationParameters
from cds.simulation.participants import SimulatedTeam
from schemas.objects import Clarification

_QUESTIONS = (
    "Can the input contain the same number twice?",
    "Is the output case sensitive?",
    "May n be zero?",
    "Does the second sample match the statement?",
    "Are the coordinates integers?",
    "Is trailing white space accepted?",
    "Does the order of the answers matter?",
    "What does “adjacent” mean in the third paragraph?",
    "Our keyboard has a stuck key. Can we get another one?",
)
_ANSWERS = ("Yes.", "No.", "Please read the statement again.", "No comment.", "A runner is on the way.")
_ANNOUNCEMENTS = (
    "Welcome! The contest has started. Good luck to all teams.",
    "The limits of the second sample have been corrected in the printed statement.",
    "Please keep the aisles free. Balloons need them.",
    "Lunch is served at your desks now.",
    "The printers are back.",
)
_SITE_ANNOUNCEMENT = "The network at your site was slow for a few minutes. Nothing was lost."

_WELCOME_MS = 60_000
_ANSWERED_AFTER_MS = (40_000, 8 * 60_000)
_BROADCAST_SHARE = 0.3
_SITE_SHARE = 0.06
_ABOUT_A_PROBLEM = 0.8
_ANNOUNCEMENTS_PER = 8


class _Draft(msgspec.Struct, kw_only=True):
    """A clarification before it has its number; `question` is the one that it answers."""

    moment_ms: int
    text: str
    from_team_id: str | None = None
    to_team_ids: list[str] | None = None
    to_group_ids: list[str] | None = None
    problem_id: str | None = None
    question: "_Draft | None" = None


def make_clarifications(
    parameters: SimulationParameters,
    teams: Sequence[SimulatedTeam],
    problems: Sequence[SimulatedProblem],
    moments: Moments,
) -> list[tuple[int, Clarification]]:
    """Exactly as many clarifications as asked for, each with its contest time in ms, in the order of time."""
    count = parameters.clarification_count
    chance = Chance(parameters.seed, "clarifications")
    announcements = (count + _ANNOUNCEMENTS_PER - 1) // _ANNOUNCEMENTS_PER
    # Questions come with answers: what does not pair is announced.
    announcements += (count - announcements) % 2
    drafts = [_announcement(parameters, chance, number) for number in range(announcements)]
    sites = [row.site_id for row in teams if row.site_id is not None]
    if announcements > 1 and sites:
        # The last announcement goes to one site, whatever chance does to the answers.
        drafts[-1].text, drafts[-1].to_group_ids = _SITE_ANNOUNCEMENT, [sites[0]]
    for _ in range((count - announcements) // 2):
        question = _question(parameters, chance, teams, problems)
        drafts += [question, _answer(chance, question, teams)]
    return _numbered(drafts, moments)


def _announcement(parameters: SimulationParameters, chance: Chance, number: int) -> _Draft:
    moment_ms = chance.below(parameters.duration_ms) if number else min(_WELCOME_MS, parameters.duration_ms // 2)
    return _Draft(moment_ms=moment_ms, text=_ANNOUNCEMENTS[number % len(_ANNOUNCEMENTS)])


def _question(
    parameters: SimulationParameters,
    chance: Chance,
    teams: Sequence[SimulatedTeam],
    problems: Sequence[SimulatedProblem],
) -> _Draft:
    problem_id = chance.one_of(problems).problem.id if chance.happens(_ABOUT_A_PROBLEM) else None
    return _Draft(
        moment_ms=chance.between(1, parameters.duration_ms - 1),
        text=chance.one_of(_QUESTIONS),
        from_team_id=chance.one_of(teams).team.id,
        problem_id=problem_id,
    )


def _answer(chance: Chance, question: _Draft, teams: Sequence[SimulatedTeam]) -> _Draft:
    answer = _Draft(
        moment_ms=question.moment_ms + chance.between(*_ANSWERED_AFTER_MS),
        text=chance.one_of(_ANSWERS),
        problem_id=question.problem_id,
        question=question,
    )
    site_id = next(row.site_id for row in teams if row.team.id == question.from_team_id)
    widened = chance.fraction()
    if widened < _BROADCAST_SHARE:
        return answer
    if widened < _BROADCAST_SHARE + _SITE_SHARE and site_id is not None:
        answer.to_group_ids = [site_id]
    elif question.from_team_id is not None:
        answer.to_team_ids = [question.from_team_id]
    return answer


def _numbered(drafts: list[_Draft], moments: Moments) -> list[tuple[int, Clarification]]:
    ordered = sorted(drafts, key=attrgetter("moment_ms"))
    numbers = {id(draft): str(number) for number, draft in enumerate(ordered, start=1)}
    return [
        (
            draft.moment_ms,
            Clarification(
                id=numbers[id(draft)],
                from_team_id=draft.from_team_id,
                to_team_ids=draft.to_team_ids,
                to_group_ids=draft.to_group_ids,
                reply_to_id=numbers[id(draft.question)] if draft.question is not None else None,
                problem_id=draft.problem_id,
                text=draft.text,
                time=moments.time(draft.moment_ms),
                contest_time=moments.contest_time(draft.moment_ms),
            ),
        )
        for draft in ordered
    ]

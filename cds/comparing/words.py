"""How a comparison is put into words, the same on the terminal and on a page.

This module must not know where the words are written, nor escape anything.
"""

from collections.abc import Iterator, Mapping
from typing import cast

import msgspec
from msgspec import UNSET

from projections.comparison_properties import FILES
from projections.comparison_results import Comparison, Judged, Listed, Standing
from projections.contest import ContestState
from schemas.aggregates import ProblemCell, Score
from schemas.objects import Problem, Team

VALUE_CHARACTERS_MAX = 200
"""As much of a value is shown; what is longer is cut off."""

VALUE_CHARACTERS_BEFORE = 40
"""So much of what two long values have in common is shown before the place at which they part."""

NAME_CHARACTERS_MAX = 28
"""The longest name of a side that stands above columns; sides with longer ones are called A and B there."""

NOTHING = "–"


class Captions(msgspec.Struct, frozen=True):
    """What people call teams and problems, by id."""

    teams: Mapping[str, str]
    problems: Mapping[str, str]

    def team(self, team_id: str | None) -> str:
        """A team with its name."""
        if team_id is None:
            return NOTHING
        name = self.teams.get(team_id, "")
        return f"{team_id} {name}" if name and name != team_id else team_id

    def problem(self, problem_id: str) -> str:
        """A problem by its label."""
        label = self.problems.get(problem_id, "")
        return f"{label} ({problem_id})" if label and label != problem_id else problem_id


def captions_of(a: ContestState, b: ContestState) -> Captions:
    """What the two sides call teams and problems; where both have one, the first side's word counts."""
    teams = cast("dict[str, Team]", {**b.objects["teams"], **a.objects["teams"]})
    problems = cast("dict[str, Problem]", {**b.objects["problems"], **a.objects["problems"]})
    return Captions(
        {team_id: team.display_name or team.name for team_id, team in teams.items()},
        {problem_id: problem.label for problem_id, problem in problems.items()},
    )


def title(comparison: Comparison) -> str:
    """What is compared with what."""
    if (comparison.a, comparison.b) == sides(comparison):
        return f"{comparison.a} against {comparison.b}"
    return f"A: {comparison.a} against B: {comparison.b}"


def sides(comparison: Comparison) -> tuple[str, str]:
    """How the sides are called in sentences and tables."""
    a, b = comparison.a, comparison.b
    return ("A", "B") if a == b or max(len(a), len(b)) > NAME_CHARACTERS_MAX else (a, b)


def summary(comparison: Comparison) -> Iterator[str]:
    """What was found, one sentence for each kind of difference; one sentence alone when there is none."""
    if comparison.equal:
        yield "No differences."
        return
    submissions, board, (a, b) = comparison.submissions, comparison.scoreboard, sides(comparison)
    missing = sum(each.missing.count for each in comparison.missing)
    unknown = sum(each.unknown.count for each in comparison.missing)
    kinds = (
        (
            submissions.count,
            (
                f"{_count(submissions.count, 'submission')} judged otherwise, {comparison.mattering} of which would "
                "change the scoreboard by themselves."
            ),
        ),
        (missing, f"{_count(missing, 'object')} missing in {b}."),
        (unknown, f"{_count(unknown, 'object')} unknown to {a}."),
        (comparison.properties.count, f"{_count(comparison.properties.count, 'property', 'properties')} differing."),
        (
            board.rows.count,
            f"Scoreboards: {_count(board.rows.count, 'row')} differing, {board.cells} cells and {board.ranks} ranks.",
        ),
        (comparison.awards.count, f"{_count(comparison.awards.count, 'award')} differing."),
        (
            comparison.computed_awards.count,
            f"{_count(comparison.computed_awards.count, 'award')} would go to other teams by the scoreboards.",
        ),
    )
    yield from (sentence for count, sentence in kinds if count)


def how_matched(comparison: Comparison) -> str:
    """How the submissions of both sides were found to be the same."""
    matched = comparison.matched
    told = f"{_count(matched.by_id, 'submission')} matched by id"
    if matched.by_content:
        told += f", {matched.by_content} by team, problem and time, as they are numbered otherwise"
    return f"{told}."


def not_ended(comparison: Comparison) -> Iterator[str]:
    """Which sides may have had more to tell, one sentence for each."""
    names = dict(zip(("a", "b"), sides(comparison), strict=True))
    for feed in comparison.open_feeds:
        yield (
            f"{names[feed.side]} did not end its feed: compared after {_count(feed.lines, 'line')} and "
            f"{feed.waited_s:g} s of waiting for more; what it may tell later is missing here."
        )


def not_compared(comparison: Comparison) -> str:
    """What was left out, empty when nothing was."""
    left_out = [each for each in comparison.left_out if each not in FILES]
    if len(comparison.left_out) - len(left_out) == len(FILES):
        left_out.append("files")
    else:
        left_out = list(comparison.left_out)
    return f"Not compared: {', '.join(left_out)}." if left_out else ""


def more(listed: Listed[object], shown: int) -> str:
    """What is said below a list of which so many entries are shown; empty when all are."""
    return f"and {listed.count - shown} more" if listed.count > shown else ""


def verdict_text(judged: Judged) -> str:
    """The verdict of one side, with its score where there is one."""
    return judged.verdict if judged.score is None else f"{judged.verdict} {number_text(judged.score)}"


def number_text(number: float) -> str:
    """A number in as few digits as say it exactly, so that two that differ never look the same."""
    return repr(number).removesuffix(".0")


def value_texts(a: msgspec.Raw, b: msgspec.Raw) -> tuple[str, str]:
    """Two values that differ, as JSON; a dash for none. Of long ones a part in which they do."""
    text_a, text_b = _value_text(a), _value_text(b)
    pairs = enumerate(zip(text_a, text_b, strict=False))
    differs_at = next((index for index, (mine, other) in pairs if mine != other), min(len(text_a), len(text_b)))
    begin = differs_at - VALUE_CHARACTERS_BEFORE if differs_at >= VALUE_CHARACTERS_MAX else 0
    return _cut(text_a, begin), _cut(text_b, begin)


def _value_text(value: msgspec.Raw) -> str:
    text = bytes(value).decode()
    return NOTHING if text == "null" else text


def _cut(text: str, begin: int) -> str:
    end = begin + VALUE_CHARACTERS_MAX
    return f"{'…' if begin else ''}{text[begin:end]}{'…' if len(text) > end else ''}"


def standing_text(standing: Standing | None) -> str:
    """Rank and score of a team."""
    if standing is None:
        return "not on the board"
    return f"{standing.rank}. with {_score_text(standing.score)}"


def cell_text(cell: ProblemCell | None) -> str:
    """What a team has reached on one problem."""
    if cell is None:
        return "no such problem"
    tries = f"{cell.num_judged} judged"
    pending = f", {cell.num_pending} pending" if cell.num_pending else ""
    at = "" if cell.time is UNSET else f" at {_short(cell.time)}"
    if cell.score is not UNSET:
        return f"{number_text(cell.score)}{at}, {tries}{pending}"
    return f"solved{at}, {tries}{pending}" if cell.solved is True else f"{tries}{pending}"


def _score_text(score: Score) -> str:
    if score.score is not UNSET:
        return f"{number_text(score.score)} points"
    total = "" if score.total_time is UNSET else f", {_short(score.total_time)}"
    return f"{score.num_solved or 0} solved{total}"


def _short(relative_time: str) -> str:
    """A time without its milliseconds where it has none."""
    return relative_time.removesuffix(".000")


def _count(count: int, one: str, many: str = "") -> str:
    return f"{count} {one if count == 1 else many or f'{one}s'}"

"""The scoreboard a second time: slow, obvious, and independent of the projections.

Written straight from the rules, over the objects that are left when all events are folded, with loops instead of
indexes; what judgements bring is in `slow_scores`. It shares the structures of the objects with the product, and
nothing else.
"""

from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from decimal import Decimal
from functools import cache
from typing import Any, cast

from schemas.objects import (
    Contest,
    ContestObject,
    Judgement,
    JudgementType,
    Problem,
    Run,
    State,
    Submission,
    Team,
)
from tests.projections.slow_scores import brought_by, mode_of, needs_runs, plain, result_of, task_of

Objects = dict[str, dict[str, ContestObject]]
Event = tuple[str, str, ContestObject | None]
MINUTE = timedelta(minutes=1)
ZERO = timedelta(0)


def fold(events: Iterable[Event]) -> Objects:
    """What is left: by type and id, in the order of creation."""
    objects: Objects = {}
    for type_name, identifier, instance in events:
        collection = objects.setdefault(type_name, {})
        if instance is None:
            collection.pop(identifier, None)
        else:
            collection[identifier] = instance
    return objects


class SlowScoreboard:
    """The board for one kind of viewer; `name_order` is the order of names inside a tie."""

    def __init__(self, objects: Objects, *, frozen: bool, name_order: Callable[[str], Any]) -> None:
        self.contest = cast("Contest | None", objects.get("contest", {}).get(""))
        self.state = cast("State | None", objects.get("state", {}).get(""))
        self.types = cast("dict[str, JudgementType]", objects.get("judgement-types", {}))
        self.problems = sorted(
            cast("Iterable[Problem]", objects.get("problems", {}).values()), key=lambda p: (p.ordinal, p.id)
        )
        self.teams = cast("list[Team]", list(objects.get("teams", {}).values()))
        self.submissions = cast("list[Submission]", list(objects.get("submissions", {}).values()))
        self.judgements = cast("list[Judgement]", list(objects.get("judgements", {}).values()))
        self.runs = cast("list[Run]", list(objects.get("runs", {}).values()))
        self.frozen = frozen
        self.name_order = name_order

    def board(self, group_id: str | None = None, *, problems_visible: bool = True) -> dict[str, Any]:
        """The whole board as plain JSON values."""
        problems = self.problems if problems_visible else []
        teams = self.shown_teams(group_id)
        entries = []
        for team in teams:
            cells = [self.cell(team, problem) for problem in problems]
            entries.append((self.order(cells), team, self.score(cells), cells))
        entries.sort(key=lambda entry: (entry[0], self.name_order(entry[1].name), entry[1].id))
        rows = []
        for order, team, score, cells in entries:
            rank = 1 + sum(other[0] < order for other in entries)
            shown = [{name: value for name, value in cell.items() if not name.startswith("_")} for cell in cells]
            rows.append({"rank": rank, "team_id": team.id, "score": score, "problems": shown})
        time = self.last_known_time([team.id for team in teams], [problem.id for problem in problems])
        return {
            "time": iso(time),
            "contest_time": reltime(self.contest_time_of(time)),
            "state": self.state_object(),
            "rows": rows,
        }

    def shown_teams(self, group_id: str | None) -> list[Team]:
        if group_id is None and self.contest is not None:
            group_id = self.contest.main_scoreboard_group_id
        return [team for team in self.teams if group_id is None or group_id in (team.group_ids or [])]

    def first_to_solve(self) -> dict[str, str]:
        """Who solved first, unless something earlier on the problem is pending."""
        team_ids = [team.id for team in self.shown_teams(None)]
        first = {}
        for problem in self.problems:
            for submission in self.counted(team_ids, problem.id):
                verdict = self.verdict(submission)
                if verdict is None:
                    break
                if verdict.solved:
                    first[problem.id] = str(submission.team_id)
                    break
        return first

    def counted(self, team_ids: list[str], problem_id: str) -> list[Submission]:
        """The submissions of these teams on a problem that lie in the contest, in contest time order."""
        found = []
        for submission in self.submissions:
            time = duration(submission.contest_time)
            too_late = self.contest is not None and time >= duration(self.contest.duration)
            cms = submission.ext.cms if submission.ext is not None else None
            if cms is not None and cms.official is False:
                continue
            if cms is not None and cms.official is True:
                too_late = False
            if submission.team_id in team_ids and submission.problem_id == problem_id and time >= ZERO and not too_late:
                found.append(submission)
        return sorted(found, key=lambda submission: duration(submission.contest_time))

    def judgement(self, submission: Submission) -> Judgement | None:
        best = None
        for judgement in self.judgements:
            usable = judgement.current in (None, True) and judgement.judgement_type_id is not None
            if judgement.submission_id != submission.id or not usable:
                continue
            if best is None or instant(judgement.start_time) >= instant(best.start_time):
                best = judgement
        return best

    def verdict(self, submission: Submission) -> JudgementType | None:
        judgement = self.judgement(submission)
        if judgement is None or judgement.judgement_type_id == "JE" or self.hidden(submission):
            return None
        return self.types.get(str(judgement.judgement_type_id))

    def hidden(self, submission: Submission) -> bool:
        freeze = self.freeze()
        thawed = self.state is not None and bool(self.state.thawed)
        return self.frozen and not thawed and freeze is not None and duration(submission.contest_time) >= freeze

    def freeze(self) -> timedelta | None:
        freezes = []
        if self.contest is not None and self.contest.scoreboard_freeze_duration is not None:
            freezes.append(duration(self.contest.duration) - duration(self.contest.scoreboard_freeze_duration))
        if self.contest is not None and self.state is not None and self.state.frozen and self.start() is not None:
            freezes.append(self.contest_time_of(instant(str(self.state.frozen))))
        return min(freezes) if freezes else None

    def cell(self, team: Team, problem: Problem) -> dict[str, Any]:
        submissions = self.counted([team.id], problem.id)
        if self.contest is not None and self.contest.scoreboard_type == "score":
            return self.score_cell(problem, submissions)
        return self.pass_fail_cell(problem, submissions)

    def pass_fail_cell(self, problem: Problem, submissions: list[Submission]) -> dict[str, Any]:
        verdicts = [self.verdict(submission) for submission in submissions]
        solves = [number for number, verdict in enumerate(verdicts) if verdict is not None and verdict.solved]
        relevant = verdicts[: solves[0] + 1] if solves else verdicts
        judged = [verdict for verdict in relevant if verdict is not None]
        counted = [
            verdict
            for verdict in judged
            if verdict.solved or (verdict.penalty is not False and (verdict.penalty or verdict.id not in ("CE", "CTL")))
        ]
        cell = {
            "problem_id": problem.id,
            "num_judged": len(counted),
            "num_pending": 0 if solves else relevant.count(None),
            "solved": bool(solves),
            "_penalty": ZERO,
        }
        if solves:
            solve = duration(submissions[solves[0]].contest_time) // MINUTE * MINUTE
            fine = ZERO
            if self.contest is not None and self.contest.penalty_time is not None:
                fine = duration(self.contest.penalty_time)
            cell |= {"time": reltime(solve), "_time": solve}
            cell["_penalty"] = solve + fine * sum(v.penalty is True for v in judged if not v.solved)
        return cell

    def score_cell(self, problem: Problem, submissions: list[Submission]) -> dict[str, Any]:
        cell: dict[str, Any] = {"problem_id": problem.id, "num_judged": 0, "num_pending": 0}
        judged = []
        for submission in submissions:
            verdict, judgement = self.verdict(submission), self.judgement(submission)
            if verdict is None or judgement is None:
                cell["num_pending"] += 1
                continue
            if verdict.id not in ("CE", "CTL"):
                cell["num_judged"] += 1
            runs = [run for run in self.runs if run.judgement_id == judgement.id]
            judged.append((submission, brought_by(problem, judgement, runs, self.types)))
        score, reached_with = result_of(problem, judged)
        cell["score"] = plain(score)
        if reached_with is not None:
            cell["_time"] = duration(reached_with.contest_time)
            cell["time"] = reltime(cell["_time"])
        most: float | None = problem.max_score
        task = task_of(problem)
        if most is None and task is not None and task.subtasks:
            most = sum(each.max_score for each in task.subtasks)
        if most is not None and score >= most and mode_of(problem) != "last":
            cell["num_pending"] = 0
        return cell

    def score(self, cells: list[dict[str, Any]]) -> dict[str, Any]:
        times = [cell["_time"] for cell in cells if "_time" in cell]
        time = reltime(max(times)) if times else None
        if self.contest is not None and self.contest.scoreboard_type == "score":
            total = sum((Decimal(str(cell["score"])) for cell in cells), Decimal(0))
            return {"score": int(total) if total == total.to_integral_value() else float(total), "time": time}
        total_time = sum((cell["_penalty"] for cell in cells), ZERO)
        solved = sum(cell["solved"] for cell in cells)
        return {"num_solved": solved, "total_time": reltime(total_time), "time": time}

    def order(self, cells: list[dict[str, Any]]) -> tuple[Any, ...]:
        last = max((cell["_time"] for cell in cells if "_time" in cell), default=ZERO)
        if self.contest is not None and self.contest.scoreboard_type == "score":
            return (-sum((Decimal(str(cell["score"])) for cell in cells), Decimal(0)), last)
        solved = sum(cell["solved"] for cell in cells)
        return (-solved, sum((cell["_penalty"] for cell in cells), ZERO), last)

    def start(self) -> datetime | None:
        if self.contest is None:
            return None
        if self.state is not None and self.state.started:
            return instant(str(self.state.started))
        return None if self.contest.start_time is None else instant(self.contest.start_time)

    def contest_time_of(self, moment: datetime) -> timedelta:
        start = self.start()
        if start is None:
            return ZERO
        removed = ZERO
        for interval in (self.state.removed_intervals or []) if self.state is not None else []:
            begin, end = instant(interval.start), None if interval.end is None else instant(interval.end)
            if moment >= begin and (end is None or moment < end):
                return duration(interval.contest_time)
            if end is not None and moment >= end:
                removed += end - begin
        return moment - start - removed

    def last_known_time(self, team_ids: list[str], problem_ids: list[str]) -> datetime:
        """The latest of everything that whoever sees the board knows of."""
        known = [instant(value) for value in self.state_object().values() if isinstance(value, str)]
        for interval in self.state_object().get("removed_intervals", []):
            known += [instant(interval[name]) for name in ("start", "end") if name in interval]
        for problem_id in problem_ids:
            for submission in self.counted(team_ids, problem_id):
                known.append(instant(submission.time))
                if not self.hidden(submission):
                    own = [each for each in self.judgements if each.submission_id == submission.id]
                    known += [instant(each.end_time) for each in own if each.end_time is not None]
                    known += self.times_of_runs(submission)
        start = None if self.contest is None or self.contest.start_time is None else instant(self.contest.start_time)
        last = max(known) if known else start or datetime.fromisoformat("1970-01-01T00:00:00+00:00")
        return last.astimezone(start.tzinfo if start is not None else datetime.fromisoformat(EPOCH).tzinfo)

    def times_of_runs(self, submission: Submission) -> list[datetime]:
        """When the runs were that have a say in the score of a submission."""
        judgement = self.judgement(submission)
        problem = next(each for each in self.problems if each.id == submission.problem_id)
        if self.contest is None or self.contest.scoreboard_type != "score" or judgement is None:
            return []
        if not needs_runs(problem, judgement):
            return []
        return [instant(run.time) for run in self.runs if run.judgement_id == judgement.id]

    def state_object(self) -> dict[str, Any]:
        """The state object as plain JSON values: null for what has not happened, removed intervals if there are any."""
        if self.state is None:
            return {}
        names = ("started", "frozen", "ended", "thawed", "finalized", "end_of_updates")
        plain: dict[str, Any] = {name: getattr(self.state, name) for name in names}
        if self.state.removed_intervals is not None:
            plain["removed_intervals"] = [
                {"start": interval.start}
                | ({} if interval.end is None else {"end": interval.end})
                | {"contest_time": interval.contest_time}
                for interval in self.state.removed_intervals
            ]
        return plain


EPOCH = "1970-01-01T00:00:00+00:00"


@cache
def instant(text: str) -> datetime:
    return datetime.fromisoformat(text)


def iso(moment: datetime) -> str:
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


@cache
def duration(text: str) -> timedelta:
    hours, minutes, seconds = text.removeprefix("-").split(":")
    whole = timedelta(hours=int(hours), minutes=int(minutes), milliseconds=round(float(seconds) * 1000))
    return -whole if text.startswith("-") else whole


def reltime(time: timedelta) -> str:
    sign = "-" if time < ZERO else ""
    milliseconds = abs(time) // timedelta(milliseconds=1)
    hours, minutes, seconds = milliseconds // 3_600_000, milliseconds // 60_000 % 60, milliseconds // 1000 % 60
    return f"{sign}{hours}:{minutes:02}:{seconds:02}.{milliseconds % 1000:03}"

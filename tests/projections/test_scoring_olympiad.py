"""A real olympiad, read as `cds import` reads it: every participant's score of every task is the official one."""

import json

import msgspec
import pytest

from projections.task_scores import submission_score, task_score
from schemas.extensions import CmsTask, ProblemExtension, ScoreMode
from schemas.objects import Problem
from tests.cds.packages.packages import read
from tests.projections.scoreboard_builders import Boards
from tests.projections.test_scoreboard_real_contests import DATA, official

pytestmark = pytest.mark.skipif(not DATA.is_dir(), reason="needs the recorded contests in ../shared/data")

OLYMPIAD = "roi-2021-mini"


def imported(source: str) -> Boards:
    """The boards of what was imported."""
    contents = read(DATA / OLYMPIAD / source, "roi2021d1")
    return Boards((change.type, change.id, change.instance) for change in contents.changes)


@pytest.mark.parametrize("source", ["package", "event-feed-2023-06.ndjson", "event-feed-2026-01.ndjson"])
@pytest.mark.parametrize("mode", [None, "max"])
def test_every_task_score_and_rank_is_the_official_one(source: str, mode: ScoreMode | None) -> None:
    """Nothing else comes out when the tasks say what counts where nothing is said."""
    boards = imported(source)
    for problem in [*boards.state.objects["problems"].values()] if mode is not None else []:
        assert isinstance(problem, Problem)
        said = ProblemExtension(cms=CmsTask(score_mode=mode))
        boards.apply(("problems", problem.id, msgspec.structs.replace(problem, ext=said)))
    rows = json.loads(boards.live.scoreboard())["rows"]
    expected = official(OLYMPIAD)
    assert [(row["rank"], row["team_id"], row["score"]["score"]) for row in rows] == [
        (row["rank"], row["team_id"], row["score"]["score"]) for row in expected
    ]
    for row in expected:
        for cell in row["problems"]:
            told = task_score(boards.state, boards.live, row["team_id"], cell["problem_id"])
            assert (told.score, told.public_score, told.partial) == (cell["score"], cell["score"], False)
            assert (told.max_score, told.max_public_score) == (100, 100)


def test_every_submission_is_told_the_score_of_its_judgement() -> None:
    boards = imported("package")
    judgements = json.loads((DATA / OLYMPIAD / "package" / "judgements.json").read_text(encoding="utf-8"))
    scores = {each["submission_id"]: each.get("score") for each in judgements}
    assert len(scores) == len(boards.state.objects["submissions"]) > 600
    for submission_id, score in scores.items():
        told = submission_score(boards.state, boards.live, submission_id)
        assert (told.score, told.public_score, told.parts) == (score, score, ())

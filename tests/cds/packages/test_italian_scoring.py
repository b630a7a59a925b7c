"""How tasks of the Italian format are scored: groups of test cases, sums, and what contestants see of them."""

from pathlib import Path

import pytest

from tests.cds.packages.italian_contests import GEN, cms_task, of_task, problem, regional
from tests.cds.packages.packages import Content


def test_subtasks_come_from_the_comments_of_gen(tmp_path: Path) -> None:
    tree = problem(tmp_path, regional(), "tree")
    subtasks = cms_task(tree).subtasks or []
    assert [(each.max_score, each.ordinals, each.rule, each.public) for each in subtasks] == [
        (0, [1], "min", True),
        (30, [2, 3], "min", True),
        (70, [4, 5], "min", True),
    ]
    assert (tree.max_score, tree.test_data_count, cms_task(tree).score_mode) == (100, 5, "max_subtask")


GROUPS = [
    ("GroupMin", "[[20, 2], [80, 3]]", [(20, [1, 2]), (80, [3, 4, 5])]),
    ("GroupMin", "[[20, '00[01]'], [80, '00[234]']]", [(20, [1, 2]), (80, [3, 4, 5])]),
    ("GroupMul", "[[40.5, '.*'], [59.5, '004']]", [(40.5, [1, 2, 3, 4, 5]), (59.5, [5])]),
    ("GroupMin", "[[20, ['000', '003']], [80, ['001', '002', '004']]]", [(20, [1, 4]), (80, [2, 3, 5])]),
    ("GroupThreshold", "[[20, 2, 0.5], [80, 3, 0.7]]", [(20, [1, 2]), (80, [3, 4, 5])]),
    ("GroupMin", "'[[20, 2], [80, \"00[234]\"]]'", [(20, [1, 2]), (80, [3, 4, 5])]),
]


@pytest.mark.parametrize(("score_type", "parameters", "expected"), GROUPS)
def test_groups_come_from_the_parameters(
    tmp_path: Path, score_type: str, parameters: str, expected: list[tuple[float, list[int]]]
) -> None:
    task = f"n_input: 5\nscore_type: {score_type}\nscore_type_parameters: {parameters}\n"
    found = problem(tmp_path, of_task(task, **{"sum/gen/GEN": GEN}))
    subtasks = cms_task(found).subtasks or []
    assert [(each.max_score, each.ordinals) for each in subtasks] == expected
    assert {each.rule for each in subtasks} == {"min"}
    assert {each.public for each in subtasks} == {None}
    assert found.max_score == 100


SUMS = [
    ("n_input: 4\n", 100, [("Tests", 100, [1, 2, 3, 4], None)]),
    ("n_input: 4\ntotal_value: 10\npublic_testcases: all\n", 10, [("Tests", 10, [1, 2, 3, 4], True)]),
    ("n_input: 4\nscore_type: Sum\nscore_type_parameters: 2.5\n", 10, [("Tests", 10, [1, 2, 3, 4], None)]),
    ('n_input: 4\npublic_testcases: ""\n', 100, [("Tests", 100, [1, 2, 3, 4], False)]),
    (
        "n_input: 4\nrisultati: 0, 2,3\n",
        100,
        [("Public tests", 75, [1, 3, 4], True), ("Private tests", 25, [2], False)],
    ),
]


@pytest.mark.parametrize(("task", "max_score", "expected"), SUMS)
def test_a_sum_is_one_part_or_one_that_is_seen_and_one_that_is_not(
    tmp_path: Path, task: str, max_score: float, expected: list[tuple[str, float, list[int], bool | None]]
) -> None:
    found = problem(tmp_path, of_task(task))
    subtasks = cms_task(found).subtasks or []
    assert [(each.name, each.max_score, each.ordinals, each.public) for each in subtasks] == expected
    assert found.max_score == max_score
    assert {each.rule for each in subtasks} == {"sum"}


def test_a_group_is_seen_when_all_its_tests_are(tmp_path: Path) -> None:
    task = "n_input: 5\npublic_testcases: 0,1,2,3\n"
    subtasks = cms_task(problem(tmp_path, of_task(task, **{"sum/gen/GEN": GEN}))).subtasks or []
    assert [each.public for each in subtasks] == [True, True, False]


def test_the_tests_are_counted_where_their_number_is_not_said(tmp_path: Path) -> None:
    inputs: dict[str, Content] = {f"sum/input/input{number}.txt": "1\n" for number in range(7)}
    assert problem(tmp_path, of_task("score_mode: max\n", **inputs)).test_data_count == 7

"""Boards over what is told are ready however much is told meanwhile, and rest on the order that is told."""

import json
from random import Random

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from projections.told import FIRST, Line, Told
from projections.told_boards import FOLDED_AT_ONCE, ToldBoards
from projections.told_order import NUMBERS_APART, STEP, ToldOrder
from projections.told_view import TYPE_NAMES, ToldView
from schemas.object_types import OBJECT_TYPES
from schemas.objects import ContestObject
from tests.builders import judgement, running, setup, submission

TYPE_OF = {row.structure: name for name, row in OBJECT_TYPES.items()}
SUBMISSIONS = 5 * FOLDED_AT_ONCE


class Telling:
    """A view that is told of one object after the other."""

    def __init__(self) -> None:
        self.view = ToldView("public")
        self._places = 0
        for change in (*setup(), *running()):
            if change.instance is not None and change.type not in ("accounts", "persons", "clarifications"):
                self.tell(change.instance)

    def tell(self, instance: ContestObject, behind: str | None = None) -> None:
        name = TYPE_OF[type(instance)]
        row, data = OBJECT_TYPES[name], msgspec.json.encode(instance).decode()
        identifier = "null" if row.singleton else json.dumps(getattr(instance, "id"))  # noqa: B009
        self._places += 1
        body = f'{{"type":"{name}","id":{identifier},"data":{data},"token":"{self._places:022}'
        self.view.take(Told((Line(TYPE_NAMES.index(name), body.encode(), (), behind),), 1_000))

    def board(self) -> bytes:
        """The board of one who asks for the first time."""
        return ToldBoards(self.view).scoreboard(frozen=True, group_id=None)


def test_a_board_is_made_while_lines_keep_coming() -> None:
    """A line at every step, and others who ask at the same time: no step is taken twice."""
    telling = Telling()
    for number in range(SUBMISSIONS):
        telling.tell(submission(f"x{number}", "t1", "a", "2:00:00.000"))
    boards = ToldBoards(telling.view)
    first, second = boards.making(), boards.making()
    steps = 0
    for _ in first:
        steps += 1
        telling.tell(submission(f"y{steps}", "t2", "b", "2:00:00.000"))
        telling.tell(judgement(f"y{steps}", f"y{steps}", "AC" if steps > 1 else "WA", "2:00:01.000"))
        next(second, None)
        assert steps < SUBMISSIONS / FOLDED_AT_ONCE + 3
    assert steps > 2
    assert list(second) == []
    assert boards.scoreboard(frozen=True, group_id=None) == telling.board()
    assert b'"t2"' in telling.board()


def _verdict(boards: ToldBoards, team_id: str) -> bool:
    rows = json.loads(boards.scoreboard(frozen=True, group_id=None))["rows"]
    (row,) = (row for row in rows if row["team_id"] == team_id)
    return any(problem["solved"] for problem in row["problems"])


def test_what_is_told_between_others_has_its_place_at_once() -> None:
    """Of two judgements that began at the same time the one counts that stands last, whichever was told last."""
    telling = Telling()
    boards = ToldBoards(telling.view)
    telling.tell(submission("s9", "t2", "a", "2:00:00.000"))
    telling.tell(judgement("wrong", "s9", "WA", "2:00:01.000"))
    assert not _verdict(boards, "t2")
    board = boards.board(frozen=True)
    telling.tell(judgement("right", "s9", "AC", "2:00:01.000"), behind=FIRST)
    assert list(boards.making()) == []
    assert boards.board(frozen=True) is board
    assert not _verdict(boards, "t2")
    telling.tell(judgement("also", "s9", "AC", "2:00:01.000"), behind="wrong")
    assert _verdict(boards, "t2")
    assert boards.scoreboard(frozen=True, group_id=None) == telling.board()


def test_a_board_is_right_when_there_was_no_number_left() -> None:
    telling = Telling()
    boards = ToldBoards(telling.view)
    telling.tell(submission("s9", "t2", "a", "2:00:00.000"))
    telling.tell(judgement("base", "s9", "WA", "2:00:01.000"))
    telling.tell(judgement("end", "s9", "WA", "2:00:00.000"))
    order = telling.view.order("judgements")
    number = 0
    while not order.numbered_anew:
        assert _verdict(boards, "t2") is (number > 0)
        # Each comes before the one that was told before it.
        telling.tell(judgement(f"n{number}", "s9", "WA" if number else "AC", "2:00:01.000"), behind="base")
        number += 1
    assert number > STEP.bit_length()
    assert _verdict(boards, "t2")
    assert boards.scoreboard(frozen=True, group_id=None) == telling.board()


@given(st.randoms(use_true_random=False), st.integers(1, 120), st.booleans(), st.booleans())
def test_numbers_are_in_order(random: Random, count: int, always_first: bool, numbered: bool) -> None:
    """Wherever ids are put and from wherever they are taken; they change only when all of them do."""
    order, ids = ToldOrder(numbered=numbered), ["0"]
    order.append("0")
    known = {"0": order.number("0")}
    for number in map(str, range(1, count)):
        if len(ids) > 2 and random.random() < 0.2:
            gone = ids.pop(random.randrange(len(ids)))
            order.remove(gone)
            del known[gone]
        behind = 0 if always_first else random.randrange(len(ids))
        before = order.numbered_anew
        order.insert(number, ids[behind])
        ids.insert(behind + 1, number)
        numbers = [order.number(each) for each in ids]
        assert numbers == sorted(set(numbers))
        if order.numbered_anew == before:
            assert all(order.number(each) == was for each, was in known.items())
        known = {each: order.number(each) for each in ids}
    assert list(order) == ids
    assert NUMBERS_APART > STEP > 1

"""What lies between two boards: the rows that changed, so that a reader of one gets to the other.

The boards are the JSON that a GET answers with, and what is applied to the first gives exactly the second. This module
must not know how a board is computed, who sees it, or over which wire the difference goes.
"""

import msgspec
from msgspec import UNSET, Raw, UnsetType


class PlacedRow(msgspec.Struct, frozen=True, kw_only=True):
    """A row of a board by the texts of its parts, which are compared and never looked into."""

    rank: int
    team_id: str
    score: Raw
    problems: Raw
    ext: Raw | UnsetType = UNSET


class ReadBoard(msgspec.Struct, frozen=True, kw_only=True):
    """A board that was encoded, read as far as comparing needs; `rows` in their order."""

    time: Raw
    contest_time: Raw
    state: Raw
    rows: list[PlacedRow]


class ChangedRow(msgspec.Struct, frozen=True, kw_only=True):
    """A row that is new, has another content, or stands elsewhere.

    `index` counts from 0. A row with another content, or of a team that was not on the board, is told whole: with
    `score` and `problems`, and with `ext` where it has that. A row without them only moved.
    """

    index: int
    rank: int
    team_id: str
    score: Raw | UnsetType = UNSET
    problems: Raw | UnsetType = UNSET
    ext: Raw | UnsetType = UNSET


class BoardChanges(msgspec.Struct, frozen=True, kw_only=True):
    """What turns one board into another.

    `removed` are the teams that are no longer on the board. Every team that is neither in `rows` nor in `removed` stays
    at its index with its row as it was.
    """

    time: Raw
    contest_time: Raw
    state: Raw
    rows: list[ChangedRow]
    removed: list[str]


_READER = msgspec.json.Decoder(ReadBoard)
_ENCODER = msgspec.json.Encoder()


def read_board(encoded: bytes) -> ReadBoard:
    """A board as `Board.scoreboard` encodes it, ready to be compared."""
    return _READER.decode(encoded)


def encoded_changes(before: ReadBoard, after: ReadBoard) -> bytes:
    """The JSON of the changes that lead from one board to another."""
    places = {row.team_id: (index, row) for index, row in enumerate(before.rows)}
    changed: list[ChangedRow] = []
    for index, row in enumerate(after.rows):
        place = places.pop(row.team_id, None)
        if place is None or not _same_content(place[1], row):
            content = ChangedRow(
                index=index,
                rank=row.rank,
                team_id=row.team_id,
                score=row.score,
                problems=row.problems,
                ext=row.ext,
            )
            changed.append(content)
        elif (place[0], place[1].rank) != (index, row.rank):
            changed.append(ChangedRow(index=index, rank=row.rank, team_id=row.team_id))
    changes = BoardChanges(
        time=after.time,
        contest_time=after.contest_time,
        state=after.state,
        rows=changed,
        removed=list(places),
    )
    return _ENCODER.encode(changes)


def _same_content(one: PlacedRow, other: PlacedRow) -> bool:
    return all(_text(a) == _text(b) for a, b in zip(_content(one), _content(other), strict=True))


def _content(row: PlacedRow) -> tuple[Raw | UnsetType, ...]:
    return row.score, row.problems, row.ext


def _text(part: Raw | UnsetType) -> bytes | None:
    return None if part is UNSET else bytes(part)

"""Contests of Codeforces that were imported with their results, as far as that is pure: what is told, what came of it.

This module must not know what should come of it.
"""

from collections.abc import Mapping
from typing import cast

import msgspec

from cds.commands.decision import ObjectChange
from cds.commands.synced_departures import FailedObject
from cds.commands.synced_results import PlatformResults, ResultsDecision, decide_results
from cds.platforms.adapters.codeforces_results import ContestResults
from cds.platforms.deep_import import platform_results
from projections.contest import ContestState
from schemas.object_types import OBJECT_TYPES, object_key
from schemas.objects import ContestObject, Judgement
from schemas.records import RECORD_TYPES
from tests.cds.platforms.adapters.contest_answers import CONTEST, NUMBER, PROBLEM
from tests.cds.platforms.adapters.conversations import NOW_MS
from tests.cds.platforms.contest_with_records import ContestWithRecords
from tests.platform_servers.server import JsonValue, Row


def told(
    submissions: tuple[Row, ...],
    rows: tuple[Row, ...],
    contest: Mapping[str, JsonValue] | None = None,
    now_ms: int = NOW_MS,
) -> PlatformResults:
    """What the platform tells in these rows."""
    table = {"contest": {**CONTEST, **(contest or {})}, "problems": [PROBLEM], "rows": rows}
    found = ContestResults(msgspec.json.encode(table), NUMBER, now_ms)
    found.take([msgspec.Raw(msgspec.json.encode(each)) for each in submissions])
    found.check()
    return platform_results(found)


def decided(
    state: ContestWithRecords,
    *submissions: Row,
    rows: tuple[Row, ...] = (),
    contest: Row | None = None,
    failed: tuple[FailedObject, ...] = (),
    now_ms: int = NOW_MS,
) -> ResultsDecision:
    """Import what the platform says by now, all of which besides failed; deciding it again would add nothing."""
    said = told(submissions, rows, contest or {}, now_ms)
    said = msgspec.structs.replace(said, failed=(*said.failed, *failed))
    decision = decide_results(state, said, state.known, now_ms)
    made(state, *decision.changes)
    assert decide_results(state, said, state.known, now_ms + 1).changes == []
    return decision


def made(state: ContestState, *changes: ObjectChange) -> None:
    """Changes come to pass."""
    for change in changes:
        state.apply(state.position + 1, change.type, change.id, change.instance)


def put(state: ContestState, type_name: str, *instances: ContestObject) -> None:
    """People here make objects, or change them."""
    made(state, *(ObjectChange(type_name, object_key(OBJECT_TYPES[type_name], each), each) for each in instances))


def public(decision: ResultsDecision) -> list[tuple[str, str]]:
    """What changed that is no record."""
    return [(change.type, change.id) for change in decision.changes if change.type not in RECORD_TYPES]


def left_over(decision: ResultsDecision) -> list[tuple[str, str]]:
    """What is not as the platform has it."""
    return [(each.type, each.id) for each in decision.left_over]


def judgements(state: ContestState) -> dict[str, tuple[str | None, bool | None]]:
    """Type and whether it counts, by id."""
    found = cast("Mapping[str, Judgement]", state.objects["judgements"])
    return {each.id: (each.judgement_type_id, each.current) for each in found.values()}

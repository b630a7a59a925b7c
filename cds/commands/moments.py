"""When something that is written happens: now, or at a time that an administrator gives.

This module must not know what is written.
"""

import msgspec

from cds.commands.decision import Refused
from cds.commands.properties import Properties, raw, require, text_of
from cds.commands.write import moment_text
from projections.contest import ContestState
from schemas.times import format_relative_time, parse_relative_time_ms, parse_time_ms


def present_moment(state: ContestState, now_ms: int) -> dict[str, msgspec.Raw]:
    """`time` and `contest_time` of what happens now."""
    return {
        "time": raw(moment_text(state, now_ms)),
        "contest_time": raw(format_relative_time(state.timeline.contest_time_ms(now_ms))),
    }


def given_moment(state: ContestState, properties: Properties) -> dict[str, msgspec.Raw]:
    """`contest_time` of what happened at the `time` in the body. One that is given must agree (requirements A6)."""
    require(properties, ("time",))
    time = text_of(properties, "time") or ""
    try:
        contest_time_ms = state.timeline.contest_time_ms(parse_time_ms(time))
    except ValueError as error:
        raise Refused(f"time is {error}", "time") from None
    stated = text_of(properties, "contest_time")
    if stated is not None and _relative_ms(stated) != contest_time_ms:
        raise Refused(
            f"contest_time {stated} is not {format_relative_time(contest_time_ms)}, which follows from time",
            "contest_time",
        )
    return {"contest_time": raw(format_relative_time(contest_time_ms))}


def _relative_ms(text: str) -> int:
    try:
        return parse_relative_time_ms(text)
    except ValueError as error:
        raise Refused(f"contest_time is {error}", "contest_time") from None

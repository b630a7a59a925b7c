"""Clarifications: questions of teams, answers and announcements of judges (Contest API, "Modifying clarifications").

This module must not know the wire.
"""

from cds.commands.decision import Refused
from cds.commands.moments import given_moment, present_moment
from cds.commands.permissions import capability_for
from cds.commands.properties import Properties, raw, refuse_given, require, text_of
from cds.commands.write import Write
from projections.contest import ContestState

TEXT_CHARACTERS_MAX = 20_000

RECIPIENTS = ("to_team_ids", "to_group_ids")
SERVER_SETS = ("time", "contest_time")


def complete_clarification(state: ContestState, write: Write, properties: Properties) -> Properties:
    """What the server adds to a clarification. Raises Refused for what the caller's capability does not allow."""
    text = text_of(properties, "text")
    if text is None or not text.strip():
        raise Refused("text is missing", "text")
    if len(text) > TEXT_CHARACTERS_MAX:
        raise Refused(f"text is {len(text)} characters long; the limit is {TEXT_CHARACTERS_MAX}", "text")
    completed = dict(_of_capability(state, write, properties))
    if "from_team_id" in {*properties, *completed}:
        refuse_given(properties, RECIPIENTS, "a question of a team goes to the judges")
    if write.method == "POST":
        completed["id"] = raw(write.fresh_id)
    return completed


def _of_capability(state: ContestState, write: Write, properties: Properties) -> Properties:
    capability = capability_for(write.viewer.role, "clarifications")
    if capability == "admin_clar":
        return given_moment(state, properties)
    refuse_given(properties, SERVER_SETS, "the server sets it")
    now = present_moment(state, write.now_ms)
    if capability == "proxy_clar":
        require(properties, ("from_team_id",))
        return now
    if write.viewer.role == "judge":
        refuse_given(properties, ("from_team_id",), "judges do not ask for a team")
        return now
    if write.viewer.team_id is None:
        raise Refused("this account belongs to no team", ground="forbidden")
    if text_of(properties, "from_team_id") not in (None, write.viewer.team_id):
        raise Refused("from_team_id is not the team of this account", "from_team_id", ground="forbidden")
    return {**now, "from_team_id": raw(write.viewer.team_id)}

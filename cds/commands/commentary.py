"""Commentary (Contest API, "Modifying commentary").

This module must not know the wire.
"""

from typing import cast

from cds.commands.decision import Refused
from cds.commands.moments import present_moment
from cds.commands.properties import Properties, raw, refuse_given, text_of
from cds.commands.write import Write
from projections.contest import ContestState
from schemas.objects import Account

MESSAGE_CHARACTERS_MAX = 20_000

SERVER_SETS = ("time", "contest_time", "source_id")


def complete_commentary(state: ContestState, write: Write, properties: Properties) -> Properties:
    """What the server adds to a comment: when, and by whom."""
    refuse_given(properties, SERVER_SETS, "the server sets it")
    message = text_of(properties, "message")
    if message is None or not message.strip():
        raise Refused("message is missing", "message")
    if len(message) > MESSAGE_CHARACTERS_MAX:
        raise Refused(f"message is {len(message)} characters long; the limit is {MESSAGE_CHARACTERS_MAX}", "message")
    completed = dict(present_moment(state, write.now_ms))
    completed["id"] = raw(write.fresh_id)
    if "tags" not in properties:
        completed["tags"] = raw([])
    account = cast("Account | None", state.objects["accounts"].get(write.viewer.account_id or ""))
    if account is not None and account.person_id is not None:
        completed["source_id"] = raw(account.person_id)
    return completed

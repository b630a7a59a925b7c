"""What the upstreams of these tests say, and ways to look at what became of it.

This module must not know how anything is followed.
"""

import msgspec

from cds.upstream.notifications import Resume
from cds.upstream.options import source_stream
from cds.upstream.source_log import PAGE_EVENTS
from eventstore.memory import MemoryStore
from schemas.objects import State
from tests.cds.dialects.feeds import TEAM, TYPICAL
from tests.cds.upstream.stage import Followed
from tests.cds.upstream.upstream import line, with_tokens

TEAMS = [line("teams", {"id": f"t{n}", "name": f"Team {n}", "label": str(n)}) for n in range(2, 60)]
RENAMED = [line("teams", {**TEAM, "name": f"Team of {n}"}) for n in range(5)]
THAWED = {
    "started": "2024-01-01T10:00:00.000+01:00",
    "frozen": "2024-01-01T14:00:00.000+01:00",
    "ended": "2024-01-01T15:00:00.000+01:00",
    "thawed": "2024-01-01T15:30:00.000+01:00",
}
PLAIN = [*(line(name, data) for name, data in TYPICAL), *TEAMS, *RENAMED, line("state", THAWED)]
LINES = with_tokens(PLAIN)
NOWHERE = Resume("since_token", "k")
ENDED = line(
    "state",
    {**THAWED, "finalized": "2024-01-01T16:00:00.000+01:00", "end_of_updates": "2024-01-01T16:00:01.000+01:00"},
    token="the end",
)


def everything(followed: Followed) -> dict[str, dict[str, object]]:
    """The contest, without types of which there is nothing."""
    return {name: dict(objects) for name, objects in followed.objects().items() if objects}


def name_of(followed: Followed, type_name: str, identifier: str) -> object:
    """What an object of the contest is called."""
    return getattr(followed.contest.state.objects[type_name][identifier], "name", None)


async def said_to(store: MemoryStore) -> list[str]:
    """The types of all events in the source's stream."""
    return [event.type for event in await store.read(source_stream("c1", None), 0, PAGE_EVENTS)]


async def states_shown(store: MemoryStore) -> list[State]:
    """Every state object that the contest ever had, in order."""
    events = await store.read("contest:c1", 0, PAGE_EVENTS)
    return [msgspec.json.decode(each.data, type=State) for each in events if each.type == "state" and each.data]

"""What the records of a contest say of whose its objects are, read out of its log.

This module must not know any platform, nor what becomes of it.
"""

from cds.commands.platform_objects import Known, record_id
from cds.live_contest import LiveContest
from schemas.records import PLATFORM_OBJECTS, PlatformObjects


async def known_objects(contest: LiveContest) -> Known:
    """What imports have brought up to now. Raises what the store raises."""
    known = Known()
    while record := await contest.record((PLATFORM_OBJECTS, record_id(known.records + 1)), PlatformObjects):
        known.take(record)
    return known

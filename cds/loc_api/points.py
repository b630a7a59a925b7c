"""The points in a profile (requirements-003, 6.25).

This module must not know how they come about.
"""

from cds.contest_api.service import Service
from projections.match_standings import points_of as points_in


async def points_of(service: Service, user_id: str, *, now_ms: int) -> int:
    """The points of a user at a moment. Raises StoreUnavailable."""
    return points_in(await service.matches.register.fresh(), user_id, now_ms)

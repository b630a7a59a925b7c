"""Where one telling of a contest ends and another begins, as far as the core's answers to questions for lines say so.

This module must not know what is done with lines.
"""

from http import HTTPStatus

from cds.edge.core import Core
from cds.relay.upstream import Refusal
from projections.told import Page
from schemas.viewers import Role


class AnotherGeneration(Exception):
    """What is told from here on does not go on from what was told."""


class NotTold(AnotherGeneration):
    """The core has nothing to tell of this contest."""


async def lines_behind(after: str | None, core: Core, contest_id: str, role: Role) -> Page:
    """A page of the lines behind a token (None: from the beginning).

    Raises AnotherGeneration, and Refusal and Unreachable as the core does.
    """
    try:
        return await core.lines(contest_id, role, after)
    except Refusal as refusal:
        if refusal.status == HTTPStatus.BAD_REQUEST and after is not None:
            raise AnotherGeneration("the core does not know what was told last") from None
        if refusal.status == HTTPStatus.NOT_FOUND:
            raise NotTold("the core has nothing to tell of it") from None
        raise

"""What tokens are bound to: whose view of which log they are of.

This module must not know tokens, nor any wire.
"""

from cds.live_contest import LiveContest
from projections.visibility import VIEW_VERSION
from schemas.viewers import Viewer


def view_name(contest: LiveContest, viewer: Viewer) -> str:
    """The name of a view: the log, the role and team, and the version of the views."""
    return f"{VIEW_VERSION}/{contest.stream}/{viewer.role}/{viewer.team_id or ''}"

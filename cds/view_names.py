"""What tokens are bound to: whose view of which log they are of.

This module must not know tokens, nor any wire.
"""

from cds.live_contest import LiveContest
from projections.served_versions import DRAFT, ServedVersion
from projections.visibility import VIEW_VERSION
from schemas.viewers import Viewer


def view_name(contest: LiveContest, viewer: Viewer, version: ServedVersion = DRAFT) -> str:
    """The name of a view: the log, the role and team, the version of the views, and the words in which they are told.

    So a token that was handed out in one version of the API is refused in every other.
    """
    words = "" if version is DRAFT else f"@{version.name}.{version.revision}"
    return f"{VIEW_VERSION}{words}/{contest.stream}/{viewer.role}/{viewer.team_id or ''}"

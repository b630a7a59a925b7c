"""Whether this process is ready to serve, and if not, why (`GET /readyz`).

Ready means: what a client gets is as new as it can be, and more may come. Duties that another process has at the
moment do not make this one unready. This module must not know how the parts do their work.
"""

import msgspec

READINESS_PATH = "/readyz"


class Checks(msgspec.Struct, frozen=True, kw_only=True):
    """What was looked at.

    `database`: it answered a moment ago; `log_read`: every contest is in memory; `following`: what others write is
    taken in; `staying`: nobody has told the server to stop.
    """

    database: bool
    log_read: bool
    following: bool
    staying: bool


class Readiness(msgspec.Struct, frozen=True, kw_only=True):
    """The answer of `/readyz`: `contests` are those in memory."""

    status: str
    reasons: list[str]
    checks: Checks
    contests: int
    pid: int

    @property
    def ready(self) -> bool:
        """Whether requests should be sent here."""
        return not self.reasons


def readiness(checks: Checks, *, contests: int, pid: int) -> Readiness:
    """What the checks come to, with a reason for every one that failed; what rests on another is not named twice."""
    reasons = []
    if not checks.staying:
        reasons.append("the server is stopping")
    if not checks.database:
        reasons.append("the database cannot be reached")
    if not checks.log_read:
        reasons.append("the log has not been read yet")
    elif not checks.following:
        reasons.append("the log is not being followed")
    status = "not ready" if reasons else "ready"
    return Readiness(status=status, reasons=reasons, checks=checks, contests=contests, pid=pid)

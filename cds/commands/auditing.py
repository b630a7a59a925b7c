"""What is noted of those who act for a participant: that they did, and which rules they set aside.

CMS ContestWebServer API, 3 and 4.5. This module must not know how anybody comes to act for somebody.
"""

from cds.commands.decision import ObjectChange
from cds.commands.write import Impersonation, Overrides
from schemas.records import Audit

AUDIT = "x-audit"

YES_OR_NO = {True: "1", False: "0"}


def impersonation_noted(record_id: str, account_id: str, impersonation: Impersonation) -> ObjectChange:
    """The record that somebody has begun to act for the participant with an account."""
    by, address = impersonation.by, impersonation.address
    return ObjectChange(
        AUDIT, record_id, Audit(kind="impersonation", account_id=account_id, by=by, address=address, what="login")
    )


def acting_noted(
    record_id: str, account_id: str, impersonation: Impersonation, what: str, submission_id: str | None = None
) -> ObjectChange:
    """The record that somebody did something for a participant; rules that they set aside are named behind `what`."""
    audit = Audit(
        kind="override" if overridden(impersonation.overrides) else "impersonation",
        account_id=account_id,
        by=impersonation.by,
        address=impersonation.address,
        what=" ".join((what, *overridden(impersonation.overrides))),
        submission_id=submission_id,
    )
    return ObjectChange(AUDIT, record_id, audit)


def overridden(overrides: Overrides) -> tuple[str, ...]:
    """What is set aside, in the words of the wire (`override_phase_check=1`)."""
    said = (
        ("override_phase_check", overrides.phase),
        ("override_official", overrides.official),
        ("override_max_number", overrides.max_number or None),
        ("override_min_interval", overrides.min_interval or None),
    )
    return tuple(f"{name}={YES_OR_NO[value]}" for name, value in said if value is not None)

"""What is noted of those who act for a participant stands in the log as it was said, and nowhere else."""

import pytest

from cds.commands.auditing import acting_noted, impersonation_noted, overridden
from cds.commands.decision import ObjectChange
from cds.commands.write import NO_OVERRIDES, Impersonation, Overrides
from cds.decoding import decoded_new
from cds.importing import encoded_events
from projections.contest import ContestState
from schemas.records import Audit

ACTING = Impersonation(by="jury", address="2001:db8::1", overrides=Overrides(phase=True))


def test_acting_for_somebody_is_noted() -> None:
    noted = impersonation_noted("r1", "account-t1", ACTING)
    expected = Audit(kind="impersonation", account_id="account-t1", by="jury", address="2001:db8::1", what="login")
    assert noted == ObjectChange("x-audit", "r1", expected)


def test_an_override_is_noted_with_what_was_done() -> None:
    noted = acting_noted("r1", "account-t1", ACTING, "task_list")
    assert noted.instance == Audit(
        kind="override",
        account_id="account-t1",
        by="jury",
        address="2001:db8::1",
        what="task_list override_phase_check=1",
    )


@pytest.mark.parametrize(
    ("overrides", "said"),
    [
        (NO_OVERRIDES, ()),
        (Overrides(phase=False, official=True), ("override_phase_check=0", "override_official=1")),
        (Overrides(max_number=True, min_interval=True), ("override_max_number=1", "override_min_interval=1")),
    ],
)
def test_what_is_overridden_is_named_as_on_the_wire(overrides: Overrides, said: tuple[str, ...]) -> None:
    assert overridden(overrides) == said


@pytest.mark.parametrize("noted", [impersonation_noted("r1", "a", ACTING), acting_noted("r2", "a", ACTING, "x", "1")])
def test_a_note_comes_back_from_the_log_and_changes_nothing_else(noted: ObjectChange) -> None:
    (event,) = encoded_events([noted])
    assert (event.type, event.id) == ("x-audit", noted.id)
    assert decoded_new(event) == noted.instance
    state, before = ContestState(), ContestState()
    assert state.apply(1, event.type, event.id, decoded_new(event)).keys == ()
    assert state.versions == {("x-audit", noted.id): 1}
    assert (state.objects, state.settings, state.logins) == (before.objects, before.settings, before.logins)

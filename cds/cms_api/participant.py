"""Who takes part in a contest, and what a handler is given of whoever asks.

A participation is an account of type team of the contest, with its team; a task is a problem, named by its id (CMS
ContestWebServer API, 4.11 and 5). This module must not know any wire, nor how somebody proves to be a participant.
"""

from typing import cast

import msgspec

from cds.account_viewers import takes_part
from cds.commands.accounts import accounts_of
from cds.commands.participation import Standing
from cds.commands.write import Impersonation
from cds.contest_api.service import Service
from cds.live_contest import LiveContest
from projections.contest import ContestState
from schemas.objects import Account, Problem
from schemas.viewers import Viewer


class Login(msgspec.Struct, frozen=True, kw_only=True):
    """That a request comes from a participant, or (`impersonated`) from somebody who acts for them."""

    account: Account
    viewer: Viewer
    impersonated: bool = False


class Participant(msgspec.Struct, frozen=True, kw_only=True):
    """Whoever asks, in the contest that the path names, and where they stand in it at `now_ms` (since the epoch).

    `impersonation` is there where somebody acts for them; its overrides are those of this request. `repeats`: the very
    request was carried out before, as its Idempotency-Key says.
    """

    service: Service
    contest: LiveContest
    account: Account
    viewer: Viewer
    impersonation: Impersonation | None
    standing: Standing
    now_ms: int
    repeats: bool = False

    @property
    def state(self) -> ContestState:
        """The contest as it is now."""
        return self.contest.state

    @property
    def team_id(self) -> str:
        """The team."""
        return self.account.team_id or ""

    def problem(self, task_name: str) -> Problem | None:
        """The task of that name."""
        return problem_named(self.state, task_name)


def problem_named(state: ContestState, task_name: str) -> Problem | None:
    """The task of that name, None if the contest has none such."""
    return cast("Problem | None", state.objects["problems"].get(task_name))


def participant_of(state: ContestState, account_id: str | None) -> Account | None:
    """The account of that id, if it is that of a participant who may log in."""
    account = cast("Account | None", state.objects["accounts"].get(account_id or ""))
    return account if account is not None and takes_part(state, account) else None


def participant_named(state: ContestState, username: str) -> Account | None:
    """The account of the participant of that user name, None if there is none, or if it cannot be told which."""
    found = [each for each in accounts_of(state) if each.username == username and takes_part(state, each)]
    return found[0] if len(found) == 1 else None

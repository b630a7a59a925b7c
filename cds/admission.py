"""Whether a contest lets a participant in: it may keep out those that are hidden, and bind the others to addresses.

CMS ContestWebServer API, 1.3 and 3.2. It binds whoever logs in with a password or by an address, through every API;
those who act for a participant alone are not bound. Pure. This module must not know how anybody proves to be whom.
"""

from typing import cast

from cds.account_viewers import known_networks_of
from cds.addresses import Client, is_among, known_address
from cds.commands.participation import contest_rules, participation_of
from projections.contest import ContestState
from schemas.objects import Account
from schemas.viewers import Viewer


def let_in(state: ContestState, account: Account, client: Client) -> bool:
    """Whether the contest lets a participant in who comes from there: not where those that are hidden are blocked,
    nor from another address than the account's where it restricts that.
    """
    rules = contest_rules(state)
    if rules.block_hidden_participations and participation_of(state, account.id).hidden:
        return False
    if not rules.ip_restriction or not account.ip:
        return True
    # An address of which nobody can be sure, or a restriction that cannot be read, lets nobody in.
    return client.certain and is_among(known_address(client.address), known_networks_of(account))


def viewer_let_in(state: ContestState, viewer: Viewer, client: Client) -> bool:
    """The same for whoever was found to be this viewer; who is no team of the contest is not bound."""
    if viewer.role != "team" or viewer.account_id is None:
        return True
    account = cast("Account | None", state.objects["accounts"].get(viewer.account_id))
    return account is None or let_in(state, account, client)

"""When participants began their own windows: it stays whatever else is written of their accounts.

The moment stands in `accounts[].ext.cms.starting_time` beside what organizers say, but the server alone writes it. A
window that a PUT or another import ended could be begun anew, in full. So only who says outright that there is no such
moment ends it. Pure. This module must not know when a window begins or ends.
"""

from collections.abc import Mapping
from typing import cast

import msgspec

from cds.commands.participation import participation_of
from cds.commands.properties import NULL, Properties, members_of, namespaces_of_body
from projections.contest import ContestState
from schemas.extensions import AccountExtension, CmsParticipation
from schemas.objects import Account, ContestObject

ACCOUNTS = "accounts"
NAMESPACE = "cms"
STARTING_TIME = "starting_time"


def says_start(properties: Properties) -> bool:
    """Whether a body speaks of the beginning of a window, be it to say that there is none."""
    namespaces = namespaces_of_body(properties) or {}
    return STARTING_TIME in (members_of(namespaces.get(NAMESPACE, NULL)) or {})


def with_start_kept(state: ContestState, type_name: str, instance: ContestObject) -> ContestObject:
    """An object as it is to be; an account with the beginning of its window as it is now, where it says none."""
    if type_name != ACCOUNTS:
        return instance
    account = cast("Account", instance)
    begun = participation_of(state, account.id).starting_time
    wanted = CmsParticipation() if account.ext is None or account.ext.cms is None else account.ext.cms
    if begun is None or wanted.starting_time is not None:
        return instance
    kept = msgspec.structs.replace(wanted, starting_time=begun)
    extension = AccountExtension(cms=kept) if account.ext is None else msgspec.structs.replace(account.ext, cms=kept)
    return msgspec.structs.replace(account, ext=extension)


def with_starts_kept(state: ContestState, accounts: Mapping[str, ContestObject]) -> dict[str, ContestObject]:
    """Accounts that are to be, by id, each as `with_start_kept`."""
    return {identifier: with_start_kept(state, ACCOUNTS, account) for identifier, account in accounts.items()}

"""Logins of users and of the server's own accounts: a password becomes a token, and a token somebody who asks.

This module must not know any wire, nor how passwords are hashed.
"""

from cds.account_viewers import viewer_of_server_account, viewer_of_user
from cds.bearer_tokens import BearerRefused, BearerTokens, token_mark
from cds.commands.user_names import folded_username
from cds.commands.users import known_user
from cds.identity import Identity
from cds.loc_api.call import Caller
from cds.login_attempts import WrongCredentials
from cds.users.register import UserRegister, actor_of
from cds.users.settings import UserSettings
from eventstore.store import EventStore
from schemas.users import User
from schemas.viewers import Viewer

BY_NAME = "users by name"
BY_ID = "users by id"


class Logins:
    """Who may have a token, and whose a token is."""

    def __init__(
        self,
        store: EventStore,
        identity: Identity,
        tokens: BearerTokens,
        register: UserRegister,
        settings: UserSettings,
    ) -> None:
        """Logins into one database."""
        self._store = store
        self._identity = identity
        self._tokens = tokens
        self._register = register
        self._settings = settings

    async def log_in(self, username: str, password: str, *, remembered: bool, address: str, now_ms: int) -> str:
        """A token for whoever has this name and password, asking from `address`.

        An account of the server comes before a user of the same name. Raises WrongCredentials, Throttled,
        TooManyLogins and StoreUnavailable.
        """

        async def find() -> tuple[str, Viewer] | None:
            account = (await self._store.server_accounts()).get(username)
            if account is not None:
                return None if account.disabled else (account.password_hash, viewer_of_server_account(account))
            return await self._with_hash((await self._register.people()).named(username))

        viewer = await self._identity.found(BY_NAME, username, password, find, address=address)
        lifetime_s = self._settings.remembered_s if remembered else self._settings.session_s
        return await self._token(viewer, now_s=now_ms // 1_000, lifetime_s=lifetime_s)

    async def proven_generation(self, user_id: str, password: str, *, address: str) -> int:
        """The generation of tokens in which a user has this password. Raises Refused (unknown), and as `log_in`."""

        async def find() -> tuple[str, Viewer] | None:
            user = (await self._register.fresh()).find(user_id)
            return await self._with_hash(user if user is not None and user.active else None)

        people = await self._register.people()
        known_user(people.state, user_id)
        # Counted together with wrong passwords of the same name at the login.
        viewer = await self._identity.found(BY_ID, people.username(user_id), password, find, address=address)
        return viewer.generation

    async def caller(self, token: str, *, now_ms: int) -> Caller:
        """Who comes with a token. Raises BearerRefused and StoreUnavailable."""
        holder = await self._identity.holder_of_token(token, now_s=now_ms / 1_000)
        claims = holder.claims
        if holder.account is not None:
            user_id, username, is_admin = None, holder.account.username, holder.account.role == "admin"
        elif holder.user is not None:
            user_id, is_admin = holder.user.id, holder.user.role == "admin"
            username = (await self._register.people()).username(holder.user.id)
        else:
            raise BearerRefused("unknown account")
        return Caller(
            user_id=user_id,
            username=username,
            is_admin=is_admin,
            token_id=claims.token_id,
            expires_at_s=claims.expires_at_s,
        )

    async def log_out(self, caller: Caller) -> None:
        """Let the token that somebody has come with count no more. Raises StoreUnavailable."""
        actor = told_actor(caller)
        await self._register.log_out(token_mark(caller.token_id), expires_s=caller.expires_at_s, actor=actor)

    async def is_of_the_server(self, username: str) -> bool:
        """Whether an account of the server has this name, or one that counts as the same. Raises StoreUnavailable."""
        folded = folded_username(username)
        return any(folded_username(each) == folded for each in await self._store.server_accounts())

    async def _with_hash(self, user: User | None) -> tuple[str, Viewer] | None:
        """A user with the password hash; it takes as long for nobody (None)."""
        hashed = await self._register.password_hash(user)
        return None if user is None or hashed is None else (hashed, viewer_of_user(user))

    async def _token(self, viewer: Viewer, *, now_s: int, lifetime_s: int) -> str:
        """A token for who was found. Raises WrongCredentials where the account has changed since."""
        if viewer.user_id is not None:
            # Good for the generation that had this password, and so for nothing if it has another one by now.
            user = (await self._register.fresh()).find(viewer.user_id)
            if user is None:
                raise WrongCredentials(viewer.user_id)
            return self._tokens.token_of_user(
                user.id, viewer.generation, user.credential, now_s=now_s, lifetime_s=lifetime_s
            )
        username = viewer.server_username or ""
        account = (await self._store.server_accounts()).get(username)
        if account is None or account.disabled or viewer_of_server_account(account) != viewer:
            raise WrongCredentials(username)
        return self._tokens.token(
            subject=username,
            role=account.role,
            password_hash=account.password_hash,
            now_s=now_s,
            lifetime_s=lifetime_s,
        )


def told_actor(caller: Caller) -> str:
    """Who somebody is, as the log names them."""
    return f"server:{caller.username}" if caller.user_id is None else actor_of(caller.user_id)

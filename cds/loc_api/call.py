"""What a handler of the League of Code API is given: what was asked, by whom, and the parts of the server.

This module must not know any endpoint, nor how a caller is recognized.
"""

from typing import TYPE_CHECKING, Generic, TypeVar

import msgspec

if TYPE_CHECKING:
    from cds.contest_api.service import Service

A = TypeVar("A", bound=msgspec.Struct)


class Caller(msgspec.Struct, frozen=True, kw_only=True):
    """Who a token belongs to, as they are now.

    `user_id` is None for an account of the server, which is no user of the platform. `token_id` and `expires_at_s`
    (seconds since the Unix epoch) are those of the token.
    """

    user_id: str | None
    username: str
    is_admin: bool
    token_id: str
    expires_at_s: int


class Call(Generic[A]):
    """A request whose arguments and caller have been looked at. `now_ms` is in milliseconds since the Unix epoch."""

    __slots__ = ("address", "arguments", "caller", "now_ms", "service")

    def __init__(self, *, arguments: A, caller: Caller | None, service: "Service", now_ms: int, address: str) -> None:
        """`caller` is None where the endpoint needs no login and none was brought; `address` is the client's."""
        self.arguments = arguments
        self.caller = caller
        self.service = service
        self.now_ms = now_ms
        self.address = address

    @property
    def user(self) -> Caller:
        """The caller, where the endpoint needs a login. Raises RuntimeError elsewhere."""
        if self.caller is None:
            raise RuntimeError("this endpoint needs no login, so there may be no caller")
        return self.caller

    @property
    def user_id(self) -> str:
        """The id of the calling user, where the endpoint needs one. Raises RuntimeError elsewhere."""
        if self.user.user_id is None:
            raise RuntimeError("this endpoint is for accounts of the server too, which are no users")
        return self.user.user_id

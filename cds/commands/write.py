"""A request to write one object, as every decision about it gets it.

This module must not know any particular type.
"""

import msgspec

from cds.commands.contest_moments import written
from cds.commands.decision import ObjectChange
from cds.commands.permissions import Method
from cds.commands.properties import Properties
from projections.contest import ContestState
from projections.integrity import Key
from schemas.object_types import SINGLETON_ID, ObjectType
from schemas.times import format_time
from schemas.viewers import Viewer


class LoginWish(msgspec.Struct, frozen=True, kw_only=True):
    """What is to change about the login of an account, beside the account itself."""

    new_password: bool = False
    disabled: bool | None = None


class Overrides(msgspec.Struct, frozen=True, kw_only=True):
    """Rules that are set aside for one request (CMS ContestWebServer API, 3.3).

    `phase` true: it may be done in any phase; false: also an unrestricted participation is bound. `official`: whether
    a submission counts. Of both null is said where nothing is. `max_number` and `min_interval`: not limited by them.
    """

    phase: bool | None = None
    official: bool | None = None
    max_number: bool = False
    min_interval: bool = False


NO_OVERRIDES = Overrides()


class Impersonation(msgspec.Struct, frozen=True, kw_only=True):
    """That somebody acts for the participant whose account it is: who, from which address, and what they override."""

    by: str
    address: str | None = None
    overrides: Overrides = NO_OVERRIDES


class Write(msgspec.Struct, frozen=True, kw_only=True):
    """Who wants what written, and when.

    `identifier` is the one in the URL, empty for a POST. `properties` is the body; files in it are references to
    contents by hash. `fresh_id` is an id that nothing has yet. `strict`: extensions are neither spoken of nor touched.
    `impersonation` is there where the viewer's account is used by somebody else, who may override rules.
    """

    row: ObjectType
    method: Method
    identifier: str = ""
    properties: Properties
    viewer: Viewer
    now_ms: int
    fresh_id: str
    login: LoginWish = LoginWish()
    strict: bool = False
    impersonation: Impersonation | None = None

    @property
    def overrides(self) -> Overrides:
        """The rules that are set aside; none but for those who act for somebody."""
        return NO_OVERRIDES if self.impersonation is None else self.impersonation.overrides

    @property
    def key(self) -> Key:
        """The object that the URL names."""
        return self.row.name, SINGLETON_ID if self.row.singleton else self.identifier


class Around(msgspec.Struct, frozen=True):
    """What else changes with an object, just before and just after it."""

    before: tuple[ObjectChange, ...] = ()
    after: tuple[ObjectChange, ...] = ()


class Written(msgspec.Struct, frozen=True, kw_only=True):
    """What a write comes to: the object it is about, whether that is new, and all changes in their order."""

    key: Key
    created: bool
    changes: list[ObjectChange]


def moment_text(state: ContestState, time_ms: int) -> str:
    """A moment as it is written in this contest: in the zone of its start."""
    return format_time(time_ms) if state.contest is None else written(state.contest, time_ms)

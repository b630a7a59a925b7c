"""Who may write what: the capabilities of table two, and what roles.md gives to roles beside them.

A method that nobody may use on a type is not offered at all; one that others may use is forbidden. This module must
not know how anything is written.
"""

from typing import Literal

from projections.visibility_table import CAPABILITIES, Capability
from schemas.object_types import OBJECT_TYPES
from schemas.viewers import ROLES, Role

Method = Literal["POST", "PUT", "PATCH", "DELETE"]

METHODS: tuple[Method, ...] = ("POST", "PUT", "PATCH", "DELETE")

OF_CAPABILITY: dict[Capability, tuple[str, tuple[Method, ...]]] = {
    "team_submit": ("submissions", ("POST",)),
    "proxy_submit": ("submissions", ("POST",)),
    "admin_submit": ("submissions", ("POST", "PUT")),
    "post_clar": ("clarifications", ("POST",)),
    "proxy_clar": ("clarifications", ("POST",)),
    "admin_clar": ("clarifications", ("POST", "PUT")),
    "post_comment": ("commentary", ("POST",)),
    "contest_start": ("contest", ("PATCH",)),
    "contest_thaw": ("contest", ("PATCH",)),
}
"""What each capability allows (Contest API, "Capabilities")."""

CONFIGURED: tuple[Method, ...] = METHODS

OF_ROLE: dict[Role, dict[str, tuple[Method, ...]]] = {
    "judge": {"judgements": ("POST", "PUT", "PATCH"), "runs": ("POST", "PUT", "PATCH")},
    "admin": {
        **{name: CONFIGURED for name, row in OBJECT_TYPES.items() if row.kind == "configuration"},
        "state": ("PATCH",),
        "submissions": ("DELETE",),
        "judgements": CONFIGURED,
        "runs": CONFIGURED,
        "clarifications": ("DELETE",),
        "awards": CONFIGURED,
        "commentary": ("DELETE",),
    },
}
"""What roles may write without a capability that says so (roles.md). Live data comes and goes but does not change."""


def _allowed(role: Role, type_name: str) -> frozenset[Method]:
    by_capability = (OF_CAPABILITY[capability] for capability in CAPABILITIES[role])
    methods = [method for name, of_type in by_capability if name == type_name for method in of_type]
    return frozenset((*methods, *OF_ROLE.get(role, {}).get(type_name, ())))


PERMISSIONS: dict[Role, dict[str, frozenset[Method]]] = {
    role: {name: _allowed(role, name) for name in OBJECT_TYPES} for role in ROLES
}

OFFERED: dict[str, frozenset[Method]] = {
    name: frozenset().union(*(PERMISSIONS[role][name] for role in ROLES)) for name in OBJECT_TYPES
}
"""The methods that somebody may use on a type."""


WRITTEN_BY: dict[tuple[Role, str], Capability] = {
    (role, OF_CAPABILITY[name][0]): name for role in ROLES for name in reversed(CAPABILITIES[role])
}
"""The first capability by which a role writes a type."""


def capability_for(role: Role, type_name: str) -> Capability | None:
    """The capability by which a role writes a type, None where it does so as a role."""
    return WRITTEN_BY.get((role, type_name))

"""The answer of `access`: announced properties and capabilities, by role, whatever a contest holds."""

import pytest

from projections.access import access_of
from schemas.object_types import OBJECT_TYPES
from schemas.viewers import ROLES, Role


def properties(role: Role, type_name: str) -> list[str]:
    """The announced properties of a type."""
    return next((endpoint.properties for endpoint in access_of(role).endpoints if endpoint.type == type_name), [])


@pytest.mark.parametrize("role", ROLES)
def test_an_endpoint_is_listed_once_with_each_property_once(role: Role) -> None:
    """And with at least one; the schema allows neither repetition nor an empty list."""
    endpoints = access_of(role).endpoints
    assert len({endpoint.type for endpoint in endpoints}) == len(endpoints)
    for endpoint in endpoints:
        assert endpoint.properties
        assert len(set(endpoint.properties)) == len(endpoint.properties)
        assert endpoint.type in OBJECT_TYPES


@pytest.mark.parametrize("role", ROLES)
def test_collections_are_listed_with_their_id(role: Role) -> None:
    """Requirements A14: the state alone has none."""
    for endpoint in access_of(role).endpoints:
        assert ("id" in endpoint.properties) == (endpoint.type != "state")


@pytest.mark.parametrize("role", ROLES)
def test_parts_of_objects_are_listed_with_a_dot(role: Role) -> None:
    """As in `compiler.command`, behind the object that they are parts of."""
    compiler = [property for property in properties(role, "languages") if property.startswith("compiler")]
    assert compiler == [
        "compiler",
        *(f"compiler.{part}" for part in ("command", "args", "version", "version_command")),
    ]


def test_what_differs_between_roles() -> None:
    """Some of the differences that roles.md makes; the whole table is compared elsewhere."""
    assert "package" in properties("judge", "problems")
    assert "package" not in properties("public", "problems")
    assert properties("judge", "accounts") == []
    assert "username" in properties("staff", "accounts")
    assert "files" in properties("team", "submissions")
    assert "files" not in properties("proxy", "submissions")
    assert "account_id" not in properties("judge", "submissions")
    assert "account_id" in properties("admin", "submissions")


def test_a_team_is_told_of_problems_before_the_start() -> None:
    """Requirements 52: what is listed depends neither on data nor on the phase."""
    assert "statement" in properties("team", "problems")
    assert access_of("team").capabilities == ["team_submit", "post_clar"]
    assert access_of("team") == access_of("team")


@pytest.mark.parametrize("role", ROLES)
def test_no_password_is_ever_announced(role: Role) -> None:
    assert not [p for endpoint in access_of(role).endpoints for p in endpoint.properties if "password" in p]

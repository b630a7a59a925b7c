"""The answer of `access`: announced properties and capabilities, by role, whatever a contest holds but extensions."""

from typing import Any

import msgspec
import pytest

from cds.commands.decision import ObjectChange
from projections.access import access_of, extensions_shown
from projections.served_versions import DRAFT, STRICT
from schemas.extensions import (
    CmsSubmission,
    CmsTask,
    LeagueOfCodeProject,
    ProblemExtension,
    SubmissionExtension,
    SyncedTeam,
    TeamExtension,
)
from schemas.object_types import OBJECT_TYPES
from schemas.viewers import ROLES, Role
from tests.builders import Played, Reader, gone, put, setup, small_contest, submission, team


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


PUBLIC, JUDGE, OWNER, OTHER = Reader("public"), Reader("judge"), Reader("team", "t1"), Reader("team", "t2")


def extended(type_name: str, identifier: str, **said: object) -> ObjectChange:
    """An object of the small contest that says more than the format has, or (nothing said) no longer does."""
    instance = Played(small_contest()).state.objects[type_name][identifier]
    structure = EXTENSIONS[type_name]
    ext = structure(**said) if said else None
    return ObjectChange(type_name, identifier, msgspec.structs.replace(instance, ext=ext))


EXTENSIONS: dict[str, Any] = {"submissions": SubmissionExtension, "problems": ProblemExtension, "teams": TeamExtension}
COUNTED = CmsSubmission(official=True)
PROJECT = LeagueOfCodeProject(title="Project")
RESULT = TeamExtension(sync=SyncedTeam(rank=1))


def namespaces(played: Played, reader: Reader) -> dict[str, set[str]]:
    """The namespaces that are listed for a reader, by type."""
    shown = extensions_shown(reader.role, played.state, reader.team_id)
    access = access_of(reader.role, DRAFT, shown)
    return {
        endpoint.type: {path.split(".")[1] for path in endpoint.properties if path.startswith("ext.")}
        for endpoint in access.endpoints
        if "ext" in endpoint.properties
    }


def test_all_namespaces_of_a_type_are_listed_whichever_object_has_them() -> None:
    played = Played([*small_contest(), extended("submissions", "s1", cms=COUNTED)])
    assert namespaces(played, PUBLIC) == {"submissions": {"cms"}}
    played.play([extended("submissions", "s2", loc=PROJECT)])
    assert namespaces(played, PUBLIC) == {"submissions": {"cms", "loc"}}
    listed = access_of("public", DRAFT, {"submissions": {"loc"}})
    (paths,) = (endpoint.properties for endpoint in listed.endpoints if endpoint.type == "submissions")
    assert [path for path in paths if path.split(".")[0] == "ext"] == [
        "ext",
        *("ext.loc", "ext.loc.url", "ext.loc.title", "ext.loc.description"),
    ]


def test_an_extension_that_is_gone_is_listed_no_more() -> None:
    """Taken from its object, or gone with it."""
    made = [extended("submissions", "s1", cms=COUNTED), *put(msgspec.structs.replace(team("t4", None), ext=RESULT))]
    played = Played([*small_contest(), *made])
    assert namespaces(played, PUBLIC) == {"submissions": {"cms"}, "teams": {"sync"}}
    played.play([gone("teams", "t4")])
    assert namespaces(played, PUBLIC) == {"submissions": {"cms"}}
    played.play([extended("submissions", "s1")])
    assert namespaces(played, PUBLIC) == {}


def test_what_is_hidden_is_not_listed_and_what_a_team_sees_of_its_own_is() -> None:
    """A try before the start is its team's and the judges' alone; problems are theirs until the start."""
    early = msgspec.structs.replace(
        submission("early", "t1", "a", "-0:10:00.000"), ext=SubmissionExtension(cms=COUNTED)
    )
    played = Played([*small_contest(), *put(early)])
    assert namespaces(played, PUBLIC) == namespaces(played, OTHER) == {}
    assert namespaces(played, OWNER) == namespaces(played, JUDGE) == {"submissions": {"cms"}}
    task = extended("problems", "a", cms=CmsTask(score_mode="max"))
    before = Played([*setup(), task])
    assert namespaces(before, PUBLIC) == {}
    assert namespaces(before, JUDGE) == {"problems": {"cms"}}


@pytest.mark.parametrize("role", ROLES)
def test_without_extensions_access_rests_on_the_role_alone(role: Role) -> None:
    """As in every contest that has none, strictly or not; with the same capabilities."""
    assert access_of(role) == access_of(role, STRICT) == access_of(role, STRICT, {"teams": {"sync"}})
    assert access_of(role) != access_of(role, DRAFT, {"teams": {"sync"}})

"""The document by itself: valid, whole, made of the tables, and its examples keep its own schemas."""

import json
from collections.abc import Iterator, Mapping
from typing import Annotated, Any

import pytest
from jsonschema import Draft202012Validator
from schemathesis.specs.openapi.definitions import OPENAPI_31_VALIDATOR

from cds.commands import permissions
from cds.openapi import document, type_endpoints
from cds.openapi.document import encoded_document, servers_of
from cds.openapi.served_apis import SERVED_APIS
from projections import visibility_table
from projections.conditions import always
from projections.visibility_table import Cell
from schemas import object_types
from schemas.object_types import OBJECT_TYPES
from schemas.objects import ContestObject
from schemas.properties import ImageFiles, References, TimeText
from schemas.viewers import ROLES

Json = Any
PREFIX = "/api"


AT_ROOT = ("/contests/sync", "/cms/", "/v1/", "/info")
"""Where the paths of APIs begin that are at the root of the server."""


def the_document(prefix: str = PREFIX, base_url: str | None = None) -> Json:
    return json.loads(encoded_document("1.2.3", prefix, base_url))


def operations(of: Json) -> Iterator[tuple[str, str, Json]]:
    """Verb, path and operation."""
    for path, verbs in of["paths"].items():
        for verb, operation in verbs.items():
            yield verb, path, operation


def places(value: Json) -> Iterator[str]:
    """Everything that is referred to."""
    if isinstance(value, Mapping):
        if isinstance(value.get("$ref"), str):
            yield value["$ref"]
        for inner in value.values():
            yield from places(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from places(inner)


def test_it_keeps_the_schema_of_openapi_documents() -> None:
    OPENAPI_31_VALIDATOR.validate(the_document())


def test_every_schema_in_it_is_one() -> None:
    for schema in the_document()["components"]["schemas"].values():
        Draft202012Validator.check_schema(schema)


def test_every_reference_leads_somewhere_and_every_component_is_used() -> None:
    whole = the_document()
    found = set(places(whole))
    held = {
        f"#/components/{kind}/{name}"
        for kind, components in whole["components"].items()
        if kind != "securitySchemes"
        for name in components
    }
    assert found - held == set()
    assert held - found == set()


def test_operations_have_ids_of_their_own() -> None:
    identifiers = [operation["operationId"] for _, _, operation in operations(the_document())]
    assert len(set(identifiers)) == len(identifiers)


def test_it_is_the_same_every_time() -> None:
    first = encoded_document("1.2.3", PREFIX, None)
    encoded_document.cache_clear()
    assert encoded_document("1.2.3", PREFIX, None) == first


@pytest.mark.parametrize(
    ("prefix", "base_url", "servers"),
    [
        ("/api", None, ["/api"]),
        ("/api", "https://example.com/x/y/api/", ["https://example.com/x/y/api", "/api"]),
        ("/x/y/api", "https://example.com/x/y/api/", ["https://example.com/x/y/api", "/x/y/api"]),
        ("/x/y", "/x/y/", ["/x/y"]),
    ],
)
def test_servers_begin_with_where_clients_see_the_api(prefix: str, base_url: str | None, servers: list[str]) -> None:
    assert servers_of(prefix, base_url) == servers
    assert [each["url"] for each in the_document(prefix, base_url)["servers"]] == servers


@pytest.mark.parametrize(
    ("base_url", "root"),
    [
        (None, ["/"]),
        ("/api/", ["/"]),
        ("https://example.com/api/", ["https://example.com", "/"]),
        ("https://example.com:8443/api", ["https://example.com:8443", "/"]),
        ("https://example.com/x/y/api", ["/"]),
        ("https://example.com/", ["/"]),
    ],
)
def test_what_begins_at_the_root_of_the_server_says_where_that_is(base_url: str | None, root: list[str]) -> None:
    whole = the_document(base_url=base_url)
    for verb, path, operation in operations(whole):
        expected = [{"url": url} for url in root] if path.startswith(AT_ROOT) else None
        assert operation.get("servers") == expected, f"{verb} {path}"


def test_errors_have_the_form_of_their_api() -> None:
    """The example of each keeps its schema (see below); here it is told which form an API has."""
    whole = the_document()
    keys = {
        "/students": {"error"},
        "/contests/sync": {"statusCode", "message", "error"},
        "/contests": {"code", "message"},
        "/cms/{contest_id}/api/task_list": {"error"},
        "/v1/matches/info": {"status", "data"},
    }
    for path, expected in keys.items():
        name = whole["paths"][path]["get"]["responses"]["400"]["$ref"].rpartition("/")[2]
        assert whole["components"]["responses"][name]["content"]["application/json"]["example"].keys() == expected
    unauthorized = whole["components"]["responses"]["SyncUnauthorized"]["content"]["application/json"]["example"]
    assert unauthorized == {"statusCode": 401, "message": "Unauthorized"}
    forbidden = whole["components"]["responses"]["JsendErrorForbidden"]["content"]["application/json"]["example"]
    assert forbidden == {"status": "error", "message": "This account may not do that, or not now."}


def test_tags_of_the_apis_are_their_own() -> None:
    whole = the_document()
    for api in SERVED_APIS:
        tagged = {path for _, path, operation in operations(whole) if api.tags.keys() & set(operation["tags"])}
        assert tagged == {operation.path for operation in api.operations}
        told = {tag["name"]: tag["description"] for tag in whole["tags"]}
        assert api.tags.items() <= told.items()


def test_schemas_of_the_apis_have_names_of_their_own() -> None:
    names = [name for api in SERVED_APIS for name in api.schemas]
    assert len(set(names)) == len(names)
    whole = the_document()["components"]["schemas"]
    for api in SERVED_APIS:
        assert {name: whole[name] for name in api.schemas} == json.loads(json.dumps(api.schemas))


def examples(whole: Json) -> Iterator[tuple[str, Json, Json]]:
    """What it is an example of, its schema, and the example."""
    for verb, path, operation in operations(whole):
        media = list(operation.get("requestBody", {}).get("content", {}).values())
        answers = [answer for answer in operation["responses"].values() if "$ref" not in answer]
        answers += [whole["components"]["responses"][name] for name in whole["components"]["responses"]]
        media += [each for answer in answers for each in answer.get("content", {}).values()]
        for each in media:
            beside = [example["value"] for example in each.get("examples", {}).values()]
            for example in [*([each["example"]] if "example" in each else []), *beside]:
                yield f"{verb} {path}", each["schema"], example


def test_examples_keep_their_schemas() -> None:
    whole = the_document()
    seen = 0
    for what, schema, example in examples(whole):
        validator = Draft202012Validator({**schema, "components": whole["components"]})
        errors = [error.message for error in validator.iter_errors(example)]
        assert errors == [], f"{what}: {example}"
        seen += 1
    assert seen > len(OBJECT_TYPES)


def test_every_body_of_json_has_an_example() -> None:
    for verb, path, operation in operations(the_document()):
        for media_type, media in operation.get("requestBody", {}).get("content", {}).items():
            assert media_type != "application/json" or {"example", "examples"} & media.keys(), f"{verb} {path}"


WRITTEN_BY_EVERYBODY = {"/codeforces/sync/{handle}", "/cms/{contest_id}/api/login"}
"""What asks for no login although it writes (requirements-001, 2.2; logging in itself)."""


def test_writing_needs_a_login_and_says_who_may() -> None:
    for verb, path, operation in operations(the_document()):
        if path in WRITTEN_BY_EVERYBODY:
            assert operation["security"][0] == {}, path
        elif path.startswith("/cms/"):
            assert operation["security"] == [{"cms": []}], path
            assert operation["x-phases"], path
            assert {"400", "403", "404", "503"} <= operation["responses"].keys()
        elif path.startswith("/v1/"):
            continue  # Of its rows; see tests/cds/loc_api/test_description.py.
        elif verb != "get":
            assert operation["security"] == [{"basic": []}, {"bearer": []}], path
            assert "public" not in operation["x-roles"]
            assert {"400", "401", "403", "404", "503"} <= operation["responses"].keys()


def _reached(whole: Json) -> Iterator[str]:
    """The names of the schemas from which bodies of requests are made."""
    waiting = [place for _, _, operation in operations(whole) for place in places(operation.get("requestBody", {}))]
    seen: set[str] = set()
    while waiting:
        name = waiting.pop().rpartition("/")[2]
        if name not in seen:
            seen.add(name)
            yield name
            waiting += places(whole["components"]["schemas"][name])


def test_requests_take_nothing_that_is_not_listed() -> None:
    schemas = the_document()["components"]["schemas"]
    sent = set(_reached(the_document()))
    assert len(sent) > len(OBJECT_TYPES)
    objects = [name for name in sent if schemas[name].get("type") == "object"]
    assert [name for name in objects if schemas[name].get("additionalProperties") is not False] == []


def test_nothing_that_is_kept_secret_is_answered() -> None:
    schemas = the_document()["components"]["schemas"]
    assert "password" not in schemas["Account"]["properties"]
    assert schemas["AccountPut"]["properties"]["password"]["writeOnly"] is True
    assert "content" not in schemas["FileReference"]["properties"]


class Balloon(ContestObject, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """A type that table one does not have."""

    id: str
    team_id: Annotated[str, References("teams")]
    time: TimeText
    photo: ImageFiles | None = None


def test_a_new_type_in_table_one_appears_by_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    name = "balloons"
    row = object_types._row(name, Balloon, "configuration")
    monkeypatch.setitem(OBJECT_TYPES, name, row)
    for role in ROLES:
        monkeypatch.setitem(
            visibility_table.VISIBILITY[role],
            name,
            Cell(objects=always, properties=dict.fromkeys(row.properties, always)),
        )
        allowed = frozenset(permissions.METHODS) if role == "admin" else frozenset()
        monkeypatch.setitem(permissions.PERMISSIONS[role], name, allowed)
    monkeypatch.setitem(permissions.OFFERED, name, frozenset(permissions.METHODS))
    monkeypatch.setitem(type_endpoints.TAGS, name, "Balloons.")
    whole = json.loads(json.dumps(document.openapi_document("1.2.3", ["/api"])))
    OPENAPI_31_VALIDATOR.validate(whole)
    of_type = {(verb, path.removeprefix(type_endpoints.CONTEST)) for verb, path, _ in operations(whole) if name in path}
    one = f"/{name}/{{id}}"
    assert of_type == {
        *((verb, f"/{name}") for verb in ("get", "post")),
        *((verb, one) for verb in ("get", "put", "patch", "delete")),
        ("get", f"{one}/photo"),
        ("get", f"{one}/photo/{{filename}}"),
    }
    assert whole["components"]["schemas"]["BalloonPost"]["required"] == ["team_id", "time"]
    collection = whole["paths"][f"{type_endpoints.CONTEST}/{name}"]["get"]
    assert "team_id" in [parameter.get("name") for parameter in collection["parameters"]]
    for what, schema, example in examples(whole):
        validator = Draft202012Validator({**schema, "components": whole["components"]})
        assert validator.is_valid(example), what

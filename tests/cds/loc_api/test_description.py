"""The League of Code API in the one document: made of its table, with everything that is asked and answered."""

import json
from collections.abc import Iterator
from typing import Any

import msgspec
import pytest
from aiohttp import hdrs
from jsonschema import Draft202012Validator

from cds.loc_api.answered_shapes import DATA
from cds.loc_api.arguments import ALIASES, ChangeMatch
from cds.loc_api.handlers import HANDLERS
from cds.loc_api.routes import loc_api_routes
from cds.loc_api.rows import Auth, Row
from cds.loc_api.table import ROWS
from cds.openapi.document import encoded_document
from cds.openapi.headers import HEADERS
from cds.openapi.loc_endpoints import LOC_API, operations_of
from cds.openapi.operations import Operation
from cds.openapi.page_parts import curl
from cds.openapi.reading import mapping
from tests.acceptance.requirements_of_loc import CASES
from tests.cds.contest_api.serving import Answer
from tests.cds.openapi.documented import Documented, operations_of_endpoint

Json = Any

TOKENS = {
    Auth.OPEN: [{}],
    Auth.OPTIONAL: [{}, {"bearer": []}],
    Auth.HOLDER: [{"bearer": []}],
    Auth.USER: [{"bearer": []}],
    Auth.ADMIN: [{"bearer": []}],
}
REFUSALS_OF_ALL = {"400", "408", "413", "500", "503"}
REFUSALS_OF_TOKENS = {Auth.OPEN: set(), Auth.ADMIN: {"401", "403"}}


@pytest.fixture(scope="module")
def whole() -> Json:
    """The document."""
    return json.loads(encoded_document("1.2.3", "/api", None))


def told(whole: Json) -> dict[tuple[str, str], Json]:
    """The operations of this API, by method and path."""
    return {
        (verb.upper(), path): operation
        for path, verbs in whole["paths"].items()
        for verb, operation in verbs.items()
        if LOC_API.tags.keys() & set(operation["tags"])
    }


def ways_with_rows() -> dict[tuple[str, str], Row]:
    """The row of each method and path."""
    return {(way.method, way.path): row for row in ROWS for way in row.ways}


def test_every_way_is_in_it_with_the_codes_of_its_row(whole: Json) -> None:
    operations, ways = told(whole), ways_with_rows()
    assert set(operations) == {("GET", "/info"), *ways}
    for way, row in ways.items():
        of_tokens = REFUSALS_OF_TOKENS.get(row.auth, {"401"})
        expected = {str(int(code)) for code in row.codes} | of_tokens | REFUSALS_OF_ALL
        assert set(operations[way]["responses"]) == expected, way
        assert operations[way]["security"] == TOKENS[row.auth], way
        assert operations[way].get("x-roles") == (["admin"] if row.auth is Auth.ADMIN else None), way


def test_the_routes_are_those_of_the_document(whole: Json) -> None:
    """HEAD is offered with what everybody may read, and with nothing where a token matters."""
    routed = {(route.method, route.path.partition("{")[0], route.kwargs.get("allow_head")) for route in routes()}
    ways = ways_with_rows()
    reads = {way: ways[way].auth is Auth.OPEN if way in ways else True for way in told(whole)}
    assert routed == {(*way, head if way[0] == "GET" else None) for way, head in reads.items()}


def routes() -> list[Any]:
    """The definitions of all routes."""
    return list(loc_api_routes(HANDLERS))


def test_a_row_without_a_handler_stops_the_program() -> None:
    with pytest.raises(KeyError, match="post_signup"):
        loc_api_routes({})


def test_a_get_has_no_body_and_what_may_not_stand_in_its_query_has_a_twin(whole: Json) -> None:
    for row in ROWS:
        names = {field.encode_name for field in msgspec.structs.fields(row.arguments)}
        for operation in operations_of(row):
            described = whole["paths"][operation.path][operation.verb]
            if operation.verb == "get":
                assert "requestBody" not in described
                missing = names - {each["name"] for each in described.get("parameters", [])}
                twins = [each for each in operations_of(row) if each.verb == "post"]
                assert twins or not (missing or row.auth.needs_token), operation.path
                assert not missing or f"`POST {twins[0].path}`" in described["description"]
            else:
                assert "parameters" not in described
                body = described["requestBody"]["content"]["application/json"]["schema"]
                own = {"token"} if row.auth is not Auth.OPEN else set()
                own |= {alias for alias, meant in ALIASES.items() if meant in names}
                assert body["properties"].keys() == names | own


def test_examples_of_parameters_keep_their_schemas_and_are_those_of_the_commands(whole: Json) -> None:
    seen = 0
    for (method, path), operation in told(whole).items():
        for each in operation.get("parameters", []):
            assert Draft202012Validator(each["schema"]).is_valid(each["example"]), path
            command = curl(path, method.lower(), operation)
            assert (f"{each['name']}={each['example']}" in command) == each["required"], command
            seen += 1
    assert seen > len(ROWS) / 2


def test_commands_bring_the_token_where_one_is_needed(whole: Json) -> None:
    for way, row in ways_with_rows().items():
        command = curl(way[1], way[0].lower(), told(whole)[way])
        assert ("Authorization: Bearer $TOKEN" in command) == row.auth.needs_token


def test_nested_arguments_are_described_in_place(whole: Json) -> None:
    body = whole["paths"]["/v1/admin/match-leaderboard"]["put"]["requestBody"]
    schema = body["content"]["application/json"]["schema"]
    validator = Draft202012Validator(schema)
    assert validator.is_valid({"match": "one", "positions": [{"party": "ada", "position": 1}]})
    assert not validator.is_valid({"match": "one", "positions": [{"party": "ada", "position": 0}]})
    assert not validator.is_valid({"match": "one", "positions": [{"party": "ada"}]})


def test_every_row_has_a_shape_of_its_answers_and_every_shape_a_row() -> None:
    assert set(DATA) == {row.name for row in ROWS}
    for shape in DATA.values():
        Draft202012Validator.check_schema(shape)


def test_every_refusal_of_the_table_is_documented_for_every_way(whole: Json) -> None:
    """That these very bodies come, others hold the server to (tests/acceptance/test_loc_endpoints.py)."""
    document = Documented(whole)
    headers = {**dict.fromkeys(HEADERS, "*"), hdrs.CONTENT_TYPE: "application/json"}
    for case in CASES:
        if case.refusal is not None:
            for operation in operations_of_endpoint(case.number):
                document.check(operation.identifier, Answer(case.code, headers, msgspec.json.encode(case.refusal)))
    assert {400, 401, 403, 404, 409} <= {status for _, status in document.met}


def bodies(whole: Json) -> Iterator[tuple[Row, Operation, Json]]:
    """The bodies of requests, as they are described."""
    for row in ROWS:
        for operation in operations_of(row):
            described = whole["paths"][operation.path][operation.verb]
            if "requestBody" in described:
                yield row, operation, described["requestBody"]


def test_a_body_has_to_be_there_where_an_argument_has_to_and_may_not_come_otherwise(whole: Json) -> None:
    for row, operation, body in bodies(whole):
        required = {field.encode_name for field in msgspec.structs.fields(row.arguments) if field.required}
        in_query = row.ways[0].method == "GET" and required <= {"match", "user", "party", "page"}
        assert body["required"] == (bool(required) and not in_query), operation.path


def test_what_a_check_refuses_the_document_does_too(whole: Json) -> None:
    """What may be left out may be null, as reading has it; lengths are those of the checks."""
    seen = 0
    for row, operation, body in bodies(whole):
        schema = body["content"]["application/json"]["schema"]
        for field in msgspec.structs.fields(row.arguments):
            told = Draft202012Validator(schema["properties"][field.encode_name])
            assert told.is_valid(None) != field.required, (operation.path, field.name)
        for name, check in row.checks.items():
            told, longest = Draft202012Validator(schema["properties"][name]), check.told["maxLength"]
            assert isinstance(longest, int)
            assert check("a" * (longest + 1)) is not None
            assert not told.is_valid("a" * (longest + 1)), (operation.path, name)
            fit = "a@" + "b" * 60 + ".example" if name == "email" else "a" * longest
            assert check(fit) is None
            assert told.is_valid(fit)
            assert told.is_valid("") == (check("") is None) or "minLength" not in check.told
            seen += 1
    assert seen > 10


def test_limits_of_parties_may_come_under_either_of_their_names(whole: Json) -> None:
    schema = whole["paths"]["/v1/admin/match"]["post"]["requestBody"]["content"]["application/json"]["schema"]
    told, example = Draft202012Validator(schema), dict(row_named("create_match").example)
    assert told.is_valid(example)
    fewest, most = example.pop("min-members"), example.pop("max-members")
    assert not told.is_valid(example)
    assert not told.is_valid({**example, "min-team": fewest})
    assert told.is_valid({**example, "min-team": fewest, "max-members": most})
    assert not told.is_valid({**example, "min-team": 0, "max-members": most})


def row_named(name: str) -> Row:
    """The row of that name."""
    return next(row for row in ROWS if row.name == name)


def test_every_refusal_is_told_in_the_form_that_the_document_has_for_it(whole: Json) -> None:
    """As a failure, or as an error; either only where a token may be missing or bad."""
    for case in CASES:
        if case.refusal is not None and case.number > 1:
            for operation in operations_of_endpoint(case.number):
                told = whole["paths"][operation.path][operation.verb]["responses"][str(case.code)]["$ref"]
                form = "JsendFail" if case.refusal["status"] == "fail" else "JsendError"
                assert told.startswith(f"#/components/responses/{form}"), case.name
    either = {
        (row.name, code)
        for row in ROWS
        for operation in operations_of(row)
        for code, response in whole["paths"][operation.path][operation.verb]["responses"].items()
        if response.get("$ref", "").startswith("#/components/responses/Jsend")
        and not response["$ref"].rpartition("/")[2].startswith(("JsendFail", "JsendError"))
    }
    assert either == {(row.name, "401") for row in ROWS if row.auth.needs_token}


def test_who_has_to_wait_or_to_log_in_is_told_so_in_a_header(whole: Json) -> None:
    for name, response in whole["components"]["responses"].items():
        if name.startswith("Jsend"):
            assert ("Retry-After" in response["headers"]) == name.endswith(("TooManyRequests", "Unavailable"))
            assert ("WWW-Authenticate" in response["headers"]) == name.endswith("Unauthorized")


def test_a_changed_match_answers_with_its_arguments_and_its_slug_alone() -> None:
    changed = DATA["change_match"]
    fields = {field.encode_name for field in msgspec.structs.fields(ChangeMatch)} - {"match"}
    assert set(mapping(changed["properties"])) == fields
    assert (changed["required"], changed["additionalProperties"]) == (["slug"], False)


def test_the_token_in_a_body_has_an_example_of_its_own(whole: Json) -> None:
    """No example of a whole body has one: sent with a command it would count for more than the token in the header."""
    for row, operation, body in bodies(whole):
        media = body["content"]["application/json"]
        if row.auth is not Auth.OPEN:
            (example,) = media["schema"]["properties"]["token"]["examples"]
            assert Draft202012Validator(media["schema"]["properties"]["token"]).is_valid(example)
            assert "token" not in media["example"], operation.path

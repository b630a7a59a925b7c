"""Schemathesis reads the document and asks a live contest over real HTTP, as several roles: what comes back keeps it.

Schemas of answers are closed for this test, so that a property that is not documented is found too. The generated
requests are the same every time; FUZZED_REQUESTS (`make fuzz`) makes them other ones, so many for each operation, from
every role. Streams are asked to end (`stream=false`).
"""

import asyncio
import os
from collections.abc import Iterator
from typing import Any

import hypothesis
import pytest
import pytest_asyncio
import requests
import schemathesis
from hypothesis import HealthCheck, Phase
from hypothesis import strategies as st
from schemathesis import APIOperation, Case, GenerationMode
from schemathesis.checks import CHECKS, load_all_checks
from schemathesis.core.result import Ok
from schemathesis.schemas import BaseSchema

from cds.openapi.served_apis import SERVED_APIS
from tests.cds.contest_api.live_contest_setup import CONTEST_ID, EVERYBODY, Play, data_of, login_of, picture
from tests.cds.contest_api.serving import DEADLINE_S, Json
from tests.cds.contest_api.whole_objects import WHOLE, furnish

BESIDE = {tag for api in SERVED_APIS for tag in api.tags}
FUZZED = int(os.environ.get("FUZZED_REQUESTS", "0"))
WHO = ("public", "team-one", "judge", "root") if not FUZZED else (*EVERYBODY, "root")
EXAMPLES = FUZZED or 2
"""Generated requests for each operation, whoever sends them."""

load_all_checks()
CONFORMANCE = CHECKS.get_by_names(
    [
        "not_a_server_error",
        "status_code_conformance",
        "content_type_conformance",
        "response_headers_conformance",
        "response_schema_conformance",
    ]
)
REFUSING = [*CONFORMANCE, *CHECKS.get_by_names(["negative_data_rejection"])]

BOUNDED = hypothesis.settings(
    max_examples=EXAMPLES,
    derandomize=not FUZZED,
    database=None,
    deadline=None,
    phases=(Phase.generate,),
    suppress_health_check=list(HealthCheck),
)

pytestmark = pytest.mark.asyncio(loop_scope="session")


class Asking:
    """The document, closed, and a live contest to ask."""

    def __init__(self, document: Json, base: str, known: dict[str, str]) -> None:
        """`known` are ids of objects that exist, by endpoint."""
        for schema in document["components"]["schemas"].values():
            if schema.get("type") == "object":
                schema.setdefault("additionalProperties", False)
        self.schema: BaseSchema = schemathesis.openapi.from_dict(document)
        self.document = document
        self.base = base.rstrip("/")
        self.known = known
        self._session = requests.Session()
        self.answers: set[tuple[str, int]] = set()

    def operations(self) -> Iterator[APIOperation[Any, Any, Any, Any]]:
        """Everything in the document but the APIs beside (see tests/cds/openapi/test_answers_of_apis.py)."""
        for found in self.schema.get_all_operations():
            assert isinstance(found, Ok), found
            operation = found.ok()
            if not BESIDE.intersection(operation.tags or ()):
                yield operation

    def places(self, operation: APIOperation[Any, Any, Any, Any]) -> dict[str, str]:
        """What the path of an operation takes, so that it leads to something that exists."""
        endpoint = operation.path.removeprefix("/contests/{contest_id}/").partition("/")[0]
        places = {"contest_id": CONTEST_ID, "id": self.known.get(endpoint, "nothing"), "filename": "photo.png"}
        return {name: place for name, place in places.items() if f"{{{name}}}" in operation.path}

    def ask(self, case: Case[Any], who: str, checks: list[Any]) -> int:
        """Send a request as somebody, and check what comes back."""
        if case.path.endswith("/event-feed"):
            case.query = {**(case.query or {}), "stream": "false"}
        response = case.call(base_url=self.base, session=self._session, timeout=DEADLINE_S, auth=login_of(who))
        case.validate_response(response, checks=checks)
        self.answers.add((case.operation.label, response.status_code))
        return response.status_code


@pytest_asyncio.fixture(loop_scope="session")
async def asking(live: Play) -> Asking:
    """The running contest with an object of every type and a team with a photo."""
    await furnish(live)
    for written in WHOLE.values():
        if written.path:
            answer = await live.ask(written.who, written.method, written.path, written.body)
            assert answer.status == 201, answer.body
    await live.patch("root", "teams/t1", {"photo": [{"data": data_of(picture(4, 4)), "filename": "photo.png"}]})
    document = await live.caller("public").json("openapi.json")
    types = [path.rpartition("/")[2] for path, verbs in document["paths"].items() if path.count("/") == 3]
    known = {}
    for name in types:
        listed = await live.caller("root").get(f"contests/{CONTEST_ID}/{name}?stream=false")
        if listed.status == 200 and listed.body.startswith(b"[") and listed.json:
            known[name] = listed.json[0]["id"]
    return Asking(document, live.server.base, known)


def without_the_rest(document: Json) -> Json:
    """The document with nothing to get wrong but bodies: no logins, and no parameters outside of paths.

    A property that there is not, and that is null, is absent like any other (JSON Format, "null and absent").
    """
    for schema in document["components"]["schemas"].values():
        if schema.get("additionalProperties") is False:
            schema["additionalProperties"] = {"type": "null"}
    for verbs in document["paths"].values():
        for operation in verbs.values():
            operation.pop("security")
            kept = ("contest_id", "id", "filename")
            operation["parameters"] = [
                each for each in operation.get("parameters", []) if each.get("$ref", "").rpartition("/")[2] in kept
            ]
    return document


async def test_every_get_answers_everybody_as_documented(asking: Asking) -> None:
    """Each operation with what exists, as each role; what comes is looked at whole."""

    def ask_all() -> None:
        for operation in asking.operations():
            if operation.method == "get":
                for who in WHO:
                    asking.ask(operation.Case(path_parameters=asking.places(operation)), who, CONFORMANCE)

    await asyncio.to_thread(ask_all)
    answered = {label for label, status in asking.answers if status == 200}
    assert len(answered) > 40


async def test_generated_requests_are_answered_as_documented(asking: Asking) -> None:
    """Requests that keep the document, each from somebody else: whatever becomes of them, it is documented."""

    def ask_all() -> None:
        for operation in asking.operations():
            generate(asking, operation, GenerationMode.POSITIVE, CONFORMANCE, WHO)

    await asyncio.to_thread(ask_all)


async def test_bodies_that_do_not_keep_the_document_are_refused(asking: Asking) -> None:
    """From an administrator, who may write nearly everything: only the body can be the reason."""

    asking = Asking(without_the_rest(asking.document), asking.base, asking.known)

    def ask_all() -> None:
        for operation in asking.operations():
            if operation.body:
                generate(asking, operation, GenerationMode.NEGATIVE, REFUSING, ("root",))

    await asyncio.to_thread(ask_all)


def generate(
    asking: Asking,
    operation: APIOperation[Any, Any, Any, Any],
    mode: GenerationMode,
    checks: list[Any],
    who: tuple[str, ...],
) -> None:
    """A few generated requests for one operation."""
    cases = operation.as_strategy(generation_mode=mode, path_parameters=asking.places(operation))

    @BOUNDED
    @hypothesis.given(cases, st.sampled_from(who))
    def asked(case: Case[Any], sender: str) -> None:
        asking.ask(case, sender, checks)

    asked()

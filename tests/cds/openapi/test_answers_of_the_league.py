"""What the League of Code API answers is what the document says, when it is asked as the document says.

The situations are those of the table of requirements. With GET arguments stand in the query, and the token in the
header: the document has no other words for them.
"""

from collections.abc import AsyncIterator
from urllib.parse import urlencode

import pytest
import pytest_asyncio
from aiohttp import hdrs

from cds.openapi.loc_endpoints import LOC_API
from cds.openapi.operations import Operation
from tests.acceptance.league import League, league
from tests.acceptance.league_cases import Case
from tests.acceptance.requirements_of_loc import CASES
from tests.cds.contest_api.serving import Answer, Json, cloned_database
from tests.cds.openapi.documented import Documented, operations_of_endpoint

BY_ITS_TWIN = "loc_check_reset_token"
"""What cannot be asked as documented, since its argument is a secret that may not stand in a query."""

pytestmark = pytest.mark.asyncio(loop_scope="session")


class AskedLeague(Documented):
    """A league, and its document."""

    def __init__(self, played: League, document: Json) -> None:
        """A server that has been started."""
        super().__init__(document)
        self.played = played

    async def ask(self, operation: Operation, arguments: dict[str, object]) -> Answer:
        """Ask as the document says, and hold the answer to it."""
        verb, path, told = self.operations[operation.identifier]
        token = arguments.get("token") if {"bearer": []} in told["security"] else None
        headers: dict[str, str] = {} if token is None else {hdrs.AUTHORIZATION: f"Bearer {token}"}
        body = {name: value for name, value in arguments.items() if token is None or name != "token"}
        query = ""
        if "requestBody" not in told:
            names = [each["name"] for each in told.get("parameters", ())]
            query = urlencode({name: body[name] for name in names if name in body})
        answer = await self.played.served.caller(None).ask(
            verb.upper(),
            f"{self.played.served.root}{path}?{query}",
            json=body if "requestBody" in told else None,
            headers=headers,
        )
        self.check(operation.identifier, answer)
        return answer


@pytest_asyncio.fixture(loop_scope="session")
async def asked(postgres_dsn_template: str) -> AsyncIterator[AskedLeague]:
    """A league, and its document."""
    async with cloned_database(postgres_dsn_template) as dsn, league(dsn) as played:
        yield AskedLeague(played, await played.served.caller(None).json("openapi.json"))


def cases_asked() -> list[Case]:
    """The first success of each endpoint with each code, and the first refusal with each code.

    That all other refusals are as documented too is told without a server (tests/cds/loc_api/test_description.py).
    """
    found: dict[tuple[int | None, int], Case] = {}
    for case in CASES:
        found.setdefault((case.number if case.refusal is None else None, case.code), case)
    return list(found.values())


async def test_all_endpoints_are_answered_as_documented(asked: AskedLeague) -> None:
    for case in cases_asked():
        for operation in operations_of_endpoint(case.number):
            situation = await case.situation(asked.played)
            answer = await asked.ask(operation, dict(situation.arguments))
            assert operation.identifier == BY_ITS_TWIN or answer.status == case.code, (case.name, answer.body)
    assert asked.succeeded == {operation.identifier for operation in LOC_API.operations} - {BY_ITS_TWIN}
    assert {status for _, status in asked.met} >= {case.code for case in CASES}


async def test_tokens_that_count_for_nothing_are_answered_as_documented(asked: AskedLeague) -> None:
    for token, status in ((None, 401), ("rubbish", 500)):
        for operation in LOC_API.operations:
            if operation.needs_login:
                assert (await asked.ask(operation, {} if token is None else {"token": token})).status == status


async def test_there_is_no_second_document(asked: AskedLeague) -> None:
    reply = await asked.played.ask("GET", "/v1/openapi.json")
    assert (reply.status, reply.json["status"]) == (404, "error")

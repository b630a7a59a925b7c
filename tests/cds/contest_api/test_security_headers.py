"""What stands on every answer, so that no browser takes it for something else and nobody learns our versions."""

import pytest

from tests.cds.contest_api.serving import Running

pytestmark = pytest.mark.asyncio(loop_scope="session")

PATHS = ("/", "/healthz", "/api", "/api/contests", "/api/nothing", "/v1/matches/list", "/cms/small/api/task_list")


async def test_every_answer_bears_the_headers_of_the_page(served: Running) -> None:
    for method in ("GET", "HEAD", "OPTIONS", "PATCH"):
        for path in PATHS:
            answer = await served.caller().ask(method, served.root + path)
            assert answer.headers["X-Content-Type-Options"] == "nosniff", path
            assert answer.headers.getall("Server") == ["contest-data-server"], path  # type: ignore[attr-defined]  # a multidict

"""Clients that leave in the middle of what they send: nobody's failure, so the log does not speak of one."""

import asyncio

from structlog.testing import capture_logs

from tests.cds.contest_api.serving import DEADLINE_S, SERVER_ADMIN, basic_authorization, running

HEAD = (
    "POST /api/contests HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 100000\r\n"
    f"Authorization: {basic_authorization(SERVER_ADMIN)}\r\nExpect: 100-continue\r\n\r\n"
)


async def test_a_client_that_leaves_in_the_middle_of_a_body_is_no_failure(database_dsn: str) -> None:
    async with running(database_dsn) as server:
        with capture_logs() as logs:
            reader, writer = await asyncio.open_connection("127.0.0.1", server.server.port)
            writer.write(HEAD.encode())
            assert (await reader.readline()).startswith(b"HTTP/1.1 100")
            writer.write(b'{"id"')
            await writer.drain()
            writer.close()
            await writer.wait_closed()
            runner = server.server._runner
            assert runner is not None
            assert runner.server is not None
            async with asyncio.timeout(DEADLINE_S):
                while runner.server.connections:
                    await asyncio.sleep(0.01)
    assert [entry for entry in logs if entry["event"] == "request_failed"] == []

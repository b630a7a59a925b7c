"""The baseline of posting: an aiohttp server that parses the body, and does one INSERT and one commit for each request.

The bytes of the file go into the row. It ends when its standard input does. This module must not know the program that
is measured.
"""

import asyncio
import sys
from binascii import a2b_base64

import asyncpg
import orjson
from aiohttp import web

TABLE = """
CREATE TABLE IF NOT EXISTS bare_submission (
    number bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    authorization_header text NOT NULL,
    problem_id text NOT NULL,
    language_id text NOT NULL,
    content bytea STORAGE EXTERNAL NOT NULL,
    posted_at timestamptz NOT NULL DEFAULT now()
)
"""
INSERT = """
INSERT INTO bare_submission (authorization_header, problem_id, language_id, content) VALUES ($1, $2, $3, $4)
RETURNING number
"""
POOL = web.AppKey("pool", asyncpg.Pool)


async def post(request: web.Request) -> web.Response:
    """Keep a submission."""
    body = orjson.loads(await request.read())
    content = a2b_base64(body["files"][0]["data"])
    number = await request.app[POOL].fetchval(
        INSERT, request.headers["Authorization"], body["problem_id"], body["language_id"], content
    )
    answer = {"id": str(number), "problem_id": body["problem_id"], "language_id": body["language_id"]}
    return web.Response(status=201, body=orjson.dumps(answer), content_type="application/json")


async def _serve(address: str, connections: int) -> None:
    application = web.Application()
    application.router.add_post("/{path:.*}", post)
    async with asyncpg.create_pool(address, min_size=connections, max_size=connections) as pool:
        await pool.execute(TABLE)
        application[POOL] = pool
        runner = web.AppRunner(application, access_log=None)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0, backlog=1024).start()
        sys.stdout.write(f"{runner.addresses[0][1]}\n")
        sys.stdout.flush()
        await asyncio.to_thread(sys.stdin.buffer.read)
        await runner.cleanup()


if __name__ == "__main__":
    asyncio.run(_serve(sys.argv[1], int(sys.argv[2])))

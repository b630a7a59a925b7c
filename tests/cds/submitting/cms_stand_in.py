"""A small server with the API of the Contest Management System, for the client: as the seed and requirements have it.

It judges by a script: each look at a submission gives the next answer. This module must not use a line of the product.
"""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from aiohttp import BodyPartReader, web

Answer = Mapping[str, object]

COMPILING: Answer = {"status": 1, "status_text": "Compiling..."}
EVALUATING: Answer = {"status": 3, "status_text": "Evaluating..."}
FAILED: Answer = {"status": 2, "status_text": "Compilation failed", "task_public_score": 0.0}


def scored(score: float, task_score: float, *, partial: bool = False) -> Answer:
    """The scoring information of a submission that is judged."""
    return {
        "status": 5,
        "status_text": "Evaluated",
        "max_public_score": 100.0,
        "public_score": score,
        "public_score_message": f"{score:g} / 100",
        "task_public_score": task_score,
        "task_score_is_partial": partial,
    }


@dataclass
class CmsStandIn:
    """What it has, and what it was given. `refusal` is what becomes of the next submission, else it is taken."""

    formats: Mapping[str, Sequence[str]]
    script: list[Answer] = field(default_factory=list)
    refusal: tuple[int, Answer] | None = None
    logged_out_after: int | None = None
    prefix: str = ""
    port: int = 0
    tokens: list[str] = field(default_factory=list)
    taken: list[tuple[str, dict[str, tuple[str | None, bytes]]]] = field(default_factory=list)
    looks: int = 0

    @property
    def url(self) -> str:
        """Where the contest is."""
        return f"http://127.0.0.1:{self.port}{self.prefix}"

    def application(self) -> web.Application:
        """The server."""
        application = web.Application()
        application.add_routes(
            [
                web.post(f"{self.prefix}/api/login", self._login),
                web.get(f"{self.prefix}/api/task_list", self._task_list),
                web.post(f"{self.prefix}/api/{{task}}/submit", self._submit),
                web.get(f"{self.prefix}/tasks/{{task}}/submissions/{{id}}", self._submission),
            ]
        )
        return application

    def _known(self, request: web.Request) -> bool:
        return bool(self.tokens) and request.headers.get("X-CMS-Authorization") == self.tokens[-1]

    async def _login(self, request: web.Request) -> web.Response:
        form = await request.post()
        if (form.get("username"), form.get("password")) != ("anna", "secret"):
            return web.json_response({"error": "Login failed"}, status=403)
        self.tokens.append(f"token-{len(self.tokens)}")
        return web.json_response({"login_data": self.tokens[-1]})

    async def _task_list(self, request: web.Request) -> web.Response:
        if not self._known(request):
            return web.json_response({"error": "An authenticated user is required"}, status=403)
        tasks = [
            {"name": name, "statements": ["en"], "submission_format": list(formats)}
            for name, formats in self.formats.items()
        ]
        return web.json_response({"tasks": tasks})

    async def _submit(self, request: web.Request) -> web.Response:
        if not self._known(request):
            return web.json_response({"error": "An authenticated user is required"}, status=403)
        if self.refusal is not None:
            status, body = self.refusal
            return web.json_response(body, status=status)
        parts: dict[str, tuple[str | None, bytes]] = {}
        async for part in await request.multipart():
            assert isinstance(part, BodyPartReader)
            assert part.name is not None
            parts[part.name] = (part.filename, bytes(await part.read()))
        self.taken.append((request.match_info["task"], parts))
        return web.json_response({"id": str(4_611_686_018_427_387_904 + len(self.taken))})

    async def _submission(self, request: web.Request) -> web.Response:
        self.looks += 1
        if self.looks == self.logged_out_after:
            self.tokens.append("nobody has this one")
        if not self._known(request):
            return web.json_response({"error": "An authenticated user is required"}, status=403)
        return web.json_response(self.script.pop(0) if len(self.script) > 1 else self.script[0])


@asynccontextmanager
async def served(stand_in: CmsStandIn) -> AsyncIterator[CmsStandIn]:
    """The server on a free port of this computer, for the length of the block."""
    runner = web.AppRunner(stand_in.application())
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    stand_in.port = runner.addresses[0][1]
    try:
        yield stand_in
    finally:
        await runner.cleanup()

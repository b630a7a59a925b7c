"""`cds follow` as a user runs it: in a process of its own, on an embedded Postgres of its own."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from tests.acceptance.command_line import Outcome, Process, cds, started, until
from tests.cds.upstream.said import ENDED, LINES
from tests.cds.upstream.upstream import Upstream, serving


async def followed(upstream: Upstream, cwd: Path, *arguments: str, **more: str) -> Outcome:
    """`cds follow` to its end."""
    return await asyncio.to_thread(cds, "follow", upstream.url, *arguments, cwd=cwd, **more)


@asynccontextmanager
async def following(upstream: Upstream, cwd: Path) -> AsyncIterator[Process]:
    """`cds follow` for the length of the block."""
    with (cwd / "follow.err").open("w") as errors, (cwd / "follow.out").open("w") as output:
        with Path(os.devnull).open() as nothing:
            process = started(("follow", upstream.url), cwd=cwd, files=(nothing, output, errors))
        try:
            yield process
        finally:
            if process.poll() is None:
                process.kill()
            process.wait()


async def test_a_contest_is_followed_to_its_end_and_not_once_more(tmp_path: Path) -> None:
    """Exit code 0, and a line that says what came; the second time nothing is asked for."""
    upstream = Upstream([*LINES, ENDED])
    upstream.login = "Basic bWU6c2VzYW1l"
    login = {"CDS_FOLLOW_USERNAME": "me", "CDS_FOLLOW_PASSWORD": "sesame"}
    async with serving(upstream):
        outcome = await followed(upstream, tmp_path, "--until-end", "--contest-id", "mine", **login)
        assert (outcome.code, outcome.reasons) == (0, [])
        assert f"mine: the upstream has ended its updates: {len(LINES) + 1} lines" in outcome.out
        assert "sesame" not in outcome.out + outcome.err
        asked = len(upstream.asked)
        again = await followed(upstream, tmp_path, "--until-end", "--contest-id", "mine", **login)
        assert again.code == 0
        assert "0 events added" in again.out
        assert len(upstream.asked) == asked
    assert "end_of_updates" in cds("contests", cwd=tmp_path).out


async def test_sigterm_ends_it_at_any_time_and_it_goes_on_where_it_stopped(tmp_path: Path) -> None:
    """Exit code 0; without --until-end it stays until then."""
    upstream = Upstream(LINES[:30])
    async with serving(upstream):
        async with following(upstream, tmp_path) as process:
            await until(lambda: bool(upstream.asked))
            await until(lambda: "source_connected" in (tmp_path / "follow.err").read_text())
            process.send_signal(signal.SIGTERM)
            await until(lambda: process.poll() is not None)
            assert process.returncode == 0
        upstream.say(*LINES[30:], ENDED)
        outcome = await followed(upstream, tmp_path, "--until-end")
        assert outcome.code == 0
        assert f"{len(LINES) + 1} lines" in outcome.out

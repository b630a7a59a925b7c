"""What `cds compare` makes of a server that does not tell everything: it says so, in every form."""

import json
from pathlib import Path

import msgspec
import pytest
from aiohttp import hdrs, web

from cds.comparing import fetching
from cds.comparing.command import Choices, compare
from cds.comparing.fetching import Access
from cds.live_play.client import basic_authorization
from cds.place import Place
from projections.comparison_results import Comparison, OpenFeed
from tests.builders import Played, Reader, small_contest
from tests.cds.comparing.reports import WellFormedPage
from tests.cds.comparing.test_fetching import Answering, going_on, upstream

PLAIN = Choices(
    left_out=(),
    verdicts_only=False,
    json=False,
    page=None,
    access=(Access(), Access()),
    base_url=None,
    listed_max=10,
)


@pytest.mark.parametrize("as_json", [False, True])
async def test_a_feed_that_did_not_end_is_compared_and_said_not_to_have_ended(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], as_json: bool
) -> None:
    monkeypatch.setattr(fetching, "QUIET_S", 0.3)
    lines = Played(small_contest(), roles=("admin",)).feed(Reader("admin")).splitlines(keepends=True)
    (tmp_path / "whole.ndjson").write_bytes(b"".join(lines))
    found: list[Comparison] = []
    async with upstream(going_on(*lines[: len(lines) // 2])) as url:
        await compare(
            str(tmp_path / "whole.ndjson"),
            url,
            Place(tmp_path, None),
            msgspec.structs.replace(PLAIN, json=as_json, page=tmp_path / "page.html"),
            found.append,
        )
    (comparison,) = found
    assert comparison.open_feeds == (OpenFeed(side="b", lines=len(lines) // 2, waited_s=0.3),)
    assert comparison.missing
    words = f"B did not end its feed: compared after {len(lines) // 2} lines and 0.3 s of waiting for more"
    assert words in WellFormedPage((tmp_path / "page.html").read_text()).text
    out = capsys.readouterr().out
    assert as_json or words in out
    if as_json:
        assert json.loads(out)["open_feeds"] == [{"side": "b", "lines": len(lines) // 2, "waited_s": 0.3}]


async def test_each_server_is_told_its_own_password_alone(tmp_path: Path) -> None:
    feed = Played(small_contest(), roles=("admin",)).feed(Reader("admin"))
    told: dict[str, str] = {}

    def noting(side: str) -> Answering:
        async def answer(request: web.Request) -> web.Response:
            told[side] = request.headers[hdrs.AUTHORIZATION]
            return web.Response(body=feed)

        return answer

    logins = {"a": ("anna", "first"), "b": ("bert", "second")}
    chosen = msgspec.structs.replace(PLAIN, access=(Access(logins["a"]), Access(logins["b"])))
    found: list[Comparison] = []
    async with upstream(noting("a")) as a, upstream(noting("b")) as b:
        await compare(a, b, Place(tmp_path, None), chosen, found.append)
    assert found[0].equal
    assert found[0].open_feeds == ()
    assert told == {side: basic_authorization(login) for side, login in logins.items()}

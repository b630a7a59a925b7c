"""The search finds what there is to find: whatever of a server begins to tell something, in any way, is named.

One thing of the product is changed at a time, between two servers that are alike for everybody outside. This module
knows ways of telling; it must not know how they are looked for.
"""

from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from itertools import islice

import pytest
import pytest_asyncio
from aiohttp import hdrs

from cds.contest_api.answers import Answer, AnswerCache
from cds.past.pasts import Pasts
from projections.feed_lines import FeedLines, Stretch
from projections.tokens import INDEX_BITS
from projections.visibility_table import SEES_LIVE_SCOREBOARD
from tests.cds.contest_api.serving import Running
from tests.leaks.asked import Asked, Places, everything
from tests.leaks.comparing import Pair
from tests.leaks.differences import HIDDEN_ID, Stand, hidden_changes
from tests.leaks.planted import Plant, Planting, Spoiled
from tests.leaks.scenes import SIMULATED, Moment
from tests.leaks.sides import made, side
from tests.leaks.test_whole_contests import ask_with_what_was_given

pytestmark = pytest.mark.asyncio(loop_scope="session")

CONTEST = f"{SIMULATED}1"
BASE = f"/api/contests/{CONTEST}"
FEED = "/event-feed?"
REQUESTS_MAX = 40
"""As many requests are made in search of one that was planted in answers of one kind."""


def _longer(spoiled: Spoiled, events: int) -> None:
    spoiled.body += b" " * (events % 97)
    spoiled.headers.pop(hdrs.CONTENT_LENGTH, None)


def _header(spoiled: Spoiled, events: int) -> None:
    spoiled.headers["X-Events"] = str(events)


def _tag(spoiled: Spoiled, events: int) -> None:
    spoiled.headers[hdrs.ETAG] = f'"{events}"'


def _status(spoiled: Spoiled, events: int) -> None:
    spoiled.status = 200 + events % 100


def _length(spoiled: Spoiled, events: int) -> None:
    spoiled.headers[hdrs.CONTENT_LENGTH] = str(len(spoiled.body) + events)


PLANTS = (
    Plant("a collection", "GET", f"{BASE}/teams", _longer),
    Plant("an object", "GET", f"{BASE}/problems/", _tag),
    Plant("a header", "GET", f"{BASE}/state", _header),
    Plant("an earlier version", "GET", f"/api/2023-06/contests/{CONTEST}/judgements", _longer),
    Plant("the length before a body", "HEAD", f"{BASE}/awards", _length),
    Plant("what may be asked", "OPTIONS", f"{BASE}/submissions", _header, status=204),
    Plant("what is not there", "GET", f"{BASE}/awards/{HIDDEN_ID}", _longer, status=404),
    Plant("the status of what is not there", "GET", f"{BASE}/awards/{HIDDEN_ID}", _status, status=404),
    Plant("the refusal of a write", "PATCH", f"{BASE}/awards", _header, status=401),
    Plant("a filter", "GET", f"{BASE}/judgements?submission_id=", _longer),
    Plant("a wrong moment", "GET", f"{BASE}/scoreboard?at=soon", _longer, status=400),
    Plant("a moment", "GET", f"{BASE}/judgements?at=", _tag),
    Plant("a board of a group", "GET", f"{BASE}/scoreboard?group_id=", _longer),
    Plant("measurements", "GET", "/metrics", _longer, status=401),
    Plant("the head", "GET", "/x-head", _header, status=401),
    Plant("webhooks", "GET", "/webhooks", _header, status=401),
    Plant("a student", "GET", "/students/nothing", _longer, status=404),
    Plant("a page", "GET", "/contests", _header),
    Plant("the API of CMS", "GET", f"/cms/{CONTEST}/", _header, status=403),
    Plant("the API of the League", "GET", "/v1/matches/list", _longer),
)


class Both:
    """Two servers that are alike for everybody outside, and what may be planted in them."""

    def __init__(self, one: Running, other: Running, planting: Planting, places: Places) -> None:
        """`places` are for one of them."""
        self.one, self.other = one, other
        self.planting = planting
        self._places = places

    def everything(self) -> Iterator[Asked]:
        """All that can be asked."""
        return everything(self.one, self._places)

    async def leaks(self, asked: Iterator[Asked]) -> list[str]:
        """What the public can tell from these answers, as if nobody had asked before."""
        for server in (self.one, self.other):
            server.server.service.answers._answers.clear()
        pair = Pair(self.one.caller(), self.other.caller())
        await pair.ask_all(asked)
        assert pair.asked
        return pair.leaks


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def both(postgres_dsn_template: str) -> AsyncIterator[Both]:
    planting = Planting()
    with pytest.MonkeyPatch.context() as patch:
        planting.put_in(patch)
        async with made(postgres_dsn_template, CONTEST, Moment.FROZEN) as template:
            state = template.scene.state()
            hidden = hidden_changes(Stand(template.scene, template.scene.state(), template.other_file), "public")
            changes = [change for each in hidden.values() for change in each]
            ids: dict[str, list[str]] = {}
            for change in changes:
                ids.setdefault(change.type, []).append(change.id)
            async with side(template, []) as one, side(template, changes, outsider="public") as other:
                yield Both(one, other, planting, Places(CONTEST, state, ids, template.scene.past))


@pytest.mark.parametrize("plant", PLANTS, ids=lambda plant: plant.name)
async def test_whatever_an_answer_tells_is_found(both: Both, plant: Plant) -> None:
    def asked() -> Iterator[Asked]:
        alike = (each for each in both.everything() if each.method == plant.method and plant.path in each.path)
        return islice(alike, REQUESTS_MAX)

    assert await both.leaks(asked()) == []
    with both.planting.planted(plant):
        assert await both.leaks(asked())


Patch = pytest.MonkeyPatch


def _shows_the_board(patch: Patch) -> None:
    patch.setitem(SEES_LIVE_SCOREBOARD, "public", True)


def _shows_what_was(patch: Patch) -> None:
    """The past is told to everybody as to an administrator."""
    told = Pasts.collection

    async def collection(self: Pasts, contest: object, moment: object, _role: str, *others: object) -> object:
        return await told(self, contest, moment, "admin", *others)  # type: ignore[arg-type]  # as it was called

    patch.setattr(Pasts, "collection", collection)


def _tags_what_is_not_shown(patch: Patch) -> None:
    """Entity tags, and ids of boards, are made of more than what is shown."""

    def passing(self: AnswerCache, body: bytes, *, tagged: bytes | None = None) -> Answer:
        return Answer(body, self.key, b"%d" % id(self))

    patch.setattr(AnswerCache, "passing", passing)


def _in_feeds(patch: Patch, change: Callable[[bytes, int], bytes]) -> None:
    """Change what is told at once; the second argument is the position of its last line."""
    lines_of = FeedLines.bytes_of

    def bytes_of(self: FeedLines, stretch: Stretch, *others: object) -> bytes:
        return change(lines_of(self, stretch, *others), stretch.end >> INDEX_BITS)  # type: ignore[arg-type]  # as called

    patch.setattr(FeedLines, "bytes_of", bytes_of)


def _longer_tokens(patch: Patch) -> None:
    _in_feeds(patch, lambda lines, position: lines.replace(b'"token":"', b'"token":"%d.' % 10 ** (position % 7)))


def _signs_of_life(patch: Patch) -> None:
    _in_feeds(patch, lambda lines, position: lines + b"\n" * (position % 97))


def _another_order(patch: Patch) -> None:
    def turned(lines: bytes, position: int) -> bytes:
        each = lines.splitlines(keepends=True)
        return b"".join((*each[position % 31 :], *each[: position % 31]))

    _in_feeds(patch, turned)


CHANGED: Mapping[str, tuple[Callable[[Patch], None], str]] = {
    "the board of now": (_shows_the_board, "/scoreboard"),
    "what was": (_shows_what_was, "/judgements?at="),
    "entity tags": (_tags_what_is_not_shown, "/judgements/"),
    "lengths of tokens": (_longer_tokens, FEED),
    "empty lines": (_signs_of_life, FEED),
    "the order of lines": (_another_order, FEED),
}
"""What of the product is changed, and where it shows."""


@pytest.mark.parametrize("name", CHANGED)
async def test_whatever_the_product_begins_to_tell_is_found(both: Both, name: str, monkeypatch: Patch) -> None:
    change, where = CHANGED[name]
    asked = [each for each in both.everything() if each.method == "GET" and where in each.path][:REQUESTS_MAX]
    assert await both.leaks(iter(asked)) == []
    change(monkeypatch)
    assert await both.leaks(iter(asked))


async def test_tokens_and_tags_that_were_given_are_tried(both: Both, monkeypatch: Patch) -> None:
    """What only shows to those who come again, or stay."""
    pair = Pair(both.one.caller(), both.other.caller())
    _tags_what_is_not_shown(monkeypatch)
    await ask_with_what_was_given(pair, BASE)
    assert any("event-stream" in leak for leak in pair.leaks)

"""What is told of what is kept, over an upstream that answers when and what it is told to."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from typing import cast

import msgspec
import pytest
from aiohttp import hdrs, web
from aiohttp.test_utils import make_mocked_request
from hypothesis import given
from hypothesis import strategies as st
from multidict import CIMultiDict
from yarl import URL

from cds.contest_api.away import STALE, STALE_VIEW
from cds.contest_api.ready_response import ReadyResponse
from cds.relay.audiences import Audiences
from cds.relay.boards import RelayedBoards
from cds.relay.kept_answers import Asked, Freshness, KeptAnswers, WhileAway, kept_answer
from cds.relay.limits import RelayLimits
from cds.relay.passing_on import PassingOn, passed_on
from cds.relay.upstream import Asker, Incoming, Unreachable, Upstream
from tests.cds.contest_api.serving import DEADLINE_S

PATH, OTHER_PATH = "/api/contests", "/api/contests/x/access"
SOMEBODY, ANOTHER = "Basic c29tZWJvZHk=", "Basic YW5vdGhlcg=="
FOR_GOOD_S, AT_ONCE_S = 3600.0, 0.001
NEVER_YOUNG = RelayLimits(unfollowed_good_s=0)
PATIENT = WhileAway(kept_s=FOR_GOOD_S, wait_s=FOR_GOOD_S)
HASTY = WhileAway(kept_s=FOR_GOOD_S, wait_s=AT_ONCE_S)
FORGETFUL = WhileAway(kept_s=0.0, wait_s=AT_ONCE_S)


class Answered(msgspec.Struct):
    """An answer as an upstream gives it."""

    status: int
    headers: CIMultiDict[str]
    body: bytes

    async def read(self) -> bytes:
        """The body."""
        return self.body


class PlannedUpstream:
    """It says to everybody what was said last, as soon as it may."""

    def __init__(self) -> None:
        """There, and of one mind."""
        self.base = URL("http://upstream/api")
        self.reachable = True
        self.answers = asyncio.Event()
        self.answers.set()
        self.said = "first"
        self.headers: Mapping[str, str] = {}
        self.refused: set[str | None] = set()
        self.asked = 0
        self.when_asked: Callable[[], None] = lambda: None

    async def require_known(self) -> None:
        """It is known."""

    @asynccontextmanager
    async def answer(
        self, _method: str, _url: URL, asker: Asker, headers: Mapping[str, str]
    ) -> AsyncIterator[Incoming]:
        """What it says, decided when it is asked."""
        self.asked += 1
        if not self.reachable:
            raise Unreachable
        answered = self._answer(asker, headers)
        self.when_asked()
        await self.answers.wait()
        yield cast("Incoming", answered)

    def _answer(self, asker: Asker, headers: Mapping[str, str]) -> Answered:
        if asker.authorization in self.refused:
            return Answered(401, CIMultiDict({hdrs.CONTENT_LENGTH: "2"}), b"no")
        body, tag = self.said.encode(), f'"{self.said}"'
        if headers.get(hdrs.IF_NONE_MATCH) == tag:
            return Answered(304, CIMultiDict(self.headers), b"")
        told = CIMultiDict({hdrs.CONTENT_LENGTH: str(len(body)), "etag": tag, **self.headers})
        return Answered(200, told, body)


class Place:
    """What tells of contests, and has got so far."""

    def __init__(self) -> None:
        """At the beginning."""
        self.at = 0

    def stamp(self, _login: bytes, _contest_id: str) -> tuple[int]:
        """How far."""
        return (self.at,)


class Stage(msgspec.Struct, frozen=True):
    """An upstream, and what passes on what it says."""

    upstream: PlannedUpstream
    passing_on: PassingOn
    audiences: Audiences
    place: Place

    async def told(self, login: str | None = None, path: str = PATH) -> tuple[int, str, bool]:
        """What somebody is told: the status, the text, and whether it may be old. Raises Unreachable."""
        request = make_mocked_request("GET", path, headers={hdrs.HOST: "relay"})
        async with asyncio.timeout(DEADLINE_S):
            response = await self.passing_on.answer(request, Asker(authorization=login))
        old = STALE_VIEW in request or hdrs.WARNING in response.headers
        if isinstance(response, ReadyResponse):
            return response.status, response._pieces[1].decode(), old
        assert isinstance(response, web.Response)
        assert isinstance(response.body, bytes)
        return response.status, response.body.decode(), old

    async def until(self, holds: Callable[["Stage"], bool]) -> None:
        """Come back when something holds."""
        async with asyncio.timeout(DEADLINE_S):
            while not holds(self):
                await asyncio.sleep(0.001)


@asynccontextmanager
async def stage(away: WhileAway | None, limits: RelayLimits = NEVER_YOUNG) -> AsyncIterator[Stage]:
    """The parts, for the length of the block."""
    upstream, place = PlannedUpstream(), Place()
    audiences = Audiences(cast("Upstream", upstream), limits, lambda _audience, _reason: None)
    parts = cast("Upstream", upstream), audiences, cast("RelayedBoards", place)
    passing_on = PassingOn(*parts, limits, away=away)
    try:
        yield Stage(upstream, passing_on, audiences, place)
    finally:
        await passing_on.close()


async def test_an_upstream_that_takes_long_holds_up_nobody_for_whom_something_is_kept() -> None:
    """It is asked once meanwhile, and what it says in the end is what the next are told."""
    async with stage(HASTY) as found:
        assert await found.told() == (200, "first", False)
        found.upstream.answers.clear()
        found.upstream.said = "second"
        for _ in range(3):
            assert await found.told() == (200, "first", True)
        assert found.upstream.asked == 2
        found.upstream.answers.set()
        await found.until(lambda found: not found.passing_on._questions._beside)
        assert (await found.told())[:2] == (200, "second")


async def test_an_answer_that_comes_soon_is_waited_for_and_says_nothing_of_age() -> None:
    async with stage(PATIENT) as found:
        assert await found.told() == (200, "first", False)
        assert await found.told() == (200, "first", False)
        found.upstream.said = "second"
        assert await found.told() == (200, "second", False)
        assert found.upstream.asked == 3


async def test_what_was_told_of_a_change_meanwhile_is_waited_for() -> None:
    """A line has come while the upstream was asked: what is kept is not told in its place any more."""
    async with stage(HASTY) as found:
        assert await found.told(path=OTHER_PATH) == (200, "first", False)
        found.upstream.answers.clear()

        def change() -> None:
            found.upstream.said, found.upstream.when_asked = "second", lambda: None
            found.place.at += 1

        found.upstream.when_asked = change
        telling = asyncio.create_task(found.told(path=OTHER_PATH))
        await found.until(lambda found: found.upstream.asked == 3)
        found.upstream.answers.set()
        assert await telling == (200, "second", False)


async def test_nobody_is_told_what_is_kept_for_too_long() -> None:
    """Who has no login is told it while it is known that nobody can answer, and not where that only takes long."""
    async with stage(FORGETFUL) as found:
        for login in (None, SOMEBODY):
            assert await found.told(login) == (200, "first", False)
        found.upstream.answers.clear()
        found.upstream.said = "second"
        telling = [asyncio.create_task(found.told(login)) for login in (None, SOMEBODY)]
        await found.until(lambda found: found.upstream.asked == 4)
        found.upstream.answers.set()
        assert await asyncio.gather(*telling) == [(200, "second", False)] * 2
        found.upstream.reachable = False
        assert await found.told() == (200, "second", True)
        with pytest.raises(Unreachable):
            await found.told(SOMEBODY)


async def test_no_more_is_asked_for_nobody_than_there_is_room_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cds.relay.questions.BESIDE_MAX", 1)
    async with stage(HASTY) as found:
        for path in (PATH, OTHER_PATH):
            await found.told(path=path)
        found.upstream.answers.clear()
        for path in (PATH, OTHER_PATH):
            assert await found.told(path=path) == (200, "first", True)
        assert found.upstream.asked == 3


async def refused_an_answer(found: Stage) -> None:
    """What is kept was asked for again."""
    assert await found.told(SOMEBODY, OTHER_PATH) == (401, "no", False)


async def refused_a_head(found: Stage) -> None:
    """Something was asked for that is not kept, and nothing of it but the head."""
    request = make_mocked_request("HEAD", "/api/openapi.json", headers={hdrs.HOST: "relay"})
    assert (await found.passing_on.answer(request, Asker(authorization=SOMEBODY))).status == 401


async def refused_by_another_answer(found: Stage) -> None:
    """Something else was asked for with it, and answered 401."""
    found.passing_on.note(SOMEBODY, 404)
    found.passing_on.note(None, 401)
    assert found.passing_on._kept.get(asked_by(found, SOMEBODY)) is not None
    found.passing_on.note(SOMEBODY, 401)


async def refused_when_asked_who_it_is(found: Stage) -> None:
    """The core was asked about it."""
    refused(found)


def refused(found: Stage) -> None:
    """It is known that nobody is let in who comes so."""
    found.passing_on.refused(found.audiences.fingerprint(SOMEBODY))


def asked_by(found: Stage, login: str | None) -> Asked:
    """What somebody asks for who asks for the path."""
    return Asked(
        url="http://upstream/api/contests", login=found.audiences.fingerprint(login), accept="", compressed=False
    )


@pytest.mark.parametrize(
    "refuse", [refused_an_answer, refused_a_head, refused_by_another_answer, refused_when_asked_who_it_is]
)
async def test_a_login_that_was_refused_is_told_nothing_that_was_kept(
    refuse: Callable[[Stage], Awaitable[None]],
) -> None:
    """While the upstream is away; others are, and it is when it has been let in again."""
    async with stage(PATIENT) as found:
        for login in (None, SOMEBODY, ANOTHER):
            for path in (PATH, OTHER_PATH):
                await found.told(login, path)
        found.upstream.refused = {SOMEBODY}
        await refuse(found)
        found.upstream.reachable = False
        for path in (PATH, OTHER_PATH):
            with pytest.raises(Unreachable):
                await found.told(SOMEBODY, path)
            for login in (None, ANOTHER):
                assert await found.told(login, path) == (200, "first", True)
        found.upstream.reachable, found.upstream.refused = True, set()
        assert await found.told(SOMEBODY) == (200, "first", False)
        found.upstream.reachable = False
        assert await found.told(SOMEBODY) == (200, "first", True)


@pytest.mark.parametrize("had", [True, False])
async def test_what_was_on_its_way_when_a_login_was_refused_is_not_kept(*, had: bool) -> None:
    async with stage(PATIENT) as found:
        if had:
            await found.told(SOMEBODY)
        asked = found.upstream.asked
        found.upstream.answers.clear()
        telling = asyncio.create_task(found.told(SOMEBODY))
        await found.until(lambda found: found.upstream.asked > asked)
        refused(found)
        found.upstream.answers.set()
        assert await telling == (200, "first", False)
        found.upstream.reachable = False
        with pytest.raises(Unreachable):
            await found.told(SOMEBODY)


async def test_who_waits_when_his_login_is_refused_is_told_nothing_that_was_kept() -> None:
    async with stage(HASTY) as found:
        assert await found.told(SOMEBODY) == (200, "first", False)
        found.upstream.answers.clear()

        def refuse() -> None:
            refused(found)
            found.upstream.reachable = False

        found.upstream.when_asked = refuse
        with pytest.raises(Unreachable):
            await found.told(SOMEBODY)


@pytest.mark.parametrize("name", ["Warning", "warning"])
async def test_what_an_answer_says_of_its_age_is_not_said_of_the_next(name: str) -> None:
    """An upstream whose database is away says so in each answer, also in that nothing has changed."""
    async with stage(PATIENT) as found:
        for warning, old in ((STALE, True), (None, False), (STALE, True), (None, False)):
            found.upstream.headers = {} if warning is None else {name: warning}
            assert await found.told() == (200, "first", old)
            kept = found.passing_on._kept.get(asked_by(found, None))
            assert kept is not None
            assert b"arning:" not in kept.head + kept.not_modified_head
        found.upstream.headers = {name: '299 - "of another kind"'}
        found.upstream.said = "second"
        assert (await found.told())[2] is False
        kept = found.passing_on._kept.get(asked_by(found, None))
        assert kept is not None
        assert b"of another kind" in kept.head


def test_headers_that_every_answer_here_has_by_itself_are_not_passed_on() -> None:
    said = CIMultiDict(
        [("x-content-type-options", "nosniff"), ("Server", "x"), ("link", "<a>"), ("Link", "<b>"), ("ETag", '"1"')]
    )
    passing = passed_on(said)
    assert (len(passing), passing["Link"], passing["etag"]) == (2, "<a>, <b>", '"1"')


class Step(msgspec.Struct, frozen=True):
    """An answer that is kept (by its length), or forgotten, or all that a login has."""

    url: str
    login: bytes
    does: str
    length: int


steps = st.builds(
    Step,
    url=st.sampled_from(["a", "b", "c"]),
    login=st.sampled_from([b"", b"1", b"2"]),
    does=st.sampled_from(["keep", "keep", "forget", "forget all"]),
    length=st.integers(0, 3_000),
)


@given(st.lists(steps, max_size=30))
def test_what_is_kept_is_known_by_login_and_counted(taken: list[Step]) -> None:
    kept = KeptAnswers(10_000)
    for step in taken:
        asked = Asked(url=step.url, login=step.login, accept="", compressed=False)
        if step.does == "keep":
            headers = CIMultiDict({hdrs.ETAG: '"x"'})
            kept.keep(asked, kept_answer(headers, b"x" * step.length, Freshness((), 0.0)))
            assert kept.get(asked) is not None
        elif step.does == "forget":
            kept.forget(asked)
            assert kept.get(asked) is None
        else:
            kept.forget_all_of(step.login)
            assert step.login not in {each.login for each in kept._answers}
        assert {each for of_login in kept._of_login.values() for each in of_login} == set(kept._answers)
        assert all(each.login == login for login, of_login in kept._of_login.items() for each in of_login)
        assert all(kept._of_login.values())
        assert kept._bytes == sum(len(each.body) + 2_048 for each in kept._answers.values()) <= 10_000

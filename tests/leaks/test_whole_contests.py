"""Whole contests, every route, every role: what a role must not see, it cannot tell from anything.

For each role there is a server that differs from another one in all that is hidden from it (`differences`), and both
are asked the same. What is compared is status, headers and body, and number and length of tokens. Contests are three
recorded ones, and some that are made up at random; `make leaks` asks about all of them as every role, `make test` about
a sample.
"""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from schemas.viewers import Role
from tests.cds.contest_api.real_contests import DATA
from tests.cds.contest_api.serving import Caller, Running
from tests.effort import CHOSEN_EXAMPLES, PROFILE_EXAMPLES_MAX
from tests.leaks.asked import HEADER_OF_CMS, LOCAL, Asked, Places, everything, of_cms, thinned
from tests.leaks.comparing import Pair
from tests.leaks.differences import DIFFERENCES, Stand, hidden_changes
from tests.leaks.scenes import OWN, SIMULATED, Moment, password, scene
from tests.leaks.sides import LOGIN_OF, Made, made, side

pytestmark = pytest.mark.asyncio(loop_scope="session")

Shown = tuple[str, Moment]

ASKING: tuple[Role, ...] = ("public", "proxy", "team", "analyst", "judge", "staff")
RECORDED = ("wf44", "swerc", "roi")
SEEDS = (1, 2, 3, 4, 5, 7)
"""In the contest of 6 no three teams submit both before the freeze and in it."""

ALL: tuple[tuple[Shown, Role], ...] = tuple(
    ((contest_id, moment), role)
    for contest_id in (*RECORDED, *(f"{SIMULATED}{seed}" for seed in SEEDS))
    for moment in Moment
    for role in ASKING
)
SAMPLE: tuple[tuple[Shown, Role], ...] = (
    (("roi", Moment.FROZEN), "team"),
    ((f"{SIMULATED}2", Moment.OVER), "public"),
    ((f"{SIMULATED}2", Moment.OVER), "analyst"),
    ((f"{SIMULATED}2", Moment.OVER), "staff"),
    ((f"{SIMULATED}3", Moment.BEFORE), "team"),
)
IS_WHOLE = CHOSEN_EXAMPLES > PROFILE_EXAMPLES_MAX
CHOSEN = ALL if IS_WHOLE else SAMPLE
ONE_IN = 1 if IS_WHOLE else 15
"""Of so many requests one is made."""

WITHOUT: dict[str, set[str]] = {"swerc": {"other verdicts", "fewer verdicts"}, "roi": {"other causes"}}
"""What cannot be made to differ: verdicts where the feed tells none of the freeze, simplified ones without penalty."""


def named(shown: Shown) -> str:
    """A contest and a moment, for names of tests and groups."""
    return f"{shown[0]}-{shown[1].value}"


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def template(request: pytest.FixtureRequest, postgres_dsn_template: str) -> AsyncIterator[Made]:
    """A contest at a moment."""
    contest_id, moment = request.param
    if contest_id in RECORDED and not DATA.is_dir():
        pytest.skip("needs the recorded contests in ../shared/data")
    async with made(postgres_dsn_template, contest_id, moment) as one:
        yield one


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def one(template: Made) -> AsyncIterator[Running]:
    """The contest as it is."""
    async with side(template, []) as server:
        yield server


def caller(server: Running, role: Role) -> Caller:
    """Somebody with the account of a role in the contest."""
    name = LOGIN_OF.get(role)
    return server.caller(None if name is None else (name, password(name)))


@pytest.mark.parametrize(
    ("template", "role"),
    [
        pytest.param(shown, role, id=f"{named(shown)}-{role}", marks=pytest.mark.xdist_group(named(shown)))
        for shown, role in CHOSEN
    ],
    indirect=["template"],
)
async def test_what_a_role_must_not_see_it_cannot_tell(template: Made, one: Running, role: Role) -> None:
    contest_id = template.scene.contest_id
    stand = Stand(template.scene, template.scene.state(), template.other_file)
    hidden = hidden_changes(stand, role)
    if contest_id in RECORDED:
        assert {name for name, changes in hidden.items() if not changes} <= WITHOUT.get(contest_id, set())
    changes = [change for each in hidden.values() for change in each]
    ids: dict[str, list[str]] = {}
    for change in changes:
        ids.setdefault(change.type, []).append(change.id)
    async with side(template, changes, outsider=role) as other:
        pair = Pair(caller(one, role), caller(other, role))
        places = Places(contest_id, template.scene.state(), ids, template.scene.past)
        places.students = await students_of(one)
        await pair.ask_all(thinned(everything(one, places), ONE_IN, ASKING.index(role)))
        await ask_with_what_was_given(pair, f"/api/contests/{contest_id}")
        if role == "team":
            await ask_by_cms(pair, one, places)
    assert not pair.leaks, "\n".join(pair.leaks)
    assert pair.asked > 2_000 // ONE_IN
    assert {200, 204, 304, 400, 404, 405} <= pair.statuses


async def students_of(server: Running) -> tuple[str, ...]:
    """The ids of all students."""
    return tuple(each["_id"] for each in await server.of_role("admin").json("students"))


async def ask_with_what_was_given(pair: Pair, base: str) -> None:
    """Tokens, entity tags, and boards that are followed."""
    for query in ("?stream=false", "?stream=false&types=judgements,runs,awards,submissions"):
        tokens = await pair.tokens(base + "/event-feed" + query)
        for place in (0, len(tokens) // 2, len(tokens) * 9 // 10, -2, -1):
            if len(tokens) > 2:
                await pair.ask_with_own(f"{base}/event-feed{query}&since_token=", tokens[place])
                await pair.ask_with_own(f"{base}/scoreboard?at=", tokens[place])
                await pair.ask_with_own(f"{base}/judgements?at=", tokens[place])
    for name in ("scoreboard", "judgements", "awards", "submissions", "clarifications", "teams", "problems"):
        await pair.ask_again(f"{base}/{name}")
    for query in ("", "?frozen=true"):
        await pair.follow_board(f"{base}/scoreboard{query}")


async def ask_by_cms(pair: Pair, one: Running, places: Places) -> None:
    """The routes of the ContestWebServer API, with the login data that each side has given."""
    body = f"username={OWN}&password={password(OWN).replace(' ', '+')}".encode()
    given = await pair.log_in(f"/cms/{places.contest_id}/api/login", body)
    assert given
    await pair.ask_all(of_cms(one, places), ({HEADER_OF_CMS: given[0]}, {HEADER_OF_CMS: given[1]}))


TOLD_TO_STAFF = ("/x-head", LOCAL, "/students")
"""What tells staff of the server where every stream ends, how much happens, and how students can be reached."""


async def test_staff_of_the_server_see_no_webhook_and_no_record_of_others(postgres_dsn_template: str) -> None:
    async with made(postgres_dsn_template, f"{SIMULATED}2", Moment.OVER) as template:
        hidden = hidden_changes(Stand(template.scene, template.scene.state(), template.other_file), "staff")
        changes = [change for each in hidden.values() for change in each]
        async with side(template, []) as one, side(template, changes, outsider="staff") as other:
            pair = Pair(one.of_role("staff"), other.of_role("staff"))
            places = Places(template.scene.contest_id, template.scene.state(), {}, template.scene.past)
            asked = (each for each in everything(one, places) if not any(told in each.path for told in TOLD_TO_STAFF))
            await pair.ask_all(thinned(asked, ONE_IN))
            await pair.ask_all([Asked("GET", "/api/webhooks"), Asked("GET", "/api/webhooks/nothing")])
    assert not pair.leaks, "\n".join(pair.leaks)


async def test_who_may_see_what_is_hidden_from_others_is_told_all_of_it(postgres_dsn_template: str) -> None:
    """So the search finds what there is to find: staff can tell the two servers apart in every way."""
    async with made(postgres_dsn_template, f"{SIMULATED}2", Moment.OVER) as template:
        hidden = hidden_changes(Stand(template.scene, template.scene.state(), template.other_file), "public")
        changes = [change for each in hidden.values() for change in each]
        async with side(template, []) as one, side(template, changes, outsider="public") as other:
            pair = Pair(caller(one, "staff"), caller(other, "staff"))
            places = Places(template.scene.contest_id, template.scene.state(), {}, template.scene.past)
            await pair.ask_all(thinned(everything(one, places), 1 if IS_WHOLE else 3))
    told = {leak.partition("/contests/")[2].partition("/")[2].partition(":")[0] for leak in pair.leaks}
    types = {"judgements", "runs", "awards", "submissions", "clarifications", "teams", "persons", "problems"}
    assert types | {"accounts", "commentary", "scoreboard", "event-feed?stream=false", "x-settings"} <= told
    for ways in ("HEAD ", "?at=", "&types=", "2023-06", "2026-01", "gzip", "body from byte", "status"):
        assert any(ways in leak for leak in pair.leaks), ways


async def test_every_difference_is_tried() -> None:
    """Each is hidden from somebody who is asked, at some moment; none is forgotten by the contests that there are."""
    tried = {
        name
        for contest_id in (f"{SIMULATED}1", f"{SIMULATED}2")
        for moment in Moment
        for name in names_of(contest_id, moment)
    }
    assert tried == {each.name for each in DIFFERENCES}


def names_of(contest_id: str, moment: Moment) -> set[str]:
    """What differs for anybody in a contest at a moment."""
    found: set[str] = set()
    for role in ASKING:
        the_scene = scene(contest_id, moment, "0" * 64)
        hidden = hidden_changes(Stand(the_scene, the_scene.state(), "1" * 64), role)
        found |= {name for name, changes in hidden.items() if changes}
    return found

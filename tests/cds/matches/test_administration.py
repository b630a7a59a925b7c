"""Making, changing, ranking and deleting matches (endpoints 36 to 41), and what everybody sees of it (13 to 16)."""

from typing import Any

import pytest

from cds.loc_api.dates import read_date, shown_date
from tests.cds.matches.stage import ADMIN, ALICE, BOB, CAROL, END_MS, HOUR_MS, NOW_MS, START_MS, Reply, Stage

NO_MATCH = Reply(404, {"match": "Match not found"})
ITEM = {
    "title": "Test match",
    "start-date": shown_date(START_MS),
    "end-date": shown_date(END_MS),
    "slug": "test-match",
}


async def test_a_match_is_told_with_its_long_description_from_the_start(match_stage: Stage) -> None:
    slug = await match_stage.made()
    details = {
        **ITEM,
        "short-description": "In short",
        "min-members": 1,
        "max-members": 3,
    }
    assert await match_stage.ask("get_match", match=slug) == Reply(200, details)
    for moment_ms in (START_MS, END_MS):
        match_stage.clock.now_ms = moment_ms
        assert await match_stage.data("get_match", match=slug) == details | {"long-description": "At length"}


async def test_a_match_that_nobody_may_know_of_cannot_be_found(match_stage: Stage) -> None:
    hidden, deleted = await match_stage.made("Hidden", is_visible=False), await match_stage.made("Deleted")
    await match_stage.data("delete_match", ADMIN, match=deleted, delete=True)
    for slug in (hidden, deleted, "no-such"):
        assert await match_stage.ask("get_match", match=slug) == Reply(404, {"match": "Could not find match"})
    assert await match_stage.listed("list_matches") == []
    match_stage.end()
    assert await match_stage.listed("list_past_matches") == []


async def test_matches_are_listed_by_their_start_past_ones_apart(match_stage: Stage) -> None:
    await match_stage.made("Late", start_date="2040-01-01 00:00", end_date="2040-01-02 00:00")
    await match_stage.made("Old", start_date="2015-01-01 00:00", end_date="2016-01-01 00:00")
    await match_stage.made("Older", start_date="2014-01-01 00:00", end_date="2017-01-01 00:00")
    await match_stage.made()
    await match_stage.made("Another test match")
    for moment_ms in (NOW_MS, START_MS):
        match_stage.clock.now_ms = moment_ms
        listed = await match_stage.listed("list_matches")
        assert [each["slug"] for each in listed] == ["test-match", "another-test-match", "late"]
        assert listed[0] == ITEM
        past = await match_stage.listed("list_past_matches")
        assert [each["slug"] for each in past] == ["older", "old"]
    match_stage.end()
    assert [each["slug"] for each in await match_stage.listed("list_matches")] == ["late"]


async def test_lists_come_in_pages_of_twenty(match_stage: Stage) -> None:
    for number in range(21):
        await match_stage.made(f"Match {number}")
    first = await match_stage.data("list_matches")
    assert (first["page"], first["pages"], len(first["list"])) == (1, 2, 20)
    second = await match_stage.data("list_matches", page=2)
    assert [each["slug"] for each in second["list"]] == ["match-20"]
    assert await match_stage.data("list_matches", page=3) == {"page": 3, "pages": 2, "list": []}


@pytest.mark.parametrize(
    ("title", "slug"),
    [
        ("Super awesome match 9000", "super-awesome-match-9000"),
        ("Old McOld Match", "old-mcold-match"),
        ("!!!", "match-1"),
        ("x" * 255, "x" * 128),
        ("Ünïcode — спорт", "unicode-sport"),
    ],
)
async def test_a_slug_is_made_of_the_title(match_stage: Stage, title: str, slug: str) -> None:
    assert await match_stage.made(title) == slug


async def test_where_a_title_makes_no_slug_the_next_free_one_is_taken(match_stage: Stage) -> None:
    assert await match_stage.made("One", slug="match-2") == "match-2"
    assert await match_stage.made("!!!") == "match-2-2"
    assert await match_stage.made("Three", slug="match-4") == "match-4"
    assert await match_stage.made("Four", slug="match-4-2") == "match-4-2"
    changed = {"title": "???", "slug": "match-4-2"}
    assert await match_stage.data("change_match", ADMIN, match="match-4-2", title="???") == changed
    assert await match_stage.data("change_match", ADMIN, match="match-2", title="???") == changed | {"slug": "match-1"}
    assert await match_stage.made("¿¿¿") == "match-5"


async def test_a_slug_that_is_given_wins(match_stage: Stage) -> None:
    assert await match_stage.made("New match title", slug="custom-slug") == "custom-slug"
    assert await match_stage.data("change_match", ADMIN, match="custom-slug", title="Newer", slug="own") == {
        "title": "Newer",
        "slug": "own",
    }


async def test_a_new_title_brings_a_new_slug_and_the_old_one_is_not_found(match_stage: Stage) -> None:
    slug = await match_stage.made()
    token = await match_stage.joined(slug, ALICE)
    changed = await match_stage.ask("change_match", ADMIN, match=slug, title="Another title")
    assert changed == Reply(200, {"title": "Another title", "slug": "another-title"})
    assert (await match_stage.ask("get_match", match=slug)).status == 404
    (own,) = await match_stage.listed("list_parties", ALICE)
    assert own["match"]["slug"] == "another-title"
    assert own["party"]["party-token"] == token
    # Somebody else may have the old one.
    assert await match_stage.made() == slug


async def test_the_same_title_keeps_a_slug_that_was_given(match_stage: Stage) -> None:
    await match_stage.made("A title", slug="given")
    assert await match_stage.data("change_match", ADMIN, match="given", title="A title") == {
        "title": "A title",
        "slug": "given",
    }


async def test_a_slug_belongs_to_one_match_also_while_it_is_hidden_or_deleted(match_stage: Stage) -> None:
    await match_stage.made("Hidden", is_visible=False)
    await match_stage.data("delete_match", ADMIN, match=await match_stage.made("Deleted"), delete=True)
    other = await match_stage.made("Other")
    for title in ("Hidden", "Deleted"):
        of_title = Reply(409, {"title": "A match with this title already exists"})
        of_slug = Reply(409, {"slug": "A match with this slug already exists"})
        wish = {
            "short_description": "s",
            "long_description": "l",
            "start_date": "2017-01-01 00:00",
            "end_date": "2017-01-05 00:00",
            "min_members": 1,
            "max_members": 5,
            "is_visible": False,
        }
        assert await match_stage.ask("create_match", ADMIN, title=title, **wish) == of_title
        assert await match_stage.ask("create_match", ADMIN, title="T", slug=title.lower(), **wish) == of_slug
        assert await match_stage.ask("change_match", ADMIN, match=other, title=title) == of_title
        assert await match_stage.ask("change_match", ADMIN, match=other, slug=title.lower()) == of_slug
    assert (await match_stage.ask("get_match", match=other)).status == 200


async def test_what_is_given_is_answered_as_it_is_now(match_stage: Stage) -> None:
    slug = await match_stage.made()
    changes: dict[str, Any] = {
        "short_description": "s",
        "long_description": "l",
        "start_date": "2030-10-10 10:00:00",
        "end_date": "2031-10-10T10:00:30+02:00",
        "min_members": 2,
        "max_team": 4,
        "is_visible": False,
        "leaderboard": True,
    }
    assert await match_stage.data("change_match", ADMIN, match=slug, **changes) == {
        "short-description": "s",
        "long-description": "l",
        "start-date": "2030-10-10 10:00",
        "end-date": "2031-10-10 08:00:30",
        "min-members": 2,
        "max-members": 4,
        "is-visible": False,
        "leaderboard": True,
        "slug": slug,
    }
    assert await match_stage.data("change_match", ADMIN, match=slug) == {"slug": slug}


async def test_what_cannot_be_is_refused_beside_what_is_there_already(match_stage: Stage) -> None:
    slug = await match_stage.made(min_members=2)
    for wrong, key in (
        ({"end_date": shown_date(START_MS)}, "end-date"),
        ({"start_date": shown_date(END_MS)}, "end-date"),
        ({"max_members": 1}, "max-members"),
        ({"min_members": 4}, "max-members"),
    ):
        reply = await match_stage.ask("change_match", ADMIN, match=slug, **wrong)
        assert reply == Reply(400, {key: "Data value was not valid"})


async def test_the_start_and_the_end_do_not_move_once_they_have_been(match_stage: Stage) -> None:
    slug = await match_stage.made()
    later = shown_date(END_MS + HOUR_MS)
    match_stage.begin()
    assert await match_stage.ask("change_match", ADMIN, match=slug, start_date=later, end_date="2040-01-01 00:00") == (
        Reply(400, {"start-date": "Match has already started"})
    )
    assert (await match_stage.ask("change_match", ADMIN, match=slug, start_date=shown_date(START_MS))).status == 200
    assert (await match_stage.ask("change_match", ADMIN, match=slug, end_date=later)).status == 200
    match_stage.end()
    assert [each["slug"] for each in await match_stage.listed("list_matches")] == [slug]
    match_stage.clock.now_ms = END_MS + HOUR_MS
    assert await match_stage.ask("change_match", ADMIN, match=slug, end_date="2040-01-01 00:00") == Reply(
        400, {"end-date": "Match has already finished"}
    )


async def test_how_large_parties_are_stays_once_it_has_been_decided_who_takes_part(match_stage: Stage) -> None:
    slug = await match_stage.made()
    for moment_ms in (START_MS, END_MS):
        match_stage.clock.now_ms = moment_ms
        for name, value in (("min-members", 2), ("max-members", 2)):
            wire_name = name.replace("-", "_")
            reply = await match_stage.ask("change_match", ADMIN, match=slug, **{wire_name: value})
            assert reply == Reply(400, {name: "Match has already started"})
        as_it_is = await match_stage.ask("change_match", ADMIN, match=slug, min_members=1, max_members=3, title="Other")
        assert as_it_is.status == 200
        slug = as_it_is.data["slug"]


async def test_a_form_that_sends_back_what_it_was_shown_changes_nothing(match_stage: Stage) -> None:
    slug = await match_stage.made(start_date="2030-10-10 10:00:14.944", end_date="2031-10-10 10:00:14.944")
    shown = await match_stage.data("get_match", match=slug)
    assert (shown["start-date"], shown["end-date"]) == ("2030-10-10 10:00:14", "2031-10-10 10:00:14")
    match_stage.clock.now_ms = read_date(shown["end-date"])
    sent = {name.replace("-", "_"): value for name, value in shown.items() if name != "slug"}
    changed = await match_stage.ask("change_match", ADMIN, match=slug, **sent)
    assert changed == Reply(200, shown)


async def test_a_start_that_is_moved_into_the_past_is_the_start(match_stage: Stage) -> None:
    slug = await match_stage.made()
    await match_stage.joined(slug, ALICE)
    await match_stage.data("change_match", ADMIN, match=slug, start_date=shown_date(NOW_MS - HOUR_MS))
    assert await match_stage.listed("list_participants", match=slug) == [{"leader": ALICE, "members": [ALICE]}]
    assert (await match_stage.ask("join_match", BOB, match=slug)).status == 403


async def test_administrators_know_hidden_matches_and_not_deleted_ones(match_stage: Stage) -> None:
    hidden = await match_stage.made("Hidden", is_visible=False)
    deleted = await match_stage.made("Deleted")
    await match_stage.data("delete_match", ADMIN, match=deleted, delete=True)
    asks: list[tuple[str, dict[str, Any]]] = [
        ("change_match", {"min_members": 1}),
        ("get_any_leaderboard", {}),
        ("set_leaderboard", {"positions": []}),
    ]
    for name, arguments in asks:
        assert (await match_stage.ask(name, ADMIN, match=hidden, **arguments)).status == 200
        for slug in (deleted, "no-such"):
            assert await match_stage.ask(name, ADMIN, match=slug, **arguments) == NO_MATCH


async def test_a_leaderboard_is_everybodys_once_it_is_over_and_published(match_stage: Stage) -> None:
    slug = await match_stage.made()
    await match_stage.joined(slug, ALICE, BOB)
    await match_stage.joined(slug, CAROL)
    match_stage.begin()
    set_to = await match_stage.ask(
        "set_leaderboard",
        ADMIN,
        match=slug,
        positions=[{"party": CAROL, "position": 1}, {"party": "nobody", "position": 3}, {"party": BOB, "position": 4}],
    )
    assert set_to == Reply(200, [CAROL])
    placed: list[dict[str, Any]] = [
        {"leader": CAROL, "members": [CAROL], "position": 1},
        {"leader": ALICE, "members": [ALICE, BOB], "position": None},
    ]
    assert await match_stage.listed("get_any_leaderboard", ADMIN, match=slug) == placed
    await match_stage.data("change_match", ADMIN, match=slug, leaderboard=True)
    assert await match_stage.listed("get_leaderboard", match=slug) == []
    match_stage.end()
    assert await match_stage.listed("get_leaderboard", match=slug) == placed
    await match_stage.data("change_match", ADMIN, match=slug, leaderboard=False)
    assert await match_stage.listed("get_leaderboard", match=slug) == []
    assert await match_stage.data(
        "set_leaderboard", ADMIN, match=slug, positions=[{"party": ALICE, "position": 2}]
    ) == [ALICE]
    # The position of the other party stays.
    placed[1]["position"] = 2
    assert await match_stage.listed("get_any_leaderboard", ADMIN, match=slug) == placed


async def test_a_leaderboard_has_nobody_who_does_not_take_part(match_stage: Stage) -> None:
    slug = await match_stage.made(min_members=2)
    await match_stage.joined(slug, ALICE, BOB)
    await match_stage.joined(slug, CAROL)
    positions = [{"party": CAROL, "position": 1}, {"party": ALICE, "position": 2}]
    assert await match_stage.data("set_leaderboard", ADMIN, match=slug, positions=positions) == []
    match_stage.begin()
    assert await match_stage.data("set_leaderboard", ADMIN, match=slug, positions=positions) == [ALICE]
    board = await match_stage.listed("get_any_leaderboard", ADMIN, match=slug)
    assert [each["leader"] for each in board] == [ALICE]


async def test_a_match_is_deleted_and_comes_back_as_it_was(match_stage: Stage) -> None:
    slug = await match_stage.made()
    token = await match_stage.joined(slug, ALICE)
    when = shown_date(NOW_MS)
    assert await match_stage.ask("delete_match", ADMIN, match=slug, delete=True) == Reply(200, {"delete-date": when})
    assert await match_stage.ask("delete_match", ADMIN, match=slug, delete=True) == Reply(
        409, {"match": "Match was already deleted"}
    )
    assert await match_stage.listed("list_deleted_matches", ADMIN) == [
        {"title": "Test match", "delete-date": when, "slug": slug}
    ]
    assert await match_stage.listed("list_parties", ALICE) == []
    assert await match_stage.ask("delete_match", ADMIN, match=slug, delete=False) == Reply(200, {"match": slug})
    assert await match_stage.ask("delete_match", ADMIN, match=slug, delete=False) == Reply(
        409, {"match": "Match was not deleted"}
    )
    assert await match_stage.listed("list_deleted_matches", ADMIN) == []
    (own,) = await match_stage.listed("list_parties", ALICE)
    assert own["party"]["party-token"] == token
    for delete in (True, False):
        assert await match_stage.ask("delete_match", ADMIN, match="no-such", delete=delete) == NO_MATCH


async def test_the_clock_goes_on_for_a_match_that_is_deleted(match_stage: Stage) -> None:
    slug = await match_stage.made()
    await match_stage.joined(slug, ALICE)
    await match_stage.data("delete_match", ADMIN, match=slug, delete=True)
    match_stage.end()
    await match_stage.data("delete_match", ADMIN, match=slug, delete=False)
    assert await match_stage.listed("list_participants", match=slug) == [{"leader": ALICE, "members": [ALICE]}]


async def test_the_matches_of_a_user_are_those_in_which_the_user_takes_part(match_stage: Stage) -> None:
    """Before the start everybody may; afterwards nobody whose party was too small."""
    slug, pairs = await match_stage.made(), await match_stage.made("Pairs", min_members=2)
    hidden = await match_stage.made("Hidden")
    for each in (slug, pairs, hidden):
        await match_stage.joined(each, ALICE)
    await match_stage.data("change_match", ADMIN, match=hidden, is_visible=False)
    before = await match_stage.listed("list_matches_of_user", user="ALICE")
    assert [each["slug"] for each in before] == [slug, pairs]
    assert before[0] == ITEM
    match_stage.begin()
    assert await match_stage.listed("list_matches_of_user", user=ALICE) == [ITEM]
    assert await match_stage.listed("list_past_matches_of_user", user=ALICE) == []
    match_stage.end()
    assert await match_stage.listed("list_matches_of_user", user=ALICE) == []
    assert await match_stage.listed("list_past_matches_of_user", user=ALICE) == [ITEM]
    assert await match_stage.listed("list_past_matches_of_user", user=BOB) == []


@pytest.mark.parametrize("endpoint", ["list_matches_of_user", "list_past_matches_of_user"])
async def test_of_who_is_not_there_nothing_is_told(match_stage: Stage, endpoint: str) -> None:
    match_stage.users.ban(BOB)
    for name in ("nobody", BOB, ""):
        assert await match_stage.ask(endpoint, user=name) == Reply(404, {"user": "User was not found"})

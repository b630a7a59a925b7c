"""What the clock brings about, and what becomes of parties whose members are banned or erased."""

from collections.abc import Collection

from cds.commands.matches.due import decide_due
from projections.matches import Matches
from schemas.matches import MATCHES, PARTY
from tests.cds.matches.stage import ADMIN, ALICE, BOB, CAROL, DAVE, END_MS, NAMES, START_MS, Reply, Stage


async def members(match_stage: Stage, slug: str) -> list[list[str]]:
    """The members of all parties of a match, by name, in the order in which the parties were made."""
    state = await match_stage.state()
    people = await match_stage.users.people()
    match = state.of_slug(slug)
    assert match is not None
    return [[people.username(each) for each in party.members] for party in state.parties_of(match.id)]


async def test_start_and_end_are_written_down_by_whoever_looks_first_and_once(match_stage: Stage) -> None:
    slug = await match_stage.made()
    await match_stage.joined(slug, ALICE)
    for moment_ms in (START_MS - 1, START_MS, END_MS):
        match_stage.clock.now_ms = moment_ms
        positions = set()
        for _ in range(3):
            await match_stage.listed("list_matches")
            positions.add((await match_stage.store.head(MATCHES)).position)
        assert len(positions) == 1
    match = (await match_stage.state()).of_slug(slug)
    assert match is not None
    assert match.started
    assert match.ended


async def test_start_and_end_that_nobody_saw_come_together(match_stage: Stage) -> None:
    slug = await match_stage.made()
    await match_stage.joined(slug, ALICE)
    match_stage.end()
    match_stage.clock.now_ms += 1_000_000
    assert await match_stage.listed("list_participants", match=slug) == [{"leader": ALICE, "members": [ALICE]}]
    assert (await match_stage.ask("get_submission", match=slug, party=ALICE)).status == 200


async def test_deciding_what_is_due_brings_nothing_the_second_time(match_stage: Stage) -> None:
    slug = await match_stage.made()
    await match_stage.joined(slug, *NAMES[:3])
    await match_stage.joined(slug, DAVE)
    match_stage.users.ban(ALICE)
    match_stage.users.ban(DAVE)
    gone = {match_stage.users.id_of(ALICE), match_stage.users.id_of(DAVE)}
    for moment_ms in (match_stage.clock.now_ms, START_MS, END_MS):
        match_stage.clock.now_ms = moment_ms
        assert decide_due(await match_stage.state(), gone, moment_ms) == []


async def test_who_is_banned_leaves_the_matches_that_have_not_started(match_stage: Stage) -> None:
    """And is given nothing back on return."""
    slug = await match_stage.made()
    await match_stage.joined(slug, ALICE, BOB)
    await match_stage.joined(slug, CAROL)
    match_stage.users.ban(BOB)
    match_stage.users.ban(CAROL)
    assert await members(match_stage, slug) == [[ALICE]]
    match_stage.users.unban(BOB)
    match_stage.users.unban(CAROL)
    assert await members(match_stage, slug) == [[ALICE]]
    await match_stage.joined(slug, BOB)


async def test_a_party_whose_leader_is_banned_goes_on_under_the_next_member_with_a_new_token(
    match_stage: Stage,
) -> None:
    slug = await match_stage.made()
    token = await match_stage.joined(slug, ALICE, BOB, CAROL)
    await match_stage.data("set_looking", ALICE, match=slug, lfg=True)
    match_stage.users.ban(ALICE)
    (looking,) = await match_stage.listed("list_looking_parties", match=slug)
    assert (looking["leader"], looking["members"]) == (BOB, [BOB, CAROL])
    assert looking["party-token"] != token
    await match_stage.joined(slug, DAVE)
    assert (await match_stage.ask("join_party", DAVE, party=token)).status == 404
    assert (await match_stage.ask("join_party", DAVE, party=looking["party-token"])).status == 201
    assert (await match_stage.ask("kick", BOB, match=slug, user=DAVE)).status == 200


async def test_a_place_of_who_is_banned_is_free_at_once(match_stage: Stage) -> None:
    slug = await match_stage.made(max_members=2)
    token = await match_stage.joined(slug, ALICE, BOB)
    await match_stage.joined(slug, CAROL)
    match_stage.users.ban(BOB)
    assert await match_stage.ask("join_party", CAROL, party=token) == Reply(201, {"members": [ALICE, CAROL]})


async def test_who_is_banned_before_the_start_does_not_count_at_the_start(match_stage: Stage) -> None:
    """Also when nobody looked in between."""
    slug = await match_stage.made(min_members=2)
    await match_stage.joined(slug, ALICE, BOB)
    match_stage.users.ban(BOB)
    match_stage.begin()
    assert await match_stage.listed("list_participants", match=slug) == []


async def test_a_party_of_whose_members_nobody_is_left_is_gone(match_stage: Stage) -> None:
    slug = await match_stage.made()
    await match_stage.joined(slug, ALICE, BOB)
    match_stage.users.ban(ALICE)
    match_stage.users.erase(BOB)
    assert await members(match_stage, slug) == []


async def test_during_a_match_who_is_banned_stays_but_hands_over_the_lead(match_stage: Stage) -> None:
    slug = await match_stage.made()
    await match_stage.joined(slug, ALICE, BOB, CAROL)
    await match_stage.joined(slug, DAVE)
    match_stage.begin()
    for name in (ALICE, DAVE):
        await match_stage.data("put_submission", name, match=slug, title=name)
        match_stage.users.ban(name)
    assert await members(match_stage, slug) == [[BOB, ALICE, CAROL], [DAVE]]
    assert (await match_stage.data("put_submission", BOB, match=slug, url="u"))["title"] == ALICE
    match_stage.users.unban(ALICE)
    assert await members(match_stage, slug) == [[BOB, ALICE, CAROL], [DAVE]]


async def test_what_is_over_stays_as_it_was_and_shows_a_placeholder_for_who_is_erased(match_stage: Stage) -> None:
    slug = await match_stage.made()
    await match_stage.joined(slug, ALICE, BOB)
    match_stage.end()
    await match_stage.state()
    user_id = match_stage.users.id_of(ALICE)
    match_stage.users.ban(BOB)
    match_stage.users.erase(ALICE)
    placeholder = f"deleted-{user_id}"
    assert await match_stage.listed("list_participants", match=slug) == [
        {"leader": placeholder, "members": [placeholder, BOB]}
    ]
    positions = [{"party": placeholder, "position": 1}]
    assert await match_stage.data("set_leaderboard", ADMIN, match=slug, positions=positions) == [placeholder]
    assert (await match_stage.ask("get_submission", match=slug, party=placeholder)).status == 200


async def test_events_hold_ids_of_users_and_no_token(match_stage: Stage) -> None:
    slug = await match_stage.made()
    tokens = [await match_stage.joined(slug, ALICE, BOB)]
    tokens.append((await match_stage.data("disband", ALICE, match=slug))["party-token"])
    match_stage.end()
    await match_stage.state()
    rows = await match_stage.store.read(MATCHES, 0, 1_000)
    written = b" ".join(
        part for row in rows for part in (row.data or b"", row.id.encode(), row.actor.encode(), row.cause.encode())
    )
    assert any(row.type == PARTY for row in rows)
    for secret in (*tokens, *NAMES, "example.org"):
        assert secret.encode() not in written


async def test_whoever_watches_is_told_which_matches_have_changed(match_stage: Stage) -> None:
    told: list[set[str]] = []

    async def note(_state: Matches, touched: Collection[str]) -> None:
        told.append(set(touched))

    match_stage.register.watch(note)
    first = await match_stage.made()
    second = await match_stage.made("Second")
    await match_stage.joined(second, ALICE)
    await match_stage.listed("list_matches")
    assert told == [{"loc-1"}, {"loc-2"}, {"loc-2"}]
    match_stage.begin()
    await match_stage.data("get_match", match=first)
    assert told[3:] == [{"loc-1", "loc-2"}]

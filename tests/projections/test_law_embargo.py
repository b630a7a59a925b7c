"""Law 3: what happens behind the freeze changes not one byte that the public or another team gets, until thaw.

Two histories are played that differ only in judgements, runs and awards of the freeze. Where the same events happen
with other contents, whole feeds are compared, tokens included: the chain, over which the contents go into the
token as bits encrypted under a secret key, is taken from one of the two. Where other numbers of events happen, the
positions differ, and so feeds are compared without the text of their tokens.
"""

import re
from collections.abc import Iterator

import msgspec
from hypothesis import event, given
from hypothesis import strategies as st
from hypothesis.strategies import DrawFn

from cds.commands.decision import ObjectChange
from projections.access import access_of, extensions_shown
from projections.scoreboard import Board
from projections.tokens import TOKEN_CHARACTERS
from schemas.objects import Award, Judgement
from tests.builders import START, Played, Reader, gone, judgement, moment, put, run, state, submission
from tests.effort import DEAR
from tests.histories import MOVES, frozen_contest
from tests.strategies import World

OUTSIDERS = tuple(Reader(role) for role in ("public", "proxy", "analyst")) + tuple(
    Reader("team", team_id) for team_id in ("t2", "t4", None)
)
"""Behind the freeze, and not the teams whose submissions are embargoed."""

JURY = Reader("judge")
EMBARGOED = ("s3", "s9")
"""One exactly at the freeze, one in it; of the teams t3 and t1."""

VERDICTS = ("AC", "WA", "CE", None)
HIDDEN_JUDGEMENTS = ("hidden-1", "hidden-2", "j3")
JUDGING_TIMES = ("4:00:30.000", "4:31:00.000", "4:59:00.000")
PUBLIC_MOVES = ("submit", "judge", "settle", "rejudge", "run_test", "speak", "answer", "simplify", "change_groups")
TOKEN = re.compile(rb'"token":"([^"]*)"}\n')

Pair = tuple[list[ObjectChange], list[ObjectChange]]


def base() -> list[ObjectChange]:
    """A contest in its freeze, with a second embargoed submission."""
    return [*frozen_contest(), *put(submission("s9", "t1", "a", "4:30:00.000"))]


def verdict(draw: DrawFn, identifier: str) -> Judgement:
    """Any state of one judgement of the freeze."""
    made = judgement(
        identifier,
        "s9" if identifier == "hidden-2" else "s3",
        draw(st.sampled_from(VERDICTS)),
        draw(st.sampled_from(JUDGING_TIMES)),
    )
    return msgspec.structs.replace(made, current=draw(st.sampled_from([True, False])), score=draw(st.integers(0, 2)))


def award(draw: DrawFn, identifier: str) -> list[ObjectChange]:
    """An award that the jury gives in the freeze, or takes back."""
    team_id = draw(st.sampled_from(["t1", "t2", "t3", None]))
    if team_id is None:
        return [gone("awards", identifier)]
    return put(Award(id=identifier, citation="given", team_ids=[team_id]))


def same_happening(draw: DrawFn) -> Pair:
    """One hidden event with two contents."""
    kind = draw(st.sampled_from(["judgement", "run", "award"]))
    if kind == "award":
        identifier = draw(st.sampled_from(["winner", "hidden-award"]))
        return award(draw, identifier), award(draw, identifier)
    identifier = draw(st.sampled_from(HIDDEN_JUDGEMENTS))
    if kind == "judgement":
        return put(verdict(draw, identifier)), put(verdict(draw, identifier))
    one, other = (run("hidden-run", "j3", draw(st.integers(1, 2)), name, "4:40:00.000") for name in ("AC", "WA"))
    return put(one), put(other)


def other_happening(draw: DrawFn) -> Pair:
    """Some hidden events on one side, none or others on the other."""
    sides = ([same_happening(draw)[0] for _ in range(draw(st.integers(0, 3)))] for _ in range(2))
    one, other = ([change for changes in side for change in changes] for side in sides)
    return one, other


@st.composite
def pairs(draw: DrawFn, *, same_events: bool) -> Pair:
    """Two histories of a freeze that are alike in all that is public."""
    world = World(base())
    one, other = list(world.changes), list(world.changes)
    for kind in draw(st.lists(st.sampled_from([*PUBLIC_MOVES, *["hidden"] * 6]), max_size=10)):
        if kind == "hidden":
            happened = same_happening(draw) if same_events else other_happening(draw)
            one += happened[0]
            other += happened[1]
        else:
            known = len(world.changes)
            MOVES[kind](draw, world)
            one += world.changes[known:]
            other += world.changes[known:]
    return one, other


def boards(played: Played) -> Iterator[bytes]:
    """Every frozen scoreboard there is."""
    board = Board(played.state, frozen=True)
    for group_id in (None, *played.state.objects["groups"]):
        yield board.scoreboard(group_id)


def note_what_the_jury_sees(one: Played, other: Played) -> None:
    """Tell how often the histories differ at all."""
    event(f"the jury sees a difference: {one.shown(JURY) != other.shown(JURY)}")


@DEAR
@given(pairs(same_events=True))
def test_other_contents_of_hidden_events_change_not_one_byte(pair: Pair) -> None:
    """The whole feed with its tokens, every object, the scoreboards: as if nothing had been different."""
    one = Played(pair[0])
    other = Played(pair[1], chains=one.chains)
    note_what_the_jury_sees(one, other)
    for reader in OUTSIDERS:
        assert one.feed(reader) == other.feed(reader), reader
        assert one.shown(reader) == other.shown(reader), reader
    assert list(boards(one)) == list(boards(other))


@DEAR
@given(pairs(same_events=False))
def test_other_numbers_of_hidden_events_change_nothing_but_the_text_of_tokens(pair: Pair) -> None:
    """The lines, how many they are and how long each is, every object, the scoreboards: all alike."""
    one, other = Played(pair[0]), Played(pair[1])
    note_what_the_jury_sees(one, other)
    for reader in OUTSIDERS:
        feeds = one.feed(reader), other.feed(reader)
        assert TOKEN.sub(b"\n", feeds[0]) == TOKEN.sub(b"\n", feeds[1]), reader
        assert {len(token) for feed in feeds for token in TOKEN.findall(feed)} == {TOKEN_CHARACTERS}
        assert len(feeds[0]) == len(feeds[1])
        assert one.shown(reader) == other.shown(reader), reader
    assert list(boards(one)) == list(boards(other))


def test_thaw_ends_the_embargo() -> None:
    """Two freezes that nobody outside could tell apart differ for everybody once they are thawed."""
    verdicts = [judgement("j3", "s3", name, "4:00:20.000") for name in ("AC", "CE")]
    over = state(started=START, frozen=moment("4:00:00.000"), thawed=moment("6:00:00.000"))
    one, other = (Played([*base(), *put(verdict, over)]) for verdict in verdicts)
    frozen = [Played([*base(), *put(verdict)]) for verdict in verdicts]
    for reader in OUTSIDERS:
        assert frozen[0].shown(reader) == frozen[1].shown(reader)
        assert one.shown(reader) != other.shown(reader)
    assert list(boards(frozen[0])) == list(boards(frozen[1]))
    assert list(boards(one)) != list(boards(other))
    assert frozen[0].shown(JURY) != frozen[1].shown(JURY)


def test_the_team_sees_its_own_verdicts_in_the_freeze() -> None:
    """The embargo is not for those whose own it is."""
    one, other = (Played([*base(), *put(judgement("j3", "s3", name, "4:00:20.000"))]) for name in ("AC", "CE"))
    assert one.shown(Reader("team", "t3")) != other.shown(Reader("team", "t3"))
    assert one.shown(Reader("team", "t1")) == other.shown(Reader("team", "t1"))


def test_an_award_that_is_withdrawn_in_the_freeze_stays_for_the_public_until_thaw() -> None:
    """The awards are frozen until thaw (roles.md): taking one back would tell of the freeze as giving one would."""
    kept, withdrawn = Played(base()), Played([*base(), gone("awards", "winner")])
    for reader in OUTSIDERS:
        assert withdrawn.shown(reader) == kept.shown(reader), reader
        assert withdrawn.feed(reader) == kept.feed(reader), reader
    assert "winner" not in withdrawn.shown(JURY)["awards"]
    withdrawn.play(put(state(started=START, frozen=moment("4:00:00.000"), thawed=moment("6:00:00.000"))))
    assert "winner" not in withdrawn.shown(OUTSIDERS[0])["awards"]
    assert b'{"type":"awards","id":"winner","data":null' in withdrawn.feed(OUTSIDERS[0])


def test_an_award_that_is_given_again_in_the_freeze_keeps_its_place() -> None:
    """No line tells of it, and the order in which GET lists awards does not either."""
    kept = Played(base())
    (first,) = [change for change in base() if (change.type, change.id) == ("awards", "first-to-solve-a")]
    again = Played([*base(), gone("awards", "first-to-solve-a"), first])
    for reader in OUTSIDERS:
        assert listed(again, reader) == listed(kept, reader), reader
        assert again.feed(reader) == kept.feed(reader), reader
    assert len(listed(kept, OUTSIDERS[0])) > 1
    assert listed(again, JURY) == listed(kept, JURY)


def listed(played: Played, reader: Reader) -> list[bytes]:
    """The awards as GET lists them."""
    return list(played.audiences[reader.role].collection(played.state, "awards", reader.team_id))


def test_access_tells_nothing_of_the_phase() -> None:
    """It is made from the role and the version of the API; of a contest nothing but what is shown of extensions."""
    assert access_of.__code__.co_varnames[: access_of.__code__.co_argcount] == ("role", "version", "extended")


@DEAR
@given(pairs(same_events=False))
def test_access_tells_nothing_of_what_is_hidden(pair: Pair) -> None:
    """Law 3: which extensions are listed does not depend on what is under embargo."""
    one, other = Played(pair[0]), Played(pair[1])
    for reader in OUTSIDERS:
        assert extensions_listed(one, reader) == extensions_listed(other, reader), reader


def extensions_listed(played: Played, reader: Reader) -> dict[str, frozenset[str]]:
    """The namespaces that `access` lists for a reader."""
    return extensions_shown(reader.role, played.state, reader.team_id)

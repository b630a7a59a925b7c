"""The laws of an assembled contest over random feeds: any order, deletions, rejudgings, hidden teams."""

from hypothesis import given
from hypothesis import strategies as st

from schemas.object_types import SINGLETON_ID
from schemas.objects import Judgement
from schemas.times import parse_time_ms
from tests.cds.dialects.feeds import (
    ACCEPTED,
    CLARIFICATION,
    CONTEST,
    CPP,
    JUDGEMENT,
    PROBLEM,
    STATE,
    SUBMISSION,
    TEAM,
    WRONG,
    Plain,
    line,
    translated,
)

FEW = st.sampled_from(["1", "2", "3"])
MAYBE = st.none() | FEW
TIMES = st.integers(0, 3).map(lambda minute: f"2024-01-01T10:1{minute}:00.000+01:00")


def of(type_name: str, **properties: st.SearchStrategy[object]) -> st.SearchStrategy[Plain]:
    """Notifications of a type with an id out of few, and now and then a deletion."""
    templates: dict[str, Plain] = {
        "groups": {"name": "G"},
        "organizations": {"name": "O"},
        "teams": TEAM,
        "problems": PROBLEM,
        "submissions": SUBMISSION,
        "judgements": JUDGEMENT,
        "clarifications": CLARIFICATION,
        "awards": {"citation": "A"},
        "persons": {"name": "P"},
        "accounts": {"username": "u", "type": "team"},
    }
    template = templates[type_name]
    said = st.builds(
        lambda identifier, changes: line(type_name, {**template, **changes, "id": identifier}),
        FEW,
        st.fixed_dictionaries(properties),
    )
    return said | FEW.map(lambda identifier: line(type_name, None, identifier))


LINES = st.one_of(
    of("groups", hidden=st.booleans()),
    of("organizations"),
    of(
        "teams",
        organization_id=MAYBE,
        group_ids=st.none() | st.lists(FEW, unique=True),
        hidden=st.sampled_from([False, False, True]),
    ),
    of("problems"),
    of("submissions", problem_id=FEW, team_id=MAYBE),
    of(
        "judgements",
        submission_id=FEW,
        start_time=TIMES,
        current=st.none() | st.booleans(),
        judgement_type_id=st.sampled_from([None, "AC", "WA", "TLE", "XX"]),
    ),
    of("clarifications", reply_to_id=MAYBE, from_team_id=MAYBE, to_team_ids=st.none() | st.lists(FEW, unique=True)),
    of("awards", team_ids=st.none() | st.lists(FEW, unique=True)),
    of(
        "persons",
        roles=st.lists(FEW.map(lambda team: {"type": "coach", "team_id": team}), min_size=1),
    ),
    of("accounts", team_id=MAYBE.filter(lambda team: team is not None), person_id=MAYBE),
    st.just(line("contest", CONTEST, "c1")),
    st.just(line("contest", {**CONTEST, "main_scoreboard_group_id": "1"}, "c1")),
    st.just(line("state", {**STATE, "end_of_updates": "2024-01-01T16:00:00.000+01:00"})),
)
ALWAYS = [line("contest", CONTEST, "c1"), line("judgement-types", ACCEPTED), line("judgement-types", WRONG)]


@given(st.lists(LINES, max_size=40))
def test_changes_of_any_feed_can_be_taken_by_a_fresh_log(lines: list[Plain]) -> None:
    """`translated` checks references, deletions, live judgements, the end of updates and the fold."""
    outcome = translated([*lines, *ALWAYS, line("languages", CPP)])
    assert SINGLETON_ID in outcome.translator.objects["state"]


@given(st.lists(LINES, max_size=40))
def test_feed_said_twice_comes_to_the_same_contest(lines: list[Plain]) -> None:
    """Repeating the last word on every object at the end changes nothing."""
    feed = [*ALWAYS, line("languages", CPP), *lines]
    last_words = {(each["type"], each["id"]): each for each in feed}
    once = translated(feed).translator.objects
    repeated = [each for each in last_words.values() if each["data"] is not None]
    again = translated([*feed, *repeated]).translator.objects
    assert again == once


@given(st.lists(LINES, max_size=40))
def test_latest_start_among_the_live_judgements_is_current(lines: list[Plain]) -> None:
    outcome = translated([*ALWAYS, line("languages", CPP), *lines])
    said = {each["id"]: each["data"] for each in lines if each["type"] == "judgements"}
    by_submission: dict[str, list[Judgement]] = {}
    for judgement in outcome.translator.objects["judgements"].values():
        assert isinstance(judgement, Judgement)
        data = said[judgement.id]
        # A deletion that was left out leaves the judgement as it was; only what is said is compared.
        if isinstance(data, dict) and data["current"] is not False:
            by_submission.setdefault(judgement.submission_id, []).append(judgement)
    for alive in by_submission.values():
        current = [judgement for judgement in alive if judgement.current is not False]
        assert len(current) == 1
        assert parse_time_ms(current[0].start_time) == max(parse_time_ms(each.start_time) for each in alive)

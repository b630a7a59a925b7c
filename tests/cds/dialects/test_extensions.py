"""Extensions in sources: a known namespace that fits is kept, everything else is left out with a warning."""

from pathlib import Path

import msgspec
import pytest

from schemas.extensions import ContestExtension
from schemas.objects import Contest, Problem
from tests.cds.contest_api.extended_contests import MATCH, SYNCED, TASK
from tests.cds.dialects.feeds import CONTEST, PROBLEM, SUBMISSION, TEAM, Plain, translated, typical
from tests.cds.packages.packages import as_archive, as_directory, as_feed, read, small

CMS: Plain = msgspec.to_builtins(TASK)
SUBTASK: Plain = {"name": "1", "max_score": 40, "ordinals": [1, 2], "rule": "min", "public": True}
SYNC: Plain = msgspec.to_builtins(SYNCED)
LOC: Plain = msgspec.to_builtins(MATCH)

ACCOUNT: Plain = {"id": "a1", "username": "one", "type": "team"}
CMS_CONTEST: Plain = {
    "max_submission_number": 100,
    "min_submission_interval": 30,
    "per_user_time": 18000,
    "analysis": {"start": "2026-03-01T16:00:00.000Z", "stop": "2026-03-01T18:00:00.000Z"},
    "ip_autologin": True,
    "ip_restriction": True,
    "block_hidden_participations": True,
    "default_statement_language": "ru",
}

KEPT: list[tuple[str, Plain, Plain]] = [
    ("contest", CONTEST, {"sync": SYNC, "loc": LOC}),
    ("problems", PROBLEM, {"cms": CMS}),
    ("teams", TEAM, {"sync": {"rank": 1, "points": 3.5, "penalty": 20}}),
    ("submissions", SUBMISSION, {"cms": {"official": False}, "loc": {"url": "https://example.org"}}),
    ("contest", CONTEST, {"cms": CMS_CONTEST}),
    (
        "accounts",
        ACCOUNT,
        {"cms": {"hidden": True, "delay_time": 60, "starting_time": "2026-03-01T10:00:00.000+01:00"}},
    ),
]

LEFT_OUT: list[tuple[str, Plain, object, object, str]] = [
    ("problems", PROBLEM, {"cms": CMS, "icpc": {"x": 1}}, {"cms": CMS}, "ext.icpc: is not known here, left out"),
    ("problems", PROBLEM, {"sync": SYNC}, None, "ext.sync: is not known here, left out"),
    (
        "teams",
        TEAM,
        {"sync": {"rank": 0}},
        None,
        "ext.sync: does not fit (Expected `int` >= 1",
    ),
    ("teams", TEAM, {"sync": {"rank": "first"}}, None, "ext.sync: does not fit (has a rank that is not a number"),
    ("teams", TEAM, {"sync": "first"}, None, "ext.sync: does not fit (is not an object but"),
    ("teams", TEAM, {"sync": {"rank": 2, "medal": "gold"}}, {"sync": {"rank": 2}}, "ext.sync.medal: is not known"),
    ("teams", TEAM, [1], None, "ext: is not an object but"),
    (
        "problems",
        PROBLEM,
        {"cms": {"score_mode": "average"}},
        None,
        "ext.cms: does not fit (Invalid enum value 'average' - at `$.score_mode`), left out",
    ),
    (
        "problems",
        PROBLEM,
        {"cms": {"subtasks": [{**SUBTASK, "ordinals": []}]}},
        None,
        "ext.cms: does not fit (Expected `array` of length >= 1 - at `$.subtasks[0].ordinals`), left out",
    ),
    (
        "problems",
        PROBLEM,
        {"cms": {"subtasks": [{"name": "1", "ordinals": [1], "rule": "sum"}]}},
        None,
        "ext.cms: does not fit (has a subtasks that has no max_score), left out",
    ),
    ("contest", CONTEST, {"sync": {"platform": "x"}, "loc": LOC}, {"loc": LOC}, "has no platform_id"),
    (
        "contest",
        CONTEST,
        {"cms": {"analysis": {"start": "2026-03-01T16:00:00Z", "stop": "2026-03-01T15:00:00Z"}}},
        None,
        "ext.cms: does not fit (stop is before start",
    ),
    ("contest", CONTEST, {"cms": {"analysis": {"start": "now"}}}, None, "ext.cms: does not fit (has a"),
    ("accounts", ACCOUNT, {"cms": {"extra_time": -1}}, None, "ext.cms: does not fit (Expected `int` >= 0"),
    ("problems", PROBLEM, {"cms": {"score_precision": 10}}, None, "ext.cms: does not fit (Expected `int` <= 9"),
]
"""Type, object, what is said, what is kept of it, and words of the warning."""


@pytest.mark.parametrize(("name", "plain", "said"), KEPT, ids=lambda each: each if isinstance(each, str) else "")
def test_what_is_known_is_kept_without_a_word(name: str, plain: Plain, said: Plain) -> None:
    outcome = translated(typical((name, {**plain, "ext": said})))
    kept = outcome.instance(name, "" if name == "contest" else str(plain["id"]))
    assert msgspec.to_builtins(kept)["ext"] == said
    assert not outcome.warnings


@pytest.mark.parametrize(("name", "plain", "said", "kept", "words"), LEFT_OUT)
def test_what_is_not_known_or_does_not_fit_is_left_out_with_a_warning(
    name: str, plain: Plain, said: object, kept: object, words: str
) -> None:
    """The object itself is taken, with the other namespaces."""
    outcome = translated(typical((name, {**plain, "ext": said})))
    instance = outcome.instance(name, "" if name == "contest" else str(plain["id"]))
    assert msgspec.to_builtins(instance).get("ext") == kept
    (warning,) = outcome.warnings
    assert words in str(warning)


def test_times_inside_are_in_their_one_form() -> None:
    """Wherever they come from."""
    said = {"cms": {"analysis": {"start": "2026-03-01T16:00:00Z", "stop": "2026-03-01T18:00:00.5+00"}}}
    outcome = translated(typical(("contest", {**CONTEST, "ext": said})))
    analysis = {"start": "2026-03-01T16:00:00.000Z", "stop": "2026-03-01T18:00:00.500+00:00"}
    assert msgspec.to_builtins(outcome.instance("contest"))["ext"] == {"cms": {"analysis": analysis}}
    structure = msgspec.convert(said, ContestExtension)
    assert msgspec.to_builtins(structure) == {"cms": {"analysis": analysis}}


@pytest.mark.parametrize("said", [None, {}, {"sync": None}])
def test_an_extension_that_says_nothing_is_none(said: object) -> None:
    outcome = translated(typical(("contest", {**CONTEST, "ext": said})))
    assert "ext" not in msgspec.to_builtins(outcome.instance("contest"))
    assert not outcome.warnings


def test_a_type_without_extensions_has_none() -> None:
    outcome = translated(typical(("groups", {"id": "g", "name": "G", "ext": {"sync": SYNC}})))
    assert "ext: is not known to the format, left out" in str(outcome.warnings[0])


YAML_CONTEST = """\
id: c1
name: Contest
duration: 5:00:00
scoreboard_type: score
ext:
  sync: {platform: codeforces, platform_id: 1234, rated: yes, participants: 17}
  loc:
    slug: 2024
"""
YAML_PROBLEMS = """\
- id: sum
  label: A
  name: Sum
  ordinal: 0
  test_data_count: 3
  max_score: 100
  ext:
    cms:
      submission_format: [sum.%l]
      score_mode: max_subtask
      max_submission_number: 50
      min_submission_interval: 60
      subtasks:
        - {name: Small, max_score: 40, ordinals: [1, 2], rule: min, public: true}
        - {name: 2, max_score: 60.5, ordinals: [3], rule: sum, public: no}
"""


def test_yaml_says_the_same(tmp_path: Path) -> None:
    """Where every scalar is text until somebody knows what it is."""
    judged = ("contest", "problems", "submissions", "judgements")
    files = {path: each for path, each in small().items() if path.partition(".")[0] not in judged}
    files |= {"contest.yaml": YAML_CONTEST, "problems.yaml": YAML_PROBLEMS}
    contents = read(as_directory(tmp_path / "c1", files))
    assert [str(each) for each in contents.warnings if "ext" in each.property] == []
    contest, problem = contents.final["contest"][""], contents.final["problems"]["sum"]
    assert isinstance(contest, Contest)
    assert isinstance(problem, Problem)
    assert msgspec.to_builtins(contest.ext) == {
        "sync": {"platform": "codeforces", "platform_id": "1234", "rated": True, "participants": 17},
        "loc": {"slug": "2024"},
    }
    assert msgspec.to_builtins(problem.ext) == {
        "cms": {
            "submission_format": ["sum.%l"],
            "score_mode": "max_subtask",
            "max_submission_number": 50,
            "min_submission_interval": 60,
            "subtasks": [
                {"name": "Small", "max_score": 40, "ordinals": [1, 2], "rule": "min", "public": True},
                {"name": "2", "max_score": 60.5, "ordinals": [3], "rule": "sum", "public": False},
            ],
        }
    }


def test_packages_archives_and_feeds_say_the_same(tmp_path: Path) -> None:
    contest, problem = {**CONTEST, "ext": {"sync": SYNC}}, {**PROBLEM, "ext": {"cms": CMS}}
    files = {**small(), "contest.json": contest, "problems.json": [problem]}
    sources = (
        as_directory(tmp_path / "c1", files),
        as_archive(tmp_path / "c1.zip", files),
    )
    feed = tmp_path / "event-feed.ndjson"
    feed.write_bytes(as_feed(*typical(("contest", contest), ("problems", problem))))
    for contents in (*map(read, sources), read(feed, "c1")):
        assert msgspec.to_builtins(contents.final["contest"][""])["ext"] == {"sync": SYNC}
        assert msgspec.to_builtins(contents.final["problems"]["p1"])["ext"] == {"cms": CMS}


def test_the_structures_refuse_to_say_nothing() -> None:
    """Nobody writes an extension that is none: `ext` is null then."""
    with pytest.raises(ValueError, match="none of sync, cms, loc is there"):
        ContestExtension()

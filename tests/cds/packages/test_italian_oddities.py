"""Whatever stands in the files of an Italian-format contest: it is taken, and holds, or refused in one line."""

import tempfile
from pathlib import Path

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from cds.dialects.results import SourceRefused
from tests.cds.dialects.feeds import assert_fresh_log_can_take
from tests.cds.packages.italian_contests import GEN, PDF, read

CONTEST_KEYS = [
    "name",
    "nome_breve",
    "description",
    "nome",
    "start",
    "inizio",
    "stop",
    "fine",
    "timezone",
    "per_user_time",
    "token_mode",
    "languages",
    "teams",
    "users",
    "max_submission_number",
    "min_submission_interval",
    "analysis_enabled",
    "analysis_start",
    "analysis_stop",
    "ip_autologin",
    "tasks",
]
TASK_KEYS = [
    "name",
    "title",
    "nome",
    "n_input",
    "score_mode",
    "time_limit",
    "timeout",
    "memory_limit",
    "public_testcases",
    "risultati",
    "token_gen_max",
    "max_submission_number",
    "output_only",
    "total_value",
    "primary_language",
    "score_type",
    "score_type_parameters",
    "score_precision",
    "submission_format",
    "allowed_languages",
]
USER_KEYS = [
    "username",
    "password",
    "first_name",
    "last_name",
    "ip",
    "hidden",
    "fake",
    "team",
    "unrestricted",
    "extra_time",
    "starting_time",
]

WORDS = st.sampled_from(
    [
        *("0", "1", "4", "-1", "1.5", "1e400", "nan", "99999999999999999999", "1900000000", "", "all", "0,2", "true"),
        *("GroupMin", "GroupMul", "Sum", "max", "last", "C", "C++17 / g++", "sum", "anna", "a/b", "é", "Europe/Rome"),
        *("2030-03-17 17:46:40", "9999-12-31T23:59:59-23:00", "0001-01-01", "[[50, 2], [50, '.*']]", "[[", "\u202e"),
        *("10.0.0.0/8", "sum.%l", "it", "plaintext:x"),
    ]
)
VALUES = st.recursive(
    st.none() | WORDS,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from([*USER_KEYS, "code"]), inner, max_size=3)
    ),
    max_leaves=6,
)
USERS = st.lists(
    st.fixed_dictionaries({"username": WORDS}) | st.dictionaries(st.sampled_from(USER_KEYS), VALUES), max_size=3
)
CONTESTS = st.fixed_dictionaries({"tasks": st.just(["sum"])}, optional={"users": USERS}).flatmap(
    lambda known: st.dictionaries(st.sampled_from(CONTEST_KEYS), VALUES, max_size=5).map(lambda odd: {**odd, **known})
)
TASKS = st.dictionaries(st.sampled_from(TASK_KEYS), VALUES, max_size=6)
GEN_LINES = st.lists(st.sampled_from(["1 2", "# ST: 10", "#ST:x", "# ST: 1e400", "", "#", "#COPY: a", "# STNAME: b"]))
FILE_NAMES = st.lists(
    st.sampled_from(["it.pdf", "statement.pdf", "testo.pdf", "sum.en.pdf", "fig.pdf", "x.PDF", "a b"])
)


@given(contest=CONTESTS, task=TASKS, gen=GEN_LINES | st.just(GEN.splitlines()), statements=FILE_NAMES)
def test_it_is_taken_or_refused(
    contest: dict[str, object], task: dict[str, object], gen: list[str], statements: list[str]
) -> None:
    files = {
        # JSON is YAML too.
        "contest.yaml": msgspec.json.encode(contest),
        "sum/task.yaml": msgspec.json.encode(task),
        "sum/gen/GEN": "\n".join(gen),
        **{f"sum/statement/{name}": PDF for name in statements},
    }
    contents, reason = None, ""
    with tempfile.TemporaryDirectory() as directory:
        try:
            contents = read(Path(directory), files)
        except SourceRefused as refused:
            reason = str(refused)
    assert "\n" not in reason
    if contents is None:
        return
    assert_fresh_log_can_take(contents.changes)
    assert contents.final["problems"]
    assert all("\n" not in str(warning) for warning in contents.warnings)
    # One key that does not fit costs that key, never the limits and subtasks beside it.
    assert not any("does not fit" in str(warning) for warning in contents.warnings)

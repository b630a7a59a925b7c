"""Who guesses ids of what is hidden: the answers are those about what is not there."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from tests.cds.contest_api.attacked_contests import (
    CONTEST,
    NOBODYS,
    Attacked,
    attacked_contests,
    check_error,
    done,
    look_alike,
    submission,
    without,
)
from tests.cds.contest_api.serving import Json

pytestmark = pytest.mark.asyncio(loop_scope="session")

BASE = f"contests/{CONTEST}"
METHODS = ("POST", "PUT", "PATCH", "DELETE")


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def attacked(postgres_dsn_template: str) -> AsyncIterator[Attacked]:
    """Both contests; what the tests here add to them harms no other test."""
    async with attacked_contests(postgres_dsn_template) as contests:
        yield contests


def hidden_from(attacked: Attacked, name: str) -> list[tuple[str, str]]:
    """Type and id of what somebody cannot see."""
    made = attacked.made
    secrets = [("judgements", made.frozen_judgement_two), ("runs", made.frozen_run_two)]
    if name == "analyst":
        return [*secrets, ("submissions", NOBODYS)]
    questions = [("clarifications", made.question_two), ("clarifications", made.answer_two)]
    own = [] if name == "team-one" else [("clarifications", made.question_one)]
    return [
        *secrets,
        *questions,
        *own,
        ("commentary", made.commentary),
        ("submissions", NOBODYS),
        ("accounts", "judge"),
    ]


@pytest.mark.parametrize("name", ["public", "team-one", "proxy", "analyst"])
async def test_what_is_hidden_answers_as_what_is_not_there(attacked: Attacked, name: str) -> None:
    caller = attacked.everybody[name]
    for type_name, hidden in hidden_from(attacked, name):
        one = f"{BASE}/{type_name}/ID"
        for method in ("GET", "HEAD", *METHODS):
            body = {"id": "ID", "text": "x", "message": "x"} if method in METHODS else None
            await look_alike(attacked, caller, method, one, hidden, body)
            await look_alike(attacked, caller, method, one + "/", hidden, body)
        for file_path in ("files", "files/files.zip", "reaction", "reaction/x.m3u8", "photo/x", "statement"):
            await look_alike(attacked, caller, "GET", f"{one}/{file_path}", hidden, None)


@pytest.mark.parametrize("name", ["public", "team-one", "proxy", "analyst"])
async def test_filters_find_nothing_that_is_hidden(attacked: Attacked, name: str) -> None:
    caller = attacked.everybody[name]
    for _type_name, hidden in hidden_from(attacked, name):
        for endpoint in ("judgements", "runs", "clarifications", "submissions", "commentary", "awards"):
            for property_name in ("id", "submission_id", "judgement_id", "reply_to_id", "submission_ids", "account_id"):
                await look_alike(attacked, caller, "GET", f"{BASE}/{endpoint}?{property_name}=ID", hidden, None)


async def test_a_hidden_object_cannot_be_named(attacked: Attacked) -> None:
    """As what is not there: in a reply, in a commentary, in what a proxy passes on."""
    made, everybody = attacked.made, attacked.everybody
    for name in ("team-one", "proxy"):
        question = {"text": "x", "reply_to_id": "ID"} | ({"from_team_id": "t1"} if name == "proxy" else {})
        for hidden in (made.question_two, made.answer_two, made.frozen_judgement_two):
            await look_alike(attacked, everybody[name], "POST", f"{BASE}/clarifications", hidden, question)
    for property_name in ("submission_ids", "team_ids", "problem_ids"):
        body: Json = {"message": "x", property_name: ["ID"]}
        await look_alike(attacked, everybody["analyst"], "POST", f"{BASE}/commentary", NOBODYS, body)


async def test_before_the_start_a_problem_answers_as_what_is_not_there(attacked: Attacked) -> None:
    """Whether a problem is called so is nobody's business yet, whatever is asked or sent about it."""
    admin, base = attacked.everybody["server-admin"], "contests/quiet"
    contest = {"id": "quiet", "name": "Quiet", "duration": "1:00:00", "scoreboard_type": "pass-fail"}
    await done(admin, "PUT", base, contest)
    problem = {"id": "secret", "label": "A", "name": "x", "ordinal": 1, "test_data_count": 1}
    await done(admin, "PUT", f"{base}/problems/secret", problem)
    await done(admin, "PUT", f"{base}/teams/t1", {"id": "t1", "name": "x", "label": "x"})
    account = {"id": "team", "username": "team@quiet", "type": "team", "team_id": "t1", "password": "a password"}
    await done(admin, "PUT", f"{base}/accounts/team", account)
    team = attacked.server.caller(("team@quiet", "a password"))
    for path in ("problems/ID", "problems/ID/statement", "awards/first-to-solve-ID", "awards?id=first-to-solve-ID"):
        await look_alike(attacked, team, "GET", f"{base}/{path}", "secret", None)
    await look_alike(attacked, team, "POST", f"{base}/clarifications", "secret", {"text": "x", "problem_id": "ID"})
    await look_alike(attacked, team, "POST", f"{base}/submissions", "secret", submission(problem_id="ID"))
    await attacked.refused(team, "POST", f"{base}/submissions", 403, json=submission(problem_id="secret"))
    assert (await admin.ask("DELETE", base)).status == 204


async def test_sources_of_another_team_are_not_to_be_had(attacked: Attacked) -> None:
    """Nor is it told whether they are there."""
    for name in ("public", "team-one", "proxy"):
        caller = attacked.everybody[name]
        for path in ("files", "files/files.zip", "files/two.c", "reaction"):
            for answer in (await caller.get(f"{BASE}/submissions/{attacked.made.submission_two}/{path}"),):
                check_error(answer, path)
            await look_alike(
                attacked, caller, "GET", f"{BASE}/submissions/ID/{path}", attacked.made.submission_two, None
            )


async def test_whether_a_team_exists_is_not_told_apart_from_its_being_another(attacked: Attacked) -> None:
    team = attacked.everybody["team-one"]
    for endpoint, body in (("submissions", submission()), ("clarifications", {"text": "x"})):
        property_name = "team_id" if endpoint == "submissions" else "from_team_id"
        answers = [
            await attacked.refused(team, "POST", f"{BASE}/{endpoint}", 403, json=body | {property_name: other})
            for other in ("t2", "t9")
        ]
        assert without("t2", answers[0]) == without("t9", answers[1])

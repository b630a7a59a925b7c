"""After a contest full of writes: every answer keeps the JSON schemas, and every feed folds to what GET says."""

from typing import Any

import pytest

from tests.cds.contest_api.feeds import dangling, everything, fold, pointless_deletions
from tests.cds.contest_api.live_contest_setup import (
    CONTEST_ID,
    EVERYBODY,
    FROZEN,
    OVER,
    START,
    TEAM_OF_ACCOUNT,
    Play,
    archive,
    data_of,
    moment,
    picture,
    submission,
)
from tests.cds.contest_api.real_contests import needs_schemas
from tests.cds.contest_api.test_json_schemas import check_everything, check_feed

pytestmark = pytest.mark.asyncio(loop_scope="session")


def stream(name: str) -> list[dict[str, str]]:
    """A stream that is offered by another server."""
    return [{"href": f"https://streams.example.com/{name}.m3u8", "mime": "application/vnd.apple.mpegurl"}]


PLACE = {"latitude": 48.5, "longitude": 9}

FULL: dict[str, dict[str, Any]] = {
    "groups/main": {"icpc_id": "7", "type": "site", "location": PLACE},
    "organizations/north": {
        "icpc_id": "8",
        "formal_name": "The University of the North",
        "country": "DEU",
        "country_flag": [{"data": data_of(picture(30, 20)), "filename": "flag.png"}],
        "url": "https://example.com/",
        "location": PLACE,
        "logo": [{"data": data_of(picture(300, 200))}],
    },
    "teams/t1": {
        "icpc_id": "9",
        "display_name": "The Alphas",
        "location": {"x": 1, "y": 2.5, "rotation": 90},
        "photo": [{"data": data_of(picture(30, 20))}],
        "backup": [{"data": data_of(archive())}],
        "key_log": [{"data": data_of(b"keys"), "filename": "keys.txt"}],
        "desktop": stream("desktop"),
        "webcam": stream("webcam"),
    },
    "persons/ada": {"icpc_id": "10", "email": "ada@example.com", "sex": "female"},
    "languages/java": {"compiler": {"command": "javac", "args": "-O", "version_command": "javac -version"}},
    "problems/apples": {
        "uuid": "0b9d4a5e-3c2f-4f0a-9d3e-000000000000",
        "rgb": "#ff0000",
        "color": "red",
        "time_limit": 2.5,
        "memory_limit": 256,
        "statement": [{"data": data_of(b"%PDF-1.4 apples")}],
        "attachments": [{"data": data_of(b"1\n"), "filename": "1.in", "mime": "text/plain"}],
        "package": [{"data": data_of(archive({"problem.yaml": "name: x"}))}],
    },
    "accounts/team-two": {"name": "Beta", "ip": "10.0.0.1"},
    "": {"formal_name": "The Live Contest", "location": PLACE, "logo": [{"data": data_of(picture(200, 200))}]},
}
"""Properties of every kind, by the object that gets them."""


async def before_the_freeze(live: Play) -> None:
    """Configuration, submissions in every way, verdicts, a rejudgement, questions and answers, commentary."""
    for path, body in FULL.items():
        await live.patch("chief", path, body)
    ids = [await live.submitted(who) for who in TEAM_OF_ACCOUNT for _ in range(2)]
    ids.append(await live.submitted("proxy", team_id="t3"))
    await live.put("chief", "submissions/early", submission(id="early", team_id="t1", time=moment(-5)), 201)
    await live.put("chief", "submissions/nobodys", submission(id="nobodys", time=START), 201)
    for number, submission_id in enumerate([*ids, "early"]):
        judgement_id = await live.judged(submission_id, None)
        run = {"judgement_id": judgement_id, "ordinal": 1, "judgement_type_id": "AC", "time": moment(61)}
        await live.post("judge", "runs", {**run, "run_time": 0.125})
        await live.patch("judge", f"judgements/{judgement_id}", {"judgement_type_id": ("AC", "WA", "CE")[number % 3]})
    await live.judged(ids[1], "AC")
    asked = await live.post("team-one", "clarifications", {"text": "Are apples round?", "problem_id": "apples"})
    for to in ({"to_team_ids": ["t1"]}, {"to_group_ids": ["guests"]}, {}):
        await live.post("judge", "clarifications", {"text": "Yes", "reply_to_id": asked["id"], **to})
    about = {"team_ids": ["t1"], "problem_ids": ["apples"], "submission_ids": [ids[0]], "tags": ["submission"]}
    await live.post("analyst", "commentary", {"message": "{t:t1} solves {p:apples}", **about})
    await live.post("chief", "awards", {"citation": "Best costumes", "team_ids": ["t2"]})


async def in_the_freeze(live: Play) -> None:
    """Verdicts that nobody is shown, and a rejudgement of an older one."""
    for who, verdict in (("team-one", "AC"), ("team-two", "WA")):
        await live.judged(await live.submitted(who, problem_id="bridges"), verdict)
    await live.judged("1", "CE")
    await live.post("team-two", "clarifications", {"text": "How long still?"})


async def to_the_end(live: Play) -> None:
    """Thaw, answers to what is open, final results, the end of updates."""
    for each in await live.get("chief", "clarifications"):
        if "from_team_id" in each:
            await live.post("judge", "clarifications", {"text": "See.", "reply_to_id": each["id"], "to_team_ids": []})
    await live.patch("chief", "state", {"thawed": "now"})
    await live.patch("chief", "state", {"finalized": "now", "extra_bronzes": 1})
    await live.patch("chief", "state", {"end_of_updates": "now"})


@needs_schemas
async def test_everything_keeps_the_schemas_for_every_role_in_every_phase(live: Play) -> None:
    """Play.ask checks each answer to a write; this adds every endpoint and every line of every feed."""
    for minutes, act in ((60.0, before_the_freeze), (FROZEN, in_the_freeze), (OVER, to_the_end)):
        await live.at(minutes)
        await act(live)
        for who in EVERYBODY:
            assert (await check_everything(live.caller(who), CONTEST_ID)).checked > 10
            assert await check_feed(live.caller(who), CONTEST_ID) > 10


async def test_feeds_fold_to_what_get_says_for_every_role_in_every_phase(live: Play) -> None:
    for minutes, act in ((60.0, before_the_freeze), (FROZEN, in_the_freeze), (OVER, to_the_end)):
        await live.at(minutes)
        await act(live)
        for who in EVERYBODY:
            caller = live.caller(who)
            lines = await caller.lines(f"contests/{CONTEST_ID}/event-feed")
            said = await everything(caller, CONTEST_ID)
            assert fold(lines) == said, who
            assert dangling(said) == [], who
            assert pointless_deletions(lines) == [], who
    last = (await live.feed("public"))[-1]
    assert (last["type"], last["data"]["end_of_updates"]) == ("state", moment(OVER))
    await live.refused("chief", "PATCH", "teams/t1", {"name": "x"}, 403, names="end_of_updates")
    await live.refused("team-one", "POST", "clarifications", {"text": "Hi"}, 403)

"""An object of every type that says everything a client may say, for the contest of `live_contest_setup`.

Beside that contest they name two submissions, a pending judgement and a question, which `furnish` makes. This module
must not know what is right or wrong about them.
"""

from collections.abc import Mapping
from typing import Any

import msgspec

from tests.cds.contest_api.live_contest_setup import CONTEST, Play, archive, data_of, moment, picture, submission


class Written(msgspec.Struct, frozen=True):
    """How an object of a type is written whole: by whom, where; a path that ends in an id is PUT, else it is POSTed."""

    who: str
    path: str
    body: Mapping[str, Any]

    @property
    def method(self) -> str:
        """PUT for what names its id."""
        return "PUT" if "id" in self.body else "POST"


def _file(content: bytes, name: str, mime: str) -> list[dict[str, Any]]:
    return [{"data": data_of(content), "filename": name, "mime": mime}]


def _image(name: str) -> list[dict[str, Any]]:
    return _file(picture(8, 8), f"{name}.png", "image/png")


def _stream(name: str) -> list[dict[str, Any]]:
    mime = "application/vnd.apple.mpegurl"
    return [{"href": f"https://camera.example/{name}", "filename": f"{name}.m3u8", "mime": mime}]


ZIP = _file(archive(), "archive.zip", "application/zip")
PLACE = {"latitude": 50.5, "longitude": 10}
COMMAND = {"command": "run", "args": "-x {files}", "version": "1", "version_command": "run --version"}

SYNCED = {
    "platform": "codeforces",
    "platform_id": "1234",
    "type": "ICPC",
    "phase": "BEFORE",
    "url": "https://codeforces.com/contests/1234",
    "rated": True,
    "rated_range": "All",
    "participants": 4321,
}
TASK = {
    "submission_format": ["cherries.%l"],
    "score_mode": "max_subtask",
    "score_precision": 2,
    "allowed_languages": ["cpp"],
    "max_submission_number": 50,
    "min_submission_interval": 60,
    "subtasks": [{"name": "Small", "max_score": 40, "ordinals": [1, 2], "rule": "min", "public": True}],
}

WHOLE: dict[str, Written] = {
    "contest": Written(
        "chief",
        "",
        {
            **CONTEST,
            "formal_name": "The Live Contest",
            "scoreboard_thaw_time": moment(360),
            "main_scoreboard_group_id": "main",
            "banner": _image("banner"),
            "logo": _image("logo"),
            "location": PLACE,
            "ext": {"sync": SYNCED, "loc": {"slug": "live", "short_description": "S", "long_description": "L"}},
        },
    ),
    "judgement-types": Written(
        "chief",
        "judgement-types/TLE",
        {"id": "TLE", "name": "Slow", "penalty": True, "solved": False, "simplified_judgement_type_id": "RE"},
    ),
    "languages": Written(
        "chief",
        "languages/kotlin",
        {
            "id": "kotlin",
            "name": "Kotlin",
            "entry_point_required": True,
            "entry_point_name": "Main class",
            "extensions": ["kt", "kts"],
            "compiler": COMMAND,
            "runner": COMMAND,
        },
    ),
    "problems": Written(
        "chief",
        "problems/cherries",
        {
            "id": "cherries",
            "uuid": "01234567-89ab-cdef-0123-456789ABCDEF",
            "label": "C",
            "name": "Cherries",
            "ordinal": 2,
            "rgb": "#f00",
            "color": "red",
            "time_limit": 1.5,
            "memory_limit": 256,
            "output_limit": 8,
            "code_limit": 128,
            "test_data_count": 3,
            "max_score": 100,
            "package": ZIP,
            "statement": _file(b"%PDF-1.4 cherries", "cherries.pdf", "application/pdf"),
            "attachments": _file(b"1\n", "sample.in", "text/plain"),
            "ext": {"cms": TASK},
        },
    ),
    "groups": Written(
        "chief",
        "groups/west",
        {"id": "west", "icpc_id": "17", "name": "West", "type": "site", "location": PLACE},
    ),
    "organizations": Written(
        "chief",
        "organizations/west",
        {
            "id": "west",
            "icpc_id": "17",
            "name": "West",
            "formal_name": "University of the West",
            "country": "NLD",
            "country_flag": _image("country_flag"),
            "country_subdivision": "NL-GR",
            "country_subdivision_flag": _image("country_subdivision_flag"),
            "url": "https://west.example",
            "twitter_hashtag": "#west",
            "twitter_account": "@west",
            "location": PLACE,
            "logo": _image("logo"),
        },
    ),
    "teams": Written(
        "chief",
        "teams/t9",
        {
            "id": "t9",
            "icpc_id": "9",
            "name": "Iota",
            "label": "9",
            "display_name": "Iota of the North",
            "organization_id": "north",
            "group_ids": ["main", "guests"],
            "location": {"x": 1, "y": 2.5, "rotation": 90},
            "photo": _image("photo"),
            "video": _stream("video"),
            "backup": ZIP,
            "key_log": _file(b"keys\n", "keys.txt", "text/plain"),
            "tool_data": _file(b"tools\n", "tools.txt", "text/plain"),
            "desktop": _stream("desktop"),
            "webcam": _stream("webcam"),
            "audio": _stream("audio"),
            "primary_rgb": "#ff0000",
            "primary_color": "red",
            "secondary_rgb": "#0F0",
            "secondary_color": "green",
            "ext": {"sync": {"rank": 1, "points": 7.5, "penalty": 120}},
        },
    ),
    "persons": Written(
        "chief",
        "persons/dora",
        {
            "id": "dora",
            "icpc_id": "4",
            "name": "Dora",
            "email": "dora@north.example",
            "sex": "female",
            "roles": [{"type": "contestant", "team_id": "t1", "title": "Captain"}],
            "photo": _image("photo"),
        },
    ),
    "accounts": Written(
        "chief",
        "accounts/dora",
        {
            "id": "dora",
            "username": "dora",
            "password": "the password of dora",
            "name": "Dora",
            "type": "team",
            "ip": "10.0.0.9",
            "team_id": "t1",
            "person_id": "ada",
        },
    ),
    "submissions": Written(
        "chief",
        "submissions",
        {
            "language_id": "java",
            "problem_id": "apples",
            "team_id": "t1",
            "time": moment(30),
            "contest_time": "0:30:00.000",
            "entry_point": "Main",
            "files": _file(archive({"Main.java": "class Main {}"}), "main.zip", "application/zip"),
            "reaction": _stream("reaction"),
            "account_id": "team-one",
            "ext": {
                "cms": {"official": True},
                "loc": {"url": "https://example.org/project", "title": "Project", "description": "Ours"},
            },
        },
    ),
    "judgements": Written(
        "judge",
        "judgements",
        {
            "submission_id": "1",
            "judgement_type_id": "AC",
            "score": 1.5,
            "current": True,
            "start_time": moment(61),
            "end_time": moment(62),
            "max_run_time": 0.125,
        },
    ),
    "runs": Written(
        "judge",
        "runs/r1",
        {
            "id": "r1",
            "judgement_id": "pending",
            "ordinal": 1,
            "judgement_type_id": "AC",
            "time": moment(61),
            "run_time": 0.125,
            "score": 1.5,
        },
    ),
    "clarifications": Written(
        "chief",
        "clarifications",
        {
            "reply_to_id": "question",
            "problem_id": "apples",
            "text": "They are.",
            "time": moment(30),
            "contest_time": "0:30:00.000",
            "to_team_ids": ["t1", "t2"],
            "to_group_ids": ["main", "guests"],
        },
    ),
    "awards": Written("chief", "awards/best", {"id": "best", "citation": "The best", "team_ids": ["t1", "t2"]}),
    "commentary": Written(
        "analyst",
        "commentary",
        {
            "message": "Alpha leads",
            "tags": ["submission", "accepted"],
            "team_ids": ["t1", "t2"],
            "problem_ids": ["apples", "bridges"],
            "submission_ids": ["1", "2"],
        },
    ),
}
"""Type → one that says everything that a client may say."""


async def furnish(play: Play) -> None:
    """What the whole objects name: two submissions, a pending judgement and a question."""
    for _ in range(2):
        await play.post("chief", "submissions", submission(team_id="t1", time=moment(20)))
    pending = {"id": "pending", "submission_id": "2", "start_time": moment(21)}
    await play.put("judge", "judgements/pending", pending, 201)
    question = {"id": "question", "from_team_id": "t1", "text": "Are apples round?", "time": moment(22)}
    await play.put("chief", "clarifications/question", question, 201)

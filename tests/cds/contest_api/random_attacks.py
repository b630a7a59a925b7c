"""Hypothesis strategies: requests that are nearly right, by anybody, for every type and method.

A body begins as one that would be accepted; then properties go, come, and change into what hurts elsewhere. What
would end the contest or lock its accounts out is left out, so that it can go on being attacked. This module must not
know what the answers should be.
"""

import json
from typing import Any

import msgspec
from hypothesis import strategies as st

from tests.cds.contest_api.attacked_contests import (
    ACCOUNTS,
    CONTEST,
    NOBODYS,
    ROLES,
    archive,
    data,
    submission,
)

Json = Any

BASE = f"contests/{CONTEST}"
ADMINISTRATORS = ("chief", "server-admin")
START = "2026-01-01T00:00:00.000Z"

WRITTEN_BY_TEAMS = ("submissions", "clarifications")
LIVE_TYPES = ("submissions", "judgements", "runs", "clarifications", "commentary", "awards")


def live(type_name: str) -> str:
    """What stands for an id that the server has chosen, which a strategy cannot know."""
    return f"<one of the {type_name}>"


VALID: dict[str, Json] = {
    "contest": {
        "id": CONTEST,
        "name": "x",
        "duration": "5:00:00",
        "scoreboard_freeze_duration": "1:00:00",
        "scoreboard_type": "pass-fail",
        "penalty_time": "0:20:00",
        "main_scoreboard_group_id": "main",
        "location": {"latitude": 1, "longitude": 2},
    },
    "state": {"extra_bronzes": 1, "removed_intervals": [{"start": "now", "end": "now"}], "finalized": None},
    "x-settings": {"medals": [4, 4, 4], "rule": "places", "kinds": ["winner"], "taken_over": ["winner"]},
    "judgement-types": {"name": "x", "solved": False, "penalty": True, "simplified_judgement_type_id": "WA"},
    "languages": {"name": "x", "entry_point_required": False, "extensions": ["x"], "compiler": {"command": "x"}},
    "problems": {"label": "x", "name": "x", "ordinal": 7, "test_data_count": 3, "time_limit": 1.5, "rgb": "#fff"},
    "groups": {"name": "x", "location": {"latitude": 1.5, "longitude": 2}},
    "organizations": {"name": "x", "country": "DEU", "country_subdivision": "DE-BW", "url": "http://x"},
    "teams": {
        "name": "x",
        "label": "x",
        "group_ids": ["main"],
        "organization_id": "north",
        "location": {"x": 1, "y": 2, "rotation": 3},
        "webcam": [{"href": "http://x/y.m3u8", "mime": "application/vnd.apple.mpegurl"}],
    },
    "persons": {"name": "x", "roles": [{"type": "contestant", "team_id": "t1"}], "sex": "female"},
    "accounts": {"username": "x", "type": "team", "team_id": "t1", "ip": "10.0.0.0/8", "person_id": "ada"},
    "submissions": submission(team_id="t1", time=START, entry_point="main.c"),
    "judgements": {
        "submission_id": live("submissions"),
        "judgement_type_id": "AC",
        "start_time": START,
        "end_time": START,
        "max_run_time": 1.5,
        "current": True,
        "score": 5,
    },
    "runs": {
        "judgement_id": live("judgements"),
        "ordinal": 1,
        "judgement_type_id": "AC",
        "time": START,
        "run_time": 0.5,
    },
    "clarifications": {
        "text": "x",
        "problem_id": "apples",
        "to_team_ids": ["t1"],
        "reply_to_id": live("clarifications"),
        "time": START,
    },
    "awards": {"citation": "x", "team_ids": ["t1"]},
    "commentary": {"message": "x", "tags": ["x"], "team_ids": ["t1"], "problem_ids": ["apples"]},
}
"""A body of each type that its writers may send, or nearly so."""

KNOWN_IDS = ("t1", "t2", "apples", "bridges", "main", "north", "c", "AC", "WA", "ada", "1", "2", "3", NOBODYS)
"""Of the accounts there is none, so that nobody is locked out."""

NEW_IDS = ("new", "another", "x" * 36, "a.b-c_d")
JUNK: tuple[Json, ...] = (
    None,
    True,
    0,
    -1,
    2**63 - 1,
    -(2**63),
    2**63,
    1.5,
    -0.0,
    1e308,
    "",
    " ",
    "x",
    "x" * 5000,
    "\x7f\u202e\u2028",
    "a\r\nb",
    "😀",
    "../../x",
    "now",
    "0001-01-01T00:00:00.000Z",
    "9999-12-31T23:59:59.999Z",
    "9999-12-31T23:59:59.999-14:00",
    "-1:00:00",
    "999999999:59:59.999",
    "$argon2id$v=19$m=8,t=1,p=1$AAAAAAAAAAA$AAAAAAAAAAA",
    [],
    {},
    [None],
    [[]],
    [{}],
    ["t1", "t1"],
    ["t1"] * 500,
    [{"href": "file:///etc/passwd"}],
    [{"data": data(archive())}],
    [{"data": data(archive()), "filename": "../x"}],
    [{"data": data(archive("../x"))}],
    [{"content": "0" * 64, "filename": "x", "mime": "application/zip"}],
    {"x": {"x": {"x": {}}}},
)

STRANGE_PROPERTIES = (
    "id",
    "contest_time",
    "team_id",
    "from_team_id",
    "account_id",
    "password",
    "disabled",
    "type",
    "username",
    "files",
    "reaction",
    "photo",
    "logo",
    "content",
    "current",
    "simplified_judgement_type_id",
    "source_id",
    "submission_ids",
    "to_group_ids",
    "reply_to_id",
    "start_time",
    "scoreboard_thaw_time",
    "x-surprise",
    "__class__",
    "",
)

HEADERS: tuple[dict[str, str], ...] = (
    {},
    {},
    {},
    {},
    {"If-Match": "*"},
    {"If-Match": '"x"'},
    {"If-Match": "x"},
    {"If-None-Match": "*"},
    {"Idempotency-Key": "a"},
    {"Idempotency-Key": "b"},
    {"Content-Type": "text/plain"},
    {"Content-Type": "multipart/form-data; boundary=x"},
    {"Content-Encoding": "gzip"},
    {"X-HTTP-Method-Override": "DELETE"},
)


SINGLETONS = ("contest", "state", "x-settings")
METHODS = ("POST", "PUT", "PATCH", "DELETE")

CONFIGURED = ("judgement-types", "languages", "problems", "groups", "organizations", "teams", "persons", "accounts")

ALLOWED: tuple[tuple[str, str, str], ...] = (
    *((name, endpoint, "POST") for name in ("team-one", "team-two", "proxy") for endpoint in WRITTEN_BY_TEAMS),
    *((name, "commentary", "POST") for name in ("analyst", "staff")),
    *(("judge", name, method) for name in ("judgements", "runs") for method in METHODS[:3]),
    ("judge", "clarifications", "POST"),
    *((name, "contest", method) for name in ADMINISTRATORS for method in ("PUT", "PATCH")),
    *((name, type_name, "PATCH") for name in ADMINISTRATORS for type_name in ("state", "x-settings")),
    *(
        ("chief", type_name, method)
        for type_name in (*CONFIGURED, "judgements", "runs", "awards")
        for method in METHODS
    ),
    *(("chief", type_name, method) for type_name in ("submissions", "clarifications") for method in ("POST", "PUT")),
    *(("chief", type_name, "DELETE") for type_name in ("submissions", "clarifications", "commentary")),
)
"""Who may do what to which type (roles.md)."""


class Attack(msgspec.Struct, frozen=True, kw_only=True):
    """A request. In `path` and `body` the marks of `live` stand for ids; `choice` says which of them."""

    name: str
    method: str
    path: str
    body: bytes
    headers: dict[str, str]
    choice: int


@st.composite
def attacks(draw: st.DrawFn) -> Attack:
    """One request; mostly by somebody who may write the type."""
    if draw(st.integers(0, 3)):
        name, type_name, method = draw(st.sampled_from(ALLOWED))
    else:
        name = draw(st.sampled_from(ROLES))
        type_name = draw(st.sampled_from(tuple(VALID)))
        method = draw(st.sampled_from(("POST", "PUT", "PATCH") if type_name == "contest" else METHODS))
    chosen = (live(type_name),) * 3 if type_name in LIVE_TYPES else ()
    identifier = draw(st.sampled_from((*KNOWN_IDS, *NEW_IDS, *chosen)))
    body: Json = {key: value for key, value in VALID[type_name].items() if key not in _left_out(name, type_name)}
    if method != "POST" and type_name not in SINGLETONS:
        body["id"] = identifier
    for _ in range(draw(st.sampled_from((0, 0, 1, 1, 2, 3)))):
        _mutate(draw, body, type_name)
    encoded = json.dumps(body).encode()
    if draw(st.integers(0, 14)) == 0:
        place = draw(st.integers(0, len(encoded) - 1))
        encoded = encoded[:place] + draw(st.binary(max_size=3)) + encoded[place + draw(st.integers(0, 3)) :]
    return Attack(
        name=name,
        method=method,
        path=_path(type_name, method, identifier),
        body=encoded,
        headers=draw(st.sampled_from(HEADERS)),
        choice=draw(st.integers(0, 50)),
    )


def _left_out(name: str, type_name: str) -> tuple[str, ...]:
    """What of a body an account must not say."""
    if name in ADMINISTRATORS:
        return ()
    of_teams = ("team_id", "to_team_ids") if name.startswith("team") else ()
    return (*(("time",) if type_name in ("submissions", "clarifications") else ()), *of_teams)


def _path(type_name: str, method: str, identifier: str) -> str:
    if type_name in SINGLETONS:
        return BASE if type_name == "contest" else f"{BASE}/{type_name}"
    return f"{BASE}/{type_name}" if method == "POST" else f"{BASE}/{type_name}/{identifier}"


def _mutate(draw: st.DrawFn, body: dict[str, Json], type_name: str) -> None:
    """Take a property away, or give one another value: junk, or an id of something."""
    key = draw(st.sampled_from([*body, draw(st.sampled_from(STRANGE_PROPERTIES))]))
    if draw(st.integers(0, 3)) == 0:
        body.pop(key, None)
        return
    ids = (*KNOWN_IDS, *ACCOUNTS, *map(live, LIVE_TYPES))
    value = draw(st.one_of(st.sampled_from(JUNK), st.sampled_from(ids)))
    body[key] = [value] if draw(st.integers(0, 4)) == 0 else value
    if type_name == "contest":
        # What moves the start or the end would stop the contest under all other attacks.
        body["duration"] = "5:00:00"
        body.pop("start_time", None)

"""The requests of a play: every one is what the specification lets its sender send, with the server's ids."""

import json
from base64 import b64decode
from collections import Counter
from typing import Any

import pytest

from cds.live_play.requests import PlannedRequest, cast_of, configuration_request, live_request
from cds.live_play.script import Key, PlayedChange
from cds.simulation.contest import simulate
from cds.simulation.parameters import SimulationParameters
from schemas.object_types import OBJECT_TYPES, TYPE_OF_ENDPOINT
from tests.cds.live_play.plays import contest, players, script

NOW = "2031-05-17T10:00:00.000Z"

SERVER_SETS = {
    "submissions": {"id", "team_id", "time", "contest_time", "account_id"},
    "judgements": {"id", "current"},
    "runs": {"id"},
    "clarifications": {"id", "from_team_id", "time", "contest_time"},
    "commentary": {"id", "time", "contest_time", "source_id"},
}
"""Typed from the Contest API: what these senders must leave to the server."""


def played() -> list[tuple[PlayedChange, PlannedRequest]]:
    """Every change with its request, while a server numbers what is created in its own way."""
    ids: dict[Key, str] = {}
    found = []
    for number, change in enumerate(script().changes):
        request = live_request(players(), change, ids, NOW)
        assert request is not None, change.key
        found.append((change, request))
        ids.setdefault(change.key, f"s-{number}")
    return found


def body_of(request: PlannedRequest) -> dict[str, Any]:
    decoded: dict[str, Any] = json.loads(request.body)
    return decoded


def test_configuration_is_put_whole_with_files_and_passwords() -> None:
    for type_name, instance in script().configuration:
        request = configuration_request(players(), type_name, instance)
        body = body_of(request)
        assert request.method == "PUT"
        assert request.account_id is None
        assert request.path == ("" if type_name == "contest" else f"/{type_name}/{body['id']}")
        assert OBJECT_TYPES[type_name].required <= body.keys()
        if type_name == "accounts":
            assert body["password"] == contest().passwords[body["id"]]


def test_files_of_the_configuration_are_sent_with_their_bytes() -> None:
    contents = set(contest().contents.values())
    sent = [
        file
        for type_name, instance in script().configuration
        for each in body_of(configuration_request(players(), type_name, instance)).values()
        if isinstance(each, list)
        for file in each
        if isinstance(file, dict) and "filename" in file
    ]
    assert len(sent) == sum(1 for path, _ in contest().package_files() if not path.startswith("submissions/")) + 3
    for file in sent:
        assert b64decode(file["data"], validate=True) in contents
        assert file.keys() == {"data", "filename", "mime"}


def test_nobody_sends_what_the_server_sets() -> None:
    for change, request in played():
        body = body_of(request)
        row = TYPE_OF_ENDPOINT[request.path.split("/")[1]]
        assert row.name == change.key[0]
        assert body.keys() <= set(row.properties) - SERVER_SETS[row.name]
        assert None not in body.values()


def test_teams_submit_and_ask_under_their_own_accounts() -> None:
    account_of = {getattr(a, "team_id", None): getattr(a, "id", "") for a in contest().objects["accounts"]}
    for change, request in played():
        if change.key[0] == "submissions":
            assert request.account_id == account_of[getattr(change.instance, "team_id", None)]
            (file,) = body_of(request)["files"]
            assert b64decode(file["data"], validate=True).startswith(b"PK")
        elif change.key[0] == "clarifications":
            asker = getattr(change.instance, "from_team_id", None)
            assert request.account_id == ("judge1" if asker is None else account_of[asker])
        else:
            assert request.account_id == ("analyst1" if change.key[0] == "commentary" else "judge1")


def test_ids_are_those_of_the_server() -> None:
    """Every id of live data in a body or a path was given by the server before, for the right object."""
    ids: dict[str, Key] = {}
    for number, (change, request) in enumerate(played()):
        body = body_of(request)
        for reference in OBJECT_TYPES[change.key[0]].references:
            if reference.target not in SERVER_SETS or reference.property not in body:
                continue
            named, meant = body[reference.property], getattr(change.instance, reference.property)
            named, meant = (named, meant) if reference.many else ([named], [meant])
            assert [ids[each] for each in named] == [(reference.target, each) for each in meant]
        if request.method == "PATCH":
            assert ids[request.path.split("/")[2]] == change.key
        else:
            ids[f"s-{number}"] = change.key


def test_a_verdict_comes_once_and_after_all_its_runs() -> None:
    verdicts: Counter[str] = Counter()
    for _, request in played():
        body = body_of(request)
        if request.method == "PATCH":
            verdicts[request.path.split("/")[2]] += 1
            assert body["end_time"] == NOW
        elif request.path == "/runs":
            assert verdicts[body["judgement_id"]] == 0
    assert set(verdicts.values()) == {1}
    assert len(verdicts) == len(contest().objects["judgements"])


def test_what_hangs_on_something_refused_is_left_out() -> None:
    refused = next(change.key for change in script().changes if change.key[0] == "submissions")
    ids: dict[Key, str] = {}
    left_out: list[Key] = []
    for change in script().changes:
        if change.key == refused:
            continue
        if live_request(players(), change, ids, NOW) is None:
            left_out.append(change.key)
        else:
            ids[change.key] = change.key[1]
    types = {type_name for type_name, _ in left_out}
    assert {"judgements"} <= types <= {"judgements", "runs", "commentary"}
    assert len(left_out) < len(script().changes) // 10


def test_a_contest_without_accounts_cannot_be_played() -> None:
    with pytest.raises(ValueError, match="accounts"):
        cast_of(simulate(SimulationParameters(teams=2, accounts=False)))

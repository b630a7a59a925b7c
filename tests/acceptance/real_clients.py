"""Programs that read Contest APIs, as strict and as narrow as their own sources: what they stumble over raises.

`IcpcTools` is the contest model of Resolver and presentations with their cache, `Domjudge` the importer of a shadow,
`LiveV3` the overlay. Each is fed lines and comes to what it needs. Nothing of the program under test is used here.
"""

import json
import re
from collections.abc import Iterable, Mapping
from typing import Any, ClassVar

Json = Any
"""What `json.loads` gives."""

TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{3})?([+-]\d\d(:?\d\d)?|Z)")
RELATIVE_TIME = re.compile(r"(-)?(\d+):(\d\d):(\d\d)(?:\.(\d{3}))?")
TIME_PROPERTIES = frozenset(
    {"start_time", "end_time", "time", "scoreboard_thaw_time"}
    | {"started", "frozen", "ended", "thawed", "finalized", "end_of_updates"}
)
RELATIVE_TIME_PROPERTIES = frozenset(
    {"contest_time", "start_contest_time", "end_contest_time", "duration", "countdown_pause_time"}
)
MINUTE_MS = 60_000


class Stumbled(Exception):
    """The client cannot go on: in the wild it would show nothing, or something wrong."""


def milliseconds(relative_time: str) -> int:
    """A RELTIME in milliseconds. Raises Stumbled."""
    match = RELATIVE_TIME.fullmatch(relative_time)
    if match is None:
        raise Stumbled(f"cannot read the time {relative_time}")
    sign, hours, minutes, seconds, fraction = match.groups(default="0")
    amount = ((int(hours) * 60 + int(minutes)) * 60 + int(seconds)) * 1000 + int(fraction)
    return -amount if sign == "-" else amount


def _demand(instance: Json, what: str, *properties: str) -> None:
    missing = [name for name in properties if instance.get(name) is None]
    if missing:
        raise Stumbled(f"{what} {instance.get('id')} has no {', '.join(missing)}")


class IcpcTools:
    """The contest model: everything it has heard, kept by type and id, resumable with the last token."""

    REFERENCES = (
        ("teams", "organization_id", "organizations"),
        ("teams", "group_ids", "groups"),
        ("submissions", "team_id", "teams"),
        ("submissions", "problem_id", "problems"),
        ("submissions", "language_id", "languages"),
        ("judgements", "submission_id", "submissions"),
        ("judgements", "judgement_type_id", "judgement-types"),
        ("runs", "judgement_id", "judgements"),
        ("awards", "team_ids", "teams"),
    )

    def __init__(self) -> None:
        """An empty cache."""
        self.objects: dict[str, dict[str | None, Json]] = {}
        self.token: str | None = None
        self.replaced: list[str] = []

    def read(self, lines: Iterable[bytes]) -> None:
        """Take lines in, blank ones too. Raises Stumbled."""
        for line in lines:
            if line.strip():
                self._take(json.loads(line))

    @property
    def state(self) -> Json:
        """The last state, empty before the first."""
        return self.objects.get("state", {}).get(None, {})

    @property
    def is_outage(self) -> bool:
        """Whether an end of the stream here makes it connect again."""
        return self.state.get("end_of_updates") is None

    def check_resolvable(self) -> None:
        """What the Resolver looks at before it begins. Raises Stumbled."""
        if self.state.get("finalized") is None:
            raise Stumbled("the contest is not final")
        length_ms = milliseconds(self.objects["contest"][None]["duration"])
        judged = {
            each["submission_id"] for each in self.objects["judgements"].values() if each.get("judgement_type_id")
        }
        for identifier, each in self.objects["submissions"].items():
            if identifier not in judged and 0 <= milliseconds(each["contest_time"]) < length_ms:
                raise Stumbled(f"submission {identifier} has not been judged")
        self.check_references()

    def check_references(self) -> None:
        """Every reference leads somewhere. Raises Stumbled."""
        for name, property_name, target in self.REFERENCES:
            known = self.objects.get(target, {})
            for instance in self.objects.get(name, {}).values():
                value = instance.get(property_name)
                for named in value if isinstance(value, list) else [value]:
                    if named is not None and named not in known:
                        raise Stumbled(f"{name} {instance['id']}: {property_name} {named} is unknown")

    def pictures(self) -> list[Json]:
        """The references that it downloads: logos of organizations, photos of teams, banner and logo of the contest."""
        wanted = (("organizations", "logo"), ("teams", "photo"), ("contest", "banner"), ("contest", "logo"))
        return [
            reference
            for name, property_name in wanted
            for instance in self.objects.get(name, {}).values()
            for reference in instance.get(property_name) or ()
        ]

    def _take(self, notification: Json) -> None:
        name, identifier, data = notification["type"], notification["id"], notification["data"]
        members = self.objects.setdefault(name, {})
        if isinstance(data, list):
            self.replaced.append(name)
            members.clear()
            members.update({each["id"]: each for each in data})
        elif data is None:
            members.pop(identifier, None)
        else:
            self._check_times(data)
            members[identifier] = data
        self.token = notification.get("token", self.token)

    def _check_times(self, data: Json) -> None:
        for name, value in data.items():
            if value is None:
                continue
            if name in TIME_PROPERTIES and TIME.fullmatch(value) is None:
                raise Stumbled(f"cannot read the time {value}")
            if name in RELATIVE_TIME_PROPERTIES:
                milliseconds(value)


class Domjudge:
    """The importer of a shadow; it speaks 2023-06 and stops at a type of which it has not heard."""

    TYPES = frozenset(
        {"contest", "judgement-types", "languages", "groups", "organizations", "problems", "teams", "persons"}
        | {"accounts", "state", "submissions", "judgements", "runs", "clarifications", "awards"}
    )
    NEEDED: ClassVar[Mapping[str, tuple[str, ...]]] = {
        "contest": ("id", "name", "duration", "penalty_time"),
        "problems": ("id", "name"),
        "teams": ("id", "name"),
        "submissions": ("id", "language_id", "problem_id", "team_id", "time", "contest_time"),
        "judgements": ("id", "start_time", "submission_id", "start_contest_time"),
        "runs": ("id", "judgement_id", "ordinal", "contest_time"),
    }
    NEEDED_FIRST = (
        ("submissions", "team_id", "teams"),
        ("submissions", "problem_id", "problems"),
        ("submissions", "language_id", "languages"),
        ("judgements", "submission_id", "submissions"),
        ("runs", "judgement_id", "judgements"),
    )

    def __init__(self) -> None:
        """Nothing imported."""
        self.imported: dict[str, dict[str, Json]] = {}
        self.token: str | None = None

    @property
    def query(self) -> str:
        """What it asks for: the same place under both names."""
        return "" if self.token is None else f"?since_id={self.token}&since_token={self.token}"

    def read(self, lines: Iterable[bytes]) -> None:
        """Take lines in. Raises Stumbled."""
        for line in lines:
            if line.strip():
                notification = json.loads(line)
                self._take(notification["type"], notification["id"], notification["data"])
                self.token = notification["token"]

    def archives(self) -> list[Json]:
        """The reference to the source of every submission that has one; without one it warns and goes on."""
        return [each["files"][0] for each in self.imported.get("submissions", {}).values() if each.get("files")]

    def _take(self, name: str, identifier: str | None, data: Json) -> None:
        if name not in self.TYPES:
            raise Stumbled(f"cannot import {name}")
        members = self.imported.setdefault(name, {})
        if data is None:
            members.pop(str(identifier), None)
            return
        _demand(data, name, *self.NEEDED.get(name, ()))
        if name == "contest" and type(data["penalty_time"]) is not int:
            raise Stumbled(f"penalty_time {data['penalty_time']!r} is no integer")
        if name == "submissions":
            self._check_source(data)
        for where, property_name, target in self.NEEDED_FIRST:
            if name == where and data[property_name] not in self.imported.get(target, {}):
                raise Stumbled(f"{name} {identifier} names {target} {data[property_name]}, which have not come")
        members[str(identifier)] = data

    def _check_source(self, submission: Json) -> None:
        for reference in (submission.get("files") or ())[:1]:
            if reference["href"].startswith("/") or reference.get("mime", "application/zip") != "application/zip":
                raise Stumbled(f"cannot fetch the source of submission {submission['id']} from {reference}")


class LiveV3:
    """The overlay: it drops what bears a token that it has seen, and never resumes."""

    NEEDED: ClassVar[Mapping[str, tuple[str, ...]]] = {
        "contest": ("duration",),
        "submissions": ("problem_id", "contest_time"),
        "runs": ("time",),
        "problems": ("ordinal", "label", "name"),
        "teams": ("name",),
        "languages": ("extensions",),
    }
    VERDICTS: ClassVar[Mapping[str, str]] = {"RTE": "RE", "TLE": "TL"}
    """What it calls by another name."""

    def __init__(self, version: str = "2023-06") -> None:
        """Nothing read; a version newer than 2023-06 has no contest times on judgements."""
        self.objects: dict[str, dict[str | None, Json]] = {}
        self.taken = 0
        self.dropped = 0
        self._judgements_need = ("start_time", "start_contest_time") if version == "2023-06" else ("start_time",)
        self._tokens: set[str] = set()

    def read(self, lines: Iterable[bytes]) -> None:
        """Take the lines of one connection in, from the beginning of the feed. Raises Stumbled."""
        for line in lines:
            if not line.strip():
                continue
            notification = json.loads(line)
            if notification["token"] in self._tokens:
                self.dropped += 1
                continue
            self._tokens.add(notification["token"])
            self.taken += 1
            self._take(notification["type"], notification["id"], notification["data"])

    def attempts(self) -> dict[str, Json]:
        """Of each submission: whose, what, when in ms of contest time, its verdict, and when that came, in the same."""
        verdicts: dict[str, tuple[str, int]] = {}
        for judgement in self.objects["judgements"].values():
            verdict = judgement.get("judgement_type_id")
            if verdict is not None:
                name, ended_ms = self.VERDICTS.get(verdict, verdict), milliseconds(judgement["end_contest_time"])
                verdicts[judgement["submission_id"]] = (name, ended_ms)
        return {
            str(identifier): (
                each["team_id"],
                each["problem_id"],
                each["language_id"],
                milliseconds(each["contest_time"]),
                *verdicts.get(str(identifier), (None, None)),
            )
            for identifier, each in self.objects["submissions"].items()
        }

    def check_over(self) -> None:
        """Once the updates have ended, it wants to know when the contest began and ended. Raises Stumbled."""
        state = self.objects["state"][None]
        if state["end_of_updates"]:
            _demand(state, "state", "started", "ended")

    def _take(self, name: str, identifier: str | None, data: Json) -> None:
        members = self.objects.setdefault(name, {})
        if data is None:
            members.pop(identifier, None)
            return
        _demand(data, name, *(self._judgements_need if name == "judgements" else self.NEEDED.get(name, ())))
        members[identifier] = data

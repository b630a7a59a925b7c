"""The contests that are passed on from server to server: recorded ones, and a simulated one with files and accounts.

Each is a recording for an upstream, and beside it what an import of the same comes to. This module must not know who
follows whom.
"""

import json
from pathlib import Path

import msgspec

from cds.packages.contents import ContestContents
from cds.packages.reading import read_contest
from cds.simulation.contest import SimulatedContest, simulate
from cds.simulation.parameters import SimulationParameters
from schemas.object_types import OBJECT_TYPES
from tests.cds.contest_api.real_contests import DATA
from tests.cds.contest_api.serving import Login, quick_hash
from tests.upstream_server.recording import Recording, ServedFile, notification_of, recording_of

RECORDED = {
    "swerc": "swerc-2022/event-feed.ndjson",
    "csus": "csus-f2019/eventfeed.ndjson",
    "csus-merged": "csus-f2019/clicsMergedEventFeed.ndjson",
    "wf44": "wf44-2020/event-feed-2026-01.ndjson",
    "wf44-2023": "wf44-2020/event-feed-2023-06.ndjson",
    "wf44-public": "wf44-2020/event-feed-public.ndjson",
    "roi": "roi-2021-mini/event-feed-2023-06.ndjson",
    "pc2": "pc2-example/event-feed.ndjson",
    "mini": "spec-2026-01-mini/event-feed.ndjson",
}
"""Contest id here → where the feed is below ../shared/data."""

SIMULATED = SimulationParameters(
    contest_id="simulated",
    name="Wettbewerb zu Zürich",
    seed=5,
    teams=8,
    problems=3,
    groups=2,
    submissions=50,
    runs_per_judgement=3,
    photos=True,
)

TEAMS_WITH_ACCOUNT = 2
FEED_FILE = "event-feed.ndjson"


class Chained(msgspec.Struct, frozen=True, kw_only=True):
    """One contest: what an upstream says, where the same can be imported from, and how some of its teams log in."""

    contest_id: str
    recording: Recording
    importable: Path
    team_logins: tuple[Login, ...]

    @property
    def contents(self) -> ContestContents:
        """What an import reads."""
        return read_contest(self.importable, contest_id=self.contest_id)


def recorded(contest_id: str, room: Path, *, whole: bool) -> Chained:
    """A recorded contest, with accounts for some of its teams told just before its last line.

    Unless it is to be `whole`, its submissions name no files: nobody has those, and to ask in vain for thousands of
    them takes long.
    """
    recording = recording_of(DATA / RECORDED[contest_id]).spelled_out()
    if not whole:
        recording = recording.without("submissions", "files")
    *before, last = recording.lines
    dated = notification_of(last) or {}
    logins = tuple((f"{team_id}@{contest_id}"[:36], f"password of {team_id}") for team_id in _busy_teams(recording))
    told = [_account_line(number, login, events="op" in dated) for number, login in enumerate(logins)]
    amended = msgspec.structs.replace(recording, lines=(*before, *told, last))
    importable = room / f"{contest_id}.ndjson"
    importable.write_bytes(_feed(amended))
    return Chained(contest_id=contest_id, recording=amended, importable=importable, team_logins=logins)


def simulated(room: Path, parameters: SimulationParameters = SIMULATED) -> Chained:
    """A simulated contest as it happened, from its configuration to the end of its updates, with its files."""
    contest = simulate(parameters)
    files = contest.files
    lines = _told(contest)
    recording = Recording(
        contest.contest_id,
        tuple(lines),
        {f"contests/{contest.contest_id}/{path}": ServedFile(content, _mime(path)) for path, content in files.items()},
    )
    package = room / contest.contest_id
    for path, content in files.items():
        (package / path).parent.mkdir(parents=True, exist_ok=True)
        (package / path).write_bytes(content)
    (package / FEED_FILE).write_bytes(_feed(recording))
    logins = tuple(
        (account["username"], contest.passwords[account["id"]])
        for account in map(msgspec.to_builtins, contest.objects["accounts"])
        if account["type"] == "team"
    )[:TEAMS_WITH_ACCOUNT]
    return Chained(contest_id=contest.contest_id, recording=recording, importable=package, team_logins=logins)


def _told(contest: SimulatedContest) -> list[bytes]:
    """The history of a simulated contest as today's version tells it, passwords and references to files included."""
    lines = []
    hashes = {account_id: quick_hash(password) for account_id, password in contest.passwords.items()}
    for number, change in enumerate(contest.timeline()):
        data = None if change.instance is None else msgspec.to_builtins(change.instance)
        if data is not None:
            row = OBJECT_TYPES[change.type]
            for files in row.file_properties:
                for reference in data.get(files.property) or ():
                    if reference.pop("content", None) is not None:
                        path = row.package_path(change.id, reference["filename"])
                        reference["href"] = f"contests/{contest.contest_id}/{path}"
            if change.id in hashes and change.type == "accounts":
                data["password"] = hashes[change.id]
        said = {"type": change.type, "id": change.id or None, "data": data, "token": f"s{number}"}
        lines.append(json.dumps(said, ensure_ascii=False, separators=(",", ":")).encode())
    return lines


def _busy_teams(recording: Recording) -> list[str]:
    submissions = [
        notification["data"]
        for line in recording.lines
        if (notification := notification_of(line)) and notification["type"] == "submissions" and notification["data"]
    ]
    team_ids = dict.fromkeys(str(each["team_id"]) for each in submissions if each.get("team_id") is not None)
    return list(team_ids)[:TEAMS_WITH_ACCOUNT]


def _account_line(number: int, login: Login, *, events: bool) -> bytes:
    username, password = login
    account = {
        "id": f"team-account-{number}",
        "username": username,
        "type": "team",
        "team_id": password.removeprefix("password of "),
        "password": quick_hash(password),
    }
    around: dict[str, object] = {"id": account["id"], "token": f"account-token-{number}"}
    if events:
        around = {"id": f"account-event-{number}", "op": "create"}
    return json.dumps({"type": "accounts", "data": account, **around}).encode()


def _feed(recording: Recording) -> bytes:
    return b"".join(line + b"\n" for line in recording.lines)


def _mime(path: str) -> str:
    suffixes = {"png": "image/png", "jpg": "image/jpeg", "svg": "image/svg+xml", "zip": "application/zip"}
    return suffixes.get(path.rpartition(".")[2], "application/octet-stream")

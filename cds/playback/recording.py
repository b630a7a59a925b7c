"""What is to be played: the history of a contest of the log, or of a package or feed file.

This module reads. It must not know how a history is played.
"""

import asyncio
import hashlib
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path

import msgspec

from cds.commands.decision import ObjectChange, Refused
from cds.importing import fold_stream
from cds.live_contest import PAGE_EVENTS, STREAM_PREFIX, decoded, stream_of
from cds.packages.contents import PackageFile
from cds.packages.reading import read_contest
from cds.progress import Report
from eventstore.store import EventStore
from schemas.records import ORDINARY_PACE_PERMILLE, RECORD_TYPES


class Recording(msgspec.Struct, frozen=True, kw_only=True):
    """A contest to be played: what it is called, its history, and what belongs to it outside of that.

    `passwords` are by account id, plain or as hashes. `files` are those that the store may not have yet, by address.
    `pace_permille` is the pace at which the contest itself went on.
    """

    contest_id: str
    source: str
    changes: Sequence[ObjectChange]
    passwords: Mapping[str, str]
    files: Mapping[str, PackageFile]
    pace_permille: int = ORDINARY_PACE_PERMILLE

    def digest(self, changes: int) -> str:
        """The SHA-256 of its first so many changes, in hex."""
        summed, encoder = hashlib.sha256(), msgspec.json.Encoder()
        for change in self.changes[:changes]:
            summed.update(encoder.encode((change.type, change.id, change.instance)))
            summed.update(b"\n")
        return summed.hexdigest()

    def beginning(self, changes: int) -> "Recording":
        """The same with its first so many changes alone."""
        return msgspec.structs.replace(self, changes=self.changes[:changes])


def file_of(source: str) -> Path | None:
    """The package or feed file that a text names, None for a contest of the log (`ID`, or `contest:ID`)."""
    path = Path(source)
    return path if not source.startswith(STREAM_PREFIX) and path.exists() else None


async def recording_of_file(path: Path, report: Report) -> Recording:
    """What a package or feed file tells. Raises SourceRefused."""
    contents = await asyncio.to_thread(read_contest, path, progress=partial(report, "reading"))
    return Recording(
        contest_id=contents.contest_id,
        source=path.name,
        changes=[ObjectChange(change.type, change.id, change.instance) for change in contents.changes],
        passwords={account_id: password for account_id, password in contents.passwords.items() if password},
        files=contents.files,
    )


async def recording_of_log(store: EventStore, contest_id: str) -> Recording:
    """What the log tells of a contest so far. Raises Refused when there is none, and what the store raises."""
    stream = stream_of(contest_id)
    changes: list[ObjectChange] = []
    position = 0
    while page := await store.read(stream, position, PAGE_EVENTS):
        changes += [ObjectChange(e.type, e.id, decoded(e)) for e in page if e.type not in RECORD_TYPES]
        position = page[-1].position
    state = await fold_stream(store, stream)
    if state.contest is None:
        raise Refused(f"there is no contest {contest_id} in the log, and no such file", ground="unknown")
    hashes = await store.credentials(stream)
    barred = {account_id for account_id, login in state.logins.items() if login.disabled}
    return Recording(
        contest_id=contest_id,
        source=f"{STREAM_PREFIX}{contest_id}",
        changes=changes,
        passwords={account_id: hashed for account_id, hashed in hashes.items() if account_id not in barred},
        files={},
        pace_permille=state.settings.pace_permille,
    )

"""Import: a contest that was read becomes events, in one transaction, or nothing at all.

A contest that is new to the log gets the history that the source tells; one that is there already is reconciled
with the source, so importing the same thing twice adds nothing. This module must not know the formats of sources.
"""

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import cast

import msgspec
from argon2 import extract_parameters
from argon2.exceptions import InvalidHashError

from cds.commands.accounts import login_change, login_erased
from cds.commands.decision import ObjectChange, Refused
from cds.commands.kept_starts import ACCOUNTS, with_starts_kept
from cds.commands.matches.belonging import is_of_match, refuse_change_of_match, refuse_match_id
from cds.commands.platform_objects import record_id, taken_over
from cds.commands.properties import refuse_reserved
from cds.commands.reconcile import Objects, decide_reconcile
from cds.live_contest import ATTEMPTS_MAX, PAGE_EVENTS, Circumstances, Contended, decoded, stream_of
from cds.packages.contents import ContestContents, PackageFile
from cds.passwords import HASHING_THREADS, PHC_PREFIX, matches, password_hash
from eventstore.store import Append, Credential, EventStore, NewEvent
from projections.award_rules import named_kind
from projections.contest import ContestState
from schemas.object_types import SINGLETON_ID
from schemas.objects import Award, Contest, ContestObject
from schemas.records import PLATFORM_OBJECTS

HASH_MEMORY_KIB_MAX = 256 * 1024
HASH_PASSES_MAX = 8
"""What a password hash that comes from outside may cost at every login."""

TIMES_RUN_HERE = (
    "start_time",
    "countdown_pause_time",
    "duration",
    "scoreboard_freeze_duration",
    "scoreboard_thaw_time",
)
"""What an import leaves alone of a contest whose clock this server is."""

ACTOR = "import"
OTHER_ID = "give it another one (--contest-id)"

Progress = Callable[[str, int, int | None], None]
"""Told what is being done, how many of how many (None: unknown)."""


class Imported(msgspec.Struct, frozen=True, kw_only=True):
    """What an import came to. `run_here`: this server runs the contest, so its state and times were left alone."""

    contest_id: str
    events: int
    position: int
    files: int
    passwords: int
    run_here: bool = False


async def import_contest(
    store: EventStore,
    contents: ContestContents,
    *,
    cause: str,
    circumstances: Circumstances,
    progress: Progress,
    stream: str | None = None,
) -> Imported:
    """Write what was read, into the stream of the contest unless another one is given.

    Raises Refused when the contest may not change so, and what the store raises.
    """
    if stream is None:
        refuse_reserved(contents.contest_id)
        stream = stream_of(contents.contest_id)
    state = await fold_stream(store, stream)
    if state.contest is None and stream == stream_of(contents.contest_id) and not is_of_match(state):
        refuse_match_id(contents.contest_id, OTHER_ID)
    changes = await _decided(store, stream, state, contents)
    files = await put_files(store, contents.files, progress)
    hashed = await hashed_credentials(store, stream, contents.passwords, progress)
    for _ in range(ATTEMPTS_MAX):
        events = encoded_events([*changes, *counted_passwords(state, hashed)])
        credentials = [*erased(stream, changes), *hashed]
        position = state.position
        if events or credentials:
            progress("writing events", 0, len(events))
            head = await store.append(
                Append(
                    stream=stream,
                    expected_position=state.position,
                    events=events,
                    credentials=credentials,
                    actor=ACTOR,
                    cause=cause,
                    batch_id=circumstances.batch_id(),
                    recorded_at_us=circumstances.now_us(),
                )
            )
            progress("writing events", len(events), len(events))
            if head is None:
                state = await fold_stream(store, stream)
                changes = await _decided(store, stream, state, contents)
                continue
            position = head.position
        return Imported(
            contest_id=contents.contest_id,
            events=len(events),
            position=position,
            files=files,
            passwords=len(hashed),
            run_here=state.settings.clock,
        )
    raise Contended(f"{stream} was written by others {ATTEMPTS_MAX} times in a row")


async def _decided(
    store: EventStore, stream: str, state: ContestState, contents: ContestContents
) -> Sequence[ObjectChange]:
    """See decide_import; where it is written down here whose the objects are, what the source says of it is not."""
    position = state.versions.get((PLATFORM_OBJECTS, record_id(1)))
    if position is not None:
        (first,) = await store.read(stream, position - 1, 1)
        if decoded(first) is not None:
            contents = msgspec.structs.replace(contents, platform_objects=None)
    changes = decide_import(state, contents)
    refuse_change_of_match(state, ACTOR, changes)
    return changes


def decide_import(state: ContestState, contents: ContestContents) -> Sequence[ObjectChange]:
    """The changes that an import makes to a contest in this state. Raises Refused."""
    records = taken_over(contents.platform_objects, contents.final)
    if state.position == 0:
        return [*(ObjectChange(change.type, change.id, change.instance) for change in contents.changes), *records]
    changes = decide_alignment(state, _with_starts_kept(state, contents.final), contents.spoken_of)
    gone = [change.id for change in changes if change.type == ACCOUNTS and change.instance is None]
    return [*(login_erased(account_id) for account_id in gone), *changes, *records]


def _with_starts_kept(state: ContestState, wanted: Objects) -> Objects:
    """The same, with the windows that participants have begun here."""
    return {**wanted, ACCOUNTS: with_starts_kept(state, wanted[ACCOUNTS])} if ACCOUNTS in wanted else wanted


def decide_alignment(state: ContestState, wanted: Objects, spoken_of: Iterable[str]) -> Sequence[ObjectChange]:
    """The changes that make a contest equal to what its source has, but for what this server runs. Raises Refused."""
    return decide_reconcile(state, _without_what_is_run_here(state, wanted), _spoken_of(state, spoken_of))


def _spoken_of(state: ContestState, told: Iterable[str]) -> list[str]:
    """The types that a source may change: not the state of a contest that this server runs, nor awards it keeps."""
    spoken_of = {name for name in told if name != "state" or not state.settings.clock}
    # The awards that are kept here let go of teams that the source no longer has.
    return [*spoken_of, *({"awards"} - spoken_of if state.settings.awards.computed and "teams" in spoken_of else ())]


def _without_what_is_run_here(state: ContestState, wanted: Objects) -> Objects:
    """The same, with the times of a contest that this server runs as they are here: a package knows the plan alone."""
    if state.settings.awards.computed:
        wanted = {**wanted, "awards": _awards_with_those_kept_here(state, wanted)}
    planned, present = wanted.get("contest", {}).get(SINGLETON_ID), state.contest
    if not state.settings.clock or not isinstance(planned, Contest) or present is None:
        return wanted
    times = {name: getattr(present, name) for name in TIMES_RUN_HERE}
    return {**wanted, "contest": {SINGLETON_ID: msgspec.structs.replace(planned, **times)}}


def encoded_events(changes: Sequence[ObjectChange]) -> list[NewEvent]:
    """Changes as events: the object after the change as canonical JSON."""
    encode = msgspec.json.Encoder().encode
    return [
        NewEvent(
            type=change.type,
            id=change.id,
            data=None if change.instance is None else encode(change.instance),
        )
        for change in changes
    ]


async def fold_stream(store: EventStore, stream: str) -> ContestState:
    """The state at the end of a stream."""
    state = ContestState()
    while True:
        page = await store.read(stream, state.position, PAGE_EVENTS)
        for event in page:
            state.apply(event.position, event.type, event.id, decoded(event))
        if len(page) < PAGE_EVENTS:
            return state


def erased(stream: str, changes: Sequence[ObjectChange]) -> list[Credential]:
    """A password goes with its account, so that it does not come back when the id is used again."""
    return [
        Credential(scope=stream, account_id=change.id, password_hash=None)
        for change in changes
        if change.type == "accounts" and change.instance is None
    ]


def counted_passwords(state: ContestState, hashed: Sequence[Credential]) -> list[ObjectChange]:
    """A new password of an account that was there counts at once: who logged in with the old one is out."""
    return [
        change
        for credential in hashed
        if credential.account_id in state.objects["accounts"]
        for change in login_change(state, credential.account_id, new_password=True, disabled=None)
    ]


def _awards_with_those_kept_here(state: ContestState, wanted: Objects) -> dict[str, ContestObject]:
    """The source's own awards, all that are here where it says nothing of any, and those that this server keeps."""
    own = {i: award for i, award in wanted.get("awards", {}).items() if named_kind(state, i) is None}
    present = cast("Mapping[str, Award]", state.objects["awards"])
    kept = {i: award for i, award in present.items() if named_kind(state, i) is not None or "awards" not in wanted}
    teams = wanted.get("teams", state.objects["teams"])
    return own | {
        i: msgspec.structs.replace(award, team_ids=[team_id for team_id in award.team_ids if team_id in teams])
        if award.team_ids is not None
        else award
        for i, award in kept.items()
    }


async def put_files(store: EventStore, files: Mapping[str, PackageFile], progress: Progress) -> int:
    """Keep the bytes of files that the store does not have; they are addressed by hash, so order does not matter."""
    put = 0
    for number, (address, file) in enumerate(files.items(), start=1):
        if await store.file_size_bytes(address) is None:
            await store.put_file(await asyncio.to_thread(file.read))
            put += 1
        progress("keeping files", number, len(files))
    return put


async def hashed_credentials(
    store: EventStore, stream: str, said: Mapping[str, str], progress: Progress
) -> list[Credential]:
    """Hashes of the passwords that are new or different, of those that are said by account id. Raises Refused."""
    # An empty password is none: with it nobody logs in.
    passwords = {account_id: password for account_id, password in said.items() if password}
    for account_id, password in passwords.items():
        refuse_costly_hash(account_id, password)
    known = await store.credentials(stream)
    loop = asyncio.get_running_loop()
    found = []
    with ThreadPoolExecutor(HASHING_THREADS) as threads:
        hashings = [
            loop.run_in_executor(threads, _new_hash, known.get(account_id), password)
            for account_id, password in passwords.items()
        ]
        for number, (account_id, hashing) in enumerate(zip(passwords, hashings, strict=True), start=1):
            hashed = await hashing
            if hashed is not None:
                found.append(Credential(scope=stream, account_id=account_id, password_hash=hashed))
            progress("hashing passwords", number, len(hashings))
    return found


def refuse_costly_hash(account_id: str, password: str) -> None:
    """Raise Refused for a hash that would take the server too long, or too much memory, at every login."""
    if not password.startswith(PHC_PREFIX):
        return
    try:
        parameters = extract_parameters(password)
    except InvalidHashError:
        raise Refused(f"accounts/{account_id} password: is not an argon2 hash that can be read", "password") from None
    if parameters.memory_cost > HASH_MEMORY_KIB_MAX or parameters.time_cost > HASH_PASSES_MAX:
        raise Refused(
            f"accounts/{account_id} password: the hash takes {parameters.memory_cost} KiB and {parameters.time_cost} "
            f"passes; at most {HASH_MEMORY_KIB_MAX} KiB and {HASH_PASSES_MAX} passes are accepted",
            "password",
        )


def _new_hash(known: str | None, password: str) -> str | None:
    """The hash to keep, None when the known one is good."""
    if known is not None and (known == password or (not password.startswith(PHC_PREFIX) and matches(known, password))):
        return None
    return password_hash(password)

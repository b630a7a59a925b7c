"""A contest replayed from the first row of its log, and what is kept of it held against that.

Neither a checkpoint nor a snapshot is begun with, whatever it says of itself. This module must not know how rows are
verified, nor who asks.
"""

from collections.abc import Awaitable, Callable, Collection, Iterator, Sequence
from functools import partial
from random import SystemRandom
from typing import Self

import asyncpg
import msgspec

from cds.checkpoints import Contents, Entry, fingerprint
from cds.live_contest import LiveContest
from cds.verifying.kept_parts import KeptNoMore, KeptParts
from cds.verifying.work import Outcome, Share
from eventstore.connecting import one_line
from eventstore.postgres import PostgresStore
from eventstore.store import Checkpoint, Event, StoreUnavailable
from eventstore.verifying import DAMAGES, Difference, stream_named
from eventstore.verifying_checkpoints import CHECKPOINT, SNAPSHOT, KeptOfStream, kept_of_stream, part_content
from projections.tokens import TokenMaker
from schemas.viewers import ROLES, Role

UNREADABLE = "unreadable"
"""The kind of difference of an event that cannot be read or folded."""

SNAPSHOT_OBJECTS_MAX = 1_000_000
"""Objects that are packed, at most, to hold snapshots of one stream against a replay; the last one is in any case."""

_contents_decoder = msgspec.msgpack.Decoder(Contents)
_CHANCE = SystemRandom()
_state_decoder = msgspec.msgpack.Decoder(list[Entry])


Wanted = dict[int, list[tuple[KeptOfStream, Contents]]]
"""What is held against a replay, by position."""


class LogUpTo(PostgresStore):
    """The log up to a position that is moved on, as if there were neither checkpoints nor anybody else."""

    end = 0
    progress: Callable[[int], None] = staticmethod(lambda _: None)

    @classmethod
    async def opened(cls, dsn: str) -> Self:
        """For reading; the database is left as it is. It connects when it first reads."""
        store = cls(dsn, announce=False)
        store._beside = True
        await store._connections.open_pool()
        return store

    async def read(self, stream: str, after: int, limit: int) -> list[Event]:
        """As PostgresStore.read, up to `end`."""
        if after >= self.end:
            return []
        events = await super().read(stream, after, min(limit, self.end - after))
        self.progress(len(events))
        return events

    async def checkpoint(self, stream: str) -> Checkpoint | None:  # noqa: ARG002 - as the store has it
        """None."""
        return None


async def unreadable(stream: str, folding: Awaitable[None], position: Callable[[], int]) -> Difference | None:
    """Fold a stream; the difference where it cannot be read, or folded, behind the `position` then.

    Raises what the store raises.
    """
    where = stream_named(stream)
    try:
        await folding
    except (StoreUnavailable, OSError):
        raise
    except DAMAGES as damage:
        return Difference(kind=UNREADABLE, where=where, told=f"it could not be replayed: {one_line(damage)}")
    except Exception as failure:  # noqa: BLE001 - told of as a difference: no event may make a replay fail
        told = f"the log cannot be replayed: {one_line(failure)}"
        return Difference(kind=UNREADABLE, where=where, position=position() + 1, told=told)
    return None


class ReplayChecker:
    """Replays one stream of a contest and holds against it what is kept of it."""

    def __init__(
        self,
        connection: asyncpg.Connection,
        log: LogUpTo,
        tokens: TokenMaker,
        stream: str,
        *,
        share: Share = "all",
        thorough: bool = False,
    ) -> None:
        """`connection` is for what is kept, `log` for what is replayed.

        `share`: what is compared; feeds alone are compared where somebody else does all the rest. `thorough`: all
        snapshots are compared.
        """
        self._share = share
        self._thorough = thorough
        self._connection = connection
        self._log = log
        self._tokens = tokens
        self._stream = stream
        self._differences: list[Difference] = []
        self._notes: list[str] = []
        self._compared = {CHECKPOINT: 0, SNAPSHOT: 0}
        self._strange = {CHECKPOINT: 0, SNAPSHOT: 0}

    async def check(self, end: int) -> Outcome:
        """Replay up to `end`, and further where a checkpoint stands behind it by now. Raises what the store raises."""
        wanted, feeds_alone = await self._wanted(), self._share == "feeds"
        if feeds_alone and not wanted:
            return Outcome()
        contest = LiveContest(
            "verified", self._log, self._tokens, stream=self._stream, eager_roles=self._replayed_roles(wanted)
        )
        for position in sorted(wanted if feeds_alone else {*wanted, end}):
            if not await self._replayed(contest, position):
                break
            for kept, contents in wanted.get(position, ()):
                await self._compare(contest, kept, contents)
        if feeds_alone:
            return Outcome(differences=self._differences, notes=self._notes)
        await self._note_credentials(contest)
        return Outcome(
            differences=self._differences,
            notes=self._notes,
            checkpoints=self._compared[CHECKPOINT],
            snapshots=self._compared[SNAPSHOT],
        )

    async def _wanted(self) -> Wanted:
        """What is compared, by position."""
        wanted: Wanted = {}
        for kind in (CHECKPOINT,) if self._share == "feeds" else (CHECKPOINT, SNAPSHOT):
            try:
                kept = await kept_of_stream(self._connection, self._stream, kind)
            except DAMAGES as damage:
                self._add(kind, None, f"what is kept as {kind} cannot be read: {one_line(damage)}")
                continue
            found = {each.position: self._contents(kept, each) for each in kept.checkpoints}
            if count := self._strange[kind]:
                them = f"one {kind} was" if count == 1 else f"{count} {kind}s were"
                self._note(f"{them} made by another program, or under another key: nobody takes that")
            right = {position: contents for position, contents in found.items() if contents is not None}
            for position in self._compared_of(kind, list(right)):
                wanted.setdefault(position, []).append((kept, right[position]))
        if self._share == "feeds":
            # Whoever compares the state tells of what is wrong with the lists of parts.
            self._differences.clear()
            self._notes.clear()
        return wanted

    def _replayed_roles(self, wanted: Wanted) -> list[Role]:
        """The roles whose feeds are compared, in their order."""
        if self._share == "state":
            return []
        found = (contents.audiences for of_position in wanted.values() for _, contents in of_position)
        held = {role for audiences in found for role in audiences}
        return [role for role in ROLES if role in held]

    def _compared_of(self, kind: str, positions: Sequence[int]) -> Collection[int]:
        """Those that are held against the replay: the last, and by chance as many others as do not take too long."""
        if kind != SNAPSHOT or self._thorough or not positions:
            return positions
        *others, last = sorted(positions)
        chosen, objects = {last}, last
        for position in _CHANCE.sample(others, len(others)):
            objects += position
            if objects > SNAPSHOT_OBJECTS_MAX:
                break
            chosen.add(position)
        if len(chosen) < len(positions):
            self._note(
                f"of {len(positions)} snapshots, all with parts as they were written, {len(chosen)} were held against "
                "a replay (--thorough: all)"
            )
        return chosen

    async def _replayed(self, contest: LiveContest, position: int) -> bool:
        """Bring the contest there; whether that went well."""
        self._log.end = position
        found = await unreadable(self._stream, contest.catch_up(), lambda: contest.position)
        if found is not None:
            self._differences.append(found)
            return False
        # A log that ends earlier has lost rows, and whoever follows the rows tells of that.
        return contest.position == position

    def _contents(self, kept: KeptOfStream, checkpoint: Checkpoint) -> Contents | None:
        """The list of contents of a checkpoint that counts and is as it was written; None for any other."""
        position, kind = checkpoint.position, kept.kind
        if kept.chains.get(position) != checkpoint.chain:
            wrong = "the log has another chain value there" if position in kept.chains else "the log does not go so far"
            self._add(kind, position, f"the {kind} stands at {position}, and {wrong}")
            return None
        if checkpoint.fingerprint != fingerprint(self._tokens):
            self._strange[kind] += 1
            return None
        contents = _decoded_contents(kept, checkpoint)
        names = dict(_names(contents)) if contents is not None else {}
        for number, address in enumerate(checkpoint.parts, 1):
            if address not in kept.sound:
                wrong = "was altered" if address in kept.altered else "is missing"
                named = names.get(address, "contents" if number == 1 else "unknown")
                self._add(kind, position, f"part {number} of the {kind} at {position} ({named}) {wrong}")
                return None
        if contents is None or not names.keys() <= set(checkpoint.parts):
            self._add(kind, position, f"the {kind} at {position} does not list its parts")
            return None
        return contents

    async def _compare(self, contest: LiveContest, kept: KeptOfStream, contents: Contents) -> None:
        """Hold one checkpoint against the contest as it stands where that was made."""
        replayed, kind = contest.snapshot(), kept.kind
        missing = contents.audiences.keys() - replayed.audiences.keys() if self._share != "state" else ()
        if missing:
            self._add(UNREADABLE, contest.position, f"the feeds of {', '.join(sorted(missing))} cannot be replayed")
            return
        fetch = partial(part_content, self._connection, self._stream, kind)
        try:
            parts = KeptParts(contents, fetch, self._tokens, state_alone=kind == SNAPSHOT)
            found = await parts.difference(replayed, self._share)
        except KeptNoMore:
            self._note(f"the {kind} at {contest.position} was replaced before all of it was compared")
            return
        except DAMAGES as damage:
            self._add(kind, contest.position, f"a part of the {kind} cannot be read: {one_line(damage)}")
            return
        self._compared[kind] += 1
        if found is not None:
            told = f"the {kind} at {contest.position} is not what the log comes to: {found}"
            self._add(kind, contest.position, told)

    async def _note_credentials(self, contest: LiveContest) -> None:
        """Passwords of accounts that are not there let nobody in, and are no difference."""
        if contest.position != self._log.end:
            return
        stray = (await self._log.credentials(self._stream)).keys() - contest.state.objects["accounts"].keys()
        if stray:
            self._note(f"passwords of {len(stray)} accounts are kept that the contest has not ({min(stray)}, say)")

    def _add(self, kind: str, position: int | None, told: str) -> None:
        where = stream_named(self._stream)
        self._differences.append(Difference(kind=kind, where=where, position=position, told=told))

    def _note(self, told: str) -> None:
        self._notes.append(f"{stream_named(self._stream)}: {told}")


def _names(contents: Contents) -> Iterator[tuple[bytes, str]]:
    """What each part is, by its address."""

    def named(whose: str, entry: Entry) -> tuple[bytes, str]:
        return entry.address, " ".join(word for word in (whose, entry.kind, entry.of) if word)

    yield from (named("state:", entry) for entry in contents.state)
    for role, entries in contents.audiences.items():
        yield from (named(f"feed of {role}:", entry) for entry in entries)
    yield from (named("", entry) for entry in contents.chain_bits)


def _decoded_contents(kept: KeptOfStream, checkpoint: Checkpoint) -> Contents | None:
    """The list of contents, None where it is not what was written."""
    if not checkpoint.parts or checkpoint.parts[0] not in kept.sound:
        return None
    content = kept.first_parts[checkpoint.parts[0]]
    try:
        return (
            Contents(_state_decoder.decode(content), {}, [])
            if kept.kind == SNAPSHOT
            else _contents_decoder.decode(content)
        )
    except msgspec.MsgspecError:
        return None

"""Commands that wait for their turn at one contest, and the batches in which they are carried out.

All that have come while the last batch was being written are decided one after the other, each against what the ones
before it came to, and are appended together: one commit for all of them, all or nothing. So many writers cost no more
commits than one, and nobody is answered before what the answer rests on is durable. This module must not know what
the commands decide.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Sequence

import msgspec

from cds.commands.decision import UPDATES_ENDED, ObjectChange, Refused
from cds.commands.matches.belonging import is_of_match, refuse_change_of_match
from cds.metrics import COMMANDS_WAITING
from eventstore.store import Credential, NewEvent, StoreUnavailable
from projections.contest import ContestState
from projections.draft import draft_of
from schemas.objects import ContestObject
from schemas.records import RECORD_TYPES

COMMANDS_WAITING_MAX = 10_000
"""Commands that may wait for one contest; more are turned away."""

BATCH_COMMANDS_MAX = 500
BATCH_EVENTS_MAX = 2_000
BATCH_FILES_BYTES_MAX = 8 * 1024 * 1024
"""Beyond so many commands, events or bytes of files the rest of the queue waits for the next batch."""

AWAY_S_MAX = 3.0
AWAY_LOOK_S = 0.25
"""How long commands wait for their turn while the database is away, and how often it is looked whether it is."""


class Decision(msgspec.Struct, frozen=True, kw_only=True):
    """What a command comes to: events to append, and the credentials and contents of files that belong to them."""

    events: Sequence[NewEvent]
    credentials: Sequence[Credential] = ()
    files: Sequence[bytes] = ()


Decide = Callable[[ContestState], Decision]
Decode = Callable[[NewEvent], ContestObject | None]


class TooManyCommands(Exception):
    """More commands wait for a contest than it takes on."""


class Waiting(msgspec.Struct, eq=False):
    """A command that waits, and where its answer goes."""

    decide: Decide
    actor: str
    cause: str
    answer: asyncio.Future[Sequence[NewEvent]]

    def settle(self, outcome: Sequence[NewEvent] | Exception) -> None:
        """Answer, unless whoever asked has gone."""
        if self.answer.done():
            return
        if isinstance(outcome, Exception):
            self.answer.set_exception(outcome)
        else:
            self.answer.set_result(outcome)


class Batch(msgspec.Struct, frozen=True, kw_only=True):
    """What some commands came to, in their order: each one's events or its refusal, and all that is to be appended.

    `instances` are the objects that the events speak of, read back from them.
    """

    outcomes: list[tuple[Waiting, Sequence[NewEvent] | Exception]]
    events: list[NewEvent]
    instances: list[ContestObject | None]
    credentials: list[Credential]
    files: list[bytes]
    left: list[Waiting]

    def settle(self) -> None:
        """Answer all, each with its own outcome."""
        for waiting, outcome in self.outcomes:
            waiting.settle(outcome)


class Turn:
    """The queue of one contest."""

    def __init__(self, is_there: Callable[[], bool]) -> None:
        """Nobody waits; `is_there` tells whether the database answers."""
        self._queue: deque[Waiting] = deque()
        self._is_there = is_there
        self._away_since_s: float | None = None
        self._next_look: asyncio.TimerHandle | None = None

    def __bool__(self) -> bool:
        """Whether somebody waits."""
        return bool(self._queue)

    def enter(self, decide: Decide, actor: str, cause: str) -> Waiting:
        """Queue a command: its answer comes, or StoreUnavailable when the database stays away before its turn.

        Raises TooManyCommands.
        """
        if len(self._queue) >= COMMANDS_WAITING_MAX:
            raise TooManyCommands(f"{COMMANDS_WAITING_MAX} commands are waiting")
        waiting = Waiting(decide, actor, cause, asyncio.get_running_loop().create_future())
        self._queue.append(waiting)
        COMMANDS_WAITING.inc()
        if self._next_look is None:
            self._look()
        return waiting

    def take(self) -> list[Waiting]:
        """Those whose turn it is, without those who have gone."""
        taken = [self._queue.popleft() for _ in range(min(len(self._queue), BATCH_COMMANDS_MAX))]
        COMMANDS_WAITING.dec(len(taken))
        return [waiting for waiting in taken if not waiting.answer.done()]

    def put_back(self, waiting: Sequence[Waiting]) -> None:
        """Let some wait in front of all others."""
        self._queue.extendleft(reversed(waiting))
        COMMANDS_WAITING.inc(len(waiting))

    def _look(self) -> None:
        """See whether the database is there, again and again for as long as somebody waits."""
        self._next_look = None
        loop = asyncio.get_running_loop()
        if not self._queue or self._is_there():
            self._away_since_s = None
        elif self._away_since_s is None:
            self._away_since_s = loop.time()
        elif loop.time() - self._away_since_s >= AWAY_S_MAX:
            self._turn_away()
        if self._queue:
            self._next_look = loop.call_later(AWAY_LOOK_S, self._look)

    def _turn_away(self) -> None:
        """Tell all whose turn has not come that nothing of theirs has been written.

        What is being written may have to wait much longer, until it is known what became of it.
        """
        for queued in self._queue:
            queued.settle(StoreUnavailable("the database is away; nothing was written"))
        COMMANDS_WAITING.dec(len(self._queue))
        self._queue.clear()
        self._away_since_s = None


def decided(state: ContestState, commands: Sequence[Waiting], decode: Decode) -> Batch:
    """Decide commands in their order, each against the state that those before it lead to.

    What a decision raises is that command's outcome and concerns no other.
    """
    batch = Batch(outcomes=[], events=[], instances=[], credentials=[], files=[], left=[])
    draft = draft_of(state) if len(commands) > 1 else state
    files_bytes = 0
    for number, waiting in enumerate(commands):
        if len(batch.events) >= BATCH_EVENTS_MAX or files_bytes >= BATCH_FILES_BYTES_MAX:
            batch.left.extend(commands[number:])
            break
        outcome = _outcome(draft, waiting, decode)
        batch.outcomes.append((waiting, outcome if isinstance(outcome, Exception) else outcome.events))
        if isinstance(outcome, Exception):
            continue
        batch.credentials.extend(outcome.credentials)
        batch.files.extend(outcome.files)
        files_bytes += sum(map(len, outcome.files))
        for event in outcome.events:
            instance = decode(event)
            batch.instances.append(instance)
            batch.events.append(
                NewEvent(
                    type=event.type,
                    id=event.id,
                    data=event.data,
                    actor=event.actor or waiting.actor,
                    cause=event.cause or waiting.cause,
                )
            )
            if draft is not state:
                draft.apply(draft.position + 1, event.type, event.id, instance)
    return batch


def _outcome(draft: ContestState, waiting: Waiting, decode: Decode) -> Decision | Exception:
    try:
        decision = waiting.decide(draft)
        if is_of_match(draft):
            changes = [ObjectChange(event.type, event.id, decode(event)) for event in decision.events]
            refuse_change_of_match(draft, waiting.actor, changes)
    except Exception as refusal:  # noqa: BLE001 - not swallowed: it is the answer to that one command
        return refusal
    if draft.ended_updates and any(event.type not in RECORD_TYPES for event in decision.events):
        # Records go on: an account can be disabled for as long as somebody may log in.
        return Refused(UPDATES_ENDED, ground="forbidden")
    return decision

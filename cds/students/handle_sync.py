"""The sync of one student: three questions to Codeforces, and one event when all three are answered.

Nothing is written unless all are. Who asks for a student who is being asked about already is given that answer, in
this process and in others. This module must not know any wire, nor who may ask.
"""

import asyncio

import structlog

from cds import metrics
from cds.circumstances import Circumstances
from cds.commands.decision import Refused
from cds.commands.students import NO_STUDENT
from cds.platforms.questions import FailureKind, PlatformFailed
from cds.students.answers import NOTHING, HandleAnswers, Remembered
from cds.students.register import Register
from eventstore.store import EventStore, StoreUnavailable
from projections.students import folded_handle
from schemas.students import Student
from schemas.times import format_time, parse_time_ms

LOOK_AGAIN_S = 0.25
"""How often it is looked whether another process has ended the sync that it is at."""

CAUSE = "codeforces sync"

log = structlog.get_logger(__name__)


class HandleSyncFailed(Exception):
    """Codeforces did not answer all three questions, and nothing was changed. `kind` says why."""

    def __init__(self, kind: FailureKind, reason: str) -> None:
        super().__init__(reason)
        self.kind: FailureKind = kind


class HandleSync:
    """The sync of students, as one process carries it out."""

    def __init__(
        self, store: EventStore, register: Register, answers: HandleAnswers, circumstances: Circumstances
    ) -> None:
        """Nobody is being synced."""
        self._store = store
        self._register = register
        self._answers = answers
        self._circumstances = circumstances
        self._under_way: dict[tuple[str, str], asyncio.Task[Student]] = {}

    async def close(self) -> None:
        """Give up what is under way."""
        under_way = tuple(self._under_way.values())
        for task in under_way:
            task.cancel()
        await asyncio.gather(*under_way, return_exceptions=True)

    async def sync(self, student: Student, *, actor: str) -> Student:
        """Ask anew, whatever is remembered; who the student is after that.

        Raises HandleSyncFailed, Refused for a student who is gone meanwhile, Contended and StoreUnavailable.
        """
        key = (student.id, folded_handle(student.handle))
        task = self._under_way.get(key)
        if task is None:
            task = asyncio.create_task(self._sync_alone(student, actor), name=f"student sync {student.id}")
            self._under_way[key] = task
            task.add_done_callback(lambda done: self._ended(key, done))
        try:
            return await asyncio.shield(task)
        except asyncio.CancelledError:
            if task.cancelled():
                # It was given up because the server stops, and not because the caller has left.
                raise StoreUnavailable("the server is stopping") from None
            raise

    async def refresh(self, student: Student, *, actor: str, fresh_s: float) -> Student:
        """Ask what is not remembered of the last `fresh_s` seconds, or was asked before the last sync.

        Who the student is after that. One of whom all is remembered and written down stays as they are; what was
        answered and never came into the log (the database went away, or another process forgot the student) is
        written down without asking again. Raises as `sync`.
        """
        began_ms = 0 if student.last_sync_began_at is None else parse_time_ms(student.last_sync_began_at)
        after_ms = max(began_ms, self._circumstances.now_us() // 1_000 - round(fresh_s * 1_000))
        remembered = await self._answers.remembered(student.handle, after_ms)
        if remembered.whole and _is_written_down(student, remembered):
            return student
        return await self._sync(student, remembered, actor)

    async def forget(self, student: Student) -> None:
        """Remember nothing of a student who is gone."""
        await self._answers.forget(student.handle)

    async def _sync_alone(self, student: Student, actor: str) -> Student:
        """Sync, if no other process does; else wait until it has, and look whether it has succeeded."""

        async def work() -> None:
            await self._answers.forget(student.handle)
            synced.append(await self._sync(student, NOTHING, actor))

        synced: list[Student] = []
        came = format_time(self._circumstances.now_us() // 1_000)
        if self._store.alone:
            await work()
        while not synced:
            hold = await self._store.hold_if_free(f"student {student.id}", work)
            if hold == "lost":
                raise StoreUnavailable("the database was away while a student was synced")
            if hold == "taken":
                await asyncio.sleep(LOOK_AGAIN_S)
                present = (await self._register.fresh()).find(student.id)
                if present is None:
                    raise Refused(NO_STUDENT, ground="unknown")
                if present.last_synced_at is not None and present.last_synced_at >= came:
                    return present
        return synced[0]

    async def _sync(self, student: Student, remembered: Remembered, actor: str) -> Student:
        """Ask what is not remembered, and write down what there is to say. Raises as `sync`."""
        started_us = self._circumstances.now_us()
        # What is remembered as a whole is as old as its oldest answer.
        began_us = remembered.asked_ms * 1_000 if remembered.whole else started_us
        try:
            findings = await self._answers.findings(student.handle, remembered)
        except PlatformFailed as failure:
            metrics.STUDENT_SYNCS.labels(failure.kind).inc()
            log.warning(
                "student_sync_failed",
                student=student.id,
                handle=student.handle,
                failure=failure.kind,
                reason=failure.reason,
            )
            raise HandleSyncFailed(failure.kind, failure.reason) from failure
        synced = await self._register.note_synced(
            student, findings, began_us=began_us, reused=remembered.lists, actor=actor, cause=CAUSE
        )
        metrics.STUDENT_SYNCS.labels("completed").inc()
        log.info(
            "student_synced",
            student=student.id,
            handle=student.handle,
            actor=actor,
            submissions=findings.submission_count,
            duration_s=round((self._circumstances.now_us() - started_us) / 1_000_000, 3),
        )
        return synced

    def _ended(self, key: tuple[str, str], done: asyncio.Task[Student]) -> None:
        del self._under_way[key]
        if not done.cancelled():
            # Whoever waited has been told; when all of them have left, nobody has to be.
            done.exception()


def _is_written_down(student: Student, remembered: Remembered) -> bool:
    """Whether what is remembered is what the last sync has found, and so in the log already."""
    if student.last_synced_at is None:
        return False
    return remembered.last_asked_ms <= parse_time_ms(student.last_synced_at)

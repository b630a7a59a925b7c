"""What is done for students without anybody asking: they are synced every few hours, one after the other, and contacts
and lists that nobody names are erased.

A duty of one process. When a student is due follows from the log, so that it makes no difference how often servers are
started again. This module must not know how a student is synced.
"""

import asyncio
from hashlib import sha256

import structlog

from cds.circumstances import Circumstances
from cds.commands.decision import Refused
from cds.live_contest import Contended, UnreadableEvent
from cds.platforms.questions import Platform
from cds.platforms.settings import PlatformSettings
from cds.students.handle_sync import HandleSync, HandleSyncFailed
from cds.students.register import Register
from eventstore.store import StoreUnavailable
from schemas.students import Student
from schemas.times import parse_time_ms

DUTY = "students"
PLATFORM: Platform = "codeforces"
"""A platform that is not enabled is asked by nobody unless somebody wants it."""

ACTOR = "schedule"

FAILED_RETRY_S_MAX = 1_800.0
"""After a failure a student is due again so soon, or earlier where refreshes are more frequent."""

JITTER = 0.1
"""By as much of the interval a refresh may be late, so that not all are due at once that were synced at once."""

LOOK_S_MAX = 10.0
LOOK_S_MIN = 0.05
"""How often it is looked whether somebody is due: others may sync meanwhile, and the machine's clock may jump."""

TIDY_EVERY_S = 3_600.0
AWAY_PAUSE_S = 5.0
"""How long nothing is tried while the database is away."""

log = structlog.get_logger(__name__)


class StudentKeeper:
    """Keeps students level with Codeforces, and what is kept beside the log level with the students."""

    def __init__(
        self, register: Register, syncing: HandleSync, circumstances: Circumstances, settings: PlatformSettings
    ) -> None:
        """A keeper that refreshes each student as often as the settings say that platforms are to be asked."""
        self._register = register
        self._syncing = syncing
        self._circumstances = circumstances
        self._every_s = settings.every_s if PLATFORM in settings.enabled else 0.0
        self._not_before_ms: dict[str, int] = {}

    async def keep(self) -> None:
        """Tidy now and then, and refresh whoever is due, until cancelled."""
        tidied_s = float("-inf")
        while True:
            try:
                if asyncio.get_running_loop().time() >= tidied_s + TIDY_EVERY_S:
                    await self._tidy()
                    tidied_s = asyncio.get_running_loop().time()
                await self._refresh_due()
            except StoreUnavailable as away:
                log.warning("students_delayed", reason=str(away), retry_in_s=AWAY_PAUSE_S)
                await asyncio.sleep(AWAY_PAUSE_S)
                continue
            await asyncio.sleep(min(LOOK_S_MAX, max(LOOK_S_MIN, self._every_s / 4 or LOOK_S_MAX)))

    async def _tidy(self) -> None:
        erased = await self._register.tidy()
        if erased:
            log.info("unclaimed_personal_data_erased", count=erased)

    async def _refresh_due(self) -> None:
        """Refresh everybody who is due at this moment, who has waited longest first. Raises StoreUnavailable."""
        if self._every_s <= 0:
            return
        students = await self._register.fresh()
        now_ms = self._now_ms()
        self._not_before_ms = {id: due_ms for id, due_ms in self._not_before_ms.items() if students.find(id)}
        due = sorted((self._due_ms(student), student.id) for student in students)
        for due_ms, identifier in due:
            if due_ms > now_ms:
                return
            # Looked up anew: the ones before may have taken long.
            student = (await self._register.fresh()).find(identifier)
            if student is not None and self._due_ms(student) <= self._now_ms():
                await self._refresh(student)

    async def _refresh(self, student: Student) -> None:
        """One refresh; a failure is told in the log and does not stop the next. Raises StoreUnavailable.

        Who could not be refreshed, or needed no refresh, is left alone for a while.
        """
        wait_s = min(self._every_s, FAILED_RETRY_S_MAX)
        self._not_before_ms[student.id] = self._now_ms() + round(wait_s * 1_000)
        try:
            refreshed = await self._syncing.refresh(student, actor=ACTOR, fresh_s=self._every_s)
        except HandleSyncFailed as failure:
            if failure.kind == "not_found":
                # Asking again soon is useless, and each time costs three calls.
                self._not_before_ms[student.id] = self._now_ms() + round(self._every_s * 1_000)
        except (Refused, Contended, UnreadableEvent) as failure:
            log.warning("student_refresh_failed", student=student.id, reason=str(failure))
        else:
            if refreshed.last_synced_at != student.last_synced_at:
                del self._not_before_ms[student.id]

    def _due_ms(self, student: Student) -> int:
        """When a student is to be synced again, in milliseconds since the epoch; one who never was: at once."""
        due_ms, now_ms = parse_time_ms(student.created_at), self._now_ms()
        if student.last_synced_at is not None:
            fraction = int.from_bytes(sha256(f"{student.id} {student.last_synced_at}".encode()).digest()[:4]) / 2**32
            synced_ms = parse_time_ms(student.last_synced_at)
            due_ms = synced_ms + round(self._every_s * 1_000 * (1 + JITTER * fraction))
            # A sync in the future was one under a clock that has been set back since.
            due_ms = due_ms if synced_ms <= now_ms else now_ms
        return max(due_ms, self._not_before_ms.get(student.id, 0))

    def _now_ms(self) -> int:
        return self._circumstances.now_us() // 1_000

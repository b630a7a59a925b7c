"""The register of students: their stream in memory, level with the log, their contacts and their lists beside it.

A contact is kept under an id of its own before an event names it, and erased once no event names it any more; so what
the log names is there, and what is erased is gone for good. It is the same with the lists that Codeforces gives. This
module must not know who may change what, nor any wire.
"""

import asyncio
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence

import msgspec

from cds.circumstances import Circumstances
from cds.commands.decision import Refused
from cds.commands.students import (
    ContactsUnknown,
    Enrolment,
    Findings,
    LinesRefused,
    Newcomer,
    StudentChange,
    StudentChanged,
    changed_enrolment,
    decide_change,
    decide_enrolments,
    decide_synced,
    known_student,
)
from cds.ledgers import Ledger
from cds.live_contest import Contended
from cds.shared_reading import SharedReading
from cds.students.raw_lists import RawLists
from eventstore.limits import KEPT_AT_ONCE_MAX
from eventstore.store import EventStore, NewEvent, StoreRefused
from projections.students import Students
from schemas.students import CONTACTS, STUDENT, STUDENTS, Contact, Student
from schemas.times import format_time

ATTEMPTS_MAX = 8
"""Tries to change a student behind others who change the same, or to meet contacts that stay while they are read."""

LISTS_AT_ONCE_MAX = 1_000
"""Lists that are erased with one question for how long they are."""

UNCLAIMED_MS = 3_600_000
"""A contact that no student names is erased when it is so old: the event that was to name it never came."""

NOT_WRITTEN = (Refused, LinesRefused, StudentChanged, Contended, StoreRefused)
"""After these it is certain that nothing was written."""

_contact_decoder = msgspec.json.Decoder(Contact)


class Enrolled(msgspec.Struct, frozen=True):
    """A student, and the contact that is in force."""

    student: Student
    contact: Contact


Decide = Callable[[Students, Mapping[str, Contact]], Sequence[Student]]


class Register:
    """All students in memory."""

    def __init__(self, store: EventStore, circumstances: Circumstances) -> None:
        """Nothing has been read yet."""
        self.lists = RawLists(store, circumstances)
        self._store = store
        self._circumstances = circumstances
        self._ledger = Ledger(store, STUDENTS, Students, "the students")
        self._contacts: dict[str, Contact] = {}
        self._contacts_position = -1
        self._reading = SharedReading(self._read_contacts, "read the contacts of students")

    async def fresh(self) -> Students:
        """All students, with everything that any process had written before this call. Raises StoreUnavailable."""
        return await self._ledger.fresh()

    async def with_contact(self, student: Student) -> Enrolled:
        """A student with the contact that is in force. Raises StoreUnavailable."""
        for _ in range(ATTEMPTS_MAX):
            contact = self._contacts.get(student.contact)
            if contact is not None:
                return Enrolled(student, contact)
            await self._reading.now()
            # Another process may have put a later one in its place, and erased this one.
            present = (await self.fresh()).find(student.id)
            if student.contact not in self._contacts and (present is None or present.contact == student.contact):
                break
            student = present or student
        return Enrolled(student, self._contacts.get(student.contact) or _lost_contact(student))

    async def enrol(self, enrolments: Sequence[Enrolment], *, actor: str, cause: str) -> list[Enrolled]:
        """Enter students, all or none. Raises Refused, LinesRefused, Contended and StoreUnavailable."""
        newcomers = [
            Newcomer(id=self._identifier(), contact_id=self._identifier(), enrolment=enrolment)
            for enrolment in enrolments
        ]
        contacts = {newcomer.contact_id: self._contact(newcomer.enrolment) for newcomer in newcomers}
        now = self._now()

        def decide(state: Students, known: Mapping[str, Contact]) -> Sequence[Student]:
            return decide_enrolments(state, known, newcomers, now)

        written = await self._written(decide, contacts, actor=actor, cause=cause)
        return [Enrolled(student, contacts[student.contact]) for student in written]

    async def change(self, identifier: str, change: StudentChange, *, actor: str, cause: str) -> Enrolled:
        """Change a student; who it is after that. Raises Refused, Contended and StoreUnavailable."""
        for _ in range(ATTEMPTS_MAX):
            try:
                return await self._change(identifier, change, actor=actor, cause=cause)
            except StudentChanged:
                continue
        raise Contended(f"student {identifier}: changed by others {ATTEMPTS_MAX} times in a row")

    async def remove(self, identifier: str, *, actor: str, cause: str) -> Student:
        """Remove a student, and erase the personal data. Returns who it was. Raises Refused and StoreUnavailable."""
        removed: list[Student] = []

        def decide(state: Students) -> Sequence[NewEvent]:
            removed[:] = [known_student(state, identifier)]
            return (NewEvent(type=STUDENT, id=identifier, data=None),)

        await self._ledger.transact(decide, actor=actor, cause=cause, circumstances=self._circumstances)
        await self._erase((removed[0].contact,))
        await self._erase_lists(removed[0].lists())
        return removed[0]

    async def note_synced(
        self,
        student: Student,
        findings: Findings,
        *,
        began_us: int,
        reused: frozenset[str] = frozenset(),
        actor: str,
        cause: str,
    ) -> Student:
        """Write down what a sync of a student has found, which was begun at that moment; who it is after that.

        `reused`: lists that were not asked for anew. If somebody else has synced the student since it was this one,
        these may have been erased, and nothing is written, for it is known already.
        Lists that this leaves without a student who names them are erased. Raises Refused for a student who is gone, or
        has another handle now; Contended and StoreUnavailable.
        """
        present = [student]
        found = {findings.contest_data, findings.submissions}

        def decide(state: Students) -> Sequence[NewEvent]:
            began, now = format_time(began_us // 1_000), self._now()
            synced = decide_synced(state, student.id, student.handle, findings, began=began, now=now)
            known = known_student(state, student.id)
            if reused and known.lists() != student.lists():
                synced = None
            found.update(known.lists())
            present[:] = [synced or known]
            return () if synced is None else (_event(synced),)

        try:
            await self._ledger.transact(decide, actor=actor, cause=cause, circumstances=self._circumstances)
        except Refused:
            await self._erase_lists(found)
            raise
        await self._erase_lists(found)
        return present[0]

    async def tidy(self) -> int:
        """Erase the contacts and lists that no student names and none will; how many. Raises StoreUnavailable."""
        kept = await self._store.kept(CONTACTS)
        named = {student.contact for student in await self.fresh()}
        now_ms = self._circumstances.now_us() // 1_000
        unclaimed = [
            identifier
            for identifier, data in kept.items()
            if identifier not in named and abs(now_ms - _contact_decoder.decode(data).made_ms) > UNCLAIMED_MS
        ]
        await self._erase(unclaimed)
        unnamed = await self.lists.unnamed(self._named_lists())
        await self._erase_lists(unnamed)
        return len(unclaimed) + len(unnamed)

    async def _change(self, identifier: str, change: StudentChange, *, actor: str, cause: str) -> Enrolled:
        before = await self.with_contact(known_student(await self.fresh(), identifier))
        enrolment = changed_enrolment(before.student, before.contact, change)
        contact = self._contact(enrolment)
        if msgspec.structs.replace(contact, made_ms=before.contact.made_ms) == before.contact:
            contact_id, contacts = before.student.contact, dict[str, Contact]()
        else:
            contact_id = self._identifier()
            contacts = {contact_id: contact}
        wanted = Newcomer(id=identifier, contact_id=contact_id, enrolment=enrolment)
        now = self._now()

        def decide(state: Students, known: Mapping[str, Contact]) -> Sequence[Student]:
            return (decide_change(state, known, before.student, wanted, now),)

        (student,) = await self._written(decide, contacts, actor=actor, cause=cause)
        if contacts:
            await self._erase((before.student.contact,))
        # Of another handle nothing is known.
        await self._erase_lists(before.student.lists() - student.lists())
        return Enrolled(student, contacts.get(student.contact, before.contact))

    async def _written(
        self, decide: Decide, contacts: Mapping[str, Contact], *, actor: str, cause: str
    ) -> Sequence[Student]:
        """Keep contacts and write the students that name them, or nothing. Raises what `decide` and the store raise."""
        await self._keep(contacts)
        written: list[Student] = []

        def events(state: Students) -> Sequence[NewEvent]:
            written[:] = decide(state, self._known(state))
            return [_event(student) for student in written]

        try:
            for _ in range(ATTEMPTS_MAX):
                try:
                    await self._ledger.transact(events, actor=actor, cause=cause, circumstances=self._circumstances)
                except ContactsUnknown:
                    await self._reading.now()
                else:
                    return written
            raise Contended(f"contacts of students: changed by others {ATTEMPTS_MAX} times in a row")
        except NOT_WRITTEN:
            await self._erase(contacts)
            raise

    def _known(self, state: Students) -> Mapping[str, Contact]:
        """The contacts at hand. One that was not there when all were read, of a student known by then, is lost."""
        if self._contacts_position < state.position:
            return self._contacts
        lost = {each.contact: _lost_contact(each) for each in state if each.contact not in self._contacts}
        return {**lost, **self._contacts} if lost else self._contacts

    async def _read_contacts(self) -> None:
        """Read all contacts: those of the students who are known when this begins are among them."""
        position = (await self.fresh()).position
        kept = await self._store.kept(CONTACTS)
        read = {}
        for number, (identifier, data) in enumerate(kept.items(), start=1):
            read[identifier] = _contact_decoder.decode(data)
            if number % KEPT_AT_ONCE_MAX == 0:
                await asyncio.sleep(0)
        self._contacts, self._contacts_position = read, position

    async def _keep(self, contacts: Mapping[str, Contact]) -> None:
        if contacts:
            await self._store.keep(CONTACTS, {id: msgspec.json.encode(each) for id, each in contacts.items()})
            self._contacts.update(contacts)

    async def _erase(self, contact_ids: Iterable[str]) -> None:
        gone = tuple(contact_ids)
        for identifier in gone:
            self._contacts.pop(identifier, None)
        for start in range(0, len(gone), KEPT_AT_ONCE_MAX):
            await self._store.keep(CONTACTS, dict.fromkeys(gone[start : start + KEPT_AT_ONCE_MAX]))

    async def _erase_lists(self, names: Collection[str]) -> None:
        """Erase those of the lists that no student names."""
        named = self._named_lists() if names else frozenset[str]()
        for start in range(0, len(gone := sorted(set(names) - named)), LISTS_AT_ONCE_MAX):
            await self.lists.erase(gone[start : start + LISTS_AT_ONCE_MAX])

    def _named_lists(self) -> frozenset[str]:
        """The lists that students name, as far as the log has been read."""
        return frozenset(name for student in self._ledger.state for name in student.lists())

    def _contact(self, enrolment: Enrolment) -> Contact:
        now_ms = self._circumstances.now_us() // 1_000
        return Contact(name=enrolment.name, email=enrolment.email, phone=enrolment.phone_no, made_ms=now_ms)

    def _identifier(self) -> str:
        """A new id, of students or contacts: as long as those of the database that the contract comes from."""
        return self._circumstances.identifier() + self._circumstances.identifier()

    def _now(self) -> str:
        return format_time(self._circumstances.now_us() // 1_000)


def _event(student: Student) -> NewEvent:
    return NewEvent(type=STUDENT, id=student.id, data=msgspec.json.encode(student))


def _lost_contact(student: Student) -> Contact:
    """What stands in the place of a contact that is not kept any more."""
    return Contact(name=student.handle, email="", phone="", made_ms=0)

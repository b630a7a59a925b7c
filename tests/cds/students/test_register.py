"""The register of students on a real store: two processes at once, personal data that is erased, what is left over."""

import asyncio
from collections.abc import AsyncIterator

import msgspec
import pytest

from cds.commands.decision import Refused
from cds.commands.students import Enrolment, LinesRefused, StudentChange
from cds.students.register import UNCLAIMED_MS, Register
from eventstore.postgres import PostgresStore
from eventstore.store import Append, StoreUnavailable
from schemas.students import CONTACTS, STUDENTS
from tests.cds.contest_api.live_contest_setup import SetClock
from tests.cds.contest_api.serving import DEADLINE_S, opened

WHO = {"actor": "test", "cause": "test"}


def enrolment(number: int = 1, **changes: str) -> Enrolment:
    """A student to be entered."""
    usual = Enrolment(
        name=f"Student {number}",
        email=f"s{number}@example.org",
        phone_no=f"555-{number:04}",
        codeforces_handle=f"handle{number}",
    )
    return msgspec.structs.replace(usual, **changes)


async def until_alone(store: PostgresStore) -> None:
    """Wait until nobody else has the database open."""
    async with asyncio.timeout(DEADLINE_S):
        while not store.alone:
            await asyncio.sleep(0.01)


class Two:
    """Two processes on one database."""

    def __init__(self, first: PostgresStore, second: PostgresStore) -> None:
        self.store = first
        self.clock = SetClock()
        self.first = Register(first, self.clock)
        self.second = Register(second, SetClock(first_number=5_000_000))

    async def kept(self) -> bytes:
        """All personal data that is kept."""
        return b"".join((await self.store.kept(CONTACTS)).values())


@pytest.fixture
async def two(database_dsn: str) -> AsyncIterator[Two]:
    """Two registers, each with a store of its own."""
    async with opened(database_dsn) as first, opened(database_dsn) as second:
        yield Two(first, second)


async def test_of_the_same_address_or_handle_in_two_processes_at_once_one_wins(two: Two) -> None:
    """Addresses are not in the log; all the same nobody gets one that somebody has."""
    for number in range(5):
        results = await asyncio.gather(
            two.first.enrol([enrolment(number)], **WHO),
            two.second.enrol([enrolment(number, codeforces_handle=f"Other{number}")], **WHO),
            two.second.enrol([enrolment(number, email=f"other{number}@example.org")], **WHO),
            return_exceptions=True,
        )
        refused = [result for result in results if isinstance(result, LinesRefused)]
        assert 1 <= len(refused) <= 2
        assert all(each.ground == "conflict" for each in refused)
    students = await two.first.fresh()
    contacts = [(await two.second.with_contact(student)).contact for student in students]
    assert len({contact.email for contact in contacts}) == len(students) == len(await two.store.kept(CONTACTS))


async def test_each_process_sees_what_the_other_has_changed(two: Two) -> None:
    (entered,) = await two.first.enrol([enrolment()], **WHO)
    student = (await two.second.fresh()).find(entered.student.id)
    assert student is not None
    assert (await two.second.with_contact(student)).contact == entered.contact
    await two.second.change(student.id, StudentChange(name="Another"), **WHO)
    # Even who still holds the student as it was is given the contact that is in force now.
    assert (await two.first.with_contact(entered.student)).contact.name in ("Another", entered.contact.name)
    present = (await two.first.fresh()).find(student.id)
    assert present is not None
    assert (await two.first.with_contact(present)).contact.name == "Another"


async def test_what_was_written_by_who_has_left_again_is_known(two: Two, database_dsn: str) -> None:
    """As by `cds students import` beside a server, which is alone before and after and looks at no log then."""
    await two.second._store.close()
    await until_alone(two.store)
    assert len(await two.first.fresh()) == 0
    async with opened(database_dsn) as third:
        await Register(third, SetClock(first_number=9_000_000)).enrol([enrolment()], **WHO)
    await until_alone(two.store)
    assert len(await two.first.fresh()) == 1


async def test_changes_in_two_processes_at_once_are_all_carried_out(two: Two) -> None:
    (entered,) = await two.first.enrol([enrolment()], **WHO)
    await asyncio.gather(
        two.first.change(entered.student.id, StudentChange(name="A"), **WHO),
        two.second.change(entered.student.id, StudentChange(phone_no="7"), **WHO),
        two.first.change(entered.student.id, StudentChange(email="b@example.org"), **WHO),
        two.second.change(entered.student.id, StudentChange(email_reminders_sent=2), **WHO),
    )
    student = (await two.second.fresh()).find(entered.student.id)
    assert student is not None
    contact = (await two.second.with_contact(student)).contact
    assert (contact.name, contact.phone, contact.email, student.reminders_sent) == ("A", "7", "b@example.org", 2)
    assert len(await two.store.kept(CONTACTS)) == 1


async def test_what_changes_nothing_but_the_log_keeps_the_contact(two: Two) -> None:
    (entered,) = await two.first.enrol([enrolment()], **WHO)
    changed = await two.first.change(entered.student.id, StudentChange(email_reminders_disabled=True), **WHO)
    assert changed.student.contact == entered.student.contact
    assert changed.contact == entered.contact


async def test_who_is_removed_leaves_nothing_personal(two: Two) -> None:
    (entered,) = await two.first.enrol([enrolment()], **WHO)
    await two.second.remove(entered.student.id, **WHO)
    assert await two.kept() == b""
    with pytest.raises(Refused):
        await two.first.remove(entered.student.id, **WHO)
    rows = await two.store.read(STUDENTS, 0, 100)
    assert not any(b"example.org" in (row.data or b"") or b"Student" in (row.data or b"") for row in rows)
    (again,) = await two.first.enrol([enrolment()], **WHO)
    assert again.student.id != entered.student.id


async def test_a_contact_whose_event_never_came_is_erased_in_the_end(two: Two, monkeypatch: pytest.MonkeyPatch) -> None:
    """As after a crash in between. What may still be on its way is left alone."""

    async def away(_append: Append) -> None:
        raise StoreUnavailable("away")

    await two.first.enrol([enrolment()], **WHO)
    with monkeypatch.context() as patched:
        patched.setattr(two.store, "append", away)
        with pytest.raises(StoreUnavailable):
            await two.first.enrol([enrolment(2)], **WHO)
    assert b"s2@example.org" in await two.kept()
    assert await two.first.tidy() == 0
    two.clock.now_ms += UNCLAIMED_MS + 1
    assert await two.first.tidy() == 1
    assert b"s2@example.org" not in await two.kept()
    assert b"s1@example.org" in await two.kept()
    await two.first.enrol([enrolment(2)], **WHO)


async def test_a_contact_that_is_lost_is_replaced_by_a_placeholder_and_stops_nobody(two: Two) -> None:
    """As in a database that was restored without what is kept beside the log."""
    (entered,) = await two.first.enrol([enrolment()], **WHO)
    await two.store.keep(CONTACTS, {entered.student.contact: None})
    student = (await two.second.fresh()).find(entered.student.id)
    assert student is not None
    contact = (await two.second.with_contact(student)).contact
    assert (contact.name, contact.email, contact.phone) == ("handle1", "", "")
    await two.second.enrol([enrolment(2), enrolment(3)], **WHO)
    with pytest.raises(Refused, match="email is missing"):
        await two.second.change(student.id, StudentChange(name="x"), **WHO)
    whole = StudentChange(name="x", email="x@example.org", phone_no="1")
    assert (await two.second.change(student.id, whole, **WHO)).contact.email == "x@example.org"


async def test_of_many_at_once_all_or_none_are_entered(two: Two) -> None:
    with pytest.raises(LinesRefused) as refused:
        await two.first.enrol([enrolment(number % 90) for number in range(100)], **WHO)
    assert {number for number, _ in refused.value.lines} == set(range(90, 100))
    assert len(await two.first.fresh()) == 0
    assert await two.kept() == b""

"""Random histories of two registers on one store, beside a small model: the same is let through, and all laws hold."""

import asyncio

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from cds.commands.decision import Refused
from cds.commands.students import Enrolment, Findings, LinesRefused, StudentChange
from cds.students.register import Register
from eventstore.memory import MemoryStore
from projections.students import Students
from schemas.students import CONTACTS, STUDENTS
from tests.cds.contest_api.live_contest_setup import SetClock

WHO = {"actor": "test", "cause": "test"}
HANDLES = st.sampled_from(["alice", "ALICE", "Bob_b", "bob_B", "carol"])
EMAILS = st.sampled_from(["a@example.org", "A@example.org", "b@example.org", "c@example.org"])
FINDINGS = Findings(
    rank="expert",
    rating=1_700,
    max_rating=1_800,
    last_active_at=None,
    contest_data="0" * 64,
    contest_count=1,
    submissions="1" * 64,
    submission_count=2,
)


class Enter(msgspec.Struct, frozen=True):
    """Several are entered at once."""

    who: tuple[tuple[str, str], ...]


class Change(msgspec.Struct, frozen=True):
    """One is changed, counted among those who there are."""

    number: int
    handle: str | None
    email: str | None


class Remove(msgspec.Struct, frozen=True):
    """One is removed."""

    number: int


class Sync(msgspec.Struct, frozen=True):
    """One is synced."""

    number: int


NUMBERS = st.integers(0, 4)
STEPS = st.one_of(
    st.builds(Enter, st.lists(st.tuples(HANDLES, EMAILS), min_size=1, max_size=2).map(tuple)),
    st.builds(Change, NUMBERS, st.none() | HANDLES, st.none() | EMAILS),
    st.builds(Remove, NUMBERS),
    st.builds(Sync, NUMBERS),
)


class Model:
    """Who there is: handle and address by id, and who was synced under the present handle."""

    def __init__(self) -> None:
        self.who: dict[str, tuple[str, str]] = {}
        self.synced: set[str] = set()

    def free(self, handle: str, email: str, but: str | None = None) -> bool:
        """Whether nobody else has either."""
        others = [who for identifier, who in self.who.items() if identifier != but]
        return all(
            handle.casefold() != taken.casefold() and email.casefold() != used.casefold() for taken, used in others
        )


async def play(steps: list[tuple[bool, Enter | Change | Remove | Sync]]) -> None:
    """Carry out the steps, each in one of two processes, and look after each."""
    store, clock, model = MemoryStore(), SetClock(), Model()
    registers = Register(store, clock), Register(store, SetClock(first_number=1_000_000))
    for second, step in steps:
        register = registers[second]
        clock.now_ms += 1_000
        match step:
            case Enter(who):
                await entered(register, model, who)
            case Change(number, handle, email):
                await changed(register, model, number, handle, email)
            case Remove(number) if chosen := at(model, number):
                await register.remove(chosen, **WHO)
                del model.who[chosen]
                model.synced.discard(chosen)
            case Sync(number) if chosen := at(model, number):
                student = (await register.fresh()).find(chosen)
                assert student is not None
                await register.note_synced(student, FINDINGS, began_us=clock.now_us(), actor="test", cause="test")
                model.synced.add(chosen)
        await agree(store, registers, model)


def at(model: Model, number: int) -> str | None:
    """The id of one of those who there are."""
    return list(model.who)[number] if number < len(model.who) else None


async def entered(register: Register, model: Model, who: tuple[tuple[str, str], ...]) -> None:
    """All are let in or none, as the model says."""
    trial = Model()
    trial.who = dict(model.who)
    good = True
    for number, (handle, email) in enumerate(who):
        good = good and trial.free(handle, email)
        trial.who[f"new {number}"] = (handle, email)
    enrolments = [Enrolment(name="N", email=email, phone_no="1", codeforces_handle=handle) for handle, email in who]
    try:
        made = await register.enrol(enrolments, **WHO)
    except LinesRefused:
        made = []
    assert bool(made) is good
    model.who |= {each.student.id: pair for each, pair in zip(made, who, strict=False)}


async def changed(register: Register, model: Model, number: int, handle: str | None, email: str | None) -> None:
    """One is changed, or refused as the model says."""
    chosen = at(model, number)
    if chosen is None:
        return
    before = model.who[chosen]
    after = handle or before[0], email or before[1]
    try:
        await register.change(chosen, StudentChange(codeforces_handle=handle, email=email), **WHO)
    except Refused:
        assert not model.free(*after, but=chosen)
        return
    assert model.free(*after, but=chosen)
    model.who[chosen] = after
    if before[0].casefold() != after[0].casefold():
        model.synced.discard(chosen)


async def agree(store: MemoryStore, registers: tuple[Register, Register], model: Model) -> None:
    """Both processes and a replay say what the model says; and what is kept is what is named."""
    replayed = Students()
    for event in await store.read(STUDENTS, 0, 10_000):
        replayed.apply(event.position, event.type, event.id, event.data)
    for register in registers:
        students = await register.fresh()
        assert list(students) == list(replayed)
        found = {each.id: (each.handle, (await register.with_contact(each)).contact.email) for each in students}
        assert found == model.who
        assert {each.id for each in students if each.curr_rating == FINDINGS.rating} == model.synced
    assert set(await store.kept(CONTACTS)) == {student.contact for student in replayed}


@given(steps=st.lists(st.tuples(st.booleans(), STEPS), max_size=12))
def test_histories_agree_with_the_model(steps: list[tuple[bool, Enter | Change | Remove | Sync]]) -> None:
    asyncio.run(play(steps))

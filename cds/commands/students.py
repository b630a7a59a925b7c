"""Decisions about students: who may be entered, changed and removed, and what a sync makes of one (requirements-001).

A handle belongs to one student, whatever its case, and so does an e-mail address. Addresses are kept beside the log, so
whoever decides is given them. This module must not know how a student is spelled on any wire but for the names of the
properties, nor how Codeforces is asked.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from typing import Annotated
from unicodedata import category

import msgspec

from cds.commands.decision import Ground, Refused
from cds.commands.properties import Properties, given, raw, refusal_of, require
from projections.students import Students, folded_handle
from schemas.properties import NonNegativeInteger
from schemas.students import NO_RANK, Contact, Student

STUDENTS_MAX = 20_000
NAME_CHARACTERS_MAX = 200
EMAIL_CHARACTERS_MAX = 254
PHONE_CHARACTERS_MAX = 40
RANK_CHARACTERS_MAX = 100

CONTROLS = frozenset({"Cc", "Cs", "Zl", "Zp"})
"""Categories of characters that no line of text holds."""

REQUIRED = ("name", "email", "phoneNo", "codeforcesHandle")
"""The properties that every student has, in the order in which a missing one is named."""

SERVERS_OWN = frozenset(
    {
        "_id",
        "currRating",
        "rank",
        "maxRating",
        "lastSyncedAt",
        "lastActiveAt",
        "contestData",
        "submissions",
        "createdAt",
        "updatedAt",
        "__v",
    }
)
"""Properties of a student that nobody may set. Who sends back what they were shown sends them too, for nothing."""

_HANDLE = re.compile(r"[A-Za-z0-9_.-]{3,24}")
"""What Codeforces lets be a handle; a dot occurs in old ones (requirements-001, 2.10)."""

_EMAIL = re.compile(r"[^@\s]+@[^@\s]+")

NO_STUDENT = "No student found with the given Codeforces handle"
"""The sentence of the contract (requirements-001, 1.6)."""

UNKNOWN_STUDENT = "student not found"


class Enrolment(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """What is given to enter a student. Other properties of a body are passed over, as the original does."""

    name: str
    email: str
    phone_no: str
    codeforces_handle: str
    email_reminders_sent: NonNegativeInteger = 0
    email_reminders_disabled: bool = False


class StudentChange(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """What is to be different; what is left out stays as it is, and what no student has is passed over."""

    name: str | None = None
    email: str | None = None
    phone_no: str | None = None
    codeforces_handle: str | None = None
    email_reminders_sent: NonNegativeInteger | None = None
    email_reminders_disabled: bool | None = None


class Newcomer(msgspec.Struct, frozen=True, kw_only=True):
    """A student who is to be entered, with the ids that were made for the student and the contact."""

    id: str
    contact_id: str
    enrolment: Enrolment


class Findings(msgspec.Struct, frozen=True, kw_only=True):
    """What a sync has found out at Codeforces: times are TIMEs, lists are counts and the names they are kept under."""

    rank: str | None
    rating: int | None
    max_rating: int | None
    last_active_at: str | None
    contest_data: str
    contest_count: int
    submissions: str
    submission_count: int


class ContactsUnknown(Exception):
    """There is a student whose contact is not at hand; it has to be read first."""


class StudentChanged(Exception):
    """The student is not any more what it was when the change was made up; it has to be made up anew."""


class LinesRefused(Exception):
    """Several students that may not be entered together: what is wrong, by the number of the line."""

    def __init__(self, lines: Sequence[tuple[int, Refused]]) -> None:
        super().__init__(f"{len(lines)} lines are refused")
        self.lines = tuple(lines)

    @property
    def ground(self) -> Ground:
        """`conflict` where nothing else is wrong."""
        return "conflict" if all(refused.ground == "conflict" for _, refused in self.lines) else "invalid"


def read_enrolment(properties: Properties) -> Enrolment:
    """The student that a body describes. Raises Refused, naming the first property that is missing or wrong."""
    wanted = _settable(properties)
    require(wanted, REQUIRED)
    try:
        read = msgspec.json.decode(msgspec.json.encode(wanted), type=Enrolment)
    except msgspec.ValidationError as error:
        raise refusal_of(error) from None
    return checked(read)


def read_change(properties: Properties) -> StudentChange:
    """The change that a body asks for. Raises Refused, also for a required property that is null."""
    for name in REQUIRED:
        if name in properties and name not in given(properties):
            raise Refused(f"{name} is missing", name)
    try:
        read = msgspec.json.decode(msgspec.json.encode(_settable(properties)), type=StudentChange)
    except msgspec.ValidationError as error:
        raise refusal_of(error) from None
    return read


def checked(enrolment: Enrolment) -> Enrolment:
    """The same without spaces around its texts. Raises Refused for what cannot be right."""
    cleaned = msgspec.structs.replace(
        enrolment,
        name=_line("name", enrolment.name, NAME_CHARACTERS_MAX),
        email=_line("email", enrolment.email, EMAIL_CHARACTERS_MAX),
        phone_no=_line("phoneNo", enrolment.phone_no, PHONE_CHARACTERS_MAX),
        codeforces_handle=enrolment.codeforces_handle.strip(),
    )
    if not _EMAIL.fullmatch(cleaned.email):
        raise Refused("email is no e-mail address", "email")
    if not cleaned.codeforces_handle:
        raise Refused("codeforcesHandle is missing", "codeforcesHandle")
    if not _HANDLE.fullmatch(cleaned.codeforces_handle):
        raise Refused(
            "codeforcesHandle is no handle: 3 to 24 of the characters a-z A-Z 0-9 _ . -",
            "codeforcesHandle",
        )
    return cleaned


def decide_enrolments(
    state: Students, contacts: Mapping[str, Contact], newcomers: Sequence[Newcomer], now: str
) -> list[Student]:
    """The students that newcomers become, all or none; `now` is a TIME.

    Raises LinesRefused, whose numbers count newcomers from 0, and ContactsUnknown.
    """
    if len(state) + len(newcomers) > STUDENTS_MAX:
        raise Refused(f"there may be at most {STUDENTS_MAX} students", ground="conflict")
    taken = _Taken(state, contacts)
    refused = [
        (number, refusal)
        for number, newcomer in enumerate(newcomers)
        for refusal in taken.take(newcomer.enrolment.codeforces_handle, newcomer.enrolment.email)
    ]
    if refused:
        raise LinesRefused(refused)
    return [
        Student(
            id=newcomer.id,
            handle=newcomer.enrolment.codeforces_handle,
            contact=newcomer.contact_id,
            reminders_sent=newcomer.enrolment.email_reminders_sent,
            reminders_disabled=newcomer.enrolment.email_reminders_disabled,
            created_at=now,
            updated_at=now,
        )
        for newcomer in newcomers
    ]


def changed_enrolment(student: Student, contact: Contact, change: StudentChange) -> Enrolment:
    """What a student would be entered with after a change. Raises Refused for what cannot be right."""
    present = Enrolment(
        name=contact.name,
        email=contact.email,
        phone_no=contact.phone,
        codeforces_handle=student.handle,
        email_reminders_sent=student.reminders_sent,
        email_reminders_disabled=student.reminders_disabled,
    )
    wanted = {name: value for name, value in msgspec.structs.asdict(change).items() if value is not None}
    return checked(msgspec.structs.replace(present, **wanted))


def decide_change(
    state: Students, contacts: Mapping[str, Contact], before: Student, wanted: Newcomer, now: str
) -> Student:
    """A student after a change to what it would be entered with; `before` is what the change was made for.

    What Codeforces said of one handle is not said of another: with a new handle (in more than its case) the student
    begins anew. Raises Refused, ContactsUnknown, and StudentChanged.
    """
    student = known_student(state, before.id)
    if student != before:
        raise StudentChanged
    enrolment = wanted.enrolment
    for refusal in _Taken(state, contacts, but=student.id).take(enrolment.codeforces_handle, enrolment.email):
        raise refusal
    if folded_handle(enrolment.codeforces_handle) != folded_handle(student.handle):
        student = Student(
            id=student.id, handle=student.handle, contact=student.contact, created_at=student.created_at, updated_at=now
        )
    return msgspec.structs.replace(
        student,
        handle=enrolment.codeforces_handle,
        contact=wanted.contact_id,
        reminders_sent=enrolment.email_reminders_sent,
        reminders_disabled=enrolment.email_reminders_disabled,
        updated_at=now,
    )


def decide_synced(
    state: Students, identifier: str, handle: str, findings: Findings, *, began: str, now: str
) -> Student | None:
    """The student of an id after a sync of its handle that was begun at one TIME and has ended at another.

    None: one that was begun later has been faster, and knows more. Raises Refused where there is no such student any
    more, or it has another handle.
    """
    student = state.find(identifier)
    if student is None or folded_handle(student.handle) != folded_handle(handle):
        raise Refused(NO_STUDENT, ground="unknown")
    # All are written in UTC, so the later one is the greater text. What lies in the future was a clock that is set.
    if student.last_sync_began_at is not None and began < student.last_sync_began_at <= now:
        return None
    return msgspec.structs.replace(
        student,
        curr_rating=findings.rating or 0,
        rank=(findings.rank or NO_RANK)[:RANK_CHARACTERS_MAX],
        max_rating=findings.max_rating or 0,
        last_active_at=findings.last_active_at,
        last_synced_at=now,
        last_sync_began_at=began,
        contest_data=findings.contest_data,
        contest_count=findings.contest_count,
        submissions=findings.submissions,
        submission_count=findings.submission_count,
        updated_at=now,
    )


def known_student(state: Students, identifier: str) -> Student:
    """The student of an id. Raises Refused."""
    student = state.find(identifier)
    if student is None:
        raise Refused(UNKNOWN_STUDENT, ground="unknown")
    return student


class _Taken:
    """The handles and addresses that are somebody's."""

    def __init__(self, state: Students, contacts: Mapping[str, Contact], but: str | None = None) -> None:
        """Those of all students but one. Raises ContactsUnknown."""
        self._state = state
        self._but = but
        self._handles: set[str] = set()
        self._emails: set[str] = set()
        for student in state:
            contact = contacts.get(student.contact)
            if contact is None:
                raise ContactsUnknown
            if student.id != but and contact.email:
                self._emails.add(contact.email.casefold())

    def take(self, handle: str, email: str) -> Iterator[Refused]:
        """Take a handle and an address for one more student; what stands in the way."""
        owner = self._state.of_handle(handle)
        if (owner is not None and owner.id != self._but) or folded_handle(handle) in self._handles:
            yield Refused("codeforcesHandle: another student has this handle", "codeforcesHandle", ground="conflict")
        if email.casefold() in self._emails:
            yield Refused("email: another student has this address", "email", ground="conflict")
        self._handles.add(folded_handle(handle))
        self._emails.add(email.casefold())


_Digits = Annotated[int, msgspec.Meta(ge=0)]


def _settable(properties: Properties) -> dict[str, msgspec.Raw]:
    """What a body says that counts; a telephone number may be written as a number."""
    wanted = {name: value for name, value in given(properties).items() if name not in SERVERS_OWN}
    phone = wanted.get("phoneNo")
    if phone is not None:
        # Otherwise it is a text, as it should be, or something that is refused where all is decoded.
        with suppress(msgspec.ValidationError):
            wanted["phoneNo"] = raw(str(msgspec.json.decode(phone, type=_Digits)))
    return wanted


def _line(name: str, text: str, characters_max: int) -> str:
    """A text on one line, without spaces around it. Raises Refused."""
    line = text.strip()
    if not line:
        raise Refused(f"{name} is missing", name)
    if len(line) > characters_max:
        raise Refused(f"{name} has more than {characters_max} characters", name)
    if any(category(character) in CONTROLS for character in line):
        raise Refused(f"{name} holds control characters", name)
    return line

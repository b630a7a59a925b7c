"""Students as they are shown, key by key as the contract has them (requirements-001, 1.5), and to whom what.

E-mail address and telephone number are for staff and administrators of the server alone (2.3). This module must not
know how a student is synced, nor any route.
"""

from collections.abc import Collection

import msgspec

from cds.commands.decision import Refused
from cds.commands.students import known_student
from cds.students.raw_lists import ListLost, RawLists
from cds.students.register import ATTEMPTS_MAX, Enrolled, Register
from schemas.viewers import Viewer

PERSONAL_SEEN_BY = ("staff", "admin")


class StudentDocument(
    msgspec.Struct,
    frozen=True,
    kw_only=True,
    rename={
        "id": "_id",
        "phone_no": "phoneNo",
        "codeforces_handle": "codeforcesHandle",
        "curr_rating": "currRating",
        "max_rating": "maxRating",
        "last_synced_at": "lastSyncedAt",
        "last_active_at": "lastActiveAt",
        "email_reminders_sent": "emailRemindersSent",
        "email_reminders_disabled": "emailRemindersDisabled",
        "contest_data": "contestData",
        "created_at": "createdAt",
        "updated_at": "updatedAt",
        "version": "__v",
    },
):
    """A student. `contest_data` are the rating changes as Codeforces gives them, oldest first, `submissions` likewise.

    What is not to be shown is UNSET.
    """

    id: str
    name: str
    email: str | msgspec.UnsetType = msgspec.UNSET
    phone_no: str | msgspec.UnsetType = msgspec.UNSET
    codeforces_handle: str
    curr_rating: int
    rank: str
    max_rating: int
    last_synced_at: str | None
    last_active_at: str | None
    email_reminders_sent: int
    email_reminders_disabled: bool
    contest_data: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET
    submissions: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET
    created_at: str
    updated_at: str
    version: int = 0


PROPERTIES: tuple[str, ...] = tuple(field.encode_name for field in msgspec.structs.fields(StudentDocument))
LONG: frozenset[str] = frozenset({"contestData", "submissions"})
"""Properties that may be megabytes long."""

_properties_decoder = msgspec.json.Decoder(dict[str, msgspec.Raw])


class Selection(msgspec.Struct, frozen=True):
    """Which properties are shown, all for None, and whether the personal ones are among them."""

    names: frozenset[str] | None
    personal: bool

    def has(self, name: str) -> bool:
        """Whether a property was asked for."""
        return self.names is None or name in self.names

    @property
    def short(self) -> bool:
        """Whether nothing long is shown."""
        return not any(self.has(name) for name in LONG)


def selection_of(fields: str | None, viewer: Viewer) -> Selection:
    """What a viewer is shown who asked for these properties (with commas), None: for all. Raises Refused."""
    names = None if fields is None else frozenset(name.strip() for name in fields.split(",")) - {""}
    for name in sorted((names or frozenset()) - frozenset(PROPERTIES)):
        raise Refused(f"fields: a student has no property {name[:40]!r}", "fields")
    return Selection(names, sees_personal_data(viewer))


def sees_personal_data(viewer: Viewer) -> bool:
    """Whether a viewer is shown addresses and telephone numbers."""
    return viewer.server_username is not None and viewer.role in PERSONAL_SEEN_BY


async def document_of(register: Register, enrolled: Enrolled, selection: Selection) -> bytes:
    """A student as JSON; of one who has been synced meanwhile, as it is now.

    Raises Refused for one who is gone meanwhile, StoreUnavailable, and ListLost when the database has lost a list.
    """
    for _ in range(ATTEMPTS_MAX):
        try:
            return await _document(register.lists, enrolled, selection)
        except ListLost:
            present = known_student(await register.fresh(), enrolled.student.id)
            if present.lists() == enrolled.student.lists():
                raise
            enrolled = await register.with_contact(present)
    return await _document(register.lists, enrolled, selection)


async def _document(lists: RawLists, enrolled: Enrolled, selection: Selection) -> bytes:
    """Raises ListLost and StoreUnavailable."""
    student, contact = enrolled.student, enrolled.contact
    whole = StudentDocument(
        id=student.id,
        name=contact.name,
        email=contact.email if selection.personal else msgspec.UNSET,
        phone_no=contact.phone if selection.personal else msgspec.UNSET,
        codeforces_handle=student.handle,
        curr_rating=student.curr_rating,
        rank=student.rank,
        max_rating=student.max_rating,
        last_synced_at=student.last_synced_at,
        last_active_at=student.last_active_at,
        email_reminders_sent=student.reminders_sent,
        email_reminders_disabled=student.reminders_disabled,
        contest_data=await _shown_list(lists, student.contest_data, wanted=selection.has("contestData")),
        submissions=await _shown_list(lists, student.submissions, wanted=selection.has("submissions")),
        created_at=student.created_at,
        updated_at=student.updated_at,
    )
    encoded = msgspec.json.encode(whole)
    return encoded if selection.names is None else _chosen(encoded, selection.names)


async def _shown_list(lists: RawLists, name: str | None, *, wanted: bool) -> msgspec.Raw | msgspec.UnsetType:
    return msgspec.Raw(await lists.read(name)) if wanted else msgspec.UNSET


def _chosen(encoded: bytes, names: Collection[str]) -> bytes:
    properties = _properties_decoder.decode(encoded)
    return msgspec.json.encode({name: value for name, value in properties.items() if name in names})

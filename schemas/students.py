"""Students: whose progress at Codeforces is followed, as the log knows them, and what is kept of them beside it.

The log holds an id, a handle, ratings and times, for ever. Name, e-mail address and telephone number are kept beside it
(`Contact`), where they can be erased; an event only names the contact that is in force. So are the two long lists that
Codeforces gives, of which an event names the last ones (requirements-001, 2.3 and 3). This module knows shapes; it must
not know who may see a student, nor how Codeforces is asked.
"""

import msgspec

from schemas.properties import NonNegativeInteger, TimeText

STUDENTS = "students"
"""The stream."""

STUDENT = "x-students"
"""The type of its events."""

CONTACTS = "student-contacts"
"""The kind under which contacts are kept beside the log."""

NO_RANK = "Newbie"
"""The rank of whom Codeforces gives none (requirements-001, 2.13)."""


class Student(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """A student as the log has it.

    `contact` is the id of the contact that is in force. `contest_data` and `submissions` are the names under which
    the rating changes and the submissions are kept (None: never synced); the counts say how many there are.
    `last_active_at` is the time of the newest accepted submission; `last_synced_at` is when the last successful sync
    ended, `last_sync_began_at` when it began.
    """

    id: str
    handle: str
    contact: str
    curr_rating: int = 0
    rank: str = NO_RANK
    max_rating: int = 0
    last_active_at: TimeText | None = None
    last_synced_at: TimeText | None = None
    last_sync_began_at: TimeText | None = None
    contest_count: NonNegativeInteger = 0
    submission_count: NonNegativeInteger = 0
    contest_data: str | None = None
    submissions: str | None = None
    reminders_sent: NonNegativeInteger = 0
    reminders_disabled: bool = False
    created_at: TimeText
    updated_at: TimeText

    def lists(self) -> frozenset[str]:
        """The names of the lists that are kept for this student."""
        return frozenset(name for name in (self.contest_data, self.submissions) if name is not None)


class Contact(msgspec.Struct, frozen=True, kw_only=True):
    """The personal data of a student; never changed, but replaced by another and erased.

    `made_ms` is when it was kept, in milliseconds since the Unix epoch.
    """

    name: str
    email: str
    phone: str
    made_ms: int

"""The fold of all registrations of webhooks, and which lines of a contest each of them is to be told.

Endpoints and contests may be chosen anew while calls are behind; what was written under the earlier choice is still
told under that one. So a registration is a sequence of choices, each with the positions behind which it holds.
This module must not know how anything is called, nor who may register.
"""

from collections.abc import Iterator, Mapping
from typing import TypeVar

import msgspec

from projections.feed_lines import ALL_TYPES_MASK
from schemas.object_types import OBJECT_TYPES, TYPE_OF_ENDPOINT, TYPE_ORDER, ObjectType
from schemas.webhooks import WEBHOOKS, Webhook

Kept = TypeVar("Kept")

CHOICES_KEPT_MAX = 64
"""Choices that are told apart; of more, the oldest give way to the one after them."""

REQUESTS_KEPT_MAX = 4_096
"""Requests with a key of which it is remembered which webhook they made; of more, the oldest are forgotten."""

DELETED_KEPT_MAX = 4_096
"""Webhooks of which it is remembered that they were deleted, for whoever has to tidy up behind the last ones."""

NOTHING_MASK = 0

_decoder = msgspec.json.Decoder(Webhook)


class Choice(msgspec.Struct, frozen=True):
    """Endpoints and contests as they were chosen at one moment: types as bits, no contests are all contests."""

    types_mask: int
    contest_ids: frozenset[str]
    after: Mapping[str, int]

    def mask_for(self, contest_id: str) -> int:
        """The types that are told of a contest."""
        return self.types_mask if not self.contest_ids or contest_id in self.contest_ids else NOTHING_MASK


class Stretch(msgspec.Struct, frozen=True):
    """Which types are told from a place on, and the last position for which that is so (None: it still is)."""

    types_mask: int
    until: int | None


class Registration(msgspec.Struct, frozen=True):
    """A webhook, where its telling began by contest, and its choices, the newest last.

    `position` is that of the last event about it, also of one that changed nothing.
    """

    webhook: Webhook
    begins: Mapping[str, int]
    choices: tuple[Choice, ...]
    position: int

    def begin(self, contest_id: str) -> int:
        """The position behind which a contest is told: what it had come to at the registration."""
        return self.begins.get(contest_id, 0)

    def concerns(self, contest_id: str) -> bool:
        """Whether anything of a contest is told, under any choice that still counts."""
        return any(choice.mask_for(contest_id) for choice in self.choices)

    def stretch(self, contest_id: str, position: int) -> Stretch:
        """What is told of a contest just behind a position."""
        mask, until = self.choices[0].mask_for(contest_id), None
        for choice in self.choices[1:]:
            start = choice.after.get(contest_id, 0)
            if start > position:
                until = start
                break
            mask = choice.mask_for(contest_id)
        return Stretch(mask, until)


class Registrations:
    """All webhooks at a position of their stream."""

    def __init__(self) -> None:
        """None yet."""
        self.position = 0
        self.made_by: dict[str, Webhook] = {}
        """The webhook as it was made, by the record id of the request that made it; kept when it is deleted."""
        self.deleted: dict[str, None] = {}
        """The ids of those that were deleted last."""
        self._registrations: dict[str, Registration] = {}

    def __iter__(self) -> Iterator[Registration]:
        """In the order in which they were made."""
        return iter(tuple(self._registrations.values()))

    def __len__(self) -> int:
        """How many there are."""
        return len(self._registrations)

    def find(self, identifier: str) -> Registration | None:
        """The registration of that id, None when there is none."""
        return self._registrations.get(identifier)

    def apply(self, position: int, event_type: str, identifier: str, data: bytes | None, /) -> None:
        """Take in the event at the next position. Raises msgspec.DecodeError for one that cannot be read."""
        if event_type != WEBHOOKS:
            raise msgspec.ValidationError(f"there is no type {event_type!r}")
        self.take_in(position, identifier, None if data is None else _decoder.decode(data))

    def take_in(self, position: int, identifier: str, webhook: Webhook | None) -> None:
        """Take in the event at the next position: a webhook as it is from then on, None when it is deleted."""
        self.position = position
        before = self._registrations.get(identifier)
        if webhook is None:
            self._registrations.pop(identifier, None)
            self.deleted[identifier] = None
            _forget_oldest(self.deleted, DELETED_KEPT_MAX)
            return
        if before is None and webhook.request is not None:
            self.made_by[webhook.request.record_id] = webhook
            _forget_oldest(self.made_by, REQUESTS_KEPT_MAX)
        self._registrations[identifier] = _continued(before, webhook, position)


def type_of(endpoint: str) -> ObjectType | None:
    """The type that an endpoint stands for; the contest has two names, that of its notifications and its URL's."""
    return OBJECT_TYPES.get(endpoint) or TYPE_OF_ENDPOINT.get(endpoint)


def types_mask(endpoints: tuple[str, ...]) -> int:
    """The types that endpoints select as bits, all for none."""
    if not endpoints:
        return ALL_TYPES_MASK
    mask = NOTHING_MASK
    for endpoint in endpoints:
        row = type_of(endpoint)
        if row is not None:
            mask |= 1 << TYPE_ORDER[row.name]
    return mask


def _continued(before: Registration | None, webhook: Webhook, position: int) -> Registration:
    choice = Choice(types_mask(webhook.endpoints), frozenset(webhook.contest_ids), webhook.after)
    if before is None:
        return Registration(webhook, webhook.after, (choice,), position)
    if choice == before.choices[-1]:
        return Registration(webhook, before.begins, before.choices, position)
    return Registration(webhook, before.begins, (*before.choices, choice)[-CHOICES_KEPT_MAX:], position)


def _forget_oldest(table: dict[str, Kept], entries_max: int) -> None:
    while len(table) > entries_max:
        del table[next(iter(table))]

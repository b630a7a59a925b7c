"""The translation of an event feed, one notification after the other, in every dialect in the wild.

A pure incremental machine: whoever reads a file or follows a live feed drives it. It knows notifications of 2020-03
(`op`), 2022-07, 2023-06, 2026-01 and draft; it must not know where lines come from, nor tokens.
"""

from collections.abc import Iterator

from cds.dialects.drafts import FileFinder
from cds.dialects.json_values import JsonObject, JsonValue
from cds.dialects.known import TYPE_SPELLINGS
from cds.dialects.objects import object_id
from cds.dialects.references import Key
from cds.dialects.results import Change, Place, quoted, refusal
from cds.dialects.translators import ContestTranslator
from schemas.object_types import OBJECT_TYPES, ObjectType

_OPERATIONS = frozenset({"create", "update", "delete"})


class FeedTranslator(ContestTranslator):
    """Gives for each notification the changes that it makes, and in `finish` what is left to settle.

    `known_types_at_once`: the feed has no judgement types, so they are filled in when first named and not only at
    the end. `group_ids_taken`: ids of groups that the feed is known to bring later. `contest_id_fallback`: the id of
    a contest that does not say its own.
    """

    def __init__(
        self,
        *,
        file: str = "event-feed.ndjson",
        contest_id: str | None = None,
        contest_id_fallback: str | None = None,
        files: FileFinder | None = None,
        known_types_at_once: bool = False,
        group_ids_taken: frozenset[str] = frozenset(),
    ) -> None:
        super().__init__(
            closed=False,
            contest_id=contest_id,
            files=files,
            known_types_at_once=known_types_at_once,
            group_ids_taken=group_ids_taken,
        )
        self.repeated_lines = 0
        self._file = file
        self._contest_id_fallback = contest_id_fallback
        self._early: list[tuple[Place, ObjectType, JsonObject]] = []

    def translate(self, line_number: int, notification: JsonValue) -> list[Change]:
        """The changes that one notification makes; none for one that says what stands. Raises SourceRefused."""
        place = Place(self._file, line_number)
        if not isinstance(notification, dict):
            raise refusal(place, f"is not a notification but {quoted(notification)}")
        row = self._row(notification, place)
        if row is None:
            return []
        if self.contest is None and row.name != "contest":
            # Every object is part of a contest, so what comes before it waits for it.
            self._count(place)
            self._early.append((place, row, notification))
            return []
        self._take_notification(place, row, notification)
        return self._assembly.take_changes() + self._take_early()

    def complete(self, row: ObjectType, place: Place, source: JsonValue, *, text_only: bool) -> list[Change]:
        """The changes that an object makes which stands beside the feed, of a type that the feed does not tell.

        `text_only` says that it was YAML. Raises SourceRefused.
        """
        if not isinstance(source, dict):
            raise refusal(place, f"holds {quoted(source)} where an object is expected", type_name=row.name)
        self._context.text_only = text_only
        self._take(row, source, place, self._contest_id_fallback if row.name == "contest" else None)
        self._context.text_only = False
        return self._assembly.take_changes() + self._take_early()

    @property
    def waiting(self) -> int:
        """How many objects wait for what they name, those that stand in part included."""
        return self._assembly.waiting

    def awaited(self) -> Iterator[tuple[Key, Key]]:
        """Every object that waits, or stands in part, with each that it names and is missing."""
        return self._assembly.awaited()

    @property
    def has_unsettled(self) -> bool:
        """Whether anything waits that `settle` might make stand in part."""
        return self._assembly.has_unsettled

    def settle(self) -> list[Change]:
        """The changes that make what waits stand in part, for as long as the feed says no more; it may go on."""
        if self.contest is not None:
            self._assembly.settle(Place(self._file))
        return self._assembly.take_changes()

    def finish(self) -> list[Change]:
        """The changes that settle what still waits. Raises SourceRefused when no contest ever came."""
        return self._finish(Place(self._file))

    def _take_early(self) -> list[Change]:
        """The changes that what came before the contest makes, once the contest is there."""
        changes: list[Change] = []
        early, self._early = self._early, []
        for waiting in early:
            self._take_notification(*waiting)
            changes += self._assembly.take_changes()
        return changes

    def _row(self, notification: JsonObject, place: Place) -> ObjectType | None:
        name = notification.get("type")
        if not isinstance(name, str):
            raise refusal(place, "is not a notification: it has no type")
        row = OBJECT_TYPES.get(TYPE_SPELLINGS.get(name, name))
        if row is None:
            identifier = notification.get("id")
            words = "is a type outside the specification, dropped"
            self._notices.warn(place, name, identifier if isinstance(identifier, str) else "", "", words)
        return row

    def _take_notification(self, place: Place, row: ObjectType, notification: JsonObject) -> None:
        """Take all that one line says, and count it when it says nothing new."""
        ended = self.end_of_updates
        keys = self._take_data(place, row, notification)
        unheard = any(self._assembly.awaits(key) for key in keys)
        if not self._assembly.has_changes and not unheard and ended == self.end_of_updates:
            self.repeated_lines += 1

    def _take_data(self, place: Place, row: ObjectType, notification: JsonObject) -> list[Key]:
        operation = notification.get("op")
        if operation is not None and operation not in _OPERATIONS:
            raise refusal(place, f"has the unknown op {quoted(operation)}", type_name=row.name)
        # In the op dialect the notification's id counts events; everywhere else it is that of the object.
        named = None if operation is not None else self._named_id(notification, place, row)
        if operation == "delete":
            return self._take_deletion(place, row, notification)
        if "data" not in notification:
            raise refusal(place, "has no data", type_name=row.name, identifier=named or "")
        data = notification["data"]
        if row.singleton:
            return self._take_singleton(place, row, data, named)
        if isinstance(data, dict):
            return [self._take_object(place, row, data, named)]
        if isinstance(data, list) and named is None:
            return self._take_collection(place, row, data)
        if data is None and named is not None:
            return [self._delete(row, named, place)]
        raise refusal(
            place, f"has data that is no object but {quoted(data)}", type_name=row.name, identifier=named or ""
        )

    def _named_id(self, notification: JsonObject, place: Place, row: ObjectType) -> str | None:
        return object_id(row, {"id": notification.get("id")}, place, None)

    def _take_singleton(self, place: Place, row: ObjectType, data: JsonValue, named: str | None) -> list[Key]:
        members = data if isinstance(data, list) else [data]
        if members == [None] or not members:
            self._notices.warn(place, row.name, "", "", "is deleted, which cannot be: ignored")
            return []
        if len(members) > 1 or not isinstance(members[0], dict):
            raise refusal(place, f"has data that is no object but {quoted(data)}", type_name=row.name)
        fallback = named or self._contest_id_fallback
        return [self._take(row, members[0], place, fallback if row.name == "contest" else None)]

    def _take_object(self, place: Place, row: ObjectType, data: JsonObject, named: str | None) -> Key:
        key = self._take(row, data, place, named)
        if named is not None and named != key[1]:
            self._notices.warn(place, row.name, key[1], "id", f"is {quoted(named)} outside the data, which counts")
        return key

    def _take_collection(self, place: Place, row: ObjectType, data: list[JsonValue]) -> list[Key]:
        """The whole collection is replaced: what it does not hold is gone (JSON Format, "Notifications")."""
        keys: list[Key] = []
        for member in data:
            if not isinstance(member, dict):
                raise refusal(place, f"has a member that is no object but {quoted(member)}", type_name=row.name)
            keys.append(self._take(row, member, place))
        kept = {key[1] for key in keys}
        gone = [identifier for identifier in self._assembly.ids(row.name) if identifier not in kept]
        return keys + [self._delete(row, identifier, place) for identifier in gone]

    def _take_deletion(self, place: Place, row: ObjectType, notification: JsonObject) -> list[Key]:
        data = notification.get("data")
        source = data if isinstance(data, dict) else {"id": notification.get("id")}
        if row.singleton:
            return self._take_singleton(place, row, None, None)
        identifier = object_id(row, source, place, None)
        if identifier is None:
            raise refusal(place, "deletes something without an id", type_name=row.name)
        return [self._delete(row, identifier, place)]

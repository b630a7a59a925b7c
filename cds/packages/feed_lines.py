"""The notifications of a recorded feed: one a line, or all of them in one JSON array.

This module knows lines and their limits. What a notification means is the dialects' affair.
"""

from collections.abc import Generator
from contextlib import closing

import msgspec

from cds.dialects.json_values import JsonValue, Unreadable, decode_json, decode_json_array
from cds.dialects.results import Place, refusal
from cds.packages.limits import COLLECTION_BYTES_MAX, FEED_BYTES_MAX, LINE_BYTES_MAX
from cds.packages.sources import PackageSource

_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
_GROUPS = b'"groups"'
_JUDGEMENT_TYPES = b'"judgement-types"'


class FeedSurvey(msgspec.Struct, frozen=True):
    """What a first look at a feed tells: how much there is, and what will come."""

    notifications: int
    has_judgement_types: bool
    group_ids: frozenset[str]


class FeedLines:
    """A recorded feed; it can be gone through more than once, and is never held in memory line by line."""

    def __init__(self, source: PackageSource, name: str) -> None:
        self.name = name
        self._source = source
        self._is_array = self._begins_as_array()

    def survey(self) -> FeedSurvey:
        """Look through the feed once. Raises SourceRefused for a line beyond the limits."""
        if self._is_array:
            return self._survey_of_array()
        notifications, has_types = 0, False
        group_ids: set[str] = set()
        with closing(self._lines()) as lines:
            for line_number, line in lines:
                notifications += 1
                has_types = has_types or _JUDGEMENT_TYPES in line
                if _GROUPS in line:
                    group_ids |= _group_ids(self._decoded(line_number, line))
        return FeedSurvey(notifications, has_types, frozenset(group_ids))

    def notifications(self) -> Generator[tuple[int, JsonValue]]:
        """Every notification with the number of its line. Raises SourceRefused for what is not JSON."""
        if self._is_array:
            yield from self._array()
            return
        with closing(self._lines()) as lines:
            for line_number, line in lines:
                yield line_number, self._decoded(line_number, line)

    def _lines(self) -> Generator[tuple[int, bytes]]:
        size_bytes = 0
        with closing(self._source.lines(self.name, LINE_BYTES_MAX)) as lines:
            for line_number, line in enumerate(lines, start=1):
                place = Place(self.name, line_number)
                if len(line) > LINE_BYTES_MAX:
                    raise refusal(place, f"is a line of more than {LINE_BYTES_MAX} bytes")
                size_bytes += len(line)
                if size_bytes > FEED_BYTES_MAX:
                    raise refusal(place, f"the feed is larger than {FEED_BYTES_MAX} bytes")
                if not line.isspace():
                    yield line_number, line

    def _decoded(self, line_number: int, line: bytes) -> JsonValue:
        try:
            return decode_json(line)
        except Unreadable as error:
            raise refusal(Place(self.name, line_number), error.message) from error

    def _begins_as_array(self) -> bool:
        with closing(self._source.lines(self.name, LINE_BYTES_MAX)) as lines:
            for line in lines:
                begin = line.removeprefix(_BYTE_ORDER_MARK).lstrip()
                if begin:
                    return begin.startswith(b"[")
        return False

    def _array(self) -> Generator[tuple[int, JsonValue]]:
        try:
            elements = decode_json_array(self._source.read(self.name, COLLECTION_BYTES_MAX))
        except Unreadable as error:
            raise refusal(Place(self.name, error.line), error.message) from error
        for element in elements:
            yield element.line or 1, element.value

    def _survey_of_array(self) -> FeedSurvey:
        notifications, has_types = 0, False
        group_ids: set[str] = set()
        for _, notification in self._array():
            notifications += 1
            group_ids |= _group_ids(notification)
            has_types = has_types or _type_of(notification) == "judgement-types"
        return FeedSurvey(notifications, has_types, frozenset(group_ids))


def _type_of(notification: JsonValue) -> JsonValue:
    return notification.get("type") if isinstance(notification, dict) else None


def _group_ids(notification: JsonValue) -> set[str]:
    """The ids of the groups that a notification brings."""
    if not isinstance(notification, dict) or notification.get("type") != "groups":
        return set()
    data = notification.get("data")
    members = data if isinstance(data, list) else [data]
    return {str(member.get("id")) for member in members if isinstance(member, dict)}

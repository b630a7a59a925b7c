"""The fold of a source's stream: what the upstream said so far, and what our contest has to become.

Everything that is known of a source stands in its stream, so whoever folds it from the beginning knows the same: the
same objects wait, the same oddities bear the same numbers, and the feed is resumed at the same place. While the
upstream is read anew, what that reading says is kept apart until it is level. This module is pure.
"""

from collections.abc import Mapping

import msgspec

from cds.decoding import UnreadableEvent
from cds.dialects.results import Change
from cds.upstream.addresses import UpstreamAddress
from cds.upstream.fetched_files import FetchedFiles, FileId
from cds.upstream.oddities import Oddities
from cds.upstream.reading import Reading
from schemas.objects import ContestObject
from schemas.source_records import (
    LINE,
    SOURCE_RECORDS,
    Anew,
    Ended,
    File,
    FileGivenUp,
    Level,
    Oddity,
    Opened,
    Skipped,
    SourceRecord,
)

_decoders = {name: msgspec.json.Decoder(structure) for name, structure in SOURCE_RECORDS.items()}


class Step(msgspec.Struct, frozen=True):
    """What one event of the stream means for the contest.

    `changes` are to be made one after the other; `aligns`: the contest is to be made equal to all that stands now.
    """

    position: int
    changes: list[Change]
    aligns: bool = False


class Wanted(msgspec.Struct, frozen=True):
    """What the contest has to be: all objects of a source as it stands at a position of its stream.

    `spoken_of` are the types that the source speaks of, or ever did: there is nothing else of them.
    """

    objects: Mapping[str, Mapping[str, ContestObject]]
    spoken_of: frozenset[str]
    position: int


class Following:
    """A source as it stands at a position of its stream."""

    def __init__(self, contest_id: str, address: UpstreamAddress, *, keeps_files: bool = True) -> None:
        """At the beginning. The contest has this id here, whatever the upstream calls it."""
        self.position = 0
        self.url: str | None = None
        """The upstream that was followed last."""
        self.lines = 0
        self.line_position = 0
        """The position of the last line."""
        self.anew_reason = ""
        self.oddities = Oddities()
        self.files = FetchedFiles(address, keeps=keeps_files)
        self.buffer: Reading | None = None
        """The reading anew that is not level yet."""
        self._spoken_of: set[str] = set()
        self._contest_id = contest_id
        self.current = Reading(contest_id, self.files, self.oddities)

    @property
    def reading(self) -> Reading:
        """The reading that goes on."""
        return self.current if self.buffer is None else self.buffer

    def wanted(self) -> Wanted:
        """All that stands now."""
        translator = self.current.translator
        # What was filled in counts too, although the source does not speak of it.
        self._spoken_of |= translator.spoken_of | {name for name, objects in translator.objects.items() if objects}
        return Wanted(translator.objects, frozenset(self._spoken_of), self.position)

    def newly_lacking_files(self) -> list[FileId]:
        """The files that have come to be lacking since the last call; some may have ceased to be so."""
        found: list[FileId] = []
        for reading in self._readings:
            found += reading.wanted.news
            reading.wanted.news.clear()
        return found

    def lacks(self, file_id: FileId) -> bool:
        """Whether some object lacks a file."""
        return any(file_id in reading.wanted for reading in self._readings)

    def lacking_files(self) -> list[FileId]:
        """All files that are lacking and not given up, each once."""
        lacking = dict.fromkeys(file_id for reading in self._readings for file_id in reading.wanted)
        return [file_id for file_id in lacking if file_id not in self.files.given_up]

    @property
    def _readings(self) -> tuple[Reading, ...]:
        return (self.current,) if self.buffer is None else (self.current, self.buffer)

    @property
    def wants_to_end(self) -> bool:
        """Whether the upstream has said that it ends its updates, and that has not been carried out."""
        return self.buffer is None and self.current.says_end and not self.current.ended

    def is_unsettled(self) -> bool:
        """Whether it would make a difference to say that the upstream has said all for now."""
        reading = self.reading
        return self.buffer is not None or (reading.unsettled_lines > 0 and reading.translator.has_unsettled)

    def take(self, position: int, type_name: str, data: bytes | None) -> Step | None:
        """Take in the next event; what it means for the contest, None for nothing. Raises UnreadableEvent."""
        self.position = position
        if type_name == LINE:
            return self._take_line(position, data or b"")
        record = _record(position, type_name, data)
        match record:
            case Opened():
                self.url = record.url
            case Skipped():
                self.oddities.note(position, f"is a line of {record.size_bytes} bytes, which is too long: skipped")
            case Oddity():
                self.oddities.note(
                    position,
                    record.text,
                    type_name=record.type,
                    identifier=record.id,
                    property_name=record.property,
                )
            case Anew():
                self._begin_anew(record.reason)
            case Level():
                return self._be_level(position)
            case File():
                return self._take_file(position, self.files.add(record))
            case FileGivenUp():
                return self._take_file(position, self.files.give_up(record))
            case Ended():
                return Step(position, self.current.finish(position))
        return None

    def _take_line(self, position: int, line: bytes) -> Step | None:
        self.lines += 1
        self.line_position = position
        changes = self.reading.take_line(position, line)
        return Step(position, changes) if changes and self.buffer is None else None

    def _take_file(self, position: int, file_id: FileId) -> Step | None:
        changes = self.current.take_file(position, file_id)
        if self.buffer is not None:
            self.buffer.take_file(position, file_id)
        return Step(position, changes) if changes else None

    def _begin_anew(self, reason: str) -> None:
        known = self.current
        self.anew_reason = reason
        self.buffer = Reading(
            self._contest_id,
            self.files,
            self.oddities,
            known_types_at_once=known.has_contest and not known.has_judgement_types,
            group_ids_taken=frozenset(known.group_ids),
        )

    def _be_level(self, position: int) -> Step | None:
        changes = self.reading.settle(position)
        if self.buffer is None:
            return Step(position, changes) if changes else None
        level, self.buffer = self.buffer, None
        if not level.has_contest:
            self.oddities.note(position, "the upstream was read anew, and there is no contest: ignored")
            return None
        self.wanted()  # so that it is remembered of what the former reading spoke
        self.current = level
        return Step(position, [], aligns=True)


def _record(position: int, type_name: str, data: bytes | None) -> SourceRecord:
    try:
        return _decoders[type_name].decode(data or b"")
    except (KeyError, msgspec.DecodeError) as error:
        raise UnreadableEvent(f"position {position} of the source: {type_name}: {error}") from error

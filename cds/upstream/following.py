"""The fold of a source's stream: what the upstream said so far, and what our contest has to become.

Everything that is known of a source stands in its stream, so whoever folds it from the beginning knows the same: the
same objects wait, the same oddities bear the same numbers, and the feed is resumed at the same place. While the
upstream is read anew, what that reading says is kept apart until it is level. This module is pure.
"""

from collections.abc import Mapping
from collections.abc import Set as AbstractSet

import msgspec

from cds.decoding import UnreadableEvent
from cds.dialects.results import Change
from cds.upstream.addresses import UpstreamAddress
from cds.upstream.fetched_files import HTML, Expectation, FetchedFiles, FileId, file_id_of, references_of
from cds.upstream.oddities import NewOddities, Noting, Oddities
from cds.upstream.reading import Reading
from schemas.objects import ContestObject
from schemas.records import ORDINARY_PACE_PERMILLE
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
    Paced,
    Skipped,
    SourceRecord,
)

_decoders = {name: msgspec.json.Decoder(structure) for name, structure in SOURCE_RECORDS.items()}


class Step(msgspec.Struct, frozen=True):
    """What one event of the stream means for the contest.

    `changes` are to be made one after the other; `aligns`: the contest is to be made equal to all that stands now.
    `restores`: it was so before, so what differs has been changed here. `former` is what stood before a reading anew:
    what is not as it was there has been changed here as well.
    """

    position: int
    changes: list[Change]
    aligns: bool = False
    restores: bool = False
    former: Mapping[str, Mapping[str, ContestObject]] | None = None


class Wanted(msgspec.Struct, frozen=True):
    """What the contest has to be: all objects of a source as it stands at a position of its stream.

    `spoken_of` are the types that the source speaks of, or ever did: there is nothing else of them. At the source
    `pace_permille` milliseconds of contest time pass in a second. `account_ids` are those of all accounts that it ever
    told of: no other account is its to delete. `pace_position` is where it told of its pace.
    """

    objects: Mapping[str, Mapping[str, ContestObject]]
    spoken_of: frozenset[str]
    position: int
    pace_permille: int = ORDINARY_PACE_PERMILLE
    account_ids: AbstractSet[str] = frozenset()
    pace_position: int = 0


class Following:
    """A source as it stands at a position of its stream."""

    def __init__(self, contest_id: str, address: UpstreamAddress, *, keeps_files: bool = True) -> None:
        """At the beginning. The contest has this id here, whatever the upstream calls it."""
        self.position = 0
        self.url: str | None = None
        """The upstream that was followed last."""
        self.lines = 0
        self.understood = 0
        """Lines that were notifications about something that is known."""
        self.line_position = 0
        """The position of the last line."""
        self.anew_reason = ""
        self.oddities = Oddities()
        self.files = FetchedFiles(address, keeps=keeps_files)
        self.buffer: Reading | None = None
        """The reading anew that is not level yet."""
        self._spoken_of: set[str] = set()
        self._account_ids: set[str] = set()
        self._contest_id = contest_id
        self._address = address
        self._anew_types = False
        self._anew_groups: frozenset[str] = frozenset()
        self.current = Reading(contest_id, self.files, self.oddities, self._account_ids)

    @property
    def reading(self) -> Reading:
        """The reading that goes on."""
        return self.current if self.buffer is None else self.buffer

    def wanted(self) -> Wanted:
        """All that stands now."""
        translator = self.current.translator
        # What was filled in counts too, although the source does not speak of it.
        self._spoken_of |= translator.spoken_of | {name for name, objects in translator.objects.items() if objects}
        return Wanted(
            translator.objects,
            frozenset(self._spoken_of),
            self.position,
            self.current.pace_permille,
            self._account_ids,
            self.current.pace_position,
        )

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

    def expectation_of(self, file_id: FileId) -> Expectation:
        """What is known beforehand of a file that is lacking."""
        wanting = [each for reading in self._readings for _, each in reading.wanted.of(file_id)]
        said = [
            (files, reference)
            for each in wanting
            for files, reference in references_of(each.row, each.source)
            if file_id_of(reference) == file_id
        ]
        return Expectation(
            image=any(files.image for files, _ in said),
            html=any(reference.get("mime") == HTML for _, reference in said),
            known=self.files.unsealed(file_id),
        )

    def kind_of(self, file_id: FileId) -> str:
        """Which property of which type a file is that is lacking; where it is several, the first in order."""
        kinds = {
            f"{wanting.row.name}.{files.property}"
            for reading in self._readings
            for _, wanting in reading.wanted.of(file_id)
            for files, reference in references_of(wanting.row, wanting.source)
            if file_id_of(reference) == file_id
        }
        return min(kinds, default="")

    def lacking_files(self) -> list[FileId]:
        """All files that are lacking, or may be others by now, and are not given up, each once."""
        lacking = dict.fromkeys(file_id for reading in self._readings for file_id in reading.wanted)
        return [file_id for file_id in lacking if file_id not in self.files.given_up]

    @property
    def _readings(self) -> tuple[Reading, ...]:
        return (self.current,) if self.buffer is None else (self.current, self.buffer)

    @property
    def wants_to_end(self) -> bool:
        """Whether the upstream has said that it ends its updates, and that has not been carried out."""
        return self.buffer is None and self.current.says_end and not self.current.ended

    def takes_back(self) -> bool:
        """Whether the reading anew, as it stands, would take away or change anything that the former one came to."""
        if self.buffer is None:
            return False
        told = self.buffer.translator.objects
        return any(
            told[type_name].get(identifier) != known
            for type_name, objects in self.current.translator.objects.items()
            for identifier, known in objects.items()
        )

    def reading_beside(self) -> Reading:
        """A reading at its beginning, to put together what the upstream says of the same elsewhere than in its feed."""
        return self._reading_anew(FetchedFiles(self._address, keeps=False), Oddities(), set())

    def spoken_of(self) -> frozenset[str]:
        """The types of which the upstream has told in its feed, in the readings that are kept."""
        return frozenset().union(*(reading.translator.spoken_of for reading in self._readings))

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
            case Paced():
                return self._take_pace(position, record.pace_permille)
            case Skipped() | Oddity():
                self._note(position, record)
            case Anew():
                self._begin_anew(record.reason)
            case Level():
                return self._be_level(position)
            case File() | FileGivenUp():
                return self._take_file(position, record)
            case Ended():
                return Step(position, self.current.finish(position))
        return None

    def _take_line(self, position: int, line: bytes) -> Step | None:
        self.lines += 1
        self.line_position = position
        reading, understood = self.reading, self.reading.understood
        changes = reading.take_line(position, line)
        self.understood += reading.understood - understood
        return Step(position, changes) if changes and self.buffer is None else None

    def _take_pace(self, position: int, pace_permille: int) -> Step | None:
        self.reading.pace_permille, self.reading.pace_position = pace_permille, position
        return Step(position, []) if self.buffer is None and self.current.has_contest else None

    def _note(self, position: int, record: Skipped | Oddity) -> None:
        if isinstance(record, Skipped):
            self.oddities.note(position, f"is a line of {record.size_bytes} bytes, which is too long: skipped")
            return
        self.oddities.note(
            position, record.text, type_name=record.type, identifier=record.id, property_name=record.property
        )

    def _take_file(self, position: int, record: File | FileGivenUp) -> Step | None:
        file_id = self.files.add(record) if isinstance(record, File) else self.files.give_up(record)
        changes = self.current.take_file(position, file_id)
        if self.buffer is not None:
            self.buffer.take_file(position, file_id)
        return Step(position, changes) if changes else None

    def _begin_anew(self, reason: str) -> None:
        self.anew_reason = reason
        known = self.current
        # Those are asked of the reading before, whatever becomes of it until this one is level.
        self._anew_types = known.has_contest and not known.has_judgement_types
        self._anew_groups = frozenset(known.group_ids)
        self.buffer = self._reading_anew(self.files, NewOddities(self.oddities), self._account_ids)

    def _reading_anew(self, files: FetchedFiles, oddities: Noting, account_ids: set[str]) -> Reading:
        return Reading(
            self._contest_id,
            files,
            oddities,
            account_ids,
            revises=True,
            known_types_at_once=self._anew_types,
            group_ids_taken=self._anew_groups,
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
        level.be_the_one_that_goes_on(self.oddities)
        known, self.current = self.current, level
        return Step(position, [], aligns=True, former=known.translator.objects if known.has_contest else None)


def _record(position: int, type_name: str, data: bytes | None) -> SourceRecord:
    try:
        return _decoders[type_name].decode(data or b"")
    except (KeyError, msgspec.DecodeError, UnicodeDecodeError) as error:
        raise UnreadableEvent(f"position {position} of the source: {type_name}: {error}") from error

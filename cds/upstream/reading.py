"""One reading of an upstream from its beginning: what it came to, and where it goes on.

Lines in, changes of our contest out; a line that cannot be taken is an oddity, and the rest goes on. This module is
pure; it must not know where lines come from, nor where changes go.
"""

from array import array

from cds.dialects.feed import FeedTranslator
from cds.dialects.json_values import JsonObject, JsonValue, Unreadable, decode_json
from cds.dialects.references import Key
from cds.dialects.results import Change, Place, SourceRefused
from cds.upstream.fetched_files import FetchedFiles, FileId, file_id_of, references_of
from cds.upstream.notifications import Resume, objects_of, replaces_collection, resume_of, row_of
from cds.upstream.oddities import Noting
from cds.upstream.wanted_files import WantedFiles, Wanting
from schemas.object_types import ObjectType
from schemas.records import ORDINARY_PACE_PERMILLE

HELD_LINES_MAX = 100_000
"""Lines that may come before the contest that they are part of; what comes beyond is an oddity."""


class Reading:
    """One reading. Positions are those of the lines in the stream of the source."""

    def __init__(
        self,
        contest_id: str,
        files: FetchedFiles,
        oddities: Noting,
        account_ids: set[str],
        *,
        revises: bool = False,
        known_types_at_once: bool = False,
        group_ids_taken: frozenset[str] = frozenset(),
    ) -> None:
        """Nothing has come. The contest gets the id `contest_id` here; to `account_ids` those are added that are told
        of. `revises`: all of it was told before, maybe otherwise. For the rest see FeedTranslator.
        """
        self.lines = 0
        self.understood = 0
        """Lines that were notifications about something that is known."""
        self.resume: Resume | None = None
        self.resume_position = 0
        """The position of the line behind which to resume."""
        self.pace_permille = ORDINARY_PACE_PERMILLE
        """How many milliseconds of contest time pass in a second at the upstream."""
        self.pace_position = 0
        """The position of the event that tells of it."""
        self.wanted = WantedFiles()
        self.ended = False
        """Whether it has been finished: nothing can change any more."""
        self.group_ids: set[str] = set()
        self.has_judgement_types = False
        self.unsettled_lines = 0
        """Lines since what waits was settled the last time."""
        self._revises = revises
        self._account_ids = account_ids
        self._files = files
        self._oddities = oddities
        self.unplaced: list[int] = []
        """Digests of the lines behind the last that says how to resume; they come again when it is resumed there."""
        self._digests = array("q")
        self._resumable: set[int] = set()
        self._held: list[tuple[int, JsonObject]] = []
        self.translator = FeedTranslator(
            file="",
            contest_id=contest_id,
            contest_id_fallback=contest_id,
            files=files,
            known_types_at_once=known_types_at_once,
            group_ids_taken=group_ids_taken,
        )

    @property
    def has_contest(self) -> bool:
        """Whether the contest object has come."""
        return self.translator.contest is not None

    @property
    def says_end(self) -> bool:
        """Whether the upstream has said that it ends its updates."""
        return self.translator.end_of_updates is not None

    @property
    def waiting(self) -> int:
        """How many objects wait for what they name, or for their contest."""
        return self.translator.waiting + len(self._held)

    @property
    def group_clashes(self) -> bool:
        """Whether the source uses the id of the group that was made up for teams that are not hidden."""
        return self.translator.hidden_teams.group_id in self.group_ids

    def be_the_one_that_goes_on(self, oddities: Noting) -> None:
        """What has been read anew is level: from here on everything odd is noted, with `oddities`."""
        self._oddities = oddities

    # What has come before.

    def knows(self, line: bytes) -> bool:
        """Whether this very line, with its token, has come before: it is sent again."""
        return hash(line) in self._resumable

    def has_at(self, index: int, line: bytes) -> bool:
        """Whether this is the line that came at an index, from 0."""
        return index < self.lines and self._digests[index] == hash(line)

    # What comes.

    def take_line(self, position: int, line: bytes) -> list[Change]:
        """The changes that a line makes; none for one that comes again with its token."""
        digest = hash(line)
        if digest in self._resumable:
            return []
        self._digests.append(digest)
        self.lines += 1
        self.unsettled_lines += 1
        try:
            notification = decode_json(line)
        except Unreadable as unreadable:
            self._oddities.note(position, unreadable.message)
            self.unplaced += [digest] if self.resume is not None else []
            return []
        resume = resume_of(notification)
        if resume is not None:
            self.resume, self.resume_position = resume, position
            self._resumable.add(digest)
            self.unplaced.clear()
        elif self.resume is not None:
            self.unplaced.append(digest)
        if self.ended:
            self._oddities.note(position, "came behind the end of updates: ignored")
            return []
        changes = self._take(position, notification)
        if self._held and self.has_contest:
            held, self._held = self._held, []
            for earlier, each in held:
                changes += self._take(earlier, each)
        return changes

    def take_file(self, position: int, file_id: FileId) -> list[Change]:
        """The changes that it makes that a file is there now, or that it cannot be had, for the time being."""
        lacking, reason = self.wanted.of(file_id), self._files.given_up.get(file_id)
        if reason is None:
            self.wanted.settle(file_id)
        changes: list[Change] = []
        for (_, identifier), wanting in lacking if not self.ended else ():
            row = wanting.row
            if reason is not None:
                words = f"the file {file_id[0]} cannot be had: {reason}"
                self._oddities.note(wanting.position, words, type_name=row.name, identifier=identifier)
            try:
                changes += self.translator.complete(row, Place("", wanting.position), wanting.source, text_only=False)
            except SourceRefused as refused:
                words = _reason(refused, wanting.position)
                self._oddities.note(position, words, type_name=row.name, identifier=identifier)
        # Everything that is odd in an object has been said when it came.
        self.translator.take_warnings()
        return changes

    def settle(self, position: int) -> list[Change]:
        """The changes that make what waits stand in part, as long as nothing more comes."""
        self.unsettled_lines = 0
        changes = [] if self.ended else self.translator.settle()
        self._oddities.note_all(position, self.translator.take_warnings())
        return changes

    def finish(self, position: int) -> list[Change]:
        """The changes that settle everything for good."""
        if self.ended or not self.has_contest:
            return []
        self.ended = True
        changes = self.translator.finish()
        self._oddities.note_all(position, self.translator.take_warnings())
        return changes

    def _take(self, position: int, notification: JsonValue) -> list[Change]:
        row = row_of(notification)
        self.understood += row is not None
        changes: list[Change] = []
        try:
            if row is not None and isinstance(notification, dict) and self._is_early(position, row, notification):
                return []
            again = self._said_before(row, notification)
            changes = self.translator.translate(position, notification)
        except SourceRefused as refused:
            self._oddities.note(position, _reason(refused, position), type_name=row.name if row is not None else "")
        else:
            if row is not None and isinstance(notification, dict):
                self._note(position, row, notification, again)
        self._oddities.note_all(position, self.translator.take_warnings())
        return changes

    def _is_early(self, position: int, row: ObjectType, notification: JsonObject) -> bool:
        """Whether a line waits for the contest that it is part of; the translator would lose others with an odd one."""
        if self.has_contest or row.name == "contest":
            return False
        if len(self._held) < HELD_LINES_MAX:
            self._held.append((position, notification))
        else:
            self._oddities.note(position, f"came before the contest, with {HELD_LINES_MAX} others: ignored")
        return True

    def _said_before(self, row: ObjectType | None, notification: JsonValue) -> set[Key]:
        """Those of the objects with files that were told of before: their files may be others by now."""
        if row is None or not row.file_properties or not isinstance(notification, dict):
            return set()
        known = self.translator.objects[row.name]
        return {key for key, _ in objects_of(row, notification) if self._revises or key[1] in known}

    def _note(self, position: int, row: ObjectType, notification: JsonObject, again: set[Key]) -> None:
        """Remember what will be asked later: files that are lacking, ids of groups, whether there are types."""
        if row.name == "judgement-types":
            self.has_judgement_types = True
        if row.name == "accounts":
            self._account_ids |= {key[1] for key, _ in objects_of(row, notification)}
        if not row.file_properties:
            if row.name == "groups":
                self.group_ids |= {key[1] for key, source in objects_of(row, notification) if source is not None}
            return
        said: set[Key] = set()
        for key, source in objects_of(row, notification):
            said.add(key)
            self.wanted.note(key, self._wanting(position, row, source, again=key in again))
        if replaces_collection(notification):
            for key in self.wanted.keys_of(row.name) - said:
                self.wanted.note(key, None)

    def _wanting(self, position: int, row: ObjectType, source: JsonObject | None, *, again: bool) -> Wanting | None:
        if source is None:
            return None
        file_ids = dict.fromkeys(
            file_id_of(said)
            for files, said in references_of(row, source)
            if self._files.is_to_be_fetched(row, files, said)
            and self._is_to_be_asked_for(file_id_of(said), again=again)
        )
        return Wanting(row, source, position, tuple(file_ids)) if file_ids else None

    def _is_to_be_asked_for(self, file_id: FileId, *, again: bool) -> bool:
        return not self._files.has(file_id) or (again and self._files.unsealed(file_id) is not None)


def _reason(refused: SourceRefused, position: int) -> str:
    """What is wrong with a line; which line it is stands beside it."""
    return str(refused).removeprefix(f"{Place('', position)}: ")

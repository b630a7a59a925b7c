"""What the translation of a feed and of a package share: one contest, taken object by object.

This module knows the contest's id, passwords and how many objects are too many. It must not know notifications,
nor files of a package.
"""

from cds.dialects.assembly import Assembly
from cds.dialects.drafts import Context, FileFinder
from cds.dialects.hidden_teams import HiddenTeams
from cds.dialects.json_values import JsonObject
from cds.dialects.objects import object_id, translate_object
from cds.dialects.references import Key
from cds.dialects.results import Change, Notices, Place, Warned, quoted, refusal
from schemas.object_types import SINGLETON_ID, ObjectType
from schemas.objects import Contest, ContestObject

OBJECTS_MAX = 20_000_000
"""How many objects, or versions of them, one source may hold."""


class ContestTranslator:
    """Takes objects as a source spells them; gives changes that a fresh log can take one after the other."""

    def __init__(
        self,
        *,
        closed: bool,
        contest_id: str | None = None,
        files: FileFinder | None = None,
        known_types_at_once: bool = False,
        group_ids_taken: frozenset[str] = frozenset(),
        hidden_teams: HiddenTeams | None = None,
    ) -> None:
        self.passwords: dict[str, str] = {}
        self.spoken_of: set[str] = set()
        self._notices = Notices()
        self._context = Context(self._notices, files)
        self._assembly = Assembly(
            self._notices,
            closed=closed,
            known_types_at_once=known_types_at_once,
            hidden_teams=hidden_teams or HiddenTeams(group_ids_taken),
        )
        self._contest_id = contest_id
        self._contest_id_said: str | None = None
        self._taken = 0

    @property
    def warnings(self) -> list[Warned]:
        """All repairs and omissions so far."""
        return self._notices.warnings

    def take_warnings(self) -> list[Warned]:
        """The repairs and omissions since the last call; `warnings` no longer tells them."""
        return self._notices.take()

    @property
    def objects(self) -> dict[str, dict[str, ContestObject]]:
        """The contest as it stands: the fold of all changes given out."""
        return self._assembly.objects

    @property
    def contest(self) -> Contest | None:
        """The contest object as the source said it last, None before it did."""
        return self._context.contest

    @property
    def hidden_teams(self) -> HiddenTeams:
        """Who is hidden, as the source says it."""
        return self._assembly.hidden_teams

    @property
    def end_of_updates(self) -> str | None:
        """The TIME at which the source ended its updates; the change itself comes with `finish`."""
        return self._assembly.end_of_updates

    def _take(self, row: ObjectType, source: JsonObject, place: Place, fallback_id: str | None = None) -> Key:
        """Translate one object and put it where it belongs. Raises SourceRefused."""
        self._count(place)
        self.spoken_of.add(row.name)
        if row.name == "contest":
            source = self._with_contest_id(row, source, place, fallback_id)
        translated = translate_object(row, source, place, self._context, identifier=fallback_id)
        if isinstance(translated.instance, Contest):
            self._context.contest = translated.instance
        if translated.password is not None:
            self.passwords[translated.identifier] = translated.password
        key = (row.name, translated.identifier)
        self._assembly.say(key, translated.instance, place, hidden=translated.hidden)
        return key

    def _delete(self, row: ObjectType, identifier: str, place: Place) -> Key:
        self._count(place)
        self.spoken_of.add(row.name)
        if row.name == "accounts":
            self.passwords.pop(identifier, None)
        self._assembly.delete((row.name, identifier), place)
        return row.name, identifier

    def _finish(self, place: Place) -> list[Change]:
        if self._context.contest is None or SINGLETON_ID not in self.objects["contest"]:
            raise refusal(place, "there is no contest in it: no contest object was found")
        self._assembly.finish(place)
        if self._assembly.hidden_teams.group_id is not None:
            self.spoken_of.add("groups")
        return self._assembly.take_changes()

    def _count(self, place: Place) -> None:
        self._taken += 1
        if self._taken > OBJECTS_MAX:
            raise refusal(place, f"there are more than {OBJECTS_MAX} objects")

    def _with_contest_id(
        self, row: ObjectType, source: JsonObject, place: Place, fallback_id: str | None
    ) -> JsonObject:
        """The contest under the id that it is to have here; one source tells of one contest."""
        said = object_id(row, source, place, fallback_id)
        if self._contest_id_said is not None and said is not None and said != self._contest_id_said:
            words = f"is {quoted(said)} after {quoted(self._contest_id_said)}: one source tells of one contest"
            raise refusal(place, words, type_name=row.name, property_name="id")
        self._contest_id_said = said
        return source if self._contest_id is None else {**source, "id": self._contest_id}

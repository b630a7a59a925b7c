"""The translation of a contest package: collections, type by type, complete in themselves.

This module knows in which order and with which strictness a package is taken. It must not read any file.
"""

from cds.dialects.drafts import FileFinder
from cds.dialects.hidden_teams import HiddenTeams
from cds.dialects.json_values import JsonValue
from cds.dialects.references import Key
from cds.dialects.results import Change, Place, quoted, refusal
from cds.dialects.translators import ContestTranslator
from schemas.object_types import ObjectType
from schemas.objects import ContestObject


class PackageTranslator(ContestTranslator):
    """Takes the objects of a package, contest first and then in the order of table one.

    Inside a package every reference must lead somewhere (Contest Package, "Referential integrity").
    `hidden_teams`: who is hidden of the teams that come by `complete`.
    """

    def __init__(
        self,
        *,
        contest_id: str | None = None,
        contest_id_fallback: str | None = None,
        files: FileFinder | None = None,
        has_judgement_types: bool = True,
        group_ids_taken: frozenset[str] = frozenset(),
        hidden_teams: HiddenTeams | None = None,
    ) -> None:
        super().__init__(
            closed=True,
            contest_id=contest_id,
            files=files,
            known_types_at_once=not has_judgement_types,
            group_ids_taken=group_ids_taken,
            hidden_teams=hidden_teams,
        )
        self._contest_id_fallback = contest_id_fallback
        self._seen: set[Key] = set()

    def begin(self, row: ObjectType, *, text_only: bool) -> None:
        """A file with the collection of a type is there; `text_only` says that it is YAML."""
        self.spoken_of.add(row.name)
        self._context.text_only = text_only

    def translate(self, row: ObjectType, place: Place, source: JsonValue) -> list[Change]:
        """The changes that one object makes. Raises SourceRefused."""
        if not isinstance(source, dict):
            raise refusal(place, f"holds {quoted(source)} where an object is expected", type_name=row.name)
        key = self._take(row, source, place, self._contest_id_fallback if row.name == "contest" else None)
        if key in self._seen:
            raise refusal(place, "is there twice", type_name=key[0], identifier=key[1])
        self._seen.add(key)
        return self._assembly.take_changes()

    def complete(self, key: Key, instance: ContestObject, place: Place, *, hidden: bool) -> list[Change]:
        """The changes that an object makes which the feed beside the package told and no file of it does.

        What it names and the package does not hold is left out with a warning: the package counts.
        """
        self._count(place)
        self._assembly.say(key, instance, place, hidden=hidden, may_dangle=True)
        return self._assembly.take_changes()

    def finish(self, place: Place) -> list[Change]:
        """The changes that settle what still waits. Raises SourceRefused for a reference that leads nowhere."""
        return self._finish(place)

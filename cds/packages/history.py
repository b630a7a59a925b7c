"""A feed beside the collections of a package: the collections say how things stand, the feed how they came to.

The feed's history is taken when it ends where the collections do; if it ends elsewhere, the collections count. Each
is completed by the types of which only the other speaks. This module must not know any repair.
"""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing

import msgspec

from cds.dialects.feed import FeedTranslator
from cds.dialects.hidden_teams import HiddenTeams
from cds.dialects.package import PackageTranslator
from cds.dialects.references import Key
from cds.dialects.results import Change, Place, Warned
from cds.packages.collection_files import Collection
from cds.packages.contents import ContestContents
from cds.packages.feed_lines import FeedLines
from cds.packages.progress import Counted
from schemas.object_types import OBJECT_TYPES, ObjectType
from schemas.objects import ContestObject

FREEZE_IS_TOLD_BY = ("state", "submissions")
"""Types from which a fold learns that the freeze has begun, and so what the awards were at that moment."""


def translate_feed(feed: FeedLines, translator: FeedTranslator, counted: Counted) -> list[Change]:
    """The changes that the notifications of a feed make, without those of the end. Raises SourceRefused."""
    changes: list[Change] = []
    with closing(feed.notifications()) as notifications:
        for line_number, notification in notifications:
            changes += translator.translate(line_number, notification)
            counted.one_more()
    return changes


class FeedBeside:
    """A feed that lies beside collections, gone through to its end."""

    def __init__(
        self, feed: FeedLines, translator: FeedTranslator, collections: list[Collection], counted: Counted
    ) -> None:
        """Take the whole feed, then the collections of types that it does not speak of. Raises SourceRefused."""
        self._place = Place(feed.name)
        self._translator = translator
        self._types_with_file = frozenset(each.row.name for each in collections)
        self._changes = translate_feed(feed, translator, counted)
        if translator.contest is None:
            self._complete([each for each in collections if each.row.name == "contest"])
        told = frozenset(translator.spoken_of)
        self._only_in_collections = self._types_with_file - told
        self._awards_are_told = "awards" in told
        self._complete([each for each in collections if each.row.name not in told])
        self._changes += translator.finish()

    @property
    def has_judgement_types(self) -> bool:
        """Whether there are judgement types in it, or were filled in."""
        return bool(self._translator.objects["judgement-types"])

    @property
    def hidden_teams(self) -> HiddenTeams | None:
        """Who of the teams is hidden, None when the collections have teams of their own."""
        return None if "teams" in self._types_with_file else self._translator.hidden_teams

    def complete(self, package: PackageTranslator, row: ObjectType) -> list[Change]:
        """Give the package the objects of a type for which it has no file; the changes that this makes."""
        if row.name in self._translator.spoken_of:
            package.begin(row, text_only=False)
        changes: list[Change] = []
        for key, instance in self._lacking(row):
            hidden = self._translator.hidden_teams.is_marked(*key)
            changes += package.complete(key, instance, self._place, hidden=hidden)
        return changes

    def joined(self, contents: ContestContents, said: Iterable[Warned]) -> ContestContents:
        """What the collections told, completed by this feed, with the feed's history if it ends in the same state.

        `said` are the warnings about objects of the collections; of the feed's own, those about the same objects
        are dropped.
        """
        passwords = contents.passwords
        if "accounts" not in self._types_with_file:
            passwords = passwords | self._translator.passwords
        objection = self._objection(contents.final)
        if objection is not None:
            kept = [each for each in self._translator.warnings if each.type not in self._types_with_file]
            warnings = [*contents.warnings, *kept, objection]
            return msgspec.structs.replace(contents, passwords=passwords, warnings=warnings)
        known = {(each.type, each.id) for each in said}
        kept = [each for each in self._translator.warnings if (each.type, each.id) not in known]
        return msgspec.structs.replace(
            contents,
            changes=self._changes,
            passwords=passwords,
            warnings=[*contents.warnings, *kept],
            repeated_lines=self._translator.repeated_lines,
        )

    def _lacking(self, row: ObjectType) -> Iterator[tuple[Key, ContestObject]]:
        """The objects of a type without a file; the group of participants goes with the teams that are in it."""
        groups = self._translator.objects["groups"]
        participants = self._translator.hidden_teams.group_id
        if row.name == "teams" and participants in groups:
            yield ("groups", participants), groups[participants]
        for identifier, instance in self._translator.objects[row.name].items():
            if row.name != "groups" or identifier != participants:
                yield (row.name, identifier), instance

    def _complete(self, collections: list[Collection]) -> None:
        for each in collections:
            for element in each.elements:
                place = Place(each.file, element.line)
                self._changes += self._translator.complete(each.row, place, element.value, text_only=each.is_yaml)

    def _objection(self, final: Mapping[str, Mapping[str, ContestObject]]) -> Warned | None:
        """Why the history of the feed cannot be taken, None when it can."""
        differing = list(_differing(final, self._translator.objects))
        if differing:
            type_name, identifier = differing[0]
            words = (
                f"is not at the end of the feed what it is in the collections, which count; "
                f"objects that differ: {len(differing)}"
            )
            return Warned(self._place.file, None, type_name, identifier, "", words)
        lacking = [name for name in FREEZE_IS_TOLD_BY if name in self._only_in_collections]
        if self._awards_are_told and lacking:
            # Taken as it is, such a history would show the awards of the jury as those of before the freeze.
            words = f"are told without {lacking[0]}, so not as they were before a freeze: the collections count"
            return Warned(self._place.file, None, "awards", "", "", words)
        return None


def _differing(
    one: Mapping[str, Mapping[str, ContestObject]], other: Mapping[str, Mapping[str, ContestObject]]
) -> Iterator[Key]:
    """What is not the same in both, in the order of table one."""
    for name in OBJECT_TYPES:
        for identifier in dict.fromkeys([*one[name], *other[name]]):
            if one[name].get(identifier) != other[name].get(identifier):
                yield name, identifier

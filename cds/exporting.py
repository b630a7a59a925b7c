"""Export: a contest as an administrator sees it becomes the documents of a contest package.

This module must not know how packages are laid out on disk; it yields names and bytes.
"""

from collections.abc import AsyncIterator, Iterator, Mapping

import msgspec

from cds.contest_api.metadata import api_information
from cds.live_contest import LiveContest
from cds.packages.collection_files import PLATFORM_OBJECTS_FILE
from cds.view_names import view_name
from eventstore.store import EventStore
from projections.feed_lines import ALL_TYPES_MASK
from projections.tokens import TokenMaker
from schemas.object_types import OBJECT_TYPES, ObjectType
from schemas.objects import Account, ContestObject
from schemas.properties import FileReference
from schemas.records import PlatformObjects
from schemas.viewers import Role, Viewer

EXPORT_ROLE: Role = "admin"


class AccountWithPassword(Account, frozen=True, kw_only=True, omit_defaults=True):
    """An account with the hash of its password, for packages that carry credentials."""

    password: str | None = None


def documents(
    contest: LiveContest,
    version: str,
    password_hashes: Mapping[str, str] | None,
    platform_objects: PlatformObjects | None = None,
) -> dict[str, bytes]:
    """The JSON documents of a package by file name; password hashes by account id are added where given.

    `platform_objects`: which of the objects are a platform's, for whoever imports the package and its contest again.
    """
    audience = contest.audience(EXPORT_ROLE)
    found = {"api.json": api_information(version) + b"\n"}
    for name, row in OBJECT_TYPES.items():
        shown = list(audience.collection(contest.state, name, None))
        if not shown:
            continue
        if name == "accounts" and password_hashes is not None:
            shown = [_with_password(data, password_hashes) for data in shown]
        body = shown[0] if row.singleton else b"[\n" + b",\n".join(shown) + b"\n]"
        found[f"{row.package_file}.json"] = body + b"\n"
    if platform_objects is not None:
        found[PLATFORM_OBJECTS_FILE] = msgspec.json.encode(platform_objects) + b"\n"
    found["scoreboard.json"] = contest.scoreboard(EXPORT_ROLE, frozen=False, group_id=None) + b"\n"
    return found


async def feed(contest: LiveContest, tokens: TokenMaker) -> Iterator[bytes]:
    """The administrator's event feed so far, in pieces of whole lines."""
    lines = await contest.feed(EXPORT_ROLE)
    tag = tokens.tag(view_name(contest, Viewer(role=EXPORT_ROLE)), ALL_TYPES_MASK)

    def pieces() -> Iterator[bytes]:
        sequence = 0
        while (chunk := lines.after(sequence, tag)) is not None:
            sequence = chunk.sequence
            yield chunk.data

    return pieces()


async def file_contents(contest: LiveContest, store: EventStore) -> AsyncIterator[tuple[str, bytes]]:
    """Every file that an object refers to and that we keep: its path in the package, and its bytes."""
    for name, row in OBJECT_TYPES.items():
        for identifier, instance in contest.state.objects[name].items():
            for reference in _kept_files(row, instance):
                content = await store.file(reference.content or "")
                if content is not None:
                    yield row.package_path(identifier, reference.filename), content


def _kept_files(row: ObjectType, instance: ContestObject) -> Iterator[FileReference]:
    for file_property in row.file_properties:
        references: list[FileReference] = getattr(instance, file_property.property) or []
        yield from (reference for reference in references if reference.content is not None)


def _with_password(data: bytes, password_hashes: Mapping[str, str]) -> bytes:
    account = msgspec.json.decode(data, type=AccountWithPassword)
    return msgspec.json.encode(msgspec.structs.replace(account, password=password_hashes.get(account.id)))

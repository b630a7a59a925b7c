"""Lists of accounts in files, as contest packages have them: `accounts.yaml` and `accounts.json`.

What is wished of an account is what the file says of it, nothing more. This module must not know the log.
"""

from collections.abc import Sequence
from pathlib import Path

import msgspec

from cds.dialects.drafts import Context
from cds.dialects.json_values import Element, Unreadable, decode_json_array
from cds.dialects.objects import translate_object
from cds.dialects.results import Notices, Place, Warned, refusal
from cds.dialects.yaml_values import decode_yaml
from cds.packages.limits import YAML_BYTES_MAX
from schemas.object_types import OBJECT_TYPES

JSON_SUFFIX = ".json"


class AccountWish(msgspec.Struct, frozen=True):
    """What is wished of one account: the properties to set, by name, and a password (or its argon2 hash)."""

    account_id: str
    properties: dict[str, str]
    password: str | None = None


class AccountFile(msgspec.Struct, frozen=True):
    """What a file says, and what had to be repaired to read it."""

    wishes: list[AccountWish]
    warnings: list[Warned]


def read_accounts(file: Path) -> AccountFile:
    """The accounts of a file: JSON where its name ends so, else YAML. Raises SourceRefused, and OSError."""
    with file.open("rb") as opened:
        text = opened.read(YAML_BYTES_MAX + 1)
    if len(text) > YAML_BYTES_MAX:
        raise refusal(Place(file.name), f"is larger than {YAML_BYTES_MAX} bytes")
    try:
        elements = decode_json_array(text) if file.suffix.lower() == JSON_SUFFIX else _yaml_elements(file, text)
    except Unreadable as error:
        raise refusal(Place(file.name, error.line), error.message) from error
    notices = Notices()
    context = Context(notices)
    context.text_only = file.suffix.lower() != JSON_SUFFIX
    return AccountFile([_wish(file, element, context) for element in elements], notices.warnings)


def _yaml_elements(file: Path, text: bytes) -> Sequence[Element]:
    document = decode_yaml(text)
    if not isinstance(document.value, list):
        raise refusal(Place(file.name), "is not a list of accounts")
    return document.elements


def _wish(file: Path, element: Element, context: Context) -> AccountWish:
    place = Place(file.name, element.line)
    if not isinstance(element.value, dict):
        raise refusal(place, "is not an account, which is an object with properties")
    translated = translate_object(OBJECT_TYPES["accounts"], element.value, place, context)
    said = msgspec.convert(msgspec.to_builtins(translated.instance), dict[str, str])
    said.pop("id")
    # An empty password is none, as in a contest package.
    return AccountWish(translated.identifier, said, translated.password or None)

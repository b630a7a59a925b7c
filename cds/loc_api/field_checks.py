"""What an argument has to be like, beside being of the right type: each check says in one sentence what is wrong.

Pure: what is said of a request depends on the request alone (requirements-003, 2 and 3.2). This module must not know
what there is on the platform, nor which endpoint asks.
"""

from collections.abc import Callable, Mapping

import msgspec

from cds.commands.user_names import (
    EMAIL_CHARACTERS_MAX,
    NAME_CHARACTERS_MAX,
    PASSWORD_CHARACTERS_MAX,
    PASSWORD_CHARACTERS_MIN,
    USERNAME_CHARACTERS_MAX,
    is_display_name,
    is_email,
    is_password,
    is_username,
)
from cds.loc_api.dates import Instant
from cds.openapi.json_schemas import Json, Schema

Given = Mapping[str, object]
"""The arguments that were sent and are of the right type, by their names on the wire."""


class Check(msgspec.Struct, frozen=True):
    """What a text has to be like: `wrong` is what is wrong with one, None: nothing; `told` says it in JSON Schema, as
    far as that can.
    """

    wrong: Callable[[str], str | None]
    told: Schema

    def __call__(self, text: str) -> str | None:
        """What is wrong with a text."""
        return self.wrong(text)


def _told(**schema: Json) -> Callable[[Callable[[str], str | None]], Check]:
    """Makes a check of a function, with what clients are told."""
    return lambda wrong: Check(wrong, schema)


Checks = Mapping[str, Check]
Comparison = Callable[[Given], Mapping[str, str]]
"""What is wrong with several arguments together, by the name of one of them."""

TEXT_CHARACTERS_MAX = 255
SLUG_CHARACTERS_MAX = 128
URL_CHARACTERS_MAX = 512
LONG_TEXT_CHARACTERS_MAX = 65_536

EMPTY = "Cannot be empty"
NOT_VALID = "Data value was not valid"
TOO_LONG = "Data value was too long"
INVALID_EMAIL = "Invalid email"
INVALID_USERNAME = "Invalid username"
PASSWORDS_DIFFER = "Passwords do not match"

SLUG_CHARACTERS = frozenset("abcdefghijklmnopqrstuvwxyz0123456789-")


@_told(minLength=1, maxLength=USERNAME_CHARACTERS_MAX)
def username(text: str) -> str | None:
    """A name to log in with."""
    return None if is_username(text) else INVALID_USERNAME


@_told(maxLength=NAME_CHARACTERS_MAX)
def display_name(text: str) -> str | None:
    """A real name, which may be empty."""
    return None if is_display_name(text) else NOT_VALID


@_told(maxLength=EMAIL_CHARACTERS_MAX, format="email")
def email(text: str) -> str | None:
    """An address of the form of one; whether there is a mailbox nobody asks here."""
    return None if is_email(text) else INVALID_EMAIL


def password(not_complex: str) -> Check:
    """A new password: so many characters, whatever they are (3.2); `not_complex` is said of any other."""
    told: Schema = {"minLength": PASSWORD_CHARACTERS_MIN, "maxLength": PASSWORD_CHARACTERS_MAX}
    return Check(lambda text: None if is_password(text) else not_complex, told)


def filled(characters_max: int) -> Check:
    """A text with something in it."""

    @_told(minLength=1, maxLength=characters_max)
    def check(text: str) -> str | None:
        return EMPTY if not text.strip() else _length(text, characters_max)

    return check


def up_to(characters_max: int) -> Check:
    """A text, which may be empty."""
    return Check(lambda text: _length(text, characters_max), {"maxLength": characters_max})


@_told(minLength=1, maxLength=TEXT_CHARACTERS_MAX)
def title(text: str) -> str | None:
    """What a match is called: one line, since it is the name of a contest too."""
    return filled(TEXT_CHARACTERS_MAX)(text) or (None if is_display_name(text) else NOT_VALID)


@_told(minLength=1, maxLength=SLUG_CHARACTERS_MAX, pattern="^-*[a-z0-9][a-z0-9-]*$")
def slug(text: str) -> str | None:
    """What stands for a match in addresses: there is a letter or a digit in it."""
    if not text:
        return EMPTY
    fit = SLUG_CHARACTERS.issuperset(text) and text.strip("-") != ""
    return _length(text, SLUG_CHARACTERS_MAX) or (None if fit else NOT_VALID)


# --- Several arguments together.


def nothing_else(_given: Given) -> Mapping[str, str]:
    """There is nothing to compare."""
    return {}


def passwords_match(given: Given) -> Mapping[str, str]:
    """What was typed twice is the same."""
    both = "password" in given and "confirm-password" in given
    return {"confirm-password": PASSWORDS_DIFFER} if both and given["password"] != given["confirm-password"] else {}


def match_possible(given: Given) -> Mapping[str, str]:
    """A match ends behind its start, and there is a number of members that fits (3.7)."""
    wrong: dict[str, str] = {}
    start, end = given.get("start-date"), given.get("end-date")
    if isinstance(start, Instant) and isinstance(end, Instant) and end.ms <= start.ms:
        wrong["end-date"] = NOT_VALID
    fewest, most = given.get("min-members"), given.get("max-members")
    if isinstance(fewest, int) and isinstance(most, int) and most < fewest:
        wrong["max-members"] = NOT_VALID
    return wrong


def _length(text: str, characters_max: int) -> str | None:
    return TOO_LONG if len(text) > characters_max else None

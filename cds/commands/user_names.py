"""What may be a user name, a name, an e-mail address or a password of a user, and which of them are the same.

Pure. This module must not know who has them.
"""

import re
from contextlib import suppress
from unicodedata import category, normalize

import idna
from email_validator import EmailNotValidError, validate_email

from schemas.users import PLACEHOLDER_PREFIX

USERNAME_CHARACTERS_MAX = 128
NAME_CHARACTERS_MAX = 255
EMAIL_CHARACTERS_MAX = 255
"""Lengths of the columns of the original (requirements-003, 1)."""

ENCODED_WORD = "=?"
"""How an encoded word begins in the head of a mail (RFC 2047, 2): what reads one there finds another text in it."""

PASSWORD_CHARACTERS_MIN = 8
PASSWORD_CHARACTERS_MAX = 128
"""Nothing else is asked of a password (requirements-003, 3.2)."""

UNFIT_IN_USERNAMES = frozenset({"Cc", "Cf", "Cn", "Co", "Cs", "Zl", "Zp"})
"""Categories of characters that nobody sees, or that everybody sees differently."""

UNFIT_IN_NAMES = frozenset({"Cc", "Cs", "Zl", "Zp"})
"""Categories of characters that no line of text holds."""

IGNORABLE = re.compile(
    "[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180d\u180f\u3164\ufe00-\ufe0f\uffa0\U000e0100-\U000e01ef]"
)
"""Characters that count as letters or marks and are not seen (Unicode, Default_Ignorable_Code_Point)."""

_PLACEHOLDER = re.compile(rf"{PLACEHOLDER_PREFIX}u\d+")


def folded_username(username: str) -> str:
    """What two user names have in common that are the same: neither case nor width nor composition counts.

    NFKC_Casefold, near enough (Unicode, 3.13), as what is invisible does not count either.
    """
    visible = IGNORABLE.sub("", username)
    return normalize("NFKC", normalize("NFKC", visible).casefold())


def folded_email(email: str) -> str:
    """What two e-mail addresses have in common that are the same: no provider tells addresses apart by their case, and
    a domain has a spelling in Unicode and one in ASCII (RFC 5891, 5).
    """
    local, separator, domain = email.rpartition("@")
    return normalize("NFC", normalize("NFC", local).casefold()) + separator + _folded_domain(domain)


def _folded_domain(domain: str) -> str:
    folded = normalize("NFC", normalize("NFC", domain).casefold())
    # To look at a domain takes long for each of its characters, and anybody may send many.
    for spelled in (domain, folded) if len(domain) <= EMAIL_CHARACTERS_MAX else ():
        with suppress(idna.IDNAError):
            return idna.encode(spelled, uts46=True).decode()
    # It is no domain, and no address has it.
    return folded


def mailbox(email: str) -> str:
    """Where mails to an address come together, as far as it shows: most providers take `a+b@` for `a@` (RFC 5233)."""
    local, _, domain = folded_email(email).rpartition("@")
    return f"{local.partition('+')[0] or local}@{domain}"


def is_username(text: str) -> bool:
    """Whether somebody may be called so."""
    folded = folded_username(text)
    return (
        len(text) <= USERNAME_CHARACTERS_MAX
        and text == text.strip()
        and folded.strip() != ""
        and not any(category(character) in UNFIT_IN_USERNAMES for character in text)
        and not _PLACEHOLDER.fullmatch(folded)
    )


def is_display_name(text: str) -> bool:
    """Whether this may be somebody's name; nothing is one, too."""
    return len(text) <= NAME_CHARACTERS_MAX and not any(category(character) in UNFIT_IN_NAMES for character in text)


def is_email(text: str) -> bool:
    """Whether this has the form of an e-mail address; nobody is asked whether there is such a one."""
    if len(text) > EMAIL_CHARACTERS_MAX or ENCODED_WORD in text:
        return False
    try:
        # The domain `test` is there for trials, and as good as any other. Strict: also in how long each part is.
        validate_email(text, check_deliverability=False, test_environment=True, strict=True)
    except EmailNotValidError:
        return False
    return True


def is_password(text: str, *own: str) -> bool:
    """Whether this is fit to be the password of somebody to whom those texts belong: user name and address."""
    folded = folded_username(text)
    return PASSWORD_CHARACTERS_MIN <= len(text) <= PASSWORD_CHARACTERS_MAX and all(
        folded != folded_username(each) for each in own
    )

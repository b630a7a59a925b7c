"""Programming languages by the names that the Contest Management System gives them, such as `C++17 / g++`.

This module knows names; it must not know who may use which language.
"""

import re
from collections import Counter
from collections.abc import Sequence

from cds.dialects.json_values import JsonObject
from cds.dialects.known import LANGUAGES
from schemas.identifiers import bounded_id

LANGUAGES_FILLED = ("C", "C++", "Java", "Pascal", "Python 3")
"""What a contest gets that does not say its languages."""

_BASES: tuple[tuple[str, str], ...] = (
    (r"c\+\+ ?(\w*)", "cpp"),
    (r"c# ?(\w*)", "csharp"),
    (r"c(\d*)", "c"),
    (r"python ?2[.\d]*()", "python2"),
    (r"python ?(?:3[.\d]*)?()", "python3"),
    (r"pascal()", "pascal"),
    (r"java ?(\d*)", "java"),
    (r"haskell()", "haskell"),
    (r"php()", "php"),
    (r"rust()", "rust"),
    (r"go()", "go"),
    (r"kotlin()", "kotlin"),
    (r"javascript()", "javascript"),
    (r"ruby()", "ruby"),
)
"""What a name begins with, up to the slash and in small letters, and the known language that it is a variant of."""

_NOT_IN_AN_ID = re.compile(r"[^a-z0-9]+")


def languages_named(names: Sequence[str]) -> dict[str, JsonObject]:
    """The language object of every name. Alone of its kind it has the id of the known language, else a variant's.

    A name that is not known gives a language with an id like the name and no extensions.
    """
    bases = {name: _base(name) for name in names}
    kinds = Counter(base for base, _ in bases.values())
    objects: dict[str, JsonObject] = {}
    for name, (base, variant) in bases.items():
        taken = {str(each["id"]) for each in objects.values()}
        wanted = base if kinds[base] == 1 else f"{base}{variant}" if variant else base
        identifier = bounded_id(wanted if wanted not in taken else f"{wanted}-{_slug(name.partition('/')[2])}")
        objects[name] = {"id": identifier, "name": name, **_described(base)}
    return objects


def is_known(name: str) -> bool:
    """Whether a name is one of a language that is known here."""
    return _base(name)[0] in LANGUAGES


def _base(name: str) -> tuple[str, str]:
    """The known language that a name means, and which variant of it; else an id made of the name."""
    spoken = name.partition("/")[0].strip().lower()
    for pattern, base in _BASES:
        found = re.fullmatch(pattern, spoken)
        if found is not None:
            return base, _slug(found[1])
    return _slug(spoken) or "language", ""


def _described(base: str) -> JsonObject:
    known = LANGUAGES.get(base)
    if known is None:
        return {"entry_point_required": False, "extensions": []}
    described: JsonObject = {"entry_point_required": known.entry_point_name is not None}
    described["extensions"] = list(known.extensions)
    if known.entry_point_name is not None:
        described["entry_point_name"] = known.entry_point_name
    return described


def _slug(text: str) -> str:
    return _NOT_IN_AN_ID.sub("-", text.lower().replace("++", "pp").replace("#", "sharp")).strip("-")

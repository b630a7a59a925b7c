"""How Codeforces judges, in the words of the JSON format: verdicts as judgement types, compilers as languages.

Tables and what is read off them (upstream-formats.md §1). This module is pure; it must not know any submission.
"""

import re
from collections.abc import Mapping

import msgspec

from cds.platforms.adapters.answers import Untranslatable
from cds.platforms.adapters.listed import one_line_name
from cds.platforms.adapters.naming import identifier
from schemas.objects import JudgementType, Language

JUDGEMENT_TYPE_OF: Mapping[str, str | None] = {
    "OK": "AC",
    "WRONG_ANSWER": "WA",
    "TIME_LIMIT_EXCEEDED": "TLE",
    "RUNTIME_ERROR": "RTE",
    "COMPILATION_ERROR": "CE",
    "MEMORY_LIMIT_EXCEEDED": "MLE",
    "IDLENESS_LIMIT_EXCEEDED": "ILE",
    "PRESENTATION_ERROR": "PE",
    "SECURITY_VIOLATED": "SV",
    "CHALLENGED": "RE",
    "REJECTED": "RE",
    "PARTIAL": "RE",
    "CRASHED": "JE",
    "FAILED": "JE",
    "INPUT_PREPARATION_CRASHED": "JE",
    "SKIPPED": "CS",
    "TESTING": None,
    "SUBMITTED": None,
}
"""Verdict → judgement type; None while it is being judged."""

ACCEPTED, PARTIAL = "OK", "PARTIAL"


class _Type(msgspec.Struct, frozen=True):
    name: str
    penalty: bool = True
    solved: bool = False


_TYPES: Mapping[str, _Type] = {
    "AC": _Type("Accepted", penalty=False, solved=True),
    "WA": _Type("Wrong Answer"),
    "TLE": _Type("Time Limit Exceeded"),
    "RTE": _Type("Run-Time Error"),
    "CE": _Type("Compile Error", penalty=False),
    "MLE": _Type("Memory Limit Exceeded"),
    "ILE": _Type("Idleness Limit Exceeded"),
    "PE": _Type("Presentation Error"),
    "SV": _Type("Security Violation"),
    "RE": _Type("Rejected"),
    "JE": _Type("Judging Error", penalty=False),
    "CS": _Type("Contact Staff", penalty=False),
}
"""JSON Format, "Known judgement types", as far as the platform has verdicts for them."""

_FAILING_ON_TESTS = ("WA", "TLE", "RTE", "MLE", "ILE", "PE", "SV")
"""Types of those whose tests are counted: on one of them they failed."""

_FIRST_TEST_TYPES: Mapping[str, _Type] = {
    f"{identifier}1": _Type(f"{_TYPES[identifier].name} on the first test", penalty=False)
    for identifier in _FAILING_ON_TESTS
}
"""What has failed on the first test, mostly the sample, costs nothing in rounds of the type ICPC."""

ON_FIRST_TEST = frozenset(_FIRST_TEST_TYPES)
PENALISED = frozenset(identifier for identifier, row in _TYPES.items() if row.penalty)
SOLVED = frozenset(identifier for identifier, row in _TYPES.items() if row.solved)
"""Ids of the judgement types that are of the first test, that always cost penalty, and that solve a problem."""

_WORDS = (("c++", "cpp"), ("c#", "csharp"), ("f#", "fsharp"), ("q#", "qsharp"))
"""What a slug would lose otherwise."""

_EXTENSIONS: tuple[tuple[str, tuple[str, ...]], ...] = (
    (r"cpp", ("cc", "cpp", "cxx", "c++", "C")),
    (r"csharp", ("cs",)),
    (r"fsharp", ("fs",)),
    (r"pypy|python", ("py",)),
    (r"javascript|node", ("js",)),
    (r"java", ("java",)),
    (r"kotlin", ("kt",)),
    (r"rust", ("rs",)),
    (r"go", ("go",)),
    (r"haskell", ("hs",)),
    (r"delphi|fpc|pascal", ("pas",)),
    (r"ocaml", ("ml",)),
    (r"perl", ("pl",)),
    (r"php", ("php",)),
    (r"ruby", ("rb",)),
    (r"scala", ("scala",)),
    (r"d", ("d",)),
    (r"c", ("c",)),
)
"""How the beginning of a word of a slug, up to what is no letter, says what files end in (JSON Format, "Known
languages"); the first that is met counts."""

_NOT_OF_A_SLUG = re.compile(r"[^a-z0-9]+")


def judgement_types(*, penalised: bool, first_test_costs: bool = False) -> dict[str, JudgementType]:
    """All judgement types of the platform by id.

    `penalised`: the contest has a penalty time; only then what fails on the first test is told apart, and
    `first_test_costs` says whether it counts as well.
    """
    if not penalised:
        return {identifier: _judgement_type(identifier, row, penalty=None) for identifier, row in _TYPES.items()}
    return {
        **{identifier: _judgement_type(identifier, row, penalty=row.penalty) for identifier, row in _TYPES.items()},
        **{
            identifier: _judgement_type(identifier, row, penalty=first_test_costs)
            for identifier, row in _FIRST_TEST_TYPES.items()
        },
    }


def _judgement_type(identifier: str, row: _Type, *, penalty: bool | None) -> JudgementType:
    return JudgementType(id=identifier, name=row.name, solved=row.solved, penalty=penalty)


def judgement_type_of(verdict: str | None, *, on_first_test: bool = False) -> str | None:
    """The judgement type of a verdict, None while there is none; `on_first_test`: none was passed, and that matters.

    Raises Untranslatable for a word that is no verdict.
    """
    if verdict is None:
        return None
    if verdict not in JUDGEMENT_TYPE_OF:
        raise Untranslatable(f"a verdict {verdict[:50]!r}")
    type_id = JUDGEMENT_TYPE_OF[verdict]
    return f"{type_id}1" if on_first_test and type_id in _FAILING_ON_TESTS else type_id


def language_of(compiler: str) -> Language:
    """The language that a compiler of the platform stands for; its id is a slug of the name. Raises Untranslatable.

    The platform tells no entry points, so none is required.
    """
    name = one_line_name(compiler)
    plain = name.casefold()
    for word, replacement in _WORDS:
        plain = plain.replace(word, replacement)
    slug = _NOT_OF_A_SLUG.sub("-", plain).strip("-")
    return Language(
        id=identifier(slug or name),
        name=name,
        entry_point_required=False,
        extensions=[*_extensions(slug)],
    )


def _extensions(slug: str) -> tuple[str, ...]:
    for beginning, extensions in _EXTENSIONS:
        if re.search(rf"(?<![a-z])(?:{beginning})(?![a-z])", slug):
            return extensions
    return ()

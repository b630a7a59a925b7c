"""What the specification and its earlier versions list by name: languages, judgement types, versions, old properties.

Tables only; this module must not know how they are applied.
"""

import msgspec

VERSIONS = frozenset(
    {
        "2020-03",
        "2020-03-draft",
        "2021-11",
        "2021-11-draft",
        "2022-07",
        "2022-07-draft",
        "2023-06",
        "2023-06-draft",
        "2026-01",
        "2026-01-draft",
        "draft",
    }
)
"""The versions of the Contest API whose packages can be read."""

TYPE_SPELLINGS = {"contests": "contest"}
"""Notification types under the name that an earlier version gave them."""


class KnownLanguage(msgspec.Struct, frozen=True):
    """A row of "Known languages"; `entry_point_name` None where no entry point is required."""

    extensions: tuple[str, ...]
    entry_point_name: str | None = None
    has_no_entry_point: bool = False


LANGUAGES: dict[str, KnownLanguage] = {
    "ada": KnownLanguage(("adb", "ads")),
    "c": KnownLanguage(("c",), has_no_entry_point=True),
    "cpp": KnownLanguage(("cc", "cpp", "cxx", "c++", "C"), has_no_entry_point=True),
    # Not an id by the rule, yet met; without its row it would pass for a variant of c.
    "c++": KnownLanguage(("cc", "cpp", "cxx", "c++", "C"), has_no_entry_point=True),
    "csharp": KnownLanguage(("cs",)),
    "go": KnownLanguage(("go",)),
    "haskell": KnownLanguage(("hs",)),
    "java": KnownLanguage(("java",), "Main class"),
    "javascript": KnownLanguage(("js",), "Main file"),
    "kotlin": KnownLanguage(("kt",), "Main class"),
    "objectivec": KnownLanguage(("m",)),
    "pascal": KnownLanguage(("pas",)),
    "php": KnownLanguage(("php",), "Main file"),
    "prolog": KnownLanguage(("pl",)),
    # Not a row of its own in the specification, but the base of both python2 and python3.
    "python": KnownLanguage(("py",), "Main file"),
    "python2": KnownLanguage(("py",), "Main file"),
    "python3": KnownLanguage(("py",), "Main file"),
    "ruby": KnownLanguage(("rb",)),
    "rust": KnownLanguage(("rs",)),
    "scala": KnownLanguage(("scala",)),
}
"""JSON Format, "Known languages"."""

ENTRY_POINT_NAME_DEFAULT = "Main file"
"""How the entry point is called of a language that requires one and is not known."""


def known_language(identifier: str) -> KnownLanguage | None:
    """The row of a language id or of a variant of it: a known id with a suffix that does not go on as a word."""
    if identifier in LANGUAGES:
        return LANGUAGES[identifier]
    bases = [base for base in LANGUAGES if identifier.startswith(base) and not identifier[len(base)].isalpha()]
    return LANGUAGES[max(bases, key=len)] if bases else None


class KnownJudgementType(msgspec.Struct, frozen=True):
    """A row of "Known judgement types"."""

    name: str
    penalty: bool = True
    solved: bool = False


def _judgement_types() -> dict[str, KnownJudgementType]:
    table = {
        "AC": KnownJudgementType("Accepted", penalty=False, solved=True),
        "CE": KnownJudgementType("Compile Error", penalty=False),
        "CTL": KnownJudgementType("Compile Time Limit Exceeded", penalty=False),
        "APE": KnownJudgementType("Accepted - Presentation Error", penalty=False, solved=True),
        "JE": KnownJudgementType("Judging Error", penalty=False),
        "SE": KnownJudgementType("Submission Error", penalty=False),
        "CS": KnownJudgementType("Contact Staff", penalty=False),
    }
    rejections = {
        "RE": "Rejected",
        "WA": "Wrong Answer",
        "TLE": "Time Limit Exceeded",
        "RTE": "Run-Time Error",
        "OLE": "Output Limit Exceeded",
        "PE": "Presentation Error",
        "EO": "Excessive Output",
        "IO": "Incomplete Output",
        "NO": "No Output",
        "WTL": "Wallclock Time Limit Exceeded",
        "ILE": "Idleness Limit Exceeded",
        "TCO": "Time Limit Exceeded - Correct Output",
        "TWA": "Time Limit Exceeded - Wrong Answer",
        "TPE": "Time Limit Exceeded - Presentation Error",
        "TEO": "Time Limit Exceeded - Excessive Output",
        "TIO": "Time Limit Exceeded - Incomplete Output",
        "TNO": "Time Limit Exceeded - No Output",
        "MLE": "Memory Limit Exceeded",
        "SV": "Security Violation",
        "IF": "Illegal Function",
        "RCO": "Run-Time Error - Correct Output",
        "RWA": "Run-Time Error - Wrong Answer",
        "RPE": "Run-Time Error - Presentation Error",
        "REO": "Run-Time Error - Excessive Output",
        "RIO": "Run-Time Error - Incomplete Output",
        "RNO": "Run-Time Error - No Output",
    }
    return table | {identifier: KnownJudgementType(name) for identifier, name in rejections.items()}


JUDGEMENT_TYPES: dict[str, KnownJudgementType] = _judgement_types()
"""JSON Format, "Known judgement types", with the flags of the World Finals rules."""

REMOVED_PROPERTIES: dict[str, frozenset[str]] = {
    "judgements": frozenset({"start_contest_time", "end_contest_time"}),
    "runs": frozenset({"contest_time"}),
}
"""Properties of earlier versions that say nothing which the others do not; they are left out without a word."""

MIMES_BY_SUFFIX: dict[str, str] = {
    "png": "image/png",
    "jpg": "image/jpeg",
    "jpeg": "image/jpeg",
    "svg": "image/svg+xml",
    "zip": "application/zip",
    "pdf": "application/pdf",
    "txt": "text/plain",
    "log": "text/plain",
    "m3u8": "application/vnd.apple.mpegurl",
    "mp4": "video/mp4",
    "m4v": "video/mp4",
    "mpg": "video/mpeg",
    "mpeg": "video/mpeg",
    "ts": "video/mp2t",
    "webm": "video/webm",
    "ogg": "application/ogg",
    "mp3": "audio/mpeg",
    "json": "application/json",
    "c": "text/x-c",
    "py": "text/x-python",
}
"""The mime type of a file by the end of its name, where a source does not say it."""

MIME_UNKNOWN = "application/octet-stream"
"""The mime type of a file of which nothing is known."""

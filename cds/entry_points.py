"""What the entry point of a program is called, by the file in which it begins.

Pure. This module must not know archives, nor who asks.
"""

from pathlib import PurePosixPath

CLASS_WORD = "class"
"""What the name of a language's entry point has in it where that is a class and no file (JSON Format, "Languages")."""

KOTLIN_SUFFIXES = frozenset({".kt", ".kts"})


def entry_point_in(filename: str, entry_point_name: str | None) -> str:
    """The file itself, or where the language asks for a class (`entry_point_name`) the one that it is called after."""
    if CLASS_WORD not in (entry_point_name or "").lower():
        return filename
    path = PurePosixPath(filename)
    return f"{path.stem[:1].upper()}{path.stem[1:]}Kt" if path.suffix in KOTLIN_SUFFIXES else path.stem

"""The fixed part of every simulated contest: judgement types, languages, colours, countries.

Tables only. This module must not know chance, nor any contest.
"""

import msgspec

from schemas.objects import Language
from schemas.properties import Command, Location


class Verdict(msgspec.Struct, frozen=True, kw_only=True):
    """One judgement type and how a simulated contest uses it.

    `share` is its weight among the wrong tries. `simplified_id` is what outsiders see where a contest simplifies.
    `compiled`: there are runs. `exceeds_time`: the failing run takes the whole time limit.
    """

    id: str
    name: str
    penalty: bool
    solved: bool
    simplified_id: str
    share: float = 0.0
    compiled: bool = True
    exceeds_time: bool = False


REJECTED_ID = "RE"
ACCEPTED_ID = "AC"
WRONG_ANSWER_ID = "WA"
COMPILE_ERROR_ID = "CE"
JUDGING_ERROR_ID = "JE"

VERDICTS: dict[str, Verdict] = {
    verdict.id: verdict
    for verdict in (
        Verdict(id="AC", name="Accepted", penalty=False, solved=True, simplified_id="AC"),
        Verdict(id="RE", name="Rejected", penalty=True, solved=False, simplified_id="RE"),
        Verdict(id="WA", name="Wrong Answer", penalty=True, solved=False, simplified_id="RE", share=60),
        Verdict(
            id="TLE",
            name="Time Limit Exceeded",
            penalty=True,
            solved=False,
            simplified_id="RE",
            share=19,
            exceeds_time=True,
        ),
        Verdict(id="RTE", name="Run-Time Error", penalty=True, solved=False, simplified_id="RE", share=13),
        Verdict(id="MLE", name="Memory Limit Exceeded", penalty=True, solved=False, simplified_id="RE", share=2),
        Verdict(
            id="CE",
            name="Compile Error",
            penalty=False,
            solved=False,
            simplified_id="CE",
            share=6,
            compiled=False,
        ),
        Verdict(id="JE", name="Judging Error", penalty=False, solved=False, simplified_id="JE", compiled=False),
    )
}
"""In the order of the package. RE is used only where a contest simplifies (JSON Format, "Judgement types")."""

WRONG_TRIES: tuple[tuple[Verdict, float], ...] = tuple((v, v.share) for v in VERDICTS.values() if v.share)


class SimulatedLanguage(msgspec.Struct, frozen=True, kw_only=True):
    """A language, how popular it is, and what a submission in it looks like. `entry_point` None: it has none."""

    language: Language
    share: float
    source_name: str
    entry_point: str | None


LANGUAGES: dict[str, SimulatedLanguage] = {
    row.language.id: row
    for row in (
        SimulatedLanguage(
            language=Language(
                id="c",
                name="C",
                entry_point_required=False,
                extensions=["c"],
                compiler=Command(command="gcc", args="-O2 -std=gnu17 -static {files} -lm", version="14.2.0"),
            ),
            share=3,
            source_name="solution.c",
            entry_point=None,
        ),
        SimulatedLanguage(
            language=Language(
                id="cpp",
                name="C++",
                entry_point_required=False,
                extensions=["cc", "cpp", "cxx", "c++", "C"],
                compiler=Command(command="g++", args="-O2 -std=gnu++23 -static {files}", version="14.2.0"),
            ),
            share=68,
            source_name="solution.cpp",
            entry_point=None,
        ),
        SimulatedLanguage(
            language=Language(
                id="java",
                name="Java",
                entry_point_required=True,
                entry_point_name="Main class",
                extensions=["java"],
                compiler=Command(
                    command="javac", args="-encoding UTF-8 -d . {files}", version_command="javac --version"
                ),
                runner=Command(command="java", args="-Xss64m -Xmx1920m", version_command="java --version"),
            ),
            share=11,
            source_name="Main.java",
            entry_point="Main",
        ),
        SimulatedLanguage(
            language=Language(
                id="kotlin",
                name="Kotlin",
                entry_point_required=True,
                entry_point_name="Main class",
                extensions=["kt"],
                compiler=Command(command="kotlinc", args="-d . {files}", version_command="kotlinc -version"),
                runner=Command(command="kotlin", args="-J-Xss64m -J-Xmx1920m", version_command="kotlin -version"),
            ),
            share=4,
            source_name="Main.kt",
            entry_point="MainKt",
        ),
        SimulatedLanguage(
            language=Language(
                id="python3",
                name="Python 3",
                entry_point_required=True,
                entry_point_name="Main file",
                extensions=["py"],
                runner=Command(command="pypy3", version="7.3.17"),
            ),
            share=14,
            source_name="solution.py",
            entry_point="solution.py",
        ),
    )
}

COLOURS: tuple[tuple[str, str], ...] = (
    ("red", "#e6194b"),
    ("green", "#3cb44b"),
    ("yellow", "#ffe119"),
    ("blue", "#4363d8"),
    ("orange", "#f58231"),
    ("purple", "#911eb4"),
    ("cyan", "#42d4f4"),
    ("magenta", "#f032e6"),
    ("lime", "#bfef45"),
    ("pink", "#fabed4"),
    ("teal", "#469990"),
    ("lavender", "#dcbeff"),
    ("brown", "#9a6324"),
    ("beige", "#fffac8"),
    ("maroon", "#800000"),
    ("mint", "#aaffc3"),
    ("olive", "#808000"),
    ("apricot", "#ffd8b1"),
    ("navy", "#000075"),
    ("grey", "#a9a9a9"),
    ("white", "#ffffff"),
    ("black", "#000000"),
    ("gold", "#d4af37"),
    ("silver", "#c0c0c0"),
    ("turquoise", "#1abc9c"),
    ("coral", "#ff7f50"),
)
"""Names and hexadecimal values that can be told apart, as balloons and as shirts."""

COUNTRIES: tuple[tuple[str, int, int], ...] = (
    ("ARG", -34, -64),
    ("AUS", -25, 134),
    ("BGD", 24, 90),
    ("BRA", -10, -52),
    ("CAN", 56, -106),
    ("CHE", 47, 8),
    ("CHL", -33, -71),
    ("COL", 4, -73),
    ("CZE", 50, 15),
    ("DEU", 51, 10),
    ("EGY", 27, 30),
    ("ESP", 40, -4),
    ("EST", 59, 26),
    ("FIN", 62, 26),
    ("FRA", 46, 2),
    ("GBR", 54, -2),
    ("IDN", -2, 118),
    ("IND", 22, 79),
    ("ITA", 43, 12),
    ("JPN", 36, 138),
    ("KEN", 1, 38),
    ("KOR", 36, 128),
    ("MEX", 23, -102),
    ("NLD", 52, 5),
    ("NOR", 61, 9),
    ("NZL", -41, 174),
    ("POL", 52, 20),
    ("PRT", 39, -8),
    ("SWE", 62, 15),
    ("THA", 15, 101),
    ("TUR", 39, 35),
    ("UKR", 49, 32),
    ("USA", 39, -98),
    ("VNM", 16, 107),
    ("ZAF", -29, 25),
)
"""ISO 3166-1 alpha-3 codes with a latitude and a longitude somewhere inside, in degrees."""

CONTEST_LOCATION = Location(latitude=52.5, longitude=5.25)

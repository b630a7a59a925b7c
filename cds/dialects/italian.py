"""A contest in the format of the Italian Olympiad, which the Contest Management System imports, as our objects.

`contest.yaml` names tasks and users, each task has a directory with `task.yaml`, statements and test data. Names of
keys and directories are English, or Italian as they were once. What comes out has the properties of the JSON format
and goes through the same repairs as every package. This module knows the contest as a whole; it must not read files.
"""

from collections.abc import Sequence

import msgspec

from cds.dialects.italian_languages import LANGUAGES_FILLED, is_known, languages_named
from cds.dialects.italian_sheet import Sheet
from cds.dialects.italian_tasks import TaskSource, translated_task
from cds.dialects.italian_times import Calendar, NoMoment, Zones
from cds.dialects.italian_users import people
from cds.dialects.json_values import JsonObject, JsonValue
from cds.dialects.known import JUDGEMENT_TYPES
from cds.dialects.results import Notices, Place
from schemas.times import format_relative_time

CONTEST_FILE = "contest.yaml"
TASK_LISTS = ("tasks", "problemi")
USER_LISTS = ("users", "utenti")

DURATION_MS_FILLED = 5 * 3_600_000
"""How long a contest lasts whose times are not decided."""

VERDICTS = ("AC", "WA", "TLE", "MLE", "RTE", "OLE", "CE", "JE")
PARTIAL = "PA"
"""The judgement types of a contest: of the known ones those that a judge of programs needs, and one for a part."""

WITHOUT_CONSEQUENCE = ("allowed_localizations", "allow_questions", "submissions_download_allowed", "allow_user_tests")
"""Keys about parts of the other system's pages."""


class ItalianContest(msgspec.Struct, frozen=True, kw_only=True):
    """A contest as it lies there; `zones` knows time zones by name."""

    place: Place
    values: JsonObject
    tasks: Sequence[TaskSource]
    zones: Zones


class TranslatedContest(msgspec.Struct, frozen=True, kw_only=True):
    """Objects by type, each with its place; `files` lead from (problem id, file name) to a path of the source.

    The state is that of a contest which has not begun: the format knows plans alone.
    """

    objects: dict[str, list[tuple[Place, JsonObject]]]
    files: dict[tuple[str, str], str]


def is_italian(values: JsonValue) -> bool:
    """Whether what a contest.yaml holds is of this format; those of contest packages list no tasks and no users."""
    return isinstance(values, dict) and any(isinstance(values.get(key), list) for key in (*TASK_LISTS, *USER_LISTS))


def task_names(values: JsonObject, place: Place, notices: Notices) -> list[str]:
    """The directories of the tasks, in their order. Raises SourceRefused where there are none."""
    sheet = Sheet(values, place, notices, "contest", "")
    names = sheet.texts(*TASK_LISTS)
    if not names:
        raise sheet.refused(TASK_LISTS[0], "names no tasks")
    return names


def translated_contest(source: ItalianContest, fallback_name: str, notices: Notices) -> TranslatedContest:
    """All objects of the contest, which is called `fallback_name` where it does not say it. Raises SourceRefused."""
    sheet = Sheet(source.values, source.place, notices, "contest", "")
    sheet.value(*TASK_LISTS)
    calendar = _calendar(sheet, source.zones)
    contest = _contest(sheet, calendar, fallback_name)
    languages = _languages(sheet)
    found = people(sheet, source.place, notices, calendar)
    sheet.pass_over(WITHOUT_CONSEQUENCE)
    objects: dict[str, list[tuple[Place, JsonObject]]] = {
        "contest": [(source.place, contest)],
        "judgement-types": [(source.place, each) for each in _judgement_types()],
        "languages": [(source.place, each) for each in languages.values()],
        "problems": [],
        "groups": [],
        "organizations": [(source.place, each) for each in found.organizations.values()],
        "teams": [(source.place, each) for each in found.teams],
        "persons": [(source.place, each) for each in found.persons],
        "accounts": [(source.place, each) for each in found.accounts],
        "state": [(source.place, {})],
    }
    files: dict[tuple[str, str], str] = {}
    for ordinal, task in enumerate(source.tasks):
        translated = translated_task(task, ordinal, languages, notices)
        objects["problems"].append((task.place, translated.problem))
        files |= {(str(translated.problem["id"]), name): path for name, path in translated.files.items()}
    return TranslatedContest(objects=objects, files=files)


def _contest(sheet: Sheet, calendar: Calendar, fallback_name: str) -> JsonObject:
    name = sheet.text("name", "nome_breve")
    if name is None:
        sheet.warn("name", f"is absent, filled with {fallback_name!r}")
        name = fallback_name
    start_ms, stop_ms = _times(sheet, calendar)
    cms: JsonObject = {
        "max_submission_number": sheet.whole("max_submission_number", minimum=1),
        "min_submission_interval": sheet.whole("min_submission_interval"),
        "min_submission_interval_grace_period": sheet.whole("min_submission_interval_grace_period"),
        "per_user_time": sheet.whole("per_user_time", minimum=1),
        "analysis": _analysis(sheet, calendar, stop_ms),
        "ip_autologin": sheet.flag("ip_autologin"),
        "ip_restriction": sheet.flag("ip_restriction"),
        "block_hidden_participations": sheet.flag("block_hidden_participations"),
    }
    kept: JsonObject = {key: value for key, value in cms.items() if value is not None}
    length_ms = DURATION_MS_FILLED if start_ms is None or stop_ms is None else stop_ms - start_ms
    return {
        "id": name,
        "name": sheet.text("description", "nome") or name,
        "start_time": None if start_ms is None else calendar.written(start_ms),
        "duration": format_relative_time(length_ms),
        "scoreboard_type": "score",
        "ext": {"cms": kept} if kept else None,
    }


def _calendar(sheet: Sheet, zones: Zones) -> Calendar:
    name = sheet.text("timezone")
    zone = zones(name or "UTC")
    if zone is None:
        sheet.warn("timezone", f"{name!r} is not a time zone that is known here, times are written in UTC")
    return Calendar(zone)


def _times(sheet: Sheet, calendar: Calendar) -> tuple[int | None, int | None]:
    """Start and stop in milliseconds, None where they are not decided. Raises SourceRefused."""
    start_ms = _moment(sheet, calendar, "start", "inizio")
    stop_ms = _moment(sheet, calendar, "stop", "fine")
    if start_ms is None or stop_ms is None:
        sheet.warn("stop" if start_ms is not None else "start", "is absent: the contest is taken to last 5 hours")
    elif stop_ms <= start_ms:
        raise sheet.refused("stop", "is not after the start")
    return start_ms, stop_ms


def _moment(sheet: Sheet, calendar: Calendar, *names: str) -> int | None:
    """A moment in milliseconds; nothing, and 0, say that it is not decided. Raises SourceRefused."""
    text = sheet.text(*names)
    if text is None:
        return None
    try:
        return calendar.moment_ms(text) or None
    except NoMoment as reason:
        raise sheet.refused(names[0], f"{text!r} {reason}") from None


def _analysis(sheet: Sheet, calendar: Calendar, end_ms: int | None) -> JsonValue:
    """When tasks may be tried again, from the end of the contest on if nothing else is said; None: not at all."""
    enabled = sheet.flag("analysis_enabled")
    start_ms = _moment(sheet, calendar, "analysis_start") or end_ms
    stop_ms = _moment(sheet, calendar, "analysis_stop")
    if not enabled:
        return None
    if start_ms is None or stop_ms is None or stop_ms < start_ms:
        sheet.warn("analysis_enabled", "needs an analysis_stop that is not before the start of it, left out")
        return None
    return {"start": calendar.written(start_ms), "stop": calendar.written(stop_ms)}


def _languages(sheet: Sheet) -> dict[str, JsonObject]:
    """The language objects of the contest by name."""
    names = sheet.texts("languages", "linguaggi")
    if not names:
        sheet.warn("languages", f"is absent, filled with {', '.join(LANGUAGES_FILLED)}")
        names = list(LANGUAGES_FILLED)
    for name in names:
        if not is_known(name):
            sheet.warn("languages", f"{name!r} is not known: its files have no extensions")
    return languages_named(names)


def _judgement_types() -> list[JsonObject]:
    known: list[JsonObject] = [
        {"id": identifier, "name": JUDGEMENT_TYPES[identifier].name, "solved": JUDGEMENT_TYPES[identifier].solved}
        for identifier in VERDICTS
    ]
    return [known[0], {"id": PARTIAL, "name": "Partially correct", "solved": False}, *known[1:]]

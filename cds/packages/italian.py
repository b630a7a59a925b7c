"""Reading a contest in the format of the Italian Olympiad: which files are read, and where each task says its own.

This module knows the layout of directories. What the files mean is the dialect's affair.
"""

from datetime import tzinfo
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from cds.dialects.italian import (
    CONTEST_FILE,
    ItalianContest,
    TranslatedContest,
    is_italian,
    task_names,
    translated_contest,
)
from cds.dialects.italian_tasks import DIRECTORIES, GEN_DIRECTORY, GEN_FILE, TaskSource
from cds.dialects.json_values import JsonObject, Unreadable
from cds.dialects.package import PackageTranslator
from cds.dialects.results import Notices, Place, quoted, refusal
from cds.dialects.yaml_values import decode_yaml
from cds.packages.contents import ContestContents
from cds.packages.italian_files import RenamedSource
from cds.packages.limits import MEBIBYTE, YAML_BYTES_MAX
from cds.packages.object_files import ObjectFiles, directory_of
from cds.packages.progress import Counted, Progress
from cds.packages.sources import PackageSource
from schemas.object_types import OBJECT_TYPES

GEN_BYTES_MAX = 4 * MEBIBYTE
TASKS_MAX = 1_000
"""Tasks of one contest, each with directories to be looked through."""


def is_italian_contest(package: PackageSource) -> bool:
    """Whether a package is of this format, by what its contest.yaml says."""
    if not package.has(CONTEST_FILE) or package.has("contest.json"):
        return False
    try:
        return is_italian(decode_yaml(package.read(CONTEST_FILE, YAML_BYTES_MAX)).value)
    except Unreadable:
        # Whoever reads it as a contest package says on which line it cannot be read.
        return False


def read_italian_contest(
    package: PackageSource, contest_ids: tuple[str | None, str], progress: Progress | None
) -> ContestContents:
    """The contest; `contest_ids` are the id that it is to have, and the one it gets when it says none itself.

    Raises SourceRefused with one line for whatever cannot be taken.
    """
    contest_id, fallback = contest_ids
    notices = Notices()
    place = Place(CONTEST_FILE)
    values = _mapping(package, CONTEST_FILE)
    names = task_names(values, place, notices)
    if len(names) > TASKS_MAX:
        raise refusal(place, f"names {len(names)} tasks; at most {TASKS_MAX} are taken", type_name="contest")
    tasks = [_task(package, name, place) for name in names]
    contest = ItalianContest(place=place, values=values, tasks=tasks, zones=zone_named)
    translated = translated_contest(contest, contest_id or fallback, notices)
    return _contents(package, translated, notices, contest_ids, progress)


def zone_named(name: str) -> tzinfo | None:
    """The time zone of a name, None where this computer does not know it."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return None


def _contents(
    package: PackageSource,
    translated: TranslatedContest,
    notices: Notices,
    contest_ids: tuple[str | None, str],
    progress: Progress | None,
) -> ContestContents:
    problems = OBJECT_TYPES["problems"]
    paths = {
        f"{directory_of(problems, problem_id)}/{name}": path for (problem_id, name), path in translated.files.items()
    }
    files = ObjectFiles(RenamedSource(package, paths))
    counted = Counted(progress, sum(map(len, translated.objects.values())))
    translator = PackageTranslator(contest_id=contest_ids[0], contest_id_fallback=contest_ids[1], files=files)
    changes = []
    for row in OBJECT_TYPES.values():
        if row.name not in translated.objects:
            continue
        translator.begin(row, text_only=False)
        for place, properties in translated.objects[row.name]:
            changes += translator.translate(row, place, properties)
            counted.one_more()
    changes += translator.finish(Place(CONTEST_FILE))
    contest = translator.contest
    if contest is None:
        raise refusal(Place(CONTEST_FILE), "there is no contest in it")
    return ContestContents(
        contest_id=contest.id,
        changes=changes,
        final=translator.objects,
        # What has become of the plan since is not the plan's to say.
        spoken_of=frozenset(translator.spoken_of - {"state"}),
        files=files.by_address,
        passwords=translator.passwords,
        warnings=notices.warnings + translator.warnings,
    )


def _task(package: PackageSource, directory: str, place: Place) -> TaskSource:
    """What there is of a task. Raises SourceRefused for one that nothing describes."""
    if directory in (".", "..") or "/" in directory or "\\" in directory:
        raise refusal(place, f"{quoted(directory)} is not the name of a directory", property_name="tasks")
    candidates = (f"{directory}/task.yaml", f"{directory}.yaml")
    path = next((path for path in candidates if package.has(path)), None)
    if path is None:
        raise refusal(place, f"there is neither {' nor '.join(candidates)}", property_name="tasks")
    gen_path = f"{directory}/{GEN_DIRECTORY}/{GEN_FILE}"
    gen = package.read(gen_path, GEN_BYTES_MAX).decode(errors="replace") if package.has(gen_path) else None
    return TaskSource(
        directory=directory,
        place=Place(path),
        values=_mapping(package, path),
        filenames={each: package.filenames(f"{directory}/{each}".rstrip("/")) for each in DIRECTORIES},
        gen=gen,
    )


def _mapping(package: PackageSource, path: str) -> JsonObject:
    try:
        value = decode_yaml(package.read(path, YAML_BYTES_MAX)).value
    except Unreadable as error:
        raise refusal(Place(path, error.line), error.message) from error
    if not isinstance(value, dict):
        raise refusal(Place(path), f"holds {quoted(value)} where keys with values are expected")
    return value

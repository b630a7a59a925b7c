"""Packages of simulated contests: whole, valid by the official schemas, and never in the way of something else."""

import json
from collections.abc import Callable
from decimal import Decimal
from hashlib import md5
from io import BytesIO
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import msgspec
import pytest
from jsonschema import Draft202012Validator
from PIL import Image
from referencing import Registry, Resource

from cds.simulation.contest import SimulatedContest, simulate
from cds.simulation.package import DestinationRefused, write_simulated_package
from cds.simulation.parameters import SimulationParameters
from cds.simulation.telling import SimulatedChange
from schemas.object_types import OBJECT_TYPES, object_key
from tests.cds.simulation.conftest import contest_of

SCHEMAS = Path(__file__).parents[4] / "shared" / "json-schema"
SCHEMA_OF_FILE = {"api": "api_information", "commentary": "commentaries"}

SMALL = SimulationParameters(seed=5, teams=4, problems=3, photos=True, contest_id="small")

Members = dict[str, bytes]


def members(package: Path) -> Members:
    """Package path and bytes of everything in a package."""
    if package.suffix == ".zip":
        with ZipFile(package) as archive:
            return {name: archive.read(name) for name in archive.namelist()}
    return {path.relative_to(package).as_posix(): path.read_bytes() for path in package.rglob("*") if path.is_file()}


@pytest.fixture(scope="session")
def validator_of() -> Callable[[str], Draft202012Validator]:
    """Validators of the official schemas by file name."""
    if not SCHEMAS.is_dir():
        pytest.skip("the official JSON schemas are not at ../shared/json-schema")
    schemas = {path.stem: json.loads(path.read_text(), parse_float=Decimal) for path in SCHEMAS.glob("*.json")}
    registry: Registry[Any] = Registry().with_resources(
        (schema["$id"], Resource.from_contents(schema)) for schema in schemas.values()
    )
    return lambda name: Draft202012Validator(schemas[name], registry=registry)


def test_every_document_is_valid(
    contest: SimulatedContest, tmp_path: Path, validator_of: Callable[[str], Draft202012Validator]
) -> None:
    write_simulated_package(contest, tmp_path / "package")
    documents = {name: text for name, text in members(tmp_path / "package").items() if "/" not in name}
    assert set(documents) == {"api.json", *(f"{row.package_file}.json" for row in OBJECT_TYPES.values())}
    for name, text in documents.items():
        validator = validator_of(SCHEMA_OF_FILE.get(Path(name).stem, Path(name).stem))
        document = json.loads(text, parse_float=Decimal)
        # Slices, for uniqueItems compares each member of a collection with all others.
        parts = (
            [document[at : at + 40] for at in range(0, len(document), 40)] if isinstance(document, list) else [document]
        )
        assert [error.message for part in parts for error in validator.iter_errors(part)] == [], name


@pytest.mark.parametrize("shape", ["default", "score", "simplified"])
def test_every_change_is_a_valid_notification(shape: str, validator_of: Callable[[str], Draft202012Validator]) -> None:
    validator = validator_of("event-feed")
    for change in list(contest_of(shape).timeline())[::7]:
        assert [error.message for error in validator.iter_errors(notification(change))] == []


def notification(change: SimulatedChange) -> Any:
    data = json.loads(msgspec.json.encode(change.instance), parse_float=Decimal)
    return {"type": change.type, "id": change.id or None, "data": data}


def test_all_references_lead_to_files_and_all_files_are_referenced(contest: SimulatedContest, tmp_path: Path) -> None:
    write_simulated_package(contest, tmp_path / "package")
    found = members(tmp_path / "package")
    referenced: set[str] = set()
    for row in OBJECT_TYPES.values():
        document = json.loads(found[f"{row.package_file}.json"])
        for instance in [document] if row.singleton else document:
            for file_property in row.file_properties:
                for reference in instance.get(file_property.property) or []:
                    place = row.name if row.singleton else f"{row.endpoint}/{instance['id']}"
                    path = f"{place}/{reference['filename']}"
                    referenced.add(path)
                    assert reference["hash"] == md5(found[path], usedforsecurity=False).hexdigest()
                    assert reference["mime"] in file_property.mimes
                    assert set(reference) <= {"filename", "hash", "mime", "width", "height"}
                    if file_property.image:
                        assert Image.open(BytesIO(found[path])).size == (reference["width"], reference["height"])
    assert referenced == {path for path in found if "/" in path}
    assert referenced == set(contest.files)


def test_organizations_have_the_logos_that_a_server_must_provide() -> None:
    contest = contest_of("default")
    for organization in contest.objects["organizations"]:
        for side in (56, 160):
            path = f"organizations/{object_key(OBJECT_TYPES['organizations'], organization)}/logo.{side}x{side}.png"
            with Image.open(BytesIO(contest.files[path])) as image:
                assert image.size == (side, side)
                assert len(image.convert("RGB").getcolors() or ()) > 2


def test_sources_are_archives_with_one_plausible_file() -> None:
    contest = contest_of("default")
    names = {
        "c": "solution.c",
        "cpp": "solution.cpp",
        "java": "Main.java",
        "kotlin": "Main.kt",
        "python3": "solution.py",
    }
    files = contest.files
    for submission in contest.world.attempts:
        with ZipFile(BytesIO(files[f"submissions/{submission.number}/files.zip"])) as archive:
            assert archive.testzip() is None
            assert archive.namelist() == [names[submission.language_id]]
            assert len(archive.read(archive.namelist()[0])) > 100


def test_statements_are_pdf_with_a_sound_table() -> None:
    for path, content in contest_of("default").files.items():
        if path.endswith(".pdf"):
            assert content.startswith(b"%PDF-1.")
            table = int(content.rsplit(b"startxref\n", 1)[1].split()[0])
            assert content[table:].startswith(b"xref\n0 7\n")
            for number, entry in enumerate(content[table:].splitlines()[3:9], start=1):
                assert content[int(entry[:10]) :].startswith(b"%d 0 obj" % number)


def test_directory_and_archive_hold_the_same(tmp_path: Path) -> None:
    contest = simulate(SMALL)
    write_simulated_package(contest, tmp_path / "package")
    write_simulated_package(contest, tmp_path / "package.zip")
    assert members(tmp_path / "package") == members(tmp_path / "package.zip")


def test_writing_twice_writes_the_same_bytes(tmp_path: Path) -> None:
    for name in ("one.zip", "other.zip"):
        write_simulated_package(simulate(SMALL), tmp_path / name)
    assert (tmp_path / "one.zip").read_bytes() == (tmp_path / "other.zip").read_bytes()


def test_passwords_stand_in_accounts_and_nowhere_else(tmp_path: Path) -> None:
    contest = simulate(SMALL)
    write_simulated_package(contest, tmp_path / "package")
    found = members(tmp_path / "package")
    accounts = json.loads(found.pop("accounts.json"))
    assert {account["id"]: account["password"] for account in accounts} == contest.passwords
    for password in contest.passwords.values():
        assert not any(password.encode() in text for text in found.values())


def test_addresses_of_our_own_store_stay_inside(tmp_path: Path) -> None:
    contest = simulate(SMALL)
    write_simulated_package(contest, tmp_path / "package")
    for address in contest.contents:
        assert not any(address.encode() in text for text in members(tmp_path / "package").values())


def test_an_empty_directory_is_filled(tmp_path: Path) -> None:
    (tmp_path / "package").mkdir()
    write_simulated_package(simulate(SMALL), tmp_path / "package")
    assert (tmp_path / "package" / "contest.json").is_file()


@pytest.mark.parametrize("destination", ["full", "file", "package.zip", "folder.zip"])
def test_what_stands_there_is_left_alone(tmp_path: Path, destination: str) -> None:
    (tmp_path / "full").mkdir()
    for name in ("full/mine.txt", "file", "package.zip"):
        (tmp_path / name).write_text("mine")
    (tmp_path / "folder.zip").mkdir()
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(DestinationRefused) as refused:
        write_simulated_package(simulate(SMALL), tmp_path / destination)
    assert str(tmp_path / destination) in str(refused.value)
    assert "\n" not in str(refused.value)
    assert sorted(tmp_path.rglob("*")) == before
    assert (tmp_path / "package.zip").read_text() == "mine"


@pytest.mark.parametrize("name", ["package", "package.zip"])
def test_an_interrupted_package_leaves_nothing(tmp_path: Path, name: str) -> None:
    class Interrupted(Exception):
        pass

    def interrupt(done: int, total: int) -> None:
        raise Interrupted

    contest = simulate(SimulationParameters(seed=5, teams=40))
    with pytest.raises(Interrupted):
        write_simulated_package(contest, tmp_path / name, interrupt)
    assert list(tmp_path.iterdir()) == []


def test_progress_ascends_to_the_total(tmp_path: Path) -> None:
    contest = simulate(SimulationParameters(seed=5, teams=40))
    told: list[tuple[int, int]] = []
    write_simulated_package(contest, tmp_path / "package", lambda done, total: told.append((done, total)))
    total = contest.object_count + len(contest.files)
    assert {of for _, of in told} == {total}
    assert [done for done, _ in told] == sorted(done for done, _ in told)
    assert told[-1] == (total, total)
    assert len(told) > 2

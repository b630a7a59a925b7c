"""Handing in by the API of CMS: what becomes of the files (2.3, 2.13, 4.9)."""

import io
import zipfile
from base64 import b64encode
from collections.abc import Callable

import aiohttp
import pytest
from aiohttp import hdrs

from cds.cms_api.file_matching import FILE_BYTES_MAX
from tests.cds.cms_api.handing_in import CPP, PYTHON, SUBMIT, File, Files, handed_in, tarred, zipped
from tests.cds.cms_api.stage import CmsStage
from tests.cds.contest_api.serving import Json

pytestmark = pytest.mark.asyncio(loop_scope="session")

PROD = "/api/prod/submit"


async def seen(stage: CmsStage, identifier: str) -> Json:
    """A submission as the Contest API tells the jury of it."""
    return await stage.play.get("root", f"submissions/{identifier}")


async def archive_of(stage: CmsStage, identifier: str) -> bytes:
    """The archive of a submission, by the Contest API."""
    answer = await stage.play.caller("judge").get(f"contests/live/submissions/{identifier}/files")
    assert (answer.status, answer.headers[hdrs.CONTENT_TYPE]) == (200, "application/zip")
    return answer.body


async def files_of(stage: CmsStage, identifier: str) -> dict[str, bytes]:
    """The files in it."""
    with zipfile.ZipFile(io.BytesIO(await archive_of(stage, identifier))) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


async def test_a_source_is_a_submission_of_the_contest_api(stage: CmsStage) -> None:
    """The same event as a submission that is POSTed there, in the team's feed and in everybody's."""
    client = await stage.participant("anna")
    identifier = await handed_in(client)
    made = await seen(stage, identifier)
    assert (made["team_id"], made["problem_id"], made["language_id"]) == ("t1", "sum", "cpp")
    assert (made["account_id"], made["contest_time"], made["entry_point"]) == ("account-anna", "1:00:00.000", None)
    assert "ext" not in made
    assert await files_of(stage, identifier) == {"sum.cpp": CPP[2]}
    assert identifier in await stage.play.ids("public", "submissions")
    assert [line["id"] for line in await stage.play.feed("judge") if line["type"] == "submissions"] == [identifier]


async def test_both_doors_write_the_same_event(stage: CmsStage) -> None:
    client = await stage.participant("anna")
    by_cms = await handed_in(client)
    body = {
        "problem_id": "sum",
        "language_id": "cpp",
        "files": [{"data": b64encode(await archive_of(stage, by_cms)).decode()}],
    }
    answer = await stage.play.server.caller(("anna", "password of anna")).ask(
        "POST", "contests/live/submissions", json=body
    )
    assert answer.status == 201, answer.body
    by_contest_api = answer.json["id"]
    assert int(by_contest_api) == int(by_cms) + 1
    store = stage.play.server.store
    events = [event for event in await store.read(stage.play.contest.stream, 0, 10_000) if event.type == "submissions"]
    one, other = events
    assert (one.actor, one.cause, one.id) == (other.actor, other.cause, by_cms)
    assert one.data == (other.data or b"").replace(_quoted(by_contest_api), _quoted(by_cms))
    listed = (await client.json("/api/sum/submission_list"))["list"]
    assert listed == [{"id": by_cms}, {"id": by_contest_api}]


def _quoted(identifier: str) -> bytes:
    return f'"{identifier}"'.encode()


async def test_the_entry_point_of_python_is_the_uploaded_file(stage: CmsStage) -> None:
    identifier = await handed_in(await stage.participant(), PYTHON)
    made = await seen(stage, identifier)
    assert (made["language_id"], made["entry_point"]) == ("python3", "sum.py")
    assert await files_of(stage, identifier) == {"sum.py": PYTHON[2]}


@pytest.mark.parametrize("language", ["python3", "Python 3", "PYTHON 3", "py", ".py"])
async def test_the_language_by_name_or_extension(stage: CmsStage, language: str) -> None:
    identifier = await handed_in(await stage.participant(), PYTHON, language=language)
    assert (await seen(stage, identifier))["language_id"] == "python3"


async def test_output_files_some_of_them(stage: CmsStage) -> None:
    """They are in no language; the format of the Contest API has one, and it is one without entry points."""
    client = await stage.participant()
    identifier = await handed_in(client, ("output_2.txt", "mine", b"6\n"), path=PROD)
    assert await files_of(stage, identifier) == {"output_2.txt": b"6\n"}
    assert (await seen(stage, identifier))["language_id"] == "cpp"
    assert (await seen(stage, identifier))["entry_point"] is None


@pytest.mark.parametrize("packed", [zipped, tarred])
async def test_all_files_in_one_archive(stage: CmsStage, packed: Callable[[Files], bytes]) -> None:
    client = await stage.participant()
    outputs = {"work/output_1.txt": b"1\n", "work/output_2.txt": b"2\n"}
    identifier = await handed_in(client, ("submission", "all.zip", packed(outputs)), path=PROD)
    assert await files_of(stage, identifier) == {"output_1.txt": b"1\n", "output_2.txt": b"2\n"}
    source = packed({"sum.cpp": CPP[2]})
    assert await files_of(stage, await handed_in(client, ("submission", "x", source))) == {"sum.cpp": CPP[2]}


async def test_an_element_may_be_called_submission(stage: CmsStage) -> None:
    """Then it is that file, and no archive."""
    await stage.say("problems/prod", submission_format=["submission"])
    client = await stage.participant()
    identifier = await handed_in(client, ("submission", "x.txt", b"42"), path=PROD)
    assert await files_of(stage, identifier) == {"submission": b"42"}


async def test_several_sources(stage: CmsStage) -> None:
    await stage.say("problems/sum", submission_format=["encoder.%l", "decoder.%l"])
    files = [("decoder.%l", "d.py", b"d"), ("encoder.%l", "e.py", b"e")]
    identifier = await handed_in(await stage.participant(), *files)
    assert await files_of(stage, identifier) == {"encoder.py": b"e", "decoder.py": b"d"}
    assert (await seen(stage, identifier))["entry_point"] == "encoder.py"


async def test_the_largest_file_that_is_taken(stage: CmsStage) -> None:
    content = bytes(range(256)) * 400
    file = ("sum.%l", "a.cpp", content[:FILE_BYTES_MAX])
    assert await files_of(stage, await handed_in(await stage.participant(), file)) == {"sum.cpp": file[2]}


async def test_the_same_request_again_under_its_key_makes_nothing_new(stage: CmsStage) -> None:
    """`Idempotency-Key` works as on the Contest API."""
    client = await stage.participant()
    answers = [await client.ask("POST", SUBMIT, headers={"Idempotency-Key": "once"}, data=_form(CPP)) for _ in range(2)]
    assert [answer.status for answer in answers] == [200, 200]
    assert answers[0].json == answers[1].json
    assert len(await stage.play.ids("judge", "submissions")) == 1


def _form(*files: File) -> aiohttp.FormData:
    form = aiohttp.FormData(quote_fields=False, default_to_multipart=True)
    for field, filename, content in files:
        form.add_field(field, content, filename=filename)
    return form


@pytest.mark.parametrize(
    ("field", "filename"),
    [("sum.%25l", "a.cpp"), ("sum.%l", "C:\\Documents\\a.cpp"), ("sum.%l", "/home/me/a.cpp"), ("sum.%l", "../a.cpp")],
)
async def test_names_as_clients_write_them(stage: CmsStage, field: str, filename: str) -> None:
    """Some percent-encode the names of fields, some send the path of a file; where a file comes from is not kept."""
    identifier = await handed_in(await stage.participant(), (field, filename, b"x"))
    assert await files_of(stage, identifier) == {"sum.cpp": b"x"}


async def test_ids_are_decimal_also_when_the_numbers_are_used_up(stage: CmsStage) -> None:
    """Somebody may have given the greatest number that is counted on from."""
    client = await stage.participant()
    identifier = await handed_in(client)
    made = await seen(stage, identifier)
    body = {name: made[name] for name in ("problem_id", "language_id", "team_id", "time", "contest_time")}
    files = [{"data": b64encode(await archive_of(stage, identifier)).decode()}]
    await stage.play.put(
        "root", "submissions/999999999999", {**body, "id": "999999999999", "entry_point": None, "files": files}, 201
    )
    other = await handed_in(client)
    assert other not in (identifier, "999999999999")
    assert other in [each["id"] for each in (await client.json("/api/sum/submission_list"))["list"]]


async def test_at_the_root(stage: CmsStage) -> None:
    """The contest that is configured is there without its prefix."""
    client = await stage.participant("anna", base="")
    identifier = await handed_in(client)
    assert (await client.json("/api/sum/submission_list")) == {"list": [{"id": identifier}]}

"""Handing in by the API of CMS, as clients do it. This module must not know what may be handed in."""

import io
import tarfile
import zipfile
from collections.abc import Mapping

from aiohttp import hdrs

from tests.cds.cms_api.stage import CmsClient
from tests.cds.contest_api.serving import Answer

File = tuple[str, str, bytes]
Files = Mapping[str, bytes]

CPP: File = ("sum.%l", "mine.cpp", b"int main() {}\n")
PYTHON: File = ("sum.%l", "mine.py", b"print(1)\n")
SUBMIT = "/api/sum/submit"


async def hand_in(client: CmsClient, *files: File, path: str = SUBMIT, **texts: str) -> Answer:
    """Hand in, whatever comes of it."""
    return await client.send(path, files or (CPP,), texts)


async def handed_in(client: CmsClient, *files: File, path: str = SUBMIT, **texts: str) -> str:
    """The id of what was handed in, which must succeed."""
    answer = await hand_in(client, *files, path=path, **texts)
    assert answer.status == 200, answer.body
    assert answer.headers[hdrs.CONTENT_TYPE] == "application/json; charset=utf-8"
    identifier: str = answer.json["id"]
    assert answer.json == {"id": identifier}
    assert identifier.isascii()
    assert 1 <= int(identifier) < 2**63
    return identifier


def zipped(files: Files) -> bytes:
    """A zip archive."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return stream.getvalue()


def tarred(files: Files) -> bytes:
    """A tar archive packed by gzip."""
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w:gz") as archive:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return stream.getvalue()

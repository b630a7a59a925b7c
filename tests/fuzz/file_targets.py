"""Targets that read files of whoever runs the server: configuration, lists, backups, and what is said to commands."""

import gzip
import os
import tempfile
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path

import click
import msgspec

from cds.account_files import read_accounts
from cds.backups.checking import check_backup, file_rows
from cds.backups.framing import Unreadable, frames
from cds.backups.layout import BackupDirectory
from cds.backups.manifest import FILE_TABLE, Manifest, PieceEntry, SegmentEntry, manifest_at
from cds.backups.pieces import Piece, lines_of
from cds.backups.refusal import BackupRefused
from cds.cli import check_live_url
from cds.command_line import read_configuration_file
from cds.comparing.fetching import checked_url
from cds.contest_commands import check_duration, check_medals
from cds.dialects.results import SourceRefused
from cds.encryption import EncryptionRefused, TlsFiles, checked_certificate
from cds.packages.collection_files import PLATFORM_OBJECTS_FILE, read_platform_objects
from cds.packages.sources import DirectorySource
from cds.platform_options import check_base_url, check_contact, check_platforms
from cds.platforms.adapters.codeforces import CodeforcesUser
from cds.relay_command import check_source
from cds.replay_command import read_contest_time
from cds.restore_command import read_moment
from cds.secret_options import secret_given
from cds.serve_command import serve
from cds.signed_heads import HeadRefused
from cds.standing_options import check_networks
from cds.student_options import check_redis_url
from cds.students.answers import _read
from cds.upstream.describing import DescriptionRefused, option_of, read_sources
from cds.user_options import check_sender, read_smtp_url
from cds.verifying.command import read_heads, read_public_key
from eventstore.store import NewEvent
from tests.cds.backups.test_framing import chained, written
from tests.cds.operations.certificates import certificate_pem, key_pem, new_key
from tests.fuzz.target import Target


def _in_a_file(read: Callable[[Path], object], name: str) -> Callable[[bytes], object]:
    """A parser of bytes out of one of files; nothing is left behind."""

    def parse(data: bytes) -> object:
        with tempfile.TemporaryDirectory() as room:
            path = Path(room) / name
            path.write_bytes(data)
            return read(path)

    return parse


def configuration(path: Path) -> object:
    """A configuration file."""
    context = click.Context(serve)
    return read_configuration_file(context, serve.params[0], path)


def platform_objects(path: Path) -> object:
    """The list in a package of what is a platform's."""
    return read_platform_objects(DirectorySource(path.parent))


def manifest(data: bytes) -> object:
    """A manifest, under the name that its own hash gives it, of a backup with nothing else in it."""
    with tempfile.TemporaryDirectory() as room:
        directory = BackupDirectory(Path(room))
        directory.prepare()
        name = f"000001-20310517T080000000000Z-{sha256(data).hexdigest()[:16]}.json"
        (directory.manifests / name).write_bytes(data)
        kept = manifest_at(directory, None)
        check_backup(directory, kept.manifest, lambda *_: None)
        return kept


def rows(data: bytes) -> object:
    """A file of rows: packed, or what is in one."""
    try:
        return list(frames(data))
    except Unreadable:
        return list(frames(Piece(data, 0).packed()))


def piece(data: bytes) -> object:
    """A piece of a table: one that lists the files, and one that is not what its name says."""
    with suppress(Unreadable, UnicodeDecodeError):
        lines_of(data, "0" * 64)
    with tempfile.TemporaryDirectory() as room:
        directory = BackupDirectory(Path(room))
        directory.prepare()
        name = sha256(data).hexdigest()
        path = directory.piece(name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(Piece(data, 0).packed())
        tables = {FILE_TABLE: [PieceEntry(name, 1)]}
        return file_rows(directory, msgspec.structs.replace(_MANIFEST, segments=[], tables=tables))


def remembered(data: bytes) -> object:
    """What stands in a cache that others may write to."""
    return _read(data, CodeforcesUser, 0, [])


_PARAMETER = serve.params[0]
VALUES: tuple[Callable[[str], object], ...] = (
    *(
        (lambda text, check=check: check(click.Context(serve), _PARAMETER, text))
        for check in (
            *(check_live_url, check_duration, check_medals, check_base_url, check_contact, check_platforms),
            *(check_source, read_contest_time, read_moment, check_redis_url, read_smtp_url, check_sender),
        )
    ),
    lambda text: check_networks(click.Context(serve), _PARAMETER, (text,)),
)


def values(data: bytes) -> None:
    """What is said to options of commands."""
    text = data.decode("utf-8", "surrogateescape")
    for check in VALUES:
        with suppress(click.ClickException):
            check(text)
    readers = ((option_of, DescriptionRefused), (checked_url, SourceRefused), (read_public_key, HeadRefused))
    for read, refusal in readers:
        with suppress(refusal):
            read(text)


def _secret(path: Path) -> object:
    os.environ["CDS_FUZZED_FILE"] = str(path)
    return secret_given("CDS_FUZZED")


def _heads(path: Path) -> object:
    return read_heads((path,))


def _certificate(path: Path) -> object:
    return checked_certificate(TlsFiles(path, path))


_MANIFEST = Manifest(
    number=1,
    taken_at=datetime(2031, 5, 17, 8, tzinfo=UTC),
    program="1",
    migrations=[],
    streams=[],
    segments=[SegmentEntry(1, 1, "0" * 64, 1)],
    tables={FILE_TABLE: [PieceEntry("0" * 64, 1)]},
    files=1,
    file_bytes=1,
)
_NUMBERS = (b"\x00" * 4, b"\xff" * 4, b"\xff" * 8, b"\x7f" + b"\xff" * 7, b"\x00\x00\x00\x01")
_ROWS = written(
    {
        "contest:a": chained(
            "contest:a", [NewEvent(type="teams", id="t1", data=b"{}"), NewEvent(type="x", id="y", data=None)]
        ),
        "users": chained("users", [NewEvent(type="users", id="u", data=b"1")]),
    }
)
_KEY = new_key()
_TOML = (
    b"port = 8081\nhost = '127.0.0.1'\ntrusted-proxy = ['10.0.0.0/8']\n",
    b"[[source]]\nurl = 'https://x.example/api/contests/a'\nusername = 'u'\npassword_env = 'NO'\nfiles_from = ['h']\n",
)
_ACCOUNTS = (
    b"- id: a\n  username: ada\n  password: 'x'\n  type: judge\n",
    b'[{"id": "a", "username": "ada", "type": "team", "team_id": "t1", "ip": "::1"}]',
)

FILE_TARGETS: Mapping[str, Target] = {
    "configuration file": Target(
        parse=_in_a_file(configuration, "cds.toml"),
        refusals=(click.BadParameter,),
        seeds=_TOML,
        words=(b"[a]\n", b"a.b.c = 1\n", b"'''", b'"\\ud800"', b"nan", b"1979-05-27", b"{a = 1}", b"workers = "),
    ),
    "file of sources": Target(
        parse=_in_a_file(read_sources, "sources.toml"),
        refusals=(DescriptionRefused,),
        seeds=(_TOML[1], b"source = [{url = 'https://x.example/api/contests/a', shadow = 's'}]"),
        words=(b"[[source]]\n", b"shadow = 's'\n", b"contest_id = 'x'\n", b"certificates = '/dev/null'\n"),
    ),
    "accounts as YAML": Target(
        parse=_in_a_file(read_accounts, "accounts.yaml"), refusals=(SourceRefused,), seeds=_ACCOUNTS, words=(b"-",)
    ),
    "accounts as JSON": Target(
        parse=_in_a_file(read_accounts, "accounts.json"),
        refusals=(SourceRefused,),
        seeds=_ACCOUNTS[1:],
        words=(b"null",),
    ),
    "objects of a platform": Target(
        parse=_in_a_file(platform_objects, PLATFORM_OBJECTS_FILE),
        refusals=(SourceRefused,),
        seeds=(b'{"platform":"codeforces","objects":{"teams":["t1"]}}',),
        words=(b"null", b'"teams":'),
    ),
    "manifest": Target(
        parse=manifest,
        refusals=(BackupRefused,),
        seeds=(
            msgspec.json.encode(_MANIFEST),
            msgspec.json.encode(msgspec.structs.replace(_MANIFEST, segments=[], tables={}, files=0, file_bytes=0)),
        ),
        words=(b'"form":""', b"null", b"-1", b'"../../x"'),
    ),
    "rows of a backup": Target(
        parse=rows, refusals=(Unreadable,), seeds=(*_ROWS, gzip.decompress(_ROWS[0])), words=_NUMBERS
    ),
    "piece of a backup": Target(
        parse=piece,
        refusals=(BackupRefused,),
        seeds=(b'{"address":"%s","size_bytes":1}\n' % (b"0" * 64), b""),
        words=(b"\n", b'"size_bytes":', b"-1"),
    ),
    "answer in a cache": Target(
        parse=remembered,
        seeds=(b'{"asked_ms":1,"answer":{"handle":"Petr","rating":3}}', b'{"asked_ms":1,"answer":null}'),
        words=(b"1e999", b"null"),
    ),
    "option of a command": Target(
        parse=values,
        seeds=(
            b"5:00:00",
            b"4,4,4",
            b"redis://:x@localhost:6379/0",
            b"smtps://u:p@h:465",
            b"a=https://h/api/contests/a",
        ),
        words=(
            b"://",
            b"[",
            b"]",
            b"@",
            b":99999",
            b"%",
            b"\xff",
            b"2031-05-17T08:00:00Z",
            b"10.0.0.0/33",
            "٣".encode(),
        ),
    ),
    "secret in a file": Target(
        parse=_in_a_file(_secret, "secret"), refusals=(click.UsageError,), seeds=(b"s3cret\n", b"\n"), words=(b"\r",)
    ),
    "file with a head": Target(
        parse=_in_a_file(_heads, "head.txt"),
        refusals=(HeadRefused, UnicodeDecodeError),
        seeds=(b"contest data server head 1\ntime 2031-05-17T08:00:00Z\n",),
        words=(b"stream ", b"signature ", b"0" * 64, b"%20", b"\xff"),
    ),
    "certificate": Target(
        parse=_in_a_file(_certificate, "tls.pem"),
        refusals=(EncryptionRefused,),
        seeds=(certificate_pem(_KEY) + key_pem(_KEY),),
        words=(b"-----BEGIN CERTIFICATE-----\n", b"-----END", b"ENCRYPTED", b"A" * 64),
        bytes_max=8_192,
    ),
}
"""By name."""

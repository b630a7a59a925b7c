"""Sources as they are described: on a command line, or in a TOML file with one `[[source]]` for each.

What is wrong is refused before anything is followed. This module must not know how a source is followed.
"""

import os
import ssl
import tomllib
from collections.abc import Collection, Iterable
from pathlib import Path

import msgspec

from cds.upstream.addresses import AddressRefused, comparable_host, upstream_address
from cds.upstream.options import SourceOptions, UpstreamLogin
from cds.upstream.patience import Patience
from eventstore.limits import is_stream_name
from schemas.identifiers import is_contest_identifier, is_identifier
from schemas.matches import is_match_id

SOURCES_MAX = 1_000
"""Sources that one server follows."""

FILE_HOSTS_MAX = 100
"""Hosts that are named for the files of one source."""


class DescriptionRefused(ValueError):
    """What describes a source is wrong; the message says what, and never holds a password."""


class Description(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One `[[source]]` of the file."""

    contest_id: str | None = None
    url: str
    username: str | None = None
    password_file: str | None = None
    password_env: str | None = None
    shadow: str | None = None
    certificates: str | None = None
    files_from: tuple[str, ...] = ()


class _File(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    source: list[Description] = []


def source_options(
    url: str,
    *,
    contest_id: str | None = None,
    shadow: str | None = None,
    username: str | None = None,
    password: str | None = None,
    certificates: Path | None = None,
    patience: Patience | None = None,
) -> SourceOptions:
    """A source as it is said to be. Raises DescriptionRefused."""
    try:
        address = upstream_address(url)
    except AddressRefused as refused:
        raise DescriptionRefused(f"the URL {refused}") from None
    if (username is None) != (password is None):
        lacking = "password" if password is None else "user name"
        raise DescriptionRefused(f"there is no {lacking} for the upstream, but the other half of a login")
    if username is not None and ":" in username:
        raise DescriptionRefused("a user name must not hold a colon")
    identifier = address.contest_id if contest_id is None else contest_id
    if not is_contest_identifier(identifier):
        raise DescriptionRefused(f"{identifier!r} is no id of a contest; choose one with --contest-id")
    if shadow is None and is_match_id(identifier):
        raise DescriptionRefused(f"the id {identifier} is for the contest of a match; choose another with --contest-id")
    if shadow is not None and not is_identifier(shadow):
        raise DescriptionRefused(f"{shadow!r} is no name of a second system: the rule is that of ids")
    if certificates is not None:
        _check_certificates(certificates)
    options = SourceOptions(
        contest_id=identifier,
        address=address,
        login=None if username is None or password is None else UpstreamLogin(username, password),
        shadow=shadow,
        certificates=certificates,
        patience=patience or Patience(),
    )
    if not is_stream_name(options.stream):
        raise DescriptionRefused("the id of the contest and the name of the second system are too long together")
    return options


def with_file_hosts(options: SourceOptions, hosts: Collection[str]) -> SourceOptions:
    """The same source, whose files may be on these hosts too, which need not be public. Raises DescriptionRefused."""
    if len(hosts) > FILE_HOSTS_MAX:
        raise DescriptionRefused(f"there are more than {FILE_HOSTS_MAX} hosts that files may be fetched from")
    found = set()
    for host in hosts:
        try:
            found.add(comparable_host(host))
        except ValueError:
            raise DescriptionRefused(f"{host!r} is no host: give a name or an address, without a port") from None
    return msgspec.structs.replace(options, files_from=frozenset(found))


def option_of(text: str) -> SourceOptions:
    """The source that `CONTEST_ID=URL` says. Raises DescriptionRefused."""
    contest_id, separator, url = text.partition("=")
    if not separator or "/" in contest_id:
        raise DescriptionRefused("is not like CONTEST_ID=http://host/api/contests/ID")
    return source_options(url, contest_id=contest_id)


def read_sources(file: Path) -> list[SourceOptions]:
    """All sources of a TOML file. Raises DescriptionRefused, naming the file and the source by its number from 1."""
    try:
        described = msgspec.toml.decode(file.read_bytes(), type=_File)
    except (OSError, tomllib.TOMLDecodeError, msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise DescriptionRefused(f"{file}: {error}") from None
    found = []
    for number, each in enumerate(described.source, start=1):
        try:
            found.append(_described(each))
        except DescriptionRefused as refused:
            raise DescriptionRefused(f"{file}: source {number}: {refused}") from None
    return found


def password_in(file: Path) -> str:
    """The password that a file holds, without the end of its line. Raises DescriptionRefused."""
    try:
        password = file.read_text(encoding="utf-8").rstrip("\r\n")
    except OSError as error:
        raise DescriptionRefused(f"the password cannot be read from {file}: {error.strerror}") from None
    except UnicodeDecodeError:
        raise DescriptionRefused(f"the password cannot be read from {file}: it is not UTF-8") from None
    if not password:
        raise DescriptionRefused(f"there is no password in {file}")
    return password


def without_repetition(sources: Iterable[SourceOptions]) -> tuple[SourceOptions, ...]:
    """The sources, each of which has a contest, or a name there, to itself. Raises DescriptionRefused."""
    found: dict[str, SourceOptions] = {}
    for each in sources:
        if each.stream in found:
            raise DescriptionRefused(f"the contest {each.contest_id} has two sources of the same name")
        found[each.stream] = each
    if len(found) > SOURCES_MAX:
        raise DescriptionRefused(f"there are more than {SOURCES_MAX} sources")
    return tuple(found.values())


def _described(description: Description) -> SourceOptions:
    options = source_options(
        description.url,
        contest_id=description.contest_id,
        shadow=description.shadow,
        username=description.username,
        password=_password(description),
        certificates=None if description.certificates is None else Path(description.certificates),
    )
    return with_file_hosts(options, description.files_from)


def _check_certificates(file: Path) -> None:
    try:
        ssl.create_default_context(cafile=file)
    except ssl.SSLError as error:
        raise DescriptionRefused(f"{file} holds no certificates in PEM: {error.reason}") from None
    except OSError as error:
        raise DescriptionRefused(f"the certificates cannot be read from {file}: {error.strerror}") from None


def _password(description: Description) -> str | None:
    if description.password_file is not None and description.password_env is not None:
        raise DescriptionRefused("says the password twice: password_file and password_env")
    if description.password_env is not None:
        password = os.environ.get(description.password_env)
        if not password:
            raise DescriptionRefused(f"the variable {description.password_env} is not set")
        return password
    return None if description.password_file is None else password_in(Path(description.password_file))

"""The metadata objects of the specification: API information, access, and the error body.

This module must not know which roles or endpoints there are.
"""

import msgspec

from schemas.properties import FileReference


class Provider(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Who serves the API; `version` is a semantic version (xcpcio refuses others)."""

    name: str
    version: str | None = None
    logo: list[FileReference] | None = None


class ApiInformation(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """JSON Format, "API information"."""

    version: str
    version_url: str
    provider: Provider | None = None


class AccessEndpoint(msgspec.Struct, frozen=True, kw_only=True):
    """One type that the client may see, and the properties it may come with."""

    type: str
    properties: list[str]


class Access(msgspec.Struct, frozen=True, kw_only=True):
    """JSON Format, "Access"."""

    capabilities: list[str]
    endpoints: list[AccessEndpoint]


class ErrorBody(msgspec.Struct, frozen=True, kw_only=True):
    """The body of every failure (Contest API, "Success, Failure, and HTTP Responses")."""

    code: int
    message: str

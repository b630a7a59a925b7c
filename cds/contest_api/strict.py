"""`strict=1`: the answer without anything beyond the specification.

A strict answer is one in another version of the API (projections.served_versions), so whatever holds for versions holds
for it. This module knows the parameter; it must not know what is left out.
"""

from collections.abc import Mapping

from aiohttp import web

from projections.served_versions import DRAFT, STRICT, ServedVersion

STRICT_PARAMETER = "strict"
YES = frozenset({"1", "true", "yes"})


def is_strict(query: Mapping[str, str]) -> bool:
    """Whether a query asks for the plain specification."""
    return query.get(STRICT_PARAMETER, "").lower() in YES


def version_asked(request: web.Request, version: ServedVersion = DRAFT) -> ServedVersion:
    """The version in which a request is answered, given that of its path. Earlier versions know no extensions."""
    return STRICT if version is DRAFT and request.query_string and is_strict(request.query) else version

"""The OpenAPI 3.1 document: everything that can be asked of the Contest API, put together from the tables.

The same for everybody, whoever may do what; it depends on the version of the program and on where clients see the
API. This module must not know any object type, nor how the document travels.
"""

from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from urllib.parse import urlsplit

import msgspec

from cds.commands.contest_settings import SettingsPatch
from cds.commands.contest_state import StatePatch
from cds.commands.permissions import METHODS, OFFERED
from cds.commands.webhooks import Registering, WebhookPatch
from cds.configuration import API_PREFIX
from cds.openapi import (
    comparison_endpoint,
    head_endpoint,
    other_endpoints,
    source_endpoint,
    type_endpoints,
    webhook_endpoints,
)
from cds.openapi.error_bodies import error_schemas, refusal_components
from cds.openapi.headers import HEADERS
from cds.openapi.json_schemas import (
    PROPERTY_TYPES,
    Json,
    Schema,
    component_name,
    nullable,
    object_schema,
    reference,
    required_properties,
    structures_in,
)
from cds.openapi.object_schemas import answer_schema, description_of, request_name, request_schema
from cds.openapi.operations import LOGINS, PARAMETERS, Operation
from cds.openapi.served_apis import SERVED_APIS
from cds.served_versions import EARLIER_VERSIONS
from cds.uploads import UploadedFile
from schemas.aggregates import Scoreboard
from schemas.metadata import Access, ApiInformation, ErrorBody
from schemas.object_types import OBJECT_TYPES, ObjectType
from schemas.properties import FileReference
from schemas.webhooks import ShownWebhook

OPENAPI_VERSION = "3.1.0"
DIALECT = "https://json-schema.org/draft/2020-12/schema"
DOCUMENTS_KEPT_MAX = 8
"""One for each prefix and base URL under which this server is asked."""

DESCRIPTION = f"""\
The ICPC Contest API, and what this server offers beside it (`x-` endpoints, `PATCH` of the state).

- Everything that GET offers is also offered to HEAD, every path also with a slash at its end.
- Without a login the caller is the public, which may read and not write. Wrong credentials are never taken for none.
- What the caller may not see is not there: objects, properties, lines, files; until the thaw what the freeze hides.
- Properties that are null may be left out of answers; in requests null and absent are the same.
- Unknown parameters of queries are ignored, unknown properties of bodies refused.
- What is beyond the specification stands in the property `ext` of an object, by namespace; `strict=1` leaves it out.
- References to files: `href` is relative to the base URL; in requests `data` holds the bytes in base64.
- Every failure is JSON with `code` and `message`. The APIs beside the Contest API have forms and rules of their own.
- The same contests, for reading, in the words of earlier versions of the Contest API: below \
{" and ".join(f"`{version.name}/`" for version in EARLIER_VERSIONS)}."""

STRUCTURES_ANSWERED: tuple[type[msgspec.Struct], ...] = (
    ApiInformation,
    Access,
    ErrorBody,
    Scoreboard,
    SettingsPatch,
    ShownWebhook,
)
STRUCTURES_SENT: tuple[type[msgspec.Struct], ...] = (StatePatch, SettingsPatch, Registering, WebhookPatch)


def openapi_document(version: str, servers: Iterable[str], root_servers: Sequence[str] = ("/",)) -> Schema:
    """The document; `servers` are base URLs without a slash at their ends, the best one first.

    `root_servers` are those of the root of the server, below which there are APIs beside the Contest API.
    """
    schemas = component_schemas()
    everything = operations(schemas)
    return {
        "openapi": OPENAPI_VERSION,
        "jsonSchemaDialect": DIALECT,
        "info": {"title": "Contest API", "version": version, "description": DESCRIPTION},
        "servers": [{"url": url} for url in servers],
        "tags": [{"name": name, "description": about} for name, about in _tags().items()],
        "paths": _paths(everything, root_servers),
        "components": {
            "schemas": schemas,
            "parameters": PARAMETERS,
            "headers": HEADERS,
            "responses": refusal_components(each for operation in everything for each in operation.refused_in_form),
            "securitySchemes": LOGINS,
        },
    }


@lru_cache(maxsize=DOCUMENTS_KEPT_MAX)
def encoded_document(version: str, prefix: str, base_url: str | None) -> bytes:
    """The document as JSON, for an API below `prefix` that clients see at `base_url` (None: as it is)."""
    return msgspec.json.encode(openapi_document(version, servers_of(prefix, base_url), root_servers_of(base_url)))


def servers_of(prefix: str, base_url: str | None) -> list[str]:
    """Where clients see the API, and where it is when no proxy is between."""
    seen = prefix if base_url is None else base_url.rstrip("/")
    return list(dict.fromkeys((seen or "/", prefix or "/")))


def root_servers_of(base_url: str | None) -> list[str]:
    """Where clients see the root of the server: where the API is seen at its usual place, and without a proxy."""
    seen = urlsplit(base_url or "")
    if seen.netloc and seen.path.rstrip("/") == API_PREFIX:
        return [f"{seen.scheme}://{seen.netloc}", "/"]
    return ["/"]


def operations(schemas: Mapping[str, Schema]) -> list[Operation]:
    """Everything that can be asked."""
    of_types = (each for row in OBJECT_TYPES.values() for each in type_endpoints.operations_of_type(row, schemas))
    others = (
        *comparison_endpoint.comparison_operations(),
        *source_endpoint.source_operations(),
        *head_endpoint.head_operations(),
        *webhook_endpoints.webhook_operations(),
        *(operation for api in SERVED_APIS for operation in api.operations),
    )
    return [*other_endpoints.other_operations(schemas), *of_types, *others]


def component_schemas() -> dict[str, Schema]:
    """All schemas by the names under which the document holds them."""
    found: dict[str, Schema] = dict(PROPERTY_TYPES)
    for row in OBJECT_TYPES.values():
        found[row.structure.__name__] = answer_schema(row)
        for method in METHODS:
            if method in OFFERED[row.name] and method != "DELETE":
                found[request_name(row, method)] = request_schema(row, method)
        found |= _parts(row)
    for structure in STRUCTURES_ANSWERED:
        for part in (structure, *structures_in(structure)):
            found.setdefault(part.__name__, _answered(part))
    for structure in STRUCTURES_SENT:
        for part in (structure, *structures_in(structure)):
            found[component_name(part, "request")] = _sent(part)
    found[StatePatch.__name__] = found.pop(component_name(StatePatch, "request"))
    found |= {"FileReference": _file_reference(), "UploadedFile": _uploaded_file(), "Notification": _notification()}
    besides = (comparison_endpoint.comparison_schemas(), source_endpoint.source_schemas(), head_endpoint.head_schemas())
    for schemas in besides:
        found = {**schemas, **found}
    found = {**error_schemas(), **found}
    for api in SERVED_APIS:
        found = {**api.schemas, **found}
    return dict(sorted(found.items()))


def _parts(row: ObjectType) -> dict[str, Schema]:
    """The structures that objects of a type are made of, as they are answered and as they are sent, if they are."""
    parts = structures_in(row.structure)
    answered = {component_name(part, "answer"): _answered(part) for part in parts}
    if not OFFERED[row.name] & {"POST", "PUT"}:
        return answered
    return answered | {component_name(part, "request"): _sent(part) for part in parts}


def _answered(structure: type[msgspec.Struct]) -> Schema:
    required = required_properties(structure)
    return {**object_schema(structure, "answer", required=required), "description": description_of(structure)}


def _sent(structure: type[msgspec.Struct]) -> Schema:
    required = required_properties(structure)
    return {**object_schema(structure, "request", required=required), "description": description_of(structure)}


def _file_reference() -> Schema:
    """Where the bytes are kept is nobody's business."""
    names = [name for name in FileReference.__struct_fields__ if name != "content"]
    schema = object_schema(FileReference, "answer", names=names, required=("href", "filename", "mime"))
    return {**schema, "description": "A file reference object (JSON Format, `File references`)."}


def _uploaded_file() -> Schema:
    schema = object_schema(UploadedFile, "request")
    return {
        **schema,
        "description": "A file with its bytes in base64 as `data`, or one that the object has already, as its `href`. "
        "Size, hash and type are found out; what is said of them must agree.",
        "anyOf": [{"required": ["data"]}, {"required": ["href"]}],
    }


def _notification() -> Schema:
    objects = [reference(row.structure.__name__) for row in OBJECT_TYPES.values()]
    properties = {
        "type": {"type": "string", "enum": list(OBJECT_TYPES)},
        "id": nullable(reference("Identifier")),
        "data": {"anyOf": [*objects, {"type": "null"}]},
        "token": {"type": "string"},
    }
    return {
        "type": "object",
        "description": "A line of the event feed: the state of one object after a change.",
        "properties": properties,
        "required": list(properties),
    }


def _paths(everything: Iterable[Operation], root_servers: Sequence[str]) -> Mapping[str, Json]:
    paths: dict[str, dict[str, Json]] = {}
    for operation in everything:
        paths.setdefault(operation.path, {})[operation.verb] = operation.as_json(root_servers)
    return paths


def _tags() -> Mapping[str, str]:
    modules = (
        *(other_endpoints, type_endpoints, comparison_endpoint, source_endpoint, head_endpoint),
        webhook_endpoints,
    )
    found = {name: about for module in modules for name, about in module.TAGS.items()}
    return found | {name: about for api in SERVED_APIS for name, about in api.tags.items()}

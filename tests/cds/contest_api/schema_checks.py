"""Answers checked against the JSON schemas of the specification.

Numbers are decimals on both sides, as the schemas ask for multiples of 0.001. Where `access` does not list a
property, a schema's demand for it does not bind. This module knows the schemas' files alone.
"""

import json
from collections.abc import Mapping
from decimal import Decimal
from functools import cache

from jsonschema_rs import Draft202012Validator, Registry

from tests.cds.contest_api.real_contests import SCHEMAS
from tests.cds.contest_api.serving import Json

ERRORS_SHOWN_MAX = 3

_good: set[tuple[str, str, str]] = set()
"""What has been found good: schema, its demands, and the instance."""

SCHEMA_OF_TYPE = {
    "contest": "contest",
    "judgement-types": "judgement-type",
    "languages": "language",
    "problems": "problem",
    "groups": "group",
    "organizations": "organization",
    "teams": "team",
    "persons": "person",
    "accounts": "account",
    "state": "state",
    "submissions": "submission",
    "judgements": "judgement",
    "runs": "run",
    "clarifications": "clarification",
    "awards": "award",
    "commentary": "commentary",
}
"""Type → the schema of one object; a collection is checked object by object, and as an array of unique ones."""


def decoded(text: bytes) -> Json:
    """JSON with decimals in the place of floats."""
    return json.loads(text, parse_float=Decimal)


@cache
def schemas() -> Mapping[str, Json]:
    """Every schema by its name without the suffix."""
    return {path.stem: decoded(path.read_bytes()) for path in SCHEMAS.glob("*.json")}


class SchemaChecks:
    """The schemas as they bind a viewer with a certain `access`."""

    def __init__(self, access: Json, shown_of_own: Mapping[str, set[str]] | None = None) -> None:
        """Let go of the demands for properties that are not listed.

        `shown_of_own` are properties by type that are listed and yet shown of some objects only.
        """
        not_always = shown_of_own or {}
        listed = {
            entry["type"]: set(entry["properties"]) - not_always.get(entry["type"], set())
            for entry in access["endpoints"]
        }
        demanded = {schema: _demanded(schema, listed.get(name, set())) for name, schema in SCHEMA_OF_TYPE.items()}
        self._demanded = {schema: str(properties) for schema, properties in demanded.items()}
        self._validators = _validators(tuple(demanded.items()))
        self.checked = 0

    def check(self, schema: str, instance: Json, what: str) -> None:
        """Assert that an instance is as its schema says. Equal ones under equal demands are looked at once."""
        self.checked += 1
        key = (schema, self._demanded.get(schema, ""), repr(instance))
        if key in _good:
            return
        errors = [
            f"{what}: {'/'.join(map(str, error.instance_path))} {error.message[:300]}"
            for error in self._validators[schema].iter_errors(instance)
        ]
        assert not errors, "\n".join(errors[:ERRORS_SHOWN_MAX])
        _good.add(key)

    def check_notification(self, notification: Json, what: str, *, whole: bool) -> None:
        """Assert that a line of a feed is good.

        The schema of lines says: this envelope, and in `data` an object of the type, a collection of it, or null. To
        look for the right one of these among all types takes long, so it is only asked for where `whole` is set;
        otherwise it is asked about the envelope, and the schema of the type about the object.
        """
        self.check("event-feed", notification if whole else {**notification, "data": None}, what)
        if notification["data"] is not None:
            self.check(SCHEMA_OF_TYPE[notification["type"]], notification["data"], what)

    def check_collection(self, type_name: str, instances: Json, what: str) -> None:
        """Assert that a collection is an array of unique, good objects."""
        assert isinstance(instances, list), what
        assert len({each["id"] for each in instances}) == len(instances), what
        for each in instances:
            self.check(SCHEMA_OF_TYPE[type_name], each, f"{what}/{each['id']}")


Demanded = tuple[str, ...] | None
"""The properties that a schema demands; None where it speaks of none."""


def _demanded(schema: str, listed: set[str]) -> Demanded:
    required = schemas()[schema].get("required")
    return None if required is None else tuple(property for property in required if property in listed)


@cache
def _validators(demanded: tuple[tuple[str, Demanded], ...]) -> Mapping[str, Draft202012Validator]:
    """By schema. The roles of a contest have few kinds of access, and to read the schemas takes long."""
    relaxed = {
        schema: {**schemas()[schema], "required": list(properties)}
        for schema, properties in demanded
        if properties is not None
    }
    found = {**schemas(), **relaxed}
    registry = Registry([(schema["$id"], schema) for schema in found.values()])
    return {name: Draft202012Validator(schema, registry=registry) for name, schema in found.items()}

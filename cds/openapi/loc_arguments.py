"""What the document says of the arguments of the League of Code API: in queries, and in bodies.

Read off the structures and the checks by which arguments are read. This module must not know any answer.
"""

from collections.abc import Mapping, Sequence
from functools import cache

import msgspec
from aiohttp import hdrs

from cds.loc_api.arguments import ALIASES, Arguments
from cds.loc_api.asking import ASKED_IN_QUERY, TOKEN
from cds.loc_api.dates import Instant
from cds.loc_api.rows import Auth, Row
from cds.openapi.api_tables import body_of
from cds.openapi.error_bodies import JSON_TYPE
from cds.openapi.json_schemas import NULL, Json, Schema, nullable
from cds.openapi.operations import query
from cds.openapi.reading import listed, mapping, resolved, texts

ABOUT: Mapping[str, str] = {
    "page": "The number of a page, from 1.",
    "match": "The slug of a match.",
    "user": "The name of a user.",
    "party": "The name of a party's leader; without it one's own party.",
    "username": "With which to log in; neither case nor width tells two names apart.",
    "email": "An address that mail can be sent to.",
    "name": "The real name, which everybody may see; without it it stays as it is.",
    "remember-me": "Whether the token is to be good for long.",
    "lfg": "Whether the party is to be found by others.",
    "follow": "Whether to follow, or not any more.",
    "delete": "Whether to delete, or to bring back.",
    "is-visible": "Whether others than administrators know of the match.",
    "leaderboard": "Whether everybody may see the leaderboard, once the match is over.",
    "slug": "What stands for the match in addresses; without it one is made of the title.",
    "positions": "Those of the parties that are named; all others keep theirs.",
}
"""By the name of an argument, where the name does not tell everything."""

ABOUT_OF_ROW: Mapping[tuple[str, str], str] = {
    ("join_party", "party"): "The token that the party invites with.",
    ("check_reset_token", TOKEN): "The code that was sent; no JWT.",
    ("reset_password", TOKEN): "The code that was sent; no JWT.",
    ("change_match", "slug"): "Another slug; without it one is made of a title that is new.",
    ("set_leaderboard", "positions"): ABOUT["positions"],
}
"""The same by the name of a row and of an argument, where it says something else there."""

TOKEN_IN_BODY: Schema = {
    "type": ["string", "null"],
    "description": "The token that came with the login, for who does not send it as `Authorization: Bearer`. Of two "
    "this one counts.",
    "examples": ["eyJhbGciOiJIUzUxMiJ9.eyJzdWIiOiJ1MSJ9.c2lnbmF0dXJl"],
}


def arguments_in_query(row: Row) -> tuple[Schema, ...]:
    """The arguments that may stand in a query. They may stand in a body instead, of which the document is silent."""
    properties, required = _arguments(row)
    return tuple(
        {
            **query(name, _plain(schema), _about(row, name)),
            "required": name in required,
            **({"example": row.example[name]} if name in row.example else {}),
        }
        for name, schema in properties.items()
        if name in ASKED_IN_QUERY
    )


def arguments_in_body(row: Row) -> Schema:
    """All arguments, and the token where one is looked at: it comes in the body, or as a bearer token.

    What may be left out may also be null. What has two names may come under either.
    """
    properties, required = _arguments(row)
    told = {name: _told(row, name, schema, required=name in required) for name, schema in properties.items()}
    aliases = {alias: meant for alias, meant in ALIASES.items() if meant in properties}
    told |= {alias: {**told[meant], "description": f"Another name of `{meant}`."} for alias, meant in aliases.items()}
    media = body_of(
        told if row.auth is Auth.OPEN else {**told, TOKEN: TOKEN_IN_BODY},
        dict(row.example),
        required=[name for name in required if name not in aliases.values()],
    )
    needed = {alias: meant for alias, meant in aliases.items() if meant in required}
    either = [{"anyOf": [{"required": [meant]}, {"required": [alias]}]} for alias, meant in needed.items()]
    if either:
        media = {**media, "schema": {**mapping(media["schema"]), "allOf": either}}
    in_query = row.ways[0].method == hdrs.METH_GET and ASKED_IN_QUERY.issuperset(required)
    return {"required": bool(required) and not in_query, "content": {JSON_TYPE: media}}


def arguments_elsewhere(row: Row) -> str:
    """Where to bring the arguments that may not stand in a query."""
    properties, _ = _arguments(row)
    secrets = [f"`{name}`" for name in properties if name not in ASKED_IN_QUERY]
    twin = next((way for way in row.ways if way.method == hdrs.METH_POST), None)
    return f"{', '.join(secrets)} may not stand in the query: see `POST {twin.path}`." if secrets and twin else ""


def _told(row: Row, name: str, schema: Schema, *, required: bool) -> Schema:
    """An argument in a body."""
    about = _about(row, name)
    check = row.checks.get(name)
    plain = {**_plain(schema), **({} if check is None else check.told)}
    whole = plain if required else nullable(plain)
    return {**whole, "description": about} if about else whole


def _about(row: Row, name: str) -> str:
    return ABOUT_OF_ROW.get((row.name, name), ABOUT.get(name, ""))


def _plain(schema: Schema) -> Schema:
    """The same without null."""
    if "anyOf" not in schema:
        return schema
    kinds = [kind for kind in map(mapping, listed(schema["anyOf"])) if kind != NULL]
    beside = {name: value for name, value in schema.items() if name not in ("anyOf", "default")}
    return {**kinds[0], **beside} if len(kinds) == 1 else {**beside, "anyOf": kinds}


def _arguments(row: Row) -> tuple[Mapping[str, Schema], Sequence[str]]:
    """The schemas of arguments by their names on the wire, and the names of those that have to be there."""
    return _described(row.arguments)


@cache
def _described(structure: type[Arguments]) -> tuple[Mapping[str, Schema], Sequence[str]]:
    _, found = msgspec.json.schema_components([structure], schema_hook=_schema_of, ref_template=_PLACE)
    whole: Schema = {"components": {"schemas": found}}
    described = mapping(_inlined(whole, found[structure.__name__]))
    properties = mapping(described["properties"])
    return {name: mapping(schema) for name, schema in properties.items()}, texts(described.get("required", []))


_PLACE = "#/components/schemas/{name}"


def _inlined(whole: Schema, value: Json) -> Json:
    """The same with what it refers to in the places of the references."""
    if isinstance(value, Mapping):
        return {name: _inlined(whole, inner) for name, inner in resolved(whole, value).items()}
    if isinstance(value, list | tuple):
        return [_inlined(whole, inner) for inner in value]
    return value


def _schema_of(kind: type) -> dict[str, Json]:
    """The schema of what is no structure. Raises NotImplementedError for what is unknown."""
    if kind is Instant:
        return {"type": "string", "description": "`YYYY-MM-DD HH:MM[:SS]`, with a space or `T`; UTC, or an offset."}
    raise NotImplementedError(kind.__name__)

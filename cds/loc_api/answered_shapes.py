"""The shapes of what the League of Code API answers in `data`, as JSON schemas, by the name of the row.

Tests hold every answer to them. This module must not know how anything is answered.
"""

from collections.abc import Mapping

from cds.openapi.json_schemas import Schema


def _object(optional: tuple[str, ...] = (), /, **properties: Schema) -> Schema:
    """An object with these properties and no other; names have `_` for `-`."""
    named = {name.replace("_", "-"): schema for name, schema in properties.items()}
    required = [name for name in named if name not in optional]
    return {"type": "object", "properties": named, "required": required, "additionalProperties": False}


def _page(of: Schema) -> Schema:
    return _object(page=NUMBER, pages=NUMBER, list={"type": "array", "items": of})


TEXT: Schema = {"type": "string"}
NUMBER: Schema = {"type": "integer"}
FLAG: Schema = {"type": "boolean"}
NULL: Schema = {"type": "null"}
NAMES: Schema = {"type": "array", "items": TEXT}
DATE: Schema = {
    "type": "string",
    "pattern": r"^\d{4}-\d{2}-\d{2} \d{2}:\d{2}(:\d{2})?$",
    "description": "In UTC; seconds where there are any.",
}

MATCH = _object(title=TEXT, start_date=DATE, end_date=DATE, slug=TEXT)
PARTY = _object(leader=TEXT, members=NAMES)
INVITING_PARTY = _object(leader=TEXT, members=NAMES, party_token=TEXT)
PLACED_PARTY = _object(leader=TEXT, members=NAMES, position={"type": ["integer", "null"]})
PROFILE = _object(username=TEXT, name={"type": ["string", "null"]}, points=NUMBER)
PROJECT = _object(title=TEXT, description=TEXT, url=TEXT)
INVITATION = _object(party_token=TEXT)
MEMBERS = _object(members=NAMES)
SLUG = _object(slug=TEXT)

MATCH_DETAILS = _object(
    ("long-description",),
    title=TEXT,
    short_description=TEXT,
    long_description=TEXT,
    start_date=DATE,
    end_date=DATE,
    min_members=NUMBER,
    max_members=NUMBER,
    slug=TEXT,
)
CHANGED_MATCH: Schema = {
    "description": "What was sent of the match, as it is now, and its slug.",
    **_object(
        (
            *("title", "short-description", "long-description", "start-date", "end-date", "min-members"),
            *("max-members", "is-visible", "leaderboard"),
        ),
        title=TEXT,
        short_description=TEXT,
        long_description=TEXT,
        start_date=DATE,
        end_date=DATE,
        min_members=NUMBER,
        max_members=NUMBER,
        is_visible=FLAG,
        leaderboard=FLAG,
        slug=TEXT,
    ),
}


def _either(*shapes: Schema) -> Schema:
    return {"anyOf": list(shapes)}


DATA: Mapping[str, Schema] = {
    "post_signup": _object(username=TEXT),
    "post_login": _object(token=TEXT),
    "logout": NULL,
    "get_own_profile": PROFILE,
    "put_own_profile": _object(name={"type": ["string", "null"]}, email=TEXT),
    "get_own_followers": NAMES,
    "get_own_following": NAMES,
    "change_password": NULL,
    "forgot_password": NULL,
    "check_reset_token": NULL,
    "reset_password": NULL,
    "delete_own_profile": NULL,
    "list_matches": _page(MATCH),
    "list_past_matches": _page(MATCH),
    "get_match": MATCH_DETAILS,
    "get_leaderboard": _page(PLACED_PARTY),
    "join_match": INVITATION,
    "leave_match": NULL,
    "list_participants": _page(PARTY),
    "list_looking_parties": _page(INVITING_PARTY),
    "get_submission": PROJECT,
    "put_submission": PROJECT,
    "join_party": MEMBERS,
    "leave_party": INVITATION,
    "kick": MEMBERS,
    "disband": INVITATION,
    "set_looking": _object(lfg=FLAG),
    "list_parties": _page(_object(match=MATCH, party=INVITING_PARTY)),
    "list_past_parties": _page(_object(match=MATCH, party=INVITING_PARTY)),
    "get_profile": PROFILE,
    "get_followers": NAMES,
    "get_following": NAMES,
    "follow": NULL,
    "list_matches_of_user": _page(MATCH),
    "list_past_matches_of_user": _page(MATCH),
    "create_match": SLUG,
    "change_match": CHANGED_MATCH,
    "get_any_leaderboard": _page(PLACED_PARTY),
    "set_leaderboard": NAMES,
    "delete_match": _either(_object(delete_date=DATE), _object(match=TEXT)),
    "list_deleted_matches": _page(_object(title=TEXT, delete_date=DATE, slug=TEXT)),
    "list_users": _page(TEXT),
    "list_deleted_users": _page(_object(username=TEXT, delete_date=DATE)),
    "delete_user": _either(_object(delete_date=DATE), _object(user=TEXT)),
}

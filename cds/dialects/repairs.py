"""The repairs, as tables: type, property, and what is done when its value is old, unfit or absent.

Four tables, applied in this order by `objects`: what an earlier version called differently (LEGACY), what a value
needs beyond the type of its property (COERCERS_SPECIAL), what is filled in when absent (FILLS), and what must hold
between properties (RULES). This module knows single objects; references between objects are `assembly`'s.
"""

import re
from collections.abc import Callable

import msgspec

from cds.dialects import coercion
from cds.dialects.coercion import Coercer
from cds.dialects.drafts import Draft, Unfit
from cds.dialects.json_values import JsonObject, JsonValue
from cds.dialects.known import ENTRY_POINT_NAME_DEFAULT, JUDGEMENT_TYPES, known_language
from cds.dialects.results import quoted
from schemas.object_types import OBJECT_TYPES
from schemas.properties import TeamLocation
from schemas.times import format_relative_time, parse_relative_time_ms

PENALTY_TIME_DEFAULT = "0:20:00.000"
"""The penalty of a pass-fail contest that does not say it (20 minutes, as every ICPC contest has it)."""

_MINUTE_MS = 60_000
_PENALTY_MINUTES_MAX = 1_000_000
_DIGITS = re.compile(r"[0-9]{1,7}")
_COLOUR = re.compile(r"#?([A-Fa-f0-9]{6}|[A-Fa-f0-9]{3})")
_COUNTRY = re.compile(r"[A-Za-z]{3}")
_SUBDIVISION = re.compile(r"[A-Za-z]{2}-[A-Za-z0-9]{1,3}")
_UUID = re.compile(r"[A-Fa-f0-9]{8}-([A-Fa-f0-9]{4}-){3}[A-Fa-f0-9]{12}")
_FULL_TURN = 360
_TEAM_LOCATION = coercion.parts(TeamLocation)
_ROLES = frozenset({"contestant", "coach", "staff", "other"})
_ROLES_OF_TEAMS = frozenset({"contestant", "coach"})


# --- LEGACY: a property that this version does not have, taken over into what replaced it.


def _hidden(draft: Draft, value: JsonValue) -> None:
    draft.hidden = coercion.boolean(draft, "hidden", value) is True


def _password(draft: Draft, value: JsonValue) -> None:
    if not isinstance(value, str | int) or isinstance(value, bool):
        raise Unfit("is not text")
    draft.password = str(value)


def _valid(draft: Draft, value: JsonValue) -> None:
    if coercion.boolean(draft, "valid", value) is False:
        draft.properties["current"] = False


def _renamed(new_name: str) -> Callable[[Draft, JsonValue], None]:
    """The value under the name that the property has now, unless the source gives that too."""

    def take(draft: Draft, value: JsonValue) -> None:
        if draft.source.get(new_name) is None:
            draft.properties[new_name] = COERCERS[draft.row.name][new_name](draft, new_name, value)

    return take


def _role(draft: Draft, value: JsonValue) -> None:
    """`role`, `team_id(s)` and `title` of one person, as `roles`."""
    if draft.source.get("roles"):
        return
    role = value if isinstance(value, str) and value in _ROLES else "other"
    if role != value:
        draft.warn("role", f"is {quoted(value)}, read as other")
    teams = draft.source.get("team_ids") or draft.source.get("team_id")
    ids = coercion.distinct_list(coercion.reference)(draft, "team_ids", teams or [])
    title = draft.source.get("title")
    extra: JsonObject = {"title": title} if isinstance(title, str) else {}
    if role in _ROLES_OF_TEAMS and ids and isinstance(ids, list):
        draft.properties["roles"] = [{"type": role, **extra, "team_id": identifier} for identifier in ids]
    else:
        draft.properties["roles"] = [{"type": role, **extra}]


def _with_role(draft: Draft, value: JsonValue) -> None:  # noqa: ARG001 - LEGACY functions are called alike
    """`team_id`, `team_ids` and `title` are read together with `role`."""
    if draft.source.get("role") is None and not draft.source.get("roles"):
        draft.warn("role", "is absent, the person's teams are left out")


LEGACY: dict[str, dict[str, Callable[[Draft, JsonValue], None]]] = {
    "groups": {"hidden": _hidden},
    "teams": {"hidden": _hidden, "group_id": _renamed("group_ids")},
    "persons": {"role": _role, "team_id": _with_role, "team_ids": _with_role, "title": _with_role},
    "accounts": {"password": _password, "people_id": _renamed("person_id")},
    "judgements": {"valid": _valid},
    "clarifications": {"to_team_id": _renamed("to_team_ids"), "to_group_id": _renamed("to_group_ids")},
}


# --- COERCERS_SPECIAL: a value of which more is known than its type.


def _penalty_time(draft: Draft, name: str, value: JsonValue) -> JsonValue:
    """Whole minutes as before 2026-01, or a RELTIME.

    2023-06 asks for an integer also where nothing counts by it: the 0 of a score contest is no penalty.
    """
    if isinstance(value, str) and ":" in value:
        return _not_negative(draft, name, value)
    if isinstance(value, str) and _DIGITS.fullmatch(value.strip()):
        value = int(value)  # what YAML gives for a plain number
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int):
        raise Unfit(f"is neither a relative time nor whole minutes but {quoted(value)}")
    if not 0 <= value <= _PENALTY_MINUTES_MAX:
        raise Unfit(f"is not a number of minutes but {quoted(value)}")
    if value == 0 and draft.source.get("scoreboard_type") == "score":
        return None
    return format_relative_time(value * _MINUTE_MS)


def _not_negative(draft: Draft, name: str, value: JsonValue) -> JsonValue:
    coerced = coercion.relative_time(draft, name, value)
    if isinstance(coerced, str) and parse_relative_time_ms(coerced) < 0:
        raise Unfit(f"is negative: {quoted(value)}")
    return coerced


def _colour(draft: Draft, name: str, value: JsonValue) -> JsonValue:
    found = _COLOUR.fullmatch(value.strip()) if isinstance(value, str) else None
    if found is None:
        raise Unfit(f"is not a colour (#rrggbb) but {quoted(value)}")
    colour = f"#{found[1]}"
    if colour != value:
        draft.warn(name, f"is {quoted(value)}, written {colour}")
    return colour


def _upper_case(pattern: re.Pattern[str], meaning: str) -> Coercer:
    def coerce(draft: Draft, name: str, value: JsonValue) -> JsonValue:
        if not isinstance(value, str) or not pattern.fullmatch(value):
            raise Unfit(f"is not {meaning} but {quoted(value)}")
        if value != value.upper():
            draft.warn(name, f"is {quoted(value)}, written in capitals")
        return value.upper()

    return coerce


def _uuid(draft: Draft, name: str, value: JsonValue) -> JsonValue:  # noqa: ARG001 - every coercer is called alike
    if not isinstance(value, str) or not _UUID.fullmatch(value):
        raise Unfit(f"is not a UUID but {quoted(value)}")
    return value


def _seconds(draft: Draft, name: str, value: JsonValue) -> JsonValue:
    """A number of seconds in whole milliseconds."""
    seconds = coercion.number(draft, name, value)
    if not isinstance(seconds, int | float) or seconds < 0:
        raise Unfit(f"is negative: {quoted(value)}")
    rounded = round(seconds, 3)
    if rounded != seconds:
        draft.warn(name, f"is {quoted(value)}, rounded to milliseconds")
    return rounded


def _floor_place(draft: Draft, name: str, value: JsonValue) -> JsonValue:
    place = _TEAM_LOCATION(draft, name, value)
    rotation = place.get("rotation") if isinstance(place, dict) else None
    if isinstance(place, dict) and isinstance(rotation, int | float) and not 0 <= rotation <= _FULL_TURN:
        draft.warn(f"{name}.rotation", f"is {rotation} degrees, turned into the full circle")
        place["rotation"] = rotation % _FULL_TURN
    return place


COERCERS_SPECIAL: dict[str, dict[str, Coercer]] = {
    "contest": {
        "penalty_time": _penalty_time,
        "duration": _not_negative,
        "scoreboard_freeze_duration": _not_negative,
        "countdown_pause_time": _not_negative,
    },
    "problems": {"rgb": _colour, "uuid": _uuid, "time_limit": _seconds},
    "organizations": {
        "country": _upper_case(_COUNTRY, "a country code of three capitals"),
        "country_subdivision": _upper_case(_SUBDIVISION, "a subdivision code (ISO 3166-2)"),
    },
    "teams": {"primary_rgb": _colour, "secondary_rgb": _colour, "location": _floor_place},
    "judgements": {"max_run_time": _seconds},
    "runs": {"run_time": _seconds},
}

COERCERS: dict[str, dict[str, Coercer]] = {
    row.name: coercion.coercers_of(row.structure) | COERCERS_SPECIAL.get(row.name, {}) for row in OBJECT_TYPES.values()
}
"""The coercer of every property but files, by type."""

NEVER_LEFT_OUT: dict[str, frozenset[str]] = {
    "contest": frozenset({"start_time", "scoreboard_freeze_duration", "penalty_time", "main_scoreboard_group_id"}),
    "state": frozenset({"started", "frozen", "ended", "thawed", "finalized", "end_of_updates", "removed_intervals"}),
    "submissions": frozenset({"team_id"}),
    "judgements": frozenset({"judgement_type_id", "simplified_judgement_type_id", "current", "score"}),
    "clarifications": frozenset({"from_team_id", "to_team_ids", "to_group_ids"}),
    "accounts": frozenset({"team_id"}),
}
"""Optional properties whose absence means something else: an unfit value is refused rather than left out,
lest a private answer become a broadcast, or a frozen board an open one."""


# --- FILLS: what is put where the source says nothing. A fill gives None where it has nothing to give.


class Fill(msgspec.Struct, frozen=True):
    """What stands for an absent property, and the words of the warning (none where null and absent are the same)."""

    value: Callable[[Draft], JsonValue]
    words: str | None


def _own_id(draft: Draft) -> JsonValue:
    return draft.identifier


def _formal_name(draft: Draft) -> JsonValue:
    return draft.properties.get("formal_name") or draft.properties.get("display_name")


def _penalty_of_contest(draft: Draft) -> JsonValue:
    return None if draft.properties.get("scoreboard_type") == "score" else PENALTY_TIME_DEFAULT


def _penalty_of_type(draft: Draft) -> JsonValue:
    contest = draft.context.contest
    if contest is not None and contest.penalty_time is None:
        return None
    known = JUDGEMENT_TYPES.get(draft.identifier)
    return known.penalty if known else draft.properties.get("solved") is not True


def _solved(draft: Draft) -> JsonValue:
    known = JUDGEMENT_TYPES.get(draft.identifier)
    return known.solved if known else None


def _name_of_type(draft: Draft) -> JsonValue:
    known = JUDGEMENT_TYPES.get(draft.identifier)
    return known.name if known else None


def _entry_point_required(draft: Draft) -> JsonValue:
    known = known_language(draft.identifier)
    return known is not None and known.entry_point_name is not None


def _entry_point_name(draft: Draft) -> JsonValue:
    if draft.properties.get("entry_point_required") is not True:
        return None
    known = known_language(draft.identifier)
    return (known.entry_point_name if known else None) or ENTRY_POINT_NAME_DEFAULT


def _extensions(draft: Draft) -> JsonValue:
    known = known_language(draft.identifier)
    return list(known.extensions) if known else []


def _empty_list(draft: Draft) -> JsonValue:  # noqa: ARG001 - every fill is called alike
    return []


def _zero(draft: Draft) -> JsonValue:  # noqa: ARG001 - as above
    return 0


def _pass_fail(draft: Draft) -> JsonValue:  # noqa: ARG001 - as above
    return "pass-fail"


def _other_role(draft: Draft) -> JsonValue:  # noqa: ARG001 - as above
    return [{"type": "other"}]


_BY_ID = "is absent, filled with the id"
_BY_KNOWN_LANGUAGES = "is absent, filled from the list of known languages"
_BY_KNOWN_TYPES = "is absent, filled from the list of known judgement types"

FILLS: dict[str, dict[str, Fill]] = {
    "contest": {
        "name": Fill(_formal_name, "is absent, filled with the formal name"),
        "scoreboard_type": Fill(_pass_fail, "is absent, filled with pass-fail"),
        "penalty_time": Fill(_penalty_of_contest, "is absent, filled with 20 minutes"),
    },
    "judgement-types": {
        "name": Fill(_name_of_type, _BY_KNOWN_TYPES),
        "solved": Fill(_solved, _BY_KNOWN_TYPES),
        "penalty": Fill(_penalty_of_type, "is absent, filled with the rule of the known judgement types"),
    },
    "languages": {
        "entry_point_required": Fill(_entry_point_required, _BY_KNOWN_LANGUAGES),
        "entry_point_name": Fill(_entry_point_name, _BY_KNOWN_LANGUAGES),
        "extensions": Fill(_extensions, _BY_KNOWN_LANGUAGES),
    },
    "problems": {"label": Fill(_own_id, _BY_ID), "test_data_count": Fill(_zero, "is absent, filled with 0")},
    "organizations": {"name": Fill(_formal_name, "is absent, filled with the formal name")},
    "teams": {
        "name": Fill(_formal_name, "is absent, filled with the display name"),
        "label": Fill(_own_id, _BY_ID),
    },
    "persons": {"roles": Fill(_other_role, "is absent, filled with the role other")},
    "submissions": {"files": Fill(_empty_list, None)},
    "commentary": {"tags": Fill(_empty_list, "is absent, filled with an empty list")},
}

NULLS_WRITTEN: dict[str, tuple[str, ...]] = {
    "submissions": ("entry_point",),
    "state": ("started", "frozen", "ended", "thawed", "finalized", "end_of_updates"),
}
"""Properties whose null is a value of its own (schemas.objects): absent in a source means null."""


# --- RULES: what must hold between the properties of one object.


def _paused_or_started(draft: Draft) -> None:
    if "start_time" in draft.properties and draft.properties.pop("countdown_pause_time", None) is not None:
        draft.warn("countdown_pause_time", "stands beside a start_time, left out")


def _from_or_to(draft: Draft) -> None:
    if "from_team_id" not in draft.properties:
        return
    for name in ("to_team_ids", "to_group_ids"):
        if draft.properties.pop(name, None):
            draft.warn(name, "stands beside a from_team_id, left out: only judges address their words")


def _no_entry_point(draft: Draft) -> None:
    known = known_language(str(draft.properties.get("language_id", "")))
    if known is not None and known.has_no_entry_point and draft.properties["entry_point"] is not None:
        draft.properties["entry_point"] = None
        draft.warn("entry_point", "is given for a language that has none, left out")


def _roles_fit(draft: Draft) -> None:
    """Contestants and coaches belong to teams; a role without its team, or of another name, is an other one."""
    roles = draft.properties.get("roles")
    for role in roles if isinstance(roles, list) else []:
        if not isinstance(role, dict):
            continue
        if role.get("type") not in _ROLES:
            draft.warn("roles", f"has the type {quoted(role.get('type'))}, read as other")
            role["type"] = "other"
        elif role["type"] in _ROLES_OF_TEAMS and role.get("team_id") is None:
            draft.warn("roles", f"a {role['type']} has no team, read as other")
            role["type"] = "other"
    if not roles:
        draft.warn("roles", "is empty, filled with the role other")
        draft.properties["roles"] = [{"type": "other"}]


RULES: dict[str, tuple[Callable[[Draft], None], ...]] = {
    "contest": (_paused_or_started,),
    "persons": (_roles_fit,),
    "submissions": (_no_entry_point,),
    "clarifications": (_from_or_to,),
}

"""TABLE TWO: role by object type, which objects and which properties. Decided in roles.md.

The table is total: a missing pair fails at import, and nothing is visible by default. What a role sees of a type
is a `Cell`; roles are dictionaries that extend dictionaries. This module must not know how a view is computed.
"""

import msgspec

from projections.conditions import (
    Alteration,
    Condition,
    after_start,
    always,
    before_freeze,
    broadcast,
    described_from_start,
    either,
    frozen,
    never,
    of_the_contest,
    own,
    simplified,
    simplified_unless_own,
    unaltered,
    while_not_frozen,
)
from schemas.object_types import OBJECT_TYPES
from schemas.viewers import ROLES, Role

Capability = str


class Cell(msgspec.Struct, frozen=True, kw_only=True):
    """What one role sees of one type.

    `objects` decides about the object, `properties` about each property that is not hidden for good; `altered`
    is what stands in the place of an object before its properties are looked at (None: nothing does).
    """

    objects: Condition
    properties: dict[str, Condition] = {}
    altered: Alteration = unaltered

    @property
    def offered(self) -> bool:
        """Whether the role is ever shown an object of this type."""
        return self.objects is not never


HIDDEN = Cell(objects=never)


def _properties(*names: str, when: Condition = always) -> dict[str, Condition]:
    return dict.fromkeys(names, when)


def _with(cell: Cell, **changed: object) -> Cell:
    return msgspec.structs.replace(cell, **changed)


CONTEST = _properties(
    "id",
    "name",
    "formal_name",
    "start_time",
    "countdown_pause_time",
    "duration",
    "scoreboard_freeze_duration",
    "scoreboard_thaw_time",
    "scoreboard_type",
    "main_scoreboard_group_id",
    "penalty_time",
    "banner",
    "logo",
    "location",
    "ext",
)
STATE = _properties("started", "frozen", "ended", "thawed", "finalized", "end_of_updates", "removed_intervals")
JUDGEMENT_TYPE = _properties("id", "name", "penalty", "solved", "simplified_judgement_type_id")
LANGUAGE = _properties("id", "name", "entry_point_required", "entry_point_name", "extensions", "compiler", "runner")
PROBLEM = _properties(
    "id",
    "uuid",
    "label",
    "name",
    "ordinal",
    "rgb",
    "color",
    "time_limit",
    "memory_limit",
    "output_limit",
    "code_limit",
    "test_data_count",
    "max_score",
    "statement",
    "attachments",
    "ext",
)
PROBLEM_PACKAGE = _properties("package")
GROUP = _properties("id", "icpc_id", "name", "type", "location")
ORGANIZATION = _properties(
    "id",
    "icpc_id",
    "name",
    "formal_name",
    "country",
    "country_flag",
    "country_subdivision",
    "country_subdivision_flag",
    "url",
    "twitter_hashtag",
    "twitter_account",
    "location",
    "logo",
)
TEAM = _properties(
    "id",
    "icpc_id",
    "name",
    "label",
    "display_name",
    "organization_id",
    "group_ids",
    "location",
    "photo",
    "video",
    "primary_rgb",
    "primary_color",
    "secondary_rgb",
    "secondary_color",
    "ext",
)
TEAM_STREAMS = ("desktop", "webcam", "audio")
TEAM_RECORDS = _properties("backup", "key_log", "tool_data")
PERSON = _properties("id", "name", "roles", "photo")
PERSON_PRIVATE = ("email", "sex", "icpc_id")
ACCOUNT = _properties("id", "username", "name", "type", "ip", "team_id", "person_id", "ext")
SUBMISSION = _properties("id", "language_id", "problem_id", "team_id", "account_id", "time", "contest_time", "ext")
SUBMISSION_SOURCE = ("entry_point", "files")
JUDGEMENT = _properties(
    "id",
    "submission_id",
    "judgement_type_id",
    "simplified_judgement_type_id",
    "score",
    "current",
    "start_time",
    "end_time",
    "max_run_time",
)
RUN = _properties("id", "judgement_id", "ordinal", "judgement_type_id", "time", "run_time", "score")
CLARIFICATION = _properties(
    "id",
    "from_team_id",
    "to_team_ids",
    "to_group_ids",
    "reply_to_id",
    "problem_id",
    "text",
    "time",
    "contest_time",
)
AWARD = _properties("id", "citation", "team_ids")
COMMENTARY = _properties(
    "id", "time", "contest_time", "message", "tags", "source_id", "team_ids", "problem_ids", "submission_ids"
)

Row = dict[str, Cell]

PUBLIC: Row = {
    "contest": Cell(objects=always, properties=CONTEST, altered=described_from_start),
    "state": Cell(objects=always, properties=STATE),
    "judgement-types": Cell(objects=always, properties=JUDGEMENT_TYPE),
    "languages": Cell(objects=always, properties=LANGUAGE),
    "problems": Cell(objects=after_start, properties=PROBLEM),
    "groups": Cell(objects=always, properties=GROUP),
    "organizations": Cell(objects=always, properties=ORGANIZATION),
    "teams": Cell(objects=always, properties=TEAM | _properties(*TEAM_STREAMS, when=while_not_frozen)),
    "persons": Cell(objects=always, properties=PERSON),
    "accounts": HIDDEN,
    "submissions": Cell(objects=of_the_contest, properties=SUBMISSION | _properties("reaction", when=before_freeze)),
    "judgements": Cell(objects=before_freeze, properties=JUDGEMENT, altered=simplified),
    "runs": Cell(objects=before_freeze, properties=RUN, altered=simplified),
    "clarifications": Cell(objects=broadcast, properties=CLARIFICATION),
    "awards": Cell(objects=always, properties=AWARD, altered=frozen),
    "commentary": HIDDEN,
}

PROXY: Row = PUBLIC | {
    "teams": Cell(objects=always, properties=TEAM),
    "submissions": Cell(objects=of_the_contest, properties=SUBMISSION),
}

TEAM_ROLE: Row = PUBLIC | {
    "teams": Cell(objects=always, properties=TEAM | _properties(*TEAM_STREAMS, when=own)),
    "persons": Cell(objects=always, properties=PERSON | _properties(*PERSON_PRIVATE, when=own)),
    "submissions": Cell(
        objects=either(of_the_contest, own),
        properties=SUBMISSION | _properties(*SUBMISSION_SOURCE, "reaction", when=own),
    ),
    "judgements": Cell(objects=either(before_freeze, own), properties=JUDGEMENT, altered=simplified_unless_own),
    "runs": Cell(objects=either(before_freeze, own), properties=RUN, altered=simplified_unless_own),
    "clarifications": Cell(objects=either(broadcast, own), properties=CLARIFICATION),
}

ANALYST: Row = PUBLIC | {
    "teams": Cell(objects=always, properties=TEAM | TEAM_RECORDS | _properties(*TEAM_STREAMS, when=while_not_frozen)),
    "submissions": Cell(
        objects=of_the_contest,
        properties=SUBMISSION | _properties(*SUBMISSION_SOURCE) | _properties("reaction", when=before_freeze),
    ),
    "judgements": Cell(objects=before_freeze, properties=JUDGEMENT),
    "runs": Cell(objects=before_freeze, properties=RUN),
    "clarifications": Cell(objects=always, properties=CLARIFICATION),
    "commentary": Cell(objects=always, properties=COMMENTARY),
}

JUDGE: Row = PUBLIC | {
    "contest": Cell(objects=always, properties=CONTEST),
    "problems": Cell(objects=always, properties=PROBLEM | PROBLEM_PACKAGE),
    "teams": Cell(objects=always, properties=TEAM | _properties(*TEAM_STREAMS)),
    "persons": Cell(objects=always, properties=PERSON | _properties(*PERSON_PRIVATE)),
    "submissions": Cell(objects=always, properties=SUBMISSION | _properties(*SUBMISSION_SOURCE, "reaction")),
    "judgements": Cell(objects=always, properties=JUDGEMENT),
    "runs": Cell(objects=always, properties=RUN),
    "clarifications": Cell(objects=always, properties=CLARIFICATION),
    "awards": Cell(objects=always, properties=AWARD),
    "commentary": Cell(objects=always, properties=COMMENTARY),
}

STAFF: Row = JUDGE | {"accounts": Cell(objects=always, properties=ACCOUNT)}

ADMIN: Row = STAFF | {
    "teams": _with(STAFF["teams"], properties=STAFF["teams"].properties | TEAM_RECORDS),
}

VISIBILITY: dict[Role, Row] = {
    "public": PUBLIC,
    "proxy": PROXY,
    "team": TEAM_ROLE,
    "analyst": ANALYST,
    "judge": JUDGE,
    "staff": STAFF,
    "admin": ADMIN,
}

SEES_LIVE_SCOREBOARD: dict[Role, bool] = {
    "public": False,
    "proxy": False,
    "team": False,
    "analyst": False,
    "judge": True,
    "staff": True,
    "admin": True,
}
"""Who is behind the freeze in the scoreboard, and who is before it."""

SEES_PROBLEMS_BEFORE_START: dict[Role, bool] = {role: VISIBILITY[role]["problems"].objects is always for role in ROLES}

CAPABILITIES: dict[Role, tuple[Capability, ...]] = {
    "public": (),
    "proxy": ("proxy_submit", "proxy_clar"),
    "team": ("team_submit", "post_clar"),
    "analyst": ("post_comment",),
    "judge": ("post_clar",),
    "staff": ("post_comment",),
    "admin": ("contest_start", "contest_thaw", "post_comment", "admin_submit", "admin_clar"),
}


def check_total(table: dict[Role, Row]) -> None:
    """Refuse a table that forgets a pair, names a property that does not exist, or hides one from everybody."""
    for role in ROLES:
        missing = OBJECT_TYPES.keys() - table[role].keys()
        if missing:
            raise LookupError(f"table two says nothing about {role} and {sorted(missing)}")
        for name, cell in table[role].items():
            unknown = cell.properties.keys() - set(OBJECT_TYPES[name].properties)
            if unknown:
                raise LookupError(f"table two names properties that {name} do not have: {sorted(unknown)}")
    for name, row in OBJECT_TYPES.items():
        forgotten = set(row.properties) - table["admin"][name].properties.keys()
        if forgotten:
            raise LookupError(f"table two says nothing about {sorted(forgotten)} of {name}")


check_total(VISIBILITY)

"""What names what, written down by hand from the JSON format, so that a mark forgotten in table one is found.

This module must not look at table one.
"""

REFERENCES: dict[str, dict[str, str]] = {
    "contest": {"main_scoreboard_group_id": "groups"},
    "judgement-types": {"simplified_judgement_type_id": "judgement-types"},
    "teams": {"organization_id": "organizations", "group_ids": "groups"},
    "persons": {"roles.team_id": "teams"},
    "accounts": {"team_id": "teams", "person_id": "persons"},
    "submissions": {
        "language_id": "languages",
        "problem_id": "problems",
        "team_id": "teams",
        "account_id": "accounts",
    },
    "judgements": {
        "submission_id": "submissions",
        "judgement_type_id": "judgement-types",
        "simplified_judgement_type_id": "judgement-types",
    },
    "runs": {"judgement_id": "judgements", "judgement_type_id": "judgement-types"},
    "clarifications": {
        "from_team_id": "teams",
        "to_team_ids": "teams",
        "to_group_ids": "groups",
        "reply_to_id": "clarifications",
        "problem_id": "problems",
    },
    "awards": {"team_ids": "teams"},
    "commentary": {
        "source_id": "persons",
        "team_ids": "teams",
        "problem_ids": "problems",
        "submission_ids": "submissions",
    },
}
"""Type → property → the type of what it names (JSON Format, the tables of every object)."""

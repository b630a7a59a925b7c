"""Which request to the League of Code API shows which code of which endpoint, and where we read the seed otherwise.

The numbers of endpoints are those of the project's list of requirements 003, section 2, which are the order of the
seed; what has a number beyond those is an extension of ours. This module holds the tables alone; `test_loc_endpoints`
asks, `test_loc_table` checks that nothing is missing.
"""

from typing import Any

from cds.loc_api.rows import SEED_ENDPOINTS
from tests.acceptance.league_cases import Case
from tests.acceptance.league_cases_of_administration import ADMINISTRATION
from tests.acceptance.league_cases_of_matches import MATCHES
from tests.acceptance.league_cases_of_parties import PARTIES
from tests.acceptance.league_cases_of_people import PEOPLE

CASES: tuple[Case, ...] = tuple(
    sorted((*PEOPLE.all, *MATCHES.all, *PARTIES.all, *ADMINISTRATION.all), key=lambda case: case.number)
)

ENDPOINTS_MAX = SEED_ENDPOINTS

Refusal = dict[str, Any]


def fail(data: object) -> Refusal:
    """What is wrong with what was sent."""
    return {"status": "fail", "data": data}


def error(message: str) -> Refusal:
    """What is wrong otherwise."""
    return {"status": "error", "message": message}


NOT_LOGGED_IN = error("User not logged in")

READ_OTHERWISE: dict[tuple[int, int], tuple[str, Refusal, Refusal]] = {
    (10, 400): (
        "6.6",
        {"status": "success", "data": {"email": "Field was missing"}},
        fail({"email": "Field was missing"}),
    ),
    (44, 404): ("6.15", fail({"match": "Match not found"}), fail({"user": "User was not found"})),
    (44, 409): ("6.15", fail({"match": "Match was already deleted"}), fail({"user": "User was already deleted"})),
}
"""By endpoint and code: the resolution, the body that the seed shows, and the one that comes instead."""

CODES_READ_OTHERWISE: dict[int, tuple[str, int, int]] = {26: ("6.2", 200, 201)}
"""By endpoint: the resolution, a code that the table of the seed lists, and the one that comes instead."""

TOKENS_OF_USERS_GONE: frozenset[int] = frozenset({7, 8, 9, 28, 29})
"""Endpoints of which the seed shows "User not logged in" for 401 and "User was not found" for 404.

Section 4 tells them apart: whoever is gone is not found, and 401 has the bodies of the token's faults (6.11).
"""

"""The users of an Italian-format contest: each is an account with a team of one person, from an organization or none.

This module knows the lists `users` and `teams` of contest.yaml, where a team is what others call a delegation.
"""

import hashlib
import re
from ipaddress import ip_network

import msgspec

from cds.dialects.italian_sheet import Sheet
from cds.dialects.italian_times import Calendar, NoMoment
from cds.dialects.json_values import JsonObject, JsonValue
from cds.dialects.results import Notices, Place, quoted
from schemas.identifiers import HASH_DIGITS, bounded_id, is_identifier

_NOT_IN_AN_ID = re.compile(r"[^A-Za-z0-9_.-]+")
_PLAIN_PREFIX, _BCRYPT_PREFIX = "plaintext:", "bcrypt:"


class People(msgspec.Struct, kw_only=True):
    """The objects that users come to; a password stands with its account."""

    organizations: dict[str, JsonObject]
    teams: list[JsonObject]
    persons: list[JsonObject]
    accounts: list[JsonObject]


def people(contest: Sheet, place: Place, notices: Notices, calendar: Calendar) -> People:
    """Everybody whom the contest names. Raises SourceRefused for a user without a name, or with that of another."""
    found = People(organizations=_organizations(contest, place, notices), teams=[], persons=[], accounts=[])
    taken: set[str] = set()
    for number, values in enumerate(contest.mappings("users", "utenti"), start=1):
        username = Sheet(values, place, notices, "accounts", "").text("username")
        if username is None:
            raise contest.refused("users", f"user {number} has no username")
        if username in taken:
            raise contest.refused("users", f"{quoted(username)} is there twice")
        taken.add(username)
        _take_user(found, Sheet(values, place, notices, "accounts", username), username, calendar)
    if not found.accounts:
        contest.warn("users", "there are none, so nobody can take part yet")
    return found


def identifier_of(name: str) -> str:
    """An ID for a name: the name itself where it is one."""
    if is_identifier(name):
        return name
    readable = _NOT_IN_AN_ID.sub("_", name).strip("-.") or "user"
    digits = hashlib.sha256(name.encode()).hexdigest()[:HASH_DIGITS]
    return bounded_id(f"{readable}-{digits}")


def _organizations(contest: Sheet, place: Place, notices: Notices) -> dict[str, JsonObject]:
    """The delegations by their codes."""
    organizations: dict[str, JsonObject] = {}
    for number, values in enumerate(contest.mappings("teams", "squadre"), start=1):
        sheet = Sheet(values, place, notices, "organizations", str(values.get("code") or number))
        code, name = sheet.text("code"), sheet.text("name", "nome")
        code = code or name
        if code is None:
            raise contest.refused("teams", f"team {number} has no code")
        organizations[code] = {"id": identifier_of(code), "name": name or code}
        sheet.pass_over()
    return organizations


def _take_user(found: People, sheet: Sheet, username: str, calendar: Calendar) -> None:
    sheet.value("username")
    identifier = identifier_of(username)
    names = (sheet.text("first_name", "nome"), sheet.text("last_name", "cognome"))
    name = " ".join(part for part in names if part) or username
    hidden = sheet.flag("hidden", "fake")
    team: JsonObject = {"id": identifier, "label": username, "name": name}
    code = sheet.text("team", "squadra")
    if code is not None:
        if code not in found.organizations:
            sheet.warn("team", f"{quoted(code)} is not among the teams of the contest, filled in")
            found.organizations[code] = {"id": identifier_of(code), "name": code}
        team["organization_id"] = found.organizations[code]["id"]
    if hidden:
        team["hidden"] = True
    role: JsonObject = {"type": "contestant", "team_id": identifier}
    found.teams.append(team)
    found.persons.append({"id": identifier, "name": name, "email": sheet.text("email"), "roles": [role]})
    found.accounts.append(
        {
            "id": identifier,
            "username": username,
            "name": name,
            "type": "team",
            "team_id": identifier,
            "person_id": identifier,
            "ip": _networks(sheet),
            "password": _password(sheet),
            "ext": _participation(sheet, calendar, hidden=hidden),
        }
    )
    sheet.pass_over(("timezone", "preferred_languages", "primary_statements"))


def _networks(sheet: Sheet) -> JsonValue:
    """The addresses and networks of a user, separated by commas. Raises SourceRefused for what is none.

    Whoever is to come from there alone must not be let in from everywhere.
    """
    said = sheet.value("ip")
    parts = said if isinstance(said, list) else [] if said is None else str(said).split(",")
    networks = [str(part).strip() for part in parts if part is not None and str(part).strip()]
    for network in networks:
        try:
            ip_network(network, strict=False)
        except ValueError:
            raise sheet.refused("ip", f"{quoted(network)} is neither an address nor a network") from None
    return ",".join(networks) or None


def _password(sheet: Sheet) -> JsonValue:
    said = sheet.value("password")
    password = said if isinstance(said, str) else None
    if not password:
        sheet.warn("password", "is absent: the account cannot log in with one")
        return None
    if password.startswith(_BCRYPT_PREFIX):
        sheet.warn("password", "is kept as a bcrypt hash, which cannot be taken over: the account has none")
        return None
    return password.removeprefix(_PLAIN_PREFIX) or None


def _participation(sheet: Sheet, calendar: Calendar, *, hidden: bool | None) -> JsonValue:
    """The terms on which somebody takes part, None for the usual ones."""
    said: JsonObject = {
        "hidden": hidden or None,
        "unrestricted": sheet.flag("unrestricted") or None,
        "delay_time": sheet.whole("delay_time") or None,
        "extra_time": sheet.whole("extra_time") or None,
        "starting_time": _starting_time(sheet, calendar),
    }
    kept: JsonObject = {key: value for key, value in said.items() if value is not None}
    return {"cms": kept} if kept else None


def _starting_time(sheet: Sheet, calendar: Calendar) -> JsonValue:
    text = sheet.text("starting_time")
    if text is None:
        return None
    try:
        return calendar.written(calendar.moment_ms(text))
    except NoMoment as reason:
        sheet.warn("starting_time", f"{reason}, left out")
        return None

"""Who takes part: organizations, teams, persons, and the accounts with which they log in.

This module must not know what happens during the contest.
"""

from base64 import b32encode
from hashlib import sha256

import msgspec

from cds.simulation.attached_files import AttachedFiles
from cds.simulation.catalogue import COLOURS, COUNTRIES, LANGUAGES
from cds.simulation.chance import Chance
from cds.simulation.contest_setup import GUEST_GROUP_ID, OFFICIAL_GROUP_ID
from cds.simulation.images import PHOTO_SIZE, Emblem, team_photo_jpeg
from cds.simulation.names import Names, letters_of, slug
from cds.simulation.parameters import SimulationParameters
from schemas.objects import Account, Organization, Person, PersonRole, Team
from schemas.properties import Location, TeamLocation

LOGO_SIDES = (56, 160)
"""What a server must provide (JSON Format, "Organizations", logo), in pixels."""

CONTESTANTS_PER_TEAM = 3
_SEATS_PER_ROW = 10
_SEAT_WIDTH_M = 3.0
_ROW_DEPTH_M = 2.5
_ROTATIONS = (0, 180)

OFFICIALS: tuple[tuple[str, str, str], ...] = (
    ("admin1", "admin", "Contest Director"),
    ("judge1", "judge", "Chief Judge"),
    ("judge2", "judge", "Deputy Chief Judge"),
    ("staff1", "staff", "Systems"),
    ("analyst1", "analyst", "Chief Analyst"),
    ("analyst2", "analyst", "Analyst"),
)
"""Account id, account type and title of the persons who run the contest."""

PROXY_ACCOUNT_ID = "proxy1"
_ICPC_ID_ORGANIZATION = 3000
_ICPC_ID_TEAM = 500_000
_ICPC_ID_PERSON = 9_000_000


class SimulatedTeam(msgspec.Struct, frozen=True, kw_only=True):
    """A team and what only the simulation knows of it. `strength` is in 0..1, `site_id` its group on the map."""

    team: Team
    strength: float
    language_id: str
    site_id: str | None
    official: bool
    account_id: str | None


def make_organizations(parameters: SimulationParameters, names: Names, files: AttachedFiles) -> list[Organization]:
    """Invented institutions in towns that do not exist, in countries that do."""
    chance = Chance(parameters.seed, "organizations")
    logo_chance = Chance(parameters.seed, "logos")
    return [
        _make_organization(parameters, chance, logo_chance, names, files, number)
        for number in range(1, parameters.organization_count + 1)
    ]


def make_teams(
    parameters: SimulationParameters, names: Names, files: AttachedFiles, organizations: list[Organization]
) -> list[SimulatedTeam]:
    """Teams at their seats; the guests are the last ones."""
    chance = Chance(parameters.seed, "teams")
    photo_chance = Chance(parameters.seed, "photos")
    return [
        _make_team(parameters, chance, photo_chance, files, names.team(), organizations, index)
        for index in range(parameters.teams)
    ]


def make_persons(parameters: SimulationParameters, names: Names, teams: list[SimulatedTeam]) -> list[Person]:
    """Three contestants and a coach for each team, and the officials."""
    chance = Chance(parameters.seed, "persons")
    persons = [
        _make_person(chance, names, f"{row.team.id}-{part}", role)
        for row in teams
        for part, role in _members(row.team.id)
    ]
    officials = [
        _make_person(chance, names, account_id, PersonRole(type="staff", title=title))
        for account_id, _, title in OFFICIALS
    ]
    return [*persons, *officials]


def make_accounts(parameters: SimulationParameters, teams: list[SimulatedTeam]) -> list[Account]:
    """An account for every team and official, and one of type proxy; none where accounts are off."""
    if not parameters.accounts:
        return []
    of_officials = [
        Account(id=account_id, username=account_id, name=title, type=role, person_id=account_id)
        for account_id, role, title in OFFICIALS
    ]
    proxy = Account(id=PROXY_ACCOUNT_ID, username=PROXY_ACCOUNT_ID, name="Submission Proxy", type="proxy")
    of_teams = [
        Account(id=row.account_id, username=row.account_id, name=row.team.name, type="team", team_id=row.team.id)
        for row in teams
        if row.account_id is not None
    ]
    return [*of_officials, proxy, *of_teams]


def password_of(parameters: SimulationParameters, account_id: str) -> str:
    """The password of an account: sixteen letters and digits that follow from seed, contest and account.

    Whoever knows the seed knows it. It is good for trials, not for a contest that matters.
    """
    digest = sha256(f"password/{parameters.seed}/{parameters.contest_id}/{account_id}".encode()).digest()
    return b32encode(digest[:10]).decode().lower()


def _make_organization(
    parameters: SimulationParameters,
    chance: Chance,
    logo_chance: Chance,
    names: Names,
    files: AttachedFiles,
    number: int,
) -> Organization:
    place = names.place()
    short_name, formal_name = names.institution(place)
    country, latitude, longitude = chance.one_of(COUNTRIES)
    identifier = slug(place)
    emblem = Emblem(logo_chance)
    sides = LOGO_SIDES if parameters.logos else ()
    return Organization(
        id=identifier,
        icpc_id=str(_ICPC_ID_ORGANIZATION + number),
        name=short_name,
        formal_name=formal_name,
        country=country,
        url=f"https://{identifier}.example",
        location=Location(
            latitude=latitude + chance.between(-1000, 1000) / 1000,
            longitude=longitude + chance.between(-1000, 1000) / 1000,
        ),
        logo=[files.attach(f"logo.{side}x{side}.png", "image/png", emblem.png(side), (side, side)) for side in sides]
        or None,
    )


def _make_team(
    parameters: SimulationParameters,
    chance: Chance,
    photo_chance: Chance,
    files: AttachedFiles,
    name: str,
    organizations: list[Organization],
    index: int,
) -> SimulatedTeam:
    official = index < parameters.teams - parameters.guest_count
    site_id = f"site-{1 + index % parameters.group_count}" if official else None
    organization = organizations[index % len(organizations)]
    row, seat = divmod(index, _SEATS_PER_ROW)
    shirt, shirt_rgb = chance.one_of(COLOURS)
    trim, trim_rgb = chance.one_of(COLOURS)
    number = f"{index + 1:0{len(str(parameters.teams))}}"
    photo = team_photo_jpeg(photo_chance) if parameters.photos else None
    team = Team(
        id=f"team{number}",
        icpc_id=str(_ICPC_ID_TEAM + index),
        name=name,
        label=f"{letters_of(row)}{seat + 1:02}",
        display_name=f"{organization.name}: {name}",
        organization_id=organization.id,
        group_ids=_groups_of(parameters, site_id),
        location=TeamLocation(x=seat * _SEAT_WIDTH_M, y=row * _ROW_DEPTH_M, rotation=_ROTATIONS[row % len(_ROTATIONS)]),
        photo=[files.attach("photo.jpg", "image/jpeg", photo, PHOTO_SIZE)] if photo else None,
        primary_rgb=shirt_rgb,
        primary_color=shirt,
        secondary_rgb=trim_rgb,
        secondary_color=trim,
    )
    return SimulatedTeam(
        team=team,
        strength=chance.bell(),
        language_id=chance.weighted([(language_id, row.share) for language_id, row in LANGUAGES.items()]),
        site_id=site_id,
        official=official,
        account_id=team.id if parameters.accounts else None,
    )


def _groups_of(parameters: SimulationParameters, site_id: str | None) -> list[str]:
    if site_id is None:
        return [GUEST_GROUP_ID]
    return [site_id, OFFICIAL_GROUP_ID] if parameters.guest_count else [site_id]


def _members(team_id: str) -> list[tuple[str, PersonRole]]:
    contestant = PersonRole(type="contestant", team_id=team_id)
    coach = PersonRole(type="coach", title="Coach", team_id=team_id)
    return [*((str(number), contestant) for number in range(1, CONTESTANTS_PER_TEAM + 1)), ("coach", coach)]


def _make_person(chance: Chance, names: Names, identifier: str, role: PersonRole) -> Person:
    given, family = names.person()
    return Person(
        id=identifier,
        icpc_id=str(_ICPC_ID_PERSON + chance.below(_ICPC_ID_PERSON // 10)),
        name=f"{given} {family}",
        email=f"{given.lower()}.{family.lower()}@{identifier}.example",
        sex="female" if chance.happens(0.5) else "male",
        roles=[role],
    )

"""Configuration over the API: ids of new objects, contests as wholes, accounts with their logins.

A contest that is made over the API is run by this server: its clock and its awards. This module must not know the
wire, nor passwords; it is told that there is a new one.
"""

from typing import cast

import msgspec

from cds.commands.accounts import login_change, login_erased, refuse_taken_username, refuse_unfit
from cds.commands.contest_clock import consequences_of_contest
from cds.commands.contest_moments import read_relative_time_ms
from cds.commands.decision import ObjectChange, Refused
from cds.commands.naming import readable_id
from cds.commands.object_rules import REQUIRED_WHEN, filled_in
from cds.commands.platform_objects import forgetting
from cds.commands.properties import Properties, instance_of, raw, text_of
from cds.commands.reconcile import decide_reconcile
from cds.commands.write import Around, Write
from projections.contest import ContestState
from projections.timeline import moment_ms
from schemas.object_types import OBJECT_TYPES, SINGLETON_ID
from schemas.objects import Account, Contest, ContestObject, Person, State
from schemas.records import AwardSettings, Settings
from schemas.times import parse_relative_time_ms

NAMED_BY = {"accounts": "username", "problems": "label", "teams": "label"}
"""The property that makes a readable id, where it is not the name."""

TEAM_ROLES = ("contestant", "coach")

LENGTHS = ("countdown_pause_time", "duration", "scoreboard_freeze_duration", "penalty_time")
"""The properties of a contest that say how long something takes, and so are not negative."""

NOTHING_HAPPENED = State(started=None, frozen=None, ended=None, thawed=None, finalized=None, end_of_updates=None)
RUN_HERE = Settings(clock=True, awards=AwardSettings(computed=True))


def complete_configured(state: ContestState, write: Write, properties: Properties) -> Properties:
    """The id of a new object, made of its name, and what is usual of its kind."""
    if write.method != "POST":
        return _usual(state, write, properties)
    name = text_of(properties, NAMED_BY.get(write.row.name, "name")) or ""
    spoken = write.row.name == "languages"
    completed = {"id": raw(readable_id(name, state.objects[write.row.name], write.fresh_id, spoken=spoken))}
    return {**completed, **_usual(state, write, {**properties, **completed})}


def complete_contest(state: ContestState, write: Write, properties: Properties) -> Properties:
    """The id of a contest is that of its place, which was chosen with it; the penalty time is the usual one."""
    completed = {"id": raw(write.identifier)}
    return {**completed, **_usual(state, write, {**properties, **completed})}


def _usual(state: ContestState, write: Write, properties: Properties) -> Properties:
    """What is required and left unsaid by a client that writes the whole object; whoever patches means what it says."""
    if write.method == "PATCH" or write.row.name not in REQUIRED_WHEN:
        return {}
    present = state.objects[write.row.name].get(write.key[1])
    return filled_in(state, write.row, instance_of(write.row, properties), present)


def around_contest(
    state: ContestState, write: Write, before: ContestObject | None, after: ContestObject | None
) -> Around:
    """A new contest begins with its settings and a state; another length or start moves other things."""
    if after is None:
        return _end_of_contest(state, cast("Contest", before))
    _refuse_negative_lengths(cast("Contest", after))
    consequences = consequences_of_contest(state, cast("Contest", after), write.now_ms)
    if before is None:
        return Around(
            before=(ObjectChange("x-settings", SINGLETON_ID, RUN_HERE),),
            after=(ObjectChange("state", SINGLETON_ID, NOTHING_HAPPENED),),
        )
    return Around(after=tuple(consequences))


def around_account(
    state: ContestState, write: Write, _before: ContestObject | None, after: ContestObject | None
) -> Around:
    """The login of an account changes with it, and goes with it."""
    if after is None:
        return Around(after=(login_erased(write.identifier),))
    account = cast("Account", after)
    refuse_unfit(account)
    refuse_taken_username(state, account)
    wish = write.login
    return Around(after=tuple(login_change(state, account.id, new_password=wish.new_password, disabled=wish.disabled)))


def check_person(
    _state: ContestState, _write: Write, _before: ContestObject | None, after: ContestObject | None
) -> Around:
    """Contestants and coaches have a team (JSON Format, "Persons")."""
    for role in cast("Person", after).roles if after is not None else ():
        if role.type in TEAM_ROLES and role.team_id is None:
            raise Refused(f"roles: a {role.type} needs a team_id", "roles")
    return Around()


def _refuse_negative_lengths(contest: Contest) -> None:
    for name in LENGTHS:
        length = getattr(contest, name)
        if length is not None:
            read_relative_time_ms(name, length)
    freeze = contest.scoreboard_freeze_duration
    if freeze is not None and parse_relative_time_ms(freeze) > parse_relative_time_ms(contest.duration):
        raise Refused("scoreboard_freeze_duration is longer than the contest", "scoreboard_freeze_duration")


def _end_of_contest(state: ContestState, contest: Contest) -> Around:
    """Everything goes with the contest, what names before what is named; not while it runs."""
    happened = state.state or State()
    if moment_ms(happened.started) is not None and moment_ms(happened.ended) is None:
        raise Refused(f"contest {contest.id} is running", ground="conflict")
    parted = msgspec.structs.replace(contest, main_scoreboard_group_id=None)
    everything = decide_reconcile(state, {}, OBJECT_TYPES)
    records = [
        ObjectChange("x-settings", SINGLETON_ID, None),
        *(login_erased(account_id) for account_id in dict.fromkeys((*state.logins, *state.objects["accounts"]))),
        *forgetting(state),
    ]
    first = [ObjectChange("contest", SINGLETON_ID, parted)] if parted != contest else []
    others = [change for change in everything if change.type != "contest"]
    return Around(before=(*first, *others, *records))

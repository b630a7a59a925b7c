"""Writing contests as wholes: creating and configuring them, their start and thaw, their state and settings.

This module must not know the rules of the clock; it tells which request is which command.
"""

from collections.abc import Callable
from http import HTTPStatus
from typing import TypeVar

import msgspec
from aiohttp import hdrs, web

from cds.commands.contest_clock import decide_start_time, decide_thaw_time
from cds.commands.contest_settings import SettingsPatch, decide_settings, shown_settings
from cds.commands.contest_state import StatePatch, decide_state
from cds.commands.decision import ObjectChange, Refused
from cds.commands.naming import readable_id
from cds.commands.properties import Properties, check_contest_identifier, refusal_of, refuse_given, require, text_of
from cds.commands.write import Written
from cds.contest_api.answers import respond
from cds.contest_api.conditions import repetition_of
from cds.contest_api.errors import Failure, unauthorized
from cds.contest_api.past import refuse_at, refuse_to_write_the_past
from cds.contest_api.refusals import refusals_as_failures
from cds.contest_api.service import asked, service_of, viewer_of
from cds.contest_api.writing import (
    Order,
    actor_of,
    asked_to_write,
    deciding,
    no_content,
    refuse_foreign_form,
    write_object,
)
from cds.contest_api.written_bodies import Body, present_files, read_written
from cds.live_contest import LiveContest
from projections.contest import ContestState
from projections.integrity import Key
from schemas.identifiers import RESERVED_CONTEST_IDS
from schemas.matches import is_match_id
from schemas.object_types import OBJECT_TYPES, SINGLETON_ID
from schemas.viewers import Viewer

CONTEST = OBJECT_TYPES["contest"]
STATE = OBJECT_TYPES["state"]
CONTEST_KEY: Key = (CONTEST.name, SINGLETON_ID)
STATE_KEY: Key = (STATE.name, SINGLETON_ID)

START_PROPERTIES = ("id", "start_time", "countdown_pause_time")
THAW_PROPERTIES = ("id", "scoreboard_thaw_time")

S = TypeVar("S", bound=msgspec.Struct)

SETTINGS_SEEN_BY = ("staff", "admin")


async def post_contest(request: web.Request) -> web.StreamResponse:
    """A new contest, whose id is made of its name."""
    viewer = await _server_admin(request)
    service = service_of(request)
    with refusals_as_failures():
        body = await read_written(request, CONTEST, {})
        refuse_given(body.properties, ("id",), "the server chooses it")
        async with service.contests.naming:
            contest = await _contest_to_post(request, viewer, body)
            order = Order(request, service, contest, viewer, body)
            return await order.carry_out(CONTEST, deciding(request, contest, viewer, CONTEST, body))


async def put_contest(request: web.Request) -> web.StreamResponse:
    """A contest in its place: a new one, run by this server, or another configuration of one that is there."""
    service = service_of(request)
    contest_id = request.match_info["contest_id"]
    if await service.contests.found(contest_id) is not None:
        return await write_object(request, CONTEST)
    viewer = await _server_admin(request)
    with refusals_as_failures():
        check_contest_identifier(contest_id)
        body = await read_written(request, CONTEST, {})
        require(body.properties, ("id",))
        contest = await service.contests.opened(contest_id)
        order = Order(request, service, contest, viewer, body)
        return await order.carry_out(CONTEST, deciding(request, contest, viewer, CONTEST, body))


async def patch_contest(request: web.Request) -> web.StreamResponse:
    """The start, the thaw, or any other part of the configuration (Contest API, "Modifying contests")."""
    contest, viewer = await asked_to_write(request, CONTEST)
    service = service_of(request)
    with refusals_as_failures():
        await service.clock.settle(contest)
        present = present_files(contest.state, CONTEST, contest.state.contest)
        body = await read_written(request, CONTEST, present)
        properties = body.properties
        order = Order(request, service, contest, viewer, body)
        now_ms = service.circumstances.now_us() // 1_000
        if "start_time" in properties or "countdown_pause_time" in properties:
            _refuse_others(contest, properties, START_PROPERTIES)
            start = text_of(properties, "start_time")
            pause = text_of(properties, "countdown_pause_time")
            if "start_time" not in properties:
                raise Refused("start_time is missing: null stops the countdown", "start_time")
            return await order.carry_out(
                CONTEST, _changes(CONTEST_KEY, lambda state: decide_start_time(state, start, pause, now_ms))
            )
        if "scoreboard_thaw_time" in properties:
            _refuse_others(contest, properties, THAW_PROPERTIES)
            return await _thaw(order, properties, now_ms)
        return await order.carry_out(CONTEST, deciding(request, contest, viewer, CONTEST, body))


async def delete_contest(request: web.Request) -> web.StreamResponse:
    """The end of a contest, and with it of the second systems that are compared with it."""
    contest, viewer = await asked_to_write(request, CONTEST)
    answer = await write_object(request, CONTEST)
    service = service_of(request)
    await service.shadows.end(contest.contest_id, actor=actor_of(viewer), circumstances=service.circumstances)
    return answer


async def patch_state(request: web.Request) -> web.StreamResponse:
    """What the specification gives no endpoint for: start, freeze, end, thaw now, removed intervals, finalize, end."""
    contest, viewer = await asked_to_write(request, STATE)
    service = service_of(request)
    with refusals_as_failures():
        await service.clock.settle(contest)
        body = await read_written(request, STATE, {})
        patch = _converted(body.properties, StatePatch)
        now_ms = service.circumstances.now_us() // 1_000
        order = Order(request, service, contest, viewer, body)
        # The awards of the last moment stand before the updates end.
        await service.awards.settle(contest)
        return await order.carry_out(STATE, _changes(STATE_KEY, lambda state: decide_state(state, patch, now_ms)))


async def get_settings(request: web.Request) -> web.StreamResponse:
    """How this server runs the contest."""
    contest, viewer = await asked(request)
    if viewer.anonymous:
        raise unauthorized("this needs a login")
    if viewer.role not in SETTINGS_SEEN_BY:
        raise Failure(HTTPStatus.FORBIDDEN, "this account may not see how the contest is run")
    refuse_at(request, "settings are told as they are now; `cds log` tells what they were (--type x-settings)")
    body = msgspec.json.encode(shown_settings(contest.state.settings))
    return await respond(request, service_of(request).answers.passing(body), private=True)


async def patch_settings(request: web.Request) -> web.StreamResponse:
    """Switch the clock and the awards of this server on or off, and say how it keeps them."""
    contest, viewer = await asked_to_write(request, CONTEST)
    service = service_of(request)
    with refusals_as_failures():
        body = await read_written(request, STATE, {})
        patch = _converted(body.properties, SettingsPatch)
        if hdrs.IF_MATCH in request.headers:
            raise Refused("If-Match is not offered for settings", ground="precondition")
        order = Order(request, service, contest, viewer, body)
        await order.append(CONTEST, _changes(CONTEST_KEY, lambda state: decide_settings(state, patch)))
        await service.clock.settle(contest)
        await service.awards.settle(contest)
        return web.json_response(
            body=msgspec.json.encode(shown_settings(contest.state.settings)), headers={hdrs.CACHE_CONTROL: "no-store"}
        )


async def _thaw(order: Order, properties: Properties, now_ms: int) -> web.StreamResponse:
    """204 when the time was taken as it was given, 200 with the contest when it was thawed now instead."""
    thaw_time = text_of(properties, "scoreboard_thaw_time")
    if thaw_time is None:
        raise Refused("scoreboard_thaw_time must be a time", "scoreboard_thaw_time")
    as_given: list[bool] = []

    def decided(state: ContestState) -> list[ObjectChange]:
        decision = decide_thaw_time(state, thaw_time, now_ms)
        as_given.append(decision.as_given)
        return decision.changes

    await order.append(CONTEST, _changes(CONTEST_KEY, decided))
    return no_content() if as_given[-1] else order.answer(CONTEST_KEY, HTTPStatus.OK)


async def _contest_to_post(request: web.Request, viewer: Viewer, body: Body) -> LiveContest:
    """The place of a new contest; when this very request came before, that of the contest that it made then."""
    service = service_of(request)
    await service.contests.fresh()
    repetition = repetition_of(request, actor_of(viewer), service.repetition_key, body.parts)
    if repetition is not None:
        for contest in service.contests:
            if repetition.key in contest.state.versions:
                return contest
    name = text_of(body.properties, "name") or ""
    fresh_id = service.circumstances.identifier()
    contest_id = readable_id(name, service.contests.ids() | RESERVED_CONTEST_IDS, fresh_id)
    return await service.contests.opened(fresh_id if is_match_id(contest_id) else contest_id)


def _changes(key: Key, decided: Callable[[ContestState], list[ObjectChange]]) -> Callable[[ContestState], Written]:
    return lambda state: Written(key=key, created=False, changes=decided(state))


def _refuse_others(contest: LiveContest, properties: Properties, allowed: tuple[str, ...]) -> None:
    """The body is the id, for verification, and nothing but what the capability is about."""
    if text_of(properties, "id") is None:
        raise Refused("id is missing", "id")
    if text_of(properties, "id") != contest.contest_id:
        raise Refused(f"id is not {contest.contest_id}, which the URL names", "id", ground="conflict")
    refuse_given(
        properties,
        [name for name in properties if name not in allowed],
        f"{' and '.join(allowed[1:])} cannot be changed together with anything else",
    )


def _converted(properties: Properties, structure: type[S]) -> S:
    """A body that is no object of the specification. Raises Refused."""
    try:
        return msgspec.json.decode(msgspec.json.encode(dict(properties)), type=structure)
    except msgspec.ValidationError as error:
        raise refusal_of(error) from None


async def _server_admin(request: web.Request) -> Viewer:
    """Who may create contests: an administrator of the server. Raises Failure (401, 403)."""
    viewer = await viewer_of(request, None)
    if viewer.anonymous:
        raise unauthorized("writing needs a login that is valid here")
    if viewer.server_username is None or viewer.role != "admin":
        raise Failure(HTTPStatus.FORBIDDEN, "only an administrator of this server may create contests")
    refuse_foreign_form(request)
    refuse_to_write_the_past(request)
    return viewer

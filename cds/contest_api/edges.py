"""What edges alone may ask: who somebody is, and the lines of an audience; GET of x-viewer and x-lines.

An edge serves what this server would say, so it is told more than any client: whose views there are, and keys. It
brings a secret, and for everybody else there are no such endpoints. This module must not know how an edge is built.
"""

import hmac
from http import HTTPStatus

import msgspec
from aiohttp import hdrs, web

from cds.account_viewers import known_networks_of
from cds.commands.accounts import accounts_of
from cds.commands.participation import contest_rules
from cds.contest_api.errors import bad_request, not_found
from cds.contest_api.service import Service, asked, service_of
from cds.live_contest import LiveContest
from cds.view_names import view_name
from eventstore.store import StoreUnavailable
from projections.feed_lines import ALL_TYPES_MASK, FeedLines
from projections.tokens import TokenRefused
from projections.told import Page, Told, encode_page, size_of
from projections.told_lines import BEGINNING, COMMON, Stand, next_tellings
from schemas.edges import EdgeViewer
from schemas.viewers import ROLES, Role, Viewer

SECRET_HEADER = "Contest-Edge"  # noqa: S105 - the name of a header

PAGE_BYTES_MAX = 4 * 1024 * 1024
"""A page ends with the first segment of lines behind which it has so many bytes."""

MESSAGE_PACK = "application/msgpack"


async def get_viewer(request: web.Request) -> web.StreamResponse:
    """Who asks, and the keys with which an edge answers them. Raises Failure as any GET, and 404 without the secret."""
    service = _for_an_edge(request)
    contest, viewer = await asked(request)
    told = EdgeViewer(
        role=viewer.role,
        team_id=viewer.team_id,
        anonymous=viewer.anonymous,
        username=viewer.server_username,
        account_id=viewer.account_id,
        view_key=service.tokens.view_key(view_name(contest, viewer)).hex(),
        entity_tags_key=service.answers.key.hex(),
        expires_at_s=viewer.expires_at_s,
        by_address=_rests_on_addresses(service, contest),
    )
    return _answer(msgspec.json.encode(told), "application/json")


async def get_lines(request: web.Request) -> web.StreamResponse:
    """A page of the lines of a role, behind one token and up to another. Raises Failure (400, 404)."""
    service = _for_an_edge(request)
    contest_id = request.match_info["contest_id"]
    contest = await service.contests.found(contest_id)
    if contest is None:
        raise not_found(f"contest {contest_id}")
    role = request.query.get("role", "")
    if role not in ROLES:
        raise bad_request(f"role: there is no role {role[:40]!r}")
    reading = _Reading(service, contest, role, await contest.feed(role))
    stand = await reading.stand(request.query.get("after"))
    until = await reading.stand(request.query["until"]) if "until" in request.query else None
    return _answer(encode_page(reading.page(stand, None if until is None else until.sequence)), MESSAGE_PACK)


class _Reading:
    """The lines of one role, read behind tokens of its views."""

    def __init__(self, service: Service, contest: LiveContest, role: Role, lines: FeedLines) -> None:
        self._service = service
        self._contest = contest
        self._role: Role = role
        self._lines = lines

    def page(self, stand: Stand, until: int | None) -> Page:
        """What there is behind a stand, up to a place. It never ends between two lines of one place."""
        told: list[Told] = []
        last: dict[str, str] = {}
        size_bytes = 0
        end = self._lines.last_sequence if until is None else min(until, self._lines.last_sequence)
        pace_permille = self._contest.state.settings.pace_permille
        while size_bytes < PAGE_BYTES_MAX:
            tellings = list(next_tellings(self._lines, stand, pace_permille, until=end))
            if not tellings:
                return Page(tuple(told), last, more=False)
            for telling in tellings:
                team = telling.told.team_id or COMMON
                told.append(telling.told)
                last[team] = telling.last_place + self._tag(team)
                size_bytes += size_of(telling.told.lines)
            stand = tellings[-1].stand
        return Page(tuple(told), last, more=stand.sequence < end)

    async def stand(self, token: str | None) -> Stand:
        """What has been told when the line of a token has; nothing without one. Raises Failure (400)."""
        if token is None:
            return BEGINNING
        try:
            team, sequence = await self._place(token)
        except TokenRefused as refused:
            raise bad_request(str(refused)) from None
        return Stand(sequence, frozenset({team}))

    async def _place(self, token: str) -> tuple[str, int]:
        """Whose line a token is of (COMMON: everybody's), and where it stands. Raises TokenRefused."""
        refusal: TokenRefused | None = None
        teams = self._contest.state.objects["teams"] if self._role == "team" else ()
        for team in dict.fromkeys((COMMON, *teams, *self._lines.team_lines)):
            try:
                place = self._service.tokens.read(token, self._view(team), ALL_TYPES_MASK)
            except TokenRefused as refused:
                refusal = refusal or refused
                continue
            if place.position > self._contest.position:
                await self._contest.fresh()
                if place.position > self._contest.position and not self._service.store.reachable:
                    raise StoreUnavailable("whether the token is of this log cannot be read now")
            self._contest.check_place(place)
            return team, place.sequence
        raise refusal or TokenRefused("this is no token")

    def _tag(self, team: str) -> str:
        return self._service.tokens.tag(self._view(team), ALL_TYPES_MASK).decode("ascii")

    def _view(self, team: str) -> str:
        return view_name(self._contest, Viewer(role=self._role, team_id=team or None))


def _for_an_edge(request: web.Request) -> Service:
    """The service, for whoever brings the secret; for others this is a path without anything. Raises HTTPNotFound."""
    service = service_of(request)
    brought = request.headers.get(SECRET_HEADER, "").encode("utf-8", "surrogateescape")
    if service.edge_secret is None or not hmac.compare_digest(brought, service.edge_secret.encode()):
        raise web.HTTPNotFound
    return service


def _rests_on_addresses(service: Service, contest: LiveContest) -> bool:
    """Whether who somebody is here, or whether he is let in, may hang on where he asks from."""
    if contest_rules(contest.state).ip_restriction:
        return True
    return service.auto_login and any(known_networks_of(account) for account in accounts_of(contest.state))


def _answer(body: bytes, content_type: str) -> web.Response:
    headers = {hdrs.CACHE_CONTROL: "private, no-store"}
    return web.Response(status=HTTPStatus.OK, body=body, content_type=content_type, headers=headers)

"""The OpenAPI document over HTTP: it says what the server offers, no less and no more; and the page to read it."""

import re
from base64 import b64encode
from hashlib import sha256
from html.parser import HTMLParser
from typing import cast

import pytest
from aiohttp import hdrs
from jsonschema import Draft202012Validator

from cds.application import Server
from cds.commands.permissions import Method
from cds.configuration import Configuration
from cds.contest_api.paths import ContestPaths
from cds.openapi.object_schemas import request_name
from cds.served_versions import EARLIER_VERSIONS as VERSIONS
from schemas.object_types import OBJECT_TYPES
from tests.cds.contest_api.live_contest_setup import CONTEST_ID, Play
from tests.cds.contest_api.serving import Caller, Json, running
from tests.cds.contest_api.whole_objects import WHOLE, furnish

PREFIX = "/api"
ALL_PLATFORMS = "/contests/sync/all"
"""To the router a platform as well, so that other methods are answered like those of a platform that there is not."""

PLACES = {
    "contest_id": CONTEST_ID,
    "id": "nothing",
    "filename": "nothing",
    "handle": "nothing",
    "platform": "codeforces",
    "task": "nothing",
    "lang": "en",
}
METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")
NEEDED_BESIDE = {"submissions": ("time", "entry_point"), "clarifications": ("time",), "accounts": ("team_id",)}
"""What the whole objects of tests need besides: from an administrator, of a language, of a team's account."""

pytestmark = pytest.mark.asyncio(loop_scope="session")


NOT_DOCUMENTED = {
    "/healthz": "for who watches the process",
    "/readyz": "for who watches the process",
    "/metrics": "for who watches the process",
    "/": "a page",
    "/contests/{contest_id}": "a page",
    "/contests/{contest_id}/": "a page",
    "/static/*": "of the pages",
}
"""Routes that are no API, and why."""


def routed() -> set[str]:
    """Every path of the router, without the slash that may stand at its end."""
    server = Server(Configuration(host="127.0.0.1", port=0))
    resources = server._application().router.resources()
    routes = (
        route
        for resource in resources
        for route in (list(resource) if isinstance(resource, ContestPaths) else [next(iter(resource))])
    )
    return {route.resource.canonical.replace("{slash}", "") for route in routes if route.resource is not None}


def routed_paths(version: str | None = None) -> set[str]:
    """Those in a version of the API, None for our own, written as the document writes paths."""
    found = {path.removeprefix(PREFIX) or "/" for path in routed() if path.startswith(PREFIX)}
    below = {f"/{earlier.name}": {path for path in found if path[1:].startswith(earlier.name)} for earlier in VERSIONS}
    if version is None:
        return found.difference(*below.values())
    return {path.removeprefix(f"/{version}") or "/" for path in below[f"/{version}"]}


async def the_document(play: Play) -> Json:
    return await play.caller("public").json("openapi.json")


async def test_every_path_of_the_router_is_in_the_document_and_the_other_way_round(refusing: Play) -> None:
    """Those of earlier versions are not told one by one; what is no API is in a list."""
    documented = {
        path if "servers" in operation else PREFIX + path.removesuffix("/")
        for path, verbs in (await the_document(refusing))["paths"].items()
        for operation in verbs.values()
    }
    earlier = tuple(f"{PREFIX}/{version.name}" for version in VERSIONS)
    others = {path for path in routed() if not path.startswith(earlier)}
    pages = {path for path in others if path.startswith("/static/")}
    assert pages
    assert others - pages - documented == NOT_DOCUMENTED.keys() - {"/static/*"}
    assert documented - others == set()


@pytest.mark.parametrize("version", [version.name for version in VERSIONS])
async def test_earlier_versions_have_only_paths_that_are_documented(refusing: Play, version: str) -> None:
    """Below the name of the version there is what there is beside it, as far as it can be read."""
    documented = (await the_document(refusing))["paths"]
    routed = routed_paths(version)
    assert {"/", "/contests", "/contests/{contest_id}", "/contests/{contest_id}/event-feed"} <= routed
    assert all("get" in documented[path] for path in routed)
    assert f"`{version}/`" in (await the_document(refusing))["info"]["description"]


async def test_what_is_documented_is_offered_and_nothing_else(refusing: Play) -> None:
    """A judge is told 405 for what nobody may do and 403 for what others may, and neither changes anything."""
    before = await refusing.position()
    for path, verbs in (await the_document(refusing))["paths"].items():
        if path == ALL_PLATFORMS:
            continue
        at_root = any("servers" in operation for operation in verbs.values())
        concrete = path.format_map(PLACES)
        concrete = refusing.server.root + concrete if at_root else concrete.lstrip("/")
        # The judge is the contest's own, and nobody elsewhere; there the body is missing. A sync would ask platforms.
        who = "judge" if "contest_id" in path else "public" if at_root else "root"
        for method in METHODS:
            if method == "GET" and path.endswith("event-feed"):
                continue
            answer = await refusing.caller(who).ask(method, concrete)
            offered = answer.status != 405
            assert offered == (method.lower() in verbs), f"{method} {path}: {answer.status}"
            if not offered:
                listed = {name.strip().lower() for name in answer.headers["Allow"].split(",")}
                assert listed - {"head", "options"} == set(verbs), f"{method} {path}"
    assert await refusing.position() == before


async def test_what_is_required_is_required_and_all_that_is(live: Play) -> None:
    """Of every type: what says everything keeps its schema; without a required property it is refused, which is named;
    with these alone it is taken."""
    await furnish(live)
    schemas = (await the_document(live))["components"]
    for name, written in WHOLE.items():
        if written.path:
            schema = schemas["schemas"][request_name(OBJECT_TYPES[name], cast("Method", written.method))]
            validator = Draft202012Validator({**schema, "components": schemas})
            assert list(validator.iter_errors(written.body)) == [], name
            for missing in schema["required"]:
                body = {each: value for each, value in written.body.items() if each != missing}
                assert not validator.is_valid(body)
                await live.refused(written.who, written.method, written.path, body, 400, names=missing)
            needed = (*schema["required"], *NEEDED_BESIDE.get(name, ()))
            body = {each: value for each, value in written.body.items() if each in needed}
            answer = await live.ask(written.who, written.method, written.path, body)
            assert answer.status == 201, (name, answer.body)


async def test_the_document_has_a_tag_and_is_compressed(refusing: Play) -> None:
    public = refusing.caller("public")
    first = await public.get("openapi.json")
    assert (first.status, first.headers[hdrs.CONTENT_TYPE]) == (200, "application/json")
    assert first.headers[hdrs.CACHE_CONTROL] == "public, no-cache"
    again = await public.get("openapi.json", headers={hdrs.IF_NONE_MATCH: first.headers[hdrs.ETAG]})
    assert (again.status, again.body) == (304, b"")
    zipped = await public.get("openapi.json", headers={hdrs.ACCEPT_ENCODING: "gzip"})
    assert zipped.headers[hdrs.CONTENT_ENCODING] == "gzip"
    assert zipped.body == first.body


async def test_servers_are_right_behind_a_base_url(made_dsn: str) -> None:
    async with running(made_dsn, base_url="https://example.com/x/y/api/") as server:
        for base, own in ((server.base, "/api"), (f"{server.root}/x/y/api/", "/x/y/api")):
            servers = (await Caller(server.session, base, None).json("openapi.json"))["servers"]
            assert [each["url"] for each in servers] == ["https://example.com/x/y/api", own]


class Page(HTMLParser):
    """What a page loads, links to, and holds inside."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.loaded: list[str] = []
        self.links: list[str] = []
        self.anchors: set[str] = set()
        self.inside: dict[str, str] = {}
        self._open: str | None = None
        self.feed(text)

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        told = dict(attributes)
        self.loaded += [value for name, value in attributes if name in ("src", "srcset", "data") and value is not None]
        if "href" in told and told["href"] is not None:
            self.links.append(told["href"])
        if "id" in told and told["id"] is not None:
            self.anchors.add(told["id"])
        assert not [name for name in told if name == "style" or name.startswith("on")], told
        self._open = tag

    def handle_data(self, data: str) -> None:
        if self._open in ("style", "script"):
            self.inside[self._open] = self.inside.get(self._open, "") + data

    def handle_endtag(self, tag: str) -> None:
        self._open = None


@pytest.mark.parametrize(("path", "document"), [("docs", "openapi.json"), ("docs/", "../openapi.json")])
async def test_the_page_loads_nothing_and_leads_to_the_document(refusing: Play, path: str, document: str) -> None:
    answer = await refusing.caller("public").get(path)
    assert (answer.status, answer.headers[hdrs.CONTENT_TYPE]) == (200, "text/html; charset=utf-8")
    page = Page(answer.body.decode())
    assert page.loaded == []
    inside = {link.removeprefix("#") for link in page.links if link.startswith("#")}
    assert inside <= page.anchors
    assert [link for link in page.links if not link.startswith("#")] == [document]
    operations = {
        operation["operationId"]
        for verbs in (await the_document(refusing))["paths"].values()
        for operation in verbs.values()
    }
    assert operations <= page.anchors


async def test_the_page_tells_what_receivers_of_webhooks_get_and_every_limit(refusing: Play) -> None:
    """Whoever writes a receiver reads the page, not the JSON."""
    page = (await refusing.caller("public").get("docs")).body.decode()
    (operation,) = re.findall(r'<details class="operation" id="post_webhook".*?</details>', page, re.DOTALL)
    _, _, call = operation.partition("The server calls: <code>POST {$request.body#/url}</code>")
    for told in ("Webhook-Token", "Webhook-Signature", "contest_id", "notifications", "<code>2XX</code>", "HMAC"):
        assert told in call, told
    registering = operation.partition("Example")[0]
    for limit in ("characters at most 500", "items at most 1000", "characters at most 2000", "a <code>uri</code>"):
        assert limit in registering, limit


async def test_the_document_has_what_streams_of_the_scoreboard_take(refusing: Play) -> None:
    path = (await the_document(refusing))["paths"]["/contests/{contest_id}/scoreboard"]
    taken = {(each["in"], each["name"]) for each in path["get"]["parameters"] if "name" in each}
    assert {("query", "last_event_id"), ("header", "Last-Event-ID")} <= taken


async def test_the_policy_of_the_page_allows_what_is_inside_it_and_nothing_else(refusing: Play) -> None:
    answer = await refusing.caller("public").get("docs")
    policy = answer.headers["Content-Security-Policy"]
    directives = dict(part.strip().split(" ", 1) for part in policy.split(";"))
    inside = Page(answer.body.decode()).inside
    for tag in ("style", "script"):
        fingerprint = b64encode(sha256(inside[tag].encode()).digest()).decode()
        assert directives.pop(f"{tag}-src") == f"'sha256-{fingerprint}'"
    assert set(directives.values()) == {"'none'"}
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    again = await refusing.caller("public").get("docs", headers={hdrs.IF_NONE_MATCH: answer.headers[hdrs.ETAG]})
    assert (again.status, again.headers["Content-Security-Policy"]) == (304, policy)

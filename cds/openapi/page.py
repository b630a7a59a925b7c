"""The page to read the OpenAPI document: plain HTML made of it, with one style sheet and one small script inside.

Nothing is loaded from anywhere; the policy names the two by their hashes. This module knows the form of the document
alone, and must not know what any endpoint does.
"""

import json
from base64 import b64encode
from collections.abc import Iterator
from hashlib import sha256
from html import escape
from importlib.resources import files

from cds.openapi.json_schemas import Schema
from cds.openapi.page_parts import (
    chips,
    code,
    curl,
    inline,
    prose,
    rows_of_parameters,
    rows_of_properties,
    schema_anchor,
    table,
    type_text,
)
from cds.openapi.reading import listed, mapping, resolved, texts
from schemas.viewers import ROLES

EVERYBODY = "everybody"
LOGGED_IN = "whoever has logged in"
OFTEN = "/contests/{contest_id}"
"""What most paths begin with is left out beside the page."""

FAILURES_FROM = "400"
"""Statuses from here on are refusals; all have three characters."""

STYLE = files(__package__).joinpath("page.css").read_text(encoding="utf-8")
SCRIPT = files(__package__).joinpath("page.js").read_text(encoding="utf-8")


def _named(text: str) -> str:
    return f"'sha256-{b64encode(sha256(text.encode()).digest()).decode()}'"


CONTENT_SECURITY_POLICY = (
    f"default-src 'none'; style-src {_named(STYLE)}; script-src {_named(SCRIPT)}; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)


def documentation_page(document: Schema, document_href: str) -> str:
    """The whole page; `document_href` leads from it to the document."""
    information = mapping(document["info"])
    title = escape(str(information["title"]))
    return (
        "<!DOCTYPE html>\n"
        f'<html lang="en"><head><meta charset="utf-8"><title>{title}</title>'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f'<style>{STYLE}</style></head>\n<body><div class="page">\n'
        f"{_navigation(document)}\n<main>\n"
        f'<h1>{title}</h1><p class="soft">Version {escape(str(information["version"]))} · '
        f'<a href="{escape(document_href)}">OpenAPI {escape(str(document["openapi"]))} document</a></p>\n'
        f"{prose(str(information['description']))}\n{_base(document)}\n"
        f"{''.join(_sections(document))}\n{_schemas(document)}\n"
        f"</main></div>\n<script>{SCRIPT}</script></body></html>\n"
    )


def _base(document: Schema) -> str:
    servers = [mapping(each)["url"] for each in listed(document["servers"])]
    told = " or ".join(f"<code>{escape(str(url))}</code>" for url in servers)
    return (
        f"<p>The base URL is {told}. In the examples the shell knows it as <code>BASE</code>, the root of the server "
        "as <code>SERVER</code>, a login as <code>LOGIN</code>, and a bearer token as <code>TOKEN</code>:</p>"
        + code("SERVER=https://contest.example.org BASE=$SERVER/api LOGIN=username:password TOKEN=eyJ…")
        + "<p>Beside an endpoint are the roles that may use it; <code>public</code> needs no login. "
        'What has to be there has a <span class="required">*</span>.</p>'
    )


def _navigation(document: Schema) -> str:
    groups = []
    for tag, operations in _by_tag(document).items():
        items = "".join(_link(path, verb, operation) for path, verb, operation in operations)
        groups.append(f'<div><h2><a href="#tag-{_anchor(tag)}">{escape(tag)}</a></h2><ul>{items}</ul></div>')
    field = '<p hidden><input type="search" placeholder="Filter" aria-label="Filter endpoints"></p>'
    return (
        f'<nav aria-label="Endpoints">{field}{"".join(groups)}<div><h2><a href="#objects">objects</a></h2></div></nav>'
    )


def _link(path: str, verb: str, operation: Schema) -> str:
    """One line beside the page."""
    identifier, shown = escape(str(operation["operationId"])), escape(path.replace(OFTEN, "…"))
    return (
        f'<li data-of="{identifier}"><a href="#{identifier}"><span class="method {verb}">{verb}</span>'
        f'<span class="path" title="{escape(path)}">{shown}</span></a></li>'
    )


def _sections(document: Schema) -> Iterator[str]:
    described = {str(mapping(tag)["name"]): str(mapping(tag)["description"]) for tag in listed(document["tags"])}
    for tag, operations in _by_tag(document).items():
        inner = "".join(_operation(document, path, verb, operation) for path, verb, operation in operations)
        yield (
            f'<section class="tag"><h2 id="tag-{_anchor(tag)}">{escape(tag)}</h2>'
            f"{prose(described[tag])}{inner}</section>\n"
        )


def _operation(document: Schema, path: str, verb: str, operation: Schema) -> str:
    roles = _roles(operation)
    summary = str(operation["summary"])
    words = " ".join((verb, path, summary, *roles, str(operation["operationId"]))).lower()
    parts = [prose(str(operation.get("description", "")))]
    capabilities = texts(operation.get("x-capabilities", []))
    if capabilities:
        parts.append(f"<p>Capabilities: {chips(capabilities)}</p>")
    parameters = rows_of_parameters(document, listed(operation.get("parameters", [])))
    if parameters:
        parts.append("<h3>Parameters</h3>" + table(("name", "in", "type", ""), parameters))
    parts += [_body(document, operation), "<h3>Example</h3>", code(curl(path, verb, operation))]
    parts += ["<h3>Answers</h3>", table(("status", "", "type"), _answers(document, operation)), _answer(operation)]
    parts += _callbacks(document, operation)
    identifier = escape(str(operation["operationId"]))
    return (
        f'<details class="operation" id="{identifier}" data-words="{escape(words)}"><summary>'
        f'<span class="method {verb}">{verb}</span><span class="path">{escape(path)}</span>'
        f'<span class="says">{inline(summary)}</span><span class="roles">{chips(roles)}</span></summary>'
        f"<div>{''.join(parts)}</div></details>\n"
    )


def _roles(operation: Schema) -> list[str]:
    """Who may ask: the roles, where not all are alike."""
    roles = texts(operation.get("x-roles", ROLES))
    if len(roles) < len(ROLES):
        return roles
    return [EVERYBODY if {} in listed(operation["security"]) else LOGGED_IN]


def _body(document: Schema, operation: Schema, *, in_full: bool = False) -> str:
    body = operation.get("requestBody")
    if body is None:
        return ""
    told = []
    for media_type, media in mapping(mapping(body)["content"]).items():
        schema = mapping(mapping(media)["schema"])
        told.append(f"<h3>Body, <code>{escape(media_type)}</code></h3>")
        told.append(table(("property", "type", ""), rows_of_properties(document, schema)))
        # That of the operation itself stands in the command.
        if in_full and "example" in mapping(media):
            told.append(code(json.dumps(mapping(media)["example"], indent=2, ensure_ascii=False)))
    return "".join(told)


def _callbacks(document: Schema, operation: Schema) -> Iterator[str]:
    """The requests that the server itself makes in consequence: what each brings, and what it takes for an answer."""
    for places in mapping(operation.get("callbacks", {})).values():
        for place, verbs in mapping(places).items():
            for verb, each in mapping(verbs).items():
                call = mapping(each)
                yield f"<h3>The server calls: <code>{escape(verb.upper())} {escape(place)}</code></h3>"
                yield prose(f"{call['summary']}.\n\n{call.get('description', '')}")
                yield table(("name", "in", "type", ""), rows_of_parameters(document, listed(call["parameters"])))
                yield _body(document, call, in_full=True)
                yield "<h3>What the receiver answers</h3>"
                yield table(("status", "", "type"), _answers(document, call))


def _answers(document: Schema, operation: Schema) -> Iterator[tuple[str, ...]]:
    for status, answer in mapping(operation["responses"]).items():
        told = resolved(document, mapping(answer))
        kinds = []
        for media_type, media in mapping(told.get("content", {})).items():
            schema = mapping(mapping(media).get("schema", {}))
            shown = type_text(schema) if media_type == "application/json" and status < FAILURES_FROM else ""
            kinds.append(f"<code>{escape(media_type)}</code> {shown}")
        yield f"<code>{status}</code>", inline(str(told["description"])), "<br>".join(kinds)


def _answer(operation: Schema) -> str:
    """The example of the first success that has one."""
    for answer in mapping(operation["responses"]).values():
        for media in mapping(mapping(answer).get("content", {})).values():
            if "example" in mapping(media):
                return code(json.dumps(mapping(media)["example"], indent=2, ensure_ascii=False))
    return ""


def _schemas(document: Schema) -> str:
    told = []
    for name, schema in mapping(mapping(document["components"])["schemas"]).items():
        rows = list(rows_of_properties(document, mapping(schema)))
        about = prose(str(mapping(schema).get("description", "")))
        inner = table(("property", "type", ""), rows) if rows else f"<p>{type_text(mapping(schema))}</p>"
        told.append(
            f'<details id="{schema_anchor(name)}"><summary><span class="path">{escape(name)}</span></summary>'
            f"<div>{about}{inner}</div></details>\n"
        )
    return f'<section><h2 id="objects">objects</h2>{"".join(told)}</section>'


def _by_tag(document: Schema) -> dict[str, list[tuple[str, str, Schema]]]:
    """Path, verb and operation of everything, in the order of the tags."""
    found: dict[str, list[tuple[str, str, Schema]]] = {
        str(mapping(tag)["name"]): [] for tag in listed(document["tags"])
    }
    for path, verbs in mapping(document["paths"]).items():
        for verb, operation in mapping(verbs).items():
            for tag in listed(mapping(operation)["tags"]):
                found[str(tag)].append((path, verb, mapping(operation)))
    return found


def _anchor(tag: str) -> str:
    return escape(tag.replace(" ", "-"))

"""Parts of the page: escaped texts, tables, types in words, and examples of calls.

Everything that comes from the document is escaped here. This module must not know the order of the page.
"""

import json
import re
from collections.abc import Iterable, Iterator, Sequence
from html import escape
from urllib.parse import urlencode

from cds.cms_api.answers import AUTHORIZATION
from cds.openapi.json_schemas import Json, Schema
from cds.openapi.reading import listed, mapping, resolved, texts

PLACE = "#/components/schemas/"
JSON_TYPE = "application/json"
PATH_EXAMPLES = {"contest_id": "wf2031", "id": "x1", "filename": "files.zip"}

LIMITS = {
    "minimum": "at least",
    "maximum": "at most",
    "minLength": "characters at least",
    "maxLength": "characters at most",
    "minItems": "items at least",
    "maxItems": "items at most",
    "default": "default",
}
"""The limits of a value, in words."""

FORM_OPTIONS = {"application/x-www-form-urlencoded": "--data-urlencode", "multipart/form-data": "-F"}
"""The option of curl for the fields of a form."""

LOGIN_OPTIONS = {
    "basic": '-u "$LOGIN"',
    "bearer": '-H "Authorization: Bearer $TOKEN"',
    "cms": f'-H "{AUTHORIZATION}: $LOGIN_DATA"',
}
"""The option of curl for each way to log in."""

LINE_CHARACTERS_MAX = 70
"""Longer bodies are written over several lines."""

_CODE = re.compile(r"`([^`]+)`")
_PARAMETER = re.compile(r"\{(\w+)\}")


def inline(text: str) -> str:
    """A text whose `code` is marked."""
    return _CODE.sub(r"<code>\1</code>", escape(text, quote=False))


def prose(text: str) -> str:
    """Paragraphs and lists: lines that begin with `- ` are the items of a list."""
    told = []
    for paragraph in filter(None, text.split("\n\n")):
        lines = paragraph.split("\n")
        if all(line.startswith("- ") for line in lines):
            told.append("<ul>" + "".join(f"<li>{inline(line[2:])}</li>" for line in lines) + "</ul>")
        else:
            told.append(f"<p>{inline(' '.join(lines))}</p>")
    return "".join(told)


def code(text: str) -> str:
    """Lines of code."""
    return f"<pre><code>{escape(text, quote=False)}</code></pre>"


def chips(words: Iterable[str]) -> str:
    """Words, each by itself."""
    return " ".join(f'<span class="role">{escape(word)}</span>' for word in words)


def table(headings: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table of ready HTML."""
    head = "".join(f'<th scope="col">{heading}</th>' for heading in headings)
    body = "".join("<tr>" + "".join(f"<td>{cell}</td>" for cell in row) + "</tr>" for row in rows)
    return f'<div class="scroll"><table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>'


def schema_anchor(name: str) -> str:
    """Where a named schema stands on the page."""
    return f"object-{escape(name)}"


def type_text(schema: Schema) -> str:
    """A type in words."""
    place = schema.get("$ref")
    if isinstance(place, str):
        name = place.removeprefix(PLACE)
        target = f" in {escape(str(schema['x-references']))}" if "x-references" in schema else ""
        return f'<a href="#{schema_anchor(name)}">{escape(name)}</a>{target}'
    for word in ("anyOf", "allOf"):
        if word in schema:
            return _joined(mapping(each) for each in listed(schema[word]))
    if "enum" in schema or "const" in schema:
        values = listed(schema["enum"]) if "enum" in schema else [schema["const"]]
        return " | ".join(f"<code>{escape(json.dumps(value))}</code>" for value in values)
    kinds = schema.get("type")
    names = [kinds] if isinstance(kinds, str) else texts(kinds) if isinstance(kinds, list) else []
    return " or ".join(_kind(name, schema) for name in names)


def rows_of_properties(document: Schema, schema: Schema) -> Iterator[Sequence[str]]:
    """The properties of an object; with a mark where they have to be there."""
    whole = resolved(document, schema)
    required = texts(whole.get("required", []))
    for name, each in mapping(whole.get("properties", {})).items():
        described = mapping(each)
        yield _name(name, required=name in required), type_text(described), _notes(described)


def rows_of_parameters(document: Schema, parameters: Iterable[Json]) -> list[Sequence[str]]:
    """The parameters of an operation."""
    rows: list[Sequence[str]] = []
    for each in parameters:
        told = resolved(document, mapping(each))
        name = _name(str(told["name"]), required=told.get("required") is True)
        kind = type_text(mapping(told["schema"]))
        rows.append((name, escape(str(told["in"])), kind, inline(str(told.get("description", "")))))
    return rows


def curl(path: str, verb: str, operation: Schema) -> str:
    """The operation as a command for a shell."""
    examples = {**PATH_EXAMPLES, **_examples_of(operation)}
    place = _PARAMETER.sub(lambda found: examples[found[1]], path)
    base = "$SERVER" if "servers" in operation else "$BASE"
    words = ["curl"]
    words += _login_words(operation)
    if verb != "get":
        words.append(f"-X {verb.upper()}")
    words.append(f'"{base}{place}{_query_of(operation)}"')
    words += _form_words(operation)
    example = _sent(operation)
    if example is not None:
        written = json.dumps(example, ensure_ascii=False)
        if len(written) > LINE_CHARACTERS_MAX:
            written = json.dumps(example, ensure_ascii=False, indent=2)
        quoted = written.replace("'", "'\\''")
        words.append(f"\\\n  -H 'Content-Type: {JSON_TYPE}' -d '{quoted}'")
    return " ".join(words)


def _login_words(operation: Schema) -> list[str]:
    """How the login is brought where one is needed: by the first way that there is."""
    ways = [name for each in listed(operation["security"]) for name in mapping(each)]
    if {} in listed(operation["security"]) or not ways:
        return []
    return [LOGIN_OPTIONS[ways[0]]]


def _query_of(operation: Schema) -> str:
    """The parameters of the query that have to be there, by their examples."""
    needed = [each for each in _parameters_of(operation) if each.get("in") == "query" and each.get("required") is True]
    asked = urlencode({str(each["name"]): str(each["example"]) for each in needed})
    return f"?{asked}" if asked else ""


def _form_words(operation: Schema) -> list[str]:
    """The fields of a form, urlencoded where that is possible; none for a body that may be JSON."""
    content = mapping(mapping(operation.get("requestBody", {})).get("content", {}))
    for media_type, option in FORM_OPTIONS.items():
        if media_type in content and JSON_TYPE not in content:
            fields = mapping(mapping(content[media_type])["example"])
            return [f"{option} '{name}={value}'" for name, value in fields.items()]
    return []


def _examples_of(operation: Schema) -> dict[str, str]:
    """What stands for the parameters that have an example of their own."""
    return {str(each["name"]): str(each["example"]) for each in _parameters_of(operation) if "example" in each}


def _parameters_of(operation: Schema) -> Iterator[Schema]:
    return map(mapping, listed(operation.get("parameters", [])))


def _sent(operation: Schema) -> Json:
    """The example of the JSON body, None without one."""
    content = mapping(mapping(operation.get("requestBody", {})).get("content", {}))
    if JSON_TYPE not in content:
        return None
    media = mapping(content[JSON_TYPE])
    if "example" in media:
        return media["example"]
    first = next(iter(mapping(media["examples"]).values()))
    return mapping(first)["value"]


def _joined(alternatives: Iterable[Schema]) -> str:
    return " or ".join(filter(None, map(type_text, alternatives)))


def _kind(name: str, schema: Schema) -> str:
    if name == "array" and "items" in schema:
        return f"list of {type_text(mapping(schema['items']))}"
    if name == "array" and "prefixItems" in schema:
        return f"[{', '.join(type_text(mapping(each)) for each in listed(schema['prefixItems']))}]"
    if name == "object" and "properties" in schema:
        inside = (f"{escape(each)}: {type_text(mapping(of))}" for each, of in mapping(schema["properties"]).items())
        return f"{{{', '.join(inside)}}}"
    return escape(name)


def _notes(schema: Schema) -> str:
    notes = [inline(str(schema["description"]))] if "description" in schema else []
    notes += [f"{words} {escape(json.dumps(schema[name]))}" for name, words in LIMITS.items() if name in schema]
    if "format" in schema:
        notes.append(f"a <code>{escape(str(schema['format']))}</code>")
    if "pattern" in schema:
        notes.append(f"matches <code>{escape(str(schema['pattern']))}</code>")
    if "x-seen-by" in schema:
        notes.append(f"seen by {chips(texts(schema['x-seen-by']))}")
    # A description may be sentences; what follows it goes on in the same one.
    return "; ".join([*(note.removesuffix(".") for note in notes[:-1]), *notes[-1:]])


def _name(name: str, *, required: bool) -> str:
    mark = ' <span class="required" title="required">*</span>' if required else ""
    return f"<code>{escape(name)}</code>{mark}"

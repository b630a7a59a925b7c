"""YAML text of others as the same values that JSON gives, every scalar as text.

YAML guesses types: a time becomes a date, the id 45 a number, `5:00:00` the number 18000. So nothing is guessed
here; whoever knows the property converts its text. This module must not know any property.
"""

import msgspec
import yaml

from cds.dialects.json_values import DEPTH_MAX, Element, JsonValue, Unreadable

NODES_MAX = 2_000_000
"""How many values a document may hold when every alias is written out; exploding anchors end here."""

_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_NULLS = frozenset({"", "~", "null", "Null", "NULL"})
_MERGE_KEY = "<<"


class _Open(msgspec.Struct):
    """A sequence or mapping that is being read; `size` counts the values in it, aliases written out."""

    value: JsonValue
    line: int
    anchor: str | None
    key: str | None = None
    size: int = 1


class YamlDocument(msgspec.Struct, frozen=True):
    """The value of a document; `elements` are the members when it is a sequence, with their lines."""

    value: JsonValue
    elements: list[Element]


def decode_yaml(text: bytes) -> YamlDocument:
    """The one document of a YAML text; null where it is empty. Raises Unreadable."""
    reader = _Reader()
    try:
        for event in yaml.parse(text, Loader=_LOADER):
            reader.take(event)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        raise Unreadable(f"is not YAML: {error.problem}", mark.line + 1 if mark else None) from error
    except (yaml.YAMLError, UnicodeDecodeError, ValueError) as error:
        raise Unreadable(f"is not YAML: {error}") from error
    return YamlDocument(reader.value, reader.elements)


class _Reader:
    """Builds the value out of parser events, so that no nesting of the text becomes nesting of calls."""

    def __init__(self) -> None:
        self.value: JsonValue = None
        self.elements: list[Element] = []
        self._open: list[_Open] = []
        self._anchored: dict[str, tuple[JsonValue, int]] = {}
        self._documents = 0

    def take(self, event: yaml.Event) -> None:
        line = event.start_mark.line + 1 if event.start_mark else 1
        if isinstance(event, yaml.DocumentStartEvent):
            self._documents += 1
            if self._documents > 1:
                raise Unreadable("holds more than one YAML document", line)
        elif isinstance(event, yaml.ScalarEvent):
            self._keep(self._scalar(event), line, event.anchor, 1)
        elif isinstance(event, yaml.AliasEvent):
            value, size = self._alias(event.anchor, line)
            self._keep(value, line, None, size)
        elif isinstance(event, yaml.SequenceStartEvent | yaml.MappingStartEvent):
            self._begin(event, line)
        elif isinstance(event, yaml.SequenceEndEvent | yaml.MappingEndEvent):
            done = self._open.pop()
            self._keep(done.value, done.line, done.anchor, done.size)

    def _begin(self, event: yaml.SequenceStartEvent | yaml.MappingStartEvent, line: int) -> None:
        if len(self._open) >= DEPTH_MAX:
            raise Unreadable(f"is nested deeper than {DEPTH_MAX} levels", line)
        if self._open and isinstance(self._open[-1].value, dict) and self._open[-1].key is None:
            raise Unreadable("has a key that is not text", line)
        empty: JsonValue = [] if isinstance(event, yaml.SequenceStartEvent) else {}
        self._open.append(_Open(empty, line, event.anchor))

    def _alias(self, anchor: str | None, line: int) -> tuple[JsonValue, int]:
        if anchor is None or anchor not in self._anchored:
            raise Unreadable(f"has the alias *{anchor} for something that is not complete before it", line)
        return self._anchored[anchor]

    def _scalar(self, event: yaml.ScalarEvent) -> JsonValue:
        text: str = event.value
        plain = event.style is None or event.style == ""
        return None if plain and text in _NULLS else text

    def _keep(self, value: JsonValue, line: int, anchor: str | None, size: int) -> None:
        if anchor is not None:
            self._anchored[anchor] = (value, size)
        if not self._open:
            self.value = value
            return
        parent = self._open[-1]
        parent.size += size
        if parent.size > NODES_MAX:
            raise Unreadable(f"comes to more than {NODES_MAX} values when its aliases are written out", line)
        if isinstance(parent.value, list):
            parent.value.append(value)
            if len(self._open) == 1:
                self.elements.append(Element(line, value))
        elif isinstance(parent.value, dict):
            self._keep_in_mapping(parent, parent.value, value, line)

    def _keep_in_mapping(self, parent: _Open, mapping: dict[str, JsonValue], value: JsonValue, line: int) -> None:
        if parent.key is not None:
            mapping[parent.key] = value
            parent.key = None
            return
        if not isinstance(value, str):
            raise Unreadable("has a key that is not text", line)
        if value == _MERGE_KEY:
            raise Unreadable("has a merge key (<<), which contest packages do not use", line)
        if value in mapping:
            raise Unreadable(f"has the key {value!r} twice in one mapping", line)
        parent.key = value

"""One mapping of an Italian-format file, read key by key, in English or Italian.

Every value comes as text (`yaml_values`), so that nothing is guessed before it is known what it ought to be. Whoever
has read all the keys that they know asks for `pass_over`, and the keys that nobody asked for become warnings.
This module knows how keys are read; it must not know any of them.
"""

import math
from collections.abc import Iterable

from cds.dialects.json_values import JsonObject, JsonValue
from cds.dialects.results import Notices, Place, SourceRefused, quoted, refusal
from schemas.properties import NUMBER_MAX

_YES = frozenset({"true", "yes", "on", "1"})
_NO = frozenset({"false", "no", "off", "0"})

KEYS_OF_TOKENS = ("token_",)
"""How the keys begin that say how tokens are earned and spent."""

USER_TEST_KEYS = ("max_user_test_number", "min_user_test_interval")


class Sheet:
    """The keys of a mapping; `type_name` and `identifier` say in warnings what it describes.

    Where several names are given for one thing, the first that is there counts.
    """

    def __init__(self, values: JsonObject, place: Place, notices: Notices, type_name: str, identifier: str) -> None:
        self._values = values
        self._place = place
        self._notices = notices
        self._subject = (type_name, identifier)
        self._asked: set[str] = set()

    def value(self, *names: str) -> JsonValue:
        """What stands under the first of these names that says anything, None where none does."""
        self._asked.update(names)
        said = [name for name in names if self._values.get(name) is not None]
        for name in said[1:]:
            if self._values[name] != self._values[said[0]]:
                self.warn(name, f"is not read: {said[0]} is there too")
        return self._values[said[0]] if said else None

    def has(self, *names: str) -> bool:
        """Whether any of these names says anything."""
        return any(self._values.get(name) is not None for name in names)

    def text(self, *names: str) -> str | None:
        """A text; None where there is none, or an empty one."""
        value = self.value(*names)
        if value is None or isinstance(value, str):
            return value.strip() or None if value else None
        self._left_out(names, "is not text", value)
        return None

    def whole(self, *names: str, minimum: int = 0, maximum: int = NUMBER_MAX) -> int | None:
        """A whole number from the minimum to the maximum."""
        number = self.number(*names)
        if number is None:
            return None
        if not float(number).is_integer() or not minimum <= number <= maximum:
            span = f"from {minimum} on" if maximum == NUMBER_MAX else f"from {minimum} to {maximum}"
            self._left_out(names, f"is not a whole number {span}", self.value(*names))
            return None
        return int(number)

    def number(self, *names: str) -> int | float | None:
        """A number that is not negative, as a whole one where it is."""
        value = self.value(*names)
        if value is None or value == "":
            return None
        number = number_of(value)
        if number is None or number < 0:
            self._left_out(names, "is not a number from 0 on", value)
            return None
        return number

    def flag(self, *names: str) -> bool | None:
        """Yes or no, in any of their spellings."""
        value = self.value(*names)
        if value is None or value == "":
            return None
        word = value.strip().lower() if isinstance(value, str) else ""
        if word not in _YES | _NO:
            self._left_out(names, "is neither true nor false", value)
            return None
        return word in _YES

    def texts(self, *names: str) -> list[str] | None:
        """A list of texts without repetitions; a single text is a list of one."""
        value = self.value(*names)
        if value is None:
            return None
        members = value if isinstance(value, list) else [value]
        texts = [member for member in members if isinstance(member, str) and member]
        if len(texts) != len(members):
            self._left_out(names, "is not a list of texts", value)
            return None
        distinct = list(dict.fromkeys(texts))
        if len(distinct) != len(texts):
            self.warn(self._said(names), "names something twice, kept once")
        return distinct

    def mappings(self, *names: str) -> list[JsonObject]:
        """A list of mappings, empty where there is none. Raises SourceRefused for anything else."""
        value = self.value(*names)
        mappings = [member for member in value if isinstance(member, dict)] if isinstance(value, list) else []
        if value is not None and (not isinstance(value, list) or len(mappings) != len(value)):
            raise self.refused(self._said(names), f"is not a list of mappings: {quoted(value)}")
        return mappings

    def pass_over(self, silently: Iterable[str] = ()) -> None:
        """Say of every key that nobody asked for that it is left out, but of those that are `silently`."""
        rest = [name for name in self._values if name not in self._asked and name not in set(silently)]
        tokens = [name for name in rest if name.startswith(KEYS_OF_TOKENS)]
        if self._values.get("token_mode") == "disabled":
            rest = [name for name in rest if name not in tokens]
        elif tokens:
            self.warn("token_mode", f"there are no tokens here, every result counts: {', '.join(tokens)} left out")
        user_tests = [name for name in rest if name in USER_TEST_KEYS and self._values[name] is not None]
        if user_tests:
            self.warn(user_tests[0], f"there are no user tests here: {', '.join(user_tests)} left out")
        for name in rest:
            if name not in tokens and name not in USER_TEST_KEYS:
                self.warn(name, "is not known here, left out")

    def warn(self, name: str, message: str) -> None:
        """Report something odd about a key."""
        self._notices.warn(self._place, *self._subject, name, message)

    def refused(self, name: str, message: str) -> SourceRefused:
        """The refusal of the source for what stands under a key."""
        type_name, identifier = self._subject
        return refusal(self._place, message, type_name=type_name, identifier=identifier, property_name=name)

    def _left_out(self, names: tuple[str, ...], message: str, value: JsonValue) -> None:
        self.warn(self._said(names), f"{message} but {quoted(value)}, left out")

    def _said(self, names: tuple[str, ...]) -> str:
        return next((name for name in names if self._values.get(name) is not None), names[0])


def number_of(value: JsonValue) -> int | float | None:
    """The number that a text is, whole where it can be; None where it is none."""
    if not isinstance(value, str | int | float) or isinstance(value, bool):
        return None
    try:
        number = float(value)
    except ValueError:
        return None
    if not math.isfinite(number) or abs(number) > NUMBER_MAX:
        return None
    return int(number) if number.is_integer() else number

"""What a row of the table of requests to the League of Code API is: what is asked in which situation, and what comes.

This module must not know any endpoint.
"""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import msgspec

from tests.acceptance.league import League, Player, Reply


class Asked(msgspec.Struct, frozen=True):
    """What is asked: the arguments, with the token of whoever asks; and the data that has to come, UNSET: any.

    `listed`: what has to stand on one of the pages of a list that others are on, too.
    """

    arguments: Mapping[str, object]
    data: Any = msgspec.UNSET
    listed: Any = msgspec.UNSET

    @property
    def told(self) -> bool:
        """Whether it is known what has to come."""
        return self.data is not msgspec.UNSET or self.listed is not msgspec.UNSET


Situation = Callable[[League], Awaitable[Asked]]


class Case(msgspec.Struct, frozen=True):
    """A request in a situation. `refusal`: the whole body of a refusal, None where the request succeeds."""

    number: int
    code: int
    situation: Situation
    refusal: Mapping[str, object] | None

    @property
    def name(self) -> str:
        """How the case is called in reports."""
        return f"{self.number:02}-{self.code}-{self.situation.__name__}"


class Cases:
    """The cases of some endpoints, in the order in which they were written down."""

    def __init__(self) -> None:
        """None yet."""
        self.all: list[Case] = []

    def succeeds(self, number: int, code: int = 200) -> Callable[[Situation], Situation]:
        """A request that succeeds."""
        return self._add(number, code, None)

    def fails(self, number: int, code: int, data: Mapping[str, str] | str) -> Callable[[Situation], Situation]:
        """A request in which something is wrong: `data` says what."""
        return self._add(number, code, {"status": "fail", "data": data})

    def errs(self, number: int, code: int, message: str) -> Callable[[Situation], Situation]:
        """A request that comes to nothing for another reason."""
        return self._add(number, code, {"status": "error", "message": message})

    def _add(self, number: int, code: int, refusal: Mapping[str, object] | None) -> Callable[[Situation], Situation]:
        def add(situation: Situation) -> Situation:
            self.all.append(Case(number, code, situation, refusal))
            return situation

        return add


def asks(player: Player | str, /, data: Any = msgspec.UNSET, **arguments: object) -> Asked:
    """What a player, or the holder of a token, asks; arguments with `_` for `-`."""
    token = player if isinstance(player, str) else player.token
    return Asked({"token": token, **_hyphened(arguments)}, data)


def lists(asked: Asked, member: object) -> Asked:
    """The same, where `member` has to be on one of the pages."""
    return msgspec.structs.replace(asked, listed=member)


def anybody_asks(data: Any = msgspec.UNSET, **arguments: object) -> Asked:
    """What is asked without a token; arguments with `_` for `-`."""
    return Asked(_hyphened(arguments), data)


def same_form(found: object, example: object) -> bool:
    """Whether an answer is of the form of an example: the same names, and values of the same kinds.

    Of lists the first members are compared, which have to be there; a text is a text, whatever it says.
    """
    if isinstance(example, dict):
        return (
            isinstance(found, dict)
            and found.keys() == example.keys()
            and all(same_form(found[name], example[name]) for name in example)
        )
    if isinstance(example, list):
        return isinstance(found, list) and (not example or (bool(found) and same_form(found[0], example[0])))
    return type(found) is type(example)


def shown(reply: Reply) -> str:
    """A reply for people."""
    return f"{reply.status} {reply.json}"


def _hyphened(arguments: Mapping[str, object]) -> dict[str, object]:
    return {name.replace("_", "-"): value for name, value in arguments.items()}

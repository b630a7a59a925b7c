"""A dictionary whose values are made when they are asked for."""

from functools import partial

import pytest

from projections.later import Later


def test_values_are_made_once_when_they_are_asked_for() -> None:
    made: list[str] = []

    def maker(name: str) -> str:
        made.append(name)
        return name.upper()

    later = Later({name: partial(maker, name) for name in ("a", "b")})
    assert (len(later), list(later), "a" in later, made) == (2, ["a", "b"], True, [])
    assert (later["b"], later["b"], later.get("c")) == ("B", "B", None)
    assert made == ["b"]
    assert list(later.items()) == [("a", "A"), ("b", "B")]
    assert made == ["b", "a"]


def test_what_a_maker_raises_is_raised_at_every_look() -> None:
    """The reason, not that there is no such name; the maker is called no second time, for it may be half through."""
    calls: list[str] = []

    def maker() -> str:
        calls.append("called")
        raise ValueError("the reason")

    later = Later({"a": maker, "b": lambda: "B"})
    for _ in range(2):
        with pytest.raises(ValueError, match="the reason"):
            later["a"]
        with pytest.raises(ValueError, match="the reason"):
            later.values()
    assert calls == ["called"]
    assert later["b"] == "B"
    with pytest.raises(KeyError):
        later["c"]

"""What is kept of pasts: as many values as may be of each kind, and all together no heavier than there is room."""

import msgspec

from cds.past.kept import Kept, Parts, Room


class Held(msgspec.Struct, eq=False):
    """A value that rests on another, or on none."""

    size: int
    below: "Held | None" = None

    def parts(self) -> Parts:
        yield self, self.size
        if self.below is not None:
            yield from self.below.parts()


def test_the_value_used_longest_ago_goes() -> None:
    kept = Kept[Held](2)
    for name in ("a", "b"):
        kept.keep(name, Held(1))
    assert kept.get("a")
    kept.keep("c", Held(1))
    assert (kept.get("b"), len(kept)) == (None, 2)


def test_kinds_share_a_room_and_what_they_share_counts_once() -> None:
    room = Room(100)
    states, views = Kept[Held](9, room, Held.parts), Kept[Held](9, room, Held.parts)
    below = states.keep("below", Held(60))
    views.keep("one", Held(10, below))
    views.keep("other", Held(10, below))
    assert room.bytes == 80
    assert views.get("one")
    states.keep("more", Held(25))
    assert (states.get("below"), views.get("other"), room.bytes) == (None, None, 95)
    assert views.get("one")


def test_what_the_latest_rests_on_stays_however_heavy() -> None:
    """Or it would have to be made again for the next moment."""
    room = Room(100)
    states = Kept[Held](9, room, Held.parts)
    states.keep("other", Held(50))
    below = states.keep("below", Held(500))
    states.keep("above", Held(1, below))
    assert (states.get("other"), states.get("below"), room.bytes) == (None, below, 501)


def test_what_has_grown_is_weighed_again() -> None:
    room = Room(100)
    kept = Kept[Held](9, room, Held.parts)
    kept.keep("old", Held(50))
    growing = kept.keep("growing", Held(10))
    growing.size = 90
    kept.keep("growing", growing)
    assert (len(kept), room.bytes) == (1, 90)


def test_a_number_that_is_reached_makes_room() -> None:
    room = Room(100)
    kept = Kept[Held](1, room, Held.parts)
    kept.keep("one", Held(40))
    kept.keep("other", Held(50))
    assert (len(kept), room.bytes) == (1, 50)

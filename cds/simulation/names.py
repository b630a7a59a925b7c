"""Invented names: of institutions, places, persons, teams and problems, built from syllables and plain words.

Nothing here names a real institution or person. This module must not know which object gets which name.
"""

from collections.abc import Callable

from cds.simulation.chance import Chance

PLAIN_TRIES = 40
"""Draws of an unused name before a number is added to it."""

TRIES_MAX = 10_000
"""Draws before a simulation gives up."""

_ONSETS = (
    "b",
    "br",
    "d",
    "dr",
    "f",
    "g",
    "gl",
    "h",
    "k",
    "kr",
    "l",
    "m",
    "n",
    "p",
    "qu",
    "r",
    "s",
    "st",
    "t",
    "v",
    "z",
)
_VOWELS = ("a", "e", "i", "o", "u", "ae", "ia", "ou")
_CODAS = ("", "", "l", "m", "n", "nd", "r", "rn", "s", "th", "x")
_PLACE_ENDINGS = (
    "dorune",
    "feldra",
    "gardica",
    "lomera",
    "monvia",
    "nauriel",
    "ovessa",
    "rademi",
    "strovia",
    "velkora",
)
_GIVEN_ENDINGS = ("adrel", "anvo", "elisk", "enu", "iavel", "inor", "isu", "omire", "raxo", "ushor")
_FAMILY_ENDINGS = (
    "ackvar",
    "arovel",
    "ellimo",
    "endrusk",
    "ersamo",
    "idorin",
    "inovar",
    "quistor",
    "umandel",
    "wendari",
)

_INSTITUTIONS: tuple[tuple[str, str], ...] = (
    ("U {}", "University of {}"),
    ("{} Tech", "{} Institute of Technology"),
    ("{} State", "{} State University"),
    ("{} Poly", "{} Polytechnic"),
    ("{} College", "{} College"),
)

_QUALITIES = (
    "Amber", "Bold", "Brave", "Calm", "Clever", "Crimson", "Curious", "Dizzy", "Eager", "Electric", "Fuzzy", "Gentle",
    "Golden", "Greedy", "Hidden", "Humble", "Infinite", "Jolly", "Lazy", "Lucky", "Mellow", "Mighty", "Nimble", "Noisy",
    "Patient", "Polite", "Prime", "Proud", "Quiet", "Random", "Rapid", "Rusty", "Shiny", "Silent", "Sleepy", "Sneaky",
    "Stable", "Stubborn", "Swift", "Tidy", "Tiny", "Velvet", "Wandering", "Wild",
)  # fmt: skip
_CREATURES = (
    "Alpacas", "Badgers", "Beavers", "Bisons", "Capybaras", "Cranes", "Dolphins", "Falcons", "Ferrets", "Foxes",
    "Geckos", "Hedgehogs", "Herons", "Ibexes", "Jackdaws", "Koalas", "Lemurs", "Llamas", "Lynxes", "Magpies", "Marmots",
    "Moles", "Newts",
    "Otters", "Owls", "Pandas", "Pelicans", "Puffins", "Quokkas", "Ravens", "Salmons", "Seals", "Sparrows",
    "Squids", "Stoats", "Storks", "Tapirs", "Toads", "Turtles", "Voles", "Walruses", "Weasels", "Wombats", "Yaks",
)  # fmt: skip
_THINGS = (
    "Anchor", "Balloon", "Bridge", "Carousel", "Castle", "Clock", "Compass", "Domino", "Elevator", "Engine", "Ferry",
    "Fountain", "Garden", "Harbour", "Island", "Juggler", "Kite", "Labyrinth", "Ladder", "Lantern", "Library",
    "Lighthouse", "Market", "Mirror", "Mountain", "Orchard", "Palace", "Parade", "Pendulum", "Puzzle", "Quarry",
    "Railway", "River", "Sandwich", "Staircase", "Telescope", "Theatre", "Tunnel", "Umbrella", "Valley", "Village",
    "Volcano", "Windmill", "Zipper",
)  # fmt: skip


class Names:
    """Draws names, each kind without repetition as far as the words reach; then they are numbered."""

    def __init__(self, chance: Chance) -> None:
        """`chance` is used up by what is drawn, in the order of drawing."""
        self._chance = chance
        self._taken: set[str] = set()

    def place(self) -> str:
        """The name of a town that does not exist."""
        return self._unused("place", self._town)

    def institution(self, place: str) -> tuple[str, str]:
        """The short and the formal name of an institution in a town."""
        short, formal = self._chance.one_of(_INSTITUTIONS)
        return short.format(place), formal.format(place)

    def person(self) -> tuple[str, str]:
        """A given name and a family name; two persons may share both, as persons do."""
        given = (self._syllable() + self._chance.one_of(_GIVEN_ENDINGS)).capitalize()
        family = (self._syllable() + self._chance.one_of(_FAMILY_ENDINGS)).capitalize()
        return given, family

    def team(self) -> str:
        """The name that a team gave itself."""
        return self._unused("team", lambda: f"{self._chance.one_of(_QUALITIES)} {self._chance.one_of(_CREATURES)}")

    def problem(self) -> str:
        """The title of a problem."""
        return self._unused("problem", lambda: f"{self._chance.one_of(_QUALITIES)} {self._chance.one_of(_THINGS)}")

    def _town(self) -> str:
        return (self._syllable() + self._chance.one_of(_PLACE_ENDINGS)).capitalize()

    def _syllable(self) -> str:
        chance = self._chance
        return chance.one_of(_ONSETS) + chance.one_of(_VOWELS) + chance.one_of(_CODAS)

    def _unused(self, kind: str, draw: Callable[[], str]) -> str:
        for attempt in range(1, TRIES_MAX):
            # Small contests never get here twice; large ones run out of words and count on.
            number = "" if attempt <= PLAIN_TRIES else f" {attempt - PLAIN_TRIES + 1}"
            name = draw() + number
            if f"{kind}/{name}" not in self._taken:
                self._taken.add(f"{kind}/{name}")
                return name
        raise ValueError(f"no {kind} name is left after {TRIES_MAX} tries")


def slug(name: str) -> str:
    """A name as an identifier: small letters and digits, words joined by `-`."""
    words = "".join(letter if letter.isalnum() else " " for letter in name.lower()).split()
    return "-".join(words)


def letters_of(ordinal: int) -> str:
    """A, B, … Z, AA, AB, … for 0, 1, …: labels of problems, rows of seats."""
    letters = ""
    rest = ordinal + 1
    while rest:
        rest, letter = divmod(rest - 1, 26)
        letters = chr(ord("A") + letter) + letters
    return letters

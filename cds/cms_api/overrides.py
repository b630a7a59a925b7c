"""The four rules that who acts for a participant may set aside, as requests say it (CMS ContestWebServer API, 3.3).

Pure. This module must not know who may do so.
"""

from collections.abc import Mapping

from cds.commands.write import Overrides

PHASE = "override_phase_check"
OFFICIAL = "override_official"
MAX_NUMBER = "override_max_number"
MIN_INTERVAL = "override_min_interval"

YES = "1"
NO = frozenset({"0", ""})


class NotBoolean(ValueError):
    """An argument that must say yes or no says something else."""

    def __init__(self, name: str) -> None:
        """`name` is that of the argument."""
        super().__init__(f"Cannot parse boolean argument {name}")
        self.name = name


def overrides_of(arguments: Mapping[str, str]) -> Overrides:
    """What the arguments of a request set aside; of those that it does not have nothing is said. Raises NotBoolean."""
    said = {name: _yes_or_no(arguments, name) for name in (PHASE, OFFICIAL, MAX_NUMBER, MIN_INTERVAL)}
    return Overrides(
        phase=said[PHASE],
        official=said[OFFICIAL],
        max_number=said[MAX_NUMBER] is True,
        min_interval=said[MIN_INTERVAL] is True,
    )


def _yes_or_no(arguments: Mapping[str, str], name: str) -> bool | None:
    value = arguments.get(name)
    if value is None:
        return None
    if value != YES and value not in NO:
        raise NotBoolean(name)
    return value == YES

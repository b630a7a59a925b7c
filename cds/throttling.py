"""How failed logins are slowed: who has to wait how long before another password is looked at.

Two counts are kept, or three, and all have to let an attempt pass:

- of one account name from one address: after a few failures each costs a wait, twice as long as the last one. The
  address belongs to it, so that nobody can lock somebody else out from elsewhere.
- of one address, whatever the name: far more is free and the waits stay short, for a whole contest may sit behind one
  address, and one bad client there must not keep the others out.
- of one account name, whatever the address, where people choose passwords themselves and nothing hangs on a minute
  (users of the platform, not accounts of contests). It binds addresses that have failed for that name: so whoever has
  many has one guess from each and then takes turns with the rest, and whoever comes from a new one is let in.

An attempt is counted when it begins and taken back when it does not fail, so that many at once are counted too. What is
not a guess (credentials that were right before, the very same wrong ones again) is not brought here at all. This module
knows counts and moments that it is given; it must not know passwords, clocks, nor any wire.
"""

from collections import OrderedDict

import msgspec

FREE_FAILURES = 5
"""Wrong passwords for one account from one address before the first wait."""

WAIT_S_MAX = 30.0

ADDRESS_FREE_FAILURES = 500
"""Wrong passwords from one address before the first wait. More than a contest has first logins under way at once."""

ADDRESS_WAIT_S_MAX = 2.0
"""An address that guesses on and on gets half a guess a second; whoever else sits behind it takes turns with it."""

ACCOUNT_FREE_FAILURES = 50
"""Wrong passwords for one account from anywhere before the first wait."""

ACCOUNT_WAIT_S_MAX = 4.0
"""So long at most: the one whose account it is may sit behind one of these addresses."""

FIRST_WAIT_S = 1.0
FORGOTTEN_AFTER_S = 900.0
"""Without a failure for so long, all is forgotten."""

ENTRIES_MAX = 32_768
"""Accounts and addresses that are counted. Of more, those that failed longest ago are forgotten early."""

DOUBLINGS_MAX = 16

OF_EVERY_ADDRESS = 2
"""The counts that bind also an address that has never failed for the account: those that name the address."""

Key = tuple[str, str]
"""An account and an address; empty stands for any."""


class Failures(msgspec.Struct):
    """How often something failed, and when it did so last, in seconds of whatever clock the caller has."""

    count: int
    last_s: float


class Throttle:
    """The failures of accounts and addresses."""

    def __init__(self, *, entries_max: int = ENTRIES_MAX) -> None:
        """Nobody has failed yet."""
        self._entries_max = entries_max
        self._failures: OrderedDict[Key, Failures] = OrderedDict()

    def __len__(self) -> int:
        """How many accounts and addresses are counted."""
        return len(self._failures)

    def attempt(self, account: str, address: str, now_s: float, *, anywhere: bool = False) -> float:
        """Seconds to wait before an account may be tried from an address; 0: it may, and is counted as a failure.

        `anywhere`: the failures of the account from all addresses count too. An attempt that has to wait is not
        counted, so waiting always comes to an end.
        """
        counts = _counts(account, address, anywhere=anywhere)
        binding = counts if (account, address) in self._failures else counts[:OF_EVERY_ADDRESS]
        wait_s = max(self._wait_s(key, now_s, free, wait_s_max) for key, free, wait_s_max in binding)
        if wait_s <= 0:
            for key, _, _ in counts:
                self._count(key, now_s)
        return wait_s

    def withdraw(self, account: str, address: str, *, anywhere: bool = False) -> None:
        """Take back the count of an attempt that came to nothing, or to a login."""
        for key, _, _ in _counts(account, address, anywhere=anywhere):
            failures = self._failures.get(key)
            if failures is not None and failures.count > 1:
                failures.count -= 1
            elif failures is not None:
                del self._failures[key]

    def forgive(self, account: str, address: str) -> None:
        """Forget the failures of an account from an address: its password was right.

        Those of the address stay, or an attacker could wipe them with an account of their own.
        """
        self._failures.pop((account, address), None)

    def _wait_s(self, key: Key, now_s: float, free: int, wait_s_max: float) -> float:
        failures = self._failures.get(key)
        if failures is None or failures.count < free:
            return 0.0
        if now_s - failures.last_s >= FORGOTTEN_AFTER_S:
            del self._failures[key]
            return 0.0
        pause_s = min(wait_s_max, FIRST_WAIT_S * 2.0 ** min(failures.count - free, DOUBLINGS_MAX))
        return max(0.0, failures.last_s + pause_s - now_s)

    def _count(self, key: Key, now_s: float) -> None:
        failures = self._failures.get(key)
        if failures is None or now_s - failures.last_s >= FORGOTTEN_AFTER_S:
            self._failures[key] = Failures(1, now_s)
        else:
            failures.count += 1
            failures.last_s = now_s
        self._failures.move_to_end(key)
        while len(self._failures) > self._entries_max:
            self._failures.popitem(last=False)


def _counts(account: str, address: str, *, anywhere: bool) -> list[tuple[Key, int, float]]:
    """What an attempt is counted under, how many failures are free there, and the longest wait in seconds."""
    counts: list[tuple[Key, int, float]] = [
        ((account, address), FREE_FAILURES, WAIT_S_MAX),
        (("", address), ADDRESS_FREE_FAILURES, ADDRESS_WAIT_S_MAX),
    ]
    return [*counts, ((account, ""), ACCOUNT_FREE_FAILURES, ACCOUNT_WAIT_S_MAX)] if anywhere else counts

"""How many runs of the sync one account may ask for in an hour (requirements-000, 1.10).

Knows accounts and moments that it is given; it must not know any clock, nor any wire.
"""

from collections import OrderedDict, deque

REQUESTS_MAX = 100
WINDOW_S = 3_600.0
"""So many in so many seconds, as the contract says."""

ACCOUNTS_MAX = 4_096
"""Accounts that are counted. Of more, those that asked longest ago are forgotten early."""


class RequestBudget:
    """The requests of each account in the last hour, as this process has seen them."""

    def __init__(self, *, requests_max: int = REQUESTS_MAX, window_s: float = WINDOW_S) -> None:
        """Nobody has asked yet."""
        self._requests_max = requests_max
        self._window_s = window_s
        self._asked_s: OrderedDict[str, deque[float]] = OrderedDict()

    def __len__(self) -> int:
        """How many accounts are counted."""
        return len(self._asked_s)

    def take(self, account: str, now_s: float) -> float:
        """Seconds until the account may ask again; 0: it may now, and is counted."""
        asked_s = self._asked_s.setdefault(account, deque())
        self._asked_s.move_to_end(account)
        while len(self._asked_s) > ACCOUNTS_MAX:
            self._asked_s.popitem(last=False)
        while asked_s and asked_s[0] + self._window_s <= now_s:
            asked_s.popleft()
        if len(asked_s) >= self._requests_max:
            return asked_s[0] + self._window_s - now_s
        asked_s.append(now_s)
        return 0.0

    def give_back(self, account: str) -> None:
        """The last request of an account came to nothing, and does not count."""
        asked_s = self._asked_s.get(account)
        if asked_s:
            asked_s.pop()

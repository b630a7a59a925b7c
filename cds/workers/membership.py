"""What a worker has from the group that it is one of, and how it is handed over.

This module must not know who starts the workers, nor what they serve.
"""

from collections.abc import Sequence

import msgspec

from cds.configuration import Configuration
from cds.operations.listening import BACKLOG, ListeningSocket, bound
from cds.workers.marks import SharedMarks

ACCEPTED_AT_ONCE = 1
"""Connections that one worker accepts in a turn of its loop: a rush is spread over all, by how busy each of them is."""


READY = "ready"
REFUSED = "refused "
REPLACED = "replaced "
"""What a worker says to its supervisor on standard output, each on a line; a reason follows the last two.

The third: the database has come to hold another log.
"""

LENGTH_BYTES = 8
"""The number before the orders on a worker's standard input."""


class Orders(msgspec.Struct, frozen=True, kw_only=True):
    """What the supervisor tells a worker: plain values, and the numbers of descriptors that it inherits.

    `starts` is how often the worker of this `number` has been started before.
    """

    configuration: Configuration
    number: int
    workers: int
    starts: int
    supervisor_pid: int
    presence_number: int
    marks_descriptor: int
    listening_descriptors: tuple[int, ...]


class SharedSocket(ListeningSocket):
    """A listening socket that a whole group accepts from."""

    def listen(self, _backlog: int = BACKLOG) -> None:
        """Listen, with the group's backlog: the loop takes the number it is given also for how many it accepts."""
        super().listen(BACKLOG)


class Membership:
    """One worker's part in its group."""

    def __init__(self, marks: SharedMarks, presence_number: int, sockets: Sequence[SharedSocket]) -> None:
        """`sockets` listen already; none when the member listens on a port of its own."""
        self.marks = marks
        self.presence_number = presence_number
        self.sockets = sockets


def membership(orders: Orders) -> Membership:
    """The part that orders assign."""
    marks = SharedMarks(orders.marks_descriptor, workers=orders.workers, own=orders.number)
    sockets = [SharedSocket(fileno=descriptor) for descriptor in orders.listening_descriptors]
    for shared in sockets:
        shared.settimeout(0)
    return Membership(marks, orders.presence_number, sockets)


async def accepting(group: Membership | None, host: str, port: int) -> tuple[Sequence[ListeningSocket], int]:
    """The sockets that a server accepts clients from, those of its group or its own, and how many at once.

    Raises OSError for an address in use.
    """
    if group is not None and group.sockets:
        return group.sockets, ACCEPTED_AT_ONCE
    return await bound(host, port), BACKLOG

"""The numbers with which the model reckons: what was measured, as it stands in docs/capacity.json.

This module must not know how anything is measured, nor what follows from it.
"""

from pathlib import Path

import msgspec

from tests.benchmarks.processes import PROJECT

NUMBERS = PROJECT / "docs" / "capacity.json"


class MeasuredOn(msgspec.Struct, frozen=True, kw_only=True):
    """Where and how the costs were measured. `kind`: which server (`core` or `edge`)."""

    day: str
    processor: str
    cores: int
    python: str
    kind: str
    clients: int
    load_average: float
    """Of the machine when measuring began, where what was there before still counts; above 1 others were at work."""


class UnitCosts(msgspec.Struct, frozen=True, kw_only=True):
    """What one of each thing costs one server process. `_us` is time on a processor, in the kernel too."""

    feed_send_us: float
    """One line sent to one live client of the feed."""
    feed_send_tls_us: float
    """The same over TLS."""
    board_send_us: float
    """One event of the scoreboard stream to one who follows it."""
    board_send_tls_us: float
    """The same over TLS."""
    kib_us: float
    """Each further KiB of what is sent."""
    kib_tls_us: float
    """The same over TLS."""
    feed_idle_us: float
    """A feed client who gets nothing, in each second."""
    board_idle_us: float
    """The same of who follows a scoreboard."""
    feed_kib: float
    """Resident memory of a feed client."""
    feed_tls_kib: float
    """The same over TLS."""
    board_kib: float
    """Resident memory of who follows a scoreboard."""
    board_tls_kib: float
    """The same over TLS."""
    connection_kib: float
    """Resident memory of a connection that waits for its next request."""
    connection_tls_kib: float
    """The same over TLS."""
    connection_us: float
    """A new connection with one small request."""
    handshake_us: float
    """How much more that is over TLS."""
    feed_start_us: float
    """A new connection that resumes a feed at its end."""
    board_start_us: float
    """A new connection that goes on with a scoreboard which it has."""
    unchanged_us: float
    """A request whose answer has not changed (304)."""
    answer_us: float
    """A request that brings some kilobytes."""
    page_requests: int
    """What the page of a scoreboard asks for until it is live, without logos."""
    page_bytes: int
    """Bytes of the answers, compressed, with their heads."""
    page_us: float
    """Processor time of the answers."""
    logo_bytes: int
    """The mean of the logos at 56x56, with the head of the answer."""
    line_us: float
    """A change of the contest to a process with one reader of the board, whatever it does with it."""
    viewer_us: float
    """The core: an edge asks who somebody is, with a password that is remembered."""
    password_us: float
    """The core: a password that has to be hashed."""
    write_us: float
    """The core: a write that changes the board: decision, commit, fold, answer."""
    server_mib: float
    """The process with one contest, without readers."""
    nats_publish_us: float
    """The nats-server: one message into a stream on disk."""
    nats_deliver_us: float
    """The nats-server: its delivery to one consumer."""
    nats_publisher_us: float
    """The process that publishes it."""
    nats_consumer_us: float
    """The process that gets it."""


class RecordedLoad(msgspec.Struct, frozen=True, kw_only=True):
    """What a recorded World Finals comes to: rates are per second. `peak_` is of its busiest minute."""

    contest: str
    """Which recorded contest."""
    teams: int
    """Teams of it."""
    hours: float
    """Its length."""
    submissions: int
    """All of them."""
    verdicts: int
    """Those that the public was told before the freeze."""
    thawed_verdicts: int
    """Those of the freeze, told all at once."""
    peak_verdicts_s: float
    """Verdicts in a second of the minute that has most of them."""
    lines_s: float
    """Lines of the public feed in a second, without runs."""
    peak_lines_s: float
    """The same in the minute that has most of them."""
    line_bytes: float
    """The mean of these lines."""
    line_gzip_bytes: float
    """A line that is compressed for itself, as a live line is."""
    history_bytes: int
    """The public feed from its beginning."""
    history_gzip_bytes: int
    """The same, compressed."""
    boards_s: float
    """Events of the public scoreboard stream in a second."""
    peak_boards_s: float
    """The same in the minute that has most of them."""
    board_event_bytes: float
    """The mean of such an event."""
    peak_board_event_bytes: float
    """The same in that minute."""
    board_bytes: int
    """The whole board at the end."""
    board_us: float
    """Processor time of making a board, and what changed in it."""
    run_line_bytes: float
    """The mean of a line about a run, in a recorded feed that has them."""


class Numbers(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that is read from docs/capacity.json."""

    measured_on: MeasuredOn
    costs: UnitCosts
    load: RecordedLoad


def read_numbers(path: Path = NUMBERS) -> Numbers:
    """The numbers of a file. Raises OSError and msgspec.DecodeError."""
    return msgspec.json.decode(path.read_bytes(), type=Numbers, strict=False)


def write_numbers(numbers: Numbers, path: Path = NUMBERS) -> None:
    """Keep the numbers, three digits of each, in a form in which a difference can be read."""
    plain = _rounded(msgspec.to_builtins(numbers))
    path.write_bytes(msgspec.json.format(msgspec.json.encode(plain), indent=2) + b"\n")


def _rounded(value: object) -> object:
    if isinstance(value, dict):
        return {name: _rounded(each) for name, each in value.items()}
    return float(f"{value:.3g}") if isinstance(value, float) else value

"""What is assumed of viewers, of the contest and of machines: everything in the model that is not measured.

Each may be changed on the command line (`--assume page_share=0.5`). This module must not know what follows.
"""

from collections.abc import Iterable

import msgspec

from cds.edge.limits import VIEWER_KEPT_S
from cds.fan_out.limits import BOARD_BEAT_S, BOARDS_OF_CONTEST_MAX, CLIENTS_OF_CONTEST_MAX, TICK_S
from cds.password_checking import REMEMBERED_MAX, REMEMBERED_S
from cds.relay.limits import UNFOLLOWED_GOOD_S


class Assumptions(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One installation, and the hour for which it is made. Shares of viewers add up to 1."""

    page_share: float = 0.96
    """Viewers with the page of the scoreboard, which follows the stream of the board."""
    feed_share: float = 0.03
    """Programs that read the public event feed."""
    login_share: float = 0.01
    """Programs that read a feed under an account."""

    busier: float = 1.2
    """How much more happens than in the recorded contest: 140 teams beside 117."""
    runs_per_judgement: float = 60
    """Test cases of a verdict, each a line of the feed; the recorded contest has none."""
    commits_s_max: float = 2_000
    """Writes of a second that Postgres takes (README: 2,100 POST/s)."""

    tick_s: float = TICK_S
    """Lines that come within it are sent together (`--feed-limit tick_s`)."""
    beat_s: float = BOARD_BEAT_S
    """The same of the scoreboard (`--feed-limit board_beat_s`)."""
    pages_per_process: int = BOARDS_OF_CONTEST_MAX
    """Who may follow scoreboards of a contest at one process (`--feed-limit boards_of_contest_max`)."""
    feeds_per_process: int = CLIENTS_OF_CONTEST_MAX
    """Who may read feeds of a contest at one process (`--feed-limit clients_of_contest_max`)."""

    awards_pause_s: float = 1.75
    """The page asks for the awards so long after a board that has changed (following.js: 1 to 2.5 s)."""
    heartbeat_s: float = 21.75
    """How often the page asks for the contest, and for all else every sixth time."""
    requests_per_heartbeat: float = 2.0
    """Requests of a heartbeat, the mean of six."""
    unchanged_bytes: int = 300
    """An answer that says that nothing has changed, with its head."""
    requests_spared: float = 0.0
    """The share of GETs that a cache in front answers (one second is enough: everybody asks for the same)."""
    page_connections: int = 4
    """What a browser opens while the page loads (6 are the most over HTTP/1.1)."""
    page_connections_kept: int = 1
    """What stays open of them beside the stream, for the next heartbeat."""
    logos_per_page: int = 30
    """Those that can be seen; others are fetched when somebody scrolls."""
    stream_compression: float = 1.0
    """Bytes of the scoreboard stream on the wire for each byte of it: 0.35 behind a proxy that compresses it."""

    board_compression: float = 1.0
    """The same of a whole board, of which much repeats itself."""

    tls_at_edge: bool = True
    """TLS ends in our processes; otherwise in what stands before them (and is not counted here)."""
    arrival_s: float = 600
    """Everybody comes within so many seconds."""

    machine_cores: int = 16
    """Processors of a machine of the edges and of the core; a process for each."""
    machine_memory_gib: float = 64
    """Its memory."""
    machine_gbit_s: float = 10
    """Its network interface."""
    scaling: float = 0.85
    """What a core brings when all of a machine work, of what it brings alone."""
    processor_headroom: float = 0.6
    """What may be used of a processor, so that busy seconds fit."""
    network_headroom: float = 0.6
    """The same of a network interface."""
    memory_headroom: float = 0.75
    """The same of memory."""
    kernel_kib: float = 8
    """Of the kernel's memory for each connection."""
    wire_overhead: float = 1.08
    """Bytes on the wire for each byte of ours: heads of TCP and IP, acknowledgements."""
    send_overhead_bytes: int = 90
    """And for each block: a segment of its own, TLS record, chunk."""
    site_gbit_s: float = 100
    """The way from one site to the internet."""

    passwords: bool = True
    """Accounts log in with passwords, which are hashed; otherwise with bearer tokens, which are not."""
    login_kept_s: float = VIEWER_KEPT_S
    """How long an edge goes by what the core has said of an account (`--edge-limit viewer_kept_s`)."""
    remembered_logins: int = REMEMBERED_MAX
    """How many passwords a process of the core remembers (`REMEMBERED_MAX`)."""
    remembered_s: float = REMEMBERED_S
    """For how long (`REMEMBERED_S`)."""
    page_requests_passed_on: int = 15
    """Of what a page asks for: itself, its scripts and styles, and `access`, of which an edge has no views."""
    passed_on_kept_s: float = UNFOLLOWED_GOOD_S
    """How long an edge process answers these by what the core has said (`--relay-limit unfollowed_good_s`)."""
    passed_on_per_process_s: float = 0.2
    """Requests that an edge process passes on in a second when everybody has come."""

    roles_published: int = 7
    """Roles that have an audience in JetStream."""
    roles_per_edge: float = 3
    """Those that an edge process follows: the public, and the roles of accounts that are read there."""
    message_overhead_bytes: int = 320
    """Beside the line: subject, headers, reply subject of a message of JetStream."""
    nats_nodes: int = 3
    """Nodes of the cluster, each with every line."""
    nats_machine_cores: int = 4
    """Processors of a node."""
    nats_machine_gbit_s: float = 10
    """Its network interface."""


def assumed(changes: Iterable[str], to: Assumptions | None = None) -> Assumptions:
    """The assumptions with `NAME=VALUE` in the place of some. Raises ValueError, naming what is wrong."""
    plain = msgspec.to_builtins(to or Assumptions())
    for change in changes:
        name, equals, value = change.partition("=")
        if not equals or name not in plain:
            raise ValueError(f"{change}: there is no such assumption")
        plain[name] = value
    try:
        result = msgspec.convert(plain, Assumptions, strict=False)
    except msgspec.ValidationError as error:
        raise ValueError(str(error)) from None
    shares = result.page_share + result.feed_share + result.login_share
    if abs(shares - 1) > 0.001:
        raise ValueError(f"page_share, feed_share and login_share add up to {shares:.3f}, not to 1")
    return result

"""The capacity model: what so many viewers ask of each resource, and how much of it one machine has.

Pure arithmetic over a table of assumptions and a table of measured unit costs. Each demand says how many machines (or
clusters, or sites) that resource alone would ask for; the one that asks for most is the bottleneck. This module must
not know how anything was measured, nor how it is shown.
"""

import math

import msgspec

from cds.fan_out.limits import BOARD_BEAT_S
from tests.benchmarks.capacity.assumptions import Assumptions
from tests.benchmarks.capacity.centre import Centre
from tests.benchmarks.capacity.demands import (
    BITS_PER_BYTE,
    GBIT,
    GIB,
    KIB,
    MIB_PER_GIB,
    ONE_OF,
    SECOND_US,
    STORM_HEADROOM,
    Demand,
    Resource,
)
from tests.benchmarks.capacity.unit_costs import Numbers


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """An installation for so many viewers, and what it does. The busiest minute, unless something else is said."""

    viewers: int
    demands: tuple[Demand, ...]
    edge_machines: int
    """One more than are needed, so that one may fail."""
    edge_processes: int
    core_machines: int
    sites: int
    edge_cores_used: float
    core_cores_used: float
    core_cores_arrival: float
    passed_on_arrival_s: float
    """While everybody arrives: what the core does, and the requests of a second that edges pass on to it."""
    edge_memory_gib: float
    """Of all edges together."""
    live_gbit_s: float
    mean_gbit_s: float
    """To all viewers together, in the busiest minute and over the whole contest."""
    arrival_gbit_s: float
    into_edges_mbit_s: float
    """From NATS to all edges together."""
    nats_deliveries_s: float
    viewers_moved: float
    """Those of one machine, who come back to the others when it fails, and until all are back."""
    back_s: float
    thaw_s: float
    """Seconds until everybody has the board and the lines of the thaw, with all that edges and sites can send."""

    @property
    def bottleneck(self) -> Demand:
        """The resource that asks for most: the first that gives out when viewers become more."""
        return max(self.demands, key=lambda demand: demand.asks_for)

    def demand(self, resource: Resource) -> Demand:
        """What is asked of a resource."""
        return next(demand for demand in self.demands if demand.resource == resource)


class Rates(msgspec.Struct, frozen=True, kw_only=True):
    """What one viewer of each kind is sent in a second, and asks for."""

    feed_sends_s: float
    feed_lines_s: float
    feed_bytes_s: float
    board_sends_s: float
    board_bytes_s: float
    requests_s: float


def plan(viewers: int, assumptions: Assumptions, numbers: Numbers) -> Plan:
    """What so many viewers ask for."""
    edges = Edges(assumptions, numbers)
    machines = math.ceil(max(each.asks_for for each in edges.demands(viewers)))
    processes = machines * assumptions.machine_cores
    central = Centre(assumptions, numbers)
    demands = (*edges.demands(viewers), *central.demands(viewers, processes), edges.site(viewers))
    by_tier = {tier: max(each.asks_for for each in demands if each.tier == tier) for tier in ONE_OF}
    sites = math.ceil(by_tier["site"])
    live_bits = edges.bytes_s(edges.peak) * viewers * BITS_PER_BYTE
    deliveries_s = central.deliveries_s(processes)
    return Plan(
        viewers=viewers,
        demands=demands,
        edge_machines=machines + 1,
        edge_processes=(machines + 1) * assumptions.machine_cores,
        core_machines=math.ceil(by_tier["core"]),
        sites=sites,
        edge_cores_used=edges.processor_s(edges.peak) * viewers,
        core_cores_used=_load_of(demands, "processors of the core"),
        core_cores_arrival=_load_of(demands, "processors of the core, everybody arrives"),
        passed_on_arrival_s=central.passed_on_s(viewers, processes),
        edge_memory_gib=edges.memory_bytes() * viewers / GIB
        + (machines + 1) * assumptions.machine_cores * numbers.costs.server_mib / MIB_PER_GIB,
        live_gbit_s=live_bits / GBIT,
        mean_gbit_s=edges.bytes_s(edges.mean) * viewers * BITS_PER_BYTE / GBIT,
        arrival_gbit_s=edges.arrival_bytes() * viewers / assumptions.arrival_s * BITS_PER_BYTE / GBIT,
        into_edges_mbit_s=central.message_bytes() * deliveries_s * BITS_PER_BYTE / 1e6,
        nats_deliveries_s=deliveries_s,
        viewers_moved=viewers / (machines + 1),
        back_s=edges.back_s(viewers, machines),
        thaw_s=edges.thaw_bytes() * viewers / edges.out_bytes_s(machines + 1, sites),
    )


class Edges:
    """What viewers ask of edges."""

    def __init__(self, assumptions: Assumptions, numbers: Numbers) -> None:
        """Under these assumptions."""
        self._assumed, self._costs, self._load = assumptions, numbers.costs, numbers.load
        load, runs = numbers.load, assumptions.runs_per_judgement
        verdicts_s = load.verdicts / load.hours / 3_600
        self.peak = self._rates(load.peak_lines_s, load.peak_verdicts_s * runs, load.peak_boards_s)
        self.mean = self._rates(load.lines_s, verdicts_s * runs, load.boards_s)

    def demands(self, viewers: int) -> tuple[Demand, ...]:
        """What so many ask of each resource, beside what a machine has of it."""
        given, costs = self._assumed, self._costs
        cores = given.machine_cores * (given.scaling * given.processor_headroom - self.process_s())
        processes_bytes = given.machine_cores * costs.server_mib * KIB * KIB
        memory = given.machine_memory_gib * GIB * given.memory_headroom - processes_bytes
        network = given.machine_gbit_s * GBIT * given.network_headroom / BITS_PER_BYTE
        places = self._places_used()
        return (
            _of_edge("processors of edges", self.processor_s(self.peak) * viewers, cores, "cores"),
            _of_edge(
                "processors of edges, everybody arrives",
                self.arrival_processor_s() * viewers / given.arrival_s,
                cores,
                "cores",
            ),
            _of_edge("memory of edges", self.memory_bytes() * viewers / GIB, memory / GIB, "GiB"),
            _of_edge("network of edges", self.bytes_s(self.peak) * viewers / 1e6, network / 1e6, "MB/s"),
            _of_edge(
                "network of edges, everybody arrives",
                self.arrival_bytes() * viewers / given.arrival_s / 1e6,
                network / 1e6,
                "MB/s",
            ),
            _of_edge("places at edges", places * viewers, given.machine_cores, "processes"),
        )

    def site(self, viewers: int) -> Demand:
        """What goes out to the internet."""
        given = self._assumed
        out_bytes_s = max(self.bytes_s(self.peak), self.arrival_bytes() / given.arrival_s) * viewers
        return Demand(
            resource="ways out of the site",
            tier="site",
            load=out_bytes_s * BITS_PER_BYTE / GBIT,
            one_gives=given.site_gbit_s * given.network_headroom,
            unit="Gbit/s",
        )

    def processor_s(self, rates: Rates) -> float:
        """Processor time of a second for one viewer, the mean of all kinds."""
        given, costs, tls = self._assumed, self._costs, self._assumed.tls_at_edge
        board_us = rates.board_sends_s * (costs.board_send_tls_us if tls else costs.board_send_us)
        asking_us = rates.requests_s * (1 - given.requests_spared) * (costs.unchanged_us + self._record_us())
        feed_us = rates.feed_sends_s * (costs.feed_send_tls_us if tls else costs.feed_send_us)
        longer_kib = max(rates.feed_bytes_s - rates.feed_sends_s * self._load.line_bytes, 0) / KIB
        feed_us += longer_kib * (costs.kib_tls_us if tls else costs.kib_us)
        pages_us = given.page_share * (board_us + asking_us + costs.board_idle_us)
        return (pages_us + self._feeds() * (feed_us + costs.feed_idle_us)) / SECOND_US

    def process_s(self) -> float:
        """Processor time of a second for what a process does once, however many viewers it has."""
        given, costs = self._assumed, self._costs
        us = self.peak.feed_lines_s * given.roles_per_edge * costs.nats_consumer_us
        return (us + self.peak.board_sends_s * costs.line_us) / SECOND_US

    def bytes_s(self, rates: Rates) -> float:
        """Bytes of a second on the wire to one viewer, the mean of all kinds."""
        given = self._assumed
        board = rates.board_bytes_s * given.stream_compression + rates.board_sends_s * given.send_overhead_bytes
        # Requests that a cache in front answers do not pass the edge's interface.
        asked = rates.requests_s * (1 - given.requests_spared) * given.unchanged_bytes
        feed = rates.feed_bytes_s + rates.feed_sends_s * given.send_overhead_bytes
        return given.wire_overhead * (given.page_share * (board + asked) + self._feeds() * feed)

    def memory_bytes(self) -> float:
        """Memory for one viewer, the kernel's as well, the mean of all kinds."""
        given, costs, tls = self._assumed, self._costs, self._assumed.tls_at_edge
        stream_kib = (costs.board_tls_kib if tls else costs.board_kib) + given.kernel_kib
        waiting_kib = (costs.connection_tls_kib if tls else costs.connection_kib) + given.kernel_kib
        feed_kib = (costs.feed_tls_kib if tls else costs.feed_kib) + given.kernel_kib
        # Behind a cache the connections beside the stream are the cache's.
        kept = given.page_connections_kept * (1 - given.requests_spared)
        return KIB * (given.page_share * (stream_kib + kept * waiting_kib) + self._feeds() * feed_kib)

    def arrival_processor_s(self) -> float:
        """Processor time until one viewer has everything, the mean of all kinds."""
        given, costs, asked = self._assumed, self._costs, 1 - self._assumed.requests_spared
        connections_us = (given.page_connections - 1) * (costs.connection_us + self._handshake_us()) * asked
        requests = costs.page_requests + given.logos_per_page
        page_us = costs.page_us + given.logos_per_page * costs.answer_us + requests * self._record_us()
        board_us = connections_us + asked * page_us + costs.board_start_us + self._handshake_us()
        history_us = self._load.history_gzip_bytes / KIB * (costs.kib_tls_us if given.tls_at_edge else costs.kib_us)
        feed_us = costs.feed_start_us + self._handshake_us() + history_us
        return (given.page_share * board_us + self._feeds() * feed_us) / SECOND_US

    def arrival_bytes(self) -> float:
        """Bytes on the wire until one viewer has everything, the mean of all kinds."""
        given, costs = self._assumed, self._costs
        page = (costs.page_bytes + given.logos_per_page * costs.logo_bytes) * (1 - given.requests_spared)
        return given.wire_overhead * (given.page_share * page + self._feeds() * self._load.history_gzip_bytes)

    def back_s(self, viewers: int, machines: int) -> float:
        """Seconds until all are back who were on the one machine of `machines` + 1 that fails."""
        given, costs = self._assumed, self._costs
        resume_us = given.page_share * costs.board_start_us + self._feeds() * costs.feed_start_us + self._handshake_us()
        coming_s = viewers / (machines + 1) * resume_us / SECOND_US
        cores = machines * given.machine_cores * given.scaling * STORM_HEADROOM
        return coming_s / (cores - self.processor_s(self.peak) * viewers)

    def thaw_bytes(self) -> float:
        """Bytes on the wire to one viewer at the thaw: the whole board, or the verdicts of the freeze."""
        given, load = self._assumed, self._load
        verdicts = given.busier * load.thawed_verdicts * load.line_bytes
        board = load.board_bytes * given.board_compression
        return given.wire_overhead * (given.page_share * board + self._feeds() * verdicts)

    def out_bytes_s(self, machines: int, sites: int) -> float:
        """What so many machines at so many sites can send in a second."""
        gbit_s = min(machines * self._assumed.machine_gbit_s, sites * self._assumed.site_gbit_s)
        return gbit_s * GBIT * STORM_HEADROOM / BITS_PER_BYTE

    def _rates(self, lines_s: float, runs_s: float, boards_s: float) -> Rates:
        given, load = self._assumed, self._load
        lines_s, runs_s, boards_s = (given.busier * each for each in (lines_s, runs_s, boards_s))
        sends_s = boards_s / (1 + boards_s * max(given.beat_s - BOARD_BEAT_S, 0))
        awards_s = 1 / (given.awards_pause_s + 1 / boards_s) if boards_s else 0.0
        return Rates(
            feed_sends_s=(lines_s + runs_s) / (1 + (lines_s + runs_s) * given.tick_s),
            feed_lines_s=lines_s + runs_s,
            feed_bytes_s=lines_s * load.line_bytes + runs_s * load.run_line_bytes,
            board_sends_s=sends_s,
            # What comes within one beat is told together, but each row that changed is told.
            board_bytes_s=boards_s * load.peak_board_event_bytes,
            requests_s=awards_s + given.requests_per_heartbeat / given.heartbeat_s,
        )

    def _feeds(self) -> float:
        return self._assumed.feed_share + self._assumed.login_share

    def _places_used(self) -> float:
        """Processes for each viewer, if nothing but the limits of places counted."""
        given = self._assumed
        return max(given.page_share / given.pages_per_process, self._feeds() / given.feeds_per_process)

    def _record_us(self) -> float:
        """What TLS adds to an answer."""
        costs = self._costs
        return max(costs.feed_send_tls_us - costs.feed_send_us, 0.0) if self._assumed.tls_at_edge else 0.0

    def _handshake_us(self) -> float:
        return self._costs.handshake_us if self._assumed.tls_at_edge else 0.0


def _of_edge(resource: Resource, load: float, one_gives: float, unit: str) -> Demand:
    return Demand(resource=resource, tier="edge", load=load, one_gives=one_gives, unit=unit)


def _load_of(demands: tuple[Demand, ...], resource: Resource) -> float:
    return next(each.load for each in demands if each.resource == resource)

"""What edges and accounts ask of what is there once: core, NATS, Postgres. Part of the capacity model, and as pure.

This module must not know how many edges there have to be.
"""

from tests.benchmarks.capacity.assumptions import Assumptions
from tests.benchmarks.capacity.demands import BITS_PER_BYTE, GBIT, SECOND_US, Demand
from tests.benchmarks.capacity.unit_costs import Numbers


class Centre:
    """What edges and accounts ask of what is there once: core, NATS, Postgres."""

    def __init__(self, assumptions: Assumptions, numbers: Numbers) -> None:
        """Under these assumptions."""
        self._assumed, self._costs, self._load = assumptions, numbers.costs, numbers.load

    def demands(self, viewers: int, edge_processes: int) -> tuple[Demand, ...]:
        """What so many viewers at so many edge processes ask for."""
        given, costs = self._assumed, self._costs
        core_cores = given.machine_cores * given.scaling * given.processor_headroom
        # A contest is one stream, and all of it passes the node that leads it: the other nodes are for safety.
        nats_cores = given.nats_machine_cores * given.scaling * given.processor_headroom
        nats_bytes_s = given.nats_machine_gbit_s * GBIT * given.network_headroom / BITS_PER_BYTE
        published_s, delivered_s = self._published_s(), self.deliveries_s(edge_processes)
        nats_us = published_s * costs.nats_publish_us + delivered_s * costs.nats_deliver_us
        nats_out = (published_s * (given.nats_nodes - 1) + delivered_s) * self.message_bytes()
        return (
            Demand(
                resource="processors of the core",
                tier="core",
                load=self._core_s(viewers, edge_processes),
                one_gives=core_cores,
                unit="cores",
            ),
            Demand(
                resource="processors of the core, everybody arrives",
                tier="core",
                load=self._arrival_s(viewers, edge_processes),
                one_gives=core_cores,
                unit="cores",
            ),
            Demand(
                resource="processors of NATS",
                tier="nats",
                load=nats_us / SECOND_US,
                one_gives=nats_cores,
                unit="cores",
            ),
            Demand(
                resource="network of NATS", tier="nats", load=nats_out / 1e6, one_gives=nats_bytes_s / 1e6, unit="MB/s"
            ),
            Demand(
                resource="commits of Postgres",
                tier="postgres",
                load=self._writes_s(),
                one_gives=given.commits_s_max * given.processor_headroom,
                unit="writes/s",
            ),
        )

    def passed_on_s(self, viewers: int, edge_processes: int) -> float:
        """Requests of a second that edges pass on while everybody arrives.

        A process asks for the same but once in a while, however many want it meanwhile.
        """
        given = self._assumed
        wanted_s = viewers * given.page_share * (1 - given.requests_spared) / given.arrival_s / edge_processes
        asked_s = 1 / (given.passed_on_kept_s + 1 / wanted_s) if wanted_s else 0.0
        return asked_s * given.page_requests_passed_on * edge_processes

    def deliveries_s(self, edge_processes: int) -> float:
        """Messages of a second to all edges together."""
        return self._lines_s() * self._assumed.roles_per_edge * edge_processes

    def message_bytes(self) -> float:
        """The mean of a message."""
        return self._load.run_line_bytes + self._assumed.message_overhead_bytes

    def hashings_s(self, logins: float) -> float:
        """Passwords of a second that the core has to hash: those that a process does not remember (any more)."""
        given = self._assumed
        if not given.passwords:
            return 0.0
        remembered = min(logins, given.remembered_logins)
        expired_s = remembered * given.machine_cores / given.remembered_s
        forgotten_s = (logins - remembered) / given.login_kept_s
        return min(expired_s, logins / given.login_kept_s) + forgotten_s

    def _core_s(self, viewers: int, edge_processes: int) -> float:
        """Processor time of a second, in the busiest minute of the contest."""
        given, costs = self._assumed, self._costs
        us = self._logins_us(viewers) + edge_processes * given.passed_on_per_process_s * costs.unchanged_us
        us += self._writes_s() * costs.write_us + self._published_s() * costs.nats_publisher_us
        return us / SECOND_US

    def _arrival_s(self, viewers: int, edge_processes: int) -> float:
        """The same while everybody arrives, and the contest has not begun."""
        us = self._logins_us(viewers) + self.passed_on_s(viewers, edge_processes) * self._costs.unchanged_us
        return us / SECOND_US

    def _logins_us(self, viewers: int) -> float:
        """What it takes to say who somebody is, when all accounts are there."""
        given, costs = self._assumed, self._costs
        logins = viewers * given.login_share
        return logins / given.login_kept_s * costs.viewer_us + self.hashings_s(logins) * costs.password_us

    def _writes_s(self) -> float:
        return self._lines_s()

    def _lines_s(self) -> float:
        load, given = self._load, self._assumed
        return given.busier * (load.peak_lines_s + load.peak_verdicts_s * given.runs_per_judgement)

    def _published_s(self) -> float:
        return self._lines_s() * self._assumed.roles_published

"""The measurements of sources, whichever process on the database follows them: those of what each has written down.

A source may be followed by another server or by `cds follow`, which serves no measurements. This module must not know
how a source is followed, nor who asks.
"""

from collections.abc import Callable, Iterable, Mapping

from prometheus_client import Metric
from prometheus_client.registry import Collector
from prometheus_client.samples import Sample

from cds.upstream.status import SourceStatus

HEARING = ("following", "reading anew")
"""The states in which an upstream is being heard."""

LABEL = "source"

MEASURED: Mapping[str, Callable[[SourceStatus], float | None]] = {
    "cds_source_connected": lambda status: status.state in HEARING,
    "cds_source_last_heard_seconds": lambda status: (
        None if status.last_heard_us is None else status.last_heard_us / 1_000_000
    ),
    "cds_source_lines_total": lambda status: status.lines,
    "cds_source_warnings_total": lambda status: status.warnings.count,
    "cds_source_outages_total": lambda status: status.outages,
    "cds_source_files": lambda status: status.files.fetched,
}
"""What a status says of a measurement, by the name of its samples; None for nothing."""


class WithSources(Collector):
    """Measurements in which those of sources are what their statuses say, whoever keeps these."""

    def __init__(self, others: Collector, statuses: Mapping[str, SourceStatus]) -> None:
        """`others` are all measurements of this server; `statuses` are by the names of the sources' streams."""
        self._others = others
        self._statuses = statuses

    def collect(self) -> Iterable[Metric]:
        """The measurements by name."""
        for metric in self._others.collect():
            name = next((each for each in (metric.name, f"{metric.name}_total") if each in MEASURED), None)
            if name is not None:
                metric.samples = [each for each in metric.samples if each.labels.get(LABEL) not in self._statuses]
                metric.samples += self._samples(name)
            yield metric

    def _samples(self, name: str) -> Iterable[Sample]:
        for stream, status in self._statuses.items():
            value = MEASURED[name](status)
            if value is not None:
                yield Sample(name, {LABEL: stream}, float(value))

"""The measurements of all workers together: each keeps its own in files of one directory, any of them answers for all.

The directory is named in the environment before a worker starts, because the library looks there when it is loaded.
This module must not know how workers are started.
"""

import os
from collections.abc import Callable, Iterable, Mapping

from prometheus_client import REGISTRY, CollectorRegistry, Gauge, Metric
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.registry import Collector

DIRECTORY_VARIABLE = "PROMETHEUS_MULTIPROC_DIR"

Labels = Mapping[str, str]


def measurements(gone: Callable[[Labels], bool]) -> Collector:
    """The measurements of this server: of this process, or of all workers.

    `gone` tells whether what labels name is no more: out of the files of workers its measurement cannot be taken.
    """
    if DIRECTORY_VARIABLE not in os.environ:
        return REGISTRY
    together = CollectorRegistry()
    MultiProcessCollector(together)  # type: ignore[no-untyped-call]  # the library says nothing of its types here
    return _WithoutGone(together, gone)


def forget(gauge: Gauge, label: str) -> None:
    """What the label of a measurement names is no more.

    Out of the files that several workers share nothing can be taken: there it is 0, and `measurements` leaves it out.
    """
    gauge.labels(label).set(0)
    if DIRECTORY_VARIABLE not in os.environ:
        gauge.remove(label)


class _WithoutGone(Collector):
    """The measurements of all workers, but those of 0 about what is gone."""

    def __init__(self, together: CollectorRegistry, gone: Callable[[Labels], bool]) -> None:
        self._together = together
        self._gone = gone

    def collect(self) -> Iterable[Metric]:
        """The measurements by name."""
        for metric in self._together.collect():
            metric.samples = [each for each in metric.samples if each.value or not self._gone(each.labels)]
            yield metric

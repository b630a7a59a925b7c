"""The measurements of all workers together: each keeps its own in files of one directory, any of them answers for all.

The directory is named in the environment before a worker starts, because the library looks there when it is loaded.
This module must not know how workers are started.
"""

import os

from prometheus_client import REGISTRY, CollectorRegistry
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.registry import Collector

DIRECTORY_VARIABLE = "PROMETHEUS_MULTIPROC_DIR"


def measurements() -> Collector:
    """The measurements of this server: of this process, or of all workers."""
    if DIRECTORY_VARIABLE not in os.environ:
        return REGISTRY
    together = CollectorRegistry()
    MultiProcessCollector(together)  # type: ignore[no-untyped-call]  # the library says nothing of its types here
    return together

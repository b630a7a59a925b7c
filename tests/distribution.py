"""In which order modules are given to the processes of `make test`, so that none of them is busy long after the others.

Modules are given out whole, as what is set up for one of them is set up once. This module knows how long some take;
it must not know what is in them.
"""

from collections.abc import Mapping, Sequence
from importlib import import_module
from typing import Any, TypeVar

import pytest

Collected = TypeVar("Collected")

LONG_MODULES: tuple[str, ...] = (
    "tests/benchmarks/test_benchmarks.py",
    "tests/acceptance/test_live_contest.py",
    "tests/cds/verifying/test_law_tampering.py",
    "tests/leaks/test_whole_contests.py",
    "tests/cds/backups/test_backup_law.py",
    "tests/faults/test_rounds.py",
    "tests/faults/test_database_in_trouble.py",
    "tests/acceptance/test_xcpcio.py",
    "tests/cds/contest_api/test_feed_equals_get.py",
    "tests/acceptance/test_handle_sync.py",
    "tests/cds/student_api/test_students.py",
    "tests/benchmarks/test_feeding.py",
    "tests/benchmarks/test_edging.py",
    "tests/benchmarks/test_deep_import.py",
    "tests/benchmarks/test_platform_sync.py",
    "tests/acceptance/test_command_line.py",
    "tests/acceptance/test_platform_sync_processes.py",
    "tests/cds/contest_api/test_writing_methods.py",
    "tests/acceptance/test_export_and_import.py",
    "tests/acceptance/test_follow_chain.py",
    "tests/acceptance/test_contest_commands.py",
    "tests/acceptance/test_replay_command.py",
    "tests/cds/contest_api/test_writing_schemas.py",
    "tests/projections/test_law_versions.py",
    "tests/acceptance/test_platform_sync_requests.py",
    "tests/cds/platforms/test_deep_import.py",
    "tests/acceptance/test_compare_command.py",
    "tests/acceptance/test_account_commands.py",
    "tests/cds/relay/test_relay_feeds.py",
    "tests/cds/relay/test_relay_scoreboards.py",
    "tests/cds/relay/test_moving_between_relays.py",
    "tests/cds/edge/test_edge_moving.py",
    "tests/cds/edge/test_edge_outages.py",
    "tests/cds/jetstream/test_publisher.py",
    "tests/cds/jetstream/test_cluster.py",
    "tests/cds/pages/test_browser.py",
    "tests/cds/commands/test_laws_of_commands.py",
    "tests/cds/contest_api/test_integrity.py",
    "tests/cds/contest_api/test_logins.py",
    "tests/cds/contest_api/test_schemathesis.py",
    "tests/acceptance/test_real_clients.py",
    "tests/acceptance/test_platform_sync.py",
    "tests/eventstore/test_embedded.py",
    "tests/acceptance/test_follow_chain_killed.py",
    "tests/acceptance/test_follow_chain_law.py",
    "tests/cds/upstream/test_source_at_home.py",
    "tests/cds/upstream/test_following_law.py",
    "tests/cds/relay/test_relay_faults.py",
    "tests/cds/relay/test_relay_outages.py",
    "tests/cds/contest_api/test_law_embargo_over_http.py",
    "tests/cds/contest_api/test_writing_judging.py",
    "tests/cds/packages/test_real_data.py",
    "tests/cds/students/test_keeping.py",
    "tests/acceptance/test_operating.py",
    "tests/acceptance/test_webhook_delivery.py",
    "tests/acceptance/test_follow_command.py",
    "tests/cds/contest_api/test_workers_killed.py",
    "tests/cds/edge/test_edge_answers.py",
    "tests/cds/edge/test_edge_writes.py",
    "tests/cds/edge/test_edge_fetching.py",
    "tests/cds/jetstream/test_what_is_published.py",
    "tests/cds/jetstream/test_worker_killed.py",
)
"""The modules that take longest, the longest of them first. All others come behind them, by the number of tests."""

OF_RECORDED_CONTESTS = frozenset(
    {
        "tests/cds/contest_api/test_feed_equals_get.py",
        "tests/cds/contest_api/test_json_schemas.py",
        "tests/cds/relay/test_relay_answers.py",
        "tests/acceptance/test_real_clients_reading.py",
        "tests/acceptance/test_recorded_contests.py",
    }
)
"""The modules that ask the server which holds every recorded contest: one process has it, and no second one is made."""


def module_of(nodeid: str) -> str:
    """The file of a test."""
    return nodeid.partition("::")[0]


def scheduler(config: pytest.Config, log: object) -> object:
    """What gives out whole modules, and those of the recorded contests together."""
    # pytest-xdist has no types.
    given_out_by_module = import_module("xdist.scheduler").LoadFileScheduling(config, log)
    given_out_by_module._split_scope = _given_out_with
    return given_out_by_module


def _given_out_with(nodeid: str) -> str:
    module = module_of(nodeid)
    return "recorded contests" if module in OF_RECORDED_CONTESTS else module


def beginning_elsewhere(collected: list[Collected], worker: Mapping[str, Any] | None) -> list[Collected]:
    """The same, beginning at another place for each process of several; `worker` is what xdist tells such a process."""
    if worker is None:
        return collected
    place = len(collected) * int(worker["workerid"].removeprefix("gw")) // int(worker["workercount"])
    return collected[place:] + collected[:place]


def longest_first(items: Sequence[pytest.Item]) -> list[pytest.Item]:
    """The same tests, those of long modules first; the order within a module stays."""
    counts: dict[str, int] = {}
    for item in items:
        counts[module_of(item.nodeid)] = counts.get(module_of(item.nodeid), 0) + 1
    places = {module: place for place, module in enumerate(LONG_MODULES)}

    def place(item: pytest.Item) -> tuple[int, int, str]:
        module = module_of(item.nodeid)
        return places.get(module, len(places)), -counts[module], module

    return sorted(items, key=place)

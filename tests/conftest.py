"""Fixtures that every test may use: a Postgres for the session, a database per test, stores.

`CDS_TEST_DATABASE_URL` names a server to be used in place of an embedded one; its user must be allowed to create
databases. `HYPOTHESIS_PROFILE` chooses how hard property tests try: quick, default or thorough. Where `CI` is set, the
examples are the same for the same tests, so that what a build says depends on the change alone; everywhere else, and in
`make laws`, they are others each time.
"""

import gc
import os
import shutil
import time
from collections.abc import AsyncIterator, Generator, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
import pytest_asyncio
from argon2 import PasswordHasher
from hypothesis import settings

from cds import passwords
from eventstore.embedded.launcher import embedded_postgres, is_embedded_running
from eventstore.memory import MemoryStore
from eventstore.postgres import PostgresStore
from tests.databases import cloned_database, template_on
from tests.distribution import beginning_elsewhere, longest_first, scheduler
from tests.eventstore.embedded_processes import wait_until_ended

TEST_DATABASE_VARIABLE = "CDS_TEST_DATABASE_URL"

settings.register_profile("quick", max_examples=10, deadline=None)
settings.register_profile("default", max_examples=50, deadline=None, derandomize=bool(os.environ.get("CI")))
settings.register_profile("thorough", max_examples=1000, deadline=None)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "default"))


_freeze = gc.freeze

MEMORY = Path("/dev/shm")  # noqa: S108 - a directory of one's own is made in it
MEMORY_FREE_BYTES_MIN = 2 * 1024**3
"""Where files are kept in memory, and how much of it must be free: the databases of one process take a tenth of it."""

CLUSTER_PREFIX = "cds-tests-"
LEFT_BEHIND_S = 3_600.0
"""A cluster in memory that is so old, and that does not run, was left behind by tests that were killed."""

GARBAGE_THRESHOLDS = (20_000, 10, 10)
"""When cyclic garbage is looked for: seldom, as servers do, and yet often enough that whole contests do not pile up."""


def pytest_configure() -> None:
    """From the beginning: what is collected stays."""
    gc.set_threshold(*GARBAGE_THRESHOLDS)


def pytest_xdist_make_scheduler(config: pytest.Config, log: object) -> object:
    """Who gives the tests to the processes, where whole modules are asked for (--dist loadfile)."""
    return scheduler(config, log) if config.getoption("dist") == "loadfile" else None


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """While tests are collected no garbage is looked for: hardly any arises, and what is read stays to the end."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.enable()


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report(
    collector: pytest.Collector,
) -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    """Several processes read the modules at the same time: each begins elsewhere, and finds compiled what others read.

    In which order they are read makes no difference for the order of the tests.
    """
    report = yield
    if isinstance(collector, pytest.Directory):
        report.result = beginning_elsewhere(report.result, getattr(collector.config, "workerinput", None))
    return report


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """The order in which several processes are given them; one process alone goes from directory to directory."""
    if hasattr(config, "workerinput"):
        items[:] = longest_first(items)


@pytest.fixture(scope="session", autouse=True)
def nothing_is_kept_for_good() -> Iterator[None]:
    """A server has what it has read passed over by the garbage collector; here hundreds of servers come and go.

    Each would keep for good what those before it left behind, and the process would grow to gigabytes.
    """
    with pytest.MonkeyPatch.context() as patch:
        gc.collect()
        _freeze()
        patch.setattr(gc, "freeze", lambda: None)
        patch.setattr(gc, "set_threshold", lambda *_: None)
        yield


@pytest.fixture(scope="session", autouse=True)
def logs_go_where_tests_look() -> Iterator[None]:
    """A command that runs in the process of the tests leaves the logs as they are.

    They would go to the standard error that the command had, for good, and later tests would not see them.
    """
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("cds.observability.configure_logging", lambda *_, **__: None)
        yield


@pytest.fixture(scope="session", autouse=True)
def passwords_are_hashed_quickly() -> Iterator[PasswordHasher]:
    """A password takes a while to hash, on purpose: that was a fifth of what all tests cost. Gives the real hasher.

    The processes that tests start hash as ever.
    """
    real = passwords._hasher
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(passwords, "_hasher", PasswordHasher(time_cost=1, memory_cost=8, parallelism=1))
        yield real


@pytest.fixture(scope="module", autouse=True)
def garbage_goes_with_its_module(nothing_is_kept_for_good: None) -> Iterator[None]:
    """What a module leaves behind is freed at its end; what outlives it is passed over from then on."""
    yield
    gc.collect()
    _freeze()


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def postgres_dsn_template(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[str]:
    """The address of a migrated database that is cloned for every test; nothing may be connected to it."""
    external = os.environ.get(TEST_DATABASE_VARIABLE)
    if external is not None:
        async with template_on(external) as dsn:
            yield dsn
        return
    # Without fsync: this cluster is thrown away. test_embedded asserts that every other one has it.
    with _room_of_cluster(tmp_path_factory) as room:
        async with embedded_postgres(room, durable=False) as server, template_on(server) as dsn:
            yield dsn


@pytest.fixture
async def database_dsn(postgres_dsn_template: str) -> AsyncIterator[str]:
    """The address of a new, migrated, empty database."""
    async with cloned_database(postgres_dsn_template) as dsn:
        yield dsn


@pytest.fixture
async def store(database_dsn: str) -> AsyncIterator[PostgresStore]:
    """An empty store on Postgres."""
    opened = await PostgresStore.open(database_dsn)
    yield opened
    await opened.close()


@pytest.fixture
async def memory_store() -> AsyncIterator[MemoryStore]:
    """An empty store in memory."""
    opened = MemoryStore()
    yield opened
    await opened.close()


@contextmanager
def _room_of_cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """An empty directory for the cluster, in memory where there is enough of it.

    A database is hundreds of files, and thousands of databases are made and dropped: on a disk each takes twice as much
    of the processor.
    """
    if not os.access(MEMORY, os.W_OK) or shutil.disk_usage(MEMORY).free < MEMORY_FREE_BYTES_MIN:
        yield tmp_path_factory.mktemp("postgres")
        return
    for left in MEMORY.glob(f"{CLUSTER_PREFIX}*"):
        # Another process of the tests may be removing it.
        with suppress(FileNotFoundError):
            if left.stat().st_mtime < time.time() - LEFT_BEHIND_S and not is_embedded_running(left):
                shutil.rmtree(left, ignore_errors=True)
    with TemporaryDirectory(dir=MEMORY, prefix=CLUSTER_PREFIX) as room:
        yield Path(room)
        wait_until_ended(Path(room))


# A build machine tries the same examples on every run, so that what fails there fails everywhere.
settings.register_profile("ci", settings.get_profile("default"), derandomize=True, print_blob=True)
if os.environ.get("HYPOTHESIS_PROFILE", "ci" if os.environ.get("CI") else "default") == "ci":
    settings.load_profile("ci")

"""What keeps the embedded Postgres from starting is said in one line; a second server is told of the first."""

from contextlib import ExitStack
from pathlib import Path

import pytest

from eventstore.embedded.binaries import find_binaries
from eventstore.embedded.launcher import embedded_postgres
from eventstore.embedded.layout import Layout
from eventstore.embedded.ownership import server_ownership
from eventstore.store import StoreRefused
from tests.eventstore.embedded_processes import first_line, start, wait_until_ended

SERVER = """
import sys, time
from pathlib import Path
from eventstore.embedded.ownership import server_ownership

with server_ownership(Path(sys.argv[1])):
    print("owner", flush=True)
    time.sleep(60)
"""


async def test_a_cluster_of_another_version_is_refused_with_a_hint(data_dir: Path) -> None:
    async with embedded_postgres(data_dir, durable=False):
        pass
    wait_until_ended(data_dir)
    (Layout(data_dir).cluster / "PG_VERSION").write_text("9\n")
    with pytest.raises(StoreRefused, match=r"made by Postgres 9 and .*pg_dump of version 9"):
        async with embedded_postgres(data_dir, durable=False):
            pytest.fail("it must not start")


async def test_a_postgres_that_cannot_start_says_why(data_dir: Path) -> None:
    async with embedded_postgres(data_dir, durable=False):
        pass
    wait_until_ended(data_dir)
    (Layout(data_dir).cluster / "postgresql.conf").write_text("no_such_setting = 1\n")
    with pytest.raises(StoreRefused, match=r"does not start: .*postgresql\.conf.* contains errors"):
        async with embedded_postgres(data_dir, durable=False):
            pytest.fail("it must not start")


async def test_a_cluster_run_without_fsync_is_not_taken_for_a_durable_one(data_dir: Path) -> None:
    async with embedded_postgres(data_dir, durable=False):
        with pytest.raises(StoreRefused, match="without fsync"):
            async with embedded_postgres(data_dir):
                pytest.fail("it is not durable")


def test_a_second_server_is_refused_and_told_who_the_first_is(data_dir: Path, processes: ExitStack) -> None:
    server = start(processes, SERVER, data_dir)
    assert first_line(server) == "owner"
    with pytest.raises(StoreRefused, match=rf"process {server.pid}\)"), server_ownership(data_dir):
        pytest.fail("there is a server")
    server.kill()
    server.wait()
    with server_ownership(data_dir):
        pass
    with server_ownership(data_dir):
        pass


def test_programs_that_were_named_but_are_not_there_are_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CDS_POSTGRES_BIN", str(tmp_path))
    with pytest.raises(StoreRefused, match="CDS_POSTGRES_BIN"):
        find_binaries()


def test_programs_that_are_named_come_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("postgres", "initdb"):
        (tmp_path / name).touch(mode=0o755)
    monkeypatch.setenv("CDS_POSTGRES_BIN", str(tmp_path))
    assert find_binaries() == tmp_path.resolve()


async def test_an_initdb_that_fails_says_why(data_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tmp_path.chmod(0o755)
    for name in ("postgres", "initdb"):
        (tmp_path / name).write_text("#!/bin/sh\necho 'initdb: error: the disk is made of cheese'\nexit 1\n")
        (tmp_path / name).chmod(0o755)
    monkeypatch.setenv("CDS_POSTGRES_BIN", str(tmp_path))
    with pytest.raises(StoreRefused, match=r"initdb failed: .* made of cheese"):
        async with embedded_postgres(data_dir):
            pytest.fail("it must not start")

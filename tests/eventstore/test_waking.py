"""The embedded Postgres is woken beside the import of a program that needs it, and nothing depends on that."""

from pathlib import Path

import pytest

from eventstore.embedded import waking
from eventstore.embedded.launcher import embedded_postgres, is_embedded_running
from eventstore.embedded.layout import Layout
from eventstore.embedded.locks import FileLock
from eventstore.embedded.waking import woken_postgres
from eventstore.store import StoreRefused
from tests.eventstore.embedded_processes import ready_status, wait_until_ended


async def test_postgres_starts_beside_the_block_and_stays_for_whoever_needs_it(data_dir: Path) -> None:
    async with embedded_postgres(data_dir):
        slept = ready_status(data_dir).postgres_pid
    wait_until_ended(data_dir)
    with woken_postgres(data_dir):
        woken = ready_status(data_dir).postgres_pid
        assert woken != slept
        async with embedded_postgres(data_dir):
            assert ready_status(data_dir).postgres_pid == woken
    wait_until_ended(data_dir)
    assert not is_embedded_running(data_dir)


def test_nothing_is_made_where_there_is_no_cluster(tmp_path: Path) -> None:
    """Making one belongs to whoever needs it, and says so where that fails."""
    with woken_postgres(tmp_path / "new"):
        assert not (tmp_path / "new").exists()


@pytest.mark.parametrize("lock", ["lease", "owner"])
def test_a_postgres_that_another_process_starts_or_stops_is_left_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, lock: str
) -> None:
    layout = Layout(tmp_path)
    layout.cluster.mkdir()
    other = FileLock(layout.lease if lock == "lease" else layout.owner)
    assert other.try_exclusive()
    began: list[str] = []
    monkeypatch.setattr(waking, "Thread", lambda **_options: began.append("a keeper"))
    with woken_postgres(tmp_path):
        assert began == []
    other.close()


def test_what_cannot_be_started_is_left_to_whoever_needs_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also where the data directory is no directory at all."""
    monkeypatch.setattr(waking, "start_keeper", _refuse)
    Layout(tmp_path).cluster.mkdir()
    with woken_postgres(tmp_path):
        assert Layout(tmp_path).lease.exists()
    (tmp_path / "file").touch()
    with woken_postgres(tmp_path / "file"):
        assert (tmp_path / "file").read_bytes() == b""


def _refuse(_layout: Layout, *, durable: bool) -> None:
    raise StoreRefused(f"no Postgres, durable or not ({durable})")

"""The keeper: a small process that runs Postgres for as long as anybody needs it.

Knows when Postgres has to start, start again and stop. It must not know what the database is for, nor import
anything beyond the standard library: it has to be there within a few tens of milliseconds.

    python -m eventstore.embedded.keeper --data-dir DIR --binaries DIR --socket-dir DIR [--not-durable]
"""

import argparse
import os
import select
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import NoReturn

from eventstore.embedded.cluster import (
    Cluster,
    ClusterRefused,
    has_sessions,
    is_ready,
    prepare_cluster,
    start_postgres,
)
from eventstore.embedded.layout import (
    FAILED,
    READY,
    STARTING,
    STOPPED,
    STOPPING,
    Layout,
    Status,
    read_linger_until,
    write_status,
)
from eventstore.embedded.locks import FileLock

OWNER_PATIENCE_S = 1.0
"""How long a new keeper tries for the lock: clients hold it for an instant when they look whether it is held."""

LEASE_GRACE_S = 1.0
"""Postgres stays up for this long after the last lease, so that a command that follows another finds it warm."""

LINGER_MAX_S = 3600.0
"""No wish for lingering counts for longer than this from now, should the clock have been moved."""

TURN_S = 0.1
"""How often the keeper looks around when nothing happens."""

STARTING_TURN_S = 0.01
"""How often it looks whether Postgres is ready yet."""

START_ATTEMPTS_MAX = 3
"""A Postgres that ends this often before it was ever ready is given up."""

RESTART_PAUSE_MAX_S = 5.0
"""The longest wait before a Postgres that dies again and again is started again."""

FAST_SHUTDOWN_S = 20.0
IMMEDIATE_SHUTDOWN_S = 5.0
"""How long Postgres may take to end by SIGINT, then by SIGQUIT, before it is killed."""


def main() -> NoReturn:
    """Leave the caller, become the keeper unless there is one, and keep Postgres until nobody needs it."""
    parser = argparse.ArgumentParser(description="Run Postgres in a data directory while anybody holds its lease.")
    parser.add_argument("--data-dir", type=Path, required=True)
    parser.add_argument("--binaries", type=Path, required=True)
    parser.add_argument("--socket-dir", type=Path, required=True)
    parser.add_argument("--not-durable", action="store_true")
    arguments = parser.parse_args()
    if os.fork():
        os._exit(0)  # Nobody has to reap the keeper: it is nobody's child.
    layout = Layout(arguments.data_dir)
    owner = FileLock(layout.owner)
    if not _becomes_owner(owner):
        sys.exit(0)
    keeper = Keeper(layout, arguments.socket_dir)
    try:
        cluster = prepare_cluster(layout, arguments.binaries, arguments.socket_dir, durable=not arguments.not_durable)
        keeper.keep(cluster)
    except ClusterRefused as error:
        keeper.say(FAILED, error=str(error))
        sys.exit(1)
    except Exception as error:
        keeper.say(FAILED, error=f"{type(error).__name__}: {error}")
        raise
    sys.exit(0)


def _becomes_owner(owner: FileLock) -> bool:
    """Take the keeper's lock; False when another keeper has it."""
    deadline_s = time.monotonic() + OWNER_PATIENCE_S
    while not owner.try_exclusive():
        if time.monotonic() >= deadline_s:
            return False
        time.sleep(STARTING_TURN_S)
    return True


def _log(text: str) -> None:
    """Write a line to the log, which is standard error."""
    now = time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime())
    sys.stderr.write(f"{now} [{os.getpid()}] keeper: {text}\n")
    sys.stderr.flush()


class Keeper:
    """Watches one Postgres and those who need it."""

    def __init__(self, layout: Layout, socket_dir: Path) -> None:
        """The caller holds the keeper's lock."""
        self._layout = layout
        self._socket_dir = socket_dir
        self._lease = FileLock(layout.lease)
        self._stopping = False
        self._wake_reader, self._wake_writer = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        self._layout.linger_file.unlink(missing_ok=True)
        self.say(STARTING)
        signal.set_wakeup_fd(self._wake_writer, warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._stop)

    def say(self, state: str, *, postgres_pid: int = 0, error: str = "") -> None:
        """Tell the clients, and the log."""
        status = Status(state, os.getpid(), postgres_pid, str(self._socket_dir), error)
        write_status(self._layout, status)
        _log(f"{state} {error}".rstrip())

    def keep(self, cluster: Cluster) -> None:
        """Run Postgres until nobody needs it; start it again whenever it dies. Raises ClusterRefused."""
        failures = 0
        was_ready = False
        while True:
            self.say(STARTING)
            began_s = time.monotonic()
            postgres = start_postgres(cluster)
            ready = self._wait_until_ready(cluster, postgres)
            if ready:
                was_ready = True
                self.say(READY, postgres_pid=postgres.pid)
                self._watch(postgres)
            if postgres.poll() is None:
                self.say(STOPPING, postgres_pid=postgres.pid)
                self._shut_down(postgres)
                self.say(STOPPED)
                return
            failures = 0 if time.monotonic() - began_s > RESTART_PAUSE_MAX_S else failures + 1
            if not was_ready and failures >= START_ATTEMPTS_MAX:
                raise ClusterRefused(f"Postgres does not start: {self._last_words()}")
            self._turn(min(TURN_S * 2**failures if failures > 1 else 0.0, RESTART_PAUSE_MAX_S))
            if self._stopping:
                self.say(STOPPED)
                return

    def _wait_until_ready(self, cluster: Cluster, postgres: "subprocess.Popen[bytes]") -> bool:
        """Wait until Postgres takes connections; False when it has ended, or has to end, before that."""
        while postgres.poll() is None and not self._stopping:
            if is_ready(cluster, postgres.pid):
                return True
            self._turn(STARTING_TURN_S)
        return False

    def _watch(self, postgres: "subprocess.Popen[bytes]") -> None:
        """Return when Postgres has died, or when it has to be stopped; the lease is locked against others then."""
        last_needed_s = time.monotonic()
        while postgres.poll() is None and not self._stopping:
            if self._is_needed(postgres.pid):
                last_needed_s = time.monotonic()
            elif time.monotonic() - last_needed_s >= LEASE_GRACE_S and self._lease.try_exclusive():
                # Whoever comes now waits until this process has ended, and then starts another keeper.
                return
            self._turn(TURN_S)

    def _is_needed(self, postgres_pid: int) -> bool:
        """Whether anybody holds the lease, or asked that Postgres linger, or still uses it after that."""
        if not self._lease.try_exclusive():
            return True
        self._lease.unlock()
        until = read_linger_until(self._layout)
        if until is None:
            return False
        now = time.time()
        return now < min(until, now + LINGER_MAX_S) or has_sessions(postgres_pid)

    def _shut_down(self, postgres: "subprocess.Popen[bytes]") -> None:
        """End Postgres: politely first."""
        for number, patience_s in ((signal.SIGINT, FAST_SHUTDOWN_S), (signal.SIGQUIT, IMMEDIATE_SHUTDOWN_S)):
            postgres.send_signal(number)
            deadline_s = time.monotonic() + patience_s
            while time.monotonic() < deadline_s:
                if postgres.poll() is not None:
                    self._clean_up()
                    return
                self._turn(STARTING_TURN_S)
        postgres.kill()
        postgres.wait()

    def _clean_up(self) -> None:
        """Remove the directory of the socket when it is empty, as it is after an orderly end."""
        try:
            self._socket_dir.rmdir()
        except OSError as error:
            _log(f"{self._socket_dir} stays: {error}")

    def _last_words(self) -> str:
        """The last line in the log that is Postgres's, not the keeper's."""
        lines = self._layout.log.read_text(errors="replace").splitlines()
        return next((line for line in reversed(lines) if "FATAL" in line or "PANIC" in line), "see postgres.log")

    def _turn(self, seconds: float) -> None:
        """Wait, but no longer than until a signal comes."""
        if select.select([self._wake_reader], [], [], seconds)[0]:
            os.read(self._wake_reader, 1024)

    def _stop(self, *_: object) -> None:
        """Note that this process was asked to end."""
        self._stopping = True


if __name__ == "__main__":
    main()

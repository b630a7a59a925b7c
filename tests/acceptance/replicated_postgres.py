"""A Postgres and a standby that follows it, on loopback, each of which can be killed as if its machine were lost.

The settings are those of docs/replication.md. This module must not know what is kept there.
"""

import asyncio
import os
import signal
import socket
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

import asyncpg

from eventstore.embedded.binaries import find_binaries
from eventstore.embedded.cluster import SETTINGS
from eventstore.embedded.privileges import becoming, capability_needed, capability_to_keep, identity_for

DEADLINE_S = 30.0
POLL_S = 0.02
USER = "cds"

LEVEL = "SELECT bool_and(flush_lsn >= pg_current_wal_flush_lsn()) FROM pg_stat_replication"

RECEIVED = """
SELECT pg_wal_lsn_diff(greatest(pg_last_wal_receive_lsn(), pg_last_wal_replay_lsn()), '0/0')::bigint
"""

REPLICATION = {
    "listen_addresses": "127.0.0.1",
    "wal_level": "replica",
    "max_wal_senders": "10",
    "hot_standby": "on",
    "logging_collector": "off",
    "wal_receiver_status_interval": "1",
}


class Machine:
    """A Postgres in a directory, with everything that belongs to it."""

    def __init__(self, directory: Path, name: str) -> None:
        """Nothing is there yet; `name` is what it calls itself as a standby."""
        self.name = name
        self.data = directory / name
        self.port = _free_port()
        self._programs = find_binaries()
        self.data.mkdir(mode=0o700)
        self._identity = identity_for(self.data) if os.geteuid() != 0 else identity_for(directory / "nowhere")
        self._capability = None
        if self._identity is not None:
            os.chown(self.data, self._identity.uid, self._identity.gid)
            needed = capability_needed(self._identity, [self.data], self._programs / "postgres")
            self._capability = None if needed is None else capability_to_keep(self._identity, needed)
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def dsn(self) -> str:
        """Its address alone."""
        return f"postgresql://{USER}@127.0.0.1:{self.port}/postgres"

    def make(self, **settings: str) -> None:
        """A new, empty cluster that lets standbys in; `settings` stand in its file, which a standby has a copy of."""
        self._run("initdb", "-D", self.data, f"--username={USER}", "--auth=trust", "--encoding=UTF8", "--locale=C")
        with (self.data / "postgresql.conf").open("a") as file:
            file.writelines(f"{name} = '{value}'\n" for name, value in settings.items())

    def follow(self, primary: "Machine") -> None:
        """Become a copy of another one, to be started as its standby."""
        source = self._source(primary)
        self._run("pg_basebackup", "-D", self.data, "-R", "-X", "stream", "-c", "fast", "-d", source)

    def start(self) -> None:
        """Run it; it answers when this returns."""
        chosen = {**SETTINGS, **REPLICATION, "port": str(self.port)}
        options = [f"--{name}={value}" for name, value in chosen.items()]
        with (self.data.parent / f"{self.name}.log").open("ab") as log:
            self._process = subprocess.Popen(
                [self._programs / "postgres", "-D", self.data, "-k", "", *options],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd="/",
                start_new_session=True,
                preexec_fn=becoming(self._identity, self._capability),  # noqa: PLW1509 - this thread forks alone
            )
        deadline_s = time.monotonic() + DEADLINE_S
        while not self._answers():
            assert self._process.poll() is None, (self.data.parent / f"{self.name}.log").read_text()[-2000:]
            assert time.monotonic() < deadline_s
            time.sleep(POLL_S)

    def lose(self) -> None:
        """Everything of it ends at once, as with the loss of the machine."""
        if self._process is None:
            return
        for number in (signal.SIGSTOP, signal.SIGKILL):
            # Stopped first: no process of it does anything for the death of another one.
            for pid in _all_of(self._process.pid):
                with suppress(ProcessLookupError):
                    os.kill(pid, number)
        self._process.wait()
        self._process = None

    def pause(self) -> None:
        """It does nothing more, and says nothing."""
        self._signal(signal.SIGSTOP)

    def go_on(self) -> None:
        """The end of a pause."""
        self._signal(signal.SIGCONT)

    async def level_with(self, primary: "Machine") -> None:
        """Come back when everything that has been committed there is on disk here."""
        connection = await asyncpg.connect(primary.dsn)
        try:
            async with asyncio.timeout(DEADLINE_S):
                while not await connection.fetchval(LEVEL):
                    await asyncio.sleep(POLL_S)
        finally:
            await connection.close()

    def promote(self) -> None:
        """A standby becomes what is written to."""
        self._run("pg_ctl", "promote", "-w", "-D", self.data)

    async def stand_alone(self) -> None:
        """Wait for no standby, as none is left."""
        await self._reload("synchronous_standby_names", "")

    async def follow_instead(self, primary: "Machine") -> None:
        """As a standby that runs, follow another one from here on."""
        await self._reload("primary_conninfo", self._source(primary))

    async def received(self) -> int:
        """How far a standby has come, in bytes."""
        connection = await asyncpg.connect(self.dsn)
        try:
            bytes_received: int = await connection.fetchval(RECEIVED)
            return bytes_received
        finally:
            await connection.close()

    async def _reload(self, setting: str, value: str) -> None:
        connection = await asyncpg.connect(self.dsn)
        try:
            await connection.execute(f"ALTER SYSTEM SET {setting} = '{value}'")
            await connection.execute("SELECT pg_reload_conf()")
        finally:
            await connection.close()

    def _source(self, primary: "Machine") -> str:
        return f"host=127.0.0.1 port={primary.port} user={USER} application_name={self.name}"

    def _signal(self, number: int) -> None:
        assert self._process is not None
        for pid in _all_of(self._process.pid):
            os.kill(pid, number)

    def _answers(self) -> bool:
        asked = subprocess.run(
            [self._programs / "pg_isready", "-h", "127.0.0.1", "-p", str(self.port)], capture_output=True, check=False
        )
        return asked.returncode == 0

    def _run(self, program: str, *arguments: str | Path) -> None:
        words: Sequence[str | Path] = [self._programs / program, *arguments]
        done = subprocess.run(
            words,
            capture_output=True,
            cwd="/",
            check=False,
            timeout=DEADLINE_S,
            preexec_fn=becoming(self._identity, self._capability),
        )
        assert done.returncode == 0, done.stderr.decode() + done.stdout.decode()


@contextmanager
def machines(directory: Path, *standbys: str, **settings: str) -> Iterator[tuple[Machine, ...]]:
    """A Postgres and its standbys of these names; `settings` are more of all of them. They are gone at the end."""
    made = first, *others = tuple(Machine(directory, name) for name in ("first", *standbys))
    try:
        first.make(**settings)
        first.start()
        for standby in others:
            standby.follow(first)
            standby.start()
        yield made
    finally:
        for machine in made:
            machine.lose()


@contextmanager
def two_machines(directory: Path, **settings: str) -> Iterator[tuple[Machine, Machine]]:
    """A Postgres and its standby `second`, as `machines`."""
    with machines(directory, "second", **settings) as (first, second):
        yield first, second


def _all_of(postmaster: int) -> list[int]:
    """A Postgres and its children, each of which leads a session of its own."""
    found = [postmaster]
    for entry in Path("/proc").iterdir():
        if entry.name.isdecimal():
            with suppress(OSError, IndexError):
                if int((entry / "stat").read_text().rpartition(")")[2].split()[1]) == postmaster:
                    found.append(int(entry.name))
    return found


def _free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port: int = taken.getsockname()[1]
        return port

"""The supervisor of a group of workers: binds the port once, starts the workers, and starts anew those that die.

It owns the data directory and the embedded Postgres, sees to the account of the administrator, and holds no contest.
The listening sockets stay open in it, so connections that come while a worker is being replaced wait for the others.
This module must not know what a worker serves.
"""

import asyncio
import os
import pickle
import shutil
import signal
import sys
import tempfile
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack, suppress
from functools import partial
from pathlib import Path

import msgspec
import structlog
from prometheus_client.multiprocess import mark_process_dead

from cds.administrator import ensure_admin
from cds.configuration import Configuration
from cds.encryption import Encryption
from cds.operations.encrypting import encryption_of
from cds.operations.hangup import heed_hangup
from cds.operations.listening import ListeningSocket, bound
from cds.operations.replaced_log import LogReplaced
from cds.operations.worker_metrics import DIRECTORY_VARIABLE
from cds.store_opening import opened_patiently
from cds.workers.marks import marks_file
from cds.workers.membership import LENGTH_BYTES, READY, REFUSED, REPLACED, Orders
from eventstore.embedded.launcher import embedded_postgres
from eventstore.embedded.ownership import server_ownership
from eventstore.presence import drawn_number
from eventstore.store import StoreRefused

WORKER_MODULE = "cds.workers.worker"

RESTART_FIRST_S = 0.1
RESTART_MAX_S = 10.0
"""The waits before a worker that died is started again: doubled from the first to the longest."""

STEADY_S = 30.0
"""A worker that lived so long is started again after the first wait."""

END_S_MAX = 10.0
"""How long workers may take to end when they are told to, after the time for draining; then they are killed."""

METRICS_DIRECTORY = "metrics"

log = structlog.get_logger(__name__)


class Supervisor:
    """A group of workers on one port."""

    def __init__(self, configuration: Configuration, workers: int) -> None:
        """A group that has not been started."""
        self.made_up_password: str | None = None
        self.encryption: Encryption | None = None
        self.stopping = asyncio.Event()
        self._configuration = configuration
        self._workers = workers
        self._stack = AsyncExitStack()
        self._sockets: Sequence[ListeningSocket] = []
        self._marks_descriptor = -1
        self._presence_number = drawn_number()
        self._metrics_directory = Path()
        self._processes: dict[int, Process] = {}
        self._ready = [asyncio.Event() for _ in range(workers)]

    @property
    def port(self) -> int:
        """The port of the group, also when it was left to the system (0)."""
        port: int = self._sockets[0].getsockname()[1]
        return port

    async def run(self, announce: Callable[["Supervisor"], Awaitable[None]]) -> None:
        """Run the group until `stopping` is set; `announce` is called when all workers are ready.

        Raises OSError for an address in use, EncryptionRefused for a certificate that is of no use, and StoreRefused
        for what a worker is refused by at its first start.
        """
        async with self._stack:
            # Before the workers do the same: what is wrong with it is said once, and they find one certificate.
            self.encryption = await asyncio.to_thread(encryption_of, self._configuration)
            self._sockets = await bound(self._configuration.host, self._configuration.port)
            self._stack.callback(self._close_sockets)
            dsn = await self._database()
            self._marks_descriptor = marks_file(self._workers)
            self._stack.callback(os.close, self._marks_descriptor)
            self._metrics_directory = self._chosen_metrics_directory()
            _empty(self._metrics_directory)
            keeping = [asyncio.create_task(self._keep(number, dsn)) for number in range(self._workers)]
            announcing = asyncio.create_task(self._announce(dsn, announce))
            stopping = asyncio.create_task(self.stopping.wait())
            try:
                await _ended_or_failed(stopping, [announcing, *keeping])
            finally:
                self.stopping.set()
                announcing.cancel()
                stopping.cancel()
                await self._drain(keeping)
                await asyncio.gather(announcing, stopping, return_exceptions=True)
        log.info("group_stopped")

    async def _drain(self, keeping: Sequence[asyncio.Task[None]]) -> None:
        """Let the workers end what they are about; those that take too long are killed."""
        self._pass_on(signal.SIGTERM)
        _, late = await asyncio.wait(keeping, timeout=self._configuration.drain_s + END_S_MAX)
        if late:
            log.error("workers_killed", workers=sorted(self._processes))
            self._pass_on(signal.SIGKILL)
        await asyncio.gather(*keeping, return_exceptions=True)

    def _pass_on(self, number: signal.Signals) -> None:
        """Send a signal to every worker there is."""
        for process in self._processes.values():
            with suppress(ProcessLookupError):
                process.send_signal(number)

    def reload(self) -> None:
        """Pass on SIGHUP, on which workers read their certificate again."""
        self._pass_on(signal.SIGHUP)

    def stop_soon(self, reason: str) -> None:
        """Have the group stop; whoever asks again is passed on."""
        if self.stopping.is_set():
            self._pass_on(signal.SIGTERM)
            return
        log.info("stopping", reason=reason, workers=self._workers, drain_s=self._configuration.drain_s)
        self.stopping.set()

    async def _database(self) -> str:
        """The address of the database; of the embedded one this process holds the lease."""
        if self._configuration.database_url is not None:
            return self._configuration.database_url
        self._stack.enter_context(server_ownership(self._configuration.data_dir))
        return await self._stack.enter_async_context(embedded_postgres(self._configuration.data_dir))

    def _chosen_metrics_directory(self) -> Path:
        """Where the workers keep their metrics for each other: a directory of their own."""
        chosen = os.environ.get(DIRECTORY_VARIABLE)
        if chosen:
            return Path(chosen).resolve()
        if self._configuration.database_url is None:
            return (self._configuration.data_dir / METRICS_DIRECTORY).resolve()
        directory = Path(tempfile.mkdtemp(prefix="cds-metrics-"))
        self._stack.callback(shutil.rmtree, directory, ignore_errors=True)
        return directory

    async def _announce(self, dsn: str, announce: Callable[["Supervisor"], Awaitable[None]]) -> None:
        store = await opened_patiently(dsn, self.stopping, presence_number=self._presence_number)
        if store is None:
            return
        try:
            self.made_up_password = await ensure_admin(store, self._configuration.admin_password)
        finally:
            await store.close()
        for ready in self._ready:
            await ready.wait()
        log.info("group_ready", workers=self._workers)
        await announce(self)

    async def _keep(self, number: int, dsn: str) -> None:
        """Start a worker, and again whenever it ends, until the group stops.

        Raises StoreRefused, and OSError or RuntimeError when the system has no room for one that was never ready (no
        process, no thread). Once it was, a failure to start it is as good as its end: the others serve, and it is tried
        again.
        """
        loop = asyncio.get_running_loop()
        starts, wait_s = 0, RESTART_FIRST_S
        while not self.stopping.is_set():
            started_s = loop.time()
            try:
                await self._lived(number, starts, dsn)
            except (OSError, RuntimeError) as failure:
                if not self._ready[number].is_set():
                    raise
                log.warning("worker_failed", worker=number, reason=str(failure))
            if self.stopping.is_set():
                return
            starts += 1
            wait_s = RESTART_FIRST_S if loop.time() - started_s >= STEADY_S else wait_s
            log.error("worker_restarting", worker=number, in_s=wait_s, restarts=starts)
            with suppress(TimeoutError):
                async with asyncio.timeout(wait_s):
                    await self.stopping.wait()
            wait_s = min(wait_s * 2, RESTART_MAX_S)

    async def _lived(self, number: int, starts: int, dsn: str) -> None:
        """The life of one process. Raises StoreRefused for what refused it before it was ever ready, and LogReplaced
        when it has found another log: the marks of the group are of the one before, so none of it can go on.
        """
        orders = Orders(
            configuration=msgspec.structs.replace(self._configuration, database_url=dsn, admin_password=None),
            number=number,
            workers=self._workers,
            starts=starts,
            supervisor_pid=os.getpid(),
            presence_number=self._presence_number,
            marks_descriptor=self._marks_descriptor,
            listening_descriptors=tuple(shared.fileno() for shared in self._sockets),
        )
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", WORKER_MODULE),
            stdin=PIPE,
            stdout=PIPE,
            pass_fds=(orders.marks_descriptor, *orders.listening_descriptors),
            env={**os.environ, DIRECTORY_VARIABLE: str(self._metrics_directory)},
        )
        self._processes[number] = process
        try:
            if self.stopping.is_set():
                process.kill()
            refusal = await self._listened_to(number, process, pickle.dumps(orders))
            await process.wait()
        finally:
            # However we got here: what comes after it writes the same table of marks.
            if process.returncode is None:
                with suppress(ProcessLookupError):
                    process.kill()
                await process.wait()
            del self._processes[number]
            # What it measured at the moment goes; what it counted stays. (The library says nothing of its types.)
            mark_process_dead(process.pid, str(self._metrics_directory))  # type: ignore[no-untyped-call]
        log.info("worker_ended", worker=number, pid=process.pid, exit_code=process.returncode)
        if refusal is not None and not self._ready[number].is_set():
            raise StoreRefused(refusal)

    async def _listened_to(self, number: int, process: Process, orders: bytes) -> str | None:
        """Give a process its orders and follow it to its end; returns what refused it, None if nothing did."""
        stdin, stdout = process.stdin, process.stdout
        if stdin is None or stdout is None:
            raise RuntimeError("a worker was started without pipes")
        refusal = None
        # The pipe stays open: its end tells the worker that its supervisor is gone.
        stdin.write(len(orders).to_bytes(LENGTH_BYTES, "big") + orders)
        async for line in _lines(stdout):
            if line.startswith(READY):
                self._ready[number].set()
                log.info("worker_ready", worker=number, pid=process.pid)
            elif line.startswith(REPLACED):
                raise LogReplaced(line.removeprefix(REPLACED).strip())
            elif line.startswith(REFUSED):
                refusal = line.removeprefix(REFUSED).strip()
        return refusal

    def _close_sockets(self) -> None:
        for shared in self._sockets:
            shared.close()


async def _lines(stdout: asyncio.StreamReader) -> AsyncIterator[str]:
    """What a worker says, line by line, but for lines that are too long for anything it may have to say."""
    while True:
        try:
            line = await stdout.readline()
        except ValueError:
            # The reader has let go of what it had of it, so the next lines are found.
            log.warning("worker_line_too_long")
            continue
        if not line:
            return
        yield line.decode(errors="replace")


def _empty(metrics_directory: Path) -> None:
    """Make a directory for metrics, or remove what an earlier group has left there."""
    metrics_directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    for left in metrics_directory.glob("*.db"):
        left.unlink()


def follow_processes_without_threads() -> None:
    """Have the kernel tell the running loop of the ends of processes, where it can: a thread each may find no room.

    Later versions of Python do so by themselves.
    """
    if sys.version_info < (3, 12):
        try:
            os.close(os.pidfd_open(os.getpid()))
        except (AttributeError, OSError):
            return
        watcher = asyncio.PidfdChildWatcher()
        watcher.attach_loop(asyncio.get_running_loop())
        asyncio.set_child_watcher(watcher)


async def supervise(
    configuration: Configuration, workers: int, announce: Callable[[Supervisor], Awaitable[None]]
) -> None:
    """Run a group until SIGTERM or SIGINT; `announce` is called when it is ready. Raises as `Supervisor.run`."""
    follow_processes_without_threads()
    supervisor = Supervisor(configuration, workers)
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, supervisor.stop_soon, number.name)
    stop = partial(supervisor.stop_soon, signal.SIGHUP.name)
    heed_hangup(encrypted=configuration.encrypted, reload=supervisor.reload, stop=stop)
    await supervisor.run(announce)


async def _ended_or_failed(stopping: asyncio.Task[bool], others: Sequence[asyncio.Task[None]]) -> None:
    """Come back when it is time to stop; raises what one of the others fails with before."""
    watched: set[asyncio.Task[bool] | asyncio.Task[None]] = {stopping, *others}
    while stopping in watched:
        done, watched = await asyncio.wait(watched, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            task.result()

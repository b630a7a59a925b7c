"""One worker of a group: takes its orders from standard input, serves, and ends with its supervisor.

Started by `cds.workers.supervisor` as a program. This module must not know how a server is built.
"""

import asyncio
import ctypes
import os
import pickle
import signal
import sys
import threading

import structlog

from cds.operations.leaving import keep_to_the_end, leave_at_once
from cds.workers.membership import LENGTH_BYTES, READY, REFUSED, REPLACED, Orders, membership

LEFT_ALONE_S_MAX = 10.0
"""How long a worker whose supervisor is gone may take to end."""

_PR_SET_PDEATHSIG = 1


def main() -> int:
    """Carry out the orders on standard input; returns the exit code of the process."""
    orders = _read_orders()
    _end_with(orders.supervisor_pid)
    # Whoever sits at a terminal interrupts all of its processes; the supervisor says when the workers end.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    return _serve(orders)


def _serve(orders: Orders) -> int:
    """Serve until told to end; what refuses it is told to the supervisor."""
    from cds import metrics
    from cds.application import Server, serve
    from cds.encryption import EncryptionRefused
    from cds.observability import configure_logging
    from cds.operations.replaced_log import LogReplaced
    from eventstore.store import StoreRefused

    configure_logging(orders.configuration.log_format, orders.configuration.log_level)
    structlog.contextvars.bind_contextvars(worker=orders.number)
    if orders.starts:
        metrics.WORKER_RESTARTS.inc()

    async def announce(server: Server) -> None:
        keep_to_the_end(server)
        _say(READY)

    try:
        asyncio.run(serve(orders.configuration, announce, membership(orders)))
    except (StoreRefused, EncryptionRefused, OSError) as refused:
        _say((REPLACED if isinstance(refused, LogReplaced) else REFUSED) + " ".join(str(refused).split()))
        return 1
    return 0


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def _read_orders() -> Orders:
    """The orders that the supervisor writes, once, to standard input."""
    length = int.from_bytes(sys.stdin.buffer.read(LENGTH_BYTES), "big")
    # Trusted: standard input is a pipe from the process that started this one.
    orders = pickle.loads(sys.stdin.buffer.read(length))  # noqa: S301 - as the comment says
    if not isinstance(orders, Orders):
        raise TypeError("a worker is started by its supervisor alone")
    return orders


def _end_with(supervisor_pid: int) -> None:
    """See to it that this process does not outlive its supervisor, however that ends.

    On Linux the kernel kills it at once, so that the port is free again. Elsewhere the end of standard input tells.
    """
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != supervisor_pid:
        raise SystemExit(1)
    threading.Thread(target=_watch_supervisor, name="watch the supervisor", daemon=True).start()


def _watch_supervisor() -> None:
    """Wait for the end of standard input, then end: in order, or else abruptly."""
    # Not by way of sys.stdin, whose lock must be free when the interpreter ends.
    while os.read(sys.stdin.fileno(), LENGTH_BYTES):
        continue
    os.kill(os.getpid(), signal.SIGTERM)
    threading.Event().wait(LEFT_ALONE_S_MAX)
    os._exit(1)


if __name__ == "__main__":
    leave_at_once(main())

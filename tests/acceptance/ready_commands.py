"""Processes of `cds` that are forked from one that has imported the whole program, and so begin at once.

Each command is a process of its own, with its own arguments, environment, directory, files and signals, and ends as the
program ends; only half a second of imports is saved, and that all of it is taken apart in the end. With
`CDS_TEST_COMMANDS=executed` every command is executed from the beginning, as a user's shell does it; some tests always
do.

This module must not know what any command does.
"""

import atexit
import gc
import importlib
import json
import os
import pkgutil
import select
import signal
import socket
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import NoReturn

PROGRAM = """
import sys
from {module} import end_with, next_command

next_command(int(sys.argv[1]))
from cds.cli import main

end_with(main)
"""
"""What the process runs that all others are forked from: each of them goes on behind `next_command`."""

REQUEST_BYTES_MAX = 1024 * 1024
FILES = 4
"""Standard input, output and errors of a command, and where its end is told."""

WORD = struct.Struct("=q")
"""How the process id and then the exit code of a command are told."""


class Command:
    """A running command, as subprocess.Popen is one."""

    def __init__(self, told: socket.socket) -> None:
        """The command whose process id and exit code are told here."""
        self._told = told
        self.returncode: int | None = None
        self.pid = self._number()

    def poll(self) -> int | None:
        """The exit code, minus the signal's number where one has ended it; None while it runs."""
        if self.returncode is None and self._is_told(0):
            self._ended()
        return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        """Wait for the end; returns the exit code. Raises subprocess.TimeoutExpired after so many seconds."""
        if self.returncode is None:
            if not self._is_told(timeout):
                raise subprocess.TimeoutExpired("cds", timeout or 0)
            self._ended()
        assert self.returncode is not None
        return self.returncode

    def send_signal(self, number: int) -> None:
        """Send it a signal, unless it has ended."""
        if self.poll() is None:
            os.kill(self.pid, number)

    def kill(self) -> None:
        """End it at once."""
        self.send_signal(signal.SIGKILL)

    def _is_told(self, timeout_s: float | None) -> bool:
        # Not select.select: a test may have more files open than that can look at.
        poll = select.poll()
        poll.register(self._told, select.POLLIN)
        return bool(poll.poll(None if timeout_s is None else timeout_s * 1_000))

    def _ended(self) -> None:
        self.returncode = self._number()
        self._told.close()

    def _number(self) -> int:
        word = self._told.recv(WORD.size, socket.MSG_WAITALL)
        assert len(word) == WORD.size, "the process that commands are forked from has gone"
        number: int = WORD.unpack(word)[0]
        return number


class ReadyProcess:
    """The process that has imported the program, and forks at every request."""

    def __init__(self) -> None:
        """Start it. It ends when this process does."""
        self._requests, theirs = socket.socketpair()
        self._one_at_a_time = threading.Lock()
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, "-c", PROGRAM.format(module=__name__), str(theirs.fileno())],
                cwd="/",
                env={**os.environ, "PYTHONPATH": os.pathsep.join([str(Path(__file__).parents[2]), *sys.path])},
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                pass_fds=[theirs.fileno()],
            )
        atexit.register(self._end)

    def start(
        self, arguments: Sequence[str], *, cwd: Path, env: Mapping[str, str], files: tuple[int, int, int]
    ) -> Command:
        """Run `cds` with these arguments; `files` are its standard input, output and errors."""
        told, theirs = socket.socketpair()
        request = json.dumps([list(arguments), str(cwd.resolve()), dict(env)]).encode()
        assert len(request) <= REQUEST_BYTES_MAX
        with theirs, self._one_at_a_time:
            socket.send_fds(self._requests, [WORD.pack(len(request))], [*files, theirs.fileno()])
            self._requests.sendall(request)
        return Command(told)

    def _end(self) -> None:
        self._requests.close()
        self._process.wait()


@cache
def ready_process() -> ReadyProcess:
    """The one of this process, started when it is first asked for."""
    return ReadyProcess()


def next_command(requests_at: int) -> None:
    """Fork for every request that comes; returns only in a process that is to be a command."""
    _import_everything()
    requests = socket.socket(fileno=requests_at)
    awake, waker = socket.socketpair()
    for each in (awake, waker):
        each.setblocking(False)
    signal.set_wakeup_fd(waker.fileno(), warn_on_full_buffer=False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    running: dict[int, socket.socket] = {}
    while True:
        ready, _, _ = select.select([requests, awake], [], [])
        if awake in ready:
            awake.recv(REQUEST_BYTES_MAX)
            _tell_ends(running)
        if requests not in ready:
            continue
        size, files, _, _ = socket.recv_fds(requests, WORD.size, FILES)
        if not size:
            os._exit(0)
        request = requests.recv(WORD.unpack(size)[0], socket.MSG_WAITALL)
        pid = os.fork()
        if pid == 0:
            for each in (requests, awake, waker, *running.values()):
                each.close()
            _become(request, files)
            return
        running[pid] = socket.socket(fileno=files.pop())
        running[pid].sendall(WORD.pack(pid))
        for file in files:
            os.close(file)


def end_with(program: Callable[[], str | int | None]) -> NoReturn:
    """Run the program, and end with its exit code as an interpreter does, but leave its memory to the system.

    To take apart all that has been imported would cost more than most commands do.
    """
    try:
        sys.exit(program())
    except SystemExit as ended:
        code = ended.code
    if isinstance(code, str):
        sys.stderr.write(f"{code}\n")
        code = 1
    threading._shutdown()  # type: ignore[attr-defined]
    atexit._run_exitfuncs()
    for written in (sys.stdout, sys.stderr):
        written.flush()
    os._exit(code or 0)


def _import_everything() -> None:
    """Import every module of the program: all that a command imports when it needs it."""
    import cds

    for module in pkgutil.walk_packages(cds.__path__, "cds."):
        importlib.import_module(module.name)
    # What is shared by all of them is not to be copied for looking at it.
    gc.collect()
    gc.freeze()


def _tell_ends(running: dict[int, socket.socket]) -> None:
    for pid in list(running):
        ended, status = os.waitpid(pid, os.WNOHANG)
        if ended:
            # Where nobody waits for it any more, nobody is told.
            with running.pop(pid) as told, suppress(BrokenPipeError):
                told.sendall(WORD.pack(os.waitstatus_to_exitcode(status)))


def _become(request: bytes, files: list[int]) -> None:
    """Be a command as if it had been executed."""
    signal.set_wakeup_fd(-1)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    arguments, directory, environment = json.loads(request)
    for number, file in enumerate(files[:3]):
        os.dup2(file, number)
    for file in files:
        os.close(file)
    os.chdir(directory)
    os.environ.clear()
    os.environ.update(environment)
    time.tzset()
    sys.argv = ["cds", *arguments]

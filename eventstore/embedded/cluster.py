"""The cluster itself: how it is made, with what settings Postgres runs, and what is left of an earlier run.

Knows initdb, the command line of Postgres and postmaster.pid. It must not know who needs the database.
Standard library only.
"""

import os
import shutil
import signal
import subprocess
import time
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from eventstore.embedded.layout import SUPERUSER, Layout
from eventstore.embedded.privileges import (
    Identity,
    PrivilegeError,
    becoming,
    capability_needed,
    capability_to_keep,
    check_may_become,
    identity_for,
)

INITDB_TIMEOUT_S = 120.0
LEFTOVER_PATIENCE_S = 10.0
"""How long processes of an earlier run may take to end by themselves."""

LEFTOVER_POLL_S = 0.02
SOCKET_DIRECTORY_MODE = 0o700

SETTINGS = {
    # An acknowledged transaction is on disk. Given on the command line, so that nothing in the cluster overrides it.
    "fsync": "on",
    "synchronous_commit": "on",
    "full_page_writes": "on",
    # Reached through a socket in a private directory, by nobody else; hence no password.
    "listen_addresses": "",
    "unix_socket_permissions": "0700",
    "max_connections": "100",
    "shared_buffers": "128MB",
    "max_wal_size": "1GB",
    "wal_compression": "on",
    "timezone": "UTC",
    # A file per weekday, each begun anew after a week.
    "logging_collector": "on",
    "log_directory": "log",
    "log_filename": "postgres-%a.log",
    "log_truncate_on_rotation": "on",
    "log_rotation_age": "1d",
    "log_rotation_size": "0",
    "log_min_messages": "warning",
    "log_timezone": "UTC",
}
"""The settings of Postgres, as `cds serve` uses it."""

NOT_DURABLE = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}
"""What differs for a cluster that tests throw away."""

_STATE_LINE = 7
"""The index of the line in postmaster.pid that says `starting`, `ready` or `stopping`."""

_INITDB_OPTIONS = ("--encoding=UTF8", "--locale=C", "--auth-local=trust", "--auth-host=reject", "--no-instructions")


class ClusterRefused(Exception):
    """There is no use in trying again: the text says why, and what to do."""


class Cluster(NamedTuple):
    """A cluster, the programs to run it with, and whom and with what rights to run them as."""

    layout: Layout
    binaries: Path
    socket_dir: Path
    durable: bool
    identity: Identity | None
    capability: int | None


def prepare_cluster(layout: Layout, binaries: Path, socket_dir: Path, *, durable: bool) -> Cluster:
    """The cluster of a data directory; made when there is none yet. Raises ClusterRefused."""
    try:
        identity = identity_for(layout.cluster)
        capability = None
        if identity is not None:
            check_may_become(identity)
            needed = capability_needed(identity, [layout.cluster, socket_dir], binaries / "postgres")
            capability = None if needed is None else capability_to_keep(identity, needed)
    except PrivilegeError as error:
        raise ClusterRefused(str(error)) from error
    cluster = Cluster(layout, binaries, socket_dir, durable, identity, capability)
    if not (layout.cluster / "PG_VERSION").exists():
        _make_cluster(cluster)
    _check_version(cluster)
    _make_socket_dir(cluster)
    return cluster


def start_postgres(cluster: Cluster) -> "subprocess.Popen[bytes]":
    """Start Postgres as a direct child that dies with this process. Call it from the main thread."""
    stale_pid = _end_leftovers(cluster.layout.cluster)
    for file in cluster.socket_dir.iterdir():
        file.unlink()  # Of an earlier run: the directory is ours, and nothing of the cluster runs.
    settings = SETTINGS if cluster.durable else SETTINGS | NOT_DURABLE
    options = [f"--{name}={value}" for name, value in settings.items()]
    return subprocess.Popen(
        [
            str(cluster.binaries / "postgres"),
            "-D",
            str(cluster.layout.cluster),
            "-k",
            str(cluster.socket_dir),
            *options,
        ],
        stdin=subprocess.DEVNULL,
        env=_environment() | ({"PG_GRANDPARENT_PID": str(stale_pid)} if stale_pid else {}),
        cwd="/",
        preexec_fn=becoming(cluster.identity, cluster.capability),  # noqa: PLW1509 - the keeper has one thread
    )


def is_ready(cluster: Cluster, pid: int) -> bool:
    """Whether the Postgres with this process id says that it takes connections in postmaster.pid."""
    lines = _pid_file_lines(cluster.layout.cluster)
    return len(lines) > _STATE_LINE and lines[0].strip() == str(pid) and lines[_STATE_LINE].strip() == "ready"


def has_sessions(postgres_pid: int) -> bool:
    """Whether clients are connected, psql for example: server processes name the kind of their connection."""
    for process in _processes():
        try:
            parent = (process / "stat").read_text().rpartition(")")[2].split()[1]
            if int(parent) == postgres_pid and b"[local]" in (process / "cmdline").read_bytes():
                return True
        except (OSError, IndexError):
            continue  # It has ended meanwhile.
    return False


def _make_cluster(cluster: Cluster) -> None:
    """Run initdb in another place and rename what it made, so that a half-made cluster is never taken for one."""
    layout = cluster.layout
    unfinished = layout.unfinished_cluster
    if unfinished.exists():
        _end_leftovers(unfinished)
        shutil.rmtree(unfinished)
    unfinished.mkdir(mode=0o700)
    if cluster.identity is not None:
        os.chown(unfinished, cluster.identity.uid, cluster.identity.gid)
    sync = () if cluster.durable else ("--no-sync",)
    initdb = subprocess.run(
        [
            str(cluster.binaries / "initdb"),
            "-D",
            str(unfinished),
            f"--username={SUPERUSER}",
            *_INITDB_OPTIONS,
            *sync,
        ],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        env=_environment(),
        cwd="/",
        timeout=INITDB_TIMEOUT_S,
        check=False,
        preexec_fn=becoming(cluster.identity, cluster.capability),
    )
    if initdb.returncode != 0:
        lines = initdb.stdout.decode(errors="replace").strip().splitlines() or ["no output"]
        raise ClusterRefused(f"initdb failed: {next((line for line in lines if 'error' in line), lines[-1])}")
    unfinished.rename(layout.cluster)


def _check_version(cluster: Cluster) -> None:
    """Refuse a cluster that another major version of Postgres has made."""
    made_by = (cluster.layout.cluster / "PG_VERSION").read_text().strip()
    answer = subprocess.run(
        [str(cluster.binaries / "postgres"), "--version"],
        stdout=subprocess.PIPE,
        env=_environment(),
        cwd="/",
        timeout=INITDB_TIMEOUT_S,
        check=True,
    )
    version = answer.stdout.decode().split()[2]
    if version.split(".")[0] != made_by:
        raise ClusterRefused(
            f"{cluster.layout.cluster} was made by Postgres {made_by} and the programs in {cluster.binaries} are "
            f"version {version}: dump it with pg_dump of version {made_by} and restore it into a new data directory, "
            f"or let CDS_POSTGRES_BIN name the programs of version {made_by}"
        )


def _make_socket_dir(cluster: Cluster) -> None:
    """Make the private directory of the socket; refuse one that somebody else has put there."""
    path = cluster.socket_dir
    uid = os.geteuid() if cluster.identity is None else cluster.identity.uid
    path.mkdir(mode=SOCKET_DIRECTORY_MODE, exist_ok=True)
    status = path.lstat()
    if path.is_symlink() or not path.is_dir() or status.st_uid not in (uid, os.geteuid()):
        raise ClusterRefused(f"{path} belongs to somebody else: remove it, or set TMPDIR to another directory")
    if cluster.identity is not None:
        os.chown(path, cluster.identity.uid, cluster.identity.gid)
    path.chmod(SOCKET_DIRECTORY_MODE)


def _end_leftovers(cluster: Path) -> int | None:
    """Wait for processes of an earlier run, then end them. Returns the stale process id in postmaster.pid, if any.

    The caller owns the data directory, so no Postgres that works here is anybody's. A process id in
    postmaster.pid says little: it may be of a zombie, or of a stranger since. What counts is whose working
    directory is the cluster. Raises ClusterRefused when they do not even end by SIGKILL.
    """
    for number in (signal.SIGINT, signal.SIGKILL):
        # SIGINT is for the main process alone: to the others it means something else, and they follow it.
        main_pid = _pid_in_file(cluster)
        for pid in _processes_in(cluster):
            if number == signal.SIGKILL or pid == main_pid:
                _signal_if_there(pid, number)
        deadline_s = time.monotonic() + LEFTOVER_PATIENCE_S
        while _processes_in(cluster) and time.monotonic() < deadline_s:
            time.sleep(LEFTOVER_POLL_S)
        if not _processes_in(cluster):
            return _pid_in_file(cluster)
    raise ClusterRefused(f"processes {_processes_in(cluster)} of an earlier Postgres in {cluster} do not end")


def _signal_if_there(pid: int, number: signal.Signals) -> None:
    """Send a signal to a process that may have ended by itself."""
    with suppress(ProcessLookupError):
        os.kill(pid, number)


def _processes_in(directory: Path) -> list[int]:
    """The processes (zombies have none) whose working directory this is. None are found where /proc is missing."""
    found = []
    for process in _processes():
        try:
            if (process / "cwd").readlink() == directory:
                found.append(int(process.name))
        except OSError:
            continue  # It has ended meanwhile, or it is somebody else's and so not of this cluster.
    return found


def _processes() -> list[Path]:
    """The directories of all processes in /proc."""
    proc = Path("/proc")
    return [entry for entry in proc.iterdir() if entry.name.isdecimal()] if proc.is_dir() else []


def _pid_in_file(cluster: Path) -> int | None:
    """The process id in postmaster.pid, or None."""
    lines = _pid_file_lines(cluster)
    return int(lines[0]) if lines and lines[0].strip().isdecimal() else None


def _pid_file_lines(cluster: Path) -> list[str]:
    """The lines of postmaster.pid; none when there is no such file."""
    try:
        return (cluster / "postmaster.pid").read_text().splitlines()
    except FileNotFoundError:
        return []


def _environment() -> dict[str, str]:
    """The environment of Postgres: nothing of ours, PGDATA and its like least of all."""
    kept = {name: os.environ[name] for name in ("PATH", "LD_LIBRARY_PATH") if name in os.environ}
    return {"PATH": "/usr/bin:/bin"} | kept | {"LC_ALL": "C", "TZ": "UTC"}

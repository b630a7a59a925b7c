"""What a child process gives up before it becomes initdb or Postgres, and the little it keeps.

Knows users, Linux capabilities and prctl. It must not know Postgres beyond: it refuses to run as root.
Standard library only.

As root, Postgres runs as an unprivileged user, and its data may lie below directories that this user cannot
pass (a home directory of root, a private temporary directory). Opening those for everybody is not ours to do.
So the child keeps one capability: to pass directories and read (CAP_DAC_READ_SEARCH). It is made ambient, so that
the shell which initdb starts hands it on.
"""

import ctypes
import os
import pwd
import signal
import stat
import sys
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

UNPRIVILEGED_USERS = ("postgres", "nobody")
"""Whom Postgres runs as when we are root: the first of them that exists."""

CAP_CHOWN = 0
CAP_DAC_OVERRIDE = 1
CAP_DAC_READ_SEARCH = 2
CAP_SETGID = 6
CAP_SETUID = 7
CAP_SETPCAP = 8

_PR_SET_PDEATHSIG = 1
_PR_SET_SECUREBITS = 28
_PR_CAP_AMBIENT = 47
_PR_CAP_AMBIENT_RAISE = 2
_SECBIT_NO_SETUID_FIXUP = 1 << 2
_CAPABILITY_VERSION_3 = 0x20080522

IS_LINUX = sys.platform == "linux"


class PrivilegeError(Exception):
    """Postgres cannot be run as an unprivileged user here; the text says what to do."""


class Identity(NamedTuple):
    """A user that Postgres runs as."""

    name: str
    uid: int
    gid: int


def identity_for(cluster: Path) -> Identity | None:
    """The user that Postgres has to run as; None: as ourselves.

    A cluster that exists already decides: Postgres refuses one that belongs to another user. Raises PrivilegeError.
    """
    try:
        owner = cluster.stat().st_uid
    except FileNotFoundError:
        return _unprivileged_identity() if os.geteuid() == 0 else None
    if owner == os.geteuid() and owner != 0:
        return None
    if os.geteuid() != 0 or owner == 0:
        raise PrivilegeError(f"{cluster} belongs to user {owner}, and Postgres cannot run as that user from here")
    entry = pwd.getpwuid(owner)
    return Identity(entry.pw_name, entry.pw_uid, entry.pw_gid)


def _unprivileged_identity() -> Identity:
    """The first of UNPRIVILEGED_USERS that exists."""
    for name in UNPRIVILEGED_USERS:
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        return Identity(entry.pw_name, entry.pw_uid, entry.pw_gid)
    raise PrivilegeError(f"Postgres cannot run as root, and there is none of the users {', '.join(UNPRIVILEGED_USERS)}")


def check_may_become(identity: Identity) -> None:
    """Raise PrivilegeError when this process, though root, has not the right to run anything as another user."""
    if not IS_LINUX:
        return
    held = _held_capabilities()
    if not all(held & (1 << capability) for capability in (CAP_CHOWN, CAP_SETGID, CAP_SETUID)):
        raise PrivilegeError(
            f"Postgres cannot run as root, and this root may not change to user {identity.name}: "
            "run the program as an ordinary user, or use a server with --database-url"
        )


def capability_needed(identity: Identity, directories: list[Path], program: Path) -> int | None:
    """The capability without which a user could not use these directories and this program; None: none."""
    if not _may(identity, program, stat.S_IXOTH):
        return CAP_DAC_OVERRIDE  # Reading is not enough to execute.
    passed = {parent for path in (*directories, program) for parent in path.resolve().parents}
    if all(_may(identity, directory, stat.S_IXOTH) for directory in passed) and _may(identity, program, stat.S_IROTH):
        return None
    return CAP_DAC_READ_SEARCH


def _may(identity: Identity, path: Path, bit: int) -> bool:
    """Whether the mode of a file gives a user the right that `bit` (a right of others) stands for."""
    status = path.stat()
    if status.st_uid == identity.uid:
        bit <<= 6
    elif status.st_gid == identity.gid:
        bit <<= 3
    return bool(status.st_mode & bit)


def capability_to_keep(identity: Identity, needed: int) -> int:
    """The capability that this process can hand to a child for a need. Raises PrivilegeError when it has none."""
    held = _held_capabilities() if IS_LINUX else 0
    sufficient = [needed] if needed == CAP_DAC_OVERRIDE else [needed, CAP_DAC_OVERRIDE]
    if held & (1 << CAP_SETPCAP):
        for capability in sufficient:
            if held & (1 << capability):
                return capability
    raise PrivilegeError(
        f"Postgres has to run as user {identity.name}, who cannot reach the data directory or the programs of "
        "Postgres: choose a data directory (and an installation) below directories that everybody may pass"
    )


def _held_capabilities() -> int:
    """The permitted capabilities of this process that its children may have, as a bit set."""
    held = bounding = 0
    for line in Path("/proc/self/status").read_text().splitlines():
        name, _, value = line.partition(":")
        if name == "CapPrm":
            held = int(value, 16)
        elif name == "CapBnd":
            bounding = int(value, 16)
    return held & bounding


def becoming(identity: Identity | None, capability: int | None) -> Callable[[], None]:
    """What a forked child runs before it executes a program, as `preexec_fn` of subprocess.

    The child dies (SIGINT: a fast shutdown of Postgres) with the thread that forks it, so fork from a main thread.
    """
    parent_pid = os.getpid()
    libc = ctypes.CDLL(None, use_errno=True)

    def become() -> None:
        signal.pthread_sigmask(signal.SIG_SETMASK, [])
        os.umask(0o077)
        if identity is not None:
            _become_user(libc, identity, capability)
        if IS_LINUX:
            # After the change of user, which clears it.
            _prctl(libc, _PR_SET_PDEATHSIG, signal.SIGINT)
        if os.getppid() != parent_pid:
            os._exit(1)  # The parent died before the signal was asked for.

    return become


def _become_user(libc: ctypes.CDLL, identity: Identity, capability: int | None) -> None:
    """Change the user for good, keeping at most one capability."""
    os.setgroups([])
    os.setgid(identity.gid)
    if capability is None:
        os.setuid(identity.uid)
        return
    # Without this bit access(2), by which initdb looks for its programs, would not count the capability.
    _prctl(libc, _PR_SET_SECUREBITS, _SECBIT_NO_SETUID_FIXUP)
    os.setuid(identity.uid)
    _keep_only(libc, capability)
    _prctl(libc, _PR_CAP_AMBIENT, _PR_CAP_AMBIENT_RAISE, capability)


def _keep_only(libc: ctypes.CDLL, capability: int) -> None:
    """Give up every capability but one, which children may inherit."""
    header = (ctypes.c_uint32 * 2)(_CAPABILITY_VERSION_3, 0)
    bits = 1 << capability
    # Two groups of effective, permitted, inheritable: capabilities 0 to 31, then 32 to 63.
    sets = (ctypes.c_uint32 * 6)(bits, bits, bits, 0, 0, 0)
    if libc.capset(header, sets) != 0:
        raise OSError(ctypes.get_errno(), "capset")


def _prctl(libc: ctypes.CDLL, option: int, first: int, second: int = 0) -> None:
    """prctl(2) with up to two arguments."""
    zero = ctypes.c_ulong(0)
    if libc.prctl(option, ctypes.c_ulong(first), ctypes.c_ulong(second), zero, zero) != 0:
        raise OSError(ctypes.get_errno(), f"prctl {option}")

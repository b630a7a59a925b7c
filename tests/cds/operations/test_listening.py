"""Clients for whom the system has no file left are told so, and whoever comes when there is one again is let in."""

import errno
import socket
from collections.abc import Iterator

import pytest

from cds.operations.listening import REFUSAL, ListeningSocket

DEADLINE_S = 20.0
REQUEST = b"GET / HTTP/1.1\r\n\r\n"


@pytest.fixture
def listening() -> Iterator[ListeningSocket]:
    """A socket that listens."""
    with ListeningSocket(socket.AF_INET, socket.SOCK_STREAM) as made:
        made.bind(("127.0.0.1", 0))
        made.listen()
        made.settimeout(DEADLINE_S)
        yield made


def client_of(listening: ListeningSocket) -> socket.socket:
    """A client that has asked for something."""
    made = socket.create_connection(listening.getsockname(), timeout=DEADLINE_S)
    made.sendall(REQUEST)
    return made


def without_files(monkeypatch: pytest.MonkeyPatch, code: int) -> None:
    """The system has none for the next client; behind that the one that was kept for this is free."""
    failures = [OSError(code, "no room")]
    accept = socket.socket.accept

    def failing(self: socket.socket) -> object:
        if failures:
            raise failures.pop()
        return accept(self)

    monkeypatch.setattr(socket.socket, "accept", failing)


@pytest.mark.parametrize("code", [errno.EMFILE, errno.ENFILE])
def test_who_comes_when_the_last_file_is_taken_is_told_so(
    listening: ListeningSocket, monkeypatch: pytest.MonkeyPatch, code: int
) -> None:
    with client_of(listening) as early:
        connection, _ = listening.accept()
        with connection, client_of(listening) as refused:
            without_files(monkeypatch, code)
            with pytest.raises(ConnectionAbortedError):
                listening.accept()
            assert refused.makefile("rb").read() == REFUSAL
            connection.sendall(b"still there")
            assert early.recv(100) == b"still there"
    with client_of(listening):
        later, _ = listening.accept()
        with later:
            assert later.recv(100) == REQUEST


def test_what_else_goes_wrong_is_not_hidden(listening: ListeningSocket, monkeypatch: pytest.MonkeyPatch) -> None:
    without_files(monkeypatch, errno.EINVAL)
    with pytest.raises(OSError, match="no room"):
        listening.accept()

"""Listening sockets that somebody else has opened. Those of systemd's socket activation are named by variables:

LISTEN_PID       the process that they are for
LISTEN_FDS       how many there are; the first is descriptor 3
LISTEN_FDNAMES   their names, with colons between them; may be missing
"""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator, MutableMapping
from contextlib import ExitStack, suppress

from dicomnet.errors import InvalidValue


def inherited_sockets(
    environ: MutableMapping[str, str] = os.environ, pid: int | None = None
) -> list[tuple[str, socket.socket]]:
    """The listening sockets that this process was started with, in order, each with its name.

    They are non-blocking and not passed on to programs that we start. The
    variables are removed, whomever they were meant for, so this works once.

    Args:
        environ: where the variables are.
        pid: our process; None asks the system.

    Returns:
        Nothing if there are none, or none for us.

    Raises:
        InvalidValue: the variables contradict themselves, or a descriptor is no
            listening TCP socket; then all of them are closed.
    """
    whose, count, names = (environ.pop(name, None) for name in ("LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES"))
    if not whose or not count or _number("LISTEN_PID", whose, _MOST_PID) != (os.getpid() if pid is None else pid):
        return []
    with ExitStack() as stack:
        descriptors = range(FIRST, FIRST + _number("LISTEN_FDS", count, _MOST_SOCKETS))
        for descriptor in descriptors:
            stack.callback(_close, descriptor)
        called = names.split(":") if names else ["unknown"] * len(descriptors)
        if len(called) != len(descriptors):
            raise InvalidValue(f"LISTEN_FDNAMES has {len(called)} names for {len(descriptors)} sockets")
        for descriptor in descriptors:
            _check(descriptor)
        stack.pop_all()
    return list(_take(called))


def listening_socket(given: socket.socket | int) -> socket.socket:
    """A copy of a socket, or of a descriptor, that listens; whoever has the original keeps it, and its queue.

    Raises:
        InvalidValue: it is no listening TCP socket.
    """
    try:
        sock = given.dup() if isinstance(given, socket.socket) else socket.socket(fileno=os.dup(given))
    except OSError as error:
        raise InvalidValue(f"{given} is no open socket: {error.strerror}") from error
    if not _listens(sock):
        sock.close()
        raise InvalidValue(f"{given} is no TCP socket that listens")
    sock.setblocking(False)
    return sock


def _take(names: list[str]) -> Iterator[tuple[str, socket.socket]]:
    for descriptor, name in enumerate(names, FIRST):
        sock = socket.socket(fileno=descriptor)
        sock.set_inheritable(False)
        sock.setblocking(False)
        yield name, sock


def _check(descriptor: int) -> None:
    try:
        sock = socket.socket(fileno=descriptor)
    except OSError as error:
        raise InvalidValue(f"inherited descriptor {descriptor} is no socket: {error.strerror}") from error
    try:
        if not _listens(sock):
            raise InvalidValue(f"inherited descriptor {descriptor} is no TCP socket that listens")
    finally:
        sock.detach()


def _listens(sock: socket.socket) -> bool:
    internet = sock.family in (socket.AF_INET, socket.AF_INET6) and sock.type == socket.SOCK_STREAM
    return internet and bool(sock.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN))


def _close(descriptor: int) -> None:
    with suppress(OSError):
        os.close(descriptor)


def _number(name: str, text: str, most: int) -> int:
    if not (text.isascii() and text.isdigit() and len(text) <= 10 and int(text) <= most):
        raise InvalidValue(f"{name} is {text!r}, which is no number up to {most}")
    return int(text)


FIRST = 3
"""Where inherited descriptors begin: behind standard input, output and error."""

_MOST_SOCKETS = 1024
_MOST_PID = 1 << 32

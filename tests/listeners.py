"""Sockets that listen, for tests of what connects to them."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager

from dicomnet.sockets import bind

V4, V6 = "127.0.0.1", "::1"


@contextmanager
def listening(host: str = V4, port: int = 0, **options: object) -> Iterator[list[socket.socket]]:
    with ExitStack() as stack:
        yield [stack.enter_context(closing(sock)) for sock in bind(host, port, **options)]  # type: ignore[arg-type]


def port_of(sockets: list[socket.socket]) -> int:
    (port,) = {sock.getsockname()[1] for sock in sockets}
    return port


def reaches(host: str, port: int) -> bool:
    try:
        socket.create_connection((host, port), timeout=5).close()
    except ConnectionRefusedError:
        return False
    return True


@contextmanager
def silent_address() -> Iterator[int]:
    """The port of a peer whose backlog is full: it answers nobody, not even with a refusal."""
    with ExitStack() as stack:
        listener = stack.enter_context(socket.socket())
        listener.bind((V4, 0))
        listener.listen(0)
        for _ in range(4):
            filler = stack.enter_context(socket.socket())
            filler.setblocking(False)
            filler.connect_ex(listener.getsockname())
        yield listener.getsockname()[1]


def accept(sock: socket.socket) -> socket.socket:
    sock.setblocking(True)
    return sock.accept()[0]


def infos(*hosts: str, port: int = 0) -> list[tuple[int, int, int, str, tuple[str, int]]]:
    return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (host, port)) for host in hosts]


def sizes(sock: socket.socket) -> tuple[int, int]:
    return (
        sock.getsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF),
        sock.getsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF),
    )

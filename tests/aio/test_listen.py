"""Accepting connections, and how many."""

from __future__ import annotations

import asyncio
import errno
import gc
import logging
import os
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import ExitStack, asynccontextmanager, closing

import pytest

from dicomnet.aio import listen
from dicomnet.aio.listen import Listener
from dicomnet.sockets import SocketOptions, bind

V4 = "127.0.0.1"


class Gate:
    """Takes what a listener accepts."""

    def __init__(self, stack: ExitStack, fail: Exception | None = None) -> None:
        self.taken: asyncio.Queue[tuple[socket.socket, str, int]] = asyncio.Queue()
        self.stack = stack
        self.fail = fail

    def __call__(self, sock: socket.socket, host: str, port: int) -> None:
        fail, self.fail = self.fail, None
        if fail is not None:
            raise fail
        self.stack.enter_context(closing(sock))
        self.taken.put_nowait((sock, host, port))

    async def next(self) -> tuple[socket.socket, str, int]:
        async with asyncio.timeout(5):
            return await self.taken.get()


@asynccontextmanager
async def listening(
    host: str = V4,
    *,
    fail: Exception | None = None,
    wrap: Callable[[socket.socket], socket.socket] = lambda sock: sock,
    options: SocketOptions = SocketOptions(),
) -> AsyncIterator[tuple[Listener, Gate]]:
    with ExitStack() as stack:
        gate = Gate(stack, fail)
        listener = Listener([wrap(sock) for sock in bind(host)], gate, options)
        try:
            yield listener, gate
        finally:
            await listener.close()


class Stumbling(socket.socket):
    """A listening socket whose first `accept` calls fail."""

    failures: list[int]

    @classmethod
    def over(cls, sock: socket.socket, *failures: int) -> Stumbling:
        stumbling = cls(sock.family, sock.type, sock.proto, sock.detach())
        stumbling.setblocking(False)
        stumbling.failures = list(failures)
        return stumbling

    def accept(self) -> tuple[socket.socket, object]:
        if self.failures:
            number = self.failures.pop(0)
            raise OSError(number, os.strerror(number))
        return super().accept()


async def test_connections_come_in_order_with_who_they_are() -> None:
    """First come, first served; each with its peer's address and port."""
    async with listening() as (listener, gate):
        with ExitStack() as stack:
            clients = [stack.enter_context(socket.create_connection(listener.address)) for _ in range(5)]
            for client in clients:
                sock, host, port = await gate.next()
                assert (host, port) == client.getsockname()
                assert sock.getpeername() == client.getsockname()


async def test_an_ipv4_peer_has_an_ipv4_address() -> None:
    """On the socket that serves both families too."""
    async with listening("") as (listener, gate):
        with socket.create_connection((V4, listener.address[1])):
            assert (await gate.next())[1] == V4
        with socket.create_connection(("::1", listener.address[1])):
            assert (await gate.next())[1] == "::1"


async def test_options_are_set_on_what_is_accepted() -> None:
    """Also those that a connection does not inherit from its listener."""
    async with listening(options=SocketOptions(linger=3.0)) as (listener, gate):
        with socket.create_connection(listener.address):
            sock, _, _ = await gate.next()
            assert sock.getsockopt(socket.SOL_SOCKET, socket.SO_LINGER, 8) == b"\1\0\0\0\3\0\0\0"
            assert sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)


@pytest.mark.parametrize("number", [errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM])
async def test_accepting_goes_on_once_there_are_descriptors_again(
    number: int, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Who came meanwhile waited in the backlog and is served; the log tells why it took so long."""
    monkeypatch.setattr(listen, "RETRY_ACCEPT", 0.01)
    async with listening(wrap=lambda sock: Stumbling.over(sock, number, number)) as (listener, gate):
        with socket.create_connection(listener.address) as client:
            assert (await gate.next())[2] == client.getsockname()[1]
    assert caplog.text.count(os.strerror(number)) == 2


async def test_a_peer_that_left_before_it_was_accepted_costs_no_time(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """The next one is accepted at once; nothing of it is worth a warning."""
    monkeypatch.setattr(listen, "RETRY_ACCEPT", 1000.0)
    async with listening(wrap=lambda sock: Stumbling.over(sock, errno.ECONNABORTED)) as (listener, gate):
        with socket.create_connection(listener.address) as client:
            assert (await gate.next())[2] == client.getsockname()[1]
    assert [record for record in caplog.records if record.levelno >= logging.WARNING] == []


@pytest.mark.parametrize("fail", [OSError(errno.ENOTCONN, "gone"), ValueError("no")])
async def test_a_connection_that_cannot_be_served_does_not_stop_the_others(fail: Exception) -> None:
    """It is closed, and accepting goes on."""
    async with listening(fail=fail) as (listener, gate):
        with socket.create_connection(listener.address) as first, socket.create_connection(listener.address) as second:
            assert (await gate.next())[2] == second.getsockname()[1]
            first.settimeout(5)
            assert first.recv(1) == b""


async def test_after_close_nobody_is_accepted_and_those_accepted_live_on() -> None:
    """The port is free at once."""
    async with listening() as (listener, gate):
        with socket.create_connection(listener.address) as client:
            sock, _, _ = await gate.next()
            await listener.close()
            with pytest.raises(ConnectionRefusedError):
                socket.create_connection(listener.address)
            client.sendall(b"x")
            sock.setblocking(True)
            assert sock.recv(1) == b"x"


async def test_closing_twice_is_harmless() -> None:
    """A listener may be closed by its owner and again at shutdown."""
    async with listening() as (listener, _):
        await listener.close()


@pytest.mark.parametrize("steps", range(6))
async def test_closing_at_any_moment_loses_no_connection(steps: int) -> None:
    """Each is either served or closed: a socket that nobody holds would be open for its peer and for nobody else."""
    async with listening() as (listener, gate):
        with socket.create_connection(listener.address) as client:
            for _ in range(steps):
                await asyncio.sleep(0)
            await listener.close()
            gc.collect()
            if gate.taken.empty():
                client.settimeout(5)
                with pytest.raises(ConnectionResetError):
                    client.recv(1)


async def test_a_loop_that_watches_no_descriptors_accepts_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    """As the usual loop of Windows does."""

    def refuse(*_: object) -> None:
        raise NotImplementedError

    if not isinstance(asyncio.get_running_loop(), asyncio.BaseEventLoop):
        pytest.skip("the loop's methods cannot be replaced")
    with monkeypatch.context() as patch:
        patch.setattr(listen.Listener, "_watch", _without_readers(listen.Listener._watch, refuse))
        async with listening() as (listener, gate):
            with socket.create_connection(listener.address) as client:
                assert (await gate.next())[2] == client.getsockname()[1]


def _without_readers(watch: Callable[..., None], refuse: Callable[..., None]) -> Callable[..., None]:
    def watching(self: Listener, sock: socket.socket) -> None:
        add_reader = self._loop.add_reader
        try:
            self._loop.add_reader = refuse  # type: ignore[method-assign]
            watch(self, sock)
        finally:
            self._loop.add_reader = add_reader  # type: ignore[method-assign]

    return watching

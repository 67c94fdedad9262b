"""A line between two programs of this machine: bytes come out of it later than they went in, and no faster than it allows.

It is a proxy that ends the TCP connections of both sides, so what it does not have is slow start, loss, and the round trip
of TCP's own handshake; both programs of a comparison are spared the same.
"""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from queue import Queue
from types import TracebackType
from typing import Any, Self


class Line:
    """A line to a port of this machine, there from construction to the end of the block.

    Args:
        target: the port that it leads to.
        round_trip: seconds that bytes take there and back, together.
        rate: bits per second either way, shared by all connections; None is as fast as the proxy moves them.
    """

    def __init__(self, target: int, *, round_trip: float = 0.0, rate: float | None = None) -> None:
        self._target = target
        self._ways = [Way(round_trip / 2, rate), Way(round_trip / 2, rate)]
        self._chunk = CHUNK if rate is None else PACED_CHUNK
        self._sockets: list[socket.socket] = []
        self._threads: list[threading.Thread] = []
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=128)
        self._run(self._accept)

    @property
    def port(self) -> int:
        """The near end of it."""
        port: int = self._listener.getsockname()[1]
        return port

    def close(self) -> None:
        """Cuts all connections."""
        _cut(self._listener)
        self._threads[0].join()  # whoever accepts: after it no socket is new
        for each in self._sockets:
            _cut(each)
        for thread in self._threads:
            thread.join()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _accept(self) -> None:
        while True:
            try:
                near, _ = self._listener.accept()
            except OSError:  # closed
                return
            self._sockets.append(near)
            try:
                far = socket.create_connection(("127.0.0.1", self._target))
            except OSError:
                near.close()
                continue
            self._sockets.append(far)
            for source, sink, way in ((near, far, self._ways[0]), (far, near, self._ways[1])):
                source.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                under_way: Queue[tuple[float, bytes]] = Queue(MOST_UNDER_WAY // self._chunk)
                self._run(self._take, source, way, under_way)
                self._run(self._give, sink, under_way)

    def _take(self, source: socket.socket, way: Way, under_way: Queue[tuple[float, bytes]]) -> None:
        chunk = b"begin"
        while chunk:
            way.wait_for_room()
            try:
                chunk = source.recv(self._chunk)
            except OSError:
                chunk = b""
            under_way.put((way.enter(time.monotonic(), len(chunk)), chunk))

    def _give(self, sink: socket.socket, under_way: Queue[tuple[float, bytes]]) -> None:
        chunk = b"begin"
        while chunk:
            due, chunk = under_way.get()
            time.sleep(max(0.0, due - time.monotonic()))
            # Whoever has gone is told nothing more, but who still sends to him must not wait for ever: it is thrown away.
            with suppress(OSError):
                if chunk:
                    sink.sendall(chunk)
                else:
                    sink.shutdown(socket.SHUT_WR)

    def _run(self, function: Callable[..., object], *arguments: Any) -> None:
        thread = threading.Thread(target=function, args=arguments, daemon=True)
        self._threads.append(thread)
        thread.start()


def _cut(link: socket.socket) -> None:
    """Closes a socket, and wakes whoever waits for it."""
    with suppress(OSError):
        link.shutdown(socket.SHUT_RDWR)
    link.close()


@dataclass(slots=True)
class Way:
    """One direction of a line: when bytes come out that go in now. Times are seconds of one clock."""

    delay: float
    rate: float | None
    """Bits per second."""
    _free: float = 0.0
    """When the last bit that has gone in will be on the line."""
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def enter(self, now: float, size: int) -> float:
        """When the last of so many bytes arrives: each bit waits for those before it, takes its time, then the delay."""
        if self.rate is None:
            return now + self.delay
        with self._lock:
            self._free = max(self._free, now) + size * 8 / self.rate
            return self._free + self.delay

    def excess(self, now: float) -> float:
        """Seconds until the queue before the line takes more."""
        return max(0.0, self._free - now - QUEUE)

    def wait_for_room(self) -> None:
        while wait := self.excess(time.monotonic()):
            time.sleep(wait)


CHUNK = 256 * 1024
"""Bytes read at a time: as much as two PDUs, so that the proxy's own work is small."""

PACED_CHUNK = 16 * 1024
"""The same where bits take their time: 1.3 ms at 100 Mbit/s, so that several connections take turns."""

MOST_UNDER_WAY = 256 * 1024 * 1024
"""Bytes of one connection in one direction: 10 ms of any line in reach are far less, so this limits memory only."""

QUEUE = 0.02
"""Seconds of data that wait before a line with a rate, as in a router; then it reads no more, and TCP holds its sender."""

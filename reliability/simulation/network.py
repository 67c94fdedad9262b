"""Connections that are not there: two lines each, and a socket at one end of them that asyncio takes for one."""

from __future__ import annotations

import os
import socket
from collections import deque
from collections.abc import Callable
from random import Random
from typing import Any

from dicomnet.limits import KIB
from reliability.simulation.loop import Selectable, SimLoop, SimSelector


class Line:
    """One direction of a connection: what is written arrives later, in order, cut anywhere.

    `on_data` and `on_room` are called when there is something to read, its end
    included, and when there is room again to write.
    """

    def __init__(self, loop: SimLoop, random: Random, latency: float, *, cuts: bool) -> None:
        self.silent = False
        """What is written is lost, and nobody is told."""
        self.broken = False
        """Reset: whoever reads or writes hears of it."""
        self.ended = False
        """Nothing more is written."""
        self.on_data: Callable[[], None] = _nothing
        self.on_room: Callable[[], None] = _nothing
        self._loop = loop
        self._random = random
        self._latency = latency
        self._cuts = cuts
        self._arrived = bytearray()
        self._end_arrived = False
        self._flying: deque[bytes | None] = deque()
        self._flying_bytes = 0
        self._last = 0.0

    @property
    def room(self) -> int:
        """Bytes that can be written now."""
        return WINDOW - len(self._arrived) - self._flying_bytes

    @property
    def readable(self) -> bool:
        return bool(self._arrived) or self._end_arrived or self.broken

    @property
    def unread(self) -> bool:
        """Whether bytes have arrived that nobody has read."""
        return bool(self._arrived)

    def write(self, data: bytes) -> None:
        """Sends it on its way; it must not be more than there is room for."""
        assert not self.ended, "bytes after the end of a stream"
        if self.silent or self.broken:
            return
        if self._cuts and len(data) > 1:
            at = self._random.randrange(1, len(data))
            self._launch(data[:at])
            data = data[at:]
        self._launch(data)

    def end(self) -> None:
        if not self.ended:
            self.ended = True
            if not self.silent and not self.broken:
                self._launch(None)

    def read(self, size: int, *, peek: bool = False) -> bytes:
        """What has arrived, b"" at the end; raises what a socket raises. What is only looked at stays."""
        if self.broken:
            raise ConnectionResetError(104, "Connection reset by peer")
        if not self._arrived:
            if self._end_arrived:
                return b""
            raise BlockingIOError
        if peek:
            return bytes(self._arrived[:size])
        full = self.room <= 0
        data = bytes(self._arrived[:size])
        del self._arrived[:size]
        if full:
            self._loop.call_soon(self.on_room)
        return data

    def cut_off(self) -> None:
        """Resets it: what has not been read is lost."""
        if not self.broken:
            self.broken = True
            self._arrived.clear()
            self._loop.call_soon(self.on_data)
            self._loop.call_soon(self.on_room)

    def _launch(self, data: bytes | None) -> None:
        delay = self._latency * (0.5 + self._random.random())
        self._last = max(self._last, self._loop.now + delay)
        self._flying.append(data)
        self._flying_bytes += len(data or b"")
        self._loop.call_at(self._last, self._land)

    def _land(self) -> None:
        data = self._flying.popleft()
        self._flying_bytes -= len(data or b"")
        if self.broken:
            return
        if data is None:
            self._end_arrived = True
        else:
            self._arrived += data
        self.on_data()


class Connection:
    """Both lines of a connection, seen from the peer: it writes to `there` and reads from `back`."""

    def __init__(self, loop: SimLoop, random: Random, *, latency: float, cuts: bool) -> None:
        self.there = Line(loop, random, latency, cuts=cuts)
        self.back = Line(loop, random, latency, cuts=cuts)

    def reset(self) -> None:
        for line in (self.there, self.back):
            line.cut_off()

    def fall_silent(self) -> None:
        for line in (self.there, self.back):
            line.silent = True


class _Descriptor(Selectable):
    """What sockets of both kinds have; the descriptor is a real one, of nothing, so that nobody else has its number."""

    family = socket.AF_INET
    type = socket.SOCK_STREAM
    proto = 0

    def __init__(self, network: Network, name: tuple[str, int], peer: tuple[str, int]) -> None:
        self._network = network
        self._name = name
        self._peer = peer
        self._number = os.open(os.devnull, os.O_RDONLY)
        network.selector.things[self._number] = self
        network.open += 1

    def fileno(self) -> int:
        return self._number

    def close(self) -> None:
        if self._number != -1:
            del self._network.selector.things[self._number]
            os.close(self._number)
            self._number = -1
            self._network.open -= 1
            self._closed()

    def detach(self) -> int:
        raise AssertionError("nobody closes descriptors below a socket here")

    def setblocking(self, blocking: bool) -> None:
        assert not blocking

    def gettimeout(self) -> float:
        return 0.0

    def setsockopt(self, *arguments: Any) -> None:
        pass

    def getsockopt(self, *arguments: Any) -> int:
        return 0

    def getsockname(self) -> tuple[str, int]:
        return self._name

    def getpeername(self) -> tuple[str, int]:
        return self._peer

    def _closed(self) -> None:
        """What becomes of it then."""


class SimSocket(_Descriptor):
    """The end of a connection that the node has."""

    def __init__(self, network: Network, connection: Connection, name: tuple[str, int], peer: tuple[str, int]) -> None:
        super().__init__(network, name, peer)
        self._in = connection.there
        self._out = connection.back

    def readable(self) -> bool:
        return self._in.readable

    def writable(self) -> bool:
        return self._out.room > 0 or self._out.broken

    def recv(self, size: int, flags: int = 0) -> bytes:
        return self._in.read(size, peek=bool(flags & socket.MSG_PEEK))

    def recv_into(self, buffer: Any, size: int = 0, flags: int = 0) -> int:
        data = self._in.read(size or len(buffer))
        buffer[: len(data)] = data
        return len(data)

    def send(self, data: Any, flags: int = 0) -> int:
        line = self._out
        if line.broken:
            raise ConnectionResetError(104, "Connection reset by peer")
        count = min(len(data), line.room)
        if count <= 0:
            raise BlockingIOError
        line.write(bytes(data[:count]))
        return count

    def sendmsg(self, buffers: Any) -> int:
        return self.send(b"".join(buffers))

    def shutdown(self, how: int) -> None:
        if self._out.broken:
            raise OSError(107, "Transport endpoint is not connected")
        self._out.end()

    def _closed(self) -> None:
        # TCP: closing with unread bytes resets, and so does what comes after closing.
        if self._in.unread:
            self._out.cut_off()
        self._out.end()
        self._in.cut_off()


class SimListening(_Descriptor):
    """The listening socket of the node."""

    def __init__(self, network: Network, name: tuple[str, int]) -> None:
        super().__init__(network, name, ("", 0))
        self._backlog: deque[SimSocket] = deque()

    def readable(self) -> bool:
        return bool(self._backlog)

    def writable(self) -> bool:
        return False

    def offer(self, sock: SimSocket) -> None:
        self._backlog.append(sock)

    def accept(self) -> tuple[SimSocket, tuple[str, int]]:
        if not self._backlog:
            raise BlockingIOError
        sock = self._backlog.popleft()
        return sock, sock.getpeername()

    def _closed(self) -> None:
        while self._backlog:
            self._backlog.popleft().close()


class Network:
    """All that can be connected."""

    def __init__(self, loop: SimLoop, random: Random) -> None:
        selector = loop._selector  # type: ignore[attr-defined]
        assert isinstance(selector, SimSelector)
        self.selector = selector
        self.open = 0
        """Descriptors of ours."""
        self.connections: list[Connection] = []
        """All that there ever were."""
        self._loop = loop
        self._random = random
        self._listening: SimListening | None = None

    def listen(self) -> SimListening:
        self._listening = SimListening(self, ("192.0.2.1", 104))
        return self._listening

    def connect(self, host: str, *, latency: float, cuts: bool) -> Connection | None:
        """Connects to the node, if anybody listens there."""
        listening = self._listening
        if listening is None or listening.fileno() == -1:
            return None
        connection = Connection(self._loop, self._random, latency=latency, cuts=cuts)
        self.connections.append(connection)
        port = 40_000 + len(self.connections)
        listening.offer(SimSocket(self, connection, listening.getsockname(), (host, port)))
        return connection

    def unplug(self) -> None:
        """Nobody listens any more, and every connection is reset."""
        self._listening = None
        for connection in self.connections:
            connection.reset()


def _nothing() -> None:
    pass


WINDOW = 16 * KIB
"""Bytes that a line takes before its reader has read any: little, so that it is full now and then."""

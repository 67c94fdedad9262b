"""Many connections at a time, held by one thread: silent, dripping or deaf ones, from addresses of their own."""

from __future__ import annotations

import resource
import socket
import threading
from collections.abc import Sequence
from types import TracebackType
from typing import Self

from reliability.node import PATIENCE


class Crowd:
    """So many connections to a port of this machine.

    Args:
        sources: addresses that they come from in turn; this machine has all of 127.0.0.0/8.
    """

    def __init__(self, port: int, count: int, sources: Sequence[str] = ("127.0.0.2",)) -> None:
        self.sockets: list[socket.socket] = []
        _make_room_for(count)
        try:
            for number in range(count):
                source = (sources[number % len(sources)], 0)
                self.sockets.append(socket.create_connection(("127.0.0.1", port), PATIENCE, source_address=source))
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Ends all of them."""
        for one in self.sockets:
            one.close()

    def send(self, data: bytes) -> int:
        """Each sends the same; returns how many of them still could."""
        return sum(_sent(one, data) for one in self.sockets)

    def take(self, count: int) -> int:
        """Each waits for so many bytes; returns how many have got them."""
        return sum(len(_taken(one, count)) == count for one in self.sockets)

    def ends(self) -> set[bytes]:
        """Each waits for its end; returns the last ten bytes that came before it, or fewer, of which all are different."""
        return {_rest(one)[-10:] for one in self.sockets}

    def stuff(self, data: bytes) -> int:
        """Each sends as much as goes in without waiting, and reads nothing; returns how many bytes that were."""
        sent = 0
        for one in self.sockets:
            one.setblocking(False)
            try:
                while True:
                    sent += one.send(data)
            except OSError:
                continue
        return sent

    def half_open(self) -> None:
        """They vanish without a word, as when a cable is pulled; needs root.

        Raises:
            PermissionError: this is not root.
        """
        for one in self.sockets:
            one.setsockopt(socket.IPPROTO_TCP, _TCP_REPAIR, 1)
            one.close()


class Dripping:
    """A crowd that sends its bytes one at a time, each time after a pause, and begins again when they are over."""

    def __init__(self, crowd: Crowd, data: bytes, pause: float) -> None:
        self.rounds = 0
        self._crowd = crowd
        self._data = data
        self._pause = pause
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._drip, name="dripping")

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._over.set()
        self._thread.join()

    def _drip(self) -> None:
        while not self._over.wait(self._pause):
            at = self.rounds % len(self._data)
            self._crowd.send(self._data[at : at + 1])
            self.rounds += 1


def _sent(one: socket.socket, data: bytes) -> bool:
    try:
        one.sendall(data)
    except OSError:
        return False
    return True


def _taken(one: socket.socket, count: int) -> bytes:
    taken = b""
    try:
        while len(taken) < count and (piece := one.recv(count - len(taken))):
            taken += piece
    except OSError:
        return taken
    return taken


def _rest(one: socket.socket) -> bytes:
    rest = b""
    try:
        while piece := one.recv(65536):
            rest += piece
    except ConnectionResetError:
        return b""
    return rest


def _make_room_for(count: int) -> None:
    """Descriptors for so many more."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = count + 512
    if soft < wanted <= hard:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


_TCP_REPAIR = 19

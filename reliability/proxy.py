"""A line between two peers that is cut at a byte, in the way that is asked for."""

from __future__ import annotations

import selectors
import socket
import struct
import threading
from typing import Literal, Self

How = Literal["end", "reset", "silence"]
"""How a line is cut: end of file for both, a reset for both, or nothing more for either, without a word."""

THERE, BACK = 0, 1


class Proxy:
    """Passes connections on to a port of this machine, one at a time; each is cut where `cut` says by then.

    Args:
        port: who is on the other side.
    """

    def __init__(self, port: int) -> None:
        self.cut: tuple[int, int, How] | None = None
        """Direction, bytes that pass in it, how; None passes everything."""
        self.passed = [0, 0]
        """Bytes of the last connection, there and back."""
        self._target = port
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listening.getsockname()[1]
        self._wake, self._waking = socket.socketpair()
        self._free = threading.Semaphore(0)
        self._thread = threading.Thread(target=self._serve, name="proxy")

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._waking.close()
        self._thread.join()
        self._listening.close()
        self._wake.close()

    def wait(self) -> None:
        """Until the next connection is over."""
        self._free.acquire()

    def _serve(self) -> None:
        while self._readable(self._listening, self._wake) == [self._listening]:
            near, _ = self._listening.accept()
            self.passed = [0, 0]
            try:
                far = socket.create_connection(("127.0.0.1", self._target))
            except OSError:
                near.close()
                continue
            with near, far:
                for one in (near, far):
                    one.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                if self._pass(near, far) == "reset":
                    for one in (near, far):
                        one.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self._free.release()

    def _pass(self, near: socket.socket, far: socket.socket) -> How | None:
        """All that goes to and fro; returns how it was cut, if it was."""
        ends, cut, quiet = [near, far], self.cut, False
        while ends:
            for end in self._readable(*ends, self._wake):
                if end is self._wake:
                    return None
                direction = THERE if end is near else BACK
                other = far if end is near else near
                data = _received(end)
                if not data:
                    ends.remove(end)
                    _finish(other)
                elif not quiet:
                    room = len(data)
                    if cut is not None and cut[0] == direction:
                        room = cut[1] - self.passed[direction]
                    self.passed[direction] += min(room, len(data))
                    _send(other, data[:room])
                    if len(data) >= room and cut is not None and cut[0] == direction:
                        if cut[2] == "reset":
                            return "reset"
                        if cut[2] == "end":
                            _finish(near)
                            _finish(far)
                        quiet = True
        return None

    @staticmethod
    def _readable(*sockets: socket.socket) -> list[socket.socket]:
        with selectors.PollSelector() as selector:  # which has no descriptor of its own
            for one in sockets:
                selector.register(one, selectors.EVENT_READ)
            return [key.fileobj for key, _ in selector.select()]  # type: ignore[misc]


def _received(end: socket.socket) -> bytes:
    try:
        return end.recv(65536)
    except OSError:
        return b""


def _send(end: socket.socket, data: bytes) -> None:
    try:
        end.sendall(data)
    except OSError:  # it is gone; its own end tells
        return


def _finish(end: socket.socket) -> None:
    try:
        end.shutdown(socket.SHUT_WR)
    except OSError:
        return

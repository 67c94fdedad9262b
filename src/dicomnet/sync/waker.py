"""Ends the wait of one thread from another."""

from __future__ import annotations

import os
import socket
import threading
from contextlib import suppress


class Waker:
    """Something to be waited for beside a socket: readable from `wake` until `clear`.

    One descriptor where the system has event descriptors, else two.
    """

    def __init__(self) -> None:
        # Reentrant: a signal handler may wake while its own thread is in here.
        self._lock = threading.RLock()
        self._pair: tuple[socket.socket, socket.socket] | None = None
        self._event: int | None = None
        if hasattr(os, "eventfd"):
            self._event = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
        else:
            self._pair = socket.socketpair()
            for end in self._pair:
                end.setblocking(False)

    def fileno(self) -> int:
        if self._pair is not None:
            return self._pair[0].fileno()
        assert self._event is not None
        return self._event

    def wake(self) -> None:
        """From any thread and at any time, also after `close`."""
        with self._lock, suppress(BlockingIOError):  # full of what has not been cleared, so it is readable
            if self._pair is not None:
                self._pair[1].send(b"\0")
            elif self._event is not None:
                os.eventfd_write(self._event, 1)

    def clear(self) -> None:
        with self._lock, suppress(BlockingIOError):
            if self._pair is not None:
                while self._pair[0].recv(4096):
                    pass
            elif self._event is not None:
                os.eventfd_read(self._event)

    def close(self) -> None:
        with self._lock:
            pair, self._pair = self._pair, None
            event, self._event = self._event, None
            if event is not None:
                os.close(event)
            for end in pair or ():
                end.close()

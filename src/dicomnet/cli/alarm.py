"""What the main thread of a server waits on: signals, and other threads that have news.

A thread that waits for a lock can miss a signal that comes just before it
begins to wait. Here the system itself leaves a byte in a socket for each
signal, so none is lost, and there is one thing to wait on for all.
"""

from __future__ import annotations

import signal
import socket
from contextlib import suppress
from types import FrameType, TracebackType
from typing import Self


class Alarm:
    """A context manager of the main thread; inside it SIGINT and SIGTERM do nothing but ring."""

    def __init__(self) -> None:
        self._here, self._there = socket.socketpair()
        self._there.setblocking(False)
        self._before: dict[signal.Signals, object] = {}

    def __enter__(self) -> Self:
        self._fd_before = signal.set_wakeup_fd(self._there.fileno(), warn_on_full_buffer=False)
        for number in (signal.SIGINT, signal.SIGTERM):
            # A shell without job control starts what runs in the background with SIGINT ignored, and means it.
            if signal.getsignal(number) is not signal.SIG_IGN:
                self._before[number] = signal.signal(number, _ring)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)  # type: ignore[arg-type]
        signal.set_wakeup_fd(self._fd_before)
        self._here.close()
        self._there.close()

    def news(self) -> None:
        """From any thread: something happened."""
        with suppress(OSError):  # it is full, so it rings already; or closed
            self._there.send(b"\0")

    def wait(self, seconds: float | None = None) -> bool:
        """Waits until it rings, or so many seconds. Returns whether a signal rang it."""
        self._here.settimeout(seconds)
        try:
            rung = self._here.recv(4096)
        except TimeoutError:
            return False
        return any(rung)


def _ring(number: int, frame: FrameType | None) -> None:
    """The byte is in the socket by now."""

"""How much of what came has not reached a callback yet, and when that is reason to stop reading."""

from __future__ import annotations

import threading
from collections.abc import Callable

from dicomnet.limits import Limits


class Backlog:
    """Counts from any thread; `pause` is called on the loop's thread, `resume` wherever the count fell."""

    def __init__(self, limits: Limits, pause: Callable[[], None], resume: Callable[[], None]) -> None:
        self._limits = limits
        self._pause = pause
        self._resume = resume
        self._lock = threading.Lock()
        self._messages = 0
        self._bytes = 0
        self._paused = False
        self._disregarded = False

    @property
    def is_full(self) -> bool:
        """Whether reading has stopped for it."""
        return self._paused

    def grow(self, messages: int, size: int) -> None:
        """So many messages came, or bytes that are held in memory for them; on the loop's thread."""
        limits = self._limits
        with self._lock:
            self._messages += messages
            self._bytes += size
            full = self._messages >= limits.undelivered_messages or self._bytes >= limits.undelivered_bytes
            if not full or self._disregarded:
                return
            self._paused = True
        self._pause()

    def shrink(self, messages: int, size: int) -> None:
        """So many were delivered."""
        with self._lock:
            self._messages -= messages
            self._bytes -= size
            low = self._paused and self.is_low
        if low:
            self._resume()

    @property
    def is_low(self) -> bool:
        """Whether half of what is allowed is free again: at less, reading would stop and go with every message."""
        limits = self._limits
        return self._messages <= limits.undelivered_messages // 2 and self._bytes <= limits.undelivered_bytes // 2

    def resumed(self) -> None:
        """Reading goes on."""
        self._paused = False

    def disregard(self) -> None:
        """From now on nothing is reason to stop."""
        self._disregarded = True
        self._paused = False

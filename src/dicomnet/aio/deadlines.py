"""One timer of the loop for the deadlines of all its connections.

A deadline that moves away (it does with every byte received) costs nothing:
the old entry stays, and when it comes up the connection is asked again.
"""

from __future__ import annotations

import asyncio
import logging
from heapq import heappop, heappush
from itertools import count
from typing import Protocol

log = logging.getLogger("dicomnet.wire")


class Waiter(Protocol):
    armed: float | None
    """When the entry of this waiter comes up; written by `Deadlines` alone."""

    def deadline_came(self, now: float) -> float | None:
        """Does what is due and returns the next deadline."""


class Deadlines:
    """Calls waiters at their deadlines."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._heap: list[tuple[float, int, Waiter]] = []
        self._serial = count()
        self._timer: asyncio.TimerHandle | None = None

    def arm(self, waiter: Waiter, when: float | None) -> None:
        """Makes sure that the waiter is called not later than `when`."""
        if when is None or (waiter.armed is not None and waiter.armed <= when):
            return
        waiter.armed = when
        heappush(self._heap, (when, next(self._serial), waiter))
        if self._heap[0][0] == when:
            self._schedule()

    def close(self) -> None:
        """Calls nobody any more."""
        if self._timer is not None:
            self._timer.cancel()
        self._timer = None
        self._heap.clear()

    def _schedule(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = self._loop.call_at(self._heap[0][0], self._due) if self._heap else None

    def _due(self) -> None:
        # A timer may fire a clock tick early; the tick must not cost a second round.
        now = self._loop.time()
        horizon = now + _TICK
        while self._heap and self._heap[0][0] <= horizon:
            when, _, waiter = heappop(self._heap)
            if waiter.armed == when:
                waiter.armed = None
                try:
                    self.arm(waiter, waiter.deadline_came(max(now, when)))
                except Exception:
                    log.exception("a deadline could not be met")
        self._schedule()


_TICK = 0.001

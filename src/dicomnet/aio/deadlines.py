"""One timer of the loop for the deadlines of all its connections.

A deadline that moves away (it does with every byte received) costs nothing:
the old entry stays, and when it comes up the connection is asked again.
"""

from __future__ import annotations

import asyncio
import logging
from heapq import heapify, heappop, heappush
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
        self._heap: list[tuple[float, int]] = []
        self._waiters: dict[int, Waiter] = {}
        """By the number in the heap: an entry outlives its waiter, and must not keep it."""
        self._timer: asyncio.TimerHandle | None = None

    def arm(self, waiter: Waiter, when: float | None) -> None:
        """Makes sure that the waiter is called not later than `when`."""
        if when is None or (waiter.armed is not None and waiter.armed <= when):
            return
        waiter.armed = when
        number = id(waiter)
        self._waiters[number] = waiter
        heappush(self._heap, (when, number))
        if self._heap[0][0] == when:
            self._schedule()

    def forget(self, waiter: Waiter) -> None:
        """Never calls it again; what is over must not wait here for a deadline that is far away."""
        waiter.armed = None
        self._waiters.pop(id(waiter), None)
        if len(self._heap) > _SLACK + 4 * len(self._waiters):
            self._heap = [(one.armed, number) for number, one in self._waiters.items() if one.armed is not None]
            heapify(self._heap)

    def close(self) -> None:
        """Calls nobody any more."""
        if self._timer is not None:
            self._timer.cancel()
        self._timer = None
        self._heap.clear()
        self._waiters.clear()

    def _schedule(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = self._loop.call_at(self._heap[0][0], self._due) if self._heap else None

    def _due(self) -> None:
        # A timer may fire a clock tick early; the tick must not cost a second round.
        now = self._loop.time()
        horizon = now + _TICK
        while self._heap and self._heap[0][0] <= horizon:
            when, number = heappop(self._heap)
            waiter = self._waiters.get(number)
            if waiter is not None and waiter.armed == when:
                waiter.armed = None
                try:
                    self.arm(waiter, waiter.deadline_came(max(now, when)))
                except Exception:
                    log.exception("a deadline could not be met")
                if waiter.armed is None:
                    self.forget(waiter)
        self._schedule()


_SLACK = 256
"""Entries that may be of nobody, before they are looked for."""

_TICK = 0.001

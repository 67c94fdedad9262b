"""What a provider keeps of one association: the tasks that perform its requests, and those that wait for their turn."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine
from typing import Any

from dicomnet.aio.crew import Share
from dicomnet.aio.info import AssociationInfo
from dicomnet.aio.performing import Performance
from dicomnet.aio.requests import Request, StoreRequest, ended
from dicomnet.exchanges.session import Session

log = logging.getLogger("dicomnet.association")


class Served:
    """One association: what is performed for it, and what waits for a place in the window (PS3.7 D.3.3.3).

    Args:
        over: told of each request that was admitted, and perhaps twice: it has been answered, or never will be.
    """

    def __init__(self, session: Session, share: Share, over: Callable[[Served, Performance], None]) -> None:
        self.session = session
        self._tell_over = over
        self.association = AssociationInfo(session)
        self.share = share
        self._running = 0
        self._waiting: list[tuple[Performance, Callable[[], Coroutine[Any, Any, None]]]] = []
        """No more than a peer may ask for beyond its window, so a list is enough: an empty deque takes ten times the memory."""
        self._performances: dict[asyncio.Task[None], Performance | None] = {}
        self._last_call: asyncio.TimerHandle | None = None
        self._over = False

    def admit(self, performance: Performance, work: Callable[[], Coroutine[Any, Any, None]]) -> None:
        """Starts the work, or has it wait for its turn."""
        terms = self.session.terms
        window = 1 if terms is None else terms.operations_performed or _NO_WINDOW
        if self._running < window:
            self._running += 1
            self.start(work(), performance)
        else:
            self._waiting.append((performance, work))

    def start(self, work: Coroutine[Any, Any, None], performance: Performance | None = None) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._performances[task] = performance
        task.add_done_callback(self._done)

    def end(self) -> None:
        """The association is over."""
        self._over = True
        error = ended(self.session)
        waiting, self._waiting = self._waiting, []
        for performance, _ in waiting:
            _end_request(performance.request, error)
            self._tell_over(self, performance)
        for task, running in self._performances.items():
            if running is not None and running.status is not None:
                # Its task comes to its end after whatever else the loop has read by now, such as the release.
                self._tell_over(self, running)
            awaits_us = running is not None and _end_request(running.request, error)
            if not awaits_us:
                task.cancel()
        if self._performances:
            self._last_call = asyncio.get_running_loop().call_later(ENDING_TIME, self._cancel_all)

    def _cancel_all(self) -> None:
        for task in self._performances:
            task.cancel()

    def _done(self, task: asyncio.Task[None]) -> None:
        performance = self._performances.pop(task, None)
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("%s a task failed: %s", self.session.id, error, exc_info=error)
        if performance is not None:
            self._tell_over(self, performance)  # here, for a task that is cancelled at once never runs
            error_told = performance.request._error
            if error_told is not None:  # it lives as long as the session, the frames it went through must not
                error_told.__traceback__ = None
        if self._over:
            if not self._performances and self._last_call is not None:
                self._last_call.cancel()
            return
        if performance is None:
            return
        self._running -= 1
        if self._waiting:
            following, work = self._waiting.pop(0)
            self._running += 1
            self.start(work(), following)


def _end_request(request: Request, error: Exception) -> bool:
    """Tells a request that its association is over; whether somebody waits in it who hears of it there."""
    request._fail(error)
    if isinstance(request, StoreRequest):
        hears = request._waits > 0
        request._let_go()
        return hears
    return False


_NO_WINDOW = 64
"""Requests that are performed at a time for a peer that may send any number."""

ENDING_TIME = 10.0
"""Seconds that a handler gets after the end of its association, if it has heard of it by an error."""

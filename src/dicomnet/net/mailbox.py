"""Callbacks of one object: one after the other, in the order of what happened, on borrowed threads."""

from __future__ import annotations

import logging
import threading
from collections import deque
from collections.abc import Callable
from typing import TypeAlias

from dicomnet.net.engine import Queue, Runtime

log = logging.getLogger("dicomnet.net")

Callback: TypeAlias = Callable[[], None]


class Slot:
    """A place in the order, kept for a callback that is not ready yet."""

    __slots__ = ("_mailbox", "callback")

    def __init__(self, mailbox: Mailbox) -> None:
        self._mailbox = mailbox
        self.callback: Callback | None = None

    def fill(self, callback: Callback) -> None:
        """The callback is ready; it runs when its turn comes. Pass `nothing` to give the place up."""
        self._mailbox.runtime.queue_callback(self._mailbox)
        self.callback = callback
        self._mailbox.wake()


class Mailbox(Queue):
    """Callbacks must not raise; one that does all the same is logged."""

    def __init__(self, runtime: Runtime) -> None:
        self.runtime = runtime
        self._lock = threading.Lock()
        self._slots: deque[Slot] = deque()
        self._running = False

    def post(self, callback: Callback) -> None:
        """Runs a callback after all that came before it."""
        self.reserve().fill(callback)

    def reserve(self) -> Slot:
        """Keeps a place in the order."""
        slot = Slot(self)
        with self._lock:
            self._slots.append(slot)
        return slot

    def wake(self) -> None:
        with self._lock:
            if self._running or not self._slots or self._slots[0].callback is None:
                return
            self._running = True
        self.runtime.submit(self._run, self)

    def _run(self) -> None:
        for _ in range(FAIR_SHARE):
            with self._lock:
                callback = self._slots[0].callback if self._slots else None
                if callback is None:
                    self._running = False
                    return
                self._slots.popleft()
            try:
                callback()
            except BaseException:
                log.exception("a callback could not be made")
            finally:
                self.runtime.callback_done(self)
        self.runtime.submit(self._run, self)


def nothing() -> None:
    """Fills a slot that came to nothing."""


FAIR_SHARE = 16
"""Callbacks one object runs before it lets others have the thread."""

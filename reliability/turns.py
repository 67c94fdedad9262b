"""Threads that take turns: at each call of storage to its disk one of them goes on, which one is decided by a seed."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Sequence
from random import Random
from types import FrameType

from dicomnet.storage.doubts import Doubts
from dicomnet.storage.folder import Folder
from dicomnet.storage.temporary import Named


class Turns:
    """Runs functions in threads of which one at a time runs, until it calls `switch`."""

    def __init__(self, rng: Random) -> None:
        self._rng = rng
        self._waiting: dict[threading.Thread, threading.Semaphore] = {}
        self._over = threading.Semaphore(0)
        self._errors: list[BaseException] = []

    def run(self, jobs: Sequence[Callable[[], object]]) -> None:
        """Returns when all are done; raises what one of them has raised."""
        for number, job in enumerate(jobs):
            thread = threading.Thread(target=self._run, args=(job,), name=f"turn-{number}")
            self._waiting[thread] = threading.Semaphore(0)
        threads = list(self._waiting)
        for thread in threads:
            thread.start()
        self._next().release()
        self._over.acquire()
        for thread in threads:
            thread.join()
        if self._errors:
            raise self._errors[0]

    def switch(self) -> None:
        """Lets one of them go on now, perhaps the one that calls; without effect in any other thread."""
        mine = self._waiting.get(threading.current_thread())
        if lock_held():  # others may wait for that
            return
        if mine is not None and (other := self._next()) is not mine:
            other.release()
            mine.acquire()

    def _run(self, job: Callable[[], object]) -> None:
        mine = self._waiting[threading.current_thread()]
        mine.acquire()
        try:
            job()
        except BaseException as error:  # noqa: BLE001 (raised again in `run`)
            self._errors.append(error)
        del self._waiting[threading.current_thread()]
        (self._next() if self._waiting else self._over).release()

    def _next(self) -> threading.Semaphore:
        return self._rng.choice(list(self._waiting.values()))


def lock_held() -> bool:
    """Whether whoever calls is in a function of storage that holds a lock, so that nobody else could go on now."""
    frame: FrameType | None = sys._getframe(1)
    while frame is not None:
        if frame.f_code in _HOLDING:
            return True
        frame = frame.f_back
    return False


_HOLDING = frozenset(function.__code__ for function in (Doubts.failed, Folder._renew, Named._move))
# Those that call the disk meanwhile.

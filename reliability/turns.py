"""Threads that take turns: at each call of theirs one of them goes on, which one is decided by a seed."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from random import Random


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
        """Lets one of them go on, perhaps the one that calls; without effect in any other thread."""
        mine = self._waiting.get(threading.current_thread())
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

"""Threads for what may take its time: files, so that an event loop never waits for a disk, and callbacks."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from queue import Empty, SimpleQueue
from time import monotonic

from dicomnet.errors import StateError

logger = logging.getLogger(__name__)

Job = Callable[[], object]


class Workers:
    """Runs jobs in threads: as many as there are jobs at a time, up to a limit, and none when there are none.

    ``ThreadPoolExecutor`` makes a future of every job, with a lock and a
    condition of its own; nobody waits for our jobs, and a small data set has no
    such time to spare.
    """

    def __init__(self, limit: int = 64, *, idle: float = 10.0, name: str = "dicomnet-storage") -> None:
        """Nothing is started yet.

        Args:
            limit: the most threads at a time; further jobs wait in order.
            idle: seconds after which a thread without a job ends.
            name: what the names of the threads begin with.
        """
        self._name = name
        self._limit = limit
        self._idle_time = idle
        self._lock = threading.Lock()
        self._jobs: SimpleQueue[Job | None] = SimpleQueue()
        self._threads: set[threading.Thread] = set()
        self._unclaimed = 0
        """Threads that wait for a job, less the jobs on their way to them."""
        self._backlog = 0
        """Jobs that no waiting thread was free for."""
        self._started = 0
        self._closed = False

    def submit(self, job: Job) -> None:
        """Runs the job soon, in some thread; an exception of it is logged. Raises `StateError` after `close`."""
        with self._lock:
            if self._closed:
                raise StateError("the storage threads are closed")
            self._dispatch(job)

    def offer(self, job: Job) -> bool:
        """The same if a thread can begin at once; says whether one does, and otherwise forgets the job."""
        with self._lock:
            if self._closed or not (self._unclaimed or len(self._threads) < self._limit):
                return False
            try:
                self._dispatch(job)
            except RuntimeError:
                return False
            return True

    def close(self, *, wait: bool = True, timeout: float | None = None) -> None:
        """Takes no more jobs; those submitted are finished, and unless told otherwise waited for.

        One of the threads itself must not wait.

        Args:
            timeout: seconds to wait; threads that still work then are left to themselves for good, with a warning.
        """
        with self._lock:
            self._closed = True
            threads = list(self._threads)
            for _ in threads:
                self._jobs.put(None)
        if not wait:
            return
        end = None if timeout is None else monotonic() + timeout
        for thread in threads:
            thread.join(None if end is None else max(0.0, end - monotonic()))
        with self._lock:
            hung = len(self._threads.intersection(threads))
            self._threads.clear()
        if hung:
            logger.warning(
                "%d threads (%s) still work after %g s; they are left to themselves", hung, self._name, timeout
            )

    def _dispatch(self, job: Job) -> None:
        if self._unclaimed:
            self._unclaimed -= 1
        elif len(self._threads) < self._limit:
            self._start()
        else:
            self._backlog += 1
        self._jobs.put(job)

    def _start(self) -> None:
        self._started += 1
        thread = threading.Thread(target=self._work, name=f"{self._name}-{self._started}", daemon=True)
        self._threads.add(thread)
        try:
            thread.start()
        except RuntimeError:
            self._threads.discard(thread)
            if not self._threads:
                raise
            self._backlog += 1  # the system has no more threads to give; those there are must do

    def _work(self) -> None:
        while True:
            job = self._next()
            if job is None:
                break
            try:
                job()
            except BaseException:  # SystemExit too: a thread has no program to end, and jobs are promised to it
                logger.exception("a storage job failed")
            del job  # what it holds must not live until the next one
            with self._lock:
                if self._backlog:
                    self._backlog -= 1
                else:
                    self._unclaimed += 1
        with self._lock:
            self._threads.discard(threading.current_thread())

    def _next(self) -> Job | None:
        """The next job; None when there is no more to do for this thread."""
        try:
            return self._jobs.get(timeout=self._idle_time)
        except Empty:
            with self._lock:
                if self._unclaimed:
                    self._unclaimed -= 1
                    return None
        # A job was promised to every waiting thread, this one included.
        return self._jobs.get()

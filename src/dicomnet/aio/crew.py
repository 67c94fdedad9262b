"""Threads for handlers that are no coroutines: so many in all, for each address and for each association.

    Crew      all threads
    Share     of an address, half of them
    Share     of an association

A job that has its turn in the share of an association queues for that of the address, and then for a thread.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import Any, TypeVar
from weakref import WeakValueDictionary

from dicomnet.storage.workers import Job, Workers

T = TypeVar("T")


class Crew:
    """The threads, shared by all associations of a server; there are none while there is nothing to do.

    Args:
        threads: in all; an address gets half of them, so that there are always some for others.
        per_association: of those, for one association: a slow peer must not keep handlers from all others.
        idle: seconds after which a thread without a job ends.
    """

    def __init__(self, threads: int = 32, per_association: int = 4, *, idle: float = 10.0) -> None:
        self._workers = Workers(threads, idle=idle, name="dicomnet-handler")
        self._per_address = (threads + 1) // 2
        self._per_association = per_association
        self._lock = threading.Lock()
        self._addresses: WeakValueDictionary[str, Share] = WeakValueDictionary()

    def share(self, address: str = "") -> Share:
        """The part of one association, out of what the address of its peer may use."""
        with self._lock:
            found = self._addresses.get(address)
            if found is None:
                found = self._addresses[address] = Share(self._workers, self._per_address)
        return Share(found, self._per_association)

    def close(self, *, wait: bool = True, timeout: float | None = None) -> None:
        """Takes no more jobs; see `Workers.close`."""
        self._workers.close(wait=wait, timeout=timeout)


class Share:
    """So many threads at a time, of workers or of a larger share."""

    def __init__(self, workers: Workers | Share, limit: int) -> None:
        self._workers = workers
        self._limit = limit
        self._lock = threading.Lock()
        self._running = 0
        self._waiting: list[Job] = []
        """Few, and in most associations none: an empty deque takes ten times the memory."""

    def submit(self, job: Job) -> None:
        """Runs the job when its turn comes; raises `StateError` once the crew is closed."""
        with self._lock:
            if self._running >= self._limit:
                self._waiting.append(job)
                return
            self._running += 1
        self._hand_over(job)

    async def run(self, function: Callable[..., T], *arguments: Any) -> T:
        """Calls a function in a thread; who is cancelled meanwhile does not wait for it.

        A call that has not begun by then does not happen.
        """
        loop = asyncio.get_running_loop()
        future: asyncio.Future[T] = loop.create_future()
        self.submit(partial(_call, loop, future, function, arguments))
        return await future

    def _hand_over(self, job: Job) -> None:
        try:
            self._workers.submit(partial(self._work, job))
        except BaseException:
            with self._lock:
                self._running -= 1
            raise

    def _work(self, job: Job) -> None:
        try:
            job()
        finally:
            self._next()

    def _next(self) -> None:
        with self._lock:
            if not self._waiting:
                self._running -= 1
                return
            job = self._waiting.pop(0)
        # Behind the jobs of others, which have waited, too.
        self._hand_over(job)


def _call(
    loop: asyncio.AbstractEventLoop, future: asyncio.Future[T], function: Callable[..., T], arguments: tuple[Any, ...]
) -> None:
    if future.cancelled():
        return
    result: Any = None
    error: BaseException | None = None
    try:
        result = function(*arguments)
    except BaseException as failure:  # noqa: BLE001 (SystemExit, for one: a thread has no program to end)
        error = failure
    with suppress(RuntimeError):  # the loop is closed, and nobody waits any more
        loop.call_soon_threadsafe(_tell, future, result, error)


def _tell(future: asyncio.Future[T], result: T, error: BaseException | None) -> None:
    if future.cancelled():
        if hasattr(result, "close"):
            result.close()
    elif error is None:
        future.set_result(result)
    else:
        future.set_exception(as_failure(error))


def as_failure(error: BaseException) -> Exception:
    """What a function in a thread has raised, as what the loop may hear of."""
    if isinstance(error, Exception) and not isinstance(error, StopIteration):
        return error
    return HandlerEndedError(repr(error))  # what no future takes, or what would end the loop


class HandlerEndedError(Exception):
    """A handler wanted to end its thread or the program, which is not its to end."""


def default_crew() -> Crew:
    """The crew of associations that were given no other; made once."""
    global _default
    with _LOCK:
        if _default is None:
            _default = Crew(idle=1.0)
        return _default


_LOCK = threading.Lock()
_default: Crew | None = None

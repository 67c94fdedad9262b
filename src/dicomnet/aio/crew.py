"""Threads for handlers that are no coroutines: so many in all, for each address and for each association.

    Share     of all
    Share     of an address, half of them
    Share     of an association

A job that has its turn in the share of an association queues for that of the address, and then for that of all. One
that waits for its peer may keep its thread, but not for long its place, or a few slow peers would keep handlers from
all others: `patiently` gives it to the next one. It goes on at once when its peer does, in the same thread and with
one more than there are places, because it may hold what others wait for in theirs, such as a connection of a pool.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from time import monotonic
from typing import Any, TypeVar
from weakref import WeakValueDictionary

from dicomnet.errors import StateError
from dicomnet.limits import HANDLERS_ASIDE, HANDLERS_ASIDE_PER_ADDRESS
from dicomnet.storage.workers import Job, Workers

T = TypeVar("T")


class Crew:
    """The threads, shared by all associations of a server; there are none while there is nothing to do.

    Args:
        threads: in all, but for those that wait for their peers; an address gets half of them, so that there are always
            some for others.
        per_association: of those, for one association, and here whoever waits counts.
        idle: seconds after which a thread without a job ends.
        patience: seconds that a job may wait for its peer in its place, all in all.
    """

    def __init__(
        self, threads: int = 32, per_association: int = 4, *, idle: float = 10.0, patience: float | None = None
    ) -> None:
        self._workers = Workers(threads + HANDLERS_ASIDE, idle=idle, name="dicomnet-handler")
        self._all = Share(self._workers, threads, aside=HANDLERS_ASIDE)
        self._patience = PATIENCE if patience is None else patience
        self._per_address = (threads + 1) // 2
        self._per_association = per_association
        self._lock = threading.Lock()
        self._addresses: WeakValueDictionary[str, Share] = WeakValueDictionary()

    def share(self, address: str = "") -> Share:
        """The part of one association, out of what the address of its peer may use."""
        with self._lock:
            found = self._addresses.get(address)
            if found is None:
                found = Share(self._all, self._per_address, aside=HANDLERS_ASIDE_PER_ADDRESS)
                self._addresses[address] = found
        return Share(found, self._per_association, patience=self._patience)

    def close(self, *, wait: bool = True, timeout: float | None = None) -> None:
        """Takes no more jobs; see `Workers.close`."""
        self._workers.close(wait=wait, timeout=timeout)


class Share:
    """So many jobs at a time, of workers or of a larger share.

    Args:
        aside: how many that wait for their peers it has beside them.
        patience: see `Crew`; that of the share counts which a job was submitted to.
    """

    def __init__(self, above: Workers | Share, limit: int, *, aside: int = 0, patience: float = 0.0) -> None:
        self._above = above
        self._limit = limit
        self._most_aside = aside
        self._patience = patience
        self._lock = threading.Lock()
        self._running = 0
        self._aside = 0
        self._waiting: list[Job] = []
        """Few, and in most associations none: an empty deque takes ten times the memory."""

    def submit(self, job: Job) -> None:
        """Runs the job when its turn comes; raises `StateError` once the crew is closed."""
        self._take(partial(self._begin, job))

    async def run(self, function: Callable[..., T], *arguments: Any) -> T:
        """Calls a function in a thread; who is cancelled meanwhile does not wait for it.

        A call that has not begun by then does not happen.
        """
        loop = asyncio.get_running_loop()
        future: asyncio.Future[T] = loop.create_future()
        self.submit(partial(_call, loop, future, function, arguments))
        return await future

    def _begin(self, job: Job) -> None:
        if isinstance(self._above, Share):  # the place in this one is kept
            _HERE.place = _Place(self._above, self._patience)
        try:
            job()
        finally:
            _HERE.place = None

    def _take(self, job: Job) -> None:
        with self._lock:
            if self._running >= self._limit:
                self._waiting.append(job)
                return
            self._running += 1
        try:
            self._hand_over(job)
        except BaseException:
            with self._lock:
                self._running -= 1
            raise

    def _hand_over(self, job: Job) -> None:
        work = partial(self._work, job)
        if isinstance(self._above, Share):
            self._above._take(work)
        else:
            self._above.submit(work)

    def _work(self, job: Job) -> None:
        try:
            job()
        finally:
            self._next()

    def _next(self) -> None:
        """There is a place again, unless some have come back from aside."""
        with self._lock:
            if not self._waiting or self._running > self._limit:
                self._running -= 1
                return
            job = self._waiting.pop(0)
        # Behind the jobs of others, which have waited, too.
        try:
            self._hand_over(job)
        except StateError:  # the crew is closed, and with it whatever the job was for
            with self._lock:
                self._running -= 1

    def _step_aside(self) -> bool:
        """Gives a place to the next job, here and above; not if too many have done so already."""
        with self._lock:
            if self._aside >= self._most_aside:
                return False
            self._aside += 1
        if isinstance(self._above, Share) and not self._above._step_aside():
            with self._lock:
                self._aside -= 1
            return False
        self._next()
        return True

    def _come_back(self) -> None:
        if isinstance(self._above, Share):
            self._above._come_back()
        with self._lock:
            self._aside -= 1
            self._running += 1


def patiently(wait: Callable[[float | None], bool]) -> None:
    """How a job waits for its peer; when that takes long, another one has its place meanwhile. Anybody may call it.

    Args:
        wait: waits for so many seconds at most, or for ever, and returns whether it is over.
    """
    place: _Place | None = getattr(_HERE, "place", None)
    if place is None:
        wait(None)
    else:
        place.wait(wait)


class _Place:
    """That of a job."""

    __slots__ = ("_patience", "_share")

    def __init__(self, share: Share, patience: float) -> None:
        self._share = share
        self._patience = patience

    def wait(self, wait: Callable[[float | None], bool]) -> None:
        began = monotonic()
        over = wait(self._patience)
        # All in all: who waits a little each time holds up others as well.
        self._patience = max(0.0, self._patience - (monotonic() - began))
        if over:
            return
        aside = self._share._step_aside()
        try:
            wait(None)
        finally:
            if aside:
                self._share._come_back()


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


PATIENCE = 1.0
"""Seconds: more than handlers wait for peers that are at work, and less than others notice."""

_HERE = threading.local()
_LOCK = threading.Lock()
_default: Crew | None = None

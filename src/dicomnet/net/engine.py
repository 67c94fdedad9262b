"""What all DicomNet objects of a process share: one event loop in one thread, and the threads that run callbacks.

`startup` and `shutdown` are counted; using an object before any `startup`
counts as none and starts the runtime all the same, and one `shutdown` then
ends it.
"""

from __future__ import annotations

import asyncio
import atexit
import logging
import os
import threading
from collections import deque
from collections.abc import Callable, Coroutine, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from time import monotonic
from typing import Any, TypeAlias, TypeVar

from dicomnet.aio.hub import Hub, close_hub, hub
from dicomnet.errors import StateError
from dicomnet.storage.workers import Workers

log = logging.getLogger("dicomnet.net")

T = TypeVar("T")


Stop: TypeAlias = Callable[[], Coroutine[Any, Any, None]]
"""Ends a listener or a connection."""


class Queue:
    """Callbacks that wait for each other."""

    pending = 0
    """Those that wait or run; counted by the runtime."""


class Runtime:
    """One per process, made by `running`."""

    def __init__(self) -> None:
        self.loop = asyncio.new_event_loop()
        # Ours, because a loop starts a thread to end its own, which Python 3.12 does not let it while a program ends.
        self._lookups = ThreadPoolExecutor(thread_name_prefix="dicomnet-lookup")
        self.loop.set_default_executor(self._lookups)
        self.hub: Hub
        self.active: set[Stop] = set()
        """What has a live socket, by what ends it; touched on the loop's thread alone."""
        self.over = False
        """Nothing new begins here any more."""
        self.left_behind = False
        """This process was forked from the one whose threads these are."""
        # Not a ThreadPoolExecutor: those end before a program's exit handlers run, and ours still has callbacks to run.
        self._callbacks = Workers(CALLBACK_THREADS, name="dicomnet-callback")
        self._unstarted: deque[Callable[[], None]] = deque()
        """What comes when no thread can be started any more, as at the end of a program in Python 3.12."""
        self._idle = threading.Condition()
        self._pending = 0
        started = threading.Event()
        self._thread = threading.Thread(target=self._run, args=(started,), name="dicomnet-network", daemon=True)
        self._thread.start()
        started.wait()

    def call(self, function: Callable[..., Coroutine[Any, Any, T]], *args: object) -> T:
        """Runs a coroutine on the loop and waits for it; not from the loop's own thread."""
        self._check_here()
        coroutine = function(*args)
        try:
            future = asyncio.run_coroutine_threadsafe(coroutine, self.loop)
        except RuntimeError:
            coroutine.close()
            raise StateError("the network was shut down") from None
        return future.result()

    def post(self, function: Callable[..., object], *args: object) -> None:
        """Calls a function on the loop's thread, soon and in order."""
        self._check_here()
        try:
            self.loop.call_soon_threadsafe(function, *args)
        except RuntimeError:
            raise StateError("the network was shut down") from None

    def queue_callback(self, queue: Queue) -> None:
        """Counts a callback that will run."""
        with self._idle:
            self._pending += 1
            queue.pending += 1

    def submit(self, run: Callable[[], None], queue: Queue) -> None:
        """Runs what is queued, or some of it, on a callback thread."""
        job = partial(self._run_marked, run, queue)
        try:
            self._callbacks.submit(job)
        except RuntimeError:
            if not self.over:
                raise
            with self._idle:
                self._unstarted.append(job)
                self._idle.notify_all()

    def callback_done(self, queue: Queue) -> None:
        """A counted callback has run, or never will."""
        with self._idle:
            self._pending -= 1
            queue.pending -= 1
            self._idle.notify_all()

    def breathe(self, timeout: float | None) -> bool:
        """Waits until no callback is queued or running.

        In a callback neither that one counts nor what is queued behind it, because it would wait for itself.
        """
        with self._idle:
            return self._idle.wait_for(self._is_quiet, timeout)

    def stop(self) -> None:
        """Closes listeners, aborts associations, runs what callbacks are queued, ends the threads."""
        if threading.current_thread() is self._thread:
            raise StateError("the network thread cannot wait for itself to end")
        self.over = True
        self.call(self._stop_active)
        # Storage threads report to the loop, and what they report becomes callbacks: they end first.
        self.hub.close_workers()
        done = self._run_last(LAST_CALLBACKS)
        if not done:
            log.warning(
                "callbacks still run %g s after the end of the network; they are left to themselves", LAST_CALLBACKS
            )
        # A callback may have asked for the end itself; its thread outlives it by a moment.
        self._callbacks.close(wait=done and not self._asked_by_callback)
        self.call(self._close_hub)
        self.loop.call_soon_threadsafe(self.loop.stop)
        self._thread.join()
        self.loop.close()

    def _is_quiet(self) -> bool:
        own: Queue | None = _here.queue if self._asked_by_callback else None
        return self._pending <= (own.pending if own else 0)

    def _run_last(self, timeout: float) -> bool:
        """As `breathe`, and runs what no thread was started for."""
        end = monotonic() + timeout
        while True:
            with self._idle:
                self._idle.wait_for(lambda: self._unstarted or self._is_quiet(), max(0.0, end - monotonic()))
                job = self._unstarted.popleft() if self._unstarted else None
                quiet = self._is_quiet()
            if job is None:
                return quiet
            job()

    def _check_here(self) -> None:
        if self.left_behind:
            raise StateError("the object belongs to the process that this one was forked from")

    def is_callback_of(self, queue: Queue) -> bool:
        """Whether a callback of this queue asks."""
        return self._asked_by_callback and _here.queue is queue

    @property
    def _asked_by_callback(self) -> bool:
        return getattr(_here, "runtime", None) is self

    def _run(self, started: threading.Event) -> None:
        asyncio.set_event_loop(self.loop)
        self.loop.call_soon(self._begin, started)
        self.loop.run_forever()
        for task in (left := asyncio.all_tasks(self.loop)):
            task.cancel()
        self.loop.run_until_complete(asyncio.gather(*left, return_exceptions=True))
        self.loop.run_until_complete(self.loop.shutdown_asyncgens())
        self._lookups.shutdown()

    def _begin(self, started: threading.Event) -> None:
        self.hub = hub()
        started.set()

    def _run_marked(self, run: Callable[[], None], queue: Queue) -> None:
        _here.runtime, _here.queue = self, queue
        run()
        del _here.runtime, _here.queue

    async def _stop_active(self) -> None:
        await asyncio.gather(*(stop() for stop in tuple(self.active)), return_exceptions=True)

    async def _close_hub(self) -> None:
        close_hub()


def startup() -> None:
    """Makes the network ready; once per `shutdown`. Optional: the first use does it too."""
    global _count
    with _lock:
        _count += 1
        _require()


def shutdown() -> None:
    """Takes one `startup` back; with the last, listeners close, associations are aborted and the threads end.

    Calling it more often than `startup` is harmless.
    """
    global _count, _runtime
    with _lock:
        _count = max(0, _count - 1)
        if _count or _runtime is None:
            return
        ending, _runtime = _runtime, None
    ending.stop()


@contextmanager
def runtime() -> Iterator[None]:
    """`startup` on entry, `shutdown` on exit."""
    startup()
    try:
        yield
    finally:
        shutdown()


def breathe(timeout: float | None = 0) -> bool:
    """Waits until every queued callback has run; in a callback, those of other objects.

    Args:
        timeout: in seconds; None waits for ever.

    Returns:
        Whether none is left.
    """
    current = _runtime
    return True if current is None else current.breathe(timeout)


def running() -> Runtime:
    """The runtime, started if need be; a callback that `shutdown` waits for starts no other."""
    with _lock:
        return _runtime or getattr(_here, "runtime", None) or _require()


def _require() -> Runtime:
    global _runtime
    if _runtime is None:
        _runtime = Runtime()
        atexit.unregister(_at_exit)
        atexit.register(_at_exit)
    return _runtime


def _begin_anew() -> None:
    """In a forked child: the threads stayed with the parent, so what was made there is of no use here."""
    global _count, _runtime, _lock
    _lock = threading.Lock()
    _count = 0
    if _runtime is not None:
        _runtime.over = _runtime.left_behind = True
        _runtime = None


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_begin_anew)


def _at_exit() -> None:
    global _count
    _count = 0
    started = monotonic()
    shutdown()
    log.debug("network ended %.1f s after the program", monotonic() - started)


CALLBACK_THREADS = 64
"""Callbacks of different objects that run at a time; more wait in order."""

LAST_CALLBACKS = 5.0
"""Seconds that callbacks get to finish at `shutdown`."""

_here = threading.local()
"""Of a callback thread, while a callback runs: the runtime and the queue that it belongs to."""

_lock = threading.Lock()
_runtime: Runtime | None = None
_count = 0

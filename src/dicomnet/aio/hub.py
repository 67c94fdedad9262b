"""What the connections of one event loop share: buffers, storage threads, the timer."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import cached_property

from dicomnet.aio.deadlines import Deadlines
from dicomnet.aio.pool import BufferPool
from dicomnet.limits import MIB
from dicomnet.storage.lane import Lane
from dicomnet.storage.workers import Workers


class Hub:
    """Made once per loop, see `hub`."""

    def __init__(self, loop: asyncio.AbstractEventLoop, *, buffers: int = 8, buffer_size: int = MIB) -> None:
        self.loop = loop
        self.pool = BufferPool(buffers, buffer_size)
        self.deadlines = Deadlines(loop)
        self.workers = Workers(STORAGE_THREADS, idle=IDLE_THREAD)
        self._syncers = Workers(SYNCS, idle=IDLE_THREAD, name="dicomnet-sync")
        self._send_buffers: list[memoryview] = []

    @cached_property
    def records(self) -> memoryview:
        """Where secure links read into; what is in it is used up before anybody else reads."""
        return memoryview(bytearray(RECORDS))

    def lane(self, hear: Callable[[Callable[[], None]], object]) -> Lane:
        """A way to the storage threads, for one association; `hear` calls what it reports, on the loop."""
        return Lane(self.workers, lambda reports: self.loop.call_soon_threadsafe(hear, reports), self._syncers)

    def take_send_buffer(self) -> memoryview:
        """A buffer to lay a message out in; give it back once the transport is done with it."""
        return self._send_buffers.pop() if self._send_buffers else memoryview(bytearray(SEND_BUFFER))

    def give_send_buffer(self, buffer: memoryview) -> None:
        if len(self._send_buffers) < IDLE_SEND_BUFFERS:
            self._send_buffers.append(buffer)

    def close(self) -> None:
        """Ends the timer and the storage threads; what they were given is done first, unless it takes too long."""
        self.deadlines.close()
        self.close_workers()

    def close_workers(self) -> None:
        """Ends the storage threads alone, for who wants to hear what they report meanwhile."""
        self.workers.close(timeout=LAST_WRITES)
        self._syncers.close(timeout=LAST_WRITES)

    def abandon_workers(self) -> None:
        """The loop is closed: nobody waits any more."""
        self.workers.close(wait=False)
        self._syncers.close(wait=False)


def hub() -> Hub:
    """The hub of the running loop."""
    loop = asyncio.get_running_loop()
    found = _hubs.get(loop)
    if found is None:
        _forget_closed()
        found = _hubs[loop] = Hub(loop)
    return found


def close_hub() -> None:
    """Closes the hub of the running loop, if it has one."""
    found = _hubs.pop(asyncio.get_running_loop(), None)
    if found is not None:
        found.close()


def _forget_closed() -> None:
    """A loop is closed without a word; what it had is let go when the next one begins."""
    for loop in [loop for loop in list(_hubs) if loop.is_closed()]:
        gone = _hubs.pop(loop, None)
        if gone is not None:
            gone.abandon_workers()


SEND_BUFFER = MIB
"""What one read from a file and one write to the socket move at a time; it must hold the largest PDU we send."""

RECORDS = MIB
"""What one read of a secure link takes at most: measured, large objects take a tenth longer with a quarter of it."""

IDLE_SEND_BUFFERS = 4
"""Kept for the next message; more are made and thrown away as senders come and go."""

STORAGE_THREADS = 512
"""More than a listener admits associations (`Limits.associations`), with as many senders: one whose disk stands still keeps
a thread for as long, and must not keep one from anybody else. A thread exists only while it has something to do."""

SYNCS = 32
"""Files that are waited for at a time: a journal takes them all at once, and more of them no sooner."""

IDLE_THREAD = 2.0
"""Seconds that a storage thread without work stays: long enough for the next instance, short enough for the end of a program."""

LAST_WRITES = 10.0
"""Seconds that the storage threads get at the end: a disk that hangs must not hang the program."""

_hubs: dict[asyncio.AbstractEventLoop, Hub] = {}

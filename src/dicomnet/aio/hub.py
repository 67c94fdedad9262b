"""What the connections of one event loop share: buffers, storage threads, the timer."""

from __future__ import annotations

import asyncio
from weakref import WeakKeyDictionary

from dicomnet.aio.deadlines import Deadlines
from dicomnet.aio.pool import BufferPool
from dicomnet.limits import MIB
from dicomnet.storage.workers import Workers


class Hub:
    """Made once per loop, see `hub`."""

    def __init__(self, loop: asyncio.AbstractEventLoop, *, buffers: int = 8, buffer_size: int = MIB) -> None:
        self.loop = loop
        self.pool = BufferPool(buffers, buffer_size)
        self.deadlines = Deadlines(loop)
        self.workers = Workers()
        self._send_buffers: list[memoryview] = []

    def take_send_buffer(self) -> memoryview:
        """A buffer to lay a message out in; give it back once the transport is done with it."""
        return self._send_buffers.pop() if self._send_buffers else memoryview(bytearray(SEND_BUFFER))

    def give_send_buffer(self, buffer: memoryview) -> None:
        if len(self._send_buffers) < IDLE_SEND_BUFFERS:
            self._send_buffers.append(buffer)

    def close(self) -> None:
        """Ends the timer and the storage threads; what they were given is done first."""
        self.deadlines.close()
        self.workers.close()


def hub() -> Hub:
    """The hub of the running loop."""
    loop = asyncio.get_running_loop()
    found = _hubs.get(loop)
    if found is None:
        found = _hubs[loop] = Hub(loop)
    return found


def close_hub() -> None:
    """Closes the hub of the running loop, if it has one."""
    found = _hubs.pop(asyncio.get_running_loop(), None)
    if found is not None:
        found.close()


SEND_BUFFER = MIB
"""What one read from a file and one write to the socket move at a time; it must hold the largest PDU we send."""

IDLE_SEND_BUFFERS = 4
"""Kept for the next message; more are made and thrown away as senders come and go."""

_hubs: WeakKeyDictionary[asyncio.AbstractEventLoop, Hub] = WeakKeyDictionary()

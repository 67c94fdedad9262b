"""The receive buffers that all connections of one event loop share.

A connection asks for a buffer and fills it back to back, so one buffer at a
time serves all of them, and an idle association owns none. Bytes that go to a
sink stay where they are: whoever passes them on takes a lease on the buffer,
and while any lease is out the bytes are not overwritten. What follows is
received behind them, or into the next buffer.

When every buffer is lent, receiving goes on in the reserve, which is never
lent: commands and echoes are still understood, and data are copied out of it.
A connection of which more waits than the reserve holds stops reading.
"""

from __future__ import annotations

from collections.abc import Callable

from dicomnet.limits import KIB, MIB


class Buffer:
    """A stretch of memory with a count of the leases on it."""

    __slots__ = ("_leases", "_pool", "_spoiled", "filled", "memory", "retired")

    def __init__(self, size: int, pool: BufferPool) -> None:
        self.memory = memoryview(bytearray(size))
        self.filled = 0
        """Where the bytes that may be overwritten begin; `BufferPool.current` sees to it."""
        self.retired = False
        """Whether the pool has put another in its place."""
        self._leases = 0
        self._spoiled = False
        self._pool = pool

    @property
    def lent(self) -> bool:
        return self._leases > 0

    def lease(self) -> Buffer:
        """Keeps the bytes from being overwritten until `release`."""
        self._leases += 1
        return self

    def release(self, view_still_used: bool = False) -> None:
        """Ends one lease; a buffer somebody still looks into is never used again."""
        self._leases -= 1
        self._spoiled |= view_still_used
        if not self._leases:
            self._pool.take_back(self, spoiled=self._spoiled)


class BufferPool:
    """Lends `count` buffers of `size` bytes; they are allocated when first needed."""

    def __init__(self, count: int = 8, size: int = MIB) -> None:
        self.size = size
        self.reserve = Buffer(min(size, RESERVE), self)
        self._free: list[Buffer] = []
        self._unmade = count
        self._current: Buffer | None = None
        self._waiting: dict[Callable[[], None], None] = {}

    def current(self) -> Buffer:
        """The buffer to receive into now: it has room, or it is the reserve."""
        buffer = self._current
        if buffer is None:
            if self._free:
                buffer = self._free.pop()
            elif self._unmade:
                try:
                    buffer = Buffer(self.size, self)
                except MemoryError:  # there may be some later, and until then this is like having lent them all
                    return self.reserve
                self._unmade -= 1
            else:
                return self.reserve
            self._current = buffer
        # Only here, between reads: while one is handed out, its bytes lie behind those that were lent before.
        if not buffer.lent:
            buffer.filled = 0
        return buffer

    def received(self, buffer: Buffer, count: int) -> None:
        """So many bytes came into the buffer and have been handed out; lent ones stay."""
        if not buffer.lent:
            return
        buffer.filled += count
        if buffer is self._current and self.size - buffer.filled < self.size // SMALLEST_SHARE:
            self._current = None

    def take_back(self, buffer: Buffer, *, spoiled: bool) -> None:
        """The last lease on a buffer ended."""
        if spoiled:
            if buffer is self._current:
                self._current = None
            if not buffer.retired:  # more may have been lent of it since, while its bytes were handed out
                buffer.retired = True
                self._unmade += 1
        elif buffer is not self._current:
            self._free.append(buffer)
        self._wake()

    def when_free(self, wake: Callable[[], None]) -> None:
        """Calls back once there is a buffer again, which may be now."""
        self._waiting[wake] = None
        self._wake()

    def forget(self, wake: Callable[[], None]) -> None:
        """Does not call back any more."""
        self._waiting.pop(wake, None)

    def _wake(self) -> None:
        while self._waiting and (self._free or self._unmade or self._current is not None):
            wake = next(iter(self._waiting))
            del self._waiting[wake]
            wake()


RESERVE = 64 * KIB
"""Enough for any command; data received into it are copied, so small is kind. A connection may hold as much of them, and
one read more, before it waits for a buffer."""

SMALLEST_SHARE = 16
"""A buffer is left when less than a sixteenth of it is free: smaller reads cost more system calls than they save."""

"""How many bytes a second are read from each address: a bucket of tokens that all its connections share.

A connection that has read more than there is pauses, and goes on when the
bucket has filled up again. The pause is ours, so the core does not count it as
the peer's silence. The timer is that of the loop's deadlines. A bucket outlives
its connections until it is full, or who makes a new one for each instance would
never wait.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Protocol

from dicomnet.aio.hub import hub
from dicomnet.aio.rates import MOST_KEYS
from dicomnet.limits import KIB


class Reader(Protocol):
    """A connection, as far as its speed goes."""

    bucket: Bucket | None

    def pause(self, reason: str) -> None:
        """Reads no more until this reason is gone."""

    def resume(self, reason: str) -> None:
        """It is gone."""


class Throttle:
    """The buckets of one server, for one event loop.

    Args:
        rate: bytes a second from one address; None reads as fast as it can.
    """

    def __init__(self, rate: int | None) -> None:
        self._rate = rate
        self._buckets: dict[str, Bucket] = {}

    def slow(self, host: str, reader: Reader) -> None:
        """Has a connection share the bucket of its address, until `leave`; before its first byte."""
        if self._rate is None:
            return
        bucket = self._buckets.get(host)
        if bucket is None:
            if len(self._buckets) >= MOST_KEYS:
                self._make_room()
            bucket = self._buckets[host] = Bucket(self._rate, on_full=lambda: self._buckets.pop(host, None))
        bucket.users += 1
        reader.bucket = bucket

    def leave(self, reader: Reader) -> None:
        """The connection is gone."""
        bucket = reader.bucket
        if bucket is None:
            return
        reader.bucket = None
        bucket.forget(reader)

    def _make_room(self) -> None:
        """Forgets who has been away for longest, though he may come again too early."""
        away = next((host for host, bucket in self._buckets.items() if not bucket.users), None)
        if away is not None:
            self._buckets.pop(away).close()


class Bucket:
    """What one address may still send now; it holds what comes in a second, and may be overdrawn by one read.

    Args:
        rate: bytes a second.
        on_full: called once it is full and nobody uses it: it is as good as a new one.
    """

    armed: float | None = None

    def __init__(self, rate: int, on_full: Callable[[], object]) -> None:
        self.users = 0
        self._rate = rate
        self._on_full = on_full
        self._clock = asyncio.get_running_loop().time
        self._deadlines = hub().deadlines
        self._level = float(rate)
        self._at = self._clock()
        self._paused: set[Reader] = set()

    @property
    def room(self) -> int:
        """How many bytes may be read at once: little enough that a slow rate is not read in large steps."""
        return max(_LEAST_READ, int(self._level))

    def took(self, count: int, reader: Reader) -> None:
        """Bytes were read."""
        self._fill(self._clock())
        self._level -= count
        if self._level <= 0:
            self._paused.add(reader)
            reader.pause(_REASON)
            self._deadlines.arm(self, self._when(self._step))

    def forget(self, reader: Reader) -> None:
        """A connection is gone."""
        self._paused.discard(reader)
        self.users -= 1
        self._deadlines.arm(self, self.deadline_came(self._clock()))

    def close(self) -> None:
        """Waits for nothing any more."""
        self._deadlines.forget(self)

    def deadline_came(self, now: float) -> float | None:
        self._fill(now)
        if self._paused and self._level < self._step:
            return self._when(self._step)
        paused, self._paused = self._paused, set()
        for reader in paused:
            reader.resume(_REASON)
        if self.users:
            return None
        if self._level < self._rate:
            return self._when(self._rate)
        self._on_full()
        return None

    def _fill(self, now: float) -> None:
        self._level = min(float(self._rate), self._level + (now - self._at) * self._rate)
        self._at = now

    @property
    def _step(self) -> float:
        """How much must be there before reading goes on; waking up for every byte would cost more than it is worth."""
        return self._rate * _WAIT

    def _when(self, level: float) -> float:
        return self._at + (level - self._level) / self._rate + _TICK


_REASON = "rate"

_LEAST_READ = 4 * KIB
"""Bytes: a read of fewer costs more than it brings."""

_WAIT = 0.05
"""Seconds of the rate that are saved up before reading goes on."""

_TICK = 0.001
"""Seconds, so that rounding does not wake anybody too early."""

"""How many bytes a second are read from each address: a bucket of tokens that all its connections share.

A connection that has read more than there is pauses, and goes on when the
bucket has filled up again. The pause is ours, so the core does not count it as
the peer's silence. The timer is that of the loop's deadlines.
"""

from __future__ import annotations

import asyncio
from typing import Protocol

from dicomnet.aio.hub import hub
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
            bucket = self._buckets[host] = Bucket(host, self._rate)
        bucket.users += 1
        reader.bucket = bucket

    def leave(self, reader: Reader) -> None:
        """The connection is gone."""
        bucket = reader.bucket
        if bucket is None:
            return
        reader.bucket = None
        bucket.forget(reader)
        bucket.users -= 1
        if not bucket.users:  # who comes again begins with a full one: that is a second's worth
            del self._buckets[bucket.host]


class Bucket:
    """What one address may still send now; it holds what comes in a second, and may be overdrawn by one read."""

    armed: float | None = None

    def __init__(self, host: str, rate: int) -> None:
        self.host = host
        self.users = 0
        self._rate = rate
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
            self._deadlines.arm(self, self._full_enough)

    def forget(self, reader: Reader) -> None:
        """A connection reads no more."""
        self._paused.discard(reader)

    def deadline_came(self, now: float) -> float | None:
        self._fill(now)
        if not self._paused:
            return None
        if self._level < self._step:
            return self._full_enough
        paused, self._paused = self._paused, set()
        for reader in paused:
            reader.resume(_REASON)
        return None

    def _fill(self, now: float) -> None:
        self._level = min(float(self._rate), self._level + (now - self._at) * self._rate)
        self._at = now

    @property
    def _step(self) -> float:
        """How much must be there before reading goes on; waking up for every byte would cost more than it is worth."""
        return self._rate * _WAIT

    @property
    def _full_enough(self) -> float:
        return self._at + (self._step - self._level) / self._rate + _TICK


_REASON = "rate"

_LEAST_READ = 4 * KIB
"""Bytes: a read of fewer costs more than it brings."""

_WAIT = 0.05
"""Seconds of the rate that are saved up before reading goes on."""

_TICK = 0.001
"""Seconds, so that rounding does not wake anybody too early."""

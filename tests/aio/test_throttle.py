"""A rate is kept on the average, shared by the connections of an address, and nobody else waits for it."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from dicomnet.aio.hub import hub
from dicomnet.aio.throttle import Bucket, Throttle
from dicomnet.limits import Limits, Timeouts
from server.serving import calling, instance, local

RATE = 100_000


class Line:
    """A connection as far as a bucket sees it."""

    bucket: Bucket | None = None

    def __init__(self) -> None:
        self.reading = True

    def pause(self, reason: str) -> None:
        self.reading = False

    def resume(self, reason: str) -> None:
        self.reading = True


class Clock:
    """Time that passes when told."""

    now = 1000.0

    def __call__(self) -> float:
        return self.now


def bucket_of(throttle: Throttle, *readers: Line) -> tuple[Bucket, Clock]:
    for reader in readers:
        throttle.slow("10.0.0.1", reader)
    bucket, clock = readers[0].bucket, Clock()
    assert bucket is not None
    bucket._clock, bucket._at = clock, clock.now
    return bucket, clock


async def test_a_second_of_the_rate_may_come_at_once_and_then_reading_waits() -> None:
    """After what was read too much has been made up for, and a little is there again."""
    reader = Line()
    bucket, clock = bucket_of(Throttle(RATE), reader)
    bucket.took(RATE - 1, reader)
    assert reader.reading
    bucket.took(RATE // 2, reader)
    assert not reader.reading
    assert bucket.armed is not None
    assert bucket.deadline_came(clock.now + 0.5) is not None
    assert not reader.reading
    assert bucket.deadline_came(clock.now + 0.56) is None
    assert reader.reading
    hub().deadlines.close()


@pytest.mark.parametrize("size", [1, 4096, 1 << 20])
async def test_no_more_is_read_than_the_rate_over_a_long_time(size: int) -> None:
    """Whatever the reads are like: a second's worth, the rate, and one read for each connection."""
    readers = [Line(), Line(), Line()]
    bucket, clock = bucket_of(Throttle(RATE), *readers)
    read, seconds, start = 0, 20, clock.now
    while clock.now < start + seconds:
        for reader in readers:
            if reader.reading:
                count = min(size, bucket.room)
                bucket.took(count, reader)
                read += count
        clock.now += 0.01
        bucket.deadline_came(clock.now)
    most = RATE * (seconds + 1) + 3 * 4096
    assert read <= most
    assert read > min(0.8 * RATE * seconds, size * 100 * seconds)
    hub().deadlines.close()


async def test_each_address_has_its_own_and_a_full_one_goes_with_its_last_connection() -> None:
    """What a stranger uses up is his own."""
    throttle = Throttle(RATE)
    here, there, again = Line(), Line(), Line()
    throttle.slow("10.0.0.1", here)
    throttle.slow("10.0.0.2", there)
    throttle.slow("10.0.0.1", again)
    assert here.bucket is again.bucket is not there.bucket
    for one in (here, again, again):
        throttle.leave(one)
    assert list(throttle._buckets) == ["10.0.0.2"]


async def test_who_comes_again_finds_what_he_has_left() -> None:
    """A connection for each instance is no way around the rate; once it is full again, the bucket is forgotten."""
    throttle = Throttle(RATE)
    first, second, third = Line(), Line(), Line()
    bucket, clock = bucket_of(throttle, first)
    bucket.took(RATE + 1, first)
    throttle.leave(first)
    assert bucket.armed is not None
    throttle.slow("10.0.0.1", second)
    assert second.bucket is bucket
    bucket.took(1, second)
    assert not second.reading
    throttle.leave(second)
    assert bucket.deadline_came(clock.now + 0.9) == pytest.approx(clock.now + 1.0, abs=0.01)
    assert bucket.deadline_came(clock.now + 1.01) is None
    throttle.slow("10.0.0.1", third)
    assert third.bucket is not bucket
    hub().deadlines.close()


async def test_no_more_than_so_many_are_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    """Addresses cost a stranger nothing; those that are in use stay."""
    monkeypatch.setattr("dicomnet.aio.throttle.MOST_KEYS", 2)
    throttle, lines = Throttle(RATE), [Line() for _ in range(4)]
    for number, line in enumerate(lines):
        throttle.slow(str(number), line)
        assert line.bucket is not None
        line.bucket.took(RATE, line)
        if number:
            throttle.leave(line)
    assert list(throttle._buckets) == ["0", "3"]
    hub().deadlines.close()


async def test_without_a_rate_nothing_is_counted() -> None:
    """The usual case costs one look."""
    reader = Line()
    throttle = Throttle(None)
    throttle.slow("10.0.0.1", reader)
    assert reader.bucket is None
    throttle.leave(reader)


async def test_who_is_slowed_down_is_not_taken_for_silent_and_others_are_served() -> None:
    """A store takes far longer than a stall may last, and ends well; echoes from elsewhere do not wait for it."""
    server = local(limits=Limits(bytes_per_second=5000), timeouts=Timeouts(stall=0.5))

    @server.on_store
    async def keep(request: Any) -> None:
        await request.discard()

    async with server, calling(server, "CTImageStorage") as association:
        loop = asyncio.get_running_loop()
        began = loop.time()
        store = asyncio.create_task(association.store(instance(1, size=9000)))
        echoes = 0
        while not store.done():
            async with calling(server, local=("127.0.0.2", 0)) as other:
                await other.echo()
                echoes += 1
            await asyncio.sleep(0.05)
        assert (await store).ok
        assert loop.time() - began > 0.5
        assert echoes > 1
        assert not server._site.running.throttle._buckets.keys() - {"127.0.0.1", "127.0.0.2"}

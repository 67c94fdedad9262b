"""The receive buffers that all connections of a loop share."""

from __future__ import annotations

import pytest

from dicomnet.aio.pool import RESERVE, SMALLEST_SHARE, Buffer, BufferPool

SIZE = 1024


def receive(pool: BufferPool, count: int, *, lend: bool) -> Buffer:
    """What a connection does: asks, fills, perhaps lends, reports."""
    buffer = pool.current()
    assert count <= len(buffer.memory) - buffer.filled
    if lend:
        buffer.lease()
    pool.received(buffer, count)
    return buffer


def lend_all(pool: BufferPool) -> list[Buffer]:
    """Fills buffers that are not given back until only the reserve is left."""
    lent = []
    while (buffer := pool.current()) is not pool.reserve:
        assert len(lent) < 100, "there is no end of buffers"
        receive(pool, SIZE, lend=True)
        lent.append(buffer)
    return lent


def test_nothing_is_allocated_before_it_is_needed() -> None:
    """A pool whose connections are idle costs its reserve."""
    pool = BufferPool(1000, 1 << 40)
    assert len(pool.reserve.memory) == RESERVE


def test_one_buffer_serves_all_while_nothing_is_lent() -> None:
    """What was handed out and not lent may be overwritten at once."""
    pool = BufferPool(2, SIZE)
    first = receive(pool, 100, lend=False)
    assert pool.current() is first
    assert first.filled == 0


def test_what_is_lent_is_not_overwritten() -> None:
    """The next bytes are received behind those that somebody still needs."""
    pool = BufferPool(2, SIZE)
    buffer = receive(pool, 100, lend=True)
    assert pool.current() is buffer
    assert buffer.filled == 100
    receive(pool, 50, lend=False)
    assert buffer.filled == 150


def test_a_buffer_that_is_given_back_begins_anew() -> None:
    """With its last lease a buffer is empty; with the one before it is not."""
    pool = BufferPool(1, SIZE)
    buffer = receive(pool, 100, lend=True)
    buffer.lease()
    buffer.release()
    assert buffer.filled == 100
    buffer.release()
    assert pool.current() is buffer
    assert buffer.filled == 0


def test_a_buffer_is_left_when_little_of_it_is_free() -> None:
    """A read into the last few bytes would cost a system call for nothing."""
    pool = BufferPool(2, SIZE)
    first = receive(pool, SIZE - SIZE // SMALLEST_SHARE, lend=True)
    assert pool.current() is first
    receive(pool, 1, lend=True)
    assert pool.current() is not first


def test_a_lease_that_ends_while_its_bytes_are_handed_out_keeps_the_buffer() -> None:
    """A sink that is done at once gives its lease back before the pool hears how much came."""
    pool = BufferPool(1, SIZE)
    buffer = pool.current()
    buffer.lease()
    buffer.release()
    assert pool.current() is buffer
    buffer.lease()
    pool.received(buffer, 100)
    assert buffer.filled == 100


def test_an_old_lease_that_ends_while_bytes_are_handed_out_does_not_free_them() -> None:
    """What this read lends lies behind what the one before it lent, wherever that has gone since."""
    pool = BufferPool(1, SIZE)
    buffer = receive(pool, 400, lend=True)
    assert pool.current().filled == 400
    buffer.release()
    buffer.lease()
    assert buffer.filled == 400
    pool.received(buffer, 200)
    assert pool.current() is buffer
    assert buffer.filled == 600
    buffer.release()
    assert pool.current().filled == 0


def test_a_buffer_that_is_left_begins_anew_when_its_turn_comes() -> None:
    """It comes back by way of the others that are free."""
    pool = BufferPool(1, SIZE)
    (buffer,) = lend_all(pool)
    buffer.release()
    assert pool.current() is buffer
    assert buffer.filled == 0


def test_when_all_are_lent_the_reserve_serves() -> None:
    """The reserve is never lent, so it is there for ever, and always empty."""
    pool = BufferPool(3, SIZE)
    lent = lend_all(pool)
    assert len(lent) == len({id(buffer) for buffer in lent}) == 3
    assert receive(pool, SIZE, lend=False) is pool.reserve
    assert pool.reserve.filled == 0
    lent[1].release()
    assert pool.current() is lent[1]


def test_without_memory_for_a_buffer_the_reserve_serves(monkeypatch: pytest.MonkeyPatch) -> None:
    """Until there is some: what a system has not got at the moment is like what is lent."""
    pool = BufferPool(2, SIZE)
    monkeypatch.setattr("dicomnet.aio.pool.Buffer", no_memory)
    assert pool.current() is pool.reserve
    monkeypatch.undo()
    assert len(lend_all(pool)) == 2


def no_memory(size: int, pool: BufferPool) -> Buffer:
    raise MemoryError


def test_who_waits_is_told_once() -> None:
    """Everybody who waits hears of the first buffer that comes back, and not of the second."""
    pool = BufferPool(2, SIZE)
    lent = lend_all(pool)
    calls: list[str] = []
    pool.when_free(lambda: calls.append("a"))
    pool.when_free(lambda: calls.append("b"))
    assert calls == []
    lent[0].release()
    assert calls == ["a", "b"]
    lent[1].release()
    assert calls == ["a", "b"]


def test_who_waits_for_what_is_there_is_told_at_once() -> None:
    """A buffer may have come back between the read into the reserve and the wish for another."""
    pool = BufferPool(1, SIZE)
    (lent,) = lend_all(pool)
    lent.release()
    calls: list[str] = []
    pool.when_free(lambda: calls.append("now"))
    assert calls == ["now"]


def test_who_waits_again_from_within_the_call_waits_for_the_next() -> None:
    """A waiter that finds the buffer taken by the one before it does not make the pool spin."""
    pool = BufferPool(1, SIZE)
    (lent,) = lend_all(pool)
    calls: list[str] = []

    def take_it() -> None:
        calls.append("took")
        receive(pool, SIZE, lend=True)

    def too_late() -> None:
        calls.append("again")

    pool.when_free(take_it)
    pool.when_free(too_late)
    lent.release()
    assert calls == ["took"]
    lent.release()
    assert calls == ["took", "again"]


@pytest.mark.parametrize("leases", [1, 2])
def test_a_spoiled_buffer_is_never_used_again(leases: int) -> None:
    """Somebody still looks into its memory; a new one takes its place, and only one."""
    pool = BufferPool(1, SIZE)
    buffer = pool.current()
    for _ in range(leases):
        buffer.lease()
    pool.received(buffer, 100)
    buffer.release(view_still_used=True)
    for _ in range(leases - 1):
        assert pool.current() is buffer
        buffer.release()
    (other,) = lend_all(pool)
    assert other is not buffer


def test_a_buffer_spoiled_while_its_bytes_are_handed_out_is_replaced_once() -> None:
    """Several data sets in one read may each spoil the buffer they came in; the pool does not grow by it."""
    pool = BufferPool(2, SIZE)
    buffer = pool.current()
    for _ in range(3):
        buffer.lease()
        buffer.release(view_still_used=True)
    pool.received(buffer, 100)
    lent = lend_all(pool)
    assert buffer not in lent
    assert len(lent) == 2

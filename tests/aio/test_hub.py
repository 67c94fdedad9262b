"""What the connections of one event loop share."""

from __future__ import annotations

import asyncio
import threading
import time

import pytest

from aio.ends import WAIT, Gate
from dicomnet.aio.hub import IDLE_SEND_BUFFERS, SEND_BUFFER, STORAGE_THREADS, Hub, close_hub, hub
from dicomnet.errors import StateError
from dicomnet.limits import Limits


async def test_a_loop_has_one_hub() -> None:
    """Whoever asks on one loop gets the same."""
    assert hub() is hub()
    assert hub().loop is asyncio.get_running_loop()


async def test_a_closed_hub_is_replaced() -> None:
    """Closing ends its threads; the next who asks gets a new one."""
    first = hub()
    close_hub()
    with pytest.raises(StateError):
        first.workers.submit(lambda: None)
    assert hub() is not first


def test_the_hub_of_a_closed_loop_does_not_stay() -> None:
    """A program that runs one loop after the other keeps the buffers and threads of the last one only."""

    async def use() -> Hub:
        return hub()

    first = asyncio.run(use())
    second = asyncio.run(use())
    with pytest.raises(StateError):
        first.workers.submit(lambda: None)
    second.close()


async def test_closing_where_there_is_no_hub_is_harmless() -> None:
    """A loop that never had a connection has nothing to close."""
    close_hub()
    close_hub()


async def test_closing_finishes_what_the_storage_threads_were_given() -> None:
    """A file that is being written is written to its end."""
    done: list[int] = []
    for number in range(10):
        hub().workers.submit(lambda number=number: done.append(number))
    close_hub()
    assert sorted(done) == list(range(10))


async def test_closing_does_not_wait_for_ever(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """A disk that hangs does not hang the end of the program; one warning tells of it."""
    monkeypatch.setattr("dicomnet.aio.hub.LAST_WRITES", 0.1)
    with Gate() as gate:
        hub().workers.submit(gate.pass_through)
        await gate.reached()
        hub().close_workers()
        started = time.monotonic()
        close_hub()
        assert time.monotonic() - started < 5
    assert [record.message for record in caplog.records] == [
        "1 threads (dicomnet-storage) still work after 0.1 s; they are left to themselves"
    ]


async def test_stalled_disks_of_all_associations_leave_a_thread_for_the_next() -> None:
    """As many as a listener admits, each with a sink that stands still, and as many senders' files as that."""
    limit = 2 * Limits().associations
    assert limit <= STORAGE_THREADS
    done = threading.Event()
    with Gate() as gate:
        for _ in range(limit - 1):
            hub().workers.submit(gate.pass_through)
        hub().workers.submit(done.set)
        assert await asyncio.to_thread(done.wait, WAIT)


async def test_send_buffers_are_used_again() -> None:
    """A few are kept for the next message, the rest are let go."""
    ours = Hub(asyncio.get_running_loop())
    taken = [ours.take_send_buffer() for _ in range(IDLE_SEND_BUFFERS + 2)]
    for buffer in taken:
        ours.give_send_buffer(buffer)
    again = [ours.take_send_buffer() for _ in range(IDLE_SEND_BUFFERS + 2)]
    assert len({id(buffer) for buffer in again} & {id(buffer) for buffer in taken}) == IDLE_SEND_BUFFERS
    ours.close()


def test_a_send_buffer_holds_the_largest_pdu_we_send() -> None:
    """A command and one whole PDU must fit, or nothing could ever be laid out."""
    assert Limits().max_pdu_length + 64 * 1024 < SEND_BUFFER


def test_two_loops_have_two_hubs() -> None:
    """Nothing is shared between threads."""

    async def ask() -> Hub:
        found = hub()
        close_hub()
        return found

    assert asyncio.run(ask()) is not asyncio.run(ask())

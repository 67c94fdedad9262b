"""Data sets on their way from the receive buffer to their sinks, in the thread of whoever calls."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from pathlib import Path

import pytest

from aio.ends import CountedBody, WatchedSink, pattern, store
from dicomnet.dimse.codec import encode
from dicomnet.dimse.fragments import command_pdus, data_pdus
from dicomnet.dimse.status import Status
from dicomnet.errors import StorageError
from dicomnet.limits import KIB, MIB
from dicomnet.storage.held import MemorySink
from dicomnet.storage.sinks import Incoming, NullSink, Sink
from dicomnet.sync.arrival import Arrival
from dicomnet.sync.inbox import RECEIVE_BUFFER
from dicomnet.types import UID
from pair import CT, CT_IMAGE_STORAGE, EXPLICIT_LE
from sync.wires import near_and_far, near_and_raw

PDU = 16 * KIB


def message(number: int, size: int) -> bytes:
    """A C-STORE-RQ with so many bytes, as it is on the wire."""
    return command_pdus(CT, encode(store(number)), PDU) + data_pdus(CT, pattern(size), PDU)


def test_a_sink_is_told_what_comes() -> None:
    """The sender's title first, whoever asked for the association."""
    told: list[Incoming] = []

    class Asking(MemorySink):
        def open(self, incoming: Incoming) -> None:
            super().open(incoming)
            told.append(incoming)

    with near_and_far() as (near, far):
        near.user.sink = lambda _: Asking()
        far.do(lambda: far.end.store(1, pattern(100)))
        near.until(lambda: near.user.messages)
    (incoming,) = told
    assert incoming == Incoming(CT_IMAGE_STORAGE, UID("1.2.3.1"), EXPLICIT_LE, "ACCEPTOR", "REQUESTOR", "C-STORE-RQ")


def test_a_response_knows_what_it_answers() -> None:
    """The operation carries the ticket the request was sent under; a request answers nothing."""
    with near_and_far() as (near, far):
        near.store(1, pattern(100))
        near.response(1)
        assert near.user.messages[0][0].operation is not None
        far.do(lambda: far.end.store(1, pattern(100)))
        near.until(lambda: len(near.user.messages) == 2)
        assert near.user.messages[1][0].operation is None


def test_a_sink_is_called_in_the_thread_that_waits(file: Path, tmp_path: Path) -> None:
    """Also one that waits for the disk; no other thread is made."""
    threads: set[int] = set()
    sink = WatchedSink(tmp_path / "kept.dcm")
    sink.before_write = lambda _: threads.add(threading.get_ident())
    with near_and_far() as (near, far):
        near.user.sink = lambda _: sink
        far.do(lambda: far.end.store(1, CountedBody(file)))
        near.until(lambda: near.user.messages)
        assert near.data == [pattern(10 * MIB)]
    assert threads == {threading.get_ident()}


@pytest.mark.parametrize("size", [100, 60 * KIB, 4 * MIB])
def test_what_comes_before_a_sink_is_chosen_is_kept_for_it(size: int) -> None:
    """Above a limit it stays with the system, and at last with the peer."""
    with near_and_far() as (near, far):
        near.user.sink = lambda _: None
        far.do(lambda: far.end.store(1, pattern(size)))
        near.until(lambda: near.user.arrivals)
        near.wire.run(lambda: False, 0.05)
        (arrival,) = near.user.arrivals
        assert arrival.completed == (size < 64 * KIB)
        assert near.wire._inbox.held <= 64 * KIB + RECEIVE_BUFFER
        arrival.use(MemorySink())
        near.until(lambda: near.user.messages)
        assert near.data == [pattern(size)]
        assert near.wire._inbox.held == 0
        far.until(lambda: far.end.answered(1) is not None)


def test_a_message_is_told_complete_before_it_is_kept() -> None:
    """Who has not chosen yet may be waiting for that."""
    with near_and_raw() as (near, raw):
        near.user.sink = lambda _: None
        completed: list[Arrival] = []
        near.user.on["choose"] = lambda arrival: setattr(arrival, "on_complete", lambda: completed.append(arrival))
        raw.write(message(1, 100))
        near.until(lambda: completed)
        assert near.user.messages == []
        completed[0].use(MemorySink())
        assert near.data == [pattern(100)]


def test_what_came_whole_can_be_kept_after_the_end() -> None:
    """The association is gone, the data set is not."""
    with near_and_raw() as (near, raw):
        near.user.sink = lambda _: None
        raw.write(message(1, 100))
        raw.sock.close()
        near.run()
        near.user.arrivals[0].use(MemorySink())
        assert near.data == [pattern(100)]


def test_what_did_not_come_whole_is_discarded() -> None:
    """With a sink or without."""
    for sink in (WatchedNull(), None):
        with near_and_raw() as (near, raw):
            near.user.sink = lambda _, sink=sink: sink  # type: ignore[misc]
            raw.write(message(1, 8 * KIB)[:-100])
            near.until(lambda: near.user.arrivals)
            raw.sock.close()
            near.run()
            assert near.user.messages == []
            assert near.wire._inbox.held == 0
            near.user.arrivals[0].use(MemorySink())
            assert near.user.messages == []
        if sink is not None:
            assert sink.discarded == 1


class WatchedNull(NullSink):
    discarded = 0

    def discard(self) -> None:
        self.discarded += 1


@pytest.mark.parametrize(
    "error", [StorageError("full", status=0xA700), OSError(28, "No space left"), ValueError("odd")]
)
@pytest.mark.parametrize("step", ["open", "write", "finish"])
def test_a_sink_that_fails_fails_its_data_set_alone(step: str, error: Exception) -> None:
    """Its message is told with a `StorageError`, the peer gets its status, and the next one is kept."""

    class Failing(MemorySink):
        def fail(self, *_: object) -> None:
            raise error

    with near_and_far() as (near, far):
        failing = Failing()
        setattr(failing, step, failing.fail)
        near.user.sink = lambda _: failing
        far.do(lambda: far.end.store(1, pattern(3 * MIB)))
        near.until(lambda: near.user.messages)
        told = near.user.messages[0][2]
        assert isinstance(told, StorageError)
        assert told is error or told.__cause__ is error
        near.user.sink = lambda _: MemorySink()
        far.do(lambda: far.end.store(2, pattern(100)))
        near.until(lambda: len(near.user.messages) == 2)
        far.until(lambda: far.end.answered(2) is not None)
        assert far.do(lambda: far.end.answered(1)) == Status(told.status)
        assert near.data == [pattern(100)]


def test_a_sink_that_keeps_a_view_gets_no_other_bytes() -> None:
    """Memory that somebody has exported is not received into again; a view is released."""
    kept: list[memoryview] = []
    views: list[memoryview] = []

    class Keeping(MemorySink):
        def write(self, given: Sequence[memoryview]) -> None:
            super().write(given)
            views.extend(given)
            kept.extend(view[:] for view in given)

    with near_and_raw() as (near, raw):
        near.user.sink = lambda _: Keeping()
        for number in (1, 2):
            raw.write(command_pdus(CT, encode(store(number)), PDU) + data_pdus(CT, bytes([number]) * 100, PDU))
            near.until(lambda number=number: len(near.user.messages) == number)  # type: ignore[misc]
            raw.pdu()
        assert [bytes(view) for view in kept] == [b"\1" * 100, b"\2" * 100]
        kept.clear()


def test_an_interrupt_within_a_sink_reaches_the_caller() -> None:
    """And discards what it hit."""

    class Interrupted(Sink):
        discarded = 0

        def write(self, _: Sequence[memoryview]) -> None:
            raise KeyboardInterrupt

        def discard(self) -> None:
            self.discarded += 1

    sink = Interrupted()
    with near_and_far() as (near, far):
        near.user.sink = lambda _: sink
        far.do(lambda: far.end.store(1, pattern(MIB)))
        with pytest.raises(KeyboardInterrupt):
            near.run()
        near.wire.abort()
        assert near.wire.ended
    assert sink.discarded == 1

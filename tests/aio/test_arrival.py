"""Data sets on their way from the receive buffers to their sinks: not copied, not lost, not in anybody's way."""

from __future__ import annotations

import asyncio
import threading
import tracemalloc
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Self

import pytest

import dicomnet
from aio.ends import MAX_PDU, WAIT, Bench, CountedBody, End, Gate, WatchedSink, pattern, store
from dicomnet.aio.arrival import Arrival
from dicomnet.aio.pool import RESERVE
from dicomnet.dimse.codec import encode
from dicomnet.dimse.fragments import command_pdus, data_pdus
from dicomnet.dimse.status import Status
from dicomnet.errors import StorageError
from dicomnet.limits import KIB, MIB
from dicomnet.storage.held import MemorySink, SpoolSink
from dicomnet.storage.sinks import CallableSink, Incoming, NullSink, Sink
from dicomnet.types import UID
from pair import CT, CT_IMAGE_STORAGE, EXPLICIT_LE, MemoryBody, proposal

SMALL = {"buffers": 2, "buffer_size": 64 * KIB}
"""A pool that is easily exhausted."""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Ten MiB to be sent."""
    path = tmp_path / "source"
    path.write_bytes(pattern(10 * MIB))
    return path


def of(number: int) -> Callable[[Arrival], bool]:
    """Whether an arrival is that of a message."""
    return lambda arrival: arrival.command.message_id == number


# What a sink is told and given.


async def test_a_sink_is_told_what_comes() -> None:
    """What a file's header is made from; the sender's title first, whoever asked for the association."""
    told: list[Incoming] = []

    class Asking(MemorySink):
        def open(self, incoming: Incoming) -> None:
            super().open(incoming)
            told.append(incoming)

    async with Bench() as bench:
        requestor, acceptor = await bench.pair()
        for sender, receiver, ends in (
            (requestor, acceptor, ("REQUESTOR", "ACCEPTOR")),
            (acceptor, requestor, ("ACCEPTOR", "REQUESTOR")),
        ):
            receiver.user.sink = lambda _: Asking()
            sender.store(7, pattern(100))
            await sender.response(7)
            assert told.pop() == Incoming(CT_IMAGE_STORAGE, UID("1.2.3.7"), EXPLICIT_LE, *ends, "C-STORE-RQ")


LARGE = b"\x09\0\x10\0OB\0\0" + (10 * MIB).to_bytes(4, "little") + pattern(10 * MIB)


class Copies:
    """A file sink that reads along, and looks for copies before each write: at its views, and for memory above a page."""

    def __init__(self, bench: Bench, folder: Path) -> None:
        self.found: list[str] = []
        """What is made by the package, and not to be used again."""
        self.momentary: list[int] = []
        """Bytes that anybody has made since the last look, whether they are still there or not."""
        self.sizes: list[int] = []
        self.strange = 0
        """Views that are no slices of receive buffers."""
        self._pool = bench.pool
        self._folder = folder
        self._before: int | None = None
        for buffer in bench.pool.lend_all():  # what is made once is made
            buffer.release()

    def __enter__(self) -> Self:
        tracemalloc.start()
        return self

    def __exit__(self, *_: object) -> None:
        tracemalloc.stop()

    def sink(self, _: Arrival) -> Sink:
        made = WatchedSink(self._folder / "kept.dcm", check="refuse")
        made.before_write = self.look
        return made

    def look(self, views: Sequence[memoryview] = ()) -> None:
        self.sizes += map(len, views)
        self.strange += sum(not self._pool.owns(view) for view in views)
        if self._before is not None:
            self.momentary.append(tracemalloc.get_traced_memory()[1] - self._before)
        for trace in tracemalloc.take_snapshot().traces:
            frame = trace.traceback[0]
            reused = frame.filename.endswith(("aio/pool.py", "aio/hub.py"))
            if trace.size > 4 * KIB and frame.filename.startswith(PACKAGE) and not reused:
                self.found.append(f"{frame.filename}:{frame.lineno}: {trace.size}")
        tracemalloc.reset_peak()
        self._before = tracemalloc.get_traced_memory()[0]


PACKAGE = f"{Path(dicomnet.__file__).parent}/"

MOMENTARY = 32 * KIB
"""Bytes of small things that may come and go between two looks: ten KiB do. Most fragments have more, so a copy would show."""


async def test_a_large_object_is_never_copied(tmp_path: Path) -> None:
    """Every view that a file sink gets is a slice of a receive buffer, and neither end holds a copy of anything."""
    (tmp_path / "source").write_bytes(LARGE)
    async with Bench() as bench:
        requestor, acceptor = await bench.pair()
        with Copies(bench, tmp_path) as copies:
            acceptor.user.sink = copies.sink
            requestor.store(1, CountedBody(tmp_path / "source"))
            assert await requestor.response(1) == Status.SUCCESS
        assert sum(copies.sizes) == len(LARGE)
        assert copies.strange == 0
        assert copies.found == []
        assert bench.pool.reserve_used == 0
        assert acceptor.data == [LARGE]


async def test_nor_is_a_fragment_for_a_moment(tmp_path: Path) -> None:
    """Between two writes no more is made than the objects that say where the bytes are, whatever has become of it since."""
    request = command_pdus(CT, encode(store(1)), MAX_PDU) + data_pdus(CT, LARGE, MAX_PDU)
    async with Bench() as bench:
        raw, acceptor = await bench.raw_requestor()
        with Copies(bench, tmp_path) as copies:
            acceptor.user.sink = copies.sink
            await raw.write(request)
            await raw.pdu()
            copies.look()
        assert len(copies.momentary) > 1
        assert max(copies.momentary) < MOMENTARY < max(copies.sizes)
        assert acceptor.data == [LARGE]


@pytest.mark.parametrize("keep", [True, False])
async def test_a_copy_would_be_seen(keep: bool, tmp_path: Path) -> None:
    """What the tests above rely on: the copies of a sink are found by the same look."""
    async with Bench() as bench:
        requestor, acceptor = await bench.pair()
        with Copies(bench, tmp_path) as copies:

            class Copying(MemorySink):
                def write(self, views: Sequence[memoryview]) -> None:
                    copies.look(views)
                    if keep:
                        super().write(views)
                    else:
                        bytes(views[0])

            acceptor.user.sink = lambda _: Copying()
            requestor.store(1, MemoryBody(pattern(MIB)))
            await requestor.response(1)
        assert bool(copies.found) == keep
        assert max(copies.momentary) > MOMENTARY


@pytest.mark.parametrize("size", [2, 64 * KIB, MIB, 5 * MIB])
@pytest.mark.parametrize("kind", [MemorySink, SpoolSink, NullSink], ids=lambda kind: kind.__name__)
async def test_each_kind_of_sink_gets_every_byte(kind: Callable[[], Sink], size: int) -> None:
    """One that works on the loop's thread, one that moves to another on the way, and one that only counts."""
    async with Bench() as bench:
        requestor, acceptor = await bench.pair()
        acceptor.user.sink = lambda _: kind()
        requestor.store(1, MemoryBody(pattern(size)))
        assert await requestor.response(1) == Status.SUCCESS
        data = acceptor.user.messages[0][1]
        assert data is not None
        assert data.length == size
        if kind is not NullSink:
            assert data.bytes() == pattern(size)
        data.close()


@pytest.mark.parametrize("blocking", [False, True])
async def test_a_sink_that_refuses_answers_the_peer_and_loses_nobody_else(blocking: bool) -> None:
    """The status is the error's; the rest of the data set goes nowhere, and the association lives on."""

    class Refusing(NullSink):
        def open(self, incoming: Incoming) -> None:
            raise StorageError("no room", status=0xA700)

    Refusing.blocking = blocking
    async with Bench() as bench:
        requestor, acceptor = await bench.pair()
        acceptor.user.sink = lambda arrival: Refusing() if of(1)(arrival) else MemorySink()
        requestor.store(1, MemoryBody(pattern(4 * MIB)))
        assert await requestor.response(1) == 0xA700
        requestor.store(2, pattern(100))
        assert await requestor.response(2) == Status.SUCCESS
        assert [command.message_id for command in acceptor.commands] == [1, 2]
        assert acceptor.data == [pattern(100)]


# Sinks that take their time.


async def test_a_disk_that_stalls_delays_nobody_else(file: Path, tmp_path: Path) -> None:
    """While one association's file sink stands still, another echoes and stores, through the same buffers."""
    async with Bench() as bench:
        (slow, slow_end), (quick, quick_end) = await bench.pair(), await bench.pair()
        with Gate() as gate:

            def stalled(_: Arrival) -> Sink:
                sink = WatchedSink(tmp_path / "slow.dcm")
                sink.before_write = gate.pass_through
                return sink

            slow_end.user.sink = stalled
            quick_end.user.sink = lambda _: WatchedSink(tmp_path / "quick.dcm")
            slow.store(1, CountedBody(file))
            await slow_end.paused()
            assert await quick.echo(1) == Status.SUCCESS
            quick.store(2, CountedBody(file))
            assert await quick.response(2) == Status.SUCCESS
            assert slow_end.user.messages == []
        assert await slow.response(1) == Status.SUCCESS
        assert slow_end.data == quick_end.data == [pattern(10 * MIB)]


async def test_reading_stops_at_the_limit_of_what_is_held_and_goes_on_below(file: Path, tmp_path: Path) -> None:
    """One association with a slow disk holds two buffers' worth and what came in the same read, not all there are."""
    async with Bench(buffers=8, buffer_size=256 * KIB) as bench:
        requestor, acceptor = await bench.pair()
        held: list[int] = []
        with Gate() as gate:

            def sink(_: Arrival) -> Sink:
                made = WatchedSink(tmp_path / "kept.dcm")
                made.before_write = gate.pass_through
                return made

            acceptor.user.sink = sink
            requestor.store(1, CountedBody(file))
            await acceptor.paused()
            held.append(acceptor.channel._held)
            assert not acceptor.channel.transport.is_reading()  # type: ignore[union-attr]
        assert await requestor.response(1) == Status.SUCCESS
        assert 512 * KIB < held[0] <= 768 * KIB
        assert acceptor.pauses[:2] == [True, False]
        assert acceptor.data == [pattern(10 * MIB)]


async def test_with_no_buffer_left_the_others_go_on_in_the_reserve(file: Path, tmp_path: Path) -> None:
    """Echoes are answered, data whose sinks keep up are copied and kept, others wait, and every byte arrives."""
    async with Bench(**SMALL) as bench:
        pairs = [await bench.pair() for _ in range(3)]
        (greedy, greedy_end), (healthy, healthy_end), (slow, slow_end) = pairs
        owned: list[bool] = []

        def look(views: Sequence[memoryview]) -> None:
            owned.extend(bench.pool.owns(view) for view in views)

        with Gate() as gate:

            def stalled(arrival: Arrival) -> Sink:
                sink = WatchedSink(tmp_path / f"{arrival.incoming.sending_ae}{id(arrival)}.dcm")
                sink.before_write = gate.pass_through
                return sink

            def watched(arrival: Arrival) -> Sink:
                sink = WatchedSink(tmp_path / f"healthy{arrival.command.message_id}.dcm")  # type: ignore[attr-defined]
                sink.before_write = look
                return sink

            greedy_end.user.sink = slow_end.user.sink = stalled
            healthy_end.user.sink = watched
            greedy.store(1, CountedBody(file))
            await greedy_end.paused()
            assert len(bench.pool.lent) == 2
            assert bench.pool.current() is bench.pool.reserve
            for requestor in (healthy, slow):
                assert await requestor.echo(1) == Status.SUCCESS
            healthy.store(2, pattern(10 * KIB))
            assert await healthy.response(2) == Status.SUCCESS
            assert owned == [False]
            healthy.store(3, MemoryBody(pattern(3 * MIB)))
            assert await healthy.response(3) == Status.SUCCESS
            assert not any(owned)
            slow.store(2, CountedBody(file))
            await slow_end.paused()
            assert RESERVE < slow_end.channel._held <= 2 * RESERVE
            assert slow_end.user.messages[1:] == []
        for requestor, last in ((greedy, 1), (slow, 2)):
            assert await requestor.response(last) == Status.SUCCESS
        for requestor in (healthy, slow):
            assert await requestor.echo(4) == Status.SUCCESS
        assert healthy_end.data == [pattern(10 * KIB), pattern(3 * MIB)]
        assert greedy_end.data == slow_end.data == [pattern(10 * MIB)]


async def test_a_few_stalled_bytes_in_every_buffer_stop_nobody_else(tmp_path: Path) -> None:
    """Two KiB pin a whole buffer, and a healthy sender fills the rest of it: soon there is none, and it goes on."""
    size, part = 48 * KIB, 2 * KIB
    command = command_pdus(CT, encode(store(1)), MAX_PDU)
    rounds = 30
    trickle = data_pdus(CT, pattern((rounds + 1) * part), part + 12)
    async with Bench(buffers=8, buffer_size=64 * KIB) as bench:
        raw, stalled_end = await bench.raw_requestor()
        healthy, healthy_end = await bench.pair()
        decide_later(stalled_end)
        healthy_end.user.sink = lambda arrival: WatchedSink(tmp_path / f"{arrival.command.message_id}.dcm")  # type: ignore[attr-defined]
        await raw.write(command)
        arrival = await decision(stalled_end)
        step = part + 12
        for number in range(1, rounds + 1):
            await raw.write(trickle[(number - 1) * step : number * step])
            async with asyncio.timeout(WAIT):
                while stalled_end.channel._held < number * part:
                    await asyncio.sleep(0)
                healthy.store(number, pattern(size))
                assert await healthy.response(number) == Status.SUCCESS
        assert len(bench.pool.lent) == 8
        assert bench.pool.current() is bench.pool.reserve
        assert healthy_end.data == [pattern(size)] * rounds
        await raw.write(trickle[rounds * step :])
        arrival.use(MemorySink())
        await stalled_end.until(lambda: stalled_end.user.messages)
        assert stalled_end.data == [pattern((rounds + 1) * part)]


async def test_who_waits_for_a_buffer_goes_on_once_nothing_of_it_waits(tmp_path: Path) -> None:
    """With every buffer pinned for good, a sink that was slow for a while gets the rest by way of the reserve."""
    async with Bench(**SMALL) as bench:
        pinned = bench.pool.lend_all()
        requestor, acceptor = await bench.pair()
        with Gate() as gate:
            acceptor.user.sink = lambda _: slow
            slow = WatchedSink(tmp_path / "slow.dcm")
            slow.before_write = gate.pass_through
            requestor.store(1, MemoryBody(pattern(MIB)))
            await acceptor.paused()
            assert len(bench.pool._waiting) == 1
        assert await requestor.response(1) == Status.SUCCESS
        assert acceptor.data == [pattern(MIB)]
        assert bench.pool._waiting == {}
        for buffer in pinned:
            buffer.release()


async def test_who_ends_while_waiting_for_a_buffer_is_forgotten(file: Path, tmp_path: Path) -> None:
    """A stalled disk and a peer that tries again and again do not fill the memory with what is over."""
    async with Bench(**SMALL) as bench:
        greedy, greedy_end = await bench.pair()
        with Gate() as gate:

            def stalled(_: Arrival) -> Sink:
                sink = WatchedSink(tmp_path / "greedy.dcm")
                sink.before_write = gate.pass_through
                return sink

            greedy_end.user.sink = stalled
            greedy.store(1, CountedBody(file))
            await greedy_end.paused()
            for number in range(3):
                requestor, acceptor = await bench.pair()
                decide_later(acceptor)
                acceptor.channel.pending_limit = MIB
                requestor.store(1, MemoryBody(pattern(MIB)))
                await acceptor.paused()
                assert len(bench.pool._waiting) == 2
                acceptor.channel.abort_transport()
                await requestor.wait_closed()
                await acceptor.wait_closed()
                assert len(bench.pool._waiting) == 1, number
        assert await greedy.response(1) == Status.SUCCESS


# Sinks that keep what is not theirs.


@pytest.mark.parametrize("blocking", [False, True])
async def test_a_view_used_late_is_an_error(blocking: bool) -> None:
    """And not somebody else's bytes; the buffer itself goes on being used."""
    kept: list[memoryview] = []
    async with Bench() as bench:
        requestor, acceptor = await bench.pair()
        acceptor.user.sink = lambda _: CallableSink(kept.append, blocking=blocking)
        for number in range(1, 4):
            requestor.store(number, pattern(10 * KIB))
            assert await requestor.response(number) == Status.SUCCESS
        assert len(kept) == 3
        for view in kept:
            with pytest.raises(ValueError, match="released"):
                bytes(view)
        assert len(bench.pool.buffers) == 1


@pytest.mark.parametrize("blocking", [False, True])
async def test_a_buffer_that_somebody_looks_into_is_never_used_again(blocking: bool) -> None:
    """A slice that a sink has kept stays what it was, and the pool makes another buffer in place of it."""
    kept: list[memoryview] = []
    async with Bench() as bench:
        requestor, acceptor = await bench.pair()
        acceptor.user.sink = lambda arrival: (
            CallableSink(lambda view: kept.append(view[:]), blocking=blocking) if of(1)(arrival) else MemorySink()
        )
        requestor.store(1, pattern(10 * KIB))
        assert await requestor.response(1) == Status.SUCCESS
        (spoiled,) = bench.pool.buffers
        for number in range(2, 5):
            requestor.store(number, b"\x08\0" + bytes(3 * MIB))
            assert await requestor.response(number) == Status.SUCCESS
        assert b"".join(kept) == pattern(10 * KIB)
        assert bench.pool.current() is not spoiled
        assert spoiled not in bench.pool._free
        kept.clear()


# Arrivals whose sink is not decided yet.


def decide_later(end: End) -> None:
    end.user.sink = lambda _: None


async def decision(end: End, number: int = 1) -> Arrival:
    """The arrival that waits for a decision."""
    await end.until(lambda: len(end.user.arrivals) >= number)
    return end.user.arrivals[number - 1]


async def use_from_thread(arrival: Arrival, sink: Sink) -> None:
    """Decides as a worker does: from a thread, through the loop."""
    loop = asyncio.get_running_loop()
    thread = threading.Thread(target=lambda: loop.call_soon_threadsafe(arrival.use, sink))
    thread.start()
    await asyncio.to_thread(thread.join)


@pytest.mark.parametrize("blocking", [False, True])
@pytest.mark.parametrize("size", [2, 40 * KIB, 3 * MIB])
async def test_a_sink_may_be_chosen_later(size: int, blocking: bool, tmp_path: Path) -> None:
    """What has come meanwhile is delivered first; of a large object only so much that reading stops."""
    async with Bench() as bench:
        requestor, acceptor = await bench.pair()
        decide_later(acceptor)
        requestor.store(1, MemoryBody(pattern(size)))
        arrival = await decision(acceptor)
        if size > MIB:
            await acceptor.paused()
            assert not arrival.completed
            assert acceptor.channel._held <= acceptor.channel.pending_limit + MIB
        else:
            await requestor.until(lambda: len(requestor.user.departed) == 2)
        await use_from_thread(arrival, WatchedSink(tmp_path / "kept.dcm") if blocking else MemorySink())
        assert await requestor.response(1) == Status.SUCCESS
        assert acceptor.data == [pattern(size)]


async def test_what_comes_after_an_undecided_data_set_is_served() -> None:
    """One data set that waits for its decision does not hold up the messages behind it."""
    async with Bench() as bench:
        requestor, acceptor = await bench.pair(request=proposal(window=(0, 0), max_pdu_length=MAX_PDU))
        acceptor.user.sink = lambda arrival: None if of(1)(arrival) else MemorySink()
        requestor.store(1, pattern(100))
        requestor.store(2, pattern(200))
        assert await requestor.response(2) == Status.SUCCESS
        assert await requestor.echo(3) == Status.SUCCESS
        (await decision(acceptor)).use(MemorySink())
        assert await requestor.response(1) == Status.SUCCESS
        assert acceptor.data == [pattern(200), pattern(100)]


async def test_a_decision_while_the_next_data_set_begins_leaves_that_one_whole() -> None:
    """The first gives its bytes back while those of the second are handed out; the third must not come over them."""
    async with Bench() as bench:
        raw, acceptor = await bench.raw_requestor()
        chosen = acceptor.user.arrivals

        def choose(arrival: Arrival) -> Sink | None:
            if of(2)(arrival):
                chosen[0].use(MemorySink())
            return MemorySink() if of(3)(arrival) else None

        acceptor.user.sink = choose
        data = [pattern(4 * KIB * (number + 10))[4 * KIB * number :] for number in range(3)]
        for number, each in enumerate(data, 1):
            await raw.write(command_pdus(CT, encode(store(number)), MAX_PDU) + data_pdus(CT, each, MAX_PDU))
            await acceptor.until(lambda number=number: len(chosen) == number)
            async with asyncio.timeout(WAIT):
                while not chosen[-1].completed:
                    await asyncio.sleep(0)
        chosen[1].use(MemorySink())
        assert [arrival.command.message_id for arrival, _, _ in acceptor.user.messages] == [1, 3, 2]
        assert acceptor.data == [data[0], data[2], data[1]]


async def test_a_decision_after_the_peer_is_gone_is_in_vain() -> None:
    """Half a data set was there: the sink never hears of it."""
    stream = command_pdus(CT, encode(store(1)), MAX_PDU) + data_pdus(CT, pattern(10 * KIB), MAX_PDU)
    async with Bench() as bench:
        raw, acceptor = await bench.raw_requestor()
        decide_later(acceptor)
        await raw.write(stream[:5000])
        arrival = await decision(acceptor)
        raw.sock.close()
        await acceptor.wait_closed()
        assert bench.pool.lent == []
        arrival.use(CallableSink(pytest.fail))
        assert acceptor.user.messages == []


async def test_a_decision_about_a_whole_data_set_counts_though_the_peer_is_gone(tmp_path: Path) -> None:
    """It came whole, so it is kept and told, even after the end of the connection was."""
    stream = command_pdus(CT, encode(store(1)), MAX_PDU) + data_pdus(CT, pattern(10 * KIB), MAX_PDU)
    async with Bench() as bench:
        raw, acceptor = await bench.raw_requestor()
        decide_later(acceptor)
        await raw.write(stream)
        raw.sock.close()
        await acceptor.wait_closed()
        arrival = await decision(acceptor)
        assert arrival.completed
        arrival.use(WatchedSink(tmp_path / "kept.dcm"))
        await acceptor.until(lambda: acceptor.user.messages)
        assert acceptor.data == [pattern(10 * KIB)]

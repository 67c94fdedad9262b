"""A data set on its way to its sink: in order, and no lease lost."""

from __future__ import annotations

import ctypes
import errno
import gc
import threading
import weakref
from collections.abc import Callable, Sequence
from pathlib import Path
from queue import SimpleQueue

import pytest
from hypothesis import given, strategies as st

from dicomnet.errors import StateError, StorageError
from dicomnet.storage.delivery import Delivery, Lease
from dicomnet.storage.files import FileSink
from dicomnet.storage.held import MemorySink, SpoolSink
from dicomnet.storage.lane import Lane
from dicomnet.storage.received import ReceivedData
from dicomnet.storage.sinks import Incoming, NullSink, Sink
from dicomnet.storage.workers import Workers
from dicomnet.types import UID
from dicomnet.uids import CTImageStorage, ExplicitVRLittleEndian
from faulty import names

INCOMING = Incoming(CTImageStorage, UID("1.2.3.4"), ExplicitVRLittleEndian, "MOD", "ARCH", "C-STORE-RQ")


class Record(NullSink):
    """Notes what it is told; may fail at a step, or do something in the middle of it."""

    def __init__(self, *, blocking: bool = True, fail: str | None = None, error: BaseException | None = None) -> None:
        super().__init__()
        self.blocking = blocking
        self.steps: list[str] = []
        self.data = b""
        self.during: Callable[[str], None] = lambda step: None
        self._fail = fail
        self._error = error or ValueError("no")

    def open(self, incoming: Incoming) -> None:
        super().open(incoming)
        self._step("open")

    def write(self, views: Sequence[memoryview]) -> None:
        super().write(views)
        self.data += b"".join(views)
        self._step("write")

    def finish(self) -> ReceivedData:
        self._step("finish")
        return super().finish()

    def discard(self) -> None:
        self._step("discard")

    def _step(self, name: str) -> None:
        self.steps.append(name)
        self.during(name)
        if name == self._fail:
            raise self._error


class Bench:
    """A delivery with everything around it in hand: storage threads and event loop run when a test says so."""

    def __init__(self, sink: Sink, *, workers: Workers | None = None) -> None:
        self.jobs: list[Callable[[], object]] = []
        self.calls: list[Callable[[], None]] = []
        self.leases: list[int] = []
        self.still_used: list[int] = []
        self.bytes = 0
        self.done: list[tuple[ReceivedData | None, StorageError | None]] = []
        self.closed = False
        self.written = 0
        self.lane = Lane(workers or self, self.calls.append)  # type: ignore[arg-type]
        self.delivery = Delivery(sink, INCOMING, self.lane, self._progress, lambda *end: self.done.append(end))

    def submit(self, job: Callable[[], object]) -> None:
        if self.closed:
            raise StateError("closed")
        self.jobs.append(job)

    def write(self, data: bytes = b"abcd") -> None:
        self.written += 1
        self.delivery.write(memoryview(bytearray(data)), Ticket(self.written - 1))

    def run(self) -> None:
        """Everything that waits, storage threads first."""
        while self.jobs or self.calls:
            while self.jobs:
                self.jobs.pop(0)()
            self.run_loop()

    def run_loop(self) -> None:
        while self.calls:
            self.calls.pop(0)()

    def _progress(self, count: int, leases: Sequence[tuple[Lease, bool]]) -> None:
        self.bytes += count
        for lease, still_used in leases:
            assert isinstance(lease, Ticket)
            self.leases.append(lease.number)
            if still_used:
                self.still_used.append(lease.number)


class Ticket:
    def __init__(self, number: int) -> None:
        self.number = number

    def release(self, view_still_used: bool) -> None: ...


class TestOrder:
    def test_a_storage_thread_takes_all_that_is_there(self) -> None:
        """Open, one write for all that came meanwhile, finish; progress and the end come through the loop."""
        sink = Record()
        bench = Bench(sink)
        for data in (b"ab", b"cd", b"ef"):
            bench.write(data)
        bench.delivery.finish()
        assert (sink.steps, bench.calls, len(bench.jobs)) == ([], [], 1)
        bench.jobs.pop()()
        assert sink.steps == ["open", "write", "finish"]
        assert (bench.leases, bench.done, len(bench.calls)) == ([], [], 1)
        bench.run()
        assert sink.data == b"abcdef"
        assert (bench.leases, bench.bytes) == ([0, 1, 2], 6)
        ((data, error),) = bench.done
        assert data is not None
        assert (data.length, error) == (6, None)

    def test_an_inline_sink_needs_no_thread(self) -> None:
        """What does not block happens at once, callbacks included."""
        bench = Bench(sink := Record(blocking=False))
        bench.write()
        assert (sink.steps, bench.leases) == (["open", "write"], [0])
        bench.delivery.finish()
        assert len(bench.done) == 1
        assert bench.jobs == bench.calls == []

    def test_a_sink_that_begins_to_block(self, tmp_path: Path) -> None:
        """From then on a storage thread does it, behind what was done inline."""
        bench = Bench(SpoolSink(tmp_path, threshold=6))
        for data in (b"abcd", b"efgh"):
            bench.write(data)
        assert (bench.leases, bench.jobs, names(tmp_path)) == ([0, 1], [], [])
        bench.write(b"ijkl")
        assert len(bench.jobs) == 1
        bench.delivery.finish()
        bench.run()
        ((data, _),) = bench.done
        assert data is not None
        assert data.bytes() == b"abcdefghijkl"

    @pytest.mark.parametrize("blocking", [True, False])
    def test_an_empty_data_set(self, blocking: bool) -> None:
        """The sink is opened and finished."""
        bench = Bench(sink := Record(blocking=blocking))
        bench.delivery.finish()
        bench.run()
        assert sink.steps == ["open", "finish"]
        assert len(bench.done) == 1

    def test_a_view_without_a_lease(self) -> None:
        """Memory of the view's own counts as bytes, and has no lease to return."""
        bench = Bench(Record())
        bench.delivery.write(memoryview(b"abcd"), None)
        bench.run()
        assert (bench.bytes, bench.leases) == (4, [])

    def test_nothing_follows_the_end(self) -> None:
        """A data set that was complete takes no more bytes; to end it twice changes nothing."""
        bench = Bench(sink := Record())
        bench.delivery.finish()
        bench.delivery.finish()
        with pytest.raises(StateError):
            bench.write()
        bench.run()
        bench.delivery.discard()
        bench.run()
        assert sink.steps == ["open", "finish"]
        assert len(bench.done) == 1


class TestViews:
    @pytest.mark.parametrize("blocking", [True, False])
    def test_a_view_kept_is_an_error_when_used(self, blocking: bool) -> None:
        """A sink that keeps a view gets ValueError, and not the bytes of somebody else."""
        kept: list[memoryview] = []
        bench = Bench(Keeping(kept.extend, blocking=blocking))
        bench.write()
        bench.run()
        assert (bench.leases, bench.still_used) == ([0], [])
        with pytest.raises(ValueError, match="released"):
            bytes(kept[0])

    @pytest.mark.parametrize(
        "hold",
        [lambda view: view[1:3], lambda view: (ctypes.c_char * 4).from_buffer(view), lambda view: memoryview(view)],
    )
    def test_memory_still_used_is_reported(self, hold: Callable[[memoryview], object]) -> None:
        """A slice or an export outlives the view, so the memory must not be used again."""
        kept: list[object] = []
        bench = Bench(Keeping(lambda views: kept.append(hold(views[0])), blocking=True))
        bench.write()
        bench.write()
        bench.run()
        assert bench.leases == [0, 1]
        assert bench.still_used == [0]

    @pytest.mark.parametrize("wrapped", [False, True])
    def test_an_error_does_not_keep_memory(self, wrapped: bool) -> None:
        """The frames that an error, and the one that it came of, remember hold slices of views; they let go of them."""

        class Full(Record):
            def write(self, views: Sequence[memoryview]) -> None:
                try:
                    self.half(views[0][:100])
                except OSError as error:
                    if wrapped:
                        raise StorageError("full") from error
                    raise

            def half(self, view: memoryview) -> None:
                raise OSError(errno.ENOSPC, "full")

        bench = Bench(Full())
        bench.write(b"\10\0" * 100)
        bench.write(b"\10\0" * 100)
        bench.run()
        ((_, error),) = bench.done
        assert error is not None
        assert isinstance(error.__cause__, OSError)
        assert error.__cause__.__traceback__ is not None
        assert (bench.leases, bench.still_used) == ([0, 1], [])


class TestErrors:
    @pytest.mark.parametrize("blocking", [True, False])
    @pytest.mark.parametrize("step", ["open", "write", "finish"])
    def test_end_the_data_set(self, step: str, blocking: bool, caplog: pytest.LogCaptureFixture) -> None:
        """The error is told once, the sink discards, further bytes go nowhere and their leases come back; the log says where
        whoever wrote the sink has to look."""
        bench = Bench(sink := Record(fail=step, blocking=blocking))
        bench.write()
        bench.run()
        bench.write()
        bench.delivery.finish()
        bench.run()
        ((data, error),) = bench.done
        assert data is None
        assert isinstance(error, StorageError)
        assert str(error) == "the sink failed: ValueError: no"
        assert isinstance(error.__cause__, ValueError)
        assert error.status == 0x0110
        assert (bench.leases, bench.bytes) == ([0, 1], 8)
        assert sink.steps.count("discard") == 1
        assert caplog.text.count("Traceback") == 1
        assert "in _step" in caplog.text
        assert sink.steps.count("write") <= (2 if step == "finish" else 1)

    def test_keep_their_status(self, caplog: pytest.LogCaptureFixture) -> None:
        """A storage error goes as it is; one of the system gets the status that fits. Neither is a fault of the sink."""
        refused = StorageError("no", status=0xA900)
        for error, status in ((refused, 0xA900), (OSError(errno.ENOSPC, "full"), 0xA700), (SystemExit(), 0x0110)):
            bench = Bench(Record(fail="open", error=error))
            bench.write()
            bench.run()
            ((_, told),) = bench.done
            assert told is not None
            assert told.status == status
            assert bench.leases == [0]
        assert caplog.text == ""

    @pytest.mark.parametrize("error", [ValueError("no"), SystemExit()], ids=["error", "exit"])
    def test_a_sink_that_cannot_even_discard(self, error: BaseException, caplog: pytest.LogCaptureFixture) -> None:
        """That is logged; the end is told all the same, and the next data set has its turn."""
        bench = Bench(Record(fail="discard", error=error))
        bench.write()
        bench.run()
        bench.delivery.discard()
        bench.run()
        assert bench.done == [(None, None)]
        assert "could not discard" in caplog.text
        bench.delivery = Delivery(Record(), INCOMING, bench.lane, bench._progress, lambda *end: bench.done.append(end))
        bench.write()
        bench.delivery.finish()
        bench.run()
        assert len(bench.done) == 2

    @pytest.mark.parametrize("blocking", [True, False])
    def test_a_sink_that_forgets_to_say_what_became_of_it(self, blocking: bool) -> None:
        """Its data set counts as lost, and the peer is answered."""

        class Forgetful(Record):
            def finish(self) -> ReceivedData:
                super().finish()
                return None  # type: ignore[return-value]

        bench = Bench(sink := Forgetful(blocking=blocking))
        bench.write()
        bench.delivery.finish()
        bench.run()
        ((data, error),) = bench.done
        assert data is None
        assert str(error) == "the sink failed: TypeError: Forgetful.finish returned NoneType, and not ReceivedData"
        assert sink.steps == ["open", "write", "finish", "discard"]

    def test_an_interruption_of_a_discard_goes_on(self) -> None:
        """As in any other step, and the end is told before."""
        bench = Bench(Record(blocking=False, fail="discard", error=KeyboardInterrupt()))
        bench.write()
        with pytest.raises(KeyboardInterrupt):
            bench.delivery.discard()
        assert bench.done == [(None, None)]

    def test_a_keyboard_interrupt_goes_on(self) -> None:
        """In the event loop's thread it is not ours to keep; the lease is back all the same."""
        bench = Bench(Record(blocking=False, fail="write", error=KeyboardInterrupt()))
        with pytest.raises(KeyboardInterrupt):
            bench.write()
        assert bench.leases == [0]
        assert len(bench.done) == 1

    def test_an_interruption_is_not_kept(self) -> None:
        """What is told of the data set does not hold whoever was interrupted, who may have to be collected to let go."""

        class Caller:
            pass

        def interrupted() -> weakref.ref[Caller]:
            caller = Caller()
            with pytest.raises(KeyboardInterrupt):
                bench.write()
            return weakref.ref(caller)

        def interrupt(step: str) -> None:
            if step == "write":
                raise KeyboardInterrupt

        bench = Bench(sink := Record(blocking=False))
        sink.during = interrupt
        caller = interrupted()
        ((_, error),) = bench.done
        assert error is not None
        assert error.__cause__ is None
        gc.collect()
        assert caller() is None

    def test_closed_storage_threads(self) -> None:
        """Nobody will do the work: an error, and the leases come back."""
        bench = Bench(sink := Record())
        bench.write()
        bench.run()
        bench.closed = True
        bench.write()
        bench.delivery.finish()
        bench.run()
        assert bench.leases == [0, 1]
        assert sink.steps == ["open", "write", "discard"]
        ((_, error),) = bench.done
        assert "closed" in str(error)

    def test_a_closed_loop(self) -> None:
        """A storage thread that cannot report any more goes on quietly."""
        bench = Bench(sink := Record())

        def gone(callback: Callable[[], None]) -> None:
            raise RuntimeError("Event loop is closed")

        bench.delivery = Delivery(sink, INCOMING, Lane(bench, gone), bench._progress, print)  # type: ignore[arg-type]
        bench.write()
        bench.delivery.finish()
        bench.run()
        assert sink.steps == ["open", "write", "finish"]

    def test_a_callback_that_fails(self, caplog: pytest.LogCaptureFixture) -> None:
        """The others are called all the same."""
        bench = Bench(Record())
        bench.delivery._on_progress = lambda count, leases: 1 / 0  # type: ignore[assignment,func-returns-value]
        bench.write()
        bench.delivery.finish()
        bench.run()
        assert len(bench.done) == 1
        assert "ZeroDivisionError" in caplog.text


class TestDiscard:
    @pytest.mark.parametrize("blocking", [True, False])
    def test_leaves_nothing_to_the_sink(self, blocking: bool) -> None:
        """The end is told without data and without an error."""
        bench = Bench(sink := Record(blocking=blocking))
        bench.write()
        bench.run()
        bench.delivery.discard()
        bench.delivery.discard()
        bench.write()
        bench.run()
        assert sink.steps == ["open", "write", "discard"]
        assert bench.done == [(None, None)]
        assert bench.leases == [0, 1]

    def test_before_the_sink_was_opened(self) -> None:
        """A sink that was told nothing has nothing to discard."""
        bench = Bench(sink := Record())
        bench.write()
        bench.delivery.discard()
        bench.run()
        assert sink.steps == []
        assert (bench.leases, bench.done) == ([0], [(None, None)])

    def test_does_not_wait_for_a_slow_disk(self) -> None:
        """While a write goes on, what is queued behind it comes back at once."""
        sink = Record()
        bench = Bench(sink)
        bench.write()
        back: list[list[int]] = []

        def meanwhile(step: str) -> None:
            if step == "write":
                bench.write()
                bench.delivery.discard()
                bench.run_loop()
                back.append([*bench.leases])
                bench.write()  # and what comes after that
                bench.run_loop()
                back.append([*bench.leases])

        sink.during = meanwhile
        bench.run()
        assert back == [[1], [1, 2]]
        assert bench.leases == [1, 2, 0]
        assert sink.steps == ["open", "write", "discard"]

    def test_too_late(self) -> None:
        """A sink that is finishing finishes; the data set is told, not lost."""
        bench = Bench(sink := Record())
        sink.during = lambda step: bench.delivery.discard() if step == "finish" else None
        bench.delivery.finish()
        bench.run()
        assert sink.steps == ["open", "finish"]
        ((data, _),) = bench.done
        assert data is not None


ACTIONS = st.sampled_from(["write", "write", "write", "finish", "discard", "work", "loop", "close"])


class TestInterleavings:
    @given(
        st.lists(ACTIONS, max_size=12),
        st.lists(st.lists(ACTIONS, max_size=3), max_size=4),
        st.sampled_from([None, "open", "write", "finish", "discard"]),
        st.booleans(),
    )
    def test_no_lease_is_lost(
        self, outside: list[str], inside: list[list[str]], fail: str | None, blocking: bool
    ) -> None:
        """Whatever the event loop does, between and in the middle of what a storage thread does."""
        sink = Record(blocking=blocking, fail=fail)
        bench = Bench(sink)
        complete = False

        def act(action: str) -> None:
            nonlocal complete
            if action == "write" and not complete:
                bench.write()
            elif action == "finish":
                complete = True
                bench.delivery.finish()
            elif action == "discard":
                complete = True
                bench.delivery.discard()
            elif action == "work" and bench.jobs and not working:
                bench.jobs.pop(0)()
            elif action == "loop" and bench.calls:
                bench.calls.pop(0)()
            elif action == "close":
                bench.closed = True

        working: list[str] = []

        def during(step: str) -> None:
            if not blocking:
                return
            working.append(step)
            for action in inside.pop() if inside else ():
                act(action)
            working.pop()

        sink.during = during
        for action in outside:
            act(action)
        bench.delivery.discard()
        bench.run()
        assert sorted(bench.leases) == list(range(bench.written))
        assert bench.bytes == 4 * bench.written
        assert bench.still_used == []
        assert len(bench.done) == 1
        assert sink.steps.count("open") <= 1
        assert sink.steps.count("discard") + sink.steps.count("finish") <= 2
        assert sink.steps.count("discard") <= 1
        if bench.done[0][0] is not None:
            assert sink.steps[-1] == "finish"
            assert len(sink.data) == bench.bytes


class TestRealThreads:
    def test_many_deliveries_at_once(self, tmp_path: Path) -> None:
        """With real storage threads and a loop, every file is whole and every lease is back."""
        workers = Workers(8)
        syncers = Workers(4)
        loop: SimpleQueue[Callable[[], None]] = SimpleQueue()
        ends: list[tuple[ReceivedData | None, StorageError | None]] = []
        returned = 0
        lane = Lane(workers, loop.put, syncers)

        def progress(count: int, leases: Sequence[tuple[Lease, bool]]) -> None:
            nonlocal returned
            returned += len(leases)

        deliveries = [
            Delivery(
                FileSink(tmp_path / f"{number}", durable=False),
                INCOMING,
                lane,
                progress,
                lambda *end: ends.append(end),
            )
            for number in range(40)
        ]
        for piece in range(50):
            for number, delivery in enumerate(deliveries):
                delivery.write(memoryview(bytearray(b"\10%c" % (number + piece) * 50)), Ticket(piece))
        for delivery in deliveries:
            delivery.finish()
        while len(ends) < 40:
            loop.get(timeout=10)()
        workers.close()
        syncers.close()
        assert returned == 40 * 50
        for number in range(40):
            data = (tmp_path / f"{number}").read_bytes()
            assert data.endswith(b"".join(b"\10%c" % (number + piece) * 50 for piece in range(50)))

    def test_a_stalled_sink_does_not_stall_the_loop(self) -> None:
        """Writes and discard return while a sink waits for its disk."""
        entered, go_on = threading.Event(), threading.Event()
        sink = Record()
        sink.during = lambda step: (entered.set(), go_on.wait(10))[-1] and None if step == "write" else None
        workers = Workers(1)
        bench = Bench(sink, workers=workers)
        bench.write()
        assert entered.wait(10)
        bench.write()
        bench.delivery.discard()
        bench.run()
        assert bench.leases == [1]
        go_on.set()
        workers.close()
        bench.run()
        assert bench.leases == [1, 0]
        assert bench.done == [(None, None)]


class Keeping(MemorySink):
    def __init__(self, keep: Callable[[Sequence[memoryview]], object], *, blocking: bool) -> None:
        super().__init__()
        self.blocking = blocking
        self._keep: Callable[[Sequence[memoryview]], object] | None = keep

    def write(self, views: Sequence[memoryview]) -> None:
        if self._keep:
            self._keep(views)
        self._keep = None

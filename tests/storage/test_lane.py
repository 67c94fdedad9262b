"""What storage threads take at once, and when they are woken."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from dicomnet.errors import StateError
from dicomnet.storage import lane
from dicomnet.storage.delivery import Delivery
from dicomnet.storage.disk import Disk
from dicomnet.storage.files import FileSink
from dicomnet.storage.lane import Lane
from dicomnet.storage.received import ReceivedData
from dicomnet.storage.sinks import Incoming, NullSink
from dicomnet.storage.workers import Workers
from dicomnet.types import UID
from dicomnet.uids import CTImageStorage, ExplicitVRLittleEndian
from faulty import names

INCOMING = Incoming(CTImageStorage, UID("1.2.3.4"), ExplicitVRLittleEndian, "MOD", "ARCH", "C-STORE-RQ")
DATA = b"\10\0\x60\0CS\2\0CT" * 20


class Slow(NullSink):
    """A sink of somebody else that takes its time at the end, until it is told to go on."""

    blocking = True

    def __init__(self, finished: list[str], name: str, go_on: threading.Event | None = None) -> None:
        super().__init__()
        self._finished = finished
        self._name = name
        self._go_on = go_on

    def finish(self) -> ReceivedData:
        if self._go_on is not None:
            assert self._go_on.wait(10)
        self._finished.append(self._name)
        return super().finish()


class Counting(Disk):
    """Counts its calls."""

    def __init__(self) -> None:
        self.calls: list[str] = []

    def fsync(self, descriptor: int) -> None:
        self.calls.append("fsync")
        super().fsync(descriptor)

    def fsync_folder(self, folder: Any) -> None:
        self.calls.append("fsync_folder")
        super().fsync_folder(folder)


class Bench:
    """A lane whose storage thread and event loop run when a test says so."""

    def __init__(self) -> None:
        self.jobs: list[Callable[[], object]] = []
        self.calls: list[Callable[[], None]] = []
        self.done: list[tuple[ReceivedData | None, Exception | None]] = []
        self.lane = Lane(self, self.calls.append)  # type: ignore[arg-type]

    def submit(self, job: Callable[[], object]) -> None:
        self.jobs.append(job)

    def delivery(self, sink: Any) -> Delivery:
        return Delivery(sink, INCOMING, self.lane, lambda *_: None, lambda *end: self.done.append(end))

    def whole(self, sink: Any, data: bytes = DATA) -> None:
        delivery = self.delivery(sink)
        delivery.write(memoryview(data), None)
        delivery.finish()


def test_many_data_sets_are_one_job_and_one_report(tmp_path: Path) -> None:
    """However many are whole by then."""
    bench = Bench()
    for number in range(16):
        bench.whole(FileSink(tmp_path / str(number), durable=False))
    assert len(bench.jobs) == 1
    bench.jobs.pop()()
    assert len(bench.calls) == 1
    bench.calls.pop()()
    assert len(bench.done) == 16
    assert len(names(tmp_path)) == 16


def test_a_folder_is_synced_once_for_all(tmp_path: Path) -> None:
    """Each file for itself, before it gets its name."""
    bench, disk = Bench(), Counting()
    folder = disk.open_folder(str(tmp_path))
    for number in range(5):
        bench.whole(FileSink(tmp_path / str(number), disk=disk, folder=folder))
    bench.jobs.pop()()
    assert disk.calls == ["fsync"] * 5 + ["fsync_folder"]


def test_one_that_fails_leaves_the_others_alone(tmp_path: Path) -> None:
    """Of those that are kept together."""
    bench = Bench()
    bench.whole(FileSink(tmp_path / "a"))
    bench.whole(FileSink(tmp_path / "nowhere" / "b"))
    bench.whole(FileSink(tmp_path / "c"))
    bench.jobs.pop()()
    bench.calls.pop()()
    assert sorted(error is None for _, error in bench.done) == [False, True, True]
    assert names(tmp_path) == ["a", "c"]


def test_a_failure_that_nobody_has_thought_of_is_answered(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is left, and the lane goes on."""

    def fail(*arguments: object) -> None:
        raise LookupError("unheard of")

    bench = Bench()
    for name, finish in (("a", fail), ("b", lane.finish_files)):
        monkeypatch.setattr(lane, "finish_files", finish)
        bench.whole(FileSink(tmp_path / name))
        bench.jobs.pop()()
        bench.calls.pop()()
    assert [data is None for data, _ in bench.done] == [True, False]
    assert "unheard of" in str(bench.done[0][1])
    assert names(tmp_path) == ["b"]


def test_nothing_is_started_while_more_is_about_to_come() -> None:
    """The event loop's thread says when it rests."""
    bench, finished = Bench(), []
    bench.lane.hold()
    bench.whole(Slow(finished, "a"))
    bench.whole(Slow(finished, "b"))
    assert bench.jobs == []
    assert not bench.lane.go()
    assert len(bench.jobs) == 1


def test_the_beginning_of_a_data_set_waits_for_more_of_it() -> None:
    """But not for ever, and not once there is much of it."""
    bench = Bench()
    delivery = bench.delivery(Slow([], "a"))
    bench.lane.hold()
    delivery.write(memoryview(bytes(1000)), None)
    assert bench.lane.go()
    assert bench.jobs == []
    bench.lane.go_now()
    bench.lane.go_now()
    assert len(bench.jobs) == 1
    bench.jobs.pop()()
    bench.lane.hold()
    delivery.write(memoryview(bytes(1024 * 1024)), None)
    assert not bench.lane.go()
    assert len(bench.jobs) == 1


@pytest.mark.parametrize("end", ["finish", "discard"])
def test_what_waited_for_more_goes_on_at_the_end_of_its_data_set(end: str) -> None:
    """Also if that is no matter of what was received: its association may be over, and the loop about to close."""
    bench = Bench()
    delivery = bench.delivery(Slow([], "a"))
    bench.lane.hold()
    delivery.write(memoryview(bytes(1000)), None)
    assert bench.lane.go()
    getattr(delivery, end)()
    assert len(bench.jobs) == 1
    bench.jobs.pop()()
    bench.calls.pop()()
    assert [data is not None for data, _ in bench.done] == [end == "finish"]


def test_a_slow_end_keeps_no_other_waiting() -> None:
    """Neither sinks of somebody else, nor what is written meanwhile."""
    workers, reports, finished, go_on = Workers(8), threading.Event(), [], threading.Event()
    done: list[object] = []

    def hear(callback: Callable[[], None]) -> None:
        callback()
        if len(done) >= 2:
            reports.set()

    lane = Lane(workers, hear)
    for name, wait in (("slow", go_on), ("b", None), ("c", None)):
        delivery = Delivery(Slow(finished, name, wait), INCOMING, lane, lambda *_: None, lambda *end: done.append(end))
        delivery.write(memoryview(DATA), None)
        delivery.finish()
    assert reports.wait(10)
    assert sorted(finished) == ["b", "c"]
    go_on.set()
    workers.close()
    assert sorted(finished) == ["b", "c", "slow"]


def test_without_threads_what_waits_has_failed(tmp_path: Path) -> None:
    """And what comes later, too; nothing hangs."""
    bench = Bench()

    def closed(_: object) -> None:
        raise StateError("closed")

    bench.submit = closed  # type: ignore[method-assign]
    bench.whole(FileSink(tmp_path / "a"))
    for call in bench.calls:
        call()
    ((data, error),) = bench.done
    assert data is None
    assert "closed" in str(error)
    assert names(tmp_path) == []


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 0, 1)])
def test_pieces_stay_in_their_order(tmp_path: Path, order: Sequence[int]) -> None:
    """Of each data set, however those of several are mixed."""
    bench = Bench()
    deliveries = [bench.delivery(FileSink(tmp_path / str(number), durable=False)) for number in range(3)]
    for piece in range(4):
        for number in order:
            deliveries[number].write(memoryview(b"\10\0%c%c" % (number + 65, piece + 48)), None)
        if piece == 1:
            bench.jobs.pop()()
    for delivery in deliveries:
        delivery.finish()
    bench.jobs.pop()()
    for number in range(3):
        whole = (tmp_path / str(number)).read_bytes()
        assert whole.endswith(b"".join(b"\10\0%c%c" % (number + 65, piece + 48) for piece in range(4)))

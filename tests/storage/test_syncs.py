"""Waiting for a disk: one after the other where that is quick, at the same time where it is not."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest

from dicomnet.storage import syncs
from dicomnet.storage.syncs import sync_all
from dicomnet.storage.workers import Workers


@pytest.fixture
def syncers() -> Iterator[Workers]:
    """Threads, closed at the end."""
    workers = Workers(8)
    yield workers
    workers.close()


@pytest.fixture(params=[False, True], ids=["quick", "slow"])
def slow(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> bool:
    """What the last sync was like, and all of these are."""
    monkeypatch.setattr(syncs._PACE, "slow", request.param)
    monkeypatch.setattr(syncs, "_SLOW", -1.0 if request.param else 1e9)
    chosen: bool = request.param
    return chosen


def test_each_is_done_once_and_told_apart(syncers: Workers, slow: bool) -> None:
    """Those that fail have their error in their place."""
    done: list[int] = []

    def sync(number: int) -> None:
        done.append(number)
        if number % 3 == 0:
            raise OSError(5, str(number))

    errors = sync_all([lambda number=number: sync(number) for number in range(7)], syncers)  # type: ignore[misc]
    assert sorted(done) == list(range(7))
    assert [None if error is None else error.strerror for error in errors] == ["0", None, None, "3", None, None, "6"]


def test_whatever_is_raised_is_no_success(syncers: Workers, slow: bool) -> None:
    """In whichever thread: an error that was left there would let an instance count as kept."""

    def sync() -> None:
        raise MemoryError

    assert [type(error) for error in sync_all([sync] * 5, syncers)] == [MemoryError] * 5


def test_those_of_a_slow_disk_overlap(syncers: Workers, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each of these returns only when all of them have begun."""
    monkeypatch.setattr(syncs._PACE, "slow", True)
    barrier = threading.Barrier(5)
    assert sync_all([lambda: barrier.wait(10) and None] * 5, syncers) == [None] * 5


def test_it_returns_when_the_last_has_ended(syncers: Workers, monkeypatch: pytest.MonkeyPatch) -> None:
    """In whichever thread that is: what is told of them is that all is on the disk."""
    monkeypatch.setattr(syncs._PACE, "slow", True)
    barrier, returned = threading.Barrier(3), threading.Event()
    ours = threading.get_ident()

    def sync() -> None:
        barrier.wait(10)
        if threading.get_ident() != ours:
            returned.wait(0.2)  # too long for who does not wait for us
            raise OSError(5, "the disk is gone")

    errors = sync_all([sync] * 3, syncers)
    returned.set()
    assert sorted(type(error).__name__ for error in errors) == ["NoneType", "OSError", "OSError"]


def test_a_quick_disk_needs_no_thread(syncers: Workers, monkeypatch: pytest.MonkeyPatch) -> None:
    """All in the caller's."""
    monkeypatch.setattr(syncs._PACE, "slow", False)
    monkeypatch.setattr(syncs, "_SLOW", 1e9)
    threads: list[int] = []
    sync_all([lambda: threads.append(threading.get_ident())] * 5, syncers)
    assert set(threads) == {threading.get_ident()}


def test_a_disk_that_turns_out_slow_is_waited_for_once_more_only(
    syncers: Workers, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After the first one the others overlap."""
    monkeypatch.setattr(syncs._PACE, "slow", False)
    monkeypatch.setattr(syncs, "_SLOW", -1.0)
    barrier, order = threading.Barrier(4), []

    def sync() -> None:
        order.append(threading.get_ident())
        if len(order) > 1:
            barrier.wait(10)

    assert sync_all([sync] * 5, syncers) == [None] * 5
    assert syncs._PACE.slow


@pytest.mark.parametrize("how", ["without", "closed"])
def test_where_there_are_no_threads_it_takes_its_time(how: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """And is done all the same."""
    monkeypatch.setattr(syncs._PACE, "slow", True)
    syncers = None
    if how == "closed":
        syncers = Workers()
        syncers.close()
    done: list[int] = []
    assert sync_all([lambda: done.append(1)] * 3, syncers) == [None] * 3
    assert done == [1, 1, 1]


def test_a_disk_that_stands_still_holds_up_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    """It may have taken all threads: who waits for another disk does so itself, and leaves no job behind."""
    monkeypatch.setattr(syncs._PACE, "slow", True)
    syncers = Workers(2)
    moves, stuck = threading.Event(), threading.Semaphore(0)

    def stand_still() -> None:
        stuck.release()
        moves.wait(60)

    hung = threading.Thread(target=sync_all, args=([stand_still] * 9, syncers))
    hung.start()
    for _ in range(3):
        stuck.acquire()
    done: list[int] = []
    other = threading.Thread(target=sync_all, args=([lambda: done.append(threading.get_ident())] * 5, syncers))
    other.start()
    other.join(10)
    moves.set()
    hung.join(10)
    assert done == [other.ident] * 5
    assert syncers._backlog == 0
    syncers.close()

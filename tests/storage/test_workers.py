"""The threads that touch files."""

from __future__ import annotations

import threading
from time import monotonic

import pytest

from dicomnet.errors import StateError
from dicomnet.storage.workers import Workers


def test_threads_start_only_when_none_is_idle() -> None:
    """Jobs one after the other need one thread; jobs at a time need one each."""
    workers = Workers()
    used: list[threading.Thread] = []
    for _ in range(5):
        done = threading.Event()
        workers.submit(lambda done=done: (used.append(threading.current_thread()), done.set()))
        assert done.wait(10)
        until_idle(workers)
    assert len(set(used)) == 1
    assert used[0].name == "dicomnet-storage-1"
    assert used[0].daemon
    barrier = threading.Barrier(4)
    for _ in range(3):
        workers.submit(lambda: barrier.wait(10))
    barrier.wait(10)
    workers.close()


def test_jobs_above_the_limit_wait_in_order() -> None:
    """No more threads than allowed, and no job lost."""
    workers = Workers(2)
    barrier = threading.Barrier(3)
    order: list[int] = []
    threads: set[str] = set()
    for _ in range(2):
        workers.submit(lambda: barrier.wait(10))
    for number in range(20):
        workers.submit(lambda number=number: (order.append(number), threads.add(threading.current_thread().name)))
    assert order == []
    barrier.wait(10)
    workers.close()
    assert sorted(order) == list(range(20))
    assert len(threads) <= 2


def test_an_offer_is_taken_at_once_or_not_at_all(monkeypatch: pytest.MonkeyPatch) -> None:
    """By a thread that is there or can be started; nothing waits."""
    workers = Workers(1)
    begun, go, done = threading.Event(), threading.Event(), threading.Event()
    assert workers.offer(lambda: (begun.set(), go.wait(10)))
    assert begun.wait(10)
    assert not workers.offer(print)
    go.set()
    until_idle(workers)
    assert workers.offer(done.set)
    assert done.wait(10)
    workers.close()
    assert not workers.offer(print)
    monkeypatch.setattr(threading.Thread, "start", lambda _: (_ for _ in ()).throw(RuntimeError()))
    assert not Workers().offer(print)


def test_close_finishes_what_was_submitted() -> None:
    """Then the threads are gone, and nothing more is taken."""
    workers = Workers(1)
    done: list[int] = []
    for number in range(100):
        workers.submit(lambda number=number: done.append(number))
    workers.close()
    assert done == list(range(100))
    with pytest.raises(StateError):
        workers.submit(print)
    workers.close()


def test_close_waits_no_longer_than_told(caplog: pytest.LogCaptureFixture) -> None:
    """A thread that hangs is left to itself with one warning, and nobody waits for it again; the others finish."""
    workers = Workers(3)
    go_on, hangs = threading.Event(), threading.Event()
    done: list[int] = []
    hung: list[threading.Thread] = []
    workers.submit(lambda: (hung.append(threading.current_thread()), hangs.set(), go_on.wait(10), done.append(0)))
    assert hangs.wait(10)
    for number in range(1, 10):
        workers.submit(lambda number=number: done.append(number))
    started = monotonic()
    workers.close(timeout=0.2)
    assert 0.2 <= monotonic() - started < 5
    assert sorted(done) == list(range(1, 10))
    workers.close()
    assert [record.message for record in caplog.records] == [
        "1 threads (dicomnet-storage) still work after 0.2 s; they are left to themselves"
    ]
    go_on.set()
    hung[0].join(10)
    assert 0 in done


def test_close_within_its_time_warns_of_nothing(caplog: pytest.LogCaptureFixture) -> None:
    """The time is a limit, and nothing is waited for that is done."""
    workers = Workers()
    done: list[int] = []
    for number in range(10):
        workers.submit(lambda number=number: done.append(number))
    started = monotonic()
    workers.close(timeout=10)
    assert monotonic() - started < 5
    assert sorted(done) == list(range(10))
    assert caplog.records == []


def test_idle_threads_end() -> None:
    """A thread without a job goes, and the next job gets a new one."""
    workers = Workers(idle=0.01)
    threads: list[threading.Thread] = []
    for _ in range(3):
        started = threading.Event()
        workers.submit(lambda started=started: (threads.append(threading.current_thread()), started.set()))
        assert started.wait(10)
        threads[-1].join(10)
        assert not threads[-1].is_alive()
    assert len(set(threads)) == 3
    workers.close()


@pytest.mark.parametrize("error", [ZeroDivisionError, SystemExit, KeyboardInterrupt])
def test_a_job_that_fails_is_logged(error: type[BaseException], caplog: pytest.LogCaptureFixture) -> None:
    """Its thread goes on with the next one, whatever it was."""
    workers = Workers(1)
    done = threading.Event()

    def fail() -> None:
        raise error

    workers.submit(fail)
    workers.submit(done.set)
    assert done.wait(10)
    workers.close()
    assert error.__name__ in caplog.text


def test_a_system_without_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    """With a thread at work its backlog grows; without one the caller is told."""
    workers = Workers()
    go_on, done = threading.Event(), threading.Event()
    workers.submit(lambda: go_on.wait(10))

    def refuse(thread: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    with monkeypatch.context() as patch:
        patch.setattr(threading.Thread, "start", refuse)
        workers.submit(done.set)
        with pytest.raises(RuntimeError):
            Workers().submit(print)
    go_on.set()
    assert done.wait(10)
    workers.close()


def test_many_submitters() -> None:
    """Every job of every thread is run once, however threads come and go."""
    workers = Workers(3, idle=0.0001)
    lock = threading.Lock()
    count = 0

    def job() -> None:
        nonlocal count
        with lock:
            count += 1

    def submit() -> None:
        for _ in range(2000):
            workers.submit(job)

    threads = [threading.Thread(target=submit) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    workers.close()
    assert count == 8000


def until_idle(workers: Workers) -> None:
    """Waits for the thread to be through with its job: it takes a moment after the job's last line."""
    while True:
        with workers._lock:
            if workers._unclaimed:
                return

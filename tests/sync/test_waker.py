"""What ends a wait from another thread, on every system."""

from __future__ import annotations

import os
import select
import threading

import pytest

from dicomnet.sync.waker import Waker


@pytest.fixture(params=["event", "pair"])
def waker(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Waker:
    """One of either make."""
    if request.param == "pair":
        monkeypatch.delattr(os, "eventfd")
    return Waker()


def ready(waker: Waker, timeout: float = 0) -> bool:
    return bool(select.select([waker], [], [], timeout)[0])


def test_a_waker_is_readable_from_its_call_until_it_is_cleared(waker: Waker) -> None:
    """However often it was called."""
    assert not ready(waker)
    for _ in range(3):
        waker.wake()
    assert ready(waker)
    waker.clear()
    waker.clear()
    assert not ready(waker)
    waker.close()


def test_another_thread_ends_a_wait(waker: Waker) -> None:
    """That is what it is for."""
    other = threading.Thread(target=waker.wake)
    other.start()
    assert ready(waker, 5)
    other.join()
    waker.close()


def test_a_closed_waker_may_be_called(waker: Waker) -> None:
    """Its descriptor may be somebody else's by then, so nothing is written to it."""
    waker.close()
    read, write = os.pipe()
    waker.wake()
    waker.clear()
    waker.close()
    assert not select.select([read], [], [], 0)[0]
    os.close(read)
    os.close(write)


def test_a_waker_that_nobody_clears_takes_any_number_of_calls(waker: Waker) -> None:
    """Who wakes never waits."""
    for _ in range(2000):
        waker.wake()
    assert ready(waker)
    waker.close()

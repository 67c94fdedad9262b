"""When undelivered messages stop the reading, and when it goes on."""

from __future__ import annotations

import pytest

from dicomnet.limits import Limits
from dicomnet.net.backlog import Backlog


class Reading:
    """What a backlog asks for."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        limits = Limits(undelivered_messages=4, undelivered_bytes=1000)
        self.backlog = Backlog(limits, lambda: self.asked.append("pause"), lambda: self.asked.append("resume"))


@pytest.fixture
def reading() -> Reading:
    return Reading()


def test_reading_stops_at_the_limit_of_messages(reading: Reading) -> None:
    """The fourth of four is one too many to go on."""
    for _ in range(3):
        reading.backlog.grow(1, 0)
    assert reading.asked == []
    reading.backlog.grow(1, 0)
    assert reading.asked == ["pause"]


def test_reading_stops_at_the_limit_of_bytes(reading: Reading) -> None:
    """Few messages may hold much."""
    reading.backlog.grow(1, 999)
    assert reading.asked == []
    reading.backlog.grow(0, 1)
    assert reading.asked == ["pause"]


def test_reading_goes_on_at_half_the_limits(reading: Reading) -> None:
    """Both of them; just below the limit reading would stop again with the next message."""
    reading.backlog.grow(4, 800)
    reading.backlog.shrink(1, 0)
    reading.backlog.shrink(1, 0)
    assert reading.asked == ["pause"]
    reading.backlog.shrink(0, 300)
    assert reading.asked == ["pause", "resume"]
    assert reading.backlog.is_low


def test_what_did_not_stop_is_not_resumed(reading: Reading) -> None:
    """Deliveries of an idle connection cost nothing."""
    reading.backlog.grow(1, 10)
    reading.backlog.shrink(1, 10)
    assert reading.asked == []


def test_reading_is_resumed_once(reading: Reading) -> None:
    """After it goes on, further deliveries ask for nothing."""
    reading.backlog.grow(4, 0)
    reading.backlog.shrink(2, 0)
    reading.backlog.resumed()
    reading.backlog.shrink(2, 0)
    assert reading.asked == ["pause", "resume"]


def test_after_the_end_nothing_stops(reading: Reading) -> None:
    """Once nothing more is delivered, only the end of file is waited for."""
    reading.backlog.disregard()
    reading.backlog.grow(100, 100_000)
    assert reading.asked == []

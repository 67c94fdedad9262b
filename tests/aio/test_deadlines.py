"""One timer for the deadlines of all connections of a loop."""

from __future__ import annotations

import asyncio
import weakref
from typing import Any

import pytest

from aio.ends import Clock
from dicomnet.aio.deadlines import Deadlines


class Waiter:
    armed: float | None = None

    def __init__(self, clock: Clock, *answers: float | None) -> None:
        self.called: list[float] = []
        self.clock = clock
        self.answers = list(answers)

    def deadline_came(self, now: float) -> float | None:
        self.called.append(now)
        return self.answers.pop(0) if self.answers else None


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def deadlines(clock: Clock) -> Deadlines:
    loop: Any = clock
    return Deadlines(loop)


def test_a_waiter_is_called_at_its_deadline(clock: Clock, deadlines: Deadlines) -> None:
    """Not before, and once."""
    waiter = Waiter(clock)
    deadlines.arm(waiter, 105.0)
    clock.advance(4.9)
    assert waiter.called == []
    clock.advance(100.0)
    assert waiter.called == [105.0]
    assert clock.timers == []


def test_no_deadline_is_no_timer(clock: Clock, deadlines: Deadlines) -> None:
    """None waits for ever."""
    deadlines.arm(Waiter(clock), None)
    assert clock.timers == []


def test_a_thousand_waiters_share_one_timer(clock: Clock, deadlines: Deadlines) -> None:
    """Whatever the order in which they come, one timer of the loop runs, and each is called in time."""
    waiters = [Waiter(clock) for _ in range(1000)]
    for number, waiter in enumerate(waiters):
        deadlines.arm(waiter, 200.0 - number * 7 % 100)
        assert len(clock.timers) == 1
    clock.advance(101.0)
    assert [waiter.called for waiter in waiters] == [[200.0 - number * 7 % 100] for number in range(1000)]


def test_a_deadline_that_moves_away_costs_nothing_until_the_old_one_comes(clock: Clock, deadlines: Deadlines) -> None:
    """The waiter is asked at the old time and says the new one; the loop is not told of each byte."""
    waiter = Waiter(clock, 130.0)
    deadlines.arm(waiter, 110.0)
    timers = list(clock.timers)
    for later in range(111, 130):
        deadlines.arm(waiter, float(later))
    assert clock.timers == timers
    clock.advance(50.0)
    assert waiter.called == [110.0, 130.0]


def test_a_deadline_that_moves_closer_is_kept(clock: Clock, deadlines: Deadlines) -> None:
    """The entry for the later time is void then."""
    waiter = Waiter(clock)
    deadlines.arm(waiter, 130.0)
    deadlines.arm(waiter, 110.0)
    clock.advance(50.0)
    assert waiter.called == [110.0]


def test_a_timer_that_fires_a_tick_early_does_its_work(clock: Clock, deadlines: Deadlines) -> None:
    """A loop whose clock counts milliseconds may wake up just before the time; the waiter sees its own deadline."""
    waiter = Waiter(clock)
    deadlines.arm(waiter, 105.0)
    (timer,) = clock.timers
    clock.now = 104.9995
    clock.timers.clear()
    timer.callback()
    assert waiter.called == [105.0]


def test_a_waiter_may_arm_itself_when_called(clock: Clock, deadlines: Deadlines) -> None:
    """What is armed from within the call counts, also where the answer is another time."""

    class Restless(Waiter):
        def deadline_came(self, now: float) -> float | None:
            deadlines.arm(self, now + 5.0)
            return super().deadline_came(now)

    waiter = Restless(clock, 108.0, 109.0, None)
    deadlines.arm(waiter, 101.0)
    clock.advance(9.5)
    assert waiter.called == [101.0, 106.0, 109.0]


def test_a_waiter_that_raises_harms_nobody_else(
    clock: Clock, deadlines: Deadlines, caplog: pytest.LogCaptureFixture
) -> None:
    """Those due at the same time and later are called all the same, and the log tells."""

    class Broken(Waiter):
        def deadline_came(self, now: float) -> float | None:
            raise ValueError("no")

    same, later = Waiter(clock), Waiter(clock)
    deadlines.arm(Broken(clock), 105.0)
    deadlines.arm(same, 105.0)
    deadlines.arm(later, 110.0)
    clock.advance(20.0)
    assert (same.called, later.called) == ([105.0], [110.0])
    assert "a deadline could not be met" in caplog.text


def test_after_close_nobody_is_called(clock: Clock, deadlines: Deadlines) -> None:
    """No timer runs on."""
    waiter = Waiter(clock)
    deadlines.arm(waiter, 105.0)
    deadlines.close()
    assert clock.timers == []
    clock.advance(20.0)
    assert waiter.called == []


def test_who_is_forgotten_is_let_go(clock: Clock, deadlines: Deadlines) -> None:
    """At once, however far away his deadline is; and thousands of them leave no entries."""
    for _ in range(5000):
        waiter = Waiter(clock)
        gone = weakref.ref(waiter)
        deadlines.arm(waiter, 900.0)
        deadlines.forget(waiter)
        del waiter
        assert gone() is None
    assert len(deadlines._heap) < 1000
    last = Waiter(clock)
    deadlines.arm(last, 10.0)
    clock.advance(901.0)
    assert len(last.called) == 1


def test_nobody_is_late_because_others_are_forgotten(clock: Clock, deadlines: Deadlines) -> None:
    """However many: the entries that stay are in order."""
    staying = [Waiter(clock) for _ in range(10)]
    for number, waiter in enumerate(staying):
        deadlines.arm(waiter, 200.0 - 10 * number)
    for _ in range(1000):
        waiter = Waiter(clock)
        deadlines.arm(waiter, 900.0)
        deadlines.forget(waiter)
    for _ in range(10):
        clock.advance(10.0)
    assert [waiter.called for waiter in staying] == [[200.0 - 10 * number] for number in range(10)]


def test_who_is_forgotten_may_come_again(clock: Clock, deadlines: Deadlines) -> None:
    """What it was armed for before counts no more."""
    waiter = Waiter(clock)
    deadlines.arm(waiter, 101.0)
    deadlines.forget(waiter)
    deadlines.arm(waiter, 102.0)
    clock.advance(1.5)
    assert waiter.called == []
    clock.advance(1.0)
    assert len(waiter.called) == 1


async def test_deadlines_come_in_order_on_a_real_loop() -> None:
    """Milliseconds apart, on the loop's own clock, none early by more than its tick."""
    loop = asyncio.get_running_loop()
    deadlines = Deadlines(loop)
    done = asyncio.Event()
    order: list[tuple[str, bool]] = []

    class Named:
        armed: float | None = None

        def __init__(self, name: str, when: float) -> None:
            self.name = name
            self.when = when

        def deadline_came(self, now: float) -> None:
            order.append((self.name, now >= self.when))
            if len(order) == 3:
                done.set()

    start = loop.time()
    for name, offset in (("third", 0.03), ("first", 0.01), ("second", 0.02)):
        deadlines.arm(Named(name, start + offset), start + offset)
    async with asyncio.timeout(5):
        await done.wait()
    deadlines.close()
    assert order == [("first", True), ("second", True), ("third", True)]

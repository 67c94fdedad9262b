"""Buckets of tokens."""

from __future__ import annotations

import pytest

from dicomnet.aio import rates
from dicomnet.aio.rates import Rates


class Clock:
    """Time that passes when it is told to."""

    now = 1000.0

    def __call__(self) -> float:
        return self.now


def test_so_many_come_at_once_and_then_one_at_a_time() -> None:
    """The burst after a pause, then the rate; who is refused loses nothing by having tried."""
    clock = Clock()
    buckets = Rates(10.0, burst=3, clock=clock)
    assert [buckets.take("a") for _ in range(5)] == [True, True, True, False, False]
    clock.now += 0.1
    assert [buckets.take("a") for _ in range(2)] == [True, False]
    clock.now += 0.25
    assert [buckets.take("a") for _ in range(3)] == [True, True, False]
    clock.now += 3600
    assert [buckets.take("a") for _ in range(4)] == [True, True, True, False]


def test_each_key_has_its_own() -> None:
    """One in a loop does not slow others down."""
    buckets = Rates(1.0, clock=Clock())
    assert [buckets.take(key) for key in "aabb"] == [True, False, True, False]


def test_no_rate_is_any_number() -> None:
    """And nothing is remembered."""
    buckets = Rates(None)
    assert all(buckets.take("a") for _ in range(1000))
    assert len(buckets) == 0


def test_who_stays_away_is_forgotten() -> None:
    """A full bucket is none; those that are in use stay."""
    clock = Clock()
    buckets = Rates(1.0, clock=clock)
    for number in range(1000):
        buckets.take(str(number))
        clock.now += 0.5
    assert len(buckets) <= 3


def test_no_more_than_so_many_are_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    """An attack from everywhere at once finds its end; who came last is still known."""
    monkeypatch.setattr(rates, "MOST_KEYS", 100)
    buckets = Rates(0.001, clock=Clock())
    for number in range(10_000):
        assert buckets.take(str(number))
    assert len(buckets) == 100
    assert not buckets.take("9999")
    assert buckets.take("0")

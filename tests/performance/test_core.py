"""What a message takes in the core, without a clock: bounds stand a little above what it takes now."""

from __future__ import annotations

import gc
import sys
import tracemalloc
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

import pytest

from dicomnet.limits import KIB, MIB
from performance.conveyor import Conveyor, Zeros

# Whoever lowers a count lowers its bound here. Both cores together, request and response.
CALLS = {"echo": 440, "store": 340}
"""Functions that are called, Python's and those of C."""
PEAK = {"echo": 3 * KIB, "store": 3 * KIB, "large": 8 * KIB}
"""Bytes that are held at a time beyond those from before."""

Operation = Callable[[Conveyor], None]

OPERATIONS: dict[str, Operation] = {
    "echo": lambda conveyor: conveyor.echo(),
    "store": lambda conveyor: conveyor.store(Zeros(4 * KIB)),
    "large": lambda conveyor: conveyor.store(Zeros(256 * MIB)),
}


@pytest.fixture
def conveyor() -> Conveyor:
    """Through which messages have passed already, so that what is made once is made."""
    conveyor = Conveyor()
    for name in ("echo", "store") * 50:
        OPERATIONS[name](conveyor)
    return conveyor


@pytest.mark.parametrize("name", ["echo", "store"])
def test_nothing_of_a_message_is_left(conveyor: Conveyor, name: str) -> None:
    """After 1,000 messages there are as many objects as before, but for small caches, and no garbage to be collected."""
    with _uncollected():
        before = sys.getallocatedblocks()
        for _ in range(1_000):
            OPERATIONS[name](conveyor)
        left = sys.getallocatedblocks() - before
    assert left < 200


@pytest.mark.parametrize("name", PEAK)
def test_a_message_holds_little_memory(conveyor: Conveyor, name: str) -> None:
    """However large its data set is, which passes through the shell's buffer."""
    with _uncollected():
        tracemalloc.start()
        try:
            OPERATIONS[name](conveyor)  # once more, because what was made before is not known to tracemalloc
            tracemalloc.reset_peak()
            before, _ = tracemalloc.get_traced_memory()
            OPERATIONS[name](conveyor)
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
    assert peak - before <= PEAK[name]


@pytest.mark.parametrize("name", CALLS)
def test_a_message_takes_few_calls(conveyor: Conveyor, name: str) -> None:
    """Each call costs about the same, so they are what a small message costs."""
    calls = _calls(lambda: [OPERATIONS[name](conveyor) for _ in range(100)])
    assert calls / 100 <= CALLS[name]


def test_all_data_come_out_at_the_other_end(conveyor: Conveyor) -> None:
    """What the others count is of whole messages."""
    conveyor.received = 0
    conveyor.store(Zeros(4 * KIB))
    conveyor.store(Zeros(3 * MIB + 2))
    assert conveyor.received == 4 * KIB + 3 * MIB + 2


def _calls(function: Callable[[], object]) -> int:
    count = 0

    def note(frame: FrameType, event: str, argument: Any) -> None:
        nonlocal count
        count += event in {"call", "c_call"}

    before = sys.getprofile()
    sys.setprofile(note)
    try:
        function()
    finally:
        sys.setprofile(before)
    return count


@contextmanager
def _uncollected() -> Iterator[None]:
    gc.collect()
    gc.disable()
    try:
        yield
    finally:
        gc.enable()

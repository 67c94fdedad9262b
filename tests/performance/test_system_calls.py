"""How many system calls a transfer takes, without a clock: bounds stand a little above what it takes now."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from dicomnet.limits import KIB, MIB
from large import in_memory
from performance.tracing import instances, require_strace, transfer

# System calls of the sender and of the receiver, by window. Whoever lowers a count lowers its bound here; what is spare is
# for a scheduler that has other things to do.
PER_MESSAGE = {1: (12.5, 10.5), 16: (9.75, 5.5)}
"""For each small object."""

PER_MIB = {1: (8.0, 12.0), 16: (8.0, 12.0)}
"""For each MiB of large objects: who waits for whom is decided anew at each buffer, and on a busy machine they are smaller.
On a quiet one it is two thirds of it."""

LARGE = 8 * MIB


@pytest.mark.parametrize("window", PER_MESSAGE)
def test_a_small_object_takes_few_system_calls(tmp_path: Path, window: int) -> None:
    """Between two transfers that differ by 400 objects of 4 KiB."""
    sender, receiver = difference(tmp_path, window, 4 * KIB, 100, 500)
    assert sender.total() / 400 <= PER_MESSAGE[window][0], sender
    assert receiver.total() / 400 <= PER_MESSAGE[window][1], receiver


@pytest.mark.parametrize("window", PER_MIB)
def test_a_large_object_takes_few_system_calls(tmp_path: Path, window: int) -> None:
    """Between two transfers that differ by 8 objects of 8 MiB; the best of three, for what others do to a machine only adds."""
    for attempt in "abc":
        (folder := tmp_path / attempt).mkdir()
        sender, receiver = difference(folder, window, LARGE, 2, 10)
        if sender.total() / 64 <= PER_MIB[window][0] and receiver.total() / 64 <= PER_MIB[window][1]:
            break
    assert sender.total() / 64 <= PER_MIB[window][0], sender
    assert receiver.total() / 64 <= PER_MIB[window][1], receiver


def difference(folder: Path, window: int, size: int, few: int, many: int) -> tuple[Counter[str], Counter[str]]:
    """What many objects take more than few: start, association and end are in both."""
    require_strace()
    options = ("--window", str(window)) if window > 1 else ()
    with in_memory(3 * size * (few + many), folder) as place:
        less = transfer(instances(place / "few", few, size), place / "less", *options)
        more = transfer(instances(place / "many", many, size), place / "more", *options)
    return more[0] - less[0], more[1] - less[1]

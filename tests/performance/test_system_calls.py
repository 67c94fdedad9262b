"""How many system calls a transfer takes, without a clock: bounds stand a little above what it takes now."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from shutil import disk_usage
from tempfile import TemporaryDirectory

import pytest

from dicomnet.limits import KIB, MIB
from performance.tracing import instances, require_strace, transfer

# System calls of the sender and of the receiver, by window. Whoever lowers a count lowers its bound here; what is spare is
# for a scheduler that has other things to do.
PER_MESSAGE = {1: (13.0, 27.0), 16: (12.0, 22.0)}
"""For each small object."""

PER_MIB = {1: (8.0, 15.0), 16: (8.0, 15.0)}
"""For each MiB of large objects: who waits for whom is decided anew at each buffer."""

LARGE = 8 * MIB


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    """In memory where there is room for it, so that a slow disk does not change who waits for whom."""
    shared = Path("/dev/shm")
    if shared.is_dir() and disk_usage(shared).free > 64 * LARGE:
        with TemporaryDirectory(dir=shared) as name:
            yield Path(name)
    else:
        yield tmp_path


@pytest.mark.parametrize("window", PER_MESSAGE)
def test_a_small_object_takes_few_system_calls(folder: Path, window: int) -> None:
    """Between two transfers that differ by 400 objects of 4 KiB."""
    sender, receiver = difference(folder, window, 4 * KIB, 100, 500)
    assert sender.total() / 400 <= PER_MESSAGE[window][0], sender
    assert receiver.total() / 400 <= PER_MESSAGE[window][1], receiver


@pytest.mark.parametrize("window", PER_MIB)
def test_a_large_object_takes_few_system_calls(folder: Path, window: int) -> None:
    """Between two transfers that differ by 8 objects of 8 MiB."""
    sender, receiver = difference(folder, window, LARGE, 2, 10)
    assert sender.total() / 64 <= PER_MIB[window][0], sender
    assert receiver.total() / 64 <= PER_MIB[window][1], receiver


def difference(folder: Path, window: int, size: int, few: int, many: int) -> tuple[Counter[str], Counter[str]]:
    """What many objects take more than few: start, association and end are in both."""
    require_strace()
    options = ("--window", str(window)) if window > 1 else ()
    less = transfer(instances(folder / "few", few, size), folder / "less", *options)
    more = transfer(instances(folder / "many", many, size), folder / "more", *options)
    return more[0] - less[0], more[1] - less[1]

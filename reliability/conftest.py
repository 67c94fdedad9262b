"""As for all tests: no thread is left behind. And a folder where nobody waits for a disk."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from guards import little_to_collect, no_thread_left

__all__ = ["little_to_collect", "no_thread_left"]


@pytest.fixture
def memory() -> Iterator[Path]:
    """A folder in main memory, where there is one: what dies with a process does so there, too."""
    place = "/dev/shm" if Path("/dev/shm").is_dir() else None
    with tempfile.TemporaryDirectory(dir=place) as folder:
        yield Path(folder)

"""A disk that fails at a chosen call, and what it means to have kept nothing half."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from dicomnet.storage.disk import Disk

FAULTS = ("ENOSPC", "EDQUOT", "EIO", "EINTR", "EMFILE", "EROFS", "EACCES", "one byte", "half")
STICKY = {"ENOSPC", "EDQUOT", "EROFS"}
"""What does not go away by itself: every later call that makes or fills a file fails too."""

CALLS = tuple(name for name in vars(Disk) if not name.startswith("_"))
MAKING = {
    "make_folder",
    "make_folder_in",
    "create",
    "create_unnamed",
    "writev",
    "fsync",
    "link",
    "link_unnamed",
    "replace",
    "fsync_folder",
}


class FaultyDisk(Disk):
    """Counts the calls of the seam; the one with the number ``fail_at`` fails, or moves less than it was asked to."""

    def __init__(self, fail_at: int = -1, fault: str = "EIO", *, only: str | None = None) -> None:
        self.calls: list[str] = []
        self._fail_at = fail_at
        self._fault = fault
        self._only = only
        self._failed = False

    def __getattribute__(self, name: str) -> Any:
        method = super().__getattribute__(name)
        if name in CALLS:
            return lambda *arguments: self._call(name, method, arguments)
        return method

    def _call(self, name: str, method: Callable[..., Any], arguments: tuple[Any, ...]) -> Any:
        if self._only in (None, name):
            self.calls.append(name)
            if len(self.calls) - 1 == self._fail_at or (
                self._failed and self._fault in STICKY and (name in MAKING or self._only is not None)
            ):
                self._failed = True
                return self._fail(name, method, arguments)
        return method(*arguments)

    def _fail(self, name: str, method: Callable[..., Any], arguments: tuple[Any, ...]) -> Any:
        if self._fault not in ("one byte", "half"):
            if name == "close":  # a descriptor is gone even when closing it fails
                method(*arguments)
            raise OSError(getattr(errno, self._fault), os.strerror(getattr(errno, self._fault)))
        if name not in ("writev", "readv"):
            return method(*arguments)
        descriptor, views = arguments
        first = next(view for view in views if len(view))
        return method(descriptor, [first[: 1 if self._fault == "one byte" else (len(first) + 1) // 2]])


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def parts(folder: Path) -> list[Path]:
    return sorted(folder.glob(".*.part"))


@contextmanager
def no_descriptor_left() -> Iterator[None]:
    before = len(names(Path("/proc/self/fd")))
    yield
    # The collector may come by just now, and close what an earlier test has left in a cycle.
    assert len(names(Path("/proc/self/fd"))) <= before

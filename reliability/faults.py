"""What a disk can answer in place of what it was asked for."""

from __future__ import annotations

import errno
import os
import threading
import time
from typing import Any

from faulty import MAKING
from reliability.seam import Call, unhindered

NO_ROOM = ("ENOSPC", "EDQUOT", "EROFS")
"""Go on until somebody does something about it: every later call that makes or fills a file fails too."""

FAULTS = (*NO_ROOM, "EIO", "EINTR", "EMFILE", "ENFILE", "EACCES", "one byte", "half")
"""Errors by their names, and writes and reads that move less than they were asked to."""


class Fault:
    """A hook that lets one call fail.

    Args:
        at: which one, counted from 0; a negative one is none.
        what: one of `FAULTS`, or ``slow``.
        only: counts calls of this name only.
    """

    def __init__(self, at: int = -1, what: str = "EIO", *, only: str | None = None) -> None:
        self.calls: list[str] = []
        """That were made so far."""
        self.struck = False
        self._at = at
        self._what = what
        self._only = only
        self._lock = threading.Lock()

    def __call__(self, call: Call) -> Any:
        if self._only not in (None, call.name):
            return unhindered(call)
        with self._lock:
            self.calls.append(call.name)
            here = len(self.calls) - 1 == self._at
            fails = here or (self.struck and self._what in NO_ROOM and (call.name in MAKING or self._only is not None))
            self.struck = self.struck or here
        return self._fail(call) if fails else unhindered(call)

    def _fail(self, call: Call) -> Any:
        if self._what == "slow":
            time.sleep(0.1)
            return unhindered(call)
        if self._what in ("one byte", "half"):
            if call.name not in ("writev", "readv"):
                return unhindered(call)
            descriptor, views = call.arguments
            first = next((view for view in views if len(view)), b"")
            return call.make(descriptor, [first[: 1 if self._what == "one byte" else (len(first) + 1) // 2]])
        if call.name == "close":  # a descriptor is gone even when closing it fails
            unhindered(call)
        number = getattr(errno, self._what)
        raise OSError(number, os.strerror(number))

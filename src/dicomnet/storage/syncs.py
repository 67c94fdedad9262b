"""Waits for the disk: a journal that is written out for one file is written out for many, if they ask at the same time."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial
from time import monotonic

from dicomnet.storage.workers import Workers

Sync = Callable[[], None]
"""Returns when something is on the disk, and only then."""


def sync_all(syncs: Sequence[Sync], syncers: Workers | None) -> list[Exception | None]:
    """Does all of these, and returns for each why it failed, if it did.

    Where a sync takes its time they go to threads and overlap; where it does
    not (memory, a disk with a cache that outlives the power), a thread would
    take longer than the sync.

    Args:
        syncers: the threads; none does one after the other.
    """
    errors: list[Exception | None] = [None] * len(syncs)
    done = 0
    while done < len(syncs) and (syncers is None or len(syncs) - done == 1 or not _PACE.slow):
        errors[done] = _PACE.time(syncs[done])
        done += 1
    if done < len(syncs):
        assert syncers is not None
        _overlap(syncs, done, errors, syncers)
    return errors


def _overlap(syncs: Sequence[Sync], first: int, errors: list[Exception | None], syncers: Workers) -> None:
    """Does all from the first on, with as many threads as are free: those of others may stand still with their disk."""
    waiting = deque(range(first, len(syncs)))
    done = threading.Semaphore(0)

    def work(outcome: Callable[[Sync], Exception | None]) -> None:
        with suppress(IndexError):
            while True:
                number = waiting.popleft()
                try:
                    errors[number] = outcome(syncs[number])
                finally:
                    done.release()

    helping = partial(work, _outcome)
    for _ in range(first + 1, len(syncs)):
        if not syncers.offer(helping):
            break
    work(_PACE.time)
    for _ in range(first, len(syncs)):
        done.acquire()


def _outcome(sync: Sync) -> Exception | None:
    try:
        sync()
    except Exception as error:  # noqa: BLE001 (what cannot be done for want of memory is not done either)
        return error.with_traceback(None)  # its frames hold what was synced
    return None


class _Pace:
    """How long the last sync took: whichever disk that was, a wrong guess costs time and nothing else."""

    def __init__(self) -> None:
        self.slow = False

    def time(self, sync: Sync) -> Exception | None:
        began = monotonic()
        outcome = _outcome(sync)
        self.slow = monotonic() - began > _SLOW
        return outcome


_PACE = _Pace()
_SLOW = 0.0003
"""Seconds: what it takes to wake a few threads."""

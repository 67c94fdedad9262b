"""The way of an association's data sets to their sinks, off the event loop.

Data sets come one after the other, each in pieces. A storage thread takes all
that is there at once, so that sixteen small instances cost one change of
threads and not sixteen. Another one keeps what is whole, while the first goes
on writing: then sixteen instances cost one wait for the disk, too.

    loop       a a  b  c c c           .--- what became of a, b
    writing    `----a b----c---        |
    keeping             `-- a b -------'
"""

from __future__ import annotations

import logging
import threading
from collections import deque
from collections.abc import Callable
from functools import partial
from typing import Protocol

from dicomnet.errors import StateError, StorageError
from dicomnet.limits import KIB
from dicomnet.storage.files import FileSink, finish_files
from dicomnet.storage.received import ReceivedData
from dicomnet.storage.workers import Workers

logger = logging.getLogger(__name__)


class Traveller(Protocol):
    """A data set on its way; see `dicomnet.storage.delivery`."""

    listed: bool
    """Whether it waits in the lane; the lane's to change."""

    @property
    def file(self) -> FileSink | None:
        """The sink, if it makes a file and nothing else is left to do."""

    def advance(self) -> bool:
        """Writes what there is; says whether the data set is whole and its sink to be finished."""

    def finish_sink(self) -> None:
        """Finishes the sink."""

    def finished(self, outcome: ReceivedData | Exception) -> None:
        """Its file was finished together with others."""

    def fail(self, error: StorageError) -> None:
        """Nobody works any more."""


class Lane:
    """See the head of this file; `lock` guards what its travellers share between threads."""

    def __init__(
        self,
        workers: Workers,
        call_soon: Callable[[Callable[[], None]], object],
        syncers: Workers | None = None,
    ) -> None:
        """Nothing happens before something is put in.

        Args:
            workers: the storage threads.
            call_soon: runs a function in the event loop's thread; called from any thread.
            syncers: threads that do nothing but wait for the disk.
        """
        self.lock = threading.Lock()
        self._workers = workers
        self._call_soon = call_soon
        self._syncers = syncers
        self._holding = False
        self._held_back = False
        self._held_bytes = 0
        self._urgent = False
        # Under the lock:
        self._ready: deque[Traveller] = deque()
        self._writing = False
        self._whole: list[Traveller] = []
        self._keeping = False
        self._reports: list[Callable[[], None]] = []
        self._posted = False
        self._unposted = 0

    def put(self, traveller: Traveller, size: int = 0, *, urgent: bool = False) -> bool:
        """There is something to do for it; under the lock. If this says so, `start` must follow, without it.

        Args:
            size: bytes to write.
            urgent: whether there is more to do than to write them.
        """
        self._held_bytes += size
        self._urgent |= urgent
        if not traveller.listed:
            traveller.listed = True
            self._ready.append(traveller)
        if self._writing:
            return False
        self._writing = True
        return True

    def hold(self) -> None:
        """Starts nothing before `go`: more is about to come, and the event loop's thread has still to run before it rests.

        A storage thread that is woken earlier only finds the interpreter taken, and has to be woken once more.
        """
        self._holding = True

    def go(self) -> bool:
        """Starts what was put in meanwhile, unless it is only a small part of a data set.

        Returns:
            Whether it is, so that `go_now` must follow before long.
        """
        self._holding = False
        if not self._held_back:
            return False
        if self._urgent or self._held_bytes >= _WORTH_A_THREAD:
            self.go_now()
            return False
        return True

    def go_now(self) -> None:
        """Starts what was put in, if anything waits for that."""
        if self._held_back and not self._holding:
            self._held_back = self._urgent = False
            self._held_bytes = 0
            self._submit()

    def start(self) -> None:
        """Has a storage thread do what there is to do, now or at `go`; on the event loop's thread."""
        self._held_back = True
        self.go_now()

    def report(self, callback: Callable[[], None], size: int = 0) -> None:
        """Has the event loop call something soon: with other reports, unless this one gives back many bytes."""
        with self.lock:
            self._reports.append(callback)
            self._unposted += size
            if self._unposted < _LARGE:
                return
        self.post()

    def post(self) -> None:
        """Lets the event loop have the reports that there are."""
        with self.lock:
            self._unposted = 0
            if self._posted or not self._reports:
                return
            self._posted = True
        try:
            self._call_soon(self._run_reports)
        except RuntimeError:
            logger.debug("the event loop is closed: nobody hears of %d reports", len(self._reports))

    def _submit(self) -> None:
        try:
            self._workers.submit(self._work)
        except (StateError, RuntimeError) as error:  # closed, or no thread to be had: nobody will work but we
            with self.lock:
                lost = list(self._ready)
            for traveller in lost:
                traveller.fail(StorageError(str(error)))
            self._work()

    def _run_reports(self) -> None:
        with self.lock:
            reports, self._reports = self._reports, []
            self._posted = False
        for report in reports:
            try:
                report()
            except Exception:
                logger.exception("a callback of a delivery failed")

    # In storage threads.

    def _work(self) -> None:
        """Writes all that is there; one thread at a time."""
        whole: list[Traveller] = []
        while True:
            with self.lock:
                if not self._ready or len(whole) >= _MOST_WHOLE:
                    more = self._writing = bool(self._ready)
                    break
                traveller = self._ready.popleft()
                traveller.listed = False
            if traveller.advance():
                whole.append(traveller)
            del traveller
        if more:
            self._submit()
        if whole:
            self._keep(whole)
        self.post()

    def _keep(self, whole: list[Traveller]) -> None:
        """Keeps all that is whole; one thread at a time, which is not waited for by who writes."""
        with self.lock:
            self._whole += whole
            if self._keeping:
                return
            self._keeping = True
        while True:
            with self.lock:
                batch, self._whole = self._whole, []
                if not batch:
                    self._keeping = False
                    return
            self._finish(batch)
            self.post()

    def _finish(self, batch: list[Traveller]) -> None:
        files = [(traveller, file) for traveller in batch if (file := traveller.file) is not None]
        if len(files) < len(batch):
            self._finish_apart([traveller for traveller in batch if traveller.file is None], alone=not files)
        if files:
            outcomes: list[ReceivedData | Exception]
            try:
                outcomes = finish_files([file for _, file in files], self._syncers)
            except Exception as error:
                logger.exception("%d files could not be finished", len(files))
                outcomes = [error] * len(files)  # or their senders would wait for ever, and all who come after
            for (traveller, _), outcome in zip(files, outcomes, strict=True):
                traveller.finished(outcome)

    def _finish_apart(self, others: list[Traveller], *, alone: bool) -> None:
        """Sinks of somebody else: each may take its time, and keeps no other waiting."""
        last = others.pop() if alone else None
        for traveller in others:
            try:
                self._workers.submit(partial(self._finish_one, traveller))
            except (StateError, RuntimeError):
                traveller.finish_sink()
        if last is not None:
            last.finish_sink()

    def _finish_one(self, traveller: Traveller) -> None:
        traveller.finish_sink()
        self.post()


_LARGE = 256 * KIB
"""Bytes that are through: so much of the receive buffers is given back at once, whatever there is to do besides."""

_MOST_WHOLE = 64
"""Data sets that are written before they are kept: who sends without a window waits for its answers, too."""

_WORTH_A_THREAD = 512 * KIB
"""Bytes that are handed to a storage thread though more of their data set are on the way."""

"""One data set on its way to its sink: in order, off the event loop, and every buffer given back.

The event loop's thread hands in views of its receive buffers and goes on. For
a sink that may wait for a disk, a storage thread takes all that is there at
once (see `lane`), writes it, releases the views and reports back:

    loop      write  write  write  finish
                |      `------'       |
    thread      `-> open, write       `-> finish
                      `-> write             |
    loop              on_progress ...       `-> on_done

A lease is what keeps a buffer from being used again. Each one handed in comes
back in `on_progress` exactly once, whatever becomes of the data set; then
`on_done` is called exactly once, and nothing after it but progress for views
that were handed in too late to matter.
"""

from __future__ import annotations

import logging
import traceback
from collections.abc import Callable, Sequence
from enum import Enum, auto
from functools import partial
from typing import Protocol

from dicomnet.errors import StateError, StorageError
from dicomnet.storage.disk import storage_error
from dicomnet.storage.files import FileSink
from dicomnet.storage.lane import Lane
from dicomnet.storage.received import ReceivedData
from dicomnet.storage.sinks import Incoming, Sink

logger = logging.getLogger(__name__)


class Lease(Protocol):
    """The promise that the memory of a view is not used again."""

    def release(self, view_still_used: bool) -> None:
        """Ends the promise; if somebody still looks into the memory, it must never be used again at all."""


OnProgress = Callable[[int, Sequence[tuple[Lease, bool]]], None]
"""Called with the bytes that are through, and the leases to release, each with whether its view is still used."""

OnDone = Callable[[ReceivedData | None, StorageError | None], None]
"""Called with what became of the data set, or why nothing did; with neither if it was discarded."""


class Delivery:
    """Brings one data set to one sink.

    Its methods are called from one thread, the event loop's, and never wait.
    For a sink that does not block everything happens within them, callbacks
    included; from the moment that the sink blocks, everything happens in
    storage threads, and callbacks come through the lane.
    """

    __slots__ = (
        "_end", "_finishing", "_incoming", "_inline", "_lane", "_on_done", "_on_progress", "_opened", "_over", "_queue",
        "_sink", "listed",
    )  # fmt: skip

    def __init__(
        self, sink: Sink, incoming: Incoming, lane: Lane | None, on_progress: OnProgress, on_done: OnDone
    ) -> None:
        """Nothing happens before the first call.

        Args:
            sink: takes the data set.
            incoming: told to the sink first.
            lane: the way to the storage threads; None does everything in the caller's, also for a sink that blocks.
            on_progress: see `OnProgress`.
            on_done: see `OnDone`.
        """
        self._sink = sink
        self._incoming = incoming
        self._lane = lane
        self._on_progress = on_progress
        self._on_done = on_done
        self._inline = True
        self._opened = False
        self._over = False  # the sink has finished, failed or been discarded; written by whoever works for it
        self._finishing = False  # it is whole and written; by the same
        # Under the lane's lock:
        self.listed = False
        self._queue: list[_Piece] = []
        self._end = _End.OPEN

    def write(self, view: memoryview, lease: Lease | None) -> None:
        """Hands in the next bytes; with a lease if the memory of the view is used again later.

        After an error or `discard` the bytes go nowhere; their lease comes
        back all the same.
        """
        if self._end is _End.FINISH:
            raise StateError("the data set was complete")
        self._choose_thread()
        if self._end is _End.DISCARD:
            self._give_back(((view, lease),), ())
            self._post()
        elif self._inline:
            self._put(((view, lease),))
        else:
            assert self._lane is not None
            with self._lane.lock:
                self._queue.append((view, lease))
                start = self._lane.put(self, len(view))
            if start:
                self._lane.start()

    def finish(self) -> None:
        """The data set is whole; `on_done` tells what became of it."""
        self._close(_End.FINISH)

    def discard(self) -> None:
        """The data set is not wanted, or the rest of it will not come; no effect on a sink that has finished already."""
        self._close(_End.DISCARD)

    def _close(self, end: _End) -> None:
        self._choose_thread()
        if self._end is _End.DISCARD or self._end is end:
            return
        if self._inline:
            self._end = end
            self._complete(end)
            return
        assert self._lane is not None
        with self._lane.lock:
            self._end = end
            unwanted: list[_Piece] = []
            if end is _End.DISCARD:  # does not wait for the write that may be going on
                unwanted, self._queue = self._queue, []
            start = self._lane.put(self, urgent=True)
        if unwanted:
            self._give_back(unwanted, ())
            self._post()
        if start:
            self._lane.start()
        else:
            self._lane.go_now()  # what waited for more of this data set waits no longer

    def _choose_thread(self) -> None:
        if self._inline and self._lane is not None and self._sink.blocking:
            self._inline = False

    # What the lane calls. What follows has one thread at a time: the event loop's while inline, then the lane's.

    @property
    def file(self) -> FileSink | None:
        final = self._sink.final
        return final if type(final) is FileSink and self._opened and not self._over else None

    def advance(self) -> bool:
        assert self._lane is not None
        with self._lane.lock:
            pieces, self._queue = self._queue, []
            end = self._end
        if pieces:
            self._put(pieces)
        if self._over or self._finishing or end is _End.OPEN:
            return False
        if end is _End.DISCARD:
            self._complete(end)
            return False
        self._finishing = True
        return True

    def finish_sink(self) -> None:
        self._complete(_End.FINISH)

    def finished(self, outcome: ReceivedData | Exception) -> None:
        if isinstance(outcome, ReceivedData):
            self._keep(outcome)
        else:
            self._fail(outcome)

    def fail(self, error: StorageError) -> None:
        if not self._over and not self._finishing:
            self._fail(error)

    def _put(self, pieces: Sequence[_Piece]) -> None:
        """Writes the pieces, if the sink still takes any, and gives them back."""
        loans: Sequence[memoryview] = ()
        try:
            if self._over:
                pass
            elif self._sink.lends_views:
                loans = [_lend(view) for view, _ in pieces]
                self._try(self._write, loans)
            else:
                self._try(self._write, [view for view, _ in pieces])
        finally:
            self._give_back(pieces, loans)

    def _complete(self, end: _End) -> None:
        if self._over:
            return
        if end is _End.FINISH:
            self._try(self._finish)
        else:
            self._over = True
            self._discard_sink(partial(self._on_done, None, None))

    def _try(self, step: Callable[..., None], *arguments: object) -> None:
        try:
            step(*arguments)
        except BaseException as error:
            self._fail(error)
            if self._inline and not isinstance(error, Exception):
                raise

    def _write(self, loans: Sequence[memoryview]) -> None:
        self._open_sink()
        self._sink.write(loans)

    def _finish(self) -> None:
        self._open_sink()
        data = self._sink.finish()
        if not isinstance(data, ReceivedData):  # nobody would ever hear of it
            raise TypeError(f"{type(self._sink).__name__}.finish returned {type(data).__name__}, and not ReceivedData")
        self._keep(data)

    def _keep(self, data: ReceivedData) -> None:
        self._over = True
        self._report(partial(self._on_done, data, None))

    def _open_sink(self) -> None:
        if not self._opened:
            self._opened = True  # first: what fails half-way has something to discard, too
            self._sink.open(self._incoming)

    def _fail(self, error: BaseException) -> None:
        self._over = True
        _forget_locals(error)
        if isinstance(error, Exception) and not isinstance(
            error, StorageError | OSError
        ):  # a fault of who wrote the sink
            logger.error("a sink failed", exc_info=error)
        self._discard_sink(partial(self._on_done, None, _storage_error(error)))

    def _discard_sink(self, done: Callable[[], None]) -> None:
        """Whatever comes of that, who waits is told."""
        try:
            if self._opened:
                self._sink.discard()
        except BaseException as error:
            logger.exception("a sink could not discard its data set")
            if self._inline and not isinstance(error, Exception):
                raise
        finally:
            self._report(done)

    def _give_back(self, pieces: Sequence[_Piece], loans: Sequence[memoryview]) -> None:
        count = sum([len(view) for view, _ in pieces])
        still_used = [not _released(loan) for loan in loans] or [False] * len(pieces)
        leases = []
        for (view, lease), used in zip(pieces, still_used, strict=True):
            free = _released(view)
            if lease is not None:
                leases.append((lease, used or not free))
        self._report(partial(self._on_progress, count, leases), count)

    def _report(self, callback: Callable[[], None], size: int = 0) -> None:
        if self._inline or self._lane is None:
            callback()
        else:
            self._lane.report(callback, size)

    def _post(self) -> None:
        if not self._inline and self._lane is not None:
            self._lane.post()


class _End(Enum):
    OPEN = auto()
    FINISH = auto()
    DISCARD = auto()


_Piece = tuple[memoryview, Lease | None]


def _lend(view: memoryview) -> memoryview:
    """A view of the view, in whose place slices of it count as users.

    ``memoryview.release`` does not see slices that somebody has kept: they
    share the memory with the view they were cut from, not the view itself.
    """
    from pickle import PickleBuffer  # for its view of a view; nothing is pickled

    wrapped = PickleBuffer(view)
    loan = memoryview(wrapped)
    wrapped.release()
    return loan


def _released(view: memoryview) -> bool:
    """Ends the use of a view; False if somebody holds on to the memory."""
    try:
        view.release()
    except BufferError:
        return False
    return True


def _forget_locals(error: BaseException) -> None:
    """Clears the frames that an error remembers: they would keep views alive, and with them their buffers."""
    seen: set[int] = set()
    reason: BaseException | None = error
    while reason is not None and id(reason) not in seen:
        seen.add(id(reason))
        traceback.clear_frames(reason.__traceback__)
        reason = reason.__cause__ or reason.__context__


def _storage_error(error: BaseException) -> StorageError:
    if isinstance(error, StorageError):
        return error
    if isinstance(error, OSError):
        wrapped = storage_error(error, "the sink failed")
    else:
        detail = f"the sink failed: {type(error).__name__}: {error}"
        wrapped = StorageError(detail, status=_PROCESSING_FAILURE, comment="the data set could not be kept")
    if isinstance(error, Exception):  # an interruption goes on: kept, its traceback would keep whoever was interrupted
        wrapped.__cause__ = error
    return wrapped


_PROCESSING_FAILURE = 0x0110

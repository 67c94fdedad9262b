"""Where handlers have data sets kept: sinks that are chosen in a storage thread, and pieces that a handler reads itself."""

from __future__ import annotations

import asyncio
import os
import threading
from collections import OrderedDict, deque
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from dicomnet.errors import StateError
from dicomnet.limits import MIB, OPEN_FOLDERS
from dicomnet.storage.destination import MEMORY, SPOOL, keeper
from dicomnet.storage.disk import is_folder, path_status
from dicomnet.storage.files import FileSink
from dicomnet.storage.folder import Folder
from dicomnet.storage.held import MemorySink, SpoolSink
from dicomnet.storage.received import ReceivedData
from dicomnet.storage.rules import FileRules
from dicomnet.storage.sinks import Incoming, NullSink, Sink
from dicomnet.storage.twins import Duplicates

LayoutSink = Callable[[Folder, Any, FileRules], Sink]
"""Makes the sink of an instance: for a folder, a layout, and how it is kept."""


class Places:
    """The folders that are in use, each opened once as long as it is among the last, and the sinks for what goes there."""

    def __init__(self, layout_sink: LayoutSink | None = None, rules: FileRules | None = None) -> None:
        self.rules = rules or FileRules()
        """How instances become files, where a handler does not say so itself."""
        self._layout_sink = layout_sink
        self._lock = threading.Lock()
        self._folders: OrderedDict[tuple[str, bool, bool], _Opened] = OrderedDict()
        """The one used last at the end."""

    def sink(
        self, destination: Any, rules: FileRules, *, duplicates: Duplicates | None = None, layout: Any = None
    ) -> Sink:
        """A sink that finds its place when the data set begins, in a storage thread; waits for nothing now.

        Args:
            destination: a folder, None or MEMORY, SPOOL, a sink, or a function that is given the `Incoming` and returns
                the path of a file or a folder, MEMORY, SPOOL or a sink.
            rules: how it becomes a file. What a `Folder` was told comes first, but for what is checked.
            duplicates: overrides even that.
            layout: names the file below the folder.

        Raises:
            TypeError: this is no destination.
            StateError: nobody here knows layouts.
        """
        if isinstance(destination, Folder):
            rules = rules.but(duplicates=duplicates or destination.duplicates)
        if layout is not None:
            if self._layout_sink is None:
                raise StateError("files are laid out by a server only")
            make = self._layout_sink
            return LateSink(lambda _: make(self._laid_out(destination, rules), layout, rules))
        if destination is None or destination is MEMORY:
            return MemorySink()
        if destination is SPOOL:
            return SpoolSink()
        if isinstance(destination, Sink):
            return destination
        if isinstance(destination, str | os.PathLike):
            path = os.fspath(destination)
            return LateSink(lambda incoming: self._sink_in(path, incoming, rules))
        if isinstance(destination, Folder):
            return LateSink(partial(destination.sink_for, check=rules.check, duplicates=rules.duplicates))
        if callable(destination):
            return LateSink(lambda incoming: self._answer(destination(incoming), incoming, rules))
        keeper(destination)  # raises
        raise AssertionError

    def folder(self, path: str | bytes, rules: FileRules, *, deep: bool = False) -> Folder:
        """The folder at this path, opened anew only if it is another one now; may wait for a disk.

        Args:
            rules: how instances become files there.
            deep: whether they do in folders below, too: then these are looked through, in a thread of its own, for what
                a crash has left.

        Raises:
            StorageError: it cannot be made or opened.
        """
        where = os.path.abspath(os.fsdecode(path))  # noqa: PTH100 (no symbolic link is to be resolved)
        key = (where, rules.durable, deep)
        with self._lock:
            opened = self._folders.setdefault(key, _Opened())
            self._folders.move_to_end(key)
            if len(self._folders) > OPEN_FOLDERS:
                self._folders.popitem(last=False)
        with opened.lock:  # its own, for its disk may stand still
            if opened.folder is not None and _leads_to(where, opened.state):
                return opened.folder
            folder = Folder(where, durable=rules.durable, strict_uids=rules.strict_uids, reserve=rules.reserve)
            opened.folder, opened.state = folder, path_status(where)
        if deep:
            threading.Thread(target=folder.remove_leftovers_below, name="dicomnet-leftovers", daemon=True).start()
        return folder

    def close(self) -> None:
        """Keeps no folder open any more, but for what is being written there."""
        with self._lock:
            self._folders.clear()

    def _sink_in(self, path: str | bytes, incoming: Incoming, rules: FileRules) -> Sink:
        return self.folder(path, rules).sink_for(incoming, check=rules.check, duplicates=rules.duplicates)

    def _laid_out(self, destination: Any, rules: FileRules) -> Folder:
        return destination if isinstance(destination, Folder) else self.folder(os.fspath(destination), rules, deep=True)

    def _answer(self, where: Any, incoming: Incoming, rules: FileRules) -> Sink:
        if isinstance(where, str | os.PathLike):
            if is_folder(where):
                return self._sink_in(os.fspath(where), incoming, rules)
            return FileSink(
                where,
                durable=rules.durable,
                check=rules.check,
                duplicates=rules.duplicates,
                strict_uids=rules.strict_uids,
                reserve=rules.reserve,
            )
        if callable(where) and not isinstance(where, Sink):
            raise TypeError(f"a destination is a path, MEMORY, SPOOL, a Folder or a Sink, not {where!r}")
        return self.sink(where, rules)


class _Opened:
    """A folder that is in use, or about to be."""

    __slots__ = ("folder", "lock", "state")

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.folder: Folder | None = None
        self.state: os.stat_result | None = None


class LateSink(Sink):
    """Chooses the real sink when the data set begins."""

    def __init__(self, choose: Callable[[Incoming], Sink]) -> None:
        self._choose = choose
        self._sink: Sink | None = None

    @property
    def final(self) -> Sink:
        return self if self._sink is None else self._sink.final

    def open(self, incoming: Incoming) -> None:
        self._sink = self._choose(incoming)
        self._sink.open(incoming)

    def write(self, views: Sequence[memoryview]) -> None:
        assert self._sink is not None
        self._sink.write(views)

    def finish(self) -> ReceivedData:
        assert self._sink is not None
        return self._sink.finish()

    def discard(self) -> None:
        if self._sink is not None:
            self._sink.discard()


class Pipe(NullSink):
    """Hands a data set to a handler piece by piece; reading pauses while more than a MiB waits for it.

    Args:
        pause, resume: stop the reading from the peer and let it go on.
    """

    def __init__(self, pause: Callable[[], object], resume: Callable[[], object]) -> None:
        super().__init__()
        self._pause = pause
        self._resume = resume
        self._pieces: deque[bytes] = deque()
        self._waiting = 0
        self._paused = False
        self._closed = False
        self._changed = asyncio.Event()

    def write(self, views: Sequence[memoryview]) -> None:
        super().write(views)
        if self._closed:
            return
        for view in views:
            self._pieces.append(bytes(view))
            self._waiting += len(view)
        if self._waiting > _MOST_WAITING and not self._paused:
            self._paused = True
            self._pause()
        self._changed.set()

    def wake(self) -> None:
        """Has `next` look again whether there is more to come."""
        self._changed.set()

    async def next(self, complete: Callable[[], bool]) -> bytes | None:
        """The next piece; None once it is complete and there is none left."""
        while not self._pieces:
            if complete():
                return None
            self._changed.clear()
            await self._changed.wait()
        piece = self._pieces.popleft()
        self._waiting -= len(piece)
        if self._paused and self._waiting <= _MOST_WAITING // 2:
            self._paused = False
            self._resume()
        return piece

    def close(self) -> None:
        """Nobody reads any more; what still comes goes nowhere."""
        self._closed = True
        self._pieces.clear()
        if self._paused:
            self._paused = False
            self._resume()


def pour(data: ReceivedData, incoming: Incoming, sink: Sink) -> ReceivedData:
    """Writes a data set that was received to another place, as if it came now; may wait for a disk."""
    try:
        sink.open(incoming)
        with data.open() as file:
            while piece := file.read(MIB):
                sink.write([memoryview(piece)])
        return sink.finish()
    except BaseException:
        sink.discard()
        raise


def _leads_to(path: str, state: os.stat_result | None) -> bool:
    try:
        return state is not None and os.path.samestat(path_status(path), state)
    except OSError:
        return False


_MOST_WAITING = MIB

"""Data sets that are held for a message: in memory, or in a temporary file."""

from __future__ import annotations

import functools
import os
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from dicomnet.dimse.status import Status
from dicomnet.errors import StorageError
from dicomnet.limits import MIB
from dicomnet.storage.disk import DISK, Disk, drain, storage_error
from dicomnet.storage.files import FileSink
from dicomnet.storage.received import ReceivedData, SpoolFile
from dicomnet.storage.sinks import Incoming, Sink
from dicomnet.storage.spool import spool_folder


class MemorySink(Sink):
    """Keeps a data set in memory."""

    blocking = False

    def __init__(self, *, limit: int | None = None, disk: Disk | None = None) -> None:
        """With a limit, a data set of more bytes than that is not kept."""
        self._limit = limit
        self._disk = disk or DISK
        self._parts: list[bytes] = []
        self._length = 0

    def open(self, incoming: Incoming) -> None:
        self._incoming = incoming

    def write(self, views: Sequence[memoryview]) -> None:
        self._length += sum(map(len, views))
        if self._limit is not None and self._length > self._limit:
            raise StorageError(f"more than the {self._limit} bytes that may be held in memory")
        self._parts.extend(map(bytes, views))

    def finish(self) -> ReceivedData:
        data = b"".join(self._parts)
        self._parts.clear()
        return ReceivedData(
            length=len(data),
            transfer_syntax_uid=self._incoming.transfer_syntax_uid,
            data=data,
            keeper=functools.partial(_keep, self._incoming, self._disk),
        )

    def discard(self) -> None:
        self._parts.clear()


class SpoolSink(Sink):
    """Keeps a small data set in memory and a larger one in a temporary file, which dies with its `ReceivedData`.

    What a crash has left in the folder goes when the next process first needs it.
    """

    blocking = False

    def __init__(
        self,
        folder: str | os.PathLike[str] | None = None,
        *,
        threshold: int = MIB,
        limit: int | None = None,
        disk: Disk | None = None,
    ) -> None:
        """Nothing is touched before it is needed.

        Args:
            folder: where temporary files go; None is the system's own.
            threshold: bytes that are kept in memory at most.
            limit: bytes that are taken at all; None is any number.
            disk: the file system.
        """
        self._path = Path(folder or _temporary_folder()).absolute()
        self._threshold = threshold
        self._limit = limit
        self._disk = disk or DISK
        self._parts: list[bytes] = []
        self._length = 0
        self._descriptor: int | None = None
        self._spool: SpoolFile | None = None

    def open(self, incoming: Incoming) -> None:
        self._incoming = incoming

    def write(self, views: Sequence[memoryview]) -> None:
        count = sum(map(len, views))
        if self._limit is not None and self._length + count > self._limit:
            self.discard()
            raise _too_long(self._incoming, self._limit)
        # What goes over the threshold still goes to memory: this may be the event loop. It says that it blocks from
        # now on, so the next call comes from a thread that may wait for a disk.
        if not self.blocking:
            self._parts.extend(map(bytes, views))
            self._length += count
            self.blocking = self._length > self._threshold
            return
        try:
            if self._descriptor is None:
                self._spill()
            assert self._descriptor is not None
            drain(self._disk, self._descriptor, views)
            self._length += count
        except OSError as error:
            self.discard()
            raise storage_error(error, f"cannot write a temporary file in {self._path}") from error

    def finish(self) -> ReceivedData:
        data = None
        if self._spool is None:
            data = b"".join(self._parts)
            self._parts.clear()
        self._close()
        spool, self._spool = self._spool, None  # it dies with what is returned, however long somebody knows this sink
        return ReceivedData(
            length=self._length,
            transfer_syntax_uid=self._incoming.transfer_syntax_uid,
            data=data,
            spool=spool,
            keeper=functools.partial(_keep, self._incoming, self._disk),
        )

    def discard(self) -> None:
        self._parts.clear()
        with suppress(StorageError):
            self._close()
        if self._spool is not None:
            self._spool.remove()
            self._spool = None

    def _spill(self) -> None:
        folder = spool_folder(self._disk, str(self._path))
        name, self._descriptor = folder.create()
        self._spool = SpoolFile(self._path / name, functools.partial(folder.remove, name))
        drain(self._disk, self._descriptor, [memoryview(part) for part in self._parts])
        self._parts.clear()

    def _close(self) -> None:
        descriptor, self._descriptor = self._descriptor, None
        if descriptor is None:
            return
        try:
            self._disk.close(descriptor)
        except OSError as error:
            raise storage_error(error, f"cannot write a temporary file in {self._path}") from error


def _temporary_folder() -> str:
    from tempfile import gettempdir

    return gettempdir()


def _keep(incoming: Incoming, disk: Disk, received: ReceivedData, path: str) -> ReceivedData:
    sink = FileSink(path, disk=disk)
    sink.open(incoming)
    try:
        with received.open() as file:
            while piece := file.read(MIB):
                sink.write([memoryview(piece)])
        return sink.finish()
    finally:
        sink.discard()  # does nothing after success


def _too_long(incoming: Incoming, limit: int) -> StorageError:
    """PS3.7 10.1 has a status of its own for it, PS3.4 B.2.3 and C.4.1.1.4 that of `StorageError`."""
    status = Status.RESOURCE_LIMITATION if incoming.command_name.startswith("N-") else Status.OUT_OF_RESOURCES
    return StorageError(f"a data set of more than {limit} bytes", status=status)

"""Where the bytes of an incoming data set go.

    open(incoming)    what comes, before its first byte
    write(views)      its next bytes, valid until the call returns
    finish()          it was whole: what became of it
    discard()         it was not, or nobody wants it: leave nothing behind

A file appears under its final name only when it is whole: it is written under
a temporary name in the same folder, mode 0600; then come mode, ``fsync``,
``link`` to the final name without overwriting, ``unlink`` of the temporary name
and ``fsync`` of the folder. Without the first ``fsync`` a power cut leaves an
empty file, without the second one no file. Both are what ``durable`` switches.
"""

from __future__ import annotations

import errno
import functools
import logging
import os
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from dicomnet.dimse.commands import Command
from dicomnet.dimse.status import Status
from dicomnet.errors import InvalidValue, NotAnInstance, StorageError
from dicomnet.limits import MIB
from dicomnet.part10 import data_set_start_problem, file_header
from dicomnet.records import dataclass
from dicomnet.storage.disk import Disk, FileState, drain, fill, storage_error
from dicomnet.storage.doubts import Doubts
from dicomnet.storage.platform import OpenFolder
from dicomnet.storage.received import ReceivedData, SpoolFile
from dicomnet.storage.source import read_file_head
from dicomnet.storage.spool import spool_folder, unlink_quietly
from dicomnet.types import UID, ae_title
from dicomnet.ul.negotiation import Context, Terms

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Incoming:
    """A data set that is about to come, as its command and its association describe it.

    UIDs and titles are what the peer has sent, and it may send anything: a path
    like ``../../etc/passwd`` as well. `dicomnet.storage.folder.file_name` makes
    of a SOP instance UID what can safely be the name of a file.
    """

    sop_class_uid: UID
    sop_instance_uid: UID | None
    """None when the data set is no instance: an identifier, or the information of an N-service."""
    transfer_syntax_uid: UID
    """The one accepted for the presentation context: what the bytes are in."""
    sending_ae: str | None
    """Where the data comes from, which for C-GET is the called title."""
    receiving_ae: str | None
    command_name: str
    """Such as C-STORE-RQ."""

    @classmethod
    def of(cls, command: Command, context: Context, terms: Terms, *, requestor: bool) -> Incoming:
        """The data set that follows a command on an association; `requestor` is whether we asked for it."""
        # Who sends this follows the data, not the association: a requestor receives what it asked C-GET for.
        ends = (terms.called_ae, terms.calling_ae) if requestor else (terms.calling_ae, terms.called_ae)
        return cls(
            sop_class_uid=UID(command.sop_class_uid or context.abstract_syntax),
            sop_instance_uid=None if command.sop_instance_uid is None else UID(command.sop_instance_uid),
            transfer_syntax_uid=context.transfer_syntax,
            sending_ae=ends[0],
            receiving_ae=ends[1],
            command_name=command.name,
        )


Placement = Callable[[Incoming], "str | os.PathLike[str]"]
"""Decides for each data set which file it becomes.

The path is taken as it is, so nothing of the peer's must get into it unseen:
see `Incoming`, and `dicomnet.storage.folder.file_name` for a name that is safe.
"""


class Sink:
    """One data set's way to where it is kept; the base of those here and of your own.

    The methods are called in order and never two at a time, but perhaps from
    different threads. An error of any of them ends the data set: `discard` is
    called and the peer is told, with the status of a `StorageError` or 0110.
    """

    blocking: bool = True
    """Whether a method may wait for a disk or the like; then they are called from a storage thread.

    It may turn true on the way, never false: it is asked before each call.
    """

    def open(self, incoming: Incoming) -> None:
        """Told before the first byte; the place to refuse."""

    def write(self, views: Sequence[memoryview]) -> None:
        """Takes the next bytes. The views are released after the call: copy what must stay."""
        raise NotImplementedError

    def finish(self) -> ReceivedData:
        """The data set was whole. Returns only when it is kept: its success is reported then."""
        raise NotImplementedError

    def discard(self) -> None:
        """The data set is not wanted, or failed. Called at most once, after an `open`, even one that failed.

        Leaves nothing behind.
        """


class FileSink(Sink):
    """Keeps a data set in a file, behind a header made from its command (PS3.10 7.1).

    A file that has the name already is never overwritten. If it holds the same
    data set in the same transfer syntax it stays, and that is success;
    otherwise the new one is kept beside it as ``name~2.dcm``, ``name~3.dcm``. A
    file whose sync has failed counts as another one, whatever is in it.

    A crash leaves the temporary file, ``.name.*.part``; only a
    `dicomnet.storage.folder.Folder` removes it, when it opens its folder.
    """

    def __init__(
        self,
        path: str | os.PathLike[str] | Placement,
        *,
        durable: bool = True,
        disk: Disk | None = None,
        folder: OpenFolder | None = None,
    ) -> None:
        """Nothing is touched before `open`.

        Args:
            path: the file to make, or a function that names it.
            durable: whether to wait for the disk, so that even a power cut takes nothing that was reported kept.
            disk: the file system.
            folder: the folder of the path, if it is open already.
        """
        self._placement = path
        self._durable = durable
        self._disk = disk or Disk()
        self._folder = folder
        self._path = Path()
        self._temporary: str | None = None
        self._descriptor: int | None = None
        self._lock: int | None = None
        """Keeps the temporary file locked until it has its final name."""
        self._state: FileState | None = None
        """Of the file that was written and synced, until its name is."""
        self._header = b""
        self._begun = False
        self._length = 0

    def open(self, incoming: Incoming) -> None:
        self._header = _header(incoming)
        self._syntax = incoming.transfer_syntax_uid
        self._path = Path(self._placement(incoming) if callable(self._placement) else self._placement)
        if "\0" in str(self._path):
            raise StorageError(f"{str(self._path)!r} cannot be the name of a file", status=_CANNOT_UNDERSTAND)
        try:
            if self._folder is None:
                self._folder = self._disk.open_folder(str(self._path.parent))
            self._temporary, self._descriptor = _create(self._disk, self._folder, self._path.name)
        except OSError as error:
            raise storage_error(error, f"cannot create {self._path}") from error

    def write(self, views: Sequence[memoryview]) -> None:
        try:
            self._write(views)
        except OSError as error:
            self.discard()
            raise storage_error(error, f"cannot write {self._path}") from error

    def finish(self) -> ReceivedData:
        try:
            if not self._begun:
                self._write(())
            self._complete()
            name, twin = self._publish()
            self._remove_temporary()
            self._unlock()
            if self._durable:
                self._sync_name(name, twin)
        except OSError as error:
            self.discard()
            raise storage_error(error, f"cannot keep {self._path}") from error
        self._forget()
        return ReceivedData(
            length=self._length,
            transfer_syntax_uid=self._syntax,
            path=self._path.with_name(name),
            data_offset=twin.data_offset if twin else len(self._header),
            duplicate=twin is not None,
        )

    def discard(self) -> None:
        """Removes what was written; may be called more than once."""
        descriptor, self._descriptor = self._descriptor, None
        if descriptor is not None:
            with suppress(OSError):
                self._disk.close(descriptor)
        self._remove_temporary()
        self._unlock()
        self._forget()

    def _forget(self) -> None:
        state, self._state = self._state, None
        if state is not None:
            _DOUBTS.settled(state)
        self._folder = None

    def _write(self, views: Sequence[memoryview]) -> None:
        self._length += sum(map(len, views))
        if not self._begun:
            self._begun = True
            self._check_start(views)
            views = (memoryview(self._header), *views)
        drain(self._disk, self._open_descriptor(), views)

    def _check_start(self, views: Sequence[memoryview]) -> None:
        first = b"".join(bytes(view[:132]) for view in views[:132])
        if problem := data_set_start_problem(first, self._syntax):
            self.discard()
            raise StorageError(problem, status=_CANNOT_UNDERSTAND)

    def _complete(self) -> None:
        descriptor = self._open_descriptor()
        self._disk.set_mode(descriptor, _MODE)
        if self._durable:
            self._disk.fsync(descriptor)
            self._state = self._disk.state(descriptor)
            if self._state is not None:
                _DOUBTS.unsettled(self._state)
        self._lock = self._disk.duplicate(descriptor)
        self._descriptor = None
        self._disk.close(descriptor)

    def _unlock(self) -> None:
        lock, self._lock = self._lock, None
        if lock is not None:
            with suppress(OSError):  # what closing can tell of the file was heard before
                self._disk.close(lock)

    def _publish(self) -> tuple[str, _Twin | None]:
        """Gives the whole file its final name, and returns it; with the file that has it already and holds the same."""
        for number in range(1, _MOST_VERSIONS):
            name = self._path.name if number == 1 else _numbered(self._path, number)
            try:
                self._link(name)
            except FileExistsError:
                twin = self._same_as(name)
                if twin is not None:
                    return name, twin
                continue
            if number > 1:
                logger.warning("%s exists with other content; kept beside it as %s", self._path, name)
            return name, None
        raise OSError(errno.EEXIST, f"{_MOST_VERSIONS - 1} different data sets of this name are kept already")

    def _sync_name(self, name: str, twin: _Twin | None) -> None:
        folder = self._open_folder()
        try:
            self._disk.fsync_folder(folder)
        except OSError:
            if twin is not None:
                _DOUBTS.failed(twin.state)
            elif self._state is not None:
                _DOUBTS.failed(self._state, functools.partial(_remove_if, self._disk, folder, name, self._state))
            raise

    def _link(self, name: str) -> None:
        folder, temporary = self._open_folder(), self._temporary
        assert temporary is not None
        try:
            self._disk.link(folder, temporary, name)
        except OSError as error:
            if error.errno not in _NO_LINKS:
                raise
            _warn_of_no_links(folder.path)
            self._move(folder, temporary, name)

    def _move(self, folder: OpenFolder, temporary: str, name: str) -> None:
        """Where there are no links: takes the name with an empty file first, so that nothing is overwritten."""
        placeholder = self._disk.create(folder, name)
        try:
            self._disk.close(placeholder)
            self._disk.replace(folder, temporary, name)
        except OSError:
            unlink_quietly(self._disk, folder, name)
            raise
        self._temporary = None

    def _same_as(self, name: str) -> _Twin | None:
        """The file of this name if it holds our data set already; None if it holds something else."""
        folder = self._open_folder()
        assert self._temporary is not None
        try:
            theirs = self._disk.open_read(folder, name)
        except OSError as error:
            if error.errno in _NO_FILE_OF_OURS:
                return None
            raise
        try:
            state = self._disk.state(theirs)
            if state is None:
                return None
            head = read_file_head(self._disk, theirs, name)
            if head.transfer_syntax_uid != self._syntax or state.size != head.data_offset + self._length:
                return None
            ours = self._disk.open_read(folder, self._temporary)
            try:
                if not _same_bytes(self._disk, (ours, len(self._header)), (theirs, head.data_offset)):
                    return None
            finally:
                self._disk.close(ours)
            if self._durable:  # we don't know who wrote it, and are about to promise that it stays
                self._sync_theirs(theirs, state)
            if not _DOUBTS.rely(state):
                return None
        except NotAnInstance:
            return None
        finally:
            self._disk.close(theirs)
        return _Twin(state, head.data_offset)

    def _sync_theirs(self, descriptor: int, state: FileState) -> None:
        try:
            self._disk.fsync(descriptor)
        except OSError:
            _DOUBTS.failed(state)
            raise

    def _remove_temporary(self) -> None:
        temporary, self._temporary = self._temporary, None
        if temporary is not None:
            unlink_quietly(self._disk, self._open_folder(), temporary)

    def _open_descriptor(self) -> int:
        if self._descriptor is None:
            raise OSError(errno.EBADF, "the file is not open")
        return self._descriptor

    def _open_folder(self) -> OpenFolder:
        assert self._folder is not None
        return self._folder


class _Twin(NamedTuple):
    """A file that holds a data set already."""

    state: FileState
    data_offset: int


class MemorySink(Sink):
    """Keeps a data set in memory."""

    blocking = False

    def __init__(self, *, limit: int | None = None, disk: Disk | None = None) -> None:
        """With a limit, a data set of more bytes than that is not kept."""
        self._limit = limit
        self._disk = disk or Disk()
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
        self._disk = disk or Disk()
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
        return ReceivedData(
            length=self._length,
            transfer_syntax_uid=self._incoming.transfer_syntax_uid,
            data=data,
            spool=self._spool,
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


class NullSink(Sink):
    """Counts a data set and lets it go."""

    blocking = False

    def __init__(self) -> None:
        self._length = 0

    def open(self, incoming: Incoming) -> None:
        self._syntax = incoming.transfer_syntax_uid

    def write(self, views: Sequence[memoryview]) -> None:
        self._length += sum(map(len, views))

    def finish(self) -> ReceivedData:
        return ReceivedData(length=self._length, transfer_syntax_uid=self._syntax)


class CallableSink(NullSink):
    """Hands each piece of a data set to a function, and counts it; the piece is gone when the function returns."""

    def __init__(self, function: Callable[[memoryview], object], *, blocking: bool = True) -> None:
        super().__init__()
        self.blocking = blocking
        self._function = function

    def write(self, views: Sequence[memoryview]) -> None:
        for view in views:
            self._function(view)
        super().write(views)


def _temporary_folder() -> str:
    from tempfile import gettempdir

    return gettempdir()


def _header(incoming: Incoming) -> bytes:
    if not incoming.sop_instance_uid:
        problem = f"the data set of a {incoming.command_name} is no instance and cannot become a file"
        raise StorageError(problem, status=_CANNOT_UNDERSTAND)
    try:
        return file_header(
            sop_class_uid=incoming.sop_class_uid,
            sop_instance_uid=incoming.sop_instance_uid,
            transfer_syntax_uid=incoming.transfer_syntax_uid,
            sending_ae=_title(incoming.sending_ae),
            receiving_ae=_title(incoming.receiving_ae),
        )
    except InvalidValue as error:
        raise StorageError(str(error), status=_CANNOT_UNDERSTAND) from error


def _title(ae: str | None) -> str | None:
    """A peer may call itself anything; a title that no file may hold is left out, as it may be (PS3.10 7.1, type 3)."""
    try:
        return None if ae is None else ae_title(ae)
    except ValueError:
        return None


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


def _create(disk: Disk, folder: OpenFolder, name: str) -> tuple[str, int]:
    """A temporary file that is about to become ``name``, open for writing and locked."""
    # 64 bytes of the name keep the whole within the 255 of any file system; a character that is cut goes.
    stem = name.encode("utf-8", "ignore")[:64].decode("utf-8", "ignore")
    while True:
        temporary = f".{stem}.{os.urandom(8).hex()}.part"
        descriptor = disk.create(folder, temporary)
        try:
            locked = disk.lock(descriptor)
            # Between the two calls it may have been taken for what a crash has left, and is being removed.
            if locked is None or (locked and _is_there(disk, folder, temporary, descriptor)):
                return temporary, descriptor
        except OSError:
            disk.close(descriptor)
            unlink_quietly(disk, folder, temporary)
            raise
        disk.close(descriptor)
        unlink_quietly(disk, folder, temporary)


def _is_there(disk: Disk, folder: OpenFolder, name: str, descriptor: int) -> bool:
    try:
        return disk.state_in(folder, name) == disk.state(descriptor)
    except FileNotFoundError:
        return False


def _too_long(incoming: Incoming, limit: int) -> StorageError:
    """PS3.7 10.1 has a status of its own for it, PS3.4 B.2.3 and C.4.1.1.4 that of `StorageError`."""
    status = Status.RESOURCE_LIMITATION if incoming.command_name.startswith("N-") else Status.OUT_OF_RESOURCES
    return StorageError(f"a data set of more than {limit} bytes", status=status)


def _numbered(path: Path, number: int) -> str:
    """The name of a file beside another one: only in front of ``.dcm``, for the last number of a UID is no suffix."""
    if path.suffix.lower() == ".dcm":
        return f"{path.stem}~{number}{path.suffix}"
    return f"{path.name}~{number}"


def _same_bytes(disk: Disk, one: tuple[int, int], other: tuple[int, int]) -> bool:
    """Whether two files are equal from their offsets to their ends."""
    files = [(descriptor, memoryview(bytearray(MIB // 4))) for descriptor, _ in (one, other)]
    for descriptor, offset in (one, other):
        disk.seek(descriptor, offset)
    while True:
        pieces = [buffer[: fill(disk, descriptor, [buffer])] for descriptor, buffer in files]
        if pieces[0] != pieces[1]:
            return False
        if not pieces[0]:
            return True


def _remove_if(disk: Disk, folder: OpenFolder, name: str, state: FileState) -> bool:
    """Removes a name of ours if it still is, and says whether it did."""
    try:
        if disk.state_in(folder, name) != state:
            return False
        disk.unlink(folder, name)
    except OSError as error:
        logger.warning("cannot remove %s in %s: %s", name, folder.path, error.strerror)
        return False
    return True


@functools.cache
def _warn_of_no_links(folder: str) -> None:
    logger.warning("no hard links in %s: files are renamed instead, and a crash may leave an empty one", folder)


_DOUBTS = Doubts()
# Of the process: whichever sink meets the file again must know.
_MODE = 0o640
# The next program must read it, the rest of the world not; the umask takes its part.
_MOST_VERSIONS = 1000
# Different data sets under one identity: somebody is in a loop.
_CANNOT_UNDERSTAND = 0xC000
_NO_LINKS = frozenset({errno.EPERM, errno.ENOSYS, errno.ENOTSUP, errno.EOPNOTSUPP, errno.EMLINK})
_NO_FILE_OF_OURS = frozenset({errno.ELOOP, errno.EISDIR, errno.EACCES, errno.ENOENT, errno.ENXIO})

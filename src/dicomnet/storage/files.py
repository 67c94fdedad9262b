"""Keeps data sets in files: whole under their names, or not at all.

A file is written without its final name (see `temporary`), behind a header made
from its command. Then come ``fsync``, the link to the name without overwriting,
and ``fsync`` of the folder. Without the first ``fsync`` a power cut leaves an
empty file, without the second one no file. Both are what ``durable`` switches.

A disk takes about as long for many syncs at a time as for one. So what is to be
kept at the same moment is kept together:

    a  write      sync ---.                 .--- done
    b  write      sync ---+-- link a, b, c -+- sync of the folder --- done
    c  write      sync ---'                 '--- done
"""

from __future__ import annotations

import errno
import functools
import logging
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

from dicomnet.errors import InvalidValue, NotAnInstance, StorageError
from dicomnet.limits import MIB
from dicomnet.part10 import data_set_start_problem, file_header
from dicomnet.storage.disk import DISK, Disk, FileState, drain, fill, storage_error
from dicomnet.storage.doubts import Doubts
from dicomnet.storage.platform import OpenFolder
from dicomnet.storage.received import ReceivedData
from dicomnet.storage.sinks import Incoming, Placement, Sink
from dicomnet.storage.source import read_file_head
from dicomnet.storage.syncs import sync_all
from dicomnet.storage.temporary import Named, Temporary, Unnamed
from dicomnet.storage.walk import Check, Problem, Walk, check_of
from dicomnet.storage.workers import Workers
from dicomnet.types import ae_title

logger = logging.getLogger(__name__)


class FileSink(Sink):
    """Keeps a data set in a file, behind a header made from its command (PS3.10 7.1).

    A file that has the name already is never overwritten. If it holds the same
    data set in the same transfer syntax it stays, and that is success;
    otherwise the new one is kept beside it as ``name~2.dcm``, ``name~3.dcm``. A
    file whose sync has failed counts as another one, whatever is in it.

    A crash may leave a temporary file, ``.name.*.part``; only a
    `dicomnet.storage.folder.Folder` removes it, when it opens its folder.
    """

    lends_views = False

    def __init__(
        self,
        path: str | os.PathLike[str] | Placement,
        *,
        durable: bool = True,
        check: Check = "off",
        disk: Disk | None = None,
        folder: OpenFolder | None = None,
    ) -> None:
        """Nothing is touched before `open`.

        Args:
            path: the file to make, or a function that names it.
            durable: whether to wait for the disk, so that even a power cut takes nothing that was reported kept.
            check: what becomes of a data set that is not the instance of its command, or not whole: "refuse" does not keep
                it (A900, C000), "warn" says so in `ReceivedData.problem`, "off" does not look. Only what nobody could read
                counts, see `dicomnet.storage.walk`.
            disk: the file system.
            folder: the folder of the path, if it is open already.
        """
        self._placement = path
        self._durable = durable
        self._check = check_of(check)
        self._walk: Walk | None = None
        self._problem: Problem | None = None
        self._disk = disk or DISK
        self._folder = folder
        self._path = ""
        self._name = ""
        """The last part of the path."""
        self._temporary: Temporary | None = None
        self._state: FileState | None = None
        """Of the file that was written and synced, until its name is."""
        self._header = b""
        self._begun = False
        self._length = 0
        self._twin: _Twin | None = None
        """The file that held the same data set before."""

    def open(self, incoming: Incoming) -> None:
        self._header = _header(incoming)
        self._syntax = incoming.transfer_syntax_uid
        if self._check != "off":
            self._walk = Walk(self._syntax, incoming.sop_class_uid, incoming.sop_instance_uid)
        self._path = os.fspath(self._placement(incoming) if callable(self._placement) else self._placement)
        if self._folder is None:
            parent, self._name = os.path.split(self._path)
        else:
            self._name = self._path.rpartition(os.sep)[2]
        if "\0" in self._path:
            raise StorageError(f"{self._path!r} cannot be the name of a file", status=_CANNOT_UNDERSTAND)
        try:
            if self._folder is None:
                self._folder = self._disk.open_folder(parent)
            if self._folder.takes_unnamed:
                self._temporary = Unnamed.create(self._disk, self._folder)
            else:
                self._temporary = Named.create(self._disk, self._folder, self._name)
        except OSError as error:
            raise storage_error(error, f"cannot create {self._path}") from error

    def write(self, views: Sequence[memoryview]) -> None:
        try:
            self._write(views)
        except OSError as error:
            self.discard()
            raise storage_error(error, f"cannot write {self._path}") from error

    def finish(self) -> ReceivedData:
        """See `finish_files`, for one."""
        (outcome,) = finish_files([self])
        if isinstance(outcome, ReceivedData):
            return outcome
        try:
            raise outcome
        finally:
            del outcome  # which would keep this frame, and so the file, alive

    def discard(self) -> None:
        """Removes what was written; may be called more than once."""
        temporary, self._temporary = self._temporary, None
        if temporary is not None:
            temporary.remove()
        self._forget()

    # What `finish_files` does with each, in this order.

    def _seal(self) -> None:
        """All bytes are written."""
        if not self._begun:
            self._write(())
        self._problem = self._walk.end() if self._walk else None
        if self._problem and self._check == "refuse":
            raise StorageError(self._problem.text, status=self._problem.status)
        self._open_temporary().seal()

    def _sync(self) -> None:
        descriptor = self._open_temporary().descriptor
        assert descriptor is not None
        self._disk.fsync(descriptor)

    def _settle(self) -> None:
        """They are on the disk, if they should be."""
        temporary = self._open_temporary()
        if self._durable:
            assert temporary.descriptor is not None
            self._state = self._disk.state(temporary.descriptor)
            if self._state is not None:
                _DOUBTS.unsettled(self._state)
        temporary.settle()

    def _publish(self) -> None:
        """Gives the whole file its final name, or finds the file that has it already and holds the same."""
        temporary, wanted = self._open_temporary(), self._name
        for number in range(1, _MOST_VERSIONS):
            if number > 1:
                self._name = _numbered(wanted, number)
            try:
                temporary.link(self._name)
            except FileExistsError:
                self._twin = self._same_as(self._name, temporary)
                if self._twin is None:
                    continue
            else:
                if number > 1:
                    logger.warning("%s exists with other content; kept beside it as %s", self._path, self._name)
            temporary.remove()
            return
        raise OSError(errno.EEXIST, f"{_MOST_VERSIONS - 1} different data sets of this name are kept already")

    def _doubt_name(self) -> None:
        """The sync of the folder has failed."""
        if self._twin is not None:
            _DOUBTS.failed(self._twin.state)
        elif self._state is not None:
            remove = functools.partial(_remove_if, self._disk, self._open_folder(), self._name, self._state)
            _DOUBTS.failed(self._state, remove)

    def _conclude(self) -> ReceivedData:
        """The name is on the disk, too."""
        self._temporary = None
        self._forget()
        twin = self._twin
        return ReceivedData(
            length=self._length,
            transfer_syntax_uid=self._syntax,
            path=self._path if self._path.endswith(self._name) else str(Path(self._path).with_name(self._name)),
            data_offset=twin.data_offset if twin else len(self._header),
            duplicate=twin is not None,
            problem=self._problem,
        )

    def _forget(self) -> None:
        state, self._state = self._state, None
        if state is not None:
            _DOUBTS.settled(state)
        self._folder = None

    def _write(self, views: Sequence[memoryview]) -> None:
        self._length += sum(map(len, views))
        if self._walk is not None:
            self._walk.feed(views)
        if not self._begun:
            self._begun = True
            self._check_start(views)
            views = (memoryview(self._header), *views)
        descriptor = self._open_temporary().descriptor
        assert descriptor is not None
        drain(self._disk, descriptor, views)

    def _check_start(self, views: Sequence[memoryview]) -> None:
        first = b"".join(view[:132] for view in views[:132])
        if problem := data_set_start_problem(first, self._syntax):
            self.discard()
            raise StorageError(problem, status=_CANNOT_UNDERSTAND)

    def _same_as(self, name: str, temporary: Temporary) -> _Twin | None:
        """The file of this name if it holds our data set already; None if it holds something else."""
        folder = self._open_folder()
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
            ours = temporary.open_read()
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

    def _open_temporary(self) -> Temporary:
        if self._temporary is None:
            raise OSError(errno.EBADF, "the file is not open")
        return self._temporary

    def _open_folder(self) -> OpenFolder:
        assert self._folder is not None
        return self._folder


def finish_files(sinks: Sequence[FileSink], syncers: Workers | None = None) -> list[ReceivedData | Exception]:
    """Does what `finish` does for several data sets that are whole, and waits for the disk once instead of for each.

    Args:
        syncers: threads to wait in; without them it is done for one after the other.

    Returns:
        For each what became of it, or why nothing did.
    """
    batch = _Batch(sinks)
    batch.each(FileSink._seal)
    batch.sync_files(syncers)
    batch.each(FileSink._settle)
    batch.each(FileSink._publish)
    batch.sync_folders(syncers)
    batch.each(lambda sink: batch.outcomes.__setitem__(sink, sink._conclude()))
    return [batch.outcomes[sink] for sink in sinks]


class _Batch:
    """Data sets that are being kept together; one that fails drops out."""

    def __init__(self, sinks: Sequence[FileSink]) -> None:
        self.outcomes: dict[FileSink, ReceivedData | Exception] = {}
        self._left = list(sinks)

    def each(self, step: Callable[[FileSink], object]) -> None:
        for sink in self._left[:]:
            try:
                step(sink)
            except Exception as error:  # noqa: BLE001 (what goes wrong for one must not for the others)
                self._drop(sink, error)

    def sync_files(self, syncers: Workers | None) -> None:
        durable = [sink for sink in self._left if sink._durable]
        for sink, error in zip(durable, sync_all([sink._sync for sink in durable], syncers), strict=True):
            if error is not None:
                self._drop(sink, error)

    def sync_folders(self, syncers: Workers | None) -> None:
        durable: dict[OpenFolder, list[FileSink]] = {}
        for sink in self._left:
            if sink._durable:
                durable.setdefault(sink._open_folder(), []).append(sink)
        syncs = [functools.partial(sinks[0]._disk.fsync_folder, folder) for folder, sinks in durable.items()]
        for sinks, error in zip(durable.values(), sync_all(syncs, syncers), strict=True):
            if error is not None:
                for sink in sinks:
                    sink._doubt_name()
                    self._drop(sink, error)

    def _drop(self, sink: FileSink, error: Exception) -> None:
        self._left.remove(sink)
        sink.discard()
        problem = error
        if isinstance(error, OSError):
            problem = storage_error(error, f"cannot keep {sink._path}")
            error.__traceback__ = error.__context__ = None  # the frames there keep files open
            problem.__cause__ = error
        self.outcomes[sink] = problem


class _Twin(NamedTuple):
    """A file that holds a data set already."""

    state: FileState
    data_offset: int


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


@functools.lru_cache(maxsize=256)
def _title(ae: str | None) -> str | None:
    """A peer may call itself anything; a title that no file may hold is left out, as it may be (PS3.10 7.1, type 3)."""
    try:
        return None if ae is None else ae_title(ae)
    except ValueError:
        return None


def _numbered(name: str, number: int) -> str:
    """The name of a file beside another one: only in front of ``.dcm``, for the last number of a UID is no suffix."""
    path = Path(name)
    if path.suffix.lower() == ".dcm":
        return f"{path.stem}~{number}{path.suffix}"
    return f"{name}~{number}"


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


_DOUBTS = Doubts()
# Of the process: whichever sink meets the file again must know.
_MOST_VERSIONS = 1000
# Different data sets under one identity: somebody is in a loop.
_CANNOT_UNDERSTAND = 0xC000
_NO_FILE_OF_OURS = frozenset({errno.ELOOP, errno.EISDIR, errno.EACCES, errno.ENOENT, errno.ENXIO})

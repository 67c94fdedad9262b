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

from dicomnet.errors import StorageError
from dicomnet.part10 import data_set_start_problem
from dicomnet.storage.disk import DISK, Disk, FileState, drain, storage_error
from dicomnet.storage.doubts import DOUBTS
from dicomnet.storage.headers import header_of
from dicomnet.storage.platform import OpenFolder
from dicomnet.storage.received import ReceivedData
from dicomnet.storage.room import Reserve, Room, room_in
from dicomnet.storage.sinks import Incoming, Placement, Sink
from dicomnet.storage.syncs import sync_all
from dicomnet.storage.temporary import Named, Temporary, Unnamed
from dicomnet.storage.twins import Duplicates, Ours, Twin, duplicates_of, look
from dicomnet.storage.walk import Check, Problem, Walk, check_of
from dicomnet.storage.workers import Workers
from dicomnet.types import is_uid

logger = logging.getLogger(__name__)


class FileSink(Sink):
    """Keeps a data set in a file, behind a header made from its command (PS3.10 7.1).

    If a file has the name already and holds the same data set of the same
    instance in the same transfer syntax, it stays, and that is success. Of
    another data set of that instance ``duplicates`` decides what becomes. What
    is anything else is never touched: the new one is kept beside it as
    ``name~2.dcm``, ``name~3.dcm``. A file whose sync has failed counts as another
    data set, whatever is in it.

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
        duplicates: Duplicates = "keep-both",
        strict_uids: bool = False,
        reserve: Reserve | int | str | None = None,
        disk: Disk | None = None,
        folder: OpenFolder | None = None,
        room: Room | None = None,
        renew: Callable[[OpenFolder], OpenFolder] | None = None,
    ) -> None:
        """Nothing is touched before `open`.

        Args:
            path: the file to make, or a function that names it.
            durable: whether to wait for the disk, so that even a power cut takes nothing that was reported kept.
            check: what becomes of a data set that is not the instance of its command, or not whole: "refuse" does not keep
                it (A900, C000), "warn" says so in `ReceivedData.problem`, "off" does not look. Only what nobody could read
                counts, see `dicomnet.storage.walk`.
            duplicates: what becomes of it when another data set of the same instance has the name: "keep-both" keeps the
                new one beside it, "replace" in its place, "refuse" not (0111).
            strict_uids: whether an instance is refused whose SOP instance UID is none (0117).
            reserve: what stays free on the disk, see `dicomnet.storage.room.Reserve`; below that nothing is kept (A700).
            disk: the file system.
            folder: the folder of the path, if it is open already.
            room: what to ask for room there instead of keeping a reserve.
            renew: gives back the folder, or another one if it was removed.
        """
        self._placement = path
        self._durable = durable
        self._check = check_of(check)
        self._walk: Walk | None = None
        self._problem: Problem | None = None
        self._duplicates = duplicates_of(duplicates)
        self._strict_uids = strict_uids
        self._reserve = reserve
        self._disk = disk or DISK
        self._folder = folder
        self._room = room
        self._renew = renew
        self._path = ""
        self._name = ""
        """The last part of the path."""
        self._temporary: Temporary | None = None
        self._state: FileState | None = None
        """Of the file that was written and synced, until its name is."""
        self._header = b""
        self._begun = False
        self._length = 0
        self._twin: Twin | None = None
        """The file that held the same data set before."""
        self._replaced = False
        """Whether we took the place of another file."""

    def open(self, incoming: Incoming) -> None:
        self._uid = incoming.sop_instance_uid or ""
        if self._strict_uids and not is_uid(self._uid):
            comment = "the SOP instance UID is no UID"
            raise StorageError(f"{self._uid!r} is no UID", status=_INVALID_SOP_INSTANCE, comment=comment)
        self._header = header_of(incoming)
        self._syntax = incoming.transfer_syntax_uid
        if self._check != "off":
            self._walk = Walk(self._syntax, incoming.sop_class_uid, incoming.sop_instance_uid)
        self._path = os.fspath(self._placement(incoming) if callable(self._placement) else self._placement)
        if self._folder is None:
            parent, self._name = os.path.split(self._path)
        else:
            self._name = self._path.rpartition(os.sep)[2]
        if "\0" in self._path:
            raise StorageError("that cannot be the name of a file", of=repr(self._path), status=_CANNOT_UNDERSTAND)
        try:
            if self._folder is None:
                self._folder = self._disk.open_folder(parent)
                self._room = room_in(self._disk, self._folder, Reserve.of(self._reserve))
            try:
                self._temporary = self._create(self._folder)
            except OSError:
                gone = self._folder
                self._renew_folder()
                if self._folder is gone:
                    raise
                self._temporary = self._create(self._folder)
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
        self._open_temporary().sync()

    def _settle(self) -> None:
        """They are on the disk, if they should be."""
        temporary = self._open_temporary()
        if self._durable:
            assert temporary.descriptor is not None
            self._state = self._disk.state(temporary.descriptor)
            if self._state is not None:
                DOUBTS.unsettled(self._state)
        temporary.settle()

    def _publish(self) -> None:
        """Gives the whole file its name, or finds that nothing is left to do."""
        wanted, number, refused = self._name, 1, False
        for _ in range(_MOST_VERSIONS - 1):
            if not refused and self._link():
                if number > 1:
                    logger.warning("%s exists with other content; kept beside it as %s", self._path, self._name)
                break
            try:
                twin = self._look()
            except FileNotFoundError:  # it has just gone, or none of those there is ours
                if not refused:
                    continue
                text = f"{self._path} exists with other content"
                raise StorageError(text, status=_DUPLICATE_SOP_INSTANCE, comment=_OTHER_CONTENT) from None
            if twin is not None:
                if twin.kept:
                    self._twin = twin
                    break
                # With "refuse" what is in doubt is written anew: the same data set is not refused.
                if self._duplicates == "replace" or (self._duplicates == "refuse" and twin.same):
                    self._replace()
                    break
                refused = self._duplicates == "refuse"
            number += 1
            self._name = _numbered(wanted, number)
        else:
            raise OSError(errno.EEXIST, f"{_MOST_VERSIONS - 1} different data sets of this name are kept already")
        self._open_temporary().remove()

    def _link(self) -> bool:
        """Whether the name was free, and is ours now."""
        try:
            self._open_temporary().link(self._name)
        except FileExistsError:
            return False
        except FileNotFoundError:  # the folder has none any more; for the next one it will have
            self._renew_folder()
            raise
        return True

    def _look(self) -> Twin | None:
        """What has the name."""
        ours = Ours(self._uid, self._syntax, len(self._header), self._length, self._open_temporary().open_read)
        return look(self._disk, self._open_folder(), self._name, ours, durable=self._durable)

    def _replace(self) -> None:
        temporary = self._open_temporary()
        if not self._durable:  # the old one may be on the disk, and a power cut must not leave less than that
            temporary.sync()
        temporary.replace(self._name)
        self._replaced = True
        logger.info("%s had other content, and was replaced", self._path)

    def _doubt_name(self) -> None:
        """The sync of the folder has failed."""
        if self._twin is not None:
            DOUBTS.failed(self._twin.state)
        elif self._state is not None:
            remove = functools.partial(_remove_if, self._disk, self._open_folder(), self._name, self._state)
            # What took the place of another file stays, or there would be neither.
            DOUBTS.failed(self._state, None if self._replaced else remove)

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
            DOUBTS.settled(state)
        self._folder = self._room = self._renew = None

    def _renew_folder(self) -> None:
        if self._renew is not None:
            self._folder = self._renew(self._open_folder())

    def _create(self, folder: OpenFolder) -> Temporary:
        if self._room is not None:
            self._room.take(files=1)
        if folder.takes_unnamed:
            try:
                return Unnamed.create(self._disk, folder)
            except OSError as error:
                if error.errno not in _NOTHING_UNNAMED:
                    raise
                folder.takes_unnamed = False
        return Named.create(self._disk, folder, self._name)

    def _write(self, views: Sequence[memoryview]) -> None:
        count = sum(map(len, views))
        if self._room is not None:
            self._room.take(count)
        self._length += count
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
    batch.note_failures()
    batch.each(FileSink._publish)
    batch.sync_folders(syncers)
    batch.each(lambda sink: batch.outcomes.__setitem__(sink, sink._conclude()))
    return [batch.outcomes[sink] for sink in sinks]


class _Batch:
    """Data sets that are being kept together; one that fails drops out."""

    def __init__(self, sinks: Sequence[FileSink]) -> None:
        self.outcomes: dict[FileSink, ReceivedData | Exception] = {}
        self._left = list(sinks)
        self._failures: dict[OpenFolder, int] = {}

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

    def note_failures(self) -> None:
        """Names are about to be given."""
        for folder in {sink._open_folder() for sink in self._left}:
            self._failures[folder] = DOUBTS.failures(folder.path)

    def sync_folders(self, syncers: Workers | None) -> None:
        durable: dict[OpenFolder, list[FileSink]] = {}
        for sink in self._left:
            if sink._durable:
                durable.setdefault(sink._open_folder(), []).append(sink)
        syncs = [functools.partial(DOUBTS.sync, sinks[0]._disk, folder) for folder, sinks in durable.items()]
        for (folder, sinks), error in zip(durable.items(), sync_all(syncs, syncers), strict=True):
            if error is None and DOUBTS.failures(folder.path) != self._failures[folder]:
                error = OSError(errno.EIO, "a sync of the folder has failed meanwhile")
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


def _numbered(name: str, number: int) -> str:
    """The name of a file beside another one: only in front of ``.dcm``, for the last number of a UID is no suffix."""
    path = Path(name)
    if path.suffix.lower() == ".dcm":
        return f"{path.stem}~{number}{path.suffix}"
    return f"{name}~{number}"


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


_MOST_VERSIONS = 1000
# Different data sets under one identity: somebody is in a loop.
_CANNOT_UNDERSTAND = 0xC000
_INVALID_SOP_INSTANCE = 0x0117
_DUPLICATE_SOP_INSTANCE = 0x0111
# PS3.7 C.5.8. Its 9.1.1.1.9 does not name it for C-STORE, but nothing else says it: A7xx asks to try again, and Cxxx
# would blame the data set.
_OTHER_CONTENT = "another data set of this instance is kept already"
_NOTHING_UNNAMED = frozenset({errno.ENOTSUP, errno.EOPNOTSUPP, errno.EISDIR, errno.EINVAL})
# What another file system says that is mounted below the folder which was tried.

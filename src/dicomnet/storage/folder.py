"""A folder of received instances, a file each, named by SOP instance UID or laid out below."""

from __future__ import annotations

import errno
import logging
import os
import threading
import time
import weakref
from collections.abc import Sequence
from pathlib import Path

from dicomnet.errors import StorageError
from dicomnet.storage.disk import DISK, Disk, is_writable, storage_error
from dicomnet.storage.doubts import DOUBTS
from dicomnet.storage.files import FileSink
from dicomnet.storage.leftovers import remove_leftovers, remove_leftovers_below
from dicomnet.storage.platform import OpenFolder
from dicomnet.storage.room import Reserve, Room, room_in
from dicomnet.storage.sinks import Incoming
from dicomnet.storage.temporary import fresh_name
from dicomnet.storage.twins import Duplicates, duplicates_of
from dicomnet.storage.walk import Check
from dicomnet.types import uid

logger = logging.getLogger(__name__)


class Folder:
    """Keeps each instance as ``{SOP instance UID}.dcm``.

    The folder is made if it is not there, and held open: the path to it may
    lead over symbolic links, and may change later, without a file appearing
    anywhere else. Nothing in it is followed. One that was removed is made again
    for the next instance.
    """

    def __init__(
        self,
        root: str | os.PathLike[str],
        *,
        durable: bool = True,
        duplicates: Duplicates = "keep-both",
        strict_uids: bool = False,
        reserve: Reserve | int | str | None = None,
        disk: Disk | None = None,
    ) -> None:
        """Opens the folder and removes the temporary files that a crash has left.

        Args:
            root: the folder.
            durable: whether to wait for the disk before a data set counts as kept.
            duplicates: what becomes of another data set of an instance that is kept already: "keep-both" keeps it beside the
                first, as ``UID~2.dcm``, "replace" in its place, "refuse" not.
            strict_uids: whether an instance is refused whose SOP instance UID is none; otherwise a digest names its file.
            reserve: what stays free on the disk: bytes, or a text such as "5%" or "20 GB"; below that nothing is kept. 0 is
                nothing, None the lesser of 2 GiB and 5 %.
            disk: the file system.

        Raises:
            StorageError: the folder cannot be made or opened.
            InvalidValue: one of them is not what it should be.
        """
        self.root = Path(root)
        self._path = str(self.root)
        self.durable = durable
        self.duplicates: Duplicates = duplicates_of(duplicates)
        self._strict_uids = strict_uids
        self._reserve = Reserve.of(reserve)
        self._disk = disk or DISK
        self._lock = threading.Lock()
        try:
            self._held = self._open()
            remove_leftovers(self._disk, self._held[0], before=time.time())
        except OSError as error:
            raise storage_error(error, f"cannot keep files in {self.root}") from error
        _FOLDERS.add(self)

    def check_writable(self) -> None:
        """Raises `StorageError` if no file could be kept here."""
        if not is_writable(self.root):
            raise StorageError(f"cannot keep files in {self.root}: the folder is not writable")

    def sink_for(self, incoming: Incoming, *, check: Check = "off", duplicates: Duplicates | None = None) -> FileSink:
        """The sink that keeps this instance here; waits for nothing. For ``check`` see `FileSink`."""
        folder, room = self._held
        path = f"{self._path}{os.sep}{file_name(incoming.sop_instance_uid or '')}"
        return self._sink(path, folder, room, check, duplicates, renew=True)

    def sink_below(
        self, names: Sequence[str], *, check: Check = "off", duplicates: Duplicates | None = None
    ) -> FileSink:
        """The sink that keeps an instance in a folder below, which is made if it is not there; waits for the disk.

        Args:
            names: of the folders, and of the file; each must be safe as the name of a file.
            check: see `FileSink`.
            duplicates: the same.

        Raises:
            StorageError: something else is in the place of a folder, such as a symbolic link; or it cannot be made.
        """
        path = os.path.join(self._path, *names)  # noqa: PTH118 (for each instance)
        try:
            try:
                folder = self._enter(self._held[0], names[:-1])
            except FileNotFoundError:
                folder = self._enter(self._renew(self._held[0]), names[:-1])
            room = room_in(self._disk, folder, self._reserve, name=self._path)
        except OSError as error:
            if error.errno in _NO_FOLDER:
                text = f"cannot keep {path}: what should be a folder is none; symbolic links are not followed"
                raise StorageError(text, status=_PROCESSING_FAILURE, comment="a folder is missing here") from error
            raise storage_error(error, f"cannot keep {path}") from error
        return self._sink(path, folder, room, check, duplicates, renew=False)

    def remove_leftovers_below(self) -> None:
        """Removes what a crash has left in the folders below, which may take its time; raises nothing."""
        remove_leftovers_below(self._disk, self._held[0])

    def _sink(
        self,
        path: str,
        folder: OpenFolder,
        room: Room | None,
        check: Check,
        duplicates: Duplicates | None,
        *,
        renew: bool,
    ) -> FileSink:
        return FileSink(
            path,
            durable=self.durable,
            check=check,
            duplicates=duplicates or self.duplicates,
            strict_uids=self._strict_uids,
            disk=self._disk,
            folder=folder,
            room=room,
            renew=self._renew if renew else None,
        )

    def _open_own(self) -> None:
        """After a fork: of a sync that fails the kernel tells each descriptor once, perhaps in another process."""
        self._lock = threading.Lock()
        folder, room = self._held
        try:
            self._held = self._disk.open_folder_again(folder), room
        except OSError as error:
            logger.warning("%s cannot be opened again after a fork: %s", self._path, error.strerror)

    def _open(self) -> tuple[OpenFolder, Room | None]:
        made_in = self._disk.make_folder(self._path)
        if self.durable:  # a power cut must not take the folder with the files in it, whoever has just made it
            for changed in dict.fromkeys((*made_in, os.path.dirname(os.path.abspath(self._path)))):  # noqa: PTH100, PTH120
                self._sync_above(changed)
        folder = self._disk.open_folder(self._path)
        self._disk.try_unnamed(folder, fresh_name("try"))
        return folder, room_in(self._disk, folder, self._reserve)

    def _sync_above(self, path: str) -> None:
        try:
            above = self._disk.open_folder(path)
        except PermissionError:  # it was not we who made the folder, or we could look into this one
            return
        self._disk.fsync_folder(above)

    def _renew(self, gone: OpenFolder) -> OpenFolder:
        """The folder, opened anew if it was removed."""
        with self._lock:
            if self._held[0] is gone and self._disk.is_gone(gone):
                logger.warning("%s was removed; it is made again", self._path)
                self._held = self._open()
            return self._held[0]

    def _enter(self, folder: OpenFolder, names: Sequence[str]) -> OpenFolder:
        for name in names:
            folder = self._enter_one(folder, name)
        return folder

    def _enter_one(self, folder: OpenFolder, name: str) -> OpenFolder:
        known = (folder.path, name)
        if known in _MADE and _MADE[known] != DOUBTS.failures(folder.path):
            self._remove_doubtful(folder, name)
        try:
            inner = self._disk.open_folder_in(folder, name)
        except FileNotFoundError:
            self._make(folder, name)
            inner = self._disk.open_folder_in(folder, name)
        # Whoever has made it, perhaps at this moment, may not have synced its name yet, and we are about to promise.
        if self.durable and known not in _SYNCED:
            self._sync_name(folder, known)
            if len(_SYNCED) >= _MOST_SYNCED:
                _SYNCED.clear()
            _SYNCED.add(known)
        return inner

    def _make(self, folder: OpenFolder, name: str) -> None:
        room = room_in(self._disk, folder, self._reserve, name=self._path)
        if room is not None:  # a peer that is refused must not fill the disk with folders
            room.take(_FOLDER, files=1)
        known = (folder.path, name)
        _SYNCED.discard(known)
        if self.durable:
            _MADE[known] = DOUBTS.failures(folder.path)
        try:
            self._disk.make_folder_in(folder, name)
        except FileExistsError:  # somebody else was faster
            pass
        except OSError:
            _MADE.pop(known, None)
            raise

    def _sync_name(self, folder: OpenFolder, known: tuple[str, str]) -> None:
        failures = _MADE.get(known, DOUBTS.failures(folder.path))
        DOUBTS.sync(self._disk, folder)
        if DOUBTS.failures(folder.path) != failures:
            raise OSError(errno.EIO, "a sync of the folder above it has failed meanwhile")
        _MADE.pop(known, None)

    def _remove_doubtful(self, folder: OpenFolder, name: str) -> None:
        """A folder that we made, and whose name a failed sync may have lost: another sync would say nothing of it."""
        try:
            self._disk.remove_folder_in(folder, name)
        except FileNotFoundError:
            pass
        except OSError as error:
            raise OSError(errno.EIO, "a folder may not be on the disk, and is still in use") from error
        _MADE.pop((folder.path, name), None)


def file_name(sop_instance_uid: str) -> str:
    """The name of the file for an instance: its UID, or a digest of it if it is not one.

    A peer may send anything as a UID, so nothing but digits and dots becomes
    part of a path. No UID looks like a digest, so no two identities share a name.
    """
    try:
        return f"{uid(sop_instance_uid)}.dcm"
    except ValueError:
        import hashlib

        digest = hashlib.sha256(sop_instance_uid.encode("utf-8", "surrogatepass")).hexdigest()
        return f"sha256-{digest}.dcm"


def _begin_anew() -> None:
    for folder in list(_FOLDERS):
        folder._open_own()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_begin_anew)

_FOLDERS: weakref.WeakSet[Folder] = weakref.WeakSet()

_FOLDER = 4096
# Bytes that a new folder takes, about.
_SYNCED: set[tuple[str, str]] = set()
# Folders whose names this process has synced: a folder above and a name in it.
_MADE: dict[tuple[str, str], int] = {}
# Those that it has made and not synced yet, and how many syncs of the folder above had failed by then.
_MOST_SYNCED = 4096

_NO_FOLDER = frozenset({errno.ENOTDIR, errno.ELOOP})
_PROCESSING_FAILURE = 0x0110

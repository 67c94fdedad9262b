"""A folder of received instances, a file each, named by SOP instance UID."""

from __future__ import annotations

import logging
import os
import time
from pathlib import Path

from dicomnet.storage.disk import DISK, Disk, storage_error
from dicomnet.storage.files import FileSink
from dicomnet.storage.platform import OpenFolder
from dicomnet.storage.sinks import Incoming
from dicomnet.storage.spool import PREFIX
from dicomnet.storage.temporary import fresh_name
from dicomnet.storage.walk import Check
from dicomnet.types import uid

logger = logging.getLogger(__name__)


class Folder:
    """Keeps each instance as ``{SOP instance UID}.dcm``.

    The folder is made if it is not there, and held open: the path to it may
    lead over symbolic links, and may change later, without a file appearing
    anywhere else. Nothing in it is followed.
    """

    def __init__(self, root: str | os.PathLike[str], *, durable: bool = True, disk: Disk | None = None) -> None:
        """Opens the folder and removes the temporary files that a crash has left.

        Args:
            root: the folder.
            durable: whether to wait for the disk before a data set counts as kept.
            disk: the file system.

        Raises:
            StorageError: the folder cannot be made or opened.
        """
        self.root = Path(root)
        self._path = str(self.root)
        self.durable = durable
        self._disk = disk or DISK
        try:
            self._make()
            self._folder = self._disk.open_folder(str(self.root))
            self._disk.try_unnamed(self._folder, fresh_name("try"))
            _remove_leftovers(self._disk, self._folder, before=time.time())
        except OSError as error:
            raise storage_error(error, f"cannot keep files in {self.root}") from error

    def sink_for(self, incoming: Incoming, *, check: Check = "off") -> FileSink:
        """The sink that keeps this instance here; for ``check`` see `FileSink`."""
        path = f"{self._path}{os.sep}{file_name(incoming.sop_instance_uid or '')}"
        return FileSink(path, durable=self.durable, check=check, disk=self._disk, folder=self._folder)

    def _make(self) -> None:
        for changed in self._disk.make_folder(str(self.root)):
            if self.durable:  # a power cut must not take the folder with the files in it
                self._disk.fsync_folder(self._disk.open_folder(changed))


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


def _remove_leftovers(disk: Disk, folder: OpenFolder, *, before: float) -> None:
    """Removes temporary files of a process that is no more; those in use by another one are locked.

    Where nothing can be locked, a file that was written to within a day may be in use.
    """
    for name in disk.names(folder):
        if name.startswith(".") and name.endswith(".part") and not name.startswith(PREFIX):
            try:
                _remove_leftover(disk, folder, name, before)
            except FileNotFoundError:  # it was in use, and is not any more
                continue
            except OSError as error:
                logger.warning("cannot remove %s in %s: %s", name, folder.path, error.strerror)


def _remove_leftover(disk: Disk, folder: OpenFolder, name: str, before: float) -> None:
    state = disk.state_in(folder, name)
    if state is None or state.modified >= before * 1e9:
        return
    descriptor = disk.open_again(folder, name)
    try:
        unused = disk.lock(descriptor)
        if unused is None:
            unused = state.modified < (before - _DAY) * 1e9
        if unused:  # and under the lock, or somebody could begin to use it now
            disk.unlink(folder, name)
            logger.info("removed %s in %s, left by a crash", name, folder.path)
    finally:
        disk.close(descriptor)


_DAY = 24 * 60 * 60

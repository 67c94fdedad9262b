"""Folders for temporary files that outlive the writing of them, and that a crash must not leave for ever.

A spooled data set stays until its last user lets go of it, and a descriptor for
each would be one too many. So each process has one more file in the folder, its
mark, and holds that locked as long as it has others there:

    .dicomnet-0123456789abcdef.mark
    .dicomnet-0123456789abcdef.89abcdef01234567.part

A mark that nobody has locked is that of a process that is no more.
"""

from __future__ import annotations

import logging
import os
import re
import threading
import time
import weakref
from contextlib import suppress

from dicomnet.storage.disk import Disk
from dicomnet.storage.platform import OpenFolder

logger = logging.getLogger(__name__)


class SpoolFolder:
    """A folder held open and marked while this process has temporary files in it: until the last reference goes."""

    def __init__(self, disk: Disk, path: str) -> None:
        self._disk = disk
        self._process = os.getpid()
        self.folder = disk.open_folder(path)
        self._name = f"{PREFIX}{os.urandom(8).hex()}"
        mark = f"{self._name}.mark"
        descriptor = disk.create(self.folder, mark)
        end = weakref.finalize(self, _unmark, disk, self.folder, mark, descriptor, self._process)
        try:
            disk.lock(descriptor)
        except OSError:
            end()
            raise

    def create(self) -> tuple[str, int]:
        """A new file that nobody else may read: its name, and a descriptor to write it."""
        name = f"{self._name}.{os.urandom(8).hex()}.part"
        return name, self._disk.create(self.folder, name)

    def remove(self, name: str) -> None:
        """Removes one of them; in a forked process nothing, for there it is still its parent's."""
        if os.getpid() == self._process:
            unlink_quietly(self._disk, self.folder, name)


def spool_folder(disk: Disk, path: str) -> SpoolFolder:
    """The folder of this path, shared by all in this process that spool there; for the first one it is swept."""
    key = (os.getpid(), path)
    with _LOCK:
        found = _FOLDERS.get(key)
        if found is not None and disk.is_still_there(found.folder):
            return found
        made = _FOLDERS[key] = SpoolFolder(disk, path)
        if path not in _SWEPT:
            _SWEPT.add(path)
            _sweep(disk, made.folder)
        return made


def unlink_quietly(disk: Disk, folder: OpenFolder, name: str) -> None:
    """Removes a file of ours that nobody needs; twice tried, since what is left lies there until the next start."""
    for last in (False, True):
        try:
            disk.unlink(folder, name)
        except FileNotFoundError:
            return
        except OSError as error:
            if last:
                logger.warning("cannot remove %s in %s: %s", name, folder.path, error.strerror)
        else:
            return


def _unmark(disk: Disk, folder: OpenFolder, mark: str, descriptor: int, process: int) -> None:
    if os.getpid() == process:
        unlink_quietly(disk, folder, mark)
    with suppress(OSError):  # nothing was written
        disk.close(descriptor)


def _sweep(disk: Disk, folder: OpenFolder) -> None:
    """Removes the files of processes that are no more; those of others stay, and what could be theirs."""
    try:
        names = disk.hidden_names(folder)
    except OSError as error:
        logger.warning("cannot look for what a crash has left in %s: %s", folder.path, error.strerror)
        return
    for mark in filter(_MARK.fullmatch, names):
        prefix = mark.removesuffix("mark")
        try:
            _sweep_one(disk, folder, mark, [name for name in names if name.startswith(prefix) and name != mark])
        except (FileNotFoundError, PermissionError):
            continue  # that process has ended just now, or is somebody else's
        except OSError as error:
            logger.warning("cannot remove %s in %s: %s", mark, folder.path, error.strerror)


def _sweep_one(disk: Disk, folder: OpenFolder, mark: str, files: list[str]) -> None:
    state = disk.state_in(folder, mark)
    if state is None or state.modified > (time.time() - _TIME_TO_LOCK) * 1e9:
        return
    descriptor = disk.open_again(folder, mark)
    try:
        if disk.lock(descriptor) is not True:  # where nothing can be locked, nothing is known
            return
        for name in (*files, mark):  # the mark last: it leads to the others
            disk.unlink(folder, name)
        logger.info("removed %d files in %s, left by a crash", len(files), folder.path)
    finally:
        disk.close(descriptor)


PREFIX = ".dicomnet-"
"""What the names of all these files begin with."""

_MARK = re.compile(re.escape(PREFIX) + r"[0-9a-f]{16}\.mark")
_TIME_TO_LOCK = 60.0
# Seconds that a process has between making its mark and locking it.
_LOCK = threading.Lock()
_FOLDERS: weakref.WeakValueDictionary[tuple[int, str], SpoolFolder] = weakref.WeakValueDictionary()
_SWEPT: set[str] = set()

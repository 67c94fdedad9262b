"""The one seam to the file system: everything that storage asks of it, a thin method each.

Tests put a disk here that fails at a chosen call. Nothing above it imports
``os`` to touch a file. All methods raise ``OSError`` and nothing else.
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import BinaryIO, NamedTuple

from dicomnet.errors import StorageError
from dicomnet.storage import platform
from dicomnet.storage.platform import OpenFolder, Space


class FileState(NamedTuple):
    """Which file it is, and what it was like: equal for the same file as long as nobody writes to it."""

    device: int
    inode: int
    size: int
    modified: int
    """When it was last written, in nanoseconds since 1970."""


class Disk:
    """The file system of this machine."""

    def make_folder(self, path: str) -> list[str]:
        """Makes a folder and those above it, if they are not there; returns the folders that got a new one in them."""
        folder = Path(path).absolute()
        missing = [above for above in (folder, *folder.parents) if not above.exists()]
        folder.mkdir(mode=0o750, parents=True, exist_ok=True)
        return [str(new.parent) for new in missing]

    def open_folder(self, path: str) -> OpenFolder:
        """Opens a folder; the path to it may contain symbolic links, a name in it is never followed."""
        return OpenFolder(path)

    def make_folder_in(self, folder: OpenFolder, name: str) -> None:
        """Makes a folder in a folder; FileExistsError if the name is taken, by whatever it is."""
        os.mkdir(folder.at(name), 0o750, dir_fd=folder.descriptor)

    def remove_folder_in(self, folder: OpenFolder, name: str) -> None:
        """Removes a folder in a folder; an error if something is in it."""
        os.rmdir(folder.at(name), dir_fd=folder.descriptor)

    def open_folder_in(self, folder: OpenFolder, name: str) -> OpenFolder:
        """Opens a folder in a folder; anything else of the name is an error, a symbolic link too."""
        return OpenFolder(name, folder)

    def open_folder_again(self, folder: OpenFolder) -> OpenFolder:
        """The same folder with a descriptor of its own, wherever it is now."""
        own = OpenFolder(".", folder)
        own.path = folder.path
        return own

    def is_still_there(self, folder: OpenFolder) -> bool:
        """Whether the path of the folder still leads to it."""
        if folder.descriptor is None:
            return True
        try:
            return os.path.samestat(os.stat(folder.path), os.fstat(folder.descriptor))  # noqa: PTH116 (for each instance)
        except OSError:
            return False

    def is_gone(self, folder: OpenFolder) -> bool:
        """Whether the folder was removed, here or on the server that it is on; one that was moved was not."""
        try:
            if folder.descriptor is None:
                return not os.path.isdir(folder.path)  # noqa: PTH112
            return os.fstat(folder.descriptor).st_nlink == 0 or platform.is_deleted(folder.descriptor)
        except OSError:
            return True

    def device(self, folder: OpenFolder) -> int:
        """A number of the file system that a folder is in."""
        return os.stat(folder.path or "." if folder.descriptor is None else folder.descriptor).st_dev  # noqa: PTH116

    def space(self, folder: OpenFolder) -> Space:
        """How full the file system of a folder is."""
        return platform.space(folder)

    def create(self, folder: OpenFolder, name: str) -> int:
        """Creates a file that nobody else may read, and opens it for writing; an error if the name is taken."""
        return os.open(folder.at(name), platform.CREATE_FLAGS, 0o600, dir_fd=folder.descriptor)

    def create_unnamed(self, folder: OpenFolder, mode: int) -> int:
        """Creates a file that has no name yet, and opens it for writing and reading; only where `try_unnamed` said so."""
        return platform.create_unnamed(folder, mode)

    def try_unnamed(self, folder: OpenFolder, name: str) -> None:
        """Finds out whether files without a name can be made in a folder and get one, by doing it once.

        Args:
            name: one that nobody has.
        """
        try:
            descriptor = platform.create_unnamed(folder, 0o600)
            try:
                platform.link_unnamed(folder, descriptor, name)
                self.unlink(folder, name)
            finally:
                os.close(descriptor)
        except OSError:
            return
        folder.takes_unnamed = True

    def open_read(self, folder: OpenFolder, name: str) -> int:
        """Opens a file for reading; a symbolic link is an error, a pipe does not wait for its other end."""
        flags = platform.READ_FLAGS | platform.NO_FOLLOW | platform.NO_WAIT
        return os.open(folder.at(name), flags, dir_fd=folder.descriptor)

    def open_again(self, folder: OpenFolder, name: str) -> int:
        """Opens a file for reading and writing, as `lock` needs it on NFS; otherwise like `open_read`."""
        flags = platform.READ_FLAGS | os.O_RDWR | platform.NO_FOLLOW | platform.NO_WAIT
        return os.open(folder.at(name), flags, dir_fd=folder.descriptor)

    def open_path(self, path: str) -> int:
        """Opens a file that the user named, symbolic links followed; a pipe without waiting for its other end."""
        return os.open(path, platform.READ_FLAGS | platform.NO_WAIT)

    def state(self, descriptor: int) -> FileState | None:
        """What there is to know of an open file; None if it is not a regular one."""
        return _state(os.fstat(descriptor))

    def seek(self, descriptor: int, offset: int) -> None:
        os.lseek(descriptor, offset, os.SEEK_SET)

    def readv(self, descriptor: int, views: Sequence[memoryview]) -> int:
        """Reads into at most 1024 views, perhaps less than they hold; 0 is the end of the file."""
        return platform.readv(descriptor, views)

    def writev(self, descriptor: int, views: Sequence[memoryview | bytes]) -> int:
        """Writes from at most 1024 views, perhaps less than they hold."""
        return platform.writev(descriptor, views)

    def lock(self, descriptor: int) -> bool | None:
        """Marks a file as being written; False if another process does, None if that cannot be known."""
        return platform.lock(descriptor)

    def duplicate(self, descriptor: int) -> int:
        """One more descriptor of an open file; what is locked stays so until both are closed."""
        return os.dup(descriptor)

    def set_mode(self, descriptor: int, mode: int) -> None:
        platform.set_mode(descriptor, mode & ~platform.umask())

    def fsync(self, descriptor: int) -> None:
        """Returns when the bytes of the file are on the disk."""
        platform.fsync(descriptor)

    def close(self, descriptor: int) -> None:
        """Closes a file. It is closed also when this raises: then bytes of it may be lost."""
        os.close(descriptor)

    def link(self, folder: OpenFolder, old: str, new: str) -> None:
        """Gives a file a second name in its folder; FileExistsError if that is taken."""
        platform.link(folder, old, new)

    def link_unnamed(self, folder: OpenFolder, descriptor: int, name: str) -> None:
        """Gives a file its name in a folder; FileExistsError if that is taken."""
        platform.link_unnamed(folder, descriptor, name)

    def replace(self, folder: OpenFolder, old: str, new: str) -> None:
        """Renames a file in its folder, in the place of what had the name."""
        source, target = folder.at(old), folder.at(new)
        os.replace(source, target, src_dir_fd=folder.descriptor, dst_dir_fd=folder.descriptor)

    def unlink(self, folder: OpenFolder, name: str) -> None:
        os.unlink(folder.at(name), dir_fd=folder.descriptor)

    def fsync_folder(self, folder: OpenFolder) -> None:
        """Returns when the names in the folder are on the disk."""
        platform.fsync_folder(folder)

    def hidden_names(self, folder: OpenFolder) -> list[str]:
        """Those that begin with a dot; of millions of others none is kept in memory."""
        with os.scandir(folder.path if folder.descriptor is None else folder.descriptor) as found:
            return [entry.name for entry in found if entry.name.startswith(".")]

    def folders_in(self, folder: OpenFolder) -> list[str]:
        """Which of them are folders; a symbolic link is none."""
        with os.scandir(folder.path if folder.descriptor is None else folder.descriptor) as found:
            return [entry.name for entry in found if entry.is_dir(follow_symlinks=False)]

    def state_in(self, folder: OpenFolder, name: str) -> FileState | None:
        """What there is to know of a file in the folder; None if it is not a regular one, such as a link."""
        return _state(os.stat(folder.at(name), dir_fd=folder.descriptor, follow_symlinks=False))


def path_status(path: str | os.PathLike[str]) -> os.stat_result:
    """What there is to know of a path that the user named, symbolic links followed."""
    return os.stat(path)  # noqa: PTH116 (for each instance: a Path costs more than the call)


def is_folder(path: str | os.PathLike[str]) -> bool:
    """Whether such a path leads to a folder."""
    return os.path.isdir(path)  # noqa: PTH112


def is_writable(folder: str | os.PathLike[str]) -> bool:
    """Whether files may be made in it."""
    return os.access(folder, os.W_OK | os.X_OK)


def entries(path: str | os.PathLike[str]) -> list[os.DirEntry[str]]:
    """What is in a folder that the user named; folders are known from files without asking again."""
    with os.scandir(path) as found:
        return list(found)


def open_file(disk: Disk, path: str) -> BinaryIO:
    """The file of such a path, to be read without asking the disk for each piece."""
    return os.fdopen(disk.open_path(path), "rb")


def fill(disk: Disk, descriptor: int, views: Sequence[memoryview]) -> int:
    """Reads until the views are full or the file ends, however few bytes each call gives; returns how many it were."""
    if len(views) == 1:  # nearly always, and nearly always at once
        count = disk.readv(descriptor, views)
        if count in (0, len(views[0])):
            return count
        return count + _all(partial(disk.readv, descriptor), [views[0][count:]])
    return _all(partial(disk.readv, descriptor), views)


def drain(disk: Disk, descriptor: int, views: Sequence[memoryview]) -> None:
    """Writes all of the views, however few bytes each call takes."""
    wanted = sum(map(len, views))
    written = disk.writev(descriptor, views) if wanted and len(views) <= platform.MOST_VIEWS else 0
    if written < wanted and written + _all(partial(disk.writev, descriptor), _behind(views, written)) < wanted:
        raise OSError(errno.ENOSPC, "the disk takes no more bytes")


def _behind(views: Sequence[memoryview], count: int) -> list[memoryview]:
    """The views without their first bytes."""
    rest = []
    for view in views:
        if count < len(view):
            rest.append(view[count:])
        count = max(0, count - len(view))
    return rest


def _all(move: Callable[[Sequence[memoryview]], int], views: Sequence[memoryview]) -> int:
    rest = [view for view in views if len(view)]
    first = total = 0
    while first < len(rest) and (count := move(rest[first : first + platform.MOST_VIEWS])):
        total += count
        while first < len(rest) and count >= len(rest[first]):
            count -= len(rest[first])
            first += 1
        if count:
            rest[first] = rest[first][count:]
    return total


def storage_error(error: OSError, doing: str) -> StorageError:
    """What the operating system said, with the status that tells a peer (PS3.4 B.2.3)."""
    status = _OUT_OF_RESOURCES if error.errno in _NO_ROOM else _PROCESSING_FAILURE
    comment = (error.strerror or "the data set could not be kept").lower()
    return StorageError(f"{doing}: {error.strerror or error}", status=status, comment=comment)


def _state(status: os.stat_result) -> FileState | None:
    if not stat.S_ISREG(status.st_mode):
        return None
    return FileState(status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns)


DISK = Disk()
"""The file system of this machine, for all who were given no other."""

_OUT_OF_RESOURCES = 0xA700
_PROCESSING_FAILURE = 0x0110
_NO_ROOM = frozenset(
    number
    for name in ("ENOSPC", "EDQUOT", "EROFS", "EMFILE", "ENFILE", "ENOMEM", "ENOBUFS", "EFBIG", "EAGAIN")
    if (number := getattr(errno, name, None)) is not None
)
"""Errors that go away when somebody makes room; a peer may try again then."""

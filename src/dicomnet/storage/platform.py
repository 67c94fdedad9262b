"""What systems do differently with files, each with a way to do without.

The flags say what this system has; a test that clears one gets the other way.
"""

from __future__ import annotations

import errno
import functools
import os
import re
import stat
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

try:
    import fcntl as _fcntl
except ImportError:  # Windows
    _fcntl = None  # type: ignore[assignment]

HAS_READV = hasattr(os, "readv")
HAS_WRITEV = hasattr(os, "writev")
HAS_LINK = hasattr(os, "link")
HAS_FOLDER_DESCRIPTORS = hasattr(os, "O_DIRECTORY") and os.open in os.supports_dir_fd
HAS_STATVFS = hasattr(os, "statvfs")
HAS_UNNAMED_FILES = hasattr(os, "O_TMPFILE")

MOST_VIEWS = 1024
"""The most views in one readv or writev: IOV_MAX of Linux, macOS and the BSDs."""

READ_FLAGS = os.O_RDONLY | getattr(os, "O_BINARY", 0) | getattr(os, "O_CLOEXEC", 0)
CREATE_FLAGS = (
    os.O_WRONLY
    | os.O_CREAT
    | os.O_EXCL  # follows no link either
    | getattr(os, "O_BINARY", 0)
    | getattr(os, "O_CLOEXEC", 0)
)
NO_FOLLOW = getattr(os, "O_NOFOLLOW", 0)
NO_WAIT = getattr(os, "O_NONBLOCK", 0)


class OpenFolder:
    """A folder held open, so that a name in it means the same place whatever becomes of the path to it.

    Where folders cannot be opened, the path has to do. The descriptor is
    closed with the last reference to the object.
    """

    __slots__ = ("descriptor", "path", "takes_unnamed")

    def __init__(self, path: str, within: OpenFolder | None = None) -> None:
        """Opens it.

        Args:
            path: may lead over symbolic links, unless it is a name in another folder.
            within: that folder.
        """
        self.descriptor: int | None = None
        self.path: str = path if within is None else os.path.join(within.path, path)  # noqa: PTH118 (for each instance)
        self.takes_unnamed: bool = within is not None and within.takes_unnamed
        """Whether files without a name can be made in it and named later; whoever tried it says so."""
        if within is None:
            if HAS_FOLDER_DESCRIPTORS:
                self.descriptor = os.open(path or ".", READ_FLAGS | os.O_DIRECTORY)
        elif within.descriptor is not None:
            self.descriptor = os.open(path, READ_FLAGS | NO_FOLLOW | os.O_DIRECTORY, dir_fd=within.descriptor)
        elif not stat.S_ISDIR(os.lstat(self.path).st_mode):
            raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), self.path)

    def at(self, name: str) -> str:
        """What to call a file in it, together with ``dir_fd=folder.descriptor``."""
        return name if self.descriptor is not None else str(Path(self.path, name))

    def __del__(self) -> None:
        descriptor = getattr(self, "descriptor", None)
        if descriptor is not None:
            os.close(descriptor)


def readv(descriptor: int, views: Sequence[memoryview]) -> int:
    """Reads into at most 1024 views, perhaps less than they hold; 0 is the end of the file."""
    if HAS_READV:
        return os.readv(descriptor, views)
    view = next((view for view in views if len(view)), views[0])
    data = os.read(descriptor, len(view))
    view[: len(data)] = data
    return len(data)


def writev(descriptor: int, views: Sequence[memoryview | bytes]) -> int:
    """Writes from at most 1024 views, perhaps less than they hold."""
    if HAS_WRITEV:
        return os.writev(descriptor, views)
    return os.write(descriptor, next((view for view in views if len(view)), b""))


def fsync(descriptor: int) -> None:
    """Returns when the file is on the disk and not only in the disk's own memory."""
    full = getattr(_fcntl, "F_FULLFSYNC", None)  # macOS, where fsync leaves it in the disk's memory
    if full is not None and _fcntl is not None:
        _fcntl.fcntl(descriptor, full)
    else:
        os.fsync(descriptor)


def fsync_folder(folder: OpenFolder) -> None:
    """Returns when the names in the folder are on the disk, where a folder can be synced at all."""
    if folder.descriptor is None:
        return
    try:
        os.fsync(folder.descriptor)
    except OSError as error:
        # Some network file systems have no such thing; they say so with one of these.
        if error.errno not in (errno.EINVAL, errno.ENOTSUP):
            raise


def is_deleted(descriptor: int) -> bool:
    """Whether Linux says that what is open was removed; overlays go on to count one link to a folder that was."""
    try:
        path = Path(f"/proc/self/fd/{descriptor}").readlink()
    except OSError:
        return False
    return path.name.endswith(" (deleted)") and not os.path.lexists(path)


def link(folder: OpenFolder, old: str, new: str) -> None:
    """Gives a file a second name in its folder; an error if that name is taken."""
    if not HAS_LINK:
        raise OSError(errno.ENOTSUP, "no hard links on this system")
    os.link(folder.at(old), folder.at(new), src_dir_fd=folder.descriptor, dst_dir_fd=folder.descriptor)


def create_unnamed(folder: OpenFolder, mode: int) -> int:
    """A file in the folder that has no name, and is gone when it is closed without one; an error where there is no such.

    Linux has them in most of its own file systems. The umask takes its part of the mode.
    """
    if not HAS_UNNAMED_FILES or folder.descriptor is None:
        raise OSError(errno.ENOTSUP, "no files without a name here")
    return os.open(".", os.O_TMPFILE | os.O_RDWR | os.O_CLOEXEC, mode, dir_fd=folder.descriptor)


def link_unnamed(folder: OpenFolder, descriptor: int, name: str) -> None:
    """Names a file that has none; an error if the name is taken."""
    os.link(
        f"/proc/self/fd/{descriptor}", name, dst_dir_fd=folder.descriptor
    )  # needs no privilege, as AT_EMPTY_PATH does


def set_mode(descriptor: int, mode: int) -> None:
    """Sets the permissions of an open file, where there are such: FAT has none, and says so with an error."""
    if hasattr(os, "fchmod"):
        try:
            os.fchmod(descriptor, mode)
        except OSError as error:
            if error.errno not in (errno.EPERM, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS):
                raise


class Space(NamedTuple):
    """How full a file system is."""

    total: int
    """Bytes."""
    free: int
    """Bytes that we may still take."""
    files: int = 0
    """Files that it can hold; 0 where there is no such limit."""
    free_files: int = 0


def space(folder: OpenFolder) -> Space:
    """How full the file system of a folder is."""
    if HAS_STATVFS:
        found = os.statvfs(folder.path or "." if folder.descriptor is None else folder.descriptor)
        size = found.f_frsize
        return Space(found.f_blocks * size, found.f_bavail * size, found.f_files, found.f_favail)
    import shutil

    usage = shutil.disk_usage(folder.path or ".")
    return Space(usage.total, usage.free)


def lock(descriptor: int) -> bool | None:
    """Marks a file open for writing as in use by this process, until it is closed.

    Returns:
        Whether it is ours now; None where there are no locks, and nothing is known of others.
    """
    if _fcntl is None:
        return None
    try:
        _fcntl.flock(descriptor, _fcntl.LOCK_EX | _fcntl.LOCK_NB)
    except OSError as error:
        return False if error.errno in (errno.EWOULDBLOCK, errno.EACCES) else None
    return True


@functools.cache
def umask() -> int:
    """The file mode creation mask of this process when it was first asked for.

    Asking the system means setting it for a moment, for every thread; Linux
    also tells in a file.
    """
    try:
        match = re.search(r"^Umask:\s*([0-7]+)$", Path("/proc/self/status").read_text(), re.MULTILINE)
    except OSError:
        match = None
    if match:
        return int(match[1], 8)
    mask = os.umask(0o077)
    os.umask(mask)
    return mask

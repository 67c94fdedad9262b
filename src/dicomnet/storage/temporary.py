"""A file while it is being written: nobody who looks for instances finds it before it is whole.

`Unnamed` is the better kind, where the system has it: no other name to give and
take away, no trace after a crash. `Named` works everywhere: a hidden name,
which a crash leaves behind, with a lock that tells such a one from a file in use.

    write ...        into `descriptor`
    seal()           all bytes are written; if they should be synced, that is next
    settle()         and done
    link(name)       the file gets its name, as often as it takes to find a free one
    remove()         it has it, or will have none: nothing else is left
"""

from __future__ import annotations

import errno
import functools
import logging
import os
from contextlib import suppress
from itertools import count

from dicomnet.storage.disk import Disk
from dicomnet.storage.platform import OpenFolder
from dicomnet.storage.spool import unlink_quietly

logger = logging.getLogger(__name__)


class Temporary:
    """What both kinds share."""

    __slots__ = ("descriptor", "disk", "folder")

    def __init__(self, disk: Disk, folder: OpenFolder, descriptor: int) -> None:
        self.disk = disk
        self.folder = folder
        self.descriptor: int | None = descriptor
        """To write to; None when it is closed."""

    def seal(self) -> None:
        """No more bytes come."""

    def settle(self) -> None:
        """They are where they should be."""

    def link(self, name: str) -> None:
        """Gives it this name; FileExistsError if that is taken."""
        raise NotImplementedError

    def open_read(self) -> int:
        """One more descriptor, to read what was written."""
        raise NotImplementedError

    def remove(self) -> None:
        """Leaves nothing but the file under its name, if it got one; may be called more than once."""
        self._close()

    def _close(self) -> None:
        descriptor, self.descriptor = self.descriptor, None
        if descriptor is not None:
            try:  # noqa: SIM105 (once for every file)
                self.disk.close(descriptor)
            except OSError:
                pass


class Unnamed(Temporary):
    """Without a name."""

    __slots__ = ()

    @classmethod
    def create(cls, disk: Disk, folder: OpenFolder) -> Unnamed:
        return cls(disk, folder, disk.create_unnamed(folder, MODE))

    def link(self, name: str) -> None:
        assert self.descriptor is not None
        self.disk.link_unnamed(self.folder, self.descriptor, name)

    def open_read(self) -> int:
        assert self.descriptor is not None
        return self.disk.duplicate(self.descriptor)


class Named(Temporary):
    """Hidden, only for us to read, and locked."""

    __slots__ = ("_lock", "_name")

    def __init__(self, disk: Disk, folder: OpenFolder, descriptor: int, name: str) -> None:
        super().__init__(disk, folder, descriptor)
        self._name: str | None = name
        self._lock: int | None = None

    @classmethod
    def create(cls, disk: Disk, folder: OpenFolder, name: str) -> Named:
        """The one that is about to become `name`."""
        while True:
            temporary = fresh_name(name)
            descriptor = disk.create(folder, temporary)
            made = cls(disk, folder, descriptor, temporary)
            try:
                locked = disk.lock(descriptor)
                # Between the two calls it may have been taken for what a crash has left, and is being removed.
                if locked is None or (locked and _is_there(disk, folder, temporary, descriptor)):
                    return made
            except OSError:
                made.remove()
                raise
            made.remove()

    def seal(self) -> None:
        assert self.descriptor is not None
        self.disk.set_mode(self.descriptor, MODE)

    def settle(self) -> None:
        """Closing may bring to light that bytes could not be written; the lock is kept until the file has its name."""
        assert self.descriptor is not None
        descriptor = self.descriptor
        self._lock = self.disk.duplicate(descriptor)
        self.descriptor = None
        self.disk.close(descriptor)

    def link(self, name: str) -> None:
        assert self._name is not None
        try:
            self.disk.link(self.folder, self._name, name)
        except OSError as error:
            if error.errno not in _NO_LINKS:
                raise
            _warn_of_no_links(self.folder.path)
            self._move(self._name, name)

    def open_read(self) -> int:
        assert self._name is not None
        return self.disk.open_read(self.folder, self._name)

    def remove(self) -> None:
        self._close()
        name, self._name = self._name, None
        if name is not None:
            unlink_quietly(self.disk, self.folder, name)
        lock, self._lock = self._lock, None
        if lock is not None:
            with suppress(OSError):  # what closing can tell of the file was heard before
                self.disk.close(lock)

    def _move(self, temporary: str, name: str) -> None:
        """Where there are no links: takes the name with an empty file first, so that nothing is overwritten."""
        placeholder = self.disk.create(self.folder, name)
        try:
            self.disk.close(placeholder)
            self.disk.replace(self.folder, temporary, name)
        except OSError:
            unlink_quietly(self.disk, self.folder, name)
            raise
        self._name = None


def fresh_name(name: str) -> str:
    """A name for a temporary file that no other process or thread uses."""
    # 64 bytes of the name keep the whole within the 255 of any file system; a character that is cut goes.
    stem = name.encode("utf-8", "ignore")[:64].decode("utf-8", "ignore")
    return f".{stem}.{_OURS}{os.getpid():x}-{next(_NUMBERS):x}.part"


def _is_there(disk: Disk, folder: OpenFolder, name: str, descriptor: int) -> bool:
    try:
        return disk.state_in(folder, name) == disk.state(descriptor)
    except FileNotFoundError:
        return False


@functools.cache
def _warn_of_no_links(folder: str) -> None:
    logger.warning("no hard links in %s: files are renamed instead, and a crash may leave an empty one", folder)


MODE = 0o640
"""The next program must read it, the rest of the world not; the umask takes its part."""

_OURS = os.urandom(4).hex()
# A process that was forked has another number, one of another machine or container another token.
_NUMBERS = count()
_NO_LINKS = frozenset({errno.EPERM, errno.ENOSYS, errno.ENOTSUP, errno.EOPNOTSUPP, errno.EMLINK})

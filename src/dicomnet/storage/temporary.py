"""A file while it is being written: nobody who looks for instances finds it before it is whole.

`Unnamed` is the better kind, where the system has it: no other name to give and
take away, no trace after a crash. `Named` works everywhere: a hidden name,
which a crash leaves behind, with a lock that tells such a one from a file in use.

    write ...        into `descriptor`
    seal()           all bytes are written; if they should be synced, that is next
    settle()         and done
    link(name)       the file gets its name, as often as it takes to find a free one
    replace(name)    or that of another file, at one blow
    remove()         it has it, or will have none: nothing else is left

Where there are no hard links a file is renamed, which would overwrite another
one that got the name a moment ago. So who gives names there does it one at a
time: all of them lock one file of the folder before they look and rename.
"""

from __future__ import annotations

import errno
import logging
import os
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext, suppress
from itertools import count
from time import monotonic, sleep

from dicomnet.storage.disk import Disk
from dicomnet.storage.platform import OpenFolder
from dicomnet.storage.spool import PREFIX, unlink_quietly

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

    def replace(self, name: str) -> None:
        """Gives it this name in the place of the file that has it: whoever looks finds the one or the other, and whole.

        What was written has to be synced.
        """
        raise NotImplementedError

    def sync(self) -> None:
        """Returns when what was written is on the disk."""
        assert self.descriptor is not None
        self.disk.fsync(self.descriptor)

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

    def replace(self, name: str) -> None:
        """Only what has a name can be renamed, so it gets a hidden one for a moment."""
        assert self.descriptor is not None
        self.disk.lock(self.descriptor)  # before it can be taken for what a crash has left
        hidden = fresh_name(name)
        self.disk.link_unnamed(self.folder, self.descriptor, hidden)
        try:
            self.disk.replace(self.folder, hidden, name)
        except OSError:
            unlink_quietly(self.disk, self.folder, hidden)
            raise

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
            _warn_of_no_links(self.disk, self.folder)
            self._move(self._name, name)

    def replace(self, name: str) -> None:
        assert self._name is not None
        self.disk.replace(self.folder, self._name, name)
        self._name = None

    def sync(self) -> None:
        descriptor = self._lock if self.descriptor is None else self.descriptor
        assert descriptor is not None
        self.disk.fsync(descriptor)

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
        """Where there are no links: looks whether the name is free, and renames, while nobody else does."""
        with _naming(self.disk, self.folder):
            try:
                self.disk.state_in(self.folder, name)
            except FileNotFoundError:
                self.disk.replace(self.folder, temporary, name)
            else:
                raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), name)
        self._name = None


def fresh_name(name: str) -> str:
    """A name for a temporary file that no other process or thread uses."""
    # 64 bytes of the name keep the whole within the 255 of any file system; a character that is cut goes.
    stem = name.encode("utf-8", "ignore")[:64].decode("utf-8", "ignore")
    return f".{stem}.{_OURS}{os.getpid():x}-{next(_NUMBERS):x}.part"


def is_fresh_name(name: str) -> bool:
    """Whether `fresh_name` has made it, in this process or another; other programs call their files ``.something.part``, too."""
    return _FRESH.fullmatch(name) is not None


@contextmanager
def _naming(disk: Disk, folder: OpenFolder) -> Iterator[None]:
    """Nobody else gives a name in the folder meanwhile: no other thread, and no process that can be locked out."""
    descriptor = _open_mark(disk, folder)
    try:
        end = monotonic() + _LONGEST_NAMING
        while (locked := disk.lock(descriptor)) is False:
            if monotonic() > end:
                raise OSError(errno.EAGAIN, f"{MARK} is locked by somebody else")
            sleep(_NAMING_PAUSE)
        with nullcontext() if locked else _NAMING:
            yield
    finally:
        with suppress(OSError):  # nothing was written
            disk.close(descriptor)


def _open_mark(disk: Disk, folder: OpenFolder) -> int:
    """The file that is locked; it stays, for who removes it could take it from somebody who is about to lock it."""
    with suppress(FileNotFoundError):
        return disk.open_again(folder, MARK)
    with suppress(FileExistsError):
        return disk.create(folder, MARK)
    return disk.open_again(folder, MARK)


def _is_there(disk: Disk, folder: OpenFolder, name: str, descriptor: int) -> bool:
    try:
        return disk.state_in(folder, name) == disk.state(descriptor)
    except FileNotFoundError:
        return False


def _warn_of_no_links(disk: Disk, folder: OpenFolder) -> None:
    """Once for each file system."""
    device = disk.device(folder)
    if device in _WITHOUT_LINKS:
        return
    _WITHOUT_LINKS.add(device)
    logger.warning("no hard links in %s: files are renamed instead, one at a time", folder.path)


MODE = 0o640
"""The next program must read it, the rest of the world not; the umask takes its part."""

MARK = f"{PREFIX}names.mark"
"""What is locked where names are given one at a time."""

_NAMING = threading.Lock()
# Where nothing can be locked, threads are kept apart at least.
_LONGEST_NAMING = 10.0
# Seconds; what is done under the lock takes microseconds.
_NAMING_PAUSE = 0.002

_OURS = os.urandom(4).hex()
# A process that was forked has another number, one of another machine or container another token.
_NUMBERS = count()
_FRESH = re.compile(r"\..*\.[0-9a-f]+-[0-9a-f]+\.part", re.DOTALL)
_WITHOUT_LINKS: set[int] = set()
# Devices that the log has spoken of.
_NO_LINKS = frozenset({errno.EPERM, errno.ENOSYS, errno.ENOTSUP, errno.EOPNOTSUPP, errno.EMLINK})

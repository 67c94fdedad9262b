"""Where the bytes of an outgoing data set come from: instances in files, bodies to send, folders to walk."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from operator import attrgetter
from pathlib import Path

from dicomnet.datasets import encode_dataset
from dicomnet.errors import InvalidValue, NotAnInstance, StorageError
from dicomnet.part10 import FileHead, read_head
from dicomnet.records import dataclass
from dicomnet.storage.disk import (
    DISK,
    Disk,
    FileState,
    entries,
    fill,
    is_folder,
    path_status,
    storage_error,
)
from dicomnet.types import UID
from dicomnet.uids import TRANSFER_SYNTAXES

__all__ = ["BytesBody", "FileBody", "InstanceFile", "encode_dataset", "prepared", "read_file_head", "walk"]

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class InstanceFile:
    """A file with an instance in it, known by its head; no file is held open."""

    path: Path
    head: FileHead
    data_length: int
    """Bytes of the data set in the file; a body may have one more."""
    state: FileState
    """The file as it was looked at: only from that one a body is read."""
    disk: Disk

    @classmethod
    def open(cls, path: str | os.PathLike[str], *, disk: Disk | None = None) -> InstanceFile:
        """Reads the first few KiB of a file.

        Raises:
            NotAnInstance: there is no instance in it.
            StorageError: it cannot be read, or what is left of the instance in it cannot be sent.
        """
        disk = disk or DISK
        name = os.fspath(path)
        try:
            descriptor = disk.open_path(name)
            try:
                state = disk.state(descriptor)
                if state is None:
                    raise NotAnInstance(name, "not a regular file")
                head = read_file_head(disk, descriptor, name)
            finally:
                disk.close(descriptor)
        except OSError as error:
            raise storage_error(error, f"cannot read {name}") from error
        data_length = state.size - head.data_offset
        if not data_length:
            raise StorageError("the file ends before its data set", of=name, status=_CANNOT_UNDERSTAND)
        if data_length % 2 and not _deflated(head.transfer_syntax_uid):
            # PS3.5 7.1.1: every element is of even length, so a byte is missing or too many.
            detail = f"odd length: its data set has {data_length} bytes"
            raise StorageError(detail, of=name, status=_CANNOT_UNDERSTAND)
        return cls(path if isinstance(path, Path) else Path(path), head, data_length, state, disk)

    @property
    def transfer_syntax_uid(self) -> UID:
        return self.head.transfer_syntax_uid

    @property
    def sop_class_uid(self) -> UID:
        return self.head.sop_class_uid

    @property
    def sop_instance_uid(self) -> UID:
        return self.head.sop_instance_uid

    @property
    def data_offset(self) -> int:
        return self.head.data_offset

    @property
    def difference(self) -> str | None:
        """How group 0002 and the data set disagree, if they do."""
        return self.head.difference

    def body(self, read_ahead: int = 0) -> FileBody | BytesBody:
        """The data set to be sent, as it is in the file; close it.

        Args:
            read_ahead: bytes up to which it is read here and now, so that it can leave as soon as it is its turn; 64 KiB
                always are. More is read when it is sent, and no file is held open before.

        Raises:
            StorageError: the file is gone, or is not what was looked at.
        """
        body = FileBody(self.path, self.head.data_offset, self.data_length, looked_at=self, disk=self.disk)
        return prepared(body, self.head.transfer_syntax_uid, read_ahead)


class FileBody:
    """A data set read from a file straight into the buffers it is sent from."""

    blocking = True

    def __init__(
        self,
        path: str | os.PathLike[str],
        offset: int,
        length: int,
        *,
        looked_at: InstanceFile | None = None,
        holds: object = None,
        disk: Disk | None = None,
    ) -> None:
        """Nothing is opened before the first byte is read: many bodies may wait for their turn.

        Args:
            path: the file.
            offset: where the data set begins in it.
            length: its bytes; if odd it is deflated, and gets a NUL at the end.
            looked_at: what the file must still be when it is opened.
            holds: what must live until the body is closed, since the file dies with it.
            disk: the file system.
        """
        # PS3.5 A.5: only a deflated stream may be odd, and is then closed with one byte of 00H.
        self._pad = length % 2
        self.length = length + self._pad
        self._path = os.fspath(path)
        self._offset = offset
        self._in_file = length
        self._looked_at = looked_at
        self._holds = holds
        self._disk = disk or DISK
        self._descriptor: int | None = None
        self._opened: FileState | None = None
        self._closed = False

    def check(self) -> None:
        """Raises `StorageError` unless the file is there, and as it was."""
        try:
            self._disk.close(self._open())
        except OSError as error:
            raise storage_error(error, f"cannot read {self._path}") from error

    def read_into(self, views: Sequence[memoryview]) -> None:
        """Fills the views with the next bytes.

        Raises:
            StorageError: the file cannot be read, has become shorter, or is not what was looked at, from the first byte to
                the last: what somebody writes meanwhile would be half of one data set and half of another.
        """
        if self._closed:
            raise StorageError(f"{self._path} is closed")
        wanted = len(views[0]) if len(views) == 1 else sum(map(len, views))
        beyond = wanted - self._in_file
        if beyond > self._pad:
            raise StorageError(f"{self._path}: {beyond} bytes more are asked for than its data set has")
        if beyond == 1:
            self._pad = 0
            *before, last = (view for view in views if len(view))
            last[-1] = 0
            views = (*before, last[:-1])
            wanted -= 1
        try:
            if self._descriptor is None:
                self._descriptor = self._open()
                self._disk.seek(self._descriptor, self._offset)
            count = fill(self._disk, self._descriptor, views)
        except OSError as error:
            raise storage_error(error, f"cannot read {self._path}") from error
        self._in_file -= count
        if count < wanted:
            raise StorageError("it has become shorter since its length was taken", of=self._path)
        # What was read at one go was not written meanwhile, as far as anybody can tell.
        if not self._in_file and wanted < self.length and not self._is_as_opened():
            raise StorageError("it was written to while it was sent", of=self._path)

    def close(self) -> None:
        """May be called more than once."""
        self._closed = True
        self._holds = None
        descriptor, self._descriptor = self._descriptor, None
        if descriptor is not None:
            with suppress(OSError):  # nothing was written
                self._disk.close(descriptor)

    def _open(self) -> int:
        descriptor = self._disk.open_path(self._path)
        try:
            if not self._is_as_before(descriptor):
                raise StorageError("it has changed since it was looked at", of=self._path)
        except BaseException:
            with suppress(OSError):
                self._disk.close(descriptor)
            raise
        return descriptor

    def _is_as_before(self, descriptor: int) -> bool:
        before = self._looked_at
        if before is None:
            return True
        now = self._opened = self._disk.state(descriptor)
        if now == before.state:
            return True
        # FAT and others number a file anew once the system has forgotten it: then what is in it decides.
        if now is None or now._replace(inode=before.state.inode) != before.state:
            return False
        try:
            return read_file_head(self._disk, descriptor, self._path) == before.head
        except StorageError:  # no instance any more
            return False

    def _is_as_opened(self) -> bool:
        if self._opened is None:
            return True
        assert self._descriptor is not None
        try:
            return self._disk.state(self._descriptor) == self._opened
        except OSError as error:
            raise storage_error(error, f"cannot read {self._path}") from error


class BytesBody:
    """A data set in memory, to be sent."""

    blocking = False

    def __init__(self, data: bytes | bytearray | memoryview, transfer_syntax_uid: str | None = None) -> None:
        """A deflated stream of odd length gets a NUL at the end; any other odd length is an `InvalidValue`."""
        if len(data) % 2:
            if not _deflated(transfer_syntax_uid or ""):
                raise InvalidValue(f"odd length: the data set has {len(data)} bytes")
            data = bytes(data) + b"\0"
        self.length = len(data)
        self._data = memoryview(data)
        self._position = 0

    def whole(self) -> bytes:
        """All of it; asked instead of `read_into`."""
        return bytes(self._data)

    def read_into(self, views: Sequence[memoryview]) -> None:
        """Fills the views with the next bytes; raises `StorageError` if there are fewer."""
        for view in views:
            piece = self._data[self._position : self._position + len(view)]
            if len(piece) < len(view):
                raise StorageError("more bytes are asked for than the data set has")
            view[:] = piece
            self._position += len(view)

    def close(self) -> None:
        self._data = memoryview(b"")
        self._position = 0


def prepared(body: FileBody, transfer_syntax_uid: str, read_ahead: int = 0) -> FileBody | BytesBody:
    """A body that is there; read here and now if it has no more than 64 KiB, or `read_ahead` bytes.

    Raises:
        StorageError: its file is gone, or is not what was looked at.
    """
    if body.length > max(SMALL, read_ahead):
        body.check()
        return body
    data = bytearray(body.length)
    try:
        body.read_into([memoryview(data)])
    finally:
        body.close()
    return BytesBody(data, transfer_syntax_uid)


def read_file_head(disk: Disk, descriptor: int, path: str) -> FileHead:
    """Reads the head of an open file, in as few KiB as it takes.

    Raises:
        NotAnInstance: there is no instance in it.
        StorageError: there is a damaged one in it.
        OSError: it cannot be read.
    """
    data = b""
    size = _FIRST_READ
    while True:
        buffer = memoryview(bytearray(size))
        filled = fill(disk, descriptor, [buffer])
        data += buffer if filled == size else buffer[:filled]
        head = read_head(data, complete=filled < size, path=path)
        if head is not None:
            return head
        size = len(data)


def walk(
    paths: Iterable[str | os.PathLike[str]], *, failed: Callable[[Path, StorageError], object] | None = None
) -> Iterator[Path]:
    """All files that the paths name or contain, folders sorted; each folder once, however many links lead to it.

    Temporary files of a receiver are left out, and so is what is no regular
    file.

    Args:
        paths: files and folders.
        failed: told of a path that was given, and of a folder in a folder, that cannot be read, to go on with the next one.

    Raises:
        StorageError: a path that was given cannot be read, and there is no ``failed``; of a folder in a folder it is logged.
    """
    seen: set[tuple[int, int]] = set()
    for given in paths:
        path = Path(given)
        try:
            yield from _walk_given(path, seen, failed or _log)
        except StorageError as error:
            if failed is None:
                raise
            failed(path, error)


def _walk_given(
    path: Path, seen: set[tuple[int, int]], failed: Callable[[Path, StorageError], object]
) -> Iterator[Path]:
    try:
        path_status(path)
    except OSError as error:
        raise storage_error(error, f"cannot read {path}") from error
    if is_folder(path):
        yield from _walk_folder(path, seen, failed)
    else:
        yield path


def _walk_folder(
    folder: Path, seen: set[tuple[int, int]], failed: Callable[[Path, StorageError], object]
) -> Iterator[Path]:
    waiting = _entries(folder, seen)
    while waiting:
        above, entry = waiting.pop()
        try:
            if entry.is_dir():
                waiting += _entries(above / entry.name, seen)
            elif entry.is_file() and not _is_temporary(entry.name):
                yield above / entry.name
        except StorageError as error:
            failed(above / entry.name, error)
        except OSError as error:  # a link that leads nowhere, or in a circle: there is nothing to miss
            logger.warning("cannot read %s: %s", entry.path, error.strerror)


def _log(_: Path, error: StorageError) -> None:
    logger.warning("%s", error)


def _entries(folder: Path, seen: set[tuple[int, int]]) -> list[tuple[Path, os.DirEntry[str]]]:
    """What is in a folder, the first at the end; nothing if that was asked before."""
    try:
        status = path_status(folder)
        if (status.st_dev, status.st_ino) in seen:
            return []
        seen.add((status.st_dev, status.st_ino))
        return [(folder, entry) for entry in sorted(entries(folder), key=_entry_name, reverse=True)]
    except OSError as error:
        raise storage_error(error, f"cannot read {folder}") from error


def _is_temporary(name: str) -> bool:
    """Whether a receiver calls its files so that are not whole yet, or mark something."""
    return name.startswith(".") and name.endswith((".part", ".mark"))


def _deflated(transfer_syntax_uid: str) -> bool:
    syntax = TRANSFER_SYNTAXES.get(transfer_syntax_uid)
    return syntax is not None and syntax.deflated


SMALL = 64 * 1024
"""Up to this size a data set is queued together with its command, to leave in one write."""

_CANNOT_UNDERSTAND = 0xC000

_entry_name = attrgetter("name")

_FIRST_READ = 4096
# The header and the first elements are 400 to 800 bytes; one page holds them.

"""Where the bytes of an outgoing data set come from: instances in files, bodies to send, folders to walk."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from dicomnet.errors import InvalidValue, NotAnInstance, StorageError
from dicomnet.part10 import FileHead, read_head
from dicomnet.storage.dataset import encode_dataset
from dicomnet.storage.disk import Disk, storage_error
from dicomnet.storage.platform import MOST_VIEWS
from dicomnet.types import UID
from dicomnet.uids import TRANSFER_SYNTAXES

__all__ = ["BytesBody", "FileBody", "InstanceFile", "encode_dataset", "read_file_head", "walk"]

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class InstanceFile:
    """A file with an instance in it, known by its head; no file is held open."""

    path: Path
    head: FileHead
    data_length: int
    """Bytes of the data set in the file; a body may have one more."""
    disk: Disk

    @classmethod
    def open(cls, path: str | os.PathLike[str], *, disk: Disk | None = None) -> InstanceFile:
        """Reads the first few KiB of a file.

        Raises:
            NotAnInstance: there is no instance in it that could be sent.
            StorageError: it cannot be read.
        """
        disk = disk or Disk()
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
        if data_length % 2 and not _deflated(head.transfer_syntax_uid):
            # PS3.5 7.1.1: every element is of even length, so a byte is missing or too many.
            raise NotAnInstance(name, f"odd length: its data set has {data_length} bytes")
        return cls(Path(path), head, data_length, disk)

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
        """How group 0002 and the data set disagree on the identity, if they do."""
        return self.head.difference

    def body(self) -> FileBody:
        """The data set to be sent, as it is in the file; close it. Raises `StorageError` when the file is gone."""
        return FileBody(self.path, self.data_offset, self.data_length, disk=self.disk)


class FileBody:
    """A data set read from a file straight into the buffers it is sent from."""

    blocking = True

    def __init__(self, path: str | os.PathLike[str], offset: int, length: int, *, disk: Disk | None = None) -> None:
        """The data set is ``length`` bytes at ``offset``; of an odd length it is deflated, and gets a NUL at the end."""
        # PS3.5 A.5: only a deflated stream may be odd, and is then closed with one byte of 00H.
        self._pad = length % 2
        self.length = length + self._pad
        self._path = os.fspath(path)
        self._in_file = length
        self._disk = disk or Disk()
        self._descriptor: int | None = None
        try:
            self._descriptor = self._disk.open_path(self._path)
            self._disk.seek(self._descriptor, offset)
        except OSError as error:
            self.close()
            raise storage_error(error, f"cannot read {self._path}") from error

    def read_into(self, views: Sequence[memoryview]) -> None:
        """Fills the views with the next bytes.

        Raises:
            StorageError: the file cannot be read, or has become shorter.
        """
        rest = [view for view in views if len(view)]
        beyond = sum(map(len, rest)) - self._in_file
        if beyond > self._pad:
            raise StorageError(f"{self._path}: {beyond} bytes more are asked for than its data set has")
        if beyond == 1:
            self._pad = 0
            rest[-1][-1] = 0
            rest[-1] = rest[-1][:-1]
        try:
            self._fill(rest)
        except OSError as error:
            raise storage_error(error, f"cannot read {self._path}") from error

    def close(self) -> None:
        descriptor, self._descriptor = self._descriptor, None
        if descriptor is not None:
            with suppress(OSError):  # nothing was written
                self._disk.close(descriptor)

    def _fill(self, rest: list[memoryview]) -> None:
        first = 0
        rest = [view for view in rest if len(view)]
        while first < len(rest):
            count = self._read(rest[first : first + MOST_VIEWS])
            if not count:
                raise StorageError(f"{self._path} has become shorter since its length was taken")
            self._in_file -= count
            while first < len(rest) and count >= len(rest[first]):
                count -= len(rest[first])
                first += 1
            if count:
                rest[first] = rest[first][count:]

    def _read(self, views: list[memoryview]) -> int:
        if self._descriptor is None:
            raise StorageError(f"{self._path} is closed")
        return self._disk.readv(self._descriptor, views)


class BytesBody:
    """A data set in memory, to be sent."""

    blocking = False

    def __init__(self, data: bytes, transfer_syntax_uid: str | None = None) -> None:
        """A deflated stream of odd length gets a NUL at the end; any other odd length is an `InvalidValue`."""
        if len(data) % 2:
            if not _deflated(transfer_syntax_uid or ""):
                raise InvalidValue(f"odd length: the data set has {len(data)} bytes")
            data = bytes(data) + b"\0"
        self.length = len(data)
        self._data = memoryview(data)
        self._position = 0

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


def read_file_head(disk: Disk, descriptor: int, path: str) -> FileHead:
    """Reads the head of an open file, in as few KiB as it takes.

    Raises:
        NotAnInstance: there is no instance in it.
        OSError: it cannot be read.
    """
    data = b""
    size = _FIRST_READ
    while True:
        buffer = memoryview(bytearray(size))
        filled = 0
        while filled < size and (count := disk.readv(descriptor, [buffer[filled:]])):
            filled += count
        data += buffer[:filled]
        head = read_head(data, complete=filled < size, path=path)
        if head is not None:
            return head
        size = len(data)


def walk(paths: Iterable[str | os.PathLike[str]]) -> Iterator[Path]:
    """All files that the paths name or contain, folders sorted; each folder once, however many links lead to it.

    Temporary files of a receiver are left out, and so is what is no regular file.

    Raises:
        StorageError: a path that was given does not exist. A folder in it that cannot be read is logged.
    """
    seen: set[tuple[int, int]] = set()
    for given in paths:
        path = Path(given)
        try:
            path.stat()
        except OSError as error:
            raise storage_error(error, f"cannot read {path}") from error
        if path.is_dir():
            yield from _walk_folder(path, seen)
        else:
            yield path


def _walk_folder(folder: Path, seen: set[tuple[int, int]]) -> Iterator[Path]:
    waiting = [folder]
    while waiting:
        path = waiting.pop()
        try:
            if path.is_dir():
                status = path.stat()
                if (status.st_dev, status.st_ino) not in seen:
                    seen.add((status.st_dev, status.st_ino))
                    waiting.extend(sorted(path.iterdir(), reverse=True))
            elif path.is_file() and not (path.name.startswith(".") and path.name.endswith(".part")):
                yield path
        except OSError as error:
            logger.warning("cannot read %s: %s", path, error.strerror)


def _deflated(transfer_syntax_uid: str) -> bool:
    syntax = TRANSFER_SYNTAXES.get(transfer_syntax_uid)
    return syntax is not None and syntax.deflated


_FIRST_READ = 4096
# The header and the first elements are 400 to 800 bytes; one page holds them.

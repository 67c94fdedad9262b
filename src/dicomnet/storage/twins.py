"""What has a name already that an instance is to get: the same instance, or something else."""

from __future__ import annotations

import errno
from collections.abc import Callable
from typing import Literal, NamedTuple, cast, get_args

from dicomnet.errors import InvalidValue, StorageError
from dicomnet.limits import MIB
from dicomnet.part10 import FileHead
from dicomnet.storage.disk import Disk, FileState, fill
from dicomnet.storage.doubts import DOUBTS
from dicomnet.storage.platform import OpenFolder
from dicomnet.storage.source import read_file_head

Duplicates = Literal["keep-both", "replace", "refuse"]
"""What becomes of an instance when another data set of it is kept already; the same one is success in any case."""


def duplicates_of(word: str) -> Duplicates:
    """The word, if it is one of `Duplicates`.

    Raises:
        InvalidValue: it is not.
    """
    if word not in _DUPLICATES:
        raise InvalidValue(f'duplicates is "keep-both", "replace" or "refuse", not {word!r}')
    return cast("Duplicates", word)


class Ours(NamedTuple):
    """A data set that was written, and is to get a name."""

    sop_instance_uid: str
    transfer_syntax_uid: str
    data_offset: int
    length: int
    open_read: Callable[[], int]


class Twin(NamedTuple):
    """A file with the same instance."""

    state: FileState
    data_offset: int
    same: bool
    """Whether its data set is ours, byte for byte, in the same transfer syntax."""
    kept: bool
    """Whether it is, and is there for good, see `dicomnet.storage.doubts`."""


def look(disk: Disk, folder: OpenFolder, name: str, ours: Ours, *, durable: bool) -> Twin | None:
    """The file of this name, if the same instance is in it; None if it is another or a damaged one, a link, or no instance.

    Args:
        durable: whether a file with the same data set has to be on the disk.

    Raises:
        FileNotFoundError: the name is free.
        OSError: it cannot be read, or not be synced.
    """
    try:
        theirs = disk.open_read(folder, name)
    except OSError as error:
        if error.errno in _NO_FILE_OF_OURS:
            return None
        raise
    try:
        state = disk.state(theirs)
        if state is None:
            return None
        head = read_file_head(disk, theirs, name)
        if (head.meta_sop_instance_uid or head.sop_instance_uid) != ours.sop_instance_uid:
            return None
        same = _same(disk, theirs, state, head, ours)
        if same and durable:  # we don't know who wrote it, and are about to promise that it stays
            _sync(disk, theirs, state)
        return Twin(state, head.data_offset, same, same and DOUBTS.rely(state))
    except StorageError:  # no instance, or a damaged one
        return None
    finally:
        disk.close(theirs)


def _same(disk: Disk, theirs: int, state: FileState, head: FileHead, ours: Ours) -> bool:
    syntax = head.meta_transfer_syntax_uid or head.transfer_syntax_uid
    if syntax != ours.transfer_syntax_uid or state.size != head.data_offset + ours.length:
        return False
    descriptor = ours.open_read()
    try:
        return _same_bytes(disk, (descriptor, ours.data_offset), (theirs, head.data_offset))
    finally:
        disk.close(descriptor)


def _same_bytes(disk: Disk, one: tuple[int, int], other: tuple[int, int]) -> bool:
    """Whether two files are equal from their offsets to their ends."""
    files = [(descriptor, memoryview(bytearray(MIB // 4))) for descriptor, _ in (one, other)]
    for descriptor, offset in (one, other):
        disk.seek(descriptor, offset)
    while True:
        pieces = [buffer[: fill(disk, descriptor, [buffer])] for descriptor, buffer in files]
        if pieces[0] != pieces[1]:
            return False
        if not pieces[0]:
            return True


def _sync(disk: Disk, descriptor: int, state: FileState) -> None:
    try:
        disk.fsync(descriptor)
    except OSError:
        DOUBTS.failed(state)
        raise


_DUPLICATES = frozenset(get_args(Duplicates))
_NO_FILE_OF_OURS = frozenset({errno.ELOOP, errno.EISDIR, errno.EACCES, errno.ENXIO})

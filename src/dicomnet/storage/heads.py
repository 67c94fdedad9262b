"""Instances that are chosen by what stands at their beginning: of a file no more is read than that."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from dicomnet.datasets import is_dataset
from dicomnet.errors import DicomNetError, InvalidValue, StorageError
from dicomnet.records import dataclass
from dicomnet.storage.disk import DISK, Disk, open_file, storage_error
from dicomnet.storage.received import ReceivedData
from dicomnet.storage.source import InstanceFile, walk

if TYPE_CHECKING:
    from pydicom import Dataset

logger = logging.getLogger(__name__)


def choose(
    given: Any,
    is_wanted: Callable[[Dataset], bool],
    tags: Collection[int],
    *,
    stop: Callable[[], bool] = lambda: False,
    disk: Disk | None = None,
) -> Iterator[Any]:
    """Those of the given instances that are wanted, one by one and as they were given; of a folder the paths in it.

    What cannot be read is logged and left out, and so is what is no instance,
    without a word if it lies in a folder. Waits for the disk.

    Args:
        given: a path, a folder, bytes, a data set, an `InstanceFile`, a `ReceivedData`, or an iterable of these.
        is_wanted: asked with a data set that has at least the elements of these tags, if the instance has them.
        tags: what has to be read.
        stop: asked before each instance whether to look at no more of them.
        disk: the file system.

    Raises:
        StorageError: a path that was given alone leads nowhere.
        InvalidValue: this cannot be an instance.
    """
    choice = _Choice(is_wanted, tags, stop, disk or DISK)
    if isinstance(given, str | os.PathLike):
        return choice.of_path(given, failed=None)
    return choice.of_each([given] if _is_one(given) else _iterated(given))


def read_elements(file: BinaryIO, tags: Collection[int]) -> Dataset:
    """The elements of these tags, from a file with a header or without; nothing behind the last of them is read.

    Raises:
        StorageError: it is no instance.
        OSError: it cannot be read.
    """
    from pydicom import filereader

    last = max(tags)
    try:
        return filereader.read_partial(
            file,
            stop_when=lambda tag, vr, length: tag > last,  # noqa: ARG005
            force=True,
            specific_tags=list(tags),
        )
    except OSError:
        raise
    except Exception as error:
        raise StorageError(f"not an instance: {error}", status=_CANNOT_UNDERSTAND) from error


@dataclass(frozen=True, slots=True)
class _Choice:
    is_wanted: Callable[[Dataset], bool]
    tags: Collection[int]
    stop: Callable[[], bool]
    disk: Disk

    def of_each(self, given: Iterable[Any]) -> Iterator[Any]:
        for each in given:
            if isinstance(each, str | os.PathLike):
                yield from self.of_path(each, failed=_note)
            elif not _is_one(each):
                yield from self.of_each(_iterated(each))
            elif self.stop():
                return
            elif self._wants(each):
                yield each

    def of_path(
        self, path: str | os.PathLike[str], *, failed: Callable[[Path, StorageError], object] | None
    ) -> Iterator[Path]:
        for found in walk([path], failed=failed):
            if self.stop():
                return
            if self._wants(found):
                yield found

    def _wants(self, one: Any) -> bool:
        try:
            head = self._head(one)
        except DicomNetError as error:
            if isinstance(one, Path):
                logger.debug("%s is left out: %s", one, error)
            else:
                logger.warning("a %s is left out: %s", type(one).__name__, error)
            return False
        return head is not None and self.is_wanted(head)

    def _head(self, one: Any) -> Dataset | None:
        """The first elements of one instance, or all; None if it cannot be read."""
        if isinstance(one, InstanceFile):
            one = one.path
        if isinstance(one, ReceivedData):
            one = one.path or one.dataset()
        if isinstance(one, bytes | bytearray | memoryview):
            return read_elements(BytesIO(bytes(one)), self.tags)
        if isinstance(one, Path):
            return self._of_file(one)
        dataset: Dataset = one
        return dataset

    def _of_file(self, path: Path) -> Dataset | None:
        try:
            with open_file(self.disk, str(path)) as file:
                return None if self.disk.state(file.fileno()) is None else read_elements(file, self.tags)
        except OSError as error:
            _note(path, storage_error(error, f"cannot read {path}"))
            return None


def _note(path: Path, error: StorageError) -> None:
    logger.warning("%s is left out: %s", path, error)


def _is_one(what: Any) -> bool:
    return isinstance(what, bytes | bytearray | memoryview | InstanceFile | ReceivedData) or is_dataset(what)


def _iterated(what: Any) -> Iterable[Any]:
    if isinstance(what, Iterable) and not isinstance(what, Mapping):
        return what
    raise InvalidValue(f"{type(what).__name__} is nothing that could be retrieved")


_CANNOT_UNDERSTAND = 0xC000

"""What has become of a data set that came in."""

from __future__ import annotations

import os
import weakref
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, BinaryIO, Self

from dicomnet.datasets import decode_dataset
from dicomnet.errors import InvalidValue, StateError, StorageError
from dicomnet.limits import INSTANCES, Decoding
from dicomnet.outline import check_outline
from dicomnet.storage.disk import DISK, open_file, storage_error
from dicomnet.storage.source import BytesBody, FileBody, prepared
from dicomnet.types import UID
from dicomnet.uids import TRANSFER_SYNTAXES, ExplicitVRLittleEndian, TransferSyntax

if TYPE_CHECKING:
    from pydicom import Dataset

    from dicomnet.storage.walk import Problem


class ReceivedData:
    """A data set as a sink took it: in a file, in memory, in a temporary file, or gone.

    The bytes are those of the peer, in ``transfer_syntax_uid``; nothing is
    decoded before `dataset` is called. A temporary file dies with this object
    or when it is closed, unless `keep` has made a file of it.
    """

    def __init__(
        self,
        *,
        length: int,
        transfer_syntax_uid: UID,
        path: str | os.PathLike[str] | None = None,
        data_offset: int = 0,
        duplicate: bool = False,
        problem: Problem | None = None,
        data: bytes | None = None,
        spool: SpoolFile | None = None,
        keeper: Callable[[ReceivedData, str], ReceivedData] | None = None,
    ) -> None:
        self.length = length
        """Bytes of the data set."""
        self.transfer_syntax_uid = transfer_syntax_uid
        self._path = path
        self.duplicate = duplicate
        """Whether that file was there before, with the same data set."""
        self.problem = problem
        """What is wrong with the data set, where it was kept all the same; see `FileSink`."""
        self._data_offset = data_offset
        self._data = data
        self._spool = spool
        self._keeper = keeper

    def __repr__(self) -> str:
        where = f" in {self.path}" if self.path else ""
        return f"<ReceivedData {self.length} bytes{where}>"

    @property
    def path(self) -> Path | None:
        """The file it was kept in, if it was."""
        return None if self._path is None else Path(self._path)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def bytes(self) -> bytes:
        """The data set as it came.

        Raises:
            StateError: it was not kept, or this is closed.
            StorageError: its file can no longer be read.
        """
        if self._data is not None:
            return self._data
        with self.open() as file:
            return file.read()

    def open(self) -> BinaryIO:
        """A new file object that stands at the first byte of the data set; raises like `bytes`."""
        if self._data is not None:
            return BytesIO(self._data)
        path = self._file()
        try:
            file = open_file(DISK, str(path))
        except OSError as error:
            raise storage_error(error, f"cannot read {path}") from error
        file.seek(self._data_offset)
        return file

    def dataset(self, most: Decoding = INSTANCES) -> Dataset:
        """The data set, decoded by pydicom.

        Args:
            most: how much of it may be in it.

        Raises:
            StateError: it was not kept, or this is closed.
            StorageError: it cannot be decoded, too much would be made of it, or its file can no longer be read.
        """
        syntax = TRANSFER_SYNTAXES.get(self.transfer_syntax_uid)
        if self.path is not None and not (syntax and syntax.deflated):
            return self._decoded_file(self.path, syntax, most)
        with self.open() as file:
            return decode_dataset(file, self.transfer_syntax_uid, most)

    def _decoded_file(self, path: Path, syntax: TransferSyntax | None, most: Decoding) -> Dataset:
        import pydicom

        try:
            with self.open() as file:
                check_outline(file, syntax or _EXPLICIT, most)
            return pydicom.dcmread(path)
        except OSError as error:
            raise storage_error(error, f"cannot read {path}") from error
        except StorageError:
            raise
        except Exception as error:
            raise StorageError(f"it cannot be decoded: {error}", of=path, status=0xC000) from error

    def body(self) -> FileBody | BytesBody:
        """The data set as it came, to be sent and closed; a temporary file lives until then.

        Raises:
            InvalidValue: its length is odd, so it must not be sent (PS3.5 7.1.1).
            StateError: it was not kept, or this is closed.
            StorageError: its file can no longer be read.
        """
        if self._data is not None:
            return BytesBody(self._data, self.transfer_syntax_uid)
        path = self._file()
        syntax = TRANSFER_SYNTAXES.get(self.transfer_syntax_uid)
        if self.length % 2 and not (syntax and syntax.deflated):
            raise InvalidValue(f"odd length: the data set has {self.length} bytes")
        body = FileBody(path, self._data_offset, self.length, holds=self._spool)
        return prepared(body, self.transfer_syntax_uid)

    def keep(self, path: str | os.PathLike[str]) -> Path:
        """Makes a file of what was held in memory or in a temporary file, and returns its path.

        It appears whole or not at all, and never in the place of another file.

        Raises:
            StateError: it already is a file, was not kept at all, or this is closed.
            StorageError: the file cannot be written.
        """
        if self._keeper is None:
            raise StateError(f"the data set is in {self.path}" if self.path else "the data set was not kept")
        kept = self._keeper(self, os.fspath(path))
        self.close()
        self._path, self._data_offset, self.duplicate = kept._path, kept._data_offset, kept.duplicate
        assert self._path is not None
        return Path(self._path)

    def close(self) -> None:
        """Lets go of memory and of a temporary file; a file that was kept stays."""
        self._data = None
        self._keeper = None
        self._spool = None  # what is on its way out may still hold it

    def _file(self) -> str | os.PathLike[str]:
        if self._path is not None:
            return self._path
        if self._spool is None:
            raise StateError("the data set was not kept")
        return self._spool.path


class SpoolFile:
    """A temporary file with a name, removed with the last reference to it, or when the program ends."""

    def __init__(self, path: Path, remove: Callable[[], None]) -> None:
        self.path = path
        self.remove = weakref.finalize(self, remove)


_EXPLICIT = TRANSFER_SYNTAXES[ExplicitVRLittleEndian]
# What private syntaxes are.

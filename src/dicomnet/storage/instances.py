"""What a caller gives to be stored, one instance after the other: files, folders, bytes, data sets, what was received."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

from dicomnet.datasets import encode_dataset, is_dataset
from dicomnet.dimse.fragments import Body
from dicomnet.errors import DicomNetError, InvalidValue, NotAnInstance, StorageError
from dicomnet.part10 import data_set_identity, read_head
from dicomnet.records import dataclass, field
from dicomnet.storage.disk import DISK, Disk, path_status, storage_error
from dicomnet.storage.received import ReceivedData
from dicomnet.storage.source import BytesBody, InstanceFile, walk
from dicomnet.types import UID, is_uid, printable
from dicomnet.uids import (
    TRANSFER_SYNTAXES,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    MediaStorageDirectoryStorage,
)

if TYPE_CHECKING:
    from pydicom import Dataset


@dataclass(slots=True, eq=False)
class Instance:
    """An instance to be stored; nothing of its data set is read before `body`, `converted` or `decoded`.

    These three may wait for a disk, and raise `StorageError` when it cannot be
    read, or not be encoded.
    """

    name: str
    """What it is called in a report."""
    path: Path | None
    """The file that it is sent from, if it is."""
    sop_class_uid: UID
    sop_instance_uid: UID
    transfer_syntax_uid: UID
    """What `body` is in."""
    length: int
    """Bytes of its body; 0 for a pydicom data set, whose length is not known before it is encoded."""
    difference: str | None
    """How group 0002 and the data set disagree, if they do."""
    _source: InstanceFile | _Memory | Dataset
    index: int = 0
    """Its place among those that were given, from 0."""
    _holders: _Holders | None = None
    """Which of several copies is the one that is stored."""

    def claim(self) -> str | None:
        """Makes this copy the one that is stored; or says why not, if another one is, or is on its way."""
        if self._holders is None:
            return None
        mine = _Holder(self.index, self.name, self.transfer_syntax_uid, self.length)
        holder = self._holders.setdefault((self.sop_class_uid, self.sop_instance_uid), mine)
        return None if holder.number == self.index else _why(self, holder)

    def disclaim(self) -> None:
        """It could not be stored: another copy may be."""
        identity = (self.sop_class_uid, self.sop_instance_uid)
        if self._holders is not None and self.claim() is None:
            self._holders.pop(identity, None)

    def body(self, read_ahead: int = 0) -> Body:
        """The data set as it is, to be sent and closed; for `read_ahead` see `InstanceFile.body`."""
        if isinstance(self._source, InstanceFile):
            return self._source.body(read_ahead)
        if isinstance(self._source, _Memory):  # it may be large, and is there already
            return self._body(memoryview(self._source.data)[self._source.offset :], self.transfer_syntax_uid)
        return self._body(self._data(), self.transfer_syntax_uid)

    def converted(self, transfer_syntax_uid: str) -> Body:
        """The data set in another transfer syntax that does not touch pixel data (PS3.5 A.1, A.2, A.5).

        Raises:
            Unsupported: the pixel data is compressed, or would have to be.
        """
        if transfer_syntax_uid == self.transfer_syntax_uid:
            return self.body()
        from dicomnet.storage.convert import transcode

        return self._body(transcode(self._data(), self.transfer_syntax_uid, transfer_syntax_uid), transfer_syntax_uid)

    def decoded(self, transfer_syntax_uid: str) -> Body:
        """The data set with its pixel data decompressed by pydicom; the instance keeps its UID.

        Raises:
            Unsupported: no decoder for its transfer syntax is installed.
        """
        from dicomnet.storage.convert import decompress, transcode

        data = decompress(self._data(), self.transfer_syntax_uid)
        return self._body(transcode(data, ExplicitVRLittleEndian, transfer_syntax_uid), transfer_syntax_uid)

    def _data(self) -> bytes:
        if isinstance(self._source, InstanceFile):
            body = self._source.body()
            data = bytearray(body.length)
            try:
                body.read_into([memoryview(data)])
            finally:
                body.close()
            return bytes(data)
        if isinstance(self._source, _Memory):
            return self._source.data[self._source.offset :]
        try:
            return encode_dataset(self._source, self.transfer_syntax_uid)
        except InvalidValue as error:
            raise StorageError(str(error), of=self.name, status=_CANNOT_UNDERSTAND) from error

    def _body(self, data: bytes | memoryview, transfer_syntax_uid: str) -> Body:
        try:
            return BytesBody(data, transfer_syntax_uid)
        except InvalidValue as error:
            raise StorageError(str(error), of=self.name, status=_CANNOT_UNDERSTAND) from error


@dataclass(slots=True)
class Skipped:
    """What was come across and is not to be stored: no instance, a DICOMDIR, one that was there before."""

    name: str
    path: Path | None
    reason: str
    index: int = field(default=0, compare=False)
    copy: Instance | None = field(default=None, compare=False)
    """A second copy of an instance: it is what to store if the first one cannot be."""


@dataclass(slots=True)
class Unreadable:
    """What should be stored and cannot be read."""

    name: str
    path: Path | None
    error: StorageError
    index: int = field(default=0, compare=False)


Item = Instance | Skipped | Unreadable


class Instances:
    """Everything that a caller wants stored, looked at when its turn comes.

    Several associations may take from it at a time, each from its own thread;
    every item is given out once.
    """

    def __init__(self, what: Any, *, disk: Disk | None = None, skip_duplicates: bool = True) -> None:
        """Looks at nothing yet, but whether the only path that was given exists.

        Args:
            what: the path of a file or of a folder; bytes, of a file or of a data set; a pydicom data set; an
                `InstanceFile`; a `ReceivedData`; or an iterable of all these, nested as it may be.
            disk: the file system.
            skip_duplicates: whether the second of two with the same SOP class and instance UID is left out, unless the first
                cannot be stored.

        Raises:
            StorageError: there is nothing at that path.
            InvalidValue: this is nothing that could be stored.
        """
        if not _can_be_given(what):
            raise InvalidValue(f"{type(what).__name__} is nothing that can be stored")
        _check_only_path(what)
        self._disk = disk or DISK
        self._lock = threading.Lock()
        self._at_hand = _is_at_hand(what)
        self._failure: Exception | None = None
        numbered = _numbered(map(_sendable, self._read(what)))
        self._items = _without_duplicates(numbered) if skip_duplicates else numbered

    def __iter__(self) -> Iterator[Item]:
        while items := self.take(1):
            yield from items

    def take(self, count: int) -> list[Item]:
        """The next ones, at most so many; none means that there are no more. May wait for a disk.

        What an iterable makes as it goes is given out one by one, so that
        nothing waits for what comes next; of data in memory no more than
        `MOST_BYTES` are read at a time.

        What an iterable of the caller raises comes through after what was
        read before it, and ends the items.
        """
        with self._lock:
            failure, self._failure = self._failure, None
            if failure is not None:
                raise failure
            items: list[Item] = []
            held = 0
            try:
                for item in islice(self._items, count if self._at_hand else 1):
                    items.append(item)
                    held += item.length if isinstance(item, Instance) and item.path is None else 0
                    if held >= MOST_BYTES:
                        break
            except Exception as error:
                if not items:
                    raise
                self._failure = error
            return items

    def _read(self, what: Any) -> Iterator[Item]:
        if isinstance(what, str | os.PathLike):
            yield from self._read_path(what)
        elif isinstance(what, bytes | bytearray | memoryview):
            yield _of_bytes(bytes(what))
        elif isinstance(what, InstanceFile):
            yield _of_file(what)
        elif isinstance(what, ReceivedData):
            yield from self._read_path(what.path) if what.path else [_of_received(what)]
        elif is_dataset(what):
            yield _of_dataset(what)
        elif _can_be_given(what):
            for each in what:
                if isinstance(each, InstanceFile):
                    yield _of_file(each)
                else:
                    yield from self._read(each)
        else:
            yield Unreadable(
                repr(what)[:80], None, StorageError(f"{type(what).__name__} is nothing that can be stored")
            )

    def _read_path(self, path: str | os.PathLike[str]) -> Iterator[Item]:
        failures: list[Unreadable] = []
        try:
            for found in walk([path], failed=lambda path, error: failures.append(Unreadable(str(path), path, error))):
                yield self._open(found)
        except ValueError as error:  # there is a NUL in it
            yield Unreadable(repr(path), None, StorageError(str(error), of=f"cannot read {path!r}"))
        yield from failures

    def _open(self, path: Path) -> Item:
        try:
            return _of_file(InstanceFile.open(path, disk=self._disk))
        except NotAnInstance as error:
            return Skipped(str(path), path, error.detail)
        except StorageError as error:
            return Unreadable(str(path), path, error)


def pairs(items: Iterable[Item]) -> list[tuple[UID, UID]]:
    """The different SOP classes with transfer syntaxes, in the order they first come: what has to be proposed."""
    return list(
        dict.fromkeys((item.sop_class_uid, item.transfer_syntax_uid) for item in items if isinstance(item, Instance))
    )


class _Memory(NamedTuple):
    """A data set in memory, perhaps behind the header of a file."""

    data: bytes
    offset: int


def _of_file(file: InstanceFile) -> Item:
    head = file.head
    return Instance(
        str(file.path),
        file.path,
        head.sop_class_uid,
        head.sop_instance_uid,
        head.transfer_syntax_uid,
        file.data_length + file.data_length % 2,
        head.difference,
        file,
    )


def _of_bytes(data: bytes) -> Item:
    name = f"{len(data)} bytes"
    try:
        head = read_head(data, complete=True, path=name)
        assert head is not None
        return _of_memory(
            _Memory(data, head.data_offset),
            head.transfer_syntax_uid,
            head.sop_class_uid,
            head.sop_instance_uid,
            head.difference,
        )
    except StorageError as error:
        return Unreadable(name, None, error)


def _of_received(received: ReceivedData) -> Item:
    name = f"{received.length} bytes received"
    try:
        data = received.bytes()
        identity = data_set_identity(data, received.transfer_syntax_uid, complete=True) or (None, None)
        return _of_memory(_Memory(data, 0), received.transfer_syntax_uid, *_identified(name, *identity), None)
    except StorageError as error:
        return Unreadable(name, None, error)
    except DicomNetError as error:  # it was not kept, or has been closed
        return Unreadable(name, None, StorageError(str(error)))


def _of_memory(
    memory: _Memory, transfer_syntax_uid: UID, sop_class_uid: UID, sop_instance_uid: UID, difference: str | None
) -> Instance:
    name = _name(sop_instance_uid)
    length = len(memory.data) - memory.offset
    syntax = TRANSFER_SYNTAXES.get(transfer_syntax_uid)
    if not length:
        raise StorageError("there is no data set in it", of=name, status=_CANNOT_UNDERSTAND)
    if length % 2 and not (syntax and syntax.deflated):
        raise StorageError(f"odd length: its data set has {length} bytes", of=name, status=_CANNOT_UNDERSTAND)
    return Instance(
        name, None, sop_class_uid, sop_instance_uid, transfer_syntax_uid, length + length % 2, difference, memory
    )


def _of_dataset(dataset: Dataset) -> Item:
    meta = getattr(dataset, "file_meta", None) or {}
    filename = getattr(dataset, "filename", None)
    name = str(filename) if filename else "a data set"
    try:
        own = [_uid(dataset.get(keyword)) for keyword in ("SOPClassUID", "SOPInstanceUID")]
        stated = [_uid(meta.get(keyword)) for keyword in ("MediaStorageSOPClassUID", "MediaStorageSOPInstanceUID")]
        sop_class_uid, sop_instance_uid = _identified(name, own[0] or stated[0], own[1] or stated[1])
    except StorageError as error:
        return Unreadable(name, None, error)
    except Exception as error:  # noqa: BLE001  pydicom raises whatever its conversions meet
        return Unreadable(name, None, StorageError(str(error), of=name, status=_CANNOT_UNDERSTAND))
    name = name if filename else _name(sop_instance_uid)
    if sop_class_uid == MediaStorageDirectoryStorage:
        return Skipped(name, None, "a DICOMDIR is a directory of instances (PS3.10 8)")
    differences = [
        f"{what} UID is {ours} in the data set and {theirs} in group 0002"
        for what, ours, theirs in zip(("SOP class", "SOP instance"), own, stated, strict=True)
        if ours and theirs and ours != theirs
    ]
    syntax = _uid(meta.get("TransferSyntaxUID"))
    if syntax is None:
        syntax = ExplicitVRBigEndian if dataset.original_encoding[1] is False else ExplicitVRLittleEndian
    return Instance(name, None, sop_class_uid, sop_instance_uid, syntax, 0, "; ".join(differences) or None, dataset)


def _identified(name: str, sop_class_uid: UID | None, sop_instance_uid: UID | None) -> tuple[UID, UID]:
    if not sop_class_uid or not sop_instance_uid:
        raise NotAnInstance(name, f"no SOP {'instance' if sop_class_uid else 'class'} UID in it")
    return sop_class_uid, sop_instance_uid


def _sendable(item: Item) -> Item:
    """Where a peer could not even be told what it is, that is a fault of this one alone, and no reason to store none."""
    if isinstance(item, Instance):
        for what, text in (
            ("SOP class UID", item.sop_class_uid),
            ("SOP instance UID", item.sop_instance_uid),
            ("transfer syntax UID", item.transfer_syntax_uid),
        ):
            if not is_uid(text):
                detail = f"its {what} is not a UID: {printable(text)}"
                error = StorageError(detail, of=item.name, status=_CANNOT_UNDERSTAND)
                return Unreadable(item.name, item.path, error)
    return item


def _uid(value: object) -> UID | None:
    return UID(str(value)) if value else None


def _name(sop_instance_uid: str) -> str:
    return f"instance {sop_instance_uid}"


def _numbered(items: Iterator[Item]) -> Iterator[Item]:
    for index, item in enumerate(items):
        item.index = index
        yield item


def _without_duplicates(items: Iterator[Item]) -> Iterator[Item]:
    holders: _Holders = {}
    for item in items:
        if isinstance(item, Instance):
            item._holders = holders
            reason = item.claim()
            if reason is not None:
                yield Skipped(item.name, item.path, reason, item.index, copy=item)
                continue
        yield item


class _Holder(NamedTuple):
    """The copy of an instance that is stored."""

    number: int
    name: str
    transfer_syntax_uid: UID
    length: int


_Holders: TypeAlias = "dict[tuple[UID, UID], _Holder]"


def _why(item: Instance, holder: _Holder) -> str:
    """Why an instance is not stored beside the copy that is."""
    same_syntax = item.transfer_syntax_uid == holder.transfer_syntax_uid
    if same_syntax and item.length and holder.length and item.length != holder.length:
        return f"has the UID of {holder.name} and another content, {item.length} bytes instead of {holder.length}"
    return f"the same instance as {holder.name}"


def _can_be_given(what: Any) -> bool:
    """Whether this is one of the things to store, or may have them in it."""
    known = isinstance(what, str | os.PathLike | bytes | bytearray | memoryview | InstanceFile | ReceivedData)
    return known or is_dataset(what) or (isinstance(what, Iterable) and not isinstance(what, Mapping))


def _is_at_hand(what: Any) -> bool:
    """Whether it is all there, and not made when it is asked for; that cannot be known of iterables but the built-in ones."""
    if isinstance(what, list | tuple | set | frozenset):
        return all(map(_is_at_hand, what))
    return not isinstance(what, Iterable) or isinstance(what, str | bytes | bytearray | memoryview) or is_dataset(what)


def _check_only_path(what: Any) -> None:
    """A path that is given alone and leads nowhere is a mistake to be told at once, not one of many results."""
    if isinstance(what, list | tuple) and len(what) == 1:
        (what,) = what
    if isinstance(what, str | os.PathLike):
        try:
            path_status(what)
        except OSError as error:
            raise storage_error(error, f"cannot read {what}") from error
        except ValueError as error:  # there is a NUL in it
            raise StorageError(f"cannot read {what!r}: {error}") from error


MOST_BYTES = 64 * 1024 * 1024
"""Bytes of data sets in memory that are read at a time."""

_CANNOT_UNDERSTAND = 0xC000

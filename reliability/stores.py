"""Data sets that are stored without a network: the real sinks, called as the shells call them."""

from __future__ import annotations

from dicomnet.errors import StorageError
from dicomnet.part10 import file_header
from dicomnet.server.layout import Layout, LayoutSink
from dicomnet.storage.files import finish_files
from dicomnet.storage.folder import Folder
from dicomnet.storage.received import ReceivedData
from dicomnet.storage.sinks import Incoming, Sink
from dicomnet.storage.twins import Duplicates
from dicomnet.types import UID
from dicomnet.uids import CTImageStorage, ExplicitVRLittleEndian
from raw import data_set
from reliability.ledger import Ledger
from reliability.seam import HookedDisk

LAYOUT = Layout("{sop_class}/{calling}/{instance}.dcm")
"""Two folders below the folder, which are made when the first instance comes."""


class Store:
    """One data set on its way.

    Args:
        number: the last part of its UID.
        content: another one makes another data set under the same UID.
        size: bytes.
    """

    def __init__(self, number: int, *, content: int = 0, size: int = 600) -> None:
        self.instance = f"1.2.3.{number}"
        head, pixels_follow, _ = data_set(self.instance.encode(), 200).partition(b"\xe0\x7f\x10\0OW\0\0")
        length = max(2, size - len(head) - 12)
        pattern = bytes(range(256)) * (length // 256 + 1)
        pixels = pattern[: length - 1] + bytes([content % 256])
        self.data = head + pixels_follow + length.to_bytes(4, "little") + pixels
        self.incoming = Incoming(
            CTImageStorage, UID(self.instance), ExplicitVRLittleEndian, "MOD", "ARCHIVE", "C-STORE-RQ"
        )

    def __repr__(self) -> str:
        return f"<{self.instance}, {len(self.data)} bytes, content {self.data[-1]}>"

    def begin(self, sink: Sink, ledger: Ledger) -> Sink:
        """Everything but the end: two pieces, as they come from the network. Raises StorageError."""
        ledger.send(self.instance, self.data)
        view, middle = memoryview(self.data), len(self.data) // 2
        try:
            sink.open(self.incoming)
            sink.write([view[:middle]])
            sink.write([view[middle:]])
        except StorageError:
            sink.discard()
            raise
        return sink


def file_of(store: Store) -> bytes:
    """It as a file, for somebody who sends it."""
    header = file_header(
        sop_class_uid=store.incoming.sop_class_uid,
        sop_instance_uid=store.instance,
        transfer_syntax_uid=store.incoming.transfer_syntax_uid,
    )
    return header + store.data


class Place:
    """Where they are kept on a disk: made as a program makes it when it starts.

    Args:
        disk: the disk, with a root.
        root: the folder.
        layout: how files are named below it; None is flat.
        duplicates: what becomes of another content.
    """

    def __init__(
        self, disk: HookedDisk, root: str, layout: Layout | None = None, duplicates: Duplicates = "keep-both"
    ) -> None:
        self._layout = layout
        self._folder = Folder(root, reserve=0, duplicates=duplicates, disk=disk)
        if layout is not None:
            self._folder.remove_leftovers_below()

    def sink_for(self, store: Store) -> Sink:
        if self._layout is None:
            return self._folder.sink_for(store.incoming)
        return LayoutSink(self._folder, self._layout)


def store_all(place: Place, stores: list[Store], ledger: Ledger, *, together: bool = False) -> list[int]:
    """Stores them; what is kept is acknowledged in the ledger.

    Args:
        together: whether they are finished in one go, as those of one association are.

    Returns:
        For each its status.
    """
    statuses = []
    if not together:
        for store in stores:
            statuses += store_all(place, [store], ledger, together=True)
        return statuses
    begun = []
    for store in stores:
        try:
            begun.append((store, store.begin(place.sink_for(store), ledger).final))
        except StorageError as error:
            statuses.append(error.status)
    outcomes = finish_files([sink for _, sink in begun])  # type: ignore[misc]
    for (store, _), outcome in zip(begun, outcomes, strict=True):
        if isinstance(outcome, ReceivedData):
            ledger.acknowledge(store.instance, store.data)
            statuses.append(0)
        else:
            statuses.append(getattr(outcome, "status", _FAILURE))
    return statuses


_FAILURE = 0x0110

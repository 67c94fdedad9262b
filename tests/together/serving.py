"""Servers as these tests have them: in a thread, watched, and asked at the end whether all is well."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from pydicom import Dataset
from pydicom.dataset import FileMetaDataset

from dicomnet import Server, Timeouts, sync
from dicomnet.uids import CTImageStorage, ExplicitVRLittleEndian

PATIENCE = 15.0
"""Seconds that tell what hangs from what is slow."""

SHORT = Timeouts(
    artim=1.0, associate=1.0, release=1.0, response=0.5, store_response=0.5, retrieve_response=0.5, stall=0.5
)
"""For peers that do not do their part."""


class Served:
    """One server, and the loop that it runs on."""

    def __init__(self, aet: str, **options: Any) -> None:
        self.server = Server(aet, port=0, host="127.0.0.1", **options)
        self.complaints: list[dict[str, Any]] = []
        self.server.__enter__()
        loop = self.running.loop
        loop.call_soon_threadsafe(loop.set_exception_handler, lambda _, context: self.complaints.append(context))

    @property
    def running(self) -> Any:
        return self.server._site.running

    def check(self) -> None:
        """It answers an echo; and nobody but who has asked is served, nor was anything left behind."""
        with sync.associate(address_of(self.server)) as association:
            assert association.echo() == 0
        eventually(lambda: not self.running._connections, "associations are still open")
        eventually(lambda: self._tasks() == [], "tasks are left")
        assert self.complaints == []

    def end(self) -> None:
        self.server.close()

    def _tasks(self) -> list[str]:
        async def tasks() -> list[str]:
            return [repr(task) for task in asyncio.all_tasks() if task is not asyncio.current_task()]

        found = asyncio.run_coroutine_threadsafe(tasks(), self.running.loop).result(PATIENCE)
        return [task for task in found if "Background._serve" not in task]


def address_of(server: Server, title: str | None = None) -> str:
    """Where it answers."""
    return f"{title or server.aet}@127.0.0.1:{server.port}"


def eventually(holds: Callable[[], object], what: str) -> None:
    """Waits for something that follows by itself, but of which nothing tells."""
    deadline = time.monotonic() + PATIENCE
    while not holds():
        assert time.monotonic() < deadline, what
        time.sleep(0.005)


def attributes(**elements: Any) -> Dataset:
    """A data set by keywords."""
    made = Dataset()
    for keyword, value in elements.items():
        setattr(made, keyword, value)
    return made


def instance(
    number: int, *, size: int = 0, sop_class: str = CTImageStorage, study: str = "1.2.9", **elements: Any
) -> Dataset:
    """An instance with so many bytes of pixels, as a file would have it."""
    made = attributes(
        SOPClassUID=sop_class,
        SOPInstanceUID=f"{study}.1.{number}",
        StudyInstanceUID=study,
        SeriesInstanceUID=f"{study}.1",
        PatientID="47",
        PatientName="Doe^Jane",
        StudyDate="20260101",
        Modality="CT",
        **elements,
    )
    if size:
        made.BitsAllocated = 16
        made.add_new(0x7FE00010, "OW", number.to_bytes(2, "little") * (size // 2))
    made.file_meta = FileMetaDataset()
    made.file_meta.MediaStorageSOPClassUID = sop_class
    made.file_meta.MediaStorageSOPInstanceUID = made.SOPInstanceUID
    made.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    return made


def data_of(path: Path) -> bytes:
    """The data set of a file, as it stands there behind group 0002 (PS3.10 7.1)."""
    whole = path.read_bytes()
    assert whole[128:132] + whole[132:140] == b"DICM" + bytes.fromhex("02000000") + b"UL\4\0"
    return whole[144 + int.from_bytes(whole[140:144], "little") :]


class Meeting:
    """Where threads or tasks show that they are there at the same time; the most that were is kept."""

    def __init__(self, expected: int) -> None:
        self._expected = expected
        self._lock = threading.Lock()
        self._here = 0
        self.most = 0
        self.complete = threading.Event()
        """Whether as many as are expected have been there together."""

    def __enter__(self) -> None:
        with self._lock:
            self._here += 1
            self.most = max(self.most, self._here)
            if self._here >= self._expected:
                self.complete.set()

    def __exit__(self, *_: object) -> None:
        with self._lock:
            self._here -= 1

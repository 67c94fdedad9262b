"""What tests of servers have in common: instances to store, and who connects."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from pydicom import Dataset
from pydicom.dataset import FileMetaDataset

from dicomnet.aio.association import Association, associate
from dicomnet.server.server import Server
from dicomnet.uids import CTImageStorage, ExplicitVRLittleEndian

WAIT = 15.0
"""Seconds that anything may take on a busy machine."""

TITLE = "ARCHIVE"


def local(aet: str | None = TITLE, **options: Any) -> Server:
    """A server that only this machine reaches, at a free port."""
    return Server(aet, port=0, host="127.0.0.1", **options)


def place(server: Server, title: str = TITLE) -> str:
    """Where it answers, with a title to call it by."""
    return f"{title}@127.0.0.1:{server.port}"


def calling(server: Server, *contexts: Any, title: str = TITLE, **options: Any) -> Association:
    """An association to be opened with a server, by default for nothing but echoes."""
    return associate(place(server, title), **{"aet": "ME", "contexts": contexts or ("verification",), **options})


def instance(number: int, *, sop_class: str = CTImageStorage, size: int = 0) -> Dataset:
    """A small instance of its own."""
    dataset = Dataset()
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dataset.SOPClassUID = sop_class
    dataset.SOPInstanceUID = f"1.2.3.{number}"
    dataset.StudyInstanceUID = "1.2.3"
    dataset.SeriesInstanceUID = "1.2.3.4"
    dataset.PatientID = "P1"
    if size:
        dataset.add_new(0x00091010, "UN", bytes(size))
        dataset.add_new(0x00090010, "LO", "TEST")
    return dataset


async def until(condition: Callable[[], bool]) -> None:
    """Lets the loop turn until something holds that nobody tells of."""
    async with asyncio.timeout(WAIT):
        while not condition():
            await asyncio.sleep(0.005)

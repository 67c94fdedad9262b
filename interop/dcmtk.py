"""DCMTK's archive and worklist, set up for a test."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import pydicom
from pydicom.dataset import Dataset, FileMetaDataset

import peers

ECHOSCU = "/usr/bin/echoscu"
STORESCU = "/usr/bin/storescu"
FINDSCU = "/usr/bin/findscu"
GETSCU = "/usr/bin/getscu"
MOVESCU = "/usr/bin/movescu"
STORESCP = "/usr/bin/storescp"
DCMQRSCP = "/usr/bin/dcmqrscp"
WLMSCPFS = "/usr/bin/wlmscpfs"


@contextmanager
def archive(folder: Path, *arguments: str, moves: Mapping[str, int] | None = None) -> Iterator[peers.Listener]:
    """Runs dcmqrscp as ARCHIVE over a folder, which also holds its index.

    Args:
        moves: ports of this machine by title, where C-MOVE may send to.
    """
    hosts = [f"h{port} = ({title}, 127.0.0.1, {port})" for title, port in (moves or {}).items()]
    lines = [
        *("NetworkTCPPort = 104", "MaxPDUSize = 16384", "MaxAssociations = 16"),
        *("HostTable BEGIN", *hosts, "HostTable END"),
        *("VendorTable BEGIN", "VendorTable END"),
        *("AETable BEGIN", f"ARCHIVE {folder} RW (100, 1024mb) ANY", "AETable END"),
    ]
    config = folder.parent / f"{folder.name}.cfg"
    config.write_text("\n".join(lines) + "\n")
    # It shares its index with its children by locks on the file: one process is enough for a test.
    with peers.listening(DCMQRSCP, "--verbose", "-c", config, *arguments) as scp:
        yield scp


@contextmanager
def worklist(folder: Path, items: Sequence[Dataset]) -> Iterator[peers.Listener]:
    """Runs wlmscpfs as WORKLIST over files made of data sets."""
    own = folder / "WORKLIST"
    own.mkdir()
    (own / "lockfile").touch()
    for number, item in enumerate(items):
        file = pydicom.FileDataset(str(own / f"{number}.wl"), item, preamble=bytes(128))
        file.file_meta = FileMetaDataset()
        file.file_meta.TransferSyntaxUID = pydicom.uid.ExplicitVRLittleEndian
        file.file_meta.MediaStorageSOPClassUID = "1.2.840.10008.5.1.4.31"
        file.file_meta.MediaStorageSOPInstanceUID = pydicom.uid.generate_uid()
        file.save_as(own / f"{number}.wl", enforce_file_format=True)
    with peers.listening(WLMSCPFS, "--verbose", "-csk", "-dfp", folder) as scp:
        yield scp


def keys(**values: str) -> list[str]:
    """Arguments of findscu, getscu and movescu."""
    return [argument for keyword, value in values.items() for argument in ("-k", f"{keyword}={value}")]


def same_content(one: pydicom.Dataset, other: pydicom.Dataset) -> bool:
    """Whether two data sets say the same, as far as DCMTK does.

    It leaves out group lengths and trailing padding, which say nothing (PS3.5 7.2, PS3.10 7.2), and makes OB of
    compressed pixels that some files have as OW (PS3.5 A.4).
    """
    for dataset in one, other:
        for tag in list(dataset.keys()):
            if tag.element == 0 or tag == 0xFFFCFFFC:
                del dataset[tag]
        if "PixelData" in dataset:
            dataset["PixelData"].VR = "OW"
    return bool(one == other)

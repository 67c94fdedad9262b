"""DCMTK's archive and worklist, set up for a test."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import pydicom
from pydicom.dataset import Dataset, FileMetaDataset

import peers
from services import dataset

ECHOSCU = "/usr/bin/echoscu"
STORESCU = "/usr/bin/storescu"
FINDSCU = "/usr/bin/findscu"
GETSCU = "/usr/bin/getscu"
MOVESCU = "/usr/bin/movescu"
STORESCP = "/usr/bin/storescp"
DCMSEND = "/usr/bin/dcmsend"
DCMRECV = "/usr/bin/dcmrecv"
TERMSCU = "/usr/bin/termscu"
DCMQRSCP = "/usr/bin/dcmqrscp"
WLMSCPFS = "/usr/bin/wlmscpfs"
DCMPRSCP = "/usr/bin/dcmprscp"
DCMPRSCU = "/usr/bin/dcmprscu"

# What makes storescu propose a transfer syntax, and storescp prefer it.
OPTION_OF = {
    "1.2.840.10008.1.2": "i",
    "1.2.840.10008.1.2.1": "e",
    "1.2.840.10008.1.2.1.99": "d",
    "1.2.840.10008.1.2.2": "b",
    "1.2.840.10008.1.2.4.50": "y",
    "1.2.840.10008.1.2.4.51": "x",
    "1.2.840.10008.1.2.4.70": "s",
    "1.2.840.10008.1.2.4.80": "t",
    "1.2.840.10008.1.2.4.81": "u",
    "1.2.840.10008.1.2.4.90": "v",
    "1.2.840.10008.1.2.4.91": "w",
    "1.2.840.10008.1.2.5": "r",
}
UNCOMPRESSED = {"1.2.840.10008.1.2", "1.2.840.10008.1.2.1", "1.2.840.10008.1.2.2"}

# Files from which storescu sends nothing; from all others it does.
IGNORED_BY_STORESCU = {
    "rtdose_rle.dcm": "its data set is implicit VR although its header says RLE, which is explicit",
    "rtdose_rle_1frame.dcm": "the same",
    "SC_rgb_jpeg.dcm": "its data set is implicit VR although its header says JPEG, which is explicit",
}


@contextmanager
def archive(
    folder: Path, *arguments: str, moves: Mapping[str, int] | None = None, associations: int = 16
) -> Iterator[peers.Listener]:
    """Runs dcmqrscp as ARCHIVE over a folder, which also holds its index.

    Args:
        moves: ports of this machine by title, where C-MOVE may send to.
        associations: how many it takes at a time.
    """
    hosts = [f"h{port} = ({title}, 127.0.0.1, {port})" for title, port in (moves or {}).items()]
    lines = [
        *("NetworkTCPPort = 104", "MaxPDUSize = 16384", f"MaxAssociations = {associations}"),
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
    write_worklist(own, items)
    with peers.listening(WLMSCPFS, "--verbose", "-csk", "-dfp", folder) as scp:
        yield scp


def write_worklist(folder: Path, items: Sequence[Dataset]) -> None:
    """Writes items as the files that DCMTK and Orthanc take a worklist from."""
    for number, item in enumerate(items):
        file = pydicom.FileDataset(str(folder / f"{number}.wl"), item, preamble=bytes(128))
        file.file_meta = FileMetaDataset()
        file.file_meta.TransferSyntaxUID = pydicom.uid.ExplicitVRLittleEndian
        file.file_meta.MediaStorageSOPClassUID = "1.2.840.10008.5.1.4.31"
        file.file_meta.MediaStorageSOPInstanceUID = pydicom.uid.generate_uid()
        file.save_as(folder / f"{number}.wl", enforce_file_format=True)


@contextmanager
def printer(folder: Path) -> Iterator[peers.Listener]:
    """Runs dcmprscp, which keeps each job in a folder: the film as ``SP_*.dcm``, its images as ``HG_*.dcm``."""
    config = print_config(folder)
    with peers.listening(DCMPRSCP, "-v", "-c", config, "-p", "LOCAL", configure=partial(print_config, folder)) as scp:
        yield scp


def print_config(folder: Path, port: int = 0) -> Path:
    """The configuration of dcmprscp on a port, and of dcmprscu that prints there; returns its path."""
    config = folder / "print.cfg"
    film = ("DisplayFormat = 1,1", "FilmSizeID = 8INX10IN", "MagnificationType = NONE", "MediumType = PAPER")
    place = (f"Port = {port}", "Aetitle = OURS", "Hostname = 127.0.0.1", "MaxPDU = 32768", *film)
    lines = [
        *("[[GENERAL]]", "[APPLICATION]", f"LogDirectory = {folder}"),
        *("[PRINT]", f"Directory = {folder}", "[DATABASE]", f"Directory = {folder}", "[NETWORK]", "aetitle = DCMTK"),
        *("[[COMMUNICATION]]", "[LOCAL]", "Type = LOCALPRINTER", *place, "[REMOTE]", "Type = PRINTER", *place),
    ]
    config.write_text("\n".join(lines) + "\n")
    return config


def keys(**values: str) -> list[str]:
    """Arguments of findscu, getscu and movescu."""
    return [argument for keyword, value in values.items() for argument in ("-k", f"{keyword}={value}")]


def same_content(one: pydicom.Dataset, other: pydicom.Dataset) -> bool:
    """Whether two data sets say the same, as far as DCMTK does.

    It leaves out group lengths and trailing padding, which say nothing (PS3.5 7.2, PS3.10 7.2), and makes OB of
    compressed pixels that some files have as OW (PS3.5 A.4).
    """
    for each in one, other:
        for tag in list(each.keys()):
            if tag.element == 0 or tag == 0xFFFCFFFC:
                del each[tag]
        if "PixelData" in each:
            each["PixelData"].VR = "OW"
    return bool(one == other)


def scheduled(number: int, modality: str, name: str) -> pydicom.Dataset:
    """An item of the worklist with all that DCMTK wants of one."""
    step = dataset(
        ScheduledStationAETitle=f"STATION{number}",
        ScheduledProcedureStepStartDate="20260102",
        ScheduledProcedureStepStartTime="0930",
        Modality=modality,
        ScheduledPerformingPhysicianName="Roe^Richard",
        ScheduledProcedureStepDescription="Head",
        ScheduledProcedureStepID=f"STEP{number}",
    )
    return dataset(
        SpecificCharacterSet="ISO_IR 126",
        AccessionNumber=f"A{number}",
        PatientName=name,
        PatientID=str(number),
        PatientBirthDate="19700101",
        PatientSex="O",
        StudyInstanceUID=f"1.2.3.{number}",
        RequestedProcedureID=f"R{number}",
        RequestedProcedureDescription="Head",
        ScheduledProcedureStepSequence=[step],
    )


def check_content(paths: Iterable[Path], expected: Sequence[peers.Instance]) -> int:
    """Compares files with the instances they ought to be, element by element; how many have the very bytes."""
    kept = {peers.instance(path).sop_instance: path for path in paths}
    assert set(kept) == {instance.sop_instance for instance in expected}
    for instance in expected:
        assert same_content(pydicom.dcmread(kept[instance.sop_instance]), pydicom.dcmread(instance.path))
    return sum(peers.instance(kept[instance.sop_instance]).digest == instance.digest for instance in expected)


def sendable(syntax: str) -> list[peers.Instance]:
    """The instances in a transfer syntax that storescu sends, each SOP instance once."""
    found = (i for i in peers.instances() if i.transfer_syntax == syntax and i.path.name not in IGNORED_BY_STORESCU)
    return list({instance.sop_instance: instance for instance in found}.values())

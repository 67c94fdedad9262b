"""Every file that pydicom brings, and what is known of it without our own code: also those broken on purpose."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pydicom
import pydicom.data

import peers

FOLDER = Path(pydicom.data.__file__).parent

_NO_DICOM = "it begins neither with a preamble nor with group 0002 or 0008"
_DICOMDIR = "a DICOMDIR is a directory of instances"
_NO_CLASS = "no SOP class UID in it"

# By path: why no instance can be sent from it, as the error says. All others are sent.
UNSENDABLE = {
    "charset_files/FileInfo.txt": _NO_DICOM,
    "palettes/README.md": _NO_DICOM,
    "test_files/README.txt": _NO_DICOM,
    "test_files/crayons.icc": _NO_DICOM,
    "test_files/dicomdirtests/DICOMDIR": _DICOMDIR,
    "test_files/dicomdirtests/DICOMDIR-bigEnd": _DICOMDIR,
    "test_files/dicomdirtests/DICOMDIR-empty.dcm": _DICOMDIR,
    "test_files/dicomdirtests/DICOMDIR-implicit": _DICOMDIR,
    "test_files/dicomdirtests/DICOMDIR-nooffset": _DICOMDIR,
    "test_files/dicomdirtests/DICOMDIR-nopatient": _DICOMDIR,
    "test_files/dicomdirtests/DICOMDIR-reordered": _DICOMDIR,
    "test_files/dicomdirtests/README.txt": _NO_DICOM,
    "test_files/dicomdirtests/TINY_ALPHA/DICOMDIR": _DICOMDIR,
    "test_files/dicomdirtests/TINY_ALPHA/README": _NO_DICOM,
    "test_files/empty_charset_LEI.dcm": _NO_CLASS,
    "test_files/meta_missing_tsyntax.dcm": _NO_CLASS,
    "test_files/nested_priv_SQ.dcm": _NO_CLASS,
    "test_files/no_meta.dcm": _NO_DICOM,  # a byte is missing from its first tag
    "test_files/rtplan.dump": _NO_DICOM,
    "test_files/rtplan_truncated.dcm": "odd length: its data set has 1829 bytes",
    "test_files/rtstruct.dump": _NO_DICOM,
    "test_files/zipMR.gz": _NO_DICOM,
}

# What can be sent, and is refused by a server of ours from those who go by the header: the data set names another instance
# (A900), or ends in the middle of its pixel data (C000).
REFUSED = {
    "charset_files/chrJapMulti.dcm": 0xA900,
    "charset_files/chrJapMultiExplicitIR6.dcm": 0xA900,
    "test_files/MR_truncated.dcm": 0xC000,
    "test_files/badVR.dcm": 0xA900,
    "test_files/rtdose.dcm": 0xA900,
    "test_files/rtdose_1frame.dcm": 0xA900,
    "test_files/rtdose_expb.dcm": 0xA900,
    "test_files/rtdose_expb_1frame.dcm": 0xA900,
    "test_files/rtplan.dcm": 0xA900,
}

# Files of before PS3.10, with no header: the data set is all there is, in this syntax.
WITHOUT_HEADER = {
    "test_files/ExplVR_BigEndNoMeta.dcm": "1.2.840.10008.1.2.2",
    "test_files/ExplVR_LitEndNoMeta.dcm": "1.2.840.10008.1.2.1",
    "test_files/rtstruct.dcm": "1.2.840.10008.1.2",
}


@dataclass(frozen=True, slots=True)
class Bundled:
    """A file with an instance in it, as its data set names itself."""

    path: Path
    sop_class: str
    sop_instance: str
    transfer_syntax: str
    digest: str
    """SHA-256 of the data set as it has to go over the wire, in hex."""

    @property
    def facts(self) -> tuple[str, str, str, str]:
        """What must be the same on the other side."""
        return self.sop_class, self.sop_instance, self.transfer_syntax, self.digest


def files() -> Iterator[Path]:
    """All of the files that could be meant as DICOM."""
    for path in sorted(FOLDER.rglob("*")):
        if path.is_file() and path.suffix not in (".py", ".pyc", ".json"):
            yield path


def name_of(path: Path) -> str:
    """How a file is called here."""
    return path.relative_to(FOLDER).as_posix()


@cache
def bundled() -> tuple[Bundled, ...]:
    """Those that can be sent."""
    return tuple(_facts(path) for path in files() if name_of(path) not in UNSENDABLE)


def _facts(path: Path) -> Bundled:
    dataset = pydicom.dcmread(path, force=True, specific_tags=["SOPClassUID", "SOPInstanceUID"])
    if syntax := WITHOUT_HEADER.get(name_of(path)):
        return Bundled(path, dataset.SOPClassUID, dataset.SOPInstanceUID, syntax, _digest(path, 0))
    known = peers.instance(path)
    # Where the header and the data set disagree, the data set is what the other side will read.
    sop_class = dataset.get("SOPClassUID", known.sop_class)
    sop_instance = dataset.get("SOPInstanceUID", known.sop_instance)
    return Bundled(path, sop_class, sop_instance, known.transfer_syntax, _digest(path, known.offset))


def _digest(path: Path, offset: int) -> str:
    data = path.read_bytes()[offset:]
    if len(data) % 2:  # a deflated one, and it alone, is closed with a NUL (PS3.5 A.5)
        data += b"\0"
    return hashlib.sha256(data).hexdigest()

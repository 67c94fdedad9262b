"""What an archive of tests holds, and what of it a query or a retrieve means; made without our own code."""

from __future__ import annotations

from collections.abc import Iterable
from fnmatch import fnmatchcase
from functools import cache
from pathlib import Path

import pydicom
from pydicom.dataset import Dataset

import peers

STUDY = "1.3.6.1.4.1.5962.1.1.0.0.0.1196533885.18148.0.1"
UNIQUE = {
    "PATIENT": "PatientID",
    "STUDY": "StudyInstanceUID",
    "SERIES": "SeriesInstanceUID",
    "IMAGE": "SOPInstanceUID",
}
"""The unique key of each level (PS3.4 C.6.1.1)."""

LEVELS = {
    "patient-root": {
        "PATIENT": {"PatientName": "Doe*"},
        "STUDY": {"PatientID": "98890234"},
        "SERIES": {"PatientID": "98890234", "StudyInstanceUID": STUDY},
        "IMAGE": {"PatientID": "98890234", "StudyInstanceUID": STUDY, "SeriesInstanceUID": STUDY[:-1] + "17"},
    },
    "study-root": {
        "STUDY": {"PatientName": "Doe^P*", "StudyDate": "20010101-20021231"},
        "SERIES": {"StudyInstanceUID": STUDY},
        "IMAGE": {"StudyInstanceUID": STUDY, "SeriesInstanceUID": STUDY[:-1] + "17"},
    },
}
"""Keys that select one or more of them at each level of a model."""


@cache
def archived() -> tuple[peers.Instance, ...]:
    """Two patients with six studies, ten series of one to eight images: what archives are filled with."""
    return tuple(i for i in peers.distinct_instances() if _header(i.path).get("PatientID") in _PATIENTS)


def held(paths: Iterable[Path], identifier: Dataset) -> list[Path]:
    """The files that an identifier selects, whatever its level."""
    keys = [e for e in identifier if e.keyword not in _NO_KEYS]
    return sorted(path for path in paths if all(_matches(_header(path), key) for key in keys))


def find(paths: Iterable[Path], identifier: Dataset) -> list[Dataset]:
    """One match for each entity at the identifier's level, with the attributes that it asks for."""
    unique = UNIQUE[identifier.QueryRetrieveLevel]
    found: dict[str, Dataset] = {}
    for path in held(paths, identifier):
        header = _header(path)
        match = Dataset()
        for key in identifier:
            if key.keyword in header and key.keyword not in _NO_KEYS:
                match[key.keyword] = header[key.keyword]
        match.SpecificCharacterSet = header.SpecificCharacterSet
        match.QueryRetrieveLevel = identifier.QueryRetrieveLevel
        found.setdefault(header[unique].value, match)
    return [found[key] for key in sorted(found)]


def known(paths: Iterable[Path], **keys: str) -> list[peers.Instance]:
    """The facts of the files with these values."""
    identifier = Dataset()
    for keyword, value in keys.items():
        setattr(identifier, keyword, value)
    return [peers.instance(path) for path in held(paths, identifier)]


@cache
def _header(path: Path) -> Dataset:
    return pydicom.dcmread(path, stop_before_pixels=True)


def _matches(header: Dataset, key: pydicom.DataElement) -> bool:
    """Single value, wild card, list of UIDs, range of dates, or everything (PS3.4 C.2.2.2)."""
    if key.is_empty or key.VR == "SQ":
        return True
    value = str(header.get(key.keyword, ""))
    if key.VR == "UI":
        return value in ([key.value] if key.VM == 1 else list(key.value))
    wanted = str(key.value)
    if key.VR == "DA" and "-" in wanted:
        begin, end = wanted.split("-")
        return (begin or "0") <= value <= (end or "9")
    return fnmatchcase(value, wanted.replace("[", "[[]"))


_PATIENTS = ("77654033", "98890234")
_NO_KEYS = {"QueryRetrieveLevel", "SpecificCharacterSet"}
"""Elements of an identifier that select nothing."""

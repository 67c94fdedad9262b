"""The instances that are sent: three sets, each from one template that pydicom wrote, with UIDs patched in.

| set | what | an instance | how many |
| --- | --- | --- | --- |
| ct | CT images: 120 elements and 512 x 512 pixels of 16 bits | 512 KiB | 3,000 |
| mf | multi-frame images: 512 frames of that size | 256 MiB | 6 |
| sr | structured reports: 150 elements nested in sequences | 5 KiB | 15,000 |
"""

from __future__ import annotations

import os
import random
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

from pydicom.datadict import dictionary_VR
from pydicom.dataset import Dataset, FileDataset, FileMetaDataset
from pydicom.uid import (
    CTImageStorage,
    EnhancedSRStorage,
    ExplicitVRLittleEndian,
    MultiFrameGrayscaleWordSecondaryCaptureImageStorage,
)


@dataclass(frozen=True, slots=True)
class Kind:
    """A set of instances that differ in nothing but their SOP Instance UIDs."""

    key: str
    """What its files and columns are called."""
    title: str
    count: int
    """How many instances the whole set has."""
    frames: int
    """Frames of 512 KiB in an instance."""
    header: Callable[[], Dataset]
    """Makes the data set, without UIDs and pixel data."""
    branch: int
    """Where below ROOT its UIDs are."""

    @property
    def size(self) -> int:
        """Bytes of one instance, about: those in which its throughput is counted are the files' own."""
        return self.frames * len(_FRAME) or 5 << 10

    def uid(self, number: int) -> str:
        """The SOP Instance UID of an instance, counted from 0; all are of the same length."""
        return f"{ROOT}.{self.branch}.{10_000_000 + number}"


def generate(kind: Kind, count: int, folder: Path) -> int:
    """Writes the first instances of a set as files, side by side in a folder that is made for them.

    Returns:
        The bytes of all files.
    """
    folder.mkdir(parents=True)
    template, first = _template(kind), kind.uid(0).encode()
    total = 0
    for number in range(count):
        head = template.replace(first, kind.uid(number).encode())
        with (folder / f"{kind.key}-{number + 1:05d}.dcm").open("xb", buffering=0) as file:
            total += _write(file.fileno(), [head, *_pixel_data(kind)])
    return total


def _template(kind: Kind) -> bytes:
    """The first instance as a file that ends before its pixel data."""
    dataset = kind.header()
    dataset.StudyInstanceUID = f"{ROOT}.{kind.branch}.1"
    dataset.SeriesInstanceUID = f"{ROOT}.{kind.branch}.2"
    dataset.SOPInstanceUID = kind.uid(0)
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = dataset.SOPClassUID
    meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    whole = BytesIO()
    FileDataset(whole, dataset, preamble=bytes(128), file_meta=meta).save_as(whole, enforce_file_format=True)
    return whole.getvalue()


def _pixel_data(kind: Kind) -> list[bytes]:
    if not kind.frames:
        return []
    return [b"\xe0\x7f\x10\x00OW\0\0" + (kind.frames * len(_FRAME)).to_bytes(4, "little"), *[_FRAME] * kind.frames]


def _write(file: int, parts: list[bytes]) -> int:
    """What a regular file takes is all or an error, but never more than so many parts at a time."""
    return sum(os.writev(file, parts[at : at + 64]) for at in range(0, len(parts), 64))


def _filled(keywords: Iterable[str], **values: object) -> Dataset:
    """A data set with the values that are given, and for the other keywords likely ones."""
    dataset = Dataset()
    values = {"SpecificCharacterSet": "ISO_IR 100", "PatientID": "BENCH-1", **values}
    for keyword in [*keywords, *values]:
        setattr(dataset, keyword, values.get(keyword, _LIKELY[dictionary_VR(keyword)]))
    return dataset


def _image(frames: int) -> dict[str, object]:
    return {
        "SamplesPerPixel": 1,
        "PhotometricInterpretation": "MONOCHROME2",
        "Rows": 512,
        "Columns": 512,
        "BitsAllocated": 16,
        "BitsStored": 12,
        "HighBit": 11,
        "PixelRepresentation": 0,
        "PixelSpacing": [0.7, 0.7],
        **({"NumberOfFrames": frames} if frames > 1 else {}),
    }


def _ct() -> Dataset:
    return _filled(_CT, SOPClassUID=CTImageStorage, Modality="CT", **_image(1))


def _multi_frame() -> Dataset:
    classed = MultiFrameGrayscaleWordSecondaryCaptureImageStorage
    return _filled(_STUDY, SOPClassUID=classed, Modality="OT", **_image(512))


def _report() -> Dataset:
    """A title of 3 nested elements, seven sections of 8, and 13 findings of 7 in them."""
    report = _filled(_STUDY, SOPClassUID=EnhancedSRStorage, Modality="SR")
    report.CompletionFlag, report.VerificationFlag = "COMPLETE", "UNVERIFIED"
    report.ValueType, report.ContinuityOfContent = "CONTAINER", "SEPARATE"
    report.ConceptNameCodeSequence = [_code("126000", "Imaging Measurement Report")]
    report.ContentSequence = [_section(number, 2 if number else 1) for number in range(7)]
    return report


def _section(number: int, findings: int) -> Dataset:
    section = _item("CONTAINER", "125007", f"Measurement Group {number + 1}")
    section.ContinuityOfContent = "SEPARATE"
    section.ContentSequence = [_finding(finding) for finding in range(findings)]
    return section


def _finding(number: int) -> Dataset:
    finding = _item("TEXT", "121071", "Finding")
    finding.TextValue = f"Finding {number + 1}: {_SENTENCES}"
    return finding


def _item(value_type: str, code: str, meaning: str) -> Dataset:
    item = Dataset()
    item.RelationshipType, item.ValueType = "CONTAINS", value_type
    item.ConceptNameCodeSequence = [_code(code, meaning)]
    return item


def _code(value: str, meaning: str) -> Dataset:
    code = Dataset()
    code.CodeValue, code.CodingSchemeDesignator, code.CodeMeaning = value, "DCM", meaning
    return code


ROOT = "1.2.826.0.1.3680043.8.498.7"

_FRAME = random.Random(1).randbytes(512 << 10)

# A value for each VR that is long enough to be real.
_LIKELY: dict[str, object] = {
    "AE": "BENCH", "AS": "050Y", "CS": "DERIVED", "DA": "20260101", "DS": "1.5", "DT": "20260101120000",
    "IS": "7", "LO": "a description", "LT": "a longer text of a few words", "PN": "Bench^Mark", "SH": "short",
    "ST": "a sentence or two", "TM": "120000.000", "UI": f"{ROOT}.0.1", "UL": 7, "US": 7, "US or SS": 7, "FD": 1.5, "FL": 1.5,
    "UT": "a text",
}  # fmt: skip

_SENTENCES = (
    "a well-defined lesion, unchanged since the previous examination; no other abnormality in this region. "
    "Compared with the study before."
)

_STUDY = """
    SpecificCharacterSet InstanceCreationDate InstanceCreationTime SOPClassUID SOPInstanceUID StudyDate SeriesDate
    ContentDate StudyTime SeriesTime ContentTime AccessionNumber Modality Manufacturer InstitutionName
    ReferringPhysicianName StationName StudyDescription SeriesDescription ManufacturerModelName PatientName PatientID
    PatientBirthDate PatientSex PatientAge StudyInstanceUID SeriesInstanceUID StudyID SeriesNumber InstanceNumber
""".split()

_CT = [*_STUDY, *"""
    ImageType InstanceCreatorUID AcquisitionDate AcquisitionTime AcquisitionDateTime InstitutionAddress
    InstitutionalDepartmentName PhysiciansOfRecord PerformingPhysicianName NameOfPhysiciansReadingStudy OperatorsName
    AdmittingDiagnosesDescription DerivationDescription OtherPatientIDs PatientSize PatientWeight EthnicGroup Occupation
    AdditionalPatientHistory PatientComments BodyPartExamined ScanOptions SliceThickness KVP DataCollectionDiameter
    DeviceSerialNumber SoftwareVersions ProtocolName ReconstructionDiameter DistanceSourceToDetector
    DistanceSourceToPatient GantryDetectorTilt TableHeight RotationDirection ExposureTime XRayTubeCurrent Exposure
    FilterType GeneratorPower FocalSpots ConvolutionKernel PatientPosition SingleCollimationWidth
    TotalCollimationWidth TableSpeed TableFeedPerRotation SpiralPitchFactor CTDIvol ExposureModulationType
    AcquisitionNumber ImagePositionPatient ImageOrientationPatient FrameOfReferenceUID PositionReferenceIndicator
    SliceLocation ImageComments SamplesPerPixel PhotometricInterpretation Rows Columns PixelSpacing BitsAllocated
    BitsStored HighBit PixelRepresentation SmallestImagePixelValue LargestImagePixelValue WindowCenter WindowWidth
    RescaleIntercept RescaleSlope RescaleType WindowCenterWidthExplanation RequestingPhysician RequestingService
    RequestedProcedureDescription PerformedProcedureStepStartDate PerformedProcedureStepStartTime
    PerformedProcedureStepID PerformedProcedureStepDescription CommentsOnThePerformedProcedureStep ContrastBolusAgent
    ContrastBolusVolume ContrastFlowRate AdmissionID CurrentPatientLocation PatientState SpecialNeeds MedicalAlerts Allergies
""".split()]  # fmt: skip

CT = Kind("ct", "CT 512 KiB", 3_000, 1, _ct, 1)
MF = Kind("mf", "256 MiB", 6, 512, _multi_frame, 2)
SR = Kind("sr", "SR 5 KiB", 15_000, 0, _report, 3)
KINDS = {kind.key: kind for kind in (CT, MF, SR)}

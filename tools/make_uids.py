"""Writes ``src/dicomnet/uids.py`` from pydicom's copy of the registry of PS3.6 Annex A.

Run it after an update of pydicom: ``python tools/make_uids.py``. The result is
checked in, so that importing it needs neither pydicom nor any work.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pydicom
from pydicom._uid_dict import UID_dictionary

TARGET = Path(__file__).parent.parent / "src" / "dicomnet" / "uids.py"


def generate() -> str:
    """The text of ``uids.py``, formatted as the linter wants it."""
    entries = sorted(_entries(), key=lambda entry: tuple(map(int, entry.uid.split("."))))
    return "".join(_module(entries))


class Entry(NamedTuple):
    uid: str
    name: str
    type: str
    retired: bool
    keyword: str

    @property
    def storage(self) -> bool:
        """Whether instances of it are sent by C-STORE (PS3.4 Annexes B and GG).

        A DICOMDIR is a file only, and storage commitment and storage
        management are services of their own.
        """
        return (
            self.type == "SOP Class"
            and ("Storage" in self.keyword or self.keyword == "ZeissOPTFile")
            and not self.keyword.startswith(("MediaStorage", "StorageCommitment", "StorageManagement"))
        )

    @property
    def service(self) -> str | None:
        """The member of ServiceClass it belongs to; None for retired classes of services that are gone."""
        if self.type not in {"SOP Class", "Meta SOP Class"}:
            return None
        listed = next((member for member, _, keywords in SERVICES if self.keyword in keywords.split()), None)
        return listed or ("STORAGE" if self.storage else None)

    @property
    def implicit_vr(self) -> bool:
        return "ImplicitVR" in self.keyword

    @property
    def deflated(self) -> bool:
        """Whether the data set is deflated as a whole; the deflated image frame deflates pixel data only."""
        return self.keyword == "DeflatedExplicitVRLittleEndian" or self.keyword.endswith("ReferencedDeflate")

    @property
    def encapsulated(self) -> bool:
        return self.keyword.startswith(ENCAPSULATED)

    @property
    def lossy(self) -> bool:
        return (self.encapsulated or self.keyword.startswith("JPIP")) and self.keyword not in LOSSLESS


def _entries() -> Iterator[Entry]:
    for uid, (name, type_, _, retired, keyword) in UID_dictionary.items():
        if type_ in TYPES:
            name, keyword = FORMER.get(uid, (name, keyword))
            yield Entry(uid, name, type_, bool(retired), keyword)
    for uid, name, type_, keyword in NEWER:
        if uid not in UID_dictionary:
            yield Entry(uid, name, type_, False, keyword)


def _module(entries: list[Entry]) -> Iterator[str]:
    yield HEAD.replace("{version}", pydicom.__version__)
    yield SERVICE_CLASS + "".join(f'    {member} = "{value}"\n' for member, value, _ in SERVICES) + "\n\n"
    yield NAME
    for type_ in TYPES:
        yield f"# {type_}\n"
        for entry in entries:
            if entry.type == type_:
                yield f'{entry.keyword}: Final = UID("{entry.uid}"){"  # retired" if entry.retired else ""}\n'
        yield "\n"
    yield "DICOM_APPLICATION_CONTEXT: Final = DICOMApplicationContext\n\n"
    yield "NAMES: Final[dict[str, str]] = {\n"
    yield from (f'    {entry.keyword}: "{entry.name}",\n' for entry in entries)
    yield '}\n"""The names of PS3.6 Annex A by UID."""\n\nKEYWORDS: Final[dict[str, UID]] = {\n'
    yield from (f'    "{entry.keyword}": {entry.keyword},\n' for entry in entries)
    yield '}\n"""The UIDs of PS3.6 Annex A by keyword."""\n\n'
    yield from _set("RETIRED", "What the standard has retired; it still comes.", [e for e in entries if e.retired])
    yield from _set("META_SOP_CLASSES", "Groups of SOP classes.", [e for e in entries if e.type == "Meta SOP Class"])
    yield from _set("STORAGE_CLASSES", STORAGE, [e for e in entries if e.storage])
    yield "SERVICE_CLASSES: Final[dict[str, ServiceClass]] = {\n"
    yield from (f"    {entry.keyword}: ServiceClass.{entry.service},\n" for entry in entries if entry.service)
    yield f'}}\n"""{SERVICE}"""\n\n'
    yield "TRANSFER_SYNTAXES: Final[dict[str, TransferSyntax]] = {\n    syntax.uid: syntax\n    for syntax in (\n"
    yield from (_syntax(entry) for entry in entries if entry.type == "Transfer Syntax")
    yield '    )\n}\n"""What each transfer syntax does to the bytes, by UID."""\n'


def _set(name: str, doc: str, entries: list[Entry]) -> Iterator[str]:
    yield f"{name}: Final[frozenset[str]] = frozenset(\n    {{\n"
    yield from (f"        {entry.keyword},\n" for entry in entries)
    yield f'    }}\n)\n"""{doc}"""\n\n'


def _syntax(entry: Entry) -> str:
    flags = [
        flag
        for flag, stands in (
            ("implicit_vr=True", entry.implicit_vr),
            ("little_endian=False", "BigEndian" in entry.keyword),
            ("deflated=True", entry.deflated),
            ("encapsulated=True", entry.encapsulated),
            ("lossy=True", entry.lossy),
        )
        if stands
    ]
    arguments = [entry.keyword, f'"{entry.keyword}"', f"NAMES[{entry.keyword}]", *flags]
    one_line = ", ".join(arguments)
    if len(one_line) + len("        TransferSyntax(),") <= LINE_LENGTH:
        return f"        TransferSyntax({one_line}),\n"
    if len(one_line) + 12 <= LINE_LENGTH:
        return f"        TransferSyntax(\n            {one_line}\n        ),\n"
    return "        TransferSyntax(\n" + "".join(f"            {one},\n" for one in arguments) + "        ),\n"


LINE_LENGTH = 120

TYPES = (
    "Application Context Name",
    "SOP Class",
    "Meta SOP Class",
    "Service Class",
    "Transfer Syntax",
    "Well-known SOP Instance",
    "Well-known frame of reference",
    "Synchronization Frame of Reference",
)

# In PS3.6 (2026a), but not in the pydicom this was made from.
NEWER = (
    ("1.2.840.10008.1.2.4.110", "JPEG XL Lossless", "Transfer Syntax", "JPEGXLLossless"),
    ("1.2.840.10008.1.2.4.111", "JPEG XL JPEG Recompression", "Transfer Syntax", "JPEGXLJPEGRecompression"),
    ("1.2.840.10008.1.2.4.112", "JPEG XL", "Transfer Syntax", "JPEGXL"),
    ("1.2.840.10008.1.2.8.1", "Deflated Image Frame Compression", "Transfer Syntax", "DeflatedImageFrameCompression"),
    ("1.2.840.10008.5.1.4.1.1.66.7", "Label Map Segmentation Storage", "SOP Class", "LabelMapSegmentationStorage"),
    ("1.2.840.10008.5.1.4.1.1.66.8", "Height Map Segmentation Storage", "SOP Class", "HeightMapSegmentationStorage"),
    (
        "1.2.840.10008.5.1.4.1.1.9.100.1",
        "Waveform Presentation State Storage",
        "SOP Class",
        "WaveformPresentationStateStorage",
    ),
    (
        "1.2.840.10008.5.1.4.1.1.9.100.2",
        "Waveform Acquisition Presentation State Storage",
        "SOP Class",
        "WaveformAcquisitionPresentationStateStorage",
    ),
    ("1.2.840.10008.5.1.4.1.1.601.3", "Thermography Image Storage", "SOP Class", "ThermographyImageStorage"),
    (
        "1.2.840.10008.5.1.4.1.1.601.4",
        "Thermography Multi-frame Image Storage",
        "SOP Class",
        "ThermographyMultiFrameImageStorage",
    ),
    ("1.2.840.10008.5.1.4.1.1.601.5", "Ultrasound Waveform Storage", "SOP Class", "UltrasoundWaveformStorage"),
)

# Storage classes of which PS3.6 has kept no more than the UID: the names that they went by, as files of them still exist.
FORMER = {
    "1.2.840.10008.5.1.4.1.1.12.77": ("Zeiss OPT File", "ZeissOPTFile"),
    "1.2.840.10008.5.1.4.1.1.40": ("MR Image Storage Zero Padded", "MRImageStorageZeroPadded"),
}

ENCAPSULATED = (
    "EncapsulatedUncompressed",
    "JPEG",
    "HTJ2K",
    "MPEG",
    "HEVC",
    "RLE",
    "DeflatedImageFrame",
)

LOSSLESS = (
    "EncapsulatedUncompressedExplicitVRLittleEndian",
    "JPEGLossless",
    "JPEGLosslessNonHierarchical15",
    "JPEGLosslessHierarchical28",
    "JPEGLosslessHierarchical29",
    "JPEGLosslessSV1",
    "JPEGLSLossless",
    "JPEG2000Lossless",
    "JPEG2000MCLossless",
    "JPEGXLLossless",
    "HTJ2KLossless",
    "HTJ2KLosslessRPCL",
    "RLELossless",
    "DeflatedImageFrameCompression",
)

# PS3.4, one row per service class: member, value, SOP classes by keyword. Storage (Annex B) is the rest of what C-STORE
# carries. Retired classes stand with the service that has outlived them.
SERVICES = (
    ("VERIFICATION", "Verification", "Verification"),
    ("STORAGE", "Storage", ""),
    (
        "NON_PATIENT_OBJECT_STORAGE",
        "NonPatientObjectStorage",
        """
        HangingProtocolStorage ColorPaletteStorage GenericImplantTemplateStorage ImplantAssemblyTemplateStorage
        ImplantTemplateGroupStorage CTDefinedProcedureProtocolStorage XADefinedProcedureProtocolStorage
        ProtocolApprovalStorage InventoryStorage
        """,
    ),
    (
        "QUERY_RETRIEVE",
        "QueryRetrieve",
        """
        PatientRootQueryRetrieveInformationModelFind PatientRootQueryRetrieveInformationModelMove
        PatientRootQueryRetrieveInformationModelGet StudyRootQueryRetrieveInformationModelFind
        StudyRootQueryRetrieveInformationModelMove StudyRootQueryRetrieveInformationModelGet
        PatientStudyOnlyQueryRetrieveInformationModelFind PatientStudyOnlyQueryRetrieveInformationModelMove
        PatientStudyOnlyQueryRetrieveInformationModelGet
        """,
    ),
    ("REPOSITORY_QUERY", "RepositoryQuery", "RepositoryQuery"),
    (
        "COMPOSITE_INSTANCE_ROOT_RETRIEVE",
        "CompositeInstanceRootRetrieve",
        "CompositeInstanceRootRetrieveMove CompositeInstanceRootRetrieveGet",
    ),
    (
        "COMPOSITE_INSTANCE_RETRIEVE_WITHOUT_BULK_DATA",
        "CompositeInstanceRetrieveWithoutBulkData",
        "CompositeInstanceRetrieveWithoutBulkDataGet",
    ),
    ("MODALITY_WORKLIST", "ModalityWorklist", "ModalityWorklistInformationModelFind"),
    ("MODALITY_PERFORMED_PROCEDURE_STEP", "ModalityPerformedProcedureStep", "ModalityPerformedProcedureStep"),
    ("MPPS_RETRIEVE", "MPPSRetrieve", "ModalityPerformedProcedureStepRetrieve"),
    ("MPPS_NOTIFICATION", "MPPSNotification", "ModalityPerformedProcedureStepNotification"),
    ("STORAGE_COMMITMENT_PUSH", "StorageCommitmentPush", "StorageCommitmentPushModel"),
    ("INSTANCE_AVAILABILITY_NOTIFICATION", "InstanceAvailabilityNotification", "InstanceAvailabilityNotification"),
    (
        "UNIFIED_PROCEDURE_STEP",
        "UnifiedProcedureStep",
        """
        UnifiedProcedureStepPush UnifiedProcedureStepWatch UnifiedProcedureStepPull UnifiedProcedureStepEvent
        UnifiedProcedureStepQuery UnifiedProcedureStepPushTrial UnifiedProcedureStepWatchTrial
        UnifiedProcedureStepPullTrial UnifiedProcedureStepEventTrial
        """,
    ),
    (
        "PRINT_MANAGEMENT",
        "PrintManagement",
        """
        BasicGrayscalePrintManagementMeta BasicColorPrintManagementMeta BasicFilmSession BasicFilmBox
        BasicGrayscaleImageBox BasicColorImageBox BasicAnnotationBox PrintJob Printer PrinterConfigurationRetrieval
        PresentationLUT VOILUTBox ReferencedImageBox ImageOverlayBox BasicPrintImageOverlayBox PrintQueueManagement
        PullPrintRequest ReferencedGrayscalePrintManagementMeta ReferencedColorPrintManagementMeta
        PullStoredPrintManagementMeta
        """,
    ),
    ("MEDIA_CREATION_MANAGEMENT", "MediaCreationManagement", "MediaCreationManagement"),
    (
        "RELEVANT_PATIENT_INFORMATION_QUERY",
        "RelevantPatientInformationQuery",
        """
        GeneralRelevantPatientInformationQuery BreastImagingRelevantPatientInformationQuery
        CardiacRelevantPatientInformationQuery
        """,
    ),
    (
        "HANGING_PROTOCOL_QUERY_RETRIEVE",
        "HangingProtocolQueryRetrieve",
        """
        HangingProtocolInformationModelFind HangingProtocolInformationModelMove HangingProtocolInformationModelGet
        """,
    ),
    (
        "COLOR_PALETTE_QUERY_RETRIEVE",
        "ColorPaletteQueryRetrieve",
        """
        ColorPaletteQueryRetrieveInformationModelFind ColorPaletteQueryRetrieveInformationModelMove
        ColorPaletteQueryRetrieveInformationModelGet
        """,
    ),
    (
        "IMPLANT_TEMPLATE_QUERY_RETRIEVE",
        "ImplantTemplateQueryRetrieve",
        """
        GenericImplantTemplateInformationModelFind GenericImplantTemplateInformationModelMove
        GenericImplantTemplateInformationModelGet ImplantAssemblyTemplateInformationModelFind
        ImplantAssemblyTemplateInformationModelMove ImplantAssemblyTemplateInformationModelGet
        ImplantTemplateGroupInformationModelFind ImplantTemplateGroupInformationModelMove
        ImplantTemplateGroupInformationModelGet
        """,
    ),
    (
        "DEFINED_PROCEDURE_PROTOCOL_QUERY_RETRIEVE",
        "DefinedProcedureProtocolQueryRetrieve",
        """
        DefinedProcedureProtocolInformationModelFind DefinedProcedureProtocolInformationModelMove
        DefinedProcedureProtocolInformationModelGet
        """,
    ),
    (
        "PROTOCOL_APPROVAL_QUERY_RETRIEVE",
        "ProtocolApprovalQueryRetrieve",
        """
        ProtocolApprovalInformationModelFind ProtocolApprovalInformationModelMove ProtocolApprovalInformationModelGet
        """,
    ),
    ("INVENTORY_QUERY_RETRIEVE", "InventoryQueryRetrieve", "InventoryFind InventoryMove InventoryGet"),
    ("STORAGE_MANAGEMENT", "StorageManagement", "InventoryCreation"),
    (
        "SUBSTANCE_ADMINISTRATION",
        "SubstanceAdministration",
        "ProductCharacteristicsQuery SubstanceApprovalQuery SubstanceAdministrationLogging",
    ),
    ("PROCEDURAL_EVENT_LOGGING", "ProceduralEventLogging", "ProceduralEventLogging"),
    (
        "RT_MACHINE_VERIFICATION",
        "RTMachineVerification",
        """
        RTConventionalMachineVerification RTIonMachineVerification RTConventionalMachineVerificationTrial
        RTIonMachineVerificationTrial
        """,
    ),
    ("DISPLAY_SYSTEM_MANAGEMENT", "DisplaySystemManagement", "DisplaySystem"),
    ("MEDIA_STORAGE", "MediaStorage", "MediaStorageDirectoryStorage"),
    (
        "REAL_TIME_COMMUNICATION",
        "RealTimeCommunication",
        """
        VideoEndoscopicImageRealTimeCommunication VideoPhotographicImageRealTimeCommunication
        AudioWaveformRealTimeCommunication RenditionSelectionDocumentRealTimeCommunication
        """,
    ),
)

SERVICE = "The service class of each SOP class, meta ones included; retired ones of services that are gone are missing."

STORAGE = "What C-STORE carries (PS3.4 Annexes B and GG), retired classes and those of DICOS and DICONDE included."

HEAD = '''# ruff: noqa: E501
"""The unique identifiers of PS3.6 Annex A, each under its keyword, and the few of our own; as of its edition 2026a.

Made by tools/make_uids.py from pydicom {version}; edit that, not this.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Final

from dicomnet.records import dataclass
from dicomnet.types import UID

IMPLEMENTATION_CLASS_UID: Final = UID("2.25.189462819918790744665721078648713299205")
"""Names this implementation to its peers and in the files it writes (PS3.7 D.3.3.2, PS3.10 7.1)."""

IMPLEMENTATION_VERSION_NAME: Final = "DICOMNET_0.1"
"""The version of it, at most 16 characters."""


@dataclass(frozen=True, slots=True)
class TransferSyntax:
    """What a transfer syntax does to the bytes of a data set (PS3.5 Annex A)."""

    uid: UID
    keyword: str
    name: str
    implicit_vr: bool = False
    little_endian: bool = True
    deflated: bool = False
    """The data set as a whole is deflated."""
    encapsulated: bool = False
    """Pixel data comes in fragments, compressed or not."""
    lossy: bool = False
    """The pixel data may have lost something: a syntax that allows both counts as lossy."""


'''

SERVICE_CLASS = '''class ServiceClass(StrEnum):
    """What a SOP class serves (PS3.4; real-time communication PS3.22, which needs no association)."""

'''

NAME = '''def name(uid: str) -> str:
    """The standard's name for a UID; the UID itself if it has none."""
    return NAMES.get(uid, uid)


'''


if __name__ == "__main__":
    TARGET.write_text(generate())

"""Services by the names people give them, and what their SOP classes can do (PS3.4).

Three kinds of names, all in lower case:

services   "storage", "study-root-find", "ups": what to propose, see `SERVICES` and `sop_classes`.
models     "study-root", "worklist", "hanging-protocol": what is queried and retrieved, see `MODELS` and `model_class`.
verbs      "find", "n-create": the operations of PS3.7, see `Verb` and `verbs`.

Wherever a service is named, the keyword of a SOP class ("CTImageStorage") or a UID will do as well.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from enum import StrEnum
from itertools import chain, islice
from types import MappingProxyType
from typing import Final

from dicomnet.dimse.commands import (
    CEchoRequest,
    CFindRequest,
    CGetRequest,
    CMoveRequest,
    CStoreRequest,
    NActionRequest,
    NCreateRequest,
    NDeleteRequest,
    NEventReportRequest,
    NGetRequest,
    NSetRequest,
    Request,
)
from dicomnet.errors import InvalidValue
from dicomnet.records import dataclass
from dicomnet.types import UID, is_uid
from dicomnet.uids import (
    KEYWORDS,
    NAMES,
    RETIRED,
    SERVICE_CLASSES,
    STORAGE_CLASSES,
    TRANSFER_SYNTAXES,
    DisplaySystemInstance,
    PrinterConfigurationRetrievalInstance,
    PrinterInstance,
    ProceduralEventLoggingInstance,
    ServiceClass,
    StorageCommitmentPushModelInstance,
    StorageManagementInstance,
    SubstanceAdministrationLoggingInstance,
    UnifiedProcedureStepPush,
    UPSFilteredGlobalSubscriptionInstance,
    UPSGlobalSubscriptionInstance,
    name as name_of,
)


class Verb(StrEnum):
    """The operations and notifications of PS3.7, of which each SOP class knows a few."""

    ECHO = "echo"
    STORE = "store"
    FIND = "find"
    GET = "get"
    MOVE = "move"
    N_CREATE = "n-create"
    N_SET = "n-set"
    N_GET = "n-get"
    N_ACTION = "n-action"
    N_DELETE = "n-delete"
    N_EVENT_REPORT = "n-event-report"


@dataclass(frozen=True, slots=True)
class Service:
    """A name, and the SOP classes that are proposed under it."""

    name: str
    sop_classes: tuple[UID, ...]
    """In the order in which they are proposed: should they be too many for one association, the first are the usual ones."""


def sop_classes(name: str) -> tuple[UID, ...]:
    """What a name stands for.

    Args:
        name: a service of `SERVICES`, the keyword of a SOP class, or a UID; private ones pass.

    Raises:
        InvalidValue: it is none of these; the text names what comes nearest.
    """
    if name in SERVICES:
        return SERVICES[name].sop_classes
    found = KEYWORDS.get(name) or (UID(name) if is_uid(name) else None)
    if found is None:
        keywords = (keyword for keyword, uid in KEYWORDS.items() if _may_be_sop_class(uid))
        raise InvalidValue(
            f"{name!r} is neither a service nor the keyword or UID of a SOP class; {_hint(name, SERVICES, keywords)}"
        )
    if not _may_be_sop_class(found):
        raise InvalidValue(f"{name!r} ({name_of(found)}) is not a SOP class")
    return (found,)


def model_class(model: str, verb: str, *, levels: Iterable[str] = ()) -> UID:
    """The SOP class that queries or retrieves an information model (PS3.4 C.3).

    Args:
        model: a model of `MODELS`, or one SOP class by keyword or UID.
        verb: "find", "move" or "get".
        levels: what might have been meant as well, for the text of an error.

    Raises:
        InvalidValue: there is no such model, or none with this operation.
    """
    if model in MODELS:
        known = MODELS[model]
        if verb not in known:
            raise InvalidValue(f"{model} knows {', '.join(known)}, not {verb}")
        return known[Verb(verb)]
    if not (is_uid(model) or model in KEYWORDS):
        kinds = f"{'a level, ' if levels else ''}an information model nor the keyword or UID of a SOP class"
        raise InvalidValue(f"{model!r} is neither {kinds}; {_hint(model, levels, MODELS)}")
    (sop_class,) = sop_classes(model)
    if verb not in _RETRIEVAL or verb not in verbs(sop_class):
        raise InvalidValue(f"{name_of(sop_class)} is not a SOP class of {verb}")
    return sop_class


def model_name(model: str, sop_class: str) -> str:
    """The name of the model that a SOP class of `model_class` retrieves or queries; what was given, where it has none."""
    return next((name for name, classes in MODELS.items() if sop_class in classes.values()), model)


def verbs(sop_class: str) -> frozenset[Verb]:
    """The operations of a SOP class, or of an abstract syntax (PS3.4, the DIMSE service group of each class).

    Of a meta SOP class they are those of its members. A class that we do not
    know, private or retired with its service, may know every operation.
    """
    return _VERBS.get(sop_class, _EVERY_VERB)


def verb_of(command: Request) -> Verb:
    """The operation that a request asks for.

    Raises:
        InvalidValue: it is a C-CANCEL-RQ, which ends an operation and is none.
    """
    try:
        return _VERB_OF[command.command_field]
    except KeyError:
        raise InvalidValue(f"{command.name} is not an operation of its own") from None


def sent_by_scp(sop_class: str, verb: str) -> bool:  # noqa: ARG001
    """Whether the SCP of a SOP class sends this to its SCU, and not the other way round.

    So it is with N-EVENT-REPORT, of every SOP class there is (PS3.7 10.1.1).
    """
    return verb == Verb.N_EVENT_REPORT


def carries(abstract_syntax: str, sop_class: str) -> bool:
    """Whether a message about a SOP class may travel in a context of an abstract syntax.

    Besides the class itself that is so for the members of a print meta SOP
    class (PS3.4 H.3.2), and for the UPS Push class, which is that of every
    procedure step whatever the context (PS3.4 CC.3.1).
    """
    return (
        abstract_syntax == sop_class
        or sop_class in _MEMBERS.get(abstract_syntax, ())
        or (sop_class == UnifiedProcedureStepPush and abstract_syntax in _PROCEDURE_STEPS)
    )


def carriers(sop_class: str) -> tuple[UID, ...]:
    """The abstract syntaxes in whose contexts messages about a SOP class may travel, itself last."""
    others = (*_MEMBERS, *(_PROCEDURE_STEPS if sop_class == UnifiedProcedureStepPush else ()))
    return (*(UID(one) for one in others if one != sop_class and carries(one, sop_class)), UID(sop_class))


def of_n_service(name: str) -> tuple[UID, UID]:
    """The abstract syntax for an N-service message, and the SOP class that the message names.

    That is the same, but for procedure steps: their class is UPS Push in the
    context of each of its services, and "ups" is any of these (PS3.4 CC.3.1).

    Args:
        name: as for `sop_classes`.

    Raises:
        InvalidValue: it is none or several, or a meta SOP class, of which there are no instances.
    """
    found = sop_classes(name)
    if set(found) <= set(_PROCEDURE_STEPS):
        return found[0] if len(found) == 1 else UnifiedProcedureStepPush, UnifiedProcedureStepPush
    if len(found) != 1:
        raise InvalidValue(f"{name!r} is a service of {len(found)} SOP classes; say which one")
    if members := _MEMBERS.get(found[0]):
        keywords = [keyword for keyword, uid in KEYWORDS.items() if uid in members]
        raise InvalidValue(f"{name!r} stands for several SOP classes; say which one: {', '.join(keywords)}")
    return found[0], found[0]


def _hint(name: str, *known: Iterable[str]) -> str:
    from difflib import get_close_matches

    folded: dict[str, str] = {}
    for one in chain(*known):
        folded.setdefault(one.lower(), one)
    near = get_close_matches(name.lower().replace("_", "-").replace(" ", "-"), folded)
    if near:
        return f"did you mean {' or '.join(folded[one] for one in near)}?"
    return f"known are {', '.join(islice(folded.values(), 5))} and others"


def _may_be_sop_class(uid: UID) -> bool:
    """False only where the registry says that a UID is something else."""
    return uid not in NAMES or uid in SERVICE_CLASSES or (uid in RETIRED and uid not in TRANSFER_SYNTAXES)


def _uids(keywords: str) -> tuple[UID, ...]:
    return tuple(KEYWORDS[keyword] for keyword in keywords.split())


def _rarity(uid: str) -> int:
    if uid.startswith(("1.2.840.10008.5.1.4.1.1.501.", "1.2.840.10008.5.1.4.1.1.601.")):
        return 2  # DICOS and DICONDE: luggage and pipes
    return int(SERVICE_CLASSES[uid] is ServiceClass.NON_PATIENT_OBJECT_STORAGE)


def _storage() -> tuple[UID, ...]:
    """Everything that is stored, what hospitals send most first, and last the few retired classes they still have."""
    usual = _uids(_USUAL)
    unusual = STORAGE_CLASSES - RETIRED - set(usual)
    others = sorted((UID(uid) for uid in NAMES if uid in unusual), key=_rarity)
    return (*usual, *others, *_uids(_STILL_MET))


def _services() -> dict[str, Service]:
    found = {"verification": _uids("Verification"), "storage": _storage()}
    for model, known in MODELS.items():
        if model in _FIND_ONLY:
            found[model] = tuple(known.values())
        else:
            found |= {f"{model}-{verb}": (uid,) for verb, uid in known.items()}
    found |= {name: _uids(keywords) for name, keywords in _OTHER_SERVICES.items()}
    return {name: Service(name, classes) for name, classes in found.items()}


def _models() -> dict[str, Mapping[Verb, UID]]:
    found: dict[str, Mapping[Verb, UID]] = {}
    for model, prefix in _RETRIEVABLE.items():
        by_verb = {verb: KEYWORDS.get(prefix + verb.title()) for verb in _RETRIEVAL}
        found[model] = MappingProxyType({verb: uid for verb, uid in by_verb.items() if uid})
    for model, keyword in _FIND_ONLY.items():
        found[model] = MappingProxyType({Verb.FIND: KEYWORDS[keyword]})
    return found


def _verbs() -> dict[str, frozenset[Verb]]:
    found = {sop_class: frozenset({Verb.STORE}) for sop_class in STORAGE_CLASSES}
    for known in MODELS.values():
        found |= {sop_class: frozenset({verb}) for verb, sop_class in known.items()}
    for keywords, words in _OTHER_VERBS.items():
        found |= dict.fromkeys(_uids(keywords), frozenset(map(Verb, words.split())))
    for sop_class, service in SERVICE_CLASSES.items():
        if service in _WITHOUT_MESSAGES:
            found[sop_class] = frozenset()
    for meta, members in _MEMBERS.items():
        found[meta] = frozenset().union(*(found[member] for member in members))
    return found


STORAGE_COMMITMENT_INSTANCE: Final = StorageCommitmentPushModelInstance
"""What N-ACTION and N-EVENT-REPORT of storage commitment are about (PS3.4 J.3)."""
PRINTER_INSTANCE: Final = PrinterInstance
"""The printer (PS3.4 H.4.6)."""
PRINTER_CONFIGURATION_INSTANCE: Final = PrinterConfigurationRetrievalInstance
"""The configuration of the printer (PS3.4 H.4)."""
UPS_GLOBAL_SUBSCRIPTION: Final = UPSGlobalSubscriptionInstance
"""Subscribes to every procedure step (PS3.4 CC.2.3)."""
UPS_FILTERED_SUBSCRIPTION: Final = UPSFilteredGlobalSubscriptionInstance
"""Subscribes to the procedure steps that match keys (PS3.4 CC.2.3)."""
STORAGE_MANAGEMENT_INSTANCE: Final = StorageManagementInstance
"""What the actions of inventory creation are about (PS3.4 KK)."""
SUBSTANCE_LOGGING_INSTANCE: Final = SubstanceAdministrationLoggingInstance
"""What logs the administration of substances (PS3.4 P.3)."""
PROCEDURAL_EVENT_LOGGING_INSTANCE: Final = ProceduralEventLoggingInstance
"""What logs procedural events (PS3.4 P.2)."""
DISPLAY_SYSTEM_INSTANCE: Final = DisplaySystemInstance
"""The display system (PS3.4 EE)."""

_RETRIEVAL = (Verb.FIND, Verb.MOVE, Verb.GET)
_EVERY_VERB = frozenset(Verb)

_VERB_OF = {
    CEchoRequest.command_field: Verb.ECHO,
    CStoreRequest.command_field: Verb.STORE,
    CFindRequest.command_field: Verb.FIND,
    CGetRequest.command_field: Verb.GET,
    CMoveRequest.command_field: Verb.MOVE,
    NCreateRequest.command_field: Verb.N_CREATE,
    NSetRequest.command_field: Verb.N_SET,
    NGetRequest.command_field: Verb.N_GET,
    NActionRequest.command_field: Verb.N_ACTION,
    NDeleteRequest.command_field: Verb.N_DELETE,
    NEventReportRequest.command_field: Verb.N_EVENT_REPORT,
}

# Models whose SOP classes are named by a prefix and Find, Move or Get.
_RETRIEVABLE = {
    "study-root": "StudyRootQueryRetrieveInformationModel",
    "patient-root": "PatientRootQueryRetrieveInformationModel",
    "patient-study-only": "PatientStudyOnlyQueryRetrieveInformationModel",
    "composite-instance-root": "CompositeInstanceRootRetrieve",
    "without-bulk-data": "CompositeInstanceRetrieveWithoutBulkData",
    "hanging-protocol": "HangingProtocolInformationModel",
    "color-palette": "ColorPaletteQueryRetrieveInformationModel",
    "implant-template": "GenericImplantTemplateInformationModel",
    "implant-assembly-template": "ImplantAssemblyTemplateInformationModel",
    "implant-template-group": "ImplantTemplateGroupInformationModel",
    "defined-procedure-protocol": "DefinedProcedureProtocolInformationModel",
    "protocol-approval": "ProtocolApprovalInformationModel",
    "inventory": "Inventory",
}

# Models that are queried and no more, so that the service has the name of the model. Of the three classes that find
# procedure steps, "ups" means the one by which performers find theirs (PS3.4 CC.3.1).
_FIND_ONLY = {
    "worklist": "ModalityWorklistInformationModelFind",
    "ups": "UnifiedProcedureStepPull",
    "ups-pull": "UnifiedProcedureStepPull",
    "ups-watch": "UnifiedProcedureStepWatch",
    "ups-query": "UnifiedProcedureStepQuery",
    "repository-query": "RepositoryQuery",
    "relevant-patient": "GeneralRelevantPatientInformationQuery",
    "relevant-patient-breast": "BreastImagingRelevantPatientInformationQuery",
    "relevant-patient-cardiac": "CardiacRelevantPatientInformationQuery",
    "product-characteristics": "ProductCharacteristicsQuery",
    "substance-approval": "SubstanceApprovalQuery",
}

# "print-grayscale" and "print-color" are the least a printer takes; "print" is all of printing.
_OTHER_SERVICES = {
    "mpps": "ModalityPerformedProcedureStep",
    "mpps-retrieve": "ModalityPerformedProcedureStepRetrieve",
    "mpps-notification": "ModalityPerformedProcedureStepNotification",
    "storage-commitment": "StorageCommitmentPushModel",
    "instance-availability": "InstanceAvailabilityNotification",
    "ups": """UnifiedProcedureStepPush UnifiedProcedureStepPull UnifiedProcedureStepWatch UnifiedProcedureStepEvent
        UnifiedProcedureStepQuery""",
    "ups-push": "UnifiedProcedureStepPush",
    "ups-event": "UnifiedProcedureStepEvent",
    "print": """BasicGrayscalePrintManagementMeta BasicColorPrintManagementMeta PresentationLUT BasicAnnotationBox
        PrintJob PrinterConfigurationRetrieval""",
    "print-grayscale": "BasicGrayscalePrintManagementMeta",
    "print-color": "BasicColorPrintManagementMeta",
    "media-creation": "MediaCreationManagement",
    "relevant-patient": """GeneralRelevantPatientInformationQuery BreastImagingRelevantPatientInformationQuery
        CardiacRelevantPatientInformationQuery""",
    "storage-management": "InventoryCreation",
    "substance-logging": "SubstanceAdministrationLogging",
    "procedural-event-logging": "ProceduralEventLogging",
    "rt-machine-verification": "RTConventionalMachineVerification RTIonMachineVerification",
    "rt-conventional-machine-verification": "RTConventionalMachineVerification",
    "rt-ion-machine-verification": "RTIonMachineVerification",
    "display-system": "DisplaySystem",
}

# PS3.4, per class; what is stored, and what is queried and no more, is not listed again.
_OTHER_VERBS = {
    "Verification": "echo",
    "ModalityPerformedProcedureStep": "n-create n-set",
    "ModalityPerformedProcedureStepRetrieve": "n-get",
    "ModalityPerformedProcedureStepNotification": "n-event-report",
    "StorageCommitmentPushModel": "n-action n-event-report",
    "InstanceAvailabilityNotification": "n-create",
    "UnifiedProcedureStepPush": "n-create n-get n-action",
    "UnifiedProcedureStepPull": "find n-get n-set n-action",
    "UnifiedProcedureStepWatch": "find n-get n-action",
    "UnifiedProcedureStepEvent": "n-event-report",
    "BasicFilmSession": "n-create n-set n-delete n-action",
    "BasicFilmBox": "n-create n-set n-delete n-action",
    "BasicGrayscaleImageBox BasicColorImageBox BasicAnnotationBox": "n-set",
    "PrintJob Printer": "n-get n-event-report",
    "PrinterConfigurationRetrieval": "n-get",
    "PresentationLUT": "n-create n-delete",
    "MediaCreationManagement": "n-create n-get n-action",
    "InventoryCreation": "n-action n-event-report",
    "SubstanceAdministrationLogging ProceduralEventLogging": "n-action",
    "RTConventionalMachineVerification RTIonMachineVerification": """n-create n-set n-get n-action n-delete
        n-event-report""",
    "DisplaySystem": "n-get",
}

# Files, and streams beside the upper layer: no association has a context for them.
_WITHOUT_MESSAGES = {ServiceClass.MEDIA_STORAGE, ServiceClass.REAL_TIME_COMMUNICATION}

_MEMBERS: dict[str, tuple[UID, ...]] = {
    KEYWORDS["BasicGrayscalePrintManagementMeta"]: _uids(
        "BasicFilmSession BasicFilmBox BasicGrayscaleImageBox Printer"
    ),
    KEYWORDS["BasicColorPrintManagementMeta"]: _uids("BasicFilmSession BasicFilmBox BasicColorImageBox Printer"),
}

_PROCEDURE_STEPS = _uids(_OTHER_SERVICES["ups"])

_USUAL = """
    CTImageStorage MRImageStorage ComputedRadiographyImageStorage DigitalXRayImageStorageForPresentation
    UltrasoundImageStorage UltrasoundMultiFrameImageStorage XRayAngiographicImageStorage
    XRayRadiofluoroscopicImageStorage NuclearMedicineImageStorage PositronEmissionTomographyImageStorage
    SecondaryCaptureImageStorage BasicTextSRStorage EnhancedSRStorage ComprehensiveSRStorage
    XRayRadiationDoseSRStorage GrayscaleSoftcopyPresentationStateStorage ColorSoftcopyPresentationStateStorage
    KeyObjectSelectionDocumentStorage SegmentationStorage RTStructureSetStorage RTPlanStorage RTDoseStorage
    RTImageStorage DigitalMammographyXRayImageStorageForPresentation BreastTomosynthesisImageStorage
    EncapsulatedPDFStorage EnhancedCTImageStorage EnhancedMRImageStorage MultiFrameTrueColorSecondaryCaptureImageStorage
    MultiFrameGrayscaleByteSecondaryCaptureImageStorage MultiFrameGrayscaleWordSecondaryCaptureImageStorage
    MultiFrameSingleBitSecondaryCaptureImageStorage DigitalXRayImageStorageForProcessing
    DigitalMammographyXRayImageStorageForProcessing DigitalIntraOralXRayImageStorageForPresentation
    DigitalIntraOralXRayImageStorageForProcessing TwelveLeadECGWaveformStorage GeneralECGWaveformStorage
    VLPhotographicImageStorage VLEndoscopicImageStorage VLMicroscopicImageStorage VLWholeSlideMicroscopyImageStorage
    VideoEndoscopicImageStorage VideoPhotographicImageStorage OphthalmicPhotography8BitImageStorage
    OphthalmicPhotography16BitImageStorage OphthalmicTomographyImageStorage EnhancedXAImageStorage
    EnhancedXRFImageStorage EnhancedPETImageStorage EnhancedUSVolumeStorage XRay3DAngiographicImageStorage
    SpatialRegistrationStorage DeformableSpatialRegistrationStorage MRSpectroscopyStorage RawDataStorage
    Comprehensive3DSRStorage MammographyCADSRStorage RTBeamsTreatmentRecordStorage RTIonPlanStorage
    RealWorldValueMappingStorage ParametricMapStorage EncapsulatedCDAStorage HemodynamicWaveformStorage
"""

_STILL_MET = """
    UltrasoundImageStorageRetired UltrasoundMultiFrameImageStorageRetired NuclearMedicineImageStorageRetired
    XRayAngiographicBiPlaneImageStorage StandaloneOverlayStorage StandaloneCurveStorage HardcopyGrayscaleImageStorage
    HardcopyColorImageStorage
"""

MODELS: Final[Mapping[str, Mapping[Verb, UID]]] = MappingProxyType(_models())
"""The information models by name, and the SOP class of each operation they know."""

SERVICES: Final[Mapping[str, Service]] = MappingProxyType(_services())
"""The services by name."""

_VERBS = _verbs()

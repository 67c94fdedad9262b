"""The information models of query and retrieve: their levels, and which keys belong to each (PS3.4 C.6, CC.2.5, K.6, Y.6)."""

from __future__ import annotations

from collections.abc import Iterator

from dicomnet.records import dataclass
from dicomnet.uids import KEYWORDS


@dataclass(frozen=True, slots=True)
class Level:
    """One level of a hierarchical model, with its keys as the keywords of PS3.6."""

    name: str
    unique: str
    required: tuple[str, ...] = ()
    optional: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Model:
    """What identifiers of a SOP class may hold; without levels there is no (0008,0052)."""

    name: str
    levels: tuple[Level, ...] = ()
    required: tuple[str, ...] = ()
    """Keys that every query of a model without levels asks for; nested ones with dots."""
    retrieve_only: bool = False
    choice: tuple[str, ...] = ()
    """Keys of the lowest level of which a retrieve has exactly one (PS3.4 Y.6.1)."""
    open: bool = False
    """Nothing is known about its keys, so nothing is checked."""

    def level(self, name: str) -> Level | None:
        """The level of that name, in any case; None if the model has none."""
        return next((level for level in self.levels if level.name == name.upper()), None)

    def above(self, level: Level) -> tuple[Level, ...]:
        """The levels above one, from the top."""
        return self.levels[: self.levels.index(level)]

    def level_of(self, keyword: str) -> str | None:
        """The name of the level that a key belongs to, even one this model lacks; None if no table names the key."""
        for level in (*self.levels, *_PATIENT_LEVELS):
            if keyword in (level.unique, *level.required, *level.optional):
                return level.name
        return None

    def is_below(self, name: str, level: Level) -> bool:
        """Whether a level that `level_of` named lies below another one of this model."""
        return name not in (each.name for each in (*self.above(level), level))


def model_of(sop_class_uid: str) -> Model:
    """The model of a SOP class of query, retrieve or worklist; `OTHER` for a class that this module does not know."""
    return _MODELS.get(sop_class_uid, OTHER)


def _classes(names: str) -> Iterator[str]:
    """The SOP classes of these names, or of these names with an operation at the end."""
    for name in names.split():
        for operation in ("", "Find", "Move", "Get"):
            if name + operation in KEYWORDS:
                yield KEYWORDS[name + operation]


# PS3.4 Tables C.6-1 to C.6-4.
_PATIENT = Level(
    "PATIENT",
    "PatientID",
    ("PatientName",),
    (
        "IssuerOfPatientID",
        "ReferencedPatientSequence",
        "PatientBirthDate",
        "PatientBirthTime",
        "PatientSex",
        "OtherPatientIDsSequence",
        "OtherPatientNames",
        "EthnicGroup",
        "PatientComments",
        "NumberOfPatientRelatedStudies",
        "NumberOfPatientRelatedSeries",
        "NumberOfPatientRelatedInstances",
    ),
)
_STUDY = Level(
    "STUDY",
    "StudyInstanceUID",
    ("StudyDate", "StudyTime", "AccessionNumber", "StudyID"),
    (
        "ModalitiesInStudy",
        "SOPClassesInStudy",
        "AnatomicRegionsInStudyCodeSequence",
        "ReferringPhysicianName",
        "StudyDescription",
        "ProcedureCodeSequence",
        "NameOfPhysiciansReadingStudy",
        "AdmittingDiagnosesDescription",
        "ReferencedStudySequence",
        "PatientAge",
        "PatientSize",
        "PatientWeight",
        "Occupation",
        "AdditionalPatientHistory",
        "OtherStudyNumbers",
        "NumberOfStudyRelatedSeries",
        "NumberOfStudyRelatedInstances",
    ),
)
_SERIES = Level("SERIES", "SeriesInstanceUID", ("Modality", "SeriesNumber"), ("NumberOfSeriesRelatedInstances",))
_IMAGE = Level(
    "IMAGE",
    "SOPInstanceUID",
    ("InstanceNumber",),
    (
        "SOPClassUID",
        "AvailableTransferSyntaxUID",
        "AlternateRepresentationSequence",
        "RelatedGeneralSOPClassUID",
        "ConceptNameCodeSequence",
        "ContentTemplateSequence",
        "ContainerIdentifier",
        "SpecimenDescriptionSequence",
    ),
)
_PATIENT_LEVELS = (_PATIENT, _STUDY, _SERIES, _IMAGE)
# Table C.6-5: the study level of the study root is that of the patient root with the patient's keys; the counts of
# what a patient has stay behind.
_STUDY_OF_STUDY_ROOT = Level(
    "STUDY",
    "StudyInstanceUID",
    ("StudyDate", "StudyTime", "AccessionNumber", "PatientName", "PatientID", "StudyID"),
    _STUDY.optional + tuple(key for key in _PATIENT.optional if not key.startswith("NumberOf")),
)

PATIENT_ROOT = Model("patient root", _PATIENT_LEVELS)
STUDY_ROOT = Model("study root", (_STUDY_OF_STUDY_ROOT, _SERIES, _IMAGE))
PATIENT_STUDY_ONLY = Model("patient/study only", (_PATIENT, _STUDY))
COMPOSITE_INSTANCE_ROOT = Model(
    "composite instance root",
    (Level("IMAGE", "SOPInstanceUID"), Level("FRAME", "SOPInstanceUID")),
    retrieve_only=True,
    choice=("SimpleFrameList", "CalculatedFrameList", "TimeRange"),
)
WITHOUT_BULK_DATA = Model("without bulk data", (Level("IMAGE", "SOPInstanceUID"),), retrieve_only=True)

# PS3.4 Table K.6-1: keys for matching, then what comes back with return key type 1, 1C, 2 and 2C.
WORKLIST = Model(
    "modality worklist",
    required=(
        *(
            f"ScheduledProcedureStepSequence.{key}"
            for key in (
                "ScheduledStationAETitle",
                "ScheduledProcedureStepStartDate",
                "ScheduledProcedureStepStartTime",
                "Modality",
                "ScheduledPerformingPhysicianName",
                "ScheduledProcedureStepID",
                "ScheduledProcedureStepDescription",
                "ScheduledProtocolCodeSequence",
                "ScheduledStationName",
                "ScheduledProcedureStepLocation",
                "PreMedication",
                "RequestedContrastAgent",
            )
        ),
        "PatientName",
        "PatientID",
        "RequestedProcedureID",
        "StudyInstanceUID",
        "RequestedProcedureDescription",
        "RequestedProcedureCodeSequence",
        "ReferencedStudySequence",
        "RequestedProcedurePriority",
        "PatientTransportArrangements",
        "AccessionNumber",
        "RequestingPhysician",
        "ReferringPhysicianName",
        "AdmissionID",
        "CurrentPatientLocation",
        "ReferencedPatientSequence",
        "PatientBirthDate",
        "PatientSex",
        "PatientWeight",
        "ConfidentialityConstraintOnPatientDataDescription",
        "PatientState",
        "PregnancyStatus",
        "MedicalAlerts",
        "Allergies",
        "SpecialNeeds",
    ),
)

# PS3.4 Table CC.2.5-3.
PROCEDURE_STEPS = Model(
    "unified procedure steps",
    required=(
        "SOPInstanceUID",
        "ProcedureStepState",
        "ScheduledProcedureStepPriority",
        "ProcedureStepLabel",
        "WorklistLabel",
        "ScheduledStationNameCodeSequence",
        "ScheduledStationClassCodeSequence",
        "ScheduledStationGeographicLocationCodeSequence",
        "ScheduledHumanPerformersSequence.HumanPerformerCodeSequence",
        "ScheduledProcedureStepStartDateTime",
        "ExpectedCompletionDateTime",
        "ScheduledWorkitemCodeSequence",
        "InputReadinessState",
        "PatientName",
        "PatientID",
        "IssuerOfPatientID",
        "PatientBirthDate",
        "PatientSex",
        "AdmissionID",
        "IssuerOfAdmissionIDSequence",
        "ReferencedRequestSequence.AccessionNumber",
        "ReferencedRequestSequence.IssuerOfAccessionNumberSequence",
        "ReferencedRequestSequence.RequestedProcedureID",
        "ReferencedRequestSequence.RequestingService",
        "ReplacedProcedureStepSequence",
    ),
)

INSTANCES = Model("instances")
"""Those without levels, whose instances are retrieved by their UIDs alone (PS3.4 U, X, BB, HH, II, JJ)."""

OTHER = Model("other", open=True)

_MODELS: dict[str, Model] = {
    uid: model
    for model, names in (
        (PATIENT_ROOT, "PatientRootQueryRetrieveInformationModel"),
        (STUDY_ROOT, "StudyRootQueryRetrieveInformationModel"),
        (PATIENT_STUDY_ONLY, "PatientStudyOnlyQueryRetrieveInformationModel"),
        (COMPOSITE_INSTANCE_ROOT, "CompositeInstanceRootRetrieve"),
        (WITHOUT_BULK_DATA, "CompositeInstanceRetrieveWithoutBulkData"),
        (WORKLIST, "ModalityWorklistInformationModel"),
        (
            PROCEDURE_STEPS,
            "UnifiedProcedureStepPull UnifiedProcedureStepWatch UnifiedProcedureStepQuery UnifiedProcedureStepPush",
        ),
        (
            INSTANCES,
            (
                "HangingProtocolInformationModel ColorPaletteQueryRetrieveInformationModel"
                " GenericImplantTemplateInformationModel ImplantAssemblyTemplateInformationModel"
                " ImplantTemplateGroupInformationModel DefinedProcedureProtocolInformationModel"
                " ProtocolApprovalInformationModel Inventory"
            ),
        ),
    )
    for uid in _classes(names)
}

# ruff: noqa: E501
"""The unique identifiers of PS3.6 Annex A, each under its keyword, and the few of our own; as of its edition 2026a.

Made by tools/make_uids.py from pydicom 3.0.2; edit that, not this.
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


class ServiceClass(StrEnum):
    """What a SOP class serves (PS3.4; real-time communication PS3.22, which needs no association)."""

    VERIFICATION = "Verification"
    STORAGE = "Storage"
    NON_PATIENT_OBJECT_STORAGE = "NonPatientObjectStorage"
    QUERY_RETRIEVE = "QueryRetrieve"
    REPOSITORY_QUERY = "RepositoryQuery"
    COMPOSITE_INSTANCE_ROOT_RETRIEVE = "CompositeInstanceRootRetrieve"
    COMPOSITE_INSTANCE_RETRIEVE_WITHOUT_BULK_DATA = "CompositeInstanceRetrieveWithoutBulkData"
    MODALITY_WORKLIST = "ModalityWorklist"
    MODALITY_PERFORMED_PROCEDURE_STEP = "ModalityPerformedProcedureStep"
    MPPS_RETRIEVE = "MPPSRetrieve"
    MPPS_NOTIFICATION = "MPPSNotification"
    STORAGE_COMMITMENT_PUSH = "StorageCommitmentPush"
    INSTANCE_AVAILABILITY_NOTIFICATION = "InstanceAvailabilityNotification"
    UNIFIED_PROCEDURE_STEP = "UnifiedProcedureStep"
    PRINT_MANAGEMENT = "PrintManagement"
    MEDIA_CREATION_MANAGEMENT = "MediaCreationManagement"
    RELEVANT_PATIENT_INFORMATION_QUERY = "RelevantPatientInformationQuery"
    HANGING_PROTOCOL_QUERY_RETRIEVE = "HangingProtocolQueryRetrieve"
    COLOR_PALETTE_QUERY_RETRIEVE = "ColorPaletteQueryRetrieve"
    IMPLANT_TEMPLATE_QUERY_RETRIEVE = "ImplantTemplateQueryRetrieve"
    DEFINED_PROCEDURE_PROTOCOL_QUERY_RETRIEVE = "DefinedProcedureProtocolQueryRetrieve"
    PROTOCOL_APPROVAL_QUERY_RETRIEVE = "ProtocolApprovalQueryRetrieve"
    INVENTORY_QUERY_RETRIEVE = "InventoryQueryRetrieve"
    STORAGE_MANAGEMENT = "StorageManagement"
    SUBSTANCE_ADMINISTRATION = "SubstanceAdministration"
    PROCEDURAL_EVENT_LOGGING = "ProceduralEventLogging"
    RT_MACHINE_VERIFICATION = "RTMachineVerification"
    DISPLAY_SYSTEM_MANAGEMENT = "DisplaySystemManagement"
    MEDIA_STORAGE = "MediaStorage"
    REAL_TIME_COMMUNICATION = "RealTimeCommunication"


def name(uid: str) -> str:
    """The standard's name for a UID; the UID itself if it has none."""
    return NAMES.get(uid, uid)


# Application Context Name
DICOMApplicationContext: Final = UID("1.2.840.10008.3.1.1.1")

# SOP Class
Verification: Final = UID("1.2.840.10008.1.1")
MediaStorageDirectoryStorage: Final = UID("1.2.840.10008.1.3.10")
BasicStudyContentNotification: Final = UID("1.2.840.10008.1.9")  # retired
StorageCommitmentPushModel: Final = UID("1.2.840.10008.1.20.1")
StorageCommitmentPullModel: Final = UID("1.2.840.10008.1.20.2")  # retired
ProceduralEventLogging: Final = UID("1.2.840.10008.1.40")
SubstanceAdministrationLogging: Final = UID("1.2.840.10008.1.42")
DetachedPatientManagement: Final = UID("1.2.840.10008.3.1.2.1.1")  # retired
DetachedVisitManagement: Final = UID("1.2.840.10008.3.1.2.2.1")  # retired
DetachedStudyManagement: Final = UID("1.2.840.10008.3.1.2.3.1")  # retired
StudyComponentManagement: Final = UID("1.2.840.10008.3.1.2.3.2")  # retired
ModalityPerformedProcedureStep: Final = UID("1.2.840.10008.3.1.2.3.3")
ModalityPerformedProcedureStepRetrieve: Final = UID("1.2.840.10008.3.1.2.3.4")
ModalityPerformedProcedureStepNotification: Final = UID("1.2.840.10008.3.1.2.3.5")
DetachedResultsManagement: Final = UID("1.2.840.10008.3.1.2.5.1")  # retired
DetachedInterpretationManagement: Final = UID("1.2.840.10008.3.1.2.6.1")  # retired
BasicFilmSession: Final = UID("1.2.840.10008.5.1.1.1")
BasicFilmBox: Final = UID("1.2.840.10008.5.1.1.2")
BasicGrayscaleImageBox: Final = UID("1.2.840.10008.5.1.1.4")
BasicColorImageBox: Final = UID("1.2.840.10008.5.1.1.4.1")
ReferencedImageBox: Final = UID("1.2.840.10008.5.1.1.4.2")  # retired
PrintJob: Final = UID("1.2.840.10008.5.1.1.14")
BasicAnnotationBox: Final = UID("1.2.840.10008.5.1.1.15")
Printer: Final = UID("1.2.840.10008.5.1.1.16")
PrinterConfigurationRetrieval: Final = UID("1.2.840.10008.5.1.1.16.376")
VOILUTBox: Final = UID("1.2.840.10008.5.1.1.22")
PresentationLUT: Final = UID("1.2.840.10008.5.1.1.23")
ImageOverlayBox: Final = UID("1.2.840.10008.5.1.1.24")  # retired
BasicPrintImageOverlayBox: Final = UID("1.2.840.10008.5.1.1.24.1")  # retired
PrintQueueManagement: Final = UID("1.2.840.10008.5.1.1.26")  # retired
StoredPrintStorage: Final = UID("1.2.840.10008.5.1.1.27")  # retired
HardcopyGrayscaleImageStorage: Final = UID("1.2.840.10008.5.1.1.29")  # retired
HardcopyColorImageStorage: Final = UID("1.2.840.10008.5.1.1.30")  # retired
PullPrintRequest: Final = UID("1.2.840.10008.5.1.1.31")  # retired
MediaCreationManagement: Final = UID("1.2.840.10008.5.1.1.33")
DisplaySystem: Final = UID("1.2.840.10008.5.1.1.40")
ComputedRadiographyImageStorage: Final = UID("1.2.840.10008.5.1.4.1.1.1")
DigitalXRayImageStorageForPresentation: Final = UID("1.2.840.10008.5.1.4.1.1.1.1")
DigitalXRayImageStorageForProcessing: Final = UID("1.2.840.10008.5.1.4.1.1.1.1.1")
DigitalMammographyXRayImageStorageForPresentation: Final = UID("1.2.840.10008.5.1.4.1.1.1.2")
DigitalMammographyXRayImageStorageForProcessing: Final = UID("1.2.840.10008.5.1.4.1.1.1.2.1")
DigitalIntraOralXRayImageStorageForPresentation: Final = UID("1.2.840.10008.5.1.4.1.1.1.3")
DigitalIntraOralXRayImageStorageForProcessing: Final = UID("1.2.840.10008.5.1.4.1.1.1.3.1")
CTImageStorage: Final = UID("1.2.840.10008.5.1.4.1.1.2")
EnhancedCTImageStorage: Final = UID("1.2.840.10008.5.1.4.1.1.2.1")
LegacyConvertedEnhancedCTImageStorage: Final = UID("1.2.840.10008.5.1.4.1.1.2.2")
UltrasoundMultiFrameImageStorageRetired: Final = UID("1.2.840.10008.5.1.4.1.1.3")  # retired
UltrasoundMultiFrameImageStorage: Final = UID("1.2.840.10008.5.1.4.1.1.3.1")
MRImageStorage: Final = UID("1.2.840.10008.5.1.4.1.1.4")
EnhancedMRImageStorage: Final = UID("1.2.840.10008.5.1.4.1.1.4.1")
MRSpectroscopyStorage: Final = UID("1.2.840.10008.5.1.4.1.1.4.2")
EnhancedMRColorImageStorage: Final = UID("1.2.840.10008.5.1.4.1.1.4.3")
LegacyConvertedEnhancedMRImageStorage: Final = UID("1.2.840.10008.5.1.4.1.1.4.4")
NuclearMedicineImageStorageRetired: Final = UID("1.2.840.10008.5.1.4.1.1.5")  # retired
UltrasoundImageStorageRetired: Final = UID("1.2.840.10008.5.1.4.1.1.6")  # retired
UltrasoundImageStorage: Final = UID("1.2.840.10008.5.1.4.1.1.6.1")
EnhancedUSVolumeStorage: Final = UID("1.2.840.10008.5.1.4.1.1.6.2")
PhotoacousticImageStorage: Final = UID("1.2.840.10008.5.1.4.1.1.6.3")
SecondaryCaptureImageStorage: Final = UID("1.2.840.10008.5.1.4.1.1.7")
MultiFrameSingleBitSecondaryCaptureImageStorage: Final = UID("1.2.840.10008.5.1.4.1.1.7.1")
MultiFrameGrayscaleByteSecondaryCaptureImageStorage: Final = UID("1.2.840.10008.5.1.4.1.1.7.2")
MultiFrameGrayscaleWordSecondaryCaptureImageStorage: Final = UID("1.2.840.10008.5.1.4.1.1.7.3")
MultiFrameTrueColorSecondaryCaptureImageStorage: Final = UID("1.2.840.10008.5.1.4.1.1.7.4")
StandaloneOverlayStorage: Final = UID("1.2.840.10008.5.1.4.1.1.8")  # retired
StandaloneCurveStorage: Final = UID("1.2.840.10008.5.1.4.1.1.9")  # retired
WaveformStorageTrial: Final = UID("1.2.840.10008.5.1.4.1.1.9.1")  # retired
TwelveLeadECGWaveformStorage: Final = UID("1.2.840.10008.5.1.4.1.1.9.1.1")
GeneralECGWaveformStorage: Final = UID("1.2.840.10008.5.1.4.1.1.9.1.2")
AmbulatoryECGWaveformStorage: Final = UID("1.2.840.10008.5.1.4.1.1.9.1.3")
General32bitECGWaveformStorage: Final = UID("1.2.840.10008.5.1.4.1.1.9.1.4")
HemodynamicWaveformStorage: Final = UID("1.2.840.10008.5.1.4.1.1.9.2.1")
CardiacElectrophysiologyWaveformStorage: Final = UID("1.2.840.10008.5.1.4.1.1.9.3.1")
BasicVoiceAudioWaveformStorage: Final = UID("1.2.840.10008.5.1.4.1.1.9.4.1")
GeneralAudioWaveformStorage: Final = UID("1.2.840.10008.5.1.4.1.1.9.4.2")
ArterialPulseWaveformStorage: Final = UID("1.2.840.10008.5.1.4.1.1.9.5.1")
RespiratoryWaveformStorage: Final = UID("1.2.840.10008.5.1.4.1.1.9.6.1")
MultichannelRespiratoryWaveformStorage: Final = UID("1.2.840.10008.5.1.4.1.1.9.6.2")
RoutineScalpElectroencephalogramWaveformStorage: Final = UID("1.2.840.10008.5.1.4.1.1.9.7.1")
ElectromyogramWaveformStorage: Final = UID("1.2.840.10008.5.1.4.1.1.9.7.2")
ElectrooculogramWaveformStorage: Final = UID("1.2.840.10008.5.1.4.1.1.9.7.3")
SleepElectroencephalogramWaveformStorage: Final = UID("1.2.840.10008.5.1.4.1.1.9.7.4")
BodyPositionWaveformStorage: Final = UID("1.2.840.10008.5.1.4.1.1.9.8.1")
WaveformPresentationStateStorage: Final = UID("1.2.840.10008.5.1.4.1.1.9.100.1")
WaveformAcquisitionPresentationStateStorage: Final = UID("1.2.840.10008.5.1.4.1.1.9.100.2")
StandaloneModalityLUTStorage: Final = UID("1.2.840.10008.5.1.4.1.1.10")  # retired
StandaloneVOILUTStorage: Final = UID("1.2.840.10008.5.1.4.1.1.11")  # retired
GrayscaleSoftcopyPresentationStateStorage: Final = UID("1.2.840.10008.5.1.4.1.1.11.1")
ColorSoftcopyPresentationStateStorage: Final = UID("1.2.840.10008.5.1.4.1.1.11.2")
PseudoColorSoftcopyPresentationStateStorage: Final = UID("1.2.840.10008.5.1.4.1.1.11.3")
BlendingSoftcopyPresentationStateStorage: Final = UID("1.2.840.10008.5.1.4.1.1.11.4")
XAXRFGrayscaleSoftcopyPresentationStateStorage: Final = UID("1.2.840.10008.5.1.4.1.1.11.5")
GrayscalePlanarMPRVolumetricPresentationStateStorage: Final = UID("1.2.840.10008.5.1.4.1.1.11.6")
CompositingPlanarMPRVolumetricPresentationStateStorage: Final = UID("1.2.840.10008.5.1.4.1.1.11.7")
AdvancedBlendingPresentationStateStorage: Final = UID("1.2.840.10008.5.1.4.1.1.11.8")
VolumeRenderingVolumetricPresentationStateStorage: Final = UID("1.2.840.10008.5.1.4.1.1.11.9")
SegmentedVolumeRenderingVolumetricPresentationStateStorage: Final = UID("1.2.840.10008.5.1.4.1.1.11.10")
MultipleVolumeRenderingVolumetricPresentationStateStorage: Final = UID("1.2.840.10008.5.1.4.1.1.11.11")
VariableModalityLUTSoftcopyPresentationStateStorage: Final = UID("1.2.840.10008.5.1.4.1.1.11.12")
XRayAngiographicImageStorage: Final = UID("1.2.840.10008.5.1.4.1.1.12.1")
EnhancedXAImageStorage: Final = UID("1.2.840.10008.5.1.4.1.1.12.1.1")
XRayRadiofluoroscopicImageStorage: Final = UID("1.2.840.10008.5.1.4.1.1.12.2")
EnhancedXRFImageStorage: Final = UID("1.2.840.10008.5.1.4.1.1.12.2.1")
XRayAngiographicBiPlaneImageStorage: Final = UID("1.2.840.10008.5.1.4.1.1.12.3")  # retired
ZeissOPTFile: Final = UID("1.2.840.10008.5.1.4.1.1.12.77")  # retired
XRay3DAngiographicImageStorage: Final = UID("1.2.840.10008.5.1.4.1.1.13.1.1")
XRay3DCraniofacialImageStorage: Final = UID("1.2.840.10008.5.1.4.1.1.13.1.2")
BreastTomosynthesisImageStorage: Final = UID("1.2.840.10008.5.1.4.1.1.13.1.3")
BreastProjectionXRayImageStorageForPresentation: Final = UID("1.2.840.10008.5.1.4.1.1.13.1.4")
BreastProjectionXRayImageStorageForProcessing: Final = UID("1.2.840.10008.5.1.4.1.1.13.1.5")
IntravascularOpticalCoherenceTomographyImageStorageForPresentation: Final = UID("1.2.840.10008.5.1.4.1.1.14.1")
IntravascularOpticalCoherenceTomographyImageStorageForProcessing: Final = UID("1.2.840.10008.5.1.4.1.1.14.2")
NuclearMedicineImageStorage: Final = UID("1.2.840.10008.5.1.4.1.1.20")
ParametricMapStorage: Final = UID("1.2.840.10008.5.1.4.1.1.30")
MRImageStorageZeroPadded: Final = UID("1.2.840.10008.5.1.4.1.1.40")  # retired
RawDataStorage: Final = UID("1.2.840.10008.5.1.4.1.1.66")
SpatialRegistrationStorage: Final = UID("1.2.840.10008.5.1.4.1.1.66.1")
SpatialFiducialsStorage: Final = UID("1.2.840.10008.5.1.4.1.1.66.2")
DeformableSpatialRegistrationStorage: Final = UID("1.2.840.10008.5.1.4.1.1.66.3")
SegmentationStorage: Final = UID("1.2.840.10008.5.1.4.1.1.66.4")
SurfaceSegmentationStorage: Final = UID("1.2.840.10008.5.1.4.1.1.66.5")
TractographyResultsStorage: Final = UID("1.2.840.10008.5.1.4.1.1.66.6")
LabelMapSegmentationStorage: Final = UID("1.2.840.10008.5.1.4.1.1.66.7")
HeightMapSegmentationStorage: Final = UID("1.2.840.10008.5.1.4.1.1.66.8")
RealWorldValueMappingStorage: Final = UID("1.2.840.10008.5.1.4.1.1.67")
SurfaceScanMeshStorage: Final = UID("1.2.840.10008.5.1.4.1.1.68.1")
SurfaceScanPointCloudStorage: Final = UID("1.2.840.10008.5.1.4.1.1.68.2")
VLImageStorageTrial: Final = UID("1.2.840.10008.5.1.4.1.1.77.1")  # retired
VLEndoscopicImageStorage: Final = UID("1.2.840.10008.5.1.4.1.1.77.1.1")
VideoEndoscopicImageStorage: Final = UID("1.2.840.10008.5.1.4.1.1.77.1.1.1")
VLMicroscopicImageStorage: Final = UID("1.2.840.10008.5.1.4.1.1.77.1.2")
VideoMicroscopicImageStorage: Final = UID("1.2.840.10008.5.1.4.1.1.77.1.2.1")
VLSlideCoordinatesMicroscopicImageStorage: Final = UID("1.2.840.10008.5.1.4.1.1.77.1.3")
VLPhotographicImageStorage: Final = UID("1.2.840.10008.5.1.4.1.1.77.1.4")
VideoPhotographicImageStorage: Final = UID("1.2.840.10008.5.1.4.1.1.77.1.4.1")
OphthalmicPhotography8BitImageStorage: Final = UID("1.2.840.10008.5.1.4.1.1.77.1.5.1")
OphthalmicPhotography16BitImageStorage: Final = UID("1.2.840.10008.5.1.4.1.1.77.1.5.2")
StereometricRelationshipStorage: Final = UID("1.2.840.10008.5.1.4.1.1.77.1.5.3")
OphthalmicTomographyImageStorage: Final = UID("1.2.840.10008.5.1.4.1.1.77.1.5.4")
WideFieldOphthalmicPhotographyStereographicProjectionImageStorage: Final = UID("1.2.840.10008.5.1.4.1.1.77.1.5.5")
WideFieldOphthalmicPhotography3DCoordinatesImageStorage: Final = UID("1.2.840.10008.5.1.4.1.1.77.1.5.6")
OphthalmicOpticalCoherenceTomographyEnFaceImageStorage: Final = UID("1.2.840.10008.5.1.4.1.1.77.1.5.7")
OphthalmicOpticalCoherenceTomographyBscanVolumeAnalysisStorage: Final = UID("1.2.840.10008.5.1.4.1.1.77.1.5.8")
VLWholeSlideMicroscopyImageStorage: Final = UID("1.2.840.10008.5.1.4.1.1.77.1.6")
DermoscopicPhotographyImageStorage: Final = UID("1.2.840.10008.5.1.4.1.1.77.1.7")
ConfocalMicroscopyImageStorage: Final = UID("1.2.840.10008.5.1.4.1.1.77.1.8")
ConfocalMicroscopyTiledPyramidalImageStorage: Final = UID("1.2.840.10008.5.1.4.1.1.77.1.9")
VLMultiFrameImageStorageTrial: Final = UID("1.2.840.10008.5.1.4.1.1.77.2")  # retired
LensometryMeasurementsStorage: Final = UID("1.2.840.10008.5.1.4.1.1.78.1")
AutorefractionMeasurementsStorage: Final = UID("1.2.840.10008.5.1.4.1.1.78.2")
KeratometryMeasurementsStorage: Final = UID("1.2.840.10008.5.1.4.1.1.78.3")
SubjectiveRefractionMeasurementsStorage: Final = UID("1.2.840.10008.5.1.4.1.1.78.4")
VisualAcuityMeasurementsStorage: Final = UID("1.2.840.10008.5.1.4.1.1.78.5")
SpectaclePrescriptionReportStorage: Final = UID("1.2.840.10008.5.1.4.1.1.78.6")
OphthalmicAxialMeasurementsStorage: Final = UID("1.2.840.10008.5.1.4.1.1.78.7")
IntraocularLensCalculationsStorage: Final = UID("1.2.840.10008.5.1.4.1.1.78.8")
MacularGridThicknessAndVolumeReportStorage: Final = UID("1.2.840.10008.5.1.4.1.1.79.1")
OphthalmicVisualFieldStaticPerimetryMeasurementsStorage: Final = UID("1.2.840.10008.5.1.4.1.1.80.1")
OphthalmicThicknessMapStorage: Final = UID("1.2.840.10008.5.1.4.1.1.81.1")
CornealTopographyMapStorage: Final = UID("1.2.840.10008.5.1.4.1.1.82.1")
TextSRStorageTrial: Final = UID("1.2.840.10008.5.1.4.1.1.88.1")  # retired
AudioSRStorageTrial: Final = UID("1.2.840.10008.5.1.4.1.1.88.2")  # retired
DetailSRStorageTrial: Final = UID("1.2.840.10008.5.1.4.1.1.88.3")  # retired
ComprehensiveSRStorageTrial: Final = UID("1.2.840.10008.5.1.4.1.1.88.4")  # retired
BasicTextSRStorage: Final = UID("1.2.840.10008.5.1.4.1.1.88.11")
EnhancedSRStorage: Final = UID("1.2.840.10008.5.1.4.1.1.88.22")
ComprehensiveSRStorage: Final = UID("1.2.840.10008.5.1.4.1.1.88.33")
Comprehensive3DSRStorage: Final = UID("1.2.840.10008.5.1.4.1.1.88.34")
ExtensibleSRStorage: Final = UID("1.2.840.10008.5.1.4.1.1.88.35")
ProcedureLogStorage: Final = UID("1.2.840.10008.5.1.4.1.1.88.40")
MammographyCADSRStorage: Final = UID("1.2.840.10008.5.1.4.1.1.88.50")
KeyObjectSelectionDocumentStorage: Final = UID("1.2.840.10008.5.1.4.1.1.88.59")
ChestCADSRStorage: Final = UID("1.2.840.10008.5.1.4.1.1.88.65")
XRayRadiationDoseSRStorage: Final = UID("1.2.840.10008.5.1.4.1.1.88.67")
RadiopharmaceuticalRadiationDoseSRStorage: Final = UID("1.2.840.10008.5.1.4.1.1.88.68")
ColonCADSRStorage: Final = UID("1.2.840.10008.5.1.4.1.1.88.69")
ImplantationPlanSRStorage: Final = UID("1.2.840.10008.5.1.4.1.1.88.70")
AcquisitionContextSRStorage: Final = UID("1.2.840.10008.5.1.4.1.1.88.71")
SimplifiedAdultEchoSRStorage: Final = UID("1.2.840.10008.5.1.4.1.1.88.72")
PatientRadiationDoseSRStorage: Final = UID("1.2.840.10008.5.1.4.1.1.88.73")
PlannedImagingAgentAdministrationSRStorage: Final = UID("1.2.840.10008.5.1.4.1.1.88.74")
PerformedImagingAgentAdministrationSRStorage: Final = UID("1.2.840.10008.5.1.4.1.1.88.75")
EnhancedXRayRadiationDoseSRStorage: Final = UID("1.2.840.10008.5.1.4.1.1.88.76")
WaveformAnnotationSRStorage: Final = UID("1.2.840.10008.5.1.4.1.1.88.77")
ContentAssessmentResultsStorage: Final = UID("1.2.840.10008.5.1.4.1.1.90.1")
MicroscopyBulkSimpleAnnotationsStorage: Final = UID("1.2.840.10008.5.1.4.1.1.91.1")
EncapsulatedPDFStorage: Final = UID("1.2.840.10008.5.1.4.1.1.104.1")
EncapsulatedCDAStorage: Final = UID("1.2.840.10008.5.1.4.1.1.104.2")
EncapsulatedSTLStorage: Final = UID("1.2.840.10008.5.1.4.1.1.104.3")
EncapsulatedOBJStorage: Final = UID("1.2.840.10008.5.1.4.1.1.104.4")
EncapsulatedMTLStorage: Final = UID("1.2.840.10008.5.1.4.1.1.104.5")
PositronEmissionTomographyImageStorage: Final = UID("1.2.840.10008.5.1.4.1.1.128")
LegacyConvertedEnhancedPETImageStorage: Final = UID("1.2.840.10008.5.1.4.1.1.128.1")
StandalonePETCurveStorage: Final = UID("1.2.840.10008.5.1.4.1.1.129")  # retired
EnhancedPETImageStorage: Final = UID("1.2.840.10008.5.1.4.1.1.130")
BasicStructuredDisplayStorage: Final = UID("1.2.840.10008.5.1.4.1.1.131")
CTDefinedProcedureProtocolStorage: Final = UID("1.2.840.10008.5.1.4.1.1.200.1")
CTPerformedProcedureProtocolStorage: Final = UID("1.2.840.10008.5.1.4.1.1.200.2")
ProtocolApprovalStorage: Final = UID("1.2.840.10008.5.1.4.1.1.200.3")
ProtocolApprovalInformationModelFind: Final = UID("1.2.840.10008.5.1.4.1.1.200.4")
ProtocolApprovalInformationModelMove: Final = UID("1.2.840.10008.5.1.4.1.1.200.5")
ProtocolApprovalInformationModelGet: Final = UID("1.2.840.10008.5.1.4.1.1.200.6")
XADefinedProcedureProtocolStorage: Final = UID("1.2.840.10008.5.1.4.1.1.200.7")
XAPerformedProcedureProtocolStorage: Final = UID("1.2.840.10008.5.1.4.1.1.200.8")
InventoryStorage: Final = UID("1.2.840.10008.5.1.4.1.1.201.1")
InventoryFind: Final = UID("1.2.840.10008.5.1.4.1.1.201.2")
InventoryMove: Final = UID("1.2.840.10008.5.1.4.1.1.201.3")
InventoryGet: Final = UID("1.2.840.10008.5.1.4.1.1.201.4")
InventoryCreation: Final = UID("1.2.840.10008.5.1.4.1.1.201.5")
RepositoryQuery: Final = UID("1.2.840.10008.5.1.4.1.1.201.6")
RTImageStorage: Final = UID("1.2.840.10008.5.1.4.1.1.481.1")
RTDoseStorage: Final = UID("1.2.840.10008.5.1.4.1.1.481.2")
RTStructureSetStorage: Final = UID("1.2.840.10008.5.1.4.1.1.481.3")
RTBeamsTreatmentRecordStorage: Final = UID("1.2.840.10008.5.1.4.1.1.481.4")
RTPlanStorage: Final = UID("1.2.840.10008.5.1.4.1.1.481.5")
RTBrachyTreatmentRecordStorage: Final = UID("1.2.840.10008.5.1.4.1.1.481.6")
RTTreatmentSummaryRecordStorage: Final = UID("1.2.840.10008.5.1.4.1.1.481.7")
RTIonPlanStorage: Final = UID("1.2.840.10008.5.1.4.1.1.481.8")
RTIonBeamsTreatmentRecordStorage: Final = UID("1.2.840.10008.5.1.4.1.1.481.9")
RTPhysicianIntentStorage: Final = UID("1.2.840.10008.5.1.4.1.1.481.10")
RTSegmentAnnotationStorage: Final = UID("1.2.840.10008.5.1.4.1.1.481.11")
RTRadiationSetStorage: Final = UID("1.2.840.10008.5.1.4.1.1.481.12")
CArmPhotonElectronRadiationStorage: Final = UID("1.2.840.10008.5.1.4.1.1.481.13")
TomotherapeuticRadiationStorage: Final = UID("1.2.840.10008.5.1.4.1.1.481.14")
RoboticArmRadiationStorage: Final = UID("1.2.840.10008.5.1.4.1.1.481.15")
RTRadiationRecordSetStorage: Final = UID("1.2.840.10008.5.1.4.1.1.481.16")
RTRadiationSalvageRecordStorage: Final = UID("1.2.840.10008.5.1.4.1.1.481.17")
TomotherapeuticRadiationRecordStorage: Final = UID("1.2.840.10008.5.1.4.1.1.481.18")
CArmPhotonElectronRadiationRecordStorage: Final = UID("1.2.840.10008.5.1.4.1.1.481.19")
RoboticRadiationRecordStorage: Final = UID("1.2.840.10008.5.1.4.1.1.481.20")
RTRadiationSetDeliveryInstructionStorage: Final = UID("1.2.840.10008.5.1.4.1.1.481.21")
RTTreatmentPreparationStorage: Final = UID("1.2.840.10008.5.1.4.1.1.481.22")
EnhancedRTImageStorage: Final = UID("1.2.840.10008.5.1.4.1.1.481.23")
EnhancedContinuousRTImageStorage: Final = UID("1.2.840.10008.5.1.4.1.1.481.24")
RTPatientPositionAcquisitionInstructionStorage: Final = UID("1.2.840.10008.5.1.4.1.1.481.25")
DICOSCTImageStorage: Final = UID("1.2.840.10008.5.1.4.1.1.501.1")
DICOSDigitalXRayImageStorageForPresentation: Final = UID("1.2.840.10008.5.1.4.1.1.501.2.1")
DICOSDigitalXRayImageStorageForProcessing: Final = UID("1.2.840.10008.5.1.4.1.1.501.2.2")
DICOSThreatDetectionReportStorage: Final = UID("1.2.840.10008.5.1.4.1.1.501.3")
DICOS2DAITStorage: Final = UID("1.2.840.10008.5.1.4.1.1.501.4")
DICOS3DAITStorage: Final = UID("1.2.840.10008.5.1.4.1.1.501.5")
DICOSQuadrupoleResonanceStorage: Final = UID("1.2.840.10008.5.1.4.1.1.501.6")
EddyCurrentImageStorage: Final = UID("1.2.840.10008.5.1.4.1.1.601.1")
EddyCurrentMultiFrameImageStorage: Final = UID("1.2.840.10008.5.1.4.1.1.601.2")
ThermographyImageStorage: Final = UID("1.2.840.10008.5.1.4.1.1.601.3")
ThermographyMultiFrameImageStorage: Final = UID("1.2.840.10008.5.1.4.1.1.601.4")
UltrasoundWaveformStorage: Final = UID("1.2.840.10008.5.1.4.1.1.601.5")
PatientRootQueryRetrieveInformationModelFind: Final = UID("1.2.840.10008.5.1.4.1.2.1.1")
PatientRootQueryRetrieveInformationModelMove: Final = UID("1.2.840.10008.5.1.4.1.2.1.2")
PatientRootQueryRetrieveInformationModelGet: Final = UID("1.2.840.10008.5.1.4.1.2.1.3")
StudyRootQueryRetrieveInformationModelFind: Final = UID("1.2.840.10008.5.1.4.1.2.2.1")
StudyRootQueryRetrieveInformationModelMove: Final = UID("1.2.840.10008.5.1.4.1.2.2.2")
StudyRootQueryRetrieveInformationModelGet: Final = UID("1.2.840.10008.5.1.4.1.2.2.3")
PatientStudyOnlyQueryRetrieveInformationModelFind: Final = UID("1.2.840.10008.5.1.4.1.2.3.1")  # retired
PatientStudyOnlyQueryRetrieveInformationModelMove: Final = UID("1.2.840.10008.5.1.4.1.2.3.2")  # retired
PatientStudyOnlyQueryRetrieveInformationModelGet: Final = UID("1.2.840.10008.5.1.4.1.2.3.3")  # retired
CompositeInstanceRootRetrieveMove: Final = UID("1.2.840.10008.5.1.4.1.2.4.2")
CompositeInstanceRootRetrieveGet: Final = UID("1.2.840.10008.5.1.4.1.2.4.3")
CompositeInstanceRetrieveWithoutBulkDataGet: Final = UID("1.2.840.10008.5.1.4.1.2.5.3")
DefinedProcedureProtocolInformationModelFind: Final = UID("1.2.840.10008.5.1.4.20.1")
DefinedProcedureProtocolInformationModelMove: Final = UID("1.2.840.10008.5.1.4.20.2")
DefinedProcedureProtocolInformationModelGet: Final = UID("1.2.840.10008.5.1.4.20.3")
ModalityWorklistInformationModelFind: Final = UID("1.2.840.10008.5.1.4.31")
GeneralPurposeWorklistInformationModelFind: Final = UID("1.2.840.10008.5.1.4.32.1")  # retired
GeneralPurposeScheduledProcedureStep: Final = UID("1.2.840.10008.5.1.4.32.2")  # retired
GeneralPurposePerformedProcedureStep: Final = UID("1.2.840.10008.5.1.4.32.3")  # retired
InstanceAvailabilityNotification: Final = UID("1.2.840.10008.5.1.4.33")
RTBeamsDeliveryInstructionStorageTrial: Final = UID("1.2.840.10008.5.1.4.34.1")  # retired
RTConventionalMachineVerificationTrial: Final = UID("1.2.840.10008.5.1.4.34.2")  # retired
RTIonMachineVerificationTrial: Final = UID("1.2.840.10008.5.1.4.34.3")  # retired
UnifiedProcedureStepPushTrial: Final = UID("1.2.840.10008.5.1.4.34.4.1")  # retired
UnifiedProcedureStepWatchTrial: Final = UID("1.2.840.10008.5.1.4.34.4.2")  # retired
UnifiedProcedureStepPullTrial: Final = UID("1.2.840.10008.5.1.4.34.4.3")  # retired
UnifiedProcedureStepEventTrial: Final = UID("1.2.840.10008.5.1.4.34.4.4")  # retired
UnifiedProcedureStepPush: Final = UID("1.2.840.10008.5.1.4.34.6.1")
UnifiedProcedureStepWatch: Final = UID("1.2.840.10008.5.1.4.34.6.2")
UnifiedProcedureStepPull: Final = UID("1.2.840.10008.5.1.4.34.6.3")
UnifiedProcedureStepEvent: Final = UID("1.2.840.10008.5.1.4.34.6.4")
UnifiedProcedureStepQuery: Final = UID("1.2.840.10008.5.1.4.34.6.5")
RTBeamsDeliveryInstructionStorage: Final = UID("1.2.840.10008.5.1.4.34.7")
RTConventionalMachineVerification: Final = UID("1.2.840.10008.5.1.4.34.8")
RTIonMachineVerification: Final = UID("1.2.840.10008.5.1.4.34.9")
RTBrachyApplicationSetupDeliveryInstructionStorage: Final = UID("1.2.840.10008.5.1.4.34.10")
GeneralRelevantPatientInformationQuery: Final = UID("1.2.840.10008.5.1.4.37.1")
BreastImagingRelevantPatientInformationQuery: Final = UID("1.2.840.10008.5.1.4.37.2")
CardiacRelevantPatientInformationQuery: Final = UID("1.2.840.10008.5.1.4.37.3")
HangingProtocolStorage: Final = UID("1.2.840.10008.5.1.4.38.1")
HangingProtocolInformationModelFind: Final = UID("1.2.840.10008.5.1.4.38.2")
HangingProtocolInformationModelMove: Final = UID("1.2.840.10008.5.1.4.38.3")
HangingProtocolInformationModelGet: Final = UID("1.2.840.10008.5.1.4.38.4")
ColorPaletteStorage: Final = UID("1.2.840.10008.5.1.4.39.1")
ColorPaletteQueryRetrieveInformationModelFind: Final = UID("1.2.840.10008.5.1.4.39.2")
ColorPaletteQueryRetrieveInformationModelMove: Final = UID("1.2.840.10008.5.1.4.39.3")
ColorPaletteQueryRetrieveInformationModelGet: Final = UID("1.2.840.10008.5.1.4.39.4")
ProductCharacteristicsQuery: Final = UID("1.2.840.10008.5.1.4.41")
SubstanceApprovalQuery: Final = UID("1.2.840.10008.5.1.4.42")
GenericImplantTemplateStorage: Final = UID("1.2.840.10008.5.1.4.43.1")
GenericImplantTemplateInformationModelFind: Final = UID("1.2.840.10008.5.1.4.43.2")
GenericImplantTemplateInformationModelMove: Final = UID("1.2.840.10008.5.1.4.43.3")
GenericImplantTemplateInformationModelGet: Final = UID("1.2.840.10008.5.1.4.43.4")
ImplantAssemblyTemplateStorage: Final = UID("1.2.840.10008.5.1.4.44.1")
ImplantAssemblyTemplateInformationModelFind: Final = UID("1.2.840.10008.5.1.4.44.2")
ImplantAssemblyTemplateInformationModelMove: Final = UID("1.2.840.10008.5.1.4.44.3")
ImplantAssemblyTemplateInformationModelGet: Final = UID("1.2.840.10008.5.1.4.44.4")
ImplantTemplateGroupStorage: Final = UID("1.2.840.10008.5.1.4.45.1")
ImplantTemplateGroupInformationModelFind: Final = UID("1.2.840.10008.5.1.4.45.2")
ImplantTemplateGroupInformationModelMove: Final = UID("1.2.840.10008.5.1.4.45.3")
ImplantTemplateGroupInformationModelGet: Final = UID("1.2.840.10008.5.1.4.45.4")
VideoEndoscopicImageRealTimeCommunication: Final = UID("1.2.840.10008.10.1")
VideoPhotographicImageRealTimeCommunication: Final = UID("1.2.840.10008.10.2")
AudioWaveformRealTimeCommunication: Final = UID("1.2.840.10008.10.3")
RenditionSelectionDocumentRealTimeCommunication: Final = UID("1.2.840.10008.10.4")

# Meta SOP Class
DetachedPatientManagementMeta: Final = UID("1.2.840.10008.3.1.2.1.4")  # retired
DetachedResultsManagementMeta: Final = UID("1.2.840.10008.3.1.2.5.4")  # retired
DetachedStudyManagementMeta: Final = UID("1.2.840.10008.3.1.2.5.5")  # retired
BasicGrayscalePrintManagementMeta: Final = UID("1.2.840.10008.5.1.1.9")
ReferencedGrayscalePrintManagementMeta: Final = UID("1.2.840.10008.5.1.1.9.1")  # retired
BasicColorPrintManagementMeta: Final = UID("1.2.840.10008.5.1.1.18")
ReferencedColorPrintManagementMeta: Final = UID("1.2.840.10008.5.1.1.18.1")  # retired
PullStoredPrintManagementMeta: Final = UID("1.2.840.10008.5.1.1.32")  # retired
GeneralPurposeWorklistManagementMeta: Final = UID("1.2.840.10008.5.1.4.32")  # retired

# Service Class
Storage: Final = UID("1.2.840.10008.4.2")
UnifiedWorklistAndProcedureStepTrial: Final = UID("1.2.840.10008.5.1.4.34.4")  # retired
UnifiedWorklistAndProcedureStep: Final = UID("1.2.840.10008.5.1.4.34.6")

# Transfer Syntax
ImplicitVRLittleEndian: Final = UID("1.2.840.10008.1.2")
ExplicitVRLittleEndian: Final = UID("1.2.840.10008.1.2.1")
EncapsulatedUncompressedExplicitVRLittleEndian: Final = UID("1.2.840.10008.1.2.1.98")
DeflatedExplicitVRLittleEndian: Final = UID("1.2.840.10008.1.2.1.99")
ExplicitVRBigEndian: Final = UID("1.2.840.10008.1.2.2")  # retired
JPEGBaseline8Bit: Final = UID("1.2.840.10008.1.2.4.50")
JPEGExtended12Bit: Final = UID("1.2.840.10008.1.2.4.51")
JPEGExtended35: Final = UID("1.2.840.10008.1.2.4.52")  # retired
JPEGSpectralSelectionNonHierarchical68: Final = UID("1.2.840.10008.1.2.4.53")  # retired
JPEGSpectralSelectionNonHierarchical79: Final = UID("1.2.840.10008.1.2.4.54")  # retired
JPEGFullProgressionNonHierarchical1012: Final = UID("1.2.840.10008.1.2.4.55")  # retired
JPEGFullProgressionNonHierarchical1113: Final = UID("1.2.840.10008.1.2.4.56")  # retired
JPEGLossless: Final = UID("1.2.840.10008.1.2.4.57")
JPEGLosslessNonHierarchical15: Final = UID("1.2.840.10008.1.2.4.58")  # retired
JPEGExtendedHierarchical1618: Final = UID("1.2.840.10008.1.2.4.59")  # retired
JPEGExtendedHierarchical1719: Final = UID("1.2.840.10008.1.2.4.60")  # retired
JPEGSpectralSelectionHierarchical2022: Final = UID("1.2.840.10008.1.2.4.61")  # retired
JPEGSpectralSelectionHierarchical2123: Final = UID("1.2.840.10008.1.2.4.62")  # retired
JPEGFullProgressionHierarchical2426: Final = UID("1.2.840.10008.1.2.4.63")  # retired
JPEGFullProgressionHierarchical2527: Final = UID("1.2.840.10008.1.2.4.64")  # retired
JPEGLosslessHierarchical28: Final = UID("1.2.840.10008.1.2.4.65")  # retired
JPEGLosslessHierarchical29: Final = UID("1.2.840.10008.1.2.4.66")  # retired
JPEGLosslessSV1: Final = UID("1.2.840.10008.1.2.4.70")
JPEGLSLossless: Final = UID("1.2.840.10008.1.2.4.80")
JPEGLSNearLossless: Final = UID("1.2.840.10008.1.2.4.81")
JPEG2000Lossless: Final = UID("1.2.840.10008.1.2.4.90")
JPEG2000: Final = UID("1.2.840.10008.1.2.4.91")
JPEG2000MCLossless: Final = UID("1.2.840.10008.1.2.4.92")
JPEG2000MC: Final = UID("1.2.840.10008.1.2.4.93")
JPIPReferenced: Final = UID("1.2.840.10008.1.2.4.94")
JPIPReferencedDeflate: Final = UID("1.2.840.10008.1.2.4.95")
MPEG2MPML: Final = UID("1.2.840.10008.1.2.4.100")
MPEG2MPMLF: Final = UID("1.2.840.10008.1.2.4.100.1")
MPEG2MPHL: Final = UID("1.2.840.10008.1.2.4.101")
MPEG2MPHLF: Final = UID("1.2.840.10008.1.2.4.101.1")
MPEG4HP41: Final = UID("1.2.840.10008.1.2.4.102")
MPEG4HP41F: Final = UID("1.2.840.10008.1.2.4.102.1")
MPEG4HP41BD: Final = UID("1.2.840.10008.1.2.4.103")
MPEG4HP41BDF: Final = UID("1.2.840.10008.1.2.4.103.1")
MPEG4HP422D: Final = UID("1.2.840.10008.1.2.4.104")
MPEG4HP422DF: Final = UID("1.2.840.10008.1.2.4.104.1")
MPEG4HP423D: Final = UID("1.2.840.10008.1.2.4.105")
MPEG4HP423DF: Final = UID("1.2.840.10008.1.2.4.105.1")
MPEG4HP42STEREO: Final = UID("1.2.840.10008.1.2.4.106")
MPEG4HP42STEREOF: Final = UID("1.2.840.10008.1.2.4.106.1")
HEVCMP51: Final = UID("1.2.840.10008.1.2.4.107")
HEVCM10P51: Final = UID("1.2.840.10008.1.2.4.108")
JPEGXLLossless: Final = UID("1.2.840.10008.1.2.4.110")
JPEGXLJPEGRecompression: Final = UID("1.2.840.10008.1.2.4.111")
JPEGXL: Final = UID("1.2.840.10008.1.2.4.112")
HTJ2KLossless: Final = UID("1.2.840.10008.1.2.4.201")
HTJ2KLosslessRPCL: Final = UID("1.2.840.10008.1.2.4.202")
HTJ2K: Final = UID("1.2.840.10008.1.2.4.203")
JPIPHTJ2KReferenced: Final = UID("1.2.840.10008.1.2.4.204")
JPIPHTJ2KReferencedDeflate: Final = UID("1.2.840.10008.1.2.4.205")
RLELossless: Final = UID("1.2.840.10008.1.2.5")
RFC2557MIMEEncapsulation: Final = UID("1.2.840.10008.1.2.6.1")  # retired
XMLEncoding: Final = UID("1.2.840.10008.1.2.6.2")  # retired
SMPTEST211020UncompressedProgressiveActiveVideo: Final = UID("1.2.840.10008.1.2.7.1")
SMPTEST211020UncompressedInterlacedActiveVideo: Final = UID("1.2.840.10008.1.2.7.2")
SMPTEST211030PCMDigitalAudio: Final = UID("1.2.840.10008.1.2.7.3")
DeflatedImageFrameCompression: Final = UID("1.2.840.10008.1.2.8.1")
Papyrus3ImplicitVRLittleEndian: Final = UID("1.2.840.10008.1.20")  # retired

# Well-known SOP Instance
HotIronPalette: Final = UID("1.2.840.10008.1.5.1")
PETPalette: Final = UID("1.2.840.10008.1.5.2")
HotMetalBluePalette: Final = UID("1.2.840.10008.1.5.3")
PET20StepPalette: Final = UID("1.2.840.10008.1.5.4")
SpringPalette: Final = UID("1.2.840.10008.1.5.5")
SummerPalette: Final = UID("1.2.840.10008.1.5.6")
FallPalette: Final = UID("1.2.840.10008.1.5.7")
WinterPalette: Final = UID("1.2.840.10008.1.5.8")
StorageCommitmentPushModelInstance: Final = UID("1.2.840.10008.1.20.1.1")
StorageCommitmentPullModelInstance: Final = UID("1.2.840.10008.1.20.2.1")  # retired
ProceduralEventLoggingInstance: Final = UID("1.2.840.10008.1.40.1")
SubstanceAdministrationLoggingInstance: Final = UID("1.2.840.10008.1.42.1")
PrinterInstance: Final = UID("1.2.840.10008.5.1.1.17")
PrinterConfigurationRetrievalInstance: Final = UID("1.2.840.10008.5.1.1.17.376")
PrintQueueInstance: Final = UID("1.2.840.10008.5.1.1.25")  # retired
DisplaySystemInstance: Final = UID("1.2.840.10008.5.1.1.40.1")
StorageManagementInstance: Final = UID("1.2.840.10008.5.1.4.1.1.201.1.1")
UPSGlobalSubscriptionInstance: Final = UID("1.2.840.10008.5.1.4.34.5")
UPSFilteredGlobalSubscriptionInstance: Final = UID("1.2.840.10008.5.1.4.34.5.1")

# Well-known frame of reference
TalairachBrainAtlas: Final = UID("1.2.840.10008.1.4.1.1")
SPM2T1: Final = UID("1.2.840.10008.1.4.1.2")
SPM2T2: Final = UID("1.2.840.10008.1.4.1.3")
SPM2PD: Final = UID("1.2.840.10008.1.4.1.4")
SPM2EPI: Final = UID("1.2.840.10008.1.4.1.5")
SPM2FILT1: Final = UID("1.2.840.10008.1.4.1.6")
SPM2PET: Final = UID("1.2.840.10008.1.4.1.7")
SPM2TRANSM: Final = UID("1.2.840.10008.1.4.1.8")
SPM2SPECT: Final = UID("1.2.840.10008.1.4.1.9")
SPM2GRAY: Final = UID("1.2.840.10008.1.4.1.10")
SPM2WHITE: Final = UID("1.2.840.10008.1.4.1.11")
SPM2CSF: Final = UID("1.2.840.10008.1.4.1.12")
SPM2BRAINMASK: Final = UID("1.2.840.10008.1.4.1.13")
SPM2AVG305T1: Final = UID("1.2.840.10008.1.4.1.14")
SPM2AVG152T1: Final = UID("1.2.840.10008.1.4.1.15")
SPM2AVG152T2: Final = UID("1.2.840.10008.1.4.1.16")
SPM2AVG152PD: Final = UID("1.2.840.10008.1.4.1.17")
SPM2SINGLESUBJT1: Final = UID("1.2.840.10008.1.4.1.18")
ICBM452T1: Final = UID("1.2.840.10008.1.4.2.1")
ICBMSingleSubjectMRI: Final = UID("1.2.840.10008.1.4.2.2")
IEC61217FixedCoordinateSystem: Final = UID("1.2.840.10008.1.4.3.1")
StandardRoboticArmCoordinateSystem: Final = UID("1.2.840.10008.1.4.3.2")
IEC61217TableTopCoordinateSystem: Final = UID("1.2.840.10008.1.4.3.3")
SRI24: Final = UID("1.2.840.10008.1.4.4.1")
Colin27: Final = UID("1.2.840.10008.1.4.5.1")
LPBA40AIR: Final = UID("1.2.840.10008.1.4.6.1")
LPBA40FLIRT: Final = UID("1.2.840.10008.1.4.6.2")
LPBA40SPM5: Final = UID("1.2.840.10008.1.4.6.3")

# Synchronization Frame of Reference
UTC: Final = UID("1.2.840.10008.15.1.1")

DICOM_APPLICATION_CONTEXT: Final = DICOMApplicationContext

NAMES: Final[dict[str, str]] = {
    Verification: "Verification SOP Class",
    ImplicitVRLittleEndian: "Implicit VR Little Endian",
    ExplicitVRLittleEndian: "Explicit VR Little Endian",
    EncapsulatedUncompressedExplicitVRLittleEndian: "Encapsulated Uncompressed Explicit VR Little Endian",
    DeflatedExplicitVRLittleEndian: "Deflated Explicit VR Little Endian",
    ExplicitVRBigEndian: "Explicit VR Big Endian",
    JPEGBaseline8Bit: "JPEG Baseline (Process 1)",
    JPEGExtended12Bit: "JPEG Extended (Process 2 and 4)",
    JPEGExtended35: "JPEG Extended (Process 3 and 5)",
    JPEGSpectralSelectionNonHierarchical68: "JPEG Spectral Selection, Non-Hierarchical (Process 6 and 8)",
    JPEGSpectralSelectionNonHierarchical79: "JPEG Spectral Selection, Non-Hierarchical (Process 7 and 9)",
    JPEGFullProgressionNonHierarchical1012: "JPEG Full Progression, Non-Hierarchical (Process 10 and 12)",
    JPEGFullProgressionNonHierarchical1113: "JPEG Full Progression, Non-Hierarchical (Process 11 and 13)",
    JPEGLossless: "JPEG Lossless, Non-Hierarchical (Process 14)",
    JPEGLosslessNonHierarchical15: "JPEG Lossless, Non-Hierarchical (Process 15)",
    JPEGExtendedHierarchical1618: "JPEG Extended, Hierarchical (Process 16 and 18)",
    JPEGExtendedHierarchical1719: "JPEG Extended, Hierarchical (Process 17 and 19)",
    JPEGSpectralSelectionHierarchical2022: "JPEG Spectral Selection, Hierarchical (Process 20 and 22)",
    JPEGSpectralSelectionHierarchical2123: "JPEG Spectral Selection, Hierarchical (Process 21 and 23)",
    JPEGFullProgressionHierarchical2426: "JPEG Full Progression, Hierarchical (Process 24 and 26)",
    JPEGFullProgressionHierarchical2527: "JPEG Full Progression, Hierarchical (Process 25 and 27)",
    JPEGLosslessHierarchical28: "JPEG Lossless, Hierarchical (Process 28)",
    JPEGLosslessHierarchical29: "JPEG Lossless, Hierarchical (Process 29)",
    JPEGLosslessSV1: "JPEG Lossless, Non-Hierarchical, First-Order Prediction (Process 14 [Selection Value 1])",
    JPEGLSLossless: "JPEG-LS Lossless Image Compression",
    JPEGLSNearLossless: "JPEG-LS Lossy (Near-Lossless) Image Compression",
    JPEG2000Lossless: "JPEG 2000 Image Compression (Lossless Only)",
    JPEG2000: "JPEG 2000 Image Compression",
    JPEG2000MCLossless: "JPEG 2000 Part 2 Multi-component Image Compression (Lossless Only)",
    JPEG2000MC: "JPEG 2000 Part 2 Multi-component Image Compression",
    JPIPReferenced: "JPIP Referenced",
    JPIPReferencedDeflate: "JPIP Referenced Deflate",
    MPEG2MPML: "MPEG2 Main Profile / Main Level",
    MPEG2MPMLF: "Fragmentable MPEG2 Main Profile / Main Level",
    MPEG2MPHL: "MPEG2 Main Profile / High Level",
    MPEG2MPHLF: "Fragmentable MPEG2 Main Profile / High Level",
    MPEG4HP41: "MPEG-4 AVC/H.264 High Profile / Level 4.1",
    MPEG4HP41F: "Fragmentable MPEG-4 AVC/H.264 High Profile / Level 4.1",
    MPEG4HP41BD: "MPEG-4 AVC/H.264 BD-compatible High Profile / Level 4.1",
    MPEG4HP41BDF: "Fragmentable MPEG-4 AVC/H.264 BD-compatible High Profile / Level 4.1",
    MPEG4HP422D: "MPEG-4 AVC/H.264 High Profile / Level 4.2 For 2D Video",
    MPEG4HP422DF: "Fragmentable MPEG-4 AVC/H.264 High Profile / Level 4.2 For 2D Video",
    MPEG4HP423D: "MPEG-4 AVC/H.264 High Profile / Level 4.2 For 3D Video",
    MPEG4HP423DF: "Fragmentable MPEG-4 AVC/H.264 High Profile / Level 4.2 For 3D Video",
    MPEG4HP42STEREO: "MPEG-4 AVC/H.264 Stereo High Profile / Level 4.2",
    MPEG4HP42STEREOF: "Fragmentable MPEG-4 AVC/H.264 Stereo High Profile / Level 4.2",
    HEVCMP51: "HEVC/H.265 Main Profile / Level 5.1",
    HEVCM10P51: "HEVC/H.265 Main 10 Profile / Level 5.1",
    JPEGXLLossless: "JPEG XL Lossless",
    JPEGXLJPEGRecompression: "JPEG XL JPEG Recompression",
    JPEGXL: "JPEG XL",
    HTJ2KLossless: "High-Throughput JPEG 2000 Image Compression (Lossless Only)",
    HTJ2KLosslessRPCL: "High-Throughput JPEG 2000 with RPCL Options Image Compression (Lossless Only)",
    HTJ2K: "High-Throughput JPEG 2000 Image Compression",
    JPIPHTJ2KReferenced: "JPIP HTJ2K Referenced",
    JPIPHTJ2KReferencedDeflate: "JPIP HTJ2K Referenced Deflate",
    RLELossless: "RLE Lossless",
    RFC2557MIMEEncapsulation: "RFC 2557 MIME encapsulation",
    XMLEncoding: "XML Encoding",
    SMPTEST211020UncompressedProgressiveActiveVideo: "SMPTE ST 2110-20 Uncompressed Progressive Active Video",
    SMPTEST211020UncompressedInterlacedActiveVideo: "SMPTE ST 2110-20 Uncompressed Interlaced Active Video",
    SMPTEST211030PCMDigitalAudio: "SMPTE ST 2110-30 PCM Digital Audio",
    DeflatedImageFrameCompression: "Deflated Image Frame Compression",
    MediaStorageDirectoryStorage: "Media Storage Directory Storage",
    TalairachBrainAtlas: "Talairach Brain Atlas Frame of Reference",
    SPM2T1: "SPM2 T1 Frame of Reference",
    SPM2T2: "SPM2 T2 Frame of Reference",
    SPM2PD: "SPM2 PD Frame of Reference",
    SPM2EPI: "SPM2 EPI Frame of Reference",
    SPM2FILT1: "SPM2 FIL T1 Frame of Reference",
    SPM2PET: "SPM2 PET Frame of Reference",
    SPM2TRANSM: "SPM2 TRANSM Frame of Reference",
    SPM2SPECT: "SPM2 SPECT Frame of Reference",
    SPM2GRAY: "SPM2 GRAY Frame of Reference",
    SPM2WHITE: "SPM2 WHITE Frame of Reference",
    SPM2CSF: "SPM2 CSF Frame of Reference",
    SPM2BRAINMASK: "SPM2 BRAINMASK Frame of Reference",
    SPM2AVG305T1: "SPM2 AVG305T1 Frame of Reference",
    SPM2AVG152T1: "SPM2 AVG152T1 Frame of Reference",
    SPM2AVG152T2: "SPM2 AVG152T2 Frame of Reference",
    SPM2AVG152PD: "SPM2 AVG152PD Frame of Reference",
    SPM2SINGLESUBJT1: "SPM2 SINGLESUBJT1 Frame of Reference",
    ICBM452T1: "ICBM 452 T1 Frame of Reference",
    ICBMSingleSubjectMRI: "ICBM Single Subject MRI Frame of Reference",
    IEC61217FixedCoordinateSystem: "IEC 61217 Fixed Coordinate System Frame of Reference",
    StandardRoboticArmCoordinateSystem: "Standard Robotic-Arm Coordinate System Frame of Reference",
    IEC61217TableTopCoordinateSystem: "IEC 61217 Table Top Coordinate System Frame of Reference",
    SRI24: "SRI24 Frame of Reference",
    Colin27: "Colin27 Frame of Reference",
    LPBA40AIR: "LPBA40/AIR Frame of Reference",
    LPBA40FLIRT: "LPBA40/FLIRT Frame of Reference",
    LPBA40SPM5: "LPBA40/SPM5 Frame of Reference",
    HotIronPalette: "Hot Iron Color Palette SOP Instance",
    PETPalette: "PET Color Palette SOP Instance",
    HotMetalBluePalette: "Hot Metal Blue Color Palette SOP Instance",
    PET20StepPalette: "PET 20 Step Color Palette SOP Instance",
    SpringPalette: "Spring Color Palette SOP Instance",
    SummerPalette: "Summer Color Palette SOP Instance",
    FallPalette: "Fall Color Palette SOP Instance",
    WinterPalette: "Winter Color Palette SOP Instance",
    BasicStudyContentNotification: "Basic Study Content Notification SOP Class",
    Papyrus3ImplicitVRLittleEndian: "Papyrus 3 Implicit VR Little Endian",
    StorageCommitmentPushModel: "Storage Commitment Push Model SOP Class",
    StorageCommitmentPushModelInstance: "Storage Commitment Push Model SOP Instance",
    StorageCommitmentPullModel: "Storage Commitment Pull Model SOP Class",
    StorageCommitmentPullModelInstance: "Storage Commitment Pull Model SOP Instance",
    ProceduralEventLogging: "Procedural Event Logging SOP Class",
    ProceduralEventLoggingInstance: "Procedural Event Logging SOP Instance",
    SubstanceAdministrationLogging: "Substance Administration Logging SOP Class",
    SubstanceAdministrationLoggingInstance: "Substance Administration Logging SOP Instance",
    DICOMApplicationContext: "DICOM Application Context Name",
    DetachedPatientManagement: "Detached Patient Management SOP Class",
    DetachedPatientManagementMeta: "Detached Patient Management Meta SOP Class",
    DetachedVisitManagement: "Detached Visit Management SOP Class",
    DetachedStudyManagement: "Detached Study Management SOP Class",
    StudyComponentManagement: "Study Component Management SOP Class",
    ModalityPerformedProcedureStep: "Modality Performed Procedure Step SOP Class",
    ModalityPerformedProcedureStepRetrieve: "Modality Performed Procedure Step Retrieve SOP Class",
    ModalityPerformedProcedureStepNotification: "Modality Performed Procedure Step Notification SOP Class",
    DetachedResultsManagement: "Detached Results Management SOP Class",
    DetachedResultsManagementMeta: "Detached Results Management Meta SOP Class",
    DetachedStudyManagementMeta: "Detached Study Management Meta SOP Class",
    DetachedInterpretationManagement: "Detached Interpretation Management SOP Class",
    Storage: "Storage Service Class",
    BasicFilmSession: "Basic Film Session SOP Class",
    BasicFilmBox: "Basic Film Box SOP Class",
    BasicGrayscaleImageBox: "Basic Grayscale Image Box SOP Class",
    BasicColorImageBox: "Basic Color Image Box SOP Class",
    ReferencedImageBox: "Referenced Image Box SOP Class",
    BasicGrayscalePrintManagementMeta: "Basic Grayscale Print Management Meta SOP Class",
    ReferencedGrayscalePrintManagementMeta: "Referenced Grayscale Print Management Meta SOP Class",
    PrintJob: "Print Job SOP Class",
    BasicAnnotationBox: "Basic Annotation Box SOP Class",
    Printer: "Printer SOP Class",
    PrinterConfigurationRetrieval: "Printer Configuration Retrieval SOP Class",
    PrinterInstance: "Printer SOP Instance",
    PrinterConfigurationRetrievalInstance: "Printer Configuration Retrieval SOP Instance",
    BasicColorPrintManagementMeta: "Basic Color Print Management Meta SOP Class",
    ReferencedColorPrintManagementMeta: "Referenced Color Print Management Meta SOP Class",
    VOILUTBox: "VOI LUT Box SOP Class",
    PresentationLUT: "Presentation LUT SOP Class",
    ImageOverlayBox: "Image Overlay Box SOP Class",
    BasicPrintImageOverlayBox: "Basic Print Image Overlay Box SOP Class",
    PrintQueueInstance: "Print Queue SOP Instance",
    PrintQueueManagement: "Print Queue Management SOP Class",
    StoredPrintStorage: "Stored Print Storage SOP Class",
    HardcopyGrayscaleImageStorage: "Hardcopy Grayscale Image Storage SOP Class",
    HardcopyColorImageStorage: "Hardcopy Color Image Storage SOP Class",
    PullPrintRequest: "Pull Print Request SOP Class",
    PullStoredPrintManagementMeta: "Pull Stored Print Management Meta SOP Class",
    MediaCreationManagement: "Media Creation Management SOP Class UID",
    DisplaySystem: "Display System SOP Class",
    DisplaySystemInstance: "Display System SOP Instance",
    ComputedRadiographyImageStorage: "Computed Radiography Image Storage",
    DigitalXRayImageStorageForPresentation: "Digital X-Ray Image Storage - For Presentation",
    DigitalXRayImageStorageForProcessing: "Digital X-Ray Image Storage - For Processing",
    DigitalMammographyXRayImageStorageForPresentation: "Digital Mammography X-Ray Image Storage - For Presentation",
    DigitalMammographyXRayImageStorageForProcessing: "Digital Mammography X-Ray Image Storage - For Processing",
    DigitalIntraOralXRayImageStorageForPresentation: "Digital Intra-Oral X-Ray Image Storage - For Presentation",
    DigitalIntraOralXRayImageStorageForProcessing: "Digital Intra-Oral X-Ray Image Storage - For Processing",
    CTImageStorage: "CT Image Storage",
    EnhancedCTImageStorage: "Enhanced CT Image Storage",
    LegacyConvertedEnhancedCTImageStorage: "Legacy Converted Enhanced CT Image Storage",
    UltrasoundMultiFrameImageStorageRetired: "Ultrasound Multi-frame Image Storage",
    UltrasoundMultiFrameImageStorage: "Ultrasound Multi-frame Image Storage",
    MRImageStorage: "MR Image Storage",
    EnhancedMRImageStorage: "Enhanced MR Image Storage",
    MRSpectroscopyStorage: "MR Spectroscopy Storage",
    EnhancedMRColorImageStorage: "Enhanced MR Color Image Storage",
    LegacyConvertedEnhancedMRImageStorage: "Legacy Converted Enhanced MR Image Storage",
    NuclearMedicineImageStorageRetired: "Nuclear Medicine Image Storage",
    UltrasoundImageStorageRetired: "Ultrasound Image Storage",
    UltrasoundImageStorage: "Ultrasound Image Storage",
    EnhancedUSVolumeStorage: "Enhanced US Volume Storage",
    PhotoacousticImageStorage: "Photoacoustic Image Storage",
    SecondaryCaptureImageStorage: "Secondary Capture Image Storage",
    MultiFrameSingleBitSecondaryCaptureImageStorage: "Multi-frame Single Bit Secondary Capture Image Storage",
    MultiFrameGrayscaleByteSecondaryCaptureImageStorage: "Multi-frame Grayscale Byte Secondary Capture Image Storage",
    MultiFrameGrayscaleWordSecondaryCaptureImageStorage: "Multi-frame Grayscale Word Secondary Capture Image Storage",
    MultiFrameTrueColorSecondaryCaptureImageStorage: "Multi-frame True Color Secondary Capture Image Storage",
    StandaloneOverlayStorage: "Standalone Overlay Storage",
    StandaloneCurveStorage: "Standalone Curve Storage",
    WaveformStorageTrial: "Waveform Storage - Trial",
    TwelveLeadECGWaveformStorage: "12-lead ECG Waveform Storage",
    GeneralECGWaveformStorage: "General ECG Waveform Storage",
    AmbulatoryECGWaveformStorage: "Ambulatory ECG Waveform Storage",
    General32bitECGWaveformStorage: "General 32-bit ECG Waveform Storage",
    HemodynamicWaveformStorage: "Hemodynamic Waveform Storage",
    CardiacElectrophysiologyWaveformStorage: "Cardiac Electrophysiology Waveform Storage",
    BasicVoiceAudioWaveformStorage: "Basic Voice Audio Waveform Storage",
    GeneralAudioWaveformStorage: "General Audio Waveform Storage",
    ArterialPulseWaveformStorage: "Arterial Pulse Waveform Storage",
    RespiratoryWaveformStorage: "Respiratory Waveform Storage",
    MultichannelRespiratoryWaveformStorage: "Multi-channel Respiratory Waveform Storage",
    RoutineScalpElectroencephalogramWaveformStorage: "Routine Scalp Electroencephalogram Waveform Storage",
    ElectromyogramWaveformStorage: "Electromyogram Waveform Storage",
    ElectrooculogramWaveformStorage: "Electrooculogram Waveform Storage",
    SleepElectroencephalogramWaveformStorage: "Sleep Electroencephalogram Waveform Storage",
    BodyPositionWaveformStorage: "Body Position Waveform Storage",
    WaveformPresentationStateStorage: "Waveform Presentation State Storage",
    WaveformAcquisitionPresentationStateStorage: "Waveform Acquisition Presentation State Storage",
    StandaloneModalityLUTStorage: "Standalone Modality LUT Storage",
    StandaloneVOILUTStorage: "Standalone VOI LUT Storage",
    GrayscaleSoftcopyPresentationStateStorage: "Grayscale Softcopy Presentation State Storage",
    ColorSoftcopyPresentationStateStorage: "Color Softcopy Presentation State Storage",
    PseudoColorSoftcopyPresentationStateStorage: "Pseudo-Color Softcopy Presentation State Storage",
    BlendingSoftcopyPresentationStateStorage: "Blending Softcopy Presentation State Storage",
    XAXRFGrayscaleSoftcopyPresentationStateStorage: "XA/XRF Grayscale Softcopy Presentation State Storage",
    GrayscalePlanarMPRVolumetricPresentationStateStorage: "Grayscale Planar MPR Volumetric Presentation State Storage",
    CompositingPlanarMPRVolumetricPresentationStateStorage: "Compositing Planar MPR Volumetric Presentation State Storage",
    AdvancedBlendingPresentationStateStorage: "Advanced Blending Presentation State Storage",
    VolumeRenderingVolumetricPresentationStateStorage: "Volume Rendering Volumetric Presentation State Storage",
    SegmentedVolumeRenderingVolumetricPresentationStateStorage: "Segmented Volume Rendering Volumetric Presentation State Storage",
    MultipleVolumeRenderingVolumetricPresentationStateStorage: "Multiple Volume Rendering Volumetric Presentation State Storage",
    VariableModalityLUTSoftcopyPresentationStateStorage: "Variable Modality LUT Softcopy Presentation State Storage",
    XRayAngiographicImageStorage: "X-Ray Angiographic Image Storage",
    EnhancedXAImageStorage: "Enhanced XA Image Storage",
    XRayRadiofluoroscopicImageStorage: "X-Ray Radiofluoroscopic Image Storage",
    EnhancedXRFImageStorage: "Enhanced XRF Image Storage",
    XRayAngiographicBiPlaneImageStorage: "X-Ray Angiographic Bi-Plane Image Storage",
    ZeissOPTFile: "Zeiss OPT File",
    XRay3DAngiographicImageStorage: "X-Ray 3D Angiographic Image Storage",
    XRay3DCraniofacialImageStorage: "X-Ray 3D Craniofacial Image Storage",
    BreastTomosynthesisImageStorage: "Breast Tomosynthesis Image Storage",
    BreastProjectionXRayImageStorageForPresentation: "Breast Projection X-Ray Image Storage - For Presentation",
    BreastProjectionXRayImageStorageForProcessing: "Breast Projection X-Ray Image Storage - For Processing",
    IntravascularOpticalCoherenceTomographyImageStorageForPresentation: "Intravascular Optical Coherence Tomography Image Storage - For Presentation",
    IntravascularOpticalCoherenceTomographyImageStorageForProcessing: "Intravascular Optical Coherence Tomography Image Storage - For Processing",
    NuclearMedicineImageStorage: "Nuclear Medicine Image Storage",
    ParametricMapStorage: "Parametric Map Storage",
    MRImageStorageZeroPadded: "MR Image Storage Zero Padded",
    RawDataStorage: "Raw Data Storage",
    SpatialRegistrationStorage: "Spatial Registration Storage",
    SpatialFiducialsStorage: "Spatial Fiducials Storage",
    DeformableSpatialRegistrationStorage: "Deformable Spatial Registration Storage",
    SegmentationStorage: "Segmentation Storage",
    SurfaceSegmentationStorage: "Surface Segmentation Storage",
    TractographyResultsStorage: "Tractography Results Storage",
    LabelMapSegmentationStorage: "Label Map Segmentation Storage",
    HeightMapSegmentationStorage: "Height Map Segmentation Storage",
    RealWorldValueMappingStorage: "Real World Value Mapping Storage",
    SurfaceScanMeshStorage: "Surface Scan Mesh Storage",
    SurfaceScanPointCloudStorage: "Surface Scan Point Cloud Storage",
    VLImageStorageTrial: "VL Image Storage - Trial",
    VLEndoscopicImageStorage: "VL Endoscopic Image Storage",
    VideoEndoscopicImageStorage: "Video Endoscopic Image Storage",
    VLMicroscopicImageStorage: "VL Microscopic Image Storage",
    VideoMicroscopicImageStorage: "Video Microscopic Image Storage",
    VLSlideCoordinatesMicroscopicImageStorage: "VL Slide-Coordinates Microscopic Image Storage",
    VLPhotographicImageStorage: "VL Photographic Image Storage",
    VideoPhotographicImageStorage: "Video Photographic Image Storage",
    OphthalmicPhotography8BitImageStorage: "Ophthalmic Photography 8 Bit Image Storage",
    OphthalmicPhotography16BitImageStorage: "Ophthalmic Photography 16 Bit Image Storage",
    StereometricRelationshipStorage: "Stereometric Relationship Storage",
    OphthalmicTomographyImageStorage: "Ophthalmic Tomography Image Storage",
    WideFieldOphthalmicPhotographyStereographicProjectionImageStorage: "Wide Field Ophthalmic Photography Stereographic Projection Image Storage",
    WideFieldOphthalmicPhotography3DCoordinatesImageStorage: "Wide Field Ophthalmic Photography 3D Coordinates Image Storage",
    OphthalmicOpticalCoherenceTomographyEnFaceImageStorage: "Ophthalmic Optical Coherence Tomography En Face Image Storage",
    OphthalmicOpticalCoherenceTomographyBscanVolumeAnalysisStorage: "Ophthalmic Optical Coherence Tomography B-scan Volume Analysis Storage",
    VLWholeSlideMicroscopyImageStorage: "VL Whole Slide Microscopy Image Storage",
    DermoscopicPhotographyImageStorage: "Dermoscopic Photography Image Storage",
    ConfocalMicroscopyImageStorage: "Confocal Microscopy Image Storage",
    ConfocalMicroscopyTiledPyramidalImageStorage: "Confocal Microscopy Tiled Pyramidal Image Storage",
    VLMultiFrameImageStorageTrial: "VL Multi-frame Image Storage - Trial",
    LensometryMeasurementsStorage: "Lensometry Measurements Storage",
    AutorefractionMeasurementsStorage: "Autorefraction Measurements Storage",
    KeratometryMeasurementsStorage: "Keratometry Measurements Storage",
    SubjectiveRefractionMeasurementsStorage: "Subjective Refraction Measurements Storage",
    VisualAcuityMeasurementsStorage: "Visual Acuity Measurements Storage",
    SpectaclePrescriptionReportStorage: "Spectacle Prescription Report Storage",
    OphthalmicAxialMeasurementsStorage: "Ophthalmic Axial Measurements Storage",
    IntraocularLensCalculationsStorage: "Intraocular Lens Calculations Storage",
    MacularGridThicknessAndVolumeReportStorage: "Macular Grid Thickness and Volume Report Storage",
    OphthalmicVisualFieldStaticPerimetryMeasurementsStorage: "Ophthalmic Visual Field Static Perimetry Measurements Storage",
    OphthalmicThicknessMapStorage: "Ophthalmic Thickness Map Storage",
    CornealTopographyMapStorage: "Corneal Topography Map Storage",
    TextSRStorageTrial: "Text SR Storage - Trial",
    AudioSRStorageTrial: "Audio SR Storage - Trial",
    DetailSRStorageTrial: "Detail SR Storage - Trial",
    ComprehensiveSRStorageTrial: "Comprehensive SR Storage - Trial",
    BasicTextSRStorage: "Basic Text SR Storage",
    EnhancedSRStorage: "Enhanced SR Storage",
    ComprehensiveSRStorage: "Comprehensive SR Storage",
    Comprehensive3DSRStorage: "Comprehensive 3D SR Storage",
    ExtensibleSRStorage: "Extensible SR Storage",
    ProcedureLogStorage: "Procedure Log Storage",
    MammographyCADSRStorage: "Mammography CAD SR Storage",
    KeyObjectSelectionDocumentStorage: "Key Object Selection Document Storage",
    ChestCADSRStorage: "Chest CAD SR Storage",
    XRayRadiationDoseSRStorage: "X-Ray Radiation Dose SR Storage",
    RadiopharmaceuticalRadiationDoseSRStorage: "Radiopharmaceutical Radiation Dose SR Storage",
    ColonCADSRStorage: "Colon CAD SR Storage",
    ImplantationPlanSRStorage: "Implantation Plan SR Storage",
    AcquisitionContextSRStorage: "Acquisition Context SR Storage",
    SimplifiedAdultEchoSRStorage: "Simplified Adult Echo SR Storage",
    PatientRadiationDoseSRStorage: "Patient Radiation Dose SR Storage",
    PlannedImagingAgentAdministrationSRStorage: "Planned Imaging Agent Administration SR Storage",
    PerformedImagingAgentAdministrationSRStorage: "Performed Imaging Agent Administration SR Storage",
    EnhancedXRayRadiationDoseSRStorage: "Enhanced X-Ray Radiation Dose SR Storage",
    WaveformAnnotationSRStorage: "Waveform Annotation SR Storage",
    ContentAssessmentResultsStorage: "Content Assessment Results Storage",
    MicroscopyBulkSimpleAnnotationsStorage: "Microscopy Bulk Simple Annotations Storage",
    EncapsulatedPDFStorage: "Encapsulated PDF Storage",
    EncapsulatedCDAStorage: "Encapsulated CDA Storage",
    EncapsulatedSTLStorage: "Encapsulated STL Storage",
    EncapsulatedOBJStorage: "Encapsulated OBJ Storage",
    EncapsulatedMTLStorage: "Encapsulated MTL Storage",
    PositronEmissionTomographyImageStorage: "Positron Emission Tomography Image Storage",
    LegacyConvertedEnhancedPETImageStorage: "Legacy Converted Enhanced PET Image Storage",
    StandalonePETCurveStorage: "Standalone PET Curve Storage",
    EnhancedPETImageStorage: "Enhanced PET Image Storage",
    BasicStructuredDisplayStorage: "Basic Structured Display Storage",
    CTDefinedProcedureProtocolStorage: "CT Defined Procedure Protocol Storage",
    CTPerformedProcedureProtocolStorage: "CT Performed Procedure Protocol Storage",
    ProtocolApprovalStorage: "Protocol Approval Storage",
    ProtocolApprovalInformationModelFind: "Protocol Approval Information Model - FIND",
    ProtocolApprovalInformationModelMove: "Protocol Approval Information Model - MOVE",
    ProtocolApprovalInformationModelGet: "Protocol Approval Information Model - GET",
    XADefinedProcedureProtocolStorage: "XA Defined Procedure Protocol Storage",
    XAPerformedProcedureProtocolStorage: "XA Performed Procedure Protocol Storage",
    InventoryStorage: "Inventory Storage",
    StorageManagementInstance: "Storage Management SOP Instance",
    InventoryFind: "Inventory - FIND",
    InventoryMove: "Inventory - MOVE",
    InventoryGet: "Inventory - GET",
    InventoryCreation: "Inventory Creation",
    RepositoryQuery: "Repository Query",
    RTImageStorage: "RT Image Storage",
    RTDoseStorage: "RT Dose Storage",
    RTStructureSetStorage: "RT Structure Set Storage",
    RTBeamsTreatmentRecordStorage: "RT Beams Treatment Record Storage",
    RTPlanStorage: "RT Plan Storage",
    RTBrachyTreatmentRecordStorage: "RT Brachy Treatment Record Storage",
    RTTreatmentSummaryRecordStorage: "RT Treatment Summary Record Storage",
    RTIonPlanStorage: "RT Ion Plan Storage",
    RTIonBeamsTreatmentRecordStorage: "RT Ion Beams Treatment Record Storage",
    RTPhysicianIntentStorage: "RT Physician Intent Storage",
    RTSegmentAnnotationStorage: "RT Segment Annotation Storage",
    RTRadiationSetStorage: "RT Radiation Set Storage",
    CArmPhotonElectronRadiationStorage: "C-Arm Photon-Electron Radiation Storage",
    TomotherapeuticRadiationStorage: "Tomotherapeutic Radiation Storage",
    RoboticArmRadiationStorage: "Robotic-Arm Radiation Storage",
    RTRadiationRecordSetStorage: "RT Radiation Record Set Storage",
    RTRadiationSalvageRecordStorage: "RT Radiation Salvage Record Storage",
    TomotherapeuticRadiationRecordStorage: "Tomotherapeutic Radiation Record Storage",
    CArmPhotonElectronRadiationRecordStorage: "C-Arm Photon-Electron Radiation Record Storage",
    RoboticRadiationRecordStorage: "Robotic Radiation Record Storage",
    RTRadiationSetDeliveryInstructionStorage: "RT Radiation Set Delivery Instruction Storage",
    RTTreatmentPreparationStorage: "RT Treatment Preparation Storage",
    EnhancedRTImageStorage: "Enhanced RT Image Storage",
    EnhancedContinuousRTImageStorage: "Enhanced Continuous RT Image Storage",
    RTPatientPositionAcquisitionInstructionStorage: "RT Patient Position Acquisition Instruction Storage",
    DICOSCTImageStorage: "DICOS CT Image Storage",
    DICOSDigitalXRayImageStorageForPresentation: "DICOS Digital X-Ray Image Storage - For Presentation",
    DICOSDigitalXRayImageStorageForProcessing: "DICOS Digital X-Ray Image Storage - For Processing",
    DICOSThreatDetectionReportStorage: "DICOS Threat Detection Report Storage",
    DICOS2DAITStorage: "DICOS 2D AIT Storage",
    DICOS3DAITStorage: "DICOS 3D AIT Storage",
    DICOSQuadrupoleResonanceStorage: "DICOS Quadrupole Resonance (QR) Storage",
    EddyCurrentImageStorage: "Eddy Current Image Storage",
    EddyCurrentMultiFrameImageStorage: "Eddy Current Multi-frame Image Storage",
    ThermographyImageStorage: "Thermography Image Storage",
    ThermographyMultiFrameImageStorage: "Thermography Multi-frame Image Storage",
    UltrasoundWaveformStorage: "Ultrasound Waveform Storage",
    PatientRootQueryRetrieveInformationModelFind: "Patient Root Query/Retrieve Information Model - FIND",
    PatientRootQueryRetrieveInformationModelMove: "Patient Root Query/Retrieve Information Model - MOVE",
    PatientRootQueryRetrieveInformationModelGet: "Patient Root Query/Retrieve Information Model - GET",
    StudyRootQueryRetrieveInformationModelFind: "Study Root Query/Retrieve Information Model - FIND",
    StudyRootQueryRetrieveInformationModelMove: "Study Root Query/Retrieve Information Model - MOVE",
    StudyRootQueryRetrieveInformationModelGet: "Study Root Query/Retrieve Information Model - GET",
    PatientStudyOnlyQueryRetrieveInformationModelFind: "Patient/Study Only Query/Retrieve Information Model - FIND",
    PatientStudyOnlyQueryRetrieveInformationModelMove: "Patient/Study Only Query/Retrieve Information Model - MOVE",
    PatientStudyOnlyQueryRetrieveInformationModelGet: "Patient/Study Only Query/Retrieve Information Model - GET",
    CompositeInstanceRootRetrieveMove: "Composite Instance Root Retrieve - MOVE",
    CompositeInstanceRootRetrieveGet: "Composite Instance Root Retrieve - GET",
    CompositeInstanceRetrieveWithoutBulkDataGet: "Composite Instance Retrieve Without Bulk Data - GET",
    DefinedProcedureProtocolInformationModelFind: "Defined Procedure Protocol Information Model - FIND",
    DefinedProcedureProtocolInformationModelMove: "Defined Procedure Protocol Information Model - MOVE",
    DefinedProcedureProtocolInformationModelGet: "Defined Procedure Protocol Information Model - GET",
    ModalityWorklistInformationModelFind: "Modality Worklist Information Model - FIND",
    GeneralPurposeWorklistManagementMeta: "General Purpose Worklist Management Meta SOP Class",
    GeneralPurposeWorklistInformationModelFind: "General Purpose Worklist Information Model - FIND",
    GeneralPurposeScheduledProcedureStep: "General Purpose Scheduled Procedure Step SOP Class",
    GeneralPurposePerformedProcedureStep: "General Purpose Performed Procedure Step SOP Class",
    InstanceAvailabilityNotification: "Instance Availability Notification SOP Class",
    RTBeamsDeliveryInstructionStorageTrial: "RT Beams Delivery Instruction Storage - Trial",
    RTConventionalMachineVerificationTrial: "RT Conventional Machine Verification - Trial",
    RTIonMachineVerificationTrial: "RT Ion Machine Verification - Trial",
    UnifiedWorklistAndProcedureStepTrial: "Unified Worklist and Procedure Step Service Class - Trial",
    UnifiedProcedureStepPushTrial: "Unified Procedure Step - Push SOP Class - Trial",
    UnifiedProcedureStepWatchTrial: "Unified Procedure Step - Watch SOP Class - Trial",
    UnifiedProcedureStepPullTrial: "Unified Procedure Step - Pull SOP Class - Trial",
    UnifiedProcedureStepEventTrial: "Unified Procedure Step - Event SOP Class - Trial",
    UPSGlobalSubscriptionInstance: "UPS Global Subscription SOP Instance",
    UPSFilteredGlobalSubscriptionInstance: "UPS Filtered Global Subscription SOP Instance",
    UnifiedWorklistAndProcedureStep: "Unified Worklist and Procedure Step Service Class",
    UnifiedProcedureStepPush: "Unified Procedure Step - Push SOP Class",
    UnifiedProcedureStepWatch: "Unified Procedure Step - Watch SOP Class",
    UnifiedProcedureStepPull: "Unified Procedure Step - Pull SOP Class",
    UnifiedProcedureStepEvent: "Unified Procedure Step - Event SOP Class",
    UnifiedProcedureStepQuery: "Unified Procedure Step - Query SOP Class",
    RTBeamsDeliveryInstructionStorage: "RT Beams Delivery Instruction Storage",
    RTConventionalMachineVerification: "RT Conventional Machine Verification",
    RTIonMachineVerification: "RT Ion Machine Verification",
    RTBrachyApplicationSetupDeliveryInstructionStorage: "RT Brachy Application Setup Delivery Instruction Storage",
    GeneralRelevantPatientInformationQuery: "General Relevant Patient Information Query",
    BreastImagingRelevantPatientInformationQuery: "Breast Imaging Relevant Patient Information Query",
    CardiacRelevantPatientInformationQuery: "Cardiac Relevant Patient Information Query",
    HangingProtocolStorage: "Hanging Protocol Storage",
    HangingProtocolInformationModelFind: "Hanging Protocol Information Model - FIND",
    HangingProtocolInformationModelMove: "Hanging Protocol Information Model - MOVE",
    HangingProtocolInformationModelGet: "Hanging Protocol Information Model - GET",
    ColorPaletteStorage: "Color Palette Storage",
    ColorPaletteQueryRetrieveInformationModelFind: "Color Palette Query/Retrieve Information Model - FIND",
    ColorPaletteQueryRetrieveInformationModelMove: "Color Palette Query/Retrieve Information Model - MOVE",
    ColorPaletteQueryRetrieveInformationModelGet: "Color Palette Query/Retrieve Information Model - GET",
    ProductCharacteristicsQuery: "Product Characteristics Query SOP Class",
    SubstanceApprovalQuery: "Substance Approval Query SOP Class",
    GenericImplantTemplateStorage: "Generic Implant Template Storage",
    GenericImplantTemplateInformationModelFind: "Generic Implant Template Information Model - FIND",
    GenericImplantTemplateInformationModelMove: "Generic Implant Template Information Model - MOVE",
    GenericImplantTemplateInformationModelGet: "Generic Implant Template Information Model - GET",
    ImplantAssemblyTemplateStorage: "Implant Assembly Template Storage",
    ImplantAssemblyTemplateInformationModelFind: "Implant Assembly Template Information Model - FIND",
    ImplantAssemblyTemplateInformationModelMove: "Implant Assembly Template Information Model - MOVE",
    ImplantAssemblyTemplateInformationModelGet: "Implant Assembly Template Information Model - GET",
    ImplantTemplateGroupStorage: "Implant Template Group Storage",
    ImplantTemplateGroupInformationModelFind: "Implant Template Group Information Model - FIND",
    ImplantTemplateGroupInformationModelMove: "Implant Template Group Information Model - MOVE",
    ImplantTemplateGroupInformationModelGet: "Implant Template Group Information Model - GET",
    VideoEndoscopicImageRealTimeCommunication: "Video Endoscopic Image Real-Time Communication",
    VideoPhotographicImageRealTimeCommunication: "Video Photographic Image Real-Time Communication",
    AudioWaveformRealTimeCommunication: "Audio Waveform Real-Time Communication",
    RenditionSelectionDocumentRealTimeCommunication: "Rendition Selection Document Real-Time Communication",
    UTC: "Universal Coordinated Time",
}
"""The names of PS3.6 Annex A by UID."""

KEYWORDS: Final[dict[str, UID]] = {
    "Verification": Verification,
    "ImplicitVRLittleEndian": ImplicitVRLittleEndian,
    "ExplicitVRLittleEndian": ExplicitVRLittleEndian,
    "EncapsulatedUncompressedExplicitVRLittleEndian": EncapsulatedUncompressedExplicitVRLittleEndian,
    "DeflatedExplicitVRLittleEndian": DeflatedExplicitVRLittleEndian,
    "ExplicitVRBigEndian": ExplicitVRBigEndian,
    "JPEGBaseline8Bit": JPEGBaseline8Bit,
    "JPEGExtended12Bit": JPEGExtended12Bit,
    "JPEGExtended35": JPEGExtended35,
    "JPEGSpectralSelectionNonHierarchical68": JPEGSpectralSelectionNonHierarchical68,
    "JPEGSpectralSelectionNonHierarchical79": JPEGSpectralSelectionNonHierarchical79,
    "JPEGFullProgressionNonHierarchical1012": JPEGFullProgressionNonHierarchical1012,
    "JPEGFullProgressionNonHierarchical1113": JPEGFullProgressionNonHierarchical1113,
    "JPEGLossless": JPEGLossless,
    "JPEGLosslessNonHierarchical15": JPEGLosslessNonHierarchical15,
    "JPEGExtendedHierarchical1618": JPEGExtendedHierarchical1618,
    "JPEGExtendedHierarchical1719": JPEGExtendedHierarchical1719,
    "JPEGSpectralSelectionHierarchical2022": JPEGSpectralSelectionHierarchical2022,
    "JPEGSpectralSelectionHierarchical2123": JPEGSpectralSelectionHierarchical2123,
    "JPEGFullProgressionHierarchical2426": JPEGFullProgressionHierarchical2426,
    "JPEGFullProgressionHierarchical2527": JPEGFullProgressionHierarchical2527,
    "JPEGLosslessHierarchical28": JPEGLosslessHierarchical28,
    "JPEGLosslessHierarchical29": JPEGLosslessHierarchical29,
    "JPEGLosslessSV1": JPEGLosslessSV1,
    "JPEGLSLossless": JPEGLSLossless,
    "JPEGLSNearLossless": JPEGLSNearLossless,
    "JPEG2000Lossless": JPEG2000Lossless,
    "JPEG2000": JPEG2000,
    "JPEG2000MCLossless": JPEG2000MCLossless,
    "JPEG2000MC": JPEG2000MC,
    "JPIPReferenced": JPIPReferenced,
    "JPIPReferencedDeflate": JPIPReferencedDeflate,
    "MPEG2MPML": MPEG2MPML,
    "MPEG2MPMLF": MPEG2MPMLF,
    "MPEG2MPHL": MPEG2MPHL,
    "MPEG2MPHLF": MPEG2MPHLF,
    "MPEG4HP41": MPEG4HP41,
    "MPEG4HP41F": MPEG4HP41F,
    "MPEG4HP41BD": MPEG4HP41BD,
    "MPEG4HP41BDF": MPEG4HP41BDF,
    "MPEG4HP422D": MPEG4HP422D,
    "MPEG4HP422DF": MPEG4HP422DF,
    "MPEG4HP423D": MPEG4HP423D,
    "MPEG4HP423DF": MPEG4HP423DF,
    "MPEG4HP42STEREO": MPEG4HP42STEREO,
    "MPEG4HP42STEREOF": MPEG4HP42STEREOF,
    "HEVCMP51": HEVCMP51,
    "HEVCM10P51": HEVCM10P51,
    "JPEGXLLossless": JPEGXLLossless,
    "JPEGXLJPEGRecompression": JPEGXLJPEGRecompression,
    "JPEGXL": JPEGXL,
    "HTJ2KLossless": HTJ2KLossless,
    "HTJ2KLosslessRPCL": HTJ2KLosslessRPCL,
    "HTJ2K": HTJ2K,
    "JPIPHTJ2KReferenced": JPIPHTJ2KReferenced,
    "JPIPHTJ2KReferencedDeflate": JPIPHTJ2KReferencedDeflate,
    "RLELossless": RLELossless,
    "RFC2557MIMEEncapsulation": RFC2557MIMEEncapsulation,
    "XMLEncoding": XMLEncoding,
    "SMPTEST211020UncompressedProgressiveActiveVideo": SMPTEST211020UncompressedProgressiveActiveVideo,
    "SMPTEST211020UncompressedInterlacedActiveVideo": SMPTEST211020UncompressedInterlacedActiveVideo,
    "SMPTEST211030PCMDigitalAudio": SMPTEST211030PCMDigitalAudio,
    "DeflatedImageFrameCompression": DeflatedImageFrameCompression,
    "MediaStorageDirectoryStorage": MediaStorageDirectoryStorage,
    "TalairachBrainAtlas": TalairachBrainAtlas,
    "SPM2T1": SPM2T1,
    "SPM2T2": SPM2T2,
    "SPM2PD": SPM2PD,
    "SPM2EPI": SPM2EPI,
    "SPM2FILT1": SPM2FILT1,
    "SPM2PET": SPM2PET,
    "SPM2TRANSM": SPM2TRANSM,
    "SPM2SPECT": SPM2SPECT,
    "SPM2GRAY": SPM2GRAY,
    "SPM2WHITE": SPM2WHITE,
    "SPM2CSF": SPM2CSF,
    "SPM2BRAINMASK": SPM2BRAINMASK,
    "SPM2AVG305T1": SPM2AVG305T1,
    "SPM2AVG152T1": SPM2AVG152T1,
    "SPM2AVG152T2": SPM2AVG152T2,
    "SPM2AVG152PD": SPM2AVG152PD,
    "SPM2SINGLESUBJT1": SPM2SINGLESUBJT1,
    "ICBM452T1": ICBM452T1,
    "ICBMSingleSubjectMRI": ICBMSingleSubjectMRI,
    "IEC61217FixedCoordinateSystem": IEC61217FixedCoordinateSystem,
    "StandardRoboticArmCoordinateSystem": StandardRoboticArmCoordinateSystem,
    "IEC61217TableTopCoordinateSystem": IEC61217TableTopCoordinateSystem,
    "SRI24": SRI24,
    "Colin27": Colin27,
    "LPBA40AIR": LPBA40AIR,
    "LPBA40FLIRT": LPBA40FLIRT,
    "LPBA40SPM5": LPBA40SPM5,
    "HotIronPalette": HotIronPalette,
    "PETPalette": PETPalette,
    "HotMetalBluePalette": HotMetalBluePalette,
    "PET20StepPalette": PET20StepPalette,
    "SpringPalette": SpringPalette,
    "SummerPalette": SummerPalette,
    "FallPalette": FallPalette,
    "WinterPalette": WinterPalette,
    "BasicStudyContentNotification": BasicStudyContentNotification,
    "Papyrus3ImplicitVRLittleEndian": Papyrus3ImplicitVRLittleEndian,
    "StorageCommitmentPushModel": StorageCommitmentPushModel,
    "StorageCommitmentPushModelInstance": StorageCommitmentPushModelInstance,
    "StorageCommitmentPullModel": StorageCommitmentPullModel,
    "StorageCommitmentPullModelInstance": StorageCommitmentPullModelInstance,
    "ProceduralEventLogging": ProceduralEventLogging,
    "ProceduralEventLoggingInstance": ProceduralEventLoggingInstance,
    "SubstanceAdministrationLogging": SubstanceAdministrationLogging,
    "SubstanceAdministrationLoggingInstance": SubstanceAdministrationLoggingInstance,
    "DICOMApplicationContext": DICOMApplicationContext,
    "DetachedPatientManagement": DetachedPatientManagement,
    "DetachedPatientManagementMeta": DetachedPatientManagementMeta,
    "DetachedVisitManagement": DetachedVisitManagement,
    "DetachedStudyManagement": DetachedStudyManagement,
    "StudyComponentManagement": StudyComponentManagement,
    "ModalityPerformedProcedureStep": ModalityPerformedProcedureStep,
    "ModalityPerformedProcedureStepRetrieve": ModalityPerformedProcedureStepRetrieve,
    "ModalityPerformedProcedureStepNotification": ModalityPerformedProcedureStepNotification,
    "DetachedResultsManagement": DetachedResultsManagement,
    "DetachedResultsManagementMeta": DetachedResultsManagementMeta,
    "DetachedStudyManagementMeta": DetachedStudyManagementMeta,
    "DetachedInterpretationManagement": DetachedInterpretationManagement,
    "Storage": Storage,
    "BasicFilmSession": BasicFilmSession,
    "BasicFilmBox": BasicFilmBox,
    "BasicGrayscaleImageBox": BasicGrayscaleImageBox,
    "BasicColorImageBox": BasicColorImageBox,
    "ReferencedImageBox": ReferencedImageBox,
    "BasicGrayscalePrintManagementMeta": BasicGrayscalePrintManagementMeta,
    "ReferencedGrayscalePrintManagementMeta": ReferencedGrayscalePrintManagementMeta,
    "PrintJob": PrintJob,
    "BasicAnnotationBox": BasicAnnotationBox,
    "Printer": Printer,
    "PrinterConfigurationRetrieval": PrinterConfigurationRetrieval,
    "PrinterInstance": PrinterInstance,
    "PrinterConfigurationRetrievalInstance": PrinterConfigurationRetrievalInstance,
    "BasicColorPrintManagementMeta": BasicColorPrintManagementMeta,
    "ReferencedColorPrintManagementMeta": ReferencedColorPrintManagementMeta,
    "VOILUTBox": VOILUTBox,
    "PresentationLUT": PresentationLUT,
    "ImageOverlayBox": ImageOverlayBox,
    "BasicPrintImageOverlayBox": BasicPrintImageOverlayBox,
    "PrintQueueInstance": PrintQueueInstance,
    "PrintQueueManagement": PrintQueueManagement,
    "StoredPrintStorage": StoredPrintStorage,
    "HardcopyGrayscaleImageStorage": HardcopyGrayscaleImageStorage,
    "HardcopyColorImageStorage": HardcopyColorImageStorage,
    "PullPrintRequest": PullPrintRequest,
    "PullStoredPrintManagementMeta": PullStoredPrintManagementMeta,
    "MediaCreationManagement": MediaCreationManagement,
    "DisplaySystem": DisplaySystem,
    "DisplaySystemInstance": DisplaySystemInstance,
    "ComputedRadiographyImageStorage": ComputedRadiographyImageStorage,
    "DigitalXRayImageStorageForPresentation": DigitalXRayImageStorageForPresentation,
    "DigitalXRayImageStorageForProcessing": DigitalXRayImageStorageForProcessing,
    "DigitalMammographyXRayImageStorageForPresentation": DigitalMammographyXRayImageStorageForPresentation,
    "DigitalMammographyXRayImageStorageForProcessing": DigitalMammographyXRayImageStorageForProcessing,
    "DigitalIntraOralXRayImageStorageForPresentation": DigitalIntraOralXRayImageStorageForPresentation,
    "DigitalIntraOralXRayImageStorageForProcessing": DigitalIntraOralXRayImageStorageForProcessing,
    "CTImageStorage": CTImageStorage,
    "EnhancedCTImageStorage": EnhancedCTImageStorage,
    "LegacyConvertedEnhancedCTImageStorage": LegacyConvertedEnhancedCTImageStorage,
    "UltrasoundMultiFrameImageStorageRetired": UltrasoundMultiFrameImageStorageRetired,
    "UltrasoundMultiFrameImageStorage": UltrasoundMultiFrameImageStorage,
    "MRImageStorage": MRImageStorage,
    "EnhancedMRImageStorage": EnhancedMRImageStorage,
    "MRSpectroscopyStorage": MRSpectroscopyStorage,
    "EnhancedMRColorImageStorage": EnhancedMRColorImageStorage,
    "LegacyConvertedEnhancedMRImageStorage": LegacyConvertedEnhancedMRImageStorage,
    "NuclearMedicineImageStorageRetired": NuclearMedicineImageStorageRetired,
    "UltrasoundImageStorageRetired": UltrasoundImageStorageRetired,
    "UltrasoundImageStorage": UltrasoundImageStorage,
    "EnhancedUSVolumeStorage": EnhancedUSVolumeStorage,
    "PhotoacousticImageStorage": PhotoacousticImageStorage,
    "SecondaryCaptureImageStorage": SecondaryCaptureImageStorage,
    "MultiFrameSingleBitSecondaryCaptureImageStorage": MultiFrameSingleBitSecondaryCaptureImageStorage,
    "MultiFrameGrayscaleByteSecondaryCaptureImageStorage": MultiFrameGrayscaleByteSecondaryCaptureImageStorage,
    "MultiFrameGrayscaleWordSecondaryCaptureImageStorage": MultiFrameGrayscaleWordSecondaryCaptureImageStorage,
    "MultiFrameTrueColorSecondaryCaptureImageStorage": MultiFrameTrueColorSecondaryCaptureImageStorage,
    "StandaloneOverlayStorage": StandaloneOverlayStorage,
    "StandaloneCurveStorage": StandaloneCurveStorage,
    "WaveformStorageTrial": WaveformStorageTrial,
    "TwelveLeadECGWaveformStorage": TwelveLeadECGWaveformStorage,
    "GeneralECGWaveformStorage": GeneralECGWaveformStorage,
    "AmbulatoryECGWaveformStorage": AmbulatoryECGWaveformStorage,
    "General32bitECGWaveformStorage": General32bitECGWaveformStorage,
    "HemodynamicWaveformStorage": HemodynamicWaveformStorage,
    "CardiacElectrophysiologyWaveformStorage": CardiacElectrophysiologyWaveformStorage,
    "BasicVoiceAudioWaveformStorage": BasicVoiceAudioWaveformStorage,
    "GeneralAudioWaveformStorage": GeneralAudioWaveformStorage,
    "ArterialPulseWaveformStorage": ArterialPulseWaveformStorage,
    "RespiratoryWaveformStorage": RespiratoryWaveformStorage,
    "MultichannelRespiratoryWaveformStorage": MultichannelRespiratoryWaveformStorage,
    "RoutineScalpElectroencephalogramWaveformStorage": RoutineScalpElectroencephalogramWaveformStorage,
    "ElectromyogramWaveformStorage": ElectromyogramWaveformStorage,
    "ElectrooculogramWaveformStorage": ElectrooculogramWaveformStorage,
    "SleepElectroencephalogramWaveformStorage": SleepElectroencephalogramWaveformStorage,
    "BodyPositionWaveformStorage": BodyPositionWaveformStorage,
    "WaveformPresentationStateStorage": WaveformPresentationStateStorage,
    "WaveformAcquisitionPresentationStateStorage": WaveformAcquisitionPresentationStateStorage,
    "StandaloneModalityLUTStorage": StandaloneModalityLUTStorage,
    "StandaloneVOILUTStorage": StandaloneVOILUTStorage,
    "GrayscaleSoftcopyPresentationStateStorage": GrayscaleSoftcopyPresentationStateStorage,
    "ColorSoftcopyPresentationStateStorage": ColorSoftcopyPresentationStateStorage,
    "PseudoColorSoftcopyPresentationStateStorage": PseudoColorSoftcopyPresentationStateStorage,
    "BlendingSoftcopyPresentationStateStorage": BlendingSoftcopyPresentationStateStorage,
    "XAXRFGrayscaleSoftcopyPresentationStateStorage": XAXRFGrayscaleSoftcopyPresentationStateStorage,
    "GrayscalePlanarMPRVolumetricPresentationStateStorage": GrayscalePlanarMPRVolumetricPresentationStateStorage,
    "CompositingPlanarMPRVolumetricPresentationStateStorage": CompositingPlanarMPRVolumetricPresentationStateStorage,
    "AdvancedBlendingPresentationStateStorage": AdvancedBlendingPresentationStateStorage,
    "VolumeRenderingVolumetricPresentationStateStorage": VolumeRenderingVolumetricPresentationStateStorage,
    "SegmentedVolumeRenderingVolumetricPresentationStateStorage": SegmentedVolumeRenderingVolumetricPresentationStateStorage,
    "MultipleVolumeRenderingVolumetricPresentationStateStorage": MultipleVolumeRenderingVolumetricPresentationStateStorage,
    "VariableModalityLUTSoftcopyPresentationStateStorage": VariableModalityLUTSoftcopyPresentationStateStorage,
    "XRayAngiographicImageStorage": XRayAngiographicImageStorage,
    "EnhancedXAImageStorage": EnhancedXAImageStorage,
    "XRayRadiofluoroscopicImageStorage": XRayRadiofluoroscopicImageStorage,
    "EnhancedXRFImageStorage": EnhancedXRFImageStorage,
    "XRayAngiographicBiPlaneImageStorage": XRayAngiographicBiPlaneImageStorage,
    "ZeissOPTFile": ZeissOPTFile,
    "XRay3DAngiographicImageStorage": XRay3DAngiographicImageStorage,
    "XRay3DCraniofacialImageStorage": XRay3DCraniofacialImageStorage,
    "BreastTomosynthesisImageStorage": BreastTomosynthesisImageStorage,
    "BreastProjectionXRayImageStorageForPresentation": BreastProjectionXRayImageStorageForPresentation,
    "BreastProjectionXRayImageStorageForProcessing": BreastProjectionXRayImageStorageForProcessing,
    "IntravascularOpticalCoherenceTomographyImageStorageForPresentation": IntravascularOpticalCoherenceTomographyImageStorageForPresentation,
    "IntravascularOpticalCoherenceTomographyImageStorageForProcessing": IntravascularOpticalCoherenceTomographyImageStorageForProcessing,
    "NuclearMedicineImageStorage": NuclearMedicineImageStorage,
    "ParametricMapStorage": ParametricMapStorage,
    "MRImageStorageZeroPadded": MRImageStorageZeroPadded,
    "RawDataStorage": RawDataStorage,
    "SpatialRegistrationStorage": SpatialRegistrationStorage,
    "SpatialFiducialsStorage": SpatialFiducialsStorage,
    "DeformableSpatialRegistrationStorage": DeformableSpatialRegistrationStorage,
    "SegmentationStorage": SegmentationStorage,
    "SurfaceSegmentationStorage": SurfaceSegmentationStorage,
    "TractographyResultsStorage": TractographyResultsStorage,
    "LabelMapSegmentationStorage": LabelMapSegmentationStorage,
    "HeightMapSegmentationStorage": HeightMapSegmentationStorage,
    "RealWorldValueMappingStorage": RealWorldValueMappingStorage,
    "SurfaceScanMeshStorage": SurfaceScanMeshStorage,
    "SurfaceScanPointCloudStorage": SurfaceScanPointCloudStorage,
    "VLImageStorageTrial": VLImageStorageTrial,
    "VLEndoscopicImageStorage": VLEndoscopicImageStorage,
    "VideoEndoscopicImageStorage": VideoEndoscopicImageStorage,
    "VLMicroscopicImageStorage": VLMicroscopicImageStorage,
    "VideoMicroscopicImageStorage": VideoMicroscopicImageStorage,
    "VLSlideCoordinatesMicroscopicImageStorage": VLSlideCoordinatesMicroscopicImageStorage,
    "VLPhotographicImageStorage": VLPhotographicImageStorage,
    "VideoPhotographicImageStorage": VideoPhotographicImageStorage,
    "OphthalmicPhotography8BitImageStorage": OphthalmicPhotography8BitImageStorage,
    "OphthalmicPhotography16BitImageStorage": OphthalmicPhotography16BitImageStorage,
    "StereometricRelationshipStorage": StereometricRelationshipStorage,
    "OphthalmicTomographyImageStorage": OphthalmicTomographyImageStorage,
    "WideFieldOphthalmicPhotographyStereographicProjectionImageStorage": WideFieldOphthalmicPhotographyStereographicProjectionImageStorage,
    "WideFieldOphthalmicPhotography3DCoordinatesImageStorage": WideFieldOphthalmicPhotography3DCoordinatesImageStorage,
    "OphthalmicOpticalCoherenceTomographyEnFaceImageStorage": OphthalmicOpticalCoherenceTomographyEnFaceImageStorage,
    "OphthalmicOpticalCoherenceTomographyBscanVolumeAnalysisStorage": OphthalmicOpticalCoherenceTomographyBscanVolumeAnalysisStorage,
    "VLWholeSlideMicroscopyImageStorage": VLWholeSlideMicroscopyImageStorage,
    "DermoscopicPhotographyImageStorage": DermoscopicPhotographyImageStorage,
    "ConfocalMicroscopyImageStorage": ConfocalMicroscopyImageStorage,
    "ConfocalMicroscopyTiledPyramidalImageStorage": ConfocalMicroscopyTiledPyramidalImageStorage,
    "VLMultiFrameImageStorageTrial": VLMultiFrameImageStorageTrial,
    "LensometryMeasurementsStorage": LensometryMeasurementsStorage,
    "AutorefractionMeasurementsStorage": AutorefractionMeasurementsStorage,
    "KeratometryMeasurementsStorage": KeratometryMeasurementsStorage,
    "SubjectiveRefractionMeasurementsStorage": SubjectiveRefractionMeasurementsStorage,
    "VisualAcuityMeasurementsStorage": VisualAcuityMeasurementsStorage,
    "SpectaclePrescriptionReportStorage": SpectaclePrescriptionReportStorage,
    "OphthalmicAxialMeasurementsStorage": OphthalmicAxialMeasurementsStorage,
    "IntraocularLensCalculationsStorage": IntraocularLensCalculationsStorage,
    "MacularGridThicknessAndVolumeReportStorage": MacularGridThicknessAndVolumeReportStorage,
    "OphthalmicVisualFieldStaticPerimetryMeasurementsStorage": OphthalmicVisualFieldStaticPerimetryMeasurementsStorage,
    "OphthalmicThicknessMapStorage": OphthalmicThicknessMapStorage,
    "CornealTopographyMapStorage": CornealTopographyMapStorage,
    "TextSRStorageTrial": TextSRStorageTrial,
    "AudioSRStorageTrial": AudioSRStorageTrial,
    "DetailSRStorageTrial": DetailSRStorageTrial,
    "ComprehensiveSRStorageTrial": ComprehensiveSRStorageTrial,
    "BasicTextSRStorage": BasicTextSRStorage,
    "EnhancedSRStorage": EnhancedSRStorage,
    "ComprehensiveSRStorage": ComprehensiveSRStorage,
    "Comprehensive3DSRStorage": Comprehensive3DSRStorage,
    "ExtensibleSRStorage": ExtensibleSRStorage,
    "ProcedureLogStorage": ProcedureLogStorage,
    "MammographyCADSRStorage": MammographyCADSRStorage,
    "KeyObjectSelectionDocumentStorage": KeyObjectSelectionDocumentStorage,
    "ChestCADSRStorage": ChestCADSRStorage,
    "XRayRadiationDoseSRStorage": XRayRadiationDoseSRStorage,
    "RadiopharmaceuticalRadiationDoseSRStorage": RadiopharmaceuticalRadiationDoseSRStorage,
    "ColonCADSRStorage": ColonCADSRStorage,
    "ImplantationPlanSRStorage": ImplantationPlanSRStorage,
    "AcquisitionContextSRStorage": AcquisitionContextSRStorage,
    "SimplifiedAdultEchoSRStorage": SimplifiedAdultEchoSRStorage,
    "PatientRadiationDoseSRStorage": PatientRadiationDoseSRStorage,
    "PlannedImagingAgentAdministrationSRStorage": PlannedImagingAgentAdministrationSRStorage,
    "PerformedImagingAgentAdministrationSRStorage": PerformedImagingAgentAdministrationSRStorage,
    "EnhancedXRayRadiationDoseSRStorage": EnhancedXRayRadiationDoseSRStorage,
    "WaveformAnnotationSRStorage": WaveformAnnotationSRStorage,
    "ContentAssessmentResultsStorage": ContentAssessmentResultsStorage,
    "MicroscopyBulkSimpleAnnotationsStorage": MicroscopyBulkSimpleAnnotationsStorage,
    "EncapsulatedPDFStorage": EncapsulatedPDFStorage,
    "EncapsulatedCDAStorage": EncapsulatedCDAStorage,
    "EncapsulatedSTLStorage": EncapsulatedSTLStorage,
    "EncapsulatedOBJStorage": EncapsulatedOBJStorage,
    "EncapsulatedMTLStorage": EncapsulatedMTLStorage,
    "PositronEmissionTomographyImageStorage": PositronEmissionTomographyImageStorage,
    "LegacyConvertedEnhancedPETImageStorage": LegacyConvertedEnhancedPETImageStorage,
    "StandalonePETCurveStorage": StandalonePETCurveStorage,
    "EnhancedPETImageStorage": EnhancedPETImageStorage,
    "BasicStructuredDisplayStorage": BasicStructuredDisplayStorage,
    "CTDefinedProcedureProtocolStorage": CTDefinedProcedureProtocolStorage,
    "CTPerformedProcedureProtocolStorage": CTPerformedProcedureProtocolStorage,
    "ProtocolApprovalStorage": ProtocolApprovalStorage,
    "ProtocolApprovalInformationModelFind": ProtocolApprovalInformationModelFind,
    "ProtocolApprovalInformationModelMove": ProtocolApprovalInformationModelMove,
    "ProtocolApprovalInformationModelGet": ProtocolApprovalInformationModelGet,
    "XADefinedProcedureProtocolStorage": XADefinedProcedureProtocolStorage,
    "XAPerformedProcedureProtocolStorage": XAPerformedProcedureProtocolStorage,
    "InventoryStorage": InventoryStorage,
    "StorageManagementInstance": StorageManagementInstance,
    "InventoryFind": InventoryFind,
    "InventoryMove": InventoryMove,
    "InventoryGet": InventoryGet,
    "InventoryCreation": InventoryCreation,
    "RepositoryQuery": RepositoryQuery,
    "RTImageStorage": RTImageStorage,
    "RTDoseStorage": RTDoseStorage,
    "RTStructureSetStorage": RTStructureSetStorage,
    "RTBeamsTreatmentRecordStorage": RTBeamsTreatmentRecordStorage,
    "RTPlanStorage": RTPlanStorage,
    "RTBrachyTreatmentRecordStorage": RTBrachyTreatmentRecordStorage,
    "RTTreatmentSummaryRecordStorage": RTTreatmentSummaryRecordStorage,
    "RTIonPlanStorage": RTIonPlanStorage,
    "RTIonBeamsTreatmentRecordStorage": RTIonBeamsTreatmentRecordStorage,
    "RTPhysicianIntentStorage": RTPhysicianIntentStorage,
    "RTSegmentAnnotationStorage": RTSegmentAnnotationStorage,
    "RTRadiationSetStorage": RTRadiationSetStorage,
    "CArmPhotonElectronRadiationStorage": CArmPhotonElectronRadiationStorage,
    "TomotherapeuticRadiationStorage": TomotherapeuticRadiationStorage,
    "RoboticArmRadiationStorage": RoboticArmRadiationStorage,
    "RTRadiationRecordSetStorage": RTRadiationRecordSetStorage,
    "RTRadiationSalvageRecordStorage": RTRadiationSalvageRecordStorage,
    "TomotherapeuticRadiationRecordStorage": TomotherapeuticRadiationRecordStorage,
    "CArmPhotonElectronRadiationRecordStorage": CArmPhotonElectronRadiationRecordStorage,
    "RoboticRadiationRecordStorage": RoboticRadiationRecordStorage,
    "RTRadiationSetDeliveryInstructionStorage": RTRadiationSetDeliveryInstructionStorage,
    "RTTreatmentPreparationStorage": RTTreatmentPreparationStorage,
    "EnhancedRTImageStorage": EnhancedRTImageStorage,
    "EnhancedContinuousRTImageStorage": EnhancedContinuousRTImageStorage,
    "RTPatientPositionAcquisitionInstructionStorage": RTPatientPositionAcquisitionInstructionStorage,
    "DICOSCTImageStorage": DICOSCTImageStorage,
    "DICOSDigitalXRayImageStorageForPresentation": DICOSDigitalXRayImageStorageForPresentation,
    "DICOSDigitalXRayImageStorageForProcessing": DICOSDigitalXRayImageStorageForProcessing,
    "DICOSThreatDetectionReportStorage": DICOSThreatDetectionReportStorage,
    "DICOS2DAITStorage": DICOS2DAITStorage,
    "DICOS3DAITStorage": DICOS3DAITStorage,
    "DICOSQuadrupoleResonanceStorage": DICOSQuadrupoleResonanceStorage,
    "EddyCurrentImageStorage": EddyCurrentImageStorage,
    "EddyCurrentMultiFrameImageStorage": EddyCurrentMultiFrameImageStorage,
    "ThermographyImageStorage": ThermographyImageStorage,
    "ThermographyMultiFrameImageStorage": ThermographyMultiFrameImageStorage,
    "UltrasoundWaveformStorage": UltrasoundWaveformStorage,
    "PatientRootQueryRetrieveInformationModelFind": PatientRootQueryRetrieveInformationModelFind,
    "PatientRootQueryRetrieveInformationModelMove": PatientRootQueryRetrieveInformationModelMove,
    "PatientRootQueryRetrieveInformationModelGet": PatientRootQueryRetrieveInformationModelGet,
    "StudyRootQueryRetrieveInformationModelFind": StudyRootQueryRetrieveInformationModelFind,
    "StudyRootQueryRetrieveInformationModelMove": StudyRootQueryRetrieveInformationModelMove,
    "StudyRootQueryRetrieveInformationModelGet": StudyRootQueryRetrieveInformationModelGet,
    "PatientStudyOnlyQueryRetrieveInformationModelFind": PatientStudyOnlyQueryRetrieveInformationModelFind,
    "PatientStudyOnlyQueryRetrieveInformationModelMove": PatientStudyOnlyQueryRetrieveInformationModelMove,
    "PatientStudyOnlyQueryRetrieveInformationModelGet": PatientStudyOnlyQueryRetrieveInformationModelGet,
    "CompositeInstanceRootRetrieveMove": CompositeInstanceRootRetrieveMove,
    "CompositeInstanceRootRetrieveGet": CompositeInstanceRootRetrieveGet,
    "CompositeInstanceRetrieveWithoutBulkDataGet": CompositeInstanceRetrieveWithoutBulkDataGet,
    "DefinedProcedureProtocolInformationModelFind": DefinedProcedureProtocolInformationModelFind,
    "DefinedProcedureProtocolInformationModelMove": DefinedProcedureProtocolInformationModelMove,
    "DefinedProcedureProtocolInformationModelGet": DefinedProcedureProtocolInformationModelGet,
    "ModalityWorklistInformationModelFind": ModalityWorklistInformationModelFind,
    "GeneralPurposeWorklistManagementMeta": GeneralPurposeWorklistManagementMeta,
    "GeneralPurposeWorklistInformationModelFind": GeneralPurposeWorklistInformationModelFind,
    "GeneralPurposeScheduledProcedureStep": GeneralPurposeScheduledProcedureStep,
    "GeneralPurposePerformedProcedureStep": GeneralPurposePerformedProcedureStep,
    "InstanceAvailabilityNotification": InstanceAvailabilityNotification,
    "RTBeamsDeliveryInstructionStorageTrial": RTBeamsDeliveryInstructionStorageTrial,
    "RTConventionalMachineVerificationTrial": RTConventionalMachineVerificationTrial,
    "RTIonMachineVerificationTrial": RTIonMachineVerificationTrial,
    "UnifiedWorklistAndProcedureStepTrial": UnifiedWorklistAndProcedureStepTrial,
    "UnifiedProcedureStepPushTrial": UnifiedProcedureStepPushTrial,
    "UnifiedProcedureStepWatchTrial": UnifiedProcedureStepWatchTrial,
    "UnifiedProcedureStepPullTrial": UnifiedProcedureStepPullTrial,
    "UnifiedProcedureStepEventTrial": UnifiedProcedureStepEventTrial,
    "UPSGlobalSubscriptionInstance": UPSGlobalSubscriptionInstance,
    "UPSFilteredGlobalSubscriptionInstance": UPSFilteredGlobalSubscriptionInstance,
    "UnifiedWorklistAndProcedureStep": UnifiedWorklistAndProcedureStep,
    "UnifiedProcedureStepPush": UnifiedProcedureStepPush,
    "UnifiedProcedureStepWatch": UnifiedProcedureStepWatch,
    "UnifiedProcedureStepPull": UnifiedProcedureStepPull,
    "UnifiedProcedureStepEvent": UnifiedProcedureStepEvent,
    "UnifiedProcedureStepQuery": UnifiedProcedureStepQuery,
    "RTBeamsDeliveryInstructionStorage": RTBeamsDeliveryInstructionStorage,
    "RTConventionalMachineVerification": RTConventionalMachineVerification,
    "RTIonMachineVerification": RTIonMachineVerification,
    "RTBrachyApplicationSetupDeliveryInstructionStorage": RTBrachyApplicationSetupDeliveryInstructionStorage,
    "GeneralRelevantPatientInformationQuery": GeneralRelevantPatientInformationQuery,
    "BreastImagingRelevantPatientInformationQuery": BreastImagingRelevantPatientInformationQuery,
    "CardiacRelevantPatientInformationQuery": CardiacRelevantPatientInformationQuery,
    "HangingProtocolStorage": HangingProtocolStorage,
    "HangingProtocolInformationModelFind": HangingProtocolInformationModelFind,
    "HangingProtocolInformationModelMove": HangingProtocolInformationModelMove,
    "HangingProtocolInformationModelGet": HangingProtocolInformationModelGet,
    "ColorPaletteStorage": ColorPaletteStorage,
    "ColorPaletteQueryRetrieveInformationModelFind": ColorPaletteQueryRetrieveInformationModelFind,
    "ColorPaletteQueryRetrieveInformationModelMove": ColorPaletteQueryRetrieveInformationModelMove,
    "ColorPaletteQueryRetrieveInformationModelGet": ColorPaletteQueryRetrieveInformationModelGet,
    "ProductCharacteristicsQuery": ProductCharacteristicsQuery,
    "SubstanceApprovalQuery": SubstanceApprovalQuery,
    "GenericImplantTemplateStorage": GenericImplantTemplateStorage,
    "GenericImplantTemplateInformationModelFind": GenericImplantTemplateInformationModelFind,
    "GenericImplantTemplateInformationModelMove": GenericImplantTemplateInformationModelMove,
    "GenericImplantTemplateInformationModelGet": GenericImplantTemplateInformationModelGet,
    "ImplantAssemblyTemplateStorage": ImplantAssemblyTemplateStorage,
    "ImplantAssemblyTemplateInformationModelFind": ImplantAssemblyTemplateInformationModelFind,
    "ImplantAssemblyTemplateInformationModelMove": ImplantAssemblyTemplateInformationModelMove,
    "ImplantAssemblyTemplateInformationModelGet": ImplantAssemblyTemplateInformationModelGet,
    "ImplantTemplateGroupStorage": ImplantTemplateGroupStorage,
    "ImplantTemplateGroupInformationModelFind": ImplantTemplateGroupInformationModelFind,
    "ImplantTemplateGroupInformationModelMove": ImplantTemplateGroupInformationModelMove,
    "ImplantTemplateGroupInformationModelGet": ImplantTemplateGroupInformationModelGet,
    "VideoEndoscopicImageRealTimeCommunication": VideoEndoscopicImageRealTimeCommunication,
    "VideoPhotographicImageRealTimeCommunication": VideoPhotographicImageRealTimeCommunication,
    "AudioWaveformRealTimeCommunication": AudioWaveformRealTimeCommunication,
    "RenditionSelectionDocumentRealTimeCommunication": RenditionSelectionDocumentRealTimeCommunication,
    "UTC": UTC,
}
"""The UIDs of PS3.6 Annex A by keyword."""

RETIRED: Final[frozenset[str]] = frozenset(
    {
        ExplicitVRBigEndian,
        JPEGExtended35,
        JPEGSpectralSelectionNonHierarchical68,
        JPEGSpectralSelectionNonHierarchical79,
        JPEGFullProgressionNonHierarchical1012,
        JPEGFullProgressionNonHierarchical1113,
        JPEGLosslessNonHierarchical15,
        JPEGExtendedHierarchical1618,
        JPEGExtendedHierarchical1719,
        JPEGSpectralSelectionHierarchical2022,
        JPEGSpectralSelectionHierarchical2123,
        JPEGFullProgressionHierarchical2426,
        JPEGFullProgressionHierarchical2527,
        JPEGLosslessHierarchical28,
        JPEGLosslessHierarchical29,
        RFC2557MIMEEncapsulation,
        XMLEncoding,
        BasicStudyContentNotification,
        Papyrus3ImplicitVRLittleEndian,
        StorageCommitmentPullModel,
        StorageCommitmentPullModelInstance,
        DetachedPatientManagement,
        DetachedPatientManagementMeta,
        DetachedVisitManagement,
        DetachedStudyManagement,
        StudyComponentManagement,
        DetachedResultsManagement,
        DetachedResultsManagementMeta,
        DetachedStudyManagementMeta,
        DetachedInterpretationManagement,
        ReferencedImageBox,
        ReferencedGrayscalePrintManagementMeta,
        ReferencedColorPrintManagementMeta,
        ImageOverlayBox,
        BasicPrintImageOverlayBox,
        PrintQueueInstance,
        PrintQueueManagement,
        StoredPrintStorage,
        HardcopyGrayscaleImageStorage,
        HardcopyColorImageStorage,
        PullPrintRequest,
        PullStoredPrintManagementMeta,
        UltrasoundMultiFrameImageStorageRetired,
        NuclearMedicineImageStorageRetired,
        UltrasoundImageStorageRetired,
        StandaloneOverlayStorage,
        StandaloneCurveStorage,
        WaveformStorageTrial,
        StandaloneModalityLUTStorage,
        StandaloneVOILUTStorage,
        XRayAngiographicBiPlaneImageStorage,
        ZeissOPTFile,
        MRImageStorageZeroPadded,
        VLImageStorageTrial,
        VLMultiFrameImageStorageTrial,
        TextSRStorageTrial,
        AudioSRStorageTrial,
        DetailSRStorageTrial,
        ComprehensiveSRStorageTrial,
        StandalonePETCurveStorage,
        PatientStudyOnlyQueryRetrieveInformationModelFind,
        PatientStudyOnlyQueryRetrieveInformationModelMove,
        PatientStudyOnlyQueryRetrieveInformationModelGet,
        GeneralPurposeWorklistManagementMeta,
        GeneralPurposeWorklistInformationModelFind,
        GeneralPurposeScheduledProcedureStep,
        GeneralPurposePerformedProcedureStep,
        RTBeamsDeliveryInstructionStorageTrial,
        RTConventionalMachineVerificationTrial,
        RTIonMachineVerificationTrial,
        UnifiedWorklistAndProcedureStepTrial,
        UnifiedProcedureStepPushTrial,
        UnifiedProcedureStepWatchTrial,
        UnifiedProcedureStepPullTrial,
        UnifiedProcedureStepEventTrial,
    }
)
"""What the standard has retired; it still comes."""

META_SOP_CLASSES: Final[frozenset[str]] = frozenset(
    {
        DetachedPatientManagementMeta,
        DetachedResultsManagementMeta,
        DetachedStudyManagementMeta,
        BasicGrayscalePrintManagementMeta,
        ReferencedGrayscalePrintManagementMeta,
        BasicColorPrintManagementMeta,
        ReferencedColorPrintManagementMeta,
        PullStoredPrintManagementMeta,
        GeneralPurposeWorklistManagementMeta,
    }
)
"""Groups of SOP classes."""

STORAGE_CLASSES: Final[frozenset[str]] = frozenset(
    {
        StoredPrintStorage,
        HardcopyGrayscaleImageStorage,
        HardcopyColorImageStorage,
        ComputedRadiographyImageStorage,
        DigitalXRayImageStorageForPresentation,
        DigitalXRayImageStorageForProcessing,
        DigitalMammographyXRayImageStorageForPresentation,
        DigitalMammographyXRayImageStorageForProcessing,
        DigitalIntraOralXRayImageStorageForPresentation,
        DigitalIntraOralXRayImageStorageForProcessing,
        CTImageStorage,
        EnhancedCTImageStorage,
        LegacyConvertedEnhancedCTImageStorage,
        UltrasoundMultiFrameImageStorageRetired,
        UltrasoundMultiFrameImageStorage,
        MRImageStorage,
        EnhancedMRImageStorage,
        MRSpectroscopyStorage,
        EnhancedMRColorImageStorage,
        LegacyConvertedEnhancedMRImageStorage,
        NuclearMedicineImageStorageRetired,
        UltrasoundImageStorageRetired,
        UltrasoundImageStorage,
        EnhancedUSVolumeStorage,
        PhotoacousticImageStorage,
        SecondaryCaptureImageStorage,
        MultiFrameSingleBitSecondaryCaptureImageStorage,
        MultiFrameGrayscaleByteSecondaryCaptureImageStorage,
        MultiFrameGrayscaleWordSecondaryCaptureImageStorage,
        MultiFrameTrueColorSecondaryCaptureImageStorage,
        StandaloneOverlayStorage,
        StandaloneCurveStorage,
        WaveformStorageTrial,
        TwelveLeadECGWaveformStorage,
        GeneralECGWaveformStorage,
        AmbulatoryECGWaveformStorage,
        General32bitECGWaveformStorage,
        HemodynamicWaveformStorage,
        CardiacElectrophysiologyWaveformStorage,
        BasicVoiceAudioWaveformStorage,
        GeneralAudioWaveformStorage,
        ArterialPulseWaveformStorage,
        RespiratoryWaveformStorage,
        MultichannelRespiratoryWaveformStorage,
        RoutineScalpElectroencephalogramWaveformStorage,
        ElectromyogramWaveformStorage,
        ElectrooculogramWaveformStorage,
        SleepElectroencephalogramWaveformStorage,
        BodyPositionWaveformStorage,
        WaveformPresentationStateStorage,
        WaveformAcquisitionPresentationStateStorage,
        StandaloneModalityLUTStorage,
        StandaloneVOILUTStorage,
        GrayscaleSoftcopyPresentationStateStorage,
        ColorSoftcopyPresentationStateStorage,
        PseudoColorSoftcopyPresentationStateStorage,
        BlendingSoftcopyPresentationStateStorage,
        XAXRFGrayscaleSoftcopyPresentationStateStorage,
        GrayscalePlanarMPRVolumetricPresentationStateStorage,
        CompositingPlanarMPRVolumetricPresentationStateStorage,
        AdvancedBlendingPresentationStateStorage,
        VolumeRenderingVolumetricPresentationStateStorage,
        SegmentedVolumeRenderingVolumetricPresentationStateStorage,
        MultipleVolumeRenderingVolumetricPresentationStateStorage,
        VariableModalityLUTSoftcopyPresentationStateStorage,
        XRayAngiographicImageStorage,
        EnhancedXAImageStorage,
        XRayRadiofluoroscopicImageStorage,
        EnhancedXRFImageStorage,
        XRayAngiographicBiPlaneImageStorage,
        ZeissOPTFile,
        XRay3DAngiographicImageStorage,
        XRay3DCraniofacialImageStorage,
        BreastTomosynthesisImageStorage,
        BreastProjectionXRayImageStorageForPresentation,
        BreastProjectionXRayImageStorageForProcessing,
        IntravascularOpticalCoherenceTomographyImageStorageForPresentation,
        IntravascularOpticalCoherenceTomographyImageStorageForProcessing,
        NuclearMedicineImageStorage,
        ParametricMapStorage,
        MRImageStorageZeroPadded,
        RawDataStorage,
        SpatialRegistrationStorage,
        SpatialFiducialsStorage,
        DeformableSpatialRegistrationStorage,
        SegmentationStorage,
        SurfaceSegmentationStorage,
        TractographyResultsStorage,
        LabelMapSegmentationStorage,
        HeightMapSegmentationStorage,
        RealWorldValueMappingStorage,
        SurfaceScanMeshStorage,
        SurfaceScanPointCloudStorage,
        VLImageStorageTrial,
        VLEndoscopicImageStorage,
        VideoEndoscopicImageStorage,
        VLMicroscopicImageStorage,
        VideoMicroscopicImageStorage,
        VLSlideCoordinatesMicroscopicImageStorage,
        VLPhotographicImageStorage,
        VideoPhotographicImageStorage,
        OphthalmicPhotography8BitImageStorage,
        OphthalmicPhotography16BitImageStorage,
        StereometricRelationshipStorage,
        OphthalmicTomographyImageStorage,
        WideFieldOphthalmicPhotographyStereographicProjectionImageStorage,
        WideFieldOphthalmicPhotography3DCoordinatesImageStorage,
        OphthalmicOpticalCoherenceTomographyEnFaceImageStorage,
        OphthalmicOpticalCoherenceTomographyBscanVolumeAnalysisStorage,
        VLWholeSlideMicroscopyImageStorage,
        DermoscopicPhotographyImageStorage,
        ConfocalMicroscopyImageStorage,
        ConfocalMicroscopyTiledPyramidalImageStorage,
        VLMultiFrameImageStorageTrial,
        LensometryMeasurementsStorage,
        AutorefractionMeasurementsStorage,
        KeratometryMeasurementsStorage,
        SubjectiveRefractionMeasurementsStorage,
        VisualAcuityMeasurementsStorage,
        SpectaclePrescriptionReportStorage,
        OphthalmicAxialMeasurementsStorage,
        IntraocularLensCalculationsStorage,
        MacularGridThicknessAndVolumeReportStorage,
        OphthalmicVisualFieldStaticPerimetryMeasurementsStorage,
        OphthalmicThicknessMapStorage,
        CornealTopographyMapStorage,
        TextSRStorageTrial,
        AudioSRStorageTrial,
        DetailSRStorageTrial,
        ComprehensiveSRStorageTrial,
        BasicTextSRStorage,
        EnhancedSRStorage,
        ComprehensiveSRStorage,
        Comprehensive3DSRStorage,
        ExtensibleSRStorage,
        ProcedureLogStorage,
        MammographyCADSRStorage,
        KeyObjectSelectionDocumentStorage,
        ChestCADSRStorage,
        XRayRadiationDoseSRStorage,
        RadiopharmaceuticalRadiationDoseSRStorage,
        ColonCADSRStorage,
        ImplantationPlanSRStorage,
        AcquisitionContextSRStorage,
        SimplifiedAdultEchoSRStorage,
        PatientRadiationDoseSRStorage,
        PlannedImagingAgentAdministrationSRStorage,
        PerformedImagingAgentAdministrationSRStorage,
        EnhancedXRayRadiationDoseSRStorage,
        WaveformAnnotationSRStorage,
        ContentAssessmentResultsStorage,
        MicroscopyBulkSimpleAnnotationsStorage,
        EncapsulatedPDFStorage,
        EncapsulatedCDAStorage,
        EncapsulatedSTLStorage,
        EncapsulatedOBJStorage,
        EncapsulatedMTLStorage,
        PositronEmissionTomographyImageStorage,
        LegacyConvertedEnhancedPETImageStorage,
        StandalonePETCurveStorage,
        EnhancedPETImageStorage,
        BasicStructuredDisplayStorage,
        CTDefinedProcedureProtocolStorage,
        CTPerformedProcedureProtocolStorage,
        ProtocolApprovalStorage,
        XADefinedProcedureProtocolStorage,
        XAPerformedProcedureProtocolStorage,
        InventoryStorage,
        RTImageStorage,
        RTDoseStorage,
        RTStructureSetStorage,
        RTBeamsTreatmentRecordStorage,
        RTPlanStorage,
        RTBrachyTreatmentRecordStorage,
        RTTreatmentSummaryRecordStorage,
        RTIonPlanStorage,
        RTIonBeamsTreatmentRecordStorage,
        RTPhysicianIntentStorage,
        RTSegmentAnnotationStorage,
        RTRadiationSetStorage,
        CArmPhotonElectronRadiationStorage,
        TomotherapeuticRadiationStorage,
        RoboticArmRadiationStorage,
        RTRadiationRecordSetStorage,
        RTRadiationSalvageRecordStorage,
        TomotherapeuticRadiationRecordStorage,
        CArmPhotonElectronRadiationRecordStorage,
        RoboticRadiationRecordStorage,
        RTRadiationSetDeliveryInstructionStorage,
        RTTreatmentPreparationStorage,
        EnhancedRTImageStorage,
        EnhancedContinuousRTImageStorage,
        RTPatientPositionAcquisitionInstructionStorage,
        DICOSCTImageStorage,
        DICOSDigitalXRayImageStorageForPresentation,
        DICOSDigitalXRayImageStorageForProcessing,
        DICOSThreatDetectionReportStorage,
        DICOS2DAITStorage,
        DICOS3DAITStorage,
        DICOSQuadrupoleResonanceStorage,
        EddyCurrentImageStorage,
        EddyCurrentMultiFrameImageStorage,
        ThermographyImageStorage,
        ThermographyMultiFrameImageStorage,
        UltrasoundWaveformStorage,
        RTBeamsDeliveryInstructionStorageTrial,
        RTBeamsDeliveryInstructionStorage,
        RTBrachyApplicationSetupDeliveryInstructionStorage,
        HangingProtocolStorage,
        ColorPaletteStorage,
        GenericImplantTemplateStorage,
        ImplantAssemblyTemplateStorage,
        ImplantTemplateGroupStorage,
    }
)
"""What C-STORE carries (PS3.4 Annexes B and GG), retired classes and those of DICOS and DICONDE included."""

SERVICE_CLASSES: Final[dict[str, ServiceClass]] = {
    Verification: ServiceClass.VERIFICATION,
    MediaStorageDirectoryStorage: ServiceClass.MEDIA_STORAGE,
    StorageCommitmentPushModel: ServiceClass.STORAGE_COMMITMENT_PUSH,
    ProceduralEventLogging: ServiceClass.PROCEDURAL_EVENT_LOGGING,
    SubstanceAdministrationLogging: ServiceClass.SUBSTANCE_ADMINISTRATION,
    ModalityPerformedProcedureStep: ServiceClass.MODALITY_PERFORMED_PROCEDURE_STEP,
    ModalityPerformedProcedureStepRetrieve: ServiceClass.MPPS_RETRIEVE,
    ModalityPerformedProcedureStepNotification: ServiceClass.MPPS_NOTIFICATION,
    BasicFilmSession: ServiceClass.PRINT_MANAGEMENT,
    BasicFilmBox: ServiceClass.PRINT_MANAGEMENT,
    BasicGrayscaleImageBox: ServiceClass.PRINT_MANAGEMENT,
    BasicColorImageBox: ServiceClass.PRINT_MANAGEMENT,
    ReferencedImageBox: ServiceClass.PRINT_MANAGEMENT,
    BasicGrayscalePrintManagementMeta: ServiceClass.PRINT_MANAGEMENT,
    ReferencedGrayscalePrintManagementMeta: ServiceClass.PRINT_MANAGEMENT,
    PrintJob: ServiceClass.PRINT_MANAGEMENT,
    BasicAnnotationBox: ServiceClass.PRINT_MANAGEMENT,
    Printer: ServiceClass.PRINT_MANAGEMENT,
    PrinterConfigurationRetrieval: ServiceClass.PRINT_MANAGEMENT,
    BasicColorPrintManagementMeta: ServiceClass.PRINT_MANAGEMENT,
    ReferencedColorPrintManagementMeta: ServiceClass.PRINT_MANAGEMENT,
    VOILUTBox: ServiceClass.PRINT_MANAGEMENT,
    PresentationLUT: ServiceClass.PRINT_MANAGEMENT,
    ImageOverlayBox: ServiceClass.PRINT_MANAGEMENT,
    BasicPrintImageOverlayBox: ServiceClass.PRINT_MANAGEMENT,
    PrintQueueManagement: ServiceClass.PRINT_MANAGEMENT,
    StoredPrintStorage: ServiceClass.STORAGE,
    HardcopyGrayscaleImageStorage: ServiceClass.STORAGE,
    HardcopyColorImageStorage: ServiceClass.STORAGE,
    PullPrintRequest: ServiceClass.PRINT_MANAGEMENT,
    PullStoredPrintManagementMeta: ServiceClass.PRINT_MANAGEMENT,
    MediaCreationManagement: ServiceClass.MEDIA_CREATION_MANAGEMENT,
    DisplaySystem: ServiceClass.DISPLAY_SYSTEM_MANAGEMENT,
    ComputedRadiographyImageStorage: ServiceClass.STORAGE,
    DigitalXRayImageStorageForPresentation: ServiceClass.STORAGE,
    DigitalXRayImageStorageForProcessing: ServiceClass.STORAGE,
    DigitalMammographyXRayImageStorageForPresentation: ServiceClass.STORAGE,
    DigitalMammographyXRayImageStorageForProcessing: ServiceClass.STORAGE,
    DigitalIntraOralXRayImageStorageForPresentation: ServiceClass.STORAGE,
    DigitalIntraOralXRayImageStorageForProcessing: ServiceClass.STORAGE,
    CTImageStorage: ServiceClass.STORAGE,
    EnhancedCTImageStorage: ServiceClass.STORAGE,
    LegacyConvertedEnhancedCTImageStorage: ServiceClass.STORAGE,
    UltrasoundMultiFrameImageStorageRetired: ServiceClass.STORAGE,
    UltrasoundMultiFrameImageStorage: ServiceClass.STORAGE,
    MRImageStorage: ServiceClass.STORAGE,
    EnhancedMRImageStorage: ServiceClass.STORAGE,
    MRSpectroscopyStorage: ServiceClass.STORAGE,
    EnhancedMRColorImageStorage: ServiceClass.STORAGE,
    LegacyConvertedEnhancedMRImageStorage: ServiceClass.STORAGE,
    NuclearMedicineImageStorageRetired: ServiceClass.STORAGE,
    UltrasoundImageStorageRetired: ServiceClass.STORAGE,
    UltrasoundImageStorage: ServiceClass.STORAGE,
    EnhancedUSVolumeStorage: ServiceClass.STORAGE,
    PhotoacousticImageStorage: ServiceClass.STORAGE,
    SecondaryCaptureImageStorage: ServiceClass.STORAGE,
    MultiFrameSingleBitSecondaryCaptureImageStorage: ServiceClass.STORAGE,
    MultiFrameGrayscaleByteSecondaryCaptureImageStorage: ServiceClass.STORAGE,
    MultiFrameGrayscaleWordSecondaryCaptureImageStorage: ServiceClass.STORAGE,
    MultiFrameTrueColorSecondaryCaptureImageStorage: ServiceClass.STORAGE,
    StandaloneOverlayStorage: ServiceClass.STORAGE,
    StandaloneCurveStorage: ServiceClass.STORAGE,
    WaveformStorageTrial: ServiceClass.STORAGE,
    TwelveLeadECGWaveformStorage: ServiceClass.STORAGE,
    GeneralECGWaveformStorage: ServiceClass.STORAGE,
    AmbulatoryECGWaveformStorage: ServiceClass.STORAGE,
    General32bitECGWaveformStorage: ServiceClass.STORAGE,
    HemodynamicWaveformStorage: ServiceClass.STORAGE,
    CardiacElectrophysiologyWaveformStorage: ServiceClass.STORAGE,
    BasicVoiceAudioWaveformStorage: ServiceClass.STORAGE,
    GeneralAudioWaveformStorage: ServiceClass.STORAGE,
    ArterialPulseWaveformStorage: ServiceClass.STORAGE,
    RespiratoryWaveformStorage: ServiceClass.STORAGE,
    MultichannelRespiratoryWaveformStorage: ServiceClass.STORAGE,
    RoutineScalpElectroencephalogramWaveformStorage: ServiceClass.STORAGE,
    ElectromyogramWaveformStorage: ServiceClass.STORAGE,
    ElectrooculogramWaveformStorage: ServiceClass.STORAGE,
    SleepElectroencephalogramWaveformStorage: ServiceClass.STORAGE,
    BodyPositionWaveformStorage: ServiceClass.STORAGE,
    WaveformPresentationStateStorage: ServiceClass.STORAGE,
    WaveformAcquisitionPresentationStateStorage: ServiceClass.STORAGE,
    StandaloneModalityLUTStorage: ServiceClass.STORAGE,
    StandaloneVOILUTStorage: ServiceClass.STORAGE,
    GrayscaleSoftcopyPresentationStateStorage: ServiceClass.STORAGE,
    ColorSoftcopyPresentationStateStorage: ServiceClass.STORAGE,
    PseudoColorSoftcopyPresentationStateStorage: ServiceClass.STORAGE,
    BlendingSoftcopyPresentationStateStorage: ServiceClass.STORAGE,
    XAXRFGrayscaleSoftcopyPresentationStateStorage: ServiceClass.STORAGE,
    GrayscalePlanarMPRVolumetricPresentationStateStorage: ServiceClass.STORAGE,
    CompositingPlanarMPRVolumetricPresentationStateStorage: ServiceClass.STORAGE,
    AdvancedBlendingPresentationStateStorage: ServiceClass.STORAGE,
    VolumeRenderingVolumetricPresentationStateStorage: ServiceClass.STORAGE,
    SegmentedVolumeRenderingVolumetricPresentationStateStorage: ServiceClass.STORAGE,
    MultipleVolumeRenderingVolumetricPresentationStateStorage: ServiceClass.STORAGE,
    VariableModalityLUTSoftcopyPresentationStateStorage: ServiceClass.STORAGE,
    XRayAngiographicImageStorage: ServiceClass.STORAGE,
    EnhancedXAImageStorage: ServiceClass.STORAGE,
    XRayRadiofluoroscopicImageStorage: ServiceClass.STORAGE,
    EnhancedXRFImageStorage: ServiceClass.STORAGE,
    XRayAngiographicBiPlaneImageStorage: ServiceClass.STORAGE,
    ZeissOPTFile: ServiceClass.STORAGE,
    XRay3DAngiographicImageStorage: ServiceClass.STORAGE,
    XRay3DCraniofacialImageStorage: ServiceClass.STORAGE,
    BreastTomosynthesisImageStorage: ServiceClass.STORAGE,
    BreastProjectionXRayImageStorageForPresentation: ServiceClass.STORAGE,
    BreastProjectionXRayImageStorageForProcessing: ServiceClass.STORAGE,
    IntravascularOpticalCoherenceTomographyImageStorageForPresentation: ServiceClass.STORAGE,
    IntravascularOpticalCoherenceTomographyImageStorageForProcessing: ServiceClass.STORAGE,
    NuclearMedicineImageStorage: ServiceClass.STORAGE,
    ParametricMapStorage: ServiceClass.STORAGE,
    MRImageStorageZeroPadded: ServiceClass.STORAGE,
    RawDataStorage: ServiceClass.STORAGE,
    SpatialRegistrationStorage: ServiceClass.STORAGE,
    SpatialFiducialsStorage: ServiceClass.STORAGE,
    DeformableSpatialRegistrationStorage: ServiceClass.STORAGE,
    SegmentationStorage: ServiceClass.STORAGE,
    SurfaceSegmentationStorage: ServiceClass.STORAGE,
    TractographyResultsStorage: ServiceClass.STORAGE,
    LabelMapSegmentationStorage: ServiceClass.STORAGE,
    HeightMapSegmentationStorage: ServiceClass.STORAGE,
    RealWorldValueMappingStorage: ServiceClass.STORAGE,
    SurfaceScanMeshStorage: ServiceClass.STORAGE,
    SurfaceScanPointCloudStorage: ServiceClass.STORAGE,
    VLImageStorageTrial: ServiceClass.STORAGE,
    VLEndoscopicImageStorage: ServiceClass.STORAGE,
    VideoEndoscopicImageStorage: ServiceClass.STORAGE,
    VLMicroscopicImageStorage: ServiceClass.STORAGE,
    VideoMicroscopicImageStorage: ServiceClass.STORAGE,
    VLSlideCoordinatesMicroscopicImageStorage: ServiceClass.STORAGE,
    VLPhotographicImageStorage: ServiceClass.STORAGE,
    VideoPhotographicImageStorage: ServiceClass.STORAGE,
    OphthalmicPhotography8BitImageStorage: ServiceClass.STORAGE,
    OphthalmicPhotography16BitImageStorage: ServiceClass.STORAGE,
    StereometricRelationshipStorage: ServiceClass.STORAGE,
    OphthalmicTomographyImageStorage: ServiceClass.STORAGE,
    WideFieldOphthalmicPhotographyStereographicProjectionImageStorage: ServiceClass.STORAGE,
    WideFieldOphthalmicPhotography3DCoordinatesImageStorage: ServiceClass.STORAGE,
    OphthalmicOpticalCoherenceTomographyEnFaceImageStorage: ServiceClass.STORAGE,
    OphthalmicOpticalCoherenceTomographyBscanVolumeAnalysisStorage: ServiceClass.STORAGE,
    VLWholeSlideMicroscopyImageStorage: ServiceClass.STORAGE,
    DermoscopicPhotographyImageStorage: ServiceClass.STORAGE,
    ConfocalMicroscopyImageStorage: ServiceClass.STORAGE,
    ConfocalMicroscopyTiledPyramidalImageStorage: ServiceClass.STORAGE,
    VLMultiFrameImageStorageTrial: ServiceClass.STORAGE,
    LensometryMeasurementsStorage: ServiceClass.STORAGE,
    AutorefractionMeasurementsStorage: ServiceClass.STORAGE,
    KeratometryMeasurementsStorage: ServiceClass.STORAGE,
    SubjectiveRefractionMeasurementsStorage: ServiceClass.STORAGE,
    VisualAcuityMeasurementsStorage: ServiceClass.STORAGE,
    SpectaclePrescriptionReportStorage: ServiceClass.STORAGE,
    OphthalmicAxialMeasurementsStorage: ServiceClass.STORAGE,
    IntraocularLensCalculationsStorage: ServiceClass.STORAGE,
    MacularGridThicknessAndVolumeReportStorage: ServiceClass.STORAGE,
    OphthalmicVisualFieldStaticPerimetryMeasurementsStorage: ServiceClass.STORAGE,
    OphthalmicThicknessMapStorage: ServiceClass.STORAGE,
    CornealTopographyMapStorage: ServiceClass.STORAGE,
    TextSRStorageTrial: ServiceClass.STORAGE,
    AudioSRStorageTrial: ServiceClass.STORAGE,
    DetailSRStorageTrial: ServiceClass.STORAGE,
    ComprehensiveSRStorageTrial: ServiceClass.STORAGE,
    BasicTextSRStorage: ServiceClass.STORAGE,
    EnhancedSRStorage: ServiceClass.STORAGE,
    ComprehensiveSRStorage: ServiceClass.STORAGE,
    Comprehensive3DSRStorage: ServiceClass.STORAGE,
    ExtensibleSRStorage: ServiceClass.STORAGE,
    ProcedureLogStorage: ServiceClass.STORAGE,
    MammographyCADSRStorage: ServiceClass.STORAGE,
    KeyObjectSelectionDocumentStorage: ServiceClass.STORAGE,
    ChestCADSRStorage: ServiceClass.STORAGE,
    XRayRadiationDoseSRStorage: ServiceClass.STORAGE,
    RadiopharmaceuticalRadiationDoseSRStorage: ServiceClass.STORAGE,
    ColonCADSRStorage: ServiceClass.STORAGE,
    ImplantationPlanSRStorage: ServiceClass.STORAGE,
    AcquisitionContextSRStorage: ServiceClass.STORAGE,
    SimplifiedAdultEchoSRStorage: ServiceClass.STORAGE,
    PatientRadiationDoseSRStorage: ServiceClass.STORAGE,
    PlannedImagingAgentAdministrationSRStorage: ServiceClass.STORAGE,
    PerformedImagingAgentAdministrationSRStorage: ServiceClass.STORAGE,
    EnhancedXRayRadiationDoseSRStorage: ServiceClass.STORAGE,
    WaveformAnnotationSRStorage: ServiceClass.STORAGE,
    ContentAssessmentResultsStorage: ServiceClass.STORAGE,
    MicroscopyBulkSimpleAnnotationsStorage: ServiceClass.STORAGE,
    EncapsulatedPDFStorage: ServiceClass.STORAGE,
    EncapsulatedCDAStorage: ServiceClass.STORAGE,
    EncapsulatedSTLStorage: ServiceClass.STORAGE,
    EncapsulatedOBJStorage: ServiceClass.STORAGE,
    EncapsulatedMTLStorage: ServiceClass.STORAGE,
    PositronEmissionTomographyImageStorage: ServiceClass.STORAGE,
    LegacyConvertedEnhancedPETImageStorage: ServiceClass.STORAGE,
    StandalonePETCurveStorage: ServiceClass.STORAGE,
    EnhancedPETImageStorage: ServiceClass.STORAGE,
    BasicStructuredDisplayStorage: ServiceClass.STORAGE,
    CTDefinedProcedureProtocolStorage: ServiceClass.NON_PATIENT_OBJECT_STORAGE,
    CTPerformedProcedureProtocolStorage: ServiceClass.STORAGE,
    ProtocolApprovalStorage: ServiceClass.NON_PATIENT_OBJECT_STORAGE,
    ProtocolApprovalInformationModelFind: ServiceClass.PROTOCOL_APPROVAL_QUERY_RETRIEVE,
    ProtocolApprovalInformationModelMove: ServiceClass.PROTOCOL_APPROVAL_QUERY_RETRIEVE,
    ProtocolApprovalInformationModelGet: ServiceClass.PROTOCOL_APPROVAL_QUERY_RETRIEVE,
    XADefinedProcedureProtocolStorage: ServiceClass.NON_PATIENT_OBJECT_STORAGE,
    XAPerformedProcedureProtocolStorage: ServiceClass.STORAGE,
    InventoryStorage: ServiceClass.NON_PATIENT_OBJECT_STORAGE,
    InventoryFind: ServiceClass.INVENTORY_QUERY_RETRIEVE,
    InventoryMove: ServiceClass.INVENTORY_QUERY_RETRIEVE,
    InventoryGet: ServiceClass.INVENTORY_QUERY_RETRIEVE,
    InventoryCreation: ServiceClass.STORAGE_MANAGEMENT,
    RepositoryQuery: ServiceClass.REPOSITORY_QUERY,
    RTImageStorage: ServiceClass.STORAGE,
    RTDoseStorage: ServiceClass.STORAGE,
    RTStructureSetStorage: ServiceClass.STORAGE,
    RTBeamsTreatmentRecordStorage: ServiceClass.STORAGE,
    RTPlanStorage: ServiceClass.STORAGE,
    RTBrachyTreatmentRecordStorage: ServiceClass.STORAGE,
    RTTreatmentSummaryRecordStorage: ServiceClass.STORAGE,
    RTIonPlanStorage: ServiceClass.STORAGE,
    RTIonBeamsTreatmentRecordStorage: ServiceClass.STORAGE,
    RTPhysicianIntentStorage: ServiceClass.STORAGE,
    RTSegmentAnnotationStorage: ServiceClass.STORAGE,
    RTRadiationSetStorage: ServiceClass.STORAGE,
    CArmPhotonElectronRadiationStorage: ServiceClass.STORAGE,
    TomotherapeuticRadiationStorage: ServiceClass.STORAGE,
    RoboticArmRadiationStorage: ServiceClass.STORAGE,
    RTRadiationRecordSetStorage: ServiceClass.STORAGE,
    RTRadiationSalvageRecordStorage: ServiceClass.STORAGE,
    TomotherapeuticRadiationRecordStorage: ServiceClass.STORAGE,
    CArmPhotonElectronRadiationRecordStorage: ServiceClass.STORAGE,
    RoboticRadiationRecordStorage: ServiceClass.STORAGE,
    RTRadiationSetDeliveryInstructionStorage: ServiceClass.STORAGE,
    RTTreatmentPreparationStorage: ServiceClass.STORAGE,
    EnhancedRTImageStorage: ServiceClass.STORAGE,
    EnhancedContinuousRTImageStorage: ServiceClass.STORAGE,
    RTPatientPositionAcquisitionInstructionStorage: ServiceClass.STORAGE,
    DICOSCTImageStorage: ServiceClass.STORAGE,
    DICOSDigitalXRayImageStorageForPresentation: ServiceClass.STORAGE,
    DICOSDigitalXRayImageStorageForProcessing: ServiceClass.STORAGE,
    DICOSThreatDetectionReportStorage: ServiceClass.STORAGE,
    DICOS2DAITStorage: ServiceClass.STORAGE,
    DICOS3DAITStorage: ServiceClass.STORAGE,
    DICOSQuadrupoleResonanceStorage: ServiceClass.STORAGE,
    EddyCurrentImageStorage: ServiceClass.STORAGE,
    EddyCurrentMultiFrameImageStorage: ServiceClass.STORAGE,
    ThermographyImageStorage: ServiceClass.STORAGE,
    ThermographyMultiFrameImageStorage: ServiceClass.STORAGE,
    UltrasoundWaveformStorage: ServiceClass.STORAGE,
    PatientRootQueryRetrieveInformationModelFind: ServiceClass.QUERY_RETRIEVE,
    PatientRootQueryRetrieveInformationModelMove: ServiceClass.QUERY_RETRIEVE,
    PatientRootQueryRetrieveInformationModelGet: ServiceClass.QUERY_RETRIEVE,
    StudyRootQueryRetrieveInformationModelFind: ServiceClass.QUERY_RETRIEVE,
    StudyRootQueryRetrieveInformationModelMove: ServiceClass.QUERY_RETRIEVE,
    StudyRootQueryRetrieveInformationModelGet: ServiceClass.QUERY_RETRIEVE,
    PatientStudyOnlyQueryRetrieveInformationModelFind: ServiceClass.QUERY_RETRIEVE,
    PatientStudyOnlyQueryRetrieveInformationModelMove: ServiceClass.QUERY_RETRIEVE,
    PatientStudyOnlyQueryRetrieveInformationModelGet: ServiceClass.QUERY_RETRIEVE,
    CompositeInstanceRootRetrieveMove: ServiceClass.COMPOSITE_INSTANCE_ROOT_RETRIEVE,
    CompositeInstanceRootRetrieveGet: ServiceClass.COMPOSITE_INSTANCE_ROOT_RETRIEVE,
    CompositeInstanceRetrieveWithoutBulkDataGet: ServiceClass.COMPOSITE_INSTANCE_RETRIEVE_WITHOUT_BULK_DATA,
    DefinedProcedureProtocolInformationModelFind: ServiceClass.DEFINED_PROCEDURE_PROTOCOL_QUERY_RETRIEVE,
    DefinedProcedureProtocolInformationModelMove: ServiceClass.DEFINED_PROCEDURE_PROTOCOL_QUERY_RETRIEVE,
    DefinedProcedureProtocolInformationModelGet: ServiceClass.DEFINED_PROCEDURE_PROTOCOL_QUERY_RETRIEVE,
    ModalityWorklistInformationModelFind: ServiceClass.MODALITY_WORKLIST,
    InstanceAvailabilityNotification: ServiceClass.INSTANCE_AVAILABILITY_NOTIFICATION,
    RTBeamsDeliveryInstructionStorageTrial: ServiceClass.STORAGE,
    RTConventionalMachineVerificationTrial: ServiceClass.RT_MACHINE_VERIFICATION,
    RTIonMachineVerificationTrial: ServiceClass.RT_MACHINE_VERIFICATION,
    UnifiedProcedureStepPushTrial: ServiceClass.UNIFIED_PROCEDURE_STEP,
    UnifiedProcedureStepWatchTrial: ServiceClass.UNIFIED_PROCEDURE_STEP,
    UnifiedProcedureStepPullTrial: ServiceClass.UNIFIED_PROCEDURE_STEP,
    UnifiedProcedureStepEventTrial: ServiceClass.UNIFIED_PROCEDURE_STEP,
    UnifiedProcedureStepPush: ServiceClass.UNIFIED_PROCEDURE_STEP,
    UnifiedProcedureStepWatch: ServiceClass.UNIFIED_PROCEDURE_STEP,
    UnifiedProcedureStepPull: ServiceClass.UNIFIED_PROCEDURE_STEP,
    UnifiedProcedureStepEvent: ServiceClass.UNIFIED_PROCEDURE_STEP,
    UnifiedProcedureStepQuery: ServiceClass.UNIFIED_PROCEDURE_STEP,
    RTBeamsDeliveryInstructionStorage: ServiceClass.STORAGE,
    RTConventionalMachineVerification: ServiceClass.RT_MACHINE_VERIFICATION,
    RTIonMachineVerification: ServiceClass.RT_MACHINE_VERIFICATION,
    RTBrachyApplicationSetupDeliveryInstructionStorage: ServiceClass.STORAGE,
    GeneralRelevantPatientInformationQuery: ServiceClass.RELEVANT_PATIENT_INFORMATION_QUERY,
    BreastImagingRelevantPatientInformationQuery: ServiceClass.RELEVANT_PATIENT_INFORMATION_QUERY,
    CardiacRelevantPatientInformationQuery: ServiceClass.RELEVANT_PATIENT_INFORMATION_QUERY,
    HangingProtocolStorage: ServiceClass.NON_PATIENT_OBJECT_STORAGE,
    HangingProtocolInformationModelFind: ServiceClass.HANGING_PROTOCOL_QUERY_RETRIEVE,
    HangingProtocolInformationModelMove: ServiceClass.HANGING_PROTOCOL_QUERY_RETRIEVE,
    HangingProtocolInformationModelGet: ServiceClass.HANGING_PROTOCOL_QUERY_RETRIEVE,
    ColorPaletteStorage: ServiceClass.NON_PATIENT_OBJECT_STORAGE,
    ColorPaletteQueryRetrieveInformationModelFind: ServiceClass.COLOR_PALETTE_QUERY_RETRIEVE,
    ColorPaletteQueryRetrieveInformationModelMove: ServiceClass.COLOR_PALETTE_QUERY_RETRIEVE,
    ColorPaletteQueryRetrieveInformationModelGet: ServiceClass.COLOR_PALETTE_QUERY_RETRIEVE,
    ProductCharacteristicsQuery: ServiceClass.SUBSTANCE_ADMINISTRATION,
    SubstanceApprovalQuery: ServiceClass.SUBSTANCE_ADMINISTRATION,
    GenericImplantTemplateStorage: ServiceClass.NON_PATIENT_OBJECT_STORAGE,
    GenericImplantTemplateInformationModelFind: ServiceClass.IMPLANT_TEMPLATE_QUERY_RETRIEVE,
    GenericImplantTemplateInformationModelMove: ServiceClass.IMPLANT_TEMPLATE_QUERY_RETRIEVE,
    GenericImplantTemplateInformationModelGet: ServiceClass.IMPLANT_TEMPLATE_QUERY_RETRIEVE,
    ImplantAssemblyTemplateStorage: ServiceClass.NON_PATIENT_OBJECT_STORAGE,
    ImplantAssemblyTemplateInformationModelFind: ServiceClass.IMPLANT_TEMPLATE_QUERY_RETRIEVE,
    ImplantAssemblyTemplateInformationModelMove: ServiceClass.IMPLANT_TEMPLATE_QUERY_RETRIEVE,
    ImplantAssemblyTemplateInformationModelGet: ServiceClass.IMPLANT_TEMPLATE_QUERY_RETRIEVE,
    ImplantTemplateGroupStorage: ServiceClass.NON_PATIENT_OBJECT_STORAGE,
    ImplantTemplateGroupInformationModelFind: ServiceClass.IMPLANT_TEMPLATE_QUERY_RETRIEVE,
    ImplantTemplateGroupInformationModelMove: ServiceClass.IMPLANT_TEMPLATE_QUERY_RETRIEVE,
    ImplantTemplateGroupInformationModelGet: ServiceClass.IMPLANT_TEMPLATE_QUERY_RETRIEVE,
    VideoEndoscopicImageRealTimeCommunication: ServiceClass.REAL_TIME_COMMUNICATION,
    VideoPhotographicImageRealTimeCommunication: ServiceClass.REAL_TIME_COMMUNICATION,
    AudioWaveformRealTimeCommunication: ServiceClass.REAL_TIME_COMMUNICATION,
    RenditionSelectionDocumentRealTimeCommunication: ServiceClass.REAL_TIME_COMMUNICATION,
}
"""The service class of each SOP class, meta ones included; retired ones of services that are gone are missing."""

TRANSFER_SYNTAXES: Final[dict[str, TransferSyntax]] = {
    syntax.uid: syntax
    for syntax in (
        TransferSyntax(
            ImplicitVRLittleEndian, "ImplicitVRLittleEndian", NAMES[ImplicitVRLittleEndian], implicit_vr=True
        ),
        TransferSyntax(ExplicitVRLittleEndian, "ExplicitVRLittleEndian", NAMES[ExplicitVRLittleEndian]),
        TransferSyntax(
            EncapsulatedUncompressedExplicitVRLittleEndian,
            "EncapsulatedUncompressedExplicitVRLittleEndian",
            NAMES[EncapsulatedUncompressedExplicitVRLittleEndian],
            encapsulated=True,
        ),
        TransferSyntax(
            DeflatedExplicitVRLittleEndian,
            "DeflatedExplicitVRLittleEndian",
            NAMES[DeflatedExplicitVRLittleEndian],
            deflated=True,
        ),
        TransferSyntax(ExplicitVRBigEndian, "ExplicitVRBigEndian", NAMES[ExplicitVRBigEndian], little_endian=False),
        TransferSyntax(JPEGBaseline8Bit, "JPEGBaseline8Bit", NAMES[JPEGBaseline8Bit], encapsulated=True, lossy=True),
        TransferSyntax(JPEGExtended12Bit, "JPEGExtended12Bit", NAMES[JPEGExtended12Bit], encapsulated=True, lossy=True),
        TransferSyntax(JPEGExtended35, "JPEGExtended35", NAMES[JPEGExtended35], encapsulated=True, lossy=True),
        TransferSyntax(
            JPEGSpectralSelectionNonHierarchical68,
            "JPEGSpectralSelectionNonHierarchical68",
            NAMES[JPEGSpectralSelectionNonHierarchical68],
            encapsulated=True,
            lossy=True,
        ),
        TransferSyntax(
            JPEGSpectralSelectionNonHierarchical79,
            "JPEGSpectralSelectionNonHierarchical79",
            NAMES[JPEGSpectralSelectionNonHierarchical79],
            encapsulated=True,
            lossy=True,
        ),
        TransferSyntax(
            JPEGFullProgressionNonHierarchical1012,
            "JPEGFullProgressionNonHierarchical1012",
            NAMES[JPEGFullProgressionNonHierarchical1012],
            encapsulated=True,
            lossy=True,
        ),
        TransferSyntax(
            JPEGFullProgressionNonHierarchical1113,
            "JPEGFullProgressionNonHierarchical1113",
            NAMES[JPEGFullProgressionNonHierarchical1113],
            encapsulated=True,
            lossy=True,
        ),
        TransferSyntax(JPEGLossless, "JPEGLossless", NAMES[JPEGLossless], encapsulated=True),
        TransferSyntax(
            JPEGLosslessNonHierarchical15,
            "JPEGLosslessNonHierarchical15",
            NAMES[JPEGLosslessNonHierarchical15],
            encapsulated=True,
        ),
        TransferSyntax(
            JPEGExtendedHierarchical1618,
            "JPEGExtendedHierarchical1618",
            NAMES[JPEGExtendedHierarchical1618],
            encapsulated=True,
            lossy=True,
        ),
        TransferSyntax(
            JPEGExtendedHierarchical1719,
            "JPEGExtendedHierarchical1719",
            NAMES[JPEGExtendedHierarchical1719],
            encapsulated=True,
            lossy=True,
        ),
        TransferSyntax(
            JPEGSpectralSelectionHierarchical2022,
            "JPEGSpectralSelectionHierarchical2022",
            NAMES[JPEGSpectralSelectionHierarchical2022],
            encapsulated=True,
            lossy=True,
        ),
        TransferSyntax(
            JPEGSpectralSelectionHierarchical2123,
            "JPEGSpectralSelectionHierarchical2123",
            NAMES[JPEGSpectralSelectionHierarchical2123],
            encapsulated=True,
            lossy=True,
        ),
        TransferSyntax(
            JPEGFullProgressionHierarchical2426,
            "JPEGFullProgressionHierarchical2426",
            NAMES[JPEGFullProgressionHierarchical2426],
            encapsulated=True,
            lossy=True,
        ),
        TransferSyntax(
            JPEGFullProgressionHierarchical2527,
            "JPEGFullProgressionHierarchical2527",
            NAMES[JPEGFullProgressionHierarchical2527],
            encapsulated=True,
            lossy=True,
        ),
        TransferSyntax(
            JPEGLosslessHierarchical28,
            "JPEGLosslessHierarchical28",
            NAMES[JPEGLosslessHierarchical28],
            encapsulated=True,
        ),
        TransferSyntax(
            JPEGLosslessHierarchical29,
            "JPEGLosslessHierarchical29",
            NAMES[JPEGLosslessHierarchical29],
            encapsulated=True,
        ),
        TransferSyntax(JPEGLosslessSV1, "JPEGLosslessSV1", NAMES[JPEGLosslessSV1], encapsulated=True),
        TransferSyntax(JPEGLSLossless, "JPEGLSLossless", NAMES[JPEGLSLossless], encapsulated=True),
        TransferSyntax(
            JPEGLSNearLossless, "JPEGLSNearLossless", NAMES[JPEGLSNearLossless], encapsulated=True, lossy=True
        ),
        TransferSyntax(JPEG2000Lossless, "JPEG2000Lossless", NAMES[JPEG2000Lossless], encapsulated=True),
        TransferSyntax(JPEG2000, "JPEG2000", NAMES[JPEG2000], encapsulated=True, lossy=True),
        TransferSyntax(JPEG2000MCLossless, "JPEG2000MCLossless", NAMES[JPEG2000MCLossless], encapsulated=True),
        TransferSyntax(JPEG2000MC, "JPEG2000MC", NAMES[JPEG2000MC], encapsulated=True, lossy=True),
        TransferSyntax(JPIPReferenced, "JPIPReferenced", NAMES[JPIPReferenced], lossy=True),
        TransferSyntax(
            JPIPReferencedDeflate, "JPIPReferencedDeflate", NAMES[JPIPReferencedDeflate], deflated=True, lossy=True
        ),
        TransferSyntax(MPEG2MPML, "MPEG2MPML", NAMES[MPEG2MPML], encapsulated=True, lossy=True),
        TransferSyntax(MPEG2MPMLF, "MPEG2MPMLF", NAMES[MPEG2MPMLF], encapsulated=True, lossy=True),
        TransferSyntax(MPEG2MPHL, "MPEG2MPHL", NAMES[MPEG2MPHL], encapsulated=True, lossy=True),
        TransferSyntax(MPEG2MPHLF, "MPEG2MPHLF", NAMES[MPEG2MPHLF], encapsulated=True, lossy=True),
        TransferSyntax(MPEG4HP41, "MPEG4HP41", NAMES[MPEG4HP41], encapsulated=True, lossy=True),
        TransferSyntax(MPEG4HP41F, "MPEG4HP41F", NAMES[MPEG4HP41F], encapsulated=True, lossy=True),
        TransferSyntax(MPEG4HP41BD, "MPEG4HP41BD", NAMES[MPEG4HP41BD], encapsulated=True, lossy=True),
        TransferSyntax(MPEG4HP41BDF, "MPEG4HP41BDF", NAMES[MPEG4HP41BDF], encapsulated=True, lossy=True),
        TransferSyntax(MPEG4HP422D, "MPEG4HP422D", NAMES[MPEG4HP422D], encapsulated=True, lossy=True),
        TransferSyntax(MPEG4HP422DF, "MPEG4HP422DF", NAMES[MPEG4HP422DF], encapsulated=True, lossy=True),
        TransferSyntax(MPEG4HP423D, "MPEG4HP423D", NAMES[MPEG4HP423D], encapsulated=True, lossy=True),
        TransferSyntax(MPEG4HP423DF, "MPEG4HP423DF", NAMES[MPEG4HP423DF], encapsulated=True, lossy=True),
        TransferSyntax(MPEG4HP42STEREO, "MPEG4HP42STEREO", NAMES[MPEG4HP42STEREO], encapsulated=True, lossy=True),
        TransferSyntax(MPEG4HP42STEREOF, "MPEG4HP42STEREOF", NAMES[MPEG4HP42STEREOF], encapsulated=True, lossy=True),
        TransferSyntax(HEVCMP51, "HEVCMP51", NAMES[HEVCMP51], encapsulated=True, lossy=True),
        TransferSyntax(HEVCM10P51, "HEVCM10P51", NAMES[HEVCM10P51], encapsulated=True, lossy=True),
        TransferSyntax(JPEGXLLossless, "JPEGXLLossless", NAMES[JPEGXLLossless], encapsulated=True),
        TransferSyntax(
            JPEGXLJPEGRecompression,
            "JPEGXLJPEGRecompression",
            NAMES[JPEGXLJPEGRecompression],
            encapsulated=True,
            lossy=True,
        ),
        TransferSyntax(JPEGXL, "JPEGXL", NAMES[JPEGXL], encapsulated=True, lossy=True),
        TransferSyntax(HTJ2KLossless, "HTJ2KLossless", NAMES[HTJ2KLossless], encapsulated=True),
        TransferSyntax(HTJ2KLosslessRPCL, "HTJ2KLosslessRPCL", NAMES[HTJ2KLosslessRPCL], encapsulated=True),
        TransferSyntax(HTJ2K, "HTJ2K", NAMES[HTJ2K], encapsulated=True, lossy=True),
        TransferSyntax(JPIPHTJ2KReferenced, "JPIPHTJ2KReferenced", NAMES[JPIPHTJ2KReferenced], lossy=True),
        TransferSyntax(
            JPIPHTJ2KReferencedDeflate,
            "JPIPHTJ2KReferencedDeflate",
            NAMES[JPIPHTJ2KReferencedDeflate],
            deflated=True,
            lossy=True,
        ),
        TransferSyntax(RLELossless, "RLELossless", NAMES[RLELossless], encapsulated=True),
        TransferSyntax(RFC2557MIMEEncapsulation, "RFC2557MIMEEncapsulation", NAMES[RFC2557MIMEEncapsulation]),
        TransferSyntax(XMLEncoding, "XMLEncoding", NAMES[XMLEncoding]),
        TransferSyntax(
            SMPTEST211020UncompressedProgressiveActiveVideo,
            "SMPTEST211020UncompressedProgressiveActiveVideo",
            NAMES[SMPTEST211020UncompressedProgressiveActiveVideo],
        ),
        TransferSyntax(
            SMPTEST211020UncompressedInterlacedActiveVideo,
            "SMPTEST211020UncompressedInterlacedActiveVideo",
            NAMES[SMPTEST211020UncompressedInterlacedActiveVideo],
        ),
        TransferSyntax(
            SMPTEST211030PCMDigitalAudio, "SMPTEST211030PCMDigitalAudio", NAMES[SMPTEST211030PCMDigitalAudio]
        ),
        TransferSyntax(
            DeflatedImageFrameCompression,
            "DeflatedImageFrameCompression",
            NAMES[DeflatedImageFrameCompression],
            encapsulated=True,
        ),
        TransferSyntax(
            Papyrus3ImplicitVRLittleEndian,
            "Papyrus3ImplicitVRLittleEndian",
            NAMES[Papyrus3ImplicitVRLittleEndian],
            implicit_vr=True,
        ),
    )
}
"""What each transfer syntax does to the bytes, by UID."""

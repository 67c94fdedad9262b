"""What modalities send: the storage classes to be prepared for, and the transfer syntaxes that archives keep them in."""

from __future__ import annotations

from collections.abc import Sequence

from dicomnet.exchanges.contexts import MOST_CONTEXTS, Wanted
from dicomnet.types import UID
from dicomnet.uids import KEYWORDS, TRANSFER_SYNTAXES, ExplicitVRLittleEndian, ImplicitVRLittleEndian


def contexts_to_receive(classes: Sequence[UID], *, one_context: bool = False) -> list[Wanted]:
    """Contexts to receive classes on: one for what is uncompressed, and others so that nothing has to be decompressed."""
    plain = (ExplicitVRLittleEndian, ImplicitVRLittleEndian)
    if one_context:
        return [Wanted(uid, (*plain, *NATIVE), scu=False, scp=True) for uid in classes]
    each = [(syntax,) for syntax in NATIVE] if len(classes) * (1 + len(NATIVE)) < MOST_CONTEXTS - 8 else [NATIVE]
    return [Wanted(uid, syntaxes, scu=False, scp=True) for uid in classes for syntaxes in (plain, *each)]


def _uids(keywords: str) -> tuple[UID, ...]:
    return tuple(KEYWORDS[keyword] for keyword in keywords.split())


# Compressed syntaxes in the order of how often archives keep images in them.
NATIVE = tuple(
    KEYWORDS[keyword]
    for keyword in """JPEGLosslessSV1 JPEG2000Lossless JPEGBaseline8Bit RLELossless JPEGLSLossless JPEG2000
    JPEGExtended12Bit JPEGLSNearLossless JPEGLossless MPEG4HP41 MPEG2MPML HTJ2KLossless""".split()
    if KEYWORDS.get(keyword) in TRANSFER_SYNTAXES
)

_SECONDARY = """SecondaryCaptureImageStorage GrayscaleSoftcopyPresentationStateStorage BasicTextSRStorage EnhancedSRStorage
    ComprehensiveSRStorage KeyObjectSelectionDocumentStorage EncapsulatedPDFStorage"""

# What is in a series of a modality; the answer of a peer that tells no SOP classes is turned into contexts by this.
CLASSES_OF: dict[str, tuple[UID, ...]] = {
    modality: _uids(keywords)
    for modality, keywords in {
        "CR": f"ComputedRadiographyImageStorage {_SECONDARY}",
        "CT": f"CTImageStorage EnhancedCTImageStorage {_SECONDARY} XRayRadiationDoseSRStorage",
        "DX": f"DigitalXRayImageStorageForPresentation DigitalXRayImageStorageForProcessing {_SECONDARY}",
        "ES": "VLEndoscopicImageStorage VideoEndoscopicImageStorage",
        "IO": "DigitalIntraOralXRayImageStorageForPresentation",
        "KO": "KeyObjectSelectionDocumentStorage",
        "MG": """DigitalMammographyXRayImageStorageForPresentation DigitalMammographyXRayImageStorageForProcessing
            BreastTomosynthesisImageStorage MammographyCADSRStorage""",
        "MR": f"MRImageStorage EnhancedMRImageStorage MRSpectroscopyStorage {_SECONDARY}",
        "NM": f"NuclearMedicineImageStorage {_SECONDARY}",
        "OT": _SECONDARY
        + " MultiFrameTrueColorSecondaryCaptureImageStorage MultiFrameGrayscaleByteSecondaryCaptureImageStorage",
        "DOC": "EncapsulatedPDFStorage EncapsulatedCDAStorage",
        "PR": """GrayscaleSoftcopyPresentationStateStorage ColorSoftcopyPresentationStateStorage
            PseudoColorSoftcopyPresentationStateStorage BlendingSoftcopyPresentationStateStorage""",
        "PT": f"PositronEmissionTomographyImageStorage EnhancedPETImageStorage {_SECONDARY}",
        "REG": "SpatialRegistrationStorage DeformableSpatialRegistrationStorage",
        "RF": f"XRayRadiofluoroscopicImageStorage EnhancedXRFImageStorage {_SECONDARY}",
        "RTDOSE": "RTDoseStorage",
        "RTIMAGE": "RTImageStorage",
        "RTPLAN": "RTPlanStorage RTIonPlanStorage",
        "RTSTRUCT": "RTStructureSetStorage",
        "SC": _SECONDARY,
        "SEG": "SegmentationStorage SurfaceSegmentationStorage",
        "SM": "VLWholeSlideMicroscopyImageStorage",
        "SR": """BasicTextSRStorage EnhancedSRStorage ComprehensiveSRStorage Comprehensive3DSRStorage
            XRayRadiationDoseSRStorage""",
        "US": f"UltrasoundImageStorage UltrasoundMultiFrameImageStorage {_SECONDARY}",
        "XA": f"XRayAngiographicImageStorage EnhancedXAImageStorage {_SECONDARY}",
        "XC": "VLPhotographicImageStorage VideoPhotographicImageStorage",
        "ECG": "TwelveLeadECGWaveformStorage GeneralECGWaveformStorage",
    }.items()
}

USUAL_CLASSES = tuple(dict.fromkeys(uid for classes in CLASSES_OF.values() for uid in classes))
"""What to be prepared for when the peer tells nothing."""

"""The registry of PS3.6 Annex A, as constants."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path

import pydicom
import pytest

from dicomnet import uids
from dicomnet.types import uid

ROOT = Path(__file__).parent.parent

# Not: pixel data by reference, retired encodings of another kind, real-time video, all of which pydicom calls
# encapsulated, and what it does not know yet.
DESCRIBED_TWICE = [
    syntax.keyword
    for syntax in uids.TRANSFER_SYNTAXES.values()
    if not re.match(r"JPIP|RFC|XML|SMPTE|Papyrus", syntax.keyword)
    and pydicom.uid.UID(syntax.uid).type == "Transfer Syntax"
]


def test_file_is_what_its_tool_makes() -> None:
    """The checked-in module is the tool's output, so nobody edited it by hand."""
    text = Path(uids.__file__).read_text()
    made_from = re.search(r"from pydicom (\S+);", text)
    assert made_from is not None
    if made_from[1] != pydicom.__version__:
        pytest.skip(f"made from pydicom {made_from[1]}, installed is {pydicom.__version__}")
    assert text == _tool().generate()


def test_every_constant_has_a_name_and_a_keyword() -> None:
    """What is named by keyword is named in print, and each UID is well formed and used once."""
    assert set(uids.KEYWORDS.values()) == set(uids.NAMES)
    assert len(uids.KEYWORDS) == len(uids.NAMES)
    for keyword, value in uids.KEYWORDS.items():
        assert getattr(uids, keyword) == value == uid(value)


def test_nothing_of_the_standard_is_missing() -> None:
    """PS3.6 2026a Table A-1 has 63 transfer syntaxes, 311 SOP classes and 9 meta SOP classes, retired ones included."""
    sop_classes = {
        value for value in uids.NAMES if pydicom.uid.UID(value).type in {"SOP Class", "Meta SOP Class"}
    } | uids.SERVICE_CLASSES.keys()
    assert (len(uids.TRANSFER_SYNTAXES), len(sop_classes), len(uids.META_SOP_CLASSES)) == (63, 311 + 9, 9)


def test_names_are_those_of_the_standard() -> None:
    """A UID that has a name is shown by it, another as itself."""
    assert uids.name("1.2.840.10008.5.1.4.1.1.2") == "CT Image Storage"
    assert uids.name("1.2.840.10008.1.2.4.110") == "JPEG XL Lossless"
    assert uids.name("1.2.3.4") == "1.2.3.4"


def test_our_own_identity() -> None:
    """The implementation class UID derives from a UUID (PS3.5 B.2); the version name is a short string (PS3.7 D.3.3.2)."""
    assert uid(uids.IMPLEMENTATION_CLASS_UID).startswith("2.25.")
    assert 0 < int(uids.IMPLEMENTATION_CLASS_UID[5:]) < 2**128
    assert 0 < len(uids.IMPLEMENTATION_VERSION_NAME) <= 16
    assert uids.DICOM_APPLICATION_CONTEXT == "1.2.840.10008.3.1.1.1"


class TestStorageClasses:
    def test_hold_images_retired_classes_and_protocols(self) -> None:
        """Everything that C-STORE carries is there."""
        assert uids.CTImageStorage in uids.STORAGE_CLASSES
        assert uids.HangingProtocolStorage in uids.STORAGE_CLASSES
        assert uids.UltrasoundImageStorageRetired in uids.STORAGE_CLASSES & uids.RETIRED
        assert uids.ThermographyImageStorage in uids.STORAGE_CLASSES

    def test_hold_those_that_the_standard_has_no_name_for_any_more(self) -> None:
        """Two retired classes have lost their names, and files of them still come: they have the former ones."""
        former = {uids.ZeissOPTFile: "Zeiss OPT File", uids.MRImageStorageZeroPadded: "MR Image Storage Zero Padded"}
        assert former.keys() <= uids.STORAGE_CLASSES & uids.RETIRED
        assert {one: uids.name(one) for one in former} == former

    def test_leave_out_what_is_not_stored(self) -> None:
        """A DICOMDIR is a file only; storage commitment and management are other services."""
        assert uids.STORAGE_CLASSES.isdisjoint(
            {
                uids.MediaStorageDirectoryStorage,
                uids.StorageCommitmentPushModel,
                uids.StorageManagementInstance,
                uids.Verification,
            }
        )
        assert uids.STORAGE_CLASSES.isdisjoint(uids.META_SOP_CLASSES)


class TestServiceClasses:
    def test_every_class_in_use_has_one(self) -> None:
        """SOP classes and meta SOP classes that are not retired all serve something."""
        in_use = {
            value for value in uids.NAMES if pydicom.uid.UID(value).type in {"SOP Class", "Meta SOP Class"}
        } | uids.STORAGE_CLASSES
        assert len(in_use) > 250
        assert in_use - uids.RETIRED <= uids.SERVICE_CLASSES.keys()

    def test_belong_to_sop_classes_only(self) -> None:
        """Neither transfer syntaxes nor instances are looked up."""
        assert uids.ExplicitVRLittleEndian not in uids.SERVICE_CLASSES
        assert uids.PrinterInstance not in uids.SERVICE_CLASSES

    @pytest.mark.parametrize(
        ("sop_class", "service"),
        [
            ("1.2.840.10008.1.1", "Verification"),
            ("1.2.840.10008.5.1.4.1.1.2", "Storage"),
            ("1.2.840.10008.5.1.4.34.7", "Storage"),
            ("1.2.840.10008.5.1.4.38.1", "NonPatientObjectStorage"),
            ("1.2.840.10008.5.1.4.1.2.2.1", "QueryRetrieve"),
            ("1.2.840.10008.5.1.4.1.2.4.2", "CompositeInstanceRootRetrieve"),
            ("1.2.840.10008.5.1.4.31", "ModalityWorklist"),
            ("1.2.840.10008.3.1.2.3.4", "MPPSRetrieve"),
            ("1.2.840.10008.1.20.1", "StorageCommitmentPush"),
            ("1.2.840.10008.5.1.4.34.6.5", "UnifiedProcedureStep"),
            ("1.2.840.10008.5.1.1.9", "PrintManagement"),
            ("1.2.840.10008.5.1.4.45.3", "ImplantTemplateQueryRetrieve"),
            ("1.2.840.10008.1.3.10", "MediaStorage"),
            ("1.2.840.10008.10.4", "RealTimeCommunication"),
        ],
    )
    def test_are_those_of_the_standard(self, sop_class: str, service: str) -> None:
        """Each class is counted to the annex of PS3.4 that describes it."""
        assert uids.SERVICE_CLASSES[sop_class] == uids.ServiceClass(service)

    def test_storage_is_stored(self) -> None:
        """What C-STORE carries is the storage of patients' objects and that of other objects, and nothing besides."""
        stored = {uids.ServiceClass.STORAGE, uids.ServiceClass.NON_PATIENT_OBJECT_STORAGE}
        assert {one for one, service in uids.SERVICE_CLASSES.items() if service in stored} == uids.STORAGE_CLASSES

    def test_retired_classes_count_where_their_service_lives_on(self) -> None:
        """The trial of a procedure step is one; the management of patients has no service any more."""
        assert uids.SERVICE_CLASSES[uids.UnifiedProcedureStepPullTrial] == uids.ServiceClass.UNIFIED_PROCEDURE_STEP
        assert uids.SERVICE_CLASSES[uids.UltrasoundImageStorageRetired] == uids.ServiceClass.STORAGE
        assert uids.DetachedPatientManagement not in uids.SERVICE_CLASSES

    def test_their_table_is_well_spelled(self) -> None:
        """Every keyword in the tool's table is one of the registry, and stands there once."""
        listed = [keyword for _, _, keywords in _tool().SERVICES for keyword in keywords.split()]
        assert set(listed) <= uids.KEYWORDS.keys()
        assert len(set(listed)) == len(listed)


class TestTransferSyntaxes:
    @pytest.mark.parametrize("keyword", DESCRIBED_TWICE)
    def test_agree_with_pydicom(self, keyword: str) -> None:
        """A second description of the same syntaxes says the same."""
        syntax = uids.TRANSFER_SYNTAXES[uids.KEYWORDS[keyword]]
        other = pydicom.uid.UID(syntax.uid)
        assert syntax.implicit_vr == other.is_implicit_VR
        assert syntax.little_endian == other.is_little_endian
        assert syntax.deflated == other.is_deflated
        assert syntax.encapsulated == other.is_encapsulated

    def test_lossy_ones(self) -> None:
        """A syntax that can lose something counts as lossy, one that never can does not."""
        lossy = {syntax.keyword for syntax in uids.TRANSFER_SYNTAXES.values() if syntax.lossy}
        assert {"JPEGBaseline8Bit", "JPEGLSNearLossless", "JPEG2000", "HTJ2K", "JPEGXL", "HEVCMP51"} <= lossy
        assert lossy.isdisjoint({"JPEGLosslessSV1", "JPEG2000Lossless", "RLELossless", "ExplicitVRLittleEndian"})

    def test_deflated_image_frame_is_not_deflated_as_a_whole(self) -> None:
        """Its data set is plain, only the frames are deflated (PS3.5 A.4)."""
        syntax = uids.TRANSFER_SYNTAXES[uids.DeflatedImageFrameCompression]
        assert syntax.encapsulated
        assert not syntax.deflated


def _tool():
    spec = importlib.util.spec_from_file_location("make_uids", ROOT / "tools" / "make_uids.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module

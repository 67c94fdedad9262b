"""Which data sets an identifier matches, and what is answered of them."""

from __future__ import annotations

import json
import sys
from io import BytesIO
from subprocess import run
from typing import Any

import pytest
from hypothesis import given, strategies as st
from pydicom import Dataset
from pydicom.dataelem import DataElement, RawDataElement
from pydicom.tag import Tag

from dicomnet.datasets import decode_dataset, encode_dataset
from dicomnet.exchanges.matching import Matcher, answer, matches
from dicomnet.exchanges.values import dataset_of
from dicomnet.uids import ExplicitVRBigEndian, ExplicitVRLittleEndian, ImplicitVRLittleEndian

# What pydicom says of values it does not like, it says as warnings.
pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")

STEP = "ScheduledProcedureStepSequence"


def of(**values: Any) -> Dataset:
    return dataset_of(values)


def raw(*elements: tuple[str, str, bytes], implicit: bool = False) -> Dataset:
    """A data set as it is read: nothing in it is converted yet."""
    made = {}
    for keyword, vr, value in elements:
        tag = Tag(keyword)
        made[tag] = RawDataElement(tag, None if implicit else vr, len(value), value, 0, implicit, True)
    dataset = Dataset(made)
    dataset.set_original_encoding(implicit, True, None)
    return dataset


def test_importing_it_does_not_import_pydicom() -> None:
    """A sender of files does not pay for it."""
    code = "import sys, dicomnet.exchanges.selection; sys.exit('pydicom' in sys.modules)"
    assert run([sys.executable, "-c", code], check=False).returncode == 0


class TestKeys:
    def test_all_of_them_have_to_be_met(self) -> None:
        """PS3.4 C.2.2: one that is not met is enough to miss."""
        study = of(PatientName="Doe^John", PatientID="1001", StudyDate="20200131")
        assert matches(of(PatientName="DOE*", StudyDate="20200101-"), study)
        assert not matches(of(PatientName="DOE*", StudyDate="20200201-"), study)
        assert not matches(of(PatientName="ROE*", StudyDate="20200101-"), study)
        assert matches(of(), study)

    def test_the_case_of_names_may_matter(self) -> None:
        """If the caller says so."""
        assert not matches(of(PatientName="DOE*"), of(PatientName="Doe"), person_names_ignore_case=False)

    def test_one_of_several_values_is_enough(self) -> None:
        """PS3.4 C.2.2.3: and all of them come back."""
        study = of(ModalitiesInStudy=["CT", "SR"])
        assert matches(of(ModalitiesInStudy="SR"), study)
        assert not matches(of(ModalitiesInStudy="MR"), study)
        assert answer(of(ModalitiesInStudy="SR"), study).ModalitiesInStudy == ["CT", "SR"]

    def test_padding_means_nothing(self) -> None:
        """PS3.5 6.2: spaces around most, and NULs behind UIDs; but text may begin with spaces."""
        study = raw(
            ("PatientID", "LO", b" 1001 "), ("StudyInstanceUID", "UI", b"1.2.3\0"), ("InstitutionAddress", "ST", b" a ")
        )
        assert matches(raw(("PatientID", "LO", b"1001"), ("StudyInstanceUID", "UI", b"1.2.3\0")), study)
        assert matches(of(InstitutionAddress=" a"), study)
        assert not matches(of(InstitutionAddress="a"), study)

    @pytest.mark.parametrize(
        "key",
        [
            {"QueryRetrieveLevel": "STUDY"},
            {"SpecificCharacterSet": "ISO_IR 192"},
            {"TimezoneOffsetFromUTC": "+0100"},
            {"RetrieveAETitle": "OTHER"},
            {"InstanceAvailability": "OFFLINE"},
        ],
    )
    def test_what_is_no_key(self, key: dict) -> None:
        """It says how to read the keys, or where instances are retrieved from."""
        entity = of(
            QueryRetrieveLevel="IMAGE",
            SpecificCharacterSet="ISO_IR 100",
            TimezoneOffsetFromUTC="-0500",
            RetrieveAETitle="HERE",
            InstanceAvailability="ONLINE",
        )
        assert matches(of(**key), entity)

    def test_what_an_instance_shows_of_its_study(self) -> None:
        """ModalitiesInStudy and SOPClassesInStudy stand in no instance, but each has its part of them."""
        instance = of(Modality="CT", SOPClassUID="1.2.3")
        assert matches(of(ModalitiesInStudy="CT", SOPClassesInStudy="1.2.3"), instance)
        assert not matches(of(ModalitiesInStudy="MR"), instance)
        assert not matches(of(SOPClassesInStudy="1.2.4"), instance)

    @pytest.mark.parametrize("syntax", [ImplicitVRLittleEndian, ExplicitVRLittleEndian, ExplicitVRBigEndian])
    def test_identifiers_and_data_sets_as_they_are_read(self, syntax: str) -> None:
        """Whatever they were encoded in, and in character sets of their own."""
        identifier = of(PatientName="Müller*", NumberOfStudyRelatedInstances="7", Rows=512, StudyDate="-20201231")
        study = of(PatientName="MÜLLER^Anna", NumberOfStudyRelatedInstances="07", Rows=512, StudyDate="20200101")
        identifier.SpecificCharacterSet, study.SpecificCharacterSet = "ISO_IR 192", "ISO_IR 100"
        identifier, study = (
            decode_dataset(BytesIO(encode_dataset(one, syntax)), syntax) for one in (identifier, study)
        )
        assert matches(identifier, study)
        again = decode_dataset(BytesIO(encode_dataset(answer(identifier, study), syntax)), syntax)
        assert again.PatientName == "MÜLLER^Anna"
        assert again.SpecificCharacterSet == "ISO_IR 100"
        assert again.Rows == 512
        identifier.Rows = 256
        assert not matches(identifier, study)


class TestUnknownValues:
    @pytest.mark.parametrize("entity", [{}, {"PatientSex": ""}])
    def test_they_match_in_query_and_retrieve(self, entity: dict) -> None:
        """PS3.4 C.2.2.1.2: who asks for women also gets those of whom it is not known."""
        assert matches(of(PatientSex="F"), of(**entity))

    @pytest.mark.parametrize("entity", [{}, {"PatientSex": ""}])
    def test_they_do_not_match_in_a_worklist(self, entity: dict) -> None:
        """PS3.4 K.2.2.1.1.1: except where the key matches everything."""
        assert not matches(of(PatientSex="F"), of(**entity), unknown_matches=False)
        assert matches(of(PatientSex=""), of(**entity), unknown_matches=False)
        assert matches(of(PatientSex="*"), of(**entity), unknown_matches=False)

    def test_in_a_sequence(self) -> None:
        """A sequence that is not there is one unknown value; one that is asked for without keys matches all the same."""
        assert matches(of(**{f"{STEP}.Modality": "CT"}), of())
        assert not matches(of(**{f"{STEP}.Modality": "CT"}), of(), unknown_matches=False)
        assert matches(of(**{f"{STEP}.Modality": ""}), of(), unknown_matches=False)
        assert matches(of(**{STEP: []}), of(), unknown_matches=False)

    def test_what_every_entity_has(self) -> None:
        """A unique key without a value is not unknown: there is no such entity."""
        matcher = Matcher(of(StudyInstanceUID="", PatientSex="F"), unique=["StudyInstanceUID"])
        assert matcher.matches(of(StudyInstanceUID="1.2"))
        assert not matcher.matches(of(PatientSex="F"))
        assert not matcher.matches(of(StudyInstanceUID="", PatientSex="F"))


class TestSequences:
    ENTRY = of(
        **{
            STEP: {"Modality": "CT", "ScheduledStationAETitle": "CT1", "ScheduledProcedureStepID": "1"},
            "RequestedProcedureCodeSequence": {"CodeValue": "C1", "CodingSchemeDesignator": "99"},
        }
    )
    ENTRY[STEP].value.append(of(Modality="MR", ScheduledStationAETitle="MR1", ScheduledProcedureStepID="2"))

    def test_one_item_has_to_meet_all_keys(self) -> None:
        """PS3.4 C.2.2.2.6: what is spread over two items is no match."""
        assert matches(of(**{STEP: {"Modality": "MR", "ScheduledStationAETitle": "MR?"}}), self.ENTRY)
        assert not matches(of(**{STEP: {"Modality": "MR", "ScheduledStationAETitle": "CT?"}}), self.ENTRY)

    def test_the_items_that_match_come_back(self) -> None:
        """With what was asked for in them, and nothing else."""
        found = answer(
            of(**{STEP: {"Modality": "MR", "ScheduledProcedureStepID": "", "PreMedication": ""}}), self.ENTRY
        )
        (item,) = found[STEP].value
        assert {element.keyword: element.value for element in item} == {
            "Modality": "MR",
            "ScheduledProcedureStepID": "2",
            "PreMedication": "",
        }

    @pytest.mark.parametrize("key", [[], [{}]])
    def test_without_keys_in_it_all_of_it_comes_back(self, key: list) -> None:
        """A sequence without an item, or with an empty one."""
        found = answer(of(**{STEP: key}), self.ENTRY)
        assert found[STEP].value == self.ENTRY[STEP].value

    def test_one_that_is_not_there_comes_back_empty(self) -> None:
        """As every other attribute."""
        found = answer(of(**{"ReferencedStudySequence.ReferencedSOPInstanceUID": ""}), self.ENTRY)
        assert found.ReferencedStudySequence == []
        assert encode_dataset(found, ImplicitVRLittleEndian) == b"\x08\0\x10\x11\0\0\0\0"

    def test_only_the_first_item_of_a_key_counts(self) -> None:
        """There is to be one; more are not held together silently."""
        identifier = of(**{STEP: {"Modality": "CT"}})
        identifier[STEP].value.append(of(Modality="US"))
        assert matches(identifier, self.ENTRY)

    def test_they_may_be_nested(self) -> None:
        """To any depth."""
        entry = of(**{f"{STEP}.ScheduledProtocolCodeSequence.CodeValue": "P1"})
        assert matches(of(**{f"{STEP}.ScheduledProtocolCodeSequence.CodeValue": "P1"}), entry)
        assert not matches(of(**{f"{STEP}.ScheduledProtocolCodeSequence.CodeValue": "P2"}), entry)

    def test_a_sequence_on_one_side_only(self) -> None:
        """What is of another kind than asked for is as good as not there."""
        private = Dataset({Tag(0x00091001): DataElement(0x00091001, "SQ", [of(Modality="CT")])})
        text = Dataset({Tag(0x00091001): DataElement(0x00091001, "LO", "CT")})
        assert not matches(private, text, unknown_matches=False)
        assert not matches(text, private, unknown_matches=False)
        assert matches(private, text)


class TestDateAndTime:
    EARLY = of(**{STEP: {"ScheduledProcedureStepStartDate": "20200102", "ScheduledProcedureStepStartTime": "0800"}})
    KEY = of(
        **{
            STEP: {
                "ScheduledProcedureStepStartDate": "20200101-20200103",
                "ScheduledProcedureStepStartTime": "1000-1200",
            }
        }
    )

    def test_each_alone_unless_told(self) -> None:
        """PS3.4 C.2.2.2.5: in the morning of the second day is not between ten and twelve."""
        assert not matches(self.KEY, self.EARLY)

    def test_both_as_one(self) -> None:
        """PS3.4 C.2.2.2.5.4: it is between ten of the first and twelve of the third."""
        matcher = Matcher(self.KEY, combine_date_and_time=True, unknown_matches=False)
        assert matcher.matches(self.EARLY)
        too_early = of(
            **{STEP: {"ScheduledProcedureStepStartDate": "20200101", "ScheduledProcedureStepStartTime": "0800"}}
        )
        assert not matcher.matches(too_early)
        assert not matcher.matches(of(**{f"{STEP}.ScheduledProcedureStepStartDate": "20200102"}))

    def test_without_a_time_the_date_decides(self) -> None:
        """In query and retrieve an unknown time meets any."""
        matcher = Matcher(of(StudyDate="20200101-", StudyTime="1000-"), combine_date_and_time=True)
        assert matcher.matches(of(StudyDate="20200101"))
        assert not matcher.matches(of(StudyDate="20191231"))
        assert matcher.matches(of(StudyDate="20200102", StudyTime="0800"))
        assert not matcher.matches(of(StudyDate="20200101", StudyTime="0800"))


class TestAnswers:
    def test_what_was_asked_for_and_nothing_else(self) -> None:
        """PS3.4 C.4.1.1.3.2: absent ones come back empty, the level as it was asked."""
        study = of(PatientName="Doe^John", PatientID="1", StudyDate="20200131", PatientSex="M")
        identifier = of(
            QueryRetrieveLevel="STUDY", PatientName="D*", StudyDate="", PatientBirthDate="", SeriesNumber=""
        )
        found = answer(identifier, study)
        assert [(element.keyword, str(element.value or "")) for element in found] == [
            ("StudyDate", "20200131"),
            ("QueryRetrieveLevel", "STUDY"),
            ("PatientName", "Doe^John"),
            ("PatientBirthDate", ""),
            ("SeriesNumber", ""),
        ]
        assert type(found) is Dataset

    def test_where_it_is_retrieved_from_is_said_if_it_is_known(self) -> None:
        """An empty title would be worse than none."""
        identifier = of(RetrieveAETitle="", InstanceAvailability="")
        assert not list(answer(identifier, of()))
        assert answer(identifier, of(RetrieveAETitle="HERE")).RetrieveAETitle == "HERE"

    def test_changing_an_answer_changes_nothing_else(self) -> None:
        """It belongs to who asked for it."""
        study = of(PatientName="Doe", ModalitiesInStudy=["CT", "SR"], **{STEP: {"Modality": "CT"}})
        before = study.to_json()
        found = answer(of(PatientName="", ModalitiesInStudy="", **{STEP: []}), study)
        found.PatientName = "Roe"
        found.ModalitiesInStudy[0] = "MR"
        found[STEP].value[0].Modality = "MR"
        found[STEP].value.append(Dataset())
        assert study.to_json() == before

    def test_bulk_data_comes_back_empty(self) -> None:
        """Nobody finds studies by pixels."""
        instance = of(PixelData=b"\0" * 8)
        assert not answer(of(PixelData=b""), instance).PixelData

    def test_the_empty_value_of_a_vr_that_depends_can_be_encoded(self) -> None:
        """What could be US or SS is one of them."""
        key = Dataset({Tag("SmallestImagePixelValue"): DataElement(Tag("SmallestImagePixelValue"), "US or SS", None)})
        assert encode_dataset(answer(key, of()), ExplicitVRLittleEndian) == b"\x28\0\x06\x01US\0\0"

    def test_data_sets_from_json(self) -> None:
        """As a worklist may be kept in a file."""
        entry = Dataset.from_json(json.dumps({"00100010": {"vr": "PN", "Value": [{"Alphabetic": "Müller^Anna"}]}}))
        assert matches(of(PatientName="müller*"), entry)
        assert answer(of(PatientName="müller*"), entry).PatientName == "Müller^Anna"


class TestOddDataSets:
    ODD = (
        ("SeriesNumber", "IS", b"1.5 a "),
        ("PatientWeight", "DS", b"heavy "),
        ("StudyDate", "DA", b"31.1.20 "),
        ("PatientName", "PN", b"\xff\xfe^^^^^^^^=====x "),
        ("Rows", "US", b"abc"),
        ("FrameIncrementPointer", "AT", b"abc"),
        ("StudyInstanceUID", "UI", b"1.02.x\0"),
        (STEP, "SQ", b"\0\1\2\3\4\5\6\7"),
    )

    @pytest.mark.parametrize("implicit", [True, False])
    def test_a_value_that_is_none_is_compared_as_text(self, implicit: bool) -> None:
        """It can be found by what it is, and comes back as it is."""
        odd = raw(*self.ODD, implicit=implicit)
        assert matches(raw(("SeriesNumber", "IS", b"1.5 a"), ("PatientWeight", "DS", b"heavy")), odd)
        assert not matches(of(SeriesNumber="1"), odd)
        assert not matches(of(PatientWeight="1"), odd)
        found = answer(raw(*self.ODD, implicit=implicit), odd)
        again = decode_dataset(BytesIO(encode_dataset(found, ImplicitVRLittleEndian)), ImplicitVRLittleEndian)
        assert again.get_item("SeriesNumber").value == b"1.5 a "
        assert again.get_item("Rows").value.startswith(b"abc")

    @given(
        st.lists(st.tuples(st.sampled_from(ODD), st.binary(max_size=12)), max_size=4),
        st.lists(st.tuples(st.sampled_from(ODD), st.binary(max_size=12)), max_size=4),
        st.booleans(),
        st.booleans(),
    )
    def test_no_bytes_make_it_raise(self, keys, values, implicit_keys: bool, implicit_values: bool) -> None:
        """Neither those of a peer nor those of an archive."""
        identifier = raw(*((keyword, vr, value) for (keyword, vr, _), value in keys), implicit=implicit_keys)
        dataset = raw(*((keyword, vr, value) for (keyword, vr, _), value in values), implicit=implicit_values)
        matcher = Matcher(identifier, combine_date_and_time=True)
        assert matcher.matches(dataset) in (True, False)
        assert set(matcher.answer(dataset).keys()) == set(identifier.keys())

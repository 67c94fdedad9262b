"""Identifiers as PS3.4 wants them, and what is refused before it is sent."""

from __future__ import annotations

import datetime
import sys
from io import BytesIO
from subprocess import run

import pytest
from hypothesis import given, strategies as st
from pydicom import Dataset
from pydicom.datadict import tag_for_keyword
from pydicom.sequence import Sequence

from dicomnet.datasets import decode_dataset, encode_dataset
from dicomnet.errors import InvalidValue
from dicomnet.exchanges.keys import NotUnique, build_query, build_retrieve, model_of
from dicomnet.uids import (
    CompositeInstanceRetrieveWithoutBulkDataGet,
    CompositeInstanceRootRetrieveGet,
    ExplicitVRLittleEndian,
    GeneralRelevantPatientInformationQuery,
    HangingProtocolInformationModelGet,
    ModalityWorklistInformationModelFind,
    PatientRootQueryRetrieveInformationModelFind,
    PatientRootQueryRetrieveInformationModelMove,
    PatientStudyOnlyQueryRetrieveInformationModelFind,
    StudyRootQueryRetrieveInformationModelFind,
    StudyRootQueryRetrieveInformationModelGet,
    UnifiedProcedureStepPull,
)

STUDY_ROOT = model_of(StudyRootQueryRetrieveInformationModelFind)
PATIENT_ROOT = model_of(PatientRootQueryRetrieveInformationModelFind)
PATIENT_STUDY_ONLY = model_of(PatientStudyOnlyQueryRetrieveInformationModelFind)
WORKLIST = model_of(ModalityWorklistInformationModelFind)
PROCEDURE_STEPS = model_of(UnifiedProcedureStepPull)
INSTANCE_ROOT = model_of(CompositeInstanceRootRetrieveGet)
HANGING_PROTOCOL = model_of(HangingProtocolInformationModelGet)
OTHER = model_of("1.2.3.4")


def test_importing_it_does_not_import_pydicom() -> None:
    """It costs a quarter of a second that a sender of files should not pay."""
    code = "import sys, dicomnet.exchanges.keys; sys.exit('pydicom' in sys.modules)"
    assert run([sys.executable, "-c", code], check=False).returncode == 0


class TestModels:
    def test_the_operations_of_a_model_share_it(self) -> None:
        """FIND, GET and MOVE have the same keys."""
        assert model_of(StudyRootQueryRetrieveInformationModelGet) is STUDY_ROOT
        assert model_of(PatientRootQueryRetrieveInformationModelMove) is PATIENT_ROOT
        assert model_of(GeneralRelevantPatientInformationQuery) is OTHER

    @pytest.mark.parametrize("model", [STUDY_ROOT, PATIENT_ROOT, PATIENT_STUDY_ONLY, WORKLIST, PROCEDURE_STEPS])
    def test_every_keyword_of_the_tables_exists(self, model) -> None:
        """A typing error in a table would be asked for in vain."""
        keys = [part for key in model.required for part in key.split(".")]
        for level in model.levels:
            keys += [level.unique, *level.required, *level.optional]
        assert keys
        assert [key for key in keys if tag_for_keyword(key) is None] == []


class TestWhatIsAskedFor:
    @pytest.mark.parametrize(
        ("model", "level", "keys", "asked"),
        [
            (PATIENT_ROOT, "PATIENT", {}, "PatientID PatientName"),
            (
                PATIENT_ROOT,
                "STUDY",
                {"PatientID": "1"},
                "PatientID StudyInstanceUID StudyDate StudyTime AccessionNumber StudyID",
            ),
            (
                STUDY_ROOT,
                "STUDY",
                {},
                "StudyInstanceUID StudyDate StudyTime AccessionNumber PatientName PatientID StudyID",
            ),
            (
                STUDY_ROOT,
                "SERIES",
                {"StudyInstanceUID": "1.2"},
                "StudyInstanceUID SeriesInstanceUID Modality SeriesNumber",
            ),
            (
                PATIENT_ROOT,
                "image",
                {"PatientID": "1", "StudyInstanceUID": "1.2", "SeriesInstanceUID": "1.3"},
                "PatientID StudyInstanceUID SeriesInstanceUID SOPInstanceUID InstanceNumber",
            ),
        ],
    )
    def test_unique_and_required_keys_of_the_level(self, model, level: str, keys: dict, asked: str) -> None:
        """PS3.4 C.6: with those of the levels above, empty where nothing was given, and the level itself."""
        query = build_query(model, level, keys)
        assert {element.keyword for element in query} == {"QueryRetrieveLevel", *asked.split()}
        assert query.QueryRetrieveLevel == level.upper()
        for keyword in asked.split():
            assert str(query[keyword].value or "") == keys.get(keyword, "")

    def test_what_shall_be_returned_besides(self) -> None:
        """By keyword, tag or path; a value that was given stays."""
        query = build_query(
            STUDY_ROOT,
            "STUDY",
            {"StudyDescription": "CT*"},
            returning=["ModalitiesInStudy", 0x00081030, "0010,0040", "ReferencedStudySequence.ReferencedSOPClassUID"],
        )
        assert not query.ModalitiesInStudy
        assert query.StudyDescription == "CT*"
        assert query.PatientSex == ""
        assert query.ReferencedStudySequence[0].ReferencedSOPClassUID == ""

    def test_a_worklist_asks_for_what_an_answer_must_have(self) -> None:
        """PS3.4 Table K.6-1, with one item in the sequence and no level."""
        query = build_query(WORKLIST, None, {"ScheduledProcedureStepSequence.Modality": "CT", "PatientName": "DOE*"})
        assert "QueryRetrieveLevel" not in query
        (step,) = query.ScheduledProcedureStepSequence
        assert step.Modality == "CT"
        assert {
            "ScheduledStationAETitle",
            "ScheduledProcedureStepStartDate",
            "ScheduledProcedureStepStartTime",
            "ScheduledPerformingPhysicianName",
            "ScheduledProcedureStepID",
            "ScheduledStationName",
            "ScheduledProcedureStepLocation",
            "RequestedContrastAgent",
        } <= {element.keyword for element in step}
        assert {"PatientID", "RequestedProcedureID", "StudyInstanceUID", "Allergies", "PatientWeight"} <= {
            element.keyword for element in query
        }
        assert query.PatientName == "DOE*"

    def test_procedure_steps_likewise(self) -> None:
        """PS3.4 Table CC.2.5-3."""
        query = build_query(PROCEDURE_STEPS, None, {"ProcedureStepState": "SCHEDULED"})
        assert query.ProcedureStepState == "SCHEDULED"
        assert query.ReferencedRequestSequence[0].AccessionNumber == ""
        assert {"SOPInstanceUID", "ProcedureStepLabel", "PatientID"} <= {element.keyword for element in query}

    def test_other_models_ask_for_what_they_are_given(self) -> None:
        """Of a private class nothing is known, its levels neither."""
        query = build_query(OTHER, "RACK", {"PatientID": "1"})
        assert {element.keyword for element in query} == {"QueryRetrieveLevel", "PatientID"}


class TestKeys:
    @pytest.mark.parametrize("key", ["PatientID", "0010,0020", "00100020", "(0010,0020)", "(0010, 0020)", 0x00100020])
    def test_names_of_attributes(self, key: str | int) -> None:
        """As people write them."""
        assert build_query(OTHER, None, {key: "1"}).PatientID == "1"

    @pytest.mark.parametrize(
        ("key", "nearest"), [("PatientNmae", "PatientName"), ("patientid", "PatientID"), ("StudyUID", "Study")]
    )
    def test_a_misspelt_name(self, key: str, nearest: str) -> None:
        """The nearest keyword is shown."""
        with pytest.raises(InvalidValue, match=f"there is no attribute '{key}'.*{nearest}"):
            build_query(STUDY_ROOT, "STUDY", {key: "1"})
        with pytest.raises(InvalidValue, match=nearest):
            build_query(STUDY_ROOT, "STUDY", {}, returning=[key])

    def test_an_unknown_tag(self) -> None:
        """Without its VR nothing can be written; a data set has it."""
        with pytest.raises(InvalidValue, match=r"\(0009,1010\).*give the keys as a Dataset"):
            build_query(OTHER, None, {"0009,1010": "1"})
        with pytest.raises(InvalidValue, match="no tag"):
            build_query(OTHER, None, {1 << 32: "1"})
        keys = Dataset()
        keys.add_new(0x00091010, "LO", "1")
        assert build_query(OTHER, None, keys)[0x00091010].value == "1"

    @pytest.mark.parametrize(
        ("key", "value", "text"),
        [
            ("StudyDate", datetime.date(2026, 1, 2), "20260102"),
            ("StudyDate", datetime.datetime(2026, 1, 2, 3, 4), "20260102"),  # noqa: DTZ001
            ("StudyDate", (datetime.date(2026, 1, 2), datetime.date(2026, 2, 1)), "20260102-20260201"),
            ("StudyDate", (None, datetime.date(2026, 2, 1)), "-20260201"),
            ("StudyDate", ("20260102", None), "20260102-"),
            ("StudyDate", (None, None), ""),
            ("StudyDate", "20260101-", "20260101-"),
            ("StudyTime", (datetime.time(9), datetime.time(17, 30, 1, 500)), "090000-173001.000500"),
            ("StudyTime", "09-1730", "09-1730"),
            (
                "ScheduledProcedureStepStartDateTime",
                datetime.datetime(2026, 1, 2, 3, 4, 5, tzinfo=datetime.UTC),
                "20260102030405+0000",
            ),
            ("ScheduledProcedureStepStartDateTime", datetime.date(2026, 1, 2), "20260102"),
            ("StudyInstanceUID", ["1.2", "1.3"], "1.2\\1.3"),
            ("StudyInstanceUID", "1.2\\1.3", "1.2\\1.3"),
            ("SOPClassUID", "CTImageStorage", "1.2.840.10008.5.1.4.1.1.2"),
            ("ModalitiesInStudy", ("CT", "MR"), "CT\\MR"),
            ("PatientID", 17, "17"),
            ("SeriesNumber", 5, "5 "),
            ("PatientName", "DO?^J*", "DO?^J*"),
            ("PatientName", None, ""),
            ("PatientName", "", ""),
            ("StudyID", '""', '""'),
            ("PatientID", "x" * 100, "x" * 100),
        ],
    )
    def test_values(self, key: str, value: object, text: str) -> None:
        """What stands in the identifier, as it leaves."""
        query = build_query(OTHER, None, {key: value})
        data = encode_dataset(query, ExplicitVRLittleEndian)
        assert data[8:].decode() == text + (" " if len(text) % 2 and key[-3:] != "UID" else "\0" * (len(text) % 2))

    def test_binary_values(self) -> None:
        """Numbers stay numbers, in text too; an attribute can be a value."""
        keys = {"Rows": "512", "SelectorFDValue": [1, "2.5"], "SelectorATValue": "PatientID", "SelectorOBValue": b"12"}
        query = build_query(OTHER, None, keys)
        assert query.Rows == 512
        assert query.SelectorFDValue == [1.0, 2.5]
        assert query.SelectorATValue == 0x00100020
        assert query.SelectorOBValue == b"12"

    @pytest.mark.parametrize(
        ("key", "value", "problem"),
        [
            ("StudyInstanceUID", "1.2.*", "no wildcards in VR UI"),
            ("StudyInstanceUID", "1.2,1.3", "not a UID"),
            ("StudyDate", "*", "no wildcards in VR DA"),
            ("StudyDate", "2026-01-01", "neither a value nor a range of VR DA"),
            ("StudyDate", datetime.time(9), "no value of VR DA"),
            ("StudyTime", datetime.date(2026, 1, 1), "no value of VR TM"),
            ("StudyTime", "9:30", "neither a value nor a range of VR TM"),
            ("SeriesNumber", "five", "no value of VR IS"),
            ("SeriesNumber", "1*", "no wildcards in VR IS"),
            ("Rows", "x", "no value of VR US"),
            ("SelectorOBValue", "12", "takes bytes"),
            ("Modality", "ÄÖ", "not ASCII"),
            ("ReferencedStudySequence", [{}, {}], "one item"),
            ("PatientID.PatientName", "1", "PatientID is no sequence"),
        ],
    )
    def test_values_that_do_not_suit(self, key: str, value: object, problem: str) -> None:
        """The error names the attribute and what it would take."""
        with pytest.raises(InvalidValue, match=problem) as caught:
            build_query(OTHER, None, {key: value})
        assert key.split(".")[0] in str(caught.value)

    def test_sequences(self) -> None:
        """A mapping, a list with one, a path; empty means everything (PS3.4 C.2.2.2.6)."""
        for keys in (
            {"ScheduledProcedureStepSequence": {"Modality": "CT"}},
            {"ScheduledProcedureStepSequence": [{"Modality": "CT"}]},
            {"00400100.00080060": "CT"},
        ):
            (item,) = build_query(OTHER, None, keys).ScheduledProcedureStepSequence
            assert item.Modality == "CT"
        for nothing in (None, "", []):
            assert not build_query(OTHER, None, {"ReferencedStudySequence": nothing}).ReferencedStudySequence

    def test_a_data_set_is_copied(self) -> None:
        """It stays as it was, to its last item, in whatever character set it was read."""
        keys = Dataset()
        keys.SpecificCharacterSet = "ISO_IR 100"
        keys.PatientName = "Müller*"
        keys.QueryRetrieveLevel = "STUDY"
        keys.ReferencedStudySequence = [Dataset()]
        keys.ReferencedStudySequence[0].ReferencedSOPInstanceUID = "1.2"
        keys = decode_dataset(BytesIO(encode_dataset(keys, ExplicitVRLittleEndian)), ExplicitVRLittleEndian)
        before = encode_dataset(keys, ExplicitVRLittleEndian)
        query = build_query(STUDY_ROOT, None, keys, charset="ISO_IR 192")
        query.ReferencedStudySequence[0].ReferencedSOPInstanceUID = "1.3"
        assert encode_dataset(keys, ExplicitVRLittleEndian) == before
        assert query.QueryRetrieveLevel == "STUDY"
        again = decode_dataset(BytesIO(encode_dataset(query, ExplicitVRLittleEndian)), ExplicitVRLittleEndian)
        assert again.PatientName == "Müller*"
        assert again.SpecificCharacterSet == "ISO_IR 192"

    def test_what_is_no_key_of_a_data_set(self) -> None:
        """Groups 0000 and 0002 and group lengths do not go into an identifier."""
        keys = Dataset()
        keys.add_new(0x00020010, "UI", "1.2")
        keys.add_new(0x00100000, "UL", 10)
        keys.PatientID = "1"
        keys.OtherPatientIDsSequence = Sequence()
        assert [element.keyword for element in build_query(OTHER, None, keys)] == [
            "PatientID",
            "OtherPatientIDsSequence",
        ]

    def test_more_uids_than_fit(self) -> None:
        """Explicit VR holds 65,534 bytes; one byte more and the list has to be split."""
        uids = ["1.2"] * 16_383
        assert len(build_query(STUDY_ROOT, "STUDY", {"StudyInstanceUID": [*uids, "1"]}).StudyInstanceUID) == 16_384
        with pytest.raises(InvalidValue, match="65535 bytes in all"):
            build_query(STUDY_ROOT, "STUDY", {"StudyInstanceUID": [*uids, "1.2"]})


class TestCharacterSet:
    @pytest.mark.parametrize(
        ("name", "charset"), [("Doe", None), ("Müller", "ISO_IR 100"), ("Łoś", "ISO_IR 192"), ("山田", "ISO_IR 192")]
    )
    def test_the_least_that_the_values_need(self, name: str, charset: str | None) -> None:
        """No (0008,0005) for ASCII: some archives take it for a key."""
        for keys in (
            {"PatientName": name},
            {"ReferencedRequestSequence": {"RequestedProcedureDescription": name}},
        ):
            query = build_query(OTHER, None, keys)
            assert query.get("SpecificCharacterSet") == charset
            data = encode_dataset(query, ExplicitVRLittleEndian)
            assert decode_dataset(BytesIO(data), ExplicitVRLittleEndian) == query

    @pytest.mark.parametrize("charset", ["ISO_IR 192", "ISO_IR 101", "ISO 2022 IR 6\\ISO 2022 IR 100", "GB18030"])
    def test_the_one_that_was_asked_for(self, charset: str) -> None:
        """It is always sent, needed or not, from the keys as well."""
        for query in (
            build_query(OTHER, None, {"PatientID": "1"}, charset=charset),
            build_query(OTHER, None, {"PatientID": "1", "SpecificCharacterSet": charset}),
        ):
            value = query.SpecificCharacterSet
            assert (value if isinstance(value, str) else "\\".join(value)) == charset

    @pytest.mark.parametrize(
        "charset",
        [
            "ISO_IR 100",
            "ISO_IR 6",
            "ISO 2022 IR 6\\ISO 2022 IR 100",
            "\\ISO 2022 IR 58",
            "\\ISO 2022 IR 159",
            "latin-0",
        ],
    )
    def test_one_that_does_not_do(self, charset: str) -> None:
        """What would arrive as question marks is not sent."""
        with pytest.raises(InvalidValue, match=r"cannot be written in|no character set"):
            build_query(OTHER, None, {"PatientName": "山田"}, charset=charset)


class TestLevels:
    def test_a_level_that_is_not_there(self) -> None:
        """No level, an unknown one, or one of another model (PS3.4 C.4.1.1.3)."""
        with pytest.raises(InvalidValue, match="asked at a level: STUDY, SERIES, IMAGE"):
            build_query(STUDY_ROOT, None, {})
        with pytest.raises(InvalidValue, match="no level PATIENT; it has STUDY"):
            build_query(STUDY_ROOT, "PATIENT", {})
        with pytest.raises(InvalidValue, match="no levels"):
            build_query(WORKLIST, "STUDY", {})
        with pytest.raises(InvalidValue, match="say SERIES"):
            build_query(STUDY_ROOT, "STUDY", {"QueryRetrieveLevel": "SERIES"})

    @pytest.mark.parametrize(
        ("value", "problem"), [(None, "missing"), ("", "missing"), ("1*", "one value"), ("1\\2", "one value")]
    )
    def test_a_query_names_what_is_above(self, value: str | None, problem: str) -> None:
        """One value, no pattern, no list: anything else is answered A900 by a strict peer (PS3.4 C.4.1.2.1)."""
        keys = {} if value is None else {"PatientID": value}
        with pytest.raises(InvalidValue, match=f"PatientID .*{problem}.* names its PATIENT"):
            build_query(PATIENT_ROOT, "STUDY", keys)
        assert build_query(PATIENT_ROOT, "STUDY", keys, relational=True).QueryRetrieveLevel == "STUDY"

    @pytest.mark.parametrize(
        ("model", "level", "key", "text"),
        [
            (STUDY_ROOT, "STUDY", "SeriesInstanceUID", "a key of the SERIES level.*ask at SERIES"),
            (STUDY_ROOT, "STUDY", "Modality", "ask at SERIES .*ModalitiesInStudy"),
            (STUDY_ROOT, "SERIES", "SOPInstanceUID", "ask at IMAGE"),
            (STUDY_ROOT, "SERIES", "PatientName", "ask at STUDY"),
            (PATIENT_ROOT, "STUDY", "PatientName", "ask at PATIENT"),
            (PATIENT_STUDY_ONLY, "STUDY", "Modality", "SERIES level, which the patient/study only model does not have"),
        ],
    )
    def test_a_key_of_another_level(self, model, level: str, key: str, text: str) -> None:
        """Out of the scope of the search; the error names the level that it belongs to."""
        keys = {"PatientID": "1"} if model is not STUDY_ROOT else {}
        if level == "SERIES":
            keys["StudyInstanceUID"] = "1.2"
        with pytest.raises(InvalidValue, match=text):
            build_query(model, level, {**keys, key: "1"})
        assert key in build_query(model, level, {**keys, key: "1"}, relational=True)

    def test_an_attribute_of_no_table(self) -> None:
        """May be asked for at any level: what a peer supports besides is its own affair."""
        assert build_query(STUDY_ROOT, "STUDY", {"InstitutionName": "X"}).InstitutionName == "X"

    def test_models_for_retrieval_only(self) -> None:
        """They have no C-FIND."""
        with pytest.raises(InvalidValue, match="no queries"):
            build_query(INSTANCE_ROOT, "IMAGE", {})


class TestRetrieve:
    @pytest.mark.parametrize(
        ("model", "keys", "level"),
        [
            (STUDY_ROOT, {"StudyInstanceUID": "1.2"}, "STUDY"),
            (STUDY_ROOT, {"StudyInstanceUID": ["1.2", "1.3"]}, "STUDY"),
            (STUDY_ROOT, {"StudyInstanceUID": "1.2", "SeriesInstanceUID": ["1.3", "1.4"]}, "SERIES"),
            (STUDY_ROOT, {"StudyInstanceUID": "1.2", "SeriesInstanceUID": "1.3", "SOPInstanceUID": "1.4"}, "IMAGE"),
            (PATIENT_ROOT, {"PatientID": "1"}, "PATIENT"),
            (PATIENT_ROOT, {"PatientID": "1", "StudyInstanceUID": "1.2"}, "STUDY"),
            (HANGING_PROTOCOL, {"SOPInstanceUID": ["1.2", "1.3"]}, ""),
            (INSTANCE_ROOT, {"SOPInstanceUID": ["1.2", "1.3"]}, "IMAGE"),
            (INSTANCE_ROOT, {"SOPInstanceUID": "1.2", "SimpleFrameList": [1, 2]}, "FRAME"),
            (model_of(CompositeInstanceRetrieveWithoutBulkDataGet), {"SOPInstanceUID": "1.2"}, "IMAGE"),
        ],
    )
    def test_the_level_is_that_of_the_lowest_key(self, model, keys: dict, level: str) -> None:
        """And nothing goes out but the level and the keys."""
        found, identifier = build_retrieve(model, {**keys, "PatientName": None})
        assert found == level
        assert {element.keyword for element in identifier} == {*keys, *(["QueryRetrieveLevel"] if level else [])}
        assert identifier.get("QueryRetrieveLevel", "") == level
        for key, value in keys.items():
            assert identifier[key].value == value

    @pytest.mark.parametrize(
        ("model", "keys", "level", "refused", "missing"),
        [
            (STUDY_ROOT, {"AccessionNumber": "1"}, "STUDY", "AccessionNumber", "StudyInstanceUID"),
            (STUDY_ROOT, {"StudyInstanceUID": "1.2", "PatientID": "1"}, "STUDY", "PatientID", ""),
            (STUDY_ROOT, {"StudyInstanceUID": "1.2", "Modality": "CT"}, "SERIES", "Modality", "SeriesInstanceUID"),
            (STUDY_ROOT, {"SeriesInstanceUID": "1.3"}, "SERIES", "", "StudyInstanceUID"),
            (STUDY_ROOT, {"SOPInstanceUID": "1.4"}, "IMAGE", "", "StudyInstanceUID SeriesInstanceUID"),
            (PATIENT_ROOT, {"StudyInstanceUID": "1.2"}, "STUDY", "", "PatientID"),
            (PATIENT_ROOT, {"PatientID": "1*"}, "PATIENT", "PatientID", ""),
            (HANGING_PROTOCOL, {"HangingProtocolName": "X"}, "", "HangingProtocolName", "SOPInstanceUID"),
            (INSTANCE_ROOT, {"TimeRange": [0.0, 1.0]}, "FRAME", "", "SOPInstanceUID"),
        ],
    )
    def test_what_a_find_has_to_resolve(self, model, keys: dict, level: str, refused: str, missing: str) -> None:
        """The error says which keys are in the way and which are lacking."""
        with pytest.raises(NotUnique, match="a find has to resolve") as caught:
            build_retrieve(model, keys)
        assert (caught.value.level, caught.value.keys, caught.value.missing) == (
            level,
            tuple(refused.split()),
            tuple(missing.split()),
        )

    def test_relational_retrieval(self) -> None:
        """Then the levels above need not be there (PS3.4 C.5.2.1)."""
        level, identifier = build_retrieve(STUDY_ROOT, {"SeriesInstanceUID": "1.3"}, relational=True)
        assert level == "SERIES"
        assert "StudyInstanceUID" not in identifier

    @pytest.mark.parametrize(
        ("model", "keys", "level", "problem"),
        [
            (STUDY_ROOT, {}, None, "at least one key"),
            (STUDY_ROOT, {"StudyInstanceUID": ""}, None, "at least one key"),
            (STUDY_ROOT, {"StudyInstanceUID": "1.2", "SeriesInstanceUID": "1.3"}, "STUDY", "at the SERIES level"),
            (STUDY_ROOT, {"StudyInstanceUID": ["1.2", "1.3"], "SeriesInstanceUID": "1.3"}, None, "one value"),
            (STUDY_ROOT, {"StudyInstanceUID": "1.2"}, "PATIENT", "no level PATIENT"),
            (PATIENT_ROOT, {"PatientID": ["1", "2"]}, None, "one patient at a time"),
            (WORKLIST, {"PatientID": "1"}, None, "nothing can be retrieved"),
            (HANGING_PROTOCOL, {"SOPInstanceUID": "1.2"}, "IMAGE", "no levels"),
            (INSTANCE_ROOT, {"SOPInstanceUID": ["1.2", "1.3"], "SimpleFrameList": 1}, None, "one value"),
            (INSTANCE_ROOT, {"SOPInstanceUID": "1.2", "SimpleFrameList": 1, "TimeRange": [0, 1]}, None, "exactly one"),
            (INSTANCE_ROOT, {"SOPInstanceUID": "1.2"}, "FRAME", "exactly one"),
        ],
    )
    def test_what_no_find_can_mend(self, model, keys: dict, level: str | None, problem: str) -> None:
        """It is an error of another class: nobody should look for it."""
        with pytest.raises(InvalidValue, match=problem) as caught:
            build_retrieve(model, keys, level=level)
        assert not isinstance(caught.value, NotUnique)

    def test_a_private_model(self) -> None:
        """Takes what it is given."""
        level, identifier = build_retrieve(OTHER, {"PatientName": "X"}, level="rack")
        assert level == "RACK"
        assert identifier.PatientName == "X"

    def test_a_patient_whose_id_needs_a_character_set(self) -> None:
        """Which is the only case where a retrieve has (0008,0005)."""
        assert build_retrieve(PATIENT_ROOT, {"PatientID": "Ü1"})[1].SpecificCharacterSet == "ISO_IR 100"


@given(st.text(st.characters(exclude_categories=["Cs", "Cc"], exclude_characters="\\^="), max_size=30))
def test_any_name_arrives_as_it_was_given(name: str) -> None:
    """Whatever it is written in."""
    query = build_query(STUDY_ROOT, "STUDY", {"PatientName": name})
    data = encode_dataset(query, ExplicitVRLittleEndian)
    again = decode_dataset(BytesIO(data), ExplicitVRLittleEndian)
    assert str(again.PatientName) == name.rstrip(" ")

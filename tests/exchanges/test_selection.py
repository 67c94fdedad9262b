"""What a provider chooses of what it has, for each information model."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from pydicom import Dataset

from dicomnet.dimse.status import Status
from dicomnet.errors import StatusError
from dicomnet.exchanges.keys import build_query, build_retrieve
from dicomnet.exchanges.models import OTHER, PATIENT_ROOT, STUDY_ROOT, WORKLIST, Model, model_of
from dicomnet.exchanges.selection import Named, find_matches
from dicomnet.exchanges.values import dataset_of
from dicomnet.uids import CompositeInstanceRootRetrieveGet, HangingProtocolInformationModelGet


def instance(study: int, series: int, number: int, **values: Any) -> Dataset:
    return dataset_of(
        {
            "PatientID": "P1",
            "PatientName": "Doe^Jane",
            "StudyInstanceUID": f"1.{study}",
            "SeriesInstanceUID": f"1.{study}.{series}",
            "SOPInstanceUID": f"1.{study}.{series}.{number}",
            "StudyDate": f"2020010{study}",
            "Modality": "CT" if series == 1 else "SR",
        }
        | values
    )


INSTANCES = [instance(study, series, number) for study in (1, 2) for series in (1, 2) for number in (1, 2)]


def found(model: Model, level: str, datasets: Any = INSTANCES, **keys: Any) -> list[Dataset]:
    return list(find_matches(model, level, build_query(model, level, keys, relational=True), datasets))


class TestFinding:
    @pytest.mark.parametrize(
        ("level", "keys", "unique", "expected"),
        [
            ("PATIENT", {}, "PatientID", ["P1"]),
            ("STUDY", {}, "StudyInstanceUID", ["1.1", "1.2"]),
            ("STUDY", {"StudyDate": "20200102-"}, "StudyInstanceUID", ["1.2"]),
            ("STUDY", {"ModalitiesInStudy": "SR"}, "StudyInstanceUID", ["1.1", "1.2"]),
            ("STUDY", {"ModalitiesInStudy": "MR"}, "StudyInstanceUID", []),
            ("SERIES", {"StudyInstanceUID": "1.2"}, "SeriesInstanceUID", ["1.2.1", "1.2.2"]),
            ("IMAGE", {"SeriesInstanceUID": "1.1.2"}, "SOPInstanceUID", ["1.1.2.1", "1.1.2.2"]),
        ],
    )
    def test_each_entity_once(self, level: str, keys: dict, unique: str, expected: list[str]) -> None:
        """PS3.4 C.4.1.3.1: instances stand for the entities that they belong to."""
        answers = found(PATIENT_ROOT, level, **keys)
        assert [answer[unique].value for answer in answers] == expected
        assert {answer.QueryRetrieveLevel for answer in answers} <= {level}

    def test_entities_are_told_apart_by_all_unique_keys(self) -> None:
        """The study of one patient is not that of another, whatever its UID says."""
        datasets = [instance(1, 1, 1), instance(1, 1, 2, PatientID="P2")]
        assert len(found(PATIENT_ROOT, "STUDY", datasets)) == 2
        assert len(found(STUDY_ROOT, "STUDY", datasets)) == 1

    def test_what_has_no_unique_key_is_no_entity_of_the_level(self) -> None:
        """A list of studies has no answer to a query for series, nor to one for somebody's studies."""
        studies = [
            dataset_of(one) for one in ({"PatientID": "P1", "StudyInstanceUID": "1.1"}, {"StudyInstanceUID": "1.2"})
        ]
        assert found(STUDY_ROOT, "SERIES", studies) == []
        assert [study.StudyInstanceUID for study in found(PATIENT_ROOT, "STUDY", studies, PatientID="P1")] == ["1.1"]
        assert len(found(STUDY_ROOT, "STUDY", studies, PatientID="P1")) == 2

    def test_a_worklist_has_no_levels_and_knows_no_unknown_values(self) -> None:
        """PS3.4 K.2.2.1.1.1, K.6.1.2.2: and its ranges of date and time are one."""
        step = "ScheduledProcedureStepSequence"
        start = f"{step}.ScheduledProcedureStepStart"
        entries = [
            {"PatientName": "Doe", f"{start}Date": "20200102", f"{start}Time": "0800"},
            {"PatientName": "Doe", f"{start}Date": "20200102", f"{start}Time": "0800"},
            {"PatientName": "Roe", f"{start}Date": "20200103", f"{start}Time": "1300"},
            {"PatientName": "Noe"},
        ]
        keys = {f"{start}Date": "20200101-20200103", f"{start}Time": "1000-1200"}
        query = build_query(WORKLIST, None, keys)
        found = find_matches(WORKLIST, None, query, map(dataset_of, entries))
        assert [entry.PatientName for entry in found] == ["Doe", "Doe"]

    def test_nothing_is_read_before_it_is_asked_for(self) -> None:
        """An archive of a million instances need not be in memory."""
        given = []

        def datasets() -> Iterator[Dataset]:
            for each in INSTANCES:
                given.append(each)
                yield each

        answers = find_matches(STUDY_ROOT, "STUDY", build_query(STUDY_ROOT, "STUDY", {}), datasets())
        assert given == []
        assert next(answers).StudyInstanceUID == "1.1"
        assert len(given) == 1
        assert next(answers).StudyInstanceUID == "1.2"
        assert len(given) == 5

    @pytest.mark.parametrize("level", [None, "PATIENT", "odd"])
    def test_a_level_that_the_model_has_not(self, level: str | None) -> None:
        """The peer hears A900."""
        with pytest.raises(StatusError) as caught:
            list(find_matches(STUDY_ROOT, level, Dataset(), INSTANCES))
        assert caught.value.status == Status.DATA_SET_MISMATCH


class TestRetrieving:
    @pytest.mark.parametrize(
        ("model", "keys", "count"),
        [
            (STUDY_ROOT, {"StudyInstanceUID": "1.1"}, 4),
            (STUDY_ROOT, {"StudyInstanceUID": ["1.1", "1.2"]}, 8),
            (STUDY_ROOT, {"StudyInstanceUID": "1.1", "SeriesInstanceUID": "1.1.2"}, 2),
            (STUDY_ROOT, {"StudyInstanceUID": "1.2", "SeriesInstanceUID": "1.1.2"}, 0),
            (PATIENT_ROOT, {"PatientID": "P1"}, 8),
            (PATIENT_ROOT, {"PatientID": "P2"}, 0),
            (model_of(CompositeInstanceRootRetrieveGet), {"SOPInstanceUID": ["1.1.1.1", "1.1.1.2", "1.9"]}, 2),
            (model_of(HangingProtocolInformationModelGet), {"SOPInstanceUID": "1.2.2.2"}, 1),
        ],
    )
    def test_by_unique_keys(self, model: Model, keys: dict, count: int) -> None:
        """PS3.4 C.4.2.1.4: those of the level and above."""
        level, identifier = build_retrieve(model, keys)
        named = Named.by(model, level, identifier)
        assert sum(map(named.has, INSTANCES)) == count

    def test_in_a_model_that_nobody_knows(self) -> None:
        """Whichever of the usual keys there are."""
        named = Named.by(OTHER, None, dataset_of({"SeriesInstanceUID": "1.1.1"}))
        assert sum(map(named.has, INSTANCES)) == 2

    def test_keys_are_no_patterns(self) -> None:
        """Nobody gets more than was named, and other keys are passed over."""
        identifier = dataset_of({"PatientID": "P*"})
        assert not any(map(Named.by(PATIENT_ROOT, "PATIENT", identifier).has, INSTANCES))
        identifier = dataset_of({"StudyInstanceUID": "1.1", "PatientName": "Somebody else"})
        assert sum(map(Named.by(STUDY_ROOT, "STUDY", identifier).has, INSTANCES)) == 4

    def test_what_lacks_a_key_is_not_named(self) -> None:
        """An unknown value matches in queries; a retrieve takes what is known."""
        named = Named.by(STUDY_ROOT, "STUDY", dataset_of({"StudyInstanceUID": "1.1"}))
        assert not named.has(dataset_of({"SOPInstanceUID": "1.1.1.1"}))

    @pytest.mark.parametrize(
        ("model", "level", "keys"),
        [
            (STUDY_ROOT, "STUDY", {}),
            (STUDY_ROOT, "STUDY", {"StudyInstanceUID": ""}),
            (STUDY_ROOT, "SERIES", {"StudyInstanceUID": "1.1"}),
            (STUDY_ROOT, None, {"StudyInstanceUID": "1.1"}),
            (model_of(HangingProtocolInformationModelGet), None, {"StudyInstanceUID": "1.1"}),
            (OTHER, None, {"PatientName": "Doe"}),
        ],
    )
    def test_an_identifier_that_names_nothing(self, model: Model, level: str | None, keys: dict) -> None:
        """The peer hears A900, and does not get the whole archive."""
        with pytest.raises(StatusError) as caught:
            Named.by(model, level, dataset_of(keys))
        assert caught.value.status == Status.DATA_SET_MISMATCH

"""What handlers of queries give, on its way out: one odd record does not hide the others."""

from __future__ import annotations

import logging
from typing import Any

import pytest
from pydicom import Dataset

from aio.archive import Archive
from dicomnet.aio.association import associate
from dicomnet.dimse.status import Status
from dicomnet.errors import StatusError

CONTEXTS = ["study-root-find"]


async def find(matches: list[Any]) -> list[Any]:
    """What a requestor gets of an archive that answers with these."""
    async with (
        Archive({"find": lambda request: matches}) as archive,
        associate(archive.address, contexts=CONTEXTS) as association,
    ):
        return await association.find("STUDY", PatientID="*").all()


def record(**values: object) -> Dataset:
    dataset = Dataset()
    for keyword, value in {"StudyInstanceUID": "1.2.3", **values}.items():
        setattr(dataset, keyword, value)
    return dataset


UNSENDABLE = {
    "a code string in Japanese": (record(PatientID="odd", Modality="山"), "Modality"),
    "a number that is text": (record(PatientID="odd", SpecificCharacterSet="ISO_IR 192", Rows="x"), "Rows"),
    "an item": (record(PatientID="odd", OtherPatientIDsSequence=[record(Modality="山")]), "OtherPatientIDsSequence"),
    "pixel data": (record(PatientID="odd", PixelData=b"12"), "PixelData"),
    "a mapping": ({"StudyInstanceUID": "1.2.3", "PatientID": "odd", "PatientBirthDate": "unknown"}, "PatientBirthDate"),
    "a path": (
        {"PatientID": "odd", "RequestAttributesSequence.ScheduledProcedureStepStartDate": "soon"},
        "ScheduledProcedureStepStartDate",
    ),
}


@pytest.mark.parametrize(("odd", "left_out"), UNSENDABLE.values(), ids=UNSENDABLE)
async def test_a_match_is_sent_without_what_it_cannot_have(
    odd: Any, left_out: str, caplog: pytest.LogCaptureFixture
) -> None:
    """As FF01, with a line in the log that names the attribute and not its value; the others are as ever."""
    caplog.set_level(logging.WARNING, "dicomnet.association")
    before, found, after = await find([record(PatientID="P1"), odd, record(PatientID="P2")])
    assert [match.PatientID for match in (before, found, after)] == ["P1", "odd", "P2"]
    assert [match.unsupported_keys for match in (before, found, after)] == [False, True, False]
    assert left_out not in found
    assert found.QueryRetrieveLevel == "STUDY"
    (said,) = [one.getMessage() for one in caplog.records if "without" in one.getMessage()]
    assert said.endswith(f"a match is sent without {left_out}")


async def test_the_record_of_the_handler_keeps_what_could_not_be_sent() -> None:
    """It is the handler's own."""
    odd = record(Modality="山")
    await find([odd])
    assert odd.Modality == "山"
    assert "QueryRetrieveLevel" not in odd


async def test_an_attribute_that_there_is_not_is_a_mistake_of_the_handler() -> None:
    """No record is odd in that way."""
    with pytest.raises(StatusError) as failed:
        await find([{"PatientNmae": "P"}])
    assert failed.value.status == Status.UNABLE_TO_PROCESS

"""What handlers of queries give, on its way out: one odd record does not hide the others."""

from __future__ import annotations

import logging
from typing import Any

import pytest
from pydicom import Dataset

from aio.archive import Archive
from dicomnet.aio.association import associate
from dicomnet.aio.handlers import Handlers
from dicomnet.dimse.status import Status
from dicomnet.errors import StatusError

CONTEXTS = ["study-root-find"]


async def find(matches: list[Any], *, chosen: bool = False) -> list[Any]:
    """What a requestor gets of an archive that answers with these, or has the request choose of them."""
    async with (
        Archive({"find": lambda request: request.match(matches) if chosen else matches}) as archive,
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


async def test_a_record_with_an_odd_value_does_not_hide_the_others_from_who_chooses(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """A date as ACR-NEMA had it, kept as text in a table: it is as if it were not known, which the log says once."""
    caplog.set_level(logging.WARNING, "dicomnet.association")
    odd = {"StudyDate": "1997.04.24", "PatientID": "odd"}
    records = [odd | {"StudyInstanceUID": "1.1"}, odd | {"StudyInstanceUID": "1.2"}, record(PatientID="P2")]
    found = await find(records, chosen=True)
    assert [match.PatientID for match in found] == ["odd", "odd", "P2"]
    assert found[0].StudyDate == ""
    (said,) = [one.getMessage() for one in caplog.records if "without" in one.getMessage()]
    assert said.endswith("a record is looked at without StudyDate")


@pytest.mark.parametrize("chosen", [False, True])
async def test_a_sequence_of_several_items_is_a_value(chosen: bool) -> None:
    """Only in a key it is none (PS3.4 C.2.2.2.6): a step has as many protocol codes as it has."""
    codes = [{"CodeValue": "1"}, {"CodeValue": "2"}]
    keys = {"StudyInstanceUID": "1.2", "PatientID": "P", "ProcedureCodeSequence": codes}
    async with (
        Archive({"find": lambda request: request.match([keys]) if chosen else keys}) as archive,
        associate(archive.address, contexts=CONTEXTS) as association,
    ):
        (match,) = await association.find("STUDY", returning=["ProcedureCodeSequence"]).all()
    assert [item.CodeValue for item in match.ProcedureCodeSequence] == ["1", "2"]
    assert not match.unsupported_keys


async def test_a_match_of_which_nothing_is_left_is_not_sent(caplog: pytest.LogCaptureFixture) -> None:
    """A pending response has an identifier (PS3.4 C.4.1.3); without a level there may be nothing to put into it."""
    handlers = Handlers()
    matches = [{}, {"StudyDate": "odd"}, {"PatientID": "P"}]
    handlers.add("find", lambda request: matches, "worklist")
    async with Archive(handlers) as archive, associate(archive.address, contexts=["worklist"]) as association:
        found = await association.find("worklist").all()
    assert [match.PatientID for match in found] == ["P"]
    assert "a match without any attribute is not sent" in caplog.text


@pytest.mark.parametrize("chosen", [False, True])
async def test_an_attribute_that_there_is_not_is_a_mistake_of_the_handler(chosen: bool) -> None:
    """No record is odd in that way."""
    with pytest.raises(StatusError) as failed:
        await find([{"PatientNmae": "P"}], chosen=chosen)
    assert failed.value.status == Status.UNABLE_TO_PROCESS

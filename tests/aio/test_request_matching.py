"""Handlers that leave it to the request what matches."""

from __future__ import annotations

import threading
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from pydicom import Dataset

from aio.archive import EXPLICIT, Archive, eventually, instance
from dicomnet.aio.association import associate
from dicomnet.aio.handlers import Handlers
from dicomnet.datasets import encode_dataset
from dicomnet.dimse.status import Status
from dicomnet.errors import StatusError
from dicomnet.exchanges.values import dataset_of
from dicomnet.part10 import file_header
from dicomnet.storage.destination import MEMORY

STUDIES = [
    {"StudyInstanceUID": f"1.{number}", "PatientName": f"Doe^{number}", "StudyDate": "20200101"} for number in range(4)
]
GET_CONTEXTS = ["study-root-get", "CTImageStorage"]
STEP = "ScheduledProcedureStepSequence"


def stored(number: int, *, study: str) -> Dataset:
    dataset = instance(number)
    dataset.StudyInstanceUID = study
    dataset.SeriesInstanceUID = f"{study}.1"
    return dataset


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Three instances of two studies, and something else."""
    for number, study in enumerate(["1.1", "1.2", "1.1"]):
        dataset = stored(number, study=study)
        header = file_header(
            sop_class_uid=dataset.SOPClassUID, sop_instance_uid=dataset.SOPInstanceUID, transfer_syntax_uid=EXPLICIT
        )
        (tmp_path / f"{number}.dcm").write_bytes(header + encode_dataset(dataset, EXPLICIT))
    (tmp_path / "notes.txt").write_text("nothing")
    return tmp_path


def plain(request: Any) -> Iterator[Any]:
    yield from request.match(STUDIES)


async def asynchronous(request: Any) -> AsyncIterator[Any]:
    for study in request.match(STUDIES):
        yield study


async def returned(request: Any) -> Any:
    return request.match(map(dataset_of, STUDIES))


def at_another_level(request: Any) -> Iterator[Any]:
    request.identifier.QueryRetrieveLevel = "FRAME"
    yield from request.match(STUDIES)


@pytest.mark.parametrize("handler", [plain, asynchronous, returned])
async def test_a_find_over_a_list(handler: Callable[[Any], Any]) -> None:
    """In a thread, on the loop, or left to the provider."""
    async with (
        Archive({"find": handler}) as archive,
        associate(archive.address, contexts=["study-root-find"]) as association,
    ):
        answers = await association.find("STUDY", PatientName="doe^[2-3]", StudyDate="-20201231").all()
        assert answers == []
        answers = await association.find("STUDY", PatientName="doe^?", StudyInstanceUID=["1.2", "1.3", "1.9"]).all()
    assert [answer.StudyInstanceUID for answer in answers] == ["1.2", "1.3"]
    assert answers[0].PatientName == "Doe^2"
    assert answers[0].QueryRetrieveLevel == "STUDY"
    assert answers[0].PatientID == ""


async def test_a_study_of_many_instances_is_one() -> None:
    """Instances stand for what they belong to."""
    instances = [stored(number, study=study) for number, study in enumerate(["1.1", "1.2", "1.1"])]

    def find(request: Any) -> Iterator[Any]:
        yield from request.match(instances)

    async with (
        Archive({"find": find}) as archive,
        associate(archive.address, contexts=["study-root-find"]) as association,
    ):
        studies = await association.find("STUDY").all()
        images = await association.find("IMAGE", StudyInstanceUID="1.1", SeriesInstanceUID="1.1.1").all()
    assert [study.StudyInstanceUID for study in studies] == ["1.1", "1.2"]
    assert len(images) == 2


async def test_a_peer_that_has_enough() -> None:
    """Even what never matches again is left."""
    ended = threading.Event()

    def endless() -> Iterator[dict[str, str]]:
        try:
            yield STUDIES[1]
            while True:
                yield STUDIES[2]
        finally:
            ended.set()

    def find(request: Any) -> Iterator[Any]:
        yield from request.match(endless())

    async with (
        Archive({"find": find}) as archive,
        associate(archive.address, contexts=["study-root-find"]) as association,
    ):
        async with association.find("STUDY", PatientName="Doe^1") as answers:
            assert (await anext(answers)).StudyInstanceUID == "1.1"
        await eventually(ended.is_set)


async def test_a_worklist() -> None:
    """Only the step that was asked for comes back, and who has no date is not for today."""
    entries = [
        {"PatientName": "Doe", f"{STEP}.Modality": "CT", f"{STEP}.ScheduledProcedureStepStartDate": "20200101"},
        {"PatientName": "Roe", f"{STEP}.Modality": "MR", f"{STEP}.ScheduledProcedureStepStartDate": "20200101"},
        {"PatientName": "Noe", f"{STEP}.Modality": "CT"},
    ]

    def find(request: Any) -> Iterator[Any]:
        yield from request.match(entries)

    handlers = Handlers()
    handlers.add("find", find, "worklist")
    keys = {f"{STEP}.Modality": "CT", f"{STEP}.ScheduledProcedureStepStartDate": "20200101"}
    async with Archive(handlers) as archive, associate(archive.address, contexts=["worklist"]) as association:
        answers = await association.find("worklist", keys).all()
    assert [answer.PatientName for answer in answers] == ["Doe"]
    assert answers[0][STEP].value[0].Modality == "CT"


@pytest.mark.parametrize("kind", ["folder", "paths", "data sets"])
@pytest.mark.parametrize("is_async", [True, False])
async def test_a_retrieve(folder: Path, kind: str, is_async: bool) -> None:
    """From a folder, from paths, from data sets; nothing but what was named."""
    everything: Any = {
        "folder": folder,
        "paths": sorted(folder.iterdir()),
        "data sets": [stored(number, study=study) for number, study in enumerate(["1.1", "1.2", "1.1"])],
    }[kind]

    async def waiting(request: Any) -> Any:
        return request.match(everything)

    def blocking(request: Any) -> Iterator[Any]:
        yield from request.match(everything)

    async with (
        Archive({"get": waiting if is_async else blocking}) as archive,
        associate(archive.address, contexts=GET_CONTEXTS) as association,
    ):
        report = await association.get(MEMORY, {"StudyInstanceUID": "1.1"})
    assert report.completed == 2
    assert {item.data.dataset().StudyInstanceUID for item in report.received} == {"1.1"}


async def test_a_folder_that_is_not_there(tmp_path: Path) -> None:
    """The peer hears that it failed, and not that there is nothing."""

    def retrieve(request: Any) -> Iterator[Any]:
        yield from request.match(tmp_path / "nowhere")

    async with (
        Archive({"get": retrieve}) as archive,
        associate(archive.address, contexts=GET_CONTEXTS) as association,
    ):
        report = await association.get(MEMORY, {"StudyInstanceUID": "1.1"}, check=False)
    assert report.status is not None
    assert report.status.is_failure


async def test_a_level_that_the_model_has_not() -> None:
    """It is answered with A900."""
    contexts = ["patient-root-find"]
    async with (
        Archive({"find": at_another_level}) as archive,
        associate(archive.address, contexts=contexts) as association,
    ):
        with pytest.raises(StatusError) as caught:
            await association.find("PATIENT").all()
    assert caught.value.status == Status.DATA_SET_MISMATCH

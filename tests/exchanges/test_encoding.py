"""Which data sets are made and read at once, and which as work of their own."""

from __future__ import annotations

import sys
from typing import Any

import pytest
from pydicom import Dataset

from dicomnet.datasets import encode_dataset
from dicomnet.dimse.status import Status
from dicomnet.errors import InvalidValue
from dicomnet.exchanges.calls import n_action, n_get
from dicomnet.exchanges.commitment import commitment_request
from dicomnet.exchanges.encoding import decoded, encoded
from dicomnet.exchanges.find import Find
from dicomnet.exchanges.reports import InstanceRef
from dicomnet.exchanges.services import STORAGE_COMMITMENT_INSTANCE
from dicomnet.exchanges.session import Inbound
from dicomnet.exchanges.steps import Script, Work
from dicomnet.types import UID
from dicomnet.uids import StorageCommitmentPushModel
from exchanges.stage import Scp, Stage, context_of, dataset
from pair import EXPLICIT_LE

LARGE = commitment_request("1.2.3", [InstanceRef(UID("1.2"), UID(f"1.2.{number}")) for number in range(1000)])
SMALL = dataset(QueryRetrieveLevel="STUDY", PatientID="1", StudyDate="")


def watched(script: Script[Any], works: list[Work]) -> Script[Any]:
    """The same script; its works are noted."""
    result: Any = None
    while True:
        try:
            step = script.send(result)
        except StopIteration as stop:
            return stop.value
        if isinstance(step, Work):
            works.append(step)
        result = yield step


def test_small_data_sets_are_made_at_once() -> None:
    """A thread would cost more than they do."""
    works: list[Work] = []
    stage = Stage()
    assert stage.run(watched(encoded(SMALL, EXPLICIT_LE), works)) == encode_dataset(SMALL, EXPLICIT_LE)
    assert stage.run(watched(decoded(100, lambda: "made"), works)) == "made"
    assert works == []


@pytest.mark.parametrize("kind", ["items", "bytes"])
def test_large_ones_are_work(kind: str) -> None:
    """Whether they are large by their elements, in items too, or by bytes that are still to be read."""
    large = LARGE
    if kind == "bytes":
        large = Dataset()
        large.add_new(0x00091010, "UN", bytes(1_000_000))
    works: list[Work] = []
    stage = Stage()
    assert stage.run(watched(encoded(large, EXPLICIT_LE), works)) == encode_dataset(large, EXPLICIT_LE)
    assert stage.run(watched(decoded(1_000_000, lambda: "made"), works)) == "made"
    assert len(works) == 2


def test_the_first_import_of_pydicom_is_work(monkeypatch: pytest.MonkeyPatch) -> None:
    """It takes longer than any data set."""
    monkeypatch.delitem(sys.modules, "pydicom")
    works: list[Work] = []
    assert Stage().run(watched(decoded(100, lambda: "made"), works)) == "made"
    assert len(works) == 1


def test_what_cannot_be_encoded_is_an_error_either_way() -> None:
    """Of the script that has asked for it."""
    bad = Dataset()
    bad.update(LARGE)
    bad.PatientName = "山"
    bad.SpecificCharacterSet = "ISO_IR 100"
    with pytest.raises(InvalidValue):
        Stage().run(encoded(bad, EXPLICIT_LE))


def test_queries_and_n_services_work_on_what_is_large() -> None:
    """What goes out, and what comes."""

    def answer(inbound: Inbound, _: bytes | None) -> None:
        status = Status.PENDING if inbound.command.name == "C-FIND-RQ" else Status.SUCCESS
        inbound.respond(status, encode_dataset(LARGE, EXPLICIT_LE))
        if status is Status.PENDING:
            inbound.respond(Status.SUCCESS)

    stage = Stage(Scp(find=answer, n_get=answer))
    session = stage.associate(["study-root-find", "storage-commitment"])
    works: list[Work] = []
    find = Find(session, context_of(session, "study-root-find"), LARGE)
    stage.run(watched(find.begin(), works))
    assert len(works) == 1
    match = stage.run(watched(find.next(), works))
    assert match == LARGE
    assert len(works) == 2
    context, sop_class = context_of(session, "storage-commitment"), StorageCommitmentPushModel
    stage.run(watched(n_action(session, context, sop_class, STORAGE_COMMITMENT_INSTANCE, 1, LARGE), works))
    assert len(works) == 3
    got = stage.run(watched(n_get(session, context, sop_class, STORAGE_COMMITMENT_INSTANCE), works))
    assert got.dataset == LARGE
    assert len(works) == 4

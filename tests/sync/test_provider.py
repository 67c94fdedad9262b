"""Functions that perform what the peer asks of a blocking association."""

from __future__ import annotations

from typing import Any

import pytest

from dicomnet.datasets import encode_dataset
from dicomnet.dimse.commands import NEventReportRequest
from dicomnet.dimse.status import Status
from dicomnet.errors import StorageError
from dicomnet.limits import KIB, Limits
from dicomnet.sync.provider import provider_for
from dicomnet.uids import StorageCommitmentPushModel
from exchanges.stage import Scp, Stage, context_of, dataset


def report(stage: Stage, size: int = 100) -> Status:
    """How a report of the peer with so much text is answered."""
    context = context_of(stage.peer, "storage-commitment", as_scu=False)
    request = NEventReportRequest(
        affected_sop_class_uid=StorageCommitmentPushModel, affected_sop_instance_uid="1.2.3", event_type_id=1
    )
    data = encode_dataset(dataset(PatientComments="x" * size), context.transfer_syntax)
    operation = stage.peer.send(context, request, data)
    stage.rest()
    return operation.next_reply().status


@pytest.mark.parametrize(("size", "status"), [(100, Status.SUCCESS), (4 * KIB, Status.RESOURCE_LIMITATION)])
def test_a_report_may_be_too_long(size: int, status: Status) -> None:
    """The function is not called for it, and the association goes on."""
    heard: list[str] = []

    def hear(request: Any) -> None:
        heard.append(request.dataset.PatientComments)

    stage = Stage(Scp())
    provider = provider_for({"n_event_report": hear})
    session = stage.associate(["storage-commitment"], provider=provider, limits=Limits(identifier=2 * KIB))
    assert report(stage, size) == status
    assert [len(text) for text in heard] == ([size] if status.is_success else [])
    assert session.established


def test_a_failure_is_one_line_of_the_log(caplog: pytest.LogCaptureFixture) -> None:
    """What cannot be read is the peer's text, and may stand in the error."""

    def hear(request: Any) -> None:
        raise StorageError("not a data set: a\nERROR b")

    stage = Stage(Scp())
    stage.associate(["storage-commitment"], provider=provider_for({"n_event_report": hear}))
    assert report(stage) == Status.OUT_OF_RESOURCES
    assert r"failure: not a data set: a\x0aERROR b" in caplog.messages[-1]

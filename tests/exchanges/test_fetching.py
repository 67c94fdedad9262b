"""Retrieving by whatever keys: several retrieves under one report."""

from __future__ import annotations

from typing import Any

import pytest

from dicomnet.datasets import encode_dataset
from dicomnet.dimse.commands import CStoreRequest
from dicomnet.dimse.status import Status
from dicomnet.errors import ConnectionLost, DicomTimeout, InvalidValue
from dicomnet.exchanges.calls import next_reply
from dicomnet.exchanges.peers import Remote
from dicomnet.exchanges.reports import Retrieved, RetrieveReport
from dicomnet.exchanges.session import Inbound
from dicomnet.exchanges.settings import settings_for
from dicomnet.exchanges.steps import Pause, Script
from dicomnet.limits import Timeouts
from dicomnet.types import UID
from exchanges.stage import Scp, Stage, context_of, dataset, decoded
from pair import CT_IMAGE_STORAGE


class Studies(Scp):
    """Finds studies under every accession number, and sends two instances of each; or none and no answer.

    Args:
        dead: studies without an answer.
    """

    def __init__(self, *studies: str, dead: tuple[str, ...] = ()) -> None:
        super().__init__(find=self._find, get=self._get, move=self._move)
        self.studies = studies
        self.dead = dead
        self.retrieved: list[str] = []

    def _find(self, inbound: Inbound, data: bytes | None) -> None:
        query = decoded(data, inbound.context.transfer_syntax)
        for uid in self.studies if "AccessionNumber" in query else ():
            match = dataset(QueryRetrieveLevel="STUDY", StudyInstanceUID=uid)
            inbound.respond(Status.PENDING, encode_dataset(match, inbound.context.transfer_syntax))
        inbound.respond(Status.SUCCESS)

    def _wanted(self, inbound: Inbound, data: bytes | None) -> str:
        self.retrieved.append(str(decoded(data, inbound.context.transfer_syntax).StudyInstanceUID))
        return self.retrieved[-1]

    def _get(self, inbound: Inbound, data: bytes | None) -> Script[None]:
        uid = self._wanted(inbound, data)
        if uid in self.dead:
            yield Pause(10_000.0)
            return
        session = inbound.session
        for number in (1, 2):
            request = CStoreRequest(
                affected_sop_class_uid=CT_IMAGE_STORAGE, affected_sop_instance_uid=UID(f"{uid}.{number}")
            )
            yield from next_reply(session.send(context_of(session, "CTImageStorage"), request, b"1234"))
        inbound.respond(Status.CANCEL if inbound.cancelled else Status.SUCCESS, number_of_completed_suboperations=2)

    def _move(self, inbound: Inbound, data: bytes | None) -> None:
        if self._wanted(inbound, data) not in self.dead:
            inbound.respond(Status.SUCCESS, number_of_completed_suboperations=2)


def remote() -> Remote:
    timeouts = Timeouts(retrieve_response=5.0)
    return Remote(settings_for("ACCEPTOR@peer:104", aet="REQUESTOR", timeouts=timeouts), keep=True)


def get(scp: Scp, **options: Any) -> RetrieveReport:
    return Stage(scp).run(remote().get(None, {"AccessionNumber": "47"}, **options))


def move(scp: Scp, **options: Any) -> RetrieveReport:
    return Stage(scp).run(remote().move("ELSEWHERE", {"AccessionNumber": "47"}, **options))


def test_the_studies_of_a_query_come_under_one_report() -> None:
    """All that they brought, and the counts of the peer."""
    report = get(Studies("1.1", "1.2"))
    assert report.ok
    assert [one.sop_instance_uid for one in report.received] == ["1.1.1", "1.1.2", "1.2.1", "1.2.2"]
    assert report.completed == 4


@pytest.mark.parametrize("retrieve", [get, move])
def test_keys_that_match_nothing_bring_nothing_and_that_is_no_failure(retrieve: Any) -> None:
    """As with a study that the peer does not have; the report says that nothing was asked for."""
    scp = Studies()
    report = retrieve(scp)
    assert report.check() is report
    assert (report.found, report.received, scp.retrieved) == (False, [], [])
    assert str(report) == "nothing found: the query for the keys matched nothing"


def test_a_study_that_does_not_come_leaves_what_came_before() -> None:
    """The report says what ended it; the next one is not asked of a peer that does not answer."""
    scp = Studies("1.1", "1.2", "1.3", dead=("1.2",))
    report = get(scp)
    assert len(report.received) == 2
    assert isinstance(report.error, DicomTimeout)
    assert not report.ok
    assert scp.retrieved == ["1.1", "1.2"]


def test_a_study_that_is_not_moved_leaves_the_count_of_what_was() -> None:
    """As for a get."""
    report = move(Studies("1.1", "1.2", dead=("1.2",)))
    assert report.completed == 2
    assert isinstance(report.error, DicomTimeout)


@pytest.mark.parametrize("retrieve", [get, move])
def test_a_retrieve_that_brought_nothing_before_it_failed_raises_why(retrieve: Any) -> None:
    """There is nothing to report."""
    with pytest.raises(DicomTimeout):
        retrieve(Studies("1.1", "1.2", dead=("1.1",)))


@pytest.mark.parametrize("kind", [KeyError, InvalidValue, ConnectionLost])
def test_what_a_callback_raises_comes_through_with_all_that_came(kind: type[Exception]) -> None:
    """Also of the studies before; nothing is asked for again."""
    told: list[Retrieved] = []

    def fail(instance: Retrieved) -> None:
        told.append(instance)
        if len(told) == 3:
            raise kind

    scp = Studies("1.1", "1.2", "1.3")
    with pytest.raises(kind) as caught:
        get(scp, on_instance=fail)
    report: RetrieveReport = caught.value.report  # type: ignore[attr-defined]
    assert [one.sop_instance_uid for one in report.received] == ["1.1.1", "1.1.2", "1.2.1"]
    assert scp.retrieved == ["1.1", "1.2"]


def test_a_stop_stops_the_studies_that_follow_as_well() -> None:
    """They are not even asked for."""
    scp = Studies("1.1", "1.2")
    arrived: list[Retrieved] = []
    report = get(scp, on_instance=arrived.append, stop=lambda: bool(arrived))
    assert report.status == Status.CANCEL
    assert scp.retrieved == ["1.1"]

"""The six N-services, storage commitment, and what the peer asks of us meanwhile."""

from __future__ import annotations

from typing import Any

import pytest
from pydicom import Dataset

from both_shells.archive import COMMITMENT, CT, PATIENCE, Archive, Line
from both_shells.conftest import instance
from both_shells.faces import Shell
from dicomnet import AssociationAborted, ConnectionLost, DicomTimeout, InvalidValue, PartialFailure, Status, StatusError

STEP = "1.2.3.100"


def attributes(**elements: Any) -> Dataset:
    made = Dataset()
    for keyword, value in elements.items():
        setattr(made, keyword, value)
    return made


def test_each_of_the_six_services_brings_its_answer(shell: Shell, archive: Archive) -> None:
    """Status, attributes, and the instance it is about."""
    with shell.associate(archive.address, contexts=["mpps"], roles={"mpps": "both"}) as association:
        made = association.n_create("mpps", attributes(PatientID="47"), instance=STEP)
        assert (made.status, made.dataset.PatientID, made.sop_instance_uid) == (0, "47", STEP)
        changed = association.n_set("mpps", STEP, attributes(PatientID="48"))
        assert changed.dataset.PatientID == "48"
    with shell.associate(archive.address, contexts=[COMMITMENT], roles={COMMITMENT: "both"}) as association:
        assert association.n_event_report(COMMITMENT, f"{COMMITMENT}.1", 1, attributes(PatientID="1")).status == 0
    with shell.associate(archive.address, contexts=["1.2.826.0.1.3680043.8.498.1"]) as association:
        private = "1.2.826.0.1.3680043.8.498.1"
        assert association.n_create(private).sop_instance_uid == "1.2.3.4.5"
        assert association.n_get(private, STEP, ["PatientID"]).dataset.PatientID == "47"
        assert association.n_action(private, STEP, 3, attributes(PatientID="1")).status == 0
        assert association.n_delete(private, STEP).dataset is None
    assert [each for each in archive.log if each.startswith("n-")] == [
        "n-create",
        "n-set",
        "n-event-report",
        "n-create",
        "n-get",
        "n-action",
        "n-delete",
    ]


def test_a_performed_procedure_step_gets_its_uid_from_us(shell: Shell, archive: Archive) -> None:
    """As PS3.4 F.7.2.1 has it; a peer that does not repeat it in its answer leaves nobody without."""
    named: list[str] = []

    def create(line: Line, message: Any) -> None:
        named.append(message.affected_sop_instance_uid)
        line.send_n_create_response(message, 0, affected_sop_instance_uid=None)

    archive.reactions["n-create"] = create
    with shell.associate(archive.address, contexts=["mpps"]) as association:
        uids = [association.n_create("mpps", {"PatientID": "47"}).sop_instance_uid for _ in range(2)]
    assert uids == named
    assert len({uid for uid in uids if uid}) == 2


def test_attributes_may_be_given_by_name(shell: Shell, archive: Archive) -> None:
    """By keyword, tag and path, in any alphabet, as for a query; what is no attribute is told before anything is sent."""
    with shell.associate(archive.address, contexts=["mpps"]) as association:
        values = {"PatientName": "Διονυσιος", 0x00100020: "47", "RequestedProcedureCodeSequence.CodeValue": "X"}
        echoed = association.n_set("mpps", STEP, values).dataset
        assert (echoed.PatientName, echoed.PatientID) == ("Διονυσιος", "47")
        assert echoed.RequestedProcedureCodeSequence[0].CodeValue == "X"
        with pytest.raises(InvalidValue, match="did you mean PatientName"):
            association.n_set("mpps", STEP, {"PatientsName": "X"})
        with pytest.raises(InvalidValue, match="neither a data set nor a mapping"):
            association.n_set("mpps", STEP, [("PatientName", "X")])
    assert archive.log.count("n-set") == 1


def test_a_failed_service_raises_and_the_association_goes_on(shell: Shell, archive: Archive) -> None:
    """The error names the operation."""
    archive.reactions["n-set"] = lambda line, message: line.send_n_set_response(message, 0x0112)
    with shell.associate(archive.address, contexts=["verification", "mpps"]) as association:
        with pytest.raises(StatusError) as caught:
            association.n_set("mpps", STEP, attributes(PatientID="48"))
        assert (caught.value.status, caught.value.operation) == (0x0112, "N-SET")
        assert association.echo() == Status.SUCCESS


def test_what_is_several_classes_is_no_class(shell: Shell, archive: Archive) -> None:
    """The error counts them."""
    with (
        shell.associate(archive.address, contexts=["verification", "mpps"]) as association,
        pytest.raises(InvalidValue, match="SOP classes"),
    ):
        association.n_delete("storage", STEP)


# Storage commitment.


def test_what_was_stored_is_committed_on_the_same_association(shell: Shell, archive: Archive) -> None:
    """The peer's report comes while we wait, and is answered."""
    with shell.associate(archive.address, contexts=["storage", "storage-commitment"]) as association:
        report = association.store([instance(1), instance(2)])
        promised = association.commit(report)
        assert [ref.sop_instance_uid for ref in promised.committed] == ["1.2.3.1", "1.2.3.2"]
        assert promised.ok
        archive.expect("report answered 0000")


def test_what_is_not_committed_is_a_partial_failure(shell: Shell, archive: Archive) -> None:
    """With the reason of each."""

    def partly(line: Line, message: Any) -> None:
        line.send_n_action_response(message, 0)
        line.commit(message, failed=("1.2.3.2",))

    archive.reactions["n-action"] = partly
    with shell.associate(archive.address, contexts=["storage-commitment"]) as association:
        with pytest.raises(PartialFailure) as caught:
            association.commit([(CT, "1.2.3.1"), (CT, "1.2.3.2")])
        report: Any = caught.value.report
        assert [(ref.sop_instance_uid, reason) for ref, reason in report.failed] == [("1.2.3.2", 0x0112)]


def test_a_report_that_overtakes_the_response_counts(shell: Shell, archive: Archive) -> None:
    """PS3.4 J.3.2 lets it come at any time after the request."""

    def hastily(line: Line, message: Any) -> None:
        line.commit(message)
        line.send_n_action_response(message, 0)

    archive.reactions["n-action"] = hastily
    with shell.associate(archive.address, contexts=["storage-commitment"]) as association:
        assert association.commit([(CT, "1.2.3.1")]).ok


def test_a_commitment_without_an_answer_ends_in_time(shell: Shell, archive: Archive) -> None:
    """The association is none the worse."""
    archive.reactions["n-action"] = lambda line, message: line.send_n_action_response(message, 0)
    with shell.associate(archive.address, contexts=["verification", "storage-commitment"]) as association:
        with pytest.raises(DicomTimeout, match="commitment"):
            association.commit([(CT, "1.2.3.1")], timeout=0.2)
        assert association.echo() == Status.SUCCESS


def test_a_peer_that_goes_before_the_answer_is_told(shell: Shell, archive: Archive) -> None:
    """At once, not when the time is over."""

    def go(line: Line, message: Any) -> None:
        line.send_n_action_response(message, 0)
        line.flush()
        line.close()

    archive.reactions["n-action"] = go
    with (
        shell.associate(archive.address, contexts=["storage-commitment"]) as association,
        pytest.raises(ConnectionLost),
    ):
        association.commit([(CT, "1.2.3.1")])


# What the peer asks.


def test_a_handler_hears_of_events_while_we_wait(shell: Shell, archive: Archive) -> None:
    """It gets the data set, and what it returns is the answer."""
    heard: list[Any] = []
    titles: set[tuple[str, str]] = set()

    def hear(request: Any) -> int:
        heard.append((request.event_type, request.sop_instance_uid, request.dataset.PatientID))
        titles.add((request.calling_ae, request.called_ae))
        return 0x0110 if len(heard) == 2 else 0

    with shell.associate(
        archive.address, aet="ME", contexts=["storage-commitment"], handlers={"n-event-report": hear}
    ) as association:
        line = archive.lines[0]
        for number in (1, 2):
            line.send_n_event_report_request(COMMITMENT, f"{COMMITMENT}.1", number, attributes(PatientID=str(number)))
        association.wait(0.5)
        archive.expect("report answered 0110")
    assert heard == [(1, f"{COMMITMENT}.1", "1"), (2, f"{COMMITMENT}.1", "2")]
    assert titles == {("ME", "ARCHIVE")}
    assert archive.log.count("report answered 0000") == 1


def test_a_handler_that_fails_is_answered_for(shell: Shell, archive: Archive) -> None:
    """The association goes on."""

    def fail(request: Any) -> None:
        raise ZeroDivisionError

    with shell.associate(
        archive.address, contexts=["verification", "storage-commitment"], handlers={"n-event-report": fail}
    ) as association:
        archive.lines[0].send_n_event_report_request(COMMITMENT, f"{COMMITMENT}.1", 1, attributes(PatientID="1"))
        association.wait(0.3)
        archive.expect("report answered 0110")
        assert association.echo() == Status.SUCCESS


def test_a_handler_may_abort(shell: Shell, archive: Archive) -> None:
    """The call in which it was called ends with that."""
    associations: list[Any] = []

    def abort(request: Any) -> None:
        associations[0].abort()

    association = shell.associate(
        archive.address, contexts=["verification", "storage-commitment"], handlers={"n-event-report": abort}
    )
    # Plain functions have a thread of their own beside a loop, and a call waits there as any other thread does.
    associations.append(association)
    archive.lines[0].send_n_event_report_request(COMMITMENT, f"{COMMITMENT}.1", 1, attributes(PatientID="1"))
    assert association.wait(PATIENCE) is True
    with pytest.raises(AssociationAborted) as caught:
        association.echo()
    assert not caught.value.by_peer
    archive.expect("aborted")
    association.release()


def test_what_nobody_hears_is_refused(shell: Shell, archive: Archive) -> None:
    """Without handlers an event gets a failure, and the wait goes on."""
    with shell.associate(archive.address, contexts=["verification", "storage-commitment"]) as association:
        archive.lines[0].send_n_event_report_request(COMMITMENT, f"{COMMITMENT}.1", 1, attributes(PatientID="1"))
        assert association.wait(0.3) is False
        archive.wait_for(lambda: any(each.startswith("report answered 01") for each in archive.log))
        assert association.echo() == Status.SUCCESS


def test_an_echo_of_the_peer_is_answered_while_we_wait(shell: Shell, archive: Archive) -> None:
    """Where both roles are agreed on."""
    with shell.associate(archive.address, roles={"verification": "both"}) as association:
        answers: list[int] = []
        line = archive.lines[0]
        line.on("receive_c_echo_response", lambda message: answers.append(message.status) or archive.note("answered"))
        line.send_c_echo_request()
        association.wait(0.3)
        archive.expect("answered")
        assert answers == [0]


def test_what_is_no_operation_cannot_be_handled(shell: Shell, archive: Archive) -> None:
    """The error names what comes nearest."""
    with pytest.raises(InvalidValue, match="n-event-report"):
        shell.associate(archive.address, handlers={"n-event-reprt": print})

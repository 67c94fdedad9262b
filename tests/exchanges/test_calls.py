"""One request and its response, and what becomes of an operation that was left in the middle."""

from __future__ import annotations

from typing import Any

import pytest
from pydicom import Dataset

from dicomnet.datasets import encode_dataset
from dicomnet.dimse.codec import encode
from dicomnet.dimse.commands import (
    CCancelRequest,
    NActionRequest,
    NCreateRequest,
    NDeleteRequest,
    NEventReportRequest,
    NGetRequest,
    NSetRequest,
)
from dicomnet.dimse.events import MessageBegun
from dicomnet.dimse.fragments import command_pdus
from dicomnet.dimse.status import Status
from dicomnet.errors import AssociationAborted, ConnectionLost, DicomTimeout, StateError, StatusError, StorageError
from dicomnet.exchanges.calls import (
    SETTLE_TIME,
    echo,
    end,
    n_action,
    n_create,
    n_delete,
    n_event_report,
    n_get,
    n_set,
    settle,
)
from dicomnet.exchanges.contexts import Wanted
from dicomnet.exchanges.find import Find
from dicomnet.exchanges.session import Inbound, Session
from dicomnet.exchanges.steps import Script, Wait
from dicomnet.limits import Timeouts
from dicomnet.storage.held import MemorySink
from dicomnet.storage.received import ReceivedData
from dicomnet.uids import ModalityPerformedProcedureStep, PrintJob
from exchanges.stage import Items, Scp, Stage, context_of, dataset, decoded
from pair import EXPLICIT_LE

MPPS = "ModalityPerformedProcedureStep"
BOTH = ["verification", "study-root-find"]


def query(session: Session) -> Find:
    return Find(session, context_of(session, "study-root-find"), dataset(QueryRetrieveLevel="STUDY"))


def match(name: str = "A") -> bytes:
    return encode_dataset(dataset(PatientName=name), EXPLICIT_LE)


def endless(inbound: Inbound, _: bytes | None) -> Script[None]:
    """A query with a match every second until it is cancelled."""
    while not inbound.cancelled and not inbound.session.over:
        inbound.respond(Status.PENDING, match())
        yield Wait(inbound.session, lambda: inbound.cancelled, 1.0)
    inbound.respond(Status.CANCEL)


def deaf(inbound: Inbound, _: bytes | None) -> Script[None]:
    """The same, and it does not listen."""
    while not inbound.session.over:
        inbound.respond(Status.PENDING, match())
        yield Wait(inbound.session, lambda: False, 1.0)


def mute(inbound: Inbound, _: bytes | None) -> None:
    """One match, and then never again a word."""
    inbound.respond(Status.PENDING, match())


# C-ECHO and the N-services.


def test_an_echo_is_answered() -> None:
    """PS3.7 9.1.5."""
    stage = Stage(Scp())
    session = stage.associate()
    assert stage.run(echo(session, context_of(session, "verification"))) == Status.SUCCESS


def test_a_failure_is_raised_with_all_that_the_peer_said() -> None:
    """Status, comment, error ID, and what the status means for this operation."""
    scp = Scp(n_create=lambda inbound, _: inbound.respond(0x0110, error_comment="no paper", error_id=7))
    stage = Stage(scp)
    session = stage.associate([MPPS])
    context = context_of(session, MPPS)
    with pytest.raises(StatusError, match=r"N-CREATE failed with status 0110 .*: no paper") as caught:
        stage.run(n_create(session, context, ModalityPerformedProcedureStep, "1.2", None))
    error = caught.value
    assert (error.status, error.error_comment, error.error_id, error.operation) == (0x0110, "no paper", 7, "N-CREATE")
    assert error.response is not None
    assert not session.unfinished


def test_a_failure_is_told_in_one_line() -> None:
    """Errors go to logs, and a peer's comment may hold anything; the response has it as it came."""
    stage = Stage()
    session, peer = stage.associate_with_endpoint([MPPS])
    task = stage.start(n_create(session, context_of(session, MPPS), ModalityPerformedProcedureStep, "1.2", None))
    stage.rest()
    (begun,) = [event for event in peer.take() if isinstance(event, MessageBegun)]
    assert isinstance(begun.command, NCreateRequest)
    refusal = encode(begun.command.respond(0x0110, error_comment="no_ERROR")).replace(b"no_", b"no\n")
    pdus = command_pdus(1, refusal, 16384)
    peer.endpoint.connection.send_data(pdus, len(pdus), peer.now, None)
    stage.rest()
    with pytest.raises(StatusError) as caught:
        task.outcome()
    assert str(caught.value).endswith(r": no\x0aERROR")
    assert caught.value.response.error_comment == "no\nERROR"  # type: ignore[attr-defined]


def test_a_warning_is_an_answer() -> None:
    """0107 says that attributes were ignored, and it was done (PS3.7 C.4.2)."""
    stage = Stage(Scp(n_set=lambda inbound, _: inbound.respond(0x0107)))
    session = stage.associate([MPPS])
    answer = stage.run(
        n_set(session, context_of(session, MPPS), ModalityPerformedProcedureStep, "1.2", dataset(PatientID="1"))
    )
    assert (answer.status, answer.dataset) == (0x0107, None)


def test_each_service_says_whom_it_means_where_the_standard_wants_it() -> None:
    """N-CREATE and N-EVENT-REPORT affect an instance, the others request one (PS3.7 10.1)."""
    uid = ModalityPerformedProcedureStep
    scp = Scp(n_get=lambda inbound, _: inbound.respond(Status.SUCCESS, b"\x10\x00\x20\x00LO\x02\x001 "))
    stage = Stage(scp)
    both = Wanted(uid, (EXPLICIT_LE,), scu=True, scp=True)
    session = stage.associate([both])
    context, data = context_of(session, MPPS), dataset(PatientID="1")
    for script in (
        n_create(session, context, uid, "1.2", data),
        n_set(session, context, uid, "1.2", data),
        n_get(session, context, uid, "1.2", [0x00100020]),
        n_action(session, context, uid, "1.2", 3, data),
        n_delete(session, context, uid, "1.2"),
        n_event_report(session, context, uid, "1.2", 4, None),
    ):
        stage.run(script)
    create, change, get, action, delete, report = scp.commands
    assert isinstance(create, NCreateRequest)
    assert (create.affected_sop_class_uid, create.affected_sop_instance_uid) == (uid, "1.2")
    assert isinstance(change, NSetRequest)
    assert (change.requested_sop_class_uid, change.requested_sop_instance_uid) == (uid, "1.2")
    assert isinstance(get, NGetRequest)
    assert get.attribute_identifier_list == (0x00100020,)
    assert isinstance(action, NActionRequest)
    assert action.action_type_id == 3
    assert isinstance(delete, NDeleteRequest)
    assert delete.requested_sop_instance_uid == "1.2"
    assert isinstance(report, NEventReportRequest)
    assert report.event_type_id == 4
    assert [data is not None for data in scp.data] == [True, True, False, True, False, False]


def test_an_answer_has_the_instance_and_the_attributes_that_were_made() -> None:
    """The SCP may name the instance of an N-CREATE itself (PS3.7 10.1.5.1.4)."""

    def create(inbound: Inbound, _: bytes | None) -> None:
        made = encode_dataset(dataset(PatientID="42"), inbound.context.transfer_syntax)
        inbound.respond(Status.SUCCESS, made, affected_sop_instance_uid="9.8.7")

    stage = Stage(Scp(n_create=create))
    session = stage.associate([MPPS])
    answer = stage.run(n_create(session, context_of(session, MPPS), ModalityPerformedProcedureStep, None, Dataset()))
    assert answer.sop_instance_uid == "9.8.7"
    assert answer.dataset is not None
    assert answer.dataset.PatientID == "42"


def test_a_data_set_without_attributes_is_not_sent() -> None:
    """A data set of no bytes does not exist on the wire."""
    scp = Scp()
    stage = Stage(scp)
    session = stage.associate([MPPS])
    stage.run(n_create(session, context_of(session, MPPS), ModalityPerformedProcedureStep, "1.2", Dataset()))
    assert scp.data == [None]
    assert not scp.commands[0].has_data_set


def test_a_data_set_is_sent_in_the_syntax_of_its_context() -> None:
    """Implicit VR here, because the peer chose it."""
    scp = Scp()
    stage = Stage(scp)
    implicit = "1.2.840.10008.1.2"
    session = stage.associate([Wanted(ModalityPerformedProcedureStep, (implicit,))])  # type: ignore[arg-type]
    context = context_of(session, MPPS)
    stage.run(n_create(session, context, ModalityPerformedProcedureStep, "1.2", dataset(PatientID="1")))
    assert decoded(scp.data[0], implicit).PatientID == "1"


def test_a_class_that_the_context_is_not_for_is_refused_by_the_peer() -> None:
    """0118, raised like any other failure."""
    stage = Stage(Scp())
    session = stage.associate([MPPS])
    with pytest.raises(StatusError) as caught:
        stage.run(n_delete(session, context_of(session, MPPS), PrintJob, "1.2"))
    assert caught.value.status == Status.NO_SUCH_SOP_CLASS


def test_a_data_set_that_could_not_be_kept_is_raised() -> None:
    """The peer said success, and what it said is gone."""

    class Full(MemorySink):
        def finish(self) -> ReceivedData:
            raise StorageError("no memory")

    def create(inbound: Inbound, _: bytes | None) -> None:
        inbound.respond(Status.SUCCESS, match())

    stage = Stage(Scp(n_create=create, find=endless))
    session = stage.associate([MPPS, "study-root-find"])
    session.shell.memory = Full  # type: ignore[method-assign]
    with pytest.raises(StorageError, match="no memory"):
        stage.run(n_create(session, context_of(session, MPPS), ModalityPerformedProcedureStep, "1.2", None))
    find = query(session)
    stage.run(find.begin())
    with pytest.raises(StorageError, match="no memory"):
        stage.run(find.next())


# Operations that were left.


def test_a_find_left_early_is_cancelled_by_the_next_operation() -> None:
    """It is drained first; the left iterator then says so."""
    scp = Scp(find=endless)
    stage = Stage(scp)
    session = stage.associate(BOTH)
    find = query(session)
    stage.run(find.begin())
    assert stage.run(find.next()) is not None
    stage.advance(10)
    assert stage.run(echo(session, context_of(session, "verification"))) == Status.SUCCESS
    assert len(scp.cancels) == 1
    assert not session.unfinished
    with pytest.raises(StateError, match="ended by the one that followed"):
        stage.run(find.next())


def test_a_find_that_nobody_refers_to_is_cancelled_though_the_window_has_room() -> None:
    """The next operation cancels it and does not wait for its end; one that is still referred to goes on."""
    scp = Scp(find=endless)
    stage = Stage(scp)
    session = stage.associate(BOTH, window=16)
    left, kept = query(session), query(session)
    for find in (left, kept):
        stage.run(find.begin())
        assert stage.run(find.next()) is not None
    message_id = next(iter(session.unfinished - {kept._operation})).request.message_id
    find = kept
    del left
    stage.advance(10)
    assert stage.run(echo(session, context_of(session, "verification"))) == Status.SUCCESS
    stage.advance(10)
    assert [inbound.command.message_id for inbound in scp.cancels] == [message_id]
    assert stage.run(kept.next()) is not None
    assert len(session.unfinished) == 1


@pytest.mark.parametrize("handler", [mute, deaf])
def test_a_peer_that_does_not_end_what_was_cancelled_is_aborted(handler: Any) -> None:
    """After 30 seconds in all, also if it goes on and on; who comes later hears of the same timeout."""
    stage = Stage(Scp(find=handler))
    session = stage.associate(BOTH)
    find = query(session)
    stage.run(find.begin())
    assert stage.run(find.next()) is not None
    began = stage.now
    with pytest.raises(DicomTimeout) as caught:
        stage.run(echo(session, context_of(session, "verification")))
    assert stage.now - began == pytest.approx(SETTLE_TIME)
    assert caught.value.seconds == SETTLE_TIME
    with pytest.raises(DicomTimeout):
        session.check()
    with pytest.raises(DicomTimeout):
        stage.run(find.next())
    stage.rest()
    assert isinstance(stage.peer.error, AssociationAborted)


def test_a_peer_that_never_draws_breath_is_aborted_all_the_same() -> None:
    """Also if at each look something more has come, so that nobody ever has to wait."""
    stage = Stage(Scp(find=mute))
    session = stage.associate(BOTH)
    find = query(session)
    stage.run(find.begin())
    assert stage.run(find.next()) is not None
    script = end(session, list(session.unfinished))
    next(script)

    def look_on() -> None:
        for _ in range(int(SETTLE_TIME) + 1):
            stage.now += 1
            script.send(True)  # what it waits for is there at once

    with pytest.raises(DicomTimeout):
        look_on()
    assert session.over


def test_an_association_that_is_lost_while_settling_is_no_timeout() -> None:
    """The next operation says what happened, not that the peer was slow."""

    def vanish(inbound: Inbound, _: bytes | None) -> Script[None]:
        inbound.respond(Status.PENDING, match())
        yield Wait(inbound.session, lambda: inbound.cancelled)
        stage.hang_up(inbound.session)

    stage = Stage(Scp(find=vanish))
    session = stage.associate(BOTH)
    find = query(session)
    stage.run(find.begin())
    stage.run(find.next())
    with pytest.raises(ConnectionLost):
        stage.run(echo(session, context_of(session, "verification")))


def test_with_room_in_the_window_both_go_on() -> None:
    """Nothing is cancelled that is in nobody's way."""
    scp = Scp(find=endless)
    stage = Stage(scp)
    session = stage.associate(BOTH, window=2)
    find = query(session)
    stage.run(find.begin())
    for _ in range(3):
        assert stage.run(find.next()) is not None
        assert stage.run(echo(session, context_of(session, "verification"))) == Status.SUCCESS
    assert not scp.cancels
    assert find.count == 3


def test_everything_is_ended_before_a_release() -> None:
    """Whatever the window."""
    scp = Scp(find=endless)
    stage = Stage(scp)
    session = stage.associate(BOTH, window=4)
    finds = [query(session) for _ in range(3)]
    for find in finds:
        stage.run(find.begin())
        stage.run(find.next())
    stage.run(settle(session, everything=True))
    assert len(scp.cancels) == 3
    assert not session.unfinished
    for find in finds:
        with pytest.raises(StateError):
            stage.run(find.next())


def test_an_operation_that_somebody_is_at_is_not_settled() -> None:
    """The other script waits for its answer, and gets it."""
    held: list[Inbound] = []
    stage = Stage(Scp(echo=lambda inbound, _: held.append(inbound)))
    session = stage.associate(window=2)
    task = stage.start(echo(session, context_of(session, "verification")))
    stage.rest()
    stage.run(settle(session, everything=True))
    held[0].respond(Status.SUCCESS)
    stage.rest()
    assert task.outcome() == Status.SUCCESS


def test_a_call_that_was_left_is_waited_for_by_the_next() -> None:
    """It cannot be cancelled; its late answer is nobody else's."""
    held: list[Inbound] = []

    def slowly(inbound: Inbound, _: bytes | None) -> Script[None]:
        held.append(inbound)
        yield Wait(inbound.session, lambda: False, 10.0)
        inbound.respond(Status.SUCCESS)

    scp = Scp(echo=slowly)
    stage = Stage(scp)
    session = stage.associate()
    task = stage.start(echo(session, context_of(session, "verification")))
    stage.rest()
    task.leave()
    began = stage.now
    assert stage.run(echo(session, context_of(session, "verification"))) == Status.SUCCESS
    assert stage.now - began == pytest.approx(20.0)
    assert not any(isinstance(command, CCancelRequest) for command in scp.commands)
    assert len(held) == 2


def test_the_late_answer_of_a_call_that_was_left_is_thrown_away() -> None:
    """Also if nothing follows; nobody would ever read it."""
    held: list[Inbound] = []
    stage = Stage(Scp(echo=lambda inbound, _: held.append(inbound)))
    session = stage.associate(window=2)
    task = stage.start(echo(session, context_of(session, "verification")))
    stage.rest()
    task.leave()
    assert len(session.unfinished) == 1
    held[0].respond(Status.SUCCESS)
    stage.rest()
    assert not session.unfinished


def test_a_peer_that_falls_silent_times_out_where_nobody_left_anything() -> None:
    """The response time is per response: each pending one starts it anew."""

    def fading(inbound: Inbound, _: bytes | None) -> Script[None]:
        for _ in range(3):
            inbound.respond(Status.PENDING, match())
            yield Wait(inbound.session, lambda: False, 15.0)

    stage = Stage(Scp(find=fading))
    session = stage.associate(BOTH, timeouts=Timeouts(response=20.0))
    find = query(session)
    stage.run(find.begin())
    began = stage.now
    for _ in range(3):
        assert stage.run(find.next()) is not None
    with pytest.raises(DicomTimeout, match="C-FIND"):
        stage.run(find.next())
    assert stage.now - began == pytest.approx(50.0)


def test_a_source_of_the_stage_gives_what_it_has() -> None:
    """The tests of storing stand on it."""
    items = Items(3)
    assert [item.index for item in items.take(2) + items.take(2) + items.take(2)] == [0, 1, 2]

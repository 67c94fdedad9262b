"""One association as its user sees it: whose response is whose, what the peer may ask for, and how it all ends."""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from dicomnet.dimse.codec import encode
from dicomnet.dimse.commands import (
    CCancelRequest,
    CEchoRequest,
    CEchoResponse,
    CFindRequest,
    CStoreRequest,
    NEventReportRequest,
    NGetRequest,
    UnknownCommand,
)
from dicomnet.dimse.fragments import command_pdus
from dicomnet.dimse.status import Status
from dicomnet.errors import (
    AssociationAborted,
    AssociationError,
    AssociationRejected,
    ConnectionLost,
    DicomTimeout,
    InvalidValue,
    StateError,
    StatusError,
    StorageError,
)
from dicomnet.exchanges.calls import echo, next_reply
from dicomnet.exchanges.contexts import Wanted
from dicomnet.exchanges.lifetime import plain, status_of
from dicomnet.exchanges.session import Inbound, Operation, Session
from dicomnet.exchanges.steps import Pause, Script, Together, Wait
from dicomnet.exchanges.tolerance import Tolerance
from dicomnet.limits import Timeouts
from dicomnet.pdu import AssociateAccept, AssociateReject, AssociateRequest, ReleaseReply, RoleSelection
from dicomnet.uids import PrintJob, StorageCommitmentPushModel
from dicomnet.ul.events import Aborted
from dicomnet.ul.negotiation import Policy, negotiate
from exchanges.stage import Scp, Stage, context_of, proposal
from pair import CT_IMAGE_STORAGE, EXPLICIT_LE, IMPLICIT_LE, VERIFICATION, MemoryBody

ECHO = ["verification"]
BOTH_ROLES = Wanted(CT_IMAGE_STORAGE, (EXPLICIT_LE,), scu=True, scp=True)


def send_echo(session: Session) -> Operation:
    return session.send(context_of(session, "verification"), CEchoRequest(affected_sop_class_uid=VERIFICATION))


def statuses(stage: Stage, session: Session, operation: Operation) -> list[Status]:
    """What an operation was answered, by the time all is at rest."""
    stage.rest()
    return [reply.status for reply in operation.replies]


def ask(stage: Stage, session: Session, request: Any, context: Any, data: bytes | None = None) -> tuple[Status, str]:
    """Has a session ask for something, and returns status and comment of the answer."""
    operation = session.send(context, request, data)
    stage.rest()
    (reply,) = operation.replies
    return reply.status, reply.response.error_comment or ""


def ct(**fields: Any) -> CStoreRequest:
    return CStoreRequest(affected_sop_class_uid=CT_IMAGE_STORAGE, affected_sop_instance_uid="1.2.3", **fields)


# Responses.


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 1, 0), (1, 2, 0)])
def test_responses_find_their_requests_in_any_order(order: tuple[int, ...]) -> None:
    """PS3.7 9.3: by message ID, never by the order in which they were sent."""
    held: list[Inbound] = []
    stage = Stage(Scp(echo=lambda inbound, _: held.append(inbound)))
    session = stage.associate(ECHO, window=3)
    operations = [send_echo(session) for _ in range(3)]
    stage.rest()
    for index in order:
        assert not operations[index].answered
        held[index].respond(Status.SUCCESS)
        stage.rest()
        assert operations[index].over
        reply = operations[index].next_reply()
        assert reply.response.message_id_being_responded_to == operations[index].request.message_id
    assert not session.unfinished


def test_requests_may_wait_to_leave_together(monkeypatch: pytest.MonkeyPatch) -> None:
    """Who sends several has the shell send once; and they are told in the order in which they are answered."""
    scp = Scp()
    stage = Stage(scp)
    session = stage.associate(ECHO, window=4)
    answered: deque[Operation] = deque()
    context = context_of(session, "verification")
    with monkeypatch.context() as patch:
        patch.setattr(session.shell, "flush", lambda: pytest.fail("it does not wait"))
        operations = [
            session.send(context, CEchoRequest(affected_sop_class_uid=VERIFICATION), answered=answered, flush=False)
            for _ in range(3)
        ]
    session.shell.flush()
    stage.rest()
    assert len(scp.commands) == 3
    assert list(answered) == operations


def test_an_operation_is_unfinished_until_its_final_response_was_read() -> None:
    """That it has come is not enough: its replies are still somebody's."""
    stage = Stage(Scp())
    session = stage.associate(ECHO)
    operation = send_echo(session)
    stage.rest()
    assert operation.over
    assert session.unfinished == {operation}
    operation.next_reply()
    assert not session.unfinished


def test_a_request_that_cannot_be_sent_closes_its_body() -> None:
    """Whatever the reason, the body was given away."""
    stage = Stage(Scp())
    session = stage.associate(["CTImageStorage"])
    odd = MemoryBody(b"123")
    with pytest.raises(InvalidValue, match="3 bytes"):
        session.send(context_of(session, "CTImageStorage"), ct(), odd)
    context = context_of(session, "CTImageStorage")
    session.abort()
    late = MemoryBody(b"12")
    with pytest.raises(AssociationAborted):
        session.send(context, ct(), late)
    assert (odd.closed, late.closed) == (1, 1)
    assert not session.unfinished


def test_replies_that_nobody_reads_stop_the_reading() -> None:
    """A peer cannot fill our memory with answers to a query that was left."""

    def find(inbound: Inbound, _: bytes | None) -> Script[None]:
        for _ in range(2000):
            inbound.respond(Status.PENDING, b"\x08\x00\x05\x00\x00\x00\x00\x00")
            if inbound.session.crowded:
                yield Wait(inbound.session, lambda: not inbound.session.crowded)
        inbound.respond(Status.SUCCESS)

    stage = Stage(Scp(find=find))
    session = stage.associate(["study-root-find"])
    request = CFindRequest(affected_sop_class_uid=context_of(session, "study-root-find").abstract_syntax)
    operation = session.send(context_of(session, "study-root-find"), request, b"\x08\x00\x52\x00\x00\x00\x00\x00")
    stage.rest()
    assert 256 < len(operation.replies) < 400
    count = 0

    def read() -> Script[int]:
        nonlocal count
        while not (yield from next_reply(operation)).status.is_final:
            count += 1
        return count

    assert stage.run(read()) == 2000


def test_what_somebody_waits_for_comes_through_what_nobody_reads() -> None:
    """Reading had stopped for a query that was left; an echo with room in the window is answered all the same."""

    def find(inbound: Inbound, _: bytes | None) -> Script[None]:
        for _ in range(600):
            inbound.respond(Status.PENDING, b"\x08\x00\x05\x00\x00\x00\x00\x00")
            yield Wait(inbound.session, lambda: not inbound.session.crowded)

    stage = Stage(Scp(find=find))
    session = stage.associate(["verification", "study-root-find"], window=2)
    context = context_of(session, "study-root-find")
    operation = session.send(context, CFindRequest(affected_sop_class_uid=context.abstract_syntax), b"12")
    operation.held = False
    stage.rest()
    assert len(operation.replies) < 600
    assert stage.run(echo(session, context_of(session, "verification"))) == Status.SUCCESS
    assert len(operation.replies) == 600


def test_what_nobody_reads_is_given_up_before_it_fills_the_memory() -> None:
    """While something else is waited for reading goes on; the query is cancelled, and its reader told."""

    def find(inbound: Inbound, _: bytes | None) -> Script[None]:
        while not inbound.cancelled:
            inbound.respond(Status.PENDING, b"\x08\x00\x05\x00\x00\x00\x00\x00")
            yield Wait(inbound.session, lambda: not inbound.session.crowded)
        inbound.respond(Status.CANCEL)

    held: list[Inbound] = []
    stage = Stage(scp := Scp(find=find, echo=lambda inbound, _: held.append(inbound)))
    session = stage.associate(["verification", "study-root-find"], window=2)
    context = context_of(session, "study-root-find")
    operation = session.send(context, CFindRequest(affected_sop_class_uid=context.abstract_syntax), b"12")
    operation.held = False
    task = stage.start(echo(session, context_of(session, "verification")))
    stage.until(lambda: bool(scp.cancels))
    stage.rest()
    assert not operation.replies
    with pytest.raises(StateError, match=r"4\d\d\d replies .* not read"):
        stage.run(next_reply(operation))
    held[0].respond(Status.SUCCESS)
    stage.rest()
    assert task.outcome() == Status.SUCCESS
    assert not session.unfinished


def test_a_response_to_nobody_is_told_in_the_log(caplog: pytest.LogCaptureFixture) -> None:
    """It does no harm while nothing is outstanding."""
    caplog.set_level(logging.INFO, "dicomnet.association")
    stage = Stage()
    session, peer = stage.associate_with_endpoint()
    peer.endpoint.operations.perform(CEchoRequest(message_id=7), 1)
    peer.send(CEchoResponse(message_id_being_responded_to=7, status=Status(0)), context_id=1)
    stage.rest()
    assert session.established
    assert ["not outstanding" in record.getMessage() for record in caplog.records] == [True]


# Requests of the peer.


def test_without_a_provider_echoes_are_answered_and_nothing_else() -> None:
    """Somebody always answers."""
    stage = Stage(Scp())
    session = stage.associate([Wanted(VERIFICATION, (IMPLICIT_LE,), scp=True), BOTH_ROLES])
    echo_request = CEchoRequest(affected_sop_class_uid=VERIFICATION)
    assert ask(stage, stage.peer, echo_request, context_of(stage.peer, "verification"))[0] == Status.SUCCESS
    context = context_of(stage.peer, "CTImageStorage")
    assert ask(stage, stage.peer, ct(), context, b"12") == (Status.PROCESSING_FAILURE, "no handler for C-STORE-RQ")
    assert session.performing == 0


def test_a_store_without_the_scp_role_is_refused() -> None:
    """PS3.4 C.5.3: 0122, and nothing of it is kept."""
    stage = Stage(Scp())
    ours = Scp()
    stage.associate(["CTImageStorage"], provider=ours)
    context = context_of(stage.peer, "CTImageStorage", as_scu=False)
    status, comment = ask(stage, stage.peer, ct(), context, b"12")
    assert status == Status.SOP_CLASS_NOT_SUPPORTED
    assert "not SCP of CT Image Storage" in comment
    assert not ours.requests


def test_a_store_with_the_scp_role_is_performed() -> None:
    """Role selection made us its SCP (PS3.7 D.3.3.4)."""
    stage = Stage(Scp())
    ours = Scp()
    stage.associate([BOTH_ROLES], provider=ours)
    assert ask(stage, stage.peer, ct(), context_of(stage.peer, "CTImageStorage"), b"12")[0] == Status.SUCCESS
    assert ours.data == [b"12"]


def report_request() -> NEventReportRequest:
    return NEventReportRequest(
        affected_sop_class_uid=StorageCommitmentPushModel, affected_sop_instance_uid="1.2", event_type_id=1
    )


def test_an_event_report_goes_to_the_scu_and_to_nobody_else() -> None:
    """PS3.7 10.1.1: the SCP tells its SCU."""
    theirs, ours = Scp(), Scp()
    stage = Stage(theirs)
    session = stage.associate(["storage-commitment"], provider=ours)
    context = context_of(session, "storage-commitment")
    assert ask(stage, stage.peer, report_request(), context)[0] == Status.SUCCESS
    assert ask(stage, session, report_request(), context)[0] == Status.SOP_CLASS_NOT_SUPPORTED
    assert (len(ours.requests), len(theirs.requests)) == (1, 0)


@pytest.mark.parametrize(
    ("request_", "status"),
    [
        (CStoreRequest(affected_sop_class_uid=PrintJob, affected_sop_instance_uid="1.2.3"), 0x0122),
        (CEchoRequest(affected_sop_class_uid=PrintJob), 0x0122),
        (NGetRequest(requested_sop_class_uid=PrintJob, requested_sop_instance_uid="1.2.3"), 0x0118),
    ],
    ids=lambda value: getattr(value, "name", None),
)
def test_a_class_that_is_not_that_of_the_context_is_refused(request_: Any, status: int) -> None:
    """Composite services call it 0122, N-services 0118 (PS3.7 9.1, 10.1)."""
    theirs = Scp()
    stage = Stage(theirs)
    session = stage.associate([*ECHO, "CTImageStorage"])
    data = b"12" if isinstance(request_, CStoreRequest) else None
    assert ask(stage, session, request_, context_of(session, "verification"), data)[0] == status
    assert not theirs.requests


@pytest.mark.parametrize(
    ("tolerance", "store", "report"),
    [
        (Tolerance(), 0x0122, 0x0122),
        (Tolerance(assume_roles=True), 0x0000, 0x0000),
        (Tolerance(event_report_without_role=True), 0x0122, 0x0000),
    ],
    ids=["strict", "roles", "reports"],
)
def test_a_tolerance_of_roles_is_used_and_told_once(
    tolerance: Tolerance, store: int, report: int, caplog: pytest.LogCaptureFixture
) -> None:
    """One line in the log for each kind, however often."""
    caplog.set_level(logging.INFO, "dicomnet.association")
    stage = Stage(Scp(), tolerance=tolerance)
    # Its own role refused, we are neither SCU nor SCP; theirs is the default one.
    session = stage.associate(["storage-commitment", "CTImageStorage"], provider=Scp(), tolerance=tolerance)
    reports, stores = context_of(session, "storage-commitment"), context_of(session, "CTImageStorage")
    for _ in range(3):
        assert ask(stage, session, report_request(), reports)[0] == report
        assert ask(stage, stage.peer, ct(), stores, b"12")[0] == store
    told = [record.getMessage() for record in caplog.records if "tolerated" in record.getMessage()]
    assert len(told) == (store == 0) + (report == 0)


def test_a_store_on_the_context_of_a_retrieve_needs_a_tolerance_and_a_retrieve(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Some peers do so; at any other time it is refused as ever."""
    caplog.set_level(logging.INFO, "dicomnet.association")
    stage = Stage(Scp())
    session = stage.associate(["study-root-get"], tolerance=Tolerance(store_on_retrieve_context=True))
    context = context_of(session, "study-root-get")

    class Keeping:
        got: list[bytes] = []  # noqa: RUF012

        def place(self, inbound: Inbound) -> Any:
            return inbound.session.shell.memory()

        def received(self, inbound: Inbound, data: Any, error: Exception | None) -> None:
            self.got.append(data.bytes())
            inbound.respond(Status.SUCCESS)

    assert ask(stage, stage.peer, ct(), context, b"12")[0] == Status.SOP_CLASS_NOT_SUPPORTED
    session.receivers.append(Keeping())
    assert ask(stage, stage.peer, ct(), context, b"34")[0] == Status.SUCCESS
    assert ask(stage, stage.peer, ct(), context, b"56")[0] == Status.SUCCESS
    assert Keeping.got == [b"34", b"56"]
    assert sum("tolerated" in record.getMessage() for record in caplog.records) == 1


@pytest.mark.parametrize("data", [None, b"12"], ids=["bare", "with data"])
def test_an_unknown_command_is_answered_0211(data: bytes | None) -> None:
    """PS3.7 C.5.23; and the association goes on."""
    stage = Stage()
    session, peer = stage.associate_with_endpoint()
    peer.send(UnknownCommand(command_field=0x0070, message_id=9), data, context_id=1)
    stage.rest()
    ((answer, _),) = peer.messages()
    assert isinstance(answer, UnknownCommand)
    assert (answer.command_field, answer.message_id_being_responded_to, answer.status) == (0x8070, 9, 0x0211)
    assert session.established


def test_unknown_commands_are_told_in_the_log_once(caplog: pytest.LogCaptureFixture) -> None:
    """Each is answered, but they would cost the peer nothing and fill a disk."""
    stage = Stage()
    _, peer = stage.associate_with_endpoint()
    for number in range(5):
        peer.send(UnknownCommand(command_field=0x0070, message_id=number), context_id=1)
        stage.rest()
    assert len(peer.messages()) == 5
    assert ["no known kind (0070H)" in record.getMessage() for record in caplog.records] == [True]


def test_an_unknown_response_is_nobody_s() -> None:
    """Nothing is said to it."""
    stage = Stage()
    session, peer = stage.associate_with_endpoint()
    peer.send(UnknownCommand(command_field=0x8070, message_id_being_responded_to=9, status=Status(0)), context_id=1)
    stage.rest()
    assert not peer.messages()
    assert session.established


def test_an_unknown_command_after_our_release_request_does_no_harm() -> None:
    """The peer may send until it agrees (PS3.8 9.2, AR-6); to answer would be too late."""
    stage = Stage()
    session, peer = stage.associate_with_endpoint()
    peer.send(UnknownCommand(command_field=0x0070, message_id=9), context_id=1)
    peer.send(CEchoRequest(message_id=10, affected_sop_class_uid=VERIFICATION), context_id=1)
    session.release()
    stage.rest()
    peer.answer_release()
    stage.rest()
    assert (session.over, session.error) == (True, None)


def test_a_cancel_ends_nothing_but_what_it_names() -> None:
    """One for an operation that is over crossed its final response; one for a C-STORE means nothing."""
    held: list[Inbound] = []
    scp = Scp(find=lambda inbound, _: held.append(inbound), echo=lambda inbound, _: held.append(inbound))
    stage = Stage(scp)
    session = stage.associate(["verification", "study-root-find"], window=2)
    context = context_of(session, "study-root-find")
    query = session.send(context, CFindRequest(affected_sop_class_uid=context.abstract_syntax), b"12")
    pinged = send_echo(session)
    stage.rest()
    for number in (77, pinged.request.message_id):
        session.core.send(context.context_id, CCancelRequest(message_id_being_responded_to=number), stage.now)
    stage.rest()
    assert not scp.cancels
    session.cancel(query)
    session.cancel(query)
    stage.rest()
    assert scp.cancels == [held[0]]
    assert held[0].cancelled
    held[0].respond(Status.CANCEL)
    held[1].respond(Status.SUCCESS)
    stage.rest()
    session.core.send(
        context.context_id, CCancelRequest(message_id_being_responded_to=query.request.message_id), stage.now
    )
    stage.rest()
    session.cancel(query)
    assert len(scp.cancels) == 1
    assert session.established


def test_an_answer_that_comes_twice_or_too_late_goes_nowhere() -> None:
    """A handler need not know how the association does."""
    held: list[Inbound] = []
    stage = Stage(Scp(echo=lambda inbound, _: held.append(inbound)))
    session = stage.associate(ECHO)
    operation = send_echo(session)
    stage.rest()
    held[0].respond(Status.SUCCESS)
    held[0].respond(Status.PROCESSING_FAILURE)
    assert statuses(stage, session, operation) == [Status.SUCCESS]
    send_echo(session)
    stage.rest()
    stage.hang_up(session)
    stage.rest()
    assert stage.peer.performing == 0
    body = MemoryBody(b"12")
    held[1].respond(Status.SUCCESS, body)
    assert held[1].answered
    assert body.closed == 1


def test_a_response_that_breaks_the_standard_leaves_the_request_to_be_answered() -> None:
    """The handler's mistake; it can still say that it failed."""
    held: list[Inbound] = []
    stage = Stage(Scp(echo=lambda inbound, _: held.append(inbound)))
    session = stage.associate(ECHO)
    operation = send_echo(session)
    stage.rest()
    with pytest.raises(InvalidValue):
        held[0].respond(Status.SUCCESS, b"odd")
    held[0].respond(Status.PROCESSING_FAILURE)
    assert statuses(stage, session, operation) == [Status.PROCESSING_FAILURE]


def test_a_peer_that_sends_ahead_is_not_read_without_a_bound() -> None:
    """Beyond the window reading pauses, and goes on when the first are answered."""
    held: list[Inbound] = []
    scp = Scp(echo=lambda inbound, _: held.append(inbound))
    stage = Stage()
    both = [RoleSelection(VERIFICATION, scu=True, scp=True)]
    session, peer = stage.associate_with_endpoint(provider=scp, roles=both)
    # Past the core of the peer, which would keep to the window.
    for number in range(1, 15):
        send_without_window(peer, number)
    stage.rest()
    assert len(held) == 10  # the window of 1, the half of what may be sent ahead, and the one that was too many
    while len(held) < 14:
        held[len([inbound for inbound in held if inbound.answered])].respond(Status.SUCCESS)
        stage.rest()
    assert session.established
    assert scp.requests == held


def send_without_window(peer: Any, number: int) -> None:
    """A C-ECHO-RQ straight through the upper layer."""
    command = CEchoRequest(message_id=number, affected_sop_class_uid=VERIFICATION)
    command.has_data_set = False
    pdus = command_pdus(1, encode(command), 16384)
    peer.endpoint.connection.send_data(pdus, len(pdus), peer.now, None)


def test_what_a_peer_calls_its_class_writes_no_line_of_the_log(caplog: pytest.LogCaptureFixture) -> None:
    """A UID is any text on the wire: a line feed in it is not logged as one."""
    stage = Stage()
    session, peer = stage.associate_with_endpoint(ECHO, provider=Scp(), tolerance=Tolerance(assume_roles=True))
    command = CEchoRequest(message_id=1, affected_sop_class_uid=VERIFICATION)
    command.has_data_set = False
    forged = encode(command).replace(VERIFICATION.encode(), b"1\nERROR disk full")
    assert len(forged) == len(encode(command))
    pdus = command_pdus(1, forged, 16384)
    peer.endpoint.connection.send_data(pdus, len(pdus), peer.now, None)
    stage.rest()
    (refused,) = [record.getMessage() for record in caplog.records if "refused" in record.getMessage()]
    assert refused.endswith(r": 1\x0aERROR disk full is not what this context is for")
    assert session.established


# A provider, and what it may raise.


def test_a_provider_that_raises_harms_its_own_association() -> None:
    """It is aborted, and says why; the next one is not touched."""

    def echo_handler(inbound: Inbound, _: bytes | None) -> None:
        raise KeyError("nobody wrote this")

    scp = Scp(echo=echo_handler)
    stage = Stage(scp)
    first, second = stage.associate(ECHO), stage.associate(ECHO)
    send_echo(first)
    stage.rest()
    assert isinstance(stage.peers[0].session.error, KeyError)  # type: ignore[union-attr]
    with pytest.raises(AssociationAborted) as caught:
        first.check()
    assert caught.value.by_peer
    assert second.established
    assert scp.ends == [stage.peers[0].session]


def test_a_sink_may_be_chosen_late() -> None:
    """`None` from `choose` holds the data set until `use`."""

    class Undecided(Scp):
        late: list[Inbound] = []  # noqa: RUF012

        def choose(self, inbound: Inbound) -> Any:
            self.late.append(inbound)

    scp = Undecided()
    stage = Stage(scp)
    session = stage.associate(["CTImageStorage"])
    operation = session.send(context_of(session, "CTImageStorage"), ct(), b"1234")
    stage.rest()
    assert not operation.answered
    scp.late[0].use(stage.peer.shell.memory())
    assert statuses(stage, session, operation) == [Status.SUCCESS]
    assert scp.data == [b"1234"]


# The end.


def ends(stage: Stage, session: Session) -> tuple[Exception | None, Exception | None]:
    """What both sides say of the end, once it is quite over."""
    stage.advance(60)
    assert session.over
    assert session.closed_down
    assert stage.peer.closed_down
    return session.error, stage.peer.error


def test_a_rejection_carries_its_numbers() -> None:
    """1/1/7 is not an end without a reason."""
    stage = Stage(Scp(Policy(called_ae=["SOMEBODY"])))
    with pytest.raises(AssociationRejected) as caught:
        stage.associate(ECHO)
    assert (caught.value.result, caught.value.source, caught.value.reason) == (1, 1, 7)
    ours, theirs = ends(stage, stage.sessions[0])
    assert (str(ours), theirs) == (str(caught.value), None)


def test_a_session_without_a_provider_rejects() -> None:
    """Nobody is there who could serve."""
    stage = Stage(Scp())
    session = stage.connect()
    stage.peer.provider = None
    session.associate(proposal(ECHO))
    stage.rest()
    assert isinstance(session.error, AssociationRejected)


def test_a_request_that_the_provider_itself_refuses_is_in_the_log(caplog: pytest.LogCaptureFixture) -> None:
    """No user is asked about another application context (PS3.8 9.2, AE-6)."""
    caplog.set_level(logging.INFO, "dicomnet.association")
    scp = Scp()
    stage = Stage(scp)
    session = stage.connect()
    session.associate(replace(proposal(ECHO), application_context=VERIFICATION))
    stage.rest()
    assert isinstance(session.error, AssociationRejected)
    assert not scp.asked
    text = "peer0 REQUESTOR@peer -> ACCEPTOR is rejected: application context not supported (1.2.840.10008.1.1)"
    assert text in [record.getMessage() for record in caplog.records]


@pytest.mark.parametrize("agree", [True, False])
def test_an_answer_for_a_peer_that_has_left_goes_nowhere(agree: bool) -> None:
    """Whoever decides may take his time."""

    class Thinking(Scp):
        def associate(self, session: Session, request: AssociateRequest) -> None:
            self.asked.append(request)

    scp = Thinking()
    stage = Stage(scp)
    session = stage.connect()
    session.associate(proposal(ECHO))
    stage.rest()
    stage.hang_up(session)
    stage.rest()
    peer = stage.peer
    answer = negotiate(scp.asked[0], Policy())
    assert isinstance(answer, AssociateAccept)
    if agree:
        peer.accept(answer)
    else:
        peer.reject(AssociateReject(1, 1, 1))
    assert peer.over
    assert not peer.established
    assert not peer.room


def test_a_release_ends_without_an_error() -> None:
    """On both sides; what is asked afterwards is a mistake of the caller."""
    stage = Stage(Scp())
    session = stage.associate(ECHO)
    session.release()
    assert ends(stage, session) == (None, None)
    with pytest.raises(StateError, match="over"):
        session.check()


def test_a_release_by_the_acceptor_is_an_error_for_the_requestor() -> None:
    """Who asked for the association did not want its end."""
    stage = Stage(Scp())
    session = stage.associate(ECHO)
    stage.peer.release()
    error, theirs = ends(stage, session)
    assert type(error) is AssociationError
    assert "released" in str(error)
    assert theirs is None


def test_a_release_waits_for_our_answers() -> None:
    """PS3.7 A.5: not while an operation is outstanding."""
    held: list[Inbound] = []
    stage = Stage(Scp(echo=lambda inbound, _: held.append(inbound)))
    session = stage.associate(ECHO)
    operation = send_echo(session)
    session.release()
    stage.rest()
    assert session.established
    held[0].respond(Status.SUCCESS)
    assert statuses(stage, session, operation) == [Status.SUCCESS]
    assert session.over


def test_an_abort_is_told_apart_by_who_did_it() -> None:
    """Both sides hold the same numbers and a different side to be blamed."""
    stage = Stage(Scp())
    session = stage.associate(ECHO)
    session.abort()
    error, theirs = ends(stage, session)
    assert isinstance(error, AssociationAborted)
    assert isinstance(theirs, AssociationAborted)
    assert (error.by_peer, theirs.by_peer) == (False, True)


def test_an_abort_may_say_why() -> None:
    """What is raised afterwards is the reason, not that we aborted."""
    stage = Stage(Scp())
    session = stage.associate(ECHO)
    reason = DicomTimeout("something", 1.0)
    session.abort(error=reason)
    assert session.error is reason
    session.abort()  # again: nothing
    with pytest.raises(DicomTimeout, match="something"):
        session.check()


def test_a_pdu_out_of_turn_is_an_abort_of_ours_that_says_why(caplog: pytest.LogCaptureFixture) -> None:
    """Nobody has to look up numbers to know which of the two sides was wrong, and in what."""
    caplog.set_level(logging.INFO, "dicomnet.association")
    stage = Stage()
    session, peer = stage.associate_with_endpoint()
    peer.endpoint.connection.send(ReleaseReply())
    stage.rest()
    assert isinstance(session.error, AssociationAborted)
    assert not session.error.by_peer
    assert "RELEASE-RP came out of turn" in str(session.error)
    assert "ended for a protocol error" in caplog.text


def test_a_broken_protocol_is_an_abort_of_ours_that_says_why() -> None:
    """The detail tells what the peer did."""
    stage = Stage()
    session, peer = stage.associate_with_endpoint()
    send_echo(session)
    stage.rest()
    peer.endpoint.operations.performing[7] = peer.endpoint.operations.performing.pop(1)
    peer.send(CEchoResponse(message_id_being_responded_to=7, status=Status(0)), context_id=1)
    stage.rest()
    assert isinstance(session.error, AssociationAborted)
    assert not session.error.by_peer
    assert "not outstanding" in str(session.error)
    assert any(isinstance(event, Aborted) for event in peer.take())


def test_a_response_that_does_not_come_is_a_timeout() -> None:
    """After its own time, and the peer is told by an abort."""
    stage = Stage(Scp(echo=lambda inbound, _: None))
    session = stage.associate(ECHO, timeouts=Timeouts(response=20.0))
    began = stage.now
    with pytest.raises(DicomTimeout, match="C-ECHO") as caught:
        stage.run(echo(session, context_of(session, "verification")))
    assert stage.now - began == pytest.approx(20.0)
    assert caught.value.seconds == 20.0
    assert isinstance(ends(stage, session)[1], AssociationAborted)


def test_an_answer_to_the_request_that_does_not_come_is_a_timeout() -> None:
    """30 seconds, then nobody waits any more."""
    stage = Stage()
    began = stage.now
    with pytest.raises(DicomTimeout):
        stage.associate(ECHO)
    assert stage.now - began == pytest.approx(30.0)


@pytest.mark.parametrize("busy", [True, False], ids=["in an operation", "idle"])
def test_a_connection_that_goes_is_lost_at_both_ends(busy: bool) -> None:
    """Whoever waits is told."""
    stage = Stage(Scp(echo=lambda inbound, _: None))
    session = stage.associate(ECHO)
    task = stage.start(echo(session, context_of(session, "verification"))) if busy else None
    stage.rest()
    stage.hang_up(stage.peer)
    error, theirs = ends(stage, session)
    assert isinstance(error, ConnectionLost)
    assert isinstance(theirs, ConnectionLost)
    if task is not None:
        with pytest.raises(ConnectionLost):
            task.outcome()


def test_a_connection_that_goes_before_the_answer_says_so() -> None:
    """Not merely that it is closed: an acceptor without a free place often does that."""
    stage = Stage()
    session = stage.connect()
    session.associate(proposal(ECHO))
    stage.rest()
    stage.peers[-1].finish()
    stage.rest()
    assert isinstance(session.error, ConnectionLost)
    assert "without an answer" in str(session.error)


def test_a_connection_that_goes_before_the_request_says_the_same() -> None:
    """Some loops see the end before anybody had a turn to ask for anything."""
    stage = Stage()
    session = stage.connect()
    stage.peers[-1].finish()
    stage.rest()
    session.associate(proposal(ECHO))
    stage.rest()
    assert session.answered
    with pytest.raises(ConnectionLost, match="without an answer"):
        session.check()


def test_the_end_is_told_once_and_whoever_waits_wakes() -> None:
    """Also scripts that wait for something that will now never be."""
    scp = Scp(echo=lambda inbound, _: None)
    stage = Stage(scp)
    session = stage.associate(ECHO, window=4)
    scripts = [echo(session, context_of(session, "verification")) for _ in range(3)]

    def all_of_them() -> Script[list[Any]]:
        return (yield Together(scripts))

    task = stage.start(all_of_them())
    stage.rest()
    session.abort()
    stage.rest()
    assert [type(error) for error in task.outcome()] == [AssociationAborted] * 3
    assert len(scp.ends) == 1
    assert session.waiting == 0


def test_an_abort_from_elsewhere_is_what_the_association_ended_with() -> None:
    """Another thread sets the reason, then has the shell end the connection."""
    stage = Stage(Scp())
    session = stage.associate(ECHO)
    session.aborting = AssociationAborted(0, 0, by_peer=False)
    stage.hang_up(session)
    assert session.error is session.aborting


# The one line.


def released(stage: Stage, session: Session) -> None:
    session.release()


def aborted(stage: Stage, session: Session) -> None:
    session.abort()


def aborted_by_peer(stage: Stage, session: Session) -> None:
    stage.peer.abort()


def lost(stage: Stage, session: Session) -> None:
    stage.hang_up(stage.peer)


@pytest.mark.parametrize(
    ("end", "words"),
    [
        (released, "released"),
        (aborted, "aborted here"),
        (aborted_by_peer, "aborted by the peer (0/0)"),
        (lost, "closed by the peer without a release"),
    ],
)
def test_each_association_ends_in_one_line(
    end: Callable[[Stage, Session], None], words: str, caplog: pytest.LogCaptureFixture
) -> None:
    """With both ends, what was done, and how it ended; a second end adds nothing."""
    stage = Stage(Scp())
    session = stage.associate(ECHO)
    stage.run(echo(session, context_of(session, "verification")))
    caplog.set_level(logging.INFO, "dicomnet.association")
    end(stage, session)
    stage.advance(60)
    session.abort()
    session.closed(None)
    lines = [r.getMessage() for r in caplog.records if r.levelno == logging.INFO and r.getMessage().startswith("us0 ")]
    assert len(lines) == 1
    assert lines[0].startswith(f"us0 REQUESTOR@peer -> ACCEPTOR {words}: 1 C-ECHO, ")


def test_a_connection_that_nobody_used_is_no_news(caplog: pytest.LogCaptureFixture) -> None:
    """A health check is DEBUG."""
    caplog.set_level(logging.INFO, "dicomnet.association")
    stage = Stage(Scp())
    stage.hang_up(stage.connect())
    stage.rest()
    assert stage.peer.closed_down
    assert not caplog.records


# Statuses of errors.


@pytest.mark.parametrize(
    ("error", "status", "comment"),
    [
        (StorageError("the disk is full"), 0xA700, "the disk is full"),
        (StorageError("/secret/path", status=0xA900, comment="mismatch"), 0xA900, "mismatch"),
        (StatusError(0xC123, "näh"), 0xC123, "n?h"),
        (StatusError(0x0124), 0x0124, None),
        (KeyError("anything"), 0x0110, None),
    ],
)
def test_an_error_becomes_a_status(error: Exception, status: int, comment: str | None) -> None:
    """What it carries, or 0110 without details: those are nobody's business."""
    assert status_of(error) == (status, comment)


def test_a_comment_is_plain() -> None:
    """The default repertoire is all there is for it (PS3.7 Annex C)."""
    assert plain("ä\nb") == "?\\x0ab"


def test_time_passes_on_the_stage_as_it_should() -> None:
    """The tests of this folder stand on it."""
    stage = Stage()

    def script() -> Script[float]:
        yield Pause(3600)
        return stage.now

    assert stage.run(script()) == 4600.0

"""Storage commitment: asked for here, answered here or elsewhere, and believed only as far as its lists go."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
from pydicom import Dataset

from dicomnet.datasets import encode_dataset
from dicomnet.dimse.commands import NActionRequest, NEventReportRequest
from dicomnet.dimse.status import Status
from dicomnet.errors import AssociationError, ConnectionLost, DicomTimeout, InvalidValue, StatusError
from dicomnet.exchanges.calls import next_reply
from dicomnet.exchanges.commitment import (
    Transactions,
    commit,
    commitment_request,
    commitment_result,
    instance_refs,
    read_result,
)
from dicomnet.exchanges.contexts import Wanted
from dicomnet.exchanges.reports import CommitReport, InstanceRef, Outcome, StoreReport, StoreResult
from dicomnet.exchanges.services import STORAGE_COMMITMENT_INSTANCE
from dicomnet.exchanges.session import Inbound, Session
from dicomnet.exchanges.steps import Pause, Script
from dicomnet.storage.received import ReceivedData
from dicomnet.types import UID
from dicomnet.uids import PrintJob, StorageCommitmentPushModel
from exchanges.stage import Scp, Stage, context_of, dataset, decoded
from pair import CT_IMAGE_STORAGE, EXPLICIT_LE

REFS = [InstanceRef(CT_IMAGE_STORAGE, UID(f"1.2.3.{number}")) for number in range(3)]
TRANSACTION = UID("2.25.99")

Result = tuple[int, Dataset]


def result(committed: list[InstanceRef] = REFS, failed: Any = (), uid: str = TRANSACTION) -> Result:
    return commitment_result(uid, committed, failed)


def tell(session: Session, event: Result) -> Script[Status]:
    """An N-EVENT-REPORT on a session of the peer; returns how it was answered."""
    event_type, information = event
    request = NEventReportRequest(
        affected_sop_class_uid=StorageCommitmentPushModel,
        affected_sop_instance_uid=STORAGE_COMMITMENT_INSTANCE,
        event_type_id=event_type,
    )
    context = context_of(session, "storage-commitment", as_scu=False)
    operation = session.send(context, request, encode_dataset(information, context.transfer_syntax))
    return (yield from next_reply(operation)).status


class Keeper:
    """An SCP that answers the N-ACTION and tells results before or after that."""

    def __init__(self, *before: Result, after: tuple[Result, ...] = (), delay: float = 0.0) -> None:
        self.before = before
        self.after = after
        self.delay = delay
        self.statuses: list[Status] = []

    def __call__(self, inbound: Inbound, _: bytes | None) -> Script[None]:
        for event in self.before:
            self.statuses.append((yield from tell(inbound.session, event)))
        inbound.respond(Status.SUCCESS)
        yield Pause(self.delay)
        for event in self.after:
            self.statuses.append((yield from tell(inbound.session, event)))


def start(handler: Any) -> tuple[Stage, Session, Scp]:
    scp = Scp(n_action=handler)
    stage = Stage(scp)
    return stage, stage.associate(["storage-commitment"]), scp


def ask(
    session: Session, transactions: Transactions | None = None, *, timeout: float | None = 60.0, **options: Any
) -> Script[CommitReport]:
    return commit(
        session,
        context_of(session, "storage-commitment"),
        REFS,
        transactions=transactions or Transactions(),
        timeout=timeout,
        **{"transaction_uid": TRANSACTION, **options},
    )


# On the same association.


def test_the_request_names_every_instance() -> None:
    """PS3.4 Table J.3-1, to the one well-known instance."""
    stage, session, scp = start(Keeper(after=(result(),)))
    stage.run(ask(session))
    (command,) = scp.commands
    assert isinstance(command, NActionRequest)
    assert command.requested_sop_instance_uid == STORAGE_COMMITMENT_INSTANCE == "1.2.840.10008.1.20.1.1"
    assert command.action_type_id == 1
    asked = decoded(scp.data[0])
    assert asked.TransactionUID == TRANSACTION
    assert [item.ReferencedSOPInstanceUID for item in asked.ReferencedSOPSequence] == [r[1] for r in REFS]


def test_a_result_that_overtakes_the_response_counts() -> None:
    """It may come before the N-ACTION-RSP (PS3.4 J.3.2)."""
    keeper = Keeper(result())
    stage, session, _ = start(keeper)
    report = stage.run(ask(session))
    assert report.ok
    assert report.committed == REFS
    assert keeper.statuses == [Status.SUCCESS]


def test_a_result_may_come_later_on_the_same_association() -> None:
    """As long as somebody waits."""
    keeper = Keeper(after=(result(),), delay=50.0)
    stage, session, _ = start(keeper)
    began = stage.now
    assert stage.run(ask(session)).ok
    assert stage.now - began == pytest.approx(50.0)
    stage.rest()
    assert keeper.statuses == [Status.SUCCESS]


def test_two_requests_at_once_have_a_result_each() -> None:
    """The one whose result comes first takes nothing away from the other."""
    other = UID("2.25.100")
    first, second = result(), result(uid=other)

    def keep(inbound: Inbound, data: bytes | None) -> Script[None]:
        inbound.respond(Status.SUCCESS)
        mine = decoded(data).TransactionUID == TRANSACTION
        yield Pause(1.0 if mine else 5.0)
        yield from tell(inbound.session, first if mine else second)

    stage, session, _ = start(keep)
    transactions = Transactions()
    tasks = [
        stage.start(ask(session, transactions)),
        stage.start(ask(session, transactions, transaction_uid=other)),
    ]
    stage.until(lambda: all(task.done for task in tasks))
    assert [task.outcome().transaction_uid for task in tasks] == [TRANSACTION, other]
    assert all(task.outcome().ok for task in tasks)


def test_what_was_refused_has_its_reason() -> None:
    """And what is in neither list is missing."""
    stage, session, _ = start(Keeper(result(REFS[:1], [(REFS[1], 0x0112)])))
    report = stage.run(ask(session))
    assert report.committed == REFS[:1]
    assert report.failed == [(REFS[1], Status.NO_SUCH_SOP_INSTANCE)]
    assert report.missing == [REFS[2]]
    assert not report.ok


@pytest.mark.parametrize("event_type", [1, 2, 77])
def test_lists_count_and_not_the_event_type(event_type: int) -> None:
    """Type 1 says that all is well, and some peers always send it (PS3.4 J.3.3.1)."""
    _, failing = result(REFS[:2], [(REFS[2], 0x0110)])
    stage, session, _ = start(Keeper((event_type, failing)))
    report = stage.run(ask(session))
    assert not report.ok
    assert [ref for ref, _ in report.failed] == [REFS[2]]


def test_a_result_of_another_transaction_is_not_ours() -> None:
    """It is refused, because nobody here knows it; ours is still waited for."""
    keeper = Keeper(result(uid="2.25.1"), after=(result(),), delay=5.0)
    stage, session, _ = start(keeper)
    assert stage.run(ask(session)).ok
    stage.rest()
    assert keeper.statuses == [Status.PROCESSING_FAILURE, Status.SUCCESS]


def test_a_result_is_taken_once() -> None:
    """The second is for a transaction that nobody knows any more."""
    keeper = Keeper(result(), result())
    stage, session, _ = start(keeper)
    report = stage.run(ask(session))
    assert report.committed == REFS
    assert keeper.statuses == [Status.SUCCESS, Status.PROCESSING_FAILURE]


def unreadable(**changes: Any) -> Result:
    event_type, information = result(REFS[:2], [(REFS[2], 0x0110)])
    for keyword, value in changes.items():
        setattr(information.FailedSOPSequence[0], keyword, value)
    return event_type, information


@pytest.mark.parametrize(
    ("bad", "said"),
    [
        (unreadable(FailureReason=[0x0110, 0x0111]), "a commitment result cannot be read: "),
        ((1, dataset(TransactionUID=[TRANSACTION, "1.2"])), "N-EVENT-REPORT-RQ, and nobody here performs it"),
    ],
    ids=["two reasons", "two transactions"],
)
def test_a_result_that_cannot_be_read_is_refused_and_may_be_sent_again(
    bad: Result, said: str, caplog: pytest.LogCaptureFixture
) -> None:
    """Nothing of it is believed, the log says so, and the association goes on."""
    keeper = Keeper(bad, result())
    stage, session, _ = start(keeper)
    report = stage.run(ask(session))
    assert keeper.statuses == [Status.PROCESSING_FAILURE, Status.SUCCESS]
    assert (report.committed, report.failed) == (REFS, [])
    assert said in caplog.text


def test_a_request_that_is_refused_is_raised() -> None:
    """No result will come, and none is waited for."""
    transactions = Transactions()
    stage, session, _ = start(lambda inbound, _: inbound.respond(0x0110, error_comment="busy"))
    with pytest.raises(StatusError, match="busy"):
        stage.run(ask(session, transactions))
    assert transactions.result(TRANSACTION) is None


def test_a_result_that_does_not_come_is_a_timeout() -> None:
    """The association stands: the peer has answered what we asked."""
    stage, session, _ = start(Keeper())
    began = stage.now
    with pytest.raises(DicomTimeout, match="storage commitment") as caught:
        stage.run(ask(session, timeout=60.0))
    assert stage.now - began == pytest.approx(60.0)
    assert caught.value.seconds == 60.0
    assert session.established


def test_a_result_that_comes_after_that_is_not_taken() -> None:
    """Nobody would be told of it, so nobody says that it has arrived."""
    keeper = Keeper(after=(result(),), delay=70.0)
    stage, session, _ = start(keeper)
    with pytest.raises(DicomTimeout):
        stage.run(ask(session, timeout=60.0))
    stage.advance(20.0)
    assert keeper.statuses == [Status.PROCESSING_FAILURE]


def test_nothing_of_a_result_is_kept_once_it_is_told() -> None:
    """A server may see any number of them; the data set may be a file."""
    transactions = Transactions()
    closed: list[bool] = []
    take = transactions.take

    def watched(inbound: Inbound, data: Any, pass_on: Callable[[], None]) -> bool:
        close = data.close
        data.close = lambda: (closed.append(True), close())
        return take(inbound, data, pass_on)

    transactions.take = watched  # type: ignore[method-assign]
    stage, session, _ = start(Keeper(result()))
    assert stage.run(ask(session, transactions)).ok
    assert transactions.result(TRANSACTION) is None
    assert not transactions.signal._watchers
    assert closed == [True]


@pytest.mark.parametrize("how", ["released", "lost"])
def test_a_result_right_before_the_end_of_the_association_counts(how: str) -> None:
    """Also if both are seen at the same time."""

    def tell_and_leave(inbound: Inbound, _: bytes | None) -> Script[None]:
        inbound.respond(Status.SUCCESS)
        yield from tell(inbound.session, result())
        if how == "released":
            inbound.session.release()
        else:
            stage.hang_up(inbound.session)

    stage, session, _ = start(tell_and_leave)
    work = session.shell.work
    session.shell.work = lambda *arguments: (work(*arguments), stage.hang_up(session))  # type: ignore[method-assign]
    assert stage.run(ask(session)).ok
    assert session.over


@pytest.mark.parametrize("how", ["released", "lost"])
def test_an_association_that_ends_before_the_result_is_raised(how: str) -> None:
    """At once: there is nowhere else that it could come to."""

    def leave(inbound: Inbound, _: bytes | None) -> Script[None]:
        inbound.respond(Status.SUCCESS)
        yield Pause(5.0)
        if how == "released":
            inbound.session.release()
        else:
            stage.hang_up(inbound.session)

    stage, session, _ = start(leave)
    began = stage.now
    with pytest.raises(AssociationError) as caught:
        stage.run(ask(session))
    assert stage.now - began == pytest.approx(5.0)
    assert isinstance(caught.value, ConnectionLost) == (how == "lost")


# Elsewhere.


class Elsewhere(Scp):
    """A server of ours, which gives reports to the transactions of its peers."""

    def __init__(self, transactions: Transactions) -> None:
        super().__init__()
        self.transactions = transactions
        self.taken: list[bool] = []

    def choose(self, inbound: Inbound) -> Any:
        return inbound.spool()

    def perform(self, inbound: Inbound, data: Any, error: Exception | None) -> None:
        self.taken.append(True)
        if not self.transactions.take(inbound, data, partial(self.pass_on, inbound)):
            self.pass_on(inbound)

    def pass_on(self, inbound: Inbound) -> None:
        self.taken[-1] = False
        inbound.respond(Status.NO_SUCH_ARGUMENT)


def report_elsewhere(stage: Stage, server: Elsewhere, event: Result) -> Status:
    """The peer opens an association of its own, and tells the result there."""
    stage.scp, before = server, stage.scp
    # It proposes the SCP role for itself (PS3.4 J.2.1).
    session = stage.associate([Wanted(StorageCommitmentPushModel, (UID(EXPLICIT_LE),), scu=False, scp=True)])
    stage.scp = before
    return stage.run(tell(session, event))


@pytest.mark.parametrize("timeout", [60.0, None])
@pytest.mark.parametrize("released", [True, False], ids=["after the release", "meanwhile"])
def test_a_result_on_another_association_is_found(released: bool, timeout: float | None) -> None:
    """Also when the first is over by then (PS3.4 J.3.3)."""

    def handler(inbound: Inbound, _: bytes | None) -> Script[None]:
        inbound.respond(Status.SUCCESS)
        if released:
            yield Pause(1.0)
            inbound.session.release()

    transactions = Transactions()
    stage, session, _ = start(handler)
    task = stage.start(ask(session, transactions, elsewhere=True, timeout=timeout))
    stage.advance(5.0)
    assert session.over == released
    assert not task.done
    server = Elsewhere(transactions)
    assert report_elsewhere(stage, server, result(uid="2.25.5")) == Status.NO_SUCH_ARGUMENT
    assert not task.done
    assert report_elsewhere(stage, server, result()) == Status.SUCCESS
    stage.rest()
    assert task.outcome().ok
    assert server.taken == [False, True]


def test_the_time_for_a_result_elsewhere_runs_from_the_request() -> None:
    """What went by on the first association counts."""

    def handler(inbound: Inbound, _: bytes | None) -> Script[None]:
        inbound.respond(Status.SUCCESS)
        yield Pause(20.0)
        inbound.session.release()

    stage, session, _ = start(handler)
    began = stage.now
    with pytest.raises(DicomTimeout):
        stage.run(ask(session, elsewhere=True, timeout=60.0))
    assert stage.now - began == pytest.approx(60.0)


def test_what_is_no_report_of_a_commitment_is_not_taken() -> None:
    """An N-ACTION with the same transaction, for one; whoever gets it answers it himself."""
    transactions = Transactions()
    transactions.expect(CommitReport(TRANSACTION, REFS))
    server = Elsewhere(transactions)
    stage = Stage(server)
    session = stage.associate(["storage-commitment"])
    with pytest.raises(StatusError):
        stage.run(ask(session))
    assert server.taken == [False]


def test_a_report_of_another_class_is_not_taken() -> None:
    """However much what is in it looks like a result."""
    transactions = Transactions()
    transactions.expect(CommitReport(TRANSACTION, REFS))
    server = Elsewhere(transactions)
    stage = Stage(server)
    session = stage.associate([Wanted(PrintJob, (UID(EXPLICIT_LE),), scu=False, scp=True)])
    request = NEventReportRequest(affected_sop_class_uid=PrintJob, affected_sop_instance_uid="1.2.3", event_type_id=1)
    context = next(iter(session.core.connection.terms.contexts.values()))  # type: ignore[union-attr]
    operation = session.send(context, request, encode_dataset(result()[1], EXPLICIT_LE))
    assert stage.run(next_reply(operation)).status == Status.NO_SUCH_ARGUMENT
    assert server.taken == [False]


def test_a_report_without_its_information_is_not_taken() -> None:
    """It says of nothing that it is committed."""
    stage, session, _ = start(Keeper())
    transactions = Transactions()
    transactions.expect(CommitReport(TRANSACTION, REFS))
    session.on_event_report = transactions.take
    request = NEventReportRequest(
        affected_sop_class_uid=StorageCommitmentPushModel,
        affected_sop_instance_uid=STORAGE_COMMITMENT_INSTANCE,
        event_type_id=1,
    )
    operation = stage.peer.send(context_of(stage.peer, "storage-commitment", as_scu=False), request)
    stage.rest()
    assert operation.next_reply().status == Status.PROCESSING_FAILURE


def test_nothing_of_a_report_is_read_while_nobody_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    """It may be large, and anybody's."""
    read: list[Any] = []
    monkeypatch.setattr(ReceivedData, "dataset", read.append)
    stage, session, _ = start(Keeper())
    session.on_event_report = Transactions().take
    assert stage.run(tell(stage.peer, result())) == Status.PROCESSING_FAILURE
    assert not read


def test_a_report_is_read_where_that_stops_nobody() -> None:
    """The shell is asked to do so, and what it found is taken when it is done."""
    later: list[Callable[[], None]] = []
    stage, session, _ = start(Keeper(result()))
    work = session.shell.work
    session.shell.work = lambda *arguments: later.append(partial(work, *arguments))  # type: ignore[method-assign]
    task = stage.start(ask(session))
    stage.rest()
    assert not task.done
    (read,) = later
    read()
    stage.rest()
    assert task.outcome().ok


# Pure.


@pytest.mark.parametrize(
    "instances",
    [
        [(CT_IMAGE_STORAGE, "1.2.3.0"), (CT_IMAGE_STORAGE, "1.2.3.1"), (CT_IMAGE_STORAGE, "1.2.3.0")],
        [dataset(SOPClassUID=CT_IMAGE_STORAGE, SOPInstanceUID=f"1.2.3.{n}") for n in (0, 1, 1)],
        StoreReport(
            [
                StoreResult("a", Outcome.STORED, None, CT_IMAGE_STORAGE, UID("1.2.3.0")),
                StoreResult("b", Outcome.FAILED, None, CT_IMAGE_STORAGE, UID("1.2.3.7")),
                StoreResult("c", Outcome.WARNING, None, CT_IMAGE_STORAGE, UID("1.2.3.1")),
                StoreResult("d", Outcome.SKIPPED),
            ]
        ),
    ],
    ids=["pairs", "data sets", "a report"],
)
def test_instances_may_be_given_in_several_ways(instances: Any) -> None:
    """Each is asked for once; of a report, what the peer has."""
    assert instance_refs(instances) == REFS[:2]


@pytest.mark.parametrize("wrong", [["1.2.3"], [("1.2", "no uid")], [7], [(1, 2, 3)]])
def test_what_is_no_instance_is_refused(wrong: Any) -> None:
    """Before anything is sent."""
    with pytest.raises(InvalidValue, match="no pair"):
        instance_refs(wrong)


def test_nothing_to_be_committed_is_a_mistake() -> None:
    """The peer would have nothing to promise."""
    stage, session, scp = start(Keeper())
    script = commit(
        session,
        context_of(session, "storage-commitment"),
        [],
        transactions=Transactions(),
        transaction_uid=TRANSACTION,
        timeout=1.0,
    )
    with pytest.raises(InvalidValue, match="no instance"):
        stage.run(script)
    assert not scp.requests


@pytest.mark.parametrize(
    ("committed", "failed", "event_type"),
    [(REFS, [], 1), (REFS[:1], [(REFS[1], 0x0112)], 2), ([], [(REFS[0], 0x0110)], 2), ([], [], 1)],
)
def test_what_a_provider_tells_is_what_a_requestor_reads(
    committed: list[InstanceRef], failed: list[tuple[InstanceRef, int]], event_type: int
) -> None:
    """PS3.4 Table J.3-2, there and back."""
    made, information = commitment_result(TRANSACTION, committed, failed)
    report = CommitReport(TRANSACTION, REFS)
    read_result(decoded(encode_dataset(information, EXPLICIT_LE)), report)
    assert made == event_type
    assert (report.committed, report.failed) == (committed, failed)
    assert ("FailedSOPSequence" in information) == bool(failed)
    assert ("ReferencedSOPSequence" in information) == (not failed or bool(committed))


def test_a_failure_without_a_reason_is_a_failure() -> None:
    """Its reason is then that of any processing failure."""
    information = commitment_request(TRANSACTION, REFS[:1])
    information.FailedSOPSequence = information.ReferencedSOPSequence
    del information.ReferencedSOPSequence
    report = CommitReport(TRANSACTION, REFS[:1])
    read_result(information, report)
    assert report.failed == [(REFS[0], Status.PROCESSING_FAILURE)]

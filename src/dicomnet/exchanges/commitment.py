"""Storage commitment: an N-ACTION asks, an N-EVENT-REPORT answers, here or on an association of its own (PS3.4 J)."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from dicomnet.dimse.commands import NEventReportRequest
from dicomnet.dimse.status import Status
from dicomnet.errors import DicomTimeout, InvalidValue
from dicomnet.exchanges.calls import n_action
from dicomnet.exchanges.contracts import Kept
from dicomnet.exchanges.reports import CommitReport, InstanceRef, StoreReport
from dicomnet.exchanges.services import STORAGE_COMMITMENT_INSTANCE
from dicomnet.exchanges.session import Inbound, Session
from dicomnet.exchanges.signal import Signal
from dicomnet.exchanges.steps import Script, Wait, Watch, Work
from dicomnet.limits import ATTRIBUTES
from dicomnet.types import UID, printable, uid
from dicomnet.uids import StorageCommitmentPushModel
from dicomnet.ul.negotiation import Context

if TYPE_CHECKING:
    from pydicom import Dataset

log = logging.getLogger("dicomnet.association")


class Transactions:
    """The requests for commitment that were not answered yet, by transaction UID; shared by all who may hear the answer."""

    def __init__(self) -> None:
        self.signal = Signal()
        self._pending: dict[UID, CommitReport] = {}
        self._results: dict[UID, CommitReport] = {}

    def expect(self, report: CommitReport) -> None:
        """Before the request is sent: the answer may overtake its response (PS3.4 J.3.2)."""
        self._pending[report.transaction_uid] = report

    def forget(self, transaction_uid: UID) -> None:
        self._pending.pop(transaction_uid, None)
        self._results.pop(transaction_uid, None)

    def result(self, transaction_uid: UID) -> CommitReport | None:
        return self._results.get(transaction_uid)

    def take(self, inbound: Inbound, data: Kept | None, pass_on: Callable[[], None]) -> bool:
        """Takes an N-EVENT-REPORT that may be an answer somebody here waits for, and responds to it if it is.

        While nobody waits, nothing of it is read: it may be large, and anybody's.

        Args:
            pass_on: called if it is another one, perhaps later.

        Returns:
            Whether it was taken.
        """
        is_report = isinstance(inbound.command, NEventReportRequest)
        if not is_report or inbound.context.abstract_syntax != StorageCommitmentPushModel:
            return False
        if data is None or not self._pending:
            return False
        inbound.session.shell.work(partial(_report, data), partial(self._read, inbound, data, pass_on))
        return True

    def _read(
        self,
        inbound: Inbound,
        data: Kept,
        pass_on: Callable[[], None],
        report: CommitReport | None,
        error: Exception | None,
    ) -> None:
        session = inbound.session
        if error is not None:
            log.warning("%s a commitment result cannot be read: %s", session.id, printable(str(error)))
        expected = None if report is None else self._pending.pop(report.transaction_uid, None)
        if report is None or expected is None:  # told twice, on two associations, or by somebody else
            pass_on()
            return
        data.close()
        report.requested = expected.requested
        self._results[report.transaction_uid] = report
        inbound.respond(Status.SUCCESS)
        self.signal.give()


def commit(
    session: Session,
    context: Context,
    instances: Any,
    *,
    transactions: Transactions,
    transaction_uid: UID,
    timeout: float | None,
    elsewhere: bool = False,
) -> Script[CommitReport]:
    """Asks the peer to promise that it keeps the instances, and waits for the result.

    Args:
        instances: see `instance_refs`.
        transactions: where the result is looked for.
        timeout: seconds to wait for it.
        elsewhere: whether it may come on another association, so that waiting goes on after this one has ended.

    Raises:
        StatusError: the request was refused.
        DicomTimeout: no result came.
        AssociationError: the association ended before it could.
    """
    refs = instance_refs(instances)
    report = CommitReport(transaction_uid, refs)
    transactions.expect(report)
    session.on_event_report = transactions.take  # for good: another commit on this association may wait longer
    watching = transactions.signal.watch(session.shell.wake_soon)
    began = session.shell.now()
    try:
        dataset = yield Work(partial(commitment_request, transaction_uid, refs))
        yield from n_action(session, context, StorageCommitmentPushModel, STORAGE_COMMITMENT_INSTANCE, 1, dataset)
        yield Wait(session, lambda: transactions.result(transaction_uid) is not None, timeout)
        if transactions.result(transaction_uid) is None and session.over:
            if not elsewhere:
                session.check()
            left = None if timeout is None else max(0.0, timeout - (session.shell.now() - began))
            yield Watch(transactions.signal, lambda: transactions.result(transaction_uid) is not None, left)
        result = transactions.result(transaction_uid)
        if result is None:
            raise DicomTimeout(_RESULT if elsewhere else _RESULT_HERE, timeout or 0.0)
        return result
    finally:
        transactions.signal.forget(watching)
        transactions.forget(transaction_uid)


def instance_refs(instances: Any) -> list[InstanceRef]:
    """The instances to be committed, each once: a `StoreReport`, or an iterable of pairs of SOP class and instance UID, or of
    data sets.

    Raises:
        InvalidValue: one of them is none of these, or there is none.
    """
    if isinstance(instances, StoreReport):
        instances = instances.instances
    if isinstance(instances, str | bytes) or not isinstance(instances, Iterable):
        raise InvalidValue(
            f"{instances!r} is no list of instances; commit takes the report of a store, or pairs of SOP class and instance UID"
        )
    refs: dict[InstanceRef, None] = {}
    for instance in instances:
        pair = instance
        if hasattr(instance, "SOPInstanceUID"):
            pair = (instance.SOPClassUID, instance.SOPInstanceUID)
        try:
            sop_class, sop_instance = pair
            refs[InstanceRef(uid(str(sop_class)), uid(str(sop_instance)))] = None
        except (TypeError, ValueError) as error:
            raise InvalidValue(f"{instance!r} is no pair of SOP class and SOP instance UID") from error
    if not refs:
        raise InvalidValue("there is no instance to be committed")
    return list(refs)


def commitment_request(transaction_uid: str, refs: Sequence[InstanceRef]) -> Dataset:
    """The action information of the N-ACTION (PS3.4 Table J.3-1)."""
    from pydicom import Dataset

    dataset = Dataset()
    dataset.TransactionUID = transaction_uid
    dataset.ReferencedSOPSequence = [_item(ref) for ref in refs]
    return dataset


def commitment_result(
    transaction_uid: str, committed: Iterable[InstanceRef], failed: Iterable[tuple[InstanceRef, int]] = ()
) -> tuple[int, Dataset]:
    """Event type and event information of the N-EVENT-REPORT (PS3.4 Table J.3-2), for who provides the service."""
    from pydicom import Dataset

    dataset = Dataset()
    dataset.TransactionUID = transaction_uid
    kept, lost = [_item(ref) for ref in committed], []
    for ref, reason in failed:
        item = _item(ref)
        item.FailureReason = int(reason)
        lost.append(item)
    if kept or not lost:
        dataset.ReferencedSOPSequence = kept
    if lost:
        dataset.FailedSOPSequence = lost
    return (2 if lost else 1), dataset


def read_result(dataset: Dataset, report: CommitReport) -> None:
    """Fills a report from an event; what counts are its lists, whatever its event type (PS3.4 J.3.3.1)."""
    for item in dataset.get("ReferencedSOPSequence") or ():
        report.committed.append(_ref(item))
    for item in dataset.get("FailedSOPSequence") or ():
        report.failed.append((_ref(item), Status(int(item.get("FailureReason") or Status.PROCESSING_FAILURE))))


def _report(data: Kept) -> CommitReport:
    dataset = data.dataset(ATTRIBUTES)
    report = CommitReport(UID(str(dataset.get("TransactionUID", ""))), [])
    read_result(dataset, report)
    return report


def _item(ref: InstanceRef) -> Dataset:
    from pydicom import Dataset

    item = Dataset()
    item.ReferencedSOPClassUID, item.ReferencedSOPInstanceUID = ref
    return item


def _ref(item: Dataset) -> InstanceRef:
    return InstanceRef(
        UID(str(item.get("ReferencedSOPClassUID", ""))), UID(str(item.get("ReferencedSOPInstanceUID", "")))
    )


_RESULT = "the result of the storage commitment"
_RESULT_HERE = (
    f"{_RESULT}; a peer may send it on an association of its own, which a Peer hears that has a server of ours"
)

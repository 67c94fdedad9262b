"""C-GET and C-MOVE: one request, many sub-operations, and a report of what really arrived (PS3.4 C.4.2, C.4.3)."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Any, Protocol, TypeVar, cast

from dicomnet.datasets import encode_dataset
from dicomnet.dimse.commands import CGetRequest, CMoveRequest, RetrieveResponse
from dicomnet.dimse.status import Status
from dicomnet.errors import DicomNetError, NothingArrived, StateError
from dicomnet.exchanges.calls import next_reply, settle
from dicomnet.exchanges.contracts import Kept
from dicomnet.exchanges.dumps import tell_dataset
from dicomnet.exchanges.lifetime import status_of
from dicomnet.exchanges.reports import Retrieved, RetrieveReport, add_report
from dicomnet.exchanges.session import Inbound, Operation, Reply, Session
from dicomnet.exchanges.signal import Signal
from dicomnet.exchanges.steps import Script, Wait, Watch
from dicomnet.limits import IDENTIFIERS
from dicomnet.types import UID, Priority, is_uid, printable
from dicomnet.ul.negotiation import Context

if TYPE_CHECKING:
    from pydicom import Dataset

log = logging.getLogger("dicomnet.association")

T = TypeVar("T")


class Inbox(Protocol):
    """Where the instances of a C-MOVE to ourselves arrive: a server of ours keeps it."""

    address: str
    """Title and port that the peer should have connected to, for messages."""
    arrived: Sequence[Retrieved]
    connected: bool
    """Whether anybody has connected since the request."""
    request: CMoveRequest | None
    """What was asked for; what it brings names its message ID (PS3.7 9.1.1.1.7)."""
    signal: Signal


class Callbacks:
    """Functions of the caller; what one of them raises is known from what goes wrong on the way, and always comes through."""

    def __init__(self) -> None:
        self.raised: Exception | None = None

    def guard(self, function: Callable[..., T] | None) -> Callable[..., T] | None:
        """The function, watched."""
        if function is None:
            return None

        def call(*arguments: Any) -> T:
            try:
                return function(*arguments)
            except Exception as error:
                self.raised = error
                raise

        return call

    def guard_all(self, options: Mapping[str, Any]) -> dict[str, Any]:
        """The arguments of a retrieve, with the functions among them watched."""
        return {name: self.guard(value) if callable(value) else value for name, value in options.items()}

    def check(self) -> None:
        """Raises what was raised where nobody could be told."""
        if self.raised is not None:
            raise self.raised


class _Retrieve:
    """What C-GET and C-MOVE share: pending responses that count, a final one that counts for all, a cancel in between."""

    def __init__(
        self,
        session: Session,
        context: Context,
        identifier: Dataset,
        *,
        priority: int = Priority.MEDIUM,
        progress: Callable[[RetrieveReport], object] | None = None,
        stop: Callable[[], bool] | None = None,
    ) -> None:
        self.session = session
        self.context = context
        self.identifier = identifier
        self.report = RetrieveReport()
        self._priority = priority
        self._calls = Callbacks()
        self._progress = self._calls.guard(progress)
        self._stop = self._calls.guard(stop)
        self._seen = 0
        self._is_counted = False
        """Whether the peer has said of how many instances it thinks that they are there."""

    def _run(self, request: CGetRequest | CMoveRequest) -> Script[None]:
        data = encode_dataset(self.identifier, self.context.transfer_syntax)
        tell_dataset(self.session.id, ">", "the retrieve asks for", self.identifier)
        operation = self.session.send(self.context, request, data)
        try:
            while True:
                if not operation.answered:
                    operation.held = True
                    asks = self._stop is not None and not operation.cancelled
                    yield Wait(self.session, partial(self._something_to_do, operation), STOP_INTERVAL if asks else None)
                self._calls.check()
                idle = not self._something_to_do(operation)
                self._seen = len(self.report.instances)
                if operation.answered:
                    reply = yield from next_reply(operation)
                    self._count(reply)
                    if reply.status.is_final:
                        return
                elif self.session.over:
                    self.session.check()
                    raise StateError("the association was released in the middle of a retrieve")
                if self._progress is not None and not idle:
                    self._progress(self.report)
                self._cancel_if_wanted(operation)
        finally:
            operation.abandon()

    def _something_to_do(self, operation: Operation) -> bool:
        return operation.answered or len(self.report.instances) > self._seen or self._calls.raised is not None

    def _may_be_reported(self, error: Exception, arrived: Sequence[Retrieved]) -> bool:
        """Whether an error has ended a retrieve that was of some use; what a callback has raised is none of the kind."""
        if error is self._calls.raised:
            add_report(error, self.report)
            return False
        return isinstance(error, DicomNetError) and bool(arrived)

    def _cancel_if_wanted(self, operation: Operation) -> None:
        if self._stop is not None and not operation.cancelled and self._stop():
            self.session.cancel(operation)

    def _count(self, reply: Reply) -> None:
        report, response = self.report, cast("RetrieveResponse", reply.response)
        if response.number_of_completed_suboperations is not None:
            report.completed = response.number_of_completed_suboperations
            self._is_counted = True
        if response.number_of_failed_suboperations is not None:
            report.failed = response.number_of_failed_suboperations
        if response.number_of_warning_suboperations is not None:
            report.warning = response.number_of_warning_suboperations
        if response.status.is_final:
            report.status = response.status
            report.error_comment = None if response.error_comment is None else printable(response.error_comment)
            report.failed_uids = _failed_uids(reply)
            if self._progress is not None:
                self._progress(report)
        elif reply.data is not None:
            reply.data.close()


class Get(_Retrieve):
    """One C-GET; its instances come on the same association.

    Args:
        keep: gives each instance its place, as it comes.
        on_instance: told of each one that was kept or not.
    """

    def __init__(
        self,
        session: Session,
        context: Context,
        identifier: Dataset,
        keep: Callable[[Any], Any],
        *,
        on_instance: Callable[[Retrieved], object] | None = None,
        **options: Any,
    ) -> None:
        super().__init__(session, context, identifier, **options)
        self._keep = keep
        self._on_instance = self._calls.guard(on_instance)
        self._coming: set[Inbound] = set()

    def run(self) -> Script[RetrieveReport]:
        """Asks, takes what comes, and reports it.

        If the association ends when something has come already, ``report.error`` says why.
        What a callback raises comes through, and has the report as ``report``.

        Raises:
            AssociationError: the association ended before anything came.
        """
        yield from settle(self.session)
        request = CGetRequest(affected_sop_class_uid=self.context.abstract_syntax, priority=self._priority)
        self.session.receivers.append(self)
        try:
            yield from self._run(request)
            # Some peers do not wait for our last responses; what they have sent may still be on its way to a disk.
            yield Wait(self.session, lambda: not self._coming)
            self._calls.check()
        except Exception as error:
            if not self._may_be_reported(error, self.report.instances):
                raise
            self.report.error = error.with_traceback(None)  # a report that is kept must not keep the folder open
        finally:
            self.session.receivers.remove(self)
        return self.report

    # As the receiver of its session.

    def place(self, inbound: Inbound) -> Any:
        self._coming.add(inbound)
        try:
            return self._keep(inbound.arrival.incoming)
        except Exception as error:  # noqa: BLE001 (a function of the caller may raise anything)
            log.warning("%s an instance cannot be kept: %s", self.session.id, printable(str(error)))
            inbound.user = error
            return self.session.shell.nowhere()

    def received(self, inbound: Inbound, data: Kept | None, error: Exception | None) -> None:
        command = inbound.command
        self._coming.discard(inbound)
        error = error or inbound.user
        status, comment = (Status.SUCCESS, None) if error is None else status_of(error)
        if data is None and error is None:
            status, comment = Status.CANNOT_UNDERSTAND, "C-STORE-RQ without a data set"
            error = DicomNetError(comment)
        if error is not None:
            error = error.with_traceback(None)  # its frames would keep us, and with us the folder
        retrieved = Retrieved(
            sop_class_uid=UID(command.sop_class_uid or ""),
            sop_instance_uid=UID(command.sop_instance_uid or ""),
            transfer_syntax_uid=inbound.context.transfer_syntax,
            length=0 if data is None else data.length,
            path=None if data is None else data.path,
            data=data,
            status=status,
            error=error,
        )
        inbound.respond(status, error_comment=comment)
        self.report.instances.append(retrieved)
        if self._on_instance is not None and self._calls.raised is None:
            with suppress(Exception):  # it is raised where the report is waited for: whoever reads here would abort
                self._on_instance(retrieved)
            self.session.shell.changed()


class Move(_Retrieve):
    """One C-MOVE: the peer sends the instances to a destination that it knows by title.

    Args:
        destination: the title.
        inbox: where they arrive, if the destination is a server of ours.
    """

    def __init__(
        self,
        session: Session,
        context: Context,
        identifier: Dataset,
        destination: str,
        *,
        inbox: Inbox | None = None,
        **options: Any,
    ) -> None:
        super().__init__(session, context, identifier, **options)
        self._destination = destination
        self._inbox = inbox
        self.report.arrived_here = inbox is not None

    def run(self) -> Script[RetrieveReport]:
        """Asks, and waits for the peer to say that it is done; then for what it has counted to arrive.

        If the association ends when something has arrived already, ``report.error`` says why.
        What a callback raises comes through, and has the report as ``report``.

        Raises:
            NothingArrived: the peer reports success, and our inbox is empty.
            AssociationError: the association ended before anything arrived, as far as we can know.
        """
        yield from settle(self.session)
        request = CMoveRequest(
            affected_sop_class_uid=self.context.abstract_syntax,
            move_destination=self._destination,
            priority=self._priority,
        )
        inbox = self._inbox
        if inbox is not None:
            inbox.request = request
        try:
            yield from self._run(request)
        except Exception as error:
            arrived = () if inbox is None else inbox.arrived
            if not self._may_be_reported(error, arrived):
                raise
            self.report.instances[:] = arrived
            self.report.error = error.with_traceback(None)
            return self.report
        if inbox is not None:
            yield from self._await(inbox)
        return self.report

    def _await(self, inbox: Inbox) -> Script[None]:
        """The last instances may still be on their way when the final response comes (PS3.4 C.4.2.2)."""
        report = self.report
        expected = report.completed + report.warning
        unknown = not self._is_counted and report.status is not None and not report.status.is_failure
        while unknown or _kept(inbox) < expected:
            if not (yield Watch(inbox.signal, partial(_more_than, inbox, len(inbox.arrived)), QUIET_TIME)):
                break
        report.instances[:] = inbox.arrived
        if expected and not inbox.arrived:
            raise NothingArrived(inbox.address, expected, connected=inbox.connected)


def _kept(inbox: Inbox) -> int:
    """What the peer may count as completed: it has heard of the others that they are refused."""
    return sum(instance.error is None for instance in inbox.arrived)


def _more_than(inbox: Inbox, count: int) -> bool:
    return len(inbox.arrived) > count


def _failed_uids(reply: Reply) -> list[UID]:
    """FailedSOPInstanceUIDList (0008,0058) of a final response, if it has one that can be read."""
    if reply.data is None:
        return []
    try:
        found = reply.data.dataset(IDENTIFIERS).get("FailedSOPInstanceUIDList") or []
    except Exception as error:  # noqa: BLE001 (pydicom reads values late, and raises what it likes)
        log.warning("the list of failed instances cannot be read: %s", printable(str(error)))
        return []
    finally:
        reply.data.close()
    uids = [found] if isinstance(found, str) else list(found)
    return [UID(str(uid)) for uid in uids if is_uid(str(uid))]


STOP_INTERVAL = 1.0
"""Seconds after which the caller is asked again whether to stop, if nothing comes meanwhile."""

QUIET_TIME = 10.0
"""Seconds without a new instance after which those still missing are not waited for."""

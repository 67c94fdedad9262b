"""One association as its user sees it, without I/O: who waits for which response, and who answers what comes.

A shell makes a session the user of its channel, so it is told what happens;
scripts and handlers speak to it. Requests of ours become `Operation`s, in
which their replies collect; requests of the peer become `Inbound`s, judged by
role here and given to a provider, who answers them.
"""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable
from typing import Any, Protocol, cast

from dicomnet.dimse.commands import (
    CCancelRequest,
    CEchoRequest,
    CFindRequest,
    CGetRequest,
    CMoveRequest,
    Command,
    CStoreRequest,
    NEventReportRequest,
    Request,
    Response,
    UnknownCommand,
)
from dicomnet.dimse.endpoint import Endpoint
from dicomnet.dimse.fragments import Body
from dicomnet.dimse.operations import Invoked
from dicomnet.dimse.status import Status
from dicomnet.errors import (
    AssociationAborted,
    AssociationError,
    AssociationRejected,
    ConnectionLost,
    DicomNetError,
    DicomTimeout,
    RejectReason,
    StateError,
    StorageError,
)
from dicomnet.exchanges.ledger import Ledger
from dicomnet.exchanges.services import carries
from dicomnet.exchanges.tolerance import Tolerance
from dicomnet.pdu import AssociateAccept, AssociateReject, AssociateRequest
from dicomnet.types import UID, printable
from dicomnet.uids import name
from dicomnet.ul.events import (
    Aborted,
    AssociateAccepted,
    AssociateRejected,
    AssociateRequested,
    Event,
    ProtocolViolated,
    ReleaseConfirmed,
    ReleaseRequested,
    RequestRefused,
    Sent,
    TimedOut,
    Tolerated,
    TransportClosed,
)
from dicomnet.ul.negotiation import Context, Terms

log = logging.getLogger("dicomnet.association")


class Kept(Protocol):
    """A data set that has arrived: `storage.received.ReceivedData` as far as it is needed here."""

    length: int
    path: Any
    transfer_syntax_uid: Any

    def bytes(self) -> bytes: ...
    def dataset(self) -> Any: ...
    def close(self) -> None: ...


class Arriving(Protocol):
    """A message on its way in, as the shells have it; its data set goes where `use` says."""

    context: Context
    command: Command
    command_set: bytes
    operation: Invoked | None
    completed: bool

    @property
    def incoming(self) -> Any:
        """What a place is told of the data set before its first byte."""

    def use(self, place: Any) -> None: ...


class Shell(Protocol):
    """What a session needs of the shell that carries it."""

    def now(self) -> float: ...

    def flush(self) -> None:
        """The core has something to send."""

    def changed(self) -> None:
        """Something that a script may wait for has happened."""

    def wake_soon(self) -> None:
        """The same, told from any thread."""

    def memory(self) -> Any:
        """A place for a data set that is to be held in memory."""

    def spool(self) -> Any:
        """A place for one that may be too large for that."""

    def nowhere(self) -> Any:
        """A place for one that nobody wants."""

    def pause(self, reason: str) -> None:
        """Reads no more until `resume`, so that nothing is queued without a bound."""

    def resume(self, reason: str) -> None: ...

    def abort(self, source: int, reason: int) -> None:
        """Has the core abort, and brings the connection to its end."""

    def new_uid(self) -> UID:
        """A UID that nobody else has (PS3.5 B.2)."""

    def keeper(self, destination: Any) -> Callable[[Any], Any]:
        """What gives each data set that comes its place, for a folder or whatever else users name; may wait for a disk."""


class Provider(Protocol):
    """Who performs what the peer asks for."""

    def associate(self, session: Session, request: AssociateRequest) -> None:
        """Answers with `session.accept` or `session.reject`, now or later."""

    def choose(self, inbound: Inbound) -> Any:
        """Where the data set that follows goes; None is "later, by `inbound.use`"."""

    def perform(self, inbound: Inbound, data: Kept | None, error: Exception | None) -> None:
        """The request is complete; the provider answers it with `inbound.respond`, now or later."""

    def cancelled(self, inbound: Inbound) -> None:
        """The peer wants no more of this (PS3.7 9.3.2.3)."""

    def ended(self, session: Session) -> None:
        """The association is over; told once."""


class Reply:
    """A response of the peer, with its data set if it had one."""

    __slots__ = ("data", "error", "response")

    def __init__(self, response: Response, data: Kept | None, error: Exception | None) -> None:
        self.response = response
        self.data = data
        self.error = error
        """Why its data set was not kept."""

    @property
    def status(self) -> Status:
        return self.response.status


class Operation:
    """A request of ours and what was answered to it so far."""

    __slots__ = ("abandoned", "cancelled", "context", "held", "over", "replies", "request", "session")

    def __init__(self, session: Session, context: Context, request: Request) -> None:
        self.session = session
        self.context = context
        self.request = request
        self.replies: deque[Reply] = deque()
        self.held = True
        """Whether a script is at it; one that was left in the middle, or is between two steps of a loop, is not."""
        self.over = False
        """Whether the final response has come; it may not be read yet."""
        self.cancelled = False
        """Whether the peer was told that no more replies are wanted."""
        self.abandoned = False
        """Whether nobody will read its replies any more, so that they are thrown away as they come."""

    @property
    def answered(self) -> bool:
        """Whether there is a reply to be read."""
        return bool(self.replies)

    def next_reply(self) -> Reply:
        """Takes the first reply that was not read yet."""
        reply = self.replies.popleft()
        self.session._read(self, reply)
        return reply

    def drain(self) -> None:
        """Throws away the replies that nobody reads."""
        while self.answered:
            data = self.next_reply().data
            if data is not None:
                data.close()

    def abandon(self) -> None:
        """Whoever waited for it does so no more; it is over when its final response has come."""
        self.held = False
        self.abandoned = True
        self.drain()


class Inbound:
    """A request of the peer until it is answered."""

    __slots__ = ("answered", "arrival", "cancelled", "command", "context", "receiver", "session", "user")

    def __init__(self, session: Session, arrival: Arriving) -> None:
        self.session = session
        self.arrival = arrival
        self.context = arrival.context
        self.command = cast("Request", arrival.command)
        self.cancelled = False
        self.answered = False
        """Whether the final response is on its way."""
        self.receiver: Receiver | None = None
        """The C-GET that it belongs to."""
        self.user: Any = None
        """For whoever performs it to keep its own object."""

    def use(self, place: Any) -> None:
        """Where its data set goes, if `choose` left it open."""
        self.arrival.use(place)

    def respond(self, status: int, data: Body | bytes | None = None, **fields: Any) -> None:
        """Answers it: once with a final status, before that as often as needed with a pending one.

        A response that comes after the end of the association, or twice, goes nowhere.

        Args:
            data: the data set of the response, encoded in the transfer syntax of ``context``.
            fields: attributes of the response, over those taken from the request.

        Raises:
            InvalidValue: the response breaks PS3.7; nothing was sent, and the request is still to be answered.
        """
        if not self.answered:
            self.session._respond(self, self.command.respond(status, **fields), data)


class _Leaving:
    """A response of ours on its way out."""

    __slots__ = ("length",)

    def __init__(self, length: int) -> None:
        self.length = length


class Receiver(Protocol):
    """Who takes the C-STORE requests that a C-GET of ours brings."""

    def place(self, inbound: Inbound) -> Any: ...
    def received(self, inbound: Inbound, data: Kept | None, error: Exception | None) -> None: ...


class Session:
    """See the head of this file.

    Args:
        core: the association's core.
        ledger: counts for the one line in the log.
        provider: performs the peer's requests; without one they are refused.
        tolerance: what this peer may do.
    """

    def __init__(
        self,
        core: Endpoint,
        ledger: Ledger,
        *,
        provider: Provider | None = None,
        tolerance: Tolerance = Tolerance(),  # noqa: B008 (frozen)
    ) -> None:
        self.core = core
        self.ledger = ledger
        ledger.requestor = core.connection.requestor
        self.provider = provider
        self.tolerance = tolerance
        self.shell: Shell = cast("Shell", None)
        """Set by the shell before anything else happens."""
        self.terms: Terms | None = None
        self.accept_pdu: AssociateAccept | None = None
        """The acceptance, ours or the peer's."""
        self.over = False
        """Whether the association has ended, or never began."""
        self.error: Exception | None = None
        """Why, unless it was released."""
        self.closed_down = False
        """Whether the transport is gone as well."""
        self.unfinished: set[Operation] = set()
        """Operations of ours that nobody has read to their end."""
        self.receivers: list[Receiver] = []
        """Those of the C-GETs that run."""
        self.on_event_report: Callable[[Inbound, Kept | None], bool] | None = None
        """Told of an N-EVENT-REPORT before the provider; whether it has answered it."""
        self.aborting: Exception | None = None
        """Set by another thread that has the shell abort: what the association will have ended with."""
        self.waiting = 0
        """Scripts that wait for something at this moment; kept by the shell."""
        self._inbound: dict[int, Inbound] = {}
        self._unread = 0
        self._unsent = 0
        self._unsent_bytes = 0
        self._tolerated: set[str] = set()
        self._arriving: dict[Arriving, Inbound] = {}

    # For scripts and handlers.

    @property
    def id(self) -> str:
        """Names the association in the log."""
        return self.ledger.id

    @property
    def request(self) -> AssociateRequest | None:
        """The association request, ours or the peer's."""
        return self.core.connection.request

    @property
    def established(self) -> bool:
        """Whether the association stands."""
        return self.terms is not None and not self.over

    @property
    def answered(self) -> bool:
        """Whether our association request was answered, or never will be."""
        return self.terms is not None or self.over

    def check(self) -> Terms:
        """What was negotiated.

        Raises:
            AssociationError: the association is over, and why.
            DicomTimeout: it is, because the peer did not answer in time.
            StateError: it was released.
        """
        if self.error is not None:
            raise self.error.with_traceback(None)
        if self.over or self.terms is None:
            raise StateError("the association is over")
        return self.terms

    def associate(self, request: AssociateRequest) -> None:
        """Asks for the association."""
        self.ledger.associating(request.calling_ae, request.called_ae)
        self.core.associate(request, self.shell.now())
        self.shell.flush()

    def accept(self, accept: AssociateAccept) -> None:
        """Agrees to the association that the peer asks for; nothing happens if the peer is gone."""
        if self.over:
            return
        self.core.accept(accept, self.shell.now())
        self.terms = self.core.terms
        self.accept_pdu = accept
        self.shell.flush()
        self.shell.changed()

    def reject(self, reject: AssociateReject) -> None:
        """Refuses it."""
        if self.over:
            return
        self.ledger.rejected(reject.result, reject.source, reject.reason)
        self.core.reject(reject, self.shell.now())
        self._end(None)
        self.shell.flush()

    def send(
        self, context: Context, request: Request, data: Body | bytes | None = None, *, message_id: int | None = None
    ) -> Operation:
        """Sends a request, once the window has room for it; its replies collect in the operation.

        Raises:
            AssociationError: the association is over.
            InvalidValue: the request breaks PS3.7. The body is closed.
            StateError: the message ID is outstanding.
        """
        try:
            self.check()
            request.message_id = self.core.operations.next_message_id() if message_id is None else message_id
            operation = Operation(self, context, request)
            self.core.send(context.context_id, request, self.shell.now(), data, ticket=operation)
        except DicomNetError:
            if data is not None and not isinstance(data, bytes):
                data.close()
            raise
        self.unfinished.add(operation)
        self.shell.flush()
        return operation

    def cancel(self, operation: Operation) -> None:
        """Tells the peer that no more replies are wanted; the final one still comes (PS3.7 9.3.2.3)."""
        if operation.over or operation.cancelled or self.over:
            return
        operation.cancelled = True
        cancel = CCancelRequest(message_id_being_responded_to=operation.request.message_id)
        self.core.send(operation.context.context_id, cancel, self.shell.now())
        self.shell.flush()

    @property
    def room(self) -> bool:
        """Whether another request could be sent at once."""
        terms = self.terms
        if terms is None or self.over:
            return False
        operations = self.core.operations
        return not operations.waiting and (
            not terms.operations_invoked or len(operations.invoked) < terms.operations_invoked
        )

    def release(self) -> None:
        """Asks for the end of the association in order."""
        if not self.over:
            self.core.release(self.shell.now())
            self.shell.flush()

    def abort(self, source: int = 0, reason: int = 0, *, error: Exception | None = None) -> None:
        """Ends the association at once; the error is why, if something better can be said than that we have aborted it."""
        if self.closed_down:
            return
        if not self.over:
            self.ledger.ended("aborted here")
            self._end(error or AssociationAborted(source, reason, by_peer=False))
        self.shell.abort(source, reason)

    def tolerate(self, kind: str, detail: str) -> None:
        """A leniency was used: one line in the log for each kind."""
        if kind not in self._tolerated:
            self._tolerated.add(kind)
            log.info("%s %s: %s (tolerated)", self.id, self.ledger.who, detail)

    @property
    def performing(self) -> int:
        """Requests of the peer that are not answered yet."""
        return len(self._inbound)

    @property
    def crowded(self) -> bool:
        """Whether so many of our responses wait for the peer to take them that further ones should wait, too."""
        return not self.over and (self._unsent >= _MOST_UNSENT or self._unsent_bytes >= _MOST_UNSENT_BYTES)

    # As the user of a channel.

    def handle(self, event: Event) -> None:
        handler = _HANDLERS.get(type(event))
        if handler is not None:
            handler(self, event)

    def choose(self, arrival: Arriving) -> Any:
        command = arrival.command
        if isinstance(command, Response):
            return self.shell.memory()
        if isinstance(command, UnknownCommand):
            return self.shell.nowhere()
        inbound = self._arriving[arrival] = self._enter(arrival)
        if inbound.answered:
            return self.shell.nowhere()
        if inbound.receiver is not None:
            return inbound.receiver.place(inbound)
        if isinstance(command, NEventReportRequest) or self.provider is None:
            return self.shell.spool()
        return self.provider.choose(inbound)

    def message(self, arrival: Arriving, data: Kept | None, error: Exception | None) -> None:
        command = arrival.command
        if data is not None:
            self.ledger.moved(data.length)
        if isinstance(command, Response):
            self._take_response(arrival, command, data, error)
        elif isinstance(command, CCancelRequest):
            self._take_cancel(command)
        elif isinstance(command, UnknownCommand):
            self._refuse_unknown(arrival, command)
        else:
            inbound = self._arriving.pop(arrival, None) or self._enter(arrival)
            self._perform(inbound, data, error)

    def sent(self, sent: Sent) -> None:
        if sent.length > _SMALLEST_DATA:
            self.ledger.moved(sent.length)
        if isinstance(sent.ticket, _Leaving):
            self._unsent -= 1
            self._unsent_bytes -= sent.ticket.length
            self.shell.changed()

    def failed(self, error: Exception) -> None:
        self.ledger.ended("aborted here")
        self._end(error)

    def closed(self, error: Exception | None) -> None:
        if self.closed_down:
            return
        self.closed_down = True
        if not self.over:
            self.ledger.ended("the connection was lost" if self.aborting is None else "aborted here")
            self._end(self.aborting or error or ConnectionLost())
        now = self.shell.now()
        level = logging.INFO if self.ledger.was_association else logging.DEBUG
        log.log(level, "%s", self.ledger.line(now))
        self.shell.changed()

    # Requests of the peer.

    def _enter(self, arrival: Arriving) -> Inbound:
        inbound = Inbound(self, arrival)
        command = inbound.command
        assert command.message_id is not None
        if self.receivers and isinstance(command, CStoreRequest):
            inbound.receiver = self.receivers[0]
        self._inbound[command.message_id] = inbound
        if len(self._inbound) > self._most_inbound:
            self.shell.pause("inbound")
        refusal = self._refusal(inbound)
        if refusal is not None:
            status, comment = refusal
            log.warning("%s %s: %s refused: %s", self.id, self.ledger.who, command.name, comment)
            inbound.respond(status, error_comment=comment)
        return inbound

    def _refusal(self, inbound: Inbound) -> tuple[Status, str] | None:
        """Why the peer may not ask for this, judged by context, class and role alone."""
        command, context = inbound.command, inbound.context
        sop_class = command.sop_class_uid
        if sop_class is not None and not carries(context.abstract_syntax, sop_class):
            if isinstance(command, CStoreRequest) and self.receivers and self.tolerance.store_on_retrieve_context:
                self.tolerate("store on retrieve", "C-STORE on the context of the C-GET")
                return None
            is_composite = isinstance(command, _COMPOSITE)
            status = Status.SOP_CLASS_NOT_SUPPORTED if is_composite else Status.NO_SUCH_SOP_CLASS
            return status, f"{name(sop_class)} is not what this context is for"
        report = isinstance(command, NEventReportRequest)
        if context.our_scu if report else context.our_scp:
            return None
        if self.tolerance.assume_roles:
            self.tolerate("role", f"{command.name} from a side without the role for it")
            return None
        if report and self.tolerance.event_report_without_role:
            self.tolerate("report", "N-EVENT-REPORT from a side that did not offer the SCP role")
            return None
        what = "SCU" if report else "SCP"
        return Status.SOP_CLASS_NOT_SUPPORTED, f"we are not {what} of {name(context.abstract_syntax)} here"[:64]

    @property
    def _most_inbound(self) -> int:
        """Requests of the peer that are taken before reading pauses: the window, and some that were sent ahead."""
        window = 1 if self.terms is None else self.terms.operations_performed or _NO_WINDOW
        return window + self.core.connection.limits.excess_operations // 2

    def _perform(self, inbound: Inbound, data: Kept | None, error: Exception | None) -> None:
        command = inbound.command
        if inbound.answered:
            if data is not None:
                data.close()
            return
        receiver = inbound.receiver
        if receiver is not None and receiver in self.receivers:
            receiver.received(inbound, data, error)
            self.shell.changed()
            return
        if isinstance(command, NEventReportRequest) and self.on_event_report and self.on_event_report(inbound, data):
            return
        if self.provider is not None:
            self.provider.perform(inbound, data, error)
            return
        if data is not None:
            data.close()
        if isinstance(command, CEchoRequest):
            inbound.respond(Status.SUCCESS)
        else:
            log.warning("%s %s: %s, and nobody here performs it", self.id, self.ledger.who, command.name)
            inbound.respond(Status.PROCESSING_FAILURE, error_comment=f"no handler for {command.name}")

    def _respond(self, inbound: Inbound, response: Response, data: Body | bytes | None) -> None:
        """Queues a response of ours; one that comes too late is no news."""
        leaving = _Leaving(0 if data is None else len(data) if isinstance(data, bytes) else data.length)
        try:
            if self.over:
                raise StateError("the association is over")
            self.core.send(inbound.context.context_id, response, self.shell.now(), data, ticket=leaving)
        except StateError as error:
            log.debug("%s no %s: %s", self.id, response.name, error)
            if data is not None and not isinstance(data, bytes):
                data.close()
        else:
            self._unsent += 1
            self._unsent_bytes += leaving.length
            self.ledger.outcome(response)
        inbound.answered = response.status.is_final
        if inbound.answered and inbound.command.message_id is not None:
            self._inbound.pop(inbound.command.message_id, None)
            if len(self._inbound) == self._most_inbound:
                self.shell.resume("inbound")
        self.shell.flush()

    def _take_cancel(self, command: CCancelRequest) -> None:
        inbound = self._inbound.get(command.message_id_being_responded_to or 0)
        if inbound is None or not isinstance(inbound.command, CFindRequest | CGetRequest | CMoveRequest):
            return  # it crossed the final response (PS3.7 9.1.2.2)
        inbound.cancelled = True
        if self.provider is not None:
            self.provider.cancelled(inbound)
        self.shell.changed()

    def _refuse_unknown(self, arrival: Arriving, command: UnknownCommand) -> None:
        """PS3.7 C.5: a request we don't know is answered with its code as a response's."""
        if self.over or not command.is_request or command.message_id is None:
            return
        try:
            self.core.send(arrival.context.context_id, command.respond(), self.shell.now())
        except StateError as error:  # we have asked for the release already
            log.debug("%s no answer to an unknown command: %s", self.id, error)
        self.shell.flush()

    # Responses of the peer.

    def _take_response(self, arrival: Arriving, response: Response, data: Kept | None, error: Exception | None) -> None:
        self.ledger.outcome(response)
        operation = None if arrival.operation is None else arrival.operation.ticket
        if not isinstance(operation, Operation):
            return
        reply = Reply(response, data, error)
        operation.replies.append(reply)
        self._unread += 1
        if response.status.is_final:
            operation.over = True
        if operation.abandoned:
            operation.drain()
        if self._unread > _MOST_UNREAD and not self.waiting:
            self.shell.pause("unread")
        self.shell.changed()

    def _read(self, operation: Operation, reply: Reply) -> None:
        if reply.status.is_final:
            self.unfinished.discard(operation)
        self._unread -= 1
        if self._unread == _MOST_UNREAD // 2:
            self.shell.resume("unread")

    def begin_waiting(self) -> None:
        """A script waits: what it waits for must come through, whatever others have left unread."""
        self.waiting += 1
        if self._unread > _MOST_UNREAD // 2:
            self.shell.resume("unread")

    def end_waiting(self) -> None:
        self.waiting -= 1

    # The association.

    def _end(self, error: Exception | None) -> None:
        if self.over:
            return
        self.over = True
        self.error = error
        self.unfinished.clear()
        self._inbound.clear()
        if self.provider is not None:
            self.provider.ended(self)
        self.shell.changed()

    def _on_requested(self, event: AssociateRequested) -> None:
        request = event.request
        self.ledger.associating(request.calling_ae, request.called_ae)
        if self.provider is None:
            reason = RejectReason.NO_REASON
            self.reject(AssociateReject(1, reason.source, reason.reason))
        else:
            self.provider.associate(self, request)

    def _on_accepted(self, event: AssociateAccepted) -> None:
        self.terms = event.terms
        self.accept_pdu = event.accept
        self.shell.changed()

    def _on_rejected(self, event: AssociateRejected) -> None:
        self.ledger.rejected(event.result, event.source, event.reason)
        self._end(AssociationRejected(event.result, event.source, event.reason))

    def _on_release_requested(self, _: ReleaseRequested) -> None:
        self.core.answer_release(self.shell.now())
        self.shell.flush()
        if not self.core.is_associated:
            self.ledger.ended("released")
            requestor = self.core.connection.requestor
            self._end(AssociationError("the peer released the association") if requestor else None)

    def _on_release_confirmed(self, _: ReleaseConfirmed) -> None:
        self.ledger.ended("released")
        self._end(None)

    def _on_aborted(self, event: Aborted) -> None:
        who = "by the peer" if event.by_peer else "here"
        self.ledger.ended(f"aborted {who} ({event.source}/{event.reason})")
        detail = "" if event.error is None else str(event.error)
        self._end(AssociationAborted(event.source, event.reason, by_peer=event.by_peer, detail=detail))

    def _on_timed_out(self, event: TimedOut) -> None:
        if self.ledger.over:  # released, rejected or aborted; the peer is only slow to close
            return
        error = DicomTimeout(event.waiting_for, event.seconds)
        log.warning("%s %s: %s", self.id, self.ledger.who, error)
        self.ledger.ended(f"timed out waiting for {event.waiting_for}")
        self._end(error)

    def _on_violated(self, event: ProtocolViolated) -> None:
        log.warning("%s %s broke the protocol: %s", self.id, self.ledger.who, event.error)
        self.ledger.ended("ended for a protocol error")
        reason = event.error
        self._end(AssociationAborted(reason.source, reason.reason, by_peer=False, detail=str(reason)))

    def _on_refused(self, event: RequestRefused) -> None:
        reject = event.reject
        self.ledger.associating(event.request.calling_ae, event.request.called_ae)
        self.ledger.rejected(reject.result, reject.source, reject.reason)
        reason = RejectReason((reject.source, reject.reason)).name.replace("_", " ").lower()
        log.warning("%s %s is rejected: %s", self.id, self.ledger.who, reason)
        self._end(None)

    def _on_transport_closed(self, event: TransportClosed) -> None:
        if self.over or self.aborting is not None:
            return
        if event.interrupted:
            error = ConnectionLost(f"the peer closed the connection in the middle of {event.interrupted}")
            log.warning("%s %s: %s", self.id, self.ledger.who, error)
        elif self.terms is None and self.core.connection.requestor:
            error = ConnectionLost("the peer closed the connection without an answer to the association request")
        else:
            error = ConnectionLost()
        if not event.expected:
            self.ledger.ended("closed by the peer without a release")
        self._end(error)

    def _on_tolerated(self, event: Tolerated) -> None:
        log.info("%s %s: %s", self.id, self.ledger.who, event.detail)


def status_of(error: BaseException) -> tuple[Status, str | None]:
    """The status and comment that tell a peer of a failure here: what the error carries, or 0110 without details."""
    if isinstance(error, StorageError):
        return Status(error.status), plain(error.comment)
    status = getattr(error, "status", None)
    if isinstance(status, int):
        comment = getattr(error, "error_comment", None)
        return Status(status), None if comment is None else plain(comment)
    return Status.PROCESSING_FAILURE, None


def plain(text: str) -> str:
    """A comment as it may be sent: 64 characters of the default repertoire (PS3.7 Annex C)."""
    return printable(text).encode("ascii", "replace").decode()[:64]


_HANDLERS: dict[type[Event], Callable[[Session, Any], None]] = {
    AssociateRequested: Session._on_requested,
    AssociateAccepted: Session._on_accepted,
    AssociateRejected: Session._on_rejected,
    ReleaseRequested: Session._on_release_requested,
    ReleaseConfirmed: Session._on_release_confirmed,
    Aborted: Session._on_aborted,
    RequestRefused: Session._on_refused,
    TimedOut: Session._on_timed_out,
    TransportClosed: Session._on_transport_closed,
    ProtocolViolated: Session._on_violated,
    Tolerated: Session._on_tolerated,
}

_COMPOSITE = (CStoreRequest, CFindRequest, CGetRequest, CMoveRequest, CEchoRequest)

_MOST_UNREAD = 256
"""Replies that nobody has read yet; then reading pauses, unless a script waits for something else."""

_MOST_UNSENT = 64
"""Responses of ours that the peer has not taken yet; who makes more of them waits."""

_MOST_UNSENT_BYTES = 1024 * 1024
"""The same in bytes of their data sets."""

_NO_WINDOW = 64
"""Requests that are taken at a time from a peer that may send any number."""

_SMALLEST_DATA = 1024
"""P-DATA below this is commands and not worth a line in the log."""

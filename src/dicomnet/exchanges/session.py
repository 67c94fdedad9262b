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
from functools import partial
from typing import Any, Protocol, TypeAlias, cast

from dicomnet.dimse.commands import (
    CCancelRequest,
    CEchoRequest,
    CFindRequest,
    CGetRequest,
    CMoveRequest,
    CStoreRequest,
    NCreateRequest,
    NEventReportRequest,
    NSetRequest,
    Request,
    Response,
    UnknownCommand,
)
from dicomnet.dimse.endpoint import Endpoint
from dicomnet.dimse.fragments import Body
from dicomnet.dimse.status import Status
from dicomnet.errors import (
    AssociationAborted,
    DicomNetError,
    RejectReason,
    StateError,
)
from dicomnet.exchanges.contracts import Arriving, Kept
from dicomnet.exchanges.ledger import Ledger
from dicomnet.exchanges.lifetime import Lifetime, plain
from dicomnet.exchanges.services import carries
from dicomnet.exchanges.tolerance import Tolerance
from dicomnet.pdu import AssociateReject, AssociateRequest
from dicomnet.types import printable
from dicomnet.uids import name
from dicomnet.ul.events import (
    Sent,
)
from dicomnet.ul.negotiation import Context

log = logging.getLogger("dicomnet.association")


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

    __slots__ = ("data", "early", "error", "response")

    def __init__(self, response: Response, data: Kept | None, error: Exception | None, *, early: bool = False) -> None:
        self.response = response
        self.data = data
        self.error = error
        """Why its data set was not kept."""
        self.early = early
        """Whether it is a success that came before the peer could have all of the request."""

    @property
    def status(self) -> Status:
        return self.response.status


class Operation:
    """A request of ours and what was answered to it so far."""

    __slots__ = ("_told", "abandoned", "cancelled", "context", "error", "held", "over", "replies", "request", "session")

    def __init__(
        self, session: Session, context: Context, request: Request, told: deque[Operation] | None = None
    ) -> None:
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
        self.error: StateError | None = None
        """Why it was given up, if that was not the wish of its reader."""
        self._told = told

    @property
    def answered(self) -> bool:
        """Whether there is a reply to be read."""
        return bool(self.replies)

    def take(self, reply: Reply) -> None:
        """A reply has come."""
        self.replies.append(reply)
        if reply.status.is_final:
            self.over = True
        if self._told is not None:
            self._told.append(self)

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

    def spool(self) -> Any:
        """A place for its data set, which refuses one that is larger than a request of its kind may bring."""
        limits = self.session.core.connection.limits
        if isinstance(self.command, CStoreRequest):
            return self.session.shell.spool()
        holds_attributes = isinstance(self.command, NCreateRequest | NSetRequest)
        return self.session.shell.spool(limits.attributes if holds_attributes else limits.identifier)

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


EventTaker: TypeAlias = Callable[[Inbound, Kept | None, Callable[[], None]], bool]
"""Whether it takes an N-EVENT-REPORT, to answer it or to call the function that passes it on."""


class Session(Lifetime):
    """See the head of this file.

    Args:
        core: the association's core.
        ledger: counts for the one line in the log.
        provider: performs the peer's requests; without one they are refused.
        tolerance: what this peer may do.
    """

    __slots__ = (
        "_arriving",
        "_inbound",
        "_unknown_told",
        "_unread",
        "_unsent",
        "_unsent_bytes",
        "on_event_report",
        "provider",
        "receivers",
        "unfinished",
        "waiting",
    )

    def __init__(
        self,
        core: Endpoint,
        ledger: Ledger,
        *,
        provider: Provider | None = None,
        tolerance: Tolerance = Tolerance(),  # noqa: B008 (frozen)
    ) -> None:
        super().__init__(core, ledger, tolerance)
        self.provider = provider
        self.unfinished: set[Operation] = set()
        """Operations of ours that nobody has read to their end."""
        self.receivers: list[Receiver] = []
        """Those of the C-GETs that run."""
        self.on_event_report: EventTaker | None = None
        """Told of an N-EVENT-REPORT before the provider."""
        self.waiting = 0
        """Scripts that wait for something at this moment; kept by the shell."""
        self._inbound: dict[int, Inbound] = {}
        self._unread = 0
        self._unsent = 0
        self._unsent_bytes = 0
        self._unknown_told = False
        self._arriving: dict[Arriving, Inbound] = {}

    # For scripts and handlers.

    def send(
        self,
        context: Context,
        request: Request,
        data: Body | bytes | None = None,
        *,
        message_id: int | None = None,
        answered: deque[Operation] | None = None,
        flush: bool = True,
    ) -> Operation:
        """Sends a request, once the window has room for it; its replies collect in the operation.

        Args:
            answered: where the operation is put each time that a reply has come to it.
            flush: False to have it wait for `flush` of the shell, and leave together with others.

        Raises:
            AssociationError: the association is over.
            InvalidValue: the request breaks PS3.7. The body is closed.
            StateError: the message ID is outstanding.
        """
        try:
            self.check()
            request.message_id = self.core.operations.next_message_id() if message_id is None else message_id
            operation = Operation(self, context, request, answered)
            self.core.send(context.context_id, request, self.shell.now(), data, ticket=operation)
        except DicomNetError:
            if data is not None and not isinstance(data, bytes):
                data.close()
            raise
        self.unfinished.add(operation)
        if flush:
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

    @property
    def performing(self) -> int:
        """Requests of the peer that are not answered yet."""
        return len(self._inbound)

    @property
    def crowded(self) -> bool:
        """Whether so many of our responses wait for the peer to take them that further ones should wait, too."""
        return not self.over and (self._unsent >= _MOST_UNSENT or self._unsent_bytes >= _MOST_UNSENT_BYTES)

    # As the user of a channel, besides what the lifetime hears.

    def asked_for(self, request: AssociateRequest) -> None:
        if self.provider is None:
            reason = RejectReason.NO_REASON
            self.reject(AssociateReject(1, reason.source, reason.reason))
        else:
            self.provider.associate(self, request)

    def ended(self) -> None:
        self.unfinished.clear()
        self._inbound.clear()
        if self.provider is not None:
            self.provider.ended(self)

    def choose(self, arrival: Arriving) -> Any:
        command = arrival.command
        if not isinstance(command, Request):
            return self.shell.memory() if isinstance(command, Response) else self.shell.nowhere()
        inbound = self._arriving[arrival] = self._enter(arrival)
        if inbound.answered:
            return self.shell.nowhere()
        if inbound.receiver is not None:
            return inbound.receiver.place(inbound)
        if self.provider is None or (self.on_event_report and isinstance(command, NEventReportRequest)):
            return inbound.spool()
        return self.provider.choose(inbound)

    def message(self, arrival: Arriving, data: Kept | None, error: Exception | None) -> None:
        command = arrival.command
        if data is not None:
            self.ledger.moved(data.length)
        inbound = self._arriving.pop(arrival, None)
        if inbound is not None:
            self._perform(inbound, data, error)
        elif isinstance(command, Response):
            self._take_response(arrival, command, data, error)
        elif isinstance(command, CCancelRequest):
            self._take_cancel(command)
        elif isinstance(command, UnknownCommand):
            self._refuse_unknown(arrival, command)
        else:
            self._perform(self._enter(arrival), data, error)

    def sent(self, sent: Sent) -> None:
        if sent.length > _SMALLEST_DATA:
            self.ledger.moved(sent.length)
        if isinstance(sent.ticket, _Leaving):
            self._unsent -= 1
            self._unsent_bytes -= sent.ticket.length
            self.shell.changed()

    # Requests of the peer.

    def _enter(self, arrival: Arriving) -> Inbound:
        inbound = Inbound(self, arrival)
        command = inbound.command
        assert command.message_id is not None
        if self.receivers and isinstance(command, CStoreRequest):
            inbound.receiver = self.receivers[0]
        self._inbound[command.message_id] = inbound
        if len(self._inbound) > 1 and len(self._inbound) > self._most_inbound:
            self.shell.pause("inbound")
        refusal = self._refusal(inbound)
        if refusal is not None:
            status, comment, tolerance = refusal
            hint = f"; Tolerance({tolerance}=True) takes it from this peer all the same" if tolerance else ""
            log.warning("%s %s: %s refused: %s%s", self.id, self.ledger.who, command.name, printable(comment), hint)
            inbound.respond(status, error_comment=plain(comment))
        return inbound

    def _refusal(self, inbound: Inbound) -> tuple[Status, str, str] | None:
        """Why the peer may not ask for this, judged by context, class and role alone; and which tolerance would let it."""
        command, context = inbound.command, inbound.context
        sop_class = command.sop_class_uid
        if sop_class is not None and not carries(context.abstract_syntax, sop_class):
            is_of_get = isinstance(command, CStoreRequest) and bool(self.receivers)
            if is_of_get and self.tolerance.store_on_retrieve_context:
                self.tolerate("store on retrieve", "C-STORE on the context of the C-GET")
                return None
            is_composite = isinstance(command, _COMPOSITE)
            status = Status.SOP_CLASS_NOT_SUPPORTED if is_composite else Status.NO_SUCH_SOP_CLASS
            way_out = "store_on_retrieve_context" if is_of_get else ""
            return status, f"{name(sop_class)} is not what this context is for", way_out
        report = isinstance(command, NEventReportRequest)
        if context.our_scu if report else context.our_scp:
            return None
        if self.tolerance.assume_roles:
            self.tolerate("role", f"{command.name} from a side without the role for it")
            return None
        if report and self.tolerance.event_report_without_role:
            self.tolerate("report", "N-EVENT-REPORT from a side that did not offer the SCP role")
            return None
        what, way_out = ("SCU", "event_report_without_role") if report else ("SCP", "assume_roles")
        return Status.SOP_CLASS_NOT_SUPPORTED, f"we are not {what} of {name(context.abstract_syntax)} here", way_out

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
        taker = self.on_event_report
        if taker is not None and isinstance(command, NEventReportRequest):
            pass_on = partial(self._pass_on, inbound, data, error)
            if taker(inbound, data, pass_on):
                return
        self._pass_on(inbound, data, error)

    def _pass_on(self, inbound: Inbound, data: Kept | None, error: Exception | None) -> None:
        command = inbound.command
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
        if not self._unknown_told:  # once: they cost the peer nothing
            self._unknown_told = True
            log.warning("%s %s: requests of no known kind (%04XH)", self.id, self.ledger.who, command.command_field)
        try:
            self.core.send(arrival.context.context_id, command.respond(), self.shell.now())
        except StateError as error:  # we have asked for the release already
            log.debug("%s no answer to an unknown command: %s", self.id, error)
        self.shell.flush()

    # Responses of the peer.

    def _take_response(self, arrival: Arriving, response: Response, data: Kept | None, error: Exception | None) -> None:
        self.ledger.outcome(response)
        invoked = arrival.operation
        operation = None if invoked is None else invoked.ticket
        if invoked is None or not isinstance(operation, Operation):
            return
        reply = Reply(response, data, error, early=invoked.early)
        operation.take(reply)
        self._unread += 1
        if operation.abandoned:
            operation.drain()
        if error is not None and not arrival.completed:
            # A response cannot be refused, and the rest of this one would come for nobody.
            log.warning("%s %s: the data set of a %s: %s", self.id, self.ledger.who, response.name, error)
            self.abort(error=AssociationAborted(0, 0, by_peer=False, detail=f"the data set of a response: {error}"))
        if self._unread > _MOST_UNREAD and not self.waiting:
            self.shell.pause("unread")
        elif self._unread > _FAR_TOO_MANY_UNREAD:
            self._give_up()
        self.shell.changed()

    def _give_up(self) -> None:
        """What somebody waits for has to come through, but not with whatever else the peer has to say meanwhile."""
        left = [one for one in self.unfinished if not one.held and not one.over]
        if not left:
            return
        operation = max(left, key=lambda one: len(one.replies))
        operation.error = StateError(
            f"{len(operation.replies)} replies to this {operation.request.name} were not read while others were waited"
            " for; it was cancelled"
        )
        log.warning("%s %s: %s", self.id, self.ledger.who, operation.error)
        if isinstance(operation.request, CFindRequest | CGetRequest | CMoveRequest):
            self.cancel(operation)
        operation.abandon()

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


_COMPOSITE = (CStoreRequest, CFindRequest, CGetRequest, CMoveRequest, CEchoRequest)

_MOST_UNREAD = 256
"""Replies that nobody has read yet; then reading pauses, unless a script waits for something else."""

_FAR_TOO_MANY_UNREAD = 16 * _MOST_UNREAD
"""The same while a script does wait; then the operation whose replies they are is given up."""

_MOST_UNSENT = 64
"""Responses of ours that the peer has not taken yet; who makes more of them waits."""

_MOST_UNSENT_BYTES = 1024 * 1024
"""The same in bytes of their data sets."""

_NO_WINDOW = 64
"""Requests that are taken at a time from a peer that may send any number."""

_SMALLEST_DATA = 1024
"""P-DATA below this is commands and not worth a line in the log."""

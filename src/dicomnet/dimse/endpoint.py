"""One end of an association, without I/O: messages on top of the upper layer (PS3.7 on PS3.8).

It speaks the contract of `ul.Connection`, which it wraps, and adds the
messages: fragments become commands and data, responses find their requests,
requests beyond the negotiated window wait, and what the peer does against
PS3.7 ends as PS3.8 wants it ended.
"""

from __future__ import annotations

import logging
from collections import deque

from dicomnet.dimse import codec
from dicomnet.dimse.commands import CCancelRequest, Command, Request, Response, RetrieveResponse, UnknownCommand
from dicomnet.dimse.dump import dump_association, dump_message
from dicomnet.dimse.events import DataReceived, MessageBegun
from dicomnet.dimse.fragments import Assembler, Body, OutgoingMessage, command_pdus, data_pdus, small_message
from dicomnet.dimse.operations import Invoked, Operations
from dicomnet.dimse.status import Status
from dicomnet.errors import AbortReason, InvalidMessage, InvalidValue, ProtocolError, StateError
from dicomnet.limits import Limits, Timeouts
from dicomnet.logs import Lines
from dicomnet.pdu import AssociateAccept, AssociateReject, AssociateRequest
from dicomnet.ul.connection import Connection, Output
from dicomnet.ul.events import (
    Aborted,
    AssociateAccepted,
    AssociateRequested,
    Event,
    Fragment,
    ReleaseRequested,
    Sent,
    TimedOut,
    Tolerated,
    TransportClosed,
)
from dicomnet.ul.machine import State, Trace
from dicomnet.ul.negotiation import Context, Terms

log = logging.getLogger("dicomnet.dimse")


class Endpoint:
    """Arguments as for `ul.Connection`; `label` names the association in the debug log.

    That log tells PDUs and messages behind a sign: `>` sent, `<` received.
    """

    def __init__(
        self,
        *,
        requestor: bool,
        limits: Limits = Limits(),  # noqa: B008 (frozen)
        timeouts: Timeouts = Timeouts(),  # noqa: B008 (frozen)
        refuse: AssociateReject | None = None,
        tap: bool = False,
        trace: Trace | None = None,
        label: str = "",
    ) -> None:
        self._label = label
        self.connection = Connection(
            requestor=requestor, limits=limits, timeouts=timeouts, refuse=refuse, tap=tap, trace=trace
        )
        self.operations = Operations(timeouts)
        self._assembler = Assembler(limits.command_set)
        self._discarding = False
        self._waiting: deque[_Waiting] | None = None
        """Made when needed: most associations never do, and an empty one takes 700 bytes."""
        self._release_wanted = False
        self._release_answer_wanted = False
        self._refusals = 0
        """Answers to what we refuse, or do not know, that have not left."""
        self._reading_paused = False
        self._unmatched_told = False
        self._surplus_told = False

    @property
    def held_back(self) -> int:
        """Requests, and the one for release, that leave when earlier ones are answered."""
        return len(self._waiting or ()) + self._release_wanted

    @property
    def state(self) -> State:
        return self.connection.state

    @property
    def terms(self) -> Terms | None:
        return self.connection.terms

    @property
    def is_associated(self) -> bool:
        return self.connection.is_associated

    # What the transport did.

    def connected(self, now: float) -> None:
        self.connection.connected(now)

    def receive(self, data: bytes | bytearray | memoryview, now: float) -> list[Event]:
        """See `Connection.receive`; `Fragment` events are replaced by `MessageBegun` and `DataReceived`."""
        return self._translate(self.connection.receive(data, now), now)

    def sent(self, count: int, now: float) -> list[Sent]:
        gone = self.connection.sent(count, now)
        for sent in gone:
            if isinstance(sent.ticket, Invoked):
                operation = sent.ticket
                operation.message = None
                sent.ticket = operation.ticket
                self.operations.request_sent(operation, now)
            elif isinstance(sent.ticket, _Refusal):
                self._refusals -= 1
                sent.ticket = sent.ticket.ticket
        return gone

    def forget(self, count: int) -> None:
        """See `Connection.forget`."""
        self.connection.forget(count)

    def reading(self, paused: bool, now: float) -> None:
        self._reading_paused = paused
        self.operations.postpone(self.connection.reading(paused, now), now)

    # What the user asks for.

    def associate(self, request: AssociateRequest, now: float) -> None:
        self.connection.associate(request, now)
        if log.isEnabledFor(logging.DEBUG):
            self._tell(">", Lines("\n" + dump_association(request)))

    def accept(self, accept: AssociateAccept, now: float) -> None:
        self.connection.accept(accept, now)
        if log.isEnabledFor(logging.DEBUG):
            self._tell(">", Lines("\n" + dump_association(accept)))

    def reject(self, reject: AssociateReject, now: float) -> None:
        self.connection.reject(reject, now)
        self._tell(">", reject)

    def send(
        self,
        context_id: int,
        command: Command,
        now: float,
        data: Body | bytes | None = None,
        *,
        command_set: bytes | None = None,
        ticket: object = None,
    ) -> None:
        """Queues a message: the command, and its data set if it has one.

        A request beyond the window that was negotiated waits here until an
        earlier one is answered (PS3.7 D.3.3.3); everything else goes at once.

        Args:
            data: the encoded data set, or a body to be read as it is sent; the body is ours unless this raises.
            command_set: the command already encoded, in place of `command`'s own encoding.
            ticket: comes back in the `Sent` event.

        Raises:
            InvalidValue: the command breaks PS3.7, or the data set is empty or of an odd length.
            StateError: there is no such context, no association, or one that is being released; the message ID of a
                request is outstanding; or nobody waits for the response.
        """
        terms = self.connection.terms
        if terms is None or not self.connection.takes_data:
            if terms is None or not self.connection.is_associated:
                raise StateError(f"{command.name} needs an association")
            raise StateError(f"{command.name} comes after the request to release the association")
        if context_id not in terms.contexts:
            raise StateError(f"presentation context {context_id} was not accepted")
        if isinstance(command, Response):
            self._check_awaited(command)
        else:
            self._check_turn(command)
        if data is not None:
            length = len(data) if isinstance(data, bytes) else data.length
            if not length or length % 2:
                raise InvalidValue(
                    f"the data set of a {command.name} has {length} bytes, an even number above 0 is needed"
                )
        command.has_data_set = data is not None
        encoded = codec.encode(command) if command_set is None else command_set
        if isinstance(command, UnknownCommand) and not command.is_request:
            ticket = self._refusal(ticket)
        message = _Waiting(context_id, command, encoded, data, ticket)
        if isinstance(command, Response):
            self._queue(message, None, now)
            self.operations.responded(command)
            self.connection.operations_outstanding = bool(self.operations)
            return
        if isinstance(command, CCancelRequest):
            if command.message_id_being_responded_to in self.operations.waiting:
                self._wait(message)  # it must not overtake what it cancels
                return
        elif isinstance(command, Request) and (self._waiting or not self._window_is_open):
            assert command.message_id is not None
            self.operations.waiting.add(command.message_id)
            self._wait(message)
            return
        self._transmit(message, now)

    def release(self, now: float) -> None:
        """Asks for release, once our own requests are answered (PS3.7 A.5: not while operations are outstanding)."""
        self._release_wanted = self.state is State.ASSOCIATED and bool(self.operations.invoked or self._waiting)
        if not self._release_wanted:
            self.connection.release(now)
            self._tell(">", "A-RELEASE-RQ")

    def answer_release(self, now: float) -> None:
        """Agrees to the release the peer asked for; in a collision once it is our turn (PS3.8 7.2.2.7)."""
        if self.state is State.COLLISION_ACCEPTOR_REPLY:
            self._release_answer_wanted = True
            return
        self.connection.answer_release(now)
        self._tell(">", "A-RELEASE-RP")
        self._end_with_association()

    def abort(self, now: float, source: int = 0, reason: int = 0) -> None:
        before = self.state
        self.connection.abort(now, source, reason)
        if before is not self.state is State.AWAITING_CLOSE:
            self._tell(">", f"A-ABORT {source}/{reason}")
        self._end_with_association()

    # What the shell takes.

    def data_to_send(self) -> list[Output]:
        return self.connection.data_to_send()

    @property
    def deadline(self) -> float | None:
        own = None if self._reading_paused else self.operations.deadline
        below = self.connection.deadline
        if own is None or below is None:
            return below if own is None else own
        return min(own, below)

    def handle_deadline(self, now: float) -> list[Event]:
        overdue = None if self._reading_paused else self.operations.overdue()
        if overdue is not None and overdue.deadline is not None and overdue.deadline <= now:
            waiting_for = f"the response to {overdue.request.name} {overdue.request.message_id}"
            events: list[Event] = [TimedOut(waiting_for, overdue.seconds or 0.0)]
            self.abort(now)
            return events
        return self._translate(self.connection.handle_deadline(now), now)

    def close(self) -> None:
        """The shell closes the transport on its own: what waits will never be sent."""
        self.connection.close_transport()
        self._end_with_association()

    # Receiving.

    def _translate(self, events: list[Event], now: float) -> list[Event]:
        translated: list[Event] = []
        violated = False
        for event in events:
            if type(event) is not Fragment:
                # After a violation nothing counts any more, unless the association ended on its own by then.
                if not violated or isinstance(event, Aborted | TransportClosed):
                    translated.append(event)
                    violated = self._broken_off_by(event, translated, now) or violated
                    if log.isEnabledFor(logging.DEBUG):
                        self._tell("<", _described(event))
            elif not violated:
                try:
                    self.operations.sign_of_life(now)
                    self._take_fragment(event, translated, now)
                except ProtocolError as error:
                    translated += self.connection.violated(error, now)
                    violated = True
        if self._release_answer_wanted and self.state is State.COLLISION_ACCEPTOR_LOCAL:
            self.answer_release(now)
        self._end_with_association()
        connection = self.connection
        connection.message_open = self._assembler.in_message
        connection.operations_outstanding = bool(self.operations)
        return translated

    def _broken_off_by(self, event: Event, translated: list[Event], now: float) -> bool:
        """Whether the peer asks for release with half a message sent: what it wants then nobody can tell (PS3.7 A.5)."""
        if not isinstance(event, ReleaseRequested) or not self._assembler.in_message:
            return False
        error = InvalidMessage("A-RELEASE-RQ in the middle of a message", AbortReason.UNEXPECTED_PDU)
        translated.pop()
        translated += self.connection.violated(error, now)
        return True

    def _take_fragment(self, fragment: Fragment, events: list[Event], now: float) -> None:
        result = self._assembler.take(fragment)
        if isinstance(result, bytes):
            self._begin_message(fragment.context_id, result, events, now)
        elif not fragment.control & 1 and not self._discarding:
            events.append(DataReceived(fragment.data, result))
        elif result:
            self._discarding = False

    def _begin_message(self, context_id: int, command_set: bytes, events: list[Event], now: float) -> None:
        command = codec.decode(command_set)
        # PS3.7 9.3.4.2: there are no data with a pending C-GET-RSP or C-MOVE-RSP. Peers announce some and send none, too.
        surplus = isinstance(command, RetrieveResponse) and command.status.is_pending and command.has_data_set
        self._assembler.command_understood(data_follows=command.has_data_set, surplus=surplus)
        terms = self.connection.terms
        assert terms is not None
        context = terms.contexts[context_id]
        if log.isEnabledFor(logging.DEBUG):
            self._tell("<", Lines("\n" + dump_message(command, context, outgoing=False)))
        operation = None
        if isinstance(command, Response):
            operation = self._match(command, context, events, now)
            wanted = operation is not None
        else:
            wanted = self._take_request(command, context, now)
        self._discarding = surplus or (command.has_data_set and not wanted)
        if surplus:
            command.has_data_set = False
            if not self._surplus_told:
                self._surplus_told = True
                events.append(Tolerated(f"the peer announced data with a pending {command.name}; ignored"))
        if wanted:
            events.append(MessageBegun(context, command, command_set, operation))

    def _match(self, response: Response, context: Context, events: list[Event], now: float) -> Invoked | None:
        """The operation that waits for the response (PS3.7 9.3: matched by message ID, never by order)."""
        operation = self.operations.answered(response, context.context_id, now)
        if operation is None:
            detail = f"a {response.name} to message {response.message_id_being_responded_to}, which is not outstanding"
            if self.operations.invoked and self._synchronous:
                raise InvalidMessage(detail, AbortReason.UNEXPECTED_PARAMETER)
            if not self._unmatched_told:
                self._unmatched_told = True
                events.append(Tolerated(f"the peer sent {detail}; ignored"))
            return None
        if response.status.is_final:
            message = operation.message
            if isinstance(message, OutgoingMessage) and response.status.is_failure:
                # PS3.7 9.3.1.3: refused before it had it all. The rest would only be thrown away.
                self.connection.shorten(message, message.cut())
            elif isinstance(message, OutgoingMessage):
                operation.early = message.remaining
            self._send_waiting(now)
        return operation

    def _take_request(self, command: Command, context: Context, now: float) -> bool:
        if isinstance(command, CCancelRequest):
            assert command.message_id_being_responded_to is not None
            self.operations.cancelled(command.message_id_being_responded_to)
            return True
        if isinstance(command, UnknownCommand):
            if self._refusals > self.connection.limits.excess_operations:
                detail = f"requests of no known kind ({command.command_field:04X}H), whose answers it does not take"
                raise InvalidMessage(detail, AbortReason.UNEXPECTED_PARAMETER)
            return True
        assert isinstance(command, Request)
        if self.operations.perform(command, context.context_id):
            self._check_peer_window()
            return True
        if self._refusals:
            # It does not read its answers; to queue more of them would let it fill our memory.
            raise InvalidMessage(f"message ID {command.message_id} again and again", AbortReason.UNEXPECTED_PARAMETER)
        if self.connection.takes_data:
            refusal = command.respond(Status.DUPLICATE_INVOCATION)
            message = _Waiting(context.context_id, refusal, codec.encode(refusal), None, self._refusal(None))
            self._queue(message, None, now)
        return False

    def _refusal(self, ticket: object) -> _Refusal:
        self._refusals += 1
        return _Refusal(ticket)

    def _check_peer_window(self) -> None:
        terms = self.connection.terms
        assert terms is not None
        window = terms.operations_performed
        if window and len(self.operations.performing) > window + self.connection.limits.excess_operations:
            count = len(self.operations.performing)
            raise InvalidMessage(
                f"{count} operations at a time, {window} were negotiated", AbortReason.UNEXPECTED_PARAMETER
            )

    # Sending.

    @property
    def _synchronous(self) -> bool:
        terms = self.connection.terms
        return terms is not None and terms.operations_invoked == 1

    @property
    def _window_is_open(self) -> bool:
        terms = self.connection.terms
        assert terms is not None
        return not terms.operations_invoked or len(self.operations.invoked) < terms.operations_invoked

    def _check_turn(self, command: Command) -> None:
        """Whether it is this request's turn: before we ask for release, and with a message ID of its own."""
        if isinstance(command, Request) and not isinstance(command, CCancelRequest):
            if self._release_wanted:
                raise StateError(f"{command.name} comes after the request to release the association")
            self.operations.check_unused(command.message_id)

    def _check_awaited(self, response: Response) -> None:
        message_id = response.message_id_being_responded_to
        if message_id not in self.operations.performing:
            raise StateError(f"nobody waits for a {response.name} to message {message_id}")

    def _transmit(self, message: _Waiting, now: float) -> None:
        command = message.command
        operation = None
        if isinstance(command, Request) and not isinstance(command, CCancelRequest):
            operation = self.operations.invoke(command, message.context_id, message.ticket)
        self._queue(message, operation, now)
        self.connection.operations_outstanding = bool(self.operations)

    def _queue(self, message: _Waiting, operation: Invoked | None, now: float) -> None:
        connection = self.connection
        assert connection.terms is not None
        limit = connection.terms.max_sent_pdu_length(connection.limits.sent_pdu_length)
        ticket = message.ticket if operation is None else operation
        data = message.data
        if log.isEnabledFor(logging.DEBUG):
            context = connection.terms.contexts[message.context_id]
            self._tell(">", Lines("\n" + dump_message(message.command, context, outgoing=True)))
        pdus: bytes | None
        if data is None or isinstance(data, bytes):
            pdus = command_pdus(message.context_id, message.command_set, limit)
            if data is not None:
                pdus += data_pdus(message.context_id, data, limit)
        else:
            pdus = small_message(message.context_id, message.command_set, data, limit)
            if pdus is None:
                outgoing = OutgoingMessage(message.context_id, message.command_set, data, limit)
                connection.send_data(outgoing, outgoing.size, now, ticket)
                if operation is not None:
                    operation.message = outgoing
                return
        connection.send_data(pdus, len(pdus), now, ticket)

    def _wait(self, message: _Waiting) -> None:
        if self._waiting is None:
            self._waiting = deque()
        self._waiting.append(message)

    def _send_waiting(self, now: float) -> None:
        """A place in the window is free."""
        if self.state is not State.ASSOCIATED:  # what came right behind the response has ended the association
            return
        while self._waiting and (self._window_is_open or isinstance(self._waiting[0].command, CCancelRequest)):
            message = self._waiting.popleft()
            if isinstance(message.command, Request) and message.command.message_id is not None:
                self.operations.waiting.discard(message.command.message_id)
            self._transmit(message, now)
        if self._release_wanted:
            self.release(now)  # which goes on waiting while there is something to wait for

    def _end_with_association(self) -> None:
        """If the association is over, so is every operation (PS3.7 A.6), and what waits will never be sent."""
        if self.connection.is_associated:
            return
        self.operations.clear()
        for message in self._waiting or ():
            if message.data is not None and not isinstance(message.data, bytes):
                message.data.close()
        self._waiting = None
        self._release_wanted = False

    def _tell(self, sign: str, what: object) -> None:
        log.debug("%s %s %s", self._label, sign, what)


def _described(event: Event) -> str:
    if isinstance(event, AssociateRequested):
        return Lines("\n" + dump_association(event.request))
    if isinstance(event, AssociateAccepted):
        return Lines("\n" + dump_association(event.accept))
    return repr(event)


class _Refusal:
    """The ticket of an answer that is counted until it has left, around the user's own."""

    __slots__ = ("ticket",)

    def __init__(self, ticket: object) -> None:
        self.ticket = ticket


class _Waiting:
    """A message that waits for a place in the window."""

    __slots__ = ("command", "command_set", "context_id", "data", "ticket")

    def __init__(
        self, context_id: int, command: Command, command_set: bytes, data: Body | bytes | None, ticket: object
    ) -> None:
        self.context_id = context_id
        self.command = command
        self.command_set = command_set
        self.data = data
        self.ticket = ticket

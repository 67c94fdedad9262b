"""One connection of a DicomNet object: what its channel tells becomes callbacks, what the object sends becomes requests.

The methods of the first part are called from any thread; those of the second
are a channel's `User`, on the loop's thread.
"""

from __future__ import annotations

import asyncio
import logging
import socket
import threading
from collections import deque
from collections.abc import Callable, Coroutine
from contextlib import suppress
from functools import partial
from typing import Any, Protocol

from dicomnet.aio.arrival import Arrival
from dicomnet.aio.channel import Channel
from dicomnet.dimse.commands import CCancelRequest, Command, CStoreRequest, Request, Response, UnknownCommand
from dicomnet.dimse.endpoint import Endpoint
from dicomnet.dimse.fragments import Body
from dicomnet.errors import (
    ConnectFailed,
    ConnectionLost,
    DicomNetError,
    DicomTimeout,
    StateError,
)
from dicomnet.exchanges.ledger import Ledger
from dicomnet.net.associate import Associate
from dicomnet.net.backlog import Backlog
from dicomnet.net.callbacks import EVENT_OF
from dicomnet.net.engine import Queue, Runtime
from dicomnet.net.mailbox import Mailbox, Slot, nothing
from dicomnet.net.message import Message
from dicomnet.net.queue import SendQueue, Ticket, ticket_for
from dicomnet.pdu import AssociateAccept, AssociateReject, AssociateRequest, PduType
from dicomnet.storage.destination import SPOOL, Refusal, sink_for
from dicomnet.storage.received import ReceivedData
from dicomnet.storage.sinks import Sink
from dicomnet.uids import name
from dicomnet.ul import negotiation
from dicomnet.ul.events import (
    Aborted,
    AssociateAccepted,
    AssociateRejected,
    AssociateRequested,
    Event,
    PduReceived,
    ProtocolViolated,
    ReleaseConfirmed,
    ReleaseRequested,
    RequestRefused,
    Sent,
    TimedOut,
    Tolerated,
    TransportClosed,
)
from dicomnet.ul.machine import State
from dicomnet.ul.negotiation import Context, Terms

log = logging.getLogger("dicomnet.net")


class Owner(Protocol):
    """The DicomNet object, as far as its link needs it."""

    temp_dir: str | None
    destination: Any
    _runtime: Runtime
    _mailbox: Mailbox
    _current_message: Message[Any] | None

    def send_associate_reject(self, result: int, source: int, reason: int) -> None: ...
    def send_release_response(self) -> None: ...
    def _callback(self, name: str) -> Callable[..., Any]: ...
    def _is_listened_to(self, name: str) -> bool: ...
    def _answer_unknown(self, message: Message[Any]) -> None: ...
    def _answer_failure(self, message: Message[Any], error: BaseException) -> None: ...
    def _link_ended(self, link: Link, error: Exception | None, *, tell: bool) -> None: ...


class Link:
    """Lives as long as its connection; an object that connects again gets a new one."""

    def __init__(self, net: Owner, core: Endpoint, ledger: Ledger, server: Any = None) -> None:
        self.net = net
        """The object."""
        self.server = server
        """The listening object that accepted the connection."""
        self.core = core
        self.channel: Channel | None = None
        self.ledger = ledger
        self.host_address = ("", 0)
        self.peer_address = ("", 0)
        self.terms: Terms | None = None
        self.associate: Associate | None = None
        self.closed_here = False
        """Our own side closed the connection: nobody is told of its end."""
        self.on_end: Callable[[], object] = nothing
        """Called on the loop's thread once the connection is gone."""
        self._up = False
        self._secure = False
        self._associated = False
        self._request_sent = False
        self._answer_due = False
        self._release_sent = False
        self._release_due = False
        self._runtime = net._runtime
        self._mailbox = net._mailbox
        self._limits = core.connection.limits
        self._lock = threading.Lock()
        self._requests: deque[tuple[Ticket, Callable[[float], object]]] = deque()
        self._drain_posted = False
        self._queue = SendQueue(self._limits.send_queue)
        self._backlog = Backlog(self._limits, self._pause_reading, self._resume_reading_soon)
        self._ended_by_answer = False
        self._ended = False
        self._gone = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._socket: socket.socket | None = None
        self._error: Exception | None = None
        self._slots: dict[Arrival, Slot | None] = {}
        """Data sets on their way, and once they are whole their place among the callbacks."""

    # From any thread.

    @property
    def over(self) -> bool:
        """Whether the object is free for another connection; this one may still be on its way out."""
        return self._ended or self.closed_here or self._ended_by_answer

    @property
    def connected(self) -> bool:
        """TCP is up."""
        return self._up and not self.over

    @property
    def secure(self) -> bool:
        return self._secure and not self.over

    @property
    def associated(self) -> bool:
        return self._associated and not self.over

    @property
    def queue_length(self) -> int:
        return len(self._queue)

    def accepted_context(self, context_id: int) -> Context:
        """Raises StateError if there is no association or no such context."""
        terms = self._standing_terms()
        if context_id not in terms.contexts:
            raise StateError(f"presentation context {context_id} was not accepted")
        return terms.contexts[context_id]

    def find_context(self, abstract_syntax: str, transfer_syntax: str | None) -> Context:
        """The accepted context of an abstract syntax, in a transfer syntax if there is one in it."""
        contexts = [c for c in self._standing_terms().contexts.values() if c.abstract_syntax == abstract_syntax]
        exact = [c for c in contexts if c.transfer_syntax == transfer_syntax]
        for context in exact or contexts:
            return context
        raise StateError(f"no presentation context for {name(abstract_syntax)} was accepted")

    def context_of(self, message_id: int) -> int:
        """The presentation context of a request of ours that is outstanding."""
        return self._queue.context_of(message_id)

    def next_message_id(self) -> int:
        return self._queue.next_message_id()

    def is_cancelled(self, message_id: int) -> bool:
        operation = self.core.operations.performing.get(message_id)
        return operation is not None and operation.cancelled

    def send(self, context_id: int, command: Command, command_set: bytes, data: bytes | Body | None) -> None:
        """Queues a message; a body is ours, also when this raises."""
        ticket = ticket_for(command, command_set, data)
        try:
            self._enter(ticket, partial(self._register, context_id, command))
        except DicomNetError:
            ticket.close_body()
            raise
        self._request(ticket, partial(self._send_now, context_id, command, command_set, data, ticket))

    def send_associate_request(self, request: AssociateRequest) -> None:
        def register() -> None:
            if not self.core.connection.requestor or self._request_sent:
                raise StateError("an association is asked for by the side that connected, and once")
            self._request_sent = True

        ticket = self._enter(Ticket(PduType.ASSOCIATE_RQ), register)
        self._request(ticket, partial(self._associate_now, request))

    def send_associate_accept(self, accept: AssociateAccept) -> None:
        request = self.core.connection.request

        def register() -> None:
            if request is not None:
                negotiation.check_answer(request, accept)
            self._take_due_answer()
            assert request is not None
            self.terms = negotiation.conclude(request, accept, requestor=False)
            self.associate = Associate.from_pdu(accept, request)
            self._associated = True

        ticket = self._enter(Ticket(PduType.ASSOCIATE_AC), register)
        self._request(ticket, partial(self.core.accept, accept))

    def send_associate_reject(self, reject: AssociateReject) -> None:
        ticket = self._enter(Ticket(PduType.ASSOCIATE_RJ), self._take_due_answer)
        self.ledger.rejected(reject.result, reject.source, reject.reason)
        self._request(ticket, partial(self.core.reject, reject))

    def send_release_request(self) -> None:
        def register() -> None:
            self._standing_terms()
            if self._release_sent or self._release_due:
                raise StateError("the release of the association was asked for already")
            self._release_sent = True

        self._request(self._enter(Ticket(PduType.RELEASE_RQ), register), self.core.release)

    def send_release_response(self) -> None:
        def register() -> None:
            if not self._release_due:
                raise StateError("the peer has not asked for a release")
            self._release_due = self._associated = False

        ticket = self._enter(Ticket(PduType.RELEASE_RP), register)
        self._request(ticket, self._answer_release_now)

    def send_abort(self, source: int, reason: int) -> None:
        ticket = self._enter(Ticket(PduType.ABORT))
        self._associated = False
        self._request(ticket, partial(self._abort_now, source=source, reason=reason))

    def close(self, *, force: bool) -> None:
        if not self._ended:
            self.closed_here = True
            self._call_default(self._runtime.post, self._close_now, force)

    def tap(self) -> None:
        """From the next PDU on, each is told."""
        self._call_default(self._runtime.post, setattr, self.core.connection, "tap", True)

    def flush(self, timeout: float | None) -> None:
        self._queue.wait(timeout, self._is_stuck if self._runtime.is_callback_of(self._mailbox) else None)

    # As the user of a channel.

    def handle(self, event: Event) -> None:
        handler = _HANDLERS.get(type(event))
        if handler is not None:
            handler(self, event)

    def choose(self, arrival: Arrival) -> Sink | None:
        self._slots[arrival] = None
        arrival.on_complete = partial(self._came_whole, arrival)
        self._queue.settle(arrival.command)
        destination = self.net.destination if isinstance(arrival.command, CStoreRequest) else SPOOL
        if not callable(destination):
            return self._sink_or_refusal(lambda: destination, arrival, for_this=False)
        queue = Queue()
        self._runtime.queue_callback(queue)
        self._runtime.submit(partial(self._decide, destination, arrival, queue), queue)
        return None

    def _came_whole(self, arrival: Arrival) -> None:
        # Behind what was told of its PDUs, and before the next message, however long storage takes.
        if arrival in self._slots:  # else it was refused before it was whole
            self._slots[arrival] = self._reserve()

    def _reserve(self) -> Slot:
        """A place for a message that is whole, so that nothing more of it has to be read."""
        self._backlog.grow(1, 0)
        return self._mailbox.reserve()

    def message(self, arrival: Arrival, data: ReceivedData | None, error: Exception | None) -> None:
        if arrival not in self._slots:  # there are no data
            self._queue.settle(arrival.command)
        slot = self._slots.pop(arrival, None) or self._reserve()
        if isinstance(arrival.command, Response):
            self.ledger.outcome(arrival.command)
        held = 0 if data is None or data.path is not None else min(data.length, self._limits.undelivered_bytes)
        self._backlog.grow(0, held)
        if data is not None:
            self.ledger.moved(data.length)
        message = Message(arrival.command, arrival.context, arrival.command_set, data, error, link=self)
        slot.fill(partial(self._deliver, message, held))

    def sent(self, sent: Sent) -> None:
        ticket = sent.ticket
        if not isinstance(ticket, Ticket):
            ticket = self._queue.ticket_of(sent.pdu_type)
        if sent.pdu_type == PduType.P_DATA_TF and sent.length > SMALLEST_DATA:
            self.ledger.moved(sent.length)
        self._tell_sent(ticket, None, sent.length, sent.pdu_type)
        if sent.pdu_type == PduType.ABORT:
            self._fail_tickets(ConnectionLost("the association was aborted before this was sent"))

    def failed(self, error: Exception) -> None:
        self._associated = False
        self._error = error

    def closed(self, error: Exception | None) -> None:
        if self._ended:
            return
        self._ended = True
        self._queue.end()
        self._gone.set()
        self._runtime.active.discard(self.stop)
        self.on_end()
        error = self._error or error
        self._fail_tickets(error or ConnectionLost("the connection ended before this was sent"))
        self._slots = {arrival: slot for arrival, slot in self._slots.items() if slot is not None}
        self._log_end()
        self.net._link_ended(self, error, tell=not (self.closed_here or self._ended_by_answer))

    async def stop(self) -> None:
        """Ends the connection, for `shutdown`; an association is aborted."""
        self.closed_here = True
        if not self.core.is_associated:
            self._close_now(force=False)
        else:
            self._abort_now(self._runtime.loop.time(), source=0, reason=0)
            if self.channel is not None:
                self.channel.flush()
        with suppress(TimeoutError):
            async with asyncio.timeout(STOP_TIME):
                await self._gone.wait()
                if self._task is not None:
                    await asyncio.wait([self._task])
        if self.channel is not None:
            self.channel.abort_transport()

    # Connecting and securing, on the loop's thread.

    def run(self, steps: Callable[[], Coroutine[Any, Any, None]], sock: socket.socket | None = None) -> None:
        """Takes the steps that make the connection, until it is closed; a socket given is closed with it."""
        self._runtime.active.add(self.stop)
        self._socket = sock
        self._task = self._runtime.loop.create_task(steps())
        self._task.add_done_callback(self._steps_taken)

    def _steps_taken(self, task: asyncio.Task[None]) -> None:
        error = None if task.cancelled() else task.exception()
        if self._socket is not None and (task.cancelled() or error is not None):
            self._socket.close()
        if error is not None:
            log.error("%s the connection could not be made", self.ledger.id, exc_info=error)
            self.closed(ConnectionLost(f"the connection could not be made: {error}"))

    def up(self, host: tuple[str, int], peer: tuple[str, int]) -> None:
        """TCP is up."""
        self._up = True
        self.host_address, self.peer_address = host, peer
        self.ledger.peer = peer[0]

    def heard(self, host: str, port: int, *, via: str, refuse: AssociateReject | None = None) -> None:
        """It is known where the connection comes from, perhaps by way of a proxy, and whether it is one too many."""
        self.peer_address = (host, port)
        self.ledger.peer, self.ledger.via = host, via
        self.core.connection.refuse = refuse

    def secured(self) -> None:
        """The handshake is over and the peer was not refused."""
        self._secure = True

    def connect_failed(self, error: ConnectFailed) -> None:
        """There never was a connection, so there is none to close."""
        tell = not self.closed_here
        self.closed_here = True
        if tell:
            self.post("connect", error)
        self.core.close()
        self.closed(error)

    def post(self, event: str, *arguments: object) -> None:
        """Queues a callback."""
        self._mailbox.post(partial(self._tell_event, event, *arguments))

    # How.

    def _standing_terms(self) -> Terms:
        terms = self.terms
        if terms is None or not self.associated:
            raise StateError("there is no association")
        return terms

    def _register(self, context_id: int, command: Command) -> None:
        """Checks that a message can go, and remembers a request until it is answered."""
        if not isinstance(command, Request) or isinstance(command, CCancelRequest):
            if self.core.state is State.AWAITING_RELEASE_REPLY:
                raise StateError(f"{command.name} comes after the request to release the association")
            if isinstance(command, Response):
                message_id = command.message_id_being_responded_to
                if message_id not in self.core.operations.performing:
                    raise StateError(f"nobody waits for a {command.name} to message {message_id}")
            return
        if self._release_sent:
            raise StateError(f"{command.name} comes after the request to release the association")
        self._queue.remember(command, context_id)

    def _take_due_answer(self) -> None:
        if not self._answer_due:
            raise StateError("there is no association request to answer")
        self._answer_due = False

    def _enter(self, ticket: Ticket, register: Callable[[], None] = nothing) -> Ticket:
        """Gives a ticket its place in the queue, unless `register` or the queue has something against it."""
        if self.over:
            raise StateError("the connection is closed")
        self._queue.enter(ticket, register)
        return ticket

    def _tell_sent(self, ticket: Ticket | None, error: Exception | None, length: int, pdu_type: int) -> None:
        if ticket is not None and not self._queue.leave(ticket, sent=error is None):
            return
        if self.net._is_listened_to("send"):
            self.post("send", error, int(pdu_type), length)

    def _fail_tickets(self, error: Exception) -> None:
        for ticket in self._queue.leave_all():
            self._tell_sent(None, error, 0, ticket.pdu_type)

    def _request(self, ticket: Ticket, request: Callable[[float], object]) -> None:
        """Has a request performed on the loop's thread, after those before it; an abort overtakes them."""
        with self._lock:
            if ticket.pdu_type == PduType.ABORT:
                self._requests.appendleft((ticket, request))
            else:
                self._requests.append((ticket, request))
            posted, self._drain_posted = self._drain_posted, True
        if posted:
            return
        try:
            self._runtime.post(self._perform_some)
        except StateError as error:
            self._drain_posted = False  # so that whoever comes next is told as well
            self._drop_requests(error)
            raise

    def _perform_some(self) -> None:
        """Performs what is queued, a share at a time: a callback that sends in a loop must not keep us from reading."""
        for _ in range(REQUESTS_AT_ONCE):
            with self._lock:
                if not self._requests:
                    self._drain_posted = False
                    break
                ticket, request = self._requests.popleft()
            self._perform(ticket, request)
        else:
            self._runtime.loop.call_soon(self._perform_some)
        if self.channel is not None:
            self.channel.flush()
        self._queue.look_again()

    def _drop_requests(self, error: Exception) -> None:
        """What was asked for and not yet begun will not happen."""
        with self._lock:
            dropped, self._requests = self._requests, deque()
        for ticket, _ in dropped:
            ticket.close_body()
            self._tell_sent(ticket, error, 0, ticket.pdu_type)

    def _perform(self, ticket: Ticket, request: Callable[[float], object]) -> None:
        if ticket not in self._queue:  # the connection ended before this had its turn
            ticket.close_body()
            return
        try:
            request(self._runtime.loop.time())
        except DicomNetError as error:
            log.debug("%s a queued request came too late: %s", self.ledger.id, error)
            self._tell_sent(ticket, error, 0, ticket.pdu_type)
        except Exception as error:
            # A fault of ours; those behind it in the queue must not wait for ever because of it.
            log.exception("%s a queued request failed", self.ledger.id)
            self._tell_sent(ticket, error, 0, ticket.pdu_type)

    def _send_now(
        self,
        context_id: int,
        command: Command,
        command_set: bytes,
        data: bytes | Body | None,
        ticket: Ticket,
        now: float,
    ) -> None:
        try:
            self.core.send(context_id, command, now, data, command_set=command_set, ticket=ticket)
        except DicomNetError:
            ticket.close_body()
            raise
        if isinstance(command, Response):
            self.ledger.outcome(command)

    def _associate_now(self, request: AssociateRequest, now: float) -> None:
        self.ledger.associating(request.calling_ae, request.called_ae)
        self.core.associate(request, now)

    def _answer_release_now(self, now: float) -> None:
        self.core.answer_release(now)
        if not self.core.is_associated:
            self.ledger.ended("released")

    def _abort_now(self, now: float, source: int, reason: int) -> None:
        if self.core.state is State.AWAITING_CLOSE:
            raise StateError("the association is over already")
        self.ledger.ended("aborted here")
        self.core.abort(now, source, reason)
        self._drop_requests(ConnectionLost("the association was aborted before this was sent"))
        self._read_to_the_end()

    def _close_now(self, force: bool) -> None:
        if self.channel is None or self.channel.transport is None:
            if self._task is not None:
                self._task.cancel()
            self.core.close()
            self.closed(None)
        elif force:
            self.channel.abort_transport()
        else:
            self.channel.close_transport()

    def _on_associate_requested(self, event: AssociateRequested) -> None:
        self.ledger.associating(event.request.calling_ae, event.request.called_ae)
        associate = Associate.from_pdu(event.request, limits=self._limits)
        self._answer_due = True
        self._mailbox.post(partial(self._call_or_reject, associate))

    def _on_associate_accepted(self, event: AssociateAccepted) -> None:
        self.terms = event.terms
        self.associate = Associate.from_pdu(event.accept, self.core.connection.request)
        self._associated = True
        self.post("receive_associate_accept", self.associate)

    def _on_associate_rejected(self, event: AssociateRejected) -> None:
        self._ended_by_answer = True
        self.ledger.rejected(event.result, event.source, event.reason)
        self.post("receive_associate_reject", event.result, event.source, event.reason)

    def _on_release_requested(self, _: ReleaseRequested) -> None:
        self._release_due = True
        self._mailbox.post(self._call_or_release)

    def _on_release_confirmed(self, _: ReleaseConfirmed) -> None:
        self._associated = False
        self.ledger.ended("released")
        # In a collision the acceptor answers last, and the peer is the one to close.
        self._ended_by_answer = self.core.state is State.IDLE
        self.post("receive_release_response")

    def _on_aborted(self, event: Aborted) -> None:
        self._associated = self._answer_due = self._release_due = False
        who = "by the peer" if event.by_peer else "here"
        self.ledger.ended(f"aborted {who} ({event.source}/{event.reason})")
        self._read_to_the_end()
        self.post("receive_abort", event.source, event.reason)

    def _on_timed_out(self, event: TimedOut) -> None:
        self._associated = False
        self._read_to_the_end()
        if self.ledger.over:  # released, rejected or aborted; the peer is only slow to close
            return
        self._error = DicomTimeout(event.waiting_for, event.seconds)
        log.warning("%s %s: %s", self.ledger.id, self.ledger.who, self._error)
        self.ledger.ended(f"timed out waiting for {event.waiting_for}")

    def _on_violated(self, event: ProtocolViolated) -> None:
        if self._error is None:
            self._error = event.error
            log.warning("%s %s broke the protocol: %s", self.ledger.id, self.ledger.who, event.error)
        self.ledger.ended("ended for a protocol error")

    def _on_refused(self, event: RequestRefused) -> None:
        reject = event.reject
        self.ledger.associating(event.request.calling_ae, event.request.called_ae)
        self.ledger.rejected(reject.result, reject.source, reject.reason)
        log.warning("%s %s is rejected: %s", self.ledger.id, self.ledger.who, event.wrong)

    def _on_transport_closed(self, event: TransportClosed) -> None:
        if self.closed_here:
            return
        if event.interrupted:
            self._error = ConnectionLost(f"the peer closed the connection in the middle of {event.interrupted}")
            log.warning("%s %s: %s", self.ledger.id, self.ledger.who, self._error)
        if not event.expected:
            self.ledger.ended("closed by the peer without a release")

    def _on_tolerated(self, event: Tolerated) -> None:
        log.info("%s %s: %s", self.ledger.id, self.ledger.who, event.detail)

    def _on_pdu(self, event: PduReceived) -> None:
        size = len(event.data)
        self._backlog.grow(0, size)
        self._mailbox.post(partial(self._call_and_count, size, "receive", None, int(event.pdu_type), event.data))

    # Callbacks, on callback threads.

    def _tell_event(self, event: str, *arguments: object) -> None:
        self._call(event, *arguments)

    def _call(self, event: str, *arguments: object) -> bool:
        """Whether the callback returned instead of raising."""
        try:
            self.net._callback(event)(*arguments)
        except BaseException as error:  # noqa: BLE001 (a user's callback may raise anything, SystemExit too)
            self._log_raised(event, error)
            return False
        return True

    def _log_raised(self, event: str, error: BaseException) -> None:
        if isinstance(error, StateError) and (self.over or not self.core.is_associated):
            log.info("%s on_%s came too late: %s", self.ledger.id, event, error)
        else:
            log.error("%s on_%s raised", self.ledger.id, event, exc_info=error)

    def _call_and_count(self, size: int, event: str, *arguments: object) -> None:
        self._call(event, *arguments)
        self._backlog.shrink(0, size)

    def _call_or_reject(self, associate: Associate) -> None:
        if not self._call("receive_associate_request", associate):
            self._call_default(self.net.send_associate_reject, 1, 1, 1)

    def _call_or_release(self) -> None:
        if not self._call("receive_release_request"):
            self._call_default(self.net.send_release_response)

    def _deliver(self, message: Message[Any], held: int) -> None:
        net = self.net
        net._current_message = message
        try:
            if message.error is not None:
                log.error("%s a data set was not kept: %s", self.ledger.id, message.error)
                if not self._call("receive_failed", message, message.error):
                    self._answer_for(message, message.error)
            else:
                self._tell(message)
        finally:
            net._current_message = None
            self._backlog.shrink(1, held)

    def _tell(self, message: Message[Any]) -> None:
        self._call("receive_data", message.context_id, message.command, message.data)
        if isinstance(message.command, UnknownCommand):
            if not self._call("receive_unknown", message.context_id, message.command, message.data):
                self._call_default(self.net._answer_unknown, message)
            return
        try:
            self.net._callback(EVENT_OF[type(message.command)])(message)
        except BaseException as error:  # noqa: BLE001 (a user's callback may raise anything, SystemExit too)
            self._log_raised(EVENT_OF[type(message.command)], error)
            self._answer_for(message, error)

    def _answer_for(self, message: Message[Any], error: BaseException) -> None:
        """A callback raised: if its request is still to be answered, it failed."""
        if isinstance(message.command, Request) and message.message_id in self.core.operations.performing:
            self._call_default(self.net._answer_failure, message, error)

    def _call_default(self, function: Callable[..., object], *arguments: object) -> None:
        """A default that comes too late is no news."""
        try:
            function(*arguments)
        except DicomNetError as error:
            log.debug("%s %s", self.ledger.id, error)
        except Exception:
            log.exception("%s no answer could be sent", self.ledger.id)

    # Where data go.

    def _decide(self, destination: Callable[[CStoreRequest], Any], arrival: Arrival, queue: Queue) -> None:
        assert isinstance(arrival.command, CStoreRequest)
        sink = self._sink_or_refusal(partial(destination, arrival.command), arrival, for_this=True)
        self._call_default(self._runtime.post, arrival.use, sink)
        self._runtime.callback_done(queue)

    def _sink_or_refusal(self, decide: Callable[[], Any], arrival: Arrival, *, for_this: bool) -> Sink:
        try:
            return sink_for(decide(), arrival.incoming, self.net.temp_dir, for_this=for_this)
        except BaseException as error:
            log.exception("%s the destination of a data set could not be decided", self.ledger.id)
            return Refusal(error)

    # Back-pressure.

    def _pause_reading(self) -> None:
        if self.channel is not None and not self._ended:
            self.channel.pause("undelivered")
            self._queue.look_again()

    def _is_stuck(self) -> bool:
        """Whether nothing more can leave before callbacks have run."""
        return self._backlog.is_full and len(self._queue) <= self.core.held_back

    def _resume_reading_soon(self) -> None:
        self._call_default(self._runtime.post, self._resume_if_low)

    def _resume_if_low(self) -> None:
        if self._backlog.is_low:
            self._resume_reading()

    def _read_to_the_end(self) -> None:
        """The association is over: nothing more is delivered, and only the end of file is waited for."""
        self._backlog.disregard()
        self._resume_reading()

    def _resume_reading(self) -> None:
        self._backlog.resumed()
        if self.channel is not None:
            self.channel.resume("undelivered")

    def _log_end(self) -> None:
        line = self.ledger.line(self._runtime.loop.time())
        log.log(logging.INFO if self.ledger.was_association else logging.DEBUG, "%s", line)


_HANDLERS: dict[type[Event], Callable[[Link, Any], None]] = {
    AssociateRequested: Link._on_associate_requested,
    AssociateAccepted: Link._on_associate_accepted,
    AssociateRejected: Link._on_associate_rejected,
    ReleaseRequested: Link._on_release_requested,
    ReleaseConfirmed: Link._on_release_confirmed,
    Aborted: Link._on_aborted,
    RequestRefused: Link._on_refused,
    TimedOut: Link._on_timed_out,
    TransportClosed: Link._on_transport_closed,
    ProtocolViolated: Link._on_violated,
    Tolerated: Link._on_tolerated,
    PduReceived: Link._on_pdu,
}

STOP_TIME = 1.0
"""Seconds that a peer gets at `shutdown` to take the A-ABORT and close."""

REQUESTS_AT_ONCE = 64
"""Requests of an object that are performed before the loop looks at the network again."""

SMALLEST_DATA = 1024
"""P-DATA below this is commands and not worth a line in the log."""

"""What waits to be sent on one connection, seen from all the threads that send.

Everything queued holds a ticket until it has left, or until it is certain that
it will not. The tickets bound the queue, are what `flush` waits for, and keep
the message IDs of requests from being used twice before the loop has even
heard of them.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator

from dicomnet.dimse.commands import CCancelRequest, Command, Request, Response
from dicomnet.dimse.fragments import Body
from dicomnet.errors import DicomTimeout, SendQueueFull, StateError
from dicomnet.pdu import PduType


class Ticket:
    """Something that waits to be sent."""

    __slots__ = ("body", "cost", "message_id", "pdu_type")

    def __init__(self, pdu_type: int, cost: int = 0) -> None:
        self.pdu_type = pdu_type
        self.cost = cost
        """Bytes it counts for in the queue."""
        self.message_id: int | None = None
        """Of a request."""
        self.body: Body | None = None

    def close_body(self) -> None:
        """What will not be sent need not be held open."""
        if self.body is not None:
            self.body.close()


class SendQueue:
    """Every method may be called from any thread."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._lock = threading.Lock()
        self._drained = threading.Condition(self._lock)
        self._tickets: dict[Ticket, None] = {}
        self._bytes = 0
        self._last_id = 0
        self._outstanding: dict[int, int] = {}
        """Message IDs of our requests, queued ones too, that have no final response, and their contexts."""
        self._ended = False
        self._watched = False
        """Somebody has to be woken by more than the end of the queue."""

    def __len__(self) -> int:
        return len(self._tickets)

    def __contains__(self, ticket: Ticket) -> bool:
        return ticket in self._tickets

    def enter(self, ticket: Ticket, register: Callable[[], None] | None = None) -> None:
        """Gives a ticket its place.

        Args:
            register: called while nobody else can enter; what it raises keeps the ticket out.

        Raises:
            SendQueueFull: too much waits already; one thing alone always fits.
        """
        with self._lock:
            if ticket.cost and self._bytes and self._bytes + ticket.cost > self._limit:
                raise SendQueueFull(self._bytes, self._limit)
            if register is not None:
                register()
            self._bytes += ticket.cost
            self._tickets[ticket] = None

    def leave(self, ticket: Ticket, *, sent: bool) -> bool:
        """Takes a ticket back; False if it is back already."""
        with self._drained:
            if ticket not in self._tickets:
                return False
            del self._tickets[ticket]
            self._bytes -= ticket.cost
            if not sent and ticket.message_id is not None:
                self._outstanding.pop(ticket.message_id, None)
            if not self._tickets or self._watched:
                self._drained.notify_all()
        return True

    def leave_all(self) -> Iterator[Ticket]:
        """Takes every ticket back, unsent."""
        with self._lock:
            tickets = tuple(self._tickets)
        return (ticket for ticket in tickets if self.leave(ticket, sent=False))

    def ticket_of(self, pdu_type: int) -> Ticket | None:
        """Who queued a PDU that is no data; nobody, if it was the provider's own."""
        if pdu_type == PduType.P_DATA_TF:
            return None
        with self._lock:
            return next((ticket for ticket in self._tickets if ticket.pdu_type == pdu_type), None)

    def end(self) -> None:
        """Nothing leaves any more, and nobody need wait."""
        with self._drained:
            self._ended = True
            self._drained.notify_all()

    def wait(self, timeout: float | None, is_stuck: Callable[[], bool] | None = None) -> None:
        """Waits until the queue is empty or has ended.

        Args:
            is_stuck: says that what is queued will not leave while somebody waits here; see `look_again`.

        Raises:
            DicomTimeout: it took longer.
            StateError: it is stuck.
        """

        def over() -> bool:
            return not self._tickets or self._ended

        with self._drained:
            self._watched = self._watched or is_stuck is not None
            done = self._drained.wait_for(lambda: over() or (is_stuck is not None and is_stuck()), timeout)
            if not done:
                raise DicomTimeout("the send queue to empty", timeout or 0.0)
            if not over():
                raise StateError("what is queued leaves when answers come, and those wait for this callback to return")

    def look_again(self) -> None:
        """What a waiting one would call stuck may have changed."""
        if self._watched:
            with self._drained:
                self._drained.notify_all()

    # Message IDs of our requests.

    def next_message_id(self) -> int:
        with self._lock:
            for _ in range(0xFFFF):
                self._last_id = self._last_id % 0xFFFF + 1
                if self._last_id not in self._outstanding:
                    return self._last_id
        raise StateError("every message ID is in use")

    def remember(self, request: Request, context_id: int) -> None:
        """Takes a request's message ID, within `enter`. Raises StateError if it is taken."""
        assert request.message_id is not None
        if request.message_id in self._outstanding:
            raise StateError(f"message ID {request.message_id} is still outstanding")
        self._outstanding[request.message_id] = context_id

    def settle(self, command: Command) -> None:
        """With its final response a request of ours is done."""
        if isinstance(command, Response) and command.status.is_final:
            assert command.message_id_being_responded_to is not None
            self._outstanding.pop(command.message_id_being_responded_to, None)

    def context_of(self, message_id: int) -> int:
        """The presentation context of a request of ours that has no final response. Raises StateError."""
        context_id = self._outstanding.get(message_id)
        if context_id is None:
            raise StateError(f"no request {message_id} is outstanding")
        return context_id


def ticket_for(command: Command, command_set: bytes, data: bytes | Body | None) -> Ticket:
    """The ticket of a message, with what it counts for."""
    cost = OVERHEAD + len(command_set)
    if isinstance(data, bytes):
        cost += len(data)
    elif data is not None:
        cost += PATH_COST if data.blocking else data.length
    ticket = Ticket(PduType.P_DATA_TF, cost)
    ticket.body = None if isinstance(data, bytes) else data
    if isinstance(command, Request) and not isinstance(command, CCancelRequest):
        ticket.message_id = command.message_id
    return ticket


OVERHEAD = 1024
"""What any message counts for besides its bytes: about the objects that hold it."""

PATH_COST = 256
"""What a file counts for: about its path."""

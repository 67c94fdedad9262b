"""Operations in flight by message ID, in both directions (PS3.7 9.1.1.1.1, D.3.3.3).

Each side numbers its own requests, so the two directions are two tables: what
we invoked and wait for, and what the peer invoked and waits for.
"""

from __future__ import annotations

from dicomnet.dimse.commands import (
    CGetRequest,
    CMoveRequest,
    CStoreRequest,
    Request,
    Response,
)
from dicomnet.errors import InvalidMessage, StateError
from dicomnet.limits import Timeouts


class Invoked:
    """A request of ours that has no final response yet."""

    __slots__ = ("context_id", "deadline", "early", "message", "request", "seconds", "ticket")

    def __init__(self, request: Request, context_id: int, seconds: float | None, ticket: object) -> None:
        self.request = request
        self.context_id = context_id
        self.seconds = seconds
        self.deadline: float | None = None
        """Runs from the moment the request has left, and anew from each pending response."""
        self.ticket = ticket
        self.message: object = None
        """The outgoing message while its data are on the way."""
        self.early = False
        """Whether it was called a success before all of it could be there, which PS3.7 9.3.1.3 forbids."""


class Performing:
    """A request of the peer that has no final response yet."""

    __slots__ = ("cancelled", "context_id", "request")

    def __init__(self, request: Request, context_id: int) -> None:
        self.request = request
        self.context_id = context_id
        self.cancelled = False
        """Whether a C-CANCEL-RQ named it (PS3.7 9.3.2.3)."""


class Operations:
    """Both tables of one association."""

    __slots__ = ("_last_id", "_retrieves", "_timeouts", "invoked", "performing", "waiting")

    def __init__(self, timeouts: Timeouts) -> None:
        self._timeouts = timeouts
        self._last_id = 0
        self.invoked: dict[int, Invoked] = {}
        self._retrieves: dict[int, Invoked] = {}
        """Those of them that any message of the peer keeps alive."""
        self.waiting: set[int] = set()
        """Message IDs of requests of ours that wait for a place in the window."""
        self.performing: dict[int, Performing] = {}

    def __bool__(self) -> bool:
        return bool(self.invoked or self.performing)

    def next_message_id(self) -> int:
        """A message ID that no outstanding request of ours uses: 1 to 65535, then again from 1."""
        for _ in range(0xFFFF):
            self._last_id = self._last_id % 0xFFFF + 1
            if self._last_id not in self.invoked and self._last_id not in self.waiting:
                return self._last_id
        raise StateError("every message ID is in use")

    def check_unused(self, message_id: int | None) -> None:
        """Raises StateError if a request of ours of this message ID is outstanding, or waits to be sent."""
        if message_id in self.invoked or message_id in self.waiting:
            raise StateError(f"message ID {message_id} is still outstanding")

    def invoke(self, request: Request, context_id: int, ticket: object = None) -> Invoked:
        """Enters a request of ours.

        Raises:
            StateError: its message ID is outstanding.
        """
        assert request.message_id is not None
        self.check_unused(request.message_id)
        operation = Invoked(request, context_id, self._seconds(request), ticket)
        self.invoked[request.message_id] = operation
        if isinstance(request, CGetRequest | CMoveRequest):
            self._retrieves[request.message_id] = operation
        return operation

    def request_sent(self, operation: Invoked, now: float) -> None:
        """The request has left; from now on the peer owes the response."""
        if operation.seconds is not None:
            operation.deadline = now + operation.seconds

    def answered(self, response: Response, context_id: int, now: float) -> Invoked | None:
        """The operation of ours that a response belongs to, if any; it ends with a final one.

        Raises:
            InvalidMessage: the response is pending where PS3.7 knows none, and so would never end.
        """
        message_id = response.message_id_being_responded_to
        assert message_id is not None
        operation = self.invoked.get(message_id)
        if operation is None or operation.context_id != context_id:
            return None
        if not isinstance(response, operation.request.response_class):
            return None
        if response.status.is_pending and not response.cancelable:
            raise InvalidMessage(f"a {response.name} that is pending")
        if response.status.is_final:
            del self.invoked[message_id]
            self._retrieves.pop(message_id, None)
        elif operation.seconds is not None:
            operation.deadline = now + operation.seconds
        return operation

    def sign_of_life(self, now: float) -> None:
        """Something of a message came: while the peer stores to us, our C-GET is not forgotten (PS3.4 C.4.3)."""
        for operation in self._retrieves.values():
            if operation.deadline is not None:
                assert operation.seconds is not None
                operation.deadline = now + operation.seconds

    def postpone(self, seconds: float, now: float) -> None:
        """For so long, until now, we did not read: the peer may have answered in time."""
        for operation in self.invoked.values():
            if operation.deadline is not None:
                assert operation.seconds is not None
                began = operation.deadline - operation.seconds
                operation.deadline += min(seconds, now - began)

    def perform(self, request: Request, context_id: int) -> bool:
        """Enters a request of the peer; False if its message ID is outstanding (status 0210)."""
        assert request.message_id is not None
        if request.message_id in self.performing:
            return False
        self.performing[request.message_id] = Performing(request, context_id)
        return True

    def responded(self, response: Response) -> None:
        """We answer a request of the peer; it ends with a final response."""
        if response.status.is_final:
            assert response.message_id_being_responded_to is not None
            self.performing.pop(response.message_id_being_responded_to, None)

    def cancelled(self, message_id: int) -> None:
        """The peer cancels a request of its own; one that is unknown or over is nobody's (PS3.7 9.3.2.3)."""
        operation = self.performing.get(message_id)
        if operation is not None:
            operation.cancelled = True

    @property
    def deadline(self) -> float | None:
        """When the first response is overdue."""
        overdue = self.overdue()
        return None if overdue is None else overdue.deadline

    def overdue(self) -> Invoked | None:
        """The operation whose response is due first."""
        first, due = None, 0.0
        for operation in self.invoked.values():
            deadline = operation.deadline
            if deadline is not None and (first is None or deadline < due):
                first, due = operation, deadline
        return first

    def clear(self) -> None:
        """The association is over, and with it every operation (PS3.7 A.6)."""
        self.invoked.clear()
        self._retrieves.clear()
        self.waiting.clear()
        self.performing.clear()

    def _seconds(self, request: Request) -> float | None:
        if isinstance(request, CStoreRequest):
            return self._timeouts.store_response
        if isinstance(request, CGetRequest | CMoveRequest):
            return self._timeouts.retrieve_response
        return self._timeouts.response

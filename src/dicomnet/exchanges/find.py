"""C-FIND: one identifier out, matches in, one by one (PS3.4 C.4.1, PS3.7 9.1.2)."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from dicomnet.dimse.commands import CFindRequest
from dicomnet.dimse.status import Status
from dicomnet.exchanges.calls import end, next_reply, settle, status_error
from dicomnet.exchanges.dumps import tell_dataset
from dicomnet.exchanges.encoding import decoded, encoded
from dicomnet.exchanges.session import Operation, Reply, Session
from dicomnet.exchanges.steps import Script
from dicomnet.types import Priority
from dicomnet.ul.negotiation import Context

if TYPE_CHECKING:
    from pydicom import Dataset

    from dicomnet.exchanges.matches import Match


class Find:
    """One query. It may be left at any match: whoever uses the association next ends it with a C-CANCEL.

    If the window has room for that next operation, only a query that nobody
    refers to any more is ended, as after the ``break`` of a loop.

    Args:
        identifier: what is looked for, see `exchanges.keys`.
    """

    def __init__(
        self, session: Session, context: Context, identifier: Dataset, *, priority: int = Priority.MEDIUM
    ) -> None:
        self.session = session
        self.context = context
        self.identifier = identifier
        self.status: Status | None = None
        """The final status, once all matches were read."""
        self.count = 0
        """Matches so far."""
        self._priority = priority
        self._operation: Operation | None = None
        self._closed = False

    def __del__(self) -> None:
        # In any thread and between any two steps of the session: so nothing is sent here.
        if self._operation is not None:
            self._operation.abandoned = True

    def begin(self) -> Script[None]:
        """Sends the query.

        Raises:
            AssociationError: the association is over.
            InvalidValue: the identifier cannot be encoded.
        """
        data = yield from encoded(self.identifier, self.context.transfer_syntax)
        yield from settle(self.session)
        request = CFindRequest(affected_sop_class_uid=self.context.abstract_syntax, priority=self._priority)
        tell_dataset(self.session.id, ">", "C-FIND-RQ asks for", self.identifier)
        self._operation = self.session.send(self.context, request, data)
        self._operation.held = False

    def next(self) -> Script[Match | None]:
        """The next match, or None after the last one.

        Raises:
            StatusError: the query failed.
            StateError: an operation that followed has ended it.
            AssociationError: the association is over.
        """
        operation = self._operation
        if operation is None or self.status is not None or self._closed:
            return None
        while True:
            reply = yield from next_reply(operation)
            if reply.status.is_final:
                self.status = reply.status
                if reply.data is not None:
                    reply.data.close()
                if reply.status.is_failure:
                    raise status_error(reply.response, operation.request)
                return None
            match = yield from self._match(reply)
            if match is not None:
                self.count += 1
                return match

    def close(self) -> Script[None]:
        """Wants no more matches: cancels the query and waits for its end.

        Raises:
            DicomTimeout: the peer does not end it; the association is aborted.
        """
        operation, session = self._operation, self.session
        self._closed = True
        if operation is not None and operation in session.unfinished:
            yield from end(session, [operation])

    def _match(self, reply: Reply) -> Script[Match | None]:
        if reply.error is not None:
            raise reply.error
        if reply.data is None:  # pending without an identifier: there is no match in it
            return None
        raw = reply.data.bytes()
        reply.data.close()
        return (yield from decoded(len(raw), partial(self._decode, raw, reply.status)))

    def _decode(self, raw: bytes, status: Status) -> Match:
        from dicomnet.exchanges.matches import decode_match

        fallback = self.session.tolerance.fallback_charset
        match = decode_match(raw, self.context.transfer_syntax, status, fallback_charset=fallback)
        tell_dataset(self.session.id, "<", "C-FIND-RSP", match)
        return match

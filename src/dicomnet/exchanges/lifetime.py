"""The life of an association without I/O: how it begins, what it is agreed on, how it ends, and what the log says of it."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any, cast

from dicomnet.dimse.endpoint import Endpoint
from dicomnet.dimse.status import Status
from dicomnet.errors import (
    AssociationAborted,
    AssociationError,
    AssociationRejected,
    ConnectionLost,
    DicomTimeout,
    StateError,
    StorageError,
    TlsFailed,
    again,
)
from dicomnet.exchanges.contracts import Shell
from dicomnet.exchanges.ledger import Ledger
from dicomnet.exchanges.tolerance import Tolerance
from dicomnet.pdu import AssociateAccept, AssociateReject, AssociateRequest
from dicomnet.types import printable
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
    TimedOut,
    Tolerated,
    TransportClosed,
)
from dicomnet.ul.machine import State
from dicomnet.ul.negotiation import Terms

log = logging.getLogger("dicomnet.association")


class Lifetime:
    """One association as one side lives it; `Session` adds the messages.

    Args:
        core: the association's core.
        ledger: counts for the one line in the log.
        tolerance: what this peer may do.
    """

    # Idle associations are many, and one attribute too many would give each a dictionary of its own.
    __slots__ = (
        "_tolerated",
        "aborting",
        "accept_pdu",
        "closed_down",
        "core",
        "error",
        "ledger",
        "over",
        "rejected",
        "shell",
        "terms",
        "tolerance",
        "user",
    )

    def __init__(self, core: Endpoint, ledger: Ledger, tolerance: Tolerance) -> None:
        self.core = core
        self.ledger = ledger
        ledger.requestor = core.connection.requestor
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
        self.aborting: Exception | None = None
        """Set by another thread that has the shell abort: what the association will have ended with."""
        self.user: str | None = None
        """Who the requestor was found to be, where somebody has verified that (PS3.7 D.3.3.7)."""
        self.rejected: AssociateReject | None = None
        """How the peer's request was refused, if it was."""
        self._tolerated: set[str] = set()

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
            raise again(self.error)
        if self.over or self.terms is None:
            raise StateError("the association is over")
        return self.terms

    def associate(self, request: AssociateRequest) -> None:
        """Asks for the association; of a connection that has come to its end already `check` tells."""
        if self.over:
            return
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
        self.rejected = reject
        self.ledger.rejected(reject.result, reject.source, reject.reason)
        self.core.reject(reject, self.shell.now())
        self._end(None)
        self.shell.flush()

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

    def asked_for(self, request: AssociateRequest) -> None:
        """The peer asks for the association."""
        raise NotImplementedError

    def ended(self) -> None:
        """The association is over; told once."""
        raise NotImplementedError

    # As the user of a channel.

    def handle(self, event: Event) -> None:
        handler = _HANDLERS.get(type(event))
        if handler is not None:
            handler(self, event)

    def failed(self, error: Exception) -> None:
        self.ledger.ended("refused by TLS" if isinstance(error, TlsFailed) else "aborted here")
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

    # How.

    def _end(self, error: Exception | None) -> None:
        if self.over:
            return
        self.over = True
        self.error = error
        self.ended()
        self.shell.changed()

    def _on_requested(self, event: AssociateRequested) -> None:
        self.ledger.associating(event.request.calling_ae, event.request.called_ae)
        self.asked_for(event.request)

    def _on_accepted(self, event: AssociateAccepted) -> None:
        self.terms = event.terms
        self.accept_pdu = event.accept
        self.shell.changed()

    def _on_rejected(self, event: AssociateRejected) -> None:
        self.ledger.rejected(event.result, event.source, event.reason)
        request = self.request
        assert request is not None
        titles = {"called_ae": request.called_ae, "calling_ae": request.calling_ae}
        self._end(AssociationRejected(event.result, event.source, event.reason, **titles))

    def _on_release_requested(self, _: ReleaseRequested) -> None:
        if self.core.state not in _RELEASING:  # what came right behind it has ended the association; that is told next
            return
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
        self._end(AssociationAborted(event.source, event.reason, by_peer=event.by_peer))

    def _on_timed_out(self, event: TimedOut) -> None:
        if self.ledger.over:  # released, rejected or aborted; the peer is only slow to close
            return
        error = DicomTimeout(event.waiting_for, event.seconds)
        log.warning("%s %s: %s", self.id, self.ledger.who, str(error))  # records are kept, and errors hold frames
        self.ledger.ended(f"timed out waiting for {event.waiting_for}")
        self._end(error)

    def _on_violated(self, event: ProtocolViolated) -> None:
        log.warning("%s %s broke the protocol: %s", self.id, self.ledger.who, event.error)
        self.ledger.ended("ended for a protocol error")
        reason = event.error
        self._end(AssociationAborted(reason.source, reason.reason, by_peer=False, detail=str(reason)))

    def _on_refused(self, event: RequestRefused) -> None:
        reject = self.rejected = event.reject
        self.ledger.associating(event.request.calling_ae, event.request.called_ae)
        self.ledger.rejected(reject.result, reject.source, reject.reason)
        log.warning("%s %s is rejected: %s", self.id, self.ledger.who, event.wrong)
        self._end(None)

    def _on_transport_closed(self, event: TransportClosed) -> None:
        if self.over or self.aborting is not None:
            return
        if event.interrupted:
            error = ConnectionLost(f"the peer closed the connection in the middle of {event.interrupted}")
            log.warning("%s %s: %s", self.id, self.ledger.who, str(error))  # records are kept, and errors hold frames
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
    """A comment as it may be sent, in the default repertoire (PS3.7 Annex C); what is too long is cut when it is encoded."""
    return printable(text).encode("ascii", "replace").decode()


_RELEASING = (State.AWAITING_LOCAL_RELEASE, State.COLLISION_REQUESTOR_LOCAL, State.COLLISION_ACCEPTOR_REPLY)

_HANDLERS: dict[type[Event], Callable[[Lifetime, Any], None]] = {
    AssociateRequested: Lifetime._on_requested,
    AssociateAccepted: Lifetime._on_accepted,
    AssociateRejected: Lifetime._on_rejected,
    ReleaseRequested: Lifetime._on_release_requested,
    ReleaseConfirmed: Lifetime._on_release_confirmed,
    Aborted: Lifetime._on_aborted,
    RequestRefused: Lifetime._on_refused,
    TimedOut: Lifetime._on_timed_out,
    TransportClosed: Lifetime._on_transport_closed,
    ProtocolViolated: Lifetime._on_violated,
    Tolerated: Lifetime._on_tolerated,
}

"""The protocol machine of the DICOM upper layer, PS3.8 section 9.2, whole.

How to read it beside the standard
----------------------------------
`State` has the 13 states of Tables 9-1 to 9-5 and `Input` the 19 events, a row
each of Table 9-10, both under names of ours with the standard's label beside
them. `TABLE` is Table 9-10: a row per event, a cell per state, each cell the
action and the state that follows. The 28 actions of Tables 9-6 to 9-9 stand
between, in the standard's order and under its labels; each does what the
standard's one sentence says by calling a `Provider`, and nothing else.

What is decided where
---------------------
Only two actions choose between two states, and their cells show both: AE-6
(can the provider take this request?) and AR-8 (which side are we?). They
return the state they chose; all others leave it to the table.

A cell that the standard leaves blank is absent here. No peer can land on one:
its PDUs have a cell in every state in which a transport is up and an
association is wanted. A blank cell means that the local side asked for
something impossible, so it is a `StateError`. Callers that can lose a race
with the network (an abort for an association that has just ended) ask
`allows` first.

What is not in the table
------------------------
Time: ARTIM expiring is an input like the others; when it expires is the
connection's business. Bytes: a PDU that cannot be read, or of unknown type, is
one input, INVALID_PDU. Release in Sta7 and data in Sta8 are in the table, so
they need no words here.

Two rules: no other file changes the state, and apart from AR-8 nothing here
asks which side opened the association.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum
from typing import Any, Protocol, TypeAlias

from dicomnet.errors import AbortReason, AbortSource, ProtocolError, StateError
from dicomnet.pdu import Abort, AssociateAccept, AssociateReject, AssociateRequest, Pdu, ReleaseReply, ReleaseRequest
from dicomnet.ul.events import (
    Aborted,
    AssociateRejected,
    AssociateRequested,
    Event,
    ReleaseConfirmed,
    ReleaseRequested,
    TransportClosed,
)


class State(Enum):
    """Where an association stands (PS3.8 Tables 9-1 to 9-5)."""

    IDLE = 1
    """Sta1: no association."""
    AWAITING_REQUEST = 2
    """Sta2: the transport is open, an A-ASSOCIATE-RQ is expected; ARTIM runs."""
    AWAITING_LOCAL_ANSWER = 3
    """Sta3: the local user is to accept or reject."""
    AWAITING_TRANSPORT = 4
    """Sta4: the transport is being opened."""
    AWAITING_ANSWER = 5
    """Sta5: an A-ASSOCIATE-AC or -RJ is expected."""
    ASSOCIATED = 6
    """Sta6: data may flow."""
    AWAITING_RELEASE_REPLY = 7
    """Sta7: we asked for release, an A-RELEASE-RP is expected."""
    AWAITING_LOCAL_RELEASE = 8
    """Sta8: the peer asked for release, the local user is to answer."""
    COLLISION_REQUESTOR_LOCAL = 9
    """Sta9: both asked; we are the association-requestor, the local user is to answer."""
    COLLISION_ACCEPTOR_REPLY = 10
    """Sta10: both asked; we are the association-acceptor, an A-RELEASE-RP is expected."""
    COLLISION_REQUESTOR_REPLY = 11
    """Sta11: both asked; we are the association-requestor, an A-RELEASE-RP is expected."""
    COLLISION_ACCEPTOR_LOCAL = 12
    """Sta12: both asked; we are the association-acceptor, the local user is to answer."""
    AWAITING_CLOSE = 13
    """Sta13: it is over, the transport is to be closed; ARTIM runs."""


class Input(Enum):
    """What can happen to an association (the rows of PS3.8 Table 9-10)."""

    ASSOCIATE_REQUESTED = 1
    """Evt1: A-ASSOCIATE request primitive."""
    TRANSPORT_CONNECTED = 2
    """Evt2: transport connect confirmation."""
    ACCEPT_RECEIVED = 3
    """Evt3: A-ASSOCIATE-AC PDU."""
    REJECT_RECEIVED = 4
    """Evt4: A-ASSOCIATE-RJ PDU."""
    TRANSPORT_INDICATED = 5
    """Evt5: transport connection indication."""
    REQUEST_RECEIVED = 6
    """Evt6: A-ASSOCIATE-RQ PDU."""
    ACCEPTED = 7
    """Evt7: A-ASSOCIATE response primitive, accept."""
    REJECTED = 8
    """Evt8: A-ASSOCIATE response primitive, reject."""
    DATA_REQUESTED = 9
    """Evt9: P-DATA request primitive."""
    DATA_RECEIVED = 10
    """Evt10: P-DATA-TF PDU."""
    RELEASE_REQUESTED = 11
    """Evt11: A-RELEASE request primitive."""
    RELEASE_REQUEST_RECEIVED = 12
    """Evt12: A-RELEASE-RQ PDU."""
    RELEASE_REPLY_RECEIVED = 13
    """Evt13: A-RELEASE-RP PDU."""
    RELEASE_ANSWERED = 14
    """Evt14: A-RELEASE response primitive."""
    ABORT_REQUESTED = 15
    """Evt15: A-ABORT request primitive."""
    ABORT_RECEIVED = 16
    """Evt16: A-ABORT PDU."""
    TRANSPORT_CLOSED = 17
    """Evt17: transport connection closed indication."""
    ARTIM_EXPIRED = 18
    """Evt18: the ARTIM timer expired."""
    INVALID_PDU = 19
    """Evt19: unrecognized or invalid PDU."""


# Tables are looked up by these a dozen times per message, and Enum's own hash is Python code.
State.__hash__ = object.__hash__  # type: ignore[method-assign]
Input.__hash__ = object.__hash__  # type: ignore[method-assign]


class Provider(Protocol):
    """What the actions make happen."""

    requestor: bool

    def open_transport(self) -> None: ...
    def close_transport(self) -> None: ...
    def send(self, pdu: Pdu) -> None: ...
    def queue_data(self, item: Any) -> None: ...
    def take_data(self) -> None: ...
    def indicate(self, event: Event) -> None: ...
    def associated(self, accept: AssociateAccept, *, confirm: bool) -> None: ...
    def screen(self, request: AssociateRequest) -> AssociateReject | None: ...
    def start_artim(self) -> None: ...
    def stop_artim(self) -> None: ...


Action: TypeAlias = Callable[[Provider, Any], State | None]
Trace: TypeAlias = Callable[[Input, State, Action, State], None]


class Machine:
    """Runs the table. ``state`` is read by everybody and changed by ``handle`` alone."""

    __slots__ = ("_provider", "_trace", "state")

    def __init__(self, provider: Provider, trace: Trace | None = None) -> None:
        self.state = State.IDLE
        self._provider = provider
        self._trace = trace

    def allows(self, event: Input) -> bool:
        """Whether the table has a cell for this event now."""
        return self.state in TABLE[event]

    def handle(self, event: Input, argument: Any = None) -> Action:
        """Takes one step and returns the action taken. The argument is the PDU, error or data that came with the event.

        The state changes after the action, so an action that refuses (a PDU
        that cannot be written) leaves everything as it was.

        Raises:
            StateError: the standard leaves this cell blank.
        """
        before = self.state
        try:
            action, after = TABLE[event][before]
        except KeyError:
            raise StateError(f"{_spoken(event)} is not possible while {_spoken(before)}") from None
        chosen = action(self._provider, argument)
        if chosen is None:
            assert isinstance(after, State)
            self.state = after
        else:
            assert isinstance(after, tuple)
            assert chosen in after
            self.state = chosen
        if self._trace is not None:
            self._trace(event, before, action, self.state)
        return action


# Association establishment: PS3.8 Table 9-6.


def ae_1(provider: Provider, _: object) -> None:
    """Ask the transport to open."""
    provider.open_transport()


def ae_2(provider: Provider, request: AssociateRequest) -> None:
    """Send A-ASSOCIATE-RQ."""
    provider.send(request)


def ae_3(provider: Provider, accept: AssociateAccept) -> None:
    """Confirm the acceptance."""
    provider.associated(accept, confirm=True)


def ae_4(provider: Provider, reject: AssociateReject) -> None:
    """Confirm the rejection, close the transport."""
    provider.indicate(AssociateRejected(reject.result, reject.source, reject.reason))
    provider.close_transport()


def ae_5(provider: Provider, _: object) -> None:
    """Take the transport connection, start ARTIM."""
    provider.start_artim()


def ae_6(provider: Provider, request: AssociateRequest) -> State:
    """Stop ARTIM; indicate a request the provider can take, else reject it and start ARTIM."""
    provider.stop_artim()
    reject = provider.screen(request)
    if reject is None:
        provider.indicate(AssociateRequested(request))
        return State.AWAITING_LOCAL_ANSWER
    provider.send(reject)
    provider.start_artim()
    return State.AWAITING_CLOSE


def ae_7(provider: Provider, accept: AssociateAccept) -> None:
    """Send A-ASSOCIATE-AC."""
    provider.send(accept)
    provider.associated(accept, confirm=False)


def ae_8(provider: Provider, reject: AssociateReject) -> None:
    """Send A-ASSOCIATE-RJ, start ARTIM."""
    provider.send(reject)
    provider.start_artim()


# Data transfer: PS3.8 Table 9-7.


def dt_1(provider: Provider, item: object) -> None:
    """Send P-DATA-TF."""
    provider.queue_data(item)


def dt_2(provider: Provider, _: object) -> None:
    """Hand the data to the user."""
    provider.take_data()


# Association release: PS3.8 Table 9-8.


def ar_1(provider: Provider, _: object) -> None:
    """Send A-RELEASE-RQ."""
    provider.send(ReleaseRequest())


def ar_2(provider: Provider, _: object) -> None:
    """Indicate the peer's wish to release."""
    provider.indicate(ReleaseRequested(collision=False))


def ar_3(provider: Provider, _: object) -> None:
    """Confirm the release, close the transport."""
    provider.indicate(ReleaseConfirmed())
    provider.close_transport()


def ar_4(provider: Provider, _: object) -> None:
    """Send A-RELEASE-RP, start ARTIM."""
    provider.send(ReleaseReply())
    provider.start_artim()


def ar_5(provider: Provider, _: object) -> None:
    """Stop ARTIM: the peer closed, as expected."""
    provider.stop_artim()
    provider.indicate(TransportClosed(expected=True))


def ar_6(provider: Provider, _: object) -> None:
    """Hand data to the user that comes while our release is pending."""
    provider.take_data()


def ar_7(provider: Provider, item: object) -> None:
    """Send P-DATA-TF although the peer asked to release."""
    provider.queue_data(item)


def ar_8(provider: Provider, _: object) -> State:
    """Indicate the release collision; who answers first depends on the side we play."""
    provider.indicate(ReleaseRequested(collision=True))
    return State.COLLISION_REQUESTOR_LOCAL if provider.requestor else State.COLLISION_ACCEPTOR_REPLY


def ar_9(provider: Provider, _: object) -> None:
    """Send A-RELEASE-RP."""
    provider.send(ReleaseReply())


def ar_10(provider: Provider, _: object) -> None:
    """Confirm our release."""
    provider.indicate(ReleaseConfirmed())


# Association abort: PS3.8 Table 9-9.


def aa_1(provider: Provider, cause: object) -> None:
    """Send A-ABORT with source service-user, start or restart ARTIM.

    A local user may give an A-ABORT of its own, with its own source and reason.
    """
    provider.send(cause if isinstance(cause, Abort) else Abort(AbortSource.SERVICE_USER, AbortReason.NOT_SPECIFIED))
    provider.start_artim()


def aa_2(provider: Provider, _: object) -> None:
    """Stop ARTIM if it runs, close the transport."""
    provider.stop_artim()
    provider.close_transport()


def aa_3(provider: Provider, abort: Abort) -> None:
    """Indicate the peer's abort, close the transport."""
    provider.indicate(Aborted(abort.source, abort.reason, by_peer=True))
    provider.close_transport()


def aa_4(provider: Provider, _: object) -> None:
    """Indicate that the provider lost the connection (A-P-ABORT)."""
    provider.indicate(TransportClosed(expected=False))


def aa_5(provider: Provider, _: object) -> None:
    """Stop ARTIM: the peer closed before it asked for anything."""
    provider.stop_artim()
    provider.indicate(TransportClosed(expected=True))


def aa_6(provider: Provider, _: object) -> None:
    """Ignore the PDU."""


def aa_7(provider: Provider, cause: object) -> None:
    """Send A-ABORT again; ARTIM already runs."""
    provider.send(_abort_for(cause))


def aa_8(provider: Provider, cause: object) -> None:
    """Send A-ABORT with source service-provider, indicate it (A-P-ABORT), start ARTIM."""
    abort = _abort_for(cause)
    provider.send(abort)
    provider.indicate(Aborted(abort.source, abort.reason, by_peer=False))
    provider.start_artim()


def _abort_for(cause: object) -> Abort:
    """An error says itself how it is answered; any other cause is a good PDU in the wrong state."""
    if isinstance(cause, ProtocolError):
        return Abort(cause.source, cause.reason)
    return Abort(AbortSource.SERVICE_PROVIDER, AbortReason.UNEXPECTED_PDU)


def _spoken(member: Enum) -> str:
    return member.name.lower().replace("_", " ")


REFUSALS: frozenset[Action] = frozenset({aa_1, aa_7, aa_8})
"""The actions that answer a PDU with an A-ABORT."""

_S = State

# PS3.8 Table 9-10, a row per event. A cell the standard leaves blank is absent
# here too: landing on it is a local mistake, never the peer's fault.
TABLE: dict[Input, dict[State, tuple[Action, State | tuple[State, State]]]] = {
    # Evt1: A-ASSOCIATE request primitive
    Input.ASSOCIATE_REQUESTED: {
        _S.IDLE: (ae_1, _S.AWAITING_TRANSPORT),
    },
    # Evt2: transport connect confirmation
    Input.TRANSPORT_CONNECTED: {
        _S.AWAITING_TRANSPORT: (ae_2, _S.AWAITING_ANSWER),
    },
    # Evt3: A-ASSOCIATE-AC PDU
    Input.ACCEPT_RECEIVED: {
        _S.AWAITING_REQUEST: (aa_1, _S.AWAITING_CLOSE),
        _S.AWAITING_LOCAL_ANSWER: (aa_8, _S.AWAITING_CLOSE),
        _S.AWAITING_ANSWER: (ae_3, _S.ASSOCIATED),
        _S.ASSOCIATED: (aa_8, _S.AWAITING_CLOSE),
        _S.AWAITING_RELEASE_REPLY: (aa_8, _S.AWAITING_CLOSE),
        _S.AWAITING_LOCAL_RELEASE: (aa_8, _S.AWAITING_CLOSE),
        _S.COLLISION_REQUESTOR_LOCAL: (aa_8, _S.AWAITING_CLOSE),
        _S.COLLISION_ACCEPTOR_REPLY: (aa_8, _S.AWAITING_CLOSE),
        _S.COLLISION_REQUESTOR_REPLY: (aa_8, _S.AWAITING_CLOSE),
        _S.COLLISION_ACCEPTOR_LOCAL: (aa_8, _S.AWAITING_CLOSE),
        _S.AWAITING_CLOSE: (aa_6, _S.AWAITING_CLOSE),
    },
    # Evt4: A-ASSOCIATE-RJ PDU
    Input.REJECT_RECEIVED: {
        _S.AWAITING_REQUEST: (aa_1, _S.AWAITING_CLOSE),
        _S.AWAITING_LOCAL_ANSWER: (aa_8, _S.AWAITING_CLOSE),
        _S.AWAITING_ANSWER: (ae_4, _S.IDLE),
        _S.ASSOCIATED: (aa_8, _S.AWAITING_CLOSE),
        _S.AWAITING_RELEASE_REPLY: (aa_8, _S.AWAITING_CLOSE),
        _S.AWAITING_LOCAL_RELEASE: (aa_8, _S.AWAITING_CLOSE),
        _S.COLLISION_REQUESTOR_LOCAL: (aa_8, _S.AWAITING_CLOSE),
        _S.COLLISION_ACCEPTOR_REPLY: (aa_8, _S.AWAITING_CLOSE),
        _S.COLLISION_REQUESTOR_REPLY: (aa_8, _S.AWAITING_CLOSE),
        _S.COLLISION_ACCEPTOR_LOCAL: (aa_8, _S.AWAITING_CLOSE),
        _S.AWAITING_CLOSE: (aa_6, _S.AWAITING_CLOSE),
    },
    # Evt5: transport connection indication
    Input.TRANSPORT_INDICATED: {
        _S.IDLE: (ae_5, _S.AWAITING_REQUEST),
    },
    # Evt6: A-ASSOCIATE-RQ PDU
    Input.REQUEST_RECEIVED: {
        _S.AWAITING_REQUEST: (ae_6, (_S.AWAITING_LOCAL_ANSWER, _S.AWAITING_CLOSE)),
        _S.AWAITING_LOCAL_ANSWER: (aa_8, _S.AWAITING_CLOSE),
        _S.AWAITING_ANSWER: (aa_8, _S.AWAITING_CLOSE),
        _S.ASSOCIATED: (aa_8, _S.AWAITING_CLOSE),
        _S.AWAITING_RELEASE_REPLY: (aa_8, _S.AWAITING_CLOSE),
        _S.AWAITING_LOCAL_RELEASE: (aa_8, _S.AWAITING_CLOSE),
        _S.COLLISION_REQUESTOR_LOCAL: (aa_8, _S.AWAITING_CLOSE),
        _S.COLLISION_ACCEPTOR_REPLY: (aa_8, _S.AWAITING_CLOSE),
        _S.COLLISION_REQUESTOR_REPLY: (aa_8, _S.AWAITING_CLOSE),
        _S.COLLISION_ACCEPTOR_LOCAL: (aa_8, _S.AWAITING_CLOSE),
        _S.AWAITING_CLOSE: (aa_7, _S.AWAITING_CLOSE),
    },
    # Evt7: A-ASSOCIATE response primitive (accept)
    Input.ACCEPTED: {
        _S.AWAITING_LOCAL_ANSWER: (ae_7, _S.ASSOCIATED),
    },
    # Evt8: A-ASSOCIATE response primitive (reject)
    Input.REJECTED: {
        _S.AWAITING_LOCAL_ANSWER: (ae_8, _S.AWAITING_CLOSE),
    },
    # Evt9: P-DATA request primitive
    Input.DATA_REQUESTED: {
        _S.ASSOCIATED: (dt_1, _S.ASSOCIATED),
        _S.AWAITING_LOCAL_RELEASE: (ar_7, _S.AWAITING_LOCAL_RELEASE),
    },
    # Evt10: P-DATA-TF PDU
    Input.DATA_RECEIVED: {
        _S.AWAITING_REQUEST: (aa_1, _S.AWAITING_CLOSE),
        _S.AWAITING_LOCAL_ANSWER: (aa_8, _S.AWAITING_CLOSE),
        _S.AWAITING_ANSWER: (aa_8, _S.AWAITING_CLOSE),
        _S.ASSOCIATED: (dt_2, _S.ASSOCIATED),
        _S.AWAITING_RELEASE_REPLY: (ar_6, _S.AWAITING_RELEASE_REPLY),
        _S.AWAITING_LOCAL_RELEASE: (aa_8, _S.AWAITING_CLOSE),
        _S.COLLISION_REQUESTOR_LOCAL: (aa_8, _S.AWAITING_CLOSE),
        _S.COLLISION_ACCEPTOR_REPLY: (aa_8, _S.AWAITING_CLOSE),
        _S.COLLISION_REQUESTOR_REPLY: (aa_8, _S.AWAITING_CLOSE),
        _S.COLLISION_ACCEPTOR_LOCAL: (aa_8, _S.AWAITING_CLOSE),
        _S.AWAITING_CLOSE: (aa_6, _S.AWAITING_CLOSE),
    },
    # Evt11: A-RELEASE request primitive
    Input.RELEASE_REQUESTED: {
        _S.ASSOCIATED: (ar_1, _S.AWAITING_RELEASE_REPLY),
    },
    # Evt12: A-RELEASE-RQ PDU
    Input.RELEASE_REQUEST_RECEIVED: {
        _S.AWAITING_REQUEST: (aa_1, _S.AWAITING_CLOSE),
        _S.AWAITING_LOCAL_ANSWER: (aa_8, _S.AWAITING_CLOSE),
        _S.AWAITING_ANSWER: (aa_8, _S.AWAITING_CLOSE),
        _S.ASSOCIATED: (ar_2, _S.AWAITING_LOCAL_RELEASE),
        _S.AWAITING_RELEASE_REPLY: (ar_8, (_S.COLLISION_REQUESTOR_LOCAL, _S.COLLISION_ACCEPTOR_REPLY)),
        _S.AWAITING_LOCAL_RELEASE: (aa_8, _S.AWAITING_CLOSE),
        _S.COLLISION_REQUESTOR_LOCAL: (aa_8, _S.AWAITING_CLOSE),
        _S.COLLISION_ACCEPTOR_REPLY: (aa_8, _S.AWAITING_CLOSE),
        _S.COLLISION_REQUESTOR_REPLY: (aa_8, _S.AWAITING_CLOSE),
        _S.COLLISION_ACCEPTOR_LOCAL: (aa_8, _S.AWAITING_CLOSE),
        _S.AWAITING_CLOSE: (aa_6, _S.AWAITING_CLOSE),
    },
    # Evt13: A-RELEASE-RP PDU
    Input.RELEASE_REPLY_RECEIVED: {
        _S.AWAITING_REQUEST: (aa_1, _S.AWAITING_CLOSE),
        _S.AWAITING_LOCAL_ANSWER: (aa_8, _S.AWAITING_CLOSE),
        _S.AWAITING_ANSWER: (aa_8, _S.AWAITING_CLOSE),
        _S.ASSOCIATED: (aa_8, _S.AWAITING_CLOSE),
        _S.AWAITING_RELEASE_REPLY: (ar_3, _S.IDLE),
        _S.AWAITING_LOCAL_RELEASE: (aa_8, _S.AWAITING_CLOSE),
        _S.COLLISION_REQUESTOR_LOCAL: (aa_8, _S.AWAITING_CLOSE),
        _S.COLLISION_ACCEPTOR_REPLY: (ar_10, _S.COLLISION_ACCEPTOR_LOCAL),
        _S.COLLISION_REQUESTOR_REPLY: (ar_3, _S.IDLE),
        _S.COLLISION_ACCEPTOR_LOCAL: (aa_8, _S.AWAITING_CLOSE),
        _S.AWAITING_CLOSE: (aa_6, _S.AWAITING_CLOSE),
    },
    # Evt14: A-RELEASE response primitive
    Input.RELEASE_ANSWERED: {
        _S.AWAITING_LOCAL_RELEASE: (ar_4, _S.AWAITING_CLOSE),
        _S.COLLISION_REQUESTOR_LOCAL: (ar_9, _S.COLLISION_REQUESTOR_REPLY),
        _S.COLLISION_ACCEPTOR_LOCAL: (ar_4, _S.AWAITING_CLOSE),
    },
    # Evt15: A-ABORT request primitive
    Input.ABORT_REQUESTED: {
        _S.AWAITING_LOCAL_ANSWER: (aa_1, _S.AWAITING_CLOSE),
        # No PDU may be sent yet, so closing is all there is.
        _S.AWAITING_TRANSPORT: (aa_2, _S.IDLE),
        _S.AWAITING_ANSWER: (aa_1, _S.AWAITING_CLOSE),
        _S.ASSOCIATED: (aa_1, _S.AWAITING_CLOSE),
        _S.AWAITING_RELEASE_REPLY: (aa_1, _S.AWAITING_CLOSE),
        _S.AWAITING_LOCAL_RELEASE: (aa_1, _S.AWAITING_CLOSE),
        _S.COLLISION_REQUESTOR_LOCAL: (aa_1, _S.AWAITING_CLOSE),
        _S.COLLISION_ACCEPTOR_REPLY: (aa_1, _S.AWAITING_CLOSE),
        _S.COLLISION_REQUESTOR_REPLY: (aa_1, _S.AWAITING_CLOSE),
        _S.COLLISION_ACCEPTOR_LOCAL: (aa_1, _S.AWAITING_CLOSE),
    },
    # Evt16: A-ABORT PDU
    Input.ABORT_RECEIVED: {
        _S.AWAITING_REQUEST: (aa_2, _S.IDLE),
        _S.AWAITING_LOCAL_ANSWER: (aa_3, _S.IDLE),
        _S.AWAITING_ANSWER: (aa_3, _S.IDLE),
        _S.ASSOCIATED: (aa_3, _S.IDLE),
        _S.AWAITING_RELEASE_REPLY: (aa_3, _S.IDLE),
        _S.AWAITING_LOCAL_RELEASE: (aa_3, _S.IDLE),
        _S.COLLISION_REQUESTOR_LOCAL: (aa_3, _S.IDLE),
        _S.COLLISION_ACCEPTOR_REPLY: (aa_3, _S.IDLE),
        _S.COLLISION_REQUESTOR_REPLY: (aa_3, _S.IDLE),
        _S.COLLISION_ACCEPTOR_LOCAL: (aa_3, _S.IDLE),
        _S.AWAITING_CLOSE: (aa_2, _S.IDLE),
    },
    # Evt17: transport connection closed indication
    Input.TRANSPORT_CLOSED: {
        _S.AWAITING_REQUEST: (aa_5, _S.IDLE),
        _S.AWAITING_LOCAL_ANSWER: (aa_4, _S.IDLE),
        _S.AWAITING_TRANSPORT: (aa_4, _S.IDLE),
        _S.AWAITING_ANSWER: (aa_4, _S.IDLE),
        _S.ASSOCIATED: (aa_4, _S.IDLE),
        _S.AWAITING_RELEASE_REPLY: (aa_4, _S.IDLE),
        _S.AWAITING_LOCAL_RELEASE: (aa_4, _S.IDLE),
        _S.COLLISION_REQUESTOR_LOCAL: (aa_4, _S.IDLE),
        _S.COLLISION_ACCEPTOR_REPLY: (aa_4, _S.IDLE),
        _S.COLLISION_REQUESTOR_REPLY: (aa_4, _S.IDLE),
        _S.COLLISION_ACCEPTOR_LOCAL: (aa_4, _S.IDLE),
        _S.AWAITING_CLOSE: (ar_5, _S.IDLE),
    },
    # Evt18: ARTIM expired
    Input.ARTIM_EXPIRED: {
        _S.AWAITING_REQUEST: (aa_2, _S.IDLE),
        _S.AWAITING_CLOSE: (aa_2, _S.IDLE),
    },
    # Evt19: unrecognized or invalid PDU
    Input.INVALID_PDU: {
        _S.AWAITING_REQUEST: (aa_1, _S.AWAITING_CLOSE),
        _S.AWAITING_LOCAL_ANSWER: (aa_8, _S.AWAITING_CLOSE),
        _S.AWAITING_ANSWER: (aa_8, _S.AWAITING_CLOSE),
        _S.ASSOCIATED: (aa_8, _S.AWAITING_CLOSE),
        _S.AWAITING_RELEASE_REPLY: (aa_8, _S.AWAITING_CLOSE),
        _S.AWAITING_LOCAL_RELEASE: (aa_8, _S.AWAITING_CLOSE),
        _S.COLLISION_REQUESTOR_LOCAL: (aa_8, _S.AWAITING_CLOSE),
        _S.COLLISION_ACCEPTOR_REPLY: (aa_8, _S.AWAITING_CLOSE),
        _S.COLLISION_REQUESTOR_REPLY: (aa_8, _S.AWAITING_CLOSE),
        _S.COLLISION_ACCEPTOR_LOCAL: (aa_8, _S.AWAITING_CLOSE),
        _S.AWAITING_CLOSE: (aa_7, _S.AWAITING_CLOSE),
    },
}

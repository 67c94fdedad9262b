"""What the user of the upper layer learns: the indications and confirmations of PS3.8 section 7, and a few of ours."""

from __future__ import annotations

from dicomnet.errors import ProtocolError
from dicomnet.pdu import AssociateAccept, AssociateReject, AssociateRequest
from dicomnet.records import dataclass, field
from dicomnet.ul.negotiation import Terms


class Event:
    """Anything that ``receive`` and ``handle_deadline`` return."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class AssociateRequested(Event):
    """The peer asks for an association; answer with ``accept`` or ``reject``."""

    request: AssociateRequest


@dataclass(frozen=True, slots=True)
class AssociateAccepted(Event):
    """The peer accepted; messages may flow."""

    accept: AssociateAccept
    terms: Terms
    """What both sides now hold each other to."""


@dataclass(frozen=True, slots=True)
class AssociateRejected(Event):
    """The peer refused; the connection closes. The numbers are as they came."""

    result: int
    source: int
    reason: int


@dataclass(frozen=True, slots=True)
class ReleaseRequested(Event):
    """The peer wants to end the association in order; answer with ``answer_release``."""

    collision: bool
    """We had asked for it ourselves at the same time (PS3.8 7.2.2.7)."""


@dataclass(frozen=True, slots=True)
class ReleaseConfirmed(Event):
    """The peer agreed to our release."""


@dataclass(frozen=True, slots=True)
class Aborted(Event):
    """The association ended at once: every outstanding operation has failed (PS3.7 A.6)."""

    source: int
    reason: int
    by_peer: bool
    """False if this side's provider aborted, for what the `ProtocolViolated` before it says."""


@dataclass(frozen=True, slots=True)
class TransportClosed(Event):
    """The peer closed the transport, or it broke."""

    expected: bool
    """False when an association was lost with it."""
    interrupted: str = ""
    """What it broke off, in words; empty if that was nothing."""


@dataclass(frozen=True, slots=True)
class RequestRefused(Event):
    """The provider rejected an association request without asking the user (PS3.8 9.2, AE-6)."""

    request: AssociateRequest
    reject: AssociateReject
    wrong: str
    """What is wrong with it, in words."""


@dataclass(frozen=True, slots=True)
class TimedOut(Event):
    """A deadline passed; what follows from it (an abort, a close) comes as events of its own."""

    waiting_for: str
    seconds: float


@dataclass(frozen=True, slots=True)
class ProtocolViolated(Event):
    """The peer broke the protocol; the machine has answered as PS3.8 9.2 says. Meant for the log."""

    error: ProtocolError


@dataclass(frozen=True, slots=True)
class Tolerated(Event):
    """The peer did what the standard forbids and we let it pass; told once per association."""

    detail: str


@dataclass(frozen=True, slots=True)
class PduReceived(Event):
    """A whole PDU came; told only if somebody taps the connection, before what follows from it."""

    pdu_type: int
    data: bytes = field(repr=False)
    """A copy of the PDU with its header; the header alone above 1 MiB."""


@dataclass(slots=True)
class Sent(Event):
    """Something that was queued has left as a whole."""

    pdu_type: int
    length: int
    """Bytes on the wire, headers included."""
    ticket: object = None
    """What the sender gave to know it by."""


class Fragment(Event):
    """A run of bytes of one PDV (PS3.8 Annex E), as many as have come; not a dataclass, because it is made most often."""

    __slots__ = ("context_id", "control", "data", "ends_value")

    def __init__(self, context_id: int, control: int, data: memoryview, ends_value: bool) -> None:
        self.context_id = context_id
        self.control = control
        """The message control header: bit 0 command, bit 1 last (PS3.8 E.2)."""
        self.data = data
        """A view of what was given to ``receive``: it dies at the next call."""
        self.ends_value = ends_value
        """Whether the PDV is complete with this run."""

    def __repr__(self) -> str:
        return f"Fragment({self.context_id}, {self.control:#04x}, {len(self.data)} bytes, {self.ends_value})"

"""Everything that can go wrong, and whose fault it is.

    DicomNetError
    |-- InvalidValue            what we were given cannot be sent (also a ValueError)
    |-- StateError              what we were asked cannot be done now
    |   `-- SendQueueFull       more is queued than the limit allows
    |-- ProtocolError           the peer broke the standard; carries the A-ABORT to answer with
    |   |-- InvalidPdu          its bytes are not a PDU
    |   `-- InvalidMessage      its PDUs do not make a message
    |-- AssociationError        there is no association, or no longer
    |   |-- ConnectFailed       the transport could not be opened
    |   |   `-- ListenFailed    nor waited for
    |   |-- ConnectionLost      the transport went away
    |   |-- TlsFailed           the secure link could not be made
    |   |-- ContextRefused      there is one, but not for this SOP class
    |   |-- AssociationRejected the peer said no
    |   `-- AssociationAborted  one side ended it at once
    |-- DicomTimeout            a deadline passed (also a TimeoutError)
    |-- StatusError             an operation was answered with a failure; carries the status
    |-- PartialFailure          some of many instances failed; carries the report
    |-- NothingArrived          a retrieve was called a success, and brought nothing
    |-- StorageError            a data set could not be read or kept; carries the status to answer with
    |   `-- NotAnInstance       a file holds no SOP instance
    `-- Unsupported             asked for something this library does not do, and why

Errors keep their facts in attributes and build their text in ``__str__``.
Nothing here imports anything of ours.
"""

from __future__ import annotations

from enum import Enum, IntEnum
from typing import Any, TypeVar

ErrorT = TypeVar("ErrorT", bound=BaseException)


class RejectResult(IntEnum):
    """Whether an A-ASSOCIATE-RJ is worth a second try (PS3.8 9.3.4)."""

    PERMANENT = 1
    """Do not ask again unchanged."""
    TRANSIENT = 2
    """The same request may be accepted later."""


class RejectReason(Enum):
    """Why an association was rejected, keyed by (source, reason) (PS3.8 Table 9-21).

    The reason numbers of the three sources overlap, so neither number means
    anything without the other.
    """

    NO_REASON = (1, 1)
    APPLICATION_CONTEXT_NOT_SUPPORTED = (1, 2)
    CALLING_AE_TITLE_NOT_RECOGNIZED = (1, 3)
    CALLED_AE_TITLE_NOT_RECOGNIZED = (1, 7)
    PROVIDER_NO_REASON = (2, 1)
    PROTOCOL_VERSION_NOT_SUPPORTED = (2, 2)
    TEMPORARY_CONGESTION = (3, 1)
    LOCAL_LIMIT_EXCEEDED = (3, 2)

    @property
    def source(self) -> int:
        return self.value[0]

    @property
    def reason(self) -> int:
        return self.value[1]


class AbortSource(IntEnum):
    """Who ended the association (PS3.8 9.3.8)."""

    SERVICE_USER = 0
    """The application."""
    SERVICE_PROVIDER = 2
    """The protocol machine, because the other side broke the protocol."""


class AbortReason(IntEnum):
    """Why the provider ended the association; means nothing when a user did (PS3.8 Table 9-26)."""

    NOT_SPECIFIED = 0
    UNRECOGNIZED_PDU = 1
    UNEXPECTED_PDU = 2
    UNRECOGNIZED_PARAMETER = 4
    UNEXPECTED_PARAMETER = 5
    INVALID_PARAMETER_VALUE = 6


class DicomNetError(Exception):
    """The root of every error this library raises on purpose."""


class InvalidValue(DicomNetError, ValueError):
    """A value that the standard does not let us send."""


class Unsupported(DicomNetError, NotImplementedError):
    """A thing this library does not do; the text says why and names the way out."""


class StateError(DicomNetError, RuntimeError):
    """The request does not fit the state of the object or the association."""


class SendQueueFull(StateError):
    """More bytes are waiting to be sent than the limit allows; flush, or slow down."""

    def __init__(self, queued: int, limit: int) -> None:
        super().__init__(queued, limit)
        self.queued = queued
        self.limit = limit

    def __str__(self) -> str:
        return f"send queue is full: {self.queued} bytes wait, the limit is {self.limit}"


class ProtocolError(DicomNetError):
    """The peer broke the standard.

    ``source`` and ``reason`` are those of the A-ABORT that answers it (PS3.8
    9.3.8); ``detail`` says what was expected and what came.
    """

    def __init__(
        self,
        detail: str,
        reason: AbortReason = AbortReason.INVALID_PARAMETER_VALUE,
        source: AbortSource = AbortSource.SERVICE_PROVIDER,
    ) -> None:
        super().__init__(detail)
        self.detail = detail
        self.reason = reason
        self.source = source

    def __str__(self) -> str:
        return self.detail


class InvalidPdu(ProtocolError):
    """Bytes that are not a PDU of PS3.8 9.3: the only error of reading one."""


class InvalidMessage(ProtocolError):
    """Fragments or a command set that do not make a DIMSE message (PS3.7 6.3, PS3.8 Annex E)."""


class AssociationError(DicomNetError):
    """There is no association, or no longer."""


class ConnectFailed(AssociationError):
    """The transport connection could not be opened."""

    def __init__(self, address: str, detail: str) -> None:
        super().__init__(address, detail)
        self.address = address
        self.detail = detail

    def __str__(self) -> str:
        return f"cannot connect to {self.address}: {self.detail}"


class ListenFailed(ConnectFailed):
    """Connections cannot be waited for at this address."""

    def __str__(self) -> str:
        return f"cannot listen at {self.address}: {self.detail}"


class ConnectionLost(AssociationError):
    """The transport went away while it was still needed."""

    def __init__(self, detail: str = "the peer closed the connection") -> None:
        super().__init__(detail)
        self.detail = detail

    def __str__(self) -> str:
        return self.detail


class TlsFailed(AssociationError):
    """The secure link could not be made; ``detail`` is what TLS said of it."""

    def __init__(self, detail: str) -> None:
        super().__init__(detail)
        self.detail = detail

    def __str__(self) -> str:
        return f"no secure link: {self.detail}"


class AssociationRejected(AssociationError):
    """The peer answered the association request with an A-ASSOCIATE-RJ (PS3.8 9.3.4).

    ``result``, ``source`` and ``reason`` are the numbers as they came: peers
    send values outside the table, so they are not enumerations. ``called_ae``
    and ``calling_ae`` are the titles that were given.
    """

    def __init__(self, result: int, source: int, reason: int, *, called_ae: str = "", calling_ae: str = "") -> None:
        super().__init__(result, source, reason)
        self.result = result
        self.source = source
        self.reason = reason
        self.called_ae = called_ae
        self.calling_ae = calling_ae

    @property
    def transient(self) -> bool:
        """Whether the peer says that asking again later may help."""
        return self.result == RejectResult.TRANSIENT

    def __str__(self) -> str:
        why = describe_reject(self.source, self.reason, called_ae=self.called_ae, calling_ae=self.calling_ae)
        return f"association rejected ({self.result}/{self.source}/{self.reason}): {why}"


class AssociationAborted(AssociationError):
    """One side ended the association at once (PS3.8 9.3.8)."""

    def __init__(self, source: int, reason: int, *, by_peer: bool = True, detail: str = "") -> None:
        super().__init__(source, reason)
        self.source = source
        self.reason = reason
        self.by_peer = by_peer
        self.detail = detail

    def __str__(self) -> str:
        who = "the peer" if self.by_peer else "this side"
        text = f"association aborted by {who} ({self.source}/{self.reason}): {describe_abort(self.source, self.reason)}"
        return f"{text}: {self.detail}" if self.detail else text


class ContextRefused(AssociationError):
    """The association has no presentation context for this; ``abstract_syntax`` and ``transfer_syntax`` say for what.

    ``proposed`` tells whether the peer was asked for one and refused it.
    """

    def __init__(self, abstract_syntax: str, detail: str, *, transfer_syntax: str = "", proposed: bool = True) -> None:
        super().__init__(abstract_syntax, detail)
        self.abstract_syntax = abstract_syntax
        self.transfer_syntax = transfer_syntax
        self.proposed = proposed
        self.detail = detail

    def __str__(self) -> str:
        return self.detail


class StatusError(DicomNetError):
    """A response with a failure status, or one to be sent: a handler that raises it answers with it.

    ``status`` is the number as it came, ``meaning`` what the standard calls it for this operation, ``error_comment``
    and ``error_id`` what the peer said besides, ``response`` the whole message.
    """

    def __init__(
        self,
        status: int,
        error_comment: str | None = None,
        *,
        operation: str = "",
        meaning: str = "",
        error_id: int | None = None,
        response: Any = None,
    ) -> None:
        super().__init__(status, error_comment)
        self.status = status
        self.error_comment = error_comment
        self.operation = operation
        self.meaning = meaning
        self.error_id = error_id
        self.response = response

    def __str__(self) -> str:
        text = f"{self.operation or 'the operation'} failed with status {self.status:04X}"
        if self.meaning:
            text += f" ({self.meaning})"
        return f"{text}: {self.error_comment}" if self.error_comment else text


class PartialFailure(DicomNetError):
    """Some of many instances failed, were refused, or are missing.

    ``report`` tells about each one: what `store`, `get`, `move` or `commit` would have returned.
    """

    def __init__(self, report: Any) -> None:
        super().__init__(report)
        self.report = report

    def __str__(self) -> str:
        return str(self.report)


class NothingArrived(DicomNetError):
    """The peer called a retrieve a success, but no instance came; ``destination`` is where they were expected.

    ``connected`` tells whether anybody connected there at all.
    """

    def __init__(self, destination: str, expected: int, *, connected: bool = False) -> None:
        super().__init__(destination, expected)
        self.destination = destination
        self.expected = expected
        self.connected = connected

    def __str__(self) -> str:
        what = "something connected to" if self.connected else "nothing connected to"
        return (
            f"the peer reports {self.expected} instances as sent, but {what} {self.destination}"
            f"{' and none arrived' if self.connected else '; check the address it has for this AE title'}"
        )


class DicomTimeout(DicomNetError, TimeoutError):
    """A wait came to its deadline; ``waiting_for`` says for what, ``seconds`` for how long."""

    def __init__(self, waiting_for: str, seconds: float) -> None:
        super().__init__(waiting_for, seconds)
        self.waiting_for = waiting_for
        self.seconds = seconds

    def __str__(self) -> str:
        return f"timed out after {self.seconds:g} s waiting for {self.waiting_for}"


class StorageError(DicomNetError):
    """A data set could not be read, or not be kept.

    ``status`` is the DIMSE status that tells the peer (A700 out of resources
    unless a better one is known, PS3.4 B.2.3), ``comment`` what it may know
    besides: no paths of this machine. By default it is the detail. ``of`` is
    the path or whatever else it concerns, which stands before the detail, and is
    not in the comment. ``told`` is whether the log has said it already, for all
    instances that it concerns.
    """

    def __init__(
        self, detail: str, *, of: object = None, status: int = 0xA700, comment: str | None = None, told: bool = False
    ) -> None:
        super().__init__(detail)
        self.detail = detail if of is None else f"{of}: {detail}"
        self.told = told
        self.status = status
        self.comment = detail if comment is None else comment

    def __str__(self) -> str:
        return self.detail


class NotAnInstance(StorageError):
    """A file that holds no composite SOP instance; ``path`` and ``detail`` say which and why."""

    def __init__(self, path: str, detail: str) -> None:
        super().__init__(detail, status=0xC000)
        self.args = (path, detail)
        self.path = path

    def __str__(self) -> str:
        return f"{self.path}: not an instance: {self.detail}"


def again(error: ErrorT) -> ErrorT:
    """The same error, to be raised where one is kept.

    Were the kept one raised, it would keep the frames that it comes through, and
    these whoever keeps it: files would stay open until the collector comes by.
    """
    twin = type(error).__new__(type(error), *error.args)
    twin.args = error.args
    twin.__dict__.update(error.__dict__)
    twin.__cause__ = error.__cause__
    return twin


def describe_reject(source: int, reason: int, *, called_ae: str = "", calling_ae: str = "") -> str:
    """What the (source, reason) of an A-ASSOCIATE-RJ mean, in words an administrator can act on, with the titles if given."""
    try:
        text = _REJECT_TEXT[RejectReason((source, reason))]
        return text.format(called_ae=called_ae, calling_ae=calling_ae).replace(" ;", ";")
    except ValueError:
        return f"reason {reason} of source {source}, which the standard does not define"


def describe_abort(source: int, reason: int) -> str:
    """What the (source, reason) of an A-ABORT mean; reason counts only when the source is the provider."""
    if source == AbortSource.SERVICE_USER:
        return "by the application"
    if source != AbortSource.SERVICE_PROVIDER:
        return f"source {source}, which the standard does not define"
    try:
        return _ABORT_TEXT[AbortReason(reason)]
    except ValueError:
        return f"provider reason {reason}, which the standard does not define"


_REJECT_TEXT = {
    RejectReason.NO_REASON: "the peer gives no reason",
    RejectReason.APPLICATION_CONTEXT_NOT_SUPPORTED: "the application context is not supported",
    RejectReason.CALLING_AE_TITLE_NOT_RECOGNIZED: (
        "the peer does not know our calling AE title {calling_ae}; it must be entered there"
    ),
    RejectReason.CALLED_AE_TITLE_NOT_RECOGNIZED: (
        "the peer does not answer to the called AE title {called_ae}; check its spelling and case"
    ),
    RejectReason.PROVIDER_NO_REASON: "the peer's protocol layer gives no reason",
    RejectReason.PROTOCOL_VERSION_NOT_SUPPORTED: "the protocol version is not supported",
    RejectReason.TEMPORARY_CONGESTION: "the peer is congested; try again later",
    RejectReason.LOCAL_LIMIT_EXCEEDED: "the peer has no association to spare; try again later",
}

_ABORT_TEXT = {
    AbortReason.NOT_SPECIFIED: "the provider gives no reason",
    AbortReason.UNRECOGNIZED_PDU: "unrecognized PDU",
    AbortReason.UNEXPECTED_PDU: "unexpected PDU",
    AbortReason.UNRECOGNIZED_PARAMETER: "unrecognized PDU parameter",
    AbortReason.UNEXPECTED_PARAMETER: "unexpected PDU parameter",
    AbortReason.INVALID_PARAMETER_VALUE: "invalid PDU parameter value",
}

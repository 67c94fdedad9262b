"""How the commands say things: sizes, refusals, and what to do about an error."""

from __future__ import annotations

import socket

from dicomnet.errors import (
    AssociationAborted,
    AssociationRejected,
    ConnectFailed,
    ConnectionLost,
    DicomNetError,
    DicomTimeout,
    ProtocolError,
    RejectResult,
    TlsFailed,
    describe_abort,
    describe_reject,
)
from dicomnet.types import Address


def size(count: int) -> str:
    """A number of bytes in three digits, such as 12.3 MB."""
    for unit, bytes_in_it in (("GB", 1_000_000_000), ("MB", 1_000_000), ("kB", 1_000)):
        if count >= bytes_in_it:
            value = count / bytes_in_it
            return f"{value:.0f} {unit}" if value >= 99.95 else f"{value:.1f} {unit}"
    return f"{count} bytes"


def count_of(number: int, noun: str) -> str:
    """Such as "1 file" and "2 files"."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def refusal(result: int) -> str:
    """Why a presentation context was not accepted (PS3.8 Table 9-18)."""
    return _REFUSALS.get(result, f"result {result}, which the standard does not define")


def explain(error: DicomNetError, address: Address, calling_ae: str) -> str:
    """One line for the person at the terminal: what happened with the peer, whose doing it was, what to try."""
    if isinstance(error, ConnectFailed):
        return f"cannot connect to {error.address}: {error.detail}; {_connect_advice(error)}"
    if isinstance(error, AssociationRejected):
        return f"{address} {_rejection(error)} (called {address.aet!r} by {calling_ae!r})"
    if isinstance(error, AssociationAborted):
        return f"{address} aborted the association ({error.source}/{error.reason}): {_abortion(error)}"
    if isinstance(error, TlsFailed):
        return f"{address}: {error}; {_tls_advice(error)}"
    if isinstance(error, ProtocolError):
        return f"{address} does not keep to DICOM: {error}; is {address.port} the port of its DICOM receiver?"
    if isinstance(error, DicomTimeout):
        return f"{address}: {error}; the peer is there but does not answer: look there, or give it more with --timeout"
    if isinstance(error, ConnectionLost):
        return (
            f"{address}: {error}; it gave no reason: perhaps {address.port} is no DICOM port, "
            "or one that speaks TLS when we do not (--tls)"
        )
    return f"{address}: {error}"


def _connect_advice(error: ConnectFailed) -> str:
    cause = error.__cause__
    if isinstance(cause, ConnectionRefusedError):
        return "nobody listens there: check the port, and whether the receiver is running"
    if isinstance(cause, socket.gaierror):
        return "check the spelling of the host"
    return "check the address, and the network and firewalls on the way"


def _rejection(error: AssociationRejected) -> str:
    lasting = {RejectResult.PERMANENT: "permanently", RejectResult.TRANSIENT: "for now"}
    numbers = f"result {error.result}, source {error.source}, reason {error.reason}"
    how = f" {lasting[RejectResult(error.result)]}" if error.result in set(RejectResult) else ""
    return f"rejected the association{how} ({numbers}): {describe_reject(error.source, error.reason)}"


def _abortion(error: AssociationAborted) -> str:
    return f"{describe_abort(error.source, error.reason)}; its log may say why"


def _tls_advice(error: TlsFailed) -> str:
    text = str(error)
    if "does not speak TLS" in text or "speaks no TLS" in text:
        return "try without --tls"
    if ("certificate" in text and "verify" in text) or "issuer" in text or "self" in text:
        return "name whom to trust with --tls-ca"
    return "compare the certificates and TLS versions of both sides"


_REFUSALS = {
    1: "refused by the peer's application",
    2: "refused without a reason",
    3: "the peer does not support this kind of object (abstract syntax)",
    4: "the peer does not support this encoding (transfer syntax)",
}

"""How the commands say things: sizes, refusals, and what to do about an error."""

from __future__ import annotations

from dicomnet.errors import (
    AbortSource,
    AssociationAborted,
    AssociationRejected,
    ConnectFailed,
    ConnectionLost,
    ContextRefused,
    DicomNetError,
    DicomTimeout,
    ListenFailed,
    ProtocolError,
    RejectResult,
    StatusError,
    StorageError,
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


def count_of(number: int, noun: str, several: str | None = None) -> str:
    """Such as "1 file" and "2 files"; the second word for nouns that want another one."""
    return f"{number} {noun}" if number == 1 else f"{number} {several or noun + 's'}"


def explain(error: DicomNetError, address: Address, calling_ae: str) -> str:
    """One line for the person at the terminal: what happened with the peer, whose doing it was, what to try."""
    if isinstance(error, ListenFailed | StorageError):  # our own doing
        return str(error)
    if isinstance(error, ConnectFailed):
        return f"cannot connect to {error.address}: {error.detail}; {_connect_advice(error)}"
    if isinstance(error, AssociationRejected):
        return f"{address} {_rejection(error)} (called {address.aet!r} by {calling_ae!r})"
    if isinstance(error, ContextRefused):
        return f"{address}: {error}; it does not provide this service, or not to {calling_ae!r}"
    if isinstance(error, StatusError):
        return f"{address}: {error}; {status_advice(error.status)}"
    if isinstance(error, AssociationAborted) and not error.by_peer and error.source == AbortSource.SERVICE_PROVIDER:
        return _not_dicom(address, error.detail or describe_abort(error.source, error.reason))
    if isinstance(error, AssociationAborted) and error.by_peer:
        return f"{address} aborted the association ({error.source}/{error.reason}): {_abortion(error)}"
    if isinstance(error, TlsFailed):
        return f"{address}: {error}; {_tls_advice(error)}"
    if isinstance(error, ProtocolError):
        return _not_dicom(address, str(error))
    if isinstance(error, DicomTimeout):
        return f"{address}: {error}; the peer is there but does not answer: look there, or give it more with --timeout"
    if isinstance(error, ConnectionLost):
        return (
            f"{address}: {error}; it gave no reason: perhaps {address.port} is no DICOM port, "
            "or one that speaks TLS when we do not (--tls)"
        )
    return f"{address}: {error}"


def status_advice(status: int) -> str:
    """What to try after a failure of the peer's."""
    return _STATUS_ADVICE.get(status, "its log may say why")


def _connect_advice(error: ConnectFailed) -> str:
    import socket

    cause = error.__cause__
    if isinstance(cause, ConnectionRefusedError):
        return "nobody listens there: check the port, and whether the receiver is running"
    if isinstance(cause, socket.gaierror):
        return "check the spelling of the host"
    return "check the address, and the network and firewalls on the way"


def _not_dicom(address: Address, detail: str) -> str:
    if "speaks TLS" in detail:
        return f"{address} speaks TLS: {detail}; that is --tls here"
    return f"{address} does not keep to DICOM: {detail}; is {address.port} the port of its DICOM receiver?"


def _rejection(error: AssociationRejected) -> str:
    lasting = {RejectResult.PERMANENT: "permanently", RejectResult.TRANSIENT: "for now"}
    numbers = f"result {error.result}, source {error.source}, reason {error.reason}"
    how = f" {lasting[RejectResult(error.result)]}" if error.result in set(RejectResult) else ""
    return f"rejected the association{how} ({numbers}): {describe_reject(error.source, error.reason)}"


def _abortion(error: AssociationAborted) -> str:
    return f"{describe_abort(error.source, error.reason)}; its log may say why"


def _tls_advice(error: TlsFailed) -> str:
    text = str(error)
    return next((advice for words, advice in _TLS_ADVICE.items() if words in text), "its log may say more")


_STATUS_ADVICE = {
    0x0122: "it does not provide this service",
    0x0124: "it does not let us do this: our AE title and address must be entered there",
    0x0211: "it does not know this operation",
    0xA700: "it has no room; free some there, or try again later",
    0xA701: "it has no room to count the matches; ask for less",
    0xA702: "it could not reach the receiver, or has no room: look at the receiver, and at the address it has for it",
    0xA801: "it does not know the AE title of the receiver, which must be entered there with its address",
    0xA900: "it does not take these keys for this model; try others, or another --model",
    0xC001: "it does not take these keys for this model; try others, or another --model",
}
"""What to try, by status (PS3.4 B.2.3, C.4.1.1.4, C.4.2.1.5, C.4.3.1.4; PS3.7 C)."""

_TLS_ADVICE = {
    "not speak TLS": "try without --tls",
    "plain DICOM": "try without --tls",
    "peer_name=": "which here are --tls-name and --tls-pin",
    "ca_file": "name whom to trust with --tls-ca",
    "certificate and none was given": "give ours with --tls-cert",
    "our certificate": "give it another one with --tls-cert, or see to it there that ours is known",
    "compare": "its administrator knows what it takes",
}
"""What to try, by what stands in an error of TLS; the first that does."""

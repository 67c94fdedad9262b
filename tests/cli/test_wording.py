from __future__ import annotations

import ssl

import pytest

from dicomnet.cli.wording import count_of, explain, size, status_advice
from dicomnet.errors import (
    AssociationAborted,
    ConnectionLost,
    ContextRefused,
    DicomNetError,
    DicomTimeout,
    InvalidPdu,
    ListenFailed,
    StatusError,
    StorageError,
    TlsFailed,
)
from dicomnet.pdu.read import check_type
from dicomnet.tls.failures import handshake_failed, left, speaks_no_tls
from dicomnet.types import Address


def tls_told_in_clear() -> str:
    """What a plain association says of a TLS alert."""
    with pytest.raises(InvalidPdu) as caught:
        check_type(0x15)
    return str(caught.value)


def alert(name: str) -> TlsFailed:
    """What the peer has against us."""
    error = ssl.SSLError()
    error.reason = f"SSLV3_ALERT_{name}"
    return handshake_failed(error, "the peer")


def verdict(code: int) -> TlsFailed:
    """What we have against its certificate."""
    error = ssl.SSLCertVerificationError()
    error.verify_code, error.verify_message = code, "No."
    return handshake_failed(error, "the peer", name="pacs.example")


PEER = Address.parse("ARCHIVE@10.0.0.5:104")


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (AssociationAborted(0, 0), "aborted the association (0/0): by the application; its log may say why"),
        (AssociationAborted(2, 6, by_peer=False, detail="no PDU"), "does not keep to DICOM: no PDU; is 104 the port"),
        (InvalidPdu("no PDU"), "does not keep to DICOM: no PDU; is 104 the port"),
        (ConnectionLost(), "it gave no reason: perhaps 104 is no DICOM port"),
        (ContextRefused("1.2", "refused"), "it does not provide this service, or not to 'ME'"),
        (DicomTimeout("an answer", 3), "the peer is there but does not answer"),
        (StatusError(0x0124), "our AE title and address must be entered there"),
        (AssociationAborted(2, 1, by_peer=False, detail=tls_told_in_clear()), "that is --tls here"),
        (speaks_no_tls(b"\7\0", "the peer"), "try without --tls"),
        (left(b"", "the peer", server_side=False), "try without --tls"),
        (alert("UNEXPECTED_MESSAGE"), "try without --tls"),
        (alert("CERTIFICATE_REQUIRED"), "give ours with --tls-cert"),
        (alert("UNKNOWN_CA"), "see to it there that ours is known"),
        (alert("PROTOCOL_VERSION"), "its administrator knows what it takes"),
        (verdict(18), "name whom to trust with --tls-ca"),
        (verdict(62), "which here are --tls-name and --tls-pin"),
        (verdict(10), "its log may say more"),
        (DicomNetError("something else"), "ARCHIVE@10.0.0.5:104: something else"),
    ],
)
def test_an_error_says_what_happened_and_what_to_try(error: DicomNetError, said: str) -> None:
    """One line that begins with the peer, and ends with a way on where there is one."""
    line = explain(error, PEER, "ME")
    assert line.startswith("ARCHIVE@10.0.0.5:104")
    assert said in line
    assert "\n" not in line


@pytest.mark.parametrize(
    "error", [ListenFailed("*:104", "not allowed"), StorageError("cannot keep files in /x: no space")]
)
def test_our_own_fault_is_not_blamed_on_the_peer(error: DicomNetError) -> None:
    """A port or a disk of ours has nothing to do with the address that was called."""
    assert explain(error, PEER, "ME") == str(error)


def test_a_status_that_nobody_knows_sends_to_the_log() -> None:
    """There is always something to try."""
    assert status_advice(0xC123) == "its log may say why"
    assert "receiver" in status_advice(0xA801)


@pytest.mark.parametrize(
    ("count", "said"), [(0, "0 bytes"), (999, "999 bytes"), (1000, "1.0 kB"), (99_960_000, "100 MB"), (10**9, "1.0 GB")]
)
def test_sizes_have_three_digits(count: int, said: str) -> None:
    """As many as a person reads."""
    assert size(count) == said


def test_one_is_singular() -> None:
    """Nouns follow their numbers."""
    assert (count_of(1, "match", "matches"), count_of(2, "match", "matches")) == ("1 match", "2 matches")
    assert count_of(0, "file") == "0 files"

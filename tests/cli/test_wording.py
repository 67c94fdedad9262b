from __future__ import annotations

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
from dicomnet.types import Address

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
        (TlsFailed("the peer speaks no TLS"), "try without --tls"),
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

"""What is spoken at a port by who does not speak what it is for."""

from __future__ import annotations

import pytest
from hypothesis import given, strategies as st

from dicomnet.pdu.foreign import protocol_of


@pytest.mark.parametrize(
    ("first", "protocol"),
    [
        (bytes.fromhex("16 0301 0200 01"), "TLS"),
        (bytes.fromhex("15 0303 0002 02 28"), "TLS"),
        (b"\1\0\0\0\1\0", "DICOM without TLS"),
        (b"\7", "DICOM without TLS"),
        (b"GET / HTTP/1.1\r\n", "HTTP"),
        (b"HTTP/1.1 400 Bad Request", "HTTP"),
        (b"SSH-2.0-OpenSSH_9.2", "SSH"),
        (b"PROXY TCP4 ", "the PROXY protocol"),
        (b"\r\n\r\n\0\r\nQUIT\n\x21", "the PROXY protocol"),
        (b"\x0bMSH|^~\\&|", "HL7"),
        (b"\x08\0", "something else (it begins with 08 00)"),
        (b"\0\1\2\3\4\5\6\7\x08", "something else (it begins with 00 01 02 03 04 05 06 07)"),
    ],
)
def test_a_protocol_is_known_by_how_it_begins(first: bytes, protocol: str) -> None:
    """A few bytes are enough for those that are met at DICOM ports."""
    assert protocol_of(first) == protocol


@given(st.binary(min_size=1, max_size=40))
def test_whatever_begins_is_named_in_one_short_line(first: bytes) -> None:
    """It goes to a log."""
    assert protocol_of(first).isprintable()
    assert len(protocol_of(first)) < 60

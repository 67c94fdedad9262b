"""What is spoken by who does not speak DICOM, told by how it begins."""

from __future__ import annotations


def protocol_of(first: bytes) -> str:
    """What begins like this, as the end of "the peer speaks ...".

    Args:
        first: the first bytes, one of them at least.
    """
    if first[0] in TLS_RECORDS:
        return "TLS"
    if 1 <= first[0] <= 7:
        return "DICOM without TLS"
    for start, name in _STARTS.items():
        if first.startswith(start):
            return name
    return f"something else (it begins with {first[:8].hex(' ').upper()})"


TLS_RECORDS = (0x15, 0x16)
"""An alert and a handshake: what a TLS peer begins with (RFC 8446 5.1)."""

_HTTP = "HTTP"

_STARTS = {
    **dict.fromkeys((b"GET ", b"PUT ", b"POST ", b"HEAD ", b"OPTIONS ", b"CONNECT ", b"HTTP/", b"PRI * HTTP"), _HTTP),
    b"SSH-": "SSH",
    b"PROXY ": "the PROXY protocol",
    b"\r\n\r\n\0\r\nQUIT\n": "the PROXY protocol",
    b"\x0bMSH": "HL7",
    b"MSH|": "HL7",
}

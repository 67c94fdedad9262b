"""Certificates in DER: just enough of RFC 5280 4.1 to say whose they are."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import NamedTuple


class Facts(NamedTuple):
    serial_number: int
    issuer: str
    not_before: datetime
    not_after: datetime
    subject: str
    key_length: int | None


def facts_of(certificate: bytes) -> Facts | None:
    """What stands in a certificate; None if it cannot be read. It may be a stranger's, and unverified."""
    try:
        [(_, whole)] = elements(certificate)
        fields_ = elements(elements(whole)[0][1])
        if fields_[0][0] == 0xA0:  # the version, which version 1 leaves out
            del fields_[0]
        (_, serial), _, (_, issuer), (_, validity), (_, subject), (_, key), *_ = fields_
        not_before, not_after = (_time(tag, value) for tag, value in elements(validity))
        number = int.from_bytes(serial, signed=True)
        return Facts(number, _name(issuer), not_before, not_after, _name(subject), _key_length(key))
    except (ValueError, IndexError):
        return None


def elements(data: bytes) -> list[tuple[int, bytes]]:
    """The (tag, value) pairs that lie side by side in these bytes."""
    found = []
    at = 0
    while at < len(data):
        tag, length = data[at], data[at + 1]
        at += 2
        if length & 0x80:
            size = length & 0x7F
            length = int.from_bytes(data[at : at + size])
            at += size
        if at + length > len(data):
            raise ValueError("an element ends after its container")
        found.append((tag, data[at : at + length]))
        at += length
    return found


def _name(rdns: bytes) -> str:
    parts = []
    for _, rdn in elements(rdns):
        for _, attribute in elements(rdn):
            (_, kind), (tag, value) = elements(attribute)
            text = value.decode(_ENCODINGS.get(tag, "utf-8"), errors="replace")
            # A name is a stranger's text on its way to a log: it must not fake a field, nor steer a terminal.
            text = "".join(
                c if c.isprintable() else f"\\u{ord(c):04x}" for c in re.sub(r'([\\,+="<>;])', r"\\\1", text)
            )
            parts.append(f"{_ATTRIBUTES.get(kind, kind.hex())}={text}")
    return ", ".join(parts)


def _time(tag: int, value: bytes) -> datetime:
    text = value.decode("ascii")
    if tag == 0x17:  # UTCTime has two digits for the year; RFC 5280 4.1.2.5.1 puts the turn at 50
        text = ("19" if text >= "50" else "20") + text
    return datetime.strptime(text, "%Y%m%d%H%M%SZ").replace(tzinfo=UTC)


def _key_length(key: bytes) -> int | None:
    (_, algorithm), (_, bits) = elements(key)
    kind = elements(algorithm)[0][1]
    if kind == _RSA:
        return int.from_bytes(elements(elements(bits[1:])[0][1])[0][1]).bit_length()
    if kind == _EC:
        # A point is a byte 04 and both coordinates, or 02 or 03 and one. P-521 fills 66 bytes but for 7 bits.
        coordinate = (len(bits) - 2) * 8 // (2 if bits[1] == 4 else 1)
        return 521 if coordinate == 528 else coordinate
    return None


_ATTRIBUTES = {
    bytes.fromhex("550403"): "CN",
    bytes.fromhex("550405"): "serialNumber",
    bytes.fromhex("550406"): "C",
    bytes.fromhex("550407"): "L",
    bytes.fromhex("550408"): "ST",
    bytes.fromhex("55040a"): "O",
    bytes.fromhex("55040b"): "OU",
    bytes.fromhex("2a864886f70d010901"): "emailAddress",
    bytes.fromhex("0992268993f22c640119"): "DC",
}

_ENCODINGS = {0x14: "latin-1", 0x1C: "utf-32-be", 0x1E: "utf-16-be"}
"""T61String, UniversalString, BMPString; all others are UTF-8 or ASCII."""

_RSA = bytes.fromhex("2a864886f70d010101")
_EC = bytes.fromhex("2a8648ce3d0201")

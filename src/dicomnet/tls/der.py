"""Certificates and lists of revoked ones in DER: just enough of RFC 5280 4.1, 4.2.1 and 5.1 to say whose and for what they
are."""

from __future__ import annotations

import re
from datetime import datetime
from functools import lru_cache
from ipaddress import ip_address
from typing import NamedTuple


class Facts(NamedTuple):
    """What stands in a certificate."""

    serial_number: int
    issuer: str
    not_before: datetime
    not_after: datetime
    subject: str
    key_kind: str | None
    """RSA or EC; None is another."""
    key_length: int | None
    """In bits."""
    hash_length: int | None
    """In bits, of the hash that its issuer has signed; None is a signature neither of RSA nor of ECDSA."""
    names: tuple[str, ...]
    """The hosts and addresses that it is for: those of the subjectAltName, with the common name if no host is there."""
    is_authority: bool
    """Whether other certificates may be signed with its key (RFC 5280 4.2.1.9)."""
    purposes: tuple[str, ...]
    """What it may be used for (RFC 5280 4.2.1.12); none named is any."""


@lru_cache(maxsize=64)  # the same peers come again, and reading costs a quarter of a handshake
def facts_of(certificate: bytes) -> Facts | None:
    """What stands in a certificate; None if it cannot be read. It may be a stranger's, and unverified."""
    try:
        [(_, whole)] = elements(certificate)
        (_, body), (_, signed_by), *_ = elements(whole)
        fields_ = elements(body)
        if fields_[0][0] == 0xA0:  # the version, which version 1 leaves out
            del fields_[0]
        (_, serial), _, (_, issuer), (_, validity), (_, subject), (_, key), *rest = fields_
        not_before, not_after = (_time(tag, value) for tag, value in elements(validity))
        extensions = _extensions(dict(rest).get(0xA3))
        return Facts(
            int.from_bytes(serial, signed=True),
            _name(issuer),
            not_before,
            not_after,
            _name(subject),
            *_kind_and_length(key),
            _hash_length(signed_by),
            _names(subject, extensions.get(_SUBJECT_ALT_NAME, [])),
            any(tag == 0x01 and value != b"\0" for tag, value in extensions.get(_BASIC_CONSTRAINTS, [])),
            tuple(_PURPOSES.get(kind, kind.hex()) for _, kind in extensions.get(_EXTENDED_KEY_USAGE, [])),
        )
    except (ValueError, IndexError):
        return None


class ListFacts(NamedTuple):
    """What stands in a list of revoked certificates."""

    issuer: str
    next_update: datetime | None
    """Until when it counts; None is for ever."""


def list_facts(revoked: bytes) -> ListFacts:
    """Whose list it is, and until when.

    Raises:
        ValueError: it is none.
    """
    try:
        [(_, whole)] = elements(revoked)
        fields_ = elements(elements(whole)[0][1])
        if fields_[0][0] == 0x02:  # the version, which version 1 leaves out
            del fields_[0]
        _, (_, issuer), (tag, this_update), *rest = fields_
        _time(tag, this_update)
        tag, value = rest[0] if rest else (0, b"")
        return ListFacts(_name(issuer), _time(tag, value) if tag in _TIMES else None)
    except IndexError as error:
        raise ValueError("no list of revoked certificates") from error


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
    return ", ".join(
        f"{_ATTRIBUTES.get(kind, kind.hex())}={_harmless(re.sub(_SPECIAL, _ESCAPED, text))}"
        for kind, text in _attributes(rdns)
    )


def _attributes(rdns: bytes) -> list[tuple[bytes, str]]:
    found = []
    for _, rdn in elements(rdns):
        for _, attribute in elements(rdn):
            (_, kind), (tag, value) = elements(attribute)
            found.append((kind, value.decode(_ENCODINGS.get(tag, "utf-8"), errors="replace")))
    return found


def _extensions(block: bytes | None) -> dict[bytes, list[tuple[int, bytes]]]:
    """The elements in each of those extensions that are sequences and say something to us."""
    found = {}
    for _, extension in elements(elements(block)[0][1]) if block is not None else ():
        (_, kind), *_, (_, value) = elements(extension)
        if kind in (_SUBJECT_ALT_NAME, _BASIC_CONSTRAINTS, _EXTENDED_KEY_USAGE):
            found[kind] = elements(elements(value)[0][1])
    return found


def _names(subject: bytes, alternatives: list[tuple[int, bytes]]) -> tuple[str, ...]:
    hosts = [value.decode("latin-1") for tag, value in alternatives if tag == 0x82]
    addresses = [str(ip_address(value)) for tag, value in alternatives if tag == 0x87 and len(value) in (4, 16)]
    if not hosts:  # so do those who check names (RFC 6125 6.4.4)
        hosts = [text for kind, text in _attributes(subject) if _ATTRIBUTES.get(kind) == "CN"]
    return tuple(_harmless(name) for name in (*hosts, *addresses))


def _harmless(text: str) -> str:
    """A name is a stranger's text on its way to a log: it must not fake a field, nor steer a terminal."""
    return "".join(c if c.isprintable() else f"\\u{ord(c):04x}" for c in text)


def _time(tag: int, value: bytes) -> datetime:
    text = value.decode("ascii")
    if tag == 0x17:  # UTCTime has two digits for the year; RFC 5280 4.1.2.5.1 puts the turn at 50
        text = ("19" if text >= "50" else "20") + text
    if len(text) != 15 or not text[:-1].isdigit() or text[-1] != "Z":  # no fractions, no offsets: RFC 5280 4.1.2.5
        raise ValueError(f"{text!r} is no time")
    return datetime.fromisoformat(f"{text[:8]}T{text[8:]}")  # strptime would load the locale, some milliseconds of it


def _kind_and_length(key: bytes) -> tuple[str | None, int | None]:
    (_, algorithm), (_, bits) = elements(key)
    kind = elements(algorithm)[0][1]
    if kind in _RSA:
        return "RSA", int.from_bytes(elements(elements(bits[1:])[0][1])[0][1]).bit_length()
    if kind == _EC:
        # A point is a byte 04 and both coordinates, or 02 or 03 and one. P-521 fills 66 bytes but for 7 bits.
        coordinate = (len(bits) - 2) * 8 // (2 if bits[1] == 4 else 1)
        return "EC", 521 if coordinate == 528 else coordinate
    return None, None


def _hash_length(algorithm: bytes) -> int | None:
    (_, kind), *parameters = elements(algorithm)
    if kind == _RSA_PSS:  # RFC 4055 3.1: the hash stands in the parameters, or it is SHA-1
        given = dict(elements(parameters[0][1])) if parameters else {}
        return _HASHES.get(elements(elements(given[0xA0])[0][1])[0][1]) if 0xA0 in given else 160
    return _HASHES.get(kind)


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

_SPECIAL = r'([\\,+="<>;])'
_ESCAPED = r"\\\1"

_TIMES = {0x17, 0x18}

_SUBJECT_ALT_NAME = bytes.fromhex("551d11")
_BASIC_CONSTRAINTS = bytes.fromhex("551d13")
_EXTENDED_KEY_USAGE = bytes.fromhex("551d25")

_PURPOSES = {
    bytes.fromhex("551d2500"): "any",
    bytes.fromhex("2b06010505070301"): "TLS server",
    bytes.fromhex("2b06010505070302"): "TLS client",
    bytes.fromhex("2b06010505070303"): "code signing",
    bytes.fromhex("2b06010505070304"): "e-mail",
    bytes.fromhex("2b06010505070308"): "time stamping",
    bytes.fromhex("2b06010505070309"): "OCSP signing",
}

_RSA_PSS = bytes.fromhex("2a864886f70d01010a")
_RSA = {bytes.fromhex("2a864886f70d010101"), _RSA_PSS}
_EC = bytes.fromhex("2a8648ce3d0201")

_HASHES = {
    bytes.fromhex(oid): bits
    for bits, oids in {
        128: "2a864886f70d010104",
        160: "2a864886f70d010105 2a8648ce3d0401",
        224: "2a864886f70d01010e 2a8648ce3d040301 608648016503040204",
        256: "2a864886f70d01010b 2a8648ce3d040302 608648016503040201",
        384: "2a864886f70d01010c 2a8648ce3d040303 608648016503040202",
        512: "2a864886f70d01010d 2a8648ce3d040304 608648016503040203",
    }.items()
    for oid in oids.split()
}
"""Bits of the hash by algorithm: RSA with it, ECDSA with it, and itself (RFC 4055, RFC 5758)."""

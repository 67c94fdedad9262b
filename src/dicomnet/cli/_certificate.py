"""A certificate made on the spot, so that `dicomnet demo --tls` runs where nothing but Python is installed.

For demonstrations only. The arithmetic takes a time that depends on the key,
which somebody who measures it can use; no certificate of this making belongs
where patients' data are. Python's own `ssl` cannot make keys, and neither the
`cryptography` wheel nor the `openssl` command is there for certain.

An ECDSA key on the curve P-256 (FIPS 186-4 D.1.2.3), and an X.509 certificate
(RFC 5280) that signs itself and is its own authority: the file of the
certificate serves as `certificate` on one side and as `ca_file` on the other.
"""

from __future__ import annotations

import base64
import hashlib
import os
import secrets
import textwrap
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path


def self_signed(
    folder: str | os.PathLike[str],
    names: Sequence[str] = ("localhost", "127.0.0.1", "::1"),
    *,
    now: datetime | None = None,
) -> tuple[Path, Path]:
    """Makes a key and a certificate for these host names and addresses, valid from yesterday on for 31 days.

    Returns:
        The paths of the certificate and of the private key, new files in the folder.

    Raises:
        FileExistsError: the folder holds such files already.
    """
    private = secrets.randbelow(_N - 1) + 1
    x, y = _multiply(private, _G)
    public = b"\x04" + x.to_bytes(32) + y.to_bytes(32)
    certificate = _certificate(private, public, names, datetime.now(UTC) if now is None else now)
    return (
        _write(Path(folder, "certificate.pem"), "CERTIFICATE", certificate, mode=0o644),
        _write(Path(folder, "key.pem"), "PRIVATE KEY", _private_key(private, public), mode=0o600),
    )


def _certificate(private: int, public: bytes, names: Sequence[str], now: datetime) -> bytes:
    name = _sequence(_element(0x31, _sequence(_oid("2.5.4.3"), _element(0x0C, names[0][:64].encode()))))
    body = _sequence(
        _element(0xA0, _integer(2)),  # version 3
        _integer(secrets.randbits(127) | 1 << 126),  # RFC 5280 4.1.2.2: unique, positive, at most 20 octets
        _sequence(_oid(_ECDSA_WITH_SHA256)),
        name,
        _sequence(_time(now - timedelta(days=1)), _time(now + timedelta(days=30))),
        name,
        _sequence(_sequence(_oid(_EC_PUBLIC_KEY), _oid(_P256)), _bits(public)),
        _element(0xA3, _sequence(*_extensions(public, names))),
    )
    return _sequence(body, _sequence(_oid(_ECDSA_WITH_SHA256)), _bits(_sign(private, body)))


def _extensions(public: bytes, names: Sequence[str]) -> list[bytes]:
    """RFC 5280 4.2.1: all that a strict verifier wants to see in an authority that is a server and a client too."""
    key_usage = _element(0x03, b"\x02\x84")  # digitalSignature and keyCertSign: bits 0 and 5, two bits unused
    purposes = _sequence(_oid("1.3.6.1.5.5.7.3.1"), _oid("1.3.6.1.5.5.7.3.2"))  # serverAuth, clientAuth
    return [
        _extension("2.5.29.17", _sequence(*map(_alternative_name, names))),
        _extension("2.5.29.19", _sequence(_element(0x01, b"\xff"), _integer(0)), critical=True),  # cA, no CA under it
        _extension("2.5.29.15", key_usage, critical=True),
        _extension("2.5.29.37", purposes),
        _extension("2.5.29.14", _element(0x04, hashlib.sha256(public).digest()[:20])),  # subject key identifier
    ]


def _extension(oid: str, value: bytes, *, critical: bool = False) -> bytes:
    return _sequence(_oid(oid), _element(0x01, b"\xff") if critical else b"", _element(0x04, value))


def _alternative_name(name: str) -> bytes:
    try:
        return _element(0x87, ip_address(name).packed)
    except ValueError:
        return _element(0x82, name.encode("idna"))


def _private_key(private: int, public: bytes) -> bytes:
    """PKCS #8 (RFC 5208) around RFC 5915."""
    key = _sequence(_integer(1), _element(0x04, private.to_bytes(32)), _element(0xA1, _bits(public)))
    return _sequence(_integer(0), _sequence(_oid(_EC_PUBLIC_KEY), _oid(_P256)), _element(0x04, key))


def _write(path: Path, label: str, der: bytes, *, mode: int) -> Path:
    text = textwrap.fill(base64.b64encode(der).decode("ascii"), 64)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    with os.fdopen(descriptor, "w", encoding="ascii") as file:
        file.write(f"-----BEGIN {label}-----\n{text}\n-----END {label}-----\n")
    return path


# DER.


def _element(tag: int, value: bytes) -> bytes:
    length = len(value)
    if length < 0x80:
        return bytes([tag, length]) + value
    size = (length.bit_length() + 7) // 8
    return bytes([tag, 0x80 | size]) + length.to_bytes(size) + value


def _sequence(*elements: bytes) -> bytes:
    return _element(0x30, b"".join(elements))


def _integer(value: int) -> bytes:
    return _element(0x02, value.to_bytes(value.bit_length() // 8 + 1))


def _bits(value: bytes) -> bytes:
    return _element(0x03, b"\0" + value)


def _oid(text: str) -> bytes:
    first, second, *rest = map(int, text.split("."))
    value = bytearray()
    for number in (first * 40 + second, *rest):
        groups = [number & 0x7F]
        while number := number >> 7:
            groups.append(number & 0x7F | 0x80)
        value += bytes(reversed(groups))
    return _element(0x06, bytes(value))


def _time(when: datetime) -> bytes:
    # RFC 5280 4.1.2.5: two digits for the year until 2049, four from then on.
    if when.year < 2050:
        return _element(0x17, when.strftime("%y%m%d%H%M%SZ").encode())
    return _element(0x18, when.strftime("%Y%m%d%H%M%SZ").encode())


# ECDSA (FIPS 186-4 6.4) on y² = x³ - 3x + b over the numbers modulo p.

Point = tuple[int, int] | None
"""None is the point at infinity."""


def _sign(private: int, message: bytes) -> bytes:
    digest = int.from_bytes(hashlib.sha256(message).digest())
    while True:
        nonce = secrets.randbelow(_N - 1) + 1
        r = _multiply(nonce, _G)[0] % _N
        s = pow(nonce, -1, _N) * (digest + r * private) % _N
        if r and s:
            return _sequence(_integer(r), _integer(s))


def _multiply(factor: int, point: Point) -> tuple[int, int]:
    product: Point = None
    while factor:
        if factor & 1:
            product = _add(product, point)
        point = _add(point, point)
        factor >>= 1
    assert product is not None, "0 < factor < n"
    return product


def _add(a: Point, b: Point) -> Point:
    if a is None or b is None:
        return b if a is None else a
    (x, y), (u, v) = a, b
    if x == u and (y + v) % _P == 0:
        return None
    slope = (3 * x * x - 3) * pow(2 * y, -1, _P) if a == b else (v - y) * pow(u - x, -1, _P)
    sum_x = (slope * slope - x - u) % _P
    return sum_x, (slope * (x - sum_x) - y) % _P


_P = 2**256 - 2**224 + 2**192 + 2**96 - 1
_N = 0xFFFFFFFF_00000000_FFFFFFFF_FFFFFFFF_BCE6FAAD_A7179E84_F3B9CAC2_FC632551
"""How many points the curve has."""
_G = (
    0x6B17D1F2_E12C4247_F8BCE6E5_63A440F2_77037D81_2DEB33A0_F4A13945_D898C296,
    0x4FE342E2_FE1A7F9B_8EE7EB4A_7C0F9E16_2BCE3357_6B315ECE_CBB64068_37BF51F5,
)

_EC_PUBLIC_KEY = "1.2.840.10045.2.1"
_P256 = "1.2.840.10045.3.1.7"
_ECDSA_WITH_SHA256 = "1.2.840.10045.4.3.2"

"""Certificates, keys and authorities from files, PEM or DER; each error names the file."""

from __future__ import annotations

import binascii
import os
import re
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from dicomnet.errors import TlsFailed
from dicomnet.tls.der import elements

StrPath = str | os.PathLike[str]


def read(path: str) -> bytes:
    try:
        return Path(path).read_bytes()
    except OSError as error:
        raise TlsFailed(f"{path}: {reason(error)}") from error


def system_authorities() -> list[str]:
    """Where OpenSSL has the authorities of the system, as far as it has any."""
    paths = ssl.get_default_verify_paths()
    return [path for path in (paths.cafile, paths.capath) if path is not None]


def all_in(folder: StrPath) -> list[str]:
    """A folder and all that is in it; the folder alone if it is not to be read."""
    try:
        names = sorted(os.listdir(folder))  # noqa: PTH208 (a Path would lose the text the user gave)
    except OSError:
        names = []
    return [os.fspath(folder), *(os.path.join(folder, name) for name in names)]  # noqa: PTH118


def authority_files(file: StrPath | None, folder: StrPath | None) -> Iterator[str]:
    if file is not None:
        yield os.fspath(file)
    if folder is None:
        return
    # Not OpenSSL's capath: it finds nothing in a folder that nobody has hashed, and does not say so.
    try:
        names = sorted(os.listdir(folder))  # noqa: PTH208 (a Path would lose the text the user gave)
    except OSError as error:
        raise TlsFailed(f"{os.fspath(folder)}: {reason(error)}") from error
    found = [os.path.join(folder, name) for name in names if _CERTIFICATE_FILE.search(name)]  # noqa: PTH118
    certificates = [path for path in found if b"PRIVATE KEY-----" not in (data := read(path)) or _CERTIFICATE in data]
    if not certificates:
        raise TlsFailed(f"{os.fspath(folder)}: holds no certificates (files named .pem, .crt, .cer or .der)")
    yield from certificates


def trust(context: ssl.SSLContext, path: str) -> None:
    data = read(path)
    try:
        if b"-----BEGIN" in data:
            context.load_verify_locations(cafile=path)
        else:
            context.load_verify_locations(cadata=data)
    except (ssl.SSLError, ValueError) as error:
        raise TlsFailed(f"{path}: holds no certificate that can be read") from error


@contextmanager
def temporary(pem: str) -> Iterator[str]:
    """A file that only we can read: Python loads our own certificate and key from files and nothing else."""
    from tempfile import TemporaryDirectory  # it loads much that is needed for nothing else

    with TemporaryDirectory(prefix="dicomnet-") as folder:
        path = Path(folder, "converted.pem")
        path.touch(mode=0o600)
        path.write_text(pem)
        yield str(path)


def blocks(data: bytes, label: str) -> list[bytes]:
    """The contents in DER of all that bears a label in PEM; raises `ValueError` where one is damaged."""
    found = re.findall(rf"-----BEGIN {label}-----(.*?)-----END {label}-----".encode(), data, re.DOTALL)
    return [binascii.a2b_base64(body) for body in found]


def pem(label: str, der: bytes) -> str:
    return ssl.DER_cert_to_PEM_cert(der).replace("CERTIFICATE-----", f"{label}-----")


def kind_of_key(der: bytes, path: str) -> str:
    """The PEM label of a key in DER, told by its first two elements (RFC 5958, RFC 8017 A.1.2, RFC 5915)."""
    try:
        [(_, body)] = elements(der)
        (first, value), (second, _), *_ = elements(body)
    except (ValueError, IndexError):
        raise TlsFailed(f"{path}: holds no private key, neither in PEM nor in DER") from None
    label = _KEY_LABELS.get((first, value if first == 0x02 else b"", second))
    if label is None:
        raise TlsFailed(f"{path}: holds no private key of a kind that we know")
    return label


def what_is_wrong(error: ssl.SSLError, certificate: str, key: str, *, asked: bool) -> str:
    if error.reason in {"KEY_VALUES_MISMATCH", "KEY_TYPE_MISMATCH", "NO_CERTIFICATE_ASSIGNED"}:
        return f"{key}: the private key is not that of the certificate in {certificate}"
    if asked:  # only once the certificate is in
        return f"{key}: the password of the private key is wrong"
    if error.reason is not None:
        return f"{certificate}: {reason(error)}"
    return f"{certificate if certificate == key else f'{certificate}, {key}'}: the certificate or the key is damaged"


def reason(error: OSError) -> str:
    text = getattr(error, "reason", None) or error.strerror or str(error)
    return str(text).lower().replace("_", " ")


_CERTIFICATE = b"CERTIFICATE-----"
_CERTIFICATE_FILE = re.compile(r"\.(pem|crt|cer|der)$|^[0-9a-f]{8}\.[0-9]+$", re.IGNORECASE)

_KEY_LABELS = {
    (0x02, b"\x00", 0x30): "PRIVATE KEY",
    (0x02, b"\x01", 0x30): "PRIVATE KEY",
    (0x02, b"\x00", 0x02): "RSA PRIVATE KEY",
    (0x02, b"\x01", 0x04): "EC PRIVATE KEY",
    (0x30, b"", 0x04): "ENCRYPTED PRIVATE KEY",
}

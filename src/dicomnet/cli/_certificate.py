"""A certificate made on the spot, so that `dicomnet demo --tls` has something to show.

Made by the `cryptography` library where it is installed, else by the `openssl`
command. The certificate signs itself and is its own authority: its file serves
as `certificate` on one side and as `ca_file` on the other.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from ipaddress import IPv4Address, IPv6Address, ip_address
from pathlib import Path

from dicomnet.errors import Unsupported


def self_signed(
    folder: str | os.PathLike[str], names: Sequence[str] = ("localhost", "127.0.0.1", "::1")
) -> tuple[Path, Path]:
    """Makes a P-256 key and a certificate for these host names and addresses, valid for 90 days.

    Returns:
        The paths of the certificate and of the private key, new files in the folder.

    Raises:
        FileExistsError: the folder holds such files already.
        Unsupported: there is neither the library nor the command.
    """
    certificate, key = Path(folder, "certificate.pem"), Path(folder, "key.pem")
    for path, mode in ((certificate, 0o644), (key, 0o600)):
        os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode))
    try:
        _make_with_library(certificate, key, names)
    except ImportError:
        _make_with_command(certificate, key, names)
    return certificate, key


def _make_with_library(certificate_path: Path, key_path: Path, names: Sequence[str]) -> None:
    from cryptography import x509
    from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
    from cryptography.hazmat.primitives.hashes import SHA256
    from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

    key = generate_private_key(SECP256R1())
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, names[0])])
    now = datetime.now(UTC)
    alternatives = [
        x509.DNSName(name) if address is None else x509.IPAddress(address)
        for name in names
        for address in [_address(name)]
    ]
    certificate = (
        x509.CertificateBuilder(subject, subject, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=90))
        .add_extension(x509.SubjectAlternativeName(alternatives), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(x509.KeyUsage(True, False, False, False, False, True, False, False, False), critical=True)
        .sign(key, SHA256())
    )
    certificate_path.write_bytes(certificate.public_bytes(Encoding.PEM))
    key_path.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))


def _make_with_command(certificate: Path, key: Path, names: Sequence[str]) -> None:
    command = shutil.which("openssl")
    if command is None:
        raise Unsupported("a certificate needs the cryptography library: pip install 'dicomnet[tls]'")
    alternatives = ",".join(f"{'DNS' if _address(name) is None else 'IP'}:{name}" for name in names)
    subprocess.run(  # noqa: S603
        [
            *(command, "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"),
            *("-days", "90", "-subj", f"/CN={names[0]}", "-keyout", key, "-out", certificate),
            *("-addext", f"subjectAltName={alternatives}", "-addext", "keyUsage=critical,digitalSignature,keyCertSign"),
        ],
        check=True,
        capture_output=True,
        timeout=30,
    )


def _address(name: str) -> IPv4Address | IPv6Address | None:
    try:
        return ip_address(name)
    except ValueError:
        return None

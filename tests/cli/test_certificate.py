from __future__ import annotations

import hashlib
import ssl
import stat
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from dicomnet.cli import _certificate
from dicomnet.cli._certificate import self_signed

NOW = datetime(2026, 5, 4, 3, 2, 1, tzinfo=UTC)


def test_another_library_reads_and_verifies_what_was_made(tmp_path: Path) -> None:
    """The certificate says what was asked, is signed with the key beside it, and is its own authority."""
    certificate_file, key_file = self_signed(tmp_path, ("pacs.example", "127.0.0.1", "::1"), now=NOW)
    certificate = x509.load_pem_x509_certificate(certificate_file.read_bytes())
    key = load_pem_private_key(key_file.read_bytes(), None)
    assert isinstance(key, ec.EllipticCurvePrivateKey)
    assert isinstance(key.curve, ec.SECP256R1)
    assert certificate.public_key() == key.public_key()
    certificate.verify_directly_issued_by(certificate)
    assert isinstance(certificate.signature_hash_algorithm, hashes.SHA256)
    assert certificate.subject.rfc4514_string() == "CN=pacs.example"
    assert certificate.version == x509.Version.v3
    assert certificate.not_valid_before_utc == NOW - timedelta(days=1)
    assert certificate.not_valid_after_utc == NOW + timedelta(days=30)
    extensions = certificate.extensions
    assert list(extensions.get_extension_for_class(x509.SubjectAlternativeName).value) == [
        x509.DNSName("pacs.example"),
        x509.IPAddress(ip_address("127.0.0.1")),
        x509.IPAddress(ip_address("::1")),
    ]
    assert extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    usage = extensions.get_extension_for_class(x509.KeyUsage).value
    assert usage.digital_signature
    assert usage.key_cert_sign


def test_the_year_2050_is_written_with_four_digits(tmp_path: Path) -> None:
    """From 2050 on the validity is a GeneralizedTime, as RFC 5280 4.1.2.5 asks; both ends may differ in form."""
    now = datetime(2049, 12, 31, tzinfo=UTC)
    certificate = x509.load_pem_x509_certificate(self_signed(tmp_path, now=now)[0].read_bytes())
    assert certificate.not_valid_before_utc == datetime(2049, 12, 30, tzinfo=UTC)
    assert certificate.not_valid_after_utc == datetime(2050, 1, 30, tzinfo=UTC)


def test_no_two_are_alike(tmp_path: Path) -> None:
    """Every call draws a new key and a new serial number."""
    made = []
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        made.append(x509.load_pem_x509_certificate(self_signed(tmp_path / name)[0].read_bytes()))
    assert made[0].serial_number != made[1].serial_number
    assert made[0].public_key() != made[1].public_key()


def test_only_the_owner_reads_the_key(tmp_path: Path) -> None:
    """The key's file is readable by nobody else from the moment it exists."""
    _, key_file = self_signed(tmp_path)
    assert stat.S_IMODE(key_file.stat().st_mode) == 0o600


def test_files_that_exist_stay(tmp_path: Path) -> None:
    """A certificate that somebody put there is not overwritten."""
    (tmp_path / "certificate.pem").write_text("mine")
    with pytest.raises(FileExistsError):
        self_signed(tmp_path)
    assert (tmp_path / "certificate.pem").read_text() == "mine"


@pytest.mark.parametrize("name", ["localhost", "127.0.0.1", "::1"])
def test_the_strictest_verification_takes_it(tmp_path: Path, name: str) -> None:
    """A handshake with the certificate as its own authority succeeds for each of its names, with OpenSSL's strict rules."""
    certificate, key = self_signed(tmp_path)
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(certificate, key)
    client = ssl.create_default_context(cafile=str(certificate))
    client.verify_flags |= ssl.VERIFY_X509_STRICT
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    ends = [
        client.wrap_bio(to_client, to_server, server_hostname=name),
        server.wrap_bio(to_server, to_client, server_side=True),
    ]
    for _ in range(3):
        for end in ends:
            try:
                end.do_handshake()
            except ssl.SSLWantReadError:
                continue
    assert [end.version() for end in ends] == ["TLSv1.3", "TLSv1.3"]
    assert ends[0].getpeercert(binary_form=True) == ssl.PEM_cert_to_DER_cert(certificate.read_text())


def test_points_on_the_curve_are_those_of_nist() -> None:
    """Multiples of the base point agree with NIST's published ones, and n times the point is at infinity."""
    two = 0x7CF27B188D034F7E8A52380304B51AC3C08969E277F21B35A60B48FC47669978
    large = 0xCAFEBABEDEADBEEF
    assert _certificate._multiply(2, _certificate._G)[0] == two
    expected = ec.derive_private_key(large, ec.SECP256R1()).public_key().public_numbers()
    assert _certificate._multiply(large, _certificate._G) == (expected.x, expected.y)
    minus_one = _certificate._multiply(_certificate._N - 1, _certificate._G)
    assert _certificate._add(minus_one, _certificate._G) is None


@pytest.mark.parametrize("attempt", range(5))
def test_signatures_verify(attempt: int) -> None:
    """What is signed here verifies with another library, whatever key and nonce were drawn."""
    message = hashlib.sha256(bytes([attempt])).digest() * 3
    private = int.from_bytes(message[:32]) % _certificate._N
    public = ec.derive_private_key(private, ec.SECP256R1()).public_key()
    public.verify(_certificate._sign(private, message), message, ec.ECDSA(hashes.SHA256()))

"""The certificate of demonstrations, however it is made."""

from __future__ import annotations

import shutil
import ssl
import stat
import sys
from ipaddress import ip_address
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from dicomnet.cli import _certificate
from dicomnet.cli._certificate import self_signed
from dicomnet.errors import Unsupported


def not_installed(*_: object) -> None:
    raise ImportError("cryptography")


@pytest.fixture(params=["library", "command"])
def making(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Both ways of making one."""
    if request.param == "command":
        if shutil.which("openssl") is None:
            pytest.skip("the openssl command is not installed")
        monkeypatch.setattr(_certificate, "_make_with_library", not_installed)
    return str(request.param)


@pytest.mark.usefixtures("making")
def test_it_says_what_was_asked_and_is_signed_with_the_key_beside_it(tmp_path: Path) -> None:
    """Names, key and authority are as promised, read by another library than wrote it where that can be."""
    certificate_file, key_file = self_signed(tmp_path, ("pacs.example", "127.0.0.1", "::1"))
    certificate = x509.load_pem_x509_certificate(certificate_file.read_bytes())
    key = load_pem_private_key(key_file.read_bytes(), None)
    assert certificate.public_key() == key.public_key()
    certificate.verify_directly_issued_by(certificate)
    assert certificate.subject.rfc4514_string() == "CN=pacs.example"
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert set(names) == {
        x509.DNSName("pacs.example"),
        x509.IPAddress(ip_address("127.0.0.1")),
        x509.IPAddress(ip_address("::1")),
    }
    assert certificate.extensions.get_extension_for_class(x509.BasicConstraints).value.ca


@pytest.mark.usefixtures("making")
def test_only_the_owner_reads_the_key(tmp_path: Path) -> None:
    """The key's file is readable by nobody else."""
    _, key_file = self_signed(tmp_path)
    assert stat.S_IMODE(key_file.stat().st_mode) == 0o600


def test_files_that_exist_stay(tmp_path: Path) -> None:
    """A certificate that somebody put there is not overwritten."""
    (tmp_path / "certificate.pem").write_text("mine")
    with pytest.raises(FileExistsError):
        self_signed(tmp_path)
    assert (tmp_path / "certificate.pem").read_text() == "mine"


def test_without_library_and_command_the_way_out_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where neither is there, the error says what to install."""
    monkeypatch.setitem(sys.modules, "cryptography", None)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(Unsupported, match=r"pip install 'dicomnet\[tls\]'"):
        self_signed(tmp_path)


@pytest.mark.usefixtures("making")
@pytest.mark.parametrize("name", ["localhost", "127.0.0.1", "::1"])
def test_a_handshake_takes_it_as_its_own_authority(tmp_path: Path, name: str) -> None:
    """A requestor that trusts the certificate connects to each of its names."""
    certificate, key = self_signed(tmp_path)
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(certificate, key)
    client = ssl.create_default_context(cafile=str(certificate))
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

from __future__ import annotations

import ssl
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.serialization import Encoding

from dicomnet import tls
from dicomnet.errors import InvalidValue, TlsFailed
from dicomnet.tls import TlsConfig, VerifyMode
from tls.certificates import Site, handshake, issue, revoke

VERSIONS: list[tls.Version] = ["TLSv1.2", "TLSv1.3"]


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("encoding", [Encoding.PEM, Encoding.DER])
def test_a_revoked_certificate_makes_no_link(
    site: Site, tmp_path: Path, version: tls.Version, encoding: Encoding
) -> None:
    """On either side, in TLS 1.2 and 1.3, from a list in PEM or DER; who is not on it gets through."""
    crl = revoke(tmp_path / "crl", site.authority, [site.server, site.client], encoding=encoding)
    requestor = site.requestor(crl_file=crl, maximum_version=version)
    link = handshake(requestor, site.acceptor())
    assert isinstance(link.requestor_error, ssl.SSLCertVerificationError)
    assert link.requestor_error.verify_message == "certificate revoked"
    assert handshake(requestor, site.acceptor(certificate=site.server_rsa.file)).errors == (None, None)
    acceptor = site.acceptor(verify=VerifyMode.REQUIRED, ca_file=site.authority.file, crl_file=crl)
    refused = site.requestor(certificate=site.client.file, maximum_version=version)
    taken = site.requestor(certificate=site.server_rsa.file, maximum_version=version)
    assert "certificate revoked" in str(handshake(refused, acceptor).acceptor_error)
    assert handshake(taken, acceptor).errors == (None, None)


def test_an_issuer_without_a_list_is_not_trusted(site: Site, tmp_path: Path) -> None:
    """Where lists are asked for, no list is no permission."""
    crl = revoke(tmp_path / "crl", site.stranger)
    link = handshake(site.requestor(crl_file=crl), site.acceptor())
    assert isinstance(link.requestor_error, ssl.SSLCertVerificationError)
    assert link.requestor_error.verify_message == "unable to get certificate CRL"


def test_several_lists_count_together(site: Site, tmp_path: Path) -> None:
    """One file each, or all in one."""
    other, authority = revoke(tmp_path / "other", site.stranger), revoke(tmp_path / "authority", site.authority)
    together = tmp_path / "together"
    together.write_bytes(other.read_bytes() + authority.read_bytes())
    for crl_file in ([other, authority], together):
        assert handshake(site.requestor(crl_file=crl_file), site.acceptor()).errors == (None, None)


def test_the_issuers_are_looked_up_only_when_told(site: Site, tmp_path: Path) -> None:
    """By default the list is about the peer's own certificate; with crl_whole_chain a revoked issuer counts, too."""
    middle = issue(tmp_path, "middle", site.authority, authority=True)
    leaf = issue(tmp_path, "leaf", middle, names=site.names)
    with leaf.file.open("ab") as file:
        file.write(middle.certificate.public_bytes(Encoding.PEM))
    lists = [revoke(tmp_path / "one", middle), revoke(tmp_path / "two", site.authority, [middle])]
    acceptor = site.acceptor(certificate=leaf.file)
    assert handshake(site.requestor(crl_file=lists), acceptor).errors == (None, None)
    link = handshake(site.requestor(crl_file=lists, crl_whole_chain=True), acceptor)
    assert "certificate revoked" in str(link.requestor_error)


def test_a_certificate_in_a_file_of_lists_is_not_trusted(site: Site, tmp_path: Path) -> None:
    """What lies beside a list is no authority."""
    crl = revoke(tmp_path / "crl", site.authority)
    with crl.open("ab") as file:
        file.write(site.stranger.certificate.public_bytes(Encoding.PEM))
    link = handshake(site.requestor(crl_file=crl), site.acceptor(certificate=site.stranger.file))
    assert link.requestor_error is not None


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (None, "no such file or directory"),
        (b"nothing of the kind", "holds no list of revoked certificates that can be read"),
        (
            b"-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----\n",
            "holds no list of revoked certificates .X509 CRL",
        ),
        (b"-----BEGIN X509 CRL-----\nAAA\n-----END X509 CRL-----\n", "holds no list of revoked certificates that can"),
        (bytes.fromhex("3015301330003000170d3236303130313030303030305a"), "holds no list of revoked certificates"),
        (b"-----BEGIN X509 CRL-----\nAAAA\n-----END X509 CRL-----\n", "holds no list of revoked certificates that can"),
    ],
)
def test_a_file_without_a_list_is_named(site: Site, tmp_path: Path, content: bytes | None, complaint: str) -> None:
    """A list that is missing or damaged is an error that names its file, not a list without entries."""
    if content is not None:
        (tmp_path / "crl").write_bytes(content)
    with pytest.raises(TlsFailed, match=f"crl: {complaint}"):
        site.requestor(crl_file=tmp_path / "crl")


def test_a_list_that_has_expired_is_an_error(site: Site, tmp_path: Path) -> None:
    """Whose it is, and what to do about it, is said when the settings are used."""
    crl = revoke(tmp_path / "crl", site.authority, days=-1)
    with pytest.raises(
        TlsFailed, match=r"crl: the list of revoked certificates of CN=authority has expired on .*fetch"
    ):
        site.requestor(crl_file=crl)


@pytest.mark.parametrize("settings", [{"pin": "00" * 32}, {"verify": VerifyMode.UNSAFE_ACCEPT_ANY}])
def test_a_list_that_would_not_be_heard_is_refused(tmp_path: Path, settings: dict[str, Any]) -> None:
    """Where no authority is asked, its list says nothing."""
    with pytest.raises(InvalidValue, match="crl_file is about certificates of authorities"):
        TlsConfig(crl_file=tmp_path / "crl", **settings).requestor_context()
    with pytest.raises(InvalidValue, match="crl_file is about client certificates"):
        TlsConfig(crl_file=tmp_path / "crl", certificate=tmp_path / "own.pem").acceptor_context()
    with pytest.raises(InvalidValue, match="crl_whole_chain is given without crl_file"):
        TlsConfig(crl_whole_chain=True)

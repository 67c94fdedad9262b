from __future__ import annotations

import socket
import ssl
import threading
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.serialization import Encoding

from dicomnet import tls
from dicomnet.errors import InvalidValue
from dicomnet.tls import Profile, TlsConfig, VerifyMode, check_peer, peer_certificates, tls_facts
from dicomnet.tls.checks import Demands, fingerprint, pins_of
from tls.certificates import Issued, Site, handshake, issue

VERSIONS: list[tls.Version] = ["TLSv1.2", "TLSv1.3"]


def pin(issued: Issued) -> str:
    return fingerprint(issued.der)


# Pins.


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("certificate", ["server", "stranger", "expired"])
def test_a_pinned_certificate_is_trusted_for_itself(site: Site, certificate: str, version: tls.Version) -> None:
    """Whoever issued it, for which name and until when: its fingerprint is enough, and it counts as verified."""
    issued: Issued = getattr(site, certificate)
    requestor = TlsConfig(pin=pin(issued), maximum_version=version).requestor_context()
    link = handshake(requestor, site.acceptor(certificate=issued.file), "other.example")
    assert link.errors == (None, None)
    assert [(result.ok, result.error, result.certificate) for result in peer_certificates(link.requestor)] == [
        (True, None, issued.der)
    ]


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("settings", [{}, {"ca_file": True}], ids=["alone", "with ca_file"])
def test_another_certificate_than_the_pinned_one_ends_the_handshake(
    site: Site, version: tls.Version, settings: dict[str, Any]
) -> None:
    """Its fingerprint is in the error, so that an administrator can compare."""
    files = dict.fromkeys(settings, site.authority.file)
    requestor = TlsConfig(pin=pin(site.client), maximum_version=version, **files).requestor_context()
    link = handshake(requestor, site.acceptor())
    assert isinstance(link.requestor_error, ssl.SSLCertVerificationError)
    assert pin(site.server) in link.requestor_error.verify_message
    assert link.requestor_error.verify_code == 28  # "rejected by the application"


def test_a_socket_of_the_standard_library_is_asked_as_well(site: Site) -> None:
    """A context goes where its user takes it."""
    ours, theirs = socket.socketpair()

    def answer() -> None:
        with suppress(OSError), site.acceptor().wrap_socket(theirs, server_side=True):
            pass

    peer = threading.Thread(target=answer)
    peer.start()
    with ours, pytest.raises(ssl.SSLCertVerificationError, match="is not the pinned one"):
        TlsConfig(pin=pin(site.client)).requestor_context().wrap_socket(ours, server_hostname="pacs.example")
    peer.join()
    theirs.close()


def test_a_peer_without_a_certificate_is_not_the_pinned_one(site: Site) -> None:
    """No suite of ours lets an acceptor go without; if one did, that would be the hole. A requestor may, where he is let."""
    context = TlsConfig(pin=pin(site.server)).requestor_context()
    bare: Any = SimpleNamespace(context=context, getpeercert=lambda binary_form: None, server_side=False)
    with pytest.raises(ssl.SSLCertVerificationError, match="no certificate, and one is pinned"):
        check_peer(bare)
    bare.server_side = True
    check_peer(bare)


def test_a_pin_beside_an_authority_replaces_nothing(site: Site) -> None:
    """The pinned certificate must verify as well, its name included."""
    requestor = site.requestor(pin=pin(site.stranger))
    link = handshake(requestor, site.acceptor(certificate=site.stranger.file))
    assert "self-signed" in str(link.requestor_error)
    requestor = site.requestor(pin=pin(site.server))
    assert "Hostname mismatch" in str(handshake(requestor, site.acceptor(), "other.example").requestor_error)
    assert handshake(requestor, site.acceptor()).errors == (None, None)


def test_one_of_several_pins_is_enough(site: Site) -> None:
    """The fingerprint of the certificate that comes next can stand beside that of today's."""
    requestor = TlsConfig(pin=[pin(site.stranger), pin(site.server)]).requestor_context()
    for issued in (site.server, site.stranger):
        assert handshake(requestor, site.acceptor(certificate=issued.file)).errors == (None, None)
    assert handshake(requestor, site.acceptor(certificate=site.expired.file)).requestor_error is not None


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize(
    ("certificate", "pinned", "passes"),
    [("client", "client", True), ("client", "server", False), ("stranger", "stranger", False), (None, "client", False)],
)
def test_an_acceptor_with_a_pin_takes_who_verifies_and_is_pinned(
    site: Site, certificate: str | None, pinned: str, passes: bool, version: tls.Version
) -> None:
    """A pin makes client certificates a must, and opens the door to nobody whom the authorities do not know."""
    requestor = site.requestor(
        certificate=None if certificate is None else getattr(site, certificate).file, maximum_version=version
    )
    acceptor = site.acceptor(ca_file=site.authority.file, pin=pin(getattr(site, pinned)))
    assert (handshake(requestor, acceptor).acceptor_error is None) is passes


def test_an_acceptor_with_a_pin_may_leave_the_certificate_to_the_client(site: Site) -> None:
    """With PEER, who shows none gets in and who shows another one does not."""
    acceptor = site.acceptor(ca_file=site.authority.file, pin=pin(site.client), verify=VerifyMode.PEER)
    assert handshake(site.requestor(), acceptor).errors == (None, None)
    assert handshake(site.requestor(certificate=site.server.file), acceptor).acceptor_error is not None


@pytest.mark.parametrize("written", ["sha256:{}", "SHA256:{}", "SHA-256 Fingerprint={}", "{}", " {} "])
@pytest.mark.parametrize("colons", [True, False])
@pytest.mark.parametrize("upper", [True, False])
def test_a_pin_is_read_as_other_tools_write_it(site: Site, written: str, colons: bool, upper: bool) -> None:
    """With and without a prefix, with colons or without, in capitals or not."""
    digits = site.server.certificate.fingerprint(hashes.SHA256()).hex(*(":" if colons else ""))
    text = written.format(digits.upper() if upper else digits)
    assert pins_of(text) == pins_of([text]) == {pin(site.server)}


@pytest.mark.parametrize("text", ["", "sha256:", "sha256:00", "sha1:" + "00" * 32, "00" * 33, "0g" * 32])
def test_what_is_no_fingerprint_is_no_pin(text: str) -> None:
    """A pin that could match nothing is refused when it is given."""
    with pytest.raises(InvalidValue, match="is no SHA-256 fingerprint"):
        TlsConfig(pin=text)


@pytest.mark.parametrize(
    ("settings", "complaint"),
    [
        ({"pin": []}, "pin is empty"),
        ({"pin": "00" * 32, "verify": VerifyMode.NONE}, "VerifyMode.NONE takes anybody"),
        ({"pin": "00" * 32, "verify": VerifyMode.UNSAFE_ACCEPT_ANY}, "VerifyMode.UNSAFE_ACCEPT_ANY takes anybody"),
    ],
)
def test_pins_that_mean_nothing_are_refused(settings: dict[str, Any], complaint: str) -> None:
    """A pin and a setting that takes anybody contradict each other."""
    with pytest.raises(InvalidValue, match=complaint):
        TlsConfig(**settings)


def test_an_acceptor_with_a_pin_needs_authorities(site: Site) -> None:
    """A pin restricts those who verify, so somebody must say who does."""
    with pytest.raises(InvalidValue, match="ca_file or ca_folder must say who may issue them"):
        site.acceptor(pin=pin(site.client))


def test_a_context_of_the_users_own_demands_nothing(site: Site) -> None:
    """What we add to OpenSSL's verification belongs to our contexts."""
    own = ssl.create_default_context(cafile=str(site.authority.file))
    link = handshake(own, site.acceptor())
    assert link.errors == (None, None)
    check_peer(link.requestor)


# Keys and signatures.


@pytest.mark.parametrize(
    ("key", "signed_with", "complaint"),
    [
        (rsa.generate_private_key(65537, 2048), hashes.SHA256(), None),
        (rsa.generate_private_key(65537, 1536), hashes.SHA256(), "the RSA key of CN=one has 1536 bits, and 2048 are"),
        (ec.generate_private_key(ec.SECP256R1()), hashes.SHA384(), None),
        (ec.generate_private_key(ec.SECP224R1()), hashes.SHA256(), "the EC key of CN=one has 224 bits, and 256 are"),
        (ec.generate_private_key(ec.SECP256R1()), hashes.SHA224(), "is not signed with SHA-256 or better"),
        (rsa.generate_private_key(65537, 2048), hashes.SHA224(), "is not signed with SHA-256 or better"),
    ],
    ids=["RSA", "short RSA", "EC", "short EC", "EC with a short hash", "RSA with a short hash"],
)
def test_what_the_modified_profile_asks_of_a_certificate(
    tmp_path: Path, key: Any, signed_with: hashes.HashAlgorithm, complaint: str | None
) -> None:
    """PS3.15 B.13: RSA from 2048 bits, EC from 256, signed with SHA-256 or better."""
    demands = Demands(frozenset(), *Profile.MODIFIED_BCP195_RFC8996_9325.key_lengths, sha256=True)
    found = demands.weakness(issue(tmp_path, "one", key=key, signed_with=signed_with).der)
    assert (found is None) if complaint is None else (found is not None and complaint in found)


def test_a_key_of_another_kind_is_none_of_the_modified_profile() -> None:
    """An Ed25519 certificate is neither RSA nor EC, and what cannot be read is refused as well."""
    key = ed25519.Ed25519PrivateKey.generate()
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "one")])
    other = signed_by_itself(key, name)
    assert Demands().weakness(other) is None
    assert "neither of RSA nor of EC" in str(Demands(sha256=True).weakness(other))
    assert "cannot be read" in str(Demands(sha256=True).weakness(b"garbage"))


def signed_by_itself(key: ed25519.Ed25519PrivateKey, name: x509.Name) -> bytes:
    now = datetime.now(UTC)
    builder = x509.CertificateBuilder(name, name, key.public_key(), 1, now, now + timedelta(1))
    return builder.sign(key, None).public_bytes(Encoding.DER)


def test_a_signature_with_parameters_tells_its_hash() -> None:
    """RSA-PSS names the hash in its parameters."""
    key = rsa.generate_private_key(65537, 2048)
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "one")])
    now = datetime.now(UTC)
    builder = x509.CertificateBuilder(name, name, key.public_key(), 1, now, now + timedelta(1))
    for algorithm, fine in ((hashes.SHA384(), True), (hashes.SHA224(), False)):
        scheme = padding.PSS(padding.MGF1(algorithm), padding.PSS.DIGEST_LENGTH)
        der = builder.sign(key, algorithm, rsa_padding=scheme).public_bytes(Encoding.DER)
        assert (Demands(sha256=True).weakness(der) is None) is fine


@pytest.mark.parametrize("version", VERSIONS)
def test_a_peer_with_a_key_that_is_too_short_is_refused_in_the_handshake(
    site: Site, tmp_path: Path, version: tls.Version
) -> None:
    """The profile's least counts for the peer, too."""
    short = issue(tmp_path, "short", site.authority, names=(x509.DNSName("pacs.example"),))
    requestor = site.requestor(maximum_version=version)
    requestor.demands = replace(requestor.demands, ec=384)  # type: ignore[attr-defined]
    link = handshake(requestor, site.acceptor(certificate=short.file))
    assert "has 256 bits, and 384 are the least" in str(link.requestor_error)


# What is to be seen of a link.


def test_the_facts_of_a_link_are_in_one_place(site: Site) -> None:
    """Version, suite, and whose certificate the peer has shown, with its names and its fingerprint."""
    link = handshake(site.requestor(), site.acceptor())
    facts = tls_facts(link.requestor)
    assert (facts.version, facts.cipher and facts.cipher.name) == ("TLSv1.3", link.requestor.cipher()[0])  # type: ignore[index]
    assert facts.peer is not None
    assert facts.peer.names == ("pacs.example", "127.0.0.1")
    assert facts.peer.certificate == site.server.der
    assert tls_facts(link.acceptor).peer is None

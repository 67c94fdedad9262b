from __future__ import annotations

import ssl
import sys
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    KeySerializationEncryption,
    NoEncryption,
    PrivateFormat,
)
from cryptography.x509.oid import NameOID
from hypothesis import given, strategies as st

from dicomnet import tls
from dicomnet.errors import InvalidValue, TlsFailed
from dicomnet.tls import (
    CipherInfo,
    TlsConfig,
    VerifyMode,
    VerifyResult,
    cipher_info,
    cipher_suites_available,
    failed_verification,
    openssl_version,
    peer_certificates,
)
from dicomnet.tls.der import facts_of
from tls.certificates import Issued, Key, Site, handshake, issue

CAN_CHOOSE_TLS13 = hasattr(ssl.SSLContext, "set_ciphersuites")
THREE_OF_TLS13 = ["TLS_AES_256_GCM_SHA384", "TLS_CHACHA20_POLY1305_SHA256", "TLS_AES_128_GCM_SHA256"]


@pytest.mark.parametrize("version", ["TLSv1.2", "TLSv1.3"])
@pytest.mark.parametrize("host", ["pacs.example", "127.0.0.1"])
def test_the_right_certificate_makes_a_link(site: Site, version: tls.Version, host: str) -> None:
    """A requestor that trusts the authority links to who bears the name or the address it asked for."""
    link = handshake(site.requestor(minimum_version=version, maximum_version=version), site.acceptor(), host)
    assert link.errors == (None, None)
    assert link.requestor.version() == link.acceptor.version() == version


def test_the_newest_version_is_taken(site: Site) -> None:
    """Two sides with the defaults speak TLS 1.3, as PS3.15 B.12 prefers."""
    assert handshake(site.requestor(), site.acceptor()).requestor.version() == "TLSv1.3"


@pytest.mark.parametrize(
    ("certificate", "host", "verdict"),
    [
        pytest.param("stranger", "pacs.example", "self-signed certificate", id="unknown authority"),
        pytest.param("expired", "pacs.example", "certificate has expired", id="expired"),
        pytest.param("not_yet", "pacs.example", "certificate is not yet valid", id="not yet valid"),
        pytest.param("wrong_usage", "pacs.example", "unsuitable certificate purpose", id="wrong usage"),
        pytest.param("server", "other.example", "Hostname mismatch", id="another name"),
        pytest.param("server", "127.0.0.2", "IP address mismatch", id="another address"),
    ],
)
@pytest.mark.parametrize("version", ["TLSv1.2", "TLSv1.3"])
def test_the_wrong_certificate_makes_none(
    site: Site, certificate: str, host: str, verdict: str, version: tls.Version
) -> None:
    """With the defaults a requestor ends the handshake with who is not the one it asked for."""
    link = handshake(
        site.requestor(maximum_version=version), site.acceptor(certificate=getattr(site, certificate).file), host
    )
    assert isinstance(link.requestor_error, ssl.SSLCertVerificationError)
    assert verdict in link.requestor_error.verify_message
    result = failed_verification(link.requestor_error)
    assert (result.ok, result.certificate, result.fingerprint, result.subject) == (False, None, None, None)
    assert result.error == link.requestor_error.verify_message
    assert result.error_code == link.requestor_error.verify_code
    assert result.text == f"verification: failed ({result.error})"


def test_without_an_authority_the_systems_are_trusted(site: Site) -> None:
    """No `ca_file` means the system's authorities, not everybody."""
    link = handshake(TlsConfig().requestor_context(), site.acceptor())
    assert isinstance(link.requestor_error, ssl.SSLCertVerificationError)


def test_only_a_name_that_says_so_switches_the_name_check_off(site: Site) -> None:
    """With UNSAFE_ANY_NAME another name passes, another authority still does not."""
    requestor = site.requestor(verify=VerifyMode.UNSAFE_ANY_NAME)
    assert handshake(requestor, site.acceptor(), "other.example").errors == (None, None)
    link = handshake(requestor, site.acceptor(certificate=site.stranger.file), "other.example")
    assert isinstance(link.requestor_error, ssl.SSLCertVerificationError)


def test_peer_name_is_checked_instead_of_the_host() -> None:
    """Who connects to an address can ask for the name in the certificate; otherwise it is the host that is checked."""
    assert TlsConfig(peer_name="pacs.example").name_to_check("10.0.0.1") == "pacs.example"
    assert TlsConfig().name_to_check("10.0.0.1") == "10.0.0.1"


def test_a_certificate_can_be_trusted_for_itself(site: Site) -> None:
    """A peer's own certificate in `ca_file` is enough; its issuer need not be there."""
    assert handshake(site.requestor(ca_file=site.server.file), site.acceptor()).errors == (None, None)


@pytest.mark.parametrize(
    ("mode", "certificate", "passes"),
    [
        pytest.param(None, None, True, id="default, none sent"),
        pytest.param(None, "stranger", True, id="default, not asked for"),
        pytest.param(VerifyMode.NONE, "stranger", True, id="none, not asked for"),
        pytest.param(VerifyMode.PEER, None, True, id="peer, none sent"),
        pytest.param(VerifyMode.PEER, "client", True, id="peer, right"),
        pytest.param(VerifyMode.PEER, "stranger", False, id="peer, wrong"),
        pytest.param(VerifyMode.REQUIRED, None, False, id="required, none sent"),
        pytest.param(VerifyMode.REQUIRED, "client", True, id="required, right"),
        pytest.param(VerifyMode.REQUIRED, "stranger", False, id="required, wrong"),
        pytest.param(VerifyMode.REQUIRED, "expired", False, id="required, expired"),
        pytest.param(VerifyMode.REQUIRED, "not_yet", False, id="required, not yet valid"),
        pytest.param(VerifyMode.REQUIRED, "for_servers", False, id="required, wrong usage"),
    ],
)
@pytest.mark.parametrize("version", ["TLSv1.2", "TLSv1.3"])
def test_client_certificates(
    site: Site, mode: VerifyMode | None, certificate: str | None, passes: bool, version: tls.Version
) -> None:
    """An acceptor asks for what its mode says, and ends the handshake with who does not bring it."""
    requestor = site.requestor(
        certificate=None if certificate is None else getattr(site, certificate).file, maximum_version=version
    )
    link = handshake(requestor, site.acceptor(verify=mode, ca_file=site.authority.file))
    assert (link.acceptor_error is None) is passes
    asked = passes and mode in {VerifyMode.PEER, VerifyMode.REQUIRED} and certificate is not None
    received = [(result.ok, result.certificate) for result in peer_certificates(link.acceptor)]
    assert received[:1] == ([(True, site.client.der)] if asked else [])


def test_what_is_unsafe_is_named_unsafe(site: Site) -> None:
    """Only UNSAFE_ACCEPT_ANY links to anybody, and what it finds does not say that it was verified."""
    link = handshake(
        TlsConfig(verify=VerifyMode.UNSAFE_ACCEPT_ANY).requestor_context(),
        site.acceptor(certificate=site.expired.file),
        "other.example",
    )
    assert link.errors == (None, None)
    result = peer_certificates(link.requestor)[0]
    assert (result.ok, result.depth, result.certificate) == (False, 0, site.expired.der)
    assert result.error == "not verified"
    assert result.subject == "CN=expired"


def test_the_options_of_a_link(site: Site) -> None:
    """No renegotiation and no compression (RFC 9325 3.3, 3.5), and the acceptor chooses among the suites of both."""
    for context in (site.requestor(), site.acceptor()):
        for option in (ssl.OP_NO_RENEGOTIATION, ssl.OP_NO_COMPRESSION, ssl.OP_CIPHER_SERVER_PREFERENCE):
            assert option in context.options


# Settings that are refused.


@pytest.mark.parametrize("version", ["SSLv3", "TLSv1", "TLSv1.0", "TLSv1.1"])
@pytest.mark.parametrize("setting", ["minimum_version", "maximum_version"])
def test_withdrawn_versions_are_refused(setting: str, version: str) -> None:
    """Who asks for a version below 1.2 learns why it is not to be had."""
    with pytest.raises(InvalidValue, match=f"^{version} is withdrawn .RFC 8996. and PS3.15 B.12 forbids it"):
        TlsConfig(**{setting: version})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("settings", "complaint"),
    [
        ({"minimum_version": "1.2"}, "'1.2' is no version of TLS"),
        (
            {"minimum_version": "TLSv1.3", "maximum_version": "TLSv1.2"},
            "minimum_version TLSv1.3 is above maximum_version TLSv1.2",
        ),
        ({"verify": "peer"}, "verify is 'peer', not a VerifyMode"),
        ({"certificate_format": "P12"}, "certificate_format is 'P12', neither PEM nor DER"),
        ({"private_key": "key.pem"}, "private_key is given without its certificate"),
        ({"certificate": "c.der", "certificate_format": "DER"}, "private_key must be given"),
        ({"cipher_suites": []}, "cipher_suites holds 0 names, not 1 to 16"),
        ({"cipher_suites": ["ECDHE-RSA-AES128-GCM-SHA256"] * 17}, "cipher_suites holds 17 names, not 1 to 16"),
        ({"cipher_suites": "ECDHE-RSA-AES128-GCM-SHA256"}, "give a list of names"),
        ({"cipher_suites": ["AES-1"]}, "has no cipher suite 'AES-1'"),
        ({"cipher_suites": ["ALL:@SECLEVEL=0"]}, "has no cipher suite 'ALL:@SECLEVEL=0'"),
        ({"cipher_suites": ["NULL-SHA256"]}, "NULL-SHA256 does not encrypt or does not authenticate"),
        ({"cipher_suites": ["ADH-AES128-SHA256"]}, "ADH-AES128-SHA256 does not encrypt or does not authenticate"),
        ({"cipher_suites": ["PSK-AES128-GCM-SHA256"]}, "does not work with certificates"),
    ],
)
def test_settings_that_make_no_sense_are_refused(settings: dict[str, Any], complaint: str) -> None:
    """A setting that contradicts another or the standard fails when it is made, and says which."""
    with pytest.raises(InvalidValue, match=complaint.replace("(", r"\(")):
        TlsConfig(**settings)


def test_a_requestor_that_trusts_anybody_is_refused() -> None:
    """VerifyMode.NONE is for acceptors; to a requestor it would be a hole, and the error names the unsafe way by name."""
    with pytest.raises(InvalidValue, match="UNSAFE_ACCEPT_ANY"):
        TlsConfig(verify=VerifyMode.NONE).requestor_context()


@pytest.mark.parametrize(
    ("settings", "complaint"),
    [
        ({"certificate": None}, "an acceptor needs a certificate"),
        ({"verify": VerifyMode.UNSAFE_ACCEPT_ANY}, "cannot ask for a client certificate and take any"),
        ({"verify": VerifyMode.UNSAFE_ANY_NAME}, "cannot ask for a client certificate and take any"),
        ({"cipher_suites": ["DHE-RSA-AES128-GCM-SHA256"]}, "add a suite with ECDHE"),
        ({"verify": VerifyMode.PEER}, "ca_file or ca_folder must say who may issue them"),
        ({"verify": VerifyMode.REQUIRED}, "ca_file or ca_folder must say who may issue them"),
    ],
)
def test_an_acceptor_that_cannot_keep_its_word_is_refused(site: Site, settings: dict[str, Any], complaint: str) -> None:
    """An acceptor needs a certificate, a suite it can use, and authorities if it is to verify those of others."""
    with pytest.raises(InvalidValue, match=complaint):
        site.acceptor(**settings)


def test_the_password_stays_out_of_the_representation() -> None:
    """A TlsConfig may be logged."""
    assert "secret" not in repr(TlsConfig(certificate="c.pem", private_key_password="secret"))


# A context of the user's own.


def test_a_context_is_used_as_it_is() -> None:
    """The very context comes back, for the roles it can play."""
    both = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    assert TlsConfig(ssl_context=both, peer_name="pacs.example").requestor_context() is both
    acceptor = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    assert TlsConfig(ssl_context=acceptor).acceptor_context() is acceptor


def test_a_context_of_the_other_role_is_refused() -> None:
    """A context that was made for one side fails here, not in the first handshake."""
    with pytest.raises(InvalidValue, match="PROTOCOL_TLS_CLIENT, which is not for the acceptor"):
        TlsConfig(ssl_context=ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)).acceptor_context()
    with pytest.raises(InvalidValue, match="PROTOCOL_TLS_SERVER, which is not for the requestor"):
        TlsConfig(ssl_context=ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)).requestor_context()


def test_settings_beside_a_context_are_refused() -> None:
    """What would not be heard is not taken."""
    with pytest.raises(InvalidValue, match="so verify, minimum_version would not be heard"):
        TlsConfig(
            ssl_context=ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT),
            verify=VerifyMode.REQUIRED,
            peer_name="pacs",
            minimum_version="TLSv1.3",
        )


# Suites.


def test_the_default_suites_are_those_of_the_standard(site: Site) -> None:
    """TLS 1.2 offers ECDHE with AES-GCM or ChaCha20 and nothing else, on both sides."""
    for context in (site.requestor(), site.acceptor()):
        names = [each["name"] for each in context.get_ciphers() if each["protocol"] != "TLSv1.3"]
        assert names == [
            "ECDHE-ECDSA-AES256-GCM-SHA384",
            "ECDHE-RSA-AES256-GCM-SHA384",
            "ECDHE-ECDSA-CHACHA20-POLY1305",
            "ECDHE-RSA-CHACHA20-POLY1305",
            "ECDHE-ECDSA-AES128-GCM-SHA256",
            "ECDHE-RSA-AES128-GCM-SHA256",
        ]


def test_a_list_of_suites_is_kept_and_in_its_order(site: Site) -> None:
    """Only suites on the list are used, the acceptor's first choice first; without one of TLS 1.3 the link is 1.2."""
    requestor = site.requestor(cipher_suites=["ECDHE-ECDSA-AES256-GCM-SHA384", "ECDHE-ECDSA-AES128-GCM-SHA256"])
    acceptor = site.acceptor(
        cipher_suites=[
            "ECDHE-ECDSA-CHACHA20-POLY1305",
            "ECDHE-ECDSA-AES128-GCM-SHA256",
            "ECDHE-ECDSA-AES256-GCM-SHA384",
        ]
    )
    link = handshake(requestor, acceptor)
    assert link.requestor.version() == "TLSv1.2"
    assert link.requestor.cipher() == ("ECDHE-ECDSA-AES128-GCM-SHA256", "TLSv1.2", 128)


def test_sides_without_a_common_suite_make_no_link(site: Site) -> None:
    """A list is a limit: what is not on it is not fallen back to."""
    link = handshake(
        site.requestor(cipher_suites=["ECDHE-ECDSA-AES256-GCM-SHA384"]),
        site.acceptor(cipher_suites=["ECDHE-ECDSA-AES128-GCM-SHA256"]),
    )
    assert None not in link.errors


def test_suites_of_tls_13_alone_make_it_the_least(site: Site) -> None:
    """A list of nothing but TLS 1.3's suites does not leave TLS 1.2 open with suites that nobody named."""
    context = site.requestor(cipher_suites=THREE_OF_TLS13)
    assert context.minimum_version == ssl.TLSVersion.TLSv1_3
    assert handshake(context, site.acceptor(maximum_version="TLSv1.2")).requestor_error is not None
    assert handshake(context, site.acceptor()).errors == (None, None)


def test_suites_of_both_versions_leave_both_open(site: Site) -> None:
    """A list of both kinds narrows TLS 1.2 and allows TLS 1.3."""
    context = site.requestor(cipher_suites=[*THREE_OF_TLS13, "ECDHE-ECDSA-AES128-GCM-SHA256"])
    assert handshake(context, site.acceptor()).requestor.version() == "TLSv1.3"
    link = handshake(context, site.acceptor(maximum_version="TLSv1.2"))
    assert link.requestor.cipher() == ("ECDHE-ECDSA-AES128-GCM-SHA256", "TLSv1.2", 128)


@pytest.mark.skipif(CAN_CHOOSE_TLS13, reason="this Python can choose among the suites of TLS 1.3")
def test_a_choice_that_cannot_be_kept_is_refused(site: Site) -> None:
    """Where Python offers all suites of TLS 1.3 or none, a list of one of them is no list."""
    with pytest.raises(InvalidValue, match="must hold none of them or all of TLS_AES_256_GCM_SHA384, TLS_CHACHA20"):
        site.requestor(cipher_suites=THREE_OF_TLS13[:1])


@pytest.mark.skipif(not CAN_CHOOSE_TLS13, reason="this Python cannot choose among the suites of TLS 1.3")
def test_a_choice_of_tls_13_is_kept(site: Site) -> None:
    """Where Python can choose among the suites of TLS 1.3, one of them can be the only one."""
    link = handshake(site.requestor(cipher_suites=THREE_OF_TLS13[2:]), site.acceptor())
    assert link.requestor.cipher() == ("TLS_AES_128_GCM_SHA256", "TLSv1.3", 128)


@pytest.mark.parametrize(
    ("suites", "settings"),
    [
        (["ECDHE-ECDSA-AES128-GCM-SHA256"], {"minimum_version": "TLSv1.3"}),
        (THREE_OF_TLS13, {"maximum_version": "TLSv1.2"}),
    ],
)
def test_suites_without_a_version_are_refused(site: Site, suites: list[str], settings: dict[str, Any]) -> None:
    """A list whose suites the versions rule out would make a side that can link to nobody."""
    with pytest.raises(InvalidValue, match="cipher_suites holds no suite of it"):
        site.requestor(cipher_suites=suites, **settings)


def test_the_suites_of_the_modified_profile_are_available() -> None:
    """What PS3.15 B.13 lists under OpenSSL's names can be asked for; what neither encrypts nor authenticates cannot."""
    available = cipher_suites_available()
    assert {"ECDHE-ECDSA-AES256-CCM", "ECDHE-ECDSA-CHACHA20-POLY1305", "DHE-RSA-AES128-GCM-SHA256"} <= set(available)
    assert {*THREE_OF_TLS13} <= set(available)
    assert not [name for name in available if any(bad in name for bad in ("NULL", "ADH", "AECDH", "PSK", "SRP", "DES"))]


@pytest.mark.parametrize(
    "info",
    [
        CipherInfo("TLS_AES_128_GCM_SHA256", "TLSv1.3", 128, "AESGCM", "any", "any", "AEAD", 128),
        CipherInfo("ECDHE-RSA-AES256-GCM-SHA384", "TLSv1.2", 256, "AESGCM", "RSA", "ECDH", "AEAD", 256),
        CipherInfo("ECDHE-ECDSA-CHACHA20-POLY1305", "TLSv1.2", 256, "CHACHA20/POLY1305", "ECDSA", "ECDH", "AEAD", 256),
        CipherInfo("DHE-RSA-AES256-SHA256", "TLSv1.2", 256, "AES", "RSA", "DH", "SHA256", 256),
        CipherInfo("AES128-SHA", "SSLv3", 128, "AES", "RSA", "RSA", "SHA1", 128),
    ],
    ids=lambda info: info.name,
)
def test_the_facts_about_a_suite(info: CipherInfo) -> None:
    """A suite's name leads to its parts."""
    assert CipherInfo.of(info.name) == info


def test_a_suite_that_does_not_exist_has_no_facts() -> None:
    """A misspelt name is an error that repeats it."""
    with pytest.raises(InvalidValue, match="has no cipher suite 'AES-129'"):
        CipherInfo.of("AES-129")


def test_the_facts_about_a_link(site: Site) -> None:
    """A link knows its suite and version, and how long the key in the peer's certificate is."""
    requestor = site.requestor(certificate=site.client.file, cipher_suites=["ECDHE-RSA-AES128-GCM-SHA256"])
    acceptor = site.acceptor(certificate=site.server_rsa.file, verify=VerifyMode.REQUIRED, ca_file=site.authority.file)
    link = handshake(requestor, acceptor)
    expected = CipherInfo("ECDHE-RSA-AES128-GCM-SHA256", "TLSv1.2", 128, "AESGCM", "RSA", "ECDH", "AEAD", 128, 2048)
    assert cipher_info(link.requestor) == expected
    assert cipher_info(link.acceptor) == replace(expected, mutual_authentication_key_length=256)


def test_a_peer_without_a_certificate_has_no_key_length(site: Site) -> None:
    """An acceptor that asked for no certificate knows no key."""
    info = cipher_info(handshake(site.requestor(), site.acceptor()).acceptor)
    assert info is not None
    assert (info.protocol, info.mutual_authentication_key_length) == ("TLSv1.3", None)


def test_before_the_handshake_there_is_no_suite(site: Site) -> None:
    """What has not been settled is None, and who the peer is, is not known."""
    untouched = site.requestor().wrap_bio(ssl.MemoryBIO(), ssl.MemoryBIO(), server_hostname="pacs.example")
    assert cipher_info(untouched) is None
    assert peer_certificates(untouched) == []


# Certificates as they are shown.


def test_a_peers_certificate_tells_whose_it_is(site: Site) -> None:
    """Subject, issuer, validity, serial number and fingerprint are those that another library reads."""
    [result, *_] = peer_certificates(handshake(site.requestor(), site.acceptor()).requestor)
    certificate = site.server.certificate
    fingerprint = certificate.fingerprint(hashes.SHA256()).hex(":").upper()
    seconds = "%Y-%m-%d %H:%M:%S"
    assert (result.ok, result.depth, result.error, result.error_code) == (True, 0, None, None)
    assert result.certificate == site.server.der
    assert result.subject == "CN=server, O=St. Mary\\, Radiology"
    assert result.issuer == "CN=authority"
    assert result.not_before == certificate.not_valid_before_utc
    assert result.not_after == certificate.not_valid_after_utc
    assert result.serial_number == 0x0123456789ABCDEF
    assert result.fingerprint == fingerprint
    assert result.text.splitlines() == [
        "verification: passed",
        "subject: CN=server, O=St. Mary\\, Radiology",
        "names: pacs.example, 127.0.0.1",
        "issuer: CN=authority",
        f"valid: {certificate.not_valid_before_utc:{seconds}} to {certificate.not_valid_after_utc:{seconds}} UTC",
        "serial number: 123456789ABCDEF",
        "authority: no",
        "purposes: any",
        f"SHA-256 fingerprint: {fingerprint}",
    ]


def test_a_peer_that_sent_no_certificate_has_none(site: Site) -> None:
    """The list is empty where nothing was sent."""
    assert peer_certificates(handshake(site.requestor(), site.acceptor()).acceptor) == []


@pytest.mark.skipif(sys.version_info < (3, 13), reason="Python hands out the chain from 3.13 on")
def test_the_chain_follows_the_peers_own(site: Site) -> None:
    """From Python 3.13 on the issuer comes after the peer's own certificate, one deeper."""
    results = peer_certificates(handshake(site.requestor(), site.acceptor()).requestor)
    assert [(result.depth, result.subject, result.ok) for result in results] == [
        (0, "CN=server, O=St. Mary\\, Radiology", True),
        (1, "CN=authority", True),
    ]


@pytest.mark.parametrize(("mode", "verified"), [(ssl.CERT_REQUIRED, True), (ssl.CERT_NONE, False)])
def test_the_chain_is_the_one_that_was_verified(site: Site, mode: ssl.VerifyMode, verified: bool) -> None:
    """Of the two chains that Python 3.13 hands out, what the peer sent counts only where nothing was verified."""

    class Python313:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)

        def version(self) -> str:
            return "TLSv1.3"

        def getpeercert(self, binary_form: bool) -> bytes:
            return site.server.der

        def get_verified_chain(self) -> list[bytes]:
            return [site.server.der, site.authority.der]

        def get_unverified_chain(self) -> list[bytes]:
            return [site.server.der, site.stranger.der]

    link = Python313()
    link.context.check_hostname = False
    link.context.verify_mode = mode
    results = peer_certificates(link)  # type: ignore[arg-type]
    assert [result.subject for result in results][1:] == ["CN=authority" if verified else "CN=stranger"]
    assert [(result.depth, result.ok) for result in results] == [(0, verified), (1, verified)]


@pytest.mark.parametrize(
    ("key", "bits"),
    [
        (ec.generate_private_key(ec.SECP256R1()), 256),
        (ec.generate_private_key(ec.SECP384R1()), 384),
        (ec.generate_private_key(ec.SECP521R1()), 521),
        (rsa.generate_private_key(65537, 2048), 2048),
    ],
    ids=["P-256", "P-384", "P-521", "RSA"],
)
def test_the_length_of_a_key(tmp_path: Path, key: Key, bits: int) -> None:
    """A key's length is read from the certificate, whatever its kind."""
    facts = facts_of(issue(tmp_path, "one", key=key).der)
    assert facts is not None
    assert facts.key_length == bits


def test_a_name_cannot_fake_another_field(tmp_path: Path) -> None:
    """What a stranger writes into his certificate reaches logs and terminals with its tricks made visible."""
    result = VerifyResult(False, 0, issue(tmp_path, "x, O=Us\x1b[2J\nissuer: CN=CA").der)
    assert result.subject == "CN=x\\, O\\=Us\\u001b[2J\\u000aissuer: CN\\=CA"


def test_times_after_2050_are_read(tmp_path: Path) -> None:
    """Both forms of a time in a certificate are read, the two-digit years as RFC 5280 says."""
    result = VerifyResult(True, 0, issue(tmp_path, "long", days=(-365 * 40, 365 * 40)).der)
    assert result.not_before is not None
    assert result.not_after is not None
    assert result.not_after - result.not_before == timedelta(365 * 80)
    assert result.not_before.year < 2000


@given(st.binary(max_size=200))
def test_garbage_is_no_certificate(garbage: bytes) -> None:
    """Bytes that are no certificate have a fingerprint and nothing else, and nothing is raised."""
    result = VerifyResult(False, 0, garbage)
    assert result.subject is result.issuer is result.not_before is result.not_after is result.serial_number is None
    assert result.text.startswith("verification: failed\nSHA-256 fingerprint: ")


@given(st.data())
def test_a_damaged_certificate_raises_nothing(site: Site, data: st.DataObject) -> None:
    """Whatever happens to a certificate's bytes, showing it does not fail."""
    damaged = bytearray(site.server.der)
    for _ in range(data.draw(st.integers(1, 4))):
        damaged[data.draw(st.integers(0, len(damaged) - 1))] = data.draw(st.integers(0, 255))
    result = VerifyResult(False, 0, bytes(damaged[: data.draw(st.integers(0, len(damaged)))]))
    assert result.text
    assert result.subject is None or result.subject.isprintable()


# Files.


PASSWORD = "Grüße"


@pytest.fixture
def encrypted(site: Site, tmp_path: Path) -> dict[str, Any]:
    """The server's certificate and its key in a file of its own, encrypted."""
    key = tmp_path / "key.pem"
    key.write_bytes(site.server.key_bytes(encryption=BestAvailableEncryption(PASSWORD.encode())))
    return {"certificate": site.server.file, "private_key": key}


@pytest.mark.parametrize(
    "password", [PASSWORD, PASSWORD.encode(), lambda: PASSWORD], ids=["text", "bytes", "who to ask"]
)
def test_an_encrypted_key_opens_with_its_password(
    encrypted: dict[str, Any], site: Site, password: str | bytes | Callable[[], str]
) -> None:
    """The password may be text, bytes, or somebody to ask; text is UTF-8."""
    acceptor = TlsConfig(**encrypted, private_key_password=password).acceptor_context()
    assert handshake(site.requestor(), acceptor).errors == (None, None)


def test_the_argument_is_asked_only_if_the_settings_have_no_password(encrypted: dict[str, Any]) -> None:
    """`password` is a last resort: asked for an encrypted key without a password, and never otherwise."""
    asked: list[str] = []

    def ask() -> str:
        asked.append("once")
        return PASSWORD

    TlsConfig(**encrypted).acceptor_context(ask)
    assert asked == ["once"]
    TlsConfig(**encrypted, private_key_password=PASSWORD).acceptor_context(ask)
    TlsConfig(certificate=encrypted["certificate"]).requestor_context(ask)
    assert asked == ["once"]


@pytest.mark.parametrize(
    ("password", "complaint"),
    [
        pytest.param(None, "is encrypted and there is no password", id="nobody to ask"),
        pytest.param(lambda: None, "is encrypted and there is no password", id="no answer"),
        pytest.param("wrong", "the password of the private key is wrong", id="wrong"),
        pytest.param("", "the password of the private key is wrong", id="empty"),
        pytest.param(lambda: 7, "the password must be text of at most 1023 characters", id="a number"),
        pytest.param("x" * 1024, "the password must be text of at most 1023 characters", id="too long"),
    ],
)
def test_a_key_that_does_not_open_names_its_file(encrypted: dict[str, Any], password: Any, complaint: str) -> None:
    """Without the right password it fails at once, with the key's file in the error, and asks nobody at the terminal."""
    config = TlsConfig(**encrypted, private_key_password=password)
    for make in (config.acceptor_context, config.requestor_context):
        with pytest.raises(TlsFailed, match=complaint) as caught:
            make()
        assert str(encrypted["private_key"]) in str(caught.value)


def test_an_error_of_who_was_asked_comes_out(encrypted: dict[str, Any]) -> None:
    """The user's own exception is not dressed up."""

    def cancelled() -> str:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        TlsConfig(**encrypted, private_key_password=cancelled).acceptor_context()


@pytest.mark.parametrize(
    ("settings", "complaint"),
    [
        ({"certificate": "missing.pem"}, r"missing\.pem: no such file or directory$"),
        ({"certificate": "."}, "is a directory$"),
        ({"certificate": "key.pem"}, r"key\.pem: holds no certificate$"),
        ({"certificate": "only.pem"}, r"only\.pem: holds no private key$"),
        ({"certificate": "server.der"}, r"server\.der: holds no PEM \(DER needs certificate_format='DER'\)$"),
        ({"certificate": "only.pem", "private_key": "missing.pem"}, r"missing\.pem: no such file or directory$"),
        ({"certificate": "only.pem", "private_key": "only.pem"}, r"only\.pem: holds no private key$"),
        ({"certificate": "only.pem", "private_key": "other.pem"}, r"other\.pem: the private key is not that of .*only"),
        ({"certificate": "only.pem", "private_key": "rsa.pem"}, r"rsa\.pem: the private key is not that of .*only"),
        ({"certificate": "only.pem", "private_key": "text"}, "text: holds no private key, neither in PEM nor in DER$"),
        (
            {"certificate": "only.pem", "private_key": "server.der"},
            r"der: holds no private key of a kind that we know$",
        ),
        ({"certificate": "only.pem", "private_key": "torn.pem"}, r"only\.pem, .*torn\.pem: the certificate or the key"),
        (
            {"certificate": "text", "certificate_format": "DER", "private_key": "key.pem"},
            r"text, .*key\.pem: the certificate or the key is damaged$",
        ),
        ({"ca_file": "missing.pem"}, r"missing\.pem: no such file or directory$"),
        ({"ca_file": "key.pem"}, r"key\.pem: holds no certificate that can be read$"),
        ({"ca_file": "text"}, "text: holds no certificate that can be read$"),
        ({"ca_folder": "missing"}, "missing: no such file or directory$"),
        ({"ca_folder": "empty"}, "empty: holds no certificates"),
        ({"ca_folder": "torn"}, r"bad\.crt: holds no certificate that can be read$"),
    ],
)
def test_a_file_that_is_not_what_it_should_be_is_named(
    site: Site, tmp_path: Path, settings: dict[str, Any], complaint: str
) -> None:
    """Every file that is missing, wrong or damaged is in the error, with what is the matter."""
    (tmp_path / "only.pem").write_bytes(site.server.certificate.public_bytes(Encoding.PEM))
    (tmp_path / "key.pem").write_bytes(site.server.key_bytes())
    (tmp_path / "other.pem").write_bytes(site.client.key_bytes())
    (tmp_path / "rsa.pem").write_bytes(site.server_rsa.key_bytes())
    (tmp_path / "server.der").write_bytes(site.server.der)
    (tmp_path / "text").write_text("nothing of the kind")
    (tmp_path / "torn.pem").write_bytes(site.server.key_bytes().replace(b"M", b"!"))
    (tmp_path / "empty").mkdir()
    (tmp_path / "empty" / "key.pem").write_bytes(site.server.key_bytes())
    (tmp_path / "torn").mkdir()
    (tmp_path / "torn" / "bad.crt").write_text("nothing of the kind")
    formats = {"certificate_format"}
    paths = {name: value if name in formats else tmp_path / value for name, value in settings.items()}
    with pytest.raises(TlsFailed, match=complaint):
        TlsConfig(**paths).requestor_context()


def test_a_key_that_openssl_finds_too_short_is_named(tmp_path: Path) -> None:
    """OpenSSL's own reason to refuse a certificate is in the error."""
    weak = issue(tmp_path, "weak", key=rsa.generate_private_key(65537, 1024))
    with pytest.raises(TlsFailed, match=r"weak\.pem: ee key too small$"):
        TlsConfig(certificate=weak.file).acceptor_context()


def test_a_folder_of_authorities_needs_no_hashing(site: Site, tmp_path: Path) -> None:
    """Every certificate in the folder is trusted, in PEM or DER, by its usual endings or OpenSSL's hash; no others."""
    for name, content in {
        "a.pem": site.stranger.certificate.public_bytes(Encoding.PEM),
        "b.CER": site.authority.der,
        "key.pem": site.authority.key_bytes(),
        "README": b"not a certificate",
    }.items():
        (tmp_path / name).write_bytes(content)
    requestor = TlsConfig(ca_folder=tmp_path).requestor_context()
    assert len(requestor.get_ca_certs()) == 2
    assert handshake(requestor, site.acceptor()).errors == (None, None)
    assert handshake(requestor, site.acceptor(certificate=site.stranger.file)).errors == (None, None)
    (tmp_path / "b.CER").rename(tmp_path / "0a1b2c3d.0")
    assert handshake(TlsConfig(ca_folder=str(tmp_path)).requestor_context(), site.acceptor()).errors == (None, None)


@pytest.mark.parametrize(
    ("who", "encoding", "form", "encryption"),
    [
        ("server", Encoding.DER, PrivateFormat.PKCS8, NoEncryption()),
        ("server", Encoding.DER, PrivateFormat.PKCS8, BestAvailableEncryption(b"secret")),
        ("server", Encoding.DER, PrivateFormat.TraditionalOpenSSL, NoEncryption()),
        ("server_rsa", Encoding.DER, PrivateFormat.PKCS8, NoEncryption()),
        ("server_rsa", Encoding.DER, PrivateFormat.TraditionalOpenSSL, NoEncryption()),
        ("server_rsa", Encoding.PEM, PrivateFormat.TraditionalOpenSSL, BestAvailableEncryption(b"secret")),
    ],
)
def test_files_in_der(
    site: Site,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    who: str,
    encoding: Encoding,
    form: PrivateFormat,
    encryption: KeySerializationEncryption,
) -> None:
    """A certificate in DER with its key in any of the usual forms makes a link, and leaves no copy of the key behind."""
    issued: Issued = getattr(site, who)
    (tmp_path / "certificate.der").write_bytes(issued.der)
    (tmp_path / "key").write_bytes(issued.key_bytes(encoding, form, encryption))
    (tmp_path / "authority.der").write_bytes(site.authority.der)
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(temporary))
    acceptor = TlsConfig(
        certificate=tmp_path / "certificate.der",
        certificate_format="DER",
        private_key=tmp_path / "key",
        private_key_password="secret",
    ).acceptor_context()
    requestor = site.requestor(ca_file=tmp_path / "authority.der")
    assert handshake(requestor, acceptor).errors == (None, None)
    assert list(temporary.iterdir()) == []


def test_the_chain_in_the_certificates_file_is_sent(site: Site, tmp_path: Path) -> None:
    """Issuers that follow the certificate in its file reach a peer that knows only the last of them."""
    middle_key = ec.generate_private_key(ec.SECP256R1())
    now = datetime.now(UTC)
    middle = (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "middle")]))
        .issuer_name(site.authority.certificate.subject)
        .public_key(middle_key.public_key())
        .serial_number(7)
        .not_valid_before(now - timedelta(1))
        .not_valid_after(now + timedelta(1))
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(site.authority.key, hashes.SHA256())
    )
    leaf = issue(
        tmp_path, "leaf", Issued(middle, middle_key, tmp_path / "middle.pem"), names=(x509.DNSName("pacs.example"),)
    )
    alone = handshake(site.requestor(), site.acceptor(certificate=leaf.file))
    assert isinstance(alone.requestor_error, ssl.SSLCertVerificationError)
    with leaf.file.open("ab") as file:
        file.write(middle.public_bytes(Encoding.PEM))
    assert handshake(site.requestor(), site.acceptor(certificate=leaf.file)).errors == (None, None)


# What is installed.


def test_the_version_of_openssl() -> None:
    """The installed OpenSSL is told in its own words and in numbers, beside the least that we need."""
    version = openssl_version()
    assert version.text == ssl.OPENSSL_VERSION
    assert version.text.startswith(f"OpenSSL {'.'.join(map(str, version.number))}")
    assert version.minimum == (1, 1, 1)
    assert version.available
    assert not replace(version, number=(1, 1, 0)).available

from __future__ import annotations

import logging
import ssl
import warnings
from typing import Any

import pytest

from dicomnet.errors import InvalidValue, TlsFailed, Unsupported
from dicomnet.tls import CipherInfo, Profile, TlsConfig, cipher_suites_available
from tls.certificates import Issued, Site, handshake, issue

AVAILABLE = [
    Profile.BCP195_RFC8996_9325,
    Profile.MODIFIED_BCP195_RFC8996_9325,
    Profile.LEGACY_BCP195,
    Profile.LEGACY_NON_DOWNGRADING_BCP195,
    Profile.LEGACY_EXTENDED_BCP195,
    Profile.LEGACY_AES,
]


def old_peer(protocol: int, version: str, suite: str, site: Site) -> ssl.SSLContext:
    """What an old device has: one version, one suite."""
    context = ssl.SSLContext(protocol)
    context.set_ciphers(f"{suite}:@SECLEVEL=0")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        context.minimum_version = context.maximum_version = ssl.TLSVersion[version]
    context.load_verify_locations(site.authority.file)
    context.load_cert_chain(site.server_rsa.file)
    return context


def test_every_profile_says_where_it_is_described() -> None:
    """Those in force are two, all others are retired and their names say so."""
    in_force = [profile for profile in Profile if not profile.retired]
    assert [profile.section for profile in in_force] == ["PS3.15 B.12", "PS3.15 B.13"]
    assert all(profile.name.startswith("LEGACY_") is profile.retired for profile in Profile)
    assert all(profile.section for profile in Profile)
    assert all(profile.value == profile.name.lower().replace("_", "-") for profile in Profile)


@pytest.mark.parametrize("profile", AVAILABLE, ids=lambda profile: profile.name)
def test_both_sides_of_a_profile_understand_each_other(site: Site, profile: Profile) -> None:
    """Each that can be had makes a link, in a version and with a suite of its own."""
    acceptor = site.acceptor(profile=profile, certificate=site.server_rsa.file)
    link = handshake(site.requestor(profile=profile), acceptor)
    assert link.errors == (None, None)
    name, _, _ = link.requestor.cipher() or ("", "", 0)
    assert link.requestor.version() == profile.versions[-1]
    assert name in profile.cipher_suites or (link.requestor.version() == "TLSv1.3" and name.startswith("TLS_"))


@pytest.mark.parametrize(
    ("profile", "version", "suite"),
    [
        (Profile.MODIFIED_BCP195_RFC8996_9325, "TLSv1_2", "ECDHE-RSA-CHACHA20-POLY1305"),
        (Profile.LEGACY_BCP195, "TLSv1", "ECDHE-RSA-AES128-SHA"),
        (Profile.LEGACY_BCP195, "TLSv1_1", "AES128-SHA"),
        (Profile.LEGACY_NON_DOWNGRADING_BCP195, "TLSv1_2", "ECDHE-RSA-AES128-GCM-SHA256"),
        (Profile.LEGACY_EXTENDED_BCP195, "TLSv1_2", "ECDHE-RSA-AES256-GCM-SHA384"),
        (Profile.LEGACY_AES, "TLSv1", "AES128-SHA"),
        (Profile.LEGACY_AES, "TLSv1_2", "AES128-SHA"),
    ],
)
def test_a_legacy_profile_reaches_an_old_peer(site: Site, profile: Profile, version: str, suite: str) -> None:
    """A device with one version and one suite of the profile is understood on either side."""
    requestor = site.requestor(profile=profile)
    link = handshake(requestor, old_peer(ssl.PROTOCOL_TLS_SERVER, version, suite, site))
    assert link.errors == (None, None)
    assert link.requestor.cipher()[0] == suite  # type: ignore[index]
    acceptor = site.acceptor(profile=profile, certificate=site.server_rsa.file)
    assert handshake(old_peer(ssl.PROTOCOL_TLS_CLIENT, version, suite, site), acceptor).errors == (None, None)


@pytest.mark.parametrize("profile", [one for one in AVAILABLE if "TLSv1" not in one.versions], ids=lambda one: one.name)
@pytest.mark.parametrize(("version", "suite"), [("TLSv1", "AES128-SHA"), ("TLSv1_2", "AES128-SHA")])
def test_no_other_profile_does(site: Site, profile: Profile, version: str, suite: str) -> None:
    """Old versions and suites are nobody's who has not asked for them."""
    requestor = site.requestor(profile=profile)
    assert handshake(requestor, old_peer(ssl.PROTOCOL_TLS_SERVER, version, suite, site)).requestor_error is not None
    acceptor = site.acceptor(profile=profile, certificate=site.server_rsa.file)
    assert handshake(old_peer(ssl.PROTOCOL_TLS_CLIENT, version, suite, site), acceptor).acceptor_error is not None


@pytest.mark.parametrize("certificate", ["server", "server_rsa"])
@pytest.mark.parametrize("version", ["TLSv1.2", "TLSv1.3"])
def test_the_modified_profile_has_its_list(site: Site, certificate: str, version: Any) -> None:
    """Every suite of PS3.15 B.13 that OpenSSL has serves a requestor, in TLS 1.2 each by itself, and 1.3 has the three."""
    profile = Profile.MODIFIED_BCP195_RFC8996_9325
    issued: Issued = getattr(site, certificate)
    acceptor = site.acceptor(profile=profile, certificate=issued.file)
    kind = "ECDSA" if certificate == "server" else "RSA"
    listed = [name for name in profile.cipher_suites if name.startswith(f"ECDHE-{kind}")]
    assert len(listed) == (7 if kind == "ECDSA" else 3)
    # From OpenSSL 3.2 on those with a short tag are said to be worth 64 bits, and nobody gets them.
    suites = [name for name in listed if not name.endswith("CCM8") or CipherInfo.of(name).bits >= 128]
    if version == "TLSv1.3":
        assert handshake(site.requestor(profile=profile), acceptor).requestor.version() == version
        assert {"TLS_AES_256_GCM_SHA384", "TLS_AES_128_GCM_SHA256"} <= set(profile.cipher_suites_of_tls13)
        return
    for name in suites:
        link = handshake(site.requestor(profile=profile, cipher_suites=[name]), acceptor)
        assert link.errors == (None, None)
        assert link.requestor.cipher()[0] == name  # type: ignore[index]


@pytest.mark.parametrize("settings", [{"minimum_version": "TLSv1.3"}, {"maximum_version": "TLSv1.2"}])
def test_an_acceptor_of_the_modified_profile_speaks_both_versions(site: Site, settings: dict[str, Any]) -> None:
    """PS3.15 B.13 asks an acceptor for TLS 1.2 and 1.3, a requestor for one of them."""
    profile = Profile.MODIFIED_BCP195_RFC8996_9325
    with pytest.raises(InvalidValue, match=r"speaks TLSv1\.2 and TLSv1\.3"):
        site.acceptor(profile=profile, **settings)
    assert handshake(site.requestor(profile=profile, **settings), site.acceptor(profile=profile)).errors == (None, None)


def test_our_own_certificate_must_be_of_the_profile(site: Site) -> None:
    """A key that is too short is an error when the context is made, with the section that says so."""
    with pytest.raises(TlsFailed, match=r"has 224 bits, and 256 are the least \(PS3.15 B.13\)"):
        site.acceptor(profile=Profile.MODIFIED_BCP195_RFC8996_9325, certificate=short_key(site).file)


def short_key(site: Site) -> Issued:
    from cryptography.hazmat.primitives.asymmetric import ec

    return issue(site.folder, "short", site.authority, key=ec.generate_private_key(ec.SECP224R1()))


@pytest.mark.parametrize(
    ("profile", "complaint"),
    [
        (Profile.LEGACY_ISCL, "no kind of TLS"),
        (Profile.LEGACY_ATNA_UNENCRYPTED, "would only look secure"),
    ],
)
def test_what_cannot_be_had_says_why(profile: Profile, complaint: str) -> None:
    """Neither ISCL nor a suite that encrypts nothing: the error names the profile, where it stood, and the reason."""
    with pytest.raises(Unsupported, match=complaint) as caught:
        TlsConfig(profile=profile)
    assert profile.name in str(caught.value)
    assert profile.section in str(caught.value)


@pytest.mark.skipif("DES-CBC3-SHA" in cipher_suites_available(), reason="this OpenSSL has triple DES")
def test_triple_des_that_was_not_built_says_so() -> None:
    """B.1 has nothing else, and most builds of OpenSSL have left it out."""
    with pytest.raises(Unsupported, match="built without DES-CBC3-SHA"):
        TlsConfig(profile=Profile.LEGACY_BASIC)


@pytest.mark.parametrize(
    ("settings", "complaint"),
    [
        ({"profile": "legacy-aes"}, "not a Profile"),
        (
            {"profile": Profile.LEGACY_AES, "minimum_version": "TLSv1.3"},
            "LEGACY_AES allows TLSv1, TLSv1.1, TLSv1.2 only",
        ),
        ({"profile": Profile.LEGACY_EXTENDED_BCP195, "minimum_version": "TLSv1.3"}, "allows TLSv1.2 only"),
        (
            {"profile": Profile.MODIFIED_BCP195_RFC8996_9325, "cipher_suites": ["AES128-SHA"]},
            r"AES128-SHA is none of MODIFIED_BCP195_RFC8996_9325 \(PS3.15 B.13\)",
        ),
    ],
)
def test_settings_outside_a_profile_are_refused(settings: dict[str, Any], complaint: str) -> None:
    """A profile is a promise, so what would break it is an error."""
    with pytest.raises(InvalidValue, match=complaint):
        TlsConfig(**settings)


@pytest.mark.parametrize("profile", AVAILABLE, ids=lambda profile: profile.name)
def test_a_retired_profile_is_a_warning_in_the_log(
    site: Site, profile: Profile, caplog: pytest.LogCaptureFixture
) -> None:
    """One line when it is used, however many connections there are; none for those in force."""
    config = TlsConfig(profile=profile, ca_file=site.authority.file)
    with caplog.at_level(logging.WARNING):
        for _ in range(3):
            config.requestor_context()
    lines = [record.getMessage() for record in caplog.records]
    expected = f"TLS with {profile.name}, which is retired ({profile.section}): for old peers only"
    assert lines == ([expected] if profile.retired else [])

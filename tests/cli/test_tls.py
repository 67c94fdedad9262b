"""What the options about TLS do, with a peer whose certificate is that of a host called pacs.example."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, Encoding

from cli.helpers import Outcome, Peer
from dicomnet.cli.own_tls import PROFILES
from dicomnet.tls import Profile, TlsConfig, VerifyMode
from dicomnet.tls.checks import fingerprint
from tls.certificates import Issued, Site, issue, make_site, revoke

Command = Callable[..., Outcome]
MakePeer = Callable[..., Peer]


@pytest.fixture(scope="module")
def hospital(tmp_path_factory: pytest.TempPathFactory) -> Site:
    return make_site(tmp_path_factory.mktemp("hospital"))


@pytest.fixture(scope="module")
def alone(hospital: Site) -> Issued:
    """Signed by itself, and for no name."""
    return issue(hospital.folder, "alone")


@pytest.fixture
def archive(peer: MakePeer, alone: Issued) -> Peer:
    return peer(tls=TlsConfig(certificate=alone.file))


def test_a_pin_is_enough(command: Command, archive: Peer, alone: Issued) -> None:
    """A peer whose certificate nobody has issued, and which bears no name of its, is trusted by its fingerprint."""
    pin = fingerprint(alone.der)
    assert command("echo", archive.address, "--tls").code == 1
    assert command("echo", archive.address, "--tls-pin", pin).code == 0
    assert command("echo", archive.address, "--tls-pin", "00" * 32, "--tls-pin", pin.upper()).code == 0


def test_a_wrong_pin_tells_the_right_one(command: Command, archive: Peer, alone: Issued) -> None:
    """The line names the fingerprint that was seen, to be compared."""
    outcome = command("echo", archive.address, "--tls-pin", "00" * 32)
    assert outcome.code == 1
    assert fingerprint(alone.der) in outcome.err


def test_a_pin_that_is_none(command: Command) -> None:
    """It is a mistake in typing, told before anybody is called."""
    outcome = command("echo", "ARCHIVE@127.0.0.1:1", "--tls-pin", "abc")
    assert outcome.code == 2
    assert "no SHA-256 fingerprint" in outcome.err


def test_the_name_of_the_certificate_can_be_given(command: Command, peer: MakePeer, hospital: Site) -> None:
    """--tls-name is checked instead of the host."""
    archive = peer(tls=TlsConfig(certificate=hospital.server.file))
    trusted = ("--tls-ca", hospital.authority.file)
    assert command("echo", archive.address, *trusted, "--tls-name", "pacs.example").code == 0
    outcome = command("echo", archive.address, *trusted, "--tls-name", "other.example")
    assert outcome.code == 1
    assert "no secure link" in outcome.err


def test_who_is_revoked_is_not_trusted(command: Command, peer: MakePeer, hospital: Site, tmp_path: Path) -> None:
    """--tls-crl is asked."""
    archive = peer(tls=TlsConfig(certificate=hospital.server.file))
    crl = revoke(tmp_path / "crl", hospital.authority)
    line = ("echo", archive.address, "--tls-ca", hospital.authority.file, "--tls-crl", crl)
    assert command(*line).code == 0
    revoke(crl, hospital.authority, [hospital.server])
    assert command(*line).code == 1


def test_an_encrypted_key_opens_with_the_password_in_a_file(
    command: Command, peer: MakePeer, hospital: Site, tmp_path: Path
) -> None:
    """Nobody is asked at the terminal: without the file it is an error, and with the wrong password another."""
    archive = peer(
        tls=TlsConfig(certificate=hospital.server.file, ca_file=hospital.authority.file, verify=VerifyMode.REQUIRED)
    )
    own, key, password = (tmp_path / name for name in ("own.pem", "key.pem", "password"))
    own.write_bytes(hospital.client.certificate.public_bytes(Encoding.PEM))
    key.write_bytes(hospital.client.key_bytes(encryption=BestAvailableEncryption("Grüße".encode())))
    password.write_text("Grüße\n", encoding="utf-8")
    line = ("echo", archive.address, "--tls-ca", hospital.authority.file, "--tls-cert", own, "--tls-key", key)
    assert command(*line, "--tls-key-password-file", password).code == 0
    outcome = command(*line)
    assert (outcome.code, "is encrypted and there is no password" in outcome.err) == (1, True)
    password.write_text("wrong")
    outcome = command(*line, "--tls-key-password-file", password)
    assert (outcome.code, "the password of the private key is wrong" in outcome.err) == (1, True)
    password.write_bytes(b"\xff")
    outcome = command(*line, "--tls-key-password-file", password)
    assert (outcome.code, "holds no password that can be read" in outcome.err) == (1, True)


@pytest.mark.parametrize("option", ["--tls-key", "--tls-key-password-file"])
def test_a_key_needs_its_certificate(command: Command, hospital: Site, option: str) -> None:
    """What would not be heard is wrong usage."""
    outcome = command("echo", "ARCHIVE@127.0.0.1:1", option, hospital.client.file)
    assert outcome.code == 2
    assert "needs its --tls-cert" in outcome.err


def test_the_profiles_are_those_of_the_library() -> None:
    """All but those that nobody can have, whatever OpenSSL there is."""
    never = {Profile.LEGACY_ISCL, Profile.LEGACY_ATNA_UNENCRYPTED}
    assert list(PROFILES) == [profile.value for profile in Profile if profile not in never]


def test_a_profile_reaches_a_peer_that_has_no_other(command: Command, peer: MakePeer, hospital: Site) -> None:
    """An old peer is reached with the profile it knows, and not without."""
    archive = peer(tls=TlsConfig(certificate=hospital.server_rsa.file, profile=Profile.LEGACY_AES))
    trusted = ("--tls-ca", hospital.authority.file)
    assert command("echo", archive.address, *trusted, "--tls-profile", "legacy-aes").code == 0
    assert command("echo", archive.address, *trusted).code == 1
    outcome = command("echo", archive.address, *trusted, "--tls-profile", "tls-for-all")
    assert outcome.code == 2


def test_a_receiver_with_pins_needs_authorities(command: Command, hospital: Site, tmp_path: Path) -> None:
    """Pins restrict those who verify, and lists are about those whom somebody has certified."""
    line = ("recv", "--port", "0", "--output", tmp_path, "--tls-cert", hospital.server.file)
    outcome = command(*line, "--tls-pin", "00" * 32)
    assert (outcome.code, "ca_file or ca_folder must say who may issue them" in outcome.err) == (1, True)
    outcome = command(*line, "--tls-crl", revoke(tmp_path / "crl", hospital.authority))
    assert (outcome.code, "crl_file is about client certificates" in outcome.err) == (1, True)

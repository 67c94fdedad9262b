"""Sentences about handshakes that failed, where no peer can be had that fails like this."""

from __future__ import annotations

import ssl

import pytest

from dicomnet.tls.failures import _ALERTS, _REASONS, _VERDICTS, broken, handshake_failed, late, left
from tls.certificates import Site


def failed(reason: str | None, **options: bool) -> str:
    error = ssl.SSLError(1, "[SSL] something")
    error.reason = reason  # type: ignore[assignment]
    return handshake_failed(error, "the peer", **options).detail  # type: ignore[arg-type]


def refused(code: int, certificate: bytes | None = None, name: str | None = None) -> str:
    error = ssl.SSLCertVerificationError(1, "no")
    error.verify_code, error.verify_message = code, "Openssl says so."
    return handshake_failed(error, "the peer", certificate=certificate, name=name).detail


@pytest.mark.parametrize("alert", _ALERTS)
@pytest.mark.parametrize("prefix", ["SSLV3_ALERT_", "TLSV1_ALERT_", "TLSV13_ALERT_", "TLSV1_"])
def test_every_alert_has_a_sentence_and_keeps_its_name(alert: str, prefix: str) -> None:
    """Whatever the version that OpenSSL names it for."""
    said = failed(prefix + alert)
    assert said.startswith(_ALERTS[alert].format(peer="the peer"))
    assert said.endswith(f"(alert: {alert.lower().replace('_', ' ')})")


def test_an_alert_that_nobody_knows_is_an_end_of_the_handshake() -> None:
    """Its name is all there is to say."""
    assert failed("TLSV1_ALERT_USER_CANCELLED") == "the peer has ended the handshake (alert: user cancelled)"


@pytest.mark.parametrize("alert", ["HANDSHAKE_FAILURE", "BAD_CERTIFICATE", "ACCESS_DENIED"])
def test_who_shows_no_certificate_when_asked_is_told_that(alert: str) -> None:
    """Up to TLS 1.2 the alert is one for many things; that we were asked is known all the same."""
    assert "none was given" not in failed(f"SSLV3_ALERT_{alert}")
    assert "asks for a client certificate and none was given" in failed(f"SSLV3_ALERT_{alert}", empty_handed=True)
    assert "none was given" not in failed("TLSV1_ALERT_PROTOCOL_VERSION", empty_handed=True)


@pytest.mark.parametrize("reason", _REASONS)
def test_what_we_have_against_the_peer_keeps_openssls_words(reason: str) -> None:
    """They are what people search for."""
    assert failed(reason) == f"{_REASONS[reason].format(peer='the peer')} ({reason.lower().replace('_', ' ')})"


def test_what_openssl_does_not_name_is_told_in_its_words() -> None:
    """There is always something."""
    assert "something" in failed(None)
    assert failed("LENGTH_MISMATCH") == "the handshake failed (length mismatch)"


@pytest.mark.parametrize("code", _VERDICTS)
def test_a_verdict_is_a_sentence_with_and_without_the_certificate(site: Site, code: int) -> None:
    """Dates and the issuer come in where they can be had."""
    for certificate in (None, site.server.der, b"garbage"):
        said = refused(code, certificate)
        assert "{" not in said
        assert said.endswith("(openssl says so)")
    assert "is not valid before 2" in refused(9, site.server.der)
    assert "its issuer (CN=authority) is not" in refused(20, site.server.der)
    assert refused(99).startswith("the certificate of the peer does not verify")


def test_another_name_without_the_certificate_still_shows_the_way_out() -> None:
    """Python may not hand it out."""
    said = refused(62, None, "pacs.example")
    assert "is not for 'pacs.example'" in said
    assert "peer_name=" in said
    assert "pin=" not in said


def test_a_certificate_cannot_write_into_our_log(site: Site) -> None:
    """What stands in it is a stranger's."""
    forged = site.server.der.replace(b"pacs.example", b"pacs\n\x1b[2Jmpl")
    said = refused(62, forged, "other.example")
    assert r"but for pacs\u000a\u001b[2Jmpl, 127.0.0.1" in said
    assert said.isprintable()


@pytest.mark.parametrize("server_side", [False, True])
def test_who_leaves_early_is_told_from_who_leaves_in_the_middle(server_side: bool) -> None:
    """Before its first byte, a peer of ours has probably never heard of TLS."""
    assert ("plain DICOM" in left(b"", "the peer", server_side=server_side).detail) is not server_side
    assert "does not say why" in left(b"\x16", "the peer", server_side=server_side).detail


def test_how_long_a_handshake_was_waited_for() -> None:
    """In seconds."""
    assert late("the peer", 0.5).detail == "the handshake was not over within 0.5 s: the peer is silent, or very slow"


@pytest.mark.parametrize(
    ("reason", "said"),
    [
        ("SSLV3_ALERT_BAD_RECORD_MAC", "the peer ended the secure link (bad record mac)"),
        ("DECRYPTION_FAILED_OR_BAD_RECORD_MAC", "the secure link broke (decryption failed or bad record mac)"),
    ],
)
def test_whose_doing_the_end_of_a_link_was(reason: str, said: str) -> None:
    """An alert is the peer's, all else ours."""
    error = ssl.SSLError()
    error.reason = reason
    assert broken(error) == said

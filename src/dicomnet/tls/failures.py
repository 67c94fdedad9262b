"""Why there is no secure link, in sentences for whoever has to see to it.

OpenSSL's own words come last, in parentheses: they are what other tools print
and what people search for.
"""

from __future__ import annotations

import hashlib
import re
import ssl
from typing import Any

from dicomnet.errors import TlsFailed
from dicomnet.pdu.foreign import protocol_of
from dicomnet.tls.der import Facts, facts_of


def handshake_failed(
    error: ssl.SSLError | ValueError,
    peer: str,
    *,
    certificate: bytes | None = None,
    name: str | None = None,
    empty_handed: bool = False,
) -> TlsFailed:
    """A handshake that one of the two sides has ended.

    Args:
        peer: how the peer is called.
        certificate: the peer's in DER, if it has shown one and it could be had.
        name: the one that it had to bear.
        empty_handed: we were asked for a certificate and have given none.
    """
    if isinstance(error, ssl.SSLCertVerificationError):
        return TlsFailed(
            _not_verified(error, peer, None if certificate is None else facts_of(certificate), certificate, name)
        )
    reason = getattr(error, "reason", None) or str(error)
    words = reason.lower().replace("_", " ")
    alert = _ALERT.fullmatch(reason)
    if alert is None:
        text = _REASONS.get(reason, "the handshake failed")
        return TlsFailed(f"{text.format(peer=peer)} ({words})")
    words = alert[1].lower().replace("_", " ")
    if empty_handed and alert[1] in _OVER_NO_CERTIFICATE:
        text = _ALERTS["CERTIFICATE_REQUIRED"]
    else:
        text = _ALERTS.get(alert[1], "{peer} has ended the handshake")
    return TlsFailed(f"{text.format(peer=peer)} (alert: {words})")


def speaks_no_tls(first: bytes, peer: str) -> TlsFailed:
    """A peer that began with these bytes, in place of TLS."""
    return TlsFailed(f"{peer} does not speak TLS (it speaks {protocol_of(first)})")


def left(first: bytes, peer: str, *, server_side: bool) -> TlsFailed:
    """A peer that has closed the connection in the middle of the handshake, after these bytes."""
    text = f"{peer} closed the connection during the handshake"
    if first:
        return TlsFailed(f"{text} and does not say why; perhaps it does not trust our certificate, or asks for another")
    if server_side:
        return TlsFailed(f"{text}, before a byte")
    return TlsFailed(f"{text}, without a byte: it is likely that it speaks no TLS, but plain DICOM, on this port")


def late(peer: str, timeout: float | None) -> TlsFailed:
    """A peer that has let the seconds for the handshake pass."""
    return TlsFailed(f"the handshake was not over within {timeout:g} s: {peer} is silent, or very slow")


def unheard(peer: str) -> TlsFailed:
    """A peer that has closed the connection after our end of a handshake of TLS 1.3, and without a sign that it was over."""
    return TlsFailed(
        f"{peer} closed the connection at the end of the handshake and does not say why; "
        "probably it refused our certificate, or asks for one and none was given"
    )


def endless(peer: str) -> str:
    """What is said of a peer that talks about the link, or takes a handshake to pieces, for as long as one listens."""
    return f"{peer} sends TLS messages without end, and no data in them"


def is_alert(error: ssl.SSLError) -> bool:
    """Whether it is the peer who has said no."""
    return _ALERT.fullmatch(error.reason or str(error)) is not None


def broken(error: ssl.SSLError) -> str:
    """How a secure link ended that was up."""
    reason = error.reason or str(error)
    alert = _ALERT.fullmatch(reason)
    who = "the secure link broke" if alert is None else "the peer ended the secure link"
    return f"{who} ({(reason if alert is None else alert[1]).lower().replace('_', ' ')})"


def unverified_certificate(ssl_object: ssl.SSLObject) -> bytes | None:
    """What a peer has shown in a handshake that failed over it, in DER; to be named, and not believed."""
    # Below Python 3.13 only the inner object has the method; without it, or with an older OpenSSL, it cannot be had.
    source = ssl_object if hasattr(ssl_object, "get_unverified_chain") else getattr(ssl_object, "_sslobj", None)
    chain: list[Any] | None = getattr(source, "get_unverified_chain", list)()
    if not chain:
        return None
    return chain[0] if isinstance(chain[0], bytes) else bytes(chain[0].public_bytes(_DER))


def _not_verified(
    error: ssl.SSLCertVerificationError, peer: str, facts: Facts | None, certificate: bytes | None, name: str | None
) -> str:
    code = getattr(error, "verify_code", 0)
    words = str(getattr(error, "verify_message", None) or error)
    words = (words[0].lower() + words[1:]).rstrip(".")
    if code in _OTHER_NAME and name is not None:
        return _other_name(peer, facts, certificate, name, words)
    if code == _REJECTED:
        return words
    text = _VERDICTS.get(code, "the certificate of {peer} does not verify")
    sentence = text.format(
        peer=peer,
        since=f" since {facts.not_after:%Y-%m-%d}" if facts else "",
        before=f" before {facts.not_before:%Y-%m-%d}" if facts else " yet",
        issuer=f" ({facts.issuer})" if facts and facts.issuer != facts.subject else "",
    )
    return f"{sentence} ({words})"


def _other_name(peer: str, facts: Facts | None, certificate: bytes | None, name: str, words: str) -> str:
    borne = facts.names if facts is not None else ()
    text = f"the certificate of {peer} is not for {name!r}"
    if borne:
        text += f", but for {', '.join(borne)}: if that is who you mean, connect by that name or give peer_name={borne[0]!r}"
    else:
        text += ": if it is the right peer all the same, give peer_name= with a name that it bears"
    if certificate is not None:
        text += f', or pin="sha256:{hashlib.sha256(certificate).hexdigest()}"'
    return f"{text} ({words})"


_ALERT = re.compile(r"(?:SSLV3|TLSV1|TLSV13)_(?:ALERT_)?(\w+)")
"""How OpenSSL calls what the peer has said: the version in it is where the alert was first defined, no more."""

_REFUSED = "{peer} refused our certificate"

_ALERTS = {
    "BAD_CERTIFICATE": f"{_REFUSED}: it is damaged, or not for our name or role, or another one was expected",
    "UNSUPPORTED_CERTIFICATE": f"{_REFUSED}: it does not support its kind of key, or it is not for this role",
    "CERTIFICATE_UNKNOWN": f"{_REFUSED} and does not say why: its own log may",
    "CERTIFICATE_EXPIRED": f"{_REFUSED}: it has expired, so renew it, or look at the clock of the peer",
    "CERTIFICATE_REVOKED": f"{_REFUSED}: it has been revoked",
    "UNKNOWN_CA": f"{_REFUSED}: it does not know who issued it; our authority must be entered there, or its chain is "
    "not in the file of our certificate",
    "CERTIFICATE_REQUIRED": "{peer} asks for a client certificate and none was given",
    "NO_CERTIFICATE": "{peer} has no certificate to show",
    "ACCESS_DENIED": f"{_REFUSED}: it is valid there, and has no access",
    "DECRYPT_ERROR": f"{_REFUSED}, or the key that was used with it: look whether they belong together",
    "HANDSHAKE_FAILURE": "{peer} finds nothing in common with us: compare the cipher suites and TLS versions of both "
    "sides; or it asks for a client certificate that it can use",
    "INSUFFICIENT_SECURITY": "{peer} wants stronger cipher suites than ours",
    "PROTOCOL_VERSION": "{peer} speaks none of the TLS versions that we do: compare the versions of both sides",
    "INTERNAL_ERROR": "{peer} has failed in the handshake: its own log may say why",
    "UNRECOGNIZED_NAME": "{peer} does not know the name by which we call it",
    "UNEXPECTED_MESSAGE": "{peer} did not expect TLS, or not like this: it is likely that it speaks plain DICOM on this port",
}
"""What the peer has against us (RFC 8446 6.2, RFC 5246 7.2.2)."""

_OVER_NO_CERTIFICATE = (
    "HANDSHAKE_FAILURE",
    "BAD_CERTIFICATE",
    "CERTIFICATE_UNKNOWN",
    "NO_CERTIFICATE",
    "ACCESS_DENIED",
)
"""What is said up to TLS 1.2 to who shows none; 1.3 has an alert for it."""

_REASONS = {
    "WRONG_VERSION_NUMBER": "{peer} does not speak TLS, or none that we know",
    "UNSUPPORTED_PROTOCOL": "{peer} speaks none of the TLS versions that we do: compare the versions of both sides",
    "VERSION_TOO_LOW": "{peer} speaks none of the TLS versions that we do: compare the versions of both sides",
    "NO_SHARED_CIPHER": "{peer} and we have no cipher suite in common: compare those of both sides, and the kinds of keys",
    "NO_SHARED_SIGNATURE_ALGORITHMS": "{peer} and we have no kind of signature in common: the key of our certificate may "
    "be one that it does not know",
    "NO_SUITABLE_SIGNATURE_ALGORITHM": "{peer} and we have no kind of signature in common: the key of our certificate may "
    "be one that it does not know",
    "PEER_DID_NOT_RETURN_A_CERTIFICATE": "{peer} has shown no certificate, and one is required",
    "DH_KEY_TOO_SMALL": "{peer} wants to use a key that is too weak",
    "EE_KEY_TOO_SMALL": "{peer} has a certificate with a key that is too weak",
    "UNSAFE_LEGACY_RENEGOTIATION_DISABLED": "{peer} knows no secure renegotiation (RFC 5746): its TLS is too old",
}
"""What we have against the peer, besides its certificate."""

_OTHER_NAME = (62, 64)
"""X509_V_ERR_HOSTNAME_MISMATCH and X509_V_ERR_IP_ADDRESS_MISMATCH."""

_REJECTED = 28
"""X509_V_ERR_CERT_REJECTED: checks of our own have said no, in a sentence."""

_UNKNOWN_ISSUER = (
    "the certificate of {peer} is not trusted, because its issuer{issuer} is not: "
    "give the issuer's certificate as ca_file, if it is the right one"
)

_VERDICTS = {
    2: _UNKNOWN_ISSUER,
    3: "it cannot be known whether the certificate of {peer} has been revoked: the list of its issuer is missing",
    9: "the certificate of {peer} is not valid{before}: look at the clocks, ours and the one it was made by",
    10: "the certificate of {peer} has expired{since}: it must be renewed there (or our clock is wrong)",
    12: "it cannot be known whether the certificate of {peer} has been revoked: the list of its issuer is out of date",
    18: "the certificate of {peer} is signed by itself and not among those we trust: give it as ca_file, if it is the right one",
    19: _UNKNOWN_ISSUER,
    20: _UNKNOWN_ISSUER,
    21: _UNKNOWN_ISSUER,
    23: "the certificate of {peer} has been revoked: it must be replaced there",
    26: "the certificate of {peer} is not for this role (client or server): another one must be made",
    66: "the certificate of {peer} has a key that is too weak: another one must be made",
    67: "an issuer of the certificate of {peer} has a key that is too weak",
    68: "the certificate of {peer} is signed with a hash that is too weak: another one must be made",
}
"""By OpenSSL's X509_V_ERR numbers."""

_DER = 2
"""How the inner object calls DER."""

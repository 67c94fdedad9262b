"""What OpenSSL cannot be told to ask of a peer's certificate: pinned fingerprints, and the least that a profile allows.

It is asked in the handshake itself. A context that `TlsConfig` has made makes
TLS objects whose `do_handshake` ends with these checks, so every shell, every
event loop and a user's own socket get a failed handshake, and not one byte of
DICOM passes before it. What fails is a verification like OpenSSL's own.
"""

from __future__ import annotations

import hashlib
import re
import ssl
from collections.abc import Sequence

from dicomnet.errors import InvalidValue
from dicomnet.records import dataclass
from dicomnet.tls.der import facts_of


@dataclass(frozen=True, slots=True)
class Demands:
    """What a certificate must be besides valid."""

    pins: frozenset[str] = frozenset()
    """The fingerprints of those that are taken; empty takes any."""
    rsa: int = 0
    """The shortest key in bits."""
    ec: int = 0
    sha256: bool = False
    """Whether it must be of RSA or EC, and signed with a hash of 256 bits or more."""

    def complaint(self, certificate: bytes) -> str | None:
        """What is wrong with a certificate in DER, in words."""
        seen = fingerprint(certificate)
        if self.pins and seen not in self.pins:
            return (
                f"the certificate of the peer is not the pinned one: its fingerprint is {seen}; "
                "if that is what the peer's administrator reads out to you, pin it instead"
            )
        return self.weakness(certificate)

    def weakness(self, certificate: bytes) -> str | None:
        """What about a certificate in DER is too weak, in words."""
        facts = facts_of(certificate)
        if facts is None:
            return "the certificate cannot be read" if self.sha256 else None
        least = {"RSA": self.rsa, "EC": self.ec}.get(facts.key_kind or "", 0)
        if facts.key_length is not None and facts.key_length < least:
            return f"the {facts.key_kind} key of {facts.subject} has {facts.key_length} bits, and {least} are the least"
        if self.sha256 and facts.key_kind is None:
            return f"the key of {facts.subject} is neither of RSA nor of EC"
        if self.sha256 and (facts.hash_length or 0) < 256:
            return f"the certificate of {facts.subject} is not signed with SHA-256 or better"
        return None


class Refused(ssl.SSLCertVerificationError):
    """The certificate is not what is demanded; OpenSSL has nothing against it, and tells the peer nothing."""


class Context(ssl.SSLContext):
    """A context with demands of its own."""

    demands = Demands()


def check_peer(ssl_object: ssl.SSLObject | ssl.SSLSocket) -> None:
    """Checks the peer's certificate after a handshake; those that `TlsConfig`'s contexts make have done it by themselves.

    Raises:
        ssl.SSLCertVerificationError: it is not what the context demands.
    """
    demands = demands_of(ssl_object)
    if demands == _NOTHING:
        return
    certificate = ssl_object.getpeercert(binary_form=True)
    if certificate is None:
        if demands.pins and not ssl_object.server_side:
            raise _refused("the peer has shown no certificate, and one is pinned")
        return
    complaint = demands.complaint(certificate)
    if complaint is not None:
        raise _refused(complaint)


def demands_of(ssl_object: ssl.SSLObject | ssl.SSLSocket) -> Demands:
    """Those of its context; a user's own has none."""
    context = ssl_object.context
    return context.demands if isinstance(context, Context) else _NOTHING


def fingerprint(certificate: bytes) -> str:
    """The SHA-256 of a certificate in DER, in the form in which `TlsConfig.pin` takes it."""
    return f"sha256:{hashlib.sha256(certificate).hexdigest()}"


def pins_of(given: str | Sequence[str]) -> frozenset[str]:
    """Fingerprints in any usual way of writing, in ours.

    Raises:
        InvalidValue: one is none.
    """
    texts = [given] if isinstance(given, str) else given
    pins = set()
    for text in texts:
        found = _FINGERPRINT.fullmatch(str(text).strip())
        if found is None:
            raise InvalidValue(f"pin {text!r} is no SHA-256 fingerprint; give sha256: and 64 hexadecimal digits")
        pins.add(f"sha256:{found[1].replace(':', '').lower()}")
    return frozenset(pins)


class _Object(ssl.SSLObject):
    def do_handshake(self) -> None:
        super().do_handshake()
        check_peer(self)


class _Socket(ssl.SSLSocket):
    def do_handshake(self, block: bool = False) -> None:
        super().do_handshake(block)
        check_peer(self)


Context.sslobject_class = _Object
Context.sslsocket_class = _Socket


def _refused(text: str) -> Refused:
    error = Refused(text)
    error.verify_message = text
    error.verify_code = _REJECTED
    return error


_NOTHING = Demands()

_FINGERPRINT = re.compile(r"(?:sha-?256(?: fingerprint)?\s*[:=]\s*)?([0-9a-f]{2}(?::?[0-9a-f]{2}){31})", re.IGNORECASE)

_REJECTED = 28
"""OpenSSL's X509_V_ERR_CERT_REJECTED: the application has said no."""

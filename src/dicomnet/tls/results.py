"""What became of a handshake: the suite, and who the peer is."""

from __future__ import annotations

import hashlib
import ssl
from dataclasses import replace
from datetime import datetime

from dicomnet.records import dataclass
from dicomnet.tls.checks import demands_of
from dicomnet.tls.der import Facts, facts_of
from dicomnet.tls.suites import CipherInfo, all_suites, cipher_of


@dataclass(frozen=True, slots=True)
class VerifyResult:
    """What the verification said of one certificate of the peer, and the certificate."""

    ok: bool
    """Whether the handshake verified it, or it is pinned; False as well where the handshake was told not to verify."""
    depth: int
    """0 is the peer's own certificate, 1 its issuer's, and so on."""
    certificate: bytes | None
    """In DER; None where a handshake failed, because Python does not hand it out then."""
    error: str | None = None
    error_code: int | None = None
    """OpenSSL's X509_V_ERR number."""

    @property
    def subject(self) -> str | None:
        """Whose it is, as in ``CN=pacs, O=Hospital``. This and the next four are None if the certificate cannot be read."""
        return None if (facts := self._facts()) is None else facts.subject

    @property
    def issuer(self) -> str | None:
        return None if (facts := self._facts()) is None else facts.issuer

    @property
    def not_before(self) -> datetime | None:
        return None if (facts := self._facts()) is None else facts.not_before

    @property
    def not_after(self) -> datetime | None:
        return None if (facts := self._facts()) is None else facts.not_after

    @property
    def serial_number(self) -> int | None:
        return None if (facts := self._facts()) is None else facts.serial_number

    @property
    def names(self) -> tuple[str, ...]:
        """The hosts and addresses that the certificate is for: those of its subjectAltName, with the common name if no host
        is among them."""
        return () if (facts := self._facts()) is None else facts.names

    @property
    def is_authority(self) -> bool:
        """Whether other certificates may be signed with its key; False if it cannot be read."""
        return (facts := self._facts()) is not None and facts.is_authority

    @property
    def purposes(self) -> tuple[str, ...]:
        """What it may be used for, such as "TLS server"; where it names nothing, anything."""
        return () if (facts := self._facts()) is None else facts.purposes

    @property
    def fingerprint(self) -> str | None:
        """The SHA-256 of the certificate in hexadecimal, as other tools print it: pairs in capitals, with colons."""
        return None if self.certificate is None else hashlib.sha256(self.certificate).digest().hex(":").upper()

    @property
    def text(self) -> str:
        """All of it for people, in lines."""
        lines = [f"verification: {'passed' if self.ok else 'failed'}{f' ({self.error})' if self.error else ''}"]
        facts = self._facts()
        if facts is not None:
            lines += [
                f"subject: {facts.subject}",
                f"names: {', '.join(facts.names)}",
                f"issuer: {facts.issuer}",
                f"valid: {facts.not_before:%Y-%m-%d %H:%M:%S} to {facts.not_after:%Y-%m-%d %H:%M:%S} UTC",
                f"serial number: {facts.serial_number:X}",
                f"authority: {'yes' if facts.is_authority else 'no'}",
                f"purposes: {', '.join(facts.purposes) or 'any'}",
            ]
        if self.fingerprint is not None:
            lines.append(f"SHA-256 fingerprint: {self.fingerprint}")
        return "\n".join(lines)

    def _facts(self) -> Facts | None:
        return None if self.certificate is None else facts_of(self.certificate)


def peer_certificates(ssl_object: ssl.SSLObject | ssl.SSLSocket) -> list[VerifyResult]:
    """The certificates of the peer, its own first; empty before the end of the handshake, or if it sent none.

    The issuers follow from Python 3.13 on; before, only the peer's own is handed out.
    """
    own = None if ssl_object.version() is None else ssl_object.getpeercert(binary_form=True)
    if own is None:
        return []
    verified = ssl_object.context.verify_mode is not ssl.CERT_NONE
    chain = getattr(ssl_object, "get_verified_chain" if verified else "get_unverified_chain", list)() or [own]
    pinned = bool(demands_of(ssl_object).pins)  # which the handshake has seen to, of the first one
    return [
        VerifyResult(ok, depth, certificate, None if ok else "not verified")
        for depth, certificate in enumerate(chain)
        for ok in [verified or (pinned and depth == 0)]
    ]


@dataclass(frozen=True, slots=True)
class TlsFacts:
    """What is known of the secure link."""

    version: str
    """Such as TLSv1.3."""
    cipher: CipherInfo | None
    certificates: list[VerifyResult]
    """Those of the peer, its own first; empty if it showed none."""

    @property
    def peer(self) -> VerifyResult | None:
        """The peer's own certificate: its subject, names, fingerprint and bytes; None if it showed none."""
        return self.certificates[0] if self.certificates else None


def tls_facts(ssl_object: ssl.SSLObject | ssl.SSLSocket) -> TlsFacts:
    """The facts of a link after its handshake."""
    return TlsFacts(ssl_object.version() or "", cipher_info(ssl_object), peer_certificates(ssl_object))


def failed_verification(error: ssl.SSLCertVerificationError) -> VerifyResult:
    """What a handshake that ended with this error thought of the peer's certificate."""
    return VerifyResult(
        False, 0, None, getattr(error, "verify_message", str(error)), getattr(error, "verify_code", None)
    )


def cipher_info(ssl_object: ssl.SSLObject | ssl.SSLSocket) -> CipherInfo | None:
    """The suite that a handshake settled on; None before it is over."""
    negotiated = ssl_object.cipher()
    if negotiated is None:
        return None
    name, protocol, bits = negotiated
    # A context of the user's own may hold suites that ours do not.
    here = {each["name"]: each for each in ssl_object.context.get_ciphers()}
    info = (
        cipher_of(here[name]) if name in here else all_suites().get(name) or CipherInfo(name, protocol, bits, *_UNKNOWN)
    )
    certificate = ssl_object.getpeercert(binary_form=True)
    facts = None if certificate is None else facts_of(certificate)
    return replace(
        info,
        protocol=ssl_object.version() or protocol,
        mutual_authentication_key_length=None if facts is None else facts.key_length,
    )


_UNKNOWN = ("unknown", "unknown", "unknown", "unknown", 0)

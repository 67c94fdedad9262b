"""The certificate that a peer has proved to be its own: what rules and audits name it by."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from dicomnet.aio.carrier import Carrier
from dicomnet.exchanges.session import Session
from dicomnet.records import dataclass

if TYPE_CHECKING:
    import ssl


@dataclass(frozen=True, slots=True)
class PeerCertificate:
    """A certificate that the handshake has verified; one that it was told not to verify proves nothing, and is none."""

    subject: str
    """As in ``CN=ct1.example, O=Hospital``; empty if it names none."""
    names: tuple[str, ...]
    """The subject's alternative names, of whatever kind."""
    fingerprint: str
    """Its SHA-256 in hexadecimal, in small letters without colons."""

    @property
    def name(self) -> str:
        """What to call it by in one word: its subject, or else its first name, or its fingerprint."""
        return self.subject or next(iter(self.names), f"sha256:{self.fingerprint}")


def certificate_of(session: Session) -> PeerCertificate | None:
    """What the peer of an association has proved to be, while its transport stands; None on a plain link."""
    channel = cast("Carrier", session.shell).channel
    return None if channel is None else verified_certificate(channel.get_extra_info("ssl_object"))


def verified_certificate(ssl_object: ssl.SSLObject | ssl.SSLSocket | None) -> PeerCertificate | None:
    """The same of a link; None if the peer showed none, or nobody verified it."""
    if ssl_object is None:
        return None
    from dicomnet.tls import peer_certificates

    own = next(iter(peer_certificates(ssl_object)), None)
    if own is None or not own.ok or own.certificate is None:
        return None
    fingerprint = (own.fingerprint or "").replace(":", "").lower()
    return PeerCertificate(own.subject or "", _names(ssl_object), fingerprint)


def _names(ssl_object: ssl.SSLObject | ssl.SSLSocket) -> tuple[str, ...]:
    try:
        facts: dict[str, Any] = ssl_object.getpeercert() or {}
    except (
        ValueError,
        OSError,
    ):  # one that is no text, say; authorities sign such things, and nobody has that name then
        return ()
    return tuple(str(value) for _, value in facts.get("subjectAltName", ()) if isinstance(value, str))

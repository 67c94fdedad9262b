"""Who asks for an association: what a `user_identity` function is told of him, and what it says."""

from __future__ import annotations

from dicomnet.aio.certified import PeerCertificate
from dicomnet.pdu import AssociateRequest, UserIdentity, UserIdentityType
from dicomnet.records import dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """Who asks, and says who he is (PS3.7 D.3.3.7)."""

    calling_ae: str
    called_ae: str
    address: str
    """The address of the host that calls."""
    certificate: PeerCertificate | None
    """The one it has proved to be its own; None on a plain link, or if none was asked for."""
    identity: UserIdentity
    """What it brings; its text never shows secrets."""

    @property
    def user(self) -> str | None:
        """The user name of an identity that is one, with or without passcode; None for tickets, assertions and tokens."""
        return self.identity.user_name


@dataclass(frozen=True, slots=True)
class Verified:
    """A yes that says more: returned by a `user_identity` function in place of True."""

    user: str | None = None
    """Who it is; None is what the identity says itself."""
    response: bytes = field(default=b"", repr=False)
    """The server's ticket or assertion (PS3.7 D.3.3.7.2): sent if it was asked for, and only for types that have one."""


def response_to(identity: UserIdentity, verified: Verified) -> bytes | None:
    """What answers an identity that was verified, if it asks for an answer; None is no answer.

    A Kerberos ticket or SAML assertion is answered with one of ours; where
    there is none, nothing is confirmed. The other types are answered with
    nothing in it.
    """
    if identity.kind in (UserIdentityType.KERBEROS, UserIdentityType.SAML):
        return verified.response or None
    return b""


def known_identity(request: AssociateRequest) -> UserIdentity | None:
    """The identity that a request brings; one of a type that means nothing is as none (PS3.7 D.3.3.7.1)."""
    identity = request.user_information.user_identity
    return identity if identity is not None and identity.kind in tuple(UserIdentityType) else None

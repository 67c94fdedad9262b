"""The association that a request came in, as handlers see it."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, cast

from dicomnet.aio.carrier import Carrier, perform
from dicomnet.aio.certified import PeerCertificate, verified_certificate
from dicomnet.aio.observe import Observed
from dicomnet.exchanges import calls
from dicomnet.exchanges.contexts import find_context
from dicomnet.exchanges.services import Verb, of_n_service
from dicomnet.exchanges.session import Session
from dicomnet.pdu import AssociateRequest, UserIdentity
from dicomnet.sockets import address_text
from dicomnet.ul.negotiation import Terms

if TYPE_CHECKING:
    from dicomnet.tls import TlsFacts


class AssociationInfo:
    """The association that a request came in."""

    has_twin = True

    def __init__(self, session: Session) -> None:
        self._session = session
        channel = cast("Carrier", session.shell).channel
        peer = None if channel is None else channel.get_extra_info("peername")
        self.peer_address: tuple[str, int] | None = address_text(peer) if isinstance(peer, tuple) else None
        """Host and port of the peer; None where the transport has no such thing, or is gone."""
        self._ssl = None if channel is None else channel.get_extra_info("ssl_object")
        self._certificate: PeerCertificate | None = None

    def __repr__(self) -> str:
        return f"<association {self.id} {self.calling_ae} -> {self.called_ae}>"

    @property
    def id(self) -> str:
        """Names it in the log."""
        return self._session.id

    @property
    def request(self) -> AssociateRequest:
        """The A-ASSOCIATE-RQ, which holds everything that was proposed (PS3.8 9.3.2)."""
        request = self._session.request
        assert request is not None
        return request

    @property
    def calling_ae(self) -> str:
        return self.request.calling_ae

    @property
    def called_ae(self) -> str:
        return self.request.called_ae

    @property
    def our_ae(self) -> str:
        """Which of the two titles is ours."""
        return self.calling_ae if self._session.core.connection.requestor else self.called_ae

    @property
    def peer_ae(self) -> str:
        """Which of the two titles is the peer's."""
        return self.called_ae if self._session.core.connection.requestor else self.calling_ae

    @property
    def terms(self) -> Terms | None:
        """What was negotiated; None before that."""
        return self._session.terms

    @property
    def user_identity(self) -> UserIdentity | None:
        """Who the requestor says that it is (PS3.7 D.3.3.7)."""
        return self.request.user_information.user_identity

    @property
    def user(self) -> str | None:
        """Who it was found to be by whoever is asked about user identities; None if nobody is."""
        return self._session.user

    @property
    def certificate(self) -> PeerCertificate | None:
        """The certificate that the peer has proved to be its own; None on a plain link, or if nobody verified one."""
        if self._ssl is not None and self._certificate is None:
            self._certificate = verified_certificate(self._ssl)
        return self._certificate

    @property
    def tls(self) -> TlsFacts | None:
        """The facts of the secure link; None on a plain one."""
        if self._ssl is None:
            return None
        from dicomnet.tls import tls_facts

        return tls_facts(self._ssl)

    @property
    def is_secure(self) -> bool:
        """Whether it is over TLS."""
        return self._ssl is not None

    @property
    def is_established(self) -> bool:
        """Whether it stands."""
        return self._session.established

    async def event_report(
        self, sop_class: str, instance: str, event_type: int, dataset: calls.Attributes | None = None
    ) -> calls.Answer:
        """Reports an event to the peer, as the SCP of the SOP class (PS3.7 10.1.1).

        Args:
            sop_class: service of one SOP class, keyword or UID.

        Raises:
            InvalidValue: the class is none.
            ContextRefused: the association has no context for it.
            StatusError: the peer answered with a failure.
            AssociationError: the association is over.
        """
        session, (syntax, uid) = self._session, of_n_service(sop_class)
        context = find_context(
            session.check(),
            syntax,
            as_scu=False,
            assume_roles=session.tolerance.assume_roles,
            verb=Verb.N_EVENT_REPORT,
            request=session.request,
            accept=session.accept_pdu,
        )
        return await perform(calls.n_event_report(session, context, uid, instance, event_type, dataset))


def observed(association: AssociationInfo, kind: Callable[..., Observed], **facts: Any) -> Observed:
    """An event of an association, for observers; also of one of which not even the request has come."""
    request, certificate = association._session.request, association.certificate
    host, via = association._session.ledger.peer, association._session.ledger.via
    return kind(
        association=association.id,
        calling_ae="" if request is None else request.calling_ae,
        called_ae="" if request is None else request.called_ae,
        peer_address=association.peer_address or ((host, 0) if host else None),
        via=via or None,
        user=association.user,
        certificate=None if certificate is None else certificate.name,
        **facts,
    )

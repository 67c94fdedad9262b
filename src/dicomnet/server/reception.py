"""Answers association requests, and stands before the handlers: what a peer may not ask for never reaches them."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any, Protocol

from dicomnet.aio.certified import certificate_of
from dicomnet.aio.observe import Cause, Denied, Observed, Refusal, Rejected
from dicomnet.dimse.commands import CStoreRequest, NEventReportRequest
from dicomnet.dimse.status import Status
from dicomnet.errors import RejectReason, RejectResult
from dicomnet.exchanges.contracts import Kept
from dicomnet.exchanges.services import Verb, verb_of
from dicomnet.exchanges.session import Inbound, Provider, Session
from dicomnet.pdu import AssociateAccept, AssociateReject, AssociateRequest, UserIdentity
from dicomnet.server.answer import agreed, answer, denied
from dicomnet.server.caller import Caller, Verified, known_identity, response_to
from dicomnet.server.callers import Callers
from dicomnet.server.entity import Entity
from dicomnet.server.inbox import Inbox
from dicomnet.server.policy import GIVING_OUT, only_taking
from dicomnet.server.site import Site
from dicomnet.uids import StorageCommitmentPushModel

log = logging.getLogger("dicomnet.server")


class House(Protocol):
    """What a reception needs of the running server."""

    site: Site
    callers: Callers

    def tell(self, session: Session, kind: Callable[..., Observed], **facts: Any) -> None:
        """Tells the observers of what happened in an association."""

    def provider_of(self, entity: Entity) -> Provider:
        """Who performs what is asked of it; it asks the reception about associations."""

    async def ask(self, function: Callable[..., Any], *arguments: Any) -> Any:
        """Calls a function of the user's, in a thread unless it is ``async``."""


class Reception:
    """The provider of one connection: the handlers of the title that is called are behind it.

    Besides refusing it takes what does not go to handlers: results of storage
    commitments and instances that somebody of ours waits for.

    Args:
        host: the peer's address.
        answer_time: seconds to decide about an association in; None is any.
    """

    def __init__(self, house: House, host: str, answer_time: float | None) -> None:
        self._house = house
        self._host = host
        self._answer_time = answer_time
        self._entity = house.site.entities[0]
        self._inner: Provider | None = None
        self._granted: frozenset[Verb] = frozenset()
        self._known = False
        """Whether the peer was found to be one that things are given out to; nobody asks without need."""
        self._inboxed: dict[Inbound, Inbox] = {}

    # As the provider of its session.

    def associate(self, session: Session, request: AssociateRequest) -> None:
        self._entity = self._house.site.entity_called(request.called_ae) or self._entity
        self._inner = self._house.provider_of(self._entity)
        self._inner.associate(session, request)

    def choose(self, inbound: Inbound) -> Any:
        if self._is_refused(inbound):
            return inbound.session.shell.nowhere()
        if isinstance(inbound.command, CStoreRequest) and self._house.site.inboxes:
            inbox = self._house.site.inboxes.find(inbound, self._host, known=self._known)
            if inbox is not None:
                self._inboxed[inbound] = inbox
                return inbox.place(inbound)
        return self._handlers.choose(inbound)

    def perform(self, inbound: Inbound, data: Kept | None, error: Exception | None) -> None:
        inbox = self._inboxed.pop(inbound, None)
        begun = inbound.user is not None  # when its data set was still to come
        if inbox is not None:
            inbox.received(inbound, data, error)
        elif begun:
            self._handlers.perform(inbound, data, error)
        elif not self._is_refused(inbound):
            pass_on = partial(self._pass_on, inbound, data, error)
            if not self._house.site.transactions.take(inbound, data, pass_on):
                pass_on()

    def cancelled(self, inbound: Inbound) -> None:
        self._handlers.cancelled(inbound)

    def ended(self, session: Session) -> None:
        self._inboxed.clear()
        self._house.callers.leave(session)
        if self._inner is not None:
            self._inner.ended(session)
        elif (reject := session.rejected) is not None:  # by the core, which asks nobody
            limit = (reject.source, reject.reason) == RejectReason.LOCAL_LIMIT_EXCEEDED.value
            cause = Cause.LIMIT if limit else Cause.PROTOCOL
            facts = {"result": reject.result, "source": reject.source, "reason": reject.reason}
            self._house.tell(session, Rejected, **facts, cause=cause)

    # What the handlers' provider asks.

    async def decide(self, session: Session, request: AssociateRequest) -> AssociateAccept | Refusal:
        """The answer to an association request; the log says why it is a refusal."""
        try:
            async with asyncio.timeout(self._answer_time):
                return await self._decide(session, request)
        except TimeoutError:
            log.warning("%s nobody decided in time whether %s may call", session.id, session.ledger.who)
            return Refusal(_BUSY, Cause.UNDECIDED)

    # How.

    @property
    def _handlers(self) -> Provider:
        assert self._inner is not None
        return self._inner

    async def _decide(self, session: Session, request: AssociateRequest) -> AssociateAccept | Refusal:
        site, who = self._house.site, session.ledger.who
        refusal = self._may_not_call(session, request)
        if refusal is not None:
            return refusal
        identity = known_identity(request)
        verified = await self._verified(session, request, identity)
        if verified is None:
            return Refusal(_because(RejectReason.PROVIDER_NO_REASON), Cause.USER_IDENTITY)  # its source is ACSE
        session.user = verified.user
        extended = await agreed(self._entity.extended, request, self._house.ask)
        self._granted = await self._grant(session, request)
        if not self._house.callers.enter(session, request.calling_ae):
            most = site.limits.associations_per_ae
            log.warning("%s %s: that title has %d associations, which is the limit", session.id, who, most)
            return Refusal(_because(RejectReason.LOCAL_LIMIT_EXCEEDED, RejectResult.TRANSIENT), Cause.LIMIT)
        abilities = self._entity.abilities(
            request, self._granted, extended=extended, awaits_results=site.lends, awaits_instances=bool(site.inboxes)
        )
        checked = self._entity.rules.user_identity is not None
        response = response_to(identity, verified) if checked and identity is not None else None
        accept = answer(request, abilities, identity=response)
        self._tell_denied(session, denied(request, accept, abilities))
        return accept

    def _may_not_call(self, session: Session, request: AssociateRequest) -> Refusal | None:
        """Why a peer may not call, by what it is: its titles, address and certificate."""
        site, who, rules, title = self._house.site, session.ledger.who, self._entity.rules, request.calling_ae
        if site.entity_called(request.called_ae) is None:
            log.warning("%s %s: that title is none of ours, %s", session.id, who, site.titles)
            return Refusal(_because(RejectReason.CALLED_AE_TITLE_NOT_RECOGNIZED), Cause.CALLED_TITLE)
        if not rules.may_call_as(title):
            log.warning("%s %s: that title may not call", session.id, who)
            return Refusal(_because(RejectReason.CALLING_AE_TITLE_NOT_RECOGNIZED), Cause.CALLING_TITLE)
        if not rules.may_call_from(self._host):
            log.warning("%s %s: nobody may call from that address", session.id, who)
            return Refusal(_because(RejectReason.NO_REASON), Cause.ADDRESS)
        certificate = certificate_of(session) if rules.asks_for_certificate(title) else None
        if not rules.may_call_with(title, certificate):
            shown = "no verified certificate" if certificate is None else certificate.name
            log.warning("%s %s: that title may not call with %s", session.id, who, shown)
            return Refusal(_because(RejectReason.CALLING_AE_TITLE_NOT_RECOGNIZED), Cause.CERTIFICATE)
        return None

    async def _grant(self, session: Session, request: AssociateRequest) -> frozenset[Verb]:
        """What the peer may ask for; an address book that hangs keeps nobody from giving us something."""
        rules, title = self._entity.rules, request.calling_ae
        allowed = rules.allowed(title)
        if not self._house.site.inboxes and not self._entity.gives_out(request):
            return only_taking(allowed)
        try:
            async with asyncio.timeout(None if self._answer_time is None else self._answer_time / 2):
                self._known = await rules.knows(title, self._host, self._house.ask)
        except TimeoutError:
            log.warning("%s the address book did not say in time who %s is", session.id, session.ledger.who)
        return allowed if self._known else only_taking(allowed)

    async def _verified(
        self, session: Session, request: AssociateRequest, identity: UserIdentity | None
    ) -> Verified | None:
        """Who asks, as far as somebody is there to say; None refuses him (PS3.7 D.3.3.7)."""
        who, rules = session.ledger.who, self._entity.rules
        if rules.user_identity is None:
            return Verified()
        if identity is None:
            if rules.identity_required:
                log.warning("%s %s brings no user identity of a known type, and is rejected", session.id, who)
            return None if rules.identity_required else Verified()
        caller = Caller(
            calling_ae=request.calling_ae,
            called_ae=request.called_ae,
            address=self._host,
            certificate=certificate_of(session),
            identity=identity,
        )
        verdict = await self._house.ask(rules.user_identity, caller)
        if verdict is True or isinstance(verdict, bytes):
            return Verified(caller.user, b"" if verdict is True else verdict)
        if isinstance(verdict, Verified):
            return verdict if verdict.user is not None else replace(verdict, user=caller.user)
        if verdict is None or verdict is False:
            whose = "" if caller.user is None else f" of {caller.user}"
            log.warning("%s %s: the user identity%s is refused", session.id, who, whose)
        else:
            # What is no answer must not let anybody in.
            kind = type(verdict).__name__
            log.error("%s %s: user_identity gave %s, which is no answer, and refuses", session.id, who, kind)
        return None

    def _tell_denied(self, session: Session, verbs: frozenset[Verb], status: Status | None = None) -> None:
        """One line and one event for operations that the peer may not ask for."""
        if not verbs:
            return
        named = sorted(verbs)
        request = session.request
        closed = request is not None and verbs <= GIVING_OUT & self._entity.rules.allowed(request.calling_ae)
        hint = (
            "; that is for titles of peers= at their addresses, and for networks of allow_retrieve=" if closed else ""
        )
        log.warning("%s %s is not authorized for %s%s", session.id, session.ledger.who, ", ".join(named), hint)
        self._house.tell(session, Denied, verbs=tuple(named), status=status)

    def _pass_on(self, inbound: Inbound, data: Kept | None, error: Exception | None) -> None:
        if not self._answer_unknown_result(inbound, data):
            self._handlers.perform(inbound, data, error)

    def _is_refused(self, inbound: Inbound) -> bool:
        """Whether the peer may not ask for this; a class with several operations can be accepted for others."""
        verb = verb_of(inbound.command)
        if verb in self._granted or inbound.answered:
            return False
        self._tell_denied(inbound.session, frozenset({verb}), Status.NOT_AUTHORIZED)
        inbound.respond(Status.NOT_AUTHORIZED, error_comment=f"{verb} is not allowed for this peer")
        return True

    def _answer_unknown_result(self, inbound: Inbound, data: Kept | None) -> bool:
        """PS3.4 J.3.3: a result of a storage commitment that nobody waits for, and nobody handles, is not passed over."""
        sop_class = inbound.context.abstract_syntax
        if not isinstance(inbound.command, NEventReportRequest) or sop_class != StorageCommitmentPushModel:
            return False
        if self._entity.handles(Verb.N_EVENT_REPORT, sop_class):
            return False
        if data is not None:
            data.close()
        session = inbound.session
        log.warning("%s %s: a commitment result that nobody waits for", session.id, session.ledger.who)
        inbound.respond(Status.PROCESSING_FAILURE, error_comment="unknown transaction")
        return True


def _because(reason: RejectReason, result: RejectResult = RejectResult.PERMANENT) -> AssociateReject:
    return AssociateReject(result, reason.source, reason.reason)


_BUSY = _because(RejectReason.TEMPORARY_CONGESTION, RejectResult.TRANSIENT)

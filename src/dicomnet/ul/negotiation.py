"""Deciding an association: a request and a policy in, an answer out (PS3.8 7.1, PS3.7 Annex D).

Pure functions, in the order in which they are needed:

`screen`       what no user need be asked: is this a request the provider can take?
`negotiate`    what a policy answers to it: an acceptance or a rejection.
`check_answer` whether an acceptance, whoever made it, answers the request and nothing else.
`conclude`     what a request and its acceptance mean for one side: the `Terms`.

Role selection (PS3.7 D.3.3.4), always told from the requestor's side; a row per
SOP class, SCU and SCP role judged alone:

    offered   answered   the requestor then
    absent    anything   is SCU only: an answer never asked for is ignored
    present   absent     is SCU only
    0         0 or 1     does not play the role: 1 may not answer a proposed 0
    1         0          does not play the role
    1         1          plays the role
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from types import MappingProxyType

from dicomnet.errors import InvalidValue, RejectReason, RejectResult
from dicomnet.limits import SMALLEST_MAX_PDU_LENGTH, Limits
from dicomnet.pdu import (
    AssociateAccept,
    AssociateReject,
    AssociateRequest,
    AsynchronousWindow,
    ContextOutcome,
    ContextResult,
    ExtendedNegotiation,
    ProposedContext,
    RoleSelection,
    UserIdentity,
    UserInformation,
)
from dicomnet.records import dataclass, field
from dicomnet.types import UID, is_uid
from dicomnet.uids import (
    DICOM_APPLICATION_CONTEXT,
    IMPLEMENTATION_CLASS_UID,
    IMPLEMENTATION_VERSION_NAME,
    TRANSFER_SYNTAXES,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
)


@dataclass(frozen=True, slots=True)
class Context:
    """An accepted presentation context, seen from our side."""

    context_id: int
    abstract_syntax: UID
    transfer_syntax: UID
    our_scu: bool
    """Whether we may send requests of this abstract syntax."""
    our_scp: bool
    """Whether we answer them."""


@dataclass(frozen=True, slots=True)
class Terms:
    """What both sides of an association now hold each other to."""

    called_ae: str
    calling_ae: str
    contexts: Mapping[int, Context]
    """The accepted contexts by ID."""
    peer_max_pdu_length: int
    """As announced; 0 is no limit."""
    operations_invoked: int
    """Requests of ours that may be outstanding at a time; 0 is no limit."""
    operations_performed: int
    """Requests of the peer that may be outstanding at a time; 0 is no limit."""
    peer_implementation_class_uid: UID | None = None
    peer_implementation_version_name: str | None = None
    extended: Mapping[UID, bytes] = field(default_factory=dict)
    """What the acceptor answered to each extended negotiation it was offered, by SOP class (PS3.7 D.3.3.5)."""
    user_identity_response: bytes | None = None
    """The acceptor's answer to a user identity that asked for one, empty unless it is a ticket or an assertion. None is
    no answer: whoever looks at no identities gives none, so nobody has confirmed the user (PS3.7 D.3.3.7)."""

    def max_sent_pdu_length(self, ours: int) -> int:
        """The largest PDU length to send: the peer's limit, or ours where it has none (PS3.8 D.1)."""
        return min(self.peer_max_pdu_length or ours, ours)

    def find(self, abstract_syntax: str) -> Context | None:
        """The first accepted context of an abstract syntax."""
        return next((c for c in self.contexts.values() if c.abstract_syntax == abstract_syntax), None)


@dataclass(frozen=True, slots=True)
class Policy:
    """What an acceptor agrees to. Every field has the default of an open receiver."""

    called_ae: Collection[str] | None = None
    """Titles we answer to, compared exactly; None is any."""
    calling_ae: Collection[str] | None = None
    """Titles that may call; None is any."""
    abstract_syntaxes: Mapping[str, Sequence[str] | None] | None = None
    """Abstract syntaxes served, each with the transfer syntaxes taken in order of preference (None: the default
    order, see `choose_transfer_syntax`); None is every abstract syntax."""
    roles: Callable[[RoleSelection], RoleSelection | None] = field(default=lambda offered: offered)
    """Answers an offered role selection; None leaves it unanswered, which means the default roles."""
    extended: Callable[[ExtendedNegotiation], ExtendedNegotiation | None] = field(default=lambda _: None)
    """Answers a SOP class extended negotiation; None leaves it unanswered."""
    identity: Callable[[UserIdentity], bytes | None] | None = None
    """Authenticates a user identity: the server response (often empty), or None to reject. Absent: not looked at."""
    max_pdu_length: int = Limits().max_pdu_length
    asynchronous_window: int = Limits().asynchronous_window
    implementation_class_uid: UID = IMPLEMENTATION_CLASS_UID
    implementation_version_name: str | None = IMPLEMENTATION_VERSION_NAME


def screen(request: AssociateRequest) -> tuple[AssociateReject, str] | None:
    """What the provider itself refuses, before any user is asked (PS3.8 9.2, AE-6), and what is wrong with it in words."""
    version, application_context = request.protocol_version, request.application_context
    if not version & 1:  # PS3.8 9.3.2: only bit 0 is tested
        wrong = f"protocol version not supported ({version:04X}H, without bit 0)"
        return _reject(RejectReason.PROTOCOL_VERSION_NOT_SUPPORTED), wrong
    if application_context != DICOM_APPLICATION_CONTEXT:  # PS3.7 A.2.1: the only one there is
        wrong = f"application context not supported ({application_context or 'there is none'})"
        return _reject(RejectReason.APPLICATION_CONTEXT_NOT_SUPPORTED), wrong
    if not request.called_ae:
        return _reject(RejectReason.CALLED_AE_TITLE_NOT_RECOGNIZED), "called AE title not recognized (it is blank)"
    if not request.calling_ae:
        return _reject(RejectReason.CALLING_AE_TITLE_NOT_RECOGNIZED), "calling AE title not recognized (it is blank)"
    if not request.contexts:  # PS3.8 9.3.2: one or more
        return _reject(RejectReason.PROVIDER_NO_REASON), "it proposes no presentation context"
    max_pdu_length = request.user_information.max_pdu_length or SMALLEST_MAX_PDU_LENGTH
    if max_pdu_length < SMALLEST_MAX_PDU_LENGTH:
        wrong = f"it takes PDUs of {max_pdu_length} bytes at most: no message fits"
        return _reject(RejectReason.PROVIDER_NO_REASON), wrong
    return None


def negotiate(request: AssociateRequest, policy: Policy) -> AssociateAccept | AssociateReject:
    """The policy's answer to a request that passed `screen`."""
    if policy.called_ae is not None and request.called_ae not in policy.called_ae:
        return _reject(RejectReason.CALLED_AE_TITLE_NOT_RECOGNIZED)
    if policy.calling_ae is not None and request.calling_ae not in policy.calling_ae:
        return _reject(RejectReason.CALLING_AE_TITLE_NOT_RECOGNIZED)
    theirs = request.user_information
    identity_response = None
    if theirs.user_identity is not None and policy.identity is not None:
        identity_response = policy.identity(theirs.user_identity)
        if identity_response is None:
            return _reject(RejectReason.PROVIDER_NO_REASON)  # PS3.7 D.3.3.7.3: source is ACSE
        if not theirs.user_identity.positive_response_requested:
            identity_response = None
    return AssociateAccept(
        called_ae=request.called_ae,
        calling_ae=request.calling_ae,
        contexts=tuple(_answer_context(context, policy) for context in request.contexts),
        user_information=UserInformation(
            max_pdu_length=policy.max_pdu_length,
            implementation_class_uid=policy.implementation_class_uid,
            implementation_version_name=policy.implementation_version_name,
            asynchronous_window=answer_window(theirs.asynchronous_window, policy.asynchronous_window),
            roles=tuple(_answer_roles(request, policy)),
            extended=tuple(_answer_extended(theirs.extended, policy)),
            user_identity_response=identity_response,
        ),
        echo=request.echo,
    )


def check_answer(request: AssociateRequest, accept: AssociateAccept) -> None:
    """Makes sure that an acceptance answers its request and nothing else.

    Raises:
        InvalidValue: it answers a context, syntax, role or item that was not offered, or leaves a context out.
    """
    offered = {context.context_id: context for context in request.contexts}
    answered = [result.context_id for result in accept.contexts]
    if sorted(answered) != sorted(offered):
        raise InvalidValue(f"contexts {answered} are answered, {list(offered)} were proposed")
    for result in accept.contexts:
        if result.accepted and result.transfer_syntax not in offered[result.context_id].transfer_syntaxes:
            raise InvalidValue(f"context {result.context_id} is accepted in a transfer syntax that was not proposed")
    theirs, ours = request.user_information, accept.user_information
    roles = {role.sop_class: role for role in theirs.roles}
    for role in ours.roles:
        offer = roles.get(role.sop_class)
        if offer is None or role.scu > offer.scu or role.scp > offer.scp:  # PS3.7 D.3.3.4
            raise InvalidValue(f"a role of {role.sop_class} is granted that was not offered")
    if not {item.sop_class for item in ours.extended} <= {item.sop_class for item in theirs.extended}:
        raise InvalidValue("an extended negotiation is answered that was not offered")
    window, offered_window = ours.asynchronous_window, theirs.asynchronous_window
    if window is not None and (offered_window is None or window != _lower_window(window, offered_window)):
        raise InvalidValue("the asynchronous operations window is answered wider than it was offered")
    if ours.user_identity_response is not None and not (
        theirs.user_identity is not None and theirs.user_identity.positive_response_requested
    ):
        raise InvalidValue("a user identity is answered that asked for no answer")


def conclude(request: AssociateRequest, accept: AssociateAccept, *, requestor: bool) -> Terms:
    """What an acceptance of a request means for one side.

    Lenient about the answer: what was never offered is ignored, missing results
    are refusals, and a transfer syntax that was not offered makes its context
    unusable (PS3.8 9.3.3.2).
    """
    roles = _concluded_roles(request, accept)
    contexts: dict[int, Context] = {}
    proposed = {context.context_id: context for context in request.contexts}
    for result in accept.contexts:
        offer = proposed.get(result.context_id)
        syntax = result.transfer_syntax
        if offer is None or not result.accepted or syntax is None or syntax not in offer.transfer_syntaxes:
            continue
        scu, scp = roles.get(offer.abstract_syntax, (True, False))
        ours = (scu, scp) if requestor else (scp, scu)
        contexts[offer.context_id] = Context(offer.context_id, offer.abstract_syntax, syntax, *ours)
    peer = (accept if requestor else request).user_information
    offered, answered = request.user_information, accept.user_information
    identity = offered.user_identity
    window = _concluded_window(request, accept)
    invoked, performed = (window.invoked, window.performed) if requestor else (window.performed, window.invoked)
    return Terms(
        called_ae=request.called_ae,
        calling_ae=request.calling_ae,
        contexts=MappingProxyType(contexts),
        peer_max_pdu_length=peer.max_pdu_length or 0,
        operations_invoked=invoked,
        operations_performed=performed,
        peer_implementation_class_uid=peer.implementation_class_uid,
        peer_implementation_version_name=peer.implementation_version_name,
        extended=MappingProxyType(_concluded_extended(offered.extended, answered.extended)),
        user_identity_response=(
            answered.user_identity_response if identity is not None and identity.positive_response_requested else None
        ),
    )


def choose_transfer_syntax(proposed: Sequence[str], preference: Sequence[str] | None = None) -> UID | None:
    """Picks one of the proposed transfer syntaxes, or None.

    Without a preference: explicit VR little endian, implicit, what loses
    nothing in the proposer's order, deflated, big endian; lossy or unknown
    only when nothing else is proposed, because a sender that may choose
    compresses when we say yes to it.
    """
    if preference is not None:
        return next((UID(syntax) for syntax in preference if syntax in proposed), None)
    return UID(min(filter(is_uid, proposed), key=_reluctance, default="")) or None


def answer_window(offered: AsynchronousWindow | None, limit: int) -> AsynchronousWindow | None:
    """Answers an asynchronous operations window, never above the offer; 0 is no limit (PS3.7 D.3.3.3)."""
    if offered is None:
        return None
    return AsynchronousWindow(_lower(offered.invoked, limit), _lower(offered.performed, limit))


def refuse_context(context: ProposedContext, outcome: ContextOutcome) -> ContextResult:
    """A refusal; the transfer syntax it must hold on the wire means nothing (PS3.8 9.3.3.2)."""
    return ContextResult(context.context_id, outcome, None)


def _answer_context(context: ProposedContext, policy: Policy) -> ContextResult:
    preference: Sequence[str] | None = None
    if not is_uid(context.abstract_syntax):
        return refuse_context(context, ContextOutcome.ABSTRACT_SYNTAX_NOT_SUPPORTED)
    if policy.abstract_syntaxes is not None:
        if context.abstract_syntax not in policy.abstract_syntaxes:
            return refuse_context(context, ContextOutcome.ABSTRACT_SYNTAX_NOT_SUPPORTED)
        preference = policy.abstract_syntaxes[context.abstract_syntax]
    syntax = choose_transfer_syntax(context.transfer_syntaxes, preference)
    if syntax is None:
        return refuse_context(context, ContextOutcome.TRANSFER_SYNTAXES_NOT_SUPPORTED)
    return ContextResult(context.context_id, ContextOutcome.ACCEPTANCE, syntax)


def _answer_roles(request: AssociateRequest, policy: Policy) -> Sequence[RoleSelection]:
    proposed = {context.abstract_syntax for context in request.contexts if is_uid(context.abstract_syntax)}
    answers = []
    for offer in request.user_information.roles:
        answer = policy.roles(offer) if offer.sop_class in proposed else None
        if answer is not None:
            answers.append(RoleSelection(offer.sop_class, offer.scu and answer.scu, offer.scp and answer.scp))
    return answers


def _answer_extended(offers: Sequence[ExtendedNegotiation], policy: Policy) -> Sequence[ExtendedNegotiation]:
    answers = (policy.extended(offer) for offer in offers if is_uid(offer.sop_class))
    return [answer for answer in answers if answer is not None]


def _concluded_roles(request: AssociateRequest, accept: AssociateAccept) -> dict[UID, tuple[bool, bool]]:
    offered = {role.sop_class: role for role in request.user_information.roles}
    concluded = {}
    for answer in accept.user_information.roles:
        offer = offered.get(answer.sop_class)
        if offer is not None:
            concluded[answer.sop_class] = (offer.scu and answer.scu, offer.scp and answer.scp)
    return concluded


def _concluded_extended(
    offers: Sequence[ExtendedNegotiation], answers: Sequence[ExtendedNegotiation]
) -> dict[UID, bytes]:
    offered = {offer.sop_class for offer in offers}
    return {item.sop_class: item.application_information for item in reversed(answers) if item.sop_class in offered}


def _concluded_window(request: AssociateRequest, accept: AssociateAccept) -> AsynchronousWindow:
    offer = request.user_information.asynchronous_window
    answer = accept.user_information.asynchronous_window
    if offer is None or answer is None:
        return AsynchronousWindow(1, 1)
    return _lower_window(answer, offer)


def _lower_window(window: AsynchronousWindow, offer: AsynchronousWindow) -> AsynchronousWindow:
    return AsynchronousWindow(_lower(window.invoked, offer.invoked), _lower(window.performed, offer.performed))


def _lower(one: int, other: int) -> int:
    """The lower of two numbers of which 0 is no limit."""
    return min(one or other, other or one)


def _reluctance(syntax: str) -> int:
    if syntax in _PLAIN_ORDER:
        return _PLAIN_ORDER[syntax]
    facts = TRANSFER_SYNTAXES.get(UID(syntax))
    if facts is None or facts.lossy:
        return 5
    return 3 if facts.deflated else 2


def _reject(reason: RejectReason, result: RejectResult = RejectResult.PERMANENT) -> AssociateReject:
    return AssociateReject(result, reason.source, reason.reason)


_PLAIN_ORDER: dict[str, int] = {ExplicitVRLittleEndian: 0, ImplicitVRLittleEndian: 1, ExplicitVRBigEndian: 4}

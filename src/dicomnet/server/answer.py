"""What a title of ours answers to an association request: contexts, roles, windows, by what its handlers can do."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, TypeAlias

from dicomnet.errors import InvalidValue
from dicomnet.exchanges.services import Verb, sop_classes, verbs
from dicomnet.pdu import (
    AssociateAccept,
    AssociateRequest,
    ContextOutcome,
    ContextResult,
    ExtendedNegotiation,
    ProposedContext,
    RoleSelection,
)
from dicomnet.records import dataclass, field
from dicomnet.server.policy import Ask
from dicomnet.types import UID, is_uid
from dicomnet.uids import (
    KEYWORDS,
    NAMES,
    STORAGE_CLASSES,
    TRANSFER_SYNTAXES,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    Storage,
)
from dicomnet.ul import negotiation
from dicomnet.ul.negotiation import refuse_context

Extended: TypeAlias = Callable[[ExtendedNegotiation], Any] | Mapping[str, bytes]
"""Answers service-class-application-information (PS3.7 D.3.3.5): a function of the offer, plain or ``async``, that returns
an `ExtendedNegotiation`, the bytes of one, or None; or by service or SOP class what we agree to: of several bytes each is
answered with the lower of the two."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Abilities:
    """What one association may be agreed on."""

    verbs_of: Callable[[str], frozenset[Verb]]
    """The operations that are performed of a SOP class; none if it is not served."""
    stores: Callable[[str], bool]
    """Whether instances of a class would be stored."""
    gives: bool
    """Whether C-GET is served, so that instances may be sent to a requestor in the SCP role (PS3.4 C.5.3)."""
    granted: frozenset[Verb]
    """The operations that this peer may ask for."""
    unrestricted: bool = False
    """Whether classes that nobody knows are taken for storage classes, even if the peer does not say that they are."""
    hears: Callable[[str], bool] = lambda _: True
    """Whether the events of a class are taken, rather than reported only."""
    assume_roles: bool = False
    report_without_role: bool = False
    """Whether events are taken from a peer that does not offer the SCP role."""
    transfer_syntaxes: Sequence[str] | None = None
    """For instances, the best first; None is the usual order."""
    extended: Mapping[UID, ExtendedNegotiation] = field(default_factory=dict)
    """What is answered to extended negotiation, by SOP class, see `agreed`."""
    max_pdu_length: int
    window: int


def answer(request: AssociateRequest, abilities: Abilities, *, identity: bytes | None = None) -> AssociateAccept:
    """An acceptance, even if no context is accepted (PS3.8 9.3.3).

    Args:
        identity: what answers the user identity of the request, if that asks for it; None does not.
    """
    offered = {one.sop_class: one for one in request.user_information.roles}
    judged = {one.abstract_syntax: _judge(one.abstract_syntax, request, abilities, offered) for one in request.contexts}
    accept = negotiation.negotiate(
        request,
        negotiation.Policy(
            abstract_syntaxes={syntax: found for syntax, found in judged.items() if not isinstance(found, _Refusal)},
            roles=lambda offer: _roles(offer, abilities, request),
            extended=lambda offer: abilities.extended.get(offer.sop_class),
            identity=None if identity is None else lambda _: identity,
            max_pdu_length=abilities.max_pdu_length,
            asynchronous_window=abilities.window,
        ),
    )
    assert isinstance(accept, AssociateAccept)  # that policy refuses nobody
    results = zip(request.contexts, accept.contexts, strict=True)
    return replace(accept, contexts=tuple(_told(one, result, judged) for one, result in results))


def checked_extended(given: Extended | None) -> Extended:
    """How extended negotiation is answered, by SOP class where it is no function; raises `InvalidValue`."""
    if callable(given):
        return given
    return {uid: information for name, information in (given or {}).items() for uid in sop_classes(name)}


async def agreed(extended: Extended, request: AssociateRequest, ask: Ask) -> dict[UID, ExtendedNegotiation]:
    """What is answered to the extended negotiation of a request.

    Args:
        extended: made by `checked_extended`.
    """
    proposed = {context.abstract_syntax for context in request.contexts}
    # Once for each class, of which there are 128 at most: a function may take its time.
    offers = {one.sop_class: one for one in request.user_information.extended if one.sop_class in proposed}
    answers: dict[UID, ExtendedNegotiation] = {}
    for sop_class, offer in offers.items():
        found = await ask(extended, offer) if callable(extended) else _lower(offer, extended)
        if isinstance(found, bytes):
            found = ExtendedNegotiation(sop_class, found)
        if found is not None:
            answers[sop_class] = found
    return answers


def checked_syntaxes(given: Sequence[str] | None) -> tuple[UID, ...] | None:
    """Transfer syntaxes by keyword or UID; raises `InvalidValue`."""
    if given is None:
        return None
    found = [KEYWORDS.get(one, UID(one)) for one in ([given] if isinstance(given, str) else given)]
    for one in found:
        if not is_uid(one) or (one in NAMES and one not in TRANSFER_SYNTAXES):
            raise InvalidValue(f"{one!r} is not the keyword or UID of a transfer syntax")
    return tuple(found)


def _lower(offer: ExtendedNegotiation, ours: Mapping[str, bytes]) -> bytes | None:
    if offer.sop_class not in ours:
        return None
    return bytes(map(min, zip(offer.application_information, ours[offer.sop_class], strict=False)))


def denied(request: AssociateRequest, accept: AssociateAccept, abilities: Abilities) -> frozenset[Verb]:
    """The operations for which contexts were proposed and refused, because this peer may not ask for them."""
    refused = {one.context_id for one in accept.contexts if one.result == _NOT_FOR_YOU.outcome}
    if not refused:
        return _NOTHING
    offered = {one.sop_class: one for one in request.user_information.roles}
    asked = {one.abstract_syntax for one in request.contexts if one.context_id in refused}
    return _NOTHING.union(*(_wanted(syntax, request, abilities, offered) for syntax in asked))


@dataclass(frozen=True, slots=True)
class _Refusal:
    outcome: ContextOutcome


def _judge(
    syntax: UID, request: AssociateRequest, abilities: Abilities, offered: Mapping[UID, RoleSelection]
) -> Sequence[str] | _Refusal | None:
    """The transfer syntaxes for an abstract syntax, or why it is refused: a context is for what the peer's roles allow."""
    wanted = _wanted(syntax, request, abilities, offered)
    if not wanted:
        as_scu, as_scp = _uses(syntax, request, abilities)
        return _NOT_IN_THIS_ROLE if as_scu or as_scp else _UNKNOWN
    if not wanted & abilities.granted:
        return _NOT_FOR_YOU
    return abilities.transfer_syntaxes if _is_storage(syntax, request, abilities) else _PLAIN


def _wanted(
    syntax: UID, request: AssociateRequest, abilities: Abilities, offered: Mapping[UID, RoleSelection]
) -> frozenset[Verb]:
    """What the requestor could do here in the roles that it offers to take."""
    as_scu, as_scp = _uses(syntax, request, abilities)
    role = offered.get(syntax, RoleSelection(syntax, scu=True, scp=False))
    wanted = _NOTHING
    if role.scu or abilities.assume_roles:
        wanted |= as_scu
    unasked = abilities.report_without_role and not _is_storage(syntax, request, abilities)
    if role.scp or abilities.assume_roles or unasked:
        wanted |= as_scp
    return wanted


def _uses(syntax: UID, request: AssociateRequest, abilities: Abilities) -> tuple[frozenset[Verb], frozenset[Verb]]:
    """What the requestor can do here in the role of an SCU, and in that of an SCP."""
    if _is_storage(syntax, request, abilities):
        return _STORE if abilities.stores(syntax) else _NOTHING, _GET if abilities.gives else _NOTHING
    served = abilities.verbs_of(syntax)
    # A class that is all events is also served by who reports them to its SCUs.
    as_scu = served if verbs(syntax) == _REPORT else served - _REPORT
    return as_scu, served & _REPORT if abilities.hears(syntax) else _NOTHING


def _is_storage(syntax: UID, request: AssociateRequest, abilities: Abilities) -> bool:
    if syntax in STORAGE_CLASSES or Verb.STORE in abilities.verbs_of(syntax):
        return True
    if abilities.unrestricted and syntax not in NAMES:
        return True
    # PS3.4 B.3.1.3: who does not know the class can store its instances all the same.
    described = request.user_information.common_extended
    return any(one.sop_class == syntax and one.service_class == Storage for one in described)


def _roles(offer: RoleSelection, abilities: Abilities, request: AssociateRequest) -> RoleSelection:
    """What nobody here has a use for is not granted (PS3.7 D.3.3.4)."""
    as_scu, as_scp = _uses(offer.sop_class, request, abilities)
    granted = abilities.granted
    return RoleSelection(offer.sop_class, scu=bool(as_scu & granted), scp=bool(as_scp & granted))


def _told(
    proposed: ProposedContext, result: ContextResult, judged: Mapping[UID, Sequence[str] | _Refusal | None]
) -> ContextResult:
    verdict = judged[proposed.abstract_syntax]
    return refuse_context(proposed, verdict.outcome) if isinstance(verdict, _Refusal) else result


_NOTHING: frozenset[Verb] = frozenset()
_STORE, _GET, _REPORT = frozenset({Verb.STORE}), frozenset({Verb.GET}), frozenset({Verb.N_EVENT_REPORT})

_UNKNOWN = _Refusal(ContextOutcome.ABSTRACT_SYNTAX_NOT_SUPPORTED)
_NOT_IN_THIS_ROLE = _NOT_FOR_YOU = _Refusal(ContextOutcome.USER_REJECTION)

_PLAIN = (ExplicitVRLittleEndian, ImplicitVRLittleEndian, ExplicitVRBigEndian)
# For what we read and write ourselves; nothing is gained by compressing it.

"""Presentation contexts: what to propose for a purpose, and what to use of what was accepted.

Pure functions, in the order in which they are needed:

`wanted`, `for_instances`, `merge`  what a purpose needs: a list of `Wanted`, as long as it gets.
`packs`                             the same cut into what fits into one association each.
`association_request`               one pack as an A-ASSOCIATE-RQ.
`find_context`, `store_context`     where in an association a message, or an instance, may go.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import replace
from typing import TypeVar

from dicomnet.errors import ContextRefused, InvalidValue
from dicomnet.exchanges.services import carries, sop_classes, verbs
from dicomnet.limits import SMALLEST_MAX_PDU_LENGTH
from dicomnet.pdu import (
    AssociateAccept,
    AssociateRequest,
    AsynchronousWindow,
    CommonExtendedNegotiation,
    ContextOutcome,
    ExtendedNegotiation,
    ProposedContext,
    RoleSelection,
    UserIdentity,
    UserInformation,
)
from dicomnet.records import dataclass
from dicomnet.types import UID, ae_title
from dicomnet.uids import (
    IMPLEMENTATION_CLASS_UID,
    IMPLEMENTATION_VERSION_NAME,
    KEYWORDS,
    STORAGE_CLASSES,
    TRANSFER_SYNTAXES,
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    name as name_of,
)
from dicomnet.ul.negotiation import Context, Terms

Item = TypeVar("Item", RoleSelection, ExtendedNegotiation, CommonExtendedNegotiation)

MOST_CONTEXTS = 128
"""Presentation contexts of one association: their IDs are the odd numbers of a byte (PS3.8 9.3.2.2)."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """One presentation context to be proposed (PS3.8 7.1.1.13), and the roles wanted for its SOP class.

    For ``contexts=`` of `associate`, where the name of a service would propose
    other transfer syntaxes than are wanted::

        Wanted("CTImageStorage", ["JPEGLSLossless", "ExplicitVRLittleEndian"])

    Any roles but the default ones offer a role selection, which holds for the
    SOP class in the whole association (PS3.7 D.3.3.4).

    Args:
        abstract_syntax: keyword or UID of a SOP class.
        transfer_syntaxes: keywords or UIDs, one or several, in order of preference; the acceptor picks one. To have
            each of several accepted, propose a context for each.
        scu: whether we want to send its requests.
        scp: whether we want to answer them.

    Raises:
        InvalidValue: a keyword is not known, there is no transfer syntax, or no role.
    """

    abstract_syntax: UID
    transfer_syntaxes: tuple[UID, ...]
    scu: bool
    scp: bool

    def __init__(
        self, abstract_syntax: str, transfer_syntaxes: str | Iterable[str], scu: bool = True, scp: bool = False
    ) -> None:
        abstract = _abstract_syntax(abstract_syntax)
        names = [transfer_syntaxes] if isinstance(transfer_syntaxes, str) else transfer_syntaxes
        syntaxes = tuple(_transfer_syntax(one) for one in names)
        if not syntaxes:
            raise InvalidValue(f"a context of {name_of(abstract)} is wanted without a transfer syntax")
        if not (scu or scp):
            raise InvalidValue(f"a context of {name_of(abstract)} is wanted in neither role")
        values = (abstract, syntaxes, scu, scp)
        for field, value in zip(("abstract_syntax", "transfer_syntaxes", "scu", "scp"), values, strict=True):
            object.__setattr__(self, field, value)


def wanted(names: Iterable[str | Wanted]) -> list[Wanted]:
    """The contexts behind names, each once, in their order.

    Storage classes get one context for each plain little endian syntax, so that
    both may be accepted and an instance goes out as it is; all other classes
    get one in which the acceptor picks.

    Args:
        names: services, SOP class keywords or UIDs (see `services.sop_classes`), or contexts as they are.

    Raises:
        InvalidValue: a name means nothing.
    """
    found: list[Wanted] = []
    for one in [names] if isinstance(names, str) else names:
        if isinstance(one, Wanted):
            found.append(one)
            continue
        for sop_class in sop_classes(one):
            if sop_class in STORAGE_CLASSES:
                found += (Wanted(sop_class, (syntax,)) for syntax in _PLAIN)
            else:
                found.append(Wanted(sop_class, _PLAIN))
    return merge(found)


def for_instances(pairs: Iterable[tuple[str, str]], *, decode: bool = False) -> list[Wanted]:
    """The contexts in which instances can be stored: each syntax of a class alone, so that none is accepted that we lack.

    A class of which something can be converted gets implicit VR little endian
    besides, which every acceptor has to know (PS3.5 10.1); and explicit VR
    little endian, if some of it is in a syntax that few take.

    Args:
        pairs: SOP class and transfer syntax of each instance.
        decode: whether compressed ones can be decompressed, so that the uncompressed syntaxes will do for all.
    """
    syntaxes: dict[str, dict[str, None]] = {}
    for sop_class, syntax in pairs:
        syntaxes.setdefault(sop_class, {})[syntax] = None
    for found in syntaxes.values():
        if decode or not _UNUSUAL.isdisjoint(found):
            found[ExplicitVRLittleEndian] = None
        if decode or not _CONVERTIBLE.isdisjoint(found):
            found[ImplicitVRLittleEndian] = None
    return [Wanted(UID(sop_class), (UID(syntax),)) for sop_class, found in syntaxes.items() for syntax in found]


def merge(*lists: Iterable[Wanted]) -> list[Wanted]:
    """One list of several: the same context is proposed once, in all the roles it is wanted for."""
    found: dict[tuple[UID, tuple[UID, ...]], Wanted] = {}
    for one in (one for some in lists for one in some):
        key = (one.abstract_syntax, one.transfer_syntaxes)
        known = found.get(key, one)
        found[key] = replace(known, scu=known.scu or one.scu, scp=known.scp or one.scp)
    return list(found.values())


def packs(wanted: Iterable[Wanted], limit: int = MOST_CONTEXTS) -> list[list[Wanted]]:
    """Cuts contexts into as many associations as they need.

    Those of one abstract syntax stay together, beside the first of them, unless
    they alone are more than an association holds.

    Args:
        limit: contexts per association, 1 to 128.

    Raises:
        InvalidValue: the limit is none.
    """
    if not 1 <= limit <= MOST_CONTEXTS:
        raise InvalidValue(f"{limit} presentation contexts per association, 1 to {MOST_CONTEXTS} are possible")
    groups: dict[UID, list[Wanted]] = {}
    for one in merge(wanted):
        groups.setdefault(one.abstract_syntax, []).append(one)
    found: list[list[Wanted]] = []
    for group in groups.values():
        for start in range(0, len(group), limit):
            piece = group[start : start + limit]
            if found and len(found[-1]) + len(piece) <= limit:
                found[-1] += piece
            else:
                found.append(piece)
    return found


def association_request(
    pack: Sequence[Wanted],
    *,
    calling_ae: str,
    called_ae: str,
    max_pdu_length: int,
    roles: Iterable[RoleSelection] = (),
    extended: Iterable[ExtendedNegotiation] = (),
    common_extended: Iterable[CommonExtendedNegotiation] = (),
    user_identity: UserIdentity | None = None,
    window: int | tuple[int, int] | None = None,
) -> AssociateRequest:
    """The A-ASSOCIATE-RQ that proposes one pack, with context IDs 1, 3, 5...

    Items of SOP classes that are not in the pack are left out, so the same
    arguments serve every pack.

    Args:
        max_pdu_length: what we take in a P-DATA-TF, in bytes; 0 is no limit.
        roles: offered instead of what the pack wants for these SOP classes.
        extended: service-class-application-information (PS3.7 D.3.3.5).
        common_extended: service class and related classes (PS3.7 D.3.3.6).
        user_identity: who asks (PS3.7 D.3.3.7).
        window: operations outstanding at a time, for both sides or as invoked and performed by us; 0 is no limit,
            None does not negotiate it, so there is one (PS3.7 D.3.3.3).

    Raises:
        InvalidValue: a title is no AE title, the pack is empty or too large, or a number is out of range.
    """
    if not 1 <= len(pack) <= MOST_CONTEXTS:
        raise InvalidValue(f"an association proposes 1 to {MOST_CONTEXTS} presentation contexts, not {len(pack)}")
    if max_pdu_length and not SMALLEST_MAX_PDU_LENGTH <= max_pdu_length < 1 << 32:
        raise InvalidValue(
            f"maximum length {max_pdu_length} is not 0, nor from {SMALLEST_MAX_PDU_LENGTH} to 4294967295"
        )
    proposed = {one.abstract_syntax for one in pack}
    return AssociateRequest(
        called_ae=_checked_title("called", called_ae),
        calling_ae=_checked_title("calling", calling_ae),
        contexts=tuple(
            ProposedContext(2 * index + 1, one.abstract_syntax, one.transfer_syntaxes) for index, one in enumerate(pack)
        ),
        user_information=UserInformation(
            max_pdu_length=max_pdu_length,
            implementation_class_uid=IMPLEMENTATION_CLASS_UID,
            implementation_version_name=IMPLEMENTATION_VERSION_NAME,
            asynchronous_window=asynchronous_window(window),
            roles=_roles(pack, _of_classes(roles, proposed)),
            extended=_of_classes(extended, proposed),
            common_extended=_of_classes(common_extended, proposed),
            user_identity=user_identity,
        ),
    )


def find_context(
    terms: Terms,
    sop_class: str,
    *,
    as_scu: bool = True,
    assume_roles: bool = False,
    verb: str | None = None,
    request: AssociateRequest | None = None,
    accept: AssociateAccept | None = None,
) -> Context:
    """An accepted context in which we may send a message about a SOP class.

    A context of the class itself comes first, then one that carries it (see `services.carries`).

    Args:
        as_scu: whether we send as SCU; N-EVENT-REPORT is sent as SCP.
        assume_roles: takes every accepted context, for peers that leave role selection unanswered and go on as if
            they had granted it.
        verb: prefers contexts of a class that knows this operation: which of several UPS contexts a message belongs to
            depends on it (PS3.4 CC.3.1).
        request: what was proposed, by either side, so that the error can tell more.
        accept: what was answered to it, for the same purpose.

    Raises:
        ContextRefused: there is none; the text says whether it was not proposed, refused, or accepted without the role.
    """
    carrying = [context for context in terms.contexts.values() if carries(context.abstract_syntax, sop_class)]
    able = [one for one in carrying if assume_roles or (one.our_scu if as_scu else one.our_scp)]
    if not able:
        raise _refusal(sop_class, "SCU" if as_scu else "SCP", carrying, request, accept)
    return min(
        able,
        key=lambda one: (
            verb is not None and verb not in verbs(one.abstract_syntax),
            one.abstract_syntax != sop_class,
        ),
    )


def store_context(
    terms: Terms, sop_class: str, transfer_syntax: str, *, assume_roles: bool = False
) -> tuple[Context, bool] | None:
    """The context to store an instance in, and whether it must be converted to the transfer syntax of that context.

    Best is the instance's own syntax; what is not compressed can be converted
    between explicit VR little endian, implicit VR and big endian, in that order.

    Args:
        transfer_syntax: the one in which we have the instance.
        assume_roles: takes contexts without the SCU role for us, too, see `find_context`.

    Returns:
        None if nothing was accepted in which the instance could be sent.
    """
    usable: dict[str, Context] = {}
    for context in terms.contexts.values():
        if context.abstract_syntax == sop_class and (context.our_scu or assume_roles):
            usable.setdefault(context.transfer_syntax, context)
    if transfer_syntax in usable:
        return usable[transfer_syntax], False
    if transfer_syntax not in _CONVERTIBLE:
        return None
    return next(((usable[syntax], True) for syntax in (*_PLAIN, ExplicitVRBigEndian) if syntax in usable), None)


def _abstract_syntax(name: str) -> UID:
    found = sop_classes(name) if name[:1].isalpha() else (UID(name),)
    if len(found) != 1:
        raise InvalidValue(f"{name!r} is a service of {len(found)} SOP classes, and a context is for one of them")
    return found[0]


def _transfer_syntax(name: str) -> UID:
    if not name[:1].isalpha():
        return UID(name)
    found = KEYWORDS.get(name)
    if found not in TRANSFER_SYNTAXES:
        from difflib import get_close_matches

        near = get_close_matches(name, [one for one, uid in KEYWORDS.items() if uid in TRANSFER_SYNTAXES], 1)
        hint = f"; did you mean {near[0]}?" if near else ""
        raise InvalidValue(f"{name!r} is neither the keyword nor the UID of a transfer syntax{hint}")
    return found


def _roles(pack: Iterable[Wanted], explicit: Sequence[RoleSelection]) -> tuple[RoleSelection, ...]:
    found: dict[UID, RoleSelection] = {}
    for one in pack:
        known = found.get(one.abstract_syntax, RoleSelection(one.abstract_syntax, scu=False, scp=False))
        found[one.abstract_syntax] = replace(known, scu=known.scu or one.scu, scp=known.scp or one.scp)
    derived = {role.sop_class: role for role in found.values() if not role.scu or role.scp}
    return tuple({**derived, **{role.sop_class: role for role in explicit}}.values())


def asynchronous_window(window: int | tuple[int, int] | None) -> AsynchronousWindow | None:
    """The item that proposes a window: a number both ways, or invoked and performed by us.

    Raises:
        InvalidValue: it is neither, or does not fit into 16 bits.
    """
    match window:
        case None:
            return None
        case int(both):
            invoked = performed = both
        case int(invoked), int(performed):
            pass
        case _:
            raise InvalidValue(
                f"a window is a number of operations, or a pair of invoked and performed, not {window!r}"
            )
    for number in (invoked, performed):
        if not 0 <= number <= 0xFFFF:
            raise InvalidValue(f"an asynchronous window of {number} operations does not fit into 16 bits")
    return AsynchronousWindow(invoked, performed)


def _checked_title(which: str, text: str) -> str:
    try:
        return ae_title(text)
    except ValueError as error:
        raise InvalidValue(f"{which} AE title: {error}") from error


def _of_classes(items: Iterable[Item], classes: Collection[UID]) -> tuple[Item, ...]:
    return tuple(item for item in items if item.sop_class in classes)


def _refusal(
    sop_class: str,
    role: str,
    carrying: Sequence[Context],
    request: AssociateRequest | None,
    accept: AssociateAccept | None,
) -> ContextRefused:
    name = name_of(sop_class)
    if carrying:
        return ContextRefused(
            sop_class,
            f"{name} was accepted, but without the {role} role for this side; "
            "role selection has to be offered and granted (PS3.7 D.3.3.4)",
        )
    if request is None:
        return ContextRefused(sop_class, f"{name} has no accepted presentation context: not proposed, or refused")
    proposed = {one.context_id for one in request.contexts if carries(one.abstract_syntax, sop_class)}
    if not proposed:
        return ContextRefused(sop_class, f"{name} was not proposed in this association", proposed=False)
    return ContextRefused(sop_class, f"{name} was proposed, but refused{_why_refused(accept, proposed)}")


def nothing_accepted(pack: Sequence[Wanted], accept: AssociateAccept | None) -> ContextRefused:
    """What is said of a peer that has accepted none of the contexts of an association."""
    names = ", ".join(dict.fromkeys(name_of(one.abstract_syntax) for one in pack[:_MOST_NAMES]))
    more = " and others" if len(pack) > _MOST_NAMES else ""
    return ContextRefused(
        pack[0].abstract_syntax,
        f"the peer accepted no presentation context: {names}{more} refused{_why_refused(accept)}",
    )


def _why_refused(accept: AssociateAccept | None, context_ids: Collection[int] | None = None) -> str:
    answers = (
        []
        if accept is None
        else [one for one in accept.contexts if context_ids is None or one.context_id in context_ids]
    )
    reasons = {_WHY_REFUSED[one.result] for one in answers if one.result in _WHY_REFUSED}
    return f": {', '.join(sorted(reasons))}" if reasons else ""


_PLAIN = (ExplicitVRLittleEndian, ImplicitVRLittleEndian)

# What says the same in other bytes: to go from one to another, no pixel has to be decompressed.
_CONVERTIBLE = frozenset({*_PLAIN, ExplicitVRBigEndian, DeflatedExplicitVRLittleEndian})

_MOST_NAMES = 5

_WHY_REFUSED: dict[int, str] = {
    ContextOutcome.USER_REJECTION: "it is not wanted there",
    ContextOutcome.NO_REASON: "no reason given",
    ContextOutcome.ABSTRACT_SYNTAX_NOT_SUPPORTED: "the SOP class is not supported",
    ContextOutcome.TRANSFER_SYNTAXES_NOT_SUPPORTED: "none of the transfer syntaxes is supported",
}

# What few peers take, so that it will have to be converted for the others.
_UNUSUAL = frozenset({ExplicitVRBigEndian, DeflatedExplicitVRLittleEndian})

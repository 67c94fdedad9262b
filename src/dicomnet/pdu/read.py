"""Bytes to PDUs: a ``pull_`` function per structure, in the order of ``write`` (PS3.8 9.3, PS3.7 D.3.3).

Each takes what follows the header of its structure and copies what it keeps,
so the caller's buffer is free again when it returns. All raise ``InvalidPdu``
and nothing else, and only where lengths do not fit into one another: what a
value means, and whether it will do, is decided by those who use it. Peers get
the rest wrong in many harmless ways, so reserved bytes are not tested, unknown
items are skipped, and of what may stand once the first one counts.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from sys import intern
from typing import TypeVar

from dicomnet.errors import AbortReason, InvalidPdu
from dicomnet.limits import MOST_ITEMS, MOST_TRANSFER_SYNTAXES, Limits
from dicomnet.pdu.items import (
    AsynchronousWindow,
    CommonExtendedNegotiation,
    ContextOutcome,
    ContextResult,
    ExtendedNegotiation,
    ItemType,
    ProposedContext,
    RawItem,
    RoleSelection,
    UserIdentity,
    UserInformation,
)
from dicomnet.pdu.types import (
    Abort,
    AssociateAccept,
    AssociateReject,
    AssociateRequest,
    DataTransfer,
    Pdu,
    PduType,
    PresentationDataValue,
    ReleaseReply,
    ReleaseRequest,
)
from dicomnet.types import UID, clean_uid

T = TypeVar("T")
C = TypeVar("C", ProposedContext, ContextResult)


def decode(pdu_type: int, body: bytes | memoryview) -> Pdu:
    """Reads a PDU from its type byte and from exactly what its length field counts.

    Raises:
        InvalidPdu: the type is unknown, or the lengths inside do not fit.
    """
    check_type(pdu_type)
    return _PULL[pdu_type](memoryview(body))


def pull_pdu(data: bytes | memoryview) -> tuple[Pdu, int] | None:
    """Reads the PDU at the front of ``data``.

    Returns:
        The PDU and the number of bytes it took, or None when more are needed.

    Raises:
        InvalidPdu: no PDU begins like this, which is said as soon as it is
            known, or the one that does is broken.
    """
    header = pull_header(data)
    if header is None:
        return None
    pdu_type, length = header
    end = HEADER_SIZE + length
    if len(data) < end:
        return None
    return decode(pdu_type, memoryview(data)[HEADER_SIZE:end]), end


def pull_header(data: bytes | memoryview) -> tuple[int, int] | None:
    """The type and the length of the PDU at the front of ``data``, or None when more bytes are needed.

    What reaches a DICOM port is not always DICOM: the type is checked on the
    first byte and the length against our limits, before it makes anybody wait.
    """
    if not len(data):
        return None
    check_type(data[0])
    if len(data) < HEADER_SIZE:
        return None
    pdu_type, length = data[0], int.from_bytes(data[2:6], "big")
    check_length(pdu_type, length, _LIMITS.received_pdu if pdu_type == PduType.P_DATA_TF else _LIMITS.association_pdu)
    return pdu_type, length


def check_type(first: int) -> None:
    """Knows a stranger by its first byte: to wait for six would make a TLS client wait for its own timeout."""
    if 1 <= first <= 7:
        return
    guess = ""
    if first == 0x16:
        guess = " (this is how a TLS hello begins; the peer wants TLS where there is none)"
    elif first == 0x15:
        guess = " (this is a TLS alert: the peer speaks TLS there, so give tls=)"
    elif first in _HTTP_INITIALS:
        guess = " (perhaps HTTP)"
    raise InvalidPdu(f"PDU type {first:02X}H is unknown{guess}", AbortReason.UNRECOGNIZED_PDU)


def check_length(pdu_type: int, length: int, limit: int) -> None:
    """Refuses a length before anybody waits for so many bytes."""
    if length > limit:
        raise InvalidPdu(f"{PduType(pdu_type).name} of {length} bytes, at most {limit} are taken")


def pull_associate_request(body: memoryview) -> AssociateRequest:
    """PS3.8 9.3.2."""
    version, echo = _pull_fixed_part(body)
    application_context, contexts, user_information = _pull_variable_items(
        body[_FIXED_SIZE:], ItemType.PROPOSED_CONTEXT, pull_proposed_context
    )
    return AssociateRequest(
        called_ae=_text(echo[:16]),
        calling_ae=_text(echo[16:32]),
        contexts=contexts,
        user_information=user_information,
        application_context=application_context,
        protocol_version=version,
        echo=echo,
    )


def pull_associate_accept(body: memoryview) -> AssociateAccept:
    """PS3.8 9.3.3."""
    version, echo = _pull_fixed_part(body)
    application_context, contexts, user_information = _pull_variable_items(
        body[_FIXED_SIZE:], ItemType.CONTEXT_RESULT, pull_context_result
    )
    return AssociateAccept(
        called_ae=_text(echo[:16]),
        calling_ae=_text(echo[16:32]),
        contexts=contexts,
        user_information=user_information,
        application_context=application_context,
        protocol_version=version,
    )


def pull_associate_reject(body: memoryview) -> AssociateReject:
    """PS3.8 9.3.4."""
    _check_size(body, 4)
    return AssociateReject(result=body[1], source=body[2], reason=body[3])


def pull_data_transfer(body: memoryview) -> DataTransfer:
    """PS3.8 9.3.5."""
    values = []
    at = 0
    while at < len(body):
        length = _number(body, at, 4)
        at += 4 + length
        if at > len(body):
            raise InvalidPdu(f"PDV of {length} bytes reaches {at - len(body)} bytes beyond its PDU")
        values.append(pull_presentation_data_value(body[at - length : at]))
    if not values:
        raise InvalidPdu("P-DATA-TF without a PDV")
    return DataTransfer(tuple(values))


def pull_presentation_data_value(body: memoryview) -> PresentationDataValue:
    """PS3.8 9.3.5.1; an empty fragment is nothing to send, but it may be the last one, so it counts."""
    _check_size(body, 2)
    return PresentationDataValue(context_id=body[0], control=body[1], data=bytes(body[2:]))


def pull_release_request(body: memoryview) -> ReleaseRequest:
    """PS3.8 9.3.6."""
    _check_size(body, 4)
    return ReleaseRequest()


def pull_release_reply(body: memoryview) -> ReleaseReply:
    """PS3.8 9.3.7."""
    _check_size(body, 4)
    return ReleaseReply()


def pull_abort(body: memoryview) -> Abort:
    """PS3.8 9.3.8."""
    _check_size(body, 4)
    return Abort(source=body[2], reason=body[3])


def pull_proposed_context(body: memoryview) -> ProposedContext:
    """20H (PS3.8 9.3.2.2)."""
    _check_size(body, 4)
    abstract_syntax: UID | None = None
    transfer_syntaxes = []
    for item_type, _, content in _pull_items(body[4:], MOST_TRANSFER_SYNTAXES):
        if item_type == ItemType.TRANSFER_SYNTAX:
            transfer_syntaxes.append(_uid(content))
        elif item_type == ItemType.ABSTRACT_SYNTAX and abstract_syntax is None:
            abstract_syntax = _uid(content)
    return ProposedContext(body[0], abstract_syntax or UID(""), tuple(transfer_syntaxes))


def pull_context_result(body: memoryview) -> ContextResult:
    """21H (PS3.8 9.3.3.2)."""
    _check_size(body, 4)
    context_id, result = body[0], body[2]
    if result != ContextOutcome.ACCEPTANCE:
        # PS3.8 9.3.3.2: the transfer syntax of a rejected context is not to be tested, and some peers send rubbish.
        return ContextResult(context_id, result, None)
    syntaxes = [
        _uid(content)
        for item_type, _, content in _pull_items(body[4:], MOST_TRANSFER_SYNTAXES)
        if item_type == ItemType.TRANSFER_SYNTAX
    ]
    return ContextResult(context_id, result, (syntaxes[0] or None) if len(syntaxes) == 1 else None)


def pull_user_information(body: memoryview) -> UserInformation:
    """50H (PS3.8 9.3.2.3)."""
    single: dict[int, memoryview] = {}
    roles: dict[UID, RoleSelection] = {}
    extended: dict[UID, ExtendedNegotiation] = {}
    common_extended: dict[UID, CommonExtendedNegotiation] = {}
    unknown: list[RawItem] = []
    for item_type, version, content in _pull_items(body):
        match item_type:
            case ItemType.ROLE_SELECTION:
                role = pull_role_selection(content)
                roles.setdefault(role.sop_class, role)
            case ItemType.EXTENDED_NEGOTIATION:
                wish = pull_extended_negotiation(content)
                extended.setdefault(wish.sop_class, wish)
            case ItemType.COMMON_EXTENDED_NEGOTIATION:
                relation = pull_common_extended_negotiation(content, version)
                common_extended.setdefault(relation.sop_class, relation)
            case _ if item_type in _SINGLE:
                single.setdefault(item_type, content)
            case _:
                unknown.append(RawItem(item_type, bytes(content)))
    return UserInformation(
        max_pdu_length=_maybe(pull_max_pdu_length, single.get(ItemType.MAXIMUM_LENGTH)),
        implementation_class_uid=_maybe(_uid, single.get(ItemType.IMPLEMENTATION_CLASS_UID)),
        implementation_version_name=_maybe(
            pull_implementation_version_name, single.get(ItemType.IMPLEMENTATION_VERSION_NAME)
        ),
        asynchronous_window=_maybe(pull_asynchronous_window, single.get(ItemType.ASYNCHRONOUS_WINDOW)),
        roles=tuple(roles.values()),
        extended=tuple(extended.values()),
        common_extended=tuple(common_extended.values()),
        user_identity=_maybe(pull_user_identity, single.get(ItemType.USER_IDENTITY)),
        user_identity_response=_maybe(pull_user_identity_response, single.get(ItemType.USER_IDENTITY_RESPONSE)),
        unknown=tuple(unknown),
    )


def pull_max_pdu_length(body: memoryview) -> int:
    """51H (PS3.8 D.1)."""
    _check_end(body, 4)
    return _number(body, 0, 4)


def pull_asynchronous_window(body: memoryview) -> AsynchronousWindow:
    """53H (PS3.7 D.3.3.3)."""
    _check_end(body, 4)
    return AsynchronousWindow(invoked=_number(body, 0, 2), performed=_number(body, 2, 2))


def pull_role_selection(body: memoryview) -> RoleSelection:
    """54H (PS3.7 D.3.3.4)."""
    sop_class, at = _pull_counted(body, 0)
    _check_end(body, at + 2)
    return RoleSelection(_uid(sop_class), scu=body[at] != 0, scp=body[at + 1] != 0)


def pull_implementation_version_name(body: memoryview) -> str:
    """55H (PS3.7 D.3.3.2.3), whatever the peer calls itself."""
    return _text(body)


def pull_extended_negotiation(body: memoryview) -> ExtendedNegotiation:
    """56H (PS3.7 D.3.3.5)."""
    sop_class, at = _pull_counted(body, 0)
    return ExtendedNegotiation(_uid(sop_class), bytes(body[at:]))


def pull_common_extended_negotiation(body: memoryview, version: int) -> CommonExtendedNegotiation:
    """57H (PS3.7 D.3.3.6); later versions only append, so what follows the known fields is left alone."""
    sop_class, at = _pull_counted(body, 0)
    service_class, at = _pull_counted(body, at)
    related, _ = _pull_counted(body, at)
    related_general = []
    at = 0
    while at < len(related):
        general, at = _pull_counted(related, at)
        related_general.append(_uid(general))
    return CommonExtendedNegotiation(_uid(sop_class), _uid(service_class), tuple(related_general), version)


def pull_user_identity(body: memoryview) -> UserIdentity:
    """58H (PS3.7 D.3.3.7.1)."""
    primary, at = _pull_counted(body, 2)
    secondary, at = _pull_counted(body, at)
    _check_end(body, at)
    return UserIdentity(body[0], bytes(primary), bytes(secondary), positive_response_requested=body[1] != 0)


def pull_user_identity_response(body: memoryview) -> bytes:
    """59H (PS3.7 D.3.3.7.2)."""
    response, at = _pull_counted(body, 0)
    _check_end(body, at)
    return bytes(response)


def _pull_fixed_part(body: memoryview) -> tuple[int, bytes]:
    """The protocol version, and the 64 bytes of both titles and the reserved field behind them."""
    _check_size(body, _FIXED_SIZE)
    return _number(body, 0, 2), bytes(body[4:_FIXED_SIZE])


def _pull_variable_items(
    body: memoryview, context_type: ItemType, pull_context: Callable[[memoryview], C]
) -> tuple[UID, tuple[C, ...], UserInformation]:
    application_context: UID | None = None
    contexts: dict[int, C] = {}
    user_information: UserInformation | None = None
    for item_type, _, content in _pull_items(body):
        if item_type == context_type:
            context_id = content[0] if len(content) else 1
            # PS3.8 9.3.2.2: IDs are odd and unique. Others are passed over, so that none is ever answered twice.
            if context_id % 2 and context_id not in contexts:
                contexts[context_id] = pull_context(content)
        elif item_type == ItemType.APPLICATION_CONTEXT and application_context is None:
            application_context = _uid(content)
        elif item_type == ItemType.USER_INFORMATION and user_information is None:
            user_information = pull_user_information(content)
    return application_context or UID(""), tuple(contexts.values()), user_information or UserInformation()


def _pull_items(body: memoryview, most: int = MOST_ITEMS) -> Iterator[tuple[int, int, memoryview]]:
    """Type, second byte and content of each item; a stranger's PDU has room for a quarter million, and each takes time."""
    at = 0
    for _ in range(most):
        if at >= len(body):
            return
        content, end = _pull_counted(body, at + 2)
        yield body[at], body[at + 1], content
        at = end
    if at < len(body):
        raise InvalidPdu(f"more than {most} items in one place")


def _pull_counted(body: memoryview, at: int) -> tuple[memoryview, int]:
    """The bytes counted by the two-byte length at ``at``, and where they end."""
    length = _number(body, at, 2)
    end = at + 2 + length
    if end > len(body):
        raise InvalidPdu(f"field of {length} bytes reaches {end - len(body)} bytes beyond what holds it")
    return body[at + 2 : end], end


def _number(body: memoryview, at: int, size: int) -> int:
    _check_size(body, at + size)
    return int.from_bytes(body[at : at + size], "big")


def _check_size(body: memoryview, least: int) -> None:
    if len(body) < least:
        raise InvalidPdu(f"{len(body)} bytes where at least {least} are needed")


def _check_end(body: memoryview, end: int) -> None:
    if len(body) != end:
        raise InvalidPdu(f"{len(body)} bytes where {end} are needed")


def _uid(raw: memoryview) -> UID:
    return UID(intern(clean_uid(bytes(raw))))  # the same few in every association, which keeps them to its end


def _text(raw: bytes | memoryview) -> str:
    return bytes(raw).decode("latin-1").strip(" \0")


def _maybe(pull: Callable[[memoryview], T], content: memoryview | None) -> T | None:
    return None if content is None else pull(content)


HEADER_SIZE = 6
"""Bytes of a PDU that its length does not count."""

_FIXED_SIZE = 68
"""Bytes between that header and the items of an A-ASSOCIATE-RQ or -AC."""

_HTTP_INITIALS = tuple(b"CDGHOPT")  # of CONNECT, DELETE, GET, HEAD, OPTIONS, POST and PUT, TRACE

_LIMITS = Limits()

_SINGLE = frozenset(
    {
        ItemType.MAXIMUM_LENGTH,
        ItemType.IMPLEMENTATION_CLASS_UID,
        ItemType.ASYNCHRONOUS_WINDOW,
        ItemType.IMPLEMENTATION_VERSION_NAME,
        ItemType.USER_IDENTITY,
        ItemType.USER_IDENTITY_RESPONSE,
    }
)

_PULL: dict[int, Callable[[memoryview], Pdu]] = {
    PduType.ASSOCIATE_RQ: pull_associate_request,
    PduType.ASSOCIATE_AC: pull_associate_accept,
    PduType.ASSOCIATE_RJ: pull_associate_reject,
    PduType.P_DATA_TF: pull_data_transfer,
    PduType.RELEASE_RQ: pull_release_request,
    PduType.RELEASE_RP: pull_release_reply,
    PduType.ABORT: pull_abort,
}

"""PDUs to bytes: a ``push_`` function per structure, in the order of ``read`` (PS3.8 9.3, PS3.7 D.3.3).

Each gives what follows the header of its structure; whoever holds the
structure adds the header. All raise ``InvalidValue`` for what the standard
does not let us send: we are strict here so that others need not be lenient.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from dicomnet.errors import AbortReason, AbortSource, InvalidValue, RejectReason, RejectResult
from dicomnet.pdu.items import (
    AsynchronousWindow,
    CommonExtendedNegotiation,
    ContextOutcome,
    ContextResult,
    ExtendedNegotiation,
    ItemType,
    ProposedContext,
    RoleSelection,
    UserIdentity,
    UserIdentityType,
    UserInformation,
)
from dicomnet.pdu.types import (
    Abort,
    AssociateAccept,
    AssociateReject,
    AssociateRequest,
    DataTransfer,
    Pdu,
    PresentationDataValue,
    ReleaseReply,
    ReleaseRequest,
)
from dicomnet.types import ae_title, uid
from dicomnet.uids import ImplicitVRLittleEndian


def push_pdu(pdu: Pdu) -> bytes:
    """Writes a whole PDU, header included.

    Raises:
        InvalidValue: the standard does not allow it to be sent.
    """
    body = _PUSH[type(pdu)](pdu)
    return bytes([pdu.pdu_type, 0]) + _number(len(body), 4, "PDU length") + body


def push_associate_request(pdu: AssociateRequest) -> bytes:
    """PS3.8 9.3.2."""
    if not pdu.contexts:
        raise InvalidValue("an A-ASSOCIATE-RQ proposes at least one presentation context")
    _check_contexts(pdu.contexts)
    if pdu.user_information.user_identity_response is not None:
        raise InvalidValue("a user identity response (59H) belongs to an A-ASSOCIATE-AC")
    titles = _title(pdu.called_ae) + _title(pdu.calling_ae)
    contexts = [_item(ItemType.PROPOSED_CONTEXT, push_proposed_context(context)) for context in pdu.contexts]
    return _push_association(pdu, titles + bytes(32), contexts)


def push_associate_accept(pdu: AssociateAccept) -> bytes:
    """PS3.8 9.3.3."""
    _check_contexts(pdu.contexts)
    if pdu.user_information.common_extended or pdu.user_information.user_identity is not None:
        raise InvalidValue("common extended negotiation (57H) and user identity (58H) belong to an A-ASSOCIATE-RQ")
    echo = pdu.echo
    if echo is None:
        echo = _echoed_title(pdu.called_ae) + _echoed_title(pdu.calling_ae) + bytes(32)
    if len(echo) != 64:
        raise InvalidValue(f"the echo of titles and reserved bytes has {len(echo)} bytes, not 64")
    contexts = [_item(ItemType.CONTEXT_RESULT, push_context_result(context)) for context in pdu.contexts]
    return _push_association(pdu, echo, contexts)


def push_associate_reject(pdu: AssociateReject) -> bytes:
    """PS3.8 9.3.4, only what Table 9-21 defines."""
    if pdu.result not in _REJECT_RESULTS:
        raise InvalidValue(f"reject result {pdu.result} is not defined")
    if (pdu.source, pdu.reason) not in _REJECT_REASONS:
        raise InvalidValue(f"reject reason {pdu.reason} of source {pdu.source} is not defined")
    return bytes([0, pdu.result, pdu.source, pdu.reason])


def push_data_transfer(pdu: DataTransfer) -> bytes:
    """PS3.8 9.3.5."""
    if not pdu.values:
        raise InvalidValue("a P-DATA-TF holds at least one PDV")
    bodies = [push_presentation_data_value(value) for value in pdu.values]
    return b"".join(_number(len(body), 4, "PDV length") + body for body in bodies)


def push_presentation_data_value(value: PresentationDataValue) -> bytes:
    """PS3.8 9.3.5.1 and Annex E: fragments are even, and there is something in them."""
    _check_context_id(value.context_id)
    if value.control not in range(4):
        raise InvalidValue(f"message control header {value.control} has more than bits 0 and 1")
    if not value.data or len(value.data) % 2:
        raise InvalidValue(f"fragment of {len(value.data)} bytes, an even number above 0 is needed")
    return bytes([value.context_id, value.control]) + value.data


def push_release_request(_pdu: ReleaseRequest) -> bytes:
    """PS3.8 9.3.6."""
    return bytes(4)


def push_release_reply(_pdu: ReleaseReply) -> bytes:
    """PS3.8 9.3.7."""
    return bytes(4)


def push_abort(pdu: Abort) -> bytes:
    """PS3.8 9.3.8, only what Table 9-26 defines; the reason of a user is always 0."""
    if (pdu.source, pdu.reason) not in _ABORT_REASONS:
        raise InvalidValue(f"abort reason {pdu.reason} of source {pdu.source} is not defined")
    return bytes([0, 0, pdu.source, pdu.reason])


def push_proposed_context(context: ProposedContext) -> bytes:
    """20H (PS3.8 9.3.2.2)."""
    if not context.transfer_syntaxes:
        raise InvalidValue(f"presentation context {context.context_id} proposes no transfer syntax")
    syntaxes = [_item(ItemType.TRANSFER_SYNTAX, _uid(syntax)) for syntax in context.transfer_syntaxes]
    abstract_syntax = _item(ItemType.ABSTRACT_SYNTAX, _uid(context.abstract_syntax))
    return bytes([context.context_id, 0, 0, 0]) + abstract_syntax + b"".join(syntaxes)


def push_context_result(context: ContextResult) -> bytes:
    """21H (PS3.8 9.3.3.2)."""
    if context.result not in _OUTCOMES:
        raise InvalidValue(f"presentation context result {context.result} is not defined")
    syntax = context.transfer_syntax
    if syntax is None:
        if context.accepted:
            raise InvalidValue(f"presentation context {context.context_id} is accepted without a transfer syntax")
        # PS3.8 9.3.3.2: the sub-item means nothing here, but it is there, and some peers fail without.
        syntax = _INSIGNIFICANT_SYNTAX
    content = _item(ItemType.TRANSFER_SYNTAX, _uid(syntax))
    return bytes([context.context_id, 0, context.result, 0]) + content


def push_user_information(information: UserInformation) -> bytes:
    """50H (PS3.8 9.3.2.3); sub-items ascend by type, which old peers count on, and unknown ones come last."""
    items: list[bytes] = []
    if information.max_pdu_length is not None:
        items.append(_item(ItemType.MAXIMUM_LENGTH, push_max_pdu_length(information.max_pdu_length)))
    if information.implementation_class_uid is not None:
        items.append(_item(ItemType.IMPLEMENTATION_CLASS_UID, _uid(information.implementation_class_uid)))
    if information.asynchronous_window is not None:
        items.append(_item(ItemType.ASYNCHRONOUS_WINDOW, push_asynchronous_window(information.asynchronous_window)))
    items += _push_per_class(ItemType.ROLE_SELECTION, push_role_selection, information.roles)
    if information.implementation_version_name is not None:
        name = push_implementation_version_name(information.implementation_version_name)
        items.append(_item(ItemType.IMPLEMENTATION_VERSION_NAME, name))
    items += _push_per_class(ItemType.EXTENDED_NEGOTIATION, push_extended_negotiation, information.extended)
    items += _push_per_class(
        ItemType.COMMON_EXTENDED_NEGOTIATION, push_common_extended_negotiation, information.common_extended
    )
    if information.user_identity is not None:
        items.append(_item(ItemType.USER_IDENTITY, push_user_identity(information.user_identity)))
    if information.user_identity_response is not None:
        response = push_user_identity_response(information.user_identity_response)
        items.append(_item(ItemType.USER_IDENTITY_RESPONSE, response))
    for raw in information.unknown:
        if raw.item_type in _KNOWN_SUB_ITEMS:
            raise InvalidValue(f"sub-item {raw.item_type:02X}H has a field of its own, it is not unknown")
        items.append(_item(raw.item_type, raw.data))
    return b"".join(items)


def push_max_pdu_length(length: int) -> bytes:
    """51H (PS3.8 D.1); below 8 no PDV with two bytes in it fits, so nothing could ever be sent to us."""
    if 0 < length < 8:
        raise InvalidValue(f"maximum length {length} leaves no room for a fragment, 8 is the least")
    return _number(length, 4, "maximum length")


def push_asynchronous_window(window: AsynchronousWindow) -> bytes:
    """53H (PS3.7 D.3.3.3)."""
    return _number(window.invoked, 2, "operations invoked") + _number(window.performed, 2, "operations performed")


def push_role_selection(role: RoleSelection) -> bytes:
    """54H (PS3.7 D.3.3.4)."""
    return _counted(_uid(role.sop_class)) + bytes([role.scu, role.scp])


def push_implementation_version_name(name: str) -> bytes:
    """55H (PS3.7 D.3.3.2.3); outer spaces would be lost on the way."""
    if not _VERSION_NAME.fullmatch(name):
        raise InvalidValue(f"implementation version name {name!r} is not 1 to 16 characters of ISO 646")
    return name.encode("ascii")


def push_extended_negotiation(wish: ExtendedNegotiation) -> bytes:
    """56H (PS3.7 D.3.3.5)."""
    return _counted(_uid(wish.sop_class)) + wish.application_information


def push_common_extended_negotiation(relation: CommonExtendedNegotiation) -> bytes:
    """57H (PS3.7 D.3.3.6), as version 0 has it."""
    if relation.version != 0:
        raise InvalidValue(f"version {relation.version} of common extended negotiation (57H) is not defined")
    related = b"".join(_counted(_uid(general)) for general in relation.related_general)
    return _counted(_uid(relation.sop_class)) + _counted(_uid(relation.service_class)) + _counted(related)


def push_user_identity(identity: UserIdentity) -> bytes:
    """58H (PS3.7 D.3.3.7.1)."""
    if identity.kind not in _IDENTITY_TYPES:
        raise InvalidValue(f"user identity type {identity.kind} is not defined")
    if identity.secondary and identity.kind != UserIdentityType.USERNAME_PASSCODE:
        raise InvalidValue(f"user identity type {identity.kind} has no secondary field")
    kind = bytes([identity.kind, identity.positive_response_requested])
    return kind + _counted(identity.primary) + _counted(identity.secondary)


def push_user_identity_response(response: bytes) -> bytes:
    """59H (PS3.7 D.3.3.7.2)."""
    return _counted(response)


def _push_association(pdu: AssociateRequest | AssociateAccept, echo: bytes, contexts: Iterable[bytes]) -> bytes:
    version = _number(pdu.protocol_version, 2, "protocol version")
    if not pdu.protocol_version & 1:
        raise InvalidValue(
            f"protocol version {pdu.protocol_version} lacks bit 0, which stands for the only one there is"
        )
    application_context = _item(ItemType.APPLICATION_CONTEXT, _uid(pdu.application_context))
    user_information = _item(ItemType.USER_INFORMATION, push_user_information(pdu.user_information))
    return version + bytes(2) + echo + application_context + b"".join(contexts) + user_information


def _push_per_class(item_type: int, push: Callable[[Any], bytes], values: Sequence[Any]) -> list[bytes]:
    """Sub-items of which PS3.7 D.3.3.4 to D.3.3.6 allow one per SOP class."""
    classes = [value.sop_class for value in values]
    if len(set(classes)) < len(classes):
        raise InvalidValue(f"more than one sub-item {item_type:02X}H for the same SOP class")
    return [_item(item_type, push(value)) for value in values]


def _item(item_type: int, content: bytes) -> bytes:
    return _number(item_type, 1, "item type") + b"\0" + _counted(content, f"item {item_type:02X}H")


def _counted(content: bytes, what: str = "field") -> bytes:
    """The content behind its two-byte length, which would otherwise wrap (PS3.8 9.3.2.3)."""
    if len(content) > 0xFFFF:
        raise InvalidValue(f"{what} of {len(content)} bytes, its length can say 65535 at most")
    return len(content).to_bytes(2, "big") + content


def _number(value: int, size: int, name: str) -> bytes:
    try:
        return value.to_bytes(size, "big")
    except OverflowError:
        raise InvalidValue(f"{name} {value} does not fit into {size} bytes") from None


def _check_contexts(contexts: Sequence[ProposedContext] | Sequence[ContextResult]) -> None:
    """PS3.8 9.3.2.2: odd and unique, so there cannot be more than 128."""
    for context in contexts:
        _check_context_id(context.context_id)
    if len(contexts) > 128:
        raise InvalidValue(f"{len(contexts)} presentation contexts, at most 128 are allowed")
    if len({context.context_id for context in contexts}) < len(contexts):
        raise InvalidValue("a presentation context ID is used twice")


def _check_context_id(context_id: int) -> None:
    if context_id not in _CONTEXT_IDS:
        raise InvalidValue(f"presentation context ID {context_id} is not an odd number from 1 to 255")


def _title(text: str) -> bytes:
    try:
        return ae_title(text).encode("ascii").ljust(16)
    except ValueError as error:
        raise InvalidValue(str(error)) from error


def _echoed_title(text: str) -> bytes:
    """A title that somebody else chose: anything that fits goes back (PS3.8 Table 9-17)."""
    try:
        raw = text.encode("latin-1")
    except UnicodeEncodeError as error:
        raise InvalidValue(f"AE title {text!r} cannot be echoed") from error
    if len(raw) > 16:
        raise InvalidValue(f"AE title {text!r} has {len(raw)} characters, at most 16 are allowed")
    return raw.ljust(16)


def _uid(text: str) -> bytes:
    try:
        return uid(text).encode("ascii")
    except ValueError as error:
        raise InvalidValue(str(error)) from error


_CONTEXT_IDS = range(1, 256, 2)

_OUTCOMES = frozenset(ContextOutcome)

_REJECT_RESULTS = frozenset(RejectResult)

_REJECT_REASONS = frozenset((reason.source, reason.reason) for reason in RejectReason)

_ABORT_REASONS = frozenset(
    {(AbortSource.SERVICE_USER, 0), *((AbortSource.SERVICE_PROVIDER, reason) for reason in AbortReason)}
)

_IDENTITY_TYPES = frozenset(UserIdentityType)

_KNOWN_SUB_ITEMS = range(ItemType.MAXIMUM_LENGTH, ItemType.USER_IDENTITY_RESPONSE + 1)

_INSIGNIFICANT_SYNTAX = ImplicitVRLittleEndian
"""Every application knows this one."""

_VERSION_NAME = re.compile(r"[\x21-\x7e](?:[\x20-\x7e]{0,14}[\x21-\x7e])?")

_PUSH: dict[type, Callable[[Any], bytes]] = {
    AssociateRequest: push_associate_request,
    AssociateAccept: push_associate_accept,
    AssociateReject: push_associate_reject,
    DataTransfer: push_data_transfer,
    ReleaseRequest: push_release_request,
    ReleaseReply: push_release_reply,
    Abort: push_abort,
}

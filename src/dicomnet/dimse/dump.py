"""Association PDUs and messages as text for the debug log, laid out as users of the common tools expect."""

from __future__ import annotations

from collections.abc import Iterator

from dicomnet.dimse.commands import Command, Response
from dicomnet.logs import loggable
from dicomnet.pdu import AssociateAccept, AssociateRequest, ContextOutcome, RoleSelection, UserInformation
from dicomnet.uids import name
from dicomnet.ul.negotiation import Context


def dump_association(pdu: AssociateRequest | AssociateAccept) -> str:
    """An A-ASSOCIATE-RQ or -AC, a line per fact; secrets of a user identity stay out."""
    kind = "A-ASSOCIATE-RQ" if isinstance(pdu, AssociateRequest) else "A-ASSOCIATE-AC"
    return _framed(kind, _association_lines(pdu))


def dump_message(command: Command, context: Context, *, outgoing: bool) -> str:
    """A DIMSE message's command, a line per element."""
    title = "OUTGOING DIMSE MESSAGE" if outgoing else "INCOMING DIMSE MESSAGE"
    return _framed(title, _message_lines(command, context))


def _association_lines(pdu: AssociateRequest | AssociateAccept) -> Iterator[str]:
    information = pdu.user_information
    yield _line("Calling AE title", pdu.calling_ae)
    yield _line("Called AE title", pdu.called_ae)
    yield _line("Application context", name(pdu.application_context))
    yield _line("Implementation class UID", information.implementation_class_uid or "none")
    yield _line("Implementation version", information.implementation_version_name or "none")
    yield _line("Maximum length received", information.max_pdu_length)
    yield "Presentation contexts:"
    roles = {role.sop_class: role for role in information.roles}
    if isinstance(pdu, AssociateRequest):
        for proposed in pdu.contexts:
            yield f"  Context {proposed.context_id} (proposed)"
            yield f"    Abstract syntax: {name(proposed.abstract_syntax)}"
            yield f"    Roles: {_roles(roles.get(proposed.abstract_syntax))}"
            for syntax in proposed.transfer_syntaxes:
                yield f"    Transfer syntax: {name(syntax)}"
    else:
        for result in pdu.contexts:
            yield f"  Context {result.context_id} ({_outcome(result.result)})"
            if result.transfer_syntax:
                yield f"    Transfer syntax: {name(result.transfer_syntax)}"
    yield from _negotiation_lines(information)


def _negotiation_lines(information: UserInformation) -> Iterator[str]:
    window = information.asynchronous_window
    if window is not None:
        yield _line("Asynchronous window", f"invoked {window.invoked}, performed {window.performed}")
    for item in information.extended:
        yield _line("Extended negotiation", f"{name(item.sop_class)} {item.application_information.hex(' ')}")
    for common in information.common_extended:
        yield _line("Common extended", f"{name(common.sop_class)} of {name(common.service_class)}")
    if information.user_identity is not None:
        yield _line("User identity", repr(information.user_identity))
    if information.user_identity_response is not None:
        yield _line("User identity response", f"{len(information.user_identity_response)} bytes")
    for unknown in information.unknown:
        yield _line("Unknown item", f"{unknown.item_type:02X}H, {len(unknown.data)} bytes")


def _message_lines(command: Command, context: Context) -> Iterator[str]:
    yield _line("Message type", command.name)
    yield _line("Presentation context", context.context_id)
    for element in command.elements:
        if element.attribute in _SAID_ELSEWHERE:
            continue
        value = getattr(command, element.attribute)
        if value is None or value == ():
            continue
        label = " ".join(_SPELLED.get(word, word) for word in element.attribute.split("_"))
        if element.vr == "UI":
            value = name(value)
        elif element.vr == "AT":
            value = ", ".join(f"({tag >> 16:04X},{tag & 0xFFFF:04X})" for tag in value)
        yield _line(label[0].upper() + label[1:], value)
    yield _line("Data set", "present" if command.has_data_set else "none")
    if isinstance(command, Response):
        yield _line("Status", str(command.status))


def _framed(title: str, lines: Iterator[str]) -> str:
    top = f" BEGIN {title} ".center(WIDTH, "=")
    bottom = f" END {title} ".center(WIDTH, "=")
    return "\n".join((top, *map(loggable, lines), bottom))


def _line(label: str, value: object) -> str:
    return f"{label:<30}: {value}"


def _outcome(result: int) -> str:
    try:
        return ContextOutcome(result).name.lower().replace("_", " ")
    except ValueError:
        return f"result {result}"


def _roles(role: RoleSelection | None) -> str:
    if role is None:
        return "default"
    return " and ".join(word for word, offered in (("SCU", role.scu), ("SCP", role.scp)) if offered) or "none"


_SPELLED = {"sop": "SOP", "uid": "UID", "id": "ID"}

_SAID_ELSEWHERE = {"command_field", "has_data_set", "status"}

WIDTH = 66

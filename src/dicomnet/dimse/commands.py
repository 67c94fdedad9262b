"""The 23 messages of DIMSE: what their command sets hold and what makes them right (PS3.7 9.3, 10.3).

Attributes are named as the standard's keywords. A message is a plain value:
build it, change it, compare it; ``codec.encode`` checks it before it becomes
bytes, ``codec.decode`` makes one from whatever a peer sent.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum
from typing import Any, ClassVar, NamedTuple, NoReturn

from dicomnet.dimse.status import Category, Status
from dicomnet.errors import InvalidValue, StateError
from dicomnet.records import dataclass, field
from dicomnet.types import Priority, ae_title, uid


class Presence(Enum):
    """Whether a data set follows the command set of a message."""

    ALWAYS = "always"
    NEVER = "never"
    OPTIONAL = "optional"
    """As the service and the user like."""
    CONDITIONAL = "conditional"
    """Depends on the status."""


class Element(NamedTuple):
    """One element of a message's command set."""

    tag: int
    attribute: str
    """The attribute of the message that holds the value; for (0000,0800) ``has_data_set``."""
    vr: str
    requirement: str
    """M mandatory, C conditional, U user option, S only with certain statuses (PS3.7 Annex C)."""


# PS3.7 E.1, in the order of the tags. The group length is missing: only bytes have one.
DICTIONARY: dict[str, tuple[int, str]] = {
    "affected_sop_class_uid": (0x0000_0002, "UI"),
    "requested_sop_class_uid": (0x0000_0003, "UI"),
    "command_field": (0x0000_0100, "US"),
    "message_id": (0x0000_0110, "US"),
    "message_id_being_responded_to": (0x0000_0120, "US"),
    "move_destination": (0x0000_0600, "AE"),
    "priority": (0x0000_0700, "US"),
    "has_data_set": (0x0000_0800, "US"),
    "status": (0x0000_0900, "US"),
    "offending_element": (0x0000_0901, "AT"),
    "error_comment": (0x0000_0902, "LO"),
    "error_id": (0x0000_0903, "US"),
    "affected_sop_instance_uid": (0x0000_1000, "UI"),
    "requested_sop_instance_uid": (0x0000_1001, "UI"),
    "event_type_id": (0x0000_1002, "US"),
    "attribute_identifier_list": (0x0000_1005, "AT"),
    "action_type_id": (0x0000_1008, "US"),
    "number_of_remaining_suboperations": (0x0000_1020, "US"),
    "number_of_completed_suboperations": (0x0000_1021, "US"),
    "number_of_failed_suboperations": (0x0000_1022, "US"),
    "number_of_warning_suboperations": (0x0000_1023, "US"),
    "move_originator_application_entity_title": (0x0000_1030, "AE"),
    "move_originator_message_id": (0x0000_1031, "US"),
}


def _layout(**attributes: str) -> tuple[Element, ...]:
    """The elements of a message by requirement; command field and data set type, which all have, are added."""
    requirements = {"command_field": "M", "has_data_set": "M"}
    for requirement, names in attributes.items():
        requirements.update(dict.fromkeys(names.split(), requirement))
    rows = (Element(DICTIONARY[name][0], name, DICTIONARY[name][1], need) for name, need in requirements.items())
    return tuple(sorted(rows))


@dataclass(slots=True, kw_only=True)
class Command:
    """What all messages share."""

    command_field: ClassVar[int]
    """(0000,0100): which message this is; responses have bit 8000H."""
    name: ClassVar[str]
    """As the standard writes it: ``C-STORE-RQ``."""
    clause: ClassVar[str]
    """Where PS3.7 lays the message out."""
    elements: ClassVar[tuple[Element, ...]]
    """The command set in the order of the tags, without the group length."""
    data_set: ClassVar[Presence]

    has_data_set: bool = False
    """Whether a data set follows: what (0000,0800) says (PS3.7 E.1)."""

    @property
    def is_request(self) -> bool:
        return not self.command_field & 0x8000

    @property
    def sop_class_uid(self) -> str | None:
        """The affected or the requested SOP class, whichever the message has."""
        found: str | None = getattr(self, "affected_sop_class_uid", None)
        return found or getattr(self, "requested_sop_class_uid", None)

    @property
    def sop_instance_uid(self) -> str | None:
        """The affected or the requested SOP instance, whichever the message has."""
        found: str | None = getattr(self, "affected_sop_instance_uid", None)
        return found or getattr(self, "requested_sop_instance_uid", None)

    def check_conditions(self) -> None:
        """Checks what depends on more than one attribute; ``check`` calls it.

        Raises:
            InvalidValue: the attributes contradict each other.
        """


@dataclass(slots=True, kw_only=True)
class Request(Command):
    """A message that asks for something."""

    response_class: ClassVar[type[Response]]

    message_id: int | None = None
    """Unique among the sender's outstanding requests (PS3.7 9.1.1.1.1)."""

    def respond(self, status: int, **fields: Any) -> Response:
        """Builds the response to this request.

        It echoes the SOP class and instance as affected ones, which is optional
        in most messages but which some peers expect, and the event or action
        type. A UID that is none is left out: it must not be sent, not even back.

        Args:
            status: the outcome.
            fields: attributes of the response, over those echoed.
        """
        echoed: dict[str, Any] = {
            "message_id_being_responded_to": self.message_id,
            "affected_sop_class_uid": _sendable(self.sop_class_uid),
        }
        self._echo(echoed)
        echoed.update(fields)
        return self.response_class(status=Status(status), **echoed)

    def _echo(self, echoed: dict[str, Any]) -> None:
        made = self.response_class
        if hasattr(made, "affected_sop_instance_uid"):
            echoed["affected_sop_instance_uid"] = _sendable(self.sop_instance_uid)
        for attribute in ("event_type_id", "action_type_id"):
            if hasattr(made, attribute):
                echoed[attribute] = getattr(self, attribute)


@dataclass(slots=True, kw_only=True)
class Response(Command):
    """A message that answers a request."""

    cancelable: ClassVar[bool] = False
    """Whether there may be pending responses, and a C-CANCEL-RQ to end them (PS3.7 9.3.2.3)."""

    message_id_being_responded_to: int | None = None
    """The message ID of the request."""
    status: Status
    affected_sop_class_uid: str | None = None
    error_comment: str | None = None
    """Free text about a failure; 64 plain characters of it are sent (PS3.7 Annex C)."""

    def __post_init__(self) -> None:
        if type(self.status) is not Status:
            self.status = Status(self.status)

    def check_conditions(self) -> None:
        status = Status(self.status)
        if not status.is_defined:
            _refuse(self, "status", f"{status:04X}H is in no range that may be sent", "Annex C")
        if not self.cancelable and status.category in (Category.PENDING, Category.CANCEL):
            _refuse(self, "status", f"{status:04X}H exists only for C-FIND, C-GET and C-MOVE", "Annex C")


@dataclass(slots=True, kw_only=True)
class RetrieveResponse(Response):
    """What C-GET-RSP and C-MOVE-RSP share: the counts of sub-operations."""

    cancelable = True

    number_of_remaining_suboperations: int | None = None
    number_of_completed_suboperations: int | None = None
    number_of_failed_suboperations: int | None = None
    number_of_warning_suboperations: int | None = None

    def check_conditions(self) -> None:
        Response.check_conditions(self)
        status = Status(self.status)
        if status.is_pending:
            for attribute in SUBOPERATION_COUNTS:
                if getattr(self, attribute) is None:
                    _refuse(self, attribute, "is required with a pending status")
        elif not status.is_cancel and self.number_of_remaining_suboperations is not None:
            _refuse(self, "number_of_remaining_suboperations", "belongs to pending and canceled responses only")
        if self.has_data_set and (status.is_pending or status.is_success):
            _refuse(self, "has_data_set", "must be false with a pending or success status")


# DIMSE-C, PS3.7 9.3


@dataclass(slots=True, kw_only=True)
class CStoreResponse(Response):
    """The outcome of a C-STORE."""

    command_field = 0x8001
    name = "C-STORE-RSP"
    clause = "9.3.1.2"
    data_set = Presence.NEVER
    elements = _layout(
        M="message_id_being_responded_to status",
        U="affected_sop_class_uid affected_sop_instance_uid",
        S="offending_element error_comment",
    )

    affected_sop_instance_uid: str | None = None
    offending_element: tuple[int, ...] = ()


@dataclass(slots=True, kw_only=True)
class CStoreRequest(Request):
    """Asks the peer to store a composite instance, which is the data set."""

    command_field = 0x0001
    name = "C-STORE-RQ"
    clause = "9.3.1.1"
    data_set = Presence.ALWAYS
    response_class = CStoreResponse
    elements = _layout(
        M="affected_sop_class_uid message_id priority affected_sop_instance_uid",
        U="move_originator_application_entity_title move_originator_message_id",
    )

    has_data_set: bool = True
    affected_sop_class_uid: str | None = None
    affected_sop_instance_uid: str | None = None
    priority: int = Priority.MEDIUM
    move_originator_application_entity_title: str | None = None
    """Who issued the C-MOVE that this is a sub-operation of."""
    move_originator_message_id: int | None = None
    """The message ID of that C-MOVE."""


@dataclass(slots=True, kw_only=True)
class CGetResponse(RetrieveResponse):
    """The progress or the outcome of a C-GET; the data set lists the instances that failed."""

    command_field = 0x8010
    name = "C-GET-RSP"
    clause = "9.3.3.2"
    data_set = Presence.CONDITIONAL
    elements = _layout(
        M="message_id_being_responded_to status",
        C="number_of_remaining_suboperations number_of_completed_suboperations"
        " number_of_failed_suboperations number_of_warning_suboperations",
        U="affected_sop_class_uid",
        S="offending_element error_comment",
    )

    offending_element: tuple[int, ...] = ()


@dataclass(slots=True, kw_only=True)
class CGetRequest(Request):
    """Asks for instances, which come as C-STORE requests on this association."""

    command_field = 0x0010
    name = "C-GET-RQ"
    clause = "9.3.3.1"
    data_set = Presence.ALWAYS
    response_class = CGetResponse
    elements = _layout(M="affected_sop_class_uid message_id priority")

    has_data_set: bool = True
    affected_sop_class_uid: str | None = None
    priority: int = Priority.MEDIUM


@dataclass(slots=True, kw_only=True)
class CFindResponse(Response):
    """A match of a C-FIND, or its end."""

    command_field = 0x8020
    name = "C-FIND-RSP"
    clause = "9.3.2.2"
    data_set = Presence.CONDITIONAL
    cancelable = True
    elements = _layout(
        M="message_id_being_responded_to status",
        U="affected_sop_class_uid",
        S="offending_element error_comment",
    )

    offending_element: tuple[int, ...] = ()

    def check_conditions(self) -> None:
        Response.check_conditions(self)
        if self.has_data_set != Status(self.status).is_pending:
            _refuse(self, "has_data_set", "must be true with a pending status, and only then")


@dataclass(slots=True, kw_only=True)
class CFindRequest(Request):
    """Asks for matches of the identifier in the data set."""

    command_field = 0x0020
    name = "C-FIND-RQ"
    clause = "9.3.2.1"
    data_set = Presence.ALWAYS
    response_class = CFindResponse
    elements = _layout(M="affected_sop_class_uid message_id priority")

    has_data_set: bool = True
    affected_sop_class_uid: str | None = None
    priority: int = Priority.MEDIUM


@dataclass(slots=True, kw_only=True)
class CMoveResponse(RetrieveResponse):
    """The progress or the outcome of a C-MOVE; the data set lists the instances that failed."""

    command_field = 0x8021
    name = "C-MOVE-RSP"
    clause = "9.3.4.2"
    data_set = Presence.CONDITIONAL
    elements = CGetResponse.elements

    offending_element: tuple[int, ...] = ()


@dataclass(slots=True, kw_only=True)
class CMoveRequest(Request):
    """Asks the peer to send instances to an application entity that it knows by title."""

    command_field = 0x0021
    name = "C-MOVE-RQ"
    clause = "9.3.4.1"
    data_set = Presence.ALWAYS
    response_class = CMoveResponse
    elements = _layout(M="affected_sop_class_uid message_id move_destination priority")

    has_data_set: bool = True
    affected_sop_class_uid: str | None = None
    move_destination: str | None = None
    priority: int = Priority.MEDIUM


@dataclass(slots=True, kw_only=True)
class CEchoResponse(Response):
    """The sign of life that a C-ECHO asks for."""

    command_field = 0x8030
    name = "C-ECHO-RSP"
    clause = "9.3.5.2"
    data_set = Presence.NEVER
    elements = _layout(M="message_id_being_responded_to status", U="affected_sop_class_uid", S="error_comment")


@dataclass(slots=True, kw_only=True)
class CEchoRequest(Request):
    """Asks for a sign of life."""

    command_field = 0x0030
    name = "C-ECHO-RQ"
    clause = "9.3.5.1"
    data_set = Presence.NEVER
    response_class = CEchoResponse
    elements = _layout(M="affected_sop_class_uid message_id")

    affected_sop_class_uid: str | None = None


@dataclass(slots=True, kw_only=True)
class CCancelRequest(Request):
    """Asks to end a C-FIND, C-GET or C-MOVE; it has neither a message ID nor a response of its own."""

    command_field = 0x0FFF
    name = "C-CANCEL-RQ"
    clause = "9.3.2.3"
    data_set = Presence.NEVER
    elements = _layout(M="message_id_being_responded_to")

    message_id: None = field(default=None, init=False, repr=False, compare=False)
    message_id_being_responded_to: int | None = None
    """The message ID of the request to end."""

    def respond(self, status: int, **fields: Any) -> NoReturn:  # noqa: ARG002
        """Refuses: what ends is answered, by a response with the status CANCEL.

        Raises:
            StateError: always.
        """
        raise StateError("C-CANCEL-RQ has no response of its own (PS3.7 9.3.2.3)")


# DIMSE-N, PS3.7 10.3


@dataclass(slots=True, kw_only=True)
class NEventReportResponse(Response):
    """Says that an event was taken note of; the data set is the event reply."""

    command_field = 0x8100
    name = "N-EVENT-REPORT-RSP"
    clause = "10.3.1.2"
    data_set = Presence.CONDITIONAL
    elements = _layout(
        M="message_id_being_responded_to status",
        C="event_type_id",
        U="affected_sop_class_uid affected_sop_instance_uid",
        S="error_comment error_id",
    )

    affected_sop_instance_uid: str | None = None
    event_type_id: int | None = None
    error_id: int | None = None

    def check_conditions(self) -> None:
        Response.check_conditions(self)
        if self.has_data_set and self.event_type_id is None:
            _refuse(self, "event_type_id", "is required with an event reply")


@dataclass(slots=True, kw_only=True)
class NEventReportRequest(Request):
    """Reports an event, which the data set may describe."""

    command_field = 0x0100
    name = "N-EVENT-REPORT-RQ"
    clause = "10.3.1.1"
    data_set = Presence.OPTIONAL
    response_class = NEventReportResponse
    elements = _layout(M="affected_sop_class_uid message_id affected_sop_instance_uid event_type_id")

    affected_sop_class_uid: str | None = None
    affected_sop_instance_uid: str | None = None
    event_type_id: int | None = None


@dataclass(slots=True, kw_only=True)
class NGetResponse(Response):
    """The values asked for, which are the data set."""

    command_field = 0x8110
    name = "N-GET-RSP"
    clause = "10.3.2.2"
    data_set = Presence.CONDITIONAL
    elements = _layout(
        M="message_id_being_responded_to status",
        U="affected_sop_class_uid affected_sop_instance_uid",
        S="error_comment error_id attribute_identifier_list",
    )

    affected_sop_instance_uid: str | None = None
    attribute_identifier_list: tuple[int, ...] | None = None
    """The attributes that were not recognized."""
    error_id: int | None = None

    def check_conditions(self) -> None:
        Response.check_conditions(self)
        status = Status(self.status)
        if status.is_success and not self.has_data_set:
            _refuse(self, "has_data_set", "must be true with a success status")
        if status.is_failure and self.has_data_set:
            _refuse(self, "has_data_set", "must be false with a failure status")


@dataclass(slots=True, kw_only=True)
class NGetRequest(Request):
    """Asks for the values of attributes."""

    command_field = 0x0110
    name = "N-GET-RQ"
    clause = "10.3.2.1"
    data_set = Presence.NEVER
    response_class = NGetResponse
    elements = _layout(
        M="requested_sop_class_uid message_id requested_sop_instance_uid",
        U="attribute_identifier_list",
    )

    requested_sop_class_uid: str | None = None
    requested_sop_instance_uid: str | None = None
    attribute_identifier_list: tuple[int, ...] | None = None
    """The attributes asked for; none, or an empty list, asks for all."""


@dataclass(slots=True, kw_only=True)
class NSetResponse(Response):
    """The outcome of an N-SET; the data set holds the values as they are now."""

    command_field = 0x8120
    name = "N-SET-RSP"
    clause = "10.3.3.2"
    data_set = Presence.OPTIONAL
    elements = NGetResponse.elements

    affected_sop_instance_uid: str | None = None
    attribute_identifier_list: tuple[int, ...] | None = None
    """The attributes that were not recognized."""
    error_id: int | None = None


@dataclass(slots=True, kw_only=True)
class NSetRequest(Request):
    """Asks to change an instance as the data set says."""

    command_field = 0x0120
    name = "N-SET-RQ"
    clause = "10.3.3.1"
    data_set = Presence.ALWAYS
    response_class = NSetResponse
    elements = _layout(M="requested_sop_class_uid message_id requested_sop_instance_uid")

    has_data_set: bool = True
    requested_sop_class_uid: str | None = None
    requested_sop_instance_uid: str | None = None


@dataclass(slots=True, kw_only=True)
class NActionResponse(Response):
    """The outcome of an N-ACTION; the data set is the action reply."""

    command_field = 0x8130
    name = "N-ACTION-RSP"
    clause = "10.3.4.2"
    data_set = Presence.CONDITIONAL
    elements = _layout(
        M="message_id_being_responded_to status",
        C="action_type_id",
        U="affected_sop_class_uid affected_sop_instance_uid",
        S="error_comment error_id",
    )

    affected_sop_instance_uid: str | None = None
    action_type_id: int | None = None
    error_id: int | None = None

    def check_conditions(self) -> None:
        Response.check_conditions(self)
        if self.has_data_set and self.action_type_id is None:
            _refuse(self, "action_type_id", "is required with an action reply")


@dataclass(slots=True, kw_only=True)
class NActionRequest(Request):
    """Asks for an action on an instance, which the data set may describe."""

    command_field = 0x0130
    name = "N-ACTION-RQ"
    clause = "10.3.4.1"
    data_set = Presence.OPTIONAL
    response_class = NActionResponse
    elements = _layout(M="requested_sop_class_uid message_id requested_sop_instance_uid action_type_id")

    requested_sop_class_uid: str | None = None
    requested_sop_instance_uid: str | None = None
    action_type_id: int | None = None


@dataclass(slots=True, kw_only=True)
class NCreateResponse(Response):
    """The outcome of an N-CREATE; the data set holds the values as they are now."""

    command_field = 0x8140
    name = "N-CREATE-RSP"
    clause = "10.3.5.2"
    data_set = Presence.OPTIONAL
    elements = _layout(
        M="message_id_being_responded_to status",
        C="affected_sop_instance_uid",
        U="affected_sop_class_uid",
        S="error_comment error_id attribute_identifier_list",
    )

    affected_sop_instance_uid: str | None = None
    """Required when the request named no instance, which a response alone does not know."""
    attribute_identifier_list: tuple[int, ...] | None = None
    """The attributes that were not recognized, or missing."""
    error_id: int | None = None


@dataclass(slots=True, kw_only=True)
class NCreateRequest(Request):
    """Asks to create an instance with the values of the data set."""

    command_field = 0x0140
    name = "N-CREATE-RQ"
    clause = "10.3.5.1"
    data_set = Presence.OPTIONAL
    response_class = NCreateResponse
    elements = _layout(M="affected_sop_class_uid message_id", U="affected_sop_instance_uid")

    affected_sop_class_uid: str | None = None
    affected_sop_instance_uid: str | None = None
    """None lets the performer choose."""

    def respond(self, status: int, **fields: Any) -> Response:
        """Builds the response, as for any request.

        Raises:
            InvalidValue: the instance was created, but neither the request nor
                ``fields`` say under which UID (PS3.7 10.3.5.2).
        """
        response = Request.respond(self, status, **fields)
        created = response.status.is_success or response.status.is_warning
        if created and response.sop_instance_uid is None and not self.affected_sop_instance_uid:
            _refuse(response, "affected_sop_instance_uid", "is required, as the request named no instance")
        return response


@dataclass(slots=True, kw_only=True)
class NDeleteResponse(Response):
    """The outcome of an N-DELETE."""

    command_field = 0x8150
    name = "N-DELETE-RSP"
    clause = "10.3.6.2"
    data_set = Presence.NEVER
    elements = _layout(
        M="message_id_being_responded_to status",
        U="affected_sop_class_uid affected_sop_instance_uid",
        S="error_comment error_id",
    )

    affected_sop_instance_uid: str | None = None
    error_id: int | None = None


@dataclass(slots=True, kw_only=True)
class NDeleteRequest(Request):
    """Asks to delete an instance."""

    command_field = 0x0150
    name = "N-DELETE-RQ"
    clause = "10.3.6.1"
    data_set = Presence.NEVER
    response_class = NDeleteResponse
    elements = _layout(M="requested_sop_class_uid message_id requested_sop_instance_uid")

    requested_sop_class_uid: str | None = None
    requested_sop_instance_uid: str | None = None


@dataclass(slots=True, kw_only=True)
class UnknownCommand(Command):
    """A message whose command field is none of the standard's, with what it takes to answer it.

    It is neither a ``Request`` nor a ``Response``; ``is_request`` says which side of bit 8000H it is on.
    """

    name = "unknown command"
    clause = "E.1"
    data_set = Presence.OPTIONAL
    elements = _layout(
        U="affected_sop_class_uid requested_sop_class_uid message_id message_id_being_responded_to status"
        " affected_sop_instance_uid requested_sop_instance_uid",
    )

    command_field: int = field()  # type: ignore[misc]  # of the value here, of the class everywhere else
    message_id: int | None = None
    message_id_being_responded_to: int | None = None
    status: Status | None = None
    affected_sop_class_uid: str | None = None
    requested_sop_class_uid: str | None = None
    affected_sop_instance_uid: str | None = None
    requested_sop_instance_uid: str | None = None

    def __post_init__(self) -> None:
        if self.status is not None:
            self.status = Status(self.status)

    def respond(self, status: int = Status.UNRECOGNIZED_OPERATION) -> UnknownCommand:
        """Builds the response that refuses it: its command field with bit 8000H (PS3.7 C.5.23)."""
        return UnknownCommand(
            command_field=self.command_field | 0x8000,
            message_id_being_responded_to=self.message_id,
            status=Status(status),
            affected_sop_class_uid=_sendable(self.sop_class_uid),
            affected_sop_instance_uid=_sendable(self.sop_instance_uid),
        )


def check(command: Command) -> None:
    """Checks that a message may be sent.

    Two things are not refused but mended when the message becomes bytes: counts
    of sub-operations above 65535 are sent as 65535, and an error comment is cut
    to 64 plain characters.

    Raises:
        InvalidValue: an attribute is missing, cannot be sent, or contradicts
            another; the text names the message, the attribute and the clause.
    """
    for _, attribute, vr, requirement in command.elements:
        value = getattr(command, attribute)
        if value is not None:
            fault = (_CHECKS_BY_NAME.get(attribute) or _CHECKS_BY_VR[vr])(value)
            if fault is not None:
                _refuse(command, attribute, fault)
        elif requirement == "M":
            _refuse(command, attribute, "is missing")
    if command.data_set is Presence.ALWAYS and not command.has_data_set:
        _refuse(command, "has_data_set", "must be true: this message always has a data set")
    if command.data_set is Presence.NEVER and command.has_data_set:
        _refuse(command, "has_data_set", "must be false: this message never has a data set")
    command.check_conditions()


def _refuse(command: Command, attribute: str, fault: str, clause: str | None = None) -> NoReturn:
    raise InvalidValue(f"{command.name}: {attribute} {fault} (PS3.7 {clause or command.clause})")


def _sendable(text: str | None) -> str | None:
    """The UID if it is one."""
    if not text:
        return None
    try:
        return uid(text)
    except ValueError:
        return None


def _fault_of_uid(value: object) -> str | None:
    return _fault_of_text(value, uid)


def _fault_of_title(value: object) -> str | None:
    return _fault_of_text(value, ae_title)


def _fault_of_text(value: object, parse: Callable[[str], object]) -> str | None:
    if not isinstance(value, str):
        return f"is {value!r}, which is no text"
    try:
        parse(value)
    except ValueError as error:
        return f"cannot be sent: {error}"
    return None


def _fault_of_number(value: object) -> str | None:
    if not isinstance(value, int) or not 0 <= value <= 0xFFFF:
        return f"is {value!r}, which is no number of 16 bits"
    return None


def _fault_of_count(value: object) -> str | None:
    if not isinstance(value, int) or value < 0:
        return f"is {value!r}, which is no count"
    return None


def _fault_of_priority(value: object) -> str | None:
    if value not in (Priority.MEDIUM, Priority.HIGH, Priority.LOW):
        return f"is {value!r}, which is no priority (0 medium, 1 high, 2 low)"
    return None


def _fault_of_tags(value: object) -> str | None:
    if not isinstance(value, tuple | list):
        return f"is {value!r}, which is no tuple of tags"
    for tag in value:
        if not isinstance(tag, int) or not 0 <= tag <= 0xFFFF_FFFF:
            return f"holds {tag!r}, which is no tag"
    return None


def _fault_of_comment(value: object) -> str | None:
    return None if isinstance(value, str) else f"is {value!r}, which is no text"


def _fault_of_flag(value: object) -> str | None:
    return None if isinstance(value, bool) else f"is {value!r}, which is neither true nor false"


SUBOPERATION_COUNTS = (
    "number_of_remaining_suboperations",
    "number_of_completed_suboperations",
    "number_of_failed_suboperations",
    "number_of_warning_suboperations",
)

_CHECKS_BY_VR: dict[str, Callable[[object], str | None]] = {
    "UI": _fault_of_uid,
    "AE": _fault_of_title,
    "US": _fault_of_number,
    "AT": _fault_of_tags,
    "LO": _fault_of_comment,
}

_CHECKS_BY_NAME: dict[str, Callable[[object], str | None]] = {
    "has_data_set": _fault_of_flag,
    "priority": _fault_of_priority,
    **dict.fromkeys(SUBOPERATION_COUNTS, _fault_of_count),
}

COMMANDS: dict[int, type[Command]] = {
    message.command_field: message
    for message in (
        CStoreRequest,
        CStoreResponse,
        CGetRequest,
        CGetResponse,
        CFindRequest,
        CFindResponse,
        CMoveRequest,
        CMoveResponse,
        CEchoRequest,
        CEchoResponse,
        NEventReportRequest,
        NEventReportResponse,
        NGetRequest,
        NGetResponse,
        NSetRequest,
        NSetResponse,
        NActionRequest,
        NActionResponse,
        NCreateRequest,
        NCreateResponse,
        NDeleteRequest,
        NDeleteResponse,
        CCancelRequest,
    )
}

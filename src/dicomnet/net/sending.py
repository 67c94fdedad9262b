"""What a DicomNet object sends: a method for each association PDU and each DIMSE message.

All of them may be called from any thread, queue, and return; `on_send` tells
when the bytes have left. What cannot be sent raises here, in the caller's
thread. A data set is given as a pydicom `Dataset`, as encoded bytes, or as the
path of a file, which is streamed; as an `InstanceFile` if its head was read
already, and then only what was looked at is sent; or as what was received,
`message.data`, which goes on as it came.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Mapping
from copy import copy
from typing import TYPE_CHECKING, Any, TypeAlias, cast

from dicomnet.datasets import encode_dataset
from dicomnet.dimse import codec
from dicomnet.dimse.commands import (
    CCancelRequest,
    CEchoRequest,
    CEchoResponse,
    CFindRequest,
    CFindResponse,
    CGetRequest,
    CGetResponse,
    CMoveRequest,
    CMoveResponse,
    Command,
    CStoreRequest,
    CStoreResponse,
    NActionRequest,
    NActionResponse,
    NCreateRequest,
    NCreateResponse,
    NDeleteRequest,
    NDeleteResponse,
    NEventReportRequest,
    NEventReportResponse,
    NGetRequest,
    NGetResponse,
    NSetRequest,
    NSetResponse,
    Request,
    Response,
)
from dicomnet.dimse.fragments import Body
from dicomnet.dimse.status import Status
from dicomnet.errors import InvalidValue, StateError
from dicomnet.net.callbacks import Callbacks
from dicomnet.net.link import Link
from dicomnet.net.message import Message
from dicomnet.storage.received import ReceivedData
from dicomnet.storage.source import SMALL, BytesBody, InstanceFile
from dicomnet.types import Priority
from dicomnet.uids import Verification, name
from dicomnet.ul.negotiation import Context

if TYPE_CHECKING:
    from pydicom import Dataset

log = logging.getLogger("dicomnet.net")

Data: TypeAlias = "Dataset | bytes | bytearray | memoryview | str | os.PathLike[str] | InstanceFile | ReceivedData"


class Sending(Callbacks):
    """The requests return the message ID they go by: yours, or a free one.

    The responses take the request they answer, as its callback got it; or
    `context_id=` and `message_id=` of one that nobody has kept, and then class
    and instance if they are to be in it.
    """

    _group_lengths = False

    # DIMSE-C (PS3.7 section 9).

    def send_c_store_request(
        self,
        dataset: Data | Message[CStoreRequest],
        *,
        affected_sop_class_uid: str | None = None,
        affected_sop_instance_uid: str | None = None,
        priority: Priority = Priority.MEDIUM,
        move_originator_application_entity_title: str | None = None,
        move_originator_message_id: int | None = None,
        context_id: int | None = None,
        message_id: int | None = None,
    ) -> int:
        """Stores an instance.

        Args:
            dataset: also says SOP class and instance, unless it is bytes or `message.data`. A whole C-STORE request that
                was received is sent on as it is.
            move_originator_application_entity_title: who asked, if this is a sub-operation of a C-MOVE.
            context_id: by default the first accepted one of the SOP class in the instance's transfer syntax.

        Raises:
            NotAnInstance: the file holds no instance.
            StorageError: the file cannot be read, or is not what an `InstanceFile` has looked at.
            InvalidValue: the SOP class or instance is not known, or the data set fits no context.
            StateError: there is no association or no such context.
            SendQueueFull: too much is waiting already.
        """
        source = InstanceFile.open(dataset) if isinstance(dataset, str | os.PathLike) else dataset
        known_class, known_instance, transfer_syntax = _identity(source)
        sop_class = affected_sop_class_uid or known_class
        sop_instance = affected_sop_instance_uid or known_instance
        if not sop_class or not sop_instance:
            raise InvalidValue("the SOP class and instance UID are not in the data set and were not given")
        command = CStoreRequest(
            message_id=message_id,
            affected_sop_class_uid=sop_class,
            affected_sop_instance_uid=sop_instance,
            priority=priority,
            move_originator_application_entity_title=move_originator_application_entity_title,
            move_originator_message_id=move_originator_message_id,
        )
        context = self._context(context_id, sop_class, transfer_syntax)
        return self._send_request(context, command, source.data if isinstance(source, Message) else source)

    def send_c_store_response(
        self,
        request: Message[CStoreRequest] | None = None,
        status: int | None = None,
        *,
        context_id: int | None = None,
        message_id: int | None = None,
        affected_sop_class_uid: str | None = None,
        affected_sop_instance_uid: str | None = None,
    ) -> None:
        """Answers a C-STORE. Raises StateError for a success or warning whose data set was not kept."""
        fields = _affected(affected_sop_class_uid, affected_sop_instance_uid)
        self._respond(CStoreResponse, request, status, None, context_id, message_id, fields)

    def send_c_find_request(
        self,
        affected_sop_class_uid: str,
        dataset: Data,
        *,
        priority: Priority = Priority.MEDIUM,
        context_id: int | None = None,
        message_id: int | None = None,
    ) -> int:
        """Asks for what matches the identifier in `dataset`."""
        command = CFindRequest(message_id=message_id, affected_sop_class_uid=affected_sop_class_uid, priority=priority)
        return self._send_request(self._context(context_id, affected_sop_class_uid), command, dataset)

    def send_c_find_response(
        self,
        request: Message[CFindRequest] | None = None,
        status: int | None = None,
        dataset: Data | None = None,
        *,
        context_id: int | None = None,
        message_id: int | None = None,
        affected_sop_class_uid: str | None = None,
    ) -> None:
        """One match with a pending status (FF00, FF01), or the end with another and no data set."""
        fields = _affected(affected_sop_class_uid)
        self._respond(CFindResponse, request, status, dataset, context_id, message_id, fields)

    def send_c_get_request(
        self,
        affected_sop_class_uid: str,
        dataset: Data,
        *,
        priority: Priority = Priority.MEDIUM,
        context_id: int | None = None,
        message_id: int | None = None,
    ) -> int:
        """Asks for instances on this association; they come as C-STORE requests, so offer their classes as SCP."""
        command = CGetRequest(message_id=message_id, affected_sop_class_uid=affected_sop_class_uid, priority=priority)
        return self._send_request(self._context(context_id, affected_sop_class_uid), command, dataset)

    def send_c_get_response(
        self,
        request: Message[CGetRequest] | None = None,
        status: int | None = None,
        dataset: Data | None = None,
        *,
        remaining: int | None = None,
        completed: int | None = None,
        failed: int | None = None,
        warning: int | None = None,
        context_id: int | None = None,
        message_id: int | None = None,
        affected_sop_class_uid: str | None = None,
    ) -> None:
        """Progress or the end of a C-GET, with the counts of its sub-operations (PS3.4 C.4.3.1)."""
        fields = _counts(remaining, completed, failed, warning)
        fields["affected_sop_class_uid"] = affected_sop_class_uid
        self._respond(CGetResponse, request, status, dataset, context_id, message_id, fields)

    def send_c_move_request(
        self,
        affected_sop_class_uid: str,
        move_destination: str,
        dataset: Data,
        *,
        priority: Priority = Priority.MEDIUM,
        context_id: int | None = None,
        message_id: int | None = None,
    ) -> int:
        """Asks the peer to send instances to the application entity called `move_destination`."""
        command = CMoveRequest(
            message_id=message_id,
            affected_sop_class_uid=affected_sop_class_uid,
            move_destination=move_destination,
            priority=priority,
        )
        return self._send_request(self._context(context_id, affected_sop_class_uid), command, dataset)

    def send_c_move_response(
        self,
        request: Message[CMoveRequest] | None = None,
        status: int | None = None,
        dataset: Data | None = None,
        *,
        remaining: int | None = None,
        completed: int | None = None,
        failed: int | None = None,
        warning: int | None = None,
        context_id: int | None = None,
        message_id: int | None = None,
        affected_sop_class_uid: str | None = None,
    ) -> None:
        """Progress or the end of a C-MOVE, with the counts of its sub-operations (PS3.4 C.4.2.1)."""
        fields = _counts(remaining, completed, failed, warning)
        fields["affected_sop_class_uid"] = affected_sop_class_uid
        self._respond(CMoveResponse, request, status, dataset, context_id, message_id, fields)

    def send_c_cancel_request(self, message_id: int, *, context_id: int | None = None) -> None:
        """Asks the peer to stop the C-FIND, C-GET or C-MOVE that goes by `message_id`; its final response still comes.

        Raises:
            StateError: no such request is outstanding and no context was given.
        """
        if context_id is None:
            context_id = self._live_link().context_of(message_id)
        self._send(context_id, CCancelRequest(message_id_being_responded_to=message_id), None)

    def send_c_echo_request(
        self,
        *,
        affected_sop_class_uid: str = Verification,
        context_id: int | None = None,
        message_id: int | None = None,
    ) -> int:
        """Asks whether the peer is there."""
        command = CEchoRequest(message_id=message_id, affected_sop_class_uid=affected_sop_class_uid)
        return self._send_request(self._context(context_id, affected_sop_class_uid), command, None)

    def send_c_echo_response(
        self,
        request: Message[CEchoRequest] | None = None,
        status: int = Status.SUCCESS,
        *,
        context_id: int | None = None,
        message_id: int | None = None,
        affected_sop_class_uid: str | None = None,
    ) -> None:
        """Says that we are."""
        fields = _affected(affected_sop_class_uid)
        self._respond(CEchoResponse, request, status, None, context_id, message_id, fields)

    # DIMSE-N (PS3.7 section 10).

    def send_n_event_report_request(
        self,
        affected_sop_class_uid: str,
        affected_sop_instance_uid: str,
        event_type_id: int,
        dataset: Data | None = None,
        *,
        context_id: int | None = None,
        message_id: int | None = None,
    ) -> int:
        """Reports an event about an instance, with its event information."""
        command = NEventReportRequest(
            message_id=message_id,
            affected_sop_class_uid=affected_sop_class_uid,
            affected_sop_instance_uid=affected_sop_instance_uid,
            event_type_id=event_type_id,
        )
        return self._send_request(self._context(context_id, affected_sop_class_uid), command, dataset)

    def send_n_event_report_response(
        self,
        request: Message[NEventReportRequest] | None = None,
        status: int | None = None,
        dataset: Data | None = None,
        *,
        event_type_id: int | None = None,
        context_id: int | None = None,
        message_id: int | None = None,
        affected_sop_class_uid: str | None = None,
        affected_sop_instance_uid: str | None = None,
    ) -> None:
        """Answers an N-EVENT-REPORT, with an event reply if there is one; the event type is the request's."""
        fields = _affected(affected_sop_class_uid, affected_sop_instance_uid)
        fields["event_type_id"] = event_type_id
        self._respond(NEventReportResponse, request, status, dataset, context_id, message_id, fields)

    send_n_report_request = send_n_event_report_request
    send_n_report_response = send_n_event_report_response

    def send_n_get_request(
        self,
        requested_sop_class_uid: str,
        requested_sop_instance_uid: str,
        attribute_identifier_list: tuple[int, ...] | list[int] = (),
        *,
        context_id: int | None = None,
        message_id: int | None = None,
    ) -> int:
        """Asks for attributes of an instance by their tags; none means all."""
        command = NGetRequest(
            message_id=message_id,
            requested_sop_class_uid=requested_sop_class_uid,
            requested_sop_instance_uid=requested_sop_instance_uid,
            attribute_identifier_list=tuple(attribute_identifier_list) or None,
        )
        return self._send_request(self._context(context_id, requested_sop_class_uid), command, None)

    def send_n_get_response(
        self,
        request: Message[NGetRequest] | None = None,
        status: int | None = None,
        dataset: Data | None = None,
        *,
        context_id: int | None = None,
        message_id: int | None = None,
        affected_sop_class_uid: str | None = None,
        affected_sop_instance_uid: str | None = None,
    ) -> None:
        """Answers an N-GET, with the attributes that were asked for."""
        fields = _affected(affected_sop_class_uid, affected_sop_instance_uid)
        self._respond(NGetResponse, request, status, dataset, context_id, message_id, fields)

    def send_n_set_request(
        self,
        requested_sop_class_uid: str,
        requested_sop_instance_uid: str,
        dataset: Data,
        *,
        context_id: int | None = None,
        message_id: int | None = None,
    ) -> int:
        """Changes attributes of an instance to those in `dataset`."""
        command = NSetRequest(
            message_id=message_id,
            requested_sop_class_uid=requested_sop_class_uid,
            requested_sop_instance_uid=requested_sop_instance_uid,
        )
        return self._send_request(self._context(context_id, requested_sop_class_uid), command, dataset)

    def send_n_set_response(
        self,
        request: Message[NSetRequest] | None = None,
        status: int | None = None,
        dataset: Data | None = None,
        *,
        context_id: int | None = None,
        message_id: int | None = None,
        affected_sop_class_uid: str | None = None,
        affected_sop_instance_uid: str | None = None,
    ) -> None:
        """Answers an N-SET, with the values as they have become."""
        fields = _affected(affected_sop_class_uid, affected_sop_instance_uid)
        self._respond(NSetResponse, request, status, dataset, context_id, message_id, fields)

    def send_n_action_request(
        self,
        requested_sop_class_uid: str,
        requested_sop_instance_uid: str,
        action_type_id: int,
        dataset: Data | None = None,
        *,
        context_id: int | None = None,
        message_id: int | None = None,
    ) -> int:
        """Asks for an action on an instance, with its action information."""
        command = NActionRequest(
            message_id=message_id,
            requested_sop_class_uid=requested_sop_class_uid,
            requested_sop_instance_uid=requested_sop_instance_uid,
            action_type_id=action_type_id,
        )
        return self._send_request(self._context(context_id, requested_sop_class_uid), command, dataset)

    def send_n_action_response(
        self,
        request: Message[NActionRequest] | None = None,
        status: int | None = None,
        dataset: Data | None = None,
        *,
        action_type_id: int | None = None,
        context_id: int | None = None,
        message_id: int | None = None,
        affected_sop_class_uid: str | None = None,
        affected_sop_instance_uid: str | None = None,
    ) -> None:
        """Answers an N-ACTION, with an action reply if there is one; the action type is the request's."""
        fields = _affected(affected_sop_class_uid, affected_sop_instance_uid)
        fields["action_type_id"] = action_type_id
        self._respond(NActionResponse, request, status, dataset, context_id, message_id, fields)

    def send_n_create_request(
        self,
        affected_sop_class_uid: str,
        affected_sop_instance_uid: str | None = None,
        dataset: Data | None = None,
        *,
        context_id: int | None = None,
        message_id: int | None = None,
    ) -> int:
        """Creates an instance; without a UID the peer gives it one."""
        command = NCreateRequest(
            message_id=message_id,
            affected_sop_class_uid=affected_sop_class_uid,
            affected_sop_instance_uid=affected_sop_instance_uid,
        )
        return self._send_request(self._context(context_id, affected_sop_class_uid), command, dataset)

    def send_n_create_response(
        self,
        request: Message[NCreateRequest] | None = None,
        status: int | None = None,
        dataset: Data | None = None,
        *,
        context_id: int | None = None,
        message_id: int | None = None,
        affected_sop_class_uid: str | None = None,
        affected_sop_instance_uid: str | None = None,
    ) -> None:
        """Answers an N-CREATE, with the attributes as they were made.

        Raises InvalidValue for a success without an instance UID, neither from the request nor given here.
        """
        fields = _affected(affected_sop_class_uid, affected_sop_instance_uid)
        self._respond(NCreateResponse, request, status, dataset, context_id, message_id, fields)

    def send_n_delete_request(
        self,
        requested_sop_class_uid: str,
        requested_sop_instance_uid: str,
        *,
        context_id: int | None = None,
        message_id: int | None = None,
    ) -> int:
        """Deletes an instance."""
        command = NDeleteRequest(
            message_id=message_id,
            requested_sop_class_uid=requested_sop_class_uid,
            requested_sop_instance_uid=requested_sop_instance_uid,
        )
        return self._send_request(self._context(context_id, requested_sop_class_uid), command, None)

    def send_n_delete_response(
        self,
        request: Message[NDeleteRequest] | None = None,
        status: int | None = None,
        *,
        context_id: int | None = None,
        message_id: int | None = None,
        affected_sop_class_uid: str | None = None,
        affected_sop_instance_uid: str | None = None,
    ) -> None:
        """Answers an N-DELETE."""
        fields = _affected(affected_sop_class_uid, affected_sop_instance_uid)
        self._respond(NDeleteResponse, request, status, None, context_id, message_id, fields)

    # Any message.

    def send_data(
        self, context_id: int, command: Command | Mapping[int, object] | bytes, dataset: Data | None = None
    ) -> None:
        """Sends a message that you built yourself.

        Args:
            command: a typed message; or the elements of group 0000 by tag, for what the typed ones do not hold, of
                which (0000,0800) may be left out; or an encoded command set.

        Raises:
            InvalidMessage: the elements are not a command.
            InvalidValue: they say something else about a data set than is given.
        """
        if isinstance(command, Command):
            self._send(context_id, command, dataset)
            return
        if isinstance(command, bytes):
            command_set = command
        else:
            command_set = codec.encode_elements(
                {DATA_SET_TYPE: NO_DATA_SET if dataset is None else DATA_SET, **command}
            )
        self._send(context_id, codec.decode(command_set), dataset, command_set)

    # How.

    def _live_link(self) -> Link:
        raise NotImplementedError

    def _send_request(self, context: Context, command: Request, data: Data | None) -> int:
        if command.message_id is None:
            command.message_id = self._live_link().next_message_id()
        self._send(context.context_id, command, data)
        return command.message_id

    def _respond(
        self,
        response_class: type[Response],
        request: Message[Any] | None,
        status: int | None,
        data: Data | None,
        context_id: int | None,
        message_id: int | None,
        fields: Mapping[str, object],
    ) -> None:
        if status is None:
            raise InvalidValue(f"a {response_class.name} needs a status")
        given = {key: value for key, value in fields.items() if value is not None}
        if request is None:
            if context_id is None or message_id is None:
                raise InvalidValue("a response needs the request it answers, or context_id= and message_id=")
            make: Any = response_class
            response = make(message_id_being_responded_to=message_id, status=Status(status), **given)
        else:
            if not isinstance(request.command, Request) or request.command.response_class is not response_class:
                raise InvalidValue(f"a {response_class.name} does not answer a {request.command.name}")
            response = request.command.respond(Status(status), **given)
            context_id = request.context_id if context_id is None else context_id
            self._check_answerable(request)
            if request.error is not None and (response.status.is_success or response.status.is_warning):
                raise StateError(f"the data set was not kept ({request.error}), so it cannot be acknowledged")
        self._send_response(context_id, response, data)

    def _answer(self, message: Message[Any], response: Command) -> None:
        self._check_answerable(message)
        self._send_response(message.context_id, response)

    def _check_answerable(self, message: Message[Any]) -> None:
        if message._link is not None and message._link is not self._live_link():
            raise StateError("the connection that the request came on is closed")

    def _send_response(self, context_id: int, response: Command, data: Data | None = None) -> None:
        if self._is_listened_to("before_send_command_set"):
            response.has_data_set = data is not None
            response = self._completed(response)
        self._send(context_id, response, data)

    def _completed(self, response: Any) -> Command:
        """What the application makes of a response; the response as it is if that cannot be sent, for the peer waits."""
        completed = copy(response)
        try:
            self._callback("before_send_command_set")(completed)
            codec.encode(completed)
            if completed.message_id_being_responded_to != response.message_id_being_responded_to:
                raise InvalidValue(f"the {response.name} is made to answer another message")
            if response.status.is_failure and not Status(completed.status).is_failure:
                raise InvalidValue(f"the {response.name} tells of a failure, and is made to tell of none")
        except (Exception, SystemExit) as error:
            codec.encode(response)  # raises what is not the callback's fault
            log.error("on_before_send_command_set failed; the response leaves as it is", exc_info=error)
            return cast("Command", response)
        return cast("Command", completed)

    def _send(
        self,
        context_id: int,
        command: Command,
        data: Data | None,
        command_set: bytes | None = None,
    ) -> None:
        link = self._live_link()
        context = link.accepted_context(context_id)
        body = self._encode(data, context)
        try:
            if command_set is None:
                command.has_data_set = body is not None
                command_set = codec.encode(command)
            elif command.has_data_set != (body is not None):
                raise InvalidValue(f"(0000,0800) of the {command.name} and the data set given do not agree")
        except InvalidValue:
            if body is not None and not isinstance(body, bytes):
                body.close()
            raise
        link.send(context_id, command, command_set, body)

    def _encode(self, data: Data | None, context: Context) -> bytes | Body | None:
        if isinstance(data, str | os.PathLike):
            data = InstanceFile.open(data)
        if data is None:
            return None
        if isinstance(data, InstanceFile | ReceivedData):
            if data.transfer_syntax_uid != context.transfer_syntax:
                raise InvalidValue(
                    f"{data.path or 'what was received'} is in {name(data.transfer_syntax_uid)}, "
                    f"context {context.context_id} in {name(context.transfer_syntax)}"
                )
            body = data.body()
            return body if body.length else None
        if not isinstance(data, bytes | bytearray | memoryview):
            data = encode_dataset(data, context.transfer_syntax, group_lengths=self._group_lengths)
        if not len(data):
            return None
        return (
            bytes(data) if len(data) <= SMALL and not len(data) % 2 else BytesBody(bytes(data), context.transfer_syntax)
        )

    def _context(self, context_id: int | None, abstract_syntax: str, transfer_syntax: str | None = None) -> Context:
        link = self._live_link()
        if context_id is not None:
            return link.accepted_context(context_id)
        return link.find_context(abstract_syntax, transfer_syntax)


def _identity(source: Any) -> tuple[str | None, str | None, str | None]:
    """SOP class, SOP instance and transfer syntax of what is to be stored, as far as it says."""
    if isinstance(source, InstanceFile):
        return source.sop_class_uid, source.sop_instance_uid, source.transfer_syntax_uid
    if isinstance(source, Message):
        return source.command.sop_class_uid, source.command.sop_instance_uid, source.transfer_syntax
    if isinstance(source, ReceivedData):
        return None, None, source.transfer_syntax_uid
    meta = getattr(source, "file_meta", None)
    syntax = meta and meta.get("TransferSyntaxUID")
    return getattr(source, "SOPClassUID", None), getattr(source, "SOPInstanceUID", None), syntax


def _affected(sop_class_uid: str | None, sop_instance_uid: str | None = None) -> dict[str, object]:
    return {"affected_sop_class_uid": sop_class_uid, "affected_sop_instance_uid": sop_instance_uid}


def _counts(remaining: int | None, completed: int | None, failed: int | None, warning: int | None) -> dict[str, object]:
    return {
        "number_of_remaining_suboperations": remaining,
        "number_of_completed_suboperations": completed,
        "number_of_failed_suboperations": failed,
        "number_of_warning_suboperations": warning,
    }


DATA_SET_TYPE, DATA_SET, NO_DATA_SET = 0x0000_0800, 0x0001, 0x0101
"""PS3.7 E.1: 0101H says that no data set follows, anything else that one does."""

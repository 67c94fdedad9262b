"""What a DicomNet object is told: a method for each event, to be overridden.

Every one has a default that leaves no peer waiting: an association request is
rejected, a request is answered that the operation is not recognized, a release
is answered. The others do nothing.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

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
    UnknownCommand,
)
from dicomnet.dimse.status import Status
from dicomnet.errors import InvalidValue, RejectReason, RejectResult, StorageError
from dicomnet.net.associate import Associate
from dicomnet.net.message import Message
from dicomnet.storage.received import ReceivedData

if TYPE_CHECKING:
    from dicomnet.tls import VerifyResult

log = logging.getLogger("dicomnet.net")

F = TypeVar("F", bound=Callable[..., object])


class Callbacks:
    """All callbacks of one object run one after the other, on threads of ours; a slow one delays only its object."""

    def __init__(self) -> None:
        self._registered: dict[str, Callable[..., Any]] = {}

    def on(self, name: str, function: F | None = None) -> Any:
        """Registers a callable for an event of this object instead of overriding its method; of two, the last counts.

        A listener's are not those of the objects it accepts into.

        Args:
            name: the method's name, with or without `on_`.
            function: called with the method's arguments; left out, `on` is a decorator.

        Raises:
            InvalidValue: there is no such event.
        """
        name = name.removeprefix("on_")
        if not hasattr(Callbacks, f"on_{name}"):
            raise InvalidValue(f"there is no event {name!r}")
        if function is None:
            return lambda decorated: self.on(name, decorated)
        self._registered[name] = function
        return function

    def _callback(self, name: str) -> Callable[..., Any]:
        return self._registered.get(name) or getattr(self, f"on_{name}")

    def _is_listened_to(self, name: str) -> bool:
        """Whether somebody wrote this callback."""
        method = f"on_{name}"
        return name in self._registered or getattr(type(self), method) is not getattr(Callbacks, method)

    # The connection.

    def on_accept(self, error: Exception | None) -> None:
        """On a listening object: a connection waits for `accept`; or why the system lets none in at the moment.

        One that is not accepted stays first in line, and is closed after the ARTIM time, or when this raises.
        """

    def on_connect(self, error: Exception | None) -> None:
        """The connection that `connect` asked for is up, or why it is not."""

    def on_close(self, error: Exception | None, net: Any) -> None:
        """The other side closed `net`, or the link broke; also told to the listener `net` came from.

        Not told for one's own `close`. Nor is `net` itself told after it
        received a release response or a rejection, since those end the
        connection; its listener is, because it has one client less.
        """

    def on_receive(self, error: Exception | None, pdu_type: int, data: bytes) -> None:
        """A PDU came, before any other event it leads to. `data` is a copy of it; above 1 MiB, of its header."""

    def on_send(self, error: Exception | None, pdu_type: int, length: int) -> None:
        """What a `send_...` queued has left as so many bytes; or why it will not."""

    def on_secure_link_ready(self, error: Exception | None) -> None:
        """The TLS handshake is over, or why it failed."""

    def on_verify_certificate(self, result: VerifyResult) -> bool:
        """After the handshake, for each certificate of the peer that Python can give; False refuses the peer.

        A verification that failed is told once, with its error, and cannot be
        rescued, except in `VerifyMode.UNSAFE_ACCEPT_ANY`.
        """
        return result.ok

    def on_private_key_password(self) -> str | None:
        """The private key is encrypted; None if there is no password."""
        return None

    def on_before_send_command_set(self, command: Command) -> None:
        """A response is about to be queued: the place to add an Error Comment, an Offending Element and the like."""

    # The association.

    def on_receive_associate_request(self, associate: Associate) -> None:  # noqa: ARG002
        """Answer with `send_associate_accept(associate.accept_all())`, or what suits."""
        reason = RejectReason.NO_REASON
        self.send_associate_reject(RejectResult.PERMANENT, reason.source, reason.reason)

    def on_receive_associate_accept(self, associate: Associate) -> None:
        """The peer accepted; `associate` holds each context's result."""

    def on_receive_associate_reject(self, result: int, source: int, reason: int) -> None:
        """The peer rejected (PS3.8 Table 9-21); the connection ends with it."""

    def on_receive_release_request(self) -> None:
        """The peer wants to end the association; answer with `send_release_response`."""
        self.send_release_response()

    def on_receive_release_response(self) -> None:
        """The peer agreed to our release; the connection ends with it."""

    def on_receive_abort(self, source: int, reason: int) -> None:
        """The association was aborted by the peer, or by this side's provider because of the peer (PS3.8 9.3.8)."""

    # Messages.

    def on_receive_data(self, context_id: int, command: Command, dataset: ReceivedData | None) -> None:
        """A message came whole; told before its own event."""

    def on_receive_unknown(self, context_id: int, command: UnknownCommand, dataset: ReceivedData | None) -> None:  # noqa: ARG002
        """A message of no known command field."""
        if command.is_request and command.message_id is not None:
            self._send_response(context_id, command.respond())

    def on_receive_failed(self, message: Message[Command], error: Exception) -> None:
        """A message came whole, but its data set could not be kept; its own event is not told.

        The default answers a request with the status that fits the error.
        """
        self._answer_failure(message, error)

    def on_receive_c_store_request(self, message: Message[CStoreRequest]) -> None:
        """The peer stores an instance: `message.data` has been kept. Answer with `send_c_store_response`; the default is 0211."""
        self._answer_unrecognized(message)

    def on_receive_c_store_response(self, message: Message[CStoreResponse]) -> None:
        """The peer answers our C-STORE request with `message.status`."""

    def on_receive_c_find_request(self, message: Message[CFindRequest]) -> None:
        """The peer sends a C-FIND request; answer with `send_c_find_response`. The default answer is 0122."""
        self._answer_unrecognized(message)

    def on_receive_c_find_response(self, message: Message[CFindResponse]) -> None:
        """The peer answers our C-FIND request; more follows while `message.status.is_pending`."""

    def on_receive_c_get_request(self, message: Message[CGetRequest]) -> None:
        """The peer sends a C-GET request; answer with `send_c_get_response`. The default answer is 0211."""
        self._answer_unrecognized(message)

    def on_receive_c_get_response(self, message: Message[CGetResponse]) -> None:
        """The peer answers our C-GET request; more follows while `message.status.is_pending`."""

    def on_receive_c_move_request(self, message: Message[CMoveRequest]) -> None:
        """The peer sends a C-MOVE request; answer with `send_c_move_response`. The default answer is 0211."""
        self._answer_unrecognized(message)

    def on_receive_c_move_response(self, message: Message[CMoveResponse]) -> None:
        """The peer answers our C-MOVE request; more follows while `message.status.is_pending`."""

    def on_receive_c_cancel_request(self, message: Message[CCancelRequest]) -> None:
        """The peer cancels a C-FIND, C-GET or C-MOVE; `is_cancelled` said so as soon as it came."""

    def on_receive_c_echo_request(self, message: Message[CEchoRequest]) -> None:
        """The peer sends a C-ECHO request; answer with `send_c_echo_response`. The default answer is 0211."""
        self._answer_unrecognized(message)

    def on_receive_c_echo_response(self, message: Message[CEchoResponse]) -> None:
        """The peer answers our C-ECHO request with `message.status`."""

    def on_receive_n_event_report_request(self, message: Message[NEventReportRequest]) -> None:
        """The peer reports an event; answer with `send_n_event_report_response`. The default answer is 0211."""
        self._callback("receive_n_report_request")(message)

    def on_receive_n_event_report_response(self, message: Message[NEventReportResponse]) -> None:
        """The peer answers our N-EVENT-REPORT request with `message.status`."""
        self._callback("receive_n_report_response")(message)

    def on_receive_n_report_request(self, message: Message[NEventReportRequest]) -> None:
        """N-EVENT-REPORT by its short name, for those who know it so; told unless the long one is overridden."""
        self._answer_unrecognized(message)

    def on_receive_n_report_response(self, message: Message[NEventReportResponse]) -> None:
        """The same for the response."""

    def on_receive_n_get_request(self, message: Message[NGetRequest]) -> None:
        """The peer sends an N-GET request; answer with `send_n_get_response`. The default answer is 0211."""
        self._answer_unrecognized(message)

    def on_receive_n_get_response(self, message: Message[NGetResponse]) -> None:
        """The peer answers our N-GET request with `message.status`."""

    def on_receive_n_set_request(self, message: Message[NSetRequest]) -> None:
        """The peer sends an N-SET request; answer with `send_n_set_response`. The default answer is 0211."""
        self._answer_unrecognized(message)

    def on_receive_n_set_response(self, message: Message[NSetResponse]) -> None:
        """The peer answers our N-SET request with `message.status`."""

    def on_receive_n_action_request(self, message: Message[NActionRequest]) -> None:
        """The peer sends an N-ACTION request; answer with `send_n_action_response`. The default answer is 0211."""
        self._answer_unrecognized(message)

    def on_receive_n_action_response(self, message: Message[NActionResponse]) -> None:
        """The peer answers our N-ACTION request with `message.status`."""

    def on_receive_n_create_request(self, message: Message[NCreateRequest]) -> None:
        """The peer sends an N-CREATE request; answer with `send_n_create_response`. The default answer is 0211."""
        self._answer_unrecognized(message)

    def on_receive_n_create_response(self, message: Message[NCreateResponse]) -> None:
        """The peer answers our N-CREATE request with `message.status`."""

    def on_receive_n_delete_request(self, message: Message[NDeleteRequest]) -> None:
        """The peer sends an N-DELETE request; answer with `send_n_delete_response`. The default answer is 0211."""
        self._answer_unrecognized(message)

    def on_receive_n_delete_response(self, message: Message[NDeleteResponse]) -> None:
        """The peer answers our N-DELETE request with `message.status`."""

    # What the defaults need of the object.

    def send_associate_reject(self, result: int, source: int, reason: int) -> None:
        raise NotImplementedError

    def send_release_response(self) -> None:
        raise NotImplementedError

    def _send_response(self, context_id: int, response: Command) -> None:
        raise NotImplementedError

    def _answer(self, message: Message[Any], response: Command) -> None:
        raise NotImplementedError

    def _answer_unknown(self, message: Message[UnknownCommand]) -> None:
        Callbacks.on_receive_unknown(self, message.context_id, message.command, None)

    def _answer_unrecognized(self, message: Message[Any]) -> None:
        """0211; C-FIND has only 0122 to say so (PS3.7 9.1.2.1.6)."""
        is_find = isinstance(message.command, CFindRequest)
        status = Status.SOP_CLASS_NOT_SUPPORTED if is_find else Status.UNRECOGNIZED_OPERATION
        self._answer(message, message.command.respond(status))

    def _answer_failure(self, message: Message[Any], error: BaseException) -> None:
        if isinstance(message.command, Request) and not isinstance(message.command, CCancelRequest):
            response = message.command.respond(_status_of(error))
            # What a bug of ours has to say is for our log, which has it; a stranger need not know our paths and names.
            response.error_comment = error.comment if isinstance(error, StorageError) else FAILED
            self._answer(message, response)


FAILED = "processing failed; the log of this side says why"


def _status_of(error: BaseException) -> Status:
    """The failure that an error says it is; other libraries give `status` other meanings."""
    status = getattr(error, "status", None)
    if isinstance(status, int) and Status(status).is_failure and Status(status).is_defined:
        return Status(status)
    return Status.PROCESSING_FAILURE


EVENT_OF: dict[type[Command], str] = {
    CStoreRequest: "receive_c_store_request",
    CStoreResponse: "receive_c_store_response",
    CFindRequest: "receive_c_find_request",
    CFindResponse: "receive_c_find_response",
    CGetRequest: "receive_c_get_request",
    CGetResponse: "receive_c_get_response",
    CMoveRequest: "receive_c_move_request",
    CMoveResponse: "receive_c_move_response",
    CCancelRequest: "receive_c_cancel_request",
    CEchoRequest: "receive_c_echo_request",
    CEchoResponse: "receive_c_echo_response",
    NEventReportRequest: "receive_n_event_report_request",
    NEventReportResponse: "receive_n_event_report_response",
    NGetRequest: "receive_n_get_request",
    NGetResponse: "receive_n_get_response",
    NSetRequest: "receive_n_set_request",
    NSetResponse: "receive_n_set_response",
    NActionRequest: "receive_n_action_request",
    NActionResponse: "receive_n_action_response",
    NCreateRequest: "receive_n_create_request",
    NCreateResponse: "receive_n_create_response",
    NDeleteRequest: "receive_n_delete_request",
    NDeleteResponse: "receive_n_delete_response",
}
"""The event of each message."""

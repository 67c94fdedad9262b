"""What a blocking association performs for its peer: functions of the caller, called while it waits for something else."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from dicomnet.datasets import bounds_of, encode_dataset
from dicomnet.dimse.commands import Request as Message
from dicomnet.dimse.status import Status
from dicomnet.errors import DicomNetError, InvalidValue, RejectReason, StateError
from dicomnet.exchanges.contracts import Kept
from dicomnet.exchanges.lifetime import status_of
from dicomnet.exchanges.services import Verb, verb_of
from dicomnet.exchanges.session import Inbound, Session
from dicomnet.pdu import AssociateReject, AssociateRequest
from dicomnet.storage.received import ReceivedData
from dicomnet.types import printable

if TYPE_CHECKING:
    from pydicom import Dataset

log = logging.getLogger("dicomnet.association")


class Request:
    """A request of the peer, as a handler gets it: complete, with its data set in memory or in a temporary file."""

    def __init__(self, inbound: Inbound, data: ReceivedData | None) -> None:
        request = inbound.session.request
        assert request is not None
        self._associated = request
        self.message: Message = inbound.command
        """The command."""
        self.context = inbound.context
        self.data = data
        """The data set as it came, if there is one; it dies when the handler has returned, unless it is kept."""

    @property
    def calling_ae(self) -> str:
        """Who has asked for the association, which is who called it."""
        return self._associated.calling_ae

    @property
    def called_ae(self) -> str:
        return self._associated.called_ae

    @property
    def message_id(self) -> int:
        return self.message.message_id or 0

    @property
    def sop_class_uid(self) -> str | None:
        return self.message.sop_class_uid

    @property
    def sop_instance_uid(self) -> str | None:
        return self.message.sop_instance_uid

    @property
    def event_type(self) -> int | None:
        """Of an N-EVENT-REPORT."""
        return getattr(self.message, "event_type_id", None)

    @property
    def action_type(self) -> int | None:
        """Of an N-ACTION."""
        return getattr(self.message, "action_type_id", None)

    @property
    def attributes(self) -> tuple[int, ...]:
        """The tags that an N-GET asks for; none are all there are (PS3.7 10.1.2)."""
        return tuple(getattr(self.message, "attribute_identifier_list", None) or ())

    @property
    def dataset(self) -> Dataset | None:
        """The data set, decoded; raises `StorageError` if it cannot be."""
        return None if self.data is None else self.data.dataset(bounds_of(self.message))

    def save(self, path: Any) -> Any:
        """Makes a file of an instance and returns its path; raises `StorageError` if it cannot be kept."""
        if self.data is None:
            raise StateError(f"the {self.message.name} has no data set")
        return self.data.keep(path)


class Functions:
    """Performs what the peer asks for by the functions given for it.

    A function is given the request, and returns nothing for success, a status, a
    data set for the response, or both as a pair. What it raises becomes a
    failure status.
    """

    def __init__(self, functions: Mapping[Verb, Callable[[Request], Any]]) -> None:
        self._functions = functions

    def associate(self, session: Session, request: AssociateRequest) -> None:  # noqa: ARG002
        """Nobody asks a requestor for an association."""
        session.reject(AssociateReject(1, *RejectReason.NO_REASON.value))

    def choose(self, inbound: Inbound) -> Any:
        if verb_of(inbound.command) in self._functions:
            return inbound.spool()
        return inbound.session.shell.nowhere()

    def perform(self, inbound: Inbound, data: Kept | None, error: Exception | None) -> None:
        verb = verb_of(inbound.command)
        function = self._functions.get(verb)
        if function is None and verb is Verb.ECHO:
            inbound.respond(Status.SUCCESS)
            return
        if function is None:
            log.warning("%s %s, and nobody here performs it", inbound.session.id, inbound.command.name)
            inbound.respond(Status.PROCESSING_FAILURE, error_comment=f"no handler for {verb}")
            return
        try:
            if error is not None:
                raise error
            assert data is None or isinstance(data, ReceivedData)
            status, dataset = _outcome(function(Request(inbound, data)))
            encoded = None
            if dataset is not None:
                encoded = encode_dataset(dataset, inbound.context.transfer_syntax) or None
            inbound.respond(status, encoded)
        except DicomNetError as failure:
            reason = printable(str(failure))
            log.warning("%s %s is answered with a failure: %s", inbound.session.id, inbound.command.name, reason)
            status, comment = status_of(failure)
            inbound.respond(status, error_comment=comment)
        except Exception:
            log.exception("%s the handler of %s failed", inbound.session.id, inbound.command.name)
            inbound.respond(Status.PROCESSING_FAILURE)
        finally:
            if data is not None:
                data.close()

    def cancelled(self, inbound: Inbound) -> None:
        """A function is not interrupted: it runs in the thread that would hear of it."""

    def ended(self, session: Session) -> None:
        """Nothing is left to be done."""


def provider_for(handlers: Mapping[str, Callable[..., Any]] | None) -> Functions | None:
    """Who performs the peer's requests; raises `InvalidValue` for what is no operation."""
    if not handlers:
        return None
    functions: dict[Verb, Callable[[Request], Any]] = {}
    for name, function in handlers.items():
        text = name.lower().replace("_", "-").removeprefix("c-")
        if text not in set(Verb):
            from difflib import get_close_matches

            near = get_close_matches(text, list(Verb), 1)
            hint = f"; {near[0]} is" if near else f"; there are {', '.join(Verb)}"
            raise InvalidValue(f"{name!r} is no operation{hint}")
        functions[Verb(text)] = function
    return Functions(functions)


def _outcome(result: Any) -> tuple[Status, Any]:
    if result is None:
        return Status.SUCCESS, None
    if isinstance(result, int):
        return Status(result), None
    if isinstance(result, tuple):
        status, dataset = result
        return Status(status), dataset
    return Status.SUCCESS, result

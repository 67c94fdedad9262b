"""One request, one response: C-ECHO and the six N-services (PS3.7 9.1.5, 10.1); and what every exchange begins and ends with."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, TypeAlias

from dicomnet.datasets import is_dataset
from dicomnet.dimse.commands import (
    CEchoRequest,
    CFindRequest,
    CGetRequest,
    CMoveRequest,
    NActionRequest,
    NCreateRequest,
    NDeleteRequest,
    NEventReportRequest,
    NGetRequest,
    NSetRequest,
    Request,
    Response,
)
from dicomnet.dimse.status import Status
from dicomnet.errors import DicomTimeout, StateError, StatusError, again
from dicomnet.exchanges.contracts import Kept
from dicomnet.exchanges.encoding import decoded, encoded
from dicomnet.exchanges.session import Operation, Reply, Session
from dicomnet.exchanges.steps import Script, Wait
from dicomnet.exchanges.values import dataset_of
from dicomnet.limits import ATTRIBUTES
from dicomnet.records import dataclass
from dicomnet.types import printable
from dicomnet.ul.negotiation import Context

if TYPE_CHECKING:
    from pydicom import Dataset


Attributes: TypeAlias = "Mapping[Any, object] | Dataset"
"""Of an N-service: a data set, or values by keyword or tag as for a query."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back for a request of an N-service."""

    status: Status
    """Success or a warning; a failure is raised."""
    dataset: Dataset | None
    """The attributes, the reply to an action or event, if the response had any."""
    response: Response
    sop_instance_uid: str | None
    """The instance it is about: for N-CREATE the one made, which the peer may have named itself."""


def settle(session: Session, *, everything: bool = False) -> Script[None]:
    """Ends what was left in the middle, so that the next operation finds the association free.

    With room in the window loops over results may go on, unless everything is to end; what nobody reads any more is
    cancelled, and its end not waited for.

    Raises:
        DicomTimeout: the peer does not end one of them; the association is aborted.
    """
    left = [operation for operation in session.unfinished if not operation.held]
    if not left or session.over:
        return
    if everything or not session.room:
        yield from end(session, left)
        return
    abandoned = [operation for operation in left if operation.abandoned]
    _cancel(session, abandoned)
    for operation in abandoned:
        operation.drain()


def end(session: Session, operations: Sequence[Operation]) -> Script[None]:
    """Cancels operations whose replies nobody wants any more, as far as they can be cancelled, and waits for their ends.

    If the association ends before they do, that is no error here: whoever uses it next is told.

    Raises:
        DicomTimeout: the peer does not end one of them; the association is aborted.
    """
    _cancel(session, operations)
    late = session.shell.now() + SETTLE_TIME
    left = list(operations)
    while True:
        for operation in left:
            operation.drain()
        left = [operation for operation in left if operation in session.unfinished]
        if not left or session.over:
            return
        # The time is for all that is still to come: a peer that goes on and on does not hear us either.
        seconds = late - session.shell.now()
        if seconds <= 0:
            error = DicomTimeout("the end of an operation that was left early", SETTLE_TIME)
            session.abort(error=error)
            raise error
        yield Wait(session, partial(_any_moved, session, left), seconds)


def next_reply(operation: Operation) -> Script[Reply]:
    """The next reply to an operation.

    Raises:
        AssociationError: the association ended before it came.
        DicomTimeout: it did, because the peer took too long.
        StateError: too many replies had not been read; they are gone.
    """
    session = operation.session
    if operation.error is not None:
        raise again(operation.error)
    if not operation.answered:
        if operation not in session.unfinished:
            session.check()
            raise StateError("the operation was ended by the one that followed it")
        operation.held = True
        try:
            yield Wait(session, lambda: operation.answered)
        finally:
            operation.held = False
        if not operation.answered:
            session.check()
    return operation.next_reply()


def call(session: Session, context: Context, request: Request, data: bytes | None = None) -> Script[Reply]:
    """Sends a request and waits for its one response.

    Raises:
        StatusError: it is a failure.
    """
    yield from settle(session)
    operation = session.send(context, request, data)
    try:
        reply = yield from next_reply(operation)
    except GeneratorExit:
        operation.abandon()
        raise
    check_status(reply, request)
    if reply.error is not None:
        raise reply.error
    return reply


def check_status(reply: Reply, request: Request) -> None:
    """Raises `StatusError` for a response that is a failure."""
    response = reply.response
    if response.status.is_failure:
        raise status_error(response, request)


def status_error(response: Response, request: Request) -> StatusError:
    """A response as an exception."""
    operation = request.name.removesuffix("-RQ")
    return StatusError(
        response.status,
        None if response.error_comment is None else printable(response.error_comment),
        operation=operation,
        meaning=response.status.meaning(message=operation),
        error_id=getattr(response, "error_id", None),
        response=response,
    )


def echo(session: Session, context: Context) -> Script[Status]:
    """C-ECHO (PS3.7 9.1.5)."""
    reply = yield from call(session, context, CEchoRequest(affected_sop_class_uid=context.abstract_syntax))
    return reply.status


def n_call(session: Session, context: Context, request: Request, dataset: Attributes | None) -> Script[Answer]:
    """Any of the N-services, with a data set or without one."""
    data = None
    if dataset is not None:
        if not is_dataset(dataset):
            dataset = dataset_of(dataset)
        # An empty list of attributes is not sent at all: a data set of no bytes does not exist on the wire.
        data = (yield from encoded(dataset, context.transfer_syntax)) or None
    reply = yield from call(session, context, request, data)
    answer = None if reply.data is None else (yield from decoded(reply.data.length, partial(_dataset, reply.data)))
    uid = reply.response.sop_instance_uid or request.sop_instance_uid  # responses need not repeat it (PS3.7 10.1.5)
    return Answer(reply.status, answer, reply.response, uid)


def n_create(
    session: Session, context: Context, sop_class: str, instance: str | None, dataset: Attributes | None
) -> Script[Answer]:
    """N-CREATE (PS3.7 10.1.5)."""
    request = NCreateRequest(affected_sop_class_uid=sop_class, affected_sop_instance_uid=instance)
    return (yield from n_call(session, context, request, dataset))


def n_set(session: Session, context: Context, sop_class: str, instance: str, dataset: Attributes) -> Script[Answer]:
    """N-SET (PS3.7 10.1.3)."""
    request = NSetRequest(requested_sop_class_uid=sop_class, requested_sop_instance_uid=instance)
    return (yield from n_call(session, context, request, dataset))


def n_get(
    session: Session, context: Context, sop_class: str, instance: str, tags: Iterable[int] = ()
) -> Script[Answer]:
    """N-GET (PS3.7 10.1.2); no tags ask for every attribute."""
    request = NGetRequest(
        requested_sop_class_uid=sop_class,
        requested_sop_instance_uid=instance,
        attribute_identifier_list=tuple(tags) or None,
    )
    return (yield from n_call(session, context, request, None))


def n_action(
    session: Session, context: Context, sop_class: str, instance: str, action_type: int, dataset: Attributes | None
) -> Script[Answer]:
    """N-ACTION (PS3.7 10.1.4)."""
    request = NActionRequest(
        requested_sop_class_uid=sop_class, requested_sop_instance_uid=instance, action_type_id=action_type
    )
    return (yield from n_call(session, context, request, dataset))


def n_delete(session: Session, context: Context, sop_class: str, instance: str) -> Script[Answer]:
    """N-DELETE (PS3.7 10.1.6)."""
    request = NDeleteRequest(requested_sop_class_uid=sop_class, requested_sop_instance_uid=instance)
    return (yield from n_call(session, context, request, None))


def n_event_report(
    session: Session, context: Context, sop_class: str, instance: str, event_type: int, dataset: Attributes | None
) -> Script[Answer]:
    """N-EVENT-REPORT (PS3.7 10.1.1), from the SCP to the SCU."""
    request = NEventReportRequest(
        affected_sop_class_uid=sop_class, affected_sop_instance_uid=instance, event_type_id=event_type
    )
    return (yield from n_call(session, context, request, dataset))


def _cancel(session: Session, operations: Iterable[Operation]) -> None:
    for operation in operations:
        if isinstance(operation.request, _CANCELABLE):
            session.cancel(operation)


def _any_moved(session: Session, operations: Sequence[Operation]) -> bool:
    return any(operation.answered or operation not in session.unfinished for operation in operations)


def _dataset(data: Kept) -> Dataset:
    try:
        dataset: Dataset = data.dataset(ATTRIBUTES)
    finally:
        data.close()
    return dataset


SETTLE_TIME = 30.0
"""Seconds that a peer gets to end an operation after it was told that nobody wants the rest."""

_CANCELABLE = (CFindRequest, CGetRequest, CMoveRequest)

"""The operations of PS3.7, as a handler and a provider perform them together; retrieves are in `suboperations`."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import aclosing
from typing import TYPE_CHECKING, Any, TypeVar, cast

from dicomnet.aio.answers import Encoded, match_encoder
from dicomnet.aio.calling import (
    CancelledByPeer,
    call,
    ended_by,
    failure,
    final_status,
    interruptible,
    is_match,
)
from dicomnet.aio.carrier import Carrier
from dicomnet.aio.crew import Share
from dicomnet.aio.giving import each
from dicomnet.aio.handlers import Handler
from dicomnet.aio.requests import FindRequest, NRequest, Reply, Request, StoreRequest
from dicomnet.datasets import encode_dataset, is_dataset
from dicomnet.dimse import commands
from dicomnet.dimse.commands import Presence
from dicomnet.dimse.status import Status
from dicomnet.errors import DicomNetError, InvalidValue, StatusError
from dicomnet.exchanges.lifetime import plain
from dicomnet.exchanges.services import verb_of
from dicomnet.exchanges.session import Inbound, Session
from dicomnet.exchanges.steps import Wait
from dicomnet.exchanges.values import dataset_of
from dicomnet.storage.received import ReceivedData
from dicomnet.storage.walk import Problem

if TYPE_CHECKING:
    from pydicom import Dataset

log = logging.getLogger("dicomnet.association")

T = TypeVar("T")


class Performance:
    """One request that is being performed: what answers it, and what it has moved."""

    def __init__(self, request: Request, inbound: Inbound, function: Handler | None, share: Share) -> None:
        self.request = request
        self.inbound = inbound
        self.function = function
        self.share = share
        self.verb = verb_of(inbound.command)
        self.began = self.session.shell.now()
        self.bytes = 0
        """Of data sets that came or went."""
        self.matches = 0
        """Pending responses with a data set."""
        self.suboperations: tuple[int, int, int] | None = None
        """Completed, failed, with a warning; of a retrieve, as its last response has told them."""
        self.status: Status | None = None
        """What was answered at last; None if the association ended first."""
        self.told = False
        """Whether observers have heard that it is over."""

    @property
    def session(self) -> Session:
        return self.inbound.session

    def call(self) -> Any:
        """What the handler returns, to be awaited."""
        assert self.function is not None
        return call(self.function, self.request, self.share)

    def each(self, is_one: Callable[[Any], bool], prepare: Callable[[Any], T]) -> AsyncGenerator[T, None]:
        """What the handler gives, see `dicomnet.aio.giving.each`."""
        assert self.function is not None
        return each(self.function, self.request, self.share, is_one, prepare)

    def respond(self, status: int, data: bytes | None = None, *, comment: str | None = None, **fields: Any) -> None:
        """Answers it; raises `InvalidValue` for a response that may not be sent."""
        if comment is not None:
            fields["error_comment"] = plain(comment)
        self.inbound.respond(status, data, **fields)
        self.bytes += len(data or b"")
        if (completed := fields.get("number_of_completed_suboperations")) is not None:
            others = ("number_of_failed_suboperations", "number_of_warning_suboperations")
            failed, warned = (fields.get(name) or 0 for name in others)
            self.suboperations = (completed, failed, warned)
        if not Status(status).is_final:
            self.matches += data is not None
        elif self.status is None and not self.session.over:
            self.status = Status(status)

    async def room(self) -> None:
        """Waits while the peer does not take the responses that it was sent; and lets others have a turn."""
        session = self.session
        if session.crowded:
            await cast("Carrier", session.shell).wait(Wait(session, lambda: not session.crowded))
        else:
            await asyncio.sleep(0)


async def perform_echo(performance: Performance) -> None:
    """C-ECHO: success, unless a handler says otherwise."""
    try:
        result = None if performance.function is None else await performance.call()
        reply = _reply(result)
        performance.respond(final_status(reply.status), **reply.fields)
    except Exception as error:  # noqa: BLE001 (a handler may raise anything)
        answer_failure(performance, error, Status.PROCESSING_FAILURE)


async def perform_store(performance: Performance) -> None:
    """C-STORE: nothing that was not kept, read or thrown away on purpose is acknowledged (PS3.7 9.1.1.2)."""
    request = performance.request
    assert isinstance(request, StoreRequest)
    try:
        result = await performance.call()
        reply = _reply(None if isinstance(result, ReceivedData) else result)  # what `save` gives says that it is kept
        status = final_status(reply.status)
        if not status.is_failure and not request.taken:
            log.error(
                "%s the handler of %s answered %04X, but has neither saved, read nor discarded the data set",
                request.association.id,
                request.message.name,
                status,
            )
            performance.respond(Status.PROCESSING_FAILURE, comment="the data set was not kept")
            return
        problem = request.problem
        if problem is None or not status.is_success:
            performance.respond(status, **reply.fields)
            return
        performance.respond(KEPT_ALL_THE_SAME, **{**problem_fields(performance.inbound, problem), **reply.fields})
    except Exception as error:  # noqa: BLE001 (a handler may raise anything)
        answer_failure(performance, error, Status.PROCESSING_FAILURE)
    finally:
        request._let_go()


async def perform_find(performance: Performance) -> None:
    """C-FIND: a pending response for each match, then the final one (PS3.4 C.4.1.3)."""
    request = performance.request
    assert isinstance(request, FindRequest)
    try:
        async with aclosing(performance.each(is_match, match_encoder(request))) as matches:
            final = await _answer_matches(performance, matches)
        if request.cancelled:
            performance.respond(Status.CANCEL)
        else:
            performance.respond(final_status(final.status), **final.fields)
    except CancelledByPeer:
        performance.respond(Status.CANCEL)
    except Exception as error:  # noqa: BLE001 (a handler may raise anything)
        answer_failure(performance, error, Status.UNABLE_TO_PROCESS)


async def _answer_matches(performance: Performance, matches: AsyncGenerator[Encoded, None]) -> Reply:
    """A pending response for each match; what the last one is to be."""
    request = performance.request
    while not request.cancelled:
        found = await interruptible(request, anext(matches, None))
        if found is None:
            break
        if isinstance(found, Reply):
            return found
        status, data = found
        if data:
            performance.respond(status, data)
        await interruptible(request, performance.room())
    return Reply(Status.SUCCESS)


async def perform_n(performance: Performance) -> None:
    """Any of the N-services: one response, with a data set if the handler gave one (PS3.7 10.1)."""
    request = performance.request
    assert isinstance(request, NRequest)
    try:
        reply = _reply(await performance.call())
        status, fields = final_status(reply.status, of_n_service=True), dict(reply.fields)
        if isinstance(request.message, commands.NCreateRequest) and not status.is_failure:
            fields.setdefault("affected_sop_instance_uid", request.sop_instance_uid)
        data = None
        if reply.dataset is not None:
            data = encode_dataset(reply.dataset, request.context.transfer_syntax) or None
        if isinstance(request.message, commands.NGetRequest) and status.is_success and data is None:
            # PS3.7 10.3.2.2: success has a data set, and there is none without an attribute.
            if reply.dataset is None:
                raise InvalidValue("the handler of an N-GET returned no attributes")
            status = Status.ATTRIBUTE_LIST_ERROR
            fields.setdefault("attribute_identifier_list", request.attributes or None)
        if data is not None and request.message.response_class.data_set is Presence.NEVER:
            raise InvalidValue(
                f"the handler of an {request.message.name} returned a data set, and there is no place for it"
            )
        performance.respond(status, data, **fields)
    except Exception as error:  # noqa: BLE001 (a handler may raise anything)
        answer_failure(performance, error, Status.PROCESSING_FAILURE)


def problem_fields(inbound: Inbound, problem: Problem) -> dict[str, Any]:
    """What the response says besides `KEPT_ALL_THE_SAME`, and the log, of a data set with a problem."""
    session = inbound.session
    log.warning("%s %s: %s is kept, though %s", session.id, session.ledger.who, inbound.command.name, problem.text)
    fields: dict[str, Any] = {"error_comment": plain(problem.text)}
    return fields if problem.element is None else {**fields, "offending_element": (problem.element,)}


def answer_failure(performance: Performance, error: Exception, default: Status, **fields: Any) -> None:
    """Answers with what an exception means, unless the association is over, which then is what it means."""
    request = performance.request
    if performance.session.over:
        log.debug("%s %s is not answered any more: %s", request.association.id, request.message.name, error)
        return
    status, comment = failure(error, request, default)
    if isinstance(error, StatusError) and hasattr(request.message.response_class, "error_id"):
        fields["error_id"] = error.error_id
    try:
        performance.respond(status, comment=comment, **fields)
    except DicomNetError:  # a status that this message does not have
        log.exception("%s no %s with this", request.association.id, request.message.response_class.name)
        performance.respond(default)


def _reply(result: Any) -> Reply:
    """What a handler has returned, as a whole response."""
    if result is None:
        return Reply(Status.SUCCESS)
    if (reply := ended_by(result)) is not None:
        return reply
    if isinstance(result, tuple) and is_match(result):
        return Reply(Status(result[0]), _as_dataset(result[1]))
    if isinstance(result, Mapping) or is_dataset(result):
        return Reply(Status.SUCCESS, _as_dataset(result))
    raise InvalidValue(f"a handler returned {type(result).__name__}, which is no answer")


def _as_dataset(value: Any) -> Dataset | None:
    if value is None or is_dataset(value):
        return value
    return dataset_of(value)


KEPT_ALL_THE_SAME = Status.DATA_SET_MISMATCH_WARNING

"""Performs with handlers what peers ask for: the provider of sessions on an event loop.

request        a task, once the window has a place for it; for a C-STORE before its data set comes
handler        async def: in that task; def: in a thread of the crew, with the request's blocking twin
result         becomes the responses, see `performing` and `suboperations`
cancel         ends what a C-FIND, C-GET or C-MOVE waits for
end            of the association: those who wait for it get its error, all other handlers are cancelled
"""

from __future__ import annotations

import inspect
import logging
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Mapping
from contextlib import nullcontext
from functools import partial
from typing import TYPE_CHECKING, Any, TypeAlias

from dicomnet.aio.calling import interrupt
from dicomnet.aio.crew import Crew, default_crew
from dicomnet.aio.handlers import Handler, Handlers
from dicomnet.aio.info import observed
from dicomnet.aio.keeping import Keep
from dicomnet.aio.observe import (
    Associated,
    Cause,
    Ended,
    Observed,
    Observer,
    Observers,
    Refusal,
    Rejected,
    RequestAnswered,
    RequestBegan,
)
from dicomnet.aio.performing import (
    KEPT_ALL_THE_SAME,
    Performance,
    perform_echo,
    perform_find,
    perform_n,
    perform_store,
    problem_fields,
)
from dicomnet.aio.places import LayoutSink, Places
from dicomnet.aio.requests import (
    EchoRequest,
    FindRequest,
    NRequest,
    Request,
    RetrieveRequest,
    StoreRequest,
    off_loop,
)
from dicomnet.aio.served import Served
from dicomnet.aio.suboperations import Destinations, perform_get, perform_move
from dicomnet.datasets import bounds_of, decode_dataset
from dicomnet.dimse.commands import CStoreRequest
from dicomnet.dimse.status import Status
from dicomnet.errors import DicomNetError, InvalidValue, RejectReason, RejectResult, StorageError
from dicomnet.exchanges.contracts import Kept
from dicomnet.exchanges.dumps import tell_dataset
from dicomnet.exchanges.lifetime import plain, status_of
from dicomnet.exchanges.services import Verb, verb_of
from dicomnet.exchanges.session import Inbound, Provider, Session
from dicomnet.pdu import AssociateAccept, AssociateReject, AssociateRequest
from dicomnet.storage.received import ReceivedData
from dicomnet.storage.rules import FileRules
from dicomnet.types import printable
from dicomnet.uids import name as name_of
from dicomnet.ul.negotiation import Policy, negotiate

if TYPE_CHECKING:
    from pydicom import Dataset

log = logging.getLogger("dicomnet.association")

Decision: TypeAlias = AssociateAccept | AssociateReject | Refusal
Work: TypeAlias = Callable[[Performance], Coroutine[Any, Any, None]]
"""What performs a request."""
Decide: TypeAlias = "Callable[[Session, AssociateRequest], Decision | Awaitable[Decision]]"
"""Answers an association request, at once or after a while."""


class HandlerProvider:
    """See the head of this file; one for as many associations as one likes, all of one loop.

    Args:
        handlers: the functions; may be added to meanwhile.
        crew: the threads of those that are no coroutines.
        associate: decides about association requests; without it everybody may have what the handlers serve.
        destinations: where C-MOVEs lead.
        associations_per_destination: how many a C-MOVE opens at a time.
        observers: told what happens.
        layout_sink: makes the sinks of `StoreRequest.save` with a layout.
        files: how `StoreRequest.save` makes files, where a handler does not say so itself.
    """

    def __init__(
        self,
        handlers: Handlers,
        *,
        crew: Crew | None = None,
        associate: Decide | None = None,
        destinations: Destinations | None = None,
        associations_per_destination: int = 1,
        observers: Observers | Iterable[Observer] = (),
        layout_sink: LayoutSink | None = None,
        files: FileRules | None = None,
    ) -> None:
        self.handlers = handlers
        self.observers = observers if isinstance(observers, Observers) else Observers(observers)
        self._crew = crew
        self._decide = associate
        self._destinations = destinations
        self._associations = associations_per_destination
        self._places = Places(layout_sink, files)
        self._served: dict[Session, Served] = {}

    def close(self) -> None:
        """Lets go of what was opened for handlers; once no association is left."""
        self._places.close()

    # As the provider of a session.

    def associate(self, session: Session, request: AssociateRequest) -> None:
        served = self._serve(session)
        if self._decide is None:
            self._answer(served, negotiate(request, self._policy()))
            return
        try:
            decision = self._decide(session, request)
        except Exception as error:  # noqa: BLE001 (whoever decides may raise anything)
            self._answer_failed(served, error)
            return
        if inspect.isawaitable(decision):
            served.start(self._answer_later(served, decision))
        else:
            self._answer(served, decision)

    def choose(self, inbound: Inbound) -> Any:
        session = inbound.session
        if not isinstance(inbound.command, CStoreRequest):
            return inbound.spool()
        function = self._function(inbound)
        if function is None:
            return session.shell.nowhere()
        if isinstance(function, Keep) and not self.observers:
            inbound.user = function
            return function.sink(self._places, inbound.arrival.incoming)
        served = self._serve(session)
        request = inbound.user = StoreRequest(inbound, served.association, self._places)
        self._begin(served, request, inbound, function, perform_store)
        return None

    def perform(self, inbound: Inbound, data: Kept | None, error: Exception | None) -> None:
        request = inbound.user
        received: ReceivedData | None = data  # type: ignore[assignment]  # of this shell's own sinks
        if isinstance(request, Keep):
            _answer_kept(request, inbound, received, error)
            return
        if isinstance(request, StoreRequest):
            request._arrived(received, error)
            return
        if inbound.session.over:
            _close(received)
            return
        function = self._function(inbound)
        verb = verb_of(inbound.command)
        if inbound.answered:
            _close(received)
        elif error is not None:
            status, comment = status_of(error)
            _refuse(inbound, status, comment or "the data set could not be kept")
        elif verb is Verb.STORE:
            _refuse(inbound, Status.CANNOT_UNDERSTAND, "C-STORE-RQ without a data set")
        else:
            self._perform(verb, inbound, function, received)

    def cancelled(self, inbound: Inbound) -> None:
        if isinstance(inbound.user, Request):
            interrupt(inbound.user)

    def ended(self, session: Session) -> None:
        served = self._served.pop(session, None)
        if served is not None:
            served.end()
            if session.rejected is None:  # of which was told, and there has been no association
                self._tell(served, Ended, error=session.error)

    # Deciding about associations.

    def _policy(self) -> Policy:
        return Policy(abstract_syntaxes=dict.fromkeys(self.handlers.abstract_syntaxes()))

    async def _answer_later(self, served: Served, decision: Awaitable[Decision]) -> None:
        try:
            answer = await decision
        except Exception as error:  # noqa: BLE001 (whoever decides may raise anything)
            self._answer_failed(served, error)
        else:
            self._answer(served, answer)

    def _answer_failed(self, served: Served, error: Exception) -> None:
        log.error("%s the association cannot be decided about: %s", served.association.id, error, exc_info=error)
        reason = RejectReason.NO_REASON
        reject = AssociateReject(RejectResult.TRANSIENT, reason.source, reason.reason)
        self._answer(served, Refusal(reject, Cause.UNDECIDED))

    def _answer(self, served: Served, answer: Decision) -> None:
        session = served.session
        if session.over:
            return
        if isinstance(answer, AssociateReject):
            answer = Refusal(answer, Cause.OTHER)
        if isinstance(answer, Refusal):
            reject = answer.reject
            facts: dict[str, Any] = {"result": reject.result, "source": reject.source, "reason": reject.reason}
            if answer.cause is Cause.USER_IDENTITY and (identity := served.association.user_identity) is not None:
                facts["claimed_user"] = identity.user_name
            self._tell(served, Rejected, **facts, cause=answer.cause)
            session.reject(reject)
            return
        try:
            session.accept(answer)
        except InvalidValue as error:  # it is no answer to this request
            self._answer_failed(served, error)
            return
        terms = session.terms
        if terms is not None:
            self._tell(served, Associated, contexts=len(terms.contexts))

    # Performing.

    def _function(self, inbound: Inbound) -> Handler | None:
        """The handler of a request; one for which there is none is answered here, but for the echo, which needs none."""
        command, context = inbound.command, inbound.context
        verb = verb_of(command)
        sop_class = command.sop_class_uid or context.abstract_syntax
        function = self.handlers.find(verb, sop_class, context.abstract_syntax)
        if function is None and verb is not Verb.ECHO and not inbound.answered:
            if verb in _COMPOSITE:
                status = Status.SOP_CLASS_NOT_SUPPORTED
            elif self.handlers.knows(sop_class, context.abstract_syntax):
                status = Status.UNRECOGNIZED_OPERATION
            else:
                status = Status.NO_SUCH_SOP_CLASS
            _refuse(inbound, status, f"no {verb} of {name_of(sop_class)} here")
        return function

    def _perform(self, verb: Verb, inbound: Inbound, function: Handler | None, data: ReceivedData | None) -> None:
        served = self._serve(inbound.session)
        if verb is Verb.ECHO:
            request = EchoRequest(inbound, served.association)
            self._begin(served, request, inbound, function, perform_echo)
            return
        # Until it is decoded nobody can be given it; a cancel is remembered meanwhile.
        waiting = inbound.user = Request(inbound, served.association)
        self._begin(served, waiting, inbound, function, partial(self._decode_and_perform, data))

    async def _decode_and_perform(self, data: ReceivedData | None, performance: Performance) -> None:
        with data or nullcontext():
            found = await self._decoded(data, performance)
            if found is not None:
                performance.request, work = found
                performance.inbound.user = performance.request
                await work(performance)

    async def _decoded(self, data: ReceivedData | None, performance: Performance) -> tuple[Request, Work] | None:
        """The request with its data set, and what performs it; None if that has been answered already."""
        inbound, association, verb = performance.inbound, performance.request.association, performance.verb
        raw, dataset = b"", None
        try:
            if data is not None:
                performance.bytes += data.length
                raw, dataset = await off_loop(partial(_decode, data, inbound, verb))
        except DicomNetError as error:
            status = Status.UNABLE_TO_PROCESS if verb in _COMPOSITE else Status.PROCESSING_FAILURE
            log.warning("%s %s: %s", association.id, inbound.command.name, printable(str(error)))
            performance.respond(status, comment=f"the data set cannot be read: {error}")
            return None
        if performance.request.cancelled:  # while it waited for its turn
            performance.respond(Status.CANCEL)
            return None
        if verb not in _COMPOSITE:
            return NRequest(inbound, association, dataset, data), perform_n
        if dataset is None:
            performance.respond(Status.UNABLE_TO_PROCESS, comment=f"{inbound.command.name} without an identifier")
            return None
        tell_dataset(association.id, "<", f"{inbound.command.name} asks for", dataset)
        if verb is Verb.FIND:
            return FindRequest(inbound, association, dataset, raw), perform_find
        retrieve = RetrieveRequest(inbound, association, dataset, raw)
        return retrieve, perform_get if verb is Verb.GET else self._perform_move

    async def _perform_move(self, performance: Performance) -> None:
        await perform_move(performance, self._destinations, self._associations)

    def _begin(
        self,
        served: Served,
        request: Request,
        inbound: Inbound,
        function: Handler | None,
        work: Work,
    ) -> None:
        """Performs it once the window has a place."""
        performance = Performance(request, inbound, function, served.share)
        self._tell_request(served, RequestBegan, performance)
        served.admit(performance, partial(self._run, served, performance, work))

    async def _run(self, served: Served, performance: Performance, work: Work) -> None:
        try:
            await work(performance)
        except Exception as error:
            log.error(
                "%s %s failed: %s", served.association.id, performance.inbound.command.name, error, exc_info=error
            )
            if not performance.inbound.answered:
                performance.respond(Status.PROCESSING_FAILURE)

    def _performed(self, served: Served, performance: Performance) -> None:
        """A request is answered, or never will be; told once."""
        if performance.told:
            return
        performance.told = True
        request = performance.request
        if isinstance(request, StoreRequest) and request._data is not None:
            performance.bytes += request._data.length
        seconds = performance.session.shell.now() - performance.began
        self._tell_request(
            served,
            RequestAnswered,
            performance,
            status=performance.status,
            bytes=performance.bytes,
            seconds=seconds,
            matches=performance.matches,
            suboperations=performance.suboperations,
            identifier=getattr(request, "identifier", None),
        )

    # Those it serves, and those who watch.

    def _serve(self, session: Session) -> Served:
        found = self._served.get(session)
        if found is None:
            crew = self._crew or default_crew()
            found = Served(session, crew.share(session.ledger.peer), self._performed)
            if not session.over:
                self._served[session] = found
        return found

    def _tell_request(
        self, served: Served, kind: Callable[..., Observed], performance: Performance, **facts: Any
    ) -> None:
        request = performance.request
        self._tell(
            served,
            kind,
            verb=performance.verb,
            message_id=request.message_id,
            sop_class_uid=request.sop_class_uid,
            sop_instance_uid=request.sop_instance_uid,
            destination=getattr(request.message, "move_destination", None),
            **facts,
        )

    def _tell(self, served: Served, kind: Callable[..., Observed], **facts: Any) -> None:
        if self.observers:
            self.observers.tell(observed(served.association, kind, **facts))


def provider_for(handlers: Mapping[str, Handler] | None) -> Provider | None:
    """The provider of an association that we ask for: performs with these what the peer asks us for.

    Raises:
        InvalidValue: a key is no operation; the text names the nearest.
    """
    return None if handlers is None else HandlerProvider(Handlers.of(handlers))


def _decode(data: ReceivedData, inbound: Inbound, verb: Verb) -> tuple[bytes, Dataset]:
    """In a storage thread: the bytes of an identifier, and what they say; large attributes are not held twice."""
    with data.open() as file:
        dataset = decode_dataset(file, inbound.context.transfer_syntax, bounds_of(inbound.command))
    return data.bytes() if verb in _COMPOSITE else b"", dataset


def _answer_kept(keep: Keep, inbound: Inbound, data: ReceivedData | None, error: Exception | None) -> None:
    if inbound.session.over:
        _close(data)
    elif data is not None:
        keep.kept(data)
        if data.problem is None:
            inbound.respond(Status.SUCCESS)
        else:
            inbound.respond(KEPT_ALL_THE_SAME, **problem_fields(inbound, data.problem))
    elif error is None:
        _refuse(inbound, Status.CANNOT_UNDERSTAND, "C-STORE-RQ without a data set")
    else:
        status, comment = status_of(error)
        told = isinstance(error, StorageError) and error.told
        _refuse(inbound, status, comment or "the data set could not be kept", reason=str(error), told=told)


def _refuse(inbound: Inbound, status: Status, comment: str, *, reason: str | None = None, told: bool = False) -> None:
    """Answers with a comment, and gives the reason to the log, which has room for more, may know paths, or knows it already."""
    session = inbound.session
    said, level = printable(reason or comment), logging.DEBUG if told else logging.WARNING
    log.log(level, "%s %s: %s is answered %04X: %s", session.id, session.ledger.who, inbound.command.name, status, said)
    inbound.respond(status, error_comment=plain(comment))


def _close(data: ReceivedData | None) -> None:
    if data is not None:
        data.close()


_COMPOSITE = (Verb.ECHO, Verb.STORE, Verb.FIND, Verb.GET, Verb.MOVE)

"""C-STORE of many instances: some in flight, the next ones read meanwhile, a result for each (PS3.4 B, PS3.7 9.1.1)."""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, NamedTuple, Protocol

from dicomnet.dimse.commands import CStoreRequest
from dicomnet.dimse.fragments import Body
from dicomnet.errors import DicomNetError, InvalidValue, StateError, StorageError
from dicomnet.exchanges.calls import settle, status_error
from dicomnet.exchanges.contexts import store_context
from dicomnet.exchanges.reports import STOPPED, Outcome, Progress, StoreReport, StoreResult, add_report
from dicomnet.exchanges.session import Operation, Session
from dicomnet.exchanges.steps import Script, Wait, Work
from dicomnet.types import UID, Priority
from dicomnet.uids import TRANSFER_SYNTAXES, ExplicitVRLittleEndian, name
from dicomnet.ul.negotiation import Context

log = logging.getLogger("dicomnet.association")


class Instance(Protocol):
    """One thing to be stored, as `storage.instances` yields it; nothing of it is read before `body`."""

    name: str
    path: Any
    sop_class_uid: UID
    sop_instance_uid: UID
    transfer_syntax_uid: UID
    length: int
    index: int
    """Its place among those of its source."""

    def claim(self) -> str | None:
        """Makes this copy of it the one that is stored; or says why not, if another one is, or is on its way."""

    def disclaim(self) -> None:
        """It could not be stored: another copy may be."""

    def body(self, read_ahead: int = 0) -> Body:
        """Its data set as it is; if it is no larger than that, read by then."""

    def converted(self, transfer_syntax_uid: str) -> Body:
        """Its data set in another uncompressed transfer syntax."""

    def decoded(self, transfer_syntax_uid: str) -> Body:
        """Its data set with the pixel data decompressed."""


class Source(Protocol):
    """Where the instances come from; read a few at a time, by one script or by several."""

    def take(self, count: int) -> Sequence[Any]:
        """The next ones, no more than `count`, none at the end; each an `Instance`, or with a ``reason`` why it is skipped, or
        with the ``error`` that it cannot be read for. What is skipped as a second ``copy`` has its turn if the first fails."""


class Route(NamedTuple):
    """Which way an instance goes."""

    session: Session
    context: Context
    convert: bool
    """Whether its transfer syntax has to change for it."""


class Routes(Protocol):
    """Which associations there are to send on."""

    def route(self, instance: Instance, *, decode: bool) -> Route | None:
        """The way for an instance, among the associations that are open."""

    def open_for(self, instance: Instance, *, decode: bool) -> Script[bool]:
        """Opens an association that may have a way for the instance; whether there is a new one."""

    def reopen(self, error: Exception) -> Script[bool]:
        """After an association was lost: whether there is a new one to go on with."""

    def refusal(self, instance: Instance) -> str:
        """Why there is no way for the instance, in words."""


class OneAssociation:
    """The routes of a single association that stands already."""

    def __init__(self, session: Session) -> None:
        self.session = session

    def route(self, instance: Instance, *, decode: bool) -> Route | None:
        return find_route(self.session, instance, decode=decode)

    def open_for(self, instance: Instance, *, decode: bool) -> Script[bool]:  # noqa: ARG002
        return False
        yield

    def reopen(self, error: Exception) -> Script[bool]:  # noqa: ARG002
        return False
        yield

    def refusal(self, instance: Instance) -> str:
        return no_context(instance)


class Store:
    """One `store`, however many instances and associations it takes.

    Args:
        routes: the associations.
        source: the instances.
        window: operations in flight at a time; the negotiated window bounds it. None is the negotiated one.
        priority: of every request (PS3.7 9.1.1.1.5).
        decode: whether compressed pixel data may be decompressed where the peer takes no other.
        originator: title and message ID of the C-MOVE this is done for (PS3.7 9.1.1.1.6).
        progress: called as bytes leave and instances are done.
        on_result: called with each result when it is final.
        on_begin: called with each result whose request is on its way.
        stop: asked before each request; True sends no more, and waits for what is in flight. What was read and is not sent has a
            result that says so and is no failure; what was not read has none.
        give_back: takes what was not sent, as the source gave it, when the association is lost for good; without it that is
            reported as not sent, and the source read to its end.
    """

    def __init__(
        self,
        routes: Routes,
        source: Source,
        *,
        window: int | None = None,
        priority: int = Priority.MEDIUM,
        decode: bool = False,
        originator: tuple[str, int] | None = None,
        progress: Callable[[Progress], object] | None = None,
        on_result: Callable[[StoreResult], object] | None = None,
        on_begin: Callable[[StoreResult], object] | None = None,
        stop: Callable[[], bool] | None = None,
        give_back: Callable[[Sequence[Any]], object] | None = None,
    ) -> None:
        self.report = StoreReport()
        self._routes = routes
        self._source = source
        if window is not None and window < 1:
            raise InvalidValue(f"a window of {window} operations sends nothing; 1 or more are needed")
        self._window = window
        self._priority = priority
        self._decode = decode
        self._originator = originator
        self._progress = progress
        self._on_result = on_result
        self._on_begin = on_begin
        self._stop = stop
        self._give_back = give_back
        self._ready: deque[_Prepared] = deque()
        self._exhausted = False
        self._failure: Exception | None = None
        """What the source has raised; told when what it gave before is done."""
        self._session: Session | None = None
        self._most = 1
        """Operations in flight at a time on that association."""
        self._in_flight: dict[Operation, _Prepared] = {}
        self._answered: deque[Operation] = deque()
        """Those of them that were answered."""
        self._unflushed = False
        self._moved_bytes = 0
        self._told_bytes = 0
        """Of those moved, how many the progress callback knows of."""
        self._done_bytes = 0
        self._done = 0
        self._failed = 0

    def run(self) -> Script[StoreReport]:
        """Sends them all. What fails fails alone; the report tells.

        A lost association ends it unless another one can be had: what was in
        flight is then unknown, the rest not sent, and ``report.error`` says why.

        What a callback raises comes through at once, what the source raises when
        everything before it is done; either has the report as ``report``.
        """
        try:
            while True:
                while self._ready and self._has_room(self._ready[0]):
                    prepared = self._ready.popleft()
                    if not self._send_on(prepared):
                        yield from self._send(prepared)
                self._flush()
                if not self._ready and not self._exhausted:
                    yield from self._take()
                elif self._in_flight:
                    yield from self._collect()
                elif self._failure is not None:
                    raise self._failure
                elif not self._ready:
                    return self.report
        except Exception as error:
            add_report(error, self.report)
            raise
        finally:
            self._let_go()

    # Before: reading.

    def _take(self) -> Script[None]:
        if self._is_stopped():
            self._exhausted = True
            return
        try:
            prepared: _Batch = yield Work(partial(self._prepare, self._ahead))
        except Exception as error:  # noqa: BLE001 (the caller's own; what came before it is still to be sent)
            self._failure, self._exhausted = error, True
            return
        self._exhausted = not prepared
        self._ready.extend(prepared)

    @property
    def _ahead(self) -> int:
        """Instances to read at a time: as many as may go at once, so that reading and sending overlap."""
        return max(1, min(self._limit(self._session), _MOST_AHEAD))

    def _prepare(self, count: int) -> _Batch:
        """May be called in another thread, but never twice at the same time."""
        prepared = _Batch()
        for item in self._source.take(count):
            result = StoreResult(item.name, Outcome.NOT_SENT, item.path, index=item.index)
            self.report.results.append(result)
            prepared.append(self._prepared(item, result))
        return prepared

    def _prepared(self, item: Any, result: StoreResult) -> _Prepared:
        copy = getattr(item, "copy", None)
        if copy is None and getattr(item, "reason", None) is not None:
            result.outcome, result.detail = Outcome.SKIPPED, item.reason
            return _Prepared(item, None, result)
        if getattr(item, "error", None) is not None:
            result.outcome, result.error, result.detail = Outcome.FAILED, item.error, str(item.error)
            return _Prepared(item, None, result)
        given, item = item, copy or item
        result.sop_class_uid, result.sop_instance_uid = item.sop_class_uid, item.sop_instance_uid
        result.transfer_syntax_uid = item.transfer_syntax_uid
        prepared = _Prepared(given, item, result, spare=copy is not None)
        if prepared.spare:
            return prepared
        prepared.route = self._routes.route(item, decode=self._decode)
        if prepared.route is not None:
            self._open_body(prepared)
        return prepared

    def _open_body(self, prepared: _Prepared) -> _Prepared:
        """Returned is what the shell closes if nobody waits for it any more."""
        item, route, result = prepared.item, prepared.route, prepared.result
        assert item is not None
        assert route is not None
        try:
            if not route.convert:
                prepared.body = item.body(_READ_AHEAD // self._ahead)
            elif is_compressed(item.transfer_syntax_uid):
                prepared.body = item.decoded(route.context.transfer_syntax)
            else:
                prepared.body = item.converted(route.context.transfer_syntax)
        except DicomNetError as error:
            result.outcome, result.error, result.detail = Outcome.FAILED, error, str(error)
            return prepared
        result.transfer_syntax_uid = route.context.transfer_syntax
        result.length = prepared.body.length
        if self._progress is not None and prepared.body.length > _WORTH_COUNTING:
            prepared.body = _Counted(prepared.body, self._moved)
        return prepared

    # Between: sending.

    def _limit(self, session: Session | None) -> int:
        terms = None if session is None else session.terms
        negotiated = 1 if terms is None else terms.operations_invoked or _NO_WINDOW
        return negotiated if self._window is None else min(self._window, negotiated)

    def _has_room(self, prepared: _Prepared) -> bool:
        """Whether it is this one's turn; the instances of one association do not wait for those of another."""
        if not self._in_flight:
            return True
        if prepared.spare:  # whether it is needed shows when the first one is through
            uid = prepared.result.sop_instance_uid
            return all(each.result.sop_instance_uid != uid for each in self._in_flight.values())
        if prepared.body is None and prepared.result.outcome is not Outcome.NOT_SENT:
            return True
        if prepared.route is None or prepared.route.session is not self._session:
            return False
        return len(self._in_flight) < self._most

    def _is_stopped(self) -> bool:
        """Whether the caller wants no more sent, or has once said so."""
        report = self.report
        if self._stop is not None and not report.stopped:
            report.stopped = bool(self._stop())
        return report.stopped

    def _send_on(self, prepared: _Prepared) -> bool:
        """Sends one as nearly all are sent, on the association of the one before it; whether it is such a one."""
        route = prepared.route
        if route is None or prepared.body is None or prepared.spare or prepared.result.outcome is not Outcome.NOT_SENT:
            return False
        if route.session is not self._session or route.session.over or self._is_stopped():
            return False
        error = self._request(prepared, route)
        if error is not None:
            if route.session.over:
                return False
            self._fail(prepared, error)
        return True

    def _request(self, prepared: _Prepared, route: Route) -> DicomNetError | None:
        """Gives the request to the association, for `_flush` to have it leave; or says why it takes none."""
        item = prepared.item
        assert item is not None
        request = CStoreRequest(
            affected_sop_class_uid=item.sop_class_uid,
            affected_sop_instance_uid=item.sop_instance_uid,
            priority=self._priority,
        )
        if self._originator is not None:
            request.move_originator_application_entity_title, request.move_originator_message_id = self._originator
        body, prepared.body = prepared.body, None
        try:
            operation = route.session.send(route.context, request, body, answered=self._answered, flush=False)
        except DicomNetError as error:
            return error
        self._in_flight[operation] = prepared
        self._unflushed = True
        if self._on_begin is not None:
            self._on_begin(prepared.result)
        return None

    def _flush(self) -> None:
        """What was given to the association leaves, all of it together."""
        if self._unflushed:
            self._unflushed = False
            assert self._session is not None
            self._session.shell.flush()

    def _send(self, prepared: _Prepared) -> Script[None]:
        item, result = prepared.item, prepared.result
        if result.outcome is not Outcome.NOT_SENT or item is None or _is_superfluous(prepared):
            self._finish(prepared)
            return
        if self._is_stopped():
            prepared.close()
            result.detail = STOPPED
            self._finish(prepared)
            return
        if prepared.spare:
            prepared.spare = False
            self._ready.appendleft(prepared)  # it has no way yet, which may have to wait
            return
        if self._session is not None and _was_lost(self._session):
            self._ready.appendleft(prepared)
            yield from self._lost(self._session)
            return
        route = prepared.route
        if route is None or route.session.over:
            route = yield from self._find_way(prepared)
            if route is None:
                return
        session = route.session
        if session is not self._session:
            self._session, self._most = session, self._limit(session)
            yield from self._settle(session, prepared)
        error = self._request(prepared, route)
        if error is not None and session.over:
            self._ready.appendleft(prepared)
            yield from self._lost(session)
        elif error is not None:
            self._fail(prepared, error)

    def _settle(self, session: Session, prepared: _Prepared) -> Script[None]:
        try:
            yield from settle(session)
        except DicomNetError as error:  # it is over; who sends on it will notice
            log.debug("%s %s", session.id, error)
        except BaseException:
            prepared.close()
            raise

    def _find_way(self, prepared: _Prepared) -> Script[Route | None]:
        """A route for one that had none when it was read, or whose association is gone."""
        item = prepared.item
        assert item is not None
        prepared.close()
        while True:
            prepared.route = self._routes.route(item, decode=self._decode)
            if prepared.route is not None and not prepared.route.session.over:
                break
            prepared.route = None
            try:
                opened = yield from self._routes.open_for(item, decode=self._decode)
            except DicomNetError as error:
                self._fail(prepared, error)
                return None
            if not opened:
                self._fail(prepared, StorageError(self._routes.refusal(item)))
                return None
        yield Work(partial(self._open_body, prepared))
        if prepared.body is None:
            self._finish(prepared)
            return None
        return prepared.route

    # After: answers.

    def _collect(self) -> Script[None]:
        session = self._session
        assert session is not None
        in_flight = self._in_flight
        yield Wait(session, self._something_to_do)
        if self._moved_bytes != self._told_bytes:  # told first: an instance is done after its bytes have left
            self._report_progress("")
        self._read_answers()
        if in_flight and session.over:
            yield from self._lost(session)

    def _something_to_do(self) -> bool:
        return self._moved_bytes != self._told_bytes or bool(self._answered)

    def _read_answers(self) -> None:
        answered = self._answered
        while answered:
            operation = answered.popleft()
            prepared = self._in_flight.pop(operation, None)
            if prepared is not None:
                _judge(prepared.result, operation)
                self._finish(prepared)

    def _lost(self, session: Session) -> Script[None]:
        """The association is gone: nobody will ever tell what became of what was in flight."""
        self._read_answers()  # those that came in its last moments
        error = session.error or StateError("the association is over")
        unknown = [*self._in_flight.values()]
        self._in_flight.clear()
        self._session = None
        for prepared in unknown:
            result = prepared.result
            # A data set that could not be read to its end has ended the association; of that one it is known.
            failed = isinstance(error, StorageError) and len(unknown) == 1
            result.outcome = Outcome.FAILED if failed else Outcome.UNKNOWN
            result.error, result.detail = error, str(error)
            self._finish(prepared)
        try:
            if (yield from self._routes.reopen(error)):
                return
        except DicomNetError as failure:
            error = failure
        if self._give_back is None:
            yield from self.skip(error)
        else:
            self._leave(self._give_back, error)

    def skip(self, error: Exception) -> Script[None]:
        """Sends nothing more: all that is left is reported as not sent, and why."""
        self.report.error = error
        while True:
            self._skip_rest(error)
            if self._exhausted:
                break
            yield from self._take()
        if self._failure is not None:
            raise self._failure

    def _leave(self, give_back: Callable[[Sequence[Any]], object], error: Exception) -> None:
        """Leaves what is not sent to others."""
        self.report.error, self._exhausted = error, True
        left = [prepared for prepared in self._ready if prepared.result.outcome is Outcome.NOT_SENT]
        done = [prepared for prepared in self._ready if prepared.result.outcome is not Outcome.NOT_SENT]
        self._ready.clear()
        for prepared in left:
            prepared.close()
        theirs = {prepared.result.index for prepared in left}
        self.report.results[:] = [result for result in self.report.results if result.index not in theirs]
        give_back([prepared.given for prepared in left])
        for prepared in done:
            self._finish(prepared)

    def _skip_rest(self, error: Exception) -> None:
        while self._ready:
            prepared = self._ready.popleft()
            prepared.close()
            if prepared.result.outcome is Outcome.NOT_SENT and not _is_superfluous(prepared):
                prepared.result.error, prepared.result.detail = error, str(error)
            self._finish(prepared)

    def _fail(self, prepared: _Prepared, error: Exception) -> None:
        result = prepared.result
        result.outcome, result.error, result.detail = Outcome.FAILED, error, str(error)
        self._finish(prepared)

    def _finish(self, prepared: _Prepared) -> None:
        item, result = prepared.item, prepared.result
        if item is not None and result.outcome in (Outcome.FAILED, Outcome.NOT_SENT):
            item.disclaim()
        self._done += 1
        self._failed += result.failed
        if result.ok and (self._progress is None or result.length <= _WORTH_COUNTING):
            self._done_bytes += result.length
        if self._on_result is not None:
            self._on_result(result)
        self._report_progress(result.name)

    def _report_progress(self, current: str) -> None:
        if self._progress is not None:
            self._told_bytes = moved = self._moved_bytes  # a thread may be adding to it
            self._progress(Progress(self._done, self._failed, self._done_bytes + moved, current))

    def _moved(self, count: int) -> None:
        """Bytes of a large instance are on their way; told in the thread that has read them, and in no other."""
        self._moved_bytes += count
        session = self._session
        if session is not None:
            session.shell.wake_soon()

    def _let_go(self) -> None:
        """Left in the middle: what is in flight is for whoever uses the association next to settle."""
        for operation, prepared in self._in_flight.items():
            result = prepared.result
            if operation.answered:
                _judge(result, operation)
            else:
                result.outcome, result.detail = Outcome.UNKNOWN, "left before its response came"
            operation.abandon()
        while self._ready:
            self._ready.popleft().close()


class _Prepared:
    """One instance on its way from the source to the wire."""

    __slots__ = ("body", "given", "item", "result", "route", "spare")

    def __init__(self, given: Any, item: Instance | None, result: StoreResult, *, spare: bool = False) -> None:
        self.given = given
        """What the source gave; the item is what there is to send of it."""
        self.item = item
        self.result = result
        self.spare = spare
        """Whether it is a second copy, and was not needed so far."""
        self.route: Route | None = None
        self.body: Body | None = None

    def close(self) -> None:
        body, self.body = self.body, None
        if body is not None:
            body.close()


class _Batch(list[_Prepared]):
    """Some of them, as they were read together."""

    def close(self) -> None:
        for prepared in self:
            prepared.close()


class _Counted:
    """A body that tells how much of it was read."""

    def __init__(self, body: Body, told: Callable[[int], object]) -> None:
        self.length = body.length
        self.blocking = body.blocking
        self._body = body
        self._told = told

    def read_into(self, views: Sequence[memoryview]) -> None:
        self._body.read_into(views)
        self._told(sum(map(len, views)))

    def close(self) -> None:
        self._body.close()


def find_route(session: Session, instance: Instance, *, decode: bool = False) -> Route | None:
    """The way for an instance on one association: in its own transfer syntax, or an uncompressed one in another such."""
    terms = session.terms
    if terms is None or session.over:
        return None
    assume = session.tolerance.assume_roles
    found = store_context(terms, instance.sop_class_uid, instance.transfer_syntax_uid, assume_roles=assume)
    if found is None and decode and is_compressed(instance.transfer_syntax_uid):
        # As if it were uncompressed already: any such context will do.
        found = store_context(terms, instance.sop_class_uid, ExplicitVRLittleEndian, assume_roles=assume)
        if found is not None:
            found = (found[0], True)
    return None if found is None else Route(session, *found)


def _judge(result: StoreResult, operation: Operation) -> None:
    """What became of an instance, by the response to it."""
    reply = operation.next_reply()
    if reply.data is not None:
        reply.data.close()
    status = result.status = reply.status
    if reply.early:
        result.outcome, result.detail = Outcome.UNKNOWN, "the peer called it stored before it had all of it"
    elif status.is_success:
        result.outcome = Outcome.STORED
    elif status.is_warning:
        result.outcome = Outcome.WARNING
        result.detail = str(status_error(reply.response, operation.request)).replace("failed with", "succeeded with")
    else:
        result.outcome = Outcome.FAILED
        result.error = status_error(reply.response, operation.request)
        result.detail = str(result.error)


def _is_superfluous(prepared: _Prepared) -> bool:
    """Whether it is a second copy, and the first is stored or on its way; then it is skipped."""
    reason = prepared.item.claim() if prepared.spare and prepared.item is not None else None
    if reason is not None:
        prepared.result.outcome, prepared.result.detail = Outcome.SKIPPED, reason
    return reason is not None


def _was_lost(session: Session) -> bool:
    """Whether an association has ended, and not because it made room for another one of ours."""
    return session.over and (session.error is not None or not session.core.connection.requestor)


def is_compressed(transfer_syntax_uid: str) -> bool:
    """Whether pixel data in this transfer syntax must be decoded before it could be sent in another one."""
    syntax = TRANSFER_SYNTAXES.get(transfer_syntax_uid)
    return syntax is None or syntax.encapsulated


def no_context(instance: Instance) -> str:
    """What an administrator is told of an instance for which no presentation context was accepted."""
    return f"the peer accepted no presentation context for {name(instance.sop_class_uid)} in {name(instance.transfer_syntax_uid)}"


_MOST_AHEAD = 16
_READ_AHEAD = 1024 * 1024
"""Bytes of instances that are in memory before it is their turn: while one is answered, the next is read."""
_NO_WINDOW = 64
"""Operations in flight with a peer that takes any number."""

_WORTH_COUNTING = 1024 * 1024
"""Data sets above this are counted as they leave, smaller ones when they are done."""

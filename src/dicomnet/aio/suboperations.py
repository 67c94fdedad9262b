"""C-GET and C-MOVE for who provides them: the instances of a handler go out as C-STOREs, and are counted (PS3.4 C.4.2, C.4.3).

All that is to be sent is known before the first of it goes, because the
responses count what remains: a handler with many instances yields paths, which
cost nothing, rather than data sets. No file is decoded on its way.
"""

from __future__ import annotations

import asyncio
import inspect
import logging
import os
from collections import deque
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import aclosing
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeAlias

from dicomnet.aio.calling import CancelledByPeer, ended_by, final_status, interruptible
from dicomnet.aio.carrier import perform
from dicomnet.aio.performing import Performance, answer_failure
from dicomnet.aio.requests import RetrieveRequest, off_loop
from dicomnet.datasets import encode_dataset, is_dataset
from dicomnet.dimse.status import Status
from dicomnet.errors import DicomNetError, InvalidValue, NotAnInstance, StorageError
from dicomnet.exchanges.contexts import for_instances
from dicomnet.exchanges.reports import Outcome, StoreResult
from dicomnet.exchanges.requestor import Requestor
from dicomnet.exchanges.settings import DEFAULT_PORT, OUR_TITLE, Settings, settings_for
from dicomnet.exchanges.store import OneAssociation, Store
from dicomnet.storage.instances import Instance, Instances, Item, Skipped, Unreadable, pairs
from dicomnet.storage.received import ReceivedData
from dicomnet.storage.source import InstanceFile
from dicomnet.types import UID, Address, ae_title, is_uid, printable
from dicomnet.uids import TRANSFER_SYNTAXES

log = logging.getLogger("dicomnet.association")

Destinations: TypeAlias = "Mapping[str, Any] | Callable[[str], Any]"
"""Where the titles of C-MOVEs lead: each an address as text, as `Address` or as host and port, or whole `Settings`; None for
a title that is not known. The function may be a coroutine function; others are called in a thread."""


async def perform_get(performance: Performance) -> None:
    """C-GET: the instances go out on the association it came in."""
    tally = Tally(performance)
    try:
        items = await _collect(performance, tally)
        if items is None:
            return
        source = Queue(items, lambda: performance.session.established)
        with tally.beating():
            await perform(_store(performance, tally, OneAssociation(performance.session), source).run())
        tally.finish()
    except CancelledByPeer:
        tally.finish()
    except Exception as error:  # noqa: BLE001 (a handler may raise anything)
        tally.fail(error)


async def perform_move(performance: Performance, destinations: Destinations | None, associations: int) -> None:
    """C-MOVE: the instances go out on associations of our own, to where the destination's title leads."""
    request = performance.request
    assert isinstance(request, RetrieveRequest)
    tally = Tally(performance)
    try:
        title = request.destination or ""
        settings = await interruptible(request, _settings(performance, destinations, title))
        if settings is None:
            log.warning("%s C-MOVE to %r, which is no destination known here", request.association.id, title)
            performance.respond(Status.MOVE_DESTINATION_UNKNOWN, comment=f"{title} is not known here")
            return
        items = await _collect(performance, tally)
        if items is None:
            return
        wanted = for_instances(pairs(items))
        if wanted:
            with tally.beating():
                errors = await _send(performance, tally, settings, items, associations)
            for error in errors:
                log.warning("%s C-MOVE to %s: %s", request.association.id, settings.address, error)
                tally.comment = tally.comment or str(error)
        else:
            tally.count_unreadable(items)
        tally.finish()
    except CancelledByPeer:
        tally.finish()
    except Exception as error:  # noqa: BLE001 (a handler may raise anything)
        tally.fail(error)


class Tally:
    """Counts the sub-operations of one retrieve, and answers it with them (PS3.4 C.4.2.1.6 to C.4.2.1.9)."""

    def __init__(self, performance: Performance) -> None:
        self._performance = performance
        self.total = 0
        self.completed = 0
        self.failed = 0
        self.warning = 0
        self.comment: str | None = None
        """What the peer is told of the failures."""
        self._first: str | None = None
        """What the log is told of them, which may know paths."""
        self._failed_uids: list[UID] = []
        self._timer: asyncio.TimerHandle | None = None

    @property
    def remaining(self) -> int:
        return max(0, self.total - self.completed - self.failed - self.warning)

    def count(self, result: StoreResult) -> None:
        """A sub-operation is over."""
        if result.outcome is Outcome.SKIPPED:
            return
        if result.outcome is Outcome.NOT_SENT and self._performance.request.cancelled:
            return
        if result.outcome is Outcome.STORED:
            self.completed += 1
        elif result.outcome is Outcome.WARNING:
            self.warning += 1
        else:
            self._fail_one(result.sop_instance_uid, result.error or result.detail)
        self._performance.bytes += result.length if result.ok else 0
        if self.remaining:
            self.tell()

    def count_unreadable(self, items: Sequence[Item]) -> None:
        """None of these could be sent at all."""
        for item in items:
            if isinstance(item, Unreadable):
                self._fail_one(None, item.error)

    def count_unsent(self, items: Sequence[Item]) -> None:
        """There was no association for these."""
        for item in items:
            if isinstance(item, Instance):
                self._fail_one(item.sop_instance_uid, "")

    def tell(self) -> None:
        """Says how far it has come, unless the peer does not even take what it was told before."""
        if not self._performance.session.crowded:
            self._performance.respond(Status.PENDING, **self._counts, number_of_remaining_suboperations=self.remaining)

    def beating(self) -> _Beat:
        """A sign of life every few seconds while this lasts, whatever a sub-operation waits for."""
        return _Beat(self)

    def finish(self) -> None:
        """The final response."""
        if self._performance.request.cancelled and (self.remaining or not self.total):
            status = Status.CANCEL
        elif not self.failed and not self.warning:
            status = Status.SUCCESS
        elif self.completed or self.warning:
            status = Status.SUBOPERATIONS_WARNING
        else:
            status = Status.CANNOT_PERFORM_SUBOPERATIONS
        fields: dict[str, Any] = dict(self._counts)
        request = self._performance.request
        if self.failed:
            of, first = f"{self.failed} of {self.total} failed", printable(self._first or self.comment or "")
            log.warning(
                "%s %s is answered %04X: %s: %s", request.association.id, request.message.name, status, of, first
            )
        if status.is_cancel:
            fields["number_of_remaining_suboperations"] = self.remaining
        comment = None if status.is_success or status.is_cancel else self.comment
        self._performance.respond(status, None if status.is_success else self._failed_list(), comment=comment, **fields)

    def fail(self, error: Exception) -> None:
        """The handler, or we, cannot go on: A701 if nothing was begun by then, C000 otherwise."""
        begun = self.completed or self.failed or self.warning
        default = Status.UNABLE_TO_PROCESS if begun else Status.CANNOT_CALCULATE_MATCHES
        answer_failure(self._performance, error, default, **(self._counts if begun else {}))

    @property
    def _counts(self) -> dict[str, Any]:
        return {
            "number_of_completed_suboperations": self.completed,
            "number_of_failed_suboperations": self.failed,
            "number_of_warning_suboperations": self.warning,
        }

    def _fail_one(self, sop_instance_uid: UID | None, why: Exception | str) -> None:
        self.failed += 1
        self.comment = self.comment or (why.comment if isinstance(why, StorageError) else str(why)) or None
        self._first = self._first or str(why) or None
        if sop_instance_uid and is_uid(sop_instance_uid):
            self._failed_uids.append(sop_instance_uid)

    def _failed_list(self) -> bytes | None:
        """FailedSOPInstanceUIDList (0008,0058), as much of it as the element holds (PS3.5 7.1.2)."""
        if not self._failed_uids:
            return None
        from pydicom import Dataset

        syntax = self._performance.request.context.transfer_syntax
        known = TRANSFER_SYNTAXES.get(syntax)
        uids = self._failed_uids
        if known is None or not known.implicit_vr:
            uids = uids[:_MOST_FAILED]
        dataset = Dataset()
        dataset.FailedSOPInstanceUIDList = list(uids)
        return encode_dataset(dataset, syntax)


class _Beat:
    """Repeats what a tally tells, for as long as it lasts."""

    def __init__(self, tally: Tally) -> None:
        self._tally = tally
        self._timer: asyncio.TimerHandle | None = None

    def __enter__(self) -> None:
        self._timer = asyncio.get_running_loop().call_later(PENDING_TIME, self._beat)

    def __exit__(self, *_: object) -> None:
        if self._timer is not None:
            self._timer.cancel()

    def _beat(self) -> None:
        self._tally.tell()
        self.__enter__()


class Queue:
    """Instances as a `exchanges.store.Source`, for one association or several; one that has ended takes no more."""

    def __init__(self, items: Sequence[Item] | deque[Item], is_open: Callable[[], bool]) -> None:
        self._items = items if isinstance(items, deque) else deque(items)
        self._is_open = is_open

    def take(self, count: int) -> list[Item]:
        taken: list[Item] = []
        while len(taken) < count and self._is_open():
            try:
                taken.append(self._items.popleft())
            except IndexError:
                break
        return taken


def destination_settings(where: Any, title: str, our_title: str) -> Settings:
    """How to call a move destination: as the AE that was asked to move (PS3.4 C.4.2.2.1).

    Args:
        where: see `Destinations`.
        title: what the destination is called where that does not say it.
        our_title: what we are called there; `Settings` that name another title of ours keep it.

    Raises:
        InvalidValue: it is no address.
    """
    if isinstance(where, Settings):
        return replace(where, calling_ae=ae_title(our_title)) if where.calling_ae == OUR_TITLE else where
    try:
        if isinstance(where, str):
            where = Address.parse(where, default_port=DEFAULT_PORT)
        elif isinstance(where, tuple):
            host, port = where
            where = Address(None, host, port)
        if not isinstance(where, Address):
            raise InvalidValue(f"{where!r} is no address of a move destination")
        address = where if where.aet else replace(where, aet=ae_title(title))
    except ValueError as error:
        raise InvalidValue(f"move destination {title}: {error}") from error
    return settings_for(address, aet=our_title)


async def _settings(performance: Performance, destinations: Destinations | None, title: str) -> Settings | None:
    if destinations is None or not title:
        return None
    if isinstance(destinations, Mapping):
        where = destinations.get(title)
    elif inspect.iscoroutinefunction(destinations):
        where = await destinations(title)
    else:
        where = await performance.share.run(destinations, title)
        if inspect.isawaitable(where):
            where = await where
    if where is None:
        return None
    return destination_settings(where, title, performance.request.association.our_ae)


async def _collect(performance: Performance, tally: Tally) -> list[Item] | None:
    """Everything that is to be sent; None if the handler has answered otherwise."""
    request = performance.request
    with tally.beating():
        given: list[Any] = []
        async with aclosing(performance.each(_is_instance, _itself)) as found:
            while not request.cancelled:
                item = await interruptible(request, anext(found, None))
                if (reply := ended_by(item)) is not None and not final_status(reply.status).is_success:
                    performance.respond(reply.status, **reply.fields)
                    return None
                if item is None or reply is not None:
                    break
                given.append(item)
                if not len(given) % _TURN:  # a generator that waits for nothing would keep the loop from all others
                    await interruptible(request, asyncio.sleep(0))
        if request.cancelled:
            raise CancelledByPeer
        # In a list of its own, so that a path that leads nowhere is one failure and not that of them all.
        items = await interruptible(request, off_loop(lambda: list(Instances([given]))))
    if any(isinstance(item, Skipped) for item in items):
        named = {Path(one) for one in given if isinstance(one, str | os.PathLike)}
        items = [item for item in (_meant(item, named) for item in items) if not isinstance(item, Skipped)]
    tally.total = len(items)
    return items


async def _send(
    performance: Performance, tally: Tally, settings: Settings, items: Sequence[Item], associations: int
) -> list[Exception]:
    """Sends to a destination; what went wrong with its associations."""
    queue = deque(items)
    wanted = for_instances(pairs(items))
    count = max(1, min(associations, len(items)))
    requestors = [Requestor(settings, wanted) for _ in range(count)]
    senders = (_send_on(performance, tally, requestor, queue) for requestor in requestors)
    results = await asyncio.gather(*senders, return_exceptions=True)
    for result in results:
        if isinstance(result, BaseException) and not isinstance(result, DicomNetError):
            raise result
    if not performance.request.cancelled:
        tally.count_unsent(queue)
        tally.count_unreadable(queue)
    return [result for result in results if isinstance(result, DicomNetError)]


async def _send_on(performance: Performance, tally: Tally, requestor: Requestor, queue: deque[Item]) -> None:
    source = Queue(queue, lambda: requestor.established)
    try:
        await perform(requestor.open())
        await perform(_store(performance, tally, requestor, source).run())
        await perform(requestor.release())
    except BaseException:
        requestor.abort()
        raise


def _store(performance: Performance, tally: Tally, routes: Any, source: Queue) -> Store:
    request = performance.request
    return Store(
        routes,
        source,
        priority=request.priority,
        originator=None if isinstance(routes, OneAssociation) else _originator(request.calling_ae, request.message_id),
        on_result=tally.count,
        stop=lambda: request.cancelled,
    )


def _originator(title: str, message_id: int) -> tuple[str, int] | None:
    """Who has asked for the C-MOVE (PS3.7 9.1.1.1.6); a title that may not be sent is not."""
    try:
        return ae_title(title), message_id
    except ValueError:
        return None


def _meant(item: Item, named: Collection[Path]) -> Item:
    """A file that the handler names is one to send: where there is no instance in it, it has failed."""
    if not isinstance(item, Skipped) or item.copy or item.path not in named:
        return item
    return Unreadable(item.name, item.path, NotAnInstance(item.name, item.reason))


def _is_instance(value: Any) -> bool:
    """Whether this is one thing to send, and not several."""
    one = isinstance(value, str | os.PathLike | bytes | bytearray | memoryview | InstanceFile | ReceivedData)
    return one or is_dataset(value)


def _itself(value: Any) -> Any:
    return value


PENDING_TIME = 5.0
"""Seconds after which the peer hears that we are still at it."""

_MOST_FAILED = 65534 // 65
# UIDs of full length with the backslashes between them, in an element of explicit VR.

_TURN = 64

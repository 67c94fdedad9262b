"""Calls handlers, whatever kind of function they are, and takes what they give, whatever kind of thing it is."""

from __future__ import annotations

import asyncio
import inspect
import logging
import threading
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import Any, TypeVar

from dicomnet.aio.crew import HandlerEndedError, Share
from dicomnet.aio.requests import Reply, Request
from dicomnet.aio.twin import Twin
from dicomnet.datasets import is_dataset
from dicomnet.dimse.status import Status
from dicomnet.errors import DicomNetError, InvalidValue, StatusError, StorageError
from dicomnet.exchanges.lifetime import plain
from dicomnet.types import printable

log = logging.getLogger("dicomnet.association")

T = TypeVar("T")


def is_async(function: Callable[..., Any]) -> bool:
    """Whether a handler runs on the loop: a coroutine function, or an asynchronous generator."""
    return any(
        inspect.iscoroutinefunction(one) or inspect.isasyncgenfunction(one)
        for one in (function, getattr(function, "__call__", None))  # noqa: B004 (its kind is asked for)
    )


async def call(function: Callable[..., Any], request: Request, share: Share) -> Any:
    """What a handler returns: called on the loop if it is asynchronous, else in a thread, with the request's twin."""
    if is_async(function):
        result = function(request)
    else:
        result = await share.run(function, Twin(request, asyncio.get_running_loop()))
    if not inspect.isawaitable(result):
        return result
    with _contained():
        return await result


async def each(
    result: Any, share: Share, is_one: Callable[[Any], bool], prepare: Callable[[Any], T]
) -> AsyncGenerator[T, None]:
    """What a handler has returned, one after the other.

    A generator, and whatever else makes its items as it goes, is advanced in
    threads, one item at a time, and not always in the same one. What a
    generator returns is its last item. Closing this iterator closes it, once it
    has come to its next item.

    Args:
        is_one: tells a thing that could be iterated from one that is meant.
        prepare: what is made of each item, in the thread that the item comes from.
    """
    if result is None:
        return
    if is_one(result):
        yield prepare(result)
    elif isinstance(result, AsyncIterator) or hasattr(result, "__aiter__"):
        items = aiter(result)
        try:
            while (item := await _advance(items)) is not _END:
                yield prepare(item)
        finally:
            if hasattr(items, "aclose"):
                await items.aclose()
    elif isinstance(result, list | tuple):
        for item in result:
            yield prepare(item)
    elif isinstance(result, Iterable):
        advanced = _Advanced(result, prepare)
        try:
            while (found := await share.run(advanced.next)) is not _END:
                yield found
        finally:
            if not advanced.over:
                with suppress(DicomNetError):  # the threads are closed, and nobody advances it any more
                    share.submit(advanced.close)
    else:
        raise InvalidValue(f"a handler returned {type(result).__name__}, which is nothing that could be sent")


async def _advance(items: AsyncIterator[Any]) -> Any:
    with _contained():
        return await anext(items, _END)


@contextmanager
def _contained() -> Iterator[None]:
    """What would end the task, or the loop, is a failure of the handler, unless it was us who have cancelled it."""
    try:
        yield
    except asyncio.CancelledError as error:
        task = asyncio.current_task()
        if task is None or task.cancelling():
            raise
        raise HandlerEndedError(repr(error)) from None
    except (SystemExit, BaseExceptionGroup) as error:
        if isinstance(error, Exception):
            raise
        raise HandlerEndedError(repr(error)) from error


class _Advanced:
    """An iterable of a handler, in the hands of several threads, one at a time."""

    def __init__(self, iterable: Iterable[Any], prepare: Callable[[Any], Any]) -> None:
        self._iterable = iterable
        self._iterator: Iterator[Any] | None = None
        self._prepare = prepare
        self._lock = threading.Lock()
        self.over = False
        """Whether it has come to its end, or failed."""

    def next(self) -> Any:
        with self._lock:
            if self.over:
                return _END
            try:
                if self._iterator is None:
                    self._iterator = iter(self._iterable)
                item = self._next(self._iterator)
            except BaseException:
                self.over = True
                raise
        return item if item is _END else self._prepare(item)

    def _next(self, iterator: Iterator[Any]) -> Any:
        try:
            return next(iterator)
        except StopIteration as end:
            self.over = True
            return _END if end.value is None else end.value

    def close(self) -> None:
        with self._lock:
            self.over = True
            close = getattr(self._iterable if self._iterator is None else self._iterator, "close", None)
            if close is not None:
                close()


async def interruptible(request: Request, awaitable: Awaitable[T]) -> T:
    """Waits for something of a handler's; a C-CANCEL-RQ of the peer ends it as `CancelledByPeer`, see `interrupt`."""
    task = asyncio.current_task()
    assert task is not None
    request._interruptible = task
    try:
        result = await awaitable
        if request._interrupted:  # the handler has heard of it, and gave what it had all the same
            task.uncancel()
        return result
    except asyncio.CancelledError:
        if request._interrupted and request._error is None:
            task.uncancel()
            raise CancelledByPeer from None
        raise
    finally:
        request._interruptible = None


def interrupt(request: Request) -> None:
    """The peer wants no more: ends what waits in `interruptible`, and tells the handler."""
    request.cancelled = True
    task = request._interruptible
    if task is not None and not request._interrupted:
        request._interrupted = True
        task.cancel()


class CancelledByPeer(Exception):
    """What a handler was at was ended by a C-CANCEL-RQ."""


def ended_by(given: Any) -> Reply | None:
    """The final response that a handler means: a status, a pair of one and nothing, or a `Reply`; None for anything else."""
    if isinstance(given, Reply):
        return given
    status = given[0] if isinstance(given, tuple) and len(given) == 2 and given[1] is None else given
    if not isinstance(status, int) or isinstance(status, bool):
        return None
    return Reply(Status(status))


def final_status(value: int) -> Status:
    """The status that a handler gives for the end of its request.

    Raises:
        InvalidValue: it is not one that may be sent, or not final.
    """
    status = Status(value)
    if not status.is_defined or status.is_pending or status.is_cancel:
        raise InvalidValue(f"a handler answered with {status:04X}, which is no final status")
    return status


def failure(error: Exception, request: Request, default: Status) -> tuple[Status, str | None]:
    """How the peer hears of an exception: with the status that it carries, or the default one and a traceback in the log."""
    status, comment = default, None
    if isinstance(error, StatusError):
        status, comment = Status(error.status), error.error_comment
    elif isinstance(error, StorageError):
        status, comment = Status(error.status), error.comment
    known = status.is_defined and (status.is_failure or status.is_warning)
    if isinstance(error, StatusError | StorageError) and known:
        level = logging.DEBUG if isinstance(error, StorageError) and error.told else logging.WARNING
        name = request.message.name
        reason = str(error) if isinstance(error, StorageError) else comment or status.meaning(message=name)
        log.log(level, "%s %s is answered %04X: %s", request.association.id, name, status, printable(reason))
        return status, None if comment is None else plain(comment)
    log.error("%s the handler of %s failed: %s", request.association.id, request.message.name, error, exc_info=error)
    return default, None


def is_match(value: Any) -> bool:
    """Whether this is one match of a query: a data set or keys, or a pair of a status and such."""
    if isinstance(value, tuple):
        return len(value) == 2 and isinstance(value[0], int)
    return isinstance(value, Mapping) or is_dataset(value)


_END: Any = object()

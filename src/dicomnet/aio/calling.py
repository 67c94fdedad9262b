"""Calls handlers, whatever kind of function they are; ends them when the peer cancels; tells what they mean by a status."""

from __future__ import annotations

import asyncio
import inspect
import logging
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, TypeVar

from dicomnet.aio.crew import HandlerEndedError, Share
from dicomnet.aio.requests import Reply, Request
from dicomnet.aio.twin import Twin
from dicomnet.datasets import is_dataset
from dicomnet.dimse.status import Status
from dicomnet.errors import InvalidValue, StatusError, StorageError
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
    with contained():
        return await result


@contextmanager
def contained() -> Iterator[None]:
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


def final_status(value: int, *, of_n_service: bool = False) -> Status:
    """The status that a handler gives for the end of its request.

    Raises:
        InvalidValue: it is not one that may be sent, or not final.
    """
    status = Status(value)
    # Below B000 only N-services have warnings (PS3.7 C.4): a 1 of another one is a count, or a mistake.
    elsewhere = status.is_warning and status < 0xB000 and not of_n_service
    if not status.is_defined or status.is_pending or status.is_cancel or elsewhere:
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

"""What handlers give, one thing after the other, whatever kind of function they are.

async def   on the loop
def         in one thread, from the call to the last thing: what it opens there, such as the cursor of a database,
            is often bound to its thread
"""

from __future__ import annotations

import asyncio
import inspect
import logging
import threading
from collections import deque
from collections.abc import AsyncGenerator, Callable, Iterable
from contextlib import aclosing, suppress
from functools import partial
from typing import Any, Generic, TypeVar

from dicomnet.aio.calling import call, contained, ended_by, is_async
from dicomnet.aio.crew import Share, as_failure, patiently
from dicomnet.aio.requests import Request
from dicomnet.aio.twin import Twin
from dicomnet.errors import InvalidValue

log = logging.getLogger("dicomnet.association")

T = TypeVar("T")


def each(
    function: Callable[..., Any],
    request: Request,
    share: Share,
    is_one: Callable[[Any], bool],
    prepare: Callable[[Any], T],
) -> AsyncGenerator[T, None]:
    """What a handler returns or yields; what a generator returns comes last.

    A plain one goes on until it is a few things ahead of who takes them, and
    keeps its thread while it waits, see `patiently`. Closing this iterator ends it, once it has
    come to its next thing.

    Args:
        is_one: tells a thing that could be iterated from one that is meant.
        prepare: what is made of each thing, where the thing comes from.
    """
    if is_async(function):
        return _on_loop(partial(call, function, request, share), share, is_one, prepare)
    return _in_thread(partial(function, Twin(request, asyncio.get_running_loop())), share, is_one, prepare)


async def _on_loop(
    make: Callable[[], Any], share: Share, is_one: Callable[[Any], bool], prepare: Callable[[Any], T]
) -> AsyncGenerator[T, None]:
    result = make()
    if inspect.isawaitable(result):
        with contained():
            result = await result
    if result is None:
        return
    if is_one(result) or ended_by(result) is not None:
        yield prepare(result)
    elif isinstance(result, list | tuple):
        for one in result:
            yield prepare(one)
    elif hasattr(result, "__aiter__"):
        items = aiter(result)
        try:
            while (one := await _advance(items)) is not _END:
                yield prepare(one)
        finally:
            if hasattr(items, "aclose"):
                await items.aclose()
    else:
        async with aclosing(_in_thread(lambda: result, share, is_one, prepare)) as given:
            async for one in given:
                yield one


async def _in_thread(
    make: Callable[[], Any], share: Share, is_one: Callable[[Any], bool], prepare: Callable[[Any], T]
) -> AsyncGenerator[T, None]:
    made = _Made(make, is_one, prepare)
    share.submit(made.run)
    try:
        while (one := await made.next()) is not _END:
            if not isinstance(one, _ForTheLoop):
                yield one
                continue
            async with aclosing(_on_loop(one.make, share, is_one, prepare)) as given:
                async for other in given:
                    yield other
    finally:
        made.close()


class _Made(Generic[T]):
    """What a handler makes in a thread, and the loop takes: a few things are on their way."""

    def __init__(self, make: Callable[[], Any], is_one: Callable[[Any], bool], prepare: Callable[[Any], T]) -> None:
        self._make = make
        self._is_one = is_one
        self._prepare = prepare
        self._loop = asyncio.get_running_loop()
        self._changed = threading.Condition()
        self._items: deque[Any] = deque()
        self._there = asyncio.Event()
        self._awaited = False
        self._closed = False

    # In the thread.

    def run(self) -> None:
        """From the call of the handler to its last thing."""
        try:
            if not self._closed:
                self._go_through(self._make())
            self._put(_END)
        except _ClosedError:
            pass
        except BaseException as error:  # noqa: BLE001 (SystemExit, for one: a thread has no program to end)
            try:
                self._put(_Failed(as_failure(error)))
            except _ClosedError:
                log.exception("a handler failed when nobody wanted more of it")

    def _go_through(self, result: Any) -> None:
        if result is None:
            return
        if self._is_one(result) or ended_by(result) is not None:
            self._put(self._prepare(result))
        elif inspect.isawaitable(result) or hasattr(result, "__aiter__"):
            self._put(_ForTheLoop(lambda: result))
        elif isinstance(result, Iterable):
            iterator = iter(result)
            try:
                while True:
                    one = next(iterator)
                    self._put(self._prepare(one))
            except StopIteration as end:
                if end.value is not None:
                    self._put(self._prepare(end.value))
            except BaseException:
                if hasattr(iterator, "close"):
                    iterator.close()
                raise
        else:
            raise InvalidValue(f"a handler returned {type(result).__name__}, which is nothing that could be sent")

    def _put(self, item: Any) -> None:
        if len(self._items) >= AHEAD:  # and nobody else puts any in
            patiently(self._wait_for_room)
        with self._changed:
            if self._closed:
                raise _ClosedError
            self._items.append(item)
            awaited, self._awaited = self._awaited, False
        if awaited:
            with suppress(RuntimeError):  # the loop is closed, and nobody waits any more
                self._loop.call_soon_threadsafe(self._there.set)

    def _wait_for_room(self, timeout: float | None) -> bool:
        with self._changed:
            return self._changed.wait_for(lambda: len(self._items) < AHEAD or self._closed, timeout)

    # On the loop.

    async def next(self) -> Any:
        """The next thing; raises what the handler has raised."""
        while True:
            with self._changed:
                if self._items:
                    item = self._items.popleft()
                    if len(self._items) == AHEAD // 2:
                        self._changed.notify()
                    break
                self._awaited = True
                self._there.clear()
            await self._there.wait()
        if isinstance(item, _Failed):
            raise item.error
        return item

    def close(self) -> None:
        """Nobody takes any more."""
        with self._changed:
            self._closed = True
            self._items.clear()
            self._changed.notify()


class _ClosedError(Exception):
    """Nobody takes what is made."""


class _Failed:
    def __init__(self, error: Exception) -> None:
        self.error = error


class _ForTheLoop:
    """What a plain function has returned to be awaited."""

    def __init__(self, make: Callable[[], Any]) -> None:
        self.make = make


async def _advance(items: Any) -> Any:
    with contained():
        return await anext(items, _END)


AHEAD = 16
"""Things that a thread makes before they are taken: so many are handed over at a time, and wait in memory."""

_END: Any = object()

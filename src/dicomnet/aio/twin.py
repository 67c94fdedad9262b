"""The blocking twin of what handlers get, for those that run in a thread.

It has the attributes of the original. What is to be awaited there is simply
called here: the loop does the work, and the thread waits for it.

    async def keep(request):                    def keep(request):
        await request.save("incoming/")             request.save("incoming/")
        async for piece in request.stream():        for piece in request.stream():
"""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import AsyncGenerator, Callable, Coroutine, Iterator
from concurrent.futures import CancelledError
from typing import Any

from dicomnet.aio.crew import patiently
from dicomnet.errors import StateError


class Twin:
    """Stands for an object of a loop in any other thread."""

    __slots__ = ("_loop", "_original")

    def __init__(self, original: Any, loop: asyncio.AbstractEventLoop) -> None:
        self._original = original
        self._loop = loop

    def __getattr__(self, name: str) -> Any:
        value = getattr(self._original, name)
        if inspect.iscoroutinefunction(value):
            return _Call(value, self._loop)
        if inspect.isasyncgenfunction(value):
            return _Iteration(value, self._loop)
        return Twin(value, self._loop) if getattr(value, "has_twin", False) else value

    def __dir__(self) -> list[str]:
        return dir(self._original)

    def __repr__(self) -> str:
        return repr(self._original)


class _Call:
    """A coroutine function as a plain one."""

    __slots__ = ("_function", "_loop")

    def __init__(self, function: Callable[..., Coroutine[Any, Any, Any]], loop: asyncio.AbstractEventLoop) -> None:
        self._function = function
        self._loop = loop

    def __call__(self, *arguments: Any, **options: Any) -> Any:
        return wait_for(self._function(*arguments, **options), self._loop)


class _Iteration:
    """An asynchronous generator function as a plain one."""

    __slots__ = ("_function", "_loop")

    def __init__(self, function: Callable[..., AsyncGenerator[Any, None]], loop: asyncio.AbstractEventLoop) -> None:
        self._function = function
        self._loop = loop

    def __call__(self, *arguments: Any, **options: Any) -> Iterator[Any]:
        generator = self._function(*arguments, **options)
        try:
            while (item := wait_for(_next(generator), self._loop)) is not _END:
                yield item
        finally:
            wait_for(_close(generator), self._loop)


def wait_for(coroutine: Coroutine[Any, Any, Any], loop: asyncio.AbstractEventLoop) -> Any:
    """Has the loop run a coroutine, and waits for its result; not to be called on the loop's own thread.

    Raises:
        StateError: the loop is closed, or this is its thread, which would wait for itself.
    """
    try:
        running = asyncio.get_running_loop()
    except RuntimeError:
        running = None
    try:
        if running is loop:
            raise StateError("a blocking call on the thread of the event loop, which would wait for itself")
        future = asyncio.run_coroutine_threadsafe(coroutine, loop)
    except RuntimeError as error:
        coroutine.close()
        raise error if isinstance(error, StateError) else StateError("the event loop is closed") from error

    def is_over(timeout: float | None) -> bool:
        try:
            future.exception(timeout)
        except CancelledError:
            return True
        except TimeoutError:
            return future.done()
        return True

    patiently(is_over)
    return future.result()


async def _next(generator: AsyncGenerator[Any, None]) -> Any:
    return await anext(generator, _END)


async def _close(generator: AsyncGenerator[Any, None]) -> None:
    await generator.aclose()


_END = object()

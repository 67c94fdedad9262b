from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest

from dicomnet.aio.twin import Twin, wait_for
from dicomnet.errors import StateError


class Original:
    """Has one of each."""

    def __init__(self) -> None:
        self.number = 7
        self.closed = False

    async def double(self, number: int, *, plus: int = 0) -> int:
        await asyncio.sleep(0)
        return 2 * number + plus

    async def count(self, end: int) -> AsyncIterator[int]:
        try:
            for number in range(end):
                await asyncio.sleep(0)
                yield number
        finally:
            self.closed = True

    async def fail(self) -> None:
        raise LookupError("gone")

    def half(self, number: int) -> float:
        return number / 2

    def __repr__(self) -> str:
        return "<the original>"


async def in_thread(function: Callable[..., Any], *arguments: Any) -> Any:
    return await asyncio.get_running_loop().run_in_executor(None, function, *arguments)


def twin(original: Any) -> Any:
    return Twin(original, asyncio.get_running_loop())


class TestTwin:
    async def test_coroutine_functions_are_plain_methods(self) -> None:
        """The loop does the work, the thread gets the result or the exception."""
        blocking = twin(Original())
        assert await in_thread(lambda: blocking.double(3, plus=1)) == 7
        with pytest.raises(LookupError, match="gone"):
            await in_thread(blocking.fail)

    async def test_asynchronous_generators_are_plain_ones(self) -> None:
        """And are closed when the loop over them is left."""
        original = Original()
        blocking = twin(original)
        assert await in_thread(lambda: list(blocking.count(3))) == [0, 1, 2]
        original.closed = False

        def first() -> int:
            generator = blocking.count(3)
            number: int = next(generator)
            generator.close()
            return number

        assert await in_thread(first) == 0
        assert original.closed

    async def test_everything_else_is_as_it_was(self) -> None:
        """Attributes, plain methods, and how it looks."""
        blocking = twin(Original())
        assert blocking.number == 7
        assert blocking.half(3) == 1.5
        assert repr(blocking) == "<the original>"
        assert "double" in dir(blocking)
        with pytest.raises(AttributeError):
            _ = blocking.nothing

    async def test_a_blocking_call_on_the_loop_is_refused(self) -> None:
        """It would wait for itself for ever."""
        with pytest.raises(StateError, match="wait for itself"):
            twin(Original()).double(3)

    def test_a_loop_that_is_closed_is_told(self) -> None:
        """Nobody would ever do the work."""
        loop = asyncio.new_event_loop()
        loop.close()
        with pytest.raises(StateError, match="closed"):
            wait_for(Original().double(3), loop)

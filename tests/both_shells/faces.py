"""Both shells behind one face, so that each case is written once: the blocking one, which is spoken by the tests."""

from __future__ import annotations

import asyncio
import inspect
import threading
from collections.abc import Callable, Coroutine
from concurrent.futures import CancelledError
from types import TracebackType
from typing import Any, Protocol, Self

from aio.conftest import LOOPS
from dicomnet import aio, sync
from dicomnet.aio.association import Matches
from dicomnet.aio.hub import close_hub
from dicomnet.aio.peer import PeerMatches

TEST_TIME = 30.0
"""Seconds for one call; what it waits for should come in milliseconds."""


class Shell(Protocol):
    """What a case is given."""

    name: str
    Interrupted: type[BaseException]
    """What a call that was interrupted raises."""

    def associate(self, address: str, **settings: Any) -> Any: ...

    def peer(self, address: str, **settings: Any) -> Any: ...

    def interrupt(self) -> None:
        """Within a callback of a call: leaves the call, by Ctrl-C or by the cancellation of its task."""

    def close(self) -> None: ...


class Blocking:
    """The blocking shell as it is."""

    name = "sync"
    Interrupted: type[BaseException] = KeyboardInterrupt

    def associate(self, address: str, **settings: Any) -> Any:
        return sync.associate(address, **settings)

    def peer(self, address: str, **settings: Any) -> Any:
        return sync.Peer(address, **settings)

    def interrupt(self) -> None:
        raise KeyboardInterrupt

    def close(self) -> None:
        """Nothing is left of it."""


class OnLoop:
    """The asyncio shell on a loop in a thread; every call is a task of its own, for which the caller waits."""

    Interrupted: type[BaseException] = asyncio.CancelledError

    def __init__(self, name: str) -> None:
        self.name = name
        self.complaints: list[dict[str, Any]] = []
        self._loop = LOOPS[name]()
        self._loop.set_exception_handler(lambda _, context: self.complaints.append(context))
        self._thread = threading.Thread(target=self._loop.run_forever, name=f"loop of {name}")
        self._thread.start()

    def associate(self, address: str, **settings: Any) -> Any:
        async def opened() -> Any:
            return await aio.associate(address, **settings)

        return Face(self, self.run(opened()))

    def peer(self, address: str, **settings: Any) -> Any:
        return Face(self, aio.Peer(address, **settings))

    def interrupt(self) -> None:
        task = asyncio.current_task(self._loop)
        assert task is not None
        task.cancel()

    def run(self, main: Coroutine[Any, Any, Any]) -> Any:
        try:
            return asyncio.run_coroutine_threadsafe(main, self._loop).result(TEST_TIME)
        except CancelledError:  # that of futures between threads is an Exception, unlike the one that was raised
            raise asyncio.CancelledError from None

    def call(self, function: Callable[..., Any], *arguments: Any, **named: Any) -> Any:
        """Calls a method on the loop; what it promises is waited for."""

        async def called() -> Any:
            result = function(*arguments, **named)
            return await result if inspect.isawaitable(result) else result

        result = self.run(called())
        return Face(self, result) if isinstance(result, Matches | PeerMatches) else result

    def close(self) -> None:
        async def tasks() -> list[str]:
            left = [repr(task) for task in asyncio.all_tasks() if task is not asyncio.current_task()]
            close_hub()
            return left

        left = self.run(tasks())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(TEST_TIME)
        self._loop.close()
        assert left == []
        assert self.complaints == []


class Face:
    """An object of the asyncio shell that looks like its blocking twin."""

    def __init__(self, shell: OnLoop, inner: Any) -> None:
        self._shell = shell
        self._inner = inner

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._inner, name)
        if not callable(found):
            return found
        return lambda *arguments, **named: self._shell.call(found, *arguments, **named)

    def __enter__(self) -> Self:
        self._shell.call(self._inner.__aenter__)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._shell.call(self._inner.__aexit__, kind, error, traceback)

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> Any:
        try:
            return self._shell.call(self._inner.__anext__)
        except StopAsyncIteration:
            raise StopIteration from None


def shell_named(name: str) -> Shell:
    """A new shell: "sync", or the loop that the asyncio shell runs on."""
    return Blocking() if name == "sync" else OnLoop(name)


SHELLS = ("sync", *LOOPS)

"""asyncio's selector loop on a clock of its own: where it would wait, time has passed."""

from __future__ import annotations

import asyncio
import selectors
from asyncio.selector_events import BaseSelectorEventLoop
from collections.abc import Callable, Mapping
from typing import Any


class Stuck(AssertionError):
    """Nothing will ever happen again, and somebody waits for something."""


class SimLoop(BaseSelectorEventLoop):
    """Everything on it happens in one thread, in an order that depends on nothing outside.

    Args:
        after_step: called after each round of the loop.
    """

    def __init__(self, after_step: Callable[[], None] | None = None) -> None:
        self.now = 1000.0
        self.failures: list[str] = []
        """What nobody has caught, in words."""
        self._after_step = after_step
        self._executed: set[asyncio.Future[Any]] = set()
        super().__init__(SimSelector(self))
        self.set_exception_handler(self._failed)

    def time(self) -> float:
        return self.now

    def run_in_executor(self, executor: Any, func: Callable[..., Any], *args: Any) -> asyncio.Future[Any]:  # type: ignore[override]
        """A thread that is done at once."""
        future = self.create_future()
        try:
            future.set_result(func(*args))
        except Exception as error:  # noqa: BLE001 (whoever waits has to hear of it)
            future.set_exception(error)
        return future

    def _run_once(self) -> None:
        super()._run_once()  # type: ignore[misc]
        if self._after_step is not None:
            self._after_step()

    def _failed(self, loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        self.failures.append(f"{context.get('message')}: {context.get('exception')!r}")

    # One thread needs nothing to be woken by.

    def _make_self_pipe(self) -> None:
        pass

    def _close_self_pipe(self) -> None:
        pass

    def _write_to_self(self) -> None:
        pass


class Selectable:
    """What a loop can wait for; each has a descriptor, which only tells it from others."""

    def readable(self) -> bool:
        raise NotImplementedError

    def writable(self) -> bool:
        raise NotImplementedError


class SimSelector(selectors.BaseSelector):
    """Knows without asking the system what can be read and written."""

    def __init__(self, loop: SimLoop) -> None:
        self.things: dict[int, Selectable] = {}
        """What a descriptor stands for."""
        self._loop = loop
        self._keys = _Keys()

    def register(self, fileobj: Any, events: int, data: Any = None) -> selectors.SelectorKey:
        number = _number(fileobj)
        if number in self._keys:
            raise KeyError(number)
        key = self._keys[number] = selectors.SelectorKey(fileobj, number, events, data)
        return key

    def unregister(self, fileobj: Any) -> selectors.SelectorKey:
        return self._keys.pop(_number(fileobj))

    def modify(self, fileobj: Any, events: int, data: Any = None) -> selectors.SelectorKey:
        self.unregister(fileobj)
        return self.register(fileobj, events, data)

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        ready = []
        for key in self._keys.values():
            thing = self.things[key.fd]
            mask = 0
            if key.events & selectors.EVENT_READ and thing.readable():
                mask = selectors.EVENT_READ
            if key.events & selectors.EVENT_WRITE and thing.writable():
                mask |= selectors.EVENT_WRITE
            if mask:
                ready.append((key, mask))
        if not ready and timeout != 0:
            if timeout is None:
                raise Stuck("nothing is ready, and no timer runs")
            self._loop.now += max(0.0, timeout or 0.0)
        return ready

    def get_map(self) -> Mapping[Any, selectors.SelectorKey]:
        return self._keys

    def get_key(self, fileobj: Any) -> selectors.SelectorKey:
        return self._keys[_number(fileobj)]

    def close(self) -> None:
        self._keys.clear()


class _Keys(dict[int, selectors.SelectorKey]):
    """By descriptor; a socket finds its own, too, as newer event loops ask."""

    def get(self, fileobj: Any, default: Any = None) -> Any:
        return super().get(_number(fileobj), default)


def _number(fileobj: Any) -> int:
    return fileobj if isinstance(fileobj, int) else fileobj.fileno()

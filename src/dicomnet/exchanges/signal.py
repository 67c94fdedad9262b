"""A way for one association to tell another that something has happened."""

from __future__ import annotations

from collections.abc import Callable


class Signal:
    """Calls everybody who watches, whenever it is given; from any thread."""

    __slots__ = ("_watchers",)

    def __init__(self) -> None:
        self._watchers: dict[object, Callable[[], object]] = {}

    def watch(self, watcher: Callable[[], object]) -> object:
        """From now on the watcher is called; it must not wait, and not raise. Returns what `forget` takes."""
        key = object()
        self._watchers[key] = watcher
        return key

    def forget(self, key: object) -> None:
        self._watchers.pop(key, None)

    def give(self) -> None:
        """It has happened."""
        for watcher in list(self._watchers.values()):
            watcher()

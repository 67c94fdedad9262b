"""Room for TLS handshakes: a few at a time, and no address takes all of it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager


class Handshakes:
    """Those of one listener; for one event loop.

    Args:
        most: how many at a time; a quarter of them from one address, so that who connects and says nothing keeps only its
            neighbours waiting.
    """

    def __init__(self, most: int) -> None:
        self._room = asyncio.Semaphore(most)
        self._share = max(1, most // 4)
        self._addresses: dict[str, _Address] = {}

    @asynccontextmanager
    async def place(self, host: str) -> AsyncIterator[None]:
        """Waits for a place for a peer of this address, and has it for as long as the block lasts."""
        address = self._addresses.setdefault(host, _Address(self._share))
        address.users += 1
        try:
            async with address.room, self._room_for_a_while():
                yield
        finally:
            address.users -= 1
            if not address.users:
                del self._addresses[host]

    @asynccontextmanager
    async def _room_for_a_while(self) -> AsyncIterator[None]:
        """One that waits for its peer costs no processor time, so it makes room for others, and goes on beside them."""
        await self._room.acquire()
        leave = _Once(self._room.release)
        timer = asyncio.get_running_loop().call_later(SLOW, leave)
        try:
            yield
        finally:
            timer.cancel()
            leave()


class _Address:
    def __init__(self, share: int) -> None:
        self.room = asyncio.Semaphore(share)
        self.users = 0
        """Those who have a place, or wait for one."""


class _Once:
    """Calls a function the first time that it is called."""

    def __init__(self, function: Callable[[], object]) -> None:
        self._function: Callable[[], object] | None = function

    def __call__(self) -> None:
        function, self._function = self._function, None
        if function is not None:
            function()


SLOW = 0.25
"""Seconds after which a handshake makes room: one whose peer answers is over long before."""

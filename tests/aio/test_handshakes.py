from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack

import pytest

from dicomnet.aio.handshakes import Handshakes
from server.serving import WAIT, until


async def test_one_address_has_a_quarter_of_the_room() -> None:
    """However many wait there, another one has its handshake at once."""
    handshakes = Handshakes(8)
    inside: list[str] = []
    go = asyncio.Event()

    async def shake(host: str) -> None:
        async with handshakes.place(host):
            inside.append(host)
            await go.wait()

    tasks = [asyncio.create_task(shake("a")) for _ in range(8)]
    await until(lambda: len(inside) == 2)
    async with asyncio.timeout(WAIT), handshakes.place("b"):
        assert inside == ["a", "a"]
    go.set()
    await asyncio.gather(*tasks)
    assert inside == ["a"] * 8


async def test_all_addresses_together_have_no_more_than_all_of_the_room() -> None:
    """The limit is on the processor time of all."""
    handshakes = Handshakes(2)
    async with AsyncExitStack() as stack:
        for host in ("a", "b"):
            await stack.enter_async_context(handshakes.place(host))
        third = asyncio.create_task(stack.enter_async_context(handshakes.place("c")))
        await asyncio.wait([third], timeout=0.05)
        assert not third.done()
        third.cancel()
        await asyncio.wait([third])
    assert not handshakes._addresses


async def test_one_that_waits_for_its_peer_makes_room(monkeypatch: pytest.MonkeyPatch) -> None:
    """And gives it back once: stalled ones of many addresses hold up the others for a moment, not until they time out."""
    monkeypatch.setattr("dicomnet.aio.handshakes.SLOW", 0.01)
    handshakes = Handshakes(2)
    for _ in range(3):
        async with AsyncExitStack() as stack:
            for host in ("a", "b"):
                await stack.enter_async_context(handshakes.place(host))
            async with asyncio.timeout(WAIT), handshakes.place("c"):
                pass
        await until(lambda: handshakes._room._value == 2)  # type: ignore[attr-defined]


async def test_who_gives_up_leaves_its_place_to_others() -> None:
    """A connection that is dropped while it waits holds nothing."""
    handshakes = Handshakes(1)
    async with handshakes.place("a"):
        waiting = asyncio.create_task(handshakes.place("a").__aenter__())
        await asyncio.sleep(0)
        waiting.cancel()
        await asyncio.wait([waiting])
    async with asyncio.timeout(WAIT), handshakes.place("a"):
        pass
    assert not handshakes._addresses

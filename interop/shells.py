"""Our two shells behind one face, so that a test of the matrix runs with each."""

from __future__ import annotations

import asyncio
from typing import Any

import dicomnet
from dicomnet import aio
from dicomnet.aio.hub import close_hub

SHELLS = ("Peer", "aio.Peer")


def remote(shell: str, port: int, *, title: str = "ARCHIVE", aet: str = "US", **options: Any) -> Any:
    """A peer on this machine, blocking or on a loop; its queries return lists."""
    made = {"Peer": Blocking, "aio.Peer": OnALoop}[shell]
    return made(f"{title}@127.0.0.1:{port}", aet=aet, **options)


def borrowing(shell: str, server: dicomnet.Server, port: int, operation: str, *what: Any, **options: Any) -> Any:
    """One operation of a peer that borrows a server of ours, called ARCHIVE on this machine."""
    address = f"ARCHIVE@127.0.0.1:{port}"
    if shell == "Peer":
        with server.peer(address) as peer:
            return getattr(peer, operation)(*what, **options)
    ours = OnALoop(address)
    ours._make = lambda: server.aio_peer(address)
    return getattr(ours, operation)(*what, **options)


class Blocking(dicomnet.Peer):
    """`dicomnet.Peer`, with its matches as a list."""

    def find(self, *what: Any, **keys: Any) -> Any:
        return super().find(*what, **keys).all()


class OnALoop:
    """`dicomnet.aio.Peer`, each operation on a loop of its own."""

    def __init__(self, address: str, **options: Any) -> None:
        self._make = lambda: aio.Peer(address, **options)

    def __getattr__(self, operation: str) -> Any:
        async def perform(*what: Any, **options: Any) -> Any:
            try:
                async with self._make() as peer:
                    result = getattr(peer, operation)(*what, **options)
                    return await (result.all() if operation == "find" else result)
            finally:
                close_hub()

        return lambda *what, **options: asyncio.run(perform(*what, **options))

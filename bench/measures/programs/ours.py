"""Our own side of the measures that no command of ours does: many echoes, associations or matches in one process.

python ours.py echoes PORT COUNT            python ours.py aio-echoes PORT COUNT
python ours.py associations PORT COUNT      python ours.py aio-associations PORT COUNT
python ours.py find PORT COUNT
python ours.py serve PORT COUNT [CERTIFICATE KEY]     answers each query with so many matches
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Iterator
from typing import Any

from matches import KEYS, study

import dicomnet
from dicomnet.tls import TlsConfig


def echoes(port: int, count: int) -> None:
    with dicomnet.associate(f"ANY-SCP@127.0.0.1:{port}") as association:
        for _ in range(count):
            association.echo()


async def aio_echoes(port: int, count: int) -> None:
    async with dicomnet.aio.associate(f"ANY-SCP@127.0.0.1:{port}") as association:
        for _ in range(count):
            await association.echo()


def associations(port: int, count: int) -> None:
    for _ in range(count):
        echoes(port, 1)


async def aio_associations(port: int, count: int) -> None:
    for _ in range(count):
        await aio_echoes(port, 1)


def find(port: int, count: int) -> None:
    """Takes the matches as they come; one that is not looked into is not decoded by pynetdicom's caller either."""
    with dicomnet.associate(f"ANY-SCP@127.0.0.1:{port}", contexts=["study-root-find"]) as association:
        found = sum(1 for match in association.find("STUDY", **KEYS) if match.StudyInstanceUID)
    if found != count:
        sys.exit(f"{found} matches of {count}")


def serve(port: int, count: int, certificate: str | None = None, key: str | None = None) -> None:
    studies = [study(number) for number in range(count)]
    server = dicomnet.Server(
        "ANY-SCP",
        host="127.0.0.1",
        port=port,
        limits=dicomnet.Limits(associations=MANY, associations_per_address=MANY),
        tls=TlsConfig(certificate=certificate, private_key=key) if certificate else None,
    )

    @server.on_find("study-root")
    def answer(_: Any) -> Iterator[Any]:
        yield from studies

    sys.exit(server.run())


MANY = 10_000
"""Connections at a time, more than a receiver usually takes."""

if __name__ == "__main__":
    what, port, count = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    {
        "echoes": echoes,
        "aio-echoes": lambda port, count: asyncio.run(aio_echoes(port, count)),
        "associations": associations,
        "aio-associations": lambda port, count: asyncio.run(aio_associations(port, count)),
        "find": find,
        "serve": serve,
    }[what](port, count, *sys.argv[4:])

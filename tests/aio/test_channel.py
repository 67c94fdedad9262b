"""What a channel does with one connection."""

from __future__ import annotations

from pathlib import Path

from aio.ends import Bench, pattern
from dicomnet.dimse.status import Status
from dicomnet.limits import KIB, MIB


async def test_an_association_is_made_used_and_released() -> None:
    """From request to the close of the transport on both ends, nobody having to close anything."""
    async with Bench() as bench:
        requestor, acceptor = await bench.pair()
        assert await requestor.echo(1) == Status.SUCCESS
        await requestor.released()
        assert await requestor.wait_closed() is None
        assert await acceptor.wait_closed() is None


async def test_a_data_set_from_memory_arrives(tmp_path: Path) -> None:
    """Whatever its size, against the sizes of a PDU and of a buffer."""
    async with Bench() as bench:
        requestor, acceptor = await bench.pair()
        sizes = [2, 128 * KIB - 12, 128 * KIB, MIB - 2, 3 * MIB + 2]
        for number, size in enumerate(sizes, 1):
            requestor.store(number, pattern(size))
        for number in range(1, len(sizes) + 1):
            assert await requestor.response(number) == Status.SUCCESS
        assert acceptor.data == [pattern(size) for size in sizes]

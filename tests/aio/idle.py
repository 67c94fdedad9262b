"""What idle secure associations cost, in a process of its own: `idle.py LOOP` prints KiB for each end of one."""

from __future__ import annotations

import asyncio
import gc
import os
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

import uvloop

from aio.ends import Bench, Site
from dicomnet.cli._certificate import self_signed
from dicomnet.dimse.status import Status
from dicomnet.limits import KIB
from dicomnet.tls import TlsConfig

PAIRS = 50


async def main(folder: str) -> None:
    certificate, key = self_signed(Path(folder), ["pacs.example"])
    acceptor = TlsConfig(certificate=certificate, private_key=key).acceptor_context()
    site = Site(TlsConfig(ca_file=certificate).requestor_context(), acceptor, acceptor)
    async with Bench() as bench:
        await used(bench, site)  # what all share is made by the first
        before = memory()
        for _ in range(PAIRS):
            await used(bench, site)
        print((memory() - before) // KIB // PAIRS // 2, flush=True)


async def used(bench: Bench, site: Site) -> None:
    """A pair that has done something: an echo, and a small instance."""
    requestor, acceptor = await bench.pair(tls=site)
    assert await requestor.echo(1) == Status.SUCCESS
    requestor.store(2, bytes(8 * KIB))
    assert await requestor.response(2) == Status.SUCCESS
    for end in (requestor, acceptor):
        end.user.messages.clear()
        end.bodies.clear()


def memory() -> int:
    gc.collect()
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


if __name__ == "__main__":
    new_loop = {"asyncio": asyncio.new_event_loop, "uvloop": uvloop.new_event_loop}[sys.argv[1]]
    with TemporaryDirectory() as name, asyncio.Runner(loop_factory=new_loop) as runner:
        runner.run(main(name))

"""Ten thousand associations that end in every way leave nothing behind, on either side."""

from __future__ import annotations

import itertools
import os
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeAlias

import pytest

from raw import (
    ABORT_BY_USER,
    RELEASE_RQ,
    RawPeer,
    associate,
    data_set,
    echo,
    p_data,
    pdv,
    store,
    store_command,
)
from reliability import figures, scale
from reliability.node import PATIENCE, SOURCE, Holdings, Node

pytestmark = pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="needs Linux's /proc")

COUNT = scale.of(1_000, 10_000)
WARM = 1_000
"""Associations before we begin to count: what is made once is made."""

CROWD = 16

GROWTH = 2 << 20
"""Bytes that may come between a base line and another look at the same process."""

Ending: TypeAlias = Callable[[RawPeer], None]


def releases(peer: RawPeer) -> None:
    peer.associate()
    peer.send(echo() + RELEASE_RQ)
    peer.finish()
    peer.take_rest()


def stores(peer: RawPeer) -> None:
    peer.associate()
    uid = b"1.2.3.%d" % (next(_NUMBERS) % 50)
    peer.send(store(uid, data_set(uid)) + RELEASE_RQ)
    peer.finish()
    peer.take_rest()


def aborts(peer: RawPeer) -> None:
    peer.associate()
    peer.send(echo() + ABORT_BY_USER)
    peer.take_rest()


def resets(peer: RawPeer) -> None:
    peer.associate()
    peer.reset()


def closes(peer: RawPeer) -> None:
    peer.associate()
    peer.send(echo())
    peer.take_pdu()
    peer.finish()
    peer.take_rest()


def says_nothing(peer: RawPeer) -> None:
    """A health check; waited for, or the crowd that comes at a time would be another each time."""
    peer.finish()
    peer.take_rest()


def asks_by_half(peer: RawPeer) -> None:
    peer.send(associate()[:100])
    peer.finish()
    peer.take_rest()


def says_garbage(peer: RawPeer) -> None:
    peer.send(b"GET / HTTP/1.0\r\n\r\n")
    peer.finish()
    peer.take_rest()


def calls_somebody_else(peer: RawPeer) -> None:
    peer.send(associate(called=b"NOBODY"))
    peer.finish()
    peer.take_rest()


def stores_by_half_and_closes(peer: RawPeer) -> None:
    _store_by_half(peer)
    peer.finish()
    peer.take_rest()


def stores_by_half_and_resets(peer: RawPeer) -> None:
    _store_by_half(peer)
    peer.reset()


def breaks_the_protocol(peer: RawPeer) -> None:
    peer.associate()
    peer.send(p_data(pdv(b"?" * 100, 77, 3)))
    peer.finish()
    peer.take_rest()


ENDINGS: tuple[Ending, ...] = (
    releases,
    stores,
    aborts,
    resets,
    closes,
    says_nothing,
    asks_by_half,
    says_garbage,
    calls_somebody_else,
    stores_by_half_and_closes,
    stores_by_half_and_resets,
    breaks_the_protocol,
)


@pytest.mark.timeout(1200)
def test_associations_that_end_in_every_way_leave_nothing_behind(tmp_path: Path) -> None:
    """Descriptors and threads of the receiver are as many as before, and its memory is what it was."""
    with Node(tmp_path / "kept", title="ARCHIVE") as node:
        _warm_up(node)
        before = _settled(node)
        _end(node, COUNT)
        after = _settled(node, before)
        assert (after.descriptors, after.threads) == (before.descriptors, before.threads)
        assert after.memory - before.memory <= GROWTH, f"{(after.memory - before.memory) / 1024:.0f} KiB more"
    assert not list((tmp_path / "kept").glob(".*"))
    figures.tell(
        f"{COUNT} associations with a receiver, ended in {len(ENDINGS)} ways",
        f"descriptors and threads equal, memory {(after.memory - before.memory) / 1024:+.0f} KiB",
    )


PROGRAM = """
import asyncio, logging, os, re, sys
from pathlib import Path
logging.disable()
from dicomnet import DicomNetError, aio, sync
shell, address, warm, count = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])

def held():
    status = dict(re.findall(r"(\\w+):\\s+(\\d+)", Path("/proc/self/status").read_text()))
    return int(status["VmRSS"]) * 1024, int(status["Threads"]), len(os.listdir("/proc/self/fd"))

def call(number):
    try:
        with sync.associate(address if number % 7 else "NOBODY" + address[7:]) as association:
            association.echo()
            if number % 3 == 0:
                association.abort()
            if number % 5 == 0:
                raise ZeroDivisionError
    except (DicomNetError, ZeroDivisionError):
        pass

async def acall(number):
    try:
        async with aio.associate(address if number % 7 else "NOBODY" + address[7:]) as association:
            await association.echo()
            if number % 3 == 0:
                association.abort()
            if number % 5 == 0:
                raise ZeroDivisionError
    except (DicomNetError, ZeroDivisionError):
        pass

async def calls(numbers):
    for number in numbers:
        await acall(number)

def main():
    if shell == "sync":
        for number in range(warm):
            call(number)
        print(*held(), flush=True)
        for number in range(count):
            call(number)
        print(*held(), flush=True)
    else:
        with asyncio.Runner() as runner:
            runner.run(calls(range(warm)))
            print(*held(), flush=True)
            runner.run(calls(range(count)))
            print(*held(), flush=True)

main()
"""


@pytest.mark.timeout(1200)
@pytest.mark.parametrize("shell", ["sync", "asyncio"])
def test_associations_of_ours_leave_nothing_behind(shell: str, tmp_path: Path) -> None:
    """Released, aborted, rejected, or left by an exception."""
    with Node(tmp_path / "kept", title="ARCHIVE") as node:
        ran = subprocess.run(
            [sys.executable, "-c", PROGRAM, shell, node.address, str(WARM), str(COUNT)],
            capture_output=True,
            text=True,
            check=True,
            env={"PYTHONPATH": SOURCE},
        )
    before, after = (tuple(map(int, line.split())) for line in ran.stdout.splitlines())
    assert after[2] == before[2]
    resolvers = 0 if shell == "sync" else min(32, (os.cpu_count() or 1) + 4)  # threads that asyncio makes one by one
    assert after[1] <= max(before[1], resolvers + 1)
    assert after[0] - before[0] <= GROWTH, f"{(after[0] - before[0]) / 1024:.0f} KiB more"
    figures.tell(
        f"{COUNT} associations of ours, {shell}, ended in 4 ways",
        f"descriptors and threads equal, memory {(after[0] - before[0]) / 1024:+.0f} KiB",
    )


def _end(node: Node, count: int) -> None:
    for number in range(count):
        with RawPeer(node.port) as peer:
            ENDINGS[number % len(ENDINGS)](peer)


def _warm_up(node: Node) -> None:
    """A crowd: what it makes once for as many as come at a time, such as its receive buffers, it has then."""
    with ThreadPoolExecutor(CROWD) as crowd:
        for future in [crowd.submit(_end, node, WARM // CROWD) for _ in range(CROWD)]:
            future.result()


def _settled(node: Node, before: Holdings | None = None) -> Holdings:
    """What it holds when nothing is going on any more; storage threads that have nothing to do end after some seconds."""
    deadline = time.monotonic() + PATIENCE
    node.echo()
    held = node.holdings()
    while held.threads > 1 or (before is not None and held.descriptors != before.descriptors):
        if time.monotonic() > deadline:
            break
        time.sleep(0.1)  # of what follows by itself nothing tells
        held = node.holdings()
    return held


def _store_by_half(peer: RawPeer) -> None:
    peer.associate()
    peer.send(p_data(pdv(store_command(b"1.2.3.4"), 3, 3)) + p_data(pdv(data_set(b"1.2.3.4"), 3, 0)))


_NUMBERS = itertools.count()

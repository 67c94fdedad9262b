"""C-ECHO requests per second on one association: what a message costs that carries no data."""

from __future__ import annotations

from bench.measures.rates import Requestor, rates
from bench.measures.rows import Row
from bench.measures.stage import OURS, pynetdicom
from bench.peers.base import program
from bench.processes import Command


def measure(scale: float = 1.0) -> list[Row]:
    """Each requestor against the same acceptors, and each against its own."""
    return [rate.row("echoes/s") for rate in rates(REQUESTORS, scale).values()]


def _echoscu(port: int, count: int) -> Command:
    return Command([program("echoscu"), "--repeat", str(count), "127.0.0.1", str(port)], {"TCP_NODELAY": "1"})


REQUESTORS = (
    Requestor("ours, sync", 3_000, lambda port, count: OURS("echoes", port, count), ("our recv", "storescp")),
    Requestor("ours, aio", 3_000, lambda port, count: OURS("aio-echoes", port, count), ("our recv", "storescp")),
    Requestor("echoscu --repeat", 15_000, _echoscu, ("our recv", "storescp")),
    Requestor(
        "pynetdicom",
        200,
        lambda port, count: pynetdicom()("echoes", port, count),
        ("our recv", "storescp", "pynetdicom"),
    ),
)

"""How many associations a second: each connects, associates, echoes once and releases."""

from __future__ import annotations

from bench.measures.rates import Requestor, rates
from bench.measures.rows import Goal, Row, ratios, row
from bench.measures.stage import OURS, pynetdicom
from bench.peers.base import program
from bench.processes import Command


def measure(scale: float = 1.0) -> list[Row]:
    """Ours beside pynetdicom, each with its own acceptor; and both with others."""
    found = rates(REQUESTORS, scale)
    rows = [rate.row("associations/s") for rate in found.values()]
    ours, theirs = found["ours, sync -> our recv"].values, found["pynetdicom -> pynetdicom"].values
    if pairs := min(len(ours), len(theirs)):
        rows.append(row("ours -> ours / pynetdicom -> pynetdicom", "", ratios(ours[:pairs], theirs[:pairs]), goal=GOAL))
    return rows


def _echoscu(port: int, count: int) -> Command:
    """A process for each, because it has no other way."""
    script = 'for _ in $(seq "$1"); do "$0" 127.0.0.1 "$2" || exit; done'
    return Command(["sh", "-c", script, program("echoscu"), str(count), str(port)], {"TCP_NODELAY": "1"})


GOAL = Goal(5.0)

REQUESTORS = (
    Requestor("ours, sync", 500, lambda port, count: OURS("associations", port, count), ("our recv", "storescp")),
    Requestor("ours, aio", 500, lambda port, count: OURS("aio-associations", port, count), ("our recv",)),
    Requestor(
        "pynetdicom",
        100,
        lambda port, count: pynetdicom()("associations", port, count),
        ("our recv", "pynetdicom"),
    ),
    Requestor("echoscu", 50, _echoscu, ("our recv", "storescp"), "a process for each"),
)

"""C-ECHO requests per second on one association: what a message costs that carries no data."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

from bench.measures.rows import Row, row
from bench.measures.stage import OURS, our_recv, per_second, pynetdicom, scratch, serving, storescp
from bench.peers.base import Absent, program
from bench.processes import Command, CommandFailed


def measure(scale: float = 1.0) -> list[Row]:
    """Each requestor against each acceptor that is there."""
    rows = []
    with scratch() as folder:
        for name, acceptor in _acceptors(folder).items():
            try:
                with acceptor() as port:
                    rows += [_requestor(*each, name, port, scale) for each in REQUESTORS if name in each[3]]
            except Absent as reason:
                rows.append(Row(f"echoes to {name}", note=str(reason)))
    return rows


def _acceptors(folder: Path) -> dict[str, Callable[[], AbstractContextManager[int]]]:
    return {
        "our recv": lambda: our_recv(folder),
        "storescp": lambda: storescp(folder),
        "pynetdicom": lambda: serving(pynetdicom()),
    }


def _requestor(
    name: str, count: int, command: Callable[[int, int], Command], _: object, acceptor: str, port: int, scale: float
) -> Row:
    what = f"{name} -> {acceptor}"
    more = max(10, round(count * scale))
    rates: list[float] = []
    failures: list[str] = []
    while len(rates) < RUNS and len(failures) < MOST_FAILURES:
        try:
            rates.append(per_second(command(port, 1), command(port, 1 + more), more))
        except Absent as reason:
            return Row(what, note=str(reason))
        except CommandFailed as error:
            failures.append(str(error))
    if not rates:
        return Row(what, note=f"failed each time: {failures[-1]}")
    note = f"{len(failures)} runs failed and were repeated: {failures[-1]}" if failures else ""
    return row(what, "echoes/s", rates, note=note)


RUNS = 3

MOST_FAILURES = 4
"""pynetdicom loses a response now and then, whoever answers: then it is tried again, and said."""

# Name, echoes in a run, its command, and whom it is measured with.
REQUESTORS = (
    ("ours, sync", 3_000, lambda port, count: OURS("echoes", port, count), ("our recv", "storescp")),
    ("ours, aio", 3_000, lambda port, count: OURS("aio-echoes", port, count), ("our recv", "storescp")),
    (
        "echoscu --repeat",
        15_000,
        lambda port, count: Command(
            [program("echoscu"), "--repeat", str(count), "127.0.0.1", str(port)], {"TCP_NODELAY": "1"}
        ),
        ("our recv", "storescp"),
    ),
    (
        "pynetdicom",
        100,
        lambda port, count: pynetdicom()("echoes", port, count),
        ("our recv", "storescp", "pynetdicom"),
    ),
)

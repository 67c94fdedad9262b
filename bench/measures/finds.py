"""Matches per second of a query with 10,000 of them, each a data set of eleven elements."""

from __future__ import annotations

from collections.abc import Callable

from bench.measures.programs.matches import KEYS
from bench.measures.rows import Row, in_turns, row
from bench.measures.stage import OURS, Script, per_second, pynetdicom, serving
from bench.peers.base import Absent, program
from bench.peers.dcmtk import Dcmtk
from bench.processes import Command


def measure(scale: float = 1.0) -> list[Row]:
    """Whole queries; what one with a single match takes is left out."""
    count = max(10, round(10_000 * scale))
    rows = [_between("ours -> ours", OURS, lambda port, found: OURS("find", port, found), count)]
    try:
        Dcmtk().version()
        rows.append(_between("findscu -> ours", OURS, lambda port, _: _findscu(port), count))
    except Absent as reason:
        rows.append(Row("findscu -> ours", note=str(reason)))
    try:
        script = pynetdicom()
        # Fewer, because it is so much slower that nothing but the time is left to be gained.
        rows.append(
            _between("pynetdicom -> pynetdicom", script, lambda port, found: script("find", port, found), count // 5)
        )
    except Absent as reason:
        rows.append(Row("pynetdicom -> pynetdicom", note=str(reason)))
    return rows


def _between(what: str, server: Script, client: Callable[[int, int], Command], count: int) -> Row:
    with serving(server, 1) as few, serving(server, 1 + count) as many:
        (rates,) = in_turns(RUNS, lambda: per_second(client(few, 1), client(many, 1 + count), count))
    return row(what, "matches/s", rates, note=f"{count:,} matches")


def _findscu(port: int) -> Command:
    keys = [part for keyword in KEYS for part in ("-k", keyword)]
    level = ["-S", "-k", "QueryRetrieveLevel=STUDY"]
    return Command([program("findscu"), *level, *keys, "127.0.0.1", str(port)], {"TCP_NODELAY": "1"})


RUNS = 2

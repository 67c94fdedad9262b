"""How many associations a second: each connects, associates, echoes once and releases."""

from __future__ import annotations

from bench.measures.rows import Goal, Row, in_turns, ratios, row
from bench.measures.stage import OURS, Script, our_recv, per_second, pynetdicom, scratch, serving, storescp, wall
from bench.peers.base import Absent, program
from bench.processes import Command


def measure(scale: float = 1.0) -> list[Row]:
    """Ours beside pynetdicom, in turns; and each with DCMTK."""
    ours, theirs = max(5, round(500 * scale)), max(5, round(100 * scale))
    rows: list[Row] = []
    with scratch() as folder, our_recv(folder) as own:
        aio = _rates("aio-associations", own, ours)
        try:
            script = pynetdicom()
            with serving(script) as port:
                pairs = in_turns(
                    RUNS,
                    lambda: _rate(OURS, "associations", own, ours),
                    lambda: _rate(script, "associations", port, theirs),
                )
            rows += [
                row("ours, sync -> our recv", UNIT, pairs[0]),
                row("ours, aio -> our recv", UNIT, aio),
                row("pynetdicom -> pynetdicom", UNIT, pairs[1]),
                row("ours -> ours / pynetdicom -> pynetdicom", "", ratios(*pairs), goal=GOAL),
                row("pynetdicom -> our recv", UNIT, _rates("associations", own, theirs, script)),
            ]
        except Absent as reason:
            rows += [
                row("ours, sync -> our recv", UNIT, _rates("associations", own, ours)),
                row("ours, aio -> our recv", UNIT, aio),
                Row("pynetdicom -> pynetdicom", note=str(reason)),
            ]
        try:
            with storescp(folder) as port:
                rows.append(row("ours, sync -> storescp", UNIT, _rates("associations", port, ours)))
                rows += [_echoscu(to, name, scale) for to, name in ((port, "storescp"), (own, "our recv"))]
        except Absent as reason:
            rows.append(Row("DCMTK", note=str(reason)))
    return rows


def _rates(what: str, port: int, count: int, script: Script | None = None) -> list[float]:
    return in_turns(RUNS, lambda: _rate(script or OURS, what, port, count))[0]


def _rate(script: Script, what: str, port: int, count: int) -> float:
    return per_second(script(what, port, 1), script(what, port, 1 + count), count)


def _echoscu(port: int, name: str, scale: float) -> Row:
    command = Command([program("echoscu"), "127.0.0.1", str(port)], {"TCP_NODELAY": "1"})
    rates = [1 / wall(command) for _ in range(max(3, round(30 * scale)))]
    return row(f"echoscu -> {name}", UNIT, rates, note="a process for each: it has no other way")


UNIT = "associations/s"
GOAL = Goal(5.0)
RUNS = 3

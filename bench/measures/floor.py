"""How near we are to what Python can do at all: the system calls of a transfer in a bare loop, beside ours.

`programs/loop.py` says what that loop does and what it leaves out.
"""

from __future__ import annotations

import shutil
from pathlib import Path

from bench.data import CT, MF, SR, Kind
from bench.measures.rows import Goal, Row, in_turns, number, ratios, row
from bench.measures.stage import Script, files, scratch, stored
from bench.peers.base import Spot
from bench.peers.ours import Ours
from bench.processes import free_port


def measure(scale: float = 1.0) -> list[Row]:
    """Seconds of the loop over those of ours: whole processes, bare, one operation at a time."""
    rows = []
    for kind, count, goal in ((CT, 3_000, GOAL), (MF, 6, GOAL), (SR, 5_000, None)):
        with scratch() as folder:
            rows.append(_kind(folder, kind, max(1, round(count * scale)), goal))
    return rows


def _kind(folder: Path, kind: Kind, count: int, goal: Goal | None) -> Row:
    source, kept = files(folder, kind, count), folder / "kept"
    size = sum(path.stat().st_size for path in source.iterdir())
    if shutil.disk_usage(folder).free < size:
        return Row(f"the loop / ours, {kind.title}", note=f"no room for {size >> 20} MiB in {folder.parent}")

    def loop() -> float:
        port = free_port()
        return stored(LOOP("receive", port, kept), LOOP("send", port, source), port, kept, count).wall

    def ours() -> float:
        spot, peer = free_port(), Ours(bare=True)
        receiver, (sender,) = peer.receiver(Spot(spot, kept)), peer.senders(Spot(spot, source))
        return stored(receiver, sender, spot, kept, count).wall

    floor, own = in_turns(PAIRS, loop, ours)
    note = f"{count} instances, {number(min(floor))} and {number(min(own))} s at best"
    return row(f"the loop / ours, {kind.title}", "ratio", ratios(floor, own), goal=goal, note=note)


GOAL = Goal(0.8)
PAIRS = 5
LOOP = Script("loop")

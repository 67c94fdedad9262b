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
from bench.processes import Run, free_port


def measure(scale: float = 1.0) -> list[Row]:
    """The loop over ours: seconds of the senders as whole processes, bare, one operation at a time; and processor time."""
    rows = []
    for kind, count, goal in ((CT, 3_000, GOAL), (MF, 6, GOAL), (SR, 5_000, None)):
        with scratch() as folder:
            rows += _kind(folder, kind, max(1, round(count * scale)), goal)
    return rows


def _kind(folder: Path, kind: Kind, count: int, goal: Goal | None) -> list[Row]:
    what = f"the loop / ours, {kind.title}"
    source, kept = files(folder, kind, count), folder / "kept"
    size = sum(path.stat().st_size for path in source.iterdir())
    if shutil.disk_usage(folder).free < size:
        return [Row(what, note=f"no room for {size >> 20} MiB in {folder.parent}")]

    def loop() -> Run:
        port = free_port()
        return stored(LOOP("receive", port, kept), LOOP("send", port, source), port, kept, count)

    def ours() -> Run:
        port, peer = free_port(), Ours(bare=True)
        (sender,) = peer.senders(Spot(port, source))
        return stored(peer.receiver(Spot(port, kept)), sender, port, kept, count)

    floor, own = in_turns(PAIRS, loop, ours)
    walls = [[run.wall for run in runs] for runs in (floor, own)]
    cpus = [[run.cpu for run in runs] for runs in (floor, own)]
    return [
        row(f"{what}: time", "", ratios(*walls), goal=goal, note=f"{count} instances, at best {_best(walls)}"),
        row(f"{what}: processor time", "", ratios(*cpus), note=f"at best {_best(cpus)}, both sides"),
    ]


def _best(seconds: list[list[float]]) -> str:
    return " and ".join(f"{number(min(each))} s" for each in seconds)


GOAL = Goal(0.8)
PAIRS = 5
LOOP = Script("loop")

"""What it takes before anything is done: `dicomnet echo` as a whole process, beside an interpreter that does nothing."""

from __future__ import annotations

import sys

from bench.measures.rows import Goal, Row, in_turns, row
from bench.measures.stage import dicomnet, our_recv, scratch, wall
from bench.processes import Command


def measure(scale: float = 1.0) -> list[Row]:
    """In turns, because a machine is not equally fast all the time."""
    with scratch() as folder, our_recv(folder) as port:
        echo, nothing = Command([dicomnet(), "echo", f"ANY@127.0.0.1:{port}"]), Command([sys.executable, "-c", "pass"])
        wall(echo), wall(nothing)  # once, so that both are read from memory
        times = in_turns(max(3, round(PAIRS * scale)), lambda: wall(echo), lambda: wall(nothing))
    echoed, started = ([seconds * 1000 for seconds in each] for each in times)
    more = [one - other for one, other in zip(echoed, started, strict=True)]
    return [
        row("dicomnet echo", "ms", echoed),
        row("python -c pass", "ms", started),
        row("the one more than the other", "ms", more, goal=Goal(100, at_most=True)),
    ]


PAIRS = 20

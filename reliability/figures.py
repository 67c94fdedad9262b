"""What a run has counted and measured: said by the tests, printed as a table in the end."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import NamedTuple

PATH = os.environ.get("DICOMNET_FIGURES")
"""The file that figures are added to, a line each, by however many processes; without one they are not kept."""


class Figure(NamedTuple):
    """One row of the table."""

    what: str
    """What was done, with how much of it: "hostile peers, 163 cases"."""
    came_of_it: str
    """What came of it: "0 crashes, longest wait of an innocent peer 0.21 s"."""


def tell(what: str, came_of_it: str) -> None:
    """Adds a row."""
    print(f"{what}: {came_of_it}")
    if PATH is not None:
        with Path(PATH).open("a", encoding="utf-8") as file:
            file.write(json.dumps([what, came_of_it]) + "\n")


def read(path: Path) -> list[Figure]:
    """The rows of a run, in the order in which they were said."""
    return [Figure(*json.loads(line)) for line in path.read_text(encoding="utf-8").splitlines()]


def table(figures: list[Figure]) -> str:
    """As Markdown."""
    rows = [f"| {figure.what} | {figure.came_of_it} |" for figure in figures]
    return "\n".join(["| what | came of it |", "|---|---|", *rows])

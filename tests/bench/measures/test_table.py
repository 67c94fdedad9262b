"""The rows as they are printed."""

from __future__ import annotations

from rich.console import Console

from bench.measures.rows import Goal, Row
from bench.measures.table import markdown, table

ROWS = [
    Row("fast", "ms", 1.5, (1.0, 2.25), Goal(2, at_most=True)),
    Row("slow", "ms", 3.0, (3.0, 3.0), Goal(2, at_most=True)),
    Row("absent", note="DCMTK is not installed"),
]


def test_a_page_says_what_was_reached_and_why_something_is_missing() -> None:
    """A line for each row; a spread only where there is one."""
    assert markdown({"startup": ROWS}).splitlines()[-3:] == [
        "| fast | 1.5 ms (1–2.25) | ✓ <= 2 |  |",
        "| slow | 3 ms | ✗ <= 2 |  |",
        "| absent |  |  | DCMTK is not installed |",
    ]


def test_a_terminal_says_the_same() -> None:
    """All cells of the page are there."""
    console = Console(width=120)
    with console.capture() as shown:
        console.print(table("startup", ROWS))
    text = shown.get()
    for line in markdown({"startup": ROWS}).splitlines()[-3:]:
        for cell in line.strip("| ").split(" | "):
            assert cell.strip("| ") in text

"""The rows of the measures for people: in a terminal, and for a page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from rich import box
from rich.table import Table
from rich.text import Text

from bench.measures import MEASURES
from bench.measures.rows import Row, number


def table(name: str, rows: Sequence[Row]) -> Table:
    """One measure."""
    made = Table(title=title(name), title_justify="left", title_style="bold", box=box.SIMPLE_HEAD, pad_edge=False)
    for place, head in enumerate(HEAD):
        made.add_column(head, justify="right" if place in {1, 2} else "left")
    for row in rows:
        colour = {True: "green", False: "red", None: ""}[row.reached]
        what, value, goal, note = cells(row)
        made.add_row(what, Text(value, style=colour), Text(goal, style=colour), note)
    return made


def markdown(results: Mapping[str, Sequence[Row]]) -> str:
    """All measures, as they can be pasted into a page."""
    parts = []
    for name, rows in results.items():
        lines = [HEAD, ("---", "---:", "---:", "---"), *map(cells, rows)]
        parts.append(f"### {title(name)}\n\n" + "\n".join("| " + " | ".join(line) + " |" for line in lines))
    return "\n\n".join(parts) + "\n"


def cells(row: Row) -> tuple[str, str, str, str]:
    """What, its figure with the spread, its goal with the verdict, a note."""
    value = "" if row.value is None else f"{number(row.value)} {row.unit}".strip()
    spread = "" if row.spread is None or row.spread[0] == row.spread[1] else " ({}–{})".format(*map(number, row.spread))
    verdict = {True: "✓ ", False: "✗ ", None: ""}[row.reached]
    return row.what, value + spread, "" if row.goal is None else f"{verdict}{row.goal}", row.note


def title(name: str) -> str:
    """A measure in words, as a heading."""
    words = MEASURES[name]
    return words[0].upper() + words[1:]


HEAD = ("", "median (lowest–highest)", "goal", "")

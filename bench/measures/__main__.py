"""Runs the measures and prints their rows: ``python -m bench.measures [WORDS] [--scale F] [--json FILE]``."""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from importlib import import_module
from pathlib import Path

from rich.console import Console
from rich.table import Table

from bench.host import host
from bench.measures import MEASURES
from bench.measures.rows import Row, number
from bench.processes import CommandFailed


def main(arguments: Sequence[str] | None = None) -> int:
    """Returns the exit code: 1 if a measure failed. A goal that is missed is no failure, it is what one wants to know."""
    parser = argparse.ArgumentParser(prog="python -m bench.measures", description=__doc__.partition(":")[0])
    parser.add_argument("words", nargs="*", choices=[*MEASURES, []], metavar="WORDS", help=", ".join(MEASURES))
    parser.add_argument("--scale", type=float, default=1.0, metavar="F", help="so many times the usual amount")
    parser.add_argument("--json", type=Path, metavar="FILE", help="where to write the rows to, too")
    options = parser.parse_args(arguments)
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)  # an installed package has its bytecode
    console, results, failed = Console(), {}, False
    console.width = max(console.width, WIDTH)
    machine = host()
    console.print(
        f"{machine.processor}, {machine.cores} cores, {machine.system}, {machine.python}, load {machine.load:.1f}\n"
    )
    try:
        for name in options.words or MEASURES:
            began = time.monotonic()
            try:
                results[name] = import_module(f"bench.measures.{name}").measure(options.scale)
            except CommandFailed as error:
                results[name], failed = [Row(name, note=f"failed: {error}")], True
            console.print(table(name, results[name]), f"{time.monotonic() - began:.0f} s\n", sep="")
    except KeyboardInterrupt:
        failed = True
    if options.json:
        options.json.write_text(json.dumps({"host": asdict(machine), "measures": plain(results)}, indent=2) + "\n")
    return int(failed)


def table(name: str, rows: Sequence[Row]) -> Table:
    """The rows of one measure for people."""
    made = Table(title=MEASURES[name], title_justify="left", title_style="bold", expand=False)
    for title, justify in COLUMNS.items():
        made.add_column(title, justify=justify)
    for row in rows:
        value = "" if row.value is None else f"{number(row.value)} {row.unit}"
        spread = "" if row.spread is None else "{} to {}".format(*map(number, row.spread))
        goal = "" if row.goal is None else str(row.goal)
        made.add_row(row.what, value, spread, goal, VERDICTS[row.reached], row.note)
    return made


def plain(results: Mapping[str, Sequence[Row]]) -> dict[str, list[dict[str, object]]]:
    """The rows of all measures for machines."""
    return {name: [row.plain() for row in rows] for name, rows in results.items()}


COLUMNS = {"what": "left", "median": "right", "spread": "right", "goal": "right", "": "left", "note": "left"}
WIDTH = 120
"""Columns, also where nobody says how many there are."""

VERDICTS = {True: "[green]reached[/]", False: "[red]missed[/]", None: ""}

if __name__ == "__main__":
    sys.exit(main())

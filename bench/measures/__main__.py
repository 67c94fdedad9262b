"""python -m bench.measures: what the table of throughput does not say, measured here and now."""

from __future__ import annotations

import argparse
import json
import os
import signal
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict
from importlib import import_module
from pathlib import Path

from rich.console import Console

from bench.host import host
from bench.measures import MEASURES
from bench.measures.rows import Row
from bench.measures.table import markdown, table
from bench.processes import CommandFailed


def main(arguments: Sequence[str] | None = None) -> int:
    """Exits with 0 if every measure went well, goals reached or not, and with 130 after Ctrl-C."""
    options = _options(arguments)
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)  # an installed package has its bytecode
    machine, console = host(), Console()
    console.width = max(console.width, _WIDTH)
    console.print(
        f"{machine.cores} cores ({machine.processor}), {machine.system}, {machine.python}; load {machine.load:.1f}\n"
    )
    results: dict[str, list[Row]] = {}
    code = 0
    try:
        for name in options.words or MEASURES:
            began = time.monotonic()
            try:
                results[name] = import_module(f"bench.measures.{name}").measure(options.scale)
            except CommandFailed as error:
                results[name], code = [Row(name, note=f"failed: {error}")], 1
            console.print(table(name, results[name]), f"{time.monotonic() - began:.0f} s\n")
    except KeyboardInterrupt:
        console.print("It was interrupted: this is what was measured until then.")
        code = 130
    if options.json:
        measured = {name: [row.plain() for row in rows] for name, rows in results.items()}
        options.json.write_text(json.dumps({"host": asdict(machine), "measures": measured}, indent=1) + "\n")
    if options.markdown:
        options.markdown.write_text(markdown(results))
    return code


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    about = "; ".join(f"{name}: {what}" for name, what in MEASURES.items())
    parser = argparse.ArgumentParser(prog="python -m bench.measures", epilog=about)
    parser.add_argument("words", nargs="*", metavar="WORD", help="which to run (all)")
    parser.add_argument("--scale", type=float, default=1.0, metavar="F", help="so many times the usual amount (1)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="everything, for machines")
    parser.add_argument("--markdown", type=Path, metavar="FILE", help="the tables, for a page")
    options = parser.parse_args(arguments)
    for word in options.words:
        if word not in MEASURES:
            parser.error(f"{word!r} is no measure; there are {', '.join(MEASURES)}")
    return options


_WIDTH = 110  # characters of a line where nobody says how long one may be

if __name__ == "__main__":
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    sys.exit(main())

"""python -m bench: how we do beside peers, measured here and now."""

from __future__ import annotations

import argparse
import json
import signal
import sys
from importlib.util import find_spec
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from bench import host
from bench.cases import Case, cases
from bench.plot import plot
from bench.record import record
from bench.run import Bench
from bench.stage import Stage
from bench.table import markdown, show


def main() -> int:
    """Exits with 0 if every run went well, with 130 after Ctrl-C, which prints what was measured until then."""
    options = _options()
    chosen = [case for case in cases() if _matches(case, options.only)]
    if not chosen:
        sys.exit(f"no case has all of these words: {' '.join(options.only)}")
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    console, here = Console(), host.host()
    interrupted = False
    with Stage() as stage:
        disks = [host.disk(folder) for folder in dict.fromkeys([stage.fast, stage.disk])]
        bench = Bench(chosen, stage, pairs=options.pairs, scale=options.scale)
        try:
            _run(bench)
        except KeyboardInterrupt:
            interrupted = True
            bench.remarks.append("It was interrupted: this is what was measured until then.")
    if options.json:
        options.json.write_text(json.dumps(record(bench, here, disks), indent=1, ensure_ascii=False) + "\n")
    if options.markdown:
        options.markdown.write_text(markdown(bench, here, disks))
    if options.plot:
        plot(bench.results, options.plot)
    show(bench, here, disks, console if console.is_terminal else Console(width=_WIDTH))
    if interrupted:
        return 130
    return 1 if any(result.trouble for result in bench.results) else 0


def _run(bench: Bench) -> None:
    columns = [
        BarColumn(),
        TextColumn("{task.percentage:>3.0f} %"),
        TimeElapsedColumn(),
        TextColumn("{task.description}"),
    ]
    console = Console(stderr=True)
    # Drawn between the runs only: nothing of ours is at work while something is measured.
    with Progress(*columns, console=console, auto_refresh=False, transient=True) as progress:
        task = progress.add_task("", total=1)

        def tell(what: str, done: float) -> None:
            progress.update(task, description=what, completed=done, refresh=console.is_terminal)

        bench.run(tell)


def _matches(case: Case, words: list[str]) -> bool:
    return all(word.lower() in case.words for word in words)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench", description=_ABOUT)
    parser.add_argument(
        "--only", nargs="+", default=[], metavar="WORD", help="cases with all of these words, peers' too"
    )
    parser.add_argument("--pairs", type=_positive, default=5, metavar="N", help="runs of each (5)")
    parser.add_argument("--scale", type=float, default=1.0, metavar="F", help="how much of the sets to send (1)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="everything, for machines")
    parser.add_argument("--markdown", type=Path, metavar="FILE", help="the tables, for a page")
    parser.add_argument("--plot", type=Path, metavar="FILE", help="a picture: SVG or PNG, by its suffix")
    options = parser.parse_args()
    if options.plot and options.plot.suffix not in {".svg", ".png"}:
        parser.error("a picture is SVG or PNG, and its name says which")
    if options.plot and find_spec("matplotlib") is None:
        parser.error("a picture needs matplotlib: pip install 'dicomnet[bench]'")
    return options


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError("at least 1")
    return number


_ABOUT = "Runs our commands and those of the peers that are installed in turn, and prints how we do beside them."

_WIDTH = 110  # characters of a line where nobody says how long one may be

if __name__ == "__main__":
    sys.exit(main())

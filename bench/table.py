"""The results for people: what they were measured on, the ratios at a glance, and the figures behind them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from rich import box
from rich.console import Console, RenderableType
from rich.table import Table
from rich.text import Text

from bench import data
from bench.host import Disk, Host
from bench.results import Result
from bench.run import Bench


@dataclass(frozen=True, slots=True)
class Grid:
    """A table before it has a form."""

    title: str
    head: Sequence[str]
    rows: dict[str, list[list[str]]]
    """In sections, which have names."""


def show(bench: Bench, host: Host, disks: Sequence[Disk], console: Console) -> None:
    """Prints everything to a terminal."""
    for grid in [*ratios(bench.results), *figures(bench.results)]:
        console.print(_rich(grid))
    for line in notes(bench, host, disks):
        console.print(Text(f"- {line}", style="dim"))
    for line in troubles(bench.results):
        console.print(Text(f"✗ {line}", style="bold red"))


def markdown(bench: Bench, host: Host, disks: Sequence[Disk]) -> str:
    """Everything as it can be pasted into a page."""
    grids = [_markdown(grid) for grid in [*ratios(bench.results), *figures(bench.results)]]
    lines = [f"- {line}" for line in [*notes(bench, host, disks), *troubles(bench.results)]]
    return "\n\n".join([*grids, "\n".join(lines)]) + "\n"


def ratios(results: Sequence[Result]) -> list[Grid]:
    """The peer's wall time over ours: a table for each place, a row for each case, a column for each set."""
    grids = []
    for title in dict.fromkeys(result.case.table for result in results):
        here = [result for result in results if result.case.table == title]
        kinds = [kind for kind in data.KINDS.values() if any(result.kind is kind for result in here)]
        sections: dict[str, list[list[str]]] = {}
        for case in dict.fromkeys(result.case for result in here):
            row = {result.kind.key: result for result in here if result.case is case}
            sections.setdefault(case.against, []).append([case.title, *(_ratio(row.get(kind.key)) for kind in kinds)])
        grids.append(Grid(title, ["peer's time / ours", *(kind.title for kind in kinds)], sections))
    return grids


def figures(results: Sequence[Result]) -> list[Grid]:
    """How many, how fast, and what it took: a table for each place and set."""
    grids: dict[tuple[str, str], Grid] = {}
    order = list(data.KINDS.values())
    for result in sorted(results, key=lambda result: order.index(result.kind)):
        ours, theirs = result.side(result.ours), result.side(result.theirs)
        if ours is None or theirs is None:
            continue
        title = f"{result.kind.title}: {result.case.table[0].lower()}{result.case.table[1:]}"
        rate = "MB/s" if result.kind.frames else "instances/s"
        head = ["ours / peer's", "sent", rate, "CPU s/GB", "MB sender", "MB receiver"]
        grid = grids.setdefault((result.case.table, result.kind.key), Grid(title, head, defaultdict(list)))
        rates = (ours.rate / 1e6, theirs.rate / 1e6) if result.kind.frames else (ours.instances, theirs.instances)
        cells = [
            _pair(*rates, ",.0f"),
            _pair(ours.cpu, theirs.cpu, ".2f"),
            _pair(ours.sender_peak / 1e6, theirs.sender_peak / 1e6, ",.0f"),
            _pair(ours.receiver_peak / 1e6, theirs.receiver_peak / 1e6, ",.0f"),
        ]
        grid.rows[result.case.against].append([result.case.title, f"{result.count:,}", *cells])
    return list(grids.values())


def notes(bench: Bench, host: Host, disks: Sequence[Disk]) -> list[str]:
    """What the reader has to know to believe it, or to get the same."""
    machine = f"{host.cores} cores ({host.processor}), {host.memory / 2**30:.0f} GiB, {host.system}, {host.python}"
    lines = [
        f"Measured on {machine}; load {host.load:.1f} before it began.",
        *(f"{disk.kind}: {disk.syncs:,.0f} files of 4 KiB written and synced in a second." for disk in disks),
        _METHOD.format(pairs=bench.pairs),
        _MEMORY.format(floor=bench.floor / 1e6),
        _LOOKED,
    ]
    if bench.scale < 1:
        lines.append(f"{bench.scale:.3g} of the whole sets: start-up weighs more than the goals allow for.")
    lines += [f"{name} {version}: {bench.settings[name]}." for name, version in bench.versions.items()]
    if bench.ciphers:
        agreed = "; ".join(f"{name} {cipher}" for name, cipher in bench.ciphers.items())
        lines.append(f"TLS, without client certificates: {agreed}.")
    lines += [f"Not measured: {name}, because {reason}." for name, reason in bench.absent.items()]
    return lines + bench.remarks


def troubles(results: Iterable[Result]) -> list[str]:
    """What went wrong, and where."""
    return [
        f"{result.case.title}, {result.case.against}, {result.kind.title}: {result.trouble}"
        for result in results
        if result.trouble
    ]


def _ratio(result: Result | None) -> str:
    if result is None:
        return ""
    if result.ratio is None:
        return "failed" if result.trouble else "–"
    ratio = result.ratio
    goal = "" if result.goal is None else f" {'✓' if result.reached else '✗'} {result.goal:g}"
    return f"{_short(ratio.median)} ({_short(ratio.low)}–{_short(ratio.high)}){goal}" + " failed" * bool(result.trouble)


def _short(ratio: float) -> str:
    return f"{ratio:.2f}" if ratio < 9.995 else f"{ratio:.0f}"


def _pair(one: float, other: float, form: str) -> str:
    return f"{one:{form}} / {other:{form}}"


def _rich(grid: Grid) -> RenderableType:
    table = Table(title=grid.title, title_justify="left", title_style="bold", box=box.SIMPLE_HEAD, pad_edge=False)
    for number, name in enumerate(grid.head):
        table.add_column(name, justify="right" if number else "left")
    for section, rows in grid.rows.items():
        table.add_row(Text(section, style="italic"))
        for name, *cells in rows:
            table.add_row(f"  {name}", *(_coloured(cell) for cell in cells))
    return table


def _coloured(cell: str) -> Text:
    return Text(cell, style="green" if "✓" in cell else "red" if "✗" in cell or "failed" in cell else "")


def _markdown(grid: Grid) -> str:
    lines: list[Sequence[str]] = [grid.head, ["---", *["---:"] * (len(grid.head) - 1)]]
    for section, rows in grid.rows.items():
        lines += [[f"*{section}*", *[""] * (len(grid.head) - 1)], *rows]
    return f"### {grid.title}\n\n" + "\n".join("| " + " | ".join(line) + " |" for line in lines)


_METHOD = (
    "Whole processes with start-up, sender and receiver on this machine, in turn the peer and each of ours, {pairs} times: the "
    "median of the peer's wall time over ours (lowest–highest); ✓ or ✗: whether it reaches the goal."
)
_MEMORY = (
    "Memory is what the largest process of a command had at most, added up for several senders; less than {floor:.0f} MB "
    "cannot be told. A MB are 10^6 bytes."
)
_LOOKED = (
    "After each run the receiver was looked into: it held every instance that was sent, and no other (with --ignore the "
    "sender's word has to do)."
)

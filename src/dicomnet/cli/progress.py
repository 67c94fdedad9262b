"""How far a command is: a bar on a terminal, nothing elsewhere; and lines that do not get in its way."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Protocol

import click

from dicomnet.cli.wording import count_of
from dicomnet.types import printable

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID


class Display(Protocol):
    """Where a person sees how far it is; used by one thread at a time."""

    def say(self, text: str) -> None:
        """A line on stderr; paths and what a peer has said may be in it as they are."""

    def moved(self, instances: int, count: int) -> None:
        """So many instances are done, and so many bytes have moved, since it began."""


class Plain:
    """No terminal: lines alone, for a log file needs no bar."""

    def say(self, text: str) -> None:
        click.echo(printable(text), err=True)

    def moved(self, instances: int, count: int) -> None:
        """Not told."""


def is_shown() -> bool:
    """Whether there is a terminal to show a bar on."""
    return sys.stderr.isatty()


@contextmanager
def shown(instances: int | None, count: int | None) -> Iterator[Display]:
    """Shows a bar until the block ends, if stderr is a terminal.

    Args:
        instances: how many there are, None if nobody knows.
        count: their bytes, None if nobody knows.
    """
    if not is_shown():
        yield Plain()
        return
    from rich import progress
    from rich.console import Console

    if count is None:
        columns: tuple[progress.ProgressColumn, ...] = (
            progress.SpinnerColumn(),
            progress.TextColumn("{task.fields[done]}"),
            progress.FileSizeColumn(),
            progress.TransferSpeedColumn(),
            progress.TimeElapsedColumn(),
        )
    else:
        columns = (
            progress.TextColumn("{task.fields[done]}"),
            progress.BarColumn(),
            progress.DownloadColumn(),
            progress.TransferSpeedColumn(),
            progress.TimeRemainingColumn(),
        )
    with progress.Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        yield _Bar(bar, bar.add_task("", total=count, done=_done(0, instances)), instances)


class _Bar:
    """A terminal: a bar below what is said."""

    def __init__(self, bar: Progress, task: TaskID, instances: int | None) -> None:
        self._bar = bar
        self._task = task
        self._instances = instances

    def say(self, text: str) -> None:
        self._bar.console.print(printable(text), markup=False, highlight=False, soft_wrap=True)

    def moved(self, instances: int, count: int) -> None:
        self._bar.update(self._task, completed=count, done=_done(instances, self._instances))


def _done(instances: int, of: int | None) -> str:
    return count_of(instances, "instance") if of is None else f"{instances}/{of} files"

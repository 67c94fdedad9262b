"""How often a second something is done, by each of several requestors with each of several acceptors."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass, field
from pathlib import Path

from bench.measures.rows import Row, row
from bench.measures.stage import our_recv, per_second, pynetdicom, scratch, serving, storescp
from bench.peers.base import Absent
from bench.processes import Command, CommandFailed


@dataclass(frozen=True, slots=True)
class Requestor:
    """A program that does something so many times."""

    name: str
    count: int
    """Times in a run: it should take a second or so."""
    command: Callable[[int, int], Command]
    """Given a port and how many times."""
    acceptors: tuple[str, ...]
    """Whom it is measured with: keys of what `rates` starts."""
    note: str = ""


@dataclass(slots=True)
class Rate:
    """What came of one requestor with one acceptor."""

    what: str
    note: str
    values: list[float] = field(default_factory=list)
    """Times a second, in the order of the turns."""
    failures: list[str] = field(default_factory=list)

    def row(self, unit: str) -> Row:
        note = self.note
        if self.failures:
            note = f"{note} {len(self.failures)} runs failed: {self.failures[-1]}".strip()
        return row(self.what, unit, self.values, note=note) if self.values else Row(self.what, note=note)


def rates(requestors: Iterable[Requestor], scale: float) -> dict[str, Rate]:
    """All of them in turns, with names as "requestor -> acceptor"."""
    found: dict[str, Rate] = {}
    with scratch() as folder, ExitStack() as stack:
        ports: dict[str, int | str] = {}
        for name, acceptor in _acceptors(folder).items():
            try:
                ports[name] = stack.enter_context(acceptor())
            except Absent as reason:
                ports[name] = str(reason)
        for _ in range(RUNS):
            for requestor in requestors:
                for name in requestor.acceptors:
                    what = f"{requestor.name} -> {name}"
                    _run(requestor, ports[name], scale, found.setdefault(what, Rate(what, requestor.note)))
    return found


def _run(requestor: Requestor, port: int | str, scale: float, rate: Rate) -> None:
    if isinstance(port, str):
        rate.note = port
        return
    more = max(5, round(requestor.count * scale))
    for _ in range(ATTEMPTS):
        try:
            rate.values.append(per_second(requestor.command(port, 1), requestor.command(port, 1 + more), more))
            return
        except Absent as reason:
            rate.note = str(reason)
            return
        except CommandFailed as error:
            rate.failures.append(str(error))


def _acceptors(folder: Path) -> dict[str, Callable[[], AbstractContextManager[int]]]:
    return {
        "our recv": lambda: our_recv(folder),
        "storescp": lambda: storescp(folder),
        "pynetdicom": lambda: serving(pynetdicom()),
    }


RUNS = 3

ATTEMPTS = 2
"""In each turn: pynetdicom misses a response now and then, whoever answers."""

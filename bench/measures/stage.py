"""What several measures need: a folder in memory, our own programs, and whole processes in the plainest way."""

from __future__ import annotations

import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bench.data import Kind, generate
from bench.host import memory_folder
from bench.peers.base import Spot, program
from bench.peers.dcmtk import Dcmtk
from bench.peers.ours import Ours
from bench.peers.pynetdicom import Pynetdicom
from bench.processes import Command, CommandFailed, Process, Run, Usage, free_port, listening, transfer


@contextmanager
def scratch() -> Iterator[Path]:
    """A folder that goes away with all that is in it; in memory where the system offers that, so that no disk is measured."""
    with tempfile.TemporaryDirectory(prefix="bench-", dir=memory_folder()) as name:
        yield Path(name)


def files(folder: Path, kind: Kind, count: int) -> Path:
    """A folder with so many instances of a kind; made when it is asked for first."""
    made = folder / f"{kind.key}-{count}"
    if not made.exists():
        generate(kind, count, made)
    return made


def run(command: Command, *, timeout: float = 600) -> Usage:
    """Runs a command to its end.

    Raises:
        CommandFailed: it did not exit with 0.
    """
    with Process(command) as process:
        process.go()
        usage = process.wait(timeout)
        if usage.status:
            raise CommandFailed(f"{Path(command.argv[0]).name} ended with {usage.status}: {process.errors()}")
        return usage


def wall(command: Command) -> float:
    """Seconds that a command takes, from its spawn to its exit."""
    usage = run(command)
    return usage.ended - usage.began


def per_second(few: Command, many: Command, difference: int) -> float:
    """How often a second a command does what it does, its start left out: two runs that differ in how often alone."""
    short, long = wall(few), wall(many)
    if long <= short:
        raise CommandFailed(f"{difference} more took no longer: something else kept this machine busy")
    return difference / (long - short)


@contextmanager
def our_recv(folder: Path) -> Iterator[int]:
    """`dicomnet recv`, bare."""
    port = free_port()
    with listening(Ours(bare=True).receiver(Spot(port, folder)), port):
        yield port


@contextmanager
def storescp(folder: Path) -> Iterator[int]:
    """DCMTK's, at its best.

    Raises:
        Absent: it is not installed.
    """
    Dcmtk().version()
    port = free_port()
    with listening(Dcmtk().receiver(Spot(port, folder)), port):
        yield port


@contextmanager
def serving(script: Script, count: int = 1) -> Iterator[int]:
    """One of our programs that answers queries with so many matches."""
    port = free_port()
    with listening(script("serve", port, count), port):
        yield port


def stored(receiver: Command, sender: Command, port: int, kept: Path, count: int) -> Run:
    """One transfer into an empty folder, which is looked at and emptied afterwards.

    Raises:
        CommandFailed: not all has arrived, among other reasons.
    """
    kept.mkdir(exist_ok=True)
    result = transfer(receiver, [sender], port)
    found = sum(1 for path in kept.rglob("*") if path.is_file())
    shutil.rmtree(kept)
    if found != count:
        raise CommandFailed(f"{found} of {count} instances arrived")
    return result


class Script:
    """One of the programs of this package.

    Args:
        name: of the file in `programs`.
        python: the interpreter to run it with; ours, if none is given.
    """

    def __init__(self, name: str, python: str = sys.executable) -> None:
        self._start = [python, str(Path(__file__).with_name("programs") / f"{name}.py")]

    def __call__(self, *arguments: object) -> Command:
        return Command([*self._start, *map(str, arguments)])


def pynetdicom() -> Script:
    """pynetdicom's program, in the environment that has it.

    Raises:
        Absent: there is none.
    """
    peer = Pynetdicom()
    peer.version()
    return Script("pynet", peer.receiver(Spot(0, Path())).argv[0])


def dicomnet() -> str:
    """The command, as it is installed beside this interpreter."""
    return program("dicomnet", Path(sys.executable).parent)


OURS = Script("ours")

"""Commands as whole processes: started together, watched, and ended whatever happens."""

from __future__ import annotations

import os
import select
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Self


@dataclass(frozen=True, slots=True)
class Command:
    """A program and its arguments, with what it needs in its environment."""

    argv: Sequence[str]
    environment: dict[str, str] = field(default_factory=dict)
    folder: Path | None = None
    """Where it is run."""


@dataclass(frozen=True, slots=True)
class Usage:
    """What a command took, its children included."""

    began: float
    ended: float
    """Monotonic seconds, from the spawn to the exit."""
    cpu: float
    """Seconds, user and system."""
    peak: int
    """Bytes of memory its largest process had at most."""
    status: int
    """Of the exit; the negative number of a signal that ended it."""


class CommandFailed(Exception):
    """A command that could not be started, ended badly or did not end."""


class Process:
    """One command, which does not outlive the ``with`` block.

    It waits for ``go``, so that several can be started at the same moment.
    """

    def __init__(self, command: Command) -> None:
        self.command = command
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115  closed with the block
        self._launcher = subprocess.Popen(
            [sys.executable, "-I", "-S", str(_LAUNCHER), *command.argv],
            env=_environment() | command.environment,
            cwd=command.folder,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            bufsize=0,
            start_new_session=True,  # Ctrl-C is for us alone: we end it
        )
        assert self._launcher.stdin is not None
        assert self._launcher.stdout is not None
        self._orders, self._answers = self._launcher.stdin, self._launcher.stdout
        self._usage: Usage | None = None
        self._line(_PATIENCE)

    def go(self) -> None:
        """Starts the command."""
        self._say(b"go\n")

    def wait(self, timeout: float) -> Usage:
        """Waits for the command to end.

        Args:
            timeout: seconds.

        Raises:
            CommandFailed: it has not ended by then, or it could not be started.
        """
        if self._usage is None:
            numbers = self._line(timeout).split()
            if len(numbers) != 5:
                raise CommandFailed(f"{self._name} could not be run: {self.errors()}")
            began, ended, cpu = map(float, numbers[:3])
            self._usage = Usage(began, ended, cpu, int(numbers[3]) * 1024, int(numbers[4]))
        return self._usage

    def stop(self) -> Usage:
        """Asks the command to end, by SIGTERM, and waits until it has."""
        self._say(b"stop\n")
        return self.wait(_PATIENCE)

    @property
    def child(self) -> int:
        """The process ID of the command while it runs; Linux only."""
        launcher = self._launcher.pid
        return int(Path(f"/proc/{launcher}/task/{launcher}/children").read_text().split()[0])

    def over(self) -> bool:
        """Whether the command has ended by itself."""
        return self._usage is not None or bool(select.select([self._answers], [], [], 0)[0])

    def errors(self) -> str:
        """The end of what it wrote to its standard error."""
        size = self._errors.seek(0, os.SEEK_END)
        self._errors.seek(max(0, size - 2000))
        return self._errors.read().decode(errors="replace").strip() or "it said nothing"

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._orders.close()
        self._launcher.wait()
        self._answers.close()
        self._errors.close()

    @property
    def _name(self) -> str:
        return Path(self.command.argv[0]).name

    def _say(self, line: bytes) -> None:
        try:
            self._orders.write(line)
        except BrokenPipeError:
            raise CommandFailed(f"{self._name} could not be run: {self.errors()}") from None

    def _line(self, timeout: float) -> str:
        if not select.select([self._answers], [], [], timeout)[0]:
            raise CommandFailed(f"{self._name} has not ended within {timeout:.0f} s: {self.errors()}")
        return self._answers.readline().decode()


@dataclass(frozen=True, slots=True)
class Run:
    """What one transfer took."""

    wall: float
    """Seconds from the spawn of the first sender to the exit of the last."""
    senders: Sequence[Usage]
    receiver: Usage

    @property
    def cpu(self) -> float:
        """CPU seconds of both sides."""
        return sum(usage.cpu for usage in self.senders) + self.receiver.cpu

    @property
    def peaks(self) -> tuple[int, int]:
        """Bytes of memory: of the senders together, and of the receiver."""
        return sum(usage.peak for usage in self.senders), self.receiver.peak


def transfer(receiver: Command, senders: Sequence[Command], port: int, *, timeout: float = 600) -> Run:
    """Starts a receiver, waits until it listens, runs the senders side by side, and ends the receiver.

    Args:
        port: where the receiver is going to listen.
        timeout: seconds for the senders.

    Raises:
        CommandFailed: a sender did not exit with 0, or anything else went wrong.
    """
    with ExitStack() as stack:
        listener = stack.enter_context(listening(receiver, port))
        processes = [stack.enter_context(Process(command)) for command in senders]
        for process in processes:
            process.go()
        usages = [process.wait(timeout) for process in processes]
        for process, usage in zip(processes, usages, strict=True):
            if usage.status:
                name = Path(process.command.argv[0]).name
                raise CommandFailed(f"{name} ended with {usage.status}: {process.errors()}")
        wall = max(usage.ended for usage in usages) - min(usage.began for usage in usages)
        return Run(wall, usages, listener.stop())


def listening(command: Command, port: int, *, timeout: float = 60) -> Process:
    """Starts a command and returns when it listens.

    Args:
        timeout: seconds it may take.

    Raises:
        CommandFailed: it ended instead, or does not listen in time.
    """
    process = Process(command)
    try:
        process.go()
        until = time.monotonic() + timeout
        while not listens(port):
            if process.over():
                usage = process.wait(0)
                raise CommandFailed(f"{process._name} ended with {usage.status} unasked: {process.errors()}")
            if time.monotonic() > until:
                raise CommandFailed(f"{process._name} does not listen after {timeout:.0f} s: {process.errors()}")
            time.sleep(_GLANCE)
    except BaseException:
        process.__exit__(None, None, None)
        raise
    return process


def listens(port: int) -> bool:
    """Whether somebody listens at a port of this machine; asked of the kernel where possible, which disturbs nobody."""
    tables = [table for table in _TABLES if table.exists()]
    if not tables:
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", port)) == 0
    lines = (line.split() for table in tables for line in table.read_text().splitlines()[1:])
    return any(fields[3] == _LISTEN and int(fields[1].rpartition(":")[2], 16) == port for fields in lines)


def free_port() -> int:
    """A port at which nobody listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def least_peak() -> int:
    """The bytes of memory that a program is said to have used which uses next to none."""
    with Process(Command([sys.executable, "-I", "-S", "-c", ""])) as process:
        process.go()
        return process.wait(_PATIENCE).peak


def _environment() -> dict[str, str]:
    """Ours, but Python programs may keep their bytecode, as installed ones have it."""
    return {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}


_LAUNCHER = Path(__file__).with_name("launcher.py")
_TABLES = (Path("/proc/net/tcp"), Path("/proc/net/tcp6"))
_LISTEN = "0A"
_GLANCE = 0.01  # seconds between two looks at whether somebody listens
_PATIENCE = 20.0  # seconds for what takes a blink: a launcher to be ready, a receiver to end

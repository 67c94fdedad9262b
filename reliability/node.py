"""A receiver in a process of its own, seen from outside: its port, its log, what it holds."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from itertools import count
from pathlib import Path
from types import TracebackType
from typing import NamedTuple, Self

import dicomnet
from dicomnet import sync

SOURCE = str(Path(dicomnet.__file__).parent.parent)

PATIENCE = 30.0
"""Seconds that tell what hangs from what is slow."""


_RECV = ("--port", "0", "--host", "127.0.0.1")

_NUMBERS = count()


class Holdings(NamedTuple):
    """What a process has from the system."""

    memory: int
    """Bytes in main memory."""
    most_memory: int
    """The most that it ever had, in bytes."""
    threads: int
    descriptors: int
    seconds: float
    """Of processor time that it has used."""


class Node:
    """``dicomnet recv`` on a port of its own, or another program that says ``listening on ...:PORT``.

    Args:
        folder: where it keeps what it receives; its log is a file beside it.
        options: more of its command line.
        title: the only one that it answers to.
        program: what to run in place of ``dicomnet recv``: the arguments of Python.
        environment: what it runs in, if not ours.
    """

    def __init__(
        self,
        folder: Path,
        *options: str,
        title: str | None = None,
        program: Sequence[str] | None = None,
        environment: dict[str, str] | None = None,
        pass_fds: Sequence[int] = (),
    ) -> None:
        self.folder = folder
        self.title = title or "ANY"
        self.port = 0
        command = program or (
            "-m",
            "dicomnet",
            "recv",
            *_RECV,
            "--output",
            str(folder),
            *(("--aet", title) if title else ()),
            *options,
        )
        self._log = folder.with_name(f"{folder.name}-{next(_NUMBERS)}.log")
        with self._log.open("w") as log:
            self.process = subprocess.Popen(
                [sys.executable, *command],
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                env=(environment or dict(os.environ)) | {"PYTHONPATH": SOURCE},
                pass_fds=pass_fds,
            )
        try:
            self.port = self._read_port()
        except BaseException:
            self.stop(signal.SIGKILL)
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.stop(signal.SIGKILL if error is not None else signal.SIGTERM)

    @property
    def address(self) -> str:
        """For an association with it."""
        return f"{self.title}@127.0.0.1:{self.port}"

    @property
    def log(self) -> str:
        """All that it has written to its standard error, so far or in its life."""
        return self._log.read_text(errors="replace")

    def stop(self, number: int = signal.SIGTERM) -> int:
        """Sends a signal and waits for the end; returns the exit code. May be called more than once."""
        if self.process.poll() is None:
            self.process.send_signal(number)
        assert self.process.stdout is not None
        try:
            return self.process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise
        finally:
            self.process.stdout.close()

    def holdings(self) -> Holdings:
        """What it holds now; Linux only."""
        place = Path("/proc", str(self.process.pid))
        status = dict(re.findall(r"(\w+):\s+(\d+)", (place / "status").read_text()))
        ticks = (place / "stat").read_text().rpartition(")")[2].split()[11:13]
        return Holdings(
            memory=int(status["VmRSS"]) * 1024,
            most_memory=int(status["VmHWM"]) * 1024,
            threads=int(status["Threads"]),
            descriptors=sum(1 for _ in (place / "fd").iterdir()),
            seconds=sum(map(int, ticks)) / 100,
        )

    def echo(self) -> float:
        """Opens an association, echoes and releases; returns the seconds that it took."""
        began = time.perf_counter()
        with sync.associate(self.address, contexts=["verification"]) as association:
            assert association.echo() == 0
        return time.perf_counter() - began

    def _read_port(self) -> int:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            if (found := re.search(r"listening on \S*:(\d+)", line)) is not None:
                return int(found[1])
        raise AssertionError(f"it does not listen: {self.log}")


class Innocent:
    """A second peer that echoes all the time, each on an association of its own, and remembers its longest wait."""

    def __init__(self, node: Node) -> None:
        self.longest = 0.0
        """Seconds."""
        self.count = 0
        self.failure: Exception | None = None
        self._node = node
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._echo, name="innocent")

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._over.set()
        self._thread.join()
        if self.failure is not None and error is None:
            raise self.failure

    def wait(self, *, forever: bool = False) -> None:
        """Waits for its next echo, or until it has failed; forever: only for that."""
        before = self.count
        while self._thread.is_alive() and (forever or self.count == before):
            self._thread.join(0.005)

    def _echo(self) -> None:
        try:
            while not self._over.wait(0.02):
                self.longest = max(self.longest, self._node.echo())
                self.count += 1
        except Exception as error:  # noqa: BLE001 (raised again at the end)
            self.failure = error

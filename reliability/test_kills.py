"""Receivers that are killed, at any moment and at every single step: what they have acknowledged is there."""

from __future__ import annotations

import json
import os
import shutil
import signal
import statistics
import subprocess
import sys
import threading
import time
from itertools import count
from pathlib import Path
from random import Random
from typing import Any, NamedTuple

import pytest

from dicomnet import sync
from dicomnet.cli._certificate import self_signed
from dicomnet.storage.folder import Folder
from dicomnet.tls import TlsConfig
from reliability import figures, scale
from reliability.ledger import Ledger
from reliability.node import PATIENCE, Node
from reliability.programs import ENVIRONMENT, HIDDEN_NAMES, RECV, recv
from reliability.sending import Senders, Study
from reliability.steps import KINDS, LAYOUTS, READY, problems_of


class Way(NamedTuple):
    """How a receiver is run and stored to."""

    window: int = 1
    workers: int = 1
    layout: str | None = None
    hidden: bool = False
    tls: bool = False

    def __str__(self) -> str:
        more = ("folders", self.layout), ("hidden names", self.hidden), ("TLS", self.tls)
        return ", ".join([f"window {self.window}, workers {self.workers}", *(name for name, there in more if there)])


WAYS = (
    Way(),
    Way(window=8, workers=2),
    Way(window=8, layout="{StudyInstanceUID}/{Modality}/{instance}.dcm"),
    Way(window=8, hidden=True),
    Way(workers=2, hidden=True),
    Way(window=8, tls=True),
)


@pytest.mark.parametrize("kind", KINDS)
def test_death_at_every_call_of_the_disk(kind: str, memory: Path) -> None:
    """Before it, behind it, and in the middle of a write: each is tried, through the seam."""
    run = subprocess.run(
        [sys.executable, "-m", "reliability.steps", str(memory / "kept"), kind],
        env=ENVIRONMENT,
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    died, problems = json.loads(run.stdout)
    assert problems == []
    assert died > 50
    figures.tell(f"killed at every call of a disk, {kind}: {died} times", "0 lost, 0 torn, 0 left")


@pytest.mark.skipif(not scale.WHOLE, reason="the long form")
@pytest.mark.skipif(shutil.which("strace") is None, reason="needs strace")
@pytest.mark.parametrize("kind", KINDS)
def test_death_at_every_system_call(kind: str, memory: Path) -> None:
    """The same from outside: nothing that touches a file bypasses the seam unseen."""
    died, problems = {}, []
    for call in CALLS:
        for number in count(1):
            shutil.rmtree(memory / "kept", ignore_errors=True)
            code, acknowledged = _traced(memory / "kept", kind, call, number)
            problems += [
                f"{one} (at {call} {number})" for one in problems_of(memory / "kept", LAYOUTS[-1], acknowledged)
            ]
            if code == 0:
                break
            assert code == -signal.SIGKILL
            died[call] = number
    assert problems == []
    assert {"openat", "writev", "fsync", "close"} < died.keys()
    figures.tell(f"killed at every system call, {kind}: {sum(died.values())} times", "0 lost, 0 torn, 0 left")


def _traced(folder: Path, kind: str, call: str, number: int) -> tuple[int, int]:
    """One life that ends at this system call, or does not: its exit code, and how many stores it has acknowledged."""
    with subprocess.Popen(
        [sys.executable, "-m", "reliability.steps", str(folder), kind, "once"],
        env=ENVIRONMENT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        assert process.stdout.read(1) == READY
        which = ["-e", f"trace={call}", "-e", f"inject={call}:signal=KILL:when={number}"]
        with subprocess.Popen(["strace", "-qq", "-o", "/dev/null", *which, "-p", str(process.pid)]) as tracer:
            status = Path("/proc", str(process.pid), "status")
            deadline = time.monotonic() + PATIENCE
            while f"TracerPid:\t{tracer.pid}\n" not in status.read_text():
                assert time.monotonic() < deadline, "nobody traces it"
            process.stdin.write(b"\n")
            process.stdin.flush()
            acknowledged = len(process.stdout.read())
    return process.returncode, acknowledged


@pytest.mark.parametrize("way", WAYS if scale.WHOLE else WAYS[1:4:2], ids=str)
def test_killed_while_four_peers_store(way: Way, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    """At any moment, and every fifth time while it starts: it serves again, and all that was acknowledged is there."""
    rng = Random(f"{scale.SEED} {way}")
    study = Study(tmp_path / "study", rng)
    options = _tls(tmp_path) if way.tls else ({}, ())
    killed = Killed(way, study, tmp_path, rng, *options)
    killed.run(scale.of(2, 36))
    assert killed.problems == []
    figures.tell(
        f"killed while four peers store, {way}: {killed.kills} times, and {killed.during_start} times while it starts",
        f"0 of {killed.acknowledged} lost, 0 torn, {killed.left} temporary files removed; serves again within "
        f"{statistics.median(killed.recoveries):.2f} s, at most {max(killed.recoveries):.2f} s",
    )


class Killed:
    """A receiver that is killed again and again, and judged each time it has started again."""

    def __init__(
        self, way: Way, study: Study, place: Path, rng: Random, options: dict[str, Any], command: tuple[str, ...]
    ) -> None:
        self.kills = self.during_start = self.acknowledged = self.left = 0
        self.recoveries: list[float] = []
        """Seconds from a start to the answer to an echo."""
        self.problems: list[str] = []
        self._way = way
        self._study = study
        self._place = place
        self._rng = rng
        self._options = options
        self._program = HIDDEN_NAMES if way.hidden else RECV
        self._command = (*command, "--workers", str(way.workers))
        if way.layout is not None:
            self._command += ("--layout", way.layout)

    def run(self, cycles: int) -> None:
        """So many kills; each fifth one begins with an empty folder."""
        ledger, folder = Ledger(), self._place / "kept"
        for cycle in range(cycles):
            if cycle % 5 == 0:
                shutil.rmtree(folder, ignore_errors=True)
                self.acknowledged += len(ledger.acknowledged)
                ledger = Ledger()
            self._cycle(folder, ledger, start_too=cycle % 5 == min(4, cycles - 1))
        self.acknowledged += len(ledger.acknowledged)

    def _cycle(self, folder: Path, ledger: Ledger, *, start_too: bool) -> None:
        with self._node(folder) as node:
            many = self._rng.randrange(1, len(self._study.paths) - 8)
            senders = Senders(node.address, self._study, ledger, window=self._way.window, notice=many, **self._options)
            thread = threading.Thread(target=senders.run)
            thread.start()
            senders.noticed.wait(PATIENCE)
            time.sleep(self._rng.uniform(0.0, 0.03))  # any moment will do
            self._kill(node.process)
            self.kills += 1
            thread.join()
        self.problems += ledger.problems_in(folder, settled=False)
        self.left += len(list(folder.rglob(".*.part")))
        if start_too:
            self._kill_a_start(folder)
            self.problems += ledger.problems_in(folder, settled=False)
        began = time.perf_counter()
        with self._node(folder) as node:
            with sync.associate(node.address, contexts=["verification"], **self._options) as association:
                assert association.echo() == 0
            self.recoveries.append(time.perf_counter() - began)
            self.problems += ledger.problems_in(folder)
            before = _tree(folder)
            self._kill(node.process)
        Folder(folder)
        if _tree(folder) != before:
            self.problems.append("a second start changes something")

    def _kill_a_start(self, folder: Path) -> None:
        for number in range(200):  # it has something to do
            left = folder / f".1.2.3.{number}.dcm.0-0.part"
            left.touch()
            os.utime(left, (0, 0))
        process = subprocess.Popen(
            [sys.executable, *recv(folder, *self._command, program=self._program)],
            env=ENVIRONMENT,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        time.sleep(self._rng.uniform(0.1, 0.4))
        self._kill(process)
        process.wait()
        self.during_start += 1

    def _kill(self, process: subprocess.Popen[Any]) -> None:
        """All of its processes at once, as the system does when it has no memory left for them."""
        task = Path(f"/proc/{process.pid}/task/{process.pid}/children")
        children = task.read_text().split() if task.exists() else []
        for pid in (process.pid, *map(int, children)):
            os.kill(pid, signal.SIGKILL)
        process.wait()

    def _node(self, folder: Path) -> Node:
        return Node(folder, program=recv(folder, *self._command, program=self._program))


def _tls(place: Path) -> tuple[dict[str, Any], tuple[str, ...]]:
    """What a requestor and what the receiver needs to speak TLS with one another."""
    certificate, key = self_signed(place)
    return {"tls": TlsConfig(ca_file=certificate)}, ("--tls-cert", str(certificate), "--tls-key", str(key))


def _tree(folder: Path) -> list[tuple[str, int]]:
    return sorted((str(path), path.stat().st_mtime_ns) for path in folder.rglob("*") if path.is_file())


CALLS = (
    "openat open mkdir mkdirat write writev pwrite64 pwritev fsync fdatasync link linkat rename renameat renameat2 unlink "
    "unlinkat flock fchmod close"
).split()

"""The power of a real file system is cut while four peers store on it: what was acknowledged is there when it comes back."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import threading
import time
from pathlib import Path
from random import Random
from typing import NamedTuple

import pytest

from dicomnet.storage.folder import Folder
from reliability import figures, scale
from reliability.ledger import Ledger
from reliability.mounts import Refused, Volume
from reliability.node import PATIENCE, Node
from reliability.programs import ENVIRONMENT, HIDDEN_NAMES, RECV, recv
from reliability.sending import Senders, Study


class Way(NamedTuple):
    """What is cut, and how it is stored to."""

    kind: str = "ext4"
    options: str = "data=ordered"
    window: int = 8
    hidden: bool = False

    def __str__(self) -> str:
        return " ".join([self.kind, self.options, *(["hidden names"] if self.hidden else []), f"window {self.window}"])


WAYS = (
    Way(),
    Way(hidden=True),
    Way(options="data=writeback", window=1),
    Way(options="data=journal"),
    Way(kind="xfs", options=""),
)


class Victim:
    """A receiver on a volume of which the power is cut again and again."""

    def __init__(self, way: Way, volume: Volume, place: Path, rng: Random, *options: str) -> None:
        self.cuts = self.during_start = self.acknowledged = self.lost = self.left = 0
        self.problems: list[str] = []
        self._window = way.window
        self._program = HIDDEN_NAMES if way.hidden else RECV
        self._volume = volume
        self._study = Study(place / "study", rng, large=12, small=100)
        self._rng = rng
        self._options = options

    def run(self, cycles: int) -> None:
        """So many cuts while it stores, every fifth followed by one while it starts."""
        folder = self._volume.path / "kept"
        for cycle in range(cycles):
            shutil.rmtree(folder, ignore_errors=True)
            self._volume.sync()
            ledger = Ledger()
            self._cut(folder, ledger)
            found = ledger.problems_in(folder, settled=False)
            self.lost += sum(problem.startswith("LOST") for problem in found)
            self.problems += found
            self.left += len(list(folder.glob(".*.part")))
            if cycle % 5 == 1:
                self._cut_a_start(folder)
            with self._node(folder):
                self.problems += ledger.problems_in(folder)
            before = _tree(folder)
            Folder(folder)
            if _tree(folder) != before:
                self.problems.append("a second start changes something")
            self.acknowledged += len(ledger.acknowledged)

    def _cut(self, folder: Path, ledger: Ledger) -> None:
        with self._node(folder) as node:
            many = self._rng.randrange(1, len(self._study.paths) - 8)
            senders = Senders(node.address, self._study, ledger, window=self._window, notice=many)
            thread = threading.Thread(target=senders.run)
            thread.start()
            senders.noticed.wait(PATIENCE)
            time.sleep(self._rng.uniform(0.0, 0.03))  # any moment will do
            self._volume.cut()
            node.process.kill()
            node.process.wait()
            thread.join()
        self._volume.come_back()
        self.cuts += 1

    def _cut_a_start(self, folder: Path) -> None:
        folder.mkdir(exist_ok=True)
        for number in range(200):  # it has something to do
            left = folder / f".1.2.3.{number}.dcm.0-0.part"
            left.touch()
            os.utime(left, (0, 0))
        self._volume.sync()
        process = subprocess.Popen(
            [sys.executable, *recv(folder, *self._options, program=self._program)],
            env=ENVIRONMENT,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        time.sleep(self._rng.uniform(0.1, 0.4))
        self._volume.cut()
        process.kill()
        process.wait()
        self._volume.come_back()
        self.cuts += 1
        self.during_start += 1

    def _node(self, folder: Path) -> Node:
        # Its log is not on the volume, where it would be a file open when that goes.
        return Node(self._volume.path.parent / "node", program=recv(folder, *self._options, program=self._program))


@pytest.mark.parametrize("way", WAYS if scale.WHOLE else WAYS[:1], ids=str)
def test_no_power_cut_takes_what_was_acknowledged(way: Way, tmp_path: Path) -> None:
    """At any moment, and while it starts again after one; with journals of all three kinds."""
    rng = Random(f"{scale.SEED} {way}")
    victim = _cut_power(way, tmp_path, rng, scale.of(2, 12))
    assert victim.problems == []
    assert victim.acknowledged > 0
    figures.tell(
        f"power of a real disk cut while four peers store, {way}: {victim.cuts} times, {victim.during_start} of them "
        "while it starts",
        f"0 of {victim.acknowledged} lost, 0 torn, {victim.left} temporary files removed",
    )


@pytest.mark.skipif(not scale.WHOLE, reason="the long form")
def test_without_syncs_a_power_cut_takes_something(tmp_path: Path) -> None:
    """The proof can fail: with --no-durable it does."""
    victim = _cut_power(Way(), tmp_path, Random(scale.SEED), 3, "--no-durable")
    assert victim.lost > 0
    figures.tell(
        "the same with --no-durable, 3 times", f"{victim.lost} of {victim.acknowledged} lost, as was to be shown"
    )


def _cut_power(way: Way, place: Path, rng: Random, cycles: int, *options: str) -> Victim:
    try:
        with Volume(place / way.kind, way.kind, options=way.options) as volume:
            victim = Victim(way, volume, place, rng, *options)
            victim.run(cycles)
            return victim
    except Refused as refused:
        pytest.skip(str(refused))


def _tree(folder: Path) -> list[tuple[str, int]]:
    return sorted((str(path), path.stat().st_mtime_ns) for path in folder.rglob("*") if path.is_file())

"""Thousands of runs of a server among peers, faults and crashes, on a clock of their own."""

from __future__ import annotations

import os
import subprocess
import sys
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import NamedTuple

import pytest

from reliability import figures, scale, simulation
from reliability.simulation.loop import SimLoop, Stuck
from reliability.simulation.node import Node
from reliability.simulation.world import Failed, World

SEEDS = scale.of(2_000, 10_000)
PART = 100
REPOSITORY = Path(__file__).parent.parent
KEPT = [
    int(line)
    for line in Path(simulation.__file__).with_name("seeds.txt").read_text().splitlines()
    if not line.startswith("#")
]


class Sum(NamedTuple):
    """What some runs came to."""

    steps: int
    stored: int
    crashes: int
    disk_faults: int
    failures: list[str]


def run(first: int, count: int) -> Sum:
    """Runs so many seeds."""
    steps = stored = crashes = faults = 0
    failures = []
    for seed in range(first, first + count):
        world = World(seed)
        try:
            world.run()
        except Failed as failed:
            failures.append("\n  ".join([str(failed), *failed.trace[-30:]]))
        steps += world.steps
        stored += world.stored
        crashes += world.crashes
        faults += world.disk_faults
    return Sum(steps, stored, crashes, faults, failures)


@pytest.mark.timeout(3600 if scale.WHOLE else 600)  # both cores for a minute, where there are two
def test_a_server_survives_its_peers_its_disk_and_crashes() -> None:
    """After every step and in the end everything holds that must; a seed that fails prints its trace and how to run it."""
    first = scale.SEED * 100_000
    parts = range(first, first + SEEDS, PART)
    with ProcessPoolExecutor(os.cpu_count(), mp_context=get_context("spawn")) as pool:
        sums = list(pool.map(run, parts, [PART] * len(parts)))
    failures = [failure for one in sums for failure in one.failures]
    figures.tell(
        f"simulated runs of a server among peers, {SEEDS:,}",
        f"{len(failures)} failed; {sum(one.steps for one in sums):,} steps, "
        f"{sum(one.stored for one in sums):,} instances acknowledged and whole, "
        f"{sum(one.crashes for one in sums):,} crashes and {sum(one.disk_faults for one in sums):,} faults of the disk",
    )
    assert not failures, "\n".join([f"{len(failures)} seeds failed", *failures[:3]])


@pytest.mark.parametrize("seed", KEPT)
def test_a_seed_that_has_failed_once_does_not_fail_again(seed: int) -> None:
    """What it found is mended."""
    World(seed).run()


def test_the_same_seed_makes_the_same_run() -> None:
    """Everything that happens is the same again, to the microsecond, also in a process that hashes differently."""
    seeds = range(7, 7 + scale.of(10, 100))
    digests = []
    for _ in range(2):
        worlds = [World(seed) for seed in seeds]
        for world in worlds:
            world.run()
        digests.append([world.digest for world in worlds])
    assert digests[0] == digests[1]
    assert len(set(digests[0])) == len(seeds)
    for hash_seed in ("1", "4711"):
        done = _replay(seeds[0], PYTHONHASHSEED=hash_seed)
        assert done.returncode == 0, done.stdout + done.stderr
        assert digests[0][0] in done.stdout


def test_a_failing_seed_tells_how_to_run_it_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """What happened before is kept with the error."""

    def fail(node: Node) -> None:
        raise AssertionError("nothing holds")

    monkeypatch.setattr(Node, "check_end", fail)
    with pytest.raises(Failed, match=r"nothing holds\n.*python -m reliability.simulation 7") as caught:
        World(7).run()
    assert any("listens" in line for line in caught.value.trace)


def test_an_acknowledged_instance_that_is_lost_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    """A disk that forgets what was synced makes runs fail: what is looked at in the end is worth it."""
    monkeypatch.setattr("reliability.disk._Folder.sync", lambda folder: None)
    assert any("is lost" in failure for failure in run(0, 40).failures)


def test_a_deadline_that_nobody_keeps_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    """So is a server whose timer does not run."""
    monkeypatch.setattr("dicomnet.aio.deadlines.Deadlines.arm", lambda deadlines, waiter, when: None)
    assert any("nobody keeps the deadline" in failure for failure in run(0, 3).failures)


def test_a_loop_on_which_nothing_can_happen_says_so() -> None:
    """It waits for nobody: there is nobody outside."""
    loop = SimLoop()
    try:
        with pytest.raises(Stuck):
            loop.run_until_complete(loop.create_future())
    finally:
        loop.close()


def _replay(seed: int, **environment: str) -> subprocess.CompletedProcess[str]:
    paths = os.pathsep.join(map(str, (REPOSITORY / "src", REPOSITORY)))
    return subprocess.run(
        [sys.executable, "-m", "reliability.simulation", str(seed)],
        capture_output=True,
        text=True,
        check=False,
        cwd=REPOSITORY,
        env=os.environ | {"PYTHONPATH": paths} | environment,
    )

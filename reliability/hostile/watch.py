"""Everything that a hostile peer must not do to a node, seen from outside while it tries."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import TracebackType
from typing import Self
from uuid import uuid4

from reliability import scale
from reliability.hostile.case import Case, case, matches
from reliability.hostile.speaking import seen
from reliability.hostile.wire import identity, stored, within
from reliability.node import PATIENCE, Holdings, Innocent, Node

MOST_GROWTH = 32 << 20
"""Bytes above what a node has that has served an honest peer."""

OUTAGE = 5.0 if scale.WHOLE else PATIENCE
"""Seconds that tell what is not served from what shares its processor; how long an innocent peer has waited is a figure."""

AT_ONCE = 6
"""Hostile peers."""

ESCAPES = [Path("/tmp", name) for name in ("dicomnet-was-here", "dicomnet-x", "dicomnet-x.dcm")]
"""Where cases would like to leave something."""


class Place:
    """A folder in a folder in a folder for a node, so that whatever leaves it is seen."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.kept = root / "a" / "b" / "kept"
        self.kept.parent.mkdir(parents=True)
        self.temporary = root / "temporary"
        self.temporary.mkdir()
        self.environment = dict(os.environ) | {"TMPDIR": str(self.temporary)}

    def strays(self) -> list[str]:
        """What is anywhere but where it belongs, or is left of what was not kept."""
        there = [path for path in self.root.rglob("*") if not path.is_dir() and path.suffix != ".log"]
        astray = [path for path in there if path.parent != self.kept or path.suffix != ".dcm"]
        return [str(path) for path in [*astray, *(path for path in ESCAPES if path.exists())]]


class Watch:
    """One stretch of time in which hostile peers are at a node; on leaving all that has to hold is asserted.

    The base line is what the node holds when it begins, so an honest peer should have been served before.
    """

    def __init__(self, node: Node, place: Place) -> None:
        self.innocent = Innocent(node)
        self._node = node
        self._place = place
        self._before = settled(node)
        self._told = len(node.log)

    def __enter__(self) -> Self:
        self.innocent.__enter__()
        self.innocent.wait()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.innocent.wait()
        self.innocent.__exit__(kind, error, traceback)
        if error is None:
            self._check()

    def _check(self) -> None:
        node = self._node
        assert node.process.poll() is None, f"it crashed: {node.log[-2000:]}"
        assert self.innocent.longest < OUTAGE, f"an innocent peer waited {self.innocent.longest:.2f} s"
        eventually_back(node, self._before)
        assert self.growth < MOST_GROWTH, f"its memory grew by {self.growth >> 20} MiB"
        assert not (strays := self._place.strays()), f"it left {strays}"
        assert not (lines := list(complaints(node.log[self._told :]))), f"its log has {lines}"

    @property
    def growth(self) -> int:
        """Bytes of memory that it had at most above those it began with."""
        return self._node.holdings().most_memory - self._before.memory

    @property
    def figure(self) -> str:
        """What came of it."""
        return (
            f"0 crashes, longest wait of an innocent peer {self.innocent.longest:.2f} s ({self.innocent.count} echoes), "
            f"memory +{self.growth / (1 << 20):.1f} MiB, descriptors and threads back, no stray file or log line"
        )


def warm(node: Node) -> None:
    """What is made at the first use, and stays, is there then: honest peers have stored, some at a time."""
    cases = []
    for _ in range(4 * AT_ONCE):
        name = b"2.25.%d" % uuid4().int
        cases.append(case("honest", "accept, 0000", "", *within(stored(name, identity(name) + bytes(100_000)))))
    assert not (wrong := wrongly_answered(node, cases)), wrong


def wrongly_answered(node: Node, cases: Sequence[Case]) -> list[str]:
    """Says all cases, some at a time, and tells which of them saw what they should not."""
    with ThreadPoolExecutor(AT_ONCE) as pool:
        told = list(pool.map(lambda case: _answered(node, case), cases))
    return [
        f"{case.name}: {', '.join(words) or 'nothing'} instead of {case.sees or 'nothing'}"
        for case, words in zip(cases, told, strict=True)
        if not matches(case.sees, words)
    ]


def complaints(log: str) -> Iterator[str]:
    """What in a log is no line of ours, has control characters, or tells of an exception."""
    for line in log.splitlines():
        if not _LINE.match(line) or not line.isprintable() or _EXCEPTION.search(line):
            yield line


def eventually_back(node: Node, before: Holdings) -> None:
    """Its descriptors and threads become as few as they were."""
    deadline = time.monotonic() + PATIENCE
    while True:
        held = node.holdings()
        if held.descriptors <= before.descriptors and held.threads <= before.threads:
            return
        assert time.monotonic() < deadline, f"it keeps {held}, and had {before}"
        time.sleep(0.02)


def settled(node: Node) -> Holdings:
    """What it holds once that no longer changes."""
    held: list[Holdings] = []
    while len({(one.descriptors, one.threads) for one in held[-5:]}) != 1 or len(held) < 5:
        held.append(node.holdings())
        time.sleep(0.02)
    return held[-1]


def _answered(node: Node, case: Case) -> list[str]:
    try:
        return seen(node.port, case)
    except (OSError, AssertionError) as error:
        return [repr(error)]


_LINE = re.compile(r"\d{4}-\d\d-\d\d [\d:,]+ (DEBUG|INFO|WARNING) ")
_EXCEPTION = re.compile(r"Traceback|[Ee]xception")

"""What came of the runs: ratios of pairs, and the figures that are printed."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass, field

from bench.cases import Case
from bench.data import Kind
from bench.processes import Run


@dataclass(frozen=True, slots=True)
class Spread:
    """Figures of several runs."""

    median: float
    low: float
    high: float

    def __str__(self) -> str:
        return f"{self.median:.2f} ({self.low:.2f} to {self.high:.2f})"


def spread(values: Sequence[float]) -> Spread:
    """Their median, and how far they go to either side."""
    return Spread(statistics.median(values), min(values), max(values))


@dataclass(slots=True)
class Result:
    """A case with one set of instances."""

    case: Case
    kind: Kind
    count: int
    """Instances that were sent in each run."""
    size: int
    """Bytes of their files."""
    ours: list[Run] = field(default_factory=list)
    theirs: list[Run] = field(default_factory=list)
    """The peer's run just before ours of the same place in the list."""
    trouble: str = ""
    """Why there are no more runs."""

    @property
    def ratios(self) -> list[float]:
        """The peer's wall time over ours, pair by pair: more is better."""
        return [theirs.wall / ours.wall for ours, theirs in zip(self.ours, self.theirs, strict=False)]

    @property
    def ratio(self) -> Spread | None:
        """None where no pair is whole."""
        return spread(self.ratios) if self.ratios else None

    @property
    def goal(self) -> float | None:
        """The ratio that was aimed at."""
        return self.case.goals.get(self.kind.key)

    @property
    def reached(self) -> bool | None:
        """Whether the median reaches the goal, to the digits that are printed; None without a goal or a figure."""
        if self.goal is None or self.ratio is None:
            return None
        return round(self.ratio.median, 2) >= self.goal

    def side(self, runs: Sequence[Run]) -> Side | None:
        """The figures of our runs, or of the peer's."""
        return Side.of(runs, self.size, self.count) if runs else None


@dataclass(frozen=True, slots=True)
class Side:
    """How one way to send and receive did: medians of its runs."""

    wall: Spread
    """Seconds."""
    rate: float
    """Bytes in a second."""
    instances: float
    """In a second."""
    cpu: float
    """Seconds for 10^9 bytes, of senders and receiver."""
    sender_peak: float
    """Bytes of memory."""
    receiver_peak: float

    @classmethod
    def of(cls, runs: Sequence[Run], size: int, count: int) -> Side:
        wall = spread([run.wall for run in runs])
        senders, receivers = zip(*(run.peaks for run in runs), strict=True)
        return cls(
            wall=wall,
            rate=size / wall.median,
            instances=count / wall.median,
            cpu=statistics.median(run.cpu for run in runs) / size * 1e9,
            sender_peak=statistics.median(senders),
            receiver_peak=statistics.median(receivers),
        )

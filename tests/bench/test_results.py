from __future__ import annotations

import pytest

from bench.cases import Case, Setting, Way, cases
from bench.data import KINDS, MF, SR
from bench.peers.dcmtk import Dcmtk
from bench.peers.ours import Ours
from bench.processes import Run, Usage
from bench.results import Result, spread
from bench.table import figures, ratios, troubles

MIB = 1 << 20


def run(wall: float, cpu: float = 1.0, peak: int = 20 * MIB) -> Run:
    usage = Usage(0.0, wall, cpu, peak, 0)
    return Run(wall, [usage], usage)


def result(ours: list[float], theirs: list[float], goal: float | None = None) -> Result:
    case = Case(
        "In memory",
        "ours",
        Way(Ours(), Ours()),
        Way(Dcmtk(), Dcmtk()),
        Setting(shares={"sr": 1}),
        {} if goal is None else {"sr": goal},
    )
    return Result(case, SR, 1000, 5_000_000, [run(wall) for wall in ours], [run(wall) for wall in theirs])


def test_a_spread_is_the_median_and_both_ends() -> None:
    """One run that was disturbed moves an end and not the median."""
    assert spread([3.0, 1.0, 2.0, 2.1, 90.0]) == spread([90.0, 2.0, 3.0, 2.1, 1.0])
    assert (spread([3.0, 1.0, 90.0]).low, spread([3.0, 1.0, 90.0]).median, spread([3.0, 1.0, 90.0]).high) == (1, 3, 90)


def test_the_ratio_is_made_of_pairs() -> None:
    """A slow minute slows both of a pair, and so not their ratio; medians of each side would tell another story."""
    slow_at_last = result([1.0, 1.0, 1.0, 8.0, 9.0], [2.0, 2.0, 2.0, 16.0, 18.0])
    assert slow_at_last.ratio == spread([2.0])


def test_a_pair_that_is_not_whole_does_not_count() -> None:
    """After an interruption there may be one more run on one side."""
    assert result([1.0, 1.0], [2.0]).ratios == [2.0]
    assert result([], []).ratio is None


@pytest.mark.parametrize(
    ("ours", "goal", "reached"), [(1.0, 2.0, True), (1.001, 2.0, True), (1.1, 2.0, False), (1.0, None, None)]
)
def test_a_goal_is_reached_by_the_figure_that_is_printed(ours: float, goal: float | None, reached: bool | None) -> None:
    """What reads as the goal has reached it."""
    assert result([ours], [2.0], goal).reached is reached


def test_the_figures_are_medians_of_the_runs() -> None:
    """Rates from the wall time, CPU seconds for each GB from both sides."""
    side = result([2.0, 1.0, 4.0], [2.0] * 3).side([run(2.0, 0.5, 30 * MIB), run(1.0), run(4.0, 3.0)])
    assert side is not None
    assert (side.rate, side.instances) == (2_500_000, 500)
    assert side.cpu == pytest.approx(2.0 / 0.005)
    assert (side.sender_peak, side.receiver_peak) == (20 * MIB, 20 * MIB)


def test_the_table_says_ratio_spread_and_goal() -> None:
    """A mark says whether the goal was reached."""
    (grid,) = ratios([result([1.0, 1.0, 1.0], [1.9, 2.0, 2.2], 2.0)])
    assert grid.head == ["peer's time / ours", "SR 5 KiB"]
    assert grid.rows == {"against DCMTK → DCMTK": [["ours", "2.00 (1.90–2.20) ✓ 2"]]}
    (missed,) = ratios([result([1.0], [1.0], 2.0)])
    assert "✗ 2" in missed.rows["against DCMTK → DCMTK"][0][1]


def test_the_figures_stand_in_pairs() -> None:
    """Ours first; small instances are counted, large ones weighed."""
    (grid,) = figures([result([1.0], [2.0])])
    assert grid.head[2] == "instances/s"
    assert grid.rows["against DCMTK → DCMTK"] == [
        ["ours", "1,000", "1,000 / 500", "400.00 / 400.00", "21 / 21", "21 / 21"]
    ]


def test_a_failure_is_in_the_table_and_below_it() -> None:
    """A case that failed is not passed over in silence."""
    failed = result([], [])
    failed.trouble = "it fell over"
    (grid,) = ratios([failed])
    assert grid.rows["against DCMTK → DCMTK"] == [["ours", "failed"]]
    assert troubles([failed]) == ["ours, against DCMTK → DCMTK, SR 5 KiB: it fell over"]


def test_every_goal_is_measured() -> None:
    """A case has no goal for a set that it leaves out, and each set is in some case."""
    for case in cases():
        assert set(case.goals) <= set(case.setting.shares) <= set(KINDS)
    assert {key for case in cases() for key in case.setting.shares} == set(KINDS)
    assert MF.key in cases()[0].goals

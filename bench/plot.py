"""The ratios as a picture: a bar for each case and set, from its peer's time to ours."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from bench import data
from bench.results import Result


def plot(results: Sequence[Result], target: Path) -> None:
    """Draws them into a file; its suffix says whether SVG, PNG or something else.

    Raises:
        ModuleNotFoundError: matplotlib is not installed.
    """
    import matplotlib as mpl

    mpl.use("Agg")
    mpl.rcParams["svg.hashsalt"] = "dicomnet"
    from matplotlib import pyplot as plt
    from matplotlib.ticker import FuncFormatter

    measured = [result for result in results if result.ratio]
    tables = list(dict.fromkeys(result.case.table for result in measured))
    heights = [len({result.case for result in measured if result.case.table == table}) + 1.2 for table in tables]
    figure, plots = plt.subplots(
        len(tables), 1, squeeze=False, sharex=True, height_ratios=heights, figsize=(10, 0.55 * sum(heights) + 1)
    )
    for axes, table in zip(plots[:, 0], tables, strict=True):
        _bars(axes, [result for result in measured if result.case.table == table])
        axes.set_title(table, loc="left", fontsize=10, fontweight="bold")
        axes.set_xscale("log")
        axes.xaxis.set_major_locator(mpl.ticker.LogLocator(10, subs=(1, 2, 5)))
        axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g} x"))
        axes.xaxis.set_minor_formatter(FuncFormatter(lambda *_: ""))
        axes.tick_params(axis="x", labelbottom=True)
    plots[-1, 0].set_xlabel("how many times as fast as the peer: median of the pairs, lowest to highest; | is the goal")
    handles = [plt.Rectangle((0, 0), 1, 1, color=_COLOURS[key]) for key in data.KINDS]
    figure.legend(handles, [kind.title for kind in data.KINDS.values()], loc="upper right", ncols=3, frameon=False)
    figure.tight_layout(rect=(0, 0, 1, 0.97))
    figure.savefig(target, dpi=120, metadata={"Date": None} if target.suffix == ".svg" else None)
    plt.close(figure)


def _bars(axes: Any, results: Sequence[Result]) -> None:
    cases = list(dict.fromkeys(result.case for result in results))
    for result in results:
        place = cases.index(result.case) + (list(data.KINDS).index(result.kind.key) - 1) * _HEIGHT
        ratio = result.ratio
        assert ratio is not None
        # A bar begins at one: where both take the same time.
        axes.barh(place, ratio.median - 1, _HEIGHT * 0.9, left=1, color=_COLOURS[result.kind.key])
        axes.plot([ratio.low, ratio.high], [place, place], color="black", linewidth=0.8)
        if result.goal is not None:
            axes.plot(result.goal, place, "|", color="black", markersize=9)
    axes.axvline(1, color="black", linewidth=0.8)
    axes.set_yticks(range(len(cases)), [f"{case.title}\n{case.against}" for case in cases], fontsize=7)
    axes.set_ylim(len(cases) - 0.4, -0.6)
    axes.grid(axis="x", alpha=0.3)
    axes.spines[["top", "right", "left"]].set_visible(False)


_HEIGHT = 0.26
_COLOURS = {"ct": "#4c72b0", "mf": "#55a868", "sr": "#dd8452"}

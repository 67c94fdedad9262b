"""What a measure says: rows of numbers, some with a goal."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from statistics import median
from typing import Any, TypeVar

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Goal:
    """A bound that a number has to keep."""

    bound: float
    at_most: bool = False
    """Otherwise it is the least."""

    def reached(self, value: float) -> bool:
        return value <= self.bound if self.at_most else value >= self.bound

    def __str__(self) -> str:
        return f"{'<=' if self.at_most else '>='} {number(self.bound)}"


@dataclass(frozen=True, slots=True)
class Row:
    """One number, or the reason why there is none."""

    what: str
    unit: str = ""
    value: float | None = None
    """The median, where there are several."""
    spread: tuple[float, float] | None = None
    """The least and the greatest."""
    goal: Goal | None = None
    note: str = ""

    @property
    def reached(self) -> bool | None:
        """None where there is no goal, or nothing was measured."""
        return None if self.goal is None or self.value is None else self.goal.reached(self.value)

    def plain(self) -> dict[str, Any]:
        """For JSON."""
        return {**asdict(self), "reached": self.reached}


def row(what: str, unit: str, values: Sequence[float], *, goal: Goal | None = None, note: str = "") -> Row:
    """The median of several values with their spread."""
    return Row(what, unit, median(values), (min(values), max(values)), goal, note)


def in_turns(count: int, *functions: Callable[[], T]) -> list[list[T]]:
    """Calls functions A B A B, so that what else the machine does meets all of them; the results of each, in order."""
    results: list[list[T]] = [[] for _ in functions]
    for _ in range(count):
        for function, own in zip(functions, results, strict=True):
            own.append(function())
    return results


def ratios(above: Sequence[float], below: Sequence[float]) -> list[float]:
    """Of each pair of values that were measured one after the other."""
    return [one / other for one, other in zip(above, below, strict=True)]


def number(value: float) -> str:
    """With as many digits as mean something: four, or all before the point."""
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.4g}"

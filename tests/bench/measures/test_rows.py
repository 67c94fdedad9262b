"""Rows of numbers, and whether they keep their goals."""

from __future__ import annotations

import json

import pytest

from bench.measures.rows import Goal, Row, in_turns, number, ratios, row


@pytest.mark.parametrize(
    ("goal", "value", "reached"),
    [
        (Goal(10), 10, True),
        (Goal(10), 9.99, False),
        (Goal(10, at_most=True), 10, True),
        (Goal(10, at_most=True), 10.01, False),
    ],
)
def test_a_goal_is_reached_at_its_bound(goal: Goal, value: float, reached: bool) -> None:
    """And missed on the wrong side of it."""
    assert goal.reached(value) is reached
    assert Row("what", "unit", value, goal=goal).reached is reached


def test_nothing_is_reached_without_a_goal_or_a_number() -> None:
    """A peer that is absent has missed no goal."""
    assert Row("what", "unit", 5.0).reached is None
    assert Row("what", goal=Goal(1), note="DCMTK is not installed").reached is None


def test_a_row_is_the_median_with_its_spread() -> None:
    """One run that was disturbed does not decide."""
    made = row("what", "s", [3.0, 900.0, 2.0])
    assert (made.value, made.spread) == (3.0, (2.0, 900.0))


def test_functions_are_called_in_turns() -> None:
    """A B A B, and the results of each are together."""
    called: list[str] = []

    def call(name: str) -> int:
        called.append(name)
        return len(called)

    assert in_turns(3, lambda: call("a"), lambda: call("b")) == [[1, 3, 5], [2, 4, 6]]
    assert called == ["a", "b"] * 3


def test_ratios_are_those_of_neighbours() -> None:
    """Not of medians: the machine is not equally fast all the time."""
    assert ratios([2.0, 12.0], [1.0, 4.0]) == [2.0, 3.0]


def test_a_row_is_plain_data() -> None:
    """JSON takes it, and says whether the goal was reached."""
    read = json.loads(json.dumps(row("what", "s", [1.0], goal=Goal(2, at_most=True)).plain()))
    assert read == {
        "what": "what",
        "unit": "s",
        "value": 1.0,
        "spread": [1.0, 1.0],
        "goal": {"bound": 2, "at_most": True},
        "note": "",
        "reached": True,
    }


@pytest.mark.parametrize(("value", "text"), [(12345.6, "12,346"), (15.97, "15.97"), (0.01234, "0.01234"), (8.0, "8")])
def test_numbers_have_the_digits_that_mean_something(value: float, text: str) -> None:
    """So that one that misses its goal by little does not look like it."""
    assert number(value) == text

"""The stories of `tests/dimse/test_any_order.py`, many more of them."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import HealthCheck, settings
from hypothesis.stateful import run_state_machine_as_test

from dimse.test_any_order import Association
from reliability import figures, scale

STORIES = scale.of(100, 5_000)


@pytest.mark.timeout(3600 if scale.WHOLE else 600)
def test_two_ends_agree_in_any_order() -> None:
    """Whatever users, networks and clocks do, both ends are where the table says, and come to an end by themselves."""
    states: Counter[str] = Counter()

    class Counted(Association):
        def teardown(self) -> None:
            if hasattr(self, "pair"):
                states.update(before.name for _, _, before, _, _ in self.pair.steps)
            super().teardown()

    run_state_machine_as_test(
        Counted,
        settings=settings(
            max_examples=STORIES,
            stateful_step_count=80,
            deadline=None,
            database=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
    assert states["ASSOCIATED"]
    figures.tell(
        f"stories of two ends, users, networks and clocks, {STORIES:,}",
        f"0 contradictions to the model; {states.total():,} steps of the table from {len(states)} of its states",
    )

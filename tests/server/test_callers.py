"""How many associations of one title there may be."""

from __future__ import annotations

from typing import Any

from dicomnet.server.callers import Callers


class Session:
    """What is asked of one."""

    def __init__(self, *, over: bool = False) -> None:
        self.over = over


def session(**options: bool) -> Any:
    return Session(**options)


def test_a_title_has_so_many_and_no_more() -> None:
    """Each title for itself."""
    callers = Callers(2)
    assert [callers.enter(session(), "CT1") for _ in range(3)] == [True, True, False]
    assert callers.enter(session(), "MR1")


def test_who_leaves_makes_room_for_one() -> None:
    """However often, and whoever was not let in makes none."""
    callers = Callers(2)
    first, second, third = session(), session(), session()
    for _ in range(3):
        assert callers.enter(first, "CT1")
        assert callers.enter(second, "CT1")
        assert not callers.enter(third, "CT1")
        callers.leave(third)
        assert not callers.enter(third, "CT1")
        callers.leave(first)
        callers.leave(first)
        assert callers.enter(first, "CT1")
        assert not callers.enter(third, "CT1")
        callers.leave(first)
        callers.leave(second)


def test_who_has_gone_by_then_is_not_counted() -> None:
    """Nobody would ever tell that he leaves."""
    callers = Callers(1)
    assert callers.enter(session(over=True), "CT1")
    assert callers.enter(session(), "CT1")


def test_nothing_is_remembered_of_titles_that_are_gone() -> None:
    """Anybody may make them up."""
    callers = Callers(1)
    for number in range(100):
        one = session()
        callers.enter(one, f"CT{number}")
        callers.leave(one)
    assert not callers._count
    assert not callers._titles


def test_without_a_limit_everybody_may() -> None:
    """As it is by default."""
    callers = Callers(None)
    assert all(callers.enter(session(), "CT1") for _ in range(1000))

"""How often a second something is done, with programs and a clock of the test's own."""

from __future__ import annotations

import pytest

from bench.measures import rates, stage
from bench.measures.rates import Requestor
from bench.peers.base import Absent
from bench.processes import Command, CommandFailed


class Acceptor:
    """One that listens nowhere, or is not there at all."""

    def __init__(self, name: str) -> None:
        self.name = name

    def __enter__(self) -> int:
        if self.name == "absent":
            raise Absent("it is not installed")
        return 104

    def __exit__(self, *_: object) -> None:
        pass


@pytest.fixture(autouse=True)
def ran(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, ...]]:
    """The commands that were run: the first argument says how long each takes, the others are for the test."""
    commands: list[tuple[str, ...]] = []

    def wall(command: Command) -> float:
        commands.append(tuple(command.argv))
        if command.argv[0] == "failing":
            raise CommandFailed("oh no")
        return float(command.argv[0])

    acceptors = {name: lambda name=name: Acceptor(name) for name in ("open", "absent")}
    monkeypatch.setattr(rates, "_acceptors", lambda _: acceptors)
    monkeypatch.setattr(stage, "wall", wall)
    return commands


def steady(name: str, *acceptors: str) -> Requestor:
    """Starts in a second and takes 10 ms each time."""
    return Requestor(name, 200, lambda port, count: Command([str(1 + count / 100), name, str(port)]), acceptors)


def test_the_start_of_a_program_does_not_count() -> None:
    """A hundred times a second is what it says of 10 ms."""
    rate = rates.rates([steady("one", "open")], 1.0)["one -> open"]
    assert rate.values == pytest.approx([100.0] * 3)
    assert rate.row("times/s").value == pytest.approx(100.0)


def test_requestors_take_turns(ran: list[tuple[str, ...]]) -> None:
    """A run with few and one with many of each, then the next; all of them at the port of their acceptor."""
    rates.rates([steady("one", "open"), steady("other", "open")], 1.0)
    assert [(name, port) for _, name, port in ran] == ([("one", "104")] * 2 + [("other", "104")] * 2) * 3


def test_an_absent_acceptor_is_named() -> None:
    """And the others are measured all the same."""
    found = rates.rates([steady("one", "absent", "open")], 1.0)
    assert found["one -> absent"].row("times/s").note == "it is not installed"
    assert found["one -> open"].values


def test_a_requestor_that_fails_is_tried_again_and_told_of() -> None:
    """What came of the others stays."""
    failing = Requestor("failing", 5, lambda *_: Command(["failing"]), ("open",))
    found = rates.rates([failing, steady("one", "open")], 1.0)
    made = found["failing -> open"].row("times/s")
    assert (made.value, made.note) == (None, "6 runs failed: oh no")
    assert found["one -> open"].values


def test_a_run_with_more_has_to_take_longer() -> None:
    """Otherwise the machine did something else, and there is no rate."""
    with pytest.raises(CommandFailed, match="kept this machine busy"):
        stage.per_second(Command(["2.0"]), Command(["2.0"]), 100)

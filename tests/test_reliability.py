"""What the reliability runs stand on: a receiver seen from outside, and figures that are not lost."""

from __future__ import annotations

from pathlib import Path

import pytest

from reliability import figures
from reliability.node import Innocent, Node


def test_a_node_is_seen_from_outside(tmp_path: Path) -> None:
    """It answers, it has memory, threads and descriptors, and ends in order."""
    with Node(tmp_path / "kept") as node, Innocent(node) as innocent:
        while innocent.count < 3:
            innocent.wait()
        held = node.holdings()
        assert held.most_memory >= held.memory > 1 << 20
        assert held.threads >= 1
        assert held.descriptors > 3
    assert innocent.longest > 0
    assert node.stop() == 0


def test_a_node_that_does_not_begin_says_why(tmp_path: Path) -> None:
    """What it wrote is in the error."""
    with pytest.raises(AssertionError, match="not-an-option"):
        Node(tmp_path / "kept", "--not-an-option")


def test_an_innocent_peer_that_is_not_served_fails_its_test(tmp_path: Path) -> None:
    """Its own failure is raised at the end."""
    with Node(tmp_path / "kept") as node:
        node.stop()
        innocent = Innocent(node)
        with pytest.raises(Exception, match="refused"), innocent:
            innocent.wait(forever=True)


def test_figures_are_kept_and_become_a_table(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In the order in which they were told."""
    kept = tmp_path / "figures"
    monkeypatch.setattr(figures, "PATH", str(kept))
    figures.tell("kills, 200", "0 lost")
    figures.tell("power cuts, 50", "0 lost")
    assert figures.table(figures.read(kept)).splitlines()[2:] == [
        "| kills, 200 | 0 lost |",
        "| power cuts, 50 | 0 lost |",
    ]

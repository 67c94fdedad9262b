"""The matrix as a whole: every place has a test or a reason, and the documents show it as it is."""

from __future__ import annotations

from importlib import import_module
from itertools import product
from pathlib import Path

import pytest

import matrix
import peers

peers.require_module("pynetdicom")
for role, peer in product(matrix.ROLES, matrix.PEERS):
    import_module(f"test_{role}_with_{peer}".lower())

PAGE = Path(__file__).parent.parent / "docs" / "interop.md"


@pytest.mark.parametrize("place", list(product(matrix.SERVICES, matrix.ROLES, matrix.PEERS)), ids=" ".join)
def test_every_place_has_a_test_or_a_reason(place: tuple[str, str, str]) -> None:
    """A service that is tried with a peer in one role is tried in both, or it is said why not; never both."""
    assert bool(matrix.cells(*place)) != (place in matrix.GAPS)


def test_both_shells_ask_for_every_service_of_the_core() -> None:
    """Echo, store, find, get and move are asked for through the blocking shell and through asyncio."""
    for service, peer in product(("echo", "store", "find patient", "find study", "get", "move"), matrix.PEERS):
        through = {name for cell in matrix.cells(service, "SCU", peer) for name in cell.through}
        assert through >= {"Peer", "aio.Peer"}, (service, peer)


def test_the_page_shows_the_matrix() -> None:
    """The table in docs/interop.md is the one that the tests make; when it is not, the failure prints what belongs there."""
    page = PAGE.read_text()
    begin, end = page.index("| service |"), page.index("\n## ", page.index("| service |"))
    assert page[begin:end].strip() == matrix.table(), f"put this there:\n{matrix.table()}"

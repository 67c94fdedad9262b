from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from typing import Any

import pytest

from guards import little_to_collect, no_thread_left
from taps import Taps

__all__ = ["little_to_collect", "no_thread_left"]


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "cell(cell): a place in the matrix of services, roles and peers, see matrix.py")


@pytest.fixture
def compared(request: pytest.FixtureRequest) -> Callable[[str], None]:
    """Says what a test of the matrix has compared with what; one that says nothing fails."""

    def say(what: str) -> None:
        request.node.user_properties.append(("compared", what))

    return say


@pytest.fixture(scope="module")
def taps() -> Taps:
    """What the tests of a module said over the wire, for one of them at the end to look into."""
    return Taps()


@pytest.fixture
def tap(taps: Taps, request: pytest.FixtureRequest) -> Iterator[Callable[[int], int]]:
    """Puts a relay before a port, for as long as the test lasts; what goes through it is kept."""
    with taps.test(request.node.name) as before:
        yield before


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """A cell that has compared nothing has not passed; and its report says which one it is."""
    report = yield
    marker = item.get_closest_marker("cell")
    if call.when == "call" and marker is not None:
        cell = marker.args[0]
        item.user_properties.append(("cell", (cell.service, cell.role, cell.peer, cell.program)))  # plain, for workers
        report.user_properties = [*item.user_properties]
        if report.passed and not _said(report):
            report.outcome, report.longrepr = "failed", "a cell of the matrix has to say what it compared"
    return report


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """The matrix as it was run."""
    rows = [
        (*cell, report.nodeid.rpartition("::")[2], outcome, _said(report))
        for outcome in ("passed", "failed", "xfailed")
        for report in terminalreporter.stats.get(outcome, [])
        for key, cell in getattr(report, "user_properties", [])
        if key == "cell"
    ]
    if not rows:
        return
    terminalreporter.section("interop: service, our role, peer, test, what was compared")
    for service, role, peer, program, test, outcome, said in sorted(rows):
        with_whom = f"{peer} {program}".strip()
        terminalreporter.write_line(f"{outcome:7} {service:15} {role} {with_whom:17} {test}: {said}")


def _said(report: Any) -> str:
    return "; ".join(str(value) for key, value in report.user_properties if key == "compared")

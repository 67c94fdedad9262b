"""The matrix of services, roles and peers: which tests exist, which cannot, and the table that documents show."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

import pytest

from dicomnet import DicomNetError

Test = TypeVar("Test", bound=Callable[..., Any])

DCMTK = "DCMTK"
PYNETDICOM = "pynetdicom"
ORTHANC = "Orthanc"
PEERS = (DCMTK, PYNETDICOM, ORTHANC)
ROLES = ("SCU", "SCP")

SERVICES = {
    "echo": "Verification",
    "store": "Storage",
    "find patient": "Query, patient root",
    "find study": "Query, study root",
    "worklist": "Modality worklist",
    "get": "Retrieve by C-GET",
    "move": "Retrieve by C-MOVE",
    "commit": "Storage commitment, same association",
    "commit reverse": "Storage commitment, the provider calls back",
    "mpps": "Modality performed procedure step",
    "print": "Print management",
    "ups": "Unified procedure step",
    "n-services": "All N-services of other classes",
}
"""The rows of the table, in order; each once in the role of an SCU and once in that of an SCP."""

_NO_COMMITMENT = "DCMTK has no program for storage commitment"
_NO_MPPS = "DCMTK has no program for performed procedure steps"
_NO_UPS = "DCMTK has no program for unified procedure steps"
_NO_N_SERVICES = "DCMTK's programs use N-services for printing only"
_OWN_ASSOCIATION = "Orthanc sends and expects results on associations of their own"
_NO_GETTING = "Orthanc has what it retrieves moved to itself"
_ARCHIVE = "Orthanc is an archive and uses N-services for storage commitment only"

GAPS = {
    (service, role, peer): reason
    for peer, services in {
        DCMTK: {
            "commit": _NO_COMMITMENT,
            "commit reverse": _NO_COMMITMENT,
            "mpps": _NO_MPPS,
            "ups": _NO_UPS,
            "n-services": _NO_N_SERVICES,
        },
        ORTHANC: {"commit": _OWN_ASSOCIATION, **dict.fromkeys(("mpps", "print", "ups", "n-services"), _ARCHIVE)},
    }.items()
    for service, reason in services.items()
    for role in ROLES
} | {("get", "SCP", ORTHANC): _NO_GETTING}
"""Why there is no test of a service in a role (ours) with a peer."""


@dataclass(frozen=True, slots=True)
class Cell:
    """One test of a service, by name."""

    service: str
    role: str
    """Ours."""
    peer: str
    program: str
    """What of the peer takes part."""
    through: tuple[str, ...]
    """What of ours takes part."""
    tls: bool
    fault: str
    """What is known to be wrong, for as long as the test fails because of it."""
    test: str


CELLS: dict[str, Cell] = {}
"""The tests that have been imported, by name."""


def cell(
    service: str, role: str, peer: str, program: str = "", *, through: str, tls: bool = False, fault: str = ""
) -> Callable[[Test], Test]:
    """Declares what a test is about. It must say what it compared, through the fixture ``compared``.

    Args:
        service: a key of `SERVICES`.
        role: ours.
        peer: one of `PEERS`.
        program: of the peer.
        through: the public names of ours that it uses.
        tls: whether the link is secure.
        fault: what is known to be wrong; the test has to fail then.
    """
    assert service in SERVICES
    assert role in ROLES
    assert peer in PEERS

    def declare(test: Test) -> Test:
        name = test.__name__
        assert name not in CELLS or CELLS[name].service == service, f"two tests are called {name}"
        CELLS[name] = Cell(service, role, peer, program, tuple(through.split()), tls, fault, name)
        marked: Test = pytest.mark.cell(CELLS[name])(test)
        expected = pytest.mark.xfail(reason=fault, raises=(AssertionError, DicomNetError), strict=True)
        return expected(marked) if fault else marked

    return declare


def cells(service: str, role: str, peer: str) -> list[Cell]:
    """The tests of one place in the table."""
    return [one for one in CELLS.values() if (one.service, one.role, one.peer) == (service, role, peer)]


def table() -> str:
    """The whole matrix as Markdown: a row for each service and role, and below it why places are empty."""
    reasons = list(dict.fromkeys(GAPS.values()))
    lines = [f"| service | we are | {' | '.join(PEERS)} |", "|---|---|---|---|"]
    for service, title in SERVICES.items():
        for role in ROLES:
            places = []
            for peer in PEERS:
                found = [_entry(one) for one in cells(service, role, peer)]
                if (service, role, peer) in GAPS:
                    found.append(f"none ({reasons.index(GAPS[service, role, peer]) + 1})")
                places.append("<br>".join(found))
            lines.append(f"| {title} | {role} | {' | '.join(places)} |")
    lines += ["", *(f"({number}) {reason}.  " for number, reason in enumerate(reasons, 1))]
    return "\n".join(line.rstrip() for line in lines)


def _entry(one: Cell) -> str:
    ours = ", ".join(f"`{name}`" for name in one.through)
    what = f"{one.program} and {ours}" if one.program else ours
    return f"{what}{' over TLS' if one.tls else ''}: {one.test}{f' (fails: {one.fault})' if one.fault else ''}"

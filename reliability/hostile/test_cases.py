"""Hostile peers, some at a time: each gets its answer, and nobody else notices."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from reliability import figures, scale
from reliability.hostile import limited, provider
from reliability.hostile.case import Case, matches
from reliability.hostile.corpus import FAMILIES, SERVICES, check_names
from reliability.hostile.export import export
from reliability.hostile.secure import CASES as SECURE, HANDSHAKES, handshake
from reliability.hostile.speaking import seen
from reliability.hostile.watch import Place, Watch, warm, wrongly_answered
from reliability.node import Node
from tests.tls.certificates import make_site

EVERY_SERVICE = str(provider.__file__)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Place:
    """Where the receiver keeps things."""
    return Place(tmp_path_factory.mktemp("receiver"))


@pytest.fixture(scope="module")
def receiver(place: Place) -> Iterator[Node]:
    """`dicomnet recv` as everybody starts it."""
    with Node(place.kept, environment=place.environment) as node:
        warm(node)
        yield node


def _program(place: Place, *, workers: int = 1) -> Node:
    arguments = (str(place.kept), str(workers), "10", "256")
    return Node(place.kept, program=(EVERY_SERVICE, *arguments), environment=place.environment)


def _say(node: Node, place: Place, what: str, cases: Sequence[Case]) -> None:
    with Watch(node, place) as watch:
        wrong = wrongly_answered(node, cases)
    assert wrong == []
    figures.tell(f"hostile peers: {what}, {len(cases)} cases", watch.figure)


@pytest.mark.parametrize("family", FAMILIES)
def test_a_receiver_answers_hostile_peers(receiver: Node, place: Place, family: str) -> None:
    """As the standard says, to each of a family; nothing of them stays, and an innocent peer is served meanwhile."""
    _say(receiver, place, family, FAMILIES[family])


def test_a_server_with_every_service_answers_hostile_peers(tmp_path: Path) -> None:
    """What it would have to decode is refused before it is, and its handlers see only what they can work with."""
    place = Place(tmp_path)
    with _program(place) as node:
        warm(node)
        assert wrongly_answered(node, SERVICES["services"][-40:]) == []
        _say(node, place, "services", SERVICES["services"])


def test_worker_processes_answer_hostile_peers(tmp_path: Path) -> None:
    """Whichever process a connection comes to; a sample of every family."""
    place = Place(tmp_path)
    step = 1 if scale.WHOLE else 5
    cases = [one for family in (FAMILIES | SERVICES).values() for one in family[::step]]
    cases = [one for one in cases if one not in FAMILIES["contexts"]]  # this server takes no private classes
    with _program(place, workers=2) as node:
        _say(node, place, "two workers", cases)


def test_a_secure_receiver_answers_hostile_peers(tmp_path: Path) -> None:
    """What is no handshake, or one of somebody who may not, gets nowhere near DICOM; what comes behind one is as without."""
    place, hospital = Place(tmp_path / "place"), make_site(tmp_path)
    options = ("--tls-cert", str(hospital.server.file), "--tls-ca", str(hospital.authority.file))
    with Node(place.kept, *options, environment=place.environment) as node:
        for one in SECURE:
            assert matches(one.sees, words := seen(node.port, one)), f"{one.name}: {words}"
        for peer in HANDSHAKES:
            assert matches(peer.sees, words := handshake(node.port, hospital, peer)), f"{peer.name}: {words}"


@pytest.mark.skipif(not scale.WHOLE, reason="a part of the long form")
@pytest.mark.parametrize("space", [120, 160])
def test_a_receiver_with_little_memory_answers_hostile_peers(tmp_path: Path, space: int) -> None:
    """All that they can make it take is little more than what it has when it begins, some 50 MiB of addresses."""
    place = Place(tmp_path)
    one_heap = place.environment | {"MALLOC_ARENA_MAX": "1"}  # each other one reserves 64 MiB, whatever is in it
    command = (str(space), "-m", "dicomnet", "recv", "--port", "0", "--host", "127.0.0.1", "--output", str(place.kept))
    with Node(place.kept, program=(str(limited.__file__), *command), environment=one_heap) as node:
        warm(node)
        with Watch(node, place) as watch:
            wrong = [one for family in FAMILIES.values() for one in wrongly_answered(node, family)]
        assert wrong == []
        figures.tell(f"hostile peers: all, in {space} MiB of address space", watch.figure)


def test_each_case_has_a_name_of_its_own(tmp_path: Path) -> None:
    """And its bytes can be had as a file."""
    check_names()
    count = export(tmp_path)
    assert count == sum(map(len, (FAMILIES | SERVICES).values())) == len([*tmp_path.rglob("*.bin")])
    assert count >= 200

"""Crowds of hostile peers: garbage before an echo, and silent, dripping, deaf and vanished connections beside one."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from dicomnet import TlsConfig, sync
from dicomnet.aio.admission import YOUNG
from reliability import figures, scale
from reliability.hostile import provider
from reliability.hostile.crowd import Crowd, Dripping
from reliability.hostile.secure import TLS_HELLO
from reliability.hostile.speaking import seen
from reliability.hostile.strangers import CASES as STRANGERS
from reliability.hostile.watch import OUTAGE, Place, Watch, eventually_back, settled, warm
from reliability.hostile.wire import REQUEST, UID, identity, stored
from reliability.node import PATIENCE, Node
from tests.raw import ABORT_BY_USER, echo
from tests.tls.certificates import make_site

STRANGE_ADDRESSES = [f"127.0.1.{number}" for number in range(1, 11)]
WAITS = 3
"""Seconds of the server's ARTIM and stall time."""


@pytest.fixture
def place(tmp_path: Path) -> Place:
    """Where the node keeps things."""
    return Place(tmp_path / "place")


@pytest.fixture
def receiver(place: Place) -> Iterator[Node]:
    """`dicomnet recv` as everybody starts it."""
    with Node(place.kept, environment=place.environment) as node:
        warm(node)
        yield node


@pytest.fixture
def server(place: Place) -> Iterator[Node]:
    """A server with short patience, and room for a crowd."""
    program = (str(provider.__file__), str(place.kept), "1", str(WAITS), "2000")
    with Node(place.kept, program=program, environment=place.environment) as node:
        warm(node)
        yield node


def test_an_echo_behind_garbage_is_answered_at_once(receiver: Node) -> None:
    """Twelve strangers, one after the other, keep nobody waiting."""
    packets = [case for case in STRANGERS if case.sent][:12]
    for case in packets:
        seen(receiver.port, case)
    seconds = receiver.echo()
    assert seconds < OUTAGE
    figures.tell("12 packets of garbage, then an echo", f"answered after {seconds * 1000:.0f} ms")


def test_silent_connections_make_room(receiver: Node, place: Place) -> None:
    """More than a receiver has room for, from ten addresses: who says something is served all the same."""
    count = scale.of(400, 1000)
    before = settled(receiver)
    with Crowd(receiver.port, count, STRANGE_ADDRESSES):
        settled(receiver)  # it has accepted them
        time.sleep(2 * YOUNG)  # so long a new connection makes room for nobody, and twice that to be sure
        longest = max(receiver.echo() for _ in range(10))
        held = receiver.holdings()
    assert longest < OUTAGE
    eventually_back(receiver, before)
    figures.tell(
        f"{count} silent connections from {len(STRANGE_ADDRESSES)} addresses",
        f"longest echo meanwhile {longest:.2f} s, memory +{(held.memory - before.memory) / (1 << 20):.1f} MiB, "
        f"{held.seconds - before.seconds:.2f} s of processor time",
    )
    assert place.strays() == []


def test_dripping_peers_are_ended_and_slow_nobody(server: Node, place: Place) -> None:
    """A byte at a time, of a request or of a data set, is no progress; an honest peer does not notice."""
    count, seconds = scale.of(50, 500), scale.of(5, 60)
    half = stored(UID, identity(UID) + bytes(500))
    with Watch(server, place) as watch:
        before = server.holdings()
        with Crowd(server.port, count // 2) as strangers, Crowd(server.port, count // 2) as senders:
            senders.send(REQUEST)
            assert senders.take(6) == count // 2
            with Dripping(strangers, REQUEST, 0.1), Dripping(senders, half, 0.1):
                end = time.monotonic() + seconds
                while time.monotonic() < end:
                    watch.innocent.wait()
                used = server.holdings().seconds - before.seconds
            assert strangers.ends() == {b""}
            assert senders.ends() == {ABORT_BY_USER}
    figures.tell(
        f"{count} dripping peers for {seconds} s", f"all ended, {watch.figure}; {used:.2f} s of processor time"
    )


def test_idle_associations_cost_little(server: Node, place: Place) -> None:
    """Memory by the kilobyte, and no processor time."""
    count, seconds = scale.of(200, 1000), scale.of(2, 10)
    before = settled(server)
    with Crowd(server.port, count) as crowd:
        crowd.send(REQUEST)
        assert crowd.take(6) == count
        there = server.holdings()
        time.sleep(seconds)  # that is what is measured: time in which nothing happens
        after = server.holdings()
        grown = (after.memory - before.memory) / (1 << 20)
        assert after.descriptors >= count
        assert grown < 40 * count / 1000 + 4
    eventually_back(server, before)
    figures.tell(
        f"{count} idle associations",
        f"memory +{grown:.1f} MiB ({after.memory / (1 << 20):.0f} MiB in all), "
        f"{after.seconds - there.seconds:.2f} s of processor time in {seconds} s",
    )
    assert place.strays() == []


def test_deaf_peers_fill_no_memory(server: Node, place: Place) -> None:
    """They ask and never read the answers; what waits for them is bounded, and then they are ended."""
    count = scale.of(20, 100)
    with Watch(server, place) as watch, Crowd(server.port, count) as crowd:
        crowd.send(REQUEST)
        asked = crowd.stuff(echo() * 500)
    figures.tell(f"{count} deaf peers that ask for {asked >> 20} MiB of echoes", watch.figure)


def test_half_open_connections_are_found(server: Node, place: Place) -> None:
    """A cable was pulled in the middle of a store: nothing comes any more, not even an end."""
    count = scale.of(20, 200)
    with Watch(server, place) as watch, Crowd(server.port, count) as crowd:
        crowd.send(REQUEST)
        assert crowd.take(6) == count
        crowd.send(stored(UID, identity(UID) + bytes(5000))[:3000])
        try:
            crowd.half_open()
        except PermissionError:
            pytest.skip("needs root, for connections that vanish")
    figures.tell(f"{count} peers that vanish in a store", watch.figure)


def test_stalled_handshakes_hold_up_nobody(tmp_path: Path, place: Place) -> None:
    """Half a hello each, from ten addresses; who shakes hands from another is served meanwhile."""
    count, hospital = scale.of(100, 200), make_site(tmp_path)
    tls = TlsConfig(ca_file=hospital.authority.file, certificate=hospital.client.file, peer_name="pacs.example")
    options = ("--tls-cert", str(hospital.server.file), "--tls-ca", str(hospital.authority.file))
    with (
        Node(place.kept, *options, environment=place.environment) as node,
        Crowd(node.port, count, STRANGE_ADDRESSES) as crowd,
    ):
        crowd.send(TLS_HELLO[:5])
        longest = 0.0
        for _ in range(5):
            began = time.perf_counter()
            with sync.associate(node.address, contexts=["verification"], tls=tls) as association:
                assert association.echo() == 0
            longest = max(longest, time.perf_counter() - began)
    assert longest < PATIENCE
    figures.tell(f"{count} stalled TLS handshakes", f"longest secure echo meanwhile {longest:.2f} s")

"""How many connections, how fast, and who makes room."""

from __future__ import annotations

import socket
from collections.abc import Iterator

import pytest

from dicomnet.aio.admission import YOUNG, Admission, Place
from dicomnet.limits import Limits
from dicomnet.pdu import AssociateReject

TOO_MANY = AssociateReject(2, 3, 2)


class Gate:
    """An admission, a clock, and connections that only a test has."""

    def __init__(self, **limits: float | None) -> None:
        self.now = 0.0
        self.told: list[tuple[str, str]] = []
        self.dropped: list[Place] = []
        self.admission = Admission(
            Limits(**limits),
            tell=lambda host, why: self.told.append((host, why)),
            clock=lambda: self.now,  # type: ignore[arg-type]
        )
        self._pairs: list[socket.socket] = []
        self.peers: dict[Place, socket.socket] = {}

    def enter(self, host: str, *, proxied: bool = False, rated: bool = True) -> Place | None:
        ours, theirs = socket.socketpair()
        ours.setblocking(False)
        self._pairs += (ours, theirs)
        place = self.admission.enter(host, ours, proxied=proxied, rated=rated)
        if place is not None:
            self.peers[place] = theirs
            place.drop = lambda: self.dropped.append(place)
        return place

    def refusals(self, hosts: str, *, proxied: bool = False) -> list[AssociateReject | None]:
        places = [self.enter(host, proxied=proxied) for host in hosts]
        assert None not in places
        return [place.refuse for place in places if place is not None]

    def close(self) -> None:
        for sock in self._pairs:
            sock.close()


@pytest.fixture
def gates() -> Iterator[list[Gate]]:
    made: list[Gate] = []
    yield made
    for gate in made:
        gate.close()


def made(gates: list[Gate], **limits: float | None) -> Gate:
    gates.append(Gate(**limits))
    return gates[-1]


def test_connections_are_admitted_up_to_the_limit(gates: list[Gate]) -> None:
    """One too many is told to come again later, and counts until it has left like the others."""
    gate = made(gates, associations=2)
    assert gate.refusals("abc") == [None, None, TOO_MANY]
    assert gate.admission.count == 3
    a, _, c = gate.peers
    c.leave()
    assert gate.refusals("d") == [TOO_MANY]
    [*_, d] = gate.peers
    d.leave()
    a.leave()
    a.leave()
    assert gate.admission.count == 1
    assert gate.refusals("e") == [None]


def test_far_too_many_are_not_even_heard(gates: list[Gate]) -> None:
    """Above twice the limit; one line tells of all of an address in a second."""
    gate = made(gates, associations=1)
    assert gate.refusals("ab") == [None, TOO_MANY]
    assert [gate.enter("c"), gate.enter("c"), gate.enter("d")] == [None, None, None]
    assert gate.admission.count == 2
    assert gate.told == [(host, "is dropped unheard: 2 connections are open") for host in "cd"]


def test_one_address_does_not_lock_out_the_others(gates: list[Gate]) -> None:
    """A modality in a loop uses up its own share."""
    gate = made(gates, associations=100, associations_per_address=2)
    assert gate.refusals("aaab") == [None, None, TOO_MANY, None]
    first, second, *_ = gate.peers
    first.leave()
    assert gate.refusals("a") == [TOO_MANY]
    second.leave()
    [*_, last] = gate.peers
    last.leave()
    assert gate.refusals("a") == [None]


def test_who_has_left_is_forgotten(gates: list[Gate]) -> None:
    """A receiver that meets many addresses does not remember them."""
    gate = made(gates)
    for number in range(300):
        place = gate.enter(str(number))
        assert place is not None
        place.leave()
    admission = gate.admission
    assert (admission.count, len(admission._per_address), len(admission._silent)) == (0, 0, 0)


def test_one_too_many_stays_one_behind_a_proxy(gates: list[Gate]) -> None:
    """It may have been refused where all processes are counted, and not this one alone."""
    gate = made(gates, associations=100)
    place = gate.enter("p", proxied=True)
    assert place is not None
    place.refuse = TOO_MANY
    assert place.is_of("a")
    assert place.refuse == TOO_MANY


# Who says nothing.


def test_the_oldest_silent_connection_of_an_address_makes_room(gates: list[Gate]) -> None:
    """In its first half second it does not: its words may be on their way."""
    gate = made(gates, associations_per_address=2)
    assert gate.refusals("aab") == [None, None, None]
    first, second, _ = gate.peers
    gate.now += YOUNG / 2
    assert gate.refusals("a") == [TOO_MANY]
    gate.now += YOUNG
    assert gate.refusals("a") == [None]
    assert gate.dropped == [first, second]
    assert gate.told == [("a", "has 3 connections that say nothing; the oldest makes room for others")]


def test_the_greediest_address_makes_room_where_everything_is_full(gates: list[Gate]) -> None:
    """Whoever else says nothing is not to blame."""
    gate = made(gates, associations=5)
    assert gate.refusals("abbbc") == [None] * 5
    gate.now += YOUNG
    assert gate.refusals("d") == [None]
    assert [place.host for place in gate.dropped] == ["b"]
    assert gate.admission.count == 5


def test_who_has_spoken_makes_room_for_nobody(gates: list[Gate]) -> None:
    """Whether it was heard, or lies in the socket and nobody has looked."""
    gate = made(gates, associations_per_address=2)
    assert gate.refusals("aa") == [None, None]
    first, second = gate.peers
    first.heard()
    gate.peers[second].sendall(b"x")
    gate.now += 10
    assert gate.refusals("a") == [TOO_MANY]
    assert gate.dropped == []


def test_a_flood_of_silence_holds_up_others_for_half_a_second(gates: list[Gate]) -> None:
    """However many come: those that were admitted and those that were to be refused make room."""
    gate = made(gates, associations=8, associations_per_address=4, connections_per_second=None)
    for host in "abcdefgh" * 3:
        gate.enter(host)
    assert gate.admission.count == 16
    assert gate.enter("z") is None
    gate.now += YOUNG
    assert gate.refusals("z") == [None]
    assert gate.admission.count == 8


# How fast.


def test_an_address_that_connects_too_fast_is_closed_unheard(gates: list[Gate]) -> None:
    """The log says so once a second, and the others do not notice."""
    gate = made(gates, connections_per_second=10.0, connection_burst=2)
    assert [gate.enter("10.0.0.1") is None for _ in range(5)] == [False, False, True, True, True]
    assert gate.enter("10.0.0.2") is not None
    why = "connects more than 10 times a second; what is too much is closed unheard"
    assert gate.told == [("10.0.0.1", why)]
    assert gate.admission.count == 3
    gate.now += 1.01
    assert [gate.enter("10.0.0.1") is None for _ in range(3)] == [False, False, True]
    assert gate.told == [("10.0.0.1", why)] * 2


@pytest.mark.parametrize("host", ["127.0.0.1", "127.9.9.9", "::1"])
def test_this_machine_may_connect_as_fast_as_it_can(gates: list[Gate], host: str) -> None:
    """What comes from itself is its own, or many peers' behind a tunnel."""
    gate = made(gates, connections_per_second=1.0, connection_burst=1)
    assert [gate.enter(host) is None for _ in range(10)] == [False] * 10
    assert gate.told == []


def test_a_rate_that_was_counted_elsewhere_is_not_counted_again(gates: list[Gate]) -> None:
    """By the process that accepts for many."""
    gate = made(gates, connections_per_second=1.0, connection_burst=1)
    assert [gate.enter("10.0.0.1", rated=False) is None for _ in range(3)] == [False] * 3


# Behind proxies.


def test_connections_of_a_proxy_count_for_whom_it_speaks(gates: list[Gate]) -> None:
    """Neither its number nor its rate is the proxy's own."""
    gate = made(gates, associations_per_address=1, connections_per_second=1.0, connection_burst=2)
    assert gate.refusals("ppppp", proxied=True) == [None] * 5
    one, other, third, fourth, fifth = gate.peers
    assert [one.is_of("a"), other.is_of("a"), third.is_of("a"), fourth.is_of("b")] == [True, True, False, True]
    assert [place.refuse for place in (one, other, fourth)] == [None, TOO_MANY, None]
    assert [host for host, _ in gate.told] == ["a"]
    for place in (one, other, third, fourth, fifth):
        place.leave()
    assert not fifth.is_of("a")
    admission = gate.admission
    assert (admission.count, len(admission._per_address), len(admission._silent)) == (0, 0, 0)


def test_a_silent_connection_behind_a_proxy_makes_room_for_its_own_kind(gates: list[Gate]) -> None:
    """Once it is known from where it comes."""
    gate = made(gates, associations_per_address=1)
    assert gate.refusals("pp", proxied=True) == [None, None]
    first, second = gate.peers
    assert first.is_of("a")
    gate.now += YOUNG
    assert second.is_of("a")
    assert gate.dropped == [first]
    assert second.refuse is None


def test_a_connection_whose_socket_is_gone_has_said_nothing(gates: list[Gate]) -> None:
    """It makes room like any other."""
    gate = made(gates, associations_per_address=1)
    assert gate.refusals("a") == [None]
    [place] = gate.peers
    place._sock.close()
    gate.now += YOUNG
    assert gate.refusals("a") == [None]

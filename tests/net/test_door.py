"""Who stands at the door of a listening object, before and after the application has accepted him."""

from __future__ import annotations

import logging
import re
import socket
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from typing import Any

import pytest

from dicomnet import runtime
from dicomnet.aio import admission
from dicomnet.aio.door import TurnedAway
from dicomnet.errors import InvalidValue, StateError, TlsFailed
from dicomnet.limits import Limits, Timeouts
from net.recorder import PATIENCE, Provider, Recorder
from raw import RELEASE_RP, RELEASE_RQ, TOO_MANY, RawPeer, associate, echo, eventually

HERE = "127.0.0.0/8"


def speaking_for(host: str, port: int = 50000) -> bytes:
    """What a proxy says first."""
    return f"PROXY TCP4 {host} 127.0.0.1 {port} 104\r\n".encode()


class House:
    """A listener that gives each connection to a provider of its own, unless it is told to leave them waiting."""

    def __init__(self, *, accepts: bool = True, proxies: str | tuple[str, ...] = (), **settings: Any) -> None:
        self.listener = Recorder(**settings)
        self.settings = settings
        self.providers: list[Provider] = []
        self.listener.react("accept", self._accept if accepts else lambda error: None)
        _, self.port = self.listener.listen("127.0.0.1", proxies=proxies)

    def _accept(self, error: Exception | None) -> None:
        provider = Provider(**self.settings)
        self.providers.append(provider)
        self.listener.accept(provider)


@pytest.fixture
def house() -> Iterator[Callable[..., House]]:
    with runtime(), ExitStack() as stack:

        def make(**settings: Any) -> House:
            made = House(**settings)
            stack.enter_context(made.listener)
            return made

        yield make


Make = Callable[..., House]


def converse(peer: RawPeer, first: bytes = b"") -> None:
    """An association, an echo, a release, and the end."""
    peer.associate(first + associate())
    peer.send(echo())
    assert peer.take_pdu()[:1] == b"\4"
    peer.send(RELEASE_RQ)
    assert peer.take_pdu() == RELEASE_RP
    peer.finish()
    assert peer.take_rest() == b""


def test_a_peer_behind_a_proxy_has_its_own_address(house: Make, caplog: pytest.LogCaptureFixture) -> None:
    """Once it has asked for an association, at the latest; the log names the proxy as well."""
    caplog.set_level(logging.INFO, logger="dicomnet")
    made = house(proxies=HERE)
    with RawPeer(made.port) as peer:
        converse(peer, speaking_for("10.1.2.9", 51234))
    made.listener.wait("close ok of a client")
    [provider] = made.providers
    assert (provider.peer_address, provider.peer_port) == ("10.1.2.9", 51234)
    assert re.search(r"HOSTILE@10\.1\.2\.9 via 127\.0\.0\.1 -> ARCHIVE released", caplog.text)


def test_a_header_that_is_slow_holds_up_nobody_behind_it(house: Make) -> None:
    """Connections are accepted in the order in which they came, whatever has been said on them."""
    made = house(proxies=HERE)
    with RawPeer(made.port) as slow, RawPeer(made.port) as quick:
        slow.send(speaking_for("10.0.0.1")[:20])
        converse(quick, speaking_for("10.0.0.2"))
        slow.send(speaking_for("10.0.0.1")[20:])
        converse(slow)
    assert [provider.peer_address for provider in made.providers] == ["10.0.0.1", "10.0.0.2"]


@pytest.mark.parametrize(
    ("proxies", "sent", "says"),
    [
        (HERE, associate(), "a trusted proxy has sent no PROXY header"),
        ((), speaking_for("10.0.0.1"), "none of our proxies speaks for others"),
    ],
)
def test_who_is_turned_away_is_told_once(
    house: Make, caplog: pytest.LogCaptureFixture, proxies: str, sent: bytes, says: str
) -> None:
    """By `on_close` of the object that has the connection, and of the listener; and in one line of the log."""
    made = house(proxies=proxies)
    with RawPeer(made.port) as peer:
        peer.send(sent)
        assert peer.take_rest() == b""
    made.listener.wait("close TurnedAway of a client")
    [provider] = made.providers
    assert provider.told == ["close TurnedAway"]
    assert says in str(provider.events[0][1][0])
    assert isinstance(provider.events[0][1][0], TurnedAway)
    [line] = [one.getMessage() for one in caplog.records if one.levelno >= logging.WARNING]
    assert says in line


def test_limits_are_those_of_the_address_behind_a_proxy(house: Make) -> None:
    """One too many of it is rejected with 2/3/2, though it was accepted when nobody knew."""
    made = house(proxies=HERE, limits=Limits(associations_per_address=1))
    with RawPeer(made.port) as first, RawPeer(made.port) as second, RawPeer(made.port) as third:
        first.associate(speaking_for("10.0.0.1") + associate())
        second.associate(speaking_for("10.0.0.2") + associate())
        third.send(speaking_for("10.0.0.1") + associate())
        assert third.take_pdu() == TOO_MANY
        for peer in (first, second, third):
            peer.finish()


def test_a_proxy_that_is_none_is_a_mistake() -> None:
    """And nothing listens then."""
    with runtime(), Recorder() as listener:
        with pytest.raises(InvalidValue, match="as in"):
            listener.listen("127.0.0.1", proxies="proxy.example")
        listener.listen("127.0.0.1")


@pytest.mark.parametrize("accepts", [True, False])
def test_who_says_nothing_makes_room(
    house: Make, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, accepts: bool
) -> None:
    """Whether the application has accepted him or not; in the second case it finds others in the queue."""
    monkeypatch.setattr(admission, "YOUNG", 0.0)
    made = house(accepts=accepts, limits=Limits(associations_per_address=3))
    with ExitStack() as stack:
        silent = [stack.enter_context(RawPeer(made.port)) for _ in range(10)]
        for peer in silent[:7]:
            assert peer.take_rest() == b""
        peer = stack.enter_context(RawPeer(made.port))
        peer.send(associate())
        if not accepts:
            assert silent[7].take_rest() == b""
            eventually(lambda: len(made.listener._waiting) == 3, "the newcomer does not wait")
            for _ in range(3):
                made.listener.accept(Provider())
            with pytest.raises(StateError, match="no connection is waiting"):
                made.listener.accept(Provider())
        assert peer.take_pdu()[:1] == b"\2"
        peer.send(RELEASE_RQ)
        assert peer.take_pdu() == RELEASE_RP
        peer.finish()
    lines = [one.getMessage() for one in caplog.records if one.levelno >= logging.WARNING]
    assert lines[0] == "127.0.0.1 has 3 connections that say nothing; the oldest makes room for others"


def test_who_connects_too_fast_is_closed_unheard(
    house: Make, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Before the application hears of him; one line tells of it."""
    monkeypatch.setattr(admission, "is_loopback", lambda host: False)
    made = house(limits=Limits(connections_per_second=0.01, connection_burst=2))
    with ExitStack() as stack:
        peers = [stack.enter_context(RawPeer(made.port)) for _ in range(6)]
        for peer in peers[2:]:
            assert peer.take_rest() == b""
        for peer in peers[:2]:
            converse(peer)
    assert len(made.providers) == 2
    lines = [one.getMessage() for one in caplog.records if one.levelno >= logging.WARNING]
    assert lines == ["127.0.0.1 connects more than 0.01 times a second; what is too much is closed unheard"]


def test_a_tls_peer_on_a_plain_port_ends_its_connection_alone(house: Make) -> None:
    """It is told what it met; `on_secure_link_ready` is not for who never wanted a secure link."""
    made = house()
    with RawPeer(made.port) as peer:
        peer.send(b"\x16\x03\x01\0\5\1\0\0\1\3")
        assert peer.take_rest()[:1] == b"\x15"
    with RawPeer(made.port) as other:
        converse(other)
    made.listener.wait("close TlsFailed of a client")
    assert made.providers[0].told == ["close TlsFailed"]
    assert isinstance(made.providers[0].events[0][1][0], TlsFailed)


def test_closing_while_somebody_is_heard(house: Make) -> None:
    """The connection goes, and whoever it was is told nothing more."""
    made = house(timeouts=Timeouts(artim=60.0))
    with closing(socket.create_connection(("127.0.0.1", made.port), PATIENCE)) as silent:
        made.listener.wait("accept ok")
        eventually(lambda: len(made.listener.clients) == 1, "he is not accepted")
        made.providers[0].close()
        assert silent.recv(1) == b""
        eventually(lambda: not made.listener.clients, "he is still there")
        assert made.listener._admission.count == 0

"""The door of a server: proxies, floods of silence, TLS and plain peers mixed up, and nobody lost at the end."""

from __future__ import annotations

import logging
import re
import socket
import ssl
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from pathlib import Path
from time import monotonic
from typing import Any

import pytest

import dicomnet
from dicomnet.aio import admission
from dicomnet.aio.observe import Associated, Cause, ConnectionRefused, Observed
from dicomnet.cli._certificate import self_signed
from dicomnet.dimse.status import Status
from dicomnet.errors import AssociationRejected, InvalidValue
from dicomnet.limits import Limits, Timeouts
from dicomnet.server.server import Server
from dicomnet.tls import TlsConfig
from raw import (
    PATIENCE,
    RELEASE_RP,
    RELEASE_RQ,
    TOO_MANY,
    UNEXPECTED_MESSAGE,
    RawPeer,
    associate,
    echo,
    eventually,
)
from server.serving import TITLE, local

HERE = "127.0.0.0/8"
NO_REASON = bytes.fromhex("0300 00000004 00 010101")


def speaking_for(host: str, port: int = 50000) -> bytes:
    """What a proxy says first."""
    return f"PROXY TCP4 {host} 127.0.0.1 {port} 104\r\n".encode()


def call(server: Server) -> dicomnet.Association:
    return dicomnet.associate(f"{TITLE}@127.0.0.1:{server.port}", aet="ME", contexts=["verification"])


def converse(peer: RawPeer, first: bytes = b"") -> None:
    """An association, an echo, a release, and the end."""
    peer.send(first + associate())
    assert peer.take_pdu()[:1] == b"\2"
    peer.send(echo())
    assert peer.take_pdu()[:1] == b"\4"
    peer.send(RELEASE_RQ)
    assert peer.take_pdu() == RELEASE_RP
    peer.finish()
    assert peer.take_rest() == b""


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    return self_signed(tmp_path_factory.mktemp("certificate"), ["127.0.0.1"])


@pytest.fixture
def connect() -> Iterator[Callable[[Server], RawPeer]]:
    """Makes connections that are closed at the end."""
    with ExitStack() as stack:
        yield lambda server: stack.enter_context(RawPeer(server.port))


Connect = Callable[[Server], RawPeer]


# Proxies.


def test_a_peer_behind_a_proxy_has_its_own_address(connect: Connect, caplog: pytest.LogCaptureFixture) -> None:
    """For handlers, observers and the log, which names the proxy as well."""
    caplog.set_level(logging.INFO, logger="dicomnet")
    seen: list[Any] = []
    with local(None, proxies=HERE) as server:

        @server.on_echo
        def answer(request: Any) -> int:
            seen.append(request.association.peer_address)
            return 0

        @server.observe
        def note(event: Observed) -> None:
            if isinstance(event, Associated):
                seen.append(event.peer_address)

        converse(connect(server), speaking_for("10.1.2.9", 51234))
        eventually(lambda: "released" in caplog.text, "the line in the log")
    assert seen == [("10.1.2.9", 51234)] * 2
    assert re.search(r"HOSTILE@10\.1\.2\.9 via 127\.0\.0\.1 -> ARCHIVE released", caplog.text)


def test_rules_are_about_the_address_behind_a_proxy(connect: Connect) -> None:
    """And what is given out to this machine is not given out to whoever comes by a proxy on it."""
    with local(None, proxies=HERE, networks="10.1.0.0/16") as server:
        converse(connect(server), speaking_for("10.1.2.9"))
        for first in (speaking_for("10.2.0.1"), b"PROXY UNKNOWN\r\n"):
            peer = connect(server)
            peer.send(first + associate())
            assert peer.take_pdu() == NO_REASON


def test_limits_are_those_of_the_address_behind_a_proxy(connect: Connect) -> None:
    """The proxy itself may have any number; one too many of an address is rejected with 2/3/2."""
    with local(None, proxies=HERE, limits=Limits(associations_per_address=1)) as server:
        for host in ("10.0.0.1", "10.0.0.2", "10.0.0.3"):
            connect(server).associate(speaking_for(host) + associate())
        peer = connect(server)
        peer.send(speaking_for("10.0.0.2") + associate())
        assert peer.take_pdu() == TOO_MANY


def test_each_address_of_a_server_has_its_own_proxies(connect: Connect, caplog: pytest.LogCaptureFixture) -> None:
    """Those of the server, unless it is told others."""
    server = local(None, proxies=HERE)
    server.listen(0, host="127.0.0.1", proxies=())
    server.listen(0, host="127.0.0.1")
    with server:
        proxied, plain, also = (port for _, port in server.addresses)
        for port in (proxied, also):
            with RawPeer(port) as peer:
                converse(peer, speaking_for("10.0.0.1"))
        with RawPeer(plain) as peer:
            converse(peer)
        with RawPeer(plain) as peer:
            peer.send(speaking_for("10.0.0.1") + associate())
            assert peer.take_rest() == b""
        eventually(lambda: "none of our proxies" in caplog.text, "the line in the log")
    [line] = [one for one in caplog.records if one.levelno >= logging.WARNING]
    assert "127.0.0.1: somebody who is none of our proxies speaks for others" in line.getMessage()


def test_a_proxy_that_is_none_is_a_mistake() -> None:
    """And so is one that the server is told later."""
    with pytest.raises(InvalidValue, match="as in"):
        local(proxies="10.1.0.1/16")
    with pytest.raises(InvalidValue, match="as in"):
        local().listen(0, proxies=["proxy.example"])


def test_a_secure_link_may_come_by_a_proxy(connect: Connect, certificate: tuple[Path, Path]) -> None:
    """Which passes on what it cannot read; its header comes before the handshake."""
    cert, key = certificate
    seen: list[Any] = []
    with local(None, proxies=HERE, tls=TlsConfig(certificate=cert, private_key=key)) as server:
        server.observe(seen.append)
        context = TlsConfig(ca_file=cert).requestor_context()
        with socket.create_connection(("127.0.0.1", server.port), PATIENCE) as sock:
            sock.sendall(speaking_for("10.1.2.9"))
            with context.wrap_socket(sock, server_hostname="127.0.0.1") as secure:
                secure.sendall(associate())
                assert secure.recv(1) == b"\2"
        eventually(lambda: bool(seen), "the association")
    assert seen[0].peer_address == ("10.1.2.9", 50000)


# Who says nothing.


def test_three_hundred_who_say_nothing_do_not_keep_one_out_who_does() -> None:
    """After half a second the oldest of them make room; who has spoken stays."""
    with local() as server, call(server) as before, ExitStack() as stack:
        for _ in range(300):
            stack.enter_context(closing(socket.create_connection(("127.0.0.1", server.port), PATIENCE)))
        answers: list[Any] = []
        eventually(lambda: answers.append(tried(server)) or answers[-1] == Status.SUCCESS, "they keep him out")
        assert set(answers) <= {(2, 3, 2), Status.SUCCESS}
        assert before.echo() == Status.SUCCESS


def tried(server: Server) -> Any:
    """What comes of an echo: its status, or the rejection of the association."""
    try:
        with call(server) as association:
            return association.echo()
    except AssociationRejected as refusal:
        return (refusal.result, refusal.source, refusal.reason)


def test_silent_connections_to_a_secure_port_take_no_places_of_handshakes(certificate: tuple[Path, Path]) -> None:
    """However few there are: one begins with a hello."""
    cert, key = certificate
    limits = Limits(handshakes=1)
    with (
        local(
            tls=TlsConfig(certificate=cert, private_key=key), limits=limits, timeouts=Timeouts(handshake=60)
        ) as server,
        ExitStack() as stack,
    ):
        for _ in range(10):
            stack.enter_context(closing(socket.create_connection(("127.0.0.1", server.port), PATIENCE)))
        address = f"{TITLE}@127.0.0.1:{server.port}"
        with dicomnet.associate(
            address, aet="ME", contexts=["verification"], tls=TlsConfig(ca_file=cert), timeouts=Timeouts(handshake=15)
        ) as association:
            assert association.echo() == 0


def test_the_silent_are_told_to_the_log_and_to_observers_once_a_second(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """A flood of connections is none of lines."""
    monkeypatch.setattr(admission, "YOUNG", 0.0)
    seen: list[Observed] = []
    with local(limits=Limits(associations_per_address=2)) as server, ExitStack() as stack:
        server.observe(seen.append)
        for _ in range(30):
            stack.enter_context(closing(socket.create_connection(("127.0.0.1", server.port), PATIENCE)))
        with call(server) as association:
            association.echo()
    lines = [one.getMessage() for one in caplog.records if one.levelno >= logging.WARNING]
    told = [one for one in seen if isinstance(one, ConnectionRefused)]
    assert 1 <= len(lines) == len(told) < 10
    assert lines[0] == "127.0.0.1 has 2 connections that say nothing; the oldest makes room for others"
    assert told[0].cause is Cause.LIMIT
    assert told[0].peer_address == ("127.0.0.1", 0)


# What a port is not for.


def test_a_plain_peer_on_a_secure_port_is_named_in_one_line(
    connect: Connect, certificate: tuple[Path, Path], caplog: pytest.LogCaptureFixture
) -> None:
    """And closed, after an alert; a health check is none."""
    cert, key = certificate
    seen: list[Observed] = []
    with local(tls=TlsConfig(certificate=cert, private_key=key)) as server:
        server.observe(seen.append)
        peer = connect(server)
        peer.finish()
        assert peer.take_rest() == b""
        peer = connect(server)
        peer.send(associate())
        assert peer.take_rest() == UNEXPECTED_MESSAGE
        eventually(lambda: "DICOM without TLS" in caplog.text, "the line in the log")
    [line] = [one.getMessage() for one in caplog.records if one.levelno >= logging.WARNING]
    assert re.fullmatch(
        r"\w{4} 127\.0\.0\.1: no secure link: the peer does not speak TLS \(it speaks DICOM without TLS\)", line
    )
    assert [one.cause for one in seen if isinstance(one, ConnectionRefused)] == [Cause.TLS]


def test_a_tls_peer_on_a_plain_port_is_named_in_one_line(
    connect: Connect, certificate: tuple[Path, Path], caplog: pytest.LogCaptureFixture
) -> None:
    """And told by an alert."""
    outgoing = ssl.MemoryBIO()
    client = (
        TlsConfig(ca_file=certificate[0]).requestor_context().wrap_bio(ssl.MemoryBIO(), outgoing, server_hostname="x")
    )
    with pytest.raises(ssl.SSLWantReadError):
        client.do_handshake()
    with local() as server:
        peer = connect(server)
        peer.send(outgoing.read())
        assert peer.take_rest() == UNEXPECTED_MESSAGE
        eventually(lambda: "speaks TLS" in caplog.text, "the line in the log")
    [line] = [one.getMessage() for one in caplog.records if one.levelno >= logging.WARNING]
    assert re.fullmatch(r"\w{4} 127\.0\.0\.1: no secure link: the peer speaks TLS, and this port does not", line)


def test_the_time_to_ask_for_an_association_begins_with_the_connection(connect: Connect) -> None:
    """Who speaks late has no more of it (PS3.8 9.1.5)."""
    with local(timeouts=Timeouts(artim=2.0)) as server:
        peer = connect(server)
        began = monotonic()
        assert not peer.readable(1.7)
        peer.send(associate()[:20])
        assert peer.take_rest() == b""
        assert monotonic() - began < 3.5


# Sockets of others, and the end.


@pytest.mark.parametrize("descriptor", [False, True])
def test_a_socket_that_listens_already_is_used_and_stays_its_owners(descriptor: bool) -> None:
    """Whoever connects after the end waits in its queue for the next server."""
    with closing(socket.create_server(("127.0.0.1", 0))) as listening:
        server = Server(TITLE, sock=listening.fileno() if descriptor else listening)
        assert server.port == listening.getsockname()[1]
        with server, call(server) as association:
            assert association.echo() == 0
        with socket.create_connection(listening.getsockname(), PATIENCE) as early:
            early.sendall(associate(called=TITLE.encode()))
            with Server(TITLE, sock=listening):
                early.settimeout(PATIENCE)
                assert early.recv(1) == b"\2"


def test_a_socket_that_does_not_listen_is_a_mistake() -> None:
    """Also a descriptor that is none."""
    with closing(socket.socket()) as sock:
        with pytest.raises(InvalidValue, match="no TCP socket that listens"):
            Server(TITLE, sock=sock)
        number = sock.fileno()
    with pytest.raises(InvalidValue, match="is no open socket"):
        local().listen(sock=number)
    with (
        closing(socket.socket(socket.AF_UNIX)) as sock,
        pytest.raises(InvalidValue, match="no TCP socket that listens"),
    ):
        local().listen(sock=sock.fileno())


def test_who_has_connected_before_the_end_is_served() -> None:
    """Whether he was accepted and has not spoken yet, or waits to be accepted."""
    request = associate(called=TITLE.encode())
    with local() as server, ExitStack() as stack:
        running, port = server._site.running, server.port
        early = stack.enter_context(RawPeer(port))
        eventually(lambda: len(running._connections) == 1, "he was not accepted")
        late: list[RawPeer] = []
        endings: list[Any] = []

        def end() -> None:
            late.append(stack.enter_context(RawPeer(port)))  # nobody accepts him meanwhile: the loop is here
            endings.append(running.loop.create_task(running.stop(PATIENCE)))

        running.loop.call_soon_threadsafe(end)
        eventually(lambda: running.stopping, "it does not end")
        for peer in (early, *late):
            peer.associate(request)
            peer.send(RELEASE_RQ)
            assert peer.take_pdu() == RELEASE_RP
            peer.finish()
        assert len(late) == 1
        with closing(socket.socket()) as stranger, pytest.raises(ConnectionRefusedError):
            stranger.connect(("127.0.0.1", port))


def test_half_an_association_request_does_not_hold_up_the_end(connect: Connect) -> None:
    """Who is in the middle of asking has a second for the rest."""
    server = local()
    with server:
        peer = connect(server)
        peer.send(associate()[:50])
        began = monotonic()
        server.close(grace=PATIENCE)
        assert monotonic() - began < PATIENCE / 2
        assert peer.take_rest() == b""


def test_a_header_may_come_byte_by_byte(connect: Connect) -> None:
    """Whatever is behind it is the conversation, from its first byte on."""
    with local(None, proxies=HERE) as server:
        peer = connect(server)
        for byte in speaking_for("10.1.2.9"):
            peer.send(bytes([byte]))
        converse(peer)

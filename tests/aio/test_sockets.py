"""Sockets before there is a transport."""

from __future__ import annotations

import asyncio
import errno
import os
import socket
import struct
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager

import pytest
import uvloop

from dicomnet.aio.sockets import IpType, SocketOptions, address_text, bind, open_socket
from dicomnet.errors import ConnectFailed

V4, V6 = "127.0.0.1", "::1"


@contextmanager
def listening(host: str = V4, port: int = 0, **options: object) -> Iterator[list[socket.socket]]:
    with ExitStack() as stack:
        yield [stack.enter_context(closing(sock)) for sock in bind(host, port, **options)]  # type: ignore[arg-type]


def port_of(sockets: list[socket.socket]) -> int:
    (port,) = {sock.getsockname()[1] for sock in sockets}
    return port


def reaches(host: str, port: int) -> bool:
    try:
        socket.create_connection((host, port), timeout=5).close()
    except ConnectionRefusedError:
        return False
    return True


@contextmanager
def silent_address() -> Iterator[int]:
    """The port of a peer whose backlog is full: it answers nobody, not even with a refusal."""
    with ExitStack() as stack:
        listener = stack.enter_context(socket.socket())
        listener.bind((V4, 0))
        listener.listen(0)
        for _ in range(4):
            filler = stack.enter_context(socket.socket())
            filler.setblocking(False)
            filler.connect_ex(listener.getsockname())
        yield listener.getsockname()[1]


# Listening.


@pytest.mark.parametrize("host", ["", "*"])
def test_every_address_means_both_families(host: str) -> None:
    """A receiver that is told no address is reached over IPv4 and IPv6 alike."""
    with listening(host) as sockets:
        assert reaches(V4, port_of(sockets))
        assert reaches(V6, port_of(sockets))


@pytest.mark.parametrize(("ip_type", "reached"), [(IpType.IPV4, [V4]), (IpType.IPV6, [V6])])
def test_one_family_means_not_the_other(ip_type: IpType, reached: list[str]) -> None:
    """IPv6 alone does not serve IPv4 by the back door of a dual-stack socket."""
    with listening("", ip_type=ip_type) as sockets:
        assert [address for address in (V4, V6) if reaches(address, port_of(sockets))] == reached


def test_any_port_is_the_same_for_all_addresses_of_a_host(monkeypatch: pytest.MonkeyPatch) -> None:
    """A host with two addresses gets two sockets and one port, so that one number can be told to others."""
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: _infos("127.0.0.1", "127.0.0.2", "127.0.0.1"))
    with listening("two.example") as sockets:
        assert [sock.getsockname()[0] for sock in sockets] == ["127.0.0.1", "127.0.0.2"]
        assert port_of(sockets) != 0


def test_a_port_that_is_taken_at_one_address_leaves_no_socket_open(monkeypatch: pytest.MonkeyPatch) -> None:
    """The sockets bound before the failure are closed again."""
    with listening("127.0.0.2") as taken:
        port = port_of(taken)
        monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: _infos("127.0.0.1", "127.0.0.2", port=port))
        with pytest.raises(OSError, match="in use"):
            bind("two.example", port)
        monkeypatch.undo()
        assert not reaches("127.0.0.1", port)


def test_without_ipv6_every_address_is_every_ipv4_address(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine with IPv6 switched off still listens; one told to use IPv6 alone says why it cannot."""
    real = socket.socket

    def no_ipv6(family: int = socket.AF_INET, *rest: int) -> socket.socket:
        if family == socket.AF_INET6:
            raise OSError(errno.EAFNOSUPPORT, os.strerror(errno.EAFNOSUPPORT))
        return real(family, *rest)

    monkeypatch.setattr(socket, "socket", no_ipv6)
    with listening("") as sockets:
        assert sockets[0].family == socket.AF_INET
    with pytest.raises(OSError, match="not supported"):
        bind("", ip_type=IpType.IPV6)


def test_a_taken_port_is_an_error() -> None:
    """SO_REUSEADDR takes a port out of TIME_WAIT, not from somebody who listens."""
    with listening() as sockets, pytest.raises(OSError, match="in use"):
        bind(V4, port_of(sockets))


def test_a_port_can_be_listened_on_again_at_once() -> None:
    """A server that restarts does not wait for its old connections to be forgotten."""
    with listening() as sockets:
        port = port_of(sockets)
        with socket.create_connection((V4, port)) as client:
            accepted = _accept(sockets[0])
            accepted.close()
            client.recv(1)
    with listening(port=port) as sockets:
        assert port_of(sockets) == port


def _accept(sock: socket.socket) -> socket.socket:
    sock.setblocking(True)
    return sock.accept()[0]


def _infos(*hosts: str, port: int = 0) -> list[tuple[int, int, int, str, tuple[str, int]]]:
    return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (host, port)) for host in hosts]


# Connecting.


@pytest.fixture
def both(monkeypatch: pytest.MonkeyPatch) -> None:
    """The resolver knows every name, and for each an address of either kind."""

    async def answer(_: object, host: str, port: int, *, family: int = 0, **__: object) -> list[tuple[object, ...]]:
        infos = [(socket.AF_INET, (V4, port)), (socket.AF_INET6, (V6, port, 0, 0))]
        return [(found, socket.SOCK_STREAM, 6, "", address) for found, address in infos if family in (0, found)]

    monkeypatch.setattr(asyncio.BaseEventLoop, "getaddrinfo", answer)
    monkeypatch.setattr(uvloop.Loop, "getaddrinfo", answer, raising=False)


@pytest.mark.parametrize("host", [V4, V6, "localhost"])
async def test_a_socket_is_opened_to_an_address_or_a_name(host: str) -> None:
    """It is connected and does not block."""
    with listening("") as sockets, closing(await open_socket(host, port_of(sockets), timeout=5)) as sock:
        assert sock.getpeername()[1] == port_of(sockets)
        assert sock.gettimeout() == 0


@pytest.mark.parametrize(("ip_type", "host"), [(IpType.IPV4, V4), (IpType.IPV6, V6)])
async def test_the_family_can_be_chosen(ip_type: IpType, host: str, both: None) -> None:
    """A name with addresses of both kinds is reached over the wanted one."""
    with listening("") as sockets:
        sock = await open_socket("both.example", port_of(sockets), ip_type=ip_type, timeout=5)
        with closing(sock):
            assert sock.getpeername()[0] == host


@pytest.mark.parametrize("host", [V4, V6])
async def test_the_next_address_of_a_name_is_tried(host: str, both: None) -> None:
    """A service on one of the addresses is found, whichever the resolver names first."""
    with listening(host) as sockets, closing(await open_socket("both.example", port_of(sockets), timeout=5)) as sock:
        assert sock.getpeername()[0] == host


@pytest.mark.parametrize(("to", "local"), [(V4, ("127.0.0.5", 0)), (V6, (V6, 0)), (V4, ("", 0)), (V6, ("", 0))])
async def test_a_connection_can_come_from_an_address_of_ours(to: str, local: tuple[str, int]) -> None:
    """Peers that know us by address must see the right one; nothing named is any."""
    with listening("") as sockets, closing(await open_socket(to, port_of(sockets), local=local, timeout=5)) as sock:
        assert sock.getsockname()[0] == (local[0] or to)


@pytest.mark.parametrize("host", [V4, V6])
async def test_a_connection_can_come_from_a_port_of_ours(host: str) -> None:
    """Some peers admit only one port; an address need not be named with it."""
    with listening("") as sockets, listening("") as free:
        port = port_of(free)
        free[0].close()
        with closing(await open_socket(host, port_of(sockets), local=("", port), timeout=5)) as sock:
            assert sock.getsockname()[1] == port


# What goes wrong, in plain words.


async def test_a_refusal_is_told() -> None:
    """Nobody listens there."""
    with listening() as sockets:
        port = port_of(sockets)
    with pytest.raises(ConnectFailed) as caught:
        await open_socket(V4, port, timeout=5)
    assert str(caught.value) == f"cannot connect to 127.0.0.1:{port}: connection refused"


async def test_an_ipv6_address_is_written_with_brackets() -> None:
    """Otherwise its last group would look like the port."""
    with listening(V6) as sockets:
        port = port_of(sockets)
    with pytest.raises(ConnectFailed) as caught:
        await open_socket(V6, port, timeout=5)
    assert str(caught.value) == f"cannot connect to [::1]:{port}: connection refused"


async def test_silence_is_told_in_time() -> None:
    """A host that drops everything keeps nobody waiting beyond the time."""
    started = time.monotonic()
    with silent_address() as port, pytest.raises(ConnectFailed, match=r": no answer within 0\.2 s$"):
        await open_socket(V4, port, timeout=0.2)
    assert time.monotonic() - started < 5


@pytest.fixture
def ports(monkeypatch: pytest.MonkeyPatch) -> None:
    """The resolver makes an address of every label of a name: that port of this machine."""

    async def answer(_: object, host: str, port: int, **__: object) -> list[tuple[object, ...]]:
        if host == V4:  # uvloop asks again
            return list(_infos(V4, port=port))
        return [_infos(V4, port=int(each))[0] for each in host.split(".")]

    monkeypatch.setattr(asyncio.BaseEventLoop, "getaddrinfo", answer)
    monkeypatch.setattr(uvloop.Loop, "getaddrinfo", answer, raising=False)


async def test_silent_addresses_leave_time_for_the_next(ports: None) -> None:
    """Each gets its share of what is left, so the last is reached though those before it never answer."""
    with silent_address() as silent, listening() as sockets:
        started = time.monotonic()
        with closing(await open_socket(f"{silent}.{silent}.{port_of(sockets)}", 104, timeout=0.6)) as sock:
            assert sock.getpeername()[1] == port_of(sockets)
        assert 0.35 <= time.monotonic() - started < 0.6


async def test_an_address_that_refuses_leaves_its_time_to_the_next(ports: None) -> None:
    """Time that is not needed is shared again, and silence at the end lasts as long as there is time."""
    with listening() as sockets:
        refusing = port_of(sockets)
    with silent_address() as silent:
        started = time.monotonic()
        with pytest.raises(ConnectFailed, match=r"no answer within 0\.3 s"):
            await open_socket(f"{refusing}.{refusing}.{silent}", 104, timeout=0.3)
        assert time.monotonic() - started >= 0.25


async def test_without_a_time_the_system_decides(ports: None) -> None:
    """The next address is tried when the one before it has failed, however long that took."""
    with listening() as sockets:
        refusing = port_of(sockets)
    with listening() as sockets, closing(await open_socket(f"{refusing}.{port_of(sockets)}", 104)) as sock:
        assert sock.getpeername()[1] == port_of(sockets)


async def test_an_unknown_name_is_told() -> None:
    """The resolver's number says nothing, its words do. RFC 6761 promises that this name does not exist."""
    with pytest.raises(ConnectFailed, match=r"nowhere\.invalid:104: the host name cannot be resolved \(.+\)"):
        await open_socket("nowhere.invalid", 104, timeout=10)


async def test_a_local_address_that_is_not_ours_is_told() -> None:
    """192.0.2.1 is nobody's (RFC 5737)."""
    with listening() as sockets, pytest.raises(ConnectFailed, match="cannot assign requested address"):
        await open_socket(V4, port_of(sockets), local=("192.0.2.1", 0), timeout=5)


async def test_cancelling_closes_the_socket() -> None:
    """Who gives up while connecting leaves no descriptor behind, which the loop's own check sees."""
    with silent_address() as port:
        task = asyncio.ensure_future(open_socket(V4, port))
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task


# Options.


def sizes(sock: socket.socket) -> tuple[int, int]:
    return (
        sock.getsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF),
        sock.getsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF),
    )


async def test_the_defaults_are_set_on_a_connection() -> None:
    """No delay, and keepalive after a minute."""
    with listening() as sockets, closing(await open_socket(V4, port_of(sockets), timeout=5)) as sock:
        assert sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
        assert sock.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)
        assert sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE) == 60
        assert sock.getsockopt(socket.SOL_SOCKET, socket.SO_LINGER, 8) == bytes(8)


async def test_options_are_set_on_both_ends() -> None:
    """Buffer sizes on the listener too, since a connection has its window before anybody can touch it."""
    options = SocketOptions(
        no_delay=False, send_buffer_size=40_000, receive_buffer_size=50_000, keep_alive=None, linger=3.0
    )
    with listening(options=options) as sockets:
        assert sizes(sockets[0]) == (80_000, 100_000)  # Linux doubles what is asked for
        with closing(await open_socket(V4, port_of(sockets), timeout=5, options=options)) as sock:
            with closing(_accept(sockets[0])) as accepted:
                assert sizes(accepted) == (80_000, 100_000)
            assert sizes(sock) == (80_000, 100_000)
            assert not sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
            assert not sock.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)
            assert sock.getsockopt(socket.SOL_SOCKET, socket.SO_LINGER, 8) == b"\1\0\0\0\3\0\0\0"


@pytest.mark.parametrize(("seconds", "whole"), [(0.0, 0), (0.5, 1), (2.0, 2), (2.1, 3)])
def test_a_time_to_linger_is_rounded_up(seconds: float, whole: int) -> None:
    """Half a second is not none at all, which would reset the connection and lose what has not left."""
    with socket.socket() as sock:
        SocketOptions(linger=seconds).apply(sock)
        assert sock.getsockopt(socket.SOL_SOCKET, socket.SO_LINGER, 8) == struct.pack("ii", 1, whole)


def test_options_of_tcp_leave_other_sockets_alone() -> None:
    """A socket handed over by somebody else may be of any family."""
    ours, theirs = socket.socketpair()
    with ours, theirs:
        before = sizes(ours)
        SocketOptions(send_buffer_size=40_000).apply(ours)
        assert sizes(ours) == before


@pytest.mark.parametrize(
    ("address", "text"),
    [
        (("10.0.0.5", 104), ("10.0.0.5", 104)),
        (("::1", 104, 0, 0), ("::1", 104)),
        (("::ffff:10.0.0.5", 104, 0, 0), ("10.0.0.5", 104)),
        (("::ffff:0:1", 104, 0, 0), ("::ffff:0:1", 104)),
    ],
)
def test_an_ipv4_peer_of_a_dual_stack_socket_is_written_as_ipv4(
    address: tuple[object, ...], text: tuple[str, int]
) -> None:
    """So that limits and address books see one address for one machine."""
    assert address_text(address) == text

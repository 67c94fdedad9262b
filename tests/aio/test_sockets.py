"""Connecting a socket without blocking the loop."""

from __future__ import annotations

import asyncio
import socket
import time
from contextlib import closing

import pytest
import uvloop

from dicomnet.aio.sockets import open_socket
from dicomnet.errors import ConnectFailed
from dicomnet.sockets import IpType, SocketOptions
from listeners import V4, V6, accept, infos, listening, port_of, silent_address, sizes

# Connecting.


@pytest.fixture
def both(monkeypatch: pytest.MonkeyPatch) -> None:
    """The resolver knows every name, and for each an address of either kind."""

    async def answer(_: object, host: str, port: int, *, family: int = 0, **__: object) -> list[tuple[object, ...]]:
        known = [(socket.AF_INET, (V4, port)), (socket.AF_INET6, (V6, port, 0, 0))]
        return [(found, socket.SOCK_STREAM, 6, "", address) for found, address in known if family in (0, found)]

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
            return list(infos(V4, port=port))
        return [infos(V4, port=int(each))[0] for each in host.split(".")]

    monkeypatch.setattr(asyncio.BaseEventLoop, "getaddrinfo", answer)
    monkeypatch.setattr(uvloop.Loop, "getaddrinfo", answer, raising=False)


async def test_silent_addresses_leave_time_for_the_next(ports: None) -> None:
    """Each gets its share of what is left, so the last is reached though those before it never answer."""
    with silent_address() as silent, listening() as sockets:
        started = time.monotonic()
        with closing(await open_socket(f"{silent}.{silent}.{port_of(sockets)}", 104, timeout=1.5)) as sock:
            assert sock.getpeername()[1] == port_of(sockets)
        assert time.monotonic() - started > 0.8  # two of three shares


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
            with closing(accept(sockets[0])) as accepted:
                assert sizes(accepted) == (80_000, 100_000)
            assert sizes(sock) == (80_000, 100_000)
            assert not sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
            assert not sock.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)
            assert sock.getsockopt(socket.SOL_SOCKET, socket.SO_LINGER, 8) == b"\1\0\0\0\3\0\0\0"

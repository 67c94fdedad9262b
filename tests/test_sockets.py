"""Sockets before there is a connection."""

from __future__ import annotations

import errno
import os
import socket
import struct

import pytest

from dicomnet.sockets import IpType, SocketOptions, address_text, bind
from listeners import V4, V6, accept, infos, listening, port_of, reaches, sizes

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
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: infos("127.0.0.1", "127.0.0.2", "127.0.0.1"))
    with listening("two.example") as sockets:
        assert [sock.getsockname()[0] for sock in sockets] == ["127.0.0.1", "127.0.0.2"]
        assert port_of(sockets) != 0


def test_a_port_that_is_taken_at_one_address_leaves_no_socket_open(monkeypatch: pytest.MonkeyPatch) -> None:
    """The sockets bound before the failure are closed again."""
    with listening("127.0.0.2") as taken:
        port = port_of(taken)
        monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: infos("127.0.0.1", "127.0.0.2", port=port))
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
            accepted = accept(sockets[0])
            accepted.close()
            client.recv(1)
    with listening(port=port) as sockets:
        assert port_of(sockets) == port


# Options.


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

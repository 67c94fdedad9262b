"""Sockets before there is a connection: options, binding, addresses, and what goes wrong on the way to one, in words."""

from __future__ import annotations

import errno
import os
import socket
import struct
from collections.abc import Sequence
from enum import IntFlag
from math import ceil

from dicomnet.records import dataclass

BACKLOG = 512
"""Connections that the system holds until they are accepted: all peers of a large site, who come back at the same moment."""


class IpType(IntFlag):
    """Which address families to use."""

    IPV4 = 1
    IPV6 = 2
    IPV4_OR_IPV6 = 3


@dataclass(frozen=True, slots=True)
class SocketOptions:
    """Options of every connection's socket; None leaves what the system does."""

    no_delay: bool = True
    """TCP_NODELAY: without it a message can wait 40 ms for the acknowledgement of the one before."""
    send_buffer_size: int | None = None
    """SO_SNDBUF, in bytes."""
    receive_buffer_size: int | None = None
    """SO_RCVBUF, in bytes."""
    keep_alive: float | None = 60.0
    """Seconds of silence before TCP asks whether the peer still lives."""
    linger: float | None = None
    """SO_LINGER, in seconds, rounded up to whole ones; the standard says not to (PS3.8 9.1.4)."""

    @classmethod
    def defaults(cls) -> SocketOptions:
        """What a new object uses."""
        return cls()

    def apply(self, sock: socket.socket) -> None:
        """Sets the options on a connected or connecting socket."""
        if sock.family not in (socket.AF_INET, socket.AF_INET6):
            return
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, int(self.no_delay))
        self.apply_buffer_sizes(sock)
        if self.keep_alive is not None:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
            if hasattr(socket, "TCP_KEEPIDLE"):
                sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, max(1, int(self.keep_alive)))
        if self.linger is not None:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _linger(self.linger))

    def apply_buffer_sizes(self, sock: socket.socket) -> None:
        """Buffer sizes take effect on the window only before the connection is made, so a listener sets them too."""
        if self.send_buffer_size is not None:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, self.send_buffer_size)
        if self.receive_buffer_size is not None:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, self.receive_buffer_size)


def bind(
    host: str = "",
    port: int = 0,
    *,
    ip_type: IpType = IpType.IPV4_OR_IPV6,
    backlog: int = BACKLOG,
    options: SocketOptions = SocketOptions(),
) -> list[socket.socket]:
    """Listening sockets for a host and port.

    Args:
        host: "" and "*" are every address of the machine.
        port: 0 is the first free one; all sockets get the same.

    Raises:
        OSError: the address is in use, not ours, or not allowed.
    """
    if host in ("", "*"):
        return [_bind_everywhere(port, ip_type, backlog, options)]
    infos = socket.getaddrinfo(host, port, family_of(ip_type), socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    sockets: list[socket.socket] = []
    try:
        for family, _, _, _, address in dict.fromkeys(infos):
            chosen = sockets[0].getsockname()[1] if sockets else port
            sockets.append(_listening(family, (address[0], chosen, *address[2:]), backlog, options))
    except OSError:
        for sock in sockets:
            sock.close()
        raise
    return sockets


def unconnected(
    family: int, kind: int, protocol: int, *, local: tuple[str, int] | None, options: SocketOptions
) -> socket.socket:
    """A non-blocking socket with its options set, bound to `local` unless that is ("", 0) or None: any address of ours.

    Raises:
        OSError: there is no such family here, or the local address is not ours.
    """
    sock = socket.socket(family, kind, protocol)
    try:
        sock.setblocking(False)
        options.apply(sock)
        if local is not None and local != ("", 0):
            sock.bind((local[0] or ("::" if family == socket.AF_INET6 else _ANY_IPV4), local[1]))
    except BaseException:
        sock.close()
        raise
    return sock


def family_of(ip_type: IpType) -> int:
    """What a resolver is asked for."""
    if ip_type == IpType.IPV4:
        return socket.AF_INET
    return socket.AF_INET6 if ip_type == IpType.IPV6 else socket.AF_UNSPEC


def place(host: str, port: int) -> str:
    """Host and port as one text; an IPv6 address in brackets, or its last group would look like the port."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def no_answer(timeout: float | None) -> str:
    """What is said of a peer that let the seconds for connecting pass."""
    return "no answer" if timeout is None else f"no answer within {timeout:g} s"


def no_address() -> OSError:
    """What a resolver's empty answer amounts to."""
    return OSError(errno.EADDRNOTAVAIL, "the host has no address of the wanted kind")


def address_text(address: Sequence[object]) -> tuple[str, int]:
    """Host and port of a socket address; an IPv4 peer of a dual-stack socket is written as IPv4."""
    host, port = str(address[0]), int(str(address[1]))
    return host.removeprefix("::ffff:") if "." in host else host, port


def plain_reason(error: OSError | UnicodeError) -> str:
    """What the system has against an address, in words."""
    if isinstance(error, UnicodeError):  # of a label that is too long or empty, which no resolver sees
        return "the host name cannot be resolved (it is none)"
    if isinstance(error, socket.gaierror):
        return f"the host name cannot be resolved ({error.strerror})"
    # asyncio wraps the system's words in its own; the number gives them back.
    return (os.strerror(error.errno) if error.errno else str(error)).lower()


def broken_reason(error: Exception) -> str:
    """How a connection ended that was up, in words."""
    text = getattr(error, "strerror", None) or str(error) or type(error).__name__
    return f"the connection broke: {text[0].lower()}{text[1:]}"


def _bind_everywhere(port: int, ip_type: IpType, backlog: int, options: SocketOptions) -> socket.socket:
    if ip_type & IpType.IPV6 and socket.has_ipv6:
        try:
            return _listening(socket.AF_INET6, ("::", port), backlog, options, dual_stack=bool(ip_type & IpType.IPV4))
        except OSError as error:
            # A machine with IPv6 switched off still serves IPv4.
            if error.errno not in (errno.EAFNOSUPPORT, errno.EADDRNOTAVAIL) or not ip_type & IpType.IPV4:
                raise
    return _listening(socket.AF_INET, (_ANY_IPV4, port), backlog, options)


def _listening(
    family: int, address: tuple[object, ...], backlog: int, options: SocketOptions, *, dual_stack: bool = False
) -> socket.socket:
    sock = socket.socket(family, socket.SOCK_STREAM)
    try:
        # No SO_REUSEPORT: whoever waits in the queue of one process would be lost with it, and the system deals connections
        # out without a look at who has how many.
        if hasattr(socket, "SO_REUSEADDR") and not hasattr(socket, "SO_EXCLUSIVEADDRUSE"):
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, int(not dual_stack))
        options.apply_buffer_sizes(sock)
        sock.bind(address)
        sock.listen(backlog)
        sock.setblocking(False)
    except OSError:
        sock.close()
        raise
    return sock


def _linger(seconds: float) -> bytes:
    # Up, because 0 would throw away what has not left and reset the connection.
    return struct.pack("ii", 1, ceil(seconds))


_ANY_IPV4 = "0.0.0.0"  # noqa: S104 (a receiver that only this machine can reach is useless)

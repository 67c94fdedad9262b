"""From a socket to a running channel, plain or with TLS."""

from __future__ import annotations

import asyncio
import os
import socket
from typing import TYPE_CHECKING

from dicomnet.aio.channel import Channel, User
from dicomnet.aio.hub import hub
from dicomnet.aio.sockets import open_socket
from dicomnet.dimse.endpoint import Endpoint
from dicomnet.errors import ConnectionLost
from dicomnet.sockets import IpType, SocketOptions, place

if TYPE_CHECKING:
    import ssl

    from dicomnet.aio.secure import SecureTransport


async def attach(
    sock: socket.socket,
    channel: Channel,
    *,
    context: ssl.SSLContext | None = None,
    server_side: bool = False,
    server_hostname: str | None = None,
    handshake_timeout: float | None = None,
    peer: str = "the peer",
) -> None:
    """Makes a connected socket the channel's transport; with a context, after the TLS handshake.

    Args:
        server_hostname: the name the peer's certificate must bear, where the context checks it.
        handshake_timeout: in seconds.
        peer: how it is called if there is no link.

    Raises:
        TlsFailed: the handshake failed or took too long. The socket is closed.
        OSError: the peer closed the socket meanwhile.
    """
    loop = asyncio.get_running_loop()
    identity = _identity(sock)
    protocol: asyncio.BufferedProtocol = channel
    secure: SecureTransport | None = None
    try:
        if context is not None:
            from dicomnet.aio.secure import SecureTransport
            from dicomnet.tls.link import SecureLink

            link = SecureLink(context, server_side=server_side, name=server_hostname, peer=peer)
            protocol = secure = SecureTransport(link, channel, channel.hub)
        if server_side:
            await loop.connect_accepted_socket(lambda: protocol, sock)
        else:
            await loop.create_connection(lambda: protocol, sock=sock)
        if secure is not None:
            await secure.handshaken(handshake_timeout)
    except OSError as error:
        _close(sock, identity)
        if secure is None:
            raise
        raise secure.link.lost() or ConnectionLost() from error
    except BaseException:
        _close(sock, identity)
        raise
    if channel.ended:
        _close(sock, identity)


async def connect(
    host: str,
    port: int,
    core: Endpoint,
    user: User,
    *,
    local: tuple[str, int] | None = None,
    ip_type: IpType = IpType.IPV4_OR_IPV6,
    options: SocketOptions = SocketOptions(),
    context: ssl.SSLContext | None = None,
    server_hostname: str | None = None,
) -> Channel:
    """Opens a connection and drives `core` over it, under the core's own connect and handshake times.

    Raises:
        ConnectFailed: nobody answers there.
        TlsFailed: somebody does, but there is no secure link.
    """
    timeouts = core.connection.timeouts
    sock = await open_socket(host, port, local=local, ip_type=ip_type, timeout=timeouts.connect, options=options)
    channel = Channel(core, user, hub())
    await attach(
        sock,
        channel,
        context=context,
        server_hostname=server_hostname or host,
        handshake_timeout=timeouts.handshake,
        peer=f"the peer at {place(host, port)}",
    )
    return channel


def _identity(sock: socket.socket) -> tuple[int, int] | None:
    """None of a socket that is no file to the system: one that was closed, and any on Windows."""
    try:
        status = os.fstat(sock.fileno())
    except OSError:
        return None
    return status.st_dev, status.st_ino


def _close(sock: socket.socket, identity: tuple[int, int] | None) -> None:
    """Closes a socket whose transport has ended.

    uvloop closes the descriptor below the socket object when a connection
    breaks while it is being made. The number may belong to somebody else then.
    """
    if _identity(sock) == identity:
        sock.close()
    else:
        sock.detach()

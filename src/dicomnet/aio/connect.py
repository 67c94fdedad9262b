"""From a socket to a running channel, plain or with TLS."""

from __future__ import annotations

import asyncio
import socket
from typing import TYPE_CHECKING

from dicomnet.aio.channel import Channel, User
from dicomnet.aio.hub import hub
from dicomnet.aio.sockets import IpType, SocketOptions, open_socket
from dicomnet.dimse.endpoint import Endpoint
from dicomnet.errors import TlsFailed

if TYPE_CHECKING:
    import ssl


async def attach(
    sock: socket.socket,
    channel: Channel,
    *,
    context: ssl.SSLContext | None = None,
    server_side: bool = False,
    server_hostname: str | None = None,
    handshake_timeout: float | None = None,
) -> None:
    """Makes a connected socket the channel's transport; with a context, after the TLS handshake.

    Args:
        server_hostname: the name the peer's certificate must bear, where the context checks it.
        handshake_timeout: in seconds.

    Raises:
        TlsFailed: the handshake failed or took too long. The socket is closed.
        OSError: the peer closed the socket meanwhile.
    """
    loop = asyncio.get_running_loop()
    limit = None if context is None else handshake_timeout or _FOR_EVER
    try:
        if server_side:
            await loop.connect_accepted_socket(lambda: channel, sock, ssl=context, ssl_handshake_timeout=limit)
        else:
            name = None if context is None else (server_hostname or "")
            await loop.create_connection(
                lambda: channel, sock=sock, ssl=context, server_hostname=name, ssl_handshake_timeout=limit
            )
    except OSError as error:
        sock.close()
        if context is None:
            raise
        raise TlsFailed(_reason(error, handshake_timeout)) from error
    except BaseException:
        sock.close()
        raise


async def connect(
    host: str,
    port: int,
    core: Endpoint,
    user: User,
    *,
    local: tuple[str, int] | None = None,
    ip_type: IpType = IpType.IPV4_OR_IPV6,
    options: SocketOptions = SocketOptions(),  # noqa: B008 (frozen)
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
    )
    return channel


def _reason(error: OSError, handshake_timeout: float | None) -> str:
    if isinstance(error, TimeoutError | ConnectionAbortedError):
        return f"the handshake was not over within {handshake_timeout:g} s" if handshake_timeout else "no handshake"
    if isinstance(error, ConnectionResetError):
        return "the peer closed the connection during the handshake (does it speak TLS?)"
    reason = getattr(error, "verify_message", None) or getattr(error, "reason", None) or error.strerror or str(error)
    text = str(reason).lower().replace("_", " ")
    if text == "wrong version number":
        return "the peer does not speak TLS (wrong version number)"
    return text


_FOR_EVER = 365 * 86400.0

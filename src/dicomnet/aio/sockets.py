"""Connecting a socket without blocking the loop."""

from __future__ import annotations

import asyncio
import errno
import socket

from dicomnet.errors import ConnectFailed
from dicomnet.sockets import (
    IpType,
    SocketOptions,
    family_of,
    no_address,
    no_answer,
    place,
    plain_reason,
    unconnected,
)


async def open_socket(
    host: str,
    port: int,
    *,
    local: tuple[str, int] | None = None,
    ip_type: IpType = IpType.IPV4_OR_IPV6,
    timeout: float | None = None,
    options: SocketOptions = SocketOptions(),
) -> socket.socket:
    """A connected, non-blocking socket: the peer's addresses are tried in the resolver's order, each for its share of time.

    Args:
        local: our own address and port to connect from; ("", 0) or None is any.
        timeout: seconds for all of it.

    Raises:
        ConnectFailed: no address could be reached in time.
    """
    where = place(host, port)
    try:
        async with asyncio.timeout(timeout):
            return await _open_first(host, port, local, ip_type, timeout, options)
    except TimeoutError:
        raise ConnectFailed(where, no_answer(timeout)) from None
    except (OSError, UnicodeError) as error:
        raise ConnectFailed(where, plain_reason(error)) from error


async def _open_first(
    host: str,
    port: int,
    local: tuple[str, int] | None,
    ip_type: IpType,
    timeout: float | None,
    options: SocketOptions,
) -> socket.socket:
    loop = asyncio.get_running_loop()
    end = None if timeout is None else loop.time() + timeout
    try:
        infos = await loop.getaddrinfo(host, port, family=family_of(ip_type), type=socket.SOCK_STREAM)
    except RuntimeError as error:  # asyncio has no threads to ask with once the program has come to its end
        raise OSError(errno.ECANCELED, "the program is ending") from error
    failure: OSError | None = None
    for left, (family, kind, protocol, _, address) in zip(range(len(infos), 0, -1), infos, strict=True):
        # A silent address leaves time for the others; the last has what there is, which the caller sees to.
        share = None if end is None or left == 1 else (end - loop.time()) / left
        sock: socket.socket | None = None
        try:
            sock = unconnected(family, kind, protocol, local=local, options=options)
            async with asyncio.timeout(share):
                await loop.sock_connect(sock, address)
            return sock
        except OSError as error:
            failure = failure or error
            if sock is not None:
                sock.close()
        except BaseException:
            if sock is not None:
                sock.close()
            raise
    raise failure or no_address()

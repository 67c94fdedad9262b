"""From an address to a running wire, plain or with TLS."""

from __future__ import annotations

import errno
import socket
import threading
import time
from contextlib import suppress
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING, Any

from dicomnet.dimse.endpoint import Endpoint
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
from dicomnet.sync.stream import Stream
from dicomnet.sync.wire import User, Wire

if TYPE_CHECKING:
    import ssl


def open_wire(
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
) -> Wire:
    """Opens a connection and drives `core` over it, under the core's own connect and handshake times.

    Args:
        local: our own address and port to connect from; ("", 0) or None is any.
        context: for TLS.
        server_hostname: the name the peer's certificate must bear, where the context checks it; None is the host.

    Raises:
        ConnectFailed: nobody answers there.
        TlsFailed: somebody does, but there is no secure link.
    """
    timeouts = core.connection.timeouts
    sock = open_socket(host, port, local=local, ip_type=ip_type, timeout=timeouts.connect, options=options)
    try:
        if context is None:
            return Wire(core, user, Stream(sock))
        from dicomnet.sync.secure import secure

        peer = f"the peer at {place(host, port)}"
        return Wire(core, user, secure(sock, context, server_hostname or host, timeouts.handshake, peer=peer))
    except BaseException:
        sock.close()
        raise


def open_socket(
    host: str,
    port: int,
    *,
    local: tuple[str, int] | None = None,
    ip_type: IpType = IpType.IPV4_OR_IPV6,
    timeout: float | None = None,
    options: SocketOptions = SocketOptions(),
) -> socket.socket:
    """A connected socket: the peer's addresses are tried in the resolver's order, each for its share of time.

    Args:
        local: our own address and port to connect from; ("", 0) or None is any.
        timeout: seconds for all of it, the resolver's included.

    Raises:
        ConnectFailed: no address could be reached in time.
    """
    try:
        return _open_first(host, port, local, ip_type, timeout, options)
    except TimeoutError:
        raise ConnectFailed(place(host, port), no_answer(timeout)) from None
    except (OSError, UnicodeError) as error:
        raise ConnectFailed(place(host, port), plain_reason(error)) from error


def _open_first(
    host: str,
    port: int,
    local: tuple[str, int] | None,
    ip_type: IpType,
    timeout: float | None,
    options: SocketOptions,
) -> socket.socket:
    end = None if timeout is None else time.monotonic() + timeout
    infos = _resolve(host, port, family_of(ip_type), timeout)
    failure: OSError | None = None
    for left, (family, kind, protocol, _, address) in zip(range(len(infos), 0, -1), infos, strict=True):
        # A silent address leaves time for the others; the last has what there is.
        share = None if end is None else (end - time.monotonic()) / left
        if share is not None and share <= 0:
            raise TimeoutError
        sock: socket.socket | None = None
        try:
            sock = unconnected(family, kind, protocol, local=local, options=options)
            sock.settimeout(share)
            sock.connect(address)
            return sock
        except OSError as error:
            failure = failure or error
            if sock is not None:
                sock.close()
            if left == 1 and isinstance(error, TimeoutError) and error.errno is None:  # our time, not the system's
                raise
        except BaseException:
            if sock is not None:
                sock.close()
            raise
    raise failure or no_address()


def _resolve(host: str, port: int, family: int, timeout: float | None) -> list[Any]:
    """What the resolver says, for which it has this time; it knows no timeout itself, so it gets a thread."""
    if timeout is None:
        return socket.getaddrinfo(host, port, family, socket.SOCK_STREAM)
    with suppress(socket.gaierror):  # of a name; an address asks nobody
        numeric = host.encode()  # text would have Python load the tables of international names
        return socket.getaddrinfo(numeric, port, family, socket.SOCK_STREAM, flags=socket.AI_NUMERICHOST)
    answer: SimpleQueue[Any] = SimpleQueue()

    def ask() -> None:
        try:
            answer.put(socket.getaddrinfo(host, port, family, socket.SOCK_STREAM))
        except Exception as error:  # noqa: BLE001 (raised below)
            answer.put(error)

    try:
        threading.Thread(target=ask, name="dicomnet resolver", daemon=True).start()
    except RuntimeError as error:
        raise OSError(errno.ECANCELED, "the program is ending") from error
    try:
        found = answer.get(timeout=timeout)
    except Empty:
        raise TimeoutError from None
    if isinstance(found, Exception):
        raise found
    return list(found)

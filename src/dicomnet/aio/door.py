"""The door: where an accepted socket stands until its peer has spoken, before there is any transport.

Here a proxy says for whom it speaks, and the first byte tells whether the peer
speaks what the port is for. That byte is looked at and stays in the socket; of
a proxy's header not a byte too many is taken. So whoever says nothing holds a
socket and nothing else, and a TLS handshake begins only with somebody who wants
one.
"""

from __future__ import annotations

import asyncio
import socket
from contextlib import suppress

from dicomnet.aio.admission import Place
from dicomnet.errors import ConnectionLost, TlsFailed
from dicomnet.limits import Timeouts
from dicomnet.networks import is_loopback
from dicomnet.proxied import NoProxyHeader, Proxied, looks_proxied, missing, pull_proxied


class TurnedAway(ConnectionLost):
    """Who is at the door is not let in; the log should say so."""


class Guest:
    """One connection at the door, and what is known of where it comes from.

    Args:
        place: its place among the connections of its listener.
        since: when it came, in the loop's time.
        proxied: it comes from a trusted proxy, who says for whom it speaks, and has to.
    """

    __slots__ = ("_proxied", "host", "place", "port", "since", "sock", "via")

    def __init__(
        self, sock: socket.socket, host: str, port: int, place: Place, since: float, *, proxied: bool = False
    ) -> None:
        self.sock = sock
        self.host = host
        """The peer's address; behind a proxy that of the proxy until `hear` returns, and "unknown" if that does not know. Who
        calls from the proxy's own machine has the proxy's address."""
        self.port = port
        self.via = ""
        """The address of the proxy that it comes by."""
        self.place = place
        self.since = since
        self._proxied = proxied

    @property
    def address(self) -> tuple[str, int] | None:
        """Host and port that the proxy has told; None where the socket knows them."""
        return (self.host, self.port) if self.via else None

    def __str__(self) -> str:
        return f"{self.host} via {self.via}" if self.via else self.host

    async def hear(self, timeouts: Timeouts, *, secure: bool) -> None:
        """Waits until the peer has said its first byte, closed, or let the time for that pass.

        On a port without TLS the last two are no errors: a core is told of them like of everything else that a peer
        does, and of when the connection began (`since`).

        Args:
            secure: a TLS handshake is to come.

        Raises:
            TlsFailed: the peer speaks no TLS on a port for it, or the other way round, or nothing in time.
            TurnedAway: a proxy does not say for whom it speaks, or a stranger does.
            ConnectionLost: the peer has closed the connection without a byte.
            OSError: the connection broke.
        """
        if self._proxied:
            await self._hear_proxy(timeouts.proxy_header)
        first = _peek(self.sock)
        if first is None:
            timeout = timeouts.handshake if secure else timeouts.artim
            if not await _readable(self.sock, timeout) and secure:
                from dicomnet.tls.failures import late

                raise late("the peer", timeout)
            first = _peek(self.sock)
        if first:
            self.place.heard()
        if secure and first is not None:
            self._check_hello(first)
        elif first:
            self._check_plain(first)

    async def _hear_proxy(self, timeout: float) -> None:
        try:
            async with asyncio.timeout(timeout):
                says = await _header(self.sock)
        except TimeoutError:
            raise TurnedAway(f"a trusted proxy has sent no PROXY header within {timeout:g} s") from None
        except NoProxyHeader as error:
            raise TurnedAway(f"a trusted proxy has sent no PROXY header: {error}") from None
        if says.own:
            return
        # This machine's own address is the proxy's to tell only if it is on this machine.
        elsewhere = is_loopback(says.host) and not is_loopback(self.host)
        self.via, self.port = self.host, says.port
        self.host = self.via if elsewhere else says.host or UNKNOWN
        if not self.place.is_of(self.host):
            raise ConnectionLost(f"{self} was closed unheard")

    def _check_hello(self, first: bytes) -> None:
        if not first:
            raise ConnectionLost
        if first[0] != _TLS_HANDSHAKE:
            from dicomnet.tls.failures import speaks_no_tls

            if first[0] == _ASSOCIATE_RQ:  # who has asked in DICOM learns what is spoken here; others would not
                _alert(self.sock)
            raise speaks_no_tls(first, "the peer")

    def _check_plain(self, first: bytes) -> None:
        if first[0] == _TLS_HANDSHAKE:
            _alert(self.sock)
            raise TlsFailed("the peer speaks TLS, and this port does not")
        if looks_proxied(first):
            raise TurnedAway("somebody who is none of our proxies speaks for others (PROXY header)")


async def _header(sock: socket.socket) -> Proxied:
    loop = asyncio.get_running_loop()
    head = b""
    while lacking := missing(head):
        piece = await loop.sock_recv(sock, lacking)
        if not piece:
            raise TurnedAway("a trusted proxy has closed within its PROXY header") if head else ConnectionLost()
        head += piece
    return pull_proxied(head)


def _peek(sock: socket.socket) -> bytes | None:
    """The first bytes, which stay where they are; None if there are none yet."""
    try:
        return sock.recv(_PEEKED, socket.MSG_PEEK)
    except (BlockingIOError, InterruptedError):
        return None


async def _readable(sock: socket.socket, timeout: float | None) -> bool:
    """Waits until there is something to read, or the time is over; whether there may be something."""
    loop = asyncio.get_running_loop()
    waiter: asyncio.Future[None] = loop.create_future()
    try:
        loop.add_reader(sock, _wake, waiter)
    except NotImplementedError:  # the usual loop of Windows: whoever reads next waits for it
        return True
    try:
        async with asyncio.timeout(timeout):
            await waiter
    except TimeoutError:
        return False
    finally:
        loop.remove_reader(sock)
    return True


def _wake(waiter: asyncio.Future[None]) -> None:
    if not waiter.done():
        waiter.set_result(None)


def _alert(sock: socket.socket) -> None:
    """Tells a peer that TLS is spoken here and not there, or the other way round (RFC 8446 6.2: unexpected_message)."""
    with suppress(OSError):
        sock.recv(_HELLO)  # what is unread would reset the connection, and the alert be lost
        sock.send(_UNEXPECTED_MESSAGE)
        sock.shutdown(socket.SHUT_WR)


UNKNOWN = "unknown"
"""The address of a peer whose proxy does not say it; no network has it."""

_PEEKED = 16
_HELLO = 64 * 1024
_TLS_HANDSHAKE = 0x16
_ASSOCIATE_RQ = 0x01
_UNEXPECTED_MESSAGE = bytes.fromhex("15 0301 0002 02 0A")

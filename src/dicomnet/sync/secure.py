"""A socket with TLS: the same link as in the asyncio shell, driven by calls that wait for nothing."""

from __future__ import annotations

import selectors
import socket
import time
from contextlib import suppress
from typing import TYPE_CHECKING

from dicomnet.errors import AssociationError, ConnectionLost
from dicomnet.limits import KIB
from dicomnet.sync.stream import Stream
from dicomnet.tls.link import PIECE, SecureLink

if TYPE_CHECKING:
    import ssl


class SecureStream(Stream):
    """A connected socket and a link whose handshake is over."""

    def __init__(self, sock: socket.socket, link: SecureLink) -> None:
        super().__init__(sock)
        self.ssl_object = link.object
        self._link = link
        self._records = memoryview(bytearray(RECORDS))
        self._unsent = _NOTHING
        self._owed = 0

    def receive(self, memory: memoryview) -> int | None:
        link = self._link
        while True:
            if link.pending:
                try:
                    count = link.read_into(memory)
                finally:  # an alert, or what else TLS has to say
                    self._say()
                if count is not None:
                    self.likely_more = link.pending
                    return count
            try:
                got = super().receive(self._records)
            except OSError as error:
                raise link.lost() or error from error
            if not got:
                if got is not None and (refusal := link.lost()) is not None:
                    raise refusal
                return got
            link.take(self._records[:got])

    def send(self, data: memoryview) -> int | None:
        if not self._unsent:
            piece = data[:PIECE]
            records = self._link.write(piece)
            if records is None:
                self.send_event = selectors.EVENT_READ
                return None
            self.send_event = selectors.EVENT_WRITE
            self._unsent, self._owed = memoryview(records), len(piece)
        while self._unsent:
            count = super().send(self._unsent)
            if count is None:
                return None
            self._unsent = self._unsent[count:]
        owed, self._owed = self._owed, 0
        return owed

    def send_eof(self) -> None:
        pass

    def close(self, *, orderly: bool) -> None:
        if orderly and not self._unsent:
            with suppress(OSError):
                self.sock.send(self._link.end())
        super().close(orderly=orderly)

    def _say(self) -> None:
        data = self._link.data_to_send()
        if data:
            self._unsent = memoryview(bytes(self._unsent) + data)
            with suppress(OSError):  # which the next call meets as well
                self._unsent = self._unsent[super().send(self._unsent) or 0 :]


def secure(
    sock: socket.socket, context: ssl.SSLContext, name: str, timeout: float | None, *, peer: str = "the peer"
) -> SecureStream:
    """The socket after a TLS handshake in which the peer had to be `name`, where the context checks it.

    Args:
        timeout: seconds for the handshake.
        peer: how it is called if there is no link.

    Raises:
        TlsFailed: the handshake failed or took too long. The socket is closed.
    """
    try:
        link = SecureLink(context, name=name, peer=peer)
        _shake_hands(sock, link, timeout)
        return SecureStream(sock, link)
    except BaseException:
        sock.close()
        raise


def _shake_hands(sock: socket.socket, link: SecureLink, timeout: float | None) -> None:
    end = None if timeout is None else time.monotonic() + timeout
    records = memoryview(bytearray(HANDSHAKE))
    try:
        while not _go_on(sock, link):
            left = None if end is None else end - time.monotonic()
            if left is not None and left <= 0:
                raise TimeoutError
            sock.settimeout(left)
            count = sock.recv_into(records)
            if not count:
                raise link.lost() or ConnectionLost()
            link.take(records[:count])
        link.keep()
    except TimeoutError:
        from dicomnet.tls.failures import late

        raise late(link.peer, timeout) from None
    except OSError as error:
        raise link.lost() or ConnectionLost() from error


def _go_on(sock: socket.socket, link: SecureLink) -> bool:
    """Whether the handshake is over; a peer that is refused is told why."""
    try:
        over = link.handshake()
    except AssociationError:
        with suppress(OSError):
            sock.sendall(link.data_to_send())
        raise
    sock.sendall(link.data_to_send())
    return over


RECORDS = 256 * KIB
"""What one read takes at most."""

HANDSHAKE = 16 * KIB

_NOTHING = memoryview(b"")

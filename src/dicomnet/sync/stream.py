"""A non-blocking socket as something to send to and receive from; `secure.py` has the one with TLS."""

from __future__ import annotations

import selectors
import socket
from contextlib import suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import ssl


class Stream:
    """What a wire needs of a connected socket."""

    ssl_object: ssl.SSLObject | None = None
    """The TLS object, where there is TLS."""

    def __init__(self, sock: socket.socket) -> None:
        self.sock = sock
        self.send_event = selectors.EVENT_WRITE
        """What to wait for before sending on: TLS may have to read first."""
        self.likely_more = False
        """Whether receiving again, without waiting, is likely to give something."""
        sock.setblocking(False)

    def receive(self, memory: memoryview) -> int | None:
        """Fills the memory with what is there: 0 bytes at the end of the stream, None if there is nothing yet.

        Raises:
            OSError: the connection broke. What came before has been given.
            AssociationError: the secure link did, or there never was one.
        """
        self.likely_more = False
        try:
            count = self.sock.recv_into(memory)
        except _WOULD_BLOCK:
            return None
        self.likely_more = count == len(memory)
        return count

    def send(self, data: memoryview) -> int | None:
        """Sends what goes without waiting; None if that is nothing, and then the same data must be given again.

        Raises:
            OSError, AssociationError: as `receive`.
        """
        try:
            return self.sock.send(data)
        except _WOULD_BLOCK:
            return None

    def send_eof(self) -> None:
        """Ends our half of the stream; TLS has no halves."""
        with suppress(OSError):  # the peer has closed meanwhile
            self.sock.shutdown(socket.SHUT_WR)

    def close(self, *, orderly: bool) -> None:  # noqa: ARG002 (TLS heeds it)
        """Closes the socket; with TLS and in order the peer is told so first, and not waited for."""
        self.sock.close()


_WOULD_BLOCK: tuple[type[OSError], ...] = (BlockingIOError, InterruptedError)

"""A non-blocking socket, plain or with TLS, as one thing to send to and receive from."""

from __future__ import annotations

import selectors
import socket
from contextlib import suppress

from dicomnet.limits import KIB


class Stream:
    """What both kinds have in common for a wire; the socket is connected, and a TLS handshake over."""

    def __init__(self, sock: socket.socket) -> None:
        self.sock = sock
        self.receive_event = selectors.EVENT_READ
        """What to wait for before receiving on: TLS may have to write first."""
        self.send_event = selectors.EVENT_WRITE
        """What to wait for before sending on: TLS may have to read first."""
        self.likely_more = False
        """Whether receiving again, without waiting, is likely to give something."""
        self._is_tls = hasattr(sock, "unwrap")
        self._blocked, self._ends = _tls_errors() if self._is_tls else (_WOULD_BLOCK, ())
        self._failure: OSError | None = None
        sock.setblocking(False)

    def receive(self, memory: memoryview) -> int | None:
        """Fills the memory with what is there: 0 bytes at the end of the stream, None if there is nothing yet.

        A TLS object gives one record at a time, and what it holds back wakes nobody, so it is read until it has no more.

        Raises:
            OSError: the connection broke. What came before has been given.
        """
        if self._failure is not None:
            raise self._failure
        count = 0
        self.likely_more = False
        try:
            while True:
                received = self.sock.recv_into(memory[count:] if count else memory)
                count += received
                if not self._is_tls or count == len(memory):
                    self.likely_more = count == len(memory)
                    return count
                if not received:
                    break
        except self._blocked as error:
            self.receive_event = _event(error, selectors.EVENT_READ)
            return count or None
        except self._ends:
            pass
        except OSError as error:
            if not count:
                raise
            self._failure = error
        self.likely_more = count > 0  # the end is told by a call of its own
        return count

    def send(self, data: memoryview) -> int | None:
        """Sends what goes without waiting; None if that is nothing.

        Raises:
            OSError: the connection broke.
        """
        # A TLS object tells nothing before it has taken all, and a slow line must be seen to move meanwhile.
        try:
            return self.sock.send(data[:TLS_WRITE] if self._is_tls else data)
        except self._blocked as error:
            self.send_event = _event(error, selectors.EVENT_WRITE)
            return None

    def send_eof(self) -> None:
        """Ends our half of the stream; TLS has no halves."""
        if not self._is_tls:
            with suppress(OSError):  # the peer has closed meanwhile
                self.sock.shutdown(socket.SHUT_WR)

    def close(self, *, orderly: bool) -> None:
        """Closes the socket; with TLS and in order the peer is told so first, and not waited for."""
        if self._is_tls and orderly:
            with suppress(OSError, ValueError):
                self.sock.unwrap()  # type: ignore[attr-defined]
        self.sock.close()


def _event(error: OSError, usual: int) -> int:
    """What to wait for after a call that would have had to wait."""
    name = type(error).__name__  # ssl is not imported for a plain connection
    return {"SSLWantReadError": selectors.EVENT_READ, "SSLWantWriteError": selectors.EVENT_WRITE}.get(name, usual)


def _tls_errors() -> tuple[tuple[type[OSError], ...], tuple[type[OSError], ...]]:
    """What a TLS object raises when it would have to wait, and at the end of the stream."""
    import ssl

    return (*_WOULD_BLOCK, ssl.SSLWantReadError, ssl.SSLWantWriteError), (ssl.SSLZeroReturnError, ssl.SSLEOFError)


TLS_WRITE = 64 * KIB
"""Four records."""

_WOULD_BLOCK: tuple[type[OSError], ...] = (BlockingIOError, InterruptedError)

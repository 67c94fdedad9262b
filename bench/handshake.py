"""Which cipher two programs agreed on, read from the ServerHello that goes from one to the other."""

from __future__ import annotations

import socket
import threading
from contextlib import suppress
from typing import Self


class Relay:
    """Stands between a sender and a receiver of this machine, for one connection; use it in a ``with`` block.

    Args:
        port: of the receiver.
    """

    def __init__(self, port: int) -> None:
        self._to = port
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        """Where the sender is to go."""
        self._seen = bytearray()
        self._thread = threading.Thread(target=self._serve, daemon=True)

    def cipher(self) -> str:
        """What was agreed on, once the sender has gone.

        Raises:
            ValueError: no TLS was spoken.
        """
        self._thread.join()
        return cipher_of(bytes(self._seen))

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        with suppress(OSError):  # not connected any more; it is what wakes an accept that nobody answered
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join()

    def _serve(self) -> None:
        with suppress(OSError):
            sender, _ = self._listener.accept()
            with sender, socket.create_connection(("127.0.0.1", self._to)) as receiver:
                back = threading.Thread(target=self._copy, args=(receiver, sender, self._seen), daemon=True)
                back.start()
                self._copy(sender, receiver, None)
                back.join()

    def _copy(self, source: socket.socket, target: socket.socket, seen: bytearray | None) -> None:
        with suppress(OSError):
            while data := source.recv(1 << 16):
                if seen is not None and len(seen) < _HELLO:
                    seen += data
                target.sendall(data)
        with suppress(OSError):
            target.shutdown(socket.SHUT_WR)


def cipher_of(answer: bytes) -> str:
    """The cipher suite in the first bytes of a server (RFC 8446 4.1.3: the same place in TLS 1.2 and 1.3).

    Raises:
        ValueError: they are no ServerHello.
    """
    if len(answer) < _SESSION + 1 or answer[0] != _HANDSHAKE or answer[5] != _SERVER_HELLO:
        raise ValueError("no ServerHello")
    at = _SESSION + 1 + answer[_SESSION]
    suite = int.from_bytes(answer[at : at + 2])
    return _SUITES.get(suite, f"cipher suite {suite:04X}")


_HELLO = 512  # bytes are more than a ServerHello's beginning
_HANDSHAKE, _SERVER_HELLO = 22, 2
_SESSION = 5 + 4 + 2 + 32  # headers of record and message, version, random: there the session's length stands
_SUITES = {
    0x1301: "TLS 1.3 AES-128-GCM-SHA256",
    0x1302: "TLS 1.3 AES-256-GCM-SHA384",
    0x1303: "TLS 1.3 CHACHA20-POLY1305-SHA256",
    0xC02F: "TLS 1.2 ECDHE-RSA-AES128-GCM-SHA256",
    0xC030: "TLS 1.2 ECDHE-RSA-AES256-GCM-SHA384",
    0xCCA8: "TLS 1.2 ECDHE-RSA-CHACHA20-POLY1305-SHA256",
}

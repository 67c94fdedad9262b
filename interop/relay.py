"""A tap on the wire between two programs: what really went over it, read without our own code."""

from __future__ import annotations

import socket
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Exchange:
    """One connection: the bytes of the side that opened it, and of the other."""

    asked: bytearray = field(default_factory=bytearray)
    answered: bytearray = field(default_factory=bytearray)
    order: list[tuple[bool, int]] = field(default_factory=list)
    """How the two came to pass: whether it was the side that opened it, and how many bytes it sent."""

    def messages(self) -> list[tuple[bytes, bytes]]:
        """Command set and data set of each message of the side that opened it (PS3.8 Annex E)."""
        found: list[tuple[bytes, bytes]] = []
        command, data = b"", b""
        for pdu_type, body in pdus(bytes(self.asked)):
            at = 0
            while pdu_type == 4 and at < len(body):
                length, _, control = struct.unpack_from(">IBB", body, at)
                fragment = body[at + 6 : at + 4 + length]
                at += 4 + length
                if control & 1:
                    command += fragment
                else:
                    data += fragment
                if control & 2 and (not control & 1 or _is_without_data(command)):
                    found.append((command, data))
                    command, data = b"", b""
        return found


def pdus(stream: bytes) -> Iterator[tuple[int, bytes]]:
    """Type and body of each whole PDU."""
    at = 0
    while len(stream) - at >= 6:
        pdu_type, length = struct.unpack_from(">BxI", stream, at)
        yield pdu_type, stream[at + 6 : at + 6 + length]
        at += 6 + length


@dataclass
class Relay:
    """Listens on ``port`` and passes everything on."""

    port: int
    exchanges: list[Exchange] = field(default_factory=list)


@contextmanager
def relay_to(port: int) -> Iterator[Relay]:
    """Passes connections on to a port of 127.0.0.1 and keeps what goes each way."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        relay = Relay(listening.getsockname()[1])
        thread = threading.Thread(target=_serve, args=(listening, port, relay.exchanges), name="relay")
        thread.start()
        try:
            yield relay
        finally:
            with suppress(OSError):  # wakes accept
                listening.shutdown(socket.SHUT_RDWR)
            thread.join(10)


def _serve(listening: socket.socket, port: int, exchanges: list[Exchange]) -> None:
    connections: list[threading.Thread] = []
    while True:
        try:
            near, _ = listening.accept()
        except OSError:
            break
        exchange = Exchange()
        exchanges.append(exchange)
        connections.append(threading.Thread(target=_connect, args=(near, port, exchange), name="relay there"))
        connections[-1].start()
    for connection in connections:
        connection.join(10)


def _connect(near: socket.socket, port: int, exchange: Exchange) -> None:
    with near, socket.create_connection(("127.0.0.1", port)) as far:
        for sock in near, far:
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        back = threading.Thread(target=_pass_on, args=(far, near, exchange, False), name="relay back")
        back.start()
        _pass_on(near, far, exchange, True)
        back.join(10)


def _pass_on(source: socket.socket, target: socket.socket, exchange: Exchange, asks: bool) -> None:
    kept = exchange.asked if asks else exchange.answered
    with suppress(OSError):
        while piece := source.recv(65536):
            # Who sends in small pieces waits for it, and some peers do.
            source.setsockopt(socket.IPPROTO_TCP, _AT_ONCE, 1)
            kept += piece
            exchange.order.append((asks, len(piece)))
            target.sendall(piece)
    with suppress(OSError):
        target.shutdown(socket.SHUT_WR)


def _is_without_data(command: bytes) -> bool:
    """Whether (0000,0800) is 0101H (PS3.7 E.1)."""
    at = command.index(b"\0\0\0\x08\2\0\0\0")
    return command[at + 8 : at + 10] == b"\1\1"


# Acknowledges what came without delay, where the system has that.
_AT_ONCE = getattr(socket, "TCP_QUICKACK", socket.TCP_NODELAY)

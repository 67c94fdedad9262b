"""One connection to somebody who is not what he should be: what was asked of him, and bytes to answer with.

Lengths are counted here or in `raw`; nothing of our own reads or writes them.
"""

from __future__ import annotations

import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator
from typing import NamedTuple, TypeAlias

from raw import APPLICATION_CONTEXT, IMPLICIT_LE, RELEASE_RP, command, even, item, p_data, pdu, pdv


class Proposal(NamedTuple):
    """A presentation context of the request."""

    context_id: int
    abstract_syntax: bytes
    transfer_syntaxes: list[bytes]


class Request(NamedTuple):
    """A command set that came."""

    context_id: int
    sop_class: bytes
    field: int
    message_id: int
    has_data: bool


class Line:
    """The impostor's end of a connection."""

    def __init__(self, sock: socket.socket, over: threading.Event) -> None:
        self.sock = sock
        self.over = over
        """Set when the operation that met him is over."""
        self.associate_request = b""
        self.proposals: list[Proposal] = []

    # Listening.

    def take_associate_request(self) -> list[Proposal]:
        """The A-ASSOCIATE-RQ, and what it proposes."""
        self.associate_request = self.take_pdu()
        for kind, body in _items(self.associate_request[74:]):
            if kind == 0x20:
                inner = list(_items(body[4:]))
                syntaxes = [value for kind, value in inner if kind == 0x40]
                abstract = next(value for kind, value in inner if kind == 0x30)
                self.proposals.append(Proposal(body[0], abstract, syntaxes))
        return self.proposals

    def take_request(self) -> Request:
        """The next command set, the data set of the one before it thrown away."""
        while True:
            found = self.take_pdu()
            if found[0] == 5:  # done with us
                self.send(RELEASE_RP)
                raise ConnectionResetError
            if found[0] != 4:
                raise ConnectionResetError
            for context_id, control, data in _values(found[6:]):
                if control & 1:
                    elements = dict(_elements(data))
                    return Request(
                        context_id,
                        elements.get(0x0002, elements.get(0x0003, b"")),
                        struct.unpack("<H", elements[0x0100])[0],
                        struct.unpack("<H", elements.get(0x0110, b"\0\0"))[0],
                        elements.get(0x0800) != b"\1\1",
                    )

    def take_data(self) -> bytes:
        """The data set of the request that came last."""
        data = b""
        while True:
            for _, control, piece in _values(self.take_pdu()[6:]):
                data += piece
                if control & 2:
                    return data

    def take_pdu(self) -> bytes:
        """One PDU, whole."""
        header = self._take(6)
        return header + self._take(int.from_bytes(header[2:], "big"))

    def take_rest(self) -> None:
        """Whatever comes until they are gone."""
        while self.sock.recv(65536):
            pass

    # Speaking.

    def send(self, data: bytes) -> None:
        """Says it."""
        self.sock.sendall(data)

    def drip(self, data: bytes, pause: float = 0.05) -> None:
        """Says it a byte at a time, until they are gone."""
        for byte in data:
            self.sock.sendall(bytes([byte]))
            time.sleep(pause)  # being slow is what it is about

    def wait(self) -> None:
        """Says no more."""
        self.take_rest()

    def reset(self) -> None:
        """Breaks the connection."""
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.sock.close()

    def accept(self, items: bytes | None = None) -> None:
        """Takes the request and accepts all of it, or says these items."""
        self.take_associate_request()
        self.send(acceptance(self.accepted() if items is None else items))

    def accepted(self, result: int = 0) -> bytes:
        """Context items that accept what was proposed, each with the first of its syntaxes."""
        return b"".join(context(one.context_id, one.transfer_syntaxes[0], result) for one in self.proposals)

    def answer(
        self, request: Request, status: int = 0, data: bytes | None = None, **changes: int | bytes | None
    ) -> None:
        """Answers a request; ``changes`` are elements by number (``x0120=7``), None leaves one out."""
        self.send(response(request, status, data, **changes))

    def _take(self, count: int) -> bytes:
        taken = b""
        while len(taken) < count:
            piece = self.sock.recv(count - len(taken))
            if not piece:
                raise ConnectionResetError
            taken += piece
        return taken


Script: TypeAlias = Callable[[Line], None]


class Case(NamedTuple):
    """One impostor."""

    name: str
    doing: str
    """What he is asked for: associate, echo, store, find, get, move."""
    script: Script
    passes: bool = False
    """Whether what he does is harmless, so that the operation may succeed."""


class Cases(list[Case]):
    """Filled by decorating scripts: their names are the names of the cases."""

    def asked(self, doing: str, *, passes: bool = False) -> Callable[[Script], Script]:
        """Adds one that is asked for this."""

        def add(script: Script) -> Script:
            self.append(Case(script.__name__, doing, script, passes))
            return script

        return add

    def says(self, doing: str, name: str, *pieces: bytes, passes: bool = False) -> None:
        """Adds one that answers the association request with these bytes."""

        def script(line: Line) -> None:
            line.take_associate_request()
            for piece in pieces:
                line.send(piece)
            line.wait()

        self.append(Case(name, doing, script, passes))


def acceptance(items: bytes, user: bytes | None = None, *, application: bytes = APPLICATION_CONTEXT) -> bytes:
    """An A-ASSOCIATE-AC with these context items (PS3.8 9.3.3)."""
    user = item(0x50, item(0x51, struct.pack(">I", 16384)) + item(0x52, b"1.2.3.4")) if user is None else user
    return pdu(2, struct.pack(">HH", 1, 0) + bytes(64) + application + items + user)


def context(context_id: int, syntax: bytes = IMPLICIT_LE, result: int = 0) -> bytes:
    """A presentation context item of an A-ASSOCIATE-AC (PS3.8 9.3.3.2)."""
    return item(0x21, bytes([context_id, 0, result, 0]) + item(0x40, syntax))


def response(request: Request, status: int = 0, data: bytes | None = None, **changes: int | bytes | None) -> bytes:
    """A response, as P-DATA-TF."""
    elements: dict[int, int | bytes | None] = {
        0x0002: request.sop_class,
        0x0100: request.field | 0x8000,
        0x0120: request.message_id,
        0x0800: 0x0101 if data is None else 0,
        0x0900: status,
    }
    elements |= {int(name[1:], 16): value for name, value in changes.items()}
    said = command(*((tag, value) for tag, value in sorted(elements.items()) if value is not None))
    sent = p_data(pdv(said, request.context_id, 3))
    return sent if data is None else sent + p_data(pdv(data, request.context_id, 2))


def store_request(context_id: int, sop_class: bytes, instance: bytes, message_id: int = 1) -> bytes:
    """The P-DATA-TF with the command of a C-STORE-RQ."""
    said = command(
        (0x0002, even(sop_class)),
        (0x0100, 1),
        (0x0110, message_id),
        (0x0700, 0),
        (0x0800, 0),
        (0x1000, even(instance)),
    )
    return p_data(pdv(said, context_id, 3))


def _items(data: bytes) -> Iterator[tuple[int, bytes]]:
    while data:
        kind, length = struct.unpack(">BxH", data[:4])
        yield kind, data[4 : 4 + length]
        data = data[4 + length :]


def _values(data: bytes) -> Iterator[tuple[int, int, bytes]]:
    while data:
        length, context_id, control = struct.unpack(">IBB", data[:6])
        yield context_id, control, data[6 : 4 + length]
        data = data[4 + length :]


def _elements(data: bytes) -> Iterator[tuple[int, bytes]]:
    while data:
        _, tag, length = struct.unpack("<HHI", data[:8])
        yield tag, data[8 : 8 + length]
        data = data[8 + length :]

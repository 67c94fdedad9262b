"""A conversation written out byte by byte, and a peer on a raw socket that says it, or parts of it, or something else.

Nothing of our own reads or writes these bytes: every length is counted here.
"""

from __future__ import annotations

import fcntl
import select
import socket
import struct
import sys
import termios
from collections.abc import Callable
from pathlib import Path
from time import monotonic, sleep
from types import TracebackType
from typing import Self

PATIENCE = 15.0

VERIFICATION = b"1.2.840.10008.1.1"
CT_IMAGE_STORAGE = b"1.2.840.10008.5.1.4.1.1.2"
IMPLICIT_LE = b"1.2.840.10008.1.2"
EXPLICIT_LE = b"1.2.840.10008.1.2.1"
ECHO_CONTEXT, STORE_CONTEXT = 1, 3


def pdu(pdu_type: int, body: bytes, *, length: int | None = None) -> bytes:
    """A PDU, or one that lies about its length."""
    return struct.pack(">BxI", pdu_type, len(body) if length is None else length) + body


def item(item_type: int, body: bytes, *, length: int | None = None) -> bytes:
    """An item or sub-item of an association PDU."""
    return struct.pack(">BxH", item_type, len(body) if length is None else length) + body


def proposed(context_id: int, abstract_syntax: bytes, *transfer_syntaxes: bytes) -> bytes:
    """A presentation context item (PS3.8 9.3.2.2)."""
    syntaxes = b"".join(item(0x40, syntax) for syntax in transfer_syntaxes)
    return item(0x20, bytes([context_id, 0, 0, 0]) + item(0x30, abstract_syntax) + syntaxes)


APPLICATION_CONTEXT = item(0x10, b"1.2.840.10008.3.1.1.1")
CONTEXTS = proposed(ECHO_CONTEXT, VERIFICATION, IMPLICIT_LE) + proposed(STORE_CONTEXT, CT_IMAGE_STORAGE, EXPLICIT_LE)
USER_INFORMATION = item(0x50, item(0x51, struct.pack(">I", 16384)) + item(0x52, b"1.2.3.4"))


def associate(
    items: bytes = APPLICATION_CONTEXT + CONTEXTS + USER_INFORMATION,
    *,
    version: int = 1,
    called: bytes = b"ARCHIVE",
    calling: bytes = b"HOSTILE",
) -> bytes:
    """An A-ASSOCIATE-RQ (PS3.8 9.3.2)."""
    return pdu(1, struct.pack(">HH", version, 0) + called.ljust(16) + calling.ljust(16) + bytes(32) + items)


def pdv(data: bytes, context_id: int, control: int, *, length: int | None = None) -> bytes:
    """A presentation data value; bit 0 of control is command, bit 1 is last (PS3.8 E.2)."""
    return struct.pack(">IBB", len(data) + 2 if length is None else length, context_id, control) + data


def p_data(*pdvs: bytes) -> bytes:
    """A P-DATA-TF of presentation data values."""
    return pdu(4, b"".join(pdvs))


def command(*elements: tuple[int, bytes | int]) -> bytes:
    """A command set with its group length (PS3.7 6.3.1); numbers are US."""
    rest = b""
    for tag, value in elements:
        value = struct.pack("<H", value) if isinstance(value, int) else value
        rest += struct.pack("<HHI", 0, tag, len(value)) + value
    return struct.pack("<HHII", 0, 0, 4, len(rest)) + rest


def even(uid: bytes) -> bytes:
    """A UID padded with NUL to even length (PS3.5 9.1)."""
    return uid + b"\0" * (len(uid) % 2)


def echo(message_id: int = 1) -> bytes:
    """A C-ECHO-RQ."""
    elements = ((0x0002, even(VERIFICATION)), (0x0100, 0x0030), (0x0110, message_id), (0x0800, 0x0101))
    return p_data(pdv(command(*elements), ECHO_CONTEXT, 3))


def data_set(sop_instance: bytes, size: int = 2048) -> bytes:
    """A data set of so many bytes, explicit VR little endian, that ends in pixels."""
    head = b""
    for tag, uid in ((0x0016, even(CT_IMAGE_STORAGE)), (0x0018, even(sop_instance))):
        head += struct.pack("<HH2sH", 8, tag, b"UI", len(uid)) + uid
    pixels = size - len(head) - 12
    return head + struct.pack("<HH2sxxI", 0x7FE0, 0x0010, b"OW", pixels) + bytes(i % 251 for i in range(pixels))


def store_command(sop_instance: bytes, message_id: int = 2) -> bytes:
    """The command set of a C-STORE-RQ."""
    return command(
        (0x0002, even(CT_IMAGE_STORAGE)),
        (0x0100, 0x0001),
        (0x0110, message_id),
        (0x0700, 0),
        (0x0800, 0),
        (0x1000, even(sop_instance)),
    )


def store(sop_instance: bytes, data: bytes) -> bytes:
    """A C-STORE-RQ: a PDU with the command, two with the data set."""
    middle = len(data) // 4 * 2
    return (
        p_data(pdv(store_command(sop_instance), STORE_CONTEXT, 3))
        + p_data(pdv(data[:middle], STORE_CONTEXT, 0))
        + p_data(pdv(data[middle:], STORE_CONTEXT, 2))
    )


RELEASE_RQ = pdu(5, bytes(4))

# What a peer gets, written out from PS3.8 9.3.4, 9.3.7 and 9.3.8.
RELEASE_RP = bytes.fromhex("0600 00000004 00000000")
ABORT_BY_USER = bytes.fromhex("0700 00000004 0000 0000")
UNEXPECTED_MESSAGE = bytes.fromhex("15 0301 0002 02 0a")
"""A TLS alert (RFC 8446 6)."""
UNRECOGNIZED_PDU = bytes.fromhex("0700 00000004 0000 0201")
UNEXPECTED_PDU = bytes.fromhex("0700 00000004 0000 0202")
UNEXPECTED_PARAMETER = bytes.fromhex("0700 00000004 0000 0205")
INVALID_PARAMETER = bytes.fromhex("0700 00000004 0000 0206")
WRONG_VERSION = bytes.fromhex("0300 00000004 00 010202")
WRONG_APPLICATION_CONTEXT = bytes.fromhex("0300 00000004 00 010102")
NO_REASON_OF_PROVIDER = bytes.fromhex("0300 00000004 00 010201")
UNKNOWN_CALLING = bytes.fromhex("0300 00000004 00 010103")
TOO_MANY = bytes.fromhex("0300 00000004 00 020302")
UNKNOWN_CALLED = bytes.fromhex("0300 00000004 00 010107")


class RawPeer:
    """A TCP connection to a listener, without any manners."""

    def __init__(self, port: int) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port), timeout=PATIENCE)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._socket.close()

    def send(self, data: bytes) -> None:
        """Sends as much of it as the other side takes before it closes."""
        try:
            self._socket.sendall(data)
        except (ConnectionResetError, BrokenPipeError):
            return

    def associate(self, request: bytes | None = None) -> None:
        """Sends an association request and takes the acceptance."""
        self.send(request or associate())
        answer = self.take_pdu()
        assert answer[:1] == b"\2", answer

    def take_pdu(self) -> bytes:
        """Exactly one PDU, whole."""
        header = self._take(6)
        return header + self._take(int.from_bytes(header[2:], "big"))

    def take_rest(self) -> bytes:
        """All that comes until the other side closes; a reset ends it too."""
        rest = b""
        try:
            while piece := self._socket.recv(65536):
                rest += piece
        except ConnectionResetError:
            pass
        return rest

    def readable(self, timeout: float) -> bool:
        """Whether something came, or the other side closed, within so many seconds."""
        return bool(select.select([self._socket], [], [], timeout)[0])

    def unread(self) -> int:
        """Bytes sent that the other side's system has not acknowledged."""
        return int.from_bytes(fcntl.ioctl(self._socket, termios.TIOCOUTQ, bytes(4)), sys.byteorder)

    def finish(self) -> None:
        """Sends end of file, reads on."""
        try:
            self._socket.shutdown(socket.SHUT_WR)
        except OSError:  # the other side was faster
            return

    def reset(self) -> None:
        """Closes with a TCP reset."""
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self._socket.close()

    def _take(self, count: int) -> bytes:
        taken = b""
        while len(taken) < count:
            piece = self._socket.recv(count - len(taken))
            assert piece, f"the connection ended after {taken!r}"
            taken += piece
        return taken


def descriptors() -> int:
    """Descriptors that this process has open."""
    return sum(1 for _ in Path("/proc/self/fd").iterdir())


def eventually(holds: Callable[[], bool], what: str) -> None:
    """Waits for something that follows by itself, but of which nothing tells."""
    deadline = monotonic() + PATIENCE
    while not holds():
        assert monotonic() < deadline, what
        sleep(0.002)

"""What went through relays, as a capture file, and what Wireshark's dissector says of it.

Nobody needs the right to capture for this: the bytes were read off the wire by
a relay, and the frames around them are made here. Each exchange is one TCP
connection to port 104, which the dissector takes for DICOM.
"""

from __future__ import annotations

import struct
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import peers
from relay import Exchange

TSHARK = "/usr/bin/tshark"


@dataclass(slots=True)
class Dissected:
    """One exchange as the dissector reads it."""

    asked: list[int] = field(default_factory=list)
    """Types of the PDUs of the side that opened it, in order."""
    answered: list[int] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)
    """What it found malformed, or warns of."""


def dissect(exchanges: Sequence[Exchange]) -> list[Dissected]:
    """Has tshark read exchanges; the results are in the same order."""
    found = [Dissected() for _ in exchanges]
    with tempfile.NamedTemporaryFile(prefix="capture-", suffix=".pcap") as file:
        write_capture(Path(file.name), exchanges)
        fields = [argument for name in _FIELDS for argument in ("-e", name)]
        peers.require(TSHARK, package="tshark")
        reply = peers.run(TSHARK, "-n", "-r", file.name, "-Y", _SHOWN, "-T", "fields", *fields, timeout=60)
    assert reply.returncode == 0, reply.stdout
    for line in reply.stdout.splitlines():
        if line.startswith("Running as user"):  # what it says to root on standard error
            continue
        stream, port, types, *complaints = line.split("\t")
        one = found[int(stream)]
        pdus = one.answered if port == str(_OUR_PORT) else one.asked
        pdus += [int(value, 0) for value in types.split(",") if value]
        one.complaints += [complaint for complaint in complaints if complaint]
    return found


def write_capture(path: Path, exchanges: Sequence[Exchange]) -> None:
    """Writes exchanges as a pcap file of raw IPv4 packets, one TCP connection each, with handshake and end."""
    with path.open("wb") as file:
        file.write(struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 0x40000, _LINKTYPE_RAW))
        for number, packet in enumerate(p for i, exchange in enumerate(exchanges) for p in _packets(i, exchange)):
            file.write(struct.pack("<IIII", *divmod(number, 1_000_000), len(packet), len(packet)) + packet)


def _packets(index: int, exchange: Exchange) -> Iterator[bytes]:
    ports = {True: _FIRST_PORT + index, False: _OUR_PORT}
    next_sequence = {True: 1, False: 1}
    yield _packet(ports, True, 0, 0, _SYN)
    yield _packet(ports, False, 0, 1, _SYN | _ACK)
    yield _packet(ports, True, 1, 1, _ACK)
    streams = {True: memoryview(exchange.asked), False: memoryview(exchange.answered)}
    for asks, count in exchange.order:
        while count:
            begin = next_sequence[asks] - 1
            piece = streams[asks][begin : begin + min(count, _MOST_PAYLOAD)]
            yield _packet(ports, asks, next_sequence[asks], next_sequence[not asks], _ACK | _PUSH, piece)
            next_sequence[asks] += len(piece)
            count -= len(piece)
    for asks in True, False:
        yield _packet(ports, asks, next_sequence[asks], next_sequence[not asks], _FIN | _ACK)
        next_sequence[asks] += 1


def _packet(
    ports: dict[bool, int], asks: bool, sequence: int, acknowledged: int, flags: int, payload: bytes | memoryview = b""
) -> bytes:
    """IPv4 and TCP headers without checksums, which nobody checks in a capture (RFC 791, RFC 9293)."""
    tcp = struct.pack(">HHIIBBHHH", ports[asks], ports[not asks], sequence, acknowledged, 0x50, flags, 65535, 0, 0)
    source, destination = (_ASKING, _ANSWERING) if asks else (_ANSWERING, _ASKING)
    length = 20 + len(tcp) + len(payload)
    ip = struct.pack(">BBHHHBBH4s4s", 0x45, 0, length, 0, 0x4000, 64, 6, 0, source, destination)
    return ip + tcp + payload


_SHOWN = "dicom || _ws.malformed || _ws.expert.severity >= 0x600000"  # from warnings on
_FIELDS = ("tcp.stream", "tcp.srcport", "dicom.pdu.type", "_ws.malformed", "_ws.expert.message")
_LINKTYPE_RAW = 101
_ASKING, _ANSWERING = bytes((10, 0, 0, 1)), bytes((10, 0, 0, 2))
_OUR_PORT, _FIRST_PORT = 104, 10_000
_MOST_PAYLOAD = 32_768
_FIN, _SYN, _PUSH, _ACK = 1, 2, 8, 16

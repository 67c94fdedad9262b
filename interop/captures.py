"""What went through relays, as a capture file, and what Wireshark's dissector says of it.

Nobody needs the right to capture for this: the bytes were read off the wire by
a relay, and the frames around them are made here. Each exchange is one TCP
connection to port 104, which the dissector takes for DICOM.
"""

from __future__ import annotations

import re
import struct
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import zip_longest
from pathlib import Path

import peers
from relay import Exchange
from shapes import Shape

TSHARK = "/usr/bin/tshark"


@dataclass(slots=True)
class Dissected:
    """One exchange as the dissector reads it."""

    asked: Shape = field(default_factory=Shape)
    """Of the side that opened it; of command sets there is nothing, see `dissect_commands`."""
    answered: Shape = field(default_factory=Shape)
    complaints: list[str] = field(default_factory=list)
    """What it found malformed, or warns of."""


def dissect(exchanges: Sequence[Exchange]) -> list[Dissected]:
    """Has tshark read exchanges; the results are in the same order."""
    found = [Dissected() for _ in exchanges]
    fields = [argument for name in _FIELDS for argument in ("-e", name)]
    for line in _read(exchanges, "-Y", _SHOWN, "-T", "fields", *fields):
        stream, port, types, kinds, item_lengths, versions, contexts, controls, lengths, *complaints = line.split("\t")
        one = found[int(stream)]
        side = one.answered if port == str(_OUR_PORT) else one.asked
        side.pdus += _numbers(types)
        side.items += zip_longest(_numbers(kinds), _numbers(item_lengths), fillvalue=-1)
        side.versions += [version for version in versions.split(",") if version]
        side.fragments += zip_longest(_numbers(contexts), _numbers(controls), _numbers(lengths), fillvalue=-1)
        one.complaints += [complaint for complaint in complaints if complaint]
    return found


def dissect_commands(exchanges: Sequence[Exchange]) -> list[tuple[list[tuple[int, int]], list[tuple[int, int]]]]:
    """Has tshark read the command sets of exchanges: of each exchange the elements of both sides, and their lengths."""
    found: list[tuple[list[tuple[int, int]], list[tuple[int, int]]]] = [([], []) for _ in exchanges]
    side: list[tuple[int, int]] = []
    for line in _read(exchanges, "-Y", "dicom", "-O", "dicom"):
        if ports := _PORTS.match(line):
            source, target = map(int, ports.groups())
            side = found[target - _FIRST_PORT][1] if source == _OUR_PORT else found[source - _FIRST_PORT][0]
        elif element := _ELEMENT.match(line):
            side.append((int(element[1], 16), int(element[2])))
    return found


def _read(exchanges: Sequence[Exchange], *arguments: str) -> list[str]:
    """What tshark prints of exchanges, line by line."""
    with tempfile.NamedTemporaryFile(prefix="capture-", suffix=".pcap") as file:
        write_capture(Path(file.name), exchanges)
        peers.require(TSHARK, package="tshark")
        reply = peers.run(TSHARK, "-n", "-r", file.name, *arguments, timeout=60)
    assert reply.returncode == 0, reply.stdout
    # What it says to root is on standard error.
    return [line for line in reply.stdout.splitlines() if not line.startswith("Running as user")]


def _numbers(text: str) -> list[int]:
    return [int(value, 0) for value in text.split(",") if value]


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
_FIELDS = (
    *("tcp.stream", "tcp.srcport", "dicom.pdu.type"),
    *("dicom.assoc.item.type", "dicom.assoc.item.len", "dicom.userinfo.version"),
    *("dicom.pdv.ctx", "dicom.pdv.flags", "dicom.pdv.len"),
    *("_ws.malformed", "_ws.expert.message"),
)
_PORTS = re.compile(r"Transmission Control Protocol, Src Port: (\d+), Dst Port: (\d+)")
_ELEMENT = re.compile(r" +\(0000,(\w{4})\) +(\d+) ")
_LINKTYPE_RAW = 101
_ASKING, _ANSWERING = bytes((10, 0, 0, 1)), bytes((10, 0, 0, 2))
_OUR_PORT, _FIRST_PORT = 104, 10_000
_MOST_PAYLOAD = 32_768
_FIN, _SYN, _PUSH, _ACK = 1, 2, 8, 16

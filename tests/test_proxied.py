"""Reading PROXY headers: everything the protocol has, and what only looks like it."""

from __future__ import annotations

import ipaddress
import struct

import pytest
from hypothesis import example, given, strategies as st

from dicomnet.proxied import (
    LONGEST_LINE,
    MOST_FOLLOWING,
    SIGNATURE,
    NoProxyHeader,
    Proxied,
    looks_proxied,
    missing,
    pull_proxied,
)

V4 = bytes([10, 1, 2, 9, 10, 0, 0, 5]) + struct.pack("!HH", 51234, 104)
V6 = ipaddress.ip_address("fd00::9").packed + ipaddress.ip_address("fd00::5").packed + struct.pack("!HH", 51234, 104)
TLV = b"\x02\x00\x05hello"


def second(command: int, family: int, body: bytes, *, length: int | None = None) -> bytes:
    """A header of version 2, or one that lies about its length."""
    return SIGNATURE + struct.pack("!BBH", command, family, len(body) if length is None else length) + body


def taken(data: bytes) -> tuple[Proxied, bytes]:
    """What a reader makes of a stream, and what it leaves behind the header."""
    head = b""
    while lacking := missing(head):
        if len(data) - len(head) < lacking:
            raise EOFError
        head = data[: len(head) + lacking]
    return pull_proxied(head), data[len(head) :]


HEADERS = {
    b"PROXY TCP4 10.1.2.9 10.0.0.5 51234 104\r\n": Proxied(host="10.1.2.9", port=51234),
    b"PROXY TCP4 255.255.255.255 255.255.255.255 65535 65535\r\n": Proxied(host="255.255.255.255", port=65535),
    b"PROXY TCP4 1.1.1.1 1.1.1.1 0 0\r\n": Proxied(host="1.1.1.1"),
    b"PROXY TCP6 fd00::9 fd00::5 51234 104\r\n": Proxied(host="fd00::9", port=51234),
    b"PROXY TCP6 ::ffff:10.1.2.9 ::ffff:10.0.0.5 1 2\r\n": Proxied(host="10.1.2.9", port=1),
    b"PROXY UNKNOWN\r\n": Proxied(),
    b"PROXY UNKNOWN ffff:f...f:ffff whatever that is 65535\r\n": Proxied(),
    second(0x21, 0x11, V4): Proxied(host="10.1.2.9", port=51234),
    second(0x21, 0x11, V4 + TLV): Proxied(host="10.1.2.9", port=51234),
    second(0x21, 0x21, V6 + TLV): Proxied(host="fd00::9", port=51234),
    second(0x21, 0x31, bytes(216)): Proxied(),
    second(0x21, 0x00, b""): Proxied(),
    second(0x21, 0x00, bytes(MOST_FOLLOWING)): Proxied(),
    second(0x20, 0x00, b""): Proxied(own=True),
    second(0x20, 0x11, V4): Proxied(own=True),
    second(0x20, 0xFF, b"x"): Proxied(own=True),
}


@pytest.mark.parametrize(("header", "says"), HEADERS.items(), ids=range(len(HEADERS)))
def test_a_header_says_for_whom_a_proxy_speaks(header: bytes, says: Proxied) -> None:
    """And not a byte of what comes behind it is taken."""
    assert taken(header + b"\x01\x00rest") == (says, b"\x01\x00rest")
    assert looks_proxied(header)


@pytest.mark.parametrize("header", HEADERS, ids=range(len(HEADERS)))
def test_a_header_that_is_cut_lacks_no_more_than_the_rest(header: bytes) -> None:
    """Wherever it is cut: nobody may read beyond its end, nor stop before it."""
    for cut in range(len(header)):
        assert 0 < missing(header[:cut]) <= len(header) - cut
    assert missing(header) == 0


HOSTILE = {
    "DICOM": b"\x01\x00\x00\x00\x00\xcd" + bytes(205),
    "TLS": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(507),
    "HTTP": b"GET / HTTP/1.1\r\n\r\n",
    "another word": b"PROXYING TCP4 1.1.1.1",
    "no address": b"PROXY TCP4\r\n    ",
    "another protocol": b"PROXY UDP4 1.1.1.1 1.1.1.1 1 1\r\n",
    "small letters": b"proxy TCP4 1.1.1.1 1.1.1.1 1 1\r\n",
    "an address of three": b"PROXY TCP4 1.1.1 1.1.1.1 1 1\r\n",
    "an address of IPv6": b"PROXY TCP4 ::1 ::1 1 1\r\n",
    "an address of IPv4": b"PROXY TCP6 1.1.1.1 1.1.1.1 1 1\r\n",
    "an address with a scope": b"PROXY TCP6 fe80::1%eth0 ::1 1 1\r\n",
    "a destination that is none": b"PROXY TCP4 1.1.1.1 pacs 1 1\r\n",
    "a port too large": b"PROXY TCP4 1.1.1.1 1.1.1.1 65536 1\r\n",
    "a port with a sign": b"PROXY TCP4 1.1.1.1 1.1.1.1 +1 1\r\n",
    "a port with a zero in front": b"PROXY TCP4 1.1.1.1 1.1.1.1 01 1\r\n",
    "no destination port": b"PROXY TCP4 1.1.1.1 1.1.1.1 1\r\n",
    "one port more": b"PROXY TCP4 1.1.1.1 1.1.1.1 1 1 1\r\n",
    "two spaces": b"PROXY TCP4  1.1.1.1 1.1.1.1 1 1\r\n",
    "a line end of one byte": b"PROXY TCP4 1.1.1.1 1.1.1.1 1 1\n",
    "a line that goes on": b"PROXY TCP4 1.1.1.1\r1.1.1.1 1 1\r\n",
    "no ASCII": b"PROXY TCP4 1.1.1.\xb2 1.1.1.1 1 1\r\n",
    "a line too long": b"PROXY UNKNOWN " + b"x" * LONGEST_LINE,
    "a line too long by one": b"PROXY UNKNOWN " + b"x" * (LONGEST_LINE - 15) + b"\r\n",
    "version 1 in the form of 2": second(0x11, 0x11, V4),
    "another command": second(0x22, 0x11, V4),
    "another family": second(0x21, 0x41, V4),
    "datagrams": second(0x21, 0x12, V4),
    "addresses cut short": second(0x21, 0x11, V4[:-1]),
    "addresses of IPv6 cut short": second(0x21, 0x21, V6[:-1]),
    "more than anybody has to say": second(0x21, 0x11, b"", length=MOST_FOLLOWING + 1),
    "a signature with a fault": SIGNATURE[:-1] + b"\r" + bytes(4),
}


@pytest.mark.parametrize("data", HOSTILE.values(), ids=HOSTILE)
def test_what_is_no_header_is_refused(data: bytes) -> None:
    """As soon as it shows, and never believed in part."""
    with pytest.raises(NoProxyHeader):
        taken(data)


def test_the_longest_line_is_read() -> None:
    """107 bytes with its end."""
    line = b"PROXY UNKNOWN " + b"x" * (LONGEST_LINE - 16) + b"\r\n"
    assert len(line) == LONGEST_LINE
    assert taken(line) == (Proxied(), b"")


addresses = st.ip_addresses(v=4) | st.ip_addresses(v=6)
ports = st.integers(0, 65535)


@given(addresses, ports, st.binary(max_size=40), st.binary(max_size=20), st.booleans())
def test_whatever_is_written_is_read(
    source: ipaddress.IPv4Address | ipaddress.IPv6Address, port: int, more: bytes, rest: bytes, text: bool
) -> None:
    """By either version, with anything behind the addresses and behind the header."""
    if text:
        header = f"PROXY TCP{source.version} {source} {source} {port} 104\r\n".encode()
    else:
        body = source.packed * 2 + struct.pack("!HH", port, 104) + more
        header = second(0x21, 0x11 if source.version == 4 else 0x21, body)
    mapped = source.ipv4_mapped if isinstance(source, ipaddress.IPv6Address) else None
    assert taken(header + rest) == (Proxied(host=str(mapped or source), port=port), rest)


@given(st.binary(max_size=300) | st.sampled_from(list(HEADERS)).flatmap(lambda h: st.binary(max_size=9).map(h.__add__)))
@example(b"PROXY ")
@example(SIGNATURE)
def test_garbage_is_a_header_or_refused_or_not_whole(data: bytes) -> None:
    """Nothing else ever comes of bytes, and what is believed is an address."""
    try:
        says, rest = taken(data)
    except (NoProxyHeader, EOFError):
        return
    assert data.endswith(rest)
    assert says.host == "" or ipaddress.ip_address(says.host)


@given(st.sampled_from(list(HEADERS)), st.data())
def test_a_changed_byte_never_makes_reading_go_beyond_the_bounds(header: bytes, data: st.DataObject) -> None:
    """A length may be believed only within its bound, a line only within its length."""
    at = data.draw(st.integers(0, len(header) - 1))
    changed = header[:at] + bytes([data.draw(st.integers(0, 255))]) + header[at + 1 :]
    stream = changed + bytes(MOST_FOLLOWING)
    try:
        _, rest = taken(stream)
    except (NoProxyHeader, EOFError):
        return
    assert len(stream) - len(rest) <= 16 + MOST_FOLLOWING

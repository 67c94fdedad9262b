"""What PDUs are made of, read without our own code, and strictly: every length has to fit where it stands."""

from __future__ import annotations

import struct
from dataclasses import dataclass, field

from relay import Exchange, pdus


@dataclass(slots=True)
class Shape:
    """What one side said, from its first PDU to its last."""

    pdus: list[int] = field(default_factory=list)
    """Their types."""
    items: list[tuple[int, int]] = field(default_factory=list)
    """Type and length of each item and sub-item of its association PDUs, in the order in which a reader meets them."""
    versions: list[str] = field(default_factory=list)
    """The implementation version names in it."""
    fragments: list[tuple[int, int, int]] = field(default_factory=list)
    """Context, control header and length of each PDV."""
    elements: list[tuple[int, int]] = field(default_factory=list)
    """Element number and length of each element of its command sets."""
    lengths: list[tuple[int, str]] = field(default_factory=list, compare=False)
    """Where there is a length, and how it is packed."""


def shape(stream: bytes) -> Shape:
    """Reads all that one side said.

    Raises:
        ValueError: a length is too long for what it is in, or leaves something over.
    """
    found = Shape()
    try:
        _pdus(stream, found)
    except (IndexError, struct.error) as error:
        raise ValueError("it ends within a header") from error
    return found


def without_data(exchange: Exchange) -> Exchange:
    """An exchange as if no data set had been sent in it, first all of the one side and then all of the other."""
    bare = Exchange(_without_data(exchange.asked), _without_data(exchange.answered))
    first = {True: _first(bare.asked), False: _first(bare.answered)}
    rest = {True: len(bare.asked) - first[True], False: len(bare.answered) - first[False]}
    bare.order.extend((asks, count) for part in (first, rest) for asks, count in part.items() if count)
    return bare


def _pdus(stream: bytes, found: Shape) -> None:
    at = 0
    while at < len(stream):
        found.lengths.append((at + 2, ">I"))
        end = _end(stream, at, ">BxI", len(stream))
        found.pdus.append(stream[at])
        if stream[at] in (1, 2):
            _items(stream, at + 74, end, found)
        elif stream[at] == 4:
            _fragments(stream, at + 6, end, found)
        elif end - at != 10:
            raise ValueError(f"a PDU of type {stream[at]} and {end - at} bytes")
        at = end


def _items(stream: bytes, at: int, end: int, found: Shape) -> None:
    """Items of a PDU, or sub-items of an item (PS3.8 9.3.2, 9.3.3, Annex D)."""
    while at < end:
        kind, found_at = stream[at], len(found.items)
        found.lengths.append((at + 2, ">H"))
        stop = _end(stream, at, ">BxH", end)
        found.items.append((kind, stop - at - 4))
        if kind in (0x20, 0x21):
            _items(stream, at + 8, stop, found)
        elif kind == 0x50:
            _items(stream, at + 4, stop, found)
        elif kind == 0x55:
            found.versions.append(stream[at + 4 : stop].decode())
        elif not (kind in (0x10, 0x30, 0x40) or 0x51 <= kind <= 0x59):
            raise ValueError(f"item {found_at} is of type {kind:02x}")
        at = stop


def _fragments(stream: bytes, at: int, end: int, found: Shape) -> None:
    """PDVs; a command set is whole in one, as all that is sent in tests is short."""
    while at < end:
        found.lengths.append((at, ">I"))
        stop = _end(stream, at, ">I", end)
        if (stop - at) % 2:
            raise ValueError(f"a fragment of {stop - at - 6} bytes, which is odd")
        context, control = stream[at + 4 : at + 6]
        found.fragments.append((context, control, stop - at - 4))
        if control & 1:
            _elements(stream, at + 6, stop, found)
        at = stop


def _elements(stream: bytes, at: int, end: int, found: Shape) -> None:
    """The elements of a command set (PS3.7 6.3.1): implicit VR little endian, all of group 0000, ascending."""
    begin, last = at, -1
    while at < end:
        found.lengths.append((at + 4, "<I"))
        group, element = struct.unpack_from("<HH", stream, at)
        stop = at + 8 + struct.unpack_from("<I", stream, at + 4)[0]
        if group or element <= last or stop > end or (stop - at) % 2:
            raise ValueError(f"({group:04x},{element:04x}) with {stop - at - 8} bytes")
        found.elements.append((element, stop - at - 8))
        if element == 0 and struct.unpack_from("<I", stream, at + 8)[0] != end - begin - 12:
            raise ValueError("a group length that is none")
        at, last = stop, element


def _end(stream: bytes, at: int, header: str, limit: int) -> int:
    """Where that ends which begins with a header whose last field is its length."""
    end: int = at + struct.calcsize(header) + struct.unpack_from(header, stream, at)[-1]
    if end > limit:
        raise ValueError(f"at {at}: {end - limit} bytes too long")
    return end


def _without_data(stream: bytes | bytearray) -> bytearray:
    bare = bytearray()
    for kind, body in pdus(bytes(stream)):
        kept, at = (b"", 0) if kind == 4 else (body, len(body))
        while at < len(body):
            end = at + 4 + int.from_bytes(body[at : at + 4])
            kept += body[at:end] if body[at + 5] & 1 else b""
            at = end
        if kept:
            bare += struct.pack(">BxI", kind, len(kept)) + kept
    return bare


def _first(stream: bytes | bytearray) -> int:
    """The length of the first PDU."""
    return 6 + int.from_bytes(stream[2:6]) if stream else 0

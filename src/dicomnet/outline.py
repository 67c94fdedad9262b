"""How deep a data set nests and how many elements it has, told before anybody decodes it.

pydicom reads a sequence within a sequence within a sequence by calling itself,
and makes an object of each element. So what a peer can write in a megabyte
would take hundreds of megabytes, and a thousand levels no handler could print
or copy. The outline is walked here without recursion and without reading a
value: sequences of undefined and of stated length alike, and whatever has a
first item where pydicom might take it for a sequence.

Headers are read as pydicom reads them, so that both see the same: explicit or
implicit VR as the first element of each item looks, never back to explicit;
an unknown VR has a length of 16 bits, what is no VR is a length of 32 bits.
"""

from __future__ import annotations

from io import SEEK_END, BytesIO
from struct import Struct
from typing import BinaryIO, NamedTuple

from dicomnet.limits import Decoding
from dicomnet.uids import TransferSyntax


def check_outline(file: BinaryIO, syntax: TransferSyntax, most: Decoding) -> None:
    """Walks a data set that begins where the file stands and ends with it; leaves the file where it was.

    Raises:
        ValueError: it has more elements, or nests deeper, than may be decoded; or it ends before its last element does
            and has to be whole.
    """
    begin = file.tell()
    size = file.seek(0, SEEK_END)
    try:
        outermost = _Level(size, False, False, not _has_vr(_peek(file, begin)), _ELEMENTS, 0)
        _walk(file, begin, outermost, _form_of(syntax), most)
    finally:
        file.seek(begin)


def check_items(value: bytes, syntax: TransferSyntax, most: Decoding, *, implicit: bool) -> None:
    """The same of the value of a sequence."""
    _walk(BytesIO(value), 0, _Level(len(value), False, False, implicit, _ITEMS, 0), _form_of(syntax), most)


class _Level(NamedTuple):
    """What is walked at a time: the data set, a sequence, an item, or the fragments of pixel data."""

    limit: int
    """Where it ends at the latest."""
    is_open: bool
    """Whether a delimiter says where it ends."""
    is_bounded: bool
    """Whether a length says so, its own or that of what it is in."""
    implicit: bool
    kind: int
    tag: int


def _walk(file: BinaryIO, at: int, outermost: _Level, form: _Form, most: Decoding) -> None:
    levels, count = [outermost], 0
    while levels:
        limit, is_open, is_bounded, implicit, kind, of = levels[-1]
        if at + _HEADER > limit:
            if most.whole and not is_bounded:
                _check_end(of if is_open else None, _peek(file, at))
            at = limit
            levels.pop()
            continue
        header = _peek(file, at)
        count += 1
        if most.elements is not None and count > most.elements:
            raise ValueError(f"it has more than {most.elements} elements")
        tag, vr, start, length = _read(header, form, implicit=implicit or kind != _ELEMENTS)
        value = at + start
        stop = limit if length == _UNDEFINED else value + length
        if tag in _ENDS:
            at = at + _HEADER if is_open or len(levels) == 1 else limit
            if len(levels) > 1:
                levels.pop()
            continue
        if most.whole and stop > limit and not is_bounded:
            raise ValueError(f"it ends in {_name(tag)}")
        stop = min(stop, limit)
        opens, bounded = length == _UNDEFINED, is_bounded or length != _UNDEFINED
        if kind == _ITEMS:
            inner = implicit or not _has_vr(_peek(file, value))
            levels.append(_Level(stop, opens, bounded, inner, _ELEMENTS, tag))
        elif kind == _ELEMENTS and (vr == b"SQ" or opens or header[start : start + 4] == form.item):
            opaque = opens and (vr in _OPAQUE or tag == _PIXEL_DATA)
            levels.append(_Level(stop, opens, bounded, implicit, _FRAGMENTS if opaque else _ITEMS, tag))
            if len(levels) // 2 > most.nested:
                raise ValueError(f"it nests sequences more than {most.nested} deep")
        else:
            value = stop
        at = value


def _check_end(left_open: int | None, rest: bytes) -> None:
    if left_open is not None:
        raise ValueError(f"{_name(left_open)} has no end")
    if rest.strip(b"\0"):  # zeros are padding
        raise ValueError("it ends in the middle of an element")


class _Form(NamedTuple):
    """The byte order of a data set."""

    short: Struct
    """Group, element, VR, length of 16 bits."""
    long: Struct
    """Group, element, length of 32 bits."""
    length: Struct
    item: bytes
    """The tag of an item."""


def _form(order: str) -> _Form:
    return _Form(
        Struct(f"{order}HH2sH"), Struct(f"{order}HHI"), Struct(f"{order}I"), Struct(f"{order}HH").pack(0xFFFE, 0xE000)
    )


def _form_of(syntax: TransferSyntax) -> _Form:
    return _LITTLE if syntax.little_endian else _BIG


def _read(header: bytes, form: _Form, *, implicit: bool) -> tuple[int, bytes, int, int]:
    """Tag, VR if there is one, where the value begins, and its length."""
    if not implicit:
        group, number, vr, length = form.short.unpack_from(header)
        if vr in _LONG_VRS and len(header) >= _HEADER + 4:
            return group << 16 | number, vr, _HEADER + 4, *form.length.unpack_from(header, _HEADER)
        if b"AA" <= vr <= b"ZZ":
            return group << 16 | number, vr, _HEADER, length
    group, number, length = form.long.unpack_from(header)
    return group << 16 | number, b"", _HEADER, length


def _peek(file: BinaryIO, at: int) -> bytes:
    """A header, and the first tag of its value."""
    file.seek(at)
    return file.read(_HEADER + 8)


def _has_vr(header: bytes) -> bool:
    return header[4:6].isalpha() and header[4:6].isupper()


def _name(tag: int) -> str:
    return f"({tag >> 16:04X},{tag & 0xFFFF:04X})"


_ELEMENTS, _ITEMS, _FRAGMENTS = range(3)
_HEADER = 8
_UNDEFINED = 0xFFFF_FFFF
_ENDS = (0xFFFE_E00D, 0xFFFE_E0DD)
_PIXEL_DATA = 0x7FE0_0010
_OPAQUE = (b"OB", b"OW")
_LONG_VRS = frozenset((b"OB OD OF OL OV OW SQ SV UC UN UR UT UV").split())
_LITTLE, _BIG = _form("<"), _form(">")

"""Bytes of one association, from its request on; what `tests/raw.py` has is not written here again."""

from __future__ import annotations

import struct
import zlib

from reliability.hostile.case import TAKE, Do
from tests.raw import (
    APPLICATION_CONTEXT,
    CT_IMAGE_STORAGE,
    EXPLICIT_LE,
    IMPLICIT_LE,
    USER_INFORMATION,
    VERIFICATION,
    associate,
    command,
    even,
    item,
    p_data,
    pdv,
    proposed,
)

DEFLATED = b"1.2.840.10008.1.2.1.99"
BIG_ENDIAN = b"1.2.840.10008.1.2.2"
ECHO, EXPLICIT, IMPLICIT, SQUEEZED, BIG = 1, 3, 5, 7, 9
"""The contexts of `CONTEXTS`: verification, and CT images in four transfer syntaxes."""
CONTEXTS = (
    proposed(ECHO, VERIFICATION, IMPLICIT_LE)
    + proposed(EXPLICIT, CT_IMAGE_STORAGE, EXPLICIT_LE)
    + proposed(IMPLICIT, CT_IMAGE_STORAGE, IMPLICIT_LE)
    + proposed(SQUEEZED, CT_IMAGE_STORAGE, DEFLATED)
    + proposed(BIG, CT_IMAGE_STORAGE, BIG_ENDIAN)
)
REQUEST = associate(APPLICATION_CONTEXT + CONTEXTS + USER_INFORMATION)

UID = b"1.2.826.0.1.3680043.8.498.1"
ROOT = UID + b"."


def within(*steps: bytes | Do) -> tuple[bytes | Do, ...]:
    """A conversation in which the association is asked for, and its acceptance awaited."""
    return (REQUEST, TAKE, *steps)


def asks(*items: bytes) -> bytes:
    """An association request with these items in place of the usual ones."""
    return associate(b"".join(items))


def with_user(*items: bytes) -> bytes:
    """A usual request whose user information has these sub-items before the usual ones."""
    usual = item(0x51, struct.pack(">I", 16384)) + item(0x52, b"1.2.3.4")
    return associate(APPLICATION_CONTEXT + CONTEXTS + item(0x50, b"".join(items) + usual))


def counted(value: bytes) -> bytes:
    """A field with its length of two bytes, as in sub-items of the user information."""
    return struct.pack(">H", len(value)) + value


def said(*elements: tuple[int, bytes | int], on: int = ECHO) -> bytes:
    """A message of a command set alone."""
    return p_data(pdv(command(*elements), on, 3))


def stored(
    instance: bytes,
    data: bytes,
    *,
    on: int = EXPLICIT,
    sop_class: bytes = CT_IMAGE_STORAGE,
    message_id: int = 2,
    announced: int = 0,
) -> bytes:
    """A C-STORE-RQ with its data set in fragments of 16,000 bytes."""
    elements = ((0x0002, even(sop_class)), (0x0100, 1), (0x0110, message_id), (0x0700, 0))
    head = said(*elements, (0x0800, announced), (0x1000, even(instance)), on=on)
    pieces = [data[at : at + 16000] for at in range(0, len(data), 16000)] or [b""]
    last = len(pieces) - 1
    return head + b"".join(p_data(pdv(piece, on, 2 if at == last else 0)) for at, piece in enumerate(pieces))


def element(tag: int, vr: bytes, value: bytes, *, length: int | None = None) -> bytes:
    """An element in explicit VR little endian, or one that lies about its length."""
    size = len(value) if length is None else length
    header = struct.pack("<HH2s", tag >> 16, tag & 0xFFFF, vr)
    if vr in (b"OB", b"OW", b"SQ", b"UN", b"UT", b"ZZ"):
        return header + struct.pack("<HI", 0, size & 0xFFFFFFFF) + value
    return header + struct.pack("<H", size & 0xFFFF) + value


def plain(tag: int, value: bytes, *, length: int | None = None) -> bytes:
    """The same in implicit VR; items and delimiters are always so."""
    return struct.pack("<HHI", tag >> 16, tag & 0xFFFF, len(value) if length is None else length) + value


def identity(instance: bytes, sop_class: bytes = CT_IMAGE_STORAGE) -> bytes:
    """The elements that say which instance a data set is."""
    return element(0x0008_0016, b"UI", even(sop_class)) + element(0x0008_0018, b"UI", even(instance))


def nested(depth: int, *, stated: bool, tag: int = 0x0040_A730) -> bytes:
    """A sequence in a sequence in a sequence, with lengths that are stated, or that only delimiters end."""
    if not stated:
        begin = element(tag, b"SQ", plain(ITEM, b"", length=UNDEFINED), length=UNDEFINED)
        return begin * depth + (ITEM_END + SEQUENCE_END) * depth
    step = len(element(tag, b"SQ", plain(ITEM, b"")))
    return b"".join(
        element(tag, b"SQ", plain(ITEM, b"", length=(depth - level) * step - step), length=(depth - level) * step - 12)
        for level in range(depth)
    )


def squeezed(data: bytes) -> bytes:
    """Raw deflate (PS3.5 A.5), of even length."""
    packer = zlib.compressobj(9, wbits=-15)
    stream = packer.compress(data) + packer.flush()
    return stream + bytes(len(stream) % 2)


UNDEFINED = 0xFFFF_FFFF
ITEM = 0xFFFE_E000
ITEM_END = plain(0xFFFE_E00D, b"")
SEQUENCE_END = plain(0xFFFE_E0DD, b"")

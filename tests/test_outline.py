"""How deep a data set nests and how much is in it, seen before it is decoded."""

from __future__ import annotations

import struct
from io import BytesIO
from typing import Any

import pytest
from hypothesis import given, settings, strategies as st
from pydicom import Dataset
from pydicom.encaps import encapsulate

from dicomnet.datasets import decode_dataset, encode_dataset
from dicomnet.errors import StorageError
from dicomnet.limits import Decoding
from dicomnet.outline import check_items, check_outline
from dicomnet.uids import (
    TRANSFER_SYNTAXES,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    JPEGBaseline8Bit,
)

SYNTAXES = [ImplicitVRLittleEndian, ExplicitVRLittleEndian, ExplicitVRBigEndian]
OPEN = 0xFFFF_FFFF


def most(elements: int | None = None, nested: int = 64, *, whole: bool = True) -> Decoding:
    return Decoding(inflated=1 << 20, elements=elements, nested=nested, whole=whole)


def check(data: bytes, bounds: Decoding, syntax: str = ExplicitVRLittleEndian) -> None:
    check_outline(BytesIO(data), TRANSFER_SYNTAXES[syntax], bounds)


def report(depth: int, *, undefined: bool) -> Dataset:
    """Content items within each other, with an element at each level."""
    dataset = Dataset()
    dataset.ValueType = "TEXT"
    if depth:
        dataset.ContentSequence = [report(depth - 1, undefined=undefined)]
        dataset["ContentSequence"].is_undefined_length = undefined
        dataset.ContentSequence[0].is_undefined_length_sequence_item = undefined  # type: ignore[attr-defined]
    return dataset


def element(tag: int, vr: bytes, value: bytes, length: int | None = None) -> bytes:
    size = len(value) if length is None else length
    head = struct.pack("<HH2s", tag >> 16, tag & 0xFFFF, vr)
    return head + (struct.pack("<HI", 0, size) if vr in (b"SQ", b"UN", b"OB") else struct.pack("<H", size)) + value


def plain(tag: int, value: bytes, length: int | None = None) -> bytes:
    return struct.pack("<HHI", tag >> 16, tag & 0xFFFF, len(value) if length is None else length) + value


ITEM, ITEM_END, SEQUENCE_END = 0xFFFE_E000, plain(0xFFFE_E00D, b""), plain(0xFFFE_E0DD, b"")


@pytest.mark.parametrize("syntax", SYNTAXES)
@pytest.mark.parametrize("undefined", [True, False], ids=["undefined lengths", "stated lengths"])
def test_the_depth_is_that_of_the_sequences(syntax: str, undefined: bool) -> None:
    """However their lengths are given."""
    data = encode_dataset(report(7, undefined=undefined), syntax)
    check(data, most(nested=7), syntax)
    with pytest.raises(ValueError, match="nests sequences more than 6 deep"):
        check(data, most(nested=6), syntax)


@pytest.mark.parametrize("syntax", SYNTAXES)
@pytest.mark.parametrize("undefined", [True, False], ids=["undefined lengths", "stated lengths"])
def test_elements_and_items_count_at_every_level(syntax: str, undefined: bool) -> None:
    """So many objects would be made of them; delimiters count as well."""
    data = encode_dataset(report(3, undefined=undefined), syntax)
    count = 10 + (6 if undefined else 0)
    check(data, most(count), syntax)
    with pytest.raises(ValueError, match=f"more than {count - 1} elements"):
        check(data, most(count - 1), syntax)


def test_the_value_of_a_sequence_is_walked_in_the_same_way() -> None:
    """As its items alone."""
    syntax = TRANSFER_SYNTAXES[ExplicitVRLittleEndian]
    items = plain(ITEM, encode_dataset(report(3, undefined=False), ExplicitVRLittleEndian))
    check_items(items, syntax, most(nested=3), implicit=False)
    with pytest.raises(ValueError, match="deep"):
        check_items(items, syntax, most(nested=2), implicit=False)


def test_a_sequence_hides_behind_no_vr() -> None:
    """What begins with an item may be taken for a sequence, whatever it calls itself."""
    for vr in (b"UN", b"OB", b"LO", b"ZZ"):
        inside = element(0x0040_A730, b"SQ", plain(ITEM, b""))
        with pytest.raises(ValueError, match="more than 1 deep"):
            check(element(0x0009_1010, vr, plain(ITEM, inside)), most(nested=1))


def test_an_item_in_implicit_vr_hides_nothing() -> None:
    """Below it all is implicit, also where a length looks like a VR, as pydicom has it."""
    inside = plain(0x0010_0010, bytes(0x4141)) + plain(0x0040_A730, plain(ITEM, b""))
    data = element(0x0040_A730, b"SQ", plain(ITEM, plain(0x0009_0000, b"") + inside))
    with pytest.raises(ValueError, match="more than 1 deep"):
        check(data, most(nested=1))


def test_fragments_of_pixel_data_are_no_elements() -> None:
    """They are jumped over, whatever is in them."""
    dataset = Dataset()
    dataset.PixelData = encapsulate([plain(ITEM, b"", OPEN) * 9, b"\xff" * 50])
    dataset["PixelData"].VR = "OB"
    dataset["PixelData"].is_undefined_length = True
    data = encode_dataset(dataset, JPEGBaseline8Bit)
    check(data, most(6, nested=1), JPEGBaseline8Bit)


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (element(0x0010_0010, b"LO", b"ab", 4), r"ends in \(0010,0010\)"),
        (element(0x0010_0010, b"OB", b"ab", 0xFFFF_FFFE), r"ends in \(0010,0010\)"),
        (element(0x0010_0010, b"LO", b"ab") + b"\x10\0\x20", "in the middle of an element"),
        (element(0x0040_A730, b"SQ", b"", OPEN), r"\(0040,A730\) has no end"),
        (element(0x0040_A730, b"SQ", plain(ITEM, b"", OPEN), OPEN), r"\(FFFE,E000\) has no end"),
        (element(0x0040_A730, b"SQ", plain(ITEM, b"ab", 9), OPEN), r"ends in \(FFFE,E000\)"),
    ],
)
def test_what_is_cut_is_said(data: bytes, says: str) -> None:
    """Unless that does not matter."""
    with pytest.raises(ValueError, match=says):
        check(data, most())
    check(data, most(whole=False))


@pytest.mark.parametrize(
    "data",
    [
        b"",
        bytes(5),
        bytes(800),
        element(0x0010_0010, b"LO", b"ab") + b"\0",
        element(0x0040_A730, b"SQ", plain(ITEM, b"", OPEN) + SEQUENCE_END + ITEM_END, OPEN),
        element(0x0040_A730, b"SQ", plain(ITEM, b"", 99)),
        element(0x0040_A730, b"SQ", b"junk"),
        element(0x0010_0010, b"LO", b"ab") + ITEM_END + element(0x0010_0020, b"LO", b"ab"),
        element(0x0040_A730, b"SQ", plain(ITEM, ITEM_END + b"junk")),
    ],
    ids=range(9),
)
def test_what_is_merely_odd_passes(data: bytes) -> None:
    """Padding, delimiters of the other kind, items that say too much: whoever decodes it may judge."""
    check(data, most())


def test_the_file_stays_where_it_was() -> None:
    """So that it can be decoded from there."""
    file = BytesIO(b"head" + element(0x0010_0010, b"LO", b"ab"))
    file.seek(4)
    check_outline(file, TRANSFER_SYNTAXES[ExplicitVRLittleEndian], most())
    assert file.tell() == 4


@settings(deadline=None)
@given(st.data())
def test_what_passes_can_be_decoded_printed_and_encoded(data: Any) -> None:
    """Of whatever is damaged in a report, either the outline is refused, or nothing of what is made of it goes too deep."""
    raw = bytearray(
        encode_dataset(
            report(data.draw(st.integers(0, 90)), undefined=data.draw(st.booleans())), ExplicitVRLittleEndian
        )
    )
    for _ in range(data.draw(st.integers(0, 4))):
        raw[data.draw(st.integers(0, len(raw) - 1))] = data.draw(st.integers(0, 255))
    try:
        dataset = decode_dataset(BytesIO(bytes(raw)), ExplicitVRLittleEndian, most(1000))
    except StorageError:
        return
    assert depth(dataset) <= 64


def depth(dataset: Dataset) -> int:
    """Of what pydicom has made."""
    found = 0
    for each in list(dataset.keys()):
        try:
            value = dataset[each]
        except Exception:  # noqa: BLE001 (a value that cannot be read)
            continue
        if value.VR == "SQ":
            found = max(found, *(1 + depth(item) for item in value.value), 1)
    return found

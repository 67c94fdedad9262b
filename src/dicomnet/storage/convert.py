"""An instance in another transfer syntax, for a peer that does not take its own.

Between the syntaxes that do not touch pixel data only what they say is changed:
headers, byte order, deflation. Every value keeps its bytes, so text in a
character set that nobody knows and private attributes come through. Group
lengths would be wrong and go (PS3.5 7.2). Compressed pixel data is a matter of
pydicom and its decoders.
"""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from io import BytesIO
from typing import TYPE_CHECKING, Literal, NamedTuple

from dicomnet.datasets import decode_dataset, deflated, encode_dataset, images_in, inflated
from dicomnet.errors import InvalidValue, StorageError, Unsupported
from dicomnet.records import dataclass, field
from dicomnet.types import UID
from dicomnet.uids import TRANSFER_SYNTAXES, ExplicitVRLittleEndian, TransferSyntax

if TYPE_CHECKING:
    from pydicom import Dataset
    from pydicom.pixels.decoders.base import Decoder

_Parts = list[bytes | memoryview]


def transcode(data: bytes, source_uid: str, target_uid: str) -> bytes:
    """A data set in another transfer syntax, with every value as it is (PS3.5 A.1 to A.5).

    Raises:
        Unsupported: the pixel data is compressed, or would have to be.
        StorageError: the bytes are not a data set of the first transfer syntax.
    """
    source, target = _syntax(source_uid), _syntax(target_uid)
    if target.encapsulated:
        raise Unsupported(
            f"nothing is compressed here, as {target.name} would have it; do it with pydicom's compress()"
        )
    try:
        if source.deflated:
            data = inflated(data)
        if (source.implicit_vr, source.little_endian) != (
            target.implicit_vr,
            target.little_endian,
        ) or source.encapsulated:
            transcoder = _Transcoder(memoryview(data), _form(source), _form(target), source)
            parts, _ = transcoder.data_set(0, len(data), _Scope())
            data = b"".join(parts)
    except _Broken as error:
        raise StorageError(f"not a data set in {source.name}: {error}", status=_CANNOT_UNDERSTAND) from None
    except (RecursionError, ValueError) as error:
        raise StorageError(f"not a data set in {source.name}: {error}", status=_CANNOT_UNDERSTAND) from error
    return deflated(data) if target.deflated else data


def decompress(data: bytes, transfer_syntax_uid: str) -> bytes:
    """A data set with its pixel data decoded, that of icons too, in explicit VR little endian; the instance keeps its UID.

    Colours stay in the space that the decoder gives out, which (0028,0004) then names.

    Raises:
        Unsupported: no decoder for the transfer syntax is installed.
        StorageError: it cannot be decoded.
    """
    from pydicom import pixels, uid

    syntax = _syntax(transfer_syntax_uid)
    dataset = decode_dataset(BytesIO(data), transfer_syntax_uid)
    try:
        decoder = pixels.get_decoder(uid.UID(transfer_syntax_uid))  # type: ignore[attr-defined]  # documented, not declared
    except NotImplementedError:
        raise Unsupported(f"pydicom has no decoder for {syntax.name}") from None
    if not decoder.is_available:
        raise Unsupported(f"no decoder for {syntax.name} is installed: {'; '.join(decoder.missing_dependencies)}")
    for image in images_in(dataset):
        # That of an icon may be plain in a compressed syntax (PS3.5 A.4).
        if image is dataset or image["PixelData"].is_undefined_length:
            try:
                _decode_pixels(image, decoder)
            except Exception as error:
                raise StorageError(
                    f"the pixel data in {syntax.name} cannot be decoded: {error}", status=_CANNOT_UNDERSTAND
                ) from error
    dataset.file_meta.TransferSyntaxUID = uid.UID(ExplicitVRLittleEndian)
    try:
        return encode_dataset(dataset, ExplicitVRLittleEndian)
    except InvalidValue as error:
        raise StorageError(str(error), status=_CANNOT_UNDERSTAND) from error


def _decode_pixels(image: Dataset, decoder: Decoder) -> None:
    frames: list[bytes] = []
    meta: dict[str, str | int] = {}
    for frame, meta in decoder.iter_buffer(image):  # noqa: B007  the last one counts
        frames.append(bytes(frame))
    pixels = b"".join(frames)
    element = image["PixelData"]
    element.is_undefined_length = False
    element.VR = "OB" if int(meta["bits_allocated"]) <= 8 else "OW"
    element.value = pixels + b"\0" * (len(pixels) % 2)
    for keyword in _OF_ENCAPSULATION:
        if keyword in image:
            del image[keyword]
    image.PhotometricInterpretation = meta["photometric_interpretation"]
    if int(meta["samples_per_pixel"]) > 1:
        image.PlanarConfiguration = meta["planar_configuration"]
    image.BitsAllocated = meta["bits_allocated"]


class _Form(NamedTuple):
    """How the elements of a transfer syntax are written."""

    implicit: bool
    order: Literal["little", "big"]


@dataclass(slots=True)
class _Scope:
    """What elements of a data set say of those behind them."""

    signed: bool = False
    """(0028,0103): of two VRs, which one."""
    creators: dict[int, str] = field(default_factory=dict)
    """Group and block to the private creator."""


class _Broken(Exception):
    """The bytes are not elements."""


class _Transcoder:
    """Reads elements of one form and gives them out in another, item by item."""

    def __init__(self, data: memoryview, source: _Form, target: _Form, syntax: TransferSyntax) -> None:
        self._data = data
        self._source = source
        self._target = target
        self._swaps = source.order != target.order
        self._name = syntax.name

    def data_set(self, offset: int, end: int | None, scope: _Scope) -> tuple[_Parts, int]:
        """All elements up to an end, or up to the delimiter of an item; and where that was."""
        parts: _Parts = []
        while end is None or offset < end:
            tag, vr, offset, length = self._pull_header(offset)
            if tag == _ITEM_END and end is None:
                return parts, offset
            if tag >> 16 == _DELIMITERS:
                raise _Broken(f"a delimiter at byte {offset} that delimits nothing")
            if vr is None:
                vr = "SQ" if length == _UNDEFINED and tag != _PIXEL_DATA else self._lookup(tag, scope)
            if length == _UNDEFINED:
                element, offset = self._undefined(tag, vr, offset, scope)
            elif vr == "SQ":
                items, offset = self._items(offset, offset + length, scope)
                element = [self._header(tag, vr, _size(items)), *items]
            else:
                value = self._value(offset, length)
                self._learn(tag, value, scope)
                element, offset = self._element(tag, vr, value), offset + length
            if tag & 0xFFFF:
                parts += element
        return parts, offset

    def _undefined(self, tag: int, vr: str, offset: int, scope: _Scope) -> tuple[_Parts, int]:
        if vr == "UN":
            # PS3.5 6.2.2: what has lost its VR contains items in implicit VR little endian, whatever stands around it.
            end = _Transcoder(self._data, _IMPLICIT, _IMPLICIT, _syntax("")).skip(offset)
            return [self._header(tag, vr, _UNDEFINED), self._data[offset:end]], end
        if vr != "SQ":
            raise Unsupported(f"the pixel data in {self._name} is compressed; it has to be decoded first")
        items, offset = self._items(offset, None, scope)
        return [self._header(tag, vr, _UNDEFINED), *items, self._header(_SEQUENCE_END, None, 0)], offset

    def skip(self, offset: int) -> int:
        """The end of the sequence of undefined length whose items begin here."""
        return self._items(offset, None, _Scope())[1]

    def _items(self, offset: int, end: int | None, scope: _Scope) -> tuple[_Parts, int]:
        parts: _Parts = []
        while end is None or offset < end:
            tag, _, offset, length = self._pull_header(offset)
            if tag == _SEQUENCE_END and end is None:
                break
            if tag != _ITEM:
                raise _Broken(f"no item at byte {offset}, where one must be")
            inner = _Scope(scope.signed)
            elements, offset = self.data_set(offset, None if length == _UNDEFINED else offset + length, inner)
            if length == _UNDEFINED:
                parts += [self._header(_ITEM, None, length), *elements, self._header(_ITEM_END, None, 0)]
            else:
                parts += [self._header(_ITEM, None, _size(elements)), *elements]
        return parts, offset

    def _element(self, tag: int, vr: str, value: memoryview) -> _Parts:
        if not self._target.implicit and vr in _SHORT_VRS and len(value) > _LONGEST:
            vr = "UN"  # PS3.5 6.2.2, note: it has a length of 32 bits
        return [
            self._header(tag, vr, len(value)),
            _swapped(value, _WORDS[vr]) if self._swaps and vr in _WORDS else value,
        ]

    def _header(self, tag: int, vr: str | None, length: int) -> bytes:
        order = self._target.order
        start = (tag >> 16).to_bytes(2, order) + (tag & 0xFFFF).to_bytes(2, order)
        if vr is None or self._target.implicit:
            return start + length.to_bytes(4, order)
        if vr in _SHORT_VRS:
            return start + vr.encode() + length.to_bytes(2, order)
        return start + vr.encode() + b"\0\0" + length.to_bytes(4, order)

    def _pull_header(self, offset: int) -> tuple[int, str | None, int, int]:
        """Tag, VR if it is written, where the value begins, and its length."""
        order = self._source.order
        header = bytes(self._value(offset, 8))
        tag = int.from_bytes(header[:2], order) << 16 | int.from_bytes(header[2:4], order)
        if self._source.implicit or tag >> 16 == _DELIMITERS:
            return tag, None, offset + 8, int.from_bytes(header[4:], order)
        vr = header[4:6].decode("latin-1")
        if not (vr.isascii() and vr.isupper()):
            raise _Broken(f"no VR at byte {offset + 4}")
        if vr in _SHORT_VRS:
            return tag, vr, offset + 8, int.from_bytes(header[6:], order)
        return tag, vr, offset + 12, int.from_bytes(self._value(offset + 8, 4), order)

    def _value(self, offset: int, length: int) -> memoryview:
        value = self._data[offset : offset + length]
        if len(value) < length:
            raise _Broken(f"it ends within the element at byte {offset}")
        return value

    def _learn(self, tag: int, value: memoryview, scope: _Scope) -> None:
        if tag == _PIXEL_REPRESENTATION:
            scope.signed = bool(int.from_bytes(value[:2], self._source.order))
        elif _is_private(tag) and 0x10 <= tag & 0xFFFF <= 0xFF:
            scope.creators[tag] = bytes(value).decode("latin-1").strip("\0 ")

    def _lookup(self, tag: int, scope: _Scope) -> str:
        from pydicom import datadict

        try:
            if not _is_private(tag):
                vr = datadict.dictionary_VR(tag) if tag & 0xFFFF else "UL"
            elif tag & 0xFFFF <= 0xFF:
                vr = "LO"
            else:
                vr = datadict.private_dictionary_VR(tag, scope.creators[tag >> 16 << 16 | (tag & 0xFFFF) >> 8])
        except KeyError:
            return "UN"
        if "OW" in vr:
            return "OW"  # PS3.5 A.1: what implicit VR takes where there is a choice
        return ("SS" if scope.signed else "US") if " or " in vr else vr


def _size(parts: Sequence[bytes | memoryview]) -> int:
    return sum(map(len, parts))


def _swapped(value: memoryview, size: int) -> bytes:
    whole = len(value) // size * size
    words = array(_TYPE_CODES[size])
    words.frombytes(value[:whole])
    words.byteswap()
    return words.tobytes() + bytes(value[whole:])


def _is_private(tag: int) -> bool:
    return bool(tag >> 16 & 1)


def _form(syntax: TransferSyntax) -> _Form:
    return _Form(syntax.implicit_vr, "little" if syntax.little_endian else "big")


def _syntax(uid: str) -> TransferSyntax:
    return TRANSFER_SYNTAXES.get(uid) or TransferSyntax(UID(uid), uid, uid)


_CANNOT_UNDERSTAND = 0xC000
_IMPLICIT = _Form(implicit=True, order="little")
_UNDEFINED = 0xFFFF_FFFF
_DELIMITERS = 0xFFFE
_ITEM = 0xFFFE_E000
_ITEM_END = 0xFFFE_E00D
_SEQUENCE_END = 0xFFFE_E0DD
_PIXEL_DATA = 0x7FE0_0010
_PIXEL_REPRESENTATION = 0x0028_0103
_OF_ENCAPSULATION = ("ExtendedOffsetTable", "ExtendedOffsetTableLengths", "EncapsulatedPixelDataValueTotalLength")
# PS3.5 7.1.2; any other VR has the long form.
_SHORT_VRS = frozenset("AE AS AT CS DA DS DT FL FD IS LO LT PN SH SL SS ST TM UI UL US".split())
_LONGEST = 65_534
# PS3.5 7.3: what the byte order applies to, with the size of its words.
_WORDS = {
    **dict.fromkeys(("AT", "OW", "SS", "US"), 2),
    **dict.fromkeys(("FL", "OF", "OL", "SL", "UL"), 4),
    **dict.fromkeys(("FD", "OD", "OV", "SV", "UV"), 8),
}
_TYPE_CODES = {2: "H", 4: "I", 8: "Q"}

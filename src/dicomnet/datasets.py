"""Between bytes and pydicom's data sets, in any transfer syntax; pydicom is imported when first needed."""

from __future__ import annotations

import sys
import zlib
from collections.abc import Iterator, Sequence
from io import BytesIO
from typing import TYPE_CHECKING, Any, BinaryIO, TypeGuard

from dicomnet.charsets import copy_of, in_its_charset, with_unreadable_text
from dicomnet.dimse.commands import (
    CFindRequest,
    CFindResponse,
    CGetRequest,
    CGetResponse,
    CMoveRequest,
    CMoveResponse,
    Command,
    CStoreRequest,
)
from dicomnet.errors import InvalidValue, StorageError
from dicomnet.limits import ATTRIBUTES, IDENTIFIERS, INSTANCES, MOST_INFLATED, Decoding
from dicomnet.outline import check_outline
from dicomnet.part10 import with_group_lengths
from dicomnet.types import UID
from dicomnet.uids import TRANSFER_SYNTAXES, ExplicitVRLittleEndian, TransferSyntax

if TYPE_CHECKING:
    from pydicom import Dataset


def is_dataset(what: Any) -> TypeGuard[Dataset]:
    """Whether this is a pydicom data set: who has one has imported pydicom, and nobody else pays for it."""
    known = getattr(sys.modules.get("pydicom"), "Dataset", None)  # which it lacks while another thread imports it
    return known is not None and isinstance(what, known)


def decode_dataset(file: BinaryIO, transfer_syntax_uid: str, most: Decoding = INSTANCES) -> Dataset:
    """Reads a data set that begins where the file stands and ends with it.

    Args:
        file: it is read to its end.
        transfer_syntax_uid: what the bytes are in.
        most: how much of it may be in it.

    Raises:
        StorageError: the bytes are not a data set of that transfer syntax, or one of which too much would be made.
    """
    from pydicom import dataset as pydicom_dataset, filereader, uid

    syntax = _syntax(transfer_syntax_uid)
    try:
        if syntax.deflated:
            file = BytesIO(inflated(file.read(), most.inflated))
        check_outline(file, syntax, most)
        dataset = filereader.read_dataset(file, syntax.implicit_vr, syntax.little_endian)
    except Exception as error:
        raise StorageError(f"not a data set in {syntax.name}: {error}", status=_CANNOT_UNDERSTAND) from error
    dataset.file_meta = pydicom_dataset.FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = uid.UID(transfer_syntax_uid)
    return dataset


def encode_dataset(
    dataset: Dataset, transfer_syntax_uid: str, *, group_lengths: bool = False, any_charset: bool = False
) -> bytes:
    """The bytes of a data set in a transfer syntax, of even length; groups 0000 and 0002 are left out.

    Pixel data is neither compressed nor decompressed here. Group lengths
    (gggg,0000) are retired and left out unless asked for.

    No text is lost: where (0008,0005) is absent and ASCII does not suffice,
    ISO_IR 100 or ISO_IR 192 is declared in what is encoded; the data set stays
    as it is. What was never decoded goes out as it came. Values of VRs that
    (0008,0005) does not apply to (PS3.5 6.1.2.3) go out with the bytes that
    they were read with, also where these should have been ASCII.

    Args:
        dataset: what to encode.
        transfer_syntax_uid: how.
        group_lengths: whether to put them in.
        any_charset: whether a declared character set that does not hold the text gives way to one that does.

    Raises:
        InvalidValue: it is no data set, or cannot be encoded, or not in that transfer syntax, or its character set does
            not hold its text.
    """
    from pydicom import filebase, filewriter

    if not is_dataset(dataset):
        raise InvalidValue(f"{type(dataset).__name__} is nothing that can be sent as a data set")
    syntax = _syntax(transfer_syntax_uid)
    _check_pixel_data(dataset, syntax)
    buffer = filebase.DicomBytesIO()
    buffer.is_implicit_VR = syntax.implicit_vr
    buffer.is_little_endian = syntax.little_endian
    try:
        dataset = in_its_charset(_without_file_meta(dataset), any_charset=any_charset)
        filewriter.write_dataset(buffer, with_unreadable_text(dataset, (syntax.implicit_vr, syntax.little_endian)))
    except InvalidValue:
        raise
    except Exception as error:
        raise InvalidValue(f"the data set cannot be encoded in {syntax.name}: {error}") from error
    data: bytes = buffer.getvalue()
    if group_lengths:
        data = with_group_lengths(data, syntax.uid)
    return deflated(data) if syntax.deflated else data


def deflated(data: bytes) -> bytes:
    """A data set as the deflated syntaxes have it: raw deflate, to which one NUL is added if it is odd (PS3.5 A.5)."""
    compressor = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    stream = compressor.compress(data) + compressor.flush()
    return stream + b"\0" * (len(stream) % 2)


def bounds_of(command: Command) -> Decoding:
    """How much may be made of the data set of a message."""
    if isinstance(command, CStoreRequest):
        return INSTANCES
    return IDENTIFIERS if isinstance(command, _WITH_IDENTIFIER) else ATTRIBUTES


def inflated(stream: bytes, most: int = MOST_INFLATED) -> bytes:
    """A deflated data set as it was before, all of it; also one that its sender has wrapped in zlib.

    What follows the stream is not part of it: padding, or the check sums that some senders leave there.

    Raises:
        ValueError: the stream is cut off, is none, or inflates to more than `most` bytes.
    """
    for wbits in (-zlib.MAX_WBITS, zlib.MAX_WBITS):
        decompressor = zlib.decompressobj(wbits)
        try:
            data = decompressor.decompress(stream, most + 1)
        except zlib.error:
            continue
        if len(data) > most:
            raise ValueError(f"it inflates to more than {most} bytes")
        if not decompressor.eof:
            raise ValueError("its deflated stream is cut off")
        return data
    raise ValueError("it cannot be inflated")


def images_in(dataset: Dataset) -> Iterator[Dataset]:
    """What has pixel data: the data set, and items of its sequences such as icons."""
    if "PixelData" in dataset:
        yield dataset
    for element in list(dataset.values()):
        # A sequence that is still bytes is not read where it costs little to see that it need not be.
        if element.VR == "SQ" and not (isinstance(element.value, bytes) and _PIXEL_DATA not in element.value):
            items: Sequence[Dataset] = dataset[element.tag].value
            for item in items:
                yield from images_in(item)


def _syntax(uid: str) -> TransferSyntax:
    # An unknown syntax is a private one, and those we know of are explicit and little endian, or encapsulate in that.
    return TRANSFER_SYNTAXES.get(uid) or TransferSyntax(UID(uid), uid, uid)


def _check_pixel_data(dataset: Dataset, syntax: TransferSyntax) -> None:
    was = _syntax_of(dataset)
    if "PixelData" in dataset:
        if was is None:
            encapsulated = dataset["PixelData"].is_undefined_length
            if encapsulated != syntax.encapsulated:
                raise InvalidValue(
                    f"the data set has no transfer syntax of its own, and its pixel data does not fit {syntax.name}"
                )
        elif (was.encapsulated or syntax.encapsulated) and was.uid != syntax.uid:
            raise InvalidValue(
                f"the pixel data is in {was.name}; compress() or decompress() the data set to send it in {syntax.name}"
            )
    if not syntax.encapsulated and any(each["PixelData"].is_undefined_length for each in images_in(dataset)):
        raise InvalidValue(
            f"pixel data in the data set, or of an icon in it, is compressed and cannot go in {syntax.name}"
        )
    if was is not None and was.little_endian != syntax.little_endian and _has_words(dataset):
        raise InvalidValue(f"binary values in {was.name} are not swapped to go in {syntax.name}")


def _syntax_of(dataset: Dataset) -> TransferSyntax | None:
    """What the data set was read or made in."""
    uid = getattr(getattr(dataset, "file_meta", None), "TransferSyntaxUID", None)
    if uid:
        return _syntax(str(uid))
    implicit_vr, little_endian = dataset.original_encoding
    if implicit_vr is None or little_endian is None:
        return None
    return TransferSyntax(ExplicitVRLittleEndian, "", "its encoding", implicit_vr, little_endian)


def _has_words(dataset: Dataset) -> bool:
    """Whether it has values whose bytes pydicom keeps in the order they came in."""
    return any(element.VR in ("OW", "OF", "OD", "OL", "OV") and element.value for element in dataset.iterall())


def _without_file_meta(dataset: Dataset) -> Dataset:
    if not any(tag.group in (0, 2) for tag in dataset.keys()):  # noqa: SIM118  iterating a data set decodes its values
        return dataset
    return copy_of(dataset, [tag for tag in dataset.keys() if tag.group not in (0, 2)])  # noqa: SIM118


_WITH_IDENTIFIER = (CFindRequest, CFindResponse, CGetRequest, CGetResponse, CMoveRequest, CMoveResponse)
_CANNOT_UNDERSTAND = 0xC000
_PIXEL_DATA = b"\xe0\x7f\x10\0"
# The tag as it is written in every syntax that compresses pixel data: little endian.

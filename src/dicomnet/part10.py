"""The DICOM file format of PS3.10 clause 7, as bytes: what stands in front of a data set.

    0     preamble, 128 bytes, zeros when we write it and never looked at when we read it
    128   "DICM"
    132   (0002,0000) UL, 12 bytes: the length of the rest of group 0002
    144   the rest of group 0002, always Explicit VR Little Endian
    ...   the data set, in the transfer syntax that (0002,0010) names

An element of group 0002 is its tag (two little endian numbers of 16 bits), two
letters of VR, and a length of 16 bits; OB, UR, UN and the other long ones have
two zero bytes and a length of 32 bits. Values have even lengths.

Reading follows the files there are: the group length may be wrong, so the
elements are walked; old files have no preamble, or no group 0002 at all.
"""

from __future__ import annotations

import zlib
from functools import lru_cache
from struct import Struct
from typing import Literal

from dicomnet.errors import InvalidValue, NotAnInstance, StorageError
from dicomnet.records import dataclass
from dicomnet.types import UID, clean_uid
from dicomnet.uids import (
    IMPLEMENTATION_CLASS_UID,
    IMPLEMENTATION_VERSION_NAME,
    TRANSFER_SYNTAXES,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    MediaStorageDirectoryStorage,
    TransferSyntax,
)

_Order = Literal["little", "big"]


@dataclass(frozen=True, slots=True)
class FileHead:
    """What the first bytes of a file say of the instance in it."""

    transfer_syntax_uid: UID
    """(0002,0010), or what the first element shows where the file does not say, or names the wrong uncompressed one."""
    sop_class_uid: UID
    """(0008,0016) where it can be read, else (0002,0002)."""
    sop_instance_uid: UID
    """(0008,0018) where it can be read, else (0002,0003)."""
    data_offset: int
    """Where the data set begins."""
    meta_sop_class_uid: UID | None
    """(0002,0002), if present."""
    meta_sop_instance_uid: UID | None
    """(0002,0003), if present."""
    meta_transfer_syntax_uid: UID | None
    """(0002,0010), if present."""
    difference: str | None
    """How group 0002 and the data set disagree, if they do: on the identity, or on the transfer syntax."""


def file_header(
    *,
    sop_class_uid: str,
    sop_instance_uid: str,
    transfer_syntax_uid: str,
    sending_ae: str | None = None,
    receiving_ae: str | None = None,
    implementation_class_uid: str = IMPLEMENTATION_CLASS_UID,
    implementation_version_name: str = IMPLEMENTATION_VERSION_NAME,
) -> bytes:
    """What goes in front of a data set to make it a file: preamble, ``DICM`` and group 0002 (PS3.10 7.1).

    The titles are those of the application entities that the data went
    between, which for C-GET is not the direction of the association.

    Raises:
        InvalidValue: a value is too long for its element or not of the default repertoire.
    """
    before, after = _around_instance(
        sop_class_uid,
        transfer_syntax_uid,
        sending_ae or "",
        receiving_ae or "",
        implementation_class_uid,
        implementation_version_name,
    )
    instance = _push(0x0003, b"UI", sop_instance_uid)
    length = len(before) + len(instance) + len(after)
    return b"".join((_PREAMBLE, _GROUP_LENGTH.pack(2, 0, b"UL", 4, length), before, instance, after))


def read_head(data: bytes, *, complete: bool, path: str = "data") -> FileHead | None:
    """Reads the head of a file from its first bytes; None says that more of them are needed.

    Args:
        data: the file from its beginning. 4 KiB nearly always suffice, a little over 1 MiB always does.
        complete: there is no more of the file.
        path: what to call the file in an error.

    Raises:
        NotAnInstance: this is not the beginning of a file with a composite SOP instance.
        StorageError: it calls itself one and is damaged: nobody should think that there was nothing to be sent.
    """
    try:
        return _read_head(data, complete=complete)
    except _Short:
        if not complete:
            return None
        problem = "the file ends before its data set"
    except _Damaged as error:
        problem = str(error)
    except _NotAnInstance as error:
        raise NotAnInstance(path, str(error)) from None
    if data[128:132] == b"DICM":
        raise StorageError(problem, of=path, status=_CANNOT_UNDERSTAND)
    raise NotAnInstance(path, problem)


def data_set_identity(data: bytes, transfer_syntax_uid: str, *, complete: bool) -> tuple[UID | None, UID | None] | None:
    """(0008,0016) and (0008,0018) of a data set, from its first bytes; None says that more of them are needed.

    A UID that is not there, or cannot be read, is None. Of a deflated data set
    only the head is inflated. 64 KiB always suffice.
    """
    syntax = TRANSFER_SYNTAXES.get(transfer_syntax_uid)
    give_up = complete or len(data) >= _MOST_DATA_SET
    if syntax is not None and syntax.deflated:
        data = _inflate(data)
        give_up = give_up or len(data) >= _MOST_DATA_SET
    return _identity(data[:_MOST_DATA_SET], _order(syntax), give_up=give_up)


def data_set_start_problem(data: bytes, transfer_syntax_uid: str) -> str | None:
    """Says what is wrong when a data set begins with what belongs to a file or a command; None if nothing is.

    Some senders push whole files as data sets. Written behind a header of our
    own such a data set could not be read (PS3.10 7.1: no group 0002 in it).
    The first 132 bytes are enough; with fewer, less is noticed.
    """
    if data[128:132] == b"DICM":
        return "the data set begins with the preamble of a file"
    syntax = TRANSFER_SYNTAXES.get(transfer_syntax_uid)
    if len(data) < 4 or (syntax is not None and syntax.deflated):
        return None
    group = int.from_bytes(data[:2], _order(syntax))
    if group in (0, 2):
        return f"the data set begins with an element of group {group:04X}"
    return None


def with_group_lengths(data: bytes, transfer_syntax_uid: str) -> bytes:
    """A data set with a group length (gggg,0000) before each of its groups, retired but wanted by some (PS3.5 7.2).

    The data set must not be deflated, and must have none yet.

    Raises:
        InvalidValue: the bytes are not a data set of that transfer syntax.
    """
    syntax = TRANSFER_SYNTAXES.get(transfer_syntax_uid)
    order = _order(syntax)
    implicit = syntax is not None and syntax.implicit_vr
    parts: list[bytes] = []
    begin = 0
    try:
        while begin < len(data):
            end = _group_end(data, begin, order, implicit=implicit)
            length = b"\4\0\0\0" if implicit else b"UL" + (4).to_bytes(2, order)
            parts += (data[begin : begin + 2], b"\0\0", length, (end - begin).to_bytes(4, order), data[begin:end])
            begin = end
    except _Short:
        raise InvalidValue("group lengths cannot be added: the data set cannot be read") from None
    return b"".join(parts)


class _Short(Exception):
    """More bytes are needed to go on."""


class _NotAnInstance(Exception):
    pass


class _Damaged(Exception):
    """It cannot be read on, and if it calls itself DICOM, something is lost."""


@dataclass(slots=True)
class _Meta:
    """The elements of group 0002 that we look at, and where the data set begins."""

    sop_class_uid: UID | None = None
    sop_instance_uid: UID | None = None
    transfer_syntax_uid: UID | None = None
    data_offset: int = 0


@lru_cache(maxsize=64)  # one association after the other stores thousands of instances that differ in nothing else
def _around_instance(
    sop_class: str, syntax: str, sending_ae: str, receiving_ae: str, implementation: str, version_name: str
) -> tuple[bytes, bytes]:
    """The elements of group 0002 before and after the SOP instance UID."""
    after = (
        _push(0x0010, b"UI", syntax),
        _push(0x0012, b"UI", implementation),
        _push(0x0013, b"SH", version_name),
        _push(0x0017, b"AE", sending_ae) if sending_ae else b"",
        _push(0x0018, b"AE", receiving_ae) if receiving_ae else b"",
    )
    return _VERSION + _push(0x0002, b"UI", sop_class), b"".join(after)


def _push(element: int, vr: bytes, text: str) -> bytes:
    # PS3.5 6.2: UI is padded with NUL, the others with a space; leading spaces mean nothing in AE.
    text = text.rstrip("\0 ") if vr == b"UI" else text.strip(" ")
    try:
        value = text.encode("latin-1" if vr == b"UI" else "ascii")
    except UnicodeEncodeError:
        raise InvalidValue(f"{text!r} cannot stand in (0002,{element:04X}), VR {vr.decode()}") from None
    if len(value) % 2:
        value += b"\0" if vr == b"UI" else b" "
    if len(value) > _LONGEST[vr]:
        raise InvalidValue(f"{len(value)} bytes are too long for (0002,{element:04X}), VR {vr.decode()}")
    return _SHORT_ELEMENT.pack(2, element, vr, len(value)) + value


def _read_head(data: bytes, *, complete: bool) -> FileHead | None:
    meta = _pull_meta(data, _meta_offset(data, complete=complete), complete=complete)
    if meta.sop_class_uid == MediaStorageDirectoryStorage:
        raise _NotAnInstance(_DICOMDIR)
    data_set = data[meta.data_offset : meta.data_offset + _MOST_DATA_SET]
    if len(data_set) < _PREFIX_SIZE and not complete:
        return None
    syntax = _syntax(meta.transfer_syntax_uid, data_set)
    if problem := data_set_start_problem(data_set, syntax):
        raise _Damaged(problem)
    identity = data_set_identity(data_set, syntax, complete=complete)
    return None if identity is None else _head(meta, syntax, *identity)


def _meta_offset(data: bytes, *, complete: bool) -> int:
    """Where group 0002 begins, or the data set of a file without it."""
    if data[128:132] == b"DICM":
        return _PREFIX_SIZE
    if len(data) < _PREFIX_SIZE and not complete:
        raise _Short
    if not data:
        raise _NotAnInstance("it is empty")
    # Files from before PS3.10 begin with the data set, in either byte order; others have lost their preamble.
    if data[:2] in (b"\2\0", b"\10\0", b"\0\10"):
        return 0
    raise _NotAnInstance("it begins neither with a preamble nor with group 0002 or 0008")


def _pull_meta(data: bytes, offset: int, *, complete: bool) -> _Meta:
    """Walks group 0002; the length it states is believed only where the walk comes by its end."""
    meta = _Meta()
    stated_end = None
    size = len(data)
    # Deflated bytes may look like one more element of group 0002: there the stated end is the end.
    while offset != stated_end or not _deflated(meta.transfer_syntax_uid):
        if size < offset + 8:
            if complete and size == offset and meta.transfer_syntax_uid:
                break  # a data set without a byte
            if size < offset + 2 or data[offset : offset + 2] == b"\2\0":
                raise _Short
            break
        group, element, vr, length = _unpack_short(data, offset)
        if group != 2:
            break
        start = offset + 8
        if vr not in SHORT_VRS:
            _, start, length = _pull_element(data, offset, "little", implicit=vr not in _VRS)
        offset = start + length
        if offset > _MOST_META:
            raise _Damaged("group 0002 does not end within 1 MiB")
        if offset > size:
            raise _Short
        if element == 0x0003:
            meta.sop_instance_uid = clean_uid(data[start:offset]) or None
        elif element == 0x0002:
            meta.sop_class_uid = clean_uid(data[start:offset]) or None
        elif element == 0x0010:
            meta.transfer_syntax_uid = clean_uid(data[start:offset]) or None
        elif element == 0x0000 and length == 4:
            stated_end = offset + int.from_bytes(data[start:offset], "little")
    meta.data_offset = offset
    return meta


def _head(meta: _Meta, syntax: UID, sop_class_uid: UID | None, sop_instance_uid: UID | None) -> FileHead:
    if sop_class_uid == MediaStorageDirectoryStorage:
        raise _NotAnInstance(_DICOMDIR)
    difference = None
    if (
        sop_class_uid != meta.sop_class_uid
        or sop_instance_uid != meta.sop_instance_uid
        or syntax != meta.transfer_syntax_uid
        or not (sop_class_uid and sop_instance_uid)
    ):
        difference = _difference(meta, syntax, sop_class_uid, sop_instance_uid)
    return FileHead(
        transfer_syntax_uid=syntax,
        sop_class_uid=sop_class_uid or meta.sop_class_uid or UID(""),
        sop_instance_uid=sop_instance_uid or meta.sop_instance_uid or UID(""),
        data_offset=meta.data_offset,
        meta_sop_class_uid=meta.sop_class_uid,
        meta_sop_instance_uid=meta.sop_instance_uid,
        meta_transfer_syntax_uid=meta.transfer_syntax_uid,
        difference=difference,
    )


def _difference(meta: _Meta, syntax: UID, sop_class_uid: UID | None, sop_instance_uid: UID | None) -> str | None:
    """How group 0002 and the data set disagree, if they do; one of them must tell the identity."""
    pairs = (
        ("SOP class", meta.sop_class_uid, sop_class_uid),
        ("SOP instance", meta.sop_instance_uid, sop_instance_uid),
        ("transfer syntax", meta.transfer_syntax_uid, syntax),
    )
    for what, ours, theirs in pairs:
        if not (ours or theirs):
            raise _NotAnInstance(f"no {what} UID in it")
    differences = [
        f"{what} UID is {theirs} in the data set and {ours} in group 0002"
        for what, ours, theirs in pairs
        if ours and theirs and ours != theirs
    ]
    return "; ".join(differences) or None


def _syntax(stated: UID | None, data_set: bytes) -> UID:
    """What the data set is in, by group 0002 or, where that cannot be, by its first element."""
    guessed = _guessed_syntax(data_set)
    if stated is None:
        if guessed is None:
            raise _NotAnInstance("its transfer syntax is not stated, and no known one begins like this")
        return guessed
    # Some writers convert the data set and forget to say so. Sent as what group 0002 says, nobody could read it.
    return guessed if guessed and stated in _PLAIN and _is_sure(data_set) else stated


def _guessed_syntax(data_set: bytes) -> UID | None:
    explicit = data_set[4:6] in _VRS
    if data_set[:1] != b"\0":
        return ExplicitVRLittleEndian if explicit else ImplicitVRLittleEndian
    return ExplicitVRBigEndian if explicit else None


def _is_sure(data_set: bytes) -> bool:
    """Whether it begins like a data set of the syntax that is guessed, and like none of another one."""
    # First values are short: in implicit VR that is two zeros at the end of the length, behind a VR that nobody knows none.
    begins = data_set[:2] in (b"\10\0", b"\0\10")
    return begins and (data_set[4:6] in _VRS or data_set[6:8] == b"\0\0")


def _identity(data: bytes, order: _Order, *, give_up: bool) -> tuple[UID | None, UID | None] | None:
    found: dict[int, UID | None] = {}
    # The bytes are believed rather than the name of the syntax: mixed-up files exist, and no length looks like a VR.
    implicit = data[4:6] not in _VRS
    usual = order == "little" and not implicit
    size = len(data)
    offset = 0
    try:
        while len(found) < 2:
            tag = -1
            if usual and offset + 8 <= size:
                group, element, vr, length = _unpack_short(data, offset)
                if vr in SHORT_VRS:
                    tag, start = group << 16 | element, offset + 8
            if tag < 0:
                tag, start, length = _pull_element(data, offset, order, implicit=implicit)
            if tag > _SOP_INSTANCE_UID:
                break
            if length == _UNDEFINED:
                offset = _skip_sequence(data, offset, order, implicit=implicit)
                continue
            offset = start + length
            if tag in (_SOP_CLASS_UID, _SOP_INSTANCE_UID):
                if offset > len(data):
                    raise _Short
                found[tag] = clean_uid(data[start:offset]) or None
    except _Short:
        if not give_up:
            return None
    return found.get(_SOP_CLASS_UID), found.get(_SOP_INSTANCE_UID)


def _group_end(data: bytes, offset: int, order: _Order, *, implicit: bool) -> int:
    """Where the group that begins here ends."""
    group = data[offset : offset + 2]
    while data[offset : offset + 2] == group:
        _, start, length = _pull_element(data, offset, order, implicit=implicit)
        offset = _skip_sequence(data, offset, order, implicit=implicit) if length == _UNDEFINED else start + length
        if offset > len(data):
            raise _Short
    return offset


def _skip_sequence(data: bytes, offset: int, order: _Order, *, implicit: bool) -> int:
    """The end of the element of undefined length that begins here, with whatever is nested in it (PS3.5 7.5)."""
    nested: list[bool] = []  # for each level, whether what it contains is in implicit VR
    while True:
        tag, start, length = _pull_element(data, offset, order, implicit=implicit)
        if tag in (_ITEM_END, _SEQUENCE_END):
            if not nested:
                raise _Short
            implicit = nested.pop()
            offset = start
        elif length == _UNDEFINED:
            nested.append(implicit)
            # PS3.5 6.2.2: what has lost its VR on the way contains items in implicit VR.
            implicit = implicit or data[offset + 4 : offset + 6] == b"UN"
            offset = start
        else:
            offset = start + length
        if not nested:
            return offset


def _pull_element(data: bytes, offset: int, order: _Order, *, implicit: bool) -> tuple[int, int, int]:
    """The tag of an element, where its value begins, and its length."""
    if len(data) < offset + 8:
        raise _Short
    group = int.from_bytes(data[offset : offset + 2], order)
    tag = group << 16 | int.from_bytes(data[offset + 2 : offset + 4], order)
    if implicit or group == _DELIMITERS:
        return tag, offset + 8, int.from_bytes(data[offset + 4 : offset + 8], order)
    if data[offset + 4 : offset + 6] in SHORT_VRS:
        return tag, offset + 8, int.from_bytes(data[offset + 6 : offset + 8], order)
    if len(data) < offset + 12:
        raise _Short
    return tag, offset + 12, int.from_bytes(data[offset + 8 : offset + 12], order)


def _inflate(data: bytes) -> bytes:
    """The head of a deflated data set (PS3.5 A.5), as far as it can be inflated."""
    # Raw deflate is what the standard wants; some senders wrap it in zlib, whose first byte is then nearly always 78H.
    for wbits in (zlib.MAX_WBITS, -zlib.MAX_WBITS) if data[:1] == b"\x78" else (-zlib.MAX_WBITS,):
        try:
            return zlib.decompressobj(wbits).decompress(data, _MOST_DATA_SET)
        except zlib.error:
            continue
    return b""


def _order(syntax: TransferSyntax | None) -> _Order:
    return "little" if syntax is None or syntax.little_endian else "big"


def _deflated(transfer_syntax_uid: str | None) -> bool:
    syntax = TRANSFER_SYNTAXES.get(transfer_syntax_uid or "")
    return syntax is not None and syntax.deflated


_PREAMBLE = bytes(128) + b"DICM"
_PREFIX_SIZE = len(_PREAMBLE)
_GROUP_LENGTH = Struct("<HH2sHI")
_SHORT_ELEMENT = Struct("<HH2sH")
_unpack_short = _SHORT_ELEMENT.unpack_from
_VERSION = b"\2\0\1\0OB\0\0\2\0\0\0\0\1"
_LONGEST = {b"UI": 0xFFFE, b"SH": 16, b"AE": 16}
# A peer's UID may break the limit of 64; whether it is kept is not decided here.

_MOST_META = 1 << 20
# Private information (0002,0102) may be long; beyond this it is no header any more.
_MOST_DATA_SET = 64 << 10
# Before (0008,0018) stand a character set, an image type and a few dates; only a private creator of fantasy is longer.

_CANNOT_UNDERSTAND = 0xC000

_SOP_CLASS_UID = 0x0008_0016
_SOP_INSTANCE_UID = 0x0008_0018
_DELIMITERS = 0xFFFE
_ITEM_END = 0xFFFE_E00D
_SEQUENCE_END = 0xFFFE_E0DD
_UNDEFINED = 0xFFFF_FFFF

SHORT_VRS = frozenset(b"AE AS AT CS DA DS DT FL FD IS LO LT PN SH SL SS ST TM UI UL US".split())
"""The VRs with a length of 16 bits (PS3.5 7.1.2); one that is not known is younger than this, and has the long form."""

_PLAIN = frozenset((ImplicitVRLittleEndian, ExplicitVRLittleEndian, ExplicitVRBigEndian))
"""The transfer syntaxes that differ in how elements are written, and in nothing else."""

_VRS = SHORT_VRS | frozenset(b"OB OD OF OL OV OW SQ SV UC UN UR UT UV".split())

_DICOMDIR = "a DICOMDIR is a directory of instances (PS3.10 8)"

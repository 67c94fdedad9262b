"""What a C-FIND answers with: data sets that can always be looked at, whatever the peer has written into them.

A match is never dropped because of its bytes. Its elements are taken apart one
by one; one whose value cannot be read stays as bytes (VR UN), and where the
bytes stop being elements the match ends. ``problem`` says so, ``raw`` has all.
"""

from __future__ import annotations

import codecs
import re
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

from pydicom import DataElement, Dataset, charset as charsets, dataelem, tag as tags

from dicomnet.charsets import GB_2312, GB_2312_ESCAPE
from dicomnet.dimse.status import Status
from dicomnet.limits import IDENTIFIERS
from dicomnet.outline import check_items
from dicomnet.types import UID
from dicomnet.uids import TRANSFER_SYNTAXES, TransferSyntax


class Match(Dataset):
    """One answer to a query: a data set that also knows how it came."""

    raw: bytes
    """The identifier as it came."""
    transfer_syntax_uid: UID
    """What ``raw`` is in."""
    status: Status
    """FF00, or FF01."""
    problem: str | None
    """What of the bytes could not be read; None if all could."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.raw = b""
        self.transfer_syntax_uid = UID("")
        self.status = Status.PENDING
        self.problem = None

    @property
    def unsupported_keys(self) -> bool:
        """Whether the peer did not support some of the keys, so that it may have found too much (PS3.4 C.4.1.1.4)."""
        return self.status == Status.PENDING_WARNING


def decode_match(raw: bytes, transfer_syntax_uid: str, status: int, *, fallback_charset: str | None = None) -> Match:
    """Decodes the identifier of a pending C-FIND-RSP; nothing in it makes this raise.

    Text is decoded by the answer's own (0008,0005). Where there is none, or
    one that nobody knows, characters outside ASCII are decoded by the fallback.

    Args:
        raw: the identifier as it came.
        transfer_syntax_uid: that of its presentation context.
        status: that of the response.
        fallback_charset: as (0008,0005) would name it, several terms with backslashes between them; None takes the
            whole answer for UTF-8 if it is that, and for Latin-1 otherwise.
    """
    syntax = TRANSFER_SYNTAXES.get(transfer_syntax_uid) or TransferSyntax(UID(transfer_syntax_uid), "", "")
    data, problems = bytes(raw), list[str]()
    if syntax.deflated:
        data, problem = _inflated(data)
        problems += [problem] if problem else []
    elements = list(_elements(data, syntax, problems))
    encodings, problem = _declared(elements)
    match = _decoded(elements, syntax, encodings or [_LATIN_1], problems)
    if encodings is None and any(not text.isascii() or _ESCAPE in text for text in _texts(match)):
        problems += [problem] if problem else []
        encodings = _fallback(match, fallback_charset)
        if encodings != [_LATIN_1]:
            match = _decoded(elements, syntax, encodings, [])
    if any(_REPLACEMENT in text for text in _texts(match)):
        problems.append("some text is not in its character set")
    if _ESCAPE.encode() in data and any(_ESCAPE in text for text in _texts(match)):
        problems.append("some text has escape sequences that its character set does not have")
    match.raw = bytes(raw)
    match.transfer_syntax_uid = UID(transfer_syntax_uid)
    match.status = Status(status)
    match.problem = "; ".join(problems) or None
    return match


def _elements(data: bytes, syntax: TransferSyntax, problems: list[str]) -> Iterator[dataelem.RawDataElement]:
    """The elements on the top level, up to where the bytes are none any more."""
    order = "little" if syntax.little_endian else "big"
    # The bytes are believed rather than the name of the syntax: mixed-up peers exist, and no length looks like a VR.
    implicit = not _VR.fullmatch(data[4:6])
    offset = 0
    try:
        for _ in range(_MOST.elements or 0):
            if offset >= len(data):
                return
            tag, vr, start, length = _pull_header(data, offset, order, implicit=implicit)
            end = _sequence_end(data, start, order, implicit=implicit) if length == _UNDEFINED else start + length
            if end > len(data):
                raise _NoElementError
            value = data[start : end - 8 if length == _UNDEFINED else end]
            if length == _UNDEFINED and vr in (None, "UN"):
                vr = "SQ"  # PS3.5 6.2.2
            if tag >> 16 not in (0, 2) and tag & 0xFFFF:
                yield dataelem.RawDataElement(
                    tags.BaseTag(tag), vr, len(value), value, start, implicit, syntax.little_endian
                )
            offset = end
        if offset < len(data):
            problems.append(f"it has more than {_MOST.elements} elements, and from byte {offset} on they are left out")
    except _NoElementError:
        problems.append(f"from byte {offset} of {len(data)} on it cannot be read")


class _NoElementError(Exception):
    pass


def _pull_header(data: bytes, offset: int, order: Any, *, implicit: bool) -> tuple[int, str | None, int, int]:
    """Tag, VR, where the value begins, and its length."""
    header = data[offset : offset + 8]
    if len(header) < 8:
        raise _NoElementError
    group = int.from_bytes(header[:2], order)
    tag = group << 16 | int.from_bytes(header[2:4], order)
    if implicit or group == _DELIMITERS or not _VR.fullmatch(header[4:6]):
        return tag, None, offset + 8, int.from_bytes(header[4:], order)
    vr = header[4:6].decode()
    if vr in _SHORT_VRS:
        return tag, vr, offset + 8, int.from_bytes(header[6:], order)
    if len(data) < offset + 12:
        raise _NoElementError
    return tag, vr, offset + 12, int.from_bytes(data[offset + 8 : offset + 12], order)


def _sequence_end(data: bytes, offset: int, order: Any, *, implicit: bool) -> int:
    """Where the sequence of undefined length ends whose first item begins here."""
    depth = 1
    while depth:
        tag, _, start, length = _pull_header(data, offset, order, implicit=implicit)
        if tag in (_ITEM_END, _SEQUENCE_END):
            depth -= 1
            offset = start
        elif length == _UNDEFINED:
            depth += 1
            offset = start
        else:
            offset = start + length
    return offset


def _decoded(
    elements: Sequence[dataelem.RawDataElement], syntax: TransferSyntax, encodings: list[str], problems: list[str]
) -> Match:
    """All elements with their values read, so that nobody meets a bad one later."""
    match = Match({element.tag: element for element in elements}, parent_encoding=encodings)
    implicit = elements[0].is_implicit_VR if elements else syntax.implicit_vr
    match.set_original_encoding(implicit, syntax.little_endian, encodings)
    # A private creator before its block, which is read with its help.
    for element in sorted(elements, key=lambda element: element.tag):
        try:
            if element.value and element.value[:4] in _FIRST_ITEMS:
                check_items(element.value, syntax, _MOST, implicit=implicit)
            _touch(match[element.tag], encodings)
        except Exception as error:  # noqa: BLE001  pydicom raises whatever its conversions meet
            tag = element.tag
            del match[tag]
            unread = DataElement(tag, "OB", element.value or b"")
            unread.VR = "UN"  # only now: of its own accord pydicom puts the VR that it knows in place of UN
            match[tag] = unread
            problems.append(
                f"the value of {tag} cannot be read: {error if type(error) is ValueError else type(error).__name__}"
            )
    return match


def _touch(element: DataElement, encodings: Sequence[str]) -> None:
    """Reads what pydicom would only read later, and takes out of it the escape sequences that it leaves there."""
    if element.VR == "SQ":
        for item in element.value:
            for nested in item:
                _touch(nested, encodings)
    elif element.VR == "PN" or (GB_2312 in encodings and element.VR in _CHARSET_VRS):
        values = [element.value] if element.VM == 1 else list(element.value or ())
        texts = [str(value) for value in values]
        if GB_2312 in encodings and any(GB_2312_ESCAPE in text for text in texts):
            values = [text.replace(GB_2312_ESCAPE, "") for text in texts]
            element.value = values if len(values) > 1 else values[0]
        elif element.VR == "PN" and len(values) > 1:
            element.value = values  # pydicom's own list of them cannot be pickled


def _declared(elements: Sequence[dataelem.RawDataElement]) -> tuple[list[str] | None, str | None]:
    """What Python calls the character sets of (0008,0005), and which are unknown; None where they say nothing of non-ASCII."""
    value = next((element.value for element in elements if element.tag == _SPECIFIC_CHARACTER_SET), None) or b""
    terms = [term.strip() for term in value.decode("latin-1").strip("\0 ").split("\\")]
    if all(term in _DEFAULT_REPERTOIRE for term in terms):
        return None, None
    encodings = [_encoding(term) for term in terms]
    if None in encodings:
        return None, "nobody knows its character set " + "\\".join(terms)
    return _together([encoding for encoding in encodings if encoding]), None


def _encoding(term: str) -> str | None:
    """What Python calls a character set, also a misspelt one."""
    if term in charsets.python_encoding:
        return charsets.python_encoding[term]
    upper = term.upper()
    number = re.search(r"(?:ISO|IR)[ _-]*(\d+)$", upper)
    if number and number[1] != "2022":
        plain, extended = f"ISO_IR {number[1]}", f"ISO 2022 IR {number[1]}"
        for spelt in (extended, plain) if "2022" in upper else (plain, extended):
            if spelt in charsets.python_encoding:
                return charsets.python_encoding[spelt]
        if number[1] in _YOUNGER:
            return _YOUNGER[number[1]]
    if upper in charsets.python_encoding:
        return charsets.python_encoding[upper]
    try:
        "".encode(term)
        return codecs.lookup(term).name
    except (LookupError, ValueError):
        return None


def _together(encodings: list[str]) -> list[str]:
    """PS3.3 C.12.1.1.2: those without code extensions stand alone; some peers add others all the same."""
    alone = {charsets.python_encoding[term] for term in charsets.STAND_ALONE_ENCODINGS}
    if encodings[0] in alone:
        return encodings[:1]
    return [encoding for encoding in encodings if encoding not in alone]


def _fallback(match: Match, charset: str | None) -> list[str]:
    """How to decode what was decoded as Latin-1 because nobody said what it is."""
    if charset:
        encodings = [_encoding(term) for term in charset.split("\\")]
        return _together([encoding or _LATIN_1 for encoding in encodings])
    try:
        for text in _texts(match):
            text.encode(_LATIN_1).decode("utf-8")
    except UnicodeError:
        return [_LATIN_1]
    return ["utf8"]


def _texts(dataset: Dataset) -> Iterator[str]:
    """Every value that the character set applies to, sequences included."""
    for element in dataset:
        if element.VR == "SQ":
            for item in element.value:
                if _SPECIFIC_CHARACTER_SET not in item:
                    yield from _texts(item)
        elif element.VR in _CHARSET_VRS and not element.is_empty:
            yield from map(str, [element.value] if element.VM == 1 else element.value)


def _inflated(data: bytes) -> tuple[bytes, str | None]:
    """PS3.5 A.5: as much of a deflated identifier as there is."""
    inflater = zlib.decompressobj(-zlib.MAX_WBITS)
    out = bytearray()
    try:
        # A piece at a time, so that what stands before the damage is not lost.
        for start in range(0, len(data), _PIECE):
            out += inflater.decompress(data[start : start + _PIECE], _MOST.inflated - len(out))
            if len(out) >= _MOST.inflated:
                return bytes(out), f"it inflates to {_MOST.inflated} bytes or more"
    except zlib.error as error:
        return bytes(out), f"it cannot be inflated: {error}"
    return bytes(out), None if inflater.eof else "its deflated stream is cut off"


_SPECIFIC_CHARACTER_SET = 0x0008_0005
_DELIMITERS = 0xFFFE
_ITEM_END = 0xFFFE_E00D
_SEQUENCE_END = 0xFFFE_E0DD
_UNDEFINED = 0xFFFF_FFFF
_FIRST_ITEMS = (b"\xfe\xff\0\xe0", b"\xff\xfe\xe0\0")
# How the value of a sequence begins, in either byte order.
_VR = re.compile(rb"[A-Z]{2}")
# PS3.5 7.1.2; any other VR has the long form.
_SHORT_VRS = frozenset("AE AS AT CS DA DS DT FL FD IS LO LT PN SH SL SS ST TM UI UL US".split())
_CHARSET_VRS = frozenset("LO LT PN SH ST UC UT".split())
_DEFAULT_REPERTOIRE = ("", "ISO_IR 6", "ISO 2022 IR 6")
_LATIN_1 = "iso8859"
_YOUNGER = {"203": "iso8859_15"}
# PS3.3 Table C.12-2: what pydicom does not know yet.
_REPLACEMENT = "\ufffd"
_ESCAPE = "\x1b"
# What code extensions begin with; text has none once it is decoded (PS3.5 6.1.3).
_PIECE = 256
_MOST = replace(IDENTIFIERS, whole=False)

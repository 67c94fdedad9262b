"""Which file below a folder an instance becomes, by what is known of it when it comes.

    Layout       a text such as ``{PatientID}/{StudyInstanceUID}/{instance}.dcm``, checked once
    HeadReader   the attributes that it names, read from the first bytes of a data set, without pydicom
    LayoutSink   holds those bytes back until the path is known, and hands everything to a `FileSink`

A peer decides what the values are, so each becomes part of one name and never
more: what could be anything else is taken out, and a digest of the whole value
put behind it. ``~`` stands in front of a digest and nowhere else, which is why
two different values never share a folder, unless the file system itself takes
upper and lower case for the same.
"""

from __future__ import annotations

import logging
import os
import re
import unicodedata
import zlib
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path, PurePosixPath
from struct import calcsize, iter_unpack
from typing import Any, Literal, NamedTuple

from dicomnet.errors import InvalidValue
from dicomnet.exchanges.dumps import names_patient
from dicomnet.logs import mask_below
from dicomnet.storage.files import FileSink
from dicomnet.storage.folder import Folder, file_name
from dicomnet.storage.received import ReceivedData
from dicomnet.storage.sinks import Incoming, Sink
from dicomnet.storage.twins import Duplicates
from dicomnet.storage.walk import Check
from dicomnet.types import is_uid
from dicomnet.uids import KEYWORDS, TRANSFER_SYNTAXES

logger = logging.getLogger(__name__)


class Layout:
    """Names files by what is known of their instances.

    Names in braces are keywords of attributes, or one of ``instance`` (the SOP
    instance UID as `dicomnet.storage.folder.file_name` writes it), ``sop_class``
    and ``transfer_syntax`` (their keywords, or UIDs that have none), ``calling``
    and ``called`` (the titles that the data comes from and goes to).
    """

    def __init__(self, text: str = "{instance}.dcm") -> None:
        """Looks up every keyword, so that storing an instance needs no dictionary.

        Args:
            text: the path below the folder, with ``/`` between its parts.

        Raises:
            InvalidValue: a name is unknown, a part is no safe name of a file, or
                nothing shows where one name ends and the next begins.
        """
        self.text = text
        attributes: dict[str, _Attribute] = {}
        self._parts = [_compile(part, text, attributes) for part in text.split("/")]
        self.names: dict[int, str] = {attribute.tag: keyword for keyword, attribute in attributes.items()}
        """The attributes that must be read: tag and keyword."""
        self.representations: dict[int, str] = {attribute.tag: attribute.vr for attribute in attributes.values()}
        """Their value representations by tag."""
        self.naming_patients = frozenset(
            depth
            for depth, part in enumerate(self._parts)
            for piece in part
            if piece.tag is not None and names_patient(piece.tag, self.representations[piece.tag])
        )
        """The parts of its paths, from 0, that say who a patient is; the log leaves them out."""

    def __repr__(self) -> str:
        return f"Layout({self.text!r})"

    def path(self, incoming: Incoming, values: Mapping[int, str]) -> PurePosixPath:
        """Where the instance belongs: relative, and never above where it begins.

        Args:
            incoming: what its command and its association say.
            values: the attributes of `names` by tag; one that is missing or empty becomes ``unknown``.
        """
        return PurePosixPath(*("".join(piece.text(incoming, values) for piece in part) for part in self._parts))


class HeadReader:
    """Reads a few attributes from the beginning of a data set, however its bytes are cut.

    It stops behind the last one that is wanted, or after 64 KiB: what was not
    read by then is missing. Nothing in the data is an error.
    """

    def __init__(self, wanted: Mapping[int, str], transfer_syntax_uid: str) -> None:
        """Nothing is wanted of a value but its text; numbers are written out.

        Args:
            wanted: tags, each with its value representation (PS3.6).
            transfer_syntax_uid: what the data set is in.
        """
        syntax = TRANSFER_SYNTAXES.get(transfer_syntax_uid)
        self.values: dict[int, str] = {}
        """What was read so far, without padding."""
        self._wanted = wanted
        self._last = max(wanted, default=-1)
        self._big_endian = syntax is not None and not syntax.little_endian
        self._deflated = syntax is not None and syntax.deflated
        self._inflater = zlib.decompressobj(-zlib.MAX_WBITS)
        self._wrapped = False
        self.taken = bytearray()
        """The bytes that it was fed."""
        self._data = bytearray()
        self._offset = 0
        self._implicit: bool | None = None
        self._nested: list[bool] = []  # for each level, whether what surrounds it is in implicit VR
        self.done = not wanted
        """Whether more bytes would tell nothing more."""

    @property
    def room(self) -> int:
        """The bytes that are still looked at."""
        return 0 if self.done else MOST_HEAD - len(self.taken)

    def feed(self, data: bytes | memoryview) -> None:
        """Takes the next bytes, at most `room`."""
        self.taken += data
        if self._deflated:
            self._inflate(data)
        else:
            self._data = self.taken
        with suppress(_Short):
            self._walk()
        if not self.room:
            self.done = True

    def _walk(self) -> None:
        while not self.done:
            if self._implicit is None:
                # The bytes are believed rather than the name of the syntax: no length of a first element is two letters.
                self._need(self._offset + 6)
                self._implicit = not (self._data[4:6].isalpha() and self._data[4:6].isupper())
            tag, vr, start, length = self._pull_element()
            if not self._nested and tag > self._last:
                self.done = True
            elif self._nested and tag in (_ITEM_END, _SEQUENCE_END):
                self._implicit = self._nested.pop()
                self._offset = start
            elif length == _UNDEFINED:
                self._nested.append(self._implicit)
                # PS3.5 6.2.2: what has lost its VR on the way contains items in implicit VR.
                self._implicit = self._implicit or vr == b"UN"
                self._offset = start
            elif start + length > MOST_HEAD:
                self.done = True
            else:
                if not self._nested and tag in self._wanted:
                    self._need(start + length)
                    value = bytes(self._data[start : start + length])
                    self.values[tag] = _decode(value, self._wanted[tag], big_endian=self._big_endian)
                self._offset = start + length
                self.done = not self._nested and tag == self._last

    def _pull_element(self) -> tuple[int, bytes, int, int]:
        """Tag, VR if there is one, where the value begins, and its length (PS3.5 7.1.2, 7.1.3)."""
        order: Literal["big", "little"] = "big" if self._big_endian else "little"
        at = self._offset
        self._need(at + 8)
        group = int.from_bytes(self._data[at : at + 2], order)
        tag = group << 16 | int.from_bytes(self._data[at + 2 : at + 4], order)
        if self._implicit or group == _DELIMITERS:
            return tag, b"", at + 8, int.from_bytes(self._data[at + 4 : at + 8], order)
        vr = bytes(self._data[at + 4 : at + 6])
        if vr in _SHORT_LENGTH:
            return tag, vr, at + 8, int.from_bytes(self._data[at + 6 : at + 8], order)
        self._need(at + 12)
        return tag, vr, at + 12, int.from_bytes(self._data[at + 8 : at + 12], order)

    def _need(self, size: int) -> None:
        if len(self._data) < size:
            raise _Short

    def _inflate(self, data: bytes | memoryview) -> None:
        if self.taken[:1] == b"\x78" and len(self.taken) == len(data):
            # Some senders wrap the stream in zlib, whose first byte is then nearly always 78H.
            self._inflater, self._wrapped = zlib.decompressobj(), True
        try:
            self._data += self._inflater.decompress(data, MOST_HEAD - len(self._data))
        except zlib.error:
            if not self._wrapped:
                self.done = True
                return
            self._wrapped = False
            self._inflate_as_raw()
        if len(self._data) == MOST_HEAD:
            with suppress(_Short):
                self._walk()
            self.done = True

    def _inflate_as_raw(self) -> None:
        self._inflater = zlib.decompressobj(-zlib.MAX_WBITS)
        self.values.clear()  # of what was taken for zlib nothing is true
        self._nested.clear()
        self._offset, self._implicit = 0, None
        try:
            self._data = bytearray(self._inflater.decompress(self.taken, MOST_HEAD))
        except zlib.error:
            self.done = True


class LayoutSink(Sink):
    """Keeps a data set in a file below a folder, where a `Layout` says.

    Folders are made as they are needed, and stay when the data set fails: the
    next one may be about to use them.
    """

    def __init__(
        self,
        root: Folder | str | os.PathLike[str],
        layout: Layout,
        *,
        check: Check = "off",
        duplicates: Duplicates | None = None,
        **options: Any,
    ) -> None:
        """Nothing is touched before the path is known.

        Args:
            root: the folder, opened with the first byte if it is a path, and made if it is not there. The path to it may
                lead over symbolic links, nothing below it may.
            layout: names the file.
            check: see `dicomnet.storage.files.FileSink`.
            duplicates: the same; None is what the folder was told.
            options: of the folder, if it is a path.
        """
        self._root = root
        self._options = options
        self._layout = layout
        self._check: Check = check
        self._duplicates = duplicates
        self._file: FileSink | None = None

    @property
    def final(self) -> Sink:
        return self if self._file is None else self._file

    def open(self, incoming: Incoming) -> None:
        self._incoming = incoming
        self._reader = HeadReader(self._layout.representations, incoming.transfer_syntax_uid)
        if self._reader.done:
            self._place()

    def write(self, views: Sequence[memoryview]) -> None:
        for number, view in enumerate(views):
            if self._file is not None:
                self._file.write(views[number:])
                return
            piece = view[: self._reader.room]
            self._reader.feed(piece)
            if self._reader.done:
                self._write_held(view[len(piece) :])

    def finish(self) -> ReceivedData:
        if self._file is None:
            self._write_held(memoryview(b""))
        assert self._file is not None
        return self._file.finish()

    def discard(self) -> None:
        """Removes what was written; may be called more than once."""
        if self._file is not None:
            self._file.discard()

    def _write_held(self, rest: memoryview) -> None:
        self._place().write([memoryview(self._reader.taken), rest])

    def _place(self) -> FileSink:
        folder = self._root if isinstance(self._root, Folder) else Folder(self._root, **self._options)
        names = self._layout.path(self._incoming, self._reader.values).parts
        self._file = folder.sink_below(names, check=self._check, duplicates=self._duplicates)
        self._file.open(self._incoming)
        return self._file


def mask_patients(root: Folder | str | os.PathLike[str], layout: Layout) -> None:
    """Keeps the names that a layout makes of patients out of the log.

    Args:
        root: the folder that it lays out, as a path or a `Folder`.
    """
    if layout.naming_patients:
        where = root.root if isinstance(root, Folder) else Path(root)
        mask_below(str(where.absolute()), layout.naming_patients)


def safe_name(value: str, *, without: str = "", altered: bool = False) -> str:
    """A value as part of the name of a file or folder; different values give different ones.

    What is safe, and at most 64 bytes of UTF-8, stays as it is.

    Args:
        value: anything at all.
        without: a character that may not be in it besides.
        altered: gives it a digest in any case.
    """
    if not value:
        return "unknown"
    # Some file systems take what looks the same for the same.
    kept = unicodedata.normalize("NFC", value)
    kept = "".join(c for c in kept if c.isprintable() and c not in _UNSAFE and c != without).lstrip(".").rstrip(". ")
    if not altered and kept == value != "unknown" and len(kept.encode()) <= _LONGEST and not _reserved(kept):
        return kept
    import hashlib

    digest = hashlib.sha256(value.encode("utf-8", "surrogatepass")).hexdigest()[:_DIGEST]
    kept = kept.encode()[: _LONGEST - 1 - _DIGEST].decode("utf-8", "ignore")
    return f"{kept or 'unknown'}~{digest}"


class _Short(Exception):
    """More bytes are needed to go on."""


class _Attribute(NamedTuple):
    tag: int
    vr: str


class _Piece(NamedTuple):
    """A part of a name: a literal, one of our own names, or an attribute."""

    literal: str = ""
    name: str = ""
    tag: int | None = None
    without: str = ""
    """What separates it from the next one, and so must not be in it."""

    def text(self, incoming: Incoming, values: Mapping[int, str]) -> str:
        if self.tag is not None:
            return safe_name(values.get(self.tag, ""), without=self.without)
        match self.name:
            case "":
                return self.literal
            case "instance":
                return file_name(incoming.sop_instance_uid or "").removesuffix(".dcm")
            case "sop_class":
                return self._keyword(incoming.sop_class_uid)
            case "transfer_syntax":
                return self._keyword(incoming.transfer_syntax_uid)
            case "calling":
                title = incoming.sending_ae
            case _:
                title = incoming.receiving_ae
        return safe_name((title or "").strip(" "), without=self.without)

    def _keyword(self, uid: str) -> str:
        return _KEYWORD_OF.get(uid) or safe_name(uid, without=self.without, altered=not is_uid(uid))


def _compile(part: str, text: str, attributes: dict[str, _Attribute]) -> list[_Piece]:
    """The pieces of one part of a path, literals and names by turns."""
    literals, names = _NAME.split(part)[::2], _NAME.split(part)[1::2]
    for literal in literals:
        if "{" in literal or "}" in literal:
            raise InvalidValue(f"{text!r}: in braces stand names of letters, digits and _, and nothing else")
        if unsafe := [c for c in literal if not c.isprintable() or c in _UNSAFE]:
            raise InvalidValue(f"{text!r}: {unsafe[0]!r} cannot be part of the name of a file here")
    if not part or set(part) == {"."} or part.endswith((".", " ")):
        raise InvalidValue(f"{text!r}: {part!r} cannot be the name of a file or folder; the path is relative")
    if part.startswith(".") and part.endswith((".part", ".mark")):
        raise InvalidValue(f"{text!r}: {part!r} would be taken for a temporary file, and not stay")
    if len("".join(literals).encode()) + _LONGEST_VALUE * len(names) > _LONGEST_PART:
        raise InvalidValue(f"{text!r}: {part!r} can become longer than a file system takes")
    if _reserved(part):
        raise InvalidValue(f"{text!r}: {part!r} is the name of a device on Windows")
    pieces = [_Piece(literal=literals[0])]
    for number, name in enumerate(names):
        between = ""
        if number + 1 < len(names):
            between = next((c for c in literals[number + 1] if not c.isalnum() and c != "."), "")
            if not between:
                raise InvalidValue(f"{text!r}: something like - must stand between {{{name}}} and the next name")
        if name in _OWN_NAMES:
            pieces.append(_Piece(name=name, without=between))
        else:
            attribute = attributes[name] = _attribute(name, text)
            pieces.append(_Piece(tag=attribute.tag, without=between))
        pieces.append(_Piece(literal=literals[number + 1]))
    return pieces


def _attribute(keyword: str, text: str) -> _Attribute:
    from pydicom import datadict

    tag = datadict.keyword_dict.get(keyword)
    if tag is None or tag >> 16 < _FIRST_GROUP:
        from difflib import get_close_matches

        close = get_close_matches(keyword, [*_OWN_NAMES, *datadict.keyword_dict], n=1, cutoff=0.0)
        raise InvalidValue(f"{text!r}: {{{keyword}}} is no attribute of an instance; {{{close[0]}}} is the nearest")
    vr = datadict.dictionary_VR(tag).split(" ")[0]
    if vr in _NO_TEXT:
        raise InvalidValue(f"{text!r}: {{{keyword}}} is of VR {vr}, which makes no name")
    return _Attribute(tag, vr)


def _decode(value: bytes, vr: str, *, big_endian: bool) -> str:
    if vr not in _NUMBERS:
        try:
            text = value.decode("utf-8")
        except UnicodeDecodeError:
            text = value.decode("latin-1")
        return text.strip("\0 ")
    form = (">" if big_endian else "<") + _NUMBERS[vr]
    if len(value) % calcsize(form):
        return ""
    numbers = iter_unpack(form, value)
    return "\\".join(f"{n[0] << 16 | n[1]:08X}" if vr == "AT" else str(n[0]) for n in numbers)


def _reserved(name: str) -> bool:
    return name.split(".")[0].rstrip(" ").upper() in _DEVICES


MOST_HEAD = 64 * 1024
"""Bytes held back to be read: beyond this the attributes of patient, study and series are missing, or very odd."""

_NAME = re.compile(r"\{([A-Za-z][A-Za-z0-9_]*)\}")
_OWN_NAMES = ("instance", "sop_class", "transfer_syntax", "calling", "called")
_UNSAFE = frozenset('/\\<>:"|?*~')
# Separators of any system, what Windows takes in no name, and the mark of a digest.
_DEVICES = frozenset("CON PRN AUX NUL".split()) | {f"{port}{n}" for port in ("COM", "LPT") for n in "123456789¹²³"}
_LONGEST = 64
# Bytes of a value: as many as of a UID.
_DIGEST = 16
_LONGEST_VALUE = len("sha256-") + 64
_LONGEST_PART = 240
# File systems take 255; `FileSink` adds a number to some names.

_FIRST_GROUP = 0x0008
_NO_TEXT = frozenset("OB OD OF OL OV OW SQ UN".split())
_NUMBERS = {"US": "H", "SS": "h", "UL": "I", "SL": "i", "UV": "Q", "SV": "q", "FL": "f", "FD": "d", "AT": "HH"}
_KEYWORD_OF: dict[str, str] = {uid: keyword for keyword, uid in KEYWORDS.items()}

_DELIMITERS = 0xFFFE
_ITEM_END = 0xFFFE_E00D
_SEQUENCE_END = 0xFFFE_E0DD
_UNDEFINED = 0xFFFF_FFFF
_SHORT_LENGTH = frozenset(b"AE AS AT CS DA DS DT FL FD IS LO LT PN SH SL SS ST TM UI UL US".split())
# PS3.5 7.1.2; every other VR has the long form.

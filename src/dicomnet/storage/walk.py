"""Whether the data set that arrives is the one that was announced, and whole: a look at its elements as the bytes pass.

A data set is a run of elements, each a header and a value of the length that
the header says (PS3.5 7.1). The walk reads the headers and jumps over the
values, sequences of a stated length among them. What has no stated length is
walked, item by item, because only a delimiter says where it ends (PS3.5 7.5).

    explicit VR   group, element, VR, length of 16 bits; or VR, two zero bytes, length of 32 bits
    implicit VR   group, element, length of 32 bits; so are items and delimiters, in explicit VR too

What makes a data set unreadable or somebody else's is found, not what merely
breaks the standard: odd lengths, group lengths, zeros at the end, VRs that
nobody knows, elements in implicit VR among those in explicit VR and delimiters
that close what the other one should have are in the field, and are read.
"""

from __future__ import annotations

import sys
import zlib
from collections.abc import Callable, Sequence
from struct import Struct
from typing import Literal, NamedTuple, cast, get_args

from dicomnet.errors import InvalidValue
from dicomnet.limits import KIB, MIB, MOST_INFLATED, MOST_NESTED
from dicomnet.part10 import SHORT_VRS
from dicomnet.records import dataclass
from dicomnet.types import clean_uid, printable
from dicomnet.uids import TRANSFER_SYNTAXES

Check = Literal["refuse", "warn", "off"]
"""Whether data sets are walked, and those with a problem refused, or kept and answered with a warning."""


def check_of(word: str) -> Check:
    """The word, if it is one of a `Check`.

    Raises:
        InvalidValue: it is not.
    """
    if word not in _CHECKS:
        raise InvalidValue(f'check is "refuse", "warn" or "off", not {word!r}')
    return cast("Check", word)


@dataclass(frozen=True, slots=True)
class Problem:
    """What is wrong with a data set."""

    status: int
    """A900: it is not the instance of its command; C000: it cannot be read to its end (PS3.4 B.2.3)."""
    text: str
    """What it is, with tags and byte offsets; its first 64 characters make an Error Comment (0000,0902)."""
    element: int | None = None
    """The tag that differs from the command: the Offending Element (0000,0901)."""


class Walk:
    """The walk over one data set, whose bytes come piece by piece; no more than one header or UID of them is held.

    Where (0008,0016) or (0008,0018) is absent or empty there is nothing to
    compare: the command says what the data set is. A transfer syntax that is
    not known here is not walked.
    """

    def __init__(self, transfer_syntax_uid: str, sop_class_uid: str | None, sop_instance_uid: str | None) -> None:
        """Args: what the bytes are in, and the UIDs of the command; None is compared with nothing."""
        syntax = TRANSFER_SYNTAXES.get(transfer_syntax_uid)
        self._expected = {_SOP_CLASS_UID: sop_class_uid, _SOP_INSTANCE_UID: sop_instance_uid}
        self._deflated = syntax is not None and syntax.deflated
        self._inflater: zlib._Decompress | None = None
        self._levels = [(_LITTLE if syntax is None or syntax.little_endian else _BIG, 0, 0)]
        """The data set, then by turns sequences and items of undefined length: those that are open, tags and beginnings."""
        self._length = 0
        """Bytes that have come, inflated where they were deflated."""
        self._next = _NEVER if syntax is None else 0
        """Where the next header begins."""
        self._held = b""
        """The beginning of that header, where the rest is still to come."""
        self._last = (0, 0)
        """The tag of the element before it, and the length of its value."""
        self._padded = False
        """Whether the elements are over, and zeros follow."""
        self._problem: Problem | None = None

    def feed(self, views: Sequence[memoryview]) -> None:
        """The next bytes, cut anywhere; nothing is kept of the views, and nothing raised."""
        if self._deflated:
            for view in views:
                self._inflate(view)
            return
        for view in views:
            begin = self._length
            self._length = end = begin + len(view)
            if self._next < end:
                self._read(view, begin)

    def end(self) -> Problem | None:
        """There are no more bytes: what is wrong with the data set, if anything is."""
        if self._next != _NEVER:
            self._check_end()
        return self._problem

    def _inflate(self, view: memoryview) -> None:
        if self._inflater is None and view:
            # Raw deflate is what PS3.5 A.5 wants; some senders wrap it in zlib, whose first byte is then nearly always 78H.
            self._inflater = zlib.decompressobj(zlib.MAX_WBITS if view[0] == 0x78 else -zlib.MAX_WBITS)
        # Small pieces go in, for what is left of one when a step is full is copied each time.
        for offset in range(0, len(view), _DEFLATED_STEP):
            try:
                self._inflate_piece(view[offset : offset + _DEFLATED_STEP])
            except zlib.error:
                self._broken(f"cannot be inflated any more after {self._length} bytes")

    def _inflate_piece(self, piece: memoryview | bytes) -> None:
        inflater, full = self._inflater, True
        assert inflater is not None
        while full and self._next != _NEVER and not inflater.eof:
            data = inflater.decompress(piece, _INFLATED_STEP)
            piece, full = inflater.unconsumed_tail, len(data) == _INFLATED_STEP
            begin = self._length
            self._length = end = begin + len(data)
            if self._next < end:
                self._read(memoryview(data), begin)
            if end > MOST_INFLATED:
                self._broken(f"inflates to more than {MOST_INFLATED // MIB} MiB")

    def _read(self, view: memoryview, begin: int) -> None:
        """Takes a view that the next header begins in, or has begun before; `begin` is where the view begins."""
        if self._held:
            # With so much behind it what was held is whole, and the header after it begins in the view.
            joined = self._held + view[:_MOST_HELD]
            self._walk(memoryview(joined), begin - len(self._held))
            if len(view) <= _MOST_HELD or self._next >= begin + len(view):
                return
        self._walk(view, begin)

    def _walk(self, view: memoryview, begin: int) -> None:
        """Reads header by header until the view is over, or what is left of it is no whole header."""
        levels, offset, last = self._levels, self._next - begin, len(view) - _HEADER
        if self._padded:
            return self._pass_padding(view, offset, begin)
        if self._next == 0 and last >= 0 and not _is_vr(view[4] << 8 | view[5]):
            # The bytes are believed rather than the name of the syntax: mixed-up data sets exist, and are read.
            levels[0] = (levels[0][0]._replace(explicit=False), 0, 0)
        group = number = vr = length = 0
        while offset <= last:
            form, items = levels[-1][0], len(levels) % 2 == 0
            has_vrs, short, unpack, unpack_item, unpack_length, *_ = form
            explicit = has_vrs and not items
            while offset <= last:
                if explicit:
                    group, number, vr, length = unpack(view, offset)
                    if vr in short:  # nearly all are: these lines are what the walk costs
                        offset += _HEADER + length
                        continue
                    value = offset + _HEADER
                    if vr != form.ui and group != _DELIMITERS:
                        if not _is_vr(vr):
                            (length,) = unpack_length(view, offset + 4)
                        elif value + 4 > len(view):
                            return self._hold(view, begin, offset)
                        else:
                            (length,) = unpack_length(view, value)
                            value += 4
                else:
                    group, number, length = unpack_item(view, offset)
                    value = offset + _HEADER
                if length != _UNDEFINED and group not in _LOOKED_AT and not items:
                    offset = value + length
                    continue
                tag = group << 16 | number
                if tag in _ENDS and len(levels) > 1:
                    levels.pop()
                elif (tag == _ITEM) is not items or tag in _ENDS:
                    return self._broken(f"has {_name(tag)} at byte {begin + offset}, where it cannot stand")
                elif length != _UNDEFINED:
                    if tag in self._expected and len(levels) == 1:
                        end = value + min(length, _LONGEST_UID)
                        if end > len(view):
                            return self._hold(view, begin, offset)
                        if self._differs(tag, bytes(view[value:end])):
                            return None
                    elif tag == length == 0 and len(levels) == 1:
                        return self._pass_padding(view, offset, begin)
                    offset = value + length
                    continue
                elif len(levels) > _MOST_LEVELS:
                    return self._broken(f"nests sequences more than {_MOST_LEVELS // 2} deep")
                else:
                    # PS3.5 6.2.2: what has lost its VR on the way holds items in implicit VR little endian.
                    inner = _IMPLICIT if explicit and vr == form.un else form
                    levels.append((inner, tag, begin + offset))
                offset = value
                if levels[-1][0] is not form:
                    break
                items = not items
                explicit = has_vrs and not items
        self._last = (group << 16 | number, length)
        return self._hold(view, begin, offset)

    def _hold(self, view: memoryview, begin: int, offset: int) -> None:
        """The next header is there, behind this view or cut by its end."""
        self._next = begin + offset
        self._held = bytes(view[offset:])

    def _pass_padding(self, view: memoryview, offset: int, begin: int) -> None:
        self._padded, rest = True, bytes(view[offset:])
        if begin + offset == 0:
            return self._broken("begins with zeros")
        if other := rest.lstrip(b"\0"):
            return self._broken(f"goes on at byte {begin + len(view) - len(other)} after zeros")
        return self._hold(view, begin, len(view))

    def _differs(self, tag: int, value: bytes) -> bool:
        ours, theirs = clean_uid(value), self._expected[tag]
        if not ours or theirs is None or ours == theirs:
            return False
        text = f"{_name(tag)} is not that of the command: {printable(ours)} instead of {printable(theirs)}"
        self._found(Problem(_MISMATCH, text, tag))
        return True

    def _check_end(self) -> None:
        tag, length = self._last
        missing = self._next - self._length
        if self._deflated and not (self._inflater and self._inflater.eof):
            self._broken(f"ends before its deflated stream does, after {self._length} bytes")
        elif missing > 0:
            there = f"{length - missing} of whose {length} bytes are there"
            self._broken(f"ends at byte {self._length} in {_name(tag)}, {there}")
        elif self._held and not self._ends_in_zeros():
            self._broken(f"ends at byte {self._length} in the element of byte {self._next}")
        elif len(self._levels) > 1:
            _, tag, begin = self._levels[-1]
            self._broken(f"ends at byte {self._length} in {_name(tag)} of byte {begin}, which has no end")
        elif not self._length:
            self._broken("is empty")

    def _ends_in_zeros(self) -> bool:
        # One zero alone begins many elements, such as (2000,0010); it makes a data set even or is what was left of one.
        zeros = self._next > 0 and len(self._levels) == 1 and not any(self._held)
        return zeros and (len(self._held) > 1 or self._length % 2 == 0)

    def _broken(self, what: str) -> None:
        self._found(Problem(_CANNOT_UNDERSTAND, f"the data set {what}"))

    def _found(self, problem: Problem) -> None:
        self._problem, self._next = problem, _NEVER


class _Form(NamedTuple):
    """How the headers of elements are written."""

    explicit: bool
    """Whether elements have a VR; items and delimiters never do."""
    short: frozenset[int]
    """The VRs that are only jumped over: those with a length of 16 bits, but for UI, of which two are compared."""
    unpack: Callable[..., tuple[int, int, int, int]]
    """Group, element, VR, length of 16 bits."""
    unpack_item: Callable[..., tuple[int, int, int]]
    """Group, element, length of 32 bits."""
    unpack_length: Callable[..., tuple[int]]
    ui: int
    un: int


def _form(order: Literal["little", "big"]) -> _Form:
    element, item, length = (Struct(("<" if order == "little" else ">") + fields) for fields in ("HHHH", "HHI", "I"))
    vrs = {vr: int.from_bytes(vr, order) for vr in SHORT_VRS | {_UNKNOWN, b"UN"}}
    ui, un = vrs.pop(b"UI"), vrs.pop(b"UN")
    return _Form(True, frozenset(vrs.values()), element.unpack_from, item.unpack_from, length.unpack_from, ui, un)


def _is_vr(vr: int) -> bool:
    """Whether this is a VR, if perhaps one that nobody knows: two capital letters, in either order."""
    return 0x41 <= vr & 0xFF <= 0x5A and 0x41 <= vr >> 8 <= 0x5A


def _name(tag: int) -> str:
    return f"{_NAMES.get(tag, '')}({tag >> 16:04X},{tag & 0xFFFF:04X})"


_HEADER = 8
_LONGEST_UID = 256
# Four times what PS3.5 9.1 allows, for those who break it; of what is longer the beginning is compared.
_MOST_HELD = _HEADER + 4 + _LONGEST_UID
_MOST_LEVELS = 2 * MOST_NESTED
# Sequences and their items.
_DEFLATED_STEP = 16 * KIB
_INFLATED_STEP = 256 * KIB

_UNKNOWN = b"??"
# What some senders write who know no VR, and then a length of 16 bits.

_SOP_CLASS_UID = 0x0008_0016
_SOP_INSTANCE_UID = 0x0008_0018
_ITEM = 0xFFFE_E000
_ENDS = frozenset((0xFFFE_E00D, 0xFFFE_E0DD))
_DELIMITERS = 0xFFFE
_LOOKED_AT = frozenset((0x0000, 0x0008, _DELIMITERS))
# The groups of padding, of the identity and of what structures sequences.
_UNDEFINED = 0xFFFF_FFFF
_NEVER = sys.maxsize
_NAMES = {
    _SOP_CLASS_UID: "SOP class UID ",
    _SOP_INSTANCE_UID: "SOP instance UID ",
    _ITEM: "an item ",
    0xFFFE_E00D: "the end of an item ",
    0xFFFE_E0DD: "the end of a sequence ",
}

_LITTLE = _form("little")
_BIG = _form("big")
_IMPLICIT = _LITTLE._replace(explicit=False)

_MISMATCH = 0xA900
_CANNOT_UNDERSTAND = 0xC000
_CHECKS = frozenset(get_args(Check))

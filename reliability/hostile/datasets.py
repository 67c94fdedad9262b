"""Data sets of stores: nested beyond measure, bombs, cut ends, lengths that lie, somebody else's (PS3.5 7, PS3.4 B.2.3).

A receiver does not decode them. It walks their elements as they pass, and what
cannot be read to its end, or is not the instance of its command, is refused
and leaves no file.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator

from reliability.hostile.case import FINISH, TAKE, Case, case
from reliability.hostile.wire import (
    BIG,
    EXPLICIT,
    IMPLICIT,
    ITEM,
    ITEM_END,
    ROOT,
    SEQUENCE_END,
    SQUEEZED,
    UNDEFINED,
    element,
    identity,
    nested,
    plain,
    squeezed,
    stored,
    within,
)
from tests.raw import CT_IMAGE_STORAGE, RELEASE_RQ, even, p_data, pdv, store_command

KEPT, UNREADABLE, OTHER = "accept, 0000", "accept, C000", "accept, A900"
SQ, PIXELS, NAME = 0x0040_A730, 0x7FE0_0010, 0x0010_0010

_NAMES = (ROOT + b"4%03d" % number for number in range(1000))


def _store(what: str, sees: str, why: str, data: bytes, *, on: int = EXPLICIT, packed: bool = False) -> Case:
    """An instance with its right identity, and then what the case is about."""
    name = next(_NAMES)
    implicitly = plain(0x0008_0016, even(CT_IMAGE_STORAGE)) + plain(0x0008_0018, even(name))
    whole = (implicitly if on == IMPLICIT else identity(name)) + data
    return _and_release(what, sees, why, stored(name, squeezed(whole) if packed else whole, on=on))


def _bare(what: str, sees: str, why: str, data: bytes, *, on: int = EXPLICIT) -> Case:
    """A data set that does not begin with its right identity."""
    return _and_release(what, sees, why, stored(next(_NAMES), data, on=on))


def _and_release(what: str, sees: str, why: str, sent: bytes) -> Case:
    """The association goes on, whatever the data set was."""
    return case(
        what, " or ".join(f"{one}, release" for one in sees.split(" or ")), why, *within(sent, TAKE, RELEASE_RQ)
    )


def _nested() -> Iterator[Case]:
    for depth in (60, 100, 1000, 100_000):
        sees = KEPT if depth <= 64 else UNREADABLE
        yield _store(
            f"{depth} sequences within each other, without lengths",
            sees,
            "deeper than 64 nobody can read it",
            nested(depth, stated=False),
        )
    for depth in (1000, 50_000):
        yield _store(
            f"{depth} sequences within each other, with lengths",
            KEPT,
            "a walk jumps over them; who decodes it must look",
            nested(depth, stated=True),
        )


def _cuts() -> Iterator[Case]:
    tail = element(NAME, b"PN", b"A^B ") + element(PIXELS, b"OW", bytes(64))
    whole = len(tail)
    for left in (1, 4, 7, 9, 11, 14, 23, 30, whole - 1):
        yield _store(
            f"an end after {left} bytes of {whole}", UNREADABLE, "the last element is not there as a whole", tail[:left]
        )


def _sequences() -> Iterator[Case]:
    def sequence(inside: bytes, length: int | None = None) -> bytes:
        return element(SQ, b"SQ", inside, length=length)

    open_item = plain(ITEM, b"", length=UNDEFINED)
    yield _store("a sequence without an end", UNREADABLE, "no delimiter comes", sequence(plain(ITEM, b""), UNDEFINED))
    yield _store("an item without an end", UNREADABLE, "no delimiter comes", sequence(open_item, UNDEFINED))
    yield _store("an end of a sequence that has none", UNREADABLE, "it cannot stand there", SEQUENCE_END)
    yield _store("an item outside of a sequence", UNREADABLE, "the same", plain(ITEM, b""))
    yield _store(
        "an element where an item was expected",
        UNREADABLE,
        "the same",
        sequence(element(NAME, b"PN", b"A "), UNDEFINED),
    )
    yield _store(
        "a sequence beyond the end", UNREADABLE, "it is not there as a whole", sequence(plain(ITEM, b""), 9999)
    )
    yield _store("a sequence of 4 GiB less two", UNREADABLE, "the same", sequence(plain(ITEM, b""), 0xFFFFFFFE))
    yield _store(
        "an item beyond its sequence", KEPT, "the sequence says where it ends", sequence(plain(ITEM, b"", length=9999))
    )
    yield _store(
        "an item beyond the end",
        UNREADABLE,
        "it is not there as a whole",
        sequence(plain(ITEM, b"", length=9999), UNDEFINED),
    )
    yield _store(
        "an item whose delimiter has a length",
        UNREADABLE + " or " + KEPT,
        "it ends all the same",
        sequence(open_item + ITEM_END[:4] + b"\4\0\0\0abcd" + SEQUENCE_END, UNDEFINED),
    )
    yield _store(
        "delimiters of the other kind",
        KEPT,
        "they are in the field",
        sequence(open_item + SEQUENCE_END + ITEM_END, UNDEFINED),
    )
    yield _store(
        "100,000 empty items", KEPT, "each is a header", sequence(plain(ITEM, b"") * 100_000 + SEQUENCE_END, UNDEFINED)
    )


def _bombs() -> Iterator[Case]:
    bomb = element(PIXELS, b"OW", bytes(8 << 20))
    yield _store(
        "eight MiB of zeros, deflated",
        KEPT,
        "a thousandth of it comes, and is walked piece by piece",
        bomb,
        on=SQUEEZED,
        packed=True,
    )
    yield _bare(
        "a deflated stream of zeros alone", UNREADABLE, "it begins with zeros", squeezed(bytes(32 << 20)), on=SQUEEZED
    )
    yield _store(
        "deflated, 100,000 sequences within each other",
        UNREADABLE,
        "the same as if it were not",
        nested(100_000, stated=False),
        on=SQUEEZED,
        packed=True,
    )
    yield _bare("what is not deflated", UNREADABLE, "it cannot be inflated", b"\xff" * 100, on=SQUEEZED)
    cut = squeezed(identity(ROOT + b"499") + bytes(range(256)) * 64)[:-8]
    yield _bare("half a deflated stream", f"{UNREADABLE} or {OTHER}", "it ends before its end", cut, on=SQUEEZED)


OTHERS = identity(ROOT + b"999")

CASES: list[Case] = [
    *_nested(),
    *_cuts(),
    *_sequences(),
    *_bombs(),
    _bare("the data set of another instance", OTHER, "a file of that name would be somebody else", OTHERS),
    _bare("the data set of another class", OTHER, "the same", identity(ROOT + b"998", b"1.2.840.10008.5.1.4.1.1.4")),
    _bare(
        "an instance that is a path", OTHER, "it is not the one of the command", identity(b"../../../tmp/dicomnet-x")
    ),
    _bare("an instance of control characters", OTHER, "the log has them escaped", identity(b"1.2\n\x1b[31mERROR\n")),
    _bare("an instance of 60,000 bytes", OTHER, "of a long one the beginning is compared", identity(b"1" * 60_000)),
    _bare("zeros", UNREADABLE, "no element begins with them", bytes(5000)),
    _bare("FF", UNREADABLE, "a length of 4 GiB", b"\xff" * 5000),
    _bare("text", UNREADABLE, "its lengths are letters", b"Lorem ipsum dolor sit amet, consectetur. " * 20),
    _bare("one byte", UNREADABLE, "half a tag", b"\x08"),
    _bare("a file with its preamble", UNREADABLE, "a data set has none", bytes(128) + b"DICM" + OTHERS),
    _bare(
        "group 0002 in a data set",
        f"{KEPT} or {UNREADABLE} or {OTHER}",
        "it does not belong there",
        element(0x0002_0010, b"UI", even(b"1.2.840.10008.1.2")),
    ),
    _bare(
        "a command in a data set", f"{KEPT} or {UNREADABLE}", "it does not belong there", plain(0x0000_0100, b"\x30\0")
    ),
    _bare(
        "implicit VR where explicit was agreed on",
        OTHER,
        "it is read as what it is",
        plain(0x0008_0018, even(ROOT + b"997")),
        on=EXPLICIT,
    ),
    _bare(
        "little endian where big was agreed on", UNREADABLE, "its tags are others, its lengths beyond", OTHERS, on=BIG
    ),
    _store(
        "an element of 4 GiB",
        UNREADABLE,
        "it is not there as a whole",
        element(PIXELS, b"OW", b"ab", length=0xFFFFFFFE),
    ),
    _store("a short element of 64 KiB", UNREADABLE, "the same", element(NAME, b"PN", b"ab", length=0xFFFE)),
    _store(
        "elements that go backwards",
        KEPT,
        "wrong, and read by everybody",
        element(NAME, b"PN", b"A ") + element(0x0008_0005, b"CS", b""),
    ),
    _store("the identity twice, the second time another", OTHER, "who reads it may take either", OTHERS),
    _store("unknown VRs", KEPT, "wrong, and read by everybody", element(NAME, b"ZZ", b"A ")),
    _store(
        "VRs of control characters",
        UNREADABLE,
        "then its length has four bytes",
        struct.pack("<HH2sH", 0x10, 0x10, b"\x1b[", 2) + b"ab",
    ),
    _store(
        "a person's name of terminal codes",
        KEPT,
        "values are nobody's business",
        element(NAME, b"PN", b"\x1b[2J\x1b[31m^\r\n"),
    ),
    _store("a character set of nonsense", KEPT, "nobody decodes it", element(0x0008_0005, b"CS", b"..\\../\0\x1b$B")),
    _store("zeros behind the last element", KEPT, "padding of some senders", bytes(1000)),
    _store("letters behind zeros", UNREADABLE, "what is that?", bytes(1000) + b"abcd"),
    _store(
        "10,000 empty elements",
        KEPT,
        "each is a header",
        b"".join(element(0x0011_0000 | 0x1000 + at, b"LO", b"") for at in range(10_000)),
    ),
    _store(
        "implicit VR, sequences within each other",
        UNREADABLE,
        "deeper than 64 nobody can read it",
        (plain(SQ, b"", length=UNDEFINED) + plain(ITEM, b"", length=UNDEFINED)) * 200 + (ITEM_END + SEQUENCE_END) * 200,
        on=IMPLICIT,
    ),
    _store(
        "an unknown element of undefined length",
        UNREADABLE,
        "it holds items, and they have no end",
        element(0x0011_1010, b"UN", b"", length=UNDEFINED),
    ),
    case(
        "a store whose data set comes byte by byte",
        "accept, 0000",
        "slow, and allowed",
        *within(
            p_data(pdv(store_command(ROOT + b"498"), EXPLICIT, 3)),
            *[
                p_data(
                    pdv(
                        identity(ROOT + b"498")[at : at + 1],
                        EXPLICIT,
                        2 if at == len(identity(ROOT + b"498")) - 1 else 0,
                    )
                )
                for at in range(len(identity(ROOT + b"498")))
            ],
        ),
    ),
    case(
        "half a data set, then nothing",
        "accept",
        "no file is left of it",
        *within(stored(ROOT + b"497", identity(ROOT + b"497") + bytes(60_000))[:20_000], FINISH),
    ),
]

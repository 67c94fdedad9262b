"""Command sets: fields that are missing, of the wrong length, repeated, unknown, or say what is not so (PS3.7 6.3, E)."""

from __future__ import annotations

import struct
from collections.abc import Iterator

from reliability.hostile.case import TAKE, Case, case
from reliability.hostile.wire import ECHO, EXPLICIT, ROOT, identity, said, stored, within
from tests.raw import CT_IMAGE_STORAGE, RELEASE_RQ, VERIFICATION, command, echo, even, p_data, pdv, store_command

CLASS, FIELD, ID, FOR, PRIORITY, KIND, STATUS, INSTANCE = 0x02, 0x100, 0x110, 0x120, 0x700, 0x800, 0x900, 0x1000
NONE = 0x0101
ECHO_RQ = {CLASS: even(VERIFICATION), FIELD: 0x30, ID: 1, KIND: NONE}
BROKEN = "accept, abort 2/6"
FINE = "accept, 0000"


def _echo(**changed: bytes | int | None) -> bytes:
    """An echo whose elements are other ones, or left out."""
    elements = ECHO_RQ | {int(tag[1:], 16): value for tag, value in changed.items()}
    return said(*[(tag, value) for tag, value in sorted(elements.items()) if value is not None])


def _raw(data: bytes, on: int = ECHO) -> bytes:
    return p_data(pdv(data, on, 3))


def _raw_element(tag: int, length: int, value: bytes = b"") -> bytes:
    return struct.pack("<HHI", tag >> 16, tag & 0xFFFF, length) + value


def _store(number: int, *, without: int | None = None, **changed: bytes | int) -> bytes:
    """A store with a field changed or left out, and its data set."""
    name = ROOT + b"6%02d" % number
    elements: dict[int, bytes | int] = {
        CLASS: even(CT_IMAGE_STORAGE),
        FIELD: 1,
        ID: 2,
        PRIORITY: 0,
        KIND: 0,
        INSTANCE: even(name),
    }
    elements |= {int(tag[1:], 16): value for tag, value in changed.items()}
    elements.pop(without or -1, None)
    return said(*sorted(elements.items()), on=EXPLICIT) + p_data(pdv(identity(name), EXPLICIT, 2))


def _unknown() -> Iterator[Case]:
    for field in (0x0000, 0x0002, 0x0050, 0x0190, 0x0777, 0x7FFF):
        why = "a request that nobody knows is answered (PS3.7 C.5)"
        yield case(f"command {field:04X}", "accept, 0211, release", why, *within(_echo(x0100=field), TAKE, RELEASE_RQ))


def _unasked() -> Iterator[Case]:
    for field in (0x8001, 0x8020, 0x8010, 0x8021, 0x8030, 0x8100, 0x8110, 0x8120, 0x8130, 0x8140, 0x8150, 0xFFFF):
        sent = said((FIELD, field), (FOR, 9), (KIND, NONE), (STATUS, 0))
        yield case(
            f"a response {field:04X} that nobody waits for",
            "accept, 0000",
            "ignored, and the echo behind it answered",
            *within(sent + echo()),
        )


LONG_WORD = bytes.fromhex("0100 0000")

CASES: list[Case] = [
    *_unknown(),
    *_unasked(),
    case("garbage", BROKEN, "it ends within an element", *within(_raw(b"\xde\xad\xbe\xef" * 9))),
    case("an element of 4 GiB", BROKEN, "it ends within that", *within(_raw(_raw_element(2, 0xFFFFFFFF, b"1.2")))),
    case("an element of 2 GiB", BROKEN, "the sign bit", *within(_raw(_raw_element(2, 0x80000000, b"1.2")))),
    case(
        "an element one byte beyond the end",
        BROKEN,
        "it ends within that",
        *within(_raw(command(*ECHO_RQ.items())[:-1])),
    ),
    case("half a header", BROKEN, "it ends within that", *within(_raw(command(*ECHO_RQ.items()) + b"\0\0\0"))),
    case(
        "a wrong group length",
        FINE,
        "the last fragment ends a command, not a number in it",
        *within(_raw(command(*ECHO_RQ.items())[:8] + b"\xff" * 4 + command(*ECHO_RQ.items())[12:])),
    ),
    case(
        "a group length of no bytes",
        FINE,
        "the same",
        *within(_raw(_raw_element(0, 0) + command(*ECHO_RQ.items())[12:])),
    ),
    case("no group length", FINE, "the same", *within(_raw(command(*ECHO_RQ.items())[12:]))),
    case("no command field", BROKEN, "nobody can answer", *within(_echo(x0100=None))),
    case("no message ID", BROKEN, "nobody can answer", *within(_echo(x0110=None))),
    case("no SOP class", FINE, "the context has it", *within(_echo(x0002=None))),
    case("no data set type", FINE, "an echo has none", *within(_echo(x0800=None))),
    case("a command field of one byte", BROKEN, "half a number is none", *within(_echo(x0100=b"\x30"))),
    case("a command field of four bytes", FINE, "the first number counts", *within(_echo(x0100=b"\x30\0\0\0"))),
    case("a message ID of one byte", BROKEN, "half a number is none", *within(_echo(x0110=b"\1"))),
    case("a message ID of no bytes", BROKEN, "the same", *within(_echo(x0110=b""))),
    case("a message ID of four bytes", FINE, "the first number counts", *within(_echo(x0110=LONG_WORD))),
    case("message ID 0", FINE, "unusual, and allowed", *within(_echo(x0110=0))),
    case("message ID 65,535", FINE, "the last one", *within(_echo(x0110=0xFFFF))),
    case(
        "a data set type of one byte",
        FINE,
        "half a number is none, and an echo has no data",
        *within(_echo(x0800=b"\1")),
    ),
    case(
        "an echo that announces data, and has none",
        "accept, release or accept, abort 2/2",
        "what it announces never comes",
        *within(_echo(x0800=0), RELEASE_RQ),
    ),
    case(
        "an echo with data",
        "accept, 0000 or accept, abort 2/5",
        "wrong, and clear",
        *within(_echo(x0800=0), p_data(pdv(b"ab", ECHO, 2))),
    ),
    case(
        "elements the wrong way round",
        FINE,
        "their order means nothing",
        *within(said(*sorted(ECHO_RQ.items(), reverse=True))),
    ),
    case("every element twice", FINE, "they say the same", *within(said(*ECHO_RQ.items(), *ECHO_RQ.items()))),
    case("two command fields", "accept, 0000", "the last one counts", *within(said((FIELD, 0x777), *ECHO_RQ.items()))),
    case(
        "elements of other groups",
        FINE,
        "they have no place here",
        *within(_raw(command(*ECHO_RQ.items()) + _raw_element(0x00100010, 4, b"A^B "))),
    ),
    case(
        "unknown and retired elements",
        FINE,
        "passed over",
        *within(said(*ECHO_RQ.items(), (0x0001, LONG_WORD), (0x5010, b"A\n"), (0xFFFF, b"!!"))),
    ),
    case(
        "100,000 elements",
        BROKEN,
        "no message has so many",
        *within(
            b"".join(p_data(pdv(_raw_element(0x5010, 0) * 2000, ECHO, 1)) for _ in range(50))
            + _raw(command(*ECHO_RQ.items()))
        ),
    ),
    case(
        "a tag list of a MiB",
        BROKEN,
        "with the rest it is more than a command set may be",
        *within(b"".join(p_data(pdv(bytes(65536), ECHO, 1)) for _ in range(17))),
    ),
    case(
        "an attribute list of three bytes",
        "accept, 0000 or accept, abort 2/6",
        "half a tag is none",
        *within(_echo(x1005=b"\1\2\3")),
    ),
    case(
        "a class of control characters",
        "accept, 0122",
        "it is not that of the context",
        *within(_echo(x0002=b"\x1b[31m\n\0")),
    ),
    case("a class of 4,000 bytes", "accept, 0122", "the same", *within(_echo(x0002=b"1." + b"2" * 3998))),
    case("a store without a class", FINE, "the context has it", *within(_store(1, without=CLASS))),
    case(
        "a store without an instance",
        "accept, C000",
        "nobody knows what to call it",
        *within(_store(2, without=INSTANCE)),
    ),
    case("a store without a priority", FINE, "medium", *within(_store(3, without=PRIORITY))),
    case("a store of priority 999", FINE, "medium", *within(_store(4, x0700=999))),
    case("a store without a data set type", FINE, "a store always has one", *within(_store(5, without=KIND))),
    case(
        "a store that announces no data",
        "accept, C000, release",
        "there is nothing to keep",
        *within(
            stored(ROOT + b"650", b"", announced=NONE)[: len(p_data(pdv(store_command(ROOT + b"650"), 3, 3)))],
            TAKE,
            RELEASE_RQ,
        ),
    ),
    case(
        "a store that announces no data and sends some",
        "accept, abort 2/5 or accept, C000, abort 2/5",
        "data where a command was expected",
        *within(stored(ROOT + b"651", identity(ROOT + b"651"), announced=NONE)),
    ),
    case(
        "the same message ID twice at once",
        "accept, 0000, 0000 or accept, 0210, 0000 or accept, 0000, 0210",
        "each is answered",
        *within(stored(ROOT + b"652", identity(ROOT + b"652")) + stored(ROOT + b"653", identity(ROOT + b"653"))),
    ),
    case(
        "a cancel of what was never asked for",
        FINE,
        "it crossed the answer (PS3.7 9.1.2.2)",
        *within(said((FIELD, 0x0FFF), (FOR, 77), (KIND, NONE)) + echo()),
    ),
    case(
        "a cancel of an echo",
        "accept, 0000",
        "an echo cannot be cancelled",
        *within(echo() + said((FIELD, 0x0FFF), (FOR, 1), (KIND, NONE))),
    ),
    case("a cancel without an ID", BROKEN, "nobody knows what to cancel", *within(said((FIELD, 0x0FFF), (KIND, NONE)))),
    case(
        "1,000 cancels",
        FINE,
        "none of them is answered",
        *within(said((FIELD, 0x0FFF), (FOR, 77), (KIND, NONE)) * 1000 + echo()),
    ),
    case(
        "a find where there is none",
        "accept, 0124 or accept, 0122 or accept, 0211",
        "the context is one of images",
        *within(
            said((CLASS, even(CT_IMAGE_STORAGE)), (FIELD, 0x20), (ID, 1), (PRIORITY, 0), (KIND, 0), on=EXPLICIT)
            + p_data(pdv(identity(ROOT), EXPLICIT, 2))
        ),
    ),
    case(
        "an N-CREATE on a context of images",
        "accept, 0124 or accept, 0122 or accept, 0211 or accept, 0118",
        "no such service",
        *within(
            said((CLASS, even(CT_IMAGE_STORAGE)), (FIELD, 0x140), (ID, 1), (KIND, 0), on=EXPLICIT)
            + p_data(pdv(identity(ROOT), EXPLICIT, 2))
        ),
    ),
    case(
        "explicit VR in a command set",
        BROKEN + " or accept, 0000",
        "a command set is implicit",
        *within(_raw(bytes.fromhex("0000 0001 5553 0200 3000"))),
    ),
]

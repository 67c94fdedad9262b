"""Identifiers and attributes: queries, retrieves and N-services of a server that decodes what it is sent.

What is too deep, too much or unreadable is answered with a status, and the
association goes on.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator

from reliability.hostile.case import FINISH, TAKE, Case, Do, case
from reliability.hostile.wire import ITEM, ITEM_END, SEQUENCE_END, UNDEFINED, element, nested, plain, said
from tests.raw import (
    APPLICATION_CONTEXT,
    EXPLICIT_LE,
    IMPLICIT_LE,
    RELEASE_RQ,
    USER_INFORMATION,
    associate,
    even,
    p_data,
    pdv,
    proposed,
)

FIND = b"1.2.840.10008.5.1.4.1.2.2.1"
MOVE = b"1.2.840.10008.5.1.4.1.2.2.2"
GET = b"1.2.840.10008.5.1.4.1.2.2.3"
STEP = b"1.2.840.10008.3.1.2.3.3"
COMMITMENT = b"1.2.840.10008.1.20.1"
FINDS, MOVES, GETS, STEPS, COMMITS, IMPLICITLY = 1, 3, 5, 7, 9, 11
CONTEXTS = (
    proposed(FINDS, FIND, EXPLICIT_LE)
    + proposed(MOVES, MOVE, EXPLICIT_LE)
    + proposed(GETS, GET, EXPLICIT_LE)
    + proposed(STEPS, STEP, EXPLICIT_LE)
    + proposed(COMMITS, COMMITMENT, EXPLICIT_LE)
    + proposed(IMPLICITLY, FIND, IMPLICIT_LE)
)
REQUEST = associate(APPLICATION_CONTEXT + CONTEXTS + USER_INFORMATION)
LEVEL = element(0x0008_0052, b"CS", b"STUDY ")
NAME, STUDY = 0x0010_0010, 0x0020_000D
FINE, UNREADABLE, FAILED = "0000", "C000", "0110"


def _asked(sees: str, *steps: bytes | Do) -> tuple[str, tuple[bytes | Do, ...]]:
    """Words and steps of a conversation that goes on to its release."""
    return " or ".join(f"accept, {one}, release" for one in sees.split(" or ")), (
        REQUEST,
        TAKE,
        *steps,
        TAKE,
        RELEASE_RQ,
    )


def _message(on: int, elements: dict[int, bytes | int], data: bytes | None) -> bytes:
    elements = {0x110: 1, 0x800: 0x101 if data is None else 0} | elements
    head = said(*sorted(elements.items()), on=on)
    if data is None:
        return head
    pieces = [data[at : at + 16000] for at in range(0, len(data), 16000)] or [b""]
    return head + b"".join(p_data(pdv(piece, on, 0)) for piece in pieces[:-1]) + p_data(pdv(pieces[-1], on, 2))


def _find(data: bytes | None, on: int = FINDS) -> bytes:
    return _message(on, {2: even(FIND), 0x100: 0x20, 0x700: 0}, data)


def _move(data: bytes | None, destination: bytes = b"NOWHERE ") -> bytes:
    return _message(MOVES, {2: even(MOVE), 0x100: 0x21, 0x700: 0, 0x600: destination}, data)


def _get(data: bytes | None) -> bytes:
    return _message(GETS, {2: even(GET), 0x100: 0x10, 0x700: 0}, data)


def _create(data: bytes | None) -> bytes:
    return _message(STEPS, {2: even(STEP), 0x100: 0x140, 0x1000: b"1.2.3\0"}, data)


def _set(data: bytes | None) -> bytes:
    return _message(STEPS, {3: even(STEP), 0x100: 0x120, 0x1001: b"1.2.3\0"}, data)


def _commit(data: bytes | None, action: int = 1) -> bytes:
    elements: dict[int, bytes | int] = {
        3: even(COMMITMENT),
        0x100: 0x130,
        0x1001: b"1.2.840.10008.1.20.1.1",
        0x1008: action,
    }
    return _message(COMMITS, elements, data)


def _one(what: str, sees: str, why: str, sent: bytes) -> Case:
    words, steps = _asked(sees, sent)
    return case(what, words, why, *steps)


def _all(what: str, why: str, sent: bytes) -> Case:
    """A query that everything matches."""
    return case(what, f"accept{', FF00' * 59}, 0000", why, REQUEST, TAKE, sent)


SENDS = {"find": _find, "move": _move, "get": _get, "N-CREATE": _create, "N-SET": _set, "N-ACTION": _commit}


def _of_each() -> Iterator[Case]:
    """What no service can read: each refuses it with its own status (PS3.7 C)."""
    for verb, send in SENDS.items():
        refused = FAILED if verb.startswith("N-") else UNREADABLE
        for depth in (100, 1000, 100_000):
            why = "deeper than 64 nobody reads it"
            yield _one(
                f"{verb}: {depth} sequences within each other, without lengths",
                refused,
                why,
                send(nested(depth, stated=False)),
            )
            yield _one(
                f"{verb}: {depth} sequences within each other, with lengths",
                refused,
                why,
                send(nested(depth, stated=True)),
            )
        cut = LEVEL + element(NAME, b"PN", b"A", length=60)
        yield _one(f"{verb}: an element beyond the end", refused, "half an element is none", send(cut))
        yield _one(
            f"{verb}: an element of 4 GiB",
            refused,
            "the same",
            send(LEVEL + element(0x7FE0_0010, b"OW", b"ab", length=0xFFFFFFFE)),
        )
        yield _one(
            f"{verb}: a sequence without an end",
            refused,
            "the same",
            send(element(0x0040_A730, b"SQ", plain(ITEM, b"", length=UNDEFINED), length=UNDEFINED)),
        )
        yield _one(
            f"{verb}: a million elements",
            refused,
            "no request has so many, and each takes memory",
            send(b"".join(element(0x0009_0000 + at, b"LO", b"") for at in range(0x1000, 0x10000)) * 16),
        )


def _commitment(count: int) -> bytes:
    reference = element(0x0008_1150, b"UI", b"1.2\0") + element(0x0008_1155, b"UI", b"1.2.3\0")
    items = b"".join([plain(ITEM, reference)] * count)
    return element(0x0008_1195, b"UI", b"1.2.4\0") + element(0x0008_1199, b"SQ", items)


CASES: list[Case] = [
    *_of_each(),
    _one("find: no identifier", UNREADABLE, "there is nothing to look for", _find(None)),
    _one("find: an empty identifier", "A900 or C000", "it has no level", _find(b"")),
    _one("find: no level", "A900", "PS3.4 C.4.1.1.3", _find(element(NAME, b"PN", b""))),
    _one(
        "find: a level of terminal codes",
        "A900",
        "it is none of the model's",
        _find(element(0x0008_0052, b"CS", b"\x1b[31m\nX")),
    ),
    _one(
        "find: wildcards that take others for ever",
        "0000",
        "what lies between two of them is looked for once",
        _find(LEVEL + element(NAME, b"PN", b"*A" * 30 + b"*B")),
    ),
    _one(
        "find: 30,000 UIDs",
        "0000",
        "a list is a set",
        _find(LEVEL + element(STUDY, b"UI", b"\\".join([b"9.9.9.9"] * 8000))),
    ),
    _all(
        "find: a date of nonsense",
        "nothing says what it is not",
        _find(LEVEL + element(0x0008_0020, b"DA", b"99999999-\x1b[31m0")),
    ),
    _all(
        "find: a number beyond all bounds",
        "the same, of a number",
        _find(LEVEL + element(0x0020_1208, b"IS", b"9e999999999")),
    ),
    _one("find: an identifier of a file", "A900 or C000", "its preamble is no element", _find(bytes(128) + b"DICM")),
    _all(
        "find: a character set of nonsense",
        "nobody knows it, and nobody needs it",
        _find(element(0x0008_0005, b"CS", b"../..\\\x1b$") + LEVEL + element(NAME, b"PN", b"*")),
    ),
    _one(
        "find: a name that is not in its character set",
        "0000",
        "it is nobody's",
        _find(element(0x0008_0005, b"CS", b"ISO_IR 192") + LEVEL + element(NAME, b"PN", b"\xff\xfe\x80 ")),
    ),
    _one(
        "find: implicit VR, sequences within each other",
        UNREADABLE,
        "deeper than 64 nobody reads it",
        _find(
            (plain(0x0040_A730, b"", length=UNDEFINED) + plain(ITEM, b"", length=UNDEFINED)) * 500
            + (ITEM_END + SEQUENCE_END) * 500,
            IMPLICITLY,
        ),
    ),
    _one(
        "find: a sequence hidden in an unknown element",
        f"{UNREADABLE}",
        "deeper than 64 nobody reads it",
        _find(
            LEVEL + element(0x0040_A730, b"UN", plain(ITEM, nested(500, stated=True)), length=UNDEFINED) + SEQUENCE_END
        ),
    ),
    _all("find: everything at once", "that is what it is there for", _find(LEVEL + element(NAME, b"PN", b"*"))),
    _one("move: no destination", "A801", "PS3.4 C.4.2.1.5", _move(LEVEL + element(STUDY, b"UI", b"1.2.3\0"), b"")),
    _one(
        "move: a destination of control characters",
        "A801",
        "nobody is called so",
        _move(LEVEL + element(STUDY, b"UI", b"1.2.3\0"), b"\x1b[31m\n../"),
    ),
    _one(
        "move: an unknown destination",
        "A801",
        "the book does not have it",
        _move(LEVEL + element(STUDY, b"UI", b"1.2.3\0")),
    ),
    _one("get: no unique key", "A900", "PS3.4 C.4.3.1.3", _get(LEVEL)),
    _one(
        "get: a wildcard for a unique key",
        "A900 or 0000",
        "nothing is called so",
        _get(LEVEL + element(STUDY, b"UI", b"* ")),
    ),
    _one("get: nothing that is there", "0000", "no sub-operation", _get(LEVEL + element(STUDY, b"UI", b"9.9.9\0"))),
    _one("N-CREATE: no attributes", FINE, "the handler takes it", _create(None)),
    _one(
        "N-CREATE: 60 sequences within each other",
        FINE,
        "as deep as anybody has met, and as handlers can print",
        _create(nested(60, stated=True)),
    ),
    _one(
        "N-CREATE: values of control characters",
        FINE,
        "values are values",
        _create(element(NAME, b"PN", b"\x1b[31m\r\n")),
    ),
    _one(
        "N-SET: the identity of somebody else",
        FINE,
        "that is for the handler",
        _set(element(0x0008_0018, b"UI", b"9.9.9\0")),
    ),
    _one(
        "N-GET: 10,000 attributes",
        "0211",
        "the class has no such operation",
        _message(
            STEPS,
            {3: even(STEP), 0x100: 0x110, 0x1001: b"1.2.3\0", 0x1005: struct.pack("<HH", 0x10, 0x10) * 10_000},
            None,
        ),
    ),
    _one(
        "N-DELETE of a path",
        "0211",
        "the class has no such operation",
        _message(STEPS, {3: even(STEP), 0x100: 0x150, 0x1001: b"../../x\0"}, None),
    ),
    _one(
        "N-ACTION: a commitment without references",
        "0121",
        "there is nothing to commit",
        _commit(element(0x0008_1195, b"UI", b"1.2.4\0")),
    ),
    _one(
        "N-ACTION: a commitment without a transaction",
        "0121",
        "nobody could be told",
        _commit(element(0x0008_1199, b"SQ", b"")),
    ),
    _one("N-ACTION: another action", "0123", "there is one", _commit(_commitment(1), 77)),
    _one("N-ACTION: no information", "0121", "there is nothing to commit", _commit(None)),
    case(
        "a find that is left in the middle",
        "accept",
        "its handler ends, and nobody is told",
        REQUEST,
        TAKE,
        _find(LEVEL + element(NAME, b"PN", b"*"))[:-20],
        FINISH,
    ),
    case(
        "a find and a release at once",
        "accept, release or accept, FF00, release",
        "whoever does not wait for an answer may not get it",
        REQUEST,
        TAKE,
        _find(LEVEL) + RELEASE_RQ,
    ),
    case(
        "a find and its cancel",
        "accept, FE00 or accept, 0000",
        "the answers end",
        REQUEST,
        TAKE,
        _find(LEVEL + element(NAME, b"PN", b"Q")) + said((0x100, 0x0FFF), (0x120, 1), (0x800, 0x0101), on=FINDS),
    ),
    case(
        "an attribute beyond 16 MiB",
        "accept, A700",
        "an identifier is a list of UIDs at most",
        REQUEST,
        TAKE,
        _find(LEVEL + element(0x7FE0_0010, b"OW", bytes(17 << 20))),
    ),
]

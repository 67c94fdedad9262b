"""Lengths that are wrong, at each level: PDU, item, sub-item, value. None is believed before it was compared."""

from __future__ import annotations

import struct
from collections.abc import Iterator

from reliability.hostile.case import Case, case
from reliability.hostile.wire import CONTEXTS, ECHO, asks, counted, with_user, within
from tests.raw import APPLICATION_CONTEXT, USER_INFORMATION, associate, item, p_data, pdu, pdv

HUGE = 0xFFFF_FFFF

PDUS = {
    1: "an association request",
    2: "an acceptance",
    3: "a rejection",
    4: "data",
    5: "a release request",
    6: "a release reply",
    7: "an abort",
}

SUBITEMS = {
    0x51: "maximum length",
    0x52: "implementation class",
    0x53: "asynchronous window",
    0x54: "role selection",
    0x55: "implementation version",
    0x56: "extended negotiation",
    0x57: "common extended negotiation",
    0x58: "user identity",
    0x59: "user identity response",
}

MAY_BE_EMPTY = {0x52, 0x55}


def _pdus() -> Iterator[Case]:
    for number, what in PDUS.items():
        for length in (0, 1, HUGE):
            sent = pdu(number, bytes(min(length, 1)), length=length)
            why = f"{what} is never {length} bytes long"
            yield case(f"{what} of {length} bytes, first of all", "abort 0/0", why, sent)
            yield case(f"{what} of {length} bytes", "accept, abort 2/6", why, *within(sent))


def _subitems() -> Iterator[Case]:
    for number, what in SUBITEMS.items():
        takes = "accept" if number in MAY_BE_EMPTY else "abort 0/0"
        yield case(f"{what} of no bytes", takes, "a field is not there, or may be empty", with_user(item(number, b"")))
        beyond = with_user(item(number, b"\0\1", length=0xFFFF))
        yield case(f"{what} beyond the request", "abort 0/0", "it reaches beyond what holds it", beyond)
        inside = with_user(item(number, b"\xff\xff\xff\xff\xff"))
        takes = "accept" if number in MAY_BE_EMPTY else "abort 0/0"
        yield case(f"{what} of five bytes of FF", takes, "what is inside it reaches beyond it", inside)


def _of_context(body: bytes, length: int | None = None) -> bytes:
    return asks(APPLICATION_CONTEXT, item(0x20, body, length=length), USER_INFORMATION)


WHOLE = associate()
FIXED = b"\1\0\0\0"
"""Of a presentation context, before its items."""

CASES: list[Case] = [
    *_pdus(),
    *_subitems(),
    case("a request above 1 MiB", "abort 0/0", "nobody is known yet", pdu(1, b"", length=(1 << 20) + 1)),
    case(
        "data one above 16 MiB",
        "accept, abort 2/6",
        "so much is not taken",
        *within(pdu(4, b"", length=(16 << 20) + 1)),
    ),
    case("a request of 67 bytes", "abort 0/0", "its fixed part has 68", pdu(1, bytes(67))),
    case("a request one byte short", "abort 0/0", "its last item reaches beyond it", pdu(1, WHOLE[6:-1])),
    case("a request one byte long", "abort 0/0", "the byte behind the last item is none", pdu(1, WHOLE[6:] + b"\x10")),
    case("an item of half a header", "abort 0/0", "three bytes are no item", pdu(1, WHOLE[6:] + b"\x99\0\0")),
    case(
        "an application context of no bytes",
        "reject 1/1/2",
        "it is none",
        asks(item(0x10, b""), CONTEXTS, USER_INFORMATION),
    ),
    case(
        "an application context beyond the request",
        "abort 0/0",
        "it swallows the rest, and more",
        asks(item(0x10, b"1.2", length=0xFFFF)),
    ),
    case(
        "an application context of 60,000 bytes",
        "reject 1/1/2",
        "it is another",
        asks(item(0x10, b"1" * 60000), CONTEXTS),
    ),
    case("a context of no bytes", "abort 0/0", "it has no ID", _of_context(b"")),
    case("a context of three bytes", "abort 0/0", "it has no room for its fixed part", _of_context(b"\1\0\0")),
    case("a context beyond the request", "abort 0/0", "it swallows the rest, and more", _of_context(FIXED, 0xFFFF)),
    case("a context one byte long", "abort 0/0", "it takes a byte of the next item", _of_context(FIXED, 5)),
    case(
        "an abstract syntax of no bytes",
        "accept 3",
        "the context is refused, no more",
        _of_context(FIXED + item(0x30, b"") + item(0x40, b"1.2.84")),
    ),
    case(
        "an abstract syntax beyond its context",
        "abort 0/0",
        "the context ends before it",
        _of_context(FIXED + item(0x30, b"", length=0xFFFF)),
    ),
    case(
        "a transfer syntax of no bytes",
        "accept 4",
        "there is none to take",
        _of_context(FIXED + item(0x30, b"1.2.840.10008.1.1") + item(0x40, b"")),
    ),
    case(
        "a transfer syntax beyond its context",
        "abort 0/0",
        "the context ends before it",
        _of_context(FIXED + item(0x30, b"") + item(0x40, b"", length=0xFFFF)),
    ),
    case(
        "user information of no bytes",
        "accept",
        "nothing in it is needed to go on",
        asks(APPLICATION_CONTEXT, CONTEXTS, item(0x50, b"")),
    ),
    case(
        "user information beyond the request",
        "abort 0/0",
        "it reaches beyond what holds it",
        asks(APPLICATION_CONTEXT, CONTEXTS, item(0x50, b"", length=1)),
    ),
    case(
        "a role of a class beyond it",
        "abort 0/0",
        "the class takes the roles",
        with_user(item(0x54, struct.pack(">H", 4) + b"1.2\1\1")),
    ),
    case(
        "a role one byte long", "abort 0/0", "there are two roles", with_user(item(0x54, counted(b"1.2") + b"\1\1\1"))
    ),
    case(
        "related classes beyond their field",
        "abort 0/0",
        "a list within a field within an item",
        with_user(item(0x57, counted(b"1.2") + counted(b"1.3") + counted(struct.pack(">H", 9) + b"1"))),
    ),
    case(
        "an identity whose secret is beyond it",
        "abort 0/0",
        "the second field has 65,535 bytes",
        with_user(item(0x58, b"\2\1" + counted(b"me") + b"\xff\xff")),
    ),
    case(
        "an identity one byte long",
        "abort 0/0",
        "nothing may follow the second field",
        with_user(item(0x58, b"\2\1" + counted(b"me") + counted(b"") + b"!")),
    ),
    case("data of five bytes", "accept, abort 2/6", "no value fits", *within(pdu(4, bytes(5)))),
    case(
        "a value of no bytes",
        "accept, abort 2/6",
        "it lacks its two header bytes",
        *within(p_data(pdv(b"", ECHO, 3, length=0))),
    ),
    case(
        "a value of one byte", "accept, abort 2/6", "it lacks one of them", *within(p_data(pdv(b"", ECHO, 3, length=1)))
    ),
    case("a value beyond its PDU", "accept, abort 2/6", "by a byte", *within(p_data(pdv(b"abcd", ECHO, 3, length=7)))),
    case(
        "a value of 4 GiB",
        "accept, abort 2/6",
        "and no memory for it",
        *within(p_data(pdv(b"abcd", ECHO, 3, length=HUGE))),
    ),
    case(
        "a value of 2 GiB",
        "accept, abort 2/6",
        "the sign bit",
        *within(p_data(pdv(b"abcd", ECHO, 3, length=0x80000000))),
    ),
    case(
        "a second value beyond the PDU",
        "accept, abort 2/6",
        "the first one was right",
        *within(p_data(pdv(b"", ECHO, 1), pdv(b"", ECHO, 3, length=8))),
    ),
    case(
        "four bytes behind the last value",
        "accept, abort 2/6",
        "no value fits into them",
        *within(p_data(pdv(b"ab", ECHO, 1), b"junk")),
    ),
]

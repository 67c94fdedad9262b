"""Items of an association request that are missing, doubled, unknown, out of order, of nonsense, or too many."""

from __future__ import annotations

import struct

from reliability.hostile.case import Case, case
from reliability.hostile.wire import CONTEXTS, REQUEST, asks, counted, with_user
from tests.raw import (
    APPLICATION_CONTEXT,
    CT_IMAGE_STORAGE,
    IMPLICIT_LE,
    USER_INFORMATION,
    VERIFICATION,
    associate,
    item,
    pdu,
    proposed,
)

USUAL = (APPLICATION_CONTEXT, CONTEXTS, USER_INFORMATION)
ONE = proposed(1, VERIFICATION, IMPLICIT_LE)

CASES: list[Case] = [
    case("no items at all", "reject 1/1/2", "no application context is another one", asks()),
    case("no application context", "reject 1/1/2", "the one there is must be named", asks(CONTEXTS, USER_INFORMATION)),
    case(
        "another application context",
        "reject 1/1/2",
        "PS3.7 A.2.1 knows one",
        asks(item(0x10, b"1.2.840.10008.3.1.1.9"), CONTEXTS),
    ),
    case("a second, other application context", "accept", "the first one counts", asks(*USUAL, item(0x10, b"1.2"))),
    case(
        "a first, other application context", "reject 1/1/2", "the first one counts", asks(item(0x10, b"1.2"), *USUAL)
    ),
    case("no contexts", "reject 1/2/1", "one or more are needed", asks(APPLICATION_CONTEXT, USER_INFORMATION)),
    case("no user information", "accept", "its contents have safe defaults", asks(APPLICATION_CONTEXT, CONTEXTS)),
    case("user information twice", "accept", "the first one counts", asks(*USUAL, USER_INFORMATION)),
    case(
        "user information of nonsense behind the right one",
        "accept",
        "nobody looks at it",
        asks(*USUAL, item(0x50, b"\x51\0\xff\xff")),
    ),
    case(
        "items the wrong way round",
        "accept",
        "the order means nothing",
        asks(USER_INFORMATION, CONTEXTS, APPLICATION_CONTEXT),
    ),
    case(
        "contexts of an acceptance",
        "reject 1/2/1",
        "they are unknown items in a request",
        asks(APPLICATION_CONTEXT, item(0x21, b"\1\0\0\0"), USER_INFORMATION),
    ),
    case(
        "sub-items outside of what holds them",
        "accept",
        "they are unknown there",
        asks(*USUAL, item(0x51, b""), item(0x40, b"1.2"), item(0x30, b"")),
    ),
    case(
        "unknown items",
        "accept",
        "newer editions add some",
        asks(item(0x99, b"?"), *USUAL, item(0, b""), item(0xFF, bytes(999))),
    ),
    case("3,000 unknown items", "accept", "they are passed over", asks(*USUAL, item(0x99, b"") * 3000)),
    case(
        "a quarter million unknown items",
        "abort 0/0",
        "no request has so many, and each takes time",
        asks(*USUAL, item(0x99, b"") * 261_000),
    ),
    case(
        "60,000 times the same context",
        "abort 0/0",
        "the same, of contexts",
        asks(APPLICATION_CONTEXT, ONE, item(0x20, b"\1\0\0\0") * 60_000),
    ),
    case(
        "60,000 transfer syntaxes",
        "abort 0/0",
        "the same, of syntaxes",
        asks(
            APPLICATION_CONTEXT,
            *[
                item(0x20, bytes([2 * at + 1, 0, 0, 0]) + item(0x30, VERIFICATION) + item(0x40, b"") * 6000)
                for at in range(10)
            ],
        ),
    ),
    case("16,000 unknown sub-items", "abort 0/0", "the same, of user information", with_user(item(0x99, b"") * 16_000)),
    case(
        "3,000 role selections",
        "accept",
        "those of classes nobody proposes are not answered",
        with_user(b"".join(item(0x54, counted(b"1.2.%d" % at) + b"\1\1") for at in range(3000))),
    ),
    case(
        "the same role selection 1,500 times",
        "accept",
        "it is answered once",
        with_user(item(0x54, counted(CT_IMAGE_STORAGE) + b"\1\1") * 1500),
    ),
    case("roles of FF", "accept", "any bit is a role", with_user(item(0x54, counted(CT_IMAGE_STORAGE) + b"\xff\xff"))),
    case(
        "a role of a class with control characters",
        "accept",
        "it is no class of ours",
        with_user(item(0x54, counted(b"1.2\n\x1b[31m") + b"\1\1")),
    ),
    case(
        "maximum length twice",
        "accept",
        "the first one counts",
        with_user(item(0x51, struct.pack(">I", 16384)), item(0x51, b"\0\0\0\1")),
    ),
    *[
        case(
            f"maximum length {length}",
            "reject 1/2/1",
            "no message fits",
            with_user(item(0x51, struct.pack(">I", length))),
        )
        for length in (1, 6, 7)
    ],
    case("maximum length 0", "accept", "no limit", with_user(item(0x51, bytes(4)))),
    case("maximum length 8", "accept", "two bytes of data at a time", with_user(item(0x51, b"\0\0\0\x08"))),
    case("maximum length 4 GiB", "accept", "ours is the lower", with_user(item(0x51, b"\xff\xff\xff\xff"))),
    case("a window of 0 and 65,535", "accept", "ours is the lower", with_user(item(0x53, bytes.fromhex("0000ffff")))),
    case(
        "an implementation class that is no UID",
        "accept",
        "it is for the log only",
        with_user(item(0x52, b"\r\nERROR made up\x1b[31m")),
    ),
    case("an implementation class of 60,000 bytes", "accept", "the same", with_user(item(0x52, b"1" * 60_000))),
    case(
        "an implementation version of control characters",
        "accept",
        "the same",
        with_user(item(0x55, b"\r\n\x1b]0;x\x07\0\xff")),
    ),
    case("an implementation version of 60,000 bytes", "accept", "the same", with_user(item(0x55, b"x" * 60_000))),
    case(
        "extended negotiation of 60,000 bytes",
        "accept",
        "nobody agrees to it",
        with_user(item(0x56, counted(CT_IMAGE_STORAGE) + bytes(60_000))),
    ),
    case(
        "related classes that are each other's",
        "accept",
        "nobody follows them",
        with_user(
            *[
                item(0x57, counted(one) + counted(b"1.2.840.10008.4.2") + counted(counted(other)))
                for one, other in ((b"1.2", b"1.3"), (b"1.3", b"1.2"))
            ]
        ),
    ),
    case(
        "20,000 related classes",
        "accept",
        "nobody needs them",
        with_user(item(0x57, counted(CT_IMAGE_STORAGE) + counted(b"1.2") + counted(counted(b"") * 20_000))),
    ),
    *[
        case(
            f"a user identity of type {kind}",
            "accept",
            "nobody asks for one, and a type says nothing",
            with_user(item(0x58, bytes([kind, 1]) + counted(b"root\n") + counted(b"\0" * 9))),
        )
        for kind in (0, 1, 3, 255)
    ],
    case(
        "a user identity of 65,000 bytes",
        "accept",
        "it is nowhere logged",
        with_user(item(0x58, b"\2\1" + counted(b"u" * 30_000) + counted(b"p" * 30_000))),
    ),
    case(
        "a user identity response",
        "accept",
        "an answer in a request says nothing",
        with_user(item(0x59, counted(b"yes"))),
    ),
    case("protocol version 0", "reject 1/2/2", "bit 0 is version 1", associate(version=0)),
    case("protocol version 2", "reject 1/2/2", "bit 0 is not set", associate(version=2)),
    case("every protocol version", "accept", "bit 0 is set, the others mean nothing", associate(version=0xFFFF)),
    case(
        "reserved bytes in use",
        "accept",
        "they are not tested",
        pdu(1, REQUEST[6:8] + b"\xff\xff" + REQUEST[10:42] + bytes(range(32)) + REQUEST[74:]),
    ),
]

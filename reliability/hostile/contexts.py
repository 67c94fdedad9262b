"""Presentation contexts: numbers, syntaxes, and what is said on those that are not there."""

from __future__ import annotations

from reliability.hostile.case import TAKE, Case, case
from reliability.hostile.wire import DEFLATED, REQUEST, ROOT, asks, identity, stored, within
from tests.raw import (
    APPLICATION_CONTEXT,
    CT_IMAGE_STORAGE,
    EXPLICIT_LE,
    IMPLICIT_LE,
    RELEASE_RQ,
    USER_INFORMATION,
    VERIFICATION,
    echo,
    item,
    p_data,
    pdv,
    proposed,
)


def _with(*contexts: bytes) -> bytes:
    return asks(APPLICATION_CONTEXT, *contexts, USER_INFORMATION)


def _echo_on(context_id: int) -> bytes:
    return proposed(context_id, VERIFICATION, IMPLICIT_LE)


ZEROS = " 0" * 128

CASES: list[Case] = [
    case("an even number", "reject 1/2/1", "IDs are odd, and no other context is there", _with(_echo_on(2))),
    case("the number 0", "reject 1/2/1", "the same", _with(_echo_on(0))),
    case("an even one beside an odd one", "accept 0", "the odd one is answered alone", _with(_echo_on(2), _echo_on(1))),
    case(
        "the same number twice",
        "accept 0",
        "the first one counts, and no ID is answered twice",
        _with(_echo_on(1), proposed(1, CT_IMAGE_STORAGE, EXPLICIT_LE)),
    ),
    case(
        "128 contexts",
        f"accept{ZEROS}",
        "as many as there are numbers",
        _with(*[_echo_on(at) for at in range(1, 256, 2)]),
    ),
    case(
        "200 contexts",
        f"accept{ZEROS}",
        "only 128 of them have a number of their own",
        _with(*[_echo_on(at % 256) for at in range(1, 400, 2)]),
    ),
    case(
        "10,000 contexts",
        "abort 0/0",
        "no request has so many items",
        _with(*[item(0x20, bytes([at % 256, 0, 0, 0])) for at in range(10_000)]),
    ),
    case(
        "no abstract syntax",
        "accept 3",
        "there is nothing to support",
        _with(item(0x20, b"\1\0\0\0" + item(0x40, IMPLICIT_LE))),
    ),
    case(
        "two abstract syntaxes",
        "accept 0",
        "the first one counts",
        _with(item(0x20, b"\1\0\0\0" + item(0x30, VERIFICATION) + item(0x30, b"1.2") + item(0x40, IMPLICIT_LE))),
    ),
    case("no transfer syntax", "accept 4", "there is none to take", _with(proposed(1, VERIFICATION))),
    case(
        "an unknown abstract syntax of DICOM's",
        "accept 0",
        "it may be a storage class of a newer edition",
        _with(proposed(1, b"1.2.840.10008.1.9999", IMPLICIT_LE)),
    ),
    case(
        "an abstract syntax that is no UID",
        "accept 3",
        "it is never answered with what we would not write",
        _with(proposed(1, b"../../x\n", IMPLICIT_LE)),
    ),
    case(
        "a transfer syntax that is no UID",
        "accept 4",
        "the same",
        _with(proposed(1, VERIFICATION, b"../../x\n\x1b[31m")),
    ),
    case(
        "a transfer syntax of 4,000 digits",
        "accept 4",
        "the same",
        _with(proposed(1, VERIFICATION, b"1." + b"2" * 3998)),
    ),
    case(
        "400 transfer syntaxes of which one is right",
        "accept 0",
        "it is found",
        _with(proposed(1, VERIFICATION, *[b"1.2.%d" % at for at in range(400)], IMPLICIT_LE)),
    ),
    case(
        "an unknown item in a context",
        "accept 0",
        "passed over",
        _with(item(0x20, b"\1\0\0\0" + item(0x30, VERIFICATION) + item(0x77, b"!") + item(0x40, IMPLICIT_LE))),
    ),
    case(
        "a result in a proposal",
        "accept 0",
        "the byte is reserved",
        _with(item(0x20, b"\1\xff\xff\xff" + item(0x30, VERIFICATION) + item(0x40, IMPLICIT_LE))),
    ),
    case(
        "nothing that is served",
        "accept 3, release",
        "the association stands all the same",
        _with(proposed(1, b"1.2.840.10008.5.1.4.31", IMPLICIT_LE)),
        TAKE,
        RELEASE_RQ,
    ),
    case(
        "a message on a context that was refused",
        "accept 3 0, abort 2/5",
        "it was not accepted",
        _with(proposed(3, b"1.2.840.10008.5.1.4.31", IMPLICIT_LE), _echo_on(1)),
        TAKE,
        p_data(pdv(b"ab", 3, 3)),
    ),
    case(
        "a message on a context nobody proposed",
        "accept, abort 2/5",
        "the same",
        REQUEST,
        TAKE,
        p_data(pdv(b"ab", 99, 3)),
    ),
    case("a message on context 0", "accept, abort 2/5", "the same", REQUEST, TAKE, p_data(pdv(b"ab", 0, 3))),
    case(
        "an echo on a context for images",
        "accept, 0122",
        "another class, PS3.7 C.5.7",
        *within(echo().replace(b"\1\3", b"\3\3", 1)),
    ),
    case(
        "an image on a context for echoes",
        "accept, 0122",
        "the same",
        *within(stored(ROOT + b"801", identity(ROOT + b"801"), on=1)),
    ),
    case(
        "private contexts",
        "accept 0 0",
        "a receiver that takes everything takes these",
        _with(
            proposed(1, b"1.2.826.0.1.3680043.8.498.77", EXPLICIT_LE),
            proposed(3, CT_IMAGE_STORAGE, b"1.2.826.0.1.3680043.8.498.78"),
        ),
    ),
    case(
        "only a syntax that is deflated",
        "accept 0",
        "it is a syntax as others",
        _with(proposed(1, CT_IMAGE_STORAGE, DEFLATED)),
    ),
]

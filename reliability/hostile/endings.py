"""Ends: releases, aborts, resets and half-closed connections at every step of a conversation (PS3.8 9.2, 7.2, 7.3)."""

from __future__ import annotations

from collections.abc import Iterator

from reliability.hostile.case import FINISH, RESET, TAKE, Case, Do, case
from reliability.hostile.wire import EXPLICIT, REQUEST, ROOT, identity, within
from tests.raw import INVALID_PARAMETER, RELEASE_RP, RELEASE_RQ, associate, echo, p_data, pdu, pdv, store_command

ABORT = INVALID_PARAMETER
NAME = ROOT + b"501"
DATA = identity(NAME)
HEAD = p_data(pdv(store_command(NAME), EXPLICIT, 3))

STEPS: dict[str, tuple[bytes | Do, ...]] = {
    "in the header of the request": (REQUEST[:3],),
    "in the request": (REQUEST[:100],),
    "behind the request": (REQUEST,),
    "once accepted": within(),
    "in the header of a PDU": within(HEAD[:4]),
    "in the header of a value": within(HEAD[:9]),
    "in a command": within(HEAD[:60]),
    "behind the command of a store": within(HEAD),
    "in a data set": within(HEAD, p_data(pdv(DATA, EXPLICIT, 0))[:40]),
    "between the fragments of a data set": within(HEAD, p_data(pdv(DATA, EXPLICIT, 0))),
}
"""How far a conversation has come."""

ENDS: dict[str, bytes | Do] = {"end of file": FINISH, "reset": RESET, "abort": ABORT, "release": RELEASE_RQ}

SEES = {
    ("behind the request", "end of file"): "accept or ",
    ("behind the request", "reset"): "",
    ("behind the request", "abort"): "accept or ",
    ("behind the request", "release"): "abort 2/2 or accept, release",
    ("once accepted", "release"): "accept, release",
    ("in the header of a PDU", "abort"): "accept, abort 2/5",
    ("in the header of a PDU", "release"): "accept, abort 2/5",
    ("in the header of a value", "abort"): "accept, abort 2/5",
    ("in the header of a value", "release"): "accept, abort 2/5",
    ("behind the command of a store", "release"): "accept, abort 2/2",
    ("between the fragments of a data set", "release"): "accept, abort 2/2",
}


def _steps() -> Iterator[Case]:
    for where, steps in STEPS.items():
        for how, end in ENDS.items():
            sees = SEES.get((where, how), "accept" if TAKE in steps else "")
            yield case(
                f"{how} {where}", sees, "an end is taken at any byte, and nothing of the rest is kept", *steps, end
            )


TWICE = "accept, abort 2/2"

CASES: list[Case] = [
    *_steps(),
    case("an abort first of all", "", "AA-2: closed, and nothing sent", ABORT),
    case(
        "an abort of impossible source and reason",
        "accept",
        "any numbers are an abort",
        *within(pdu(7, b"\xff\xff\x77\x99")),
    ),
    case("an abort with bytes to spare", "accept", "surplus bytes are ignored", *within(pdu(7, bytes(99)))),
    case("two aborts", "accept", "the second one has nothing to abort", *within(ABORT + ABORT)),
    case("an abort and more", "accept", "nobody listens any more", *within(ABORT + echo() * 100)),
    case("a release first of all", "abort 0/0", "AA-1: there is no association", RELEASE_RQ),
    case("a release reply first of all", "abort 0/0", "AA-1", RELEASE_RP),
    case("a release reply that nobody waits for", "accept, abort 2/2", "AA-8", *within(RELEASE_RP)),
    case(
        "two releases",
        f"{TWICE} or accept, release",
        "AA-8 before the reply, AA-6 behind it",
        *within(RELEASE_RQ + RELEASE_RQ),
    ),
    case("a release and its own reply", f"{TWICE} or accept, release", "the same", *within(RELEASE_RQ + RELEASE_RP)),
    case("a release with bytes to spare", "accept, release", "surplus bytes are ignored", *within(pdu(5, bytes(9)))),
    case("a release and an echo", f"{TWICE} or accept, release", "the same", *within(RELEASE_RQ + echo())),
    case(
        "a release and another request",
        f"{TWICE} or accept, release, abort 2/2",
        "AA-8 before the reply, AA-7 behind it",
        *within(RELEASE_RQ + associate()),
    ),
    case(
        "a release and garbage",
        "accept, abort 2/1 or accept, release, abort 2/1",
        "the same",
        *within(RELEASE_RQ + b"\xee" * 99),
    ),
    case(
        "a release, then silence and a reset",
        "accept, release",
        "somebody pulled the plug",
        *within(RELEASE_RQ, TAKE, RESET),
    ),
    case(
        "an echo and a release at once",
        "accept, release or accept, 0000, release",
        "whoever does not wait for an answer may not get it",
        *within(echo() + RELEASE_RQ),
    ),
    case("a request twice", "abort 2/2 or accept, abort 2/2", "AA-8", REQUEST + REQUEST),
    case("a request twice, once accepted", "accept, abort 2/2", "AA-8", *within(REQUEST)),
    case("an acceptance of nothing", "abort 0/0", "AA-1", pdu(2, REQUEST[6:])),
    case("an acceptance within an association", "accept, abort 2/2", "AA-8", *within(pdu(2, REQUEST[6:]))),
    case("a rejection of nothing", "abort 0/0", "AA-1", pdu(3, b"\0\1\1\1")),
    case("a rejection within an association", "accept, abort 2/2", "AA-8", *within(pdu(3, b"\0\1\1\1"))),
    case(
        "a peer that cannot wait",
        "abort 2/2 or accept, 0000",
        "data before the acceptance are out of turn",
        REQUEST + echo(),
    ),
    case(
        "half-closed behind a whole store",
        "accept, 0000 or accept",
        "it was whole, and may be answered",
        *within(HEAD + p_data(pdv(DATA, EXPLICIT, 2)), FINISH),
    ),
    case(
        "reset behind a whole store",
        "accept",
        "nobody is there to be told",
        *within(HEAD + p_data(pdv(DATA, EXPLICIT, 2)), RESET),
    ),
]

"""Presentation data values: order, contexts, last bits, and sizes that are allowed but meant to hurt (PS3.8 E)."""

from __future__ import annotations

from reliability.hostile.case import FINISH, RESET, Case, case
from reliability.hostile.wire import ECHO, EXPLICIT, IMPLICIT, ROOT, UID, identity, stored, within
from tests.raw import RELEASE_RQ, echo, p_data, pdu, pdv, store_command

COMMAND = store_command(UID)
DATA = identity(UID) + bytes(0)
MIDDLE = len(DATA) // 2
HEAD = p_data(pdv(COMMAND, EXPLICIT, 3))

BROKEN, TURN, PARAMETER = "accept, abort 2/6", "accept, abort 2/2", "accept, abort 2/5"


def _one(number: int) -> tuple[bytes, bytes]:
    """The command of an instance of its own, and its data set."""
    name = ROOT + b"7%02d" % number
    return store_command(name), identity(name)


def _bytewise(number: int) -> bytes:
    command, data = _one(number)
    last = len(command) - 1
    return b"".join(
        p_data(pdv(bytes([byte]), EXPLICIT, 3 if at == last else 1)) for at, byte in enumerate(command)
    ) + p_data(pdv(data, EXPLICIT, 2))


def _empties(number: int, count: int) -> bytes:
    command, data = _one(number)
    return p_data(pdv(command, EXPLICIT, 3), *[pdv(b"", EXPLICIT, 0)] * count, pdv(data, EXPLICIT, 2))


CASES: list[Case] = [
    case("data first of all", "abort 0/0", "there is no association", p_data(pdv(b"ab", 1, 3))),
    case(
        "data where a command was expected",
        PARAMETER,
        "a message begins with its command",
        *within(p_data(pdv(DATA, EXPLICIT, 2))),
    ),
    case(
        "data in the middle of a command",
        PARAMETER,
        "the command is not over",
        *within(p_data(pdv(COMMAND[:50], EXPLICIT, 1), pdv(DATA, EXPLICIT, 2))),
    ),
    case(
        "data behind an echo",
        "accept, abort 2/5 or accept, 0000, abort 2/5",
        "none was announced",
        *within(echo() + p_data(pdv(DATA, ECHO, 2))),
    ),
    case("a command where data were expected", PARAMETER, "the data set is still to come", *within(HEAD + HEAD)),
    case(
        "an echo in the middle of a data set",
        PARAMETER,
        "messages do not mix, and it is another context",
        *within(HEAD + p_data(pdv(DATA[:MIDDLE], EXPLICIT, 0)) + echo()),
    ),
    case(
        "a second context in a command",
        PARAMETER,
        "a message is on one context",
        *within(p_data(pdv(COMMAND[:50], EXPLICIT, 1), pdv(COMMAND[50:], IMPLICIT, 3))),
    ),
    case("a second context in a data set", PARAMETER, "the same", *within(HEAD + p_data(pdv(DATA, IMPLICIT, 2)))),
    case(
        "a command without an end",
        "accept, abort 2/6",
        "a MiB of it is enough",
        *within(p_data(pdv(bytes(16000), ECHO, 1)) * 66),
    ),
    case(
        "a command whose last bit never comes",
        "accept",
        "half a message is no message",
        *within(p_data(pdv(COMMAND, EXPLICIT, 1)), FINISH),
    ),
    case(
        "a data set whose last bit never comes",
        "accept",
        "the same, and no file",
        *within(HEAD + p_data(pdv(DATA, EXPLICIT, 0)), FINISH),
    ),
    case(
        "a reset in the middle of a data set",
        "accept",
        "the same",
        *within(HEAD + p_data(pdv(DATA, EXPLICIT, 0)), RESET),
    ),
    case(
        "a release in the middle of a data set",
        TURN,
        "what becomes of the message nobody could tell",
        *within(HEAD + p_data(pdv(DATA, EXPLICIT, 0)) + RELEASE_RQ),
    ),
    case(
        "a release in the middle of a value",
        "accept, abort 2/1",
        "it is a part of the value, and the zeros behind it are no PDU",
        *within(
            p_data(pdv(COMMAND, EXPLICIT, 3))
            + pdu(4, pdv(DATA[:10], EXPLICIT, 0, length=22), length=26)
            + RELEASE_RQ
            + bytes(6)
            + b"\4\0\0\0\0\0"
        ),
    ),
    case(
        "garbage behind half a data set",
        "accept, abort 2/1",
        "it is no PDU",
        *within(HEAD + p_data(pdv(DATA, EXPLICIT, 0)) + b"\xee" * 20),
    ),
    case(
        "empty values",
        "accept, 0000",
        "forbidden, and clear all the same",
        *within(
            p_data(pdv(_one(1)[0], EXPLICIT, 1))
            + p_data(pdv(b"", EXPLICIT, 3))
            + p_data(pdv(_one(1)[1], EXPLICIT, 0))
            + p_data(pdv(b"", EXPLICIT, 2))
        ),
    ),
    case("an empty command", BROKEN, "it has no command field", *within(p_data(pdv(b"", ECHO, 3)))),
    case(
        "an empty data set",
        "accept, C000",
        "it was announced, and there is none",
        *within(HEAD + p_data(pdv(b"", EXPLICIT, 2))),
    ),
    case(
        "fragments of odd length",
        "accept, 0000",
        "the sum is even",
        *within(
            p_data(pdv(_one(2)[0], EXPLICIT, 3))
            + p_data(pdv(_one(2)[1][:33], EXPLICIT, 0), pdv(_one(2)[1][33:], EXPLICIT, 2))
        ),
    ),
    case("a PDU for every byte of a command", "accept, 0000", "slow, and allowed", *within(_bytewise(3))),
    case(
        "a message in one PDU",
        "accept, 0000",
        "allowed",
        *within(p_data(pdv(_one(4)[0], EXPLICIT, 3), pdv(_one(4)[1], EXPLICIT, 2))),
    ),
    case(
        "control bits that mean nothing",
        "accept, 0000",
        "two of the eight count",
        *within(p_data(pdv(_one(5)[0], EXPLICIT, 0xFF)) + p_data(pdv(_one(5)[1], EXPLICIT, 0xFE))),
    ),
    case("20,000 empty values in a PDU", "accept, 0000", "above our maximum, and taken", *within(_empties(6, 20_000))),
    case(
        "an empty value in each of 20,000 PDUs",
        "accept, 0000",
        "no byte of the message is in them",
        *within(
            p_data(pdv(_one(7)[0], EXPLICIT, 3))
            + p_data(pdv(b"", EXPLICIT, 0)) * 20_000
            + p_data(pdv(_one(7)[1], EXPLICIT, 2))
        ),
    ),
    case(
        "a PDU of four MiB in one value",
        "accept, 0000",
        "above our maximum, and taken",
        *within(
            p_data(
                pdv(_one(8)[0], EXPLICIT, 3),
                pdv(_one(8)[1] + b"\xe0\x7f\x10\0OB\0\0\0\0\x40\0" + bytes(4 << 20), EXPLICIT, 2),
            )
        ),
    ),
    case(
        "100 echoes at once",
        "accept" + ", 0000" * 17 + ", abort 2/5 or accept, abort 2/5 or accept" + ", 0000" * 100,
        "a window of one, and some patience",
        *within(b"".join(echo(at) for at in range(1, 101))),
    ),
    case(
        "the same echo 100 times at once",
        "accept, 0000, 0210, abort 2/5 or accept" + ", 0000" * 100 + " or accept, abort 2/5",
        "the message ID is outstanding, or it is not",
        *within(echo(1) * 100),
    ),
    case(
        "two stores whose data sets are swapped",
        "accept, A900, A900",
        "each is the other's",
        *within(
            stored(ROOT + b"791", identity(ROOT + b"792"))
            + stored(ROOT + b"792", identity(ROOT + b"791"), message_id=3)
        ),
    ),
]

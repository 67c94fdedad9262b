"""Streams that no peer should send, by the million: conversations that are mutated, and bytes that are merely random.

Each stream follows from a seed and a number alone, and so does what comes of
it: the same range gives the same digest, in whichever process. Conversations
are mutated where it hurts: a length, a type, a context, a control byte, an
element; PDUs are left out, repeated, exchanged or taken from another one.

    python -m reliability.streams 12345        one stream again, and what comes of it
"""

from __future__ import annotations

import argparse
import hashlib
import sys
import time
import zlib
from collections.abc import Callable
from itertools import product
from random import Random
from struct import Struct
from types import FrameType
from typing import NamedTuple

from dicomnet import part10
from dicomnet.dimse import codec
from dicomnet.dimse.commands import CEchoRequest, Command, CStoreRequest
from dicomnet.proxied import SIGNATURE
from dicomnet.ul.negotiation import Policy
from fuzz import targets
from fuzz.conversation import CT_IMAGE_STORAGE, DATA, EXPLICIT_LE, Conversation, cut, requests
from reliability import scale


class Outcome(NamedTuple):
    """What a range of streams came to."""

    count: int
    digest: str
    """Of all that happened in them, in order."""
    most_held: int
    """Bytes, by one end of an association."""
    slowest: float
    """Seconds of processor time per 64 KiB, of the slowest stream; a short one counts as 64 KiB."""
    most_calls: int
    """Python calls that one stream made, of those whose calls were counted."""


def run(seed: int, first: int, count: int) -> Outcome:
    """Runs so many streams from a number on.

    Raises:
        AssertionError: one did what none may do; the error names its number.
    """
    digest = hashlib.sha256()
    held, slowest, calls = 0, 0.0, 0
    for number in range(first, first + count):
        counted = number % _COUNTED == 0
        try:
            made, size = stream(seed, number)
            began = time.process_time()
            if counted:
                told, most, its_calls = _counting(made)
                calls = max(calls, its_calls)
                assert its_calls <= CALLS + CALLS_PER_BYTE * size, f"{its_calls} calls for {size} bytes"
            else:
                told, most = made()
                slowest = max(slowest, (time.process_time() - began) / max(1.0, size / 65536))
        except Exception as error:
            raise AssertionError(f"stream {number} of seed {seed}: {type(error).__name__}: {error}") from error
        held = max(held, most)
        digest.update(told.encode(errors="backslashreplace"))
    return Outcome(count, digest.hexdigest(), held, slowest, calls)


Said = tuple[bool, list[bytes]]
"""What an end is told in a conversation, as PDUs, and whether it asks for something itself in it."""

Made = Callable[[], tuple[str, int]]
"""Runs a stream; returns what came of it, and the most bytes that were held."""


def stream(seed: int, number: int) -> tuple[Made, int]:
    """What a number stands for, and how many bytes it has."""
    random = Random(seed << 32 | number)
    kind = random.random()
    if kind < 0.35:
        return _association(random, requestor=False)
    if kind < 0.6:
        return _association(random, requestor=True)
    read, examples = random.choice(_READERS)
    data = (
        _mutated(random, random.choice(examples))
        if random.random() < 0.95
        else random.randbytes(random.randint(0, 300))
    )
    return lambda: (read(data), 0), len(data)


def _association(random: Random, *, requestor: bool) -> tuple[Made, int]:
    asks, said = random.choice(_SAID_TO[requestor])
    pieces = list(said)
    if random.random() < 0.05:
        data = random.randbytes(random.randint(1, 300))
    else:
        for _ in range(random.choice((1, 1, 1, 1, 1, 2, 2, 8))):
            mutate(random, pieces)
        data = b"".join(pieces)
    longest = random.choice((1, 3, 16, 200, 5000, 1 << 20))
    sizes = [random.randint(1, longest) for _ in range(min(len(data), 300))] if longest < 1 << 20 else []
    silence, tap, traced = random.random() < 0.3, random.random() < 0.2, random.random() < 0.3

    def talk() -> tuple[str, int]:
        talk = Conversation(requestor=requestor, tap=tap, traced=traced, asks=asks)
        talk.feed(cut(data, sizes))
        if silence:
            talk.wait()
        else:
            talk.hang_up()
        return "\n".join(talk.told), talk.most_held

    return talk, len(data)


def conversations(*, requestor: bool) -> list[list[bytes]]:
    """What an end is told where nothing is wrong, as PDUs."""
    return [said for _, said in _SAID_TO[requestor]]


def examples(reader: str) -> list[bytes]:
    """What a reader of `fuzz.targets` reads without complaint."""
    return next(found for read, found in _READERS if read.__name__ == reader)


def message(context_id: int, command: Command) -> bytes:
    """A command alone, as the PDU that it is sent in."""
    value = _value(context_id, 3, codec.encode(command))
    return _with_length(b"\4\0", value)


# What is done to a conversation.


def mutate(random: Random, pdus: list[bytes]) -> None:
    """Changes one thing in a list of PDUs."""
    at = max(random.randrange(len(pdus)) for _ in range(2)) if pdus else 0  # rather late than at the beginning
    kind = random.random()
    if kind < 0.08 and pdus:
        del pdus[at]
    elif kind < 0.14 and pdus:
        pdus.insert(at, pdus[at])
    elif kind < 0.2 and pdus:
        other = random.randrange(len(pdus))
        pdus[at], pdus[other] = pdus[other], pdus[at]
    elif kind < 0.28 or not pdus:
        pdus.insert(at, random.choice(random.choice(random.choice(_SAID_TO))[1]))
    elif kind < 0.31:
        del pdus[at:]
    elif kind < 0.33:
        pdus.insert(at, random.randbytes(random.randint(1, 40)))
    elif kind < 0.38:
        pdus[at] = _mutated(random, pdus[at])
    elif kind < 0.44:
        pdus[at] = bytes([random.choice((0, 1, 2, 3, 4, 5, 6, 7, 8, 22, 71, 255))]) + pdus[at][1:]
    elif kind < 0.5:
        length = int.from_bytes(pdus[at][2:6], "big")
        pdus[at] = pdus[at][:2] + _LONG.pack(_near(random, length, 1 << 32)) + pdus[at][6:]
    elif pdus[at][:1] == b"\4" and len(pdus[at]) > 12:
        pdus[at] = _mutated_data(random, pdus[at])
    else:
        pdus[at] = _with_length(pdus[at], _mutated(random, pdus[at][6:]))


def _mutated_data(random: Random, pdu: bytes) -> bytes:
    """A P-DATA-TF whose value has another length, context, control byte, command, or lies in more PDUs."""
    body = bytearray(pdu[6:])
    kind = random.random()
    if kind < 0.2:
        length = int.from_bytes(body[:4], "big")
        body[:4] = _LONG.pack(_near(random, length, 1 << 32))
    elif kind < 0.35:
        body[4] = random.choice((0, 1, 2, 3, 5, 7, 9, 11, 255))
    elif kind < 0.5:
        body[5] = random.choice((0, 1, 2, 3, 4, 255))
    elif kind < 0.6 and len(body) > 8:  # cut in two values, or in two PDUs
        at = random.randrange(6, len(body))
        context, control = body[4], body[5]
        first = _value(context, control & ~2 if random.random() < 0.8 else control, body[6:at])
        second = _value(context, control, body[at:])
        if random.random() < 0.5:
            return _with_length(pdu, first + second)
        return _with_length(pdu, first) + _with_length(pdu, second)
    elif kind < 0.65:
        return _with_length(pdu, bytes(body) + _value(body[4], random.choice((0, 1, 2, 3)), b""))
    else:
        changed = _mutated(random, bytes(body[6:]))
        return _with_length(pdu, _value(body[4], body[5], changed))
    return _with_length(pdu, bytes(body))


def _mutated(random: Random, data: bytes) -> bytes:
    """Bytes in which something is different, most likely a number."""
    changed = bytearray(data)
    for _ in range(random.choice((1, 1, 1, 2, 4))):
        kind, at = random.random(), random.randrange(len(changed) + 1)
        size, order = random.choice((1, 2, 2, 4)), random.choice(("big", "little"))
        if kind < 0.4 and at + size <= len(changed):
            number = int.from_bytes(changed[at : at + size], order)
            changed[at : at + size] = _near(random, number, 1 << 8 * size).to_bytes(size, order)
        elif kind < 0.6 and at < len(changed):
            changed[at] ^= 1 << random.randrange(8)
        elif kind < 0.7:
            changed[at:at] = random.randbytes(random.choice((1, 2, 4, 8)))
        elif kind < 0.8:
            del changed[at : at + random.choice((1, 2, 4, 8, 30))]
        elif kind < 0.87:
            del changed[at:]
        else:
            start = random.randrange(len(changed) + 1)
            changed[at:at] = changed[start : start + random.choice((4, 8, 20, 60))]
    return bytes(changed)


def _near(random: Random, number: int, end: int) -> int:
    """Another number that may have been forgotten."""
    found = random.choice(
        (0, 1, 2, number - 1, number + 1, number - 2, number + 2, number * 2, end - 1, end // 2, 0xFFFE)
    )
    return found % end


def _value(context: int, control: int, data: bytes | bytearray) -> bytes:
    return _LONG.pack(len(data) + 2) + bytes([context, control]) + data


def _with_length(pdu: bytes, body: bytes) -> bytes:
    return pdu[:2] + _LONG.pack(len(body)) + body


# What is mutated.


def _conversations() -> tuple[list[Said], list[Said]]:
    """What acceptors and requestors are told in conversations that are in order."""
    to_acceptor, to_requestor = [], []
    policies = (Policy(), Policy(asynchronous_window=1), Policy(max_pdu_length=64), Policy(called_ae=["SOMEBODY"]))
    for policy, (requestor_asks, acceptor_asks) in product(policies, ((True, False), (False, True), (True, True))):
        requestor = Conversation(requestor=True, asks=requestor_asks)
        acceptor = Conversation(requestor=False, asks=acceptor_asks, policy=policy)
        heard = [0, 0]
        while any(heard[n] < len(end.written) for n, end in enumerate((requestor, acceptor))):
            for n, (speaker, hearer) in enumerate(((requestor, acceptor), (acceptor, requestor))):
                fresh, heard[n] = speaker.written[heard[n] :], len(speaker.written)
                hearer.feed(fresh)
        to_acceptor.append((acceptor_asks, split(b"".join(requestor.written))))
        to_requestor.append((requestor_asks, split(b"".join(acceptor.written))))
    return to_acceptor, to_requestor


def split(stream: bytes) -> list[bytes]:
    """The PDUs that a stream consists of."""
    found, at = [], 0
    while at < len(stream):
        end = at + 6 + int.from_bytes(stream[at + 2 : at + 6], "big")
        found.append(stream[at:end])
        at = end
    return found


def _readers() -> list[tuple[Callable[[bytes], str], list[bytes]]]:
    """The readers, with examples of what is read."""
    commands = [codec.encode(command) for _, command, _ in requests()]
    commands += [codec.encode(c.respond(0)) for _, c, _ in requests() if isinstance(c, CEchoRequest | CStoreRequest)]
    header = part10.file_header(
        sop_class_uid=CT_IMAGE_STORAGE, sop_instance_uid="1.2.3", transfer_syntax_uid=EXPLICIT_LE
    )
    deflated = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    data_sets = [b"\0" + DATA, b"\0" + NESTED, b"\3" + deflated.compress(NESTED) + deflated.flush()]
    return [
        (targets.read_pdus, [pdu for said in _SAID_TO for _, pdus in said for pdu in pdus]),
        (targets.read_command_set, commands),
        (targets.read_file_head, [header + DATA, header + NESTED, DATA]),
        (targets.read_data_set, data_sets),
        (targets.read_certificate, [CERTIFICATE]),
        (targets.read_proxy_header, PROXY_HEADERS),
    ]


def _counting(made: Made) -> tuple[str, int, int]:
    """Runs a stream and counts the calls of Python functions: how much work it makes, without a clock."""
    calls = 0

    def count(frame: FrameType, event: str, argument: object) -> None:
        nonlocal calls
        calls += event == "call"

    sys.setprofile(count)
    try:
        told, held = made()
    finally:
        sys.setprofile(None)
    return told, held, calls


def main() -> None:
    """Runs one stream again and prints what comes of it."""
    parser = argparse.ArgumentParser(prog="python -m reliability.streams", description=main.__doc__)
    parser.add_argument("number", type=int)
    parser.add_argument("--seed", type=int, default=scale.SEED)
    given = parser.parse_args()
    made, size = stream(given.seed, given.number)
    print(f"{size} bytes")
    print(made()[0])


NESTED = (
    bytes.fromhex("08000500 4353 0a00") + b"ISO_IR 100"
    + bytes.fromhex("08001600 5549 1a00") + CT_IMAGE_STORAGE.encode() + b"\0"
    + bytes.fromhex("08001800 5549 0600") + b"1.2.3\0"
    + bytes.fromhex("08004011 5351 0000 ffffffff")
    + bytes.fromhex("feff00e0 ffffffff")
    + bytes.fromhex("08005011 5549 0600") + b"1.2.4\0"
    + bytes.fromhex("feff0de0 00000000 feffdde0 00000000")
    + bytes.fromhex("08004111 5351 0000 08000000 feff00e0 00000000")
    + bytes.fromhex("10002000 4c4f 0400") + b"PAT1"
    + bytes.fromhex("e07f1000 4f42 0000 ffffffff feff00e0 00000000 feff00e0 04000000 01020304 feffdde0 00000000")
)  # fmt: skip
"""A data set with sequences and pixels in items, explicit VR little endian."""

CERTIFICATE = bytes.fromhex(
    "308201323081daa00302010202021267300a06082a8648ce3d0403023023310f300d06035504030c064e6f626f6479311030"
    "0e060355040a0c074e6f7768657265301e170d3234303130313030303030305a170d3334303130313030303030305a302331"
    "0f300d06035504030c064e6f626f64793110300e060355040a0c074e6f77686572653059301306072a8648ce3d020106082a"
    "8648ce3d0301070342000407ee0d0461eb323caf6e272394e853d6bef756f0ad3a270731105fdb0416b0e976b45ee2a9dbfa"
    "94855e1af173119557c231f5ced64678e13272c860568ad606300a06082a8648ce3d0403020347003044022044964c49ec5f"
    "5db6bbe98ced3e8c20fdb3f4b57ab9441d4050823df83c11329402207cbf648604c4df7ad0cf17e157bda017fddde580465a"
    "39fd43be9c2f3de5f613"
)
"""Of nobody."""

PROXY_HEADERS = [
    b"PROXY TCP4 10.1.2.9 10.0.0.5 51234 104\r\n\1\0",
    b"PROXY TCP6 2001:db8::9 2001:db8::5 51234 104\r\n",
    b"PROXY UNKNOWN\r\n\1",
    SIGNATURE + bytes.fromhex("21 11 000c 0a010209 0a000005 c822 0068") + b"\1",
    SIGNATURE + bytes.fromhex("21 21 0024") + bytes(31) + b"\1" + bytes.fromhex("c822 0068"),
    SIGNATURE + bytes.fromhex("20 00 0004 04000100"),
]

CALLS = 4000
"""Python calls that a stream may make whatever its size: an association, its answers and its end."""

CALLS_PER_BYTE = 40
"""And for each of its bytes, which may come one at a time."""

_COUNTED = 64
"""The calls of one stream in so many are counted: counting takes longer than the stream."""

_LONG = Struct(">I")
_SAID_TO = _conversations()
_READERS = _readers()

if __name__ == "__main__":
    main()

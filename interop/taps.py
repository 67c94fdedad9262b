"""Relays before the ports of tests, and the record of all that went through them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager

import peers
from captures import dissect, dissect_commands
from relay import Exchange, Relay, pdus, relay_to
from shapes import Shape, shape, without_data

DISSECTOR_LIMIT = {"_ws.malformed", "Early termination of tag. Data is missing"}
"""What the dissector says of data sets that it cannot read to their end: those that are deflated, and encapsulated pixel
data, whoever sends them. ``test_captures.py`` shows that it says so of DCMTK among itself."""


class Taps:
    """What tests said over the wire, test by test."""

    def __init__(self) -> None:
        self.exchanges: list[tuple[str, Exchange]] = []
        """With the name of the test, in the order of the tests."""

    @contextmanager
    def test(self, name: str) -> Iterator[Callable[[int], int]]:
        """Gives a function that puts a relay before a port of 127.0.0.1 and returns the relay's."""
        relays: list[Relay] = []
        with ExitStack() as stack:

            def before(port: int) -> int:
                relays.append(stack.enter_context(relay_to(port)))
                return relays[-1].port

            yield before
        self.exchanges += [(name, exchange) for relay in relays for exchange in relay.exchanges if exchange.asked]

    def check(self, peer: str) -> int:
        """Holds what Wireshark's dissector reads against what went over the wire; returns how many PDUs there were.

        Every PDU is seen as what it is, down to its items, fragments and the
        elements of commands, and none is malformed; and in each test both we
        and the peer took part.

        Args:
            peer: what its implementation version name begins with.
        """
        if not self.exchanges:
            peers.end("no test of this module has said anything over the wire")
        found = faults([exchange for _, exchange in self.exchanges])
        assert not any(found), [(name, one) for (name, _), one in zip(self.exchanges, found, strict=True) if one]
        versions: dict[str, set[str]] = {}
        count = 0
        for name, exchange in self.exchanges:
            for side in (shape(bytes(exchange.asked)), shape(bytes(exchange.answered))):
                versions.setdefault(name, set()).update(side.versions)
                count += len(side.pdus)
        for name, known in versions.items():
            assert all(any(one.startswith(who) for one in known) for who in ("DICOMNET", peer)), (name, known)
        return count


def faults(exchanges: Sequence[Exchange]) -> list[list[str]]:
    """What is wrong with each of some exchanges: a length that does not fit, or what the dissector reads otherwise."""
    found: list[list[str]] = []
    readable: list[tuple[Exchange, tuple[Shape, Shape], list[str]]] = []
    for exchange in exchanges:
        found.append([])
        try:
            real = shape(bytes(exchange.asked)), shape(bytes(exchange.answered))
        except ValueError as error:
            found[-1].append(str(error))
        else:
            readable.append((exchange, real, found[-1]))
    whole = [exchange for exchange, *_ in readable]
    bare = [without_data(exchange) for exchange in whole]
    readings = zip(readable, dissect(whole), dissect(bare), dissect_commands(bare), strict=True)
    for (exchange, real, wrong), said, alone, (asked, answered) in readings:
        said.asked.elements, said.answered.elements = asked, answered
        if (said.asked, said.answered) != real:
            wrong.append(f"{real} is read as {said.asked}, {said.answered}")
        allowed = DISSECTOR_LIMIT if _unreadable(exchange) else set()
        wrong += {*said.complaints} - allowed | {*alone.complaints}
    return found


def _unreadable(exchange: Exchange) -> bool:
    """Whether a transfer syntax was accepted in which pixel data are encapsulated, or that is deflated (PS3.5 A.4, A.5)."""
    accepted = next((body for kind, body in pdus(bytes(exchange.answered)) if kind == 2), b"")
    return any(
        prefix in accepted for prefix in (b"1.2.840.10008.1.2.4.", b"1.2.840.10008.1.2.5", b"1.2.840.10008.1.2.1.99")
    )

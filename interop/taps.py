"""Relays before the ports of tests, and the record of all that went through them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager

from captures import dissect
from relay import Exchange, Relay, pdus, relay_to

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

    def check(self) -> int:
        """Holds what Wireshark's dissector reads against the PDUs that went over the wire; returns how many there were.

        Every PDU is seen as what it is, and none is malformed. A connection
        in which a data set was compressed or deflated may show the limit of the
        dissector.
        """
        assert self.exchanges, "no test of this module has said anything over the wire"
        count = 0
        found = dissect([exchange for _, exchange in self.exchanges])
        for (name, exchange), dissected in zip(self.exchanges, found, strict=True):
            asked = [kind for kind, _ in pdus(bytes(exchange.asked))]
            answered = [kind for kind, _ in pdus(bytes(exchange.answered))]
            assert (dissected.asked, dissected.answered) == (asked, answered), name
            allowed = DISSECTOR_LIMIT if _unreadable(exchange) else set()
            assert set(dissected.complaints) <= allowed, (name, dissected.complaints)
            count += len(asked) + len(answered)
        return count


def _unreadable(exchange: Exchange) -> bool:
    """Whether a transfer syntax was accepted in which pixel data are encapsulated, or that is deflated (PS3.5 A.4, A.5)."""
    accepted = next((body for kind, body in pdus(bytes(exchange.answered)) if kind == 2), b"")
    return any(
        prefix in accepted for prefix in (b"1.2.840.10008.1.2.4.", b"1.2.840.10008.1.2.5", b"1.2.840.10008.1.2.1.99")
    )

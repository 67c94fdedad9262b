"""A message on its way in: its command is there, its data set is going to a sink."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

from dicomnet.dimse.commands import Command
from dicomnet.dimse.events import MessageBegun
from dicomnet.dimse.operations import Invoked
from dicomnet.storage.delivery import Delivery, Lease
from dicomnet.storage.received import ReceivedData
from dicomnet.storage.sinks import Incoming, Sink
from dicomnet.ul.negotiation import Context, Terms


class Carrier(Protocol):
    """What an arrival needs of its wire."""

    def hold(self, count: int) -> None: ...
    def unhold(self, count: int) -> None: ...
    def arrived(self, arrival: Arrival, data: ReceivedData | None, error: Exception | None) -> None: ...


class Arrival:
    """One message as a wire receives it; the wire's user decides with `use` where its data go.

    Sinks are called in the thread of whoever calls: of `Wire.run` while data come in, of `use` for what came before.
    """

    def __init__(self, wire: Carrier, begun: MessageBegun, terms: Terms, *, requestor: bool) -> None:
        self.context: Context = begun.context
        self.command: Command = begun.command
        self.command_set: bytes = begun.command_set
        self.operation: Invoked | None = begun.operation
        """Of a response: the operation of ours that it answers."""
        self.completed = False
        """Whether its last byte has come."""
        self.on_complete: Callable[[], object] | None = None
        """Called when it has, before its data are known to be kept."""
        self._wire = wire
        self._terms = terms
        self._requestor = requestor
        self._delivery: Delivery | None = None
        self._pending: list[memoryview] = []
        self._discarded = False

    @property
    def incoming(self) -> Incoming:
        """What a sink is told before the first byte."""
        return Incoming.of(self.command, self.context, self._terms, requestor=self._requestor)

    def use(self, sink: Sink) -> None:
        """Sends the data set, also what has come of it so far, to a sink; once."""
        if self._discarded:
            return
        self._delivery = Delivery(sink, self.incoming, None, _give_back, self._done)
        pending, self._pending = self._pending, []
        for view in pending:
            count = len(view)
            self._delivery.write(view, None)
            self._wire.unhold(count)
        if self.completed:
            self._delivery.finish()

    def take(self, view: memoryview, lease: Lease) -> None:
        """The next bytes of the data set; a copy of them is held while there is no sink."""
        if not len(view):
            return
        if self._delivery is not None:
            self._delivery.write(view, lease)
        else:
            self._pending.append(memoryview(bytes(view)))
            self._wire.hold(len(view))

    def complete(self) -> None:
        """The last byte has come."""
        self.completed = True
        if self.on_complete is not None:
            self.on_complete()
        if self._delivery is not None:
            self._delivery.finish()

    def discard(self) -> None:
        """The association ended before the data set did."""
        self._discarded = True
        if self._delivery is not None:
            self._delivery.discard()
        self._wire.unhold(sum(map(len, self._pending)))
        self._pending.clear()

    def _done(self, data: ReceivedData | None, error: Exception | None) -> None:
        if data is None and error is None:
            return  # discarded
        self._wire.arrived(self, data, error)


def _give_back(_: int, leases: Sequence[tuple[Lease, bool]]) -> None:
    for lease, view_still_used in leases:
        lease.release(view_still_used)

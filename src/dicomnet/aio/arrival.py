"""A message on its way in: its command is there, its data set is going to a sink."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

from dicomnet.aio.pool import Buffer
from dicomnet.dimse.commands import Command
from dicomnet.dimse.events import MessageBegun
from dicomnet.dimse.operations import Invoked
from dicomnet.storage.delivery import Delivery, Lease
from dicomnet.storage.lane import Lane
from dicomnet.storage.received import ReceivedData
from dicomnet.storage.sinks import Incoming, Sink
from dicomnet.ul.negotiation import Context, Terms


class Carrier(Protocol):
    """What an arrival needs of its channel."""

    lane: Lane
    ended: bool
    pending_limit: int
    """Bytes that may wait for a decision before reading pauses."""

    def pause(self, reason: str) -> None: ...
    def resume(self, reason: str) -> None: ...
    def hold(self, count: int) -> None: ...
    def unhold(self, count: int) -> None: ...
    def arrived(self, arrival: Arrival, data: ReceivedData | None, error: Exception | None) -> None: ...


class Arrival:
    """One message as a channel receives it; the channel's user decides with `use` where its data go."""

    def __init__(self, channel: Carrier, begun: MessageBegun, terms: Terms, *, requestor: bool) -> None:
        self.context: Context = begun.context
        self.command: Command = begun.command
        self.command_set: bytes = begun.command_set
        self.operation: Invoked | None = begun.operation
        """Of a response: the operation of ours that it answers."""
        self._channel = channel
        self._incoming: Incoming | None = None
        self._delivery: Delivery | None = None
        self._pending: list[tuple[memoryview, Buffer | None]] = []
        self._pending_bytes = 0
        self.completed = False
        """Whether its last byte has come."""
        self.on_complete: Callable[[], object] | None = None
        """Called when it has, before its data are known to be kept."""
        self._discarded = False
        self._terms = terms
        self._requestor = requestor

    @property
    def incoming(self) -> Incoming:
        """What a sink is told before the first byte."""
        if self._incoming is None:
            self._incoming = Incoming.of(self.command, self.context, self._terms, requestor=self._requestor)
        return self._incoming

    def use(self, sink: Sink) -> None:
        """Sends the data set, also what has come of it so far, to a sink; on the loop's thread, once."""
        if self._discarded:
            return
        self._delivery = Delivery(sink, self.incoming, self._channel.lane, self._progress, self._done)
        pending, self._pending = self._pending, []
        for view, lease in pending:
            self._delivery.write(view, lease)
        self._pending_bytes = 0
        self._channel.resume("undecided")
        if self.completed:
            self._delivery.finish()

    def take(self, view: memoryview, buffer: Buffer, *, copy: bool) -> None:
        """The next bytes of the data set, where they were received; a copy if they may not stay there."""
        if not len(view):
            return
        lease: Buffer | None = None
        if copy:
            view = memoryview(bytes(view))
        else:
            lease = buffer.lease()
        self._channel.hold(len(view))
        if self._delivery is not None:
            self._delivery.write(view, lease)
            return
        self._pending.append((view, lease))
        self._pending_bytes += len(view)
        if self._pending_bytes > self._channel.pending_limit:
            self._channel.pause("undecided")

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
        for view, lease in self._pending:
            self._channel.unhold(len(view))
            view.release()
            if lease is not None:
                lease.release()
        self._pending.clear()

    def _progress(self, count: int, leases: Sequence[tuple[Lease, bool]]) -> None:
        for lease, view_still_used in leases:
            lease.release(view_still_used)
        self._channel.unhold(count)

    def _done(self, data: ReceivedData | None, error: Exception | None) -> None:
        if data is None and error is None:
            return  # discarded
        self._channel.arrived(self, data, error)

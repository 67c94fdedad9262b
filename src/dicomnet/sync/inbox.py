"""The receiving half of a wire: reads from the stream, feeds the core, and hands out what it means."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol, cast

from dicomnet.dimse.endpoint import Endpoint
from dicomnet.dimse.events import DataReceived, MessageBegun
from dicomnet.limits import MIB
from dicomnet.storage.received import ReceivedData
from dicomnet.storage.sinks import Sink
from dicomnet.sync.arrival import Arrival
from dicomnet.sync.stream import Stream
from dicomnet.ul.events import Event


class Reader(Protocol):
    """Who an inbox tells what has come."""

    def handle(self, event: Event) -> None: ...
    def choose(self, arrival: Arrival) -> Sink | None: ...
    def message(self, arrival: Arrival, data: ReceivedData | None, error: Exception | None) -> None: ...


class Inbox:
    """What has been received and is not kept.

    Args:
        on_failure: told what the user raised; the association must be aborted.
        clock: the core's time.
    """

    def __init__(
        self,
        core: Endpoint,
        user: Reader,
        stream: Stream,
        on_failure: Callable[[Exception], None],
        clock: Callable[[], float],
    ) -> None:
        self.paused = False
        """Whether more bytes wait for a sink than may, so that nothing more is read."""
        self.at_eof = False
        """Whether the peer has ended its stream."""
        self.held = 0
        """Bytes that wait for a sink."""
        self._core = core
        self._user = user
        self._stream = stream
        self._on_failure = on_failure
        self._clock = clock
        self._buffer: _Buffer | None = None
        self._arrival: Arrival | None = None
        self._ended = False

    @property
    def listening(self) -> bool:
        """Whether there is a point in reading."""
        return not self.paused and not self.at_eof

    def receive(self) -> None:
        """Reads once, as much as there is and room for, and hands out what it means.

        Raises:
            OSError, AssociationError: the connection broke.
        """
        buffer = self._buffer
        if buffer is None or buffer.spoiled:
            buffer = self._buffer = _Buffer()
        count = self._stream.receive(buffer.memory)
        if count is None:
            return
        if not count:
            self.at_eof = True
        self.hand_out(self._core.receive(buffer.memory[:count], self._clock()))

    def hand_out(self, events: Sequence[Event]) -> None:
        """Tells the user."""
        try:
            for event in events:
                kind = type(event)
                if kind is DataReceived:
                    self._take_data(cast("DataReceived", event))
                elif kind is MessageBegun:
                    self._begin_message(cast("MessageBegun", event))
                else:
                    self._user.handle(event)
        except Exception as error:  # noqa: BLE001 (a user may raise anything)
            self._on_failure(error)

    def drop(self) -> None:
        """The connection is over: what has not come whole never will."""
        self._ended = True
        arrival, self._arrival = self._arrival, None
        if arrival is not None:
            arrival.discard()
        self._buffer = None

    # What arrivals call.

    def hold(self, count: int) -> None:
        """So many bytes more wait for a sink."""
        self.held += count
        self._update_reading()

    def unhold(self, count: int) -> None:
        self.held -= count
        self._update_reading()

    def arrived(self, arrival: Arrival, data: ReceivedData | None, error: Exception | None) -> None:
        try:
            self._user.message(arrival, data, error)
        except Exception as failure:  # noqa: BLE001 (a user may raise anything)
            self._on_failure(failure)

    def _begin_message(self, begun: MessageBegun) -> None:
        terms = self._core.terms
        assert terms is not None
        arrival = Arrival(self, begun, terms, requestor=self._core.connection.requestor)
        if not begun.command.has_data_set:
            self._user.message(arrival, None, None)
            return
        self._arrival = arrival
        sink = self._user.choose(arrival)
        if sink is not None:
            arrival.use(sink)

    def _take_data(self, event: DataReceived) -> None:
        arrival = self._arrival
        assert arrival is not None
        assert self._buffer is not None
        arrival.take(event.data, self._buffer)
        if event.last:
            self._arrival = None
            arrival.complete()

    def _update_reading(self) -> None:
        paused = self.held > self._core.connection.limits.pending_data
        if paused != self.paused:
            self.paused = paused
            if not self._ended:
                self._core.reading(paused, self._clock())


class _Buffer:
    """What one read fills; also the lease on it: sinks are done with it before the next, or it is spoiled."""

    __slots__ = ("memory", "spoiled")

    def __init__(self) -> None:
        self.memory = memoryview(bytearray(RECEIVE_BUFFER))
        self.spoiled = False

    def release(self, view_still_used: bool) -> None:
        self.spoiled |= view_still_used


RECEIVE_BUFFER = MIB
"""Bytes per read, at most: measured, a third more get through than with a quarter of it, and larger brings nothing."""

"""Moves bytes between one transport and one core, and knows nothing of what they mean.

Five beats: read, feed the core, take its bytes, write them, hand out its
events. Besides that a channel only waits well: it stops reading while bytes
wait for a sink, and reads a file off the loop while it is being sent.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial
from typing import Any, Protocol, cast

from dicomnet.aio.arrival import Arrival
from dicomnet.aio.hub import Hub
from dicomnet.aio.pool import RESERVE, Buffer
from dicomnet.aio.throttle import Bucket
from dicomnet.dimse.endpoint import Endpoint
from dicomnet.dimse.events import DataReceived, MessageBegun
from dicomnet.dimse.fragments import OutgoingMessage
from dicomnet.errors import AssociationError, ConnectionLost, StorageError, TlsFailed
from dicomnet.limits import KIB, MIB
from dicomnet.sockets import broken_reason
from dicomnet.storage.received import ReceivedData
from dicomnet.storage.sinks import Sink
from dicomnet.ul.connection import CLOSE, SEND_EOF
from dicomnet.ul.events import Event, Sent

log = logging.getLogger("dicomnet.wire")


class User(Protocol):
    """Who a channel tells what happens, on the loop's thread; none of these may wait."""

    def handle(self, event: Event) -> None:
        """Anything but a message."""

    def choose(self, arrival: Arrival) -> Sink | None:
        """Where the data set that follows goes; None is "later, by `arrival.use`"."""

    def message(self, arrival: Arrival, data: ReceivedData | None, error: Exception | None) -> None:
        """A message is complete; its data, if it has any, are kept, or `error` says why not."""

    def sent(self, sent: Sent) -> None:
        """Something queued has left as a whole."""

    def failed(self, error: Exception) -> None:
        """This side had to abort, because of a mistake or a fault of its own."""

    def closed(self, error: Exception | None) -> None:
        """The transport is gone; told once, and last but for messages that had come whole and are still being kept."""


class Channel(asyncio.BufferedProtocol):
    """One connection.

    Args:
        hold: wait for `proceed` before the first byte is read and the core told that the transport is up.
        since: when the peer had connected, in the loop's time, if that was a while ago.
        peer: its host and port, if the socket does not know them.
    """

    __slots__ = (
        "__weakref__",
        "_arrival",
        "_buffer",
        "_clock",
        "_closing_at",
        "_early",
        "_eof_due",
        "_events",
        "_events_lease",
        "_held",
        "_hold",
        "_hold_limit",
        "_in_transport",
        "_lane_waits",
        "_pauses",
        "_peer",
        "_reading_body",
        "_send_buffer",
        "_since",
        "_streaming",
        "_working",
        "_writing_paused",
        "armed",
        "bucket",
        "core",
        "ended",
        "hub",
        "lane",
        "pending_limit",
        "portion",
        "transport",
        "user",
    )

    def __init__(
        self,
        core: Endpoint,
        user: User,
        hub: Hub,
        *,
        hold: bool = False,
        since: float | None = None,
        peer: tuple[str, int] | None = None,
    ) -> None:
        self.core = core
        self.user = user
        self.hub = hub
        self.lane = hub.lane(self._hear)
        self.transport: asyncio.Transport | None = None
        self.ended = False
        """Whether `closed` has been told."""
        self.armed: float | None = None
        self.bucket: Bucket | None = None
        """What slows its reading down, if anything does; set by a `Throttle`."""
        self.portion = 64 * KIB
        """Bytes that are read at a time; fewer of a peer who sends headers rather than data, so that others have their turn."""
        self.pending_limit = core.connection.limits.pending_data
        self._hold = hold
        self._since = since
        self._peer = peer
        self._early = b""
        self._clock = hub.loop.time
        self._lane_waits = False
        self._buffer: Buffer = hub.pool.reserve
        self._events: deque[Event] = deque()
        self._events_lease: Buffer | None = None
        self._arrival: Arrival | None = None
        self._held = 0
        self._hold_limit = hub.pool.size * 2
        self._pauses: set[str] = set()
        self._working = False
        self._writing_paused = False
        self._eof_due = False
        self._in_transport = 0
        self._streaming: OutgoingMessage | None = None
        self._send_buffer: memoryview | None = None
        self._reading_body = False
        self._closing_at: float | None = None

    # What the transport calls.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)
        # With no buffer of its own allowed to the transport, "may write" means "all bytes have left".
        self.transport.set_write_buffer_limits(high=0, low=0)
        if self._hold:
            self.transport.pause_reading()
        else:
            self._begin()

    def get_buffer(self, sizehint: int) -> memoryview:  # noqa: ARG002 (the pool knows better)
        buffer = self._buffer = self.hub.pool.current()
        room = self.portion if self.bucket is None else min(self.portion, self.bucket.room)
        return buffer.memory[buffer.filled : buffer.filled + room]

    def buffer_updated(self, nbytes: int) -> None:
        buffer = self._buffer
        view = buffer.memory[buffer.filled : buffer.filled + nbytes]
        if self._hold:  # uvloop begins to read after `connection_made`, whatever that said
            assert self.transport is not None
            self.transport.pause_reading()
            self._early += view
            return
        self.lane.hold()
        try:
            self._hand_out(self.core.receive(view, self._clock()), patient=True)
            self.hub.pool.received(buffer, nbytes)
            headers = nbytes - self.core.connection.content
            if headers > _MOST_HEADERS or self.portion < MIB:
                self._take_turns(nbytes, headers)
            if self.bucket is not None:
                self.bucket.took(nbytes, self)
            self.flush()
        finally:  # whatever went wrong, buffers that were lent must come back
            if self.lane.go() and not self._lane_waits:
                self._lane_waits = True
                self.hub.loop.call_later(_MORE, self._go_on)

    def _take_turns(self, nbytes: int, headers: int) -> None:
        """Of a peer who sends headers rather than data less is read at a time, and then others have their turn."""
        self.portion = min(max(_MOST_HEADERS, _MOST_HEADERS * nbytes // max(headers, 1)), MIB)
        if headers > _MOST_HEADERS // 2:  # uvloop would read on for as long as there is something
            self.pause(_TURN)
            self.hub.loop.call_soon(self.resume, _TURN)

    def _go_on(self) -> None:
        self._lane_waits = False
        self.lane.go_now()

    def eof_received(self) -> None:
        self._hand_out(())  # whatever waits: its views die with the next line
        self._hand_out(self.core.receive(b"", self._clock()))
        self.flush()

    def connection_lost(self, exc: Exception | None) -> None:
        self._hand_out(())  # whatever waits: its views die with the next line
        error = exc if exc is None or isinstance(exc, AssociationError) else ConnectionLost(broken_reason(exc))
        if isinstance(error, TlsFailed):  # why it ended; the core sees no more than that it did
            self.user.failed(error)
        self._hand_out(self.core.receive(b"", self._clock()))
        self.core.close()
        self.ended = True
        self.hub.pool.forget(self._resume_in_pool)
        if self._arrival is not None:
            self._arrival.discard()
            self._arrival = None
        if self._streaming is not None and not self._reading_body:
            self._end_stream()  # asyncio's transports and uvloop's send no byte of a write after this call
        self.user.closed(error)
        self.hub.deadlines.forget(self)

    def pause_writing(self) -> None:
        self._writing_paused = True

    def resume_writing(self) -> None:
        self._writing_paused = False
        self._send_eof_soon()
        self._report_sent()
        if self._streaming is not None:
            self._next_chunk(self._streaming)
        self.flush()

    # What its user calls.

    def proceed(self) -> None:
        """Begins what `hold` held back."""
        self._hold = False
        if self.ended:
            return
        self._begin()
        early, self._early = self._early, b""
        if early:
            self._hand_out(self.core.receive(early, self._clock()))
            self.flush()
        self._update_reading()

    def flush(self) -> None:
        """Takes what the core has to send; call it after any request to the core."""
        if self._working or self.transport is None:
            return
        self._working = True
        try:
            self._pump()
        finally:
            self._working = False
        if not self.ended:
            self.hub.deadlines.arm(self, self._deadline())

    def abort_transport(self) -> None:
        """Closes at once; what has not left is lost."""
        if self.transport is not None and not self.ended:  # asyncio's is not to be touched after its end
            self.transport.abort()

    def close_transport(self) -> None:
        """Closes in order: what the transport holds still leaves, what the core holds does not."""
        self.core.close()
        self.flush()

    def pause(self, reason: str) -> None:
        """Stops reading until every reason is gone."""
        self._pauses.add(reason)
        self._update_reading()

    def resume(self, reason: str) -> None:
        if reason in self._pauses:
            self._pauses.discard(reason)
            self._update_reading()

    def get_extra_info(self, name: str) -> Any:
        if name == "peername" and self._peer is not None:
            return self._peer
        return None if self.transport is None else self.transport.get_extra_info(name)

    # What its arrivals call.

    def _hear(self, reports: Callable[[], None]) -> None:
        """What has become of data sets; what is answered to all of them leaves in one write."""
        outer, self._working = self._working, True
        try:
            reports()
        finally:
            self._working = outer
        self.flush()

    def hold(self, count: int) -> None:
        """Bytes of ours wait for a sink."""
        self._held += count
        if self._held > self._hold_limit:
            self.pause("held")

    def unhold(self, count: int) -> None:
        self._held -= count
        if self._held <= self._hold_limit // 2:
            self.resume("held")
        if not self._held and "pool" in self._pauses:  # nothing is copied any more: it may go on in the reserve
            self.hub.pool.forget(self._resume_in_pool)
            self.resume("pool")

    def arrived(self, arrival: Arrival, data: ReceivedData | None, error: Exception | None) -> None:
        try:
            self.user.message(arrival, data, error)
        except Exception as failure:  # noqa: BLE001 (a user may raise anything)
            self._fail(failure)
            self.flush()

    # What the deadlines of the loop call.

    def deadline_came(self, now: float) -> float | None:
        if self.ended or self.transport is None:
            return None
        if self._closing_at is not None and self._closing_at <= now:
            self.transport.abort()
            return None
        self._report_sent()
        deadline = self.core.deadline
        if deadline is not None and deadline <= now:
            self._hand_out(self.core.handle_deadline(now))
            self.flush()
        return None if self.ended else self._deadline()

    # Receiving.

    def _begin(self) -> None:
        self.core.connected(self._clock() if self._since is None else self._since)
        self.flush()

    def _hand_out(self, events: Sequence[Event], *, patient: bool = False) -> None:
        """Tells the user; when patient no more than until reading pauses, because one read may hold a thousand messages."""
        self._events.extend(events)
        outer, self._working = self._working, True
        try:
            while self._events and not (patient and self._pauses and self._may_keep_events()):
                event = self._events.popleft()
                kind = type(event)
                if kind is DataReceived:
                    self._take_data(event)  # type: ignore[arg-type]  # what `kind` says, mypy does not hear
                elif kind is MessageBegun:
                    self._begin_message(event)  # type: ignore[arg-type]
                else:
                    self.user.handle(event)
        except Exception as error:  # noqa: BLE001 (a user may raise anything)
            self._events.clear()
            self._fail(error)
        finally:
            self._working = outer
        if self._events and self._events_lease is None:
            self._events_lease = self._buffer.lease()
        elif not self._events and self._events_lease is not None:
            lease, self._events_lease = self._events_lease, None
            lease.release()

    def _may_keep_events(self) -> bool:
        """Their views must stay as they are, so nothing may be read meanwhile; and the reserve is never lent."""
        assert self.transport is not None
        return self._buffer is not self.hub.pool.reserve and not self.transport.is_closing()

    def _hand_out_rest(self) -> None:
        if not self._pauses and not self.ended:
            self._hand_out((), patient=True)
            self.flush()
            self._update_reading()

    def _begin_message(self, begun: MessageBegun) -> None:
        terms = self.core.terms
        assert terms is not None
        arrival = Arrival(self, begun, terms, requestor=self.core.connection.requestor)
        if not begun.command.has_data_set:
            self.user.message(arrival, None, None)
            return
        self._arrival = arrival
        sink = self.user.choose(arrival)
        if sink is not None:
            arrival.use(sink)

    def _take_data(self, event: DataReceived) -> None:
        arrival = self._arrival
        assert arrival is not None
        scarce = self._buffer is self.hub.pool.reserve
        arrival.take(event.data, self._buffer, copy=scarce)
        # Who holds little may go on, or a peer that pins every buffer with a few bytes in each would stop all others.
        if scarce and self._held > RESERVE and "pool" not in self._pauses:
            self.pause("pool")
            self.hub.pool.when_free(self._resume_in_pool)
        if event.last:
            self._arrival = None
            arrival.complete()

    def _resume_in_pool(self) -> None:
        self.resume("pool")

    def _update_reading(self) -> None:
        transport = self.transport
        if transport is None or transport.is_closing() or self._hold:
            return
        if self._pauses and transport.is_reading():
            transport.pause_reading()
            self.core.reading(True, self._clock())
        elif not self._pauses and not transport.is_reading():
            if self._events:  # before anything else is read; not from within whatever ended the pause
                self.hub.loop.call_soon(self._hand_out_rest)
                return
            transport.resume_reading()
            self.core.reading(False, self._clock())
            self.flush()

    # Sending.

    def _pump(self) -> None:
        transport = self.transport
        assert transport is not None
        while self._may_take():
            items = self.core.data_to_send()
            if not items or self.ended:
                return
            written: list[bytes] = []
            for item in items:
                if isinstance(item, bytes):
                    written.append(item)
                    continue
                self._write(written)
                written.clear()
                if item is SEND_EOF:
                    self._eof_due = True
                    self._send_eof_soon()
                elif item is CLOSE:
                    self._closing_at = self._clock() + self.core.connection.timeouts.artim
                    transport.close()
                else:
                    self._stream(item)
            self._write(written)

    def _send_eof_soon(self) -> None:
        """Once all bytes have left, and not in `resume_writing`: asyncio would shut the socket down itself a second time."""
        if self._eof_due and not self._writing_paused:
            self.hub.loop.call_soon(self._send_eof)

    def _send_eof(self) -> None:
        transport = self.transport
        if not self._eof_due or self._writing_paused or transport is None:
            return
        self._eof_due = False
        if transport.can_write_eof() and not transport.is_closing():
            with suppress(OSError):  # the peer has reset the connection just now
                transport.write_eof()

    def _may_take(self) -> bool:
        """What is taken must leave in order; but an end waits neither for a file nor for a peer that takes nothing more."""
        if self.core.connection.closed:
            return True
        return not self._writing_paused and (self._streaming is None or self._streaming.dropped)

    def _write(self, pieces: list[bytes]) -> None:
        if pieces:
            self._write_one(pieces[0] if len(pieces) == 1 else b"".join(pieces))

    def _write_one(self, data: bytes | memoryview) -> None:
        assert self.transport is not None
        if self.transport.is_closing():
            return
        self._in_transport += len(data)
        self.transport.write(data)
        if not self._writing_paused:
            self._report_sent()

    def _report_sent(self) -> None:
        assert self.transport is not None
        waiting = self.transport.get_write_buffer_size() if self._writing_paused else 0
        count = self._in_transport - waiting
        if count > 0:
            self._in_transport = waiting
            for sent in self.core.sent(count, self._clock()):
                try:
                    self.user.sent(sent)
                except Exception as error:  # noqa: BLE001 (a user may raise anything)
                    self._fail(error)

    def _stream(self, message: OutgoingMessage) -> None:
        self._streaming = message
        self._send_buffer = self.hub.take_send_buffer()
        self._next_chunk(message)

    def _next_chunk(self, message: OutgoingMessage) -> None:
        """Lays out, reads and writes until the transport or the disk makes us wait."""
        assert self.transport is not None
        # A write may end with `resume_writing`, which comes here, too: one read at a time fills the buffer.
        while not self._writing_paused and not self._reading_body and self._streaming is message:
            if not message.remaining:
                self._end_stream()
                return
            if self.transport.is_closing():  # `connection_lost` is on its way
                return
            assert self._send_buffer is not None
            used, gaps = message.lay_out(self._send_buffer)
            if message.body.blocking and gaps:
                try:
                    self.hub.workers.submit(partial(self._read_off_loop, message, used, gaps))
                except RuntimeError as error:  # closed, or the system has no thread to give
                    self._write_chunk(message, used, error)
                else:
                    self._reading_body = True
                    return
            else:
                self._write_chunk(message, used, _read(message, gaps))

    def _read_off_loop(self, message: OutgoingMessage, used: int, gaps: list[memoryview]) -> None:
        error: Exception | None
        try:
            error = _read(message, gaps)
        except BaseException as failure:  # noqa: BLE001 (SystemExit, for one: a thread has no program to end)
            error = StorageError(f"the body failed: {type(failure).__name__}: {failure}")
            error.__cause__ = failure
        self.hub.loop.call_soon_threadsafe(self._chunk_read, message, used, error)

    def _chunk_read(self, message: OutgoingMessage, used: int, error: Exception | None) -> None:
        self._reading_body = False
        self._write_chunk(message, used, error)
        self._next_chunk(message)
        self.flush()

    def _write_chunk(self, message: OutgoingMessage, used: int, error: Exception | None) -> None:
        if self.ended or message.dropped:
            self.core.forget(used)
            self._end_stream()
            return
        if error is not None:
            # Half a data set is out and the rest cannot follow: only an abort tells the peer so.
            self.core.forget(used)
            self._end_stream()
            self._fail(error)
            return
        assert self._send_buffer is not None
        self._write_one(self._send_buffer[:used])

    def _end_stream(self) -> None:
        message, self._streaming = self._streaming, None
        assert message is not None
        assert self._send_buffer is not None
        message.body.close()
        self.hub.give_send_buffer(self._send_buffer)
        self._send_buffer = None

    def _fail(self, error: Exception) -> None:
        """The fault of this side, not of the peer: harms this association and no other."""
        log.error("a failure of this side, the association is aborted: %s", error, exc_info=error)
        if self.ended:
            return
        self.core.abort(self._clock())
        try:
            self.user.failed(error)
        except Exception:
            log.exception("a failure could not be told")

    def _deadline(self) -> float | None:
        return self._closing_at if self._closing_at is not None else self.core.deadline


def _read(message: OutgoingMessage, gaps: list[memoryview]) -> Exception | None:
    try:
        if gaps:
            message.body.read_into(gaps)
    except Exception as error:  # noqa: BLE001 (a user's own body may raise anything)
        return error
    return None


_MORE = 0.001
"""Seconds that the beginning of a data set waits for more of it, before a storage thread is woken for it alone."""

_TURN = "turn"

_MOST_HEADERS = 4 * KIB
"""Bytes of headers that are taken at a time: 350 fragments, which are half a millisecond for the whole loop."""

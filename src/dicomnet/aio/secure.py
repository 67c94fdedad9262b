"""A secure link on any transport of any loop: a protocol to the transport below it, a transport to the channel above.

    socket <--> the loop's transport <--> SecureTransport <--> Channel
                         records                plain bytes

The loops have such a thing of their own, but theirs keeps a quarter of a
megabyte for each connection, and ends a handshake without telling the peer
why. Here all connections of a loop read their records into one buffer, which
is used up before the next of them reads.
"""

from __future__ import annotations

import asyncio
from collections import deque
from typing import TYPE_CHECKING, Any, cast

from dicomnet.aio.hub import RECORDS, Hub
from dicomnet.errors import AssociationError, ConnectionLost, TlsFailed
from dicomnet.limits import KIB
from dicomnet.tls.link import PIECE, SecureLink

if TYPE_CHECKING:
    from dicomnet.aio.channel import Channel


class SecureTransport(asyncio.BufferedProtocol, asyncio.Transport):
    """Made of a link before its handshake; the channel gets it as its transport after that.

    What the channel writes is not copied: it must stay as it is until the channel may write again.
    """

    def __init__(self, link: SecureLink, channel: Channel, hub: Hub) -> None:
        self.link = link
        self._channel = channel
        self._hub = hub
        self._below: asyncio.Transport | None = None
        self._outcome: asyncio.Future[None] = hub.loop.create_future()
        self._error: AssociationError | None = None
        self._told = False
        self._reading = True
        self._portion = RECORDS
        self._eof = False
        self._closing = False
        self._ended = False
        self._backlog: deque[memoryview] = deque()
        self._waiting = 0
        self._low = self._high = 0
        self._below_full = False
        self._full = False

    async def handshaken(self, timeout: float | None) -> None:
        """Waits until the handshake is over and the channel has its transport.

        Args:
            timeout: in seconds.

        Raises:
            TlsFailed: the handshake failed, and how. The socket is closed.
        """
        try:
            async with asyncio.timeout(timeout):
                await asyncio.shield(self._outcome)
        except TimeoutError:
            from dicomnet.tls.failures import late

            self._error = self._error or late(self.link.peer, timeout)
            self.abort()
            await self._outcome
        except BaseException:
            self.abort()
            raise

    # What the transport below calls.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._below = cast("asyncio.Transport", transport)
        self._below.set_write_buffer_limits(high=0, low=0)
        self._shake_hands()

    def get_buffer(self, sizehint: int) -> memoryview:
        # No more than the channel has room for: when it pauses, about a record is left here, however much is read at a time.
        room = len(self._channel.get_buffer(sizehint)) if self.link.ready else _HANDSHAKE
        return self._hub.records[: min(self._portion, room)]

    def buffer_updated(self, nbytes: int) -> None:
        link = self.link
        if self._error is not None or self._closing:  # nobody listens any more
            return
        link.take(self._hub.records[:nbytes])
        if link.ready:
            self._take_turns(nbytes, self._deliver())
            if not self._reading:
                self._stop_reading()
        elif self._shake_hands():
            self._deliver()
        link.keep()

    def eof_received(self) -> bool:
        if not self.link.ready and self._error is None:
            self._fail(self.link.lost())
        if self._error is None and not self._closing:
            self._eof = True
            if not self.link.pending:  # else reading is paused: the end comes when what is before it has been taken
                self._end_of_file()
        return self._error is None  # what waits may still leave

    def connection_lost(self, exc: Exception | None) -> None:
        self._closing = self._ended = True
        self._backlog.clear()
        if not self._told:
            if not self._outcome.done():
                self._outcome.set_exception(self._error or self.link.lost() or ConnectionLost())
                self._outcome.exception()  # whoever waited may have left
            return
        error: Exception | None = self._error
        if error is None and exc is not None:
            error = self.link.lost() or exc
        self._channel.connection_lost(error)

    def pause_writing(self) -> None:
        self._below_full = True

    def resume_writing(self) -> None:
        self._below_full = False
        # Not from within this call: what follows may close the transport, which asyncio would then end a second time.
        self._hub.loop.call_soon(self._send)

    # What the channel calls.

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        if name == "ssl_object":
            return self.link.object
        if name == "sslcontext":
            return self.link.object.context
        if name == "peercert":
            return self.link.object.getpeercert()
        if name == "cipher":
            return self.link.object.cipher()
        return default if self._below is None else self._below.get_extra_info(name, default)

    def is_closing(self) -> bool:
        return self._closing or self._below is None or self._below.is_closing()

    def write(self, data: bytes | bytearray | memoryview) -> None:
        if self._closing or not data:
            return
        view = memoryview(data)
        self._backlog.append(view)
        self._waiting += len(view)
        self._send()
        if not self._full and self.get_write_buffer_size() > self._high:
            self._full = True
            self._channel.pause_writing()

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        self._high = PIECE if high is None else high
        self._low = self._high // 4 if low is None else low

    def get_write_buffer_size(self) -> int:
        """Bytes that have not left; of those that are in records already, the records' own."""
        return self._waiting + (0 if self._below is None else self._below.get_write_buffer_size())

    def can_write_eof(self) -> bool:
        """A secure link has no halves."""
        return False

    def is_reading(self) -> bool:
        return self._reading

    def pause_reading(self) -> None:
        self._reading = False
        # Not before the tickets that follow a handshake of TLS 1.3 have come: unread, they would make a close a reset.
        if self._outcome.done():
            self._stop_reading()

    def resume_reading(self) -> None:
        self._reading = True
        # Not from within whatever the channel is doing; what was read already comes first.
        self._hub.loop.call_soon(self._read_on)

    def close(self) -> None:
        """Lets what was written leave, tells the peer that this is the end, and closes."""
        if not self._closing:
            self._closing = True
            self._send()

    def abort(self) -> None:
        self._closing = True
        self._backlog.clear()
        if self._below is not None and not self._ended:  # asyncio's is not to be touched after its end
            self._below.abort()

    # The handshake.

    def _shake_hands(self) -> bool:
        """Whether it is over, and well."""
        try:
            over = self.link.handshake()
        except TlsFailed as error:
            self._fail(error)
            return False
        self._say()
        if over:
            self._told = True
            self._channel.connection_made(self)
            if not self._outcome.done():
                self._outcome.set_result(None)
        return over

    def _fail(self, error: AssociationError | None) -> None:
        """Ends the connection, with the alert that tells the peer why."""
        assert self._below is not None
        self._error = error
        self._say()
        if self.link.server_side and self._below.can_write_eof() and not self._below.is_closing():
            # With TLS 1.3 a peer may have sent much behind a certificate that we refuse. To close with that unread
            # would reset the connection, and take the alert with it.
            self._below.write_eof()
            self._hub.loop.call_later(LAST_WORDS, self.abort)
        else:
            self._below.close()

    # Receiving.

    def _take_turns(self, nbytes: int, delivered: int) -> None:
        """Of a peer who sends records rather than data less is read at a time, and then others have their turn."""
        wasteful = nbytes >= _WASTE and self._reading and delivered * 2 < nbytes
        self._portion = _WASTE if wasteful else RECORDS
        if wasteful:  # uvloop would read on for as long as there is something
            self._stop_reading()
            self._hub.loop.call_soon(self._read_on)

    def _deliver(self) -> int:
        """Hands what has come to the channel, as far as that wants it; says how much that was."""
        link, channel, delivered = self.link, self._channel, 0
        while self._reading and not self._closing and link.pending:
            try:
                count = link.read_into(channel.get_buffer(-1))
            except AssociationError as error:
                self._fail_late(error)
                return delivered
            if count is None:
                break
            if not count:
                self._end_of_file()
                break
            delivered += count
            channel.buffer_updated(count)
        self._say()
        if self._backlog:  # something may be sent now that the peer had to be heard first
            self._send()
        return delivered

    def _stop_reading(self) -> None:
        assert self._below is not None
        if not self.is_closing():
            self._below.pause_reading()

    def _read_on(self) -> None:
        if self._below is None or not self._reading or self.is_closing():
            return
        self._deliver()
        if not self._reading or self.is_closing():
            return
        if self._eof:
            self._end_of_file()
        elif not self._below.is_reading():
            self._below.resume_reading()

    def _end_of_file(self) -> None:
        """The peer has ended its half, with a word or without; there is no other to keep."""
        error = self.link.lost()
        if error is not None:
            self._fail_late(error)
            return
        self._channel.eof_received()
        self.close()

    def _fail_late(self, error: AssociationError) -> None:
        self._closing = True
        self._backlog.clear()
        self._fail(error)

    # Sending.

    def _send(self) -> None:
        """Makes records of what waits, as long as they leave at once."""
        below, backlog = self._below, self._backlog
        if below is None or self._ended or self._error is not None:  # behind an alert nothing is said any more
            return
        while backlog and not self._below_full:
            piece = backlog[0][:PIECE]
            try:
                records = self.link.write(piece)
            except AssociationError as error:
                self._fail_late(error)
                return
            if records is None:
                return
            if len(piece) == len(backlog[0]):
                backlog.popleft()
            else:
                backlog[0] = backlog[0][PIECE:]
            self._waiting -= len(piece)
            below.write(records)
        if self._full and self.get_write_buffer_size() <= self._low:
            self._full = False
            self._channel.resume_writing()
        if self._closing and not backlog and not below.is_closing():
            below.write(self.link.end())
            below.close()

    def _say(self) -> None:
        """Sends what TLS itself has to say."""
        assert self._below is not None
        data = self.link.data_to_send()
        if data and not self._below.is_closing():
            self._below.write(data)


_HANDSHAKE = 16 * KIB
"""Bytes of records that are read at a time before there is a channel that wants any."""

_WASTE = 32 * KIB
"""Bytes of records that are read at a time, where most of them are the records' own: fifteen hundred records of a byte, which
are some three milliseconds for the whole loop."""

LAST_WORDS = 1.0
"""Seconds that a peer gets to hear why it was refused and to close."""

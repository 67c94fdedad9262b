"""The sending half of a wire: takes from the core, fills messages from their bodies, and gives it all to the stream."""

from __future__ import annotations

from collections.abc import Callable

from dicomnet.dimse.endpoint import Endpoint
from dicomnet.dimse.fragments import OutgoingMessage
from dicomnet.errors import AssociationError
from dicomnet.limits import MIB
from dicomnet.sync.stream import Stream
from dicomnet.ul.connection import CLOSE, SEND_EOF
from dicomnet.ul.events import Sent


class Outbox:
    """What has been taken from the core and has not left.

    Args:
        on_sent: told of everything that has left as a whole.
        on_failure: told when a body fails; the association must be aborted.
        clock: the core's time.
    """

    def __init__(
        self,
        core: Endpoint,
        stream: Stream,
        on_sent: Callable[[Sent], None],
        on_failure: Callable[[Exception], None],
        clock: Callable[[], float],
    ) -> None:
        self.blocked = False
        """Whether the stream took no more; who has waited for it sets this back."""
        self.closing = False
        """Whether `CLOSE` was taken: what is still here leaves, then the socket is to be closed."""
        self.uncertain = False
        """Whether a write was broken off, so that nobody knows how much of it has left."""
        self._core = core
        self._stream = stream
        self._on_sent = on_sent
        self._on_failure = on_failure
        self._clock = clock
        self._rest = _NOTHING
        self._message: OutgoingMessage | None = None
        self._buffer: memoryview | None = None
        self._eof_wanted = False

    @property
    def empty(self) -> bool:
        """Whether everything taken has left."""
        return not self._rest and self._message is None

    def send(self) -> bool:
        """Sends about a buffer full; says whether there is more that the stream might take.

        Raises:
            OSError, AssociationError: the connection broke.
        """
        left = SEND_BUFFER
        while True:
            if self._core.connection.closed and not self.closing:
                self._take()  # an end waits neither for a file nor for a peer that takes nothing more
            if self._rest:
                if self.blocked or left <= 0:
                    return not self.blocked
                left -= self._write()
            elif self._message is not None and self._message.remaining:
                if left <= 0:
                    return True
                self._fill(self._message)
            elif self._message is not None:
                self._end_message()
            elif self._eof_wanted:
                self._eof_wanted = False
                self._stream.send_eof()
            elif self.closing or not self._take():
                return False

    def drop(self) -> None:
        """The connection is over."""
        self._rest = _NOTHING
        self._end_message()
        self._buffer = None

    def _take(self) -> bool:
        items = self._core.data_to_send()
        pieces: list[bytes] = []
        for item in items:
            if isinstance(item, bytes):
                pieces.append(item)
            elif item is SEND_EOF:
                self._eof_wanted = True
            elif item is CLOSE:
                self.closing = True
            else:
                self._message = item
        if pieces:
            self._rest = memoryview(pieces[0] if len(pieces) == 1 else b"".join(pieces))
        return bool(items)

    def _write(self) -> int:
        self.uncertain = True
        try:
            count = self._stream.send(self._rest)
        except (OSError, AssociationError):
            self.uncertain = False
            raise
        if count is None:
            self.uncertain = False
            self.blocked = True
            return 0
        self._rest = self._rest[count:]
        self.uncertain = False
        for sent in self._core.sent(count, self._clock()):
            self._on_sent(sent)
        return count

    def _fill(self, message: OutgoingMessage) -> None:
        if self._buffer is None:
            self._buffer = memoryview(bytearray(SEND_BUFFER))
        used, gaps = message.lay_out(self._buffer)
        try:
            if gaps:
                message.body.read_into(gaps)
        except BaseException as error:
            # Half a data set is out and the rest cannot follow: only an abort tells the peer so.
            self._core.forget(used)
            self._end_message()
            if not isinstance(error, Exception):
                self._core.abort(self._clock())
                raise
            self._on_failure(error)
            return
        if message.dropped:  # the body itself has ended the association
            self._core.forget(used)
        else:
            self._rest = self._buffer[:used]

    def _end_message(self) -> None:
        message, self._message = self._message, None
        if message is not None:
            message.body.close()


SEND_BUFFER = MIB
"""What one read from a file moves; it must hold the largest PDU we send. After so much sending we see what has come."""

_NOTHING = memoryview(b"")

"""Moves bytes between one socket and one core while somebody waits, and knows nothing of what they mean.

The five beats of every shell (read, feed the core, take its bytes, write them,
hand out its events) happen within `Wire.run`, in the caller's thread; so do
the sinks and bodies. Between calls nobody reads, and no deadline runs.

    run(until)    send  ->  until()?  ->  wait  ->  receive  ->  deadlines  -.
                   ^                                                         |
                   `---------------------------------------------------------'

Nothing is asked of the system that is known already: a socket is waited for
only after it took no more or gave less than there was room for.
"""

from __future__ import annotations

import logging
import selectors
import threading
import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from types import TracebackType
from typing import TYPE_CHECKING, Protocol

from dicomnet.dimse.endpoint import Endpoint
from dicomnet.errors import AssociationError, ConnectionLost, StateError, TlsFailed
from dicomnet.sockets import broken_reason
from dicomnet.storage.received import ReceivedData
from dicomnet.storage.sinks import Sink
from dicomnet.sync.arrival import Arrival
from dicomnet.sync.inbox import Inbox
from dicomnet.sync.outbox import Outbox
from dicomnet.sync.stream import Stream
from dicomnet.sync.waker import Waker
from dicomnet.ul.events import Event, Sent

if TYPE_CHECKING:
    import ssl

log = logging.getLogger("dicomnet.wire")


class User(Protocol):
    """Who a wire tells what happens, within a call of the wire; none of these may call `Wire.run`."""

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
        """The socket is closed; told once, and last but for messages that had come whole and had no sink yet."""


class Wire:
    """One connection, used by one thread at a time; `abort`, `abort_transport` and `call_soon` are for any.

    Args:
        stream: on a connected socket; if with TLS, after the handshake. Both are the wire's from now on.
    """

    def __init__(self, core: Endpoint, user: User, stream: Stream) -> None:
        self.core = core
        self.user = user
        self.sock = stream.sock
        self.ended = False
        """Whether the socket is closed."""
        self.aborted = False
        """Whether `abort` or `abort_transport` was called."""
        self._stream = stream
        self._inbox = Inbox(core, user, self._stream, self._fail, _clock)
        self._outbox = Outbox(core, self._stream, self._tell_sent, self._fail, _clock)
        self._calling = threading.Lock()
        self._turn = _Turn(self, wait=True)
        self._quick_turn = _Turn(self, wait=False)
        self._caller: int | None = None
        self._wish: Callable[[], None] | None = None
        self._soon: deque[Callable[[], object]] = deque()
        self._moving = False
        self._waiting = False
        self._torn = False
        self._last_call = _clock()
        self._closing_at: float | None = None
        self._waker = Waker()
        self._selector = _Selector()
        self._watched = selectors.EVENT_READ
        self._selector.register(self.sock, self._watched)
        self._selector.register(self._waker, selectors.EVENT_READ)
        core.connected(self._last_call)

    @property
    def ssl_object(self) -> ssl.SSLObject | None:
        """The TLS object, while there is a secure link."""
        return None if self.ended else self._stream.ssl_object

    # What its user calls, one thread at a time.

    def run(self, until: Callable[[], bool], timeout: float | None = None) -> bool:
        """Moves bytes both ways until a condition holds; deadlines of the core are kept meanwhile.

        Args:
            until: asked first, and again each time that something may have happened.
            timeout: seconds to wait at most.

        Returns:
            Whether the condition holds. If not, the time is over or the connection has ended.

        Raises:
            StateError: another call is not over yet, or one was broken off in the middle of a transfer.
        """
        with self._turn:
            if self._torn and not self.ended:
                raise StateError("a transfer was broken off in the middle: the association can only be aborted")
            return self._run(until, timeout)

    def flush(self) -> None:
        """Sends what the core has as far as that goes without waiting; call it after any request to the core.

        What remains, and bodies beyond their first piece, leave in the next `run`. Within a callback nothing is done,
        because whoever calls back sends next.

        Raises:
            StateError: another thread is in a call.
        """
        if self._is_mine():
            return
        with self._turn:
            if not self.ended and not self._torn:
                self._do_wishes()
                self._send()

    def now(self) -> float:
        """The time to give to a request to the core.

        Also tells the core, if need be, that nobody has read since the last call: what it has been waiting for since
        is not late by that time.
        """
        now = _clock()
        if now - self._last_call <= UNNOTICED or self._is_mine():
            return now
        with suppress(StateError), self._quick_turn:  # which is all it takes
            pass
        return _clock()

    def close_transport(self) -> None:
        """Closes in order: what was taken from the core still leaves, for which it gets the ARTIM time."""
        if self._is_mine():
            self.core.close()
            return
        with self._turn:
            if self.ended:
                return
            self.core.close()
            self._run_to_the_end()

    # What anybody calls, from any thread, a signal handler's included.

    def abort(self) -> None:
        """Ends the association at once and the connection soon after, and returns when both is done.

        The peer gets `ABORT_LINGER` seconds to take the A-ABORT and close. A call that another thread is in ends on
        its own, told of it by `closed`; then this returns at once.
        """
        self._request(self._begin_abort)

    def abort_transport(self) -> None:
        """Closes at once; what has not left is lost."""
        self._request(self._end)

    def call_soon(self, function: Callable[[], object]) -> None:
        """Has the thread in a call run a function; if there is none, the next that comes."""
        self._soon.append(function)
        if self._waiting:  # who is in a call looks before he waits
            self._waker.wake()

    # Calls.

    def _begin_turn(self, *, wait: bool) -> None:
        # Who meets an abort of another thread waits for its end, which is near, instead of being told to keep out.
        if not self._calling.acquire(blocking=wait and self.aborted and not self._is_mine()):
            who = "a callback of its own" if self._is_mine() else "another thread"
            raise StateError(f"the association is in use by {who}")
        self._caller = threading.get_ident()
        self._moving = True
        try:
            self._excuse_silence()
        except BaseException:
            self._end_turn(broken_off=True)
            raise

    def _end_turn(self, *, broken_off: bool) -> None:
        # Raised between two steps of a transfer, what was moved and what was noted of it may differ.
        self._torn = self._torn or (broken_off and self._moving)
        self._moving = False
        self._last_call = _clock()
        self._caller = None
        self._calling.release()
        if self._wish is not None:  # it came too late for the loop
            self._settle_wish()

    def _is_mine(self) -> bool:
        return self._caller == threading.get_ident()

    def _request(self, wish: Callable[[], None]) -> None:
        self.aborted = True
        self._wish = wish
        if not self._is_mine():
            self._settle_wish()
        if self._calling.locked():
            self._waker.wake()

    def _settle_wish(self) -> None:
        """Does what is wished for if nobody is in a call; who is will do it, at the latest when he leaves."""
        with suppress(StateError), self._quick_turn:
            if self.ended:
                self._wish = None
            else:
                self._run_to_the_end()

    def _do_wishes(self) -> None:
        wish, self._wish = self._wish, None
        if wish is not None:
            wish()
        while self._soon and not self.ended:
            try:
                self._soon.popleft()()
            except Exception as error:  # noqa: BLE001 (somebody else's function may raise anything)
                self._fail(error)

    def _begin_abort(self) -> None:
        now = _clock()
        try:
            self.core.abort(now)
        except Exception:  # only a core that was broken off in the middle of a step
            if not self._torn:
                raise
            log.debug("the core cannot abort", exc_info=True)
        self._close_by(now + min(ABORT_LINGER, self.core.connection.timeouts.artim))
        if self._outbox.uncertain:  # how much of a write has left is not known, so nothing can follow it
            self._end()

    def _run_to_the_end(self) -> None:
        try:
            self._run(lambda: False, None)
        except BaseException:  # asked to hurry
            self._end()
            raise

    # The loop.

    def _run(self, until: Callable[[], bool], timeout: float | None) -> bool:
        end = None if timeout is None else _clock() + timeout
        first = True
        while True:
            self._do_wishes()
            more = self._send()
            self._moving = False
            if until():
                return True
            now = _clock()
            if self.ended or (not first and end is not None and end <= now):
                return False
            first = False
            listening = self._inbox.listening
            readable = listening
            deadline: float | None = now
            if not more and not (listening and self._stream.likely_more):
                deadline = self._deadline
                readable = self._wait(_seconds_left(end, deadline, now)) and listening
            self._moving = True
            if readable:
                self._receive()
            # What came may have moved the deadline away, or set a new one, but that is not to be kept at once.
            if not self.ended and deadline is not None and deadline <= _clock():
                self._keep_deadlines()

    @property
    def _deadline(self) -> float | None:
        return self.core.deadline if self._closing_at is None else self._closing_at

    def _wait(self, seconds: float | None) -> bool:
        """Waits for the socket, the waker or the time; says whether something is there to be read."""
        wanted = 0
        if self._inbox.listening:
            wanted |= selectors.EVENT_READ
        if self._outbox.blocked:
            wanted |= self._stream.send_event
        if wanted != self._watched:
            self._watch(wanted)
        readable = False
        self._waiting = True
        try:
            if self._wish is not None or self._soon:
                return False
            for key, events in self._selector.select(seconds):
                if key.fileobj is self._waker:
                    self._waker.clear()
                else:
                    readable = bool(events & selectors.EVENT_READ)
                    if events & self._stream.send_event:
                        self._outbox.blocked = False
        finally:
            self._waiting = False
        return readable

    def _watch(self, wanted: int) -> None:
        if not self._watched:
            self._selector.register(self.sock, wanted)
        elif not wanted:
            self._selector.unregister(self.sock)
        else:
            self._selector.modify(self.sock, wanted)
        self._watched = wanted

    def _keep_deadlines(self) -> None:
        now = _clock()
        if self._closing_at is not None:
            if self._closing_at <= now:
                self._end()
            return
        deadline = self.core.deadline
        if deadline is not None and deadline <= now:
            self._inbox.hand_out(self.core.handle_deadline(now))

    def _excuse_silence(self) -> None:
        """Between calls nobody reads, so nothing of that time is held against the peer."""
        now = _clock()
        if now - self._last_call > UNNOTICED and not self._inbox.paused and not self.ended:
            self.core.reading(True, self._last_call)
            self.core.reading(False, now)
        self._last_call = now

    def _close_by(self, moment: float) -> None:
        self._closing_at = moment if self._closing_at is None else min(self._closing_at, moment)

    # Receiving and sending.

    def _receive(self) -> None:
        try:
            self._inbox.receive()
        except (OSError, AssociationError) as error:
            self._end(error)

    def _send(self) -> bool:
        """Sends about a buffer full; says whether there is more that the socket might take."""
        if self.ended:
            return False
        try:
            more = self._outbox.send()
        except (OSError, AssociationError) as error:
            self._hear_last_words(error)
            return False
        if self._outbox.closing:
            if self._outbox.empty:
                self._end()
            else:
                self._close_by(_clock() + self.core.connection.timeouts.artim)
        return more

    def _tell_sent(self, sent: Sent) -> None:
        try:
            self.user.sent(sent)
        except Exception as error:  # noqa: BLE001 (a user may raise anything)
            self._fail(error)

    def _hear_last_words(self, error: OSError | AssociationError) -> None:
        """Nothing can be sent any more; why, the peer may have said before it closed."""
        while not self.ended and self._inbox.listening:
            self._receive()
            if not self._stream.likely_more:
                break
        self._end(error)

    # Ends.

    def _end(self, error: OSError | AssociationError | None = None) -> None:
        """Closes the socket and tells who has to know, once."""
        if self.ended:
            return
        orderly = error is None or self.core.connection.closed
        self.ended = True
        self._selector.close()
        self._waker.close()
        self._stream.close(orderly=orderly and self._outbox.empty)
        if error is not None and not isinstance(error, AssociationError):
            error = ConnectionLost(broken_reason(error))
        if isinstance(error, TlsFailed):  # why it ended; the core sees no more than that it did
            self.user.failed(error)
        try:
            self._inbox.hand_out(self.core.receive(b"", _clock()))
            self.core.close()
        except Exception:
            if not self._torn:
                raise
            log.debug("the core, broken off in the middle of a step, cannot end", exc_info=True)
        self._inbox.drop()
        self._outbox.drop()
        try:
            self.user.closed(None if orderly else error)
        except Exception:
            log.exception("the end of a connection could not be told")

    def _fail(self, error: Exception) -> None:
        """The fault of this side, not of the peer: harms this association and no other."""
        log.error("a failure of this side, the association is aborted: %s", error, exc_info=error)
        if self.ended:
            return
        self.core.abort(_clock())
        try:
            self.user.failed(error)
        except Exception:
            log.exception("a failure could not be told")
        self.flush()


def _seconds_left(end: float | None, deadline: float | None, now: float) -> float | None:
    if end is None or deadline is None:
        end = deadline if end is None else end
        return None if end is None else max(0.0, end - now)
    return max(0.0, min(end, deadline) - now)


class _Turn:
    """A call of one thread, in which no other may be; made once, as there are several calls for each small message.

    Args:
        wait: whether to wait for one that is about to end.
    """

    __slots__ = ("_wait", "_wire")

    def __init__(self, wire: Wire, *, wait: bool) -> None:
        self._wire = wire
        self._wait = wait

    def __enter__(self) -> None:
        self._wire._begin_turn(wait=self._wait)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._wire._end_turn(broken_off=kind is not None)


ABORT_LINGER = 2.0
"""Seconds for the peer to close after our A-ABORT; a program that gives up should not hang for the ARTIM time."""

UNNOTICED = 1.0
"""Seconds between two calls that count as reading on: the peer's deadlines are no finer."""

_Selector: type[selectors.BaseSelector] = getattr(selectors, "PollSelector", selectors.SelectSelector)
"""One system call per wait, and no descriptor of its own."""

_clock = time.monotonic

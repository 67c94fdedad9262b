"""An association that a thread asks for and waits on: each step returns when it is done, or raises why it is not."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from time import perf_counter
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self, TypeVar

from dicomnet.errors import (
    AssociationAborted,
    AssociationRejected,
    ConnectionLost,
    DicomNetError,
    DicomTimeout,
    StateError,
)
from dicomnet.limits import Timeouts
from dicomnet.net import Associate, DicomNet, Message, SecurityMode
from dicomnet.storage.source import InstanceFile
from dicomnet.types import Address

if TYPE_CHECKING:
    from dicomnet.tls import TlsConfig

T = TypeVar("T")


class Requestor:
    """One association, from `open` to `release`; as a context manager it ends what is left of it.

    Args:
        timeout: seconds for each wait for the peer; None takes the library's.
    """

    def __init__(
        self, address: Address, calling_ae: str, *, timeout: float | None = None, tls: TlsConfig | None = None
    ) -> None:
        self.address = address
        self.calling_ae = calling_ae
        self._net = net = DicomNet(tls=tls, timeouts=_timeouts(timeout))
        self._changed = threading.Condition()
        self._is_up = False
        self._answer: Associate | None = None
        self._responses: deque[Message[Any]] = deque()
        self._is_released = False
        self._abort: AssociationAborted | None = None
        self._end: DicomNetError | None = None
        net.on("connect", self._connected)
        net.on("secure_link_ready", self._ready)
        net.on("receive_associate_accept", self._accepted)
        net.on("receive_associate_reject", lambda *numbers: self._ended(AssociationRejected(*numbers)))
        net.on("receive_c_echo_response", self._responded)
        net.on("receive_c_store_response", self._responded)
        net.on("receive_release_response", self._released)
        net.on("receive_abort", self._aborted)
        net.on("close", self._closed)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._net.is_associated:
            self._net.send_abort()
        else:
            self._net.close()

    def open(self, contexts: Iterable[tuple[str, str]]) -> Associate:
        """Connects and asks for an association with a presentation context for each (abstract, transfer syntax).

        Raises:
            AssociationError: there is none, and why.
            DicomTimeout: the peer did not answer in time.
            ProtocolError: what it answered is not DICOM.
        """
        request = Associate.request(called_ae=self.address.aet or "", calling_ae=self.calling_ae)
        for abstract_syntax, transfer_syntax in contexts:
            request.add(abstract_syntax, transfer_syntax)
        self._net.connect(self.address.host, self.address.port)
        self._wait(lambda: self._is_up)
        self._ask(partial(self._net.send_associate_request, request))
        self._wait(
            lambda: self._answer is not None, "the answer to the association request", self._net.timeouts.associate
        )
        assert self._answer is not None
        return self._answer

    def echo(self) -> tuple[Message[Any], float]:
        """The response to a C-ECHO, and the seconds it took; raises like `open`."""
        begun = perf_counter()
        message_id = self._ask(self._net.send_c_echo_request)
        response = self._next_response(f"the response to C-ECHO-RQ {message_id}", self._net.timeouts.response)
        return response, perf_counter() - begun

    def store(self, file: InstanceFile, context_id: int) -> int:
        """Queues a C-STORE of the instance in a file and returns its message ID; its response is still to be waited for.

        Raises:
            StorageError: the file cannot be read, or is not what was looked at.
            InvalidValue: its instance does not fit the context.
            StateError: the association has ended; `ending` says how.
        """
        return self._net.send_c_store_request(file, context_id=context_id)

    def response(self) -> Message[Any]:
        """The next response to what was stored.

        Raises:
            DicomNetError: how the association ended while one was due; a StorageError, if a file on its way failed.
        """
        return self._next_response()

    def responses_so_far(self) -> list[Message[Any]]:
        """The responses that have come and were not taken yet."""
        with self._changed:
            taken = list(self._responses)
            self._responses.clear()
            return taken

    def ending(self) -> DicomNetError:
        """How the association ended; waits a moment for the news."""
        with self._changed:
            self._changed.wait_for(lambda: self._end is not None, 2 * CLOSING)
            return self._end or ConnectionLost()

    def release(self) -> None:
        """Ends the association in order; raises like `open`."""
        self._ask(self._net.send_release_request)
        self._wait(lambda: self._is_released, "the answer to the release request", self._net.timeouts.release)

    # What the object tells.

    def _connected(self, error: DicomNetError | None) -> None:
        if error is not None or self._net.security_mode is SecurityMode.NONE:
            self._ready(error)

    def _ready(self, error: DicomNetError | None) -> None:
        if error is not None:
            self._ended(error)
            return
        with self._news():
            self._is_up = True

    def _accepted(self, associate: Associate) -> None:
        with self._news():
            self._answer = associate

    def _responded(self, message: Message[Any]) -> None:
        with self._news():
            self._responses.append(message)

    def _released(self) -> None:
        with self._news():
            self._is_released = True

    def _aborted(self, source: int, reason: int) -> None:
        # The closed connection follows, and brings the reason if it was this side that aborted.
        self._abort = AssociationAborted(source, reason)

    def _closed(self, error: Exception | None, _: DicomNet) -> None:
        if error is None or isinstance(error, ConnectionLost):
            self._ended(self._abort or error or ConnectionLost())
        else:
            self._ended(error)

    def _ended(self, error: Exception) -> None:
        with self._news():
            if self._end is None:  # the first news is the cause of the others
                self._end = error if isinstance(error, DicomNetError) else ConnectionLost(str(error))

    @contextmanager
    def _news(self) -> Iterator[None]:
        with self._changed:
            yield
            self._changed.notify_all()

    # How.

    def _ask(self, send: Callable[[], T]) -> T:
        try:
            return send()
        except StateError:  # too late; how it ended is what the caller wants to hear
            raise self.ending() from None

    def _next_response(self, waiting_for: str = "", seconds: float | None = None) -> Message[Any]:
        self._wait(lambda: bool(self._responses), waiting_for, seconds)
        return self._responses.popleft()

    def _wait(self, happened: Callable[[], bool], waiting_for: str = "", seconds: float | None = None) -> None:
        """Without seconds, the object's own deadlines end the wait."""
        with self._changed:
            if not self._changed.wait_for(lambda: happened() or self._end is not None, seconds):
                raise DicomTimeout(waiting_for, seconds or 0.0)
            if not happened():
                assert self._end is not None
                raise self._end


def _timeouts(seconds: float | None) -> Timeouts:
    timeouts = Timeouts(artim=CLOSING)
    if seconds is None:
        return timeouts
    return replace(
        timeouts,
        connect=seconds,
        handshake=seconds,
        artim=min(seconds, CLOSING),
        associate=seconds,
        release=seconds,
        response=seconds,
        store_response=seconds,
    )


CLOSING = 2.0
"""Seconds for the peer to close the connection once all is said; a person at a terminal waits for it."""

"""Both ends of an association as tests need them: an archive that takes everything, and a modality one can wait for."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from queue import Empty, Queue
from typing import Any

from dicomnet import Associate, DicomNet, Message, Status

PATIENCE = 15.0
"""Seconds for anything that takes milliseconds."""


class Archive(DicomNet):
    """Listens, accepts whatever is asked, echoes and keeps; each connection gets an object with the same settings."""

    def __init__(self, archive: Archive | None = None, **settings: Any) -> None:
        super().__init__(**settings)
        self.settings = settings
        self.listener: Archive = archive or self
        self.received: list[Message[Any]] = [] if archive is None else archive.received
        """The C-STORE requests of all connections."""
        self.ended: Queue[tuple[Exception | None, Any]] = Queue()
        """Of the listener: connections that are over, and why."""

    def on_accept(self, error: Exception | None) -> None:
        self.accept(type(self)(self, **self.settings))

    def on_close(self, error: Exception | None, net: DicomNet) -> None:
        self.ended.put((error, net))

    def on_receive_associate_request(self, associate: Associate) -> None:
        self.send_associate_accept(associate.accept_all())

    def on_receive_c_echo_request(self, message: Message[Any]) -> None:
        self.send_c_echo_response(message)

    def on_receive_c_store_request(self, message: Message[Any]) -> None:
        self.received.append(message)
        self.send_c_store_response(message, Status.SUCCESS)


class Modality(DicomNet):
    """Everything it is told goes into a queue, in order, for `expect` to take out."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings)
        self._told: Queue[tuple[str, Any]] = Queue()
        self._lock = threading.Lock()
        for event in _EVENTS:
            self.on(event, self._teller(event))

    def expect(self, event: str, timeout: float = PATIENCE) -> Any:
        """The next thing it is told, which must be this event; returns what came with it."""
        try:
            told, what = self._told.get(timeout=timeout)
        except Empty:
            raise AssertionError(f"{event} did not come within {timeout} s") from None
        assert told == event, f"{told} {what} came instead of {event}"
        return what

    def open(self, port: int, associate: Associate) -> Associate:
        """Connects and associates; the answer is an acceptance."""
        self.connect("127.0.0.1", port)
        assert self.expect("connect") is None
        if self.tls is not None:
            assert self.expect("secure_link_ready") is None
        self.send_associate_request(associate)
        answer = self.expect("receive_associate_accept")
        assert isinstance(answer, Associate)
        return answer

    def echo(self) -> Status:
        """One C-ECHO and its answer."""
        self.send_c_echo_request()
        return Status(self.expect("receive_c_echo_response").status)

    def store(self, instance: Any, **more: Any) -> Status:
        """One C-STORE and its answer."""
        self.send_c_store_request(instance, **more)
        return Status(self.expect("receive_c_store_response").status)

    def release(self) -> None:
        """Ends the association in order."""
        self.send_release_request()
        self.expect("receive_release_response")

    def _teller(self, event: str) -> Any:
        return lambda *what: self._told.put((event, what[0] if len(what) == 1 else what))


@contextmanager
def associated(
    port: int, contexts: Sequence[Any] = ("1.2.840.10008.1.1",), *, called_ae: str = "ANY-SCP", **settings: Any
) -> Iterator[Modality]:
    """A modality in an association, released at the end of the block."""
    with Modality(**settings) as modality:
        modality.open(port, Associate.request(called_ae=called_ae, contexts=contexts))
        yield modality
        modality.release()


_EVENTS = (
    """connect secure_link_ready close receive_associate_accept receive_associate_reject receive_release_request
    receive_release_response receive_abort receive_failed receive_unknown receive_c_cancel_request""".split()
    + [
        f"receive_{service}_{kind}"
        for service in "c_echo c_store c_find c_get c_move n_event_report n_get n_set n_action n_create n_delete".split()
        for kind in ("request", "response")
    ]
)

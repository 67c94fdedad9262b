"""DicomNet objects that write down what they are told, and what it takes to bring two of them together."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from time import monotonic
from typing import Any

from dicomnet import Associate, DicomNet, Status, Timeouts, breathe

PATIENCE = 15.0
"""Seconds for anything that takes milliseconds."""

QUICK = Timeouts(artim=0.3)
"""For what ends with the patience of the standard."""

ECHO = "1.2.840.10008.1.1"
CT = "1.2.840.10008.5.1.4.1.1.2"
FIND = "1.2.840.10008.5.1.4.1.2.2.1"
MOVE = "1.2.840.10008.5.1.4.1.2.2.2"
GET = "1.2.840.10008.5.1.4.1.2.2.3"
MPPS = "1.2.840.10008.3.1.2.3.3"
COMMITMENT = "1.2.840.10008.1.20.1"
ALL = (ECHO, CT, FIND, MOVE, GET, MPPS, COMMITMENT)
"""As contexts 1, 3, 5, 7, 9, 11, 13."""

IMPLICIT_LE = "1.2.840.10008.1.2"
EXPLICIT_LE = "1.2.840.10008.1.2.1"

EVENTS = tuple(
    name.removeprefix("on_")
    for name in dir(DicomNet)
    if name.startswith("on_") and name not in ("on_private_key_password", "on_verify_certificate")
    if not name.startswith("on_receive_n_report")
)


class Recorder(DicomNet):
    """Keeps every event, in order, as a name and its arguments; reacts as told, else as a plain object does.

    `told` shows the events as short texts, those of `on_send` apart in `sent`,
    since nothing is promised about their order among the others.
    """

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings)
        self.events: list[tuple[str, tuple[Any, ...]]] = []
        self.threads: list[threading.Thread] = []
        """Where each event was told."""
        self._reactions: dict[str, Callable[..., Any]] = {}
        self._changed = threading.Condition()

    @property
    def told(self) -> list[str]:
        return [_text(self, name, arguments) for name, arguments in self.events if name != "send"]

    @property
    def sent(self) -> list[tuple[int, Exception | None]]:
        """PDU types and errors of `on_send`."""
        return [(arguments[1], arguments[0]) for name, arguments in self.events if name == "send"]

    def react(self, name: str, reaction: Callable[..., Any]) -> None:
        """Calls this for an event, after it was written down, instead of the default."""
        self._reactions[name] = reaction

    def wait(self, text: str, count: int = 1) -> Any:
        """Until an event has been told so often; returns its last argument, or None if it has none."""

        def found() -> list[tuple[Any, ...]]:
            return [arguments for name, arguments in self.events if _text(self, name, arguments) == text]

        with self._changed:
            if not self._changed.wait_for(lambda: len(found()) >= count, PATIENCE):
                raise AssertionError(f"{text} was not told {count} times, but {self.told}")
            arguments = found()[count - 1]
        return arguments[-1] if arguments else None

    def wait_sent(self, pdu_type: int, count: int = 1) -> None:
        """Until `on_send` has told of so many PDUs or messages."""
        with self._changed:
            assert self._changed.wait_for(lambda: sum(kind == pdu_type for kind, _ in self.sent) >= count, PATIENCE)

    def all(self, name: str) -> list[Any]:
        """The last argument of each event of a name."""
        return [arguments[-1] for each, arguments in self.events if each == name]

    def _tell(self, name: str, arguments: tuple[Any, ...]) -> Any:
        with self._changed:
            self.events.append((name, arguments))
            self.threads.append(threading.current_thread())
            self._changed.notify_all()
        reaction = self._reactions.get(name) or getattr(super(), f"on_{name}")
        return reaction(*arguments)


def _recording(name: str) -> Callable[..., Any]:
    return lambda self, *arguments: self._tell(name, arguments)


for _name in EVENTS:
    setattr(Recorder, f"on_{_name}", _recording(_name))


def _text(net: Recorder, name: str, arguments: tuple[Any, ...]) -> str:
    """What of an event is worth comparing: errors by their class, PDU types, numbers; not messages."""
    if name in ("connect", "accept", "secure_link_ready"):
        return f"{name} {_error(arguments[0])}"
    if name == "close":
        return f"close {_error(arguments[0])}{'' if arguments[1] is net else ' of a client'}"
    if name in ("receive", "send"):
        return f"{name} {arguments[1]}"
    if name in ("receive_associate_reject", "receive_abort"):
        return f"{name} {'/'.join(map(str, arguments))}"
    return name


def _error(error: Exception | None) -> str:
    return "ok" if error is None else type(error).__name__


class Provider(Recorder):
    """Accepts every context and says success to everything that needs no data set."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings)
        self.react("receive_associate_request", lambda asked: self.send_associate_accept(asked.accept_all()))
        self.react("receive_c_echo_request", self.send_c_echo_response)
        self.react("receive_c_store_request", lambda message: self.send_c_store_response(message, Status.SUCCESS))


@dataclass
class Trio:
    """A listener, the object it gave its connection to, and the one that connected."""

    listener: Recorder
    scp: Recorder
    scu: Recorder

    def finish(self) -> None:
        """Releases the association from the side of the SCU and waits until both sides are through."""
        self.scu.send_release_request()
        self.scu.wait("receive_release_response")
        self.listener.wait("close ok of a client")
        assert breathe(PATIENCE)

    def told(self) -> tuple[list[str], list[str], list[str]]:
        """All that the three were told, once no callback is left."""
        assert breathe(PATIENCE)
        return self.listener.told, self.scp.told, self.scu.told


@contextmanager
def connected(
    scp: Recorder | None = None, scu: Recorder | None = None, listener: Recorder | None = None, **settings: Any
) -> Iterator[Trio]:
    """A connection without an association; the settings are those of all objects that are not given."""
    listener = listener or Recorder(**settings)
    scp = scp or Provider(**settings)
    scu = scu or Recorder(**settings)
    with listener, scu:
        listener.react("accept", lambda error: listener.accept(scp))
        _, port = listener.listen("127.0.0.1")
        scu.connect("127.0.0.1", port)
        scu.wait("connect ok")
        if scu.tls is not None:
            scu.wait("secure_link_ready ok")
        listener.wait("accept ok")
        yield Trio(listener, scp, scu)


@contextmanager
def associated(
    scp: Recorder | None = None,
    scu: Recorder | None = None,
    listener: Recorder | None = None,
    *,
    contexts: Sequence[Any] = ALL,
    **settings: Any,
) -> Iterator[Trio]:
    """An association between two of them, with all contexts that are proposed."""
    with connected(scp, scu, listener, **settings) as trio:
        trio.scu.send_associate_request(request(contexts))
        trio.scu.wait("receive_associate_accept")
        yield trio


def request(contexts: Sequence[Any] = ALL) -> Associate:
    """An association request with one transfer syntax each, so that both sides know what data sets are in."""
    associate = Associate.request(called_ae="SCP", calling_ae="SCU")
    for context in contexts:
        if isinstance(context, str):
            associate.add(context, EXPLICIT_LE)
        else:
            associate.contexts.append(context)
    return associate


@contextmanager
def at_once(net: DicomNet) -> Iterator[None]:
    """Holds the network's thread, so that all that is asked for within is done before anything is read."""
    go = threading.Event()
    net._runtime.post(go.wait, PATIENCE)
    yield
    go.set()


@contextmanager
def silent_address() -> Iterator[tuple[str, int]]:
    """Where nobody answers: a listener that has all the connections it wants."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        with socket.create_connection(listener.getsockname()):
            yield listener.getsockname()


def until(condition: Callable[[], bool], what: str) -> None:
    """Waits for what nothing tells of, such as a property that another thread changes."""
    deadline = monotonic() + PATIENCE
    pause = threading.Event()
    while not condition():
        assert monotonic() < deadline, f"{what} did not come about"
        pause.wait(0.005)

"""Wires over real sockets on loopback, each with a user that keeps what it is told.

with near_and_far() as (near, far):             # a wire, and an asyncio acceptor in a thread of its own
with near_and_raw() as (near, raw):             # a wire, and a plain socket that must speak for itself
"""

from __future__ import annotations

import asyncio
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any, TypeVar

from aio.ends import MAX_PDU, WAIT, Bench, CountedBody, End, Site, reset, store, tcp_pair
from dicomnet.dimse.commands import Command, Request
from dicomnet.dimse.endpoint import Endpoint
from dicomnet.dimse.fragments import Body
from dicomnet.dimse.status import Status
from dicomnet.errors import StorageError
from dicomnet.pdu import AssociateAccept, AssociateRequest, PduType
from dicomnet.pdu.write import push_pdu
from dicomnet.storage.held import MemorySink
from dicomnet.storage.received import ReceivedData
from dicomnet.storage.sinks import Sink
from dicomnet.sync.arrival import Arrival
from dicomnet.sync.secure import secure
from dicomnet.sync.stream import Stream
from dicomnet.sync.wire import Wire
from dicomnet.ul.events import AssociateAccepted, Event, ReleaseConfirmed, ReleaseRequested, Sent
from dicomnet.ul.negotiation import Policy, negotiate
from pair import CT, ECHO, MemoryBody, echo, proposal

T = TypeVar("T")


class User:
    """Keeps what it is told, and answers as a receiver would that takes everything."""

    def __init__(self) -> None:
        self.wire: Wire
        self.events: list[Event] = []
        self.messages: list[tuple[Arrival, ReceivedData | None, Exception | None]] = []
        self.arrivals: list[Arrival] = []
        self.departed: list[Sent] = []
        self.failures: list[Exception] = []
        self.closings: list[Exception | None] = []
        self.sink: Callable[[Arrival], Sink | None] = lambda _: MemorySink()
        self.on: dict[str, Callable[[Any], None]] = {}
        """What a test wants done when one of the methods is called, before anything else."""

    def handle(self, event: Event) -> None:
        self._note("handle", self.events, event)
        if isinstance(event, ReleaseRequested):
            self.wire.core.answer_release(self.wire.now())

    def choose(self, arrival: Arrival) -> Sink | None:
        self._note("choose", self.arrivals, arrival)
        return self.sink(arrival)

    def message(self, arrival: Arrival, data: ReceivedData | None, error: Exception | None) -> None:
        self._note("message", self.messages, (arrival, data, error))
        command, core = arrival.command, self.wire.core
        if isinstance(command, Request) and core.is_associated:
            status = error.status if isinstance(error, StorageError) else Status.SUCCESS
            core.send(arrival.context.context_id, command.respond(status), self.wire.now())
            self.wire.flush()

    def sent(self, sent: Sent) -> None:
        self._note("sent", self.departed, sent)

    def failed(self, error: Exception) -> None:
        self._note("failed", self.failures, error)

    def closed(self, error: Exception | None) -> None:
        self._note("closed", self.closings, error)

    def _note(self, method: str, notes: list[Any], item: object) -> None:
        notes.append(item)
        if method in self.on:
            self.on[method](item)


class Near:
    """One wire with its user, as a test drives it."""

    def __init__(self, sock: socket.socket | Stream, **options: Any) -> None:
        self.user = User()
        self.core = Endpoint(requestor=True, **options)
        self.wire = self.user.wire = Wire(self.core, self.user, sock if isinstance(sock, Stream) else Stream(sock))
        self.bodies: list[CountedBody | MemoryBody] = []

    @property
    def data(self) -> list[bytes]:
        """What was received, of messages with a data set."""
        return [data.bytes() for _, data, _ in self.user.messages if data is not None]

    def saw(self, kind: type[Event]) -> bool:
        return any(isinstance(event, kind) for event in self.user.events)

    def until(self, condition: Callable[[], object]) -> None:
        """Runs until the condition holds."""
        assert self.wire.run(lambda: bool(condition()), WAIT), self.user.events

    def run(self) -> None:
        """Runs to the end of the connection."""
        assert not self.wire.run(lambda: False, WAIT)
        assert self.wire.ended, self.user.events

    # Requests; each is flushed.

    def associate(self, request: AssociateRequest | None = None) -> None:
        self.core.associate(request or proposal(max_pdu_length=MAX_PDU), self.wire.now())
        self.wire.flush()

    def send(
        self, command: Command, data: Body | bytes | None = None, *, context_id: int = ECHO, ticket: object = None
    ) -> None:
        if isinstance(data, CountedBody | MemoryBody):
            self.bodies.append(data)
        self.core.send(context_id, command, self.wire.now(), data, ticket=ticket)
        self.wire.flush()

    def store(self, message_id: int, data: Body | bytes) -> None:
        self.send(store(message_id), data, context_id=CT)

    def release(self) -> None:
        self.core.release(self.wire.now())
        self.wire.flush()

    def answered(self, message_id: int) -> Status | None:
        """The status of the final response to a request of ours, once there is one."""
        for arrival, _, _ in self.user.messages:
            if getattr(arrival.command, "message_id_being_responded_to", None) == message_id:
                return arrival.command.status  # type: ignore[attr-defined, no-any-return]
        return None

    def response(self, message_id: int) -> Status:
        self.until(lambda: self.answered(message_id) is not None)
        status = self.answered(message_id)
        assert status is not None
        return status

    def echo(self, message_id: int) -> Status:
        self.send(echo(message_id))
        return self.response(message_id)

    def released(self) -> None:
        self.release()
        self.until(lambda: self.saw(ReleaseConfirmed))


class Far:
    """An asyncio acceptor on a loop in a thread of its own."""

    def __init__(self, sock: socket.socket, context: ssl.SSLContext | None, options: dict[str, Any]) -> None:
        self.end: End
        self._sock = sock
        self._context = context
        self._options = options
        self._loop: asyncio.AbstractEventLoop
        self._begun = threading.Event()
        self._stop: asyncio.Event
        self._problem: BaseException | None = None
        self._thread = threading.Thread(target=self._run, name="far")
        self._thread.start()
        assert self._begun.wait(WAIT)

    def do(self, function: Callable[[], T]) -> T:
        """Calls a function on the loop's thread."""

        async def call() -> T:
            return function()

        return asyncio.run_coroutine_threadsafe(call(), self._loop).result(WAIT)

    def wait_closed(self) -> Exception | None:
        return asyncio.run_coroutine_threadsafe(self.end.wait_closed(), self._loop).result(WAIT)

    def until(self, condition: Callable[[], object]) -> None:
        asyncio.run_coroutine_threadsafe(self.end.until(condition), self._loop).result(WAIT)

    def close(self) -> None:
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(WAIT)
        assert not self._thread.is_alive()
        if self._problem is not None:
            raise self._problem

    def _run(self) -> None:
        try:
            asyncio.run(self._serve())
        except BaseException as error:  # noqa: BLE001 (raised by `close`)
            self._problem = error
            self._begun.set()

    async def _serve(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._stop = asyncio.Event()
        async with Bench() as bench:
            self.end = bench.end(requestor=False, **self._options)
            self._begun.set()
            await self.end.attach(self._sock, context=self._context, handshake_timeout=WAIT)
            await self._stop.wait()


class Raw:
    """A peer made of bytes."""

    def __init__(self, sock: socket.socket) -> None:
        self.sock = sock
        sock.settimeout(WAIT)

    def write(self, data: bytes) -> None:
        self.sock.sendall(data)

    def read(self, count: int) -> bytes:
        """Exactly so many bytes, or fewer at the end of the stream."""
        data = bytearray()
        while len(data) < count and (piece := self.sock.recv(min(count - len(data), 1 << 20))):
            data += piece
        return bytes(data)

    def pdu(self) -> bytes:
        """One whole PDU; b"" at the end of the stream."""
        header = self.read(6)
        return header + self.read(int.from_bytes(header[2:], "big")) if header else b""

    def rest(self) -> bytes:
        """Everything up to the end of the stream."""
        return self.read(1 << 40)

    def reset(self) -> None:
        reset(self.sock)


@contextmanager
def near_and_far(
    *, tls: Site | None = None, request: AssociateRequest | None = None, far: dict[str, Any] | None = None, **near: Any
) -> Iterator[tuple[Near, Far]]:
    """A wire and an asyncio acceptor with an association; arguments as of their `Endpoint`."""
    ours, theirs = tcp_pair()
    acceptor = Far(theirs, tls and tls.acceptor, far or {})
    try:
        stream = Stream(ours) if tls is None else secure(ours, tls.requestor, "pacs.example", WAIT)
        with ending(Near(stream, **near)) as requestor:
            requestor.associate(request)
            requestor.until(lambda: requestor.saw(AssociateAccepted))
            yield requestor, acceptor
    finally:
        acceptor.close()


@contextmanager
def near_and_raw(*, small: bool = False, **options: Any) -> Iterator[tuple[Near, Raw]]:
    """A wire that has an association with a plain socket; `small` makes the system's buffers so."""
    theirs, ours = tcp_pair(small=small)
    with theirs, ending(Near(ours, **options)) as near:
        raw = Raw(theirs)
        associate(near, raw)
        yield near, raw


def associate(near: Near, raw: Raw) -> None:
    request = proposal(max_pdu_length=MAX_PDU)
    near.associate(request)
    assert raw.pdu()[0] == PduType.ASSOCIATE_RQ
    accept = negotiate(request, Policy(max_pdu_length=MAX_PDU))
    assert isinstance(accept, AssociateAccept)
    raw.write(push_pdu(accept))
    near.until(lambda: near.saw(AssociateAccepted))


@contextmanager
def ending(near: Near) -> Iterator[Near]:
    """Sees to it that a wire ends well: told once, nothing held, every body closed once."""
    try:
        yield near
    except BaseException:
        with suppress(Exception):
            near.wire.abort_transport()
        raise
    near.wire.abort_transport()
    assert len(near.user.closings) == 1
    assert near.wire.sock.fileno() == -1
    assert [body.closed for body in near.bodies] == [1] * len(near.bodies)


class CountingSocket(socket.socket):
    """Writes down what is asked of the system."""

    calls: list[str]

    @classmethod
    def over(cls, sock: socket.socket) -> CountingSocket:
        made = cls(fileno=sock.detach())
        made.calls = []
        return made

    def send(self, *arguments: Any) -> int:
        self.calls.append("send")
        return super().send(*arguments)

    def recv_into(self, *arguments: Any) -> int:
        self.calls.append("receive")
        return super().recv_into(*arguments)


def count_waits(wire: Wire, calls: list[str]) -> None:
    """Writes down the wire's waits, too."""
    select = wire._selector.select

    def counted(timeout: float | None = None) -> Any:
        calls.append("wait")
        return select(timeout)

    wire._selector.select = counted  # type: ignore[method-assign]

"""Channels over real sockets on loopback, each with a user that keeps what it is told.

    async with Bench() as bench:
        requestor, acceptor = await bench.pair()        # two channels, associated
        raw, acceptor = await bench.raw()               # a channel, and a plain socket that must speak for itself
        requestor.send(store(1), body, context_id=CT)
        await requestor.until(lambda: requestor.messages)

The two sides have a hub each, so that one running out of buffers is not the other's doing. When a bench ends, every
buffer must have come back, every body been closed once, and every user have heard of its end once.
"""

from __future__ import annotations

import asyncio
import os
import socket
import ssl
import sys
import threading
from array import array
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from dicomnet.aio.arrival import Arrival
from dicomnet.aio.channel import Channel
from dicomnet.aio.connect import attach
from dicomnet.aio.hub import Hub
from dicomnet.aio.pool import Buffer, BufferPool
from dicomnet.dimse.commands import Command, CStoreRequest, Request
from dicomnet.dimse.endpoint import Endpoint
from dicomnet.dimse.fragments import Body
from dicomnet.dimse.status import Status
from dicomnet.errors import StorageError
from dicomnet.limits import KIB, MIB
from dicomnet.pdu import AssociateAccept, AssociateRequest, PduType
from dicomnet.pdu.write import push_pdu
from dicomnet.storage.files import FileSink
from dicomnet.storage.held import MemorySink
from dicomnet.storage.received import ReceivedData
from dicomnet.storage.sinks import Sink
from dicomnet.storage.source import FileBody
from dicomnet.ul.events import AssociateAccepted, AssociateRequested, Event, ReleaseConfirmed, ReleaseRequested, Sent
from dicomnet.ul.negotiation import Policy, negotiate
from pair import CT, CT_IMAGE_STORAGE, ECHO, MemoryBody, echo, proposal

WAIT = 15.0
"""Seconds that anything may take on a busy machine."""

MAX_PDU = 128 * KIB


def store(message_id: int) -> CStoreRequest:
    """A C-STORE-RQ of an instance named for its message."""
    return CStoreRequest(
        message_id=message_id,
        affected_sop_class_uid=CT_IMAGE_STORAGE,
        affected_sop_instance_uid=f"1.2.3.{message_id}",
    )


def pattern(size: int) -> bytes:
    """Bytes in which every stretch differs from every other; they begin like a data set."""
    first = int.from_bytes(b"\x08\x00\x16\x00", sys.byteorder)
    return array("I", range(first, first + size // 4 + 1)).tobytes()[:size]


class User:
    """Keeps what it is told, and answers as a receiver would that takes everything."""

    def __init__(self) -> None:
        self.channel: Channel
        self.events: list[Event] = []
        self.messages: list[tuple[Arrival, ReceivedData | None, Exception | None]] = []
        self.departed: list[Sent] = []
        self.failures: list[Exception] = []
        self.closings: list[Exception | None] = []
        self.arrivals: list[Arrival] = []
        self.sink: Callable[[Arrival], Sink | None] = lambda _: MemorySink()
        self.on: dict[str, Callable[[Any], None]] = {}
        """What a test wants done when one of the methods is called, before anything else."""
        self._changed = asyncio.Event()

    def handle(self, event: Event) -> None:
        self._note("handle", self.events, event)
        core = self.channel.core
        if isinstance(event, AssociateRequested):
            core.accept(negotiate(event.request, Policy(max_pdu_length=MAX_PDU)), self.now)  # type: ignore[arg-type]
        elif isinstance(event, ReleaseRequested):
            core.answer_release(self.now)

    def choose(self, arrival: Arrival) -> Sink | None:
        self._note("choose", self.arrivals, arrival)
        return self.sink(arrival)

    def message(self, arrival: Arrival, data: ReceivedData | None, error: Exception | None) -> None:
        self._note("message", self.messages, (arrival, data, error))
        command, core = arrival.command, self.channel.core
        if isinstance(command, Request) and core.is_associated:
            status = error.status if isinstance(error, StorageError) else Status.SUCCESS
            core.send(arrival.context.context_id, command.respond(status), self.now)
            self.channel.flush()

    def sent(self, sent: Sent) -> None:
        self._note("sent", self.departed, sent)

    def failed(self, error: Exception) -> None:
        self._note("failed", self.failures, error)

    def closed(self, error: Exception | None) -> None:
        self._note("closed", self.closings, error)

    @property
    def now(self) -> float:
        return self.channel.hub.loop.time()

    def _note(self, method: str, notes: list[Any], item: object) -> None:
        notes.append(item)
        self._changed.set()
        if method in self.on:
            self.on[method](item)


class End:
    """One channel with its user, as a test drives it."""

    def __init__(self, hub: Hub, *, requestor: bool, hold: bool = False, **options: Any) -> None:
        self.user = User()
        self.core = Endpoint(requestor=requestor, **options)
        self.channel = self.user.channel = Channel(self.core, self.user, hub, hold=hold)
        self.hub = hub
        self.pauses: list[bool] = []
        """Every time that reading stopped (true) or went on (false)."""
        self._core_reading, self.core.reading = self.core.reading, self._note_reading  # type: ignore[method-assign]
        self.bodies: list[CountedBody | MemoryBody] = []

    @property
    def commands(self) -> list[Command]:
        """Those of the messages that have come, in order."""
        return [arrival.command for arrival, _, _ in self.user.messages]

    @property
    def data(self) -> list[bytes]:
        """What was received, of messages with a data set."""
        return [data.bytes() for _, data, _ in self.user.messages if data is not None]

    @property
    def closed(self) -> bool:
        return bool(self.user.closings)

    def saw(self, kind: type[Event]) -> bool:
        return any(isinstance(event, kind) for event in self.user.events)

    async def until(self, condition: Callable[[], object]) -> None:
        """Waits until something that this end's user is told makes the condition true."""
        async with asyncio.timeout(WAIT):
            while not condition():
                self.user._changed.clear()
                await self.user._changed.wait()

    async def paused(self) -> None:
        """Waits until the channel has stopped reading."""
        await self.until(lambda: self.pauses and self.pauses[-1])

    def _note_reading(self, paused: bool, now: float) -> None:
        self._core_reading(paused, now)
        self.pauses.append(paused)
        self.user._changed.set()

    async def attach(self, sock: socket.socket, **options: Any) -> None:
        await attach(sock, self.channel, server_side=not self.core.connection.requestor, **options)

    # Requests; each is flushed.

    def associate(self, request: AssociateRequest | None = None) -> None:
        self.core.associate(request or proposal(max_pdu_length=MAX_PDU), self.user.now)
        self.channel.flush()

    def send(
        self, command: Command, data: Body | bytes | None = None, *, context_id: int = ECHO, ticket: object = None
    ) -> None:
        if isinstance(data, CountedBody | MemoryBody):
            self.bodies.append(data)
        self.core.send(context_id, command, self.user.now, data, ticket=ticket)
        self.channel.flush()

    def store(self, message_id: int, data: Body | bytes) -> None:
        self.send(store(message_id), data, context_id=CT)

    def abort(self) -> None:
        self.core.abort(self.user.now)
        self.channel.flush()

    def release(self) -> None:
        self.core.release(self.user.now)
        self.channel.flush()

    def answered(self, message_id: int) -> Status | None:
        """The status of the final response to a request of ours, once there is one."""
        for command in self.commands:
            if getattr(command, "message_id_being_responded_to", None) == message_id:
                return command.status  # type: ignore[attr-defined]
        return None

    async def response(self, message_id: int) -> Status:
        await self.until(lambda: self.answered(message_id) is not None or self.closed)
        status = self.answered(message_id)
        assert status is not None, self.user.events
        return status

    async def echo(self, message_id: int) -> Status:
        self.send(echo(message_id))
        return await self.response(message_id)

    async def wait_closed(self) -> Exception | None:
        await self.until(lambda: self.closed)
        return self.user.closings[0]

    async def released(self) -> None:
        self.release()
        await self.until(lambda: self.saw(ReleaseConfirmed))


class WatchedPool(BufferPool):
    """Remembers every buffer it lent."""

    def __init__(self, count: int = 8, size: int = MIB) -> None:
        super().__init__(count, size)
        self.buffers: dict[Buffer, None] = {}
        self.reserve_used = 0

    def current(self) -> Buffer:
        buffer = super().current()
        if buffer is self.reserve:
            self.reserve_used += 1
        else:
            self.buffers[buffer] = None
        return buffer

    @property
    def lent(self) -> list[Buffer]:
        return [buffer for buffer in self.buffers if buffer.lent]

    def lend_all(self) -> list[Buffer]:
        """Lends every buffer there is; only the reserve is left."""
        lent: list[Buffer] = []
        while (buffer := super().current()) is not self.reserve:
            assert len(lent) < 100, "there is no end of buffers"
            self.buffers[buffer] = None
            lent.append(buffer.lease())
            self.received(buffer, self.size)
        return lent

    def owns(self, view: memoryview) -> bool:
        """Whether a view is of the memory of one of the buffers, however many views lie between."""
        owner: object = view
        while isinstance(owner, memoryview):
            owner = owner.obj
        return any(buffer.memory.obj is owner for buffer in self.buffers)


@dataclass(frozen=True)
class Site:
    """Contexts for TLS."""

    requestor: ssl.SSLContext
    acceptor: ssl.SSLContext
    stranger: ssl.SSLContext
    """An acceptor whose certificate nobody trusts."""


class Bench:
    """Makes ends, and sees to it that they end well."""

    def __init__(self, *, buffers: int = 8, buffer_size: int = MIB) -> None:
        loop = asyncio.get_running_loop()
        self.near = Hub(loop)
        """Of requestors."""
        self.far = Hub(loop)
        """Of acceptors; the arguments are for its pool."""
        self.near.pool, self.far.pool = WatchedPool(), WatchedPool(buffers, buffer_size)
        self.ends: list[End] = []
        self.sockets: list[socket.socket] = []

    @property
    def pool(self) -> WatchedPool:
        assert isinstance(self.far.pool, WatchedPool)
        return self.far.pool

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        for sock in self.sockets:
            sock.close()
        live = [end for end in self.ends if end.channel.transport is not None]
        for end in live:
            end.channel.abort_transport()
        for end in live:
            await end.wait_closed()
        loop = asyncio.get_running_loop()
        async with asyncio.timeout(WAIT):
            # Storage threads report to this loop, so it must go on while they end.
            await loop.run_in_executor(None, self.near.workers.close)
            await loop.run_in_executor(None, self.far.workers.close)
        await asyncio.sleep(0)  # their last reports
        self.near.close()
        self.far.close()
        if kind is None:
            self._check(live)

    def _check(self, live: list[End]) -> None:
        assert [len(end.user.closings) for end in live] == [1] * len(live)
        for end in live:
            assert [body.closed for body in end.bodies] == [1] * len(end.bodies)
            assert end.channel._held == 0
        for hub in (self.near, self.far):
            pool = hub.pool
            assert isinstance(pool, WatchedPool)
            assert pool.lent == []

    def end(self, *, requestor: bool, **options: Any) -> End:
        end = End(self.near if requestor else self.far, requestor=requestor, **options)
        self.ends.append(end)
        return end

    async def pair(
        self,
        *,
        tls: Site | None = None,
        request: AssociateRequest | None = None,
        near: dict[str, Any] | None = None,
        far: dict[str, Any] | None = None,
    ) -> tuple[End, End]:
        """A requestor and an acceptor with an association.

        Args:
            near, far: options of the requestor's and the acceptor's `Endpoint`.
        """
        requestor = self.end(requestor=True, **(near or {}))
        acceptor = self.end(requestor=False, **(far or {}))
        ours, theirs = tcp_pair()
        async with asyncio.timeout(WAIT):
            await asyncio.gather(
                requestor.attach(ours, context=tls and tls.requestor, server_hostname=tls and "pacs.example"),
                acceptor.attach(theirs, context=tls and tls.acceptor),
            )
        requestor.associate(request)
        await requestor.until(lambda: requestor.saw(AssociateAccepted))
        return requestor, acceptor

    async def raw(self, *, requestor: bool = False, small: bool = False, **options: Any) -> tuple[Raw, End]:
        """A socket that speaks for itself, and a channel that has not begun; `small` makes the system's buffers so."""
        ours, theirs = tcp_pair(small=small)
        self.sockets.append(ours)
        end = self.end(requestor=requestor, **options)
        await end.attach(theirs)
        return Raw(ours), end

    async def raw_acceptor(self, **options: Any) -> tuple[Raw, End]:
        """The same with a requestor that has an association with the socket."""
        raw, end = await self.raw(requestor=True, **options)
        request = proposal(max_pdu_length=MAX_PDU)
        end.associate(request)
        assert (await raw.pdu())[0] == PduType.ASSOCIATE_RQ
        accept = negotiate(request, Policy(max_pdu_length=MAX_PDU))
        assert isinstance(accept, AssociateAccept)
        await raw.write(push_pdu(accept))
        await end.until(lambda: end.saw(AssociateAccepted))
        return raw, end

    async def raw_requestor(self, **options: Any) -> tuple[Raw, End]:
        """The same with an acceptor that has an association with the socket."""
        raw, end = await self.raw(**options)
        await raw.write(push_pdu(proposal(max_pdu_length=MAX_PDU)))
        assert (await raw.pdu())[0] == PduType.ASSOCIATE_AC
        return raw, end


class Raw:
    """A peer made of bytes."""

    def __init__(self, sock: socket.socket) -> None:
        self.sock = sock
        self._loop = asyncio.get_running_loop()

    async def write(self, data: bytes) -> None:
        async with asyncio.timeout(WAIT):
            await self._loop.sock_sendall(self.sock, data)

    async def read(self, count: int) -> bytes:
        """Exactly so many bytes, or fewer at the end of the stream."""
        data = b""
        async with asyncio.timeout(WAIT):
            while len(data) < count and (piece := await self._loop.sock_recv(self.sock, min(count - len(data), MIB))):
                data += piece
        return data

    async def pdu(self) -> bytes:
        """One whole PDU; b"" at the end of the stream."""
        header = await self.read(6)
        return header + await self.read(int.from_bytes(header[2:], "big")) if header else b""

    async def rest(self) -> bytes:
        """Everything up to the end of the stream."""
        return await self.read(1 << 40)

    def reset(self) -> None:
        reset(self.sock)


def tcp_pair(*, small: bool = False) -> tuple[socket.socket, socket.socket]:
    """Two ends of a TCP connection on loopback, neither of which blocks."""
    with closing(socket.socket()) as listener:
        if small:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4 * KIB)
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 * KIB)
        listener.bind(("127.0.0.1", 0))
        listener.listen(1)
        ours = socket.socket()
        if small:
            ours.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4 * KIB)
            ours.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 * KIB)
        ours.connect(listener.getsockname())
        theirs, _ = listener.accept()
    for sock in (ours, theirs):
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        sock.setblocking(False)
    return ours, theirs


def reset(sock: socket.socket) -> None:
    """Breaks the connection: the peer gets a RST."""
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    sock.close()


class CountedBody:
    """A file body that knows how often it was closed, and can be stopped in the middle of a read."""

    def __init__(self, path: Path, *, size: int | None = None) -> None:
        self._body = FileBody(path, 0, path.stat().st_size if size is None else size)
        self.length = self._body.length
        self.blocking = True
        self.closed = 0
        self.reads = 0
        self.before_read: Callable[[int], None] = lambda number: None
        """Called in the storage thread with the number of the read, from 1."""

    def read_into(self, views: Sequence[memoryview]) -> None:
        assert not self.closed, "a closed body is read"
        self.reads += 1
        self.before_read(self.reads)
        self._body.read_into(views)

    def close(self) -> None:
        self.closed += 1
        self._body.close()


class WatchedSink(FileSink):
    """A file sink that counts its steps, shows its views, and can be stopped in the middle of a write."""

    def __init__(self, path: str | os.PathLike[str], **options: Any) -> None:
        super().__init__(path, durable=False, **options)
        self.discarded = 0
        self.finished = 0
        self.before_write: Callable[[Sequence[memoryview]], None] = lambda views: None

    def write(self, views: Sequence[memoryview]) -> None:
        self.before_write(views)
        super().write(views)

    def finish(self) -> ReceivedData:
        self.finished += 1
        return super().finish()

    def discard(self) -> None:
        self.discarded += 1
        super().discard()


class Gate:
    """Holds a storage thread until a test opens it, or ends."""

    def __init__(self) -> None:
        self._open = threading.Event()
        self._reached = threading.Event()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.open()

    def pass_through(self, *_: object) -> None:
        self._reached.set()
        assert self._open.wait(WAIT), "nobody opened the gate"

    def wait(self, timeout: float | None) -> bool:
        """The same for so many seconds; whether it is open."""
        self._reached.set()
        return self._open.wait(WAIT if timeout is None else timeout)

    def open(self) -> None:
        self._open.set()

    async def reached(self) -> None:
        """Waits until a thread stands before it."""
        assert await asyncio.get_running_loop().run_in_executor(None, self._reached.wait, WAIT)


class Clock:
    """An event loop as far as `Deadlines` uses it, with a time of its own."""

    def __init__(self) -> None:
        self.now = 100.0
        self.timers: list[Timer] = []
        """Those that run."""

    def time(self) -> float:
        return self.now

    def call_at(self, when: float, callback: Callable[[], None]) -> Timer:
        timer = Timer(self, when, callback)
        self.timers.append(timer)
        return timer

    def advance(self, seconds: float) -> None:
        """Lets time pass, from timer to timer."""
        end = self.now + seconds
        while due := [timer for timer in self.timers if timer.when <= end]:
            timer = min(due, key=lambda timer: timer.when)
            self.timers.remove(timer)
            self.now = max(self.now, timer.when)
            timer.callback()
        self.now = end


class Timer:
    def __init__(self, clock: Clock, when: float, callback: Callable[[], None]) -> None:
        self.clock = clock
        self.when = when
        self.callback = callback

    def cancel(self) -> None:
        if self in self.clock.timers:
            self.clock.timers.remove(self)

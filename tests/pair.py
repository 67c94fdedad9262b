"""Two real cores joined in memory, on virtual time: what most tests of messages and associations stand on.

    pair = associated()                         # or Pair() for one that has not begun
    pair.requestor.send(CEchoRequest(...))
    pair.pump()                                 # everything moves that can move at this moment
    pair.acceptor.messages()                    # what arrived
    pair.advance(3600)                          # an hour, from deadline to deadline, in no time

The wire between them has a latency, cuts its stream where it is told to, and
can fall silent, hang up or take no more. Each `Side` is a shell in small: it
reads, feeds its core, takes what the core wants written, fills the gaps of
outgoing messages from their bodies, and keeps the events.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from random import Random
from typing import Any

from dicomnet.dimse.commands import CEchoRequest, Command
from dicomnet.dimse.endpoint import Endpoint
from dicomnet.dimse.events import DataReceived, MessageBegun
from dicomnet.dimse.fragments import Body, OutgoingMessage
from dicomnet.limits import KIB, Limits, Timeouts
from dicomnet.pdu import (
    AssociateAccept,
    AssociateReject,
    AssociateRequest,
    AsynchronousWindow,
    ProposedContext,
    RoleSelection,
    UserInformation,
)
from dicomnet.types import UID
from dicomnet.ul.connection import CLOSE, SEND_EOF
from dicomnet.ul.events import AssociateAccepted, AssociateRequested, Event, Sent
from dicomnet.ul.machine import Action, Input, State
from dicomnet.ul.negotiation import Policy, negotiate

VERIFICATION = UID("1.2.840.10008.1.1")
CT_IMAGE_STORAGE = UID("1.2.840.10008.5.1.4.1.1.2")
STUDY_ROOT_FIND = UID("1.2.840.10008.5.1.4.1.2.2.1")
STUDY_ROOT_MOVE = UID("1.2.840.10008.5.1.4.1.2.2.2")
STUDY_ROOT_GET = UID("1.2.840.10008.5.1.4.1.2.2.3")
IMPLICIT_LE = UID("1.2.840.10008.1.2")
EXPLICIT_LE = UID("1.2.840.10008.1.2.1")

ECHO, CT, FIND, MOVE, GET = 1, 3, 5, 7, 9
"""The context IDs of `CONTEXTS`."""

CONTEXTS = (
    ProposedContext(ECHO, VERIFICATION, (IMPLICIT_LE,)),
    ProposedContext(CT, CT_IMAGE_STORAGE, (EXPLICIT_LE, IMPLICIT_LE)),
    ProposedContext(FIND, STUDY_ROOT_FIND, (EXPLICIT_LE,)),
    ProposedContext(MOVE, STUDY_ROOT_MOVE, (EXPLICIT_LE,)),
    ProposedContext(GET, STUDY_ROOT_GET, (EXPLICIT_LE,)),
)

Cut = Callable[[bytes], Iterable[bytes]]
"""How a run of bytes that has arrived is handed to the reader: in which pieces."""


def whole(data: bytes) -> Iterator[bytes]:
    """In one piece, however many PDUs it holds."""
    yield data


def every(size: int) -> Cut:
    """In pieces of so many bytes."""

    def cut(data: bytes) -> Iterator[bytes]:
        for start in range(0, len(data), size):
            yield data[start : start + size]

    return cut


def randomly(random: Random, longest: int = 64) -> Cut:
    """In pieces of any size up to the longest."""

    def cut(data: bytes) -> Iterator[bytes]:
        start = 0
        while start < len(data):
            size = random.randint(1, longest)
            yield data[start : start + size]
            start += size

    return cut


class MemoryBody:
    """A data set in memory that knows how it was used."""

    def __init__(self, data: bytes, *, blocking: bool = False) -> None:
        self.data = data
        self.length = len(data)
        self.blocking = blocking
        self.position = 0
        self.closed = 0
        """How often it was closed: once is right."""

    def read_into(self, views: Sequence[memoryview]) -> None:
        assert not self.closed, "a closed body is read"
        for view in views:
            piece = self.data[self.position : self.position + len(view)]
            assert len(piece) == len(view), "more is read than there is"
            view[:] = piece
            self.position += len(piece)

    def close(self) -> None:
        self.closed += 1


class Wire:
    """One direction of the transport: a stream, then perhaps its end."""

    def __init__(self, latency: float = 0.0) -> None:
        self.latency = latency
        self.cut: Cut = whole
        self.silent = False
        """Everything written from now on is lost, and nobody is told."""
        self.blocked = False
        """Nothing more is taken: the reader's window is full."""
        self.written = bytearray()
        """All that was ever written."""
        self._flying: deque[tuple[float, bytes | None]] = deque()
        self._ended = False

    def write(self, data: bytes, now: float) -> None:
        assert not self._ended, "bytes after the end of the stream"
        self.written += data
        if not self.silent:
            self._flying.append((now + self.latency, data))

    def end(self, now: float) -> None:
        if not self._ended:
            self._ended = True
            if not self.silent:
                self._flying.append((now + self.latency, None))

    def arrived(self, now: float) -> tuple[bytes, bool]:
        """What has come by now, and whether the end has."""
        data = bytearray()
        while self._flying and self._flying[0][0] <= now:
            piece = self._flying.popleft()[1]
            if piece is None:
                return bytes(data), True
            data += piece
        return bytes(data), False

    @property
    def next_arrival(self) -> float | None:
        return self._flying[0][0] if self._flying else None


class Side:
    """One core and the little shell around it. Requests take the pair's time; nothing moves before `Pair.pump`."""

    def __init__(self, pair: Pair, endpoint: Endpoint, incoming: Wire, outgoing: Wire, buffer_size: int) -> None:
        self.pair = pair
        self.endpoint = endpoint
        self.incoming = incoming
        self.outgoing = outgoing
        self.events: list[Event] = []
        """All events so far; `take` empties it."""
        self.sent: list[Sent] = []
        self.closed = False
        """Whether the core has asked for the transport to be closed."""
        self.reading = True
        self.buffers_per_pump: int | None = None
        """How many buffers leave before `pump` returns; None is as many as there are."""
        self._buffer = bytearray(buffer_size)
        self._items: deque[Any] = deque()

    @property
    def state(self) -> State:
        return self.endpoint.state

    @property
    def now(self) -> float:
        return self.pair.now

    def take(self) -> list[Event]:
        """The events since the last time."""
        events, self.events = self.events, []
        return events

    def messages(self) -> list[tuple[Command, bytes | None]]:
        """The messages that have come whole among the events kept: commands with their data sets."""
        return whole_messages(self.events)

    # What a user asks for.

    def associate(self, request: AssociateRequest) -> None:
        self.endpoint.associate(request, self.now)

    def accept(self, accept: AssociateAccept) -> None:
        self.endpoint.accept(accept, self.now)

    def reject(self, reject: AssociateReject) -> None:
        self.endpoint.reject(reject, self.now)

    def send(
        self, command: Command, data: Body | bytes | None = None, *, context_id: int = ECHO, ticket: object = None
    ) -> None:
        self.endpoint.send(context_id, command, self.now, data, ticket=ticket)

    def release(self) -> None:
        self.endpoint.release(self.now)

    def answer_release(self) -> None:
        self.endpoint.answer_release(self.now)

    def abort(self) -> None:
        self.endpoint.abort(self.now)

    def pause_reading(self) -> None:
        self.reading = False
        self.endpoint.reading(True, self.now)

    def resume_reading(self) -> None:
        self.reading = True
        self.endpoint.reading(False, self.now)

    # The shell.

    def read(self) -> bool:
        """Feeds the core what has arrived; says whether anything has."""
        if not self.reading or self.closed:
            return False
        data, ended = self.incoming.arrived(self.now)
        for piece in self.incoming.cut(data):
            if piece and not self.closed:
                self.events += self.endpoint.receive(piece, self.now)
        if ended and not self.closed:
            self.events += self.endpoint.receive(b"", self.now)
        return bool(data) or ended

    def feed(self, data: bytes) -> None:
        """Feeds the core bytes that its peer never sent."""
        self.events += self.endpoint.receive(data, self.now)

    def write(self) -> bool:
        """Writes what the core has; says whether anything was."""
        left = self.buffers_per_pump
        moved = False
        while not self.outgoing.blocked and left != 0:
            if not self._items:
                self._items.extend(self.endpoint.data_to_send())
            if not self._items:
                break
            item = self._items[0]
            if isinstance(item, OutgoingMessage):
                moved |= self._write_buffer(item)
            else:
                self._items.popleft()
                moved = True
                if isinstance(item, bytes):
                    self._put(item)
                else:
                    self._obey(item)
            left = None if left is None else left - 1
        return moved

    def meet_deadline(self) -> bool:
        """Does what is due; says whether anything was."""
        deadline = self.endpoint.deadline
        if deadline is None or deadline > self.now:
            return False
        self.events += self.endpoint.handle_deadline(self.now)
        after = self.endpoint.deadline
        assert after is None or after > self.now, f"{after} is still due at {self.now} in {self.state.name}"
        return True

    def _write_buffer(self, message: OutgoingMessage) -> bool:
        if message.remaining:
            used, gaps = message.lay_out(memoryview(self._buffer))
            message.body.read_into(gaps)
            self._put(bytes(self._buffer[:used]))
        if message.remaining:
            return True
        self._items.popleft()
        message.body.close()
        return True

    def _put(self, data: bytes) -> None:
        self.outgoing.write(data, self.now)
        self.sent += self.endpoint.sent(len(data), self.now)

    def _obey(self, signal: object) -> None:
        assert signal in (SEND_EOF, CLOSE)
        self.outgoing.end(self.now)
        if signal is CLOSE:
            self.closed = True


class Pair:
    """A requestor and an acceptor; see the module.

    Args:
        limits, timeouts: of both sides, unless `acceptor_limits` or `acceptor_timeouts` say otherwise.
        refuse, tap: as for `Endpoint`; refuse is the acceptor's, tap that of both.
        latency: seconds that bytes take, either way.
        buffer_size: of the buffers that outgoing messages are laid out in.
    """

    def __init__(
        self,
        *,
        limits: Limits = Limits(),  # noqa: B008 (frozen)
        timeouts: Timeouts = Timeouts(),  # noqa: B008 (frozen)
        acceptor_limits: Limits | None = None,
        acceptor_timeouts: Timeouts | None = None,
        refuse: AssociateReject | None = None,
        tap: bool = False,
        latency: float = 0.0,
        buffer_size: int = 256 * KIB,
    ) -> None:
        self.now = 1000.0
        self.steps: list[tuple[str, Input, State, Action, State]] = []
        """Every step of both machines."""
        there, back = Wire(latency), Wire(latency)
        self.requestor = Side(
            self,
            Endpoint(requestor=True, limits=limits, timeouts=timeouts, tap=tap, trace=self._tracer("requestor")),
            back,
            there,
            buffer_size,
        )
        self.acceptor = Side(
            self,
            Endpoint(
                requestor=False,
                limits=acceptor_limits or limits,
                timeouts=acceptor_timeouts or timeouts,
                refuse=refuse,
                tap=tap,
                trace=self._tracer("acceptor"),
            ),
            there,
            back,
            buffer_size,
        )
        self.sides = (self.requestor, self.acceptor)

    def connect(self) -> None:
        """The transport between them is up."""
        self.acceptor.endpoint.connected(self.now)
        self.requestor.endpoint.connected(self.now)

    def peer_of(self, side: Side) -> Side:
        return self.acceptor if side is self.requestor else self.requestor

    def pump(self) -> None:
        """Lets everything happen that can happen at this moment."""
        for _ in range(100_000):
            moved = False
            for side in self.sides:
                moved |= side.write()
            for side in self.sides:
                moved |= side.read()
            if not moved or any(side.buffers_per_pump is not None for side in self.sides):
                return
        raise AssertionError("the two sides never come to rest")

    def advance(self, seconds: float) -> None:
        """Lets time pass, from one arrival or deadline to the next."""
        end = self.now + seconds
        self.pump()
        for side in self.sides:
            side.meet_deadline()
        for _ in range(100_000):
            moments = [wire.next_arrival for wire in (self.requestor.outgoing, self.acceptor.outgoing)]
            moments += [side.endpoint.deadline for side in self.sides]
            moment = min((m for m in moments if m is not None and m > self.now), default=end)
            self.now = min(max(moment, self.now), end)
            self.pump()
            for side in self.sides:
                side.meet_deadline()
            self.pump()
            if self.now >= end:
                return
        raise AssertionError("time does not pass")

    def pass_quickly(self) -> None:
        """Lets just enough time pass for what is on the wire to arrive."""
        self.pump()
        while arrivals := [a for s in self.sides if (a := s.outgoing.next_arrival) is not None and a > self.now]:
            self.now = min(arrivals)
            self.pump()

    def fall_silent(self, side: Side) -> None:
        """What the side writes from now on is lost, as when a cable is pulled."""
        side.outgoing.silent = True

    def hang_up(self, side: Side) -> None:
        """The side's transport closes: the peer reads the end of file."""
        side.outgoing.end(self.now)
        side.closed = True

    def _tracer(self, name: str) -> Callable[[Input, State, Action, State], None]:
        return lambda event, before, action, after: self.steps.append((name, event, before, action, after))


def proposal(
    *,
    contexts: tuple[ProposedContext, ...] = CONTEXTS,
    window: tuple[int, int] | None = None,
    roles: tuple[RoleSelection, ...] = (),
    max_pdu_length: int | None = 16 * KIB,
) -> AssociateRequest:
    """An A-ASSOCIATE-RQ from REQUESTOR to ACCEPTOR; the window is (invoked, performed)."""
    return AssociateRequest(
        called_ae="ACCEPTOR",
        calling_ae="REQUESTOR",
        contexts=contexts,
        user_information=UserInformation(
            max_pdu_length=max_pdu_length,
            implementation_class_uid=UID("1.2.3.4"),
            asynchronous_window=None if window is None else AsynchronousWindow(*window),
            roles=roles,
        ),
    )


def associated(
    *,
    request: AssociateRequest | None = None,
    policy: Policy | None = None,
    contexts: tuple[ProposedContext, ...] = CONTEXTS,
    window: tuple[int, int] | None = None,
    roles: tuple[RoleSelection, ...] = (),
    max_pdu_length: int = 16 * KIB,
    **pair_options: Any,
) -> Pair:
    """A pair with an association between them and no events left over.

    The maximum PDU length is announced by both sides; everything else is what
    the requestor proposes and the acceptor's policy makes of it.
    """
    pair = Pair(**pair_options)
    request = request or proposal(contexts=contexts, window=window, roles=roles, max_pdu_length=max_pdu_length)
    pair.connect()
    pair.requestor.associate(request)
    pair.pass_quickly()
    *_, asked = pair.acceptor.take()  # after what a tap tells
    assert isinstance(asked, AssociateRequested)
    answer = negotiate(asked.request, policy or Policy(max_pdu_length=max_pdu_length))
    assert isinstance(answer, AssociateAccept)
    pair.acceptor.accept(answer)
    pair.pass_quickly()
    *_, accepted = pair.requestor.take()
    assert isinstance(accepted, AssociateAccepted)
    for side in pair.sides:
        side.sent.clear()
    pair.steps.clear()
    return pair


def whole_messages(events: Iterable[Event]) -> list[tuple[Command, bytes | None]]:
    """Puts commands and their data sets together; a message that is not complete is left out."""
    found: list[tuple[Command, bytes | None]] = []
    command: Command | None = None
    data = bytearray()
    for event in events:
        if isinstance(event, MessageBegun):
            assert command is None, "a message begins within a message"
            command = event.command
            data.clear()
            if not command.has_data_set:
                found.append((command, None))
                command = None
        elif isinstance(event, DataReceived):
            assert command is not None, "data without a command"
            data += event.data
            if event.last:
                found.append((command, bytes(data)))
                command = None
    return found


def echo(message_id: int) -> CEchoRequest:
    """A C-ECHO-RQ."""
    return CEchoRequest(message_id=message_id, affected_sop_class_uid=VERIFICATION)

"""The in-memory shell: sessions over pairs of cores, their scripts performed on virtual time, without sockets or threads.

    scp = Scp(store=lambda inbound, data: inbound.respond(0xB000))
    stage = Stage(scp)
    session = stage.associate(["CTImageStorage"])
    report = stage.run(Store(OneAssociation(session), Items(5)).run())

Whatever is asked for a connection is joined to a new `Session` with the `Scp`
as its provider; its handlers answer at once, later, or are scripts themselves.
As in the asyncio shell a script that waits looks again when its session says
that something has changed, and at no other time.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator, Iterable, Sequence
from contextlib import suppress
from io import BytesIO
from typing import Any, TypeVar, cast

from pydicom import Dataset

from dicomnet.datasets import decode_dataset
from dicomnet.dimse.codec import elements, encode, encode_elements
from dicomnet.dimse.commands import Command, Presence
from dicomnet.dimse.endpoint import Endpoint
from dicomnet.dimse.events import DataReceived, MessageBegun
from dicomnet.dimse.fragments import OutgoingMessage
from dicomnet.dimse.status import Status
from dicomnet.errors import AssociationError, ConnectFailed, DicomTimeout, StateError, StorageError
from dicomnet.exchanges.contexts import Wanted, association_request, find_context, wanted
from dicomnet.exchanges.contracts import Kept
from dicomnet.exchanges.ledger import Ledger
from dicomnet.exchanges.services import verb_of
from dicomnet.exchanges.session import Inbound, Provider, Session
from dicomnet.exchanges.settings import Settings, settings_for
from dicomnet.exchanges.steps import Connect, Pause, Script, Step, Together, Wait, Watch, Work
from dicomnet.exchanges.tolerance import Tolerance
from dicomnet.limits import KIB, Limits, Timeouts
from dicomnet.pdu import AssociateAccept, AssociateReject, AssociateRequest, RoleSelection
from dicomnet.storage.destination import keeper
from dicomnet.storage.held import MemorySink, SpoolSink
from dicomnet.storage.sinks import NullSink
from dicomnet.sync.arrival import Arrival
from dicomnet.types import UID
from dicomnet.ul.events import Event
from dicomnet.ul.negotiation import Context, Policy, negotiate
from pair import CT_IMAGE_STORAGE, EXPLICIT_LE, MemoryBody, Pair, Side, Wire

T = TypeVar("T")

Handler = Callable[[Inbound, bytes | None], Any]

MR_IMAGE_STORAGE = UID("1.2.840.10008.5.1.4.1.1.4")
JPEG = UID("1.2.840.10008.1.2.4.50")


class Stage:
    """Connections, scripts, and the one clock of both.

    Args:
        scp: who answers the connections; None answers with bare endpoints that tests speak through, as `peers` has them.
        latency, buffer_size: of every connection, as for `Pair`.
        limits, timeouts, tolerance: of the sessions that answer.
    """

    def __init__(
        self,
        scp: Scp | None = None,
        *,
        latency: float = 0.0,
        buffer_size: int = 256 * KIB,
        limits: Limits | None = None,
        timeouts: Timeouts | None = None,
        tolerance: Tolerance | None = None,
    ) -> None:
        self.now = 1000.0
        self.scp = scp
        self.refuse_connections = False
        self.limits = limits or Limits()
        self.timeouts = timeouts or Timeouts()
        self.tolerance = tolerance or Tolerance()
        self.latency = latency
        self.buffer_size = buffer_size
        self.actors: list[Actor] = []
        self.sessions: list[Session] = []
        """Ours, of every connection so far."""
        self.peers: list[Actor] = []
        """The other ends of them."""
        self.tasks: list[Task] = []
        self._uids = 0

    # What tests do.

    def run(self, script: Script[T]) -> T:
        """Performs a script to its end, however long that takes."""
        task = self.start(script)
        self.until(lambda: task.done)
        result: T = task.outcome()
        return result

    def start(self, script: Script[Any]) -> Task:
        """Performs a script as far as it goes without waiting; the rest is done while the stage runs."""
        task = Task(self, script)
        self.tasks.append(task)
        task.go_on()
        return task

    def rest(self) -> None:
        """Lets everything happen that can happen at this moment."""
        for _ in range(200_000):
            moved = self._turn()
            if not (self._resume() or moved):
                return
        raise AssertionError("the stage never comes to rest")

    def until(self, done: Callable[[], bool]) -> None:
        """Lets time pass until something is done, from one arrival or deadline to the next."""
        for _ in range(200_000):
            if done():
                return
            moved = self._turn()
            if not (self._resume() or moved) and not self._pass_time():
                raise AssertionError("everybody waits, and nothing will ever happen")
        raise AssertionError("it is never done")

    def advance(self, seconds: float) -> None:
        """Lets so much time pass."""
        self.run(_pause(seconds))
        self.rest()

    def associate(
        self,
        names: Iterable[str | Wanted] = ("verification",),
        *,
        provider: Provider | None = None,
        window: int | tuple[int, int] | None = None,
        roles: Sequence[RoleSelection] = (),
        max_pdu_length: int = 16 * KIB,
        **settings: Any,
    ) -> Session:
        """A session with an association that stands."""
        session = self.connect(provider, **settings)
        session.associate(proposal(names, window=window, roles=roles, max_pdu_length=max_pdu_length))
        self.run(_wait(session, lambda: session.answered))
        session.check()
        return session

    def associate_with_endpoint(
        self,
        names: Iterable[str | Wanted] = ("verification",),
        *,
        provider: Provider | None = None,
        roles: Sequence[RoleSelection] = (),
        window: int | None = None,
        **settings: Any,
    ) -> tuple[Session, Actor]:
        """The same with a bare endpoint, which the test speaks through and which keeps its events."""
        assert self.scp is None
        session = self.connect(provider, **settings)
        request = proposal(names, window=window, roles=roles)
        session.associate(request)
        self.rest()
        peer = self.peers[-1]
        answer = negotiate(request, Policy())
        assert isinstance(answer, AssociateAccept)
        peer.accept(answer)
        self.rest()
        session.check()
        peer.take()
        return session, peer

    def connect(self, provider: Provider | None = None, **settings: Any) -> Session:
        """A session over a connection, and nothing asked for yet."""
        return self.run(_connect(settings_for("ACCEPTOR@peer:104", aet="REQUESTOR", **settings), provider))

    @property
    def peer(self) -> Session:
        """The session at the other end of the latest connection."""
        session = self.peers[-1].session
        assert session is not None
        return session

    def actor_of(self, session: Session) -> Actor:
        return next(actor for actor in self.actors if actor.session is session)

    def hang_up(self, session: Session) -> None:
        """The session's transport closes without a word; the peer reads the end of file."""
        self.actor_of(session).finish()

    # The shell.

    def open(self, settings: Settings, provider: Provider | None) -> Session:
        if self.refuse_connections:
            raise ConnectFailed(settings.address, "connection refused")
        there, back = Wire(self.latency), Wire(self.latency)
        core = Endpoint(requestor=True, limits=settings.limits, timeouts=settings.timeouts)
        ours = Actor(self, core, back, there)
        session = self._session(ours, f"us{len(self.sessions)}", provider, settings.tolerance)
        theirs = Actor(self, Endpoint(requestor=False, limits=self.limits, timeouts=self.timeouts), there, back)
        if self.scp is not None:
            self.scp.stage = self
            self._session(theirs, f"peer{len(self.peers)}", self.scp, self.tolerance)
        self.sessions.append(session)
        self.peers.append(theirs)
        self.actors += [ours, theirs]
        theirs.endpoint.connected(self.now)
        ours.endpoint.connected(self.now)
        return session

    def new_uid(self) -> UID:
        self._uids += 1
        return UID(f"2.25.{self._uids}")

    def _session(self, actor: Actor, name: str, provider: Provider | None, tolerance: Tolerance) -> Session:
        ledger = Ledger(name, self.now)
        ledger.peer = "peer"
        actor.session = Session(actor.endpoint, ledger, provider=provider, tolerance=tolerance)
        actor.session.shell = actor.carrier
        return actor.session

    def _turn(self) -> bool:
        moved = False
        for actor in list(self.actors):
            moved |= actor.write()
        for actor in list(self.actors):
            moved |= actor.read()
        return moved

    def _resume(self) -> bool:
        ready = [task for task in self.tasks if task.ready]
        for task in ready:
            if task.ready:  # still, after what the others did
                task.go_on()
        for task in self.tasks:
            if task.done and task.must_succeed:
                with suppress(AssociationError, DicomTimeout, StateError):  # handlers whose peer has left
                    task.outcome()
        self.tasks = [task for task in self.tasks if not task.done]
        return bool(ready)

    def _pass_time(self) -> bool:
        living = [actor for actor in self.actors if not actor.ended]
        moments = [actor.outgoing.next_arrival for actor in self.actors]
        moments += [actor.endpoint.deadline for actor in living]
        moments += [task.deadline for task in self.tasks]
        after = [moment for moment in moments if moment is not None and moment > self.now]
        due = [task for task in self.tasks if task.deadline is not None and task.deadline <= self.now]
        if not due:
            if not after:
                return False
            self.now = min(after)
        for actor in living:
            actor.meet_deadline()
        for task in self.tasks:
            task.ready = task.ready or (task.deadline is not None and task.deadline <= self.now)
        return True


class Task:
    """A script that is being performed."""

    def __init__(self, stage: Stage, script: Script[Any]) -> None:
        self.stage = stage
        self.script = script
        self.done = False
        self.ready = False
        """Whether what it waits for has happened, or its time is up."""
        self.deadline: float | None = None
        self.must_succeed = False
        """Whether nobody asks how it ended: then its mistakes are those of the test."""
        self.told: Callable[[], None] = lambda: None
        """Called when it is done."""
        self._result: Any = None
        self._error: BaseException | None = None
        self._woken: Callable[[], Any] = lambda: None
        """Ends the wait, and gives what the step gives."""

    def outcome(self) -> Any:
        """What the script returned; or raises what it raised."""
        assert self.done, "the script has not ended"
        if self._error is not None:
            raise self._error
        return self._result

    def leave(self) -> None:
        """Leaves the script where it is, as Ctrl-C or a cancelled task does."""
        if not self.done:
            self._woken()
            self.script.close()
            self.done, self.ready, self.deadline = True, False, None
            self.stage.tasks.remove(self)

    def go_on(self) -> None:
        """From the step that is over to the next that has to wait."""
        self.ready, self.deadline = False, None
        result, error = self._woken(), None
        self._woken = lambda: None
        while True:
            try:
                step: Step = self.script.send(result) if error is None else self.script.throw(error)
            except StopIteration as stop:
                self._result, self.done = stop.value, True
                self.told()
                return
            except Exception as failure:  # noqa: BLE001 (told to whoever asked)
                self._error, self.done = failure, True
                self.told()
                return
            result = error = None
            try:
                if isinstance(step, Work):
                    result = step.function()
                elif isinstance(step, Connect):
                    result = self.stage.open(step.settings, step.provider)
                else:
                    self._wait_for(step)
                    return
            except Exception as failure:  # noqa: BLE001 (the script has to hear of it)
                error = failure

    def _wait_for(self, step: Wait | Watch | Pause | Together) -> None:
        if isinstance(step, Pause):
            self.deadline = self.stage.now + step.seconds
        elif isinstance(step, Wait):
            self._wait(step)
        elif isinstance(step, Watch):
            self._watch(step)
        else:
            tasks = [self.stage.start(script) for script in step.scripts]

            def look() -> None:
                self.ready = all(task.done for task in tasks)

            for task in tasks:
                task.told = look
            self._woken = lambda: [task._result if task._error is None else task._error for task in tasks]
            look()

    def _wait(self, step: Wait) -> None:
        session = step.session
        carrier = session.shell
        assert isinstance(carrier, Carrier)

        def look() -> None:
            over = session.closed_down if step.to_the_end else session.over
            self.ready = self.ready or over or step.until()

        def woken() -> bool:
            carrier.waiters.remove(look)
            session.end_waiting()
            return step.until()

        session.begin_waiting()
        carrier.waiters.append(look)
        self._woken = woken
        self.deadline = None if step.timeout is None else self.stage.now + step.timeout
        look()

    def _watch(self, step: Watch) -> None:
        def look() -> None:
            self.ready = self.ready or step.until()

        key = step.signal.watch(look)

        def woken() -> bool:
            step.signal.forget(key)
            return step.until()

        self._woken = woken
        self.deadline = None if step.timeout is None else self.stage.now + step.timeout
        look()


class Actor(Side):
    """One end of a connection: a side of a pair that tells its session at once, or keeps its events if it has none."""

    def __init__(self, stage: Stage, endpoint: Endpoint, incoming: Wire, outgoing: Wire) -> None:
        super().__init__(cast("Pair", stage), endpoint, incoming, outgoing, stage.buffer_size)
        self.stage = stage
        self.session: Session | None = None
        self.carrier = Carrier(self)
        self.ended = False
        self.pauses: set[str] = set()
        self.buffers_per_pump = 1  # so that the peer may answer before the last byte of a large message is out
        self._pending: deque[Event] = deque()
        self._arrival: Arrival | None = None

    # As the wire of its arrivals.

    def hold(self, count: int) -> None: ...

    def unhold(self, count: int) -> None: ...

    def arrived(self, arrival: Arrival, data: Any, error: Exception | None) -> None:
        assert self.session is not None
        try:
            self.session.message(arrival, data, error)
        except Exception as failure:  # noqa: BLE001 (as the shells do)
            self.fail(failure)

    # The loop.

    def read(self) -> bool:
        if self.ended or self.pauses:
            return False
        if self._pending:
            self.tell((), patient=True)
            return True
        data, ended = self.incoming.arrived(self.now)
        for piece in self.incoming.cut(data):
            if piece and not self.ended:
                self.tell(self.endpoint.receive(piece, self.now), patient=True)
        if ended and not self.ended:
            self.tell(self.endpoint.receive(b"", self.now))
            if self.session is not None:
                self.finish()
        return bool(data) or ended

    def write(self) -> bool:
        return not self.ended and super().write()

    def meet_deadline(self) -> bool:
        deadline = self.endpoint.deadline
        if deadline is None or deadline > self.now:
            return False
        self.tell(self.endpoint.handle_deadline(self.now))
        return True

    def finish(self) -> None:
        """The transport is gone."""
        if self.ended:
            return
        self.ended = self.closed = True
        self.outgoing.end(self.now)
        self.tell(self.endpoint.receive(b"", self.now))
        self.endpoint.close()
        while self._items:  # what was taken and did not leave
            item = self._items.popleft()
            if isinstance(item, OutgoingMessage):
                item.body.close()
        if self._arrival is not None:
            self._arrival.discard()
        if self.session is not None:
            self.session.closed(None)

    def tell(self, events: Iterable[Event], *, patient: bool = False) -> None:
        """Hands events out; when patient no more than until reading pauses."""
        self._pending.extend(events)
        try:
            while self._pending and not (patient and self.pauses):
                self._tell(self._pending.popleft())
        except Exception as error:  # noqa: BLE001 (as the shells do)
            self._pending.clear()
            self.fail(error)

    def fail(self, error: Exception) -> None:
        """The fault of this side, not of the peer."""
        if not self.ended:
            self.endpoint.abort(self.now)
            assert self.session is not None
            self.session.failed(error)

    def _tell(self, event: Event) -> None:
        session = self.session
        if session is None:
            self.events.append(event)
        elif isinstance(event, MessageBegun):
            terms = self.endpoint.terms
            assert terms is not None
            arrival = Arrival(self, event, terms, requestor=self.endpoint.connection.requestor)
            if not event.command.has_data_set:
                session.message(arrival, None, None)
                return
            self._arrival = arrival
            sink = session.choose(arrival)
            if sink is not None:
                arrival.use(sink)
        elif isinstance(event, DataReceived):
            assert self._arrival is not None
            self._arrival.take(event.data, _Lease())
            if event.last:
                arrival, self._arrival = self._arrival, None
                arrival.complete()
        else:
            session.handle(event)

    def _put(self, data: bytes) -> None:
        self.outgoing.write(data, self.now)
        for sent in self.endpoint.sent(len(data), self.now):
            if self.session is None:
                self.sent.append(sent)
            else:
                self.session.sent(sent)

    def _write_buffer(self, message: OutgoingMessage) -> bool:
        if message.remaining:
            used, gaps = message.lay_out(memoryview(self._buffer))
            try:
                message.body.read_into(gaps)
            except Exception as error:  # noqa: BLE001 (as the shells do)
                self.endpoint.forget(used)
                self._items.popleft()
                message.body.close()
                self.fail(error)
                return True
            self._put(bytes(self._buffer[:used]))
        if not message.remaining:
            self._items.popleft()
            message.body.close()
        return True

    def _obey(self, signal: object) -> None:
        super()._obey(signal)
        if self.closed and self.session is not None:
            self.finish()


class Carrier:
    """The shell of one session: `exchanges.session.Shell` on the stage."""

    def __init__(self, actor: Actor) -> None:
        self.actor = actor
        self.waiters: list[Callable[[], None]] = []

    def now(self) -> float:
        return self.actor.now

    def flush(self) -> None:
        """The next turn writes anyway."""

    def changed(self) -> None:
        for look in list(self.waiters):
            look()

    def wake_soon(self) -> None:
        self.changed()

    def work(self, function: Callable[[], T], then: Callable[[T | None, Exception | None], object]) -> None:
        result, error = None, None
        try:
            result = function()
        except Exception as failure:  # noqa: BLE001 (told to who waits)
            error = failure
        then(result, error)

    def memory(self) -> MemorySink:
        return MemorySink(limit=self.actor.endpoint.connection.limits.response_data)

    def spool(self, limit: int | None = None) -> SpoolSink:
        return SpoolSink(limit=limit)

    def nowhere(self) -> NullSink:
        return NullSink()

    def keeper(self, destination: Any) -> Callable[[Any], Any]:
        return keeper(destination)

    def new_uid(self) -> UID:
        return self.actor.stage.new_uid()

    def pause(self, reason: str) -> None:
        if not self.actor.pauses:
            self.actor.endpoint.reading(True, self.now())
        self.actor.pauses.add(reason)

    def resume(self, reason: str) -> None:
        if reason in self.actor.pauses:
            self.actor.pauses.discard(reason)
            if not self.actor.pauses:
                self.actor.endpoint.reading(False, self.now())

    def abort(self, source: int, reason: int) -> None:
        self.actor.endpoint.abort(self.now(), source, reason)


class Scp:
    """A provider that does what a test says.

    Args:
        policy: decides associations.
        handlers: by verb, with underscores; called with the request and its data set. One that returns a script has it
            performed. Whatever has no handler is answered with success.
    """

    def __init__(self, policy: Policy | None = None, **handlers: Handler) -> None:
        self.policy = policy or Policy(max_pdu_length=16 * KIB)
        self.handlers = {verb.replace("_", "-"): handler for verb, handler in handlers.items()}
        self.stage: Stage | None = None
        self.asked: list[AssociateRequest] = []
        self.requests: list[Inbound] = []
        self.data: list[bytes | None] = []
        """The data sets of the requests."""
        self.cancels: list[Inbound] = []
        self.ends: list[Session] = []

    @property
    def commands(self) -> list[Command]:
        return [inbound.command for inbound in self.requests]

    def associate(self, session: Session, request: AssociateRequest) -> None:
        self.asked.append(request)
        answer = negotiate(request, self.policy)
        if isinstance(answer, AssociateReject):
            session.reject(answer)
        else:
            session.accept(answer)

    def choose(self, inbound: Inbound) -> Any:
        return inbound.session.shell.memory()

    def perform(self, inbound: Inbound, data: Kept | None, error: Exception | None) -> None:
        self.requests.append(inbound)
        self.data.append(None if data is None else data.bytes())
        handler = self.handlers.get(verb_of(inbound.command))
        if handler is None:
            inbound.respond(0x0000)
            return
        script = handler(inbound, self.data[-1])
        if isinstance(script, Generator):
            assert self.stage is not None
            self.stage.start(script).must_succeed = True

    def cancelled(self, inbound: Inbound) -> None:
        self.cancels.append(inbound)

    def ended(self, session: Session) -> None:
        self.ends.append(session)


class Item:
    """An instance to be stored: so many bytes of one kind."""

    def __init__(
        self, index: int, *, sop_class: str = CT_IMAGE_STORAGE, syntax: str = EXPLICIT_LE, length: int = 100
    ) -> None:
        self.name = f"item{index}"
        self.path = None
        self.index = index
        self.sop_class_uid = UID(sop_class)
        self.sop_instance_uid = UID(f"1.2.3.{index + 1}")
        self.transfer_syntax_uid = UID(syntax)
        self.length = length
        self.bodies: list[MemoryBody] = []
        self.asked: list[str] = []
        """As what a body was asked for."""

    def claim(self) -> str | None:
        return None

    def disclaim(self) -> None:
        """There are no copies of it."""

    def body(self, read_ahead: int = 0) -> MemoryBody:
        return self._body("as it is")

    def converted(self, transfer_syntax_uid: str) -> MemoryBody:
        return self._body(f"converted to {transfer_syntax_uid}")

    def decoded(self, transfer_syntax_uid: str) -> MemoryBody:
        return self._body(f"decoded to {transfer_syntax_uid}")

    def _body(self, how: str) -> MemoryBody:
        self.asked.append(how)
        self.bodies.append(MemoryBody(bytes(self.length)))
        return self.bodies[-1]


class Failing(Item):
    """One that cannot be read at all, or whose body breaks off in the middle."""

    def __init__(self, index: int, *, in_the_middle: bool = True, **kind: Any) -> None:
        super().__init__(index, **kind)
        self._in_the_middle = in_the_middle

    def _body(self, how: str) -> MemoryBody:
        if not self._in_the_middle:
            raise StorageError("the disk is gone")
        super()._body(how)
        body = self.bodies[-1] = _Breaking(bytes(self.length))
        return body


class _Breaking(MemoryBody):
    def read_into(self, views: Sequence[memoryview]) -> None:
        raise StorageError("the disk broke")


class Skipped:
    """What a source has that is no instance."""

    def __init__(self, index: int, reason: str) -> None:
        self.name, self.path, self.index, self.reason = f"item{index}", None, index, reason


class Unreadable:
    """What a source cannot read."""

    def __init__(self, index: int, error: Exception) -> None:
        self.name, self.path, self.index, self.error = f"item{index}", None, index, error


class Items:
    """A source: so many instances, or these; also what raises in the middle."""

    def __init__(self, items: int | Iterable[Any]) -> None:
        self.given: list[Any] = []
        self._items = iter([Item(index) for index in range(items)] if isinstance(items, int) else items)

    def take(self, count: int) -> list[Any]:
        taken = [item for _, item in zip(range(count), self._items, strict=False)]
        self.given += taken
        return taken

    def all_closed(self) -> bool:
        """Whether every body was closed, and once."""
        return all(body.closed == 1 for item in self.given for body in getattr(item, "bodies", ()))


class _Lease:
    def release(self, view_still_used: bool = False) -> None: ...


def respond_anyway(inbound: Inbound, status: int, data: bytes | None = None, **fields: Any) -> None:
    """Answers a request with what we would refuse to send: a data set too many, or one too few."""
    response = inbound.command.respond(status, **fields)
    response.has_data_set = response.data_set is Presence.ALWAYS or status in (Status.PENDING, Status.PENDING_WARNING)
    values = elements(encode(response))
    values[0x0800] = 0x0101 if data is None else 0x0001
    session = inbound.session
    command_set = encode_elements(values)
    session.core.send(inbound.context.context_id, response, session.shell.now(), data, command_set=command_set)


def dataset(**attributes: Any) -> Dataset:
    """A data set with these attributes."""
    made = Dataset()
    for keyword, value in attributes.items():
        setattr(made, keyword, value)
    return made


def decoded(data: bytes | None, transfer_syntax: str = EXPLICIT_LE) -> Dataset:
    """The data set in these bytes."""
    assert data is not None
    return decode_dataset(BytesIO(data), transfer_syntax)


def proposal(
    names: Iterable[str | Wanted],
    *,
    window: int | tuple[int, int] | None = None,
    roles: Sequence[RoleSelection] = (),
    max_pdu_length: int = 16 * KIB,
) -> AssociateRequest:
    """An association request for whatever the names stand for."""
    return association_request(
        wanted(names),
        calling_ae="REQUESTOR",
        called_ae="ACCEPTOR",
        max_pdu_length=max_pdu_length,
        roles=roles,
        window=window,
    )


def context_of(session: Session, name: str, *, as_scu: bool = True) -> Context:
    """The context of a session for a SOP class."""
    (one,) = {item.abstract_syntax for item in wanted([name])}
    return find_context(session.check(), one, as_scu=as_scu)


def _pause(seconds: float) -> Script[None]:
    yield Pause(seconds)


def _wait(session: Session, until: Callable[[], bool]) -> Script[bool]:
    return (yield Wait(session, until))


def _connect(settings: Settings, provider: Provider | None) -> Script[Session]:
    return (yield Connect(settings, provider))

"""One end of an association with a user who answers everything, and what must hold of it whatever its peer says."""

from __future__ import annotations

from collections.abc import Iterable

from dicomnet.dimse.commands import (
    CCancelRequest,
    CEchoRequest,
    CFindRequest,
    CGetRequest,
    Command,
    CStoreRequest,
    NCreateRequest,
    NGetRequest,
    Request,
    Response,
)
from dicomnet.dimse.endpoint import Endpoint
from dicomnet.dimse.events import DataReceived, MessageBegun
from dicomnet.dimse.fragments import OutgoingMessage
from dicomnet.errors import InvalidValue, StateError
from dicomnet.limits import KIB, MIB, Limits
from dicomnet.pdu import (
    AssociateAccept,
    AssociateRequest,
    AsynchronousWindow,
    ProposedContext,
    RoleSelection,
    UserInformation,
)
from dicomnet.types import UID
from dicomnet.ul.connection import CLOSE, SEND_EOF
from dicomnet.ul.events import (
    Aborted,
    AssociateAccepted,
    AssociateRequested,
    Event,
    ProtocolViolated,
    ReleaseRequested,
    TimedOut,
    TransportClosed,
)
from dicomnet.ul.machine import TABLE, Action, Input, State
from dicomnet.ul.negotiation import Policy, negotiate

VERIFICATION = UID("1.2.840.10008.1.1")
CT_IMAGE_STORAGE = UID("1.2.840.10008.5.1.4.1.1.2")
STUDY_ROOT_FIND = UID("1.2.840.10008.5.1.4.1.2.2.1")
STUDY_ROOT_GET = UID("1.2.840.10008.5.1.4.1.2.2.3")
PROCEDURE_STEP = UID("1.2.840.10008.3.1.2.3.3")
IMPLICIT_LE = UID("1.2.840.10008.1.2")
EXPLICIT_LE = UID("1.2.840.10008.1.2.1")
ECHO, CT, FIND, GET, STEP = 1, 3, 5, 7, 9

REQUEST = AssociateRequest(
    called_ae="ACCEPTOR",
    calling_ae="REQUESTOR",
    contexts=(
        ProposedContext(ECHO, VERIFICATION, (IMPLICIT_LE,)),
        ProposedContext(CT, CT_IMAGE_STORAGE, (EXPLICIT_LE, IMPLICIT_LE)),
        ProposedContext(FIND, STUDY_ROOT_FIND, (EXPLICIT_LE,)),
        ProposedContext(GET, STUDY_ROOT_GET, (EXPLICIT_LE,)),
        ProposedContext(STEP, PROCEDURE_STEP, (EXPLICIT_LE,)),
    ),
    user_information=UserInformation(
        max_pdu_length=16 * KIB,
        implementation_class_uid=UID("1.2.3.4"),
        asynchronous_window=AsynchronousWindow(4, 4),
        roles=(RoleSelection(CT_IMAGE_STORAGE, scu=True, scp=True),),
    ),
)

DATA = (
    bytes.fromhex("08001600 5549 1a00")
    + CT_IMAGE_STORAGE.encode()
    + b"\0"
    + bytes.fromhex("e07f1000 4f420000 04000000 01020304")
)
"""A data set of two elements, explicit VR little endian."""


class Conversation:
    """Feeds an end, and is its user and its shell.

    After each step it checks that the state is one of the table's and was
    reached by one of its steps, that what is held stays within the limits, that
    there is a deadline while anything is expected, and that nothing is told
    after the end. `told` is what happened, in words.

    Args:
        requestor: which end; as requestor it asks for an association.
        tap, traced: as for `Endpoint`; tracing takes the longer way through it.
        asks: whether it sends a few requests once there is an association, and asks for release behind them.
        policy: what it agrees to as acceptor.
    """

    def __init__(
        self,
        *,
        requestor: bool,
        tap: bool = False,
        traced: bool = False,
        asks: bool = True,
        policy: Policy | None = None,
    ) -> None:
        self.told: list[str] = []
        self.written: list[bytes] = []
        """All that it has sent."""
        self.now = 0.0
        self.over = False
        """Whether the transport is closed, by whichever side."""
        self.most_held = 0
        """Bytes."""
        self.endpoint = Endpoint(requestor=requestor, tap=tap, trace=self._stepped if traced else None)
        self._asks = asks
        self._policy = policy or _POLICY
        self._command: Command | None = None
        self._context = 0
        if requestor:
            self.endpoint.associate(REQUEST, self.now)
        self.endpoint.connected(self.now)
        self._write()
        self._check()

    def feed(self, pieces: Iterable[bytes]) -> None:
        """Lets it read these, until it closes."""
        for piece in pieces:
            if self.over:
                return
            if not piece:  # to the end that is its end of file
                continue
            self.now += 0.01
            self._hear(self.endpoint.receive(memoryview(piece), self.now), len(piece))
            held = holding(self.endpoint)
            self.most_held = max(self.most_held, held)
            assert held <= MOST_HELD, f"{held} bytes are held"
            self._write()
            self._check()

    def hang_up(self) -> None:
        """The peer closes; then it is over on both sides."""
        if not self.over:
            self._hear(self.endpoint.receive(b"", self.now), 0)
            self._write()
        assert self.over, f"open in {self.endpoint.state.name} after the end of file"
        assert not self.endpoint.receive(b"", self.now), "events after the end"
        assert not self.endpoint.receive(b"\7", self.now), "events after the end"
        self._check()

    def wait(self) -> None:
        """The peer says nothing more: from deadline to deadline it comes to an end by itself."""
        for _ in range(_MOST_DEADLINES):
            if self.over:
                break
            deadline = self.endpoint.deadline
            assert deadline is not None, f"waits for ever in {self.endpoint.state.name}"
            self.now = max(self.now, deadline)
            self._hear(self.endpoint.handle_deadline(self.now), 0)
            after = self.endpoint.deadline
            assert after is None or after > self.now, f"still due in {self.endpoint.state.name}"
            self._write()
            self._check()
        self.hang_up()

    # The user.

    def _hear(self, events: list[Event], size: int) -> None:
        assert len(events) <= 8 + size, f"{len(events)} events of {size} bytes"
        for event in events:
            assert not self.over, f"{event!r} after the end"
            self.told.append(described(event))
            self._answer(event)

    def _answer(self, event: Event) -> None:
        endpoint = self.endpoint
        if isinstance(event, AssociateRequested):
            if endpoint.state is State.AWAITING_LOCAL_ANSWER:  # else it has been aborted in the same breath
                answer = negotiate(event.request, self._policy)
                if isinstance(answer, AssociateAccept):
                    endpoint.accept(answer, self.now)
                    self._ask()
                else:
                    endpoint.reject(answer, self.now)
        elif isinstance(event, AssociateAccepted):
            self._ask()
        elif isinstance(event, ReleaseRequested):
            if endpoint.is_associated:
                endpoint.answer_release(self.now)
        elif isinstance(event, MessageBegun):
            self._command, self._context = event.command, event.context.context_id
            if not event.command.has_data_set:
                self._respond()
        elif isinstance(event, DataReceived):
            assert self._command is not None, "data without a command"
            if event.last:
                self._respond()

    def _ask(self) -> None:
        """Sends what there are answers to, and a release that waits for them."""
        if not self._asks:
            return
        for context_id, command, data in requests():
            self._send(context_id, command, data)
        if self.endpoint.state is State.ASSOCIATED:
            self.endpoint.release(self.now)

    def _respond(self) -> None:
        command, self._command = self._command, None
        if isinstance(command, Response):
            self.told.append(f"{command.name} {command.message_id_being_responded_to} {command.status}")
            return
        if not isinstance(command, Request) or isinstance(command, CCancelRequest):
            return
        self.told.append(f"{command.name} {command.message_id}")
        if isinstance(command, CFindRequest):
            self._send(self._context, command.respond(0xFF00), DATA)
        # What cannot be a success, an N-GET without a data set or an N-CREATE of nothing, is refused.
        self._send(self._context, command.respond(0x0110 if isinstance(command, _REFUSED) else 0), None)

    def _send(self, context_id: int, command: Command, data: bytes | None) -> None:
        """Sends it if that is allowed now: what is not raises one of these two, and changes nothing."""
        before = self.endpoint.state
        try:
            self.endpoint.send(context_id, command, self.now, data)
        except (StateError, InvalidValue):
            assert self.endpoint.state is before

    # The shell.

    def _write(self) -> None:
        """Takes all there is to send."""
        while items := self.endpoint.data_to_send():
            for item in items:
                if item is CLOSE:
                    self.over = True
                    return
                if item is SEND_EOF:
                    continue
                assert not isinstance(item, OutgoingMessage)
                self.told.append(f"{len(item)} out, {item[0]}")
                self.written.append(item)
                self.endpoint.sent(len(item), self.now)

    def _check(self) -> None:
        endpoint = self.endpoint
        assert type(endpoint.state) is State
        if not self.over:
            busy = endpoint.operations.performing and not endpoint.operations.invoked
            assert endpoint.deadline is not None or busy, f"no deadline in {endpoint.state.name}"
        if not endpoint.is_associated:
            assert not endpoint.operations, "operations outlive their association"

    def _stepped(self, event: Input, before: State, action: Action, after: State) -> None:
        taken, follows = TABLE[event][before]
        assert action is taken
        assert after in (follows if isinstance(follows, tuple) else (follows,))
        self.told.append(f"{event.name} in {before.name}: {action.__name__}, {after.name}")


def cut(stream: bytes, sizes: Iterable[int]) -> Iterable[bytes]:
    """The stream in pieces of these sizes; the rest is the last."""
    start = 0
    for size in sizes:
        if start >= len(stream):
            return
        yield stream[start : start + size]
        start += size
    yield stream[start:]


def holding(endpoint: Endpoint) -> int:
    """Bytes that an end holds for its peer: what has begun to come, what has not left."""
    connection = endpoint.connection
    held = len(connection._partial) + len(endpoint._assembler._command)
    held += sum([len(item) for item in connection._out if isinstance(item, bytes)])
    return held + sum([len(one.command_set) for one in endpoint._waiting or ()])


def described(event: Event) -> str:
    """What happened, in a few words that are the same in every run."""
    if isinstance(event, DataReceived):
        return f"data {len(event.data)} {event.last}"
    if isinstance(event, MessageBegun):
        return f"message {event.context.context_id} {event.command.name}"
    if isinstance(event, ProtocolViolated):
        return f"violated: {event.error}"
    if isinstance(event, Aborted):
        return f"aborted {event.source} {event.reason} {event.by_peer}"
    if isinstance(event, TransportClosed | TimedOut):
        return repr(event)
    return type(event).__name__


def requests() -> list[tuple[int, Command, bytes | None]]:
    """What an end that asks sends: context, command and data set of each."""
    return [
        (ECHO, CEchoRequest(message_id=1, affected_sop_class_uid=VERIFICATION), None),
        (
            CT,
            CStoreRequest(
                message_id=2,
                affected_sop_class_uid=CT_IMAGE_STORAGE,
                affected_sop_instance_uid=UID("1.2.3"),
                priority=0,
            ),
            DATA,
        ),
        (FIND, CFindRequest(message_id=3, affected_sop_class_uid=STUDY_ROOT_FIND, priority=0), DATA),
        (FIND, CCancelRequest(message_id_being_responded_to=3), None),
        (GET, CGetRequest(message_id=4, affected_sop_class_uid=STUDY_ROOT_GET, priority=0), DATA),
        (STEP, NCreateRequest(message_id=5, affected_sop_class_uid=PROCEDURE_STEP), DATA),
    ]


_REFUSED = (NGetRequest, NCreateRequest)
_POLICY = Policy(max_pdu_length=16 * KIB)
_LIMITS = Limits()
MOST_HELD = (
    max(_LIMITS.association_pdu, MIB)  # a tap gathers data PDUs of up to a MiB
    + _LIMITS.command_set
    + (_LIMITS.asynchronous_window + _LIMITS.excess_operations + 1) * KIB
)
"""Bytes that the limits allow an end to hold."""
_MOST_DEADLINES = 8
"""Of silence: an answer, a release, ARTIM; each ends something."""

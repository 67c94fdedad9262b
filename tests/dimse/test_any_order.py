"""Two ends in any order of what users, networks and clocks can do, against a model of what each user knows.

Hypothesis writes the stories: requests, answers, cancels, releases, aborts,
cuts, silence, time that passes, sides that do not read. After each step both
ends are in a state of the table, hold little, have a deadline while they expect
anything, tell nothing after their end, and know exactly the messages that the
model has outstanding. In the end, when the peer is silent, both are closed.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from hypothesis import HealthCheck, settings, strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from dicomnet.dimse.commands import (
    CCancelRequest,
    CEchoRequest,
    CFindRequest,
    Command,
    CStoreRequest,
    Request,
    Response,
)
from dicomnet.dimse.events import DataReceived, MessageBegun
from dicomnet.dimse.status import Status
from dicomnet.errors import StateError
from dicomnet.limits import KIB
from dicomnet.types import UID
from dicomnet.ul.events import Aborted, ReleaseConfirmed, ReleaseRequested, TransportClosed
from dicomnet.ul.machine import State
from pair import (
    CT,
    CT_IMAGE_STORAGE,
    ECHO,
    FIND,
    STUDY_ROOT_FIND,
    VERIFICATION,
    MemoryBody,
    Pair,
    RoleSelection,
    Side,
    associated,
)

HOUR = 3600.0

sides = st.integers(0, 1)
windows = st.sampled_from((None, (1, 1), (3, 2), (0, 0)))
kinds = st.lists(st.sampled_from(("echo", "store", "find", "file")), min_size=1, max_size=4)
one_in_ten = st.integers(0, 9).map(lambda number: number == 5)
"""For what ends a story."""


class User:
    """What the user of one side knows."""

    def __init__(self, side: Side) -> None:
        self.side = side
        self.asked: dict[int, Request] = {}
        """Requests of its own without a final response."""
        self.heard: dict[int, tuple[int, Request]] = {}
        """Requests of the peer that it has not answered, with their contexts."""
        self.coming: tuple[int, Command] | None = None
        """The message of which data are still to come."""
        self.release_asked_of_us = False
        self.ended = False
        self.next_id = 1

    def learn(self) -> None:
        """Takes note of what has happened."""
        for event in self.side.take():
            if isinstance(event, MessageBegun):
                assert not self.ended, f"{event!r} after the end"
                self.coming = event.context.context_id, event.command
                self._check(event)
                if not event.command.has_data_set:
                    self._whole()
            elif isinstance(event, DataReceived):
                assert not self.ended, f"{event!r} after the end"
                assert self.coming is not None
                if event.last:
                    self._whole()
            elif isinstance(event, ReleaseRequested):
                self.release_asked_of_us = True
            elif isinstance(event, Aborted | TransportClosed | ReleaseConfirmed):
                self.end()
        if not self.side.endpoint.is_associated:
            self.end()

    def end(self) -> None:
        """The association is over for it."""
        self.ended = True
        self.asked.clear()
        self.heard.clear()
        self.coming = None

    def answer(self, response: Response, data: bytes | None, context: int) -> bool:
        """Sends a response, if that is still possible."""
        return attempt(self, lambda: self.side.send(response, data, context_id=context))

    def _check(self, event: MessageBegun) -> None:
        """A response belongs to a request, and to that one."""
        command = event.command
        if isinstance(command, Response):
            assert event.operation is not None
            assert event.operation.request is self.asked[command.message_id_being_responded_to or 0]
            if command.status.is_final:
                del self.asked[command.message_id_being_responded_to or 0]
        elif isinstance(command, Request) and not isinstance(command, CCancelRequest):
            assert command.message_id not in self.heard, "heard twice"
            self.heard[command.message_id or 0] = event.context.context_id, command

    def _whole(self) -> None:
        self.coming = None


class Association(RuleBasedStateMachine):
    """See the head of this file."""

    pair: Pair
    users: tuple[User, User]

    @initialize(window=windows, max_pdu=st.sampled_from((64, 16 * KIB)), asked=st.tuples(kinds, kinds))
    def begin(
        self, window: tuple[int, int] | None, max_pdu: int, asked: tuple[Sequence[str], Sequence[str]] = ((), ())
    ) -> None:
        """An association; both sides ask for something at once, since a story in which nobody asks is a short one."""
        self.pair = associated(
            window=window,
            max_pdu_length=max_pdu,
            roles=tuple(RoleSelection(UID(c), scu=True, scp=True) for c in (VERIFICATION, CT_IMAGE_STORAGE)),
            latency=0.001,
        )
        self.users = (User(self.pair.requestor), User(self.pair.acceptor))
        for user, wanted in zip(self.users, asked, strict=True):
            for kind in wanted:
                self._ask(user, kind, 20)

    # What users do.

    @rule(who=sides, wanted=kinds, size=st.integers(1, 200))
    def ask(self, who: int, wanted: Sequence[str], size: int) -> None:
        for kind in wanted:
            self._ask(self.users[who], kind, size)

    def _ask(self, user: User, kind: str, size: int) -> None:
        message_id = user.next_id
        command: Request
        data: bytes | MemoryBody | None = bytes(2 * size)
        if kind == "echo":
            context, command, data = (
                ECHO,
                CEchoRequest(message_id=message_id, affected_sop_class_uid=VERIFICATION),
                None,
            )
        elif kind == "find":
            context, command = FIND, CFindRequest(message_id=message_id, affected_sop_class_uid=STUDY_ROOT_FIND)
        else:
            context = CT
            command = CStoreRequest(
                message_id=message_id,
                affected_sop_class_uid=CT_IMAGE_STORAGE,
                affected_sop_instance_uid=UID(f"1.2.{message_id}"),
            )
            if kind == "file":
                data = MemoryBody(bytes(400 * size), blocking=True)
        if attempt(user, lambda: user.side.send(command, data, context_id=context)):
            user.asked[message_id] = command
            user.next_id += 1

    @rule(who=sides, most=st.integers(1, 5), status=st.sampled_from((0x0000, 0x0110, 0xFF00)))
    def answer(self, who: int, most: int, status: int) -> None:
        """Answers some of what has come, the last first."""
        user = self.users[who]
        self.pair.pass_quickly()
        user.learn()
        for message_id, (context, request) in sorted(user.heard.items(), reverse=True)[:most]:
            pending = status == 0xFF00 and isinstance(request, CFindRequest)
            response = request.respond(Status(status if status != 0xFF00 or pending else 0))
            if user.answer(response, b"\0\0" if pending else None, context) and not pending:
                del user.heard[message_id]
        self.pair.pass_quickly()

    @rule(who=sides, which=st.integers(0, 5))
    def cancel(self, who: int, which: int) -> None:
        user = self.users[who]
        if user.asked:
            named = CCancelRequest(message_id_being_responded_to=sorted(user.asked)[which % len(user.asked)])
            attempt(user, lambda: user.side.send(named, context_id=FIND))

    @rule(who=sides)
    def reuse_a_message_id(self, who: int) -> None:
        """Refused, while the request of that ID is outstanding."""
        user = self.users[who]
        if user.asked:
            again = CEchoRequest(message_id=min(user.asked), affected_sop_class_uid=VERIFICATION)
            assert not attempt(user, lambda: user.side.send(again))

    @rule(who=sides)
    def answer_what_nobody_asked(self, who: int) -> None:
        """Refused: the peer would take it for the answer to something else."""
        user = self.users[who]
        response = CEchoRequest(message_id=60_000, affected_sop_class_uid=VERIFICATION).respond(0)
        assert not attempt(user, lambda: user.side.send(response))

    @rule(whose=st.sampled_from(((), (), (0,), (1,), (0, 1))))
    def release(self, whose: tuple[int, ...]) -> None:
        """One side asks for release, or both at the same time, or nobody yet."""
        for who in whose:
            attempt(self.users[who], self.users[who].side.release)

    @rule(who=sides)
    def answer_release(self, who: int) -> None:
        user = self.users[who]
        if user.release_asked_of_us:
            attempt(user, user.side.answer_release)

    @rule(who=sides, chance=one_in_ten)
    def abort(self, who: int, chance: bool) -> None:
        if chance:
            self.users[who].side.abort()

    @precondition(lambda self: all(user.ended for user in self.users))
    @rule(window=windows, wanted=kinds)
    def begin_again(self, window: tuple[int, int] | None, wanted: Sequence[str]) -> None:
        """A story need not be over with its first association."""
        self.teardown()
        self.begin(window, 16 * KIB, (wanted, wanted))

    # What networks and clocks do.

    @rule()
    def deliver(self) -> None:
        self.pair.pass_quickly()

    @rule(seconds=st.sampled_from((0.0005, 1.0, 9.0, 29.0, 55.0, 61.0, 301.0)))
    def wait(self, seconds: float) -> None:
        self.pair.advance(seconds)

    @rule(who=sides)
    def pause(self, who: int) -> None:
        if self.users[who].side.reading:
            self.users[who].side.pause_reading()

    @rule(who=sides)
    def resume(self, who: int) -> None:
        if not self.users[who].side.reading:
            self.users[who].side.resume_reading()

    @rule(who=sides, blocked=st.booleans())
    def fill_the_window(self, who: int, blocked: bool) -> None:
        self.users[who].side.outgoing.blocked = blocked

    @rule(who=sides, chance=one_in_ten)
    def pull_the_cable(self, who: int, chance: bool) -> None:
        if chance:
            self.pair.fall_silent(self.users[who].side)

    @rule(who=sides, chance=one_in_ten)
    def hang_up(self, who: int, chance: bool) -> None:
        user = self.users[who]
        if chance and not user.side.closed:
            user.side.endpoint.close()
            user.side.write()

    # What must hold.

    @invariant()
    def each_side_is_in_order(self) -> None:
        for user in self.users:
            user.learn()
            endpoint, operations = user.side.endpoint, user.side.endpoint.operations
            assert type(endpoint.state) is State
            if endpoint.is_associated:
                assert operations.invoked.keys() | operations.waiting == user.asked.keys()
                assert operations.performing.keys() == user.heard.keys()
                assert not operations.invoked.keys() & operations.waiting
            else:
                assert not operations
                assert not operations.waiting
            connection = endpoint.connection
            assert len(connection._partial) + len(endpoint._assembler._command) <= 4 * KIB
            if not user.side.closed and not connection.closed and user.side.reading:
                owes = bool(operations.performing) and not operations.invoked
                assert endpoint.deadline is not None or owes, f"no deadline in {endpoint.state.name}"

    def teardown(self) -> None:
        """Nobody does anything more: both sides come to their end by themselves."""
        if not hasattr(self, "pair"):
            return
        for user in self.users:
            user.side.outgoing.blocked = False
            if not user.side.reading:
                user.side.resume_reading()
        for _ in range(10):  # an answer makes room for requests that waited
            self.pair.pass_quickly()
            for user in self.users:  # a user that owes an answer for ever is nobody's fault but its own
                user.learn()
                for message_id, (context, request) in list(user.heard.items()):
                    if user.answer(request.respond(0x0110), None, context):
                        del user.heard[message_id]
        self.pair.advance(HOUR)
        self.each_side_is_in_order()
        self.pair.advance(HOUR)
        self.each_side_is_in_order()
        for user in self.users:
            assert user.side.closed, f"still open in {user.side.endpoint.state.name}"


def attempt(user: User, act: Callable[[], None]) -> bool:
    """Does it, unless the state forbids it; then nothing has changed."""
    before = user.side.endpoint.state
    try:
        act()
    except StateError:
        assert user.side.endpoint.state is before
        return False
    return True


TestAssociation = Association.TestCase
TestAssociation.settings = settings(
    max_examples=60,
    stateful_step_count=60,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)

"""Every cell of Table 9-10, reached and left by nothing but bytes, requests, an end of file and time."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest

from dicomnet.errors import StateError
from dicomnet.limits import Timeouts
from dicomnet.pdu import AssociateReject
from dicomnet.ul.connection import CLOSE, SEND_EOF, Connection
from dicomnet.ul.events import (
    Aborted,
    AssociateAccepted,
    AssociateRejected,
    AssociateRequested,
    Event,
    Fragment,
    ProtocolViolated,
    ReleaseConfirmed,
    ReleaseRequested,
    RequestRefused,
    TimedOut,
    TransportClosed,
)
from dicomnet.ul.machine import TABLE, Action, Input, State
from pdu.vectors import accepted, requested
from ul.table_9_10 import TABLE_9_10, Cell
from ul.wire import (
    ABORT_BY_USER,
    ABORT_INVALID_VALUE,
    ABORT_UNEXPECTED_PDU,
    ABORT_UNRECOGNIZED_PDU,
    AC,
    NOW,
    P_DATA,
    RELEASE_RP,
    RELEASE_RQ,
    RJ,
    RQ,
    everything_to_send,
)

RQ_OF_ANOTHER_APPLICATION = RQ.replace(b"1.2.840.10008.3.1.1.1", b"1.2.840.10008.3.1.1.2")
RJ_APPLICATION_CONTEXT = b"\3\0\0\0\0\4\0\1\1\2"
UNKNOWN_PDU = b"\x0a\0\0\0\0\0"
SHORT_RELEASE_RP = b"\6\0\0\0\0\2\0\0"

ARTIM = 7.0
NO_OTHER_TIMES = Timeouts(artim=ARTIM, associate=None, release=None, idle=None, stall=None)
LATER = 103.0


class Walk:
    """A connection on its way through the states, and what it did in its last step."""

    def __init__(self, *, requestor: bool) -> None:
        self.steps: list[tuple[Input, State, Action, State]] = []
        self.connection = Connection(requestor=requestor, timeouts=NO_OTHER_TIMES, trace=self._trace)
        self.now = NOW
        self.events: list[Event] = []
        self.output: list[Any] = []

    def _trace(self, *step: Any) -> None:
        self.steps.append(step)

    def go(self, *moves: Move) -> Walk:
        for move in moves:
            self.steps.clear()
            self.events = move(self) or []
            self.output = everything_to_send(self.connection)
        return self

    def __getattr__(self, name: str) -> Any:
        return getattr(self.connection, name)


Move = Callable[[Walk], "list[Event] | None"]


def receive(data: bytes) -> Move:
    return lambda walk: walk.receive(data, walk.now)


def connect(walk: Walk) -> None:
    walk.connected(walk.now)


def associate(walk: Walk) -> None:
    walk.associate(requested(), walk.now)


def accept_it(walk: Walk) -> None:
    walk.accept(accepted(), walk.now)


def reject_it(walk: Walk) -> None:
    walk.reject(AssociateReject(1, 1, 1), walk.now)


def send_data(walk: Walk) -> None:
    walk.send_data(P_DATA, len(P_DATA), walk.now)


def release(walk: Walk) -> None:
    walk.release(walk.now)


def answer_release(walk: Walk) -> None:
    walk.answer_release(walk.now)


def abort(walk: Walk) -> None:
    walk.abort(walk.now)


def let_time_pass(walk: Walk) -> list[Event]:
    """To the deadline, where there is one; else as far as ARTIM could take."""
    walk.now = walk.deadline if walk.deadline is not None else walk.now + ARTIM
    return walk.connection.handle_deadline(walk.now)


hang_up = receive(b"")

REQUESTED = (associate, connect)
ASKED = (connect, receive(RQ))
WAYS: dict[tuple[int, str], tuple[Move, ...]] = {
    (1, "requestor"): (),
    (4, "requestor"): (associate,),
    (5, "requestor"): REQUESTED,
    (6, "requestor"): (*REQUESTED, receive(AC)),
    (7, "requestor"): (*REQUESTED, receive(AC), release),
    (8, "requestor"): (*REQUESTED, receive(AC), receive(RELEASE_RQ)),
    (9, "requestor"): (*REQUESTED, receive(AC), release, receive(RELEASE_RQ)),
    (11, "requestor"): (*REQUESTED, receive(AC), release, receive(RELEASE_RQ), answer_release),
    (13, "requestor"): (*REQUESTED, receive(AC), receive(RELEASE_RQ), answer_release),
    (1, "acceptor"): (),
    (2, "acceptor"): (connect,),
    (3, "acceptor"): ASKED,
    (6, "acceptor"): (*ASKED, accept_it),
    (7, "acceptor"): (*ASKED, accept_it, release),
    (8, "acceptor"): (*ASKED, accept_it, receive(RELEASE_RQ)),
    (10, "acceptor"): (*ASKED, accept_it, release, receive(RELEASE_RQ)),
    (12, "acceptor"): (*ASKED, accept_it, release, receive(RELEASE_RQ), receive(RELEASE_RP)),
    (13, "acceptor"): (*ASKED, reject_it),
}
"""How each state is reached by each side that can be in it."""

MOVES: dict[int, Move] = {
    1: associate,
    2: connect,
    3: receive(AC),
    4: receive(RJ),
    5: connect,
    6: receive(RQ),
    7: accept_it,
    8: reject_it,
    9: send_data,
    10: receive(P_DATA),
    11: release,
    12: receive(RELEASE_RQ),
    13: receive(RELEASE_RP),
    14: answer_release,
    15: abort,
    16: receive(ABORT_BY_USER),
    17: hang_up,
    18: let_time_pass,
    19: receive(UNKNOWN_PDU),
}
"""What makes each event happen."""

PRIMITIVES = {1, 7, 8, 9, 11, 14}
PDUS = {3, 4, 6, 10, 12, 13, 16, 19}
_OTHER_SIDE = {1: "acceptor", 2: "acceptor", 5: "requestor"}
"""Whom an event cannot happen to: who opened the transport is settled when a connection is made."""


@dataclass(frozen=True)
class Outcome:
    """What the sentence that the standard has for an action comes to on the wire and for the user."""

    output: tuple[object, ...] = ()
    events: tuple[type[Event], ...] = ()
    artim: str | None = None
    """Whether ARTIM is started, stopped, or left as it was."""


OUTCOMES = {
    "AE-1": Outcome(),
    "AE-2": Outcome(output=(RQ,)),
    "AE-3": Outcome(events=(AssociateAccepted,)),
    "AE-4": Outcome(output=(CLOSE,), events=(AssociateRejected,)),
    "AE-5": Outcome(artim="start"),
    "AE-6": Outcome(events=(AssociateRequested,), artim="stop"),
    "AE-7": Outcome(output=(AC,)),
    "AE-8": Outcome(output=(RJ,), artim="start"),
    "DT-1": Outcome(output=(P_DATA,)),
    "DT-2": Outcome(events=(Fragment,)),
    "AR-1": Outcome(output=(RELEASE_RQ,)),
    "AR-2": Outcome(events=(ReleaseRequested,)),
    "AR-3": Outcome(output=(CLOSE,), events=(ReleaseConfirmed,)),
    "AR-4": Outcome(output=(RELEASE_RP,), artim="start"),
    "AR-5": Outcome(output=(CLOSE,), events=(TransportClosed,), artim="stop"),
    "AR-6": Outcome(events=(Fragment,)),
    "AR-7": Outcome(output=(P_DATA,)),
    "AR-8": Outcome(events=(ReleaseRequested,)),
    "AR-9": Outcome(output=(RELEASE_RP,)),
    "AR-10": Outcome(events=(ReleaseConfirmed,)),
    "AA-1": Outcome(output=(ABORT_BY_USER, SEND_EOF), artim="start"),
    "AA-2": Outcome(output=(CLOSE,), artim="stop"),
    "AA-3": Outcome(output=(CLOSE,), events=(Aborted,)),
    "AA-4": Outcome(output=(CLOSE,), events=(TransportClosed,)),
    "AA-5": Outcome(output=(CLOSE,), events=(TransportClosed,), artim="stop"),
    "AA-6": Outcome(),
    "AA-7": Outcome(output=(ABORT_UNEXPECTED_PDU, SEND_EOF), events=(ProtocolViolated,)),
    "AA-8": Outcome(output=(ABORT_UNEXPECTED_PDU, SEND_EOF), events=(ProtocolViolated, Aborted), artim="start"),
}


def cells(*, filled: bool) -> list[Any]:
    """Each cell with each side that can be in its state; of those of Evt2 and Evt5 the side that has such a transport."""
    return [
        pytest.param(event, state, side, id=f"Evt{event}-Sta{state}-{side}")
        for (event, state), cell in TABLE_9_10.items()
        for side in ("requestor", "acceptor")
        if (state, side) in WAYS and (cell is not None) == filled and side != _OTHER_SIDE.get(event)
    ]


def name_of(action: Action) -> str:
    return action.__name__.upper().replace("_", "-")


def walk_to(state: int, side: str) -> Walk:
    walk = Walk(requestor=side == "requestor").go(*WAYS[state, side])
    assert walk.state is State(state)
    walk.now = LATER
    return walk


class TestTheTable:
    def test_it_has_the_cells_that_the_standard_fills(self) -> None:
        """Of 19 by 13 cells 123 are filled, and each of the 28 actions stands in one."""
        assert len(TABLE_9_10) == 19 * 13
        filled = [cell for cell in TABLE_9_10.values() if cell is not None]
        assert len(filled) == 123
        assert {cell.action for cell in filled} == OUTCOMES.keys()
        assert len(OUTCOMES) == 28

    def test_the_machine_has_the_same_cells(self) -> None:
        """Cell by cell the machine's table says what the printed one says."""
        ours: dict[tuple[int, int], Cell | None] = dict.fromkeys(TABLE_9_10)
        for event, row in TABLE.items():
            for state, (action, after) in row.items():
                states = after if isinstance(after, tuple) else (after,)
                ours[event.value, state.value] = Cell(name_of(action), tuple(s.value for s in states))
        assert ours == TABLE_9_10

    def test_every_filled_cell_is_walked_to(self) -> None:
        """The cells tried below are all 123 of them."""
        tried = {param.values[:2] for param in cells(filled=True)}
        assert len(tried) == 123

    def test_every_blank_cell_is_walked_to(self) -> None:
        """All 124 blank cells are tried too, apart from those in which the side could not have that transport."""
        tried = {param.values[:2] for param in cells(filled=False)}
        impossible = (
            {(2, s) for s in (2, 3, 10, 12)} | {(5, s) for s in (4, 5, 9, 11)} | {(1, s) for s in (2, 3, 10, 12)}
        )
        assert tried | impossible == {place for place, cell in TABLE_9_10.items() if cell is None}
        assert not tried & impossible


class TestFilledCells:
    @pytest.mark.parametrize(("event", "state", "side"), cells(filled=True))
    def test_the_machine_does_what_the_cell_says(self, event: int, state: int, side: str) -> None:
        """The action taken, the state that follows, the bytes sent, the events told and ARTIM are those of the standard."""
        walk = walk_to(state, side)
        artim_before = walk.deadline
        walk.go(MOVES[event])
        cell = TABLE_9_10[event, state]
        assert cell is not None
        after = self._choose(cell, side)
        ((stepped, before, action, followed),) = walk.steps
        assert (stepped, before.value, name_of(action), followed.value) == (Input(event), state, cell.action, after)
        assert walk.state is followed
        outcome = OUTCOMES[cell.action]
        assert walk.output == self._expected_output(event, cell)
        assert [type(told) for told in walk.events] == self._expected_events(event, cell)
        if outcome.artim == "start":
            assert walk.deadline == LATER + ARTIM
        else:
            assert walk.deadline == (artim_before if state == after == 13 else None)

    def _choose(self, cell: Cell, side: str) -> int:
        if cell.action == "AR-8":
            return 9 if side == "requestor" else 10
        return cell.states[0]  # the request of MOVES is one that the provider can take

    def _expected_output(self, event: int, cell: Cell) -> list[object]:
        output = list(OUTCOMES[cell.action].output)
        if event == 19 and cell.action in ("AA-7", "AA-8"):
            output[0] = ABORT_UNRECOGNIZED_PDU
        return output

    def _expected_events(self, event: int, cell: Cell) -> list[type[Event]]:
        events = list(OUTCOMES[cell.action].events)
        if event == 18:
            events.insert(0, TimedOut)
        if event in PDUS and cell.action == "AA-1":
            events.append(ProtocolViolated)
        return events

    @pytest.mark.parametrize("state", [2, 3, 5, 6, 7, 8, 9, 10, 11, 12, 13])
    def test_a_pdu_that_cannot_be_read_is_answered_with_its_reason(self, state: int) -> None:
        """Evt19 is also a PDU of a known type whose bytes are wrong: reason 6, or source 0 in Sta2."""
        side = "requestor" if (state, "requestor") in WAYS else "acceptor"
        walk = walk_to(state, side).go(receive(SHORT_RELEASE_RP))
        assert walk.output == [ABORT_BY_USER if state == 2 else ABORT_INVALID_VALUE, SEND_EOF]
        assert walk.state is State.AWAITING_CLOSE
        assert [event for event in walk.events if isinstance(event, Aborted)] == (
            [] if state in (2, 13) else [Aborted(2, 6, by_peer=False)]
        )

    def test_ae_6_rejects_a_request_that_the_provider_cannot_take(self) -> None:
        """The other branch of AE-6: A-ASSOCIATE-RJ, ARTIM again, Sta13, and the user is not asked."""
        walk = walk_to(2, "acceptor").go(receive(RQ_OF_ANOTHER_APPLICATION))
        ((stepped, _, action, after),) = walk.steps
        assert (stepped, name_of(action), after) == (Input.REQUEST_RECEIVED, "AE-6", State.AWAITING_CLOSE)
        assert walk.output == [RJ_APPLICATION_CONTEXT]
        assert [type(event) for event in walk.events] == [RequestRefused]
        assert walk.deadline == LATER + ARTIM

    def test_ar_8_tells_the_collision_to_both_sides(self) -> None:
        """Sta9 for the requestor and Sta10 for the acceptor, and both users learn that it is a collision."""
        for side, state in ("requestor", 9), ("acceptor", 10):
            walk = walk_to(7, side).go(receive(RELEASE_RQ))
            assert walk.state is State(state)
            assert walk.events == [ReleaseRequested(collision=True)]

    def test_ar_2_is_no_collision(self) -> None:
        """A release that only the peer asks for is told as such."""
        assert walk_to(6, "acceptor").go(receive(RELEASE_RQ)).events == [ReleaseRequested(collision=False)]

    @pytest.mark.parametrize(("state", "side"), [way for way in WAYS if way[0] not in (1, 2, 7, 10, 11, 13)])
    def test_a_lost_transport_is_expected_only_where_nothing_is_lost(self, state: int, side: str) -> None:
        """AA-4 tells that something was lost."""
        assert walk_to(state, side).go(hang_up).events == [TransportClosed(expected=False)]

    @pytest.mark.parametrize(("state", "side"), [way for way in WAYS if way[0] in (7, 10, 11)])
    def test_a_transport_may_close_instead_of_an_answer_to_our_release(self, state: int, side: str) -> None:
        """AA-4 too, but the end is what we asked for."""
        assert walk_to(state, side).go(hang_up).events == [TransportClosed(expected=True)]

    @pytest.mark.parametrize(("state", "side"), [(2, "acceptor"), (13, "requestor"), (13, "acceptor")])
    def test_a_transport_that_nobody_needs_may_close(self, state: int, side: str) -> None:
        """AA-5 and AR-5 tell that nothing was lost."""
        assert walk_to(state, side).go(hang_up).events == [TransportClosed(expected=True)]

    def test_aa_7_is_silent_when_an_abort_is_on_its_way(self) -> None:
        """After our A-ABORT the sending side is shut, so the second one of AA-7 has no way to go."""
        walk = walk_to(6, "requestor").go(abort)
        assert walk.output == [ABORT_BY_USER, SEND_EOF]
        walk.go(receive(RQ))
        assert [name_of(action) for _, _, action, _ in walk.steps] == ["AA-7"]
        assert walk.output == []
        assert walk.deadline == LATER + ARTIM


class TestBlankCells:
    @pytest.mark.parametrize(("event", "state", "side"), [p for p in cells(filled=False) if p.values[0] in PRIMITIVES])
    def test_a_user_asks_for_the_impossible(self, event: int, state: int, side: str) -> None:
        """It is a StateError, and everything is as it was."""
        walk = walk_to(state, side)
        before = walk.deadline
        with pytest.raises(StateError):
            walk.go(MOVES[event])
        assert walk.state is State(state)
        assert walk.connection.data_to_send() == []
        assert walk.steps == []
        assert walk.deadline == before

    @pytest.mark.parametrize(("state", "side"), [(1, "requestor"), (1, "acceptor"), (2, "acceptor")])
    def test_a_user_aborts_what_does_not_exist_yet(self, state: int, side: str) -> None:
        """There is nobody to send an A-ABORT to: the transport is closed and the machine takes no step."""
        walk = walk_to(state, side).go(abort)
        assert walk.steps == []
        assert walk.output == [CLOSE]
        assert walk.deadline is None

    @pytest.mark.parametrize("side", ["requestor", "acceptor"])
    def test_a_user_aborts_what_is_over(self, side: str) -> None:
        """In Sta13 an abort is nothing at all, since it may have lost a race with the network."""
        walk = walk_to(13, side)
        before = walk.deadline
        walk.go(abort)
        assert (walk.steps, walk.output, walk.deadline) == ([], [], before)

    @pytest.mark.parametrize(("event", "state", "side"), [p for p in cells(filled=False) if p.values[0] in (2, 5)])
    def test_the_transport_is_said_to_be_up_at_a_strange_time(self, event: int, state: int, side: str) -> None:
        """The machine takes no step for it; an acceptor, whose transport is up once, refuses to hear it again."""
        walk = walk_to(state, side)
        if side == "acceptor":
            with pytest.raises(StateError):
                walk.go(connect)
        else:
            walk.go(connect)
        assert walk.steps == []
        assert walk.state is State(state)
        assert walk.connection.data_to_send() == []

    @pytest.mark.parametrize("event", sorted(PDUS))
    @pytest.mark.parametrize("side", ["requestor", "acceptor"])
    def test_a_peer_speaks_in_sta1(self, event: int, side: str) -> None:
        """Where nobody asked for an association there is none to end: the transport is closed, and why is told."""
        walk = Walk(requestor=side == "requestor")
        if side == "requestor":
            walk.go(connect)  # up, but the user has not asked yet
        walk.go(MOVES[event])
        assert walk.steps == []
        assert walk.output == [CLOSE]
        assert [type(told) for told in walk.events] == [ProtocolViolated]
        assert walk.state is State.IDLE

    @pytest.mark.parametrize("event", sorted(PDUS))
    def test_nothing_can_be_read_in_sta4(self, event: int) -> None:
        """Bytes before the transport is up are the shell's mistake, and the machine takes no step for them."""
        walk = walk_to(4, "requestor")
        with pytest.raises(StateError):
            walk.go(MOVES[event])
        assert walk.steps == []
        assert walk.state is State.AWAITING_TRANSPORT
        assert walk.connection.data_to_send() == []

    @pytest.mark.parametrize("event", sorted(PDUS | {17}))
    def test_nothing_is_heard_after_the_end(self, event: int) -> None:
        """In the Sta1 that follows an association the transport is closed, and what still comes is not looked at."""
        walk = walk_to(6, "requestor").go(receive(ABORT_BY_USER))
        assert (walk.state, walk.output) == (State.IDLE, [CLOSE])
        walk.go(MOVES[event])
        assert (walk.steps, walk.events, walk.output) == ([], [], [])
        assert walk.state is State.IDLE

    @pytest.mark.parametrize("side", ["requestor", "acceptor"])
    def test_a_transport_closes_that_had_no_association(self, side: str) -> None:
        """An end of file in Sta1 is told as expected and answered by closing."""
        walk = Walk(requestor=side == "requestor").go(hang_up)
        assert (walk.steps, walk.output) == ([], [CLOSE])
        assert walk.events == [TransportClosed(expected=True)]

    @pytest.mark.parametrize(("event", "state", "side"), [p for p in cells(filled=False) if p.values[0] == 18])
    def test_artim_runs_nowhere_else(self, event: int, state: int, side: str) -> None:
        """With every other time switched off there is no deadline outside Sta2 and Sta13, and time does nothing."""
        walk = walk_to(state, side)
        assert walk.deadline is None
        walk.go(MOVES[event])
        assert (walk.steps, walk.events, walk.output) == ([], [], [])
        assert walk.state is State(state)


class TestRefusedActions:
    def test_a_pdu_that_cannot_be_written_changes_nothing(self) -> None:
        """An acceptance that the standard does not let us send leaves the peer still waiting for an answer."""
        walk = walk_to(3, "acceptor")
        with pytest.raises(ValueError, match="not defined"):
            walk.connection.reject(AssociateReject(9, 9, 9), LATER)
        assert walk.state is State.AWAITING_LOCAL_ANSWER
        assert walk.go(reject_it).output == [RJ]

    def test_one_connection_has_one_association(self) -> None:
        """After the end a new association needs a new connection."""
        walk = walk_to(6, "requestor").go(receive(ABORT_BY_USER))
        with pytest.raises(StateError):
            walk.go(associate)
        assert walk.state is State.IDLE

    def test_an_acceptor_does_not_associate(self) -> None:
        """Only the side that opened the transport may ask for an association over it."""
        with pytest.raises(StateError):
            Walk(requestor=False).go(associate)

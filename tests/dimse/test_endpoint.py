"""Messages over an association, most of them between two real ends."""

from __future__ import annotations

import contextlib
import logging
import weakref
from collections.abc import Callable, Iterable
from random import Random
from time import process_time
from typing import Any

import pytest
from hypothesis import given, settings, strategies as st

from dicomnet.dimse import codec
from dicomnet.dimse.commands import (
    SUBOPERATION_COUNTS,
    CCancelRequest,
    CEchoRequest,
    CEchoResponse,
    CFindRequest,
    CFindResponse,
    CGetRequest,
    CMoveRequest,
    Command,
    CStoreRequest,
    CStoreResponse,
    Request,
    UnknownCommand,
)
from dicomnet.dimse.events import DataReceived, MessageBegun
from dicomnet.dimse.fragments import OutgoingMessage, command_pdus, data_pdus
from dicomnet.dimse.status import Status
from dicomnet.errors import AbortReason, InvalidValue, StateError
from dicomnet.limits import KIB, Limits, Timeouts
from dicomnet.pdu import AssociateAccept, AssociateReject, PduType
from dicomnet.ul.connection import SEND_EOF
from dicomnet.ul.events import (
    Aborted,
    AssociateRejected,
    AssociateRequested,
    Event,
    ProtocolViolated,
    ReleaseConfirmed,
    ReleaseRequested,
    Sent,
    TimedOut,
    Tolerated,
    TransportClosed,
)
from dicomnet.ul.machine import State
from dicomnet.ul.negotiation import Policy, negotiate
from pair import (
    CT,
    CT_IMAGE_STORAGE,
    ECHO,
    FIND,
    GET,
    MOVE,
    STUDY_ROOT_FIND,
    STUDY_ROOT_GET,
    STUDY_ROOT_MOVE,
    VERIFICATION,
    MemoryBody,
    Pair,
    Side,
    associated,
    echo,
    every,
    proposal,
    randomly,
    whole_messages,
)
from ul.wire import (
    ABORT_BY_USER,
    ABORT_INVALID_VALUE,
    ABORT_UNEXPECTED_PARAMETER,
    ABORT_UNEXPECTED_PDU,
    RELEASE_RQ,
    p_data,
    pdv,
)

DATA = bytes(range(256)) * 40
REFUSED = b"\0\0\0\x09\2\0\0\0\x10\2"
"""Status 0210, as a command set holds it."""
COMMAND, LAST = 1, 2


def store(message_id: int) -> CStoreRequest:
    return CStoreRequest(
        message_id=message_id,
        affected_sop_class_uid=CT_IMAGE_STORAGE,
        affected_sop_instance_uid="1.2.3",
    )


def find(message_id: int) -> CFindRequest:
    return CFindRequest(message_id=message_id, affected_sop_class_uid=STUDY_ROOT_FIND)


def find_with_keys(message_id: int) -> CFindRequest:
    request = find(message_id)
    request.has_data_set = True
    return request


def get(message_id: int) -> CGetRequest:
    return CGetRequest(message_id=message_id, affected_sop_class_uid=STUDY_ROOT_GET)


def move(message_id: int) -> CMoveRequest:
    return CMoveRequest(message_id=message_id, affected_sop_class_uid=STUDY_ROOT_MOVE, move_destination="ELSEWHERE")


def encoded(command: Command, *, has_data_set: bool | None = None) -> bytes:
    if has_data_set is not None:
        command.has_data_set = has_data_set
    return codec.encode(command)


def sent_by_peer(command: Command, data: bytes = b"", *, context_id: int = ECHO) -> bytes:
    """A message as bytes, of a peer that sends what our side would not."""
    command_set = encoded(command, has_data_set=bool(data))
    return command_pdus(context_id, command_set, 16384) + data_pdus(context_id, data, 16384)


def pending(request: Request, context_id: int) -> bytes:
    """A pending response to a C-GET or C-MOVE that announces data, as bytes."""
    counts = dict.fromkeys(SUBOPERATION_COUNTS, 1)
    elements = codec.elements(encoded(request.respond(Status.PENDING, **counts)))
    return command_pdus(context_id, codec.encode_elements({**elements, 0x0800: 0}), 16384)


def unknown(message_id: int) -> bytes:
    """A request of a command field that no message has, as bytes."""
    command_set = codec.encode_elements({0x0100: 0x0999, 0x0110: message_id, 0x0800: 0x0101})
    return command_pdus(ECHO, command_set, 16384)


def answer_all(side: Side, status: int = Status.SUCCESS) -> list[int]:
    """Answers what the side's peer asked so far, in the order it came; returns the message IDs."""
    answered = []
    for command, _ in side.messages():
        if isinstance(command, Request) and not isinstance(command, CCancelRequest):
            context_id = side.endpoint.operations.performing[command.message_id or 0].context_id
            side.send(command.respond(status), context_id=context_id)
            answered.append(command.message_id or 0)
    side.take()
    return answered


def kinds(events: Iterable[Event]) -> list[type[Event]]:
    return [type(event) for event in events]


def said(events: Iterable[Event]) -> list[Any]:
    """Events in a form that is equal if they say the same, however their data were cut."""
    found: list[Any] = []
    data: bytearray | None = None
    for event in events:
        if isinstance(event, DataReceived):
            data = (data if data is not None else bytearray()) + event.data
            if event.last:
                found.append(bytes(data))
                data = None
        else:
            found.append(repr(event))
    if data is not None:
        found.append(("incomplete", bytes(data)))
    return found


class TestMessages:
    def test_a_command_alone(self) -> None:
        """It arrives as a message with its context, its command and the bytes of it."""
        pair = associated()
        pair.requestor.send(echo(1))
        pair.pump()
        (begun,) = pair.acceptor.take()
        assert isinstance(begun, MessageBegun)
        assert begun.command == echo(1)
        assert begun.command_set == codec.encode(echo(1))
        assert begun.context.context_id == ECHO
        assert begun.context.abstract_syntax == VERIFICATION
        assert (begun.context.our_scu, begun.context.our_scp) == (False, True)

    @pytest.mark.parametrize("data", [DATA, MemoryBody(DATA), b"12", MemoryBody(b"12")])
    def test_a_command_with_its_data(self, data: bytes | MemoryBody) -> None:
        """The data set arrives as it was, from bytes or from a body, which is closed once."""
        pair = associated(max_pdu_length=1000)
        pair.requestor.send(store(1), data, context_id=CT)
        pair.pump()
        body = data.data if isinstance(data, MemoryBody) else data
        assert pair.acceptor.messages() == [(store(1), body)]
        if isinstance(data, MemoryBody):
            assert data.closed == 1

    @pytest.mark.parametrize("max_pdu_length", [8, 9, 10, 31, 128, 16384])
    @pytest.mark.parametrize("buffer_size", [1 * KIB, 256 * KIB])
    def test_no_pdu_is_larger_than_the_peer_takes(self, max_pdu_length: int, buffer_size: int) -> None:
        """Whatever its limit; and what is told as sent is what was written."""
        limits = Limits(max_pdu_length=max_pdu_length)
        pair = associated(
            max_pdu_length=max_pdu_length, limits=limits, buffer_size=max(buffer_size, max_pdu_length + 6 + 2048)
        )
        before = len(pair.requestor.outgoing.written)
        pair.requestor.send(store(1), MemoryBody(DATA), context_id=CT, ticket="t")
        pair.pump()
        assert pair.acceptor.messages() == [(store(1), DATA)]
        stream = bytes(pair.requestor.outgoing.written[before:])
        assert pair.requestor.sent == [Sent(PduType.P_DATA_TF, len(stream), "t")]
        while stream:
            length = int.from_bytes(stream[2:6], "big")
            assert length <= max_pdu_length
            stream = stream[6 + length :]
        assert not any(isinstance(event, Tolerated) for event in pair.acceptor.events)

    @pytest.mark.parametrize("limits", [Limits(sent_pdu_length=1000), Limits(sent_pdu_length=1000, max_pdu_length=100)])
    @pytest.mark.parametrize("max_pdu_length", [0, 16 * KIB])
    def test_our_own_limit_bounds_what_we_send(self, limits: Limits, max_pdu_length: int) -> None:
        """A peer without a limit, or with a larger one, gets PDUs of the size we send; what we take is another matter."""
        pair = associated(max_pdu_length=max_pdu_length, limits=limits)
        before = len(pair.requestor.outgoing.written)
        pair.requestor.send(store(1), DATA, context_id=CT)
        pair.pump()
        stream = bytes(pair.requestor.outgoing.written[before:])
        lengths = []
        while stream:
            lengths.append(int.from_bytes(stream[2:6], "big"))
            stream = stream[6 + lengths[-1] :]
        assert 900 < max(lengths) <= 1000

    def test_both_sides_send_at_once(self) -> None:
        """Messages of both directions do not touch each other, nor do their message IDs."""
        pair = associated(max_pdu_length=100, latency=0.5)
        for side in pair.sides:
            side.send(store(1), MemoryBody(DATA), context_id=CT)
        pair.pass_quickly()
        for side in pair.sides:
            assert side.messages() == [(store(1), DATA)]
            answer_all(side)
        pair.pass_quickly()
        for side in pair.sides:
            assert [type(command) for command, _ in side.messages()] == [CStoreResponse]
            assert not side.endpoint.operations

    def test_a_command_that_is_already_bytes_goes_out_as_it_is(self) -> None:
        """Someone who edits command sets sends what they made of them."""
        pair = associated()
        edited = codec.encode_elements({**codec.elements(codec.encode(echo(1))), 0x0010: "ACR"})
        pair.requestor.endpoint.send(ECHO, echo(1), pair.now, command_set=edited)
        pair.pump()
        (begun,) = pair.acceptor.take()
        assert isinstance(begun, MessageBegun)
        assert begun.command_set == edited

    @pytest.mark.parametrize("length", [0, 1, 3])
    def test_a_data_set_cannot_be_sent(self, length: int) -> None:
        """No fragment may be empty or odd (PS3.8 E.1), so such a data set is refused, and stays its owner's."""
        pair = associated()
        body = MemoryBody(bytes(length))
        for data in bytes(length), body:
            with pytest.raises(InvalidValue, match=str(length)):
                pair.requestor.send(store(1), data, context_id=CT)
        pair.requestor.send(store(1), b"ok", context_id=CT)
        assert body.closed == 0

    def test_a_command_cannot_be_sent(self) -> None:
        """What breaks PS3.7 is refused before anything is entered: the message ID is free as before."""
        pair = associated()
        with pytest.raises(InvalidValue):
            pair.requestor.send(CEchoRequest(message_id=1))
        assert not pair.requestor.endpoint.operations
        pair.requestor.send(echo(1))

    def test_a_context_was_not_accepted(self) -> None:
        """It cannot be sent on."""
        pair = associated()
        with pytest.raises(StateError, match="99"):
            pair.requestor.send(echo(1), context_id=99)

    def test_there_is_no_association_yet(self) -> None:
        """Nor can anything be sent without one."""
        pair = Pair()
        pair.connect()
        with pytest.raises(StateError):
            pair.requestor.send(echo(1))

    def test_an_unknown_command_is_handed_on(self) -> None:
        """Somebody has to answer it, with status 0211."""
        pair = associated()
        pair.acceptor.feed(unknown(7))
        (begun,) = pair.acceptor.take()
        assert isinstance(begun, MessageBegun)
        assert isinstance(begun.command, UnknownCommand)
        pair.acceptor.send(begun.command.respond())
        pair.pump()
        (begun,) = pair.requestor.take()
        assert isinstance(begun, MessageBegun)
        assert isinstance(begun.command, UnknownCommand)
        assert begun.command.status == Status.UNRECOGNIZED_OPERATION


def a_stream() -> bytes:
    """Three messages as a peer may cut them: in several PDVs per PDU, with the data behind the command, and empty ones."""
    first = encoded(store(1), has_data_set=True)
    second = encoded(echo(2))
    third = encoded(find(3), has_data_set=True)
    return b"".join(
        [
            p_data(pdv(first[:9], CT, COMMAND), pdv(first[9:20], CT, COMMAND)),
            p_data(pdv(first[20:], CT, COMMAND | LAST), pdv(b"da", CT), pdv(b"t", CT)),
            p_data(pdv(b"", CT)),
            p_data(pdv(b"a!", CT), pdv(b"", CT, LAST)),
            p_data(pdv(second, ECHO, COMMAND | LAST)),
            p_data(pdv(third, FIND, COMMAND | LAST), pdv(b"keys", FIND, LAST)),
        ]
    )


class TestReceiving:
    def test_messages_are_put_together_from_any_values(self) -> None:
        """Several PDVs in a PDU, several PDUs for a message, command and data in one PDU, empty values at the end."""
        pair = associated()
        pair.acceptor.feed(a_stream())
        stored, keys = store(1), find(3)
        assert pair.acceptor.messages() == [(stored, b"data!"), (echo(2), None), (keys, b"keys")]

    @pytest.mark.parametrize("tap", [False, True])
    def test_messages_are_cut_anywhere(self, tap: bool) -> None:
        """At whatever byte the stream is cut, it says the same."""
        stream = a_stream()
        pair = associated(tap=tap)
        pair.acceptor.feed(stream)
        expected = said(pair.acceptor.take())
        for at in range(1, len(stream)):
            pair = associated(tap=tap)
            pair.acceptor.feed(stream[:at])
            pair.acceptor.feed(stream[at:])
            assert said(pair.acceptor.take()) == expected

    @given(st.integers(0, 2**32), st.booleans())
    @settings(max_examples=30)
    def test_a_conversation_is_cut_anywhere(self, seed: int, tap: bool) -> None:
        """Two ends understand each other however the transport cuts what they say."""
        pair = associated(max_pdu_length=64, window=(0, 0), tap=tap)
        random = Random(seed)
        for side in pair.sides:
            side.incoming.cut = every(1) if random.random() < 0.2 else randomly(random)
        for message_id in range(1, 6):
            pair.requestor.send(store(message_id), MemoryBody(DATA[: 2 * random.randint(1, 200)]), context_id=CT)
            pair.acceptor.send(echo(message_id))
        pair.pump()
        for side in pair.sides:
            assert len(answer_all(side)) == 5
        pair.pump()
        for side in pair.sides:
            assert len(side.messages()) == 5
            assert not side.endpoint.operations

    @pytest.mark.parametrize(
        ("stream", "answer"),
        [
            pytest.param(p_data(pdv(b"data", CT, LAST)), ABORT_UNEXPECTED_PARAMETER, id="data without a command"),
            pytest.param(
                p_data(pdv(b"\0\0", CT, COMMAND), pdv(b"data", CT, LAST)),
                ABORT_UNEXPECTED_PARAMETER,
                id="data within a command",
            ),
            pytest.param(
                p_data(pdv(encoded(echo(1)), ECHO, COMMAND | LAST), pdv(b"data", ECHO, LAST)),
                ABORT_UNEXPECTED_PARAMETER,
                id="data that were not announced",
            ),
            pytest.param(
                p_data(pdv(encoded(store(1)), CT, COMMAND | LAST), pdv(encoded(echo(2)), CT, COMMAND | LAST)),
                ABORT_UNEXPECTED_PARAMETER,
                id="a command where data were announced",
            ),
            pytest.param(
                p_data(pdv(encoded(store(1)), CT, COMMAND | LAST), pdv(b"data", FIND, LAST)),
                ABORT_UNEXPECTED_PARAMETER,
                id="data on another context",
            ),
            pytest.param(
                p_data(pdv(b"\0\0", CT, COMMAND), pdv(b"\0\0", FIND, COMMAND | LAST)),
                ABORT_UNEXPECTED_PARAMETER,
                id="commands of two contexts",
            ),
            pytest.param(p_data(pdv(b"", ECHO, COMMAND | LAST)), ABORT_INVALID_VALUE, id="an empty command"),
            pytest.param(p_data(pdv(b"nonsense", ECHO, COMMAND | LAST)), ABORT_INVALID_VALUE, id="no command"),
            pytest.param(
                p_data(pdv(codec.encode_elements({0x0100: 0x0030}), ECHO, COMMAND | LAST)),
                ABORT_INVALID_VALUE,
                id="a request without a message ID",
            ),
        ],
    )
    def test_fragments_that_make_no_message(self, stream: bytes, answer: bytes) -> None:
        """The association is aborted with the reason that fits; byte by byte it is the same."""
        for cut in every(len(stream)), every(1):
            pair = associated()
            for piece in cut(stream):
                pair.acceptor.feed(piece)
            ends = [event for event in pair.acceptor.take() if not isinstance(event, MessageBegun | DataReceived)]
            assert kinds(ends) == [ProtocolViolated, Aborted]
            pair.pump()
            assert bytes(pair.acceptor.outgoing.written[-10:]) == answer
            assert kinds(pair.requestor.take()) == [Aborted]

    @pytest.mark.parametrize("request_", [get(1), move(1)])
    @pytest.mark.parametrize("surplus", [[], [b"data"], [b"da", b"ta"], [b""]])
    def test_data_are_announced_with_a_pending_retrieve_response(self, request_: Request, surplus: list[bytes]) -> None:
        """It has none (PS3.7 9.3.3.2, 9.3.4.2): the response is told as it comes, and data are thrown away, if they come."""
        pair, context_id = associated(), GET if isinstance(request_, CGetRequest) else MOVE
        pair.requestor.send(request_, b"keys", context_id=context_id)
        pair.pump()
        data = [pdv(piece, context_id) for piece in surplus[:-1]] + [
            pdv(piece, context_id, LAST) for piece in surplus[-1:]
        ]
        for _ in range(3):
            pair.requestor.feed(pending(request_, context_id) + (p_data(*data) if data else b""))
            assert not pair.requestor.endpoint.connection.message_open
        pair.requestor.feed(sent_by_peer(store(9), b"instance", context_id=CT))
        pair.requestor.feed(sent_by_peer(request_.respond(Status.SUCCESS), context_id=context_id))
        events = pair.requestor.take()
        begun = [event for event in events if isinstance(event, MessageBegun)]
        assert [event.command.has_data_set for event in begun] == [False] * 3 + [True, False]
        assert kinds(events).count(Tolerated) == 1
        assert b"".join(bytes(event.data) for event in events if isinstance(event, DataReceived)) == b"instance"
        assert not pair.requestor.endpoint.operations.invoked
        assert pair.requestor.state is State.ASSOCIATED

    def test_what_is_surplus_is_still_a_message_on_its_context(self) -> None:
        """Once it has begun it comes whole, data on another context belong to nothing, nor do those within a command."""
        for stream in (
            pdv(b"half", MOVE) + pdv(encoded(echo(1)), ECHO, COMMAND | LAST),
            pdv(b"data", CT, LAST),
            pdv(b"\0\0", MOVE, COMMAND) + pdv(b"data", MOVE, LAST),
        ):
            pair = associated()
            pair.requestor.send(move(1), b"keys", context_id=MOVE)
            pair.pump()
            pair.requestor.feed(pending(move(1), MOVE) + p_data(stream))
            assert kinds(pair.requestor.take())[-2:] == [ProtocolViolated, Aborted]
            assert pair.requestor.endpoint.data_to_send() == [ABORT_UNEXPECTED_PARAMETER, SEND_EOF]

    def test_a_command_set_without_end(self) -> None:
        """Beyond the limit it is not collected any further."""
        pair = associated(acceptor_limits=Limits(command_set=1000))
        pair.acceptor.feed(p_data(pdv(bytes(1000), ECHO, COMMAND)))
        assert pair.acceptor.take() == []
        pair.acceptor.feed(p_data(pdv(bytes(2), ECHO, COMMAND)))
        assert kinds(pair.acceptor.take()) == [ProtocolViolated, Aborted]
        assert pair.acceptor.endpoint.data_to_send() == [ABORT_INVALID_VALUE, SEND_EOF]

    @pytest.mark.parametrize("behind", [ABORT_BY_USER, b"\xff"])
    def test_a_violation_and_the_end_come_together(self, behind: bytes) -> None:
        """Even if the end was read before the message was looked at, it is told, once and last."""
        pair = associated()
        pair.acceptor.feed(p_data(pdv(b"data", CT, LAST)) + behind)
        events = pair.acceptor.take()
        assert kinds(events)[0] is ProtocolViolated
        assert kinds(events).count(Aborted) == 1
        assert kinds(events)[-1] is Aborted

    def test_what_follows_a_violation_does_not_count(self) -> None:
        """Neither messages nor a wish to release, though they came in the same piece."""
        pair = associated()
        pair.acceptor.feed(p_data(pdv(b"data", CT, LAST), pdv(encoded(echo(1)), ECHO, COMMAND | LAST)) + RELEASE_RQ)
        assert kinds(pair.acceptor.take()) == [ProtocolViolated, Aborted]
        assert pair.acceptor.state is State.AWAITING_CLOSE
        assert not pair.acceptor.endpoint.operations

    def test_the_rest_of_a_violating_message_is_not_looked_at(self) -> None:
        """It may still be on its way when the A-ABORT leaves; the peer's own A-ABORT behind it closes the transport."""
        pair = associated()
        stream = p_data(pdv(b"data", CT, LAST), pdv(bytes(500), CT)) + p_data(pdv(b"more", CT, LAST))
        pair.acceptor.feed(stream[:20])
        assert kinds(pair.acceptor.take()) == [ProtocolViolated, Aborted]
        for piece in every(7)(stream[20:]):
            pair.acceptor.feed(piece)
        pair.acceptor.feed(ABORT_BY_USER)
        assert pair.acceptor.take() == []
        assert pair.acceptor.state is State.IDLE

    def test_a_message_stalls_between_its_pdus(self) -> None:
        """A command that announced data is half a message; between messages nothing stalls."""
        times = Timeouts(stall=19.0, idle=None, response=None, store_response=None)
        pair = associated(timeouts=times)
        acceptor = pair.acceptor
        acceptor.feed(p_data(pdv(encoded(store(1)), CT, COMMAND | LAST)))
        assert acceptor.endpoint.deadline == pair.now + 19.0
        acceptor.feed(p_data(pdv(b"data", CT, LAST)))
        assert acceptor.endpoint.deadline is None
        acceptor.feed(p_data(pdv(encoded(echo(2))[:10], ECHO, COMMAND)))
        assert acceptor.endpoint.deadline == pair.now + 19.0
        pair.advance(18.9)
        assert acceptor.state is State.ASSOCIATED
        pair.advance(0.2)
        assert acceptor.state is State.AWAITING_CLOSE or acceptor.closed
        assert TimedOut("the rest of a message", 19.0) in acceptor.events

    def test_an_association_at_work_is_not_idle(self) -> None:
        """While the acceptor works on a request nobody is impatient; with the answer the idle time begins."""
        pair = associated(timeouts=Timeouts(idle=17.0, response=None))
        pair.requestor.send(echo(1))
        pair.advance(1000.0)
        assert pair.acceptor.state is State.ASSOCIATED
        answer_all(pair.acceptor)
        pair.pump()
        assert pair.acceptor.endpoint.deadline == pair.requestor.endpoint.deadline == pair.now + 17.0

    def test_pdus_are_told_before_what_follows(self) -> None:
        """Somebody who taps the connection sees the PDU, then the message."""
        pair = associated(tap=True)
        pair.requestor.send(echo(1))
        pair.pump()
        assert [type(event).__name__ for event in pair.acceptor.take()] == ["PduReceived", "MessageBegun"]


class TestWindow:
    def test_without_a_window_one_request_is_outstanding(self) -> None:
        """The next one leaves when the first is answered, in the order they were asked for."""
        pair = associated()
        for message_id in 1, 2, 3:
            pair.requestor.send(echo(message_id), ticket=message_id)
        pair.pump()
        for message_id in 1, 2, 3:
            assert [sent.ticket for sent in pair.requestor.sent] == list(range(1, message_id + 1))
            assert answer_all(pair.acceptor) == [message_id]
            pair.pump()
        assert len(pair.requestor.messages()) == 3

    @pytest.mark.parametrize(("offered", "limit", "window"), [(16, 16, 16), (16, 3, 3), (0, 5, 5), (2, 16, 2)])
    def test_a_window_is_respected(self, offered: int, limit: int, window: int) -> None:
        """Just as many requests are outstanding as were negotiated, and each answer lets one more go."""
        pair = associated(window=(offered, offered), policy=Policy(asynchronous_window=limit))
        for message_id in range(1, 31):
            pair.requestor.send(echo(message_id))
        pair.pump()
        assert len(pair.acceptor.messages()) == window
        order = []
        while pair.acceptor.messages():
            command, _ = pair.acceptor.messages()[-1]  # answered in any order
            assert isinstance(command, CEchoRequest)
            pair.acceptor.send(command.respond(Status.SUCCESS))
            order.append(command.message_id)
            pair.acceptor.events = [e for e in pair.acceptor.events if e.command is not command]  # type: ignore[attr-defined]
            pair.pump()
            assert len(pair.acceptor.messages()) == min(window, 30 - len(order))
        assert sorted(m or 0 for m in order) == list(range(1, 31))
        assert not pair.requestor.endpoint.operations

    def test_no_limit_is_no_limit(self) -> None:
        """With 0 everything goes at once."""
        pair = associated(window=(0, 0), policy=Policy(asynchronous_window=0))
        for message_id in range(1, 101):
            pair.requestor.send(echo(message_id))
        pair.pump()
        assert len(pair.acceptor.messages()) == 100

    def test_the_acceptor_has_a_window_of_its_own(self) -> None:
        """What the requestor offered to perform bounds what the acceptor may ask."""
        pair = associated(window=(5, 2))
        for message_id in range(1, 6):
            pair.acceptor.send(echo(message_id))
        pair.pump()
        assert len(pair.requestor.messages()) == 2

    def test_a_pending_response_makes_no_room(self) -> None:
        """Only a final one does."""
        pair = associated()
        pair.requestor.send(find(1), b"keys", context_id=FIND)
        pair.requestor.send(echo(2))
        pair.pump()
        pair.acceptor.send(find(1).respond(Status.PENDING), b"match!", context_id=FIND)
        pair.pump()
        assert [command for command, _ in pair.acceptor.messages()] == [find(1)]
        pair.acceptor.send(find(1).respond(Status.SUCCESS), context_id=FIND)
        pair.pump()
        assert [command for command, _ in pair.acceptor.messages()][1:] == [echo(2)]

    def test_responses_and_cancels_do_not_wait(self) -> None:
        """The window is about requests that will be answered."""
        pair = associated()
        pair.acceptor.send(echo(9))
        pair.requestor.send(find(1), b"keys", context_id=FIND)
        pair.requestor.send(echo(2))
        pair.pump()
        pair.requestor.send(CCancelRequest(message_id_being_responded_to=1), context_id=FIND)
        answer_all(pair.requestor)
        pair.pump()
        assert [type(c) for c, _ in pair.acceptor.messages()] == [CFindRequest, CCancelRequest, CEchoResponse]

    def test_a_cancel_does_not_overtake_the_request_it_cancels(self) -> None:
        """A C-CANCEL for a request that still waits goes out behind it."""
        pair = associated()
        pair.requestor.send(echo(1))
        pair.requestor.send(find(2), b"keys", context_id=FIND)
        pair.requestor.send(CCancelRequest(message_id_being_responded_to=2), context_id=FIND)
        pair.pump()
        assert [type(c) for c, _ in pair.acceptor.messages()] == [CEchoRequest]
        answer_all(pair.acceptor)
        pair.pump()
        assert [type(c) for c, _ in pair.acceptor.messages()][-2:] == [CFindRequest, CCancelRequest]

    @pytest.mark.parametrize("window", [None, (3, 3)])
    def test_a_peer_goes_beyond_its_window(self, window: tuple[int, int] | None) -> None:
        """Some send ahead, so that so many more are taken; what is answered makes room; then the association ends."""
        pair = associated(window=window, acceptor_limits=Limits(excess_operations=2))
        acceptor = pair.acceptor
        taken = 2 + (1 if window is None else 3)
        acceptor.feed(b"".join(sent_by_peer(echo(message_id)) for message_id in range(1, taken + 1)))
        acceptor.send(echo(1).respond(Status.SUCCESS))
        acceptor.feed(sent_by_peer(echo(98)))
        assert kinds(acceptor.take()) == [MessageBegun] * (taken + 1)
        acceptor.feed(sent_by_peer(echo(99)))
        assert kinds(acceptor.take()) == [ProtocolViolated, Aborted]
        pair.pump()
        assert bytes(acceptor.outgoing.written[-10:]) == ABORT_UNEXPECTED_PARAMETER
        assert not acceptor.endpoint.operations

    def test_what_the_peer_may_perform_is_not_what_it_may_ask(self) -> None:
        """Of the two numbers of a window the one for its own requests counts."""
        pair = associated(window=(5, 1), limits=Limits(excess_operations=0))
        pair.acceptor.feed(b"".join(sent_by_peer(echo(message_id)) for message_id in range(1, 6)))
        pair.requestor.feed(sent_by_peer(echo(1)))
        assert all(side.state is State.ASSOCIATED for side in pair.sides)
        pair.requestor.feed(sent_by_peer(echo(2)))
        assert kinds(pair.requestor.take()) == [MessageBegun, ProtocolViolated, Aborted]

    def test_a_peer_without_a_window_goes_beyond_nothing(self) -> None:
        """0 is no limit."""
        pair = associated(window=(0, 0), policy=Policy(asynchronous_window=0), limits=Limits(excess_operations=0))
        pair.acceptor.feed(b"".join(sent_by_peer(echo(message_id)) for message_id in range(1, 201)))
        assert kinds(pair.acceptor.take()) == [MessageBegun] * 200

    def test_a_message_id_that_waits_is_not_given_again(self) -> None:
        """It is known while the request waits, and until it is answered; with the association it is free."""
        pair = associated()
        operations = pair.requestor.endpoint.operations
        for message_id in 1, 2, 3:
            pair.requestor.send(echo(message_id))
        assert operations.waiting == {2, 3}
        assert operations.next_message_id() == 4
        pair.pump()
        answer_all(pair.acceptor)
        pair.pump()
        assert (set(operations.invoked), operations.waiting) == ({2}, {3})
        pair.requestor.abort()
        assert operations.waiting == set()

    def test_very_many_requests_wait(self) -> None:
        """Each costs the same, however many wait before it: with a look at all of them this would take minutes."""
        pair = associated()
        began = process_time()
        for message_id in range(1, 20_001):
            pair.requestor.send(echo(message_id))
        assert process_time() - began < 10.0
        assert len(pair.requestor.endpoint.operations.waiting) == 19_999

    def test_a_message_id_is_used_twice(self) -> None:
        """Refused whether the first one is outstanding or still waits; free again after the answer."""
        pair = associated()
        pair.requestor.send(echo(1))
        pair.requestor.send(echo(2))
        for message_id in 1, 2:
            with pytest.raises(StateError, match="outstanding"):
                pair.requestor.send(echo(message_id))
        pair.pump()
        for _ in range(2):
            answer_all(pair.acceptor)
            pair.pump()
        pair.requestor.send(echo(1))

    def test_a_refused_request_takes_no_place(self) -> None:
        """One that was not sent is not waited for."""
        pair = associated(window=(2, 2))
        pair.requestor.send(echo(1))
        with pytest.raises(StateError):
            pair.requestor.send(echo(1))
        pair.requestor.send(echo(2))
        pair.pump()
        assert len(pair.acceptor.messages()) == 2


class TestResponses:
    def test_a_response_finds_its_request(self) -> None:
        """By its message ID, in whatever order the answers come."""
        pair = associated(window=(5, 5))
        for message_id in 1, 2, 3:
            pair.requestor.send(echo(message_id))
        pair.pump()
        for message_id in 2, 3, 1:
            pair.acceptor.send(echo(message_id).respond(Status.SUCCESS))
        pair.pump()
        ids = [c.message_id_being_responded_to for c, _ in pair.requestor.messages() if isinstance(c, CEchoResponse)]
        assert ids == [2, 3, 1]
        assert not pair.requestor.endpoint.operations

    def test_a_response_nobody_waits_for_is_ignored(self) -> None:
        """With nothing outstanding it is told once per association, and its data are thrown away."""
        pair = associated()
        late = encoded(find(7).respond(Status.PENDING), has_data_set=True)
        for _ in range(2):
            pair.requestor.feed(command_pdus(FIND, late, 16384) + data_pdus(FIND, b"match!", 16384))
        (tolerated,) = pair.requestor.take()
        assert isinstance(tolerated, Tolerated)
        assert "7" in tolerated.detail
        pair.requestor.send(find(1), b"keys", context_id=FIND)
        pair.pump()
        pair.acceptor.send(find(1).respond(Status.PENDING), b"a match!", context_id=FIND)
        pair.pump()
        assert [(type(c), data) for c, data in pair.requestor.messages()] == [(CFindResponse, b"a match!")]

    @pytest.mark.parametrize("response", [echo(2).respond(0), store(1).respond(0)])
    def test_a_wrong_response_to_a_synchronous_request_aborts(self, response: Command) -> None:
        """One operation at a time, and the answer is to another: the two sides do not agree on anything any more."""
        pair = associated()
        pair.requestor.send(echo(1))
        pair.pump()
        pair.requestor.feed(command_pdus(ECHO, encoded(response), 16384))
        pair.pump()
        assert kinds(pair.requestor.take()) == [ProtocolViolated, Aborted, TransportClosed]
        assert bytes(pair.requestor.outgoing.written[-10:]) == ABORT_UNEXPECTED_PARAMETER

    def test_a_wrong_response_to_asynchronous_requests_is_ignored(self) -> None:
        """Where several are outstanding a late one may cross; the right ones still find their requests."""
        pair = associated(window=(5, 5))
        pair.requestor.send(echo(1))
        pair.pump()
        pair.requestor.feed(command_pdus(ECHO, encoded(echo(2).respond(0)), 16384))
        answer_all(pair.acceptor)
        pair.pump()
        assert kinds(pair.requestor.take()) == [Tolerated, MessageBegun]

    def test_an_operation_comes_with_its_response(self) -> None:
        """Each response, pending or final, names what was asked and the ticket of whoever asked; a request names nothing."""
        pair = associated()
        pair.requestor.send(find(1), b"keys", context_id=FIND, ticket="mine")
        pair.pump()
        (begun, _) = pair.acceptor.take()
        assert isinstance(begun, MessageBegun)
        assert begun.operation is None
        pair.acceptor.send(find(1).respond(Status.PENDING), b"match!", context_id=FIND)
        pair.acceptor.send(find(1).respond(Status.SUCCESS), context_id=FIND)
        pair.pump()
        operations = [event.operation for event in pair.requestor.take() if isinstance(event, MessageBegun)]
        assert [(o.request, o.ticket) for o in operations if o is not None] == [(find_with_keys(1), "mine")] * 2

    def test_an_unknown_command_belongs_to_no_operation(self) -> None:
        """Whichever side of bit 8000H it is on."""
        pair = associated()
        for field in 0x0999, 0x8999:
            command_set = codec.encode_elements({0x0100: field, 0x0110: 7, 0x0120: 7, 0x0800: 0x0101})
            pair.acceptor.feed(command_pdus(ECHO, command_set, 16384))
            (begun,) = pair.acceptor.take()
            assert isinstance(begun, MessageBegun)
            assert begun.operation is None

    @pytest.mark.parametrize("message_id", [5, 6])
    def test_nobody_waits_for_our_response(self, message_id: int) -> None:
        """Neither a second answer nor one to nothing is sent, and its body stays its owner's."""
        pair = associated()
        pair.requestor.send(find(5), b"keys", context_id=FIND)
        pair.pump()
        pair.acceptor.send(find(5).respond(Status.PENDING), b"match!", context_id=FIND)
        pair.acceptor.send(find(5).respond(Status.SUCCESS), context_id=FIND)
        pair.pump()
        body = MemoryBody(b"late")
        with pytest.raises(StateError, match=f"nobody waits for a C-FIND-RSP to message {message_id}"):
            pair.acceptor.send(find(message_id).respond(Status.PENDING), body, context_id=FIND)
        assert body.closed == 0
        assert pair.acceptor.endpoint.data_to_send() == []

    @pytest.mark.parametrize("status", [Status.PENDING, Status.PENDING_WARNING])
    def test_a_response_is_pending_that_cannot_be(self, status: Status) -> None:
        """A C-STORE that is never over would hold its request for ever, so the association is aborted."""
        pair = associated(window=(5, 5))
        pair.requestor.send(store(1), b"data", context_id=CT)
        pair.pump()
        elements = codec.elements(encoded(store(1).respond(Status.SUCCESS)))
        pending = codec.encode_elements({**elements, 0x0900: int(status)})
        pair.requestor.feed(command_pdus(CT, pending, 16384))
        assert kinds(pair.requestor.take()) == [ProtocolViolated, Aborted]
        assert pair.requestor.endpoint.data_to_send() == [ABORT_INVALID_VALUE, SEND_EOF]

    def test_a_response_comes_on_another_context(self) -> None:
        """It answers nothing: where one operation is outstanding it ends the association, else it is passed over."""
        for window, expected in (None, [ProtocolViolated, Aborted]), ((5, 5), [Tolerated]):
            pair = associated(window=window)
            pair.requestor.send(echo(1))
            pair.pump()
            pair.requestor.feed(sent_by_peer(echo(1).respond(Status.SUCCESS), context_id=CT))
            assert kinds(pair.requestor.take()) == expected
            assert bool(pair.requestor.endpoint.operations.invoked) == (window is not None)

    def test_a_request_is_refused_again_once_the_refusal_has_left(self) -> None:
        """Each is answered, one at a time, and the refusal is told as sent like everything else."""
        pair = associated()
        pair.acceptor.feed(sent_by_peer(echo(5)))
        for times in 1, 2, 3:
            pair.acceptor.feed(sent_by_peer(echo(5)))
            pair.pump()
            assert pair.acceptor.outgoing.written.count(REFUSED) == times
            assert [(sent.pdu_type, sent.ticket) for sent in pair.acceptor.sent] == [(PduType.P_DATA_TF, None)] * times
        assert kinds(pair.acceptor.take()) == [MessageBegun]

    @pytest.mark.parametrize("message_id", [5, 6])
    @pytest.mark.parametrize("taken", [False, True])
    def test_a_peer_that_does_not_read_refusals_fills_nothing(self, taken: bool, message_id: int) -> None:
        """The second one ends the association while the first has not left, even if the shell has it already."""
        pair = associated(window=(5, 5))
        acceptor = pair.acceptor
        acceptor.feed(sent_by_peer(echo(5)) + sent_by_peer(echo(6)))
        acceptor.take()
        acceptor.feed(sent_by_peer(echo(5)))
        if taken:
            (refusal,) = acceptor.endpoint.data_to_send()
            acceptor.endpoint.sent(len(refusal) - 1, pair.now)
        acceptor.feed(sent_by_peer(echo(message_id)) * 1000)
        assert kinds(acceptor.take()) == [ProtocolViolated, Aborted]
        assert acceptor.endpoint.data_to_send() == [ABORT_UNEXPECTED_PARAMETER, SEND_EOF]

    def test_answers_to_unknown_commands_that_leave_are_no_burden(self) -> None:
        """However many are asked and answered, and each is told as sent with the ticket that was given."""
        pair = associated()
        for number in range(100):
            pair.acceptor.feed(unknown(number))
            ((begun, _),) = pair.acceptor.messages()
            pair.acceptor.take()
            assert isinstance(begun, UnknownCommand)
            pair.acceptor.endpoint.send(ECHO, begun.respond(), pair.now, ticket=number)
            pair.pump()
        assert [sent.ticket for sent in pair.acceptor.sent] == list(range(100))
        assert pair.acceptor.state is State.ASSOCIATED

    def test_a_peer_that_asks_for_the_unknown_and_does_not_read_fills_nothing(self) -> None:
        """Sixteen answers more than one may wait for it; then the association ends, and they with it."""
        pair = associated()
        acceptor = pair.acceptor
        for number in range(17):
            acceptor.feed(unknown(number))
            ((begun, _),) = acceptor.messages()
            acceptor.take()
            assert isinstance(begun, UnknownCommand)
            acceptor.endpoint.send(ECHO, begun.respond(), pair.now)
        acceptor.feed(unknown(17))
        assert kinds(acceptor.take()) == [ProtocolViolated, Aborted]
        assert acceptor.endpoint.data_to_send() == [ABORT_UNEXPECTED_PARAMETER, SEND_EOF]

    def test_a_request_with_an_outstanding_id_is_refused(self) -> None:
        """0210, at once and without anybody being asked; the first one is answered as if nothing had been."""
        pair = associated()
        pair.requestor.send(store(5), b"first!", context_id=CT)
        pair.pump()
        again = encoded(store(5), has_data_set=True)
        pair.acceptor.feed(command_pdus(CT, again, 16384) + data_pdus(CT, DATA, 1000))
        pair.acceptor.feed(command_pdus(ECHO, encoded(echo(6)), 16384))
        assert [(type(c), d) for c, d in pair.acceptor.messages()] == [(CStoreRequest, b"first!"), (CEchoRequest, None)]
        pair.pump()
        ((refusal, _),) = pair.requestor.messages()
        assert isinstance(refusal, CStoreResponse)
        assert (refusal.message_id_being_responded_to, refusal.status) == (5, Status.DUPLICATE_INVOCATION)
        assert set(pair.acceptor.endpoint.operations.performing) == {5, 6}

    def test_a_duplicate_cannot_be_refused_any_more(self) -> None:
        """In Sta7 nothing may be sent, so it is passed over, and nothing is raised."""
        pair = associated()
        pair.requestor.release()
        command = command_pdus(ECHO, encoded(echo(5)), 16384)
        pair.requestor.feed(command + command)
        assert kinds(pair.requestor.take()) == [MessageBegun]
        assert pair.requestor.state is State.AWAITING_RELEASE_REPLY

    def test_a_cancel_marks_its_request(self) -> None:
        """It is told too, since the handler may be waiting; one for a request that is over marks nothing."""
        pair = associated()
        pair.requestor.send(find(5), b"keys", context_id=FIND)
        pair.pump()
        performing = pair.acceptor.endpoint.operations.performing[5]
        for message_id, cancelled in (6, False), (5, True):
            pair.requestor.send(CCancelRequest(message_id_being_responded_to=message_id), context_id=FIND)
            pair.pump()
            assert performing.cancelled == cancelled
        assert [type(c) for c, _ in pair.acceptor.messages()] == [CFindRequest, CCancelRequest, CCancelRequest]
        pair.acceptor.send(find(5).respond(Status.CANCEL), context_id=FIND)
        pair.pump()
        assert [type(c) for c, _ in pair.requestor.messages()] == [CFindResponse]
        assert not pair.requestor.endpoint.operations
        assert not pair.acceptor.endpoint.operations


class TestResponseTimeouts:
    TIMES = Timeouts(response=60.0, store_response=300.0, retrieve_response=1800.0, idle=None, stall=None)

    @pytest.mark.parametrize(
        ("request_", "context_id", "seconds"),
        [
            (echo(1), ECHO, 60.0),
            (find(1), FIND, 60.0),
            (store(1), CT, 300.0),
            (get(1), GET, 1800.0),
            (move(1), MOVE, 1800.0),
        ],
    )
    def test_a_response_does_not_come(self, request_: Request, context_id: int, seconds: float) -> None:
        """Each kind is waited for as long as it is due, then the association is aborted, and why is told."""
        pair = associated(timeouts=self.TIMES)
        pair.requestor.send(request_, None if context_id == ECHO else b"data", context_id=context_id)
        pair.pump()
        assert pair.requestor.endpoint.deadline == pair.now + seconds
        pair.advance(seconds - 0.001)
        assert pair.requestor.take() == []
        pair.advance(0.001)
        (timed_out, *_) = pair.requestor.take()
        assert timed_out == TimedOut(f"the response to {request_.name} 1", seconds)
        assert Aborted(0, 0, by_peer=True) in pair.acceptor.take()
        assert not pair.requestor.endpoint.operations

    def test_time_runs_when_the_request_has_left(self) -> None:
        """A large data set on a slow link is not the peer's delay."""
        pair = associated(timeouts=self.TIMES, buffer_size=1 * KIB, max_pdu_length=512)
        pair.requestor.buffers_per_pump = 1
        pair.requestor.send(store(1), MemoryBody(DATA), context_id=CT)
        while not pair.requestor.sent:
            assert pair.requestor.endpoint.deadline is None
            pair.pump()
            pair.now += 100.0
        assert pair.requestor.endpoint.deadline == pair.now - 100.0 + 300.0

    def test_each_match_begins_the_time_anew(self) -> None:
        """A C-FIND may take as long as it keeps answering."""
        pair = associated(timeouts=self.TIMES)
        pair.requestor.send(find(1), b"keys", context_id=FIND)
        for _ in range(10):
            pair.advance(59.0)
            pair.acceptor.send(find(1).respond(Status.PENDING), b"match!", context_id=FIND)
        pair.pump()
        assert pair.requestor.state is State.ASSOCIATED
        assert pair.requestor.endpoint.deadline == pair.now + 60.0

    def test_a_retrieval_lives_while_instances_come(self) -> None:
        """C-GET need not answer while its sub-operations run; one instance that takes for ever is a sign of life too."""
        pair = associated(timeouts=self.TIMES)
        pair.requestor.send(get(1), b"keys", context_id=GET)
        for message_id in range(1, 4):
            pair.advance(1799.0)
            pair.acceptor.send(store(message_id), b"instance", context_id=CT)
            pair.pump()
            answer_all(pair.requestor)
        pair.pump()
        pair.requestor.feed(command_pdus(CT, encoded(store(9), has_data_set=True), 16384))
        for _ in range(3):
            pair.advance(1799.0)
            pair.requestor.feed(p_data(pdv(bytes(2000), CT)))
        assert pair.requestor.state is State.ASSOCIATED
        pair.advance(1800.0)
        assert TimedOut("the response to C-GET-RQ 1", 1800.0) in pair.requestor.events

    def test_we_did_not_read(self) -> None:
        """Then the answer may have come in time, and is not blamed on the peer."""
        pair = associated(timeouts=self.TIMES)
        pair.requestor.send(echo(1))
        pair.pump()
        pair.advance(30.0)
        pair.requestor.pause_reading()
        answer_all(pair.acceptor)
        pair.advance(1000.0)
        assert pair.requestor.state is State.ASSOCIATED
        pair.requestor.resume_reading()
        assert pair.requestor.endpoint.deadline == pair.now + 30.0
        pair.advance(1.0)
        assert [type(c) for c, _ in pair.requestor.messages()] == [CEchoResponse]

    def test_we_did_not_read_when_the_request_left(self) -> None:
        """The part of the pause before that has cost the peer nothing."""
        pair = associated(timeouts=self.TIMES)
        pair.requestor.pause_reading()
        pair.advance(30.0)
        pair.requestor.send(echo(1))
        pair.pump()
        pair.advance(10.0)
        pair.requestor.resume_reading()
        assert pair.requestor.endpoint.deadline == pair.now + 60.0

    @pytest.mark.parametrize(("response", "stall", "what"), [(5.0, 9.0, "the response"), (9.0, 5.0, "the rest")])
    def test_whatever_is_due_first(self, response: float, stall: float, what: str) -> None:
        """A response that is owed and a message that stalls are waited for at the same time."""
        pair = associated(timeouts=Timeouts(response=response, stall=stall))
        pair.requestor.send(echo(1))
        pair.pump()
        pair.requestor.feed(command_pdus(ECHO, encoded(echo(1)), 16384)[:20])
        assert pair.requestor.endpoint.deadline == pair.now + 5.0
        pair.advance(5.0)
        (timed_out, *_) = pair.requestor.take()
        assert isinstance(timed_out, TimedOut)
        assert timed_out.waiting_for.startswith(what)

    def test_the_end_ends_the_waiting(self) -> None:
        """After an abort of ours nothing is due but the close."""
        pair = associated(timeouts=Timeouts(response=1.0, artim=10.0))
        pair.requestor.send(echo(1))
        pair.pump()
        pair.requestor.abort()
        assert pair.requestor.endpoint.deadline == pair.now + 10.0
        assert not pair.requestor.endpoint.operations


class TestEstablishment:
    def test_an_acceptor_rejects(self) -> None:
        """The requestor learns why, and closes; the acceptor waits for that."""
        pair = Pair()
        pair.connect()
        pair.requestor.associate(proposal())
        pair.pump()
        pair.acceptor.reject(AssociateReject(2, 3, 1))
        assert pair.acceptor.state is State.AWAITING_CLOSE
        pair.pump()
        assert pair.requestor.take() == [AssociateRejected(2, 3, 1)]
        assert all(side.closed and side.endpoint.deadline is None for side in pair.sides)

    def test_a_listener_is_full(self) -> None:
        """It refuses without asking anybody."""
        pair = Pair(refuse=AssociateReject(2, 3, 2))
        pair.connect()
        pair.requestor.associate(proposal())
        pair.pump()
        assert pair.requestor.take() == [AssociateRejected(2, 3, 2)]
        assert AssociateRequested not in kinds(pair.acceptor.take())

    def test_a_requestor_gives_up(self) -> None:
        """An abort before the answer ends it for both."""
        pair = Pair()
        pair.connect()
        pair.requestor.associate(proposal())
        pair.pump()
        pair.acceptor.take()
        pair.requestor.abort()
        pair.pump()
        assert pair.acceptor.take() == [Aborted(0, 0, by_peer=True)]
        with pytest.raises(StateError):
            pair.acceptor.reject(AssociateReject(1, 1, 1))


class TestRelease:
    def test_a_release(self) -> None:
        """Asked, answered, confirmed; the acceptor sees the requestor close."""
        pair = associated()
        pair.requestor.release()
        pair.pump()
        assert pair.acceptor.take() == [ReleaseRequested(collision=False)]
        pair.acceptor.answer_release()
        pair.pump()
        assert pair.requestor.take() == [ReleaseConfirmed()]
        assert pair.acceptor.take() == [TransportClosed(expected=True)]
        assert all(side.closed and side.state is State.IDLE for side in pair.sides)
        assert [side.endpoint.deadline for side in pair.sides] == [None, None]

    def test_a_release_waits_for_our_own_requests(self) -> None:
        """PS3.7 A.5: not while operations are outstanding, those that are still held included."""
        pair = associated()
        pair.requestor.send(echo(1))
        pair.requestor.send(echo(2))
        pair.requestor.release()
        for held_back in (2, 1):
            pair.pump()
            assert pair.requestor.state is State.ASSOCIATED
            assert pair.requestor.endpoint.held_back == held_back
            assert len(answer_all(pair.acceptor)) == 1
        pair.pump()
        assert pair.requestor.state is State.AWAITING_RELEASE_REPLY
        assert pair.requestor.endpoint.held_back == 0
        assert kinds(pair.acceptor.take()) == [ReleaseRequested]

    def test_a_release_cannot_be_asked_for_once_the_peer_has(self) -> None:
        """Also while our own request is unanswered: it would never be asked for, and nobody told."""
        pair = associated()
        pair.requestor.send(echo(1))
        pair.requestor.feed(RELEASE_RQ)
        with pytest.raises(StateError):
            pair.requestor.release()

    def test_a_release_does_not_wait_for_the_peer(self) -> None:
        """Its requests are its own affair."""
        pair = associated()
        pair.acceptor.send(echo(1))
        pair.pump()
        pair.requestor.release()
        assert pair.requestor.state is State.AWAITING_RELEASE_REPLY

    def test_nothing_is_sent_after_asking_for_release(self) -> None:
        """It is refused before anything is entered."""
        pair = associated()
        pair.requestor.release()
        body = MemoryBody(b"data")
        for request, data, context_id in (echo(1), None, ECHO), (store(1), body, CT):
            with pytest.raises(StateError, match="release"):
                pair.requestor.send(request, data, context_id=context_id)
        assert not pair.requestor.endpoint.operations
        assert body.closed == 0

    def test_after_asking_for_a_held_release_no_request_follows(self) -> None:
        """It would put the release off for ever; what ends operations still goes."""
        pair = associated(window=(5, 5))
        pair.acceptor.send(echo(9))
        pair.requestor.send(find(1), b"keys", context_id=FIND)
        pair.pump()
        pair.requestor.release()
        assert pair.requestor.state is State.ASSOCIATED
        body = MemoryBody(b"data")
        with pytest.raises(StateError, match="after the request to release"):
            pair.requestor.send(store(2), body, context_id=CT)
        assert body.closed == 0
        pair.requestor.send(CCancelRequest(message_id_being_responded_to=1), context_id=FIND)
        pair.requestor.send(echo(9).respond(Status.SUCCESS))
        pair.pump()
        assert [type(c) for c, _ in pair.acceptor.messages()] == [CFindRequest, CCancelRequest, CEchoResponse]
        pair.acceptor.send(find(1).respond(Status.CANCEL), context_id=FIND)
        pair.pump()
        assert pair.requestor.state is State.AWAITING_RELEASE_REPLY

    @pytest.mark.parametrize("ours", [False, True])
    @pytest.mark.parametrize("cut", [1, 2, 3])
    @pytest.mark.parametrize("at_once", [False, True])
    def test_a_release_comes_in_the_middle_of_a_message(self, ours: bool, cut: int, at_once: bool) -> None:
        """Whether the peer is done nobody can tell then, so it is no release but a violation."""
        pair = associated()
        if ours:
            pair.acceptor.release()
            pair.pump()
        command = encoded(store(1), has_data_set=True)
        pieces = [
            pdv(command[:20], CT, COMMAND),
            pdv(command[20:], CT, COMMAND | LAST),
            pdv(b"da", CT),
            pdv(b"ta", CT, LAST),
        ]
        half = p_data(*pieces[:cut])
        for stream in [half + RELEASE_RQ] if at_once else [half, RELEASE_RQ]:
            pair.acceptor.feed(stream)
        ends = [event for event in pair.acceptor.take() if not isinstance(event, MessageBegun | DataReceived)]
        assert kinds(ends) == [ProtocolViolated, Aborted]
        assert pair.acceptor.endpoint.data_to_send() == [ABORT_UNEXPECTED_PDU, SEND_EOF]
        assert pair.acceptor.state is State.AWAITING_CLOSE

    def test_what_follows_a_release_in_the_middle_of_a_message_does_not_count(self) -> None:
        """What is wrong is told once, and the end too, though more was read by then."""
        pair = associated()
        half = p_data(pdv(encoded(store(1), has_data_set=True), CT, COMMAND | LAST))
        pair.acceptor.feed(half + RELEASE_RQ + sent_by_peer(echo(2)))
        assert kinds(pair.acceptor.take()) == [MessageBegun, ProtocolViolated, Aborted]
        assert pair.acceptor.endpoint.data_to_send() == [ABORT_UNEXPECTED_PDU, SEND_EOF]

    def test_the_peer_releases_while_ours_is_held(self) -> None:
        """With the last response comes its A-RELEASE-RQ: ours is not needed any more, and nothing is raised."""
        pair = associated()
        pair.requestor.send(echo(1))
        pair.requestor.release()
        pair.pump()
        answer_all(pair.acceptor)
        pair.acceptor.release()
        pair.pump()
        assert kinds(pair.requestor.take()) == [MessageBegun, ReleaseRequested]
        assert pair.requestor.state is State.AWAITING_LOCAL_RELEASE
        pair.requestor.answer_release()
        pair.pump()
        assert pair.acceptor.take() == [ReleaseConfirmed()]

    def test_the_peer_releases_while_requests_are_held(self) -> None:
        """They could not be answered any more, so they are not sent; with the association they end."""
        pair = associated()
        body = MemoryBody(DATA)
        pair.requestor.send(echo(1))
        pair.requestor.send(store(2), body, context_id=CT)
        pair.pump()
        answer_all(pair.acceptor)
        pair.acceptor.release()
        pair.pump()
        assert pair.acceptor.messages() == []
        assert body.closed == 0
        pair.requestor.answer_release()
        assert body.closed == 1
        assert not pair.requestor.endpoint.operations
        with pytest.raises(StateError):
            pair.requestor.send(echo(3))

    def test_data_come_after_our_release(self) -> None:
        """AR-6: what the peer sent before it knew is handed on."""
        pair = associated(latency=1.0)
        pair.acceptor.send(store(1), DATA, context_id=CT)
        pair.requestor.release()
        pair.pass_quickly()
        assert pair.requestor.messages() == [(store(1), DATA)]
        with pytest.raises(StateError):
            pair.requestor.send(store(1).respond(0), context_id=CT)

    def test_data_come_after_our_answer(self) -> None:
        """In Sta8 the peer has said that it is done: more data are a violation."""
        pair = associated()
        pair.acceptor.feed(RELEASE_RQ + command_pdus(ECHO, encoded(echo(1)), 16384))
        assert kinds(pair.acceptor.take()) == [ReleaseRequested, ProtocolViolated, Aborted]
        assert pair.acceptor.endpoint.data_to_send() == [ABORT_UNEXPECTED_PDU, SEND_EOF]

    def test_data_are_sent_although_the_peer_asks_for_release(self) -> None:
        """AR-7: an answer that was still owed may go before the reply."""
        pair = associated()
        pair.requestor.send(echo(1))
        pair.pump()
        pair.requestor.endpoint.connection.release(pair.now)  # a peer that does not wait for its answer
        pair.pump()
        answer_all(pair.acceptor)
        pair.acceptor.answer_release()
        pair.pump()
        assert kinds(pair.requestor.take()) == [MessageBegun, ReleaseConfirmed]

    @pytest.mark.parametrize("latency", [0.0, 1.0])
    def test_both_sides_ask_at_once(self, latency: float) -> None:
        """PS3.8 7.2.2.7: the requestor's answer goes first, the acceptor's after it was answered; both end in order."""
        pair = associated(latency=latency)
        for side in pair.sides:
            side.release()
        pair.pass_quickly()
        assert [side.take() for side in pair.sides] == [[ReleaseRequested(collision=True)]] * 2
        assert pair.requestor.state is State.COLLISION_REQUESTOR_LOCAL
        assert pair.acceptor.state is State.COLLISION_ACCEPTOR_REPLY
        pair.requestor.answer_release()
        pair.pass_quickly()
        assert pair.requestor.state is State.COLLISION_REQUESTOR_REPLY
        assert pair.acceptor.take() == [ReleaseConfirmed()]
        assert pair.acceptor.state is State.COLLISION_ACCEPTOR_LOCAL
        pair.acceptor.answer_release()
        pair.pass_quickly()
        assert pair.requestor.take() == [ReleaseConfirmed()]
        assert pair.acceptor.take() == [TransportClosed(expected=True)]
        assert all(side.closed and side.endpoint.deadline is None for side in pair.sides)

    @pytest.mark.parametrize("latency", [0.0, 1.0])
    def test_an_acceptor_answers_before_its_turn(self, latency: float) -> None:
        """Nothing leaves before it was answered itself, and then its answer does, without being asked again."""
        pair = associated(latency=latency)
        for side in pair.sides:
            side.release()
        pair.pass_quickly()
        for side in pair.sides:
            side.take()
        written = len(pair.acceptor.outgoing.written)
        pair.acceptor.answer_release()
        pair.pass_quickly()
        assert pair.acceptor.state is State.COLLISION_ACCEPTOR_REPLY
        assert len(pair.acceptor.outgoing.written) == written
        pair.requestor.answer_release()
        pair.pass_quickly()
        assert pair.requestor.take() == [ReleaseConfirmed()]
        assert pair.acceptor.take() == [ReleaseConfirmed(), TransportClosed(expected=True)]
        assert all(side.closed and side.endpoint.deadline is None for side in pair.sides)

    def test_a_collision_is_never_answered(self) -> None:
        """Each side waits as long for the reply as it would have without."""
        pair = associated(timeouts=Timeouts(release=13.0))
        for side in pair.sides:
            side.release()
        pair.pump()
        assert [side.endpoint.deadline for side in pair.sides] == [pair.now + 13.0] * 2
        pair.advance(14.0)
        for side in pair.sides:
            assert TimedOut("the answer to the release request", 13.0) in side.events
            assert side.closed or side.state is State.AWAITING_CLOSE

    def test_a_release_that_is_held_ends_with_the_association(self) -> None:
        """It does not come back."""
        pair = associated()
        pair.requestor.send(echo(1))
        pair.requestor.release()
        pair.pump()
        pair.acceptor.abort()
        pair.pump()
        assert kinds(pair.requestor.take()) == [Aborted]
        with pytest.raises(StateError):
            pair.requestor.release()


class TestEarlyFailure:
    """PS3.7 9.3.1.3: a C-STORE refused before it was there."""

    def half_sent(self) -> tuple[Pair, MemoryBody]:
        pair = associated(buffer_size=1 * KIB, max_pdu_length=256)
        pair.requestor.buffers_per_pump = 1
        body = MemoryBody(DATA)
        pair.requestor.send(store(1), body, context_id=CT, ticket="refused")
        for _ in range(4):
            pair.pump()
        assert 0 < body.position < len(DATA)
        return pair, body

    def go_on(self, pair: Pair) -> None:
        pair.requestor.buffers_per_pump = None
        pair.pump()

    def test_a_refused_message_is_cut_short(self) -> None:
        """It ends with its next fragment, is told as sent with the length it came to, and the next message is whole."""
        pair, body = self.half_sent()
        pair.acceptor.send(store(1).respond(Status.OUT_OF_RESOURCES), context_id=CT)
        pair.pump()
        pair.pump()
        assert [type(c) for c, _ in pair.requestor.messages()] == [CStoreResponse]
        at = len(pair.requestor.outgoing.written)
        self.go_on(pair)
        assert len(pair.requestor.outgoing.written) - at < 300
        ((command, data),) = pair.acceptor.messages()
        assert command == store(1)
        assert data is not None
        assert len(data) < len(DATA)
        assert DATA.startswith(data)
        assert body.closed == 1
        (sent,) = pair.requestor.sent
        assert sent.ticket == "refused"
        assert sent.length < len(DATA)
        pair.requestor.send(store(1), MemoryBody(DATA), context_id=CT, ticket="again")
        pair.pump()
        assert pair.acceptor.messages()[1:] == [(store(1), DATA)]
        assert [sent.ticket for sent in pair.requestor.sent] == ["refused", "again"]
        assert not pair.requestor.endpoint.connection.mid_pdu

    def test_a_request_that_waited_follows_the_cut_one(self) -> None:
        """The place in the window is free, but the wire is not before the message has ended."""
        pair, _ = self.half_sent()
        pair.requestor.send(echo(2), ticket="next")
        pair.acceptor.send(store(1).respond(Status.OUT_OF_RESOURCES), context_id=CT)
        pair.pump()
        pair.pump()
        self.go_on(pair)
        assert [type(c) for c, _ in pair.acceptor.messages()] == [CStoreRequest, CEchoRequest]
        assert [sent.ticket for sent in pair.requestor.sent] == ["refused", "next"]

    @pytest.mark.parametrize("status", [Status.SUCCESS, Status.COERCION])
    def test_a_success_that_comes_early_cuts_nothing(self, status: int) -> None:
        """Somebody who claims to have stored what it has not seen gets the rest, not half an instance."""
        pair, body = self.half_sent()
        pair.acceptor.send(store(1).respond(status), context_id=CT)
        pair.pump()
        self.go_on(pair)
        assert pair.acceptor.messages() == [(store(1), DATA)]
        assert body.closed == 1

    def test_a_failure_and_an_abort_come_together(self) -> None:
        """There is nothing left to cut, and nothing is raised."""
        pair, body = self.half_sent()
        refusal = encoded(store(1).respond(Status.OUT_OF_RESOURCES))
        pair.requestor.feed(command_pdus(CT, refusal, 16384) + ABORT_BY_USER)
        assert kinds(pair.requestor.take()) == [MessageBegun, Aborted]
        self.go_on(pair)
        assert body.closed == 1


ENDS: dict[str, Callable[[Pair], None]] = {
    "we abort": lambda pair: pair.requestor.abort(),
    "the peer aborts": lambda pair: pair.requestor.feed(ABORT_BY_USER),
    "the peer talks nonsense": lambda pair: pair.requestor.feed(b"\xff"),
    "the peer sends data without a command": lambda pair: pair.requestor.feed(p_data(pdv(b"data", CT, LAST))),
    "the transport breaks": lambda pair: pair.requestor.feed(b""),
    "we close": lambda pair: pair.requestor.endpoint.close(),
    "a response is overdue": lambda pair: pair.advance(1000.0),
}


class TestEnds:
    @pytest.mark.parametrize("end", ENDS)
    def test_the_end_comes_in_the_middle_of_a_data_set(self, end: str) -> None:
        """Every operation ends, no deadline but ARTIM is left, and every body is closed, each of them once."""
        pair = associated(
            window=(3, 3),
            buffer_size=1 * KIB,
            max_pdu_length=256,
            timeouts=Timeouts(response=100.0, artim=7.0),
            acceptor_timeouts=Timeouts(idle=None, stall=None),
        )
        requestor = pair.requestor
        bodies = [MemoryBody(DATA) for _ in range(4)]
        requestor.send(echo(9))
        pair.pump()
        requestor.buffers_per_pump = 1
        for message_id, body in enumerate(bodies, 1):
            requestor.send(store(message_id), body, context_id=CT)
        for _ in range(5):
            pair.pump()
        on_its_way, *others = bodies
        assert 0 < on_its_way.position < len(DATA)
        assert [body.closed for body in bodies] == [0, 0, 0, 0]
        position = on_its_way.position
        if end == "a response is overdue":
            requestor.outgoing.blocked = True
        ENDS[end](pair)
        requestor.outgoing.blocked = False
        requestor.buffers_per_pump = None
        pair.pump()
        assert [body.closed for body in bodies] == [1, 1, 1, 1]
        assert on_its_way.position == position
        assert [body.position for body in others] == [0, 0, 0]
        assert not requestor.endpoint.operations
        assert not requestor.endpoint.is_associated
        assert requestor.endpoint.deadline in (None, pair.now + 7.0)
        pair.advance(10.0)
        assert requestor.endpoint.deadline is None
        assert requestor.closed

    def test_an_abort_follows_a_whole_pdu(self) -> None:
        """The peer can read everything up to the A-ABORT, though the message before it is half a message."""
        pair = associated(buffer_size=1 * KIB, max_pdu_length=256)
        pair.requestor.buffers_per_pump = 1
        pair.requestor.send(store(1), MemoryBody(DATA), context_id=CT)
        for _ in range(4):
            pair.pump()
        pair.requestor.abort()
        pair.requestor.buffers_per_pump = None
        pair.pump()
        events = pair.acceptor.take()
        assert kinds(events)[0] is MessageBegun
        assert [e for e in events if not isinstance(e, MessageBegun | DataReceived)] == [Aborted(0, 0, by_peer=True)]
        assert whole_messages(events) == []
        assert pair.acceptor.closed
        assert pair.requestor.closed

    def test_an_abort_has_left_once_the_bytes_before_it_have(self) -> None:
        """What a shell laid out and will not write it forgets; the rest of it goes before the A-ABORT."""
        pair = associated(max_pdu_length=256)
        endpoint = pair.requestor.endpoint
        endpoint.send(CT, store(1), pair.now, MemoryBody(DATA))
        (message,) = endpoint.data_to_send()
        assert isinstance(message, OutgoingMessage)
        written, _ = message.lay_out(memoryview(bytearray(1024)))
        never, _ = message.lay_out(memoryview(bytearray(512)))
        endpoint.abort(pair.now)
        endpoint.forget(never)
        assert endpoint.data_to_send() == [ABORT_BY_USER, SEND_EOF]
        assert endpoint.sent(written + 9, pair.now) == []
        assert endpoint.sent(1, pair.now) == [Sent(PduType.ABORT, 10)]

    @pytest.mark.parametrize("answered", [False, True])
    def test_a_body_that_is_out_is_let_go(self, answered: bool) -> None:
        """An association that lives for hours after it holds nothing of it, even while the response is awaited."""
        pair = associated(buffer_size=1 * KIB, max_pdu_length=256)
        body = MemoryBody(DATA)
        gone = weakref.ref(body)
        pair.requestor.send(store(1), body, context_id=CT)
        del body
        assert gone() is not None
        pair.pump()
        if answered:
            answer_all(pair.acceptor)
            pair.pump()
        assert gone() is None

    def test_a_response_and_an_abort_come_together(self) -> None:
        """The response is told, the request that waited for its place is not sent, and nothing is raised."""
        pair = associated()
        pair.requestor.send(echo(1))
        body = MemoryBody(DATA)
        pair.requestor.send(store(2), body, context_id=CT)
        pair.pump()
        response = command_pdus(ECHO, encoded(echo(1).respond(0)), 16384)
        pair.requestor.feed(response + ABORT_BY_USER)
        assert kinds(pair.requestor.take()) == [MessageBegun, Aborted]
        assert body.closed == 1

    @pytest.mark.parametrize("state", ["released", "aborted"])
    def test_an_abort_comes_where_it_is_over(self, state: str) -> None:
        """An A-ABORT in Sta13 says nothing to anybody, but what was outstanding is over too."""
        pair = associated(timeouts=Timeouts(idle=None))
        pair.acceptor.send(echo(1))
        pair.pump()
        if state == "released":
            pair.acceptor.feed(RELEASE_RQ)
            pair.acceptor.answer_release()
        else:
            pair.acceptor.abort()
        pair.acceptor.take()
        pair.acceptor.feed(ABORT_BY_USER)
        assert pair.acceptor.take() == []
        assert not pair.acceptor.endpoint.operations
        assert pair.acceptor.endpoint.deadline is None

    def test_the_transport_breaks_in_the_middle_of_work(self) -> None:
        """What was broken off is told: an operation, a message, or nothing."""
        idle, working, receiving = associated(), associated(), associated()
        working.requestor.send(echo(1))
        working.pump()
        receiving.acceptor.feed(command_pdus(CT, encoded(store(1), has_data_set=True), 16384))
        for pair, broken_off in (idle, ""), (working, "an operation"), (receiving, "a message"):
            pair.acceptor.take()
            pair.acceptor.feed(b"")
            assert pair.acceptor.take() == [TransportClosed(expected=False, interrupted=broken_off)]

    def test_the_peer_takes_nothing_any_more(self) -> None:
        """A send that stalls ends the association, though no response is due yet."""
        pair = associated(timeouts=Timeouts(stall=60.0), buffer_size=1 * KIB, max_pdu_length=256)
        pair.requestor.outgoing.blocked = True
        body = MemoryBody(DATA)
        pair.requestor.send(store(1), body, context_id=CT)
        pair.advance(60.0)
        assert TimedOut("the peer to take what we send", 60.0) in pair.requestor.events
        pair.advance(10.0)
        assert pair.requestor.state is State.IDLE
        assert pair.requestor.endpoint.deadline is None
        assert body.closed == 1

    def test_a_cable_is_pulled(self) -> None:
        """Nobody is told, and yet both sides come to an end."""
        pair = associated()
        for side in pair.sides:
            pair.fall_silent(side)
        pair.requestor.send(echo(1))
        pair.advance(3600.0)
        assert all(side.closed for side in pair.sides)
        assert TimedOut("the response to C-ECHO-RQ 1", 60.0) in pair.requestor.events
        assert TimedOut("any activity", 900.0) in pair.acceptor.events


class TestLog:
    """What the debug log tells, from the moment somebody asks for it."""

    @staticmethod
    def lines(caplog: pytest.LogCaptureFixture) -> list[str]:
        """One-line entries of what was sent."""
        messages = [record.getMessage().strip() for record in caplog.records if record.name == "dicomnet.dimse"]
        caplog.clear()
        return [message for message in messages if message.startswith("> A-")]

    def test_a_release_is_told(self, caplog: pytest.LogCaptureFixture) -> None:
        """When it leaves, not when it is asked for; and so is its answer."""
        pair = associated()
        caplog.set_level(logging.DEBUG, logger="dicomnet.dimse")
        pair.requestor.send(echo(1))
        pair.requestor.release()
        pair.pump()
        assert self.lines(caplog) == []
        answer_all(pair.acceptor)
        pair.pump()
        assert self.lines(caplog) == ["> A-RELEASE-RQ"]
        pair.acceptor.answer_release()
        assert self.lines(caplog) == ["> A-RELEASE-RP"]

    def test_an_answer_before_its_turn_is_told_when_it_leaves(self, caplog: pytest.LogCaptureFixture) -> None:
        """In a collision that is later."""
        pair = associated()
        for side in pair.sides:
            side.release()
        pair.pump()
        caplog.set_level(logging.DEBUG, logger="dicomnet.dimse")
        pair.acceptor.answer_release()
        assert self.lines(caplog) == []
        pair.requestor.answer_release()
        pair.pump()
        assert self.lines(caplog) == ["> A-RELEASE-RP"] * 2

    def test_an_abort_is_told(self, caplog: pytest.LogCaptureFixture) -> None:
        """With its source and reason; an abort where none can be sent is not told as one."""
        caplog.set_level(logging.DEBUG, logger="dicomnet.dimse")
        pair = associated()
        caplog.clear()
        pair.requestor.endpoint.abort(pair.now, 2, 6)
        assert self.lines(caplog) == ["> A-ABORT 2/6"]
        pair.requestor.abort()
        unconnected = Pair().requestor
        unconnected.associate(proposal())
        caplog.clear()
        unconnected.abort()
        assert self.lines(caplog) == []

    def test_what_was_asked_for_and_answered_is_told_on_both_sides(self, caplog: pytest.LogCaptureFixture) -> None:
        """Requests and acceptances as they are; a rejection has but three numbers."""
        caplog.set_level(logging.DEBUG, logger="dicomnet.dimse")
        request = proposal()
        for accepted in True, False:
            pair = Pair()
            pair.connect()
            caplog.clear()
            pair.requestor.associate(request)
            pair.pump()
            if accepted:
                answer = negotiate(request, Policy())
                assert isinstance(answer, AssociateAccept)
                pair.acceptor.accept(answer)
            else:
                pair.acceptor.reject(AssociateReject(1, 1, 3))
            pair.pump()
            told = [record.getMessage().split(" ", 2)[1:] for record in caplog.records]
            assert [sign for sign, _ in told[:4]] == [">", "<", ">", "<"]
            assert ["A-ASSOCIATE-RQ" in what for _, what in told[:4]] == [True, True, False, False]
            kind = "A-ASSOCIATE-AC" if accepted else "AssociateReject"
            assert [kind in what for _, what in told[:4]] == [False, False, True, True]

    def test_the_log_is_switched_on_later(self, caplog: pytest.LogCaptureFixture) -> None:
        """An association that stands by then tells its messages all the same."""
        pair = associated()
        caplog.set_level(logging.DEBUG, logger="dicomnet.dimse")
        pair.requestor.send(echo(1))
        pair.pump()
        signs = [record.getMessage().strip()[0] for record in caplog.records if "C-ECHO-RQ" in record.getMessage()]
        assert signs == [">", "<"]


OVER = (Aborted, ReleaseConfirmed, TransportClosed)
WAITING_FOR_THE_PEER = {
    State.AWAITING_REQUEST,
    State.AWAITING_ANSWER,
    State.AWAITING_RELEASE_REPLY,
    State.COLLISION_ACCEPTOR_REPLY,
    State.COLLISION_REQUESTOR_REPLY,
    State.AWAITING_CLOSE,
}


class Script:
    """Random actions of both sides of a pair, and what must hold whatever they do."""

    def __init__(self, draw: Callable[[st.SearchStrategy[Any]], Any]) -> None:
        self.draw = draw
        window = draw(st.sampled_from([None, (1, 1), (3, 2), (0, 0)]))
        self.pair = associated(
            window=window,
            max_pdu_length=draw(st.sampled_from([64, 1024])),
            buffer_size=2 * KIB,
            latency=draw(st.sampled_from([0.0, 0.3])),
            tap=draw(st.booleans()),
        )
        random = Random(draw(st.integers(0, 2**16)))
        self.bodies: list[MemoryBody] = []
        self.next_id = 0
        for side in self.pair.sides:
            if draw(st.booleans()):
                side.incoming.cut = randomly(random, 100)
            if draw(st.booleans()):
                side.buffers_per_pump = 1

    def run(self) -> None:
        for _ in range(self.draw(st.integers(1, 25))):
            side = self.draw(st.sampled_from(self.pair.sides))
            action = self.draw(st.sampled_from([*REQUESTS, *HAPPENINGS]))
            # Only a request may be refused, as coming at a bad time; what happens by itself raises nothing.
            with contextlib.suppress(*([StateError] if action in REQUESTS else [])):
                action(self, side)
            self.check()
        self.come_to_an_end()

    # What a side may do.

    def ask(self, side: Side) -> None:
        self.next_id += 1
        side.send(echo(self.next_id))

    def store(self, side: Side) -> None:
        self.next_id += 1
        data = DATA[: 2 * self.draw(st.integers(1, 2000))]
        if self.draw(st.booleans()):
            side.send(store(self.next_id), data, context_id=CT)
            return
        body = MemoryBody(data)
        side.send(store(self.next_id), body, context_id=CT)
        self.bodies.append(body)  # accepted: it is the endpoint's now

    def reuse(self, side: Side) -> None:
        side.send(echo(self.draw(st.integers(1, max(1, self.next_id)))))

    def respond(self, side: Side) -> None:
        performing = side.endpoint.operations.performing
        if performing:
            operation = performing[self.draw(st.sampled_from(sorted(performing)))]
            status = self.draw(st.sampled_from([Status.SUCCESS, Status.OUT_OF_RESOURCES, Status.COERCION]))
            side.send(operation.request.respond(status), context_id=operation.context_id)

    def respond_to_nothing(self, side: Side) -> None:
        side.send(echo(self.draw(st.integers(1, 5))).respond(Status.SUCCESS))

    def release(self, side: Side) -> None:
        side.release()

    def answer_release(self, side: Side) -> None:
        side.answer_release()

    def abort(self, side: Side) -> None:
        side.abort()

    def stop_reading(self, side: Side) -> None:
        side.pause_reading()

    def go_on_reading(self, side: Side) -> None:
        side.resume_reading()

    def block(self, side: Side) -> None:
        side.outgoing.blocked = not side.outgoing.blocked

    def pump(self, side: Side) -> None:
        self.pair.pump()

    def wait(self, side: Side) -> None:
        self.pair.advance(self.draw(st.sampled_from([0.3, 5.0, 11.0, 61.0, 301.0])))

    def break_the_wire(self, side: Side) -> None:
        self.pair.fall_silent(side)

    def corrupt(self, side: Side) -> None:
        if not side.closed:
            side.feed(self.draw(st.sampled_from([b"\xff", RELEASE_RQ, p_data(pdv(b"data", CT, LAST))])))

    # What must hold.

    def check(self) -> None:
        for side in self.pair.sides:
            endpoint = side.endpoint
            assert endpoint.state in State
            assert all(body.closed <= 1 for body in self.bodies)
            over = [n for n, event in enumerate(side.events) if isinstance(event, OVER)]
            if over:
                assert not any(isinstance(e, MessageBegun | DataReceived) for e in side.events[over[0] :])
                assert not endpoint.operations or endpoint.is_associated
            if side.closed or endpoint.connection._closed:
                assert endpoint.deadline is None
                assert not endpoint.is_associated
            elif endpoint.state in WAITING_FOR_THE_PEER and (side.reading or endpoint.state is State.AWAITING_CLOSE):
                assert endpoint.deadline is not None
            if endpoint.operations.invoked and side.reading:
                assert endpoint.deadline is not None
            if not endpoint.is_associated:
                assert not endpoint.operations

    def come_to_an_end(self) -> None:
        """Left alone, with everybody reading, every association ends and every body is closed."""
        for side in self.pair.sides:
            side.outgoing.blocked = False
            side.buffers_per_pump = None
            if not side.reading:
                side.resume_reading()
        for _ in range(10):
            self.pair.advance(1000.0)
            self.check()
            for side in self.pair.sides:
                if (
                    side.endpoint.operations.performing
                ):  # a user that has forgotten them would be waited for, so it aborts
                    side.abort()
        for side in self.pair.sides:
            assert side.closed
            assert side.endpoint.deadline is None
            assert not side.endpoint.operations
        assert [body.closed for body in self.bodies] == [1] * len(self.bodies)


REQUESTS: list[Callable[[Script, Side], None]] = [
    *[Script.ask, Script.store, Script.respond] * 3,
    Script.reuse,
    Script.respond_to_nothing,
    Script.release,
    Script.answer_release,
    Script.abort,
]
HAPPENINGS: list[Callable[[Script, Side], None]] = [
    *[Script.pump] * 3,
    Script.wait,
    Script.stop_reading,
    Script.go_on_reading,
    Script.block,
    Script.break_the_wire,
    Script.corrupt,
]


class TestScripts:
    @given(st.data())
    @settings(max_examples=300)
    def test_whatever_two_sides_do(self, draw: st.DataObject) -> None:
        """Nothing but the StateError of a request is raised, nobody waits for ever, and everything that was given is freed."""
        Script(draw.draw).run()

    @given(st.lists(st.binary(max_size=60), max_size=6), st.booleans())
    def test_whatever_a_peer_sends(self, pieces: list[bytes], tap: bool) -> None:
        """Garbage in P-DATA is answered and raises nothing."""
        pair = associated(tap=tap)
        pair.requestor.send(echo(1))
        pair.pump()
        for piece in pieces:
            pair.requestor.feed(p_data(pdv(piece, ECHO, COMMAND | LAST)))
            pair.requestor.feed(piece or b"\4")
            assert pair.requestor.endpoint.deadline is not None or not pair.requestor.endpoint.is_associated


def test_reasons_are_those_of_the_standard() -> None:
    """The bytes that the tests compare with carry the reasons they are named for."""
    assert ABORT_UNEXPECTED_PARAMETER[9] == AbortReason.UNEXPECTED_PARAMETER
    assert ABORT_UNEXPECTED_PDU[9] == AbortReason.UNEXPECTED_PDU
    assert ABORT_INVALID_VALUE[9] == AbortReason.INVALID_PARAMETER_VALUE
